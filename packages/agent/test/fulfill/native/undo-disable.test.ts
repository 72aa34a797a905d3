/* A mailbox that a run took away, and what an undo makes of it. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { openInProcessSession } from '@exchange-connector/exchange-simulator';
import { decodeCliXml, property, psBoolean, psString, textOf } from '@exchange-connector/psrp';
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
  settings: ConstructorParameters<typeof NativeRehearsal>[0] = {},
): Promise<{ place: NativeRehearsal; taken: readonly Taken[]; before: unknown }> {
  const place = new NativeRehearsal(settings);
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

test('a mailbox whose database let it go is told of and left', async (context) => {
  const { place } = await takenAway(context, [kind('UserMailbox', false)]);
  place.organization.clock.advance(31 * 86_400_000);
  const undone = await place.undo('run-1');
  assert.equal(undone.exitCode, 5);
  assert.match(place.rows()[0]?.Message ?? '', /^not-found: The specified mailbox ".*" doesn't exist on database/);
});

test('a linked mailbox is connected with the domain controller of the settings; without one the command is named', async (context) => {
  const { place, taken, before } = await takenAway(context, [kind('LinkedMailbox')]);
  const ports = place.ports();
  assert.equal((await place.undo('run-1', ports)).exitCode, 5);
  const { guid = '', exchangeGuid } = taken[0] ?? {};
  const message = place.rows()[0]?.Message ?? '';
  assert.match(
    message,
    /^not-allowed: .*it cannot be taken back: a linked mailbox is connected with a domain controller of its account's forest: set LinkedDomainController in Options and undo again, or connect it by hand: /,
  );
  const command = `Connect-Mailbox -Identity '${String(exchangeGuid)}' -Database '`;
  assert.ok(message.includes(command), message);
  assert.match(
    message,
    new RegExp(
      `-User '${guid}' -Alias '[^']+' -LinkedMasterAccount '[^']+' -LinkedDomainController <its domain controller> -LinkedCredential \\(Get-Credential\\)$`,
    ),
  );
  assert.equal(ports.counts.writes, 0);
  place.set({ fulfillOptions: [{ name: 'LinkedDomainController', value: 'dc.partner.example' }] });
  assert.equal((await place.undo('run-1')).kind, 'done', JSON.stringify(place.rows()));
  assert.deepEqual(place.state(), before);
  assert.equal(mailbox(place, guid)?.['ExchangeGuid'], exchangeGuid);
});

test('a linked mailbox that was disabled with the settings complete is connected again by the same', async (context) => {
  const { place, before } = await takenAway(context, [kind('LinkedMailbox')], {
    fulfillOptions: [{ name: 'LinkedDomainController', value: 'dc.partner.example' }],
  });
  assert.equal((await place.undo('run-1')).kind, 'done', JSON.stringify(place.rows()));
  assert.deepEqual(place.state(), before);
});

/** Whether an account has its archive, as Exchange tells. */
async function archiveOf(place: NativeRehearsal, guid: string): Promise<unknown> {
  const session = openInProcessSession(place.organization);
  const command = { name: 'Get-Mailbox', parameters: [{ name: 'Identity', value: psString(guid) }] };
  let found: unknown;
  for await (const event of session.invoke({ statements: [[command]] }))
    if (event.kind === 'output')
      found = ['ArchiveGuid', 'ArchiveDatabase'].map((name) => {
        const value = property(decodeCliXml(event.body), name);
        return value === undefined ? undefined : textOf(value);
      });
  await session.close();
  return found;
}

test('an archive that went with its mailbox comes back with it; where it is gone, the rest stands and is told of', async (context) => {
  for (const isGone of [false, true]) {
    const place = new NativeRehearsal();
    context.after(() => place.dispose());
    place.organization.change({ kind: 'createDatabase', name: 'Archives' });
    const { guid, sam } = firstOf(place, kind('UserMailbox', false));
    await enableArchive(place, guid);
    const [before, archive] = [place.state(), await archiveOf(place, guid)];
    assert.match(String(archive), /^[0-9a-f-]{36},Archives$/);
    place.give(mailboxOrder('1', 'Deleted', {}, { SamAccountName: sam }));
    await place.fulfill();
    assert.equal(place.rows()[0]?.Message, 'its archive goes with it');
    if (isGone) {
      place.organization.change({ kind: 'setDatabase', database: 'Archives', settings: { mailboxRetentionDays: 1 } });
      place.organization.clock.advance(2 * 86_400_000);
    }
    const undone = await place.undo('run-1');
    assert.equal(undone.exitCode, isGone ? 5 : 0, JSON.stringify(place.rows()));
    assert.deepEqual(place.state(), before);
    if (isGone) {
      assert.match(
        place.rows()[0]?.Message ?? '',
        /^not-found: The specified mailbox .* doesn't exist on database "Archives".*what it had done before stands/,
      );
      continue;
    }
    assert.deepEqual(await archiveOf(place, guid), archive);
    // The undo is undone in turn: the archive goes with its mailbox, and comes back with it.
    assert.equal((await place.undo('run-2')).exitCode, 0, JSON.stringify(place.rows()));
    assert.equal(await archiveOf(place, guid), undefined);
    assert.equal((await place.undo('run-3')).exitCode, 0, JSON.stringify(place.rows()));
    assert.deepEqual(await archiveOf(place, guid), archive);
  }
});

async function enableArchive(place: NativeRehearsal, guid: string): Promise<void> {
  const session = openInProcessSession(place.organization);
  const parameters = [
    { name: 'Identity', value: psString(guid) },
    { name: 'Archive', value: psBoolean(true) },
    { name: 'ArchiveDatabase', value: psString('Archives') },
  ];
  for await (const event of session.invoke({ statements: [[{ name: 'Enable-Mailbox', parameters }]] }))
    assert.notEqual(event.kind, 'error');
  await session.close();
}
