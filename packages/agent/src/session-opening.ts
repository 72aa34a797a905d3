import { setTimeout as delay } from 'node:timers/promises';
import type { ConnectionSettings, ServerAddress } from '@exchange-connector/config';
import {
  openWsmanSession,
  WsmanError,
  type WsmanErrorCode,
  type WsmanLimits,
  type WsmanSession,
} from '@exchange-connector/wsman';
import { AgentError } from './errors.ts';
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
}

/** Opens a session on one address. */
export function openSessionOn(
  connection: ConnectionSettings,
  server: ServerAddress,
  options: OpeningOptions,
): Promise<WsmanSession> {
  const caPem = caPemOf(connection);
  return openWsmanSession({
    url: server.url,
    authentication: authenticationOf(connection),
    operationTimeoutMs: connection.operationTimeoutMs,
    signal: options.signal,
    limits: options.limits,
    ...(connection.connectAddress === undefined ? {} : { connectAddress: connection.connectAddress }),
    ...(caPem === undefined ? {} : { caPem }),
  });
}

/** A server that throttles says how long to wait; one that asks for longer is not waited for. */
const longestWaitMs = 300_000;
const mostWaits = 3;

/** Opens a session on one address; where the server asks to wait (its budget of runspaces is spent), waits and asks again. */
async function openWithPatience(
  connection: ConnectionSettings,
  server: ServerAddress,
  options: OpeningOptions,
  onWarning: (message: string) => void,
): Promise<WsmanSession> {
  for (let waits = 0; ; waits += 1) {
    try {
      return await openSessionOn(connection, server, options);
    } catch (error) {
      const waitMs =
        error instanceof WsmanError && error.recovery === 'retry-after-delay' ? error.retryAfterMs : undefined;
      if (waitMs === undefined || waitMs > longestWaitMs || waits === mostWaits) throw error;
      onWarning(
        `${server.url} throttles this account: a session is tried again in ${Math.ceil(waitMs / 1000)} seconds, as the server asks`,
      );
      await delay(waitMs, undefined, { signal: options.signal });
    }
  }
}

/**
 * Opens a session on the first address of `Server` that answers, and says so when it is not the first one.
 * @throws WsmanError or GssapiError of the one server there is; AgentError RUN_NO_SESSION where there are several
 */
export async function openFirstSession(
  connection: ConnectionSettings,
  options: OpeningOptions,
  onWarning: (message: string) => void,
): Promise<OpenedSession> {
  const failures: { readonly url: string; readonly error: WsmanError }[] = [];
  for (const server of connection.servers) {
    try {
      const session = await openWithPatience(connection, server, options, onWarning);
      for (const { url, error } of failures) {
        onWarning(`${url} could not be used (${error.message}); ${server.url} was taken instead`);
      }
      return { session, server };
    } catch (error) {
      const isOfOneServer = error instanceof WsmanError && ofOneServer.has(error.code);
      if (options.signal.aborted || !isOfOneServer || connection.servers.length === 1) throw error;
      failures.push({ url: server.url, error });
    }
  }
  const seen = failures.map(({ url, error }) => `${url}: ${error.message}`).join('; ');
  throw new AgentError(
    'RUN_NO_SESSION',
    `opening a session for connection ${connection.id}: none of its ${failures.length} servers could be used: ${seen}`,
    {
      recovery: 'retry-after-delay',
      mend: `run "exchange-connector check --connection ${connection.id}" to see which step fails`,
    },
  );
}
