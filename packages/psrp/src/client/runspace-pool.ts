/*
 * [MS-PSRP] 3.1: the client's side of a runspace pool and its pipelines, without I/O. The transport hands
 * in the bytes it received with their source (the pool, or a pipeline), and takes the bytes to send by
 * target. Closing, stopping and deleting are the transport's own operations and no messages.
 */
import type { PsSecureString, PsValue } from '../clixml/value.ts';
import { PsrpError } from '../errors.ts';
import { emptyGuid, type Guid } from '../guid.ts';
import { defaultPsrpLimits } from '../limits.ts';
import { decodeBody } from '../message/decode-body.ts';
import { formatCreatePipeline } from '../message/create-pipeline.ts';
import { formatGetCommandMetadata } from '../message/command-metadata.ts';
import { formatHostError, parseHostCall, refusalOf, wantsAnswer } from '../message/host-call.ts';
import { Destination, readMessage } from '../message/message.ts';
import { MessageType, nameOfMessageType } from '../message/message-type.ts';
import * as poolMessages from '../message/runspace-pool-messages.ts';
import * as sessionMessages from '../message/session-messages.ts';
import { MessageChannel, type Target } from '../message-channel.ts';
import { type ProtocolVersion, versionInForce } from '../protocol-version.ts';
import { SecureStringCipher } from '../secure-string.ts';
import type { PipelineRequest } from '../session.ts';
import { RunspacePoolState } from '../state/runspace-pool-state.ts';
import { type ClientInput, type ClientPhase, clientTransitions } from '../state/transitions.ts';
import type { ClientEvent } from './event.ts';
import { ClientKeyExchange } from './key-exchange.ts';
import type { ClientRunspacePoolOptions } from './options.ts';
import { ClientPipeline } from './pipeline.ts';

const stateOfPhase: Readonly<Record<ClientPhase, RunspacePoolState>> = {
  beforeOpen: RunspacePoolState.BeforeOpen,
  negotiating: RunspacePoolState.Opening,
  opening: RunspacePoolState.Opening,
  opened: RunspacePoolState.Opened,
  closing: RunspacePoolState.Closing,
  closed: RunspacePoolState.Closed,
  broken: RunspacePoolState.Broken,
};

/**
 * A client's runspace pool. Methods throw PsrpError with PSRP_STATE_INVALID where the state does not allow
 * the call, PSRP_ARGUMENT_INVALID for values that cannot be sent; {@link receive} never throws for what a
 * peer sent.
 */
export class ClientRunspacePool {
  readonly id: Guid;
  readonly #options: ClientRunspacePoolOptions;
  readonly #announced: ProtocolVersion;
  readonly #cipher: SecureStringCipher;
  readonly #keyExchange: ClientKeyExchange;
  readonly #channel: MessageChannel;
  readonly #pipelines = new Map<Guid, ClientPipeline>();
  #phase: ClientPhase = 'beforeOpen';
  #serverVersion = '';
  #privateData: PsValue | undefined;
  /** What must still come before a pool that was connected to is open: it is told no state. */
  readonly #awaitedToConnect = new Set<MessageType>();
  #nextCallId = 1n;

  constructor(options: ClientRunspacePoolOptions) {
    this.id = options.id;
    this.#options = options;
    this.#announced = options.protocolVersion ?? '2.3';
    this.#cipher = new SecureStringCipher('client', options.sessionKey, this.#announced);
    this.#keyExchange = new ClientKeyExchange(this.#cipher);
    this.#channel = new MessageChannel({
      limits: { ...defaultPsrpLimits, ...options.limits },
      destination: Destination.Server,
      cipher: this.#cipher,
      poolId: options.id,
      requestKey: () => this.#sendPublicKey(),
    });
  }

  get state(): RunspacePoolState {
    return stateOfPhase[this.#phase];
  }

  /** What the server said of itself: its version as answered (empty before that) and its private data. */
  get server(): { readonly protocolVersion: string; readonly applicationPrivateData: PsValue | undefined } {
    return { protocolVersion: this.#serverVersion, applicationPrivateData: this.#privateData };
  }

  /**
   * Whether a command or input with a SecureString waits for the session key: drain the pool's outgoing
   * bytes and receive from the pool until `sessionKeyEstablished`, then what waited is there to be taken.
   */
  get isWaitingForSessionKey(): boolean {
    return this.#channel.isHolding;
  }

  /**
   * Queues PUBLIC_KEY on the pool, once; `sessionKeyEstablished` follows. SecureStrings that came before can be
   * revealed then too. Nothing happens in 2.4, which has no session key.
   */
  exchangeSessionKey(): void {
    this.#call('askServer', 'exchanging the session key');
    if (this.#cipher.needsKey) this.#sendPublicKey();
  }

  /** Queues SESSION_CAPABILITY and INIT_RUNSPACEPOOL for the pool: over WS-Man they are the `creationXml`. */
  open(): void {
    this.#call('open', 'opening a runspace pool');
    this.#sendCapability();
    const { minRunspaces = 1, maxRunspaces = 1, applicationArguments } = this.#options;
    const init = poolMessages.formatInitRunspacePool({ minRunspaces, maxRunspaces, applicationArguments });
    this.#channel.send('pool', MessageType.INIT_RUNSPACEPOOL, init);
  }

  /** Queues SESSION_CAPABILITY and CONNECT_RUNSPACEPOOL: takes up a pool that was disconnected. */
  connect(): void {
    this.#call('open', 'connecting to a runspace pool');
    this.#sendCapability();
    this.#awaitedToConnect.add(MessageType.RUNSPACEPOOL_INIT_DATA).add(MessageType.APPLICATION_PRIVATE_DATA);
    const { minRunspaces, maxRunspaces } = this.#options;
    const counts = {
      ...(minRunspaces !== undefined && { minRunspaces }),
      ...(maxRunspaces !== undefined && { maxRunspaces }),
    };
    this.#channel.send('pool', MessageType.CONNECT_RUNSPACEPOOL, poolMessages.formatConnectRunspacePool(counts));
  }

  /** Queues CREATE_PIPELINE for a new pipeline. It stays until {@link forgetPipeline}. */
  startPipeline(id: Guid, request: PipelineRequest, options: { hasInput: boolean }): void {
    this.#call('startPipeline', `starting pipeline ${id}`);
    const body = formatCreatePipeline(request, { hasInput: options.hasInput, version: this.#cipher.version });
    this.#addPipeline(id, MessageType.CREATE_PIPELINE, body, options.hasInput);
  }

  /** Queues GET_COMMAND_METADATA: a pipeline whose output describes the commands of these name patterns. */
  startCommandMetadata(id: Guid, names: readonly string[]): void {
    this.#call('startPipeline', `asking for commands in pipeline ${id}`);
    this.#addPipeline(id, MessageType.GET_COMMAND_METADATA, formatGetCommandMetadata(names), false);
  }

  /** Queues one object of pipeline input; Nil goes as an empty body, which is what servers take for `$null`. */
  sendInput(id: Guid, value: PsValue): void {
    this.#pipeline(id, 'sending input to').sendsInput();
    this.#channel.send(id, MessageType.PIPELINE_INPUT, value.kind === 'Nil' ? new Uint8Array(0) : value);
  }

  /** Queues END_OF_PIPELINE_INPUT. */
  endInput(id: Guid): void {
    this.#pipeline(id, 'ending the input of').endsInput();
    this.#channel.send(id, MessageType.END_OF_PIPELINE_INPUT, new Uint8Array(0));
  }

  /** Forgets a pipeline whose end the transport has seen; what still arrives for it is dropped. */
  forgetPipeline(id: Guid): void {
    this.#pipelines.delete(id);
    this.#channel.removePipeline(id);
  }

  /** Queues SET_MAX_RUNSPACES; the answer is `runspaceAvailability` with the returned call id. */
  setMaxRunspaces(count: number): bigint {
    return this.#ask(MessageType.SET_MAX_RUNSPACES, (callId) =>
      poolMessages.formatSetRunspaces('MaxRunspaces', count, callId),
    );
  }

  /** Queues SET_MIN_RUNSPACES; the answer is `runspaceAvailability` with the returned call id. */
  setMinRunspaces(count: number): bigint {
    return this.#ask(MessageType.SET_MIN_RUNSPACES, (callId) =>
      poolMessages.formatSetRunspaces('MinRunspaces', count, callId),
    );
  }

  /** Queues GET_AVAILABLE_RUNSPACES; the answer is `runspaceAvailability` with the returned call id. */
  getAvailableRunspaces(): bigint {
    return this.#ask(MessageType.GET_AVAILABLE_RUNSPACES, poolMessages.formatCallId);
  }

  /** Queues RESET_RUNSPACE_STATE (2.3 and later); the answer is `runspaceAvailability` with the returned call id. */
  resetRunspaceState(): bigint {
    return this.#ask(MessageType.RESET_RUNSPACE_STATE, poolMessages.formatCallId);
  }

  /** The pool is being closed by the transport: what still arrives, but the pool's state, is dropped. */
  close(): void {
    this.#call('close', 'closing a runspace pool');
    for (const id of [...this.#pipelines.keys()]) this.forgetPipeline(id);
  }

  hasOutgoing(target: Guid | 'pool'): boolean {
    return this.#channel.hasOutgoing(target);
  }

  /** Whole fragments joined, of one stream, never more than `maxBytes` (at least 22); `undefined`: nothing. */
  takeOutgoing(target: Guid | 'pool', maxBytes: number): Uint8Array | undefined {
    return this.#channel.takeOutgoing(target, maxBytes);
  }

  /** The stream that the next bytes for this target go to: `pr` holds answers to host calls. */
  outgoingStream(target: Guid | 'pool'): 'stdin' | 'pr' {
    return this.#channel.outgoingStream(target);
  }

  /**
   * Takes bytes of one source, in chunks of any size, and gives the events they complete. Bodies of `output`
   * are views of `bytes` where they can be: do not write to it afterwards.
   */
  receive(source: Guid | 'pool', bytes: Uint8Array): readonly ClientEvent[] {
    if (this.#phase === 'broken' || this.#phase === 'closed') return [];
    const events: ClientEvent[] = [];
    const { messages, violation } = this.#channel.assemble(source, bytes);
    try {
      for (const message of messages) this.#receiveMessage(source, message, events);
      if (violation !== undefined) throw violation;
    } catch (error) {
      if (!(error instanceof PsrpError)) throw error;
      this.#phase = 'broken';
      events.push({ kind: 'protocolViolation', source, error });
    }
    return events;
  }

  /** The text inside a SecureString that came from this server; `undefined` where there is no key for it. */
  revealSecureString(value: PsSecureString): string | undefined {
    return this.#cipher.reveal(value);
  }

  #call(input: ClientInput, doing: string): void {
    const next = clientTransitions[this.#phase][input];
    if (next === undefined) throw new PsrpError('PSRP_STATE_INVALID', `${doing}: the pool is ${this.#phase}`);
    this.#phase = next;
  }

  #sendCapability(): void {
    const capability = { protocolVersion: this.#announced, ...sessionMessages.ownCapability };
    this.#channel.send('pool', MessageType.SESSION_CAPABILITY, sessionMessages.formatSessionCapability(capability));
  }

  #addPipeline(id: Guid, type: MessageType, body: PsValue, hasInput: boolean): void {
    if (id === emptyGuid || this.#pipelines.has(id)) {
      throw new PsrpError('PSRP_ARGUMENT_INVALID', `starting pipeline ${id}: the id is in use`);
    }
    this.#channel.addPipeline(id);
    try {
      this.#channel.send(id, type, body);
    } catch (error) {
      this.#channel.removePipeline(id);
      throw error;
    }
    this.#pipelines.set(id, new ClientPipeline(id, hasInput));
  }

  #pipeline(id: Guid, doing: string): ClientPipeline {
    const pipeline = this.#pipelines.get(id);
    if (pipeline !== undefined) return pipeline;
    throw new PsrpError('PSRP_STATE_INVALID', `${doing} pipeline ${id}: there is none of that id`);
  }

  #ask(type: MessageType, format: (callId: bigint) => PsValue): bigint {
    this.#call('askServer', `sending ${nameOfMessageType(type)}`);
    const callId = this.#nextCallId;
    this.#nextCallId += 1n;
    this.#channel.send('pool', type, format(callId));
    return callId;
  }

  #sendPublicKey(): void {
    const blob = this.#keyExchange.begin();
    if (blob !== undefined) this.#channel.send('pool', MessageType.PUBLIC_KEY, sessionMessages.formatPublicKey(blob));
  }

  #receiveMessage(source: Target, bytes: Uint8Array, events: ClientEvent[]): void {
    const { type, body } = readMessage(bytes, Destination.Client);
    const isOfPipeline = type >= MessageType.PIPELINE_INPUT;
    if (isOfPipeline) {
      this.#received('pipelineMessage', type);
      // On the pool's stream it belongs to nothing that was asked for, e.g. to an initial command.
      if (source !== 'pool') this.#receivePipelineMessage(source, type, body, events);
    } else if (this.#phase !== 'closing' || type === MessageType.RUNSPACEPOOL_STATE) {
      this.#receivePoolMessage(type, body, events);
    }
  }

  #received(input: ClientInput, type: MessageType): void {
    const next = clientTransitions[this.#phase][input];
    if (next === undefined && this.#phase !== 'closing') {
      throw new PsrpError(
        'PSRP_MESSAGE_UNEXPECTED',
        `receiving a ${nameOfMessageType(type)}: the pool is ${this.#phase}`,
      );
    }
    this.#phase = next ?? this.#phase;
  }

  #receivePipelineMessage(id: Guid, type: MessageType, body: Uint8Array, events: ClientEvent[]): void {
    const pipeline = this.#pipelines.get(id);
    if (pipeline === undefined || pipeline.hasEnded) return;
    if (type === MessageType.PIPELINE_HOST_CALL) this.#receiveHostCall(id, type, body, events);
    else events.push({ kind: 'pipeline', pipelineId: id, event: pipeline.receive(type, body) });
  }

  #receiveHostCall(pipelineId: Guid | undefined, type: MessageType, body: Uint8Array, events: ClientEvent[]): void {
    const call = parseHostCall(decodeBody(type, body));
    const answered = wantsAnswer(call);
    if (answered) {
      const answerType =
        pipelineId === undefined ? MessageType.RUNSPACEPOOL_HOST_RESPONSE : MessageType.PIPELINE_HOST_RESPONSE;
      const refusal = formatHostError({ callId: call.callId, methodId: call.methodId, error: refusalOf(call) });
      this.#channel.send(pipelineId ?? 'pool', answerType, refusal, 'pr');
    }
    events.push({ kind: 'hostCall', pipelineId, call, answered });
  }

  #receivePoolMessage(type: MessageType, body: Uint8Array, events: ClientEvent[]): void {
    switch (type) {
      case MessageType.SESSION_CAPABILITY:
        this.#receiveCapability(type, body, events);
        return;
      case MessageType.APPLICATION_PRIVATE_DATA:
        this.#received('privateData', type);
        this.#privateData = poolMessages.parseApplicationPrivateData(decodeBody(type, body));
        events.push({ kind: 'applicationPrivateData', value: this.#privateData });
        this.#receivedToConnect(type, events);
        return;
      case MessageType.RUNSPACEPOOL_STATE:
        this.#receiveState(type, body, events);
        return;
      case MessageType.RUNSPACEPOOL_INIT_DATA:
        this.#received('initData', type);
        events.push({ kind: 'poolInitData', ...poolMessages.parseRunspacePoolInitData(decodeBody(type, body)) });
        this.#receivedToConnect(type, events);
        return;
      case MessageType.RUNSPACE_AVAILABILITY:
        this.#received('poolMessage', type);
        events.push({
          kind: 'runspaceAvailability',
          ...poolMessages.parseRunspaceAvailability(decodeBody(type, body)),
        });
        return;
      case MessageType.USER_EVENT:
        this.#received('poolMessage', type);
        events.push({ kind: 'userEvent', raw: decodeBody(type, body) });
        return;
      case MessageType.RUNSPACEPOOL_HOST_CALL:
        this.#received('poolMessage', type);
        this.#receiveHostCall(undefined, type, body, events);
        return;
      case MessageType.PUBLIC_KEY_REQUEST:
        this.#received('keyMessage', type);
        // Without cryptography the request is left unanswered, as by a client that has no key.
        if (this.#cipher.hasPort) this.#sendPublicKey();
        return;
      case MessageType.ENCRYPTED_SESSION_KEY:
        this.#received('keyMessage', type);
        this.#keyExchange.end(sessionMessages.parseEncryptedSessionKey(decodeBody(type, body)));
        this.#channel.release();
        events.push({ kind: 'sessionKeyEstablished' });
        return;
      default:
        throw new PsrpError(
          'PSRP_MESSAGE_UNEXPECTED',
          `receiving a ${nameOfMessageType(type)}: only a client sends it`,
        );
    }
  }

  #receiveCapability(type: MessageType, body: Uint8Array, events: ClientEvent[]): void {
    const { protocolVersion } = sessionMessages.parseSessionCapability(decodeBody(type, body));
    this.#serverVersion = protocolVersion;
    const version = versionInForce(protocolVersion, this.#announced);
    this.#received(version === undefined ? 'capabilityRefused' : 'capability', type);
    if (version === undefined) {
      const seen = `this client announced ${this.#announced}, the server answered ${JSON.stringify(protocolVersion.slice(0, 40))}`;
      throw new PsrpError('PSRP_VERSION_REFUSED', `agreeing on a protocol version: ${seen}`);
    }
    this.#cipher.version = version;
    events.push({ kind: 'poolNegotiated', protocolVersion: version });
  }

  #receivedToConnect(type: MessageType, events: ClientEvent[]): void {
    if (this.#awaitedToConnect.delete(type) && this.#awaitedToConnect.size === 0) this.#opened(type, events);
  }

  #opened(type: MessageType, events: ClientEvent[]): void {
    this.#received('stateOpened', type);
    if (this.#options.keyExchange === 'at-open' && this.#cipher.needsKey) this.#sendPublicKey();
    events.push({ kind: 'poolOpened' });
  }

  #receiveState(type: MessageType, body: Uint8Array, events: ClientEvent[]): void {
    const { state, error } = poolMessages.parseRunspacePoolState(decodeBody(type, body));
    switch (state) {
      case RunspacePoolState.Opened:
        this.#opened(type, events);
        return;
      case RunspacePoolState.Broken:
        this.#received('stateBroken', type);
        events.push({ kind: 'poolBroken', error });
        return;
      case RunspacePoolState.Closed:
        this.#received('stateClosed', type);
        // A state with an error is an end that nobody here asked for, whatever its name.
        events.push(error === undefined ? { kind: 'poolClosed' } : { kind: 'poolBroken', error });
        return;
      case RunspacePoolState.Closing:
        this.#received('stateClosing', type);
        events.push({ kind: 'poolState', state });
        return;
      default:
        this.#received('stateOther', type);
        events.push({ kind: 'poolState', state });
    }
  }
}
