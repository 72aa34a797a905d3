/*
 * Cookies on disk. What the digest at the end does not confirm is not read any further.
 */
import { createHash } from 'node:crypto';
import { closeSync, fstatSync, openSync, readSync } from 'node:fs';
import {
  ConnectorError,
  type CookieFacts,
  digestBytes,
  SnapshotReader,
  type SnapshotEntry,
} from '@exchange-connector/connector';

/** A cookie that was found whole. Close it in the end. */
export interface OpenCookie {
  readonly facts: CookieFacts;
  /** Its mailboxes, as often as they are asked for. */
  entries(): Iterable<SnapshotEntry>;
  close(): void;
}

/** What stands where a cookie should. */
export type FoundCookie =
  | { readonly kind: 'found'; readonly cookie: OpenCookie }
  | { readonly kind: 'none' }
  /** `why` is a sentence for a person. */
  | { readonly kind: 'unusable'; readonly why: string };

const blockBytes = 256 * 1024;

/** Whether the last bytes of the file are the SHA-256 of all before them. */
function isWhole(fd: number, size: number): boolean {
  const hash = createHash('sha256');
  const block = Buffer.allocUnsafe(blockBytes);
  const end = size - digestBytes;
  for (let at = 0; at < end; ) {
    const count = readSync(fd, block, 0, Math.min(block.length, end - at), at);
    if (count === 0) return false;
    hash.update(block.subarray(0, count));
    at += count;
  }
  const digest = Buffer.alloc(digestBytes);
  return readSync(fd, digest, 0, digestBytes, end) === digestBytes && hash.digest().equals(digest);
}

/** Opens a cookie; never throws: a cookie that cannot be used means a complete run, not a failed one. */
export function openCookie(path: string): FoundCookie {
  let fd: number | undefined;
  try {
    fd = openSync(path, 'r');
    const stat = fstatSync(fd);
    if (!stat.isFile()) throw new Error('it is no file');
    const { size } = stat;
    const open = fd;
    const reader = new SnapshotReader({
      size,
      read: (into, position) => readSync(open, into, 0, into.length, position),
    });
    if (!isWhole(open, size)) throw new ConnectorError('COOKIE_INVALID', 'its checksum does not fit: it was damaged');
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
