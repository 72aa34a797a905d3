import assert from 'node:assert/strict';
import { test } from 'node:test';
import { startSimulator } from '../src/index.ts';
import { outliveIdleConnections } from './idle-connections.ts';

test('a Basic session outlives connections that the server closes for being idle', async () => {
  const basic = { login: 'admin', password: 'secret' };
  const simulator = await startSimulator({ basic, mailboxes: 10, keepAliveTimeoutMs: 100 });
  try {
    // As IIS, it does not say how long it waits: a client would close by itself.
    assert.equal((await fetch(simulator.url)).headers.get('keep-alive'), null);
    await outliveIdleConnections(simulator, {
      url: simulator.url,
      connectAddress: '127.0.0.1',
      authentication: { scheme: 'basic', login: 'admin', password: () => 'secret', allowUnencrypted: true },
    });
  } finally {
    await simulator.close();
  }
});
