/*
 * One keep-alive connection at a time to one endpoint: POST, and the whole answer. Every wait has its limit
 * and can be cancelled. The security context of a channel belongs to the TCP connection, so that the socket
 * is part of what is told: a caller can ask that a request goes over the very socket it authenticated.
 */
import { Agent as HttpAgent, type IncomingMessage, request as httpRequest, type RequestOptions } from 'node:http';
import { type AgentOptions, Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { isIP, type Socket } from 'node:net';
import { checkServerIdentity, type PeerCertificate, type TLSSocket } from 'node:tls';
import { WsmanError, type WsmanErrorCode, type WsmanErrorDetails, type WsmanPhase } from '../errors.ts';
import type { WsmanLimits } from '../limits.ts';
import { explainConnectError } from './connect-errors.ts';
import type { Endpoint } from './endpoint.ts';
import { explainTlsError, type TlsRefusal } from './tls-refusal.ts';

/** What is being done, for messages. */
export interface RequestContext {
  readonly operation: string;
  readonly phase: WsmanPhase;
  /** How long the answer may take to begin. */
  readonly answerTimeoutMs: number;
  readonly signal: AbortSignal | undefined;
  /** Told when the request goes out over an open connection. */
  readonly onSent?: (() => void) | undefined;
}

export interface PostRequest {
  readonly body: Buffer;
  readonly headers: Readonly<Record<string, string>>;
  /** Send only over this socket; where it is gone, the request fails with {@link ConnectionChanged} and nothing was sent. */
  readonly onSocket?: Socket | undefined;
}

export interface HttpAnswer {
  readonly status: number;
  readonly statusText: string;
  readonly headers: IncomingMessage['headers'];
  readonly setCookie: readonly string[] | undefined;
  /** Good until the next request of the connection: its memory is used again. */
  readonly body: Buffer;
  readonly socket: Socket;
}

/** The authenticated socket was closed before the request went out; nothing was sent. */
export class ConnectionChanged extends Error {}

type Stage = 'connect' | 'answer' | 'body';

export class HttpConnection {
  readonly #endpoint: Endpoint;
  readonly #limits: WsmanLimits;
  readonly #agent: HttpAgent | HttpsAgent;
  readonly #room = new AnswerRoom();

  constructor(endpoint: Endpoint, limits: WsmanLimits) {
    this.#endpoint = endpoint;
    this.#limits = limits;
    const keep = {
      keepAlive: true,
      maxSockets: 1,
      maxFreeSockets: 1,
      keepAliveMsecs: 30_000,
      autoSelectFamilyAttemptTimeout: limits.addressTimeoutMs,
    };
    this.#agent = endpoint.secure ? new HttpsAgent({ ...keep, ...tlsOptions(endpoint) }) : new HttpAgent(keep);
  }

  /** Sends one request and collects the answer. Requests of one connection must not overlap. */
  post(request: PostRequest, context: RequestContext): Promise<HttpAnswer> {
    const { signal } = context;
    if (signal?.aborted === true) return Promise.reject(signal.reason);
    return new Promise((resolve, reject) => {
      const exchange = new Exchange(this.#endpoint, this.#limits, context, request, this.#room, resolve, reject);
      exchange.start(this.#requestOptions(request));
    });
  }

  /** Closes what is open; a request under way fails. */
  close(): void {
    this.#agent.destroy();
  }

  #requestOptions(request: PostRequest): RequestOptions {
    const { hostHeader, dialHost, dialPort, path } = this.#endpoint;
    return {
      agent: this.#agent,
      host: dialHost,
      port: dialPort,
      path,
      method: 'POST',
      setDefaultHeaders: false,
      maxHeaderSize: 64 * 1024,
      headers: {
        Host: hostHeader,
        Connection: 'Keep-Alive',
        ...request.headers,
        'Content-Length': String(request.body.length),
      },
    };
  }
}

/** TLS as the agent is to make it: a check given with each request would keep Node from using a connection again. */
function tlsOptions(endpoint: Endpoint): AgentOptions {
  const { host, caPem } = endpoint;
  return {
    servername: isIP(host) === 0 ? host : '',
    // Named outright, so that NODE_TLS_REJECT_UNAUTHORIZED cannot switch it off.
    rejectUnauthorized: true,
    // The name asked for, not the address dialled.
    checkServerIdentity: (_name, certificate) => checkServerIdentity(host, certificate),
    ...(caPem === undefined ? {} : { ca: caPem }),
  };
}

/**
 * The bytes of an answer, in memory that is used again for the next one: half a megabyte allocated and thrown
 * away for each answer would cost more in garbage than reading it does.
 */
class AnswerRoom {
  #bytes: Buffer = Buffer.alloc(0);

  /** Copies a chunk behind `length` bytes; gives the new length. */
  append(chunk: Buffer, length: number, declared: number): number {
    const needed = length + chunk.length;
    if (needed > this.#bytes.length) {
      const grown = Buffer.allocUnsafeSlow(
        Math.max(needed, declared, Math.min(this.#bytes.length * 2, needed + 1_048_576), 4096),
      );
      this.#bytes.copy(grown, 0, 0, length);
      this.#bytes = grown;
    }
    chunk.copy(this.#bytes, length);
    return needed;
  }

  view(length: number): Buffer {
    return this.#bytes.subarray(0, length);
  }
}

/** One request with its answer; the stages and their clocks. */
class Exchange {
  readonly #endpoint: Endpoint;
  readonly #limits: WsmanLimits;
  readonly #context: RequestContext;
  readonly #request: PostRequest;
  readonly #room: AnswerRoom;
  readonly #resolve: (answer: HttpAnswer) => void;
  readonly #reject: (error: unknown) => void;
  #stage: Stage = 'connect';
  #tlsBegun = false;
  /** The server's certificate, as it was before it was judged. */
  #certificate: PeerCertificate | undefined;
  #clock: NodeJS.Timeout | undefined;
  #bodyClock: NodeJS.Timeout | undefined;
  #settled = false;
  #destroy: () => void = () => undefined;
  readonly #onAbort = () => this.#fail(this.#context.signal?.reason);

  constructor(
    endpoint: Endpoint,
    limits: WsmanLimits,
    context: RequestContext,
    request: PostRequest,
    room: AnswerRoom,
    resolve: (answer: HttpAnswer) => void,
    reject: (error: unknown) => void,
  ) {
    this.#endpoint = endpoint;
    this.#limits = limits;
    this.#context = context;
    this.#request = request;
    this.#room = room;
    this.#resolve = resolve;
    this.#reject = reject;
  }

  start(options: RequestOptions): void {
    this.#context.signal?.addEventListener('abort', this.#onAbort, { once: true });
    this.#setClock(this.#limits.connectTimeoutMs);
    const outgoing = this.#endpoint.secure ? httpsRequest(options) : httpRequest(options);
    this.#destroy = () => outgoing.destroy();
    outgoing.once('socket', (socket: Socket) => this.#onSocket(socket, outgoing.reusedSocket));
    outgoing.once('response', (response: IncomingMessage) => this.#onResponse(response));
    outgoing.on('error', (error: NodeJS.ErrnoException) => this.#fail(this.#explain(error)));
    outgoing.once('close', () => this.#fail(this.#lost('the connection was closed before an answer came')));
    outgoing.end(this.#request.body);
  }

  #onSocket(socket: Socket, reused: boolean): void {
    const wanted = this.#request.onSocket;
    if (wanted !== undefined && socket !== wanted) {
      this.#fail(new ConnectionChanged());
      return;
    }
    if (reused || !socket.connecting) {
      this.#beginAnswer();
      return;
    }
    if (this.#endpoint.secure) {
      socket.once('connect', () => {
        this.#tlsBegun = true;
      });
      // Before Node's own listener, which destroys a socket whose certificate does not pass.
      socket.prependOnceListener('secure', () => {
        this.#certificate = (socket as TLSSocket).getPeerCertificate();
      });
      socket.once('secureConnect', () => this.#beginAnswer());
    } else socket.once('connect', () => this.#beginAnswer());
  }

  #beginAnswer(): void {
    if (this.#settled) return;
    this.#stage = 'answer';
    this.#context.onSent?.();
    this.#setClock(this.#context.answerTimeoutMs);
  }

  #onResponse(response: IncomingMessage): void {
    this.#stage = 'body';
    this.#setClock(this.#limits.stallTimeoutMs);
    this.#bodyClock = setTimeout(
      () => this.#timedOut(`its body did not end within ${seconds(this.#limits.bodyTimeoutMs)}`),
      this.#limits.bodyTimeoutMs,
    );
    const { socket } = response;
    const body = this.#room;
    let length = 0;
    const declared = Number(response.headers['content-length'] ?? 0);
    if (declared > this.#limits.maxResponseBytes) {
      this.#fail(this.#tooLong(declared));
      return;
    }
    response.on('data', (chunk: Buffer) => {
      this.#clock?.refresh();
      if (length + chunk.length > this.#limits.maxResponseBytes) this.#fail(this.#tooLong(length + chunk.length));
      else length = body.append(chunk, length, declared);
    });
    response.once('error', (error: NodeJS.ErrnoException) => this.#fail(this.#explain(error)));
    response.once('aborted', () =>
      this.#fail(this.#lost(`the answer (HTTP ${response.statusCode}) was cut off after ${length} bytes`)),
    );
    response.once('end', () => {
      if (!response.complete) {
        this.#fail(this.#lost(`the answer (HTTP ${response.statusCode}) was cut off after ${length} bytes`));
        return;
      }
      this.#finish(() =>
        this.#resolve({
          status: response.statusCode ?? 0,
          statusText: response.statusMessage ?? '',
          headers: response.headers,
          setCookie: response.headers['set-cookie'],
          body: body.view(length),
          socket,
        }),
      );
    });
  }

  #setClock(milliseconds: number): void {
    clearTimeout(this.#clock);
    this.#clock = setTimeout(() => this.#timedOut(), milliseconds);
  }

  #timedOut(what?: string): void {
    const { connectTimeoutMs, stallTimeoutMs } = this.#limits;
    if (what !== undefined)
      this.#fail(this.#error('WSMAN_TIMED_OUT', `an answer came, but ${what}`, { recovery: 'reopen-session' }));
    else if (this.#stage === 'connect') {
      const stage = this.#tlsBegun ? 'connected, but TLS did not come about' : 'no connection';
      this.#fail(
        this.#error(
          'WSMAN_CONNECT_FAILED',
          `${stage} within ${seconds(connectTimeoutMs)}: check the address, the port and firewalls between`,
          {
            recovery: 'ask-again',
            connecting: true,
          },
        ),
      );
    } else if (this.#stage === 'answer') {
      this.#fail(
        this.#error('WSMAN_TIMED_OUT', `connected, but no answer within ${seconds(this.#context.answerTimeoutMs)}`, {
          recovery: 'reopen-session',
        }),
      );
    } else
      this.#fail(
        this.#error('WSMAN_TIMED_OUT', `the answer stopped half-way: nothing for ${seconds(stallTimeoutMs)}`, {
          recovery: 'reopen-session',
        }),
      );
  }

  #explain(error: NodeJS.ErrnoException): WsmanError {
    const code = error.code ?? '';
    if (this.#stage === 'connect') {
      const tls = this.#explainTls(error);
      if (tls !== undefined)
        return this.#error('WSMAN_TLS_REFUSED', tls.seen, { cause: error, connecting: true, tlsRefusal: tls });
      const recovery = code === 'ENOTFOUND' ? 'none' : 'ask-again';
      return this.#error('WSMAN_CONNECT_FAILED', explainConnectError(error, this.#endpoint), {
        cause: error,
        recovery,
        connecting: true,
      });
    }
    if (code.startsWith('HPE_')) {
      return this.#error(
        'WSMAN_RESPONSE_INVALID',
        `the answer is not HTTP (${error.message}): something else listens there`,
        { cause: error, recovery: 'reopen-session' },
      );
    }
    return this.#lost(
      `the connection was cut ${this.#stage === 'body' ? 'inside the answer' : 'before an answer came'} (${code || error.message})`,
      error,
    );
  }

  #explainTls(error: Error): TlsRefusal | undefined {
    const { secure, host, caPem } = this.#endpoint;
    if (!secure) return undefined;
    return explainTlsError(error, {
      host,
      hasPrivateCa: caPem !== undefined,
      begun: this.#tlsBegun,
      certificate: this.#certificate,
    });
  }

  #tooLong(length: number): WsmanError {
    return this.#error(
      'WSMAN_LIMIT_EXCEEDED',
      `an answer of ${length} bytes, where at most ${this.#limits.maxResponseBytes} are allowed`,
      { recovery: 'reopen-session' },
    );
  }

  #lost(what: string, cause?: unknown): WsmanError {
    return this.#error('WSMAN_CONNECTION_LOST', what, { cause, recovery: 'reopen-session' });
  }

  #error(
    code: WsmanErrorCode,
    what: string,
    details: WsmanErrorDetails & { readonly connecting?: boolean },
  ): WsmanError {
    const { operation, phase } = this.#context;
    const { url } = this.#endpoint;
    const atPhase = details.connecting === true && phase === 'open' ? 'connect' : phase;
    return new WsmanError(code, `${operation} at ${url}: ${what}`, { ...details, phase: atPhase, operation, url });
  }

  #fail(error: unknown): void {
    this.#finish(() => {
      this.#destroy();
      this.#reject(error);
    });
  }

  #finish(then: () => void): void {
    if (this.#settled) return;
    this.#settled = true;
    clearTimeout(this.#clock);
    clearTimeout(this.#bodyClock);
    this.#context.signal?.removeEventListener('abort', this.#onAbort);
    then();
  }
}

function seconds(milliseconds: number): string {
  return `${Number((milliseconds / 1000).toFixed(1))} s`;
}

/** The protocol and cipher of a TLS connection, for the facts of a session. */
export function tlsFacts(socket: Socket): { readonly protocol: string; readonly cipher: string } | undefined {
  const tls = socket as TLSSocket;
  if (tls.encrypted !== true) return undefined;
  return { protocol: tls.getProtocol() ?? '', cipher: tls.getCipher()?.name ?? '' };
}
