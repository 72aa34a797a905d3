/*
 * AES-256-CTR at any position of a file (NIST SP 800-38A, 6.5): for rows that stand on the disk while they are
 * sorted, and are read from many places. It hides, and does not authenticate: who reads the rows back has their
 * checksums.
 */
import { createCipheriv, randomBytes } from 'node:crypto';

const blockBytes = 16;

/** Encrypts and decrypts bytes of one file in place; both are the same operation. */
export interface PositionalCipher {
  /** Hex: what makes the cipher again, with the same key. */
  readonly iv: string;
  /** @param position of the first byte, in the file */
  apply(bytes: Uint8Array, position: number): void;
}

/** A cipher for one file; without `iv` for a new one. */
export function createPositionalCipher(
  key: Uint8Array,
  iv = randomBytes(blockBytes).toString('hex'),
): PositionalCipher {
  const start = BigInt(`0x${iv}`);
  return {
    iv,
    apply(bytes, position) {
      if (bytes.length === 0) return;
      const counter = (start + BigInt(Math.floor(position / blockBytes))) & ((1n << 128n) - 1n);
      const cipher = createCipheriv('aes-256-ctr', key, Buffer.from(counter.toString(16).padStart(32, '0'), 'hex'));
      cipher.update(Buffer.alloc(position % blockBytes));
      bytes.set(cipher.update(bytes));
    },
  };
}
