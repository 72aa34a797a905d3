/*
 * For those who carry the protocol over a transport: waits that end before what they wait for does. Without timers,
 * which are the transport's.
 */

/** The promise's result, or the signal's reason as soon as it is aborted; the promise itself runs on. */
export async function untilAborted<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  if (signal.aborted) {
    promise.catch(() => undefined);
    throw signal.reason;
  }
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason);
    signal.addEventListener('abort', onAbort, { once: true });
  });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    if (onAbort !== undefined) signal.removeEventListener('abort', onAbort);
    promise.catch(() => undefined);
  }
}

/** What became of a promise before something else did. */
export type Settled<T> =
  | { readonly kind: 'value'; readonly value: T }
  | { readonly kind: 'error'; readonly error: unknown }
  | { readonly kind: 'late' };

/** Waits for a promise until `deadline` resolves; never throws. */
export function settledBefore<T>(promise: Promise<T>, deadline: Promise<unknown>): Promise<Settled<T>> {
  const settled = promise.then(
    (value): Settled<T> => ({ kind: 'value', value }),
    (error: unknown): Settled<T> => ({ kind: 'error', error }),
  );
  return Promise.race([settled, deadline.then((): Settled<T> => ({ kind: 'late' }))]);
}
