/* What the roles of the account do not hold is told by a plan, and refused before the first cmdlet of its order. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import type { PlanOutcome } from '@exchange-connector/agent';
import { mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';
import { accounts, people } from './random-batch.ts';

function rehearse(context: TestContext, without: readonly string[]): NativeRehearsal {
  const place = new NativeRehearsal({}, {}, { without });
  context.after(() => place.dispose());
  return place;
}

function batch(place: NativeRehearsal): void {
  const [a, b] = people(place);
  const [account] = accounts(place);
  place.give(
    mailboxOrder('1', 'Modified', { DisplayName: 'A' }, { SamAccountName: a?.sam }),
    mailboxOrder('2', 'Added', { SamAccountName: account, Database: { Name: 'DB01' }, CustomAttribute1: 'x' }),
    mailboxOrder('3', 'Deleted', {}, { SamAccountName: b?.sam }),
  );
}

/** Of each order of a plan: its id, and why it is refused. */
function told(plan: PlanOutcome): string[] {
  assert.ok(plan.kind === 'done');
  return plan.summary.plan.orders.map(({ order, decision }) =>
    decision.kind === 'refused'
      ? `${order.assignmentId} ${decision.class}: ${decision.reason.replace(/, without which.*/, '')}`
      : `${order.assignmentId} ${decision.kind}`,
  );
}

test('a plan lists what the account may not do; carried out, nothing of such an order is begun', async (context) => {
  const place = rehearse(context, ['Set-Mailbox:CustomAttribute1', 'Disable-Mailbox']);
  batch(place);
  const plan = await place.plan();
  assert.equal(plan.exitCode, 5);
  assert.deepEqual(told(plan), [
    '1 planned',
    '2 not-allowed: the account may not use -CustomAttribute1 of Set-Mailbox',
    '3 not-allowed: the account may not use Disable-Mailbox',
  ]);
  const ports = place.ports();
  assert.equal((await place.fulfill(ports)).exitCode, 5);
  assert.deepEqual(place.states(), ['1 Executed', '2 Errored', '3 Errored']);
  assert.equal(ports.counts.writes, 1);
  // Asked once for each cmdlet, however often the batch is planned.
  assert.equal(ports.sent.filter((name) => name === 'Get-Command').length, 3);
});

test('undo --plan lists what the account may not take back', async (context) => {
  const place = rehearse(context, []);
  batch(place);
  assert.equal((await place.fulfill()).kind, 'done', JSON.stringify(place.rows()));
  const before = place.state();
  place.lack('Connect-Mailbox');
  const plan = await place.undoPlan('run-1');
  assert.equal(plan.exitCode, 5);
  assert.deepEqual(told(plan), ['3 not-allowed: the account may not use Connect-Mailbox', '2 planned', '1 planned']);
  assert.deepEqual(place.state(), before);
  const ports = place.ports();
  assert.equal((await place.undo('run-1', ports)).exitCode, 5);
  assert.deepEqual(place.states(), ['3 Errored', '2 Executed', '1 Executed']);
});

test('an endpoint that has no Get-Command is asked, and the server judges each cmdlet when it comes', async (context) => {
  const place = rehearse(context, ['Get-Command', 'Disable-Mailbox']);
  batch(place);
  const plan = await place.plan();
  assert.deepEqual([plan.exitCode, told(plan)], [0, ['1 planned', '2 planned', '3 planned']]);
  assert.equal((await place.fulfill()).exitCode, 5);
  assert.deepEqual(place.states(), ['1 Executed', '2 Executed', '3 Errored']);
  assert.match(place.rows()[2]?.Message ?? '', /^not-allowed: The term 'Disable-Mailbox' is not recognized/);
});

test('an approved plan is not carried out where rights are gone since, and that is what it says', async (context) => {
  const place = rehearse(context, []);
  batch(place);
  const planFile = join(place.folder, 'plan.json');
  assert.equal((await place.plan(place.ports(), { planFile })).exitCode, 0);
  place.lack('Disable-Mailbox');
  assert.equal((await place.apply(planFile)).exitCode, 5);
  assert.deepEqual(place.states(), ['1 Executed', '2 Executed', '3 Errored']);
  assert.match(place.rows()[2]?.Message ?? '', /^not-allowed: the account may not use Disable-Mailbox/);
});
