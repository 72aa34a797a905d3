/* A database is removed only when nothing is left of it but itself: neither somebody in it nor a copy elsewhere. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openInProcessSession, type TestOrganization } from '@exchange-connector/exchange-simulator';
import { psBoolean, psString } from '@exchange-connector/psrp';
import { databaseOrder, NativeRehearsal } from './native-rehearsal.ts';

function rehearse(context: TestContext): NativeRehearsal {
  const place = new NativeRehearsal({}, { databaseCopies: 2 });
  context.after(() => place.dispose());
  return place;
}

/** An archive in a database that has nothing else. */
async function archiveIn(organization: TestOrganization, database: string): Promise<void> {
  const { guid } = organization.change({ kind: 'createMailbox', name: 'Keeper', database: 'DB01' });
  const session = openInProcessSession(organization);
  const parameters = [
    { name: 'Identity', value: psString(guid) },
    { name: 'Archive', value: psBoolean(true) },
    { name: 'ArchiveDatabase', value: psString(database) },
  ];
  for await (const event of session.invoke({ statements: [[{ name: 'Enable-Mailbox', parameters }]] }))
    assert.notEqual(event.kind, 'error');
  await session.close();
}

function databaseNamed(
  place: NativeRehearsal,
  name: string,
): { mounted: boolean; copies: readonly string[] } | undefined {
  return place.organization.truth().databases.find((each) => each.name === name);
}

test('removal is refused, listing what lives there, while anybody or a copy remains; then the same order goes through', async (context) => {
  const place = rehearse(context);
  const { organization } = place;
  const guests = {
    'Of mailbox': 'user',
    'Of arbitration': 'arbitration',
    'Of public folders': 'publicFolder',
    'Of audit': 'auditLog',
  } as const;
  for (const [database, mailboxKind] of Object.entries(guests)) {
    organization.change({ kind: 'createDatabase', name: database });
    organization.change({ kind: 'createMailbox', mailboxKind, name: `Guest ${database}`, database });
  }
  for (const name of ['Of archive', 'Of copies', 'Of nobody', 'Of both'])
    organization.change({ kind: 'createDatabase', name });
  await archiveIn(organization, 'Of archive');
  organization.change({ kind: 'createMailbox', name: 'Guest Of both', database: 'Of both' });
  for (const database of ['Of copies', 'Of both'])
    for (const server of ['EX02', 'EX03']) organization.change({ kind: 'addDatabaseCopy', database, server });
  const names = [...Object.keys(guests), 'Of archive', 'Of copies', 'Of both', 'Of nobody'];
  place.give(...names.map((Name) => databaseOrder(Name, 'Deleted', {}, { Name })));
  const ports = place.ports();
  assert.equal((await place.fulfill(ports, { release: true })).exitCode, 5);
  const told = new Map(place.rows().map(({ AssignmentId, Message }) => [AssignmentId, Message]));
  const refused = (name: string, words: string): void => {
    assert.equal(told.get(name), `conflict: the database ${name} is not removed: ${words}`);
    assert.equal(databaseNamed(place, name)?.mounted, true, name);
  };
  refused('Of mailbox', 'in it live mailboxes Guest Of mailbox');
  refused('Of arbitration', 'in it live arbitration mailboxes Guest Of arbitration');
  refused('Of public folders', 'in it live public-folder mailboxes Guest Of public folders');
  refused('Of audit', 'in it live audit-log mailboxes Guest Of audit');
  refused('Of archive', 'in it live archive mailboxes of Keeper');
  const first = (name: string): string =>
    `it has copies on EX01, EX02, EX03; remove those first (Remove-MailboxDatabaseCopy '${name}\\EX02'; Remove-MailboxDatabaseCopy '${name}\\EX03')`;
  refused('Of copies', first('Of copies'));
  refused('Of both', `in it live mailboxes Guest Of both; ${first('Of both')}`);
  assert.equal(databaseNamed(place, 'Of nobody'), undefined);
  assert.deepEqual(
    ports.sent.filter((name) => !name.startsWith('Get-') && name !== 'Set-ADServerSettings'),
    ['Dismount-Database', 'Remove-MailboxDatabase'],
  );
  for (const server of ['EX02', 'EX03'])
    organization.change({ kind: 'removeDatabaseCopy', database: 'Of copies', server });
  place.give(databaseOrder('again', 'Deleted', {}, { Name: 'Of copies' }));
  assert.equal((await place.fulfill()).kind, 'done', JSON.stringify(place.rows()));
  assert.equal(databaseNamed(place, 'Of copies'), undefined);
});

test('a copy that is made while the database is about to go keeps it, mounted as it was', async (context) => {
  const place = rehearse(context);
  place.organization.change({ kind: 'createDatabase', name: 'Fresh' });
  place.give(databaseOrder('1', 'Deleted', {}, { Name: 'Fresh' }));
  const copied = (_: number, cmdlet: string): void => {
    if (cmdlet === 'Dismount-Database')
      place.organization.change({ kind: 'addDatabaseCopy', database: 'Fresh', server: 'EX02' });
  };
  const ports = place.ports({ beforeWrite: copied });
  assert.equal((await place.fulfill(ports)).exitCode, 5);
  const [row] = place.rows();
  assert.match(
    row?.Message ?? '',
    /^conflict: .*it has copies on EX01, EX02.*what the order had done before was taken back$/,
  );
  assert.equal(ports.sent.includes('Remove-MailboxDatabase'), false);
  assert.deepEqual([databaseNamed(place, 'Fresh')?.mounted, databaseNamed(place, 'Fresh')?.copies], [true, ['EX02']]);
});

test('a database that a run made and that has got copies since is not taken back, nor dismounted', async (context) => {
  const place = rehearse(context);
  place.give(databaseOrder('1', 'Added', { Name: 'Fresh', Server: 'EX01' }));
  assert.equal((await place.fulfill()).kind, 'done', JSON.stringify(place.rows()));
  place.organization.change({ kind: 'addDatabaseCopy', database: 'Fresh', server: 'EX02' });
  const ports = place.ports();
  assert.equal((await place.undo('run-1', ports)).exitCode, 5);
  assert.match(
    place.rows()[0]?.Message ?? '',
    /^conflict: Fresh was changed since: ReplicationType is "?Remote"?; "?None"? is expected/,
  );
  assert.equal(ports.counts.writes, 0);
  assert.equal(databaseNamed(place, 'Fresh')?.mounted, true);
  place.organization.change({ kind: 'removeDatabaseCopy', database: 'Fresh', server: 'EX02' });
  assert.equal((await place.undo('run-1')).kind, 'done', JSON.stringify(place.rows()));
  assert.equal(databaseNamed(place, 'Fresh'), undefined);
});
