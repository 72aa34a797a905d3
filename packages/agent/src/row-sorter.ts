/*
 * Sorts rows by their key outside memory, so that an organisation of any size takes the same: rows are
 * encoded into one chunk; a full chunk is sorted and written out as a run; the runs are merged in the end.
 *
 *   record   u32 length of the line │ u32 group │ 36 bytes key │ line, UTF-8
 *
 * Rows are encoded at once, because the text of a row is cut out of the text of a whole mailbox, which
 * would stay in memory with it.
 */
import { closeSync, openSync, readSync, rmSync, writeSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { RowSink } from '@exchange-connector/connector';
import type { PositionalCipher } from '@exchange-connector/protection';
import type { RowCiphers } from './at-rest.ts';
import { fileFailed } from './errors.ts';
import { makeFolder } from './folder.ts';
import { openPlainFile } from './plain-file.ts';

const keyBytes = 36;
const headBytes = 8 + keyBytes;

/** Memory for rows that are not written out yet. */
const chunkBytes = 4 * 1024 * 1024;
/** Memory for each run while runs are merged. */
const readBytes = 32 * 1024;

/** One sorted row: good until the next one is asked for. */
export interface SortedRow {
  readonly line: Uint8Array;
  readonly group: string;
}

/** Rows that stand sorted in a file that outlives the process: in segments, each sorted by itself. Plain data. */
export interface SealedRows {
  readonly path: string;
  readonly segments: readonly { readonly at: number; readonly size: number; readonly crc32: number }[];
  readonly groups: readonly string[];
  readonly rows: number;
  /** Of the cipher that the file is under, where it is under one. */
  readonly iv?: string;
}

/** A place in sorted records: in memory or in a file. */
interface Cursor {
  readonly order: number;
  readonly groups: readonly string[];
  /** The current record is `buffer[at, at + headBytes + length)`. */
  buffer: Buffer;
  at: number;
  length: number;
  /** Steps to the next record; false where there is none. */
  next(): boolean;
}

/** Sorted records in a file: `size` bytes from `at` on. */
interface SortedRun {
  readonly fd: number;
  readonly at: number;
  readonly size: number;
  readonly groups: readonly string[];
  readonly cipher: PositionalCipher | undefined;
}

class RunCursor implements Cursor {
  readonly order: number;
  readonly groups: readonly string[];
  buffer = Buffer.allocUnsafe(readBytes);
  at = 0;
  length = -headBytes;
  readonly #fd: number;
  readonly #cipher: PositionalCipher | undefined;
  readonly #stop: number;
  #end = 0;
  #position: number;

  constructor(run: SortedRun, order: number) {
    this.#fd = run.fd;
    this.#cipher = run.cipher;
    this.#position = run.at;
    this.#stop = run.at + run.size;
    this.groups = run.groups;
    this.order = order;
  }

  next(): boolean {
    this.at += headBytes + this.length;
    this.length = -headBytes;
    if (!this.#have(headBytes)) return false;
    this.length = this.buffer.readUInt32LE(this.at);
    // Rows under another key read as any number: no buffer is made for one.
    if (this.length > this.#stop || !this.#have(headBytes + this.length))
      throw new Error('a run of the sort ends in the middle of a row');
    return true;
  }

  /** Makes the `wanted` bytes from `at` on stand in the buffer; false at the end of the file. */
  #have(wanted: number): boolean {
    if (this.#end - this.at >= wanted) return true;
    const rest = this.buffer.subarray(this.at, this.#end);
    const target = wanted > this.buffer.length ? Buffer.allocUnsafe(wanted) : this.buffer;
    rest.copy(target);
    this.#end = rest.length;
    this.buffer = target;
    this.at = 0;
    while (this.#end < wanted && this.#position < this.#stop) {
      const most = Math.min(this.buffer.length - this.#end, this.#stop - this.#position);
      const count = readSync(this.#fd, this.buffer, this.#end, most, this.#position);
      if (count === 0) break;
      this.#cipher?.apply(this.buffer.subarray(this.#end, this.#end + count), this.#position);
      this.#end += count;
      this.#position += count;
    }
    return this.#end >= wanted;
  }
}

/** Where a run of the sort is written. */
type RunPlace = Pick<SortedRun, 'fd' | 'at' | 'cipher'>;

class MemoryCursor implements Cursor {
  readonly order: number;
  readonly groups: readonly string[];
  readonly buffer: Buffer;
  at = 0;
  length = 0;
  readonly #offsets: readonly number[];
  #index = -1;

  constructor(buffer: Buffer, offsets: readonly number[], groups: readonly string[], order: number) {
    this.buffer = buffer;
    this.groups = groups;
    this.#offsets = offsets;
    this.order = order;
  }

  next(): boolean {
    this.#index += 1;
    const at = this.#offsets[this.#index];
    if (at === undefined) return false;
    this.at = at;
    this.length = this.buffer.readUInt32LE(at);
    return true;
  }
}

/** By key; of equal keys the earlier one first. */
function compareCursors(left: Cursor, right: Cursor): number {
  const byKey = left.buffer.compare(right.buffer, right.at + 8, right.at + headBytes, left.at + 8, left.at + headBytes);
  return byKey === 0 ? left.order - right.order : byKey;
}

/** Puts the last of `heap` where it belongs, from the root down. */
function sink(heap: Cursor[]): void {
  let parent = 0;
  for (;;) {
    const left = 2 * parent + 1;
    if (left >= heap.length) return;
    const right = left + 1;
    const child = right < heap.length && compareCursors(heap[right] as Cursor, heap[left] as Cursor) < 0 ? right : left;
    if (compareCursors(heap[parent] as Cursor, heap[child] as Cursor) <= 0) return;
    [heap[parent], heap[child]] = [heap[child] as Cursor, heap[parent] as Cursor];
    parent = child;
  }
}

/** Rows in any order in, rows sorted by key and each key once out. Close it in the end. */
export class RowSorter implements RowSink {
  readonly #folder: string;
  readonly #name: string;
  /** Called with a key that was put twice; to throw is to refuse it. */
  onRepeatedKey: ((key: string) => void) | undefined;
  /** Of the first row that is put on; some sorters never have one. */
  #chunk = Buffer.alloc(0);
  #used = 0;
  #offsets: number[] = [];
  #runs: SortedRun[] = [];
  /** Files that are open, and those of them that are to be removed. */
  #files: {
    readonly fd: number;
    readonly path: string;
    readonly isKept: boolean;
    readonly cipher: PositionalCipher | undefined;
  }[] = [];
  #runsMade = 0;
  #rowsPut = 0;
  #isWanted: ((key: string) => boolean) | undefined;
  readonly #groups: string[] = [];
  readonly #groupNumbers = new Map<string, number>();
  readonly #keptPath: string | undefined;
  readonly #ciphers: RowCiphers | undefined;
  #checksums: number[] = [];

  /**
   * @param folder made when it is first needed
   * @param name begins the names of the files in it
   * @param keptPath where all sorted rows go, into one file that is not removed ({@link seal})
   * @param ciphers hide what is written; undefined: it is written as it is
   */
  constructor(folder: string, name: string, keptPath?: string, ciphers?: RowCiphers) {
    this.#folder = folder;
    this.#name = name;
    this.#keptPath = keptPath;
    this.#ciphers = ciphers;
  }

  put(key: string, line: string, group: string): void {
    // A UTF-16 code unit takes at most three bytes of UTF-8.
    const most = headBytes + line.length * 3;
    if (most > this.#chunk.length - this.#used) this.#spill();
    if (most > this.#chunk.length) this.#setChunk(Math.max(most, chunkBytes));
    const at = this.#used;
    const length = this.#chunk.write(line, at + headBytes, 'utf8');
    this.#chunk.writeUInt32LE(length, at);
    this.#chunk.writeUInt32LE(this.#groupNumber(group), at + 4);
    if (key.length !== keyBytes) throw new RangeError(`a row's key has ${key.length} characters, not ${keyBytes}`);
    this.#chunk.write(key, at + 8, 'latin1');
    this.#offsets.push(at);
    this.#used = at + headBytes + length;
    this.#rowsPut += 1;
  }

  /** Leaves out rows whose key is not wanted, when rows are asked for. */
  keepOnly(isWanted: (key: string) => boolean): void {
    this.#isWanted = isWanted;
  }

  /** Takes rows that were sealed, as if they were put now. */
  adopt(sealed: SealedRows): void {
    this.#spill();
    const { path, segments, groups } = sealed;
    const cipher = cipherOf(sealed, this.#ciphers);
    try {
      const fd = openSync(path, 'r');
      this.#files.push({ fd, path, isKept: true, cipher });
      for (const { at, size } of segments) this.#runs.push({ fd, at, size, groups, cipher });
    } catch (cause) {
      throw fileFailed(`opening the rows kept in ${path}`, cause);
    }
  }

  /**
   * Writes all rows to the kept file, and closes the sorter. To be durable the file is to be synced.
   * @throws AgentError where the file cannot be written
   */
  seal(): SealedRows {
    const path = this.#keptPath ?? '';
    this.#spill();
    const segments = this.#runs.map(({ at, size }, index) => ({ at, size, crc32: this.#checksums[index] ?? 0 }));
    const iv = this.#files[0]?.cipher?.iv;
    const rows = { path, segments, groups: [...this.#groups], rows: this.#rowsPut };
    const sealed = iv === undefined ? rows : { ...rows, iv };
    this.close();
    return sealed;
  }

  restart(): void {
    this.close();
  }

  /** The rows in order of their keys; of rows with one key, the last that was put. */
  *rows(): Generator<SortedRow, void, void> {
    this.#sortChunk();
    const cursors: Cursor[] = this.#runs.map((run, order) => new RunCursor(run, order));
    cursors.push(new MemoryCursor(this.#chunk, this.#offsets, this.#groups, cursors.length));
    const heap = cursors.filter((cursor) => cursor.next()).sort(compareCursors);
    let held = Buffer.allocUnsafe(readBytes);
    let heldLength = -1;
    let heldGroups: readonly string[] = [];
    for (let top = heap[0]; top !== undefined; top = heap[0]) {
      const isNew = heldLength < 0 || held.compare(top.buffer, top.at + 8, top.at + headBytes, 8, headBytes) !== 0;
      if (isNew && heldLength >= 0 && this.#wants(held)) yield rowOf(held, heldLength, heldGroups);
      if (!isNew) this.onRepeatedKey?.(held.toString('latin1', 8, headBytes));
      if (headBytes + top.length > held.length) held = Buffer.allocUnsafe(headBytes + top.length);
      heldLength = top.length;
      heldGroups = top.groups;
      top.buffer.copy(held, 0, top.at, top.at + headBytes + top.length);
      if (!this.#step(top)) {
        const last = heap.pop() as Cursor;
        if (heap.length > 0) heap[0] = last;
      }
      sink(heap);
    }
    if (heldLength >= 0 && this.#wants(held)) yield rowOf(held, heldLength, heldGroups);
  }

  /** Frees memory and disk; safe to call twice. */
  close(): void {
    for (const { fd, path, isKept } of this.#files) {
      closeSync(fd);
      if (!isKept) rmSync(path, { force: true });
    }
    this.#files = [];
    this.#runs = [];
    this.#checksums = [];
    this.#isWanted = undefined;
    this.#rowsPut = 0;
    this.#offsets = [];
    this.#used = 0;
    this.#setChunk(0);
  }

  /** Makes a chunk of that size, and gives the one before it back: the collector would leave it for long. */
  #setChunk(bytes: number): void {
    free(this.#chunk);
    this.#chunk = Buffer.allocUnsafeSlow(bytes);
  }

  #wants(record: Buffer): boolean {
    return this.#isWanted === undefined || this.#isWanted(record.toString('latin1', 8, headBytes));
  }

  #step(cursor: Cursor): boolean {
    try {
      return cursor.next();
    } catch (cause) {
      throw fileFailed(`reading sorted rows back from ${this.#folder}`, cause);
    }
  }

  #groupNumber(group: string): number {
    const known = this.#groupNumbers.get(group);
    if (known !== undefined) return known;
    // A copy: the text is a piece of a mailbox's, all of which would stay in memory with it.
    const own = Buffer.from(group).toString();
    const number = this.#groups.push(own) - 1;
    this.#groupNumbers.set(own, number);
    return number;
  }

  #sortChunk(): void {
    const chunk = this.#chunk;
    // The sort is stable: rows of one key stay in the order they came.
    this.#offsets.sort((left, right) => chunk.compare(chunk, right + 8, right + headBytes, left + 8, left + headBytes));
  }

  #spill(): void {
    if (this.#offsets.length === 0) return;
    this.#sortChunk();
    const path = this.#keptPath ?? join(this.#folder, `${this.#name}-${this.#runsMade}.run`);
    try {
      const place = this.#place(path);
      const checksum = this.#writeSorted(place);
      this.#runs.push({ ...place, size: this.#used, groups: this.#groups });
      this.#checksums.push(checksum);
    } catch (cause) {
      throw fileFailed(`writing rows to sort them to ${path}`, cause);
    }
    this.#runsMade += 1;
    this.#offsets = [];
    this.#used = 0;
    if (this.#chunk.length > chunkBytes) this.#setChunk(chunkBytes);
  }

  /** The file of the next run, and where in it the run begins. */
  #place(path: string): RunPlace {
    const [file] = this.#files;
    if (this.#keptPath !== undefined && file !== undefined) {
      const at = this.#runs.reduce((end, run) => Math.max(end, run.at + run.size), 0);
      return { fd: file.fd, at, cipher: file.cipher };
    }
    makeFolder(dirname(path));
    const isKept = this.#keptPath !== undefined;
    const fd = openSync(path, isKept ? 'w+' : 'wx+', 0o640);
    const cipher = this.#ciphers?.create();
    this.#files.push({ fd, path, isKept, cipher });
    if (isKept) return { fd, at: 0, cipher };
    // Unlinked while open, it is gone with this process, however that ends. Windows refuses: close() removes it.
    try {
      rmSync(path);
    } catch {}
    return { fd, at: 0, cipher };
  }

  /** Gives the checksum of what is kept. */
  #writeSorted({ fd, at: start, cipher }: RunPlace): number {
    const gathered = Buffer.allocUnsafeSlow(256 * 1024);
    let filled = 0;
    let checksum = 0;
    let position = start;
    const flush = (): void => {
      cipher?.apply(gathered.subarray(0, filled), position);
      position += filled;
      if (this.#keptPath !== undefined) checksum = crc32(gathered.subarray(0, filled), checksum);
      for (let from = 0; from < filled; ) from += writeSync(fd, gathered, from, filled - from);
      filled = 0;
    };
    for (const at of this.#offsets) {
      const end = at + headBytes + this.#chunk.readUInt32LE(at);
      for (let from = at; from < end; ) {
        if (filled === gathered.length) flush();
        const count = this.#chunk.copy(gathered, filled, from, end);
        from += count;
        filled += count;
      }
    }
    flush();
    free(gathered);
    return checksum;
  }
}

/** Gives memory back at once that nothing looks at any more, and that is in no pool. */
function free(buffer: Buffer<ArrayBuffer>): void {
  if (!buffer.buffer.detached) buffer.buffer.transfer(0);
}

function rowOf(record: Buffer, length: number, groups: readonly string[]): SortedRow {
  return {
    line: record.subarray(headBytes, headBytes + length),
    group: groups[record.readUInt32LE(4)] ?? '',
  };
}

/**
 * Reads sealed rows through once, and holds them against their checksums.
 * @param ciphers for rows that were hidden
 * @returns false where the file is not as it was sealed, or cannot be opened with these ciphers
 */
export function checkSealed(sealed: SealedRows, onKey: (key: string) => void, ciphers?: RowCiphers): boolean {
  if (sealed.iv !== undefined && ciphers === undefined) return false;
  let fd: number;
  try {
    fd = openPlainFile(sealed.path);
  } catch {
    return false;
  }
  let rows = 0;
  try {
    for (const { at, size, crc32: expected } of sealed.segments) {
      if (checksumOf(fd, at, size) !== expected) return false;
      const cursor = new RunCursor({ fd, at, size, groups: sealed.groups, cipher: cipherOf(sealed, ciphers) }, 0);
      while (cursor.next()) {
        rows += 1;
        onKey(cursor.buffer.toString('latin1', cursor.at + 8, cursor.at + headBytes));
      }
    }
  } catch {
    return false;
  } finally {
    closeSync(fd);
  }
  return rows === sealed.rows;
}

function cipherOf({ iv, path }: SealedRows, ciphers: RowCiphers | undefined): PositionalCipher | undefined {
  if (iv === undefined) return undefined;
  if (ciphers === undefined) throw fileFailed(`opening the rows kept in ${path}`, new Error('they are encrypted'));
  return ciphers.reopen(iv);
}

function checksumOf(fd: number, at: number, size: number): number {
  const buffer = Buffer.allocUnsafe(Math.min(size, 256 * 1024));
  let checksum = 0;
  for (let done = 0; done < size; ) {
    const count = readSync(fd, buffer, 0, Math.min(buffer.length, size - done), at + done);
    if (count === 0) return -1;
    checksum = crc32(buffer.subarray(0, count), checksum);
    done += count;
  }
  return checksum;
}
