import { onInterrupt } from '@exchange-connector/launcher';
import { exitCode } from './exit-code.ts';

/** How long a run may take to end by itself once its time limit has passed. */
const graceMs = 30_000;

export interface Cancellation {
  readonly signal: AbortSignal;
  /** Whether it was `--timeout` that ended the run. */
  readonly timedOut: boolean;
  dispose(): void;
}

/**
 * One signal for all that can end a command early: Ctrl-C, SIGTERM, SIGHUP, `--timeout`.
 * The first tidies up; a second Ctrl-C ends the program at once.
 *
 * @param say tells the person what is happening
 * @param endAtOnce ends the process without waiting for anything
 */
export function startCancellation(
  timeoutMs: number | undefined,
  say: (text: string) => void,
  endAtOnce: (status: number) => void,
): Cancellation {
  const controller = new AbortController();
  let timedOut = false;
  let backstop: NodeJS.Timeout | undefined;
  const release = onInterrupt(({ signal, atOnce }) => {
    if (atOnce) endAtOnce(exitCode.cancelled);
    else if (!controller.signal.aborted) {
      say(signal === 'SIGINT' ? 'Ending … (Ctrl-C again to end at once)' : `Ending (${signal}) …`);
      controller.abort(new DOMException(`ended by ${signal}`, 'AbortError'));
    }
  });
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = !controller.signal.aborted;
          controller.abort(
            new DOMException(`the time limit of ${timeoutMs / 1000} seconds (--timeout) passed`, 'TimeoutError'),
          );
          backstop = setTimeout(() => endAtOnce(exitCode.failed), graceMs);
        }, timeoutMs);
  return {
    signal: controller.signal,
    get timedOut() {
      return timedOut;
    },
    dispose() {
      // Once ending, a further Ctrl-C must not find the system's own handler: that would be another exit code.
      if (!controller.signal.aborted) release();
      clearTimeout(timer);
      clearTimeout(backstop);
    },
  };
}
