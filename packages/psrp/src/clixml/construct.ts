/*
 * Values made here, in the shapes that PowerShell itself gives them on the wire.
 */
import type { Guid } from '../guid.ts';
import { integerRanges, longRanges } from './primitive.ts';
import type {
  PsBoolean,
  PsFloat,
  PsInteger,
  PsLong,
  PsMember,
  PsNil,
  PsObject,
  PsProperty,
  PsText,
  PsValue,
} from './value.ts';

/** `$null` as a value inside others. As pipeline input or output of its own it is an empty body instead. */
export const psNull: PsNil = Object.freeze({ kind: 'Nil' });

/** A string, of any UTF-16 code units: lone surrogates and control characters survive. */
export function psString(value: string): PsText {
  return { kind: 'S', value };
}

/** `$true` or `$false`; also the value of a switch parameter. */
export function psBoolean(value: boolean): PsBoolean {
  return { kind: 'B', value };
}

/** `[int]`: throws a RangeError outside 32 bits. */
export function psInt32(value: number): PsInteger {
  const [least, most] = integerRanges.I32;
  if (!Number.isInteger(value) || value < least || value > most) throw new RangeError(`${value} is no 32-bit integer`);
  return { kind: 'I32', value };
}

/** `[long]`: throws a RangeError outside 64 bits. */
export function psInt64(value: bigint): PsLong {
  const [least, most] = longRanges.I64;
  if (value < least || value > most) throw new RangeError(`${value} is no 64-bit integer`);
  return { kind: 'I64', value };
}

/** `[double]`. */
export function psDouble(value: number): PsFloat {
  return { kind: 'Db', value };
}

/** `[guid]`. */
export function psGuid(value: Guid): PsText {
  return { kind: 'G', value };
}

const arrayTypeNames = ['System.Object[]', 'System.Array', 'System.Object'] as const;
const hashtableTypeNames = ['System.Collections.Hashtable', 'System.Object'] as const;

/** `[object[]]`: an array of values. */
export function psArray(items: readonly PsValue[]): PsObject {
  return psObject({ typeNames: arrayTypeNames, base: { kind: 'LST', items } });
}

/**
 * `[hashtable]`, from a record (keys become strings) or from pairs of values. The order is kept on the wire;
 * a real hashtable does not keep it.
 */
export function psHashtable(
  content: Readonly<Record<string, PsValue>> | Iterable<readonly [PsValue | string, PsValue]>,
): PsObject {
  const pairs = Symbol.iterator in content ? [...content] : Object.entries(content);
  const entries = pairs.map(([key, value]) => ({ key: typeof key === 'string' ? psString(key) : key, value }));
  return psObject({ typeNames: hashtableTypeNames, base: { kind: 'DCT', entries } });
}

/** What an object may be made of; whatever is left out is absent on the wire. */
export interface PsObjectInit {
  /** Most derived first. */
  readonly typeNames?: readonly string[];
  /** The text of `<ToString>`. */
  readonly display?: string;
  /** The primitive, container or object that it wraps. */
  readonly base?: PsValue;
  /** Adapted properties (`<Props>`), as a record or in order. */
  readonly adapted?: Readonly<Record<string, PsValue>> | readonly PsProperty[];
  /** Extended members (`<MS>`), as a record or in order. */
  readonly extended?: Readonly<Record<string, PsValue>> | readonly PsMember[];
}

/** An object. The messages of PSRP are objects with extended members only: `psObject({ extended: {…} })`. */
export function psObject(init: PsObjectInit): PsObject {
  return {
    kind: 'Obj',
    typeNames: init.typeNames,
    display: init.display,
    base: init.base,
    adapted: list(init.adapted),
    extended: list(init.extended),
  };
}

function list<T extends PsMember>(
  members: Readonly<Record<string, PsValue>> | readonly T[] | undefined,
): readonly (T | PsProperty)[] {
  if (members === undefined) return [];
  if (isList(members)) return members;
  return Object.entries(members).map(([name, value]) => ({ name, value }));
}

function isList<T>(members: Readonly<Record<string, PsValue>> | readonly T[]): members is readonly T[] {
  return Array.isArray(members);
}
