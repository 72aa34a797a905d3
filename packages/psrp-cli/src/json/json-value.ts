/*
 * CLIXML values as JSON text. The text is written directly, with no JavaScript object in between, so that
 * keys keep the wire's order (an object would move `"2"` before `"10"`) and a 64-bit integer its digits.
 *
 * Nesting is bounded by nothing but the size limit: a chain of references, each to the object before it,
 * is as deep as it is long. So the writer has a stack of its own in place of recursion:
 *
 *   frame = what of a container or object is still to be written, and the bracket that closes it
 */
import {
  isPsList,
  isPsText,
  type PsDictionary,
  type PsDictionaryEntry,
  type PsList,
  type PsObject,
  type PsProgress,
  type PsValue,
} from '@exchange-connector/psrp';
import { assertNever, PsrpCliError } from '../errors.ts';
import { keyTextOf, secureStringText, UniqueKeys } from './dictionary-key.ts';
import { Enclosures } from './enclosure.ts';
import { jsonBase64, jsonLong, jsonNumber, jsonString } from './json-text.ts';
import { type ObjectShape, shapeOf } from './object-shape.ts';

/** How values are written. */
export interface JsonWriterOptions {
  /** Every `Obj` becomes an object with `$type` and `$string`, what it wraps under `$value`. Default false. */
  readonly types?: boolean;
  /**
   * The most JSON that one top-level value may become, in UTF-16 code units; default
   * {@link defaultMaxJsonCharacters}. An object repeated by reference counts each time.
   */
  readonly maxCharacters?: number;
}

/** A server sends objects of up to 75 MB as XML by default; as JSON they are smaller. */
export const defaultMaxJsonCharacters = 100_000_000;

/** What of a container or an object is still to be written. */
type Frame =
  | { readonly kind: 'list'; readonly items: readonly PsValue[]; readonly holder: PsObject | undefined; at: number }
  | {
      readonly kind: 'dictionary';
      readonly entries: readonly PsDictionaryEntry[];
      readonly keys: UniqueKeys;
      readonly holder: PsObject | undefined;
      at: number;
    }
  | { readonly kind: 'members'; readonly members: readonly Member[]; at: number };

/** One member of a JSON object: the key as JSON, and a value, or text that is JSON already. */
interface Member {
  readonly key: string;
  readonly value: PsValue | string;
  /** The object in which the value stands. */
  readonly holder: PsObject | undefined;
}

/** Text is put together in pieces of so many: one long chain of additions would take twenty times its memory. */
const piecesAtOnce = 4096;

/** Text that grows by small pieces. */
class TextPieces {
  #pieces: string[] = [];
  readonly #joined: string[] = [];

  add(piece: string): void {
    this.#pieces.push(piece);
    if (this.#pieces.length < piecesAtOnce) return;
    this.#joined.push(this.#pieces.join(''));
    this.#pieces = [];
  }

  toString(): string {
    return this.#joined.join('') + this.#pieces.join('');
  }
}

/**
 * Writes the values of one file, or of one message: references between them hold as long as the writer
 * lives, as the reader's do.
 */
export class JsonWriter {
  readonly #types: boolean;
  readonly #maxCharacters: number;
  readonly #enclosures = new Enclosures();
  #frames: Frame[] = [];
  #text = new TextPieces();
  #spent = 0;

  constructor(options: JsonWriterOptions = {}) {
    this.#types = options.types ?? false;
    this.#maxCharacters = options.maxCharacters ?? defaultMaxJsonCharacters;
  }

  /**
   * For the reader's `onObject`: tells in which object each object stands. Without it the first place at
   * which an object is met counts, which is another one where a file has `<MS>` before `<Props>`.
   */
  get place(): (object: PsObject, enclosing: PsObject | undefined) => void {
    return this.#enclosures.place;
  }

  /**
   * One top-level value as one line of JSON, without the line's end.
   *
   * @throws PsrpCliError PSRP_CLI_JSON_TOO_LARGE
   */
  write(value: PsValue): string {
    this.#enclosures.add(value);
    this.#frames = [];
    this.#text = new TextPieces();
    this.#spent = 0;
    this.#value(value, undefined);
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) this.#advance(frame);
    const text = this.#text.toString();
    this.#text = new TextPieces();
    return text;
  }

  /** Writes the next part of the innermost frame, or closes it. */
  #advance(frame: Frame): void {
    const index = frame.at++;
    if (index > 0 && index < sizeOf(frame)) this.#emit(',');
    switch (frame.kind) {
      case 'list': {
        const item = frame.items[index];
        if (item === undefined) this.#close(']');
        else this.#value(item, frame.holder);
        break;
      }
      case 'dictionary': {
        const entry = frame.entries[index];
        if (entry === undefined) {
          this.#close('}');
        } else {
          this.#emit(`${jsonString(frame.keys.name(keyTextOf(entry)))}:`);
          this.#value(entry.value, frame.holder);
        }
        break;
      }
      case 'members': {
        const member = frame.members[index];
        if (member === undefined) this.#close('}');
        else this.#member(member);
        break;
      }
      default:
        assertNever(frame);
    }
  }

  #member({ key, value, holder }: Member): void {
    this.#emit(`${key}:`);
    if (typeof value === 'string') this.#emit(value);
    else this.#value(value, holder);
  }

  #close(bracket: string): void {
    this.#emit(bracket);
    this.#frames.pop();
  }

  #emit(text: string): void {
    this.#spend(text.length);
    this.#text.add(text);
  }

  readonly #spend = (characters: number): void => {
    this.#spent += characters;
    if (this.#spent <= this.#maxCharacters) return;
    this.#frames = [];
    this.#text = new TextPieces();
    throw new PsrpCliError(
      'PSRP_CLI_JSON_TOO_LARGE',
      `writing one object as JSON: more than ${this.#maxCharacters} characters. An object that many references ` +
        `repeat is written each time; ask for fewer properties, or for less in one object.`,
    );
  };

  /** Writes a primitive whole; of anything else the opening bracket, and leaves the rest to a frame. */
  #value(value: PsValue, holder: PsObject | undefined): void {
    if (isPsText(value)) {
      this.#emit(jsonString(value.value));
      return;
    }
    if (isPsList(value)) {
      this.#list(value, holder);
      return;
    }
    switch (value.kind) {
      case 'Nil':
        this.#emit('null');
        break;
      case 'B':
        this.#emit(value.value ? 'true' : 'false');
        break;
      case 'By':
      case 'SB':
      case 'U16':
      case 'I16':
      case 'U32':
      case 'I32':
      case 'Sg':
      case 'Db':
        this.#emit(jsonNumber(value.value));
        break;
      case 'U64':
      case 'I64':
        this.#emit(jsonLong(value.value));
        break;
      case 'BA':
        this.#emit(jsonBase64(value.value));
        break;
      case 'SS':
        this.#emit(jsonString(secureStringText));
        break;
      case 'PR':
        this.#emit(progressJson(value));
        break;
      case 'DCT':
        this.#dictionary(value, holder);
        break;
      case 'Obj':
        this.#object(value, holder);
        break;
      default:
        assertNever(value);
    }
  }

  #list(list: PsList, holder: PsObject | undefined): void {
    this.#emit('[');
    this.#frames.push({ kind: 'list', items: list.items, holder, at: 0 });
  }

  #dictionary(dictionary: PsDictionary, holder: PsObject | undefined): void {
    this.#emit('{');
    this.#frames.push({ kind: 'dictionary', entries: dictionary.entries, keys: new UniqueKeys(), holder, at: 0 });
  }

  #object(object: PsObject, holder: PsObject | undefined): void {
    if (this.#enclosures.encloses(object, holder)) {
      this.#emit(`{"$ref":${object.refId ?? 'null'}}`);
      return;
    }
    const shape = shapeOf(object, this.#enclosures, this.#spend);
    if (this.#types || shape.properties.length > 0) this.#members(shape);
    else if (shape.enumeration !== undefined) this.#emit(jsonString(shape.enumeration));
    else if (shape.wrapped !== undefined) this.#value(shape.wrapped.value, shape.wrapped.holder);
    else this.#emit(shape.display === undefined ? 'null' : jsonString(shape.display));
  }

  #members(shape: ObjectShape): void {
    const names = new UniqueKeys();
    const key = (name: string): string => jsonString(names.name(name));
    const members: Member[] = [];
    if (this.#types) {
      const display = shape.display === undefined ? 'null' : jsonString(shape.display);
      members.push({ key: key('$type'), value: jsonArray(shape.typeNames), holder: undefined });
      members.push({ key: key('$string'), value: display, holder: undefined });
    }
    // Named before the properties, though it stands behind them: a property of its name has to give way.
    const wrapped = wrappedMember(shape, key);
    for (const { name, value, holder } of shape.properties) members.push({ key: key(name), value, holder });
    if (wrapped !== undefined) members.push(wrapped);
    this.#emit('{');
    this.#frames.push({ kind: 'members', members, at: 0 });
  }
}

function wrappedMember(shape: ObjectShape, key: (name: string) => string): Member | undefined {
  const { enumeration, wrapped } = shape;
  if (enumeration !== undefined) return { key: key('$value'), value: jsonString(enumeration), holder: undefined };
  return wrapped === undefined ? undefined : { key: key('$value'), ...wrapped };
}

function sizeOf(frame: Frame): number {
  switch (frame.kind) {
    case 'list':
      return frame.items.length;
    case 'dictionary':
      return frame.entries.length;
    case 'members':
      return frame.members.length;
    default:
      return assertNever(frame);
  }
}

/**
 * One value by itself as JSON: `new JsonWriter(options).write(value)`. For the values of one file, which
 * may refer to each other, keep one {@link JsonWriter}.
 */
export function formatJson(value: PsValue, options?: JsonWriterOptions): string {
  return new JsonWriter(options).write(value);
}

function jsonArray(texts: readonly string[]): string {
  return `[${texts.map(jsonString).join(',')}]`;
}

/** [MS-PSRP] 2.2.5.1.25, in the order of the wire. */
function progressJson(record: PsProgress): string {
  const operation = record.currentOperation === undefined ? 'null' : jsonString(record.currentOperation);
  return (
    `{"Activity":${jsonString(record.activity)},"ActivityId":${jsonNumber(record.activityId)},` +
    `"CurrentOperation":${operation},"ParentActivityId":${jsonNumber(record.parentActivityId)},` +
    `"PercentComplete":${jsonNumber(record.percentComplete)},"RecordType":${jsonString(record.recordType)},` +
    `"SecondsRemaining":${jsonNumber(record.secondsRemaining)},"StatusDescription":${jsonString(record.statusDescription)}}`
  );
}
