/*
 * How many shells, and when the next one: decided from what the server said, with time passed in. Nothing
 * here waits; who asks is told until when.
 *
 *   "…maximum number of 18 concurrent shells…"      no further shell in this run; the next starts with as many
 *   "Please wait for N seconds"                      no shell for N seconds; later ones further apart
 *   "Micro delay applied. Actual delayed: N msecs"   fewer shells, where half of their time is delay
 *   a session lost, a server down                    again after 0, 1, 2, 4 … 30 seconds, for so long
 */

/** What is remembered of a server's limits from one run to the next. Plain data; times are milliseconds since 1970. */
export interface LearnedLimits {
  readonly learnedAt: number;
  /** So many shells were had at once when the server refused another one. */
  readonly shells?: number | undefined;
  /** So far apart shells are opened. */
  readonly spacingMs?: number | undefined;
  readonly throttledUntil?: number | undefined;
}

/** Why a shell was not opened. */
export type Refusal =
  | { readonly kind: 'wait'; readonly waitMs: number }
  | { readonly kind: 'tooMany' }
  /** It could not be reached, or did not answer as one should. */
  | {
      readonly kind: 'down';
      /** It is there, and may do better in a moment: the connection was cut, or it reached no back end. */
      readonly isPassing?: boolean;
    };

/** What the settings allow. */
export interface GovernorSettings {
  readonly shells: number;
  readonly spacingMs: number;
  /** For how long a session is tried to be had again after one was lost. */
  readonly reconnectForMs: number;
}

/** When a shell may be opened. */
export type Opening = { readonly kind: 'at'; readonly time: number } | { readonly kind: 'never' };

/** What to do after a session was lost, or could not be opened. */
export type Verdict = { readonly kind: 'again' } | { readonly kind: 'giveUp' };

/** Longer than this is not waited where no session is open: the run ends and says so. */
export const longestWaitMs = 300_000;
/** Waits in a row without a session. */
const mostWaits = 3;
/** A server that has too many shells of this account is asked again after this, where there is no session at all. */
const tooManyWaitMs = 15_000;
const longestSpacingMs = 60_000;
const backOffMs = [0, 1_000, 2_000, 4_000, 8_000, 15_000, 30_000] as const;
/** Sessions lost one after the other without anything achieved. */
const mostLosses = 6;
/** What was learned is forgotten after this: limits are changed, and other programs of the account end. */
const learnedForMs = 7 * 24 * 3_600_000;
const delayWindowMs = 60_000;

/** Milliseconds of a micro delay that a warning tells of; `undefined` where it tells of none. */
export function microDelayMs(warning: string): number | undefined {
  const match = /\bmicro.?delay\b.*?\bactual(?:ly)? delayed:?\s*(\d{1,9})/is.exec(warning);
  return match === null ? undefined : Number(match[1]);
}

export class Governor {
  readonly #settings: GovernorSettings;
  #most: number;
  #spacingMs: number;
  #learned: LearnedLimits | undefined;
  #openedAt: number | undefined;
  #notBefore = 0;
  #throttledUntil: number | undefined;
  #waits = 0;
  #losses = 0;
  #generation = 0;
  #failures = 0;
  #failingSince: number | undefined;
  #wasThere = false;
  #delays: { readonly at: number; readonly ms: number }[] = [];
  #fewerAt: number | undefined;

  constructor(settings: GovernorSettings, learned: LearnedLimits | undefined, now: number) {
    this.#settings = settings;
    const isFresh = learned !== undefined && now >= learned.learnedAt && now - learned.learnedAt < learnedForMs;
    this.#learned = isFresh ? learned : undefined;
    this.#most = Math.max(1, Math.min(settings.shells, this.#learned?.shells ?? settings.shells));
    this.#spacingMs = Math.max(settings.spacingMs, Math.min(longestSpacingMs, this.#learned?.spacingMs ?? 0));
    const until = this.#learned?.throttledUntil;
    if (until !== undefined && until > now && until - now <= longestWaitMs) {
      this.#throttledUntil = until;
      this.#notBefore = until;
    }
  }

  /** How many shells there may be at once by now. */
  get shells(): number {
    return this.#most;
  }

  /** Until when the server has asked to wait; `undefined` where that is over. */
  throttledUntil(now: number): number | undefined {
    return this.#throttledUntil !== undefined && this.#throttledUntil > now ? this.#throttledUntil : undefined;
  }

  /** What the next run is to know; `undefined` where nothing was learned. */
  get learned(): LearnedLimits | undefined {
    return this.#learned;
  }

  /** When the next shell may be opened, with so many open. */
  nextOpening(open: number): Opening {
    if (open >= this.#most) return { kind: 'never' };
    const apart = open === 0 || this.#openedAt === undefined ? 0 : this.#openedAt + this.#spacingMs;
    return { kind: 'at', time: Math.max(this.#notBefore, apart) };
  }

  opened(now: number): void {
    this.#openedAt = now;
    this.#waits = 0;
    this.#failures = 0;
    this.#failingSince = undefined;
    this.#throttledUntil = undefined;
  }

  /** Something was achieved that a lost session does not undo. */
  progressed(): void {
    this.#losses = 0;
  }

  /** How often sessions were lost so far; those that were open together are lost together. */
  get generation(): number {
    return this.#generation;
  }

  /**
   * A session was lost in the middle of its work.
   * @param generation what {@link generation} was when it was opened: a loss that an older session notices, too, counts once
   */
  lost(now: number, generation: number): Verdict {
    if (generation === this.#generation) {
      this.#generation += 1;
      this.#losses += 1;
    }
    if (this.#settings.reconnectForMs === 0 || this.#losses > mostLosses) return { kind: 'giveUp' };
    this.#notBefore = Math.max(this.#notBefore, now + backOff(this.#losses));
    return { kind: 'again' };
  }

  /**
   * A shell was not opened.
   * @param open how many there are
   * @param hadOne whether this run has had a session at all
   */
  refused(refusal: Refusal, now: number, open: number, hadOne: boolean): Verdict {
    switch (refusal.kind) {
      case 'wait':
        return this.#throttled(refusal.waitMs, now, open);
      case 'tooMany':
        if (open === 0) return this.#throttled(tooManyWaitMs, now, open);
        this.#most = open;
        this.#learn(now, { shells: open });
        return { kind: 'again' };
      case 'down':
        return this.#down(now, open, hadOne, refusal.isPassing === true);
      default:
        return refusal satisfies never;
    }
  }

  /** No further shell is to be had in this run, for a reason that says nothing of the server's limits. */
  enough(open: number): void {
    this.#most = Math.max(1, open);
  }

  /** A warning of the server; true where there are to be fewer shells from now on. */
  warned(warning: string, now: number, open: number): boolean {
    const ms = microDelayMs(warning);
    if (ms === undefined) return false;
    this.#delays = [...this.#delays.filter(({ at }) => now - at < delayWindowMs), { at: now, ms }];
    const delayed = this.#delays.reduce((sum, each) => sum + each.ms, 0);
    const isRecent = this.#fewerAt !== undefined && now - this.#fewerAt < delayWindowMs;
    if (open < 2 || isRecent || delayed < (delayWindowMs * open) / 2) return false;
    this.#fewerAt = now;
    this.#delays = [];
    this.#most = open - 1;
    this.#learn(now, { shells: open - 1 });
    return true;
  }

  #throttled(waitMs: number, now: number, open: number): Verdict {
    this.#notBefore = Math.max(this.#notBefore, now + waitMs);
    this.#throttledUntil = now + waitMs;
    this.#spacingMs = Math.max(this.#spacingMs, Math.min(longestSpacingMs, waitMs));
    this.#learn(now, { spacingMs: this.#spacingMs, throttledUntil: now + waitMs });
    if (open > 0) return { kind: 'again' };
    this.#waits += 1;
    return waitMs > longestWaitMs || this.#waits > mostWaits ? { kind: 'giveUp' } : { kind: 'again' };
  }

  #down(now: number, open: number, hadOne: boolean, isPassing: boolean): Verdict {
    if (open === 0 && !hadOne) return this.#neverUp(now, isPassing);
    this.#failures += 1;
    this.#failingSince ??= now;
    const delay = Math.max(1_000, backOff(this.#failures));
    this.#notBefore = Math.max(this.#notBefore, now + delay);
    if (open > 0) return { kind: 'again' };
    return now + delay - this.#failingSince > this.#settings.reconnectForMs ? { kind: 'giveUp' } : { kind: 'again' };
  }

  /**
   * Before the first session: what is wrong with the settings is said at once, and what may pass is tried again. A
   * server that goes away after such an answer is one that is restarted.
   */
  #neverUp(now: number, isPassing: boolean): Verdict {
    this.#wasThere ||= isPassing;
    this.#failures += 1;
    const waited = sum(Array.from({ length: this.#failures }, (_, attempt) => passingWaitMs(attempt + 1)));
    if (!this.#wasThere || this.#failures > mostFirstRetries || waited > this.#settings.reconnectForMs)
      return { kind: 'giveUp' };
    this.#notBefore = Math.max(this.#notBefore, now + passingWaitMs(this.#failures));
    return { kind: 'again' };
  }

  #learn(now: number, what: Omit<LearnedLimits, 'learnedAt'>): void {
    // From the first on: what is learned again and again of one limit must not keep another one alive.
    this.#learned = { ...this.#learned, ...what, learnedAt: this.#learned?.learnedAt ?? now };
  }
}

/** A run that had no session yet tries so often again to have one: for 15 seconds. */
const mostFirstRetries = 4;

/** Milliseconds before the n-th attempt after a first one that failed for a reason that may pass: 1 second, 2, 4, 8. */
export function passingWaitMs(attempt: number): number {
  return backOff(attempt + 1);
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((total, each) => total + each, 0);
}

/** Milliseconds before the n-th attempt; none before the first, nor where nothing was lost since something was achieved. */
function backOff(attempt: number): number {
  return backOffMs[Math.min(Math.max(attempt, 1), backOffMs.length) - 1] as number;
}
