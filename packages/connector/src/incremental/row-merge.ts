/*
 * The last snapshot and the rows of this run, walked through side by side in the order of their GUIDs:
 *
 *   snapshot   a  b  c  d        rows of this run   b′ c  e        →   Delete a  Update b′  (c, d as they were)  Insert e
 *
 * What is not among the rows is gone where the rows are all there are, and as it was where they are what changed.
 */
import type { RowCommand } from '../row-writer.ts';
import { deleteLine, RowEntries, type RowHash } from './row-entry.ts';
import { compareGuids, guidText, sameBytes } from './row-scanner.ts';
import type { SnapshotEntry } from './snapshot-layout.ts';

/** What rows mean that are in the snapshot and not among the rows of this run. */
export type Absence =
  /** The mailbox is gone: this run read all there are. */
  | { readonly kind: 'gone' }
  /** It is as it was: this run read what changed, and nothing was deleted; or too little is known to delete it. */
  | { readonly kind: 'unchanged' }
  /** Gone unless its GUID was seen. */
  | { readonly kind: 'unless-seen'; readonly isSeen: (guid: string) => boolean };

/** What to merge, and how. */
export interface MergePlan {
  /** In the order of their GUIDs, `Insert` each, as the row writer makes them. */
  readonly rows: Iterable<{ readonly line: Uint8Array }>;
  /** The columns after `Command` of the rows. */
  readonly columns: readonly string[];
  /** The last snapshot; undefined where there is none. */
  readonly before: Iterable<SnapshotEntry> | undefined;
  readonly absence: Absence;
  /** Rows that are as they were are written all the same, and all of them as `Insert`: a complete file. */
  readonly isComplete: boolean;
  readonly hash: RowHash;
}

/** One step of the merge: good until the next one. */
export type MergeStep =
  /** A row of the file. `entry` is what the next snapshot keeps; a `Delete` keeps nothing. */
  | {
      readonly kind: 'row';
      readonly command: RowCommand;
      readonly line: Uint8Array;
      readonly entry: SnapshotEntry | undefined;
      /** Indices of the columns that differ from the snapshot; only for an `Update`. */
      readonly changed: () => readonly number[];
    }
  /** No row: the next snapshot keeps it. */
  | { readonly kind: 'kept'; readonly entry: SnapshotEntry };

const none = (): readonly number[] => [];

function differing(before: Uint8Array, after: Uint8Array): number[] {
  const indices: number[] = [];
  for (let at = 0; at < after.length; at += 1) if (before[at] !== after[at]) indices.push(at);
  return indices;
}

/** Merges; the steps come in the order of the GUIDs. */
export function* mergeRows(plan: MergePlan): Generator<MergeStep, void, void> {
  const before = (plan.before ?? [])[Symbol.iterator]();
  const rows = plan.rows[Symbol.iterator]();
  const entries = new RowEntries(plan.columns, plan.hash);
  let old = before.next();
  let row = rows.next();
  try {
    while (old.done !== true || row.done !== true) {
      if (row.done === true) {
        yield absent(plan, (old as IteratorYieldResult<SnapshotEntry>).value);
        old = before.next();
        continue;
      }
      const entry = entries.read(row.value.line);
      let place = old.done === true ? 1 : compareGuids(old.value.guid, entry.guid);
      while (place < 0) {
        yield absent(plan, (old as IteratorYieldResult<SnapshotEntry>).value);
        old = before.next();
        place = old.done === true ? 1 : compareGuids(old.value.guid, entry.guid);
      }
      const known = place === 0 ? (old as IteratorYieldResult<SnapshotEntry>).value : undefined;
      const step = present(plan, entries, entry, known);
      if (step !== undefined) yield step;
      if (known !== undefined) old = before.next();
      row = rows.next();
    }
  } finally {
    before.return?.();
    rows.return?.();
  }
}

function absent(plan: MergePlan, entry: SnapshotEntry): MergeStep {
  const { absence } = plan;
  const isGone = absence.kind === 'gone' || (absence.kind === 'unless-seen' && !absence.isSeen(guidText(entry.guid)));
  if (!isGone) return { kind: 'kept', entry };
  return { kind: 'row', command: 'Delete', line: deleteLine(plan.columns, entry), entry: undefined, changed: none };
}

/** Undefined where a mailbox came and went while the run read: neither the file nor the snapshot has it. */
function present(
  plan: MergePlan,
  entries: RowEntries,
  entry: SnapshotEntry,
  known: SnapshotEntry | undefined,
): MergeStep | undefined {
  const { absence } = plan;
  if (absence.kind === 'unless-seen' && !absence.isSeen(guidText(entry.guid))) {
    return known === undefined ? undefined : absent(plan, known);
  }
  if (plan.isComplete) return { kind: 'row', command: 'Insert', line: entries.line, entry, changed: none };
  if (known === undefined)
    return { kind: 'row', command: 'Insert', line: entries.lineAs('Insert'), entry, changed: none };
  if (sameBytes(known.hash, entry.hash)) return { kind: 'kept', entry };
  const changed = (): readonly number[] => differing(known.marks, entry.marks);
  return { kind: 'row', command: 'Update', line: entries.lineAs('Update'), entry, changed };
}
