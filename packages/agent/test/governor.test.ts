import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Governor, type LearnedLimits, longestWaitMs, microDelayMs, type Refusal } from '../src/governor.ts';

const start = Date.UTC(2026, 0, 1);
const settings = { shells: 4, spacingMs: 20_000, reconnectForMs: 300_000 };

function governor(more: Partial<typeof settings> = {}, learned?: LearnedLimits): Governor {
  return new Governor({ ...settings, ...more }, learned, start);
}

test('shells are opened one after the other, so far apart as the settings say, and no more than they allow', () => {
  const it = governor();
  assert.deepEqual(it.nextOpening(0), { kind: 'at', time: 0 });
  it.opened(start);
  assert.deepEqual(it.nextOpening(1), { kind: 'at', time: start + 20_000 });
  it.opened(start + 20_000);
  assert.deepEqual(it.nextOpening(2), { kind: 'at', time: start + 40_000 });
  assert.deepEqual(it.nextOpening(4), { kind: 'never' });
  assert.equal(it.learned, undefined, 'an undisturbed run has nothing to remember');
});

test('a server that names a time to wait gets it, later shells come further apart, and the next run knows', () => {
  const it = governor({ spacingMs: 0 });
  it.opened(start);
  assert.deepEqual(it.refused({ kind: 'wait', waitMs: 47_000 }, start, 1, true), { kind: 'again' });
  assert.equal(it.throttledUntil(start), start + 47_000);
  assert.deepEqual(it.nextOpening(1), { kind: 'at', time: start + 47_000 });
  it.opened(start + 47_000);
  assert.equal(it.throttledUntil(start + 47_000), undefined);
  assert.deepEqual(it.nextOpening(2), { kind: 'at', time: start + 47_000 + 47_000 });
  const next = new Governor({ ...settings, spacingMs: 0 }, it.learned, start + 30_000);
  assert.deepEqual(next.nextOpening(0), { kind: 'at', time: start + 47_000 });
  assert.equal(next.throttledUntil(start + 30_000), start + 47_000);
});

test('without a session a wait is bounded: not longer than five minutes, not more than three in a row', () => {
  assert.deepEqual(governor().refused({ kind: 'wait', waitMs: longestWaitMs + 1 }, start, 0, false), {
    kind: 'giveUp',
  });
  const it = governor();
  const verdicts = [1, 2, 3, 4].map(
    (_, turn) => it.refused({ kind: 'wait', waitMs: 1000 }, start + turn * 1000, 0, false).kind,
  );
  assert.deepEqual(verdicts, ['again', 'again', 'again', 'giveUp']);
  const other = governor();
  other.refused({ kind: 'wait', waitMs: longestWaitMs * 2 }, start, 2, true);
  assert.deepEqual(
    other.nextOpening(2),
    { kind: 'at', time: start + longestWaitMs * 2 },
    'with sessions at work it only has no further one',
  );
});

test('a server that has enough shells of the account gets no more, and the next run starts with as many', () => {
  const it = governor({ spacingMs: 0 });
  it.opened(start);
  it.opened(start);
  assert.deepEqual(it.refused({ kind: 'tooMany' }, start, 2, true), { kind: 'again' });
  assert.deepEqual(it.nextOpening(2), { kind: 'never' });
  assert.equal(it.shells, 2);
  assert.equal(governor({}, it.learned).shells, 2);
  const weekLater = new Governor(settings, it.learned, start + 8 * 24 * 3_600_000);
  assert.equal(weekLater.shells, 4, 'what was learned is forgotten after a week');
  const before = new Governor(settings, it.learned, start - 1);
  assert.equal(before.shells, 4, 'a time that has not come yet is no time');
});

test('where there is no shell at all, a server that has too many of the account is asked again, three times', () => {
  const it = governor();
  const verdicts: string[] = [];
  for (let now = start; verdicts.at(-1) !== 'giveUp' && verdicts.length < 9; ) {
    verdicts.push(it.refused({ kind: 'tooMany' }, now, 0, false).kind);
    const next = it.nextOpening(0);
    assert.ok(next.kind === 'at' && next.time > now);
    now = next.time;
  }
  assert.deepEqual(verdicts, ['again', 'again', 'again', 'giveUp']);
});

test('a limit is forgotten after a week, also where the server asks to wait each day', () => {
  const day = 24 * 3_600_000;
  const first = governor({ shells: 4, spacingMs: 0 });
  first.opened(start);
  first.refused({ kind: 'tooMany' }, start, 1, true);
  let { learned } = first;
  for (let at = start + day; at < start + 7 * day; at += day) {
    const later = new Governor({ shells: 4, spacingMs: 0, reconnectForMs: 300_000 }, learned, at);
    assert.equal(later.shells, 1);
    later.refused({ kind: 'wait', waitMs: 1_000 }, at, 0, false);
    learned = later.learned;
  }
  const after = new Governor({ shells: 4, spacingMs: 0, reconnectForMs: 300_000 }, learned, start + 7 * day);
  assert.equal(after.shells, 4);
});

test('delays that take half of the shells’ time leave fewer shells, one at a time', () => {
  const warning = (ms: number): string =>
    `Micro delay applied. Actual delayed: ${ms} msecs, Enforced: True, Capped delay: ${ms} msecs, Required: False`;
  assert.equal(microDelayMs(warning(1234)), 1234);
  assert.equal(microDelayMs('The object was delayed: 5'), undefined);
  const it = governor();
  for (let shell = 0; shell < 3; shell += 1) it.opened(start);
  assert.equal(it.warned('something else', start, 3), false);
  assert.equal(it.warned(warning(60_000), start, 3), false);
  assert.equal(it.warned(warning(30_000), start + 1000, 3), true);
  assert.equal(it.shells, 2);
  assert.equal(it.warned(warning(500_000), start + 2000, 2), false, 'not twice within a minute');
  assert.equal(it.warned(warning(500_000), start + 62_000, 2), true);
  assert.equal(it.shells, 1);
  assert.equal(it.warned(warning(500_000), start + 200_000, 1), false, 'the last one stays');
});

test('delays of more than a minute ago are no longer counted', () => {
  const it = governor();
  const warning = 'Micro delay applied. Actual delayed: 40000 msecs';
  assert.equal(it.warned(warning, start, 2), false);
  assert.equal(it.warned(warning, start + 60_000, 2), false);
  assert.equal(it.warned(warning, start + 70_000, 2), true);
});

test('lost sessions are replaced, later each time, until six were lost with nothing achieved between', () => {
  const it = governor();
  const waits: number[] = [];
  for (let loss = 0; loss < 6; loss += 1) {
    const now = start + loss * 1_000_000;
    assert.deepEqual(it.lost(now, loss), { kind: 'again' });
    const next = it.nextOpening(0);
    assert.ok(next.kind === 'at');
    waits.push(next.time - now);
  }
  assert.deepEqual(waits, [0, 1_000, 2_000, 4_000, 8_000, 15_000]);
  assert.deepEqual(it.lost(start + 10_000_000, 6), { kind: 'giveUp' });
  const other = governor();
  for (let loss = 0; loss < 50; loss += 1) {
    assert.deepEqual(other.lost(start, loss), { kind: 'again' });
    other.progressed();
  }
  assert.deepEqual(governor({ reconnectForMs: 0 }).lost(start, 0), { kind: 'giveUp' });
});

test('sessions that were open together are lost together, which counts once', () => {
  const it = governor();
  for (let round = 0; round < 6; round += 1) {
    const now = start + round * 100_000;
    for (let shell = 0; shell < 4; shell += 1) {
      assert.deepEqual(it.lost(now + shell, round), { kind: 'again' }, `round ${round}, shell ${shell}`);
    }
  }
  assert.deepEqual(it.lost(start + 700_000, 6), { kind: 'giveUp' });
});

test('a session that notices only after something was achieved that it was lost with others is replaced at once', () => {
  const it = governor();
  it.opened(start);
  const { generation } = it;
  it.lost(start, generation);
  it.progressed();
  assert.deepEqual(it.lost(start + 5_000, generation), { kind: 'again' });
  assert.deepEqual(it.nextOpening(0), { kind: 'at', time: start + 5_000 });
});

test('what may pass before there was any session is tried again four times, further and further apart', () => {
  const passing = { kind: 'down', isPassing: true } as const;
  const attempts = (reconnectForMs: number, answers: readonly Refusal[]): number[] => {
    const it = governor({ reconnectForMs });
    const times: number[] = [];
    let now = start;
    for (const answer of answers) {
      if (it.refused(answer, now, 0, false).kind === 'giveUp') break;
      const next = it.nextOpening(0);
      assert.ok(next.kind === 'at');
      now = next.time;
      times.push((now - start) / 1000);
    }
    return times;
  };
  const always = Array.from({ length: 9 }, () => passing);
  assert.deepEqual(attempts(300_000, always), [1, 3, 7, 15]);
  assert.deepEqual(attempts(3_000, always), [1, 3], 'no longer than a lost session would be tried for');
  assert.deepEqual(attempts(0, always), []);
  const restarted = [passing, { kind: 'down' }, { kind: 'down' }] as const;
  assert.deepEqual(attempts(300_000, restarted), [1, 3, 7], 'a server that was there is being restarted');
  assert.deepEqual(attempts(300_000, [{ kind: 'down' }, passing]), [], 'one that never was there is not waited for');
});

test('a server that is down is tried for so long, and not at all where it was never up', () => {
  assert.deepEqual(governor().refused({ kind: 'down' }, start, 0, false), { kind: 'giveUp' });
  const it = governor({ reconnectForMs: 60_000 });
  let now = start;
  let attempts = 0;
  while (it.refused({ kind: 'down' }, now, 0, true).kind === 'again') {
    attempts += 1;
    const next = it.nextOpening(0);
    assert.ok(next.kind === 'at' && next.time > now);
    now = next.time;
  }
  assert.ok(now - start <= 60_000, `${now - start} ms`);
  assert.ok(attempts >= 5);
  it.opened(now);
  assert.deepEqual(
    it.refused({ kind: 'down' }, now, 0, true),
    { kind: 'again' },
    'a session that was had ends the count',
  );
});

test('whatever a server answers, a run without a session ends: with one, or with the decision to give up', () => {
  const refusal = fc.oneof(
    fc.record({ kind: fc.constant('wait' as const), waitMs: fc.integer({ min: 0, max: 600_000 }) }),
    fc.constant({ kind: 'tooMany' as const }),
    fc.constant({ kind: 'down' as const }),
  );
  fc.assert(
    fc.property(fc.array(refusal, { minLength: 1, maxLength: 5 }), fc.boolean(), (answers, hadOne) => {
      const it = governor();
      let now = start;
      for (let attempt = 0; attempt < 1000; attempt += 1) {
        const next = it.nextOpening(0);
        assert.ok(next.kind === 'at', 'one shell is always allowed');
        now = Math.max(now, next.time);
        if (it.refused(answers[attempt % answers.length] as (typeof answers)[number], now, 0, hadOne).kind === 'giveUp')
          return;
      }
      assert.fail('it never gave up');
    }),
    { numRuns: 300 },
  );
});
