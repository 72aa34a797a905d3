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
import { join } from 'node:path';
import type { RowSink } from '@exchange-connector/connector';
import { fileFailed } from './errors.ts';
import { makeFolder } from './folder.ts';

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

/** A place in sorted records: in memory or in a file. */
interface Cursor {
  readonly order: number;
  /** The current record is `buffer[at, at + headBytes + length)`. */
  buffer: Buffer;
  at: number;
  length: number;
  /** Steps to the next record; false where there is none. */
  next(): boolean;
}

class RunCursor implements Cursor {
  readonly order: number;
  buffer = Buffer.allocUnsafe(readBytes);
  at = 0;
  length = -headBytes;
  readonly #fd: number;
  readonly #size: number;
  #end = 0;
  #position = 0;

  constructor(fd: number, size: number, order: number) {
    this.#fd = fd;
    this.#size = size;
    this.order = order;
  }

  next(): boolean {
    this.at += headBytes + this.length;
    this.length = -headBytes;
    if (!this.#have(headBytes)) return false;
    this.length = this.buffer.readUInt32LE(this.at);
    if (!this.#have(headBytes + this.length)) throw new Error('a run of the sort ends in the middle of a row');
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
    while (this.#end < wanted && this.#position < this.#size) {
      const count = readSync(this.#fd, this.buffer, this.#end, this.buffer.length - this.#end, this.#position);
      if (count === 0) break;
      this.#end += count;
      this.#position += count;
    }
    return this.#end >= wanted;
  }
}

class MemoryCursor implements Cursor {
  readonly order: number;
  readonly buffer: Buffer;
  at = 0;
  length = 0;
  readonly #offsets: readonly number[];
  #index = -1;

  constructor(buffer: Buffer, offsets: readonly number[], order: number) {
    this.buffer = buffer;
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
  #chunk = Buffer.allocUnsafe(chunkBytes);
  #used = 0;
  #offsets: number[] = [];
  #runs: { readonly fd: number; readonly size: number; readonly path: string }[] = [];
  #runsMade = 0;
  readonly #groups: string[] = [];
  readonly #groupNumbers = new Map<string, number>();

  /**
   * @param folder made when it is first needed
   * @param name begins the names of the files in it
   */
  constructor(folder: string, name: string) {
    this.#folder = folder;
    this.#name = name;
  }

  put(key: string, line: string, group: string): void {
    // A UTF-16 code unit takes at most three bytes of UTF-8.
    const most = headBytes + line.length * 3;
    if (most > this.#chunk.length - this.#used) this.#spill();
    if (most > this.#chunk.length) this.#chunk = Buffer.allocUnsafe(most);
    const at = this.#used;
    const length = this.#chunk.write(line, at + headBytes, 'utf8');
    this.#chunk.writeUInt32LE(length, at);
    this.#chunk.writeUInt32LE(this.#groupNumber(group), at + 4);
    if (key.length !== keyBytes) throw new RangeError(`a row's key has ${key.length} characters, not ${keyBytes}`);
    this.#chunk.write(key, at + 8, 'latin1');
    this.#offsets.push(at);
    this.#used = at + headBytes + length;
  }

  restart(): void {
    this.close();
    this.#chunk = Buffer.allocUnsafe(chunkBytes);
  }

  /** The rows in order of their keys; of rows with one key, the last that was put. */
  *rows(): Generator<SortedRow, void, void> {
    this.#sortChunk();
    const cursors: Cursor[] = this.#runs.map((run, order) => new RunCursor(run.fd, run.size, order));
    cursors.push(new MemoryCursor(this.#chunk, this.#offsets, cursors.length));
    const heap = cursors.filter((cursor) => cursor.next()).sort(compareCursors);
    let held = Buffer.allocUnsafe(readBytes);
    let heldLength = -1;
    for (let top = heap[0]; top !== undefined; top = heap[0]) {
      const isNew = heldLength < 0 || held.compare(top.buffer, top.at + 8, top.at + headBytes, 8, headBytes) !== 0;
      if (isNew && heldLength >= 0) yield this.#row(held, heldLength);
      if (!isNew) this.onRepeatedKey?.(held.toString('latin1', 8, headBytes));
      if (headBytes + top.length > held.length) held = Buffer.allocUnsafe(headBytes + top.length);
      heldLength = top.length;
      top.buffer.copy(held, 0, top.at, top.at + headBytes + top.length);
      if (!this.#step(top)) {
        const last = heap.pop() as Cursor;
        if (heap.length > 0) heap[0] = last;
      }
      sink(heap);
    }
    if (heldLength >= 0) yield this.#row(held, heldLength);
  }

  /** Frees memory and disk; safe to call twice. */
  close(): void {
    for (const run of this.#runs) {
      closeSync(run.fd);
      rmSync(run.path, { force: true });
    }
    this.#runs = [];
    this.#offsets = [];
    this.#used = 0;
    this.#chunk = Buffer.alloc(0);
  }

  #row(record: Buffer, length: number): SortedRow {
    return {
      line: record.subarray(headBytes, headBytes + length),
      group: this.#groups[record.readUInt32LE(4)] ?? '',
    };
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
    const number = this.#groups.push(group) - 1;
    this.#groupNumbers.set(group, number);
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
    const path = join(this.#folder, `${this.#name}-${this.#runsMade}.run`);
    this.#runsMade += 1;
    try {
      makeFolder(this.#folder);
      const fd = openSync(path, 'wx+', 0o640);
      this.#runs.push({ fd, size: this.#used, path });
      // Unlinked while open, it is gone with this process, however that ends. Windows refuses: close() removes it.
      try {
        rmSync(path);
      } catch {}
      this.#writeSorted(fd);
    } catch (cause) {
      throw fileFailed(`writing rows to sort them to ${path}`, cause);
    }
    this.#offsets = [];
    this.#used = 0;
    if (this.#chunk.length > chunkBytes) this.#chunk = Buffer.allocUnsafe(chunkBytes);
  }

  #writeSorted(fd: number): void {
    const gathered = Buffer.allocUnsafe(256 * 1024);
    let filled = 0;
    const flush = (): void => {
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
  }
}
