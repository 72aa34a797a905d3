import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { FulfillOutcome } from '@exchange-connector/agent';
import { databaseOrder, mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';
import { accounts, people } from './random-batch.ts';

function rehearse(context: TestContext, ...how: ConstructorParameters<typeof NativeRehearsal>): NativeRehearsal {
  const place = new NativeRehearsal(...how);
  context.after(() => place.dispose());
  return place;
}

const oneDayMs = 86_400_000;

/** One order of each row of the table, and one that cannot be. */
function batchOf(place: NativeRehearsal): object[] {
  const [a, b, c, d] = people(place);
  const [account] = accounts(place);
  const other = place.organization.databases.map(({ name }) => name).find((name) => name !== c?.database);
  return [
    mailboxOrder('1', 'Added', {
      SamAccountName: account,
      PrimarySmtpAddress: 'new.one@example.test',
      Database: { Name: a?.database },
    }),
    mailboxOrder('2', 'Modified', { DisplayName: 'Victor B.' }, { SamAccountName: a?.sam }),
    mailboxOrder('3', 'Modified', { PrimarySmtpAddress: 'fresh.primary@example.test' }, { SamAccountName: b?.sam }),
    mailboxOrder('4', 'Modified', { Database: { Name: other } }, { SamAccountName: c?.sam }),
    mailboxOrder('5', 'Modified', { DisplayName: 'Nobody' }, { SamAccountName: 'no.such.account' }),
    databaseOrder('6', 'Added', { Name: 'DB-New', Server: place.organization.databases[0]?.server }),
    mailboxOrder('7', 'Modified', { EmailAddresses: d?.addresses.join(' ') }, { SamAccountName: d?.sam }),
  ];
}

const expected = ['1 Executed', '2 Executed', '3 Executed', '4 Executed', '5 Errored', '6 Executed', '7 Executed'];

function ofSam(place: NativeRehearsal, sam: string | undefined): Readonly<Record<string, unknown>> | undefined {
  return [...place.organization.truth().mailboxes()].find(({ properties }) => properties['SamAccountName'] === sam)
    ?.properties;
}

function failureOf(outcome: FulfillOutcome): string {
  return outcome.kind === 'failed' ? `${outcome.exitCode} ${outcome.failure.code}` : outcome.kind;
}

test('orders are planned and carried out, and the results, the audit and the directory agree', async (context) => {
  const place = rehearse(context);
  const [a, b, c] = people(place);
  const [account] = accounts(place);
  place.give(...batchOf(place));
  const outcome = await place.fulfill();
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(place.states(), expected);
  const message = new Map(place.rows().map((row) => [row.AssignmentId, row.Message]));
  assert.match(message.get('5') ?? '', /^not-found: .*no\.such\.account/);
  assert.match(message.get('7') ?? '', /^nothing was to be done/);
  assert.equal(ofSam(place, account)?.['PrimarySmtpAddress'], 'new.one@example.test');
  assert.equal(ofSam(place, a?.sam)?.['DisplayName'], 'Victor B.');
  assert.equal(ofSam(place, b?.sam)?.['PrimarySmtpAddress'], 'fresh.primary@example.test');
  const changes = place.audit('run-1');
  assert.deepEqual([...new Set(changes.map(({ orderId, cmdlet }) => `${orderId} ${cmdlet}`))].toSorted(), [
    '1 Enable-Mailbox',
    '2 Set-Mailbox',
    '3 Set-Mailbox',
    '4 New-MoveRequest',
    '6 Mount-Database',
    '6 New-MailboxDatabase',
  ]);
  for (const { domainController, connection, run } of changes)
    assert.deepEqual([domainController, connection, run], ['dc01.example.test', 'Main', 'run-1']);
  const renamed = changes.find(({ orderId }) => orderId === '2');
  assert.deepEqual([renamed?.field, renamed?.after], ['DisplayName', 'Victor B.']);
  assert.equal(place.verdict().kind, 'intact');
  place.organization.clock.advance(oneDayMs);
  assert.notEqual(ofSam(place, c?.sam)?.['Database'], c?.database);
});

test('what a run leaves lies in its folder, readable for the account and its group alone', {
  skip: process.platform === 'win32' && 'file modes are of POSIX',
}, async (context) => {
  const place = rehearse(context);
  place.give(...batchOf(place));
  await place.fulfill();
  const folder = join(place.folders.work, 'Fulfill', 'run-1');
  assert.deepEqual(readdirSync(folder).toSorted(), ['audit.jsonl', 'journal.jsonl', 'plan-1.json']);
  assert.equal(statSync(folder).mode & 0o777, 0o750);
  for (const name of readdirSync(folder)) assert.equal(statSync(join(folder, name)).mode & 0o777, 0o640, name);
});

test('the same orders again find everything done, and change nothing', async (context) => {
  const place = rehearse(context);
  place.give(...batchOf(place));
  await place.fulfill();
  place.organization.clock.advance(oneDayMs);
  const before = place.state();
  const ports = place.ports();
  await place.fulfill(ports);
  assert.deepEqual(place.states(), expected);
  assert.equal(ports.counts.writes, 0);
  assert.deepEqual(place.audit('run-2'), []);
  assert.deepEqual(place.state(), before);
});

test('a plan says what would be done, sends nothing that could change anything, and changes nothing', async (context) => {
  const place = rehearse(context);
  const before = place.state();
  place.give(...batchOf(place));
  const planFile = join(place.folder, 'plan.json');
  const ports = place.ports();
  const outcome = await place.plan(ports, { planFile });
  assert.equal(outcome.kind === 'done' && outcome.exitCode, 5);
  assert.deepEqual(place.state(), before);
  assert.deepEqual(
    [...new Set(ports.sent)].filter((name) => !/^(Get-|Set-ADServerSettings$)/.test(name)),
    [],
  );
  assert.equal(
    existsSync(join(place.folders.work, 'Fulfill')) && readdirSync(join(place.folders.work, 'Fulfill')).length > 0,
    false,
  );
  const text = outcome.kind === 'done' ? outcome.summary.text : '';
  for (const said of [
    /DisplayName: ".*" → "Victor B\."/,
    /New-MoveRequest -Identity/,
    /refused \(not-found\)/,
    /nothing to do/,
  ])
    assert.match(text, said);
});

test('with -WhatIf the server is asked about each step, and changes nothing', async (context) => {
  const place = rehearse(context);
  const before = place.state();
  place.give(...batchOf(place));
  const ports = place.ports();
  const outcome = await place.plan(ports, { whatIf: true });
  assert.equal(outcome.kind, 'done');
  assert.ok(ports.counts.writes >= 5, `${ports.counts.writes} steps were sent`);
  assert.deepEqual(place.state(), before);
});

test('a plan that is applied is carried out as it is, and an order whose object moved since is refused', async (context) => {
  const place = rehearse(context);
  const [a] = people(place);
  place.give(...batchOf(place));
  const planFile = join(place.folder, 'plan.json');
  await place.plan(place.ports(), { planFile });
  const guid = [...place.organization.truth().mailboxes()].find(
    ({ properties }) => properties['SamAccountName'] === a?.sam,
  )?.guid;
  place.organization.change({
    kind: 'setMailbox',
    mailbox: guid ?? '',
    properties: { displayName: 'Moved meanwhile' },
  });
  place.give();
  const outcome = await place.apply(planFile);
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(
    place.states(),
    expected.map((state) => (state === '2 Executed' ? '2 Errored' : state)),
  );
  assert.match(
    place.rows()[1]?.Message ?? '',
    /^conflict: its object moved since the plan was made: DisplayName was .*, is "Moved meanwhile"/,
  );
  assert.equal(ofSam(place, a?.sam)?.['DisplayName'], 'Moved meanwhile');
  // Once more: nothing is as it was when the plan was made.
  await place.apply(planFile);
  assert.deepEqual(
    new Set(
      place
        .rows()
        .slice(0, 4)
        .map(({ ProvisioningState }) => ProvisioningState),
    ),
    new Set(['Errored']),
  );
});

test('a plan file that was changed, is of another connection, or is none, is refused before anything is contacted', async (context) => {
  const place = rehearse(context);
  place.give(...batchOf(place));
  const planFile = join(place.folder, 'plan.json');
  await place.plan(place.ports(), { planFile });
  const text = readFileSync(planFile, 'utf8');
  for (const [wrong, said] of [
    [text.replace('Victor B.', 'Victor C.'), /it was changed after it was made/],
    [text.replace('"version": 1', '"version": 2'), /it is of version 2/],
    ['{}', /it is no plan of fulfilment/],
    ['null', /it is no plan of fulfilment/],
    ['[', /it is no JSON/],
  ] as const) {
    writeFileSync(planFile, wrong);
    const ports = place.ports();
    const outcome = await place.apply(planFile, ports);
    assert.equal(failureOf(outcome), '2 RUN_PLAN_UNUSABLE');
    assert.match(outcome.kind === 'failed' ? outcome.failure.message : '', said);
    assert.deepEqual(ports.sent, []);
  }
});

test('what is no file is refused as a plan, not read without end', async (context) => {
  const place = rehearse(context);
  for (const path of ['/dev/zero', place.folder]) {
    const outcome = await place.apply(path);
    assert.equal(failureOf(outcome), '2 RUN_PLAN_UNUSABLE');
    assert.match(outcome.kind === 'failed' ? outcome.failure.message : '', /it is no file|it is not there/);
  }
});

test('a password that an order holds for somebody else is ignored, said, and kept nowhere', async (context) => {
  const place = rehearse(context);
  const [a] = people(place);
  const changes = { DisplayName: 'X', Password: 'topsecret', unicodePwd: { Name: 'topsecret' } };
  place.give(mailboxOrder('1', 'Modified', changes, { SamAccountName: a?.sam, InitialPassword: 'topsecret' }));
  const planFile = join(place.folder, 'plan.json');
  await place.plan(place.ports(), { planFile });
  assert.equal((await place.fulfill()).kind, 'done');
  assert.match(place.rows()[0]?.Message ?? '', /Password is no field that orders write: it is ignored/);
  const run = join(place.folders.work, 'Fulfill', 'run-2');
  const files = [planFile, place.results, ...readdirSync(run).map((name) => join(run, name))];
  assert.ok(files.length >= 5);
  for (const file of files) assert.ok(!readFileSync(file, 'utf8').includes('topsecret'), file);
});

test('undo takes a run back, and an undo is taken back in turn', async (context) => {
  const place = rehearse(context);
  const before = place.state();
  place.give(...batchOf(place));
  await place.fulfill();
  place.organization.clock.advance(oneDayMs);
  const done = place.state();
  const planned = await place.undoPlan('run-1');
  assert.equal(planned.kind === 'done' && planned.exitCode, 0);
  assert.deepEqual(place.state(), done);
  const undone = await place.undo('run-1');
  place.organization.clock.advance(oneDayMs);
  assert.equal(undone.kind, 'done', JSON.stringify(place.rows()));
  assert.deepEqual(place.states(), ['6 Executed', '4 Executed', '3 Executed', '2 Executed', '1 Executed']);
  assert.deepEqual(place.state(), before);
  const redone = await place.undo('run-3');
  place.organization.clock.advance(oneDayMs);
  assert.equal(redone.kind, 'done', JSON.stringify([redone, place.rows()]));
  assert.deepEqual(place.state(), done);
  assert.equal(place.verdict().kind, 'intact');
});

test('undo of one order takes back that one alone; what another hand changed since is not overwritten', async (context) => {
  const place = rehearse(context);
  const [a, b] = people(place);
  place.give(...batchOf(place));
  await place.fulfill();
  await place.undo('run-1', place.ports(), { order: '2' });
  assert.deepEqual(place.states(), ['2 Executed']);
  assert.notEqual(ofSam(place, a?.sam)?.['DisplayName'], 'Victor B.');
  const guid = [...place.organization.truth().mailboxes()].find(
    ({ properties }) => properties['SamAccountName'] === b?.sam,
  )?.guid;
  const emailAddresses = ['SMTP:another.hand@example.test'];
  place.organization.change({ kind: 'setMailbox', mailbox: guid ?? '', properties: { emailAddresses } });
  await place.undo('run-1', place.ports(), { order: '3' });
  assert.deepEqual(place.states(), ['3 Errored']);
  assert.match(place.rows()[0]?.Message ?? '', /^conflict: .* was changed since: EmailAddresses/);
  assert.equal(ofSam(place, b?.sam)?.['PrimarySmtpAddress'], 'another.hand@example.test');
  for (const [run, order] of [
    ['run-1', '99'],
    ['run-1', '5'],
    ['no-such-run', undefined],
    ['../run-1', undefined],
    ['r'.repeat(5_000), undefined],
  ] as const)
    assert.equal(failureOf(await place.undo(run, place.ports(), { order })), '2 RUN_NOT_UNDOABLE', `${run} ${order}`);
});

test('a batch beyond a threshold is stopped before anything is changed, until it is released', async (context) => {
  const place = rehearse(context, { maximumUpdatedLines: 2 });
  const before = place.state();
  const orders = people(place)
    .slice(0, 3)
    .map(({ sam }, at) => mailboxOrder(String(at + 1), 'Modified', { DisplayName: `N${at}` }, { SamAccountName: sam }));
  place.give(...orders);
  const stopped = await place.fulfill();
  assert.equal(failureOf(stopped), '4 RUN_THRESHOLD_EXCEEDED');
  assert.deepEqual(place.state(), before);
  assert.match(place.rows()[0]?.Message ?? '', /^not-allowed: not carried out: .*MaximumUpdatedLines/);
  const planned = await place.plan();
  assert.equal(planned.kind === 'done' && planned.exitCode, 4);
  assert.equal((await place.fulfill(place.ports(), { release: true })).kind, 'done');
  assert.deepEqual(place.states(), ['1 Executed', '2 Executed', '3 Executed']);
});

test('protected mailboxes and databases are left alone, and the other orders go on', async (context) => {
  const [a, b] = people(rehearse(context));
  const place = rehearse(context, { protectedMailboxes: [a?.sam ?? ''], protectedDatabases: ['DB0*'] });
  place.give(
    mailboxOrder('1', 'Modified', { DisplayName: 'X' }, { SamAccountName: a?.sam }),
    mailboxOrder('2', 'Modified', { DisplayName: 'Y' }, { SamAccountName: b?.sam }),
    databaseOrder('3', 'Modified', { Mounted: false }, { Name: place.organization.databases[0]?.name }),
  );
  const outcome = await place.fulfill();
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(place.states(), ['1 Errored', '2 Executed', '3 Errored']);
  assert.match(place.rows()[0]?.Message ?? '', /^not-allowed: .*ProtectedMailboxes/);
});

test('an error that passes is tried again; one that does not errors its order alone', async (context) => {
  const place = rehearse(context);
  const orders = people(place)
    .slice(0, 3)
    .map(({ sam }, at) => mailboxOrder(String(at + 1), 'Modified', { DisplayName: `N${at}` }, { SamAccountName: sam }));
  place.give(...orders);
  const faults = new Map([
    [1, 'transientBefore'],
    [2, 'transientBefore'],
    [4, 'refused'],
    [5, 'transientAfter'],
  ] as const);
  const ports = place.ports({ faults });
  await place.fulfill(ports);
  assert.deepEqual(place.states(), ['1 Executed', '2 Errored', '3 Executed']);
  assert.match(
    place.rows()[1]?.Message ?? '',
    /^invalid: rehearsed: the task is refused \[.*FailureCategory=Cmdlet-RecipientTaskException/,
  );
  // Three tries of the first, one of the second, one of the third, which was done although an error was reported.
  assert.equal(ports.counts.writes, 5);
});

test('a server that stays busy is given up after a stated number of tries', async (context) => {
  const place = rehearse(context);
  const [a] = people(place);
  place.give(mailboxOrder('1', 'Modified', { DisplayName: 'X' }, { SamAccountName: a?.sam }));
  const faults = new Map(Array.from({ length: 20 }, (_, at) => [at + 1, 'transientBefore' as const]));
  const ports = place.ports({ faults });
  await place.fulfill(ports);
  assert.deepEqual(place.states(), ['1 Errored']);
  assert.match(place.rows()[0]?.Message ?? '', /^transient: rehearsed: the directory is busy/);
  assert.equal(ports.counts.writes, 5);
});

test('after a lost session the object is read, and no cmdlet is repeated on faith', async (context) => {
  for (const fault of ['lostBefore', 'lostAfter'] as const) {
    const place = rehearse(context);
    const [a] = people(place);
    place.give(mailboxOrder('1', 'Modified', { DisplayName: 'X' }, { SamAccountName: a?.sam }));
    const ports = place.ports({ faults: new Map([[1, fault]]) });
    const outcome = await place.fulfill(ports);
    assert.equal(outcome.kind, 'done');
    assert.equal(ports.counts.writes, fault === 'lostAfter' ? 1 : 2);
    assert.equal(place.audit('run-1').length, 1);
    assert.equal(ofSam(place, a?.sam)?.['DisplayName'], 'X');
  }
});

test('an object that another hand changes while the batch is carried out is planned anew', async (context) => {
  const place = rehearse(context);
  const [a, b] = people(place);
  const guid = [...place.organization.truth().mailboxes()].find(
    ({ properties }) => properties['SamAccountName'] === b?.sam,
  )?.guid;
  place.give(
    mailboxOrder('1', 'Modified', { DisplayName: 'X' }, { SamAccountName: a?.sam }),
    mailboxOrder('2', 'Modified', { PrimarySmtpAddress: 'second@example.test' }, { SamAccountName: b?.sam }),
  );
  const emailAddresses = ['SMTP:another.hand@example.test'];
  const beforeWrite = (count: number): void => {
    if (count === 1)
      place.organization.change({ kind: 'setMailbox', mailbox: guid ?? '', properties: { emailAddresses } });
  };
  await place.fulfill(place.ports({ beforeWrite }));
  assert.deepEqual(place.states(), ['1 Executed', '2 Executed']);
  assert.deepEqual(ofSam(place, b?.sam)?.['EmailAddresses'], [
    'SMTP:second@example.test',
    'smtp:another.hand@example.test',
  ]);
});

test('a cancelled run ends the order that it is at, and says of the others that they were not carried out', async (context) => {
  const place = rehearse(context);
  const orders = people(place)
    .slice(0, 4)
    .map(({ sam }, at) => mailboxOrder(String(at + 1), 'Modified', { DisplayName: `N${at}` }, { SamAccountName: sam }));
  place.give(...orders);
  const cancel = new AbortController();
  const beforeWrite = (count: number): void => {
    if (count === 2) cancel.abort(new DOMException('cancelled', 'AbortError'));
  };
  const outcome = await place.fulfill(place.ports({ beforeWrite }), { signal: cancel.signal });
  assert.equal(outcome.kind, 'cancelled');
  assert.deepEqual(place.states(), ['1 Executed', '2 Executed', '3 Errored', '4 Errored']);
  assert.match(place.rows()[2]?.Message ?? '', /^transient: not carried out/);
  // It ended: the same orders are new ones.
  assert.equal((await place.fulfill()).kind, 'done');
});

test('orders that cannot be read are set aside with the reason, and the rest goes on', async (context) => {
  const place = rehearse(context);
  const [a] = people(place);
  place.give(mailboxOrder('1', 'Modified', { DisplayName: 'X' }, { SamAccountName: a?.sam }));
  writeFileSync(join(place.orders, 'broken.json'), '{ "ProvisioningOrdersList": [');
  const outcome = await place.fulfill();
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(outcome.kind === 'partial' && outcome.summary.setAside.map(({ file }) => file), ['broken.json']);
  assert.deepEqual(place.states(), ['1 Executed']);
});

test('where the session cannot be opened nothing is done, and no results are written', async (context) => {
  const place = rehearse(context);
  place.give(...batchOf(place));
  const ports = { ...place.ports(), open: () => Promise.reject(new Error('rehearsed: no way to the server')) };
  const outcome = await place.fulfill(ports);
  assert.equal(outcome.kind, 'failed');
  assert.equal(existsSync(place.results), false);
  assert.equal(existsSync(join(place.folders.work, 'Fulfill', 'run-1')), false);
});

test('two runs of one connection do not work at once', async (context) => {
  const place = rehearse(context);
  const [a] = people(place);
  place.give(mailboxOrder('1', 'Modified', { DisplayName: 'X' }, { SamAccountName: a?.sam }));
  let second: Promise<FulfillOutcome> | undefined;
  const beforeWrite = (): void => {
    second ??= place.fulfill();
  };
  assert.equal((await place.fulfill(place.ports({ beforeWrite }))).kind, 'done');
  assert.equal(failureOf((await second) as FulfillOutcome), '4 RUN_LOCKED');
});

test('a database that is to go, to come and to go again in one batch: what is refused leaves the rest as it is', async (context) => {
  const place = rehearse(context);
  const before = place.state();
  place.give(
    databaseOrder('1', 'Deleted', {}, { Name: 'DB-New' }),
    databaseOrder('2', 'Added', { Name: 'DB-New', Server: place.organization.databases[0]?.server }),
    databaseOrder('3', 'Deleted', {}, { Name: 'DB-New' }),
  );
  await place.fulfill();
  assert.deepEqual(place.states(), ['1 Errored', '2 Executed', '3 Executed']);
  assert.deepEqual(place.state(), before);
});

test('a move that is waited for is followed to its end', async (context) => {
  const place = rehearse(context, { waitForMove: true });
  const [a] = people(place);
  const other = place.organization.databases.map(({ name }) => name).find((name) => name !== a?.database);
  place.give(mailboxOrder('1', 'Modified', { Database: { Name: other } }, { SamAccountName: a?.sam }));
  const ports = place.ports();
  assert.equal((await place.fulfill(ports)).kind, 'done', JSON.stringify(place.rows()));
  assert.ok(ports.counts.waits > 0);
  assert.equal(ofSam(place, a?.sam)?.['Database'], other);
  assert.deepEqual(
    place.audit('run-1').map(({ field, before, after }) => [field, before, after]),
    [['Database', a?.database, other]],
  );
});

test('an order that the server refuses stops no later one about the same object', async (context) => {
  const place = rehearse(context);
  const [a] = people(place);
  const order = (id: string, changes: object): object =>
    mailboxOrder(id, 'Modified', changes, { SamAccountName: a?.sam });
  const tooLong = 'x'.repeat(300);
  place.give(
    ...['1', '2', '3', '4', '5', '6'].map((id) => order(id, { DisplayName: `${tooLong}${id}` })),
    order('7', { DisplayName: 'Victor B.', Office: '\ud800' }),
    order('8', { DisplayName: 'Victor B.' }),
    mailboxOrder('9', 'Deleted', {}, { SamAccountName: a?.sam }),
  );
  await place.fulfill();
  assert.deepEqual(
    place.states(),
    ['1', '2', '3', '4', '5', '6', '7', '8', '9'].map((id) => `${id} ${id < '8' ? 'Errored' : 'Executed'}`),
  );
  assert.match(place.rows()[5]?.Message ?? '', /DisplayName" is too long/);
  assert.match(place.rows()[6]?.Message ?? '', /^invalid: Office .*half of a surrogate pair/);
  assert.equal(ofSam(place, a?.sam), undefined);
});

test('what an account may not read is refused, never taken for what is not there', async (context) => {
  for (const without of [
    'Get-User',
    'Get-Mailbox',
    'Get-Recipient',
    'Get-MailboxDatabase',
    'Get-MailboxDatabase:Status',
  ]) {
    const place = rehearse(context, {}, {}, { without: [without] });
    const before = place.state();
    const [a, b] = people(place);
    const [account] = accounts(place);
    const isDatabase = without.startsWith('Get-MailboxDatabase');
    place.give(
      ...(isDatabase
        ? [databaseOrder('1', 'Deleted', {}, { Name: place.organization.databases[0]?.name })]
        : without === 'Get-Recipient'
          ? [mailboxOrder('1', 'Modified', { PrimarySmtpAddress: 'free@example.test' }, { SamAccountName: a?.sam })]
          : [mailboxOrder('1', 'Deleted', {}, { SamAccountName: a?.sam })]),
      mailboxOrder('2', 'Added', {
        SamAccountName: account,
        PrimarySmtpAddress: b?.primary,
        Database: { Name: 'DB01' },
      }),
    );
    await place.fulfill();
    assert.deepEqual(place.states(), ['1 Errored', '2 Errored'], without);
    assert.match(
      place.rows()[0]?.Message ?? '',
      new RegExp(`^not-allowed: the account may not use .*${without.split(':')[0]}`),
    );
    assert.deepEqual(place.state(), before);
  }
});

test('an account that is not seen because its domain is not in view is not taken for one that is gone', async (context) => {
  const place = rehearse(context, {}, {}, { without: ['Set-ADServerSettings'] });
  const before = place.state();
  const [, emea] = place.organization.domains;
  const far = [...place.organization.truth().mailboxes()].find(
    ({ domain, properties }) => domain === emea && properties['RecipientTypeDetails'] === 'UserMailbox',
  );
  const key = { SamAccountName: far?.properties['SamAccountName'] };
  place.give(mailboxOrder('1', 'Deleted', {}, key), mailboxOrder('2', 'Modified', { Office: 'Paris' }, key));
  const outcome = await place.fulfill();
  const warnings = outcome.kind === 'partial' ? outcome.summary.warnings.join('\n') : '';
  assert.match(warnings, /only one domain is in view.* are not found by orders, and an address that is in use there/);
  assert.doesNotMatch(warnings, /export/);
  assert.deepEqual(place.states(), ['1 Errored', '2 Errored']);
  for (const { Message } of place.rows()) assert.match(Message, /^not-allowed: .*no other domain is in view/);
  assert.deepEqual(place.state(), before);
});

test('the kind of a new mailbox is said by its order, else by the settings; linked ones know their master account', async (context) => {
  const options = [
    { name: 'RecipientTypeDetails', value: 'SharedMailbox' },
    { name: 'LinkedDomainController', value: 'dc.partner.example' },
  ];
  const place = rehearse(context, { fulfillOptions: options });
  for (const sam of ['desk', 'linked', 'nora']) {
    const { guid } = place.organization.change({
      kind: 'createRecipient',
      recipientClass: 'user',
      samAccountName: sam,
    });
    const properties = { accountDisabled: sam !== 'nora' };
    place.organization.change({ kind: 'setMailbox', mailbox: guid, properties });
  }
  const Database = { Name: place.organization.databases[0]?.name };
  place.give(
    mailboxOrder('1', 'Added', { SamAccountName: 'desk', Database }),
    mailboxOrder('2', 'Added', { SamAccountName: 'linked', Database, LinkedMasterAccount: 'PARTNER\\otto' }),
    mailboxOrder('3', 'Added', {
      SamAccountName: 'nora',
      Database,
      IsShared: false,
      RecipientTypeDetails: 'UserMailbox',
    }),
  );
  await place.fulfill();
  assert.deepEqual(place.states(), ['1 Executed', '2 Executed', '3 Executed'], JSON.stringify(place.rows()));
  assert.deepEqual(
    ['desk', 'linked', 'nora'].map((sam) => ofSam(place, sam)?.['RecipientTypeDetails']),
    ['SharedMailbox', 'LinkedMailbox', 'UserMailbox'],
  );
  assert.equal((await place.undo('run-1')).kind, 'done');
  assert.equal(ofSam(place, 'linked'), undefined);
});

test('a run whose time is up says that what was done stands', async (context) => {
  const place = rehearse(context);
  const [a, b] = people(place);
  place.give(
    mailboxOrder('1', 'Modified', { DisplayName: 'X' }, { SamAccountName: a?.sam }),
    mailboxOrder('2', 'Modified', { DisplayName: 'Y' }, { SamAccountName: b?.sam }),
  );
  const limit = new AbortController();
  const beforeWrite = (): void => limit.abort(new DOMException('time is up', 'TimeoutError'));
  const outcome = await place.fulfill(place.ports({ beforeWrite }), { signal: limit.signal });
  assert.equal(failureOf(outcome), '1 RUN_TIMED_OUT');
  assert.match(outcome.kind === 'failed' ? outcome.failure.message : '', /what was done until then stands/);
  assert.deepEqual(place.states(), ['1 Executed', '2 Errored']);
});
