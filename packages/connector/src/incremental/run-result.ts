/*
 * From what a run read to what it writes: the rows of both files, and the cookie that the next run starts from.
 * Pure: rows come in sorted, lines and the bytes of the cookie go out as they come to be.
 */
import type { OrganisationReading } from '../export-ports.ts';
import type { RowCommand } from '../row-writer.ts';
import type { CookieFacts, KnownDatabase, Restless } from './cookie-facts.ts';
import type { IncrementReading } from './increment-reading.ts';
import type { RowHash } from './row-entry.ts';
import { type MergeStep, mergeRows } from './row-merge.ts';
import { fieldText, guidText, RowScanner } from './row-scanner.ts';
import { domainOf } from './server-check.ts';
import type { SnapshotEntry } from './snapshot-layout.ts';
import { SnapshotWriter } from './snapshot-writer.ts';

/** What a run is and what it read. */
export interface RunFacts {
  readonly cookie: Pick<CookieFacts, 'id' | 'connection' | 'runId' | 'engine' | 'server' | 'settings'>;
  /** Milliseconds since 1970: when the run began. */
  readonly start: number;
  readonly overlapMs: number;
  /** `complete`: every row is written, as `Insert`. */
  readonly mode: 'complete' | 'incremental';
  /** The last export, where its cookie can be read: deletions are told by it. */
  readonly before: { readonly facts: CookieFacts; readonly entries: () => Iterable<SnapshotEntry> } | undefined;
  readonly reading: OrganisationReading;
  /** Where only changes were read; undefined where the rows are all there are. */
  readonly increment: Pick<IncrementReading, 'absence' | 'restless' | 'swept'> | undefined;
  readonly hash: RowHash;
}

/** A line of the databases. */
export interface DatabaseStep {
  readonly command: RowCommand;
  readonly line: Uint8Array;
}

/** Rows by command. */
export interface RowCounts {
  Insert: number;
  Update: number;
  Delete: number;
}

type Row = { readonly line: Uint8Array };

/** The clocks of this machine and a domain controller may differ by this much. */
const clockSkewMs = 5 * 60_000;
const landmarksOfDomain = 5;
const tenantsOfDatabase = 4;
const encoder = new TextEncoder();

function hexOf(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

function csvCell(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Turns the rows of one run into its files: first all of {@link databases}, then all of {@link mailboxes}, then {@link finish}. */
export class RunResult {
  readonly #run: RunFacts;
  readonly #writer: SnapshotWriter;
  readonly #databases: KnownDatabase[] = [];
  readonly #restless: Restless[] = [];
  readonly #landmarks = new Map<string, string[]>();
  readonly #tenants: { readonly guid: string; readonly database: string }[] = [];
  /** Names of domains by the end of distinguished names. */
  readonly #domains = new Map<string, string>();
  #forwarding = { count: 0, sum: 0 };
  /** Rows of each file. */
  readonly counts = { mailboxes: noRows(), databases: noRows() };
  /** Mailboxes of the organisation, after this run, by the text of `Database`. */
  readonly byDatabase = new Map<string, number>();

  /** @param out takes the bytes of the cookie, all but its digest */
  constructor(run: RunFacts, out: (bytes: Uint8Array) => void) {
    this.#run = run;
    this.#writer = new SnapshotWriter(out, run.reading.mailboxColumns.length);
  }

  get #hasErrors(): boolean {
    return this.#run.reading.errors.length > 0;
  }

  get #settleMs(): number {
    return this.#run.overlapMs + clockSkewMs;
  }

  /** The earliest time that rows may be of. */
  get #readFrom(): number {
    return Math.min(this.#run.start, Date.parse(this.#run.reading.readFrom));
  }

  /** Mailboxes that the organisation has after this run. */
  get mailboxes(): number {
    return this.#writer.mailboxes;
  }

  /** The rows of the file of databases. */
  *databases(rows: Iterable<Row>): Generator<DatabaseStep, void, void> {
    const { before, mode, reading, hash } = this.#run;
    const known = new Map((before?.facts.databases ?? []).map((database) => [database.guid, database]));
    const scanner = new RowScanner();
    const at = (name: string): number => reading.databaseColumns.indexOf(name) + 1;
    const places = { guid: at('Guid'), name: at('Name'), server: at('Server'), changed: at('WhenChangedUTC') };
    const deleted = (database: KnownDatabase): DatabaseStep => this.#deletedDatabase(database);
    const gone = this.#hasErrors ? [] : [...known.keys()].sort();
    for (const { line } of rows) {
      scanner.scan(line);
      const text = (place: number): string => fieldText(scanner.field(place));
      const guid = text(places.guid).toLowerCase();
      for (let next = gone[0]; next !== undefined && next <= guid; next = gone[0]) {
        gone.shift();
        if (next !== guid) yield deleted(known.get(next) as KnownDatabase);
      }
      const old = known.get(guid);
      known.delete(guid);
      const now = {
        guid,
        name: text(places.name),
        server: text(places.server),
        hash: hexOf(hash(scanner.rest).subarray(0, 8)),
      };
      // Where mailboxes could not all be read, a rename still waits for its mailboxes.
      this.#databases.push(this.#hasErrors && old !== undefined ? { ...old, hash: now.hash } : now);
      this.#watch('database', guid, text(places.changed));
      if (mode === 'complete') yield this.#databaseStep('Insert', line);
      else if (old === undefined) yield this.#databaseStep('Insert', this.#as('Insert', scanner.rest));
      else if (old.hash !== now.hash) yield this.#databaseStep('Update', this.#as('Update', scanner.rest));
    }
    for (const guid of gone) yield deleted(known.get(guid) as KnownDatabase);
    if (this.#hasErrors) this.#databases.push(...known.values());
  }

  #deletedDatabase({ guid, name, server }: KnownDatabase): DatabaseStep {
    const cells: Readonly<Record<string, string>> = { Guid: guid, Name: name, Server: server };
    const texts = this.#run.reading.databaseColumns.map((column) => csvCell(cells[column] ?? ''));
    return this.#databaseStep('Delete', encoder.encode(`Delete,${texts.join(',')}\r\n`));
  }

  #databaseStep(command: RowCommand, line: Uint8Array): DatabaseStep {
    this.counts.databases[command] += 1;
    return { command, line };
  }

  #as(command: RowCommand, rest: Uint8Array): Uint8Array {
    const line = new Uint8Array(command.length + rest.length + 2);
    line.set(encoder.encode(command));
    line.set(rest, command.length);
    line.set([13, 10], command.length + rest.length);
    return line;
  }

  /** The rows of the file of mailboxes, and between them the mailboxes that stay as they were. */
  *mailboxSteps(rows: Iterable<Row>): Generator<MergeStep, void, void> {
    const { before, mode, reading, increment, hash } = this.#run;
    const steps = mergeRows({
      rows,
      columns: reading.mailboxColumns,
      before: before?.entries(),
      absence: increment?.absence ?? (this.#hasErrors ? { kind: 'unchanged' } : { kind: 'gone' }),
      isComplete: mode === 'complete',
      hash,
    });
    for (const step of steps) {
      if (step.kind === 'row') this.counts.mailboxes[step.command] += 1;
      if (step.entry !== undefined) this.#keep(step.entry);
      yield step;
    }
  }

  #keep(entry: SnapshotEntry): void {
    this.#writer.add(entry);
    const database = fieldText(entry.database);
    const tenants = (this.byDatabase.get(database) ?? 0) + 1;
    this.byDatabase.set(database, tenants);
    if (tenants <= tenantsOfDatabase) this.#tenants.push({ guid: guidText(entry.guid), database });
    if (entry.forwarding !== undefined) {
      this.#forwarding.count += 1;
      this.#forwarding.sum += entry.forwarding;
    }
    const place = fieldText(entry.parent);
    let domain = this.#domains.get(place);
    if (domain === undefined) {
      // The end of a quoted field.
      domain = domainOf(place.endsWith('"') ? place.slice(0, -1) : place);
      if (this.#domains.size < 100_000) this.#domains.set(place, domain);
    }
    if (domain === '') return;
    const landmarks = this.#landmarks.get(domain);
    if (landmarks === undefined) this.#landmarks.set(domain, [guidText(entry.guid)]);
    else if (landmarks.length < landmarksOfDomain) landmarks.push(guidText(entry.guid));
  }

  /** Something that changed a short while ago may not have reached every directory server: it is read again. */
  #watch(kind: Restless['kind'], guid: string, whenChanged: string): void {
    if (this.#run.increment !== undefined) return;
    const changed = Date.parse(whenChanged);
    if (Number.isNaN(changed) || changed < this.#readFrom - this.#settleMs) return;
    this.#restless.push({ kind, guid, until: new Date(this.#run.start + this.#settleMs).toISOString() });
  }

  /** Ends the cookie. */
  finish(): CookieFacts {
    const { cookie, reading, before, increment } = this.#run;
    for (const unit of reading.units ?? []) this.#watch('unit', unit.guid, unit.whenChanged);
    const start = new Date(this.#run.start).toISOString();
    const old = before?.facts;
    const facts: CookieFacts = {
      ...cookie,
      time: new Date(this.#readFrom).toISOString(),
      forestView: reading.forestView,
      controllers: reading.pins,
      columns: reading.mailboxColumns,
      columnsMissing: reading.columnsMissing,
      needsComplete: null,
      mailboxes: this.#writer.mailboxes,
      databases: this.#databases,
      units: reading.units?.map(({ guid, distinguishedName }) => ({ guid, distinguishedName })) ?? null,
      restless: increment?.restless ?? this.#restless,
      forwarding: this.#forwarding,
      landmarks: Object.fromEntries(this.#landmarks),
      tenants: this.#tenants,
      ...this.#swept(start),
    };
    const written = this.#hasErrors ? this.#afterErrors(facts, old) : facts;
    this.#writer.finish(written);
    return written;
  }

  #swept(start: string): Pick<CookieFacts, 'sweptAt' | 'sweptUpTo'> {
    const { increment, before } = this.#run;
    if (increment === undefined) return { sweptAt: start, sweptUpTo: 0 };
    const { swept } = increment;
    if (swept !== undefined || before === undefined) return { sweptAt: start, sweptUpTo: swept?.upTo ?? 0 };
    return { sweptAt: before.facts.sweptAt, sweptUpTo: before.facts.sweptUpTo };
  }

  /** What was not read is read by the next run: nothing that says "up to here" moves. */
  #afterErrors(facts: CookieFacts, old: CookieFacts | undefined): CookieFacts {
    // A script reads everything each time.
    if (facts.engine === 'script') return facts;
    if (this.#run.increment === undefined || old === undefined) {
      return { ...facts, needsComplete: 'the server reported errors during the last complete export' };
    }
    const { time, units, sweptAt, sweptUpTo } = old;
    return { ...facts, time, units, sweptAt, sweptUpTo, restless: [...old.restless, ...facts.restless] };
  }
}

function noRows(): RowCounts {
  return { Insert: 0, Update: 0, Delete: 0 };
}
