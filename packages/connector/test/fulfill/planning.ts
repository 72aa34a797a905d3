/* Orders, plans and what becomes of them, for the tests of fulfilment. */
import assert from 'node:assert/strict';
import {
  type CmdletCall,
  type FulfillSettings,
  isStill,
  LiveReadings,
  type OrderDecision,
  type OrderReading,
  type Plan,
  planBatch,
  type Read,
  type ReadResult,
  readOrder,
  readsOf,
  type Step,
  verify,
} from '@exchange-connector/connector';

/** Settings under which nothing is stopped and nothing is protected. */
export const openSettings: FulfillSettings = {
  allowRemoveMailbox: false,
  waitForMove: false,
  protectedMailboxes: [],
  protectedDatabases: [],
  maximumInsertedLines: 0,
  maximumUpdatedLines: 0,
  maximumDeletedLines: 0,
  maxPercentageInsertedLines: 0,
  maxPercentageUpdatedLines: 0,
  maxPercentageDeletedLines: 0,
  valueSeparator: ' ',
  mountAttempts: 10,
  mountWaitMs: 6000,
  domainController: 'dc1.contoso.com',
};

export interface OrderText {
  readonly change?: 'Added' | 'Modified' | 'Deleted';
  readonly target?: 'Mailbox' | 'Database';
  readonly changes?: Readonly<Record<string, unknown>>;
  readonly resource?: Readonly<Record<string, unknown>>;
}

/** The JSON of an order. */
export function orderJson({
  change = 'Modified',
  target = 'Mailbox',
  changes = {},
  resource = {},
}: OrderText): unknown {
  return {
    AssignedResourceTypeId: '-393',
    ChangeType: change,
    Owner: { Id: '21511' },
    ResourceType: {
      Id: '-42',
      SourceEntityType: { Identifier: 'Directory_User' },
      TargetEntityType: { Identifier: `MicrosoftExchange_${target}` },
    },
    Changes: changes,
    Resource: resource,
  };
}

export function readOrders(orders: readonly OrderText[]): OrderReading[] {
  return orders.map((order, at) =>
    readOrder(orderJson(order), { index: at + 1, place: `orders.json, order ${at + 1}` }),
  );
}

/** What answers reads and obeys calls. */
export interface Organisation {
  answer(read: Read): ReadResult;
  run(call: CmdletCall): void;
}

const mostRounds = 12;

/** Plans orders, reading in rounds. */
export function planFor(
  organisation: Organisation,
  orders: readonly (OrderText | OrderReading)[],
  settings: Partial<FulfillSettings> = {},
): Plan {
  const readings = orders.every((order) => 'kind' in order)
    ? (orders as readonly OrderReading[])
    : readOrders(orders as readonly OrderText[]);
  const live = new LiveReadings();
  for (let round = 0; round < mostRounds; round += 1) {
    const result = planBatch(readings, live, { ...openSettings, ...settings });
    if (result.kind === 'plan') return result;
    assert.notEqual(result.reads.length, 0, 'a round of reading asks for something');
    for (const read of result.reads) {
      assert.equal(live.result(read), undefined, 'nothing is asked for twice');
      live.set(read, organisation.answer(read));
    }
  }
  return assert.fail(`no plan after ${mostRounds} rounds of reading`);
}

export function readAll(organisation: Organisation, reads: readonly Read[]): LiveReadings {
  const live = new LiveReadings();
  for (const read of reads) live.set(read, organisation.answer(read));
  return live;
}

/** Carries out one step, with the look before it and after it. */
export function carryOutStep(organisation: Organisation, step: Step): void {
  assert.deepEqual(
    isStill(step, readAll(organisation, readsOf(step.preconditions))),
    { kind: 'holds' },
    `before: ${step.purpose}`,
  );
  organisation.run(step);
  assert.deepEqual(
    verify(step, readAll(organisation, readsOf(step.expectation))),
    { kind: 'holds' },
    `after: ${step.purpose}`,
  );
}

export function carryOut(organisation: Organisation, plan: Plan): void {
  for (const step of plan.steps) carryOutStep(organisation, step);
}

/** The decision of the order at a place, from 1. */
export function decisionOf(plan: Plan, index = 1): OrderDecision {
  const decision = plan.orders[index - 1]?.decision;
  assert.ok(decision !== undefined);
  return decision;
}

export function kindsOf(plan: Plan): string[] {
  return plan.orders.map(({ decision }) => decision.kind);
}

/** The class and reason of a refused order. */
export function refusalOf(plan: Plan, index = 1): { readonly class: string; readonly reason: string } {
  const decision = decisionOf(plan, index);
  assert.equal(decision.kind, 'refused', JSON.stringify(decision));
  return decision as OrderDecision & { readonly kind: 'refused' };
}

export function callsOf(plan: Plan): { readonly cmdlet: string; readonly parameters: unknown }[] {
  return plan.steps.map(({ cmdlet, parameters }) => ({ cmdlet, parameters }));
}
