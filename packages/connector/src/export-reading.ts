import type { PsValue } from '@exchange-connector/psrp';
import { cellText, noRemarks } from './cell-text.ts';
import { ConnectorError } from './errors.ts';
import type { ExportPorts, RowSink } from './export-ports.ts';
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

/** The rows of one pipeline while they come. */
export interface Rows {
  readonly handlers: PipelineHandlers;
  readonly received: number;
  /** Why a projected row cannot be used; the pipeline was left then. */
  readonly unusable: string | undefined;
}

/** What one export has learned so far about the server, and what it has counted. */
export class ExportReading {
  /** True while the server is believed to project properties itself. */
  projects = true;
  /** For progress: the server's count, else that of the last export. */
  totalMailboxes: number | undefined;
  /** The server's own count alone. */
  countedMailboxes: number | undefined;
  mailboxesReceived = 0;
  databasesReceived = 0;
  readonly domainController: string | undefined;
  readonly #ports: ExportPorts;
  readonly #domains = new Set<string>();
  readonly #origins = new Set<string>();
  readonly #errors: string[] = [];
  #moreErrors = 0;
  /** Where the errors of the mailboxes begin: they are forgotten when mailboxes are read again. */
  #errorsBefore = { errors: 0, more: 0 };
  readonly #databaseNames = new Set<string>();
  readonly #unlisted = new Set<string>();

  constructor(ports: ExportPorts, domainController: string | undefined) {
    this.#ports = ports;
    this.domainController = domainController;
  }

  addError(message: string): void {
    if (this.#errors.length < mostErrors) this.#errors.push(message);
    else this.#moreErrors += 1;
  }

  errors(): string[] {
    return this.#moreErrors === 0 ? [...this.#errors] : [...this.#errors, `and ${this.#moreErrors} more errors`];
  }

  /** DNS names, from the `DC=` parts of the distinguished names. */
  domains(): string[] {
    const names = [...this.#domains].map((suffix) =>
      suffix
        .slice(1)
        .split(',')
        .map((part) => part.slice(part.indexOf('=') + 1))
        .join('.')
        .toLowerCase(),
    );
    return [...new Set(names)].sort();
  }

  origins(): string[] {
    return [...this.#origins].sort();
  }

  /** Mailboxes come anew; what was counted of them is forgotten. */
  restartMailboxes(): void {
    if (this.mailboxesReceived === 0) {
      this.#errorsBefore = { errors: this.#errors.length, more: this.#moreErrors };
    }
    this.#errors.length = this.#errorsBefore.errors;
    this.#moreErrors = this.#errorsBefore.more;
    this.mailboxesReceived = 0;
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
  ): Rows {
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
      this.#takeRow(writer, values, origin, sink, phase, received);
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
    writer: RowWriter,
    values: readonly (PsValue | undefined)[],
    origin: PsValue | undefined,
    sink: RowSink,
    phase: 'databases' | 'mailboxes',
    ordinal: number,
  ): void {
    const key = writer.key(values);
    if (key === undefined) {
      const name = writer.textOf('Identity', values) || writer.textOf('Name', values) || 'of no name';
      this.addError(`row ${ordinal} of the ${phase} (${name}) has no Guid that can be read: it is not in the file`);
      return;
    }
    if (phase === 'mailboxes') {
      this.mailboxesReceived += 1;
      const name = writer.textOf('DistinguishedName', values);
      const at = name.search(/,DC=/i);
      if (at >= 0) this.#domains.add(name.slice(at));
      sink.put(key, writer.line('Insert', values), this.#groupOf(writer, values));
    } else {
      this.#databaseNames.add(writer.textOf('Name', values));
      sink.put(key, writer.line('Insert', values), '');
    }
    if (origin?.kind === 'S') this.#origins.add(origin.value);
    else if (origin !== undefined && origin.kind !== 'Nil') this.#origins.add(cellText(origin, noRemarks()));
    this.#ports.onProgress(
      phase === 'mailboxes'
        ? { phase, done: this.mailboxesReceived, total: this.totalMailboxes }
        : { phase, done: ordinal, total: undefined },
    );
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
      this.#unlisted.add(database);
      this.#ports.onWarning(
        `mailboxes live in the database ${database}, which Get-MailboxDatabase did not list: the two files do not join there`,
      );
    }
    return database;
  }
}
