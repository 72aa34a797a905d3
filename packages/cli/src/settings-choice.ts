import type { AgentSettings, ConnectionSettings, OpenedSettings, SettingRemark } from '@exchange-connector/config';
import type { CommonOptions } from './command-options.ts';
import type { BareContext } from './commands/command.ts';
import { exitCode } from './exit-code.ts';
import { nearestName } from './nearest-name.ts';
import { type PasswordRead, promptForPassword, readPasswordFrom } from './password.ts';
import type { Terminal } from './terminal.ts';

export type SettingsChoice =
  | {
      readonly kind: 'chosen';
      readonly settings: AgentSettings;
      /** Reads every source again: for after a refused login. */
      readonly renew: (connectionId: string) => Promise<ConnectionSettings>;
    }
  | {
      readonly kind: 'refused';
      readonly messages: readonly string[];
      /** A store of settings was asked and did not give them. */
      readonly storeFailed: boolean;
    }
  | { readonly kind: 'cancelled' };

/** `file:line:column: path: message`, as editors and people read it. */
export function formatRemark({ source, position, path, message }: SettingRemark): string {
  const place = position === undefined ? source : `${source}:${position.line}:${position.column}`;
  return path === '' ? `${place}: ${message}` : `${place}: ${path}: ${message}`;
}

/** The connection that `--connection` names, or the only one; else what to say. */
export function chooseConnection(settings: AgentSettings, wanted: string | undefined): ConnectionSettings | string {
  const ids = settings.connections.map((connection) => connection.id);
  if (wanted === undefined) {
    const [only, ...others] = settings.connections;
    if (only !== undefined && others.length === 0) return only;
    return `the settings name ${ids.length} connections (${ids.join(', ')}); say which with --connection`;
  }
  const found = settings.connections.find((connection) => connection.id.toLowerCase() === wanted.toLowerCase());
  return (
    found ??
    `--connection ${wanted}: the settings name no such connection; the nearest is ${nearestName(wanted, ids)} (there: ${ids.join(', ')})`
  );
}

async function askForPassword(
  { terminal, input, signal }: BareContext,
  connections: readonly string[],
): Promise<PasswordRead> {
  const question = `Password for ${connections.join(', ')}: `;
  return promptForPassword(
    input as unknown as import('node:tty').ReadStream,
    (text) => terminal.ask(text),
    question,
    signal,
  );
}

/**
 * Opens the settings from every source, with a password from where the person gives it.
 * @param mayAsk a missing password may be asked for on a terminal
 */
export async function openAllSettings(
  options: CommonOptions,
  surroundings: BareContext,
  mayAsk = true,
): Promise<OpenedSettings | Exclude<PasswordRead, { kind: 'read' }>> {
  const { openSettings } = await import('@exchange-connector/agent');
  const { environment, signal } = surroundings;
  // What stores gave for the first reading serves the one after a question too.
  const cache = new (await import('@exchange-connector/config')).StoreCache();
  const request = { settingsFolder: options.settings, environment, signal, cache };
  if (options.passwordStdin) {
    const read = await readPasswordFrom(surroundings.input, signal);
    return read.kind === 'read' ? openSettings({ ...request, password: read.password }) : read;
  }
  const opened = await openSettings(request);
  const canAsk = mayAsk && surroundings.input.isTTY === true && surroundings.terminal.canAsk;
  if (opened.kind === 'loaded' || opened.passwordWanted.length === 0 || !canAsk) return opened;
  const typed = await askForPassword(surroundings, opened.passwordWanted);
  return typed.kind === 'read' ? openSettings({ ...request, password: typed.password }) : typed;
}

/** Loads the settings, and gets a missing password from where the person gives it. */
export async function loadAllSettings(options: CommonOptions, surroundings: BareContext): Promise<SettingsChoice> {
  const opened = await openAllSettings(options, surroundings);
  if (surroundings.signal.aborted) return { kind: 'cancelled' };
  switch (opened.kind) {
    case 'cancelled':
      return opened;
    case 'unusable':
      return { kind: 'refused', messages: [opened.reason], storeFailed: false };
    case 'refused':
      for (const remark of opened.remarks)
        if (remark.severity === 'warning') surroundings.terminal.say(`warning: ${formatRemark(remark)}`);
      return {
        kind: 'refused',
        messages: opened.remarks.filter((remark) => remark.severity === 'error').map(formatRemark),
        storeFailed: opened.storeFailed,
      };
    case 'loaded': {
      const showWarnings = options.logLevel !== 'Error' && options.logLevel !== 'Fatal';
      if (showWarnings)
        for (const remark of opened.settings.warnings) surroundings.terminal.say(`warning: ${formatRemark(remark)}`);
      return { kind: 'chosen', settings: opened.settings, renew: (connectionId) => opened.renew(connectionId) };
    }
  }
}

/** Says why the settings could not be had from where they are kept. */
export function sayStoreFailure(terminal: Terminal, messages: readonly string[]): typeof exitCode.noSession {
  for (const message of messages) terminal.say(`error: ${message}`);
  terminal.say('The settings could not be had from their store; Exchange was not contacted.');
  return exitCode.noSession;
}

/** Says what is wrong with usage or settings. */
export function sayRefusal(terminal: Terminal, messages: readonly string[]): typeof exitCode.usage {
  for (const message of messages) terminal.say(`error: ${message}`);
  terminal.say(
    `Nothing was contacted. ${messages.length === 1 ? 'One thing is' : `${messages.length} things are`} to be mended first.`,
  );
  return exitCode.usage;
}
