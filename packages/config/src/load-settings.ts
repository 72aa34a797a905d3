import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readAgentFile } from './agent-file.ts';
import { readConnection, remarkOnNames } from './connection-section.ts';
import type { AgentSettings, ConnectionSettings, SettingRemark } from './connection-settings.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { findIdentifierFault } from './identifier.ts';
import { quote, Remarks } from './remarks.ts';
import { nounOf } from './section-reader.ts';
import { memberPath, mergeSettings, type SettingSection, type SettingValue } from './setting-value.ts';
import { readSettingsFile } from './settings-file.ts';

/** More connections than any agent serves; each is checked, so their number is bounded. */
const mostConnections = 1000;

export interface SettingsRequest {
  /** The folder of `appsettings.json` and `appsettings.agent.json`; relative paths in them start there. */
  readonly settingsFolder: string;
  /** `process.env`, or what is to stand for it. `EXCHANGE_PASSWORD` is the password of logins that have none. */
  readonly environment: Environment;
  /** A password that was typed or piped in; it wins over every other source. */
  readonly password?: string | undefined;
}

export type LoadedSettings =
  | { readonly kind: 'loaded'; readonly settings: AgentSettings }
  | {
      readonly kind: 'refused';
      /** Everything that is wrong, and the warnings. */
      readonly remarks: readonly SettingRemark[];
      /** Connections whose login lacks a password and nothing else is wrong anywhere: asking for it would do. */
      readonly passwordWanted: readonly string[];
    };

/**
 * Reads the settings of an agent from their sources and checks every value.
 *
 * Sources, the last wins key by key: `appsettings.agent.json`, then environment variables
 * `Connections__<identifier>__<setting>`. `appsettings.json` names the folders; it may be absent.
 * Nothing is contacted, created or changed.
 *
 * @returns the settings with their defaults filled in and the warnings, or all that is wrong at once
 */
export function loadSettings(request: SettingsRequest): LoadedSettings {
  const remarks = new Remarks();
  const settingsFolder = resolve(request.settingsFolder);
  if (!isFolder(settingsFolder)) {
    remarks.error({ source: settingsFolder, path: '', position: undefined }, 'the folder of the settings is not there');
    return { kind: 'refused', remarks: remarks.list(), passwordWanted: [] };
  }
  const agentFile = readSettingsFile(join(settingsFolder, 'appsettings.json'), remarks);
  const folders = readAgentFile(agentFile === 'absent' ? undefined : agentFile, settingsFolder, remarks);
  const merged = mergeSources(settingsFolder, request.environment, remarks);
  const connections: ConnectionSettings[] = [];
  const passwordWanted: string[] = [];
  if (merged !== undefined) {
    for (const { id, section } of listConnections(merged, remarks)) {
      const context = { settingsFolder, givenPassword: givenPassword(request) };
      const { settings, passwordMissing } = readConnection(id, section, remarks, context);
      connections.push(settings);
      if (passwordMissing) passwordWanted.push(id);
    }
  }
  if (!remarks.hasErrors)
    return {
      kind: 'loaded',
      settings: { settingsFolder, folders, connections, encryptionCertificate: undefined, warnings: remarks.list() },
    };
  const errors = remarks.list().filter((remark) => remark.severity === 'error').length;
  return {
    kind: 'refused',
    remarks: remarks.list(),
    passwordWanted: errors === passwordWanted.length ? passwordWanted : [],
  };
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function givenPassword({ password, environment }: SettingsRequest): { text: string; wins: boolean } | undefined {
  if (password !== undefined) return { text: password, wins: true };
  const inEnvironment = environment['EXCHANGE_PASSWORD'];
  return inEnvironment === undefined || inEnvironment === '' ? undefined : { text: inEnvironment, wins: false };
}

function mergeSources(settingsFolder: string, environment: Environment, remarks: Remarks): SettingSection | undefined {
  const file = join(settingsFolder, 'appsettings.agent.json');
  const plain = readSettingsFile(file, remarks);
  const fromEnvironment = readEnvironment(environment, remarks);
  if (plain === 'absent') {
    if (fromEnvironment !== undefined) return fromEnvironment;
    const example =
      '{ "Connections": { "MicrosoftExchangeExport": { "Server": "http://<FQDN of the Exchange server>/PowerShell/" } } }';
    remarks.error(
      { source: file, path: '', position: undefined },
      `the file is not there; it names the connections: ${example} (--settings names its folder)`,
    );
    return undefined;
  }
  if (plain === undefined) return undefined;
  remarkOnNames(plain, ['Connections'], remarks);
  const merged = fromEnvironment === undefined ? plain : mergeSettings(plain, fromEnvironment);
  return merged.kind === 'section' ? merged : undefined;
}

function listConnections(merged: SettingSection, remarks: Remarks): { id: string; section: SettingSection }[] {
  const connections: SettingValue = merged.members.get('connections')?.value ?? {
    kind: 'null',
    origin: { ...merged.origin, path: 'Connections' },
  };
  const allowed = 'an object with at least one connection, { "<identifier>": { "Server": "http://…/PowerShell/" } }';
  if (connections.kind !== 'section' || connections.members.size === 0) {
    const found =
      connections.kind === 'section'
        ? 'is empty'
        : connections.kind === 'null'
          ? 'is missing'
          : `is a JSON ${nounOf(connections)}`;
    remarks.error(connections.origin, `${found}; allowed is ${allowed}`);
    return [];
  }
  if (connections.members.size > mostConnections) {
    remarks.error(
      connections.origin,
      `holds ${connections.members.size} connections; at most ${mostConnections} are allowed`,
    );
    return [];
  }
  const listed: { id: string; section: SettingSection }[] = [];
  for (const { name, value } of connections.members.values()) {
    const fault = findIdentifierFault(name);
    if (fault !== undefined) remarks.error({ ...value.origin, path: memberPath('Connections', name) }, fault);
    if (value.kind === 'section') listed.push({ id: name, section: value });
    else
      remarks.error(
        value.origin,
        `is ${value.kind === 'text' ? `the text ${quote(value.value)}` : `a JSON ${nounOf(value)}`}; allowed is an object, { "Server": "http://…/PowerShell/" }`,
      );
  }
  return listed;
}
