/* The CSV file of results as a script wrote it: read as far as it is whole, checked against the orders given. */
import { readFileSync } from 'node:fs';
import { CsvReader, type CsvRecord } from '@exchange-connector/connector';
import { errored, inOneLine, type OrderOutcome } from './outcome.ts';
import type { Order } from './order-files.ts';

/** The columns of a file of results. */
export const resultColumns = [
  'AssignmentId',
  'ProvisioningState',
  'Message',
  'ChangeType',
  'OwnerId',
  'OwnerType',
] as const;

/** What a file of results said of the orders that were given. */
export interface ScriptResults {
  /** By the order's index. */
  readonly outcomes: ReadonlyMap<number, OrderOutcome>;
  /** What was wrong with the file, in sentences: rows that were refused, where it was cut. */
  readonly faults: readonly string[];
}

/** As many sentences as a person reads. */
const mostFaults = 20;

function readRecords(path: string): { records: CsvRecord[]; fault: string | undefined } {
  const records: CsvRecord[] = [];
  try {
    const reader = new CsvReader('its file of results');
    for (const record of reader.push(readFileSync(path))) records.push(record);
    reader.end();
    return { records, fault: undefined };
  } catch (error) {
    const isMissing = (error as NodeJS.ErrnoException).code === 'ENOENT';
    return { records, fault: isMissing ? 'it wrote no file of results' : (error as Error).message };
  }
}

function outcomeOf(state: string, message: string): OrderOutcome {
  const word = state.trim().toLowerCase();
  if (word === 'executed') return { state: 'Executed', message: inOneLine(message) };
  if (word === 'errored') return errored(inOneLine(message));
  return errored(
    inOneLine(`the script wrote the state ${JSON.stringify(state)}, which is neither Executed nor Errored: ${message}`),
  );
}

/** The graver of two words on one order. */
export function graver(one: OrderOutcome, other: OrderOutcome): OrderOutcome {
  return one.state === 'Executed' && other.state === 'Errored' ? other : one;
}

/** Gives each row to its order; orders with one id get their rows in turn. */
class RowTaker {
  readonly outcomes = new Map<number, OrderOutcome>();
  readonly faults: string[] = [];
  readonly #open = new Map<string, number[]>();
  readonly #lastOf = new Map<string, number>();
  #refused = 0;

  constructor(given: readonly Order[]) {
    for (const order of given)
      this.#open.set(order.assignmentId, [...(this.#open.get(order.assignmentId) ?? []), order.index]);
  }

  take(id: string, outcome: OrderOutcome, line: number): void {
    const open = this.#open.get(id);
    const index = open?.shift() ?? this.#lastOf.get(id);
    if (index === undefined) {
      this.refuse(`line ${line} has the AssignmentId ${JSON.stringify(id)}, which is none of the orders'`);
      return;
    }
    this.#lastOf.set(id, index);
    const known = this.outcomes.get(index);
    if (known !== undefined) this.refuse(`line ${line} is one more row for the order ${id}`);
    this.outcomes.set(index, known === undefined ? outcome : graver(known, outcome));
  }

  refuse(fault: string): void {
    this.#refused += 1;
    if (this.#refused <= mostFaults) this.faults.push(`its file of results: ${fault}`);
    if (this.#refused === mostFaults + 1) this.faults.push('its file of results: more rows like these were refused');
  }
}

/**
 * Reads what a script wrote. Where two rows are about one order, the graver one counts.
 * @param given the orders that its process was given, in their order
 */
export function readScriptResults(path: string, given: readonly Order[]): ScriptResults {
  const { records, fault } = readRecords(path);
  const taker = new RowTaker(given);
  const [header, ...rows] = records;
  const columnOf = (name: string): number =>
    header?.fields.findIndex((field) => field.trim().toLowerCase() === name.toLowerCase()) ?? -1;
  const id = columnOf('AssignmentId');
  const state = columnOf('ProvisioningState');
  const message = columnOf('Message');
  if (header !== undefined && (id < 0 || state < 0)) {
    taker.refuse(`its header is ${JSON.stringify(header.text.slice(0, 200))}, not ${resultColumns.join(',')}`);
    return taker;
  }
  for (const { fields, line } of rows) {
    if (fields.length === 1 && fields[0] === '') continue;
    if (fields.length !== header?.fields.length)
      taker.refuse(`line ${line} has ${fields.length} values under ${header?.fields.length} columns`);
    else taker.take(fields[id] ?? '', outcomeOf(fields[state] ?? '', fields[message] ?? ''), line);
  }
  if (fault !== undefined) taker.faults.push(fault);
  return taker;
}
