/*
 * One pipeline over packets. [MS-PSRP] 3.1.5.4 with the out-of-process framing:
 *
 *   Command ─► CommandAck, Data (CREATE_PIPELINE, input) ─► … ◄─ Data with the final state ─► Close ─► CloseAck
 *   beside it: Data (answers to host calls), Signal ─► state Stopped ─► SignalAck
 */
import { randomUUID } from 'node:crypto';
import {
  type ClientRunspacePool,
  type Guid,
  type InvokeOptions,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  type PsValue,
  untilAborted,
} from '@exchange-connector/psrp';
import { PowerShellProcessError } from '../errors.ts';
import type { PowerShellSessionLimits } from '../limits.ts';
import { settledWithin } from '../waiting.ts';
import { EventQueue } from './event-queue.ts';
import type { PacketLink } from './packet-link.ts';
import type { Transport } from './transport.ts';

/** What a pipeline runs on. */
export interface SessionParts {
  readonly pool: ClientRunspacePool;
  readonly link: PacketLink;
  readonly transport: Transport;
  readonly limits: PowerShellSessionLimits;
  /** Resolves when nothing is held back for want of the session key any more. */
  readonly keyEstablished: () => Promise<void>;
}

/** Fragments joined in one Data: few round trips, and no line that is long for a reader. */
const maxDataBytes = 131_072;
/** Inputs at hand that are sent together. */
const inputsAtOnce = 64;

/** Sends all that the pool has for a target. */
export function sendAll({ pool, link }: SessionParts, target: Guid | 'pool'): Promise<void> {
  return link.sendData(target, () => {
    const stream = pool.outgoingStream(target);
    const data = pool.takeOutgoing(target, maxDataBytes);
    return data === undefined ? undefined : { stream, data };
  });
}

export class PipelineRun {
  readonly id = randomUUID() as Guid;
  readonly #parts: SessionParts;
  readonly #queue: EventQueue;
  /** Aborted when nothing more is to be sent. */
  readonly #ended = new AbortController();
  readonly #finished = Promise.withResolvers<void>();
  #hasFinished = false;
  #commandSent = false;
  #begun = false;
  #beginning: Promise<void> | undefined;
  #feeding: Promise<void> | undefined;

  /** @throws PsrpError for a request that cannot be sent */
  constructor(parts: SessionParts, request: PipelineRequest, hasInput: boolean) {
    this.#parts = parts;
    this.#queue = new EventQueue(parts.limits.maxWaitingBytes, () => parts.link.resume());
    this.#finished.promise.catch(() => undefined);
    parts.pool.startPipeline(this.id, request, { hasInput });
  }

  /** Whether the server has the whole request: what is queued from now on are input and answers. */
  get hasBegun(): boolean {
    return this.#begun;
  }

  /** Events of this pipeline, with the count of bytes received for them. */
  receive(events: readonly PipelineEvent[], bytes: number): void {
    this.#queue.push(events, bytes);
    if (events.some((event) => event.kind === 'state' && isTerminal(event.state))) {
      this.#hasFinished = true;
      this.#finished.resolve();
    }
    if (this.#queue.isFull) this.#parts.link.pause();
  }

  /** Ends whatever is under way here, for instance because the session was lost. */
  fail(error: unknown): void {
    this.#queue.fail(error);
    this.#finished.reject(error);
    this.#ended.abort(error);
  }

  /** All events, the final state last. */
  async *events({ input, signal }: InvokeOptions): AsyncGenerator<PipelineEvent> {
    this.#beginning = this.#begin();
    await untilAborted(this.#beginning, signal);
    // Input that ends well tells nothing, input that fails ends the pipeline.
    this.#feeding = input === undefined ? undefined : this.#feed(input);
    this.#feeding?.catch((error: unknown) => this.#queue.fail(error));
    for (;;) {
      const event = this.#queue.poll() ?? (await untilAborted(this.#queue.take(), signal));
      yield event;
      if (event.kind === 'state' && isTerminal(event.state)) return;
      signal?.throwIfAborted();
    }
  }

  async #begin(): Promise<void> {
    const { link } = this.#parts;
    await this.#exchangeKey();
    this.#ended.signal.throwIfAborted();
    this.#commandSent = true;
    await link.exchange({ kind: 'Command', target: this.id });
    await sendAll(this.#parts, this.id);
    this.#begun = true;
  }

  /** Sends the input as it comes. Ends without error where the pipeline ends first. */
  async #feed(input: AsyncIterable<PsValue> | Iterable<PsValue>): Promise<void> {
    const { pool } = this.#parts;
    const { signal } = this.#ended;
    // Values at hand are sent together, values that are waited for at once.
    const batch = Symbol.asyncIterator in input ? 1 : inputsAtOnce;
    const iterator = Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
    try {
      for (let count = 1; !this.#hasFinished; count += 1) {
        const next = await untilAborted(Promise.resolve(iterator.next()), signal);
        if (next.done === true) break;
        pool.sendInput(this.id, next.value);
        if (count % batch === 0) await this.#flushInput();
      }
      if (this.#hasFinished) throw new Error('the pipeline has ended');
      pool.endInput(this.id);
      await this.#flushInput();
    } catch (error) {
      // Not waited for: a source may be stuck in next().
      Promise.resolve(iterator.return?.()).catch(() => undefined);
      if (!signal.aborted && !this.#hasFinished) throw error;
    }
  }

  async #flushInput(): Promise<void> {
    await this.#exchangeKey();
    await sendAll(this.#parts, this.id);
  }

  /** Where the pool holds something back until the session key is there: the key's messages go through the pool. */
  async #exchangeKey(): Promise<void> {
    const { pool, link, limits, transport, keyEstablished } = this.#parts;
    if (!pool.isWaitingForSessionKey) return;
    await sendAll(this.#parts, 'pool');
    const { acknowledgeTimeoutMs } = limits;
    const settled = await settledWithin(untilAborted(keyEstablished(), this.#ended.signal), acknowledgeTimeoutMs);
    if (settled.kind === 'value') return;
    if (settled.kind === 'error') throw settled.error;
    const message = `waiting for the session key of ${transport.name}: nothing came within ${acknowledgeTimeoutMs / 1000} s`;
    const options = { phase: 'run', recovery: 'reopen-session' } as const;
    const error = new PowerShellProcessError('POWERSHELL_TIMED_OUT', message, options);
    link.fail(error);
    throw error;
  }

  /**
   * Stops the pipeline where it still runs, and closes it on the server, within a limit.
   *
   * @throws PowerShellProcessError where it does not end: then the session is of no more use
   */
  async end(): Promise<void> {
    const { link, pool, limits, transport } = this.#parts;
    this.#queue.discard();
    this.#ended.abort(new Error('the pipeline has ended'));
    link.resume();
    const settled = await settledWithin(this.#stopAndClose(), limits.stopTimeoutMs);
    pool.forgetPipeline(this.id);
    if (settled.kind === 'value') return;
    if (link.failure !== undefined) throw link.failure;
    const cause = settled.kind === 'error' ? settled.error : undefined;
    const message = `the pipeline in ${transport.name} did not stop within ${limits.stopTimeoutMs / 1000} s`;
    throw new PowerShellProcessError('POWERSHELL_TIMED_OUT', message, {
      phase: 'run',
      recovery: 'reopen-session',
      cause,
    });
  }

  async #stopAndClose(): Promise<void> {
    const { link } = this.#parts;
    if (!this.#commandSent) return;
    // A signal that overtook the command would find nothing to stop.
    await this.#beginning;
    if (!this.#hasFinished) {
      await link.exchange({ kind: 'Signal', target: this.id });
      await this.#finished.promise;
    }
    await this.#feeding?.catch(() => undefined);
    await link.exchange({ kind: 'Close', target: this.id });
  }
}

function isTerminal(state: PipelineState): boolean {
  return state === PipelineState.Stopped || state === PipelineState.Completed || state === PipelineState.Failed;
}
