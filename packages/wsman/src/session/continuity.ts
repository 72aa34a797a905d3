/*
 * Whether data that follow an answer lost on the way continue what came before it. [MS-PSRP] 2.2.4: a fragment
 * begins with the ObjectId (64 bits, big-endian) and the FragmentId; a server counts objects upwards.
 *
 *   ObjectId u64 | FragmentId u64 | flags u8 | length u32 | blob
 *
 * Fragments missing inside an object show by themselves. A whole object that is missing shows only here, and
 * only as a doubt: a process that serves several sessions counts them all together. In doubt the run ends, and
 * is to be made again: rows left out in silence would be worse.
 */

const headerBytes = 21;

export class ContinuityWatch {
  #last: bigint | undefined;
  #doubtful = false;

  /** An answer was lost; the next data decide. */
  answerLost(): void {
    this.#doubtful = true;
  }

  /** Takes the data of one stream; gives what is wrong with them, if anything. */
  check(data: Uint8Array): string | undefined {
    const view = new DataView(data.buffer, data.byteOffset, data.byteLength);
    if (data.length < headerBytes) return undefined;
    const first = view.getBigUint64(0);
    const wrong =
      this.#doubtful && this.#last !== undefined && first > this.#last + 1n
        ? `an answer was lost, and the next one begins with object ${first} after object ${this.#last}: what stood between may be lost`
        : undefined;
    this.#doubtful = false;
    for (let offset = 0; offset + headerBytes <= data.length; offset += headerBytes + view.getUint32(offset + 17)) {
      const objectId = view.getBigUint64(offset);
      if (this.#last === undefined || objectId > this.#last) this.#last = objectId;
    }
    return wrong;
  }
}
