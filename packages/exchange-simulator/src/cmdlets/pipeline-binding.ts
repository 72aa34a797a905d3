/*
 * Pipeline input bound to parameters, as PowerShell does it for each object: by value to a parameter of the
 * object's own kind, else text (or the property of the parameter's name) to the first parameter that takes
 * either; what nothing takes is an error record, and the next object follows. Without any object the cmdlet
 * does not run at all.
 *
 * Which parameters take input is what Microsoft's reference of each cmdlet says ("Accept pipeline input"):
 * Identity of Get-Mailbox, Get-MailboxDatabase, Get-ExchangeServer and Get-OrganizationalUnit, Database and
 * Server of Get-Mailbox, Server of Get-MailboxDatabase; not OrganizationalUnit of Get-Mailbox, nor Domain of
 * Get-ExchangeServer. https://learn.microsoft.com/powershell/module/exchange/get-mailbox and its neighbours.
 * It does not say in which way; chosen here: Database and Server by value alone, Identity also by property, so
 * that a whole database piped to Get-Mailbox gives its mailboxes and a unit is looked for among mailboxes.
 */
import { psString } from '@exchange-connector/psrp';
import { type PipelineObject, propertyOf } from '../serialization/object-shape.ts';
import type { ServerValue } from '../serialization/server-value.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission, Parameter } from './cmdlet.ts';
import { bindingFailure, CommandFailure } from './command-failure.ts';
import { setsLeft } from './parameter-binding.ts';

function textOfValue(value: ServerValue | undefined): string | undefined {
  const text = value?.kind === 'string' || value?.kind === 'guid' || value?.kind === 'object' ? value.text : undefined;
  return text === '' ? undefined : text;
}

/** What an object is called where a parameter takes it by value or by property. */
function textFor(parameter: Parameter, object: PipelineObject): string | undefined {
  if (object.kind === 'bare') return textOfValue(object.value);
  // Exchange tells its own objects apart by more than the text of their Identity, which another may share.
  const names = parameter.name === 'Identity' ? ['DistinguishedName', 'Guid', 'Identity'] : [parameter.name];
  for (const name of names) {
    const text = textOfValue(propertyOf(object, name));
    if (text !== undefined) return text;
  }
  return undefined;
}

function isOfType(object: PipelineObject, type: string): boolean {
  return object.kind === 'directory' && object.shape.types.names[0] === type;
}

interface Binding {
  readonly name: string;
  readonly text: string;
}

/** The parameters that are still free to take input. */
function takers(cmdlet: Cmdlet, args: BoundArguments): readonly Parameter[] {
  const left = setsLeft(cmdlet, args.has);
  return cmdlet.parameters.filter(
    ({ name, sets, fromPipeline }) =>
      fromPipeline !== undefined && !args.has(name) && (sets === undefined || sets.some((set) => left.includes(set))),
  );
}

function bindingOf(object: PipelineObject, parameters: readonly Parameter[]): Binding | undefined {
  for (const { name, fromPipeline } of parameters) {
    if (fromPipeline === undefined || fromPipeline === 'any' || !isOfType(object, fromPipeline)) continue;
    const text = textOfValue(propertyOf(object, 'DistinguishedName'));
    if (text !== undefined) return { name, text };
  }
  for (const parameter of parameters) {
    const text = parameter.fromPipeline === 'any' ? textFor(parameter, object) : undefined;
    if (text !== undefined) return { name: parameter.name, text };
  }
  return undefined;
}

function withArgument(args: BoundArguments, { name, text }: Binding): BoundArguments {
  return {
    ...args,
    has: (asked) => asked === name || args.has(asked),
    text: (asked) => (asked === name ? text : args.text(asked)),
    texts: (asked) => (asked === name ? [text] : args.texts(asked)),
    raw: (asked) => (asked === name ? psString(text) : args.raw(asked)),
  };
}

function notBound(cmdlet: Cmdlet): Emission {
  const { record } = bindingFailure(
    cmdlet.name,
    'InputObjectNotBound',
    'The input object cannot be bound to any parameters for the command either because the command does not take pipeline input or the input and its properties do not match any of the parameters that take pipeline input.',
  );
  return { kind: 'error', record };
}

/** What a task fails with becomes an error record; what ends the pipeline goes on. */
function* reportingFailures(emissions: Iterable<Emission>): Iterable<Emission> {
  try {
    yield* emissions;
  } catch (error) {
    if (!(error instanceof CommandFailure) || error.terminating) throw error;
    yield { kind: 'error', record: error.record };
  }
}

/** Runs a cmdlet: once, or once for each object of the pipeline. What is not an object passes by. */
export function* runCmdlet(
  cmdlet: Cmdlet,
  args: BoundArguments,
  context: CmdletContext,
  input: Iterable<Emission> | undefined,
): Iterable<Emission> {
  if (input === undefined || cmdlet.drawsInput === true) {
    yield* reportingFailures(cmdlet.run(args, context, input));
    return;
  }
  const parameters = takers(cmdlet, args);
  for (const emission of input) {
    const binding = emission.kind === 'object' ? bindingOf(emission.object, parameters) : undefined;
    if (binding !== undefined) yield* reportingFailures(cmdlet.run(withArgument(args, binding), context, undefined));
    else yield emission.kind === 'object' ? notBound(cmdlet) : emission;
  }
}
