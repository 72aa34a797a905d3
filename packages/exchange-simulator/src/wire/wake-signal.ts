/* A bell for those who wait for something to happen in a shell. */

/** Waiters are woken by `ring`; a wait also ends by its time limit or by its caller's signal. */
export class WakeSignal {
  readonly #waiters = new Set<() => void>();

  ring(): void {
    for (const wake of [...this.#waiters]) wake();
  }

  wait(milliseconds: number, signal: AbortSignal): Promise<void> {
    if (signal.aborted || milliseconds <= 0) return Promise.resolve();
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', done);
        this.#waiters.delete(done);
        resolve();
      };
      const timer = setTimeout(done, milliseconds);
      signal.addEventListener('abort', done);
      this.#waiters.add(done);
    });
  }
}
