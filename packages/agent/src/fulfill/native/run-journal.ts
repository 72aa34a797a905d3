/*
 * What the native engine knows of a run, in <WorkFolderPath>/Fulfill/<run>:
 *
 *   unfinished.native   the connection's id; there until the results are in place and every outcome is known
 *   journal.jsonl       the run, its orders, its steps: each step written before and after, through to the disk
 *   plan-1.json         the plans that were made, one for each time that there was planning
 *   audit.jsonl         what was changed (audit-log.ts)
 *
 * A step that began and did not end is what a death leaves behind: nobody knows whether the server did it. Who
 * finds it reads the object, and never sends the cmdlet on faith.
 */
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Fields, Plan, Step } from '@exchange-connector/connector';
import type { LineSeal } from '../../at-rest.ts';
import { AgentError, fileFailed } from '../../errors.ts';
import { makeFolder, syncFolder } from '../../folder.ts';
import type { OrderOutcome } from '../outcome.ts';
import { fulfillFolder } from '../run-folder.ts';
import type { Actor } from './audit-log.ts';
import { ChainedFile, type ChainPlace, chainStart, damaged, readChainedFile, type WriteWatch } from './chained-file.ts';
import { replaceFile } from './durable-file.ts';

/** What a run was asked to do. */
export type Purpose =
  /** The orders of a folder, planned and carried out in one go. */
  | { readonly kind: 'orders'; readonly folder: string }
  /** A plan that a person saw. */
  | { readonly kind: 'plan'; readonly file: string }
  /** What another run did is taken back; of one order only, where it is named. */
  | { readonly kind: 'undo'; readonly run: string; readonly order: string | null };

/** An order as a run was given it. */
export interface JournalOrder {
  readonly index: number;
  readonly place: string;
  readonly assignmentId: string;
  readonly changeType: string;
  readonly ownerId: string;
  readonly ownerType: string;
  /** SHA-256 of `json`. */
  readonly fingerprint: string;
  /** The order itself; empty for what is taken back. */
  readonly json: string;
}

/** How a step ended. */
export type StepEnd =
  /** The object is as the step was to make it. */
  | 'applied'
  /** The object is as it was. */
  | 'notApplied'
  /** The object is neither: what it is instead stands in the audit. */
  | 'otherwise';

export type JournalLine =
  | {
      readonly kind: 'batch';
      readonly run: string;
      readonly connection: string;
      readonly purpose: Purpose;
      /** Absolute path of the CSV file of results; `null` where none was asked for. */
      readonly results: string | null;
      /** A person lets it pass the thresholds. */
      readonly released: boolean;
      readonly by: Actor;
      readonly start: string;
    }
  | ({ readonly kind: 'order' } & JournalOrder)
  /** All orders have been written down. */
  | { readonly kind: 'accepted'; readonly orders: number }
  | { readonly kind: 'session'; readonly server: string; readonly domainController: string | null }
  | { readonly kind: 'planned'; readonly file: string; readonly orders: number; readonly steps: number }
  /** The cmdlet is about to be sent. */
  | {
      readonly kind: 'begun';
      readonly requestId: string;
      readonly time: string;
      readonly order: number;
      readonly step: Step;
      /** What Exchange may change beside what the step says, as it was before. */
      readonly beside?: Fields;
      /** The request that this one takes back; `null` for a step forward. */
      readonly takesBack: string | null;
      /** What becomes of it where a later step of its order fails. */
      readonly ifRestFails: Step['onFailure'];
      readonly domainController: string | null;
      readonly server: string;
    }
  | {
      readonly kind: 'ended';
      readonly requestId: string;
      readonly order: number;
      readonly end: StepEnd;
      /** What the server said against it: reason, identifier, our class. */
      readonly error: { readonly class: string; readonly reason: string; readonly errorId: string } | null;
      /** The last line of the audit by then. */
      readonly audit: ChainPlace;
    }
  | {
      readonly kind: 'answer';
      readonly order: number;
      readonly state: OrderOutcome['state'];
      readonly message: string;
      /** It was given up, not tried: the same order sent again is a new one. */
      readonly notDone?: true;
      /** The order of a run that died, whose outcome this is. */
      readonly carried?: { readonly run: string; readonly order: number };
    }
  /** The results are in place. */
  | { readonly kind: 'published' }
  | { readonly kind: 'finished'; readonly executed: number; readonly errored: number }
  /** One of the lines above that tells of people, where what is written is encrypted. */
  | { readonly kind: 'sealed'; readonly sealed: string };

export type BatchLine = Extract<JournalLine, { kind: 'batch' }>;
export type BegunLine = Extract<JournalLine, { kind: 'begun' }>;
export type EndedLine = Extract<JournalLine, { kind: 'ended' }>;

/** What tells of people: orders, what was done to whom, and what came of it. */
const tellsOfPeople: ReadonlySet<JournalLine['kind']> = new Set(['order', 'begun', 'answer'] as const);

function sealLine(line: JournalLine, seal: LineSeal | undefined): JournalLine {
  if (seal === undefined || !tellsOfPeople.has(line.kind)) return line;
  return { kind: 'sealed', sealed: seal.sealText(JSON.stringify(line)) };
}

function journalFile(folder: string): string {
  return join(folder, 'journal.jsonl');
}

function markFile(folder: string): string {
  return join(folder, 'unfinished.native');
}

/** A run as its journal tells it. */
export interface JournalReading {
  readonly folder: string;
  readonly batch: BatchLine;
  readonly lines: readonly JournalLine[];
}

/** Writes the journal of one run. */
export class RunJournal {
  readonly folder: string;
  readonly #file: ChainedFile;
  readonly #watch: WriteWatch | undefined;
  readonly #seal: LineSeal | undefined;
  readonly #lines: JournalLine[];
  #openStep: BegunLine | undefined;

  private constructor(
    folder: string,
    file: ChainedFile,
    lines: readonly JournalLine[],
    watch: WriteWatch | undefined,
    seal: LineSeal | undefined,
  ) {
    this.folder = folder;
    this.#file = file;
    this.#lines = [...lines];
    this.#watch = watch;
    this.#seal = seal;
  }

  /**
   * Makes the folder of a new run, with the first line of its journal, on the disk.
   * @throws AgentError RUN_FILE_FAILED, RUN_DISK_FULL
   */
  static create(workFolder: string, run: string, batch: BatchLine, watch?: WriteWatch, seal?: LineSeal): RunJournal {
    const folder = join(fulfillFolder(workFolder), run);
    try {
      makeFolder(folder);
      writeFileSync(markFile(folder), batch.connection, { mode: 0o640 });
    } catch (cause) {
      throw fileFailed(`making the folder of the run ${folder}`, cause);
    }
    const file = new ChainedFile(journalFile(folder), { number: 0, hash: chainStart }, 0, watch);
    file.add([sealLine(batch, seal)]);
    // The run's folder, and that of all runs, which may be new as well.
    syncFolder(fulfillFolder(workFolder));
    syncFolder(workFolder);
    return new RunJournal(folder, file, [batch], watch, seal);
  }

  /** Goes on with the journal of a run that died. @throws AgentError RUN_JOURNAL_DAMAGED */
  static reopen({ folder, lines }: JournalReading, watch?: WriteWatch, seal?: LineSeal): RunJournal {
    const path = journalFile(folder);
    const reading = readWhole(folder);
    const last = reading?.lines.at(-1) ?? { number: 0, hash: chainStart };
    return new RunJournal(folder, new ChainedFile(path, last, reading?.wholeBytes ?? 0, watch), lines, watch, seal);
  }

  note(...lines: readonly JournalLine[]): void {
    this.#file.add(lines.map((line) => sealLine(line, this.#seal)));
    this.#lines.push(...lines);
    for (const line of lines) {
      if (line.kind === 'begun') this.#openStep = line;
      if (line.kind === 'ended' && line.requestId === this.#openStep?.requestId) this.#openStep = undefined;
    }
  }

  /** The plan that was made last; undefined where there is none, or its file is gone. */
  readLastPlan(): Plan | undefined {
    const last = this.#lines.findLast((line) => line.kind === 'planned');
    if (last?.kind !== 'planned') return undefined;
    try {
      const kept = JSON.parse(readFileSync(join(this.folder, last.file), 'utf8')) as Plan | { readonly sealed: string };
      return 'sealed' in kept ? (JSON.parse(this.#seal?.openText(kept.sealed) ?? '') as Plan) : kept;
    } catch {
      // Then the orders are planned anew.
      return undefined;
    }
  }

  /** Everything that was written so far. */
  get lines(): readonly JournalLine[] {
    return this.#lines;
  }

  /** The step that this process began last, as long as it has not ended. */
  get openStep(): BegunLine | undefined {
    return this.#openStep;
  }

  /** Keeps a plan, for who wants to know later why something was done. */
  notePlan(plan: Plan): void {
    const file = `plan-${this.#lines.filter(({ kind }) => kind === 'planned').length + 1}.json`;
    const kept = this.#seal === undefined ? plan : { sealed: this.#seal.sealText(JSON.stringify(plan)) };
    replaceFile(join(this.folder, file), `${JSON.stringify(kept, undefined, 2)}\n`, this.#watch);
    this.note({ kind: 'planned', file, orders: plan.orders.length, steps: plan.steps.length });
  }

  /** The results are in place, and every outcome is known. */
  finish(counts: { readonly executed: number; readonly errored: number }): void {
    this.note({ kind: 'finished', executed: counts.executed, errored: counts.errored });
    rmSync(markFile(this.folder), { force: true });
  }
}

function readWhole(folder: string): ReturnType<typeof readChainedFile<JournalLine>> {
  const path = journalFile(folder);
  const reading = readChainedFile<JournalLine>(path, { number: 0, hash: chainStart });
  if (reading?.damage !== undefined)
    throw damaged(
      path,
      reading.damage,
      `put the file back from a copy; or, to give up this run and its orders, remove the folder ${folder}: what it had changed can then no longer be undone`,
    );
  return reading;
}

/**
 * Reads the journal of a run.
 * @returns undefined where there is none, or not even its first line was written: it did nothing
 * @throws AgentError RUN_JOURNAL_DAMAGED naming the place
 */
export function readJournal(workFolder: string, run: string): JournalReading | undefined {
  const folder = join(fulfillFolder(workFolder), run);
  const lines = readWhole(folder)?.lines.map(({ value }) => value) ?? [];
  const [batch] = lines;
  return batch?.kind === 'batch' ? { folder, batch, lines } : undefined;
}

/**
 * The journal with its sealed lines opened.
 * @throws AgentError RUN_SETTINGS_UNUSABLE where there is no key, RUN_JOURNAL_DAMAGED where it is another
 */
export function unsealJournal(reading: JournalReading, seal: LineSeal | undefined): JournalReading {
  const lines = reading.lines.map((line) => {
    if (line.kind !== 'sealed') return line;
    if (seal === undefined)
      throw new AgentError(
        'RUN_SETTINGS_UNUSABLE',
        `reading ${journalFile(reading.folder)}: it is encrypted, and EncryptOutput is not set in this connection`,
        { mend: 'set EncryptOutput, with the EncryptionCertificate of then' },
      );
    const text = seal.openText(line.sealed);
    if (text === undefined)
      throw new AgentError(
        'RUN_JOURNAL_DAMAGED',
        `reading ${journalFile(reading.folder)}: a line of it was encrypted with another key than state-key.json of the work folder`,
        { mend: 'put the state-key.json of then back from a copy' },
      );
    return JSON.parse(text) as JournalLine;
  });
  return { ...reading, lines };
}

/** True where the run has not finished. */
export function isUnfinished(workFolder: string, run: string): boolean {
  return existsSync(markFile(join(fulfillFolder(workFolder), run)));
}

function markOf(folder: string): string {
  try {
    return readFileSync(markFile(folder), 'utf8');
  } catch {
    return '';
  }
}

/**
 * The runs of a connection that died, oldest first. One that had not written down all its orders did nothing, and
 * is cleared away. The connection's lock must be held.
 * @throws AgentError RUN_JOURNAL_DAMAGED
 */
export function unfinishedNativeRuns(workFolder: string, connection: string, seal?: LineSeal): JournalReading[] {
  const folder = fulfillFolder(workFolder);
  let names: string[];
  try {
    makeFolder(folder);
    names = readdirSync(folder, { withFileTypes: true }).flatMap((entry) => (entry.isDirectory() ? [entry.name] : []));
  } catch (cause) {
    throw fileFailed(`reading the runs in ${folder}`, cause);
  }
  const runs: JournalReading[] = [];
  for (const name of names) {
    if (!isUnfinished(workFolder, name)) continue;
    const reading = readJournal(workFolder, name);
    if (reading === undefined && markOf(join(folder, name)) === connection)
      rmSync(join(folder, name), { recursive: true, force: true });
    const hasEnded = reading?.lines.some(({ kind }) => kind === 'finished') ?? false;
    const hasBegun = reading?.lines.some(({ kind }) => kind === 'accepted') ?? false;
    if (reading !== undefined && reading.batch.connection !== connection) continue;
    if (hasEnded) rmSync(markFile(join(folder, name)), { force: true });
    else if (reading !== undefined && hasBegun) runs.push(unsealJournal(reading, seal));
    else if (reading !== undefined) rmSync(join(folder, name), { recursive: true, force: true });
  }
  return runs.sort((left, right) => (left.batch.start < right.batch.start ? -1 : 1));
}

/** What steps of a journal came to. */
export interface StepHistory {
  readonly begun: BegunLine;
  /** `undefined`: nobody knows yet. */
  readonly ended: EndedLine | undefined;
}

/** The steps of a run, in the order in which they were sent. */
export function stepsOf({ lines }: { readonly lines: readonly JournalLine[] }): StepHistory[] {
  const ends = new Map<string, EndedLine>();
  for (const line of lines) if (line.kind === 'ended') ends.set(line.requestId, line);
  return lines.flatMap((line) => (line.kind === 'begun' ? [{ begun: line, ended: ends.get(line.requestId) }] : []));
}

/** The steps whose effect stands, by order, in the order in which they were applied: those taken back are not among them. */
export function standingSteps(history: readonly StepHistory[]): Map<number, BegunLine[]> {
  const byOrder = new Map<number, BegunLine[]>();
  for (const { begun, ended } of history) {
    // A step that did something else than it was to do has left something, too.
    if (ended === undefined || ended.end === 'notApplied') continue;
    const standing = byOrder.get(begun.order) ?? [];
    const kept =
      begun.takesBack === null
        ? [...standing, begun]
        : ended.end === 'applied'
          ? standing.filter(({ requestId }) => requestId !== begun.takesBack)
          : standing;
    byOrder.set(begun.order, kept);
  }
  return byOrder;
}
