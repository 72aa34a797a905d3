/*
 * What Exchange does beside what it is told, or asks before it does: accounts of kinds, two ways of forwarding, archives
 * of mailboxes that move, addresses of policies.
 */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openInProcessSession } from '@exchange-connector/exchange-simulator';
import { decodeCliXml, property, psBoolean, psString, textOf } from '@exchange-connector/psrp';
import { databaseOrder, mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';

type Properties = Readonly<Record<string, unknown>>;

function rehearse(context: TestContext, ...settings: ConstructorParameters<typeof NativeRehearsal>): NativeRehearsal {
  const place = new NativeRehearsal(...settings);
  context.after(() => place.dispose());
  return place;
}

function find(place: NativeRehearsal, wanted: (properties: Properties) => boolean): { guid: string; sam: string } {
  const found = [...place.organization.truth().mailboxes()].find(
    ({ hiddenBehind, properties }) => hiddenBehind === undefined && wanted(properties),
  );
  assert.ok(found);
  return { guid: found.guid, sam: String(found.properties['SamAccountName']) };
}

function seen(place: NativeRehearsal, guid: string): Properties {
  return [...place.organization.truth().mailboxes()].find((each) => each.guid === guid)?.properties ?? {};
}

/** Kind of a mailbox, and whether its account is disabled. */
function kindOf(place: NativeRehearsal, guid: string): unknown[] {
  const { RecipientTypeDetails: details, AccountDisabled: disabled } = seen(place, guid);
  return [details, disabled];
}

test('a mailbox that becomes a shared one is told to have its account disabled, and is a user\u2019s again by undo', async (context) => {
  const place = rehearse(context);
  const { guid, sam } = find(
    place,
    (each) => each['RecipientTypeDetails'] === 'UserMailbox' && each['AccountDisabled'] === false,
  );
  place.give(mailboxOrder('1', 'Modified', { IsShared: true }, { SamAccountName: sam }));
  await place.fulfill();
  assert.deepEqual([place.states(), kindOf(place, guid)], [['1 Executed'], ['SharedMailbox', true]]);
  assert.match(
    place.rows()[0]?.Message ?? '',
    /Exchange disables the account of a mailbox that becomes a SharedMailbox/,
  );
  assert.ok(place.audit('run-1').some(({ field, before, after }) => field === 'AccountDisabled' && !before && after));
  await place.undo('run-1');
  assert.deepEqual([place.states(), kindOf(place, guid)], [['1 Executed'], ['UserMailbox', false]]);
});

test('no undo enables an account that could not log on before', async (context) => {
  const locked = (each: Properties): boolean =>
    each['RecipientTypeDetails'] === 'UserMailbox' && each['AccountDisabled'] === true;
  const changed = rehearse(context);
  const { guid, sam } = find(changed, locked);
  changed.give(mailboxOrder('1', 'Modified', { IsShared: true }, { SamAccountName: sam }));
  await changed.fulfill();
  const ports = changed.ports();
  await changed.undo('run-1', ports);
  assert.deepEqual(
    [changed.states(), ports.counts.writes, kindOf(changed, guid)],
    [['1 Errored'], 0, ['SharedMailbox', true]],
  );
  assert.match(
    changed.rows()[0]?.Message ?? '',
    /its account could not log on.*disable the account in Active Directory/,
  );
  // With something else beside: that is taken back, and the rest told.
  const place = rehearse(context);
  place.give(mailboxOrder('1', 'Modified', { IsShared: true, DisplayName: 'Left' }, { SamAccountName: sam }));
  await place.fulfill();
  await place.undo('run-1');
  assert.deepEqual([place.states(), kindOf(place, guid)], [['1 Executed'], ['SharedMailbox', true]]);
  assert.notEqual(seen(place, guid)['DisplayName'], 'Left');
  assert.match(place.rows()[0]?.Message ?? '', /its account could not log on/);
});

test('a mailbox whose account cannot log on comes back as a shared one, which is told', async (context) => {
  const place = rehearse(context);
  const { guid, sam } = find(
    place,
    (each) => each['RecipientTypeDetails'] === 'UserMailbox' && each['AccountDisabled'] === true,
  );
  const before = seen(place, guid);
  place.give(mailboxOrder('1', 'Deleted', {}, { SamAccountName: sam }));
  await place.fulfill();
  await place.undo('run-1');
  assert.deepEqual([place.states(), kindOf(place, guid)], [['1 Executed'], ['SharedMailbox', true]]);
  assert.match(place.rows()[0]?.Message ?? '', /its account could not log on/);
  for (const name of ['ExchangeGuid', 'DisplayName', 'Database', 'PrimarySmtpAddress', 'EmailAddresses'])
    assert.deepEqual([...[seen(place, guid)[name]].flat()].toSorted(), [...[before[name]].flat()].toSorted(), name);
});

test('a shared mailbox that becomes a user\u2019s has its account enabled; an order that wants it otherwise is refused', async (context) => {
  const place = rehearse(context);
  const { guid, sam } = find(place, (each) => each['RecipientTypeDetails'] === 'SharedMailbox');
  const order = (changes: object): object =>
    mailboxOrder('1', 'Modified', { RecipientTypeDetails: 'UserMailbox', ...changes }, { SamAccountName: sam });
  place.give(order({ AccountDisabled: 'True' }));
  await place.fulfill();
  assert.deepEqual([place.states(), kindOf(place, guid)], [['1 Errored'], ['SharedMailbox', true]]);
  assert.match(
    place.rows()[0]?.Message ?? '',
    /^invalid: Exchange enables the account .* settle it in Active Directory/,
  );
  place.give(order({}));
  await place.fulfill();
  assert.deepEqual([place.states(), kindOf(place, guid)], [['1 Executed'], ['UserMailbox', false]]);
  assert.match(place.rows()[0]?.Message ?? '', /Exchange enables the account/);
  await place.undo('run-2');
  assert.deepEqual([place.states(), kindOf(place, guid)], [['1 Executed'], ['SharedMailbox', true]]);
});

test('the capacity of a room goes with its kind and comes back with it; other mailboxes get none', async (context) => {
  const place = rehearse(context);
  const { guid, sam } = find(place, (each) => each['RecipientTypeDetails'] === 'RoomMailbox');
  const capacity = (): Promise<(string | undefined)[]> =>
    invoke(place, 'Get-Mailbox', { Identity: guid }, ['RecipientTypeDetails', 'ResourceCapacity']);
  const order = (id: string, changes: object): object => mailboxOrder(id, 'Modified', changes, { SamAccountName: sam });
  place.give(order('1', { ResourceCapacity: '12' }));
  await place.fulfill();
  place.give(order('2', { IsResource: false }), order('3', { ResourceCapacity: '5' }));
  await place.fulfill();
  assert.deepEqual(place.states(), ['2 Executed', '3 Errored']);
  assert.match(place.rows()[1]?.Message ?? '', /^invalid: ResourceCapacity is for rooms and equipment/);
  assert.deepEqual(await capacity(), ['UserMailbox', undefined]);
  await place.undo('run-2');
  assert.deepEqual([place.states()[0], await capacity()], ['2 Executed', ['RoomMailbox', '12']]);
  const rooms = [
    { IsResource: true, ResourceType: 'Room' },
    { IsResource: true, ResourceType: 'Equipment' },
  ];
  const bare = [...place.organization.truth().others()]
    .filter(
      ({ recipientClass, canonicalName }) => recipientClass === 'user' && canonicalName.startsWith('example.test/'),
    )
    .map(({ samAccountName }) => samAccountName);
  place.give(...rooms.map((kind, at) => mailboxOrder(`${at}`, 'Added', { SamAccountName: bare[8], ...kind })));
  await place.fulfill();
  assert.ok(
    place.rows().every(({ Message }) => !/ables the account/.test(Message)),
    JSON.stringify(place.rows()),
  );
});

test('a move into a database that is not mounted is refused, and goes through after an order that mounts it', async (context) => {
  const place = rehearse(context);
  place.organization.change({ kind: 'createDatabase', name: 'To' });
  const { sam } = find(place, (each) => each['RecipientTypeDetails'] === 'UserMailbox');
  await invoke(place, 'Dismount-Database', { Identity: 'To', Confirm: false });
  const move = mailboxOrder('1', 'Modified', { Database: { Name: 'To' } }, { SamAccountName: sam });
  place.give(move);
  const ports = place.ports();
  await place.fulfill(ports);
  assert.deepEqual([place.states(), ports.counts.writes], [['1 Errored'], 0]);
  assert.match(place.rows()[0]?.Message ?? '', /^conflict: the database To is not mounted/);
  place.give(move, databaseOrder('2', 'Modified', { Mounted: true }, { Name: 'To' }));
  await place.fulfill();
  assert.deepEqual(place.states(), ['1 Executed', '2 Executed'], JSON.stringify(place.rows()));
});

test('a forwarding address beside one elsewhere, of which Exchange asks a person, is set, taken back and put back', async (context) => {
  const place = rehearse(context);
  const { guid, sam } = find(place, (each) => each['RecipientTypeDetails'] === 'UserMailbox');
  const other = find(place, (each) => each['RecipientTypeDetails'] === 'SharedMailbox');
  const none = { forwardingSmtpAddress: undefined, forwardingRecipient: undefined };
  place.organization.change({ kind: 'setMailbox', mailbox: guid, properties: none });
  const forwarding = (): unknown[] => [
    typeof seen(place, guid)['ForwardingAddress'],
    seen(place, guid)['ForwardingSmtpAddress'],
  ];
  const order = (id: string, changes: object): object => mailboxOrder(id, 'Modified', changes, { SamAccountName: sam });
  const elsewhere = 'smtp:away@elsewhere.example';
  place.give(order('1', { ForwardingSmtpAddress: 'away@elsewhere.example' }));
  await place.fulfill();
  place.give(order('2', { ForwardingAddress: other.sam }));
  await place.fulfill();
  assert.deepEqual(place.states(), ['2 Executed'], JSON.stringify(place.rows()));
  assert.deepEqual(forwarding(), ['string', elsewhere]);
  // Taken away by an order, and that order taken back: the address comes to the other one again.
  place.give(order('3', { ForwardingAddress: null }));
  await place.fulfill();
  await place.undo('run-3');
  assert.deepEqual([...place.states(), ...forwarding()], ['3 Executed', 'string', elsewhere]);
  // Both go with the mailbox, and come back with it.
  place.give(mailboxOrder('4', 'Deleted', {}, { SamAccountName: sam }));
  await place.fulfill();
  await place.undo('run-5');
  assert.deepEqual([...place.states(), ...forwarding()], ['4 Executed', 'string', elsewhere]);
  assert.deepEqual(place.verdict().kind, 'intact');
});

test('a new mailbox gets both ways of forwarding in one call', async (context) => {
  const place = rehearse(context);
  const other = find(place, (each) => each['RecipientTypeDetails'] === 'SharedMailbox');
  const account = [...place.organization.truth().others()].find(
    ({ recipientClass, canonicalName }) => recipientClass === 'user' && canonicalName.startsWith('example.test/'),
  );
  const changes = { ForwardingAddress: other.sam, ForwardingSmtpAddress: 'away@elsewhere.example' };
  place.give(mailboxOrder('1', 'Added', { SamAccountName: account?.samAccountName, ...changes }));
  await place.fulfill();
  assert.deepEqual(place.states(), ['1 Executed'], JSON.stringify(place.rows()));
});

async function invoke(
  place: NativeRehearsal,
  name: string,
  parameters: Readonly<Record<string, string | boolean>>,
  wanted: readonly string[] = [],
): Promise<(string | undefined)[]> {
  const session = openInProcessSession(place.organization);
  const given = Object.entries(parameters).map(([key, value]) => ({
    name: key,
    value: typeof value === 'string' ? psString(value) : psBoolean(value),
  }));
  let values: (string | undefined)[] = [];
  for await (const event of session.invoke({ statements: [[{ name, parameters: given }]] })) {
    assert.notEqual(event.kind, 'error');
    if (event.kind !== 'output') continue;
    const object = decodeCliXml(event.body);
    values = wanted.map((key) => textOf(property(object, key) ?? { kind: 'Nil' }));
  }
  await session.close();
  return values;
}

/** The databases of a mailbox and of its archive. */
function placesOf(place: NativeRehearsal, guid: string): Promise<(string | undefined)[]> {
  return invoke(place, 'Get-Mailbox', { Identity: guid }, ['Database', 'ArchiveDatabase']);
}

test('an archive beside its mailbox moves with it, one in a database of its own stays there; undo brings them back', async (context) => {
  const place = rehearse(context, { waitForMove: true });
  const { organization } = place;
  for (const name of ['From', 'To', 'Archives']) organization.change({ kind: 'createDatabase', name });
  const people = ['anna', 'ben', 'carl'].map((samAccountName) =>
    organization.change({ kind: 'createMailbox', samAccountName, database: 'From' }),
  );
  const [anna = '', ben = '', carl = ''] = people.map(({ guid }) => guid);
  await invoke(place, 'Enable-Mailbox', { Identity: anna, Archive: true, ArchiveDatabase: 'From' });
  await invoke(place, 'Enable-Mailbox', { Identity: ben, Archive: true, ArchiveDatabase: 'Archives' });
  place.give(
    ...['anna', 'ben', 'carl'].map((sam, at) =>
      mailboxOrder(`${at + 1}`, 'Modified', { Database: { Name: 'To' } }, { SamAccountName: sam }),
    ),
    databaseOrder('4', 'Deleted', {}, { Name: 'From' }),
  );
  await place.fulfill();
  assert.deepEqual(
    place.states(),
    ['1 Executed', '2 Executed', '3 Executed', '4 Executed'],
    JSON.stringify(place.rows()),
  );
  const places = () => Promise.all([anna, ben, carl].map((guid) => placesOf(place, guid)));
  assert.deepEqual(await places(), [
    ['To', 'To'],
    ['To', 'Archives'],
    ['To', undefined],
  ]);
  assert.match(place.rows()[0]?.Message ?? '', /its archive goes with it/);
  assert.match(place.rows()[1]?.Message ?? '', /its archive stays in Archives/);
  const audited = place.audit('run-1').filter(({ field }) => field === 'ArchiveDatabase');
  assert.deepEqual(
    audited.map(({ orderId, before, after }) => [orderId, before, after]),
    [['1', 'From', 'To']],
  );
  await place.undo('run-1');
  assert.ok(
    place.states().every((state) => state.endsWith('Executed')),
    JSON.stringify(place.rows()),
  );
  // An undo queues the moves.
  organization.clock.advance(10 * 60_000);
  assert.deepEqual(await places(), [
    ['From', 'From'],
    ['From', 'Archives'],
    ['From', undefined],
  ]);
  assert.equal(place.verdict().kind, 'intact');
});

test('addresses that a policy gives, which no order named, are in the audit of the order that led to them', async (context) => {
  const place = rehearse(context);
  const [account = ''] = [...place.organization.truth().others()]
    .filter(
      ({ recipientClass, canonicalName }) => recipientClass === 'user' && canonicalName.startsWith('example.test/'),
    )
    .map(({ samAccountName }) => samAccountName);
  const audited = (run: string): unknown[] =>
    place
      .audit(run)
      .filter(({ field }) => /^(EmailAddress|Alias|DisplayName)/.test(String(field)))
      .map(({ cmdlet, field, before, after }) => [cmdlet, field, before, after]);
  place.give(mailboxOrder('1', 'Added', { SamAccountName: account }));
  await place.fulfill();
  const given = [`SMTP:${account}@example.test`];
  assert.deepEqual(audited('run-1'), [
    ['Enable-Mailbox', 'EmailAddresses', null, given],
    ['Enable-Mailbox', 'EmailAddressPolicyEnabled', null, true],
    ['Enable-Mailbox', 'Alias', null, account],
  ]);
  place.give(mailboxOrder('1', 'Modified', { Alias: 'another.name' }, { SamAccountName: account }));
  await place.fulfill();
  const next = ['SMTP:another.name@example.test', `smtp:${account}@example.test`];
  assert.deepEqual(audited('run-2'), [
    ['Set-Mailbox', 'Alias', account, 'another.name'],
    ['Set-Mailbox', 'EmailAddresses', given, next],
  ]);
  // What changes no address has no line of addresses.
  place.give(mailboxOrder('1', 'Modified', { DisplayName: 'Another Name' }, { SamAccountName: account }));
  await place.fulfill();
  assert.deepEqual(
    (audited('run-3') as [string, string][]).map(([, field]) => field),
    ['DisplayName'],
  );
  assert.equal(place.verdict().kind, 'intact');
});
