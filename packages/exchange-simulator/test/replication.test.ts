/* An organisation that changes: what each domain controller knows, and when it came to know it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { psString } from '@exchange-connector/psrp';
import fc from 'fast-check';
import {
  createTestOrganization,
  type MailboxProperties,
  openInProcessSession,
  type OrganizationChange,
  SimulatorError,
  type TestOrganization,
} from '../src/index.ts';
import { only, type Plain, run } from './in-process.ts';

const first = 'dc01.example.test';
const second = 'dc02.example.test';
const emea = 'dc01.emea.example.test';
const emeaOnly = 'dc02.emea.example.test';
const minute = 60_000;

function organisation(mailboxes = 40): TestOrganization {
  return createTestOrganization({ mailboxes, clock: 'virtual' });
}

function refusal(pattern: RegExp): (error: unknown) => boolean {
  return (error) =>
    error instanceof SimulatorError && error.code === 'SIMULATOR_CHANGE_REFUSED' && pattern.test(error.message);
}

/** Properties of one mailbox as the cmdlet reads them on one controller; undefined where it is not there. */
async function at(
  organization: TestOrganization,
  domainController: string,
  guid: string,
  ...names: readonly string[]
): Promise<readonly Plain[] | undefined> {
  const session = openInProcessSession(organization);
  await run(session, 'Set-ADServerSettings', { ViewEntireForest: true });
  const outcome = await run(session, 'Get-Mailbox', { Identity: guid, DomainController: domainController });
  return outcome.errors.length > 0 ? undefined : only(outcome, ...names);
}

test('a recipient of another domain is read from that domain where it is asked for; a controller that is retired answers nobody', async () => {
  const organization = createTestOrganization({ mailboxes: 60, clock: 'virtual' });
  const session = openInProcessSession(organization);
  const call = (name: string, parameters: Record<string, string | boolean> = {}) => run(session, name, parameters);
  await call('Set-ADServerSettings', { ViewEntireForest: true });
  const far = [...organization.truth().mailboxes()].find(({ domain }) => domain === 'emea.example.test');
  const Identity = far?.guid ?? '';
  for (const name of ['Get-User', 'Get-Recipient', 'Get-Mailbox']) {
    const asked = async (more: Record<string, string | boolean>) =>
      only(await call(name, { Identity, ...more }), 'OriginatingServer');
    assert.deepEqual(await asked({}), ['dc01.example.test']);
    assert.deepEqual(await asked({ ReadFromDomainController: true }), ['dc01.emea.example.test']);
  }
  organization.retireDomainController('dc01.emea.example.test');
  assert.deepEqual(only(await call('Get-User', { Identity, ReadFromDomainController: true }), 'OriginatingServer'), [
    'dc02.emea.example.test',
  ]);
  assert.deepEqual(
    (await call('Get-User', { Identity, DomainController: 'dc01.emea.example.test' })).errors.map(([reason]) => reason),
    ['SuitabilityDirectoryException'],
  );
  assert.throws(() => organization.retireDomainController('dc02.emea.example.test'), /the last one of its domain/);
});

test('a change is seen where it was made at once, elsewhere when the lag has passed, with a stamp of its own there', async () => {
  const organization = organisation();
  organization.setReplicationLag(second, 10 * minute);
  const { guid } = organization.change({ kind: 'createMailbox', name: 'Nora' });
  organization.clock.advance(10 * minute);
  organization.change({ kind: 'setMailbox', mailbox: guid, properties: { displayName: 'Nora B.' } });
  const names = ['DisplayName', 'WhenChangedUTC', 'WhenCreatedUTC', 'OriginatingServer'] as const;
  assert.deepEqual(await at(organization, first, guid, ...names), [
    'Nora B.',
    '2025-07-01T08:10:00Z',
    '2025-07-01T08:00:00Z',
    first,
  ]);
  assert.deepEqual(await at(organization, second, guid, ...names), [
    'Nora',
    '2025-07-01T08:10:00Z',
    '2025-07-01T08:00:00Z',
    second,
  ]);
  organization.clock.advance(10 * minute - 1);
  assert.deepEqual(await at(organization, second, guid, 'DisplayName'), ['Nora']);
  organization.clock.advance(1);
  assert.deepEqual(await at(organization, second, guid, ...names), [
    'Nora B.',
    '2025-07-01T08:20:00Z',
    '2025-07-01T08:00:00Z',
    second,
  ]);
  assert.deepEqual(await at(organization, first, guid, 'WhenChangedUTC'), ['2025-07-01T08:10:00Z']);
});

test('a controller that is cut off knows its own changes only, and hears of the rest when it is back', async () => {
  const organization = organisation();
  const { guid } = organization.change({ kind: 'createMailbox', name: 'Nora' });
  organization.setReplicationLag(second, Number.POSITIVE_INFINITY);
  organization.clock.advance(minute);
  organization.change({ kind: 'setMailbox', mailbox: guid, properties: { office: 'Oslo' } });
  organization.change({ kind: 'setMailbox', mailbox: guid, properties: { note: 'own' } }, { domainController: second });
  organization.clock.advance(24 * 60 * minute);
  assert.deepEqual(await at(organization, second, guid, 'Office', 'CustomAttribute1'), ['', 'own']);
  organization.setReplicationLag(second, 5 * minute);
  // What waited for it comes at once, stamped now.
  assert.deepEqual(await at(organization, second, guid, 'Office', 'CustomAttribute1', 'WhenChangedUTC'), [
    'Oslo',
    'own',
    '2025-07-02T08:01:00Z',
  ]);
  assert.deepEqual(await at(organization, first, guid, 'CustomAttribute1'), ['own']);
});

test('of two writes of one attribute the later one stays everywhere, and both of two attributes', async () => {
  const organization = organisation();
  const { guid } = organization.change({ kind: 'createMailbox', name: 'Nora' });
  organization.setReplicationLag(first, 30 * minute);
  organization.setReplicationLag(second, 10 * minute);
  organization.clock.advance(30 * minute);
  const set = (domainController: string, properties: MailboxProperties): void =>
    void organization.change({ kind: 'setMailbox', mailbox: guid, properties }, { domainController });
  set(first, { displayName: 'earlier', office: 'Oslo' });
  organization.clock.advance(minute);
  set(second, { displayName: 'later' });
  assert.deepEqual(await at(organization, first, guid, 'DisplayName'), ['earlier']);
  organization.clock.advance(60 * minute);
  for (const controller of [first, second])
    assert.deepEqual(await at(organization, controller, guid, 'DisplayName', 'Office'), ['later', 'Oslo'], controller);
});

test('a controller serves its own domain; a global catalog holds a copy of all, with a lag of its own', async () => {
  const organization = organisation();
  organization.setReplicationLag(first, 10 * minute);
  const { guid } = organization.change({ kind: 'createMailbox', organizationalUnit: 'emea.example.test/Staff' });
  assert.equal(await at(organization, emea, guid, 'Guid').then((values) => values?.[0]), guid);
  assert.equal(await at(organization, emeaOnly, guid, 'Guid').then((values) => values?.[0]), guid);
  // The controller of another domain is asked for its own.
  assert.equal(await at(organization, first, guid, 'Guid'), undefined);
  const session = openInProcessSession(organization);
  const through = async (catalog: string): Promise<number> => {
    await run(session, 'Set-ADServerSettings', { ViewEntireForest: true, PreferredGlobalCatalog: catalog });
    return (await run(session, 'Get-Mailbox', { Identity: guid })).rows.length;
  };
  assert.deepEqual([await through(first), await through(second), await through(emea)], [0, 1, 1]);
  organization.clock.advance(10 * minute);
  assert.equal(await through(first), 1);
  const refused = await run(session, 'Set-ADServerSettings', { PreferredGlobalCatalog: emeaOnly });
  assert.match(refused.errors[0]?.[1] ?? '', /isn't a global catalog/);
  assert.deepEqual(
    organization.domainControllers.map(({ name, isGlobalCatalog }) => [name, isGlobalCatalog]),
    [
      [first, true],
      [second, true],
      [emea, true],
      [emeaOnly, false],
    ],
  );
});

test('pinned controllers are read without being named in each command', async () => {
  const organization = organisation();
  organization.setReplicationLag(second, 10 * minute);
  const { guid } = organization.change({ kind: 'createMailbox' });
  const session = openInProcessSession(organization);
  const originating = async () => (await run(session, 'Get-Mailbox', { ResultSize: 1 })).rows[0]?.('OriginatingServer');
  assert.equal(await originating(), first);
  await run(session, 'Set-ADServerSettings', { SetPreferredDomainControllers: [second] });
  assert.equal(await originating(), second);
  assert.equal((await run(session, 'Get-Mailbox', { Identity: guid })).errors.length, 1);
  assert.equal(
    (await run(session, 'Get-MailboxDatabase', { Identity: 'DB01' })).rows[0]?.('OriginatingServer'),
    second,
  );
});

test('a renamed container or database shows in the mailboxes below it, whose whenChanged stays', async () => {
  const organization = organisation();
  const { guid } = organization.change({
    kind: 'createMailbox',
    name: 'Nora',
    organizationalUnit: 'example.test/Staff/Paris',
    database: 'DB02',
  });
  const computed = [...organization.truth().mailboxes()].find(({ properties }) =>
    String(properties['OrganizationalUnit']).startsWith('example.test/Staff'),
  );
  assert.ok(computed !== undefined);
  organization.clock.advance(minute);
  organization.change({ kind: 'renameOrganizationalUnit', organizationalUnit: 'example.test/Staff', name: 'People' });
  organization.change({ kind: 'renameDatabase', database: 'DB02', name: 'Two' });
  assert.deepEqual(
    await at(
      organization,
      first,
      guid,
      'Identity',
      'OrganizationalUnit',
      'DistinguishedName',
      'Database',
      'WhenChangedUTC',
    ),
    [
      'example.test/People/Paris/Nora',
      'example.test/People/Paris',
      'CN=Nora,OU=Paris,OU=People,DC=example,DC=test',
      'Two',
      '2025-07-01T08:00:00Z',
    ],
  );
  const [unit, changed] = (await at(organization, first, computed.guid, 'OrganizationalUnit', 'WhenChangedUTC')) ?? [];
  assert.match(String(unit), /^example\.test\/People/);
  assert.equal(changed, computed.properties['WhenChangedUTC']);
  const session = openInProcessSession(organization);
  assert.deepEqual(only(await run(session, 'Get-MailboxDatabase', { Identity: 'Two' }), 'WhenChangedUTC'), [
    '2025-07-01T08:01:00Z',
  ]);
  assert.deepEqual(
    only(await run(session, 'Get-OrganizationalUnit', { Identity: 'example.test/People' }), 'WhenChangedUTC'),
    ['2025-07-01T08:01:00Z'],
  );
  const below = await run(session, 'Get-OrganizationalUnit', { Identity: 'example.test/People', SingleNodeOnly: true });
  assert.ok(
    below.rows.length === 5 &&
      below.rows.every((row) => /^example\.test\/People\/[^/]+(\\\/Risk)?$/.test(String(row('CanonicalName')))),
  );
});

test('-SingleNodeOnly gives direct children only, of a container and of the domain', async () => {
  const organization = organisation();
  organization.change({ kind: 'createOrganizationalUnit', parent: 'example.test/Staff/Paris', name: 'Opéra' });
  const session = openInProcessSession(organization);
  const names = async (parameters: Parameters<typeof run>[2]) =>
    (await run(session, 'Get-OrganizationalUnit', { SingleNodeOnly: true, ...parameters })).rows.map((row) =>
      row('Name'),
    );
  assert.deepEqual(await names({ Identity: 'example.test/Staff/Paris' }), ['Opéra']);
  assert.ok(!(await names({ Identity: 'example.test/Staff' })).includes('Opéra'));
  assert.deepEqual(await names({}), ['Staff', 'Shared', 'Resources', 'Partners', 'Groups']);
});

test('disabled, enabled, removed and made again: what stays the same object and what does not', async () => {
  const organization = organisation();
  const made = organization.change({ kind: 'createMailbox', name: 'Nora', samAccountName: 'nora' });
  const before = await at(organization, first, made.guid, 'ExchangeGuid', 'WhenMailboxCreated');
  organization.clock.advance(minute);
  organization.change({ kind: 'disableMailbox', mailbox: made.guid });
  assert.equal(await at(organization, first, made.guid, 'Guid'), undefined);
  assert.ok(
    [...organization.truth().others()].some(
      ({ guid, recipientClass }) => guid === made.guid && recipientClass === 'user',
    ),
  );
  organization.clock.advance(minute);
  assert.equal(organization.change({ kind: 'enableMailbox', account: made.guid }).guid, made.guid);
  const after = await at(organization, first, made.guid, 'ExchangeGuid', 'WhenMailboxCreated', 'WhenCreatedUTC');
  assert.notEqual(after?.[0], before?.[0]);
  assert.notEqual(after?.[1], before?.[1]);
  assert.equal(after?.[2], '2025-07-01T08:00:00Z');
  organization.change({ kind: 'removeMailbox', mailbox: made.guid });
  assert.ok(![...organization.truth().others()].some(({ guid }) => guid === made.guid));
  assert.notEqual(organization.change({ kind: 'createMailbox', name: 'Nora', samAccountName: 'nora' }).guid, made.guid);
});

test('changes that cannot be made are refused, and say why', () => {
  const organization = organisation();
  const cases: readonly (readonly [OrganizationChange, RegExp])[] = [
    [
      { kind: 'setMailbox', mailbox: 'ffffffff-0000-4000-8000-000000000000', properties: {} },
      /there is no recipient ffffffff/,
    ],
    [{ kind: 'moveMailbox', mailbox: 0, database: 'DB99' }, /there is no database DB99/],
    [{ kind: 'moveToOrganizationalUnit', mailbox: 0, organizationalUnit: 'emea.example.test/Staff' }, /another domain/],
    [{ kind: 'removeDatabase', database: 'DB01' }, /DB01 holds the mailbox of /],
    [{ kind: 'renameOrganizationalUnit', organizationalUnit: 'example.test/Nowhere', name: 'x' }, /no container/],
    [{ kind: 'enableMailbox', account: 0 }, /is a mailbox, and a user is due/],
  ];
  for (const [change, pattern] of cases)
    assert.throws(() => organization.change(change), refusal(pattern), change.kind);
  assert.throws(
    () => organization.setReplicationLag('dc09', 1),
    refusal(/there is no domain controller dc09; there are dc01/),
  );
  assert.throws(() => organization.setReplicationLag(first, -1), refusal(/milliseconds from 0 upward/));
  assert.throws(
    () => organization.change({ kind: 'setMailbox', mailbox: 0, properties: {} }, { domainController: emea }),
    refusal(/there is no recipient 0 in the domain of dc01\.emea\.example\.test/),
  );
});

test('the same changes of the same organisation give the same one', () => {
  const digest = (): string => {
    const organization = organisation();
    organization.change({ kind: 'createMailbox' });
    organization.change({ kind: 'renameMailbox', mailbox: 3, name: 'Other' });
    organization.clock.advance(minute);
    organization.change({ kind: 'disableMailbox', mailbox: 4 });
    return JSON.stringify([...organization.truth().mailboxes()]);
  };
  assert.equal(digest(), digest());
});

test('a mailbox that was touched and not changed reads as it did, to the byte but for whenChanged', async () => {
  const bodies = async (organization: TestOrganization): Promise<readonly string[]> => {
    const session = openInProcessSession(organization);
    const found: string[] = [];
    const all = [{ name: 'ResultSize', value: psString('Unlimited') }];
    for await (const event of session.invoke({ statements: [[{ name: 'Get-Mailbox', parameters: all }]] }))
      if (event.kind === 'output')
        found.push(
          Buffer.from(event.body)
            .toString('utf8')
            .replace(/(<DT N="WhenChanged(?:UTC)?">)[^<]*/g, '$1'),
        );
    return found;
  };
  const touched = organisation(200);
  for (let index = 0; index < 200; index += 1) touched.change({ kind: 'setMailbox', mailbox: index, properties: {} });
  assert.deepEqual(await bodies(touched), await bodies(organisation(200)));
});

/** A step of a random history. */
type Step =
  | { readonly kind: 'wait'; readonly minutes: number }
  | { readonly kind: 'lag'; readonly controller: number; readonly minutes: number }
  | {
      readonly kind: 'change';
      readonly on: number;
      readonly what: number;
      readonly which: number;
      readonly value: number;
    };

const steps = fc.array(
  fc.oneof(
    fc.record({ kind: fc.constant('wait' as const), minutes: fc.nat(20) }),
    fc.record({ kind: fc.constant('lag' as const), controller: fc.nat(3), minutes: fc.nat(30) }),
    fc.record({
      kind: fc.constant('change' as const),
      on: fc.nat(3),
      what: fc.nat(7),
      which: fc.nat(11),
      value: fc.nat(99),
    }),
  ),
  { maxLength: 40 },
);

function changeOf(step: Step & { kind: 'change' }, guids: readonly string[]): OrganizationChange {
  const mailbox = guids[step.which % guids.length] ?? 12;
  const text = `value ${step.value}`;
  const all: readonly OrganizationChange[] = [
    { kind: 'createMailbox' },
    { kind: 'setMailbox', mailbox, properties: { displayName: text } },
    { kind: 'setMailbox', mailbox, properties: { office: text, note: text } },
    { kind: 'renameMailbox', mailbox, name: text },
    { kind: 'moveMailbox', mailbox, database: ['DB01', 'DB02', 'DB03'][step.value % 3] as string },
    { kind: 'disableMailbox', mailbox },
    { kind: 'removeMailbox', mailbox },
    { kind: 'renameDatabase', database: 'DB04', name: `DB04 ${step.value}` },
  ];
  return all[step.what] as OrganizationChange;
}

test('after any history, when all has come everywhere, controllers differ in whenChanged alone', () => {
  fc.assert(
    fc.property(steps, (history) => {
      const organization = organisation(20);
      const controllers = organization.domainControllers.map(({ name }) => name);
      const guids = [...organization.truth().mailboxes()].slice(12, 18).map(({ guid }) => guid);
      for (const step of history) {
        if (step.kind === 'wait') organization.clock.advance(step.minutes * minute);
        else if (step.kind === 'lag')
          organization.setReplicationLag(controllers[step.controller] as string, step.minutes * minute);
        else {
          try {
            const domainController = controllers[step.on] as string;
            guids.push(organization.change(changeOf(step, guids), { domainController }).guid);
          } catch (error) {
            // On that controller it is gone, not there yet, or of another domain.
            if (!(error instanceof SimulatorError)) throw error;
          }
        }
      }
      organization.clock.advance(31 * minute);
      for (const controller of controllers) organization.setReplicationLag(controller, 0);
      const known = (controller: string, domain: string): unknown =>
        [...organization.truth(controller).mailboxes()]
          .filter((mailbox) => mailbox.domain === domain)
          .map(({ properties: { WhenChangedUTC: _, ...rest } }) => rest);
      for (const [controller, domain] of [
        [second, 'example.test'],
        [emea, 'example.test'],
      ] as const)
        assert.deepEqual(known(controller, domain), known(first, domain));
      assert.deepEqual(known(emeaOnly, 'emea.example.test'), known(emea, 'emea.example.test'));
      assert.deepEqual(
        organization.truth(emeaOnly).databases.map(({ name }) => name),
        organization.truth(first).databases.map(({ name }) => name),
      );
    }),
    { numRuns: 150 },
  );
});

test('on every controller, at any moment of any history, Get-Mailbox shows what the controller truly has', async () => {
  await fc.assert(
    fc.asyncProperty(steps, fc.nat(3), async (history, asked) => {
      const organization = organisation(20);
      const controllers = organization.domainControllers;
      const guids = [...organization.truth().mailboxes()].slice(12, 18).map(({ guid }) => guid);
      for (const step of history) {
        if (step.kind === 'wait') organization.clock.advance(step.minutes * minute);
        else if (step.kind === 'lag')
          organization.setReplicationLag(controllers[step.controller]?.name ?? '', step.minutes * minute);
        else {
          try {
            guids.push(organization.change(changeOf(step, guids)).guid);
          } catch (error) {
            if (!(error instanceof SimulatorError)) throw error;
          }
        }
      }
      const controller = controllers[asked];
      assert.ok(controller !== undefined);
      const session = openInProcessSession(organization);
      await run(session, 'Set-ADServerSettings', { ViewEntireForest: true });
      const outcome = await run(session, 'Get-Mailbox', { ResultSize: 'Unlimited', DomainController: controller.name });
      const names = ['Guid', 'Name', 'DisplayName', 'Database', 'Office', 'WhenChangedUTC', 'Identity'];
      const truth = [...organization.truth(controller.name).mailboxes()].filter(
        ({ domain, hiddenBehind }) => domain === controller.domain && hiddenBehind === undefined,
      );
      const compared = names.filter((name) => name !== 'Office');
      assert.deepEqual(
        outcome.rows.map((row) => compared.map((name) => row(name))),
        truth.map(({ properties }) => compared.map((name) => properties[name])),
      );
    }),
    { numRuns: 60 },
  );
});
