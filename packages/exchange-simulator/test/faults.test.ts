/* Each fault as a client meets it that knows nothing of it and heals nothing. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { after, test } from 'node:test';
import { type Simulator, type SimulatorOptions, startSimulator } from '@exchange-connector/exchange-simulator';
import { parseResponse } from '@exchange-connector/wsman/codec';
import { cmd } from './command-line.ts';
import { type HttpAnswer, RawClient } from './raw-client.ts';

const basic = { login: 'admin', password: 'secret' };
const everything = cmd('Get-Mailbox', { ResultSize: 'Unlimited' });
const shellGone = 2150858843;
const closers: (() => Promise<void> | void)[] = [];
after(async () => {
  for (const close of closers.reverse()) await close();
});

async function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  const simulator = await startSimulator({ basic, mailboxes: 300, databases: 2, log: () => {}, ...options });
  closers.push(() => simulator.close());
  return simulator;
}

function clientOf(simulator: Simulator): RawClient {
  const client = new RawClient({ url: simulator.url });
  closers.push(() => client.close());
  return client;
}

/** A shell that is open, and a script that counts from now on. */
async function opened(simulator: Simulator, script: string): Promise<RawClient> {
  const client = await clientOf(simulator).open();
  simulator.setFault(script);
  return client;
}

function get(client: RawClient): Promise<HttpAnswer> {
  return client.post(client.envelope({ kind: 'get', shellId: client.shellId }));
}

async function codeOf(asked: Promise<unknown>): Promise<string> {
  const error = (await asked.then(
    () => undefined,
    (reason: unknown) => reason,
  )) as NodeJS.ErrnoException | undefined;
  return error?.code ?? 'answered';
}

const lost = /^(?:ECONNRESET|EPIPE)$/;

test('a connection ends before handling, after it, at a byte of the answer, or half-way', async () => {
  const simulator = await start();
  for (const how of ['drop', 'reset'] as const) {
    for (const [stage, isHandled] of [
      ['before', false],
      ['after', true],
      ['halfway', true],
      ['at 0', true],
      ['at 100', true],
    ] as const) {
      const client = await opened(simulator, `delete 1: ${how} ${stage}`);
      const before = simulator.facts.shellsOpen;
      assert.match(await codeOf(client.delete()), lost, `${how} ${stage}`);
      assert.equal(simulator.facts.shellsOpen, before - (isHandled ? 1 : 0), `${how} ${stage}`);
      assert.deepEqual(simulator.firedFaults, [`delete 1: ${how} ${stage} — at delete 1, message 1`]);
      // Once is enough: the next one is answered.
      const next = await client.delete();
      assert.equal(RawClient.faultCode(next), isHandled ? shellGone : undefined);
    }
  }
});

/** All that a server sends on one connection until it ends its side. */
async function rawAnswer(client: RawClient, port: number): Promise<string> {
  const envelope = client.envelope({ kind: 'get', shellId: client.shellId });
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const cookie = client.cookie === undefined ? '' : `Cookie: ${client.cookie}\r\n`;
  socket.write(
    `POST /PowerShell/ HTTP/1.1\r\nHost: localhost\r\nAuthorization: ${client.authorization}\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n${cookie}Content-Length: ${envelope.length}\r\n\r\n`,
  );
  socket.write(envelope);
  const chunks: Buffer[] = [];
  for await (const chunk of socket) chunks.push(chunk as Buffer);
  socket.destroy();
  return Buffer.concat(chunks).toString('latin1');
}

test('a cut answer says its whole length, and has just the bytes that the script says', async () => {
  const simulator = await start();
  const client = await opened(simulator, 'get 1: half-close at 250; get 2: drop halfway; get 3: half-close');
  const whole = /Content-Length: (\d+)/;
  const first = await rawAnswer(client, simulator.port);
  const [head = '', body = ''] = first.split('\r\n\r\n');
  assert.equal(body.length, 250);
  const length = Number(whole.exec(head)?.[1]);
  assert.ok(length > 500);
  const second = await rawAnswer(client, simulator.port);
  assert.equal(second.split('\r\n\r\n')[1]?.length, Math.floor(Number(whole.exec(second)?.[1]) / 2));
  assert.equal(await rawAnswer(client, simulator.port), '');
});

test('what an answer carried that was cut off is given again to whoever asks again', async () => {
  const simulator = await start();
  const client = await opened(simulator, 'receive 1: drop after; receive 2: drop halfway; receive 3: reset before');
  const command = await client.command(everything, cmd('Select-Object', { Property: 'Guid' }));
  for (let cut = 0; cut < 3; cut += 1) assert.match(await codeOf(client.receive(command)), lost);
  const guids = await client.drain(command);
  const other = await clientOf(simulator).open();
  assert.deepEqual(guids.length, (await other.drain(await other.command(everything))).length);
});

test('a stalled request is never answered, and ends with its client', async () => {
  const simulator = await start();
  const client = await opened(simulator, 'get 1: stall; get 2: stall at 10');
  for (let round = 0; round < 2; round += 1) {
    const gone = new AbortController();
    const asked = client.post(client.envelope({ kind: 'get', shellId: client.shellId }), {}, { signal: gone.signal });
    while (simulator.firedFaults.length <= round) await new Promise((resolve) => setImmediate(resolve));
    gone.abort();
    assert.equal(await codeOf(asked), 'ABORT_ERR');
  }
  assert.equal((await get(client)).status, 200);
});

test('an answer is delayed, before the request is handled or after it, and others come meanwhile', async () => {
  const simulator = await start();
  const client = await opened(simulator, 'delete 1: delay 1440m; delete 2: delay 1440m after; delete 3: delay 1ms');
  const other = clientOf(simulator);
  Object.assign(other, { shellId: client.shellId, cookie: client.cookie });
  for (const [fired, codeMeanwhile] of [
    [1, undefined],
    [2, shellGone],
  ] as const) {
    const gone = new AbortController();
    const envelope = client.envelope({ kind: 'delete', shellId: client.shellId });
    const slow = codeOf(client.post(envelope, {}, { signal: gone.signal }));
    while (simulator.firedFaults.length < fired) await new Promise((resolve) => setImmediate(resolve));
    const meanwhile = await other.ask({ kind: 'get', shellId: client.shellId });
    assert.equal(RawClient.faultCode(meanwhile), codeMeanwhile);
    gone.abort();
    assert.equal(await slow, 'ABORT_ERR');
  }
  assert.equal(RawClient.faultCode(await client.delete()), shellGone);
  assert.equal(simulator.firedFaults.length, 3);
});

test('all connections end at once, and the shells live on', async () => {
  const simulator = await start();
  const [one, other] = [await clientOf(simulator).open(), await opened(simulator, 'get 1: disconnect')];
  const waiting = codeOf(one.receive());
  assert.match(await codeOf(get(other)), lost);
  assert.match(await waiting, lost);
  assert.equal((await get(one)).status, 200);
  assert.equal((await get(other)).status, 200);
});

test('a server dies with its shells, and comes back on the same port', async () => {
  const simulator = await start({ runspaceBudget: { runspaces: 1, periodSeconds: 3_600 } });
  // For the shortest time, so that nobody else can take the port.
  const client = await opened(simulator, 'get 1: die 1ms');
  assert.match(await codeOf(get(client)), lost);
  assert.equal(simulator.facts.shellsOpen, 0);
  let answer: HttpAnswer | undefined;
  while (answer === undefined) answer = await get(client).catch(() => undefined);
  const { body } = parseResponse(answer.body);
  assert.ok(body.kind === 'fault' && body.fault.code === shellGone);
  // The budget began anew with the service.
  const fresh = await clientOf(simulator).open();
  assert.ok(fresh.events.some((event) => event.kind === 'poolOpened'));
});

test('a server that died for good refuses connections, and can still be closed', async () => {
  const simulator = await startSimulator({ basic, mailboxes: 10, log: () => {} });
  const client = clientOf(simulator);
  simulator.setFault('message 1: die after');
  assert.match(await codeOf(client.create()), lost);
  assert.equal(await codeOf(get(client)), 'ECONNREFUSED');
  assert.equal(simulator.facts.shellsCreated, 1);
  await simulator.close();
});

test('the web server answers for the service with a page of its own', async () => {
  const simulator = await start();
  const client = await opened(simulator, 'get 1: http 503; get 2: http 500; delete 1: http 502 after');
  for (const [status, title] of [
    [503, 'Service Unavailable'],
    [500, 'Internal Server Error'],
  ]) {
    const answer = await get(client);
    assert.deepEqual([answer.status, answer.headers['content-type']], [status, 'text/html; charset=us-ascii']);
    assert.match(answer.body.toString(), new RegExp(`<h2>${title}</h2>`));
  }
  const { shellsOpen } = simulator.facts;
  const answer = await client.post(client.envelope({ kind: 'delete', shellId: client.shellId }));
  assert.deepEqual([answer.status, simulator.facts.shellsOpen], [502, shellsOpen - 1]);
});

test('faults by code, a Create that no back end takes, and quotas, in the words of WinRM', async () => {
  const simulator = await start();
  const client = await opened(
    simulator,
    'get 1: fault 995; get 2: throttle operations; create 1-2: refuse; create 3: throttle shells 5; create 4: throttle shells',
  );
  const faults: unknown[] = [];
  for (let round = 0; round < 2; round += 1)
    faults.push(RawClient.faultCode(await client.ask({ kind: 'get', shellId: client.shellId })));
  assert.deepEqual(faults, [995, 2150859174]);
  const says = [/Cafe-SendFailure/, /Cafe-SendFailure/, /maximum number of 5 concurrent/, /maximum number of 18 conc/];
  for (const pattern of says) {
    const answer = await clientOf(simulator).create();
    assert.ok(answer.kind === 'fault');
    assert.match(answer.fault.message ?? '', pattern);
  }
  assert.equal((await clientOf(simulator).create()).kind, 'created');
});

test('a throttled pool breaks in the words of Exchange, and a throttled command is slow and says so', async () => {
  const simulator = await start();
  simulator.setFault('create 1: throttle budget 7s; create 2: throttle connections 3; command 1: throttle delay 20ms');
  const broken: string[] = [];
  for (let round = 0; round < 2; round += 1) {
    const client = await clientOf(simulator).open();
    for (const event of client.events) if (event.kind === 'poolBroken') broken.push(JSON.stringify(event.error));
  }
  assert.match(
    broken[0] ?? '',
    /AuthZ-AuthorizationException\] Fail to create runspace .* Please wait for 7 seconds\./,
  );
  assert.match(broken[1] ?? '', /maximum number of connections allowed : 3 for the policy party : MaxConcurrency\./);
  const client = await clientOf(simulator).open();
  await client.drain(await client.command(cmd('Get-MailboxDatabase')));
  const warnings = client.events.flatMap((event) =>
    event.kind === 'pipeline' && event.event.kind === 'warning' ? [JSON.stringify(event.event)] : [],
  );
  assert.equal(warnings.length, 1);
  assert.match(warnings[0] ?? '', /Micro delay applied\. Actual delayed: 20 msecs/);
});

test('a shell is forgotten, or all are; it is not told', async () => {
  const simulator = await start();
  const [one, other, last] = [
    await clientOf(simulator).open(),
    await clientOf(simulator).open(),
    await opened(simulator, 'get 1: forget shell; get 3: forget shells'),
  ];
  const codes: unknown[] = [];
  for (const client of [one, other, last, other])
    codes.push(RawClient.faultCode(await client.ask({ kind: 'get', shellId: client.shellId })));
  assert.deepEqual(codes, [shellGone, undefined, shellGone, shellGone]);
  assert.equal(simulator.facts.shellsOpen, 0);
});

test('a request comes to another back end, a cookie is lost, a cookie is renewed', async () => {
  const simulator = await start();
  const client = await opened(simulator, 'get 1: misroute; get 3: renew-cookie; create 1: lose-cookie');
  const ask = async (of: RawClient): Promise<number | undefined> =>
    RawClient.faultCode(await of.ask({ kind: 'get', shellId: of.shellId }));
  assert.deepEqual([await ask(client), await ask(client)], [shellGone, undefined]);
  const old = client.cookie;
  assert.equal(await ask(client), undefined);
  assert.notEqual(client.cookie, old);
  assert.equal(await ask(client), undefined);
  client.cookie = old;
  assert.equal(await ask(client), shellGone);
  const without = clientOf(simulator);
  assert.equal((await without.create()).kind, 'created');
  assert.deepEqual([without.cookie, await ask(without)], [undefined, shellGone]);
});

test('answers are cut short or damaged, in the envelope, in base64, in a fragment, anywhere', async () => {
  const simulator = await start();
  const client = await opened(
    simulator,
    'receive 1: truncate; receive 2: truncate at 20; receive 3: corrupt envelope; receive 4: corrupt base64; receive 5: corrupt body; receive 6: corrupt fragment',
  );
  const command = await client.command(everything);
  const receive = (): Promise<HttpAnswer> =>
    client.post(client.envelope({ kind: 'receive', shellId: client.shellId, commandId: command.commandId }));
  for (let round = 1; round <= 5; round += 1) {
    const answer = await receive();
    assert.equal(answer.status, 200);
    assert.equal(Number(answer.headers['content-length']), answer.body.length);
    if (round === 2) assert.equal(answer.body.length, 20);
    assert.throws(() => parseResponse(answer.body), `receive ${round}`);
  }
  await client.receive(command);
  assert.ok(
    client.events.some((event) => event.kind === 'protocolViolation'),
    client.events.map((event) => event.kind).join(),
  );
});

test('what cannot suffer a fault leaves it to the next that can', async () => {
  const simulator = await start();
  const client = clientOf(simulator);
  simulator.setFault('message 1: forget shell');
  await client.create();
  assert.equal(RawClient.faultCode(await client.receive()), shellGone);
  assert.deepEqual(simulator.firedFaults, ['message 1: forget shell — at receive 1, message 2']);
});

test('an answer is cut at a byte of all that were sent, or with the mailbox of a number', async () => {
  const simulator = await start();
  const client = await opened(simulator, 'mailbox 100: http 500; byte 1: delay 1ms; every 50 mailboxes: delay 1ms');
  const command = await client.command(everything);
  const statuses: number[] = [];
  let output = 0;
  while (statuses.at(-1) !== 500) {
    const answer = await client.post(
      client.envelope({ kind: 'receive', shellId: client.shellId, commandId: command.commandId }),
    );
    statuses.push(answer.status);
    if (answer.status !== 200) break;
    const { body } = parseResponse(answer.body);
    assert.ok(body.kind === 'received');
    for (const stream of body.streams) client.events.push(...client.pool.receive(command.id, stream.data));
  }
  output = client.outputs(command.id).length;
  // The page came in place of the answer that would have completed the hundredth.
  assert.ok(output < 100, `${output}`);
  assert.ok(statuses.length >= 2);
  assert.ok(simulator.firedFaults.some((line) => line.startsWith('every 50 mailbox')));
});

test('the organisation changes while it is read, and a domain controller hears of it later', async () => {
  const lines: string[] = [];
  const simulator = await start({ log: (_level, message) => void lines.push(message) });
  const { organization } = simulator;
  const names = (): string[] => [...organization.truth().mailboxes()].map((mailbox) => mailbox.guid);
  const before = names();
  await opened(
    simulator,
    'create 1: change createMailbox 3; create 1: change removeMailbox; create 2: lag dc02 30s; create 2: lag nowhere 1s',
  );
  await clientOf(simulator).create();
  const after = names();
  assert.equal(after.filter((guid) => !before.includes(guid)).length, 3);
  assert.equal(before.filter((guid) => !after.includes(guid)).length, 1);
  await clientOf(simulator).create();
  assert.deepEqual(
    organization.domainControllers.filter(({ lagMs }) => lagMs > 0).map(({ name, lagMs }) => [name, lagMs]),
    [['dc02.example.test', 30_000]],
  );
  assert.ok(lines.some((line) => line.includes('there is no domain controller nowhere')));
});

test('a script that cannot be read is refused at the start, and later leaves the one before it', async () => {
  await assert.rejects(startSimulator({ basic, fault: 'receive 1: explode' }), /line 1, column 12: "explode"/);
  const simulator = await start({ fault: 'create 1: refuse' });
  assert.throws(() => simulator.setFault('nonsense'), /"nonsense" is no place/);
  assert.equal((await clientOf(simulator).create()).kind, 'fault');
  simulator.setFault('create 1: refuse');
  simulator.setFault(undefined);
  assert.equal((await clientOf(simulator).create()).kind, 'created');
  assert.deepEqual(simulator.firedFaults, []);
});

test('every message and byte is counted, with a script or without', async () => {
  const simulator = await start();
  const client = await clientOf(simulator).open();
  await client.drain(await client.command(cmd('Get-MailboxDatabase')));
  await client.delete();
  const { messages, answerBytes } = simulator.counts;
  const { requests } = simulator.facts;
  for (const kind of ['create', 'command', 'receive', 'signal', 'delete'] as const)
    assert.equal(messages[kind], requests[kind] ?? 0, kind);
  assert.equal(messages.login, 0);
  assert.ok(answerBytes > 5_000);
});

test('each fault that fires is a line of the log', async () => {
  const lines: string[] = [];
  const simulator = await start({ log: (level, message) => void lines.push(`${level} ${message}`) });
  const client = await opened(simulator, 'every 2nd get: delay 1ms');
  for (let round = 0; round < 4; round += 1) await get(client);
  assert.deepEqual(
    lines.filter((line) => line.includes('fault')),
    [
      'Warning fault: every 2 get: delay 1ms — at get 2, message 2',
      'Warning fault: every 2 get: delay 1ms — at get 4, message 4',
    ],
  );
});
