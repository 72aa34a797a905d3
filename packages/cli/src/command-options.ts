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

export interface ExportOptions extends CommonOptions {
  readonly release: boolean;
  readonly output: string | undefined;
}

export interface FulfillOptions extends CommonOptions {
  readonly orders: string | undefined;
  readonly results: string | undefined;
  /** Options of plans, as they are spelled: known, and not offered without the native engine. */
  readonly ofPlans: readonly string[];
}

/** What the command line asks for. */
export type Invocation =
  | { readonly kind: 'export'; readonly options: ExportOptions }
  | { readonly kind: 'check'; readonly options: CommonOptions }
  | { readonly kind: 'discover'; readonly options: CommonOptions }
  | { readonly kind: 'fulfill'; readonly options: FulfillOptions };

/** The outcome of reading a command line. */
export type CommandLine =
  | { readonly kind: 'run'; readonly invocation: Invocation }
  /** Help or version, for standard output. */
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'refused'; readonly message: string };
