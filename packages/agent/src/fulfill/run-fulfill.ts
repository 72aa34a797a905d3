/*
 * Orders carried out by the script of a connection, from the lock to the file of results:
 *
 *   orders ─► lock ─► dead runs ─► journal ─► script, once or more often ─► results in place ─► journal finished
 *
 * What can be refused is refused before the first order is handed out.
 */
import { randomUUID } from 'node:crypto';
import { renameSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { csvLine } from '@exchange-connector/connector';
import { findPowerShell } from '@exchange-connector/powershell-process';
import { type AtRest, openAtRest } from '../at-rest.ts';
import { refuseDeactivated } from '../deactivation.ts';
import { AgentError, fileFailed } from '../errors.ts';
import { stateFolder } from '../export-paths.ts';
import { clearLeftovers } from '../leftovers.ts';
import { RunLog } from '../log.ts';
import { OutputFile, temporaryPath } from '../output-file.ts';
import { ProgressMeter } from '../progress-meter.ts';
import { endOf } from '../run-failure.ts';
import { type RunLock, takeRunLock } from '../run-lock.ts';
import { environmentSecrets } from '../script-environment.ts';
import { InterruptedRuns } from './interrupted-runs.ts';
import type { NativePorts } from './native/native-context.ts';
import { unfinishedNativeRuns } from './native/run-journal.ts';
import { runNativeFulfill } from './native/run-native.ts';
import { type Order, type OrderFolder, readOrderFolder } from './order-files.ts';
import { errored, type OrderOutcome } from './outcome.ts';
import { refuseProtected } from './order-protection.ts';
import { optionsLine, type Redact, redactionFor } from './redaction.ts';
import type { FulfillOutcome, FulfillRequest, FulfillSummary } from './request.ts';
import { type Carried, fulfillFolder, type JournalLine, RunFolder } from './run-folder.ts';
import { ScriptEngine, type ScriptEngineEnd } from './script-engine.ts';
import { resultColumns } from './script-results.ts';
import { prepareRuntime, type ScriptRuntime } from './script-runtime.ts';

interface Run {
  readonly request: FulfillRequest;
  readonly runId: string;
  readonly start: Date;
  readonly log: RunLog;
  readonly redact: Redact;
  readonly warnings: string[];
}

/** A run with all that it needs before an order may be handed out. */
interface PreparedRun extends Run {
  readonly program: string;
  readonly runtime: ScriptRuntime;
  readonly batch: OrderFolder;
  readonly past: InterruptedRuns;
  readonly results: OutputFile;
  readonly atRest: AtRest | undefined;
}

function warn(run: Run, message: string): void {
  run.warnings.push(message);
  run.log.write('Warning', message);
}

function findProgram(): string {
  const found = findPowerShell();
  if (found.kind === 'found') return found.program;
  throw new AgentError('RUN_NO_POWERSHELL', `the fulfilment script needs a PowerShell to run in: ${found.message}`);
}

function refuseFolder(results: string): void {
  if (statSync(results, { throwIfNoEntry: false })?.isDirectory() !== true) return;
  throw new AgentError('RUN_SETTINGS_UNUSABLE', `the file of results ${results} is a folder`, {
    mend: 'name a file in --results',
  });
}

/**
 * Carries out the orders of a folder: with the connection's script, each at most once, or natively where it names
 * none. Never throws: what went wrong is in the outcome. Where it has a summary, the file of results is in place
 * and has one row for each order.
 * @param ports for tests: what the native engine reaches the world through, where not the real server
 */
export async function runFulfill(request: FulfillRequest, ports?: NativePorts): Promise<FulfillOutcome> {
  const script = request.connection.fulfillScriptPath;
  return script === undefined ? runNativeFulfill(request, ports) : runScriptFulfill(request, script);
}

async function runScriptFulfill(request: FulfillRequest, script: string): Promise<FulfillOutcome> {
  const { connection, folders, signal } = request;
  const runId = request.runId ?? randomUUID();
  const log = new RunLog(runId, connection.id);
  const redact = redactionFor(connection, environmentSecrets());
  const run: Run = { request, runId, start: new Date(), log, redact, warnings: [] };
  let lock: RunLock | undefined;
  try {
    refuseDeactivated(connection, 'fulfillment');
    refuseFolder(request.resultsFile);
    const batch = readOrderFolder(request.ordersFolder);
    const program = findProgram();
    const runtime = prepareRuntime(script, connection, folders);
    const atRest = await openAtRest(request);
    for (const warning of atRest?.warnings ?? []) warn(run, warning);
    signal.throwIfAborted();
    const state = stateFolder(folders.work, connection.id);
    lock = takeRunLock(state, runId, [temporaryPath(request.resultsFile, runId)]);
    for (const sentence of await clearLeftovers(state, lock)) warn(run, sentence);
    const past = await InterruptedRuns.read(folders.work, connection.id, run.redact, atRest);
    const results = await OutputFile.open(request.resultsFile, runId, atRest?.newEnvelope());
    try {
      return await fulfillUnderLock({ ...run, program, runtime, batch, past, results, atRest });
    } finally {
      await results.discard();
    }
  } catch (error) {
    const end = endOf(error, signal);
    if (end.kind === 'failed')
      log.write('Error', `fulfilment failed: ${end.failure.message}`, {
        code: end.failure.code,
        recovery: end.failure.recovery,
      });
    else log.write('Warning', 'fulfilment cancelled');
    return end;
  } finally {
    lock?.release();
  }
}

async function fulfillUnderLock(run: PreparedRun): Promise<FulfillOutcome> {
  const { request, batch, past, runtime, runId } = run;
  for (const { file, reason } of batch.setAside) warn(run, `${file} is set aside: ${reason}`);
  const outcomes = new Map<number, OrderOutcome>();
  const carried: Carried[] = [];
  const lines: JournalLine[] = [
    {
      kind: 'run',
      run: runId,
      connection: request.connection.id,
      orders: request.ordersFolder,
      results: request.resultsFile,
      script: runtime.script,
      visitor: runtime.visitor,
      start: run.start.toISOString(),
    },
  ];
  for (const order of batch.orders) {
    const { index, assignmentId, changeType, fingerprint } = order;
    lines.push({ kind: 'order', index, assignmentId, changeType, fingerprint });
    const known = past.take(order);
    if (known === undefined) {
      const refused = refuseProtected(order, request.connection);
      if (refused === undefined) continue;
      outcomes.set(index, refused);
      lines.push({ kind: 'answer', index, ...refused });
      continue;
    }
    carried.push(known.carried);
    outcomes.set(index, known.outcome);
    lines.push({ kind: 'answer', index, ...known.outcome, carried: known.carried });
  }
  for (const sentence of past.remarks()) warn(run, sentence);
  for (const { batch: open } of unfinishedNativeRuns(request.folders.work, request.connection.id))
    warn(
      run,
      `run ${open.run} of ${open.start}, of the native engine, has not ended: take the script out of the settings and fulfill once to finish it, or undo it`,
    );
  if (carried.length > 0)
    warn(run, `${carried.length} of the orders were handed out by a run that died: they are not run again`);
  const folder = RunFolder.create(join(fulfillFolder(request.folders.work), runId), lines, run.atRest);
  const rest = batch.orders.filter((order) => !outcomes.has(order.index));
  const ended = await runEngine(run, folder, rest);
  for (const [index, outcome] of ended.outcomes) outcomes.set(index, outcome);
  for (const fault of ended.faults) warn(run, fault);
  return conclude(run, folder, { outcomes, carried, ended });
}

async function runEngine(run: PreparedRun, folder: RunFolder, orders: readonly Order[]): Promise<ScriptEngineEnd> {
  const { request, batch, program, runtime, redact, log } = run;
  const meter = new ProgressMeter((progress) => request.onProgress?.(progress));
  const total = batch.orders.length;
  const before = total - orders.length;
  meter.report('fulfilling', before, total);
  const engine = new ScriptEngine({
    program,
    runtime,
    folder,
    inputLine: () => optionsLine(request.connection),
    signal: request.signal,
    redact,
    log,
    onProgress: (done) => meter.report('fulfilling', Math.min(total, before + done), total),
  });
  return engine.carryOut(orders);
}

interface Conclusion {
  readonly outcomes: ReadonlyMap<number, OrderOutcome>;
  readonly carried: readonly Carried[];
  readonly ended: ScriptEngineEnd;
}

/** Puts the results in place; only then the journals may say that the runs have finished. */
async function conclude(run: PreparedRun, folder: RunFolder, conclusion: Conclusion): Promise<FulfillOutcome> {
  const { request, batch, results, past } = run;
  const { outcomes, carried, ended } = conclusion;
  results.add(Buffer.from(csvLine(resultColumns)));
  let executed = 0;
  for (const order of batch.orders) {
    const { state, message } = outcomes.get(order.index) ?? errored('outcome unknown: no result was noted');
    if (state === 'Executed') executed += 1;
    const cells = [order.assignmentId, state, message, order.changeType, order.ownerId, order.ownerType];
    if (results.add(Buffer.from(csvLine(cells)))) await results.flush();
  }
  const finished = await results.finish();
  try {
    renameSync(finished.temporary, finished.path);
  } catch (cause) {
    throw fileFailed(`renaming ${finished.temporary} to ${finished.path}`, cause);
  }
  const errors = batch.orders.length - executed;
  folder.finish({ executed, errored: errors });
  past.close(run.runId, carried);
  const summary: FulfillSummary = {
    connection: request.connection.id,
    runId: run.runId,
    engine: 'script',
    results: request.resultsFile,
    orders: batch.orders.length,
    executed,
    errored: errors,
    setAside: batch.setAside,
    start: run.start.toISOString(),
    end: new Date().toISOString(),
    warnings: run.warnings,
  };
  return outcomeOf(run, summary, ended);
}

function outcomeOf(run: PreparedRun, summary: FulfillSummary, ended: ScriptEngineEnd): FulfillOutcome {
  const { signal } = run.request;
  const { executed, errored: errors, orders } = summary;
  run.log.write('Information', 'fulfilment ended', { orders, executed, errored: errors });
  if (signal.aborted) {
    if ((signal.reason as Error | undefined)?.name !== 'TimeoutError')
      return { kind: 'cancelled', exitCode: 130, summary };
    const message = 'the time limit of the whole run (--timeout) passed; the results say what became of each order';
    return {
      kind: 'failed',
      exitCode: 1,
      failure: { code: 'RUN_TIMED_OUT', recovery: 'none', message, mend: undefined },
      summary,
    };
  }
  if (ended.failure !== undefined) {
    const message = `no order was carried out: ${run.redact(ended.failure)} (${run.runtime.script})`;
    const mend = 'mend the script; the results say of every order that it was not run, so all can be sent again';
    return {
      kind: 'failed',
      exitCode: 1,
      failure: { code: 'RUN_SCRIPT_FAILED', recovery: 'none', message, mend },
      summary,
    };
  }
  const isWhole = errors === 0 && summary.setAside.length === 0 && ended.faults.length === 0;
  return isWhole ? { kind: 'done', exitCode: 0, summary } : { kind: 'partial', exitCode: 5, summary };
}
