/*
 * A complete export, from the lock to the manifest:
 *
 *   lock ─► mend ─► session ─► rows into sorters ─► session closed ─► CSV files ─► manifest ─► all in place
 *
 * Until the last step nothing that an earlier run left is touched.
 */
import { randomUUID } from 'node:crypto';
import { basename, dirname, join } from 'node:path';
import type { ConnectionSettings } from '@exchange-connector/config';
import { csvLine, type OrganisationReading } from '@exchange-connector/connector';
import { type AtRest, openAtRest } from './at-rest.ts';
import { AgentError } from './errors.ts';
import type { EngineReading, ExportRun } from './export-run.ts';
import { clearLeftovers } from './leftovers.ts';
import { RunLog } from './log.ts';
import { makeWritableFolder, removeFolder } from './folder.ts';
import { formatManifest, type Manifest, type ManifestFile } from './manifest.ts';
import { type FinishedFile, OutputFile, temporaryPath } from './output-file.ts';
import { readNatively } from './native-engine.ts';
import { ProgressMeter } from './progress-meter.ts';
import { isPublicationPending, publish } from './publication.ts';
import { logRequests } from './request-log.ts';
import { RowSorter } from './row-sorter.ts';
import type { ExportOutcome, ExportRequest } from './run.ts';
import { exportPaths, longestIdentifierInFileNames, stateFolder } from './export-paths.ts';
import { endOf } from './run-failure.ts';
import { type RunLock, takeRunLock } from './run-lock.ts';
import { readByScript, removeScriptFolder, requireScript, scriptFolder } from './script-engine.ts';
import { WarningList } from './warning-list.ts';

/**
 * Exports all mailboxes and databases that the settings leave in view. Never throws: what went wrong is in
 * the outcome, and the files of the last good run are as they were.
 */
export async function runExport(request: ExportRequest): Promise<ExportOutcome> {
  let atRest: AtRest | undefined;
  try {
    atRest = await openAtRest(request);
  } catch (error) {
    return endOf(error, request.signal);
  }
  return runWith(request, atRest);
}

async function runWith(request: ExportRequest, atRest: AtRest | undefined): Promise<ExportOutcome> {
  const { connection, folders, signal } = request;
  const runId = request.runId ?? randomUUID();
  const log = new RunLog(runId, connection.id);
  const warn = (message: string, isKept: boolean): void => {
    log.write(isKept ? 'Warning' : 'Information', message);
    if (isKept) request.onWarning?.(message);
  };
  const state = stateFolder(folders.work, connection.id);
  const sortFolder = join(state, `sort-${runId}`);
  const run: ExportRun = {
    request,
    runId,
    start: new Date(),
    state,
    paths: exportPaths(connection.id, request.outputFolder ?? join(folders.temp, 'ExportOutput')),
    log,
    warnings: new WarningList(warn),
    meter: new ProgressMeter((progress) => request.onProgress?.(progress)),
    mailboxes: new RowSorter(sortFolder, 'mailboxes', undefined, atRest?.rows),
    databases: new RowSorter(sortFolder, 'databases', undefined, atRest?.rows),
    atRest,
  };
  const stopLogging = logRequests(log);
  let lock: RunLock | undefined;
  try {
    if (connection.exportScriptPath !== undefined) requireScript(connection, connection.exportScriptPath);
    refuseLongIdentifier(connection);
    lock = takeRunLock(state, runId, [
      sortFolder,
      scriptFolder(state, runId).above,
      ...Object.values(run.paths).map((path) => temporaryPath(path, runId)),
    ]);
    const outcome = await exportUnderLock(run, lock);
    log.write('Information', `export ${outcome.kind}`, { exitCode: outcome.exitCode });
    return outcome;
  } catch (error) {
    const end = endOf(error, signal, { howFar: run.meter.howFar });
    if (end.kind === 'failed') {
      const { code, recovery, message } = end.failure;
      log.write('Error', `export failed: ${message}`, { code, recovery });
    } else log.write('Warning', 'export cancelled');
    return end;
  } finally {
    run.mailboxes.close();
    run.databases.close();
    removeFolder(sortFolder);
    removeScriptFolder(state, runId);
    lock?.release();
    stopLogging();
  }
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

async function exportUnderLock(run: ExportRun, lock: RunLock): Promise<ExportOutcome> {
  for (const sentence of await clearLeftovers(run.state, lock)) run.warnings.add(sentence);
  makeWritableFolder(dirname(run.paths.manifest));
  const script = run.request.connection.exportScriptPath;
  const read = script === undefined ? await readNatively(run) : await readByScript(run, script);
  const { reading } = read;
  const files: OutputFile[] = [];
  try {
    const written = await write(run, reading, files);
    const manifest = manifestOf(run, read, written);
    const finished = [
      written.mailboxes.finished,
      written.databases.finished,
      await writeManifest(run, manifest, files),
    ];
    run.request.signal.throwIfAborted();
    publish(run.state, run.runId, finished);
    read.forget?.();
    return outcomeOf(run, manifest, reading);
  } catch (error) {
    // Once the journal names them, the temporaries are what the next run finishes with.
    if (!isPublicationPending(run.state)) for (const file of files) await file.discard();
    throw error;
  }
}

function outcomeOf(run: ExportRun, manifest: Manifest, reading: OrganisationReading): ExportOutcome {
  const { mailboxes, databases, manifest: manifestPath } = run.paths;
  const done = { manifest, files: [mailboxes, databases, manifestPath], durationMs: Date.now() - run.start.getTime() };
  if (manifest.complete) return { kind: 'done', exitCode: 0, ...done };
  return { kind: 'partial', exitCode: 5, ...done, errors: reading.errors };
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

async function write(run: ExportRun, reading: OrganisationReading, files: OutputFile[]): Promise<WrittenFiles> {
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
  run: ExportRun,
  files: OutputFile[],
  path: string,
  columns: readonly string[],
  sorter: RowSorter,
  tell: (rows: number) => void,
): Promise<WrittenFile> {
  const { connection, signal } = run.request;
  const file = await OutputFile.open(path, run.runId, run.atRest?.newEnvelope());
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

function manifestOf(run: ExportRun, read: EngineReading, written: WrittenFiles): Manifest {
  const { reading } = read;
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
    engine: read.engine,
    mode: 'complete',
    reason: 'every export of this version is a complete one',
    complete: reading.errors.length === 0,
    start: run.start.toISOString(),
    end: new Date().toISOString(),
    server: read.server,
    domainController: connection.domainController ?? connection.globalCatalog ?? reading.domainControllers[0] ?? null,
    domainControllers: reading.domainControllers,
    forestView: reading.forestView,
    domains: reading.domains,
    files: [fileOf(mailboxes), fileOf(databases)],
    counts: read.counts ?? { mailboxes: inserted(mailboxes.rows), databases: inserted(databases.rows) },
    countsByDatabase: Object.fromEntries(
      [...(read.groups ?? mailboxes.groups)].sort(([left], [right]) => (left < right ? -1 : 1)),
    ),
    columnsMissing: reading.columnsMissing,
    cookieIn: null,
    cookieOut: null,
    warnings: [...run.warnings.list(), ...reading.errors],
  };
}

async function writeManifest(run: ExportRun, manifest: Manifest, files: OutputFile[]): Promise<FinishedFile> {
  const file = await OutputFile.open(run.paths.manifest, run.runId);
  files.push(file);
  file.add(Buffer.from(formatManifest(manifest)));
  return file.finish();
}
