/*
 * [MS-PSRP] 2.2.4: a fragment is a piece of one message. All numbers are big-endian.
 *
 *    0                8               16 17        21
 *   +----------------+----------------+--+---------+--------------------- - -
 *   | ObjectId u64   | FragmentId u64 |FL| Length  | Length bytes of the message
 *   +----------------+----------------+--+---------+--------------------- - -
 *                                      FL: 1 first fragment, 2 last fragment, 3 both; other bits are ignored
 *
 * ObjectIds grow, but not by one: a real server counts them per process, over all pools and pipelines.
 * FragmentIds of one object are 0, 1, 2, ….
 */

/** Bytes of a fragment's header. */
export const fragmentHeaderBytes = 21;

/** A fragment's header as read. */
export interface FragmentHeader {
  readonly objectId: number;
  readonly fragmentId: number;
  readonly isStart: boolean;
  readonly isEnd: boolean;
  readonly blobBytes: number;
}

function readUint32(bytes: Uint8Array, offset: number): number {
  return (
    (bytes[offset] as number) * 0x1000000 +
    (((bytes[offset + 1] as number) << 16) | ((bytes[offset + 2] as number) << 8) | (bytes[offset + 3] as number))
  );
}

function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value >>> 24;
  bytes[offset + 1] = (value >>> 16) & 0xff;
  bytes[offset + 2] = (value >>> 8) & 0xff;
  bytes[offset + 3] = value & 0xff;
}

/**
 * Reads the header at `offset`; the caller has checked that its 21 bytes are there. `undefined` where an
 * id is beyond 2^53: no server counts so far, so those bytes are no fragment.
 */
export function decodeFragmentHeader(bytes: Uint8Array, offset: number): FragmentHeader | undefined {
  const objectHigh = readUint32(bytes, offset);
  const fragmentHigh = readUint32(bytes, offset + 8);
  if (objectHigh >= 0x200000 || fragmentHigh >= 0x200000) return undefined;
  const flags = bytes[offset + 16] as number;
  return {
    objectId: objectHigh * 0x100000000 + readUint32(bytes, offset + 4),
    fragmentId: fragmentHigh * 0x100000000 + readUint32(bytes, offset + 12),
    isStart: (flags & 1) !== 0,
    isEnd: (flags & 2) !== 0,
    blobBytes: readUint32(bytes, offset + 17),
  };
}

/** Writes a header at `offset` of `target`; the blob's bytes are the caller's to place behind it. */
export function encodeFragmentHeader(header: FragmentHeader, target: Uint8Array, offset: number): void {
  writeUint32(target, offset, Math.floor(header.objectId / 0x100000000));
  writeUint32(target, offset + 4, header.objectId % 0x100000000);
  writeUint32(target, offset + 8, Math.floor(header.fragmentId / 0x100000000));
  writeUint32(target, offset + 12, header.fragmentId % 0x100000000);
  target[offset + 16] = (header.isStart ? 1 : 0) | (header.isEnd ? 2 : 0);
  writeUint32(target, offset + 17, header.blobBytes);
}

/** One fragment, header and blob. `blobBytes` is taken from `blob`. */
export function encodeFragment(header: Omit<FragmentHeader, 'blobBytes'>, blob: Uint8Array): Uint8Array {
  const target = new Uint8Array(fragmentHeaderBytes + blob.length);
  encodeFragmentHeader({ ...header, blobBytes: blob.length }, target, 0);
  target.set(blob, fragmentHeaderBytes);
  return target;
}
