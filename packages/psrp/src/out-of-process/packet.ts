/*
 * The framing that PowerShell uses on standard streams, pipes and sockets ("out of process"): one element a
 * line, each named for what it carries.
 *
 *   <Data Stream='Default' PSGuid='…'>base64 of fragments</Data>   Stream is Default or PromptResponse
 *   <DataAck PSGuid='…' />                                         and so Command, CommandAck, Close, CloseAck,
 *                                                                  Signal, SignalAck
 *
 * PSGuid is the pipeline's id, all zeros for the pool. Send one Data, then wait for its DataAck: a real
 * server works on packets concurrently, and without that inputs get lost or overtaken by their end.
 */
import { PsrpError } from '../errors.ts';
import { emptyGuid, type Guid, parseGuid } from '../guid.ts';
import { decodeBase64Bytes, encodeBase64Bytes } from './base64-bytes.ts';

/** The kinds of packet without content. */
export const signalKinds = ['DataAck', 'Command', 'CommandAck', 'Close', 'CloseAck', 'Signal', 'SignalAck'] as const;

/** One packet. `target` is a pipeline's id, or the pool. */
export type Packet =
  | {
      readonly kind: 'Data';
      readonly target: Guid | 'pool';
      readonly stream: 'stdin' | 'pr';
      readonly data: Uint8Array;
    }
  | { readonly kind: (typeof signalKinds)[number]; readonly target: Guid | 'pool' };

const encoder = new TextEncoder();
const lineFeed = 0x0a;
const greaterThan = 0x3e;
const lessThan = 0x3c;

/** A packet as a line of bytes, its line feed included. */
export function formatPacket(packet: Packet): Uint8Array {
  const guid = packet.target === 'pool' ? emptyGuid : packet.target;
  if (packet.kind !== 'Data') return encoder.encode(`<${packet.kind} PSGuid='${guid}' />\n`);
  const stream = packet.stream === 'pr' ? 'PromptResponse' : 'Default';
  const start = encoder.encode(`<Data Stream='${stream}' PSGuid='${guid}'>`);
  const end = encoder.encode('</Data>\n');
  const content = encodeBase64Bytes(packet.data);
  const line = new Uint8Array(start.length + content.length + end.length);
  line.set(start);
  line.set(content, start.length);
  line.set(end, start.length + content.length);
  return line;
}

const tagPattern = /^<([A-Za-z]{4,10})((?:\s+[A-Za-z]{1,16}\s*=\s*(?:'[^'<]{0,64}'|"[^"<]{0,64}"))*)\s*(\/?)>$/;
const attributePattern = /([A-Za-z]+)\s*=\s*(?:'([^']*)'|"([^"]*)")/g;

/** Bytes of a start tag with room to spare: `<Data Stream='PromptResponse' PSGuid='…'>` has 79. */
const maxTagBytes = 256;

function invalid(why: string): PsrpError {
  return new PsrpError('PSRP_PACKET_INVALID', `reading a packet of the out-of-process framing: ${why}`, {
    recovery: 'reopen-session',
  });
}

/** Reads a line without its line feed. Throws PSRP_PACKET_INVALID. */
export function parsePacket(line: Uint8Array): Packet {
  const tagEnd = line.subarray(0, maxTagBytes).indexOf(greaterThan);
  const tagText = String.fromCharCode(...line.subarray(0, tagEnd < 0 ? Math.min(line.length, 40) : tagEnd + 1));
  const match = tagEnd < 0 ? null : tagPattern.exec(tagText);
  if (match === null) throw invalid(`the line begins with ${JSON.stringify(tagText.slice(0, 40))}, which is no packet`);
  const [, kind, attributeText = '', slash] = match;
  const attributes = new Map<string, string>();
  for (const [, name = '', single, double] of attributeText.matchAll(attributePattern))
    attributes.set(name, single ?? double ?? '');
  const guid = parseGuid(attributes.get('PSGuid') ?? '');
  if (guid === undefined) throw invalid(`its PSGuid is ${JSON.stringify(attributes.get('PSGuid') ?? null)}`);
  const target = guid === emptyGuid ? 'pool' : guid;
  const content = slash === '/' ? line.subarray(line.length) : contentOf(line, tagEnd + 1, kind as string);
  if (kind === 'Data') {
    const data = decodeBase64Bytes(content);
    if (data === undefined) throw invalid('the content of its Data is no base64');
    return { kind, target, stream: attributes.get('Stream') === 'PromptResponse' ? 'pr' : 'stdin', data };
  }
  const signal = signalKinds.find((known) => known === kind);
  if (signal === undefined) throw invalid(`its kind is ${kind}`);
  if (content.length > 0) throw invalid(`a ${signal} has content`);
  return { kind: signal, target };
}

/** What stands between the start tag and the end tag, which ends the line. */
function contentOf(line: Uint8Array, start: number, kind: string): Uint8Array {
  const end = line.indexOf(lessThan, start);
  const closing = end < 0 ? '' : String.fromCharCode(...line.subarray(end, end + maxTagBytes)).trimEnd();
  if (closing !== `</${kind}>`) throw invalid(`its ${kind} does not end in </${kind}>`);
  return line.subarray(start, end);
}

/** Gathers lines from chunks of any size and gives the packets in them. */
export class PacketReader {
  readonly #maxLineBytes: number;
  #parts: Uint8Array[] = [];
  #partBytes = 0;
  #violation: PsrpError | undefined;

  /** @param maxLineBytes default 16 MiB: real peers put at most 32 KB of fragments into a line. */
  constructor(maxLineBytes = 16_777_216) {
    this.#maxLineBytes = maxLineBytes;
  }

  /** What was wrong with the bytes, if anything; all that follows is dropped. */
  get violation(): PsrpError | undefined {
    return this.#violation;
  }

  /** Takes a chunk and gives the packets it completed. Never throws: see {@link violation}. */
  push(bytes: Uint8Array): readonly Packet[] {
    const packets: Packet[] = [];
    let start = 0;
    while (this.#violation === undefined) {
      const end = bytes.indexOf(lineFeed, start);
      const piece = bytes.subarray(start, end < 0 ? bytes.length : end);
      if (this.#partBytes + piece.length > this.#maxLineBytes) {
        this.#violation = invalid(`a line has more than ${this.#maxLineBytes} bytes`);
      } else if (end < 0) {
        this.#keep(piece);
        break;
      } else {
        this.#read(this.#complete(piece), packets);
        start = end + 1;
      }
    }
    return packets;
  }

  #keep(piece: Uint8Array): void {
    if (piece.length === 0) return;
    this.#partBytes += piece.length;
    const last = this.#parts.at(-1);
    // Byte by byte, a part for each would cost a hundred times the data: small ones are joined as they come.
    if (last !== undefined && last.length <= piece.length * 2) {
      this.#parts[this.#parts.length - 1] = joined([last, piece]);
      this.#mergeTail();
    } else this.#parts.push(piece.slice());
  }

  /** Keeps the parts' lengths falling by half, so that all joining together costs n log n. */
  #mergeTail(): void {
    for (;;) {
      const [before, last] = this.#parts.slice(-2);
      if (before === undefined || last === undefined || before.length > last.length * 2) return;
      this.#parts.splice(-2, 2, joined([before, last]));
    }
  }

  #complete(piece: Uint8Array): Uint8Array {
    if (this.#parts.length === 0) return piece;
    const line = joined([...this.#parts, piece]);
    this.#parts = [];
    this.#partBytes = 0;
    return line;
  }

  #read(line: Uint8Array, packets: Packet[]): void {
    const end = line.at(-1) === 0x0d ? line.length - 1 : line.length;
    if (end === 0) return;
    try {
      packets.push(parsePacket(line.subarray(0, end)));
    } catch (error) {
      if (!(error instanceof PsrpError)) throw error;
      this.#violation = error;
    }
  }
}

function joined(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((total, part) => total + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}
