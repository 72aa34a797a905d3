import type { RemoteSession } from '@exchange-connector/psrp';

/**
 * Gives sessions to whoever has work for one. A session that is lost is replaced, as often and as fast as the
 * server bears it, and the work begins anew in the next one: work must be such that it can.
 */
export interface SessionSource {
  /** How many pieces of work may go on at once. */
  readonly most: number;
  /**
   * Does a piece of work in a session that nobody else uses meanwhile.
   * @throws what the work throws, unless a session was lost and another could be had
   */
  run<T>(work: (session: RemoteSession) => Promise<T>): Promise<T>;
  /** A signal that is aborted with `signal`, or by `stop`: for pieces of work that are of no use without each other. */
  stopper(signal: AbortSignal): { readonly signal: AbortSignal; stop(reason: unknown): void };
  /** Tells that something was achieved that a lost session does not undo. */
  progressed(): void;
}

/** One session that is open already, and is not replaced. */
export function singleSession(session: RemoteSession): SessionSource {
  return {
    most: 1,
    run: (work) => work(session),
    stopper: (signal) => ({ signal, stop: () => {} }),
    progressed: () => {},
  };
}
