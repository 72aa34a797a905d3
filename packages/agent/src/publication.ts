/*
 * Putting files in place together. They are durable under temporary names before a journal names them;
 * from then on the renames can be finished by anyone who finds the journal, so a death between two of
 * them leaves nothing half done for longer than until the next run.
 *
 *   temporaries, synced ─► journal, synced ─► rename each, the manifest last ─► folder synced ─► the cookie
 *                                                                                            ─► journal gone
 */
import { closeSync, existsSync, fsyncSync, openSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { AgentError, fileFailed } from './errors.ts';
import { makeFolder, removeFolder, syncFolder } from './folder.ts';
import { heldFolder } from './held-result.ts';
import type { FinishedFile } from './output-file.ts';
import { hashPlainFile, readPlainText, refuseNoFiles } from './plain-file.ts';
import { keepUncertain } from './uncertain-cookies.ts';

interface Journal {
  readonly runId: string;
  /** In the order of the renames: the manifest last. */
  readonly files: readonly FinishedFile[];
  /** Put in place after them by the run itself; by nobody else. */
  readonly cookie?: FinishedFile | undefined;
}

function journalPath(stateFolder: string): string {
  return join(stateFolder, 'publication.json');
}

function writeJournal(stateFolder: string, journal: Journal): void {
  const path = journalPath(stateFolder);
  const temporary = `${path}.${journal.runId}.partial`;
  try {
    makeFolder(stateFolder);
    const fd = openSync(temporary, 'w', 0o640);
    try {
      writeFileSync(fd, `${JSON.stringify(journal)}\n`);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(temporary, path);
    syncFolder(stateFolder);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileFailed(`writing the journal ${path}`, cause);
  }
}

function putInPlace(files: readonly FinishedFile[]): void {
  for (const file of files) {
    if (!existsSync(file.temporary)) continue;
    try {
      renameSync(file.temporary, file.path);
    } catch (cause) {
      throw fileFailed(`renaming ${file.temporary} to ${file.path}`, cause);
    }
  }
  for (const folder of new Set(files.map((file) => dirname(file.path)))) syncFolder(folder);
}

/**
 * Puts finished files in place, in order; the manifest is to be the last, and after it the cookie. Whoever finishes this
 * after a death leaves the older cookie, and keeps the newer one apart: see uncertain-cookies.ts.
 * @throws AgentError where a file is not there: nothing was done; where a rename fails: the journal stays, and
 *   {@link mendPublication} finishes it
 */
export function publish(
  stateFolder: string,
  runId: string,
  files: readonly FinishedFile[],
  cookie?: FinishedFile,
): void {
  for (const { temporary } of cookie === undefined ? files : [...files, cookie]) {
    if (existsSync(temporary)) continue;
    throw new AgentError(
      'RUN_FILE_FAILED',
      `putting the files in place: ${temporary}, which this run had written, is gone; nothing was replaced`,
      { mend: 'find out who removed it (a cleaner of temporary files?), and export again' },
    );
  }
  writeJournal(stateFolder, { runId, files, cookie });
  putInPlace(files);
  if (cookie !== undefined) putInPlace([cookie]);
  rmSync(journalPath(stateFolder), { force: true });
}

/** True where a publication was begun and not ended: {@link mendPublication} has to finish it. */
export function isPublicationPending(stateFolder: string): boolean {
  return existsSync(journalPath(stateFolder));
}

/** What a run that died had not finished writing here: the journal's own text, cookies that are kept. */
function removeUnfinished(stateFolder: string): void {
  for (const folder of [stateFolder, join(stateFolder, 'cookies')]) {
    if (!existsSync(folder)) continue;
    for (const name of readdirSync(folder))
      if (/^(?:publication\.json|\.).*\.partial$/.test(name) && !isNamed(stateFolder, name))
        rmSync(join(folder, name), { force: true });
  }
}

/** Whether a journal is to put that file in place yet. */
function isNamed(stateFolder: string, name: string): boolean {
  const journal = readJournal(journalPath(stateFolder));
  return journal?.files.some((file) => basename(file.temporary) === name) === true;
}

async function sha256Of(path: string): Promise<string | undefined> {
  try {
    return await hashPlainFile(path);
  } catch {
    return undefined;
  }
}

function readJournal(path: string): Journal | undefined {
  try {
    const value = JSON.parse(readPlainText(path)) as Partial<Journal> | null;
    const files = value?.files;
    const isFile = (file: Partial<FinishedFile>): boolean =>
      typeof file?.path === 'string' && typeof file.temporary === 'string' && typeof file.sha256 === 'string';
    if (!Array.isArray(files) || !files.every(isFile)) return undefined;
    const cookie = value?.cookie;
    if (cookie !== undefined && !isFile(cookie)) return undefined;
    return { runId: String(value?.runId ?? ''), files, cookie };
  } catch {
    return undefined;
  }
}

/** Keeps the newer cookie apart, unless the run itself had put it in place. */
async function leaveOlderCookie(stateFolder: string, { cookie }: Journal): Promise<void> {
  if (cookie === undefined || (await sha256Of(cookie.path)) === cookie.sha256) return;
  keepUncertain(stateFolder, cookie.temporary);
}

/**
 * Finishes what a run that died between its renames had begun. To be called while the connection's lock is held.
 * @returns sentences for a person; none where there was nothing to mend
 */
export async function mendPublication(stateFolder: string): Promise<string[]> {
  const path = journalPath(stateFolder);
  refuseNoFiles([path]);
  removeUnfinished(stateFolder);
  if (!existsSync(path)) return [];
  const journal = readJournal(path);
  if (journal === undefined) {
    // What it had put in place, and whether its cookie was among it, nobody can tell.
    keepUncertain(stateFolder);
    removeFolder(heldFolder(stateFolder));
    rmSync(path, { force: true });
    return [
      `${path} could not be read and was removed: whether the files of the last run fit each other is told by the manifest; the next export is a complete one`,
    ];
  }
  const lost: string[] = [];
  for (const file of journal.files) {
    const isWhole = (await sha256Of(existsSync(file.temporary) ? file.temporary : file.path)) === file.sha256;
    if (!isWhole) lost.push(file.path);
  }
  if (lost.length > 0) {
    for (const file of journal.files) rmSync(file.temporary, { force: true });
    // Some of its files may be in place, and loaded: what was stopped before does not take that into account.
    removeFolder(heldFolder(stateFolder));
    await leaveOlderCookie(stateFolder, journal);
    rmSync(path, { force: true });
    return [
      `run ${journal.runId} died while it put its files in place, and ${lost.join(' and ')} of it cannot be found whole: a complete export is needed; until then the files may not fit the manifest`,
    ];
  }
  putInPlace(journal.files);
  // What a threshold stopped before is older than these files.
  removeFolder(heldFolder(stateFolder));
  await leaveOlderCookie(stateFolder, journal);
  rmSync(path, { force: true });
  return [`run ${journal.runId} died while it put its files in place: that was finished now`];
}
