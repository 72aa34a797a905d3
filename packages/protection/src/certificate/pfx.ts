/*
 * PFX, which is PKCS #12 (RFC 7292), in password privacy and password integrity mode, as Windows, OpenSSL, Java and
 * .NET write it:
 *
 *   PFX             SEQUENCE { version 3, authSafe ContentInfo(data), macData OPTIONAL }
 *   authSafe        SEQUENCE OF ContentInfo(data | encryptedData), each holding SafeContents
 *   SafeContents    SEQUENCE OF SafeBag { bagId, [0] value, attributes SET OPTIONAL }
 *   MacData         SEQUENCE { DigestInfo { AlgorithmIdentifier, digest }, salt, iterations DEFAULT 1 }
 *
 * The MAC is verified before anything is decrypted, so that a wrong password and a damaged file are told apart.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { Asn1Fault, Asn1Reader, contextTag, tag } from '../asn1/reader.ts';
import { limits } from '../limits.ts';
import {
  hmacHashOf,
  type PasswordForms,
  readPasswordBasedEncryption,
  readPbkdf2,
  type SpendIterations,
  UnsupportedAlgorithm,
} from './password-based-encryption.ts';
import { bmpPasswords, derivePkcs12, purpose } from './pkcs12-key.ts';

const oid = {
  data: '1.2.840.113549.1.7.1',
  signedData: '1.2.840.113549.1.7.2',
  envelopedData: '1.2.840.113549.1.7.3',
  encryptedData: '1.2.840.113549.1.7.6',
  keyBag: '1.2.840.113549.1.12.10.1.1',
  shroudedKeyBag: '1.2.840.113549.1.12.10.1.2',
  certificateBag: '1.2.840.113549.1.12.10.1.3',
  safeContentsBag: '1.2.840.113549.1.12.10.1.6',
  x509Certificate: '1.2.840.113549.1.9.22.1',
  friendlyName: '1.2.840.113549.1.9.20',
  pbmac1: '1.2.840.113549.1.5.14',
} as const;

const digests: Readonly<Record<string, string>> = {
  '1.3.14.3.2.26': 'sha1',
  '2.16.840.1.101.3.4.2.4': 'sha224',
  '2.16.840.1.101.3.4.2.1': 'sha256',
  '2.16.840.1.101.3.4.2.2': 'sha384',
  '2.16.840.1.101.3.4.2.3': 'sha512',
};
const digestBytes: Readonly<Record<string, number>> = { sha1: 20, sha224: 28, sha256: 32, sha384: 48, sha512: 64 };

/** What a PFX holds. */
export interface PfxContent {
  /** Certificates, DER, with the names that the file gives them. */
  readonly certificates: readonly { readonly der: Uint8Array; readonly friendlyName: string | undefined }[];
  /** Private keys: PKCS #8, DER. */
  readonly keys: readonly Uint8Array[];
}

/** What became of a file that was read as a PFX. */
export type PfxReading =
  | { readonly kind: 'read'; readonly content: PfxContent }
  | { readonly kind: 'password-wrong' }
  | { readonly kind: 'damaged'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly algorithm: string; readonly cause: unknown }
  | { readonly kind: 'too-costly'; readonly iterations: number };

class TooCostly extends Error {
  readonly iterations: number;
  constructor(iterations: number) {
    super('too many iterations');
    this.iterations = iterations;
  }
}

class PasswordRefused extends Error {}

/** Reads a PFX file's bytes. Never throws for what the bytes hold. */
export function readPfx(bytes: Uint8Array, password: string): PfxReading {
  try {
    return { kind: 'read', content: new PfxReader().read(bytes, password) };
  } catch (error) {
    if (error instanceof Asn1Fault) return { kind: 'damaged', reason: error.message };
    if (error instanceof UnsupportedAlgorithm)
      return { kind: 'unsupported', algorithm: error.algorithm, cause: error.cause };
    if (error instanceof TooCostly) return { kind: 'too-costly', iterations: error.iterations };
    if (error instanceof PasswordRefused) return { kind: 'password-wrong' };
    throw error;
  }
}

class PfxReader {
  readonly #certificates: { der: Uint8Array; friendlyName: string | undefined }[] = [];
  readonly #keys: Uint8Array[] = [];
  #bags = 0;
  #iterations = 0;
  #password: PasswordForms = { utf8: new Uint8Array(), bmp: new Uint8Array() };
  /** The MAC has shown that the password is right: what does not decrypt now is damaged. */
  #isVerified = false;

  read(bytes: Uint8Array, password: string): PfxContent {
    const file = new Asn1Reader(bytes);
    const pfx = file.sequence('a PFX');
    const version = pfx.integer('the version');
    if (version !== 3) throw new Asn1Fault(0, `a PFX of version ${version}; 3 is read`);
    const safe = this.#authSafe(pfx.sequence('the authenticated safe'));
    this.#choosePassword(pfx, safe, password);
    // What stands after the PFX is padding of some exporters; it is not looked at.
    const safes = new Asn1Reader(safe).sequence('the authenticated safe');
    while (!safes.atEnd) this.#contentInfo(safes.sequence('a safe'));
    return { certificates: this.#certificates, keys: this.#keys };
  }

  #authSafe(info: Asn1Reader): Uint8Array {
    const type = info.objectIdentifier('the type of the authenticated safe');
    if (type === oid.signedData) throw new UnsupportedAlgorithm('public-key integrity mode (a signed PFX)');
    if (type !== oid.data) throw new Asn1Fault(info.offset, `the authenticated safe is of type ${type}`);
    return info
      .inside(info.take(contextTag(0, 'constructed'), 'the authenticated safe'))
      .octets('the authenticated safe');
  }

  #spend: SpendIterations = (count) => {
    this.#iterations += count;
    if (count < 1 || this.#iterations > limits.pfxIterations) throw new TooCostly(this.#iterations);
  };

  /** Finds the form of the password for which the MAC holds; without a MAC, the standard one. */
  #choosePassword(pfx: Asn1Reader, safe: Uint8Array, password: string): void {
    const utf8 = Buffer.from(password, 'utf8');
    const forms = bmpPasswords(password).map((bmp) => ({ utf8, bmp }));
    const [standard] = forms;
    if (standard !== undefined) this.#password = standard;
    if (pfx.atEnd) return;
    const holds = this.#readMac(pfx.sequence('the MAC'), safe);
    const right = forms.find(holds);
    if (right === undefined) throw new PasswordRefused();
    this.#password = right;
    this.#isVerified = true;
  }

  #readMac(mac: Asn1Reader, safe: Uint8Array): (form: PasswordForms) => boolean {
    const info = mac.sequence('the digest of the MAC');
    const algorithm = info.sequence('the algorithm of the MAC');
    const id = algorithm.objectIdentifier('the algorithm of the MAC');
    const expected = info.octets('the digest of the MAC');
    const salt = mac.octets('the salt of the MAC');
    const iterations = mac.atEnd ? 1 : mac.integer('the number of iterations of the MAC');
    const equals = (digest: Buffer): boolean => digest.length === expected.length && timingSafeEqual(digest, expected);
    if (id === oid.pbmac1) return this.#readPbmac1(algorithm, safe, equals);
    const digest = digests[id];
    if (digest === undefined) throw new UnsupportedAlgorithm(`the MAC ${id}`);
    return ({ bmp }) => {
      this.#spend(iterations);
      const key = derivePkcs12(digest, purpose.mac, bmp, salt, iterations, digestBytes[digest] as number);
      return equals(createHmac(digest, key).update(safe).digest());
    };
  }

  /** PBMAC1 in PKCS #12 (RFC 9579). */
  #readPbmac1(algorithm: Asn1Reader, safe: Uint8Array, equals: (digest: Buffer) => boolean) {
    const parameters = algorithm.sequence('the parameters of the MAC');
    const derive = readPbkdf2(parameters.sequence('the key derivation function'), this.#spend);
    const digest = hmacHashOf(
      parameters.sequence('the message authentication').objectIdentifier('the hash of the MAC'),
    );
    return ({ utf8 }: PasswordForms) =>
      equals(
        createHmac(digest, derive(utf8, digestBytes[digest] as number))
          .update(safe)
          .digest(),
      );
  }

  #contentInfo(info: Asn1Reader): void {
    const type = info.objectIdentifier('the type of a safe');
    if (type === oid.envelopedData) throw new UnsupportedAlgorithm('public-key privacy mode');
    if (type !== oid.data && type !== oid.encryptedData) throw new Asn1Fault(info.offset, `a safe of type ${type}`);
    const content = info.inside(info.take(contextTag(0, 'constructed'), 'the content of a safe'));
    this.#safeContents(
      type === oid.data
        ? content.octets('the content of a safe')
        : this.#encrypted(content.sequence('an encrypted safe')),
      0,
    );
  }

  #encrypted(data: Asn1Reader): Uint8Array {
    data.integer('the version of an encrypted safe');
    const info = data.sequence('the content of an encrypted safe');
    info.objectIdentifier('the type of the content');
    const decrypt = readPasswordBasedEncryption(info.sequence('the encryption algorithm'), this.#spend);
    const offset = info.offset;
    return this.#require(decrypt(this.#password, info.implicitOctets(0, 'the encrypted content')), offset);
  }

  #require(plain: Buffer | undefined, offset: number): Buffer {
    if (plain !== undefined) return plain;
    if (this.#isVerified)
      throw new Asn1Fault(offset, 'an encrypted part does not decrypt, though the password is right');
    throw new PasswordRefused();
  }

  #safeContents(bytes: Uint8Array, depth: number): void {
    if (depth > limits.asn1Depth) throw new Asn1Fault(0, 'bags nested too deep');
    const bags = this.#readDecrypted(() => new Asn1Reader(bytes).sequence('the bags of a safe'));
    while (!bags.atEnd) {
      this.#bags += 1;
      if (this.#bags > limits.pfxBags) throw new Asn1Fault(bags.offset, `more than ${limits.pfxBags} bags`);
      this.#bag(bags.sequence('a bag'), depth);
    }
  }

  /** Without a MAC, a wrong password can decrypt to something whose padding happens to fit. */
  #readDecrypted<T>(read: () => T): T {
    try {
      return read();
    } catch (error) {
      if (error instanceof Asn1Fault && !this.#isVerified) throw new PasswordRefused();
      throw error;
    }
  }

  #bag(bag: Asn1Reader, depth: number): void {
    const type = bag.objectIdentifier('the type of a bag');
    const value = bag.inside(bag.take(contextTag(0, 'constructed'), 'the value of a bag'));
    switch (type) {
      case oid.certificateBag: {
        const certificate = value.sequence('a certificate');
        if (certificate.objectIdentifier('the type of a certificate') !== oid.x509Certificate) return;
        const content = certificate.inside(certificate.take(contextTag(0, 'constructed'), 'a certificate'));
        this.#certificates.push({ der: content.octets('a certificate'), friendlyName: readFriendlyName(bag) });
        return;
      }
      case oid.keyBag:
        this.#keys.push(value.take(tag.sequence, 'a private key').encoded);
        return;
      case oid.shroudedKeyBag: {
        const key = value.sequence('an encrypted private key');
        const decrypt = readPasswordBasedEncryption(key.sequence('the encryption algorithm'), this.#spend);
        const offset = key.offset;
        this.#keys.push(this.#require(decrypt(this.#password, key.octets('an encrypted private key')), offset));
        return;
      }
      case oid.safeContentsBag:
        this.#safeContents(value.take(tag.sequence, 'nested bags').encoded, depth + 1);
        return;
      default:
        // Revocation lists and secrets of others are nothing that is looked for here.
        return;
    }
  }
}

/** The attribute friendlyName of a bag, where it has one (RFC 2985, 5.5.1). */
function readFriendlyName(bag: Asn1Reader): string | undefined {
  const set = bag.takeIf(tag.set);
  if (set === undefined) return undefined;
  const attributes = bag.inside(set);
  while (!attributes.atEnd) {
    const attribute = attributes.sequence('an attribute');
    if (attribute.objectIdentifier('an attribute') !== oid.friendlyName) continue;
    const values = attribute.inside(attribute.take(tag.set, 'the values of an attribute'));
    const text = values.takeIf(tag.bmpString);
    return text === undefined
      ? undefined
      : Buffer.from(text.content)
          .subarray(0, text.content.length & ~1)
          .swap16()
          .toString('utf16le');
  }
  return undefined;
}
