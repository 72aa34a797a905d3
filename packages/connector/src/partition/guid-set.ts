/*
 * A set of GUIDs in flat memory: some 25 bytes each, however large the organisation.
 *
 *   hash of the four words ──top 6 bits──► segment 0..63 ──the rest, scaled──► slot: four 32-bit words
 *
 * Each segment is a table of its own with open addressing and linear probing. They grow by half, one at a
 * time: the whole set is never held twice, and never more than half of it is free. GUIDs of a directory are random
 * enough to fill the segments evenly; where they are not, the set is only less compact. Four zeroes mark a free slot,
 * so the GUID of zeroes is kept apart.
 */

const segmentCount = 64;
const leastSlots = 8;
/** Of a segment that is full: less makes the set more compact, and fills it in more time. */
const growth = 1.5;
/** GUIDs to slots, in tenths: probes stay short below it. */
const mostTenths = 8;

/** Digits of the four words, in the text of a GUID. */
const places = [
  [0, 1, 2, 3, 4, 5, 6, 7],
  [9, 10, 11, 12, 14, 15, 16, 17],
  [19, 20, 21, 22, 24, 25, 26, 27],
  [28, 29, 30, 31, 32, 33, 34, 35],
] as const;

/** One word; by character codes, because this runs for every mailbox. */
function word(guid: string, at: number): number {
  let value = 0;
  for (const place of places[at] as readonly number[]) {
    const code = guid.charCodeAt(place);
    // 0-9 are 0x30 to 0x39; A-F and a-f end in 1 to 6.
    value = (value << 4) | (code < 0x40 ? code & 15 : (code & 15) + 9);
  }
  return value >>> 0;
}

function hashOf(a: number, b: number, c: number, d: number): number {
  return (
    Math.imul(a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b) ^ Math.imul(d, 0x27d4eb2f), 0xc2b2ae35) >>> 0
  );
}

class Segment {
  size = 0;
  #slots = 0;
  #words = new Uint32Array(0);

  /** False where it was there already. */
  add(hash: number, a: number, b: number, c: number, d: number): boolean {
    if ((this.size + 1) * 10 > this.#slots * mostTenths) this.#grow();
    const at = this.#placeOf(hash, a, b, c, d);
    if (!this.#isFree(at)) return false;
    this.#put(at, a, b, c, d);
    this.size += 1;
    return true;
  }

  has(hash: number, a: number, b: number, c: number, d: number): boolean {
    return this.#slots > 0 && !this.#isFree(this.#placeOf(hash, a, b, c, d));
  }

  each(take: (a: number, b: number, c: number, d: number) => void): void {
    const words = this.#words;
    for (let at = 0; at < words.length; at += 4) {
      // No view for each: a million of them at once would be most of what the process holds.
      const { [at]: a = 0, [at + 1]: b = 0, [at + 2]: c = 0, [at + 3]: d = 0 } = words;
      if ((a | b | c | d) !== 0) take(a, b, c, d);
    }
  }

  #isFree(at: number): boolean {
    const words = this.#words;
    return words[at] === 0 && words[at + 1] === 0 && words[at + 2] === 0 && words[at + 3] === 0;
  }

  /** Where the GUID stands, or where it belongs. */
  #placeOf(hash: number, a: number, b: number, c: number, d: number): number {
    const words = this.#words;
    // The top bits chose the segment; what is below them is spread over the slots.
    let at = Math.floor(((hash * segmentCount) % 0x1_0000_0000) * (this.#slots / 0x1_0000_0000)) * 4;
    for (;;) {
      if (words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d) return at;
      if (this.#isFree(at)) return at;
      at += 4;
      if (at === words.length) at = 0;
    }
  }

  #put(at: number, a: number, b: number, c: number, d: number): void {
    this.#words[at] = a;
    this.#words[at + 1] = b;
    this.#words[at + 2] = c;
    this.#words[at + 3] = d;
  }

  #grow(): void {
    const old = new Segment();
    old.#words = this.#words;
    this.#slots = Math.max(leastSlots, Math.ceil(this.#slots * growth));
    this.#words = new Uint32Array(this.#slots * 4);
    old.each((a, b, c, d) => this.#put(this.#placeOf(hashOf(a, b, c, d), a, b, c, d), a, b, c, d));
    // Given back at once: left to the collector, what was outgrown would stand beside what took its place.
    old.#words.buffer.transfer(0);
  }
}

/** GUIDs as text with hyphens, in any letter case; each counts once. */
export class GuidSet {
  readonly #segments = Array.from({ length: segmentCount }, () => new Segment());
  #hasZero = false;
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Takes one; false where it was there already. */
  add(guid: string): boolean {
    return this.#take(word(guid, 0), word(guid, 1), word(guid, 2), word(guid, 3));
  }

  /** Takes all of another set. */
  addAll(other: GuidSet): void {
    other.#each((a, b, c, d) => this.#take(a, b, c, d));
  }

  has(guid: string): boolean {
    const [a, b, c, d] = [word(guid, 0), word(guid, 1), word(guid, 2), word(guid, 3)];
    if ((a | b | c | d) === 0) return this.#hasZero;
    const hash = hashOf(a, b, c, d);
    return this.#segmentOf(hash).has(hash, a, b, c, d);
  }

  /** Gives each GUID, in lower case and in no order. */
  each(take: (guid: string) => void): void {
    const text = (value: number): string => value.toString(16).padStart(8, '0');
    this.#each((a, b, c, d) => {
      const [middle, end] = [text(b), text(c)];
      take(`${text(a)}-${middle.slice(0, 4)}-${middle.slice(4)}-${end.slice(0, 4)}-${end.slice(4)}${text(d)}`);
    });
  }

  #each(take: (a: number, b: number, c: number, d: number) => void): void {
    if (this.#hasZero) take(0, 0, 0, 0);
    for (const segment of this.#segments) segment.each(take);
  }

  #take(a: number, b: number, c: number, d: number): boolean {
    const isNew = (a | b | c | d) === 0 ? !this.#hasZero : this.#takeInto(hashOf(a, b, c, d), a, b, c, d);
    if ((a | b | c | d) === 0) this.#hasZero = true;
    if (isNew) this.#size += 1;
    return isNew;
  }

  #takeInto(hash: number, a: number, b: number, c: number, d: number): boolean {
    return this.#segmentOf(hash).add(hash, a, b, c, d);
  }

  #segmentOf(hash: number): Segment {
    return this.#segments[hash >>> 26] as Segment;
  }
}
