/* Starts ./tree-guard.ts, the program that watches over a tree of processes. */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Watches one process tree: it is killed soon after this process is gone, however that went. */
export interface Guard {
  /** @param mark the part of its environment that names the tree */
  watch(leader: number, mark: Readonly<Record<string, string>>): void;
  /** The tree has ended, or none was started. */
  release(): void;
}

/** @param graceMs how long the tree may live on when this process is gone */
export function startGuard(graceMs: number): Guard {
  const program = fileURLToPath(new URL(`./tree-guard${extname(import.meta.url)}`, import.meta.url));
  const guard = spawn(process.execPath, ['--no-warnings', program, String(graceMs)], {
    stdio: ['pipe', 'ignore', 'ignore'],
    detached: true,
    windowsHide: true,
    env: { PATH: process.env['PATH'], SystemRoot: process.env['SystemRoot'] },
  });
  // It may have been killed by somebody: then there is no guard, and nothing else is amiss.
  guard.on('error', () => undefined);
  guard.stdin.on('error', () => undefined);
  guard.unref();
  (guard.stdin as Socket).unref();
  return {
    watch: (leader, mark) => void guard.stdin.write(`${leader} ${JSON.stringify(mark)}\n`),
    release: () => void guard.stdin.end('done\n'),
  };
}
