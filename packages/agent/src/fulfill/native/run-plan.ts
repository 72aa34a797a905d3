/* Planning without carrying out: the session may send nothing that could change anything. */
import { callRequest, describePlan, type Plan } from '@exchange-connector/connector';
import { refuseDeactivated } from '../../deactivation.ts';
import type { RunEnd } from '../../run-failure.ts';
import { readOrderFolder, type SetAside } from '../order-files.ts';
import type { PlanOutcome, PlanRequest, PlanSummary, UndoRequest } from '../request.ts';
import type { BatchWork } from './batch-runner.ts';
import type { BatchSession } from './batch-session.ts';
import { journalToUndo } from './batch-work.ts';
import { type LiveReader, refusalOf } from './live-reader.ts';
import {
  failedEnd,
  fulfillSettingsOf,
  type NativeContext,
  type NativePorts,
  openBatch,
  openContext,
  openEncryption,
  ownPorts,
} from './native-context.ts';
import { keptOrder } from './kept-orders.ts';
import { OrdersWork } from './orders-work.ts';
import { writePlanFile } from './plan-file.ts';
import { unfinishedNativeRuns } from './run-journal.ts';
import { refuseScript, undoOrders } from './run-native.ts';
import { UndoWork } from './undo-work.ts';

interface Planning {
  readonly setAside: readonly SetAside[];
  readonly whatIf: boolean;
  readonly work: (session: BatchSession, reader: LiveReader) => BatchWork;
  /** @returns where the plan was kept */
  readonly keep: (plan: Plan, server: string) => string | null;
}

type Objection = PlanSummary['objections'][number];

/** Sends each step with `-WhatIf`. A step that builds on one before it may be objected to for that reason alone. */
async function askServer({ redact }: NativeContext, session: BatchSession, plan: Plan): Promise<Objection[]> {
  const objections: Objection[] = [];
  for (const step of plan.steps) {
    const domainController = session.domainControllerOf(step.object.domain);
    const answer = await session.run(
      callRequest(step, { domainController, whatIf: true }),
      `${step.purpose} (-WhatIf)`,
    );
    const refusal = refusalOf(answer);
    if (refusal !== undefined)
      objections.push({ step: step.number, reason: redact(`${refusal.class}: ${refusal.reason}`) });
  }
  return objections;
}

async function planIn(context: NativeContext, planning: Planning): Promise<PlanOutcome | RunEnd> {
  const { request, runId, warnings, meter } = context;
  for (const { file, reason } of planning.setAside) warnings.add(`${file} is set aside: ${reason}`);
  const dead = unfinishedNativeRuns(request.folders.work, request.connection.id, context.atRest);
  for (const { batch } of dead)
    warnings.add(
      `run ${batch.run} of ${batch.start} has not ended: fulfill finishes it first, and this plan does not count on that`,
    );
  const { session, reader } = openBatch(context, planning.whatIf ? 'whatIf' : 'read');
  try {
    meter.report('connecting', 0, undefined);
    await session.ensure();
    const work = planning.work(session, reader);
    meter.report('fulfilling', 0, work.orders.length);
    const plan = await work.plan(work.orders, new Set());
    const objections = planning.whatIf ? await askServer(context, session, plan) : [];
    const planFile = planning.keep(plan, session.server);
    const isRefused = plan.orders.some(({ decision }) => decision.kind === 'refused');
    const isWhole = !isRefused && planning.setAside.length === 0 && objections.length === 0;
    const exitCode = plan.exceeded.length > 0 ? 4 : isWhole ? 0 : 5;
    return {
      kind: 'done',
      exitCode,
      summary: {
        connection: request.connection.id,
        runId,
        server: session.server,
        plan,
        text: describePlan(plan),
        planFile,
        setAside: planning.setAside,
        objections,
        warnings: warnings.list(),
      },
    };
  } finally {
    await session.close();
  }
}

/** Plans the orders of a folder; changes nothing. Never throws. */
export async function runPlan(request: PlanRequest, ports: NativePorts = ownPorts(request)): Promise<PlanOutcome> {
  const context = openContext(request, ports);
  try {
    refuseDeactivated(request.connection, 'fulfillment');
    refuseScript(request, 'a plan is made');
    await openEncryption(context);
    const { orders: given, setAside } = readOrderFolder(request.ordersFolder);
    const orders = given.map(keptOrder);
    return await planIn(context, {
      setAside,
      whatIf: request.whatIf === true,
      work: (session, reader) =>
        new OrdersWork(orders, fulfillSettingsOf(context.connection), {
          session,
          reader,
          onRead: (reads) => context.log.write('Debug', 'planning', { reads }),
        }),
      keep: (plan, server) => {
        if (request.planFile === undefined) return null;
        const made = ports.now().toISOString();
        const saved = { connection: request.connection.id, made, by: context.by, server, orders, setAside, plan };
        writePlanFile(request.planFile, saved, ports.watch);
        return request.planFile;
      },
    });
  } catch (error) {
    return failedEnd(context, error);
  }
}

/** Says what taking back a run would do; changes nothing. Never throws. */
export async function planUndo(request: UndoRequest, ports: NativePorts = ownPorts(request)): Promise<PlanOutcome> {
  const context = openContext(request, ports);
  try {
    refuseDeactivated(request.connection, 'fulfillment');
    await openEncryption(context);
    const orders = undoOrders(request, context.atRest);
    const undone = journalToUndo(request.folders.work, request.undoneRun, request.connection.id, context.atRest);
    return await planIn(context, {
      setAside: [],
      whatIf: false,
      work: (session, reader) =>
        new UndoWork(undone, orders, fulfillSettingsOf(context.connection), { session, reader }),
      keep: () => null,
    });
  } catch (error) {
    return failedEnd(context, error);
  }
}
