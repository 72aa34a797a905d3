/*
 * A channel: one connection at a time to the server, authenticated, over which envelopes go one after the
 * other. [MS-WSMV] 2.2.9.1: over plain http bodies are sealed with the security context of the very TCP
 * connection; over https they are plain. A session has two: a Receive may be outstanding on one for a minute
 * while the other sends and signals.
 */
import type { Socket } from 'node:net';
import { untilAborted } from '@exchange-connector/psrp';
import { formatSealedBody, isSealedContentType, parseSealedBody, sealedContentType } from '../codec/sealed-body.ts';
import { soapContentType } from '../codec/names.ts';
import { publishRequest, requestsObserved } from '../diagnostics.ts';
import { WsmanError, type WsmanErrorCode } from '../errors.ts';
import type { WsmanLimits } from '../limits.ts';
import {
  basicAuthorization,
  initiateSecurity,
  type SecuredConnection,
  schemeFacts,
  type WsmanAuthentication,
} from './authentication.ts';
import { ConnectionChanged, HttpConnection, type HttpAnswer, type RequestContext, tlsFacts } from './connection.ts';
import type { CookieStore } from './cookie-store.ts';
import type { Endpoint } from './endpoint.ts';
import type { ServerClock } from './server-clock.ts';
import { type SchemeFacts, unauthorized, unexpectedAnswer } from './refusals.ts';

export interface ChannelOptions {
  readonly name: string;
  readonly endpoint: Endpoint;
  readonly authentication: WsmanAuthentication;
  readonly cookies: CookieStore;
  readonly clock: ServerClock;
  readonly limits: WsmanLimits;
}

/** How a channel is protected; facts for a person. */
export interface ChannelFacts {
  readonly transport: 'http' | 'https';
  readonly scheme: 'Kerberos' | 'Negotiate' | 'Basic';
  /** Bodies are sealed by the security context (plain http with Kerberos or Negotiate). */
  readonly sealed: boolean;
  /** The service principal that proved itself, or the login. */
  readonly identity: string;
  readonly tls: { readonly protocol: string; readonly cipher: string } | undefined;
}

const routingHeaders = ['x-calculatedbetarget', 'x-feserver', 'x-beserver', 'request-id'] as const;

/** Passwords that are tried for one request: each was in force when it was asked for. */
const mostPasswords = 3;
/** What is smaller may stand in memory that others share, and costs little until it is collected. */
const leastGivenBack = 65_536;

export class Channel {
  readonly #options: ChannelOptions;
  readonly #facts: SchemeFacts;
  readonly #seals: boolean;
  readonly #closing = new AbortController();
  #connection: HttpConnection;
  #secured: SecuredConnection | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  /** What was opened last. */
  #opened: Uint8Array | undefined;
  #pending = 0;
  #tls: ChannelFacts['tls'];

  constructor(options: ChannelOptions) {
    this.#options = options;
    this.#facts = schemeFacts(options.authentication, options.endpoint);
    this.#seals = !options.endpoint.secure && options.authentication.scheme !== 'basic';
    this.#connection = new HttpConnection(options.endpoint, options.limits);
  }

  /** Whether an exchange is under way or waiting. */
  get busy(): boolean {
    return this.#pending > 0;
  }

  get facts(): ChannelFacts {
    return {
      transport: this.#options.endpoint.secure ? 'https' : 'http',
      scheme: this.#facts.scheme,
      sealed: this.#seals,
      identity: this.#secured?.context.peer ?? this.#facts.identity,
      tls: this.#tls,
    };
  }

  /**
   * Sends an envelope and gives the one that answers, opened where it was sealed: its bytes are good until the next
   * call. Calls wait for one another.
   * @throws WsmanError; or the signal's reason
   */
  async exchange(envelope: Buffer, context: RequestContext): Promise<Buffer> {
    const signal =
      context.signal === undefined ? this.#closing.signal : AbortSignal.any([context.signal, this.#closing.signal]);
    const mine: RequestContext = { ...context, signal };
    const before = this.#tail;
    this.#pending += 1;
    const run = before.then(() => {
      signal.throwIfAborted();
      return this.#exchangeNow(envelope, mine);
    });
    this.#tail = run.then(
      () => undefined,
      () => undefined,
    );
    try {
      return await untilAborted(run, signal);
    } finally {
      this.#pending -= 1;
    }
  }

  /** Drops the connection; the next exchange makes and authenticates a new one. */
  drop(): void {
    this.#forget();
    this.#connection.close();
    this.#connection = new HttpConnection(this.#options.endpoint, this.#options.limits);
  }

  /** Ends the channel: exchanges under way fail with `reason`. */
  close(reason: unknown): void {
    this.#closing.abort(reason);
    this.#forget();
    this.#connection.close();
  }

  async #exchangeNow(envelope: Buffer, context: RequestContext): Promise<Buffer> {
    if (this.#options.authentication.scheme === 'basic')
      return this.#open(await this.#postBasic(envelope, context), undefined, context);
    // Twice: a connection that was closed while idle is authenticated afresh, as is one whose authentication the server has forgotten.
    for (let attempt = 0; ; attempt += 1) {
      const known = this.#living();
      try {
        const { answer, secured } = await this.#postSecured(envelope, known, context);
        if (answer.status !== 401) return await this.#open(answer, secured, context);
        this.#forget();
        if (known === undefined || attempt > 1)
          throw unauthorized(answer, this.#facts, this.#options.endpoint, context);
      } catch (error) {
        if (!(error instanceof ConnectionChanged)) throw error;
        this.#forget();
        if (attempt > 3)
          throw this.#error(
            'WSMAN_CONNECTION_LOST',
            'the server closes the connection as soon as it is authenticated',
            context,
            error,
          );
      }
    }
  }

  async #postBasic(envelope: Buffer, context: RequestContext): Promise<HttpAnswer> {
    const { authentication } = this.#options;
    if (authentication.scheme !== 'basic') throw new TypeError('not Basic');
    const { login, onRefused } = authentication;
    for (let attempt = 1; ; attempt += 1) {
      const password = await untilAborted(Promise.resolve(authentication.password()), context.signal);
      const authorization = basicAuthorization(login, password);
      const answer = await this.#post(envelope, soapContentType, authorization, undefined, context);
      if (answer.status !== 401 || onRefused === undefined) return answer;
      const isOther = await untilAborted(onRefused(password), context.signal);
      if (!isOther || attempt === mostPasswords) return answer;
    }
  }

  /** One envelope over an authenticated connection, authenticating it first where there is none. */
  async #postSecured(
    envelope: Buffer,
    known: SecuredConnection | undefined,
    context: RequestContext,
  ): Promise<{ readonly answer: HttpAnswer; readonly secured: SecuredConnection }> {
    if (this.#options.endpoint.secure) {
      if (known !== undefined)
        return {
          answer: await this.#post(envelope, soapContentType, undefined, known.socket, context),
          secured: known,
        };
      const { answer, ...secured } = await this.#authenticate(envelope, context);
      return { answer, secured };
    }
    const secured = known ?? (await this.#authenticate(undefined, context));
    const sealed = await untilAborted(secured.context.wrap(envelope), context.signal);
    const protocol = this.#facts.scheme === 'Kerberos' ? 'Kerberos' : 'SPNEGO';
    const body = formatSealedBody({
      protocol,
      header: sealed.header,
      data: sealed.data,
      contentLength: envelope.length + sealed.paddingBytes,
    });
    return { answer: await this.#post(body, sealedContentType(protocol), undefined, secured.socket, context), secured };
  }

  async #authenticate(
    firstEnvelope: Buffer | undefined,
    context: RequestContext,
  ): Promise<SecuredConnection & { readonly answer: HttpAnswer }> {
    const { authentication, endpoint, limits } = this.#options;
    if (authentication.scheme === 'basic') throw new TypeError('Basic needs no tokens');
    const named = firstEnvelope === undefined ? { ...context, operation: 'authenticate', onSent: undefined } : context;
    const post = (authorization: string, onSocket: Socket | undefined) =>
      this.#post(
        firstEnvelope ?? Buffer.alloc(0),
        firstEnvelope === undefined ? undefined : soapContentType,
        authorization,
        onSocket,
        named,
      );
    const secured = await initiateSecurity(
      { authentication, endpoint, timeLimitMs: limits.connectTimeoutMs, post },
      named,
    );
    this.#secured = { socket: secured.socket, context: secured.context };
    secured.socket.once('close', () => {
      secured.context.end();
      if (this.#secured?.socket === secured.socket) this.#secured = undefined;
    });
    return secured;
  }

  async #post(
    body: Buffer,
    contentType: string | undefined,
    authorization: string | undefined,
    onSocket: Socket | undefined,
    context: RequestContext,
  ): Promise<HttpAnswer> {
    const cookie = this.#options.cookies.header();
    const headers: Record<string, string> = {
      ...(contentType === undefined ? {} : { 'Content-Type': contentType }),
      ...(authorization === undefined ? {} : { Authorization: authorization }),
      ...(cookie === undefined ? {} : { Cookie: cookie }),
      // IIS compresses otherwise.
      'Accept-Encoding': 'identity',
      'User-Agent': 'Microsoft WinRM Client',
    };
    const begun = performance.now();
    let answer: HttpAnswer | undefined;
    let failure: unknown;
    try {
      answer = await this.#connection.post({ body, headers, onSocket }, context);
      this.#options.cookies.store(answer.setCookie);
      this.#options.clock.note(answer.headers.date);
      this.#tls ??= tlsFacts(answer.socket);
      return answer;
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      if (requestsObserved()) this.#publish(context, begun, body.length, answer, failure);
    }
  }

  #publish(
    context: RequestContext,
    begun: number,
    requestBytes: number,
    answer: HttpAnswer | undefined,
    failure: unknown,
  ): void {
    const server: Record<string, string> = {};
    for (const name of routingHeaders) {
      const value = answer?.headers[name];
      if (typeof value === 'string') server[name] = value;
    }
    publishRequest({
      operation: context.operation,
      url: this.#options.endpoint.url,
      channel: this.#options.name,
      milliseconds: performance.now() - begun,
      requestBytes,
      responseBytes: answer?.body.length ?? 0,
      status: answer?.status,
      server,
      errorCode: failure instanceof WsmanError ? failure.code : failure === undefined ? undefined : 'cancelled',
    });
  }

  /** The SOAP of an answer. */
  async #open(answer: HttpAnswer, secured: SecuredConnection | undefined, context: RequestContext): Promise<Buffer> {
    const contentType = answer.headers['content-type'] ?? '';
    const encoding = answer.headers['content-encoding'];
    if (encoding !== undefined && encoding.toLowerCase() !== 'identity') {
      throw this.#error(
        'WSMAN_RESPONSE_INVALID',
        `the answer is compressed (${encoding.slice(0, 40)}), though that was declined`,
        context,
      );
    }
    if (isSealedContentType(contentType)) return this.#unseal(answer, secured, context);
    const soap = /^\s*(?:application\/soap\+xml|text\/xml|application\/xml)\b/i.test(contentType);
    if (!soap || answer.status === 401 || answer.body.length === 0)
      throw unexpectedAnswer(answer, this.#facts, this.#options.endpoint, context);
    if (this.#seals) {
      // Anyone on the way could have written it.
      throw this.#error(
        'WSMAN_RESPONSE_INVALID',
        `an answer (HTTP ${answer.status}) that is not sealed, on a connection where all must be`,
        context,
      );
    }
    return /charset\s*=\s*"?utf-16/i.test(contentType)
      ? Buffer.from(new TextDecoder('utf-16le').decode(answer.body), 'utf8')
      : answer.body;
  }

  async #unseal(answer: HttpAnswer, secured: SecuredConnection | undefined, context: RequestContext): Promise<Buffer> {
    if (secured === undefined || secured.socket !== answer.socket) {
      throw this.#error(
        'WSMAN_RESPONSE_INVALID',
        'a sealed answer on a connection without a security context',
        context,
      );
    }
    this.#giveBack();
    try {
      const sealed = parseSealedBody(answer.body);
      const plain = await untilAborted(secured.context.unwrap(sealed.header, sealed.data), context.signal);
      if (plain.length > sealed.contentLength || sealed.contentLength - plain.length > 16) {
        throw new WsmanError(
          'WSMAN_ENVELOPE_INVALID',
          `${plain.length} bytes came out where ${sealed.contentLength} were declared`,
        );
      }
      this.#opened = plain;
      return Buffer.isBuffer(plain) ? plain : Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
    } catch (error) {
      if (context.signal?.aborted === true && error === context.signal.reason) throw error;
      // The sequence of tokens is out of step now: the context is of no more use.
      this.drop();
      throw this.#error(
        'WSMAN_RESPONSE_INVALID',
        `the sealed answer cannot be opened: ${error instanceof Error ? error.message : String(error)}`,
        context,
        error,
      );
    }
  }

  /** Half a megabyte for each answer, left to the collector, would be most of what the process holds. */
  #giveBack(): void {
    const opened = this.#opened;
    this.#opened = undefined;
    if (opened === undefined || opened.byteLength < leastGivenBack) return;
    if (opened.buffer instanceof ArrayBuffer) opened.buffer.transfer(0);
  }

  /** The authenticated connection, where it still stands. */
  #living(): SecuredConnection | undefined {
    const secured = this.#secured;
    if (secured !== undefined && (secured.socket.destroyed || !secured.socket.writable)) this.#forget();
    return this.#secured;
  }

  #forget(): void {
    const secured = this.#secured;
    this.#secured = undefined;
    if (secured !== undefined) {
      secured.context.end();
      secured.socket.destroy();
    }
  }

  #error(code: WsmanErrorCode, what: string, context: RequestContext, cause?: unknown): WsmanError {
    const { url } = this.#options.endpoint;
    return new WsmanError(code, `${context.operation} at ${url}: ${what}`, {
      cause,
      phase: context.phase,
      operation: context.operation,
      url,
      recovery: 'reopen-session',
    });
  }
}
