import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type CarriedOut,
  type FulfillSettings,
  isStill,
  LiveReadings,
  type Plan,
  planUndo,
  readsOf,
  verify,
} from '@exchange-connector/connector';
import { ModelOrganisation } from './model-organisation.ts';
import { callsOf, carryOut, kindsOf, type OrderText, openSettings, planFor, readAll, refusalOf } from './planning.ts';

function organisation(): ModelOrganisation {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  model.addDatabase('DB2');
  for (const name of ['anna', 'otto']) {
    model.addMailbox(name, [`SMTP:${name}@contoso.com`, `smtp:${name}2@contoso.com`], {
      EmailAddressPolicyEnabled: false,
    });
  }
  return model;
}

/** Carries orders out, and gives what was done. */
function done(
  model: ModelOrganisation,
  orders: readonly OrderText[],
  settings: Partial<FulfillSettings> = {},
): CarriedOut[] {
  const plan = planFor(model, orders, settings);
  assert.ok(!kindsOf(plan).includes('refused'), JSON.stringify(plan.orders));
  carryOut(model, plan);
  return plan.orders.map(({ order }) => ({
    order,
    steps: plan.steps.filter((step) => step.orderIndex === order.index),
  }));
}

function undo(
  model: ModelOrganisation,
  orders: readonly CarriedOut[],
  settings: Partial<FulfillSettings> = {},
  whole?: readonly CarriedOut[],
): Plan {
  const live = new LiveReadings();
  for (let round = 0; round < 10; round += 1) {
    const result = planUndo(orders, live, { ...openSettings, ...settings }, whole);
    if (result.kind === 'plan') return result;
    for (const read of result.reads) live.set(read, model.answer(read));
  }
  return assert.fail('no plan of an undo after 10 rounds of reading');
}

function change(name: string, changes: Record<string, unknown>): OrderText {
  return { changes: { SamAccountName: name, ...changes } };
}

test('what was taken back has nothing to be taken back', () => {
  const model = organisation();
  const before = model.state();
  const run = done(model, [change('anna', { PrimarySmtpAddress: 'anna2@contoso.com', Office: 'Paris' })]);
  const back = undo(model, run);
  assert.deepEqual(kindsOf(back), ['planned']);
  carryOut(model, back);
  assert.deepEqual(model.state(), before);
  assert.deepEqual(kindsOf(undo(model, run)), ['nothingToDo']);
});

test('orders in a row on one object, taken back, have nothing to be taken back, all together or one by one', () => {
  const model = organisation();
  const before = model.state();
  const run = done(model, [
    change('anna', { Office: 'Paris' }),
    change('anna', { Office: 'Rome', DisplayName: 'Anna R.' }),
    change('anna', { Office: 'Oslo', PrimarySmtpAddress: 'anna2@contoso.com' }),
  ]);
  carryOut(model, undo(model, run));
  assert.deepEqual(model.state(), before);
  const again = undo(model, run);
  assert.deepEqual(kindsOf(again), ['nothingToDo', 'nothingToDo', 'nothingToDo']);
  for (const { decision } of again.orders)
    assert.ok(decision.kind === 'nothingToDo' && decision.notes.includes('what the order did is undone already'));
  for (const order of run) assert.deepEqual(kindsOf(undo(model, [order], {}, run)), ['nothingToDo']);
  // One that another hand changed is none of these.
  const [anna] = model.accounts.values();
  if (anna?.mailbox !== undefined) anna.mailbox['DisplayName'] = 'Another hand';
  assert.deepEqual(kindsOf(undo(model, run)), ['nothingToDo', 'refused', 'nothingToDo']);
  assert.match(refusalOf(undo(model, run), 2).reason, /was changed since: DisplayName is "Another hand"/);
});

test('a field that was changed and changed back is not put to what it was in between, once the rest is undone', () => {
  const model = organisation();
  const before = model.state();
  const run = done(model, [
    change('anna', { Office: 'Paris', CustomAttribute1: 'x' }),
    change('anna', { Office: '' }),
    { change: 'Deleted', resource: { SamAccountName: 'otto' } },
    { change: 'Added', changes: { SamAccountName: 'otto', Database: 'DB1', PrimarySmtpAddress: 'otto@contoso.com' } },
  ]);
  carryOut(model, undo(model, run));
  assert.deepEqual(model.state(), before);
  assert.deepEqual(new Set(kindsOf(undo(model, run))), new Set(['nothingToDo']));
});

test('a move that was cancelled, and one that was sent back, is undone once', () => {
  for (const movesEnd of [false, true]) {
    const model = organisation();
    model.movesEnd = movesEnd;
    const before = model.state();
    const run = done(model, [change('anna', { Database: 'DB2' })]);
    carryOut(model, undo(model, run));
    assert.deepEqual(kindsOf(undo(model, run)), ['nothingToDo'], String(movesEnd));
    if (!movesEnd) assert.deepEqual(model.state(), before);
  }
});

test('an undo that left a policy off is undone all the same', () => {
  const model = organisation();
  for (const { mailbox } of model.accounts.values())
    if (mailbox !== undefined) mailbox['EmailAddressPolicyEnabled'] = true;
  const run = done(model, [change('anna', { PrimarySmtpAddress: 'anna2@contoso.com' })]);
  const after = model.state();
  const back = undo(model, run);
  carryOut(model, back);
  const undone = back.orders.map(({ order }) => ({
    order,
    steps: back.steps.filter(({ orderIndex }) => orderIndex === order.index),
  }));
  const forth = undo(model, undone);
  assert.deepEqual(kindsOf(forth), ['planned']);
  carryOut(model, forth);
  assert.deepEqual(model.state(), after);
});

test('of orders in a row the last can be taken back by itself, and the rest afterwards', () => {
  const model = organisation();
  const before = model.state();
  const run = done(model, [change('anna', { Office: 'Paris' }), change('anna', { Office: 'Rome' })]);
  assert.match(refusalOf(undo(model, run.slice(0, 1), {}, run)).reason, /was changed since: Office is "Rome"/);
  carryOut(model, undo(model, run.slice(1), {}, run));
  assert.deepEqual(kindsOf(undo(model, run.slice(1), {}, run)), ['nothingToDo']);
  const rest = undo(model, run);
  assert.deepEqual(kindsOf(rest), ['planned', 'nothingToDo']);
  carryOut(model, rest);
  assert.deepEqual(model.state(), before);
});

test('a database and a mailbox that a run made, set up and took into use are undone once', () => {
  const model = organisation();
  model.addAccount('nora');
  const before = model.state();
  const run = done(model, [
    { target: 'Database', change: 'Added', changes: { Name: 'New', Server: 'MBX1', ProhibitSendQuota: '1.9 GB' } },
    {
      change: 'Added',
      changes: { SamAccountName: 'nora', Database: 'DB1', Office: 'Paris', CustomAttribute1: 'x' },
    },
    change('nora', { Office: 'Rome' }),
  ]);
  carryOut(model, undo(model, run));
  assert.deepEqual(model.state(), before);
  assert.deepEqual(kindsOf(undo(model, run)), ['nothingToDo', 'nothingToDo', 'nothingToDo']);
});

test('what another hand has changed since is not overwritten', () => {
  const model = organisation();
  const run = done(model, [change('anna', { Office: 'Paris' }), change('otto', { Office: 'Paris' })]);
  const [anna] = model.accounts.values();
  if (anna?.mailbox !== undefined) anna.mailbox['Office'] = 'Rome';
  const back = undo(model, run);
  assert.deepEqual(kindsOf(back), ['refused', 'planned']);
  assert.match(refusalOf(back, 1).reason, /anna was changed since: Office is "Rome"; "Paris" is expected/);
});

test('one half of a swap cannot be taken back by itself: the address is somebody else\u2019s', () => {
  const model = organisation();
  const run = done(model, [
    change('anna', { EmailAddresses: 'SMTP:otto@contoso.com' }),
    change('otto', { EmailAddresses: 'SMTP:anna@contoso.com' }),
  ]);
  const half = undo(model, run.slice(1));
  assert.equal(refusalOf(half).class, 'conflict');
  assert.match(refusalOf(half).reason, /in use by anna/);
  const both = undo(model, run);
  assert.deepEqual(kindsOf(both), ['planned', 'planned']);
  carryOut(model, both);
});

test('a queued move is cancelled, one that has ended is made back, another one is left alone', () => {
  const move = change('anna', { Database: { Name: 'DB2' } });
  const queued = organisation();
  const cancel = undo(queued, done(queued, [move]));
  assert.deepEqual(
    callsOf(cancel).map(({ cmdlet }) => cmdlet),
    ['Remove-MoveRequest'],
  );
  carryOut(queued, cancel);
  assert.equal(queued.moves.size, 0);

  const ended = organisation();
  const run = done(ended, [move]);
  ended.endMoves();
  const back = undo(ended, run);
  assert.deepEqual(
    callsOf(back).map(({ cmdlet }) => cmdlet),
    ['Remove-MoveRequest', 'New-MoveRequest'],
  );
  carryOut(ended, back);

  const other = organisation();
  other.addDatabase('DB3');
  const first = done(other, [move]);
  const [anna] = other.accounts.values();
  other.moves.set(anna?.guid ?? '', { status: 'InProgress', source: 'DB1', target: 'DB3' });
  assert.match(refusalOf(undo(other, first)).reason, /being moved to DB3 meanwhile/);
});

test('a mailbox that was taken away is connected again; one whose account was deleted is not', () => {
  const model = organisation();
  const before = model.state();
  const order = { change: 'Deleted', resource: { SamAccountName: 'anna' } } as const;
  const back = undo(model, done(model, [order]));
  assert.deepEqual(
    callsOf(back).map(({ cmdlet }) => cmdlet),
    ['Connect-Mailbox', 'Set-Mailbox'],
  );
  carryOut(model, back);
  assert.deepEqual(model.state(), before);
  const removed = undo(model, done(model, [order], { allowRemoveMailbox: true }));
  assert.equal(refusalOf(removed).class, 'not-allowed');
  assert.match(refusalOf(removed).reason, /cannot be taken back: Remove-Mailbox deleted the account anna/);
});

test('an address of a mailbox that was taken away may be somebody\u2019s by now', () => {
  const model = organisation();
  const run = done(model, [{ change: 'Deleted', resource: { SamAccountName: 'anna' } }]);
  model.addAccount('Sales', 'MailUniversalDistributionGroup', ['SMTP:anna2@contoso.com']);
  assert.match(refusalOf(undo(model, run)).reason, /anna2@contoso\.com is in use by Sales/);
});

test('a database that the run made is dismounted and removed, unless somebody lives in it by now', () => {
  const make: OrderText = {
    target: 'Database',
    change: 'Added',
    changes: { Name: 'DB9', Server: 'MBX1', CircularLoggingEnabled: true },
  };
  const model = organisation();
  const before = model.state();
  const run = done(model, [make]);
  model.addMailbox('new', ['SMTP:new@contoso.com'], {}, 'DB9');
  assert.match(refusalOf(undo(model, run)).reason, /who lives in DB9 is new/);
  const empty = organisation();
  const back = undo(empty, done(empty, [make]));
  carryOut(empty, back);
  assert.deepEqual(empty.state(), before);
});

/** Sizes as their bytes, however they are written. */
function inBytes(state: unknown): unknown {
  const bytes = (text: string): string => /\(([0-9,]+) bytes\)$/.exec(text)?.[1]?.replaceAll(',', '') ?? text;
  return JSON.parse(JSON.stringify(state, (_, value) => (typeof value === 'string' ? bytes(value) : value)));
}

test('a database that was removed is made again over its files, with its settings', () => {
  const model = organisation();
  const before = model.state();
  const back = undo(model, done(model, [{ target: 'Database', change: 'Deleted', resource: { Name: 'DB2' } }]));
  assert.deepEqual(
    callsOf(back).map(({ cmdlet }) => cmdlet),
    ['New-MailboxDatabase', 'Set-MailboxDatabase', 'Mount-Database'],
  );
  carryOut(model, back);
  assert.deepEqual(inBytes(model.state()), inBytes(before));
});

test('what is protected by now is not touched', () => {
  const model = organisation();
  const run = done(model, [
    change('anna', { Office: 'Paris' }),
    { target: 'Database', changes: { MountAtStartup: false }, resource: { Name: 'DB2' } },
  ]);
  const back = undo(model, run, { protectedMailboxes: ['anna2@contoso.com'], protectedDatabases: ['DB2'] });
  assert.deepEqual(kindsOf(back), ['refused', 'refused']);
});

test('each step notices when its object has moved since the plan, and when the call did not do its work', () => {
  const model = organisation();
  model.addAccount('new');
  const plan = planFor(model, [
    change('anna', { EmailAddresses: 'SMTP:anna@contoso.com smtp:extra@contoso.com', Office: 'Paris' }),
    { change: 'Added', changes: { SamAccountName: 'new', PrimarySmtpAddress: 'new@contoso.com' } },
    { change: 'Deleted', resource: { SamAccountName: 'otto' } },
    { target: 'Database', change: 'Deleted', resource: { Name: 'DB2' } },
  ]);
  for (const step of plan.steps) {
    assert.equal(isStill(step, readAll(model, readsOf(step.preconditions))).kind, 'holds');
    assert.equal(verify(step, readAll(model, readsOf(step.expectation))).kind, 'differs', step.purpose);
    assert.equal(isStill(step, new LiveReadings()).kind, 'unknown');
  }
  const [anna, otto] = [...model.accounts.values()];
  const group = model.addAccount('Sales', 'MailUniversalDistributionGroup', [
    'SMTP:extra@contoso.com',
    'smtp:new@contoso.com',
  ]);
  if (otto?.mailbox !== undefined) otto.mailbox['EmailAddresses'] = ['SMTP:changed@contoso.com'];
  model.addMailbox('late', ['SMTP:late@contoso.com'], {}, 'DB2');
  for (const step of plan.steps) {
    assert.equal(isStill(step, readAll(model, readsOf(step.preconditions))).kind, 'differs', step.purpose);
  }
  assert.ok(anna !== undefined && group.addresses.length === 2);
});

test('an account that is disabled in the directory alone is not enabled by an undo either', () => {
  const model = organisation();
  const [anna] = model.accounts.values();
  assert.ok(anna !== undefined);
  // Exchange keeps a mark of its own, which an account that was disabled in Active Directory does not have at once.
  assert.equal(anna.mailbox?.['AccountDisabled'], false);
  Object.assign(anna, { details: 'DisabledUser' });
  const run = done(model, [change('anna', { IsShared: true, Office: 'Oslo' })]);
  const types = undo(model, run).steps.map(({ cmdlet, parameters }) => [cmdlet, parameters['Type']]);
  assert.deepEqual(types, [['Set-Mailbox', undefined]]);
  const gone = done(model, [{ change: 'Deleted', resource: { SamAccountName: 'anna' } }]);
  const [connect] = undo(model, gone).steps;
  assert.deepEqual([connect?.cmdlet, connect?.parameters['Shared']], ['Connect-Mailbox', true]);
});
