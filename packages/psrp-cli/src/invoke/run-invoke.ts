/* `psrp invoke`: one session, one pipeline, its records as they come. */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { createReadStream } from 'node:fs';
import type { RemoteSession } from '@exchange-connector/psrp';
import { type RequestNotice, requestChannelName, WsmanError } from '@exchange-connector/wsman';
import { errorLine } from '../error-line.ts';
import { PsrpCliError } from '../errors.ts';
import type { Log } from '../log.ts';
import { isReaderGone, type LineOutput } from '../output.ts';
import { CancelledError, ExitCode, TimeLimitError } from '../run-control.ts';
import { checkInputFile } from './input-lines.ts';
import type { InvokeSettings } from './invoke-settings.ts';
import { prepareOpening } from './open-target.ts';
import { PipelineInput } from './pipeline-input.ts';
import { ProgressLine } from './progress-line.ts';
import { RecordPrinter } from './record-printer.ts';

/** What the command runs in. */
export interface InvokeSurroundings {
  readonly output: LineOutput;
  readonly complaints: LineOutput;
  /** Where progress is redrawn; undefined where there is no terminal, or it is not wanted. */
  readonly terminal: NodeJS.WriteStream | undefined;
  readonly standardInput: NodeJS.ReadStream;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/**
 * @returns the exit code; every error of the session has been told by then
 * @throws PsrpCliError PSRP_CLI_USAGE before anything is contacted
 */
export async function runInvoke(settings: InvokeSettings, surroundings: InvokeSurroundings): Promise<ExitCode> {
  const { log, output, complaints } = surroundings;
  const isChecked = settings.input !== undefined && settings.input !== '-' && (await checkInputFile(settings.input));
  const signal = AbortSignal.any([surroundings.signal, output.gone]);
  const progress = new ProgressLine(surroundings.terminal);
  const forgetRequests = logRequests(log);
  let phase: 'before' | 'open' | 'run' = 'before';
  let session: RemoteSession | undefined;
  try {
    const open = await prepareOpening(settings.target, surroundings);
    phase = 'open';
    session = await open(signal);
    phase = 'run';
    return await runPipeline(session, settings, { ...surroundings, progress, signal, isChecked });
  } catch (error) {
    progress.clear();
    if (phase === 'before' && !surroundings.signal.aborted) throw error;
    return await explain(error, phase === 'run' ? ExitCode.Failed : ExitCode.NoSession, surroundings);
  } finally {
    progress.clear();
    await session?.close();
    forgetRequests();
    await Promise.all([output.end(), complaints.end()]);
  }
}

interface RunSurroundings extends InvokeSurroundings {
  readonly progress: ProgressLine;
  /** Whether the input was read once already, and is good. */
  readonly isChecked: boolean;
}

async function runPipeline(
  session: RemoteSession,
  settings: InvokeSettings,
  surroundings: RunSurroundings,
): Promise<ExitCode> {
  const { log, output, complaints, progress, signal } = surroundings;
  const printer = new RecordPrinter(settings.json, output, complaints, progress);
  const input = settings.input === undefined ? undefined : openInput(settings.input, surroundings);
  log.write('Information', 'running', { commands: settings.commands.map(({ name }) => name).join(' | ') });
  try {
    const events = session.invoke(
      { statements: [settings.commands] },
      input === undefined ? { signal } : { signal, input },
    );
    for await (const event of events) await printer.print(event);
    log.write('Information', 'the pipeline ended', { records: printer.records, errors: printer.errors });
    signal.throwIfAborted();
    await input?.checkRest();
  } finally {
    input?.close();
  }
  return printer.exitCode ?? ExitCode.Failed;
}

function openInput(file: string, { standardInput, isChecked, signal }: RunSurroundings): PipelineInput {
  if (file !== '-')
    return new PipelineInput({ source: createReadStream(file), name: file, checksRest: !isChecked, signal });
  // Somebody who types is not waited for.
  return new PipelineInput({
    source: standardInput,
    name: 'standard input',
    checksRest: !standardInput.isTTY,
    signal,
  });
}

/** Says what ended the session, and gives the exit code for it. */
async function explain(error: unknown, otherwise: ExitCode, surroundings: InvokeSurroundings): Promise<ExitCode> {
  const { output, complaints, log, signal } = surroundings;
  const complain = async (text: string): Promise<void> => {
    await complaints.write(`psrp invoke: ${text}\n`);
    log.write('Verbose', 'the command ended', { because: text });
  };
  if (signal.reason instanceof CancelledError) {
    await complain(signal.reason.message);
    return ExitCode.Cancelled;
  }
  if (signal.reason instanceof TimeLimitError) {
    await complain(signal.reason.message);
    return ExitCode.Failed;
  }
  if (output.gone.aborted) {
    if (isReaderGone(output.gone.reason)) return ExitCode.Done;
    await complain(`writing the records: ${(output.gone.reason as Error).message}`);
    return ExitCode.Failed;
  }
  if (error instanceof WsmanError && error.code === 'WSMAN_OPTION_INVALID') {
    await complain(errorLine(error));
    return ExitCode.Usage;
  }
  await complain(errorLine(error));
  return error instanceof PsrpCliError && error.code === 'PSRP_CLI_USAGE' ? ExitCode.Usage : otherwise;
}

/** Each HTTP exchange in the log, by its shape alone. */
function logRequests(log: Log): () => void {
  const listener = (message: unknown): void => {
    const notice = message as RequestNotice;
    log.write('Debug', `${notice.operation} (${notice.channel})`, {
      status: notice.status,
      ms: Math.round(notice.milliseconds),
      sent: notice.requestBytes,
      received: notice.responseBytes,
      error: notice.errorCode,
      ...notice.server,
    });
  };
  subscribe(requestChannelName, listener);
  return () => void unsubscribe(requestChannelName, listener);
}
