/*
 * What the rest of the package works with: an RSA certificate, and the key that opens what was encrypted to it.
 * The key is a port, because a key of the Windows store may never leave it.
 */
import {
  constants,
  createHash,
  type KeyObject,
  privateDecrypt,
  publicEncrypt,
  type X509Certificate,
} from 'node:crypto';
import { ProtectionError } from '../errors.ts';
import { limits } from '../limits.ts';

/** Hash functions of RSA-OAEP that are met: SHA-256 here, SHA-1 as the default of other tools. */
export type OaepHash = 'sha1' | 'sha256' | 'sha384' | 'sha512';

/** Opens a key that was encrypted to the certificate with RSA-OAEP (RFC 8017, 7.1). Rejects where it does not open. */
export type UnwrapKey = (encryptedKey: Uint8Array, hash: OaepHash) => Promise<Uint8Array>;

/** A certificate that was opened; see {@link openCertificate}. */
export interface Certificate {
  readonly publicKey: KeyObject;
  /** Where the key is at hand; a key of the Windows store is not, and {@link unwrapKey} uses it where it lies. */
  readonly privateKey: KeyObject | undefined;
  /** Undefined where only the public part is there. */
  readonly unwrapKey: UnwrapKey | undefined;
  /** The certificate itself, DER. */
  readonly der: Uint8Array;
  /** Fingerprints of the DER, hex: SHA-1 in capitals as Windows shows it, SHA-256 in small letters. */
  readonly thumbprint: { readonly sha1: string; readonly sha256: string };
  /** `CN=…, O=…`, one line. */
  readonly subject: string;
  readonly notBefore: Date;
  readonly notAfter: Date;
  /** At the time of opening. */
  readonly validity: 'valid' | 'expired' | 'not-yet-valid';
  /** The name that a file gave it, where it gave one. */
  readonly friendlyName: string | undefined;
  /** What it was read from, for messages. */
  readonly source: string;
}

/** One line of a distinguished name that Node gives as several. */
export function oneLine(name: string): string {
  return name.split('\n').join(', ');
}

export interface CertificateParts {
  readonly x509: X509Certificate;
  readonly privateKey?: KeyObject | undefined;
  readonly unwrapKey?: UnwrapKey | undefined;
  readonly friendlyName?: string | undefined;
  readonly source: string;
  readonly now: Date;
}

/** Checks that the certificate's key is one that can be used here, and gives the certificate its form. */
export function makeCertificate({
  x509,
  privateKey,
  unwrapKey,
  friendlyName,
  source,
  now,
}: CertificateParts): Certificate {
  const publicKey = rsaKeyOf(x509, source);
  const notBefore = new Date(x509.validFrom);
  const notAfter = new Date(x509.validTo);
  const der = new Uint8Array(x509.raw);
  return {
    publicKey,
    privateKey,
    unwrapKey: privateKey === undefined ? unwrapKey : unwrapWith(privateKey),
    der,
    thumbprint: {
      sha1: createHash('sha1').update(der).digest('hex').toUpperCase(),
      sha256: createHash('sha256').update(der).digest('hex'),
    },
    subject: oneLine(x509.subject ?? ''),
    notBefore,
    notAfter,
    validity: now < notBefore ? 'not-yet-valid' : now > notAfter ? 'expired' : 'valid',
    friendlyName,
    source,
  };
}

function rsaKeyOf(x509: X509Certificate, source: string): KeyObject {
  let key: KeyObject;
  try {
    key = x509.publicKey;
  } catch (cause) {
    throw new ProtectionError(
      'CERTIFICATE_KEY_UNSUPPORTED',
      `reading the certificate of ${source}: its public key cannot be read`,
      { mend: rsaMend, cause },
    );
  }
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType !== 'rsa')
    throw new ProtectionError(
      'CERTIFICATE_KEY_UNSUPPORTED',
      `reading the certificate of ${source}: its key is of type ${key.asymmetricKeyType}, and only RSA can encrypt here`,
      { mend: rsaMend },
    );
  if (bits < limits.smallestRsaBits || bits > limits.largestRsaBits)
    throw new ProtectionError(
      'CERTIFICATE_KEY_SIZE_REFUSED',
      `reading the certificate of ${source}: its RSA key has ${bits} bits; allowed are ${limits.smallestRsaBits} to ${limits.largestRsaBits}`,
      { mend: rsaMend },
    );
  return key;
}

const rsaMend =
  'use a certificate with an RSA key of 2048 bits or more (docs/encryption-at-rest.md says how to make one)';

function unwrapWith(key: KeyObject): UnwrapKey {
  return async (encryptedKey, hash) =>
    privateDecrypt({ key, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: hash }, encryptedKey);
}

/** Encrypts a key to the certificate: RSA-OAEP with SHA-256, its mask generation too (RFC 8017). */
export function wrapKey(certificate: Certificate, key: Uint8Array): Uint8Array {
  return publicEncrypt(
    { key: certificate.publicKey, padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' },
    key,
  );
}

/** `CN=… (thumbprint 12AB…, from FILE)`: names a certificate in a message. */
export function nameOf({ subject, thumbprint, source }: Certificate): string {
  return `${subject} (thumbprint ${thumbprint.sha1}, from ${source})`;
}

/** The name of a day for messages, UTC. */
function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

/**
 * Refuses to encrypt to a certificate that is out of its validity. Decrypting is always allowed: an agent must not
 * lose its settings at the midnight on which a certificate ends; {@link validityRemark} tells it instead.
 */
export function requireValid(certificate: Certificate): void {
  if (certificate.validity === 'valid') return;
  const expired = certificate.validity === 'expired';
  throw new ProtectionError(
    expired ? 'CERTIFICATE_EXPIRED' : 'CERTIFICATE_NOT_YET_VALID',
    `encrypting to the certificate ${nameOf(certificate)}: ${
      expired
        ? `its validity ended on ${day(certificate.notAfter)}`
        : `its validity begins on ${day(certificate.notBefore)} only`
    }`,
    {
      mend: expired
        ? 'make or ask for a new one, and move to it with exchange-connector protect rotate; what is encrypted to it can still be read'
        : 'check the clock of this machine, or use a certificate that is valid now',
    },
  );
}

const soonMs = 30 * 24 * 3_600_000;

/** A sentence about a certificate whose validity has ended, ends within 30 days, or has not begun. */
export function validityRemark(certificate: Certificate, now: Date): string | undefined {
  const name = nameOf(certificate);
  if (now < certificate.notBefore) return `the certificate ${name} is not valid before ${day(certificate.notBefore)}`;
  if (now > certificate.notAfter)
    return `the validity of the certificate ${name} ended on ${day(certificate.notAfter)}`;
  if (certificate.notAfter.getTime() - now.getTime() < soonMs)
    return `the validity of the certificate ${name} ends on ${day(certificate.notAfter)}`;
  return undefined;
}

/** The private side of a certificate, or the error that says it is missing. */
export function requireUnwrapKey(certificate: Certificate, doing: string): UnwrapKey {
  if (certificate.unwrapKey !== undefined) return certificate.unwrapKey;
  throw new ProtectionError(
    'CERTIFICATE_KEY_MISSING',
    `${doing}: the certificate ${nameOf(certificate)} has no private key beside it`,
    { mend: 'export the certificate with its private key (PFX), or name the key file of a PEM pair' },
  );
}
