/* Progress records, redrawn in place on a terminal and shown nowhere else. */
import type { PsProgress } from '@exchange-connector/psrp';
import { formatProgress } from './stream-blocks.ts';

const eraseLine = '\r\u001b[K';
/** A server may send thousands of records a second. */
const redrawEveryMs = 100;

export class ProgressLine {
  readonly #terminal: NodeJS.WriteStream | undefined;
  #shown = false;
  #drawnAt = Number.NEGATIVE_INFINITY;

  /** @param terminal undefined where there is none, or none is wanted */
  constructor(terminal: NodeJS.WriteStream | undefined) {
    this.#terminal = terminal;
  }

  show(record: PsProgress): void {
    if (this.#terminal === undefined) return;
    if (record.recordType === 'Completed') {
      this.clear();
      return;
    }
    const now = performance.now();
    if (now - this.#drawnAt < redrawEveryMs) return;
    this.#drawnAt = now;
    this.#shown = true;
    this.#terminal.write(eraseLine + formatProgress(record, this.#terminal.columns ?? 80));
  }

  /** Takes the line away, so that something else can be written. */
  clear(): void {
    if (!this.#shown) return;
    this.#shown = false;
    this.#terminal?.write(eraseLine);
  }
}
