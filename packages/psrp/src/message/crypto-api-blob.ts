/*
 * [MS-PSRP] 2.2.2.3 and 2.2.2.4: keys travel as CryptoAPI blobs, in base64. CryptoAPI's big numbers are
 * little-endian, so that each stands reversed here.
 *
 *   PUBLIC_KEY             06 02 00 00  00 A4 00 00  'RSA1'  bits u32  exponent u32  modulus bits/8 bytes
 *   ENCRYPTED_SESSION_KEY  01 02 00 00  10 66 00 00  00 A4 00 00  RSA ciphertext
 */
import type { RsaPublicKey } from '../session-key.ts';

const publicKeyStart = [0x06, 0x02, 0, 0, 0, 0xa4, 0, 0, 0x52, 0x53, 0x41, 0x31];
const sessionKeyStart = [0x01, 0x02, 0, 0, 0x10, 0x66, 0, 0, 0, 0xa4, 0, 0];

/** RSA keys that are taken: 2048 bits is what every PowerShell makes; more only costs the server. */
const leastModulusBytes = 128;
const mostModulusBytes = 512;

function startsWith(bytes: Uint8Array, start: readonly number[]): boolean {
  return start.every((byte, index) => bytes[index] === byte);
}

function withoutLeadingZeros(bytes: Uint8Array): Uint8Array {
  const first = bytes.findIndex((byte) => byte !== 0);
  return first < 0 ? bytes.subarray(bytes.length) : bytes.subarray(first);
}

export function encodePublicKeyBlob(key: RsaPublicKey): Uint8Array {
  const modulus = withoutLeadingZeros(key.modulus);
  const blob = new Uint8Array(20 + modulus.length);
  blob.set(publicKeyStart);
  const bits = modulus.length * 8;
  blob.set([bits & 0xff, (bits >> 8) & 0xff, 0, 0], 12);
  blob.set(withoutLeadingZeros(key.exponent).slice().reverse(), 16);
  blob.set(modulus.slice().reverse(), 20);
  return blob;
}

/** `undefined` where the bytes are no such blob, or a key of a size that nobody makes. */
export function decodePublicKeyBlob(blob: Uint8Array): RsaPublicKey | undefined {
  if (!startsWith(blob, publicKeyStart)) return undefined;
  const modulus = withoutLeadingZeros(blob.slice(20).reverse());
  const exponent = withoutLeadingZeros(blob.slice(16, 20).reverse());
  const bits = (blob[12] as number) | ((blob[13] as number) << 8);
  const bytes = blob.length - 20;
  if (bytes < leastModulusBytes || bytes > mostModulusBytes || bits !== bytes * 8 || modulus.length !== bytes)
    return undefined;
  return exponent.length === 0 ? undefined : { modulus, exponent };
}

export function encodeSessionKeyBlob(ciphertext: Uint8Array): Uint8Array {
  const blob = new Uint8Array(sessionKeyStart.length + ciphertext.length);
  blob.set(sessionKeyStart);
  blob.set(ciphertext.slice().reverse(), sessionKeyStart.length);
  return blob;
}

/** The RSA ciphertext, big-endian; `undefined` where the bytes are no such blob. */
export function decodeSessionKeyBlob(blob: Uint8Array): Uint8Array | undefined {
  if (blob.length <= sessionKeyStart.length || !startsWith(blob, sessionKeyStart)) return undefined;
  return blob.slice(sessionKeyStart.length).reverse();
}
