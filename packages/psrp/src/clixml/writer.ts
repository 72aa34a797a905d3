/*
 * The writer of CLIXML ([MS-PSRP] 2.2.5), in the form that PowerShell's own serializer gives it: the layout
 * stands in reader.ts. `RefId` of objects and of type names count apart from 0; type names that came before
 * become `<TNRef>`, an object that came before, or that is still open, becomes `<Ref>`.
 */
import { PsrpError } from '../errors.ts';
import { encodeBase64 } from './base64.ts';
import { formatFloat, integerRanges, longRanges } from './primitive.ts';
import type {
  PsDictionary,
  PsFloat,
  PsInteger,
  PsList,
  PsLong,
  PsMember,
  PsObject,
  PsProgress,
  PsText,
  PsValue,
} from './value.ts';

/**
 * Values inside one another that the real deserializer takes (a primitive directly in an object counts with
 * it): at 50 it refuses the whole text, so that writing them would only move the error to the other side.
 */
export const deepestWritten = 49;

const utf8 = new TextEncoder();

/**
 * What the real serializer escapes as `_xHHHH_`: C0 controls, U+007F to U+009F, every half of a surrogate
 * pair (characters outside the basic plane as two escapes), and the `_` that would begin an escape.
 * U+FFFE and U+FFFF become character references, as XmlWriter makes them.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: the controls are what it looks for
const special = /[\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufffe\uffff&<>"]|_(?=[xX])/g;
// biome-ignore lint/suspicious/noControlCharactersInRegex: the controls are what it looks for
const anySpecial = /[\u0000-\u001f\u007f-\u009f\ud800-\udfff\ufffe\uffff&<>"]|_[xX]/;

function escapeUnit(unit: string): string {
  switch (unit) {
    case '&':
      return '&amp;';
    case '<':
      return '&lt;';
    case '>':
      return '&gt;';
    case '"':
      return '"';
    case '\ufffe':
    case '\uffff':
      return `&#x${unit.charCodeAt(0).toString(16).toUpperCase()};`;
    default:
      return `_x${unit.charCodeAt(0).toString(16).toUpperCase().padStart(4, '0')}_`;
  }
}

function escapeText(text: string): string {
  return anySpecial.test(text) ? text.replace(special, escapeUnit) : text;
}

function escapeAttribute(text: string): string {
  return anySpecial.test(text) ? text.replace(special, escapeUnit).replaceAll('"', '&quot;') : text;
}

/** Markup only: for text whose form leaves nothing to escape, but which a caller may have made himself. */
function escapeMarkup(text: string): string {
  return text.replace(/[&<>]/g, escapeUnit);
}

function refuse(problem: string): never {
  throw new PsrpError('PSRP_ARGUMENT_INVALID', `writing CLIXML: ${problem}`);
}

function refuseDepth(what: string): never {
  const message = `writing CLIXML: ${what} stand more than ${deepestWritten} deep in one another, which PowerShell does not read`;
  throw new PsrpError('PSRP_LIMIT_EXCEEDED', message);
}

class CliXmlWriter {
  #text = '';
  readonly #objects = new Map<PsObject, number>();
  readonly #typeNames = new Map<string, number>();
  #nextObject = 0;

  get text(): string {
    return this.#text;
  }

  /** @param attribute ` N="…"` or nothing */
  writeValue(value: PsValue, attribute: string, depth: number): void {
    if (depth > deepestWritten) refuseDepth('values');
    switch (value.kind) {
      case 'Nil':
        this.#text += `<Nil${attribute} />`;
        return;
      case 'S':
      case 'URI':
      case 'XD':
      case 'SBK':
        this.#element(value.kind, attribute, escapeText(value.value));
        return;
      case 'B':
        this.#element('B', attribute, value.value ? 'true' : 'false');
        return;
      case 'Obj':
        this.#writeObject(value, attribute, depth, true);
        return;
      case 'LST':
      case 'IE':
      case 'STK':
      case 'QUE':
      case 'DCT':
        // Outside an object the real deserializer knows no container.
        this.#writeObject(
          { kind: 'Obj', typeNames: undefined, display: undefined, base: value, adapted: [], extended: [] },
          attribute,
          depth,
          false,
        );
        return;
      case 'PR':
        this.#writeProgress(value, attribute);
        return;
      case 'SS':
        this.#element('SS', attribute, escapeMarkup(value.protectedText()));
        return;
      case 'BA':
        if (value.value.length === 0) this.#text += `<BA${attribute} />`;
        else this.#element('BA', attribute, encodeBase64(value.value));
        return;
      default:
        this.#element(value.kind, attribute, primitiveText(value));
    }
  }

  #element(tag: string, attribute: string, text: string): void {
    this.#text += `<${tag}${attribute}>${text}</${tag}>`;
  }

  #writeObject(object: PsObject, attribute: string, depth: number, shared: boolean): void {
    const before = shared ? this.#objects.get(object) : undefined;
    if (before !== undefined) {
      this.#text += `<Ref${attribute} RefId="${before}" />`;
      return;
    }
    const refId = this.#nextObject;
    this.#nextObject += 1;
    if (shared) this.#objects.set(object, refId);
    this.#text += `<Obj${attribute} RefId="${refId}">`;
    if (object.typeNames !== undefined && object.typeNames.length > 0) this.#writeTypeNames(object.typeNames);
    if (object.display === '') this.#text += '<ToString />';
    else if (object.display !== undefined) this.#element('ToString', '', escapeText(object.display));
    if (object.base !== undefined) this.#writeBase(object.base, depth);
    if (object.adapted.length > 0) this.#writeMembers('Props', '', object.adapted, depth + 1);
    if (object.extended.length > 0) this.#writeMembers('MS', '', object.extended, depth + 1);
    this.#text += '</Obj>';
  }

  #writeBase(base: PsValue, depth: number): void {
    switch (base.kind) {
      case 'LST':
      case 'IE':
      case 'STK':
      case 'QUE':
        this.#writeList(base, depth + 1);
        return;
      case 'DCT':
        this.#writeDictionary(base, depth + 1);
        return;
      case 'Obj':
        // A <Ref> cannot stand here: an object that came before is written again.
        if (depth >= deepestWritten) refuseDepth('values');
        this.#writeObject(base, '', depth + 1, !this.#objects.has(base));
        return;
      case 'Nil':
        return;
      default:
        this.writeValue(base, '', depth);
    }
  }

  #writeTypeNames(names: readonly string[]): void {
    const key = JSON.stringify(names);
    const before = this.#typeNames.get(key);
    if (before !== undefined) {
      this.#text += `<TNRef RefId="${before}" />`;
      return;
    }
    const refId = this.#typeNames.size;
    this.#typeNames.set(key, refId);
    this.#text += `<TN RefId="${refId}">`;
    for (const name of names) this.#element('T', '', escapeText(name));
    this.#text += '</TN>';
  }

  /** @param sets how many member sets enclose this one: they do not count as values */
  #writeMembers(tag: 'Props' | 'MS', attribute: string, members: readonly PsMember[], depth: number, sets = 0): void {
    if (sets > deepestWritten) refuseDepth('member sets');
    this.#text += `<${tag}${attribute}>`;
    for (const member of members) {
      if (member.name === '') refuse('a property has an empty name, which PowerShell does not read');
      const name = ` N="${escapeAttribute(member.name)}"`;
      if ('value' in member) this.writeValue(member.value, name, depth);
      else this.#writeMembers('MS', name, member.members, depth, sets + 1);
    }
    this.#text += `</${tag}>`;
  }

  #writeList(list: PsList, depth: number): void {
    if (list.items.length === 0) {
      this.#text += `<${list.kind} />`;
      return;
    }
    this.#text += `<${list.kind}>`;
    for (const item of list.items) this.writeValue(item, '', depth);
    this.#text += `</${list.kind}>`;
  }

  #writeDictionary(dictionary: PsDictionary, depth: number): void {
    if (dictionary.entries.length === 0) {
      this.#text += '<DCT />';
      return;
    }
    this.#text += '<DCT>';
    for (const { key, value } of dictionary.entries) {
      if (key.kind === 'Nil') refuse('a dictionary has $null as a key, which PowerShell does not read');
      this.#text += '<En>';
      this.writeValue(key, ' N="Key"', depth);
      this.writeValue(value, ' N="Value"', depth);
      this.#text += '</En>';
    }
    this.#text += '</DCT>';
  }

  /** The order of its fields is fixed ([MS-PSRP] 2.2.5.1.25). */
  #writeProgress(record: PsProgress, attribute: string): void {
    this.#text += `<PR${attribute}>`;
    this.#element('AV', '', escapeText(record.activity));
    this.#element('AI', '', String(record.activityId));
    if (record.currentOperation === undefined) this.#text += '<Nil />';
    else this.#element('S', '', escapeText(record.currentOperation));
    this.#element('PI', '', String(record.parentActivityId));
    this.#element('PC', '', String(record.percentComplete));
    this.#element('T', '', escapeText(record.recordType));
    this.#element('SR', '', String(record.secondsRemaining));
    this.#element('SD', '', escapeText(record.statusDescription));
    this.#text += '</PR>';
  }
}

type PlainValue = PsFloat | PsInteger | PsLong | PsText;

function primitiveText(value: PlainValue): string {
  switch (value.kind) {
    case 'C':
      if (value.value.length !== 1) refuse(`a character must be one UTF-16 code unit, not ${value.value.length}`);
      return String(value.value.charCodeAt(0));
    case 'By':
    case 'SB':
    case 'U16':
    case 'I16':
    case 'U32':
    case 'I32': {
      const [least, most] = integerRanges[value.kind];
      if (!Number.isInteger(value.value) || value.value < least || value.value > most) {
        refuse(`${value.value} is no ${value.kind}: it goes from ${least} to ${most}`);
      }
      return String(value.value);
    }
    case 'U64':
    case 'I64': {
      const [least, most] = longRanges[value.kind];
      if (value.value < least || value.value > most)
        refuse(`${value.value} is no ${value.kind}: it goes from ${least} to ${most}`);
      return String(value.value);
    }
    case 'Sg':
    case 'Db':
      if (value.kind === 'Sg' && Number.isFinite(value.value) && !Number.isFinite(Math.fround(value.value))) {
        refuse(`${value.value} is no Sg: it is too great for a single`);
      }
      return formatFloat(value.kind, value.value);
    default:
      // Times, GUIDs, versions and decimals stand on the wire as they are, in plain ASCII.
      if (!/^[\x20-\x7e]+$/.test(value.value)) refuse(`${JSON.stringify(value.value)} is no ${value.kind}`);
      return escapeMarkup(value.value);
  }
}

/**
 * Writes one value as the body of a PSRP message: UTF-8 without a byte-order mark.
 *
 * @param value any value; shared and cyclic objects become references. `$null` becomes `<Nil />`; as pipeline
 *   input or output of its own it has to be an empty body instead ([MS-PSRP] says nothing, PowerShell does so).
 * @throws {PsrpError} `PSRP_ARGUMENT_INVALID` for what the real deserializer cannot read (a number out of
 *   range, `$null` as a key, an empty name), `PSRP_LIMIT_EXCEEDED` deeper than it reads
 */
export function encodeCliXml(value: PsValue): Uint8Array {
  const writer = new CliXmlWriter();
  writer.writeValue(value, '', 1);
  return utf8.encode(writer.text);
}

/**
 * Writes values as a file that Import-Clixml reads: `<Objs>` around them, UTF-8 without a byte-order mark.
 * Objects are shared over all of them.
 *
 * @throws {PsrpError} as {@link encodeCliXml}
 */
export function encodeCliXmlDocument(values: Iterable<PsValue>): Uint8Array {
  const writer = new CliXmlWriter();
  for (const value of values) writer.writeValue(value, '', 1);
  const root = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">';
  return utf8.encode(`${root}${writer.text}</Objs>`);
}
