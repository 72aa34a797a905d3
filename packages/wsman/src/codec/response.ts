/*
 * Responses of a shell. [MS-WSMV] 3.1.4 and 2.2.4.37 (Shell), 2.2.4.8 (CommandState), as recorded servers
 * write them.
 *
 * The Receive response is the hot path: half a megabyte of base64 in some sixteen rsp:Stream elements. Its
 * text is found by the scanner and decoded in place; nothing of it is built into a tree.
 *
 *   s:Envelope s:Header{ a:Action a:MessageID [p:ActivityId] a:To a:RelatesTo }
 *     s:Body rsp:ReceiveResponse{ rsp:Stream Name="stdout" [CommandId]=base64 …,
 *                                 [rsp:CommandState CommandId State="…/CommandState/Done"{ [rsp:ExitCode] }] }
 */
import { parseDuration } from './duration.ts';
import { formatFaultBody, readFault, type WsmanFault } from './fault.ts';
import {
  Action,
  anonymousAddress,
  type CommandStateName,
  commandStatePrefix,
  FaultAction,
  Namespace,
} from './names.ts';
import { child, escapeXml, readElement, type XmlElement } from './xml-element.ts';
import { XmlScanner } from './xml-scanner.ts';

/** One `rsp:Stream`: PSRP fragments, of a command or of the pool. */
export interface ReceivedStream {
  /** `stdout`. */
  readonly name: string;
  readonly commandId: string | undefined;
  readonly data: Uint8Array;
}

/** `rsp:CommandState`. */
export interface CommandState {
  readonly commandId: string | undefined;
  /** `Running`, `Done` or `Pending`; another server's word otherwise. */
  readonly state: CommandStateName | (string & {});
  readonly exitCode: number | undefined;
}

/** The facts of `rsp:Shell`; a PSRP 2.1 server sends none of them. */
export interface ShellFacts {
  readonly owner?: string | undefined;
  readonly clientIp?: string | undefined;
  readonly processId?: string | undefined;
  readonly idleTimeoutMs?: number | undefined;
  readonly maxIdleTimeoutMs?: number | undefined;
  readonly bufferMode?: string | undefined;
  readonly state?: string | undefined;
}

export type ResponseBody =
  | {
      readonly kind: 'created';
      readonly shellId: string;
      readonly address?: string | undefined;
      readonly resourceUri?: string | undefined;
      readonly shell: ShellFacts | undefined;
    }
  | { readonly kind: 'commandAccepted'; readonly commandId: string }
  | {
      readonly kind: 'received';
      readonly streams: readonly ReceivedStream[];
      readonly commandState: CommandState | undefined;
    }
  | { readonly kind: 'sent' }
  | { readonly kind: 'signalled' }
  | { readonly kind: 'deleted' }
  | { readonly kind: 'got'; readonly shellId: string | undefined; readonly shell: ShellFacts | undefined }
  | { readonly kind: 'fault'; readonly fault: WsmanFault };

/** What every response carries. */
export interface ResponseHeader {
  readonly messageId: string;
  /** The MessageID of the request. */
  readonly relatesTo: string | undefined;
  readonly activityId?: string | undefined;
}

export interface ParsedResponse {
  readonly header: ResponseHeader;
  readonly action: string;
  readonly body: ResponseBody;
}

const actions: Readonly<Record<Exclude<ResponseBody['kind'], 'fault'>, string>> = {
  created: `${Action.create}Response`,
  commandAccepted: `${Action.command}Response`,
  received: `${Action.receive}Response`,
  sent: `${Action.send}Response`,
  signalled: `${Action.signal}Response`,
  deleted: `${Action.delete}Response`,
  got: `${Action.get}Response`,
};

const prologue =
  `<s:Envelope xml:lang="en-US" xmlns:s="${Namespace.soap}" xmlns:a="${Namespace.addressing}" xmlns:x="${Namespace.transfer}" ` +
  `xmlns:w="${Namespace.wsman}" xmlns:rsp="${Namespace.shell}" xmlns:p="${Namespace.microsoft}">`;

function seconds(milliseconds: number): string {
  return `PT${(milliseconds / 1000).toFixed(3)}S`;
}

function formatShell(
  shellId: string | undefined,
  resourceUri: string | undefined,
  shell: ShellFacts | undefined,
): string {
  if (shell === undefined) return '';
  const part = (name: string, value: string | undefined) =>
    value === undefined ? '' : `<rsp:${name}>${escapeXml(value)}</rsp:${name}>`;
  return (
    `<rsp:Shell xmlns:rsp="${Namespace.shell}">${part('ShellId', shellId)}${part('ResourceUri', resourceUri)}${part('Owner', shell.owner)}` +
    `${part('ClientIP', shell.clientIp)}${part('ProcessId', shell.processId)}` +
    `${part('IdleTimeOut', shell.idleTimeoutMs === undefined ? undefined : seconds(shell.idleTimeoutMs))}` +
    `<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>` +
    `${part('MaxIdleTimeOut', shell.maxIdleTimeoutMs === undefined ? undefined : seconds(shell.maxIdleTimeoutMs))}` +
    `<rsp:Locale>en-US</rsp:Locale><rsp:DataLocale>en-US</rsp:DataLocale><rsp:CompressionMode>NoCompression</rsp:CompressionMode>` +
    `<rsp:ProfileLoaded>Yes</rsp:ProfileLoaded><rsp:Encoding>UTF8</rsp:Encoding>${part('BufferMode', shell.bufferMode)}${part('State', shell.state)}` +
    `<rsp:ShellRunTime>P0DT0H0M0S</rsp:ShellRunTime><rsp:ShellInactivity>P0DT0H0M0S</rsp:ShellInactivity></rsp:Shell>`
  );
}

function idAttribute(commandId: string | undefined): string {
  return commandId === undefined ? '' : ` CommandId="${escapeXml(commandId)}"`;
}

function formatReceived(body: Extract<ResponseBody, { kind: 'received' }>): string {
  const parts: string[] = ['<rsp:ReceiveResponse>'];
  for (const { name, commandId, data } of body.streams) {
    const text = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    parts.push(`<rsp:Stream Name="${escapeXml(name)}"${idAttribute(commandId)}>`, text, '</rsp:Stream>');
  }
  const state = body.commandState;
  if (state !== undefined) {
    const exit = state.exitCode === undefined ? '' : `<rsp:ExitCode>${state.exitCode}</rsp:ExitCode>`;
    parts.push(
      `<rsp:CommandState${idAttribute(state.commandId)} State="${commandStatePrefix}${escapeXml(state.state)}">${exit}</rsp:CommandState>`,
    );
  }
  parts.push('</rsp:ReceiveResponse>');
  return parts.join('');
}

function formatBody(body: ResponseBody): string {
  switch (body.kind) {
    case 'created':
      return (
        `<x:ResourceCreated><a:Address>${escapeXml(body.address ?? anonymousAddress)}</a:Address><a:ReferenceParameters>` +
        `<w:ResourceURI>${escapeXml(body.resourceUri ?? '')}</w:ResourceURI><w:SelectorSet><w:Selector Name="ShellId">${escapeXml(body.shellId)}</w:Selector></w:SelectorSet>` +
        `</a:ReferenceParameters></x:ResourceCreated>${formatShell(body.shellId, body.resourceUri, body.shell)}`
      );
    case 'commandAccepted':
      return `<rsp:CommandResponse><rsp:CommandId>${escapeXml(body.commandId)}</rsp:CommandId></rsp:CommandResponse>`;
    case 'received':
      return formatReceived(body);
    case 'sent':
      return '<rsp:SendResponse/>';
    case 'signalled':
      return '<rsp:SignalResponse/>';
    case 'deleted':
      return '';
    case 'got':
      return formatShell(body.shellId, undefined, body.shell ?? {});
    case 'fault':
      return formatFaultBody(body.fault);
  }
}

/** Formats a response as UTF-8, without a byte-order mark. */
export function formatResponse(header: ResponseHeader, body: ResponseBody): Buffer {
  const action = body.kind === 'fault' ? FaultAction.wsman : actions[body.kind];
  const activity =
    header.activityId === undefined ? '' : `<p:ActivityId>${escapeXml(header.activityId)}</p:ActivityId>`;
  const relates = header.relatesTo === undefined ? '' : `<a:RelatesTo>${escapeXml(header.relatesTo)}</a:RelatesTo>`;
  const text =
    `${prologue}<s:Header><a:Action>${action}</a:Action><a:MessageID>${escapeXml(header.messageId)}</a:MessageID>${activity}` +
    `<a:To>${anonymousAddress}</a:To>${relates}</s:Header><s:Body>${formatBody(body)}</s:Body></s:Envelope>`;
  return Buffer.from(text, 'utf8');
}

function readShell(element: XmlElement | undefined): ShellFacts | undefined {
  if (element === undefined) return undefined;
  const text = (name: string) => child(element, Namespace.shell, name)?.text.trim();
  return {
    owner: text('Owner'),
    clientIp: text('ClientIP'),
    processId: text('ProcessId'),
    idleTimeoutMs: parseDuration(text('IdleTimeOut') ?? ''),
    maxIdleTimeoutMs: parseDuration(text('MaxIdleTimeOut') ?? ''),
    bufferMode: text('BufferMode'),
    state: text('State'),
  };
}

function readHeader(scanner: XmlScanner): { header: ResponseHeader; action: string } {
  const element = readElement(scanner);
  const text = (namespace: string, name: string) => child(element, namespace, name)?.text.trim();
  return {
    header: {
      messageId: text(Namespace.addressing, 'MessageID') ?? '',
      relatesTo: text(Namespace.addressing, 'RelatesTo'),
      activityId: text(Namespace.microsoft, 'ActivityId'),
    },
    action: text(Namespace.addressing, 'Action') ?? '',
  };
}

function readReceived(scanner: XmlScanner): ResponseBody {
  const streams: ReceivedStream[] = [];
  let commandState: CommandState | undefined;
  for (;;) {
    const token = scanner.next();
    if (token === 'end') return { kind: 'received', streams, commandState };
    if (token !== 'start') continue;
    if (scanner.namespace !== Namespace.shell) scanner.skip();
    else if (scanner.is(Namespace.shell, 'Stream')) {
      const name = scanner.attribute('Name') ?? 'stdout';
      const commandId = scanner.attribute('CommandId');
      streams.push({ name, commandId, data: scanner.readBase64() });
    } else if (scanner.is(Namespace.shell, 'CommandState')) {
      const element = readElement(scanner);
      const state = element.attribute('State') ?? '';
      const exit = child(element, Namespace.shell, 'ExitCode')?.text.trim();
      commandState = {
        commandId: element.attribute('CommandId'),
        state: state.slice(state.lastIndexOf('/') + 1),
        exitCode: exit !== undefined && /^-?\d{1,10}$/.test(exit) ? Number.parseInt(exit, 10) : undefined,
      };
    } else scanner.skip();
  }
}

function readCreated(scanner: XmlScanner, elements: readonly XmlElement[]): ResponseBody {
  const created = elements.find((element) => element.name === 'ResourceCreated');
  const shell = elements.find((element) => element.name === 'Shell' && element.namespace === Namespace.shell);
  const parameters = child(created, Namespace.addressing, 'ReferenceParameters');
  const selectors = child(parameters, Namespace.wsman, 'SelectorSet')?.children ?? [];
  const shellId =
    selectors.find((selector) => selector.attribute('Name')?.toLowerCase() === 'shellid')?.text.trim() ??
    child(shell, Namespace.shell, 'ShellId')?.text.trim();
  if (shellId === undefined || shellId === '') throw scanner.fail('the answer to Create names no ShellId');
  return {
    kind: 'created',
    shellId,
    address: child(created, Namespace.addressing, 'Address')?.text.trim(),
    resourceUri: child(parameters, Namespace.wsman, 'ResourceURI')?.text.trim(),
    shell: readShell(shell),
  };
}

function bodyOf(action: string, scanner: XmlScanner, elements: readonly XmlElement[]): ResponseBody {
  switch (action) {
    case actions.created:
      return readCreated(scanner, elements);
    case actions.commandAccepted: {
      const response = elements.find(
        (element) => element.name === 'CommandResponse' && element.namespace === Namespace.shell,
      );
      const commandId = child(response, Namespace.shell, 'CommandId')?.text.trim();
      if (commandId === undefined || commandId === '') throw scanner.fail('the answer to Command names no CommandId');
      return { kind: 'commandAccepted', commandId };
    }
    case actions.sent:
      return { kind: 'sent' };
    case actions.signalled:
      return { kind: 'signalled' };
    case actions.deleted:
      return { kind: 'deleted' };
    case actions.got: {
      const shell = elements.find((element) => element.name === 'Shell' && element.namespace === Namespace.shell);
      return { kind: 'got', shellId: child(shell, Namespace.shell, 'ShellId')?.text.trim(), shell: readShell(shell) };
    }
    default:
      throw scanner.fail(`the action "${action.slice(0, 200)}" is that of no response to a shell's client`);
  }
}

/** Reads what stands in `s:Body`, just started. */
function readBody(scanner: XmlScanner, action: string): ResponseBody {
  let received: ResponseBody | undefined;
  const elements: XmlElement[] = [];
  for (;;) {
    const token = scanner.next();
    if (token === 'end') break;
    if (token !== 'start') continue;
    if (received === undefined && scanner.is(Namespace.shell, 'ReceiveResponse')) received = readReceived(scanner);
    else elements.push(readElement(scanner));
  }
  const fault = elements.find((element) => element.name === 'Fault' && element.namespace === Namespace.soap);
  if (fault !== undefined) return { kind: 'fault', fault: readFault(fault) };
  if (received === undefined && action === actions.received)
    throw scanner.fail('the answer to Receive has no ReceiveResponse');
  return received ?? bodyOf(action, scanner, elements);
}

/**
 * Reads a response, for a client. The streams' data are fresh bytes, not views of the input.
 * @throws WsmanError WSMAN_ENVELOPE_INVALID or WSMAN_LIMIT_EXCEEDED, naming the place.
 */
export function parseResponse(bytes: Uint8Array): ParsedResponse {
  const scanner = new XmlScanner(bytes);
  scanner.next();
  if (!scanner.is(Namespace.soap, 'Envelope'))
    throw scanner.fail(`the root is <${scanner.name.slice(0, 64)}>, not a SOAP 1.2 Envelope`);
  let head: { header: ResponseHeader; action: string } | undefined;
  let body: ResponseBody | undefined;
  for (;;) {
    const token = scanner.next();
    if (token === 'end') break;
    if (token !== 'start') continue;
    if (scanner.namespace !== Namespace.soap) scanner.skip();
    else if (scanner.is(Namespace.soap, 'Header') && head === undefined && body === undefined)
      head = readHeader(scanner);
    else if (scanner.is(Namespace.soap, 'Body') && body === undefined) body = readBody(scanner, head?.action ?? '');
    else throw scanner.fail(`<${scanner.name}> where it does not belong in an Envelope`);
  }
  scanner.next();
  if (head === undefined || body === undefined)
    throw scanner.fail(`the envelope has no ${head === undefined ? 'Header' : 'Body'}`);
  return { ...head, body };
}
