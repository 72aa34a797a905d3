/*
 * The password of a PFX, wrapped with a key of 32 bytes: a compact JWE, alg "dir", enc A256GCM (RFC 7516). The key
 * comes from the environment variable EXCHANGE_CERTIFICATE_PASSWORD_KEY or a file, hence from another place than the
 * settings. Without such a key there is nothing to wrap with: a key that ships with the program hides nothing.
 */
import { createHash, randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { readBoundedFile } from '../bounded-file.ts';
import { ProtectionError } from '../errors.ts';
import { privateMode } from '../file-writing.ts';
import { formatCompact, openCompact, parseCompact } from '../jwe/compact.ts';
import { limits } from '../limits.ts';

/** The environment variable of the key. */
export const passwordKeyVariable = 'EXCHANGE_CERTIFICATE_PASSWORD_KEY';

/** Where the key may be; the environment wins. */
export interface PasswordKeySource {
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  readonly file?: string | undefined;
}

const keyBytes = 32;
const keyForm = '64 hexadecimal digits, or 32 bytes in base64';
const keyMend = `make one with exchange-connector protect password --new-key FILE, and give it in ${passwordKeyVariable} or name its file`;

/** A new key, as the text that a key file or the environment variable holds. */
export function newPasswordKey(): string {
  return randomBytes(keyBytes).toString('base64url');
}

/**
 * Writes a new key to a file that is not there yet, for the owner alone.
 * @throws ProtectionError PROTECTION_FILE_FAILED
 */
export function createPasswordKeyFile(path: string): void {
  try {
    writeFileSync(path, `${newPasswordKey()}\n`, { flag: 'wx', mode: privateMode, flush: true });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    const seen = code === 'EEXIST' ? 'it is there already, and may be in use' : (cause as Error).message;
    throw new ProtectionError('PROTECTION_FILE_FAILED', `writing a new key to ${path}: ${seen}`, {
      mend: code === 'EEXIST' ? 'use it with --key-file, or name another file' : 'check the folder and its rights',
      cause,
    });
  }
}

/**
 * Sees to it that there is a key, before anybody types a password.
 * @throws ProtectionError PASSWORD_KEY_MISSING, PASSWORD_KEY_INVALID
 */
export function requirePasswordKey(source: PasswordKeySource): void {
  readKey(source, 'wrapping the password');
}

/** True for a text that {@link wrapPassword} made: a compact JWE whose key part is empty. */
export function isWrappedPassword(text: string): boolean {
  return /^eyJ[A-Za-z0-9_-]+\.\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+$/.test(text.trim());
}

function parseKey(text: string, from: string): Buffer {
  const trimmed = text.trim();
  const bytes = /^[0-9a-f]{64}$/i.test(trimmed)
    ? Buffer.from(trimmed, 'hex')
    : /^[A-Za-z0-9+/_-]{43}=?$/.test(trimmed)
      ? Buffer.from(trimmed, 'base64')
      : undefined;
  if (bytes?.length === keyBytes) return bytes;
  throw new ProtectionError(
    'PASSWORD_KEY_INVALID',
    `reading the key for the certificate's password from ${from}: it is no key`,
    {
      mend: `a key is ${keyForm}; ${keyMend}`,
    },
  );
}

function readKey(source: PasswordKeySource, doing: string): { readonly key: Buffer; readonly from: string } {
  const inEnvironment = source.environment?.[passwordKeyVariable];
  if (inEnvironment !== undefined && inEnvironment.trim() !== '')
    return { key: parseKey(inEnvironment, passwordKeyVariable), from: passwordKeyVariable };
  if (source.file === undefined)
    throw new ProtectionError(
      'PASSWORD_KEY_MISSING',
      `${doing}: there is no key for it; without one, it could only be obfuscated, which protects nothing`,
      {
        mend: keyMend,
      },
    );
  const bytes = readBoundedFile(source.file, 'the key file', limits.keyFileBytes);
  return { key: parseKey(bytes.toString('latin1'), source.file), from: source.file };
}

/** Tells one key from another, without telling the key. */
function keyId(key: Buffer): string {
  return createHash('sha256').update('certificate password key').update(key).digest('hex').slice(0, 16);
}

/**
 * Wraps a password.
 * @throws ProtectionError PASSWORD_KEY_MISSING, PASSWORD_KEY_INVALID
 */
export function wrapPassword(password: string, source: PasswordKeySource): string {
  const { key } = readKey(source, 'wrapping the password');
  return formatCompact({ alg: 'dir', kid: keyId(key) }, new Uint8Array(), key, Buffer.from(password, 'utf8'));
}

/**
 * The password that was wrapped.
 * @param doing for messages: `reading the password of FILE`
 * @throws ProtectionError PASSWORD_KEY_…, LEAF_DAMAGED
 */
export function unwrapPassword(wrapped: string, source: PasswordKeySource, doing: string): string {
  const { key, from } = readKey(source, doing);
  const reading = parseCompact(wrapped.trim().slice(0, limits.leafCharacters));
  if (reading.kind !== 'jwe' || reading.jwe.header.alg !== 'dir' || reading.jwe.encryptedKey.length > 0)
    throw damagedPassword(doing);
  const plain = openCompact(reading.jwe, key);
  if (plain !== undefined) return plain.toString('utf8');
  if (reading.jwe.header.kid === keyId(key)) throw damagedPassword(doing);
  throw new ProtectionError('PASSWORD_KEY_WRONG', `${doing}: it was wrapped with another key than the one in ${from}`, {
    mend: 'give the key it was wrapped with, or wrap the password again with exchange-connector protect password',
  });
}

function damagedPassword(doing: string): ProtectionError {
  return new ProtectionError('LEAF_DAMAGED', `${doing}: the wrapped password is damaged`, {
    mend: 'wrap the password again with exchange-connector protect password',
  });
}
