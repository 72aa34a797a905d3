/*
 * Keys from passwords as PKCS #12 makes them (RFC 7292, appendix B): for PBES1 and for the MAC. The password is a
 * BMPString with its terminating zero: UTF-16 big-endian, two zero bytes at the end.
 */
import { hash } from 'node:crypto';

/** What the bytes are for (B.3). */
export const purpose = { key: 1, iv: 2, mac: 3 } as const;
export type Purpose = (typeof purpose)[keyof typeof purpose];

const blockBytes: Readonly<Record<string, number>> = { sha1: 64, sha224: 64, sha256: 64, sha384: 128, sha512: 128 };

/**
 * The ways in which programs have turned a password into a BMPString. The standard comes first; before OpenSSL 1.1
 * each byte of the terminal's encoding was widened by itself; an empty password is two zero bytes or nothing at all.
 */
export function bmpPasswords(password: string): readonly Buffer[] {
  const widen = (bytes: Uint8Array): Buffer => Buffer.from([...bytes].flatMap((byte) => [0, byte]));
  const terminated = (bytes: Buffer): Buffer => Buffer.concat([bytes, Buffer.alloc(2)]);
  if (password === '') return [Buffer.alloc(2), Buffer.alloc(0)];
  const standard = terminated(Buffer.from(password, 'utf16le').swap16());
  const variants = [standard];
  for (const other of [
    terminated(widen(Buffer.from(password, 'utf8'))),
    terminated(widen(Buffer.from(password, 'latin1'))),
  ])
    if (variants.every((known) => !known.equals(other))) variants.push(other);
  return variants;
}

function repeat(bytes: Uint8Array, block: number): Buffer {
  const length = block * Math.ceil(bytes.length / block);
  return Buffer.from(Uint8Array.from({ length }, (_, index) => bytes[index % bytes.length] as number));
}

/** B.2, steps 6 C: the sum of `from` and `addend` and one, modulo the block's size, in place. */
function addBlock(into: Buffer, at: number, addend: Buffer): void {
  let carry = 1;
  for (let index = addend.length - 1; index >= 0; index -= 1) {
    const sum = (into[at + index] as number) + (addend[index] as number) + carry;
    into[at + index] = sum & 0xff;
    carry = sum >> 8;
  }
}

/** Derives `length` bytes (RFC 7292, B.2). */
export function derivePkcs12(
  algorithm: string,
  id: Purpose,
  password: Uint8Array,
  salt: Uint8Array,
  iterations: number,
  length: number,
): Buffer {
  const block = blockBytes[algorithm] ?? 64;
  const input = Buffer.concat([repeat(salt, block), repeat(password, block)]);
  const diversifier = Buffer.alloc(block, id);
  const parts: Buffer[] = [];
  for (let made = 0; made < length; ) {
    let digest = hash(algorithm, Buffer.concat([diversifier, input]), 'buffer');
    for (let round = 1; round < iterations; round += 1) digest = hash(algorithm, digest, 'buffer');
    parts.push(digest);
    made += digest.length;
    const addend = repeat(digest, block).subarray(0, block);
    for (let at = 0; at < input.length; at += block) addBlock(input, at, addend);
  }
  return Buffer.concat(parts).subarray(0, length);
}
