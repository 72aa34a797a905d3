/* ASN.1 distinguished encoding rules (ITU-T X.690): elements as bytes. */
import { tag } from './reader.ts';

/** Identifier and length of an element with `contentBytes` bytes. */
export function encodeHead(identifier: number, contentBytes: number): Uint8Array {
  if (contentBytes < 0x80) return Uint8Array.of(identifier, contentBytes);
  const length: number[] = [];
  for (let rest = contentBytes; rest > 0; rest = Math.floor(rest / 256)) length.unshift(rest % 256);
  return Uint8Array.of(identifier, 0x80 | length.length, ...length);
}

export function encodeElement(identifier: number, ...parts: readonly Uint8Array[]): Uint8Array {
  const content = parts.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([encodeHead(identifier, content), ...parts]);
}

export function encodeSequence(...parts: readonly Uint8Array[]): Uint8Array {
  return encodeElement(tag.sequence, ...parts);
}

export function encodeOctets(bytes: Uint8Array): Uint8Array {
  return encodeElement(tag.octetString, bytes);
}

/** A small non-negative INTEGER. */
export function encodeSmallInteger(value: number): Uint8Array {
  return Uint8Array.of(tag.integer, 1, value);
}

export function encodeObjectIdentifier(text: string): Uint8Array {
  const [first = 0, second = 0, ...rest] = text.split('.').map(Number);
  const bytes: number[] = [];
  for (const number of [first * 40 + second, ...rest]) {
    const groups = [number % 128];
    for (let left = Math.floor(number / 128); left > 0; left = Math.floor(left / 128))
      groups.unshift(0x80 | (left % 128));
    bytes.push(...groups);
  }
  return encodeElement(tag.objectIdentifier, Uint8Array.from(bytes));
}
