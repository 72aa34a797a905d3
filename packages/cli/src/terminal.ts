/*
 * The two streams that a command writes to. The result goes to standard output, everything else
 * to standard error. A progress line, where one is drawn, is wiped before anything is said and
 * drawn again below it.
 */

/** What is needed of process.stdout and process.stderr. */
export interface OutputStream {
  write(text: string, done?: (error?: Error | null) => void): boolean;
  readonly isTTY?: boolean | undefined;
  readonly columns?: number | undefined;
  on?(event: 'error', listener: (error: Error) => void): unknown;
}

/** Text from a server or a file must not steer the terminal: control characters but tab and line end, and changes of direction. */
const controls = /(?![\t\n])[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu;

function withoutControls(text: string): string {
  return text.replace(controls, '\ufffd');
}

export class Terminal {
  readonly #output: OutputStream;
  readonly #errors: OutputStream;
  readonly #canRedraw: boolean;
  #drawn = '';
  #outputGone = false;
  #errorsGone = false;

  constructor(output: OutputStream, errors: OutputStream, environment: Readonly<Record<string, string | undefined>>) {
    this.#output = output;
    this.#errors = errors;
    this.#canRedraw = errors.isTTY === true && environment['TERM'] !== 'dumb';
    // A reader that has gone (`| head -1`) ends the output, not the run.
    output.on?.('error', () => {
      this.#outputGone = true;
    });
    errors.on?.('error', () => {
      this.#errorsGone = true;
    });
  }

  /** True where a line of progress may be drawn over and over. */
  get canRedraw(): boolean {
    return this.#canRedraw;
  }

  /** Columns for the result: those of its terminal, else 100. */
  get resultWidth(): number {
    return this.#output.columns ?? 100;
  }

  /** Columns of the terminal. */
  get width(): number {
    return this.#errors.columns ?? 80;
  }

  /** One line of the result, for a person. */
  result(line: string): void {
    this.#writeResult(withoutControls(line));
  }

  /** One JSON value of the result, on one line; what could steer a terminal stands as an escape. */
  resultJson(value: unknown): void {
    const asEscape = (character: string) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
    // What is not known is null, so that every line has the same keys.
    const text = JSON.stringify(value, (_key, member: unknown) => (member === undefined ? null : member));
    this.#writeResult(text.replace(controls, asEscape));
  }

  #writeResult(line: string): void {
    this.#wipe();
    if (!this.#outputGone) this.#output.write(`${line}\n`);
    this.#redraw();
  }

  /** Lines for the person: warnings, errors, plain progress. */
  say(text: string): void {
    this.#wipe();
    if (!this.#errorsGone) this.#errors.write(`${withoutControls(text)}\n`);
    this.#redraw();
  }

  /** True where a person can be asked something. */
  get canAsk(): boolean {
    return this.#errors.isTTY === true;
  }

  /** A question without a line end, and what follows its answer. */
  ask(text: string): void {
    this.#wipe();
    if (!this.#errorsGone) this.#errors.write(text);
  }

  /** Draws the line of progress; an empty text takes it away. */
  draw(line: string): void {
    if (!this.#canRedraw || line === this.#drawn) return;
    this.#wipe();
    this.#drawn = withoutControls(line).slice(0, Math.max(0, this.width - 1));
    this.#redraw();
  }

  /** Resolves once all that was written has left this process, or its reader has. */
  async flush(): Promise<void> {
    this.draw('');
    const streams = [this.#outputGone ? undefined : this.#output, this.#errorsGone ? undefined : this.#errors];
    await Promise.all(
      streams.map((stream) => stream && new Promise<void>((resolve) => stream.write('', () => resolve()))),
    );
  }

  #wipe(): void {
    if (this.#drawn !== '' && !this.#errorsGone) this.#errors.write('\r\u001b[K');
  }

  #redraw(): void {
    if (this.#drawn !== '' && !this.#errorsGone) this.#errors.write(this.#drawn);
  }
}
