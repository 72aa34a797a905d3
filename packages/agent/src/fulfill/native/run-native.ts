/* The native engine's commands that change something: orders, an approved plan, the taking back of a run. */
import type { LineSeal } from '../../at-rest.ts';
import { refuseDeactivated } from '../../deactivation.ts';
import { AgentError } from '../../errors.ts';
import type { RunEnd } from '../../run-failure.ts';
import { readOrderFolder } from '../order-files.ts';
import type { ApplyRequest, FulfillOutcome, FulfillRequest, UndoRequest } from '../request.ts';
import { approvedPlanFile, journalToUndo } from './batch-work.ts';
import { keptOrder } from './kept-orders.ts';
import { failedEnd, type NativePorts, openContext, ownPorts, underLock } from './native-context.ts';
import { resumeDeadRuns, runBatch } from './native-run.ts';
import { keepPlanFile, readPlanFile } from './plan-file.ts';
import { checkResultsFile } from './results-file.ts';
import type { JournalOrder } from './run-journal.ts';
import { ordersToUndo } from './undo-work.ts';

function asOutcome(end: FulfillOutcome | RunEnd): FulfillOutcome {
  return end;
}

/**
 * Plans and carries out the orders of a folder. Never throws: what went wrong is in the outcome. Where it has a
 * summary, the file of results is in place and has one row for each order.
 * @param ports for tests: the server, the clock and the disk, where not the real ones
 */
export async function runNativeFulfill(
  request: FulfillRequest,
  ports: NativePorts = ownPorts(request),
): Promise<FulfillOutcome> {
  const context = openContext(request, ports);
  try {
    refuseDeactivated(request.connection, 'fulfillment');
    checkResultsFile(request.resultsFile);
    const { orders, setAside } = readOrderFolder(request.ordersFolder);
    const done = await underLock(context, [], async () =>
      runBatch(
        context,
        {
          purpose: { kind: 'orders', folder: request.ordersFolder },
          orders: orders.map(keptOrder),
          setAside,
          resultsFile: request.resultsFile,
          released: request.release === true,
        },
        await resumeDeadRuns(context, request.retiredDomainControllers),
      ),
    );
    return asOutcome(done);
  } catch (error) {
    return failedEnd(context, error);
  }
}

/** Carries out a plan that was made before, and nothing else; an order whose object moved since is refused. */
export async function runApply(request: ApplyRequest, ports: NativePorts = ownPorts(request)): Promise<FulfillOutcome> {
  const context = openContext(request, ports);
  try {
    refuseDeactivated(request.connection, 'fulfillment');
    refuseScript(request, 'a plan is carried out');
    checkResultsFile(request.resultsFile);
    const saved = readPlanFile(request.planFile, request.connection.id);
    const prepare = (folder: string): void => keepPlanFile(request.planFile, approvedPlanFile(folder), context.atRest);
    const done = await underLock(context, [], async () =>
      runBatch(
        context,
        {
          purpose: { kind: 'plan', file: request.planFile },
          orders: saved.orders,
          setAside: saved.setAside,
          resultsFile: request.resultsFile,
          // A person has seen it.
          released: true,
          prepare,
        },
        await resumeDeadRuns(context, request.retiredDomainControllers),
      ),
    );
    return asOutcome(done);
  } catch (error) {
    return failedEnd(context, error);
  }
}

/** What is to be taken back of a run. @throws AgentError RUN_NOT_UNDOABLE */
export function undoOrders(request: UndoRequest, seal: LineSeal | undefined): readonly JournalOrder[] {
  const { folders, connection, undoneRun, order } = request;
  const reading = journalToUndo(folders.work, undoneRun, connection.id, seal);
  const orders = ordersToUndo(reading, order);
  if (orders.length > 0) return orders;
  const known = reading.lines.some(
    (line) => line.kind === 'order' && (order ?? line.assignmentId) === line.assignmentId,
  );
  const seen =
    order !== undefined && !known
      ? `it has no order ${order}`
      : 'nothing that it changed stands: it changed nothing, or took it back itself';
  throw new AgentError('RUN_NOT_UNDOABLE', `taking back run ${undoneRun}: ${seen}`, {
    mend: 'see its folder in <WorkFolderPath>/Fulfill: audit.jsonl tells what it changed',
  });
}

/** Takes back what a run did, with the same care as what it did: planned, journalled, audited; it can be taken back itself. */
export async function runUndo(request: UndoRequest, ports: NativePorts = ownPorts(request)): Promise<FulfillOutcome> {
  const context = openContext(request, ports);
  try {
    refuseDeactivated(request.connection, 'fulfillment');
    if (request.resultsFile !== undefined) checkResultsFile(request.resultsFile);
    const done = await underLock(context, [], async () => {
      const resumed = await resumeDeadRuns(context, request.retiredDomainControllers, request.undoneRun);
      return runBatch(
        context,
        {
          purpose: { kind: 'undo', run: request.undoneRun, order: request.order ?? null },
          orders: undoOrders(request, context.atRest),
          setAside: [],
          resultsFile: request.resultsFile,
          released: true,
        },
        resumed,
      );
    });
    return asOutcome(done);
  } catch (error) {
    return failedEnd(context, error);
  }
}

/** Plans are the native engine's: a script cannot be asked what it would do. @throws AgentError RUN_SETTINGS_UNUSABLE */
export function refuseScript(
  { connection }: { readonly connection: { readonly id: string; readonly fulfillScriptPath: string | undefined } },
  what: string,
): void {
  if (connection.fulfillScriptPath === undefined) return;
  throw new AgentError(
    'RUN_SETTINGS_UNUSABLE',
    `connection ${connection.id} carries out orders with the script ${connection.fulfillScriptPath}, and ${what} by the native engine only`,
    {
      mend: 'take FulfillScriptPath (beside Options: PowerShellScriptPath) out of the settings to use the native engine',
    },
  );
}
