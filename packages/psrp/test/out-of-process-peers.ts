/*
 * Small pumps between the pools and a byte stream with out-of-process framing: a client that drives a real
 * server over its standard streams, and a server that listens where a real client connects.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { rmSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type ClientEvent,
  ClientRunspacePool,
  type ClientRunspacePoolOptions,
  formatPacket,
  type Guid,
  type Packet,
  PacketReader,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  type PsValue,
  type ServerEvent,
  ServerRunspacePool,
  type ServerRunspacePoolOptions,
} from '@exchange-connector/psrp';
import { freshGuid } from './memory-pair.ts';

const timeLimitMs = 30_000;

function withLimit<T>(what: string, seen: () => unknown, work: Promise<T>): Promise<T> {
  const { promise, reject } = Promise.withResolvers<T>();
  const timer = setTimeout(
    () => reject(new Error(`${what} did not happen in ${timeLimitMs} ms; seen: ${String(seen())}`)),
    timeLimitMs,
  );
  return Promise.race([work, promise]).finally(() => clearTimeout(timer));
}

/** Our client, driving a server process. */
export class ProcessClient {
  readonly pool: ClientRunspacePool;
  readonly events: ClientEvent[] = [];
  readonly #process: ChildProcess;
  readonly #reader = new PacketReader();
  #stderr = '';
  #waiting: { until: (packets: readonly Packet[]) => boolean; done: () => void } | undefined;
  #packets: Packet[] = [];

  private constructor(program: string, parameters: readonly string[], options: Partial<ClientRunspacePoolOptions>) {
    this.pool = new ClientRunspacePool({ id: freshGuid(), ...options });
    this.#process = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'pipe'] });
    this.#process.stderr?.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString();
    });
    this.#process.stdout?.on('data', (bytes: Buffer) => this.#receive(bytes));
    this.#process.stdin?.on('error', () => undefined);
  }

  static async open(
    program: string,
    parameters: readonly string[],
    options: Partial<ClientRunspacePoolOptions> = {},
  ): Promise<ProcessClient> {
    const client = new ProcessClient(program, parameters, options);
    client.pool.open();
    await client.drain('pool');
    await client.until('the pool opens', () => client.events.some((event) => event.kind === 'poolOpened'));
    return client;
  }

  #receive(bytes: Uint8Array): void {
    for (const packet of this.#reader.push(bytes)) {
      this.#packets.push(packet);
      if (packet.kind === 'Data') this.events.push(...this.pool.receive(packet.target, packet.data));
    }
    if (this.#reader.violation !== undefined) this.#stderr += this.#reader.violation.message;
    if (this.#waiting?.until(this.#packets) === true) this.#waiting.done();
  }

  async until(what: string, condition: (packets: readonly Packet[]) => boolean): Promise<void> {
    if (condition(this.#packets)) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { until: condition, done: resolve };
    const seen = (): string =>
      `${JSON.stringify(this.events.map((event) => (event.kind === 'pipeline' ? event.event.kind : event.kind)))} ${this.#stderr}`;
    await withLimit(what, seen, promise);
    this.#waiting = undefined;
  }

  #count(kind: Packet['kind'], target: Guid | 'pool'): number {
    return this.#packets.filter((packet) => packet.kind === kind && packet.target === target).length;
  }

  /** Sends a packet and waits for its acknowledgement. */
  async exchange(packet: Packet): Promise<void> {
    const answer = packet.kind === 'Data' ? 'DataAck' : (`${packet.kind}Ack` as Packet['kind']);
    const before = this.#count(answer, packet.target);
    this.#process.stdin?.write(formatPacket(packet));
    await this.until(`${answer} of ${packet.target}`, () => this.#count(answer, packet.target) > before);
  }

  /** Sends all that waits for a target, one Data at a time. */
  async drain(target: Guid | 'pool'): Promise<void> {
    for (;;) {
      const stream = this.pool.outgoingStream(target);
      const data = this.pool.takeOutgoing(target, 32_768);
      if (data === undefined) return;
      await this.exchange({ kind: 'Data', target, stream, data });
    }
  }

  /** Starts a pipeline, with its input, and gives its id. */
  async start(request: PipelineRequest, input?: readonly PsValue[]): Promise<Guid> {
    const id = freshGuid();
    this.pool.startPipeline(id, request, { hasInput: input !== undefined });
    if (this.pool.isWaitingForSessionKey) {
      await this.drain('pool');
      await this.until('the session key', () => this.events.some((event) => event.kind === 'sessionKeyEstablished'));
    }
    await this.exchange({ kind: 'Command', target: id });
    for (const value of input ?? []) this.pool.sendInput(id, value);
    if (input !== undefined) this.pool.endInput(id);
    await this.drain(id);
    return id;
  }

  eventsOf(id: Guid): PipelineEvent[] {
    return this.events.flatMap((event) => (event.kind === 'pipeline' && event.pipelineId === id ? [event.event] : []));
  }

  /** Waits for the end of a pipeline, answering host calls on the way, and closes it. */
  async end(id: Guid): Promise<PipelineEvent[]> {
    const isOver = (): boolean =>
      this.eventsOf(id).some((event) => event.kind === 'state' && event.state >= PipelineState.Stopped);
    while (!isOver()) {
      await this.until('the pipeline’s end', () => isOver() || this.pool.hasOutgoing(id));
      await this.drain(id);
    }
    await this.exchange({ kind: 'Close', target: id });
    this.pool.forgetPipeline(id);
    return this.eventsOf(id);
  }

  async invoke(request: PipelineRequest, input?: readonly PsValue[]): Promise<PipelineEvent[]> {
    return await this.end(await this.start(request, input));
  }

  async close(): Promise<void> {
    this.pool.close();
    await this.exchange({ kind: 'Close', target: 'pool' });
    await this.destroy();
  }

  async destroy(): Promise<void> {
    if (this.#process.exitCode !== null) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#process.on('exit', () => resolve());
    this.#process.stdin?.end();
    const timer = setTimeout(() => this.#process.kill('SIGKILL'), 5_000);
    await promise;
    clearTimeout(timer);
  }
}

/** What a server under test does about its events; it may call the pool's methods, now or later. */
export type Behaviour = (event: ServerEvent, pool: ServerRunspacePool, flush: () => void) => void;

/** Our server, on the socket where a real client looks for the named pipe. */
export class PipeServer {
  readonly events: ServerEvent[] = [];
  readonly name: string;
  readonly #listener: Server;
  readonly #path: string;

  private constructor(name: string, behaviour: Behaviour, options: ServerRunspacePoolOptions) {
    this.name = name;
    this.#path = join(tmpdir(), `CoreFxPipe_${name}`);
    this.#listener = createServer((socket) => this.#serve(socket, behaviour, options));
  }

  static async listen(behaviour: Behaviour, options: ServerRunspacePoolOptions): Promise<PipeServer> {
    const server = new PipeServer(`psrp-test-${process.pid}-${freshGuid().slice(0, 8)}`, behaviour, options);
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    server.#listener.on('error', reject);
    server.#listener.listen(server.#path, resolve);
    await promise;
    return server;
  }

  #serve(socket: Socket, behaviour: Behaviour, options: ServerRunspacePoolOptions): void {
    const pool = new ServerRunspacePool(options);
    const reader = new PacketReader();
    const targets = new Set<Guid | 'pool'>(['pool']);
    const flush = (): void => {
      for (const target of targets) {
        for (let data = pool.takeFragment(target, 32_768); data; data = pool.takeFragment(target, 32_768)) {
          socket.write(formatPacket({ kind: 'Data', target, stream: 'stdin', data }));
        }
      }
    };
    const handle = (packet: Packet): void => {
      if (packet.kind === 'Command') targets.add(packet.target);
      if (packet.kind === 'Data') {
        for (const event of pool.receive(packet.target, packet.data)) {
          this.events.push(event);
          behaviour(event, pool, flush);
        }
      }
      if (packet.kind === 'Signal' && packet.target !== 'pool') {
        const error = {
          message: 'The pipeline has been stopped.',
          fullyQualifiedErrorId: 'PipelineStopped',
          category: 14,
        };
        pool.finish(packet.target, PipelineState.Stopped, error);
      }
      if (packet.kind === 'Close' && packet.target === 'pool') pool.closePool();
      if (packet.kind === 'Close' && packet.target !== 'pool') {
        flush();
        pool.forgetPipeline(packet.target);
        targets.delete(packet.target);
      }
      flush();
      const answer = packet.kind === 'Data' ? 'DataAck' : (`${packet.kind}Ack` as 'CloseAck');
      socket.write(formatPacket({ kind: answer, target: packet.target }));
    };
    socket.on('data', (bytes: Buffer) => reader.push(bytes).forEach(handle));
    socket.on('error', () => undefined);
  }

  async close(): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#listener.close(() => resolve());
    await promise;
    rmSync(this.#path, { force: true });
  }
}
