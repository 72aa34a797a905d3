import { randomBytes } from 'node:crypto';
import { closeSync, fchmodSync, fsyncSync, openSync, renameSync, rmSync, statSync, writeSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { ProtectionError } from './errors.ts';

/** The end of a name tells files apart, and leaves room within the 255 bytes of a name. */
const mostNameLength = 160;

/** For the owner alone. */
export const privateMode = 0o600;

/** A file that stands under a temporary name beside its place until it is whole. */
export class PendingFile {
  readonly path: string;
  readonly #temporary: string;
  #fd: number | undefined;

  /** @throws ProtectionError PROTECTION_FILE_FAILED */
  constructor(path: string, mode: number) {
    this.path = path;
    const name = `.${basename(path).slice(-mostNameLength)}.${randomBytes(6).toString('hex')}.partial`;
    this.#temporary = join(dirname(path), name);
    this.#fd = attempt(`making ${path}`, () => openSync(this.#temporary, 'wx', mode));
    // The mode again, whatever the account's umask is.
    attempt(`making ${path}`, () => fchmodSync(this.#fd as number, mode));
  }

  write(bytes: Uint8Array): void {
    attempt(`writing ${this.path}`, () => {
      for (let from = 0; from < bytes.length; ) from += writeSync(this.#fd as number, bytes, from);
    });
  }

  /** Makes it durable, still under the temporary name. */
  finish(): void {
    const fd = this.#fd;
    if (fd === undefined) return;
    attempt(`writing ${this.path} to the disk`, () => {
      fsyncSync(fd);
      this.#fd = undefined;
      closeSync(fd);
    });
  }

  /** Puts it in its place, in one step. */
  publish(): void {
    this.finish();
    attempt(`putting ${this.path} in its place`, () => renameSync(this.#temporary, this.path));
    syncFolder(dirname(this.path));
  }

  /** Removes it; safe to call at any time, also after {@link publish}. */
  discard(): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
    rmSync(this.#temporary, { force: true });
  }
}

/** Makes a name in a folder durable. Windows cannot open folders, some network file systems refuse: the name is there. */
export function syncFolder(folder: string): void {
  try {
    const fd = openSync(folder, 'r');
    try {
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
  } catch {
    // Nothing more can be done.
  }
}

function attempt<T>(doing: string, act: () => T): T {
  try {
    return act();
  } catch (cause) {
    const seen = cause instanceof Error ? cause.message : String(cause);
    throw new ProtectionError('PROTECTION_FILE_FAILED', `${doing}: ${seen}`, {
      mend: 'check that the folder is there, that this account may write there, and that the disk has room',
      cause,
    });
  }
}

/** The mode that a file has, or `otherwise` where it is not there yet. */
export function modeOf(path: string, otherwise: number): number {
  return (statSync(path, { throwIfNoEntry: false })?.mode ?? otherwise) & 0o777;
}

/** Writes a small file in one step: whole, or not at all. */
export function replaceFile(path: string, content: string, mode: number): void {
  const file = new PendingFile(path, mode);
  try {
    file.write(Buffer.from(content, 'utf8'));
    file.publish();
  } finally {
    file.discard();
  }
}
