/*
 * The wire side of a pool, the same for client and server: fragments in, by source; messages out, by
 * target; SecureStrings protected on the way, and what cannot be yet held back until the session key is
 * there, in order.
 */
import { encodeCliXml } from './clixml/writer.ts';
import type { PsValue } from './clixml/value.ts';
import { PsrpError } from './errors.ts';
import { FragmentAssembler } from './fragment/fragment-assembler.ts';
import { ObjectIdCounter, OutgoingQueue, type OutgoingStream } from './fragment/outgoing-queue.ts';
import { emptyGuid, encodeGuid, type Guid } from './guid.ts';
import type { PsrpLimits } from './limits.ts';
import { type Destination, Destination as destinations, messageHeaderBytes } from './message/message.ts';
import { MessageType } from './message/message-type.ts';
import { holdsPlainText, protectPlainTexts, type SecureStringCipher } from './secure-string.ts';

/** A pipeline's id, or the pool itself: where bytes come from and go to. */
export type Target = Guid | 'pool';

interface Held {
  readonly type: MessageType;
  readonly body: PsValue | Uint8Array;
  readonly stream: OutgoingStream;
}

interface Lane {
  readonly assembler: FragmentAssembler;
  readonly queue: OutgoingQueue;
  /** The header of this lane's messages; the type is written into it before each use. */
  readonly header: Uint8Array;
  held: Held[];
}

const byteOrderMark = [0xef, 0xbb, 0xbf] as const;

/**
 * A real server hangs where input stands in one packet with the message that starts its pipeline: seen with
 * PowerShell 7.6, whose own client sends the one, waits, and then sends the other.
 */
function startsPipeline(type: MessageType): boolean {
  return type === MessageType.CREATE_PIPELINE || type === MessageType.GET_COMMAND_METADATA;
}

/** Messages between a pool and its peer. */
export class MessageChannel {
  readonly #limits: PsrpLimits;
  readonly #destination: Destination;
  readonly #cipher: SecureStringCipher;
  readonly #requestKey: () => void;
  readonly #objectIds = new ObjectIdCounter();
  readonly #lanes = new Map<Target, Lane>();
  #poolId: Guid;

  /** `destination`: who reads what is sent. `requestKey` is called when something is held back for a key. */
  constructor(options: {
    limits: PsrpLimits;
    destination: Destination;
    cipher: SecureStringCipher;
    poolId: Guid;
    requestKey: () => void;
  }) {
    this.#limits = options.limits;
    this.#destination = options.destination;
    this.#cipher = options.cipher;
    this.#requestKey = options.requestKey;
    this.#poolId = options.poolId;
    this.#lanes.set('pool', this.#makeLane(emptyGuid));
  }

  /** A server learns the pool's id from the client. */
  setPoolId(poolId: Guid): void {
    this.#poolId = poolId;
    for (const lane of this.#lanes.values()) encodeGuid(poolId, lane.header, 8);
  }

  get pipelineCount(): number {
    return this.#lanes.size - 1;
  }

  hasTarget(target: Target): boolean {
    return this.#lanes.has(target);
  }

  /** Makes place for a pipeline; `wireId` is its PID inside messages, where that is another. */
  addPipeline(id: Guid, wireId: Guid = id): void {
    if (this.pipelineCount >= this.#limits.maxPipelines) {
      throw new PsrpError(
        'PSRP_LIMIT_EXCEEDED',
        `adding pipeline ${id}: ${this.pipelineCount} are alive, the limit is ${this.#limits.maxPipelines}`,
      );
    }
    this.#lanes.set(id, this.#makeLane(wireId));
  }

  setWireId(id: Guid, wireId: Guid): void {
    const lane = this.#lanes.get(id);
    if (lane !== undefined) encodeGuid(wireId, lane.header, 24);
  }

  removePipeline(id: Guid): void {
    if (id !== ('pool' as string)) this.#lanes.delete(id);
  }

  /** The messages that the bytes completed, and what was wrong with the rest. Unknown sources are dropped. */
  assemble(source: Target, bytes: Uint8Array): { messages: readonly Uint8Array[]; violation: PsrpError | undefined } {
    const assembler = this.#lanes.get(source)?.assembler;
    if (assembler === undefined) return { messages: [], violation: undefined };
    return { messages: assembler.push(bytes), violation: assembler.violation };
  }

  /** Queues a message: a value to be encoded, or a body that is. */
  send(target: Target, type: MessageType, body: PsValue | Uint8Array, stream: OutgoingStream = 'stdin'): void {
    const lane = this.#laneOf(target);
    const mustWait =
      lane.held.length > 0 || (!(body instanceof Uint8Array) && !this.#cipher.isReady && holdsPlainText(body));
    if (!mustWait || stream === 'pr') {
      this.#enqueue(lane, type, body, stream);
      return;
    }
    this.#cipher.port; // throws where there never will be a key
    this.#checkQueues();
    lane.held.push({ type, body, stream });
    this.#requestKey();
  }

  /** Whether anything waits for the session key. */
  get isHolding(): boolean {
    for (const lane of this.#lanes.values()) if (lane.held.length > 0) return true;
    return false;
  }

  /** Sends what waited for the session key. */
  release(): void {
    for (const lane of this.#lanes.values()) {
      const held = lane.held;
      lane.held = [];
      for (const { type, body, stream } of held) this.#enqueue(lane, type, body, stream);
    }
  }

  hasOutgoing(target: Target): boolean {
    return this.#lanes.get(target)?.queue.isEmpty === false;
  }

  outgoingStream(target: Target): OutgoingStream {
    return this.#lanes.get(target)?.queue.stream ?? 'stdin';
  }

  takeOutgoing(target: Target, maxBytes: number): Uint8Array | undefined {
    return this.#counted(target, (queue) => queue.take(maxBytes));
  }

  takeFragment(target: Target, maxBytes: number): Uint8Array | undefined {
    return this.#counted(target, (queue) => queue.takeFragment(maxBytes));
  }

  #counted(target: Target, take: (queue: OutgoingQueue) => Uint8Array | undefined): Uint8Array | undefined {
    const queue = this.#lanes.get(target)?.queue;
    return queue === undefined ? undefined : take(queue);
  }

  #makeLane(wireId: Guid): Lane {
    const header = new Uint8Array(messageHeaderBytes);
    header[0] = this.#destination;
    encodeGuid(this.#poolId, header, 8);
    encodeGuid(wireId, header, 24);
    const queue = new OutgoingQueue(this.#objectIds, this.#limits.maxFragmentBytes);
    return { assembler: new FragmentAssembler(this.#limits), queue, header, held: [] };
  }

  #laneOf(target: Target): Lane {
    const lane = this.#lanes.get(target);
    if (lane === undefined)
      throw new PsrpError('PSRP_STATE_INVALID', `sending to pipeline ${target}: there is none of that id in this pool`);
    return lane;
  }

  #enqueue(lane: Lane, type: MessageType, body: PsValue | Uint8Array, stream: OutgoingStream): void {
    this.#checkQueues();
    const bytes = body instanceof Uint8Array ? body : encodeCliXml(this.#protected(body));
    const markBytes = this.#destination === destinations.Client && bytes.length > 0 ? 3 : 0;
    const message = new Uint8Array(messageHeaderBytes + markBytes + bytes.length);
    message.set(lane.header);
    message[4] = type & 0xff;
    message[5] = (type >>> 8) & 0xff;
    message[6] = (type >>> 16) & 0xff;
    if (markBytes > 0) message.set(byteOrderMark, messageHeaderBytes);
    message.set(bytes, messageHeaderBytes + markBytes);
    lane.queue.push(message, stream, startsPipeline(type));
  }

  #protected(value: PsValue): PsValue {
    return holdsPlainText(value) ? protectPlainTexts(value, (plainText) => this.#cipher.protect(plainText)) : value;
  }

  /** A queue that nobody drains is an error of the caller, or a peer that provokes answers without end. */
  #checkQueues(): void {
    let messages = 0;
    let bytes = 0;
    for (const lane of this.#lanes.values()) {
      messages += lane.queue.queuedMessages + lane.held.length;
      bytes += lane.queue.queuedBytes;
    }
    const { maxQueuedMessages, maxQueuedBytes } = this.#limits;
    if (messages < maxQueuedMessages && bytes < maxQueuedBytes) return;
    const seen = `${messages} messages of ${bytes} bytes wait to be taken`;
    throw new PsrpError(
      'PSRP_LIMIT_EXCEEDED',
      `queuing a message: ${seen}, the limits are ${maxQueuedMessages} and ${maxQueuedBytes}`,
    );
  }
}
