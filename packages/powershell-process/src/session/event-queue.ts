import type { PipelineEvent } from '@exchange-connector/psrp';

/** The events of one pipeline that its consumer has not taken yet. */
export class EventQueue {
  readonly #maxWaitingBytes: number;
  readonly #onEmptied: () => void;
  #events: PipelineEvent[] = [];
  #next = 0;
  #waitingBytes = 0;
  #failure: { readonly error: unknown } | undefined;
  #discarding = false;
  #wake: (() => void) | undefined;

  /** @param onEmptied called when the consumer has taken all there was */
  constructor(maxWaitingBytes: number, onEmptied: () => void) {
    this.#maxWaitingBytes = maxWaitingBytes;
    this.#onEmptied = onEmptied;
  }

  /** Whether more is waiting than should be: then nothing more is to be read. */
  get isFull(): boolean {
    return this.#waitingBytes > this.#maxWaitingBytes && this.#events.length > this.#next;
  }

  /** Events, with the count of bytes received for them. */
  push(events: readonly PipelineEvent[], bytes: number): void {
    if (this.#discarding) return;
    this.#waitingBytes += bytes;
    if (events.length === 0) return;
    this.#events.push(...events);
    this.#wake?.();
  }

  /** After what is waiting the consumer gets this error. */
  fail(error: unknown): void {
    this.#failure ??= { error };
    this.#wake?.();
  }

  /** Nobody takes events any more. */
  discard(): void {
    this.#discarding = true;
    this.#events = [];
    this.#next = 0;
    this.#waitingBytes = 0;
  }

  /** The next event, where there is one. */
  poll(): PipelineEvent | undefined {
    const event = this.#events[this.#next];
    if (event === undefined) return undefined;
    this.#next += 1;
    if (this.#next === this.#events.length) this.#emptied();
    return event;
  }

  /** The next event, as soon as there is one. */
  async take(): Promise<PipelineEvent> {
    for (;;) {
      const event = this.poll();
      if (event !== undefined) return event;
      if (this.#failure !== undefined) throw this.#failure.error;
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
      this.#wake = undefined;
    }
  }

  #emptied(): void {
    this.#events = [];
    this.#next = 0;
    this.#waitingBytes = 0;
    this.#onEmptied();
  }
}
