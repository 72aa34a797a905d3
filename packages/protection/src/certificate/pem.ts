/* Certificates and keys as PEM (RFC 7468), in one file or in two. */
import { createPrivateKey, type KeyObject, X509Certificate } from 'node:crypto';
import { ProtectionError } from '../errors.ts';

/** The longest password that OpenSSL takes for a PEM key. */
const mostPasswordBytes = 1024;

/** True for a text file with a PEM block in it. */
export function looksLikePem(bytes: Uint8Array): boolean {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).includes('-----BEGIN ');
}

function blocksOf(text: string, label: RegExp): readonly string[] {
  const blocks: string[] = [];
  for (const [block, name] of text.matchAll(/-----BEGIN ([A-Z0-9 ]{1,40})-----[^-]*-----END \1-----/g))
    if (label.test(name as string)) blocks.push(block);
  return blocks;
}

/** The certificates of a PEM file, in its order. */
export function readPemCertificates(bytes: Uint8Array, source: string): readonly X509Certificate[] {
  return blocksOf(Buffer.from(bytes).toString('latin1'), /^(?:X509 |TRUSTED )?CERTIFICATE$/).map((block) => {
    try {
      return new X509Certificate(block);
    } catch (cause) {
      throw new ProtectionError(
        'CERTIFICATE_DAMAGED',
        `reading the certificate file ${source}: a certificate in it is damaged`,
        {
          mend: 'copy the file again from where it was made',
          cause,
        },
      );
    }
  });
}

/** The private key of a PEM file; undefined where it has none. */
export function readPemKey(bytes: Uint8Array, source: string, passphrase: string | undefined): KeyObject | undefined {
  const [block] = blocksOf(Buffer.from(bytes).toString('latin1'), /PRIVATE KEY$/);
  if (block === undefined) return undefined;
  const isEncrypted = /BEGIN ENCRYPTED|Proc-Type: 4,ENCRYPTED/.test(block);
  const doing = `reading the private key of ${source}`;
  if (isEncrypted && passphrase === undefined)
    throw new ProtectionError('CERTIFICATE_PASSWORD_MISSING', `${doing}: it is encrypted, and no password was given`, {
      mend: passwordMend,
    });
  const password = Buffer.from(passphrase ?? '', 'utf8');
  if (isEncrypted && password.length > mostPasswordBytes) throw wrongPassword(doing, undefined);
  try {
    return createPrivateKey(isEncrypted ? { key: block, passphrase: password } : { key: block });
  } catch (cause) {
    throw keyRefused(doing, isEncrypted, cause);
  }
}

export const passwordMend =
  'give it in EncryptionCertificate.Password, in the environment variable EXCHANGE_CERTIFICATE_PASSWORD, or at the prompt';

function wrongPassword(doing: string, cause: unknown): ProtectionError {
  return new ProtectionError('CERTIFICATE_PASSWORD_WRONG', `${doing}: the password is not the right one`, {
    mend: 'check the password; capital letters and the end of the line count',
    cause,
  });
}

function keyRefused(doing: string, isEncrypted: boolean, cause: unknown): ProtectionError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  if (isEncrypted && /BAD_DECRYPT|BAD_PASSWORD|WRONG|CIPHERFINAL|MISSING_PASSPHRASE/.test(code))
    return wrongPassword(doing, cause);
  if (/UNSUPPORTED/.test(code) && isEncrypted)
    return new ProtectionError(
      'CERTIFICATE_ALGORITHM_UNSUPPORTED',
      `${doing}: it is encrypted in a way that is not read here, or the password is not the right one`,
      { mend: 'encrypt it anew: openssl pkcs8 -topk8 -v2 aes-256-cbc -in KEY -out NEW', cause },
    );
  return new ProtectionError('CERTIFICATE_DAMAGED', `${doing}: it is damaged`, {
    mend: 'copy the file again from where it was made',
    cause,
  });
}
