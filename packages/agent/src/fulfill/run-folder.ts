/*
 * What is on the disk of a run of fulfilment, in <WorkFolderPath>/Fulfill/<run>:
 *
 *   unfinished      there until the results are in place
 *   journal.jsonl   what the connector knows: the run, its orders, the processes, the answers; ends with
 *                   `finished` once the results are in place
 *   claims/000007   order 7 was handed out, or taken back so that nobody hands it out: made by one of the
 *                   two, never by both, as making a file that is there already fails
 *   visits-1.txt    what the visiting helper noted in process 1: `handed 000007` before the call,
 *                   `answered 000007 Executed <base64 of the message>` after it, each written through to disk
 *   orders-1/       the orders given to process 1, a file each
 *   cells/000007    what the row of order 7 is known by: four lines of base64, for the helper
 *   results-1.csv   the results as the script wrote them
 *
 * When the run has finished only the journal is left.
 */
import {
  closeSync,
  existsSync,
  fstatSync,
  fsyncSync,
  linkSync,
  openSync,
  readFileSync,
  readdirSync,
  readSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import type { LineSeal } from '../at-rest.ts';
import { AgentError, fileFailed } from '../errors.ts';
import { makeFolder, syncFolder } from '../folder.ts';
import type { Order } from './order-files.ts';
import { inOneLine, type OrderOutcome } from './outcome.ts';

/** Who calls a function per order: the helper that is shipped, whose notes tell what was handed out, or the script alone. */
export type Visitor = 'helper' | 'script';

/** The order of another run that an order of this one was found to be, so that its outcome stands. */
export interface Carried {
  readonly run: string;
  readonly index: number;
}

export type JournalLine =
  | {
      readonly kind: 'run';
      readonly run: string;
      readonly connection: string;
      readonly orders: string;
      readonly results: string;
      readonly script: string;
      readonly visitor: Visitor;
      readonly start: string;
    }
  | {
      readonly kind: 'order';
      readonly index: number;
      readonly assignmentId: string;
      readonly changeType: string;
      readonly fingerprint: string;
    }
  /** A process is about to be given the orders from `orders`. */
  | { readonly kind: 'process'; readonly number: number; readonly orders: readonly number[] }
  | { readonly kind: 'started'; readonly number: number; readonly processId: number }
  | {
      readonly kind: 'answer';
      readonly index: number;
      readonly state: OrderOutcome['state'];
      readonly message: string;
      readonly carried?: Carried;
      /** The message is encrypted, as what is written of this connection is. */
      readonly sealed?: true;
    }
  /** Another run told what became of this one's orders. */
  | { readonly kind: 'reported'; readonly index: number; readonly by: string }
  | { readonly kind: 'finished'; readonly executed: number; readonly errored: number };

/** What a claim holds that the connector made; a script's is empty. */
const takenBack = 'taken back\n';

/** The folder of all runs. */
export function fulfillFolder(workFolder: string): string {
  return join(workFolder, 'Fulfill');
}

/** The name of an order's files. */
export function orderName(index: number): string {
  return String(index).padStart(6, '0');
}

/** What the helper noted. */
export interface Visits {
  /** The helper was there: nothing was handed out without a note. */
  readonly began: boolean;
  readonly handed: ReadonlySet<number>;
  readonly answers: ReadonlyMap<number, OrderOutcome>;
}

function isMissing(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === 'ENOENT';
}

function isCut(fd: number): boolean {
  const { size } = fstatSync(fd);
  const last = Buffer.alloc(1);
  return size > 0 && readSync(fd, last, 0, 1, size - 1) === 1 && last[0] !== 0x0a;
}

/** The folder of one run. */
export class RunFolder {
  readonly path: string;
  readonly #seal: LineSeal | undefined;

  private constructor(path: string, seal: LineSeal | undefined) {
    this.path = path;
    this.#seal = seal;
  }

  /**
   * Makes the folder of a new run, its journal beginning with `lines`, all of it on the disk.
   * @param seal encrypts what tells of people
   * @throws AgentError RUN_FILE_FAILED
   */
  static create(path: string, lines: readonly JournalLine[], seal?: LineSeal): RunFolder {
    const folder = new RunFolder(path, seal);
    try {
      makeFolder(join(path, 'claims'));
      writeFileSync(folder.#mark, '', { mode: 0o640 });
      folder.note(lines);
      syncFolder(path);
      syncFolder(dirname(path));
    } catch (cause) {
      throw cause instanceof AgentError ? cause : fileFailed(`making the folder of the run ${path}`, cause);
    }
    return folder;
  }

  /** The folder of a run that was, with its journal; undefined where there is no run in it, or it has finished. */
  static openUnfinished(path: string, seal?: LineSeal): UnfinishedRun | undefined {
    const folder = new RunFolder(path, seal);
    if (!existsSync(folder.#mark)) return undefined;
    const lines = folder.#lines();
    const [run] = lines;
    if (run?.kind !== 'run' || lines.some((line) => line.kind === 'finished')) return undefined;
    return { folder, run, lines };
  }

  /** A file that is there until the run has finished, so that finished ones need not be read to be passed over. */
  get #mark(): string {
    return join(this.path, 'unfinished');
  }

  get #journal(): string {
    return join(this.path, 'journal.jsonl');
  }

  /**
   * The last line may have been cut short by a death: what it would have told never began. A journal that is there
   * and cannot be read may tell of orders that were handed out: without it no order may be.
   */
  #lines(): JournalLine[] {
    let text: string;
    try {
      text = readFileSync(this.#journal, 'utf8');
    } catch (cause) {
      if (isMissing(cause)) return [];
      throw fileFailed(`reading the journal ${this.#journal} of a run that died`, cause);
    }
    return text.split('\n').flatMap((line) => {
      try {
        return line === '' ? [] : [this.#opened(JSON.parse(line) as JournalLine)];
      } catch {
        return [];
      }
    });
  }

  /**
   * Adds lines to the journal, through to the disk.
   * @throws AgentError RUN_FILE_FAILED
   */
  note(lines: readonly JournalLine[]): void {
    try {
      const fd = openSync(this.#journal, 'a+', 0o640);
      try {
        // A line that a death cut short is ended first.
        const text = lines.map((line) => `${JSON.stringify(this.#sealed(line))}\n`).join('');
        writeFileSync(fd, isCut(fd) ? `\n${text}` : text);
        fsyncSync(fd);
      } finally {
        closeSync(fd);
      }
    } catch (cause) {
      throw fileFailed(`writing the journal ${this.#journal}`, cause);
    }
  }

  #sealed(line: JournalLine): JournalLine {
    if (this.#seal === undefined || line.kind !== 'answer') return line;
    return { ...line, message: this.#seal.sealText(line.message), sealed: true };
  }

  #opened(line: JournalLine): JournalLine {
    if (line.kind !== 'answer' || line.sealed !== true) return line;
    const { sealed: _, ...answer } = line;
    const message = this.#seal?.openText(line.message) ?? 'the message was encrypted with a key that is not there now';
    return { ...answer, message };
  }

  ordersFolder(process: number): string {
    return join(this.path, `orders-${process}`);
  }

  resultsFile(process: number): string {
    return join(this.path, `results-${process}.csv`);
  }

  visitsFile(process: number): string {
    return join(this.path, `visits-${process}.txt`);
  }

  /** Lays out what a process is given. */
  layOut(process: number, orders: readonly Order[]): void {
    const folder = this.ordersFolder(process);
    try {
      makeFolder(folder);
      makeFolder(join(this.path, 'cells'));
      for (const order of orders) {
        const name = orderName(order.index);
        writeFileSync(join(folder, `${name}.json`), `{"ProvisioningOrdersList":[${order.json}]}\n`, { mode: 0o640 });
        const cells = [order.assignmentId, order.changeType, order.ownerId, order.ownerType];
        const lines = cells.map((cell) => `${Buffer.from(cell).toString('base64')}\n`);
        writeFileSync(join(this.path, 'cells', name), lines.join(''), { mode: 0o640 });
      }
      writeFileSync(this.visitsFile(process), '', { mode: 0o640 });
      syncFolder(this.path);
    } catch (cause) {
      throw fileFailed(`laying out orders in ${folder}`, cause);
    }
  }

  #claim(index: number): string {
    return join(this.path, 'claims', orderName(index));
  }

  /** True where the order was handed out. */
  isClaimed(index: number): boolean {
    try {
      return readFileSync(this.#claim(index), 'utf8') !== takenBack;
    } catch (error) {
      // One that cannot be read is somebody's.
      return !isMissing(error);
    }
  }

  /**
   * Takes an order back, so that no script can hand it out any more. The claim appears with its content in one
   * step: who finds it later, after one more death, can tell it from a script's.
   * @returns false where it was handed out
   */
  takeBack(index: number): boolean {
    const own = join(this.path, 'taken-back');
    try {
      if (!existsSync(own)) {
        writeFileSync(`${own}.partial`, takenBack, { mode: 0o640 });
        renameSync(`${own}.partial`, own);
      }
      linkSync(own, this.#claim(index));
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === 'EEXIST') return !this.isClaimed(index);
      throw fileFailed(`taking back order ${index} in ${this.path}`, cause);
    }
  }

  /** Reads the notes of one process. */
  readVisits(process: number): Visits {
    let text = '';
    try {
      text = readFileSync(this.visitsFile(process), 'utf8');
    } catch (cause) {
      // Where there is none, the process was never given anything.
      if (!isMissing(cause)) throw fileFailed(`reading ${this.visitsFile(process)}, what a script noted`, cause);
    }
    const handed = new Set<number>();
    const answers = new Map<number, OrderOutcome>();
    let began = false;
    // A last line without its end was cut by a death: it was not yet true.
    for (const line of text.split('\n').slice(0, -1)) {
      const [word, name = '', state = '', message = ''] = line.split(' ');
      if (word === 'visiting') began = true;
      if (!/^\d+$/.test(name)) continue;
      if (word === 'handed') handed.add(Number(name));
      if (word === 'answered' && (state === 'Executed' || state === 'Errored')) {
        answers.set(Number(name), { state, message: inOneLine(Buffer.from(message, 'base64').toString('utf8')) });
      }
    }
    return { began, handed, answers };
  }

  /** The results are in place: removes all but the journal, as what scripts wrote may hold what nobody looked through. */
  finish(counts: { readonly executed: number; readonly errored: number }): void {
    this.note([{ kind: 'finished', executed: counts.executed, errored: counts.errored }]);
    try {
      for (const name of readdirSync(this.path))
        if (name !== 'journal.jsonl') rmSync(join(this.path, name), { recursive: true, force: true });
    } catch {
      // The run has ended; what is left takes room, no more.
    }
  }
}

/** A run that died before its results were in place. */
export interface UnfinishedRun {
  readonly folder: RunFolder;
  readonly run: Extract<JournalLine, { kind: 'run' }>;
  readonly lines: readonly JournalLine[];
}

/** The unfinished runs of a connection, oldest first. */
export function unfinishedRuns(workFolder: string, connection: string, seal?: LineSeal): UnfinishedRun[] {
  const folder = fulfillFolder(workFolder);
  try {
    makeFolder(folder);
    return readdirSync(folder, { withFileTypes: true })
      .filter((entry) => entry.isDirectory())
      .flatMap((entry) => RunFolder.openUnfinished(join(folder, entry.name), seal) ?? [])
      .filter(({ run }) => run.connection === connection)
      .sort((left, right) => (left.run.start < right.run.start ? -1 : 1));
  } catch (cause) {
    throw cause instanceof AgentError ? cause : fileFailed(`reading the runs in ${folder}`, cause);
  }
}
