/*
 * What happens inside is told on a channel; who listens decides what becomes of it. Messages say what was
 * done and in what shape (counts, sizes, states), never what an object or a secret holds.
 */
import { channel } from 'node:diagnostics_channel';

/** From the least to the most grave. */
export const logLevels = ['Verbose', 'Debug', 'Information', 'Warning', 'Error', 'Fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

/** One line of the log. */
export interface LogRecord {
  readonly level: LogLevel;
  readonly message: string;
  readonly runId: string;
  readonly connection: string;
  /** Shapes only: counts, names of phases, codes. */
  readonly fields: Readonly<Record<string, string | number | boolean | null>>;
}

const logChannel = channel('exchange-connector:log');

/** Calls `listener` for each record from now on; the returned function ends that. A listener must not throw. */
export function listenToLog(listener: (record: LogRecord) => void): () => void {
  const receive = (message: unknown): void => listener(message as LogRecord);
  logChannel.subscribe(receive);
  return () => logChannel.unsubscribe(receive);
}

/** True where `level` is as grave as `threshold`, or graver. */
export function isAtLeast(level: LogLevel, threshold: LogLevel): boolean {
  return logLevels.indexOf(level) >= logLevels.indexOf(threshold);
}

/** Writes the log of one run. */
export class RunLog {
  readonly #runId: string;
  readonly #connection: string;

  constructor(runId: string, connection: string) {
    this.#runId = runId;
    this.#connection = connection;
  }

  write(level: LogLevel, message: string, fields: LogRecord['fields'] = {}): void {
    if (!logChannel.hasSubscribers) return;
    logChannel.publish({
      level,
      message,
      runId: this.#runId,
      connection: this.#connection,
      fields,
    } satisfies LogRecord);
  }
}
