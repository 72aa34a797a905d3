import { setTimeout as delay } from 'node:timers/promises';
import { type ExportPlan, readOrganisation } from '@exchange-connector/connector';
import { rowForm } from './export-basis.ts';
import { type EngineReading, type ExportRun, lastMailboxes } from './export-run.ts';
import { Governor, microDelayMs } from './governor.ts';
import { readLearnedLimits, writeLearnedLimits } from './learned-limits.ts';
import { LeftOverShells, ShellNotes } from './left-over-shells.ts';
import { PartJournal } from './part-journal.ts';
import { RunCredential } from './run-credential.ts';
import { isFull, isSessionLost, refusalOf, SessionOpener } from './session-opening.ts';
import { type Clock, SessionPool } from './session-pool.ts';

/** For how long a session is tried to be had again, unless the run says otherwise: a server that is restarted is back by then. */
const reconnectForMs = 300_000;

const began = Date.now() - performance.now();
/** The time of day when the process began, going on steadily: a clock that is put back makes no wait longer. */
const steadyClock: Clock = {
  now: () => Math.round(began + performance.now()),
  wait: (ms, signal) => delay(ms, undefined, { signal }),
};

/** Told once, however many delays there are. */
const delayed =
  "the server slows this account's commands down (Micro delay applied), as its throttling policy wants it; the log has each delay";

/** Sessions for a run, as many as its settings allow and its server bears. Close them in the end. */
export interface RunSessions {
  readonly pool: SessionPool;
  /** The address that the latest session is on. */
  readonly server: () => string;
  /** Takes a warning of the server. */
  readonly onWarning: (message: string) => void;
  /** Closes all sessions, and keeps what was learned of the server's limits for the next run. */
  close(): Promise<void>;
}

/** Makes the sessions of a run ready; none is opened yet. */
export async function prepareSessions(run: ExportRun): Promise<RunSessions> {
  const { request, log, meter, state } = run;
  const { connection, signal } = request;
  const governor = new Governor(
    {
      shells: connection.shells,
      spacingMs: connection.shellSpacingMs,
      reconnectForMs: request.reconnectForMs ?? reconnectForMs,
    },
    readLearnedLimits(state),
    steadyClock.now(),
  );
  const notes = new ShellNotes(state, run.runId);
  const warn = (message: string): void => run.warnings.add(message);
  const credential = new RunCredential(connection, { ...request, onWarning: warn });
  const leftOver = new LeftOverShells({ credential, state, runId: run.runId }, signal, (sentence) =>
    log.write('Information', sentence),
  );
  const opener = new SessionOpener(credential, { ...request, onShell: (notice) => notes.take(notice) }, warn);
  const pool = new SessionPool({
    open: async (isFirst, openingSignal) => {
      const session = await leftOver.around(() => opener.open(isFirst, openingSignal), isFull);
      run.clock.compare(session.serverTime, opener.server?.url ?? '');
      log.write('Information', `session open on ${opener.server?.url ?? ''}`, {
        protocolVersion: session.server.protocolVersion,
      });
      return session;
    },
    refusalOf,
    isLoss: isSessionLost,
    governor,
    clock: steadyClock,
    most: connection.shells,
    signal,
    onWarning: warn,
    onNote: (message) => log.write('Information', message),
    onThrottled: (until) => meter.throttled(until),
  });
  return {
    pool,
    server: () => opener.server?.url ?? '',
    onWarning: (message) => {
      pool.warned(message);
      if (microDelayMs(message) === undefined) return warn(message);
      // Each tells of another delay: by their number they would hide what else there is to tell.
      log.write('Information', `the server warned: ${message.trim()}`);
      warn(delayed);
    },
    close: async () => {
      await pool.close();
      if (governor.learned !== undefined) writeLearnedLimits(state, governor.learned);
    },
  };
}

/** Reads the organisation into the sorters; the sessions are closed when this returns or throws. */
export async function readNatively(run: ExportRun): Promise<EngineReading> {
  const { signal } = run.request;
  run.meter.report('connecting', 0, undefined);
  const { pool, server, onWarning, close } = await prepareSessions(run);
  const ledger = new PartJournal({
    state: run.state,
    mailboxes: run.mailboxes,
    ciphers: run.atRest?.rows,
    onFound: (sentence) => run.warnings.add(sentence),
    now: () => run.clock.now(),
    server,
    rowForm,
  });
  try {
    const reading = await readOrganisation(planOf(run), {
      sessions: pool,
      databases: run.databases,
      mailboxes: run.mailboxes,
      ledger,
      now: () => run.clock.now(),
      onProgress: ({ phase, done, total }) => run.meter.report(phase, done, total),
      onWarning,
      onNote: (message) => run.log.write('Information', message),
      signal,
    });
    for (const error of reading.errors) run.log.write('Error', error);
    const odd = run.clock.lookAt(reading.latestChange);
    if (odd !== undefined) run.warnings.add(odd);
    return { engine: 'native', reading, server: server(), forget: () => ledger.clear() };
  } finally {
    await ledger.settled();
    await close();
  }
}

function planOf(run: ExportRun): ExportPlan {
  const { connection } = run.request;
  return {
    additionalColumns: connection.additionalColumns,
    valueSeparator: connection.valueSeparator,
    scope: connection,
    pins: { domainController: connection.domainController, globalCatalog: connection.globalCatalog },
    expectedMailboxes: lastMailboxes(run.paths.manifest),
  };
}
