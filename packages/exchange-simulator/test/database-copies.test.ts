/* Copies of databases on the servers of an availability group: what tells of them, and what they keep from happening. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createTestOrganization, openInProcessSession, type TestOrganization } from '../src/index.ts';
import { type Argument, only, type Outcome, run } from './in-process.ts';

interface Place {
  readonly organization: TestOrganization;
  readonly call: (name: string, parameters?: Readonly<Record<string, Argument>>) => Promise<Outcome>;
}

function place(databaseCopies: number): Place {
  const organization = createTestOrganization({ mailboxes: 40, databases: 3, databaseCopies, clock: 'virtual' });
  const session = openInProcessSession(organization);
  return { organization, call: (name, parameters) => run(session, name, parameters) };
}

const told = [
  'ReplicationType',
  'DatabaseCopies',
  'AllDatabaseCopies',
  'Servers',
  'ActivationPreference',
  'MasterServerOrAvailabilityGroup',
  'MasterType',
] as const;

test('a database without copies is its server’s alone; one with copies belongs to the group of servers', async () => {
  const alone = await place(1).call('Get-MailboxDatabase', { Identity: 'DB02' });
  assert.deepEqual(only(alone, ...told), [
    'None',
    ['DB02\\EX02'],
    ['DB02\\EX02'],
    ['EX02'],
    ['[EX02, 1]'],
    'EX02',
    'Server',
  ]);
  const copied = await place(3).call('Get-MailboxDatabase', { Identity: 'DB02' });
  assert.deepEqual(only(copied, ...told), [
    'Remote',
    ['DB02\\EX02', 'DB02\\EX03', 'DB02\\EX01'],
    ['DB02\\EX02', 'DB02\\EX03', 'DB02\\EX01'],
    ['EX02', 'EX03', 'EX01'],
    ['[EX02, 1]', '[EX03, 2]', '[EX01, 3]'],
    'DAG01',
    'DatabaseAvailabilityGroup',
  ]);
  const names = async (server: string): Promise<unknown> =>
    (await place(2).call('Get-MailboxDatabase', { Server: server })).rows.map((row) => row('Name'));
  assert.deepEqual(
    [await names('EX01'), await names('EX02')],
    [
      ['DB01', 'DB03'],
      ['DB01', 'DB02'],
    ],
  );
});

test('the status of copies is told for one, for those of a database, of a server, and for all', async () => {
  const { call, organization } = place(2);
  const status = async (parameters: Readonly<Record<string, Argument>>): Promise<unknown> =>
    (await call('Get-MailboxDatabaseCopyStatus', parameters)).rows.map((row) => `${row('Name')} ${row('Status')}`);
  assert.deepEqual(await status({ Identity: 'DB01' }), ['DB01\\EX01 Mounted', 'DB01\\EX02 Healthy']);
  assert.deepEqual(await status({ Identity: 'DB01\\EX02' }), ['DB01\\EX02 Healthy']);
  assert.deepEqual(await status({ Server: 'EX01' }), ['DB01\\EX01 Mounted', 'DB03\\EX01 Healthy']);
  assert.deepEqual(await status({ Identity: '*', Active: true }), [
    'DB01\\EX01 Mounted',
    'DB02\\EX02 Mounted',
    'DB03\\EX03 Mounted',
  ]);
  assert.equal(((await status({})) as unknown[]).length, 6);
  organization.change({ kind: 'dismountDatabase', database: 'DB01' });
  assert.deepEqual(await status({ Identity: 'DB01' }), ['DB01\\EX01 Dismounted', 'DB01\\EX02 Healthy']);
  const passive = await call('Get-MailboxDatabaseCopyStatus', { Identity: 'DB01\\EX02' });
  assert.deepEqual(only(passive, 'DatabaseName', 'MailboxServer', 'ActiveDatabaseCopy', 'ActiveCopy'), [
    'DB01',
    'EX02',
    'ex01',
    false,
  ]);
  assert.deepEqual(
    (await call('Get-MailboxDatabaseCopyStatus', { Identity: 'DB99' })).errors.map(([reason]) => reason),
    ['ManagementObjectNotFoundException'],
  );
});

test('a database is removed only once its passive copies are, and the active copy is none of these', async () => {
  const { call, organization } = place(2);
  const { guid } = organization.change({ kind: 'createDatabase', name: 'Fresh' });
  const remove = (): Promise<Outcome> => call('Remove-MailboxDatabase', { Identity: 'Fresh', Confirm: false });
  const removeCopy = (name: string): Promise<Outcome> =>
    call('Remove-MailboxDatabaseCopy', { Identity: name, Confirm: false });
  assert.deepEqual((await call('Add-MailboxDatabaseCopy', { Identity: 'Fresh', MailboxServer: 'EX03' })).errors, []);
  assert.deepEqual(organization.truth().databases.find((each) => each.guid === guid)?.copies, ['EX03']);
  const refused = await remove();
  assert.equal(refused.failure, undefined);
  assert.equal(refused.errors[0]?.[0], 'InvalidOperationException');
  assert.match(refused.errors[0]?.[1] ?? '', /"Fresh" has multiple copies \(Fresh\\EX01, Fresh\\EX03\)/);
  assert.match((await removeCopy('Fresh\\EX01')).errors[0]?.[1] ?? '', /is the active copy/);
  assert.match((await removeCopy('Fresh\\EX02')).errors[0]?.[1] ?? '', /couldn't be found/);
  assert.match(
    (await call('Add-MailboxDatabaseCopy', { Identity: 'Fresh', MailboxServer: 'EX03' })).errors[0]?.[1] ?? '',
    /already exists/,
  );
  assert.deepEqual((await removeCopy('Fresh\\EX03')).errors, []);
  assert.deepEqual((await remove()).errors, []);
  assert.equal(
    organization.truth().databases.some((each) => each.guid === guid),
    false,
  );
});

test('circular logging stands in the way of the first copy, and of the removal of the last', async () => {
  const { call, organization } = place(2);
  const logging = (circularLoggingEnabled: boolean): void =>
    void organization.change({ kind: 'setDatabase', database: 'DB01', settings: { circularLoggingEnabled } });
  logging(true);
  const remove = (): Promise<Outcome> => call('Remove-MailboxDatabaseCopy', { Identity: 'DB01\\EX02', Confirm: false });
  assert.match((await remove()).errors[0]?.[1] ?? '', /circular logging/);
  logging(false);
  assert.deepEqual((await remove()).errors, []);
  logging(true);
  const add = await call('Add-MailboxDatabaseCopy', { Identity: 'DB01', MailboxServer: 'EX02' });
  assert.match(add.errors[0]?.[1] ?? '', /circular logging/);
});

test('copies need a group of servers; an administrator’s change of them is refused where it makes no sense', async () => {
  const { call, organization } = place(1);
  const add = await call('Add-MailboxDatabaseCopy', { Identity: 'DB01', MailboxServer: 'EX02' });
  assert.match(add.errors[0]?.[1] ?? '', /isn't a member of a database availability group/);
  const copy = (kind: 'addDatabaseCopy' | 'removeDatabaseCopy', server: string, of = organization): void =>
    void of.change({ kind, database: 'DB01', server });
  assert.throws(() => copy('addDatabaseCopy', 'EX02'), /there is no availability group/);
  const copied = place(2).organization;
  assert.throws(() => copy('removeDatabaseCopy', 'EX03', copied), /has no passive copy on EX03/);
  copy('addDatabaseCopy', 'EX03', copied);
  copy('removeDatabaseCopy', 'EX02', copied);
  assert.deepEqual(copied.truth().databases[0]?.copies, ['EX03']);
  assert.throws(() => createTestOrganization({ databaseCopies: 4 }), /databaseCopies is 4/);
});
