import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  ClientRunspacePool,
  decodeMessage,
  Destination,
  emptyGuid,
  encodeFragment,
  encodeMessage,
  FragmentAssembler,
  fragmentHeaderBytes,
  MessageType,
  PsrpError,
  ServerRunspacePool,
} from '@exchange-connector/psrp';
import { freshGuid, MemoryPair } from './memory-pair.ts';

/** The fragments of messages, each cut into blobs of at most `blobBytes`. */
function cut(messages: readonly Uint8Array[], blobBytes: number, firstObjectId = 1): Uint8Array[] {
  return messages.flatMap((message, index) => {
    const count = Math.max(1, Math.ceil(message.length / blobBytes));
    return Array.from({ length: count }, (_, fragmentId) =>
      encodeFragment(
        { objectId: firstObjectId + index, fragmentId, isStart: fragmentId === 0, isEnd: fragmentId === count - 1 },
        message.subarray(fragmentId * blobBytes, (fragmentId + 1) * blobBytes),
      ),
    );
  });
}

function assemble(chunks: Iterable<Uint8Array>): { messages: string[]; violation: PsrpError | undefined } {
  const assembler = new FragmentAssembler();
  const messages: string[] = [];
  for (const chunk of chunks)
    messages.push(...assembler.push(chunk).map((message) => Buffer.from(message).toString('hex')));
  return { messages, violation: assembler.violation };
}

const hex = (messages: readonly Uint8Array[]): string[] =>
  messages.map((message) => Buffer.from(message).toString('hex'));

test('a fragment stands on the wire as the specification draws it', () => {
  const bytes = encodeFragment(
    { objectId: 2 ** 40 + 5, fragmentId: 7, isStart: false, isEnd: true },
    new Uint8Array([0xaa, 0xbb]),
  );
  assert.equal(
    Buffer.from(bytes).toString('hex'),
    '0000010000000005' + '0000000000000007' + '02' + '00000002' + 'aabb',
  );
});

test('messages come out the same wherever the bytes are split, byte by byte, and whatever trails', () => {
  const messages = [new Uint8Array([1]), new Uint8Array(70).fill(2), new Uint8Array(0), new Uint8Array([3, 4, 5])];
  const bytes = Buffer.concat(cut(messages, 20));
  const expected = { messages: hex(messages), violation: undefined };
  for (let at = 0; at <= bytes.length; at += 1)
    assert.deepEqual(assemble([bytes.subarray(0, at), bytes.subarray(at)]), expected);
  assert.deepEqual(assemble(Array.from(bytes, (byte) => new Uint8Array([byte]))), expected);
  const trailing = new FragmentAssembler();
  assert.deepEqual(hex(trailing.push(Buffer.concat([bytes, bytes.subarray(0, 10)]))), expected.messages);
  assert.equal(trailing.isInside, true);
});

test('any messages in fragments of any size come out of chunks of any size', () => {
  const size = fc.integer({ min: 0, max: 40_000 });
  fc.assert(
    fc.property(
      fc.array(size, { maxLength: 8 }),
      fc.integer({ min: 1, max: 20_000 }),
      fc.integer({ min: 1, max: 50_000 }),
      (sizes, blobBytes, chunkBytes) => {
        const messages = sizes.map((length, index) => new Uint8Array(length).fill(index + 1));
        const bytes = Buffer.concat(cut(messages, blobBytes));
        const chunks = Array.from({ length: Math.ceil(bytes.length / chunkBytes) }, (_, index) =>
          bytes.subarray(index * chunkBytes, (index + 1) * chunkBytes),
        );
        assert.deepEqual(assemble(chunks), { messages: hex(messages), violation: undefined });
      },
    ),
    { numRuns: 100 },
  );
});

test('repeated fragments are dropped, whole messages as well as parts of one', () => {
  const messages = [new Uint8Array(50).fill(1), new Uint8Array(50).fill(2), new Uint8Array(50).fill(3)];
  const fragments = cut(messages, 20);
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: fragments.length - 1 }), { maxLength: 6 }), (backs) => {
      // After each fragment, some of those that have come are sent again.
      const sent = fragments.flatMap((fragment, index) => [
        fragment,
        ...backs.filter((back) => back <= index).map((back) => fragments[back] ?? fragment),
      ]);
      assert.deepEqual(assemble(sent), { messages: hex(messages), violation: undefined });
    }),
    { numRuns: 100 },
  );
});

test('a missing fragment ends the source with a gap, after what came before it', () => {
  const messages = [new Uint8Array(50).fill(1), new Uint8Array(50).fill(2), new Uint8Array(50).fill(3)];
  const fragments = cut(messages, 20);
  for (let missing = 0; missing < fragments.length - 1; missing += 1) {
    const { messages: seen, violation } = assemble(fragments.filter((_, index) => index !== missing));
    assert.equal(violation?.code, 'PSRP_FRAGMENT_GAP', `without fragment ${missing}`);
    assert.equal(violation?.recovery, 'reopen-session');
    assert.deepEqual(seen, hex(messages).slice(0, Math.floor(missing / 3)));
  }
});

test('a server that counts its objects over all sessions leaves no gap', () => {
  const messages = [new Uint8Array([1]), new Uint8Array([2])];
  const fragments = [...cut(messages.slice(0, 1), 10, 5), ...cut(messages.slice(1), 10, 900)];
  assert.deepEqual(assemble(fragments), { messages: hex(messages), violation: undefined });
});

test('impossible headers are violations that say what was seen', () => {
  const blob = new Uint8Array(3);
  const cases: [Uint8Array[], string, RegExp][] = [
    [[new Uint8Array(fragmentHeaderBytes).fill(255)], 'PSRP_FRAGMENT_INVALID', /beyond 2\^53/],
    [
      [encodeFragment({ objectId: 1, fragmentId: 0, isStart: false, isEnd: false }, blob)],
      'PSRP_FRAGMENT_INVALID',
      /not marked as the first/,
    ],
    [
      [
        encodeFragment({ objectId: 1, fragmentId: 0, isStart: true, isEnd: false }, blob),
        encodeFragment({ objectId: 1, fragmentId: 1, isStart: true, isEnd: false }, blob),
      ],
      'PSRP_FRAGMENT_INVALID',
      /fragment 1 of object 1: it is marked as the first/,
    ],
    [
      [
        encodeFragment({ objectId: 9, fragmentId: 0, isStart: true, isEnd: false }, blob),
        encodeFragment({ objectId: 4, fragmentId: 0, isStart: true, isEnd: false }, blob),
      ],
      'PSRP_FRAGMENT_INVALID',
      /object 4 where fragment 1 of object 9 was due/,
    ],
  ];
  for (const [fragments, code, message] of cases) {
    const { violation } = assemble(fragments);
    assert.equal(violation?.code, code);
    assert.match(violation?.message ?? '', message);
  }
});

test('a message beyond its limits is refused by its header, before its bytes come', () => {
  const declared = encodeFragment({ objectId: 1, fragmentId: 0, isStart: true, isEnd: true }, new Uint8Array(0));
  declared.set([0x7f, 0xff, 0xff, 0xff], 17);
  const big = new FragmentAssembler();
  assert.deepEqual(big.push(declared), []);
  assert.equal(big.violation?.code, 'PSRP_LIMIT_EXCEEDED');
  const many = new FragmentAssembler({ maxFragmentsPerMessage: 2 });
  for (let fragmentId = 0; fragmentId < 3; fragmentId += 1) {
    many.push(encodeFragment({ objectId: 1, fragmentId, isStart: fragmentId === 0, isEnd: false }, new Uint8Array(1)));
  }
  assert.equal(many.violation?.code, 'PSRP_LIMIT_EXCEEDED');
});

test('a message is read as it was written, for either side', () => {
  const ids = { poolId: freshGuid(), pipelineId: freshGuid() };
  for (const destination of [Destination.Client, Destination.Server]) {
    for (const type of Object.values(MessageType)) {
      for (const body of [Buffer.from('<S>é</S>'), Buffer.alloc(0)]) {
        const bytes = encodeMessage({ destination, type, ...ids, body });
        assert.equal(bytes.length - 40 - body.length, destination === Destination.Client && body.length > 0 ? 3 : 0);
        const back = decodeMessage(bytes);
        assert.deepEqual({ ...back, body: Buffer.from(back.body) }, { destination, type, ...ids, body });
      }
    }
  }
});

/** Bytes near enough to the protocol to get past its first checks. */
const nearlyValid = fc
  .record({
    type: fc.oneof(fc.constantFrom(...Object.values(MessageType)), fc.nat()),
    destination: fc.constantFrom(1, 2, 3),
    body: fc.oneof(
      fc.string().map((text) => `<S>${text}</S>`),
      fc.constantFrom(
        '',
        '<Obj RefId="0"><MS><Version N="protocolversion">2.3</Version><Version N="PSVersion">2.0</Version><Version N="SerializationVersion">1.1.0.1</Version></MS></Obj>',
        '<Obj RefId="0"><MS><I32 N="RunspaceState">2</I32></MS></Obj>',
        '<Obj RefId="0"><MS><I32 N="RunspaceState">99</I32></MS></Obj>',
        '<Obj RefId="0"><MS><I32 N="PipelineState">4</I32></MS></Obj>',
        '<Obj RefId="0"><MS><I64 N="ci">1</I64><I32 N="mi">11</I32><Nil N="mp"/></MS></Obj>',
        '<Obj RefId="0"><MS><Obj N="Exception" RefId="1"><Ref N="x" RefId="0"/></Obj></MS></Obj>',
        '<Obj RefId="0"><Ref RefId="0"/></Obj>',
        '<Nil/>',
        '<S></S>',
        '<Obj',
      ),
      fc.uint8Array({ maxLength: 50 }),
    ),
    blobBytes: fc.integer({ min: 1, max: 200 }),
  })
  .map(({ type, destination, body, blobBytes }) => {
    const message = encodeMessage({
      destination: destination as 1,
      type: (type >>> 0) as MessageType,
      poolId: emptyGuid,
      pipelineId: emptyGuid,
      body: typeof body === 'string' ? Buffer.from(body) : body,
    });
    return { message, blobBytes };
  });

test('whatever bytes come, a pool never throws and reports one violation at most', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.oneof({ weight: 4, arbitrary: nearlyValid }, { weight: 1, arbitrary: fc.uint8Array({ maxLength: 80 }) }),
        { maxLength: 6 },
      ),
      fc.boolean(),
      fc.boolean(),
      (parts, isOpen, isPipeline) => {
        let objectId = 100;
        const bytes = parts.map((part) => {
          if (part instanceof Uint8Array) return part;
          objectId += 1;
          return Buffer.concat(cut([part.message], part.blobBytes, objectId));
        });
        const pair = new MemoryPair();
        if (isOpen) pair.open();
        else pair.client.open();
        const id = isOpen ? pair.start({ statements: [[{ name: 'A', parameters: [] }]] }, true) : freshGuid();
        for (const pool of [pair.client, pair.server]) {
          const kinds = bytes.flatMap((chunk) =>
            pool.receive(isPipeline ? id : 'pool', chunk).map((event) => event.kind),
          );
          assert.ok(kinds.filter((kind) => kind === 'protocolViolation').length <= 1);
          const at = kinds.indexOf('protocolViolation');
          assert.ok(at < 0 || at === kinds.length - 1, 'nothing is told after a violation');
        }
      },
    ),
    { numRuns: 1_000 },
  );
});

test('a violation breaks the pool, and what comes later is dropped', () => {
  for (const pool of [new ClientRunspacePool({ id: freshGuid() }), new ServerRunspacePool()]) {
    const events = pool.receive('pool', new Uint8Array(100).fill(255));
    assert.deepEqual(
      events.map((event) => event.kind),
      ['protocolViolation'],
    );
    const [violation] = events;
    assert.ok(
      violation?.kind === 'protocolViolation' && violation.source === 'pool' && violation.error instanceof PsrpError,
    );
    assert.deepEqual(pool.receive('pool', new Uint8Array(100)), []);
  }
});

test('a server has no more pipelines than its limit, however many a client names', () => {
  const pool = new ServerRunspacePool({ limits: { maxPipelines: 10 } });
  const kinds = Array.from({ length: 11 }, () =>
    pool.receive(freshGuid(), new Uint8Array(3)).map((event) => event.kind),
  );
  assert.deepEqual(kinds.flat(), ['protocolViolation']);
});

test('a server that calls the host without end is stopped by the limit on what is queued', () => {
  const pair = new MemoryPair({ client: { limits: { maxQueuedMessages: 50 } } }).open();
  const id = pair.start({ statements: [[{ name: 'A', parameters: [] }]] });
  const kinds: string[] = [];
  for (let callId = 1n; callId <= 60n; callId += 1n) {
    pair.server.hostCall(id, { callId, methodId: 11, parameters: [] });
    const bytes = pair.server.takeOutgoing(id, 100_000);
    assert.ok(bytes);
    kinds.push(...pair.client.receive(id, bytes).map((event) => event.kind));
  }
  assert.deepEqual(kinds, [...Array.from({ length: 50 }, () => 'hostCall'), 'protocolViolation']);
});

test('one message inside one chunk is handed on as a view of it', () => {
  const message = new Uint8Array(5_000).fill(7);
  const chunk = Buffer.concat([...cut([message], 10_000), ...cut([message], 1_000, 2)]);
  const [first, second] = new FragmentAssembler().push(chunk);
  assert.equal(first?.buffer, chunk.buffer);
  assert.notEqual(second?.buffer, chunk.buffer);
  assert.deepEqual(hex([first ?? message, second ?? message]), hex([message, message]));
});
