/* What every command of the native engine works with, from its lock to its end. */
import { randomUUID } from 'node:crypto';
import { hostname, userInfo } from 'node:os';
import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionSettings } from '@exchange-connector/config';
import type { FulfillSettings } from '@exchange-connector/connector';
import type { ShellNotice } from '@exchange-connector/wsman';
import { type AtRest, openAtRest } from '../../at-rest.ts';
import { stateFolder } from '../../export-paths.ts';
import { clearLeftovers } from '../../leftovers.ts';
import { RunLog } from '../../log.ts';
import { ProgressMeter } from '../../progress-meter.ts';
import type { RunRequest } from '../../run.ts';
import { endOf, type RunEnd } from '../../run-failure.ts';
import { type RunLock, takeRunLock } from '../../run-lock.ts';
import { LeftOverShells, ShellNotes } from '../../left-over-shells.ts';
import { RunCredential } from '../../run-credential.ts';
import { isFull, openFirstSession } from '../../session-opening.ts';
import { WarningList } from '../../warning-list.ts';
import { GrowingRedaction, type Redact } from '../redaction.ts';
import type { Actor } from './audit-log.ts';
import { BatchSession, type BatchPorts, type SessionMode } from './batch-session.ts';
import type { WriteWatch } from './chained-file.ts';
import { fulfilConnection } from './fulfil-connection.ts';
import { LiveReader } from './live-reader.ts';

/** What the native engine reaches the world through. */
export interface NativePorts extends BatchPorts {
  /** Told of every writing of journal, audit and results. */
  readonly watch?: WriteWatch | undefined;
}

export interface NativeContext {
  readonly request: RunRequest;
  readonly runId: string;
  readonly start: Date;
  readonly log: RunLog;
  readonly redact: Redact;
  /** A credential was got anew: what is secret of it is taken out from now on, too. */
  readonly onRenewed: (connection: ConnectionSettings) => void;
  readonly warnings: WarningList;
  readonly meter: ProgressMeter;
  readonly ports: NativePorts;
  /** As fulfilment opens it. */
  readonly connection: ConnectionSettings;
  readonly by: Actor;
  /** Undefined: files are written as they are. Set by {@link openEncryption}. */
  atRest: AtRest | undefined;
}

/** Makes ready what the settings want encrypted, before anything is read or written. */
export async function openEncryption(context: NativeContext): Promise<void> {
  if (context.atRest !== undefined) return;
  context.atRest = await openAtRest(context.request);
  for (const warning of context.atRest?.warnings ?? []) context.warnings.add(warning);
}

/** The server of the settings, the clock of this machine. */
export function ownPorts(request: RunRequest): NativePorts {
  const { connection, renewConnection } = request;
  const state = stateFolder(request.folders.work, connection.id);
  // Told as the session wants it that is opened last.
  let tell: { readonly warning: (message: string) => void; readonly renewed?: (to: ConnectionSettings) => void };
  // What was renewed is used from then on: a refused password again would count towards the lockout of the account.
  const credential = new RunCredential(fulfilConnection(connection), {
    renewConnection:
      renewConnection &&
      (async () => {
        const renewed = await renewConnection();
        tell.renewed?.(renewed);
        return fulfilConnection(renewed);
      }),
    onWarning: (message) => tell.warning(message),
  });
  let leftOver: LeftOverShells | undefined;
  return {
    now: () => new Date(),
    wait: async (milliseconds, signal) => {
      await delay(milliseconds, undefined, { signal });
    },
    open: async (signal, onWarning, runId, onRenewed) => {
      tell = { warning: onWarning, ...(onRenewed === undefined ? {} : { renewed: onRenewed }) };
      const notes = new ShellNotes(state, runId);
      const options = { signal, limits: request.limits, onShell: (notice: ShellNotice) => notes.take(notice) };
      leftOver ??= new LeftOverShells({ credential, state, runId }, signal, (sentence) =>
        new RunLog(runId, connection.id).write('Information', sentence),
      );
      const { session, server } = await leftOver.around(() => openFirstSession(credential, options, onWarning), isFull);
      return { session, url: server.url };
    },
  };
}

function accountName(): string {
  try {
    return userInfo().username;
  } catch {
    // An account that the system has no name for, as in containers.
    return `uid ${process.getuid?.() ?? '?'}`;
  }
}

export function openContext(request: RunRequest, ports: NativePorts): NativeContext {
  const runId = request.runId ?? randomUUID();
  const log = new RunLog(runId, request.connection.id);
  const connection = fulfilConnection(request.connection);
  const redaction = new GrowingRedaction(request.connection);
  return {
    request,
    runId,
    start: ports.now(),
    log,
    redact: redaction.redact,
    onRenewed: (renewed) => redaction.learn(renewed),
    warnings: new WarningList((message) => {
      log.write('Warning', message);
      request.onWarning?.(message);
    }, redaction.redact),
    meter: new ProgressMeter((progress) => request.onProgress?.(progress)),
    ports,
    connection,
    by: { account: accountName(), host: hostname(), login: connection.principal ?? connection.login ?? null },
    atRest: undefined,
  };
}

/** What the settings say of fulfilment. */
export function fulfillSettingsOf(connection: ConnectionSettings): FulfillSettings {
  const find = (name: string): unknown =>
    connection.fulfillOptions.find((each) => each.name.toLowerCase() === name.toLowerCase())?.value;
  const text = (name: string): string | undefined => {
    const value = find(name);
    return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined;
  };
  const option = (name: string, otherwise: number): number => {
    const number = Number(find(name));
    return Number.isFinite(number) && number > 0 ? number : otherwise;
  };
  return {
    ...connection,
    newMailboxKind: text('RecipientTypeDetails'),
    linkedDomainController: text('LinkedDomainController'),
    mountAttempts: Math.round(option('MountAttempts', 10)),
    mountWaitMs: Math.round(option('MountWaitSeconds', 6) * 1000),
  };
}

/** A session for a batch, and the reader on it. */
export function openBatch(
  context: NativeContext,
  mode: SessionMode,
  domainController?: string | undefined,
): { readonly session: BatchSession; readonly reader: LiveReader } {
  const { connection, ports, request, warnings, log, runId, redact, onRenewed } = context;
  const session = new BatchSession({
    runId,
    connection,
    ports,
    mode,
    signal: request.signal,
    onWarning: (message) => warnings.add(message),
    onNote: (message) => log.write('Information', redact(message)),
    onRenewed,
    domainController,
  });
  return {
    session,
    reader: new LiveReader(session, (milliseconds) => ports.wait(milliseconds, request.signal), redact),
  };
}

/** Does something while the connection's lock is held; what goes wrong is a value. */
export async function underLock<T>(
  context: NativeContext,
  temporaries: readonly string[],
  work: () => Promise<T>,
): Promise<T | RunEnd> {
  const { request, runId, log, warnings } = context;
  let lock: RunLock | undefined;
  try {
    request.signal.throwIfAborted();
    await openEncryption(context);
    const state = stateFolder(request.folders.work, request.connection.id);
    lock = takeRunLock(state, runId, temporaries);
    for (const sentence of await clearLeftovers(state, lock)) warnings.add(sentence);
    return await work();
  } catch (error) {
    return failedEnd(context, error);
  } finally {
    lock?.release();
    log.write('Debug', 'lock released');
  }
}

/** A time limit leaves what was done: unlike the files of an export, orders are not carried out all or none. */
function tellLimit(end: RunEnd): RunEnd {
  if (end.kind !== 'failed' || end.failure.code !== 'RUN_TIMED_OUT') return end;
  const message = 'the time limit of the whole run (--timeout) passed; what was done until then stands';
  const mend = 'the results say of each order what became of it; run it again for the rest, with more time';
  return { ...end, failure: { ...end.failure, message, mend } };
}

/** What an error means for the run, written to the log. */
export function failedEnd({ request, log, redact }: NativeContext, error: unknown): RunEnd {
  const told = tellLimit(
    endOf(error instanceof Error && error.name === 'SessionLostError' ? error.cause : error, request.signal),
  );
  const end: RunEnd =
    told.kind === 'failed' ? { ...told, failure: { ...told.failure, message: redact(told.failure.message) } } : told;
  if (end.kind === 'failed')
    log.write('Error', `fulfilment failed: ${end.failure.message}`, {
      code: end.failure.code,
      recovery: end.failure.recovery,
    });
  else log.write('Warning', 'fulfilment cancelled');
  return end;
}
