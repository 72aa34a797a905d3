/* Tests that share a server which takes a while to be there. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { test } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { forAllTests } from './for-all-tests.ts';

let server: Server;
forAllTests(
  async () => {
    for (let turns = 0; turns < 100; turns += 1) await turn();
    server = createServer().listen(0, '127.0.0.1');
    await once(server, 'listening');
  },
  async () => {
    server.close();
    await once(server, 'close');
    console.error('the server was closed');
  },
);

test('one that listens', () => {
  if (!server.listening) throw new Error('it does not listen');
});
