/*
 * What the journals of a batch say was done, done once more by hand in an organisation to which nothing happens: each
 * step that is noted as done, once, in its order and at its time. The two organisations then are the same; and at the
 * moment at which an order was said to be executed, the same order has nothing left to do.
 */
import assert from 'node:assert/strict';
import { callRequest } from '@exchange-connector/connector';
import { openInProcessSession } from '@exchange-connector/exchange-simulator';
import { psBoolean, type RemoteSession } from '@exchange-connector/psrp';
import type { BegunLine, EndedLine, JournalLine } from '../../../src/fulfill/native/run-journal.ts';
import type { NativeRehearsal } from './native-rehearsal.ts';

type OrderJson = { readonly AssignedResourceTypeId: string };

async function carryOut(session: RemoteSession, { step, domainController }: BegunLine): Promise<void> {
  const request = callRequest(step, { domainController: domainController ?? undefined, whatIf: false });
  for await (const event of session.invoke(request)) {
    const isTrouble = event.kind === 'error' || (event.kind === 'state' && event.error !== undefined);
    assert.ok(!isTrouble, `${step.purpose}, done once more: ${JSON.stringify(event)}`);
  }
}

/** Whether there is nothing left to do for an order, as things are. */
async function checkStands(reference: NativeRehearsal, order: OrderJson): Promise<void> {
  reference.give(order);
  const planned = await reference.plan();
  assert.equal(planned.kind, 'done');
  const [entry] = planned.kind === 'done' ? planned.summary.plan.orders : [];
  assert.equal(
    entry?.decision.kind,
    'nothingToDo',
    `order ${order.AssignedResourceTypeId} was executed, and does not stand: ${JSON.stringify(entry?.decision)}`,
  );
}

/**
 * Does what journals tell.
 * @param reference an organisation as it was before the batch
 * @param lines of the journals, in the order in which they were written
 * @returns false where a step did something else than it was to do: nobody can do that by hand
 */
export async function replayJournal(
  reference: NativeRehearsal,
  lines: readonly JournalLine[],
  orders: readonly OrderJson[],
): Promise<boolean> {
  const ends = new Map(lines.flatMap((line) => (line.kind === 'ended' ? [[line.requestId, line] as const] : [])));
  const isDone = (begun: BegunLine): EndedLine['end'] | undefined => ends.get(begun.requestId)?.end;
  if (lines.some((line) => line.kind === 'begun' && isDone(line) === 'otherwise')) return false;
  const { clock } = reference.organization;
  const session = openInProcessSession(reference.organization);
  const view = { name: 'ViewEntireForest', value: psBoolean(true) };
  for await (const _ of session.invoke({ statements: [[{ name: 'Set-ADServerSettings', parameters: [view] }]] }));
  for (const line of lines) {
    if (line.kind === 'begun') {
      clock.advance(Math.max(0, Date.parse(line.time) - clock.now().getTime()));
      if (isDone(line) === 'applied') await carryOut(session, line);
    } else if (line.kind === 'answer' && line.state === 'Executed' && line.carried === undefined) {
      const order = orders[line.order - 1];
      assert.ok(order !== undefined);
      await checkStands(reference, order);
    }
  }
  await session.close();
  return true;
}
