/*
 * Namespaces, actions, streams and signals of WS-Management as Windows speaks it.
 * [MS-WSMV] 2.2.1 (namespaces), 3.1.4 (operations); DSP0226; [MS-PSRP] 3.1.5.3.
 */

/** XML namespaces of the envelopes. */
export const Namespace = {
  soap: 'http://www.w3.org/2003/05/soap-envelope',
  addressing: 'http://schemas.xmlsoap.org/ws/2004/08/addressing',
  transfer: 'http://schemas.xmlsoap.org/ws/2004/09/transfer',
  wsman: 'http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd',
  /** Microsoft's additions: DataLocale, SessionId, ActivityId. */
  microsoft: 'http://schemas.microsoft.com/wbem/wsman/1/wsman.xsd',
  shell: 'http://schemas.microsoft.com/wbem/wsman/1/windows/shell',
  fault: 'http://schemas.microsoft.com/wbem/wsman/1/wsmanfault',
  creation: 'http://schemas.microsoft.com/powershell',
  xml: 'http://www.w3.org/XML/1998/namespace',
} as const;

/** `wsa:Action` of each request; the response's is the same with `Response` behind it. */
export const Action = {
  create: `${Namespace.transfer}/Create`,
  get: `${Namespace.transfer}/Get`,
  delete: `${Namespace.transfer}/Delete`,
  command: `${Namespace.shell}/Command`,
  receive: `${Namespace.shell}/Receive`,
  send: `${Namespace.shell}/Send`,
  signal: `${Namespace.shell}/Signal`,
} as const;

/** `wsa:Action` of faults, by the layer that speaks. */
export const FaultAction = {
  wsman: 'http://schemas.dmtf.org/wbem/wsman/1/wsman/fault',
  addressing: `${Namespace.addressing}/fault`,
  transfer: `${Namespace.transfer}/fault`,
} as const;

/** The anonymous reply address. */
export const anonymousAddress = `${Namespace.addressing}/role/anonymous`;

/** Resource URIs of PowerShell endpoints are this and the configuration's name. */
export const resourceUriPrefix = `${Namespace.creation}/`;

/**
 * Codes of Signal. `stop` is spelt with the letters changed round in Windows' client and server alike, and
 * is compared letter by letter there; any other code closes the command. `terminate` is compared without case.
 */
export const SignalCode = {
  terminate: `${Namespace.shell}/signal/terminate`,
  stop: 'powershell/signal/crtl_c',
} as const;

/** `State` of `rsp:CommandState`, without its prefix. */
export type CommandStateName = 'Running' | 'Done' | 'Pending';
export const commandStatePrefix = `${Namespace.shell}/CommandState/`;

/** Media type of plain envelopes. */
export const soapContentType = 'application/soap+xml;charset=UTF-8';
