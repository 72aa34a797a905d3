/* Recorded sessions of real Windows servers (PSRP 2.1 to 2.3), replayed through the client. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  type ClientEvent,
  ClientRunspacePool,
  decodeCliXml,
  type Guid,
  type PipelineEvent,
  type PipelineRequest,
  psInt32,
  psString,
  type PsValue,
} from '@exchange-connector/psrp';
import {
  nodeSessionKey,
  openWsmanSession,
  type WsmanSession,
  type WsmanSessionOptions,
} from '@exchange-connector/wsman';
import { parse } from 'yaml';
import { Channel } from '../src/http/channel.ts';
import { CookieStore } from '../src/http/cookie-store.ts';
import { ServerClock } from '../src/http/server-clock.ts';
import { parseEndpoint } from '../src/http/endpoint.ts';
import { defaultWsmanLimits } from '../src/limits.ts';
import { ShellClient } from '../src/session/shell-client.ts';
import { sendAll } from '../src/session/shell-parts.ts';
import { type RecordedExchange, TranscriptServer } from './transcript-server.ts';

const folder = fileURLToPath(new URL('../../../../shared/samples/transcripts/', import.meta.url));
const skip = existsSync(folder) ? false : `the recordings are not at ${folder}`;
const command: PipelineRequest = { statements: [[{ name: 'Get-It', parameters: [] }]] };
const authentication = {
  scheme: 'basic',
  login: 'vagrant',
  password: () => 'vagrant',
  allowUnencrypted: true,
} as const;
const covered = new Set<string>();

function exchangesOf(name: string): RecordedExchange[] {
  covered.add(`${name}.yml`);
  return (parse(readFileSync(`${folder}${name}.yml`, 'utf8')) as { messages: RecordedExchange[] }).messages;
}

/** One word per event: the state with its number, everything else by kind. */
function words(events: readonly PipelineEvent[]): string {
  return events.map((event) => (event.kind === 'state' ? `state${event.state}` : event.kind)).join(' ');
}

function valuesOf(events: readonly PipelineEvent[]): PsValue[] {
  return events.flatMap((event) => (event.kind === 'output' ? [decodeCliXml(event.body)] : []));
}

async function run(session: WsmanSession, input?: readonly PsValue[], request = command): Promise<PipelineEvent[]> {
  const events: PipelineEvent[] = [];
  for await (const event of session.invoke(request, input === undefined ? {} : { input })) events.push(event);
  return events;
}

interface Replay {
  readonly name: string;
  readonly says: string;
  readonly options?: Partial<WsmanSessionOptions>;
  readonly act: (session: WsmanSession) => Promise<void>;
}

const text = (value: string): PsValue => psString(value);

const replays: Replay[] = [
  {
    name: 'psrp_open_runspace',
    says: 'opens and closes',
    act: async (session) => assert.equal(session.server.protocolVersion, '2.3'),
  },
  {
    name: 'psrp_error_failed',
    says: 'runs a pipeline that fails, with its error',
    act: async (session) => {
      const events = await run(session);
      assert.equal(words(events), 'progress output state5');
      const last = events.at(-1);
      assert.ok(last?.kind === 'state' && (last.error?.message.length ?? 0) > 0);
    },
  },
  {
    name: 'psrp_long_running_cmdlet',
    says: 'waits through two quiet Receives',
    act: async (session) => assert.equal(words(await run(session)), 'output state4'),
  },
  {
    name: 'psrp_multiple_commands',
    says: 'exchanges the session key while opening and runs several statements',
    options: {
      keyExchange: 'at-open',
      // The recorded key was sealed for another client's private key.
      sessionKey: {
        ...nodeSessionKey,
        createKeyPair: () => ({
          publicKey: nodeSessionKey.createKeyPair().publicKey,
          decrypt: () => new Uint8Array(32),
        }),
      },
    },
    act: async (session) => assert.equal(words(await run(session)), `${'output '.repeat(7)}state4`),
  },
  {
    name: 'psrp_pshost_methods',
    says: 'passes over a host call that wants no answer',
    act: async (session) => assert.equal(words(await run(session)), 'output state4'),
  },
  {
    name: 'psrp_run_protocol_version_2.1',
    says: 'uses the ids that a 2.1 server returns, and keeps to 150 KB',
    act: async (session) => {
      assert.equal(session.server.protocolVersion, '2.1');
      assert.equal(session.idleTimeoutMs, undefined);
      assert.equal(
        words(await run(session, [text('1'), text('2'), text('3')])),
        'debug output output output output debug state4',
      );
    },
  },
  {
    name: 'psrp_stream_output_invocation',
    says: 'reads every record stream, with invocation information',
    act: async (session) =>
      assert.equal(words(await run(session)), 'progress debug verbose error output warning information state4'),
  },
  {
    name: 'psrp_with_input',
    says: 'sends input',
    act: async (session) =>
      assert.equal(
        words(await run(session, [text('1'), psInt32(2), text('3'), text('4')])),
        'progress debug output output output output debug state4',
      ),
  },
  {
    name: 'psrp_with_jea_configuration',
    says: 'opens where the private data come apart, runs a command, and has a second refused',
    act: async (session) => {
      assert.equal(words(await run(session)), 'output state4');
      const events = await run(session);
      assert.equal(words(events), 'error state5');
      const [refused] = events;
      assert.match(refused?.kind === 'error' ? refused.record.message : '', /Cannot find a provider/);
    },
  },
];

for (const { name, says, options, act } of replays) {
  test(`${name}: the client ${says}`, { skip }, async (t) => {
    const server = await TranscriptServer.start(exchangesOf(name));
    t.after(() => server.stop());
    const session = await openWsmanSession({
      url: server.url,
      authentication,
      configurationName: 'Microsoft.PowerShell',
      ...options,
    });
    try {
      await act(session);
    } finally {
      await session.close();
    }
    assert.deepEqual(server.problems, []);
    assert.deepEqual(server.unconsumed, []);
  });
}

test('psrp_small_msg_size: an envelope of 32 KB splits the command and its input', { skip }, async (t) => {
  const server = await TranscriptServer.start(exchangesOf('psrp_small_msg_size'));
  t.after(() => server.stop());
  const limits = { ...defaultWsmanLimits, maxEnvelopeBytes: 32_768 };
  const channel = newChannel(server.url);
  const client = new ShellClient({
    url: server.url,
    resourceUri: 'http://schemas.microsoft.com/wbem/wsman/1/config',
    operationTimeoutMs: 20_000,
    limits,
  });
  assert.equal(
    (await client.perform({ kind: 'get', shellId: 'none' }, { channel, phase: 'run', signal: undefined })).kind,
    'got',
  );
  channel.close(new Error('done'));
  const session = await openWsmanSession({
    url: server.url,
    authentication,
    configurationName: 'Microsoft.PowerShell',
    limits,
  });
  const long: PipelineRequest = {
    statements: [[{ name: 'Get-It', parameters: [{ value: text('x'.repeat(24_000)) }] }]],
  };
  const events = await run(session, [text('y')], long);
  assert.equal(words(events), 'output output output state4');
  assert.equal(valuesOf(events).length, 3);
  await session.close();
  assert.deepEqual(server.problems, []);
  assert.deepEqual(server.unconsumed, []);
});

test('psrp_key_exchange_timeout: a key that does not come can be cancelled, and the shell is deleted', {
  skip,
}, async (t) => {
  const controller = new AbortController();
  const server = await TranscriptServer.start(exchangesOf('psrp_key_exchange_timeout'), () =>
    controller.abort(new Error('no key came')),
  );
  t.after(() => server.stop());
  const options = {
    url: server.url,
    authentication,
    configurationName: 'Microsoft.PowerShell',
    keyExchange: 'at-open',
    signal: controller.signal,
  } as const;
  await assert.rejects(openWsmanSession(options), /no key came/);
  assert.deepEqual(server.problems, []);
  assert.deepEqual(server.unconsumed, []);
});

function newChannel(url: string): Channel {
  return new Channel({
    name: 'main',
    endpoint: parseEndpoint({ url }),
    authentication,
    cookies: new CookieStore(),
    clock: new ServerClock(),
    limits: defaultWsmanLimits,
  });
}

/** The parts without the session, for what the session does not offer. */
async function openParts(url: string) {
  const channel = newChannel(url);
  const on = { channel, phase: 'run', signal: undefined } as const;
  const client = new ShellClient({
    url,
    resourceUri: 'http://schemas.microsoft.com/powershell/Microsoft.PowerShell',
    operationTimeoutMs: 20_000,
    limits: defaultWsmanLimits,
  });
  const pool = new ClientRunspacePool({ id: crypto.randomUUID() as Guid });
  pool.open();
  const creation = pool.takeOutgoing('pool', 100_000) ?? new Uint8Array(0);
  const { shellId } = await client.perform(
    { kind: 'create', shellId: pool.id.toUpperCase(), protocolVersion: '2.3', creation },
    on,
  );
  const receive = async (): Promise<ClientEvent[]> => {
    const received = await client.receive(shellId, undefined, on);
    const events =
      received.kind === 'received' ? received.streams.flatMap((stream) => [...pool.receive('pool', stream.data)]) : [];
    for (const event of events) if (event.kind === 'poolNegotiated') client.negotiated(event.protocolVersion);
    return events;
  };
  while (!(await receive()).some((event) => event.kind === 'poolOpened'));
  const close = async () => {
    await client.perform({ kind: 'delete', shellId }, on);
    channel.close(new Error('done'));
  };
  return { client, pool, shellId, on, receive, close };
}

test('psrp_receive_failure: a Receive for a command that does not exist is fault 2150858843', { skip }, async (t) => {
  const server = await TranscriptServer.start(exchangesOf('psrp_receive_failure'));
  t.after(() => server.stop());
  const { client, shellId, on, close } = await openParts(server.url);
  await assert.rejects(client.receive(shellId, 'D1BF48DA-B26C-4F4A-BE52-B382AC20DD1F', on), {
    code: 'WSMAN_FAULT',
    faultCode: 2150858843,
    recovery: 'reopen-session',
  });
  await close();
  assert.deepEqual(server.problems, []);
  assert.deepEqual(server.unconsumed, []);
});

test('psrp_set_runspaces: questions about the pool go over the pool and are answered there', { skip }, async (t) => {
  const server = await TranscriptServer.start(exchangesOf('psrp_set_runspaces'));
  t.after(() => server.stop());
  const { client, pool, shellId, on, receive, close } = await openParts(server.url);
  const answers: unknown[] = [];
  const asks = [
    () => pool.getAvailableRunspaces(),
    () => pool.setMaxRunspaces(2),
    () => pool.getAvailableRunspaces(),
    () => pool.setMinRunspaces(2),
    () => pool.setMinRunspaces(10),
    () => pool.setMaxRunspaces(-1),
  ];
  for (const ask of asks) {
    ask();
    await sendAll(pool, 'pool', client, shellId, undefined, on);
    for (const event of await receive()) answers.push(event.kind === 'runspaceAvailability' ? event.value : event.kind);
  }
  await close();
  assert.equal(answers.length, 6);
  assert.deepEqual(server.problems, []);
  assert.deepEqual(server.unconsumed, []);
});

test('every recording at hand is replayed', { skip }, () => {
  assert.deepEqual(
    readdirSync(folder)
      .filter((name) => name.endsWith('.yml'))
      .sort(),
    [...covered].sort(),
  );
});
