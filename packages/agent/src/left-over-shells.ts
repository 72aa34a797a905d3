/*
 * Shells that a killed process leaves on the server, where they count against the account's limit until they
 * end by themselves. Each shell is noted in a file of its own before it is asked for,
 *
 *   <WorkFolderPath>/ExportState/<connection>/shells/<ShellId>.json
 *
 * and the file goes when the shell has. What the next run that holds the connection's lock finds there, it removes from
 * the server: as soon as it has a session, so that a credential that is refused is not tried more often for it.
 */
import { readdirSync, rmdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeShell, type ShellNotice } from '@exchange-connector/wsman';
import type { ConnectionSettings } from '@exchange-connector/config';
import { fileFailed } from './errors.ts';
import { makeFolder, removeFolder } from './folder.ts';
import { readPlainText } from './plain-file.ts';
import { isLiving, ownIdentity, type ProcessIdentity } from './run-lock.ts';
import type { RunCredential } from './run-credential.ts';
import { caPemOf } from './session-credential.ts';

interface ShellFile {
  readonly shellId: string;
  readonly url: string;
  readonly cookies: string | null;
  readonly runId: string;
  readonly notedAt: string;
  /** Of a command that holds no lock (check, discover): while that process lives, the shell is in use. */
  readonly holder?: ProcessIdentity;
}

/** No server keeps an idle shell for longer: Exchange's time-out is 15 minutes, WinRM's two hours. */
const keptForMs = 24 * 3_600_000;
/** So long is a shell in use whose process cannot be looked at: it runs on another host. */
const inUseForMs = 3_600_000;
/** All that removing may take: the run is waited for. */
const removalTimeMs = 10_000;

function shellsFolder(state: string): string {
  return join(state, 'shells');
}

/** An id as a file's name; an id of another form is not noted down, as no server gives one. */
function fileOf(state: string, shellId: string): string | undefined {
  return /^[0-9A-Za-z-]{1,64}$/.test(shellId) ? join(shellsFolder(state), `${shellId.toUpperCase()}.json`) : undefined;
}

/** Notes shells down. */
export class ShellNotes {
  readonly #state: string;
  readonly #runId: string;
  readonly #holdsLock: boolean;

  /** @param holdsLock false for a command that holds no lock: it notes down what it can, and works without, too */
  constructor(state: string, runId: string, holdsLock = true) {
    this.#state = state;
    this.#runId = runId;
    this.#holdsLock = holdsLock;
  }

  take(notice: ShellNotice): void {
    if (notice.kind === 'gone') {
      this.#forget(notice.shellId);
      return;
    }
    const file = fileOf(this.#state, notice.shellId);
    if (file === undefined) return;
    const note: ShellFile = {
      shellId: notice.shellId,
      url: notice.url,
      cookies: notice.kind === 'created' ? (notice.cookies ?? null) : null,
      runId: this.#runId,
      notedAt: new Date().toISOString(),
      ...(this.#holdsLock ? {} : { holder: ownIdentity() }),
    };
    try {
      makeFolder(shellsFolder(this.#state));
      writeFileSync(file, `${JSON.stringify(note)}\n`, { mode: 0o640 });
    } catch (cause) {
      if (!this.#holdsLock) return;
      throw fileFailed(`noting down the shell of this run in ${file}`, cause);
    }
    if (notice.kind === 'created' && notice.proposedId !== notice.shellId) this.#forget(notice.proposedId);
  }

  #forget(shellId: string): void {
    const file = fileOf(this.#state, shellId);
    if (file === undefined) return;
    removeFolder(file);
    removeIfEmpty(shellsFolder(this.#state));
  }
}

function removeIfEmpty(folder: string): void {
  try {
    rmdirSync(folder);
  } catch {
    // Other shells are noted there.
  }
}

function readNotes(state: string): { readonly path: string; readonly note: ShellFile | undefined }[] {
  const folder = shellsFolder(state);
  let names: string[];
  try {
    names = readdirSync(folder);
  } catch {
    return [];
  }
  return names.map((name) => {
    const path = join(folder, name);
    try {
      return { path, note: JSON.parse(readPlainText(path)) as ShellFile };
    } catch {
      return { path, note: undefined };
    }
  });
}

/** An address of the connection: nothing else is ever logged in to, whatever a file says. */
function isOfConnection(connection: ConnectionSettings, url: unknown): url is string {
  if (typeof url !== 'string' || !URL.canParse(url)) return false;
  const { origin } = new URL(url);
  return connection.servers.some((server) => new URL(server.url).origin === origin);
}

/** The run that looks for what is left over. */
export interface LeavingRun {
  /** The run's own: one that was refused and renewed meanwhile is not tried again. */
  readonly credential: RunCredential;
  /** The connection's state folder. */
  readonly state: string;
  /** Its own shells are in use. */
  readonly runId: string;
}

/** Removes what earlier processes left around the first session of a run. */
export class LeftOverShells {
  readonly #remove: () => Promise<readonly string[]>;
  readonly #onNote: (sentence: string) => void;
  #isDone = false;

  /** The connection's lock must be held: the shells of a living run are not left over. */
  constructor(run: LeavingRun, signal: AbortSignal, onNote: (sentence: string) => void) {
    this.#remove = () => removeLeftOverShells(run, signal);
    this.#onNote = onNote;
  }

  /**
   * Opens a session. What is left over is removed when the first one is open, or where the server has too many shells
   * of the account for another one: then it is asked once more.
   * @throws what `open` throws
   */
  async around<T>(open: () => Promise<T>, isFull: (error: unknown) => boolean): Promise<T> {
    if (this.#isDone) return open();
    let opened: T;
    try {
      opened = await open();
    } catch (error) {
      if (!isFull(error) || !(await this.#removeAll())) throw error;
      return open();
    }
    await this.#removeAll();
    return opened;
  }

  /** True where anything was left over. */
  async #removeAll(): Promise<boolean> {
    this.#isDone = true;
    const sentences = await this.#remove();
    for (const sentence of sentences) this.#onNote(sentence);
    return sentences.length > 0;
  }
}

/**
 * Removes the shells that earlier processes left. One that cannot be removed now is tried again by the next run.
 * @returns sentences for the log
 */
async function removeLeftOverShells({ credential, state, runId }: LeavingRun, signal: AbortSignal): Promise<string[]> {
  const notes = readNotes(state).filter(({ note }) => note === undefined || note.runId !== runId);
  if (notes.length === 0) return [];
  const limited = AbortSignal.any([signal, AbortSignal.timeout(removalTimeMs)]);
  const sentences = await Promise.all(notes.map((each) => removeOne(credential, each, limited)));
  removeIfEmpty(shellsFolder(state));
  return sentences.filter((sentence) => sentence !== undefined);
}

async function removeOne(
  credential: RunCredential,
  { path, note }: { readonly path: string; readonly note: ShellFile | undefined },
  signal: AbortSignal,
): Promise<string | undefined> {
  const { connection } = credential;
  const age = Date.now() - Date.parse(String(note?.notedAt));
  if (note === undefined || !(age < keptForMs) || !isOfConnection(connection, note.url)) {
    removeFolder(path);
    return undefined;
  }
  if (note.holder !== undefined && (isLiving(note.holder) ?? age < inUseForMs)) return undefined;
  const { shellId, url, runId } = note;
  const caPem = caPemOf(connection);
  try {
    const became = await removeShell({
      url,
      shellId: String(shellId),
      cookies: typeof note.cookies === 'string' ? note.cookies : undefined,
      authentication: credential.authentication(url),
      signal,
      ...(connection.connectAddress === undefined ? {} : { connectAddress: connection.connectAddress }),
      ...(caPem === undefined ? {} : { caPem }),
    });
    rmSync(path, { force: true });
    return became === 'removed'
      ? `the shell ${shellId} that run ${runId} had left on ${url} was removed`
      : `the shell ${shellId} that run ${runId} had left on ${url} is gone by now`;
  } catch (error) {
    const said = error instanceof Error ? error.message : String(error);
    return `the shell ${shellId} that run ${runId} left on ${url} could not be removed, the next run tries it again: ${said}`;
  }
}
