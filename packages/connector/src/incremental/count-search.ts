/*
 * Where is it that the server counts another number than there should be? Ranges of creation time are halved, or cut
 * finer where much is missing, until reading GUIDs is cheaper. What this finds is a proposal: that nothing else is
 * gone is proven by the count of all afterwards, see deletion-search.ts.
 */
import { countMailboxes } from '../counting.ts';
import type { SessionPorts } from '../export-ports.ts';
import type { ExportReading } from '../export-reading.ts';
import { GuidSet } from '../partition/guid-set.ts';
import { type ExportScope, type MailboxSelection, mailboxSelections, narrowSelection } from '../requests.ts';
import {
  type CreationRange,
  cutByCreation,
  type ExpectedRange,
  everySecond,
  isWithinRanges,
  joinRanges,
  planSearch,
  rangeFilter,
  rangesFilters,
  restOf,
  type SearchCost,
} from './count-ranges.ts';
import { databasesInScope, type PresentDatabase } from './rereading.ts';
import { sweepGuids } from './sweep.ts';

/** A mailbox that there should be. */
export interface ExpectedMailbox {
  readonly guid: string;
  /** In seconds since 1970. */
  readonly created: number;
  /** The GUID of its database, where it can be told. */
  readonly database: string | undefined;
}

/** Where to search, and how the server is asked. */
export interface CountSearchPlan {
  readonly scope: ExportScope;
  readonly databases: readonly PresentDatabase[];
  readonly expected: () => Iterable<ExpectedMailbox>;
  /** How many they are. */
  readonly mailboxes: number;
  /** The server's count of all. */
  readonly counted: number;
  /** The text of a time in a filter. */
  readonly write: (time: Date) => string;
  readonly cost: SearchCost;
  /** Ranges in which the mailboxes were compared just now: they are as many as expected. */
  readonly compared: readonly CreationRange[];
}

/** Mailboxes whose GUIDs are to be read. */
export interface Suspects {
  readonly selections: readonly MailboxSelection[];
  /** GUIDs that were read already. */
  readonly seen: GuidSet;
  /** Whether one that there should be is among them. */
  includes(mailbox: ExpectedMailbox): boolean;
}

/** A part of the scope that is searched by itself: a database where the settings name several, else everything. */
interface Field {
  readonly database: string | undefined;
  readonly selections: readonly MailboxSelection[];
}

/** A field, and what is known of it. */
interface CountedField extends Field {
  readonly range: ExpectedRange;
  readonly count: number;
}

/** Parts of all beyond which all are read. */
const mostOfAll = 0.9;

/** The search ends early. */
class SearchEnds extends Error {
  override readonly name = 'SearchEnds';
  readonly advice: 'all' | 'again';
  constructor(advice: 'all' | 'again') {
    super(advice);
    this.advice = advice;
  }
}

/**
 * Finds out.
 * @returns `all` where all GUIDs are to be read; `again` where the parts are not as many as the whole, because of a
 * change in between, or because the server counts what no part has
 */
export async function findSuspects(
  plan: CountSearchPlan,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<Suspects | 'all' | 'again'> {
  const differing = Math.abs(plan.counted - plan.mailboxes);
  if (planSearch(plan.mailboxes, differing, plan.cost).groups === 1) return 'all';
  try {
    return await new CountSearch(plan, reading, ports).find();
  } catch (error) {
    if (error instanceof SearchEnds) return error.advice;
    throw error;
  }
}

/** One search. */
class CountSearch {
  readonly #plan: CountSearchPlan;
  readonly #reading: ExportReading;
  readonly #ports: SessionPorts;
  /** Of selections that have so few mailboxes that reading them is cheaper than counting parts of them. */
  readonly #seen = new GuidSet();
  #counts = 0;

  constructor(plan: CountSearchPlan, reading: ExportReading, ports: SessionPorts) {
    this.#plan = plan;
    this.#reading = reading;
    this.#ports = ports;
  }

  async find(): Promise<Suspects | 'all'> {
    const { write } = this.#plan;
    const selections: MailboxSelection[] = [];
    const suspects = new Map<string | undefined, readonly CreationRange[]>();
    let mailboxes = 0;
    const fields = await this.#countFields();
    for (const field of fields) {
      const differing = await this.#divide(field, field.range, field.count);
      if (differing.length === 0) continue;
      for (const { times } of differing) mailboxes += times.length;
      const ranges = joinRanges(differing);
      suspects.set(field.database, ranges);
      const filters = rangesFilters(ranges, write);
      for (const selection of field.selections) {
        if (filters === undefined) selections.push(selection);
        else selections.push(...filters.map((filter) => narrowSelection(selection, { filter })));
      }
    }
    this.#ports.onNote(
      `after ${this.#counts} counts by time of creation, ${mailboxes} of ${this.#plan.mailboxes} mailboxes are left among which some may be gone`,
    );
    if (mailboxes > mostOfAll * this.#plan.mailboxes) return 'all';
    const isByDatabase = fields.some(({ database }) => database !== undefined);
    return {
      selections,
      seen: this.#seen,
      includes: ({ created, database }: ExpectedMailbox) =>
        isWithinRanges(suspects.get(isByDatabase ? database : undefined) ?? [], created),
    };
  }

  /** The fields with their counts; selections that were read instead are in none. */
  async #countFields(): Promise<readonly CountedField[]> {
    const fields = this.#fields();
    const [first] = fields;
    const counts = new Map<Field, number>();
    const isOne = fields.length === 1 && first?.selections.length === 1;
    if (isOne) counts.set(first, this.#plan.counted);
    else {
      let rest = this.#plan.counted;
      for (const field of fields) {
        const { selections, count, all } = await this.#countField(field);
        rest -= all;
        counts.set({ ...field, selections }, count);
      }
      if (rest !== 0) throw new SearchEnds('again');
    }
    const times = this.#timesBy(fields);
    const counted = [...counts].map(([field, count]) => {
      return { ...field, count, range: { ...everySecond, times: times.get(field.database) ?? [] } };
    });
    return isOne ? counted.map((field) => this.#withoutCompared(field)) : counted;
  }

  /** A field without the mailboxes that were compared just now, where what is left is one range. */
  #withoutCompared(field: CountedField): CountedField {
    const rest = restOf(this.#plan.compared);
    if (rest === undefined) return field;
    const times = field.range.times.filter((time) => isWithinRanges([rest], time));
    return { ...field, range: { ...rest, times }, count: field.count - (field.range.times.length - times.length) };
  }

  #fields(): readonly Field[] {
    const { scope, databases, expected } = this.#plan;
    const everything = [{ database: undefined, selections: mailboxSelections(scope) }];
    if (scope.databases.length < 2) return everything;
    const inScope = databasesInScope(scope, databases);
    if (inScope === undefined || inScope === 'all') return everything;
    for (const { database } of expected()) {
      if (database === undefined || !inScope.has(database)) return everything;
    }
    return [...inScope].map((guid) => ({
      database: guid,
      selections: mailboxSelections({ ...scope, databases: [guid] }),
    }));
  }

  /**
   * Counts a field. Of several selections each would be counted for each range: small ones are read.
   * @returns the others and their `count`, and that of `all`
   */
  async #countField({ selections }: Field): Promise<{ selections: MailboxSelection[]; count: number; all: number }> {
    const { mailboxes, counted, cost } = this.#plan;
    const searching = planSearch(mailboxes, Math.abs(counted - mailboxes), cost).bytes;
    const large: MailboxSelection[] = [];
    const small: MailboxSelection[] = [];
    let count = 0;
    let all = 0;
    for (const selection of selections) {
      const found = await this.#count([selection]);
      all += found;
      if (selections.length > 1 && found * cost.guid + cost.count < searching) small.push(selection);
      else {
        large.push(selection);
        count += found;
      }
    }
    const outcome = await sweepGuids(small, (guid) => this.#seen.add(guid), this.#reading, this.#ports);
    // Reading all tells of the error.
    if (outcome.kind !== 'swept') throw new SearchEnds('all');
    return { selections: large, count, all };
  }

  /** When the mailboxes of each field were made that have not been read. */
  #timesBy(fields: readonly Field[]): Map<string | undefined, number[]> {
    const times = new Map<string | undefined, number[]>(fields.map(({ database }) => [database, []]));
    const isByDatabase = !times.has(undefined);
    for (const { guid, created, database } of this.#plan.expected()) {
      if (!this.#seen.has(guid)) times.get(isByDatabase ? database : undefined)?.push(created);
    }
    for (const each of times.values()) each.sort((left, right) => left - right);
    return times;
  }

  /** The parts of a range that hold another number than they should, in order. */
  async #divide(field: CountedField, range: ExpectedRange, count: number): Promise<ExpectedRange[]> {
    const { times } = range;
    if (count === times.length) return [];
    // All were read: what should be there and was not seen is missing.
    if (field.selections.length === 0) return [range];
    const { count: oneCount, guid, range: oneRange } = this.#plan.cost;
    const selections = field.selections.length;
    const cost = { count: oneCount * selections, guid, range: oneRange * selections };
    const { groups } = planSearch(times.length, Math.abs(count - times.length), cost);
    const ranges = groups < 2 ? [] : cutByCreation(range, groups);
    if (ranges.length < 2) return [range];
    const counts: number[] = [];
    let rest = count;
    // The last follows from the others; but once it is counted, to see that the parts are the whole.
    const isWhole = range === field.range;
    for (const part of isWhole ? ranges : ranges.slice(0, -1)) {
      const found = await this.#count(this.#narrow(field, part));
      counts.push(found);
      rest -= found;
    }
    if (!isWhole) counts.push(rest);
    else if (rest !== 0) throw new SearchEnds('again');
    const differing: ExpectedRange[] = [];
    for (const [index, part] of ranges.entries()) {
      differing.push(...(await this.#divide(field, part, counts[index] as number)));
    }
    return differing;
  }

  #narrow({ selections }: Field, range: CreationRange): readonly MailboxSelection[] {
    const filter = rangeFilter(range, this.#plan.write);
    return selections.map((selection) => narrowSelection(selection, { filter }));
  }

  async #count(selections: readonly MailboxSelection[]): Promise<number> {
    let total = 0;
    for (const selection of selections) {
      const count = await countMailboxes(selection, this.#reading, this.#ports);
      if (count === undefined) throw new SearchEnds('all');
      this.#counts += 1;
      total += count;
    }
    return total;
  }
}
