import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionSettings, ServerAddress } from '@exchange-connector/config';
import { ConnectorError } from '@exchange-connector/connector';
import { GssapiError } from '@exchange-connector/gssapi';
import {
  FaultCode,
  openWsmanSession,
  type ShellNotice,
  WsmanError,
  type WsmanErrorCode,
  type WsmanLimits,
  type WsmanSession,
} from '@exchange-connector/wsman';
import { AgentError } from './errors.ts';
import { longestWaitMs, passingWaitMs, type Refusal } from './governor.ts';
import { isCredentialRefused, type RunCredential } from './run-credential.ts';
import { authenticationOf, caPemOf } from './session-credential.ts';

/** An open session, and the address that it is open on. */
export interface OpenedSession {
  readonly session: WsmanSession;
  readonly server: ServerAddress;
}

/**
 * Failures of one server that say nothing of the others. A refused password is none of them: trying it on
 * every server would lock the account; no more is a ticket that cannot be had.
 */
const ofOneServer: ReadonlySet<WsmanErrorCode> = new Set([
  'WSMAN_CONNECT_FAILED',
  'WSMAN_TLS_REFUSED',
  'WSMAN_TIMED_OUT',
  'WSMAN_CONNECTION_LOST',
  'WSMAN_HTTP_ERROR',
  'WSMAN_RESPONSE_INVALID',
  'WSMAN_POOL_BROKEN',
  'WSMAN_FAULT',
]);

/** How to open, besides where and as whom. */
export interface OpeningOptions {
  readonly signal: AbortSignal;
  readonly limits?: Partial<WsmanLimits> | undefined;
  /** Told of the shell as it is made and gone. */
  readonly onShell?: ((notice: ShellNotice) => void) | undefined;
}

/** Opens a session on one address. */
export function openSessionOn(
  connection: ConnectionSettings,
  server: ServerAddress,
  options: OpeningOptions,
  authentication = authenticationOf(connection),
): Promise<WsmanSession> {
  const caPem = caPemOf(connection);
  return openWsmanSession({
    url: server.url,
    authentication,
    operationTimeoutMs: connection.operationTimeoutMs,
    signal: options.signal,
    limits: options.limits,
    onShell: options.onShell,
    ...(connection.connectAddress === undefined ? {} : { connectAddress: connection.connectAddress }),
    ...(caPem === undefined ? {} : { caPem }),
  });
}

/**
 * What a server that has no shell left for the account says: WinRM's own quota, or Exchange's throttling policy,
 * which breaks the pool ("…the maximum number of connections allowed : 18 for the policy party : MaxConcurrency").
 */
const tooManyShells = /maximum number of (?:\d+ concurrent shells|connections allowed)|\bMaxConcurrency\b/i;

/**
 * Whether a server is there, and may do better a second later: the connection was cut, what stands before the server is
 * busy, its front end reached no back end or the wrong one, the service is shutting down, the answer was damaged. A name
 * that does not exist, a port where nobody listens, a wrong path, an account without rights or a configuration that is
 * not there are as they are; so is a password, and a second attempt with it would count towards the lockout.
 */
function isPassing(error: unknown): boolean {
  if (!(error instanceof WsmanError) || error.cause instanceof GssapiError) return false;
  switch (error.code) {
    case 'WSMAN_CONNECTION_LOST':
      return true;
    case 'WSMAN_HTTP_ERROR':
      return error.recovery === 'retry-after-delay';
    case 'WSMAN_FAULT':
    case 'WSMAN_RESPONSE_INVALID':
    case 'WSMAN_LIMIT_EXCEEDED':
    case 'WSMAN_POOL_BROKEN':
      return error.recovery !== 'none';
    default:
      return false;
  }
}

/** Why a session was not opened, where another attempt may do better; `undefined` where none will. */
export function refusalOf(error: unknown): Refusal | undefined {
  if (error instanceof AgentError)
    return error.code === 'RUN_NO_SESSION' ? { kind: 'down', isPassing: isPassing(error.cause) } : undefined;
  if (!(error instanceof WsmanError) || error.cause instanceof GssapiError) return undefined;
  const isQuota = error.faultCode === FaultCode.quotaMaxShells || error.faultCode === FaultCode.quotaMaxOperations;
  if (isQuota || tooManyShells.test(error.message)) return { kind: 'tooMany' };
  if (error.retryAfterMs !== undefined) return { kind: 'wait', waitMs: error.retryAfterMs };
  if (error.code === 'WSMAN_POOL_BROKEN' && error.recovery === 'none') return undefined;
  return isOfOneServer(error) ? { kind: 'down', isPassing: isPassing(error) } : undefined;
}

function isOfOneServer(error: WsmanError): boolean {
  return ofOneServer.has(error.code) || isPassing(error);
}

/** Whether the server has as many sessions of the account as it allows. */
export function isFull(error: unknown): boolean {
  return refusalOf(error)?.kind === 'tooMany';
}

/** Whether an error of a session in use means that the session is lost, and its work may be done in another one. */
export function isSessionLost(error: unknown): boolean {
  if (error instanceof ConnectorError) return error.recovery === 'reopen-session';
  if (!(error instanceof WsmanError)) return false;
  if (error.code === 'WSMAN_OPTION_INVALID' || error.code === 'WSMAN_SESSION_BUSY') return false;
  return error.recovery !== 'none' || ofOneServer.has(error.code) || error.code === 'WSMAN_AUTHENTICATION_REFUSED';
}

/**
 * Opens sessions for one run: on the server that it is on, or, when that one is down and no session is open,
 * on the next of `Server`.
 */
export class SessionOpener {
  readonly #credential: RunCredential;
  readonly #options: OpeningOptions;
  readonly #onWarning: (message: string) => void;
  #current: ServerAddress | undefined;

  constructor(credential: RunCredential, options: OpeningOptions, onWarning: (message: string) => void) {
    this.#credential = credential;
    this.#options = options;
    this.#onWarning = onWarning;
  }

  /** The address that the latest session is on. */
  get server(): ServerAddress | undefined {
    return this.#current;
  }

  /**
   * @param mayMove whether another server will do: not while sessions are open on this one
   * @param signal ends the opening; the run's own where it is left out
   * @throws WsmanError or GssapiError of the one server there is; AgentError RUN_NO_SESSION where there are several
   */
  async open(mayMove: boolean, signal = this.#options.signal): Promise<WsmanSession> {
    const { servers } = this.#credential.connection;
    const current = this.#current;
    const order = current === undefined ? servers : [current, ...servers.filter(({ url }) => url !== current.url)];
    const failures: { readonly url: string; readonly error: WsmanError }[] = [];
    for (const server of mayMove ? order : order.slice(0, 1)) {
      try {
        const session = await this.#openOn(server, { ...this.#options, signal });
        this.#tellMove(failures, server);
        this.#current = server;
        return session;
      } catch (error) {
        const isOthersTurn = error instanceof WsmanError && isOfOneServer(error);
        if (signal.aborted || !isOthersTurn || !mayMove || servers.length === 1) throw error;
        failures.push({ url: server.url, error });
      }
    }
    throw noServer(this.#credential.connection, failures);
  }

  #tellMove(failures: readonly { readonly url: string; readonly error: WsmanError }[], server: ServerAddress): void {
    const isMove = this.#current !== undefined && this.#current.url !== server.url;
    for (const { url, error } of failures) {
      const what = isMove
        ? `the reading, begun over ${this.#current?.url ?? url}, goes on over ${server.url}`
        : `${server.url} was taken instead`;
      this.#onWarning(`${url} could not be used (${error.message}); ${what}`);
    }
  }

  async #openOn(server: ServerAddress, options: OpeningOptions): Promise<WsmanSession> {
    for (;;) {
      const used = await this.#credential.current();
      try {
        return await openSessionOn(used, server, options, this.#credential.authentication(server.url));
      } catch (error) {
        // What counts towards the lockout of the account was looked after where it happened; the account may be another one.
        if (!isCredentialRefused(error) || !(await this.#credential.refused(used, server.url, false))) throw error;
      }
    }
  }
}

/** The failure of all servers; one that asks to wait is told as it is, so that it can be waited for. */
function noServer(
  connection: ConnectionSettings,
  failures: readonly { readonly url: string; readonly error: WsmanError }[],
): Error {
  const throttled = failures
    .filter(({ error }) => error.retryAfterMs !== undefined)
    .sort((left, right) => (left.error.retryAfterMs ?? 0) - (right.error.retryAfterMs ?? 0));
  if (throttled[0] !== undefined) return throttled[0].error;
  const seen = failures.map(({ url, error }) => `${url}: ${error.message}`).join('; ');
  return new AgentError(
    'RUN_NO_SESSION',
    `opening a session for connection ${connection.id}: none of its ${failures.length} servers could be used: ${seen}`,
    {
      recovery: 'retry-after-delay',
      cause: failures.find(({ error }) => isPassing(error))?.error ?? failures[0]?.error,
      mend: `run "exchange-connector check --connection ${connection.id}" to see which step fails`,
    },
  );
}

/** Waits in a row for a server that throttles. */
const mostWaits = 3;
/** A person waits for `discover`, and orders are still as they were: a failure that may pass is tried again so often. */
const mostRetries = 2;

/**
 * Opens one session on the first address of `Server` that answers, and says so when it is not the first one;
 * where the server asks to wait (its budget of runspaces is spent), waits and asks again; where it fails for a reason
 * that may pass, tries again twice.
 * @throws WsmanError or GssapiError of the one server there is; AgentError RUN_NO_SESSION where there are several
 */
export async function openFirstSession(
  credential: RunCredential,
  options: OpeningOptions,
  onWarning: (message: string) => void,
): Promise<OpenedSession> {
  const opener = new SessionOpener(credential, options, onWarning);
  const { signal } = options;
  let retries = 0;
  let wasThere = false;
  for (let waits = 0; ; ) {
    try {
      const session = await opener.open(true);
      return { session, server: opener.server as ServerAddress };
    } catch (error) {
      if (signal.aborted) throw error;
      const refusal = refusalOf(error);
      if (refusal?.kind === 'down' && retries < mostRetries && (wasThere || refusal.isPassing === true)) {
        wasThere = true;
        retries += 1;
        const waitMs = passingWaitMs(retries);
        onWarning(`${triedAgain(waitMs)}: ${error instanceof Error ? error.message : String(error)}`);
        await delay(waitMs, undefined, { signal });
        continue;
      }
      const waitMs = error instanceof WsmanError ? error.retryAfterMs : undefined;
      if (waitMs === undefined || waitMs > longestWaitMs || waits === mostWaits) throw error;
      waits += 1;
      onWarning(
        `the server throttles this account: a session is tried again in ${Math.ceil(waitMs / 1000)} seconds, as the server asks`,
      );
      await delay(waitMs, undefined, { signal });
    }
  }
}

function triedAgain(waitMs: number): string {
  const seconds = waitMs / 1000;
  return `no session could be opened, it is tried again in ${seconds} second${seconds === 1 ? '' : 's'}`;
}
