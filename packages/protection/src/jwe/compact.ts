/*
 * JSON Web Encryption, compact serialization (RFC 7516, 7.1), of exactly two kinds (RFC 7518):
 *
 *   alg RSA-OAEP-256  enc A256GCM   a value encrypted to a certificate
 *   alg dir           enc A256GCM   a value encrypted with a key of 32 bytes
 *
 *   BASE64URL(header) . BASE64URL(encrypted key) . BASE64URL(iv, 12) . BASE64URL(ciphertext) . BASE64URL(tag, 16)
 *
 * The additional authenticated data is the first part as it stands. Nothing else is read: no "crit", no "zip", no
 * password-based algorithm, so that a leaf cannot choose what it costs to open.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export interface JweHeader {
  readonly alg: string;
  readonly enc: string;
  readonly kid: string | undefined;
}

export interface CompactJwe {
  readonly header: JweHeader;
  readonly encryptedKey: Buffer;
  readonly iv: Buffer;
  readonly ciphertext: Buffer;
  readonly tag: Buffer;
  readonly additionalData: Buffer;
}

/** What became of a text that was read as a compact JWE. */
export type CompactReading =
  | { readonly kind: 'jwe'; readonly jwe: CompactJwe }
  | { readonly kind: 'malformed'; readonly reason: string }
  | { readonly kind: 'unsupported'; readonly reason: string };

const ivBytes = 12;
const tagBytes = 16;
const base64Url = /^[A-Za-z0-9_-]*$/;
const printable = /^[\x21-\x7e]{1,200}$/;

/** Five parts of BASE64URL, the first of which is an object: the shape alone, nothing is verified. */
export function looksLikeCompactJwe(text: string): boolean {
  return /^eyJ[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]*\.[A-Za-z0-9_-]+$/.test(text);
}

/** Strict: no padding, and no bits that another spelling could carry (RFC 4648, 3.5). */
function decodePart(text: string): Buffer | undefined {
  if (!base64Url.test(text) || text.length % 4 === 1) return undefined;
  const bytes = Buffer.from(text, 'base64url');
  return bytes.toString('base64url') === text ? bytes : undefined;
}

export function parseCompact(text: string): CompactReading {
  const malformed = (reason: string): CompactReading => ({ kind: 'malformed', reason });
  const texts = text.split('.');
  if (texts.length !== 5) return malformed(`it has ${texts.length} parts, not five`);
  const [headerText = ''] = texts;
  const [header, encryptedKey, iv, ciphertext, tag] = texts.map(decodePart);
  if (!header || !encryptedKey || !iv || !ciphertext || !tag) return malformed('a part of it is not base64url');
  const read = readHeader(header);
  if (typeof read === 'string') return malformed(read);
  const unknown = findUnsupported(read);
  if (unknown !== undefined) return { kind: 'unsupported', reason: unknown };
  if (iv.length !== ivBytes) return malformed(`its initialization vector has ${iv.length} bytes, not ${ivBytes}`);
  if (tag.length !== tagBytes) return malformed(`its tag has ${tag.length} bytes, not ${tagBytes}`);
  const { alg, enc, kid } = read as unknown as JweHeader;
  const jwe = { header: { alg, enc, kid }, encryptedKey, iv, ciphertext, tag, additionalData: Buffer.from(headerText) };
  return { kind: 'jwe', jwe };
}

function readHeader(bytes: Buffer): Readonly<Record<string, unknown>> | string {
  let header: unknown;
  try {
    header = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch {
    return 'its header is no JSON';
  }
  if (typeof header !== 'object' || header === null || Array.isArray(header)) return 'its header is no JSON object';
  const own = Object.assign(Object.create(null), header) as Record<string, unknown>;
  if (typeof own['alg'] !== 'string' || typeof own['enc'] !== 'string') return 'its header lacks "alg" or "enc"';
  if (own['kid'] !== undefined && typeof own['kid'] !== 'string') return 'the "kid" of its header is no text';
  return own;
}

function findUnsupported(header: Readonly<Record<string, unknown>>): string | undefined {
  const { alg, enc } = header as { alg: string; enc: string };
  const show = (name: string) => (printable.test(name) ? JSON.stringify(name) : 'a name that cannot be shown');
  if (alg !== 'RSA-OAEP-256' && alg !== 'dir') return `its key is encrypted with ${show(alg)}, not RSA-OAEP-256`;
  if (enc !== 'A256GCM') return `it is encrypted with ${show(enc)}, not A256GCM`;
  if ('crit' in header) return 'its header has "crit": extensions that must be understood';
  if ('zip' in header) return 'it is compressed ("zip")';
  return undefined;
}

/** Encrypts `plaintext` with a content key of 32 bytes. */
export function formatCompact(
  header: { readonly alg: 'RSA-OAEP-256' | 'dir'; readonly kid: string },
  encryptedKey: Uint8Array,
  contentKey: Uint8Array,
  plaintext: Uint8Array,
): string {
  const first = Buffer.from(JSON.stringify({ alg: header.alg, enc: 'A256GCM', kid: header.kid })).toString('base64url');
  const iv = randomBytes(ivBytes);
  const cipher = createCipheriv('aes-256-gcm', contentKey, iv).setAAD(Buffer.from(first));
  const ciphertext = Buffer.concat([cipher.update(plaintext), cipher.final()]);
  const parts = [Buffer.from(encryptedKey), iv, ciphertext, cipher.getAuthTag()];
  return [first, ...parts.map((part) => part.toString('base64url'))].join('.');
}

/** The plaintext; undefined where the key is another one or anything was changed. */
export function openCompact(jwe: CompactJwe, contentKey: Uint8Array): Buffer | undefined {
  try {
    const decipher = createDecipheriv('aes-256-gcm', contentKey, jwe.iv, { authTagLength: tagBytes });
    decipher.setAAD(jwe.additionalData).setAuthTag(jwe.tag);
    return Buffer.concat([decipher.update(jwe.ciphertext), decipher.final()]);
  } catch {
    return undefined;
  }
}
