/* Records for a person: `Name : value`, one property a line, an empty line between two records. */
import { isPsList, isPsNumber, isPsText, type PsObject, type PsValue } from '@exchange-connector/psrp';
import { assertNever, PsrpCliError } from '../errors.ts';
import { keyTextOf, secureStringText } from '../json/dictionary-key.ts';
import { Enclosures } from '../json/enclosure.ts';
import { defaultMaxJsonCharacters, formatJson } from '../json/json-value.ts';
import { type ObjectShape, shapeOf } from '../json/object-shape.ts';

/** A server may send what a terminal would obey; only line ends and tabs pass. */
// biome-ignore lint/suspicious/noControlCharactersInRegex: controls are what is looked for
const controls = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u2028\u2029]/g;

/** `text` with every control character but line ends and tabs made visible as `\u001b`. */
export function visibleText(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replace(controls, (character) => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** `text` with the lines after the first moved in. */
export function indentRest(text: string, indent: string): string {
  return visibleText(text).replaceAll('\n', `\n${indent}`);
}

/** A record as text, and whether it is a block of several lines that wants an empty line behind it. */
export interface RecordText {
  readonly text: string;
  readonly isBlock: boolean;
}

/** What the text of one record may still take: references repeat a value as often as they stand, in few bytes. */
class TextAllowance {
  readonly #limit: number;
  #left: number;

  constructor(limit: number) {
    this.#limit = limit;
    this.#left = limit;
  }

  /** @throws PsrpCliError PSRP_CLI_JSON_TOO_LARGE */
  take(text: string): string {
    this.spend(text.length);
    return text;
  }

  /** @throws PsrpCliError PSRP_CLI_JSON_TOO_LARGE */
  readonly spend = (characters: number): void => {
    this.#left -= characters;
    if (this.#left >= 0) return;
    throw new PsrpCliError(
      'PSRP_CLI_JSON_TOO_LARGE',
      `showing one record as text: more than ${this.#limit} characters. An object that many references repeat is ` +
        'shown each time; ask for fewer properties, or for less in one object.',
    );
  };

  json(value: PsValue): string {
    try {
      return this.take(formatJson(value, { maxCharacters: this.#left }));
    } catch (error) {
      // Said with the limit of the whole record, not with what of it was left for this value.
      if (error instanceof PsrpCliError) this.spend(Number.POSITIVE_INFINITY);
      throw error;
    }
  }
}

/**
 * One record of the pipeline's output for a person, without the last line's end.
 *
 * @param maxCharacters the most text that it may become, in UTF-16 code units
 * @throws PsrpCliError PSRP_CLI_JSON_TOO_LARGE
 */
export function formatRecord(value: PsValue, maxCharacters: number = defaultMaxJsonCharacters): RecordText {
  const enclosures = new Enclosures();
  enclosures.add(value);
  const allowance = new TextAllowance(maxCharacters);
  const entries = blockEntries(value, enclosures, allowance);
  if (entries.length === 0) return { text: visibleText(inlineWithin(value, allowance)), isBlock: false };
  return { text: entries.map(([name, text]) => indentRest(`${name} : ${text}`, '    ')).join('\n'), isBlock: true };
}

function blockEntries(value: PsValue, enclosures: Enclosures, allowance: TextAllowance): (readonly [string, string])[] {
  const shape = value.kind === 'Obj' ? shapeOf(value, enclosures, allowance.spend) : undefined;
  const wrapped = shape === undefined ? value : shape.wrapped?.value;
  const entries = (shape?.properties ?? []).map(
    ({ name, value: property }) => [name, inlineWithin(property, allowance)] as const,
  );
  if (wrapped?.kind === 'DCT') {
    return [
      ...wrapped.entries.map((entry) => [keyTextOf(entry), inlineWithin(entry.value, allowance)] as const),
      ...entries,
    ];
  }
  if (entries.length === 0 || shape === undefined) return [];
  const own = shape.enumeration ?? (wrapped === undefined ? undefined : inlineWithin(wrapped, allowance));
  return own === undefined ? entries : [['Value', own], ...entries];
}

/** A value within one line, as far as it has no line ends of its own. */
export function inlineText(value: PsValue): string {
  return inlineWithin(value, new TextAllowance(defaultMaxJsonCharacters));
}

function inlineWithin(value: PsValue, allowance: TextAllowance): string {
  const simple = simpleText(value, allowance);
  if (simple !== undefined) return allowance.take(simple);
  const items = listItems(value);
  if (items === undefined) return allowance.json(value);
  const texts: string[] = [];
  for (const item of items) {
    const text = simpleText(item, allowance);
    if (text === undefined) return allowance.json(value);
    texts.push(allowance.take(text));
  }
  return `{${texts.join(', ')}}`;
}

function listItems(value: PsValue): readonly PsValue[] | undefined {
  const list = value.kind === 'Obj' ? value.base : value;
  return list !== undefined && isPsList(list) ? list.items : undefined;
}

/** The text of what has one: a primitive, an enumeration, an object with a `ToString`. */
function simpleText(value: PsValue, allowance: TextAllowance): string | undefined {
  if (isPsText(value)) return value.value;
  if (isPsNumber(value)) return String(value.value);
  if (isPsList(value)) return undefined;
  switch (value.kind) {
    case 'Nil':
      return '';
    case 'B':
      return value.value ? 'True' : 'False';
    case 'SS':
      return secureStringText;
    case 'PR':
      return `${value.activity}: ${value.statusDescription}`;
    case 'BA':
      return formatJson(value).slice(1, -1);
    case 'DCT':
      return undefined;
    case 'Obj':
      return objectText(value, allowance);
    default:
      return assertNever(value);
  }
}

function objectText(object: PsObject, allowance: TextAllowance): string | undefined {
  const shape: ObjectShape = shapeOf(object, new Enclosures(), allowance.spend);
  const text = shape.enumeration ?? shape.display;
  if (text !== undefined) return text;
  const wrapped = shape.wrapped?.value;
  return wrapped === undefined || wrapped.kind === 'Obj' || shape.properties.length > 0
    ? undefined
    : simpleText(wrapped, allowance);
}
