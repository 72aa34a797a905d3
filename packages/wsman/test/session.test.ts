import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { Socket } from 'node:net';
import { setTimeout as sleep } from 'node:timers/promises';
import { type TestContext, test } from 'node:test';
import {
  decodeCliXml,
  encodeCliXml,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  psInt32,
  psSecureString,
  psString,
  type PsValue,
} from '@exchange-connector/psrp';
import {
  openWsmanSession,
  type WsmanError,
  type WsmanLimits,
  type WsmanSession,
  type WsmanSessionOptions,
} from '@exchange-connector/wsman';
import { SignalCode } from '@exchange-connector/wsman/codec';
import { ShellServer, type ShellServerOptions } from './shell-server.ts';

const basic = { login: 'ålice', password: 'pä:ß wörd' };
const request: PipelineRequest = {
  statements: [[{ name: 'Get-Mailbox', parameters: [{ name: 'ResultSize', value: psString('Unlimited') }] }]],
};

/** Limits small enough that a test of one does not wait long. */
const quickLimits: Partial<WsmanLimits> = { answerMarginMs: 2000, stopTimeoutMs: 3000, closeTimeoutMs: 3000 };

async function serve(t: TestContext, options: ShellServerOptions = {}): Promise<ShellServer> {
  const server = await ShellServer.start({ basic, ...options });
  t.after(() => server.stop());
  return server;
}

function optionsFor(server: ShellServer, more: Partial<WsmanSessionOptions> = {}): WsmanSessionOptions {
  return {
    url: server.url(),
    authentication: { scheme: 'basic', login: basic.login, password: () => basic.password, allowUnencrypted: true },
    operationTimeoutMs: 5000,
    limits: quickLimits,
    ...more,
  };
}

async function collect(events: AsyncIterable<PipelineEvent>): Promise<PipelineEvent[]> {
  const all: PipelineEvent[] = [];
  for await (const event of events) all.push(event);
  return all;
}

function outputs(events: readonly PipelineEvent[]): PsValue[] {
  return events.flatMap((event) => (event.kind === 'output' ? [decodeCliXml(event.body)] : []));
}

function finalState(events: readonly PipelineEvent[]): PipelineState | undefined {
  const last = events.at(-1);
  return last?.kind === 'state' ? last.state : undefined;
}

async function ended(session: WsmanSession, server: ShellServer): Promise<void> {
  await session.close();
  assert.equal(server.alive, 0, 'a shell was left behind');
  assert.deepEqual(server.failures, []);
}

test('a pipeline runs: its output comes, then its final state, and the shell is deleted', async (t) => {
  const server = await serve(t, { cookie: 'MS-WSMAN=S-1-5-21=abc' });
  const session = await openWsmanSession(optionsFor(server));
  assert.equal(session.server.protocolVersion, '2.3');
  assert.equal(session.idleTimeoutMs, 900_000);
  const events = await collect(session.invoke(request));
  assert.deepEqual(outputs(events), [psInt32(42)]);
  assert.equal(finalState(events), PipelineState.Completed);
  assert.deepEqual(server.signals, [SignalCode.terminate]);
  await ended(session, server);
  assert.deepEqual(server.counts, { create: 1, receive: 2, command: 1, signal: 1, delete: 1 });
  assert.equal(server.connections, 1, 'one connection is enough where nothing is outstanding');
  for (const headers of server.headers.slice(1)) assert.equal(headers.cookie, 'MS-WSMAN=S-1-5-21=abc');
  for (const headers of server.headers) assert.equal(headers['accept-encoding'], 'identity');
});

test('a consumer that leaves at the final state costs no more than one that stays: nothing is stopped that has ended', async (t) => {
  const server = await serve(t);
  const session = await openWsmanSession(optionsFor(server));
  for (let count = 0; count < 2; count += 1) {
    for await (const event of session.invoke(request)) if (event.kind === 'state') break;
  }
  assert.deepEqual(server.signals, [SignalCode.terminate, SignalCode.terminate]);
  await ended(session, server);
  assert.deepEqual(server.counts, { create: 1, receive: 3, command: 2, signal: 2, delete: 1 });
});

test('many objects larger than one envelope arrive whole and in order, while a slow consumer holds back the server', async (t) => {
  const text = 'x'.repeat(100_000);
  const server = await serve(t, {
    run: (pipeline) => {
      for (let index = 0; index < 60; index += 1) pipeline.output(psString(`${index}:${text}`));
      pipeline.finish();
    },
  });
  const session = await openWsmanSession(optionsFor(server));
  let index = 0;
  let atFirst = 0;
  for await (const event of session.invoke(request)) {
    if (event.kind !== 'output') continue;
    const value = decodeCliXml(event.body);
    assert.equal(value.kind === 'S' ? value.value.slice(0, value.value.indexOf(':')) : '', String(index));
    index += 1;
    if (index === 1) {
      await sleep(300);
      atFirst = server.counts['receive'] ?? 0;
    }
  }
  assert.equal(index, 60);
  // The pool's, then the Receive whose data are being consumed and the one outstanding.
  assert.equal(atFirst, 3);
  assert.ok((server.counts['receive'] ?? 0) > 12);
  await ended(session, server);
});

test('the next Receive is on the wire before the data of the last one are handed on', async (t) => {
  const server = await serve(t, {
    run: (pipeline) => {
      for (let index = 0; index < 20; index += 1) pipeline.output(psString('x'.repeat(60_000)));
      pipeline.finish();
    },
  });
  const sockets: Socket[] = [];
  const listener = (message: unknown) => sockets.push((message as { socket: Socket }).socket);
  subscribe('net.client.socket', listener);
  t.after(() => unsubscribe('net.client.socket', listener));
  const session = await openWsmanSession(optionsFor(server));
  const [socket] = sockets;
  let looked = false;
  for await (const event of session.invoke(request)) {
    if (event.kind !== 'output' || looked) continue;
    looked = true;
    const written = socket?.bytesWritten;
    const received = server.counts['receive'] ?? 0;
    await sleep(100);
    assert.equal(socket?.bytesWritten, written, 'it was written only once the consumer waited');
    assert.ok((server.counts['receive'] ?? 0) >= received);
  }
  assert.ok(looked);
  assert.equal(server.counts['receive'], 5);
  await ended(session, server);
});

test('the envelope is 150 KB until the server has shown PSRP 2.2, then 500 KB; with 2.1 it stays', async (t) => {
  for (const [version, size] of [
    ['2.1', 153_600],
    ['2.3', 512_000],
  ] as const) {
    const server = await serve(t, { maxProtocolVersion: version, ownIds: version === '2.1' });
    const session = await openWsmanSession(optionsFor(server));
    const events = await collect(session.invoke(request));
    assert.deepEqual(outputs(events), [psInt32(42)]);
    await ended(session, server);
    const sizes = server.requests.map((parsed) => parsed.header.maxEnvelopeBytes);
    assert.equal(sizes[0], 153_600);
    assert.equal(sizes.at(-1), size);
  }
});

test('a long command line and much input are split into envelopes of the agreed size', async (t) => {
  const long = 'y'.repeat(700_000);
  const values = Array.from({ length: 300 }, (_value, index) => psString(`${index}-${'z'.repeat(3000)}`));
  const received: string[] = [];
  const server = await serve(t, {
    run: async (pipeline) => {
      await pipeline.inputEnded;
      for (const body of pipeline.input) {
        const value = decodeCliXml(body);
        if (value.kind === 'S') received.push(value.value);
      }
      const argument = pipeline.request.statements[0]?.[0]?.parameters[0]?.value;
      assert.equal(argument?.kind === 'S' ? argument.value : '', long);
      pipeline.finish();
    },
    spoil: ({ request: incoming, parsed }) => {
      assert.ok(
        Number(incoming.headers['content-length']) <= parsed.header.maxEnvelopeBytes,
        `${parsed.body.kind} is larger than its envelope may be`,
      );
      return false;
    },
  });
  const session = await openWsmanSession(optionsFor(server));
  const events = await collect(
    session.invoke(
      { statements: [[{ name: 'Set-It', parameters: [{ name: 'Text', value: psString(long) }] }]] },
      { input: values },
    ),
  );
  assert.equal(finalState(events), PipelineState.Completed);
  assert.ok(
    received.join() === values.map((value) => (value.kind === 'S' ? value.value : '')).join(),
    'the input differs',
  );
  assert.ok((server.counts['send'] ?? 0) >= 3);
  await ended(session, server);
});

test('input that is waited for goes to the server as it comes, and input that fails stops the pipeline', async (t) => {
  const seen: number[] = [];
  const server = await serve(t, { run: (pipeline) => pipeline.inputEnded.then(() => pipeline.finish()) });
  const session = await openWsmanSession(optionsFor(server));
  async function* slow() {
    yield psInt32(1);
    while ((server.counts['send'] ?? 0) < 1) await sleep(5);
    seen.push(server.counts['send'] ?? 0);
    yield psInt32(2);
    throw new Error('the source is broken');
  }
  await assert.rejects(collect(session.invoke(request, { input: slow() })), /the source is broken/);
  assert.deepEqual(seen, [1]);
  assert.deepEqual(server.signals, [SignalCode.stop, SignalCode.terminate]);
  assert.deepEqual(outputs(await collect(session.invoke(request, { input: [] }))), []);
  await ended(session, server);
});

test('a pipeline that ends before its input does is no error', async (t) => {
  const server = await serve(t, { run: (pipeline) => pipeline.finish() });
  const session = await openWsmanSession(optionsFor(server));
  let returned = false;
  const endless: AsyncIterable<PsValue> = {
    [Symbol.asyncIterator]: () => ({
      next: () => new Promise(() => undefined),
      return: async () => {
        returned = true;
        return { done: true, value: undefined };
      },
    }),
  };
  assert.equal(finalState(await collect(session.invoke(request, { input: endless }))), PipelineState.Completed);
  assert.ok(returned);
  await ended(session, server);
});

test('quiet Receives are asked again for as long as the pipeline runs', async (t) => {
  const server = await serve(t, {
    run: async (pipeline) => {
      while ((server.counts['receive'] ?? 0) < 6) await sleep(10);
      pipeline.output(psInt32(7));
      pipeline.finish();
    },
  });
  const session = await openWsmanSession(optionsFor(server, { operationTimeoutMs: 100 }));
  assert.deepEqual(outputs(await collect(session.invoke(request))), [psInt32(7)]);
  await ended(session, server);
});

test('a consumer that leaves early stops the pipeline, and the session goes on', async (t) => {
  const server = await serve(t, {
    run: (pipeline) => {
      pipeline.output(psInt32(1));
      if (server.counts['command'] === 2) pipeline.finish();
    },
  });
  const session = await openWsmanSession(optionsFor(server));
  for await (const event of session.invoke(request)) {
    assert.equal(event.kind, 'output');
    break;
  }
  assert.deepEqual(server.signals, [SignalCode.stop, SignalCode.terminate]);
  assert.equal(server.connections, 2, 'the stop goes over a connection of its own');
  assert.equal(finalState(await collect(session.invoke(request))), PipelineState.Completed);
  await ended(session, server);
});

test('a signal stops the pipeline on the server and its reason is thrown', async (t) => {
  const server = await serve(t, { run: (pipeline) => pipeline.output(psInt32(1)) });
  const session = await openWsmanSession(optionsFor(server));
  const controller = new AbortController();
  const reason = new Error('enough');
  const events: PipelineEvent[] = [];
  await assert.rejects(
    async () => {
      for await (const event of session.invoke(request, { signal: controller.signal })) {
        events.push(event);
        setImmediate(() => controller.abort(reason));
      }
    },
    (error) => error === reason,
  );
  assert.equal(events.length, 1);
  assert.deepEqual(server.signals, [SignalCode.stop, SignalCode.terminate]);
  await ended(session, server);
});

test('host calls are refused over the second connection and the pipeline goes on', async (t) => {
  const server = await serve(t, {
    run: async (pipeline) => {
      pipeline.pool.hostCall(pipeline.id, { callId: 1n, methodId: 11, parameters: [] });
      pipeline.wake();
      while ((server.counts['send'] ?? 0) < 1) await sleep(5);
      pipeline.output(psInt32(1));
      pipeline.finish();
    },
  });
  const session = await openWsmanSession(optionsFor(server));
  assert.deepEqual(outputs(await collect(session.invoke(request))), [psInt32(1)]);
  const sends = server.requests.flatMap(({ body }) => (body.kind === 'send' ? [body.stream] : []));
  assert.deepEqual(sends, ['pr']);
  await ended(session, server);
});

test('a failed pipeline is a value with its error record', async (t) => {
  const server = await serve(t, {
    run: (pipeline) =>
      pipeline.finish(PipelineState.Failed, {
        message: 'The term is not known.',
        fullyQualifiedErrorId: 'CommandNotFoundException',
      }),
  });
  const session = await openWsmanSession(optionsFor(server));
  const events = await collect(session.invoke(request));
  const last = events.at(-1);
  assert.equal(last?.kind === 'state' ? last.error?.message : '', 'The term is not known.');
  await ended(session, server);
});

test('one pipeline runs at a time, and none after closing', async (t) => {
  const server = await serve(t, { run: (pipeline) => pipeline.output(encodeCliXml(psInt32(1))) });
  const session = await openWsmanSession(optionsFor(server));
  const running = session.invoke(request)[Symbol.asyncIterator]();
  await running.next();
  await assert.rejects(collect(session.invoke(request)), { code: 'WSMAN_SESSION_BUSY' });
  await session.close();
  await session.close();
  await assert.rejects(running.next(), { code: 'WSMAN_SESSION_CLOSED' });
  await assert.rejects(collect(session.invoke(request)), { code: 'WSMAN_SESSION_CLOSED' });
  await ended(session, server);
});

test('a pool that the server breaks while opening gives its text, the wait it asks for, and no shell stays', async (t) => {
  const message =
    'Fail to create runspace because you have exceeded your budget to create runspace. Please wait for 47 seconds. [FailureCategory=AuthZ-AuthorizationException]';
  const server = await serve(t, { open: (pool) => pool.breakPool({ message, fullyQualifiedErrorId: 'x' }) });
  await assert.rejects(openWsmanSession(optionsFor(server)), (error: WsmanError) => {
    assert.equal(error.code, 'WSMAN_POOL_BROKEN');
    assert.equal(error.phase, 'open');
    assert.equal(error.recovery, 'retry-after-delay');
    assert.equal(error.retryAfterMs, 47_000);
    assert.match(error.message, /exceeded your budget/);
    return true;
  });
  assert.equal(server.alive, 0);
  assert.equal(server.counts['delete'], 1);
});

test('a shell that the server has forgotten ends the run with fault 2150858843 and reopen-session', async (t) => {
  const server = await serve(t, { run: (pipeline) => pipeline.output(psInt32(1)) });
  const session = await openWsmanSession(optionsFor(server));
  await assert.rejects(
    async () => {
      for await (const event of session.invoke(request)) if (event.kind === 'output') server.forgetShells();
    },
    { code: 'WSMAN_FAULT', faultCode: 2150858843, recovery: 'reopen-session', phase: 'run' },
  );
  await assert.rejects(collect(session.invoke(request)), { code: 'WSMAN_SESSION_CLOSED', recovery: 'reopen-session' });
  await ended(session, server);
});

test('a SecureString goes to the server after the session key was exchanged, as argument and as input, and comes back', async (t) => {
  const seen: (string | undefined)[] = [];
  const server = await serve(t, {
    run: async (pipeline) => {
      await pipeline.inputEnded;
      const argument = pipeline.request.statements[0]?.[0]?.parameters[0]?.value;
      if (argument?.kind === 'SS') seen.push(pipeline.pool.revealSecureString(argument));
      for (const body of pipeline.input) {
        const value = decodeCliXml(body);
        if (value.kind === 'SS') seen.push(pipeline.pool.revealSecureString(value));
      }
      pipeline.output(psSecureString('from the server'));
      pipeline.finish();
    },
  });
  const session = await openWsmanSession(optionsFor(server));
  const withSecret: PipelineRequest = {
    statements: [[{ name: 'New-Mailbox', parameters: [{ name: 'Password', value: psSecureString('gehéim') }] }]],
  };
  const [value] = outputs(await collect(session.invoke(withSecret, { input: [psSecureString('second')] })));
  assert.deepEqual(seen, ['gehéim', 'second']);
  assert.equal(value?.kind === 'SS' ? session.revealSecureString(value) : '', 'from the server');
  await ended(session, server);
});

test('a SecureString first met in the input is exchanged a key for beside the outstanding Receive', async (t) => {
  const seen: (string | undefined)[] = [];
  const server = await serve(t, {
    run: async (pipeline) => {
      await pipeline.inputEnded;
      for (const body of pipeline.input) {
        const value = decodeCliXml(body);
        if (value.kind === 'SS') seen.push(pipeline.pool.revealSecureString(value));
      }
      pipeline.finish();
    },
  });
  const session = await openWsmanSession(optionsFor(server));
  async function* secrets() {
    while ((server.counts['receive'] ?? 0) < 2) await sleep(5);
    yield psSecureString('late');
  }
  assert.equal(finalState(await collect(session.invoke(request, { input: secrets() }))), PipelineState.Completed);
  assert.deepEqual(seen, ['late']);
  await ended(session, server);
});

test('with 2.4 announced and asked to exchange a key at open, a server of any version opens', async (t) => {
  for (const version of ['2.4', '2.3', '2.2'] as const) {
    const server = await serve(t, { maxProtocolVersion: version });
    const session = await openWsmanSession(optionsFor(server, { protocolVersion: '2.4', keyExchange: 'at-open' }));
    assert.equal(session.server.protocolVersion, version);
    assert.equal(server.counts['send'] ?? 0, version === '2.4' ? 0 : 1);
    await ended(session, server);
  }
});
