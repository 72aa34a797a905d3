import { createHash, type Hash } from 'node:crypto';
import { rmSync } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import type { Sealing } from './at-rest.ts';
import { fileFailed } from './errors.ts';
import { makeFolder } from './folder.ts';

/** The end of a name tells the files of a run apart, and leaves room for the run's id in the 255 bytes of a name. */
const mostNameLength = 160;

/** The name that a file has until it is whole: beside its place, so that the rename stays on one disk. */
export function temporaryPath(path: string, runId: string): string {
  return join(dirname(path), `.${basename(path).slice(-mostNameLength)}.${runId}.partial`);
}

/** A file that is written under a temporary name: durable and hashed when finished, in place when published. */
export interface FinishedFile {
  readonly path: string;
  readonly temporary: string;
  /** Lower-case hex. */
  readonly sha256: string;
}

const bufferBytes = 256 * 1024;

/** Writes one file from front to back through one buffer; sealed, where a sealing is given. Its hash is of what stands in it. */
export class OutputFile {
  readonly path: string;
  readonly temporary: string;
  readonly #handle: FileHandle;
  readonly #hash: Hash = createHash('sha256');
  readonly #buffer = Buffer.allocUnsafe(bufferBytes);
  #filled = 0;
  readonly #sealing: Sealing | undefined;
  #closed = false;

  private constructor(path: string, temporary: string, handle: FileHandle, sealing: Sealing | undefined) {
    this.path = path;
    this.temporary = temporary;
    this.#handle = handle;
    this.#sealing = sealing;
  }

  /** Makes the folder (0750) where it is not there, and the file (0640). */
  static async open(path: string, runId: string, sealing?: Sealing): Promise<OutputFile> {
    const temporary = temporaryPath(path, runId);
    try {
      makeFolder(dirname(path));
      const handle = await open(temporary, 'wx', 0o640);
      // The mode again, whatever the account's umask is.
      await handle.chmod(0o640);
      return new OutputFile(path, temporary, handle, sealing);
    } catch (cause) {
      throw fileFailed(`making ${temporary}`, cause);
    }
  }

  /** Takes bytes; true when the buffer is so full that {@link flush} is due. */
  add(bytes: Uint8Array): boolean {
    if (bytes.length > this.#buffer.length - this.#filled) return this.#addLong(bytes);
    this.#buffer.set(bytes, this.#filled);
    this.#filled += bytes.length;
    return this.#filled > bufferBytes - 16_384;
  }

  /** Bytes that do not fit wait in a list of their own; a row of a mailbox seldom does. */
  #addLong(bytes: Uint8Array): boolean {
    this.#waiting.push(Buffer.from(this.#buffer.subarray(0, this.#filled)), Buffer.from(bytes));
    this.#filled = 0;
    return true;
  }
  readonly #waiting: Uint8Array[] = [];

  async flush(): Promise<void> {
    const parts = [...this.#waiting.splice(0), this.#buffer.subarray(0, this.#filled)];
    this.#filled = 0;
    try {
      for (const part of parts) {
        await this.#append(this.#sealing === undefined ? part : this.#sealing.add(part));
      }
    } catch (cause) {
      throw fileFailed(`writing ${this.temporary}`, cause);
    }
  }

  async #append(bytes: Uint8Array): Promise<void> {
    if (bytes.length === 0) return;
    this.#hash.update(bytes);
    await this.#handle.appendFile(bytes);
  }

  /** Makes the bytes durable under the temporary name. */
  async finish(): Promise<FinishedFile> {
    await this.flush();
    try {
      if (this.#sealing !== undefined) await this.#append(this.#sealing.finish());
      await this.#handle.sync();
      await this.#close();
    } catch (cause) {
      throw fileFailed(`writing ${this.temporary} to the disk`, cause);
    }
    return { path: this.path, temporary: this.temporary, sha256: this.#hash.digest('hex') };
  }

  /** Removes what was written; safe to call at any time, also after {@link finish}. */
  async discard(): Promise<void> {
    await this.#close().catch(() => {});
    rmSync(this.temporary, { force: true });
  }

  async #close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await this.#handle.close();
  }
}
