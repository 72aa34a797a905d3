/*
 * A session on an organisation without a wire: the same cmdlets and the same serialization, and both ends of
 * the PowerShell Remoting Protocol in memory, fragments and all. There is no HTTP and nothing waits.
 */
import { randomUUID } from 'node:crypto';
import {
  ClientRunspacePool,
  type ClientEvent,
  type Guid,
  type HostResponse,
  type InvokeOptions,
  parseGuid,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  psString,
  type PsValue,
  type RemoteSession,
  type ServerEvent,
  ServerRunspacePool,
} from '@exchange-connector/psrp';
import { availableCmdlets } from './cmdlets/catalogue.ts';
import type { CmdletContext, Emission } from './cmdlets/cmdlet.ts';
import { CommandFailure } from './cmdlets/command-failure.ts';
import { noHostRecord } from './cmdlets/confirmation.ts';
import { answerOf, HostMethod, noAnswer, promptParameters } from './cmdlets/host-call.ts';
import { PipelineInput, runRequest } from './cmdlets/pipeline.ts';
import { freshRunspaceState } from './cmdlets/runspace-state.ts';
import { organizationBehind, type TestOrganization } from './organization/control.ts';
import { mailboxShape } from './serialization/mailbox-shape.ts';
import { serializeObject } from './serialization/object-shape.ts';
import { inputObject } from './wire/input-object.ts';

/** How the session's server is to be; the names are those of `SimulatorOptions`. */
export interface InProcessSessionOptions {
  readonly without?: readonly string[];
  readonly roles?: readonly string[];
  readonly missingProperties?: readonly string[];
  readonly projectedValues?: 'flat' | 'objects';
  readonly filterDates?: 'utc' | 'server';
  readonly protocolVersion?: '2.1' | '2.2' | '2.3';
  readonly asksNullHosts?: boolean;
}

const takenAtOnce = 1_048_576;

function newGuid(): Guid {
  return parseGuid(randomUUID()) as Guid;
}

class InProcessSession implements RemoteSession {
  readonly #client: ClientRunspacePool;
  readonly #server: ServerRunspacePool;
  readonly #context: CmdletContext;
  readonly #projectedValues: 'flat' | 'objects';
  readonly #hostIsNull: boolean;
  #prompt: Extract<Emission, { kind: 'prompt' }> | undefined;
  #isRunning = false;
  #isClosed = false;

  constructor(organization: TestOrganization, options: InProcessSessionOptions) {
    this.#client = new ClientRunspacePool({ id: newGuid(), protocolVersion: options.protocolVersion ?? '2.3' });
    this.#server = new ServerRunspacePool({ maxProtocolVersion: options.protocolVersion ?? '2.3' });
    this.#projectedValues = options.projectedValues ?? 'flat';
    // This client has no host, and says so.
    this.#hostIsNull = options.asksNullHosts !== true;
    this.#context = {
      organization: organizationBehind(organization),
      shapes: { mailbox: mailboxShape(new Set(options.missingProperties)) },
      serverName: 'EX01',
      available: availableCmdlets(options.without, options.roles),
      filterDates: options.filterDates ?? 'server',
      state: freshRunspaceState(),
    };
    this.#client.open();
    for (const event of this.#toServer('pool')) if (event.kind === 'poolOpening') this.#server.openPool();
    this.#toClient('pool');
  }

  get server(): RemoteSession['server'] {
    return this.#client.server as RemoteSession['server'];
  }

  #toServer(source: Guid | 'pool'): readonly ServerEvent[] {
    const events: ServerEvent[] = [];
    for (;;) {
      const bytes = this.#client.takeOutgoing(source, takenAtOnce);
      if (bytes === undefined) return events;
      events.push(...this.#server.receive(source, bytes));
    }
  }

  #toClient(source: Guid | 'pool'): readonly ClientEvent[] {
    const events: ClientEvent[] = [];
    for (;;) {
      const bytes = this.#server.takeOutgoing(source, takenAtOnce);
      if (bytes === undefined) return events;
      events.push(...this.#client.receive(source, bytes));
    }
  }

  async *invoke(request: PipelineRequest, options: InvokeOptions = {}): AsyncGenerator<PipelineEvent> {
    if (this.#isClosed) throw new Error('running a pipeline: the session is closed');
    if (this.#isRunning) throw new Error('running a pipeline: another one runs in this session');
    this.#isRunning = true;
    const id = newGuid();
    try {
      options.signal?.throwIfAborted();
      this.#client.startPipeline(id, request, { hasInput: options.input !== undefined });
      const input = new PipelineInput();
      const started = this.#toServer(id).find((event) => event.kind === 'pipelineCreated');
      if (started?.kind !== 'pipelineCreated') throw new Error('running a pipeline: the server did not take it');
      await this.#feed(id, input, options.input);
      for (const emission of this.#emissions(started.request, options.input === undefined ? undefined : input)) {
        options.signal?.throwIfAborted();
        this.#put(id, emission);
        yield* this.#events(id);
        // What the client answers by itself, a host call, goes back at once.
        for (const event of this.#toServer(id)) if (event.kind === 'hostResponse') this.#answer(event.response);
      }
    } finally {
      this.#isRunning = false;
      this.#server.forgetPipeline(id);
      this.#client.forgetPipeline(id);
    }
  }

  async #feed(id: Guid, input: PipelineInput, values: InvokeOptions['input']): Promise<void> {
    for await (const value of (values ?? []) as AsyncIterable<PsValue>) this.#client.sendInput(id, value);
    if (values !== undefined) this.#client.endInput(id);
    for (const event of this.#toServer(id)) if (event.kind === 'input') input.push(inputObject(event.body));
    input.end();
  }

  /** What the pipeline puts out, its end included. */
  *#emissions(
    request: PipelineRequest,
    input: PipelineInput | undefined,
  ): Iterable<Emission | { kind: 'ended'; failure?: CommandFailure }> {
    try {
      yield* runRequest(request, this.#context, input);
      yield { kind: 'ended' };
    } catch (failure) {
      if (!(failure instanceof CommandFailure)) throw failure;
      yield { kind: 'ended', failure };
    }
  }

  #put(id: Guid, emission: Emission | { kind: 'ended'; failure?: CommandFailure }): void {
    switch (emission.kind) {
      case 'object': {
        const text = serializeObject(emission.object, { level: 'partial', projectedValues: this.#projectedValues });
        this.#server.output(id, Buffer.from(text, 'utf8'));
        return;
      }
      case 'error':
        this.#server.error(id, emission.record);
        return;
      case 'warning':
        this.#server.warning(id, emission.text);
        return;
      case 'hostLine':
        if (this.#hostIsNull) return;
        this.#server.hostCall(id, {
          callId: noAnswer,
          methodId: HostMethod.WriteLine2,
          parameters: [psString(emission.text)],
        });
        return;
      case 'prompt':
        if (this.#hostIsNull) {
          emission.answered({ kind: 'refused', record: noHostRecord });
          return;
        }
        this.#prompt = emission;
        this.#server.hostCall(id, {
          callId: 1n,
          methodId: HostMethod.PromptForChoice,
          parameters: promptParameters(emission.prompt),
        });
        return;
      case 'pause':
        return;
      case 'ended':
        if (emission.failure === undefined) this.#server.finish(id, PipelineState.Completed);
        else this.#server.finish(id, PipelineState.Failed, emission.failure.record);
    }
  }

  #answer(response: HostResponse): void {
    const asked = this.#prompt;
    this.#prompt = undefined;
    asked?.answered(answerOf(response, asked.prompt));
  }

  *#events(id: Guid): Iterable<PipelineEvent> {
    for (const event of this.#toClient(id)) if (event.kind === 'pipeline') yield event.event;
  }

  close(): Promise<void> {
    this.#isClosed = true;
    return Promise.resolve();
  }
}

/**
 * Opens a session on an organisation without a wire: what a pipeline gives is what a client of the real wire
 * gets, message by message. A session has one runspace; `Set-ADServerSettings` holds in it until it is closed.
 */
export function openInProcessSession(
  organization: TestOrganization,
  options: InProcessSessionOptions = {},
): RemoteSession {
  return new InProcessSession(organization, options);
}
