/*
 * Runs that died. What they had handed out is never handed out again: where one of their orders is asked for
 * again, its outcome is told as far as it is known. What they had not handed out is free.
 */
import { readFileSync } from 'node:fs';
import { setTimeout as delay } from 'node:timers/promises';
import type { LineSeal } from '../at-rest.ts';
import type { Order } from './order-files.ts';
import { errored, type OrderOutcome } from './outcome.ts';
import type { Redact } from './redaction.ts';
import { type Carried, type UnfinishedRun, unfinishedRuns } from './run-folder.ts';
import { readScriptResults } from './script-results.ts';
import { runtimeVariables } from './script-runtime.ts';

/** The watcher of a script kills it as soon as the connector is gone: this is for the time that takes. */
const orphanGraceMs = 10_000;

/** An order that a dead run had handed out. */
interface PastOrder extends Carried {
  readonly fingerprint: string;
  readonly outcome: OrderOutcome;
}

function isScriptOf(run: UnfinishedRun, processId: number): boolean {
  try {
    const environment = readFileSync(`/proc/${processId}/environ`, 'utf8').split('\0');
    return environment.includes(`${runtimeVariables.folder}=${run.folder.path}`);
  } catch {
    return false;
  }
}

function killProcess(processId: number): void {
  try {
    process.kill(processId, 'SIGKILL');
  } catch {
    // It has ended by itself meanwhile.
  }
}

/** Waits until the script of a dead run is gone, so that one order runs at a time; in the end it is killed. */
async function outlive(run: UnfinishedRun): Promise<void> {
  const started = run.lines.findLast((line) => line.kind === 'started');
  if (started === undefined) return;
  const deadline = Date.now() + orphanGraceMs;
  // The end of a process that is not a child of this one is no event.
  while (isScriptOf(run, started.processId)) {
    if (Date.now() > deadline) killProcess(started.processId);
    await delay(50);
  }
}

/** Takes back what was not handed out, and gives the outcome of what was. */
async function settle(run: UnfinishedRun, redact: Redact): Promise<PastOrder[]> {
  const { folder, lines } = run;
  const orders = lines.filter((line) => line.kind === 'order');
  const processes = lines.filter((line) => line.kind === 'process');
  const given = new Set(processes.flatMap((process) => process.orders));
  const byHelper = (): boolean =>
    run.run.visitor === 'helper' || processes.some(({ number }) => folder.readVisits(number).began);
  const handed = new Set(
    orders.filter(({ index }) => (byHelper() ? !folder.takeBack(index) : given.has(index))).map(({ index }) => index),
  );
  await outlive(run);
  const outcomes = new Map<number, OrderOutcome>();
  for (const { number, orders: indexes } of processes) {
    const visits = folder.readVisits(number);
    // A note is on the disk when an order is handed out; the claim may be lost where the machine died.
    for (const index of visits.handed) handed.add(index);
    for (const [index, outcome] of visits.answers) {
      handed.add(index);
      outcomes.set(index, outcome);
    }
    if (byHelper()) continue;
    const wanted = orders.filter(({ index }) => indexes.includes(index));
    const rows = readScriptResults(folder.resultsFile(number), wanted as unknown as readonly Order[]).outcomes;
    for (const [index, outcome] of rows) outcomes.set(index, outcome);
  }
  for (const line of lines) {
    if (line.kind !== 'answer') continue;
    outcomes.set(line.index, { state: line.state, message: line.message });
    handed.add(line.index);
  }
  const unknown = errored(
    `outcome unknown: run ${run.run.run} died while this order was being carried out; it is not run again`,
  );
  return orders
    .filter(({ index }) => handed.has(index))
    .map(({ index, fingerprint }) => {
      const { state, message } = outcomes.get(index) ?? unknown;
      return { run: run.run.run, index, fingerprint, outcome: { state, message: redact(message) } };
    });
}

/** The dead runs of a connection, and what they know of orders. */
export class InterruptedRuns {
  readonly #runs: readonly UnfinishedRun[];
  /** Not told of yet, oldest first. */
  readonly #open: PastOrder[];

  private constructor(runs: readonly UnfinishedRun[], open: PastOrder[]) {
    this.#runs = runs;
    this.#open = open;
  }

  /** To be called while the connection's lock is held. @throws AgentError RUN_FILE_FAILED */
  static async read(workFolder: string, connection: string, redact: Redact, seal?: LineSeal): Promise<InterruptedRuns> {
    const runs = unfinishedRuns(workFolder, connection, seal);
    const told = new Set<string>();
    for (const { run, lines } of runs)
      for (const line of lines) {
        if (line.kind === 'reported') told.add(`${run.run} ${line.index}`);
        if (line.kind === 'answer' && line.carried !== undefined) told.add(`${line.carried.run} ${line.carried.index}`);
      }
    const open: PastOrder[] = [];
    for (const run of runs)
      for (const order of await settle(run, redact)) if (!told.has(`${order.run} ${order.index}`)) open.push(order);
    return new InterruptedRuns(runs, open);
  }

  /** What is known of an order that a dead run had handed out; each is given once. */
  take(order: Order): { readonly outcome: OrderOutcome; readonly carried: Carried } | undefined {
    const at = this.#open.findIndex(({ fingerprint }) => fingerprint === order.fingerprint);
    const [past] = at < 0 ? [] : this.#open.splice(at, 1);
    if (past === undefined) return undefined;
    return { outcome: past.outcome, carried: { run: past.run, index: past.index } };
  }

  /** The results are in place: the dead runs that have nothing more to tell are finished. */
  close(by: string, carried: readonly Carried[]): void {
    for (const { folder, run } of this.#runs) {
      const own = carried.filter((each) => each.run === run.run);
      if (own.length > 0) folder.note(own.map(({ index }) => ({ kind: 'reported' as const, index, by })));
      if (!this.#open.some((past) => past.run === run.run)) folder.finish({ executed: 0, errored: 0 });
    }
  }

  /** Sentences on the dead runs whose orders nobody asked for again. */
  remarks(): string[] {
    return this.#runs.flatMap(({ run }) => {
      const count = this.#open.filter((past) => past.run === run.run).length;
      if (count === 0) return [];
      return [
        `run ${run.run} of ${run.start} died, and what became of ${count} of its orders was never told: fulfill --orders ${run.orders} tells it, and carries out the rest`,
      ];
    });
  }
}
