/*
 * CLIXML values as JSON text. The text is written directly, with no JavaScript object in between, so that
 * keys keep the wire's order (an object would move `"2"` before `"10"`) and a 64-bit integer its digits.
 *
 * Nesting is bounded by nothing but the size limit: a chain of references, each to the object before it,
 * is as deep as it is long. So the writer has a stack of its own in place of recursion:
 *
 *   frame = what of a container or object is still to be written, and the bracket that closes it
 */
import type { PsDictionary, PsList, PsObject, PsProgress, PsValue } from '@exchange-connector/psrp';
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
interface Frame {
  readonly close: string;
  readonly size: number;
  at: number;
  /** The key with its colon; nothing in an array. */
  readonly prefixOf: (index: number) => string;
  readonly valueOf: (index: number) => PsValue | JsonLiteral;
  /** The object in which the value stands. */
  readonly holderOf: (index: number) => PsObject | null;
}

/** Text that is JSON already. */
interface JsonLiteral {
  readonly kind: 'literal';
  readonly json: string;
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
  #text = '';
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
    this.#text = '';
    this.#spent = 0;
    this.#value(value, null);
    for (let frame = this.#frames.at(-1); frame !== undefined; frame = this.#frames.at(-1)) {
      const index = frame.at++;
      if (index === frame.size) {
        this.#emit(frame.close);
        this.#frames.pop();
        continue;
      }
      this.#emit(index === 0 ? frame.prefixOf(index) : `,${frame.prefixOf(index)}`);
      const next = frame.valueOf(index);
      if (next.kind === 'literal') this.#emit(next.json);
      else this.#value(next, frame.holderOf(index));
    }
    const text = this.#text;
    this.#text = '';
    return text;
  }

  #emit(text: string): void {
    this.#spend(text.length);
    this.#text += text;
  }

  readonly #spend = (characters: number): void => {
    this.#spent += characters;
    if (this.#spent <= this.#maxCharacters) return;
    this.#frames = [];
    this.#text = '';
    throw new PsrpCliError(
      'PSRP_CLI_JSON_TOO_LARGE',
      `writing one object as JSON: more than ${this.#maxCharacters} characters. An object that many references ` +
        `repeat is written each time; ask for fewer properties, or for less in one object.`,
    );
  };

  /** Writes a primitive whole; of anything else the opening bracket, and leaves the rest to a frame. */
  #value(value: PsValue, holder: PsObject | null): void {
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
        this.#emit(jsonString(value.value));
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
      case 'LST':
      case 'IE':
      case 'STK':
      case 'QUE':
        this.#list(value, holder);
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

  #list(list: PsList, holder: PsObject | null): void {
    const { items } = list;
    this.#emit('[');
    this.#frames.push({
      close: ']',
      size: items.length,
      at: 0,
      prefixOf: () => '',
      valueOf: (index) => items[index] as PsValue,
      holderOf: () => holder,
    });
  }

  #dictionary(dictionary: PsDictionary, holder: PsObject | null): void {
    const { entries } = dictionary;
    const keys = new UniqueKeys();
    this.#emit('{');
    this.#frames.push({
      close: '}',
      size: entries.length,
      at: 0,
      prefixOf: (index) => {
        const entry = entries[index];
        return entry === undefined ? '' : `${jsonString(keys.name(keyTextOf(entry)))}:`;
      },
      valueOf: (index) => entries[index]?.value as PsValue,
      holderOf: () => holder,
    });
  }

  #object(object: PsObject, holder: PsObject | null): void {
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
    const parts: { key: string; value: PsValue | JsonLiteral; holder: PsObject | null }[] = [];
    const synthetic: typeof parts = [];
    if (this.#types) {
      const display = shape.display === undefined ? 'null' : jsonString(shape.display);
      parts.push({ key: names.name('$type'), value: literal(jsonArray(shape.typeNames)), holder: null });
      parts.push({ key: names.name('$string'), value: literal(display), holder: null });
    }
    if (shape.enumeration !== undefined) {
      synthetic.push({ key: names.name('$value'), value: literal(jsonString(shape.enumeration)), holder: null });
    } else if (shape.wrapped !== undefined) {
      synthetic.push({ key: names.name('$value'), ...shape.wrapped });
    }
    for (const { name, value, holder } of shape.properties) parts.push({ key: names.name(name), value, holder });
    parts.push(...synthetic);
    this.#emit('{');
    this.#frames.push({
      close: '}',
      size: parts.length,
      at: 0,
      prefixOf: (index) => `${jsonString(parts[index]?.key ?? '')}:`,
      valueOf: (index) => parts[index]?.value as PsValue | JsonLiteral,
      holderOf: (index) => parts[index]?.holder ?? null,
    });
  }
}

/**
 * One value by itself as JSON: `new JsonWriter(options).write(value)`. For the values of one file, which
 * may refer to each other, keep one {@link JsonWriter}.
 */
export function formatJson(value: PsValue, options?: JsonWriterOptions): string {
  return new JsonWriter(options).write(value);
}

function literal(json: string): JsonLiteral {
  return { kind: 'literal', json };
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
