/*
 * A small pump between our client's pool and a byte stream with out-of-process framing: the standard streams of a
 * server process, or a socket.
 */
import { spawn } from 'node:child_process';
import { connect } from 'node:net';
import type { Readable, Writable } from 'node:stream';
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

/** Both directions of a byte stream; `end` closes ours, and ends when the other side has too. */
interface Wire {
  readonly input: Readable;
  readonly output: Writable;
  readonly errors?: Readable;
  end(): Promise<void>;
}

function processWire(program: string, parameters: readonly string[]): Wire {
  const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'pipe'] });
  const ended = Promise.withResolvers<void>();
  child.on('close', () => ended.resolve());
  const end = async (): Promise<void> => {
    child.stdin.end();
    const timer = setTimeout(() => child.kill('SIGKILL'), 5_000);
    await ended.promise;
    clearTimeout(timer);
  };
  return { input: child.stdout, output: child.stdin, errors: child.stderr, end };
}

function socketWire(path: string): Wire {
  const socket = connect(path);
  const ended = Promise.withResolvers<void>();
  socket.on('close', () => ended.resolve());
  const end = async (): Promise<void> => {
    socket.end();
    await ended.promise;
  };
  return { input: socket, output: socket, end };
}

/** Our client, driving a server process or what listens at a socket. */
export class ProcessClient {
  readonly pool: ClientRunspacePool;
  readonly events: ClientEvent[] = [];
  readonly #wire: Wire;
  readonly #reader = new PacketReader();
  #stderr = '';
  #waiting: { until: () => boolean; done: () => void } | undefined;
  /** Packets other than Data, by kind and target. */
  readonly #counts = new Map<string, number>();

  private constructor(wire: Wire, options: Partial<ClientRunspacePoolOptions>) {
    this.pool = new ClientRunspacePool({ id: freshGuid(), ...options });
    this.#wire = wire;
    wire.errors?.on('data', (bytes: Buffer) => {
      this.#stderr += bytes.toString();
    });
    wire.input.on('data', (bytes: Buffer) => this.#receive(bytes));
    wire.output.on('error', (error) => {
      this.#stderr += error.message;
    });
  }

  /** Starts a server process and opens a pool in it. */
  static open(
    program: string,
    parameters: readonly string[],
    options: Partial<ClientRunspacePoolOptions> = {},
  ): Promise<ProcessClient> {
    return ProcessClient.#opened(new ProcessClient(processWire(program, parameters), options));
  }

  /** Opens a pool at the server that listens at a socket. */
  static connect(path: string, options: Partial<ClientRunspacePoolOptions> = {}): Promise<ProcessClient> {
    return ProcessClient.#opened(new ProcessClient(socketWire(path), options));
  }

  static async #opened(client: ProcessClient): Promise<ProcessClient> {
    client.pool.open();
    await client.drain('pool');
    await client.until('the pool opens', () => client.events.some((event) => event.kind === 'poolOpened'));
    return client;
  }

  #receive(bytes: Uint8Array): void {
    for (const packet of this.#reader.push(bytes)) {
      if (packet.kind === 'Data') this.events.push(...this.pool.receive(packet.target, packet.data));
      else this.#counts.set(packet.kind + packet.target, this.#count(packet.kind, packet.target) + 1);
    }
    if (this.#reader.violation !== undefined) this.#stderr += this.#reader.violation.message;
    if (this.#waiting?.until() === true) this.#waiting.done();
  }

  async until(what: string, condition: () => boolean): Promise<void> {
    if (condition()) return;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#waiting = { until: condition, done: resolve };
    const seen = (): string =>
      `${JSON.stringify(this.events.map((event) => (event.kind === 'pipeline' ? event.event.kind : event.kind)))} ${this.#stderr}`;
    await withLimit(what, seen, promise);
    this.#waiting = undefined;
  }

  #count(kind: Packet['kind'], target: Guid | 'pool'): number {
    return this.#counts.get(kind + target) ?? 0;
  }

  /** Sends a packet and waits for its acknowledgement. */
  async exchange(packet: Packet): Promise<void> {
    const answer = packet.kind === 'Data' ? 'DataAck' : (`${packet.kind}Ack` as Packet['kind']);
    const before = this.#count(answer, packet.target);
    this.#wire.output.write(formatPacket(packet));
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

  destroy(): Promise<void> {
    return this.#wire.end();
  }
}
