/*
 * A small shell service for the tests: real HTTP on loopback, the codec's server side, a real server
 * runspace pool. It counts shells made and deleted, and lets a test spoil any exchange.
 */
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { SecurityContext, SecurityMechanism } from '@exchange-connector/gssapi';
import {
  type ErrorRecordInit,
  type Guid,
  parseGuid,
  type PipelineRequest,
  PipelineState,
  psInt32,
  type PsValue,
  ServerRunspacePool,
} from '@exchange-connector/psrp';
import { nodeSessionKey } from '@exchange-connector/wsman';
import {
  FaultCode,
  formatResponse,
  formatSealedBody,
  isSealedContentType,
  type ParsedRequest,
  parseRequest,
  parseSealedBody,
  type ReceivedStream,
  type ResponseBody,
  SignalCode,
  sealedContentType,
  soapContentType,
  type WsmanFault,
} from '@exchange-connector/wsman/codec';

/** A pipeline on the server, as a test's program sees it. */
export interface ServerPipeline {
  readonly id: Guid;
  readonly request: PipelineRequest;
  readonly pool: ServerRunspacePool;
  /** Bodies of input so far. */
  readonly input: Uint8Array[];
  /** Resolves when the client has ended its input. */
  readonly inputEnded: Promise<void>;
  /** Aborted when the client asks to stop, or closes the command or shell. */
  readonly stop: AbortSignal;
  output(value: PsValue | Uint8Array): void;
  finish(state?: PipelineState, error?: ErrorRecordInit): void;
  /** Tells waiting Receives that something was queued. */
  wake(): void;
  /** Resolves once everything queued for this pipeline has been taken by Receives. */
  drained(): Promise<void>;
}

/** What a test may do to one exchange before it is answered; `true` when it has dealt with the response itself. */
export type Spoiler = (exchange: {
  readonly parsed: ParsedRequest;
  readonly count: number;
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  readonly server: ShellServer;
  /** The ordinary answer, as plain SOAP and its status. */
  readonly answer: () => Promise<{ readonly status: number; readonly body: Buffer }>;
}) => boolean | undefined | Promise<boolean | undefined>;

export interface ShellServerOptions {
  readonly tls?: { readonly cert: string; readonly key: string };
  readonly basic?: { readonly login: string; readonly password: string };
  readonly security?: {
    readonly mechanism: SecurityMechanism;
    readonly keytab: string;
    readonly scheme: 'kerberos' | 'negotiate';
  };
  readonly run?: (pipeline: ServerPipeline) => void | Promise<void>;
  readonly spoil?: Spoiler;
  /** Answers to the opening of a pool; default opens it. */
  readonly open?: (pool: ServerRunspacePool) => void;
  readonly cookie?: string;
  readonly maxProtocolVersion?: '2.1' | '2.2' | '2.3' | '2.4';
  /** Ids the server makes up itself, as a 2.1 server does. */
  readonly ownIds?: boolean;
}

interface Shell {
  readonly id: string;
  readonly pool: ServerRunspacePool;
  readonly commands: Map<
    string,
    {
      readonly id: Guid;
      readonly abort: AbortController;
      readonly input: Uint8Array[];
      readonly endInput: () => void;
      readonly inputEnded: Promise<void>;
      finished: boolean;
    }
  >;
}

const quiet: WsmanFault = {
  role: 'Receiver',
  subcode: 'TimedOut',
  code: FaultCode.operationTimedOut,
  reason: 'The WS-Management service cannot complete the operation within the time specified in OperationTimeout.',
  message: undefined,
  faultDetail: undefined,
  machine: '127.0.0.1',
};

const gone: WsmanFault = {
  role: 'Sender',
  subcode: 'InvalidSelectors',
  code: FaultCode.unexpectedSelectors,
  reason: 'The request for the Windows Remote Shell failed because the shell was not found on the server.',
  message: undefined,
  faultDetail: 'UnexpectedSelectors',
  machine: '127.0.0.1',
};

export class ShellServer {
  readonly #options: ShellServerOptions;
  readonly #server: Server;
  readonly #shells = new Map<string, Shell>();
  readonly #contexts = new WeakMap<Socket, SecurityContext>();
  readonly #sockets = new Set<Socket>();
  readonly #waiters = new Set<() => void>();
  readonly counts: Record<string, number> = {};
  readonly requests: ParsedRequest[] = [];
  readonly headers: IncomingMessage['headers'][] = [];
  readonly signals: string[] = [];
  /** Failures of the server itself; a test asserts there are none. */
  readonly failures: unknown[] = [];
  connections = 0;
  authentications = 0;
  lastAuthorization: string | undefined;

  private constructor(options: ShellServerOptions) {
    this.#options = options;
    const listener = (request: IncomingMessage, response: ServerResponse) => {
      this.#serve(request, response).catch((error: unknown) => {
        if (!response.destroyed && !response.headersSent) response.writeHead(500).end();
        this.failures.push(error);
      });
    };
    this.#server =
      options.tls === undefined
        ? createServer(listener)
        : createTlsServer({ cert: options.tls.cert, key: options.tls.key }, listener);
    this.#server.on(options.tls === undefined ? 'connection' : 'secureConnection', (socket: Socket) => {
      this.connections += 1;
      this.#sockets.add(socket);
      socket.on('error', () => undefined);
      socket.once('close', () => {
        this.#sockets.delete(socket);
        this.#contexts.get(socket)?.end();
      });
    });
  }

  static async start(options: ShellServerOptions = {}): Promise<ShellServer> {
    const server = new ShellServer(options);
    server.#server.listen(0, '127.0.0.1');
    await once(server.#server, 'listening');
    return server;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  url(host = 'localhost'): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://${host}:${this.port}/PowerShell/`;
  }

  /** Shells that were made and not deleted. */
  get alive(): number {
    return this.#shells.size;
  }

  dropConnections(): void {
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Forgets all shells, as a server that was restarted. */
  forgetShells(): void {
    this.#shells.clear();
    this.#wake();
  }

  async stop(): Promise<void> {
    this.#server.closeAllConnections();
    for (const shell of this.#shells.values()) for (const command of shell.commands.values()) command.abort.abort();
    this.#wake();
    await new Promise((resolve) => this.#server.close(resolve));
  }

  #wake(): void {
    for (const waiter of [...this.#waiters]) waiter();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    this.headers.push(request.headers);
    const raw = Buffer.concat(chunks);
    const opened = await this.#admit(request, response, raw);
    if (opened === undefined) return;
    const parsed = parseRequest(opened.soap);
    this.requests.push(parsed);
    const kind = parsed.body.kind;
    const count = (this.counts[kind] ?? 0) + 1;
    this.counts[kind] = count;
    let answered: Promise<{ status: number; body: Buffer }> | undefined;
    const answer = () => {
      answered ??= this.#answer(parsed, response);
      return answered;
    };
    if ((await this.#options.spoil?.({ parsed, count, request, response, server: this, answer })) === true) return;
    const { status, body } = await answer();
    const cookie =
      this.#options.cookie === undefined
        ? {}
        : { 'Set-Cookie': `${this.#options.cookie}; path=/POWERSHELL; secure; HttpOnly` };
    if (response.destroyed) return;
    if (opened.context === undefined) {
      response
        .writeHead(status, { 'Content-Type': soapContentType, 'Content-Length': body.length, ...cookie })
        .end(body);
      return;
    }
    const sealed = await opened.context.wrap(body);
    const protocol = this.#options.security?.scheme === 'negotiate' ? 'SPNEGO' : 'Kerberos';
    const multipart = formatSealedBody(
      { protocol, header: sealed.header, data: sealed.data, contentLength: body.length + sealed.paddingBytes },
      'iis',
    );
    response
      .writeHead(status, { 'Content-Type': sealedContentType(protocol), 'Content-Length': multipart.length, ...cookie })
      .end(multipart);
  }

  /** Authentication; the plain SOAP of the request, or `undefined` when it was answered already. */
  async #admit(
    request: IncomingMessage,
    response: ServerResponse,
    raw: Buffer,
  ): Promise<{ soap: Buffer; context: SecurityContext | undefined } | undefined> {
    const { basic, security } = this.#options;
    this.lastAuthorization = request.headers.authorization;
    if (basic !== undefined) {
      const expected = `Basic ${Buffer.from(`${basic.login}:${basic.password}`, 'utf8').toString('base64')}`;
      if (request.headers.authorization === expected) return { soap: raw, context: undefined };
      response
        .writeHead(401, { 'WWW-Authenticate': 'Basic realm="localhost"', 'Content-Type': 'text/html' })
        .end('<html><body>401 - Unauthorized</body></html>');
      return undefined;
    }
    if (security === undefined) return { soap: raw, context: undefined };
    return this.#admitSecured(security, request, response, raw);
  }

  async #admitSecured(
    security: NonNullable<ShellServerOptions['security']>,
    request: IncomingMessage,
    response: ServerResponse,
    raw: Buffer,
  ): Promise<{ soap: Buffer; context: SecurityContext | undefined } | undefined> {
    const word = security.scheme === 'kerberos' ? 'Kerberos' : 'Negotiate';
    const token = new RegExp(`^${word} (.+)$`).exec(request.headers.authorization ?? '')?.[1];
    let context = this.#contexts.get(request.socket);
    if (token !== undefined) {
      this.authentications += 1;
      context = security.mechanism.accept({ keytab: security.keytab, scheme: security.scheme });
      let reply: Uint8Array | undefined;
      try {
        reply = await context.step(Buffer.from(token, 'base64'));
      } catch {
        response.writeHead(401, { 'WWW-Authenticate': word }).end();
        return undefined;
      }
      this.#contexts.set(request.socket, context);
      const header =
        reply === undefined ? {} : { 'WWW-Authenticate': `${word} ${Buffer.from(reply).toString('base64')}` };
      if (raw.length === 0) {
        response.writeHead(200, { ...header, 'Content-Length': 0 }).end();
        return undefined;
      }
      for (const [name, value] of Object.entries(header)) response.setHeader(name, value);
    }
    if (context === undefined) {
      response.writeHead(401, { 'WWW-Authenticate': word, 'Content-Length': 0 }).end();
      return undefined;
    }
    if (!isSealedContentType(request.headers['content-type'])) return { soap: raw, context: undefined };
    const sealed = parseSealedBody(raw);
    return { soap: Buffer.from(await context.unwrap(sealed.header, sealed.data)), context };
  }

  async #answer(parsed: ParsedRequest, response: ServerResponse): Promise<{ status: number; body: Buffer }> {
    const body = await this.#perform(parsed, response);
    const header = { messageId: `uuid:${randomUUID()}`, relatesTo: parsed.header.messageId };
    return { status: body.kind === 'fault' ? 500 : 200, body: formatResponse(header, body) };
  }

  async #perform({ header, body }: ParsedRequest, response: ServerResponse): Promise<ResponseBody> {
    if (body.kind === 'unknown') throw new Error('unknown action');
    if (body.kind === 'create') return this.#create(body);
    const shell = this.#shells.get(body.shellId);
    if (shell === undefined) return { kind: 'fault', fault: gone };
    switch (body.kind) {
      case 'command':
        return this.#command(shell, body.commandId, body.arguments);
      case 'receive':
        return this.#receive(shell, body.commandId, header.operationTimeoutMs, header.maxEnvelopeBytes, response);
      case 'send': {
        const command = body.commandId === undefined ? undefined : shell.commands.get(body.commandId);
        if (body.commandId !== undefined && command === undefined) return { kind: 'fault', fault: gone };
        this.#take(shell, command?.id ?? 'pool', body.data, body.commandId);
        return { kind: 'sent' };
      }
      case 'signal': {
        this.signals.push(body.code);
        const command = shell.commands.get(body.commandId ?? '');
        if (command === undefined) return { kind: 'fault', fault: gone };
        command.abort.abort();
        if (body.code !== SignalCode.stop) shell.commands.delete(body.commandId ?? '');
        this.#wake();
        return { kind: 'signalled' };
      }
      case 'delete':
        this.#shells.delete(body.shellId);
        for (const command of shell.commands.values()) command.abort.abort();
        this.#wake();
        return { kind: 'deleted' };
      case 'get':
        return { kind: 'got', shellId: shell.id, shell: {} };
    }
  }

  #create(body: Extract<ParsedRequest['body'], { kind: 'create' }>): ResponseBody {
    const id = this.#options.ownIds === true ? randomUUID().toUpperCase() : body.shellId;
    const { maxProtocolVersion } = this.#options;
    const pool = new ServerRunspacePool({
      sessionKey: nodeSessionKey,
      ...(maxProtocolVersion === undefined ? {} : { maxProtocolVersion }),
    });
    const shell: Shell = { id, pool, commands: new Map() };
    this.#shells.set(id, shell);
    this.#take(shell, 'pool', body.creation, undefined);
    return {
      kind: 'created',
      shellId: id,
      shell: this.#options.ownIds === true ? undefined : { idleTimeoutMs: 900_000, state: 'Connected' },
    };
  }

  #command(shell: Shell, asked: string, bytes: Uint8Array): ResponseBody {
    const commandId = this.#options.ownIds === true ? randomUUID().toUpperCase() : asked;
    const id = parseGuid(asked);
    if (id === undefined) throw new Error('no GUID');
    const ended = Promise.withResolvers<void>();
    shell.commands.set(commandId, {
      id,
      abort: new AbortController(),
      input: [],
      endInput: ended.resolve,
      inputEnded: ended.promise,
      finished: false,
    });
    this.#take(shell, id, bytes, commandId);
    return { kind: 'commandAccepted', commandId };
  }

  #take(shell: Shell, source: Guid | 'pool', bytes: Uint8Array, commandId: string | undefined): void {
    for (const event of shell.pool.receive(source, bytes)) {
      const command = commandId === undefined ? undefined : shell.commands.get(commandId);
      if (event.kind === 'poolOpening') (this.#options.open ?? ((pool) => pool.openPool()))(shell.pool);
      else if (event.kind === 'protocolViolation') this.failures.push(event.error);
      else if (event.kind === 'input') command?.input.push(event.body.slice());
      else if (event.kind === 'inputEnded') command?.endInput();
      else if (event.kind === 'pipelineCreated' && command !== undefined) {
        this.#run(shell, event.id, event.request, command);
      }
    }
    this.#wake();
  }

  #run(
    shell: Shell,
    id: Guid,
    request: PipelineRequest,
    command: NonNullable<ReturnType<Shell['commands']['get']>>,
  ): void {
    const pipeline: ServerPipeline = {
      id,
      request,
      pool: shell.pool,
      input: command.input,
      inputEnded: command.inputEnded,
      stop: command.abort.signal,
      output: (value) => {
        shell.pool.output(id, value);
        this.#wake();
      },
      finish: (state = PipelineState.Completed, error) => {
        if (command.finished) return;
        command.finished = true;
        shell.pool.finish(id, state, error);
        this.#wake();
      },
      wake: () => this.#wake(),
      drained: async () => {
        while (shell.pool.hasOutgoing(id)) await this.#changed(undefined);
      },
    };
    command.abort.signal.addEventListener('abort', () => pipeline.finish(PipelineState.Stopped));
    const program =
      this.#options.run ??
      ((self) => {
        self.output(psInt32(42));
        self.finish();
      });
    Promise.resolve(program(pipeline)).catch((error: unknown) => this.failures.push(error));
  }

  /** Until something is queued, a shell changes, or the signal is aborted. */
  #changed(signal: AbortSignal | undefined): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        this.#waiters.delete(done);
        signal?.removeEventListener('abort', done);
        resolve();
      };
      this.#waiters.add(done);
      signal?.addEventListener('abort', done);
    });
  }

  async #receive(
    shell: Shell,
    commandId: string | undefined,
    timeoutMs: number,
    maxBytes: number,
    response: ServerResponse,
  ): Promise<ResponseBody> {
    const late = AbortSignal.timeout(timeoutMs);
    for (;;) {
      const command = commandId === undefined ? undefined : shell.commands.get(commandId);
      if (!this.#shells.has(shell.id) || (commandId !== undefined && command === undefined))
        return { kind: 'fault', fault: gone };
      const target = command?.id ?? 'pool';
      const streams: ReceivedStream[] = [];
      let room = Math.floor((maxBytes - 4000) * 0.7);
      while (room > 1000 && shell.pool.hasOutgoing(target)) {
        const data = shell.pool.takeFragment(target, 32_768);
        if (data === undefined) break;
        streams.push({ name: 'stdout', commandId, data });
        room -= data.length;
      }
      const done = command?.finished === true && !shell.pool.hasOutgoing(target);
      if (streams.length > 0 || done) {
        this.#wake();
        return {
          kind: 'received',
          streams,
          commandState: done ? { commandId, state: 'Done', exitCode: 0 } : undefined,
        };
      }
      if (late.aborted || response.destroyed) return { kind: 'fault', fault: quiet };
      await this.#changed(late);
    }
  }
}
