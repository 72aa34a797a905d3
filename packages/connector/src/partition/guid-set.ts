/*
 * A set of GUIDs in flat memory: 16 bytes and a slot each, however large the organisation. Open addressing
 * with linear probing over four 32-bit words; GUIDs of a directory are random enough to be their own hash.
 */

const leastSlots = 1024;

function words(guid: string): [number, number, number, number] {
  return [
    Number.parseInt(guid.slice(0, 8), 16),
    Number.parseInt(guid.slice(9, 13) + guid.slice(14, 18), 16),
    Number.parseInt(guid.slice(19, 23) + guid.slice(24, 28), 16),
    Number.parseInt(guid.slice(28, 36), 16),
  ];
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
    const [a, b, c, d] = words(guid);
    const slot = this.#slotOf(a, b, c, d);
    if (this.#used[slot] === 1) return false;
    this.#put(slot, a, b, c, d);
    this.#size += 1;
    return true;
  }

  has(guid: string): boolean {
    const [a, b, c, d] = words(guid);
    return this.#used[this.#slotOf(a, b, c, d)] === 1;
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
    this.#used[slot] = 1;
    this.#words.set([a, b, c, d], slot * 4);
  }

  #grow(): void {
    const old = { words: this.#words, used: this.#used, slots: this.#slots };
    this.#slots = old.slots * 2;
    this.#words = new Uint32Array(this.#slots * 4);
    this.#used = new Uint8Array(this.#slots);
    for (let slot = 0; slot < old.slots; slot += 1) {
      if (old.used[slot] === 0) continue;
      const [a = 0, b = 0, c = 0, d = 0] = old.words.subarray(slot * 4, slot * 4 + 4);
      this.#put(this.#slotOf(a, b, c, d), a, b, c, d);
    }
  }
}
