/*
 * How a large organisation is cut: one part for each database, a large database into ranges of Name. The
 * ranges are built of one documented OPATH comparison and its negation,
 *
 *   Name -lt 'c'    -not (Name -lt 'c') -and (Name -lt 'm')    -not (Name -lt 'm')
 *
 * so that every mailbox is in one of them whatever order the server's collation gives the bounds: an order
 * other than ours reads some mailboxes twice, and none never.
 */
import type { CommandParameter } from '@exchange-connector/psrp';
import { type MailboxSelection, narrowSelection } from '../requests.ts';

/** A database, as the plan needs it. */
export interface PlannedDatabase {
  readonly guid: string;
  readonly name: string;
}

/** One part of the reading. Plain data: a journal keeps it. */
export interface Part {
  /** Index of the selection of the scope that it is a part of. */
  readonly selection: number;
  /** The database that it is narrowed to. */
  readonly database: PlannedDatabase | undefined;
  /** Names from here on (included), and below there; open where undefined. */
  readonly from: string | undefined;
  readonly below: string | undefined;
  /** How many mailboxes it was thought to have; for the order of work alone. */
  readonly expected: number;
}

/** What one part is cut out of: a selection, or one database of it. */
export interface Cuttable {
  readonly selection: number;
  readonly database: PlannedDatabase | undefined;
  /** How many mailboxes it has; `undefined` where the server does not count. */
  readonly count: number | undefined;
  /** Names of some of its mailboxes: the bounds are chosen among them. */
  readonly names: readonly string[];
}

/** Below these an organisation is read in one go. */
export const leastToPartition = { oneShell: 10_000, severalShells: 1_000 };
const partSizes = { least: 100, most: 10_000 };
/** Parts for each shell: the last ones to end leave the others idle for as long as one part takes. */
const partsPerShell = 16;

/** How many mailboxes a part should have. */
export function partSize(total: number, shells: number): number {
  // One shell gains nothing by more parts than it takes to lose little with a session.
  if (shells === 1) return partSizes.most;
  return Math.min(partSizes.most, Math.max(partSizes.least, Math.ceil(total / (shells * partsPerShell))));
}

/** Whether an organisation of this size is read in parts. */
export function isWorthCutting(total: number | undefined, shells: number): boolean {
  return total !== undefined && total >= (shells > 1 ? leastToPartition.severalShells : leastToPartition.oneShell);
}

/**
 * The beginning of a name that may bound a range: where the server's collation and the order of code units
 * agree as a rule, which is so for plain Latin letters and for the scripts after Latin. Letters like `É`
 * stand elsewhere in each. Letters and digits alone: PowerShell ends a text at `’` as at `'`.
 */
function boundOf(name: string): string | undefined {
  const plain = /^[a-z0-9]+(?: [a-z0-9]+)*/.exec(name);
  const bound = plain ?? /^(?:(?=[\u0370-\u{10ffff}])[\p{L}\p{M}\p{N}]){1,12}/u.exec(name);
  return bound?.[0].slice(0, 24);
}

const byCodeUnits = (left: string, right: string): number => (left < right ? -1 : left > right ? 1 : 0);

/** Bounds that cut the names into about as many equal shares as wanted. */
function boundsAmong(sorted: readonly string[], wanted: number): string[] {
  const bounds = new Set<string>();
  const reach = Math.floor(sorted.length / wanted / 2);
  for (let share = 1; share < wanted; share += 1) {
    const middle = Math.floor((share * sorted.length) / wanted);
    for (let step = 0; step <= reach; step += 1) {
      const bound = boundOf(sorted[middle + step] ?? '') ?? boundOf(sorted[middle - step] ?? '');
      if (bound === undefined) continue;
      bounds.add(bound);
      break;
    }
  }
  return [...bounds].sort(byCodeUnits);
}

/** Cuts what is larger than `size` into ranges of Name. */
export function cut(whole: Cuttable, size: number): Part[] {
  const { selection, database, count } = whole;
  const wanted = count === undefined ? 1 : Math.ceil(count / size);
  const names = whole.names.map((name) => name.toLowerCase()).sort(byCodeUnits);
  const edges = [undefined, ...(wanted < 2 ? [] : boundsAmong(names, wanted)), undefined];
  return edges.slice(1).map((below, index) => {
    const from = edges[index];
    const seen = names.filter((name) => (from === undefined || name >= from) && (below === undefined || name < below));
    const share = names.length === 0 ? 1 : seen.length / names.length;
    return { selection, database, from, below, expected: Math.ceil((count ?? size) * share) };
  });
}

/** The largest parts first: what remains at the end is short. */
export function inOrderOfWork(parts: readonly Part[]): Part[] {
  return [...parts].sort((left, right) => right.expected - left.expected);
}

/** Names a part, in a journal and among the parts of its plan. */
export function partId(part: Part): string {
  return JSON.stringify([part.selection, part.database?.guid ?? null, part.from ?? null, part.below ?? null]);
}

function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}

/** The selection with one part of it in view. */
export function selectionOf(part: Part, selections: readonly MailboxSelection[]): MailboxSelection {
  const whole = selections[part.selection];
  if (whole === undefined) throw new RangeError(`a part of selection ${part.selection} of ${selections.length}`);
  const conditions: string[] = [];
  if (part.from !== undefined) conditions.push(`-not (Name -lt ${quoted(part.from)})`);
  if (part.below !== undefined) conditions.push(`(Name -lt ${quoted(part.below)})`);
  return narrowSelection(whole, {
    database: part.database,
    filter: conditions.length === 0 ? undefined : conditions.join(' -and '),
  });
}

/** Whether a selection is of one database already. */
export function isOfOneDatabase(parameters: readonly CommandParameter[]): boolean {
  return parameters.some(({ name }) => name === 'Database');
}
