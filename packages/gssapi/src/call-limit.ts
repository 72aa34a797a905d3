/* Time limits for calls that cannot be cancelled. */

/** Calls that were given up by their waiter but still hold a thread. */
const abandoned = new Set<object>();

/** How many calls still run that nobody waits for. */
export function abandonedCalls(): number {
  return abandoned.size;
}

/**
 * Waits no longer than the limit. A call that is given up goes on holding its thread; `lateResult` gets what it
 * brings in the end, to free it.
 */
export async function withinLimit<T>(
  call: Promise<T>,
  limitMs: number,
  lateResult: (value: T) => void,
): Promise<T | 'timed-out'> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<'timed-out'>((resolve) => {
    timer = setTimeout(() => resolve('timed-out'), limitMs);
  });
  try {
    const first = await Promise.race([call, limit]);
    if (first === 'timed-out') {
      const mark = {};
      abandoned.add(mark);
      call
        .then(lateResult, () => undefined)
        .finally(() => abandoned.delete(mark))
        .catch(() => undefined);
    }
    return first;
  } finally {
    clearTimeout(timer);
  }
}
