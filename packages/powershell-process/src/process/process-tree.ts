/* A program with everything it starts, as one thing to end. */
import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { once } from 'node:events';
import { killTree, newTreeMark } from '../kill-tree.ts';
import { settledWithin } from '../waiting.ts';
import { startGuard } from './guard.ts';

/** How a process ended: one of the two is null. */
export interface ProcessEnd {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
}

/** How to start a program. */
export interface StartOptions {
  readonly workingFolder?: string | undefined;
  /** The whole environment; default that of this process. */
  readonly environment?: Readonly<Record<string, string | undefined>> | undefined;
  /** How long it may live on when this process is gone. */
  readonly graceMs: number;
}

/** Where a program was told to keep quiet about itself; what the caller sets wins. */
const quietEnvironment = { POWERSHELL_TELEMETRY_OPTOUT: '1', POWERSHELL_UPDATECHECK: 'Off' };

type TreeMark = ReturnType<typeof newTreeMark>;

/** A running program. What it started is killed when it ends. */
export class ProcessTree {
  readonly child: ChildProcessWithoutNullStreams;
  readonly pid: number;
  readonly ended: Promise<ProcessEnd>;
  readonly #mark: TreeMark;

  private constructor(child: ChildProcessWithoutNullStreams, pid: number, ended: Promise<ProcessEnd>, mark: TreeMark) {
    this.child = child;
    this.pid = pid;
    this.ended = ended;
    this.#mark = mark;
  }

  /** @throws the error of the operating system where the program cannot be started */
  static async start(program: string, parameters: readonly string[], options: StartOptions): Promise<ProcessTree> {
    const guard = startGuard(options.graceMs);
    const mark = newTreeMark();
    try {
      const child = spawn(program, parameters, {
        stdio: ['pipe', 'pipe', 'pipe'],
        detached: process.platform !== 'win32',
        windowsHide: true,
        cwd: options.workingFolder,
        env: { ...quietEnvironment, ...(options.environment ?? process.env), ...mark },
      });
      if (child.pid !== undefined) guard.watch(child.pid, mark);
      const ended = new Promise<ProcessEnd>((resolve) => {
        child.once('exit', (exitCode, signal) => {
          if (child.pid !== undefined) killTree(child.pid, mark);
          guard.release();
          resolve({ exitCode, signal });
        });
      });
      // A program that ends without reading is known by its end.
      child.stdin.on('error', () => undefined);
      if (child.pid === undefined) await once(child, 'spawn'); // rejects with the reason
      child.on('error', () => undefined);
      return new ProcessTree(child, child.pid as number, ended, mark);
    } catch (error) {
      guard.release();
      throw error;
    }
  }

  get hasEnded(): boolean {
    return this.child.exitCode !== null || this.child.signalCode !== null;
  }

  /** Ends all of it by force; nothing where it has ended. */
  kill(): void {
    if (!this.hasEnded) killTree(this.pid, this.#mark);
  }

  /** Waits for its end, at most so long, then kills it. */
  async end(milliseconds: number): Promise<void> {
    const settled = await settledWithin(this.ended, milliseconds);
    if (settled.kind !== 'late') return;
    this.kill();
    // A process in an uninterruptible wait of the kernel outlives even this; nobody can do more.
    await settledWithin(this.ended, 2_000);
  }
}

/** The end in words. */
export function describeEnd({ exitCode, signal }: ProcessEnd): string {
  return signal === null ? `it ended with exit code ${exitCode}` : `it was killed by ${signal}`;
}
