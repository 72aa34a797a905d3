/*
 * One seed: a batch of random orders, carried out while the server fails and the program dies at random, and started
 * again until it ends. Then results, journal and audit tell the same, and the organisation is
 *
 *   - what the steps make of it that the journal tells as done, each once: those of executed orders, and those of
 *     errored ones that stand or were taken back, as another order may have built on them meanwhile;
 *   - where no errored order did anything, what the executed orders alone make of it in a run without faults.
 */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FulfillOutcome } from '@exchange-connector/agent';
import { chainStart, readChainedFile } from '../../../src/fulfill/native/chained-file.ts';
import type { JournalLine } from '../../../src/fulfill/native/run-journal.ts';
import { standingSteps, stepsOf } from '../../../src/fulfill/native/run-journal.ts';
import { replayJournal } from './journal-replay.ts';
import { type Deadly, NativeRehearsal, type PortOptions } from './native-rehearsal.ts';
import { Dice, randomBatch, randomFaults } from './random-batch.ts';

/** Settings without guards: what is looked for here is what is done. */
export const unguarded = {
  maximumInsertedLines: 0,
  maximumUpdatedLines: 0,
  maximumDeletedLines: 0,
  maxPercentageInsertedLines: 0,
  maxPercentageUpdatedLines: 0,
  maxPercentageDeletedLines: 0,
} as const;

/** How a batch is to be troubled. */
export interface Trouble {
  readonly orders: number;
  readonly ports: (dice: Dice) => PortOptions;
  /** Of the second start, where the first died; the third is left alone. */
  readonly again: (dice: Dice) => PortOptions;
}

/** What was done: for counting that the seeds reach what they are meant to reach. */
export interface Reached {
  readonly starts: number;
  readonly executed: number;
  readonly errored: number;
  readonly standing: number;
  /** Held against a run of the executed orders alone. */
  readonly compared: boolean;
  /** Held against the steps of the journal. */
  readonly replayed: boolean;
  readonly moments: number;
}

/** Moves that are queued come to their end. */
const oneDayMs = 86_400_000;

function journalOf(place: NativeRehearsal, run: string): JournalLine[] {
  const path = join(place.folders.work, 'Fulfill', run, 'journal.jsonl');
  const reading = readChainedFile<JournalLine>(path, { number: 0, hash: chainStart });
  assert.equal(reading?.damage, undefined);
  return (reading?.lines ?? []).map(({ value }) => value);
}

/** What errored orders did. */
interface ErroredDeeds {
  /** Orders of which something stands. */
  readonly standing: ReadonlySet<string>;
  /** Orders that did something, be it taken back. */
  readonly acting: ReadonlySet<string>;
}

/** Journals, audit and results tell the same; no run is left open. */
export function checkTold(
  place: NativeRehearsal,
  orders: readonly { readonly AssignedResourceTypeId: string }[],
): ErroredDeeds {
  const rows = place.rows();
  assert.deepEqual(
    rows.map(({ AssignmentId }) => AssignmentId),
    orders.map(({ AssignedResourceTypeId }) => AssignedResourceTypeId),
  );
  const verdict = place.verdict();
  assert.equal(verdict.kind, 'intact', JSON.stringify(verdict));
  const standing = new Set<string>();
  const acting = new Set<string>();
  for (const run of readdirSync(join(place.folders.work, 'Fulfill'))) {
    assert.ok(!readdirSync(join(place.folders.work, 'Fulfill', run)).includes('unfinished.native'), `${run} is open`);
    const lines = journalOf(place, run);
    const history = stepsOf({ lines });
    const stands = standingSteps(history);
    const changed = new Set(place.audit(run).map(({ requestId }) => requestId));
    for (const { begun, ended } of history) {
      assert.ok(ended !== undefined, `${begun.step.purpose} has no end`);
      const isChanged = changed.has(begun.requestId);
      // What came out otherwise may have left the fields that are looked at as they were.
      if (ended.end !== 'otherwise') assert.equal(isChanged, ended.end === 'applied', `audit of ${begun.step.purpose}`);
    }
    const sent = new Set(history.map(({ begun }) => begun.requestId));
    for (const requestId of changed) assert.ok(sent.has(requestId), 'the audit has a change that was never sent');
    const answers = new Map(lines.flatMap((line) => (line.kind === 'answer' ? [[line.order, line] as const] : [])));
    const known = lines.flatMap((line) => (line.kind === 'order' ? [line] : []));
    for (const { index, assignmentId } of known) {
      const answer = answers.get(index);
      assert.ok(answer !== undefined, `order ${assignmentId} of ${run} was not answered`);
      const row = rows[index - 1];
      assert.deepEqual([row?.ProvisioningState, row?.Message], [answer.state, answer.message]);
      if (answer.state !== 'Errored') continue;
      if ((stands.get(index)?.length ?? 0) > 0) standing.add(assignmentId);
      if (history.some(({ begun, ended }) => begun.order === index && ended?.end !== 'notApplied'))
        acting.add(assignmentId);
    }
  }
  return { standing, acting };
}

/** The fields that the audit says were changed last are what the directory holds. */
function checkAudit(place: NativeRehearsal): void {
  const last = new Map<string, unknown>();
  for (const run of readdirSync(join(place.folders.work, 'Fulfill')))
    for (const { object, field, after } of place.audit(run))
      if (object.kind === 'mailbox' && (field === 'DisplayName' || field === 'EmailAddresses'))
        last.set(`${object.guid} ${field}`, after);
  const truth = new Map([...place.organization.truth().mailboxes()].map(({ guid, properties }) => [guid, properties]));
  for (const [key, after] of last) {
    const [guid = '', field = ''] = key.split(' ');
    const properties = truth.get(guid);
    // Its mailbox was taken from it later, and shows none of its fields any more.
    if (properties === undefined) continue;
    const held = properties[field] ?? null;
    const form = (value: unknown): unknown => (Array.isArray(value) ? value.toSorted() : value);
    assert.deepEqual(form(held), form(after), `audit of ${key}`);
  }
}

/** Whether the results of a run count as told: then it is done with, and the same orders would be new ones. */
export function isTold(place: NativeRehearsal): boolean {
  const folder = join(place.folders.work, 'Fulfill');
  const runs = existsSync(folder) ? readdirSync(folder) : [];
  const journal = (run: string): string => join(folder, run, 'journal.jsonl');
  return runs.some((run) => existsSync(journal(run)) && readFileSync(journal(run)).includes(',"kind":"published",'));
}

/** Runs one seed. @throws where something does not agree */
export async function checkSeed(seed: number, trouble: Trouble): Promise<Reached> {
  const dice = new Dice(seed);
  const place = new NativeRehearsal(unguarded, { seed: 1 + (seed % 7) });
  try {
    const orders = randomBatch(place, dice, trouble.orders) as { readonly AssignedResourceTypeId: string }[];
    place.give(...orders);
    const first = place.ports(trouble.ports(dice));
    let outcome: FulfillOutcome = await place.fulfill(first);
    const { moments } = first.counts;
    let starts = 1;
    let told: Buffer | undefined;
    for (const ports of [place.ports(trouble.again(dice)), place.ports()]) {
      if (outcome.kind !== 'failed') break;
      told ??= isTold(place) ? readFileSync(place.results) : undefined;
      if (told !== undefined) place.give();
      starts += 1;
      outcome = await place.fulfill(ports);
    }
    if (told !== undefined) writeFileSync(place.results, told);
    assert.ok(outcome.kind === 'done' || outcome.kind === 'partial', JSON.stringify(outcome));
    const { standing, acting } = checkTold(place, orders);
    place.organization.clock.advance(oneDayMs);
    checkAudit(place);
    const executed = new Set(
      place
        .rows()
        .flatMap(({ AssignmentId, ProvisioningState }) => (ProvisioningState === 'Executed' ? [AssignmentId] : [])),
    );
    const isReplayed = await compareWithJournal(place, seed, orders);
    // What an errored order did, the executed ones do not make; and they may have built on it before it was taken back.
    const isCompared = acting.size === 0 && (await compareWithReference(place, seed, orders, executed));
    return {
      starts,
      executed: executed.size,
      errored: orders.length - executed.size,
      standing: standing.size,
      compared: isCompared,
      replayed: isReplayed,
      moments,
    };
  } finally {
    place.dispose();
  }
}

/** @returns false where the two cannot be compared */
async function compareWithJournal(
  place: NativeRehearsal,
  seed: number,
  orders: readonly { readonly AssignedResourceTypeId: string }[],
): Promise<boolean> {
  const reference = new NativeRehearsal(unguarded, { seed: 1 + (seed % 7) });
  try {
    // Named run-1, run-2: in the order of their time.
    const runs = readdirSync(join(place.folders.work, 'Fulfill')).sort();
    const lines = runs.flatMap((run) => journalOf(place, run));
    if (!(await replayJournal(reference, lines, orders))) return false;
    reference.organization.clock.advance(oneDayMs);
    assert.deepEqual(place.state(), reference.state(), 'the organisation is not what the journal tells');
    return true;
  } finally {
    reference.dispose();
  }
}

/** @returns false where the two cannot be compared */
async function compareWithReference(
  place: NativeRehearsal,
  seed: number,
  orders: readonly { readonly AssignedResourceTypeId: string }[],
  executed: ReadonlySet<string>,
): Promise<boolean> {
  const reference = new NativeRehearsal(unguarded, { seed: 1 + (seed % 7) });
  try {
    reference.give(...orders.filter(({ AssignedResourceTypeId }) => executed.has(AssignedResourceTypeId)));
    await reference.fulfill();
    reference.organization.clock.advance(oneDayMs);
    const errored = reference.rows().filter(({ ProvisioningState }) => ProvisioningState === 'Errored');
    // Left to themselves the executed orders may stand in each other's way where a refused one did before; and moves
    // that had ended, as time passed over the faults, are still under way.
    const isOfItself = /of this batch|is being moved|is under way/;
    if (errored.length > 0 && errored.every(({ Message }) => isOfItself.test(Message))) return false;
    assert.deepEqual(errored, [], 'orders that were executed, and are not by themselves');
    assert.deepEqual(place.state(), reference.state());
    return true;
  } finally {
    reference.dispose();
  }
}

/** Faults of the server, no deaths. */
export function faulty(orders: number): Trouble {
  return {
    orders,
    ports: (dice) => ({ faults: randomFaults(dice, 200) }),
    again: () => ({}),
  };
}

/** Faults of the server, and a death somewhere; of three runs that go on after it, one dies, too. */
export function deadlyAndFaulty(orders: number): Trouble {
  const ports = (dice: Dice): PortOptions => {
    const deadly: Deadly = { moment: dice.below(orders * 14), torn: dice.below(2) === 0 };
    return { faults: randomFaults(dice, 200), deadly };
  };
  const again = (dice: Dice): PortOptions =>
    dice.below(3) === 0 ? { deadly: { moment: dice.below(orders * 8), torn: dice.below(2) === 0 } } : {};
  return { orders, ports, again };
}
