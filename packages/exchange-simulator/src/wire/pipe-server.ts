/*
 * PSRP on a pipe, in the out-of-process framing: what PowerShell's own client speaks to `-CustomPipeName`.
 * A connection is one runspace pool; closing either ends the other. Output is drawn as fast as the peer reads.
 *
 *   client Data(pool) → DataAck        client Command(id) → CommandAck, Data(id) → DataAck
 *   client Signal(id) → state 3, SignalAck     client Close(id) → CloseAck     Close(pool) → states 4, 3, CloseAck
 */
import { formatPacket, type Guid, type Packet, PacketReader, ServerRunspacePool } from '@exchange-connector/psrp';
import { once } from 'node:events';
import { chmodSync, existsSync, lstatSync, unlinkSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { isMainThread } from 'node:worker_threads';
import { SimulatorError } from '../errors.ts';
import { ServiceFault } from './faults.ts';
import { poolLimits } from './service.ts';
import type { Shell } from './shell.ts';

const envelopeBytes = 512_000;
const quietMs = 60_000;
/**
 * A real server needs 100 ms and more to open a pool. PowerShell 7.6's client breaks its pool, one time in five, where
 * that is told in the same moment as the version; what it must have done before cannot be seen on the pipe.
 */
const openingMs = 25;

/** Where .NET puts a named pipe of that name: it knows `TMPDIR` alone, where Node's `tmpdir()` reads more. */
export function pipePath(name: string): string {
  if (process.platform === 'win32') return `\\\\.\\pipe\\${name}`;
  return join(process.env['TMPDIR'] || '/tmp', `CoreFxPipe_${name}`);
}

class PipeConnection {
  readonly #socket: Socket;
  readonly #shell: Shell;
  readonly #reader = new PacketReader();
  readonly #gone = new AbortController();
  /** The commands whose output is being sent, and what comes after it. */
  readonly #sending = new Map<Guid, Promise<void>>();
  #opened = false;
  #turn: Promise<void> = Promise.resolve();

  constructor(socket: Socket, shell: Shell) {
    this.#socket = socket;
    this.#shell = shell;
    socket.on('data', (bytes: Buffer) => this.#receive(bytes));
    socket.on('close', () => this.#end());
    socket.on('error', () => socket.destroy());
    this.#drain(undefined).catch(() => socket.destroy());
  }

  #end(): void {
    this.#gone.abort();
    this.#shell.close();
  }

  #receive(bytes: Uint8Array): void {
    for (const packet of this.#reader.push(bytes)) {
      // One packet after the other: a later one must not overtake what an earlier one still does.
      this.#turn = this.#turn.then(() => this.#handle(packet)).catch(() => void this.#socket.destroy());
    }
    if (this.#reader.violation !== undefined) this.#socket.destroy();
  }

  async #handle(packet: Packet): Promise<void> {
    const { target } = packet;
    switch (packet.kind) {
      case 'Data':
        if (target === 'pool') await this.#deliverToPool(packet.data);
        else this.#shell.deliver(target, packet.data);
        return await this.#send({ kind: 'DataAck', target });
      case 'Command':
        if (target === 'pool') return void this.#socket.destroy();
        this.#shell.addCommand(target, target, new Uint8Array(0));
        this.#sending.set(
          target,
          this.#drain(target).catch(() => void this.#socket.destroy()),
        );
        return await this.#send({ kind: 'CommandAck', target });
      case 'Signal':
        if (target !== 'pool' && this.#shell.findCommand(target) !== undefined) {
          this.#shell.stopCommand(target);
          await this.#sending.get(target);
        }
        return await this.#send({ kind: 'SignalAck', target });
      case 'Close':
        return await this.#close(target);
      default:
        return;
    }
  }

  async #deliverToPool(data: Uint8Array): Promise<void> {
    this.#shell.deliver('pool', data);
    if (!this.#opened && this.#shell.wantsOpening) {
      this.#opened = true;
      this.#shell.wake();
      await delay(openingMs, undefined, { signal: this.#gone.signal });
      this.#shell.pool.openPool();
      this.#shell.wake();
    }
  }

  async #close(target: Guid | 'pool'): Promise<void> {
    if (target !== 'pool') {
      if (this.#shell.findCommand(target) !== undefined) this.#shell.terminateCommand(target);
      await this.#sending.get(target);
      this.#sending.delete(target);
      return await this.#send({ kind: 'CloseAck', target });
    }
    if (this.#opened) {
      this.#shell.pool.closePool();
      for (
        let data = this.#shell.pool.takeOutgoing('pool', envelopeBytes);
        data !== undefined;
        data = this.#shell.pool.takeOutgoing('pool', envelopeBytes)
      ) {
        await this.#send({ kind: 'Data', target, stream: 'stdin', data });
      }
    }
    await this.#send({ kind: 'CloseAck', target });
    this.#socket.end();
  }

  async #send(packet: Packet): Promise<void> {
    if (this.#socket.writable && !this.#socket.write(formatPacket(packet))) {
      await once(this.#socket, 'drain', { signal: this.#gone.signal });
    }
  }

  /** Sends what the pool or a command puts out until it has ended. */
  async #drain(id: Guid | undefined): Promise<void> {
    const limits = { maxEnvelopeBytes: envelopeBytes, timeoutMs: quietMs, gone: this.#gone.signal };
    while (!this.#shell.closed && !this.#gone.signal.aborted) {
      try {
        const received = await this.#shell.receive(id, limits);
        if (received === undefined) return;
        for (const { data } of received.streams)
          await this.#send({ kind: 'Data', target: id ?? 'pool', stream: 'stdin', data });
        if (received.state?.state === 'Done') return;
      } catch (error) {
        if (!(error instanceof ServiceFault)) throw error;
        if (error.fault.subcode !== 'TimedOut') return;
      }
    }
  }
}

/** A socket that nobody listens on any more is in the way; one that answers is somebody else's. */
async function clearStaleSocket(path: string, name: string): Promise<void> {
  if (process.platform === 'win32' || !existsSync(path)) return;
  if (!lstatSync(path).isSocket())
    throw new SimulatorError(
      'SIMULATOR_LISTEN_FAILED',
      `starting the simulator: ${path}, where the pipe ${name} would be, is a file of another kind; choose another name`,
    );
  const probe = connect(path);
  const alive = await once(probe, 'connect').then(
    () => true,
    () => false,
  );
  probe.destroy();
  if (alive)
    throw new SimulatorError(
      'SIMULATOR_LISTEN_FAILED',
      `starting the simulator: the pipe ${name} is in use; choose another name`,
    );
  unlinkSync(path);
}

/** Listens on a pipe; each connection gets a shell of its own. Only the account that runs it may connect. */
export async function listenOnPipe(name: string, makeShell: (pool: ServerRunspacePool) => Shell): Promise<Server> {
  const path = pipePath(name);
  if (!/^[A-Za-z0-9._-]{1,100}$/.test(name)) {
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      `--pipe "${name}": allowed are up to 100 letters, digits, ".", "_" and "-"`,
    );
  }
  await clearStaleSocket(path, name);
  const server = createServer((socket) => {
    new PipeConnection(socket, makeShell(new ServerRunspacePool({ maxProtocolVersion: '2.3', limits: poolLimits })));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new SimulatorError(
          'SIMULATOR_LISTEN_FAILED',
          `starting the simulator: listening on the pipe ${path}: ${cause.message}`,
          { cause },
        ),
      ),
    );
    // The socket is made within the call: no moment passes in which others may connect.
    const mask = isMainThread ? process.umask(0o177) : undefined;
    server.listen(path, resolve);
    if (mask !== undefined) process.umask(mask);
  });
  if (!isMainThread && process.platform !== 'win32') chmodSync(path, 0o600);
  return server;
}
