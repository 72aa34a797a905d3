/*
 * The connection doctor: every step by itself, in the order in which a session needs them, each failure
 * with its cause and what to do. Reads only.
 */
import { randomUUID } from 'node:crypto';
import type { ConnectionSettings, ServerAddress } from '@exchange-connector/config';
import { GssapiError } from '@exchange-connector/gssapi';
import { WsmanError, type WsmanErrorCode, type WsmanSession } from '@exchange-connector/wsman';
import { checkCmdlets, checkDatabase, checkMailbox, type SessionLook } from './check-session.ts';
import { stateFolder } from './export-paths.ts';
import { ShellNotes } from './left-over-shells.ts';
import { mendLeftovers } from './leftovers.ts';
import { RunLog } from './log.ts';
import { addressToDial, type Finding, reachPort, resolveName, shakeTls } from './reach-server.ts';
import { logRequests } from './request-log.ts';
import type { CheckOutcome, CheckRequest, CheckStep, CheckStepName } from './run.ts';
import { endOf } from './run-failure.ts';
import { authenticationOf, caPemOf, credentialOf } from './session-credential.ts';
import { type OpeningOptions, openSessionOn } from './session-opening.ts';

const stepNames: readonly CheckStepName[] = [
  'settings',
  'name',
  'port',
  'tls',
  'authentication',
  'session',
  'cmdlets',
  'mailbox',
  'database',
];

/** The steps after the session, whose failure is exit 1. */
const insideSession: ReadonlySet<CheckStepName> = new Set(['cmdlets', 'mailbox', 'database']);

/** Collects steps as they end. */
class Checklist {
  readonly steps: CheckStep[] = [];
  readonly #tell: (step: CheckStep) => void;
  #since = performance.now();

  constructor(tell: (step: CheckStep) => void) {
    this.#tell = tell;
  }

  add(name: CheckStepName, state: CheckStep['state'], detail: string, mend?: string): void {
    const now = performance.now();
    const step = { name, state, detail, mend, durationMs: Math.round(now - this.#since) };
    this.#since = now;
    this.steps.push(step);
    this.#tell(step);
  }

  /** True where the step is no hindrance. `isLast`: no other server is left to try. */
  take(name: CheckStepName, finding: Finding, isLast = true): boolean {
    if (finding.ok) {
      this.add(name, finding.warning === undefined ? 'passed' : 'warned', finding.detail, finding.warning);
    } else if (isLast) {
      this.add(name, 'failed', finding.detail, finding.mend);
    } else {
      this.add(name, 'warned', `${finding.detail}; the next server of the list is tried`, finding.mend);
    }
    return finding.ok;
  }

  finish(): { readonly exitCode: 0 | 1 | 2 | 3; readonly steps: readonly CheckStep[] } {
    const failure = this.steps.find((step) => step.state === 'failed');
    for (const name of stepNames) {
      if (!this.steps.some((step) => step.name === name)) this.add(name, 'not-reached', 'an earlier step failed');
    }
    const exitCode =
      failure === undefined ? 0 : failure.name === 'settings' ? 2 : insideSession.has(failure.name) ? 1 : 3;
    return { exitCode, steps: this.steps };
  }
}

/** Checks a connection step by step. Never throws: each failure is a step. */
export async function runCheck(request: CheckRequest): Promise<CheckOutcome> {
  const { connection, signal } = request;
  const runId = request.runId ?? randomUUID();
  const log = new RunLog(runId, connection.id);
  const list = new Checklist((step) => {
    const level = step.state === 'failed' ? 'Error' : step.state === 'warned' ? 'Warning' : 'Information';
    log.write(level, `check ${step.name}: ${step.state}`, { durationMs: step.durationMs });
    request.onStep?.(step);
  });
  log.write('Information', `run ${runId} begins: a check of ${connection.id}`);
  const stopLogging = logRequests(log);
  const notes = new ShellNotes(stateFolder(request.folders.work, connection.id), runId, false);
  const options: OpeningOptions = { ...request, onShell: (notice) => notes.take(notice) };
  try {
    for (const sentence of await mendLeftovers(stateFolder(request.folders.work, connection.id), runId)) {
      log.write('Warning', sentence);
      request.onWarning?.(sentence);
    }
    const session = checkSettings(connection, list) ? await reachFirst(connection, list, options) : undefined;
    if (session !== undefined) await lookInside(session, request, list);
  } catch (error) {
    const end = endOf(error, signal);
    if (end.kind === 'cancelled') return end;
    const reached = stepNames.find((name) => !list.steps.some((step) => step.name === name)) ?? 'database';
    list.add(reached, 'failed', end.failure.message, end.failure.mend);
  } finally {
    stopLogging();
  }
  return { kind: 'checked', ...list.finish() };
}

function checkSettings(connection: ConnectionSettings, list: Checklist): boolean {
  const script = connection.exportScriptPath;
  if (script !== undefined) {
    list.add(
      'settings',
      'failed',
      `an export script is named (${script}), and this version has no PowerShell engine to run it`,
      'take PowerShellScriptPath (or ExportScriptPath) out: the native export writes the same files',
    );
    return false;
  }
  try {
    caPemOf(connection);
    authenticationOf(connection);
  } catch (error) {
    const mend = error instanceof Error && 'mend' in error && typeof error.mend === 'string' ? error.mend : undefined;
    list.add('settings', 'failed', error instanceof Error ? error.message : String(error), mend);
    return false;
  }
  list.add(
    'settings',
    'passed',
    `${connection.servers.map((server) => server.url).join(', ')}, ${connection.authType}, ${describeCredential(connection)}`,
  );
  return true;
}

function describeCredential(connection: ConnectionSettings): string {
  if (connection.authType === 'Basic') return `login ${connection.login ?? ''}`;
  const credential = credentialOf(connection);
  switch (credential.kind) {
    case 'ticket-cache':
      return "the running account's ticket cache";
    case 'keytab':
      return `keytab ${credential.file}${credential.principal === undefined ? '' : ` for ${credential.principal}`}`;
    case 'password':
      return `password of ${credential.principal}`;
    default:
      return credential satisfies never;
  }
}

/** Goes through the servers until a session is open on one. */
async function reachFirst(
  connection: ConnectionSettings,
  list: Checklist,
  options: OpeningOptions,
): Promise<WsmanSession | undefined> {
  for (const [index, server] of connection.servers.entries()) {
    const isLast = index === connection.servers.length - 1;
    const session = await reach(connection, server, list, isLast, options);
    if (session !== 'next') return session;
  }
  return undefined;
}

async function reach(
  connection: ConnectionSettings,
  server: ServerAddress,
  list: Checklist,
  isLast: boolean,
  options: OpeningOptions,
): Promise<WsmanSession | undefined | 'next'> {
  const { signal } = options;
  const dial = addressToDial(connection, server);
  const next = isLast ? undefined : 'next';
  if (!list.take('name', await resolveName(dial.host), isLast)) return next;
  signal.throwIfAborted();
  if (!list.take('port', await reachPort(dial.host, dial.port, signal), isLast)) return next;
  signal.throwIfAborted();
  if (server.protocol === 'https') {
    if (!list.take('tls', await shakeTls(server, dial, caPemOf(connection), signal), isLast)) return next;
    signal.throwIfAborted();
  } else {
    const how =
      connection.authType === 'Kerberos' ? 'http: Kerberos seals every message' : 'http: nothing is encrypted';
    list.add('tls', 'not-applicable', how);
  }
  try {
    const session = await openSessionOn(connection, server, options);
    list.add('authentication', 'passed', `${connection.authType} is accepted by ${server.host}`);
    list.add('session', 'passed', `open, PowerShell remoting protocol ${session.server.protocolVersion}`);
    return session;
  } catch (error) {
    if (signal.aborted) throw error;
    return takeSessionFailure(error, server, list, isLast, signal) ? undefined : next;
  }
}

/** True where no other server needs to be tried: who we are was refused. */
function takeSessionFailure(
  error: unknown,
  server: ServerAddress,
  list: Checklist,
  isLast: boolean,
  signal: AbortSignal,
): boolean {
  const end = endOf(error, signal);
  if (end.kind === 'cancelled') throw error;
  const { code, message, mend } = end.failure;
  const isAuthentication =
    error instanceof GssapiError || (error instanceof WsmanError && error.code === 'WSMAN_AUTHENTICATION_REFUSED');
  if (isAuthentication) {
    list.add('authentication', 'failed', message, mend);
    return true;
  }
  if (isLast) addAuthenticationBehind(error, server, list);
  list.take('session', { ok: false, detail: message, mend: mend ?? `${code}: docs/errors.md says more` }, isLast);
  return false;
}

/** These come from the service itself, which asks who we are before it answers at all. */
const afterAuthentication: ReadonlySet<WsmanErrorCode> = new Set([
  'WSMAN_ACCESS_DENIED',
  'WSMAN_FAULT',
  'WSMAN_POOL_BROKEN',
]);

/** What a session that failed says of the authentication before it. */
function addAuthenticationBehind(error: unknown, server: ServerAddress, list: Checklist): void {
  if (!(error instanceof WsmanError)) list.add('authentication', 'not-applicable', 'not known');
  else if (afterAuthentication.has(error.code)) list.add('authentication', 'passed', `${server.host} accepted it`);
  else if (error.code === 'WSMAN_HTTP_ERROR')
    list.add('authentication', 'not-applicable', 'not known: the server answered before asking');
  else list.add('authentication', 'not-applicable', 'not known: the server did not come to it');
}

async function lookInside(session: WsmanSession, request: CheckRequest, list: Checklist): Promise<void> {
  const { connection, signal } = request;
  const look: SessionLook = { session, connection, signal, warnings: [], domainController: undefined };
  try {
    list.take('cmdlets', await checkCmdlets(look));
    list.take('mailbox', await checkMailbox(look));
    list.take('database', await checkDatabase(look));
  } finally {
    await session.close();
  }
}
