/*
 * The MIT keytab file, version 2, read for its principals alone, so that a message can say what is in a keytab. Keys
 * are passed over. Numbers are big-endian.
 *
 *   0  05 02
 *   2  entry*: int32 size (negative: a hole of that size, 0: the end), then size bytes:
 *        uint16 count of components
 *        realm, then each component: uint16 length, bytes
 *        uint32 name type, uint32 timestamp, uint8 key version
 *        uint16 encryption type, uint16 length, key
 *        [uint32 key version, where 4 bytes are left]
 */
import { readFile } from 'node:fs/promises';

export interface KeytabEntry {
  /** `HTTP/mail.example.com@EXAMPLE.COM`. */
  readonly principal: string;
  readonly keyVersion: number;
  /** RFC 3961 number. */
  readonly encryptionType: number;
}

export type KeytabContent =
  | { readonly kind: 'keytab'; readonly entries: readonly KeytabEntry[] }
  | { readonly kind: 'not-a-keytab'; readonly seen: string }
  | { readonly kind: 'unreadable'; readonly seen: string; readonly cause: unknown };

/** A keytab of a thousand principals is about 200 KB; anything beyond is some other file. */
const MAX_BYTES = 4 * 1024 * 1024;

export async function readKeytab(file: string): Promise<KeytabContent> {
  let bytes: Buffer;
  try {
    bytes = await readFile(file);
  } catch (cause) {
    return { kind: 'unreadable', seen: wordsFor(cause), cause };
  }
  if (bytes.length > MAX_BYTES)
    return { kind: 'not-a-keytab', seen: `it has ${bytes.length} bytes, too many for a keytab` };
  return decodeKeytab(bytes);
}

export function decodeKeytab(bytes: Uint8Array): KeytabContent {
  const source = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (source.length === 0) return { kind: 'keytab', entries: [] };
  if (source.length < 2 || source.readUInt16BE(0) !== 0x0502) {
    return {
      kind: 'not-a-keytab',
      seen: `it begins with ${source.subarray(0, 2).toString('hex')}, a keytab with 0502`,
    };
  }
  const entries: KeytabEntry[] = [];
  let at = 2;
  while (at + 4 <= source.length) {
    const size = source.readInt32BE(at);
    if (size === 0) break;
    const end = at + 4 + Math.abs(size);
    if (end > source.length) return { kind: 'not-a-keytab', seen: `it ends inside the entry at byte ${at}` };
    if (size > 0) {
      const entry = decodeEntry(source.subarray(at + 4, end));
      if (entry === undefined) return { kind: 'not-a-keytab', seen: `the entry at byte ${at} is damaged` };
      entries.push(entry);
    }
    at = end;
  }
  return { kind: 'keytab', entries };
}

function decodeEntry(bytes: Buffer): KeytabEntry | undefined {
  try {
    const count = bytes.readUInt16BE(0);
    let at = 2;
    const names: string[] = [];
    for (let index = 0; index <= count; index += 1) {
      const length = bytes.readUInt16BE(at);
      if (at + 2 + length > bytes.length) return undefined;
      names.push(bytes.toString('utf8', at + 2, at + 2 + length));
      at += 2 + length;
    }
    const [realm, ...components] = names;
    const encryptionType = bytes.readUInt16BE(at + 9);
    const keyEnd = at + 13 + bytes.readUInt16BE(at + 11);
    const keyVersion = bytes.length >= keyEnd + 4 ? bytes.readUInt32BE(keyEnd) : bytes.readUInt8(at + 8);
    const principal = `${components.map(escapeComponent).join('/')}@${realm ?? ''}`;
    return { principal, keyVersion, encryptionType };
  } catch {
    // A length that points past the end.
    return undefined;
  }
}

function escapeComponent(text: string): string {
  return text.replace(/[\\/@]/g, '\\$&');
}

/** The distinct principals of a keytab, for a message; not more than a handful. */
export function namesIn(entries: readonly KeytabEntry[]): string {
  const names = [...new Set(entries.map((entry) => entry.principal))];
  const rest = names.length > 8 ? ` and ${names.length - 8} more` : '';
  return names.length === 0 ? 'no key' : `${names.slice(0, 8).join(', ')}${rest}`;
}

function wordsFor(error: unknown): string {
  const code = (error as NodeJS.ErrnoException).code;
  if (code === 'ENOENT') return 'there is no such file';
  if (code === 'EACCES') return 'this account may not read it';
  if (code === 'EISDIR') return 'it is a folder';
  return error instanceof Error ? error.message : String(error);
}
