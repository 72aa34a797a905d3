/*
 * Pipeline input on its way to the session. A cmdlet of PowerShell takes its input to the end before the pipeline
 * completes; but `Select-Object -First` ends one earlier. Whether a bad line further on had been read by then
 * would be chance, so that what is left is looked through once the pipeline has ended.
 */
import type { Readable } from 'node:stream';
import type { PsValue } from '@exchange-connector/psrp';
import { readInputValues } from './input-lines.ts';

/** How long the rest of an input is read after the pipeline's end: its writer may never end it. */
const restMs = 2000;

export interface PipelineInputOptions {
  readonly source: Readable;
  /** What the source is called in messages. */
  readonly name: string;
  /** Whether what the pipeline leaves is to be looked through. */
  readonly checksRest: boolean;
  /** Ends the reading. */
  readonly signal: AbortSignal;
}

/** The values of a source of JSON lines, to be iterated once. */
export class PipelineInput implements AsyncIterable<PsValue> {
  readonly #options: PipelineInputOptions;
  readonly #values: AsyncIterator<PsValue>;
  /** The last value that was asked for: nobody may have waited for it. */
  #asked: Promise<IteratorResult<PsValue>> | undefined;
  readonly #close = (): void => void this.#options.source.destroy();

  constructor(options: PipelineInputOptions) {
    this.#options = options;
    this.#values = readInputValues(options.source, options.name);
    options.signal.addEventListener('abort', this.#close, { once: true });
  }

  /** Leaving it early closes nothing: {@link checkRest} reads on. */
  [Symbol.asyncIterator](): AsyncIterator<PsValue> {
    return { next: () => this.#ask() };
  }

  /**
   * Reads what the pipeline left, to its end or for two seconds.
   *
   * @throws PsrpCliError PSRP_CLI_INPUT_INVALID where a line is bad; the signal's reason when it is aborted
   */
  async checkRest(): Promise<void> {
    const { checksRest, signal } = this.#options;
    if (!checksRest) return;
    const late = AbortSignal.timeout(restMs);
    const limit = AbortSignal.any([signal, late]);
    try {
      for (let next = this.#asked ?? this.#ask(); (await beforeAbort(next, limit)).done !== true; ) next = this.#ask();
    } catch (error) {
      signal.throwIfAborted();
      if (error !== late.reason) throw error;
    }
  }

  close(): void {
    this.#options.signal.removeEventListener('abort', this.#close);
    this.#close();
  }

  #ask(): Promise<IteratorResult<PsValue>> {
    this.#asked = this.#values.next();
    this.#asked.catch(() => undefined);
    return this.#asked;
  }
}

/** The promise's result, or the signal's reason: a read that blocks cannot be taken back. */
async function beforeAbort<T>(promise: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted();
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => reject(signal.reason);
  signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
