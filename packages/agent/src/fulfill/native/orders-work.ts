/* Orders as work of a batch: planned from the live state, or held against a plan that a person saw. */
import {
  type FulfillSettings,
  LiveReadings,
  type OrderReading,
  type Plan,
  planBatch,
  type ReadsNeeded,
  type PlannedOrder,
  readOrder,
  type Step,
} from '@exchange-connector/connector';
import { AgentError } from '../../errors.ts';
import { parseExactly } from '../order-files.ts';
import type { BatchWork } from './batch-runner.ts';
import type { BatchSession } from './batch-session.ts';
import type { LiveReader } from './live-reader.ts';
import type { JournalOrder } from './run-journal.ts';

/** Planning asks in rounds; each follows from what the one before gave. */
const mostReadingRounds = 50;

function nameOf(reading: OrderReading): string {
  return reading.kind === 'order' ? `${reading.target} ${reading.identities[0]?.value ?? ''}`.toLowerCase() : '';
}

/** Plans orders from what the directory holds now. */
export class OrdersWork implements BatchWork {
  readonly orders: readonly number[];
  readonly #readings: readonly OrderReading[];
  readonly #names: ReadonlyMap<number, string>;
  readonly #settings: FulfillSettings;
  readonly #reader: LiveReader;
  readonly #session: BatchSession;
  readonly #onRead: ((reads: number) => void) | undefined;

  constructor(
    orders: readonly JournalOrder[],
    settings: FulfillSettings,
    parts: { readonly reader: LiveReader; readonly session: BatchSession; readonly onRead?: (reads: number) => void },
  ) {
    this.orders = orders.map(({ index }) => index);
    this.#readings = orders.map(({ json, index, place }) => readOrder(parseExactly(json), { index, place }));
    this.#names = new Map(this.#readings.map((reading) => [reading.head.index, nameOf(reading)]));
    this.#settings = settings;
    this.#reader = parts.reader;
    this.#session = parts.session;
    this.#onRead = parts.onRead;
  }

  nameOf(order: number): string {
    return this.#names.get(order) ?? '';
  }

  plan(unanswered: readonly number[]): Promise<Plan> {
    const wanted = new Set(unanswered);
    const orders = this.#readings.filter(({ head }) => wanted.has(head.index));
    const { domainController, forestInView } = this.#session;
    const settings = { ...this.#settings, domainController, forestInView };
    const live = new LiveReadings();
    return readInRounds(this.#reader, live, () => planBatch(orders, live, settings), this.#onRead);
  }
}

/** Plans, reads what the planner asks for, and plans again, until there is a plan. @throws SessionLostError */
export async function readInRounds(
  reader: LiveReader,
  live: LiveReadings,
  plan: () => Plan | ReadsNeeded,
  onRead?: (reads: number) => void,
): Promise<Plan> {
  let reads = 0;
  for (let round = 0; round < mostReadingRounds; round += 1) {
    const planning = plan();
    if (planning.kind === 'plan') return planning;
    await reader.readInto(live, planning.reads);
    reads += planning.reads.length;
    onRead?.(reads);
  }
  throw new AgentError('RUN_UNEXPECTED', `planning: after ${reads} reads still more is asked for`);
}

/** What a step does, apart from its place. */
function deedOf({ cmdlet, parameters, object }: Step): string {
  return JSON.stringify([cmdlet, parameters, object.guid ?? object.name]);
}

type StepsByOrder = ReadonlyMap<number, readonly Step[]>;

function stepsByOrder(plan: Plan): StepsByOrder {
  return Map.groupBy(plan.steps, ({ orderIndex }) => orderIndex);
}

function deedsOf(steps: StepsByOrder, order: number): string[] {
  return (steps.get(order) ?? []).map(deedOf);
}

/** Which fields of an object are no longer what a plan was made for. */
function movedFields(saved: PlannedOrder['decision'], now: PlannedOrder['decision']): string {
  if (saved.kind !== 'planned') return '';
  if (now.kind === 'refused') return now.reason;
  if (now.kind === 'nothingToDo') return 'what it was to do stands already';
  const words = Object.keys(saved.before)
    .filter((name) => JSON.stringify(saved.before[name]) !== JSON.stringify(now.before[name]))
    .map((name) => `${name} was ${JSON.stringify(saved.before[name])}, is ${JSON.stringify(now.before[name] ?? null)}`);
  return words.length === 0 ? 'other steps would be needed now' : words.join('; ');
}

/** Carries out a plan that was made before, and nothing else. */
export class SavedPlanWork implements BatchWork {
  readonly orders: readonly number[];
  readonly #inner: OrdersWork;
  readonly #saved: ReadonlyMap<number, PlannedOrder['decision']>;
  readonly #savedSteps: StepsByOrder;

  constructor(inner: OrdersWork, saved: Plan) {
    this.#inner = inner;
    this.#saved = new Map(saved.orders.map(({ order, decision }) => [order.index, decision]));
    this.#savedSteps = stepsByOrder(saved);
    this.orders = inner.orders;
  }

  nameOf(order: number): string {
    return this.#inner.nameOf(order);
  }

  async plan(unanswered: readonly number[], begun: ReadonlySet<number>): Promise<Plan> {
    const now = await this.#inner.plan(unanswered);
    const steps = stepsByOrder(now);
    const orders = now.orders.map((entry) => ({ ...entry, decision: this.#decide(entry, steps, begun) }));
    const kept = new Set(orders.filter(({ decision }) => decision.kind === 'planned').map(({ order }) => order.index));
    return { ...now, orders, steps: now.steps.filter(({ orderIndex }) => kept.has(orderIndex)) };
  }

  #decide({ order, decision }: PlannedOrder, now: StepsByOrder, begun: ReadonlySet<number>): PlannedOrder['decision'] {
    const saved = this.#saved.get(order.index);
    if (saved === undefined || saved.kind === 'refused') return saved ?? decision;
    if (saved.kind === 'nothingToDo' && decision.kind === 'nothingToDo') return decision;
    const wanted = deedsOf(this.#savedSteps, order.index);
    const deeds = deedsOf(now, order.index);
    if (begun.has(order.index)) {
      // Some of its steps are done: what is left has to be a part of the plan.
      if (decision.kind === 'nothingToDo' || deeds.every((deed) => wanted.includes(deed))) return decision;
    } else if (saved.kind === 'planned' && decision.kind === 'planned') {
      const isSame =
        JSON.stringify(wanted) === JSON.stringify(deeds) &&
        JSON.stringify(saved.before) === JSON.stringify(decision.before);
      if (isSame) return decision;
    }
    // The object may be as it was: it is the account that is not.
    if (decision.kind === 'refused' && decision.class === 'not-allowed') return decision;
    const seen =
      saved.kind === 'nothingToDo'
        ? 'what stood when the plan was made does not stand now'
        : movedFields(saved, decision);
    return {
      kind: 'refused',
      class: 'conflict',
      reason: `its object moved since the plan was made: ${seen}`,
      errorId: undefined,
      object: decision.object,
      notes: [],
    };
  }
}
