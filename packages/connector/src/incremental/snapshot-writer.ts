import type { CookieFacts } from './cookie-facts.ts';
import {
  cookieMagic,
  cookieVersion,
  flags,
  guidLength,
  hashLength,
  mostShared,
  type SnapshotEntry,
} from './snapshot-layout.ts';
import { sameBytes } from './row-scanner.ts';

const encoder = new TextEncoder();
const rdnStart = encoder.encode('"CN=');

/** Numbers of texts that were written before. */
class SharedTexts {
  readonly #numbers = new Map<number, { readonly bytes: Uint8Array; readonly number: number }[]>();
  #size = 0;

  /** The number of a text, from 1; 0 where it is new. It has a number from then on, unless the table is full. */
  numberOf(text: Uint8Array): number {
    let hash = 0x811c9dc5;
    for (const byte of text) hash = Math.imul(hash ^ byte, 0x01000193);
    const alike = this.#numbers.get(hash);
    for (const known of alike ?? []) if (sameBytes(known.bytes, text)) return known.number;
    if (this.#size === mostShared) return 0;
    this.#size += 1;
    const entry = { bytes: text.slice(), number: this.#size };
    if (alike === undefined) this.#numbers.set(hash, [entry]);
    else alike.push(entry);
    return 0;
  }
}

/** Writes a cookie from front to back; bytes leave in blocks. The digest is added by who holds all of them. */
export class SnapshotWriter {
  readonly #out: (bytes: Uint8Array) => void;
  readonly #shared = new SharedTexts();
  #block = new Uint8Array(64 * 1024);
  #filled = 0;
  /** Mailboxes written. */
  mailboxes = 0;

  readonly #noMarks: Uint8Array;

  /**
   * @param out takes bytes that stay as they are only during the call
   * @param columns how many columns the rows have
   */
  constructor(out: (bytes: Uint8Array) => void, columns: number) {
    this.#out = out;
    this.#noMarks = new Uint8Array(columns);
    this.#bytes(cookieMagic);
    this.#byte(cookieVersion);
  }

  /** Adds a mailbox; they come in the order of their GUIDs. */
  add(entry: SnapshotEntry): void {
    const { name, rdn, forwarding } = entry;
    const nameIsRdn =
      rdn.length === rdnStart.length + name.length &&
      sameBytes(rdn.subarray(0, rdnStart.length), rdnStart) &&
      sameBytes(rdn.subarray(rdnStart.length), name);
    this.#byte(flags.present | (nameIsRdn ? flags.nameIsRdn : 0) | (forwarding === undefined ? 0 : flags.forwards));
    this.#bytes(entry.guid.subarray(0, guidLength));
    this.#bytes(entry.hash.subarray(0, hashLength));
    this.#u32(entry.created);
    // A mailbox kept from a snapshot with other columns: its row counts as changed when it is read again.
    this.#bytes(entry.marks.length === this.#noMarks.length ? entry.marks : this.#noMarks);
    if (forwarding !== undefined) this.#u32(forwarding);
    this.#sharedText(entry.database);
    this.#sharedText(entry.parent);
    this.#text(name);
    if (!nameIsRdn) this.#text(rdn);
    this.#text(entry.samAccountName);
    this.#text(entry.primarySmtpAddress);
    this.mailboxes += 1;
  }

  /** Ends the file, but for its digest. */
  finish(facts: CookieFacts): void {
    this.#byte(0);
    const json = encoder.encode(JSON.stringify(facts));
    this.#bytes(json);
    this.#u32(json.length);
    this.#flush();
  }

  #sharedText(text: Uint8Array): void {
    const number = this.#shared.numberOf(text);
    this.#varint(number);
    if (number === 0) this.#text(text);
  }

  #text(text: Uint8Array): void {
    this.#varint(text.length);
    this.#bytes(text);
  }

  #varint(value: number): void {
    let rest = value;
    for (; rest > 0x7f; rest >>>= 7) this.#byte((rest & 0x7f) | 0x80);
    this.#byte(rest);
  }

  #u32(value: number): void {
    for (let shift = 0; shift < 32; shift += 8) this.#byte((value >>> shift) & 0xff);
  }

  #byte(value: number): void {
    if (this.#filled === this.#block.length) this.#flush();
    this.#block[this.#filled] = value;
    this.#filled += 1;
  }

  #bytes(bytes: Uint8Array): void {
    if (bytes.length > this.#block.length - this.#filled) this.#flush();
    if (bytes.length > this.#block.length) {
      this.#out(bytes);
      return;
    }
    this.#block.set(bytes, this.#filled);
    this.#filled += bytes.length;
  }

  #flush(): void {
    if (this.#filled > 0) this.#out(this.#block.subarray(0, this.#filled));
    this.#filled = 0;
  }
}
