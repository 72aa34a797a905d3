/*
 * Encryption with a password, as PFX files have it:
 *
 *   PBES1 of PKCS #12 (RFC 7292, appendix C)   SHA-1 with 3DES or RC2: Windows before 2019, OpenSSL 1
 *   PBES2 (RFC 8018)                           PBKDF2 with AES-CBC or 3DES: everything newer
 *
 *   AlgorithmIdentifier  SEQUENCE { OBJECT IDENTIFIER, parameters }
 *   PKCS #12 parameters  SEQUENCE { salt OCTET STRING, iterations INTEGER }
 *   PBES2 parameters     SEQUENCE { PBKDF2 AlgorithmIdentifier, cipher AlgorithmIdentifier }
 *   PBKDF2 parameters    SEQUENCE { salt OCTET STRING, iterations, keyLength OPTIONAL, prf DEFAULT hmacWithSHA1 }
 */
import { createDecipheriv, pbkdf2Sync } from 'node:crypto';
import type { Asn1Reader } from '../asn1/reader.ts';
import { tag } from '../asn1/reader.ts';
import { derivePkcs12, purpose } from './pkcs12-key.ts';
import { decryptRc2Cbc } from './rc2.ts';

/** A password in the form that each scheme wants it. */
export interface PasswordForms {
  /** UTF-8, for PBKDF2. */
  readonly utf8: Uint8Array;
  /** As a BMPString, for PKCS #12. */
  readonly bmp: Uint8Array;
}

/** Counts rounds of key derivation down over a whole file; throws where a file asks for too many. */
export type SpendIterations = (count: number) => void;

/** An algorithm that is not read here; the name or object identifier is for people. */
export class UnsupportedAlgorithm extends Error {
  override readonly name = 'UnsupportedAlgorithm';
  readonly algorithm: string;
  constructor(algorithm: string, cause?: unknown) {
    super(algorithm, cause === undefined ? undefined : { cause });
    this.algorithm = algorithm;
  }
}

interface Pbes1 {
  readonly cipher: 'rc2' | 'des-ede3-cbc';
  readonly keyBytes: number;
  readonly bits: number;
}

const pbes1: Readonly<Record<string, Pbes1>> = {
  '1.2.840.113549.1.12.1.3': { cipher: 'des-ede3-cbc', keyBytes: 24, bits: 168 },
  '1.2.840.113549.1.12.1.4': { cipher: 'des-ede3-cbc', keyBytes: 16, bits: 112 },
  '1.2.840.113549.1.12.1.5': { cipher: 'rc2', keyBytes: 16, bits: 128 },
  '1.2.840.113549.1.12.1.6': { cipher: 'rc2', keyBytes: 5, bits: 40 },
};

const knownNames: Readonly<Record<string, string>> = {
  '1.2.840.113549.1.12.1.1': 'RC4 with 128 bits',
  '1.2.840.113549.1.12.1.2': 'RC4 with 40 bits',
};

const pbes2 = '1.2.840.113549.1.5.13';
const pbkdf2 = '1.2.840.113549.1.5.12';

const hmacs: Readonly<Record<string, string>> = {
  '1.2.840.113549.2.7': 'sha1',
  '1.2.840.113549.2.8': 'sha224',
  '1.2.840.113549.2.9': 'sha256',
  '1.2.840.113549.2.10': 'sha384',
  '1.2.840.113549.2.11': 'sha512',
};

const ciphers: Readonly<Record<string, { readonly name: string; readonly keyBytes: number }>> = {
  '2.16.840.1.101.3.4.1.2': { name: 'aes-128-cbc', keyBytes: 16 },
  '2.16.840.1.101.3.4.1.22': { name: 'aes-192-cbc', keyBytes: 24 },
  '2.16.840.1.101.3.4.1.42': { name: 'aes-256-cbc', keyBytes: 32 },
  '1.2.840.113549.3.7': { name: 'des-ede3-cbc', keyBytes: 24 },
};

/** Decrypts; undefined where the padding is wrong, which most often means a wrong password. */
export type DecryptWithPassword = (password: PasswordForms, ciphertext: Uint8Array) => Buffer | undefined;

/** Reads an AlgorithmIdentifier of password-based encryption. */
export function readPasswordBasedEncryption(algorithm: Asn1Reader, spend: SpendIterations): DecryptWithPassword {
  const id = algorithm.objectIdentifier('the encryption algorithm');
  const older = pbes1[id];
  if (older !== undefined) return readPbes1(algorithm, older, spend);
  if (id === pbes2) return readPbes2(algorithm, spend);
  throw new UnsupportedAlgorithm(knownNames[id] ?? id);
}

function readPbes1(
  algorithm: Asn1Reader,
  { cipher, keyBytes, bits }: Pbes1,
  spend: SpendIterations,
): DecryptWithPassword {
  const parameters = algorithm.sequence('the parameters of the encryption');
  const salt = parameters.octets('the salt');
  const iterations = parameters.integer('the number of iterations');
  return ({ bmp }, ciphertext) => {
    spend(iterations);
    const key = derivePkcs12('sha1', purpose.key, bmp, salt, iterations, keyBytes);
    const iv = derivePkcs12('sha1', purpose.iv, bmp, salt, iterations, 8);
    if (cipher === 'rc2') return decryptRc2Cbc(key, bits, iv, ciphertext);
    // Two-key 3DES is three-key 3DES whose third key is the first.
    return decryptWith(cipher, keyBytes === 16 ? Buffer.concat([key, key.subarray(0, 8)]) : key, iv, ciphertext);
  };
}

/** What no cipher or MAC goes beyond. */
const mostKeyBytes = 128;

/** A key derivation function of PBES2 or PBMAC1; `keyBytes` where its parameters do not say how long the key is. */
export type DeriveKey = (password: Uint8Array, keyBytes: number) => Buffer;

/** Reads an AlgorithmIdentifier of PBKDF2 (RFC 8018, A.2). */
export function readPbkdf2(algorithm: Asn1Reader, spend: SpendIterations): DeriveKey {
  const id = algorithm.objectIdentifier('the key derivation function');
  if (id !== pbkdf2) throw new UnsupportedAlgorithm(`the key derivation ${id}`);
  const parameters = algorithm.sequence('the parameters of the key derivation');
  const salt = parameters.octets('the salt');
  const iterations = parameters.integer('the number of iterations');
  const declared = parameters.nextIdentifier === tag.integer ? parameters.integer('the length of the key') : undefined;
  if (declared !== undefined && (declared < 1 || declared > mostKeyBytes)) unsupported(`a key of ${declared} bytes`);
  let prf = 'sha1';
  if (!parameters.atEnd) {
    const hmac = parameters.sequence('the pseudorandom function').objectIdentifier('the pseudorandom function');
    prf = hmacs[hmac] ?? unsupported(`the pseudorandom function ${hmac}`);
  }
  return (password, keyBytes) => {
    spend(iterations);
    return pbkdf2Sync(password, salt, Math.max(1, iterations), declared ?? keyBytes, prf);
  };
}

function unsupported(algorithm: string): never {
  throw new UnsupportedAlgorithm(algorithm);
}

function readPbes2(algorithm: Asn1Reader, spend: SpendIterations): DecryptWithPassword {
  const parameters = algorithm.sequence('the parameters of the encryption');
  const derive = readPbkdf2(parameters.sequence('the key derivation function'), spend);
  const scheme = parameters.sequence('the cipher');
  const id = scheme.objectIdentifier('the cipher');
  const cipher = ciphers[id] ?? unsupported(`the cipher ${id}`);
  const iv = scheme.octets('the initialization vector');
  return ({ utf8 }, ciphertext) => decryptWith(cipher.name, derive(utf8, cipher.keyBytes), iv, ciphertext);
}

function decryptWith(cipher: string, key: Uint8Array, iv: Uint8Array, ciphertext: Uint8Array): Buffer | undefined {
  let decipher: ReturnType<typeof createDecipheriv>;
  try {
    decipher = createDecipheriv(cipher, key, iv);
  } catch (cause) {
    // A system in FIPS mode has no 3DES; an initialization vector of a wrong length ends here too.
    throw new UnsupportedAlgorithm(cipher, cause);
  }
  try {
    return Buffer.concat([decipher.update(ciphertext), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** The hash of an HMAC's object identifier, for PBMAC1. */
export function hmacHashOf(id: string): string {
  return hmacs[id] ?? unsupported(`the message authentication ${id}`);
}
