/** Warnings that a manifest spells out. A throttled run of a large organisation has thousands of them. */
const mostWarnings = 200;

/** Warnings of a run: each passed on at once, the first two hundred kept, each text once, the rest counted. */
export class WarningList {
  readonly #kept = new Set<string>();
  readonly #pass: (message: string) => void;
  #more = 0;

  constructor(pass: (message: string) => void) {
    this.#pass = pass;
  }

  add(message: string): void {
    const text = message.trim();
    this.#pass(text);
    if (this.#kept.has(text)) return;
    if (this.#kept.size < mostWarnings) this.#kept.add(text);
    else this.#more += 1;
  }

  list(): string[] {
    return this.#more === 0
      ? [...this.#kept]
      : [...this.#kept, `and ${this.#more} more warnings; the log has them all`];
  }
}
