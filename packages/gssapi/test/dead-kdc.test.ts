import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createSocket, type Socket as DatagramSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer, type AddressInfo, type Socket } from 'node:net';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { GssapiError, gssapiMechanism, hasBlockedCall, type InitiatorCredential } from '@exchange-connector/gssapi';
import { realmForTest, shakeHands } from './realm-for-tests.ts';

const target = 'HTTP/mail.example.test';
const login: InitiatorCredential = {
  kind: 'password',
  principal: 'bob@DEAD.TEST',
  enterprise: false,
  password: () => 'x',
};

/** A KDC that takes every request, by UDP and TCP, and answers with `answer` or not at all. */
async function startFalseKdc(
  t: { after(work: () => Promise<void>): void },
  answer?: Uint8Array,
): Promise<{ address: string; asked: () => number; stop(): Promise<void> }> {
  let asked = 0;
  const connections = new Set<Socket>();
  const server = createServer((socket) => {
    connections.add(socket);
    socket.on('error', () => undefined);
    socket.on('data', () => {
      asked += 1;
      if (answer === undefined) return;
      const length = Buffer.alloc(4);
      length.writeUInt32BE(answer.byteLength);
      socket.write(Buffer.concat([length, answer]));
    });
  });
  let datagrams: DatagramSocket | undefined;
  for (;;) {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    const candidate = createSocket('udp4');
    candidate.bind((server.address() as AddressInfo).port, '127.0.0.1');
    const bound = await once(candidate, 'listening').then(
      () => true,
      () => false,
    );
    if (bound) {
      datagrams = candidate;
      break;
    }
    server.close();
    await once(server, 'close');
  }
  datagrams.on('message', (_, peer) => {
    asked += 1;
    if (answer !== undefined) datagrams.send(answer, peer.port, peer.address);
  });
  const sockets = datagrams;
  const stop = async () => {
    if (!server.listening) return;
    for (const connection of connections) connection.destroy();
    sockets.close();
    server.close();
    await once(server, 'close');
  };
  t.after(stop);
  return { address: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked: () => asked, stop };
}

async function failureOf(work: Promise<unknown>): Promise<GssapiError> {
  const failure = await work.then(
    () => undefined,
    (error: unknown) => error,
  );
  assert.ok(failure instanceof GssapiError, String(failure));
  return failure;
}

test('a KDC that never answers ends the call within its limit, with the event loop free, and a third call is not begun', async (t) => {
  const kdc = await startFalseKdc(t);
  await realmForTest(t, { principals: [], otherRealms: { 'DEAD.TEST': [kdc.address] } });
  let ticks = 0;
  const clock = setInterval(() => {
    ticks += 1;
  }, 10);
  const begin = performance.now();
  const initiate = (timeLimitMs: number) =>
    gssapiMechanism().initiate({ target, scheme: 'kerberos', credential: login, timeLimitMs }).step();
  const [first, second] = await Promise.all([failureOf(initiate(600)), failureOf(initiate(600))]);
  const tookMs = performance.now() - begin;
  clearInterval(clock);
  assert.ok(tookMs < 6000, `took ${tookMs} ms`);
  assert.ok(ticks > 5, `${ticks} ticks of 10 ms while waiting`);
  assert.ok(kdc.asked() > 0);
  for (const failure of [first, second]) {
    assert.equal(failure.code, 'GSSAPI_TIMED_OUT');
    assert.equal(failure.recovery, 'retry-after-delay');
    assert.match(failure.message, /no answer within 600 ms.*realm DEAD\.TEST.*port 88/);
  }
  assert.equal(hasBlockedCall(), true);
  const third = await failureOf(initiate(60_000));
  assert.equal(third.code, 'GSSAPI_TIMED_OUT');
  assert.match(third.message, /2 earlier calls still wait/);
  await kdc.stop();
  // Once the port refuses, the library gives up by itself, and the next call is begun again.
  while (hasBlockedCall()) await pause(20);
  assert.equal((await failureOf(initiate(60_000))).code, 'GSSAPI_KDC_UNREACHABLE');
});

test('a context that timed out stays dead', async (t) => {
  const kdc = await startFalseKdc(t);
  await realmForTest(t, { principals: [], otherRealms: { 'DEAD.TEST': [kdc.address] } });
  const context = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential: login, timeLimitMs: 200 });
  const first = await failureOf(context.step());
  assert.equal(await failureOf(context.step()), first);
  context.end();
  await kdc.stop();
  while (hasBlockedCall()) await pause(20);
});

test('ending a context that waits for a KDC fails its step at once', async (t) => {
  const kdc = await startFalseKdc(t);
  await realmForTest(t, { principals: [], otherRealms: { 'DEAD.TEST': [kdc.address] } });
  const context = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential: login, timeLimitMs: 60_000 });
  const step = failureOf(context.step());
  while (kdc.asked() === 0) await pause(5);
  assert.equal(hasBlockedCall(), true);
  const begin = performance.now();
  context.end();
  assert.equal((await step).code, 'GSSAPI_CONTEXT_ENDED');
  assert.ok(performance.now() - begin < 200);
  await kdc.stop();
  while (hasBlockedCall()) await pause(20);
});

test('exitImmediately leaves at once though a thread waits for a KDC, with the status asked for', async (t) => {
  const kdc = await startFalseKdc(t);
  await realmForTest(t, { principals: [], otherRealms: { 'DEAD.TEST': [kdc.address] } });
  const initiate = { target, scheme: 'kerberos', timeLimitMs: 300, credential: { ...login, password: 'x' } };
  const begin = performance.now();
  const program = join(import.meta.dirname, 'one-side-program.ts');
  const request = JSON.stringify({ initiate, leave: 'at once' });
  const child = spawn(process.execPath, [program, request], { stdio: ['ignore', 'pipe', 'inherit'] });
  let said = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    said += text;
  });
  const [status] = await once(child, 'close');
  const tookMs = performance.now() - begin;
  await kdc.stop();
  assert.equal(status, 3);
  assert.deepEqual([JSON.parse(said).code, JSON.parse(said).blocked], ['GSSAPI_TIMED_OUT', true]);
  assert.ok(tookMs < 8000, `took ${tookMs} ms`);
});

test('a KDC that answers garbage is an error of its own, not a hang', async (t) => {
  for (const answer of [Buffer.from('HTTP/1.1 400 Bad Request\r\n\r\n'), Buffer.alloc(2000, 0x30), Buffer.alloc(1)]) {
    const kdc = await startFalseKdc(t, answer);
    await realmForTest(t, { principals: [], otherRealms: { 'DEAD.TEST': [kdc.address] } });
    const context = gssapiMechanism().initiate({ target, scheme: 'negotiate', credential: login, timeLimitMs: 20_000 });
    const failure = await failureOf(context.step());
    assert.equal(failure.code, 'GSSAPI_KDC_UNREACHABLE', failure.message);
    assert.match(failure.message, /realm DEAD\.TEST/);
    await kdc.stop();
  }
});

test('a realm whose KDC died after the ticket was got is named from the ticket', async (t) => {
  const realm = await realmForTest(t, { principals: [{ name: 'alice', password: 'right' }] });
  await realm.kinit({ principal: 'alice', password: 'right', cache: realm.defaultCache });
  await realm.stop();
  for (const scheme of ['kerberos', 'negotiate'] as const) {
    const context = gssapiMechanism().initiate({ target, scheme, credential: { kind: 'ticket-cache' } });
    const failure = await failureOf(shakeHands(context, context));
    assert.equal(failure.code, 'GSSAPI_KDC_UNREACHABLE', failure.message);
    assert.match(failure.message, /realm EXAMPLE\.TEST/);
  }
});
