/*
 * The HTTP layer: paths and methods as IIS refuses them, authentication, sealed bodies on plain connections,
 * SOAP in and out. Nothing that a client sends ends the process; at most it ends its own connection.
 */
import {
  formatResponse,
  formatSealedBody,
  isSealedContentType,
  type ParsedRequest,
  parseRequest,
  parseSealedBody,
  type ResponseBody,
  sealedContentType,
  soapContentType,
  WsmanError,
} from '@exchange-connector/wsman/codec';
import { randomUUID } from 'node:crypto';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Socket } from 'node:net';
import { gzipSync } from 'node:zlib';
import type { LogLine } from '../log.ts';
import type { Authentication, Authenticator } from './authentication.ts';
import type { MessageKind } from '../faults/fault-script.ts';
import type { Faults } from '../faults/faults.ts';
import { envelopeInvalid, envelopeTooLarge, internalError, type ServiceFault } from './faults.ts';
import { MessageFaults } from './message-faults.ts';
import { htmlPage, type Outgoing, sendWhole } from './outgoing.ts';
import type { Service, ServiceAnswer } from './service.ts';
import { affinityCookie, formatCookie, type ShellRegistry } from './shell-registry.ts';

/** What the service takes as one envelope, sealed or not, and the most that is read of any body. */
const maxEnvelopeBytes = 512_000;
const maxBodyBytes = 1_048_576;
/** Connections at once: each may hold a security context. */
const maxConnections = 1_000;

export interface HttpOptions {
  readonly authenticator: Authenticator;
  readonly service: Service;
  readonly registry: ShellRegistry;
  readonly faults: Faults;
  readonly tls: { readonly cert: string; readonly key: string } | undefined;
  readonly keepAliveTimeoutMs: number;
  readonly serverName: string;
  readonly baseUrl: () => string;
  /** What the Date of answers says; `undefined`: they have none. */
  readonly now: () => Date | undefined;
  readonly log: LogLine;
}

type Known = Extract<Authentication, { kind: 'known' }>;

class BodyTooLarge extends Error {}

async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxBodyBytes) throw new BodyTooLarge();
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function page(
  response: ServerResponse,
  status: number,
  title: string,
  headers: Record<string, string | string[]> = {},
): void {
  sendWhole(response, htmlPage(status, title, headers));
}

function cookiesOf(request: IncomingMessage): readonly string[] {
  return (request.headers.cookie ?? '')
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith('MS-WSMAN='))
    .map((pair) => pair.slice('MS-WSMAN='.length));
}

/** Aborted when the connection of a response has ended. */
function goneSignal(response: ServerResponse): AbortSignal {
  const gone = new AbortController();
  response.on('close', () => gone.abort());
  return gone.signal;
}

function shellOf({ body }: ParsedRequest): string | undefined {
  return body.kind !== 'unknown' && 'shellId' in body && body.kind !== 'create' ? body.shellId : undefined;
}

class HttpHandler {
  readonly #options: HttpOptions;
  /** What to do should the last answer on a connection turn out not to have arrived. */
  readonly #undelivered = new WeakMap<Socket, () => void>();

  constructor(options: HttpOptions) {
    this.#options = options;
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    // Whoever asks again on the same connection has had the last answer.
    this.#undelivered.delete(request.socket);
    response.setHeader('Server', 'Microsoft-IIS/10.0');
    // Named here, so that Node does not also tell how long it keeps an idle connection: IIS never does.
    if (response.shouldKeepAlive) response.setHeader('Connection', 'keep-alive');
    response.sendDate = false;
    const now = this.#options.now();
    if (now !== undefined) response.setHeader('Date', now.toUTCString());
    response.setHeader('X-FEServer', this.#options.serverName);
    response.setHeader('X-CalculatedBETarget', `${this.#options.serverName.toLowerCase()}.example.test`);
    response.setHeader('request-id', randomUUID());
    const url = URL.parse(request.url ?? '/', 'http://localhost');
    if (url === null || !/^\/powershell\/?$/i.test(url.pathname)) {
      request.resume();
      return page(response, 404, 'Not Found');
    }
    const body = await readBody(request);
    const leg = body.length === 0 ? this.#meet('login', request, response) : undefined;
    if (leg !== undefined && !(await leg.before(undefined))) return;
    const authentication = await this.#options.authenticator.authenticate(request);
    if (authentication.kind === 'unknown') {
      this.#options.log('Debug', `a request without a known user from ${request.socket.remoteAddress}`);
      this.#options.registry.counts.unauthorized += 1;
      const refused = body.length === 0 ? leg : this.#meet('login', request, response);
      if (refused !== undefined && body.length > 0 && !(await refused.before(undefined))) return;
      const challenge = { 'WWW-Authenticate': [...authentication.challenges] };
      return await this.#deliver(response, htmlPage(401, 'Not Authorized', challenge), refused);
    }
    if (request.method !== 'POST') return page(response, 405, 'Method Not Allowed', { Allow: 'POST' });
    if (authentication.challenge !== undefined) response.setHeader('WWW-Authenticate', authentication.challenge);
    if (body.length === 0)
      return await this.#deliver(response, { status: 200, headers: {}, body: Buffer.alloc(0) }, leg);
    await this.#soap(request, response, { authentication, body, url });
  }

  /** Counts a message; its faults, where a script plays. */
  #meet(kind: MessageKind, request: IncomingMessage, response: ServerResponse): MessageFaults | undefined {
    const met = this.#options.faults.meet(kind);
    if (met === undefined) return undefined;
    return new MessageFaults(kind, met, { socket: request.socket, response, gone: goneSignal(response) });
  }

  async #deliver(
    response: ServerResponse,
    outgoing: Outgoing,
    faults: MessageFaults | undefined,
    body?: ResponseBody,
  ): Promise<void> {
    this.#options.faults.countAnswer(outgoing.body.length);
    if (faults === undefined) sendWhole(response, outgoing);
    else await faults.deliver(outgoing, body);
  }

  async #soap(
    request: IncomingMessage,
    response: ServerResponse,
    given: { authentication: Known; body: Buffer; url: URL },
  ): Promise<void> {
    const { authentication, url } = given;
    const sealed = isSealedContentType(request.headers['content-type']);
    const { context } = authentication;
    const isPlainConnection = this.#options.tls === undefined;
    if (sealed !== (isPlainConnection && context !== undefined)) {
      // Over TLS and with Basic nothing is sealed; a Kerberos context over plain HTTP accepts nothing else.
      return page(
        response,
        sealed ? 400 : 500,
        sealed ? 'Bad Request' : 'The server does not accept unencrypted messages',
      );
    }
    let envelope: Buffer;
    try {
      envelope = sealed && context !== undefined ? await unseal(given.body, context.context) : given.body;
    } catch (error) {
      return page(response, 400, error instanceof Error ? 'Bad Request - Invalid sealed message' : 'Bad Request');
    }
    const parsed = parse(envelope);
    const faults = this.#meet(parsed.kind === 'fault' ? 'unknown' : parsed.request.body.kind, request, response);
    const shellId = parsed.kind === 'request' ? shellOf(parsed.request) : undefined;
    if (faults !== undefined && !(await faults.before(shellId))) return;
    const caller = {
      user: authentication.user,
      address: request.socket.remoteAddress ?? '',
      url: this.#options.baseUrl(),
      query: new URLSearchParams(url.search.slice(1).replaceAll(';', '&')),
      cookies: cookiesOf(request),
      gone: goneSignal(response),
      faults: faults?.call,
    };
    const answer: ServiceAnswer | undefined =
      parsed.kind === 'fault'
        ? { body: { kind: 'fault', fault: parsed.fault.fault } }
        : await this.#options.service.answer(parsed.request, caller);
    if (answer === undefined) return void request.socket.destroy();
    const cookie = faults === undefined ? answer.setCookie : this.#cookieUnder(faults, answer.setCookie, shellId);
    if (cookie !== undefined) response.setHeader('Set-Cookie', cookie);
    const relatesTo = parsed.kind === 'request' ? parsed.request.header.messageId : undefined;
    if (answer.lost !== undefined) this.#watchDelivery(request.socket, response, answer.lost);
    await this.#send(request, response, { body: answer.body, relatesTo, context, faults });
  }

  /** The cookie of an answer, where a script may lose or renew it. */
  #cookieUnder(faults: MessageFaults, own: string | undefined, shellId: string | undefined): string | undefined {
    if (faults.losesCookie) return undefined;
    const shell = faults.renewsCookie && shellId !== undefined ? this.#options.registry.find(shellId) : undefined;
    if (shell === undefined) return own;
    shell.cookie = affinityCookie();
    return formatCookie(shell.cookie);
  }

  /** An answer is lost when its connection ends before it was written, or is reset before it is used again. */
  #watchDelivery(socket: Socket, response: ServerResponse, lost: () => void): void {
    this.#undelivered.set(socket, lost);
    response.on('close', () => {
      if (!response.writableFinished) this.connectionFailed(socket);
    });
  }

  connectionFailed(socket: Socket): void {
    this.#undelivered.get(socket)?.();
    this.#undelivered.delete(socket);
  }

  async #send(
    request: IncomingMessage,
    response: ServerResponse,
    given: {
      body: ResponseBody;
      relatesTo: string | undefined;
      context: Known['context'];
      faults: MessageFaults | undefined;
    },
  ): Promise<void> {
    const { faults } = given;
    const status = given.body.kind === 'fault' ? 500 : 200;
    const header = {
      messageId: `uuid:${randomUUID().toUpperCase()}`,
      relatesTo: given.relatesTo,
      activityId: randomUUID().toUpperCase(),
    };
    let bytes = formatResponse(header, faults === undefined ? given.body : faults.onBody(given.body));
    if (faults !== undefined) bytes = faults.onEnvelope(bytes, given.body);
    const headers: Record<string, string> = { 'Content-Type': soapContentType };
    if (given.context !== undefined && this.#options.tls === undefined) {
      const protocol = given.context.scheme === 'Kerberos' ? 'Kerberos' : 'SPNEGO';
      const sealed = await given.context.context.wrap(bytes);
      bytes = formatSealedBody(
        { protocol, header: sealed.header, data: sealed.data, contentLength: bytes.length + sealed.paddingBytes },
        'iis',
      );
      headers['Content-Type'] = sealedContentType(protocol);
    }
    // IIS compresses for whoever does not refuse it; a sealed body does not survive a client that cannot undo it.
    if (/\bgzip\b/i.test(String(request.headers['accept-encoding'] ?? ''))) {
      bytes = gzipSync(bytes);
      headers['Content-Encoding'] = 'gzip';
    }
    if (faults !== undefined) bytes = faults.onBytes(bytes);
    const outgoing = { status, headers, body: bytes };
    if (faults !== undefined) return await this.#deliver(response, outgoing, faults, given.body);
    this.#options.faults.countAnswer(bytes.length);
    sendWhole(response, outgoing);
  }
}

function parse(envelope: Buffer): { kind: 'request'; request: ParsedRequest } | { kind: 'fault'; fault: ServiceFault } {
  if (envelope.length > maxEnvelopeBytes) return { kind: 'fault', fault: envelopeTooLarge(maxEnvelopeBytes) };
  try {
    return { kind: 'request', request: parseRequest(envelope) };
  } catch (error) {
    if (error instanceof WsmanError) return { kind: 'fault', fault: envelopeInvalid(error.message) };
    return { kind: 'fault', fault: internalError(String(error)) };
  }
}

async function unseal(
  body: Buffer,
  context: { unwrap: (header: Uint8Array, data: Uint8Array) => Promise<Uint8Array> },
): Promise<Buffer> {
  const parts = parseSealedBody(body);
  const plain = await context.unwrap(parts.header, parts.data);
  if (plain.length > parts.contentLength) throw new Error('the sealed message is longer than it says');
  return Buffer.from(plain.buffer, plain.byteOffset, plain.byteLength);
}

/** Makes the server; the caller listens. */
export function createHttpServer(options: HttpOptions): Server {
  const handler = new HttpHandler(options);
  const onRequest = (request: IncomingMessage, response: ServerResponse): void => {
    handler.handle(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return void response.destroy();
      if (error instanceof BodyTooLarge) page(response, 413, 'Request Entity Too Large', { Connection: 'close' });
      else if (request.destroyed && !request.complete) response.destroy();
      else {
        options.log('Error', `a request broke: ${error instanceof Error ? error.stack : String(error)}`);
        page(response, 500, 'Internal Server Error');
      }
    });
  };
  const settings = {
    keepAliveTimeout: options.keepAliveTimeoutMs,
    requestTimeout: 120_000,
    headersTimeout: 30_000,
    maxHeaderSize: 65_536,
  };
  const server =
    options.tls === undefined
      ? createServer(settings, onRequest)
      : createTlsServer(
          { ...settings, cert: options.tls.cert, key: options.tls.key, minVersion: 'TLSv1.2' },
          onRequest,
        );
  server.maxConnections = maxConnections;
  const onConnection = (socket: Socket): void => {
    socket.setNoDelay(true);
    socket.on('close', () => options.authenticator.forget(socket));
    socket.on('error', () => {
      handler.connectionFailed(socket);
      socket.destroy();
    });
  };
  server.on(options.tls === undefined ? 'connection' : 'secureConnection', onConnection);
  server.on('clientError', (_error, socket) => {
    if (socket.writable) socket.end('HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n');
    else socket.destroy();
  });
  return server;
}
