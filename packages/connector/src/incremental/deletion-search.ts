/*
 * What is gone. The GUIDs of some mailboxes are compared: those of the slice whose turn it is, then those that the
 * counts of the server lead to. Whether that was enough is proven by the count of all, not by the way they were found:
 *
 *   S  the snapshot   I  read, and not in it   G  in one of them, missing, and not found by its GUID either
 *
 *   what was changed since the run began is read; all are counted
 *     |N| = |S| + |I| − |G| ?  ── yes ─► N = (S ∪ I) \ G, as all that is new is in I
 *        │ no
 *        └─► search by counts ─► compare ─► again; after a few times all GUIDs are compared
 */
import type { SessionPorts } from '../export-ports.ts';
import type { ExportReading } from '../export-reading.ts';
import { GuidSet } from '../partition/guid-set.ts';
import { type ExportScope, type MailboxSelection, narrowSelection } from '../requests.ts';
import type { ChangedRows } from './changed-rows.ts';
import {
  type CreationRange,
  isWithinRanges,
  measuredCost,
  planSearch,
  rangesFilters,
  type SearchCost,
} from './count-ranges.ts';
import { type ExpectedMailbox, findSuspects, type Suspects } from './count-search.ts';
import type { KnownDatabase } from './cookie-facts.ts';
import { cutSlice } from './guid-slices.ts';
import type { PresentDatabase } from './rereading.ts';
import { forwardingHash } from './row-entry.ts';
import type { Absence } from './row-merge.ts';
import { copyOf, fieldText, guidText } from './row-scanner.ts';
import type { SnapshotEntry } from './snapshot-layout.ts';
import { confirmGone, type SweepOutcome, selectGuids, sweepGuids, sweepPlaces } from './sweep.ts';

/** What a search works with. */
export interface SearchContext {
  readonly selections: readonly MailboxSelection[];
  readonly reading: ExportReading;
  readonly ports: SessionPorts & { readonly entries: () => Iterable<SnapshotEntry> };
  /** The mailboxes of the last export. */
  readonly known: GuidSet;
  readonly rows: ChangedRows;
  readonly readRows: (selections: readonly MailboxSelection[]) => Promise<void>;
}

/** How parts of all mailboxes are told apart. */
export interface Narrowing {
  readonly scope: ExportScope;
  readonly databases: readonly PresentDatabase[];
  /** Those of the last export: a mailbox that was not read since has the name that its database had then. */
  readonly databasesBefore: readonly KnownDatabase[];
  /** The text of a time in a filter. */
  readonly write: (time: Date) => string;
  readonly cost?: SearchCost | undefined;
  /** Reads what changed since the run began. */
  readonly catchUp: () => Promise<void>;
  readonly count: () => Promise<number | undefined>;
  /** The last count. */
  readonly counted: number;
  /** The slice to compare; `share` 0: none. */
  readonly slice: { readonly from: number; readonly share: number };
  /** The counts have proven that nothing is gone. */
  readonly isProven: boolean;
}

/** Mailboxes read one by one; where there are more, all are read. */
const mostByGuid = 2_000;
/** Times that the search goes on where the organisation changes meanwhile. */
const mostRounds = 3;

/** One search. */
export class DeletionSearch {
  readonly #context: SearchContext;
  /** Mailboxes that were looked for, and are not there. */
  #gone = new Set<string>();
  /** The slice that was compared. */
  #slice: readonly CreationRange[] = [];
  /** Every mailbox was read as a row. */
  hasReadAll = false;
  /** Where the slices of GUIDs stand; undefined where none was compared. */
  comparedUpTo: number | undefined;

  constructor(context: SearchContext) {
    this.#context = context;
  }

  /** Compares the slice, and searches where the counts do not fit; reads what was neither known nor read. */
  async runNarrowed(narrowing: Narrowing): Promise<Absence> {
    const { rows, ports } = this.#context;
    const { counted: last, slice, cost = measuredCost } = narrowing;
    let { isProven } = narrowing;
    const differing = Math.abs(last - this.#mailboxes);
    if (!isProven && planSearch(this.#mailboxes, differing, cost).groups === 1) return this.runAll(false);
    if (slice.share > 0) {
      const before = rows.added.size;
      const failed = await this.#compareSlice(narrowing);
      if (failed !== undefined) return failed;
      isProven &&= this.#gone.size === 0 && rows.added.size === before;
    }
    let hasFound = true;
    for (let round = 0; !isProven; round += 1) {
      await this.#catchUp(narrowing);
      const counted = await narrowing.count();
      const mailboxes = this.#mailboxes;
      isProven = counted === mailboxes;
      if (isProven) break;
      ports.onNote(`${mailboxes} mailboxes are expected, and the server counts ${counted ?? 'none'}`);
      // Where it found nothing, it would look at the same mailboxes once more.
      const isWorthIt = hasFound && round < mostRounds && counted !== undefined;
      const compared = round === 0 ? this.#slice : [];
      const suspects = isWorthIt ? await this.#find(narrowing, counted, compared) : 'all';
      if (suspects === 'all') return this.runAll(false);
      if (suspects === 'again') continue;
      const failed = await this.#compare(suspects, narrowing);
      if (failed !== undefined) return failed;
      hasFound = this.#mailboxes !== mailboxes;
    }
    return { kind: 'unless-seen', isSeen: (guid) => !this.#gone.has(guid) };
  }

  /**
   * Compares all GUIDs.
   * @param byPlace compare where each mailbox lies, too
   */
  async runAll(byPlace: boolean): Promise<Absence> {
    const { selections, ports, reading, rows } = this.#context;
    ports.onNote('all GUIDs are compared');
    const seen = new GuidSet();
    const places = new Map<string, number>();
    const outcome = byPlace
      ? await sweepPlaces(
          selections,
          (guid, name) => {
            seen.add(guid);
            places.set(copyOf(guid), forwardingHash(name));
          },
          reading,
          ports,
        )
      : await sweepGuids(selections, (guid) => seen.add(guid), reading, ports);
    if (outcome.kind !== 'swept') return this.#unableTo(outcome);
    const missing: string[] = [];
    const moved: string[] = [];
    for (const entry of ports.entries()) {
      const guid = guidText(entry.guid);
      if (!seen.has(guid)) missing.push(guid);
      else if (byPlace && places.get(guid) !== placeHash(entry) && !rows.has(guid)) moved.push(guid);
    }
    for (const guid of rows.added.keys()) if (!seen.has(guid)) missing.push(guid);
    const failed = await this.#confirm(missing, seen);
    if (failed !== undefined) return failed;
    await this.readByGuid([...this.#unread(seen), ...moved]);
    this.comparedUpTo = 0;
    return { kind: 'unless-seen', isSeen: (guid) => seen.has(guid) };
  }

  /** Reads mailboxes of which nothing of their own changed. */
  async readByGuid(guids: readonly string[]): Promise<void> {
    const { selections, ports, readRows } = this.#context;
    if (guids.length === 0) return;
    ports.onNote(`${guids.length} mailboxes came into view or moved without a change of their own: they are read`);
    await readRows(guids.length > mostByGuid ? selections : selectGuids(selections, guids));
  }

  /** How many there should be. */
  get #mailboxes(): number {
    const { known, rows } = this.#context;
    return known.size + rows.added.size - this.#gone.size;
  }

  /** The mailboxes that there should be. */
  *#expected({ databases, databasesBefore }: Narrowing): Generator<ExpectedMailbox, void, void> {
    const { ports, rows } = this.#context;
    const now = new Map(databases.map(({ guid, name }) => [name, guid]));
    const before = new Map(databasesBefore.map(({ guid, name }) => [name, guid]));
    for (const entry of ports.entries()) {
      const guid = guidText(entry.guid);
      if (this.#gone.has(guid)) continue;
      const read = rows.databaseOf(guid);
      const database = read === undefined ? before.get(fieldText(entry.database)) : now.get(read);
      yield { guid, created: entry.created, database };
    }
    for (const [guid, created] of rows.added) {
      if (!this.#gone.has(guid)) yield { guid, created, database: now.get(rows.databaseOf(guid) ?? '') };
    }
  }

  /** What changed since the run began; a mailbox that is among it is there. */
  async #catchUp({ catchUp }: Narrowing): Promise<void> {
    const { rows } = this.#context;
    const read = rows.watch();
    await catchUp();
    this.#gone = new Set([...this.#gone].filter((guid) => !read.has(guid)));
  }

  async #find(
    narrowing: Narrowing,
    counted: number,
    compared: readonly CreationRange[],
  ): ReturnType<typeof findSuspects> {
    const { reading, ports } = this.#context;
    const { scope, databases, write, cost = measuredCost } = narrowing;
    const expected = (): Iterable<ExpectedMailbox> => this.#expected(narrowing);
    const plan = { scope, databases, expected, mailboxes: this.#mailboxes, counted, write, cost, compared };
    return findSuspects(plan, reading, ports);
  }

  /** The mailboxes whose turn it is. */
  async #compareSlice(narrowing: Narrowing): Promise<Absence | undefined> {
    const { selections, ports } = this.#context;
    const { slice, write } = narrowing;
    const times = Array.from(this.#expected(narrowing), ({ created }) => created).sort((left, right) => left - right);
    const { ranges, next } = cutSlice(times, slice.from, slice.share);
    const filters = rangesFilters(ranges, write);
    const ofSlice =
      filters === undefined
        ? selections
        : selections.flatMap((selection) => filters.map((filter) => narrowSelection(selection, { filter })));
    ports.onNote(`GUIDs are compared whatever the counts say, this time of ${filters?.join(', ') ?? 'all mailboxes'}`);
    const includes = ({ created }: ExpectedMailbox): boolean => isWithinRanges(ranges, created);
    const failed = await this.#compare({ selections: ofSlice, seen: new GuidSet(), includes }, narrowing);
    this.comparedUpTo = failed === undefined ? next : undefined;
    this.#slice = ranges;
    return failed;
  }

  /** Reads the GUIDs of some. What is given back is what the whole search ends in where that fails. */
  async #compare({ selections, seen, includes }: Suspects, narrowing: Narrowing): Promise<Absence | undefined> {
    const { reading, ports } = this.#context;
    const outcome = await sweepGuids(selections, (guid) => seen.add(guid), reading, ports);
    if (outcome.kind !== 'swept') return this.#unableTo(outcome);
    const missing: string[] = [];
    for (const mailbox of this.#expected(narrowing)) {
      if (includes(mailbox) && !seen.has(mailbox.guid)) missing.push(copyOf(mailbox.guid));
    }
    const failed = await this.#confirm(missing, seen);
    if (failed !== undefined) return failed;
    for (const guid of missing) if (!seen.has(guid)) this.#gone.add(guid);
    await this.readByGuid(this.#unread(seen));
    return undefined;
  }

  #unread(seen: GuidSet): string[] {
    const { known, rows } = this.#context;
    const unread: string[] = [];
    seen.each((guid) => {
      if (!known.has(guid) && !rows.has(guid)) unread.push(guid);
    });
    return unread;
  }

  /** Asks for what is missing by its GUID: one that moved between parts while they were read is there. */
  async #confirm(missing: readonly string[], seen: GuidSet): Promise<Absence | undefined> {
    const { selections, reading, ports } = this.#context;
    const outcome = await confirmGone({ missing, of: this.#mailboxes, selections, seen }, reading, ports);
    return outcome.kind === 'swept' ? undefined : this.#unableTo(outcome);
  }

  async #unableTo(outcome: Exclude<SweepOutcome, { kind: 'swept' }>): Promise<Absence> {
    const { reading, ports } = this.#context;
    this.comparedUpTo = undefined;
    if (outcome.kind === 'failed') {
      reading.addError(outcome.error);
      return { kind: 'unchanged' };
    }
    ports.onNote('the server sends whole objects only: everything is read again');
    return this.#readAll();
  }

  /** Reads everything as rows; what is not among them is looked for once more. */
  async #readAll(): Promise<Absence> {
    const { selections, ports, rows, readRows } = this.#context;
    this.hasReadAll = true;
    this.comparedUpTo = 0;
    await readRows(selections);
    const missing: string[] = [];
    for (const entry of ports.entries()) {
      const guid = guidText(entry.guid);
      if (!rows.has(guid)) missing.push(guid);
    }
    if (missing.length > 0) await readRows(missing.length > mostByGuid ? selections : selectGuids(selections, missing));
    return { kind: 'unless-seen', isSeen: (guid) => rows.has(guid) };
  }
}

function placeHash(entry: SnapshotEntry): number {
  const field = new Uint8Array(entry.rdn.length + entry.parent.length);
  field.set(entry.rdn);
  field.set(entry.parent, entry.rdn.length);
  return forwardingHash(fieldText(field));
}
