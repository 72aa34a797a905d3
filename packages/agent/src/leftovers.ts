import { existsSync, rmSync } from 'node:fs';
import { AgentError } from './errors.ts';
import { isPublicationPending, mendPublication } from './publication.ts';
import { clearDeadLocks, lockPath, type RunLock, takeRunLock } from './run-lock.ts';

/** Finishes what a run that died had begun to put in place, and removes what else it left. The lock must be held. */
export async function clearLeftovers(stateFolder: string, lock: RunLock): Promise<string[]> {
  const sentences = await mendPublication(stateFolder);
  for (const path of [...lock.abandoned, ...clearDeadLocks(stateFolder)])
    rmSync(path, { recursive: true, force: true });
  return sentences;
}

/**
 * The same for a command that holds no lock: takes it for the moment, unless a run is at work.
 * @returns sentences for a person; none where there was nothing to do
 */
export async function mendLeftovers(stateFolder: string, runId: string): Promise<string[]> {
  if (!isPublicationPending(stateFolder) && !existsSync(lockPath(stateFolder))) return [];
  let lock: RunLock;
  try {
    lock = takeRunLock(stateFolder, runId, []);
  } catch (error) {
    if (error instanceof AgentError && error.code === 'RUN_LOCKED') return [];
    throw error;
  }
  try {
    return await clearLeftovers(stateFolder, lock);
  } finally {
    lock.release();
  }
}
