/*
 * An export without disk and network: the real reading, merging and cookies over an organisation in memory, and
 * the files as text. What the agent does beside it (locks, renames, journals) has tests of its own.
 */
import { createHash, randomUUID } from 'node:crypto';
import { parse } from 'csv-parse/sync';
import {
  csvLine,
  type ExportScope,
  findBreaches,
  type OrganisationReading,
  type PinnedServers,
  readIncrement,
  readOrganisation,
  type RowSink,
  RunResult,
  type SearchCost,
  singleSession,
  SnapshotReader,
  type SnapshotSource,
  whyComplete,
} from '@exchange-connector/connector';
import type { RemoteSession } from '@exchange-connector/psrp';
import { wholeScope } from '../whole-plan.ts';

const noPins: PinnedServers = { domainController: undefined, globalCatalog: undefined };
const hash = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

/** Rows sorted in memory. */
export class SortedRows implements RowSink {
  readonly #lines = new Map<string, string>();
  put(key: string, line: string): void {
    this.#lines.set(key, line);
  }
  restart(): void {
    this.#lines.clear();
  }
  get keys(): string[] {
    return [...this.#lines.keys()];
  }
  *rows(): Generator<{ line: Uint8Array }> {
    for (const key of [...this.#lines.keys()].sort()) yield { line: Buffer.from(this.#lines.get(key) as string) };
  }
}

function sourceOf(bytes: Buffer): SnapshotSource {
  return { size: bytes.length, read: (into, position) => bytes.copy(into, 0, position, position + into.length) };
}

/** What one run wrote. */
export interface SmallRun {
  readonly mode: 'complete' | 'incremental';
  readonly reason: string | undefined;
  readonly mailboxes: string;
  readonly databases: string;
  readonly cookie: Buffer;
  readonly notes: readonly string[];
  readonly errors: readonly string[];
  readonly counts: RunResult['counts'];
  readonly reading: OrganisationReading;
}

/** How a connection is set up. */
export interface SmallSettings {
  readonly scope?: ExportScope | undefined;
  readonly pins?: PinnedServers | undefined;
  readonly additionalColumns?: readonly string[];
  readonly overlapMinutes?: number;
  readonly searchCost?: SearchCost | undefined;
}

/** One run over a session; `cookie` is that of the last one. */
export async function runSmall(
  open: () => RemoteSession,
  settings: SmallSettings,
  now: number,
  options: { readonly cookie?: Buffer | undefined; readonly complete?: boolean } = {},
): Promise<SmallRun> {
  const { scope = wholeScope, pins = noPins, additionalColumns = [], overlapMinutes = 60 } = settings;
  const plan = { additionalColumns, valueSeparator: ' ', scope, pins };
  const digest = JSON.stringify({ scope, additionalColumns });
  const notes: string[] = [];
  const ports = {
    onProgress: () => {},
    onWarning: (message: string) => notes.push(`warning: ${message}`),
    onNote: (message: string) => notes.push(message),
    signal: new AbortController().signal,
  };
  const databases = new SortedRows();
  const mailboxes = new SortedRows();
  const reader = options.cookie === undefined ? undefined : new SnapshotReader(sourceOf(options.cookie));
  const before = reader === undefined ? undefined : { facts: reader.facts, entries: () => reader.entries() };
  let reason: string | undefined =
    options.complete === true
      ? 'asked for'
      : before === undefined
        ? 'no cookie'
        : whyComplete(before.facts, { connection: 'Test', engine: 'native', settings: digest, now });
  const overlapMs = overlapMinutes * 60_000;
  let increment: Parameters<typeof readIncrement>[0] extends never
    ? never
    : Awaited<ReturnType<typeof readIncrement>> | undefined;
  if (reason === undefined && before !== undefined) {
    increment = await readIncrement(
      { ...plan, facts: before.facts, now, overlapMs, searchCost: settings.searchCost },
      { ...ports, session: open(), databases, mailboxes, entries: before.entries },
    );
    if (increment.kind === 'complete-needed') reason = increment.reason;
  }
  let reading: OrganisationReading;
  if (increment?.kind === 'read') reading = increment.reading;
  else {
    databases.restart();
    mailboxes.restart();
    reading = await readOrganisation(plan, {
      ...ports,
      // Another one: pins of the increment that was tried hold in its session.
      sessions: singleSession(open()),
      databases,
      mailboxes,
      now: () => now,
    });
  }
  const parts: Buffer[] = [];
  const mode = increment?.kind === 'read' ? 'incremental' : 'complete';
  const result = new RunResult(
    {
      cookie: {
        id: randomUUID(),
        connection: 'Test',
        runId: 'run',
        engine: 'native',
        server: 'test',
        settings: digest,
      },
      start: now,
      overlapMs,
      mode,
      before,
      reading,
      increment: increment?.kind === 'read' ? increment : undefined,
      hash,
    },
    (bytes) => parts.push(Buffer.from(bytes)),
  );
  const header = (columns: readonly string[]): string => csvLine(['Command', ...columns]);
  let databaseFile = header(reading.databaseColumns);
  for (const { line } of result.databases(databases.rows())) databaseFile += Buffer.from(line).toString();
  let mailboxFile = header(reading.mailboxColumns);
  for (const step of result.mailboxSteps(mailboxes.rows()))
    if (step.kind === 'row') mailboxFile += Buffer.from(step.line).toString();
  result.finish();
  const body = Buffer.concat(parts);
  return {
    mode,
    reason,
    mailboxes: mailboxFile,
    databases: databaseFile,
    cookie: Buffer.concat([body, hash(body)]),
    notes,
    errors: reading.errors,
    counts: result.counts,
    reading,
  };
}

export { findBreaches };

/** Rows by GUID, without their command: what a product holds that loaded the files. */
export type Loaded = Map<string, Readonly<Record<string, string>>>;

/** Loads a file into what was loaded before; a complete run's file replaces nothing by itself. */
export function load(into: Loaded, file: string): void {
  const rows = parse(file, { columns: true }) as Record<string, string>[];
  let last = '';
  for (const { Command, ...row } of rows) {
    const guid = row['Guid'] ?? '';
    if (guid <= last) throw new Error(`rows are out of order, or twice: ${last}, ${guid}`);
    last = guid;
    if (Command === 'Delete') {
      if (!into.delete(guid)) throw new Error(`Delete of ${guid}, which nobody has`);
    } else if (Command === 'Insert' || Command === 'Update') {
      if (Command === 'Update' && !into.has(guid)) throw new Error(`Update of ${guid}, which nobody has`);
      into.set(guid, row);
    } else throw new Error(`a row with the command ${Command}`);
  }
}
