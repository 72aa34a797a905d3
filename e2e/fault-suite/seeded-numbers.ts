/** Numbers from a seed: the same on every machine. */
export class SeededNumbers {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A whole number from 0, below `limit`. */
  below(limit: number): number {
    this.#state = (Math.imul(this.#state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((this.#state / 4_294_967_296) * limit);
  }

  /** Takes an item out of a list. */
  take<T>(items: T[]): T {
    return items.splice(this.below(items.length), 1)[0] as T;
  }
}
