/*
 * A complete export, from the lock to the manifest:
 *
 *   lock ─► mend ─► session ─► rows into sorters ─► session closed ─► CSV files ─► manifest ─► all in place
 *
 * Until the last step nothing that an earlier run left is touched.
 */
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import type { ConnectionSettings } from '@exchange-connector/config';
import { csvLine, type ExportPlan, type OrganisationReading, readOrganisation } from '@exchange-connector/connector';
import { AgentError } from './errors.ts';
import { clearLeftovers } from './leftovers.ts';
import { RunLog } from './log.ts';
import { makeWritableFolder, removeFolder } from './folder.ts';
import { formatManifest, type Manifest, type ManifestFile } from './manifest.ts';
import { type FinishedFile, OutputFile, temporaryPath } from './output-file.ts';
import { ProgressMeter } from './progress-meter.ts';
import { isPublicationPending, publish } from './publication.ts';
import { logRequests } from './request-log.ts';
import { RowSorter } from './row-sorter.ts';
import type { ExportOutcome, ExportRequest } from './run.ts';
import { exportPaths, type ExportPaths, longestIdentifierInFileNames, stateFolder } from './export-paths.ts';
import { endOf } from './run-failure.ts';
import { type RunLock, takeRunLock } from './run-lock.ts';
import { openFirstSession } from './session-opening.ts';
import { WarningList } from './warning-list.ts';

/** Everything that one run carries through its steps. */
interface Run {
  readonly request: ExportRequest;
  readonly runId: string;
  readonly start: Date;
  readonly state: string;
  readonly paths: ExportPaths;
  readonly log: RunLog;
  readonly warnings: WarningList;
  readonly meter: ProgressMeter;
  readonly mailboxes: RowSorter;
  readonly databases: RowSorter;
}

/**
 * Exports all mailboxes and databases that the settings leave in view. Never throws: what went wrong is in
 * the outcome, and the files of the last good run are as they were.
 */
export async function runExport(request: ExportRequest): Promise<ExportOutcome> {
  const { connection, folders, signal } = request;
  const runId = request.runId ?? randomUUID();
  const log = new RunLog(runId, connection.id);
  const warn = (message: string, isKept: boolean): void => {
    log.write(isKept ? 'Warning' : 'Information', message);
    if (isKept) request.onWarning?.(message);
  };
  const state = stateFolder(folders.work, connection.id);
  const sortFolder = join(state, `sort-${runId}`);
  const run: Run = {
    request,
    runId,
    start: new Date(),
    state,
    paths: exportPaths(connection.id, request.outputFolder ?? join(folders.temp, 'ExportOutput')),
    log,
    warnings: new WarningList(warn),
    meter: new ProgressMeter((progress) => request.onProgress?.(progress)),
    mailboxes: new RowSorter(sortFolder, 'mailboxes'),
    databases: new RowSorter(sortFolder, 'databases'),
  };
  const stopLogging = logRequests(log);
  let lock: RunLock | undefined;
  try {
    refuseScriptEngine(connection);
    refuseLongIdentifier(connection);
    lock = takeRunLock(state, runId, [
      sortFolder,
      ...Object.values(run.paths).map((path) => temporaryPath(path, runId)),
    ]);
    const outcome = await exportUnderLock(run, lock);
    log.write('Information', `export ${outcome.kind}`, { exitCode: outcome.exitCode });
    return outcome;
  } catch (error) {
    const end = endOf(error, signal);
    if (end.kind === 'failed') log.write('Error', `export failed: ${end.failure.message}`, { code: end.failure.code });
    else log.write('Warning', 'export cancelled');
    return end;
  } finally {
    run.mailboxes.close();
    run.databases.close();
    removeFolder(sortFolder);
    lock?.release();
    stopLogging();
  }
}

function refuseScriptEngine(connection: ConnectionSettings): void {
  const script = connection.exportScriptPath;
  if (script === undefined) return;
  throw new AgentError(
    'RUN_SETTINGS_UNUSABLE',
    `connection ${connection.id} names an export script (${script}), and this version has no PowerShell engine to run it`,
    { mend: 'take PowerShellScriptPath (or ExportScriptPath) out: the native export writes the same files' },
  );
}

/** Identifiers may be longer than what is left of the 255 bytes that file systems give a name. */
function refuseLongIdentifier({ id }: ConnectionSettings): void {
  if (id.length <= longestIdentifierInFileNames) return;
  throw new AgentError(
    'RUN_SETTINGS_UNUSABLE',
    `the identifier of the connection has ${id.length} characters; the names of the exported files begin with it, and no file system takes more than ${longestIdentifierInFileNames} there`,
    { mend: 'give the connection a shorter identifier' },
  );
}

async function exportUnderLock(run: Run, lock: RunLock): Promise<ExportOutcome> {
  for (const sentence of await clearLeftovers(run.state, lock)) run.warnings.add(sentence);
  makeWritableFolder(dirname(run.paths.manifest));
  const { reading, server } = await read(run);
  const files: OutputFile[] = [];
  try {
    const written = await write(run, reading, files);
    const manifest = manifestOf(run, reading, server, written);
    const finished = [
      written.mailboxes.finished,
      written.databases.finished,
      await writeManifest(run, manifest, files),
    ];
    run.request.signal.throwIfAborted();
    publish(run.state, run.runId, finished);
    return outcomeOf(run, manifest, reading);
  } catch (error) {
    // Once the journal names them, the temporaries are what the next run finishes with.
    if (!isPublicationPending(run.state)) for (const file of files) await file.discard();
    throw error;
  }
}

function outcomeOf(run: Run, manifest: Manifest, reading: OrganisationReading): ExportOutcome {
  const { mailboxes, databases, manifest: manifestPath } = run.paths;
  const done = { manifest, files: [mailboxes, databases, manifestPath], durationMs: Date.now() - run.start.getTime() };
  if (manifest.complete) return { kind: 'done', exitCode: 0, ...done };
  return { kind: 'partial', exitCode: 5, ...done, errors: reading.errors };
}

/** Reads the organisation into the sorters; the session is closed when this returns or throws. */
async function read(run: Run): Promise<{ readonly reading: OrganisationReading; readonly server: string }> {
  const { connection, signal } = run.request;
  run.meter.report('connecting', 0, undefined);
  const { session, server } = await openFirstSession(connection, run.request, (message) => run.warnings.add(message));
  run.log.write('Information', `session open on ${server.url}`, { protocolVersion: session.server.protocolVersion });
  try {
    const reading = await readOrganisation(planOf(run), {
      session,
      databases: run.databases,
      mailboxes: run.mailboxes,
      onProgress: ({ phase, done, total }) => run.meter.report(phase, done, total),
      onWarning: (message) => run.warnings.add(message),
      onNote: (message) => run.log.write('Information', message),
      signal,
    });
    for (const error of reading.errors) run.log.write('Error', error);
    return { reading, server: server.url };
  } finally {
    await session.close();
  }
}

function planOf(run: Run): ExportPlan {
  const { connection } = run.request;
  return {
    additionalColumns: connection.additionalColumns,
    valueSeparator: connection.valueSeparator,
    scope: connection,
    pins: { domainController: connection.domainController, globalCatalog: connection.globalCatalog },
    expectedMailboxes: lastMailboxes(run.paths.manifest),
  };
}

/** How many mailboxes the last export had; only an expectation, so a manifest that cannot be read is none. */
function lastMailboxes(manifestPath: string): number | undefined {
  try {
    const manifest = JSON.parse(readFileSync(manifestPath, 'utf8')) as Partial<Manifest> | null;
    const rows = manifest?.files?.[0]?.rows;
    return typeof rows === 'number' ? rows : undefined;
  } catch {
    return undefined;
  }
}

/** One file, whole under its temporary name. */
interface WrittenFile {
  readonly finished: FinishedFile;
  readonly rows: number;
  readonly groups: ReadonlyMap<string, number>;
}

interface WrittenFiles {
  readonly mailboxes: WrittenFile;
  readonly databases: WrittenFile;
}

async function write(run: Run, reading: OrganisationReading, files: OutputFile[]): Promise<WrittenFiles> {
  const { paths } = run;
  const total = reading.received.mailboxes + reading.received.databases;
  run.meter.report('writing', 0, total);
  const tell = (rows: number): void => run.meter.report('writing', rows, total);
  const databases = await writeRows(run, files, paths.databases, reading.databaseColumns, run.databases, tell);
  const mailboxes = await writeRows(run, files, paths.mailboxes, reading.mailboxColumns, run.mailboxes, (rows) =>
    tell(databases.rows + rows),
  );
  run.meter.report('writing', total, total);
  return { mailboxes, databases };
}

async function writeRows(
  run: Run,
  files: OutputFile[],
  path: string,
  columns: readonly string[],
  sorter: RowSorter,
  tell: (rows: number) => void,
): Promise<WrittenFile> {
  const { connection, signal } = run.request;
  const file = await OutputFile.open(path, run.runId);
  files.push(file);
  const mark = connection.bom ? '\uFEFF' : '';
  file.add(Buffer.from(mark + csvLine(['Command', ...columns])));
  const groups = new Map<string, number>();
  let rows = 0;
  for (const { line, group } of sorter.rows()) {
    rows += 1;
    groups.set(group, (groups.get(group) ?? 0) + 1);
    if (file.add(line)) {
      await file.flush();
      signal.throwIfAborted();
      tell(rows);
    }
  }
  return { finished: await file.finish(), rows, groups };
}

function manifestOf(run: Run, reading: OrganisationReading, server: string, written: WrittenFiles): Manifest {
  const { connection } = run.request;
  const { mailboxes, databases } = written;
  if (mailboxes.rows === 0) {
    run.warnings.add(
      'the export has no mailbox: check the scope of the connection (Filter, Databases, OrganizationalUnits, RecipientTypeDetails) and the rights of its account',
    );
  }
  const fileOf = ({ finished, rows }: WrittenFile): ManifestFile => ({
    name: basename(finished.path),
    rows,
    sha256: finished.sha256,
  });
  const inserted = (rows: number) => ({ Insert: rows, Update: 0, Delete: 0 });
  return {
    connection: connection.id,
    runId: run.runId,
    engine: 'native',
    mode: 'complete',
    reason: 'every export of this version is a complete one',
    complete: reading.errors.length === 0,
    start: run.start.toISOString(),
    end: new Date().toISOString(),
    server,
    domainController: connection.domainController ?? connection.globalCatalog ?? reading.domainControllers[0] ?? null,
    domainControllers: reading.domainControllers,
    forestView: reading.forestView,
    domains: reading.domains,
    files: [fileOf(mailboxes), fileOf(databases)],
    counts: { mailboxes: inserted(mailboxes.rows), databases: inserted(databases.rows) },
    countsByDatabase: Object.fromEntries([...mailboxes.groups].sort(([left], [right]) => (left < right ? -1 : 1))),
    columnsMissing: reading.columnsMissing,
    cookieIn: null,
    cookieOut: null,
    warnings: [...run.warnings.list(), ...reading.errors],
  };
}

async function writeManifest(run: Run, manifest: Manifest, files: OutputFile[]): Promise<FinishedFile> {
  const file = await OutputFile.open(run.paths.manifest, run.runId);
  files.push(file);
  file.add(Buffer.from(formatManifest(manifest)));
  return file.finish();
}
