/*
 * The general reader of CLIXML ([MS-PSRP] 2.2.5): builds every value.
 *
 *   <Obj RefId="0">
 *     <TN RefId="0"><T>…</T></TN>            or <TNRef RefId="0"/>
 *     <ToString>…</ToString>
 *     a primitive, <LST>, <IE>, <STK>, <QUE>, <DCT> or another <Obj>
 *     <Props>…</Props>                       adapted properties
 *     <MS>…</MS>                             extended ones, and member sets
 *   </Obj>
 *
 * It descends by calls, no deeper than a limit. A `<Ref>` becomes the very object it names, be it finished
 * or still open, and costs nothing: many references are no danger until somebody walks them.
 */
import { CliXmlError } from './cli-xml-error.ts';
import { psNull } from './construct.ts';
import { textOf } from './inspect.ts';
import type { CliXmlLimits } from './limits.ts';
import * as primitive from './primitive.ts';
import { Tag, tagNames } from './tag.ts';
import type {
  PsBoolean,
  PsDictionaryEntry,
  PsFloat,
  PsInteger,
  PsList,
  PsLong,
  PsMember,
  PsObject,
  PsProgress,
  PsProperty,
  PsText,
  PsValue,
} from './value.ts';
import { XmlCursor } from './xml-cursor.ts';

const psTrue: PsBoolean = Object.freeze({ kind: 'B', value: true });
const psFalse: PsBoolean = Object.freeze({ kind: 'B', value: false });

/** What a caller may be told while values are read, besides the values themselves. */
export interface CliXmlReadingHooks {
  /**
   * Called when an object begins, with the object that encloses it on the wire: a reference and the object's
   * own place look the same in the values.
   */
  readonly onObject?: (object: PsObject, enclosing: PsObject | undefined) => void;
}

/** The start of type names in another form than PowerShell's: an id could hide there. */
const otherTypeNames = /<TN(?!Ref )(?! RefId="(?:0|[1-9][0-9]{0,14})">)/g;

/** Reads values one after the other from one text; ids hold through the whole of it. */
export class CliXmlReader {
  readonly cursor: XmlCursor;
  readonly #limits: CliXmlLimits;
  readonly #objects = new Map<number, PsObject>();
  readonly #typeNames = new Map<number, readonly string[]>();
  readonly #onObject: CliXmlReadingHooks['onObject'];
  #enclosing: PsObject | undefined;
  #parsedText = '';
  #values = 0;
  /** Where the part that is read apart from the rest begins; -1 when all is read. */
  #apart = -1;

  constructor(text: string, limits: CliXmlLimits, hooks: CliXmlReadingHooks = {}) {
    this.cursor = new XmlCursor(text);
    this.#limits = limits;
    this.#onObject = hooks.onObject;
  }

  /** The value whose start tag the cursor has read, as one at the top. */
  readTopLevel(): PsValue {
    this.#values = 0;
    return this.#readValue(1);
  }

  /**
   * The property of the top object whose start tag stands at `at`, read apart from what is before it; for the
   * projection. `undefined` when it is not well-formed by itself, or names an object outside it.
   */
  readMemberAt(at: number): PsValue | undefined {
    this.cursor.at = at;
    this.#objects.clear();
    this.#typeNames.clear();
    this.#apart = at;
    try {
      this.cursor.next(0);
      return this.#readValue(2);
    } catch (error) {
      if (error instanceof CliXmlError) return undefined;
      throw error;
    }
  }

  #readValue(depth: number): PsValue {
    const cursor: XmlCursor = this.cursor;
    this.#values += 1;
    if (this.#values > this.#limits.maxValues) this.#failCount();
    if (depth > this.#limits.maxDepth) this.#failDepth(depth);
    switch (cursor.tag) {
      case Tag.S:
        return { kind: 'S', value: cursor.readEscapedText() };
      case Tag.Nil:
        cursor.readEmpty();
        return psNull;
      case Tag.Obj:
        return this.#readObject(depth);
      case Tag.Ref:
        return this.#readReference();
      case Tag.B:
        return this.#parse('a Boolean', primitive.parseBoolean) ? psTrue : psFalse;
      case Tag.LST:
        return this.#readList('LST', cursor.tag, depth);
      case Tag.IE:
        return this.#readList('IE', cursor.tag, depth);
      case Tag.STK:
        return this.#readList('STK', cursor.tag, depth);
      case Tag.QUE:
        return this.#readList('QUE', cursor.tag, depth);
      case Tag.DCT:
        return { kind: 'DCT', entries: this.#readEntries(depth) };
      case Tag.PR:
        return this.#readProgress();
      default:
        return this.#readPrimitive();
    }
  }

  #readPrimitive(): PsValue {
    const cursor: XmlCursor = this.cursor;
    const tag = cursor.tag;
    switch (tag) {
      case Tag.By:
      case Tag.SB:
      case Tag.U16:
      case Tag.I16:
      case Tag.U32:
      case Tag.I32: {
        const kind = tagNames[tag] as PsInteger['kind'];
        return { kind, value: this.#parse(`an integer ${kind}`, (text) => primitive.parseInteger(kind, text)) };
      }
      case Tag.U64:
      case Tag.I64: {
        const kind = tagNames[tag] as PsLong['kind'];
        return { kind, value: this.#parse(`an integer ${kind}`, (text) => primitive.parseLong(kind, text)) };
      }
      case Tag.Sg:
      case Tag.Db:
        return { kind: tagNames[tag] as PsFloat['kind'], value: this.#parse('a number', primitive.parseFloatText) };
      case Tag.URI:
      case Tag.XD:
      case Tag.SBK:
        return { kind: tagNames[tag] as PsText['kind'], value: cursor.readEscapedText() };
      case Tag.DT:
      case Tag.TS:
      case Tag.Version:
        return { kind: tagNames[tag] as PsText['kind'], value: cursor.readText() };
      case Tag.D:
        return { kind: 'D', value: this.#parse('a decimal', primitive.parseDecimal) };
      case Tag.G:
        return { kind: 'G', value: this.#parse('a GUID', primitive.parseGuidText) };
      case Tag.C:
        return { kind: 'C', value: this.#parse('the number of a UTF-16 code unit', primitive.parseCharacter) };
      case Tag.BA:
        return { kind: 'BA', value: this.#parse('base64', primitive.parseBytes) };
      case Tag.SS: {
        const text = cursor.readText();
        return { kind: 'SS', protectedText: () => text };
      }
      default:
        return cursor.fail(`<${tagNames[tag]}> is no value: it cannot stand here`, cursor.tagStart);
    }
  }

  /** The text of the element, as `parser` reads it. */
  #parse<T>(what: string, parser: (text: string) => T | undefined): T {
    const start = this.cursor.at;
    const tag = this.cursor.tag;
    const text = this.cursor.readText();
    this.#parsedText = text;
    const value = parser(text);
    if (value !== undefined) return value;
    const seen = JSON.stringify(text.length > 40 ? `${text.slice(0, 40)}…` : text);
    return this.cursor.fail(`${seen} in <${tagNames[tag]}> is not ${what}`, start);
  }

  #readObject(depth: number): PsObject {
    const cursor: XmlCursor = this.cursor;
    const adapted: PsProperty[] = [];
    const extended: PsMember[] = [];
    const refId = cursor.refId;
    const object: PsObject = {
      kind: 'Obj',
      refId,
      typeNames: undefined,
      display: undefined,
      base: undefined,
      adapted,
      extended,
    };
    // Known before it is finished: it may hold itself. An id used again stands for the later object.
    if (refId !== undefined) this.#objects.set(refId, object);
    const enclosing = this.#enclosing;
    this.#onObject?.(object, enclosing);
    if (cursor.selfClosed) return object;
    this.#enclosing = object;
    while (cursor.next(Tag.Obj)) {
      switch (cursor.tag) {
        case Tag.TN:
          object.typeNames = this.#readTypeNames();
          break;
        case Tag.TNRef:
          object.typeNames = this.#readTypeNamesReference();
          break;
        case Tag.ToString:
          object.display = cursor.readEscapedText();
          break;
        case Tag.Props:
          this.#readProperties(adapted, depth + 1);
          break;
        case Tag.MS:
          this.#readMembers(extended, depth + 1);
          break;
        default:
          this.#readBase(object, depth);
      }
    }
    this.#enclosing = enclosing;
    return object;
  }

  #readBase(object: PsObject, depth: number): void {
    const cursor: XmlCursor = this.cursor;
    if (object.base !== undefined) {
      cursor.fail(`<Obj> holds a second value <${tagNames[cursor.tag]}>: it can wrap only one`, cursor.tagStart);
    }
    if (cursor.tag === Tag.Nil) cursor.fail('<Nil> cannot be what an <Obj> wraps', cursor.tagStart);
    const { tagStart } = cursor;
    // What it wraps stands as deep as the object, as PowerShell counts; an object inside it one deeper.
    object.base = this.#readValue(cursor.tag === Tag.Obj ? depth + 1 : depth);
    this.#checkWrapping(object, tagStart);
  }

  /**
   * PowerShell writes a reference here where an object wraps one that came before, though it does not read it
   * itself. So a chain of objects can be longer than they stand deep, or closed: whoever follows it must not
   * be led round in a circle.
   */
  #checkWrapping(object: PsObject, tagStart: number): void {
    let at: PsValue | undefined = object.base;
    for (let level = 2; at?.kind === 'Obj'; level += 1) {
      if (at === object) this.cursor.fail('the <Obj> wraps itself', tagStart);
      if (level > this.#limits.maxDepth) this.#failDepth(level);
      at = at.base;
    }
  }

  #readReference(): PsObject {
    const cursor: XmlCursor = this.cursor;
    const { refId, tagStart } = cursor;
    const object = refId === undefined ? undefined : this.#objects.get(refId);
    if (object === undefined) {
      const seen =
        refId === undefined ? '<Ref> has no RefId' : `<Ref> names the object ${refId}, which did not come before it`;
      cursor.fail(seen, tagStart);
    }
    cursor.readEmpty();
    return object;
  }

  #readTypeNames(): readonly string[] {
    const cursor: XmlCursor = this.cursor;
    const { refId } = cursor;
    const names: string[] = [];
    if (!cursor.selfClosed) {
      while (cursor.next(Tag.TN)) {
        if (cursor.tag !== Tag.T) cursor.fail(`<TN> can hold only <T>, not <${tagNames[cursor.tag]}>`, cursor.tagStart);
        if (names.length >= this.#limits.maxValues) this.#failCount();
        names.push(cursor.readEscapedText());
      }
    }
    if (refId !== undefined) this.#typeNames.set(refId, names);
    return names;
  }

  #readTypeNamesReference(): readonly string[] {
    const cursor: XmlCursor = this.cursor;
    const { refId, tagStart } = cursor;
    const names = refId === undefined ? undefined : (this.#typeNames.get(refId) ?? this.#findTypeNames(refId));
    if (names === undefined) {
      const seen =
        refId === undefined
          ? '<TNRef> has no RefId'
          : `<TNRef> names the type names ${refId}, which did not come before it`;
      cursor.fail(seen, tagStart);
    }
    cursor.readEmpty();
    return names;
  }

  /** Type names that stand before the part that is read apart: the last of that id, in the form PowerShell writes. */
  #findTypeNames(refId: number): readonly string[] | undefined {
    if (this.#apart < 0) return undefined;
    otherTypeNames.lastIndex = 0;
    const other = otherTypeNames.exec(this.cursor.text);
    if (other !== null && other.index < this.#apart) return undefined;
    const at = this.cursor.text.lastIndexOf(`<TN RefId="${refId}">`, this.#apart - 1);
    if (at < 0) return undefined;
    const cursor: XmlCursor = this.cursor;
    const { at: back, tagStart, selfClosed } = cursor;
    cursor.at = at;
    cursor.next(0);
    const names = this.#readTypeNames();
    cursor.at = back;
    cursor.tagStart = tagStart;
    cursor.selfClosed = selfClosed;
    cursor.tag = Tag.TNRef;
    return names;
  }

  #readProperties(into: PsProperty[], depth: number): void {
    const cursor: XmlCursor = this.cursor;
    if (cursor.selfClosed) return;
    while (cursor.next(Tag.Props)) {
      const name = cursor.name;
      if (name === undefined) cursor.fail(`<${tagNames[cursor.tag]}> in <Props> has no name (N)`, cursor.tagStart);
      into.push({ name, value: this.#readValue(depth) });
    }
  }

  #readMembers(into: PsMember[], depth: number): void {
    const cursor: XmlCursor = this.cursor;
    if (cursor.selfClosed) return;
    if (depth > this.#limits.maxDepth) this.#failDepth(depth);
    while (cursor.next(Tag.MS)) {
      const name = cursor.name;
      if (name === undefined) cursor.fail(`<${tagNames[cursor.tag]}> in <MS> has no name (N)`, cursor.tagStart);
      if (cursor.tag === Tag.MS) {
        this.#values += 1;
        if (this.#values > this.#limits.maxValues) this.#failCount();
        const members: PsMember[] = [];
        into.push({ name, members });
        this.#readMembers(members, depth + 1);
      } else {
        into.push({ name, value: this.#readValue(depth) });
      }
    }
  }

  #readList(kind: PsList['kind'], tag: Tag, depth: number): PsList {
    const cursor: XmlCursor = this.cursor;
    const items: PsValue[] = [];
    if (!cursor.selfClosed) {
      while (cursor.next(tag)) items.push(this.#readValue(depth + 1));
    }
    return { kind, items };
  }

  #readEntries(depth: number): readonly PsDictionaryEntry[] {
    const cursor: XmlCursor = this.cursor;
    const entries: PsDictionaryEntry[] = [];
    if (cursor.selfClosed) return entries;
    while (cursor.next(Tag.DCT)) {
      if (cursor.tag !== Tag.En)
        cursor.fail(`<DCT> can hold only <En>, not <${tagNames[cursor.tag]}>`, cursor.tagStart);
      entries.push(this.#readEntry(depth + 1));
    }
    return entries;
  }

  #readEntry(depth: number): PsDictionaryEntry {
    const cursor: XmlCursor = this.cursor;
    const { tagStart } = cursor;
    let key: PsValue | undefined;
    let keyText: string | undefined;
    let value: PsValue | undefined;
    if (!cursor.selfClosed) {
      while (cursor.next(Tag.En)) {
        const name = cursor.name;
        if (name === 'Key' && key === undefined) {
          key = this.#readValue(depth);
          keyText = this.#textOfKey(key);
        } else if (name === 'Value' && value === undefined) value = this.#readValue(depth);
        else cursor.fail('<En> holds something else than one Key and one Value', cursor.tagStart);
      }
    }
    if (key === undefined || value === undefined) {
      return cursor.fail(`<En> has no ${key === undefined ? 'Key' : 'Value'}`, tagStart);
    }
    return keyText === undefined ? { key, value } : { key, value, keyText };
  }

  /** The text of a key just read, where it is a number or Boolean in another form than its usual one. */
  #textOfKey(key: PsValue): string | undefined {
    if (key.kind === 'Obj' || !('value' in key) || (typeof key.value === 'string' && key.kind !== 'D'))
      return undefined;
    const text = this.#parsedText.trim();
    return key.kind === 'BA' || text === textOf(key) ? undefined : text;
  }

  #readProgress(): PsProgress {
    const cursor: XmlCursor = this.cursor;
    const { tagStart } = cursor;
    const texts: { -readonly [Field in 'AV' | 'S' | 'T' | 'SD']?: string } = {};
    const numbers: { -readonly [Field in 'AI' | 'PI' | 'PC' | 'SR']?: number } = {};
    if (!cursor.selfClosed) {
      while (cursor.next(Tag.PR)) {
        switch (cursor.tag) {
          case Tag.AV:
          case Tag.S:
          case Tag.T:
          case Tag.SD:
            texts[tagNames[cursor.tag] as 'AV'] = cursor.readEscapedText();
            break;
          case Tag.AI:
          case Tag.PI:
          case Tag.PC:
          case Tag.SR:
            numbers[tagNames[cursor.tag] as 'AI'] = this.#parse('an integer', (text) =>
              primitive.parseInteger('I32', text),
            );
            break;
          case Tag.Nil:
            cursor.readEmpty();
            break;
          default:
            cursor.fail(`<PR> cannot hold <${tagNames[cursor.tag]}>`, cursor.tagStart);
        }
      }
    }
    if (texts.AV === undefined || texts.T === undefined)
      cursor.fail('<PR> has no activity (AV) or no type (T)', tagStart);
    return {
      kind: 'PR',
      activity: texts.AV,
      activityId: numbers.AI ?? 0,
      currentOperation: texts.S,
      parentActivityId: numbers.PI ?? -1,
      percentComplete: numbers.PC ?? -1,
      recordType: texts.T,
      secondsRemaining: numbers.SR ?? -1,
      statusDescription: texts.SD ?? '',
    };
  }

  #failDepth(depth: number): never {
    const allowed = this.#limits.maxDepth;
    return this.cursor.fail(
      `values stand ${depth} deep in one another, allowed are ${allowed} (maxDepth)`,
      this.cursor.tagStart,
      'PSRP_LIMIT_EXCEEDED',
    );
  }

  #failCount(): never {
    const allowed = this.#limits.maxValues;
    return this.cursor.fail(
      `more than ${allowed} values in one (maxValues)`,
      this.cursor.tagStart,
      'PSRP_LIMIT_EXCEEDED',
    );
  }
}
