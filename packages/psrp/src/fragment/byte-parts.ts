/*
 * Gathers the pieces of a message and joins them once. A piece that is a good part of the chunk it came in
 * is kept as a view; a small one is copied, so that neither a flood of tiny views nor one small view
 * holding a large chunk can grow the memory beyond a small multiple of what was received.
 */

const smallPieceBytes = 4_096;
const tailBytes = 16_384;

/** The pieces of one message in order. */
export class ByteParts {
  #parts: Uint8Array[] = [];
  #tail: Uint8Array | undefined;
  #tailUsed = 0;
  #length = 0;

  get length(): number {
    return this.#length;
  }

  append(piece: Uint8Array): void {
    this.#length += piece.length;
    if (piece.length >= smallPieceBytes && piece.length * 4 >= piece.buffer.byteLength) {
      this.#closeTail();
      this.#parts.push(piece);
      return;
    }
    let rest = piece;
    while (rest.length > 0) {
      this.#tail ??= new Uint8Array(tailBytes);
      const taken = Math.min(rest.length, tailBytes - this.#tailUsed);
      this.#tail.set(rest.subarray(0, taken), this.#tailUsed);
      this.#tailUsed += taken;
      rest = rest.subarray(taken);
      if (this.#tailUsed === tailBytes) this.#closeTail();
    }
  }

  /** All bytes joined; empties this. */
  take(): Uint8Array {
    this.#closeTail();
    const parts = this.#parts;
    const joined = parts.length === 1 ? (parts[0] as Uint8Array) : new Uint8Array(this.#length);
    if (parts.length !== 1) {
      let offset = 0;
      for (const part of parts) {
        joined.set(part, offset);
        offset += part.length;
      }
    }
    this.clear();
    return joined;
  }

  clear(): void {
    this.#parts = [];
    this.#tail = undefined;
    this.#tailUsed = 0;
    this.#length = 0;
  }

  #closeTail(): void {
    if (this.#tail !== undefined && this.#tailUsed > 0) this.#parts.push(this.#tail.subarray(0, this.#tailUsed));
    this.#tail = undefined;
    this.#tailUsed = 0;
  }
}
