/*
 * What a threshold stopped, until a person releases it:
 *
 *   ExportState/<id>/held/   mailboxes.csv  databases.csv  cookie.bin  held.json
 *
 * The folder appears with all of it in one step. It lies where the state lies, which need not be the disk of the
 * published files: on release they are copied beside their places, and published from there.
 */
import { copyFileSync, openSync, closeSync, fsyncSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { OpenCookie } from './cookie-file.ts';
import { keptCookiePath } from './cookie-store.ts';
import { fileFailed } from './errors.ts';
import type { ExportRun } from './export-run.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { contradictionOf, type HeldTarget, isTarget, releaseRefused, targetOf } from './held-target.ts';
import type { Manifest } from './manifest.ts';
import { type FinishedFile, temporaryPath } from './output-file.ts';
import { hashPlainFile, openPlainFile, readPlainText } from './plain-file.ts';
import type { WrittenFiles } from './result-files.ts';

/** A stopped run is released up to this age; then the organisation has changed too much since. */
const oldestMs = 24 * 3_600_000;

type HeldName = 'mailboxes.csv' | 'databases.csv' | 'cookie.bin';

interface Held {
  readonly runId: string;
  /** ISO 8601. */
  readonly heldAt: string;
  readonly target: HeldTarget;
  readonly manifest: Manifest;
  /** SHA-256 by name. */
  readonly files: Readonly<Record<HeldName, string>>;
}

/** The folder of what a threshold stopped. */
export function heldFolder(state: string): string {
  return join(state, 'held');
}

function syncFile(path: string): void {
  const fd = openSync(path, 'r+');
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}

/** The file that says what is kept. */
export function heldPath(state: string): string {
  return join(heldFolder(state), 'held.json');
}

/** Keeps the files of a run for a person; what was kept of an earlier one is replaced. */
export function holdResult(run: ExportRun, written: WrittenFiles, manifest: Manifest): string {
  const folder = heldFolder(run.state);
  const making = join(run.state, `held-${run.runId}`);
  const files: readonly (readonly [HeldName, FinishedFile | undefined])[] = [
    ['mailboxes.csv', written.mailboxes.finished],
    ['databases.csv', written.databases.finished],
    ['cookie.bin', written.cookies[0]],
  ];
  try {
    makeFolder(making);
    const digests: Partial<Record<HeldName, string>> = {};
    for (const [name, file] of files) {
      if (file === undefined) continue;
      copyFileSync(file.temporary, join(making, name));
      syncFile(join(making, name));
      digests[name] = file.sha256;
    }
    const held: Held = {
      runId: run.runId,
      heldAt: new Date(run.now()).toISOString(),
      target: targetOf(run),
      manifest,
      files: digests as Held['files'],
    };
    writeFileSync(join(making, basename(heldPath(run.state))), `${JSON.stringify(held, undefined, 2)}\n`, {
      mode: 0o640,
      flush: true,
    });
    rmSync(folder, { recursive: true, force: true });
    renameSync(making, folder);
    return folder;
  } catch (cause) {
    removeFolder(making);
    throw fileFailed(`keeping what a threshold stopped in ${folder}`, cause);
  }
}

/** Forgets what was kept: it was published, or a later run took its place. */
export function dropHeld(state: string): void {
  removeFolder(heldFolder(state));
}

function readHeld(state: string): Held | undefined {
  try {
    const held = JSON.parse(readPlainText(heldPath(state))) as Partial<Held> | null;
    const isHeld =
      typeof held?.heldAt === 'string' &&
      typeof held.manifest === 'object' &&
      held.manifest !== null &&
      typeof held.files === 'object' &&
      held.files !== null &&
      isTarget(held.target);
    return isHeld ? (held as Held) : undefined;
  } catch {
    return undefined;
  }
}

/** The folder that a stopped run was to be published in, where its `--output` named one. */
export function heldOutput(state: string): string | undefined {
  const target = readHeld(state)?.target;
  return target?.isOutputChosen === true ? target.output : undefined;
}

/** What is there to be released. */
export type Releasable =
  | {
      readonly kind: 'ready';
      readonly manifest: Manifest;
      readonly files: readonly FinishedFile[];
      readonly cookies: readonly FinishedFile[];
    }
  /** It has to be read again: why. */
  | { readonly kind: 'read-again'; readonly why: string };

/**
 * Makes what was kept ready to be published: copied beside its places, and found whole.
 * @param before the cookie that a run would start from now: what was kept has to start from the same
 * @throws AgentError RUN_RELEASE_REFUSED where the run's options or settings contradict what was kept
 */
export async function prepareRelease(run: ExportRun, before: OpenCookie | undefined): Promise<Releasable> {
  const held = readHeld(run.state);
  if (held === undefined) return { kind: 'read-again', why: 'nothing is kept that a threshold stopped' };
  if (run.request.complete === true && held.manifest.mode !== 'complete')
    return { kind: 'read-again', why: 'what was stopped is an increment, and a complete export is asked for' };
  const contradiction = contradictionOf(held.target, held.manifest.server, run);
  if (contradiction !== undefined) throw releaseRefused(contradiction);
  const age = run.now() - Date.parse(held.heldAt);
  if (!(age >= 0 && age < oldestMs))
    return { kind: 'read-again', why: `what was stopped is of ${held.heldAt}, older than 24 hours` };
  const { cookieOut } = held.manifest;
  // An increment that a script made itself starts from no cookie, and leaves none.
  if (cookieOut !== null && held.manifest.cookieIn !== (before?.facts.id ?? null))
    return { kind: 'read-again', why: 'another export was published since the run was stopped' };
  const files: FinishedFile[] = [];
  const cookies: FinishedFile[] = [];
  const { paths, state, request } = run;
  const take = async (into: FinishedFile[], name: HeldName, path: string): Promise<void> => {
    into.push(copyHeld(run, name, path, held.files[name]));
    const { temporary, sha256 } = into.at(-1) as FinishedFile;
    if ((await hashPlainFile(temporary)) !== sha256) throw new NotAsWritten();
  };
  try {
    await take(files, 'mailboxes.csv', paths.mailboxes);
    await take(files, 'databases.csv', paths.databases);
    if (cookieOut !== null) await take(cookies, 'cookie.bin', run.cookie);
    if (cookieOut !== null && request.connection.requireAcknowledge)
      await take(cookies, 'cookie.bin', keptCookiePath(state, cookieOut));
  } catch (error) {
    for (const each of [...files, ...cookies]) rmSync(each.temporary, { force: true });
    if (!(error instanceof NotAsWritten)) throw error;
    return { kind: 'read-again', why: `what was stopped is not as it was written (${heldFolder(state)})` };
  }
  return { kind: 'ready', manifest: held.manifest, files, cookies };
}

/** What was kept was changed since, or is gone. */
class NotAsWritten extends Error {
  override readonly name = 'NotAsWritten';
}

function copyHeld(run: ExportRun, name: HeldName, path: string, sha256: string): FinishedFile {
  const from = join(heldFolder(run.state), name);
  const temporary = temporaryPath(path, run.runId);
  try {
    closeSync(openPlainFile(from));
  } catch {
    throw new NotAsWritten();
  }
  try {
    makeFolder(join(path, '..'));
    copyFileSync(from, temporary);
    syncFile(temporary);
  } catch (cause) {
    rmSync(temporary, { force: true });
    throw fileFailed(`copying ${from} to ${temporary}`, cause);
  }
  return { path, temporary, sha256 };
}
