/*
 * The one error class of this package. What a peer did wrong inside an open session arrives as an event
 * of kind `protocolViolation` that carries a PsrpError; a PsrpError is thrown only where the caller
 * asked for something that cannot be done, or where a lone decoder is given bad bytes.
 */

/** The codes of {@link PsrpError}, each with its meaning. */
export const psrpErrorCodes = {
  /** The bytes of a fragment contradict [MS-PSRP] 2.2.4: impossible length, flags or order. */
  PSRP_FRAGMENT_INVALID: 'the bytes of a fragment contradict [MS-PSRP] 2.2.4',
  /** A fragment is missing between two that arrived: data was lost on the way and cannot be completed. */
  PSRP_FRAGMENT_GAP: 'a fragment is missing between two that arrived',
  /** The header or body of a message is not what [MS-PSRP] 2.2.1 and 2.2.2 ask of its type. */
  PSRP_MESSAGE_INVALID: 'the header or body of a message is not what its type asks for',
  /** A message came that the state of the pool or pipeline, or the direction, does not allow. */
  PSRP_MESSAGE_UNEXPECTED: 'a message came that the state or direction does not allow',
  /** The two sides have no protocol version in common. */
  PSRP_VERSION_REFUSED: 'the two sides have no protocol version in common',
  /** Text is not well-formed CLIXML, or holds what CLIXML does not allow (a document type, an unknown entity). */
  PSRP_CLIXML_INVALID: 'text is not well-formed CLIXML',
  /** A limit of size, count or depth was passed. */
  PSRP_LIMIT_EXCEEDED: 'a limit of size, count or depth was passed',
  /** The caller asked for something that the state of the pool or pipeline does not allow. */
  PSRP_STATE_INVALID: 'the caller asked for what the state of the pool or pipeline does not allow',
  /** A value given by the caller cannot be put on the wire. */
  PSRP_ARGUMENT_INVALID: 'a value given by the caller cannot be put on the wire',
  /** A SecureString cannot be read or written: no session key, or a key or text that does not fit. */
  PSRP_SECURE_STRING_FAILED: 'a SecureString cannot be read or written',
  /** A packet of the out-of-process framing is malformed, too long or of an unknown kind. */
  PSRP_PACKET_INVALID: 'a packet of the out-of-process framing is malformed',
} as const;

/** The code of a {@link PsrpError}. */
export type PsrpErrorCode = keyof typeof psrpErrorCodes;

/** What can be done about an error: nothing, repeat the request, wait and repeat, open a new session, or leave the item out. */
export type Recovery = 'none' | 'ask-again' | 'retry-after-delay' | 'reopen-session' | 'skip-item';

/** The root error of psrp: `code` says what happened, `recovery` what can be done about it. */
export class PsrpError extends Error {
  override readonly name: string = 'PsrpError';
  readonly code: PsrpErrorCode;
  readonly recovery: Recovery;

  /**
   * @param message what was being done, to what, and what was seen
   * @param options `recovery` defaults to `none`; `cause` as in Error
   */
  constructor(code: PsrpErrorCode, message: string, options: { recovery?: Recovery; cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recovery = options.recovery ?? 'none';
  }
}

/** For the end of a switch over a union: a kind that was forgotten is a compile error. */
export function assertNever(value: never): never {
  throw new PsrpError('PSRP_ARGUMENT_INVALID', `unknown kind ${JSON.stringify(value)}`);
}
