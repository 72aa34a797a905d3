import { decodeCliXml } from '../clixml/decode.ts';
import type { PsValue } from '../clixml/value.ts';
import { PsrpError } from '../errors.ts';
import { type MessageType, nameOfMessageType } from './message-type.ts';

/** Decodes the body of a message that must have one; throws a PsrpError that names the message. */
export function decodeBody(type: MessageType, body: Uint8Array): PsValue {
  if (body.length === 0)
    throw new PsrpError('PSRP_MESSAGE_INVALID', `reading a ${nameOfMessageType(type)}: its body is empty`);
  return decodeCliXml(body);
}
