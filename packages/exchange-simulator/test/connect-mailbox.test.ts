/* Connect-Mailbox: what Disable-Mailbox leaves behind, and who can get it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestOrganization, openInProcessSession, type TestOrganization } from '../src/index.ts';
import { type Argument, only, type Outcome, run } from './in-process.ts';

type Call = (name: string, parameters?: Readonly<Record<string, Argument>>) => Promise<Outcome>;

/** `nora`, whose mailbox in DB01 was disabled; its GUID. */
async function withoutMailbox(): Promise<{ organization: TestOrganization; call: Call; mailbox: string }> {
  const organization = createTestOrganization({ mailboxes: 60, clock: 'virtual' });
  const call: Call = (name, parameters) => run(openInProcessSession(organization), name, parameters);
  for (const name of ['nora', 'otto'])
    organization.change({ kind: 'createRecipient', recipientClass: 'user', name, samAccountName: name });
  await call('Enable-Mailbox', { Identity: 'nora', Database: 'DB01' });
  const [mailbox] = only(await call('Get-Mailbox', { Identity: 'nora' }), 'ExchangeGuid');
  done(await call('Disable-Mailbox', { Identity: 'nora', Confirm: false }));
  return { organization, call, mailbox: String(mailbox) };
}

function done(outcome: Outcome): void {
  assert.deepEqual([outcome.errors, outcome.failure, outcome.warnings], [[], undefined, []]);
}

function refused(outcome: Outcome, reason: string, message: RegExp): void {
  assert.deepEqual(
    outcome.errors.map(([seen]) => seen),
    [reason],
  );
  assert.match(outcome.errors[0]?.[1] ?? '', message);
}

test('a mailbox that was disabled is connected again, with its ExchangeGuid and what the policy gives', async () => {
  const { call, mailbox } = await withoutMailbox();
  const connect = { Identity: mailbox, Database: 'DB01', User: 'nora', Alias: 'nora.b' };
  done(await call('Connect-Mailbox', { ...connect, WhatIf: true }));
  refused(await call('Get-Mailbox', { Identity: 'nora' }), 'ManagementObjectNotFoundException', /nora/);
  done(await call('Connect-Mailbox', connect));
  assert.deepEqual(
    only(
      await call('Get-Mailbox', { Identity: 'nora' }),
      ...['ExchangeGuid', 'Database', 'Alias', 'PrimarySmtpAddress', 'EmailAddressPolicyEnabled'],
    ),
    [mailbox, 'DB01', 'nora.b', 'nora.b@example.test', true],
  );
  refused(
    await call('Connect-Mailbox', { ...connect, User: 'otto' }),
    'RecipientTaskException',
    /is already connected to the user account "example\.test\/Staff\/nora"/,
  );
});

test('without -User it goes to the account of its name; the mailbox is found by its name, too', async () => {
  const { call, mailbox } = await withoutMailbox();
  done(await call('Connect-Mailbox', { Identity: 'nora', Database: 'DB01' }));
  assert.deepEqual(only(await call('Get-Mailbox', { Identity: 'nora' }), 'ExchangeGuid'), [mailbox]);
});

test('a mailbox is connected from its own database, while that is mounted and its retention lasts', async () => {
  const { call, mailbox, organization } = await withoutMailbox();
  const connect = { Identity: mailbox, Database: 'DB01', User: 'nora' };
  const missing = ['ManagementObjectNotFoundException', /doesn't exist on database/] as const;
  refused(await call('Connect-Mailbox', { ...connect, Database: 'DB02' }), ...missing);
  organization.change({ kind: 'dismountDatabase', database: 'DB01' });
  refused(await call('Connect-Mailbox', connect), 'MapiOperationException', /isn't mounted/);
  organization.change({ kind: 'mountDatabase', database: 'DB01' });
  organization.clock.advance(30 * 86_400_000);
  refused(await call('Connect-Mailbox', connect), ...missing);
});

test('the account has to be one without a mailbox, that fits the kind', async () => {
  const { call, mailbox, organization } = await withoutMailbox();
  const connect = { Identity: mailbox, Database: 'DB01', User: 'otto' };
  refused(
    await call('Connect-Mailbox', { ...connect, Shared: true }),
    'RecipientTaskException',
    /must be logon-disabled/,
  );
  await call('Enable-Mailbox', { Identity: 'otto', Database: 'DB02' });
  refused(await call('Connect-Mailbox', connect), 'RecipientTaskException', /is of type UserMailbox/);
  const nora = [...organization.truth().others()].find(({ samAccountName }) => samAccountName === 'nora');
  organization.change({ kind: 'setMailbox', mailbox: nora?.guid ?? '', properties: { accountDisabled: true } });
  refused(await call('Connect-Mailbox', { ...connect, User: 'nora' }), 'RecipientTaskException', /logon-enabled/);
  done(await call('Connect-Mailbox', { ...connect, User: 'nora', Shared: true }));
  assert.deepEqual(only(await call('Get-Mailbox', { Identity: 'nora' }), 'RecipientTypeDetails'), ['SharedMailbox']);
});

test('an archive that went with its mailbox, or by itself, is connected to its mailbox again', async () => {
  const { call, mailbox, organization } = await withoutMailbox();
  organization.change({ kind: 'createDatabase', name: 'Archives' });
  const archived = async (): Promise<readonly unknown[]> =>
    only(await call('Get-Mailbox', { Identity: 'nora' }), 'ArchiveGuid', 'ArchiveDatabase');
  done(await call('Connect-Mailbox', { Identity: mailbox, Database: 'DB01', User: 'nora' }));
  await call('Enable-Mailbox', { Identity: 'nora', Archive: true, ArchiveDatabase: 'Archives' });
  const before = await archived();
  const connect = { Identity: String(before[0]), Database: 'Archives', User: 'nora', Archive: true };
  done(await call('Disable-Mailbox', { Identity: 'nora', Archive: true, Confirm: false }));
  done(await call('Connect-Mailbox', connect));
  assert.deepEqual(await archived(), before);
  done(await call('Disable-Mailbox', { Identity: 'nora', Confirm: false }));
  refused(await call('Connect-Mailbox', connect), 'RecipientTaskException', /doesn't have a mailbox/);
  done(await call('Connect-Mailbox', { Identity: mailbox, Database: 'DB01', User: 'nora' }));
  const { Archive: _, ...asMailbox } = connect;
  refused(await call('Connect-Mailbox', asMailbox), 'ManagementObjectNotFoundException', /doesn't exist on database/);
  done(await call('Connect-Mailbox', connect));
  assert.deepEqual(await archived(), before);
  refused(await call('Connect-Mailbox', connect), 'ManagementObjectNotFoundException', /doesn't exist on database/);
});

test('an archive is connected to none but its own mailbox, unless that is asked for', async () => {
  const { call, mailbox } = await withoutMailbox();
  done(await call('Connect-Mailbox', { Identity: mailbox, Database: 'DB01', User: 'nora' }));
  await call('Enable-Mailbox', { Identity: 'otto', Database: 'DB01' });
  await call('Enable-Mailbox', { Identity: 'nora', Archive: true });
  const [guid] = only(await call('Get-Mailbox', { Identity: 'nora' }), 'ArchiveGuid');
  done(await call('Disable-Mailbox', { Identity: 'nora', Archive: true, Confirm: false }));
  const connect = { Identity: String(guid), Database: 'DB01', User: 'otto', Archive: true };
  refused(await call('Connect-Mailbox', connect), 'RecipientTaskException', /legacyExchangeDN/);
  done(await call('Connect-Mailbox', { ...connect, AllowLegacyDNMismatch: true }));
  assert.deepEqual(only(await call('Get-Mailbox', { Identity: 'otto' }), 'ArchiveGuid'), [guid]);
});
