/*
 * Orders through a script, at most once each.
 *
 * A process is given the orders that nobody was handed yet. The visiting helper claims each before its function
 * is called, so that of a process that died it is known which orders it had, which it had answered, and which
 * one it had in hand: that one's outcome is unknown, and it is never run again. The rest go to a new process.
 *
 * A script that visits the orders by itself is run once: what it wrote no result for may have been done.
 */
import { runScript, type ScriptEnd } from '@exchange-connector/powershell-process';
import type { RunLog } from '../log.ts';
import { withoutPictures } from './error-picture.ts';
import type { Order } from './order-files.ts';
import { errored, type OrderOutcome } from './outcome.ts';
import type { Redact } from './redaction.ts';
import type { RunFolder } from './run-folder.ts';
import { graver, readScriptResults } from './script-results.ts';
import { runtimeVariables, type ScriptRuntime } from './script-runtime.ts';

/** A script whose process dies so often with its first order is not worth another. */
const mostBarrenProcesses = 3;
/** Several errors as PowerShell paints them. */
const mostErrorLines = 40;
const mostLineCharacters = 4_000;

export interface ScriptEngineRun {
  readonly program: string;
  readonly runtime: ScriptRuntime;
  readonly folder: RunFolder;
  readonly inputLine: () => string;
  readonly signal: AbortSignal;
  readonly redact: Redact;
  readonly log: RunLog;
  /** Orders answered so far. */
  readonly onProgress: (done: number) => void;
}

/** What became of all orders that the engine was given. */
export interface ScriptEngineEnd {
  readonly outcomes: ReadonlyMap<number, OrderOutcome>;
  /** What went wrong beside the orders, in sentences. */
  readonly faults: readonly string[];
  /** The script never got so far as to be handed an order: why. */
  readonly failure: string | undefined;
}

/** One process after its end. */
interface ProcessEnd {
  readonly end: string;
  readonly failed: boolean;
  /** The first errors that it showed, in one line. */
  readonly errors: string;
}

function describeEnd(end: ScriptEnd): string {
  return end.exitCode === null ? `was killed (${end.killedBy})` : `ended with exit code ${end.exitCode}`;
}

/** Colours and moves of the cursor have no place in a log. */
function plain(line: string): string {
  return line.replace(/\p{Cc}\[[0-9;?]*[A-Za-z]/gu, '').slice(0, mostLineCharacters);
}

export class ScriptEngine {
  readonly #run: ScriptEngineRun;
  readonly #outcomes = new Map<number, OrderOutcome>();
  readonly #faults: string[] = [];
  #failure: string | undefined;
  #processes = 0;
  #barren = 0;

  constructor(run: ScriptEngineRun) {
    this.#run = run;
  }

  /**
   * Has all orders carried out.
   * @throws PowerShellProcessError where no PowerShell can be started, AgentError where files fail
   */
  async carryOut(orders: readonly Order[]): Promise<ScriptEngineEnd> {
    let rest = orders;
    while (rest.length > 0 && !this.#run.signal.aborted) {
      const ended = await this.#runProcess(rest);
      const left = this.#settle(rest, ended);
      const handed = rest.length - left.length;
      if (left.length > 0 && this.#isHopeless(handed, ended)) {
        for (const order of left) this.#outcomes.set(order.index, errored(`not run: ${this.#hopeless(handed, ended)}`));
        return this.#end();
      }
      rest = left;
    }
    for (const order of rest)
      this.#outcomes.set(order.index, errored('not run: the run was ended before its turn came'));
    return this.#end();
  }

  #end(): ScriptEngineEnd {
    return { outcomes: this.#outcomes, faults: this.#faults, failure: this.#failure };
  }

  async #runProcess(orders: readonly Order[]): Promise<ProcessEnd> {
    const { program, runtime, folder, inputLine, signal, redact, log } = this.#run;
    this.#processes += 1;
    const number = this.#processes;
    folder.layOut(number, orders);
    folder.note([{ kind: 'process', number, orders: orders.map((order) => order.index) }]);
    const errors: string[] = [];
    const end = await runScript({
      program,
      script: runtime.script,
      parameters: [
        ['resultsFilePath', folder.resultsFile(number)],
        ['ordersPath', folder.ordersFolder(number)],
      ],
      inputLine,
      environment: {
        ...runtime.environment,
        [runtimeVariables.folder]: folder.path,
        [runtimeVariables.visits]: folder.visitsFile(number),
      },
      signal,
      onStarted: (processId) => {
        folder.note([{ kind: 'started', number, processId }]);
        log.write('Information', 'script started', { process: processId, orders: orders.length });
      },
      onOutput: (line) => this.#hear(plain(line)),
      onError: (line) => {
        const text = redact(plain(line)).trimEnd();
        if (text === '') return;
        if (errors.length < mostErrorLines) errors.push(text);
        log.write('Error', text);
      },
    });
    log.write('Information', `script ${describeEnd(end)}`);
    return { end: describeEnd(end), failed: end.exitCode !== 0, errors: withoutPictures(errors) };
  }

  #hear(line: string): void {
    const [, word, number] = /^(OrdersCount|Progress):\s*(\d{1,9})\s*$/.exec(line) ?? [];
    if (word === 'Progress') this.#run.onProgress(this.#outcomes.size + Number(number));
    else if (word === undefined && line.trim() !== '') this.#run.log.write('Information', this.#run.redact(line));
  }

  /** Takes the outcomes of what a process was handed. @returns the orders that it was not handed */
  #settle(given: readonly Order[], ended: ProcessEnd): readonly Order[] {
    const { folder, runtime, redact } = this.#run;
    const visits = folder.readVisits(this.#processes);
    const results = readScriptResults(folder.resultsFile(this.#processes), given);
    const byHelper = visits.began || runtime.visitor === 'helper';
    const left: Order[] = [];
    for (const order of given) {
      const row = results.outcomes.get(order.index);
      if (byHelper && !visits.handed.has(order.index) && !folder.isClaimed(order.index)) {
        left.push(order);
        continue;
      }
      const answer = byHelper ? visits.answers.get(order.index) : row;
      const outcome = answer === undefined ? this.#unknown(byHelper, ended) : row ? graver(answer, row) : answer;
      this.#answer(order, { state: outcome.state, message: redact(outcome.message) });
    }
    folder.note(
      given.flatMap((order) => {
        const outcome = this.#outcomes.get(order.index);
        return outcome === undefined ? [] : [{ kind: 'answer' as const, index: order.index, ...outcome }];
      }),
    );
    this.#remark(given.length - left.length, byHelper, results.faults, ended);
    return left;
  }

  #answer(order: Order, outcome: OrderOutcome): void {
    this.#outcomes.set(order.index, outcome);
    const level = outcome.state === 'Executed' ? 'Information' : 'Debug';
    this.#run.log.write(level, `order ${order.assignmentId} ${outcome.state}`, { changeType: order.changeType });
    this.#run.onProgress(this.#outcomes.size);
  }

  #unknown(byHelper: boolean, { end }: ProcessEnd): OrderOutcome {
    if (byHelper)
      return errored(
        `outcome unknown: the script's process ${end} while this order was being carried out; it is not run again`,
      );
    return errored(`outcome unknown: the script wrote no result for this order, and ${end}; it is not run again`);
  }

  /** Says what is wrong with a process that did get orders. */
  #remark(handed: number, byHelper: boolean, faults: readonly string[], ended: ProcessEnd): void {
    const { runtime, redact, signal } = this.#run;
    if (handed === 0 || signal.aborted) return;
    // What the helper noted is whole without the file; a file that is not there tells nothing new.
    const told = byHelper ? faults.filter((fault) => fault !== 'it wrote no file of results') : faults;
    for (const fault of told) this.#faults.push(redact(`the script ${runtime.script}: ${fault}`));
    if (ended.failed) {
      const said = ended.errors === '' ? '' : `; it said: ${ended.errors}`;
      this.#faults.push(`the script ${runtime.script} ${ended.end}${said}`);
    }
  }

  #isHopeless(handed: number, ended: ProcessEnd): boolean {
    const answered = this.#run.folder.readVisits(this.#processes).answers.size;
    this.#barren = answered === 0 ? this.#barren + 1 : 0;
    if (this.#run.signal.aborted) return false;
    if (handed === 0 && this.#outcomes.size === 0) this.#failure = this.#hopeless(handed, ended);
    return handed === 0 || this.#barren >= mostBarrenProcesses;
  }

  #hopeless(handed: number, { end, errors }: ProcessEnd): string {
    const said = errors === '' ? '' : `; it said: ${errors}`;
    if (handed === 0) return `the script ${end} before this order was handed to it${said}`;
    return `the script's process died ${mostBarrenProcesses} times in a row with the first order that it was handed${said}`;
  }
}
