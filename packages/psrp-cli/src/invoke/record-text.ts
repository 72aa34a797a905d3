/* Records for a person: `Name : value`, one property a line, an empty line between two records. */
import type { PsObject, PsValue } from '@exchange-connector/psrp';
import { assertNever } from '../errors.ts';
import { keyTextOf, secureStringText } from '../json/dictionary-key.ts';
import { Enclosures } from '../json/enclosure.ts';
import { formatJson } from '../json/json-value.ts';
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

/** One record of the pipeline's output for a person, without the last line's end. */
export function formatRecord(value: PsValue): RecordText {
  const enclosures = new Enclosures();
  enclosures.add(value);
  const entries = blockEntries(value, enclosures);
  if (entries.length === 0) return { text: visibleText(inlineText(value)), isBlock: false };
  return { text: entries.map(([name, text]) => indentRest(`${name} : ${text}`, '    ')).join('\n'), isBlock: true };
}

function blockEntries(value: PsValue, enclosures: Enclosures): (readonly [string, string])[] {
  const shape = value.kind === 'Obj' ? shapeOf(value, enclosures, () => undefined) : undefined;
  const wrapped = shape === undefined ? value : shape.wrapped?.value;
  const entries = (shape?.properties ?? []).map(({ name, value: property }) => [name, inlineText(property)] as const);
  if (wrapped?.kind === 'DCT') {
    return [...wrapped.entries.map((entry) => [keyTextOf(entry), inlineText(entry.value)] as const), ...entries];
  }
  if (entries.length === 0 || shape === undefined) return [];
  const own = shape.enumeration ?? (wrapped === undefined ? undefined : inlineText(wrapped));
  return own === undefined ? entries : [['Value', own], ...entries];
}

/** A value within one line, as far as it has no line ends of its own. */
export function inlineText(value: PsValue): string {
  const simple = simpleText(value);
  if (simple !== undefined) return simple;
  const items = listItems(value);
  if (items === undefined) return formatJson(value);
  const texts: string[] = [];
  for (const item of items) {
    const text = simpleText(item);
    if (text === undefined) return formatJson(value);
    texts.push(text);
  }
  return `{${texts.join(', ')}}`;
}

function listItems(value: PsValue): readonly PsValue[] | undefined {
  const list = value.kind === 'Obj' ? value.base : value;
  return list !== undefined && 'items' in list ? list.items : undefined;
}

/** The text of what has one: a primitive, an enumeration, an object with a `ToString`. */
function simpleText(value: PsValue): string | undefined {
  switch (value.kind) {
    case 'Nil':
      return '';
    case 'B':
      return value.value ? 'True' : 'False';
    case 'S':
    case 'C':
    case 'URI':
    case 'Version':
    case 'G':
    case 'XD':
    case 'SBK':
    case 'TS':
    case 'DT':
    case 'D':
      return value.value;
    case 'By':
    case 'SB':
    case 'U16':
    case 'I16':
    case 'U32':
    case 'I32':
    case 'U64':
    case 'I64':
    case 'Sg':
    case 'Db':
      return String(value.value);
    case 'SS':
      return secureStringText;
    case 'PR':
      return `${value.activity}: ${value.statusDescription}`;
    case 'BA':
    case 'LST':
    case 'IE':
    case 'STK':
    case 'QUE':
    case 'DCT':
      return value.kind === 'BA' ? formatJson(value).slice(1, -1) : undefined;
    case 'Obj':
      return objectText(value);
    default:
      return assertNever(value);
  }
}

function objectText(object: PsObject): string | undefined {
  const shape: ObjectShape = shapeOf(object, new Enclosures(), () => undefined);
  const text = shape.enumeration ?? shape.display;
  if (text !== undefined) return text;
  const wrapped = shape.wrapped?.value;
  return wrapped === undefined || wrapped.kind === 'Obj' || shape.properties.length > 0
    ? undefined
    : simpleText(wrapped);
}
