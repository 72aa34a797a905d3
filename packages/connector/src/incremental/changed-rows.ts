import { databaseColumns } from '../columns.ts';
import type { RowSink } from '../export-ports.ts';
import { GuidSet } from '../partition/guid-set.ts';
import type { ForwardingSum } from './cookie-facts.ts';
import { forwardingHash, secondsOf } from './row-entry.ts';
import { copyOf, fieldText, guidText, RowScanner } from './row-scanner.ts';
import type { SnapshotEntry } from './snapshot-layout.ts';

const encoder = new TextEncoder();

/** Rows on their way into the sink, and what has to be known of them before they are merged. */
export class ChangedRows implements RowSink {
  readonly #sink: RowSink;
  readonly #scanner = new RowScanner();
  readonly #forwardingAt: number;
  readonly #databaseAt: number;
  readonly #serverAt: number;
  readonly #createdAt: number;
  readonly #known: GuidSet;
  #guids = new GuidSet();
  #watched = new GuidSet();
  /** The text of their `Database`. */
  readonly #databases = new Map<string, string>();
  /** Each of those texts once. */
  readonly #names = new Map<string, string>();
  /** When those were made that the last export did not have. */
  readonly #created = new Map<string, number>();
  /** Those that forward: the hash of the text. */
  readonly #forwarding = new Map<string, number>();

  /**
   * @param columns of the mailboxes, after `Command`
   * @param known the mailboxes of the last export
   */
  constructor(sink: RowSink, columns: readonly string[], known: GuidSet) {
    this.#sink = sink;
    this.#known = known;
    this.#databaseAt = columns.indexOf('Database') + 1;
    this.#createdAt = columns.indexOf('WhenCreatedUTC') + 1;
    this.#forwardingAt = columns.indexOf('ForwardingAddress') + 1;
    this.#serverAt = databaseColumns().columns.findIndex(({ name }) => name === 'Server') + 1;
  }

  get guids(): GuidSet {
    return this.#guids;
  }

  put(key: string, line: string, group: string): void {
    this.#guids.add(key);
    this.#watched.add(key);
    this.#scanner.scan(encoder.encode(line));
    this.#note(copyOf(key));
    this.#sink.put(key, line, group);
  }

  #note(key: string): void {
    const field = this.#scanner.field(this.#forwardingAt);
    if (field.length > 0) this.#forwarding.set(key, forwardingHash(fieldText(field)));
    else this.#forwarding.delete(key);
    const database = fieldText(this.#scanner.field(this.#databaseAt));
    const known = this.#names.get(database);
    if (known === undefined) this.#names.set(database, database);
    this.#databases.set(key, known ?? database);
    if (!this.#known.has(key)) this.#created.set(key, secondsOf(this.#scanner.field(this.#createdAt)));
  }

  restart(): void {
    this.#guids = new GuidSet();
    this.#forwarding.clear();
    this.#created.clear();
    this.#databases.clear();
    this.#sink.restart();
  }

  has(guid: string): boolean {
    return this.#guids.has(guid);
  }

  /** The database that a mailbox was read in; undefined where it was not read. */
  databaseOf(guid: string): string | undefined {
    return this.#databases.get(guid);
  }

  /** Those that the last export did not have, and when they were made. */
  get added(): ReadonlyMap<string, number> {
    return this.#created;
  }

  /** Takes the GUIDs of rows that come from here on, until it is asked for again. */
  watch(): { has(guid: string): boolean } {
    this.#watched = new GuidSet();
    return this.#watched;
  }

  /** The GUIDs of now; from here on {@link has} tells of those that come later, too. */
  begin(): { has(guid: string): boolean } {
    const now = new GuidSet();
    this.#guids.each((guid) => now.add(guid));
    return now;
  }

  /** The texts of `ForwardingAddress` that there should be: those of the snapshot, but for what was read since or is gone. */
  forwardingSum(entries: Iterable<SnapshotEntry>, isGone: (guid: string) => boolean): ForwardingSum {
    let count = 0;
    let sum = 0;
    for (const entry of entries) {
      if (entry.forwarding === undefined) continue;
      const guid = guidText(entry.guid);
      if (this.#guids.has(guid) || isGone(guid)) continue;
      count += 1;
      sum += entry.forwarding;
    }
    for (const [guid, hash] of this.#forwarding) {
      if (isGone(guid)) continue;
      count += 1;
      sum += hash;
    }
    return { count, sum };
  }

  /** The `Server` of a line of the databases. */
  databaseServer(line: string): string {
    this.#scanner.scan(encoder.encode(line));
    return fieldText(this.#scanner.field(this.#serverAt));
  }
}
