/*
 * RFC 4121 4.2.4 and 4.2.5: a sealed token in one piece, cut into the header and the data that WS-Management sends.
 *
 *   0  05 04             token id
 *   2  flags             1 sent by acceptor, 2 sealed, 4 acceptor subkey
 *   3  FF
 *   4  EC  (2, big-endian)   bytes of filler behind the plaintext
 *   6  RRC (2, big-endian)   by how much what follows was rotated to the right; not covered by the checksum
 *   8  SND_SEQ (8)
 *  16  rotated( encrypted( confounder 16 | plaintext | filler EC | header 16 ) | checksum 12 or 24 )
 */
import type { SealedMessage } from './mechanism.ts';

const HEADER_BYTES = 16;
const CONFOUNDER_BYTES = 16;

/** Splits a token so that `data` is as long as the plaintext; undefined where it is no sealed RFC 4121 token. */
export function splitSealedToken(token: Uint8Array, plaintextBytes: number): SealedMessage | undefined {
  const source = Buffer.from(token.buffer, token.byteOffset, token.byteLength);
  const trailer = source.length - HEADER_BYTES - CONFOUNDER_BYTES - plaintextBytes;
  const sealed = trailer > 0 && trailer <= 0xffff && source.readUInt16BE(0) === 0x0504 && ((source[2] ?? 0) & 2) !== 0;
  if (!sealed) return undefined;
  const body = source.subarray(HEADER_BYTES);
  const rotation = (source.readUInt16BE(6) + body.length - trailer) % body.length;
  const rotated = Buffer.concat([body.subarray(rotation), body.subarray(0, rotation)]);
  const head = Buffer.from(source.subarray(0, HEADER_BYTES));
  head.writeUInt16BE(trailer, 6);
  const headerEnd = trailer + CONFOUNDER_BYTES;
  return {
    header: Buffer.concat([head, rotated.subarray(0, headerEnd)]),
    data: rotated.subarray(headerEnd),
    paddingBytes: 0,
  };
}
