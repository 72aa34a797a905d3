/*
 * Reading what has to be a file. Something else may stand in its place: opening a named pipe waits for whoever writes
 * into it, and a device never ends.
 */
import { createHash } from 'node:crypto';
import {
  closeSync,
  constants,
  createReadStream,
  fstatSync,
  openSync,
  readFileSync,
  statSync,
  type Stats,
} from 'node:fs';
import { AgentError } from './errors.ts';

/** What stands there instead of a file, in words. */
function kindOf(stats: Stats): string {
  if (stats.isDirectory()) return 'a folder';
  if (stats.isFIFO()) return 'a named pipe';
  if (stats.isSocket()) return 'a socket';
  return 'a device';
}

/**
 * Opens a file for reading, without ever waiting for one.
 * @throws what the file system throws; an Error where it is no file
 */
export function openPlainFile(path: string): number {
  // Windows has neither the flag nor such pipes among its files.
  const fd = openSync(path, constants.O_RDONLY | (constants.O_NONBLOCK ?? 0));
  const stats = fstatSync(fd);
  if (stats.isFile()) return fd;
  closeSync(fd);
  throw new Error(`${path} is no file but ${kindOf(stats)}`);
}

/**
 * The text of a file.
 * @throws what the file system throws; an Error where it is no file
 */
export function readPlainText(path: string): string {
  const fd = openPlainFile(path);
  try {
    return readFileSync(fd, 'utf8');
  } finally {
    closeSync(fd);
  }
}

/**
 * SHA-256 of a file, lower-case hex.
 * @throws what the file system throws; an Error where it is no file
 */
export async function hashPlainFile(path: string): Promise<string> {
  const digest = createHash('sha256');
  const parts = createReadStream('', { fd: openPlainFile(path) });
  for await (const part of parts) digest.update(part as Uint8Array);
  return digest.digest('hex');
}

/**
 * Finds out that something else stands where files are to be put, before anything was done for them.
 * @throws AgentError RUN_FILE_FAILED
 */
export function refuseNoFiles(paths: readonly string[]): void {
  for (const path of paths) {
    let stats: Stats | undefined;
    try {
      stats = statSync(path, { throwIfNoEntry: false });
    } catch {
      // What cannot be looked at is told of by whoever reads or replaces it.
    }
    if (stats === undefined || stats.isFile()) continue;
    throw new AgentError(
      'RUN_FILE_FAILED',
      `preparing the files of the run: ${path} is ${kindOf(stats)}, and a file is to stand there`,
      { mend: 'find out who put it there, and move it away; nothing was replaced' },
    );
  }
}
