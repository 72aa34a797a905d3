/*
 * The program's own log: what it does, never what passes through it. Lines on standard error begin with
 * `psrp`, so that none can be taken for a record of the server (`WARNING:`, `ERROR:` …).
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { usageError } from './errors.ts';

/** From the most talkative to the most silent. */
export const logLevels = ['Verbose', 'Debug', 'Information', 'Warning', 'Error', 'Fatal'] as const;
export type LogLevel = (typeof logLevels)[number];

/** The level of that name, in any case; undefined where there is none. */
export function parseLogLevel(text: string): LogLevel | undefined {
  return logLevels.find((level) => level.toLowerCase() === text.toLowerCase());
}

const fileLevel: LogLevel = 'Information';

export interface LogOptions {
  readonly level: LogLevel;
  /** JSON lines are appended here, from `Information` on. */
  readonly file?: string | undefined;
  /** Where lines for a person go. */
  readonly print: (line: string) => void;
  readonly now?: () => Date;
}

/** Facts beside a message: short values, no secrets and no content of records. */
export type LogFacts = Readonly<Record<string, string | number | boolean | undefined>>;

export class Log {
  readonly #options: LogOptions;
  #descriptor: number | undefined;

  /** @throws PsrpCliError PSRP_CLI_USAGE where the file cannot be written */
  constructor(options: LogOptions) {
    this.#options = options;
    if (options.file === undefined) return;
    try {
      this.#descriptor = openSync(options.file, 'a', 0o600);
    } catch (error) {
      throw usageError(`--log-file ${options.file}: it cannot be written (${(error as Error).message})`, error);
    }
  }

  write(level: LogLevel, message: string, facts: LogFacts = {}): void {
    const rank = logLevels.indexOf(level);
    if (rank >= logLevels.indexOf(this.#options.level)) {
      const details = Object.entries(facts).flatMap(([key, value]) =>
        value === undefined ? [] : [` ${key}=${JSON.stringify(value)}`],
      );
      this.#options.print(`psrp ${level}: ${message}${details.join('')}\n`);
    }
    if (this.#descriptor !== undefined && rank >= logLevels.indexOf(fileLevel)) {
      const time = (this.#options.now?.() ?? new Date()).toISOString();
      writeSync(this.#descriptor, `${JSON.stringify({ time, level, message, ...facts })}\n`);
    }
  }

  close(): void {
    if (this.#descriptor !== undefined) closeSync(this.#descriptor);
    this.#descriptor = undefined;
  }
}
