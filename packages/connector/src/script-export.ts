/*
 * The export by a script that gives objects: it runs in a local PowerShell, and each object it puts out is
 * a row of one of the two files, told by its property ExportFile or by the type names that Exchange gives.
 * From there on the rows go the way of the native export: same cells, same writer, same bytes.
 */
import {
  createProjection,
  type ErrorRecord,
  PipelineState,
  property,
  type PsObject,
  type PsValue,
  type RemoteSession,
  textOf,
} from '@exchange-connector/psrp';
import { cellText, noRemarks } from './cell-text.ts';
import { type ColumnPlan, databaseColumns, mailboxColumns, propertiesOf } from './columns.ts';
import { ConnectorError } from './errors.ts';
import type { ExportPorts, OrganisationReading, SessionPorts } from './export-ports.ts';
import { ExportReading, type Rows } from './export-reading.ts';
import { ObjectReader, propertyNames, readWholeObject, spellAsServer } from './object-reader.ts';
import { describeError } from './pipeline-run.ts';
import { RowWriter } from './row-writer.ts';
import { exportScriptRequest, scriptErrorIds, type ScriptSettings } from './script-contract.ts';

/** What a script is to be run with. */
export interface ScriptPlan {
  readonly settings: ScriptSettings;
  readonly valueSeparator: string;
  readonly expectedMailboxes: number | undefined;
}

/** What a script gave. */
export interface ScriptReading {
  readonly reading: OrganisationReading;
  /** True where it gave objects for the files; false: it put out nothing of use, and may have written the files. */
  readonly gaveRows: boolean;
  /** Objects that were none of the contract's: how many, and the first of them. */
  readonly stray: { readonly count: number; readonly first: string };
  /** The address that the script says it was on. */
  readonly server: string | undefined;
}

/** The world around a script: its session, and where its rows go. */
export type ScriptPorts = SessionPorts & Pick<ExportPorts, 'databases' | 'mailboxes'>;

type RowFile = 'mailboxes' | 'databases';

/** The rows of one file while they come. */
interface Stream {
  readonly columns: ColumnPlan;
  readonly missing: readonly string[];
  readonly writer: RowWriter;
  readonly rows: Rows;
}

/** A script that puts out more than this of what nobody asked for does not come to an end. */
const mostStray = 100_000;
const mostShown = 120;

const exchangeTypes: readonly (readonly [RegExp, RowFile])[] = [
  [/(^|\.)Microsoft\.Exchange\.Data\.Directory\.Management\.Mailbox$/, 'mailboxes'],
  [/(^|\.)Microsoft\.Exchange\.Data\.Directory\.SystemConfiguration\.MailboxDatabase$/, 'databases'],
];

function fileOfTypes(object: PsObject | undefined): RowFile | undefined {
  for (const [pattern, file] of exchangeTypes) {
    if (object?.typeNames?.some((name) => pattern.test(name)) === true) return file;
  }
  return undefined;
}

/** Takes the objects of a script one by one. */
class ScriptOutput {
  readonly #ports: ScriptPorts;
  readonly #plan: ScriptPlan;
  readonly #reading: ExportReading;
  readonly #marks = createProjection(['ExportFile', 'ForestView', 'Server']);
  readonly #streams = new Map<RowFile, Stream>();
  readonly #readFrom = new Date().toISOString();
  #forestView: boolean | null = null;
  #server: string | undefined;
  #toldOfSession = false;
  #strayCount = 0;
  #firstStray = '';

  constructor(plan: ScriptPlan, ports: ScriptPorts) {
    this.#plan = plan;
    this.#ports = ports;
    this.#reading = new ExportReading(ports, undefined);
    this.#reading.projects = false;
    this.#reading.totalMailboxes = plan.expectedMailboxes;
  }

  take(body: Uint8Array): void {
    // $null, which a statement without a result leaves behind.
    if (body.length === 0) return;
    const [file, forestView, server] = this.#marks.read(body);
    const mark = file === undefined ? undefined : cellText(file, noRemarks()).toLowerCase();
    if (mark === 'session') {
      this.#toldOfSession = true;
      this.#forestView = forestView?.kind === 'B' ? forestView.value : null;
      this.#server = server === undefined ? undefined : cellText(server, noRemarks());
    } else if (mark === 'mailboxes' || mark === 'databases') {
      this.#takeRow(mark, body);
    } else {
      this.#takeUnmarked(body, mark);
    }
  }

  takeWarning(message: string): void {
    this.#reading.takeWarning(message);
  }

  takeError(record: ErrorRecord): void {
    this.#reading.addError(`running the export script: ${describeError(record)}`);
  }

  end(): ScriptReading {
    const mailboxes = this.#streams.get('mailboxes');
    const databases = this.#streams.get('databases');
    for (const [file, stream] of this.#streams) {
      for (const remark of stream.writer.remarks()) this.#ports.onWarning(`${file}: ${remark}`);
    }
    this.#tellOfRepeated();
    const names = (plan: ColumnPlan): string[] => plan.columns.map((column) => column.name);
    return {
      gaveRows: this.#toldOfSession || this.#streams.size > 0,
      stray: { count: this.#strayCount, first: this.#firstStray },
      server: this.#server,
      reading: {
        forestView: this.#forestView,
        domains: this.#reading.domains(),
        domainControllers: this.#reading.origins(),
        readFrom: this.#readFrom,
        pins: Object.fromEntries(this.#reading.serversByDomain()),
        columnsMissing: mailboxes?.missing ?? [],
        projected: false,
        mailboxColumns: names(mailboxes?.columns ?? this.#planOf('mailboxes')),
        databaseColumns: names(databases?.columns ?? this.#planOf('databases')),
        received: { mailboxes: this.#reading.mailboxesReceived, databases: databases?.rows.received ?? 0 },
        errors: this.#reading.errors(),
      },
    };
  }

  #planOf(file: RowFile): ColumnPlan {
    return file === 'mailboxes' ? mailboxColumns(this.#plan.settings.additionalColumns) : databaseColumns();
  }

  #tellOfRepeated(): void {
    for (const name of this.#planOf('mailboxes').repeated)
      this.#ports.onWarning(`AdditionalColumns: ${name} is in the header already, and is not repeated`);
  }

  #takeRow(file: RowFile, body: Uint8Array): void {
    if (this.#strayCount > 0) this.#refuseStray();
    let stream = this.#streams.get(file);
    if (stream === undefined) {
      stream = this.#start(file, body);
      this.#streams.set(file, stream);
    }
    stream.rows.handlers.onOutput(body);
  }

  /** The first object of a file tells which properties there are, and how they are spelled. */
  #start(file: RowFile, body: Uint8Array): Stream {
    const object = readWholeObject(body, `the first object of the ${file}`);
    const names = object === undefined ? [] : propertyNames(object);
    const columns = spellAsServer(this.#planOf(file), names);
    const has = new Set(names);
    const missing = columns.columns
      .filter((column) => propertiesOf(column).every((name) => !has.has(name)))
      .map((column) => column.name);
    for (const name of missing.filter((column) => this.#plan.settings.additionalColumns.includes(column)))
      this.#ports.onWarning(
        `AdditionalColumns: the objects of the export script have no property ${name}: the column is empty`,
      );
    if (missing.length > 0)
      this.#ports.onNote(`the ${file} of the export script have no ${missing.join(', ')}: the cells are empty`);
    const writer = new RowWriter(columns, this.#plan.valueSeparator);
    const sink = file === 'mailboxes' ? this.#ports.mailboxes : this.#ports.databases;
    this.#ports.onProgress({ phase: file, done: 0, total: undefined });
    const what = file === 'mailboxes' ? 'mailbox' : 'database';
    return {
      columns,
      missing,
      writer,
      rows: this.#reading.startRows(new ObjectReader(columns, what), writer, sink, file),
    };
  }

  #takeUnmarked(body: Uint8Array, mark: string | undefined): void {
    const object = readWholeObject(body, 'an object of the export script');
    const file = mark === undefined ? fileOfTypes(object) : undefined;
    if (file !== undefined) {
      this.#takeRow(file, body);
      return;
    }
    this.#strayCount += 1;
    if (this.#strayCount === 1) this.#firstStray = this.#describe(body, object, mark);
    if (this.#streams.size > 0 || this.#strayCount > mostStray) this.#refuseStray();
  }

  #describe(body: Uint8Array, object: PsObject | undefined, mark: string | undefined): string {
    if (mark !== undefined) return `an object whose ExportFile is "${mark.slice(0, mostShown)}"`;
    const type = object?.typeNames?.[0];
    if (object !== undefined && type !== undefined) return `an object of the type ${type.slice(0, mostShown)}`;
    const text = createTextView(body).slice(0, mostShown);
    return `the text "${text}"`;
  }

  #refuseStray(): never {
    throw strayError(this.#plan.settings.scriptPath, { count: this.#strayCount, first: this.#firstStray });
  }
}

/** What a value that is no object reads as. */
function createTextView(body: Uint8Array): string {
  const text = new TextDecoder().decode(body.subarray(0, 1024));
  return text
    .replace(/<[^>]*>?/g, '')
    .replace(/\s+/g, ' ')
    .trim();
}

/** The error for a script that put out what belongs to neither file. */
export function strayError(scriptPath: string, stray: ScriptReading['stray']): ConnectorError {
  return new ConnectorError(
    'EXPORT_SCRIPT_OUTPUT_INVALID',
    `running the export script ${scriptPath}: it put out ${stray.first}${stray.count > 1 ? ` and ${stray.count - 1} more` : ''}, which is a row of neither file`,
    {
      mend: 'let the script put out only objects with a property ExportFile (mailboxes, databases, session), and send all else to Write-Host or Out-Null; docs/scripts.md says more',
    },
  );
}

function scriptFailed(scriptPath: string, record: ErrorRecord | undefined): ConnectorError {
  const id = record?.fullyQualifiedErrorId ?? '';
  const message = (record?.details ?? record?.message ?? '').replace(/\s+/g, ' ').trim();
  if (id === scriptErrorIds.notParsed) {
    return new ConnectorError(
      'EXPORT_SCRIPT_FAILED',
      `reading the export script ${scriptPath}: it does not parse: ${message}`,
      {
        mend: 'mend the script at that line',
      },
    );
  }
  if (id === scriptErrorIds.exited) {
    return new ConnectorError(
      'EXPORT_SCRIPT_FAILED',
      `running the export script ${scriptPath}: it ended with ${message}`,
    );
  }
  if (id === scriptErrorIds.sessionNotOpened) {
    return new ConnectorError('EXPORT_SCRIPT_NO_SESSION', `running the export script ${scriptPath}: ${message}`, {
      mend: 'check Server, AuthType and the account; leave the script out to try the native engine, whose command "check" says which step fails',
    });
  }
  return new ConnectorError(
    'EXPORT_SCRIPT_FAILED',
    `running the export script ${scriptPath}: ${record === undefined ? 'it failed without a reason' : describeError(record)}`,
  );
}

/** The text of what `Write-Host` and `Write-Information` say. */
function informationText(raw: PsValue): string {
  const data = property(raw, 'MessageData');
  if (data === undefined) return textOf(raw) ?? '';
  const message = property(data, 'Message');
  return textOf(message ?? data) ?? '';
}

/**
 * Runs a script to its end; the rows of its objects are in the sinks then.
 * @throws ConnectorError where the script cannot be parsed, throws, ends with an exit code, or puts out what
 *   is no row; what the session throws where the session fails
 */
export async function runExportScript(plan: ScriptPlan, ports: ScriptPorts): Promise<ScriptReading> {
  const output = new ScriptOutput(plan, ports);
  const { scriptPath } = plan.settings;
  for await (const event of invoke(ports.session, plan.settings, ports.signal)) {
    switch (event.kind) {
      case 'output':
        output.take(event.body);
        break;
      case 'error':
        output.takeError(event.record);
        break;
      case 'warning':
        output.takeWarning(event.message);
        break;
      case 'information':
        ports.onNote(`the export script says: ${informationText(event.raw)}`);
        break;
      case 'verbose':
      case 'debug':
        ports.onNote(`the export script says (${event.kind}): ${event.message}`);
        break;
      case 'progress':
        break;
      case 'state':
        if (event.state === PipelineState.Completed) return output.end();
        throw scriptFailed(scriptPath, event.error);
    }
  }
  throw new ConnectorError(
    'EXCHANGE_COMMAND_STOPPED',
    `running the export script ${scriptPath}: the session ended before PowerShell said how the script ended`,
  );
}

function invoke(session: RemoteSession, settings: ScriptSettings, signal: AbortSignal) {
  return session.invoke(exportScriptRequest(settings), { signal });
}
