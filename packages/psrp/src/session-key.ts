/*
 * [MS-PSRP] 3.1.1.1.3, 2.2.2.3 to 2.2.2.5: the session key that protects SecureStrings up to protocol 2.3.
 * RSA with PKCS#1 v1.5 padding is not in WebCrypto and this package imports nothing, so the cryptography
 * comes in through this port. `@exchange-connector/wsman` has an implementation on node:crypto.
 */

/** An RSA public key. Both numbers are big-endian, without a leading zero byte. */
export interface RsaPublicKey {
  readonly modulus: Uint8Array;
  readonly exponent: Uint8Array;
}

/** The client's half of the key exchange: a fresh RSA key pair whose private half stays in the port. */
export interface SessionKeyPair {
  readonly publicKey: RsaPublicKey;
  /** RSA PKCS#1 v1.5 decryption of a big-endian ciphertext; `undefined` where it does not decrypt. */
  decrypt(ciphertext: Uint8Array): Uint8Array | undefined;
}

/** Cryptography of the session key. All calls are synchronous. */
export interface SessionKeyPort {
  /** A fresh RSA key pair of 2048 bits (client side). */
  createKeyPair(): SessionKeyPair;
  /** RSA PKCS#1 v1.5 encryption, big-endian result (server side). Throws where the key is unusable. */
  encrypt(publicKey: RsaPublicKey, plain: Uint8Array): Uint8Array;
  /** `count` random bytes, cryptographically strong (server side: the session key itself). */
  randomBytes(count: number): Uint8Array;
  /** AES-256-CBC with PKCS#7 padding. */
  aesEncrypt(key: Uint8Array, iv: Uint8Array, plain: Uint8Array): Uint8Array;
  /** AES-256-CBC with PKCS#7 padding; `undefined` where it does not decrypt. */
  aesDecrypt(key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Uint8Array | undefined;
}
