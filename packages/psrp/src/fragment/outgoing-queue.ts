/*
 * Messages on their way out, for one target (the pool, or one pipeline), cut into fragments as late as
 * possible: only the transport knows how much room is left. Fragments of two messages are never mixed,
 * and the two streams of WS-Man (`stdin`, and `pr` for answers to prompts) not within one message.
 */
import { PsrpError } from '../errors.ts';
import { encodeFragmentHeader, fragmentHeaderBytes } from './fragment.ts';

/** The stream of WS-Man that bytes go to: `pr` holds answers to host calls. */
export type OutgoingStream = 'stdin' | 'pr';

/** Counts the ObjectIds of one direction, over all targets of a pool. */
export class ObjectIdCounter {
  #last = 0;

  next(): number {
    this.#last += 1;
    return this.#last;
  }
}

interface Piece {
  readonly message: Uint8Array;
  readonly offset: number;
  readonly bytes: number;
  readonly objectId: number;
  readonly fragmentId: number;
}

const nothing = new Uint8Array(0);

class Lane {
  #messages: Uint8Array[] = [];
  #head = 0;

  get length(): number {
    return this.#messages.length - this.#head;
  }

  get first(): Uint8Array | undefined {
    return this.#messages[this.#head];
  }

  push(message: Uint8Array): void {
    this.#messages.push(message);
  }

  shift(): void {
    this.#messages[this.#head] = nothing;
    this.#head += 1;
    if (this.#head > 1_024 && this.#head * 2 > this.#messages.length) {
      this.#messages = this.#messages.slice(this.#head);
      this.#head = 0;
    }
  }
}

/** The outgoing messages of one target. */
export class OutgoingQueue {
  readonly #objectIds: ObjectIdCounter;
  readonly #maxFragmentBytes: number;
  readonly #lanes: Record<OutgoingStream, Lane> = { stdin: new Lane(), pr: new Lane() };
  /** The message of which some fragments have gone. */
  #current: { message: Uint8Array; offset: number; objectId: number; fragmentId: number } | undefined;
  #currentStream: OutgoingStream = 'stdin';
  #queuedBytes = 0;
  #queuedMessages = 0;
  readonly #lastOfTheirTake = new WeakSet<Uint8Array>();

  constructor(objectIds: ObjectIdCounter, maxFragmentBytes: number) {
    this.#objectIds = objectIds;
    this.#maxFragmentBytes = maxFragmentBytes;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get queuedMessages(): number {
    return this.#queuedMessages;
  }

  get isEmpty(): boolean {
    return this.#queuedMessages === 0;
  }

  /** The stream that the next bytes belong to: an unfinished message first, then answers, then the rest. */
  get stream(): OutgoingStream {
    if (this.#current !== undefined) return this.#currentStream;
    return this.#lanes.pr.length > 0 ? 'pr' : 'stdin';
  }

  /** `endsTake`: nothing is taken together with what follows this message. */
  push(message: Uint8Array, stream: OutgoingStream = 'stdin', endsTake = false): void {
    if (endsTake) this.#lastOfTheirTake.add(message);
    this.#lanes[stream].push(message);
    this.#queuedBytes += message.length;
    this.#queuedMessages += 1;
  }

  /** Whole fragments of one stream, joined, at most `maxBytes`; `undefined` when there is nothing. */
  take(maxBytes: number): Uint8Array | undefined {
    const stream = this.stream;
    const pieces: Piece[] = [];
    let room = maxBytes;
    while (this.stream === stream) {
      const piece = this.#nextPiece(room, pieces.length === 0);
      if (piece === undefined) break;
      pieces.push(piece);
      room -= piece.bytes + fragmentHeaderBytes;
      if (this.#current === undefined && this.#lastOfTheirTake.has(piece.message)) break;
    }
    return pieces.length === 0 ? undefined : join(pieces, maxBytes - room);
  }

  /** The next fragment alone, at most `maxBytes`; `undefined` when there is nothing. */
  takeFragment(maxBytes: number): Uint8Array | undefined {
    const piece = this.#nextPiece(maxBytes, true);
    return piece === undefined ? undefined : join([piece], piece.bytes + fragmentHeaderBytes);
  }

  /** A fragment is cut smaller than it could be only where it is the first of what is taken. */
  #nextPiece(room: number, isFirst: boolean): Piece | undefined {
    if (this.isEmpty) return undefined;
    if (isFirst && room <= fragmentHeaderBytes) {
      throw new PsrpError(
        'PSRP_ARGUMENT_INVALID',
        `taking outgoing bytes: ${room} bytes have no room for a fragment of at least 22`,
      );
    }
    const stream = this.stream;
    const started = this.#current;
    const message = started?.message ?? (this.#lanes[stream].first as Uint8Array);
    const offset = started?.offset ?? 0;
    const wanted = Math.min(message.length - offset, this.#maxFragmentBytes - fragmentHeaderBytes);
    if (!isFirst && wanted + fragmentHeaderBytes > room) return undefined;
    const bytes = Math.min(wanted, room - fragmentHeaderBytes);
    const objectId = started?.objectId ?? this.#objectIds.next();
    const fragmentId = started?.fragmentId ?? 0;
    this.#advance(stream, message, offset + bytes, objectId, fragmentId + 1);
    return { message, offset, bytes, objectId, fragmentId };
  }

  #advance(stream: OutgoingStream, message: Uint8Array, offset: number, objectId: number, fragmentId: number): void {
    if (this.#current === undefined) this.#lanes[stream].shift();
    if (offset < message.length) {
      this.#current = { message, offset, objectId, fragmentId };
      this.#currentStream = stream;
      return;
    }
    this.#current = undefined;
    this.#queuedBytes -= message.length;
    this.#queuedMessages -= 1;
  }
}

function join(pieces: readonly Piece[], total: number): Uint8Array {
  const joined = new Uint8Array(total);
  let at = 0;
  for (const { message, offset, bytes, objectId, fragmentId } of pieces) {
    const isEnd = offset + bytes === message.length;
    encodeFragmentHeader({ objectId, fragmentId, isStart: offset === 0, isEnd, blobBytes: bytes }, joined, at);
    joined.set(message.subarray(offset, offset + bytes), at + fragmentHeaderBytes);
    at += fragmentHeaderBytes + bytes;
  }
  return joined;
}
