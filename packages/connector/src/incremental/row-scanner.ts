/*
 * Where the fields of a line of CSV begin and end, and a byte that stands for each of them. This runs once for
 * every mailbox of the organisation, over bytes, so that no text is made of what is only compared or copied.
 */

const comma = 0x2c;
const quote = 0x22;
const carriageReturn = 0x0d;
const lineFeed = 0x0a;

/** Scans lines of one file, one at a time: what it tells is of the last line. */
export class RowScanner {
  /** Fields in the line, `Command` among them. */
  count = 0;
  #line: Uint8Array = new Uint8Array();
  #starts = new Int32Array(64);
  #ends = new Int32Array(64);
  #marks = new Uint8Array(64);

  /** Takes a line as a {@link RowWriter} makes it, with or without its line end. */
  scan(line: Uint8Array): void {
    this.#line = line;
    this.count = 0;
    let start = 0;
    let isQuoted = false;
    // FNV-1a, folded to a byte at the end of the field.
    let hash = 0x811c9dc5;
    let end = line.length;
    if (end > 0 && line[end - 1] === lineFeed) end -= 1;
    if (end > 0 && line[end - 1] === carriageReturn) end -= 1;
    for (let at = 0; at < end; at += 1) {
      const byte = line[at] as number;
      if (byte === quote) isQuoted = !isQuoted;
      else if (byte === comma && !isQuoted) {
        this.#add(start, at, hash);
        start = at + 1;
        hash = 0x811c9dc5;
        continue;
      }
      hash = Math.imul(hash ^ byte, 0x01000193);
    }
    this.#add(start, end, hash);
  }

  /** The bytes of a field as they stand, quotes included; empty where the line has no such field. */
  field(index: number): Uint8Array {
    if (index < 0 || index >= this.count) return this.#line.subarray(0, 0);
    return this.#line.subarray(this.#starts[index] as number, this.#ends[index] as number);
  }

  /** All that follows `Command`, from its comma on, without the line end. */
  get rest(): Uint8Array {
    return this.#line.subarray(this.#ends[0] as number, this.#ends[this.count - 1] as number);
  }

  /** A byte for each field after `Command`: equal for equal fields, and nearly always another for others. */
  get marks(): Uint8Array {
    return this.#marks.subarray(1, this.count);
  }

  #add(start: number, end: number, hash: number): void {
    if (this.count === this.#starts.length) this.#grow();
    this.#starts[this.count] = start;
    this.#ends[this.count] = end;
    this.#marks[this.count] = hash ^ (hash >>> 8) ^ (hash >>> 16) ^ (hash >>> 24);
    this.count += 1;
  }

  #grow(): void {
    const larger = <T extends Int32Array | Uint8Array>(from: T, to: T): T => {
      to.set(from);
      return to;
    };
    const length = this.#starts.length * 2;
    this.#starts = larger(this.#starts, new Int32Array(length));
    this.#ends = larger(this.#ends, new Int32Array(length));
    this.#marks = larger(this.#marks, new Uint8Array(length));
  }
}

const decoder = new TextDecoder();

/** The text of a field as it stands in a line: quotes taken off. */
export function fieldText(field: Uint8Array): string {
  const text = decoder.decode(field);
  return text.startsWith('"') ? text.slice(1, -1).replaceAll('""', '"') : text;
}

/** Whether two stretches of bytes are the same. */
export function sameBytes(left: Uint8Array, right: Uint8Array): boolean {
  if (left.length !== right.length) return false;
  for (let at = 0; at < left.length; at += 1) if (left[at] !== right[at]) return false;
  return true;
}

function hexDigit(code: number): number {
  if (code >= 0x30 && code <= 0x39) return code - 0x30;
  const letter = code | 0x20;
  return letter >= 0x61 && letter <= 0x66 ? letter - 0x57 : -1;
}

/** The 16 bytes of a GUID in the order of its text (`xxxxxxxx-xxxx-…`), so that bytes sort as texts do. */
export function guidBytes(field: Uint8Array, into: Uint8Array = new Uint8Array(16)): Uint8Array | undefined {
  if (field.length !== 36) return undefined;
  let at = 0;
  for (let index = 0; index < 36; ) {
    if (index === 8 || index === 13 || index === 18 || index === 23) index += 1;
    const high = hexDigit(field[index] as number);
    const low = hexDigit(field[index + 1] as number);
    if (high < 0 || low < 0) return undefined;
    into[at] = high * 16 + low;
    at += 1;
    index += 2;
  }
  return into;
}

const hexOf: readonly string[] = Array.from({ length: 256 }, (_, byte) => byte.toString(16).padStart(2, '0'));

/** The text of a GUID, lower case with hyphens. */
export function guidText(bytes: Uint8Array): string {
  let text = '';
  for (let at = 0; at < 16; at += 1) {
    if (at === 4 || at === 6 || at === 8 || at === 10) text += '-';
    text += hexOf[bytes[at] as number];
  }
  return text;
}

/** Negative, zero or positive as the first of two GUIDs stands before, at or behind the second. */
export function compareGuids(left: Uint8Array, right: Uint8Array): number {
  for (let at = 0; at < 16; at += 1) {
    const difference = (left[at] as number) - (right[at] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** The same text as a string of its own: a piece of a mailbox's text that is kept keeps all of that text in memory. */
export function copyOf(text: string): string {
  return [...text].join('');
}
