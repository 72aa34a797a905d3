/* Cmdlets in a session without a wire, their outcome as plain values. */
import {
  decodeCliXml,
  property,
  type PsObject,
  type PsValue,
  psArray,
  psBoolean,
  psHashtable,
  psInt32,
  psNull,
  psString,
  type RemoteSession,
  textOf,
} from '@exchange-connector/psrp';

export type Argument = string | number | boolean | null | readonly Argument[] | { readonly [key: string]: Argument };

export function psArgument(value: Argument): PsValue {
  if (value === null) return psNull;
  if (typeof value === 'string') return psString(value);
  if (typeof value === 'number') return psInt32(value);
  if (typeof value === 'boolean') return psBoolean(value);
  if (Array.isArray(value)) return psArray((value as readonly Argument[]).map(psArgument));
  return psHashtable(Object.entries(value).map(([key, item]) => [key, psArgument(item)] as const));
}

export type Plain = string | boolean | number | null | undefined | readonly (string | null)[];
export type Row = (name: string) => Plain;

export interface Outcome {
  readonly rows: readonly Row[];
  readonly warnings: readonly string[];
  /** Of error records: the reason (`ProxyAddressExistsException`) and the message. */
  readonly errors: readonly (readonly [string, string])[];
  /** Of a pipeline that did not complete: the identifier and the message. */
  readonly failure: readonly [string, string] | undefined;
  readonly failureId: string | undefined;
}

function plain(value: PsValue | undefined): Plain {
  if (value === undefined) return undefined;
  if (value.kind === 'Nil') return null;
  if (value.kind === 'B') return value.value;
  if (value.kind === 'I32') return value.value;
  const list = value.kind === 'Obj' ? value.base : value;
  if (list?.kind === 'LST') return list.items.map((item) => textOf(item) ?? null);
  return textOf(value);
}

/** Runs one cmdlet. */
export async function run(
  session: RemoteSession,
  name: string,
  parameters: Readonly<Record<string, Argument>> = {},
): Promise<Outcome> {
  const command = {
    name,
    parameters: Object.entries(parameters).map(([key, value]) => ({ name: key, value: psArgument(value) })),
  };
  const rows: Row[] = [];
  const warnings: string[] = [];
  const errors: [string, string][] = [];
  let failure: Outcome['failure'];
  for await (const event of session.invoke({ statements: [[command]] })) {
    if (event.kind === 'output') {
      const object = decodeCliXml(event.body) as PsObject;
      rows.push((key) => plain(property(object, key)));
    } else if (event.kind === 'warning') warnings.push(event.message);
    else if (event.kind === 'error') errors.push([event.record.categoryReason, event.record.message]);
    else if (event.kind === 'state' && event.error !== undefined)
      failure = [event.error.fullyQualifiedErrorId, event.error.message];
  }
  return { rows, warnings, errors, failure, failureId: failure?.[0] };
}

/** Some properties of the only object that came. */
export function only(outcome: Outcome, ...names: readonly string[]): readonly Plain[] {
  if (outcome.rows.length !== 1 || outcome.errors.length > 0 || outcome.failure !== undefined)
    throw new Error(`one object was due: ${JSON.stringify([outcome.rows.length, outcome.errors, outcome.failure])}`);
  return names.map((name) => (outcome.rows[0] as Row)(name));
}
