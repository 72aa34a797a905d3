import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelOrganisation } from './model-organisation.ts';
import { callsOf, carryOut, decisionOf, kindsOf, planFor, refusalOf } from './planning.ts';

function organisation(): ModelOrganisation {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  model.addDatabase('DB2');
  return model;
}

test('an added mailbox order enables the existing account in its database, then adds its other addresses', () => {
  const model = organisation();
  const account = model.addAccount('vbellanger');
  const order = {
    change: 'Added',
    changes: {
      SamAccountName: 'vbellanger',
      PrimarySmtpAddress: 'victor.bellanger@contoso.com',
      EmailAddresses: 'smtp:vbellanger@contoso.com SMTP:victor.bellanger@contoso.com',
      Database: { Name: 'db2' },
      CustomAttribute1: 'x',
    },
  } as const;
  const plan = planFor(model, [order]);
  assert.deepEqual(callsOf(plan), [
    {
      cmdlet: 'Enable-Mailbox',
      parameters: { Identity: account.guid, Database: 'DB2', PrimarySmtpAddress: 'victor.bellanger@contoso.com' },
    },
    {
      cmdlet: 'Set-Mailbox',
      parameters: {
        Identity: account.guid,
        CustomAttribute1: 'x',
        EmailAddresses: { add: ['smtp:vbellanger@contoso.com'] },
      },
    },
  ]);
  carryOut(model, plan);
  assert.deepEqual(model.accounts.get(account.guid)?.mailbox?.['EmailAddresses'], [
    'SMTP:victor.bellanger@contoso.com',
    'smtp:vbellanger@contoso.com',
  ]);
  assert.deepEqual(kindsOf(planFor(model, [order])), ['nothingToDo']);
});

test('kinds of mailboxes are asked for by RecipientTypeDetails or by IsShared, IsResource and IsLinked', () => {
  const cases: readonly [Record<string, unknown>, Record<string, unknown>, string][] = [
    [{ RecipientTypeDetails: 'SharedMailbox' }, { Shared: true }, 'SharedMailbox'],
    [{ IsShared: 'True' }, { Shared: true }, 'SharedMailbox'],
    [{ IsResource: true, ResourceType: 'Room' }, { Room: true }, 'RoomMailbox'],
    [{ IsResource: true, ResourceType: 'equipment' }, { Equipment: true }, 'EquipmentMailbox'],
    [
      { IsLinked: true, LinkedMasterAccount: 'FABRIKAM\\anna', LinkedDomainController: 'dc1.fabrikam.com' },
      { LinkedMasterAccount: 'FABRIKAM\\anna', LinkedDomainController: 'dc1.fabrikam.com' },
      'LinkedMailbox',
    ],
  ];
  for (const [changes, parameters, details] of cases) {
    const model = organisation();
    const account = model.addAccount('room1', 'DisabledUser');
    const plan = planFor(model, [{ change: 'Added', changes: { SamAccountName: 'room1', ...changes } }]);
    assert.deepEqual(callsOf(plan), [
      { cmdlet: 'Enable-Mailbox', parameters: { Identity: account.guid, ...parameters } },
    ]);
    carryOut(model, plan);
    assert.equal(account.mailbox?.['RecipientTypeDetails'], details);
  }
});

test('a shared, room, equipment or linked mailbox is refused on an account that is enabled', () => {
  const model = organisation();
  model.addAccount('anna');
  const plan = planFor(model, [{ change: 'Added', changes: { SamAccountName: 'anna', IsShared: true } }]);
  assert.equal(refusalOf(plan).class, 'conflict');
  assert.match(refusalOf(plan).reason, /needs an account that is disabled/);
});

test('kinds that contradict each other, or that orders do not make, are refused', () => {
  const wrong: readonly Record<string, unknown>[] = [
    { IsShared: true, IsLinked: true },
    { RecipientTypeDetails: 'SharedMailbox', IsShared: false },
    { RecipientTypeDetails: 'LegacyMailbox' },
    { IsResource: true },
    { IsShared: 'perhaps' },
    { IsLinked: true },
  ];
  for (const changes of wrong) {
    const model = organisation();
    model.addAccount('anna', 'DisabledUser');
    const plan = planFor(model, [{ change: 'Added', changes: { SamAccountName: 'anna', ...changes } }]);
    assert.equal(refusalOf(plan).class, 'invalid', JSON.stringify(changes));
  }
});

test('an added order on an existing mailbox brings it to what the order asks for, and says so', () => {
  const model = organisation();
  const account = model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const plan = planFor(model, [
    {
      change: 'Added',
      changes: {
        SamAccountName: 'anna',
        EmailAddresses: 'SMTP:anna@contoso.com smtp:a@contoso.com',
        Database: { Name: 'DB1' },
      },
    },
  ]);
  assert.deepEqual(callsOf(plan), [
    {
      cmdlet: 'Set-Mailbox',
      parameters: { Identity: account.guid, EmailAddresses: ['SMTP:anna@contoso.com', 'smtp:a@contoso.com'] },
    },
  ]);
  const decision = decisionOf(plan);
  assert.ok(decision.kind === 'planned' && decision.notes[0]?.includes('exists already'));
});

test('what cannot be enabled is refused with the reason', () => {
  const model = organisation();
  model.addAccount('mail', 'MailUser', ['SMTP:mail@elsewhere.example']);
  model.addAccount('cloud', 'RemoteUserMailbox', ['SMTP:cloud@contoso.com']);
  const plan = planFor(model, [
    { change: 'Added', changes: { SamAccountName: 'mail' } },
    { change: 'Added', changes: { SamAccountName: 'cloud' } },
    { change: 'Modified', changes: { SamAccountName: 'cloud', Office: 'x' } },
    { change: 'Deleted', resource: { SamAccountName: 'cloud' } },
    { change: 'Added', changes: { SamAccountName: 'nobody' } },
    { change: 'Modified', changes: { SamAccountName: 'nobody' }, resource: { SamAccountName: 'somebody' } },
  ]);
  assert.deepEqual(
    plan.orders.map((_, at) => refusalOf(plan, at + 1).class),
    ['conflict', 'not-allowed', 'not-allowed', 'not-allowed', 'not-found', 'not-found'],
  );
  assert.match(refusalOf(plan, 1).reason, /MailUser already/);
  assert.match(refusalOf(plan, 2).reason, /Exchange Online \(RemoteUserMailbox\)/);
  assert.match(refusalOf(plan, 6).reason, /accounts are renamed in Active Directory/);
});

test('an account is found by SamAccountName, else Guid, else Identity, and in other domains of the forest', () => {
  const model = organisation();
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const emea = model.addAccount('emma', 'User', [], 'emea.contoso.com');
  emea.mailbox = { ...anna.mailbox, EmailAddresses: ['SMTP:emma@contoso.com'], ExchangeGuid: 'e' };
  for (const resource of [
    { SamAccountName: 'ANNA' },
    { Guid: anna.guid.toUpperCase() },
    { Identity: 'contoso.com/People/anna' },
    { SamAccountName: 'CONTOSO\\anna' },
  ]) {
    const plan = planFor(model, [{ changes: { Office: 'Paris' }, resource }]);
    assert.deepEqual(callsOf(plan), [{ cmdlet: 'Set-Mailbox', parameters: { Identity: anna.guid, Office: 'Paris' } }]);
  }
  const far = planFor(model, [{ changes: { SamAccountName: 'emma', Office: 'Paris' } }]);
  assert.equal(far.steps[0]?.object.domain, 'emea.contoso.com');
});

test('a name that is somebody else by now, or several, is refused', () => {
  const model = organisation();
  model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const other = model.addMailbox('otto', ['SMTP:otto@contoso.com']);
  model.addAccount('twin', 'User', [], 'emea.contoso.com');
  model.addAccount('twin', 'User', [], 'apac.contoso.com');
  const plan = planFor(model, [
    { changes: { Office: 'x' }, resource: { SamAccountName: 'anna', Guid: other.guid } },
    { changes: { SamAccountName: 'twin', Office: 'x' } },
  ]);
  assert.match(refusalOf(plan, 1).reason, /belongs to somebody else now/);
  assert.match(refusalOf(plan, 2).reason, /names 2 accounts/);
});

test('each writable field is compared as Exchange shows it, and only what differs is sent', () => {
  const model = organisation();
  const group = model.addAccount('sales', 'MailUniversalDistributionGroup', ['SMTP:sales@contoso.com']);
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com'], {
    IssueWarningQuota: '29 GB (31,138,512,896 bytes)',
    ProhibitSendQuota: '30 GB (32,212,254,720 bytes)',
    UseDatabaseQuotaDefaults: false,
    ForwardingAddress: `contoso.com/People/${group.name}`,
  });
  const same = planFor(model, [
    {
      changes: {
        SamAccountName: 'anna',
        ProhibitSendQuota: '30 GB',
        MaxSendSize: 'unlimited',
        UseDatabaseQuotaDefaults: 'False',
        ForwardingAddress: 'sales@contoso.com',
        Alias: 'ANNA',
        DeliverToMailboxAndForward: 'false',
        CustomAttribute1: '',
      },
    },
  ]);
  assert.deepEqual(kindsOf(same), ['nothingToDo']);
  const plan = planFor(model, [
    {
      changes: {
        SamAccountName: 'anna',
        ProhibitSendQuota: '40GB',
        MaxSendSize: '10,5 MB',
        ForwardingAddress: null,
        ForwardingSmtpAddress: 'x@y.example',
        HiddenFromAddressListsEnabled: 'TRUE',
        AccountDisabledIsDirSynced: 'True;False',
      },
    },
  ]);
  assert.deepEqual(callsOf(plan), [
    {
      cmdlet: 'Set-Mailbox',
      parameters: {
        Identity: anna.guid,
        ProhibitSendQuota: '42949672960',
        MaxSendSize: '11010048',
        ForwardingAddress: null,
        ForwardingSmtpAddress: 'smtp:x@y.example',
        HiddenFromAddressListsEnabled: true,
        AccountDisabled: true,
      },
    },
  ]);
  assert.match(decisionOf(plan).notes.join(), /AccountDisabled is what Exchange keeps of the account/);
});

test('quotas are held against those that have a size, and against none where the database gives them', () => {
  const model = organisation();
  model.addMailbox('anna', ['SMTP:anna@contoso.com'], { UseDatabaseQuotaDefaults: false });
  model.addMailbox('ben', ['SMTP:ben@contoso.com'], { IssueWarningQuota: '3 GB (3,221,225,472 bytes)' });
  model.addAccount('carl');
  const plan = planFor(model, [
    { changes: { SamAccountName: 'anna', ProhibitSendQuota: '2 GB' } },
    { changes: { SamAccountName: 'ben', ProhibitSendQuota: '2 GB' } },
    { changes: { SamAccountName: 'ben', ProhibitSendQuota: '2.5 GB', UseDatabaseQuotaDefaults: false } },
    { change: 'Added', changes: { SamAccountName: 'carl', ProhibitSendQuota: '2 GB', RecoverableItemsQuota: '9 GB' } },
  ]);
  assert.deepEqual(kindsOf(plan), ['planned', 'planned', 'refused', 'planned']);
  assert.match(refusalOf(plan, 3).reason, /IssueWarningQuota .* would be above ProhibitSendQuota/);
  const notes = [2, 4].map((at) => decisionOf(plan, at).notes.join());
  for (const note of notes) assert.match(note, /no effect while UseDatabaseQuotaDefaults is True/);
});

test('fields with wrong values, fields that nobody writes and fields that cannot be empty are refused', () => {
  const own = { UseDatabaseQuotaDefaults: false };
  const wrong: readonly [Record<string, unknown>, string][] = [
    [{ ProhibitSendQuota: 'much' }, 'invalid'],
    [{ ProhibitSendQuota: '-1' }, 'invalid'],
    [{ UseDatabaseQuotaDefaults: 'maybe' }, 'invalid'],
    [{ WhenCreatedUTC: '2030-01-01T00:00:00Z' }, 'invalid'],
    [{ DisplayName: '' }, 'invalid'],
    [{ DisplayName: ['a', 'b'] }, 'invalid'],
    [{ ForwardingAddress: 'nobody@contoso.com' }, 'not-found'],
    [{ ForwardingAddress: '*' }, 'invalid'],
    [{ ForwardingSmtpAddress: 'no address' }, 'invalid'],
    [{ ...own, IssueWarningQuota: '3 GB', ProhibitSendQuota: '2 GB' }, 'invalid'],
    [{ ...own, ProhibitSendQuota: '3 GB', ProhibitSendReceiveQuota: '2 GB' }, 'invalid'],
    [{ ...own, IssueWarningQuota: '3 GB', ProhibitSendReceiveQuota: '2 GB' }, 'invalid'],
    [{ ...own, RecoverableItemsQuota: '10 GB', RecoverableItemsWarningQuota: '11 GB' }, 'invalid'],
    [{ ...own, RecoverableItemsQuota: '10 GB', CalendarLoggingQuota: '11 GB' }, 'invalid'],
    [{ Database: { Name: 'DB9' } }, 'not-found'],
    [{ Database: '*' }, 'invalid'],
    [{ IsDirSynced: true }, 'invalid'],
  ];
  for (const [changes, refusalClass] of wrong) {
    const model = organisation();
    model.addMailbox('anna', ['SMTP:anna@contoso.com']);
    const plan = planFor(model, [{ changes: { SamAccountName: 'anna', ...changes } }]);
    assert.equal(refusalOf(plan).class, refusalClass, JSON.stringify(changes));
  }
});

test('an unknown field and an empty one that cannot be taken away are ignored, and told of', () => {
  const model = organisation();
  model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const plan = planFor(model, [
    {
      changes: {
        SamAccountName: 'anna',
        ShoeSize: 42,
        MaxSendSize: '',
        EmailAddresses: '',
        WhenCreatedUTC: '2024-01-01T00:00:00Z',
      },
    },
  ]);
  const decision = decisionOf(plan);
  assert.equal(decision.kind, 'nothingToDo');
  assert.deepEqual(decision.notes, [
    'ShoeSize is no field that orders write: it is ignored',
    'MaxSendSize is empty in the order: there is nothing to take away, it stays',
    'EmailAddresses is empty in the order: a mailbox cannot be without, it stays',
  ]);
});

test('a mailbox becomes a shared one and a user mailbox again by Set-Mailbox -Type', () => {
  const model = organisation();
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const toShared = planFor(model, [{ changes: { SamAccountName: 'anna', IsShared: true } }]);
  assert.deepEqual(callsOf(toShared), [{ cmdlet: 'Set-Mailbox', parameters: { Identity: anna.guid, Type: 'Shared' } }]);
  carryOut(model, toShared);
  const back = planFor(model, [{ changes: { SamAccountName: 'anna', IsShared: false } }]);
  assert.deepEqual(callsOf(back), [{ cmdlet: 'Set-Mailbox', parameters: { Identity: anna.guid, Type: 'Regular' } }]);
  const linked = planFor(model, [{ changes: { SamAccountName: 'anna', RecipientTypeDetails: 'LinkedMailbox' } }]);
  assert.equal(refusalOf(linked).class, 'invalid');
});

test('a kind is named by ResourceType alone, and what an order cannot change of a linked or an unusual mailbox is refused', () => {
  const model = organisation();
  model.addMailbox('room', ['SMTP:room@contoso.com'], { RecipientTypeDetails: 'RoomMailbox', ResourceType: 'Room' });
  model.addMailbox('old', ['SMTP:old@contoso.com'], {
    RecipientTypeDetails: 'LegacyMailbox',
    LinkedMasterAccount: 'F\\old',
  });
  const plan = planFor(model, [
    { changes: { SamAccountName: 'room', ResourceType: 'Room' } },
    { changes: { SamAccountName: 'old', RecipientTypeDetails: 'legacymailbox', LinkedMasterAccount: 'f\\OLD' } },
    { changes: { SamAccountName: 'old', IsShared: true } },
    { changes: { SamAccountName: 'old', LinkedMasterAccount: 'F\\new' } },
    { changes: { SamAccountName: 'room', ResourceType: 'Attic' } },
    { changes: { SamAccountName: 'room', ResourceType: 'Equipment' } },
  ]);
  assert.deepEqual(kindsOf(plan), ['nothingToDo', 'nothingToDo', 'refused', 'refused', 'refused', 'planned']);
  assert.equal(plan.steps[0]?.parameters['Type'], 'Equipment');
});

test('a changed database is a move request, queued once; an ended request is cleared first', () => {
  const model = organisation();
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const order = { changes: { SamAccountName: 'anna', Database: { Name: 'DB2' } } };
  const plan = planFor(model, [order]);
  assert.deepEqual(callsOf(plan), [
    { cmdlet: 'New-MoveRequest', parameters: { Identity: anna.guid, TargetDatabase: 'DB2' } },
  ]);
  carryOut(model, plan);
  assert.deepEqual(kindsOf(planFor(model, [order])), ['nothingToDo']);
  const elsewhere = planFor(model, [{ changes: { SamAccountName: 'anna', Database: { Name: 'DB1' } } }]);
  assert.match(refusalOf(elsewhere).reason, /a move of the mailbox to DB2 is under way: Queued/);
  model.endMoves();
  assert.deepEqual(kindsOf(planFor(model, [order])), ['nothingToDo']);
  const back = planFor(model, [{ changes: { SamAccountName: 'anna', Database: { Name: 'DB1' } } }]);
  assert.deepEqual(
    back.steps.map(({ cmdlet }) => cmdlet),
    ['Remove-MoveRequest', 'New-MoveRequest'],
  );
  carryOut(model, back);
});

test('a move that failed is a conflict, not a second request', () => {
  const model = organisation();
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  model.moves.set(anna.guid, { status: 'Failed', source: 'DB1', target: 'DB2' });
  const plan = planFor(model, [{ changes: { SamAccountName: 'anna', Database: { Name: 'DB2' } } }]);
  assert.equal(refusalOf(plan).class, 'conflict');
  assert.match(refusalOf(plan).reason, /Failed/);
});

test('with WaitForMove the move is followed to its end, also one that was queued before', () => {
  const model = organisation();
  model.movesEnd = true;
  model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const order = { changes: { SamAccountName: 'anna', Database: { Name: 'DB2' } } };
  const plan = planFor(model, [order], { waitForMove: true });
  assert.equal(plan.steps[0]?.follow, 'move');
  carryOut(model, plan);
  const otto = model.addMailbox('otto', ['SMTP:otto@contoso.com']);
  model.moves.set(otto.guid, { status: 'Queued', source: 'DB1', target: 'DB2' });
  const follow = planFor(model, [{ changes: { SamAccountName: 'otto', Database: { Name: 'DB2' } } }], {
    waitForMove: true,
  });
  assert.deepEqual(
    follow.steps.map(({ cmdlet }) => cmdlet),
    ['Get-MoveRequestStatistics'],
  );
  carryOut(model, follow);
  assert.equal(otto.mailbox?.['Database'], 'DB2');
});

test('a deleted order disables the mailbox and leaves the account; on nothing it has nothing to do', () => {
  const model = organisation();
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const order = { change: 'Deleted', resource: { SamAccountName: 'anna' } } as const;
  const plan = planFor(model, [order, { change: 'Deleted', resource: { SamAccountName: 'nobody' } }]);
  assert.deepEqual(callsOf(plan), [{ cmdlet: 'Disable-Mailbox', parameters: { Identity: anna.guid } }]);
  assert.deepEqual(kindsOf(plan), ['planned', 'nothingToDo']);
  carryOut(model, plan);
  assert.ok(model.accounts.has(anna.guid));
  assert.deepEqual(kindsOf(planFor(model, [order])), ['nothingToDo']);
});

test('Remove-Mailbox, which deletes the account, is planned only with AllowRemoveMailbox', () => {
  const model = organisation();
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const plan = planFor(model, [{ change: 'Deleted', resource: { SamAccountName: 'anna' } }], {
    allowRemoveMailbox: true,
  });
  assert.deepEqual(callsOf(plan), [{ cmdlet: 'Remove-Mailbox', parameters: { Identity: anna.guid } }]);
  assert.equal(plan.steps[0]?.inverse.kind, 'impossible');
  const bare = planFor(model, [{ change: 'Deleted', resource: { SamAccountName: 'bare' } }], {
    allowRemoveMailbox: true,
  });
  assert.deepEqual(kindsOf(bare), ['nothingToDo']);
});

test('protected, held and system mailboxes are not touched', () => {
  const model = organisation();
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com', 'smtp:boss@contoso.com']);
  model.addMailbox('held', ['SMTP:held@contoso.com'], { LitigationHoldEnabled: true });
  model.addMailbox('system', ['SMTP:system@contoso.com'], { RecipientTypeDetails: 'ArbitrationMailbox' });
  const written = [`{${anna.guid.toUpperCase()}}`, 'CONTOSO\\Anna', 'SMTP:boss@contoso.com', ' anna ', 'contoso\\an*'];
  for (const entry of ['anna', anna.guid, 'BOSS@contoso.com', 'an*', '*oss@*', 'contoso.com/People/*', ...written]) {
    const plan = planFor(model, [{ changes: { SamAccountName: 'anna', Office: 'x' } }], {
      protectedMailboxes: [entry],
    });
    assert.match(refusalOf(plan).reason, /ProtectedMailboxes/, entry);
  }
  for (const entry of ['ann', 'a*b', '*x*', 'nna', '', ' ', '{}', 'smtp:', 'anna\\', '\\anna', 'x/anna']) {
    const plan = planFor(model, [{ changes: { SamAccountName: 'anna', Office: 'x' } }], {
      protectedMailboxes: [entry],
    });
    assert.deepEqual(kindsOf(plan), ['planned'], entry);
  }
  const plan = planFor(model, [
    { change: 'Deleted', resource: { SamAccountName: 'held' } },
    { changes: { SamAccountName: 'system', Office: 'x' } },
  ]);
  assert.match(refusalOf(plan, 1).reason, /litigation hold/);
  assert.match(refusalOf(plan, 2).reason, /Exchange itself/);
});

test('two orders about one mailbox are planned one after the other, the second on what the first leaves', () => {
  const model = organisation();
  const anna = model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const orders = [
    {
      changes: { SamAccountName: 'anna', EmailAddresses: 'SMTP:anna@contoso.com smtp:a1@contoso.com', Office: 'Paris' },
    },
    { changes: { PrimarySmtpAddress: 'a1@contoso.com', Office: 'Rome' }, resource: { SamAccountName: 'anna' } },
    { change: 'Deleted', resource: { SamAccountName: 'anna' } },
    { change: 'Added', changes: { SamAccountName: 'anna', PrimarySmtpAddress: 'new@contoso.com' } },
  ] as const;
  const plan = planFor(model, orders);
  assert.deepEqual(
    plan.steps.map(({ cmdlet, needs }) => [cmdlet, needs]),
    [
      ['Set-Mailbox', []],
      ['Set-Mailbox', [1]],
      ['Disable-Mailbox', [2]],
      ['Enable-Mailbox', [3]],
    ],
  );
  carryOut(model, plan);
  assert.deepEqual(anna.mailbox?.['EmailAddresses'], ['SMTP:new@contoso.com']);
});

test('an order that cannot be understood is refused in the plan, and stops no other', () => {
  const model = organisation();
  model.addMailbox('anna', ['SMTP:anna@contoso.com']);
  const plan = planFor(model, [
    { change: 'Replaced' as 'Added', changes: { SamAccountName: 'anna' } },
    { target: 'Group' as 'Mailbox', changes: { SamAccountName: 'anna' } },
    { changes: { Office: 'x' } },
    { changes: { SamAccountName: '*' } },
    { changes: { SamAccountName: 'anna', DisplayName: { First: 'x' } } },
    { changes: { SamAccountName: 'anna', office: 'x', Office: 'y' } },
    { changes: { SamAccountName: 'anna', Office: 'x' } },
  ]);
  assert.deepEqual(kindsOf(plan), ['refused', 'refused', 'refused', 'refused', 'refused', 'refused', 'planned']);
  assert.match(refusalOf(plan, 1).reason, /Added, Modified and Deleted are known/);
  assert.match(refusalOf(plan, 4).reason, /\* and control characters/);
});

test('a batch beyond a threshold is planned and marked, for a person to look at', () => {
  const model = organisation();
  for (let at = 0; at < 4; at += 1) model.addMailbox(`user${at}`, [`SMTP:user${at}@contoso.com`]);
  const orders = [0, 1, 2, 3].map((at) => ({ change: 'Deleted', resource: { SamAccountName: `user${at}` } }) as const);
  const three = planFor(model, orders, { maximumDeletedLines: 3 });
  assert.deepEqual(
    three.exceeded.map(({ setting, limit, found }) => ({ setting, limit, found })),
    [{ setting: 'MaximumDeletedLines', limit: 3, found: 4 }],
  );
  assert.deepEqual(planFor(model, orders, { maximumDeletedLines: 4, maximumUpdatedLines: 1 }).exceeded, []);
  // Nothing to do does not count.
  const half = [...orders.slice(0, 3), { change: 'Deleted', resource: { SamAccountName: 'gone' } }] as const;
  assert.deepEqual(planFor(model, half, { maximumDeletedLines: 3 }).exceeded, []);
});

test('percentages are those of the mailboxes, from 200 mailboxes upward, counted no further than it takes', () => {
  for (const [mailboxes, orders, percent, exceeded] of [
    [199, 50, 5, false],
    [200, 11, 5, true],
    [200, 10, 5, false],
    [400, 20, 5, false],
    [400, 21, 5, true],
  ] as const) {
    const model = organisation();
    for (let at = 0; at < mailboxes; at += 1) model.addMailbox(`user${at}`, [`SMTP:user${at}@contoso.com`]);
    const batch = Array.from({ length: orders }, (_, at) => ({
      changes: { SamAccountName: `user${at}`, Office: 'x' },
    }));
    const plan = planFor(model, batch, { maxPercentageUpdatedLines: percent });
    assert.equal(plan.exceeded.length > 0, exceeded, `${orders} of ${mailboxes}`);
  }
});
