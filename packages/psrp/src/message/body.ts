/*
 * Reading and building the bodies of messages: nearly all are one object without type names whose
 * extended members (`<MS>`) are the fields.
 */
import { property } from '../clixml/inspect.ts';
import type { PsList, PsObject, PsProperty, PsValue } from '../clixml/value.ts';
import { isPsText } from '../clixml/value-groups.ts';
import { PsrpError } from '../errors.ts';

/** A field of a body under construction. */
export function field(name: string, value: PsValue): PsProperty {
  return { name, value };
}

/** The body made of these fields: an object without type names. */
export function bodyOf(fields: readonly PsProperty[]): PsObject {
  return { kind: 'Obj', typeNames: undefined, display: undefined, base: undefined, adapted: [], extended: fields };
}

export const nil: PsValue = { kind: 'Nil' };
export const text = (value: string): PsValue => ({ kind: 'S', value });
export const boolean = (value: boolean): PsValue => ({ kind: 'B', value });
export const int32 = (value: number): PsValue => ({ kind: 'I32', value });
export const int64 = (value: bigint): PsValue => ({ kind: 'I64', value });

/** A list object with these type names. */
export function listOf(typeNames: readonly string[], items: readonly PsValue[]): PsObject {
  return { kind: 'Obj', typeNames, display: undefined, base: { kind: 'LST', items }, adapted: [], extended: [] };
}

/** An enumeration's value: its type names, its text, its number. */
export function enumeration(typeName: string, display: string, value: number): PsObject {
  const typeNames = [typeName, 'System.Enum', 'System.ValueType', 'System.Object'];
  return { kind: 'Obj', typeNames, display, base: int32(value), adapted: [], extended: [] };
}

/**
 * A direct field of an object; `undefined` where there is none. Real peers look names up without case, and
 * pypsrp writes `CI` for `ci`: so does this, where no name fits to the letter.
 */
export function fieldOf(value: PsValue | undefined, name: string): PsValue | undefined {
  if (value?.kind !== 'Obj') return undefined;
  const exact = property(value, name);
  if (exact !== undefined) return exact;
  const wanted = name.toLowerCase();
  const loose = [...value.extended, ...value.adapted].find((member) => member.name.toLowerCase() === wanted);
  return loose !== undefined && 'value' in loose ? loose.value : undefined;
}

/** A value without the objects that only wrap it. Nesting is bounded by the reader's depth limit. */
export function unwrap(value: PsValue | undefined): PsValue | undefined {
  const seen = new Set<PsValue>();
  let inner = value;
  while (inner?.kind === 'Obj' && inner.base !== undefined && !seen.has(inner)) {
    seen.add(inner);
    inner = inner.base;
  }
  return inner;
}

/** The text of a value that is text on the wire, or of an object's `<ToString>`; `undefined` otherwise. */
export function textIn(value: PsValue | undefined): string | undefined {
  const inner = unwrap(value);
  if (inner !== undefined && isPsText(inner)) return inner.value;
  return value?.kind === 'Obj' ? value.display : undefined;
}

/** An integer of any width that is safe as a number; `undefined` otherwise. */
export function integerIn(value: PsValue | undefined): number | undefined {
  const inner = unwrap(value);
  switch (inner?.kind) {
    case 'By':
    case 'SB':
    case 'U16':
    case 'I16':
    case 'U32':
    case 'I32':
      return inner.value;
    case 'U64':
    case 'I64': {
      const narrowed = Number(inner.value);
      return Number.isSafeInteger(narrowed) ? narrowed : undefined;
    }
    default:
      return undefined;
  }
}

/** An integer of any width; `undefined` otherwise. */
export function longIn(value: PsValue | undefined): bigint | undefined {
  const inner = unwrap(value);
  if (inner?.kind === 'I64' || inner?.kind === 'U64') return inner.value;
  const narrow = integerIn(inner);
  return narrow === undefined ? undefined : BigInt(narrow);
}

export function booleanIn(value: PsValue | undefined): boolean | undefined {
  const inner = unwrap(value);
  return inner?.kind === 'B' ? inner.value : undefined;
}

/** The items of a list, stack, queue or enumerable; `undefined` otherwise. */
export function itemsIn(value: PsValue | undefined): PsList['items'] | undefined {
  const inner = unwrap(value);
  switch (inner?.kind) {
    case 'LST':
    case 'IE':
    case 'STK':
    case 'QUE':
      return inner.items;
    default:
      return undefined;
  }
}

/** `value`, or PSRP_MESSAGE_INVALID that names the message and the field. */
export function required<T>(value: T | undefined, messageName: string, fieldName: string): T {
  if (value === undefined) {
    throw new PsrpError(
      'PSRP_MESSAGE_INVALID',
      `reading a ${messageName}: its field ${fieldName} is missing or of another type`,
    );
  }
  return value;
}
