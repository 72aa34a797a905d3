/*
 * RC2 in CBC mode (RFC 2268), decryption alone: older Windows and OpenSSL encrypt the certificates of a PFX with
 * RC2-40, which OpenSSL 3 refuses without its legacy provider. Certificates are public; the key beside them is under
 * 3DES. Nothing is ever encrypted with it here.
 */

/** RFC 2268, section 2: a permutation of 0..255 made from the digits of π. */
const piTable = Buffer.from(
  'd978f9c419ddb5ed28e9fd794aa0d89dc67e37832b76538e624c6488448bfba2' +
    '179a59f587b34f1361456d8d09817d32bd8f40eb86b77b0bf09521225c6b4e82' +
    '54d66593ce60b21c7356c014a78cf1dc1275ca1f3bbee4d1423dd430a33cb626' +
    '6fbf0eda4669075727f21d9bbc944303f811c7f690ef3ee706c3d52fc8661ed7' +
    '08e8eade8052eef784aa72ac354d6a2a961ad2715a1549744b9fd05e0418a4ec' +
    'c2e0416e0f51cbcc2491af50a1f47039997c3a8523b8b47afc02365b25559731' +
    '2d5dfa98e38a92ae05df2910676cbac9d300e6cfe19ea82c6316013f58e289a9' +
    '0d38341bab33ffb0bb480c5fb9b1cd2ec5f3db47e5a59c770aa62068fe7fc1ad',
  'hex',
);
const blockBytes = 8;

/** Key expansion (RFC 2268, section 2). */
function expandKey(key: Uint8Array, effectiveBits: number): Uint16Array {
  const bytes = new Uint8Array(128);
  bytes.set(key);
  const pi = (index: number): number => piTable[index & 0xff] as number;
  const at = (index: number): number => bytes[index] as number;
  for (let i = key.length; i < 128; i += 1) bytes[i] = pi(at(i - 1) + at(i - key.length));
  const t8 = Math.ceil(effectiveBits / 8);
  bytes[128 - t8] = pi(at(128 - t8) & (0xff >> (8 * t8 - effectiveBits)));
  for (let i = 127 - t8; i >= 0; i -= 1) bytes[i] = pi(at(i + 1) ^ at(i + t8));
  return Uint16Array.from({ length: 64 }, (_, i) => at(2 * i) | (at(2 * i + 1) << 8));
}

const rotations = [1, 2, 3, 5] as const;

/** Decrypts one block (RFC 2268, section 4). */
function decryptBlock(r: Uint16Array, k: Uint16Array): void {
  const word = (index: number): number => r[index & 3] as number;
  let j = 63;
  const mix = (): void => {
    for (let i = 3; i >= 0; i -= 1) {
      const s = rotations[i] as number;
      const turned = (word(i) >>> s) | (word(i) << (16 - s));
      r[i] = turned - (k[j] as number) - (word(i + 3) & word(i + 2)) - (~word(i + 3) & word(i + 1));
      j -= 1;
    }
  };
  const mash = (): void => {
    for (let i = 3; i >= 0; i -= 1) r[i] = word(i) - (k[word(i + 3) & 63] as number);
  };
  for (let round = 0; round < 16; round += 1) {
    mix();
    if (round === 4 || round === 10) mash();
  }
}

/** Decrypts one block of eight bytes; for comparison with the vectors of RFC 2268, section 5. */
export function decryptRc2Block(key: Uint8Array, effectiveBits: number, ciphertext: Uint8Array): Uint8Array {
  const bytes = Buffer.from(ciphertext);
  const block = Uint16Array.from([0, 2, 4, 6], (at) => bytes.readUInt16LE(at));
  decryptBlock(block, expandKey(key, effectiveBits));
  for (const [index, word] of block.entries()) bytes.writeUInt16LE(word, 2 * index);
  return bytes;
}

/**
 * Decrypts RC2-CBC with PKCS #7 padding.
 * @returns undefined where the length or the padding is wrong, which most often means a wrong key
 */
export function decryptRc2Cbc(
  key: Uint8Array,
  effectiveBits: number,
  iv: Uint8Array,
  ciphertext: Uint8Array,
): Buffer | undefined {
  if (ciphertext.length === 0 || ciphertext.length % blockBytes !== 0) return undefined;
  const words = expandKey(key, effectiveBits);
  const plain = Buffer.alloc(ciphertext.length);
  const source = Buffer.from(ciphertext.buffer, ciphertext.byteOffset, ciphertext.length);
  const block = new Uint16Array(4);
  let previous: Uint8Array = iv;
  for (let at = 0; at < source.length; at += blockBytes) {
    for (let i = 0; i < 4; i += 1) block[i] = source.readUInt16LE(at + 2 * i);
    decryptBlock(block, words);
    for (let i = 0; i < 4; i += 1) plain.writeUInt16LE(block[i] as number, at + 2 * i);
    for (let i = 0; i < blockBytes; i += 1) plain[at + i] = (plain[at + i] as number) ^ (previous[i] as number);
    previous = source.subarray(at, at + blockBytes);
  }
  const padding = plain[plain.length - 1] as number;
  const isPadded =
    padding >= 1 && padding <= blockBytes && plain.subarray(plain.length - padding).every((byte) => byte === padding);
  return isPadded ? plain.subarray(0, plain.length - padding) : undefined;
}
