import { accessSync, chmodSync, constants, mkdirSync, rmSync } from 'node:fs';
import { dirname } from 'node:path';
import { fileFailed } from './errors.ts';

const folderMode = 0o750;

/**
 * Makes a folder and those above it that are not there, each with mode 0750, whatever the account's umask
 * is; folders that are there keep the mode they have.
 * @throws what the file system throws
 */
export function makeFolder(path: string): void {
  const first = mkdirSync(path, { recursive: true, mode: folderMode });
  if (first === undefined || process.platform === 'win32') return;
  for (let made = path; made.length >= first.length; made = dirname(made)) chmodSync(made, folderMode);
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
