/* The language of faults: what it says, what it refuses, and that it says the same when written again. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { SimulatorError } from '../src/errors.ts';
import { chaosScript } from '../src/faults/chaos.ts';
import { FaultPlayer, type FaultHost } from '../src/faults/fault-player.ts';
import {
  changeKinds,
  corruptKinds,
  type FaultAction,
  type FaultPlace,
  type FaultStage,
  formatRule,
  messageKinds,
} from '../src/faults/fault-script.ts';
import { parseFaultScript } from '../src/faults/parse-fault-script.ts';

function refusal(script: string): string {
  try {
    parseFaultScript(script);
  } catch (error) {
    assert.ok(error instanceof SimulatorError);
    assert.equal(error.code, 'SIMULATOR_FAULT_SCRIPT_INVALID');
    return error.message;
  }
  throw new Error(`not refused: ${script}`);
}

test('rules stand in lines or between semicolons, with comments, ordinals, plurals, and in any case', () => {
  const script = `
    # a bad day
    receive 3: drop halfway; every 50th Receive: DELAY 2s   # slow
    every 2 messages: delay 1.5s after ;; mailbox 2500 : die 3s`;
  assert.deepEqual(parseFaultScript(script).map(formatRule), [
    'receive 3: drop halfway',
    'every 50 receive: delay 2s',
    'every 2 message: delay 1500ms after',
    'mailbox 2500: die 3s',
  ]);
  assert.deepEqual(parseFaultScript(''), []);
});

test('what is wrong is told with line and column, and with what is allowed there', () => {
  const cases: readonly [string, RegExp][] = [
    ['dorp 3', /line 1, column 1: "dorp" is no place; a rule begins with message, login, .* or every$/],
    ['receive 3: dorp', /line 1, column 12: "dorp" is no action; allowed: drop, reset, .* or change$/],
    ['receive 1: drop\n  receive: drop', /line 2, column 10: ":" is no number of a receive; allowed: a whole number/],
    ['receive 0: drop', /column 9: "0" is no number of a receive/],
    ['receive 7-3: drop', /column 9: "7-3" is no number of a receive/],
    ['receive 1 drop', /column 11: "drop" stands where ":" is due/],
    ['receive 1', /column 10: the rule ends where ":" is due/],
    ['receive 1: delay', /column 17: the rule ends where time, such as 500ms, 3s or 2m, is due/],
    ['receive 1: delay soon', /column 18: "soon" is no time; allowed: up to 24 h/],
    ['receive 1: drop sideways', /"sideways" is no moment; allowed: before, after, halfway or at/],
    ['receive 1: drop at', /the rule ends where number of bytes/],
    ['receive 1: die sideways', /"sideways" is no time/],
    ['receive 1: http 200', /"200" is no status; allowed: whole numbers from 400 to 599/],
    ['receive 1: throttle hard', /"hard" is no throttle; allowed: budget, connections, shells, operations or delay/],
    ['receive 1: corrupt all', /"all" is no thing to corrupt; allowed: envelope, base64, fragment or body/],
    ['receive 1: drop before now', /"now" is too much: the rule is complete before it/],
    ['receive 1: drop; receive 2: drap', /line 1, column 29: "drap" is no action/],
    ['every 0 receive: drop', /"0" cannot follow "every"; allowed: message, login/],
    ['every 3 cows: drop', /"cows" cannot be counted; allowed: .* bytes or mailboxes$/],
    ['after 25h: die', /"25h" is no time/],
    ['after 2000m: die', /"2000m" is no time/],
    ['receive 1: lag DC1', /the rule ends where time/],
    ['receive 1: change everything', /"everything" is no change; allowed: createMailbox, /],
  ];
  for (const [script, says] of cases) assert.match(refusal(script), says);
  assert.match(refusal(`${'x'.repeat(1_000_001)}`), /more than 1000000 characters/);
  assert.match(refusal('receive 1: drop\n'.repeat(10_001)), /more than 10000 rules/);
});

const stage: fc.Arbitrary<FaultStage> = fc.oneof(
  fc.constantFrom<FaultStage>({ kind: 'before' }, { kind: 'after' }, { kind: 'halfway' }),
  fc.record({ kind: fc.constant('at' as const), bytes: fc.integer({ min: 0, max: 1_000_000 }) }),
);
const early = fc.constantFrom<FaultStage | undefined>(undefined, { kind: 'before' }, { kind: 'after' });
const milliseconds = fc.integer({ min: 1, max: 86_400_000 });
const action: fc.Arbitrary<FaultAction> = fc.oneof(
  fc.record({
    kind: fc.constantFrom('drop', 'reset', 'half-close', 'stall'),
    stage: fc.option(stage, { nil: undefined }),
  }),
  fc.record({ kind: fc.constant('delay' as const), milliseconds, stage: early }),
  fc.record({ kind: fc.constant('disconnect' as const), stage: early }),
  fc.record({
    kind: fc.constant('die' as const),
    milliseconds: fc.option(milliseconds, { nil: undefined }),
    stage: early,
  }),
  fc.record({ kind: fc.constant('http' as const), status: fc.integer({ min: 400, max: 599 }), stage: early }),
  fc.record({ kind: fc.constant('fault' as const), code: fc.integer({ min: 1, max: 0xffff_ffff }) }),
  fc.record({
    kind: fc.constant('throttle' as const),
    by: fc.constantFrom('budget' as const, 'delay' as const),
    milliseconds,
  }) as fc.Arbitrary<FaultAction>,
  fc.record({
    kind: fc.constant('throttle' as const),
    by: fc.constantFrom('connections' as const, 'shells' as const),
    most: fc.integer({ min: 1, max: 10_000 }),
  }) as fc.Arbitrary<FaultAction>,
  fc.constantFrom<FaultAction>(
    { kind: 'throttle', by: 'operations' },
    { kind: 'refuse' },
    { kind: 'forget', what: 'shell' },
    { kind: 'forget', what: 'shells' },
    { kind: 'lose-cookie' },
    { kind: 'renew-cookie' },
    { kind: 'misroute' },
    { kind: 'truncate', stage: undefined },
    { kind: 'truncate', stage: { kind: 'halfway' } },
    { kind: 'truncate', stage: { kind: 'at', bytes: 17 } },
  ),
  fc.record({ kind: fc.constant('corrupt' as const), what: fc.constantFrom(...corruptKinds) }),
  fc.record({
    kind: fc.constant('lag' as const),
    domainController: fc.stringMatching(/^[A-Za-z][A-Za-z0-9.-]{0,30}$/),
    milliseconds,
  }),
  fc.record({
    kind: fc.constant('change' as const),
    change: fc.constantFrom(...changeKinds),
    count: fc.integer({ min: 1, max: 1_000_000 }),
  }),
);
const counted = fc.constantFrom('message' as const, ...messageKinds);
const amount = fc.integer({ min: 1, max: 1_000_000_000 });
const place: fc.Arbitrary<FaultPlace> = fc.oneof(
  fc
    .tuple(counted, amount, fc.integer({ min: 0, max: 1_000 }))
    .map(([of, first, more]) => ({ kind: 'messages' as const, of, first, last: first + more })),
  fc.record({ kind: fc.constant('everyMessage' as const), of: counted, step: amount }),
  fc.record({
    kind: fc.constant('sent' as const),
    unit: fc.constantFrom('byte' as const, 'mailbox' as const),
    amount,
    repeats: fc.boolean(),
  }),
  fc.record({ kind: fc.constant('time' as const), milliseconds, repeats: fc.boolean() }),
);

test('every rule that can be made is written, and read again as the same rule', () => {
  fc.assert(
    fc.property(fc.array(fc.record({ place, action }), { maxLength: 5 }), (rules) => {
      assert.deepEqual(parseFaultScript(rules.map(formatRule).join('\n')), structuredClone(rules));
    }),
  );
});

test('no text at all makes the parser fail in another way than by its own error', () => {
  const words = fc.constantFrom('receive', 'every', '3', ':', 'drop', 'at', ';', '\n', '#', 'after', '2s', 'http', '-');
  const texts = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.array(words).map((each) => each.join(' ')),
  );
  fc.assert(
    fc.property(texts, (text) => {
      try {
        parseFaultScript(text);
      } catch (error) {
        assert.ok(error instanceof SimulatorError, String(error));
      }
    }),
  );
});

test('the same seed of chaos gives the same script, another seed another one, and all can be read', () => {
  const seeds = Array.from({ length: 50 }, (_, seed) => seed);
  const scripts = seeds.map(chaosScript);
  assert.deepEqual(seeds.map(chaosScript), scripts);
  assert.equal(new Set(scripts).size, scripts.length);
  for (const script of scripts) {
    assert.equal(parseFaultScript(script).length, 200);
    assert.equal(`${parseFaultScript(script).map(formatRule).join('\n')}\n`, script);
  }
  // What chaos can do, it does somewhere.
  const actions = new Set(scripts.flatMap(parseFaultScript).map((rule) => rule.action.kind));
  assert.equal(actions.size, 16, [...actions].join());
});

const idle: FaultHost = { die() {}, disconnect() {}, forget() {}, lag() {}, change() {} };

function player(script: string, more: { host?: FaultHost; now?: () => number } = {}): FaultPlayer {
  return new FaultPlayer(parseFaultScript(script), {
    host: more.host ?? idle,
    now: more.now ?? (() => 0),
    tell: () => {},
  });
}

test('a rule fires once at its message, a range at each, "every" for ever; counts are of the kind, or of all', () => {
  const one = player('receive 2: drop; message 4-5: reset; every 3 receive: delay 1s');
  const kinds = [
    'create',
    'receive',
    'receive',
    'command',
    'receive',
    'receive',
    'send',
    'receive',
    'receive',
  ] as const;
  assert.deepEqual(
    kinds.map((kind) => one.meet(kind).map(({ action: { kind: done } }) => done)),
    [[], [], ['drop'], ['reset'], ['reset', 'delay'], [], [], [], ['delay']],
  );
  assert.deepEqual(one.fired.slice(0, 2), [
    'receive 2: drop — at receive 2, message 3',
    'message 4-5: reset — at command 1, message 4',
  ]);
});

test('an action that a message cannot suffer waits for the next one that can', () => {
  const one = player('message 1: throttle budget 5s; message 2: corrupt base64; message 1: misroute');
  const kinds = ['login', 'receive', 'create', 'command', 'receive'] as const;
  assert.deepEqual(
    kinds.map((kind) => one.meet(kind).map(({ action: { kind: done } }) => done)),
    [[], ['corrupt', 'misroute'], ['throttle'], [], []],
  );
});

test('bytes and mailboxes are counted over answers; a cut lies at its very byte', () => {
  const one = player('byte 250: drop; every 100 mailboxes: delay 1s; mailbox 150: http 503 before');
  const answer = (bytes: number, mailboxes: number) =>
    one
      .answer({ kind: 'receive', bytes, mailboxes: () => mailboxes })
      .map(({ action: { kind }, atByte }) => [kind, atByte]);
  assert.deepEqual(answer(100, 99), []);
  assert.deepEqual(answer(100, 2), [['delay', undefined]]);
  assert.deepEqual(answer(100, 48), [['drop', 50]]);
  // An action on requests, met in an answer, is done to the next request.
  assert.deepEqual(answer(100, 1), []);
  assert.deepEqual(
    one.meet('receive').map(({ action: { kind } }) => kind),
    ['http'],
  );
  assert.deepEqual(answer(0, 50), [['delay', undefined]]);
});

test('a time is met by the first message after it, once for each that has passed', () => {
  let now = 0;
  const one = player('after 5s: drop; every 2s: delay 1ms', { now: () => now });
  const at = (time: number): readonly string[] => {
    now = time;
    return one.meet('receive').map(({ action: { kind } }) => kind);
  };
  assert.deepEqual([at(0), at(1_999), at(2_000), at(2_001)], [[], [], ['delay'], []]);
  assert.deepEqual([at(5_000), at(5_500), at(11_000), at(11_001)], [['drop', 'delay'], [], ['delay'], []]);
});

test('what needs no message happens by the clock alone', async () => {
  const done: string[] = [];
  const seen = Promise.withResolvers<void>();
  const host: FaultHost = {
    ...idle,
    lag: (name, lagMs) => void done.push(`${name} ${lagMs}`),
    die: (time) => {
      done.push(`die ${time}`);
      seen.resolve();
    },
  };
  const one = player('after 0s: lag DC02 30s; after 1ms: die 2s', { host });
  // The player's timers keep no process alive.
  const alive = setInterval(() => {}, 1_000);
  await seen.promise;
  clearInterval(alive);
  one.stop();
  assert.deepEqual(done, ['DC02 30000', 'die 2000']);
});
