/*
 * Select-Object, as PowerShell has it: a selection is a new object whose chosen properties are notes, named as
 * the source spells them; a property that is not there is null under the name asked for. -First ends what
 * stands before it in the pipeline.
 */
import { chainOf, nullValue, type ServerValue } from '../serialization/server-value.ts';
import { type PipelineObject, propertyNames, propertyOf } from '../serialization/object-shape.ts';
import { argumentItems } from './argument-conversion.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission } from './cmdlet.ts';
import { bindingFailure, ErrorCategory } from './command-failure.ts';
import { matchesWildcard } from './wildcard.ts';

const taskClass = 'Microsoft.PowerShell.Commands.SelectObjectCommand';

function resolveNames(
  object: PipelineObject,
  wanted: readonly string[],
  excluded: readonly string[],
): readonly string[] {
  const own = propertyNames(object);
  const known = new Map<string, string[]>();
  for (const name of own) known.set(name.toLowerCase(), [...(known.get(name.toLowerCase()) ?? []), name]);
  const names = new Map<string, string>();
  for (const name of wanted) {
    const matches = name.includes('*')
      ? own.filter((each) => matchesWildcard(each, name))
      : (known.get(name.toLowerCase()) ?? [name]);
    for (const match of matches) {
      const isExcluded = excluded.some((pattern) => matchesWildcard(match, pattern));
      if (!isExcluded && !names.has(match.toLowerCase())) names.set(match.toLowerCase(), match);
    }
  }
  return [...names.values()];
}

/** Names by shape and selection: a client asks for the same ones again and again. */
const chosenNames = new WeakMap<object, Map<string, readonly string[]>>();
const mostSelections = 100;

/** The chosen names for one object after another: objects of one shape have the same, and need one look. */
function nameResolver(args: BoundArguments): ((object: PipelineObject) => readonly string[]) | undefined {
  const wanted = args.texts('Property');
  if (wanted === undefined) return undefined;
  const excluded = args.texts('ExcludeProperty') ?? [];
  const selection = JSON.stringify([wanted, excluded]);
  return (object) => {
    if (object.kind !== 'directory') return resolveNames(object, wanted, excluded);
    const known = chosenNames.get(object.shape) ?? new Map<string, readonly string[]>();
    chosenNames.set(object.shape, known);
    const names = known.get(selection) ?? resolveNames(object, wanted, excluded);
    if (known.size < mostSelections) known.set(selection, names);
    return names;
  };
}

function expanded(object: PipelineObject, name: string): readonly ServerValue[] | undefined {
  const value = propertyOf(object, name);
  if (value === undefined) return undefined;
  return value.kind === 'list' ? value.items : [value];
}

function keyOf(object: PipelineObject): string {
  const text = (value: ServerValue): string =>
    JSON.stringify(value, (_, inner) => (typeof inner === 'bigint' ? String(inner) : inner));
  if (object.kind === 'bare') return text(object.value);
  return propertyNames(object)
    .map((name) => text(propertyOf(object, name) ?? nullValue))
    .join('\u0000');
}

function* project(
  object: PipelineObject,
  args: BoundArguments,
  namesOf: ReturnType<typeof nameResolver>,
): Iterable<Emission> {
  const expand = args.text('ExpandProperty');
  if (expand !== undefined) {
    const values = expanded(object, expand);
    if (values === undefined) {
      yield {
        kind: 'error',
        record: {
          message: `Property "${expand}" cannot be found.`,
          fullyQualifiedErrorId: `ExpandPropertyNotFound,${taskClass}`,
          category: ErrorCategory.InvalidArgument,
          categoryActivity: 'Select-Object',
          categoryReason: 'PSArgumentException',
          exceptionTypeNames: [
            'System.Management.Automation.PSArgumentException',
            'System.ArgumentException',
            'System.SystemException',
            'System.Exception',
            'System.Object',
          ],
        },
      };
    } else for (const value of values) yield { kind: 'object', object: { kind: 'bare', value } };
    return;
  }
  if (namesOf === undefined) yield { kind: 'object', object };
  else yield { kind: 'object', object: { kind: 'selected', original: object, names: namesOf(object) } };
}

function* withoutRepeats(emissions: Iterable<Emission>): Iterable<Emission> {
  const seen = new Set<string>();
  for (const emission of emissions) {
    if (emission.kind === 'object') {
      const key = keyOf(emission.object);
      if (seen.has(key)) continue;
      seen.add(key);
    }
    yield emission;
  }
}

function* chosen(args: BoundArguments, input: Iterable<Emission>): Iterable<Emission> {
  const first = args.number('First') ?? Number.POSITIVE_INFINITY;
  const skip = args.number('Skip') ?? 0;
  const last = args.number('Last');
  const namesOf = nameResolver(args);
  const kept: PipelineObject[] = [];
  let seen = 0;
  if (first <= 0 && last === undefined) return;
  for (const emission of input) {
    if (emission.kind !== 'object') yield emission;
    else if (last !== undefined) {
      kept.push(emission.object);
      if (kept.length > last + skip) kept.shift();
    } else {
      seen += 1;
      if (seen <= skip) continue;
      yield* project(emission.object, args, namesOf);
      if (seen - skip >= first) return;
    }
  }
  for (const object of last === undefined ? [] : kept.slice(0, Math.max(0, kept.length - skip)))
    yield* project(object, args, namesOf);
}

function* run(
  args: BoundArguments,
  _context: CmdletContext,
  input: Iterable<Emission> | undefined,
): Iterable<Emission> {
  const property = args.raw('Property');
  for (const item of property === undefined ? [] : argumentItems(property)) {
    // A hashtable would be a calculated property, which needs a script block; there is no language for one here.
    if (item.kind === 'Obj' && item.base?.kind === 'DCT') {
      throw bindingFailure(
        'Select-Object',
        'ParameterArgumentTransformationError',
        "Cannot process argument transformation on parameter 'Property'. Calculated properties need a script block, which this runspace's language mode does not have.",
      );
    }
  }
  const emissions = chosen(args, input ?? []);
  yield* args.flag('Unique') ? withoutRepeats(emissions) : emissions;
}

export const selectObject: Cmdlet = {
  name: 'Select-Object',
  taskClass,
  module: 'Microsoft.PowerShell.Utility',
  parameters: [
    { name: 'Property', type: { kind: 'properties' }, position: 0, dotNetType: 'System.Object[]' },
    { name: 'ExcludeProperty', type: { kind: 'strings' } },
    { name: 'ExpandProperty', type: { kind: 'string' } },
    { name: 'Unique', type: { kind: 'switch' } },
    { name: 'First', type: { kind: 'integer' } },
    { name: 'Last', type: { kind: 'integer' } },
    { name: 'Skip', type: { kind: 'integer' } },
    { name: 'Wait', type: { kind: 'switch' } },
  ],
  drawsInput: true,
  run,
};

const measureTypes = chainOf(
  'Microsoft.PowerShell.Commands.GenericMeasureInfo',
  'Microsoft.PowerShell.Commands.MeasureInfo',
  'System.Object',
);

function numberOf(value: ServerValue | undefined): number | undefined {
  if (value?.kind === 'integer' || value?.kind === 'double') return value.value;
  if (value?.kind === 'long') return Number(value.value);
  return undefined;
}

function* runMeasure(
  args: BoundArguments,
  _context: CmdletContext,
  input: Iterable<Emission> | undefined,
): Iterable<Emission> {
  const property = args.text('Property');
  const numbers: { count: number; sum: number; min: number; max: number } = {
    count: 0,
    sum: 0,
    min: Number.POSITIVE_INFINITY,
    max: Number.NEGATIVE_INFINITY,
  };
  for (const emission of input ?? []) {
    if (emission.kind !== 'object') {
      yield emission;
      continue;
    }
    const value = property === undefined ? undefined : propertyOf(emission.object, property);
    if (property !== undefined && (value === undefined || value.kind === 'null')) continue;
    numbers.count += 1;
    const number = numberOf(value);
    if (number !== undefined)
      Object.assign(numbers, {
        sum: numbers.sum + number,
        min: Math.min(numbers.min, number),
        max: Math.max(numbers.max, number),
      });
  }
  const double = (asked: string, value: number): ServerValue =>
    args.flag(asked) && Number.isFinite(value) ? { kind: 'double', value } : nullValue;
  yield {
    kind: 'object',
    object: {
      kind: 'custom',
      types: measureTypes,
      display: 'Microsoft.PowerShell.Commands.GenericMeasureInfo',
      adapted: [
        ['Count', { kind: 'integer', value: numbers.count }],
        ['Average', double('Average', numbers.sum / numbers.count)],
        ['Sum', double('Sum', numbers.sum)],
        ['Maximum', double('Maximum', numbers.max)],
        ['Minimum', double('Minimum', numbers.min)],
        ['Property', property === undefined ? nullValue : { kind: 'string', text: property }],
      ],
    },
  };
}

export const measureObject: Cmdlet = {
  name: 'Measure-Object',
  taskClass: 'Microsoft.PowerShell.Commands.MeasureObjectCommand',
  module: 'Microsoft.PowerShell.Utility',
  parameters: [
    { name: 'Property', type: { kind: 'string' }, position: 0 },
    { name: 'Average', type: { kind: 'switch' } },
    { name: 'Sum', type: { kind: 'switch' } },
    { name: 'Maximum', type: { kind: 'switch' } },
    { name: 'Minimum', type: { kind: 'switch' } },
  ],
  drawsInput: true,
  run: runMeasure,
};

function* runOutDefault(
  _args: BoundArguments,
  _context: CmdletContext,
  input: Iterable<Emission> | undefined,
): Iterable<Emission> {
  // What it formats goes to the host, and a remote client has none here; the other streams pass.
  for (const emission of input ?? []) if (emission.kind !== 'object') yield emission;
}

export const outDefault: Cmdlet = {
  name: 'Out-Default',
  taskClass: 'Microsoft.PowerShell.Commands.OutDefaultCommand',
  module: 'Microsoft.PowerShell.Core',
  parameters: [{ name: 'Transcript', type: { kind: 'switch' } }],
  drawsInput: true,
  run: runOutDefault,
};
