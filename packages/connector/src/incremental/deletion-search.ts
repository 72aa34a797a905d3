/*
 * What is gone, where the server's count alone does not prove that nothing is: by ranges, in which it counts
 * again, and in those that hold another number than they should GUID by GUID. What turns out to be there without
 * having been read, though nothing of its own changed, is read.
 */
import { countMailboxes } from '../counting.ts';
import type { SessionPorts } from '../export-ports.ts';
import type { ExportReading } from '../export-reading.ts';
import { GuidSet } from '../partition/guid-set.ts';
import { type MailboxSelection, narrowSelection } from '../requests.ts';
import type { ChangedRows } from './changed-rows.ts';
import { type CountRange, cutByCreation, type RangeSize, rangeFilter } from './count-ranges.ts';
import { forwardingHash } from './row-entry.ts';
import type { Absence } from './row-merge.ts';
import { fieldText, guidText } from './row-scanner.ts';
import type { SnapshotEntry } from './snapshot-layout.ts';
import { confirmGone, selectGuids, sweepGuids, sweepPlaces } from './sweep.ts';

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

/** For a search by ranges. */
export interface Narrowing {
  /** The server's count of all. */
  readonly counted: number;
  /** How many the last export had. */
  readonly before: number;
  /** The text of a time in a filter. */
  readonly write: (time: Date) => string;
  readonly size: RangeSize | undefined;
}

/** What is looked at one by one. */
interface SweptRanges {
  readonly selections: readonly MailboxSelection[];
  readonly isSwept: (created: number) => boolean;
}

/** Mailboxes read one by one; where there are more, all are read. */
const mostByGuid = 2_000;

/** One search. */
export class DeletionSearch {
  readonly #context: SearchContext;
  /** Every mailbox was read as a row. */
  hasReadAll = false;
  /** Not every GUID was asked for. */
  hasNarrowed = false;

  constructor(context: SearchContext) {
    this.#context = context;
  }

  /**
   * Compares GUIDs, and reads what was neither known nor read.
   * @param byPlace compare where each mailbox lies, too
   */
  async run(byPlace: boolean, narrowing: Narrowing | undefined): Promise<Absence> {
    const { selections, ports, reading, rows } = this.#context;
    const ranges = narrowing === undefined ? undefined : await this.#rangesToSweep(narrowing);
    const seen = new GuidSet();
    const places = new Map<string, number>();
    const outcome = byPlace
      ? await sweepPlaces(
          selections,
          (guid, name) => {
            seen.add(guid);
            places.set(guid, forwardingHash(name));
          },
          reading,
          ports,
        )
      : await sweepGuids(ranges?.selections ?? selections, (guid) => seen.add(guid), reading, ports);
    if (outcome.kind === 'failed') {
      reading.addError(outcome.error);
      return { kind: 'unchanged' };
    }
    if (outcome.kind === 'not-offered') {
      ports.onNote('the server sends whole objects only: everything is read again');
      return this.#readAll();
    }
    const missing: string[] = [];
    const moved: string[] = [];
    for (const entry of ports.entries()) {
      const guid = guidText(entry.guid);
      if (ranges?.isSwept(entry.created) === false) seen.add(guid);
      else if (!seen.has(guid)) missing.push(guid);
      else if (byPlace && places.get(guid) !== placeHash(entry) && !rows.has(guid)) moved.push(guid);
    }
    if (ranges !== undefined) for (const [guid, created] of rows.added) if (!ranges.isSwept(created)) seen.add(guid);
    const absence = await this.#confirm(missing, seen);
    await this.readByGuid([...this.#unread(seen), ...moved]);
    return absence;
  }

  /** Reads mailboxes of which nothing of their own changed. */
  async readByGuid(guids: readonly string[]): Promise<void> {
    const { selections, ports, readRows } = this.#context;
    if (guids.length === 0) return;
    ports.onNote(`${guids.length} mailboxes came into view or moved without a change of their own: they are read`);
    await readRows(guids.length > mostByGuid ? selections : selectGuids(selections, guids));
  }

  #unread(seen: GuidSet): string[] {
    const { known, rows } = this.#context;
    const unread: string[] = [];
    seen.each((guid) => {
      if (!known.has(guid) && !rows.has(guid)) unread.push(guid);
    });
    return unread;
  }

  /** The ranges of creation time in which the server counts another number than there should be; undefined for all. */
  async #rangesToSweep({ counted, before, write, size }: Narrowing): Promise<SweptRanges | undefined> {
    const { ports, rows, selections } = this.#context;
    const ranges = cutByCreation(ports.entries(), before, rows.added.values(), size);
    if (ranges === undefined || ranges.length < 3) return undefined;
    const narrowed = (range: CountRange): MailboxSelection[] =>
      selections.map((selection) => narrowSelection(selection, { filter: rangeFilter(range, write) }));
    const swept: CountRange[] = [];
    let sum = 0;
    for (const [index, range] of ranges.entries()) {
      const count = await this.#count(narrowed(range));
      if (count === undefined) return undefined;
      sum += count;
      // What came into being while this is read is in the last one.
      if (count !== range.expected || index === ranges.length - 1) swept.push(range);
    }
    // Mailboxes in none of the ranges, or a change in between: the ranges prove nothing.
    if (sum !== counted || swept.length * 2 > ranges.length) return undefined;
    this.hasNarrowed = true;
    ports.onNote(
      `GUIDs are compared in ${swept.length} of ${ranges.length} ranges of creation time; the others hold as many mailboxes as they should`,
    );
    return {
      selections: swept.flatMap(narrowed),
      isSwept: (created) => swept.some(({ from, to }) => created >= from && created < to),
    };
  }

  async #count(selections: readonly MailboxSelection[]): Promise<number | undefined> {
    const { reading, ports } = this.#context;
    let total = 0;
    for (const selection of selections) {
      const count = await countMailboxes(selection, reading, ports);
      if (count === undefined) return undefined;
      total += count;
    }
    return total;
  }

  /** Reads everything as rows; what is not among them is looked for once more. */
  async #readAll(): Promise<Absence> {
    const { selections, ports, rows, readRows } = this.#context;
    this.hasReadAll = true;
    await readRows(selections);
    const missing: string[] = [];
    for (const entry of ports.entries()) {
      const guid = guidText(entry.guid);
      if (!rows.has(guid)) missing.push(guid);
    }
    if (missing.length > 0) await readRows(missing.length > mostByGuid ? selections : selectGuids(selections, missing));
    return { kind: 'unless-seen', isSeen: (guid) => rows.has(guid) };
  }

  async #confirm(missing: readonly string[], seen: GuidSet): Promise<Absence> {
    const { selections, reading, ports } = this.#context;
    const outcome = await confirmGone(missing, selections, seen, reading, ports);
    if (outcome.kind === 'failed') reading.addError(outcome.error);
    // What came and went while this was read is in neither file.
    if (outcome.kind !== 'swept') return { kind: 'unchanged' };
    return { kind: 'unless-seen', isSeen: (guid) => seen.has(guid) };
  }
}

function placeHash(entry: SnapshotEntry): number {
  const field = new Uint8Array(entry.rdn.length + entry.parent.length);
  field.set(entry.rdn);
  field.set(entry.parent, entry.rdn.length);
  return forwardingHash(fieldText(field));
}
