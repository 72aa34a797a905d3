/*
 * A state file that is read at any position, each block authenticated (AES-256-GCM):
 *
 *   file    "ECSEALED" │ 32 bytes salt │ block … block │ last block
 *   block   65,536 bytes of ciphertext (the last one: fewer, perhaps none) │ 16 bytes tag
 *   nonce   u8 1 for the last block, else 0 │ 3 bytes 0 │ u64 number of the block, big-endian
 *
 * The key is derived from the state key and the salt. The mark of the last block is what a file that was cut lacks.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';
import { ProtectionError } from '../errors.ts';
import type { StateKey } from './state-key.ts';

const magic = Buffer.from('ECSEALED');
const saltBytes = 32;
const headBytes = magic.length + saltBytes;
const contentBytes = 65_536;
const tagBytes = 16;
const blockBytes = contentBytes + tagBytes;
const purpose = 'state file';

/** The first bytes of a sealed file, to tell it from a plain one. */
export function isSealed(start: Uint8Array): boolean {
  return magic.equals(start.subarray(0, magic.length));
}

/** How many bytes {@link isSealed} wants to see. */
export const sealedMarkBytes: number = magic.length;

function nonceOf(block: number, isLast: boolean): Buffer {
  const nonce = Buffer.alloc(12);
  nonce[0] = isLast ? 1 : 0;
  nonce.writeBigUInt64BE(BigInt(block), 4);
  return nonce;
}

/** Seals one file from front to back: the same face as that of an envelope. */
export function createSealedBlocksWriter(stateKey: StateKey): {
  add(chunk: Uint8Array): Uint8Array;
  finish(): Uint8Array;
} {
  const salt = randomBytes(saltBytes);
  const key = stateKey.derive(purpose, salt);
  const block = Buffer.allocUnsafe(contentBytes);
  let filled = 0;
  let count = 0;
  let isBegun = false;
  const seal = (out: Uint8Array[], isLast: boolean): void => {
    const cipher = createCipheriv('aes-256-gcm', key, nonceOf(count, isLast));
    out.push(cipher.update(block.subarray(0, filled)), cipher.final(), cipher.getAuthTag());
    filled = 0;
    count += 1;
  };
  const begin = (): Uint8Array[] => {
    const out = isBegun ? [] : [magic, salt];
    isBegun = true;
    return out;
  };
  return {
    add(chunk) {
      const out = begin();
      for (let at = 0; at < chunk.length; ) {
        // A full block is sealed only once more bytes come: it may be the last.
        if (filled === contentBytes) seal(out, false);
        const length = Math.min(chunk.length - at, contentBytes - filled);
        block.set(chunk.subarray(at, at + length), filled);
        filled += length;
        at += length;
      }
      return Buffer.concat(out);
    },
    finish() {
      const out = begin();
      seal(out, true);
      return Buffer.concat(out);
    },
  };
}

/** Bytes that can be read at any position. */
export interface ReadableBytes {
  readonly size: number;
  /** Fills `into` from `position` on; gives how many bytes there were. */
  read(into: Uint8Array, position: number): number;
}

function readExactly(source: ReadableBytes, length: number, position: number, path: string): Buffer {
  const bytes = Buffer.allocUnsafe(length);
  for (let filled = 0; filled < length; ) {
    const count = source.read(bytes.subarray(filled), position + filled);
    if (count === 0) throw damaged(path, 'it is shorter than it was');
    filled += count;
  }
  return bytes;
}

function damaged(path: string, seen: string): ProtectionError {
  return new ProtectionError('ENVELOPE_DAMAGED', `reading ${path}: ${seen}`, {
    mend: 'remove the file: what was kept in it is read again from the server',
  });
}

/**
 * The content of a sealed file, at any position. A block is verified before any of it is given.
 * @param path for messages
 * @throws ProtectionError ENVELOPE_DAMAGED, here and while reading
 */
export function openSealedBlocks(source: ReadableBytes, stateKey: StateKey, path: string): ReadableBytes {
  const body = source.size - headBytes;
  const blocks = Math.ceil(body / blockBytes);
  const lastBytes = body - (blocks - 1) * blockBytes - tagBytes;
  if (body < tagBytes || lastBytes < 0) throw damaged(path, 'it is too short to be whole');
  const head = readExactly(source, headBytes, 0, path);
  if (!isSealed(head)) throw damaged(path, 'it is not sealed');
  const key = stateKey.derive(purpose, head.subarray(magic.length));
  let held: Buffer = Buffer.alloc(0);
  let heldBlock = -1;
  const open = (block: number): Buffer => {
    if (block === heldBlock) return held;
    const isLast = block === blocks - 1;
    const length = isLast ? lastBytes : contentBytes;
    const bytes = readExactly(source, length + tagBytes, headBytes + block * blockBytes, path);
    const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(block, isLast), { authTagLength: tagBytes });
    decipher.setAuthTag(bytes.subarray(length));
    try {
      held = Buffer.concat([decipher.update(bytes.subarray(0, length)), decipher.final()]);
    } catch {
      throw damaged(path, `its part ${block + 1} of ${blocks} was changed, or was sealed with another key`);
    }
    heldBlock = block;
    return held;
  };
  // A file that was cut between two blocks is found now, not when its end is reached.
  open(blocks - 1);
  return {
    size: (blocks - 1) * contentBytes + lastBytes,
    read(into, position) {
      const block = Math.floor(position / contentBytes);
      if (block >= blocks) return 0;
      const from = position - block * contentBytes;
      const part = open(block).subarray(from, from + into.length);
      into.set(part);
      return part.length;
    },
  };
}
