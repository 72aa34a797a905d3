/*
 * [MS-PSRP] 2.2.4, 3.1.5.1.2: fragments back into messages, for the bytes of one source (the pool, or one
 * pipeline). Invariants:
 *
 * - ObjectIds of a source grow; a fragment that was had already is dropped (a Receive that is asked again
 *   may bring the same data again), a fragment that is missing ends the assembler with PSRP_FRAGMENT_GAP.
 *   Whole messages that are missing cannot be seen: a real server counts ObjectIds over all its sessions.
 * - A message in one fragment inside one chunk is a view of that chunk; any other is joined once.
 * - After a violation everything is dropped.
 */
import { PsrpError } from '../errors.ts';
import { defaultPsrpLimits, type PsrpLimits } from '../limits.ts';
import { ByteParts } from './byte-parts.ts';
import { decodeFragmentHeader, fragmentHeaderBytes, type FragmentHeader } from './fragment.ts';

type AssemblerLimits = Pick<PsrpLimits, 'maxMessageBytes' | 'maxFragmentsPerMessage'>;

/** Assembles the messages of one source from chunks of any size. */
export class FragmentAssembler {
  readonly #limits: AssemblerLimits;
  readonly #header = new Uint8Array(fragmentHeaderBytes);
  #headerUsed = 0;
  /** The fragment whose blob is being read. */
  #fragment: FragmentHeader | undefined;
  #blobLeft = 0;
  #dropping = false;
  /** The object being gathered, `undefined` between objects. */
  #objectId: number | undefined;
  #nextFragmentId = 0;
  #lastObjectId = -1;
  readonly #parts = new ByteParts();
  #violation: PsrpError | undefined;

  constructor(limits: Partial<AssemblerLimits> = {}) {
    this.#limits = { ...defaultPsrpLimits, ...limits };
  }

  /** What ended this assembler, if anything did. */
  get violation(): PsrpError | undefined {
    return this.#violation;
  }

  /** Whether a message or a fragment has begun and is not complete. */
  get isInside(): boolean {
    return this.#objectId !== undefined || this.#headerUsed > 0 || this.#fragment !== undefined;
  }

  /**
   * Takes a chunk and gives the messages it completed. They may be views of `bytes`, which must not be
   * written to afterwards. Never throws: see {@link violation}.
   */
  push(bytes: Uint8Array): readonly Uint8Array[] {
    const messages: Uint8Array[] = [];
    let offset = 0;
    while (offset < bytes.length && this.#violation === undefined) {
      offset = this.#fragment === undefined ? this.#readHeader(bytes, offset) : this.#readBlob(bytes, offset);
      if (this.#fragment !== undefined && this.#blobLeft === 0) this.#endFragment(messages);
      else if (this.#fragment !== undefined) offset = this.#shortcut(bytes, offset, messages);
    }
    return messages;
  }

  #readHeader(bytes: Uint8Array, offset: number): number {
    if (this.#headerUsed === 0 && bytes.length - offset >= fragmentHeaderBytes) {
      this.#beginFragment(bytes, offset);
      return offset + fragmentHeaderBytes;
    }
    const taken = Math.min(fragmentHeaderBytes - this.#headerUsed, bytes.length - offset);
    this.#header.set(bytes.subarray(offset, offset + taken), this.#headerUsed);
    this.#headerUsed += taken;
    if (this.#headerUsed === fragmentHeaderBytes) {
      this.#headerUsed = 0;
      this.#beginFragment(this.#header, 0);
    }
    return offset + taken;
  }

  /** A whole message in the rest of the chunk needs no gathering. */
  #shortcut(bytes: Uint8Array, offset: number, messages: Uint8Array[]): number {
    const fragment = this.#fragment as FragmentHeader;
    const end = offset + fragment.blobBytes;
    const isWhole = fragment.isStart && fragment.isEnd && this.#blobLeft === fragment.blobBytes && end <= bytes.length;
    if (!isWhole || this.#dropping) return offset;
    messages.push(bytes.subarray(offset, end));
    this.#lastObjectId = fragment.objectId;
    this.#objectId = undefined;
    this.#fragment = undefined;
    this.#blobLeft = 0;
    return end;
  }

  #readBlob(bytes: Uint8Array, offset: number): number {
    const taken = Math.min(this.#blobLeft, bytes.length - offset);
    if (!this.#dropping) this.#parts.append(bytes.subarray(offset, offset + taken));
    this.#blobLeft -= taken;
    return offset + taken;
  }

  #beginFragment(bytes: Uint8Array, offset: number): void {
    const header = decodeFragmentHeader(bytes, offset);
    if (header === undefined) {
      this.#violate('PSRP_FRAGMENT_INVALID', 'reading a fragment: its ObjectId or FragmentId is beyond 2^53');
      return;
    }
    const verdict = this.#judge(header);
    if (verdict === 'violated') return;
    this.#dropping = verdict === 'repeated';
    if (!this.#dropping) this.#admit(header);
    if (this.#violation !== undefined) return;
    this.#fragment = header;
    this.#blobLeft = header.blobBytes;
  }

  /** Whether the fragment is the one that is due, one that was had already, or neither. */
  #judge(header: FragmentHeader): 'due' | 'repeated' | 'violated' {
    const { objectId, fragmentId, isStart } = header;
    const at = `fragment ${fragmentId} of object ${objectId}`;
    if (objectId <= this.#lastObjectId) return 'repeated';
    if (this.#objectId === undefined) {
      if (fragmentId !== 0) return this.#gap(`reading ${at}: fragments 0 to ${fragmentId - 1} of it did not come`);
      if (!isStart) return this.#invalid(`reading ${at}: it is not marked as the first`);
      return 'due';
    }
    const expected = `fragment ${this.#nextFragmentId} of object ${this.#objectId}`;
    if (objectId < this.#objectId) return this.#invalid(`reading ${at} where ${expected} was due: ObjectIds must grow`);
    if (objectId > this.#objectId || fragmentId > this.#nextFragmentId) {
      return this.#gap(`reading ${at} where ${expected} was due: what stood between is lost`);
    }
    if (fragmentId < this.#nextFragmentId) return 'repeated';
    if (isStart) return this.#invalid(`reading ${at}: it is marked as the first`);
    return 'due';
  }

  #admit(header: FragmentHeader): void {
    const total = this.#parts.length + header.blobBytes;
    if (total > this.#limits.maxMessageBytes) {
      const limit = this.#limits.maxMessageBytes;
      this.#violate(
        'PSRP_LIMIT_EXCEEDED',
        `reading object ${header.objectId}: it has at least ${total} bytes, the limit is ${limit}`,
      );
    } else if (header.fragmentId >= this.#limits.maxFragmentsPerMessage) {
      const limit = this.#limits.maxFragmentsPerMessage;
      this.#violate('PSRP_LIMIT_EXCEEDED', `reading object ${header.objectId}: it has more than ${limit} fragments`);
    }
    this.#objectId = header.objectId;
    this.#nextFragmentId = header.fragmentId + 1;
  }

  #endFragment(messages: Uint8Array[]): void {
    const fragment = this.#fragment as FragmentHeader;
    this.#fragment = undefined;
    if (this.#dropping || !fragment.isEnd) return;
    this.#lastObjectId = fragment.objectId;
    this.#objectId = undefined;
    messages.push(this.#parts.take());
  }

  #gap(message: string): 'violated' {
    this.#violate('PSRP_FRAGMENT_GAP', message);
    return 'violated';
  }

  #invalid(message: string): 'violated' {
    this.#violate('PSRP_FRAGMENT_INVALID', message);
    return 'violated';
  }

  #violate(code: 'PSRP_FRAGMENT_INVALID' | 'PSRP_FRAGMENT_GAP' | 'PSRP_LIMIT_EXCEEDED', message: string): void {
    this.#violation = new PsrpError(code, message, {
      recovery: code === 'PSRP_FRAGMENT_GAP' ? 'reopen-session' : 'none',
    });
    this.#parts.clear();
  }
}
