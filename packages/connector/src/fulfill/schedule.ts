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

/** One thing that an order waits for: a whole order, or an address that one gives up. */
interface Need {
  readonly of: number;
  readonly from: number;
  readonly key: string | undefined;
  isOpen: boolean;
}

/**
 * Puts orders in an order that works. Its time is that of the needs, not of the orders squared.
 * @param drafts in the order of the batch
 * @param needs of each order, by its index
 */
export function schedule(drafts: readonly Draft[], needs: ReadonlyMap<number, OrderNeeds>): Schedule {
  return new Scheduler(drafts, needs).run();
}

class Scheduler {
  readonly #waiting: Map<number, Draft>;
  readonly #needsOf = new Map<number, readonly Need[]>();
  readonly #neededFrom = new Map<number, Need[]>();
  readonly #open = new Map<number, number>();
  /** Orders that wait for nothing, in the order in which they came to. */
  readonly #ready: number[] = [];
  readonly #divided = new Set<number>();
  readonly #pieces: Piece[] = [];

  constructor(drafts: readonly Draft[], needs: ReadonlyMap<number, OrderNeeds>) {
    this.#waiting = new Map(drafts.map((draft) => [draft.order.head.index, draft]));
    for (const index of this.#waiting.keys()) this.#note(index, needs.get(index));
  }

  #note(index: number, needs: OrderNeeds | undefined): void {
    const whole = (needs?.whole ?? []).map((from): Need => ({ of: index, from, key: undefined, isOpen: true }));
    const addresses = (needs?.addresses ?? []).map(({ from, key }): Need => ({ of: index, from, key, isOpen: true }));
    const own = [...whole, ...addresses].filter(({ from }) => this.#waiting.has(from));
    this.#needsOf.set(index, own);
    this.#open.set(index, own.length);
    if (own.length === 0) this.#ready.push(index);
    for (const need of own) {
      const known = this.#neededFrom.get(need.from);
      if (known === undefined) this.#neededFrom.set(need.from, [need]);
      else known.push(need);
    }
  }

  run(): Schedule {
    let at = 0;
    while (this.#waiting.size > 0) {
      const index = this.#ready[at];
      if (index !== undefined) {
        this.#take(index);
        at += 1;
      } else if (!this.#divide()) return { kind: 'deadlock', orders: [...this.#waiting.keys()] };
    }
    return { kind: 'schedule', pieces: this.#pieces };
  }

  #take(index: number): void {
    const draft = this.#waiting.get(index);
    if (draft === undefined) return;
    this.#pieces.push({ kind: this.#divided.has(index) ? 'rest' : 'whole', draft });
    this.#waiting.delete(index);
    for (const need of this.#neededFrom.get(index) ?? []) this.#meet(need);
  }

  #meet(need: Need): void {
    if (!need.isOpen) return;
    need.isOpen = false;
    const left = (this.#open.get(need.of) ?? 0) - 1;
    this.#open.set(need.of, left);
    if (left === 0) this.#ready.push(need.of);
  }

  /** Orders that wait for each other in a ring: following what each waits for first comes back to them. */
  #ring(): number[] {
    const [first] = this.#waiting.keys();
    const path: number[] = [];
    const places = new Map<number, number>();
    for (let at = first; at !== undefined; at = this.#needsOf.get(at)?.find(({ isOpen }) => isOpen)?.from) {
      const place = places.get(at);
      if (place !== undefined) return path.slice(place).sort((left, right) => left - right);
      places.set(at, path.length);
      path.push(at);
    }
    return [];
  }

  /** Divides one order of a ring, so that the others need not wait for it. */
  #divide(): boolean {
    return (
      this.#ring().some((index) => this.#divideOne(index)) ||
      [...this.#waiting.keys()].some((index) => this.#divideOne(index))
    );
  }

  #divideOne(index: number): boolean {
    const draft = this.#waiting.get(index);
    if (draft?.addresses?.divisible !== true || this.#divided.has(index)) return false;
    const isBlocked = this.#needsOf.get(index)?.some(({ key, isOpen }) => key === undefined && isOpen) === true;
    const wanted = (this.#neededFrom.get(index) ?? []).filter(({ key, isOpen }) => key !== undefined && isOpen);
    if (isBlocked || wanted.length === 0) return false;
    const keys = [...new Set(wanted.flatMap(({ key }) => key ?? []))].sort();
    this.#pieces.push({ kind: 'release', draft, keys });
    this.#divided.add(index);
    for (const need of wanted) this.#meet(need);
    return true;
  }
}
