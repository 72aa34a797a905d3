/*
 * The two files that an export script wrote itself: read, checked, and fed to the sorters, out of which the
 * one writer makes the files that are published. What the script wrote is never published as it is.
 */
import { constants, lstatSync, readdirSync, readSync, openSync, closeSync, fstatSync } from 'node:fs';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import {
  type CheckedFile,
  ConnectorError,
  databaseColumns,
  ExportFileCheck,
  type ExpectedFile,
  GuidFinder,
  mailboxColumns,
} from '@exchange-connector/connector';
import { fileFailed } from './errors.ts';
import type { ExportRun } from './export-run.ts';

/** Where the script was to write its files; the folder above holds nothing else. */
export interface ScriptFolder {
  /** Removed with all that is in it when the run ends. */
  readonly above: string;
  readonly output: string;
}

/** One file that a script is to write. */
interface ScriptFile {
  readonly path: string;
  readonly expected: ExpectedFile;
}

/** What the two files held. */
export interface CheckedFiles {
  readonly mailboxes: CheckedFile;
  readonly databases: CheckedFile;
  readonly mailboxColumns: readonly string[];
  readonly databaseColumns: readonly string[];
  /** DNS names, sorted. */
  readonly domains: readonly string[];
}

const chunkBytes = 256 * 1024;

function refuse(message: string): never {
  throw new ConnectorError('EXPORT_FILE_INVALID', message, {
    mend: 'let the script write its two files into $OutputPath, and nothing elsewhere; the files of the last good run were not touched',
  });
}

/** The entries of a folder; none where the script has removed it. */
function entriesOf(folder: string): string[] {
  try {
    return readdirSync(folder).sort();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw fileFailed(`looking into ${folder}, where the export script was to write`, error);
  }
}

/** The bytes of a file, in one buffer that is used again for each chunk; other work gets its turn between them. */
async function* chunksOf(path: string, signal: AbortSignal): AsyncGenerator<Uint8Array, void, void> {
  let fd: number | undefined;
  try {
    fd = openSync(path, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0) | (constants.O_NONBLOCK ?? 0));
    if (!fstatSync(fd).isFile()) refuse(`${path}, which the export script left, is no file`);
    const buffer = Buffer.allocUnsafe(chunkBytes);
    for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) {
      yield buffer.subarray(0, count);
      await nextTurn();
      signal.throwIfAborted();
    }
  } catch (error) {
    if (error instanceof ConnectorError || signal.aborted) throw error;
    if ((error as NodeJS.ErrnoException).code === 'ELOOP') refuse(`${path}, which the export script left, is a link`);
    throw fileFailed(`reading ${path}, which the export script wrote`, error);
  } finally {
    if (fd !== undefined) closeSync(fd);
  }
}

async function checkFile(file: ScriptFile, signal: AbortSignal): Promise<{ checked: CheckedFile; domains: string[] }> {
  const check = new ExportFileCheck(file.expected);
  for await (const chunk of chunksOf(file.path, signal)) check.push(chunk);
  return { checked: check.end(), domains: check.domains };
}

function filesOf(run: ExportRun, folder: ScriptFolder): { mailboxes: ScriptFile; databases: ScriptFile } {
  const { id, additionalColumns } = run.request.connection;
  const file = (kind: string, columns: readonly string[], sink: ExpectedFile['sink']): ScriptFile => {
    const name = `${id}_${kind}.csv`;
    const expected = { name, columns, sink, ...(kind === 'mailboxes' ? { groupColumn: 'Database' } : {}) };
    return { path: join(folder.output, name), expected };
  };
  const names = (plan: { columns: readonly { name: string }[] }): string[] => plan.columns.map(({ name }) => name);
  return {
    mailboxes: file('mailboxes', names(mailboxColumns(additionalColumns)), run.mailboxes),
    databases: file('databases', names(databaseColumns()), run.databases),
  };
}

/**
 * Which of the two files are there.
 * @throws ConnectorError EXPORT_FILE_INVALID where the script wrote beside its folder, or left a link or folder
 */
export function writtenFiles(run: ExportRun, folder: ScriptFolder): string[] {
  const beside = entriesOf(folder.above).filter((name) => join(folder.above, name) !== folder.output);
  if (beside.length > 0)
    refuse(
      `the export script wrote outside of $OutputPath: ${beside.map((name) => join(folder.above, name)).join(', ')}`,
    );
  const { mailboxes, databases } = filesOf(run, folder);
  const wanted = new Set([mailboxes.expected.name, databases.expected.name]);
  const found: string[] = [];
  for (const name of entriesOf(folder.output)) {
    if (!wanted.has(name)) {
      run.warnings.add(
        `the export script wrote ${name} into $OutputPath, which is none of its two files: it is removed`,
      );
      continue;
    }
    if (!lstatSync(join(folder.output, name)).isFile())
      refuse(`${name}, which the export script left in $OutputPath, is no file (a link or a folder)`);
    found.push(name);
  }
  return found;
}

/** A Guid that stands twice shows when the rows are sorted; where it stands is then looked up in the script's file. */
function refuseRepeated(file: ScriptFile): (key: string) => void {
  return (key) => {
    const finder = new GuidFinder(file.expected, key);
    const fd = openSync(file.path, constants.O_RDONLY);
    try {
      const buffer = Buffer.allocUnsafe(chunkBytes);
      for (let count = readSync(fd, buffer); count > 0; count = readSync(fd, buffer)) {
        finder.push(buffer.subarray(0, count));
      }
    } finally {
      closeSync(fd);
    }
    throw finder.error();
  };
}

/**
 * Checks both files and puts their rows into the sorters.
 * @throws ConnectorError EXPORT_FILE_INVALID at the first fault; one of a Guid that stands twice comes when
 *   the rows are taken out of the sorters
 */
export async function readScriptFiles(run: ExportRun, folder: ScriptFolder): Promise<CheckedFiles> {
  const { signal } = run.request;
  const { mailboxes, databases } = filesOf(run, folder);
  const found = writtenFiles(run, folder);
  for (const { expected } of [databases, mailboxes])
    if (!found.includes(expected.name))
      refuse(`${expected.name} is missing: the export script wrote only ${found.join(', ')} into $OutputPath`);
  run.databases.restart();
  run.mailboxes.restart();
  run.meter.report('databases', 0, undefined);
  const ofDatabases = await checkFile(databases, signal);
  run.meter.report('mailboxes', 0, undefined);
  const ofMailboxes = await checkFile(mailboxes, signal);
  run.databases.onRepeatedKey = refuseRepeated(databases);
  run.mailboxes.onRepeatedKey = refuseRepeated(mailboxes);
  return {
    mailboxes: ofMailboxes.checked,
    databases: ofDatabases.checked,
    mailboxColumns: mailboxes.expected.columns,
    databaseColumns: databases.expected.columns,
    domains: ofMailboxes.domains,
  };
}
