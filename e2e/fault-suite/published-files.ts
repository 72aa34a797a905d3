/*
 * The exported files as whoever loads them sees them: read by a CSV reader that is none of ours, believed
 * only where the manifest vouches for them.
 */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'csv-parse/sync';
import type { Row } from './expected-rows.ts';

export const fileNames = ['Main_mailboxes.csv', 'Main_databases.csv', 'Main_manifest.json'] as const;

interface Manifest {
  readonly runId: string;
  readonly mode: string;
  readonly reason?: string;
  readonly files: readonly { readonly name: string; readonly sha256: string; readonly rows: number }[];
  readonly cookieOut: string | null;
}

export interface PublishedFiles {
  /** By name; undefined where there is none. */
  readonly bytes: ReadonlyMap<string, Buffer>;
  /** SHA-256 of the cookie, undefined where there is none. */
  readonly cookie: string | undefined;
  /** Whether the manifest is there, can be read, and has the digests of both files. */
  readonly isVouchedFor: boolean;
  readonly manifest: Manifest | undefined;
  /** Files in the output and cookie folders that are none of the published ones. */
  readonly strangers: readonly string[];
}

export function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex');
}

function namesIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).sort() : [];
}

/** What lies in the folders of a run at this moment. */
export function readPublished(folder: string): PublishedFiles {
  const output = join(folder, 'Temp', 'ExportOutput');
  const cookies = join(folder, 'Work', 'ExportCookies');
  const bytes = new Map<string, Buffer>();
  for (const name of fileNames) if (existsSync(join(output, name))) bytes.set(name, readFileSync(join(output, name)));
  const cookiePath = join(cookies, 'Main_cookie.bin');
  const text = bytes.get('Main_manifest.json')?.toString('utf8');
  const manifest = text === undefined ? undefined : (JSON.parse(text) as Manifest);
  return {
    bytes,
    cookie: existsSync(cookiePath) ? sha256(readFileSync(cookiePath)) : undefined,
    manifest,
    isVouchedFor:
      manifest?.files.length === 2 &&
      manifest.files.every(({ name, sha256: digest }) => sha256(bytes.get(name) ?? Buffer.alloc(0)) === digest),
    strangers: [
      ...namesIn(output).filter((name) => !(fileNames as readonly string[]).includes(name)),
      ...namesIn(cookies).filter((name) => name !== 'Main_cookie.bin'),
    ],
  };
}

/** The rows of a file; throws where it is not whole. */
export function rowsOf(bytes: Buffer): { readonly columns: readonly string[]; readonly rows: readonly Row[] } {
  if (bytes.length === 0 || bytes.at(-1) !== 0x0a || bytes.at(-2) !== 0x0d)
    throw new Error('the file does not end with the end of a line');
  const [columns = [], ...records] = parse(bytes, { record_delimiter: '\r\n' }) as string[][];
  const rows = records.map((cells) => Object.fromEntries(columns.map((column, index) => [column, cells[index] ?? ''])));
  return { columns, rows };
}

/** What a reader of the files knows of the organisation, having loaded one run after the other. */
export class Loader {
  readonly mailboxes = new Map<string, Row>();
  readonly databases = new Map<string, Row>();
  columns: readonly string[] = [];
  #loaded: string | undefined;

  /** Loads what is published, if the manifest vouches for it and it is not loaded yet. */
  load(published: PublishedFiles): boolean {
    const { manifest, bytes, isVouchedFor } = published;
    if (manifest === undefined || !isVouchedFor || manifest.runId === this.#loaded) return false;
    this.#loaded = manifest.runId;
    const mailboxes = rowsOf(bytes.get('Main_mailboxes.csv') as Buffer);
    this.columns = mailboxes.columns.filter((column) => column !== 'Command');
    apply(this.mailboxes, mailboxes.rows, manifest.mode);
    apply(this.databases, rowsOf(bytes.get('Main_databases.csv') as Buffer).rows, manifest.mode);
    return true;
  }
}

function apply(state: Map<string, Row>, rows: readonly Row[], mode: string): void {
  if (mode === 'complete') state.clear();
  for (const { Command: command, ...row } of rows) {
    const guid = row['Guid'] ?? '';
    if (command === 'Delete') state.delete(guid);
    else if (command === 'Insert' || command === 'Update') state.set(guid, row);
    else throw new Error(`a row has the command "${command}"`);
  }
}
