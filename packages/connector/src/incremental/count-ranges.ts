/*
 * Ranges of WhenCreatedUTC, which no mailbox ever changes, and what it costs to count one or to read its GUIDs:
 *
 *   [──────────────── 100,000, one is missing ────────────────]
 *   [── as many as there should be ──][───── one is missing ──]     counted │ what is left of the whole
 *                                     [─ fits ─][─ missing ───]     … until reading is cheaper than counting on
 *
 * A count is one pipeline (Command, Receive, Signal), a GUID one message and one Stream element.
 */

/** Mailboxes made from a second on (since 1970), up to the next range. */
export interface CreationRange {
  readonly from: number;
  /** Infinity for the last. */
  readonly to: number;
}

/** The range with all mailboxes in it. */
export const everySecond: CreationRange = { from: 0, to: Number.POSITIVE_INFINITY };

/** A range, and when the mailboxes were made that should be in it. */
export interface ExpectedRange extends CreationRange {
  /** Sorted. */
  readonly times: readonly number[];
}

/** Bytes, both ways. */
export interface SearchCost {
  /** One count: the three exchanges of a pipeline. */
  readonly count: number;
  /** One GUID that is read. */
  readonly guid: number;
  /** One range to read: its part of a filter, and of the pipeline that reads several. */
  readonly range: number;
}

/**
 * As measured over HTTP sealed by Kerberos: 6,550 + 1,218 bytes for the Command of a count and its answer,
 * 1,908 + 2,262 for the Receive, 1,822 + 1,128 for the Signal. Without sealing each is some 300 less.
 */
export const measuredCost: SearchCost = { count: 14_900, guid: 234, range: 900 };

/** A range is cut into so many at once, at most: the more, the less often the server reads each mailbox again. */
const mostGroups = 64;
/** Counting has to be expected to take no more than this share of reading: what lies more evenly than by chance takes more. */
const leastGain = 0.9;
/** Where deletions lie together, counting pays though they would be too many if they were spread: it is tried for this share. */
const tryingShare = 0.05;

/** What to do with a range that holds another number than it should. */
export interface SearchPlan {
  /** Bytes that it is expected to take. */
  readonly bytes: number;
  /** Into how many ranges to cut it; 1: its GUIDs are read. */
  readonly groups: number;
}

/**
 * Weighs counting on against reading.
 * @param mailboxes how many there should be
 * @param differing by how many the count differs, taken to be spread evenly
 */
export function planSearch(mailboxes: number, differing: number, cost: SearchCost): SearchPlan {
  const reading = { bytes: mailboxes * cost.guid + cost.range, groups: 1 };
  if (mailboxes < 2) return reading;
  const spread = Math.min(Math.max(differing, 1), mailboxes);
  const groups = Math.min(mostGroups, Math.floor(mailboxes), Math.floor(spread) + 1);
  // The last follows from the others.
  const counting = (groups - 1) * cost.count;
  if (counting >= reading.bytes) return reading;
  const hit = groups * (1 - (1 - 1 / groups) ** spread);
  const bytes = counting + hit * planSearch(mailboxes / groups, spread / hit, cost).bytes;
  if (bytes < leastGain * reading.bytes) return { bytes, groups };
  return counting <= tryingShare * reading.bytes ? { bytes: counting + reading.bytes, groups } : reading;
}

/** Cuts a range into about so many, with about equal numbers; those of one second stay together. */
export function cutByCreation({ from, to, times }: ExpectedRange, groups: number): ExpectedRange[] {
  const size = Math.max(1, Math.ceil(times.length / groups));
  const cuts: ExpectedRange[] = [];
  let begin = 0;
  let low = from;
  for (let at = size; at < times.length; at = Math.max(at, begin) + size) {
    const end = secondBegins(times, at, begin);
    const high = times[end];
    if (high === undefined || high <= low) continue;
    cuts.push({ from: low, to: high, times: times.slice(begin, end) });
    low = high;
    begin = end;
  }
  cuts.push({ from: low, to, times: times.slice(begin) });
  return cuts;
}

/** Where the second of `at` begins; where that is not after `begin`, the next one. */
function secondBegins(times: readonly number[], at: number, begin: number): number {
  let end = at;
  while (end > begin && times[end - 1] === times[at]) end -= 1;
  if (end > begin) return end;
  end = at;
  while (times[end] === times[at]) end += 1;
  return end;
}

/** The same seconds in as few ranges as there can be; the ranges are sorted and apart. */
export function joinRanges(ranges: readonly CreationRange[]): CreationRange[] {
  const joined: CreationRange[] = [];
  for (const { from, to } of ranges) {
    const last = joined.at(-1);
    if (last?.to === from) joined[joined.length - 1] = { from: last.from, to };
    else joined.push({ from, to });
  }
  return joined;
}

/** What is left of all seconds; undefined where that is not one range. */
export function restOf(ranges: readonly CreationRange[]): CreationRange | undefined {
  const rest: CreationRange[] = [];
  let { from } = everySecond;
  for (const range of [...ranges, { from: everySecond.to, to: everySecond.to }]) {
    if (range.from > from) rest.push({ from, to: range.from });
    from = range.to;
  }
  return rest.length === 1 ? rest[0] : undefined;
}

/** Whether a mailbox that was made in this second is in one of the ranges, which are sorted and apart. */
export function isWithinRanges(ranges: readonly CreationRange[], created: number): boolean {
  let low = 0;
  let high = ranges.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const { from, to } = ranges[middle] as CreationRange;
    if (created < from) high = middle;
    else if (created >= to) low = middle + 1;
    else return true;
  }
  return false;
}

/** The filter that selects a range, the times written as this server takes them; undefined for all. */
export function rangeFilter({ from, to }: CreationRange, write: (time: Date) => string): string | undefined {
  const parts: string[] = [];
  if (from > 0) parts.push(`WhenCreatedUTC -ge '${write(new Date(from * 1000))}'`);
  if (to < Number.POSITIVE_INFINITY) parts.push(`WhenCreatedUTC -lt '${write(new Date(to * 1000))}'`);
  return parts.length === 0 ? undefined : `(${parts.join(' -and ')})`;
}

/** Ranges that one filter holds. */
const rangesAtOnce = 20;

/** Filters that select ranges, several in each; undefined where one of them is of all. */
export function rangesFilters(
  ranges: readonly CreationRange[],
  write: (time: Date) => string,
): readonly string[] | undefined {
  const filters: string[] = [];
  for (let at = 0; at < ranges.length; at += rangesAtOnce) {
    const parts = ranges.slice(at, at + rangesAtOnce).map((range) => rangeFilter(range, write));
    if (parts.includes(undefined)) return undefined;
    filters.push(parts.length === 1 ? String(parts[0]) : `(${parts.join(' -or ')})`);
  }
  return filters;
}
