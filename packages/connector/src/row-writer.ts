/*
 * Values of one object → one line of the file. This runs once for every mailbox of the organisation: it
 * walks flat arrays, builds one string, and remarks on what is odd by counting.
 */
import { type PsValue, parseGuid } from '@exchange-connector/psrp';
import { addressesText, type CellRemarks, cellText, noRemarks } from './cell-text.ts';
import type { Column, ColumnPlan } from './columns.ts';
import { csvField } from './csv.ts';

/** What a line starts with. */
export type RowCommand = 'Insert' | 'Update' | 'Delete';

/** The index of a column, and how many of its values were odd in each way. */
export type Oddity = [column: number, loneSurrogates: number, unreadable: number, oddDates: number];

/** Where the values of a row stand: a column's first index, and the second one of a pair (else -1). */
interface Slot {
  readonly column: Column;
  readonly first: number;
  readonly second: number;
  readonly remarks: CellRemarks;
}

function isTextless(value: PsValue | undefined): boolean {
  return value?.kind === 'Obj' && value.display === undefined && value.base === undefined;
}

/** Select-Object gives null for a property that the object lacks, so null and missing must read the same. */
function isMissing(value: PsValue | undefined): boolean {
  return value === undefined || value.kind === 'Nil';
}

/** Turns the values of the properties `plan.properties`, in that order, into lines. */
export class RowWriter {
  readonly #slots: readonly Slot[];
  readonly #separator: string;
  /** In lower case. */
  readonly #properties: readonly string[];
  readonly #guidAt: number;

  /** @param separator stands between the addresses of a cell */
  constructor(plan: ColumnPlan, separator = ' ') {
    this.#separator = separator;
    // A server, or a script, may spell them otherwise than the header does.
    this.#properties = plan.properties.map((name) => name.toLowerCase());
    this.#guidAt = this.#properties.indexOf('guid');
    this.#slots = plan.columns.map((column) => ({
      column,
      first: plan.properties.indexOf(column.kind === 'pair' ? column.properties[0] : column.property),
      second: column.kind === 'pair' ? plan.properties.indexOf(column.properties[1]) : -1,
      remarks: noRemarks(),
    }));
  }

  /** The GUID a row is sorted by, in lower case; `undefined` where the object has none that can be read. */
  key(values: readonly (PsValue | undefined)[]): string | undefined {
    const value = values[this.#guidAt];
    return value === undefined ? undefined : parseGuid(cellText(value, noRemarks()));
  }

  /** The text of one property of the plan; empty where it is none of the plan's. */
  textOf(property: string, values: readonly (PsValue | undefined)[]): string {
    const at = this.#properties.indexOf(property.toLowerCase());
    return at < 0 ? '' : cellText(values[at], noRemarks());
  }

  /**
   * Why an object that the server projected cannot stand for the whole one: no GUID, addresses flattened
   * into one text, or a value that came as an object without a text. `undefined` where nothing is wrong.
   */
  whyUnusable(values: readonly (PsValue | undefined)[]): string | undefined {
    if (this.key(values) === undefined) return 'a projected object has no Guid';
    for (const { column, first, second } of this.#slots) {
      const value = values[first];
      const other = values[second];
      if (column.kind === 'addresses' && value?.kind === 'S') return `${column.name} came as one text`;
      if (isTextless(value) || isTextless(other)) return `${column.name} came as an object without a text`;
    }
    return undefined;
  }

  /** The line with its CRLF. */
  line(command: RowCommand, values: readonly (PsValue | undefined)[]): string {
    let line: string = command;
    for (const slot of this.#slots) line += `,${this.#cell(slot, values)}`;
    return `${line}\r\n`;
  }

  /** The cells after `Command`, by column name, unquoted. */
  cells(values: readonly (PsValue | undefined)[]): Map<string, string> {
    return new Map(this.#slots.map((slot) => [slot.column.name, this.#text(slot, values)]));
  }

  /** What was odd in the rows so far, as numbers: the index of a column, then its counts. Plain data. */
  oddities(): Oddity[] {
    return this.#slots.flatMap(({ remarks }, index) => {
      const { loneSurrogates, unreadable, oddDates } = remarks;
      return loneSurrogates + unreadable + oddDates === 0 ? [] : [[index, loneSurrogates, unreadable, oddDates]];
    });
  }

  /** Counts what was odd in rows that another writer of the same plan wrote. */
  addOddities(oddities: readonly Oddity[]): void {
    for (const [index, loneSurrogates, unreadable, oddDates] of oddities) {
      const remarks = this.#slots[index]?.remarks;
      if (remarks === undefined) continue;
      remarks.loneSurrogates += loneSurrogates;
      remarks.unreadable += unreadable;
      remarks.oddDates += oddDates;
    }
  }

  /** What was odd in the rows so far, one sentence for each column and oddity. */
  remarks(): string[] {
    const sentences: string[] = [];
    for (const { column, remarks } of this.#slots) {
      if (remarks.loneSurrogates > 0) {
        sentences.push(
          `column ${column.name}: ${remarks.loneSurrogates} value(s) held half of a surrogate pair, written as U+FFFD`,
        );
      }
      if (remarks.unreadable > 0) {
        sentences.push(`column ${column.name}: ${remarks.unreadable} value(s) have no text and were left empty`);
      }
      if (remarks.oddDates > 0) {
        sentences.push(
          `column ${column.name}: ${remarks.oddDates} date-time(s) could not be read and stand as they came`,
        );
      }
    }
    return sentences;
  }

  #cell(slot: Slot, values: readonly (PsValue | undefined)[]): string {
    const value = values[slot.first];
    // The commonest values need no quotes, so they are not looked through for a reason to quote them.
    if (slot.second < 0 && value !== undefined) {
      if (value.kind === 'B') return value.value ? 'True' : 'False';
      if (value.kind === 'Nil') return '';
    }
    return csvField(this.#text(slot, values));
  }

  #text(slot: Slot, values: readonly (PsValue | undefined)[]): string {
    const value = values[slot.first];
    if (slot.column.kind === 'addresses') return addressesText(value, this.#separator, slot.remarks);
    const first = cellText(value, slot.remarks);
    if (slot.column.kind === 'property') return first;
    const other = values[slot.second];
    if (isMissing(other)) return first;
    const second = cellText(other, slot.remarks);
    return isMissing(value) ? second : `${first};${second}`;
  }
}
