/* Histories that chance seldom finds, each told on purpose. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  createTestOrganization,
  openInProcessSession,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import { decodeCliXml, property, type RemoteSession, textOf } from '@exchange-connector/psrp';
import { allMailboxesInto, altered, filterOf } from './altered-session.ts';
import { unreadable } from './history.ts';
import { type Loaded, load, runSmall, type SmallRun, type SmallSettings } from './small-agent.ts';
import { wholeScope } from '../whole-plan.ts';

const minute = 60_000;

/** An organisation on a clock that stands, a product that loads, and a cookie. */
class Stand {
  readonly organization: TestOrganization = createTestOrganization({ mailboxes: 40, databases: 3, clock: 'virtual' });
  readonly mailboxes: Loaded = new Map();
  readonly databases: Loaded = new Map();
  settings: SmallSettings = {};
  #cookie: Buffer | undefined;

  open(): RemoteSession {
    return openInProcessSession(this.organization);
  }
  get now(): number {
    return this.organization.clock.now().getTime();
  }
  async export(
    open: () => RemoteSession = () => this.open(),
    more: { readonly complete?: boolean } = {},
  ): Promise<SmallRun> {
    const run = await runSmall(open, this.settings, this.now, { cookie: this.#cookie, ...more });
    load(this.mailboxes, run.mailboxes);
    load(this.databases, run.databases);
    this.#cookie = run.cookie;
    return run;
  }
  async isRight(): Promise<void> {
    const whole = await runSmall(() => this.open(), this.settings, this.now, { complete: true });
    const mailboxes: Loaded = new Map();
    load(mailboxes, whole.mailboxes);
    const sorted = (rows: Loaded) => [...rows].sort(([left], [right]) => (left < right ? -1 : 1));
    assert.deepEqual(sorted(this.mailboxes), sorted(mailboxes));
  }
  visible(): string[] {
    return [...this.organization.truth().mailboxes()]
      .filter(({ hiddenBehind }) => hiddenBehind === undefined)
      .map(({ guid }) => guid);
  }
}

/** A session in which the rows of changed mailboxes cannot be read. */
function withUnreadableRows(inner: RemoteSession): RemoteSession {
  return altered(inner, (request) =>
    filterOf(request).startsWith('(WhenChangedUTC -ge')
      ? (event) => (event.kind === 'output' ? unreadable : event)
      : undefined,
  );
}

test('what could not be read because of an error is in a later increment, however late; deletions wait for a read without errors', async () => {
  const stand = new Stand();
  await stand.export();
  stand.organization.clock.advance(3 * 60 * minute);
  const [changed = '', removed = ''] = stand.visible();
  stand.organization.change({ kind: 'setMailbox', mailbox: changed, properties: { displayName: 'Changed' } });
  stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
  // Longer ago than the overlap reaches, when the next one looks back from the time of this one.
  stand.organization.clock.advance(3 * 60 * minute);
  const broken = await stand.export(() => withUnreadableRows(stand.open()));
  assert.equal(broken.mode, 'incremental');
  assert.deepEqual(broken.counts.mailboxes, { Insert: 0, Update: 0, Delete: 0 });
  assert.match(broken.errors.join(), /inconsistent state/);
  stand.organization.clock.advance(30 * 60 * minute);
  const next = await stand.export();
  assert.deepEqual(next.counts.mailboxes, { Insert: 0, Update: 1, Delete: 1 });
  assert.deepEqual(next.errors, []);
  await stand.isRight();
});

test('a complete export with errors keeps the mailboxes that it did not see, and the next one is complete again', async () => {
  const stand = new Stand();
  await stand.export();
  stand.settings = { scope: { ...wholeScope, includeArbitration: true } };
  /** The first mailbox of each reading of all cannot be read, whole or projected. */
  const losing = (): RemoteSession =>
    altered(stand.open(), (request) => {
      let isLost = !['none', 'Measure-Object'].includes(allMailboxesInto(request) ?? '');
      return (event) => {
        if (!isLost || event.kind !== 'output') return event;
        isLost = false;
        return unreadable;
      };
    });
  const broken = await stand.export(losing);
  assert.equal(broken.mode, 'complete');
  assert.ok(broken.errors.length > 0);
  assert.equal(broken.counts.mailboxes.Delete, 0);
  stand.organization.clock.advance(2 * 60 * minute);
  const next = await stand.export();
  assert.equal(next.mode, 'complete');
  assert.match(next.reason ?? '', /server reported errors during the last complete export/);
  await stand.isRight();
});

test('a database and a unit that were renamed just before the first export, and are seen so only later, are right in the next', async () => {
  const stand = new Stand();
  stand.settings = { pins: { domainController: undefined, globalCatalog: 'dc02.example.test' } };
  stand.organization.setReplicationLag('dc02.example.test', 40 * minute);
  const [database] = stand.organization.databases;
  const before = database?.name ?? '';
  stand.organization.change({ kind: 'renameDatabase', database: database?.guid ?? '', name: 'Renamed' });
  stand.organization.change({
    kind: 'renameOrganizationalUnit',
    organizationalUnit: 'example.test/Staff',
    name: 'Personnel',
  });
  stand.organization.clock.advance(5 * minute);
  await stand.export();
  // The list of databases comes from a server that knows already; the mailboxes from one that does not.
  assert.ok([...stand.databases.values()].some(({ Name }) => Name === 'Renamed'));
  assert.ok([...stand.mailboxes.values()].some(({ Database }) => Database === before));
  stand.organization.clock.advance(2 * 60 * minute);
  const next = await stand.export();
  assert.equal(next.mode, 'incremental');
  assert.ok([...stand.mailboxes.values()].every(({ Database }) => Database !== before));
  assert.ok(
    [...stand.mailboxes.values()].some(({ OrganizationalUnit = '' }) =>
      OrganizationalUnit.startsWith('example.test/Personnel'),
    ),
  );
  await stand.isRight();
});

/** A session whose server does not list a unit, nor those below it: it has not heard of them, or no more. */
function withoutUnit(inner: RemoteSession, below: string): RemoteSession {
  return altered(inner, ({ statements }) => {
    if (statements[0]?.[0]?.name !== 'Get-OrganizationalUnit') return undefined;
    return (event) => {
      const name = event.kind === 'output' ? property(decodeCliXml(event.body), 'DistinguishedName') : undefined;
      return name !== undefined && (textOf(name) ?? '').includes(below) ? undefined : event;
    };
  });
}

test('a unit that a directory server leaves out of its list once, and that comes back under another name, has its mailboxes read again', async () => {
  const stand = new Stand();
  await stand.export();
  const old = [...stand.mailboxes.values()].filter(({ OrganizationalUnit = '' }) =>
    OrganizationalUnit.startsWith('example.test/Staff'),
  );
  assert.ok(old.length > 0, 'no mailbox lies there: the test is blind');
  stand.organization.clock.advance(3 * 60 * minute);
  const hiding = await stand.export(() => withoutUnit(stand.open(), 'OU=Staff'));
  assert.equal(hiding.mode, 'incremental');
  assert.deepEqual(hiding.counts.mailboxes, { Insert: 0, Update: 0, Delete: 0 });
  stand.organization.clock.advance(30 * minute);
  stand.organization.change({
    kind: 'renameOrganizationalUnit',
    organizationalUnit: 'example.test/Staff',
    name: 'Personnel',
  });
  stand.organization.clock.advance(5 * minute);
  const back = await stand.export();
  assert.equal(back.mode, 'incremental');
  assert.equal(back.counts.mailboxes.Update, old.length);
  await stand.isRight();
  // It is listed with its name from now on: nothing is written for it any more.
  stand.organization.clock.advance(3 * 60 * minute);
  assert.deepEqual((await stand.export()).counts.mailboxes, { Insert: 0, Update: 0, Delete: 0 });
});

test('a renamed database is seen on its mailboxes, where the server that lists databases does not know of it yet', async () => {
  const stand = new Stand();
  stand.settings = { pins: { domainController: 'dc02.example.test', globalCatalog: 'dc01.example.test' } };
  await stand.export();
  stand.organization.clock.advance(3 * 60 * minute);
  stand.organization.setReplicationLag('dc02.example.test', 50 * minute);
  const [database] = stand.organization.databases;
  stand.organization.change({ kind: 'renameDatabase', database: database?.guid ?? '', name: 'Renamed' });
  stand.organization.clock.advance(minute);
  const run = await stand.export();
  assert.equal(run.mode, 'incremental');
  assert.ok([...stand.databases.values()].some(({ Name }) => Name === database?.name));
  assert.ok([...stand.mailboxes.values()].some(({ Database }) => Database === 'Renamed'));
  await stand.isRight();
});

test('two databases that swap their names swap the mailboxes of a scope that names one of them', async () => {
  const stand = new Stand();
  const [one, two] = stand.organization.databases;
  stand.settings = { scope: { ...wholeScope, databases: [one?.name ?? ''] } };
  await stand.export();
  stand.organization.clock.advance(2 * 60 * minute);
  stand.organization.change({ kind: 'renameDatabase', database: one?.guid ?? '', name: 'Swap' });
  stand.organization.change({ kind: 'renameDatabase', database: two?.guid ?? '', name: one?.name ?? '' });
  stand.organization.change({ kind: 'renameDatabase', database: one?.guid ?? '', name: two?.name ?? '' });
  stand.organization.clock.advance(minute);
  const run = await stand.export();
  assert.equal(run.mode, 'incremental');
  assert.ok(run.counts.mailboxes.Delete > 0 && run.counts.mailboxes.Insert > 0);
  await stand.isRight();
});

test('as many mailboxes gone as made: the count is the same, and the deletions are found all the same', async () => {
  const stand = new Stand();
  await stand.export();
  stand.organization.clock.advance(2 * 60 * minute);
  const gone = stand.visible().slice(0, 3);
  for (const mailbox of gone) stand.organization.change({ kind: 'removeMailbox', mailbox });
  for (const name of ['A', 'B', 'C']) stand.organization.change({ kind: 'createMailbox', name });
  stand.organization.clock.advance(minute);
  const run = await stand.export();
  assert.deepEqual(run.counts.mailboxes, { Insert: 3, Update: 0, Delete: 3 });
  await stand.isRight();
});

test('recipients that mailboxes forward to: renamed, moved with their unit, removed', async () => {
  const stand = new Stand();
  const forward = (mailbox: number, to: number) =>
    stand.organization.change({ kind: 'setMailbox', mailbox, properties: { forwardingRecipient: to } as object });
  for (const [mailbox, to] of [
    [20, 1],
    [21, 2],
    [22, 3],
  ] as const)
    forward(mailbox, to);
  // Longer ago than the overlap reaches: they are not read again for their own sake.
  stand.organization.clock.advance(3 * 60 * minute);
  await stand.export();
  stand.organization.clock.advance(3 * 60 * minute);
  stand.organization.change({ kind: 'renameMailbox', mailbox: 1, name: 'Elsewhere' });
  stand.organization.change({ kind: 'removeMailbox', mailbox: 2 });
  stand.organization.clock.advance(minute);
  const run = await stand.export();
  assert.equal(run.mode, 'incremental');
  assert.ok(
    [...stand.mailboxes.values()].some(({ ForwardingAddress = '' }) => ForwardingAddress.endsWith('/Elsewhere')),
  );
  await stand.isRight();
});

test('a domain of which only mailboxes of a hidden kind are exported has increments, too', async () => {
  const stand = new Stand();
  stand.settings = {
    scope: { ...wholeScope, includeArbitration: true, filter: "DisplayName -notlike 'nobody has this name'" },
  };
  for (const guid of stand.visible()) stand.organization.change({ kind: 'removeMailbox', mailbox: guid });
  const first = await stand.export();
  assert.ok(first.counts.mailboxes.Insert > 0);
  stand.organization.clock.advance(3 * 60 * minute);
  assert.equal((await stand.export()).mode, 'incremental');
  const { guid } = stand.organization.change({ kind: 'createMailbox', name: 'First' });
  stand.organization.clock.advance(minute);
  const third = await stand.export();
  assert.equal(third.mode, 'incremental');
  assert.deepEqual([...stand.mailboxes.keys()].includes(guid), true);
  assert.deepEqual(third.counts.mailboxes, { Insert: 1, Update: 0, Delete: 0 });
  await stand.isRight();
});

test('a mailbox that moves from a database that was not read yet to one that had been is in a complete export, and no Delete', async () => {
  const stand = new Stand();
  const [first, second] = stand.organization.databases;
  const names = [first?.name ?? '', second?.name ?? ''];
  stand.settings = { scope: { ...wholeScope, databases: names } };
  await stand.export();
  stand.organization.clock.advance(3 * 60 * minute);
  const mover = [...stand.organization.truth().mailboxes()].find(
    ({ properties, hiddenBehind }) => properties['Database'] === names[1] && hiddenBehind === undefined,
  )?.guid;
  assert.ok(mover !== undefined);
  let hasMoved = false;
  const moving = (): RemoteSession =>
    altered(stand.open(), ({ statements }) => {
      const [command, next] = statements[0] ?? [];
      const of = command?.parameters.find(({ name }) => name === 'Database')?.value;
      const isCount = next?.name === 'Measure-Object';
      const isReading =
        of?.kind === 'S' && of.value === names[1] && !isCount && (command?.parameters.length ?? 0) === 2;
      const isAll = command?.parameters.some(({ value }) => value.kind === 'S' && value.value === 'Unlimited') === true;
      if (isReading && isAll && !hasMoved) {
        hasMoved = true;
        stand.organization.change({ kind: 'moveMailbox', mailbox: mover, database: names[0] ?? '' });
      }
      return undefined;
    });
  const complete = await stand.export(moving, { complete: true });
  assert.ok(hasMoved, 'nothing moved: the test is blind');
  assert.equal(complete.mode, 'complete');
  assert.deepEqual(complete.errors, []);
  assert.equal(complete.counts.mailboxes.Delete, 0);
  assert.ok(stand.mailboxes.has(mover));
  await stand.isRight();
});

test('a row that is lost without a word while another mailbox is removed is read after all, and no Delete', async () => {
  const stand = new Stand();
  await stand.export();
  stand.organization.clock.advance(30 * 60 * minute);
  const [removed = ''] = stand.visible();
  let lost = 0;
  const losing = (): RemoteSession =>
    altered(stand.open(), (request) => {
      if (lost > 0 || allMailboxesInto(request) !== 'Select-Object') return undefined;
      stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
      return (event) => {
        if (event.kind !== 'output' || lost > 0) return event;
        lost += 1;
        return undefined;
      };
    });
  const complete = await stand.export(losing, { complete: true });
  assert.equal(lost, 1);
  assert.deepEqual(complete.counts.mailboxes.Delete, 1);
  assert.ok(!stand.mailboxes.has(removed));
  await stand.isRight();
});

test('mailboxes that do not say which directory server they come from have increments only where the settings pin one', async () => {
  const unnamed = (inner: RemoteSession): RemoteSession =>
    altered(inner, () => (event) => {
      if (event.kind !== 'output') return event;
      const text = Buffer.from(event.body).toString('utf8').replaceAll('OriginatingServer', 'OriginatingSomewhere');
      return { ...event, body: Buffer.from(text) };
    });
  const stand = new Stand();
  const next = (): Promise<SmallRun> => {
    stand.organization.clock.advance(60 * minute);
    return stand.export(() => unnamed(stand.open()));
  };
  assert.deepEqual((await next()).reading.domainControllers, [], 'servers are named: the test is blind');
  const unpinned = await next();
  assert.equal(unpinned.mode, 'complete');
  assert.match(unpinned.reason ?? '', /did not say which directory server they came from.*GlobalCatalog pins one/);
  stand.settings = { pins: { domainController: undefined, globalCatalog: 'dc01.example.test' } };
  const pinned = await next();
  assert.equal(pinned.mode, 'incremental', pinned.reason ?? '');
  await stand.isRight();
});

test('a mailbox that is changed while it is tried how the server reads times is left for another one', async () => {
  const stand = new Stand();
  await stand.export();
  stand.organization.clock.advance(30 * 60 * minute);
  let tried = 0;
  const changing = (): RemoteSession =>
    altered(stand.open(), (request) => {
      const guid = /^\(Guid -eq '([^']+)'\) -and \(WhenChangedUTC -gt/.exec(filterOf(request))?.[1];
      if (guid === undefined) return undefined;
      if (tried === 0)
        stand.organization.change({ kind: 'setMailbox', mailbox: guid, properties: { displayName: 'Changed' } });
      tried += 1;
      return undefined;
    });
  const run = await stand.export(changing);
  assert.ok(tried > 2, 'nothing was tried: the test is blind');
  assert.equal(run.mode, 'incremental', run.reason ?? '');
  assert.ok(!run.notes.some((note) => note.includes('14 hours more')), run.notes.join('\n'));
  assert.equal(run.counts.mailboxes.Update, 1);
  await stand.isRight();
});

test('where known mailboxes cannot be looked at, the reason says what the server said, not that they are gone', async () => {
  const stand = new Stand();
  await stand.export();
  stand.organization.clock.advance(60 * minute);
  const run = await stand.export(() =>
    altered(stand.open(), (request) =>
      filterOf(request).startsWith("((Guid -eq '")
        ? (event) => (event.kind === 'output' ? unreadable : event)
        : undefined,
    ),
  );
  assert.equal(run.mode, 'complete');
  assert.match(run.reason ?? '', /known mailboxes of .* could not be looked at \(The object is corrupted/);
});
