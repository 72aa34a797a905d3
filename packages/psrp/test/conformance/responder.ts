/*
 * Our server without an engine: it answers each pipeline with what the real server answered to the real client in the
 * same scenario, every value decoded, made again by our writer and sent through ServerRunspacePool. So what is judged
 * is our side of the protocol; what it received is kept to be judged too.
 */
import {
  decodeCliXml,
  type Guid,
  type PipelineRequest,
  PipelineState,
  psNull,
  type PsValue,
  type ServerEvent,
  type ServerRunspacePool,
} from '@exchange-connector/psrp';
import { isLast, type RecordedPipeline, type Said } from './recording.ts';
import { sayAgain } from './say-again.ts';
import type { Case } from './scenario.ts';

/** What our server understood of one pipeline. */
export interface Received {
  readonly request: PipelineRequest;
  readonly hasInput: boolean;
  readonly input: PsValue[];
  /** SecureStrings in arguments and input, opened. */
  readonly secrets: (string | undefined)[];
}

interface Running {
  readonly id: Guid;
  readonly script: readonly Said[];
  readonly beforeSignal: number;
  at: number;
  readonly secret: string | undefined;
  waitsFor: 'nothing' | 'input' | 'hostResponse' | 'signal' | 'never';
  isSignalled: boolean;
}

/** Answers the pipelines of one session, in order. */
export class Responder {
  readonly received: Received[] = [];
  readonly events: ServerEvent[] = [];
  readonly #cases: readonly Case[];
  readonly #recorded: readonly RecordedPipeline[];
  readonly #running = new Map<Guid, Running>();

  constructor(cases: readonly Case[], recorded: readonly RecordedPipeline[]) {
    this.#cases = cases;
    this.#recorded = recorded;
  }

  receive(event: ServerEvent, pool: ServerRunspacePool): void {
    this.events.push(event);
    switch (event.kind) {
      case 'poolOpening':
        pool.openPool();
        return;
      case 'pipelineCreated':
        this.#start(event, pool);
        return;
      case 'input':
        this.#takeInput(event.body, pool);
        return;
      case 'inputEnded':
        this.#goOn(event.id, 'input', pool);
        return;
      case 'hostResponse':
        if (event.id !== undefined) this.#goOn(event.id, 'hostResponse', pool);
        return;
      default:
    }
  }

  signal(id: Guid, pool: ServerRunspacePool): void {
    const running = this.#running.get(id);
    if (running === undefined) return;
    running.isSignalled = true;
    running.waitsFor = 'nothing';
    this.#advance(running, pool);
  }

  #start(event: ServerEvent & { kind: 'pipelineCreated' }, pool: ServerRunspacePool): void {
    const [first] = event.request.statements[0] ?? [];
    if (first?.name.startsWith('__Set-PS') === true) {
      pool.finish(event.id, PipelineState.Completed);
      return;
    }
    const index = this.received.length;
    const received: Received = { request: event.request, hasInput: event.hasInput, input: [], secrets: [] };
    this.received.push(received);
    for (const { value } of event.request.statements.flat().flatMap((one) => one.parameters))
      this.#open(value, received, pool);
    const running: Running = {
      id: event.id,
      script: this.#recorded[index]?.said ?? [],
      beforeSignal: this.#recorded[index]?.beforeSignal ?? 0,
      at: 0,
      secret: this.#cases[index]?.scenario.secret,
      waitsFor: event.hasInput ? 'input' : 'nothing',
      isSignalled: false,
    };
    this.#running.set(event.id, running);
    this.#advance(running, pool);
  }

  #takeInput(body: Uint8Array, pool: ServerRunspacePool): void {
    const received = this.received.at(-1) as Received;
    const value = body.length === 0 ? psNull : decodeCliXml(body);
    received.input.push(value);
    this.#open(value, received, pool);
  }

  #open(value: PsValue, received: Received, pool: ServerRunspacePool): void {
    if (value.kind === 'SS') received.secrets.push(pool.revealSecureString(value));
    if (value.kind === 'Obj') for (const one of value.adapted) this.#open(one.value, received, pool);
  }

  #goOn(id: Guid, awaited: Running['waitsFor'], pool: ServerRunspacePool): void {
    const running = this.#running.get(id);
    if (running === undefined || running.waitsFor !== awaited) return;
    running.waitsFor = 'nothing';
    this.#advance(running, pool);
  }

  #advance(running: Running, pool: ServerRunspacePool): void {
    while (running.waitsFor === 'nothing') {
      const next = running.script[running.at];
      if (next === undefined) return;
      if (running.at >= running.beforeSignal && !running.isSignalled) {
        running.waitsFor = 'signal';
        return;
      }
      running.at += 1;
      sayAgain(pool, running.id, next, running.secret);
      if (isLast(next)) running.waitsFor = 'never';
      if (next.kind === 'hostCall' && next.answered) running.waitsFor = 'hostResponse';
    }
  }
}
