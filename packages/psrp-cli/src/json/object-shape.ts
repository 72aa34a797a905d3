/*
 * What an `Obj` amounts to once the objects directly inside it are merged into it: its properties in
 * order, what it wraps, its text and its type names.
 */
import type { PsMember, PsObject, PsProperty, PsValue } from '@exchange-connector/psrp';
import type { Enclosures } from './enclosure.ts';

/** A property, and the object in which it stands (another one than the object shown, where they were merged). */
export interface ShapedProperty {
  readonly name: string;
  readonly value: PsValue;
  readonly holder: PsObject;
}

/** An object, ready to be written. */
export interface ObjectShape {
  readonly properties: readonly ShapedProperty[];
  /** The primitive, container or reference it wraps, and the object that holds that directly. */
  readonly wrapped: { readonly value: PsValue; readonly holder: PsObject } | undefined;
  /** The text of an enumeration; undefined for what is none, or has no text. */
  readonly enumeration: string | undefined;
  readonly display: string | undefined;
  readonly typeNames: readonly string[];
}

/**
 * @param spend told of each object merged and each property gone through: an object of many properties of one
 *   name, referred to often, would otherwise cost time out of all proportion to what is written
 */
export function shapeOf(object: PsObject, enclosures: Enclosures, spend: (characters: number) => void): ObjectShape {
  const chain: PsObject[] = [object];
  let innermost = object;
  while (innermost.base?.kind === 'Obj' && !enclosures.encloses(innermost.base, innermost)) {
    innermost = innermost.base;
    chain.push(innermost);
  }
  let enumeration: string | undefined;
  let display: string | undefined;
  let typeNames: readonly string[] | undefined;
  for (const level of chain) {
    spend(level === object ? 0 : 1);
    spend(level.adapted.length + level.extended.length);
    display ??= level.display;
    typeNames ??= level.typeNames;
    if (enumeration === undefined && isEnumeration(level)) enumeration = level.display;
  }
  const wrapped = innermost.base === undefined ? undefined : { value: innermost.base, holder: innermost };
  return { properties: propertiesOf(chain), wrapped, enumeration, display, typeNames: typeNames ?? [] };
}

function isEnumeration(object: PsObject): boolean {
  return object.typeNames?.some((name) => name === 'System.Enum' || name === 'Deserialized.System.Enum') ?? false;
}

/** A property that stands twice keeps its first place and has its last value. */
function propertiesOf(chain: readonly PsObject[]): ShapedProperty[] {
  const properties: ShapedProperty[] = [];
  const places = new Map<string, number>();
  const take = (property: PsProperty, holder: PsObject): void => {
    const shaped = { name: property.name, value: property.value, holder };
    const place = places.get(property.name);
    if (place !== undefined) {
      properties[place] = shaped;
      return;
    }
    places.set(property.name, properties.length);
    properties.push(shaped);
  };
  for (let level = chain.length - 1; level >= 0; level--) {
    const holder = chain[level];
    if (holder === undefined) continue;
    for (const property of holder.adapted) take(property, holder);
    for (const member of holder.extended) if (!isMemberSet(member)) take(member, holder);
  }
  return properties;
}

function isMemberSet(member: PsMember): member is Exclude<PsMember, PsProperty> {
  return 'members' in member;
}
