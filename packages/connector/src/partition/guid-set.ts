/*
 * A set of GUIDs in flat memory: 16 bytes and a slot each, however large the organisation. Open addressing
 * with linear probing over four 32-bit words; GUIDs of a directory are random enough to be their own hash.
 */

const leastSlots = 1024;

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

/** GUIDs as text with hyphens, in any letter case; each counts once. */
export class GuidSet {
  #slots = leastSlots;
  #words = new Uint32Array(leastSlots * 4);
  #used = new Uint8Array(leastSlots);
  #size = 0;

  get size(): number {
    return this.#size;
  }

  /** Takes one; false where it was there already. */
  add(guid: string): boolean {
    if (this.#size * 3 >= this.#slots * 2) this.#grow();
    return this.#take(word(guid, 0), word(guid, 1), word(guid, 2), word(guid, 3));
  }

  /** Takes all of another set. */
  addAll(other: GuidSet): void {
    for (let slot = 0; slot < other.#slots; slot += 1) {
      if (other.#used[slot] === 0) continue;
      if (this.#size * 3 >= this.#slots * 2) this.#grow();
      const at = slot * 4;
      const words = other.#words;
      this.#take(words[at] ?? 0, words[at + 1] ?? 0, words[at + 2] ?? 0, words[at + 3] ?? 0);
    }
  }

  has(guid: string): boolean {
    return this.#used[this.#slotOf(word(guid, 0), word(guid, 1), word(guid, 2), word(guid, 3))] === 1;
  }

  #take(a: number, b: number, c: number, d: number): boolean {
    const slot = this.#slotOf(a, b, c, d);
    if (this.#used[slot] === 1) return false;
    this.#put(slot, a, b, c, d);
    this.#size += 1;
    return true;
  }

  /** Gives each GUID, in lower case and in no order. */
  each(take: (guid: string) => void): void {
    const text = (value: number): string => value.toString(16).padStart(8, '0');
    for (let slot = 0; slot < this.#slots; slot += 1) {
      if (this.#used[slot] === 0) continue;
      const [a = 0, b = 0, c = 0, d = 0] = this.#words.subarray(slot * 4, slot * 4 + 4);
      const [middle, end] = [text(b), text(c)];
      take(`${text(a)}-${middle.slice(0, 4)}-${middle.slice(4)}-${end.slice(0, 4)}-${end.slice(4)}${text(d)}`);
    }
  }

  /** The slot where the GUID stands, or the free one where it belongs. */
  #slotOf(a: number, b: number, c: number, d: number): number {
    const mask = this.#slots - 1;
    let slot = (Math.imul(a ^ Math.imul(b, 0x9e3779b1) ^ Math.imul(c, 0x85ebca6b), 0xc2b2ae35) ^ d) & mask;
    for (;;) {
      if (this.#used[slot] === 0) return slot;
      const at = slot * 4;
      const known = this.#words;
      if (known[at] === a && known[at + 1] === b && known[at + 2] === c && known[at + 3] === d) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #put(slot: number, a: number, b: number, c: number, d: number): void {
    const at = slot * 4;
    this.#used[slot] = 1;
    this.#words[at] = a;
    this.#words[at + 1] = b;
    this.#words[at + 2] = c;
    this.#words[at + 3] = d;
  }

  #grow(): void {
    const old = { words: this.#words, used: this.#used, slots: this.#slots };
    this.#slots = old.slots * 2;
    this.#words = new Uint32Array(this.#slots * 4);
    this.#used = new Uint8Array(this.#slots);
    for (let slot = 0; slot < old.slots; slot += 1) {
      if (old.used[slot] === 0) continue;
      // No view for each: a million of them at once would be most of what the process holds.
      const at = slot * 4;
      const { [at]: a = 0, [at + 1]: b = 0, [at + 2]: c = 0, [at + 3]: d = 0 } = old.words;
      this.#put(this.#slotOf(a, b, c, d), a, b, c, d);
    }
  }
}
