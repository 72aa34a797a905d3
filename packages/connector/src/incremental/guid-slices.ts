/*
 * Whatever the counts say, the GUID of every mailbox is compared again and again: a part of them in each run, by the
 * time at which the mailboxes were made, round and round.
 *
 *   run 1  [====|                            ]      each as long as the time since the one before,
 *   run 2  [    |========|                   ]      and at most half
 *   …
 *   run n  [==|                        |=====]
 */
import { type CreationRange, everySecond } from './count-ranges.ts';

const hour = 3_600_000;
/** All are compared in so long, where runs are frequent: two hours less than a day, which is how far apart those may be. */
const roundMs = 22 * hour;
/** More often than this no slice is worth its pipeline. */
const leastMs = hour;
const mostShare = 0.5;

/** What of all mailboxes is to be compared, from 0 to a half, when the last slice was so long ago. */
export function sliceShare(elapsedMs: number): number {
  return elapsedMs < leastMs ? 0 : Math.min(mostShare, elapsedMs / roundMs);
}

/** Mailboxes to compare. */
export interface GuidSlice {
  /** Sorted and apart: two where the slice reaches beyond the newest. */
  readonly ranges: readonly CreationRange[];
  /** The second from which the next slice goes on; 0 is the oldest. */
  readonly next: number;
}

/**
 * The next slice.
 * @param times when the mailboxes were made, sorted
 * @param from where the last one ended
 * @param share of the mailboxes; those of one second stay together
 */
export function cutSlice(times: readonly number[], from: number, share: number): GuidSlice {
  const size = Math.max(1, Math.ceil(times.length * share));
  let begin = 0;
  while (begin < times.length && (times[begin] as number) < from) begin += 1;
  const end = nextSecond(times, begin + size, from);
  if (end !== undefined) return { ranges: [{ from, to: end }], next: end };
  const left = begin + size - times.length;
  if (from === 0) return { ranges: [everySecond], next: 0 };
  const again = left > 0 ? nextSecond(times, left, 0) : 0;
  const newest = { from, to: Number.POSITIVE_INFINITY };
  if (again === 0) return { ranges: [newest], next: 0 };
  if (again === undefined || again >= from) return { ranges: [everySecond], next: from };
  return { ranges: [{ from: 0, to: again }, newest], next: again };
}

/** The first second after `after` that a mailbox from the place `at` on was made in; undefined where there is none. */
function nextSecond(times: readonly number[], at: number, after: number): number | undefined {
  // Those of the second in which the one before was made belong to the slice.
  const last = Math.max(after, times[at - 1] ?? after);
  for (let place = at; place < times.length; place += 1) {
    const time = times[place] as number;
    if (time > last) return time;
  }
  return undefined;
}
