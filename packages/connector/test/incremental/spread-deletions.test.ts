/* Deletions wherever they lie: found by counts and few GUIDs, and by the slices where the counts do not tell. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createTestOrganization,
  openInProcessSession,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import type { InvokeOptions, PipelineEvent, PipelineRequest, RemoteSession } from '@exchange-connector/psrp';
import { measuredCost } from '../../src/incremental/count-ranges.ts';
import { type Loaded, load, runSmall, type SmallRun, type SmallSettings } from './small-agent.ts';

const minute = 60_000;
const hour = 60 * minute;
/** With so few mailboxes the search pays only where a count is cheap. */
const cheapCounts = { count: 1_000, guid: 234, range: 100 };

/** What the server was asked for. */
interface Asked {
  counted: number;
  guids: number;
}

/** Does something of the test's before a request, and may change objects or leave them out. */
interface Meddling {
  readonly before?: (request: PipelineRequest) => void;
  readonly alter?: (request: PipelineRequest, text: string) => string | undefined;
}

function isCount(request: PipelineRequest): boolean {
  return request.statements[0]?.[1]?.name === 'Measure-Object';
}

function isOfGuids(request: PipelineRequest): boolean {
  const [parameter] = request.statements[0]?.[1]?.parameters ?? [];
  return parameter?.name === 'ExpandProperty' && parameter.value.kind === 'S' && parameter.value.value === 'Guid';
}

function filterOf(request: PipelineRequest): string {
  const filter = request.statements[0]?.[0]?.parameters.find(({ name }) => name === 'Filter')?.value;
  return filter?.kind === 'S' ? filter.value : '';
}

function watched(inner: RemoteSession, asked: Asked, { before, alter }: Meddling): RemoteSession {
  return {
    get server() {
      return inner.server;
    },
    async *invoke(request: PipelineRequest, options?: InvokeOptions): AsyncGenerator<PipelineEvent> {
      before?.(request);
      if (isCount(request)) asked.counted += 1;
      const isGuids = isOfGuids(request);
      for await (const event of inner.invoke(request, options)) {
        if (event.kind === 'output') {
          if (isGuids) asked.guids += 1;
          const text = new TextDecoder().decode(event.body);
          const altered = alter === undefined ? text : alter(request, text);
          if (altered !== undefined) yield { ...event, body: new TextEncoder().encode(altered) };
        } else yield event;
      }
    },
    close: () => inner.close(),
  };
}

/** An organisation on a clock that stands, and a product that loads what is exported. */
class Stand {
  readonly organization: TestOrganization;
  readonly mailboxes: Loaded = new Map();
  readonly #settings: SmallSettings;
  /** Cmdlets that the account lacks. */
  without: string[] = [];
  #cookie: Buffer | undefined;

  constructor(mailboxes: number, settings: SmallSettings = {}) {
    this.organization = createTestOrganization({ mailboxes, databases: 4, clock: 'virtual' });
    this.#settings = settings;
  }

  get now(): number {
    return this.organization.clock.now().getTime();
  }

  async export(meddling: Meddling = {}): Promise<SmallRun & Asked> {
    const asked: Asked = { counted: 0, guids: 0 };
    const open = (): RemoteSession =>
      watched(openInProcessSession(this.organization, { without: this.without }), asked, meddling);
    const run = await runSmall(open, this.#settings, this.now, { cookie: this.#cookie });
    load(this.mailboxes, run.mailboxes);
    this.#cookie = run.cookie;
    return { ...run, ...asked };
  }

  async isRight(): Promise<void> {
    const open = (): RemoteSession => openInProcessSession(this.organization);
    const whole = await runSmall(open, this.#settings, this.now, { complete: true });
    const mailboxes: Loaded = new Map();
    load(mailboxes, whole.mailboxes);
    const sorted = (rows: Loaded) => [...rows].sort(([left], [right]) => (left < right ? -1 : 1));
    assert.deepEqual(sorted(this.mailboxes), sorted(mailboxes));
  }

  /** GUIDs of the mailboxes that are exported, by the time at which they were made. */
  get byCreation(): string[] {
    const created = (guid: string): string => this.mailboxes.get(guid)?.['WhenCreatedUTC'] ?? '';
    return [...this.mailboxes.keys()].sort((left, right) => (created(left) < created(right) ? -1 : 1));
  }

  /** Accounts of people without a mailbox, made in 2018. */
  get accounts(): string[] {
    return [...this.organization.truth().others()]
      .filter(({ recipientClass }) => recipientClass === 'user')
      .map(({ guid }) => guid);
  }

  has(guid: string): boolean {
    return [...this.organization.truth().mailboxes()].some((mailbox) => mailbox.guid === guid);
  }

  remove(guid: string): void {
    this.organization.change({ kind: 'removeMailbox', mailbox: guid });
  }
}

test('deletions spread over all mailboxes are found for a fraction of the bytes of all GUIDs', async () => {
  const stand = new Stand(4_000);
  await stand.export();
  const all = stand.byCreation;
  for (const [removed, most] of [
    [1, 0.3],
    [4, 0.75],
  ] as const) {
    stand.organization.clock.advance(20 * minute);
    const left = stand.byCreation;
    for (let count = 0; count < removed; count += 1)
      stand.remove(left[Math.floor(((count + 0.4) * left.length) / removed)] ?? '');
    const run = await stand.export();
    assert.deepEqual(run.counts.mailboxes, { Insert: 0, Update: 0, Delete: removed });
    const bytes = run.counted * measuredCost.count + run.guids * measuredCost.guid;
    assert.ok(bytes < most * all.length * measuredCost.guid, `${run.counted} counts and ${run.guids} GUIDs`);
    assert.ok(run.guids < all.length / 4, `${run.guids} GUIDs of ${all.length}`);
  }
  await stand.isRight();
});

test('mailboxes made, and old accounts that were given one, hide no deletion of the same time', async () => {
  const stand = new Stand(400, { searchCost: cheapCounts });
  await stand.export();
  stand.organization.clock.advance(2 * hour);
  const accounts = stand.accounts.slice(0, 5);
  const all = stand.byCreation;
  const created = (guid: string): string => stand.mailboxes.get(guid)?.['WhenCreatedUTC'] ?? '';
  // The accounts were made at the times around which mailboxes are removed.
  const before = all.filter((guid) => created(guid) > '2018').slice(0, 2);
  const gone = [...before, ...all.slice(-2), all[0] ?? ''];
  for (const guid of gone) stand.remove(guid);
  const [database] = stand.organization.databases;
  for (const guid of accounts)
    stand.organization.change({ kind: 'enableMailbox', account: guid, database: database?.guid ?? '' });
  const run = await stand.export();
  assert.deepEqual(run.counts.mailboxes, { Insert: accounts.length, Update: 0, Delete: gone.length });
  assert.ok(run.guids < 200, `${run.guids} GUIDs`);
  await stand.isRight();
});

for (const [when, pause] of [
  ['', 30 * minute],
  [', nor where the search follows a slice', 24 * hour],
] as const)
  test(`what is removed, made or enabled between any two counts of a search neither hides a deletion nor invents one${when}`, () =>
    changeAnywhere(pause));

async function changeAnywhere(pause: number): Promise<void> {
  for (let at = 0; ; at += 1) {
    const stand = new Stand(120, { searchCost: cheapCounts });
    await stand.export();
    stand.organization.clock.advance(pause);
    const all = stand.byCreation;
    const first = [3, 40, 77].map((place) => all[place] ?? '');
    for (const guid of first) stand.remove(guid);
    const { accounts } = stand;
    const database = stand.organization.databases[0]?.guid ?? '';
    let requests = 0;
    let hasChanged = false;
    const before = (request: PipelineRequest): void => {
      if (!isCount(request) && !filterOf(request).includes('WhenCreatedUTC')) return;
      requests += 1;
      if (requests <= at || hasChanged) return;
      hasChanged = true;
      // One that lies beside a mailbox that is gone, and others that make up for it in the count.
      stand.remove(all[at % 2 === 0 ? 41 : 100] ?? '');
      if (at % 3 !== 0)
        stand.organization.change({
          kind: 'enableMailbox',
          account: accounts[at % accounts.length] ?? '',
          database,
        });
      if (at % 3 === 2)
        stand.organization.change({
          kind: 'createMailbox',
          name: 'Made meanwhile',
          organizationalUnit: 'example.test/Staff',
          database,
        });
    };
    const run = await stand.export({ before });
    assert.equal(run.mode, 'incremental');
    assert.deepEqual(run.errors, []);
    for (const guid of first) assert.ok(!stand.mailboxes.has(guid), `hidden by a change before request ${at}`);
    for (const guid of all) if (stand.has(guid)) assert.ok(stand.mailboxes.has(guid), `invented before request ${at}`);
    stand.organization.clock.advance(minute);
    await stand.export();
    await stand.isRight();
    if (!hasChanged) {
      assert.ok(at > 8, `a search of ${at} requests: the test is blind`);
      break;
    }
  }
}

test('mailboxes of one second are looked at together, and those of other seconds are not', async () => {
  const stand = new Stand(600, { searchCost: cheapCounts });
  const database = stand.organization.databases[0]?.guid ?? '';
  for (let count = 0; count < 50; count += 1)
    stand.organization.change({
      kind: 'createMailbox',
      name: `Imported ${count}`,
      organizationalUnit: 'example.test/Staff',
      database,
    });
  stand.organization.clock.advance(minute);
  await stand.export();
  stand.organization.clock.advance(30 * minute);
  const imported = [...stand.mailboxes].filter(([, { Name }]) => Name?.startsWith('Imported') === true);
  assert.equal(imported.length, 50);
  for (const [guid] of imported.slice(7, 9)) stand.remove(guid);
  const run = await stand.export();
  assert.deepEqual(run.counts.mailboxes, { Insert: 0, Update: 0, Delete: 2 });
  assert.ok(run.guids < 120, `${run.guids} GUIDs`);
  await stand.isRight();
});

test('a deletion that the counts hide is found when its slice comes round: within a day, or by the second export of two nights', async () => {
  for (const [pause, most] of [
    [61 * minute, 23],
    [24 * hour, 2],
  ] as const) {
    for (const place of [0, 150, -1]) {
      const stand = new Stand(300);
      await stand.export();
      const removed = stand.byCreation.at(place) ?? '';
      stand.remove(removed);
      const account = stand.accounts[3] ?? '';
      stand.organization.clock.advance(minute);
      const database = stand.organization.databases[0]?.guid ?? '';
      stand.organization.change({ kind: 'enableMailbox', account, database });
      // It comes into view as if nothing of its own had changed, and makes up for the one that is gone.
      const alter = (request: PipelineRequest, text: string): string | undefined =>
        filterOf(request).includes('WhenChangedUTC -ge') && text.toLowerCase().includes(account) ? undefined : text;
      let exports = 0;
      do {
        stand.organization.clock.advance(pause);
        exports += 1;
        const run = await stand.export({ alter });
        assert.equal(run.mode, 'incremental');
        // No run compares more than about half.
        if (run.counts.mailboxes.Delete === 0) assert.ok(run.guids <= 150, `${run.guids} GUIDs`);
      } while (stand.mailboxes.has(removed) && exports < 40);
      assert.ok(exports <= most, `found by export ${exports}, ${pause / hour} hours apart`);
      // The mailbox that hid it is found with it.
      assert.ok(stand.mailboxes.has(account));
      await stand.isRight();
    }
  }
});

test('deletions in the slice that is due and beside it are found, and what was compared is not counted again', async () => {
  const stand = new Stand(400, { searchCost: cheapCounts });
  await stand.export();
  for (const night of [1, 2]) {
    stand.organization.clock.advance(24 * hour);
    const all = stand.byCreation;
    for (let count = 0; count < 10; count += 1) stand.remove(all[Math.floor(((count + 0.5) * all.length) / 10)] ?? '');
    const run = await stand.export();
    assert.deepEqual(run.counts.mailboxes, { Insert: 0, Update: 0, Delete: 10 });
    assert.ok(run.guids >= all.length / 2 - 10, `night ${night}: ${run.guids} GUIDs are less than half`);
    assert.ok(run.guids < 0.7 * all.length, `night ${night}: ${run.guids} GUIDs`);
    assert.ok(!run.notes.includes('all GUIDs are compared'));
    await stand.isRight();
  }
});

test('an account without Select-Object reads everything again once a day, not for each slice', async () => {
  const stand = new Stand(60);
  stand.without = ['Select-Object'];
  await stand.export();
  for (const [pause, readsAll] of [
    [5 * hour, false],
    [18 * hour, false],
    [2 * hour, true],
    [5 * hour, false],
  ] as const) {
    stand.organization.clock.advance(pause);
    const { reading, mode } = await stand.export();
    assert.equal(mode, 'incremental');
    // Those that forward are read in each run.
    assert.equal(reading.received.mailboxes > stand.mailboxes.size / 2, readsAll);
  }
});

test('a mailbox that a range does not give is asked for by its GUID, and is no Delete', async () => {
  const stand = new Stand(200, { searchCost: cheapCounts });
  await stand.export();
  stand.organization.clock.advance(30 * minute);
  const [, , removed = '', beside = ''] = stand.byCreation;
  stand.remove(removed);
  let leftOut = 0;
  const run = await stand.export({
    alter: (request, text) => {
      const isLeftOut = filterOf(request).includes('WhenCreatedUTC') && text.toLowerCase().includes(beside);
      if (isLeftOut) leftOut += 1;
      return isLeftOut ? undefined : text;
    },
  });
  assert.equal(leftOut, 1);
  assert.deepEqual(run.counts.mailboxes, { Insert: 0, Update: 0, Delete: 1 });
  await stand.isRight();
});

test('where the server counts what it does not give, all GUIDs are compared, and the deletions are right', async () => {
  const stand = new Stand(200, { searchCost: cheapCounts });
  await stand.export();
  stand.organization.clock.advance(30 * minute);
  const all = stand.byCreation;
  for (const place of [5, 90, 150]) stand.remove(all[place] ?? '');
  const alter = (request: PipelineRequest, text: string): string =>
    isCount(request) && filterOf(request) === ''
      ? text.replace(/(N="Count">)(\d+)/, (_, label: string, count: string) => `${label}${Number(count) + 1}`)
      : text;
  const run = await stand.export({ alter });
  assert.deepEqual(run.counts.mailboxes, { Insert: 0, Update: 0, Delete: 3 });
  assert.ok(run.notes.includes('all GUIDs are compared'), run.notes.join('\n'));
  await stand.isRight();
});
