import { type Cancellation, startCancellation } from './cancellation.ts';
import type { Invocation } from './invocation.ts';
import type { BareContext } from './commands/command.ts';
import { type ExitCode, exitCode } from './exit-code.ts';
import type { ProcessEnd } from './process-end.ts';
import { startLog } from './run-log.ts';
import { chooseConnection, loadAllSettings, sayRefusal, sayStoreFailure } from './settings-choice.ts';
import type { Terminal } from './terminal.ts';

/** What ended a command that was neither done nor failed: the person, or the time limit. */
function endedEarly(cancellation: Cancellation, terminal: Terminal): ExitCode {
  if (!cancellation.timedOut) {
    terminal.say('Cancelled.');
    return exitCode.cancelled;
  }
  terminal.say('error: the time limit of the whole command (--timeout) passed');
  return exitCode.failed;
}

/** What a command needs is loaded, then it runs; its log is on from before it contacts anything. */
async function prepareAndRun(
  { options, command }: Invocation,
  context: BareContext,
  ending: ProcessEnd,
): Promise<ExitCode | 'cancelled'> {
  const { terminal } = context;
  const refuse = command.sayRefusal ?? sayRefusal;
  const logged = async (run: () => Promise<ExitCode>): Promise<ExitCode> => {
    let stopLog: () => void;
    try {
      stopLog = await startLog(options, terminal, command.logLevel ?? 'Warning');
    } catch (error) {
      return refuse(terminal, [`--log-file: ${(error as Error).message}`]);
    }
    try {
      return await run();
    } finally {
      stopLog();
    }
  };
  if (command.needs === 'nothing') return logged(() => command.run(context));
  const loaded = await loadAllSettings(options, context);
  if (loaded.kind === 'cancelled') return 'cancelled';
  if (loaded.kind === 'refused') {
    if (!loaded.storeFailed) return refuse(terminal, loaded.messages);
    // A command with a way of its own to tell refusals tells these too.
    command.sayRefusal?.(terminal, loaded.messages);
    return command.sayRefusal === undefined ? sayStoreFailure(terminal, loaded.messages) : exitCode.noSession;
  }
  const { settings } = loaded;
  if (command.needs === 'settings') return logged(() => command.run({ ...context, settings }));
  const connection = chooseConnection(settings, options.connection);
  if (typeof connection === 'string') return refuse(terminal, [connection]);
  ending.use((await import('@exchange-connector/agent')).exitImmediately);
  const renewConnection = () => loaded.renew(connection.id);
  return logged(() => command.run({ ...context, settings, connection, renewConnection }));
}

async function runUnder(
  cancellation: Cancellation,
  invocation: Invocation,
  terminal: Terminal,
  ending: ProcessEnd,
): Promise<ExitCode> {
  const faults = (await invocation.command.findFaults?.()) ?? [];
  if (faults.length > 0) return sayRefusal(terminal, faults);
  const context = { terminal, input: process.stdin, environment: process.env, signal: cancellation.signal };
  const code = await prepareAndRun(invocation, context, ending);
  if (code === 'cancelled') return endedEarly(cancellation, terminal);
  // What the run could say of its end came from the same time limit.
  const limitDecided = cancellation.timedOut && (code === exitCode.cancelled || code === exitCode.noSession);
  return limitDecided ? endedEarly(cancellation, terminal) : code;
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
