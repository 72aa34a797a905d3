/*
 * Who the client is, and the steps by which a TCP connection comes to know it. RFC 4559 (Negotiate; Kerberos
 * alike with bare tokens), RFC 7617 (Basic), [MS-WSMV] 3.1.4.1.
 */
import type { Socket } from 'node:net';
import { untilAborted } from '@exchange-connector/psrp';
import type { InitiatorCredential, SecurityContext, SecurityMechanism } from '@exchange-connector/gssapi';
import { WsmanError } from '../errors.ts';
import type { HttpAnswer, RequestContext } from './connection.ts';
import type { Endpoint } from './endpoint.ts';
import { answeredToken, type SchemeFacts, unauthorized, unexpectedAnswer } from './refusals.ts';

/** How to authenticate. */
export type WsmanAuthentication =
  | {
      readonly scheme: 'kerberos' | 'negotiate';
      readonly mechanism: SecurityMechanism;
      readonly credential: InitiatorCredential;
      /** Default `HTTP/<host of the URL>`. */
      readonly servicePrincipal?: string | undefined;
    }
  | {
      readonly scheme: 'basic';
      readonly login: string;
      /** Asked for each request, which waits for it; never kept. */
      readonly password: () => string | Promise<string>;
      /**
       * Told of the password that the server refused. Whether there is another one, with which the same request is sent
       * once more: the server has not looked into it.
       */
      readonly onRefused?: ((password: string) => Promise<boolean>) | undefined;
      /** Allows Basic over plain http, where anyone on the way reads the password. */
      readonly allowUnencrypted?: boolean | undefined;
    };

/** The facts of a scheme for messages. */
export function schemeFacts(authentication: WsmanAuthentication, endpoint: Endpoint): SchemeFacts {
  if (authentication.scheme === 'basic') return { scheme: 'Basic', identity: authentication.login };
  return {
    scheme: authentication.scheme === 'kerberos' ? 'Kerberos' : 'Negotiate',
    identity: authentication.servicePrincipal ?? `HTTP/${endpoint.host}`,
  };
}

/** The Authorization header of Basic, as UTF-8. */
export function basicAuthorization(login: string, password: string): string {
  return `Basic ${Buffer.from(`${login}:${password}`, 'utf8').toString('base64')}`;
}

/** Refuses what must not be tried, before anything is contacted. */
export function checkAuthentication(authentication: WsmanAuthentication, endpoint: Endpoint): void {
  if (authentication.scheme !== 'basic') return;
  const invalid = (message: string) =>
    new WsmanError('WSMAN_OPTION_INVALID', message, { phase: 'connect', url: endpoint.url });
  if (!endpoint.secure && authentication.allowUnencrypted !== true) {
    throw invalid(
      `Basic over plain http to ${endpoint.url} would show the password to anyone on the way: use https, or allow it outright`,
    );
  }
  if (authentication.login === '' || authentication.login.includes(':'))
    throw invalid('a login for Basic must not be empty nor hold a colon');
}

/** A connection that has been authenticated by a security mechanism. */
export interface SecuredConnection {
  readonly socket: Socket;
  readonly context: SecurityContext;
}

/** What {@link initiateSecurity} needs of its channel. */
export interface Initiation {
  readonly authentication: Extract<WsmanAuthentication, { scheme: 'kerberos' | 'negotiate' }>;
  readonly endpoint: Endpoint;
  readonly timeLimitMs: number;
  /** Posts with this Authorization header, over the given socket where one is given. */
  readonly post: (authorization: string, onSocket: Socket | undefined) => Promise<HttpAnswer>;
}

const maxLegs = 6;

/**
 * Exchanges tokens until the context is complete. What `post` carries besides the token is its own affair:
 * nothing on plain http, the first envelope on https.
 */
export async function initiateSecurity(
  initiation: Initiation,
  context: RequestContext,
): Promise<SecuredConnection & { readonly answer: HttpAnswer }> {
  const { authentication, endpoint } = initiation;
  const facts = schemeFacts(authentication, endpoint);
  const security = authentication.mechanism.initiate({
    target: facts.identity,
    scheme: authentication.scheme,
    credential: authentication.credential,
    timeLimitMs: initiation.timeLimitMs,
  });
  try {
    return await exchangeTokens(initiation, security, facts, context);
  } catch (error) {
    security.end();
    throw error;
  }
}

async function exchangeTokens(
  initiation: Initiation,
  security: SecurityContext,
  facts: SchemeFacts,
  context: RequestContext,
): Promise<SecuredConnection & { readonly answer: HttpAnswer }> {
  const { endpoint } = initiation;
  let token = await step(security, undefined, facts, endpoint, context);
  let socket: Socket | undefined;
  for (let leg = 0; leg < maxLegs; leg += 1) {
    if (token === undefined) throw refused(facts, endpoint, context, 'the security library gave no token to send');
    const answer = await initiation.post(`${facts.scheme} ${Buffer.from(token).toString('base64')}`, socket);
    socket = answer.socket;
    const incoming = answeredToken(answer, facts.scheme);
    if (incoming !== undefined && !security.complete) token = await step(security, incoming, facts, endpoint, context);
    else token = undefined;
    if (answer.status === 401) {
      // A token with the 401 is the next leg, or the server's reason, which step() has then thrown.
      if (token === undefined) throw unauthorized(answer, facts, endpoint, context);
      continue;
    }
    if (security.complete) return { socket, context: security, answer };
    // TLS has proved the server already; a front end that ends TLS itself may keep the token back.
    if (endpoint.secure && incoming === undefined) return { socket, context: security, answer };
    if (answer.status >= 400) throw unexpectedAnswer(answer, facts, endpoint, context);
    throw refused(
      facts,
      endpoint,
      context,
      'the server let us in but did not prove that it is the service asked for (no mutual authentication)',
    );
  }
  throw refused(facts, endpoint, context, `no end after ${maxLegs} tokens`);
}

async function step(
  security: SecurityContext,
  token: Uint8Array | undefined,
  facts: SchemeFacts,
  endpoint: Endpoint,
  context: RequestContext,
): Promise<Uint8Array | undefined> {
  try {
    return await untilAborted(security.step(token), context.signal);
  } catch (error) {
    if (context.signal?.aborted === true && error === context.signal.reason) throw error;
    throw refused(facts, endpoint, context, error instanceof Error ? error.message : String(error), error);
  }
}

function refused(
  facts: SchemeFacts,
  endpoint: Endpoint,
  context: RequestContext,
  what: string,
  cause?: unknown,
): WsmanError {
  return new WsmanError(
    'WSMAN_AUTHENTICATION_REFUSED',
    `${facts.scheme} for ${facts.identity} at ${endpoint.url}: ${what}`,
    {
      cause,
      phase: context.phase === 'open' ? 'connect' : context.phase,
      operation: context.operation,
      url: endpoint.url,
    },
  );
}
