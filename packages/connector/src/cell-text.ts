/*
 * The text of a value in a cell: the same for partial serialization (flat strings), for full
 * serialization (objects with a `ToString`) and for properties that Select-Object projected.
 */
import { isPsNumber, isPsText, type PsDictionary, type PsObject, type PsValue, textOf } from '@exchange-connector/psrp';
import { dateTimeText } from './date-time.ts';
import { assertNever, ConnectorError } from './errors.ts';
import { joinAddresses, joinValues } from './multi-value.ts';

/** What was odd about the values of one column, counted: told once at the end of a run, not row by row. */
export interface CellRemarks {
  /** Values with half of a surrogate pair, written as U+FFFD. */
  loneSurrogates: number;
  /** Values that have no text: written as an empty cell. */
  unreadable: number;
  /** Date-times that are none: written as they came. */
  oddDates: number;
}

/** Fresh counters. */
export function noRemarks(): CellRemarks {
  return { loneSurrogates: 0, unreadable: 0, oddDates: 0 };
}

function wellFormed(text: string, remarks: CellRemarks): string {
  if (text.isWellFormed()) return text;
  remarks.loneSurrogates += 1;
  return text.toWellFormed();
}

function date(text: string, remarks: CellRemarks): string {
  const utc = dateTimeText(text);
  if (utc !== undefined) return utc;
  remarks.oddDates += 1;
  return wellFormed(text, remarks);
}

/**
 * How much of one value is walked. Objects refer to each other on the wire, so a few bytes can describe a
 * cycle or a tree of any size: a cell that needs more than this is no cell.
 */
const mostElements = 200_000;
const mostDepth = 16;

/** What is left for the value being walked, beside the remarks of its column. */
interface Walk {
  readonly remarks: CellRemarks;
  elements: number;
}

function refuse(): never {
  throw new ConnectorError(
    'EXCHANGE_OBJECT_INVALID',
    `a property of the object holds more than ${mostElements} values, or nests them more than ${mostDepth} deep (or in a circle): this is no text for a cell`,
  );
}

/**
 * What an object wraps decides where it is a date-time (the `ToString` beside it is in the culture of the
 * server), a Boolean, a GUID or a container; everything else is its `ToString`, an enumeration's name included.
 */
function objectText(value: PsObject, walk: Walk, depth: number): string {
  const base = value.base;
  if (base !== undefined && base.kind !== 'Nil') {
    switch (base.kind) {
      case 'DT':
      case 'B':
      case 'G':
      case 'LST':
      case 'IE':
      case 'STK':
      case 'QUE':
        return textAt(base, walk, depth + 1);
      default:
    }
  }
  if (value.display !== undefined) return wellFormed(value.display, walk.remarks);
  if (base !== undefined) return textAt(base, walk, depth + 1);
  walk.remarks.unreadable += 1;
  return '';
}

/** An element that is null has no text and is left out. */
function elementTexts(value: PsValue, walk: Walk, depth: number): string[] | undefined {
  if (depth > mostDepth) refuse();
  switch (value.kind) {
    case 'LST':
    case 'IE':
    case 'STK':
    case 'QUE': {
      walk.elements -= value.items.length;
      if (walk.elements < 0) refuse();
      const texts: string[] = [];
      for (const item of value.items) if (item.kind !== 'Nil') texts.push(textAt(item, walk, depth + 1));
      return texts;
    }
    case 'Obj':
      return value.base === undefined ? undefined : elementTexts(value.base, walk, depth + 1);
    default:
      return undefined;
  }
}

function dictionaryText(value: PsDictionary, walk: Walk, depth: number): string {
  walk.elements -= value.entries.length;
  if (walk.elements < 0) refuse();
  return joinValues(
    value.entries.map((entry) => `${textAt(entry.key, walk, depth + 1)}=${textAt(entry.value, walk, depth + 1)}`),
  );
}

function textAt(value: PsValue, walk: Walk, depth: number): string {
  if (depth > mostDepth) refuse();
  switch (value.kind) {
    case 'S':
      return wellFormed(value.value, walk.remarks);
    case 'B':
      return value.value ? 'True' : 'False';
    case 'Nil':
      return '';
    case 'DT':
      return date(value.value, walk.remarks);
    case 'G':
      return value.value.toLowerCase();
    case 'Obj':
      return objectText(value, walk, depth);
    case 'LST':
    case 'IE':
    case 'STK':
    case 'QUE':
      return joinValues(elementTexts(value, walk, depth) ?? []);
    case 'DCT':
      return dictionaryText(value, walk, depth);
    case 'BA':
    case 'PR':
      return wellFormed(textOf(value) ?? '', walk.remarks);
    case 'SS':
      walk.remarks.unreadable += 1;
      return '';
    default:
      return isPsText(value) || isPsNumber(value) ? wellFormed(textOf(value) ?? '', walk.remarks) : assertNever(value);
  }
}

/**
 * The text of a value: `True`/`False`, date-times in UTC with `Z`, GUIDs in lower case, null (and a
 * property that is not there) empty, objects by their `ToString`, containers joined by `;` (an inner `;`
 * is `%3B`), the rest as on the wire.
 * @throws ConnectorError EXCHANGE_OBJECT_INVALID where the value nests in a circle or is beyond all measure
 */
export function cellText(value: PsValue | undefined, remarks: CellRemarks): string {
  if (value === undefined) return '';
  switch (value.kind) {
    case 'S':
      return wellFormed(value.value, remarks);
    case 'B':
      return value.value ? 'True' : 'False';
    case 'Nil':
      return '';
    default:
      return textAt(value, { remarks, elements: mostElements }, 0);
  }
}

/**
 * The text of a cell of proxy addresses. A value that is no container is one address.
 * @throws ConnectorError EXCHANGE_OBJECT_INVALID as {@link cellText}
 */
export function addressesText(value: PsValue | undefined, separator: string, remarks: CellRemarks): string {
  if (value === undefined) return '';
  const texts = elementTexts(value, { remarks, elements: mostElements }, 0);
  return texts === undefined ? cellText(value, remarks) : joinAddresses(texts, separator);
}
