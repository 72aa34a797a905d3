/* A fault at message boundaries of an export, one run each. */
import type { SuiteRun } from './suite-run.ts';

/** At each boundary: the connection ends before the request is handled, after it, and in the middle of the answer. */
export const cuts = ['drop before', 'drop after', 'drop halfway'] as const;

/** Plays an action at the `number`-th message of an export; false where the export has no such message. */
export async function hurtAtMessage(suite: SuiteRun, number: number, action: string): Promise<boolean> {
  let hasFired = false;
  await suite.round(`message ${number}: ${action}`, async () => {
    suite.simulator.setFault(`message ${number}: ${action}`);
    const run = await suite.export();
    hasFired = suite.simulator.firedFaults.length > 0;
    return run;
  });
  return hasFired;
}
