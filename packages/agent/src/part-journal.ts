/*
 * The journal of a reading in parts, in <WorkFolderPath>/ExportState/<connection>/parts:
 *
 *   reading.json     the parts, and a digest of what shapes their rows
 *   part-0007.rows   the rows of part 7, sorted, durable before
 *   part-0007.json   says that they are whole, with their checksums and what was learned while they were read
 *
 * Each JSON file is one line, and a second one with the SHA-256 of the first.
 *
 * A process that dies at any moment leaves parts that are whole, and files that the next run writes over or
 * removes. What cannot be used, it removes with a sentence.
 */
import { createHash } from 'node:crypto';
import { closeSync, existsSync, fsyncSync, openSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import {
  type KeptPart,
  type KeptReading,
  type OpenPart,
  type Part,
  type PartFacts,
  type PartLedger,
  partId,
} from '@exchange-connector/connector';
import type { RowCiphers } from './at-rest.ts';
import { fileFailed } from './errors.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { readPlainText } from './plain-file.ts';
import { checkSealed, RowSorter, type SealedRows } from './row-sorter.ts';

const format = 2;
/** What an earlier process read is of use for so long. */
export const mostAgeMs = 12 * 3_600_000;

interface ReadingFile {
  readonly format: number;
  readonly digest: string;
  readonly begunAt: string;
  /** The address over which it was begun. */
  readonly server: string;
  readonly parts: readonly Part[];
}

interface PartFile {
  readonly format: number;
  readonly id: string;
  readonly facts: PartFacts;
  readonly rows: SealedRows;
}

/** What the journal needs around it. */
export interface JournalPorts {
  /** The state folder of the connection. */
  readonly state: string;
  /** Where the rows of all parts go in the end. */
  readonly mailboxes: RowSorter;
  /** Hide the rows that are kept, where they are to be hidden. */
  readonly ciphers?: RowCiphers | undefined;
  /** For a person: what was found of an earlier process, and what became of it. */
  readonly onFound: (sentence: string) => void;
  readonly now: () => number;
  /** The address that the sessions are on. */
  readonly server: () => string;
  /** How rows look to this version of the program: parts of another one are of no use. */
  readonly rowForm: number;
}

/** The folder of a journal. */
export function journalFolder(state: string): string {
  return join(state, 'parts');
}

function digestOf(text: string): string {
  return createHash('sha256').update(text).digest('hex');
}

/** The text of a file of the journal. */
function sealed(value: unknown): string {
  const text = JSON.stringify(value);
  return `${text}\n${digestOf(text)}\n`;
}

/** What {@link sealed} wrote; undefined where the file is not as it was written. */
function readSealed<T>(path: string): T | undefined {
  try {
    const [text = '', digest] = readPlainText(path).split('\n');
    return digest === digestOf(text) ? (JSON.parse(text) as T) : undefined;
  } catch {
    return undefined;
  }
}

/** Writes a file so that it is there whole, or not at all. */
function writeWhole(path: string, value: unknown): void {
  const temporary = `${path}.partial`;
  try {
    const fd = openSync(temporary, 'w', 0o640);
    try {
      writeFileSync(fd, sealed(value));
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
  } catch (cause) {
    throw fileFailed(`writing the journal ${path}`, cause);
  }
}

function isRecent({ begunAt }: ReadingFile, now: number): boolean {
  const age = now - Date.parse(begunAt);
  return age >= 0 && age < mostAgeMs;
}

/** Removes a journal that no run can go on from any more. The lock of the connection must be held. */
export function removeOldParts(state: string, now: number): void {
  const folder = journalFolder(state);
  if (!existsSync(folder)) return;
  const reading = readSealed<ReadingFile>(join(folder, 'reading.json'));
  if (reading === undefined || !isRecent(reading, now)) removeFolder(folder);
}

/** Makes a file's bytes durable, while others go on. */
async function syncFile(path: string): Promise<void> {
  const handle = await open(path, 'r+');
  try {
    await handle.datasync();
  } finally {
    await handle.close();
  }
}

/** {@link writeWhole}, while others go on. */
async function writeWholeMeanwhile(path: string, value: unknown): Promise<void> {
  const temporary = `${path}.partial`;
  const handle = await open(temporary, 'w', 0o640);
  try {
    await handle.writeFile(sealed(value));
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(temporary, path);
}

const grouped = new Intl.NumberFormat('en-US');

/** Keeps parts on disk. The lock of the connection must be held. */
export class PartJournal implements PartLedger {
  readonly #ports: JournalPorts;
  readonly #folder: string;
  #numbers = new Map<string, number>();
  #finished = new Map<string, { readonly facts: PartFacts; readonly rows: SealedRows }>();
  /** Parts on their way to the disk; none of them throws. */
  readonly #keeping = new Set<Promise<void>>();
  #keepingFailed: { readonly error: unknown } | undefined;

  constructor(ports: JournalPorts) {
    this.#ports = ports;
    this.#folder = journalFolder(ports.state);
  }

  async resume(conditions: string, onKey: (guid: string) => void): Promise<KeptReading | undefined> {
    if (!existsSync(this.#folder)) return undefined;
    const reading = readSealed<ReadingFile>(this.#path('reading.json'));
    const why = this.#whyUseless(reading, this.#digestOf(conditions));
    if (why !== undefined || reading === undefined) {
      if (why !== '') this.#ports.onFound(`what an earlier run had read is not used: ${why}`);
      this.clear();
      return undefined;
    }
    this.#number(reading.parts);
    const finished: KeptPart[] = [];
    let rows = 0;
    for (const part of reading.parts) {
      const kept = this.#readPart(part, onKey);
      if (kept === undefined) continue;
      this.#finished.set(partId(part), kept);
      finished.push({ part, facts: kept.facts });
      rows += kept.rows.rows;
    }
    if (finished.length === 0) {
      this.clear();
      return undefined;
    }
    const server = this.#ports.server();
    const how = reading.server === server ? '' : ` over ${server}; those were read over ${reading.server}`;
    this.#ports.onFound(
      `an earlier run, begun at ${reading.begunAt}, did not end: it had read ${finished.length} of ${reading.parts.length} parts (${grouped.format(rows)} mailboxes), and this run goes on from there${how}`,
    );
    return { parts: reading.parts, finished };
  }

  begin(conditions: string, parts: readonly Part[]): void {
    this.clear();
    this.#number(parts);
    try {
      makeFolder(this.#folder);
    } catch (cause) {
      throw fileFailed(`making the folder of the journal ${this.#folder}`, cause);
    }
    const begunAt = new Date(this.#ports.now()).toISOString();
    writeWhole(this.#path('reading.json'), {
      format,
      digest: this.#digestOf(conditions),
      begunAt,
      server: this.#ports.server(),
      parts,
    } satisfies ReadingFile);
  }

  open(part: Part): OpenPart {
    const rows = this.#path(`${this.#nameOf(part)}.rows`);
    const sorter = new RowSorter(this.#folder, 'part', rows, this.#ports.ciphers);
    return {
      sink: sorter,
      finish: async (facts, durable) => {
        const sealed = sorter.seal();
        this.#finished.set(partId(part), { facts, rows: sealed });
        if (!durable) return;
        this.#keep(`${this.#nameOf(part)}.json`, { format, id: partId(part), facts, rows: sealed });
        if (this.#keepingFailed !== undefined) throw this.#keepingFailed.error;
      },
      discard: () => {
        sorter.close();
        rmSync(rows, { force: true });
      },
    };
  }

  async deliver(): Promise<void> {
    await this.settled();
    if (this.#keepingFailed !== undefined) throw this.#keepingFailed.error;
    const byAge = [...this.#finished.values()].sort((left, right) =>
      left.facts.startedAt < right.facts.startedAt ? -1 : left.facts.startedAt > right.facts.startedAt ? 1 : 0,
    );
    for (const { rows } of byAge) if (rows.rows > 0) this.#ports.mailboxes.adopt(rows);
  }

  /** Waits until what is finished is on the disk; never throws. */
  async settled(): Promise<void> {
    await Promise.all(this.#keeping);
  }

  /** The rows first, then the file that says that they are whole. */
  #keep(name: string, file: PartFile): void {
    const path = this.#path(name);
    const keep = async (): Promise<void> => {
      try {
        if (file.rows.rows > 0) await syncFile(file.rows.path);
        await writeWholeMeanwhile(path, file);
      } catch (cause) {
        // A journal that was cleared meanwhile has no use for the part any more.
        if (this.#finished.has(file.id))
          this.#keepingFailed ??= { error: fileFailed(`writing the journal ${path}`, cause) };
      }
    };
    const keeping = keep().finally(() => this.#keeping.delete(keeping));
    this.#keeping.add(keeping);
  }

  clear(): void {
    this.#finished.clear();
    this.#keepingFailed = undefined;
    removeFolder(this.#folder);
  }

  #digestOf(conditions: string): string {
    return digestOf(`${this.#ports.rowForm} ${conditions}`);
  }

  #path(name: string): string {
    return join(this.#folder, name);
  }

  #number(parts: readonly Part[]): void {
    this.#numbers = new Map(parts.map((part, index) => [partId(part), index]));
    this.#finished = new Map();
  }

  #nameOf(part: Part): string {
    return `part-${String(this.#numbers.get(partId(part)) ?? 0).padStart(4, '0')}`;
  }

  /** Empty where there is nothing to say: the earlier run kept no part. */
  #whyUseless(reading: ReadingFile | undefined, digest: string): string | undefined {
    if (reading === undefined) return existsSync(this.#path('reading.json')) ? 'its journal cannot be read' : '';
    if (reading.format !== format || !Array.isArray(reading.parts)) return 'another version of this program wrote it';
    if (!isRecent(reading, this.#ports.now()))
      return `it was begun at ${reading.begunAt}, more than ${mostAgeMs / 3_600_000} hours ago`;
    if (reading.digest !== digest)
      return 'the settings, the databases, the directory servers or this program are others than then';
    return undefined;
  }

  #readPart(
    part: Part,
    onKey: (guid: string) => void,
  ): { readonly facts: PartFacts; readonly rows: SealedRows } | undefined {
    const file = readSealed<PartFile>(this.#path(`${this.#nameOf(part)}.json`));
    if (file?.format !== format || file.id !== partId(part) || !Array.isArray(file.rows?.segments)) return undefined;
    // The folder may have been moved since.
    const rows = { ...file.rows, path: this.#path(`${this.#nameOf(part)}.rows`) };
    const keys: string[] = [];
    if (rows.rows > 0 && !checkSealed(rows, (key) => keys.push(key), this.#ports.ciphers)) return undefined;
    for (const key of keys) onKey(key);
    return { facts: file.facts, rows };
  }
}
