import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  encodeCliXml,
  psObject,
  psString,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  type RemoteSession,
} from '@exchange-connector/psrp';
import fc from 'fast-check';
import { whyComplete } from '../../src/incremental/basis.ts';
import { type CookieFacts, parseCookieFacts } from '../../src/incremental/cookie-facts.ts';
import {
  cutByCreation,
  everySecond,
  isWithinRanges,
  joinRanges,
  planSearch,
  rangeFilter,
  rangesFilters,
  restOf,
} from '../../src/incremental/count-ranges.ts';
import { cutSlice, sliceShare } from '../../src/incremental/guid-slices.ts';
import { pinsOf } from '../../src/incremental/remembered-pins.ts';
import { areDisjoint, filtersOwnOnly, planRereading } from '../../src/incremental/rereading.ts';
import { domainOf, proveFilterTime, tellingLandmarks } from '../../src/incremental/server-check.ts';
import { type ChangeLimits, findBreaches } from '../../src/incremental/thresholds.ts';
import type { Unit } from '../../src/incremental/unit.ts';
import { topmost } from '../../src/incremental/units.ts';
import { wholeScope } from '../whole-plan.ts';

const facts: CookieFacts = {
  id: 'c',
  connection: 'Main',
  runId: 'r',
  time: '2026-03-01T09:00:00.000Z',
  engine: 'native',
  server: 's',
  settings: 'd',
  forestView: true,
  controllers: {},
  columns: [],
  columnsMissing: [],
  needsComplete: null,
  mailboxes: 0,
  databases: [],
  units: null,
  restless: [],
  forwarding: { count: 0, sum: 0 },
  landmarks: {},
  tenants: [],
  sweptAt: '2026-03-01T09:00:00.000Z',
  sweptUpTo: 0,
};
const now = Date.parse('2026-03-01T10:00:00Z');

test('a cookie that does not fit says why in words that name what differs', () => {
  const run = { connection: 'Main', engine: 'native', settings: 'd', now } as const;
  assert.equal(whyComplete(facts, run), undefined);
  const cases: readonly (readonly [Partial<CookieFacts>, RegExp])[] = [
    [{ connection: 'Other' }, /connection Other/],
    [{ engine: 'script' }, /read by a script/],
    [{ settings: 'e' }, /settings that shape the rows/],
    [{ needsComplete: 'errors came' }, /^errors came$/],
    [{ time: '2026-03-01T11:00:00Z' }, /in the future/],
  ];
  for (const [difference, reason] of cases) assert.match(whyComplete({ ...facts, ...difference }, run) ?? '', reason);
});

test('a cookie of an earlier release, which knows of no slices, is read: they begin with the oldest mailboxes', () => {
  const { sweptUpTo: _, ...earlier } = facts;
  assert.deepEqual(parseCookieFacts(JSON.stringify(earlier)), facts);
  assert.deepEqual(parseCookieFacts(JSON.stringify({ ...facts, sweptUpTo: 7 })), { ...facts, sweptUpTo: 7 });
  for (const sweptUpTo of [-1, 0.5, '7', null])
    assert.throws(() => parseCookieFacts(JSON.stringify({ ...facts, sweptUpTo })), { code: 'COOKIE_INVALID' });
});

const limits: ChangeLimits = {
  lines: { Insert: 100, Update: 100, Delete: 100 },
  percent: { Insert: 5, Update: 5, Delete: 5 },
};
const none = { Insert: 0, Update: 0, Delete: 0 };

test('thresholds: lines and percent of each command, whichever is passed first; neither at the limit, nor at 0, nor at first', () => {
  const breaches = (
    counts: Partial<typeof none>,
    before: number | undefined,
    mode: 'complete' | 'incremental' = 'incremental',
    chosen = limits,
  ) =>
    findBreaches(mode, [{ file: 'mailboxes', counts: { ...none, ...counts }, before, found: 1 }], chosen).map(
      ({ command, setting }) => `${command} ${setting}`,
    );
  assert.deepEqual(breaches({ Delete: 100 }, 10_000), []);
  assert.deepEqual(breaches({ Delete: 101 }, 10_000), ['Delete MaximumDeletedLines']);
  assert.deepEqual(breaches({ Update: 11 }, 200), ['Update MaxPercentageUpdatedLines']);
  assert.deepEqual(breaches({ Update: 10 }, 200), []);
  assert.deepEqual(breaches({ Update: 100 }, 199), []);
  assert.deepEqual(breaches({ Insert: 5000 }, undefined), []);
  assert.deepEqual(breaches({ Insert: 101, Update: 101 }, 100_000), [
    'Insert MaximumInsertedLines',
    'Update MaximumUpdatedLines',
  ]);
  const off: ChangeLimits = { lines: none, percent: none };
  assert.deepEqual(breaches({ Insert: 5000, Delete: 5000 }, 10_000, 'incremental', off), []);
  // A complete run writes everything as Insert.
  assert.deepEqual(breaches({ Insert: 10_000, Delete: 500 }, 10_000, 'complete'), []);
  assert.deepEqual(breaches({ Insert: 10_000, Delete: 501 }, 10_000, 'complete'), ['Delete MaxPercentageDeletedLines']);
  assert.deepEqual(breaches({ Delete: 150 }, 150, 'complete'), []);
  const empty = findBreaches(
    'complete',
    [{ file: 'mailboxes', counts: { ...none, Delete: 3 }, before: 3, found: 0 }],
    limits,
  );
  assert.match(empty[0]?.message ?? '', /not one was found/);
  assert.deepEqual(findBreaches('complete', [{ file: 'mailboxes', counts: none, before: 0, found: 0 }], limits), []);
});

test('the servers of the last export are pinned again: a catalog, a controller of each domain, none beside a chosen one', () => {
  const nothing = { domainController: undefined, globalCatalog: undefined };
  const tries = (controllers: Record<string, string[]>, chosen = {}) => {
    const pins = pinsOf(controllers, { ...nothing, ...chosen });
    return pins.kind === 'usable' ? pins.tries : pins.reason;
  };
  assert.deepEqual(tries({ 'a.test': ['dc1.a.test'], 'b.a.test': ['dc1.a.test'] }), [
    { domainController: undefined, globalCatalog: 'dc1.a.test', alsoDomainControllers: [] },
  ]);
  assert.deepEqual(tries({ 'a.test': ['dc1.a.test'], 'b.a.test': ['dc9.b.a.test'] }), [
    { domainController: undefined, globalCatalog: undefined, alsoDomainControllers: ['dc1.a.test', 'dc9.b.a.test'] },
  ]);
  // The only server there is may be no catalog: it is tried as one, then as a controller.
  assert.deepEqual(tries({ 'a.test': ['dc1.a.test'] }), [
    { domainController: undefined, globalCatalog: 'dc1.a.test', alsoDomainControllers: [] },
    { domainController: 'dc1.a.test', globalCatalog: undefined },
  ]);
  assert.deepEqual(
    tries({ 'a.test': ['dc1.a.test'], 'b.a.test': ['dc9.b.a.test'] }, { domainController: 'dc2.a.test' }),
    [{ domainController: 'dc2.a.test', globalCatalog: undefined, alsoDomainControllers: ['dc9.b.a.test'] }],
  );
  assert.match(
    String(tries({ 'a.test': ['dc1.a.test', 'dc2.a.test'] })),
    /several directory servers .*dc1\.a\.test, dc2\.a\.test/,
  );
});

const unit = (guid: string, distinguishedName: string, more: Partial<Unit> = {}): Unit => ({
  guid,
  distinguishedName,
  canonicalName: '',
  name: '',
  whenChanged: '',
  server: '',
  ...more,
});
const staff = unit('1', 'OU=Staff,DC=a,DC=test', { canonicalName: 'a.test/Staff', name: 'Staff' });
const paris = unit('2', 'OU=Paris,OU=Staff,DC=a,DC=test', { canonicalName: 'a.test/Staff/Paris', name: 'Paris' });

test('counts add up only where no mailbox is in two selections, and the filter lets in by changes of the mailbox alone', () => {
  const databases = [
    { guid: 'g1', name: 'DB1', server: 'S' },
    { guid: 'g2', name: 'DB2', server: 'S' },
  ];
  const disjoint = (scope: object) => areDisjoint({ ...wholeScope, ...scope }, databases, [staff, paris]);
  assert.ok(disjoint({}));
  assert.ok(disjoint({ databases: ['DB1', 'g2'] }));
  assert.ok(!disjoint({ databases: ['DB1', 'g1'] }), 'one database under two names');
  assert.ok(!disjoint({ databases: ['CN=DB1,CN=Databases'] }), 'a name that cannot be told');
  assert.ok(disjoint({ organizationalUnits: ['a.test/Staff/Paris'] }));
  assert.ok(!disjoint({ organizationalUnits: ['a.test/Staff', 'paris'] }), 'one unit within the other');
  assert.ok(!disjoint({ organizationalUnits: ['a.test', 'a.test/Staff'] }), 'a unit within its domain');
  const own = [
    "Department -eq 'IT'",
    "(Name -like 'a*') -and -not (CustomAttribute15 -ne '-eq')",
    "{Name -like 'a*' -and IsLinked -eq $true}",
    '!(ResourceType -ne $null)-or(Title-eq"it\'s")',
    undefined,
    ' ',
  ];
  for (const filter of own) assert.ok(filtersOwnOnly(filter), filter ?? 'no filter');
  const foreign = [
    "MemberOfGroup -eq 'CN=X,DC=a'",
    "Name -like 'a*' -or ManagedBy -eq 'Title -eq 1'",
    "Name -like 'a*' -and MemberOfGroup-eq'CN=X,DC=a'",
    "Name -like 'a*' -or MemberOfGroup -contains 'CN=X,DC=a'",
    "Name -like 'a*' -or MemberOfGroup",
    "Name -like 'a*' -and MemberOfGroup -eq",
    'nonsense',
  ];
  for (const filter of foreign) assert.ok(!filtersOwnOnly(filter), filter);
});

test('what was renamed is read again, the topmost units alone, and for a while after it was seen', () => {
  const plan = {
    scope: wholeScope,
    known: {
      databases: [
        { guid: 'g1', name: 'Old', server: 'S', hash: '' },
        { guid: 'g2', name: 'DB2', server: 'S', hash: '' },
      ],
      units: [
        { guid: '1', distinguishedName: 'OU=Before,DC=a,DC=test' },
        { guid: '2', distinguishedName: 'OU=Paris,OU=Before,DC=a,DC=test' },
      ],
      restless: [],
    },
    databases: [
      { guid: 'g1', name: 'New', server: 'S' },
      { guid: 'g2', name: 'DB2', server: 'S2' },
    ],
    units: [staff, paris],
    now,
    settleMs: 3_600_000,
  };
  const texts = (selections: readonly { readonly description: string }[]) =>
    selections.map(({ description }) => description);
  const first = planRereading(plan);
  assert.deepEqual(texts(first.selections), [
    '-Database g1',
    '-Database g2',
    '-OrganizationalUnit OU=Staff,DC=a,DC=test',
  ]);
  const settled = {
    ...plan.known,
    databases: plan.databases.map((database) => ({ ...database, hash: '' })),
    units: [staff, paris],
    restless: first.restless,
  };
  const later = planRereading({ ...plan, known: settled, now: now + 1_800_000 });
  assert.deepEqual(texts(later.selections), texts(first.selections));
  const last = planRereading({ ...plan, known: { ...settled, restless: later.restless }, now: now + 3_700_000 });
  assert.deepEqual([texts(last.selections), last.restless], [texts(first.selections), []]);
  assert.deepEqual(
    planRereading({ ...plan, known: { ...settled, restless: last.restless }, now: now + 3_800_000 }).selections,
    [],
  );
  // The part of a renamed unit that the settings name, and none where they name another.
  const scoped = planRereading({
    ...plan,
    scope: { ...wholeScope, organizationalUnits: ['Paris'] },
    known: { ...plan.known, databases: [] },
  });
  assert.deepEqual(texts(scoped.selections), ['-OrganizationalUnit Paris']);
  assert.ok(planRereading({ ...plan, scope: { ...wholeScope, organizationalUnits: ['Gone'] } }).isAll);
});

test('the topmost of units are those that lie below no other one of them', () => {
  const part = fc.constantFrom('OU=a', 'ou=A', 'OU=b', 'OU=c\\,OU=a', 'DC=x');
  fc.assert(
    fc.property(fc.uniqueArray(fc.array(part, { minLength: 1, maxLength: 4 }), { maxLength: 12 }), (paths) => {
      const names = [...new Map(paths.map((path) => [path.join().toLowerCase(), path.join()])).values()];
      const units = names.map((name, index) => unit(String(index), name));
      const below = (name: string, other: string): boolean => name.toLowerCase().endsWith(`,${other.toLowerCase()}`);
      assert.deepEqual(
        topmost(units).map(({ distinguishedName }) => distinguishedName),
        names.filter((name) => !names.some((other) => below(name, other))),
      );
    }),
  );
});

/** A server that reads filters over one mailbox in its own way. */
function filtering(changed: string, readTime: (text: string) => number | undefined): RemoteSession {
  return {
    server: { protocolVersion: '2.3' } as RemoteSession['server'],
    async *invoke(request: PipelineRequest): AsyncGenerator<PipelineEvent> {
      const filter = request.statements[0]?.[0]?.parameters.find(({ name }) => name === 'Filter')?.value;
      const text = /WhenChangedUTC -gt '([^']+)'/.exec(filter?.kind === 'S' ? filter.value : '')?.[1] ?? '';
      const time = readTime(text);
      const state = (kind: number) => ({ kind: 'state', state: kind, error: undefined }) as PipelineEvent;
      if (time === undefined) {
        yield state(PipelineState.Failed);
        return;
      }
      if (Date.parse(changed) > time)
        yield {
          kind: 'output',
          body: encodeCliXml(psObject({ extended: [{ name: 'Guid', value: psString('x') }] })),
        } as PipelineEvent;
      yield state(PipelineState.Completed);
    },
    close: () => Promise.resolve(),
  };
}

test('how a server reads times is proven on a mailbox; one that reads them as its own is asked for fourteen hours more', async () => {
  const changed = '2026-03-01T09:30:00Z';
  const landmark = { guid: 'x', whenChanged: changed, distinguishedName: '', server: '', database: '' };
  const prove = (readTime: (text: string) => number | undefined) =>
    proveFilterTime(landmark, undefined, {
      session: filtering(changed, readTime),
      onProgress: () => {},
      onWarning: () => {},
      onNote: () => {},
      signal: new AbortController().signal,
    });
  const at = new Date('2026-03-01T17:05:09Z');
  const iso = await prove((text) => Date.parse(text));
  assert.deepEqual([iso?.write(at), iso?.widening], ['2026-03-01T17:05:09Z', 0]);
  const american = await prove((text) => (text.includes('T') ? undefined : Date.parse(text.replace(/ Z$/, ' UTC'))));
  assert.deepEqual([american?.write(at), american?.widening], ['3/1/2026 5:05:09 PM Z', 0]);
  // Eight hours west, whatever the text says of its zone.
  const west = await prove((text) => Date.parse(text.replace(/ ?Z$/, ' UTC').replace('T', ' ')) + 8 * 3_600_000);
  assert.equal(west?.widening, 14 * 3_600_000);
  assert.equal(await prove(() => undefined), undefined);
});

test('a server that takes the day of a date for its month is not relied on, whatever the dates', async () => {
  /** Takes no ISO form; `5/3/2026 …` is the fifth of March to it. */
  const dayFirst = (text: string): number | undefined => {
    const [, first = '', second = '', rest = ''] = /^(\d+)\/(\d+)\/(.*?)(?: Z)?$/.exec(text) ?? [];
    const time = Date.parse(`${second}/${first}/${rest} UTC`);
    return Number.isNaN(time) ? undefined : time;
  };
  const landmarkOf = (whenChanged: string) => ({
    guid: 'x',
    whenChanged,
    distinguishedName: '',
    server: '',
    database: '',
  });
  for (const changed of [
    '2026-03-05T09:30:00Z',
    '2026-05-03T09:30:00Z',
    '2026-05-05T09:30:00Z',
    '2026-03-25T09:30:00Z',
  ]) {
    const proven = await proveFilterTime(landmarkOf(changed), undefined, {
      session: filtering(changed, dayFirst),
      onProgress: () => {},
      onWarning: () => {},
      onNote: () => {},
      signal: new AbortController().signal,
    });
    assert.equal(proven, undefined, changed);
  }
  const [ambiguous, telling] = [landmarkOf('2026-05-05T09:30:00Z'), landmarkOf('2026-05-06T09:30:00Z')];
  assert.deepEqual(tellingLandmarks([landmarkOf(''), ambiguous, telling]), [telling, ambiguous]);
});

test('the domain of a mailbox is what its name ends in, whatever its units are called', () => {
  assert.equal(domainOf('CN=a,OU=b,DC=emea,DC=Contoso,DC=com'), 'emea.contoso.com');
  assert.equal(domainOf(',OU=x\\,DC=y,OU=b,DC=contoso,DC=com'), 'contoso.com');
  assert.equal(domainOf('CN=a,OU=x\\,DC=y,DC=contoso,DC=com'), 'contoso.com');
  assert.equal(domainOf('CN=a'), '');
});

const ascending = (left: number, right: number): number => left - right;

test('ranges of creation time hold every second once, and are as many as wanted where the seconds allow it', () => {
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 60 }), { maxLength: 200 }),
      fc.integer({ min: 1, max: 20 }),
      (unsorted, groups) => {
        const times = [...unsorted].sort(ascending);
        const ranges = cutByCreation({ ...everySecond, times }, groups);
        assert.equal(ranges[0]?.from, 0);
        assert.equal(ranges.at(-1)?.to, Number.POSITIVE_INFINITY);
        for (const [index, range] of ranges.entries()) {
          const { from, to } = range;
          assert.deepEqual(
            range.times,
            times.filter((time) => time >= from && time < to),
          );
          if (index > 0) assert.equal(from, ranges[index - 1]?.to);
          assert.ok(from < to);
        }
        assert.ok(ranges.length <= Math.max(1, groups));
        // It can be cut where there are two seconds, the first of which a range begins before.
        const seconds = new Set(times.filter((time) => time > 0)).size + (times.includes(0) ? 1 : 0);
        if (groups > 1 && seconds > 1) assert.ok(ranges.length > 1);
      },
    ),
  );
  assert.deepEqual(
    cutByCreation({ ...everySecond, times: [5, 5, 5, 5, 7] }, 2).map(({ to }) => to),
    [7, Number.POSITIVE_INFINITY],
  );
});

test('ranges are joined where they meet, a second is found in them, and filters hold several', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.integer({ min: 0, max: 40 }), { maxLength: 20 }), (seconds) => {
      const single = seconds.sort(ascending).map((from) => ({ from, to: from + 1 }));
      const joined = joinRanges(single);
      for (let second = 0; second < 42; second += 1)
        assert.equal(isWithinRanges(joined, second), seconds.includes(second));
      for (const [index, { from }] of joined.entries())
        if (index > 0) assert.ok((joined[index - 1]?.to ?? from) < from);
    }),
  );
  const end = Number.POSITIVE_INFINITY;
  assert.deepEqual(restOf([]), everySecond);
  assert.deepEqual(restOf([{ from: 0, to: 5 }]), { from: 5, to: end });
  assert.deepEqual(restOf([{ from: 5, to: end }]), { from: 0, to: 5 });
  assert.deepEqual(
    restOf([
      { from: 0, to: 3 },
      { from: 5, to: end },
    ]),
    { from: 3, to: 5 },
  );
  assert.equal(restOf([{ from: 3, to: 5 }]), undefined);
  assert.equal(restOf([everySecond]), undefined);
  const text = (time: Date): string => time.toISOString();
  assert.equal(rangeFilter(everySecond, text), undefined);
  assert.equal(
    rangeFilter({ from: 1, to: 2 }, text),
    "(WhenCreatedUTC -ge '1970-01-01T00:00:01.000Z' -and WhenCreatedUTC -lt '1970-01-01T00:00:02.000Z')",
  );
  assert.equal(rangesFilters([everySecond], text), undefined);
  assert.deepEqual(rangesFilters([{ from: 0, to: 1 }], text), ["(WhenCreatedUTC -lt '1970-01-01T00:00:01.000Z')"]);
  const many = Array.from({ length: 45 }, (_, index) => ({ from: 2 * index + 1, to: 2 * index + 2 }));
  const filters = rangesFilters(many, text) ?? [];
  assert.deepEqual(
    filters.map((filter) => filter.split(' -or ').length),
    [20, 20, 5],
  );
  assert.ok(filters.every((filter) => filter.startsWith('((') && filter.endsWith('))')));
});

test('counting goes on while it is expected to take fewer bytes than reading, and for a small share of them in any case', () => {
  const cost = { count: 15_000, guid: 234, range: 900 };
  assert.equal(planSearch(100, 1, cost).groups, 1);
  assert.equal(planSearch(250, 1, cost).groups, 2);
  assert.equal(planSearch(100_000, 100, cost).groups, 64);
  const reading = 100_000 * cost.guid;
  const one = planSearch(100_000, 1, cost).bytes;
  const hundred = planSearch(100_000, 100, cost).bytes;
  assert.ok(one < reading / 50, String(one));
  assert.ok(hundred < reading / 2, String(hundred));
  // As many as these are only found cheaply where they lie together.
  const { bytes, groups } = planSearch(100_000, 5_000, cost);
  assert.deepEqual([groups, bytes], [64, reading + cost.range + 63 * cost.count]);
  assert.equal(planSearch(10_000, 5_000, cost).groups, 1);
  for (const [mailboxes, differing] of [
    [0, 3],
    [1, 1],
    [5, 900],
    [700, 0],
  ] as const)
    assert.ok(Number.isFinite(planSearch(mailboxes, differing, { count: 0, guid: 234, range: 0 }).bytes));
});

test('slices go round all mailboxes, each as long as the time since the last, none longer than half; those of one second stay together', () => {
  const hour = 3_600_000;
  assert.equal(sliceShare(0.9 * hour), 0);
  assert.equal(sliceShare(11 * hour), 0.5);
  assert.equal(sliceShare(90 * hour), 0.5);
  fc.assert(
    fc.property(
      fc.array(fc.integer({ min: 0, max: 300 }), { minLength: 1, maxLength: 200 }),
      fc.array(fc.double({ min: 0.01, max: 0.5, noNaN: true }), { minLength: 1, maxLength: 60 }),
      (unsorted, shares) => {
        const times = [...unsorted].sort(ascending);
        let from = 0;
        /** How many mailboxes the slices were long since each was compared. */
        const waited = times.map(() => 0);
        for (const share of shares) {
          const size = Math.ceil(times.length * share);
          const { ranges, next } = cutSlice(times, from, share);
          const has = times.map((time) => isWithinRanges(ranges, time));
          assert.ok(has.filter(Boolean).length >= Math.min(size, times.length));
          for (const [index, isCompared] of has.entries()) {
            waited[index] = isCompared ? 0 : (waited[index] as number) + size;
            assert.ok((waited[index] as number) < times.length, 'a mailbox was passed over');
          }
          for (const [index, range] of ranges.entries())
            if (index > 0) assert.ok((ranges[index - 1]?.to ?? 0) < range.from);
          from = next;
        }
      },
    ),
  );
  // A half and a half are all.
  const first = cutSlice([1, 2, 3, 4], 0, 0.5);
  assert.deepEqual(first, { ranges: [{ from: 0, to: 3 }], next: 3 });
  assert.deepEqual(cutSlice([1, 2, 3, 4], 3, 0.5), { ranges: [{ from: 3, to: Number.POSITIVE_INFINITY }], next: 0 });
  assert.deepEqual(cutSlice([7, 7, 7, 7], 0, 0.25), { ranges: [everySecond], next: 0 });
});
