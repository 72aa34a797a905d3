/* Requests for the cmdlets without a wire: built as values, answered as lists. */
import {
  type PipelineCommand,
  type PsValue,
  psArray,
  psBoolean,
  psInt32,
  psNull,
  psString,
} from '@exchange-connector/psrp';
import { availableCmdlets } from '../src/cmdlets/catalogue.ts';
import type { CmdletContext, Emission } from '../src/cmdlets/cmdlet.ts';
import { CommandFailure } from '../src/cmdlets/command-failure.ts';
import { PipelineInput, runRequest } from '../src/cmdlets/pipeline.ts';
import { freshRunspaceState } from '../src/cmdlets/runspace-state.ts';
import { Organization } from '../src/organization/organization.ts';
import { mailboxShape } from '../src/serialization/mailbox-shape.ts';
import { type PipelineObject, propertyOf, serializeObject } from '../src/serialization/object-shape.ts';
import type { ServerValue } from '../src/serialization/server-value.ts';

export type Argument = string | number | boolean | null | readonly Argument[];

export function psValue(argument: Argument): PsValue {
  if (argument === null) return psNull;
  if (typeof argument === 'string') return psString(argument);
  if (typeof argument === 'number') return psInt32(argument);
  if (typeof argument === 'boolean') return psBoolean(argument);
  return psArray((argument as readonly Argument[]).map(psValue));
}

/** A command with named parameters. */
export function cmd(name: string, parameters: Readonly<Record<string, Argument>> = {}): PipelineCommand {
  return { name, parameters: Object.entries(parameters).map(([key, value]) => ({ name: key, value: psValue(value) })) };
}

export interface Outcome {
  readonly objects: readonly PipelineObject[];
  readonly warnings: readonly string[];
  readonly errors: readonly { readonly id: string; readonly message: string }[];
  readonly failure: { readonly id: string; readonly message: string } | undefined;
}

/** A session with an organisation of its own. */
export class CommandLine {
  readonly context: CmdletContext;

  constructor(options: { mailboxes?: number; seed?: number; without?: readonly string[] } = {}) {
    this.context = {
      organization: new Organization({ mailboxes: options.mailboxes ?? 300, databases: 6, seed: options.seed ?? 1 }),
      state: freshRunspaceState(),
      shapes: { mailbox: mailboxShape() },
      serverName: 'EX01',
      available: availableCmdlets(options.without),
      filterDates: 'utc',
    };
  }

  run(...commands: readonly PipelineCommand[]): Outcome {
    return this.statements([commands]);
  }

  /** With pipeline input: text or null. */
  runWithInput(values: readonly (string | null)[], ...commands: readonly PipelineCommand[]): Outcome {
    const input = new PipelineInput();
    for (const value of values)
      input.push({ kind: 'bare', value: value === null ? { kind: 'null' } : { kind: 'string', text: value } });
    input.end();
    return this.statements([commands], input);
  }

  statements(statements: readonly (readonly PipelineCommand[])[], input?: PipelineInput): Outcome {
    const outcome = {
      objects: [] as PipelineObject[],
      warnings: [] as string[],
      errors: [] as { id: string; message: string }[],
      failure: undefined as Outcome['failure'],
    };
    try {
      for (const emission of runRequest({ statements }, this.context, input)) collect(emission, outcome);
    } catch (error) {
      if (!(error instanceof CommandFailure)) throw error;
      outcome.failure = { id: error.record.fullyQualifiedErrorId, message: error.message };
    }
    return outcome;
  }
}

function collect(
  emission: Emission,
  outcome: { objects: PipelineObject[]; warnings: string[]; errors: { id: string; message: string }[] },
): void {
  if (emission.kind === 'object') outcome.objects.push(emission.object);
  else if (emission.kind === 'warning') outcome.warnings.push(emission.text);
  else if (emission.kind === 'error')
    outcome.errors.push({ id: emission.record.fullyQualifiedErrorId, message: emission.record.message });
}

function plain(value: ServerValue | undefined): unknown {
  if (value === undefined) return undefined;
  switch (value.kind) {
    case 'null':
      return null;
    case 'boolean':
    case 'integer':
    case 'double':
      return value.value;
    case 'list':
      return value.items.map(plain);
    case 'string':
    case 'guid':
    case 'object':
    case 'version':
      return value.text;
    default:
      return serializeObject({ kind: 'bare', value }, { level: 'partial', projectedValues: 'flat' });
  }
}

/** A property of an object as a plain value; undefined where there is none. */
export function read(object: PipelineObject | undefined, name: string): unknown {
  return object === undefined ? undefined : plain(propertyOf(object, name));
}

/** One property of all objects. */
export function column(outcome: Outcome, name: string): unknown[] {
  return outcome.objects.map((object) => read(object, name));
}
