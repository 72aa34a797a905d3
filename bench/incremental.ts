/*
 * What increments cost that look for deletions, beside the complete export that they follow: one after which nothing
 * changed, deletions spread evenly over all mailboxes, and the slice of GUIDs that is compared whatever the counts
 * say, at its longest.
 */
import { createHash } from 'node:crypto';
import { readFile, writeFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import type { ClientCost } from './export-client.ts';
import { onStage, type ServedOrganization, type Stage } from './stage.ts';

/** One increment that was measured. */
export interface MeasuredIncrement {
  /** What happened before it, e.g. `nothing changed`. */
  readonly name: string;
  readonly cost: ClientCost;
}

/** What was measured; the increments follow the complete export, one after the other. */
export interface IncrementalCost {
  readonly complete: ClientCost;
  readonly increments: readonly MeasuredIncrement[];
}

const client = 'increments';
const digestBytes = 32;
const dayMs = 24 * 3_600_000;

/** Removes mailboxes that lie evenly among those that are left, by the time at which they were made. */
function removeEvenly({ organization }: ServedOrganization, count: number): void {
  const all = [...organization.truth().mailboxes()]
    .filter(({ hiddenBehind }) => hiddenBehind === undefined)
    .map(({ guid, properties }) => ({ guid, created: String(properties['WhenCreatedUTC']) }))
    .sort((left, right) => (left.created < right.created ? -1 : 1));
  for (let removed = 0; removed < count; removed += 1) {
    const mailbox = all[Math.floor(((removed + 0.5) * all.length) / count)]?.guid;
    if (mailbox !== undefined) organization.change({ kind: 'removeMailbox', mailbox });
  }
}

/** Makes a cookie say that the last slice of GUIDs was compared a day before it was. */
async function ageSlice(path: string): Promise<void> {
  const bytes = await readFile(path);
  const body = bytes.subarray(0, bytes.length - digestBytes);
  const label = '"sweptAt":"';
  const at = body.lastIndexOf(label) + label.length;
  const time = body.subarray(at, body.indexOf('"', at));
  // Of the same length.
  time.write(new Date(Date.parse(time.toString('latin1')) - dayMs).toISOString(), 'latin1');
  await writeFile(path, Buffer.concat([body, createHash('sha256').update(body).digest()]));
}

/**
 * Measures the exports of one organisation.
 * @param tell hears of each that was measured
 */
export function measureIncrements(
  stage: Stage,
  mailboxes: number,
  tell: (what: string) => void,
): Promise<IncrementalCost> {
  return stage.serve(mailboxes, {}, async (served) => {
    const complete = await served.run(client, 'complete');
    tell(`${mailboxes} mailboxes, complete`);
    const increments: MeasuredIncrement[] = [];
    const measure = async (name: string, deleted: number): Promise<void> => {
      const cost = await served.run(client, 'incremental');
      if (cost.rows !== deleted) throw new Error(`${name}: the increment has ${cost.rows} rows`);
      increments.push({ name, cost });
      tell(`${mailboxes} mailboxes, ${name}`);
    };
    await measure('nothing changed', 0);
    for (const count of [1, 100, 500]) {
      removeEvenly(served, count);
      await measure(count === 1 ? 'a mailbox deleted' : `${count} mailboxes deleted, evenly spread`, count);
    }
    await ageSlice(served.cookie(client));
    await measure('nothing changed, half of all GUIDs due', 0);
    await ageSlice(served.cookie(client));
    removeEvenly(served, 100);
    await measure('100 mailboxes deleted, evenly spread, half of all GUIDs due', 100);
    return { complete, increments };
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const { complete, increments } = await onStage((stage) =>
    measureIncrements(stage, Number(process.argv[2] ?? 10_000), console.error),
  );
  for (const { name, cost } of [{ name: 'complete', cost: complete }, ...increments]) {
    const both = (of: ClientCost): number => of.requestBytes + of.responseBytes;
    const share = ((100 * both(cost)) / both(complete)).toFixed(2);
    process.stdout.write(`${name}: ${both(cost)} bytes both ways, ${share} %; ${cost.seconds.toFixed(1)} s\n`);
  }
}
