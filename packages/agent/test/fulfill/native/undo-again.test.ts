/* An undo that is given twice, and one that is undone itself. */
import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { databaseOrder, mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';
import { accounts, people } from './random-batch.ts';

/** A run with orders in a row on one mailbox, a database that it makes and changes, and a mailbox that it makes. */
async function carriedOut(context: TestContext): Promise<{
  place: NativeRehearsal;
  before: unknown;
  after: unknown;
  orders: readonly object[];
}> {
  const place = new NativeRehearsal();
  context.after(() => place.dispose());
  const [a] = people(place);
  // A policy that was switched off stays off: what is put back could not be compared.
  const truth = [...place.organization.truth().mailboxes()];
  const guid = truth.find(({ properties }) => properties['SamAccountName'] === a?.sam)?.guid ?? '';
  place.organization.change({ kind: 'setMailbox', mailbox: guid, properties: { emailAddressPolicyEnabled: false } });
  const before = place.state();
  const [account] = accounts(place);
  const change = (id: string, changes: object): object =>
    mailboxOrder(id, 'Modified', changes, { SamAccountName: a?.sam });
  const orders = [
    change('1', { DisplayName: 'First', Office: 'Paris' }),
    change('2', { DisplayName: 'Second', PrimarySmtpAddress: 'second@example.test' }),
    change('3', { DisplayName: 'Third', Office: 'Oslo' }),
    databaseOrder('4', 'Added', { Name: 'Fresh', Server: 'EX01', ProhibitSendQuota: '2 GB' }),
    mailboxOrder('5', 'Added', { SamAccountName: account, Database: { Name: 'Fresh' }, CustomAttribute1: 'x' }),
    databaseOrder('6', 'Modified', { IssueWarningQuota: '1 GB' }, { Name: 'Fresh' }),
  ];
  place.give(...orders);
  const done = await place.fulfill();
  assert.equal(done.kind, 'done', JSON.stringify(place.rows()));
  return { place, before, after: place.state(), orders };
}

const idle = 'nothing was to be done: it is so already; what the order did is undone already';

/** An undo that finds everything undone: it says so, and writes nothing. */
async function finds(place: NativeRehearsal, run: string, rows = 6, order?: string): Promise<void> {
  const state = place.state();
  const ports = place.ports();
  const outcome = await place.undo(run, ports, order === undefined ? {} : { order });
  assert.equal(outcome.exitCode, 0, JSON.stringify(place.rows()));
  assert.ok(
    place.rows().every(({ Message }) => Message === idle),
    JSON.stringify(place.rows()),
  );
  assert.equal(place.rows().length, rows);
  assert.equal(ports.counts.writes, 0);
  assert.deepEqual(place.state(), state);
}

test('a run that is undone is undone once: the same undo again says so of each order, and changes nothing', async (context) => {
  const { place, before } = await carriedOut(context);
  assert.equal((await place.undo('run-1')).exitCode, 0, JSON.stringify(place.rows()));
  assert.deepEqual(place.state(), before);
  await finds(place, 'run-1');
  for (const order of ['1', '2', '3', '4', '5', '6']) await finds(place, 'run-1', 1, order);
  const plan = await place.undoPlan('run-1');
  assert.equal(plan.exitCode, 0);
});

test('an undo is undone: what was taken away is given back with all that had become of it, and can be taken back once more', async (context) => {
  const { place, before, after, orders } = await carriedOut(context);
  const mailboxes = (): unknown =>
    new Map(
      [...place.organization.truth().mailboxes()].map(({ guid, properties }) => [guid, properties['ExchangeGuid']]),
    );
  const known = mailboxes();
  await place.undo('run-1');
  assert.deepEqual(place.state(), before);
  assert.equal((await place.undo('run-2')).exitCode, 0, JSON.stringify(place.rows()));
  assert.deepEqual(place.state(), after);
  // The very mailbox, not a new one of the same name.
  assert.deepEqual(mailboxes(), known);
  // The order about the database that the run made found nothing of its own to take back.
  await finds(place, 'run-2', 5);
  place.give(...orders.slice(2));
  const again = place.ports();
  await place.fulfill(again);
  assert.equal(again.counts.writes, 0, JSON.stringify(place.rows()));
  assert.equal((await place.undo('run-1')).exitCode, 0, JSON.stringify(place.rows()));
  assert.deepEqual(place.state(), before);
  await finds(place, 'run-1');
  assert.equal(place.verdict().kind, 'intact');
});

test('of an undo that was stopped half-way, the rest is done, and the first half is not done again', async (context) => {
  const { place, before } = await carriedOut(context);
  await place.undo('run-1', place.ports({ faults: new Map([[3, 'refused']]) }));
  assert.ok(place.states().some((row) => row.endsWith('Errored')));
  assert.equal((await place.undo('run-1')).exitCode, 0, JSON.stringify(place.rows()));
  assert.deepEqual(place.state(), before);
  await finds(place, 'run-1');
});
