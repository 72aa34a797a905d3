/*
 * The messages of a pipeline as the events that a caller sees. Output is handed on undecoded: the caller
 * chooses how much of it to build.
 */
import { decodeBody } from '../message/decode-body.ts';
import { parseErrorRecord } from '../message/error-record.ts';
import { MessageType } from '../message/message-type.ts';
import { parseInformationalRecord, parsePipelineState, parseProgressRecord } from '../message/record-messages.ts';
import type { PipelineEvent } from '../session.ts';

/** The event that a message of a pipeline tells; `undefined` for a type that tells none. Throws PsrpError. */
export function readPipelineEvent(type: MessageType, body: Uint8Array): PipelineEvent | undefined {
  switch (type) {
    case MessageType.PIPELINE_OUTPUT:
      return { kind: 'output', body };
    case MessageType.ERROR_RECORD:
      return { kind: 'error', record: parseErrorRecord(decodeBody(type, body)) };
    case MessageType.WARNING_RECORD:
      return readInformational('warning', type, body);
    case MessageType.VERBOSE_RECORD:
      return readInformational('verbose', type, body);
    case MessageType.DEBUG_RECORD:
      return readInformational('debug', type, body);
    case MessageType.INFORMATION_RECORD:
      return { kind: 'information', raw: decodeBody(type, body) };
    case MessageType.PROGRESS_RECORD: {
      const raw = decodeBody(type, body);
      return { kind: 'progress', record: parseProgressRecord(raw), raw };
    }
    case MessageType.PIPELINE_STATE: {
      const { state, error } = parsePipelineState(decodeBody(type, body));
      return { kind: 'state', state, error };
    }
    default:
      return undefined;
  }
}

function readInformational(kind: 'warning' | 'verbose' | 'debug', type: MessageType, body: Uint8Array): PipelineEvent {
  const raw = decodeBody(type, body);
  return { kind, message: parseInformationalRecord(raw), raw };
}
