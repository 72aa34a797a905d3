/*
 * Where something is gone, without asking for every GUID: mailboxes are counted by database, and within a database
 * whose number is not as it should be by ranges of WhenCreatedUTC, which no mailbox ever changes. Only what then
 * differs is looked at one by one. The server reads each mailbox about once more for it, and sends one object for
 * each count.
 */

/** Mailboxes made from a second on (since 1970), up to the next range. */
export interface CountRange {
  readonly from: number;
  /** Infinity for the last. */
  readonly to: number;
  /** How many there should be. */
  readonly expected: number;
}

/** How finely mailboxes are counted. */
export interface RangeSize {
  /** With fewer mailboxes nothing is counted apart: all GUIDs are a handful of bytes. */
  readonly leastMailboxes: number;
  /** A range of a database holds about so many. */
  readonly mailboxes: number;
  /** There are at most so many ranges of a database. */
  readonly ranges: number;
}

export const usualRangeSize: RangeSize = { leastMailboxes: 2_000, mailboxes: 500, ranges: 16 };

/**
 * Cuts the time at which mailboxes were made into ranges of about equal numbers.
 * @param times when each was made, in seconds since 1970; sorted here
 */
export function cutByCreation(times: number[], { mailboxes, ranges }: RangeSize): CountRange[] {
  const sorted = times.sort((left, right) => left - right);
  const size = Math.max(mailboxes, Math.ceil(sorted.length / ranges));
  const cuts: CountRange[] = [];
  let begin = 0;
  let from = 0;
  for (let at = size; at < sorted.length; at += size) {
    const to = sorted[at] as number;
    if (to <= from) continue;
    // Those of one second stay together.
    let end = at;
    while (end > begin && sorted[end - 1] === to) end -= 1;
    cuts.push({ from, to, expected: end - begin });
    from = to;
    begin = end;
  }
  cuts.push({ from, to: Number.POSITIVE_INFINITY, expected: sorted.length - begin });
  return cuts;
}

/** The filter that selects a range, the times written as this server takes them. */
export function rangeFilter({ from, to }: CountRange, write: (time: Date) => string): string | undefined {
  const parts: string[] = [];
  if (from > 0) parts.push(`WhenCreatedUTC -ge '${write(new Date(from * 1000))}'`);
  if (to < Number.POSITIVE_INFINITY) parts.push(`WhenCreatedUTC -lt '${write(new Date(to * 1000))}'`);
  return parts.length === 0 ? undefined : `(${parts.join(' -and ')})`;
}
