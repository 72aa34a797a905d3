/* Standard output and standard error: at the reader's pace, and quiet when the reader goes away. */
import { once } from 'node:events';

/** A stream of lines whose reader may be slow, or gone (`psrp … | head`). */
export class LineOutput {
  readonly #stream: NodeJS.WriteStream;
  readonly #gone = new AbortController();

  constructor(stream: NodeJS.WriteStream) {
    this.#stream = stream;
    stream.on('error', (error: NodeJS.ErrnoException) => this.#gone.abort(error));
  }

  /** Aborted when nobody reads any more, or the disk is full; the reason is the stream's error. */
  get gone(): AbortSignal {
    return this.#gone.signal;
  }

  /** Resolves when more may be written. Does nothing once the reader is gone. */
  async write(text: string): Promise<void> {
    if (this.#gone.signal.aborted || this.#stream.write(text)) return;
    await once(this.#stream, 'drain', { signal: this.#gone.signal }).catch(() => undefined);
  }

  /** Resolves when all is handed to the system. */
  async end(): Promise<void> {
    if (this.#gone.signal.aborted) return;
    await new Promise<void>((resolve) => {
      this.#gone.signal.addEventListener('abort', () => resolve(), { once: true });
      this.#stream.write('', () => resolve());
    });
  }
}

/** Whether writing failed only because the reader closed its end: no reason to complain. */
export function isReaderGone(error: unknown): boolean {
  return error instanceof Error && (error as NodeJS.ErrnoException).code === 'EPIPE';
}
