/* A folder as it was at many moments, held in memory: of a file that only grew, what was added. */
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative } from 'node:path';

/** A file at one moment: the first bytes of what it grew to. */
interface FileState {
  readonly growth: { bytes: Buffer };
  readonly length: number;
}

/** A folder at one moment, by path within it. */
export type FolderState = ReadonlyMap<string, FileState>;

/** The files of a folder and below, by their paths within it. */
export function filesIn(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => relative(folder, join(entry.parentPath, entry.name)))
    .sort();
}

export class FolderHistory {
  readonly folder: string;
  #last: FolderState = new Map();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** The folder as it is now: the very state of the time before, where nothing changed since. */
  take(): FolderState {
    const state = new Map<string, FileState>();
    let isSame = true;
    for (const path of filesIn(this.folder)) {
      const bytes = readFileSync(join(this.folder, path));
      const known = this.#last.get(path);
      const next = known === undefined ? undefined : grown(known, bytes);
      isSame &&= next !== undefined && next === known;
      state.set(path, next ?? { growth: { bytes }, length: bytes.length });
    }
    if (!isSame || state.size !== this.#last.size) this.#last = state;
    return this.#last;
  }

  /** Makes the folder what it was. */
  restore(state: FolderState): void {
    for (const name of readdirSync(this.folder)) rmSync(join(this.folder, name), { recursive: true });
    for (const [path, { growth, length }] of state) {
      const target = join(this.folder, path);
      mkdirSync(dirname(target), { recursive: true });
      writeFileSync(target, growth.bytes.subarray(0, length));
    }
  }
}

/** @returns undefined where a file did not only grow */
function grown(known: FileState, bytes: Buffer): FileState | undefined {
  const { growth, length } = known;
  if (length !== growth.bytes.length || bytes.length < length) return undefined;
  if (!bytes.subarray(0, length).equals(growth.bytes)) return undefined;
  if (bytes.length === length) return known;
  growth.bytes = bytes;
  return { growth, length: bytes.length };
}
