import type { CommonOptions } from './command-options.ts';
import type { PreparedCommand } from './commands/command.ts';

/** What the command line asks for. */
export interface Invocation {
  readonly options: CommonOptions;
  readonly command: PreparedCommand;
}

/** The outcome of reading a command line. */
export type CommandLine =
  | { readonly kind: 'run'; readonly invocation: Invocation }
  /** Help or version, for standard output. */
  | { readonly kind: 'answer'; readonly text: string }
  | { readonly kind: 'refused'; readonly message: string };
