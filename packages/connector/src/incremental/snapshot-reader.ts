import { type CookieFacts, parseCookieFacts } from './cookie-facts.ts';
import { ConnectorError } from '../errors.ts';
import {
  cookieInvalid,
  cookieMagic,
  cookieVersion,
  emptyEntry,
  flags,
  guidLength,
  hashLength,
  headBytes,
  mostShared,
  mostTextBytes,
  type SnapshotEntry,
  tailBytes,
} from './snapshot-layout.ts';
import { compareGuids, sameBytes } from './row-scanner.ts';

/** A cookie file, as its reader needs it. */
export interface SnapshotSource {
  readonly size: number;
  /** Fills `into` from `position` on; returns how many bytes there were. */
  read(into: Uint8Array, position: number): number;
}

const windowBytes = 128 * 1024;
const rdnStart = new TextEncoder().encode('"CN=');

function readExactly(source: SnapshotSource, length: number, position: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let filled = 0; filled < length; ) {
    const count = source.read(bytes.subarray(filled), position + filled);
    if (count === 0) throw cookieInvalid('the file is shorter than it was');
    filled += count;
  }
  return bytes;
}

/** Reads the facts and, as often as it is asked to, the mailboxes of a cookie whose digest was found right. */
export class SnapshotReader {
  readonly facts: CookieFacts;
  readonly #source: SnapshotSource;
  readonly #end: number;

  /** @throws ConnectorError COOKIE_INVALID, COOKIE_VERSION_OTHER */
  constructor(source: SnapshotSource) {
    this.#source = source;
    if (source.size < headBytes + 1 + tailBytes) throw cookieInvalid('it is too short to be one');
    const head = readExactly(source, headBytes, 0);
    if (!sameBytes(head.subarray(0, cookieMagic.length), cookieMagic))
      throw cookieInvalid('it is no cookie of this program');
    const version = head[cookieMagic.length] as number;
    if (version !== cookieVersion) {
      throw new ConnectorError(
        'COOKIE_VERSION_OTHER',
        `reading the cookie: it is of version ${version}, and this program reads version ${cookieVersion}`,
      );
    }
    const tail = readExactly(source, 4, source.size - tailBytes);
    const length = new DataView(tail.buffer).getUint32(0, true);
    this.#end = source.size - tailBytes - length;
    if (this.#end < headBytes + 1) throw cookieInvalid('its facts are longer than the file');
    this.facts = parseCookieFacts(new TextDecoder().decode(readExactly(source, length, this.#end)));
  }

  /** The mailboxes in the order of their GUIDs; the same entry each time, filled anew. */
  *entries(): Generator<SnapshotEntry, void, void> {
    const bytes = new Bytes(this.#source, headBytes, this.#end);
    const entry = emptyEntry();
    const guids = [new Uint8Array(guidLength), new Uint8Array(guidLength)];
    const shared: Uint8Array[] = [];
    for (let count = 0; ; count += 1) {
      const mark = bytes.byte();
      if (mark === 0) {
        if (!bytes.isAtEnd || count !== this.facts.mailboxes)
          throw cookieInvalid('its mailboxes are not as many as it says');
        return;
      }
      readEntry(bytes, entry, { mark, columns: this.facts.columns.length, shared });
      // The reader's window moves on, and the order is checked against the one before.
      const guid = guids[count % 2] as Uint8Array;
      guid.set(entry.guid);
      const before = guids[(count + 1) % 2] as Uint8Array;
      if (count > 0 && compareGuids(before, guid) >= 0) throw cookieInvalid('its mailboxes are out of order');
      yield entry;
    }
  }
}

function readEntry(
  bytes: Bytes,
  entry: SnapshotEntry,
  { mark, columns, shared }: { readonly mark: number; readonly columns: number; readonly shared: Uint8Array[] },
): void {
  if ((mark & flags.present) === 0 || mark > 7) throw cookieInvalid('a mailbox begins with what none begins with');
  // One window for all of the entry, so that no part of it moves while the next is read.
  bytes.reserve();
  entry.guid = bytes.take(guidLength);
  entry.hash = bytes.take(hashLength);
  entry.created = bytes.u32();
  entry.marks = bytes.take(columns);
  entry.forwarding = (mark & flags.forwards) === 0 ? undefined : bytes.u32();
  entry.database = sharedText(bytes, shared);
  entry.parent = sharedText(bytes, shared);
  entry.name = bytes.text();
  entry.rdn = (mark & flags.nameIsRdn) === 0 ? bytes.text() : joined(rdnStart, entry.name);
  entry.samAccountName = bytes.text();
  entry.primarySmtpAddress = bytes.text();
}

function joined(left: Uint8Array, right: Uint8Array): Uint8Array {
  const both = new Uint8Array(left.length + right.length);
  both.set(left);
  both.set(right, left.length);
  return both;
}

function sharedText(bytes: Bytes, shared: Uint8Array[]): Uint8Array {
  const number = bytes.varint();
  if (number > 0) {
    const known = shared[number - 1];
    if (known === undefined) throw cookieInvalid('a mailbox refers to a text that does not stand before it');
    return known;
  }
  const text = bytes.text();
  if (shared.length < mostShared) shared.push(text.slice());
  return text;
}

/** A stretch of the file behind a window that grows where an entry does not fit. */
class Bytes {
  readonly #source: SnapshotSource;
  readonly #end: number;
  #window = new Uint8Array(windowBytes);
  #position: number;
  #filled = 0;
  #at = 0;
  /** Where the entry begins that is being read: from there on nothing may move. */
  #kept = 0;

  constructor(source: SnapshotSource, from: number, end: number) {
    this.#source = source;
    this.#position = from;
    this.#end = end;
  }

  get isAtEnd(): boolean {
    return this.#at === this.#filled && this.#position === this.#end;
  }

  /** What was taken before may be overwritten; an entry of usual size then fits in what is there. */
  reserve(): void {
    this.#kept = this.#at;
    if (this.#filled - this.#at < windowBytes / 4) this.#refill(1);
  }

  byte(): number {
    if (this.#at === this.#filled) return this.take(1)[0] as number;
    this.#at += 1;
    return this.#window[this.#at - 1] as number;
  }

  take(length: number): Uint8Array {
    if (this.#filled - this.#at < length) this.#refill(length);
    if (this.#filled - this.#at < length) throw cookieInvalid('it ends in the middle of a mailbox');
    this.#at += length;
    return this.#window.subarray(this.#at - length, this.#at);
  }

  u32(): number {
    const [a = 0, b = 0, c = 0, d = 0] = this.take(4);
    return (a | (b << 8) | (c << 16) | (d << 24)) >>> 0;
  }

  varint(): number {
    let value = 0;
    for (let shift = 0; shift < 28; shift += 7) {
      const byte = this.byte();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    throw cookieInvalid('a number in it is too large');
  }

  text(): Uint8Array {
    const length = this.varint();
    if (length > mostTextBytes) throw cookieInvalid('a text in it is too long');
    return this.take(length);
  }

  /** Reads on into a new window: parts of the entry that were given out already keep the old one. */
  #refill(wanted: number): void {
    const rest = this.#window.subarray(this.#at, this.#filled);
    const isWithin = this.#at > this.#kept;
    const length = Math.max(windowBytes, rest.length + wanted);
    const target = isWithin || length > this.#window.length ? new Uint8Array(length) : this.#window;
    if (target === this.#window) target.copyWithin(0, this.#at, this.#filled);
    else target.set(rest);
    this.#window = target;
    this.#filled = rest.length;
    this.#at = 0;
    this.#kept = 0;
    while (this.#filled < target.length && this.#position < this.#end) {
      const most = Math.min(target.length - this.#filled, this.#end - this.#position);
      const count = this.#source.read(target.subarray(this.#filled, this.#filled + most), this.#position);
      if (count === 0) break;
      this.#filled += count;
      this.#position += count;
    }
  }
}
