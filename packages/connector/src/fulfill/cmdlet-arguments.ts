/* Typed arguments: a value of a plan as a parameter of a pipeline. The endpoint takes no script text. */
import {
  type CommandParameter,
  type PsValue,
  psArray,
  psBoolean,
  psHashtable,
  psInt32,
  psInt64,
  psNull,
  psString,
} from '@exchange-connector/psrp';
import type { ParameterValue } from './plan.ts';

function isList(value: ParameterValue): value is readonly string[] {
  return Array.isArray(value);
}

/** A value as it goes to the server; `@{Add=…; Remove=…}` is a hashtable. */
export function argumentOf(value: ParameterValue): PsValue {
  if (value === null) return psNull;
  if (typeof value === 'boolean') return psBoolean(value);
  if (typeof value === 'number') return Math.abs(value) < 2 ** 31 ? psInt32(value) : psInt64(BigInt(value));
  if (typeof value === 'string') return psString(value);
  if (isList(value)) return psArray(value.map((text) => psString(text)));
  const texts = (list: readonly string[]): PsValue => psArray(list.map((text) => psString(text)));
  const entries: Record<string, PsValue> = {};
  if (value.add !== undefined) entries['Add'] = texts(value.add);
  if (value.remove !== undefined) entries['Remove'] = texts(value.remove);
  return psHashtable(entries);
}

/** Parameters in the order of the record. */
export function argumentsOf(parameters: Readonly<Record<string, ParameterValue>>): CommandParameter[] {
  return Object.entries(parameters).map(([name, value]) => ({ name, value: argumentOf(value) }));
}
