/*
 * ASN.1 basic and distinguished encoding rules (ITU-T X.690), as PFX and CMS use them: reads one element after the
 * other, never copies, never goes deeper than {@link limits.asn1Depth}. Definite and indefinite lengths; tag numbers
 * up to 30, which is all that PKCS #7, #8, #12 and CMS have.
 *
 *   identifier   class (2) │ constructed (1) │ number (5)
 *   length       0nnnnnnn │ 1000nnnn, n bytes │ 10000000 … 00 00 (indefinite, constructed only)
 */
import { limits } from '../limits.ts';

/** Identifier octets of the types that are met. */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  printableString: 0x13,
  bmpString: 0x1e,
  sequence: 0x30,
  set: 0x31,
} as const;

const constructedBit = 0x20;

/** Context-specific tags: `[0]` as a constructed or primitive element. */
export function contextTag(number: number, form: 'constructed' | 'primitive'): number {
  return 0x80 | number | (form === 'constructed' ? constructedBit : 0);
}

/** The bytes are no ASN.1, or not the structure that was expected. The offset counts from the start of all bytes. */
export class Asn1Fault extends Error {
  override readonly name = 'Asn1Fault';
  readonly offset: number;
  constructor(offset: number, seen: string) {
    super(`at byte ${offset}: ${seen}`);
    this.offset = offset;
  }
}

/** The head of one element. */
export interface ElementHead {
  readonly identifier: number;
  /** Bytes of identifier and length. */
  readonly headBytes: number;
  /** Undefined: indefinite. */
  readonly contentBytes: number | undefined;
}

/**
 * Reads identifier and length at `at`.
 * @returns undefined where the bytes end before the head does
 */
export function readHead(bytes: Uint8Array, at: number, base = 0): ElementHead | undefined {
  const identifier = bytes[at];
  const first = bytes[at + 1];
  if (identifier === undefined) return undefined;
  if ((identifier & 0x1f) === 0x1f) throw new Asn1Fault(base + at, 'a tag number above 30');
  if (first === undefined) return undefined;
  if (first < 0x80) return { identifier, headBytes: 2, contentBytes: first };
  if (first === 0x80) {
    if ((identifier & constructedBit) === 0) throw new Asn1Fault(base + at, 'a primitive element of indefinite length');
    return { identifier, headBytes: 2, contentBytes: undefined };
  }
  const count = first & 0x7f;
  if (count > 6) throw new Asn1Fault(base + at, `a length of ${count} bytes`);
  let contentBytes = 0;
  for (let index = 0; index < count; index += 1) {
    const next = bytes[at + 2 + index];
    if (next === undefined) return undefined;
    contentBytes = contentBytes * 256 + next;
  }
  return { identifier, headBytes: 2 + count, contentBytes };
}

/** One element of a structure in memory. */
export interface Element {
  readonly identifier: number;
  /** From identifier to the end of the content, end-of-contents octets included. */
  readonly encoded: Uint8Array;
  readonly content: Uint8Array;
  /** Of the identifier, counted from the start of all bytes. */
  readonly offset: number;
  readonly contentOffset: number;
}

/** Reads the elements of one structure, front to back. */
export class Asn1Reader {
  readonly #bytes: Uint8Array;
  readonly #base: number;
  readonly #depth: number;
  #at = 0;

  /** @param base what offsets in messages are counted from */
  constructor(bytes: Uint8Array, base = 0, depth = 0) {
    if (depth > limits.asn1Depth) throw new Asn1Fault(base, `more than ${limits.asn1Depth} elements inside each other`);
    this.#bytes = bytes;
    this.#base = base;
    this.#depth = depth;
  }

  get atEnd(): boolean {
    return this.#at >= this.#bytes.length;
  }

  get offset(): number {
    return this.#base + this.#at;
  }

  /** The identifier of the next element; undefined at the end. */
  get nextIdentifier(): number | undefined {
    return this.#bytes[this.#at];
  }

  /** The next element, whatever it is. */
  any(): Element {
    const start = this.#at;
    const head = readHead(this.#bytes, start, this.#base);
    if (head === undefined) throw new Asn1Fault(this.#base + start, 'the bytes end where an element should begin');
    const contentAt = start + head.headBytes;
    const [contentEnd, end] =
      head.contentBytes === undefined
        ? this.#endOfIndefinite(contentAt)
        : [contentAt + head.contentBytes, contentAt + head.contentBytes];
    if (end > this.#bytes.length)
      throw new Asn1Fault(
        this.#base + start,
        `an element of ${head.contentBytes} bytes, of which ${this.#bytes.length - contentAt} are there`,
      );
    this.#at = end;
    return {
      identifier: head.identifier,
      encoded: this.#bytes.subarray(start, end),
      content: this.#bytes.subarray(contentAt, contentEnd),
      offset: this.#base + start,
      contentOffset: this.#base + contentAt,
    };
  }

  /** The next element, which must have this identifier. */
  take(identifier: number, what: string): Element {
    const seen = this.nextIdentifier;
    if (seen !== identifier)
      throw new Asn1Fault(
        this.offset,
        `${what} (tag ${hex(identifier)}) was expected, ${seen === undefined ? 'and the bytes end' : `tag ${hex(seen)} stands there`}`,
      );
    return this.any();
  }

  /** The next element where it has this identifier. */
  takeIf(identifier: number): Element | undefined {
    return this.nextIdentifier === identifier ? this.any() : undefined;
  }

  sequence(what: string): Asn1Reader {
    return this.inside(this.take(tag.sequence, what));
  }

  /** A reader of what an element holds. */
  inside(element: Element): Asn1Reader {
    return new Asn1Reader(element.content, element.contentOffset, this.#depth + 1);
  }

  objectIdentifier(what: string): string {
    const { content, offset } = this.take(tag.objectIdentifier, what);
    return formatObjectIdentifier(content, offset);
  }

  /** A non-negative INTEGER that a number can hold. */
  integer(what: string): number {
    const { content, offset } = this.take(tag.integer, what);
    if (content.length === 0 || content.length > 6 || (content[0] ?? 0) > 0x7f)
      throw new Asn1Fault(offset, `${what}: an integer that is negative or too large`);
    return content.reduce((value, byte) => value * 256 + byte, 0);
  }

  /** An OCTET STRING, in one piece or in several (constructed). */
  octets(what: string): Uint8Array {
    const identifier = this.nextIdentifier;
    if (identifier === (tag.octetString | constructedBit)) return this.#gather(this.any(), what);
    return this.take(tag.octetString, what).content;
  }

  /** `[number] IMPLICIT OCTET STRING`, in one piece or in several. */
  implicitOctets(number: number, what: string): Uint8Array {
    const identifier = contextTag(number, 'constructed');
    if (this.nextIdentifier === identifier) return this.#gather(this.any(), what);
    return this.take(contextTag(number, 'primitive'), what).content;
  }

  /** Nothing may follow. */
  end(what: string): void {
    if (!this.atEnd) throw new Asn1Fault(this.offset, `more bytes after the end of ${what}`);
  }

  #gather(element: Element, what: string): Uint8Array {
    const parts: Uint8Array[] = [];
    const reader = this.inside(element);
    while (!reader.atEnd) parts.push(reader.octets(what));
    return parts.length === 1 ? (parts[0] as Uint8Array) : Buffer.concat(parts);
  }

  /** Where the content of an indefinite element ends, and where the element does: one pass, without recursion. */
  #endOfIndefinite(from: number): readonly [number, number] {
    let open = 1;
    for (let at = from; ; ) {
      if (this.#bytes[at] === 0 && this.#bytes[at + 1] === 0) {
        open -= 1;
        if (open === 0) return [at, at + 2];
        at += 2;
        continue;
      }
      const head = readHead(this.#bytes, at, this.#base);
      if (head === undefined || at + head.headBytes + (head.contentBytes ?? 0) > this.#bytes.length)
        throw new Asn1Fault(this.#base + at, 'the bytes end inside an element of indefinite length');
      if (head.contentBytes === undefined) open += 1;
      if (open + this.#depth > limits.asn1Depth)
        throw new Asn1Fault(this.#base + at, `more than ${limits.asn1Depth} elements inside each other`);
      at += head.headBytes + (head.contentBytes ?? 0);
    }
  }
}

function hex(identifier: number): string {
  return identifier.toString(16).padStart(2, '0');
}

/** `1.2.840.113549.1.7.1` (X.690, 8.19). */
export function formatObjectIdentifier(content: Uint8Array, offset: number): string {
  const numbers: number[] = [];
  let number = 0;
  let isOpen = false;
  for (const byte of content) {
    number = number * 128 + (byte & 0x7f);
    if (number > 0xffff_ffff) throw new Asn1Fault(offset, 'an object identifier with a number above 32 bits');
    isOpen = byte > 0x7f;
    if (isOpen) continue;
    numbers.push(number);
    number = 0;
  }
  const [first] = numbers;
  if (first === undefined || isOpen) throw new Asn1Fault(offset, 'an object identifier that is not whole');
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - top * 40, ...numbers.slice(1)].join('.');
}
