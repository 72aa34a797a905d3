import { PsrpError } from '../errors.ts';
import { decodeBody } from '../message/decode-body.ts';
import { parseHostResponse } from '../message/host-call.ts';
import { MessageType, nameOfMessageType } from '../message/message-type.ts';
import * as poolMessages from '../message/runspace-pool-messages.ts';
import type { ServerEvent } from './event.ts';

/** The messages that ask the pool's owner for something, or answer its host calls. Throws PsrpError. */
export function readPoolQuestion(type: MessageType, body: Uint8Array): ServerEvent {
  switch (type) {
    case MessageType.SET_MAX_RUNSPACES:
      return { kind: 'maxRunspacesAsked', ...poolMessages.parseSetRunspaces('MaxRunspaces', decodeBody(type, body)) };
    case MessageType.SET_MIN_RUNSPACES:
      return { kind: 'minRunspacesAsked', ...poolMessages.parseSetRunspaces('MinRunspaces', decodeBody(type, body)) };
    case MessageType.GET_AVAILABLE_RUNSPACES:
      return {
        kind: 'availableRunspacesAsked',
        callId: poolMessages.parseCallId(decodeBody(type, body), nameOfMessageType(type)),
      };
    case MessageType.RESET_RUNSPACE_STATE:
      return {
        kind: 'resetRunspaceAsked',
        callId: poolMessages.parseCallId(decodeBody(type, body), nameOfMessageType(type)),
      };
    case MessageType.RUNSPACEPOOL_HOST_RESPONSE:
      return { kind: 'hostResponse', id: undefined, response: parseHostResponse(decodeBody(type, body)) };
    default:
      throw new PsrpError(
        'PSRP_MESSAGE_UNEXPECTED',
        `receiving a ${nameOfMessageType(type)}: no client sends it to a pool`,
      );
  }
}
