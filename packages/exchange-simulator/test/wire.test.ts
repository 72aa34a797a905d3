/* The service on the wire, asked by hand: shells, envelopes, faults, limits, cookies, hostile requests. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { connect } from 'node:net';
import { test } from 'node:test';
import { gunzipSync } from 'node:zlib';
import { type Simulator, type SimulatorOptions, startSimulator } from '@exchange-connector/exchange-simulator';
import { type Guid, psString } from '@exchange-connector/psrp';
import { parseResponse, SignalCode } from '@exchange-connector/wsman/codec';
import fc from 'fast-check';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { cmd } from './command-line.ts';
import { RawClient, type RawOptions, soap } from './raw-client.ts';

const basic = { login: 'admin', password: 'secret' };
let simulator: Simulator;
const clients: RawClient[] = [];

forAllTests(
  async () => {
    simulator = await startSimulator({ basic, mailboxes: 3_000 });
  },
  async () => {
    for (const client of clients) client.close();
    await simulator.close();
  },
);

function client(options: Partial<RawOptions> = {}, of = simulator): RawClient {
  const made = new RawClient({ url: of.url, ...options });
  clients.push(made);
  return made;
}

async function withSimulator(
  options: Partial<SimulatorOptions>,
  act: (own: Simulator) => Promise<void>,
): Promise<void> {
  const own = await startSimulator({ basic, mailboxes: 300, ...options });
  try {
    await act(own);
  } finally {
    await own.close();
  }
}

const everything = cmd('Get-Mailbox', { ResultSize: 'Unlimited' });

test('a shell is created, opens, runs a command, and is deleted', async () => {
  const one = client();
  const created = await one.create();
  assert.ok(created.kind === 'created');
  assert.equal(created.shellId, one.poolId.toUpperCase());
  assert.deepEqual(
    [created.shell?.idleTimeoutMs, created.shell?.owner, created.shell?.state],
    [900_000, 'admin', 'Connected'],
  );
  const first = await one.receive();
  assert.ok(first.kind === 'received' && first.streams.length === 2, 'capability and private data');
  assert.ok(!one.events.some((event) => event.kind === 'poolOpened'));
  await one.receive();
  assert.deepEqual(one.events.map((event) => event.kind).at(-1), 'poolOpened');
  assert.equal(
    (await one.drain(await one.command(everything, cmd('Select-Object', { Property: 'Guid' })))).length,
    visible(simulator, 'example.test'),
  );
  const got = await one.ask({ kind: 'get', shellId: one.shellId });
  assert.ok(got.kind === 'got' && got.shellId === one.shellId);
  assert.equal((await one.delete()).kind, 'deleted');
  assert.equal(RawClient.faultCode(await one.ask({ kind: 'get', shellId: one.shellId })), 2150858843);
});

function visible(of: Simulator, domain: string): number {
  return Array.from({ length: of.organization.mailboxCount }, (_, index) => of.organization.placeOf(index)).filter(
    (place) => place.hiddenBehind === undefined && place.domain === domain,
  ).length;
}

test('a Receive fills its envelope and does not pass it, each fragment in a stream of its own, of at most 32,768 bytes', async () => {
  // However slow this machine is, an answer is filled to its size.
  await withSimulator({ mailboxes: 3_000, fillMs: 60_000 }, async (own) => {
    for (const maxEnvelopeBytes of [153_600, 512_000]) {
      const one = await client({ maxEnvelopeBytes }, own).open();
      const command = await one.command(everything);
      const answer = await one.post(
        one.envelope({ kind: 'receive', shellId: one.shellId, commandId: command.commandId }),
      );
      assert.ok(
        answer.body.length <= maxEnvelopeBytes && answer.body.length > maxEnvelopeBytes * 0.9,
        `${answer.body.length} of ${maxEnvelopeBytes}`,
      );
      const { body } = parseResponse(answer.body);
      assert.ok(body.kind === 'received' && body.commandState === undefined);
      for (const { data, commandId } of body.streams) {
        assert.equal(commandId, command.commandId);
        assert.ok(data.length <= 32_768);
        const blob = new DataView(data.buffer, data.byteOffset).getUint32(17);
        assert.equal(data.length, 21 + blob, 'one fragment, neither more nor less');
      }
      await one.delete();
    }
  });
});

test('a quiet Receive ends with 2150858793 when its time is over, and can be repeated', async () => {
  const one = await client({ operationTimeoutMs: 150 }).open();
  for (let round = 0; round < 2; round += 1) {
    const started = performance.now();
    const answer = await one.receive();
    assert.ok(
      answer.kind === 'fault' &&
        answer.fault.code === 2150858793 &&
        answer.fault.subcode === 'TimedOut' &&
        answer.fault.role === 'Receiver',
    );
    assert.ok(performance.now() - started >= 145);
  }
  await one.delete();
});

test('only one Receive may be outstanding for a stream, and a Delete aborts it', async () => {
  const one = await client().open();
  const other = client();
  Object.assign(other, { shellId: one.shellId, cookie: one.cookie });
  const waiting = one.receive();
  // The second request is made once the first is seen to be under way.
  while (
    simulator.facts.requests['receive'] === undefined ||
    (await other.ask({ kind: 'get', shellId: one.shellId })).kind !== 'got'
  );
  assert.equal(RawClient.faultCode(await other.receive()), 2150859047);
  assert.equal((await other.delete()).kind, 'deleted');
  assert.equal(RawClient.faultCode(await waiting), 995);
});

test('objects are made only as they are asked for', async () => {
  await withSimulator({ mailboxes: 500_000 }, async (own) => {
    const one = await client({}, own).open();
    const started = performance.now();
    const command = await one.command(everything);
    await one.receive(command);
    await one.receive(command);
    assert.ok(one.outputs(command.id).length < 200);
    assert.ok(performance.now() - started < 3_000);
    assert.equal((await one.delete()).kind, 'deleted');
  });
});

test('after Done a command is gone for Receive, and can still be terminated', async () => {
  const one = await client().open();
  const command = await one.command(cmd('Get-ExchangeServer'));
  let answer = await one.receive(command);
  while (answer.kind === 'received' && answer.commandState === undefined) answer = await one.receive(command);
  assert.ok(answer.kind === 'received' && answer.commandState?.state === 'Done' && answer.commandState.exitCode === 0);
  assert.equal(RawClient.faultCode(await one.receive(command)), 2150858843);
  const terminate = {
    kind: 'signal',
    shellId: one.shellId,
    commandId: command.commandId,
    code: SignalCode.terminate,
  } as const;
  assert.equal((await one.ask(terminate)).kind, 'signalled');
  assert.equal(RawClient.faultCode(await one.ask(terminate)), 2150858843);
  await one.delete();
});

test('crtl_c stops a command, which says so; any other code closes it', async () => {
  const one = await client().open();
  const stopped = await one.command(everything);
  await one.receive(stopped);
  assert.equal(
    (
      await one.ask({
        kind: 'signal',
        shellId: one.shellId,
        commandId: stopped.commandId,
        code: 'powershell/signal/crtl_c',
      })
    ).kind,
    'signalled',
  );
  let answer = await one.receive(stopped);
  while (answer.kind === 'received' && answer.commandState === undefined) answer = await one.receive(stopped);
  const last = one.events.at(-1);
  assert.ok(last?.kind === 'pipeline' && last.event.kind === 'state' && last.event.state === 3);
  assert.equal(last.event.error?.fullyQualifiedErrorId, 'PipelineStopped');
  const closed = await one.command(everything);
  assert.equal(
    (
      await one.ask({
        kind: 'signal',
        shellId: one.shellId,
        commandId: closed.commandId,
        code: 'powershell/signal/ctrl_c',
      })
    ).kind,
    'signalled',
  );
  assert.equal(RawClient.faultCode(await one.receive(closed)), 2150858843);
  await one.delete();
});

test('a request of a shell without its affinity cookie comes to another server, in Exchange’s words', async () => {
  const one = await client().open();
  const kept = one.cookie as string;
  assert.match(kept, /^MS-WSMAN=S-1-5-21-[\d-]+=/);
  for (const cookie of [undefined, 'MS-WSMAN=S-1-5-21-1=other', `other=1`]) {
    one.cookie = cookie;
    const answer = await one.ask({ kind: 'get', shellId: one.shellId });
    assert.ok(answer.kind === 'fault' && answer.fault.code === 2150858843);
    assert.match(
      answer.fault.message ?? '',
      /^\[ClientAccessServer=EX01,BackEndServer=.*\] \[FailureCategory=WSMan-InvalidShellID\] The request for the Windows Remote Shell with ShellId .* failed because the shell was not found/,
    );
  }
  one.cookie = `first=1; ${kept}; last=2`;
  assert.equal((await one.delete()).kind, 'deleted');
});

test('a server of Exchange 2010’s time chooses its own ids, has no cookie, says nothing of the shell, and keeps to 150 KB', async () => {
  await withSimulator({ protocolVersion: '2.1' }, async (own) => {
    const one = client({ protocolVersion: '2.1' }, own);
    const created = await one.create();
    assert.ok(
      created.kind === 'created' && created.shell === undefined && created.shellId !== one.poolId.toUpperCase(),
    );
    assert.equal(one.cookie, undefined);
    while (!one.events.some((event) => event.kind === 'poolOpened')) await one.receive();
    const command = await one.command(everything);
    assert.notEqual(command.commandId, command.id.toUpperCase());
    const answer = await one.post(
      one.envelope({ kind: 'receive', shellId: one.shellId, commandId: command.commandId }),
    );
    assert.ok(answer.body.length <= 153_600);
    assert.equal((await one.delete()).kind, 'deleted');
  });
  const modern = client({ protocolVersion: '2.1' });
  assert.ok(
    (await modern.create()).kind === 'created' && modern.shellId !== modern.poolId.toUpperCase(),
    'a newer server does the same for an old client',
  );
  await modern.delete();
});

test('a user may have 18 shells, and is told so at the nineteenth', async () => {
  await withSimulator({}, async (own) => {
    const all = Array.from({ length: 18 }, () => client({}, own));
    for (const one of all) assert.equal((await one.create()).kind, 'created');
    const refused = await client({}, own).create();
    assert.ok(refused.kind === 'fault');
    assert.match(
      refused.fault.message ?? '',
      /This user is allowed a maximum number of 18 concurrent shells, which has been exceeded/,
    );
    assert.deepEqual([own.facts.shellsOpen, own.facts.shellsRefused], [18, 1]);
    await all[0]?.delete();
    assert.equal((await client({}, own).create()).kind, 'created');
  });
});

test('a spent budget breaks the pool and names the seconds to wait; so does a missing role', async () => {
  await withSimulator({ runspaceBudget: { runspaces: 1, periodSeconds: 60 } }, async (own) => {
    await client({}, own).open();
    const second = await client({}, own).open();
    const broken = second.events.at(-1);
    assert.ok(broken?.kind === 'poolBroken');
    assert.match(
      broken.error?.message ?? '',
      /\[FailureCategory=AuthZ-AuthorizationException\] Fail to create runspace because you have exceeded your budget to create runspace\. Please wait for (?:60|59) seconds\. Policy: CN=/,
    );
  });
  await withSimulator({ withoutRoles: ['admin'] }, async (own) => {
    const broken = (await client({}, own).open()).events.at(-1);
    assert.ok(broken?.kind === 'poolBroken');
    assert.match(
      broken.error?.message ?? '',
      /\[FailureCategory=AuthZ-CmdletAccessDeniedException\] The user "admin" isn't assigned to any management roles\./,
    );
  });
});

test('a shell that nobody asks for expires', async () => {
  await withSimulator({ idleTimeoutMs: 80 }, async (own) => {
    const one = client({}, own);
    const created = await one.create();
    assert.ok(
      created.kind === 'created' && created.shell?.idleTimeoutMs === 80,
      'more than the server grants is not given',
    );
    const { promise, resolve } = Promise.withResolvers<void>();
    setTimeout(resolve, 200);
    await promise;
    assert.equal(RawClient.faultCode(await one.ask({ kind: 'get', shellId: one.shellId })), 2150858843);
    assert.deepEqual([own.facts.shellsExpired, own.facts.shellsOpen], [1, 0]);
  });
});

test('another resource URI, another path and another method are refused as a real server refuses them', async () => {
  const wrong = await client({ resourceUri: 'http://schemas.microsoft.com/powershell/Microsoft.PowerShell' }).create();
  assert.ok(
    wrong.kind === 'fault' &&
      wrong.fault.code === 2150858811 &&
      wrong.fault.message?.includes('was not found in the WS-Management catalog'),
  );
  const one = client();
  const paths = await Promise.all([
    one.post('', {}, { path: '/wsman' }),
    one.post('', {}, { path: '/' }),
    one.post('', {}, { path: '/powershell' }),
    one.post('', {}, { path: '/POWERSHELL/?PSVersion=5.1' }),
  ]);
  assert.deepEqual(
    paths.map((answer) => answer.status),
    [404, 404, 200, 200],
  );
  assert.equal((await one.post('', {}, { method: 'GET' })).status, 405);
  assert.match(paths[0]?.headers['content-type'] ?? '', /^text\/html/);
});

test('without a valid account the answer is 401 with the schemes that are offered', async () => {
  const one = client({ password: 'wrong' });
  for (const headers of [
    {},
    { Authorization: 'Bearer x' },
    { Authorization: 'Basic' },
    { Authorization: 'Basic ::::' },
    { Authorization: 'Kerberos AAAA' },
  ]) {
    const answer = await one.post('', headers);
    assert.deepEqual([answer.status, answer.headers['www-authenticate']], [401, 'Basic realm="exchange"']);
  }
  await withSimulator({ basic: { login: 'jürgen', password: 'pä:ss wörd€' } }, async (own) => {
    assert.equal((await client({ login: 'jürgen', password: 'pä:ss wörd€' }, own).post('')).status, 200);
    assert.equal((await client({ login: 'jürgen', password: 'pä' }, own).post('')).status, 401);
  });
});

test('one user’s shell is not there for another', async () => {
  const one = await client().open();
  await withSimulator({}, async (own) => {
    const stranger = client({}, own);
    Object.assign(stranger, { cookie: one.cookie });
    assert.equal(RawClient.faultCode(await stranger.ask({ kind: 'get', shellId: one.shellId })), 2150858843);
  });
  await one.delete();
});

test('a response that could not be delivered is given again', async () => {
  const one = await client().open();
  const command = await one.command(cmd('Get-Mailbox', { ResultSize: 300 }));
  const first = await one.post(one.envelope({ kind: 'receive', shellId: one.shellId, commandId: command.commandId }));
  const expected = parseResponse(first.body).body;
  assert.ok(expected.kind === 'received');
  // A connection that reads nothing and hangs up: half a megabyte does not fit into its buffers.
  const envelope = one.envelope({ kind: 'receive', shellId: one.shellId, commandId: command.commandId });
  await hangUpInTheMiddle(
    new URL(simulator.url),
    `POST /PowerShell/ HTTP/1.1\r\nHost: x\r\nAuthorization: ${one.authorization}\r\nCookie: ${one.cookie}\r\nContent-Type: ${soap}\r\nContent-Length: ${envelope.length}\r\n\r\n`,
    envelope,
  );
  for (const { data } of expected.streams) one.events.push(...one.pool.receive(command.id, data));
  assert.equal((await one.drain(command)).length, 300);
  assert.ok(!one.events.some((event) => event.kind === 'protocolViolation'));
  await one.delete();
});

/** Sends a request and destroys the connection as soon as the first bytes of the answer come. */
function hangUpInTheMiddle(url: URL, head: string, body: Uint8Array): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const socket = connect({ port: Number(url.port), host: '127.0.0.1' });
  socket.on('error', reject);
  socket.on('readable', () => {
    socket.read(1);
    socket.resetAndDestroy();
  });
  socket.on('close', () => resolve());
  socket.write(head);
  socket.write(body);
  return promise;
}

test('answers are compressed for a client that does not refuse it, as IIS does', async () => {
  const one = client();
  const answer = await one.post(one.envelope({ kind: 'get', shellId: 'x' }), { 'Accept-Encoding': 'gzip, deflate' });
  assert.equal(answer.headers['content-encoding'], 'gzip');
  assert.equal(parseResponse(gunzipSync(answer.body)).body.kind, 'fault');
  assert.equal(
    (await one.post(one.envelope({ kind: 'get', shellId: 'x' }), { 'Accept-Encoding': 'identity' })).headers[
      'content-encoding'
    ],
    undefined,
  );
});

test('malformed envelopes, ids, fragments and actions get faults, and the server lives on', async () => {
  const one = await client().open();
  const fault = async (body: string | Uint8Array): Promise<number | undefined> => {
    const answer = await one.post(body);
    const parsed = parseResponse(answer.body).body;
    assert.equal(answer.status, 500);
    return RawClient.faultCode(parsed);
  };
  assert.equal(await fault('<not xml'), 2150858817);
  assert.equal(await fault('<a/>'), 2150858817);
  assert.equal(await fault('<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>'), 2150858817);
  assert.equal(await fault(Buffer.alloc(600_000, 0x20)), 2150858805);
  const get = one.envelope({ kind: 'get', shellId: one.shellId }).toString();
  assert.equal(await fault(get.replace('transfer/Get', 'transfer/Put')), 2150858771);
  assert.equal(await fault(get.replace(/PT20\.000S/, 'PT0S')), 2150858767);
  assert.equal(
    RawClient.faultCode(
      await one.ask({ kind: 'command', shellId: one.shellId, commandId: 'no guid', arguments: new Uint8Array(0) }),
    ),
    87,
  );
  assert.equal(
    RawClient.faultCode(
      await one.ask({
        kind: 'send',
        shellId: one.shellId,
        commandId: 'A'.repeat(36),
        stream: 'stdin',
        data: new Uint8Array(3),
      }),
    ),
    2150858843,
  );
  assert.equal(
    RawClient.faultCode(
      await one.ask({ kind: 'send', shellId: one.shellId, stream: 'stdin', data: new Uint8Array(50).fill(255) }),
    ),
    1359,
  );
  assert.equal(
    RawClient.faultCode(await one.ask({ kind: 'get', shellId: one.shellId })),
    2150858843,
    'a shell whose peer broke the protocol is gone',
  );
  const creation = await client().ask({
    kind: 'create',
    shellId: one.poolId,
    protocolVersion: '2.3',
    creation: new Uint8Array(64),
  });
  assert.equal(RawClient.faultCode(creation), 1359);
  const last = client();
  assert.equal((await last.create()).kind, 'created');
  await last.delete();
});

test('a body without end, and bytes that are no HTTP, cost a connection and nothing else', async () => {
  const one = client();
  await one.post(Buffer.alloc(1_500_000)).then(
    (answer) => assert.equal(answer.status, 413),
    (error: NodeJS.ErrnoException) => assert.match(String(error.code), /ECONNRESET|EPIPE/),
  );
  const { promise, resolve } = Promise.withResolvers<string>();
  const socket = connect({ port: simulator.port, host: '127.0.0.1' });
  let text = '';
  socket.on('data', (bytes) => {
    text += bytes.toString('latin1');
  });
  socket.on('error', () => undefined);
  socket.on('close', () => resolve(text));
  socket.end('\u0000\u0001 garbage\r\n\r\n');
  assert.match(await promise, /^HTTP\/1\.1 400/);
  assert.equal((await client().post('')).status, 200);
});

test('settings made in one runspace end with its shell', async () => {
  const one = await client().open();
  await one.drain(await one.command(cmd('Set-ADServerSettings', { ViewEntireForest: true })));
  const count = (xml: string | undefined): number => Number(/<I32 N="Count">(\d+)</.exec(xml ?? '')?.[1]);
  const forest = count((await one.drain(await one.command(everything, cmd('Measure-Object'))))[0]);
  await one.delete();
  const other = await client().open();
  const own = count((await other.drain(await other.command(everything, cmd('Measure-Object'))))[0]);
  assert.deepEqual(
    [forest, own],
    [visible(simulator, 'example.test') + visible(simulator, 'emea.example.test'), visible(simulator, 'example.test')],
  );
  await other.delete();
});

test('serializationLevel=Full in the query string, with the separator of Exchange, has objects written out', async () => {
  const one = await client({
    url: `${simulator.url}?clientApplication=ManagementShell;serializationLevel=Full;PSVersion=5.1.14393.3053`,
  }).open();
  const [body] = await one.drain(await one.command(cmd('Get-Mailbox', { ResultSize: 1 })));
  assert.match(
    body ?? '',
    /<Obj N="Database" RefId="\d+"><TN RefId="\d+"><T>Microsoft\.Exchange\.Data\.Directory\.ADObjectId<\/T>/,
  );
  assert.match(body ?? '', /<BA N="SerializationData">/);
  await one.delete();
});

test('time spent per object delays the answers, which come with what there is', async () => {
  await withSimulator({ latencyMs: 10 }, async (own) => {
    const one = await client({}, own).open();
    const started = performance.now();
    const command = await one.command(cmd('Get-Mailbox', { ResultSize: 20 }));
    const first = await one.receive(command);
    assert.ok(first.kind === 'received' && first.commandState === undefined, 'the first answer does not wait for all');
    assert.equal((await one.drain(command)).length, 20);
    assert.ok(performance.now() - started >= 195);
    await one.delete();
  });
});

test('input that no cmdlet takes ends the shell before it fills the memory', async () => {
  const one = await client().open();
  const id = randomUUID() as Guid;
  one.pool.startPipeline(id, { statements: [[everything, cmd('Measure-Object')]] }, { hasInput: true });
  const flood = async (): Promise<number | undefined> => {
    const bytes = () => one.pool.takeOutgoing(id, 300_000);
    const start = {
      kind: 'command',
      shellId: one.shellId,
      commandId: id.toUpperCase(),
      arguments: bytes() as Uint8Array,
    } as const;
    assert.equal((await one.ask(start)).kind, 'commandAccepted');
    for (let count = 0; count < 120_000; count += 1) one.pool.sendInput(id, psString(''));
    for (let data = bytes(); data !== undefined; data = bytes()) {
      const answer = await one.ask({
        kind: 'send',
        shellId: one.shellId,
        commandId: id.toUpperCase(),
        stream: 'stdin',
        data,
      });
      if (answer.kind === 'fault') return answer.fault.code;
    }
    return undefined;
  };
  const before = simulator.facts.shellsOpen;
  assert.equal(await flood(), 1359);
  assert.equal(simulator.facts.shellsOpen, before - 1);
});

test('pipelines of one runspace run one after the other', async () => {
  const one = await client({ operationTimeoutMs: 100 }).open();
  const first = await one.command(everything);
  await one.receive(first);
  const second = await one.command(cmd('Get-ExchangeServer'));
  assert.equal(RawClient.faultCode(await one.receive(second)), 2150858793, 'the runspace is busy');
  await one.drain(first);
  assert.equal((await one.drain(second)).length, 3);
  await one.delete();
});

/** One PSRP message ([MS-PSRP] 2.2.1) in one fragment (2.2.4), made by hand. */
function message(type: number, pipelineId: string, xml: string): Buffer {
  const head = Buffer.alloc(61);
  head.writeBigUInt64BE(1_000n, 0);
  head[16] = 3;
  head.writeUInt32BE(40 + Buffer.byteLength(xml), 17);
  head.writeUInt32LE(2, 21);
  head.writeUInt32LE(type, 25);
  Buffer.from(pipelineId.replaceAll('-', ''), 'hex').copy(head, 45);
  return Buffer.concat([head, Buffer.from(xml)]);
}

test('GET_COMMAND_METADATA is answered with a count, then with what a proxy of each command is made of', async () => {
  const one = await client().open();
  const id = randomUUID().toUpperCase();
  const names =
    '<Obj N="Name" RefId="1"><TN RefId="0"><T>System.String[]</T><T>System.Array</T><T>System.Object</T></TN><LST><S>Get-Mailbox*</S></LST></Obj>';
  const xml = `<Obj RefId="0"><MS>${names}<Obj N="CommandType" RefId="2"><TN RefId="1"><T>System.Management.Automation.CommandTypes</T><T>System.Enum</T><T>System.ValueType</T><T>System.Object</T></TN><ToString>All</ToString><I32>511</I32></Obj><Nil N="Namespace" /><Nil N="ArgumentList" /></MS></Obj>`;
  const accepted = await one.ask({
    kind: 'command',
    shellId: one.shellId,
    commandId: id,
    arguments: message(0x0002_100a, id, xml),
  });
  assert.equal(accepted.kind, 'commandAccepted');
  let text = '';
  for (;;) {
    const answer = await one.ask({ kind: 'receive', shellId: one.shellId, commandId: id });
    assert.ok(answer.kind === 'received');
    text += answer.streams.map(({ data }) => Buffer.from(data).toString('utf8')).join('');
    if (answer.commandState?.state === 'Done') break;
  }
  assert.match(text, /<T>Selected\.Microsoft\.PowerShell\.Commands\.GenericMeasureInfo<\/T>.*<I32 N="Count">3<\/I32>/);
  assert.deepEqual(
    [...text.matchAll(/<MS><S N="Name">([^<]*)<\/S>/g)].map((match) => match[1]),
    ['Get-Mailbox', 'Get-MailboxDatabase', 'Get-MailboxDatabaseCopyStatus'],
  );
  assert.match(text, /<I32 N="PipelineState">4<\/I32>/);
  await one.delete();
});

test('requests damaged anywhere are answered, and the server lives on', async () => {
  const one = await client({ operationTimeoutMs: 30 }).open();
  const shell = { shellId: one.shellId };
  const envelopes = [
    one.envelope({ kind: 'receive', ...shell }),
    one.envelope({ kind: 'command', ...shell, commandId: randomUUID(), arguments: new Uint8Array(100).fill(7) }),
    one.envelope({
      kind: 'create',
      shellId: randomUUID(),
      protocolVersion: '2.3',
      creation: new Uint8Array(70).fill(1),
    }),
  ];
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...envelopes),
      fc.nat(),
      fc.nat(255),
      fc.boolean(),
      async (envelope, place, byte, cut) => {
        const damaged = Buffer.from(cut ? envelope.subarray(0, place % envelope.length) : envelope);
        if (!cut) damaged[place % damaged.length] = byte;
        const answer = await one.post(damaged);
        assert.ok(answer.status === 200 || answer.status === 500, String(answer.status));
      },
    ),
    { numRuns: 300 },
  );
  const last = client();
  assert.equal((await last.create()).kind, 'created');
  await last.delete();
});
