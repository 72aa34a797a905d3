/*
 * Compares a value read here with what the real engine says of the object that it read (oracle/Describe.cs).
 */
import { Buffer } from 'node:buffer';
import type { PsDictionaryEntry, PsMember, PsObject, PsValue } from '@exchange-connector/psrp';

export interface Described {
  readonly kind: string;
  readonly value?: string;
  readonly height?: number;
  readonly types?: readonly string[];
  readonly display?: string | null;
  readonly base?: Described | null;
  readonly adapted?: readonly { readonly name: string; readonly value: Described }[];
  readonly extended?: readonly { readonly name: string; readonly value: Described }[];
  readonly items?: readonly Described[];
  readonly entries?: readonly { readonly key: Described; readonly value: Described }[];
}

export function hexOf(text: string): string {
  return Buffer.from(text, 'utf16le').swap16().toString('hex');
}

function floatBits(value: number, bytes: 4 | 8): string {
  const view = new DataView(new ArrayBuffer(8));
  if (bytes === 4) view.setFloat32(0, value);
  else view.setFloat64(0, value);
  return Number.isNaN(value) ? 'NaN' : Buffer.from(view.buffer, 0, bytes).toString('hex');
}

/** The instant of a time with an offset, the text of one without: the real one is told in local time. */
function timeKey(text: string): string {
  const match = /^(.*?)(?:\.(\d+))?(Z|[+-]\d\d:\d\d)?$/.exec(text);
  const fraction = (match?.[2] ?? '').replace(/0+$/, '');
  if (match?.[3] === undefined) return `${match?.[1]}.${fraction}`;
  return `${Date.parse(`${match[1]}${match[3]}`)}.${fraction}`;
}

/** Kind and value of a primitive as Describe.cs tells them; `undefined` for what is none. */
function primitiveKey(value: PsValue): string | undefined {
  switch (value.kind) {
    case 'S':
    case 'SBK': // the real reader makes a string of it
      return `S ${hexOf(value.value)}`;
    case 'C':
    case 'URI':
    case 'XD':
      return `${value.kind} ${hexOf(value.value)}`;
    case 'DT':
      return `DT ${timeKey(value.value)}`;
    case 'TS':
    case 'Version':
    case 'G':
    case 'D':
      return `${value.kind} ${value.value}`;
    case 'B':
    case 'By':
    case 'SB':
    case 'U16':
    case 'I16':
    case 'U32':
    case 'I32':
    case 'U64':
    case 'I64':
      return `${value.kind} ${value.value}`;
    case 'Sg':
      return `Sg ${floatBits(value.value, 4)}`;
    case 'Db':
      return `Db ${floatBits(value.value, 8)}`;
    case 'BA':
      return `BA ${Buffer.from(value.value).toString('hex')}`;
    case 'SS':
      return 'SS ';
    case 'Nil':
      return 'Nil ';
    case 'PR': {
      const fields = [value.activity, value.activityId, value.currentOperation ?? '', value.parentActivityId];
      fields.push(value.percentComplete, value.recordType, value.secondsRemaining, value.statusDescription);
      return `PR ${hexOf(fields.join('|'))}`;
    }
    default:
      return undefined;
  }
}

function describedKey({ kind, value = '' }: Described): string {
  if (kind === 'DT') return `DT ${timeKey(value)}`;
  if (kind === 'Sg') return `Sg ${/^[7f]fc0/.test(value) ? 'NaN' : value}`;
  if (kind === 'Db') return `Db ${/^[7f]ff8/.test(value) ? 'NaN' : value}`;
  return `${kind} ${value}`;
}

/** An object inside an object counts as the same one. */
function flatten(object: PsObject): PsObject {
  return object.base?.kind === 'Obj' ? { ...object, base: flatten(object.base).base } : object;
}

/** The first difference, with its place; `undefined` when the two say the same. */
export function difference(
  ours: PsValue,
  theirs: Described,
  place = '',
  enclosing: readonly PsValue[] = [],
): string | undefined {
  if (theirs.kind === 'too many') return undefined;
  if (theirs.kind === 'cycle') {
    const named = enclosing[enclosing.length - (theirs.height ?? 0)];
    return named === ours ? undefined : `${place}: not the object ${theirs.height} above`;
  }
  if (ours.kind !== 'Obj') {
    const bare = theirs.kind === 'Obj' ? theirs.base : theirs;
    return bare
      ? plainDifference(ours, bare, place, enclosing)
      : `${place}: ${ours.kind} here, an object without a value there`;
  }
  if (enclosing.includes(ours)) return `${place}: a cycle here only`;
  const object = flatten(ours);
  const inside = [...enclosing, ours];
  if (theirs.kind !== 'Obj') {
    return object.base === undefined
      ? `${place}: no value here, ${theirs.kind} there`
      : plainDifference(object.base, theirs, place, inside);
  }
  if (object.typeNames !== undefined) {
    const expected = object.typeNames.map((name) => (name.startsWith('Deserialized.') ? name : `Deserialized.${name}`));
    if (expected.map(hexOf).join() !== theirs.types?.join())
      return `${place}: types ${expected} here, ${theirs.types} there`;
  }
  if (object.display !== undefined && typeof theirs.display === 'string' && hexOf(object.display) !== theirs.display) {
    return `${place}: ToString ${hexOf(object.display)} here, ${theirs.display} there`;
  }
  if ((object.base === undefined) !== (theirs.base == null)) return `${place}: a wrapped value on one side only`;
  return (
    (object.base !== undefined && theirs.base
      ? plainDifference(object.base, theirs.base, `${place}/base`, inside)
      : undefined) ??
    memberDifference(object.adapted, theirs.adapted ?? [], `${place}/Props`, inside) ??
    memberDifference(object.extended, theirs.extended ?? [], `${place}/MS`, inside)
  );
}

function plainDifference(
  ours: PsValue,
  theirs: Described,
  place: string,
  enclosing: readonly PsValue[],
): string | undefined {
  if (ours.kind === 'DCT') {
    return theirs.kind === 'DCT'
      ? entryDifference(ours.entries, theirs.entries ?? [], place, enclosing)
      : `${place}: DCT here, ${theirs.kind} there`;
  }
  if (ours.kind === 'LST' || ours.kind === 'IE' || ours.kind === 'STK' || ours.kind === 'QUE') {
    const kind = ours.kind === 'IE' ? 'LST' : ours.kind;
    const items = theirs.items ?? [];
    if (kind !== theirs.kind || ours.items.length !== items.length) {
      return `${place}: ${kind} of ${ours.items.length} here, ${theirs.kind} of ${items.length} there`;
    }
    for (const [index, item] of ours.items.entries()) {
      const found = difference(item, items[index] as Described, `${place}[${index}]`, enclosing);
      if (found !== undefined) return found;
    }
    return undefined;
  }
  const key = primitiveKey(ours);
  return key === describedKey(theirs) ? undefined : `${place}: ${key} here, ${describedKey(theirs)} there`;
}

function memberDifference(
  ours: readonly PsMember[],
  theirs: NonNullable<Described['adapted']>,
  place: string,
  enclosing: readonly PsValue[],
): string | undefined {
  const properties = ours.filter((member) => 'value' in member);
  if (properties.length !== theirs.length)
    return `${place}: ${properties.length} properties here, ${theirs.length} there`;
  for (const [index, { name, value }] of properties.entries()) {
    const other = theirs[index] as { name: string; value: Described };
    if (hexOf(name) !== other.name) return `${place}: property ${JSON.stringify(name)} here, ${other.name} there`;
    const found = difference(value, other.value, `${place}/${name}`, enclosing);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** The key of an entry: a primitive, or the value of an enumeration; anything else only by its kind. */
function oursKey(key: PsValue): string {
  if (key.kind !== 'Obj') return primitiveKey(key) ?? key.kind;
  return `Obj ${key.base === undefined ? '' : (primitiveKey(key.base) ?? key.base.kind)}`;
}

function theirsKey(key: Described): string {
  return key.kind === 'Obj' ? `Obj ${key.base ? describedKey(key.base) : ''}` : describedKey(key);
}

/** A real hashtable has an order of its own: entries are found by their key. */
function entryDifference(
  ours: readonly PsDictionaryEntry[],
  theirs: NonNullable<Described['entries']>,
  place: string,
  enclosing: readonly PsValue[],
): string | undefined {
  if (ours.length !== theirs.length) return `${place}: ${ours.length} entries here, ${theirs.length} there`;
  const byKey = new Map(theirs.map((entry) => [theirsKey(entry.key), entry]));
  for (const { key, value } of ours) {
    const text = oursKey(key);
    const other = byKey.get(text);
    if (other === undefined) return `${place}: the key ${text} is missing there`;
    const found = difference(value, other.value, `${place}{${text}}`, enclosing);
    if (found !== undefined) return found;
  }
  return undefined;
}
