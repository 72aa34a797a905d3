/*
 * One pipeline on the wire: the loop. [MS-PSRP] 3.1.5.4, [MS-WSMV] 3.1.4.14 (Receive).
 *
 *   Command ─► Receive ─► … ─► Receive with CommandState Done ─► Signal terminate
 *                 │ the next one is sent before this one's data are handed on: never two outstanding, never
 *                 │ more than one answer waiting, so that a slow consumer holds back the server
 *   beside it, on the control channel: Send (input, host answers), Signal crtl_c
 */
import { randomUUID } from 'node:crypto';
import {
  type ClientEvent,
  type Guid,
  type InvokeOptions,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  type PsValue,
  untilAborted,
} from '@exchange-connector/psrp';
import { FaultCode } from '../codec/fault-codes.ts';
import { SignalCode } from '../codec/names.ts';
import type { ReceivedStream } from '../codec/response.ts';
import { WsmanError } from '../errors.ts';
import type { Channel } from '../http/channel.ts';
import { settledWithin } from '../waiting.ts';
import { committed } from './committed.ts';
import { isFault, type OperationOptions, type Received } from './shell-client.ts';
import { refusePoolEnd, type SessionParts, sendAll } from './shell-parts.ts';

/** A pipeline that was started; `stop` and `terminate` give what makes the session unusable, if anything does. */
export class PipelineRun {
  readonly #parts: SessionParts;
  readonly #pipelineId: Guid;
  /** As the server returned it. */
  readonly #commandId: string;
  /** Aborted when nothing more is to be received or sent. */
  readonly #ended = new AbortController();
  /** The outstanding Receive. */
  #pending: Promise<Received> | undefined;
  /** Resolved once the outstanding Receive is on the wire, or has failed. */
  #sent: Promise<void> = Promise.resolve();
  #isDone = false;

  private constructor(parts: SessionParts, pipelineId: Guid, commandId: string) {
    this.#parts = parts;
    this.#pipelineId = pipelineId;
    this.#commandId = commandId;
  }

  /**
   * Command, and Send for the fragments that did not fit.
   * @param doom is told why the session cannot be used any more, where that is so
   */
  static async start(
    parts: SessionParts,
    request: PipelineRequest,
    options: InvokeOptions,
    doom: (reason: unknown) => void,
  ): Promise<PipelineRun> {
    const { client, pool, shellId, main, limits } = parts;
    const pipelineId = randomUUID() as Guid;
    pool.startPipeline(pipelineId, request, { hasInput: options.input !== undefined });
    try {
      await exchangeKey(parts, { channel: main, phase: 'run', signal: options.signal });
      const body = {
        kind: 'command',
        shellId,
        commandId: pipelineId.toUpperCase(),
        arguments: new Uint8Array(0),
      } as const;
      const first = pool.takeOutgoing(pipelineId, client.capacity(body)) ?? new Uint8Array(0);
      const accepted = await committed(
        (once) => client.perform({ ...body, arguments: first }, { channel: main, phase: 'run', ...once }),
        options.signal,
        limits.stopTimeoutMs,
        {
          undo: async ({ commandId }) => {
            const run = new PipelineRun(parts, pipelineId, commandId);
            const reason = (await run.stop()) ?? (await run.terminate(limits.stopTimeoutMs));
            if (reason !== undefined) doom(reason);
          },
          outcomeUnknown: async () => doom(new Error('a command was sent and it is not known whether it runs')),
        },
      );
      const run = new PipelineRun(parts, pipelineId, accepted.commandId);
      await run.#flush(main);
      return run;
    } catch (error) {
      pool.forgetPipeline(pipelineId);
      throw error;
    }
  }

  /** The server has said that the command is done, and its final state was handed on: there is nothing to stop. */
  get isDone(): boolean {
    return this.#isDone;
  }

  /** Ends whatever is under way, for instance because the session is being closed. */
  abort(reason: unknown): void {
    this.#ended.abort(reason);
    this.#parts.pool.forgetPipeline(this.#pipelineId);
  }

  /** All events, the final state last. */
  async *events({ input, signal }: InvokeOptions): AsyncGenerator<PipelineEvent> {
    // Input that ends well tells nothing, input that fails ends the pipeline.
    const inputFailed =
      input === undefined ? undefined : this.#feed(input).then(() => new Promise<never>(() => undefined));
    inputFailed?.catch(() => undefined);
    void this.#receive();
    let last: PipelineEvent | undefined;
    for (;;) {
      const received = await this.#next(last !== undefined, inputFailed, signal);
      if (received === 'ended') {
        this.#isDone = true;
        break;
      }
      if (received.afterLoss === true) this.#parts.continuity.answerLost();
      const done = received.kind === 'received' && isDone(received, this.#commandId);
      // Before the data are handed on, so that the server works while the consumer does.
      this.#pending = undefined;
      if (!done) await this.#receiveAhead(signal);
      if (received.kind === 'received') {
        for (const stream of received.streams) {
          this.#check(stream);
          for (const event of this.#ownEvents(this.#parts.pool.receive(this.#pipelineId, stream.data))) {
            if (event.kind === 'state' && isTerminal(event.state)) last = event;
            else yield event;
            signal?.throwIfAborted();
          }
        }
        if (last === undefined) await this.#answerHostCalls();
      } else if (last !== undefined) break;
      if (done) {
        this.#isDone = last !== undefined;
        break;
      }
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
    stateSeen: boolean,
    inputFailed: Promise<never> | undefined,
    signal: AbortSignal | undefined,
  ): Promise<Received | 'ended'> {
    const pending = this.#pending ?? this.#receive();
    try {
      return await untilAborted(inputFailed === undefined ? pending : Promise.race([pending, inputFailed]), signal);
    } catch (error) {
      // The command is gone, and what there was to know of it is known.
      if (stateSeen && isFault(error, FaultCode.unexpectedSelectors, FaultCode.operationAborted)) return 'ended';
      throw error;
    }
  }

  /**
   * Sends the next Receive and waits until it is on the wire: a consumer that works without ever waiting would
   * keep it from being written.
   */
  async #receiveAhead(signal: AbortSignal | undefined): Promise<void> {
    void this.#receive();
    await untilAborted(this.#sent, signal);
  }

  #receive(): Promise<Received> {
    const { client, shellId, main } = this.#parts;
    const sent = Promise.withResolvers<void>();
    const options = { ...this.#on(main, this.#ended.signal), onSent: sent.resolve };
    const received = client.receive(shellId, this.#commandId, options);
    // Awaited later, perhaps never.
    received.then(
      () => sent.resolve(),
      () => sent.resolve(),
    );
    this.#pending = received;
    this.#sent = sent.promise;
    return received;
  }

  #check(stream: ReceivedStream): void {
    const { url, continuity } = this.#parts;
    const { commandId } = stream;
    const details = { url, operation: 'Receive', recovery: 'reopen-session' } as const;
    if (commandId !== undefined && commandId.toLowerCase() !== this.#commandId.toLowerCase()) {
      const what = `data of command ${commandId.slice(0, 64)} in answer to a Receive for ${this.#commandId}`;
      throw new WsmanError('WSMAN_RESPONSE_INVALID', `Receive at ${url}: ${what}`, details);
    }
    const wrong = continuity.check(stream.data);
    if (wrong !== undefined) throw new WsmanError('WSMAN_CONNECTION_LOST', `Receive at ${url}: ${wrong}`, details);
  }

  /** What a consumer of the pipeline is told; the rest is dealt with here. */
  *#ownEvents(events: readonly ClientEvent[]): Generator<PipelineEvent> {
    for (const event of events) {
      if (event.kind !== 'pipeline') refusePoolEnd(event, this.#parts.url);
      else if (event.pipelineId === this.#pipelineId) yield event.event;
    }
  }

  /** Answers to host calls, and to a request for the session key: queued by the pool, sent here. */
  async #answerHostCalls(): Promise<void> {
    const { pool, client, shellId, control } = this.#parts;
    try {
      if (pool.hasOutgoing(this.#pipelineId)) await this.#flush(control);
      if (pool.hasOutgoing('pool'))
        await sendAll(pool, 'pool', client, shellId, undefined, this.#on(control, this.#ended.signal));
    } catch (error) {
      // The command has ended by itself; the outstanding Receive tells how.
      if (!isFault(error, FaultCode.unexpectedSelectors)) throw error;
    }
  }

  async #flush(channel: Channel): Promise<void> {
    const { pool, client, shellId } = this.#parts;
    const { signal } = this.#ended;
    if (pool.isWaitingForSessionKey) await exchangeKey(this.#parts, this.#on(channel, signal));
    await sendAll(pool, this.#pipelineId, client, shellId, this.#commandId, this.#on(channel, signal));
  }

  /** Sends the input as it comes. Ends without error where the pipeline ends first. */
  async #feed(input: AsyncIterable<PsValue> | Iterable<PsValue>): Promise<void> {
    const { pool, control } = this.#parts;
    const pipelineId = this.#pipelineId;
    const ended = this.#ended;
    // Values at hand are sent together, values that are waited for at once.
    const batch = Symbol.asyncIterator in input ? 1 : 64;
    const iterator = Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
    try {
      for (let count = 1; ; count += 1) {
        const next = await untilAborted(Promise.resolve(iterator.next()), ended.signal);
        if (next.done === true) break;
        pool.sendInput(pipelineId, next.value);
        if (count % batch === 0) await this.#flush(control);
      }
      pool.endInput(pipelineId);
      await this.#flush(control);
    } catch (error) {
      if (!ended.signal.aborted && !isFault(error, FaultCode.unexpectedSelectors)) throw error;
      // The pipeline ended first. Not waited for: a source may be stuck in next().
      Promise.resolve(iterator.return?.()).catch(() => undefined);
    }
  }

  /** Asks the server to stop, and takes in what it still has to say, within a limit. */
  async stop(): Promise<unknown> {
    const { url, limits } = this.#parts;
    const giveUp = AbortSignal.timeout(limits.stopTimeoutMs);
    const settled = await settledWithin(this.#stopAndDrain(giveUp), limits.stopTimeoutMs + 1000);
    if (settled.kind === 'value') return undefined;
    if (settled.kind === 'error' && isFault(settled.error, FaultCode.unexpectedSelectors, FaultCode.operationAborted))
      return undefined;
    const what = `the pipeline at ${url} did not stop within ${limits.stopTimeoutMs / 1000} s`;
    const cause = settled.kind === 'error' ? settled.error : undefined;
    return new WsmanError('WSMAN_TIMED_OUT', what, { url, operation: 'Signal', recovery: 'reopen-session', cause });
  }

  async #stopAndDrain(signal: AbortSignal): Promise<void> {
    const { client, pool, shellId, main, control, continuity } = this.#parts;
    const commandId = this.#commandId;
    await client.perform({ kind: 'signal', shellId, commandId, code: SignalCode.stop }, this.#on(control, signal));
    for (;;) {
      const received = await (this.#pending ?? client.receive(shellId, commandId, this.#on(main, signal)));
      this.#pending = undefined;
      if (received.kind !== 'received') continue;
      // The pool keeps count of what came, though nobody wants it any more.
      for (const stream of received.streams) {
        continuity.check(stream.data);
        pool.receive(this.#pipelineId, stream.data);
      }
      if (isDone(received, commandId)) return;
    }
  }

  /**
   * Closes the command on the server, else it counts against the shell's quota of commands.
   * @param limitMs how long that may take
   * @param signal ends the wait before that
   */
  async terminate(limitMs: number, signal?: AbortSignal): Promise<unknown> {
    const { client, shellId, main, control } = this.#parts;
    this.#ended.abort(new Error('the pipeline has ended'));
    const body = { kind: 'signal', shellId, commandId: this.#commandId, code: SignalCode.terminate } as const;
    const tooLong = AbortSignal.timeout(limitMs);
    const options = this.#on(
      main.busy ? control : main,
      signal === undefined ? tooLong : AbortSignal.any([tooLong, signal]),
    );
    const settled = await settledWithin(client.perform(body, options), limitMs + 1000);
    this.#parts.pool.forgetPipeline(this.#pipelineId);
    if (settled.kind === 'value' || (settled.kind === 'error' && isFault(settled.error, FaultCode.unexpectedSelectors)))
      return undefined;
    return settled.kind === 'error'
      ? settled.error
      : new Error(`the command was not closed within ${limitMs / 1000} s`);
  }

  #on(channel: Channel, signal: AbortSignal | undefined): OperationOptions {
    return { channel, phase: 'run', signal };
  }
}

/** Where the pool holds something back until the session key is there: the key's messages go through the pool. */
async function exchangeKey(parts: SessionParts, options: OperationOptions): Promise<void> {
  const { pool, client, shellId, continuity, url } = parts;
  while (pool.isWaitingForSessionKey) {
    await sendAll(pool, 'pool', client, shellId, undefined, options);
    const received = await client.receive(shellId, undefined, options);
    if (received.kind === 'quiet') continue;
    for (const stream of received.streams) {
      continuity.check(stream.data);
      for (const event of pool.receive('pool', stream.data)) refusePoolEnd(event, url);
    }
  }
}

function isTerminal(state: PipelineState): boolean {
  return state === PipelineState.Stopped || state === PipelineState.Completed || state === PipelineState.Failed;
}

function isDone(received: Extract<Received, { kind: 'received' }>, commandId: string): boolean {
  const state = received.commandState;
  return (
    state?.state === 'Done' &&
    (state.commandId === undefined || state.commandId.toLowerCase() === commandId.toLowerCase())
  );
}
