/*
 * Real on real: the real server's standard streams behind a pipe that the real client connects to, and every packet
 * between the two kept. The real client announces 2.4 always: to have them speak an earlier version, the number in its
 * SESSION_CAPABILITY is changed on the way; all the rest passes as it is.
 */
import { spawn } from 'node:child_process';
import type { Socket } from 'node:net';
import { formatPacket, type Packet, PacketReader } from '@exchange-connector/psrp';
import { PipeListener } from './pipe-listener.ts';
import type { RecordedPacket } from './recording.ts';

const announced = Buffer.from('<Version N="protocolversion">2.4<');

function withVersion(packet: Packet, version: string): Packet {
  if (packet.kind !== 'Data' || packet.target !== 'pool') return packet;
  const at = Buffer.from(packet.data).indexOf(announced);
  if (at < 0) return packet;
  const data = Buffer.from(packet.data);
  data.write(version, at + announced.length - 4, 'ascii');
  return { ...packet, data };
}

export class Relay {
  readonly packets: RecordedPacket[] = [];
  readonly #listener: PipeListener;
  readonly #ended: Promise<void>[] = [];

  private constructor(listener: PipeListener) {
    this.#listener = listener;
  }

  static async listen(program: string, options: { version: string; initial: string }): Promise<Relay> {
    const relay: Relay = new Relay(await PipeListener.listen((socket) => relay.#serve(socket, program, options)));
    return relay;
  }

  get name(): string {
    return this.#listener.name;
  }

  #serve(socket: Socket, program: string, { version, initial }: { version: string; initial: string }): void {
    const server = spawn(program, ['server', initial], { stdio: ['pipe', 'pipe', 'ignore'] }); // its last words, that its input has ended, are no failure
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#ended.push(promise);
    server.on('close', () => resolve());
    const readers = { client: new PacketReader(), server: new PacketReader() };
    const pass = (from: 'client' | 'server', bytes: Uint8Array, to: { write(bytes: Uint8Array): unknown }): void => {
      for (const packet of readers[from].push(bytes)) {
        this.packets.push({ from, packet });
        to.write(formatPacket(from === 'client' ? withVersion(packet, version) : packet));
      }
      if (readers[from].violation !== undefined) socket.destroy(readers[from].violation);
    };
    socket.on('data', (bytes: Buffer) => pass('client', bytes, server.stdin));
    server.stdout.on('data', (bytes: Buffer) => pass('server', bytes, socket));
    server.stdin.on('error', () => undefined); // the server's end shows on its other streams
    socket.on('error', () => undefined);
    socket.on('close', () => server.stdin.end());
  }

  /** Ends when the servers have. */
  async close(): Promise<void> {
    await this.#listener.close();
    await Promise.all(this.#ended);
  }
}
