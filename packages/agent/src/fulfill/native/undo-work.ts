/*
 * Taking back what a run did: for each of its orders the inverse of the steps that stand, the last one first. What
 * another hand changed since is not overwritten: a call goes out only where the object is as the run left it.
 */
import {
  type Check,
  checkAll,
  type InverseCall,
  LiveReadings,
  type Plan,
  type PlannedOrder,
  readsOf,
  type Step,
} from '@exchange-connector/connector';
import type { BatchWork } from './batch-runner.ts';
import type { BatchSession } from './batch-session.ts';
import type { LiveReader } from './live-reader.ts';
import { type JournalOrder, type JournalReading, standingSteps, stepsOf } from './run-journal.ts';
import { differenceText, stepOfInverse } from './step-runner.ts';

/** The call that a step made, as the inverse of what takes it back. */
function forward(step: Step): InverseCall {
  const { cmdlet, parameters, purpose, before, after, preconditions, expectation } = step;
  return { cmdlet, parameters, purpose, before, after, preconditions, expectation };
}

/** What there is to be taken back of one order. */
interface Undoing {
  readonly order: JournalOrder;
  /** Where it is known beforehand that it cannot be taken back. */
  readonly impossible: string | undefined;
  readonly steps: readonly Step[];
  readonly notes: readonly string[];
}

/** The calls that take steps back, in the reverse of the order in which the steps were carried out. */
function undoingsOf(run: JournalReading, orders: readonly JournalOrder[]): Undoing[] {
  const history = stepsOf(run);
  const standing = standingSteps(history);
  const undoings = orders.map((order) => {
    const own = standing.get(Number(order.place)) ?? [];
    const stuck = own.find(({ step }) => step.inverse.kind === 'impossible')?.step;
    const impossible = stuck?.inverse.kind === 'impossible' ? `${stuck.purpose}: ${stuck.inverse.reason}` : undefined;
    const notes = own.flatMap(({ step }) => (step.inverse.kind === 'calls' ? step.inverse.notes : []));
    return { order, impossible, own, steps: [] as Step[], notes };
  });
  let number = 0;
  for (const { begun } of history.toReversed()) {
    const undoing = undoings.find(({ own, impossible }) => impossible === undefined && own.includes(begun));
    const { inverse } = begun.step;
    if (undoing === undefined || inverse.kind === 'impossible') continue;
    // Several calls take one back: the first of them is the one that the step itself takes back in turn.
    for (const [at, call] of inverse.calls.entries()) {
      number += 1;
      const calls = at === 0 ? [forward(begun.step)] : [];
      const numbering = { number, orderIndex: undoing.order.index };
      undoing.steps.push(stepOfInverse(call, begun.step, numbering, { kind: 'calls', calls, notes: [] }));
    }
  }
  return undoings;
}

/** The orders of a run of which something stands, last first, as orders of the run that takes them back. */
export function ordersToUndo(run: JournalReading, only: string | undefined): JournalOrder[] {
  const standing = standingSteps(stepsOf(run));
  return run.lines
    .flatMap((line) => (line.kind === 'order' ? [line] : []))
    .filter(
      ({ index, assignmentId }) => (standing.get(index)?.length ?? 0) > 0 && (only ?? assignmentId) === assignmentId,
    )
    .toReversed()
    .map(({ kind: _, ...order }, at) => ({ ...order, place: `${order.index}`, index: at + 1, json: '' }));
}

/** Plans the taking back of a run's orders. */
export class UndoWork implements BatchWork {
  readonly orders: readonly number[];
  readonly #undoings: readonly Undoing[];
  readonly #reader: LiveReader;
  readonly #session: BatchSession;
  readonly #doneSteps: () => ReadonlySet<number>;

  /**
   * @param run what is taken back
   * @param orders as {@link ordersToUndo} gave them: `place` is the order's place in that run
   * @param parts `doneSteps`: the numbers of the steps that were carried out already
   */
  constructor(
    run: JournalReading,
    orders: readonly JournalOrder[],
    parts: {
      readonly reader: LiveReader;
      readonly session: BatchSession;
      readonly doneSteps: () => ReadonlySet<number>;
    },
  ) {
    this.#undoings = undoingsOf(run, orders);
    this.orders = orders.map(({ index }) => index);
    this.#reader = parts.reader;
    this.#session = parts.session;
    this.#doneSteps = parts.doneSteps;
  }

  async plan(unanswered: readonly number[]): Promise<Plan> {
    const orders: PlannedOrder[] = [];
    const steps: Step[] = [];
    const done = this.#doneSteps();
    for (const undoing of this.#undoings) {
      if (!unanswered.includes(undoing.order.index)) continue;
      const pending = undoing.steps.filter(({ number }) => !done.has(number));
      const decision = await this.#decide(undoing, pending);
      if (decision.kind === 'planned') steps.push(...pending);
      const { index, place, assignmentId, changeType: changeTypeText, ownerId, ownerType } = undoing.order;
      orders.push({ order: { index, place, assignmentId, changeTypeText, ownerId, ownerType }, decision });
    }
    steps.sort((left, right) => left.number - right.number);
    return { kind: 'plan', domainController: this.#session.domainController, orders, steps, exceeded: [] };
  }

  async #decide({ impossible, notes }: Undoing, pending: readonly Step[]): Promise<PlannedOrder['decision']> {
    const [first] = pending;
    const object = first?.object;
    const refused = (failure: { readonly class: 'conflict' | 'not-allowed'; readonly reason: string }) =>
      ({ kind: 'refused', errorId: undefined, object, notes, ...failure }) as const;
    if (impossible !== undefined)
      return refused({ class: 'not-allowed', reason: `it cannot be taken back: ${impossible}` });
    if (first === undefined || object === undefined) return { kind: 'nothingToDo', object, notes };
    const failure = await this.#failure(first.preconditions);
    if (failure !== undefined) {
      const stands = (await this.#failure(pending.flatMap(({ expectation }) => expectation))) === undefined;
      if (stands) return { kind: 'nothingToDo', object, notes };
      return refused({ class: 'conflict', reason: `it was changed since: ${failure}` });
    }
    const before = Object.assign({}, ...pending.toReversed().map((step) => step.before));
    const after = Object.assign({}, ...pending.map((step) => step.after));
    return { kind: 'planned', object, before, after, steps: pending.map(({ number }) => number), notes };
  }

  async #failure(checks: readonly Check[]): Promise<string | undefined> {
    const live = new LiveReadings();
    await this.#reader.readInto(live, readsOf(checks));
    const outcome = checkAll(checks, live);
    if (outcome.kind === 'holds') return undefined;
    return outcome.kind === 'differs' ? differenceText(outcome) : outcome.reason;
  }
}
