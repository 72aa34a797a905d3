import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import type { AgentFile } from './agent-file.ts';
import { remarkOnNames } from './connection-section.ts';
import type { Remarks } from './remarks.ts';
import { mergeSettings, type SettingSection, type SettingValue, type SourceKind } from './setting-value.ts';
import { readSettingsFile } from './settings-file.ts';

/** One source of connections. */
export interface SettingLayer {
  readonly kind: SourceKind;
  readonly tree: SettingSection;
}

export const settingFiles = {
  agent: 'appsettings.json',
  plain: 'appsettings.agent.json',
  encrypted: 'appsettings.encrypted.agent.json',
  connection: 'appsettings.connection.json',
  cyberArk: 'appsettings.cyberArk.agent.json',
} as const;

/** Reads one file of connections; undefined where it is absent or wrong. */
export function readLayerFile(file: string, kind: SourceKind, remarks: Remarks): SettingSection | undefined {
  const tree = readSettingsFile(file, remarks, kind);
  if (tree === undefined || tree === 'absent') return undefined;
  remarkOnNames(tree, ['Connections'], remarks);
  return tree;
}

/** The file of account names; the product's pages spell its name in two ways. */
export function findCyberArkFile(settingsFolder: string): string {
  const usual = join(settingsFolder, settingFiles.cyberArk);
  if (existsSync(usual)) return usual;
  const wanted = settingFiles.cyberArk.toLowerCase();
  const found = readdirSync(settingsFolder).find((name) => name.toLowerCase() === wanted);
  return found === undefined ? usual : join(settingsFolder, found);
}

/** Lays the sources over each other, the last wins; undefined where there is none. */
export function mergeLayers(layers: readonly SettingLayer[]): SettingSection | undefined {
  const merged = layers.reduce<SettingValue | undefined>(
    (earlier, { tree }) => (earlier === undefined ? tree : mergeSettings(earlier, tree)),
    undefined,
  );
  return merged?.kind === 'section' ? merged : undefined;
}

/** Remarks the absence of every source of connections. */
export function remarkOnNoConnections(settingsFolder: string, remarks: Remarks): void {
  const example =
    '{ "Connections": { "MicrosoftExchangeExport": { "Server": "http://<FQDN of the Exchange server>/PowerShell/" } } }';
  remarks.error(
    { source: join(settingsFolder, settingFiles.plain), path: '', position: undefined },
    `the file is not there; it names the connections: ${example} (--settings names its folder)`,
  );
}

/** The file that the user interface writes, in the work folder. */
export function readConnectionFile({ folders }: AgentFile, remarks: Remarks): SettingLayer | undefined {
  const tree = readLayerFile(join(folders.work, settingFiles.connection), 'connectionFile', remarks);
  return tree && { kind: 'connectionFile', tree };
}
