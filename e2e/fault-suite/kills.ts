/* `kill -9` at moments of an export: before a call that changes a file, or while a message is under way. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import type { ChildEnd, ChildTask } from './export-child.ts';
import { type HurtRun, longestRunMs, type SuiteRun } from './suite-run.ts';

const program = fileURLToPath(new URL('./export-child.ts', import.meta.url));

export type Moment =
  | { readonly kind: 'call'; readonly number: number }
  | { readonly kind: 'message'; readonly number: number; readonly stage: 'before' | 'after' | 'halfway' };

/** Runs an export in a child; `onStart` gets a function that kills it. */
async function runChild(task: ChildTask, onStart: (kill: () => void) => void): Promise<ChildEnd | undefined> {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  onStart(() => child.kill('SIGKILL'));
  const overdue = setTimeout(() => child.kill('SIGTERM'), longestRunMs);
  await once(child, 'close');
  clearTimeout(overdue);
  if (child.signalCode === 'SIGKILL') return undefined;
  if (child.signalCode === 'SIGTERM') return { outcome: 'cancelled', exitCode: 130, calls: 0 };
  if (child.exitCode !== 0) throw new Error(`the export in a child ended with ${child.exitCode}`);
  return JSON.parse(output) as ChildEnd;
}

export class Killer {
  readonly #suite: SuiteRun;
  #kill: (() => void) | undefined;

  constructor(suite: SuiteRun) {
    this.#suite = suite;
  }

  /** To be given to the simulator as its log: a fault that fires is the moment. */
  readonly onLog = (line: string): void => {
    if (line.startsWith('fault: ')) this.#kill?.();
  };

  get #task(): ChildTask {
    const { simulator, folder, mode } = this.#suite;
    return { url: simulator.url, folder, mode };
  }

  /** The calls and messages of a run that nobody kills. */
  async measure(): Promise<{ readonly calls: number; readonly messages: number }> {
    const before = this.#suite.messages;
    let [calls, messages] = [0, 0];
    await this.#suite.round('a run in a child', async () => {
      const end = await runChild(this.#task, () => {});
      if (end === undefined) throw new Error('the child was killed by somebody else');
      calls = end.calls;
      messages = this.#suite.messages - before;
      return end;
    });
    return { calls, messages };
  }

  /** A moment by chance: two of three are calls, for there files are at stake. */
  pick(limits: { readonly calls: number; readonly messages: number }): Moment {
    const { numbers } = this.#suite;
    if (numbers.below(3) > 0) return { kind: 'call', number: 1 + numbers.below(limits.calls) };
    const stage = (['before', 'after', 'halfway'] as const)[numbers.below(3)] ?? 'before';
    return { kind: 'message', number: 1 + numbers.below(limits.messages), stage };
  }

  async killAt(moment: Moment): Promise<HurtRun> {
    const { simulator } = this.#suite;
    const where =
      moment.kind === 'call'
        ? `kill -9 at the ${moment.number}th change of a file`
        : `kill -9 ${moment.stage} message ${moment.number}`;
    return await this.#suite.round(where, async () => {
      const task = moment.kind === 'call' ? { ...this.#task, killAtCall: moment.number } : this.#task;
      const end = await runChild(task, (kill) => {
        if (moment.kind !== 'message') return;
        this.#kill = kill;
        simulator.setFault(`message ${moment.number}: stall ${moment.stage}`);
      });
      this.#kill = undefined;
      return end ?? { outcome: 'killed', exitCode: null };
    });
  }
}
