/* Plans carried out on the simulator's Exchange, which was written apart from the planner: the judge of its cmdlets. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forestViewRequest, type FulfillSettings } from '@exchange-connector/connector';
import {
  createTestOrganization,
  openInProcessSession,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import fc from 'fast-check';
import { databaseRules } from '../../src/fulfill/database-fields.ts';
import type { FieldRule } from '../../src/fulfill/field-rule.ts';
import { mailboxRules } from '../../src/fulfill/mailbox-fields.ts';
import { kindsOf, type OrderText, refusalOf } from './planning.ts';
import { SessionOrganisation } from './session-organisation.ts';

interface Rehearsal {
  readonly control: TestOrganization;
  readonly exchange: SessionOrganisation;
}

async function rehearse(settings: Partial<FulfillSettings> = {}): Promise<Rehearsal> {
  const control = createTestOrganization({ mailboxes: 60, databases: 4, users: 12, clock: 'virtual' });
  const session = openInProcessSession(control);
  const controllers = new Map<string, string>();
  for (const { domain, name } of control.domainControllers) if (!controllers.has(domain)) controllers.set(domain, name);
  const domainController = controllers.get(control.domains[0] ?? '');
  const exchange = new SessionOrganisation(session, controllers, { domainController, ...settings });
  const { outcome } = await exchange.send(forestViewRequest({ domainController: undefined, globalCatalog: undefined }));
  assert.deepEqual(outcome, { kind: 'completed', errors: [] });
  return { control, exchange };
}

/** Accounts without mail of the first domain. */
function bareAccounts(control: TestOrganization): string[] {
  return [...control.truth().others()]
    .filter(
      ({ recipientClass, canonicalName }) =>
        recipientClass === 'user' && canonicalName.startsWith(`${control.domains[0]}/`),
    )
    .map(({ samAccountName }) => samAccountName);
}

interface Seen {
  readonly sam: string;
  readonly guid: string;
  readonly domain: string;
  readonly addresses: readonly string[];
  readonly properties: Readonly<Record<string, unknown>>;
}

function mailboxes(control: TestOrganization): Seen[] {
  return [...control.truth().mailboxes()]
    .filter(({ hiddenBehind }) => hiddenBehind === undefined)
    .map(({ guid, domain, properties }) => ({
      sam: String(properties['SamAccountName']),
      guid,
      domain,
      addresses: properties['EmailAddresses'] as readonly string[],
      properties,
    }));
}

function mailboxOf(control: TestOrganization, sam: string): Seen | undefined {
  return mailboxes(control).find((each) => each.sam === sam);
}

test('a mailbox is enabled with its addresses, changed, moved and disabled', async () => {
  const { control, exchange } = await rehearse();
  const [sam = ''] = bareAccounts(control);
  const add = {
    change: 'Added',
    changes: {
      SamAccountName: sam,
      EmailAddresses: 'smtp:np@example.test SMTP:new.person@example.test',
      Database: { Name: 'DB02' },
      DisplayName: 'New Person',
      IssueWarningQuota: '1.5 GB',
      ProhibitSendQuota: '2 GB',
      UseDatabaseQuotaDefaults: false,
    },
  } as const;
  await exchange.carryOut(await exchange.plan([add]));
  assert.deepEqual([...(mailboxOf(control, sam)?.addresses ?? [])].sort(), [
    'SMTP:new.person@example.test',
    'smtp:np@example.test',
  ]);
  assert.deepEqual(kindsOf(await exchange.plan([add])), ['nothingToDo']);
  const change = {
    changes: {
      SamAccountName: sam,
      PrimarySmtpAddress: 'np@example.test',
      Office: 'Paris',
      Database: { Name: 'DB01' },
    },
  };
  await exchange.carryOut(await exchange.plan([change]));
  assert.deepEqual(kindsOf(await exchange.plan([change])), ['nothingToDo']);
  control.clock.advance(24 * 3_600_000);
  assert.equal(mailboxOf(control, sam)?.properties['Database'], 'DB01');
  const remove = { change: 'Deleted', resource: { SamAccountName: sam } } as const;
  await exchange.carryOut(await exchange.plan([remove]));
  assert.equal(mailboxOf(control, sam), undefined);
  assert.deepEqual(kindsOf(await exchange.plan([remove])), ['nothingToDo']);
});

test('kinds of mailboxes are made of disabled accounts, and of enabled ones refused before Exchange would', async () => {
  const { control, exchange } = await rehearse();
  const kinds = { user: 'UserMailbox', shared: 'SharedMailbox', room: 'RoomMailbox', equipment: 'EquipmentMailbox' };
  for (const disabled of [true, false]) {
    for (const [kind, details] of Object.entries(kinds)) {
      const sam = `${kind}${disabled ? 'off' : 'on'}`;
      const { guid } = control.change({
        kind: 'createRecipient',
        recipientClass: 'user',
        name: sam,
        samAccountName: sam,
      });
      control.change({ kind: 'setMailbox', mailbox: guid, properties: { accountDisabled: disabled } });
      const changes = { SamAccountName: sam, RecipientTypeDetails: details };
      const plan = await exchange.plan([{ change: 'Added', changes }]);
      if ((kind === 'user') === disabled) {
        assert.match(refusalOf(plan).reason, /is disabled|is not; disable it/);
        const parameters = kind === 'user' ? {} : { [kind.charAt(0).toUpperCase() + kind.slice(1)]: true };
        const refusal = await exchange.run({ cmdlet: 'Enable-Mailbox', parameters: { Identity: guid, ...parameters } });
        assert.match(refusal ?? '', /must be logon-/, 'Exchange says the same');
        continue;
      }
      await exchange.carryOut(plan);
      assert.equal(mailboxOf(control, sam)?.properties['RecipientTypeDetails'], details);
    }
  }
});

test('addresses of groups, contacts, mail users and mailboxes of any domain are found in use', async () => {
  const { control, exchange } = await rehearse();
  const [first, ...more] = mailboxes(control);
  const others = [...control.truth().others()].filter(({ emailAddresses }) => emailAddresses.length > 0);
  const taken = [
    ...new Map(others.map((other) => [other.recipientClass, other])).values(),
    more.find(({ domain }) => domain !== first?.domain),
    more.at(-1),
  ];
  for (const holder of taken) {
    const addresses = holder === undefined ? [] : 'addresses' in holder ? holder.addresses : holder.emailAddresses;
    const smtp = addresses.find((address) => /^smtp:/i.test(address))?.slice(5) ?? '';
    assert.notEqual(smtp, '');
    const plan = await exchange.plan([
      { changes: { SamAccountName: first?.sam, PrimarySmtpAddress: smtp.toUpperCase() } },
    ]);
    assert.equal(refusalOf(plan).class, 'conflict');
    assert.match(refusalOf(plan).reason, /is in use by /);
  }
});

test('a database is made, mounted, filled, kept while it is filled, emptied and removed', async () => {
  const { control, exchange } = await rehearse({ waitForMove: false });
  const [sam = ''] = bareAccounts(control);
  const make: OrderText = {
    target: 'Database',
    change: 'Added',
    changes: { Name: 'DB77', Server: 'EX01', IssueWarningQuota: '1 GB', DeletedItemRetention: '30' },
  };
  const fill: OrderText = {
    change: 'Added',
    changes: { SamAccountName: sam, Database: { Name: 'DB77' }, PrimarySmtpAddress: 'np@example.test' },
  };
  const plan = await exchange.plan([fill, make]);
  assert.deepEqual(kindsOf(plan), ['planned', 'planned']);
  await exchange.carryOut(plan);
  assert.deepEqual(kindsOf(await exchange.plan([make, fill])), ['nothingToDo', 'nothingToDo']);
  const remove: OrderText = { target: 'Database', change: 'Deleted', resource: { Name: 'DB77' } };
  assert.match(refusalOf(await exchange.plan([remove])).reason, /in it live mailboxes/);
  const both = await exchange.plan([remove, { change: 'Deleted', resource: { SamAccountName: sam } }]);
  assert.deepEqual(kindsOf(both), ['planned', 'planned']);
  await exchange.carryOut(both);
  assert.ok(control.databases.every(({ name }) => name !== 'DB77'));
  for (const { name } of control.databases) {
    const filled = await exchange.plan([{ target: 'Database', change: 'Deleted', resource: { Name: name } }]);
    assert.equal(refusalOf(filled).class, 'conflict', name);
  }
});

test('any batch of address changes works on the simulator, and is taken back', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.record({ who: fc.nat(5), take: fc.array(fc.nat(11), { maxLength: 3 }), keep: fc.boolean() }), {
        minLength: 1,
        maxLength: 7,
      }),
      async (wishes) => {
        const { control, exchange } = await rehearse();
        const people = mailboxes(control)
          .filter(({ properties }) => properties['RecipientTypeDetails'] === 'UserMailbox')
          .slice(0, 6);
        const pool = people.flatMap(({ addresses }) =>
          addresses.filter((address) => /^smtp:/i.test(address)).map((address) => address.slice(5)),
        );
        const before = people.map(({ addresses }) => [...addresses].sort());
        const batch = wishes.map(({ who, take, keep }): OrderText => {
          const person = people[who] ?? people[0];
          const taken = [...new Set(take.map((at) => pool[at % pool.length] ?? ''))];
          const [primary = `fresh${who}@example.test`, ...rest] = keep
            ? [...taken, ...pool.slice(who, who + 1)]
            : taken;
          return {
            changes: {
              SamAccountName: person?.sam,
              EmailAddresses: [
                `SMTP:${primary}`,
                ...new Set(rest.filter((address) => address !== primary).map((address) => `smtp:${address}`)),
              ],
            },
          };
        });
        const plan = await exchange.plan(batch);
        await exchange.carryOut(plan);
        const back = await exchange.planUndo(plan);
        assert.deepEqual(
          back.orders.filter(({ decision }) => decision.kind === 'refused'),
          [],
        );
        await exchange.carryOut(back);
        const after = people.map(({ sam }) => [...(mailboxOf(control, sam)?.addresses ?? [])].sort());
        assert.deepEqual(after, before);
      },
    ),
    { numRuns: 5 },
  );
});

test('what the planner says of quotas, Exchange says of them', async () => {
  const { control, exchange } = await rehearse();
  const person = mailboxes(control).find(
    ({ domain, properties }) => domain === 'example.test' && properties['RecipientTypeDetails'] === 'UserMailbox',
  );
  const sizes = ['1 GB', '2 GB', 'Unlimited'];
  const target = { Identity: person?.guid ?? '' };
  for (const useDatabaseQuotaDefaults of [false, true]) {
    for (const [lower, upper] of [
      ['IssueWarningQuota', 'ProhibitSendQuota'],
      ['ProhibitSendQuota', 'ProhibitSendReceiveQuota'],
      ['IssueWarningQuota', 'ProhibitSendReceiveQuota'],
      ['RecoverableItemsWarningQuota', 'RecoverableItemsQuota'],
      ['CalendarLoggingQuota', 'RecoverableItemsQuota'],
    ] as const) {
      for (const [low, high] of sizes.flatMap((size) => sizes.map((other) => [size, other] as const))) {
        const unlimited = Object.fromEntries(
          mailboxRules.filter(({ name }) => name.endsWith('Quota')).map(({ name }) => [name, 'Unlimited']),
        );
        await exchange.run({
          cmdlet: 'Set-Mailbox',
          parameters: { ...target, ...unlimited, UseDatabaseQuotaDefaults: useDatabaseQuotaDefaults, [upper]: high },
        });
        const changes = { [lower]: low };
        const plan = await exchange.plan([{ changes, resource: { SamAccountName: person?.sam } }]);
        const errors = await exchange.run({ cmdlet: 'Set-Mailbox', parameters: { ...target, ...changes } });
        const said = JSON.stringify([useDatabaseQuotaDefaults, changes, upper, high]);
        assert.equal(kindsOf(plan)[0] === 'refused', errors !== undefined, said);
      }
    }
  }
});

/** A value for each kind of field, other than what new objects have. */
function valueFor(rule: FieldRule): unknown {
  const special: Readonly<Record<string, unknown>> = {
    IssueWarningQuota: '5 GB',
    ProhibitSendQuota: '6 GB',
    ProhibitSendReceiveQuota: '7 GB',
    RecoverableItemsWarningQuota: '8 GB',
    RecoverableItemsQuota: '9 GB',
    CalendarLoggingQuota: '2 GB',
    RetentionPolicy: 'Default MRM Policy',
    AddressBookPolicy: 'Staff',
    SharingPolicy: 'Default Sharing Policy',
    RoleAssignmentPolicy: 'Default Role Assignment Policy',
    UserPrincipalName: 'changed.upn@example.test',
    DataMoveReplicationConstraint: 'SecondCopy',
  };
  if (rule.name in special) return special[rule.name];
  switch (rule.kind) {
    case 'flag':
      return 'True';
    case 'size':
      return '10 MB';
    case 'timeSpan':
      return '21.00:00:00';
    case 'count':
      return '50';
    case 'smtpAddress':
      return 'away@elsewhere.example';
    default:
      return `Changed ${rule.name}`.replace(/[^A-Za-z0-9]/g, '');
  }
}

test('every field of a mailbox that orders write is written, seen again, found done, and taken back', async () => {
  const { control, exchange } = await rehearse();
  const [person, other] = mailboxes(control).filter(
    ({ properties }) => properties['RecipientTypeDetails'] === 'UserMailbox',
  );
  const rules = mailboxRules.filter(({ name }) => !['EmailAddressPolicyEnabled', 'ResourceCapacity'].includes(name));
  const fields = rules.map((rule) => [rule.name, rule.kind === 'recipient' ? other?.sam : valueFor(rule)]);
  // One field by itself tells which one fails; quotas go together.
  const quotas = fields.filter(([name]) => /^(IssueWarning|ProhibitSend|Recoverable|Calendar)/.test(String(name)));
  const single = fields.filter((field) => !quotas.includes(field)).map((field) => [field]);
  for (const group of [quotas, ...single]) {
    const order = {
      changes: Object.fromEntries(group) as Record<string, unknown>,
      resource: { SamAccountName: person?.sam },
    };
    const plan = await exchange.plan([order]);
    assert.notEqual(kindsOf(plan)[0], 'refused', JSON.stringify([group, plan.orders[0]?.decision]));
    await exchange.carryOut(plan);
    assert.deepEqual(kindsOf(await exchange.plan([order])), ['nothingToDo'], JSON.stringify(group));
    const back = await exchange.planUndo(plan);
    assert.notEqual(kindsOf(back)[0], 'refused', JSON.stringify([group, back.orders[0]?.decision]));
    await exchange.carryOut(back);
  }
});

test('every field of a database that orders write is written, seen again, found done, and taken back', async () => {
  const { exchange } = await rehearse();
  const rules = databaseRules.filter(
    ({ kind, name }) =>
      kind !== 'recipient' &&
      !['OfflineAddressBook', 'PublicFolderDatabase', 'DataMoveReplicationConstraint'].includes(name),
  );
  const fields = rules.map((rule) => [rule.name, valueFor(rule)]);
  const quotas = fields.filter(([name]) => /^(IssueWarning|ProhibitSend|Recoverable|Calendar)/.test(String(name)));
  const single = fields.filter((field) => !quotas.includes(field)).map((field) => [field]);
  for (const group of [quotas, ...single]) {
    const order: OrderText = {
      target: 'Database',
      changes: Object.fromEntries(group) as Record<string, unknown>,
      resource: { Name: 'DB01' },
    };
    const plan = await exchange.plan([order]);
    assert.notEqual(kindsOf(plan)[0], 'refused', JSON.stringify([group, plan.orders[0]?.decision]));
    await exchange.carryOut(plan);
    assert.deepEqual(kindsOf(await exchange.plan([order])), ['nothingToDo'], JSON.stringify(group));
    const back = await exchange.planUndo(plan);
    assert.notEqual(kindsOf(back)[0], 'refused', JSON.stringify([group, back.orders[0]?.decision]));
    await exchange.carryOut(back);
  }
});

test('what was written on the batch\u2019s domain controller counts, whatever a lagging global catalog still says', async () => {
  const { control, exchange } = await rehearse({ domainController: 'dc02.example.test' });
  control.setReplicationLag('dc01.example.test', Number.POSITIVE_INFINITY);
  const [one, two] = mailboxes(control).filter(
    ({ domain, properties }) => domain === 'example.test' && properties['RecipientTypeDetails'] === 'UserMailbox',
  );
  const primary = (seen: Seen | undefined): string =>
    seen?.addresses.find((address) => address.startsWith('SMTP:')) ?? '';
  const swap = [
    { changes: { SamAccountName: one?.sam, EmailAddresses: primary(two) } },
    { changes: { SamAccountName: two?.sam, EmailAddresses: primary(one) } },
  ];
  await exchange.carryOut(await exchange.plan(swap));
  assert.deepEqual(kindsOf(await exchange.plan(swap)), ['nothingToDo', 'nothingToDo']);
  const back = [
    { changes: { SamAccountName: one?.sam, EmailAddresses: primary(one) } },
    { changes: { SamAccountName: two?.sam, EmailAddresses: primary(two) } },
  ];
  await exchange.carryOut(await exchange.plan(back));
});
