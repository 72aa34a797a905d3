/*
 * Trees of processes, and their ends. What has left its tree (its parent ended, it made a session of its own) is
 * known by a mark in the environment that it inherited, where the system shows environments (/proc).
 */
import { spawnSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';

/** Names a tree: all that its first process starts inherits it. */
const markVariable = 'EXCHANGE_CONNECTOR_PROCESS_TREE';

/** A fresh mark, as a part of the environment that the first process of a tree is given. */
export function newTreeMark(): { readonly [markVariable]: string } {
  return { [markVariable]: randomUUID() };
}

/** The numbers of the processes; none where there is no /proc. */
function processNumbers(): string[] {
  try {
    return readdirSync('/proc').filter((name) => /^\d+$/.test(name));
  } catch {
    return [];
  }
}

/** The processes that were started with a mark in their environment, this one apart. */
function markedWith(mark: string): number[] {
  return processNumbers()
    .filter((name) => {
      try {
        return readFileSync(`/proc/${name}/environ`, 'latin1').split('\0').includes(`${markVariable}=${mark}`);
      } catch {
        return false; // It ended meanwhile, or belongs to another account.
      }
    })
    .map(Number)
    .filter((pid) => pid !== process.pid);
}

/** The processes that descend from `root`, as [proc(5)] tells; none where there is no /proc. */
function descendantsOf(root: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of processNumbers()) {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8');
      // The command, in parentheses, may hold spaces and parentheses itself.
      const parent = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1]);
      children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
    } catch {
      // It ended meanwhile.
    }
  }
  const found: number[] = [];
  for (let open = children.get(root) ?? []; open.length > 0; ) {
    found.push(...open);
    open = open.flatMap((pid) => children.get(pid) ?? []);
  }
  return found;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone already.
  }
}

/**
 * Kills a process that was started as the leader of a process group (`detached`), its group, all that descends
 * from it and, where the tree has a mark, all that bears it; on Windows, its tree.
 */
export function killTree(pid: number, mark?: Readonly<Record<string, string | undefined>>): void {
  if (process.platform === 'win32') {
    spawnSync('taskkill', ['/T', '/F', '/PID', String(pid)], { stdio: 'ignore', windowsHide: true });
    return;
  }
  const descendants = descendantsOf(pid);
  kill(-pid);
  for (const descendant of descendants) kill(descendant);
  const text = mark?.[markVariable];
  if (text === undefined) return;
  // What is about to be killed may still start something.
  for (let rounds = 3, found = markedWith(text); rounds > 0 && found.length > 0; rounds -= 1) {
    for (const marked of found) kill(marked);
    found = markedWith(text);
  }
}
