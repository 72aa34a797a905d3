import type { RunPhase, RunProgress } from './run.ts';

/** At most so often is progress told within a phase. */
const intervalMs = 250;

const grouped = new Intl.NumberFormat('en-US');

/** Thins progress out and adds what a person wants to know: the rate, and the time left. */
export class ProgressMeter {
  readonly #tell: (progress: RunProgress) => void;
  readonly #now: () => number;
  #phase: RunPhase | undefined;
  #phaseStart = 0;
  #nextAt = 0;
  #throttledUntil: string | undefined;
  #reached: { readonly done: number; readonly total: number | undefined } = { done: 0, total: undefined };

  /** @param now milliseconds of a clock that never goes back */
  constructor(tell: (progress: RunProgress) => void, now: () => number = () => performance.now()) {
    this.#tell = tell;
    this.#now = now;
  }

  /** How far things have come, for a person: `after 1,200 of 3,000 mailboxes`. */
  get howFar(): string {
    const { done, total } = this.#reached;
    const count = total === undefined ? grouped.format(done) : `${grouped.format(done)} of ${grouped.format(total)}`;
    switch (this.#phase) {
      case 'databases':
      case 'mailboxes':
        return `after ${count} ${this.#phase}`;
      case 'counting':
        return 'while the mailboxes were counted';
      case 'writing':
        return `after all had been read and ${count} rows written`;
      case 'fulfilling':
        return `after ${count} orders`;
      case 'connecting':
      case undefined:
        return 'before anything was read';
      default:
        return this.#phase satisfies never;
    }
  }

  /** Says until when the server is waited for (milliseconds since 1970), or that it is no more. */
  throttled(until: number | undefined): void {
    const text = until === undefined ? undefined : new Date(until).toISOString();
    if (text === this.#throttledUntil) return;
    this.#throttledUntil = text;
    if (this.#phase === undefined) return;
    this.#nextAt = 0;
    this.report(this.#phase, this.#reached.done, this.#reached.total);
  }

  /** Takes each step; tells a few a second, the first of a phase, and the one that reaches its total. */
  report(phase: RunPhase, done: number, total: number | undefined): void {
    this.#reached = { done, total };
    const now = this.#now();
    if (phase !== this.#phase || done === 0) {
      this.#phase = phase;
      this.#phaseStart = now;
      this.#nextAt = now;
    }
    if (now < this.#nextAt && done !== total) return;
    this.#nextAt = now + intervalMs;
    const seconds = (now - this.#phaseStart) / 1000;
    const perSecond = seconds > 0 ? done / seconds : 0;
    const left = total === undefined || perSecond === 0 ? undefined : Math.max(0, total - done) / perSecond;
    const throttledUntil = this.#throttledUntil;
    const more = throttledUntil === undefined ? {} : { throttledUntil };
    this.#tell({ phase, done, total, perSecond, secondsLeft: left, ...more });
  }
}
