/*
 * What a cmdlet puts into the pipeline: an object of the directory with its shape (type names and properties
 * in wire order), a selection of another object's properties, an object of a helper cmdlet, or a bare value.
 */
import { ClixmlWriter, type ValueForm } from './clixml-writer.ts';
import { clixmlText } from './clixml-text.ts';
import { chainOf, nullValue, type ServerValue, type TypeChain } from './server-value.ts';

export interface PropertyShape<Source> {
  readonly name: string;
  /** A value that is the same for every object of the shape, or how to read it. */
  readonly value: ServerValue | ((source: Source) => ServerValue);
  /** What it is for every source that {@link ObjectShape.isUsual} is true of. */
  readonly usual?: ServerValue;
}

export interface ObjectShape<Source> {
  readonly types: TypeChain;
  readonly properties: readonly PropertyShape<Source>[];
  readonly byName: ReadonlyMap<string, PropertyShape<Source>>;
  readonly display: (source: Source) => string;
  /** Whether a source has the usual values. */
  readonly isUsual: (source: Source) => boolean;
  /** The object's own number of levels in the directory. */
  readonly blob: boolean;
}

/** Builds a shape; names are looked up without regard to case. */
export function shapeOf<Source>(options: {
  types: TypeChain;
  properties: readonly PropertyShape<Source>[];
  display: (source: Source) => string;
  isUsual?: (source: Source) => boolean;
  blob?: boolean;
}): ObjectShape<Source> {
  const byName = new Map(options.properties.map((property) => [property.name.toLowerCase(), property]));
  return {
    types: options.types,
    properties: options.properties,
    byName,
    display: options.display,
    isUsual: options.isUsual ?? (() => false),
    blob: options.blob ?? true,
  };
}

/** An object in the pipeline. */
export type PipelineObject =
  // biome-ignore lint/suspicious/noExplicitAny: a shape and its source belong together, whatever the source is
  | { readonly kind: 'directory'; readonly shape: ObjectShape<any>; readonly source: unknown }
  | { readonly kind: 'selected'; readonly original: PipelineObject; readonly names: readonly string[] }
  | {
      readonly kind: 'custom';
      readonly types: TypeChain;
      readonly display: string | undefined;
      readonly adapted: readonly (readonly [string, ServerValue])[];
      readonly extended?: readonly (readonly [string, ServerValue])[];
    }
  | { readonly kind: 'bare'; readonly value: ServerValue };

/** A property's value; undefined where the object has none of that name. */
export function propertyOf(object: PipelineObject, name: string): ServerValue | undefined {
  switch (object.kind) {
    case 'directory': {
      const property = object.shape.byName.get(name.toLowerCase());
      if (property === undefined) return undefined;
      return typeof property.value === 'function' ? property.value(object.source) : property.value;
    }
    case 'selected':
      return object.names.some((known) => known.toLowerCase() === name.toLowerCase())
        ? (propertyOf(object.original, name) ?? nullValue)
        : undefined;
    case 'custom':
      return [...(object.extended ?? []), ...object.adapted].find(
        ([known]) => known.toLowerCase() === name.toLowerCase(),
      )?.[1];
    case 'bare':
      return undefined;
  }
}

/** The names of an object's properties, in their order. */
export function propertyNames(object: PipelineObject): readonly string[] {
  switch (object.kind) {
    case 'directory':
      return object.shape.properties.map((property) => property.name);
    case 'selected':
      return object.names;
    case 'custom':
      return [...object.adapted, ...(object.extended ?? [])].map(([name]) => name);
    case 'bare':
      return [];
  }
}

function typesOf(object: PipelineObject): TypeChain {
  switch (object.kind) {
    case 'directory':
      return object.shape.types;
    case 'selected':
      return selectedTypes(typesOf(object.original).names[0] ?? 'System.Object');
    case 'custom':
      return object.types;
    case 'bare':
      return chainOf('System.String', 'System.Object');
  }
}

function selectedTypes(source: string): TypeChain {
  const name = source.startsWith('Selected.') ? source : `Selected.${source}`;
  return chainOf(name, 'System.Management.Automation.PSCustomObject', 'System.Object');
}

/** How a session wants objects written. */
export interface SerializationLevel {
  /** `serializationLevel` of the URL's query string. */
  readonly level: 'partial' | 'full';
  /** Whether a projected object's values are flattened like a whole object's, or written one level deeper. */
  readonly projectedValues: 'flat' | 'objects';
}

interface Step {
  readonly constant: string;
  readonly property: PropertyShape<unknown> | undefined;
}
const flatSteps = new WeakMap<ObjectShape<never>, readonly Step[]>();
const usualSteps = new WeakMap<ObjectShape<never>, readonly Step[]>();

/** Runs of constant primitives become one string, made once per shape; of usual sources there are more of them. */
function stepsOf(shape: ObjectShape<never>, isUsual: boolean): readonly Step[] {
  const kept = isUsual ? usualSteps : flatSteps;
  const known = kept.get(shape);
  if (known !== undefined) return known;
  const steps: Step[] = [];
  const writer = new ClixmlWriter('flat');
  let constant = '';
  for (const property of shape.properties as readonly PropertyShape<unknown>[]) {
    const value = (isUsual ? property.usual : undefined) ?? property.value;
    if (typeof value !== 'function' && value.kind !== 'list' && !(value.kind === 'object' && !value.flat)) {
      constant += writer.value(value, property.name);
    } else {
      steps.push({ constant, property });
      constant = '';
    }
  }
  steps.push({ constant, property: undefined });
  kept.set(shape, steps);
  return steps;
}

function wholeObject(shape: ObjectShape<never>, source: unknown, form: ValueForm): string {
  const writer = new ClixmlWriter(form);
  const refId = writer.nextRefId();
  const types = writer.typeNames(shape.types);
  const display = clixmlText((shape.display as (source: unknown) => string)(source));
  let props = '';
  const read = (property: PropertyShape<unknown>): string =>
    writer.value(typeof property.value === 'function' ? property.value(source) : property.value, property.name);
  if (form === 'flat') {
    const isUsual = (shape.isUsual as (source: unknown) => boolean)(source);
    for (const step of stepsOf(shape, isUsual))
      props += step.property === undefined ? step.constant : step.constant + read(step.property);
  } else {
    for (const property of shape.properties as readonly PropertyShape<unknown>[]) props += read(property);
  }
  return `<Obj RefId="${refId}">${types}<ToString>${display}</ToString><Props>${props}</Props></Obj>`;
}

function selectedObject(object: PipelineObject & { kind: 'selected' }, form: ValueForm): string {
  const writer = new ClixmlWriter(form);
  const head = `<Obj RefId="${writer.nextRefId()}">${writer.typeNames(typesOf(object))}<MS>`;
  let members = '';
  for (const name of object.names) members += writer.value(propertyOf(object.original, name) ?? nullValue, name);
  return `${head}${members}</MS></Obj>`;
}

function customObject(object: PipelineObject & { kind: 'custom' }, form: ValueForm): string {
  const writer = new ClixmlWriter(form);
  const head = `<Obj RefId="${writer.nextRefId()}">${writer.typeNames(object.types)}`;
  const display = object.display === undefined ? '' : `<ToString>${clixmlText(object.display)}</ToString>`;
  const props = object.adapted.map(([name, value]) => writer.value(value, name)).join('');
  const members =
    object.extended === undefined
      ? ''
      : `<MS>${object.extended.map(([name, value]) => writer.value(value, name)).join('')}</MS>`;
  return `${head}${display}<Props>${props}</Props>${members}</Obj>`;
}

/** An object as the CLIXML body of one PIPELINE_OUTPUT message, without a byte-order mark; empty for `$null`. */
export function serializeObject(object: PipelineObject, level: SerializationLevel): string {
  const form: ValueForm = level.level === 'full' ? 'full' : 'flat';
  switch (object.kind) {
    case 'directory':
      return wholeObject(object.shape as ObjectShape<never>, object.source, form);
    case 'selected':
      return selectedObject(object, form === 'full' ? form : level.projectedValues);
    case 'custom':
      return customObject(object, form);
    case 'bare':
      return object.value.kind === 'null' ? '' : new ClixmlWriter(form).value(object.value, undefined);
  }
}
