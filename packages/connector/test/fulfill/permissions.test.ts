/* What the account may not send is said by the plan, before anything is sent. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type CarriedOut, LiveReadings, type Plan, planUndo } from '@exchange-connector/connector';
import { ModelOrganisation } from './model-organisation.ts';
import { callsOf, carryOut, kindsOf, openSettings, planFor, refusalOf } from './planning.ts';

function organisation(): ModelOrganisation {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  model.addDatabase('DB2');
  for (const name of ['anna', 'otto'])
    model.addMailbox(name, [`SMTP:${name}@contoso.com`, `smtp:${name}2@contoso.com`], {
      EmailAddressPolicyEnabled: false,
    });
  return model;
}

const change = (name: string, changes: object) => ({ changes: { SamAccountName: name, ...changes } });

test('an order that needs a cmdlet or a parameter that no role of the account has is refused, the others are planned', () => {
  const model = organisation();
  model.lacking.set('New-MoveRequest', 'all').set('Set-Mailbox', 'Identity DomainController Office DisplayName');
  const plan = planFor(model, [
    change('anna', { Office: 'Paris' }),
    change('anna', { Database: 'DB2' }),
    change('otto', { Office: 'Rome', CustomAttribute1: 'x' }),
  ]);
  assert.deepEqual(kindsOf(plan), ['planned', 'refused', 'refused']);
  assert.equal(refusalOf(plan, 2).class, 'not-allowed');
  assert.match(
    refusalOf(plan, 2).reason,
    /^the account may not use New-MoveRequest, without which the order cannot be carried out \(.*anna.*\): .* "Move Mailboxes"$/,
  );
  assert.match(
    refusalOf(plan, 3).reason,
    /^the account may not use -CustomAttribute1 of Set-Mailbox, .* "Mail Recipients"$/,
  );
  assert.deepEqual(
    plan.steps.map(({ cmdlet }) => cmdlet),
    ['Set-Mailbox'],
  );
});

test('who waits for the address of an order that is not allowed is refused with it', () => {
  const model = organisation();
  model.lacking.set('Disable-Mailbox', 'all');
  const plan = planFor(model, [
    { change: 'Deleted', resource: { SamAccountName: 'anna' } },
    change('otto', { PrimarySmtpAddress: 'anna@contoso.com' }),
  ]);
  assert.deepEqual(kindsOf(plan), ['refused', 'refused']);
  assert.match(refusalOf(plan, 2).reason, /anna@contoso\.com is in use by anna/);
});

test('where the account may not ask, and where parameters are not told, nothing is held against the plan', () => {
  const model = organisation();
  const asked = planFor(model, [change('anna', { Office: 'Paris' })]);
  assert.deepEqual(kindsOf(asked), ['planned']);
  const answer = model.answer.bind(model);
  model.answer = (read) =>
    read.kind === 'command' ? { kind: 'unavailable', reason: 'Get-Command is not there' } : answer(read);
  assert.deepEqual(kindsOf(planFor(model, [change('anna', { Office: 'Paris' })])), ['planned']);
  // What changes nothing is not asked about at all.
  model.answer = (read) => {
    assert.notEqual(read.kind, 'command');
    return answer(read);
  };
  assert.deepEqual(kindsOf(planFor(model, [change('anna', { DisplayName: 'anna' })])), ['nothingToDo']);
});

function undo(model: ModelOrganisation, run: readonly CarriedOut[]): Plan {
  const live = new LiveReadings();
  for (let round = 0; round < 10; round += 1) {
    const result = planUndo(run, live, openSettings);
    if (result.kind === 'plan') return result;
    for (const read of result.reads) live.set(read, model.answer(read));
  }
  return assert.fail('no plan of an undo after 10 rounds of reading');
}

test('an undo that needs a cmdlet that the account lacks is refused in its plan', () => {
  const model = organisation();
  const plan = planFor(model, [
    { change: 'Deleted', resource: { SamAccountName: 'anna' } },
    change('otto', { Office: 'Rome' }),
  ]);
  carryOut(model, plan);
  model.lacking.set('Connect-Mailbox', 'all');
  const run = plan.orders.map(({ order }) => ({
    order,
    steps: plan.steps.filter(({ orderIndex }) => orderIndex === order.index),
  }));
  const back = undo(model, run);
  assert.deepEqual(kindsOf(back), ['refused', 'planned']);
  assert.match(refusalOf(back, 1).reason, /the account may not use Connect-Mailbox/);
  assert.equal(callsOf(back).length, 1);
});
