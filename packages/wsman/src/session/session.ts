/*
 * A session: one shell with one runspace pool, and the loop that runs a pipeline in it.
 * [MS-PSRP] 3.1.5.3 and 3.1.5.4, [MS-WSMV] 3.1.4.14 (Receive).
 *
 *   Command ─► Receive ─► … ─► Receive with CommandState Done ─► Signal terminate
 *                 │ the next one is sent before this one's data are handed on: never two outstanding, never
 *                 │ more than one answer waiting, so that a slow consumer holds back the server
 *   beside it, on the control channel: Send (input, host answers), Signal crtl_c
 */
import { randomUUID } from 'node:crypto';
import {
  type ClientEvent,
  type ClientRunspacePool,
  type Guid,
  type InvokeOptions,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  type PsValue,
  type RemoteSession,
} from '@exchange-connector/psrp';
import { FaultCode } from '../codec/fault-codes.ts';
import { SignalCode } from '../codec/names.ts';
import type { ReceivedStream } from '../codec/response.ts';
import { WsmanError, type WsmanPhase } from '../errors.ts';
import type { Channel, ChannelFacts } from '../http/channel.ts';
import type { WsmanLimits } from '../limits.ts';
import { settledWithin, untilAborted } from '../waiting.ts';
import { committed } from './committed.ts';
import type { ContinuityWatch } from './continuity.ts';
import { poolBroken, protocolViolation } from './pool-errors.ts';
import { isFault, type OperationOptions, type Received, type ShellClient } from './shell-client.ts';

/** An open session over WS-Management. */
export interface WsmanSession extends RemoteSession {
  /** As the server returned it. */
  readonly shellId: string;
  /** The URL the session is at, after redirections. */
  readonly url: string;
  /** What protects the connection. */
  readonly secured: ChannelFacts;
  /** How long the server keeps an idle shell, where it says so. */
  readonly idleTimeoutMs: number | undefined;
  /** Opens a SecureString that came out of a pipeline; `undefined` where no session key fits. */
  revealSecureString: ClientRunspacePool['revealSecureString'];
}

/** What an opened session consists of. */
export interface SessionParts {
  readonly client: ShellClient;
  readonly pool: ClientRunspacePool;
  readonly main: Channel;
  readonly control: Channel;
  readonly url: string;
  readonly shellId: string;
  readonly idleTimeoutMs: number | undefined;
  readonly limits: WsmanLimits;
  readonly continuity: ContinuityWatch;
}

interface RunningCommand {
  readonly pipelineId: Guid;
  /** As the server returned it. */
  readonly commandId: string;
  /** The outstanding Receive. */
  pending: Promise<Received> | undefined;
  /** Aborted when nothing more is to be received or sent. */
  readonly ended: AbortController;
}

export class ShellSession implements WsmanSession {
  readonly #parts: SessionParts;
  #running: RunningCommand | undefined;
  #busy = false;
  /** Why the session cannot be used any more. */
  #unusable: unknown;
  #closing: Promise<void> | undefined;

  constructor(parts: SessionParts) {
    this.#parts = parts;
  }

  get shellId(): string {
    return this.#parts.shellId;
  }
  get url(): string {
    return this.#parts.url;
  }
  get secured(): ChannelFacts {
    return this.#parts.main.facts;
  }
  get idleTimeoutMs(): number | undefined {
    return this.#parts.idleTimeoutMs;
  }
  get server(): RemoteSession['server'] {
    return this.#parts.pool.server;
  }

  revealSecureString: ClientRunspacePool['revealSecureString'] = (value) => this.#parts.pool.revealSecureString(value);

  async *invoke(request: PipelineRequest, options: InvokeOptions = {}): AsyncIterable<PipelineEvent> {
    options.signal?.throwIfAborted();
    this.#claim();
    try {
      yield* this.#run(request, options);
    } finally {
      this.#busy = false;
    }
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  #claim(): void {
    const { url } = this.#parts;
    if (this.#closing !== undefined)
      throw new WsmanError('WSMAN_SESSION_CLOSED', `the session at ${url} has been closed`, {
        url,
        recovery: 'reopen-session',
      });
    if (this.#unusable !== undefined) {
      throw new WsmanError(
        'WSMAN_SESSION_CLOSED',
        `the session at ${url} is of no more use after an error: ${messageOf(this.#unusable)}`,
        {
          url,
          cause: this.#unusable,
          recovery: 'reopen-session',
        },
      );
    }
    if (this.#busy)
      throw new WsmanError('WSMAN_SESSION_BUSY', `a pipeline is running in the session at ${url}; one runs at a time`, {
        url,
      });
    this.#busy = true;
  }

  async *#run(request: PipelineRequest, options: InvokeOptions): AsyncGenerator<PipelineEvent> {
    const command = await this.#start(request, options);
    this.#running = command;
    const feeding = options.input === undefined ? undefined : this.#feed(command, options.input);
    feeding?.catch(() => undefined);
    let finished = false;
    try {
      yield* this.#receiveAll(command, feeding, options.signal);
      finished = true;
    } catch (error) {
      this.#note(error);
      throw error;
    } finally {
      if (!finished) await this.#stop(command);
      command.ended.abort(new Error('the pipeline has ended'));
      await this.#terminate(command);
      this.#parts.pool.forgetPipeline(command.pipelineId);
      this.#running = undefined;
    }
  }

  /** Remembers an error after which the session is of no more use. */
  #note(error: unknown): void {
    if (error instanceof WsmanError && error.recovery === 'reopen-session') this.#unusable ??= error;
  }

  /** Command, and Send for the fragments that did not fit. */
  async #start(request: PipelineRequest, options: InvokeOptions): Promise<RunningCommand> {
    const { client, pool, shellId, main, limits } = this.#parts;
    const pipelineId = randomUUID() as Guid;
    pool.startPipeline(pipelineId, request, { hasInput: options.input !== undefined });
    try {
      await this.#exchangeKey(main, options.signal);
      const body = {
        kind: 'command',
        shellId,
        commandId: pipelineId.toUpperCase(),
        arguments: new Uint8Array(0),
      } as const;
      const first = pool.takeOutgoing(pipelineId, client.capacity(body)) ?? new Uint8Array(0);
      const commandOf = (commandId: string): RunningCommand => ({
        pipelineId,
        commandId,
        pending: undefined,
        ended: new AbortController(),
      });
      const accepted = await committed(
        (once) => client.perform({ ...body, arguments: first }, { channel: main, phase: 'run', ...once }),
        options.signal,
        limits.stopTimeoutMs,
        {
          undo: async ({ commandId }) => {
            await this.#stop(commandOf(commandId));
            await this.#terminate(commandOf(commandId));
          },
          outcomeUnknown: async () => {
            this.#unusable ??= new Error('a command was sent and it is not known whether it runs');
          },
        },
      );
      const command = commandOf(accepted.commandId);
      await this.#flush(command, main);
      return command;
    } catch (error) {
      this.#note(error);
      pool.forgetPipeline(pipelineId);
      throw error;
    }
  }

  /** Where the pool holds something back until the session key is there: the key's messages go through the pool. */
  async #exchangeKey(channel: Channel, signal: AbortSignal | undefined): Promise<void> {
    const { pool, client, shellId } = this.#parts;
    const options = this.#on(channel, signal);
    while (pool.isWaitingForSessionKey) {
      await sendAll(pool, 'pool', client, shellId, undefined, options);
      const received = await client.receive(shellId, undefined, options);
      if (received.kind === 'quiet') continue;
      for (const stream of received.streams) this.#handlePoolEvents(pool.receive('pool', stream.data));
    }
  }

  async *#receiveAll(
    command: RunningCommand,
    feeding: Promise<unknown> | undefined,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<PipelineEvent> {
    // Input that ends well tells nothing, input that fails ends the pipeline.
    const inputFailed = feeding?.then(() => new Promise<never>(() => undefined));
    inputFailed?.catch(() => undefined);
    void this.#receive(command);
    let last: PipelineEvent | undefined;
    for (;;) {
      const received = await this.#next(command, last !== undefined, inputFailed, signal);
      if (received === 'ended') break;
      if (received.afterLoss === true) this.#parts.continuity.answerLost();
      const done = received.kind === 'received' && isDone(received, command);
      // Before the data are handed on, so that the server works while the consumer does.
      command.pending = undefined;
      if (!done) void this.#receive(command);
      if (received.kind === 'received') {
        for (const stream of received.streams) {
          this.#check(stream, command);
          for (const event of this.#pipelineEvents(
            this.#parts.pool.receive(command.pipelineId, stream.data),
            command,
          )) {
            if (event.kind === 'state' && isTerminal(event.state)) last = event;
            else yield event;
            signal?.throwIfAborted();
          }
        }
        if (last === undefined) await this.#answerHostCalls(command);
      } else if (last !== undefined) break;
      if (done) break;
    }
    if (last === undefined) {
      throw new WsmanError(
        'WSMAN_RESPONSE_INVALID',
        `Receive at ${this.#parts.url}: the command ended without the pipeline's final state`,
        {
          url: this.#parts.url,
          operation: 'Receive',
          recovery: 'reopen-session',
        },
      );
    }
    yield last;
  }

  /** The answer of the outstanding Receive, unless the signal or the input's failure comes first. */
  async #next(
    command: RunningCommand,
    stateSeen: boolean,
    inputFailed: Promise<never> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Received | 'ended'> {
    const pending = command.pending ?? this.#receive(command);
    try {
      return await untilAborted(inputFailed === undefined ? pending : Promise.race([pending, inputFailed]), signal);
    } catch (error) {
      // The command is gone, and what there was to know of it is known.
      if (stateSeen && isFault(error, FaultCode.unexpectedSelectors, FaultCode.operationAborted)) return 'ended';
      throw error;
    }
  }

  #receive(command: RunningCommand): Promise<Received> {
    const { client, shellId, main } = this.#parts;
    const received = client.receive(shellId, command.commandId, this.#on(main, command.ended.signal));
    // Awaited later, perhaps never.
    received.catch(() => undefined);
    command.pending = received;
    return received;
  }

  #check(stream: ReceivedStream, command: RunningCommand): void {
    const { url, continuity } = this.#parts;
    const { commandId } = stream;
    const details = { url, operation: 'Receive', recovery: 'reopen-session' } as const;
    if (commandId !== undefined && commandId.toLowerCase() !== command.commandId.toLowerCase()) {
      const what = `data of command ${commandId.slice(0, 64)} in answer to a Receive for ${command.commandId}`;
      throw new WsmanError('WSMAN_RESPONSE_INVALID', `Receive at ${url}: ${what}`, details);
    }
    const wrong = continuity.check(stream.data);
    if (wrong !== undefined) throw new WsmanError('WSMAN_CONNECTION_LOST', `Receive at ${url}: ${wrong}`, details);
  }

  /** What a consumer of the pipeline is told; the rest is dealt with here. */
  *#pipelineEvents(events: readonly ClientEvent[], command: RunningCommand): Generator<PipelineEvent> {
    for (const event of events) {
      if (event.kind === 'pipeline') {
        if (event.pipelineId === command.pipelineId) yield event.event;
      } else this.#handlePoolEvents([event]);
    }
  }

  #handlePoolEvents(events: readonly ClientEvent[]): void {
    const { url } = this.#parts;
    for (const event of events) {
      if (event.kind === 'poolBroken') throw poolBroken(event.error, url, 'run');
      if (event.kind === 'protocolViolation') throw protocolViolation(event.error, url, 'run');
      if (event.kind === 'poolClosed') {
        throw new WsmanError('WSMAN_SESSION_CLOSED', `the server closed the session at ${url}`, {
          url,
          recovery: 'reopen-session',
        });
      }
    }
  }

  /** Answers to host calls, and to a request for the session key: queued by the pool, sent here. */
  async #answerHostCalls(command: RunningCommand): Promise<void> {
    const { pool, client, shellId, control } = this.#parts;
    try {
      if (pool.hasOutgoing(command.pipelineId)) await this.#flush(command, control);
      if (pool.hasOutgoing('pool'))
        await sendAll(pool, 'pool', client, shellId, undefined, this.#on(control, command.ended.signal));
    } catch (error) {
      // The command has ended by itself; the outstanding Receive tells how.
      if (!isFault(error, FaultCode.unexpectedSelectors)) throw error;
    }
  }

  async #flush(command: RunningCommand, channel: Channel): Promise<void> {
    const { pool, client, shellId } = this.#parts;
    const { signal } = command.ended;
    if (pool.isWaitingForSessionKey) await this.#exchangeKey(channel, signal);
    await sendAll(pool, command.pipelineId, client, shellId, command.commandId, this.#on(channel, signal));
  }

  /** Sends the input as it comes. Ends without error where the pipeline ends first. */
  async #feed(command: RunningCommand, input: AsyncIterable<PsValue> | Iterable<PsValue>): Promise<void> {
    const { pool, control } = this.#parts;
    const { pipelineId, ended } = command;
    // Values at hand are sent together, values that are waited for at once.
    const batch = Symbol.asyncIterator in input ? 1 : 64;
    const iterator = Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
    try {
      for (let count = 1; ; count += 1) {
        const next = await untilAborted(Promise.resolve(iterator.next()), ended.signal);
        if (next.done === true) break;
        pool.sendInput(pipelineId, next.value);
        if (count % batch === 0) await this.#flush(command, control);
      }
      pool.endInput(pipelineId);
      await this.#flush(command, control);
    } catch (error) {
      if (!ended.signal.aborted && !isFault(error, FaultCode.unexpectedSelectors)) throw error;
      // The pipeline ended first. Not waited for: a source may be stuck in next().
      Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
  }

  /** Asks the server to stop, and takes in what it still has to say, within a limit. */
  async #stop(command: RunningCommand): Promise<void> {
    const { client, pool, shellId, control, main, limits } = this.#parts;
    if (this.#unusable !== undefined || this.#closing !== undefined) return;
    const giveUp = AbortSignal.timeout(limits.stopTimeoutMs);
    const stopped = (async () => {
      await client.perform(
        { kind: 'signal', shellId, commandId: command.commandId, code: SignalCode.stop },
        { channel: control, phase: 'run', signal: giveUp },
      );
      for (;;) {
        const received = await (command.pending ??
          client.receive(shellId, command.commandId, { channel: main, phase: 'run', signal: giveUp }));
        command.pending = undefined;
        if (received.kind !== 'received') continue;
        // The pool keeps count of what came, though nobody wants it any more.
        for (const stream of received.streams) {
          this.#parts.continuity.check(stream.data);
          pool.receive(command.pipelineId, stream.data);
        }
        if (isDone(received, command)) return;
      }
    })();
    const settled = await settledWithin(stopped, limits.stopTimeoutMs + 1000);
    if (settled.kind === 'error' && isFault(settled.error, FaultCode.unexpectedSelectors, FaultCode.operationAborted))
      return;
    if (settled.kind !== 'value') {
      this.#unusable ??= new WsmanError(
        'WSMAN_TIMED_OUT',
        `the pipeline at ${this.#parts.url} did not stop within ${limits.stopTimeoutMs / 1000} s`,
        {
          url: this.#parts.url,
          operation: 'Signal',
          recovery: 'reopen-session',
        },
      );
    }
  }

  /** Closes the command on the server, else it counts against the shell's quota of commands. */
  async #terminate(command: RunningCommand): Promise<void> {
    const { client, shellId, main, control, limits } = this.#parts;
    if (this.#unusable !== undefined || this.#closing !== undefined) return;
    const options = {
      channel: main.busy ? control : main,
      phase: 'run',
      signal: AbortSignal.timeout(limits.stopTimeoutMs),
    } as const;
    const settled = await settledWithin(
      client.perform({ kind: 'signal', shellId, commandId: command.commandId, code: SignalCode.terminate }, options),
      limits.stopTimeoutMs + 1000,
    );
    if (
      settled.kind === 'value' ||
      isFault(settled.kind === 'error' ? settled.error : undefined, FaultCode.unexpectedSelectors)
    )
      return;
    // The pipeline's result is known: only the session is of no more use.
    this.#unusable ??=
      settled.kind === 'error'
        ? settled.error
        : new Error(`the command was not closed within ${limits.stopTimeoutMs / 1000} s`);
  }

  async #close(): Promise<void> {
    const { client, shellId, main, control, limits } = this.#parts;
    const reason = new WsmanError('WSMAN_SESSION_CLOSED', `the session at ${this.#parts.url} was closed`, {
      phase: 'close',
    });
    this.#running?.ended.abort(reason);
    await deleteShell(client, shellId, main.busy ? [control, main] : [main, control], limits);
    main.close(reason);
    control.close(reason);
  }

  #on(channel: Channel, signal: AbortSignal | undefined, phase: WsmanPhase = 'run'): OperationOptions {
    return { channel, phase, signal };
  }
}

/** Sends all that the pool has for a target, in as few requests as fit. */
export async function sendAll(
  pool: ClientRunspacePool,
  target: Guid | 'pool',
  client: ShellClient,
  shellId: string,
  commandId: string | undefined,
  options: OperationOptions,
): Promise<void> {
  while (pool.hasOutgoing(target)) {
    const stream = pool.outgoingStream(target);
    const body = { kind: 'send', shellId, commandId, stream, data: new Uint8Array(0) } as const;
    const data = pool.takeOutgoing(target, client.capacity(body));
    if (data === undefined) return;
    await client.perform({ ...body, data }, options);
  }
}

/** Deletes a shell over the first channel, over the second where that fails; never throws, within the limit. */
export async function deleteShell(
  client: ShellClient,
  shellId: string,
  channels: readonly Channel[],
  limits: WsmanLimits,
): Promise<void> {
  const signal = AbortSignal.timeout(limits.closeTimeoutMs);
  for (const channel of channels) {
    if (signal.aborted) return;
    const settled = await settledWithin(
      client.perform({ kind: 'delete', shellId }, { channel, phase: 'close', signal }),
      limits.closeTimeoutMs,
    );
    if (settled.kind === 'value' || (settled.kind === 'error' && isFault(settled.error, FaultCode.unexpectedSelectors)))
      return;
  }
}

function isTerminal(state: PipelineState): boolean {
  return state === PipelineState.Stopped || state === PipelineState.Completed || state === PipelineState.Failed;
}

function isDone(received: Extract<Received, { kind: 'received' }>, command: RunningCommand): boolean {
  const state = received.commandState;
  return (
    state?.state === 'Done' &&
    (state.commandId === undefined || state.commandId.toLowerCase() === command.commandId.toLowerCase())
  );
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
