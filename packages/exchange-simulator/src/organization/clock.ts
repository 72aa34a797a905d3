/* The organisation's clock: every change, every lag and every move is measured on it, and on nothing else. */

/** Tells the organisation's time. */
export interface OrganizationClock {
  now(): Date;
  /** Lets time pass at once: on the real clock from then on everything is that much later. */
  advance(ms: number): void;
}

/** Where a clock begins: `real` is the machine's own. A virtual one stands still until it is advanced. */
export type ClockStart = 'real' | 'virtual' | { readonly virtualFrom: Date };

/** The time at which a virtual clock begins unless told otherwise: after every computed time of the organisation. */
export const virtualStart = Date.UTC(2025, 6, 1, 8, 0, 0);

export class Clock implements OrganizationClock {
  readonly #isVirtual: boolean;
  #offsetMs: number;

  constructor(start: ClockStart = 'real') {
    this.#isVirtual = start !== 'real';
    this.#offsetMs = start === 'real' ? 0 : start === 'virtual' ? virtualStart : start.virtualFrom.getTime();
  }

  /** A clock that shows the same time now, and goes its own way. */
  fork(): Clock {
    const copy = new Clock(this.#isVirtual ? 'virtual' : 'real');
    copy.#offsetMs = this.#offsetMs;
    return copy;
  }

  /** Milliseconds since 1970. */
  nowMs(): number {
    return this.#isVirtual ? this.#offsetMs : Date.now() + this.#offsetMs;
  }
  now(): Date {
    return new Date(this.nowMs());
  }
  advance(ms: number): void {
    if (!Number.isFinite(ms) || ms < 0)
      throw new RangeError(`advancing the clock by ${ms} ms: a number of milliseconds from 0 upward is due`);
    this.#offsetMs += ms;
  }
}
