/*
 * The cryptography of PSRP's session key ([MS-PSRP] 2.2.2.3, 2.2.2.4) on node:crypto: RSA of 2048 bits with
 * PKCS#1 v1.5 padding, which WebCrypto lacks, and AES-256-CBC.
 */
import type { RsaPublicKey, SessionKeyPair, SessionKeyPort } from '@exchange-connector/psrp';
import {
  constants,
  createCipheriv,
  createDecipheriv,
  createPublicKey,
  generateKeyPairSync,
  privateDecrypt,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';

function createKeyPair(): SessionKeyPair {
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const { n = '', e = '' } = publicKey.export({ format: 'jwk' });
  return {
    publicKey: { modulus: Buffer.from(n, 'base64url'), exponent: Buffer.from(e, 'base64url') },
    decrypt(ciphertext) {
      try {
        return privateDecrypt({ key: privateKey, padding: constants.RSA_PKCS1_PADDING }, ciphertext);
      } catch {
        return undefined; // of a wrong length, or of another key
      }
    },
  };
}

function encrypt(publicKey: RsaPublicKey, plain: Uint8Array): Uint8Array {
  const n = Buffer.from(publicKey.modulus).toString('base64url');
  const e = Buffer.from(publicKey.exponent).toString('base64url');
  const key = createPublicKey({ format: 'jwk', key: { kty: 'RSA', n, e } });
  return publicEncrypt({ key, padding: constants.RSA_PKCS1_PADDING }, plain);
}

function aesEncrypt(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array {
  const cipher = createCipheriv('aes-256-cbc', key, iv);
  return Buffer.concat([cipher.update(plain), cipher.final()]);
}

function aesDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined {
  try {
    const decipher = createDecipheriv('aes-256-cbc', key, iv);
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** {@link SessionKeyPort} on node:crypto, for both sides. Making a key pair takes some 100 ms of CPU. */
export const nodeSessionKey: SessionKeyPort = {
  createKeyPair,
  encrypt,
  randomBytes: (count) => randomBytes(count),
  aesEncrypt,
  aesDecrypt,
};
