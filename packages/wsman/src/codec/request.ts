/*
 * Requests of a client to a shell. [MS-WSMV] 3.1.4, [MS-PSRP] 3.1.5.3 and 3.1.5.4, headers in the order that
 * recorded clients send them.
 *
 *   <s:Envelope>
 *     <s:Header>
 *       Action* DataLocale Locale MaxEnvelopeSize* MessageID OperationTimeout ReplyTo ResourceURI*
 *       SessionId To [OptionSet*] [SelectorSet]                                (* mustUnderstand)
 *     </s:Header>
 *     <s:Body>  Create:  rsp:Shell{InputStreams OutputStreams creationXml=base64}
 *               Command: rsp:CommandLine CommandId{Command, Arguments=base64}
 *               Receive: rsp:Receive{DesiredStream [CommandId]}
 *               Send:    rsp:Send{Stream Name [CommandId]=base64}
 *               Signal:  rsp:Signal [CommandId]{Code}
 *               Get, Delete: empty                                            </s:Body>
 *   </s:Envelope>
 */
import { WsmanError } from '../errors.ts';
import { formatDuration, parseDuration } from './duration.ts';
import { Action, anonymousAddress, Namespace } from './names.ts';
import { child, escapeXml, readElement, type XmlElement } from './xml-element.ts';
import { decodeBase64, XmlScanner } from './xml-scanner.ts';

/** What every request carries. Times in milliseconds, sizes in bytes, ids as text in the case they are to have. */
export interface RequestHeader {
  /** The full URL. */
  readonly to: string;
  readonly resourceUri: string;
  /** `uuid:…`. */
  readonly messageId: string;
  /** `uuid:…`, one per client session. */
  readonly sessionId?: string | undefined;
  readonly maxEnvelopeBytes: number;
  readonly operationTimeoutMs: number;
  /** Of `Locale` and `DataLocale`; `en-US` unless told. */
  readonly locale?: string | undefined;
}

/** What a request asks for. */
export type RequestBody =
  | {
      readonly kind: 'create';
      readonly shellId: string;
      /** `protocolversion` of the option set, `2.3`. */
      readonly protocolVersion: string;
      readonly idleTimeoutMs?: number | undefined;
      /** The first PSRP fragments: SESSION_CAPABILITY and INIT_RUNSPACEPOOL. */
      readonly creation: Uint8Array;
    }
  | { readonly kind: 'command'; readonly shellId: string; readonly commandId: string; readonly arguments: Uint8Array }
  | { readonly kind: 'receive'; readonly shellId: string; readonly commandId?: string | undefined }
  | {
      readonly kind: 'send';
      readonly shellId: string;
      readonly commandId?: string | undefined;
      readonly stream: 'stdin' | 'pr';
      readonly data: Uint8Array;
    }
  | {
      readonly kind: 'signal';
      readonly shellId: string;
      readonly commandId?: string | undefined;
      readonly code: string;
    }
  | { readonly kind: 'delete'; readonly shellId: string }
  | { readonly kind: 'get'; readonly shellId: string };

/** A request that was read; `unknown` where the action is none of ours, for the server to refuse with a fault. */
export interface ParsedRequest {
  readonly header: RequestHeader;
  readonly action: string;
  readonly body: RequestBody | { readonly kind: 'unknown' };
}

const prologue =
  `<s:Envelope xmlns:s="${Namespace.soap}" xmlns:wsa="${Namespace.addressing}" xmlns:wsman="${Namespace.wsman}" ` +
  `xmlns:wsmv="${Namespace.microsoft}" xmlns:rsp="${Namespace.shell}">`;

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString('base64');
}

function formatOptions(body: RequestBody): string {
  switch (body.kind) {
    case 'create':
      return `<wsman:OptionSet s:mustUnderstand="true"><wsman:Option MustComply="true" Name="protocolversion">${escapeXml(body.protocolVersion)}</wsman:Option></wsman:OptionSet>`;
    case 'command':
      return '<wsman:OptionSet s:mustUnderstand="true"><wsman:Option Name="WINRS_SKIP_CMD_SHELL">False</wsman:Option></wsman:OptionSet>';
    case 'receive':
      return '<wsman:OptionSet s:mustUnderstand="true"><wsman:Option Name="WSMAN_CMDSHELL_OPTION_KEEPALIVE">True</wsman:Option></wsman:OptionSet>';
    default:
      return '';
  }
}

function formatBody(body: RequestBody): string {
  const commandId =
    'commandId' in body && body.commandId !== undefined ? ` CommandId="${escapeXml(body.commandId)}"` : '';
  switch (body.kind) {
    case 'create': {
      const idle =
        body.idleTimeoutMs === undefined
          ? ''
          : `<rsp:IdleTimeOut>${formatDuration(body.idleTimeoutMs)}</rsp:IdleTimeOut>`;
      return (
        `<rsp:Shell ShellId="${escapeXml(body.shellId)}">${idle}<rsp:InputStreams>stdin pr</rsp:InputStreams><rsp:OutputStreams>stdout</rsp:OutputStreams>` +
        `<creationXml xmlns="${Namespace.creation}">${base64(body.creation)}</creationXml></rsp:Shell>`
      );
    }
    case 'command':
      return `<rsp:CommandLine${commandId}><rsp:Command/><rsp:Arguments>${base64(body.arguments)}</rsp:Arguments></rsp:CommandLine>`;
    case 'receive':
      return `<rsp:Receive><rsp:DesiredStream${commandId}>stdout</rsp:DesiredStream></rsp:Receive>`;
    case 'send':
      return `<rsp:Send><rsp:Stream Name="${body.stream}"${commandId}>${base64(body.data)}</rsp:Stream></rsp:Send>`;
    case 'signal':
      return `<rsp:Signal${commandId}><rsp:Code>${escapeXml(body.code)}</rsp:Code></rsp:Signal>`;
    case 'delete':
    case 'get':
      return '';
  }
}

/** Formats a request as UTF-8, without a byte-order mark. */
export function formatRequest(header: RequestHeader, body: RequestBody): Buffer {
  const locale = escapeXml(header.locale ?? 'en-US');
  const session =
    header.sessionId === undefined
      ? ''
      : `<wsmv:SessionId s:mustUnderstand="false">${escapeXml(header.sessionId)}</wsmv:SessionId>`;
  const selector =
    body.kind === 'create'
      ? ''
      : `<wsman:SelectorSet><wsman:Selector Name="ShellId">${escapeXml(body.shellId)}</wsman:Selector></wsman:SelectorSet>`;
  return Buffer.from(
    `${prologue}<s:Header><wsa:Action s:mustUnderstand="true">${Action[body.kind]}</wsa:Action>` +
      `<wsmv:DataLocale s:mustUnderstand="false" xml:lang="${locale}"/><wsman:Locale s:mustUnderstand="false" xml:lang="${locale}"/>` +
      `<wsman:MaxEnvelopeSize s:mustUnderstand="true">${header.maxEnvelopeBytes}</wsman:MaxEnvelopeSize>` +
      `<wsa:MessageID>${escapeXml(header.messageId)}</wsa:MessageID>` +
      `<wsman:OperationTimeout>${formatDuration(header.operationTimeoutMs)}</wsman:OperationTimeout>` +
      `<wsa:ReplyTo><wsa:Address s:mustUnderstand="true">${anonymousAddress}</wsa:Address></wsa:ReplyTo>` +
      `<wsman:ResourceURI s:mustUnderstand="true">${escapeXml(header.resourceUri)}</wsman:ResourceURI>${session}` +
      `<wsa:To>${escapeXml(header.to)}</wsa:To>${formatOptions(body)}${selector}</s:Header>` +
      `<s:Body>${formatBody(body)}</s:Body></s:Envelope>`,
    'utf8',
  );
}

/**
 * How many bytes of PSRP data fit into one request of `maxEnvelopeBytes`: what an empty envelope leaves, less a
 * third for base64.
 */
export function payloadCapacity(header: RequestHeader, body: RequestBody): number {
  return Math.max(0, Math.floor((header.maxEnvelopeBytes - formatRequest(header, body).length) / 4) * 3);
}

/** Reads a whole document of one element into a tree. */
export function readDocument(bytes: Uint8Array): XmlElement {
  const scanner = new XmlScanner(bytes);
  scanner.next();
  const root = readElement(scanner);
  scanner.next();
  return root;
}

function required(parent: XmlElement | undefined, namespace: string, name: string, where: string): XmlElement {
  const found = child(parent, namespace, name);
  if (found === undefined) throw new WsmanError('WSMAN_ENVELOPE_INVALID', `reading a request: ${where} has no ${name}`);
  return found;
}

function data(element: XmlElement): Uint8Array {
  const decoded = decodeBase64(element.text);
  if (decoded === undefined)
    throw new WsmanError('WSMAN_ENVELOPE_INVALID', `reading a request: the text of ${element.name} is not base64`);
  return decoded;
}

function parseHeader(header: XmlElement): RequestHeader {
  const text = (namespace: string, name: string) => child(header, namespace, name)?.text.trim();
  const size = text(Namespace.wsman, 'MaxEnvelopeSize');
  return {
    to: text(Namespace.addressing, 'To') ?? '',
    resourceUri: text(Namespace.wsman, 'ResourceURI') ?? '',
    messageId: text(Namespace.addressing, 'MessageID') ?? '',
    sessionId: text(Namespace.microsoft, 'SessionId'),
    maxEnvelopeBytes: size !== undefined && /^\d{1,10}$/.test(size) ? Number.parseInt(size, 10) : 153_600,
    operationTimeoutMs: parseDuration(text(Namespace.wsman, 'OperationTimeout') ?? '') ?? 60_000,
    locale: child(header, Namespace.wsman, 'Locale')?.attribute('lang', Namespace.xml),
  };
}

function parseBody(action: string, header: XmlElement, body: XmlElement): ParsedRequest['body'] {
  const selectors = child(header, Namespace.wsman, 'SelectorSet')?.children ?? [];
  const shellId =
    selectors.find((selector) => selector.attribute('Name')?.toLowerCase() === 'shellid')?.text.trim() ?? '';
  switch (action) {
    case Action.create: {
      const shell = required(body, Namespace.shell, 'Shell', 'the body of Create');
      const options = child(header, Namespace.wsman, 'OptionSet')?.children ?? [];
      return {
        kind: 'create',
        shellId: shell.attribute('ShellId') ?? '',
        protocolVersion:
          options.find((option) => option.attribute('Name')?.toLowerCase() === 'protocolversion')?.text.trim() ?? '',
        idleTimeoutMs: parseDuration(child(shell, Namespace.shell, 'IdleTimeOut')?.text ?? ''),
        creation: data(required(shell, Namespace.creation, 'creationXml', 'Shell')),
      };
    }
    case Action.command: {
      const line = required(body, Namespace.shell, 'CommandLine', 'the body of Command');
      const parts = line.children
        .filter((part) => part.name === 'Arguments' && part.namespace === Namespace.shell)
        .map(data);
      return {
        kind: 'command',
        shellId,
        commandId: line.attribute('CommandId') ?? '',
        arguments: Buffer.concat(parts),
      };
    }
    case Action.receive: {
      const receive = required(body, Namespace.shell, 'Receive', 'the body of Receive');
      return {
        kind: 'receive',
        shellId,
        commandId: required(receive, Namespace.shell, 'DesiredStream', 'Receive').attribute('CommandId'),
      };
    }
    case Action.send: {
      const send = required(body, Namespace.shell, 'Send', 'the body of Send');
      const stream = required(send, Namespace.shell, 'Stream', 'Send');
      const name = stream.attribute('Name') === 'pr' ? 'pr' : 'stdin';
      return { kind: 'send', shellId, commandId: stream.attribute('CommandId'), stream: name, data: data(stream) };
    }
    case Action.signal: {
      const signal = required(body, Namespace.shell, 'Signal', 'the body of Signal');
      const code = required(signal, Namespace.shell, 'Code', 'Signal').text.trim();
      return { kind: 'signal', shellId, commandId: signal.attribute('CommandId'), code };
    }
    case Action.delete:
      return { kind: 'delete', shellId };
    case Action.get:
      return { kind: 'get', shellId };
    default:
      return { kind: 'unknown' };
  }
}

/**
 * Reads a request, for a server.
 * @throws WsmanError WSMAN_ENVELOPE_INVALID or WSMAN_LIMIT_EXCEEDED, naming the place.
 */
export function parseRequest(bytes: Uint8Array): ParsedRequest {
  const root = readDocument(bytes);
  if (root.name !== 'Envelope' || root.namespace !== Namespace.soap) {
    throw new WsmanError(
      'WSMAN_ENVELOPE_INVALID',
      `reading a request: the root is <${root.name}>, not a SOAP 1.2 Envelope`,
    );
  }
  const header = required(root, Namespace.soap, 'Header', 'the envelope');
  const body = required(root, Namespace.soap, 'Body', 'the envelope');
  const action = required(header, Namespace.addressing, 'Action', 'the header').text.trim();
  return { header: parseHeader(header), action, body: parseBody(action, header, body) };
}
