import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { PipelineEvent, RemoteSession } from '@exchange-connector/psrp';
import { Governor, type GovernorSettings, type LearnedLimits, type Refusal } from '../src/governor.ts';
import { type Clock, SessionPool } from '../src/session-pool.ts';

/* Sessions that do nothing, on a clock that goes on by itself to the next moment somebody waits for. */
class Refused extends Error {
  readonly refusal: Refusal | undefined;
  constructor(refusal: Refusal | undefined) {
    super(`refused: ${refusal?.kind ?? 'for good'}`);
    this.refusal = refusal;
  }
}
class Lost extends Error {}

class FakeSession implements RemoteSession {
  readonly server = { protocolVersion: '2.3', applicationPrivateData: undefined };
  readonly number: number;
  closed = false;
  constructor(number: number) {
    this.number = number;
  }
  async *invoke(): AsyncGenerator<PipelineEvent> {}
  async close(): Promise<void> {
    this.closed = true;
  }
}

class VirtualClock implements Clock {
  time = Date.UTC(2026, 0, 1);
  readonly #waits: { readonly at: number; readonly wake: () => void }[] = [];
  now(): number {
    return this.time;
  }
  wait(ms: number, signal: AbortSignal): Promise<void> {
    assert.ok(ms < 2 ** 31, 'a timer of Node fires at once');
    return new Promise((resolve, reject) => {
      const entry = { at: this.time + ms, wake: resolve };
      this.#waits.push(entry);
      const drop = (): void => {
        if (this.#waits.includes(entry)) this.#waits.splice(this.#waits.indexOf(entry), 1);
        reject(signal.reason);
      };
      signal.addEventListener('abort', drop, { once: true });
    });
  }
  /** Time passes while nothing else can happen, until the promise has settled. */
  async until<T>(promise: Promise<T>): Promise<T> {
    let settled = false;
    const mark = (): void => {
      settled = true;
    };
    promise.then(mark, mark);
    while (!settled) {
      await new Promise((resolve) => setImmediate(resolve));
      if (settled) break;
      const next = [...this.#waits].sort((left, right) => left.at - right.at)[0];
      if (next === undefined) continue;
      this.#waits.splice(this.#waits.indexOf(next), 1);
      this.time = Math.max(this.time, next.at);
      next.wake();
    }
    return promise;
  }
}

interface World {
  readonly pool: SessionPool<FakeSession>;
  readonly clock: VirtualClock;
  readonly governor: Governor;
  readonly opened: FakeSession[];
  readonly warnings: string[];
  readonly throttled: (number | undefined)[];
  readonly openedAt: number[];
}

function world(
  more: Partial<GovernorSettings> & {
    readonly refuse?: (attempt: number, open: number) => Refused | undefined;
    readonly learned?: LearnedLimits;
    readonly signal?: AbortSignal;
  } = {},
): World {
  const clock = new VirtualClock();
  const settings = {
    shells: more.shells ?? 1,
    spacingMs: more.spacingMs ?? 20_000,
    reconnectForMs: more.reconnectForMs ?? 300_000,
  };
  const governor = new Governor(settings, more.learned, clock.now());
  const opened: FakeSession[] = [];
  const warnings: string[] = [];
  const throttled: (number | undefined)[] = [];
  const openedAt: number[] = [];
  let attempts = 0;
  const pool = new SessionPool<FakeSession>({
    open: async () => {
      attempts += 1;
      const refused = more.refuse?.(attempts, pool.open);
      if (refused !== undefined) throw refused;
      const session = new FakeSession(opened.length + 1);
      opened.push(session);
      openedAt.push(clock.now());
      return session;
    },
    refusalOf: (error) => (error instanceof Refused ? error.refusal : undefined),
    isLoss: (error) => error instanceof Lost,
    governor,
    clock,
    most: settings.shells,
    signal: more.signal ?? new AbortController().signal,
    onWarning: (message) => warnings.push(message),
    onNote: () => {},
    onThrottled: (until) => throttled.push(until),
  });
  return { pool, clock, governor, opened, warnings, throttled, openedAt };
}

/** Work that takes so long on the virtual clock. */
const taking = (clock: VirtualClock, ms: number) => (): Promise<void> => clock.wait(ms, new AbortController().signal);

test('one session does all the work, one piece after the other, and is closed in the end', async () => {
  const { pool, clock, opened } = world();
  let atOnce = 0;
  const work = async (): Promise<void> => {
    atOnce += 1;
    assert.equal(atOnce, 1);
    await clock.wait(100, new AbortController().signal);
    atOnce -= 1;
  };
  await clock.until(Promise.all([pool.run(work), pool.run(work), pool.run(work)]));
  await pool.close();
  assert.deepEqual(
    opened.map(({ closed }) => closed),
    [true],
  );
});

test('further sessions are opened while there is work for them, so far apart as the settings say', async () => {
  const { pool, clock, openedAt } = world({ shells: 3, spacingMs: 20_000 });
  const begun = clock.now();
  await clock.until(Promise.all(Array.from({ length: 8 }, () => pool.run(taking(clock, 30_000)))));
  assert.deepEqual(
    openedAt.map((time) => time - begun),
    [0, 20_000, 40_000],
  );
  await pool.close();
});

test('work that ends before the next session may be opened opens none', async () => {
  const { pool, clock, opened } = world({ shells: 4 });
  await clock.until(Promise.all(Array.from({ length: 4 }, () => pool.run(taking(clock, 1_000)))));
  await pool.close();
  assert.equal(opened.length, 1);
});

test('a lost session is replaced, and its work done again in another one', async () => {
  const { pool, clock, opened, warnings } = world();
  const seen: number[] = [];
  const result = await clock.until(
    pool.run(async (session) => {
      const { number } = session as FakeSession;
      seen.push(number);
      if (number < 3) throw new Lost('cut');
      return number;
    }),
  );
  await pool.close();
  assert.deepEqual([result, seen], [3, [1, 2, 3]]);
  assert.ok(opened.every(({ closed }) => closed));
  assert.match(warnings.join('\n'), /a session was lost, and its work is done again in another one: cut/);
});

test('sessions that are lost each time end the run with what lost the last one', async () => {
  const { pool, clock, opened } = world();
  await assert.rejects(
    clock.until(
      pool.run(async () => {
        throw new Lost('always');
      }),
    ),
    Lost,
  );
  await pool.close();
  assert.equal(opened.length, 7);
});

test('an error that is no loss is the caller’s, and the session is good for the next piece of work', async () => {
  const { pool, clock, opened } = world();
  await assert.rejects(
    clock.until(
      pool.run(async () => {
        throw new RangeError('mine');
      }),
    ),
    RangeError,
  );
  await clock.until(pool.run(async () => {}));
  await pool.close();
  assert.equal(opened.length, 1);
});

test('a server that throttles is waited for as long as it says, and that is shown', async () => {
  const { pool, clock, throttled, warnings, openedAt } = world({
    refuse: (attempt) => (attempt === 1 ? new Refused({ kind: 'wait', waitMs: 47_000 }) : undefined),
  });
  const begun = clock.now();
  await clock.until(pool.run(async () => {}));
  await pool.close();
  assert.deepEqual(openedAt, [begun + 47_000]);
  assert.ok(throttled.includes(begun + 47_000), 'the wait was shown');
  assert.equal(throttled.at(-1), undefined, 'and taken back');
  assert.match(
    warnings.join('\n'),
    /throttles this account: a session is tried again in 47 seconds, as the server asks/,
  );
});

test('a further session that is refused leaves the work to those that are open', async () => {
  const longerThanTimersBear = 40 * 24 * 3_600_000;
  for (const refusal of [
    { kind: 'tooMany' },
    { kind: 'wait', waitMs: 900_000 },
    { kind: 'wait', waitMs: longerThanTimersBear },
    { kind: 'down' },
  ] as const) {
    const { pool, clock, opened } = world({
      shells: 4,
      spacingMs: 0,
      refuse: (_attempt, open) => (open >= 2 ? new Refused(refusal) : undefined),
    });
    await clock.until(Promise.all(Array.from({ length: 9 }, () => pool.run(taking(clock, 5_000)))));
    await pool.close();
    assert.equal(opened.length, 2, refusal.kind);
  }
});

test('a further session that is refused for good leaves the work to those that are open, and is not asked for again', async () => {
  let attempts = 0;
  const { pool, clock, opened, warnings } = world({
    shells: 4,
    spacingMs: 0,
    refuse: (attempt) => {
      attempts = attempt;
      return attempt === 2 ? new Refused(undefined) : undefined;
    },
  });
  await clock.until(Promise.all(Array.from({ length: 5 }, () => pool.run(taking(clock, 5_000)))));
  await pool.close();
  assert.deepEqual([opened.length, attempts], [1, 2]);
  assert.match(warnings.join('\n'), /no further session could be opened, the run goes on with 1: refused: for good/);
});

test('closing ends the opening of a session that is not needed any more', async () => {
  const session = new FakeSession(1);
  const clock = new VirtualClock();
  const opening = Promise.withResolvers<void>();
  const pool = new SessionPool<FakeSession>({
    // The second one never answers.
    open: (isFirst, signal) => {
      if (isFirst) return Promise.resolve(session);
      opening.resolve();
      return new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason)));
    },
    refusalOf: () => undefined,
    isLoss: () => false,
    governor: new Governor({ shells: 2, spacingMs: 0, reconnectForMs: 300_000 }, undefined, clock.now()),
    clock,
    most: 2,
    signal: new AbortController().signal,
    onWarning: () => assert.fail('that it is not needed is no news'),
    onNote: () => {},
    onThrottled: () => {},
  });
  await Promise.all([pool.run(() => opening.promise), pool.run(async () => {})]);
  await pool.close();
  assert.equal(session.closed, true);
});

test('a refusal for good ends all work that waits', async () => {
  const { pool, clock } = world({ refuse: () => new Refused(undefined) });
  const both = await clock.until(Promise.allSettled([pool.run(async () => {}), pool.run(async () => {})]));
  assert.ok(both.every(({ status }) => status === 'rejected'));
  await pool.close();
});

test('a server that went down is tried until it is back', async () => {
  const { pool, clock, openedAt } = world({
    refuse: (attempt) => (attempt > 1 && attempt < 8 ? new Refused({ kind: 'down' }) : undefined),
  });
  const begun = clock.now();
  let lost = false;
  await clock.until(
    pool.run(async () => {
      if (lost) return;
      lost = true;
      throw new Lost('down');
    }),
  );
  await pool.close();
  assert.equal(openedAt.length, 2);
  assert.ok((openedAt[1] ?? 0) - begun > 30_000);
});

test('a wait ends when the run is cancelled, and no session is left open', async () => {
  const cancel = new AbortController();
  const { pool, clock, opened } = world({
    signal: cancel.signal,
    refuse: (attempt) => (attempt > 1 ? new Refused({ kind: 'wait', waitMs: 200_000 }) : undefined),
  });
  const lost = pool.run(async () => {
    throw new Lost('cut');
  });
  lost.catch(() => {});
  // Work goes on until it waits for the server's time; nobody lets that pass.
  for (let turn = 0; turn < 20; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  cancel.abort(new Error('enough'));
  await assert.rejects(lost, /enough/);
  await clock.until(pool.close());
  assert.ok(opened.every(({ closed }) => closed));
});

test('delays that the server speaks of close a session that is one too many', async () => {
  const { pool, clock, opened, warnings } = world({ shells: 2, spacingMs: 0 });
  await clock.until(Promise.all([pool.run(taking(clock, 10)), pool.run(taking(clock, 10))]));
  assert.equal(pool.open, 2);
  pool.warned('Micro delay applied. Actual delayed: 70000 msecs');
  assert.equal(pool.open, 1);
  assert.match(warnings.join('\n'), /1 shell\(s\) are used from now on/);
  await pool.close();
  assert.ok(opened.every(({ closed }) => closed));
});
