/*
 * Runs a request: its statements in turn, each a chain of cmdlets that draw objects from one another. Names
 * and parameters are all bound before the first cmdlet of a statement runs.
 */
import type { PipelineCommand, PipelineRequest } from '@exchange-connector/psrp';
import type { PipelineObject } from '../serialization/object-shape.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission } from './cmdlet.ts';
import { CommandFailure, commandNotFound, scriptsNotAllowed } from './command-failure.ts';
import { bindParameters } from './parameter-binding.ts';
import { runCmdlet } from './pipeline-binding.ts';

/** Pipeline input as it arrives. */
export class PipelineInput {
  #objects: PipelineObject[] = [];
  #taken = 0;
  #ended = false;

  push(object: PipelineObject): void {
    this.#objects.push(object);
  }
  end(): void {
    this.#ended = true;
  }
  /** Objects that have come and were not taken. */
  get waiting(): number {
    return this.#objects.length - this.#taken;
  }

  #take(): PipelineObject | undefined {
    const object = this.#objects[this.#taken];
    if (object === undefined) return undefined;
    this.#taken += 1;
    // What was taken is let go in large pieces: shifting a long array one by one would copy it each time.
    if (this.#taken >= 1_000) {
      this.#objects = this.#objects.slice(this.#taken);
      this.#taken = 0;
    }
    return object;
  }

  *[Symbol.iterator](): Iterator<Emission> {
    for (;;) {
      const object = this.#take();
      if (object !== undefined) yield { kind: 'object', object };
      else if (this.#ended) return;
      else yield { kind: 'pause', awaitsInput: true };
    }
  }
}

interface BoundCommand {
  readonly cmdlet: Cmdlet;
  readonly args: BoundArguments;
}

function bindCommand(command: PipelineCommand, context: CmdletContext, takesInput: boolean): BoundCommand {
  if (command.isScript === true) throw scriptsNotAllowed(command.name);
  const cmdlet = context.available.get(command.name.toLowerCase());
  if (cmdlet === undefined) throw new CommandFailure(commandNotFound(command.name));
  return { cmdlet, args: bindParameters(cmdlet, command.parameters, { takesInput }) };
}

/** Applies -ErrorAction and -WarningAction to what one cmdlet says; what came from before it has passed its own. */
function* withPreferences(
  bound: BoundCommand,
  context: CmdletContext,
  input: Iterable<Emission> | undefined,
): Iterable<Emission> {
  const errorAction = bound.args.text('ErrorAction');
  const warningAction = bound.args.text('WarningAction');
  const passing = new WeakSet<Emission>();
  const marked = input === undefined ? undefined : mark(input, passing);
  for (const emission of runCmdlet(bound.cmdlet, bound.args, context, marked)) {
    const own = !passing.has(emission);
    if (own && emission.kind === 'error') {
      if (errorAction === 'Stop') throw new CommandFailure(emission.record);
      if (errorAction === 'SilentlyContinue' || errorAction === 'Ignore') continue;
    }
    if (own && emission.kind === 'warning' && (warningAction === 'SilentlyContinue' || warningAction === 'Ignore'))
      continue;
    yield emission;
  }
}

function* mark(input: Iterable<Emission>, passing: WeakSet<Emission>): Iterable<Emission> {
  for (const emission of input) {
    if (emission.kind === 'error' || emission.kind === 'warning') passing.add(emission);
    yield emission;
  }
}

/** What a request puts out. Throws {@link CommandFailure} where the pipeline fails. */
export function* runRequest(
  request: PipelineRequest,
  context: CmdletContext,
  input: PipelineInput | undefined,
): Iterable<Emission> {
  for (const [index, statement] of request.statements.entries()) {
    // The language mode is checked for the whole pipeline, before any of its commands is looked up.
    const script = statement.find((command) => command.isScript === true);
    if (script !== undefined) throw scriptsNotAllowed(script.name);
    const bound = statement.map((command, place) =>
      bindCommand(command, context, place > 0 || (index === 0 && input !== undefined)),
    );
    let flow: Iterable<Emission> | undefined = index === 0 ? input : undefined;
    for (const command of bound) flow = withPreferences(command, context, flow);
    yield* flow ?? [];
  }
}
