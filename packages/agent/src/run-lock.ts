/*
 * One run of a connection at a time. The lock is a file that names its holder: a process id alone is not
 * enough, as ids are used again, so the time the process started (in ticks since a named boot) stands
 * beside it. A lock whose holder is gone is taken over, and what it left behind is cleared away.
 *
 * The file appears with its content in one step (a link to a file written before), and is taken over in one
 * step (renamed away): two runs that start together never both hold it.
 */
import { existsSync, linkSync, readdirSync, renameSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { AgentError, fileFailed } from './errors.ts';
import { makeFolder } from './folder.ts';
import { readPlainText, refuseNoFiles } from './plain-file.ts';

/** A process, told from another one that was given its id later. */
export interface ProcessIdentity {
  readonly pid: number;
  readonly host: string;
  /** Empty where the system does not tell. */
  readonly processStart: string;
}

/** What the lock says of its holder. */
interface Holder extends ProcessIdentity {
  readonly runId: string;
  readonly since: string;
  /** Absolute paths that the run writes and that are worth nothing once it is gone. */
  readonly temporaries: readonly string[];
}

/** How often a holder shows that it lives, and how long its silence may last where nothing else tells. */
const beatMs = 20_000;
const silenceMs = 120_000;

/** A lock that is held. */
export interface RunLock {
  /** What a run that died had been writing: to be removed. */
  readonly abandoned: readonly string[];
  release(): void;
}

function readText(path: string): string | undefined {
  try {
    return readPlainText(path);
  } catch {
    return undefined;
  }
}

/** What [proc(5)] stat says of a process, from its third field on; undefined where there is no /proc or no such process. */
function processFacts(pid: number): readonly string[] | undefined {
  const stat = readText(`/proc/${pid}/stat`);
  // The command, in parentheses, may hold spaces and parentheses itself.
  return stat?.slice(stat.lastIndexOf(')') + 2).split(' ');
}

/** Boot and start time of a process (field 22); empty where the system does not tell. */
function processStart(facts: readonly string[] | undefined): string {
  const boot = readText('/proc/sys/kernel/random/boot_id')?.trim();
  return facts === undefined || boot === undefined ? '' : `${boot} ${facts[19] ?? ''}`;
}

/**
 * A process that has ended, and that its parent has not asked for (fields 3 and 20). It takes signals for as long as
 * that: for good in a container whose first process asks for no orphan. While a second thread of it is there, that one
 * may still be in the middle of a write.
 */
function isZombie(facts: readonly string[]): boolean {
  return facts[0] === 'Z' && Number(facts[17]) <= 1;
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

function parseHolder(text: string): Holder | undefined {
  try {
    const value = JSON.parse(text) as Partial<Holder> | null;
    if (typeof value?.pid !== 'number' || typeof value.host !== 'string') return undefined;
    return {
      runId: String(value.runId ?? ''),
      pid: value.pid,
      host: value.host,
      processStart: String(value.processStart ?? ''),
      since: String(value.since ?? ''),
      temporaries: Array.isArray(value.temporaries) ? value.temporaries.filter((path) => typeof path === 'string') : [],
    };
  } catch {
    return undefined;
  }
}

/** This process. */
export function ownIdentity(): ProcessIdentity {
  return { pid: process.pid, host: hostname(), processStart: processStart(processFacts(process.pid)) };
}

/** Whether a process lives; `undefined` where that cannot be told (another host, no /proc). */
export function isLiving(identity: ProcessIdentity): boolean | undefined {
  if (identity.host !== hostname()) return undefined;
  if (!isRunning(identity.pid)) return false;
  const facts = processFacts(identity.pid);
  if (facts !== undefined && isZombie(facts)) return false;
  const start = processStart(facts);
  return identity.processStart !== '' && start !== '' ? start === identity.processStart : undefined;
}

/** True where the holder may still be at work. In doubt its last sign of life decides. */
function isAlive(holder: Holder, path: string): boolean {
  return isLiving(holder) ?? isFresh(path);
}

function isFresh(path: string): boolean {
  try {
    return Date.now() - statSync(path).mtimeMs < silenceMs;
  } catch {
    return false;
  }
}

/** The file of a connection's lock. */
export function lockPath(folder: string): string {
  return join(folder, 'lock.json');
}

/**
 * Takes the lock of a connection.
 * @param folder the connection's state folder; made when it is not there
 * @throws AgentError RUN_LOCKED where another run holds it, RUN_FILE_FAILED where the folder cannot be written
 */
export function takeRunLock(folder: string, runId: string, temporaries: readonly string[]): RunLock {
  const path = lockPath(folder);
  const own = join(folder, `lock.${runId}.json`);
  const holder: Holder = {
    runId,
    ...ownIdentity(),
    since: new Date().toISOString(),
    temporaries,
  };
  try {
    makeFolder(folder);
  } catch (cause) {
    throw fileFailed(`making the folder ${folder}`, cause);
  }
  refuseNoFiles([path]);
  try {
    const abandoned = takeOver(path, { own, holder });
    return hold(path, own, runId, abandoned);
  } finally {
    rmSync(own, { force: true });
  }
}

/**
 * Removes what runs that died in the middle of taking the lock left beside it. The lock must be held.
 * @returns what they had been writing, or had been about to clear away
 */
export function clearDeadLocks(folder: string): readonly string[] {
  const abandoned: string[] = [];
  for (const name of readdirSync(folder)) {
    if (!/^lock\.(?:[^.]+\.json|json\.[^.]+\.stale)$/.test(name)) continue;
    const path = join(folder, name);
    const holder = parseHolder(readText(path) ?? '');
    // One that cannot be read was not written to its end; a run that is writing it at this moment writes it again.
    if (holder !== undefined && isAlive(holder, path)) continue;
    abandoned.push(...(holder?.temporaries ?? []));
    rmSync(path, { force: true });
  }
  return abandoned;
}

/** Links the lock into place; what a dead holder was writing is given back. */
function takeOver(path: string, { own, holder }: { own: string; holder: Holder }): string[] {
  const abandoned: string[] = [];
  for (let attempt = 0; attempt < 10; attempt += 1) {
    try {
      // Written again where the holder of the lock has taken it for what a dead run left.
      if (!existsSync(own)) writeFileSync(own, `${JSON.stringify(holder)}\n`, { mode: 0o640 });
    } catch (cause) {
      throw fileFailed(`writing the lock of this run to ${own}`, cause);
    }
    try {
      linkSync(own, path);
      return abandoned;
    } catch (cause) {
      const code = cause instanceof Error && 'code' in cause ? cause.code : undefined;
      if (code === 'ENOENT') continue;
      if (code !== 'EEXIST') throw fileFailed(`taking the lock ${path}`, cause);
    }
    const seen = readText(path);
    if (seen === undefined) continue;
    const other = parseHolder(seen);
    if (other !== undefined && isAlive(other, path)) throw locked(other, path);
    abandoned.push(...moveAside(path, seen, holder.runId));
  }
  throw new AgentError('RUN_LOCKED', `taking the lock ${path}: other runs took it each time`, {
    recovery: 'retry-after-delay',
  });
}

/** Moves a dead holder's lock out of the way. Where a living one was caught instead, it goes back. */
function moveAside(path: string, judged: string, runId: string): readonly string[] {
  const aside = `${path}.${runId}.stale`;
  try {
    renameSync(path, aside);
  } catch {
    return [];
  }
  const caught = readText(aside) ?? '';
  try {
    if (caught === judged) return parseHolder(caught)?.temporaries ?? [];
    linkSync(aside, path);
    return [];
  } catch (cause) {
    throw fileFailed(`giving the lock ${path} back to the run that holds it`, cause);
  } finally {
    rmSync(aside, { force: true });
  }
}

function locked(holder: Holder, path: string): AgentError {
  return new AgentError(
    'RUN_LOCKED',
    `another run of this connection is at work: run ${holder.runId}, process ${holder.pid} on ${holder.host}, since ${holder.since} (${path})`,
    { recovery: 'retry-after-delay', mend: 'wait until it ends, or end that process; its lock then goes by itself' },
  );
}

/**
 * Makes sure that a run still holds the lock that it took: a machine that was asleep, or whose disk was away, may have
 * been silent for so long that another run took it for dead.
 * @throws AgentError RUN_LOCKED
 */
export function requireRunLock(folder: string, runId: string): void {
  const path = lockPath(folder);
  const holder = parseHolder(readText(path) ?? '');
  if (holder?.runId === runId) return;
  const by =
    holder === undefined ? 'it is gone' : `run ${holder.runId}, process ${holder.pid} on ${holder.host}, took it`;
  throw new AgentError(
    'RUN_LOCKED',
    `putting the files in place: this run no longer holds its lock ${path} (${by}), as it gave no sign of life for more than ${silenceMs / 60_000} minutes; nothing of it was published`,
    { recovery: 'retry-after-delay', mend: 'export again when the other run has ended' },
  );
}

function hold(path: string, own: string, runId: string, abandoned: readonly string[]): RunLock {
  const beat = setInterval(() => {
    const now = new Date();
    try {
      utimesSync(path, now, now);
    } catch {
      // A lock that is gone shows when it is released.
    }
  }, beatMs);
  beat.unref();
  return {
    abandoned: abandoned.filter((each) => each !== own),
    release() {
      clearInterval(beat);
      if (parseHolder(readText(path) ?? '')?.runId === runId) rmSync(path, { force: true });
    },
  };
}
