import type { RunFailure, RunRequest } from '@exchange-connector/agent';
import type { AgentSettings, ConnectionSettings } from '@exchange-connector/config';
import type { CommonOptions } from '../command-options.ts';
import { exitCode } from '../exit-code.ts';
import { ProgressLine } from '../progress-line.ts';
import type { Terminal } from '../terminal.ts';

/** What a command works with once its settings are loaded. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly signal: AbortSignal;
  readonly settings: AgentSettings;
  readonly connection: ConnectionSettings;
}

/** The part of a run's request that all commands share. */
export function requestOf(
  options: CommonOptions,
  { terminal, signal, settings, connection }: CommandContext,
): RunRequest {
  const base = { connection, folders: settings.folders, settingsFolder: settings.settingsFolder, signal };
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
