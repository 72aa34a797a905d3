/*
 * Where something is gone, without asking for every GUID: mailboxes are counted by ranges of WhenCreatedUTC, which
 * no mailbox ever changes, and only ranges that hold another number than they should are looked at one by one. The
 * server reads each mailbox once more for it, and sends a few bytes for each range.
 */
import type { SnapshotEntry } from './snapshot-layout.ts';

/** Mailboxes made from a second on (since 1970), up to the next range. */
export interface CountRange {
  readonly from: number;
  /** Infinity for the last. */
  readonly to: number;
  /** How many there should be. */
  readonly expected: number;
}

/** How finely time is cut. */
export interface RangeSize {
  /** With fewer mailboxes nothing is cut: all GUIDs are a handful of bytes. */
  readonly leastMailboxes: number;
  /** A range holds about so many. */
  readonly mailboxes: number;
  /** There are at most so many ranges. */
  readonly ranges: number;
}

export const usualRangeSize: RangeSize = { leastMailboxes: 2_000, mailboxes: 500, ranges: 200 };

/**
 * Cuts the time at which mailboxes were made into ranges of about equal numbers.
 * @returns undefined where there are too few for it to be worth while
 */
export function cutByCreation(
  entries: Iterable<SnapshotEntry>,
  total: number,
  added: Iterable<number>,
  wanted: RangeSize = usualRangeSize,
): CountRange[] | undefined {
  if (total < wanted.leastMailboxes) return undefined;
  const times = new Uint32Array(total);
  let count = 0;
  for (const entry of entries) {
    if (count === total) return undefined;
    times[count] = entry.created;
    count += 1;
  }
  const sorted = times.subarray(0, count).sort();
  const size = Math.max(wanted.mailboxes, Math.ceil(count / wanted.ranges));
  const bounds = [0];
  for (let at = size; at < count; at += size) {
    const bound = sorted[at] as number;
    if (bound > (bounds.at(-1) as number)) bounds.push(bound);
  }
  const expected = bounds.map(() => 0);
  const indexOf = (time: number): number => {
    let low = 0;
    let high = bounds.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if ((bounds[middle] as number) <= time) low = middle;
      else high = middle - 1;
    }
    return low;
  };
  for (const time of sorted) expected[indexOf(time)] = (expected[indexOf(time)] ?? 0) + 1;
  for (const time of added) expected[indexOf(time)] = (expected[indexOf(time)] ?? 0) + 1;
  return bounds.map((from, index) => ({
    from,
    to: bounds[index + 1] ?? Number.POSITIVE_INFINITY,
    expected: expected[index] as number,
  }));
}

/** The filter that selects a range, the times written as this server takes them. */
export function rangeFilter({ from, to }: CountRange, write: (time: Date) => string): string | undefined {
  const parts: string[] = [];
  if (from > 0) parts.push(`WhenCreatedUTC -ge '${write(new Date(from * 1000))}'`);
  if (to < Number.POSITIVE_INFINITY) parts.push(`WhenCreatedUTC -lt '${write(new Date(to * 1000))}'`);
  return parts.length === 0 ? undefined : `(${parts.join(' -and ')})`;
}
