/* A plan, asked for what belongs to one order or one object without walking through all of it. */
import type { Plan, PlannedOrder, Step } from '@exchange-connector/connector';

export class PlanLookup {
  readonly plan: Plan;
  readonly #steps: ReadonlyMap<number, readonly Step[]>;
  readonly #orders: ReadonlyMap<number, PlannedOrder>;
  readonly #keys: ReadonlyMap<number, string>;
  readonly #acting: ReadonlyMap<string, readonly PlannedOrder[]>;
  readonly #idle: readonly PlannedOrder[];
  readonly #idleByKey: ReadonlyMap<string, readonly PlannedOrder[]>;

  /** @param keyOf what tells the object of an order apart */
  constructor(plan: Plan, keyOf: (entry: PlannedOrder) => string) {
    this.plan = plan;
    this.#steps = Map.groupBy(plan.steps, ({ orderIndex }) => orderIndex);
    this.#orders = new Map(plan.orders.map((entry) => [entry.order.index, entry]));
    const keys = new Map(plan.orders.map((entry) => [entry.order.index, keyOf(entry)]));
    const key = ({ order }: PlannedOrder): string => keys.get(order.index) ?? '';
    this.#keys = keys;
    this.#acting = Map.groupBy(
      plan.orders.filter(({ decision }) => decision.kind === 'planned'),
      key,
    );
    this.#idle = plan.orders.filter(({ decision }) => decision.kind === 'nothingToDo');
    this.#idleByKey = Map.groupBy(this.#idle, key);
  }

  order(index: number): PlannedOrder | undefined {
    return this.#orders.get(index);
  }

  /** What tells an order's object apart. */
  keyOf(index: number): string {
    return this.#keys.get(index) ?? '';
  }

  /** The steps of an order, in their order. */
  stepsOf(index: number): readonly Step[] {
    return this.#steps.get(index) ?? [];
  }

  /** Orders that have nothing to do, about one object where it is named. */
  idle(key: string | undefined): readonly PlannedOrder[] {
    return key === undefined ? this.#idle : (this.#idleByKey.get(key) ?? []);
  }

  /** Orders about the same object that stand before this one and do something. */
  actingBefore(index: number): readonly PlannedOrder[] {
    return (this.#acting.get(this.keyOf(index)) ?? []).filter(({ order }) => order.index < index);
  }
}
