/* Counting by database and by time of creation, until few mailboxes are left among which some may be gone. */
import { countMailboxes } from '../counting.ts';
import type { SessionPorts } from '../export-ports.ts';
import type { ExportReading } from '../export-reading.ts';
import { type ExportScope, type MailboxSelection, mailboxSelections, narrowSelection } from '../requests.ts';
import type { ChangedRows } from './changed-rows.ts';
import { type CountRange, cutByCreation, type RangeSize, rangeFilter, usualRangeSize } from './count-ranges.ts';
import type { KnownDatabase } from './cookie-facts.ts';
import { databasesInScope, type PresentDatabase } from './rereading.ts';
import { fieldText, guidText } from './row-scanner.ts';
import type { SnapshotEntry } from './snapshot-layout.ts';

/** What is to be narrowed down, and how the server is asked. */
export interface Narrowing {
  readonly scope: ExportScope;
  readonly databases: readonly PresentDatabase[];
  /** Those of the last export: a mailbox that was not read since has the name that its database had then. */
  readonly databasesBefore: readonly KnownDatabase[];
  /** The server's count of all. */
  readonly counted: number;
  /** The text of a time in a filter. */
  readonly write: (time: Date) => string;
  readonly size?: RangeSize | undefined;
}

/** The world around it. */
export interface CountingContext {
  readonly reading: ExportReading;
  readonly ports: SessionPorts & { readonly entries: () => Iterable<SnapshotEntry> };
  readonly rows: ChangedRows;
}

/** What is left to look at. */
export interface Suspects {
  readonly selections: readonly MailboxSelection[];
  /** Whether a mailbox of the last export is among them. */
  includes(entry: SnapshotEntry): boolean;
  /** Whether one that was read and was not in the last export is. */
  includesAdded(guid: string, created: number): boolean;
}

/** Finds where the server counts another number than there should be; undefined where counting does not tell. */
export async function findSuspects(narrowing: Narrowing, context: CountingContext): Promise<Suspects | undefined> {
  const { scope, databases, counted, size = usualRangeSize } = narrowing;
  if (counted < size.leastMailboxes) return undefined;
  const inScope = databasesInScope(scope, databases);
  if (inScope === undefined) return undefined;
  const guidOf = databaseFinder(narrowing, context.rows);
  const expected = expectedIn(guidOf, context);
  const suspects = new Map<string, readonly CountRange[] | 'all'>();
  const selections: MailboxSelection[] = [];
  let sum = 0;
  // A mailbox whose database cannot be told could be missing without being missed.
  if (expected.has(undefined)) return undefined;
  for (const { guid } of databases) {
    if (inScope !== 'all' && !inScope.has(guid)) continue;
    const whole = mailboxSelections({ ...scope, databases: [guid] });
    const count = await countAll(whole, context);
    if (count === undefined) return undefined;
    sum += count;
    const times = expected.get(guid) ?? [];
    if (count === times.length) continue;
    const ranges = await findRanges(whole, times, count, { ...narrowing, size }, context);
    suspects.set(guid, ranges ?? 'all');
    const { write } = narrowing;
    selections.push(...(ranges === undefined ? whole : ranges.flatMap((range) => narrowed(whole, range, write))));
  }
  // Mailboxes in a database that is not listed, or a change in between: the counts prove nothing.
  if (sum !== counted) return undefined;
  const isSuspect = (database: string | undefined, created: number): boolean => {
    const ranges = database === undefined ? 'all' : suspects.get(database);
    return ranges === 'all' || ranges?.some(({ from, to }) => created >= from && created < to) === true;
  };
  return {
    selections,
    includes: (entry) => isSuspect(guidOf.entry(entry), entry.created),
    includesAdded: (guid, created) => isSuspect(guidOf.added(guid), created),
  };
}

/** Finds the GUID of the database that a mailbox lives in, as far as it is known. */
interface DatabaseFinder {
  entry(entry: SnapshotEntry): string | undefined;
  added(guid: string): string | undefined;
}

function databaseFinder({ databases, databasesBefore }: Narrowing, rows: ChangedRows): DatabaseFinder {
  const now = new Map(databases.map(({ guid, name }) => [name, guid]));
  const before = new Map(databasesBefore.map(({ guid, name }) => [name, guid]));
  return {
    entry: (entry) => {
      const read = rows.databaseOf(guidText(entry.guid));
      return read === undefined ? before.get(fieldText(entry.database)) : now.get(read);
    },
    added: (guid) => now.get(rows.databaseOf(guid) ?? ''),
  };
}

/** When the mailboxes were made that each database should have; those of which the database is not known stand apart. */
function expectedIn(guidOf: DatabaseFinder, { ports, rows }: CountingContext): Map<string | undefined, number[]> {
  const expected = new Map<string | undefined, number[]>();
  const add = (database: string | undefined, created: number): void => {
    const known = expected.get(database);
    if (known === undefined) expected.set(database, [created]);
    else known.push(created);
  };
  for (const entry of ports.entries()) add(guidOf.entry(entry), entry.created);
  for (const [guid, created] of rows.added) add(guidOf.added(guid), created);
  return expected;
}

function narrowed(
  selections: readonly MailboxSelection[],
  range: CountRange,
  write: (time: Date) => string,
): MailboxSelection[] {
  return selections.map((selection) => narrowSelection(selection, { filter: rangeFilter(range, write) }));
}

/** The ranges of one database that hold another number than they should; undefined for all of it. */
async function findRanges(
  selections: readonly MailboxSelection[],
  times: number[],
  count: number,
  { write, size = usualRangeSize }: Narrowing,
  context: CountingContext,
): Promise<CountRange[] | undefined> {
  const ranges = cutByCreation(times, size);
  if (ranges.length < 3) return undefined;
  const differing: CountRange[] = [];
  let sum = 0;
  for (const [index, range] of ranges.entries()) {
    const found = await countAll(narrowed(selections, range, write), context);
    if (found === undefined) return undefined;
    sum += found;
    // What came into being while this is read is in the last one.
    if (found !== range.expected || index === ranges.length - 1) differing.push(range);
  }
  return sum === count ? differing : undefined;
}

async function countAll(
  selections: readonly MailboxSelection[],
  { reading, ports }: CountingContext,
): Promise<number | undefined> {
  let total = 0;
  for (const selection of selections) {
    const count = await countMailboxes(selection, reading, ports);
    if (count === undefined) return undefined;
    total += count;
  }
  return total;
}
