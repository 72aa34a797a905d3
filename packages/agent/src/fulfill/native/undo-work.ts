/* Taking back what a run did: for each of its orders the steps that stand, the last one first. */
import {
  type CarriedOut,
  type FulfillSettings,
  LiveReadings,
  type Plan,
  planUndo,
} from '@exchange-connector/connector';
import type { BatchWork } from './batch-runner.ts';
import type { BatchSession } from './batch-session.ts';
import type { LiveReader } from './live-reader.ts';
import { readInRounds } from './orders-work.ts';
import { type JournalOrder, type JournalReading, standingSteps, stepsOf } from './run-journal.ts';

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

/** What is to be taken back; a step's number tells when it was carried out among all of its run. */
function carriedOut(run: JournalReading, orders: readonly JournalOrder[]): CarriedOut[] {
  const history = stepsOf(run);
  const standing = standingSteps(history);
  const sequence = new Map(history.map(({ begun }, at) => [begun.requestId, at + 1]));
  return orders.map(({ index, place, assignmentId, changeType: changeTypeText, ownerId, ownerType }) => ({
    order: { index, place, assignmentId, changeTypeText, ownerId, ownerType },
    steps: (standing.get(Number(place)) ?? []).map(({ requestId, step }) => ({
      ...step,
      number: sequence.get(requestId) ?? 0,
    })),
  }));
}

/** Plans the taking back of a run's orders. */
export class UndoWork implements BatchWork {
  readonly orders: readonly number[];
  readonly #carriedOut: readonly CarriedOut[];
  /** All that the run did; some of it may not be asked for. */
  readonly #whole: readonly CarriedOut[];
  readonly #settings: FulfillSettings;
  readonly #reader: LiveReader;
  readonly #session: BatchSession;

  /**
   * @param run what is taken back
   * @param orders as {@link ordersToUndo} gave them: `place` is the order's place in that run
   */
  constructor(
    run: JournalReading,
    orders: readonly JournalOrder[],
    settings: FulfillSettings,
    parts: { readonly reader: LiveReader; readonly session: BatchSession },
  ) {
    this.#carriedOut = carriedOut(run, orders);
    this.#whole = carriedOut(run, ordersToUndo(run, undefined));
    this.orders = orders.map(({ index }) => index);
    this.#settings = settings;
    this.#reader = parts.reader;
    this.#session = parts.session;
  }

  nameOf(order: number): string {
    return `order ${order}`;
  }

  plan(unanswered: readonly number[]): Promise<Plan> {
    const wanted = new Set(unanswered);
    const orders = this.#carriedOut.filter(({ order }) => wanted.has(order.index));
    const settings = { ...this.#settings, domainController: this.#session.domainController };
    const live = new LiveReadings();
    return readInRounds(this.#reader, live, () => planUndo(orders, live, settings, this.#whole));
  }
}
