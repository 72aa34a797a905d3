/*
 * Orders and what was read of the organisation → a plan. Nothing here acts, and the same input gives the same plan.
 *
 * Each order is planned by itself on the state that those before it leave: databases that are made or changed, then
 * mailboxes, then databases that go. Then the addresses of all of them are judged together, an order of steps is looked
 * for, and whatever had to be refused leads to planning the rest anew, as if it were not there.
 */
import { AddressLedger, type AddressNeed, type AddressVerdicts } from './address-conflicts.ts';
import { divide } from './address-release.ts';
import { draftDatabaseOrder } from './database-order.ts';
import type { Draft, DraftStep } from './draft.ts';
import type { LiveState, Read } from './live-state.ts';
import { changedText } from './mailbox-kind.ts';
import { draftMailboxOrder } from './mailbox-order.ts';
import type { Order, OrderReading } from './order.ts';
import { OrganisationView } from './organisation-view.ts';
import { rightsTo } from './permissions.ts';
import type { FulfillSettings, ObjectIdentity, OrderDecision, Plan, Step } from './plan.ts';
import { ReadingNeeded, Refused } from './refused.ts';
import { type OrderNeeds, type Piece, schedule } from './schedule.ts';
import { exceededThresholds } from './thresholds.ts';

/** A batch that cannot be planned before more of the organisation is known. */
export interface ReadsNeeded {
  readonly kind: 'readsNeeded';
  /** Each once. Put them to the server, in any order, and plan again. */
  readonly reads: readonly Read[];
}

/**
 * Plans a batch of orders.
 * @param orders all orders of the batch, in their order; one that is unusable is refused in the plan
 * @param live what was read so far; nothing at first
 * @returns the plan, or what has to be read before: call again until it is a plan. Each round needs the results of the
 *   one before, and five or so lead to the end
 */
export function planBatch(
  orders: readonly OrderReading[],
  live: LiveState,
  settings: FulfillSettings,
): Plan | ReadsNeeded {
  const refusals = new Map<number, Refused>();
  for (;;) {
    const planner = new BatchPlanner(orders, live, settings, refusals);
    const result = planner.plan();
    if (result.kind === 'readsNeeded') return result;
    const more = result.kind === 'plan' ? rightsTo(result.steps, live, settings.domainController) : result;
    if (more.kind === 'readsNeeded') return more;
    if (result.kind === 'plan' && more.refusals.size === 0) return result;
    // Each time something is refused for good that was not before: this ends.
    for (const [index, refusal] of more.refusals) refusals.set(index, refusal);
  }
}

interface MoreRefusals {
  readonly kind: 'refusals';
  readonly refusals: ReadonlyMap<number, Refused>;
}

class BatchPlanner {
  readonly #readings: readonly OrderReading[];
  readonly #settings: FulfillSettings;
  readonly #view: OrganisationView;
  /** Orders that were refused for their place in the batch, in a planning before this one. */
  readonly #given: ReadonlyMap<number, Refused>;
  readonly #refused = new Map<number, Refused>();
  readonly #tooEarly = new Map<number, Refused>();
  readonly #drafts = new Map<number, Draft>();
  readonly #makers = new Map<string, number>();
  readonly #refusedMakers = new Map<string, number>();
  #pending = false;

  constructor(
    readings: readonly OrderReading[],
    live: LiveState,
    settings: FulfillSettings,
    given: ReadonlyMap<number, Refused>,
  ) {
    this.#readings = readings;
    this.#settings = settings;
    this.#view = new OrganisationView(live, settings.domainController);
    this.#given = given;
  }

  plan(): Plan | ReadsNeeded | MoreRefusals {
    this.#draftAll();
    const drafts = this.#inOrder();
    const verdicts = this.#judge(drafts);
    if (this.#pending || verdicts === undefined) return { kind: 'readsNeeded', reads: this.#view.missing };
    if (this.#tooEarly.size > 0) return { kind: 'refusals', refusals: this.#tooEarly };
    const refusals = propagate(verdicts, this.#refused);
    if (refusals.size > 0) return { kind: 'refusals', refusals };
    const needs = orderNeeds(drafts, verdicts);
    const scheduled = schedule(drafts, needs);
    if (scheduled.kind === 'deadlock') return { kind: 'refusals', refusals: deadlock(scheduled.orders) };
    try {
      const steps = number(scheduled.pieces, needs, this.#view);
      const byOrder = Map.groupBy(steps, ({ orderIndex }) => orderIndex);
      const acting = drafts.filter((draft) => draft.steps.length > 0).map(({ order }) => order);
      const exceeded = exceededThresholds(acting, this.#view, this.#settings);
      return {
        kind: 'plan',
        domainController: this.#settings.domainController,
        orders: this.#readings.map((reading) => ({ order: reading.head, decision: this.#decision(reading, byOrder) })),
        steps,
        exceeded,
      };
    } catch (error) {
      if (error instanceof ReadingNeeded) return { kind: 'readsNeeded', reads: this.#view.missing };
      if (error instanceof RefusedPiece) {
        return { kind: 'refusals', refusals: new Map([[error.orderIndex, error.refusal]]) };
      }
      throw error;
    }
  }

  #inOrder(): Draft[] {
    return [...this.#drafts.values()].sort((left, right) => left.order.head.index - right.order.head.index);
  }

  #judge(drafts: readonly Draft[]): AddressVerdicts | undefined {
    try {
      return new AddressLedger(drafts).judge(this.#view);
    } catch (error) {
      if (error instanceof ReadingNeeded) return undefined;
      throw error;
    }
  }

  #draftAll(): void {
    const orders = this.#readings.filter((reading) => reading.kind === 'order');
    const databases = orders.filter(({ target }) => target === 'database');
    const mailboxes = orders.filter(({ target }) => target === 'mailbox');
    for (const order of databases) if (order.changeType !== 'Deleted') this.#draftDatabase(order);
    for (const order of mailboxes) this.#draftMailbox(order);
    for (const order of databases) if (order.changeType === 'Deleted') this.#draftDatabase(order);
  }

  #try(order: Order, draft: () => Draft): void {
    const { index } = order.head;
    const given = this.#given.get(index);
    try {
      if (given !== undefined) throw given;
      this.#drafts.set(index, draft());
    } catch (error) {
      if (error instanceof ReadingNeeded) this.#pending = true;
      else if (error instanceof Refused) this.#refused.set(index, error);
      else throw error;
    }
  }

  #draftMailbox(order: Order): void {
    this.#try(order, () =>
      draftMailboxOrder(order, {
        view: this.#view,
        settings: this.#settings,
        databaseMaker: (name) => this.#makers.get(name.toLowerCase()),
        refusedMaker: (name) => this.#refusedMakers.get(name.toLowerCase()),
      }),
    );
  }

  #draftDatabase(order: Order): void {
    const { index } = order.head;
    const name = changedText(order, 'Name')?.toLowerCase();
    this.#try(order, () => {
      const draft = draftDatabaseOrder(order, {
        view: this.#view,
        settings: this.#settings,
        leaving: this.#leaving(),
        placedBy: (database) => this.#placedBy(database),
      });
      if (order.changeType === 'Deleted') this.#requireLast(draft);
      return draft;
    });
    if (order.changeType === 'Deleted') return;
    const draft = this.#drafts.get(index);
    // Nobody is put into a database before it is mounted.
    if (draft?.after['Mounted'] === true) this.#makers.set((name ?? draft.object.name).toLowerCase(), index);
    if (name === undefined) return;
    if (this.#refused.has(index)) this.#refusedMakers.set(name, index);
    else if ((draft?.after['Name'] ?? '') !== '') this.#makers.set(name, index);
  }

  /** A database that goes and is wanted again in one batch would need its mailboxes judged twice. */
  #requireLast(removal: Draft): void {
    const { index } = removal.order.head;
    const later = this.#inOrder().find(
      ({ object, order }) => order.head.index > index && objectKey(object) === objectKey(removal.object),
    );
    if (later === undefined || removal.steps.length === 0) return;
    const reason = `order ${later.order.head.index} of this batch wants the database ${removal.object.name} after it: send the two in different batches`;
    // What it leaves is laid over the view by now: the others are planned anew, as if it were not there.
    this.#tooEarly.set(index, new Refused('conflict', reason));
  }

  #leaving(): Map<string, { readonly from: string; readonly orderIndex: number }> {
    const leaving = new Map<string, { readonly from: string; readonly orderIndex: number }>();
    for (const draft of this.#inOrder()) {
      const guid = draft.object.guid;
      const from = draft.before['Database'];
      if (draft.object.kind !== 'mailbox' || guid === undefined || typeof from !== 'string') continue;
      if (draft.after['Database'] !== undefined) leaving.set(guid, { from, orderIndex: draft.order.head.index });
    }
    return leaving;
  }

  #placedBy(name: string): number | undefined {
    const wanted = name.toLowerCase();
    for (const { object, after, order } of this.#drafts.values()) {
      if (object.kind !== 'mailbox') continue;
      const place = after['Database'] ?? after['MoveRequest'];
      if (typeof place === 'string' && place.replace(/^to /, '').toLowerCase() === wanted) return order.head.index;
    }
    return undefined;
  }

  #decision(reading: OrderReading, steps: ReadonlyMap<number, readonly Step[]>): OrderDecision {
    if (reading.kind === 'unusable') {
      return refusedDecision(new Refused('invalid', reading.reason), undefined);
    }
    const { index } = reading.head;
    const draft = this.#drafts.get(index);
    if (draft === undefined) return refusedDecision(this.#refused.get(index), undefined);
    const { object, notes } = draft;
    const own = (steps.get(index) ?? []).map((step) => step.number);
    if (own.length === 0) return { kind: 'nothingToDo', object, notes };
    return { kind: 'planned', object, before: draft.before, after: draft.after, steps: own, notes };
  }
}

function refusedDecision(refusal: Refused | undefined, object: ObjectIdentity | undefined): OrderDecision {
  return {
    kind: 'refused',
    class: refusal?.refusalClass ?? 'invalid',
    reason: refusal?.message ?? 'the order could not be planned',
    errorId: refusal?.errorId,
    object,
    notes: [],
  };
}

/** Orders that wait for an address of a refused one are refused, too. */
function propagate(verdicts: AddressVerdicts, known: ReadonlyMap<number, Refused>): Map<number, Refused> {
  const refusals = new Map(verdicts.refused);
  const waiters = new Map<number, { readonly index: number; readonly need: AddressNeed }[]>();
  for (const [index, needs] of verdicts.needs) {
    for (const need of needs) {
      const list = waiters.get(need.from) ?? [];
      list.push({ index, need });
      waiters.set(need.from, list);
    }
  }
  const queue = [...refusals.keys()];
  for (let at = 0; at < queue.length; at += 1) {
    for (const { index, need } of waiters.get(queue[at] as number) ?? []) {
      if (refusals.has(index) || known.has(index)) continue;
      const address = need.key.slice(need.key.indexOf(':') + 1);
      const reason = `the address ${address} is in use; order ${need.from} of this batch would set it free, and is refused itself`;
      refusals.set(index, new Refused('conflict', reason));
      queue.push(index);
    }
  }
  return refusals;
}

function deadlock(orders: readonly number[]): Map<number, Refused> {
  const list = orders.join(', ');
  const reason = `orders ${list} of this batch wait for each other's addresses and cannot be put in an order; send them in different batches`;
  return new Map(orders.map((index) => [index, new Refused('conflict', reason)]));
}

function objectKey({ kind, guid, name }: ObjectIdentity): string {
  return `${kind}:${guid ?? name.toLowerCase()}`;
}

function orderNeeds(drafts: readonly Draft[], verdicts: AddressVerdicts): Map<number, OrderNeeds> {
  const needs = new Map<number, OrderNeeds>();
  const lastOn = new Map<string, number>();
  const acting = new Set(drafts.filter(({ steps }) => steps.length > 0).map(({ order }) => order.head.index));
  // The planning went from databases that come to databases that go: so does "before" on one object.
  for (const draft of drafts) {
    const { index } = draft.order.head;
    const key = objectKey(draft.object);
    const previous = lastOn.get(key);
    const whole = draft.needs.filter((other) => acting.has(other));
    if (previous !== undefined) whole.push(previous);
    needs.set(index, {
      whole: [...new Set(whole)],
      addresses: (verdicts.needs.get(index) ?? []).filter(({ from }) => acting.has(from)),
    });
    if (acting.has(index)) lastOn.set(key, index);
  }
  return needs;
}

/** A refusal that came up only while steps were put together. */
class RefusedPiece extends Error {
  readonly orderIndex: number;
  readonly refusal: Refused;

  constructor(orderIndex: number, refusal: Refused) {
    super(refusal.message);
    this.orderIndex = orderIndex;
    this.refusal = refusal;
  }
}

/** Gives each step its number, its order and the steps that it needs. @throws ReadingNeeded, RefusedPiece */
function number(pieces: readonly Piece[], needs: ReadonlyMap<number, OrderNeeds>, view: OrganisationView): Step[] {
  const steps: Step[] = [];
  const lastOf = new Map<number, number>();
  const releasedBy = new Map<string, number>();
  const rests = new Map<number, readonly DraftStep[]>();
  let unread = false;
  for (const piece of pieces) {
    const { draft } = piece;
    const { index } = draft.order.head;
    const own = needs.get(index);
    const whole = (own?.whole ?? []).flatMap((other) => lastOf.get(other) ?? []);
    const addresses = (own?.addresses ?? []).flatMap(
      ({ from, key }) => releasedBy.get(`${from} ${key}`) ?? lastOf.get(from) ?? [],
    );
    const add = (step: DraftStep, needed: readonly number[]): void => {
      const sorted = [...new Set(needed)].sort((left, right) => left - right);
      steps.push({ ...step, number: steps.length + 1, orderIndex: index, needs: sorted });
    };
    if (piece.kind === 'release') {
      const halves = halvesOf(piece, view);
      // All of them ask before one is waited for: else a batch of many swaps would take a round for each.
      unread ||= halves === undefined;
      if (halves === undefined) continue;
      rests.set(index, halves.rest);
      add(halves.release, whole);
      for (const key of piece.keys) releasedBy.set(`${index} ${key}`, steps.length);
      continue;
    }
    const parts = rests.get(index) ?? draft.steps;
    for (const [at, step] of parts.entries()) add(step, at === 0 ? [...whole, ...addresses] : []);
    if (parts.length > 0) lastOf.set(index, steps.length);
  }
  if (unread) throw new ReadingNeeded();
  return steps;
}

/** @returns undefined where something has to be read before */
function halvesOf(
  piece: Piece & { readonly kind: 'release' },
  view: OrganisationView,
): ReturnType<typeof divide> | undefined {
  const { draft, keys } = piece;
  try {
    if (draft.addresses === undefined) throw new Refused('conflict', 'an order without addresses cannot be divided');
    return divide(draft, draft.addresses, keys, view, view.domainController);
  } catch (error) {
    if (error instanceof ReadingNeeded) return undefined;
    if (error instanceof Refused) throw new RefusedPiece(draft.order.head.index, error);
    throw error;
  }
}
