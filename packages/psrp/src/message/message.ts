/*
 * [MS-PSRP] 2.2.1: a message. Numbers are little-endian, GUIDs as .NET's Guid.ToByteArray has them.
 *
 *    0                4          8               24              40
 *   +----------------+----------+---------------+---------------+--------------------- - -
 *   | Destination u32| Type u32 | RPID 16 bytes | PID 16 bytes  | body: CLIXML as UTF-8
 *   +----------------+----------+---------------+---------------+--------------------- - -
 *     1 client, 2 server          runspace pool   pipeline or 0   a server begins it with EF BB BF;
 *                                                                 empty for $null and END_OF_PIPELINE_INPUT
 *
 * A server sends SESSION_CAPABILITY (and some ENCRYPTED_SESSION_KEY) with an all-zero RPID, and a real
 * one compares neither id with the shell's or command's: they are read, and not relied on.
 */
import { PsrpError } from '../errors.ts';
import { decodeGuid, encodeGuid, type Guid } from '../guid.ts';
import { isMessageType, type MessageType, nameOfMessageType } from './message-type.ts';

/** Bytes before the body of a message. */
export const messageHeaderBytes = 40;

/** `Destination` of a message: who is to read it. */
export const Destination = { Client: 1, Server: 2 } as const;
/** A value of {@link Destination}. */
export type Destination = (typeof Destination)[keyof typeof Destination];

/** A whole message. `body` is CLIXML as UTF-8 without byte-order mark, perhaps empty. */
export interface Message {
  readonly destination: Destination;
  readonly type: MessageType;
  readonly poolId: Guid;
  readonly pipelineId: Guid;
  readonly body: Uint8Array;
}

function readUint32LittleEndian(bytes: Uint8Array, offset: number): number {
  const low = (bytes[offset] as number) | ((bytes[offset + 1] as number) << 8) | ((bytes[offset + 2] as number) << 16);
  return low + (bytes[offset + 3] as number) * 0x1000000;
}

/** Type and body of a message for `destination`; the ids are left where they are. Throws PSRP_MESSAGE_INVALID. */
export function readMessage(
  bytes: Uint8Array,
  destination: Destination,
): { readonly type: MessageType; readonly body: Uint8Array } {
  if (bytes.length < messageHeaderBytes) {
    throw new PsrpError(
      'PSRP_MESSAGE_INVALID',
      `reading a message: ${bytes.length} bytes, its header alone has ${messageHeaderBytes}`,
    );
  }
  const type = readUint32LittleEndian(bytes, 4);
  if (!isMessageType(type)) {
    throw new PsrpError(
      'PSRP_MESSAGE_INVALID',
      `reading a message: its type ${nameOfMessageType(type)} is not one of [MS-PSRP] 2.2.1`,
    );
  }
  const seen = readUint32LittleEndian(bytes, 0);
  if (seen !== destination) {
    throw new PsrpError(
      'PSRP_MESSAGE_INVALID',
      `reading a ${nameOfMessageType(type)}: its destination is ${seen}, not ${destination}`,
    );
  }
  const hasMark =
    bytes.length >= messageHeaderBytes + 3 && bytes[40] === 0xef && bytes[41] === 0xbb && bytes[42] === 0xbf;
  return { type, body: bytes.subarray(hasMark ? messageHeaderBytes + 3 : messageHeaderBytes) };
}

/** RPID and PID of a message whose header is complete. */
export function readMessageIds(bytes: Uint8Array): { readonly poolId: Guid; readonly pipelineId: Guid } {
  return { poolId: decodeGuid(bytes, 8), pipelineId: decodeGuid(bytes, 24) };
}

/**
 * Decodes a whole message, for whichever side it is. The body is a view of `bytes`. Throws
 * PSRP_MESSAGE_INVALID ([MS-PSRP] 2.2.1).
 */
export function decodeMessage(bytes: Uint8Array): Message {
  const destination = bytes[0] === Destination.Client ? Destination.Client : Destination.Server;
  return { destination, ...readMessage(bytes, destination), ...readMessageIds(bytes) };
}

/** Encodes a message. Bodies for the client begin with a byte-order mark, as a server's do, unless empty. */
export function encodeMessage(message: Message): Uint8Array {
  const { destination, type, body } = message;
  const markBytes = destination === Destination.Client && body.length > 0 ? 3 : 0;
  const bytes = new Uint8Array(messageHeaderBytes + markBytes + body.length);
  bytes[0] = destination;
  bytes[4] = type & 0xff;
  bytes[5] = (type >>> 8) & 0xff;
  bytes[6] = (type >>> 16) & 0xff;
  bytes[7] = type >>> 24;
  encodeGuid(message.poolId, bytes, 8);
  encodeGuid(message.pipelineId, bytes, 24);
  if (markBytes > 0) bytes.set([0xef, 0xbb, 0xbf], messageHeaderBytes);
  bytes.set(body, messageHeaderBytes + markBytes);
  return bytes;
}
