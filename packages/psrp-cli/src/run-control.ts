/*
 * What can end a command before its work is done: Ctrl-C or SIGTERM, the time limit, a reader that went
 * away. Each is an abort with a reason; the reason decides the exit code.
 */
import { onInterrupt } from '@exchange-connector/launcher';

/** The exit codes that are the same for every command. */
export const ExitCode = {
  Done: 0,
  Failed: 1,
  Usage: 2,
  NoSession: 3,
  DoneInPart: 5,
  Cancelled: 130,
} as const;
export type ExitCode = (typeof ExitCode)[keyof typeof ExitCode];

/** Somebody asked to end the command. */
export class CancelledError extends Error {
  override readonly name: string = 'CancelledError';
}

/** `--timeout` passed. */
export class TimeLimitError extends Error {
  override readonly name: string = 'TimeLimitError';
}

/** How the process ends: `process.exit`, until something needs another way. */
let exit: (exitCode: number) => never = (exitCode) => process.exit(exitCode);

/** Ends the process through `other` from now on: a thread that waits for a KDC would hold up `process.exit`. */
export function exitThrough(other: (exitCode: number) => never): void {
  exit = other;
}

/**
 * Ends the process, whatever still is open: a standard input that never ends would keep it alive. Standard
 * output and standard error must have been flushed.
 */
export function endProcess(exitCode: number): never {
  return exit(exitCode);
}

/** Lives as long as one command runs. */
export class RunControl {
  readonly #abort = new AbortController();
  readonly #timer: NodeJS.Timeout | undefined;
  readonly #unsubscribe: () => void;

  /** @param endAtOnce ends the process without tidying up, at a second Ctrl-C */
  constructor(timeoutSeconds: number | undefined, endAtOnce: () => void) {
    this.#unsubscribe = onInterrupt(({ signal, atOnce }) => {
      if (atOnce) endAtOnce();
      else this.#abort.abort(new CancelledError(`cancelled (${signal})`));
    });
    if (timeoutSeconds !== undefined) {
      const expire = (): void =>
        this.#abort.abort(new TimeLimitError(`the time limit of ${timeoutSeconds} s (--timeout) passed`));
      this.#timer = setTimeout(expire, timeoutSeconds * 1000);
    }
  }

  get signal(): AbortSignal {
    return this.#abort.signal;
  }

  end(): void {
    clearTimeout(this.#timer);
    this.#unsubscribe();
  }
}
