/*
 * The clocks of a run. A cookie's time decides what the next increment asks for: written by a clock that is ahead, and
 * put right later, it would leave changes out. The servers' own clocks, told with their answers, are what domain
 * controllers keep to; where they differ from this machine's, the earlier time is trusted.
 */

/** So much may clocks differ, as Kerberos allows. */
export const clockSkewMs = 5 * 60_000;
/** What was renamed is read again for longer where clocks differ, by so much at most. */
const mostSpreadMs = 48 * 3_600_000;

function ago(ms: number): string {
  const minutes = Math.round(ms / 60_000);
  const hours = Math.floor(minutes / 60);
  return hours === 0 ? `${minutes} minutes` : `${hours} h ${minutes % 60} min`;
}

function text(time: number): string {
  return new Date(time).toISOString();
}

export class RunClock {
  readonly #own: () => number;
  readonly #start: number;
  readonly #startedAt: number;
  /** By so much this machine's clock was ahead of a server's, at most; and behind. */
  #aheadMs = 0;
  #behindMs = 0;
  readonly #onDiffer: (sentence: string) => void;

  /**
   * @param own this machine's clock, milliseconds since 1970
   * @param start what it said when the run began, which is now
   * @param onDiffer told once for each direction
   */
  constructor(own: () => number, start: number, onDiffer: (sentence: string) => void) {
    this.#own = own;
    this.#start = start;
    this.#startedAt = performance.now();
    this.#onDiffer = onDiffer;
  }

  /**
   * Takes note of what a server's clock says at this moment.
   * @param server its address
   */
  compare(serverTime: number | undefined, server: string): void {
    if (serverTime === undefined) return;
    const own = this.#own();
    // This machine's clock may have been put right since the run began: what it said then counts, too.
    const sinceStart = performance.now() - this.#startedAt;
    const ahead = Math.max(own - serverTime, this.#start + sinceStart - serverTime);
    const behind = serverTime - own;
    if (ahead > Math.max(clockSkewMs, this.#aheadMs)) {
      if (this.#aheadMs === 0) this.#tell(own, serverTime, server, ahead, 'ahead of');
      this.#aheadMs = ahead;
    }
    if (behind > Math.max(clockSkewMs, this.#behindMs)) {
      if (this.#behindMs === 0) this.#tell(own, serverTime, server, behind, 'behind');
      this.#behindMs = behind;
    }
  }

  /** Milliseconds since 1970: now, and no later than any clock says. */
  now(): number {
    return this.#own() - this.#aheadMs;
  }

  /** When the run began, no later than any clock says. */
  get start(): number {
    return this.#start - this.#aheadMs;
  }

  /** By so much what clocks say differs: what has to hold for a while holds for as much longer. */
  get spreadMs(): number {
    return Math.min(mostSpreadMs, this.#aheadMs + this.#behindMs);
  }

  /** Why a cookie of that time cannot be relied on, with what the servers' clocks say; undefined where it can. */
  whyFuture(time: string): string | undefined {
    if (Date.parse(time) <= this.now() + clockSkewMs) return undefined;
    return `the last export is of ${time}, which is in the future by the clock of the server: the clock of this machine was or is wrong`;
  }

  /** Says so where a directory server stamped a change with a time that is yet to come. */
  lookAt(latestChange: string | undefined): string | undefined {
    const changed = latestChange === undefined ? Number.NaN : Date.parse(latestChange);
    const now = this.#own() + this.#behindMs;
    if (!(changed > now + clockSkewMs)) return undefined;
    return `a mailbox has a WhenChangedUTC of ${latestChange}, ${ago(changed - now)} later than it is (${text(now)}): the clock of the domain controller is ahead, or this machine's is behind; nothing is missed by that, but set it right`;
  }

  #tell(own: number, serverTime: number, server: string, difference: number, how: string): void {
    this.#onDiffer(
      `the clock of this machine says ${text(own)}, and the one of ${server} ${text(serverTime)}: it is ${ago(difference)} ${how} it; the next export asks for what changed since the earlier of the two; set the clock right`,
    );
  }
}
