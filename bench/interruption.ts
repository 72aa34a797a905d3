/*
 * Ctrl-C, for all that a benchmark starts: measured processes end, whoever waits for one is told, and each part
 * tidies up behind itself.
 */
import { onInterrupt } from '@exchange-connector/launcher';

const controller = new AbortController();

/** Aborted by the first Ctrl-C, SIGTERM or SIGHUP. */
export const interrupted: AbortSignal = controller.signal;

/** From here on an interrupt aborts `interrupted`; a second Ctrl-C ends the process at once. */
export function listenForInterrupts(): void {
  onInterrupt(({ signal, atOnce }) => {
    if (atOnce) process.exit(130);
    process.stderr.write('Ending … (Ctrl-C again ends at once, and leaves temporary files)\n');
    controller.abort(new Error(`ended by ${signal}`));
  });
}

/** A turn of the event loop between two rounds of computing, so that an interrupt is heard. */
export async function breathe(): Promise<void> {
  await new Promise((resolve) => setImmediate(resolve));
  interrupted.throwIfAborted();
}
