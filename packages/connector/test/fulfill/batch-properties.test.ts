/*
 * Whatever a batch holds, its plan works step by step, each order that it plans is done once, planning again finds
 * nothing to do, and undoing leads back. The organisation here refuses what Exchange refuses.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { LiveReadings, type Plan, planUndo } from '@exchange-connector/connector';
import fc from 'fast-check';
import { ModelOrganisation } from './model-organisation.ts';
import { carryOut, type OrderText, openSettings, planFor } from './planning.ts';

const people = ['ann', 'bob', 'cat', 'dan', 'eve'] as const;
const pool = Array.from({ length: 7 }, (_, at) => `x${at}@contoso.com`);
const x500 = 'X500:/o=Org/cn=kept one';

interface World {
  /** Who has each address of the pool: a person's place, -1 nobody, -2 a group. */
  readonly owners: readonly number[];
  /** Who has no mailbox. */
  readonly bare: readonly boolean[];
  readonly policy: readonly boolean[];
}

interface Wish {
  readonly who: number;
  readonly kind: 'list' | 'primary' | 'field' | 'move' | 'remove' | 'add';
  /** Places in the pool, the first is the primary. */
  readonly addresses: readonly number[];
  readonly text: string;
  readonly database: string;
}

const worlds = fc.record<World>({
  owners: fc.array(fc.integer({ min: -2, max: people.length - 1 }), { minLength: pool.length, maxLength: pool.length }),
  bare: fc.array(fc.boolean(), { minLength: people.length, maxLength: people.length }),
  policy: fc.array(fc.boolean(), { minLength: people.length, maxLength: people.length }),
});
const wishes = fc.record<Wish>({
  who: fc.integer({ min: 0, max: people.length - 1 }),
  kind: fc.constantFrom('list', 'list', 'list', 'primary', 'field', 'move', 'remove', 'add'),
  addresses: fc.uniqueArray(fc.integer({ min: 0, max: pool.length - 1 }), { minLength: 1, maxLength: 4 }),
  text: fc.constantFrom('Paris', 'Rome', ''),
  database: fc.constantFrom('DB1', 'DB2'),
});

function organisationOf(world: World): ModelOrganisation {
  const model = new ModelOrganisation();
  model.addDatabase('DB1');
  model.addDatabase('DB2');
  const ownedBy = (owner: number): string[] => pool.filter((_, at) => world.owners[at] === owner);
  for (const [at, name] of people.entries()) {
    const [first = `${name}@contoso.com`, ...rest] = ownedBy(at);
    if (world.bare[at] === true) model.addAccount(name);
    else
      model.addMailbox(name, [`SMTP:${first}`, ...rest.map((address) => `smtp:${address}`), `${x500} of ${name}`], {
        EmailAddressPolicyEnabled: world.policy[at] === true,
      });
  }
  model.addAccount('group', 'MailUniversalDistributionGroup', [
    'SMTP:group@contoso.com',
    ...ownedBy(-2).map((address) => `smtp:${address}`),
  ]);
  return model;
}

function orderOf({ who, kind, addresses, text, database }: Wish): OrderText {
  const SamAccountName = people[who];
  const [primary = '', ...rest] = addresses.map((at) => pool[at] ?? '');
  const list = [`SMTP:${primary}`, ...rest.map((address) => `smtp:${address}`)].join(' ');
  switch (kind) {
    case 'list':
      return { changes: { SamAccountName, EmailAddresses: list, Office: text } };
    case 'primary':
      return { changes: { SamAccountName, PrimarySmtpAddress: primary } };
    case 'field':
      return {
        changes: {
          SamAccountName,
          Office: text,
          ProhibitSendQuota: '2 GB',
          HiddenFromAddressListsEnabled: text === 'Rome',
        },
      };
    case 'move':
      return { changes: { SamAccountName, Database: { Name: database } } };
    case 'remove':
      return { change: 'Deleted', resource: { SamAccountName } };
    case 'add':
      return {
        change: 'Added',
        changes: { SamAccountName, EmailAddresses: list, Database: { Name: database }, Office: text },
      };
  }
}

interface Expected {
  addresses: Set<string>;
  office: string;
}

/** What a person's mailbox is after the planned orders, told by the rules for one order, one after the other. */
function expectedOf(model: ModelOrganisation, name: string, orders: readonly Wish[]): Expected | undefined {
  const account = [...model.accounts.values()].find(({ samAccountName }) => samAccountName === name);
  const mark = (address: string): string =>
    address.startsWith('SMTP:') ? `!${address.toLowerCase()}` : address.toLowerCase();
  let state: Expected | undefined =
    account?.mailbox === undefined
      ? undefined
      : { addresses: new Set(model.addressesOf(account).map(mark)), office: String(account.mailbox['Office']) };
  for (const { kind, addresses, text } of orders) {
    const [primary = '', ...rest] = addresses.map((at) => `smtp:${pool[at]}`);
    if (kind === 'remove') state = undefined;
    else if (kind === 'add' && state === undefined)
      state = { addresses: new Set([`!${primary}`, ...rest]), office: text };
    else if (state !== undefined) {
      const others = [...state.addresses].filter((address) => !address.replace('!', '').startsWith('smtp:'));
      if (kind === 'list' || kind === 'add') state.addresses = new Set([`!${primary}`, ...rest, ...others]);
      if (kind === 'primary') {
        const unmarked = [...state.addresses]
          .map((address) => address.replace('!', ''))
          .filter((address) => address !== primary);
        state.addresses = new Set([...unmarked, `!${primary}`]);
      }
      if (kind === 'list' || kind === 'field' || kind === 'add') state.office = text;
    }
  }
  return state;
}

function seenOf(model: ModelOrganisation, name: string): Expected | undefined {
  return expectedOf(model, name, []);
}

function carriedOut(plan: Plan, orders: readonly Wish[], who: string): Wish[] {
  return orders.filter((wish, at) => people[wish.who] === who && plan.orders[at]?.decision.kind !== 'refused');
}

/** A policy that was switched off for an address stays off, so that it cannot change the addresses again. */
function withoutPolicy(model: ModelOrganisation): unknown {
  return JSON.parse(
    JSON.stringify(model.state(), (name, value) => (name === 'EmailAddressPolicyEnabled' ? undefined : value)),
  );
}

function undo(model: ModelOrganisation, plan: Plan): Plan {
  const done = plan.orders.map(({ order }) => ({
    order,
    steps: plan.steps.filter((step) => step.orderIndex === order.index),
  }));
  const live = new LiveReadings();
  for (let round = 0; round < 12; round += 1) {
    const result = planUndo(done, live, openSettings);
    if (result.kind === 'plan') return result;
    for (const read of result.reads) live.set(read, model.answer(read));
  }
  return assert.fail('no plan of an undo after 12 rounds of reading');
}

test('a plan of any batch works, does each of its orders once, is taken back whole, once, and that is taken back', () => {
  fc.assert(
    fc.property(worlds, fc.array(wishes, { minLength: 1, maxLength: 9 }), (world, batch) => {
      const model = organisationOf(world);
      const untouched = organisationOf(world);
      const plan = planFor(model, batch.map(orderOf));
      carryOut(model, plan);
      const after = withoutPolicy(model);
      for (const name of people) {
        const expected = expectedOf(untouched, name, carriedOut(plan, batch, name));
        assert.deepEqual(seenOf(model, name), expected, name);
      }
      // Of a mailbox that the batch itself made nobody knows the ExchangeGuid: taken away, it cannot be found again.
      if (plan.steps.some(({ inverse }) => inverse.kind === 'impossible')) return;
      const back = undo(model, plan);
      assert.deepEqual(
        back.orders.filter(({ decision }) => decision.kind === 'refused'),
        [],
      );
      carryOut(model, back);
      assert.deepEqual(withoutPolicy(model), withoutPolicy(untouched));
      const again = undo(model, plan);
      assert.deepEqual(
        again.orders.filter(({ decision }) => decision.kind !== 'nothingToDo'),
        [],
      );
      const forth = undo(model, back);
      assert.deepEqual(
        forth.orders.filter(({ decision }) => decision.kind === 'refused'),
        [],
      );
      carryOut(model, forth);
      assert.deepEqual(withoutPolicy(model), after);
    }),
    { numRuns: 250 },
  );
});

test('orders about different mailboxes have nothing to do once they are carried out', () => {
  const batches = fc.uniqueArray(wishes, { minLength: 1, maxLength: people.length, selector: ({ who }) => who });
  fc.assert(
    fc.property(worlds, batches, (world, batch) => {
      const model = organisationOf(world);
      const plan = planFor(model, batch.map(orderOf));
      carryOut(model, plan);
      const executed = batch.filter((_, at) => plan.orders[at]?.decision.kind !== 'refused');
      if (executed.length === 0) return;
      const again = planFor(model, executed.map(orderOf));
      assert.deepEqual(
        again.orders.filter(({ decision }) => decision.kind !== 'nothingToDo'),
        [],
      );
    }),
    { numRuns: 150 },
  );
});

test('any exchange of addresses among mailboxes is carried out: passed on, swapped, in rings', () => {
  const exchanges = fc.record({
    before: fc.array(fc.integer({ min: 0, max: people.length - 1 }), {
      minLength: pool.length,
      maxLength: pool.length,
    }),
    after: fc.array(fc.integer({ min: 0, max: people.length - 1 }), { minLength: pool.length, maxLength: pool.length }),
    sequence: fc.shuffledSubarray([0, 1, 2, 3, 4], { minLength: 5, maxLength: 5 }),
  });
  fc.assert(
    fc.property(exchanges, ({ before, after, sequence }) => {
      const none = people.map(() => false);
      const model = organisationOf({ owners: before, bare: none, policy: none });
      const batch = sequence.map((who): OrderText => {
        const [first = `${people[who]}@contoso.com`, ...rest] = pool.filter((_, at) => after[at] === who);
        const list = [`SMTP:${first}`, ...rest.map((address) => `smtp:${address}`)];
        return { changes: { SamAccountName: people[who], EmailAddresses: list } };
      });
      const plan = planFor(model, batch);
      assert.deepEqual(
        plan.orders.filter(({ decision }) => decision.kind === 'refused'),
        [],
      );
      assert.ok(plan.steps.length <= 2 * people.length);
      carryOut(model, plan);
      for (const account of model.accounts.values()) {
        if (account.mailbox === undefined) continue;
        const who = people.indexOf(account.samAccountName as (typeof people)[number]);
        const mine = pool.filter((_, at) => after[at] === who);
        const smtp = model.addressesOf(account).filter((address) => /^smtp:/i.test(address));
        const wanted = mine.length === 0 ? [`${account.samAccountName}@contoso.com`] : mine;
        assert.deepEqual(smtp.map((address) => address.slice(5)).sort(), [...wanted].sort());
      }
    }),
    { numRuns: 150 },
  );
});
