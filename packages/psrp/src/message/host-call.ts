/*
 * [MS-PSRP] 2.2.2.15 RUNSPACEPOOL_HOST_CALL, 2.2.2.16 RUNSPACEPOOL_HOST_RESPONSE, 2.2.2.27 PIPELINE_HOST_CALL,
 * 2.2.2.28 PIPELINE_HOST_RESPONSE: what the server asks of the client's host, and the answers.
 *
 *   call      { ci: I64 call id, mi: RemoteHostMethodId, mp: ArrayList of parameters }
 *   response  { ci, mi, mr: return value } or { me: error, ci, mi }
 */
import type { PsObject, PsValue } from '../clixml/value.ts';
import type { ErrorRecord } from '../session.ts';
import { bodyOf, enumeration, field, fieldOf, int64, integerIn, listOf, longIn, required } from './body.ts';
import { formatErrorRecord, parseErrorRecord } from './error-record.ts';
import type { ErrorRecordInit } from './error-record-init.ts';
import { nameOfHostMethod, setShouldExit } from './host-method.ts';

/** A call of the server to the client's host. Call id -100 asks for no answer. */
export interface HostCall {
  readonly callId: bigint;
  /** `RemoteHostMethodId` ([MS-PSRP] 2.2.3.17), e.g. 6 SetShouldExit, 11 ReadLine, 26 PromptForChoice. */
  readonly methodId: number;
  /** The method's name as the specification spells it, or its number as text where it is unknown. */
  readonly methodName: string;
  /** The parameters: a list. */
  readonly parameters: PsValue;
}

/** The client's answer to a host call. */
export interface HostResponse {
  readonly callId: bigint;
  readonly methodId: number;
  readonly returnValue: PsValue | undefined;
  readonly error: ErrorRecord | undefined;
}

/** The call id of a call that wants no answer. */
const voidCallId = -100n;

/** Whether the server waits for an answer to this call. */
export function wantsAnswer(call: HostCall): boolean {
  return call.callId !== voidCallId && call.methodId !== setShouldExit;
}

function formatMethod(methodId: number): PsObject {
  return enumeration('System.Management.Automation.Remoting.RemoteHostMethodId', nameOfHostMethod(methodId), methodId);
}

export function formatHostCall(call: { callId: bigint; methodId: number; parameters: readonly PsValue[] }): PsValue {
  return bodyOf([
    field('ci', int64(call.callId)),
    field('mi', formatMethod(call.methodId)),
    field('mp', listOf(['System.Collections.ArrayList', 'System.Object'], call.parameters)),
  ]);
}

export function parseHostCall(body: PsValue): HostCall {
  const methodId = required(integerIn(fieldOf(body, 'mi')), 'host call', 'mi');
  return {
    callId: required(longIn(fieldOf(body, 'ci')), 'host call', 'ci'),
    methodId,
    methodName: nameOfHostMethod(methodId),
    parameters: required(fieldOf(body, 'mp'), 'host call', 'mp'),
  };
}

/** A response with a return value. */
export function formatHostResponse(response: { callId: bigint; methodId: number; returnValue: PsValue }): PsValue {
  return bodyOf([
    field('mr', response.returnValue),
    field('ci', int64(response.callId)),
    field('mi', formatMethod(response.methodId)),
  ]);
}

/** A response that is an error: the method throws on the server. */
export function formatHostError(response: { callId: bigint; methodId: number; error: ErrorRecordInit }): PsValue {
  return bodyOf([
    field('me', formatErrorRecord(response.error, { bare: true })),
    field('ci', int64(response.callId)),
    field('mi', formatMethod(response.methodId)),
  ]);
}

export function parseHostResponse(body: PsValue): HostResponse {
  const error = fieldOf(body, 'me');
  return {
    callId: required(longIn(fieldOf(body, 'ci')), 'host response', 'ci'),
    methodId: required(integerIn(fieldOf(body, 'mi')), 'host response', 'mi'),
    returnValue: fieldOf(body, 'mr'),
    error: error?.kind === 'Obj' ? parseErrorRecord(error) : undefined,
  };
}

/** The refusal that a client without a host gives to a call that waits for an answer. */
export function refusalOf(call: HostCall): ErrorRecordInit {
  const message = `This client is not interactive: ${call.methodName} cannot be answered. Give every value as a parameter; for -Confirm, pass false.`;
  const exception = 'System.Management.Automation.PSInvalidOperationException';
  return {
    message,
    fullyQualifiedErrorId: 'InvalidOperation',
    exceptionTypeNames: [
      exception,
      'System.InvalidOperationException',
      'System.SystemException',
      'System.Exception',
      'System.Object',
    ],
    category: 7,
    categoryReason: 'PSInvalidOperationException',
  };
}
