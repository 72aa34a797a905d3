import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ClientRunspacePool,
  decodeCliXml,
  decodeMessage,
  type ErrorRecordInit,
  encodeCliXml,
  FragmentAssembler,
  MessageType,
  nameOfMessageType,
  type PipelineRequest,
  PipelineState,
  PsrpError,
  psArray,
  psBoolean,
  psDouble,
  psHashtable,
  psInt32,
  psInt64,
  psNull,
  psSecureString,
  psString,
  protocolVersions,
  RunspacePoolState,
} from '@exchange-connector/psrp';
import { nodeSessionKey } from '@exchange-connector/wsman';
import { freshGuid, MemoryPair } from './memory-pair.ts';

const command = (
  name: string,
  parameters: PipelineRequest['statements'][0][0]['parameters'] = [],
): PipelineRequest => ({
  statements: [[{ name, parameters }]],
});

test('a pool opens at every version, and both sides know which one is in force', () => {
  for (const announced of ['2.1', '2.2', '2.3', '2.4'] as const) {
    for (const latest of ['2.1', '2.2', '2.3', '2.4'] as const) {
      const pair = new MemoryPair({ client: { protocolVersion: announced }, server: { maxProtocolVersion: latest } });
      pair.client.open();
      pair.pump();
      const expected = protocolVersions.indexOf(announced) < protocolVersions.indexOf(latest) ? announced : latest;
      assert.deepEqual(
        pair.clientEvents.map((event) => event.kind),
        ['poolNegotiated', 'applicationPrivateData', 'poolOpened'],
      );
      assert.equal(pair.client.server.protocolVersion, expected);
      assert.equal(pair.server.protocolVersion, expected);
      assert.equal(pair.client.state, RunspacePoolState.Opened);
      assert.equal(pair.server.state, RunspacePoolState.Opened);
    }
  }
});

test('the server learns what the client asks of the pool, and the client the private data', () => {
  const privateData = psHashtable({ SupportedVersions: psString('15.1') });
  const pair = new MemoryPair({
    client: { minRunspaces: 1, maxRunspaces: 3 },
    server: { applicationPrivateData: privateData },
  });
  pair.client.open();
  pair.pump();
  assert.deepEqual(pair.serverEvents, [
    {
      kind: 'poolOpening',
      poolId: pair.client.id,
      clientVersion: '2.3',
      protocolVersion: '2.3',
      minRunspaces: 1,
      maxRunspaces: 3,
      hostIsNull: true,
      applicationArguments: undefined,
    },
  ]);
  assert.deepEqual(encodeCliXml(pair.client.server.applicationPrivateData ?? psNull), encodeCliXml(privateData));
});

test('a request arrives as it was made: typed arguments, several commands, several statements', () => {
  const request: PipelineRequest = {
    statements: [
      [
        {
          name: 'Get-Mailbox',
          isScript: false,
          parameters: [
            { name: 'Identity', value: psString('a_x000A_\n\u{1F600}\ud800') },
            { name: 'Flag', value: psBoolean(true) },
            { name: 'Number', value: psInt32(-7) },
            { name: 'Long', value: psInt64(2n ** 62n) },
            { name: 'Double', value: psDouble(0.1) },
            { name: 'Nothing', value: psNull },
            { value: psString('positional') },
            { name: 'Array', value: psArray([psInt32(1), psString('b'), psNull]) },
            { name: 'Table', value: psHashtable({ Add: psArray([psString('x')]) }) },
          ],
        },
        {
          name: 'Select-Object',
          isScript: false,
          parameters: [{ name: 'Property', value: psArray([psString('Name')]) }],
        },
      ],
      [{ name: '1 + 1', isScript: true, parameters: [] }],
    ],
    invocationInfo: true,
  };
  const pair = new MemoryPair().open();
  const id = pair.start(request, true);
  const [event] = pair.serverEvents;
  assert.ok(
    event?.kind === 'pipelineCreated' && event.id === id && event.hasInput && event.hostIsNull && !event.addToHistory,
  );
  const written = (one: PipelineRequest): unknown =>
    one.statements.map((statement) =>
      statement.map((each) => ({
        ...each,
        parameters: each.parameters.map(({ name, value }) => [name, Buffer.from(encodeCliXml(value)).toString()]),
      })),
    );
  assert.deepEqual(written(event.request), written(request));
  assert.equal(event.request.invocationInfo, true);
});

test('protocol 2.1 carries one statement only, and a request of two is refused before anything is sent', () => {
  const pair = new MemoryPair({ client: { protocolVersion: '2.1' } }).open();
  const request = { statements: [command('A').statements[0] ?? [], command('B').statements[0] ?? []] };
  const id = freshGuid();
  assert.throws(() => pair.client.startPipeline(id, request, { hasInput: false }), { code: 'PSRP_ARGUMENT_INVALID' });
  assert.equal(pair.client.hasOutgoing(id), false);
});

const failure: ErrorRecordInit = {
  message: "The term 'Get-Foo' is not recognized.",
  fullyQualifiedErrorId: 'CommandNotFoundException',
  exceptionTypeNames: ['System.Management.Automation.CommandNotFoundException', 'System.Exception', 'System.Object'],
  category: 13,
  categoryActivity: 'Get-Foo',
  categoryReason: 'CommandNotFoundException',
  categoryTargetName: 'Get-Foo',
  categoryTargetType: 'String',
  details: 'what to do',
};

test('every stream of a pipeline arrives in order, then its state', () => {
  const pair = new MemoryPair().open();
  const id = pair.start(command('Write-All'));
  pair.server.output(id, psString('one'));
  pair.server.output(id, psNull);
  pair.server.output(id, encodeCliXml(psInt32(2)));
  pair.server.warning(id, 'w');
  pair.server.verbose(id, 'v\n');
  pair.server.debug(id, 'd');
  pair.server.information(id, { messageData: psString('i'), timeGenerated: '2024-05-01T10:00:00Z', tags: ['t'] });
  pair.server.progress(id, { activity: 'a', activityId: 3, statusDescription: 's', percentComplete: 50 });
  pair.server.error(id, failure);
  pair.server.finish(id, PipelineState.Completed);
  pair.pump();
  const told = pair.clientEvents.map((one) => {
    assert.ok(one.kind === 'pipeline' && one.pipelineId === id);
    const { event } = one;
    switch (event.kind) {
      case 'output':
        return ['output', Buffer.from(event.body).toString()];
      case 'error':
        return ['error', { ...event.record, raw: undefined }];
      case 'progress':
        return ['progress', event.record];
      case 'information':
        return ['information', Buffer.from(encodeCliXml(event.raw)).toString().includes('<S N="MessageData">i</S>')];
      case 'state':
        return ['state', event.state, event.error];
      default:
        return [event.kind, event.message];
    }
  });
  assert.deepEqual(told, [
    ['output', '<S>one</S>'],
    ['output', ''],
    ['output', '<I32>2</I32>'],
    ['warning', 'w'],
    ['verbose', 'v\n'],
    ['debug', 'd'],
    ['information', true],
    [
      'progress',
      {
        kind: 'PR',
        activity: 'a',
        activityId: 3,
        currentOperation: undefined,
        parentActivityId: -1,
        percentComplete: 50,
        recordType: 'Processing',
        secondsRemaining: -1,
        statusDescription: 's',
      },
    ],
    [
      'error',
      {
        message: failure.message,
        fullyQualifiedErrorId: 'CommandNotFoundException',
        category: 13,
        categoryActivity: 'Get-Foo',
        categoryReason: 'CommandNotFoundException',
        categoryTargetName: 'Get-Foo',
        categoryTargetType: 'String',
        categoryMessage: 'ObjectNotFound: (Get-Foo:String) [Get-Foo], CommandNotFoundException',
        exceptionTypeNames: failure.exceptionTypeNames,
        details: 'what to do',
        raw: undefined,
      },
    ],
    ['state', PipelineState.Completed, undefined],
  ]);
});

test('input arrives in order and ended, a null as an empty body', () => {
  const pair = new MemoryPair({ takeBytes: 500 }).open();
  const id = pair.start(command('Sum'), true);
  for (let index = 0; index < 2000; index += 1) pair.client.sendInput(id, index % 5 === 0 ? psNull : psInt32(index));
  pair.client.endInput(id);
  pair.pump();
  const received = pair.serverEvents.slice(1).map((event) => {
    if (event.kind !== 'input') return event.kind;
    return event.body.length === 0 ? null : (decodeCliXml(event.body) as { value: number }).value;
  });
  assert.deepEqual(received, [
    ...Array.from({ length: 2000 }, (_, index) => (index % 5 === 0 ? null : index)),
    'inputEnded',
  ]);
  assert.throws(() => pair.client.sendInput(id, psNull), { code: 'PSRP_STATE_INVALID' });
});

test('a message of several megabytes crosses in fragments of at most 32,768 bytes', () => {
  const pair = new MemoryPair({ chunkBytes: 10_001 }).open();
  const text = 'é'.repeat(1_500_000);
  const id = pair.start(command('Get-Big', [{ name: 'Text', value: psString(text) }]));
  const [created] = pair.serverEvents;
  assert.ok(created?.kind === 'pipelineCreated');
  assert.deepEqual(created.request.statements[0]?.[0]?.parameters[0]?.value, psString(text));
  pair.server.output(id, psString(text));
  const sizes: number[] = [];
  for (let bytes = pair.server.takeFragment(id, 1e9); bytes; bytes = pair.server.takeFragment(id, 1e9)) {
    sizes.push(bytes.length);
    pair.clientEvents.push(...pair.client.receive(id, bytes));
  }
  assert.deepEqual([...new Set(sizes.slice(0, -1))], [32_768]);
  assert.ok((sizes.at(-1) ?? 0) <= 32_768);
  const [output] = pair.clientEvents;
  assert.ok(output?.kind === 'pipeline' && output.event.kind === 'output');
  assert.deepEqual(decodeCliXml(output.event.body), psString(text));
});

test('a host call that waits is answered with a refusal on its own stream; others are only told', () => {
  const pair = new MemoryPair().open();
  const id = pair.start(command('Read-Host'));
  pair.server.hostCall(id, { callId: 1n, methodId: 26, parameters: [psString('caption')] });
  pair.server.hostCall(id, { callId: -100n, methodId: 22, parameters: [psString('w')] });
  pair.server.hostCall(id, { callId: 2n, methodId: 6, parameters: [psInt32(3)] });
  pair.server.hostCall('pool', { callId: 9n, methodId: 11, parameters: [] });
  for (const target of [id, 'pool'] as const) {
    const bytes = pair.server.takeOutgoing(target, 100_000);
    assert.ok(bytes);
    pair.clientEvents.push(...pair.client.receive(target, bytes));
    assert.equal(pair.client.outgoingStream(target), 'pr');
  }
  pair.pump();
  assert.deepEqual(
    pair.clientEvents.map(
      (event) => event.kind === 'hostCall' && [event.pipelineId, event.call.methodName, event.answered],
    ),
    [
      [id, 'PromptForChoice', true],
      [id, 'WriteWarningLine', false],
      [id, 'SetShouldExit', false],
      [undefined, 'ReadLine', true],
    ],
  );
  const answers = pair.serverEvents.filter((event) => event.kind === 'hostResponse');
  assert.deepEqual(
    answers
      .map((event) => [
        event.id,
        event.response.callId,
        event.response.methodId,
        event.response.error?.fullyQualifiedErrorId,
      ])
      .sort(),
    [
      [undefined, 9n, 11, 'InvalidOperation'],
      [id, 1n, 26, 'InvalidOperation'],
    ].sort(),
  );
  assert.match(
    answers[0]?.response.error?.message ?? '',
    /not interactive: (PromptForChoice|ReadLine) cannot be answered/,
  );
});

test('a SecureString crosses both ways at every version, and never in the clear up to 2.3', () => {
  for (const version of ['2.1', '2.2', '2.3', '2.4'] as const) {
    const pair = new MemoryPair({
      client: { protocolVersion: version, sessionKey: nodeSessionKey },
      server: { maxProtocolVersion: '2.4', sessionKey: nodeSessionKey },
    }).open();
    const id = pair.start(command('New-Mailbox', [{ name: 'Password', value: psSecureString('pw\u{1F600}') }]));
    const created = pair.serverEvents.find((event) => event.kind === 'pipelineCreated');
    const secret = created?.request.statements[0]?.[0]?.parameters[0]?.value;
    assert.ok(secret?.kind === 'SS');
    assert.equal(pair.server.revealSecureString(secret), 'pw\u{1F600}');
    const clear = Buffer.from('pw\u{1F600}', 'utf16le').toString('base64');
    assert.equal(secret.protectedText() === clear, version === '2.4');
    pair.server.output(id, psHashtable({ secret: psSecureString('back') }));
    pair.pump();
    const output = pair.clientEvents.find((event) => event.kind === 'pipeline');
    assert.ok(output?.event.kind === 'output');
    const value = decodeCliXml(output.event.body);
    assert.ok(value.kind === 'Obj' && value.base?.kind === 'DCT');
    const back = value.base.entries[0]?.value;
    assert.ok(back?.kind === 'SS');
    assert.equal(pair.client.revealSecureString(back), 'back');
    assert.equal(JSON.stringify(back), '{"kind":"SS"}');
  }
});

test('a 2.1 server asks for the key before it sends a SecureString; a later one sends at once, and the key when asked', () => {
  for (const version of ['2.1', '2.3'] as const) {
    const pair = new MemoryPair({
      client: { protocolVersion: version, sessionKey: nodeSessionKey },
      server: { sessionKey: nodeSessionKey },
    }).open();
    const id = pair.start(command('Get-Secret'));
    pair.server.output(id, psSecureString('x'));
    pair.server.finish(id, PipelineState.Completed);
    pair.pump();
    if (version === '2.3') pair.client.exchangeSessionKey();
    pair.pump();
    const kinds = pair.clientEvents.map((event) => (event.kind === 'pipeline' ? event.event.kind : event.kind));
    const key = 'sessionKeyEstablished';
    assert.deepEqual(kinds, version === '2.1' ? [key, 'output', 'state'] : ['output', 'state', key]);
    const output = pair.clientEvents.find((event) => event.kind === 'pipeline')?.event;
    const value = output?.kind === 'output' ? decodeCliXml(output.body) : psNull;
    assert.ok(value.kind === 'SS');
    assert.equal(pair.client.revealSecureString(value), 'x');
  }
});

test('input with a SecureString is held back until the key is there, with all that follows it', () => {
  const pair = new MemoryPair({
    client: { sessionKey: nodeSessionKey },
    server: { sessionKey: nodeSessionKey },
  }).open();
  const id = pair.start(command('Use-Secrets'), true);
  pair.client.sendInput(id, psString('first'));
  pair.client.sendInput(id, psSecureString('second'));
  pair.client.sendInput(id, psString('third'));
  pair.client.endInput(id);
  assert.equal(pair.client.isWaitingForSessionKey, true);
  pair.pump();
  assert.equal(pair.client.isWaitingForSessionKey, false);
  const kinds = pair.serverEvents.map((event) => (event.kind === 'input' ? decodeCliXml(event.body).kind : event.kind));
  assert.deepEqual(
    kinds.filter((kind) => kind !== 'sessionKeyEstablished'),
    ['pipelineCreated', 'S', 'SS', 'S', 'inputEnded'],
  );
});

test('without cryptography a SecureString is refused with the reason, and can be written nowhere else', () => {
  const pair = new MemoryPair().open();
  assert.throws(
    () => pair.start(command('New-Mailbox', [{ name: 'Password', value: psSecureString('x') }])),
    (error) =>
      error instanceof PsrpError &&
      error.code === 'PSRP_SECURE_STRING_FAILED' &&
      /made without `sessionKey`/.test(error.message),
  );
  assert.throws(() => encodeCliXml(psSecureString('x')), { code: 'PSRP_SECURE_STRING_FAILED' });
});

test('questions about runspaces are asked and answered by call id', () => {
  const pair = new MemoryPair().open();
  const ids = [
    pair.client.setMaxRunspaces(5),
    pair.client.setMinRunspaces(2),
    pair.client.getAvailableRunspaces(),
    pair.client.resetRunspaceState(),
  ];
  pair.pump();
  assert.deepEqual(pair.serverEvents, [
    { kind: 'maxRunspacesAsked', callId: ids[0], count: 5 },
    { kind: 'minRunspacesAsked', callId: ids[1], count: 2 },
    { kind: 'availableRunspacesAsked', callId: ids[2] },
    { kind: 'resetRunspaceAsked', callId: ids[3] },
  ]);
  pair.server.runspaceAvailability(ids[0] ?? 0n, true);
  pair.server.runspaceAvailability(ids[2] ?? 0n, 4n);
  pair.pump();
  assert.deepEqual(pair.clientEvents, [
    { kind: 'runspaceAvailability', callId: ids[0], value: true },
    { kind: 'runspaceAvailability', callId: ids[2], value: 4n },
  ]);
});

test('a client takes up a disconnected pool with CONNECT_RUNSPACEPOOL', () => {
  const pair = new MemoryPair({ client: { minRunspaces: 1, maxRunspaces: 2 } });
  pair.onServerEvent = (event) => {
    if (event.kind === 'poolConnecting') pair.server.connectPool({ minRunspaces: 1, maxRunspaces: 2 });
  };
  pair.client.connect();
  pair.pump();
  assert.deepEqual(pair.serverEvents, [{ kind: 'poolConnecting', minRunspaces: 1, maxRunspaces: 2 }]);
  assert.deepEqual(
    pair.clientEvents.map((event) => event.kind),
    ['poolNegotiated', 'poolInitData', 'applicationPrivateData', 'poolOpened'],
  );
});

test('commands can be asked for by name, as implicit remoting does', () => {
  const pair = new MemoryPair().open();
  const id = freshGuid();
  pair.addTarget(id);
  pair.client.startCommandMetadata(id, ['Get-*', 'Set-Mailbox']);
  pair.pump();
  const [event] = pair.serverEvents;
  assert.ok(event?.kind === 'commandMetadataAsked' && event.id === id);
  assert.deepEqual(event.names, ['Get-*', 'Set-Mailbox']);
  pair.server.output(id, psInt32(0));
  pair.server.finish(id, PipelineState.Completed);
  pair.pump();
  assert.equal(pair.clientEvents.length, 2);
});

test('a pool that the server breaks says why, and one that is closed ends in Closing and Closed', () => {
  const broken = new MemoryPair();
  broken.onServerEvent = (event) => {
    if (event.kind === 'poolOpening') broken.server.breakPool({ ...failure, message: 'too many sessions' });
  };
  broken.client.open();
  broken.pump();
  const last = broken.clientEvents.at(-1);
  assert.ok(last?.kind === 'poolBroken' && last.error?.message === 'too many sessions');
  assert.equal(broken.client.state, RunspacePoolState.Broken);

  const closed = new MemoryPair().open();
  closed.client.close();
  closed.server.closePool();
  closed.pump();
  assert.deepEqual(closed.clientEvents, [
    { kind: 'poolState', state: RunspacePoolState.Closing },
    { kind: 'poolClosed' },
  ]);
  assert.equal(closed.client.state, RunspacePoolState.Closed);
  assert.equal(closed.server.state, RunspacePoolState.Closed);
});

test('a stopped pipeline ends in state 3 with its error, after what was buffered', () => {
  const pair = new MemoryPair().open();
  const id = pair.start(command('Wait'));
  pair.server.output(id, psInt32(1));
  pair.server.finish(id, PipelineState.Stopped, {
    message: 'The pipeline has been stopped.',
    fullyQualifiedErrorId: 'PipelineStopped',
    category: 14,
  });
  pair.pump();
  const states = pair.clientEvents.map(
    (event) => event.kind === 'pipeline' && event.event.kind === 'state' && event.event.state,
  );
  assert.deepEqual(states, [false, PipelineState.Stopped]);
  assert.throws(() => pair.server.output(id, psInt32(2)), { code: 'PSRP_STATE_INVALID' });
});

test('a server answers a later 2.x with its own version, and an unknown major version without ever opening', () => {
  const answers = (announced: string): { kinds: string[]; events: string[] } => {
    const pair = new MemoryPair({
      client: { protocolVersion: announced as '2.3' },
      server: { maxProtocolVersion: '2.4' },
    });
    pair.client.open();
    const bytes = pair.client.takeOutgoing('pool', 100_000);
    assert.ok(bytes);
    const events = pair.server.receive('pool', bytes).map((event) => event.kind);
    const answer = pair.server.takeOutgoing('pool', 100_000);
    return {
      kinds:
        Buffer.from(answer ?? '')
          .toString()
          .match(/<Version N="protocolversion">[^<]*/g) ?? [],
      events,
    };
  };
  assert.deepEqual(answers('2.0'), { kinds: ['<Version N="protocolversion">2.0'], events: ['poolOpening'] });
  assert.deepEqual(answers('2.5'), { kinds: ['<Version N="protocolversion">2.4'], events: ['poolOpening'] });
  assert.deepEqual(answers('1.0'), { kinds: ['<Version N="protocolversion">2.4'], events: ['versionRefused'] });
  assert.deepEqual(answers('3.0'), { kinds: ['<Version N="protocolversion">2.4'], events: ['versionRefused'] });
});

test('calls that the state does not allow are refused, and name it', () => {
  const pair = new MemoryPair();
  assert.throws(() => pair.start(command('A')), { code: 'PSRP_STATE_INVALID', message: /the pool is beforeOpen/ });
  pair.open();
  assert.throws(() => pair.client.open(), {
    code: 'PSRP_STATE_INVALID',
    message: /opening a runspace pool: the pool is opened/,
  });
  assert.throws(() => pair.client.sendInput(freshGuid(), psNull), { code: 'PSRP_STATE_INVALID' });
  assert.throws(() => pair.server.output(freshGuid(), psNull), { code: 'PSRP_STATE_INVALID' });
  const id = pair.start(command('A'));
  assert.throws(() => pair.client.sendInput(id, psNull), {
    code: 'PSRP_STATE_INVALID',
    message: /started without input/,
  });
  assert.throws(() => pair.client.startPipeline(id, command('A'), { hasInput: false }), {
    code: 'PSRP_ARGUMENT_INVALID',
  });
  assert.equal(MessageType.CREATE_PIPELINE, 0x21006);
});

test('a whole session is told the same in chunks of any size, fragments of any size', () => {
  const run = (options: { chunkBytes?: number; takeBytes?: number }): unknown[] => {
    const pair = new MemoryPair(options);
    const told: unknown[] = [];
    pair.client.open();
    pair.pump();
    const id = pair.start(command('Get-All', [{ name: 'Text', value: psString('é'.repeat(200)) }]), true);
    pair.client.sendInput(id, psNull);
    pair.client.endInput(id);
    pair.pump();
    pair.server.output(id, psString('x'.repeat(500)));
    pair.server.output(id, psNull);
    pair.server.error(id, failure);
    pair.server.finish(id, PipelineState.Completed);
    pair.pump();
    for (const event of [...pair.clientEvents, ...pair.serverEvents]) {
      const inner = event.kind === 'pipeline' ? event.event : event;
      told.push(inner.kind === 'output' || inner.kind === 'input' ? Buffer.from(inner.body).toString() : inner.kind);
    }
    return told;
  };
  const whole = run({});
  assert.equal(whole.length, 11);
  for (const options of [{ chunkBytes: 1 }, { chunkBytes: 7 }, { takeBytes: 22 }, { takeBytes: 64, chunkBytes: 21 }]) {
    assert.deepEqual(run(options), whole, JSON.stringify(options));
  }
});

test('what is taken is never longer than was asked for, down to one byte of a message', () => {
  for (const maxBytes of [22, 23, 61, 100, 1_000]) {
    const client = new ClientRunspacePool({ id: freshGuid() });
    client.open();
    for (let bytes = client.takeOutgoing('pool', maxBytes); bytes; bytes = client.takeOutgoing('pool', maxBytes)) {
      assert.ok(bytes.length <= maxBytes, `${bytes.length} bytes where ${maxBytes} were asked for`);
    }
    assert.equal(client.hasOutgoing('pool'), false);
  }
  const client = new ClientRunspacePool({ id: freshGuid() });
  client.open();
  assert.throws(() => client.takeOutgoing('pool', 21), { code: 'PSRP_ARGUMENT_INVALID' });
});

test('what starts a pipeline is never taken together with its input: a real server would hang', () => {
  const { client } = new MemoryPair().open();
  const id = freshGuid();
  client.startPipeline(id, { statements: [[{ name: 'X', parameters: [] }]] }, { hasInput: true });
  client.sendInput(id, psInt32(1));
  client.sendInput(id, psInt32(2));
  client.endInput(id);
  const typesIn = (bytes: Uint8Array | undefined): string[] =>
    new FragmentAssembler()
      .push(bytes ?? new Uint8Array(0))
      .map((message) => nameOfMessageType(decodeMessage(message).type));
  assert.deepEqual(typesIn(client.takeOutgoing(id, 100_000)), ['CREATE_PIPELINE']);
  assert.deepEqual(typesIn(client.takeOutgoing(id, 100_000)), [
    'PIPELINE_INPUT',
    'PIPELINE_INPUT',
    'END_OF_PIPELINE_INPUT',
  ]);
});
