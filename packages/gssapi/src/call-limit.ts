/* Time limits for calls that cannot be cancelled. */

/** Calls under way that may wait for a KDC; true for those that their waiter gave up. */
const underWay = new Map<object, boolean>();

/** How many calls still hold a thread though nobody waits for them. */
export function abandonedCalls(): number {
  return [...underWay.values()].filter((abandoned) => abandoned).length;
}

/** How many calls hold a thread and may wait for a KDC, given up or not. */
export function callsUnderWay(): number {
  return underWay.size;
}

/**
 * Waits for a call no longer than the limit, nor once `interrupted` is settled. A call that is given up goes on holding
 * its thread; `lateResult` gets what it brings in the end, to free it.
 */
export async function withinLimit<T>(
  call: Promise<T>,
  options: { readonly limitMs: number; readonly interrupted: Promise<'interrupted'>; lateResult(value: T): void },
): Promise<T | 'timed-out' | 'interrupted'> {
  const mark = {};
  underWay.set(mark, false);
  const settled = call.finally(() => underWay.delete(mark));
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<'timed-out'>((resolve) => {
    timer = setTimeout(() => resolve('timed-out'), Math.max(0, options.limitMs));
  });
  try {
    const first = await Promise.race([settled, limit, options.interrupted]);
    if (first === 'timed-out' || first === 'interrupted') {
      underWay.set(mark, true);
      settled.then(options.lateResult).catch(() => undefined);
    }
    return first;
  } finally {
    clearTimeout(timer);
  }
}
