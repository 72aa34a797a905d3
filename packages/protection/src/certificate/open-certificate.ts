import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { readBoundedFile } from '../bounded-file.ts';
import { ProtectionError } from '../errors.ts';
import { limits } from '../limits.ts';
import { isWrappedPassword, type PasswordKeySource, unwrapPassword } from '../password/wrapped-password.ts';
import { type Certificate, makeCertificate, oneLine } from './certificate.ts';
import { sameName } from './names.ts';
import { looksLikePem, passwordMend, readPemCertificates, readPemKey } from './pem.ts';
import { type PfxContent, readPfx } from './pfx.ts';
import { openStoreCertificate, type StoreSearch } from './windows-store.ts';

/** A secret text that is given out only on demand; the `Secret` of the settings is one. */
export interface Revealable {
  reveal(): string;
}

/** Where a certificate is, as `EncryptionCertificate` says it. `file` wins over the store. */
export interface CertificateSettings {
  /** PFX, or PEM, or a certificate alone (DER): told apart by what it holds. */
  readonly file?: string | undefined;
  /** Of a PEM pair, where the key has a file of its own. */
  readonly keyFile?: string | undefined;
  /** Of the PFX or of the PEM key: plain, or as `protect password` wrapped it. */
  readonly password?: Revealable | undefined;
  /** SHA-1 or SHA-256, hex, blanks and colons allowed: which certificate of the file or store. */
  readonly thumbprint?: string | undefined;
  /** Subject: which certificate of the file or store. */
  readonly distinguishedName?: string | undefined;
  /** `LocalMachine` or `CurrentUser` (default). */
  readonly storeLocation?: string | undefined;
  /** Default `My`. */
  readonly storeName?: string | undefined;
}

export interface OpenCertificateOptions {
  /** Where the key for a wrapped password is. */
  readonly passwordKey?: PasswordKeySource | undefined;
  readonly now?: Date | undefined;
}

/**
 * Opens an RSA certificate from a PFX, a PEM pair or the Windows store.
 *
 * A certificate out of its validity is opened: what was encrypted to it can be read; `validity` tells it.
 * @throws ProtectionError CERTIFICATE_…, PASSWORD_KEY_…, PROTECTION_FILE_FAILED, PROTECTION_LIMIT_EXCEEDED
 */
export async function openCertificate(
  settings: CertificateSettings,
  options: OpenCertificateOptions = {},
): Promise<Certificate> {
  const now = options.now ?? new Date();
  const thumbprint = settings.thumbprint === undefined ? undefined : readThumbprint(settings.thumbprint);
  const search = { thumbprint, distinguishedName: settings.distinguishedName };
  if (settings.file !== undefined) return openFile(settings.file, settings, search, { ...options, now });
  if (thumbprint === undefined && settings.distinguishedName === undefined)
    throw new ProtectionError(
      'CERTIFICATE_SETTINGS_INVALID',
      'opening the certificate: neither a file nor a thumbprint nor a distinguished name was given',
      {
        mend: 'set EncryptionCertificate.File, or Thumbprint or DistinguishedName of a certificate in the Windows store',
      },
    );
  return openStoreCertificate({ ...search, location: settings.storeLocation, store: settings.storeName }, now);
}

function readThumbprint(text: string): string {
  // Copied from a Windows dialog, it begins with a mark that nobody sees.
  const hex = text.replace(/[\s:\u200e\u200f]/g, '').toLowerCase();
  if (/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(hex)) return hex;
  throw new ProtectionError(
    'CERTIFICATE_SETTINGS_INVALID',
    `opening the certificate: the thumbprint ${JSON.stringify(text.slice(0, 100))} is not one`,
    { mend: 'give 40 (SHA-1) or 64 (SHA-256) hexadecimal digits' },
  );
}

interface Candidate {
  readonly x509: X509Certificate;
  readonly friendlyName: string | undefined;
  readonly privateKey: KeyObject | undefined;
}

type Search = Pick<StoreSearch, 'thumbprint' | 'distinguishedName'>;

function openFile(
  file: string,
  settings: CertificateSettings,
  search: Search,
  options: OpenCertificateOptions & { readonly now: Date },
): Certificate {
  const bytes = readBoundedFile(file, 'the certificate file', limits.certificateFileBytes);
  const password = readPassword(settings.password, file, options.passwordKey);
  let candidates: readonly Candidate[];
  if (looksLikePem(bytes)) candidates = readPem(bytes, file, settings.keyFile, password);
  else {
    const x509 = readDerCertificate(bytes);
    if (x509 === undefined && settings.keyFile !== undefined)
      throw new ProtectionError(
        'CERTIFICATE_SETTINGS_INVALID',
        `reading the certificate file ${file}: it is no PEM file, and a key file (${settings.keyFile}) is named beside it`,
        { mend: 'leave the key file out for a PFX, which holds its key' },
      );
    candidates =
      x509 === undefined
        ? candidatesOf(readPfxFile(bytes, file, password), file)
        : pairUp([{ x509, friendlyName: undefined }], keysOfFile(settings.keyFile, password), file);
  }
  const chosen = choose(candidates, search, file);
  return makeCertificate({ ...chosen, source: file, now: options.now });
}

/** The password as it is to be used: undefined where none was given. */
function readPassword(
  given: Revealable | undefined,
  file: string,
  key: PasswordKeySource | undefined,
): string | undefined {
  const text = given?.reveal();
  if (text === undefined || !isWrappedPassword(text)) return text;
  return unwrapPassword(text, key ?? {}, `reading the password of ${file}`);
}

function readDerCertificate(bytes: Uint8Array): X509Certificate | undefined {
  try {
    return new X509Certificate(bytes);
  } catch {
    return undefined;
  }
}

function keysOfFile(keyFile: string | undefined, password: string | undefined): readonly KeyObject[] {
  if (keyFile === undefined) return [];
  const bytes = readBoundedFile(keyFile, 'the key file', limits.certificateFileBytes);
  const key = readPemKey(bytes, keyFile, password);
  if (key === undefined)
    throw new ProtectionError(
      'CERTIFICATE_KEY_MISSING',
      `reading the key file ${keyFile}: there is no PEM private key in it`,
      {
        mend: 'name a file with a block "-----BEGIN PRIVATE KEY-----" or "-----BEGIN ENCRYPTED PRIVATE KEY-----"',
      },
    );
  return [key];
}

function readPem(
  bytes: Uint8Array,
  file: string,
  keyFile: string | undefined,
  password: string | undefined,
): readonly Candidate[] {
  const certificates = readPemCertificates(bytes, file).map((x509) => ({ x509, friendlyName: undefined }));
  const inside = keyFile === undefined ? readPemKey(bytes, file, password) : undefined;
  const keys = keyFile === undefined ? (inside === undefined ? [] : [inside]) : keysOfFile(keyFile, password);
  return pairUp(certificates, keys, file);
}

function readPfxFile(bytes: Uint8Array, file: string, password: string | undefined): PfxContent {
  const doing = `reading the PFX file ${file}`;
  const reading = readPfx(bytes, password ?? '');
  switch (reading.kind) {
    case 'read':
      return reading.content;
    case 'password-wrong':
      throw password === undefined
        ? new ProtectionError(
            'CERTIFICATE_PASSWORD_MISSING',
            `${doing}: it is protected by a password, and none was given`,
            {
              mend: passwordMend,
            },
          )
        : new ProtectionError(
            'CERTIFICATE_PASSWORD_WRONG',
            `${doing}: the password is not the right one, or the file was changed since`,
            {
              mend: 'check the password; capital letters and the end of the line count; else export the file again',
            },
          );
    case 'damaged':
      throw new ProtectionError(
        'CERTIFICATE_DAMAGED',
        `${doing}: it is no PFX, PEM or certificate, or damaged: ${reading.reason}`,
        {
          mend: 'copy the file again in binary mode from where it was exported',
        },
      );
    case 'unsupported':
      throw new ProtectionError(
        'CERTIFICATE_ALGORITHM_UNSUPPORTED',
        `${doing}: it uses ${reading.algorithm}, which is not read here or not allowed by this system`,
        { mend: 'export it again with AES-256 and SHA-256', cause: reading.cause },
      );
    case 'too-costly':
      throw new ProtectionError(
        'PROTECTION_LIMIT_EXCEEDED',
        `${doing}: it asks for ${reading.iterations} rounds of key derivation; 1 to ${limits.pfxIterations} are done`,
        { mend: 'export it again with fewer iterations' },
      );
  }
}

function candidatesOf(content: PfxContent, file: string): readonly Candidate[] {
  const damaged = (what: string, cause: unknown) =>
    new ProtectionError('CERTIFICATE_DAMAGED', `reading the PFX file ${file}: ${what} in it is damaged`, {
      mend: 'export it again',
      cause,
    });
  const certificates = content.certificates.map(({ der, friendlyName }) => {
    try {
      return { x509: new X509Certificate(der), friendlyName };
    } catch (cause) {
      throw damaged('a certificate', cause);
    }
  });
  const keys = content.keys.map((key) => {
    try {
      return createPrivateKey({ key: Buffer.from(key), format: 'der', type: 'pkcs8' });
    } catch (cause) {
      throw damaged('a private key', cause);
    }
  });
  return pairUp(certificates, keys, file);
}

function pairUp(
  certificates: readonly { readonly x509: X509Certificate; readonly friendlyName: string | undefined }[],
  keys: readonly KeyObject[],
  file: string,
): readonly Candidate[] {
  const candidates = certificates.map(({ x509, friendlyName }) => ({
    x509,
    friendlyName,
    privateKey: keys.find((key) => fits(x509, key)),
  }));
  if (certificates.length > 0 && keys.length > 0 && candidates.every(({ privateKey }) => privateKey === undefined))
    throw new ProtectionError(
      'CERTIFICATE_KEY_MISSING',
      `reading the certificate file ${file}: the private key fits none of its certificates`,
      {
        mend: 'name the key that belongs to the certificate',
      },
    );
  return candidates;
}

function fits(x509: X509Certificate, key: KeyObject): boolean {
  try {
    return x509.checkPrivateKey(key);
  } catch {
    return false;
  }
}

/** The one that was asked for; else the one with a key; else the only one, or the first of a chain. */
function choose(candidates: readonly Candidate[], search: Search, file: string): Candidate {
  const doing = `reading the certificate file ${file}`;
  const [first] = candidates;
  if (first === undefined)
    throw new ProtectionError('CERTIFICATE_NOT_FOUND', `${doing}: there is no certificate in it`, {
      mend: 'export the certificate itself too',
    });
  const asked = candidates.filter((candidate) => isAsked(candidate.x509, search));
  if (asked.length === 0)
    throw new ProtectionError(
      'CERTIFICATE_NOT_FOUND',
      `${doing}: none of its certificates is the one that was asked for (${search.thumbprint ?? search.distinguishedName}); there: ${listOf(candidates)}`,
      { mend: 'correct Thumbprint or DistinguishedName, or leave them out' },
    );
  const keyed = asked.filter(({ privateKey }) => privateKey !== undefined);
  const [only, ...others] = keyed.length > 0 ? keyed : asked;
  if (only === undefined || (others.length > 0 && keyed.length > 0))
    throw new ProtectionError(
      'CERTIFICATE_AMBIGUOUS',
      `${doing}: several of its certificates have a key: ${listOf(keyed)}`,
      {
        mend: 'say which with Thumbprint',
      },
    );
  return only;
}

function listOf(candidates: readonly Candidate[]): string {
  return candidates
    .slice(0, 10)
    .map(({ x509 }) => `${oneLine(x509.subject ?? '')} (${x509.fingerprint.replaceAll(':', '')})`)
    .join('; ');
}

function isAsked(x509: X509Certificate, { thumbprint, distinguishedName }: Search): boolean {
  const sha1 = x509.fingerprint.replaceAll(':', '').toLowerCase();
  const sha256 = x509.fingerprint256.replaceAll(':', '').toLowerCase();
  return (
    (thumbprint === undefined || thumbprint === sha1 || thumbprint === sha256) &&
    (distinguishedName === undefined || sameName(distinguishedName, x509.subject ?? ''))
  );
}
