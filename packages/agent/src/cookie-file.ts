/*
 * Cookies on disk. What the digest at the end does not confirm is not read any further.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, readSync } from 'node:fs';
import {
  ConnectorError,
  type CookieFacts,
  digestBytes,
  SnapshotReader,
  type SnapshotEntry,
} from '@exchange-connector/connector';
import type { AtRest } from './at-rest.ts';
import { openPlainFile } from './plain-file.ts';

/** A cookie that was found whole. Close it in the end. */
export interface OpenCookie {
  readonly facts: CookieFacts;
  /** Its mailboxes, as often as they are asked for. */
  entries(): Iterable<SnapshotEntry>;
  close(): void;
}

/** Bytes of a cookie, wherever they are asked for. */
interface CookieBytes {
  readonly size: number;
  read(into: Uint8Array, position: number): number;
}

/** What stands where a cookie should. */
export type FoundCookie =
  | { readonly kind: 'found'; readonly cookie: OpenCookie }
  | { readonly kind: 'none' }
  /** `why` is a sentence for a person. */
  | { readonly kind: 'unusable'; readonly why: string };

const blockBytes = 256 * 1024;
/** What a sealed state file begins with. */
const sealedMark = Buffer.from('ECSEALED');

/** Whether the last bytes of the file are the SHA-256 of all before them. */
function isWhole({ size, read }: CookieBytes): boolean {
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafe(blockBytes);
  const end = size - digestBytes;
  for (let at = 0; at < end; ) {
    const count = read(block.subarray(0, Math.min(block.length, end - at)), at);
    if (count === 0) return false;
    hash.update(block.subarray(0, count));
    at += count;
  }
  const digest = Buffer.alloc(digestBytes);
  return readFully(read, digest, end) && hash.digest().equals(digest);
}

function readFully(read: CookieBytes['read'], into: Uint8Array, position: number): boolean {
  for (let filled = 0; filled < into.length; ) {
    const count = read(into.subarray(filled), position + filled);
    if (count === 0) return false;
    filled += count;
  }
  return true;
}

/** The cookie's own bytes: of a sealed one, those inside. */
function unsealed(bytes: CookieBytes, path: string, atRest: AtRest | undefined): CookieBytes {
  const start = new Uint8Array(sealedMark.length);
  if (!readFully(bytes.read, start, 0) || !sealedMark.equals(start)) return bytes;
  if (atRest === undefined) throw new Error('it is encrypted, and EncryptOutput is not set');
  return atRest.openSealedState(bytes, path);
}

/**
 * Opens a cookie; never throws: a cookie that cannot be used means a complete run, not a failed one.
 * @param atRest opens one that was sealed
 */
export function openCookie(path: string, atRest?: AtRest): FoundCookie {
  let fd: number | undefined;
  try {
    fd = openPlainFile(path);
    const { size } = fstatSync(fd);
    const open = fd;
    const read: CookieBytes['read'] = (into, position) => readSync(open, into, 0, into.length, position);
    const bytes = unsealed({ size, read }, path, atRest);
    const reader = new SnapshotReader(bytes);
    if (!isWhole(bytes)) throw new ConnectorError('COOKIE_INVALID', 'its checksum does not fit: it was damaged');
    return {
      kind: 'found',
      cookie: { facts: reader.facts, entries: () => reader.entries(), close: () => closeSync(open) },
    };
  } catch (error) {
    if (fd !== undefined) closeSync(fd);
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { kind: 'none' };
    const seen = error instanceof Error ? error.message : String(error);
    return { kind: 'unusable', why: `the cookie ${path} cannot be used: ${seen}` };
  }
}
