import type { LogLevel } from '@exchange-connector/agent';

/** What every command is given. */
export interface CommonOptions {
  readonly settings: string;
  readonly connection: string | undefined;
  readonly json: boolean;
  readonly progress: boolean;
  /** Undefined: not said. */
  readonly logLevel: LogLevel | undefined;
  readonly logFile: string | undefined;
  readonly timeoutMs: number | undefined;
  readonly passwordStdin: boolean;
}
