/**
 * PowerShell remoting over WS-Management: sessions over HTTP with Kerberos and sealed bodies, or HTTPS, or
 * Basic. The envelopes alone, without input and output, are behind `@exchange-connector/wsman/codec`.
 */
export { FaultCode } from './codec/fault-codes.ts';
export { type RequestNotice, requestChannelName } from './diagnostics.ts';
export {
  WsmanError,
  type WsmanErrorCode,
  type WsmanErrorDetails,
  type WsmanPhase,
  type WsmanRecovery,
} from './errors.ts';
export type { WsmanAuthentication } from './http/authentication.ts';
export type { ChannelFacts } from './http/channel.ts';
export { explainTlsError, type TlsAttempt, type TlsFault, type TlsRefusal } from './http/tls-refusal.ts';
export { defaultWsmanLimits, type WsmanLimits } from './limits.ts';
export { nodeSessionKey } from './node-session-key.ts';
export { openWsmanSession } from './session/open-session.ts';
export type { ShellNotice, WsmanSessionOptions } from './session/options.ts';
export { type LeftOverShell, removeShell } from './session/remove-shell.ts';
export type { WsmanSession } from './session/session.ts';
