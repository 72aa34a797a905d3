/* What Exchange does beside what it is told, or asks before it does: accounts of kinds, two ways of forwarding. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';

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

test('a mailbox that becomes a shared one and is undone leaves its account as it was, able to log on or not', async (context) => {
  for (const disabled of [false, true]) {
    const place = rehearse(context);
    const { guid, sam } = find(
      place,
      (each) => each['RecipientTypeDetails'] === 'UserMailbox' && each['AccountDisabled'] === disabled,
    );
    place.give(mailboxOrder('1', 'Modified', { IsShared: true }, { SamAccountName: sam }));
    await place.fulfill();
    assert.deepEqual(place.states(), ['1 Executed'], JSON.stringify(place.rows()));
    assert.deepEqual(
      [seen(place, guid)['RecipientTypeDetails'], seen(place, guid)['AccountDisabled']],
      ['SharedMailbox', true],
    );
    const told = /Exchange disables the account with it/.test(place.rows()[0]?.Message ?? '');
    assert.equal(told, !disabled);
    await place.undo('run-1');
    assert.deepEqual(place.states(), ['1 Executed'], JSON.stringify(place.rows()));
    assert.deepEqual(
      [seen(place, guid)['RecipientTypeDetails'], seen(place, guid)['AccountDisabled']],
      ['UserMailbox', disabled],
    );
  }
});

test('a shared mailbox that becomes a user\u2019s has its account enabled, unless the order says otherwise', async (context) => {
  for (const kept of [false, true]) {
    const place = rehearse(context);
    const { guid, sam } = find(place, (each) => each['RecipientTypeDetails'] === 'SharedMailbox');
    const changes = { RecipientTypeDetails: 'UserMailbox', ...(kept ? { AccountDisabled: 'True' } : {}) };
    place.give(mailboxOrder('1', 'Modified', changes, { SamAccountName: sam }));
    await place.fulfill();
    assert.deepEqual(place.states(), ['1 Executed'], JSON.stringify(place.rows()));
    assert.deepEqual(
      [seen(place, guid)['RecipientTypeDetails'], seen(place, guid)['AccountDisabled']],
      ['UserMailbox', kept],
    );
    const told = /Exchange enables the account with it/.test(place.rows()[0]?.Message ?? '');
    assert.equal(told, !kept);
    const fields = place.audit('run-1').map(({ field }) => field);
    assert.equal(fields.includes('AccountDisabled'), !kept, fields.join());
    await place.undo('run-1');
    assert.deepEqual(
      [seen(place, guid)['RecipientTypeDetails'], seen(place, guid)['AccountDisabled']],
      ['SharedMailbox', true],
    );
  }
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
