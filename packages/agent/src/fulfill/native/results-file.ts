import { statSync } from 'node:fs';
import { dirname } from 'node:path';
import { csvLine } from '@exchange-connector/connector';
import type { AtRest } from '../../at-rest.ts';
import { AgentError } from '../../errors.ts';
import { makeWritableFolder } from '../../folder.ts';
import { errored, type OrderOutcome } from '../outcome.ts';
import { resultColumns } from '../script-results.ts';
import type { WriteWatch } from './chained-file.ts';
import { replaceFile } from './durable-file.ts';

/** What a row of results says of its order. */
interface ResultOrder {
  readonly index: number;
  readonly assignmentId: string;
  readonly changeType: string;
  readonly ownerId: string;
  readonly ownerType: string;
}

/**
 * Finds out before anything is done that the results can be written.
 * @throws AgentError RUN_SETTINGS_UNUSABLE, RUN_FILE_FAILED
 */
export function checkResultsFile(path: string): void {
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true)
    throw new AgentError('RUN_SETTINGS_UNUSABLE', `the file of results ${path} is a folder`, {
      mend: 'name a file in --results',
    });
  makeWritableFolder(dirname(path));
}

/** Replaces the file of results: one row for each order. @throws AgentError RUN_FILE_FAILED, RUN_DISK_FULL */
export function writeResults(
  path: string,
  orders: readonly ResultOrder[],
  outcomes: ReadonlyMap<number, OrderOutcome>,
  watch?: WriteWatch,
  atRest?: AtRest,
): void {
  const rows = orders.map(({ index, assignmentId, changeType, ownerId, ownerType }) => {
    const { state, message } = outcomes.get(index) ?? errored('outcome unknown: no result was noted');
    return csvLine([assignmentId, state, message, changeType, ownerId, ownerType]);
  });
  const text = csvLine(resultColumns) + rows.join('');
  const envelope = atRest?.newEnvelope();
  replaceFile(
    path,
    envelope === undefined ? text : Buffer.concat([envelope.add(Buffer.from(text)), envelope.finish()]),
    watch,
  );
}
