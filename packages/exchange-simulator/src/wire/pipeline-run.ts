/*
 * One pipeline at work. Objects are drawn from its cmdlets only while somebody asks for output and the queue
 * is short of what an envelope holds, so that no organisation, however large, is ever queued.
 */
import {
  type ErrorRecordInit,
  type Guid,
  type HostResponse,
  PipelineState,
  psString,
  type ServerRunspacePool,
} from '@exchange-connector/psrp';
import { setImmediate as turn, setTimeout as delay } from 'node:timers/promises';
import type { Emission } from '../cmdlets/cmdlet.ts';
import { CommandFailure, ErrorCategory } from '../cmdlets/command-failure.ts';
import { noHostRecord } from '../cmdlets/confirmation.ts';
import { answerOf, HostMethod, noAnswer, promptParameters } from '../cmdlets/host-call.ts';
import type { PipelineInput } from '../cmdlets/pipeline.ts';
import { serializeObject, type SerializationLevel } from '../serialization/object-shape.ts';

/** How long the server works on one pipeline before it looks after others. */
const timeSliceMs = 8;
/** Bytes of a message besides its body, and of the fragments that carry it. */
const messageOverhead = 64;

const stopped: ErrorRecordInit = {
  message: 'The pipeline has been stopped.',
  fullyQualifiedErrorId: 'PipelineStopped',
  category: ErrorCategory.OperationStopped,
  categoryReason: 'PipelineStoppedException',
  exceptionTypeNames: [
    'System.Management.Automation.PipelineStoppedException',
    'System.Management.Automation.RuntimeException',
    'System.SystemException',
    'System.Exception',
    'System.Object',
  ],
};

function unforeseen(error: unknown): ErrorRecordInit {
  return {
    message: error instanceof Error ? error.message : String(error),
    fullyQualifiedErrorId: 'RuntimeException',
    category: ErrorCategory.NotSpecified,
    categoryReason: 'RuntimeException',
    exceptionTypeNames: [
      'System.Management.Automation.RuntimeException',
      'System.SystemException',
      'System.Exception',
      'System.Object',
    ],
  };
}

export type PumpOutcome = 'enough' | 'ended' | 'awaitsInput' | 'deadline';

export interface PipelineRunOptions {
  readonly id: Guid;
  readonly pool: ServerRunspacePool;
  readonly emissions: Iterable<Emission>;
  readonly input: PipelineInput;
  readonly level: SerializationLevel;
  /** Server time spent per object. */
  readonly latencyMs: number;
  /** The client has no host: it can neither be told anything nor asked. */
  readonly hostIsNull: boolean;
}

export class PipelineRun {
  readonly input: PipelineInput;
  readonly #options: PipelineRunOptions;
  readonly #iterator: Iterator<Emission>;
  #queuedBytes = 0;
  #ended = false;
  #stopping = false;
  #pumping: Promise<PumpOutcome> | undefined;
  readonly #prompts = new Map<bigint, Extract<Emission, { kind: 'prompt' }>>();
  #hostCalls = 0n;
  objects = 0;

  constructor(options: PipelineRunOptions) {
    this.#options = options;
    this.input = options.input;
    this.#iterator = options.emissions[Symbol.iterator]();
  }

  get ended(): boolean {
    return this.#ended;
  }

  /** Takes the host's answer to a question of a cmdlet. */
  answered(response: HostResponse): void {
    const asked = this.#prompts.get(response.callId);
    this.#prompts.delete(response.callId);
    asked?.answered(answerOf(response, asked.prompt));
  }

  /** Tells how many bytes were taken from the queue. */
  taken(bytes: number): void {
    this.#queuedBytes = Math.max(0, this.#queuedBytes - bytes);
  }

  /** Ends the pipeline as Stopped; what is queued stays. */
  stop(): void {
    if (this.#ended) return;
    this.#stopping = true;
    if (this.#pumping === undefined) this.#finishStopped();
  }

  /** Ends without a word: the client closed the command or the shell. */
  abandon(): void {
    this.#ended = true;
    this.#iterator.return?.();
  }

  /** Works until `wantedBytes` are queued, the pipeline ends, input is missing, or the deadline has passed with something to show. */
  async pump(wantedBytes: number, deadline: number, signal: AbortSignal): Promise<PumpOutcome> {
    while (this.#pumping !== undefined) await this.#pumping;
    this.#pumping = this.#work(wantedBytes, deadline, signal);
    try {
      return await this.#pumping;
    } finally {
      this.#pumping = undefined;
    }
  }

  async #work(wantedBytes: number, deadline: number, signal: AbortSignal): Promise<PumpOutcome> {
    let sliceEnd = performance.now() + timeSliceMs;
    for (;;) {
      if (this.#ended) return 'ended';
      if (this.#stopping) {
        this.#finishStopped();
        return 'ended';
      }
      if (this.#queuedBytes >= wantedBytes) return 'enough';
      if (signal.aborted || performance.now() >= deadline) return 'deadline';
      const emission = this.#next();
      if (emission === undefined) return 'ended';
      if (emission.kind === 'pause' && emission.awaitsInput) return 'awaitsInput';
      if (emission.kind === 'object' && this.#options.latencyMs > 0) await delay(this.#options.latencyMs);
      else if (performance.now() >= sliceEnd) {
        await turn();
        sliceEnd = performance.now() + timeSliceMs;
      }
      if (!this.#ended) this.#put(emission);
    }
  }

  #next(): Emission | undefined {
    try {
      const result = this.#iterator.next();
      if (result.done !== true) return result.value;
      this.#finish(PipelineState.Completed);
    } catch (error) {
      this.#finish(PipelineState.Failed, error instanceof CommandFailure ? error.record : unforeseen(error));
    }
    return undefined;
  }

  #put(emission: Emission): void {
    const { pool, id, level } = this.#options;
    switch (emission.kind) {
      case 'object': {
        const body = Buffer.from(serializeObject(emission.object, level), 'utf8');
        pool.output(id, body);
        this.#queuedBytes += body.length + messageOverhead;
        this.objects += 1;
        return;
      }
      case 'error':
        pool.error(id, emission.record);
        this.#queuedBytes += 4_000;
        return;
      case 'warning':
        pool.warning(id, emission.text);
        this.#queuedBytes += 1_000;
        return;
      case 'hostLine':
        if (this.#options.hostIsNull) return;
        pool.hostCall(id, {
          callId: noAnswer,
          methodId: HostMethod.WriteLine2,
          parameters: [psString(emission.text)],
        });
        this.#queuedBytes += 1_000;
        return;
      case 'prompt':
        this.#ask(emission);
        return;
      case 'pause':
        return;
    }
  }

  #ask(emission: Extract<Emission, { kind: 'prompt' }>): void {
    if (this.#options.hostIsNull) {
      emission.answered({ kind: 'refused', record: noHostRecord });
      return;
    }
    this.#hostCalls += 1n;
    this.#prompts.set(this.#hostCalls, emission);
    this.#options.pool.hostCall(this.#options.id, {
      callId: this.#hostCalls,
      methodId: HostMethod.PromptForChoice,
      parameters: promptParameters(emission.prompt),
    });
    this.#queuedBytes += 2_000;
  }

  #finish(state: PipelineState, error?: ErrorRecordInit): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#options.pool.finish(this.#options.id, state, error);
  }

  #finishStopped(): void {
    this.#iterator.return?.();
    this.#finish(PipelineState.Stopped, stopped);
  }
}
