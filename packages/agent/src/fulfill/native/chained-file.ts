/*
 * A file of JSON lines to which lines are only ever added, each through to the disk, each chained to the one
 * before it:
 *
 *   {"number":7,"kind":"…",…,"previous":"<hash of line 6>","hash":"<SHA-256>"}\n
 *
 * The hash is that of the line's own text from its `{` up to, and without, `,"hash":`. A line that was changed,
 * left out, or put in another place is found by it. A death in the middle of writing leaves a last line without
 * its end: what it would have told is not true yet, and it is cut off before the next line is written.
 */
import { createHash } from 'node:crypto';
import { closeSync, fchmodSync, fstatSync, fsyncSync, ftruncateSync, openSync, readFileSync, writeSync } from 'node:fs';
import { dirname } from 'node:path';
import { AgentError, fileFailed } from '../../errors.ts';
import { syncFolder } from '../../folder.ts';

/** The hash that the first line of a chain names. */
export const chainStart = '0'.repeat(64);

/** A place in a chain: the number of a line and its hash. The start of a chain is number 0. */
export interface ChainPlace {
  readonly number: number;
  readonly hash: string;
}

/** One line as it was read. */
export interface ChainedLine<T> extends ChainPlace {
  readonly value: T;
  /** What it says of the line before. */
  readonly previous: string;
}

/** Where a file is not as it was written. */
export interface ChainDamage {
  /** The line in the file, from 1. */
  readonly line: number;
  readonly reason: string;
}

export interface ChainReading<T> {
  /** The lines up to the damage, if there is any. */
  readonly lines: readonly ChainedLine<T>[];
  readonly damage: ChainDamage | undefined;
  /** Bytes up to the end of the last whole line. */
  readonly wholeBytes: number;
  /** True where a last line was cut short. */
  readonly torn: boolean;
}

/** Told of each writing, before and after; what it throws ends the writing there. For rehearsing deaths. */
export type WriteWatch = (moment: {
  readonly when: 'before' | 'after';
  readonly path: string;
  readonly bytes: Uint8Array;
}) => void;

const lineForm = /^(\{"number":(\d{1,15}),.*,"previous":"([0-9a-f]{64})"),"hash":"([0-9a-f]{64})"\}$/s;

function sha256(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

function readLine<T>(text: string, before: ChainPlace | undefined): ChainedLine<T> | string {
  const [, hashed = '', number = '', previous = '', hash = ''] = lineForm.exec(text) ?? [];
  if (hash === '') return 'it is no line of this kind of file';
  if (sha256(hashed) !== hash) return 'its content does not fit its hash: it was changed';
  if (before !== undefined && Number(number) !== before.number + 1)
    return `it has the number ${number} where ${before.number + 1} comes next: lines are missing or moved`;
  if (before !== undefined && previous !== before.hash)
    return 'the line before it is not the one that it was written after';
  try {
    // What was added, without what makes it a link of the chain.
    const { number: _, previous: __, hash: ___, ...value } = JSON.parse(text) as Record<string, unknown>;
    return { value: value as T, number: Number(number), previous, hash };
  } catch {
    return 'it is no valid JSON';
  }
}

/**
 * Reads a whole file.
 * @param after the line that its first line follows; undefined: taken from the first line itself
 * @returns undefined where there is no file
 * @throws AgentError RUN_FILE_FAILED
 */
export function readChainedFile<T>(path: string, after: ChainPlace | undefined): ChainReading<T> | undefined {
  let bytes: Buffer;
  try {
    bytes = readFileSync(path);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw fileFailed(`reading ${path}`, cause);
  }
  const wholeBytes = bytes.lastIndexOf(0x0a) + 1;
  const lines: ChainedLine<T>[] = [];
  const texts = bytes.subarray(0, wholeBytes).toString('utf8').split('\n').slice(0, -1);
  let before = after;
  for (const [at, text] of texts.entries()) {
    const line = readLine<T>(text, before);
    if (typeof line === 'string') return { lines, damage: { line: at + 1, reason: line }, wholeBytes, torn: false };
    lines.push(line);
    before = line;
  }
  return { lines, damage: undefined, wholeBytes, torn: wholeBytes < bytes.length };
}

/** The error for a file that is not as it was written. */
export function damaged(path: string, damage: ChainDamage, mend: string): AgentError {
  return new AgentError('RUN_JOURNAL_DAMAGED', `reading ${path}: line ${damage.line}: ${damage.reason}`, { mend });
}

/** Adds lines to one file. */
export class ChainedFile {
  readonly path: string;
  readonly #watch: WriteWatch | undefined;
  #last: ChainPlace;
  /** Where the next line goes; undefined until a reading told it: at the end of a file that is new. */
  #end: number;

  /**
   * @param last the line that the next one follows
   * @param end bytes of the file that are whole: what stands behind them is cut off
   */
  constructor(path: string, last: ChainPlace, end: number, watch?: WriteWatch) {
    this.path = path;
    this.#last = last;
    this.#end = end;
    this.#watch = watch;
  }

  /** The last line. */
  get last(): ChainPlace {
    return this.#last;
  }

  /**
   * Adds lines, through to the disk. The names `number`, `previous` and `hash` are the chain's own.
   * @throws AgentError RUN_FILE_FAILED, RUN_DISK_FULL
   */
  add(values: readonly object[]): void {
    if (values.length === 0) return;
    let last = this.#last;
    let text = '';
    for (const value of values) {
      const number = last.number + 1;
      const hashed = JSON.stringify({ number, ...value, previous: last.hash }).slice(0, -1);
      const hash = sha256(hashed);
      text += `${hashed},"hash":"${hash}"}\n`;
      last = { number, hash };
    }
    const bytes = Buffer.from(text);
    this.#watch?.({ when: 'before', path: this.path, bytes });
    try {
      this.#write(bytes);
    } catch (cause) {
      throw fileFailed(`writing ${this.path}`, cause);
    }
    this.#last = last;
    this.#end += bytes.length;
    this.#watch?.({ when: 'after', path: this.path, bytes });
  }

  #write(bytes: Uint8Array): void {
    // Not for appending: Linux would put positioned writes at the end all the same.
    const fd = openSync(this.path, this.#end === 0 ? 'w' : 'r+', 0o640);
    try {
      if (this.#end === 0 && process.platform !== 'win32') fchmodSync(fd, 0o640);
      if (fstatSync(fd).size > this.#end) ftruncateSync(fd, this.#end);
      let written = 0;
      while (written < bytes.length)
        written += writeSync(fd, bytes, written, bytes.length - written, this.#end + written);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    // Of a file that is new, the folder has to tell after a power cut, too.
    if (this.#end === 0) syncFolder(dirname(this.path));
  }
}
