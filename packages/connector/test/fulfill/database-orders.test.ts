import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ModelOrganisation } from './model-organisation.ts';
import { callsOf, carryOut, decisionOf, kindsOf, type OrderText, planFor, refusalOf } from './planning.ts';

function organisation(): ModelOrganisation {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  model.addDatabase('DB2');
  return model;
}

function database(
  change: 'Added' | 'Modified' | 'Deleted',
  changes: Record<string, unknown>,
  resource: Record<string, unknown> = {},
): OrderText {
  return { target: 'Database', change, changes, resource };
}

test('a new database is created on its server, set up, and mounted with retries while the directory replicates', () => {
  const model = organisation();
  const order = database('Added', {
    Name: 'DB9',
    Server: 'MBX1',
    EdbFilePath: 'E:\\DB9\\DB9.edb',
    LogFolderPath: 'E:\\DB9',
    ProhibitSendReceiveQuota: '3 GB',
    DeletedItemRetention: 30,
  });
  const plan = planFor(model, [order]);
  assert.deepEqual(callsOf(plan), [
    {
      cmdlet: 'New-MailboxDatabase',
      parameters: { Name: 'DB9', Server: 'MBX1', EdbFilePath: 'E:\\DB9\\DB9.edb', LogFolderPath: 'E:\\DB9' },
    },
    {
      cmdlet: 'Set-MailboxDatabase',
      parameters: { Identity: 'DB9', ProhibitSendReceiveQuota: '3221225472', DeletedItemRetention: '30.00:00:00' },
    },
    { cmdlet: 'Mount-Database', parameters: { Identity: 'DB9' } },
  ]);
  assert.deepEqual(plan.steps[2]?.retry, { attempts: 10, waitMs: 6000, onAnyError: true });
  carryOut(model, plan);
  assert.deepEqual(kindsOf(planFor(model, [order])), ['nothingToDo']);
});

test('a new database that is not to be mounted is not', () => {
  const plan = planFor(organisation(), [database('Added', { Name: 'DB9', Server: 'MBX1', Mounted: 'false' })]);
  assert.deepEqual(
    plan.steps.map(({ cmdlet }) => cmdlet),
    ['New-MailboxDatabase'],
  );
});

test('a new database needs Name and Server, a good name, and a name that no other one has', () => {
  const wrong: readonly [Record<string, unknown>, string, RegExp][] = [
    [{ Name: 'DB9' }, 'invalid', /Server is empty/],
    [{ Name: 'a/b', Server: 'MBX1' }, 'invalid', /no name for a database/],
    [{ Name: 'x'.repeat(65), Server: 'MBX1' }, 'invalid', /at most 64/],
    [{ Name: 'db1', Server: 'MBX2' }, 'conflict', /with Server MBX1; the order asks for MBX2/],
    [{ Name: 'DB1', EdbFilePath: 'E:\\x.edb' }, 'conflict', /with EdbFilePath/],
    [{ Name: 'DB9', Server: 'MBX1', Mounted: 'perhaps' }, 'invalid', /Mounted/],
    [
      { Name: 'DB9', Server: 'MBX1', IssueWarningQuota: '2 GB', ProhibitSendQuota: '1 GB' },
      'invalid',
      /would be above/,
    ],
    [{ Name: 'DB9', Server: 'MBX1', IssueWarningQuota: '5 GB' }, 'invalid', /above ProhibitSendQuota "2GB"/],
    [{ Name: 'DB9', Server: 'MBX1', RecoverableItemsQuota: '9 GB' }, 'invalid', /RecoverableItemsWarningQuota "20GB"/],
  ];
  for (const [changes, refusalClass, reason] of wrong) {
    const plan = planFor(organisation(), [database('Added', changes)]);
    assert.equal(refusalOf(plan).class, refusalClass, JSON.stringify(changes));
    assert.match(refusalOf(plan).reason, reason);
  }
});

test('a new database that is there already is brought to what the order asks for', () => {
  const model = organisation();
  const [db1] = [...model.databases.values()];
  if (db1 !== undefined) db1.fields['Mounted'] = false;
  const plan = planFor(model, [
    database('Added', { Name: 'db1', Server: 'mbx1.contoso.com', MountAtStartup: 'False' }),
  ]);
  assert.deepEqual(
    callsOf(plan).map(({ cmdlet }) => cmdlet),
    ['Set-MailboxDatabase', 'Mount-Database'],
  );
  carryOut(model, plan);
});

test('a database is modified, renamed, mounted and dismounted; its place is not an order to change', () => {
  const model = organisation();
  const [db1] = [...model.databases.values()];
  const guid = db1?.guid ?? '';
  const rename = database('Modified', { Name: 'DB1-old', MailboxRetention: '60', Mounted: false }, { Name: 'DB1' });
  const plan = planFor(model, [rename]);
  assert.deepEqual(callsOf(plan), [
    { cmdlet: 'Set-MailboxDatabase', parameters: { Identity: guid, MailboxRetention: '60.00:00:00', Name: 'DB1-old' } },
    { cmdlet: 'Dismount-Database', parameters: { Identity: guid } },
  ]);
  carryOut(model, plan);
  assert.deepEqual(kindsOf(planFor(model, [rename])), ['nothingToDo']);
  const wrong = planFor(model, [
    database('Modified', { Server: 'MBX2' }, { Guid: guid }),
    database('Modified', { Name: 'DB2' }, { Guid: guid }),
    database('Modified', { CircularLoggingEnabled: true }, { Name: 'DB9' }),
    database('Modified', { WhenCreatedUTC: '2030-01-01T00:00:00Z' }, { Name: 'DB2' }),
  ]);
  assert.deepEqual(kindsOf(wrong), ['refused', 'refused', 'refused', 'nothingToDo']);
  assert.match(refusalOf(wrong, 1).reason, /Move-DatabasePath/);
  assert.match(refusalOf(wrong, 2).reason, /another database "DB2"/);
});

test('an empty database is dismounted and removed; a refusal of the server mounts it again', () => {
  const model = organisation();
  const plan = planFor(model, [database('Deleted', {}, { Name: 'DB2' }), database('Deleted', {}, { Name: 'DB9' })]);
  assert.deepEqual(kindsOf(plan), ['planned', 'nothingToDo']);
  assert.deepEqual(
    plan.steps.map(({ cmdlet, onFailure }) => [cmdlet, onFailure]),
    [
      ['Dismount-Database', 'leave'],
      ['Remove-MailboxDatabase', 'takeBack'],
    ],
  );
  carryOut(model, plan);
  assert.equal(model.databases.size, 1);
});

test('a database is not removed while anything lives in it, and what lives there is named', () => {
  const cases: readonly [string, (model: ModelOrganisation) => void][] = [
    ['mailboxes anna', (model) => void model.addMailbox('anna', ['SMTP:a@b.com'], {}, 'DB2')],
    [
      'archive mailboxes of anna',
      (model) => void model.addMailbox('anna', ['SMTP:a@b.com'], { ArchiveDatabase: 'DB2' }),
    ],
    [
      'arbitration mailboxes sys',
      (model) => void model.addMailbox('sys', ['SMTP:a@b.com'], { RecipientTypeDetails: 'ArbitrationMailbox' }, 'DB2'),
    ],
    [
      'public-folder mailboxes pf',
      (model) => void model.addMailbox('pf', ['SMTP:a@b.com'], { RecipientTypeDetails: 'PublicFolderMailbox' }, 'DB2'),
    ],
    [
      'audit-log mailboxes log',
      (model) => void model.addMailbox('log', ['SMTP:a@b.com'], { RecipientTypeDetails: 'AuditLogMailbox' }, 'DB2'),
    ],
    [
      'being moved into it',
      (model) => {
        const anna = model.addMailbox('anna', ['SMTP:a@b.com']);
        model.moves.set(anna.guid, { status: 'InProgress', source: 'DB1', target: 'DB2' });
      },
    ],
    [
      'copies on MBX1, MBX2',
      (model) => {
        for (const { fields } of model.databases.values())
          if (fields['Name'] === 'DB2') fields['Servers'] = ['MBX1', 'MBX2'];
      },
    ],
  ];
  for (const [words, settle] of cases) {
    const model = organisation();
    settle(model);
    const plan = planFor(model, [database('Deleted', {}, { Name: 'DB2' })]);
    assert.equal(refusalOf(plan).class, 'conflict');
    assert.ok(refusalOf(plan).reason.includes(words), refusalOf(plan).reason);
  }
});

test('many inhabitants are told by some of their names', () => {
  const model = organisation();
  for (let at = 0; at < 9; at += 1) model.addMailbox(`u${at}`, [`SMTP:u${at}@b.com`], {}, 'DB2');
  const plan = planFor(model, [database('Deleted', {}, { Name: 'DB2' })]);
  assert.match(refusalOf(plan).reason, /in it live mailboxes u0, u1, u2, u3, u4 and more/);
});

test('the monitoring mailboxes that every database has keep none from being removed', () => {
  const model = organisation();
  model.addMailbox('health', ['SMTP:h@b.com'], { RecipientTypeDetails: 'MonitoringMailbox' }, 'DB2');
  const plan = planFor(model, [database('Deleted', {}, { Name: 'DB2' })]);
  const decision = decisionOf(plan);
  assert.ok(decision.kind === 'planned' && decision.notes.some((note) => note.includes('health')));
  carryOut(model, plan);
});

test('orders of a batch wait for databases that it makes, and databases go after the mailboxes that leave them', () => {
  const model = organisation();
  model.movesEnd = true;
  model.addMailbox('anna', ['SMTP:anna@b.com'], {}, 'DB2');
  model.addMailbox('otto', ['SMTP:otto@b.com'], {}, 'DB2');
  const plan = planFor(
    model,
    [
      database('Deleted', {}, { Name: 'DB2' }),
      { changes: { SamAccountName: 'anna', Database: { Name: 'DB9' } } },
      { change: 'Deleted', resource: { SamAccountName: 'otto' } },
      database('Added', { Name: 'DB9', Server: 'MBX1' }),
    ],
    { waitForMove: true },
  );
  assert.deepEqual(kindsOf(plan), ['planned', 'planned', 'planned', 'planned']);
  const placeOf = (cmdlet: string): number => plan.steps.findIndex((step) => step.cmdlet === cmdlet);
  assert.ok(placeOf('Mount-Database') < placeOf('New-MoveRequest'));
  assert.ok(placeOf('New-MoveRequest') < placeOf('Remove-MailboxDatabase'));
  assert.ok(placeOf('Disable-Mailbox') < placeOf('Dismount-Database'));
  carryOut(model, plan);
});

test('a database whose mailboxes are only queued to leave, or that another order fills, is not removed', () => {
  const model = organisation();
  model.addMailbox('anna', ['SMTP:anna@b.com'], {}, 'DB2');
  const queued = planFor(model, [
    { changes: { SamAccountName: 'anna', Database: { Name: 'DB1' } } },
    database('Deleted', {}, { Name: 'DB2' }),
  ]);
  assert.deepEqual(kindsOf(queued), ['planned', 'refused']);
  const other = organisation();
  other.addAccount('new');
  const filled = planFor(other, [
    database('Deleted', {}, { Name: 'DB2' }),
    { change: 'Added', changes: { SamAccountName: 'new', Database: { Name: 'DB2' } } },
  ]);
  assert.match(refusalOf(filled, 1).reason, /order 2 of this batch puts a mailbox into it/);
});

test('an order for a database that is refused is refused with that reason', () => {
  const model = organisation();
  model.addAccount('new');
  const plan = planFor(model, [
    { change: 'Added', changes: { SamAccountName: 'new', Database: { Name: 'DB9' } } },
    database('Added', { Name: 'DB9' }),
  ]);
  assert.match(refusalOf(plan, 1).reason, /order 2 of this batch, which would make it, is refused/);
});

test('a database that is renamed in the batch is found by its old name and by its new one', () => {
  const model = organisation();
  model.addMailbox('anna', ['SMTP:anna@b.com']);
  model.addMailbox('otto', ['SMTP:otto@b.com']);
  const plan = planFor(model, [
    { changes: { SamAccountName: 'anna', Database: { Name: 'DB2' } } },
    database('Modified', { Name: 'DB7' }, { Name: 'DB2' }),
    { changes: { SamAccountName: 'otto', Database: { Name: 'DB7' } } },
  ]);
  assert.deepEqual(kindsOf(plan), ['planned', 'planned', 'planned']);
  carryOut(model, plan);
});

test('a protected database is neither changed nor removed nor made', () => {
  const model = organisation();
  const plan = planFor(
    model,
    [
      database('Modified', { CircularLoggingEnabled: true }, { Name: 'DB1' }),
      database('Deleted', {}, { Name: 'DB1' }),
      database('Added', { Name: 'DB1x', Server: 'MBX1' }),
    ],
    { protectedDatabases: ['db1*'] },
  );
  assert.deepEqual(kindsOf(plan), ['refused', 'refused', 'refused']);
  for (const at of [1, 2, 3]) assert.equal(refusalOf(plan, at).class, 'not-allowed');
});

test('a database that one order removes and another one wants is refused', () => {
  const plan = planFor(organisation(), [
    database('Deleted', {}, { Name: 'DB2' }),
    database('Modified', { CircularLoggingEnabled: true }, { Name: 'DB2' }),
  ]);
  assert.deepEqual(kindsOf(plan), ['refused', 'planned']);
  assert.match(refusalOf(plan, 1).reason, /send the two in different batches/);
});
