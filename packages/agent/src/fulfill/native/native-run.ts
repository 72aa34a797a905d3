/*
 * A batch from its first line in the journal to its results in place:
 *
 *   dead runs finished ─► session ─► journal ─► rounds of planning and steps ─► results in place ─► finished
 *
 * A run that died is finished by the next one of its connection: what it had not done is done, what it was doing is
 * looked at, its own file of results is written. Orders that are given again are then not carried out again.
 */
import { AgentError } from '../../errors.ts';
import type { RunFailure } from '../../run.ts';
import type { OrderOutcome } from '../outcome.ts';
import type { SetAside } from '../order-files.ts';
import { unfinishedRuns } from '../run-folder.ts';
import type { FulfillOutcome, FulfillSummary } from '../request.ts';
import { AuditLog } from './audit-log.ts';
import { type BatchEnd, BatchRunner } from './batch-runner.ts';
import type { BatchSession } from './batch-session.ts';
import { workOf } from './batch-work.ts';
import type { LiveReader } from './live-reader.ts';
import { failedEnd, fulfillSettingsOf, type NativeContext, openBatch } from './native-context.ts';
import { openResumed } from './resumed-controllers.ts';
import { writeResults } from './results-file.ts';
import {
  type BatchLine,
  type JournalLine,
  type JournalOrder,
  type JournalReading,
  type Purpose,
  RunJournal,
  stepsOf,
  unfinishedNativeRuns,
} from './run-journal.ts';

/** What a new batch is asked to do. */
export interface BatchOrder {
  readonly purpose: Purpose;
  readonly orders: readonly JournalOrder[];
  readonly setAside: readonly SetAside[];
  readonly resultsFile: string | undefined;
  readonly released: boolean;
  /** Puts into the run's folder what the batch needs to go on after a death. */
  readonly prepare?: (folder: string) => void;
}

/** An order whose outcome a run that died gives. */
interface PastOrder {
  readonly run: string;
  readonly order: number;
  readonly fingerprint: string;
  readonly outcome: OrderOutcome;
}

/** Runs that had died, finished but for the last word in their journals. */
interface ResumedRuns {
  readonly runs: readonly string[];
  take(order: JournalOrder): PastOrder | undefined;
  /** To be called when the results of the run that asked are in place. */
  close(): void;
}

interface Batch {
  readonly line: BatchLine;
  readonly orders: readonly JournalOrder[];
  readonly journal: RunJournal;
  readonly session: BatchSession;
  readonly reader: LiveReader;
  readonly answered: ReadonlyMap<number, OrderOutcome>;
  readonly giveUp?: string | undefined;
}

function orderLines(orders: readonly JournalOrder[]): JournalLine[] {
  return orders.map((order) => ({ kind: 'order', ...order }));
}

function carriedLines(past: ReadonlyMap<number, PastOrder>): JournalLine[] {
  return [...past].map(([order, { outcome, run, order: of }]) => ({
    kind: 'answer',
    order,
    ...outcome,
    carried: { run, order: of },
  }));
}

async function carryOut(context: NativeContext, batch: Batch): Promise<BatchEnd> {
  const { ports, request, redact, log, warnings, meter, connection } = context;
  const { line, orders, journal, session, reader, answered } = batch;
  const total = orders.length;
  meter.report('fulfilling', answered.size, total);
  const work = workOf(line, orders, journal, {
    workFolder: request.folders.work,
    settings: fulfillSettingsOf(connection),
    session,
    reader,
    seal: context.atRest,
  });
  const idOf = new Map(orders.map(({ index, assignmentId }) => [index, assignmentId]));
  const runner = new BatchRunner({
    batch: line,
    session,
    reader,
    journal,
    audit: AuditLog.open(request.folders.work, line.connection, line.run, ports.watch, context.atRest),
    ports,
    signal: request.signal,
    orderId: (order) => idOf.get(order) ?? '',
    redact,
    onNote: (message) => log.write('Information', redact(message)),
    onWarning: (message) => warnings.add(redact(message)),
    work,
    answered,
    history: stepsOf(journal),
    released: line.released,
    giveUp: batch.giveUp,
    onAnswer: (order, { state, message }, count) => {
      log.write('Information', `order ${idOf.get(order) ?? order} ${state}`, { message });
      meter.report('fulfilling', count, total);
    },
  });
  return runner.run();
}

/** Writes what became of a batch. */
function publish(context: NativeContext, { line, orders }: Batch, end: BatchEnd): void {
  if (line.results !== null) writeResults(line.results, orders, end.outcomes, context.ports.watch, context.atRest);
}

function countExecuted(outcomes: ReadonlyMap<number, OrderOutcome>): number {
  return [...outcomes.values()].filter(({ state }) => state === 'Executed').length;
}

/** Closes the journal of a batch whose results are in place, where everything is known. */
function finish({ journal, orders }: Batch, end: BatchEnd): void {
  if (!journal.lines.some(({ kind }) => kind === 'published')) journal.note({ kind: 'published' });
  if (end.isOpen) return;
  const executed = countExecuted(end.outcomes);
  journal.finish({ executed, errored: orders.length - executed });
}

/** Finishes one run that died. @throws what keeps it from being finished */
async function resumeRun(
  context: NativeContext,
  reading: JournalReading,
  giveUp: string | undefined,
  retired: readonly string[],
): Promise<{ batch: Batch; end: BatchEnd; past: PastOrder[] }> {
  const { batch: line, lines } = reading;
  const orders = lines.flatMap((each) => (each.kind === 'order' ? [(({ kind: _, ...order }) => order)(each)] : []));
  const answered = new Map<number, OrderOutcome>();
  for (const each of lines)
    if (each.kind === 'answer') answered.set(each.order, { state: each.state, message: each.message });
  const isPublished = lines.some(({ kind }) => kind === 'published');
  const { session, reader, ready } = openResumed(context, reading, retired);
  const journal = RunJournal.reopen(reading, context.ports.watch, context.atRest);
  const batch: Batch = { line, orders, journal, session, reader, answered, giveUp };
  const left = orders.length - answered.size;
  context.warnings.add(
    `run ${line.run} of ${line.start} died with ${left} of its ${orders.length} orders not answered: it is ${giveUp === undefined ? 'finished first' : 'given up'}`,
  );
  try {
    const hasWork = (left > 0 && giveUp === undefined) || stepsOf(reading).some(({ ended }) => ended === undefined);
    if (hasWork) await ready();
    const end = await carryOut(context, batch);
    // What a file of results told already is done with: the same order sent again is a new one.
    if (isPublished) return { batch, end, past: [] };
    // Noted as published once the run that asks has its own results: until then the outcomes stand for its orders.
    publish(context, batch, end);
    return { batch, end, past: pastOrders(batch, end) };
  } finally {
    await session.close();
  }
}

/** The orders of a batch whose outcome stands for the same order, given again. */
function pastOrders({ line, orders, journal }: Batch, end: BatchEnd): PastOrder[] {
  // What an undo or a plan did is not asked for by orders.
  if (line.purpose.kind !== 'orders') return [];
  const notDone = new Set(
    journal.lines.flatMap((each) => (each.kind === 'answer' && each.notDone === true ? [each.order] : [])),
  );
  return orders.flatMap(({ index, fingerprint }) => {
    const outcome = end.outcomes.get(index);
    return outcome === undefined || notDone.has(index) ? [] : [{ run: line.run, order: index, fingerprint, outcome }];
  });
}

/**
 * Finishes the runs of this connection that died. The lock must be held.
 * @param retired domain controllers that are gone for good
 * @param givenUp a run of which nothing more is to be carried out: it is about to be taken back
 */
export async function resumeDeadRuns(
  context: NativeContext,
  retired: readonly string[] = [],
  givenUp?: string,
): Promise<ResumedRuns> {
  const { request } = context;
  const dead = unfinishedNativeRuns(request.folders.work, request.connection.id, context.atRest);
  for (const { run } of unfinishedRuns(request.folders.work, request.connection.id))
    context.warnings.add(
      `run ${run.run} of ${run.start}, of the script ${run.script}, died, and what became of its orders was not told; the orders of this run are read and planned on what is there`,
    );
  const past: PastOrder[] = [];
  const finishers: (() => void)[] = [];
  for (const reading of dead) {
    const {
      batch,
      end,
      past: known,
    } = await resumeRun(
      context,
      reading,
      reading.batch.run === givenUp ? 'the run died before, and was given up to be taken back' : undefined,
      retired,
    );
    past.push(...known);
    finishers.push(() => finish(batch, end));
    if (end.failure !== undefined) throw end.failure;
  }
  return {
    runs: dead.map(({ batch }) => batch.run),
    take(order) {
      const at = past.findIndex(({ fingerprint }) => fingerprint === order.fingerprint);
      return at < 0 ? undefined : past.splice(at, 1)[0];
    },
    close() {
      for (const close of finishers) close();
    },
  };
}

/**
 * Carries out a new batch. The lock must be held.
 * @throws what keeps it from beginning: then nothing was carried out
 */
export async function runBatch(
  context: NativeContext,
  asked: BatchOrder,
  resumed: ResumedRuns,
): Promise<FulfillOutcome> {
  const { request, ports, runId, warnings } = context;
  for (const { file, reason } of asked.setAside) warnings.add(`${file} is set aside: ${reason}`);
  const past = new Map(
    asked.orders.flatMap((order) => {
      const known = asked.purpose.kind === 'orders' ? resumed.take(order) : undefined;
      return known === undefined ? [] : [[order.index, known] as const];
    }),
  );
  const answered = new Map([...past].map(([index, { outcome }]) => [index, outcome]));
  const { session, reader } = openBatch(context, 'write');
  try {
    if (answered.size < asked.orders.length) {
      context.meter.report('connecting', 0, undefined);
      await session.ensure();
    }
    const line: BatchLine = {
      kind: 'batch',
      run: runId,
      connection: request.connection.id,
      purpose: asked.purpose,
      results: asked.resultsFile ?? null,
      released: asked.released,
      by: context.by,
      start: context.start.toISOString(),
    };
    const journal = RunJournal.create(request.folders.work, runId, line, ports.watch, context.atRest);
    asked.prepare?.(journal.folder);
    // A run that died before `accepted` did nothing; one that has it knows what was answered before.
    journal.note(...orderLines(asked.orders), ...carriedLines(past), { kind: 'accepted', orders: asked.orders.length });
    const batch: Batch = { line, orders: asked.orders, journal, session, reader, answered };
    const end = await carryOut(context, batch);
    publish(context, batch, end);
    finish(batch, end);
    resumed.close();
    return outcomeOf(context, asked, end, { domainController: session.domainController, resumed: resumed.runs });
  } finally {
    await session.close();
  }
}

function outcomeOf(
  context: NativeContext,
  asked: BatchOrder,
  end: BatchEnd,
  facts: { readonly domainController: string | undefined; readonly resumed: readonly string[] },
): FulfillOutcome {
  const { request, runId, log, warnings, ports } = context;
  const executed = countExecuted(end.outcomes);
  const summary: FulfillSummary = {
    connection: request.connection.id,
    runId,
    engine: 'native',
    results: asked.resultsFile ?? null,
    orders: asked.orders.length,
    executed,
    errored: asked.orders.length - executed,
    setAside: asked.setAside,
    domainController: facts.domainController ?? null,
    resumed: facts.resumed,
    start: context.start.toISOString(),
    end: ports.now().toISOString(),
    warnings: warnings.list(),
  };
  log.write('Information', 'fulfilment ended', { orders: summary.orders, executed, errored: summary.errored });
  if (end.exceeded.length > 0) return { kind: 'failed', exitCode: 4, failure: thresholdFailure(end), summary };
  if (end.failure !== undefined) {
    const failed = failedEnd(context, end.failure);
    // The session had opened: what kept it from opening again is a failure of the run.
    return failed.kind === 'cancelled' ? { ...failed, summary } : { ...failed, exitCode: 1, summary };
  }
  const isWhole = summary.errored === 0 && asked.setAside.length === 0;
  return isWhole ? { kind: 'done', exitCode: 0, summary } : { kind: 'partial', exitCode: 5, summary };
}

function thresholdFailure({ exceeded }: BatchEnd): RunFailure {
  const { code, recovery, message, mend } = new AgentError(
    'RUN_THRESHOLD_EXCEEDED',
    `nothing was changed: ${exceeded.map((each) => each.message).join('; ')}`,
    {
      mend: 'look at what it would do with fulfill --plan; then fulfill again with --release, or carry out the plan with --apply',
    },
  );
  return { code, recovery, message, mend };
}
