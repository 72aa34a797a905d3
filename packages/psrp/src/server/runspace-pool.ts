/*
 * [MS-PSRP] 3.2: the server's side of a runspace pool and its pipelines, without I/O. A real server's
 * order is kept: SESSION_CAPABILITY at once; APPLICATION_PRIVATE_DATA, then RUNSPACEPOOL_STATE Opened when
 * the owner opens the pool; Closing, then Closed at the end.
 */
import type { PsSecureString, PsValue } from '../clixml/value.ts';
import { PsrpError } from '../errors.ts';
import { emptyGuid, type Guid } from '../guid.ts';
import { defaultPsrpLimits } from '../limits.ts';
import { parseGetCommandMetadata } from '../message/command-metadata.ts';
import { parseCreatePipeline } from '../message/create-pipeline.ts';
import { decodeBody } from '../message/decode-body.ts';
import { formatErrorRecord } from '../message/error-record.ts';
import type { ErrorRecordInit } from '../message/error-record-init.ts';
import { formatHostCall, parseHostResponse } from '../message/host-call.ts';
import { Destination, readMessage, readMessageIds } from '../message/message.ts';
import { MessageType, nameOfMessageType } from '../message/message-type.ts';
import type { InformationInit, ProgressInit } from '../message/record-init.ts';
import * as records from '../message/record-messages.ts';
import * as poolMessages from '../message/runspace-pool-messages.ts';
import * as sessionMessages from '../message/session-messages.ts';
import { MessageChannel, type Target } from '../message-channel.ts';
import { answerToClientVersion, type ProtocolVersion } from '../protocol-version.ts';
import { SecureStringCipher } from '../secure-string.ts';
import { PipelineState } from '../session.ts';
import { RunspacePoolState } from '../state/runspace-pool-state.ts';
import { type ServerInput, type ServerPhase, serverTransitions } from '../state/transitions.ts';
import type { ServerEvent } from './event.ts';
import { answerPublicKey } from './key-exchange.ts';
import type { ServerRunspacePoolOptions } from './options.ts';
import { readPoolQuestion } from './pool-question.ts';

const stateOfPhase: Readonly<Record<ServerPhase, RunspacePoolState>> = {
  beforeOpen: RunspacePoolState.BeforeOpen,
  negotiated: RunspacePoolState.Opening,
  opening: RunspacePoolState.Opening,
  connecting: RunspacePoolState.Connecting,
  opened: RunspacePoolState.Opened,
  closed: RunspacePoolState.Closed,
  broken: RunspacePoolState.Broken,
  refused: RunspacePoolState.Broken,
};

/**
 * A server's runspace pool. Methods throw PsrpError with PSRP_STATE_INVALID where the state does not allow
 * the call; {@link receive} never throws for what a peer sent.
 */
export class ServerRunspacePool {
  readonly #options: ServerRunspacePoolOptions;
  readonly #cipher: SecureStringCipher;
  readonly #channel: MessageChannel;
  /** The pipelines that exist, and whether each has ended. */
  readonly #pipelines = new Map<Guid, { ended: boolean }>();
  #phase: ServerPhase = 'beforeOpen';
  #poolId: Guid = emptyGuid;
  #clientVersion = '';
  #keyRequested = false;

  constructor(options: ServerRunspacePoolOptions = {}) {
    this.#options = options;
    this.#cipher = new SecureStringCipher('server', options.sessionKey, options.maxProtocolVersion ?? '2.3');
    this.#channel = new MessageChannel({
      limits: { ...defaultPsrpLimits, ...options.limits },
      destination: Destination.Client,
      cipher: this.#cipher,
      poolId: emptyGuid,
      requestKey: () => this.#requestKey(),
    });
  }

  get state(): RunspacePoolState {
    return stateOfPhase[this.#phase];
  }

  /** The version in force, once the client has announced its own. */
  get protocolVersion(): ProtocolVersion {
    return this.#cipher.version;
  }

  /**
   * Takes bytes of one source, in chunks of any size, and gives the events they complete. A pipeline's first
   * bytes (CREATE_PIPELINE) come from the id that the transport gave it. Bodies of `input` are views of
   * `bytes` where they can be: do not write to it afterwards.
   */
  receive(source: Guid | 'pool', bytes: Uint8Array): readonly ServerEvent[] {
    if (this.#phase === 'broken' || this.#phase === 'closed' || this.#phase === 'refused') return [];
    const events: ServerEvent[] = [];
    try {
      if (!this.#channel.hasTarget(source)) this.#channel.addPipeline(source as Guid);
      const { messages, violation } = this.#channel.assemble(source, bytes);
      for (const message of messages) this.#receiveMessage(source, message, events);
      if (violation !== undefined) throw violation;
    } catch (error) {
      if (!(error instanceof PsrpError)) throw error;
      this.#phase = 'broken';
      events.push({ kind: 'protocolViolation', source, error });
    }
    return events;
  }

  /** Queues APPLICATION_PRIVATE_DATA and RUNSPACEPOOL_STATE Opened, in answer to `poolOpening`. */
  openPool(): void {
    this.#call('openPool', 'opening a runspace pool');
    this.#sendPrivateData();
    this.#sendState(RunspacePoolState.Opened);
  }

  /** Queues RUNSPACEPOOL_INIT_DATA and APPLICATION_PRIVATE_DATA, in answer to `poolConnecting`. */
  connectPool(counts: { readonly minRunspaces: number; readonly maxRunspaces: number }): void {
    this.#call('connectPool', 'connecting a client to a runspace pool');
    this.#channel.send('pool', MessageType.RUNSPACEPOOL_INIT_DATA, poolMessages.formatRunspacePoolInitData(counts));
    this.#sendPrivateData();
  }

  /** Queues RUNSPACEPOOL_STATE Broken with its reason: limits and refused authorization are told so. */
  breakPool(error: ErrorRecordInit): void {
    this.#call('breakPool', 'breaking a runspace pool');
    this.#sendState(RunspacePoolState.Broken, error);
  }

  /** Queues RUNSPACEPOOL_STATE Closing, then Closed, as a real server says on close. */
  closePool(): void {
    this.#call('closePool', 'closing a runspace pool');
    this.#sendState(RunspacePoolState.Closing);
    this.#sendState(RunspacePoolState.Closed);
  }

  /** Answers GET_AVAILABLE_RUNSPACES (a count), SET_MAX/MIN_RUNSPACES and RESET_RUNSPACE_STATE (a Boolean). */
  runspaceAvailability(callId: bigint, value: boolean | bigint): void {
    this.#call('answer', 'answering about runspaces');
    this.#channel.send(
      'pool',
      MessageType.RUNSPACE_AVAILABILITY,
      poolMessages.formatRunspaceAvailability(callId, value),
    );
  }

  /** One output object: a value, or a CLIXML body without byte-order mark, sent as it is. Nil goes as an empty body. */
  output(id: Guid, body: Uint8Array | PsValue): void {
    this.#running(id, 'writing output to');
    const isNull = !(body instanceof Uint8Array) && body.kind === 'Nil';
    this.#channel.send(id, MessageType.PIPELINE_OUTPUT, isNull ? new Uint8Array(0) : body);
  }

  /** ERROR_RECORD: a non-terminating error; the pipeline goes on. */
  error(id: Guid, record: ErrorRecordInit): void {
    this.#record(id, MessageType.ERROR_RECORD, formatErrorRecord(record, { writeErrorStream: true }));
  }

  /** WARNING_RECORD. */
  warning(id: Guid, text: string): void {
    this.#record(id, MessageType.WARNING_RECORD, records.formatInformationalRecord('Warning', text));
  }

  /** VERBOSE_RECORD. */
  verbose(id: Guid, text: string): void {
    this.#record(id, MessageType.VERBOSE_RECORD, records.formatInformationalRecord('Verbose', text));
  }

  /** DEBUG_RECORD. */
  debug(id: Guid, text: string): void {
    this.#record(id, MessageType.DEBUG_RECORD, records.formatInformationalRecord('Debug', text));
  }

  /** INFORMATION_RECORD, on its own stream. */
  information(id: Guid, record: InformationInit): void {
    this.#record(id, MessageType.INFORMATION_RECORD, records.formatInformationRecord(record));
  }

  /** PROGRESS_RECORD. */
  progress(id: Guid, record: ProgressInit): void {
    this.#record(id, MessageType.PROGRESS_RECORD, records.formatProgressRecord(record));
  }

  /** Calls the client's host. Call id -100 waits for no answer; any other is answered with `hostResponse`. */
  hostCall(target: Guid | 'pool', call: { callId: bigint; methodId: number; parameters: readonly PsValue[] }): void {
    if (target === 'pool') {
      this.#call('answer', 'calling the host');
      this.#channel.send('pool', MessageType.RUNSPACEPOOL_HOST_CALL, formatHostCall(call));
    } else this.#record(target, MessageType.PIPELINE_HOST_CALL, formatHostCall(call));
  }

  /** Ends a pipeline: Completed, or Failed or Stopped, both of which real servers give with an error. */
  finish(id: Guid, state: PipelineState, error?: ErrorRecordInit): void {
    const pipeline = this.#running(id, 'finishing');
    const body = records.formatPipelineState(state, error === undefined ? undefined : formatErrorRecord(error));
    this.#channel.send(id, MessageType.PIPELINE_STATE, body);
    pipeline.ended = state >= PipelineState.Stopped && state !== PipelineState.Disconnected;
  }

  /** Forgets a pipeline: its queues are dropped with it. */
  forgetPipeline(id: Guid): void {
    this.#pipelines.delete(id);
    this.#channel.removePipeline(id);
  }

  hasOutgoing(target: Guid | 'pool'): boolean {
    return this.#channel.hasOutgoing(target);
  }

  /** Whole fragments joined, never more than `maxBytes` (at least 22); `undefined` when there is nothing. */
  takeOutgoing(target: Guid | 'pool', maxBytes: number): Uint8Array | undefined {
    return this.#channel.takeOutgoing(target, maxBytes);
  }

  /** One fragment, as each stands in an `rsp:Stream` of its own on a real server. */
  takeFragment(target: Guid | 'pool', maxBytes: number): Uint8Array | undefined {
    return this.#channel.takeFragment(target, maxBytes);
  }

  /** The text inside a SecureString that came from this client; `undefined` where there is no key for it. */
  revealSecureString(value: PsSecureString): string | undefined {
    return this.#cipher.reveal(value);
  }

  #call(input: ServerInput, doing: string): void {
    const next = serverTransitions[this.#phase][input];
    if (next === undefined) throw new PsrpError('PSRP_STATE_INVALID', `${doing}: the pool is ${this.#phase}`);
    this.#phase = next;
  }

  #running(id: Guid, doing: string): { ended: boolean } {
    const pipeline = this.#pipelines.get(id);
    if (pipeline === undefined || pipeline.ended) {
      const why = pipeline === undefined ? 'there is none of that id' : 'it has ended';
      throw new PsrpError('PSRP_STATE_INVALID', `${doing} pipeline ${id}: ${why}`);
    }
    this.#call('answer', `${doing} pipeline ${id}`);
    return pipeline;
  }

  #record(id: Guid, type: MessageType, body: PsValue): void {
    this.#running(id, `sending ${nameOfMessageType(type)} to`);
    this.#channel.send(id, type, body);
  }

  #sendPrivateData(): void {
    const data = this.#options.applicationPrivateData ?? { kind: 'Nil' };
    this.#channel.send('pool', MessageType.APPLICATION_PRIVATE_DATA, poolMessages.formatApplicationPrivateData(data));
  }

  #sendState(state: RunspacePoolState, error?: ErrorRecordInit): void {
    const record = error === undefined ? undefined : formatErrorRecord(error);
    this.#channel.send('pool', MessageType.RUNSPACEPOOL_STATE, poolMessages.formatRunspacePoolState(state, record));
  }

  /** In 2.1 alone something is held back for the client's key, see SecureStringCipher.isReady. */
  #requestKey(): void {
    if (this.#keyRequested) return;
    this.#keyRequested = true;
    this.#channel.send('pool', MessageType.PUBLIC_KEY_REQUEST, sessionMessages.formatPublicKeyRequest());
  }

  #received(input: ServerInput, type: MessageType): void {
    const next = serverTransitions[this.#phase][input];
    if (next === undefined) {
      throw new PsrpError(
        'PSRP_MESSAGE_UNEXPECTED',
        `receiving a ${nameOfMessageType(type)}: the pool is ${this.#phase}`,
      );
    }
    this.#phase = next;
  }

  #receiveMessage(source: Target, bytes: Uint8Array, events: ServerEvent[]): void {
    if (this.#phase === 'refused') return;
    const { type, body } = readMessage(bytes, Destination.Server);
    if (source !== 'pool') this.#receivePipelineMessage(source, type, bytes, body, events);
    else this.#receivePoolMessage(type, bytes, body, events);
  }

  #receivePipelineMessage(
    id: Guid,
    type: MessageType,
    bytes: Uint8Array,
    body: Uint8Array,
    events: ServerEvent[],
  ): void {
    if (type === MessageType.CREATE_PIPELINE || type === MessageType.GET_COMMAND_METADATA) {
      this.#receivePipeline(id, type, bytes, body, events);
      return;
    }
    this.#received('pipelineMessage', type);
    const pipeline = this.#pipelines.get(id);
    if (pipeline === undefined) {
      throw new PsrpError(
        'PSRP_MESSAGE_UNEXPECTED',
        `receiving a ${nameOfMessageType(type)} for pipeline ${id}: there is none of that id`,
      );
    }
    switch (type) {
      case MessageType.PIPELINE_INPUT:
        if (!pipeline.ended) events.push({ kind: 'input', id, body });
        return;
      case MessageType.END_OF_PIPELINE_INPUT:
        if (!pipeline.ended) events.push({ kind: 'inputEnded', id });
        return;
      case MessageType.PIPELINE_HOST_RESPONSE:
        events.push({ kind: 'hostResponse', id, response: parseHostResponse(decodeBody(type, body)) });
        return;
      default:
        throw new PsrpError(
          'PSRP_MESSAGE_UNEXPECTED',
          `receiving a ${nameOfMessageType(type)} for pipeline ${id}: no client sends it there`,
        );
    }
  }

  #receivePipeline(id: Guid, type: MessageType, bytes: Uint8Array, body: Uint8Array, events: ServerEvent[]): void {
    this.#received('createPipeline', type);
    if (this.#pipelines.has(id)) {
      throw new PsrpError(
        'PSRP_MESSAGE_UNEXPECTED',
        `receiving a ${nameOfMessageType(type)} for pipeline ${id}: it exists`,
      );
    }
    const value = decodeBody(type, body);
    if (type === MessageType.CREATE_PIPELINE)
      events.push({ kind: 'pipelineCreated', id, ...parseCreatePipeline(value) });
    else events.push({ kind: 'commandMetadataAsked', id, names: parseGetCommandMetadata(value), raw: value });
    this.#pipelines.set(id, { ended: false });
    this.#channel.setWireId(id, readMessageIds(bytes).pipelineId);
  }

  #receivePoolMessage(type: MessageType, bytes: Uint8Array, body: Uint8Array, events: ServerEvent[]): void {
    switch (type) {
      case MessageType.SESSION_CAPABILITY:
        this.#receiveCapability(type, bytes, body, events);
        return;
      case MessageType.INIT_RUNSPACEPOOL: {
        this.#received('init', type);
        const versions = { clientVersion: this.#clientVersion, protocolVersion: this.#cipher.version };
        const init = poolMessages.parseInitRunspacePool(decodeBody(type, body));
        events.push({ kind: 'poolOpening', poolId: this.#poolId, ...versions, ...init });
        return;
      }
      case MessageType.CONNECT_RUNSPACEPOOL:
        this.#received('connect', type);
        events.push({ kind: 'poolConnecting', ...poolMessages.parseConnectRunspacePool(decodeBody(type, body)) });
        return;
      case MessageType.PUBLIC_KEY:
        this.#received('keyMessage', type);
        this.#receivePublicKey(sessionMessages.parsePublicKey(decodeBody(type, body)), events);
        return;
      default:
        this.#received('poolMessage', type);
        events.push(readPoolQuestion(type, body));
    }
  }

  #receiveCapability(type: MessageType, bytes: Uint8Array, body: Uint8Array, events: ServerEvent[]): void {
    const { protocolVersion: clientVersion } = sessionMessages.parseSessionCapability(decodeBody(type, body));
    const answer = answerToClientVersion(clientVersion, this.#options.maxProtocolVersion ?? '2.3');
    this.#received(answer.accepted ? 'capability' : 'capabilityRefused', type);
    const { version: protocolVersion } = answer;
    const capability = sessionMessages.formatSessionCapability({ protocolVersion, ...sessionMessages.ownCapability });
    // A real server's answer has an all-zero RPID; what follows has the client's.
    this.#channel.setPoolId(emptyGuid);
    this.#channel.send('pool', MessageType.SESSION_CAPABILITY, capability);
    this.#poolId = readMessageIds(bytes).poolId;
    this.#channel.setPoolId(this.#poolId);
    this.#clientVersion = clientVersion;
    this.#cipher.version = protocolVersion;
    if (!answer.accepted) events.push({ kind: 'versionRefused', clientVersion });
  }

  #receivePublicKey(blobBase64: string, events: ServerEvent[]): void {
    if (!this.#cipher.hasPort) return;
    const answer = answerPublicKey(blobBase64, this.#cipher);
    this.#channel.send('pool', MessageType.ENCRYPTED_SESSION_KEY, sessionMessages.formatEncryptedSessionKey(answer));
    this.#channel.release();
    events.push({ kind: 'sessionKeyEstablished' });
  }
}
