/*
 * The export by a PowerShell script (docs/scripts.md):
 *
 *   folder of its own ─► local PowerShell ─► script ─► its objects are rows in the sorters, or
 *                                                      its files are checked into the sorters
 *
 * The script never sees the folder of the published files: what it leaves half done is gone with its folder.
 */
import { accessSync, constants, statSync } from 'node:fs';
import { join } from 'node:path';
import type { ConnectionSettings } from '@exchange-connector/config';
import {
  ConnectorError,
  runExportScript,
  type ScriptReading,
  type ScriptSettings,
  strayError,
} from '@exchange-connector/connector';
import { openLocalSession } from '@exchange-connector/powershell-process';
import { AgentError, fileFailed } from './errors.ts';
import { type EngineReading, type ExportRun, lastMailboxes } from './export-run.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { type Redact, redactionFor } from './fulfill/redaction.ts';
import { environmentSecrets, scriptEnvironment } from './script-environment.ts';
import { readScriptFiles, type ScriptFolder, writtenFiles } from './script-files.ts';

/** The folder of a run's script, in the state of its connection. */
export function scriptFolder(state: string, runId: string): ScriptFolder {
  const above = join(state, `script-${runId}`);
  return { above, output: join(above, 'output') };
}

/**
 * Refuses a script that is not there, before anything is done.
 * @throws AgentError RUN_SETTINGS_UNUSABLE
 */
export function requireScript(connection: ConnectionSettings, scriptPath: string): void {
  const unusable = (why: string): AgentError =>
    new AgentError('RUN_SETTINGS_UNUSABLE', `the export script ${scriptPath} of connection ${connection.id} ${why}`, {
      mend: 'set PowerShellScriptPath (or ExportScriptPath) to a PowerShell script, or leave it out: the native engine needs none',
    });
  if (!/\.ps1$/i.test(scriptPath)) throw unusable('is no PowerShell script: its name does not end with .ps1');
  let isFile: boolean;
  try {
    accessSync(scriptPath, constants.R_OK);
    isFile = statSync(scriptPath).isFile();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    throw unusable(
      code === 'ENOENT' || code === 'ENOTDIR'
        ? 'is not there'
        : code === 'EACCES'
          ? 'may not be read by this account'
          : `cannot be read (${message})`,
    );
  }
  if (!isFile) throw unusable('is no file');
}

/**
 * Runs the script and takes its rows into the sorters. No process of it is left when this returns or throws.
 * @throws PowerShellProcessError where there is no PowerShell, or it dies; ConnectorError where the script fails
 *   or gives what cannot be accepted
 */
export async function readByScript(run: ExportRun, scriptPath: string): Promise<EngineReading> {
  const { connection } = run.request;
  const folder = scriptFolder(run.state, run.runId);
  try {
    makeFolder(folder.output);
  } catch (cause) {
    throw fileFailed(`making ${folder.output}, where the export script may write`, cause);
  }
  const published = Object.values(run.paths).map((path) => [path, identityOf(path)] as const);
  const output = await runScript(run, settingsOf(connection, scriptPath, folder));
  const changed = published.filter(([path, before]) => identityOf(path) !== before).map(([path]) => path);
  if (changed.length > 0) throw publishedChanged(scriptPath, changed);
  for (const error of output.reading.errors) run.log.write('Error', error);
  const server = output.server ?? connection.servers[0]?.url ?? '';
  const found = writtenFiles(run, folder);
  if (found.length > 0) return { ...(await fromFiles(run, folder, output, scriptPath)), server };
  if (output.stray.count > 0) throw strayError(scriptPath, output.stray);
  if (!output.gaveRows)
    throw new ConnectorError(
      'EXPORT_SCRIPT_OUTPUT_INVALID',
      `running the export script ${scriptPath}: it ended without putting out a row and without writing a file into $OutputPath`,
      { mend: 'docs/scripts.md says what an export script has to do; the files of the last good run were not touched' },
    );
  return { engine: 'script', reading: output.reading, server };
}

/** What shows that a file is as it was; a script has the rights of this account, and no business there. */
function identityOf(path: string): string {
  const facts = statSync(path, { bigint: true, throwIfNoEntry: false });
  return facts === undefined ? '' : `${facts.ino} ${facts.size} ${facts.mtimeNs}`;
}

function publishedChanged(scriptPath: string, paths: readonly string[]): ConnectorError {
  return new ConnectorError(
    'EXPORT_FILE_INVALID',
    `running the export script ${scriptPath}: it wrote outside of $OutputPath, into ${paths.join(', ')}, which it has to leave alone`,
    {
      mend: 'let the script write into $OutputPath alone; then run a complete export, as those files no longer fit the manifest',
    },
  );
}

async function runScript(run: ExportRun, settings: ScriptSettings): Promise<ScriptReading> {
  const { connection, signal } = run.request;
  run.meter.report('connecting', 0, undefined);
  const session = await openLocalSession({ signal, environment: scriptEnvironment() });
  run.log.write(
    'Information',
    `the export script ${settings.scriptPath} runs in PowerShell, process ${session.processId}`,
  );
  const redact = redactionFor(connection, environmentSecrets());
  try {
    const output = await runExportScript(
      { settings, valueSeparator: connection.valueSeparator, expectedMailboxes: lastMailboxes(run.paths.manifest) },
      {
        session,
        databases: run.databases,
        mailboxes: run.mailboxes,
        onProgress: ({ phase, done, total }) => run.meter.report(phase, done, total),
        onWarning: (message) => run.warnings.add(redact(message)),
        onNote: (message) => run.log.write('Information', redact(message)),
        signal,
      },
    );
    const { reading, stray } = output;
    return {
      ...output,
      reading: { ...reading, errors: reading.errors.map(redact) },
      stray: { ...stray, first: redact(stray.first) },
    };
  } catch (error) {
    redactError(error, redact);
    throw error;
  } finally {
    await session.close();
  }
}

/** A script may throw what it was given: no message of the error, nor of what caused it, keeps a secret. */
function redactError(error: unknown, redact: Redact): void {
  for (let at = error, depth = 0; at instanceof Error && depth < 10; at = at.cause, depth += 1) {
    const stack = at.stack;
    at.message = redact(at.message);
    if (stack !== undefined) at.stack = redact(stack);
  }
}

/** The script wrote its files: what it put out besides is told, and no row. */
async function fromFiles(
  run: ExportRun,
  folder: ScriptFolder,
  output: ScriptReading,
  scriptPath: string,
): Promise<Omit<EngineReading, 'server'>> {
  if (output.reading.received.mailboxes + output.reading.received.databases > 0)
    throw new ConnectorError(
      'EXPORT_SCRIPT_OUTPUT_INVALID',
      `running the export script ${scriptPath}: it put out rows, and wrote files into $OutputPath too; which of them are meant cannot be known`,
      { mend: 'let the script do one of the two' },
    );
  if (output.stray.count > 0)
    run.warnings.add(
      `the export script put out ${output.stray.first}${output.stray.count > 1 ? ` and ${output.stray.count - 1} more` : ''}, which nobody reads`,
    );
  const files = await readScriptFiles(run, folder);
  return {
    engine: 'script',
    reading: {
      ...output.reading,
      domains: files.domains,
      mailboxColumns: files.mailboxColumns,
      databaseColumns: files.databaseColumns,
      columnsMissing: [],
      received: { mailboxes: files.mailboxes.rows, databases: files.databases.rows },
    },
    counts: { mailboxes: files.mailboxes.commands, databases: files.databases.commands },
    groups: files.mailboxes.groups,
  };
}

function settingsOf(connection: ConnectionSettings, scriptPath: string, folder: ScriptFolder): ScriptSettings {
  const { login, password, connectAddress, caFile, keytab, principal, realm } = connection;
  return {
    scriptPath,
    connectionId: connection.id,
    servers: connection.servers.map(({ url }) => url),
    authType: connection.authType,
    credential:
      login === undefined || password === undefined ? undefined : { login, password: () => password.reveal() },
    outputPath: folder.output,
    isIncremental: false,
    additionalColumns: connection.additionalColumns,
    scope: connection,
    pins: { domainController: connection.domainController, globalCatalog: connection.globalCatalog },
    others: {
      ConnectAddress: connectAddress,
      CaFile: caFile,
      Keytab: keytab,
      Principal: principal,
      Realm: realm,
    },
  };
}

/** Removes what a script left; the run's other folders are the run's own business. */
export function removeScriptFolder(state: string, runId: string): void {
  removeFolder(scriptFolder(state, runId).above);
}
