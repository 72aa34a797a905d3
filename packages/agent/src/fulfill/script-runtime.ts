/*
 * What a fulfilment script expects around it:
 *
 *   beside the script   Environment.ps1, which sets $runtimePath and $demoPath
 *   $runtimePath        Usercube-Visit-Orders.ps1: <WorkFolderPath>/FulfillPowerShell
 *   $demoPath           the folder above TempFolderPath
 *
 * A user's script lies anywhere. Where it dot-sources an Environment.ps1 that is not there, the one that is
 * shipped is put there: it holds no path of its own, as the connector names both in the environment. One that
 * is there is left as it is.
 */
import { existsSync, readFileSync, renameSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { AgentFolders, ConnectionSettings } from '@exchange-connector/config';
import { AgentError, fileFailed } from '../errors.ts';
import { makeFolder } from '../folder.ts';
import { scriptEnvironment } from '../script-environment.ts';
import type { Visitor } from './run-folder.ts';

const helperFile = 'Usercube-Visit-Orders.ps1';
const environmentFile = 'Environment.ps1';

/** Names that the shipped scripts know, and no one else's. */
export const runtimeVariables = {
  runtimePath: 'EXCHANGE_CONNECTOR_RUNTIME_PATH',
  demoPath: 'EXCHANGE_CONNECTOR_DEMO_PATH',
  folder: 'EXCHANGE_CONNECTOR_FULFILL_FOLDER',
  visits: 'EXCHANGE_CONNECTOR_FULFILL_VISITS',
  allowRemoveMailbox: 'EXCHANGE_CONNECTOR_ALLOW_REMOVE_MAILBOX',
  waitForMove: 'EXCHANGE_CONNECTOR_WAIT_FOR_MOVE',
  domainController: 'EXCHANGE_CONNECTOR_DOMAIN_CONTROLLER',
  protectedMailboxes: 'EXCHANGE_CONNECTOR_PROTECTED_MAILBOXES',
  protectedDatabases: 'EXCHANGE_CONNECTOR_PROTECTED_DATABASES',
} as const;

/** A script that can be run. */
export interface ScriptRuntime {
  readonly script: string;
  readonly visitor: Visitor;
  /** The environment of its process, without what is secret in ours. */
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** The folder of the shipped scripts: of a released package, or of the sources. */
function shippedFolder(): string {
  const candidates = ['../../scripts/', '../../../../scripts/'].map((path) =>
    fileURLToPath(new URL(path, import.meta.url)),
  );
  const found = candidates.find((folder) => existsSync(join(folder, helperFile)));
  if (found !== undefined) return found;
  throw new AgentError('RUN_FILE_FAILED', `${helperFile} is in none of ${candidates.join(', ')}`, {
    mend: 'install the connector again: a part of it is missing',
  });
}

/** Puts a file where it is to be, in one step; one of the same content is left. */
function put(path: string, content: Buffer): void {
  if (existsSync(path) && readFileSync(path).equals(content)) return;
  const temporary = `${path}.${process.pid}.partial`;
  writeFileSync(temporary, content, { mode: 0o640 });
  renameSync(temporary, path);
}

function layOutRuntime(folder: string): void {
  const shipped = shippedFolder();
  try {
    makeFolder(folder);
    for (const name of [helperFile, environmentFile]) put(join(folder, name), readFileSync(join(shipped, name)));
  } catch (cause) {
    throw fileFailed(`putting the scripts that fulfilment scripts build on into ${folder}`, cause);
  }
}

function readScript(script: string): string {
  try {
    if (!statSync(script).isFile()) throw new Error('it is no file');
    return readFileSync(script, 'utf8');
  } catch (cause) {
    const seen = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'it is not there' : (cause as Error).message;
    throw new AgentError('RUN_SETTINGS_UNUSABLE', `the fulfilment script ${script} cannot be read: ${seen}`, {
      mend: 'mend FulfillScriptPath (or, beside Options, PowerShellScriptPath) in the settings; no order was handed out',
      cause,
    });
  }
}

/** Puts Environment.ps1 where the script looks for it, if nothing is there. */
function putEnvironment(script: string, text: string, runtime: string): string | undefined {
  if (!/\bEnvironment\.ps1\b/i.test(text)) return undefined;
  const own = dirname(script);
  const place = join(/Split-Path\b[^\r\n]*\$PSScriptRoot/i.test(text) ? dirname(own) : own, environmentFile);
  if (existsSync(place)) return place;
  try {
    writeFileSync(place, readFileSync(join(runtime, environmentFile)), { flag: 'wx', mode: 0o644 });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return place;
    throw new AgentError(
      'RUN_SETTINGS_UNUSABLE',
      `the fulfilment script ${script} wants ${place}, which is not there and cannot be put there: ${(cause as Error).message}`,
      { mend: `copy ${join(runtime, environmentFile)} to ${place}; no order was handed out`, cause },
    );
  }
  return place;
}

/** The shipped files name the connector's variables; a user's own Environment.ps1 may lead to another helper. */
function isShipped(path: string | undefined): boolean {
  return path === undefined || !existsSync(path) || readFileSync(path, 'utf8').includes('EXCHANGE_CONNECTOR_');
}

/**
 * Makes a script ready to be run.
 * @throws AgentError RUN_SETTINGS_UNUSABLE where the script is not there, RUN_FILE_FAILED
 */
export function prepareRuntime(script: string, connection: ConnectionSettings, folders: AgentFolders): ScriptRuntime {
  const text = readScript(script);
  const runtime = join(folders.work, 'FulfillPowerShell');
  layOutRuntime(runtime);
  const environmentPlace = putEnvironment(script, text, runtime);
  const usesHelper =
    /\bUsercube-Visit-Orders\b/i.test(text) &&
    isShipped(environmentPlace) &&
    isShipped(join(dirname(script), helperFile));
  return {
    script,
    visitor: usesHelper ? 'helper' : 'script',
    environment: scriptEnvironment({
      [runtimeVariables.runtimePath]: runtime,
      [runtimeVariables.demoPath]: dirname(folders.temp),
      // Settings of the connection; Options are handed on as they stand.
      [runtimeVariables.allowRemoveMailbox]: String(connection.allowRemoveMailbox),
      [runtimeVariables.waitForMove]: String(connection.waitForMove),
      [runtimeVariables.domainController]: connection.domainController ?? '',
      // One entry a line.
      [runtimeVariables.protectedMailboxes]: connection.protectedMailboxes.join('\n'),
      [runtimeVariables.protectedDatabases]: connection.protectedDatabases.join('\n'),
    }),
  };
}
