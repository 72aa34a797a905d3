/*
 * What can go wrong between this client and a WS-Management service. `phase` says how far things had got,
 * so that a command can tell "no connection" from "the run failed"; `recovery` says what a caller may do.
 */

import type { TlsRefusal } from './http/tls-refusal.ts';

/** Every code of this package. */
export type WsmanErrorCode =
  /** An option of the session cannot work: the URL, the address to dial, the CA file's text. Nothing was contacted. */
  | 'WSMAN_OPTION_INVALID'
  /** The name did not resolve, the port refused, or the connection could not be made in time. */
  | 'WSMAN_CONNECT_FAILED'
  /** The server's certificate did not pass, or the two sides share no TLS version. */
  | 'WSMAN_TLS_REFUSED'
  /** The server did not accept who we are, offers no scheme we may use, or did not prove who it is. */
  | 'WSMAN_AUTHENTICATION_REFUSED'
  /** Authenticated, but not allowed in (HTTP 403, fault 5). */
  | 'WSMAN_ACCESS_DENIED'
  /** An HTTP answer that is no SOAP: 404 of a wrong path, 503 of a stopped application pool, a proxy's page. */
  | 'WSMAN_HTTP_ERROR'
  /** The service answered with a fault; its number is in `faultCode`. */
  | 'WSMAN_FAULT'
  /** Nothing came within the time limit of the step named in the message. */
  | 'WSMAN_TIMED_OUT'
  /** The connection was cut; for anything but a Receive the outcome on the server is unknown. */
  | 'WSMAN_CONNECTION_LOST'
  /** The answer is not what the protocol allows: garbage, cut short, for another shell, unsealed. */
  | 'WSMAN_RESPONSE_INVALID'
  /** An envelope or sealed body cannot be read (the codec, on either side). */
  | 'WSMAN_ENVELOPE_INVALID'
  /** A message from the peer is larger, deeper or more numerous than allowed here, or a request than the server allows. */
  | 'WSMAN_LIMIT_EXCEEDED'
  /** The runspace pool was refused or broke: throttling, no role, no right to remote PowerShell. */
  | 'WSMAN_POOL_BROKEN'
  /** The session was closed, or is no longer usable after an earlier error. */
  | 'WSMAN_SESSION_CLOSED'
  /** A second pipeline was started while one runs. */
  | 'WSMAN_SESSION_BUSY';

/** What can be done about an error. */
export type WsmanRecovery = 'none' | 'ask-again' | 'retry-after-delay' | 'reopen-session' | 'skip-item';

/** How far the session had got: reaching the server, opening the shell and pool, running a pipeline, closing. */
export type WsmanPhase = 'connect' | 'open' | 'run' | 'close';

/** The facts of an error besides its message. */
export interface WsmanErrorDetails {
  readonly recovery?: WsmanRecovery;
  readonly phase?: WsmanPhase;
  /** The WSManFault code as an unsigned 32-bit number, e.g. 2150858843. */
  readonly faultCode?: number | undefined;
  readonly url?: string | undefined;
  /** The operation under way: `Create`, `Receive`, … */
  readonly operation?: string | undefined;
  /** HTTP status, where an answer had come. */
  readonly status?: number | undefined;
  /** Milliseconds the server asks to wait, where it says so ("Please wait for N seconds"). */
  readonly retryAfterMs?: number | undefined;
  /** What the server redirects to (fault 2150859161), where it was not followed. */
  readonly redirectLocation?: string | undefined;
  /** For WSMAN_TLS_REFUSED: what was wrong. */
  readonly tlsRefusal?: TlsRefusal | undefined;
  readonly cause?: unknown;
}

/** The root of this package's errors. */
export class WsmanError extends Error {
  override readonly name = 'WsmanError';
  readonly code: WsmanErrorCode;
  readonly recovery: WsmanRecovery;
  readonly phase: WsmanPhase;
  readonly faultCode: number | undefined;
  readonly url: string | undefined;
  readonly operation: string | undefined;
  readonly status: number | undefined;
  readonly retryAfterMs: number | undefined;
  readonly redirectLocation: string | undefined;
  readonly tlsRefusal: TlsRefusal | undefined;

  constructor(code: WsmanErrorCode, message: string, details: WsmanErrorDetails = {}) {
    super(message, details.cause === undefined ? undefined : { cause: details.cause });
    this.code = code;
    this.recovery = details.recovery ?? 'none';
    this.phase = details.phase ?? 'run';
    this.faultCode = details.faultCode;
    this.url = details.url;
    this.operation = details.operation;
    this.status = details.status;
    this.retryAfterMs = details.retryAfterMs;
    this.redirectLocation = details.redirectLocation;
    this.tlsRefusal = details.tlsRefusal;
  }
}
