import type { Recovery } from '@exchange-connector/psrp';

/** The codes of {@link ConnectorError}. */
export type ConnectorErrorCode =
  /** A command that the export needs failed on the server, or the account may not use it. */
  | 'EXCHANGE_COMMAND_FAILED'
  /** The server cut a result short, although everything was asked for. */
  | 'EXCHANGE_RESULT_TRUNCATED'
  /** The server sends far more objects than it counted, or than there can be: it does not come to an end. */
  | 'EXCHANGE_RESULT_EXCESSIVE'
  /** The server sent an object that cannot be read. */
  | 'EXCHANGE_OBJECT_INVALID'
  /** The session ended a command without saying how, or was stopped by the server. */
  | 'EXCHANGE_COMMAND_STOPPED'
  /** An export script does not parse, threw, or ended with an exit code. */
  | 'EXPORT_SCRIPT_FAILED'
  /** An export script could not open its session to Exchange, and said so. */
  | 'EXPORT_SCRIPT_NO_SESSION'
  /** An export script put out what is no row, gave nothing at all, or gave rows in two ways. */
  | 'EXPORT_SCRIPT_OUTPUT_INVALID'
  /** A file that an export script wrote is not as it has to be: its name, line and column stand in the message. */
  | 'EXPORT_FILE_INVALID'
  /** A cookie file is damaged, or none. */
  | 'COOKIE_INVALID'
  /** A cookie file is of another version of this program. */
  | 'COOKIE_VERSION_OTHER';

/** What the connector could not do: the server is to blame, or the rights of its account. */
export class ConnectorError extends Error {
  override readonly name = 'ConnectorError';
  readonly code: ConnectorErrorCode;
  readonly recovery: Recovery;
  /** What to do about it, for a person; `undefined` where nothing better than the message is known. */
  readonly mend: string | undefined;

  constructor(
    code: ConnectorErrorCode,
    message: string,
    options: { recovery?: Recovery; mend?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recovery = options.recovery ?? 'none';
    this.mend = options.mend;
  }
}

/** For the end of a switch over a union: a kind that was forgotten is a compile error. */
export function assertNever(value: never): never {
  throw new ConnectorError('EXCHANGE_OBJECT_INVALID', `unknown kind ${JSON.stringify(value)}`);
}
