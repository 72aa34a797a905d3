/*
 * An export in a process of its own, which can be told to kill itself at its n-th call that changes a file:
 * `node export-child.ts '{ "url": …, "folder": …, "mode": …, "killAtCall": n }'`. Prints how it ended.
 */
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';
import { join } from 'node:path';
import type { ExportMode } from './suite-run.ts';

export interface ChildTask {
  readonly url: string;
  readonly folder: string;
  readonly mode: ExportMode;
  readonly killAtCall?: number;
}

export interface ChildEnd {
  readonly outcome: string;
  readonly exitCode: number;
  /** Calls that change files. */
  readonly calls: number;
}

const task = JSON.parse(process.argv[2] ?? '') as ChildTask;
let calls = 0;

function countCall(): void {
  calls += 1;
  if (calls === task.killAtCall) process.kill(process.pid, 'SIGKILL');
}

/** Puts the count in front of methods. */
function watch(owner: object, names: readonly string[]): void {
  for (const name of names) {
    const own = Reflect.get(owner, name) as (...parameters: unknown[]) => unknown;
    const watched = function (this: unknown, ...parameters: unknown[]): unknown {
      countCall();
      return Reflect.apply(own, this, parameters);
    };
    Reflect.set(owner, name, watched);
  }
}

const probe = await fs.promises.open(process.execPath);
watch(Object.getPrototypeOf(probe) as object, [
  'appendFile',
  'chmod',
  'datasync',
  'sync',
  'truncate',
  'write',
  'writev',
]);
await probe.close();
watch(fs, [
  'appendFileSync',
  'chmodSync',
  'copyFileSync',
  'fsyncSync',
  'ftruncateSync',
  'linkSync',
  'mkdirSync',
  'openSync',
  'renameSync',
  'rmSync',
  'truncateSync',
  'unlinkSync',
  'utimesSync',
  'writeFileSync',
  'writeSync',
]);
watch(fs.promises, ['copyFile', 'mkdir', 'open', 'rename', 'rm', 'unlink', 'writeFile']);
syncBuiltinESMExports();

// Only now, so that they import what was watched.
const { runExport } = await import('@exchange-connector/agent');
const { exportRequest } = await import('./suite-run.ts');
const outcome = await runExport({ ...exportRequest(task), signal: new AbortController().signal });
const end: ChildEnd = { outcome: outcome.kind, exitCode: outcome.exitCode, calls };
fs.writeSync(1, `${JSON.stringify(end)}\n`);
if (outcome.kind === 'failed') process.stderr.write(`${join(task.folder)}: ${outcome.failure.message}\n`);
