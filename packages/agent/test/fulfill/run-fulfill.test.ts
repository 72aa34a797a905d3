import assert from 'node:assert/strict';
import { test } from 'node:test';
import { orderOf, Rehearsal, skip, visitingScript } from './fulfilment.ts';

test('each order is handed to the function once, in the order of files and lists, and gets one row', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(
    context,
    visitingScript(`
  Write-Host "at work on $($order.Changes.SamAccountName)"
  if ($order.AssignedResourceTypeId -eq '-2') { throw 'no such "user", sorry' }
  if ($order.AssignedResourceTypeId -eq '3') { Write-Error 'first'; Write-Error 'second' }
  if ($order.AssignedResourceTypeId -eq '4') { continue }
  'an object of the output'`),
  );
  rehearsal.put('b.json', orderOf('3'), orderOf('4', { ChangeType: 'Deleted' }));
  rehearsal.put('a.json', orderOf('1'), orderOf('-2'));
  rehearsal.put('c.json', orderOf('5'));
  const outcome = await rehearsal.run();
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(rehearsal.calls(), ['1', '-2', '3', '4', '5']);
  assert.deepEqual(rehearsal.rows(), [
    ['AssignmentId', 'ProvisioningState', 'Message', 'ChangeType', 'OwnerId', 'OwnerType'],
    ['1', 'Executed', '', 'Added', 'owner-1', 'Directory_User'],
    ['-2', 'Errored', 'no such "user", sorry', 'Added', 'owner--2', 'Directory_User'],
    ['3', 'Errored', 'first; second', 'Added', 'owner-3', 'Directory_User'],
    ['4', 'Executed', '', 'Deleted', 'owner-4', 'Directory_User'],
    ['5', 'Executed', '', 'Added', 'owner-5', 'Directory_User'],
  ]);
});

test('a script under strict mode, with errors that stop, is visited like any other', { skip }, async (context) => {
  const rehearsal = new Rehearsal(
    context,
    visitingScript("if ($order.AssignedResourceTypeId -eq '1') { Write-Error 'stops' ; 'not reached' }").replace(
      'function Fulfill-Test',
      "Set-StrictMode -Version Latest; $ErrorActionPreference = 'Stop'\nfunction Fulfill-Test",
    ),
  );
  rehearsal.put('a.json', orderOf('1'), { AssignedResourceTypeId: '2' }, orderOf('3'));
  assert.equal((await rehearsal.run()).exitCode, 5);
  assert.deepEqual(rehearsal.states(), [
    ['1', 'Errored', 'stops'],
    ['2', 'Executed', ''],
    ['3', 'Executed', ''],
  ]);
});

test('an order that names a protected mailbox by any of its addresses is errored, whatever else the order is', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript(''), {
    protectedMailboxes: ['ceo*@contoso.com'],
    protectedDatabases: ['Vault'],
  });
  const named = (id: string, changes: object, resource: object = {}, entity = 'MicrosoftExchange_Mailbox'): object => ({
    ...orderOf(id),
    AssignedResourceTypeId: id,
    Changes: changes,
    Resource: resource,
    ResourceType: { TargetEntityType: { Identifier: entity } },
  });
  rehearsal.put(
    'a.json',
    named('1', {
      SamAccountName: 'x',
      EmailAddresses: 'SMTP:x@contoso.com smtp:CEO.office@contoso.com X400:c=us;a= ;o=x',
    }),
    named('2', { DisplayName: 'y' }, { EmailAddresses: ['smtp:y@contoso.com', 'SMTP:ceo@contoso.com'] }),
    named('3', { SamAccountName: 'z' }, { ProxyAddress: 'smtp:ceo2@contoso.com' }),
    named('4', { Mail: 'ceo.3@contoso.com' }, {}, 'Custom_Person'),
    named('5', { Name: 'Vault' }, {}, 'Custom_Store'),
    named('6', { SamAccountName: 'w', EmailAddresses: 'SMTP:nceo@contoso.com.example' }),
    // Whom mail is sent on to is not touched.
    named('7', { SamAccountName: 'v', ForwardingSmtpAddress: 'smtp:ceo@contoso.com' }),
    named('8', { Name: 'Vault' }),
  );
  assert.equal((await rehearsal.run()).exitCode, 5);
  assert.deepEqual(rehearsal.calls(), ['6', '7', '8']);
  for (const [id = '', , message = ''] of rehearsal.rows().slice(1, 6)) {
    const what =
      id === '5'
        ? /the database is protected \(ProtectedDatabases: Vault\)/
        : /\(ProtectedMailboxes: ceo\*@contoso\.com\)/;
    assert.match(message, what, id);
  }
});

test('an order about a mailbox that the settings protect is errored, and never handed to the script', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript(''), { protectedMailboxes: ['sam-2', 'ceo*@contoso.com'] });
  rehearsal.put(
    'a.json',
    orderOf('1'),
    orderOf('2'),
    orderOf('3', {
      ChangeType: 'Deleted',
      Changes: {},
      Resource: { SamAccountName: 'x', PrimarySmtpAddress: 'CEO.office@contoso.com' },
    }),
  );
  assert.equal((await rehearsal.run()).exitCode, 5);
  assert.deepEqual(rehearsal.calls(), ['1']);
  assert.deepEqual(
    rehearsal
      .rows()
      .map(([id, state, message]) => [id, state, /^not-allowed: the mailbox is protected/.test(message ?? '')]),
    [
      ['AssignmentId', 'ProvisioningState', false],
      ['1', 'Executed', false],
      ['2', 'Errored', true],
      ['3', 'Errored', true],
    ],
  );
});
