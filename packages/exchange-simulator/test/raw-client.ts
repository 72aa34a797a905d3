/*
 * A client by hand: one connection, envelopes as text, nothing done unasked. What it sends can be wrong on
 * purpose.
 */
import { randomUUID } from 'node:crypto';
import { Agent, type IncomingHttpHeaders, request } from 'node:http';
import { type ClientEvent, ClientRunspacePool, type Guid, type PipelineCommand } from '@exchange-connector/psrp';
import {
  formatRequest,
  type ParsedResponse,
  parseResponse,
  type RequestBody,
  SignalCode,
} from '@exchange-connector/wsman/codec';

export interface HttpAnswer {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly body: Buffer;
}

export interface RawOptions {
  readonly url: string;
  readonly login?: string;
  readonly password?: string;
  readonly protocolVersion?: '2.1' | '2.2' | '2.3';
  readonly maxEnvelopeBytes?: number;
  readonly operationTimeoutMs?: number;
  readonly resourceUri?: string;
}

export const soap = 'application/soap+xml;charset=UTF-8';

export class RawClient {
  readonly options: RawOptions;
  readonly pool: ClientRunspacePool;
  readonly poolId: Guid;
  readonly agent = new Agent({ keepAlive: true, maxSockets: 1 });
  cookie: string | undefined;
  /** As the server returned it. */
  shellId = '';
  events: ClientEvent[] = [];

  constructor(options: RawOptions) {
    this.options = options;
    this.poolId = randomUUID() as Guid;
    this.pool = new ClientRunspacePool({ id: this.poolId, protocolVersion: options.protocolVersion ?? '2.3' });
  }

  get authorization(): string {
    return `Basic ${Buffer.from(`${this.options.login ?? 'admin'}:${this.options.password ?? 'secret'}`).toString('base64')}`;
  }

  /** One HTTP request; headers as given, with Basic unless told otherwise. */
  post(
    body: string | Uint8Array,
    headers: Record<string, string> = {},
    more: { path?: string; method?: string; signal?: AbortSignal } = {},
  ): Promise<HttpAnswer> {
    const url = new URL(this.options.url);
    const { promise, resolve, reject } = Promise.withResolvers<HttpAnswer>();
    const bytes = Buffer.from(body as string);
    const cookie = this.cookie === undefined ? {} : { Cookie: this.cookie };
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: url.port,
        agent: this.agent,
        method: more.method ?? 'POST',
        path: more.path ?? `${url.pathname}${url.search}`,
        signal: more.signal,
        headers: {
          Host: url.host,
          Authorization: this.authorization,
          'Content-Type': soap,
          'Content-Length': bytes.length,
          ...cookie,
          ...headers,
        },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('error', reject);
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(bytes);
    return promise;
  }

  envelope(body: RequestBody): Buffer {
    return formatRequest(
      {
        to: this.options.url,
        resourceUri: this.options.resourceUri ?? 'http://schemas.microsoft.com/powershell/Microsoft.Exchange',
        messageId: `uuid:${randomUUID().toUpperCase()}`,
        maxEnvelopeBytes: this.options.maxEnvelopeBytes ?? 512_000,
        operationTimeoutMs: this.options.operationTimeoutMs ?? 20_000,
      },
      body,
    );
  }

  async ask(body: RequestBody): Promise<ParsedResponse['body']> {
    const answer = await this.post(this.envelope(body));
    const cookie = answer.headers['set-cookie']?.[0];
    if (cookie !== undefined) this.cookie = cookie.split(';')[0];
    const { body: parsed } = parseResponse(answer.body);
    if ((answer.status === 500) !== (parsed.kind === 'fault'))
      throw new Error(`status ${answer.status} with ${parsed.kind}`);
    return parsed;
  }

  async create(): Promise<ParsedResponse['body']> {
    this.pool.open();
    const answer = await this.ask({
      kind: 'create',
      shellId: this.poolId.toUpperCase(),
      protocolVersion: this.options.protocolVersion ?? '2.3',
      creation: this.pool.takeOutgoing('pool', 400_000) as Uint8Array,
    });
    if (answer.kind === 'created') this.shellId = answer.shellId;
    return answer;
  }

  /** Receives for the pool until it is open or broken. */
  async open(): Promise<this> {
    await this.create();
    while (!this.events.some((event) => event.kind === 'poolOpened' || event.kind === 'poolBroken'))
      await this.receive();
    return this;
  }

  /** Starts a command; gives its id as the server returned it, and its own. */
  async command(...commands: readonly PipelineCommand[]): Promise<{ id: Guid; commandId: string }> {
    const id = randomUUID() as Guid;
    this.pool.startPipeline(id, { statements: [commands] }, { hasInput: false });
    const answer = await this.ask({
      kind: 'command',
      shellId: this.shellId,
      commandId: id.toUpperCase(),
      arguments: this.pool.takeOutgoing(id, 300_000) as Uint8Array,
    });
    if (answer.kind !== 'commandAccepted') throw new Error(JSON.stringify(answer));
    return { id, commandId: answer.commandId };
  }

  /** One Receive; what came is given to the pool. */
  async receive(command?: { id: Guid; commandId: string }): Promise<ParsedResponse['body']> {
    const answer = await this.ask({ kind: 'receive', shellId: this.shellId, commandId: command?.commandId });
    if (answer.kind === 'received')
      for (const stream of answer.streams) this.events.push(...this.pool.receive(command?.id ?? 'pool', stream.data));
    return answer;
  }

  /** Receives until the command is done; gives the bodies of its output. */
  async drain(command: { id: Guid; commandId: string }): Promise<string[]> {
    for (;;) {
      const answer = await this.receive(command);
      if (answer.kind !== 'received') throw new Error(JSON.stringify(answer));
      if (answer.commandState?.state === 'Done') break;
    }
    await this.ask({ kind: 'signal', shellId: this.shellId, commandId: command.commandId, code: SignalCode.terminate });
    return this.outputs(command.id);
  }

  outputs(id: Guid): string[] {
    return this.events.flatMap((event) =>
      event.kind === 'pipeline' && event.pipelineId === id && event.event.kind === 'output'
        ? [Buffer.from(event.event.body).toString('utf8')]
        : [],
    );
  }

  /** The code of a fault; undefined for any other answer. */
  static faultCode(answer: ParsedResponse['body']): number | undefined {
    return answer.kind === 'fault' ? answer.fault.code : undefined;
  }

  delete(): Promise<ParsedResponse['body']> {
    return this.ask({ kind: 'delete', shellId: this.shellId });
  }

  close(): void {
    this.agent.destroy();
  }
}
