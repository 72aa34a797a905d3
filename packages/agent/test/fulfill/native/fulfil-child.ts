/*
 * A fulfilment in a process of its own, which kills itself (kill -9) at its n-th writing of journal, audit or results:
 * `node fulfil-child.ts '{ "url": …, "folder": …, "killAt": n }'`. Prints how it ended, and how often it wrote.
 */
import { join } from 'node:path';
import { runFulfill } from '@exchange-connector/agent';
import { ownPorts } from '../../../src/fulfill/native/native-context.ts';
import { connectionTo } from '../../rehearsed-connection.ts';
import { unguarded } from './random-check.ts';

export interface ChildTask {
  readonly url: string;
  readonly folder: string;
  /** 0: it is left alone. */
  readonly killAt: number;
}

export interface ChildEnd {
  readonly kind: string;
  readonly writings: number;
}

const task = JSON.parse(process.argv[2] ?? '') as ChildTask;
const request = {
  connection: connectionTo(task.url, unguarded),
  folders: { temp: join(task.folder, 'Temp'), work: join(task.folder, 'Work') },
  settingsFolder: task.folder,
  signal: new AbortController().signal,
  ordersFolder: join(task.folder, 'orders'),
  resultsFile: join(task.folder, 'results.csv'),
};
let writings = 0;
const outcome = await runFulfill(request, {
  ...ownPorts(request),
  watch: () => {
    writings += 1;
    if (writings === task.killAt) process.kill(process.pid, 'SIGKILL');
  },
});
console.log(JSON.stringify({ kind: outcome.kind, writings } satisfies ChildEnd));
