/*
 * A batch that dies at each moment at which it writes or sends something, in the middle of a line or at its end, and
 * is started again: nothing is lost, nothing is done twice, and the results of the run that died come out whole.
 *
 * The batch runs once. At each moment its folder and the organisation are kept as they are: to go on from there is to
 * go on after a kill -9 of that moment. What a process holds in memory is in neither.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestOrganization } from '@exchange-connector/exchange-simulator';
import { filesIn, FolderHistory, type FolderState } from './folder-history.ts';
import { killedBatch, makePlace } from './killed-batch.ts';
import {
  type Moment,
  NativeRehearsal,
  type RehearsedPorts,
  type ResultRow,
  tear,
  type Writing,
} from './native-rehearsal.ts';
import { checkTold, isTold, unguarded } from './random-check.ts';

const oneDayMs = 86_400_000;

/** A moment, or the middle of a writing, at which the batch dies. */
export interface RecordedDeath {
  readonly moment: number;
  readonly what: string;
  /** Half of this is written. */
  readonly torn: Writing | undefined;
  /** Moments after it at which nothing had changed: the same death. */
  readonly also: number[];
  readonly files: FolderState;
  readonly organization: TestOrganization;
  /** Changing commands that the server had carried out. */
  readonly carriedOut: number;
}

/** What a batch that nothing happens to comes to. */
interface Reference {
  readonly states: readonly string[];
  readonly state: string;
  readonly changes: readonly string[];
  /** Changing commands. */
  readonly writes: number;
  readonly planned: number;
}

/** The process id of a process that has ended. */
function deadProcess(): number {
  const { pid } = spawnSync(process.execPath, ['--version']);
  return pid;
}

function changesOf(place: NativeRehearsal): string[] {
  return readdirSync(join(place.folders.work, 'Fulfill'))
    .flatMap((run) => place.audit(run))
    .map(({ orderId, cmdlet, field, after }) => JSON.stringify([orderId, cmdlet, field, after]))
    .sort();
}

/** A batch that was carried out once, and all the moments at which it could have died. */
export class Recording {
  readonly orders: readonly { readonly AssignedResourceTypeId: string }[];
  readonly deaths: readonly RecordedDeath[];
  readonly moments: number;
  readonly reference: Reference;
  readonly #place: NativeRehearsal;
  readonly #history: FolderHistory;
  readonly #deadProcess = deadProcess();

  private constructor(
    place: NativeRehearsal,
    history: FolderHistory,
    parts: Pick<Recording, 'orders' | 'deaths' | 'moments' | 'reference'>,
  ) {
    this.#place = place;
    this.#history = history;
    this.orders = parts.orders;
    this.deaths = parts.deaths;
    this.moments = parts.moments;
    this.reference = parts.reference;
  }

  static async make(count: number): Promise<Recording> {
    const place = makePlace(count);
    const orders = killedBatch(place, count) as { readonly AssignedResourceTypeId: string }[];
    place.give(...orders);
    const history = new FolderHistory(place.folder);
    const recorder = new Recorder(place, history);
    const ports = place.ports({ onMoment: (moment) => recorder.note(moment, ports.counts) });
    const outcome = await place.fulfill(ports);
    assert.equal(outcome.kind, 'partial', JSON.stringify(outcome));
    recorder.note({ number: ports.counts.moments, what: 'the end', writing: undefined }, ports.counts);
    place.organization.clock.advance(oneDayMs);
    const reference: Reference = {
      states: place.states(),
      state: JSON.stringify(place.state()),
      changes: changesOf(place),
      writes: ports.counts.writes,
      planned: new Set(place.audit('run-1').map(({ order }) => order)).size,
    };
    const moments = ports.counts.moments + 1;
    return new Recording(place, history, { orders, deaths: recorder.deaths, moments, reference });
  }

  /** Goes on after a death as the next command does, and holds what came out against the reference. @throws where it is otherwise */
  async goOn(death: RecordedDeath): Promise<void> {
    this.#history.restore(death.files);
    if (death.torn !== undefined) tear(death.torn);
    this.#loseLock();
    const place = this.#at(death, 1);
    const told = isTold(place) ? readFileSync(place.results) : undefined;
    if (told !== undefined) place.give();
    const again = place.ports();
    const outcome = await place.fulfill(again);
    assert.ok(outcome.kind === 'partial' || outcome.kind === 'done', JSON.stringify(outcome));
    if (told !== undefined) writeFileSync(place.results, told);
    place.organization.clock.advance(oneDayMs);
    checkTold(place, this.orders);
    this.#compare(place);
    assert.deepEqual(changesOf(place), this.reference.changes, 'the audit has each change once');
    assert.equal(death.carriedOut + again.counts.writes, this.reference.writes, 'each command is carried out once');
    const verdict = place.verdict();
    assert.ok(verdict.kind === 'intact' && verdict.behindHead === 0 && !verdict.torn, JSON.stringify(verdict));
    checkNothingLeft(place);
    await this.#again(place);
  }

  #at(death: RecordedDeath, runs: number): NativeRehearsal {
    const organization = death.organization.fork();
    return new NativeRehearsal(unguarded, {}, {}, { folder: this.#place.folder, organization, runs });
  }

  /** The process whose lock it was is no more. */
  #loseLock(): void {
    for (const path of filesIn(this.#place.folders.work)) {
      if (!path.endsWith('lock.json')) continue;
      const file = join(this.#place.folders.work, path);
      const holder = JSON.parse(readFileSync(file, 'utf8')) as object;
      writeFileSync(file, JSON.stringify({ ...holder, pid: this.#deadProcess }));
    }
  }

  #compare(place: NativeRehearsal): void {
    assert.deepEqual(place.states(), this.reference.states);
    const state = JSON.stringify(place.state());
    if (state !== this.reference.state) assert.deepEqual(JSON.parse(state), JSON.parse(this.reference.state));
  }

  /** The same orders once more: there is nothing to do. */
  async #again(place: NativeRehearsal): Promise<void> {
    const rows = place.rows();
    place.give(...this.orders);
    const ports = place.ports();
    await place.fulfill(ports);
    assert.equal(ports.counts.writes, 0, `a second run sent ${ports.sent.join(' ')}`);
    for (const row of place.rows()) checkIdle(row, rows);
    checkNothingLeft(place);
  }

  dispose(): void {
    this.#place.dispose();
  }
}

function checkIdle(row: ResultRow, before: readonly ResultRow[]): void {
  const { ProvisioningState } = before.find(({ AssignmentId }) => AssignmentId === row.AssignmentId) ?? {};
  assert.equal(row.ProvisioningState, ProvisioningState, JSON.stringify(row));
  if (ProvisioningState === 'Executed') assert.match(row.Message, /nothing was to be done: it is so already/);
}

/** Journals, plans, audit, results and the head of the audit; and nothing of runs that died. */
function checkNothingLeft(place: NativeRehearsal): void {
  const kept =
    /^(?:orders\/orders\.json|results\.csv|Work\/ExportState\/[^/]+\/audit-head\.json|Work\/Fulfill\/run-\d+\/(?:journal\.jsonl|audit\.jsonl|plan-\d+\.json))$/;
  const left = filesIn(place.folder)
    .map((path) => path.replaceAll('\\', '/'))
    .filter((path) => !kept.test(path));
  assert.deepEqual(left, [], 'files that are left over');
}

/** Keeps the moments of a run. */
class Recorder {
  readonly deaths: RecordedDeath[] = [];
  readonly #place: NativeRehearsal;
  readonly #history: FolderHistory;
  #organization: TestOrganization;
  #carriedOut = 0;
  #last: RecordedDeath | undefined;

  constructor(place: NativeRehearsal, history: FolderHistory) {
    this.#place = place;
    this.#history = history;
    this.#organization = place.organization.fork();
  }

  note({ number, what, writing }: Moment, { carriedOut }: RehearsedPorts['counts']): void {
    const files = this.#history.take();
    if (carriedOut !== this.#carriedOut) this.#organization = this.#place.organization.fork();
    this.#carriedOut = carriedOut;
    const death = { moment: number, what, also: [], files, organization: this.#organization, carriedOut };
    if (this.#last?.files === files && this.#last.carriedOut === carriedOut) this.#last.also.push(number);
    else {
      this.#last = { ...death, torn: undefined };
      this.deaths.push(this.#last);
    }
    // One byte has no middle.
    if (writing !== undefined && writing.bytes.length > 1) this.deaths.push({ ...death, torn: writing });
  }
}
