/*
 * Writes server values as CLIXML, numbering objects and type-name lists as they come ([MS-PSRP] 2.2.5.2.1,
 * 2.2.5.2.3): `RefId` of objects and of `TN` are separate counters within one message.
 */
import { assertNever } from '@exchange-connector/psrp';
import { formatLocal, formatUtc } from '../organization/moment.ts';
import { clixmlText, nameAttribute } from './clixml-text.ts';
import type { ObjectValue, ServerValue, TypeChain } from './server-value.ts';

/**
 * How objects with a text are written: `flat` as `<S>` (partial serialization), `objects` with type names,
 * text and properties, `full` with Exchange's SerializationData besides.
 */
export type ValueForm = 'flat' | 'objects' | 'full';

export class ClixmlWriter {
  readonly #form: ValueForm;
  readonly #types: TypeChain[] = [];
  readonly #seen: Map<string, number> | undefined;
  #objects = 0;

  constructor(form: ValueForm) {
    this.#form = form;
    this.#seen = form === 'full' ? new Map() : undefined;
  }

  /** The next object number. */
  nextRefId(): number {
    this.#objects += 1;
    return this.#objects - 1;
  }

  /** `<TN RefId>` with the names at a chain's first use, `<TNRef>` afterwards. */
  typeNames(types: TypeChain): string {
    const known = this.#types.indexOf(types);
    if (known >= 0) return `<TNRef RefId="${known}" />`;
    this.#types.push(types);
    return `<TN RefId="${this.#types.length - 1}">${types.xml}</TN>`;
  }

  /** A property, with its name in `N`; an item of a list where the name is undefined. */
  value(value: ServerValue, name: string | undefined): string {
    const n = name === undefined ? '' : nameAttribute(name);
    switch (value.kind) {
      case 'null':
        return `<Nil${n} />`;
      case 'string':
        return `<S${n}>${clixmlText(value.text)}</S>`;
      case 'boolean':
        return `<B${n}>${value.value}</B>`;
      case 'integer':
        return `<I32${n}>${value.value}</I32>`;
      case 'long':
        return `<I64${n}>${value.value}</I64>`;
      case 'double':
        return `<Db${n}>${value.value}</Db>`;
      case 'guid':
        return `<G${n}>${value.text}</G>`;
      case 'version':
        return `<Version${n}>${value.text}</Version>`;
      case 'dictionary':
        return this.#dictionary(value, n);
      case 'dateTime':
        return `<DT${n}>${value.zone === 'utc' ? formatUtc(value.moment) : formatLocal(value.moment)}</DT>`;
      case 'list':
        return this.#list(value, n);
      case 'object':
        return value.flat && this.#form === 'flat' ? `<S${n}>${clixmlText(value.text)}</S>` : this.#object(value, n);
      default:
        return assertNever(value);
    }
  }

  #list(value: ServerValue & { kind: 'list' }, n: string): string {
    const head = `<Obj${n} RefId="${this.nextRefId()}">${this.typeNames(value.types)}`;
    if (value.items.length === 0) return `${head}<LST /></Obj>`;
    let items = '';
    for (const item of value.items) items += this.value(item, undefined);
    return `${head}<LST>${items}</LST></Obj>`;
  }

  #dictionary(value: ServerValue & { kind: 'dictionary' }, n: string): string {
    const head = `<Obj${n} RefId="${this.nextRefId()}">${this.typeNames(value.types)}`;
    const entries = value.entries.map(
      ([key, item]) => `<En><S N="Key">${clixmlText(key)}</S>${this.value(item, 'Value')}</En>`,
    );
    return `${head}<DCT>${entries.join('')}</DCT></Obj>`;
  }

  #object(value: ObjectValue, n: string): string {
    const known = value.key === undefined ? undefined : this.#seen?.get(value.key);
    if (known !== undefined) return `<Ref${n} RefId="${known}" />`;
    const refId = this.nextRefId();
    if (value.key !== undefined) this.#seen?.set(value.key, refId);
    let inner = '';
    for (const [name, item] of value.properties?.() ?? []) {
      inner += item === 'self' ? this.#self(name, refId, value) : this.#nested(item, name);
    }
    const base =
      value.base === undefined
        ? ''
        : typeof value.base === 'bigint'
          ? `<I64>${value.base}</I64>`
          : `<I32>${value.base}</I32>`;
    const props = inner === '' ? '' : `<Props>${inner}</Props>`;
    const blob =
      value.blob === true && this.#form === 'full'
        ? `<MS><BA N="SerializationData">${serializationData(value)}</BA></MS>`
        : '';
    return `<Obj${n} RefId="${refId}">${this.typeNames(value.types)}<ToString>${clixmlText(value.text)}</ToString>${base}${props}${blob}</Obj>`;
  }

  /** At this depth of a message objects are text whatever the form. */
  #nested(value: ServerValue, name: string): string {
    return value.kind === 'object' ? `<S N="${name}">${clixmlText(value.text)}</S>` : this.value(value, name);
  }

  #self(name: string, refId: number, value: ObjectValue): string {
    return this.#form === 'full'
      ? `<Ref N="${name}" RefId="${refId}" />`
      : `<S N="${name}">${clixmlText(value.text)}</S>`;
  }
}

/** Bytes of BinaryFormatter's shape (header, library record, class name, text): what a client carries along and never reads. */
function serializationData(value: ObjectValue): string {
  const head = Buffer.from('0001000000ffffffff01000000000000000c02000000', 'hex');
  const library = Buffer.from(
    'Microsoft.Exchange.Data.Directory, Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35',
  );
  const type = Buffer.from(value.types.names[0] ?? '');
  const text = Buffer.from(value.text);
  return Buffer.concat([
    head,
    Buffer.from([library.length]),
    library,
    Buffer.from([5, 1, 0, 0, 0, type.length & 127]),
    type,
    Buffer.from([6, 3, 0, 0, 0, text.length & 127]),
    text,
    Buffer.from([11]),
  ]).toString('base64');
}
