/*
 * Sessions for whoever has work: opened one after the other as the governor lets them be, kept while there is
 * work, replaced when lost. A session that is not to be had while others are open is waited for with them.
 */
import type { SessionSource } from '@exchange-connector/connector';
import type { RemoteSession } from '@exchange-connector/psrp';
import type { Governor, Refusal } from './governor.ts';

/** Time, for waiting; tests bring their own. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** @throws the signal's reason when it is aborted */
  wait(ms: number, signal: AbortSignal): Promise<void>;
}

/** What a pool needs around it. */
export interface PoolPorts<S extends RemoteSession> {
  /** Opens a session, once. `isFirst` where there is no other one at the moment; the signal says that none is wanted any more. */
  readonly open: (isFirst: boolean, signal: AbortSignal) => Promise<S>;
  /** Why a session was not opened, where another attempt may do better; `undefined` where none will. */
  readonly refusalOf: (error: unknown) => Refusal | undefined;
  /** Whether an error means that the session is lost, and its work may be done in another one. */
  readonly isLoss: (error: unknown) => boolean;
  readonly governor: Governor;
  readonly clock: Clock;
  readonly most: number;
  readonly signal: AbortSignal;
  readonly onWarning: (message: string) => void;
  readonly onNote: (message: string) => void;
  /** Milliseconds since 1970 until which the server wants no further session; `undefined` where that is over. */
  readonly onThrottled: (until: number | undefined) => void;
}

/** Timers take no more than 24 days, and then fire at once; whoever waits looks at the time again. */
const longestTimerMs = 3_600_000;

export class SessionPool<S extends RemoteSession = RemoteSession> implements SessionSource {
  readonly most: number;
  readonly #ports: PoolPorts<S>;
  readonly #closing = new AbortController();
  /** Aborted by the run, or when the pool closes. */
  readonly #signal: AbortSignal;
  readonly #idle: S[] = [];
  /** All that are open, with the governor's generation when they were opened. */
  readonly #all = new Map<S, number>();
  #lastLoss: { readonly error: unknown } | undefined;
  #opening: Promise<void> | undefined;
  #hadOne = false;
  #fatal: { readonly error: unknown } | undefined;
  #changed = Promise.withResolvers<void>();

  constructor(ports: PoolPorts<S>) {
    this.#ports = ports;
    this.most = ports.most;
    this.#signal = AbortSignal.any([ports.signal, this.#closing.signal]);
  }

  /** Sessions that are open. */
  get open(): number {
    return this.#all.size;
  }

  async run<T>(work: (session: RemoteSession) => Promise<T>): Promise<T> {
    for (;;) {
      const session = await this.#acquire();
      try {
        const result = await work(session);
        this.#giveBack(session);
        return result;
      } catch (error) {
        if (this.#signal.aborted || !this.#ports.isLoss(error)) {
          this.#giveBack(session);
          throw error;
        }
        await this.#lose(session, error);
      }
    }
  }

  stopper(signal: AbortSignal): { readonly signal: AbortSignal; stop(reason: unknown): void } {
    const own = new AbortController();
    return { signal: AbortSignal.any([signal, own.signal]), stop: (reason) => own.abort(reason) };
  }

  progressed(): void {
    this.#ports.governor.progressed();
  }

  /** Passes a warning of the server on to the governor, which may want fewer sessions for it. */
  warned(message: string): void {
    const { governor, clock, onWarning } = this.#ports;
    if (!governor.warned(message, clock.now(), this.#all.size)) return;
    onWarning(`the server delays this account's commands: ${governor.shells} shell(s) are used from now on`);
    const spare = this.#all.size > governor.shells ? this.#idle.pop() : undefined;
    if (spare !== undefined) this.#drop(spare);
  }

  /** Closes all sessions; safe to call twice. */
  async close(): Promise<void> {
    this.#closing.abort(new Error('the sessions were closed'));
    await this.#opening?.catch(() => {});
    this.#idle.length = 0;
    const sessions = [...this.#all.keys()];
    this.#all.clear();
    await Promise.all(sessions.map((session) => session.close()));
  }

  async #acquire(): Promise<S> {
    for (;;) {
      this.#signal.throwIfAborted();
      if (this.#fatal !== undefined) throw this.#fatal.error;
      const idle = this.#idle.pop();
      if (idle !== undefined) return idle;
      const changed = this.#changed.promise;
      if (this.#opening !== undefined) {
        await this.#until(changed, undefined);
        continue;
      }
      const { governor, clock } = this.#ports;
      const next = governor.nextOpening(this.#all.size);
      const waitMs = next.kind === 'never' ? undefined : next.time - clock.now();
      if (waitMs !== undefined && waitMs <= 0) this.#startOpening();
      else {
        if (this.#all.size === 0) this.#ports.onThrottled(governor.throttledUntil(clock.now()));
        await this.#until(changed, waitMs);
      }
    }
  }

  /** Waits for the change, for the time, or for the end of the run. */
  async #until(changed: Promise<void>, waitMs: number | undefined): Promise<void> {
    const ended = new AbortController();
    const signal = AbortSignal.any([this.#signal, ended.signal]);
    const forever = new Promise<void>((_resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason), { once: true });
    });
    const time = waitMs === undefined ? forever : this.#ports.clock.wait(Math.min(waitMs, longestTimerMs), signal);
    forever.catch(() => {});
    time.catch(() => {});
    try {
      await Promise.race([changed, time, forever]);
    } finally {
      ended.abort();
    }
  }

  #startOpening(): void {
    this.#opening = this.#open().finally(() => {
      this.#opening = undefined;
      this.#tellChange();
    });
    this.#opening.catch(() => {});
  }

  async #open(): Promise<void> {
    const { open, governor, clock, onThrottled, onNote, onWarning, refusalOf } = this.#ports;
    const openNow = this.#all.size;
    try {
      const session = await open(openNow === 0, this.#signal);
      this.#hadOne = true;
      governor.opened(clock.now());
      onThrottled(undefined);
      if (this.#closing.signal.aborted) {
        await session.close();
        return;
      }
      this.#all.set(session, governor.generation);
      this.#lastLoss = undefined;
      this.#idle.push(session);
    } catch (error) {
      const refusal = this.#signal.aborted ? undefined : refusalOf(error);
      const open = this.#all.size;
      if (refusal === undefined && open > 0 && !this.#signal.aborted) {
        // Those at work are not hurt by it. Were they lost, it would be asked once more, and end the run.
        governor.enough(open);
        onWarning(
          `no further session could be opened, the run goes on with ${open}: ${error instanceof Error ? error.message : String(error)}`,
        );
        return;
      }
      if (refusal === undefined || governor.refused(refusal, clock.now(), open, this.#hadOne).kind === 'giveUp') {
        // What ended the run is the loss; that no other session was to be had only made it final.
        this.#fatal = refusal === undefined ? { error } : (this.#lastLoss ?? { error });
        return;
      }
      const until = governor.throttledUntil(clock.now());
      if (until !== undefined) onThrottled(until);
      const said = error instanceof Error ? error.message : String(error);
      if (open > 0) onNote(`no further session could be opened, ${open} are at work: ${said}`);
      else this.#tellWait(refusal, said);
    }
  }

  #tellWait(refusal: Refusal, said: string): void {
    const { governor, clock, onWarning, onNote } = this.#ports;
    const next = governor.nextOpening(0);
    const seconds = next.kind === 'never' ? 0 : Math.max(1, Math.ceil((next.time - clock.now()) / 1000));
    if (refusal.kind === 'down') {
      // What follows a session that was lost, which was told, may be many attempts.
      const tell = this.#hadOne ? onNote : onWarning;
      tell(`no session could be opened, it is tried again in ${seconds} second${seconds === 1 ? '' : 's'}: ${said}`);
      return;
    }
    const why = refusal.kind === 'wait' ? 'as the server asks' : 'as it has too many of this account open';
    onWarning(`the server throttles this account: a session is tried again in ${seconds} seconds, ${why}`);
  }

  #giveBack(session: S): void {
    if (!this.#all.has(session)) return;
    if (this.#all.size > this.#ports.governor.shells) this.#drop(session);
    else this.#idle.push(session);
    this.#tellChange();
  }

  #drop(session: S): void {
    this.#all.delete(session);
    void session.close();
  }

  async #lose(session: S, error: unknown): Promise<void> {
    const { governor, clock, onWarning } = this.#ports;
    const generation = this.#all.get(session) ?? governor.generation;
    this.#all.delete(session);
    this.#lastLoss = { error };
    const verdict = governor.lost(clock.now(), generation);
    // A shell that still answers is deleted; it counts until then.
    await session.close();
    this.#tellChange();
    if (verdict.kind === 'giveUp') throw error;
    const said = error instanceof Error ? error.message : String(error);
    onWarning(`a session was lost, and its work is done again in another one: ${said}`);
  }

  #tellChange(): void {
    const before = this.#changed;
    this.#changed = Promise.withResolvers<void>();
    before.resolve();
  }
}
