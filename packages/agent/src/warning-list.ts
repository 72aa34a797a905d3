/** Warnings that a manifest spells out. A throttled run of a large organisation has thousands of them. */
const mostWarnings = 200;

/** Warnings of a run: each text passed on once, the first two hundred kept; those beyond are counted and left to the log. */
export class WarningList {
  readonly #kept = new Set<string>();
  readonly #pass: (message: string, isKept: boolean) => void;
  readonly #form: (message: string) => string;
  #more = 0;

  /**
   * @param pass told of each text that is new, and whether it is among those kept
   * @param form what becomes of a text before it is kept: secrets are taken out
   */
  constructor(pass: (message: string, isKept: boolean) => void, form: (message: string) => string = (text) => text) {
    this.#pass = pass;
    this.#form = form;
  }

  add(message: string): void {
    const text = this.#form(message).trim();
    if (this.#kept.has(text)) return;
    const isKept = this.#kept.size < mostWarnings;
    if (isKept) this.#kept.add(text);
    else this.#more += 1;
    this.#pass(text, isKept);
  }

  list(): string[] {
    return this.#more === 0
      ? [...this.#kept]
      : [...this.#kept, `and ${this.#more} more warnings; the log has them all`];
  }
}
