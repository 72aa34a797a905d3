/* What a run was asked to do, as work of a batch: for a run that begins, and for one that goes on after a death. */
import { join } from 'node:path';
import type { FulfillSettings } from '@exchange-connector/connector';
import type { LineSeal } from '../../at-rest.ts';
import { AgentError } from '../../errors.ts';
import type { BatchWork } from './batch-runner.ts';
import type { BatchSession } from './batch-session.ts';
import type { LiveReader } from './live-reader.ts';
import { OrdersWork, SavedPlanWork } from './orders-work.ts';
import { readPlanFile } from './plan-file.ts';
import {
  type BatchLine,
  type JournalOrder,
  type JournalReading,
  readJournal,
  type RunJournal,
  unsealJournal,
} from './run-journal.ts';
import { UndoWork } from './undo-work.ts';

/** The copy of an approved plan in a run's folder: the file that was named may go. */
export function approvedPlanFile(folder: string): string {
  return join(folder, 'approved-plan.json');
}

export interface WorkParts {
  readonly workFolder: string;
  readonly settings: FulfillSettings;
  readonly session: BatchSession;
  readonly reader: LiveReader;
  readonly onRead?: (reads: number) => void;
  /** Opens what was written encrypted. */
  readonly seal?: LineSeal | undefined;
}

/** The journal of a run that is to be taken back. @throws AgentError RUN_NOT_UNDOABLE, RUN_JOURNAL_DAMAGED */
export function journalToUndo(
  workFolder: string,
  run: string,
  connection: string,
  seal: LineSeal | undefined,
): JournalReading {
  const notThere = (seen: string): AgentError =>
    new AgentError('RUN_NOT_UNDOABLE', `taking back run ${run}: ${seen}`, {
      mend: 'name the id of a run that fulfill printed: it is the name of a folder in <WorkFolderPath>/Fulfill',
    });
  if (!/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/.test(run)) throw notThere('this is no id of a run');
  const reading = readJournal(workFolder, run);
  if (reading === undefined) throw notThere('no run of the native engine has this id');
  if (reading.batch.connection !== connection)
    throw notThere(`it was a run of connection ${reading.batch.connection}, not of ${connection}`);
  return unsealJournal(reading, seal);
}

/**
 * Makes the work of a run.
 * @param journal of the run itself
 */
export function workOf(
  batch: BatchLine,
  orders: readonly JournalOrder[],
  journal: RunJournal,
  parts: WorkParts,
): BatchWork {
  const { purpose } = batch;
  switch (purpose.kind) {
    case 'orders':
      return new OrdersWork(orders, parts.settings, parts);
    case 'plan': {
      const saved = readPlanFile(approvedPlanFile(journal.folder), batch.connection, parts.seal);
      return new SavedPlanWork(new OrdersWork(orders, parts.settings, parts), saved.plan);
    }
    case 'undo': {
      const undone = journalToUndo(parts.workFolder, purpose.run, batch.connection, parts.seal);
      return new UndoWork(undone, orders, parts.settings, parts);
    }
    default:
      return purpose satisfies never;
  }
}
