/* The last words of a stream of text, for error messages. */
import type { Readable } from 'node:stream';

const maxBytes = 4_096;
const maxCharacters = 600;

/** Keeps the end of what a stream says, and lets the rest go. */
export class TextTail {
  #bytes: Buffer = Buffer.alloc(0);
  /** Resolved when the stream has ended. */
  readonly ended: Promise<void>;

  constructor(stream: Readable) {
    stream.on('data', (bytes: Buffer) => {
      this.#bytes = Buffer.concat([this.#bytes, bytes.subarray(-maxBytes)]).subarray(-maxBytes);
    });
    stream.on('error', () => undefined);
    this.ended = new Promise((resolve) => stream.once('close', resolve));
  }

  /** In one line and without control characters, so that it may stand in a message; empty where nothing was said. */
  get text(): string {
    const text = printable(this.#bytes.toString('utf8'));
    return text.length <= maxCharacters ? text : `…${text.slice(-maxCharacters)}`;
  }
}

/** Text from outside for a message: its beginning, without control characters, which terminals obey. */
export function printable(text: string): string {
  return text
    .slice(0, maxBytes)
    .replace(/\p{Cc}\[[0-9;?]*[A-Za-z]/gu, '')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\ufffd\s]+/gu, ' ')
    .trim();
}
