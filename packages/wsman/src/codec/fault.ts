/*
 * SOAP 1.2 faults as WinRM writes them. SOAP 1.2 part 1 §5.4, DSP0226 §14, [MS-WSMV] 2.2.4.43 (WSManFault).
 *
 *   s:Fault  s:Code{ s:Value s:Receiver|s:Sender, s:Subcode{ s:Value w:TimedOut … } }
 *            s:Reason{ s:Text }
 *            s:Detail{ [w:FaultDetail] f:WSManFault Code="2150858793" Machine="…" { f:Message{ text | f:ProviderFault } } }
 */
import { FaultCode, faultMeaning, parseFaultCode } from './fault-codes.ts';
import { Namespace } from './names.ts';
import { child, deepText, escapeXml, type XmlElement } from './xml-element.ts';

/** A fault, from either side. */
export interface WsmanFault {
  /** Whose fault it is. */
  readonly role: 'Sender' | 'Receiver';
  /** The local name of the subcode: `TimedOut`, `InvalidSelectors`, `AccessDenied`, `InternalError`, … */
  readonly subcode: string | undefined;
  /** The WSManFault code, unsigned. */
  readonly code: number | undefined;
  /** `s:Reason`. */
  readonly reason: string;
  /** `f:Message`, what a provider said inside it included. */
  readonly message: string | undefined;
  /** `w:FaultDetail`, the last part of its URI. */
  readonly faultDetail: string | undefined;
  /** The `Machine` that speaks. */
  readonly machine: string | undefined;
}

const codeSpaces: Readonly<Record<string, string>> = {
  TimedOut: 'w',
  InvalidSelectors: 'w',
  InternalError: 'w',
  AccessDenied: 'w',
  QuotaLimit: 'w',
  InvalidParameter: 'w',
  SchemaValidationError: 'w',
  EncodingLimit: 'w',
  InvalidResourceURI: 'w',
  DestinationUnreachable: 'a',
  ActionNotSupported: 'a',
  EndpointUnavailable: 'a',
};

/** Formats the body of a fault; the prefixes `s`, `a` and `w` must be declared on the envelope. */
export function formatFaultBody(fault: WsmanFault): string {
  const subcode =
    fault.subcode === undefined
      ? ''
      : `<s:Subcode><s:Value>${codeSpaces[fault.subcode] ?? 'w'}:${escapeXml(fault.subcode)}</s:Value></s:Subcode>`;
  const faultDetail =
    fault.faultDetail === undefined
      ? ''
      : `<w:FaultDetail>${Namespace.wsman.replace('.xsd', '')}/faultDetail/${escapeXml(fault.faultDetail)}</w:FaultDetail>`;
  const machine = fault.machine === undefined ? '' : ` Machine="${escapeXml(fault.machine)}"`;
  const wsmanFault =
    fault.code === undefined
      ? ''
      : `<f:WSManFault xmlns:f="${Namespace.fault}" Code="${fault.code}"${machine}><f:Message>${escapeXml(fault.message ?? fault.reason)}</f:Message></f:WSManFault>`;
  return (
    `<s:Fault><s:Code><s:Value>s:${fault.role}</s:Value>${subcode}</s:Code>` +
    `<s:Reason><s:Text xml:lang="en-US">${escapeXml(fault.reason)}</s:Text></s:Reason>` +
    `<s:Detail>${faultDetail}${wsmanFault}</s:Detail></s:Fault>`
  );
}

function localName(qualified: string | undefined): string | undefined {
  const trimmed = qualified?.trim();
  return trimmed === undefined || trimmed === '' ? undefined : trimmed.slice(trimmed.lastIndexOf(':') + 1);
}

/** Reads the `s:Fault` element. */
export function readFault(element: XmlElement): WsmanFault {
  const code = child(element, Namespace.soap, 'Code');
  const detail = child(element, Namespace.soap, 'Detail');
  const wsmanFault =
    child(detail, Namespace.fault, 'WSManFault') ?? detail?.children.find((entry) => entry.name === 'WSManFault');
  const message = wsmanFault?.children.find((entry) => entry.name === 'Message');
  const faultDetail = child(detail, Namespace.wsman, 'FaultDetail')?.text.trim();
  const reason = child(element, Namespace.soap, 'Reason');
  const rawCode = wsmanFault?.attribute('Code');
  return {
    role: localName(child(code, Namespace.soap, 'Value')?.text) === 'Receiver' ? 'Receiver' : 'Sender',
    subcode: localName(child(child(code, Namespace.soap, 'Subcode'), Namespace.soap, 'Value')?.text),
    code: rawCode === undefined ? undefined : parseFaultCode(rawCode),
    reason: reason === undefined ? '' : deepText(reason),
    message: message === undefined ? undefined : deepText(message),
    faultDetail: faultDetail?.slice(faultDetail.lastIndexOf('/') + 1),
    machine: wsmanFault?.attribute('Machine'),
  };
}

/** Whether the fault only says "nothing yet" ([MS-WSMV] 3.1.4.14): the same Receive is to be sent again. */
export function isQuiet(fault: WsmanFault): boolean {
  return fault.code === FaultCode.operationTimedOut || (fault.code === undefined && fault.subcode === 'TimedOut');
}

/**
 * The failure category that Exchange puts before its messages, `[FailureCategory=AuthZ-AuthorizationException]`;
 * `undefined` where there is none.
 */
export function failureCategory(text: string): string | undefined {
  return /\[FailureCategory=([^\]\s]{1,200})\]/.exec(text)?.[1];
}

/**
 * Whether Exchange's front end says that it did not reach a back end: `[FailureCategory=Cafe-SendFailure]`, named by
 * what .NET's WebExceptionStatus says of the connection. Another request may be handed on elsewhere.
 */
export function isFrontEndFailure(text: string): boolean {
  return /^Cafe-(?:(?:Connect|Send|Receive|Pipeline|KeepAlive|NameResolution)Failure|ConnectionClosed|RequestCanceled|Timeout)$/.test(
    failureCategory(text) ?? '',
  );
}

/** Whether it says so of a request that the back end may have got: only the way back was cut. */
export function isAnswerLostBehind(text: string): boolean {
  return /^Cafe-(?:(?:Receive|Pipeline|KeepAlive)Failure|ConnectionClosed|RequestCanceled|Timeout)$/.test(
    failureCategory(text) ?? '',
  );
}

/** Milliseconds of "Please wait for N seconds", as throttled Exchange says; `undefined` where there is none. */
export function requestedWaitMs(text: string): number | undefined {
  const match = /wait for (\d{1,6}) seconds?/i.exec(text);
  return match === null ? undefined : Number.parseInt(match[1] as string, 10) * 1000;
}

/** The address a redirect fault names; `undefined` where the fault is none or names none. */
export function redirectLocation(fault: WsmanFault): string | undefined {
  if (fault.code !== FaultCode.redirectRequested) return undefined;
  return /https?:\/\/[^\s<>"']+/i.exec(`${fault.message ?? ''} ${fault.reason}`)?.[0];
}

/** One line for a person: what the fault says, its code, and what that means. */
export function describeFault(fault: WsmanFault): string {
  const said = (fault.message || fault.reason || 'no text').replace(/\s+/g, ' ').trim().slice(0, 2000);
  const names = [fault.subcode, fault.code === undefined ? undefined : `code ${fault.code}`]
    .filter((part) => part !== undefined)
    .join(', ');
  const meaning = faultMeaning(fault.code)?.meaning;
  return `${said}${names === '' ? '' : ` (${names})`}${meaning === undefined ? '' : `: ${meaning}`}`;
}
