import type { LiveState, Read, ReadResult } from './live-state.ts';

/** A text that is the same for the same read: letter case is none of Exchange's business. */
export function readKey(read: Read): string {
  const pairs = Object.entries(read)
    .filter(([, value]) => value !== undefined)
    .sort(([left], [right]) => (left < right ? -1 : 1))
    .map(([name, value]) => `${name}=${JSON.stringify(typeof value === 'string' ? value.toLowerCase() : value)}`);
  return pairs.join(' ');
}

/** What was read so far; each round of reading adds to it. */
export class LiveReadings implements LiveState {
  readonly #results = new Map<string, ReadResult>();

  result(read: Read): ReadResult | undefined {
    return this.#results.get(readKey(read));
  }

  /** Keeps what a read gave; a newer result takes the place of an older one. */
  set(read: Read, result: ReadResult): void {
    this.#results.set(readKey(read), result);
  }

  /** Forgets what was read: before a step, and after it, things are read anew. */
  forget(reads: Iterable<Read>): void {
    for (const read of reads) this.#results.delete(readKey(read));
  }
}
