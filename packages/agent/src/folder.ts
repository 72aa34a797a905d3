import { accessSync, chmodSync, closeSync, constants, fsyncSync, mkdirSync, openSync, rmSync, statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { fileFailed } from './errors.ts';

const folderMode = 0o750;

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() === true;
}

/** Whether anything stands there; what cannot be looked at is taken as missing: making it says why. */
function isThere(path: string): boolean {
  try {
    return statSync(path, { throwIfNoEntry: false }) !== undefined;
  } catch {
    return false;
  }
}

/** The folders from the first that is missing down to `path`. */
function missingFolders(path: string): string[] {
  const missing: string[] = [];
  for (let at = resolve(path); !isThere(at); at = dirname(at)) {
    missing.unshift(at);
    if (dirname(at) === at) break;
  }
  return missing;
}

function makeOne(path: string): void {
  try {
    mkdirSync(path, folderMode);
  } catch (error) {
    const madeMeanwhile = (error as NodeJS.ErrnoException).code === 'EEXIST' && isFolder(path);
    if (!madeMeanwhile) throw error;
    return;
  }
  if (process.platform !== 'win32') chmodSync(path, folderMode);
}

/**
 * Makes a folder and those above it that are not there, each with mode 0750, whatever the account's umask
 * is; folders that are there keep the mode they have. One by one: Node's recursive mkdir never comes back
 * where the file system says ENOENT though the folder above is there, as /proc does.
 * @throws what the file system throws
 */
export function makeFolder(path: string): void {
  const missing = missingFolders(path);
  if (missing.length === 0 && !isFolder(path)) mkdirSync(path); // says what is in the way
  for (const folder of missing) makeOne(folder);
}

/**
 * Makes a folder, and finds out that nothing can be written there before anything was done for it.
 * @throws AgentError RUN_FILE_FAILED
 */
export function makeWritableFolder(path: string): void {
  try {
    makeFolder(path);
    accessSync(path, constants.W_OK | constants.X_OK);
  } catch (cause) {
    throw fileFailed(`preparing the folder ${path} for the files of the export`, cause);
  }
}

/** Removes a folder of temporary files; what is left of it is worth no failure. */
export function removeFolder(path: string): void {
  try {
    rmSync(path, { recursive: true, force: true });
  } catch {
    // A file system that refuses has refused to make it, too, or is read-only by now.
  }
}

/** Makes what was made or renamed in a folder durable. Windows cannot open folders, and needs no such call. */
export function syncFolder(folder: string): void {
  let fd: number;
  try {
    fd = openSync(folder, 'r');
  } catch {
    return;
  }
  try {
    fsyncSync(fd);
  } catch {
    // Some network file systems refuse to sync a folder; what was done in it has been done.
  } finally {
    closeSync(fd);
  }
}
