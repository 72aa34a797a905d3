/* A session whose connections the server closes between its pipelines, because nothing comes over them. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { openWsmanSession, type WsmanSessionOptions } from '@exchange-connector/wsman';
import type { Simulator } from '../src/index.ts';
import { cmd } from './command-line.ts';

const channel = 'net.client.socket';

/** Runs two pipelines, each after all of the client's connections were closed from the other side. */
export async function outliveIdleConnections(simulator: Simulator, options: WsmanSessionOptions): Promise<void> {
  const sockets: Socket[] = [];
  const listener = (message: unknown): void => void sockets.push((message as { socket: Socket }).socket);
  subscribe(channel, listener);
  try {
    const session = await openWsmanSession(options);
    for (let round = 1; round <= 2; round += 1) {
      for (const socket of sockets.splice(0)) if (!socket.closed) await once(socket, 'close');
      let databases = 0;
      for await (const event of session.invoke({ statements: [[cmd('Get-MailboxDatabase')]] }))
        databases += event.kind === 'output' ? 1 : 0;
      assert.deepEqual([databases, sockets.length > 0], [6, true], `round ${round}, over a connection of its own`);
    }
    await session.close();
  } finally {
    unsubscribe(channel, listener);
  }
  const { shellsCreated, shellsDeleted, faults } = simulator.facts;
  assert.deepEqual({ shellsCreated, shellsDeleted, faults }, { shellsCreated: 1, shellsDeleted: 1, faults: 0 });
}
