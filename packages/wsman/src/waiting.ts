/* Waits that can be cancelled and that end by themselves. */
import { type Settled, settledBefore } from '@exchange-connector/psrp';

/** Waits for a promise for at most `milliseconds`; never throws. */
export async function settledWithin<T>(promise: Promise<T>, milliseconds: number): Promise<Settled<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, milliseconds);
  });
  try {
    return await settledBefore(promise, late);
  } finally {
    clearTimeout(timer);
  }
}

/** Waits; rejects with the signal's reason when it is aborted. */
export async function delay(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    }, milliseconds);
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
