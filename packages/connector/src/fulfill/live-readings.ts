import type { LiveState, Read, ReadResult } from './live-state.ts';

const keys = new WeakMap<Read, string>();

/** A text that is the same for the same read: letter case is none of Exchange's business. */
export function readKey(read: Read): string {
  const known = keys.get(read);
  if (known !== undefined) return known;
  let key = '';
  for (const name of Object.keys(read).sort()) {
    const value = (read as unknown as Readonly<Record<string, string | number | undefined>>)[name];
    if (value === undefined) continue;
    const text = String(value).toLowerCase();
    // With its length: whatever a text holds, it cannot be taken for the next field.
    key += `${name} ${text.length} ${text} `;
  }
  keys.set(read, key);
  return key;
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
