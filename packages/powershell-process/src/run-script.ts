/*
 * A script in a process of its own, as `pwsh -NoProfile -NonInteractive -File script -name value …`:
 *
 *   connector ──(standard input: one line, then held open)──► script-keeper ──► PowerShell
 *        ▲──────────────── standard output, standard error ─────────────────────────┘
 *
 * The keeper kills the script's whole tree of processes when the connector's end of the pipe closes, be it
 * on purpose or because the connector was killed.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { extname } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { fileURLToPath } from 'node:url';
import { PowerShellProcessError } from './errors.ts';
import { killTree, newTreeMark } from './kill-tree.ts';

/** A line longer than this is handed on in pieces: a script may print without ever ending a line. */
const mostLineCharacters = 65_536;
/** How long the keeper may take to kill a tree, and the streams to end after their writers. */
const graceMs = 5_000;
/** A program that looks for its own updates, or tells its maker of its runs, has no place on a server. */
const quietEnvironment = { POWERSHELL_TELEMETRY_OPTOUT: '1', POWERSHELL_UPDATECHECK: 'Off' };

/** What a script is run with. */
export interface ScriptRun {
  /** The PowerShell to run it in, a name on the PATH or a path. */
  readonly program: string;
  /** Path of the script. */
  readonly script: string;
  /** Names without the hyphen, and values; they stand on the command line: never a secret. */
  readonly parameters: readonly (readonly [name: string, value: string])[];
  /** Gives the one line of standard input, without its end; left out: standard input is empty. May hold a secret. */
  readonly inputLine?: () => string;
  readonly workingFolder?: string;
  /** The whole environment of the process; default this process's own. */
  readonly environment?: Readonly<Record<string, string | undefined>>;
  /** Kills the script and all that it started. */
  readonly signal?: AbortSignal;
  /** The process has started. */
  readonly onStarted?: (processId: number) => void;
  /** A line of standard output, without its end; decoded as UTF-8. */
  readonly onOutput: (line: string) => void;
  /** A line of standard error. */
  readonly onError: (line: string) => void;
}

/** How a script's process ended: `exitCode` is null where it was killed, by `signal` of the request or from elsewhere. */
export interface ScriptEnd {
  readonly exitCode: number | null;
  readonly killedBy: string | undefined;
}

function programArguments(run: ScriptRun): string[] {
  const policy = process.platform === 'win32' ? ['-ExecutionPolicy', 'Bypass'] : [];
  const named = run.parameters.flatMap(([name, value]) => [`-${name}`, value]);
  return ['-NoProfile', '-NonInteractive', ...policy, '-File', run.script, ...named];
}

/** Calls `take` for each line; the last one needs no end. */
function readLines(stream: Readable, take: (line: string) => void): void {
  let rest = '';
  stream.setEncoding('utf8');
  stream.on('data', (text: string) => {
    const lines = (rest + text).split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) takePieces(line, take);
    while (rest.length > mostLineCharacters) {
      take(rest.slice(0, mostLineCharacters));
      rest = rest.slice(mostLineCharacters);
    }
  });
  stream.on('end', () => {
    if (rest !== '') takePieces(rest, take);
    rest = '';
  });
}

function takePieces(line: string, take: (line: string) => void): void {
  const whole = line.endsWith('\r') ? line.slice(0, -1) : line;
  for (let at = 0; at === 0 || at < whole.length; at += mostLineCharacters) {
    take(whole.slice(at, at + mostLineCharacters));
  }
}

type TreeMark = ReturnType<typeof newTreeMark>;

/** What the keeper told on its third stream. */
interface KeeperReport {
  processId: number | undefined;
  end: ScriptEnd | undefined;
  failure: string | undefined;
}

function readReport(stream: Readable, report: KeeperReport, run: ScriptRun): void {
  readLines(stream, (line) => {
    const [word = '', ...rest] = line.split(' ');
    const text = rest.join(' ');
    if (word === 'pid') {
      report.processId = Number(text);
      run.onStarted?.(report.processId);
    } else if (word === 'exit') report.end = { exitCode: Number(text), killedBy: undefined };
    else if (word === 'killed') report.end = { exitCode: null, killedBy: text };
    else if (word === 'failed') report.failure = text;
  });
}

function startKeeper(run: ScriptRun, mark: TreeMark): ChildProcess {
  const keeper = fileURLToPath(new URL(`./script-keeper${extname(import.meta.url)}`, import.meta.url));
  return spawn(process.execPath, ['--no-warnings', keeper, run.program, ...programArguments(run)], {
    stdio: ['pipe', 'pipe', 'pipe', 'pipe'],
    // Out of the terminal's foreground group: Ctrl-C is the connector's to handle.
    detached: process.platform !== 'win32',
    windowsHide: true,
    ...(run.workingFolder === undefined ? {} : { cwd: run.workingFolder }),
    env: { ...quietEnvironment, ...(run.environment ?? process.env), ...mark },
  });
}

function isAborted(run: ScriptRun): boolean {
  return run.signal?.aborted === true;
}

/** Resolves when the keeper has ended and the streams have, or are not going to. */
function ended(keeper: ChildProcess, report: KeeperReport, mark: TreeMark): Promise<void> {
  return new Promise((resolve) => {
    keeper.once('error', (error) => {
      report.failure ??= error.message;
      resolve();
    });
    keeper.once('exit', () => {
      // Killed from outside, it had no time for its duty.
      if (report.end === undefined && report.processId !== undefined) killTree(report.processId, mark);
      const timer = setTimeout(() => {
        for (const stream of keeper.stdio) stream?.destroy();
        resolve();
      }, graceMs);
      keeper.once('close', () => {
        clearTimeout(timer);
        resolve();
      });
    });
  });
}

/**
 * Runs a script to its end. When this resolves or rejects, no process of it is left.
 * @returns how it ended; an exit code other than 0 is no error here
 * @throws PowerShellProcessError POWERSHELL_NOT_FOUND where the program cannot be started, POWERSHELL_ENDED
 *   where the process that watches over it was killed
 */
export async function runScript(run: ScriptRun): Promise<ScriptEnd> {
  if (isAborted(run)) return { exitCode: null, killedBy: 'SIGKILL' };
  const report: KeeperReport = { processId: undefined, end: undefined, failure: undefined };
  const mark = newTreeMark();
  const keeper = startKeeper(run, mark);
  const over = ended(keeper, report, mark);
  const [input, output, errors, told] = keeper.stdio as [Writable, Readable, Readable, Readable, undefined];
  readLines(output, run.onOutput);
  readLines(errors, run.onError);
  readReport(told, report, run);
  input.on('error', () => undefined);
  input.write(`${JSON.stringify(run.inputLine?.() ?? null)}\n`);
  let lastResort: NodeJS.Timeout | undefined;
  const cancel = (): void => {
    input.end();
    lastResort = setTimeout(() => keeper.kill('SIGKILL'), graceMs);
  };
  run.signal?.addEventListener('abort', cancel, { once: true });
  try {
    await over;
  } finally {
    run.signal?.removeEventListener('abort', cancel);
    clearTimeout(lastResort);
    input.destroy();
  }
  if (report.failure !== undefined) {
    throw new PowerShellProcessError('POWERSHELL_NOT_FOUND', `starting ${run.program}: ${report.failure}`, {
      phase: 'open',
    });
  }
  if (report.end !== undefined) return report.end;
  if (isAborted(run)) return { exitCode: null, killedBy: 'SIGKILL' };
  throw new PowerShellProcessError(
    'POWERSHELL_ENDED',
    `running ${run.script} in ${run.program}: the process that watches over it ended first (exit ${keeper.exitCode}, ${keeper.signalCode}); the script was killed`,
    { phase: 'run' },
  );
}
