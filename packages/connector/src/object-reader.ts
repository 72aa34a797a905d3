/*
 * Bodies of objects → rows. Only what a row needs is built of each object: the rest of its text is passed
 * over unread (the psrp package's projection).
 */
import { createProjection, decodeCliXml, type Projection, type PsObject, type PsValue } from '@exchange-connector/psrp';
import type { ColumnPlan } from './columns.ts';
import { ConnectorError } from './errors.ts';

/** Properties that are asked for beside those of the columns: they tell where a row came from. */
const originProperty = 'OriginatingServer';

/** The names to ask the server for: those of the columns, and the origin. */
export function askedProperties(plan: ColumnPlan): readonly string[] {
  return plan.properties.includes(originProperty) ? plan.properties : [...plan.properties, originProperty];
}

/** Values of one object: `values` in the order of the plan's properties. */
export interface ObjectValues {
  readonly values: readonly (PsValue | undefined)[];
  readonly origin: PsValue | undefined;
}

/** Reads the properties of a plan out of bodies. */
export class ObjectReader {
  readonly #projection: Projection;
  readonly #originAt: number;
  readonly #what: string;
  #read = 0;

  /** @param what names the objects in messages: `mailbox` */
  constructor(plan: ColumnPlan, what: string) {
    const names = askedProperties(plan);
    this.#projection = createProjection(names);
    this.#originAt = names.indexOf(originProperty);
    this.#what = what;
  }

  /**
   * The values of one object; good until the next call.
   * @throws ConnectorError EXCHANGE_OBJECT_INVALID where the body is no CLIXML
   */
  read(body: Uint8Array): ObjectValues {
    this.#read += 1;
    try {
      const values = this.#projection.read(body);
      return { values, origin: values[this.#originAt] };
    } catch (cause) {
      throw new ConnectorError(
        'EXCHANGE_OBJECT_INVALID',
        `reading ${this.#what} ${this.#read} of the server's answer (${body.byteLength} bytes): ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      );
    }
  }
}

/** Decodes a body whole; for the one object that tells which properties there are. */
export function readWholeObject(body: Uint8Array, what: string): PsObject | undefined {
  try {
    const value = decodeCliXml(body);
    return value.kind === 'Obj' ? value : undefined;
  } catch (cause) {
    throw new ConnectorError(
      'EXCHANGE_OBJECT_INVALID',
      `reading ${what} (${body.byteLength} bytes): ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}

/** The names of an object's own properties, in wire order. */
export function propertyNames(object: PsObject): string[] {
  const names = [...object.adapted, ...object.extended.filter((member) => 'value' in member)].map(({ name }) => name);
  return [...new Set(names)];
}

/**
 * The plan with each property spelled as the server spells it: PowerShell does not mind letter case, a
 * projection does. The column keeps the name that the user gave.
 */
export function spellAsServer(plan: ColumnPlan, serverNames: readonly string[]): ColumnPlan {
  const bySpelling = new Map(serverNames.map((name) => [name.toLowerCase(), name]));
  const spelled = (name: string): string => bySpelling.get(name.toLowerCase()) ?? name;
  const columns = plan.columns.map((column) =>
    column.kind === 'pair'
      ? { ...column, properties: [spelled(column.properties[0]), spelled(column.properties[1])] as const }
      : { ...column, property: spelled(column.property) },
  );
  return { ...plan, columns, properties: [...new Set(plan.properties.map(spelled))] };
}
