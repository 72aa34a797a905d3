/*
 * An order of steps that works. An order waits for those that it needs: for the one before it on the same object, for one
 * that gives up an address, for one that makes a database. Where orders wait for each other in a ring, as in a swap of
 * addresses, one of them is divided: its mailbox first gives up the addresses that others wait for, and gets its new
 * ones when those are free.
 *
 *   order 1: A gets y (B has it)      divided:   1. B gives up y      (a part of order 2)
 *   order 2: B gets x (A has it)                 2. A gets y, gives up x          (order 1)
 *                                                3. B gets x                      (order 2)
 */
import type { AddressNeed } from './address-conflicts.ts';
import type { Draft } from './draft.ts';

/** A piece of the schedule: a whole order, or its two halves. */
export type Piece =
  | { readonly kind: 'whole'; readonly draft: Draft }
  /** The mailbox gives up the addresses of these keys. */
  | { readonly kind: 'release'; readonly draft: Draft; readonly keys: readonly string[] }
  /** The rest of a divided order. */
  | { readonly kind: 'rest'; readonly draft: Draft };

export type Schedule =
  | { readonly kind: 'schedule'; readonly pieces: readonly Piece[] }
  /** Orders that wait for each other and cannot be divided, by their index. */
  | { readonly kind: 'deadlock'; readonly orders: readonly number[] };

/** What an order waits for. */
export interface OrderNeeds {
  /** Orders that have to be carried out whole. */
  readonly whole: readonly number[];
  readonly addresses: readonly AddressNeed[];
}

/**
 * @param drafts in the order of the batch
 * @param needs of each order with steps, by its index
 */
export function schedule(drafts: readonly Draft[], needs: ReadonlyMap<number, OrderNeeds>): Schedule {
  const scheduler = new Scheduler(drafts, needs);
  return scheduler.run();
}

class Scheduler {
  readonly #waiting: Map<number, Draft>;
  readonly #needs: ReadonlyMap<number, OrderNeeds>;
  readonly #done = new Set<number>();
  /** Addresses that a divided order has given up already. */
  readonly #released = new Map<number, ReadonlySet<string>>();
  readonly #pieces: Piece[] = [];

  constructor(drafts: readonly Draft[], needs: ReadonlyMap<number, OrderNeeds>) {
    this.#waiting = new Map(drafts.map((draft) => [draft.order.head.index, draft]));
    this.#needs = needs;
  }

  run(): Schedule {
    while (this.#waiting.size > 0) {
      if (this.#takeReady() || this.#divide()) continue;
      return { kind: 'deadlock', orders: [...this.#waiting.keys()] };
    }
    return { kind: 'schedule', pieces: this.#pieces };
  }

  /** Takes, from the first to the last, every order that waits for nothing. */
  #takeReady(): boolean {
    let took = false;
    for (const [index, draft] of this.#waiting) {
      if (this.#blockers(index).length > 0) continue;
      this.#pieces.push({ kind: this.#released.has(index) ? 'rest' : 'whole', draft });
      this.#waiting.delete(index);
      this.#done.add(index);
      took = true;
    }
    return took;
  }

  #isReleased({ from, key }: AddressNeed): boolean {
    return this.#done.has(from) || !this.#waiting.has(from) || this.#released.get(from)?.has(key) === true;
  }

  #wholeBlockers(index: number): number[] {
    return (this.#needs.get(index)?.whole ?? []).filter((other) => this.#waiting.has(other));
  }

  #blockers(index: number): number[] {
    const addresses = (this.#needs.get(index)?.addresses ?? []).filter((need) => !this.#isReleased(need));
    return [...this.#wholeBlockers(index), ...addresses.map(({ from }) => from)];
  }

  /** The addresses that waiting orders want from each order. */
  #wanted(): Map<number, Set<string>> {
    const wanted = new Map<number, Set<string>>();
    for (const index of this.#waiting.keys()) {
      for (const need of this.#needs.get(index)?.addresses ?? []) {
        if (this.#isReleased(need)) continue;
        const keys = wanted.get(need.from) ?? new Set<string>();
        wanted.set(need.from, keys.add(need.key));
      }
    }
    return wanted;
  }

  /** Orders that wait for each other in a ring: following the first blocker of each comes back to them. */
  #ring(): number[] {
    const [first] = this.#waiting.keys();
    const path: number[] = [];
    const places = new Map<number, number>();
    for (let at = first; at !== undefined; at = this.#blockers(at)[0]) {
      const place = places.get(at);
      if (place !== undefined) return path.slice(place).sort((left, right) => left - right);
      places.set(at, path.length);
      path.push(at);
    }
    return [];
  }

  /** Divides one order of a ring, so that the others need not wait for it. */
  #divide(): boolean {
    const wanted = this.#wanted();
    for (const index of [...this.#ring(), ...this.#waiting.keys()]) {
      const keys = wanted.get(index);
      const draft = this.#waiting.get(index);
      if (keys === undefined || draft?.addresses?.divisible !== true || this.#released.has(index)) continue;
      if (this.#wholeBlockers(index).length > 0) continue;
      this.#pieces.push({ kind: 'release', draft, keys: [...keys].sort() });
      this.#released.set(index, keys);
      return true;
    }
    return false;
  }
}
