/*
 * Looking into values: one property, one text.
 */
import { assertNever } from '../errors.ts';
import { formatFloat } from './primitive.ts';
import type { PsMember, PsObject, PsValue } from './value.ts';
import { isPsList, isPsNumber, isPsText } from './value-groups.ts';

/**
 * A direct property of an object. Extended ones (`<MS>`) win over adapted ones (`<Props>`), the last of a name
 * over the earlier; names are compared to the letter. An object directly inside an object counts as the same.
 *
 * @returns `undefined` when the value is no object or has no such property; psNull when the property is `$null`
 */
export function property(value: PsValue, name: string): PsValue | undefined {
  let at: PsValue | undefined = value;
  // An object can wrap itself only through a chain made by hand: the walk is bounded all the same.
  for (let level = 0; at?.kind === 'Obj' && level < 1000; level += 1) {
    const object: PsObject = at;
    const found = find(object.extended, name) ?? find(object.adapted, name);
    if (found !== undefined) return found;
    at = object.base;
  }
  return undefined;
}

function find(members: readonly PsMember[], name: string): PsValue | undefined {
  for (let index = members.length - 1; index >= 0; index -= 1) {
    const member = members[index] as PsMember;
    if (member.name === name && 'value' in member) return member.value;
  }
  return undefined;
}

/**
 * The text of a value: of a primitive as it stands on the wire (`true`, `42`, `INF`), escapes decoded; of an
 * object its `ToString`, or without one the text of what it wraps.
 *
 * @returns `undefined` for `$null`, lists, dictionaries, secure strings, and objects that have no text
 */
export function textOf(value: PsValue): string | undefined {
  if (isPsText(value)) return value.value;
  if (isPsNumber(value)) {
    return value.kind === 'Sg' || value.kind === 'Db' ? formatFloat(value.kind, value.value) : String(value.value);
  }
  if (isPsList(value)) return undefined;
  switch (value.kind) {
    case 'B':
      return value.value ? 'true' : 'false';
    case 'Obj':
      return value.display ?? (value.base === undefined ? undefined : textOf(value.base));
    case 'Nil':
    case 'BA':
    case 'SS':
    case 'PR':
    case 'DCT':
      return undefined;
    default:
      return assertNever(value);
  }
}
