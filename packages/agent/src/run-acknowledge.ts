import { randomUUID } from 'node:crypto';
import { openAtRest } from './at-rest.ts';
import { acknowledgeCookie } from './cookie-store.ts';
import { refuseDeactivated } from './deactivation.ts';
import { cookiePath, stateFolder } from './export-paths.ts';
import { clearLeftovers } from './leftovers.ts';
import type { AcknowledgeOutcome, AcknowledgeRequest } from './run.ts';
import { endOf } from './run-failure.ts';
import { type RunLock, takeRunLock } from './run-lock.ts';

/** Takes note that the increment of a cookie was loaded: the next one starts there. Never throws. */
export async function runAcknowledge(request: AcknowledgeRequest): Promise<AcknowledgeOutcome> {
  const { connection, folders } = request;
  const state = stateFolder(folders.work, connection.id);
  let lock: RunLock | undefined;
  try {
    refuseDeactivated(connection, 'export');
    const atRest = await openAtRest(request);
    lock = takeRunLock(state, randomUUID(), []);
    // An export that died while it put its files in place has its cookie in place after this.
    await clearLeftovers(state, lock);
    const acknowledged = acknowledgeCookie(state, cookiePath(folders.work, connection.id), request.cookie, atRest);
    return { kind: 'done', exitCode: 0, ...acknowledged, isAwaited: connection.requireAcknowledge };
  } catch (error) {
    const end = endOf(error, new AbortController().signal);
    if (end.kind === 'failed') return end;
    throw error;
  } finally {
    lock?.release();
  }
}
