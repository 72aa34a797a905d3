/*
 * An export, from the lock to the manifest:
 *
 *   lock ─► mend ─► cookie: what changed, or everything? ─► sessions ─► rows into sorters ─► sessions closed
 *        ─► compared with the cookie: CSV files, new cookie ─► within the thresholds? ─► all in place
 *                                                                   └─► kept for a person
 *
 * Until the last step nothing that an earlier run left is touched.
 */
import { randomUUID } from 'node:crypto';
import { existsSync, rmSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ConnectionSettings } from '@exchange-connector/config';
import { type Breach, type ChangeLimits, type FileChange, findBreaches } from '@exchange-connector/connector';
import { acknowledgedPath, pruneCookies } from './cookie-store.ts';
import { type AtRest, openAtRest } from './at-rest.ts';
import { refuseDeactivated } from './deactivation.ts';
import { AgentError } from './errors.ts';
import { type ExportBasis, openBasis } from './export-basis.ts';
import { type EngineReading, type ExportRun, givesOwnIncrement } from './export-run.ts';
import { dropHeld, heldOutput, heldPath, holdResult, prepareRelease } from './held-result.ts';
import { readIncrementally } from './incremental-engine.ts';
import { manifestFile, ResultFiles, type WrittenFiles } from './result-files.ts';
import { clearLeftovers } from './leftovers.ts';
import { RunLog } from './log.ts';
import { makeWritableFolder, removeFolder } from './folder.ts';
import type { Manifest } from './manifest.ts';
import { type FinishedFile, temporaryPath } from './output-file.ts';
import { readNatively } from './native-engine.ts';
import { refuseNoFiles } from './plain-file.ts';
import { ProgressMeter } from './progress-meter.ts';
import { isPublicationPending, publish } from './publication.ts';
import { logRequests } from './request-log.ts';
import { RowSorter } from './row-sorter.ts';
import type { ExportOutcome, ExportRequest } from './run.ts';
import { cookiePath, exportPaths, longestIdentifierInFileNames, stateFolder } from './export-paths.ts';
import { RunClock } from './run-clock.ts';
import { endOf } from './run-failure.ts';
import { requireRunLock, type RunLock, takeRunLock } from './run-lock.ts';
import { readByScript, removeScriptFolder, requireScript, scriptFolder } from './script-engine.ts';
import { forgetUncertain } from './uncertain-cookies.ts';
import { WarningList } from './warning-list.ts';

/**
 * Exports all mailboxes and databases that the settings leave in view. Never throws: what went wrong is in
 * the outcome, and the files of the last good run are as they were.
 */
export async function runExport(request: ExportRequest): Promise<ExportOutcome> {
  let atRest: AtRest | undefined;
  try {
    refuseDeactivated(request.connection, 'export');
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
  const now = request.now ?? Date.now;
  const sortFolder = join(state, `sort-${runId}`);
  // A release goes to where the stopped run would have gone.
  const released = request.release === true ? heldOutput(state) : undefined;
  const outputFolder = request.outputFolder ?? released ?? join(folders.temp, 'ExportOutput');
  const start = now();
  const warnings = new WarningList(warn);
  const run: ExportRun = {
    request,
    runId,
    start: new Date(start),
    now,
    clock: new RunClock(now, start, (sentence) => warnings.add(sentence)),
    state,
    paths: exportPaths(connection.id, outputFolder),
    cookie: cookiePath(folders.work, connection.id),
    log,
    warnings,
    meter: new ProgressMeter((progress) => request.onProgress?.(progress)),
    mailboxes: new RowSorter(sortFolder, 'mailboxes', undefined, atRest?.rows),
    databases: new RowSorter(sortFolder, 'databases', undefined, atRest?.rows),
    atRest,
  };
  log.write('Information', `run ${runId} begins: an export of ${connection.id}`);
  const stopLogging = logRequests(log);
  for (const warning of atRest?.warnings ?? []) run.warnings.add(warning);
  let lock: RunLock | undefined;
  try {
    if (connection.exportScriptPath !== undefined) requireScript(connection, connection.exportScriptPath);
    refuseLongIdentifier(connection);
    lock = takeRunLock(state, runId, [
      sortFolder,
      scriptFolder(state, runId).above,
      join(state, `held-${runId}`),
      ...[...Object.values(run.paths), run.cookie].map((path) => temporaryPath(path, runId)),
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
  refuseNoFiles([...Object.values(run.paths), run.cookie, heldPath(run.state), acknowledgedPath(run.state)]);
  for (const sentence of await clearLeftovers(run.state, lock)) run.warnings.add(sentence);
  makeWritableFolder(dirname(run.paths.manifest));
  const basis = openBasis(run);
  try {
    const released = run.request.release === true ? await releaseHeld(run, basis) : undefined;
    return released ?? (await readAndPublish(run, basis));
  } finally {
    basis.close();
  }
}

/** Publishes what a threshold stopped; undefined where it has to be read again. */
async function releaseHeld(run: ExportRun, basis: ExportBasis): Promise<ExportOutcome | undefined> {
  const held = await prepareRelease(run, basis.before);
  if (held.kind === 'read-again') {
    run.warnings.add(`${held.why}: it is read again, and no threshold stops this run`);
    return undefined;
  }
  const files = new ResultFiles(run);
  const manifest: Manifest = { ...held.manifest, released: new Date(run.now()).toISOString() };
  try {
    const finished = [...held.files, ...held.cookies, await files.writeManifest(manifest)];
    run.request.signal.throwIfAborted();
    putInPlace(run, finished);
  } catch (error) {
    if (!isPublicationPending(run.state))
      for (const { temporary } of [...held.files, ...held.cookies]) rmSync(temporary, { force: true });
    if (!isPublicationPending(run.state)) await files.discard();
    throw error;
  }
  return outcomeOf(run, manifest, manifest.complete ? [] : manifest.warnings);
}

/**
 * Both CSV files and the manifest together, in the order of the list; the cookie when they are in place. Where a person
 * acknowledges, increments start from what was acknowledged, and the last cookie goes with the files.
 */
function putInPlace(run: ExportRun, files: readonly FinishedFile[]): void {
  const { requireAcknowledge } = run.request.connection;
  const isCookie = (file: FinishedFile): boolean => !requireAcknowledge && file.path === run.cookie;
  requireRunLock(run.state, run.runId);
  publish(
    run.state,
    run.runId,
    files.filter((file) => !isCookie(file)),
    files.find(isCookie),
  );
  forgetUncertain(run.state);
  dropHeld(run.state);
  pruneCookies(run.state);
}

async function readAndPublish(run: ExportRun, basis: ExportBasis): Promise<ExportOutcome> {
  const { read, reason } = await readOrganisationOf(run, basis);
  if (reason !== null) {
    const sentence = `this export is a complete one: ${reason}`;
    if (reason === basis.reason && basis.isExpected) run.log.write('Information', sentence);
    else run.warnings.add(sentence);
  }
  const files = new ResultFiles(run);
  try {
    const mode = reason === null ? 'incremental' : 'complete';
    const written = await files.write(read, { mode, before: basis.before });
    const breaches = findBreaches(mode, changesOf(run, read, written, basis), limitsOf(run.request.connection));
    const isStopped = breaches.length > 0 && run.request.release !== true;
    const manifest = manifestOf(run, read, written, { basis, reason, breaches });
    if (isStopped) {
      const stopped = await stop(run, files, written, manifest);
      // A later run reads anew, not what a person found wrong.
      read.forget?.();
      return stopped;
    }
    const finished = [
      written.mailboxes.finished,
      written.databases.finished,
      ...written.cookies,
      await files.writeManifest(manifest),
    ];
    run.request.signal.throwIfAborted();
    putInPlace(run, finished);
    read.forget?.();
    return outcomeOf(run, manifest, read.reading.errors);
  } catch (error) {
    // Once the journal names them, the temporaries are what the next run finishes with.
    if (!isPublicationPending(run.state)) await files.discard();
    throw error;
  }
}

/** Reads what changed where that can be told, else everything; `reason` says why everything. */
async function readOrganisationOf(
  run: ExportRun,
  { before, reason }: ExportBasis,
): Promise<{ readonly read: EngineReading; readonly reason: string | null }> {
  const script = run.request.connection.exportScriptPath;
  if (script !== undefined) {
    const read = await readByScript(run, script);
    if (!givesOwnIncrement(read)) return { read, reason };
    const although = reason === null ? '' : `, although this run was to be a complete one (${reason})`;
    run.warnings.add(
      `the export script gave rows that are no Insert: they are published as an increment of its own${although}, and no cookie is written`,
    );
    return { read, reason: null };
  }
  let why = reason;
  if (why === null && before !== undefined) {
    const increment = await readIncrementally(run, before);
    if (increment.kind === 'read') return { read: increment.read, reason: null };
    why = increment.reason;
    run.databases.restart();
    run.mailboxes.restart();
  }
  return { read: await readNatively(run), reason: why ?? 'there is no cookie of an earlier export' };
}

function changesOf(
  run: ExportRun,
  { reading }: EngineReading,
  written: WrittenFiles,
  { before }: ExportBasis,
): FileChange[] {
  const { mailboxes, databases } = written.counts;
  // Where a script makes its own increments there is no snapshot to count, and yet an export before this one.
  const isFirst = written.cookieOut !== null || !existsSync(run.paths.manifest);
  const [mailboxesBefore, databasesBefore] =
    before === undefined ? (isFirst ? [] : [0, 0]) : [before.facts.mailboxes, before.facts.databases.length];
  const isNarrowed = before?.facts.forestView === true && reading.forestView === false;
  return [
    { file: 'mailboxes', counts: mailboxes, before: mailboxesBefore, found: mailboxes.Insert, isNarrowed },
    { file: 'databases', counts: databases, before: databasesBefore, found: databases.Insert },
  ];
}

function limitsOf(connection: ConnectionSettings): ChangeLimits {
  return {
    lines: {
      Insert: connection.maximumInsertedLines,
      Update: connection.maximumUpdatedLines,
      Delete: connection.maximumDeletedLines,
    },
    percent: {
      Insert: connection.maxPercentageInsertedLines,
      Update: connection.maxPercentageUpdatedLines,
      Delete: connection.maxPercentageDeletedLines,
    },
  };
}

async function stop(
  run: ExportRun,
  files: ResultFiles,
  written: WrittenFiles,
  manifest: Manifest,
): Promise<ExportOutcome> {
  run.request.signal.throwIfAborted();
  requireRunLock(run.state, run.runId);
  const folder = holdResult(run, written, manifest);
  await files.discard();
  const breaches = manifest.thresholds ?? [];
  for (const breach of breaches) run.log.write('Warning', `stopped: ${breach}`, { code: 'RUN_THRESHOLD_EXCEEDED' });
  return { kind: 'stopped', exitCode: 4, manifest, breaches, folder, durationMs: run.now() - run.start.getTime() };
}

function outcomeOf(run: ExportRun, manifest: Manifest, errors: readonly string[]): ExportOutcome {
  const { mailboxes, databases, manifest: manifestPath } = run.paths;
  const done = { manifest, files: [mailboxes, databases, manifestPath], durationMs: run.now() - run.start.getTime() };
  if (manifest.complete) return { kind: 'done', exitCode: 0, ...done };
  return { kind: 'partial', exitCode: 5, ...done, errors };
}

/** Under what conditions a run wrote what it wrote. */
interface Conditions {
  readonly basis: ExportBasis;
  readonly reason: string | null;
  readonly breaches: readonly Breach[];
}

function manifestOf(
  run: ExportRun,
  read: EngineReading,
  written: WrittenFiles,
  { basis, reason, breaches }: Conditions,
): Manifest {
  const { reading } = read;
  const { connection } = run.request;
  const { mailboxes, databases } = written;
  const isOwnIncrement = written.cookieOut === null;
  if (written.total === 0 && !isOwnIncrement) {
    run.warnings.add(
      'the export has no mailbox: check the scope of the connection (Filter, Databases, OrganizationalUnits, RecipientTypeDetails) and the rights of its account',
    );
  }
  return {
    connection: connection.id,
    runId: run.runId,
    engine: read.engine,
    mode: reason === null ? 'incremental' : 'complete',
    reason,
    complete: reading.errors.length === 0,
    start: run.start.toISOString(),
    end: new Date(run.now()).toISOString(),
    server: read.server,
    domainController: connection.domainController ?? connection.globalCatalog ?? reading.domainControllers[0] ?? null,
    domainControllers: reading.domainControllers,
    forestView: reading.forestView,
    domains: reading.domains,
    files: [manifestFile(mailboxes), manifestFile(databases)],
    counts: { mailboxes: { ...written.counts.mailboxes }, databases: { ...written.counts.databases } },
    countsByDatabase: Object.fromEntries([...written.byDatabase].sort(([left], [right]) => (left < right ? -1 : 1))),
    columnsMissing: reading.columnsMissing,
    cookieIn: isOwnIncrement ? null : (basis.before?.facts.id ?? null),
    cookieOut: written.cookieOut,
    ...(breaches.length === 0 ? {} : { thresholds: breaches.map(({ message }) => message) }),
    warnings: [...run.warnings.list(), ...reading.errors],
  };
}
