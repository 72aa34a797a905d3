import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import {
  type AgentSettings,
  type ConnectionSettings,
  type LoadedSettings,
  loadSettings,
  type SettingRemark,
} from '@exchange-connector/config';

/** Files of a settings folder: text, bytes, or a value that is written as JSON. */
export type SettingsFiles = Readonly<Record<string, string | Uint8Array | object>>;

/** A folder `…/settings` that is gone after the test. */
export function makeFolder(context: TestContext, files: SettingsFiles): string {
  const parent = mkdtempSync(join(tmpdir(), 'settings-'));
  context.after(() => rmSync(parent, { recursive: true, force: true }));
  const folder = join(parent, 'settings');
  mkdirSync(folder);
  for (const [name, content] of Object.entries(files)) {
    const bytes = typeof content === 'string' || content instanceof Uint8Array ? content : JSON.stringify(content);
    writeFileSync(join(folder, name), bytes);
  }
  return folder;
}

export function load(
  context: TestContext,
  files: SettingsFiles,
  environment: Record<string, string> = {},
  password?: string,
): LoadedSettings {
  return loadSettings({ settingsFolder: makeFolder(context, files), environment, password });
}

/** The settings of one connection `Main` beside a good `Server`. */
export function loadConnection(
  context: TestContext,
  members: object,
  environment: Record<string, string> = {},
): LoadedSettings {
  const server = { Server: 'http://mail.contoso.com/PowerShell/' };
  return load(context, { 'appsettings.agent.json': { Connections: { Main: { ...server, ...members } } } }, environment);
}

export function settingsOf(loaded: LoadedSettings): AgentSettings {
  if (loaded.kind === 'loaded') return loaded.settings;
  throw new Error(`refused: ${describe(loaded.remarks).join('\n')}`);
}

export function onlyConnection(loaded: LoadedSettings): ConnectionSettings {
  const [only, ...others] = settingsOf(loaded).connections;
  if (only === undefined || others.length > 0) throw new Error('not one connection');
  return only;
}

/** `severity path: message` of each remark, in order. */
export function describe(remarks: readonly SettingRemark[]): string[] {
  return remarks.map(({ severity, path, message }) => `${severity} ${path}: ${message}`);
}

export function remarksOf(loaded: LoadedSettings): readonly SettingRemark[] {
  return loaded.kind === 'refused' ? loaded.remarks : loaded.settings.warnings;
}
