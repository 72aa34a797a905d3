/*
 * A shell: one runspace pool of one user, its runspaces with their settings, and its commands. What a Receive
 * gives is what an envelope holds, each fragment in an rsp:Stream of its own.
 */
import {
  type Guid,
  parseGuid,
  type PipelineRequest,
  psString,
  type ServerEvent,
  type ServerRunspacePool,
} from '@exchange-connector/psrp';
import type { CommandState, ReceivedStream } from '@exchange-connector/wsman/codec';
import type { CmdletContext, Emission } from '../cmdlets/cmdlet.ts';
import { PipelineInput, runRequest } from '../cmdlets/pipeline.ts';
import { freshRunspaceState, type RunspaceState } from '../cmdlets/runspace-state.ts';
import type { LogLine } from '../log.ts';
import type { SerializationLevel } from '../serialization/object-shape.ts';
import { aborted, commandGone, internalError, receiveUnderWay, timedOut } from './faults.ts';
import { inputObject } from './input-object.ts';
import { PipelineRun } from './pipeline-run.ts';
import { WakeSignal } from './wake-signal.ts';

/** Real servers' fragments, header included. */
const maxFragmentBytes = 32_768;
/** An envelope without streams, and a stream without its data. */
const envelopeOverhead = 1_600;
const streamOverhead = 140;
/** What a pipeline may produce before anybody has asked for it. */
const headStartBytes = 16_384;
/** How long a second Receive waits for the first to end before it is refused. */
const endingMs = 200;
/** Objects of pipeline input that may wait for a cmdlet that does not take them. */
const maxWaitingInput = 100_000;
/** SESSION_CAPABILITY and APPLICATION_PRIVATE_DATA come together; that the pool has opened is told in a later answer. */
const firstPoolMessages = 2;

interface Outlet {
  receiving: boolean;
  answers: number;
  /** What a lost response carried: it is given again. */
  unsent: { streams: readonly ReceivedStream[]; state: CommandState | undefined } | undefined;
}

interface Command extends Outlet {
  readonly id: Guid;
  readonly commandId: string;
  run: PipelineRun | undefined;
  /** The client has been told that it is done. */
  done: boolean;
}

export interface Received {
  readonly streams: readonly ReceivedStream[];
  readonly state: CommandState | undefined;
  /** To be called when the response could not be delivered. */
  readonly lost: () => void;
}

export interface ShellOptions {
  readonly id: string;
  readonly owner: string;
  readonly cookie: string | undefined;
  readonly pool: ServerRunspacePool;
  readonly context: Omit<CmdletContext, 'state'>;
  /** The one that the server chose for this shell; default the organisation's first. */
  readonly globalCatalog?: string | undefined;
  readonly level: SerializationLevel;
  readonly latencyMs: number;
  /** How long a Receive that has something to give goes on filling its envelope. */
  readonly fillMs: number;
  /** Milliseconds without a request after which the shell ends. */
  readonly idleTimeoutMs: number;
  readonly log: LogLine;
  /** Asks the host even of a client that says it has none. */
  readonly asksNullHosts: boolean;
}

export class Shell {
  readonly id: string;
  readonly owner: string;
  /** The affinity cookie that requests must bring. */
  cookie: string | undefined;
  readonly pool: ServerRunspacePool;
  readonly idleTimeoutMs: number;
  #nextWarning: string | undefined;
  readonly #options: ShellOptions;
  readonly #commands = new Map<string, Command>();
  readonly #poolOutlet: Outlet = { receiving: false, answers: 0, unsent: undefined };
  readonly #wake = new WakeSignal();
  readonly #closing = new AbortController();
  readonly #runspaces: { state: RunspaceState; busy: boolean }[] = [];
  #maxRunspaces = 1;
  #hostIsNull = true;
  #violation: Error | undefined;
  /** Requests under way: an answer that is awaited keeps the shell from being idle. */
  busy = 0;
  /** The client asked for the pool to be opened. */
  wantsOpening = false;

  constructor(options: ShellOptions) {
    this.id = options.id;
    this.owner = options.owner;
    this.cookie = options.cookie;
    this.pool = options.pool;
    this.idleTimeoutMs = options.idleTimeoutMs;
    this.#options = options;
  }

  get closed(): boolean {
    return this.#closing.signal.aborted;
  }
  /** Whether the peer speaks the protocol of PowerShell 2, whose servers choose ids of their own. */
  get isOld(): boolean {
    return this.pool.protocolVersion === '2.1';
  }
  get commandCount(): number {
    return this.#commands.size;
  }

  /** Takes bytes for the pool or for a command, and acts on what they complete. */
  deliver(source: Guid | 'pool', bytes: Uint8Array): void {
    this.#handle(this.pool.receive(source, bytes));
  }

  /** Acts on what the creation of the shell had said. */
  adopt(events: readonly ServerEvent[]): void {
    this.#handle(events);
  }

  /** The next pipeline begins with this warning. */
  warnNext(text: string): void {
    this.#nextWarning = text;
  }

  addCommand(id: Guid, commandId: string, bytes: Uint8Array): void {
    this.#commands.set(commandId.toUpperCase(), {
      id,
      commandId,
      run: undefined,
      done: false,
      receiving: false,
      answers: 0,
      unsent: undefined,
    });
    this.deliver(id, bytes);
  }

  /** Whether a command is there; one that is done stays until it is terminated. */
  findCommand(commandId: string): Command | undefined {
    return this.#commands.get(commandId.toUpperCase());
  }

  stopCommand(commandId: string): void {
    const command = this.findCommand(commandId);
    if (command === undefined) throw commandGone();
    command.run?.stop();
    this.#wake.ring();
  }

  terminateCommand(commandId: string): void {
    const command = this.findCommand(commandId);
    if (command === undefined) throw commandGone();
    command.run?.abandon();
    this.#commands.delete(commandId.toUpperCase());
    this.pool.forgetPipeline(command.id);
    this.#wake.ring();
  }

  /** Wakes those who wait for output, after something was queued from outside. */
  wake(): void {
    this.#wake.ring();
  }

  close(): void {
    if (this.closed) return;
    this.#closing.abort();
    for (const command of this.#commands.values()) command.run?.abandon();
    this.#commands.clear();
    this.#wake.ring();
  }

  #handle(events: readonly ServerEvent[]): void {
    for (const event of events) this.#handleEvent(event);
    this.#wake.ring();
    if (this.#violation !== undefined) {
      const violation = this.#violation;
      this.close();
      throw internalError(`The remote session was closed: ${violation.message}`);
    }
  }

  #handleEvent(event: ServerEvent): void {
    switch (event.kind) {
      case 'poolOpening':
        this.#maxRunspaces = Math.max(1, Math.min(event.maxRunspaces, 64));
        this.#hostIsNull = event.hostIsNull && !this.#options.asksNullHosts;
        this.wantsOpening = true;
        return;
      case 'pipelineCreated':
        this.#startPipeline(event.id, event.request, event.hasInput, this.#hostIsNull && event.hostIsNull);
        return;
      case 'commandMetadataAsked':
        this.#startPipeline(event.id, metadataRequest(event.names), false, true);
        return;
      case 'input':
        this.#acceptInput(event.id, event.body);
        return;
      case 'inputEnded':
        this.#run(event.id)?.input.end();
        return;
      case 'availableRunspacesAsked':
        this.pool.runspaceAvailability(
          event.callId,
          BigInt(this.#maxRunspaces - this.#runspaces.filter((runspace) => runspace.busy).length),
        );
        return;
      case 'maxRunspacesAsked': {
        const accepted = event.count >= 1 && event.count <= 64;
        if (accepted) this.#maxRunspaces = event.count;
        this.pool.runspaceAvailability(event.callId, accepted);
        return;
      }
      case 'minRunspacesAsked':
        this.pool.runspaceAvailability(event.callId, event.count >= 1 && event.count <= this.#maxRunspaces);
        return;
      case 'resetRunspaceAsked':
        this.#runspaces.length = 0;
        this.pool.runspaceAvailability(event.callId, true);
        return;
      case 'hostResponse':
        if (event.id !== undefined) this.#run(event.id)?.answered(event.response);
        return;
      case 'protocolViolation':
        this.#violation = event.error;
        return;
      case 'versionRefused':
      case 'poolConnecting':
      case 'sessionKeyEstablished':
        return;
    }
  }

  #run(id: Guid): PipelineRun | undefined {
    for (const command of this.#commands.values()) if (command.id === id) return command.run;
    return undefined;
  }

  #acceptInput(id: Guid, body: Uint8Array): void {
    const input = this.#run(id)?.input;
    try {
      input?.push(inputObject(body));
    } catch (error) {
      this.#violation = error as Error;
    }
    if ((input?.waiting ?? 0) > maxWaitingInput)
      this.#violation = new Error(`more than ${maxWaitingInput} objects of pipeline input wait`);
  }

  #startPipeline(id: Guid, request: PipelineRequest, hasInput: boolean, hostIsNull: boolean): void {
    const command = [...this.#commands.values()].find((candidate) => candidate.id === id);
    if (command === undefined) return;
    const input = new PipelineInput();
    if (!hasInput) input.end();
    const { pool } = this;
    const { level, latencyMs } = this.#options;
    const emissions = this.#inRunspace((context) => runRequest(request, context, hasInput ? input : undefined));
    if (this.#nextWarning !== undefined) pool.warning(id, this.#nextWarning);
    this.#nextWarning = undefined;
    command.run = new PipelineRun({ id, pool, emissions, input, level, latencyMs, hostIsNull });
    command.run.pump(headStartBytes, performance.now() + this.#options.fillMs, this.#closing.signal).then(
      () => this.#wake.ring(),
      (error: unknown) => this.#fail(error),
    );
  }

  #fail(error: unknown): void {
    // Only a defect here comes this way; the shell ends, as a crashed one does on a real server.
    this.#options.log('Error', `a pipeline broke: ${error instanceof Error ? error.stack : String(error)}`);
    this.close();
  }

  /** Runs in the first runspace that is free: settings made in one are not seen in another. */
  *#inRunspace(run: (context: CmdletContext) => Iterable<Emission>): Iterable<Emission> {
    let runspace = this.#freeRunspace();
    while (runspace === undefined) {
      yield { kind: 'pause', awaitsInput: true };
      runspace = this.#freeRunspace();
    }
    runspace.busy = true;
    try {
      yield* run({ ...this.#options.context, state: runspace.state });
    } finally {
      runspace.busy = false;
      this.#wake.ring();
    }
  }

  #freeRunspace(): { state: RunspaceState; busy: boolean } | undefined {
    const free = this.#runspaces.find((runspace) => !runspace.busy);
    if (free !== undefined || this.#runspaces.length >= this.#maxRunspaces) return free;
    const fresh = { state: freshRunspaceState(this.#options.globalCatalog), busy: false };
    this.#runspaces.push(fresh);
    return fresh;
  }

  /** Answers a Receive: waits until there is something, or throws the quiet fault. Undefined when the client has gone. */
  async receive(
    commandId: string | undefined,
    limits: { maxEnvelopeBytes: number; timeoutMs: number; gone: AbortSignal },
  ): Promise<Received | undefined> {
    const command = commandId === undefined ? undefined : this.findCommand(commandId);
    if (commandId !== undefined && (command === undefined || (command.done && command.unsent === undefined)))
      throw commandGone();
    const outlet = command ?? this.#poolOutlet;
    // One whose client has just hung up may still be ending.
    if (outlet.receiving) await this.#wake.wait(endingMs, limits.gone);
    if (outlet.receiving) throw receiveUnderWay();
    outlet.receiving = true;
    try {
      return await this.#awaitOutput(outlet, command, limits);
    } finally {
      outlet.receiving = false;
      this.#wake.ring();
    }
  }

  async #awaitOutput(
    outlet: Outlet,
    command: Command | undefined,
    limits: { maxEnvelopeBytes: number; timeoutMs: number; gone: AbortSignal },
  ): Promise<Received | undefined> {
    const deadline = performance.now() + limits.timeoutMs;
    const room = limits.maxEnvelopeBytes - envelopeOverhead;
    const signal = AbortSignal.any([limits.gone, this.#closing.signal]);
    for (;;) {
      if (this.closed) throw aborted();
      if (limits.gone.aborted) return undefined;
      const { unsent } = outlet;
      if (unsent !== undefined) {
        outlet.unsent = undefined;
        return this.#received(outlet, command, unsent.streams, unsent.state);
      }
      const wanted = Math.floor((room * 3) / 4);
      const outcome = await command?.run?.pump(
        wanted,
        Math.min(deadline, performance.now() + this.#options.fillMs),
        signal,
      );
      if (this.closed) throw aborted();
      if (command !== undefined && this.findCommand(command.commandId) !== command) throw commandGone();
      if (limits.gone.aborted) return undefined;
      const streams = this.#takeStreams(command, room);
      const ended = command?.run?.ended === true && !this.pool.hasOutgoing(command.id);
      const state: CommandState | undefined = ended
        ? { commandId: command.commandId, state: 'Done', exitCode: 0 }
        : undefined;
      if (streams.length > 0 || ended) return this.#received(outlet, command, streams, state);
      if (performance.now() >= deadline) throw timedOut();
      if (outcome !== 'deadline') await this.#wake.wait(deadline - performance.now(), signal);
    }
  }

  #received(
    outlet: Outlet,
    command: Command | undefined,
    streams: readonly ReceivedStream[],
    state: CommandState | undefined,
  ): Received {
    if (command !== undefined && state !== undefined) command.done = true;
    outlet.answers += 1;
    const { answers } = outlet;
    return {
      streams,
      state,
      lost: () => {
        // Too late once another answer has gone: the client sees the gap.
        if (outlet.answers !== answers) return;
        outlet.unsent = { streams, state };
        if (command !== undefined) command.done = false;
      },
    };
  }

  #takeStreams(command: Command | undefined, room: number): readonly ReceivedStream[] {
    const streams: ReceivedStream[] = [];
    const target = command?.id ?? 'pool';
    const most = target === 'pool' && this.#poolOutlet.answers === 0 ? firstPoolMessages : Number.POSITIVE_INFINITY;
    let left = room;
    for (;;) {
      const capacity = Math.min(maxFragmentBytes, Math.floor((left - streamOverhead) / 4) * 3);
      if (streams.length >= most || capacity < (streams.length === 0 ? 22 : 1_024)) return streams;
      const data = this.pool.takeFragment(target, capacity);
      if (data === undefined) return streams;
      command?.run?.taken(data.length);
      left -= streamOverhead + Math.ceil(data.length / 3) * 4;
      streams.push({ name: 'stdout', commandId: command?.commandId, data });
    }
  }
}

/** GET_COMMAND_METADATA ([MS-PSRP] 2.2.2.14): first how many there are, then each with what a proxy is made of. */
function metadataRequest(names: readonly string[]): PipelineRequest {
  const patterns = names.length === 0 ? ['*'] : names;
  const parameters =
    patterns.length === 1
      ? [{ name: 'Name', value: psString(patterns[0] as string) }]
      : [{ name: 'Name', value: { kind: 'LST', items: patterns.map(psString) } as const }];
  const find = { name: 'Get-Command', parameters };
  const select = (properties: string): PipelineRequest['statements'][number][number] => ({
    name: 'Select-Object',
    parameters: [{ name: 'Property', value: { kind: 'LST', items: properties.split(' ').map(psString) } }],
  });
  return {
    statements: [
      [find, { name: 'Measure-Object', parameters: [] }, select('Count')],
      [find, select('Name Namespace HelpUri CommandType ResolvedCommandName OutputType Parameters')],
    ],
  };
}

/** A GUID in upper case, as shells and commands are named on the wire; undefined for other text. */
export function upperGuid(text: string): string | undefined {
  return parseGuid(text)?.toUpperCase();
}
