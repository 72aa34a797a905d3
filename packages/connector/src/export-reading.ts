import type { PsValue } from '@exchange-connector/psrp';
import { cellText, noRemarks } from './cell-text.ts';
import { ConnectorError } from './errors.ts';
import type { ReadingPorts, RowSink } from './export-ports.ts';
import { domainPartsAt } from './incremental/server-check.ts';
import type { ObjectReader } from './object-reader.ts';
import type { PipelineHandlers } from './pipeline-run.ts';
import type { RowWriter } from './row-writer.ts';

/** Errors that a manifest spells out; those beyond are told by their number. */
const mostErrors = 200;

/**
 * `ResultSize` in a warning: Exchange says "…only the first 1000 items are returned. Use the ResultSize
 * parameter…" or "There are more results available than are currently displayed. To view them, increase the
 * value for the ResultSize parameter." The parameter's name stands in it in every language.
 */
const truncation = /\bResultSize\b/i;

/** No organisation has more databases, nor mailboxes where the server did not count them. */
const mostObjects = { databases: 100_000, mailboxes: 20_000_000 };

/** More than can have been made since the server counted. */
function mostAfterCount(counted: number): number {
  return counted * 2 + 10_000;
}

/** What else is done with rows while they come. */
export interface RowOptions {
  /** Where rows of a part are counted, which may have to be read again. */
  readonly part?: RowTally;
  readonly onValues?: (key: string, values: readonly (PsValue | undefined)[]) => void;
}

/** The rows of one pipeline while they come. */
export interface Rows {
  readonly handlers: PipelineHandlers;
  readonly received: number;
  /** Why a projected row cannot be used; the pipeline was left then. */
  readonly unusable: string | undefined;
}

function keyless(
  phase: 'databases' | 'mailboxes',
  ordinal: number,
  writer: RowWriter,
  values: readonly (PsValue | undefined)[],
): string {
  const name = writer.textOf('Identity', values) || writer.textOf('Name', values) || 'of no name';
  return `row ${ordinal} of the ${phase} (${name}) has no Guid that can be read: it is not in the file`;
}

/** What is counted while rows come. One that is dropped was never read. */
export class RowTally {
  /** Rows that could be used. */
  received = 0;
  /** Error records of the server, and rows that could not be used. */
  readonly errors: string[] = [];
  moreErrors = 0;
  /** The latest `WhenChangedUTC` of mailboxes, as text that sorts; empty at first. */
  latestChange = '';
  /** The directory servers that rows came from, by the end of the distinguished name from `,DC=` on. */
  readonly origins = new Map<string, Set<string>>();

  addError(message: string): void {
    if (this.errors.length < mostErrors) this.errors.push(message);
    else this.moreErrors += 1;
  }

  addOrigin(domain: string, server: string): void {
    const known = this.origins.get(domain);
    if (known === undefined) this.origins.set(domain, new Set([server]));
    else known.add(server);
  }

  /** Takes in what another one counted. */
  merge(other: RowTally): void {
    this.received += other.received;
    for (const message of other.errors) this.addError(message);
    this.moreErrors += other.moreErrors;
    if (other.latestChange > this.latestChange) this.latestChange = other.latestChange;
    for (const [domain, servers] of other.origins) for (const server of servers) this.addOrigin(domain, server);
  }
}

/** `,DC=emea,DC=contoso,DC=com` → `emea.contoso.com` */
function domainName(suffix: string): string {
  return suffix
    .slice(1)
    .split(',')
    .map((part) => part.slice(part.indexOf('=') + 1))
    .join('.')
    .toLowerCase();
}

/** What one export has learned so far about the server, and what it has counted. */
export class ExportReading {
  /** True while the server is believed to project properties itself. */
  projects = true;
  /** For progress: the server's count, else that of the last export. */
  totalMailboxes: number | undefined;
  /** The server's own count alone. */
  countedMailboxes: number | undefined;
  /** Databases that mailboxes live in and that are not listed are told of by {@link tellUnlisted}, not at once. */
  tellsUnlistedLater = false;
  databasesReceived = 0;
  readonly domainController: string | undefined;
  readonly #ports: ReadingPorts;
  #ofDatabases = new RowTally();
  #ofMailboxes = new RowTally();
  /** Rows of parts that are being read. */
  #underWay = 0;
  readonly #texts = new Map<string, string>();
  readonly #databaseNames = new Set<string>();
  readonly #unlisted = new Set<string>();

  constructor(ports: ReadingPorts, domainController: string | undefined) {
    this.#ports = ports;
    this.domainController = domainController;
  }

  get mailboxesReceived(): number {
    return this.#ofMailboxes.received;
  }

  /** For a phase of the reading; those of mailboxes are forgotten when mailboxes are read again. */
  addError(message: string, phase: 'databases' | 'mailboxes' = 'mailboxes'): void {
    (phase === 'mailboxes' ? this.#ofMailboxes : this.#ofDatabases).addError(message);
  }

  /** Those of mailboxes alone. */
  mailboxErrors(): readonly string[] {
    return this.#ofMailboxes.errors;
  }

  errors(): string[] {
    const all = new RowTally();
    all.merge(this.#ofDatabases);
    all.merge(this.#ofMailboxes);
    return all.moreErrors === 0 ? [...all.errors] : [...all.errors, `and ${all.moreErrors} more errors`];
  }

  /** The latest `WhenChangedUTC` of the mailboxes that came in this process; `undefined` where none said. */
  get latestChange(): string | undefined {
    return this.#ofMailboxes.latestChange === '' ? undefined : this.#ofMailboxes.latestChange;
  }

  /** DNS names, from the `DC=` parts of the distinguished names. */
  domains(): string[] {
    return [...new Set(this.serversByDomain().map(([domain]) => domain))].sort();
  }

  origins(): string[] {
    const of = [...this.#ofDatabases.origins.values(), ...this.#ofMailboxes.origins.values()];
    return [...new Set(of.flatMap((servers) => [...servers]))].filter((server) => server !== '').sort();
  }

  /** The directory servers that mailboxes of each domain came from; a domain has none where rows do not say. */
  serversByDomain(): [domain: string, servers: string[]][] {
    const byName = new Map<string, Set<string>>();
    for (const [suffix, servers] of this.#ofMailboxes.origins) {
      if (suffix === '') continue;
      const name = domainName(suffix);
      const known = byName.get(name) ?? new Set();
      for (const server of servers) if (server !== '') known.add(server);
      byName.set(name, known);
    }
    return [...byName].map(([domain, servers]) => [domain, [...servers].sort()]);
  }

  /** Takes in what a part, or an earlier session, read. */
  take(tally: RowTally): void {
    this.#ofMailboxes.merge(tally);
  }

  /** A part that was being read is whole, or given up: its rows count no longer as under way. */
  settle(tally: RowTally): void {
    this.#underWay -= tally.received;
  }

  /** Databases come anew; what was known of them is forgotten. */
  restartDatabases(): void {
    this.#ofDatabases = new RowTally();
    this.#databaseNames.clear();
  }

  /** Mailboxes come anew; what was counted of them is forgotten. */
  restartMailboxes(): void {
    this.#ofMailboxes = new RowTally();
    this.#underWay = 0;
    this.#unlisted.clear();
    this.#ports.onProgress({ phase: 'mailboxes', done: 0, total: this.totalMailboxes });
  }

  /** Handlers that turn bodies into rows of `sink`. */
  startRows(
    reader: ObjectReader,
    writer: RowWriter,
    sink: RowSink,
    phase: 'databases' | 'mailboxes',
    /** The server sends chosen properties: what it made of them is looked at. */
    projected = this.projects,
    more: RowOptions = {},
  ): Rows {
    const { part, onValues } = more;
    const tally = part ?? (phase === 'mailboxes' ? this.#ofMailboxes : this.#ofDatabases);
    let received = 0;
    let unusable: string | undefined;
    const onOutput = (body: Uint8Array): boolean => {
      const { values, origin } = reader.read(body);
      if (projected) {
        unusable = writer.whyUnusable(values);
        if (unusable !== undefined) return false;
      }
      received += 1;
      this.#refuseTooMany(phase, received);
      const key = writer.key(values);
      if (key === undefined) tally.addError(keyless(phase, received, writer, values));
      else {
        this.#takeRow(key, writer, values, origin, sink, phase, tally);
        if (part !== undefined) this.#underWay += 1;
        onValues?.(key, values);
      }
      this.#tellProgress(phase, received);
      return true;
    };
    return {
      handlers: { onOutput, onWarning: (message) => this.takeWarning(message), signal: this.#ports.signal },
      get received() {
        return received;
      },
      get unusable() {
        return unusable;
      },
    };
  }

  /**
   * Passes a warning of the server on.
   * @throws ConnectorError EXCHANGE_RESULT_TRUNCATED where it says that objects were left out
   */
  takeWarning(message: string): void {
    if (truncation.test(message)) {
      throw new ConnectorError(
        'EXCHANGE_RESULT_TRUNCATED',
        `reading with -ResultSize Unlimited: the server left objects out all the same: "${message.trim()}"`,
        { mend: 'ask the administrator of Exchange what limits the results of this account; nothing was published' },
      );
    }
    this.#ports.onWarning(message);
  }

  #takeRow(
    key: string,
    writer: RowWriter,
    values: readonly (PsValue | undefined)[],
    origin: PsValue | undefined,
    sink: RowSink,
    phase: 'databases' | 'mailboxes',
    tally: RowTally,
  ): void {
    let domain = '';
    if (phase === 'mailboxes') {
      const name = writer.textOf('DistinguishedName', values);
      const at = domainPartsAt(name);
      if (at >= 0) domain = this.#textOnce(name.slice(at));
      const changed = writer.textOf('WhenChangedUTC', values);
      if (changed > tally.latestChange) tally.latestChange = [...changed].join('');
      sink.put(key, writer.line('Insert', values), this.#groupOf(writer, values));
    } else {
      this.#databaseNames.add(writer.textOf('Name', values));
      sink.put(key, writer.line('Insert', values), '');
    }
    tally.received += 1;
    const server =
      origin?.kind === 'S'
        ? origin.value
        : origin === undefined || origin.kind === 'Nil'
          ? ''
          : cellText(origin, noRemarks());
    tally.addOrigin(domain, this.#textOnce(server));
  }

  /**
   * The same text, the same string each time, and a copy: a piece of a mailbox's text that is kept keeps all of
   * that text in memory, and parts are many.
   */
  #textOnce(text: string): string {
    const known = this.#texts.get(text);
    if (known !== undefined) return known;
    const copy = [...text].join('');
    this.#texts.set(copy, copy);
    return copy;
  }

  #tellProgress(phase: 'databases' | 'mailboxes', ordinal: number): void {
    this.#ports.onProgress(
      phase === 'mailboxes'
        ? { phase, done: this.mailboxesReceived + this.#underWay, total: this.totalMailboxes }
        : { phase, done: ordinal, total: undefined },
    );
  }

  /** Says how many mailboxes there are so far. */
  tellProgress(): void {
    this.#tellProgress('mailboxes', 0);
  }

  #refuseTooMany(phase: 'databases' | 'mailboxes', ordinal: number): void {
    const counted = phase === 'mailboxes' ? this.countedMailboxes : undefined;
    const most = counted === undefined ? mostObjects[phase] : mostAfterCount(counted);
    if (ordinal <= most) return;
    const told = counted === undefined ? '' : `; it had counted ${counted}`;
    throw new ConnectorError(
      'EXCHANGE_RESULT_EXCESSIVE',
      `reading the ${phase}: the server sent more than ${most} of them and does not come to an end${told}`,
    );
  }

  #groupOf(writer: RowWriter, values: readonly (PsValue | undefined)[]): string {
    const database = writer.textOf('Database', values);
    if (database !== '' && !this.#databaseNames.has(database) && !this.#unlisted.has(database)) {
      // A copy: a piece of a mailbox's text keeps all of it in memory.
      this.#unlisted.add(this.#textOnce(database));
      if (!this.tellsUnlistedLater) this.#tellUnlisted(database);
    }
    return database;
  }

  #tellUnlisted(database: string): void {
    this.#ports.onWarning(
      `mailboxes live in the database ${database}, which Get-MailboxDatabase did not list: the two files do not join there`,
    );
  }

  /** Warns of the databases that mailboxes live in and that were not listed, not even later. */
  tellUnlisted(): void {
    for (const database of this.#unlisted) if (!this.#databaseNames.has(database)) this.#tellUnlisted(database);
  }
}
