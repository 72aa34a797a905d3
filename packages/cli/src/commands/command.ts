/*
 * What a command is, apart from how its arguments are read: its words, its options, what it needs before it
 * runs. One file for each command; what is heavy is imported by `run`, so that `--help` costs nothing.
 */
import type { LogLevel, RunFailure, RunRequest } from '@exchange-connector/agent';
import type { AgentSettings, ConnectionSettings } from '@exchange-connector/config';
import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { ProgressLine } from '../progress-line.ts';
import type { Terminal } from '../terminal.ts';

/** What every command works with. */
export interface BareContext {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly input: NodeJS.ReadStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** What a command works with that is about all of the settings. */
export interface SettingsContext extends BareContext {
  readonly settings: AgentSettings;
}

/** What a command works with that is about one connection. */
export interface CommandContext extends SettingsContext {
  readonly connection: ConnectionSettings;
  /** Reads the connection's settings again, from every source: for after a refused login. */
  readonly renewConnection: () => Promise<ConnectionSettings>;
}

/** An option of a command's own. */
export interface OptionDescription {
  /** As commander takes it: `--output <dir>`, or `--release`. A value may not be empty. */
  readonly flags: string;
  /** With its unit and its default. */
  readonly description: string;
  /** Takes part, but not in the help. */
  readonly hidden?: true;
}

/** The values of a command's own options and operands, as given. */
export interface GivenValues {
  /** The text of an option, or of an operand by its name; undefined where it was not given. */
  text(name: string): string | undefined;
  isSet(name: string): boolean;
  /** The texts of an operand that may be repeated. */
  texts(name: string): readonly string[];
}

/** What a command needs before it runs, and the running. */
export type Preparation =
  | { readonly needs: 'nothing'; run(context: BareContext): Promise<ExitCode> }
  | { readonly needs: 'settings'; run(context: SettingsContext): Promise<ExitCode> }
  | { readonly needs: 'connection'; run(context: CommandContext): Promise<ExitCode> };

/** A command that was asked for, with its options read. */
export type PreparedCommand = Preparation & {
  /** What is wrong with the options beyond their form; told with exit 2 before anything is loaded. */
  readonly findFaults?: () => Promise<readonly string[]> | readonly string[];
  /** How refused settings are told, where not as errors. */
  readonly sayRefusal?: (terminal: Terminal, messages: readonly string[]) => ExitCode;
  /** The level of the log on standard error where none is asked for; default `Warning`. */
  readonly logLevel?: LogLevel;
};

/** One command, or one sub-command of a group. */
export interface CommandDescription {
  /** `['export']`, or `['config', 'show']`. */
  readonly words: readonly [string] | readonly [string, string];
  readonly summary: string;
  /** What stands after the words in the line of usage. */
  readonly usage: string;
  /** Operands as commander takes them: `<path...>`, `[cookie]`. */
  readonly operands?: readonly { readonly flags: string; readonly description: string }[];
  readonly options?: readonly OptionDescription[];
  /** Two of them: what for, and the line to type. */
  readonly examples: readonly (readonly [what: string, line: string])[];
  prepare(given: GivenValues, common: CommonOptions): PreparedCommand;
}

/** What a group of sub-commands is for: `config`, `protect`, `audit`. */
export interface GroupDescription {
  readonly word: string;
  readonly summary: string;
  readonly examples: readonly (readonly [what: string, line: string])[];
}

/** The part of a run's request that all commands share. */
export function requestOf(
  options: CommonOptions,
  { terminal, signal, settings, connection, renewConnection, environment }: CommandContext,
): RunRequest {
  const { folders, settingsFolder } = settings;
  const encryption = { certificate: settings.encryptionCertificate, environment };
  const base = { connection, folders, settingsFolder, signal, renewConnection, encryption };
  if (!options.progress) return base;
  const line = new ProgressLine(terminal);
  return { ...base, onProgress: (progress) => line.show(progress) };
}

/** Says why a run failed: what was being done and seen, then what to do. */
export function sayFailure(terminal: Terminal, failure: RunFailure): void {
  terminal.say(`error: ${failure.message} [${failure.code}]`);
  if (failure.mend !== undefined) terminal.say(`  what to do: ${failure.mend}`);
}

export function sayCancelled(terminal: Terminal): typeof exitCode.cancelled {
  terminal.say('Cancelled.');
  return exitCode.cancelled;
}
