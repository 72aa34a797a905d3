/*
 * Opening a session: Create with the first PSRP messages, then Receive until the pool is open.
 * [MS-PSRP] 3.1.4.1 (client opens a runspace pool).
 *
 *   Create(SESSION_CAPABILITY ‖ INIT_RUNSPACEPOOL) ─► ShellId
 *   Receive(pool) ─► SESSION_CAPABILITY, APPLICATION_PRIVATE_DATA ─► Receive(pool) ─► RUNSPACEPOOL_STATE Opened
 */
import { randomUUID } from 'node:crypto';
import { type ClientEvent, ClientRunspacePool, type Guid, PsrpError } from '@exchange-connector/psrp';
import { resourceUriPrefix } from '../codec/names.ts';
import type { ResponseBody } from '../codec/response.ts';
import { WsmanError } from '../errors.ts';
import { checkAuthentication } from '../http/authentication.ts';
import { Channel } from '../http/channel.ts';
import { CookieStore } from '../http/cookie-store.ts';
import { type Endpoint, parseEndpoint } from '../http/endpoint.ts';
import { ServerClock } from '../http/server-clock.ts';
import { defaultWsmanLimits, type WsmanLimits } from '../limits.ts';
import { nodeSessionKey } from '../node-session-key.ts';
import { committed, isOutcomeOpen } from './committed.ts';
import { ContinuityWatch } from './continuity.ts';
import type { WsmanSessionOptions } from './options.ts';
import { poolBroken, protocolViolation } from './pool-errors.ts';
import { redirectTarget } from './redirect.ts';
import { ShellSession, type WsmanSession } from './session.ts';
import { deleteShell, type SessionParts, sendAll } from './shell-parts.ts';
import { type OperationOptions, ShellClient } from './shell-client.ts';

/** Redirections followed at most. */
const maxRedirects = 5;

/**
 * Opens a session. Nothing is left on the server when it fails or is cancelled: what was created by then is
 * deleted, within `limits.closeTimeoutMs`.
 * @throws WsmanError with `phase` `connect` or `open`; the signal's reason
 */
export async function openWsmanSession(options: WsmanSessionOptions): Promise<WsmanSession> {
  options.signal?.throwIfAborted();
  let endpoint = parseEndpoint(options);
  checkAuthentication(options.authentication, endpoint);
  const limits = resolveLimits(options);
  for (let redirects = 0; ; redirects += 1) {
    try {
      return await openAt(endpoint, options, limits);
    } catch (error) {
      const location = error instanceof WsmanError ? error.redirectLocation : undefined;
      if (location === undefined || redirects >= maxRedirects) throw error;
      endpoint = redirectTarget(location, endpoint, options.authentication, error);
    }
  }
}

function resolveLimits(options: WsmanSessionOptions): WsmanLimits {
  const given = Object.fromEntries(Object.entries(options.limits ?? {}).filter(([, value]) => value !== undefined));
  return {
    ...defaultWsmanLimits,
    ...given,
    ...(options.connectTimeoutMs === undefined ? {} : { connectTimeoutMs: options.connectTimeoutMs }),
  };
}

async function openAt(endpoint: Endpoint, options: WsmanSessionOptions, limits: WsmanLimits): Promise<WsmanSession> {
  const { authentication } = options;
  const cookies = new CookieStore();
  const clock = new ServerClock();
  const main = new Channel({ name: 'main', endpoint, authentication, cookies, clock, limits });
  const control = new Channel({ name: 'control', endpoint, authentication, cookies, clock, limits });
  const client = new ShellClient({
    url: endpoint.url,
    resourceUri: `${resourceUriPrefix}${options.configurationName ?? 'Microsoft.Exchange'}`,
    operationTimeoutMs: options.operationTimeoutMs ?? 60_000,
    limits,
  });
  const pool = new ClientRunspacePool({
    id: randomUUID() as Guid,
    protocolVersion: options.protocolVersion ?? '2.3',
    sessionKey: options.sessionKey ?? nodeSessionKey,
    keyExchange: options.keyExchange ?? 'on-demand',
  });
  const parts = {
    client,
    pool,
    main,
    control,
    url: endpoint.url,
    limits,
    continuity: new ContinuityWatch(),
    onShell: options.onShell ?? (() => {}),
    cookies,
    clock,
  };
  try {
    return await openShell(parts, options);
  } catch (error) {
    main.close(error);
    control.close(error);
    throw error;
  }
}

type ShellParts = Omit<SessionParts, 'shellId' | 'idleTimeoutMs'> & { readonly cookies: CookieStore };

async function openShell(parts: ShellParts, options: WsmanSessionOptions): Promise<WsmanSession> {
  const { limits, main, control, client, url, onShell } = parts;
  const created = await createShell(parts, options);
  const { shellId } = created;
  try {
    const session = { ...parts, shellId, idleTimeoutMs: created.shell?.idleTimeoutMs };
    onShell({
      kind: 'created',
      proposedId: parts.pool.id.toUpperCase(),
      shellId,
      url,
      cookies: parts.cookies.header(),
    });
    await awaitOpened(session, options);
    return new ShellSession(session);
  } catch (error) {
    if (await deleteShell(client, shellId, main.busy ? [control, main] : [main, control], limits))
      onShell({ kind: 'gone', shellId });
    throw error;
  }
}

/** Create. What is open afterwards is undone, or stays noted. */
async function createShell(
  parts: ShellParts,
  options: WsmanSessionOptions,
): Promise<Extract<ResponseBody, { kind: 'created' }>> {
  const { client, pool, limits, main, control, url, onShell } = parts;
  pool.open();
  const body = {
    kind: 'create',
    shellId: pool.id.toUpperCase(),
    protocolVersion: options.protocolVersion ?? '2.3',
    idleTimeoutMs: options.idleTimeoutMs,
    creation: new Uint8Array(0),
  } as const;
  const creation = pool.takeOutgoing('pool', client.capacity(body)) ?? new Uint8Array(0);
  const proposedId = body.shellId;
  let sent = false;
  let undone: boolean | undefined;
  onShell({ kind: 'creating', shellId: proposedId, url });
  try {
    return await committed(
      (once) => {
        const onSent = (): void => {
          sent = true;
          once.onSent();
        };
        return client.perform({ ...body, creation }, { channel: main, phase: 'open', signal: once.signal, onSent });
      },
      options.signal,
      limits.closeTimeoutMs,
      {
        undo: async ({ shellId }) => {
          undone = await deleteShell(client, shellId, [main, control], limits);
          if (!undone) onShell({ kind: 'created', proposedId, shellId, url, cookies: parts.cookies.header() });
        },
        // The server may have taken the id that was proposed to it.
        outcomeUnknown: async () => {
          undone = await deleteShell(client, proposedId, [control], limits);
        },
      },
    );
  } catch (error) {
    const isOpen = sent && (options.signal?.aborted === true || isOutcomeOpen(error));
    if (undone ?? !isOpen) onShell({ kind: 'gone', shellId: proposedId });
    throw error;
  }
}

/** Receive until the pool is open, and, where asked for, until the session key is there. */
async function awaitOpened(session: SessionParts, options: WsmanSessionOptions): Promise<void> {
  const { client, pool, main, shellId, url, limits } = session;
  const tooLong = AbortSignal.timeout(limits.openTimeoutMs);
  const signal = options.signal === undefined ? tooLong : AbortSignal.any([options.signal, tooLong]);
  const on: OperationOptions = { channel: main, phase: 'open', signal };
  const waiting = { opened: false, key: options.keyExchange === 'at-open', keySent: false };
  try {
    while (!waiting.opened || waiting.key) {
      await sendAll(pool, 'pool', client, shellId, undefined, on);
      const received = await client.receive(shellId, undefined, on);
      if (received.kind === 'quiet') continue;
      for (const stream of received.streams) {
        session.continuity.check(stream.data);
        for (const event of pool.receive('pool', stream.data)) apply(event, client, url, waiting);
      }
      // From 2.4 on there is no key to exchange.
      if (waiting.opened && !pool.hasOutgoing('pool') && !waiting.keySent) waiting.key = false;
      waiting.keySent = waiting.opened;
      if (received.commandState?.state === 'Done' && !waiting.opened) {
        throw new WsmanError('WSMAN_POOL_BROKEN', `the server closed the session at ${url} while it was being opened`, {
          url,
          phase: 'open',
          operation: 'Receive',
        });
      }
    }
  } catch (error) {
    if (error === tooLong.reason) {
      throw new WsmanError(
        'WSMAN_TIMED_OUT',
        `opening a session at ${url}: the shell was created but did not open within ${limits.openTimeoutMs / 1000} s`,
        {
          url,
          phase: 'open',
          operation: 'Receive',
          recovery: 'reopen-session',
        },
      );
    }
    throw error;
  }
}

function apply(event: ClientEvent, client: ShellClient, url: string, waiting: { opened: boolean; key: boolean }): void {
  switch (event.kind) {
    case 'poolNegotiated':
      client.negotiated(event.protocolVersion);
      return;
    case 'poolOpened':
      waiting.opened = true;
      return;
    case 'sessionKeyEstablished':
      waiting.key = false;
      return;
    case 'poolBroken':
      throw poolBroken(event.error, url, 'open');
    case 'protocolViolation':
      throw event.error instanceof PsrpError ? protocolViolation(event.error, url, 'open') : event.error;
    case 'poolClosed':
      throw new WsmanError('WSMAN_POOL_BROKEN', `the server closed the session at ${url} while it was being opened`, {
        url,
        phase: 'open',
      });
    default:
  }
}
