import { resolve } from 'node:path';
import { type Cancellation, startCancellation } from './cancellation.ts';
import type { ExportOptions, Invocation } from './command-options.ts';
import type { CommandContext } from './commands/run-parts.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import type { ProcessEnd } from './process-end.ts';
import { startLog } from './run-log.ts';
import { chooseSettings, sayRefusal } from './settings-choice.ts';
import type { Terminal } from './terminal.ts';

async function runInContext(invocation: Invocation, context: CommandContext): Promise<ExitCode> {
  switch (invocation.kind) {
    case 'export':
      return (await import('./commands/export.ts')).runExportCommand(invocation.options, context);
    case 'check':
      return (await import('./commands/check.ts')).runCheckCommand(invocation.options, context);
    case 'discover':
      return (await import('./commands/discover.ts')).runDiscoverCommand(invocation.options, context);
    case 'fulfill':
      return (await import('./commands/fulfill.ts')).runFulfillCommand(invocation.options, context);
  }
}

/** Faults of usage and settings; `check` shows them as its first step. */
async function refuse(invocation: Invocation, terminal: Terminal, messages: readonly string[]): Promise<ExitCode> {
  if (invocation.kind !== 'check') return sayRefusal(terminal, messages);
  return (await import('./commands/check.ts')).sayRefusedSettings(terminal, invocation.options.json, messages);
}

/** What ended a command that was neither done nor failed: the person, or the time limit. */
function endedEarly(cancellation: Cancellation, terminal: Terminal): ExitCode {
  if (!cancellation.timedOut) {
    terminal.say('Cancelled.');
    return exitCode.cancelled;
  }
  terminal.say('error: the time limit of the whole command (--timeout) passed');
  return exitCode.failed;
}

/** What is wrong with the options of `export`, beyond their form. */
async function findExportFaults({ release, output }: ExportOptions): Promise<string[]> {
  const faults: string[] = [];
  if (release)
    faults.push(
      '--release: no run was stopped by a threshold, so nothing is kept back that could be published; leave it out to export',
    );
  const { findFileInTheWay } = await import('@exchange-connector/config');
  const inTheWay = output === undefined ? undefined : findFileInTheWay(resolve(output));
  if (inTheWay !== undefined)
    faults.push(`--output: found ${output}, where ${inTheWay} is a file; allowed is the path of a folder`);
  return faults;
}

/** What is wrong with the options of a command, beyond their form. */
async function findFaults(invocation: Invocation): Promise<readonly string[]> {
  if (invocation.kind === 'export') return findExportFaults(invocation.options);
  if (invocation.kind !== 'fulfill') return [];
  return (await import('./commands/fulfill.ts')).findFulfillFaults(invocation.options);
}

async function runUnder(
  cancellation: Cancellation,
  invocation: Invocation,
  terminal: Terminal,
  ending: ProcessEnd,
): Promise<ExitCode> {
  const { options } = invocation;
  const faults = await findFaults(invocation);
  if (faults.length > 0) return sayRefusal(terminal, faults);
  const surroundings = { terminal, input: process.stdin, environment: process.env, signal: cancellation.signal };
  const choice = await chooseSettings(options, surroundings);
  if (choice.kind === 'cancelled') return endedEarly(cancellation, terminal);
  if (choice.kind === 'refused') return refuse(invocation, terminal, choice.messages);
  ending.use((await import('@exchange-connector/agent')).exitImmediately);
  let stopLog: () => void;
  try {
    // The steps of `check` say what its log would.
    stopLog = await startLog(options, terminal, invocation.kind === 'check' ? 'Fatal' : 'Warning');
  } catch (error) {
    return refuse(invocation, terminal, [`--log-file: ${(error as Error).message}`]);
  }
  try {
    const { settings, connection } = choice;
    const code = await runInContext(invocation, { terminal, signal: cancellation.signal, settings, connection });
    // What the run could say of its end came from the same time limit.
    const limitDecided = cancellation.timedOut && (code === exitCode.cancelled || code === exitCode.noSession);
    return limitDecided ? endedEarly(cancellation, terminal) : code;
  } finally {
    stopLog();
  }
}

/**
 * Runs a command to its end: settings, log, the run itself, its result.
 *
 * @param ending told how to end the process once the run may have blocked calls
 * @returns the exit code; everything that is to be said has been handed to the terminal
 */
export async function runCommand(invocation: Invocation, terminal: Terminal, ending: ProcessEnd): Promise<ExitCode> {
  const cancellation = startCancellation(
    invocation.options.timeoutMs,
    (text) => terminal.say(text),
    (status) => {
      terminal.draw('');
      ending.now(status);
    },
  );
  try {
    return await runUnder(cancellation, invocation, terminal, ending);
  } catch (error) {
    const { message, mend } = error as { message?: string; mend?: string };
    terminal.say(`error: ${message ?? String(error)}`);
    if (mend !== undefined) terminal.say(`  what to do: ${mend}`);
    return exitCode.failed;
  } finally {
    cancellation.dispose();
  }
}
