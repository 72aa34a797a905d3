import type { SessionSource } from '../session-source.ts';

/**
 * Works through items, as many at once as there may be sessions. The first failure ends the others and is
 * thrown when all have ended.
 * @param work is given a signal that is aborted when another one fails, or when `signal` is
 */
export async function eachOf<T>(
  items: readonly T[],
  sessions: SessionSource,
  signal: AbortSignal,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const either = sessions.stopper(signal);
  const waiting = [...items];
  let failure: { readonly error: unknown } | undefined;
  const worker = async (): Promise<void> => {
    for (let item = waiting.shift(); item !== undefined; item = waiting.shift()) {
      try {
        await work(item, either.signal);
      } catch (error) {
        failure ??= { error };
        waiting.length = 0;
        // Not the failure itself: to the others it is none of their own session's.
        either.stop(new Error('another piece of this work has failed', { cause: error }));
      }
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Math.min(sessions.most, items.length)) }, worker));
  if (failure !== undefined) throw failure.error;
}
