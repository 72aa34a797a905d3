/*
 * What is gone, where the server's count alone does not prove that nothing is: it counts by parts, and those that
 * hold another number than they should are looked at GUID by GUID. What turns out to be there without
 * having been read, though nothing of its own changed, is read.
 */
import type { SessionPorts } from '../export-ports.ts';
import type { ExportReading } from '../export-reading.ts';
import { GuidSet } from '../partition/guid-set.ts';
import type { MailboxSelection } from '../requests.ts';
import type { ChangedRows } from './changed-rows.ts';
import { findSuspects, type Narrowing, type Suspects } from './count-search.ts';
import { forwardingHash } from './row-entry.ts';
import type { Absence } from './row-merge.ts';
import { copyOf, fieldText, guidText } from './row-scanner.ts';
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
    const suspects = narrowing === undefined ? undefined : await findSuspects(narrowing, this.#context);
    if (suspects !== undefined) this.#tellNarrowed(suspects);
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
      : await sweepGuids(suspects?.selections ?? selections, (guid) => seen.add(guid), reading, ports);
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
      if (suspects?.includes(entry) === false) seen.add(guid);
      else if (!seen.has(guid)) missing.push(guid);
      else if (byPlace && places.get(guid) !== placeHash(entry) && !rows.has(guid)) moved.push(guid);
    }
    for (const [guid, created] of rows.added) {
      if (suspects?.includesAdded(guid, created) === false) seen.add(guid);
    }
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

  #tellNarrowed({ selections }: Suspects): void {
    this.hasNarrowed = true;
    const where = selections.map(({ description }) => description).slice(0, 5);
    this.#context.ports.onNote(
      `mailboxes were counted by database and time of creation: GUIDs are compared in ${selections.length} parts alone (${where.join('; ')}${selections.length > 5 ? '; …' : ''})`,
    );
  }

  #unread(seen: GuidSet): string[] {
    const { known, rows } = this.#context;
    const unread: string[] = [];
    seen.each((guid) => {
      if (!known.has(guid) && !rows.has(guid)) unread.push(guid);
    });
    return unread;
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
