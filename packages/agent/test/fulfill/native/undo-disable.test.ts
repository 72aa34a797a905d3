/* A mailbox that a run took away, and what an undo makes of it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';

interface Taken {
  readonly guid: string;
  readonly sam: string;
  readonly exchangeGuid: unknown;
}

/** The first mailbox of a kind, among those with a plain name. */
function firstOf(place: NativeRehearsal, wanted: (properties: Readonly<Record<string, unknown>>) => boolean): Taken {
  const found = [...place.organization.truth().mailboxes()].find(
    ({ properties }) => wanted(properties) && !/[^a-z0-9]/.test(String(properties['SamAccountName'])),
  );
  assert.ok(found !== undefined);
  const { guid, properties } = found;
  return { guid, sam: String(properties['SamAccountName']), exchangeGuid: properties['ExchangeGuid'] };
}

function kind(details: string, accountDisabled?: boolean): (properties: Readonly<Record<string, unknown>>) => boolean {
  return (properties) =>
    properties['RecipientTypeDetails'] === details &&
    (accountDisabled === undefined || properties['AccountDisabled'] === accountDisabled);
}

/** A run that took mailboxes away. */
async function takenAway(
  context: TestContext,
  kinds: readonly ((properties: Readonly<Record<string, unknown>>) => boolean)[],
): Promise<{ place: NativeRehearsal; taken: readonly Taken[]; before: unknown }> {
  const place = new NativeRehearsal();
  context.after(() => place.dispose());
  const taken = kinds.map((wanted) => firstOf(place, wanted));
  // Sizes as Exchange keeps them, so that what is put back can be compared to the letter.
  for (const { guid } of taken)
    place.organization.change({ kind: 'setMailbox', mailbox: guid, properties: { maxReceiveSize: 36_700_160 } });
  const before = place.state();
  place.give(...taken.map(({ sam }, at) => mailboxOrder(`${at + 1}`, 'Deleted', {}, { SamAccountName: sam })));
  const done = await place.fulfill();
  assert.equal(done.kind, 'done', JSON.stringify(place.rows()));
  const left = new Set([...place.organization.truth().mailboxes()].map(({ guid }) => guid));
  assert.ok(taken.every(({ guid }) => !left.has(guid)));
  return { place, taken, before };
}

function mailbox(place: NativeRehearsal, guid: string): Readonly<Record<string, unknown>> | undefined {
  return [...place.organization.truth().mailboxes()].find((each) => each.guid === guid)?.properties;
}

test('mailboxes of every kind that were taken away are connected again, with their addresses and settings', async (context) => {
  const { place, taken, before } = await takenAway(context, [
    kind('UserMailbox', false),
    kind('UserMailbox', true),
    kind('SharedMailbox'),
    kind('RoomMailbox'),
    kind('EquipmentMailbox'),
  ]);
  const ports = place.ports();
  const undone = await place.undo('run-1', ports);
  assert.equal(undone.kind, 'done', JSON.stringify(place.rows()));
  assert.deepEqual(place.state(), before);
  for (const { guid, exchangeGuid } of taken) assert.equal(mailbox(place, guid)?.['ExchangeGuid'], exchangeGuid);
  assert.equal(ports.sent.filter((name) => name === 'Connect-Mailbox').length, taken.length);
  assert.equal(place.verdict().kind, 'intact');
  // The undo is taken back in turn, and the run's own undo made once more.
  assert.equal((await place.undo('run-2')).kind, 'done', JSON.stringify(place.rows()));
  assert.ok(taken.every(({ guid }) => mailbox(place, guid) === undefined));
  assert.equal((await place.undo('run-1')).kind, 'done', JSON.stringify(place.rows()));
  assert.deepEqual(place.state(), before);
});

test('what was connected again and changed since is not overwritten by a second undo', async (context) => {
  const { place, taken, before } = await takenAway(context, [kind('UserMailbox', false)]);
  const [guid, sam] = [taken[0]?.guid ?? '', taken[0]?.sam ?? ''];
  await place.undo('run-1');
  const ports = place.ports();
  await place.undo('run-1', ports);
  assert.deepEqual([ports.counts.writes, place.states(), place.state()], [0, ['1 Executed'], before]);
  place.organization.change({ kind: 'setMailbox', mailbox: guid, properties: { displayName: 'Another hand' } });
  await place.undo('run-1');
  assert.deepEqual(place.states(), ['1 Errored']);
  assert.match(place.rows()[0]?.Message ?? '', /^conflict: .* was changed since/);
  assert.equal(mailbox(place, guid)?.['DisplayName'], 'Another hand', sam);
});

test('an undo that fails between connecting and putting back is finished by the same command', async (context) => {
  const { place, before } = await takenAway(context, [kind('UserMailbox', false)]);
  await place.undo('run-1', place.ports({ faults: new Map([[2, 'refused']]) }));
  assert.match(place.rows()[0]?.Message ?? '', /rehearsed: the task is refused/);
  const again = place.ports();
  assert.equal((await place.undo('run-1', again)).kind, 'done', JSON.stringify(place.rows()));
  assert.equal(again.counts.writes, 1);
  assert.deepEqual(place.state(), before);
});

test('a session that is lost around Connect-Mailbox leaves nothing undone or done twice', async (context) => {
  for (const fault of ['lostBefore', 'lostAfter', 'transientBefore', 'transientAfter'] as const) {
    const { place, before } = await takenAway(context, [kind('SharedMailbox')]);
    const undone = await place.undo('run-1', place.ports({ faults: new Map([[1, fault]]) }));
    assert.equal(undone.kind, 'done', JSON.stringify([fault, place.rows()]));
    assert.deepEqual(place.state(), before, fault);
    assert.equal(place.verdict().kind, 'intact');
  }
});

test('a mailbox whose database let it go, and a linked one, are told of and left', async (context) => {
  const { place } = await takenAway(context, [kind('UserMailbox', false), kind('LinkedMailbox')]);
  place.organization.clock.advance(31 * 86_400_000);
  const undone = await place.undo('run-1');
  assert.equal(undone.exitCode, 5);
  const message = new Map(place.rows().map(({ AssignmentId, Message }) => [AssignmentId, Message]));
  assert.match(message.get('1') ?? '', /^not-found: The specified mailbox ".*" doesn't exist on database/);
  assert.match(message.get('2') ?? '', /^not-allowed: .*it cannot be taken back: a LinkedMailbox is connected by hand/);
});
