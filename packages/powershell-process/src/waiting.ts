/* Waits that end by themselves. */
import { type Settled, settledBefore } from '@exchange-connector/psrp';

/**
 * Waits for a promise for at most `milliseconds`; never throws. Where this process itself had no turn for so long,
 * what has come meanwhile is still looked at.
 */
export async function settledWithin<T>(promise: Promise<T>, milliseconds: number): Promise<Settled<T>> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(() => setImmediate(() => setImmediate(resolve)), milliseconds);
  });
  try {
    return await settledBefore(promise, late);
  } finally {
    clearTimeout(timer);
  }
}
