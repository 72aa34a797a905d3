/*
 * Our server without an engine: it answers each pipeline with what the real server answered to the real client in the
 * same scenario, every value decoded, made again by our writer and sent through ServerRunspacePool. So what is judged
 * is our side of the protocol; what it received is kept to be judged too.
 */
import {
  assertNever,
  decodeCliXml,
  type ErrorRecord,
  type ErrorRecordInit,
  type Guid,
  type PipelineRequest,
  PipelineState,
  property,
  psNull,
  psSecureString,
  psString,
  type PsValue,
  type ServerEvent,
  type ServerRunspacePool,
  textOf,
} from '@exchange-connector/psrp';
import type { RecordedPipeline, Said } from './recording.ts';
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

function errorInit(record: ErrorRecord): ErrorRecordInit {
  const target = property(record.raw, 'TargetObject');
  const recommended = optionalText(property(record.raw, 'ErrorDetails_RecommendedAction'));
  return {
    message: record.message,
    fullyQualifiedErrorId: record.fullyQualifiedErrorId,
    exceptionTypeNames: record.exceptionTypeNames,
    category: record.category,
    categoryActivity: record.categoryActivity,
    categoryReason: record.categoryReason,
    categoryTargetName: record.categoryTargetName,
    categoryTargetType: record.categoryTargetType,
    categoryMessage: record.categoryMessage,
    ...(target !== undefined && { targetObject: target }),
    ...(record.details !== undefined && { details: record.details }),
    ...(recommended !== undefined && { recommendedAction: recommended }),
  };
}

const optionalText = (value: PsValue | undefined): string | undefined =>
  value === undefined || value.kind === 'Nil' ? undefined : textOf(value);

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
      this.#say(running, next, pool);
    }
  }

  #say(running: Running, said: Said, pool: ServerRunspacePool): void {
    const { id } = running;
    switch (said.kind) {
      case 'output':
        this.#output(running, said.body, pool);
        return;
      case 'error':
        pool.error(id, errorInit(said.record));
        return;
      case 'warning':
      case 'verbose':
      case 'debug':
        pool[said.kind](id, said.message);
        return;
      case 'information':
        this.#information(id, said.raw, pool);
        return;
      case 'progress': {
        const { kind: _, currentOperation, recordType, ...rest } = said.record;
        const operation = currentOperation === undefined ? {} : { currentOperation };
        pool.progress(id, { ...rest, ...operation, completed: recordType === 'Completed' });
        return;
      }
      case 'state':
        pool.finish(id, said.state, said.error === undefined ? undefined : errorInit(said.error));
        running.waitsFor = 'never';
        return;
      case 'hostCall': {
        const { callId, methodId, parameters } = said.call;
        const items = parameters.kind === 'Obj' && parameters.base?.kind === 'LST' ? parameters.base.items : [];
        pool.hostCall(id, { callId, methodId, parameters: items });
        if (said.answered) running.waitsFor = 'hostResponse';
        return;
      }
      default:
        assertNever(said);
    }
  }

  #output({ id, secret }: Running, body: Uint8Array, pool: ServerRunspacePool): void {
    const value = body.length === 0 ? psNull : decodeCliXml(body);
    pool.output(id, value.kind === 'SS' ? psSecureString(secret ?? 'the scenario has no secret') : value);
  }

  #information(id: Guid, raw: PsValue, pool: ServerRunspacePool): void {
    const read = (name: string): string | undefined => optionalText(property(raw, name));
    const tags = property(raw, 'Tags');
    const items = tags?.kind === 'Obj' && tags.base?.kind === 'LST' ? tags.base.items : [];
    const [source, user, computer] = [read('Source'), read('User'), read('Computer')];
    pool.information(id, {
      messageData: property(raw, 'MessageData') ?? psString(''),
      timeGenerated: read('TimeGenerated') ?? '',
      tags: items.map((tag) => textOf(tag) ?? ''),
      ...(source !== undefined && { source }),
      ...(user !== undefined && { user }),
      ...(computer !== undefined && { computer }),
    });
  }
}
