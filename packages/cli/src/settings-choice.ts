import type { AgentSettings, ConnectionSettings, LoadedSettings, SettingRemark } from '@exchange-connector/config';
import type { CommonOptions } from './command-options.ts';
import type { BareContext } from './commands/command.ts';
import { exitCode } from './exit-code.ts';
import { nearestName } from './nearest-name.ts';
import { type PasswordRead, promptForPassword, readPasswordFrom } from './password.ts';
import type { Terminal } from './terminal.ts';

export type SettingsChoice =
  | { readonly kind: 'chosen'; readonly settings: AgentSettings }
  | { readonly kind: 'refused'; readonly messages: readonly string[] }
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

async function load(options: CommonOptions, surroundings: BareContext): Promise<LoadedSettings | PasswordRead> {
  const { loadSettings } = await import('@exchange-connector/config');
  const request = { settingsFolder: options.settings, environment: surroundings.environment };
  if (options.passwordStdin) {
    const read = await readPasswordFrom(surroundings.input, surroundings.signal);
    return read.kind === 'read' ? loadSettings({ ...request, password: read.password }) : read;
  }
  const loaded = loadSettings(request);
  const canAsk = surroundings.input.isTTY === true && surroundings.terminal.canAsk;
  if (loaded.kind === 'loaded' || loaded.passwordWanted.length === 0 || !canAsk) return loaded;
  const typed = await askForPassword(surroundings, loaded.passwordWanted);
  return typed.kind === 'read' ? loadSettings({ ...request, password: typed.password }) : typed;
}

/** Loads the settings, and gets a missing password from where the person gives it. */
export async function loadAllSettings(options: CommonOptions, surroundings: BareContext): Promise<SettingsChoice> {
  const loaded = await load(options, surroundings);
  switch (loaded.kind) {
    case 'cancelled':
      return loaded;
    case 'unusable':
      return { kind: 'refused', messages: [loaded.reason] };
    case 'read':
      throw new Error('a password was read and no settings were loaded with it');
    case 'refused':
      for (const remark of loaded.remarks)
        if (remark.severity === 'warning') surroundings.terminal.say(`warning: ${formatRemark(remark)}`);
      return {
        kind: 'refused',
        messages: loaded.remarks.filter((remark) => remark.severity === 'error').map(formatRemark),
      };
    case 'loaded': {
      const showWarnings = options.logLevel !== 'Error' && options.logLevel !== 'Fatal';
      if (showWarnings)
        for (const remark of loaded.settings.warnings) surroundings.terminal.say(`warning: ${formatRemark(remark)}`);
      return { kind: 'chosen', settings: loaded.settings };
    }
  }
}

/** Says what is wrong with usage or settings. */
export function sayRefusal(terminal: Terminal, messages: readonly string[]): typeof exitCode.usage {
  for (const message of messages) terminal.say(`error: ${message}`);
  terminal.say(
    `Nothing was contacted. ${messages.length === 1 ? 'One thing is' : `${messages.length} things are`} to be mended first.`,
  );
  return exitCode.usage;
}
