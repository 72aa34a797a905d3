/* The program's log: what happened, never what passed through it. */
import { closeSync, openSync, writeSync } from 'node:fs';
import { SimulatorError } from './errors.ts';

/** From the most talkative to the most silent. */
export const logLevels = ['Verbose', 'Debug', 'Information', 'Warning', 'Error', 'Fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

/** Takes one line of the log. */
export type LogLine = (level: LogLevel, message: string) => void;

/** The level of that name, in any case; undefined where there is none. */
export function parseLogLevel(text: string): LogLevel | undefined {
  return logLevels.find((level) => level.toLowerCase() === text.toLowerCase());
}

/** A log on standard error from `level` on, and as JSON lines in a file from Information on. */
export class Log {
  readonly #level: LogLevel;
  #descriptor: number | undefined;

  /** @throws SimulatorError SIMULATOR_OPTION_INVALID where the file cannot be written */
  constructor(level: LogLevel, file: string | undefined) {
    this.#level = level;
    if (file === undefined) return;
    try {
      this.#descriptor = openSync(file, 'a', 0o600);
    } catch (cause) {
      throw new SimulatorError(
        'SIMULATOR_OPTION_INVALID',
        `--log-file ${file}: it cannot be written (${(cause as Error).message})`,
        { cause },
      );
    }
  }

  readonly write: LogLine = (level, message) => {
    const rank = logLevels.indexOf(level);
    if (rank >= logLevels.indexOf(this.#level)) process.stderr.write(`exchange-simulator ${level}: ${message}\n`);
    if (this.#descriptor !== undefined && rank >= logLevels.indexOf('Information')) {
      writeSync(this.#descriptor, `${JSON.stringify({ time: new Date().toISOString(), level, message })}\n`);
    }
  };

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
