/*
 * What a threshold stopped, until a person releases it:
 *
 *   ExportState/<id>/held/   mailboxes.csv  databases.csv  cookie.bin  held.json
 *
 * The folder appears with all of it in one step. It lies where the state lies, which need not be the disk of the
 * published files: on release they are copied beside their places, and published from there.
 */
import { createHash } from 'node:crypto';
import {
  copyFileSync,
  createReadStream,
  openSync,
  closeSync,
  fsyncSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import type { OpenCookie } from './cookie-file.ts';
import { keptCookiePath } from './cookie-store.ts';
import { fileFailed } from './errors.ts';
import { settingsDigest } from './export-basis.ts';
import type { ExportRun } from './export-run.ts';
import { makeFolder, removeFolder } from './folder.ts';
import type { Manifest } from './manifest.ts';
import { type FinishedFile, temporaryPath } from './output-file.ts';
import type { WrittenFiles } from './result-files.ts';

/** A stopped run is released up to this age; then the organisation has changed too much since. */
const oldestMs = 24 * 3_600_000;

type HeldName = 'mailboxes.csv' | 'databases.csv' | 'cookie.bin';

interface Held {
  readonly runId: string;
  /** ISO 8601. */
  readonly heldAt: string;
  readonly settings: string;
  /** Whether its files are encrypted. */
  readonly encrypted: boolean;
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
      settings: settingsDigest(run.request.connection),
      encrypted: run.atRest !== undefined,
      manifest,
      files: digests as Held['files'],
    };
    writeFileSync(join(making, 'held.json'), `${JSON.stringify(held, undefined, 2)}\n`, { mode: 0o640, flush: true });
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
    const held = JSON.parse(readFileSync(join(heldFolder(state), 'held.json'), 'utf8')) as Partial<Held> | null;
    const isHeld =
      typeof held?.heldAt === 'string' &&
      typeof held.manifest === 'object' &&
      typeof held.files === 'object' &&
      typeof held.settings === 'string';
    return isHeld ? (held as Held) : undefined;
  } catch {
    return undefined;
  }
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
 */
export async function prepareRelease(run: ExportRun, before: OpenCookie | undefined): Promise<Releasable> {
  const held = readHeld(run.state);
  if (held === undefined) return { kind: 'read-again', why: 'nothing is kept that a threshold stopped' };
  const age = run.now() - Date.parse(held.heldAt);
  if (!(age >= 0 && age < oldestMs))
    return { kind: 'read-again', why: `what was stopped is of ${held.heldAt}, older than 24 hours` };
  if (held.encrypted !== (run.atRest !== undefined))
    return { kind: 'read-again', why: 'EncryptOutput was changed since the run was stopped' };
  if (held.settings !== settingsDigest(run.request.connection))
    return { kind: 'read-again', why: 'the settings that shape the rows were changed since the run was stopped' };
  const { cookieOut } = held.manifest;
  // An increment that a script made itself starts from no cookie, and leaves none.
  if (cookieOut !== null && held.manifest.cookieIn !== (before?.facts.id ?? null))
    return { kind: 'read-again', why: 'another export was published since the run was stopped' };
  const files: FinishedFile[] = [];
  const cookies: FinishedFile[] = [];
  const { paths, state, request } = run;
  const take = (name: HeldName, path: string): FinishedFile => copyHeld(run, name, path, held.files[name]);
  files.push(take('mailboxes.csv', paths.mailboxes), take('databases.csv', paths.databases));
  if (cookieOut !== null) cookies.push(take('cookie.bin', run.cookie));
  if (cookieOut !== null && request.connection.requireAcknowledge)
    cookies.push(take('cookie.bin', keptCookiePath(state, cookieOut)));
  for (const file of [...files, ...cookies]) {
    if ((await sha256Of(file.temporary)) === file.sha256) continue;
    for (const each of [...files, ...cookies]) rmSync(each.temporary, { force: true });
    return { kind: 'read-again', why: `what was stopped is not as it was written (${heldFolder(state)})` };
  }
  return { kind: 'ready', manifest: held.manifest, files, cookies };
}

function copyHeld(run: ExportRun, name: HeldName, path: string, sha256: string): FinishedFile {
  const from = join(heldFolder(run.state), name);
  const temporary = temporaryPath(path, run.runId);
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

async function sha256Of(path: string): Promise<string> {
  const digest = createHash('sha256');
  for await (const part of createReadStream(path)) digest.update(part as Uint8Array);
  return digest.digest('hex');
}
