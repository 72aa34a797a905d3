/* Our server on a pipe, with out-of-process framing around a ServerRunspacePool for each client. */
import type { Socket } from 'node:net';
import {
  formatPacket,
  type Guid,
  type Packet,
  PacketReader,
  ServerRunspacePool,
  type ServerRunspacePoolOptions,
} from '@exchange-connector/psrp';
import { PipeListener } from './pipe-listener.ts';
import type { Responder } from './responder.ts';

/**
 * A real server needs 100 ms and more to open a pool. The real client breaks its pool, now and then, where that is told
 * in the same moment as the version: it has nothing to wait for that it could be seen to have done.
 */
const openingMs = 150;

/** Listens for one client after the other; each is answered by the responder. */
export function listenAsOurServer(responder: Responder, options: ServerRunspacePoolOptions): Promise<PipeListener> {
  return PipeListener.listen((socket) => serve(socket, responder, options));
}

function serve(socket: Socket, responder: Responder, options: ServerRunspacePoolOptions): void {
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
    const { target } = packet;
    if (packet.kind === 'Command') targets.add(target);
    const events = packet.kind === 'Data' ? pool.receive(target, packet.data) : [];
    if (packet.kind === 'Signal' && target !== 'pool') responder.signal(target, pool);
    if (packet.kind === 'Close' && target === 'pool') pool.closePool();
    flush();
    if (packet.kind === 'Close' && target !== 'pool') {
      pool.forgetPipeline(target);
      targets.delete(target);
    }
    socket.write(
      formatPacket({ kind: packet.kind === 'Data' ? 'DataAck' : (`${packet.kind}Ack` as 'CloseAck'), target }),
    );
    // As the real server: the acknowledgement, then what the packet led to.
    const goOn = (): void => {
      for (const event of events) responder.receive(event, pool);
      flush();
    };
    if (events.some((event) => event.kind === 'poolOpening')) setTimeout(goOn, openingMs);
    else goOn();
  };
  socket.on('data', (bytes: Buffer) => reader.push(bytes).forEach(handle));
  socket.on('error', () => undefined); // a client that is gone is seen by its own side
}
