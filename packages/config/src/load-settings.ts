import { statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type AgentFile, readAgentFile } from './agent-file.ts';
import { readConnection } from './connection-section.ts';
import type { AgentSettings, ConnectionSettings, SettingRemark } from './connection-settings.ts';
import { type Environment, readEnvironment } from './environment.ts';
import { findIdentifierFault } from './identifier.ts';
import { KnownSecrets } from './known-secrets.ts';
import { quote, Remarks } from './remarks.ts';
import { nounOf } from './section-reader.ts';
import {
  mergeLayers,
  readConnectionFile,
  readLayerFile,
  remarkOnNoConnections,
  settingFiles,
  type SettingLayer,
} from './setting-layers.ts';
import { readXmlConnections, type XmlConnection } from './xml/connection-elements.ts';
import { memberPath, type Origin, type SettingSection, type SettingValue } from './setting-value.ts';
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

/** What stands in files and the environment, before any store is asked. */
export interface LocalSources {
  readonly settingsFolder: string;
  readonly agent: AgentFile;
  /** What `agent` was read from. */
  readonly agentLayers: readonly SettingLayer[];
  readonly plain: SettingSection | undefined;
  readonly environment: SettingSection | undefined;
}

/**
 * Reads what stands on this machine: `appsettings.json`, the plain file, the environment.
 * @returns undefined where the folder is not there; what is wrong goes to `remarks`
 */
export function readLocalSources(request: SettingsRequest, remarks: Remarks): LocalSources | undefined {
  const settingsFolder = resolve(request.settingsFolder);
  if (!isFolder(settingsFolder)) {
    remarks.error({ source: settingsFolder, path: '', position: undefined }, 'the folder of the settings is not there');
    return undefined;
  }
  const environment = readEnvironment(request.environment, remarks);
  const agentFile = readSettingsFile(join(settingsFolder, settingFiles.agent), remarks);
  const agentLayers: SettingLayer[] = [];
  if (agentFile !== 'absent' && agentFile !== undefined) agentLayers.push({ kind: 'file', tree: agentFile });
  if (environment !== undefined) agentLayers.push({ kind: 'environment', tree: environment });
  const agent = readAgentFile(mergeLayers(agentLayers), settingsFolder, remarks);
  const plain = readLayerFile(join(settingsFolder, settingFiles.plain), 'file', remarks);
  return { settingsFolder, agent, agentLayers, plain, environment };
}

/** Checks every connection of the merged sources. */
export function checkSettings(
  request: SettingsRequest,
  { settingsFolder, agent }: LocalSources,
  layers: readonly SettingLayer[],
  remarks: Remarks,
): LoadedSettings {
  const merged = mergeLayers(layers);
  const connections: ConnectionSettings[] = [];
  const passwordWanted: string[] = [];
  if (merged === undefined) {
    if (!remarks.hasErrors) remarkOnNoConnections(settingsFolder, remarks);
  } else {
    const inXml = readXmlConnections(agent.configurationFolder, remarks);
    const listed = listConnections(merged, remarks);
    remarkOnUnset(inXml, listed, remarks);
    for (const { id, section } of listed) {
      const element = inXml.get(id.toLowerCase());
      // Settings of another package's connection are not ours to judge.
      if (element?.isOurs === false) continue;
      const deactivated = element?.deactivated ?? 'nothing';
      const hasCertificate = agent.encryptionCertificate !== undefined;
      const context = { settingsFolder, deactivated, hasCertificate, givenPassword: givenPassword(request) };
      const { settings, passwordMissing } = readConnection(id, section, remarks, context);
      connections.push(settings);
      if (passwordMissing) passwordWanted.push(id);
    }
  }
  const secrets = new KnownSecrets(layers);
  if (!remarks.hasErrors) {
    const { folders, encryptionCertificate } = agent;
    const warnings = secrets.hideInRemarks(remarks.list());
    return { kind: 'loaded', settings: { settingsFolder, folders, connections, encryptionCertificate, warnings } };
  }
  const errors = remarks.list().filter((remark) => remark.severity === 'error').length;
  return {
    kind: 'refused',
    remarks: secrets.hideInRemarks(remarks.list()),
    passwordWanted: errors === passwordWanted.length ? passwordWanted : [],
  };
}

/** Connections of ours that the XML configuration names and no source sets. */
function remarkOnUnset(
  inXml: ReadonlyMap<string, XmlConnection>,
  listed: readonly { readonly id: string }[],
  remarks: Remarks,
): void {
  for (const { id, isOurs, origin } of inXml.values())
    if (isOurs && !listed.some((connection) => connection.id.toLowerCase() === id.toLowerCase()))
      remarks.warn(origin, `has no settings: no source has Connections.${id}`);
}

/** Stores that are switched on must not be passed over in silence. */
function refuseStores({ encryptedSettings, keyVault, cyberArk }: AgentFile, remarks: Remarks): void {
  const refuse = (what: string, origin: Origin | undefined) =>
    origin && remarks.error(origin, `asks for ${what}, which is not read here; only files and the environment are`);
  refuse(settingFiles.encrypted, encryptedSettings?.origin);
  refuse('an Azure Key Vault', keyVault?.origin);
  refuse('CyberArk', cyberArk?.origin);
}

/**
 * Reads the settings of an agent from what stands readable on this machine, and checks every value:
 * `appsettings.agent.json`, then environment variables `Connections__<identifier>__<setting>`, then
 * `appsettings.connection.json`; the last wins, key by key. Nothing is contacted, created or changed.
 * {@link openSettings} reads every source.
 *
 * @returns the settings with their defaults filled in and the warnings, or all that is wrong at once
 */
export function loadSettings(request: SettingsRequest): LoadedSettings {
  const remarks = new Remarks();
  const local = readLocalSources(request, remarks);
  if (local === undefined) return { kind: 'refused', remarks: remarks.list(), passwordWanted: [] };
  refuseStores(local.agent, remarks);
  return checkSettings(request, local, localLayers(local, remarks), remarks);
}

/** The layers of what stands readable on this machine, in the order of their weight. */
export function localLayers({ plain, environment, agent }: LocalSources, remarks: Remarks): SettingLayer[] {
  const last = readConnectionFile(agent, remarks);
  return [
    ...(plain === undefined ? [] : [{ kind: 'file', tree: plain } as const]),
    ...(environment?.members.has('connections') ? [{ kind: 'environment', tree: environment } as const] : []),
    ...(last === undefined ? [] : [last]),
  ];
}

function isFolder(path: string): boolean {
  return statSync(path, { throwIfNoEntry: false })?.isDirectory() ?? false;
}

function givenPassword({ password, environment }: SettingsRequest): { text: string; wins: boolean } | undefined {
  if (password !== undefined) return { text: password, wins: true };
  const inEnvironment = environment['EXCHANGE_PASSWORD'];
  return inEnvironment === undefined || inEnvironment === '' ? undefined : { text: inEnvironment, wins: false };
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
