/*
 * What goes wrong in `psrp` itself, before or besides the wire. Errors of the session come from the
 * packages below and are only worded here.
 */

/** The codes of {@link PsrpCliError}, each with its meaning. */
export const psrpCliErrorCodes = {
  /** The command line asks for something impossible: an option, the URL or an argument of the cmdlet; nothing was contacted. */
  PSRP_CLI_USAGE: 'the command line asks for something impossible; nothing was contacted',
  /** A line of `--input` is not JSON, or holds what cannot be sent. */
  PSRP_CLI_INPUT_INVALID: 'a line of --input is not JSON, or holds what cannot be sent',
  /** A value would become more JSON than the limit allows, as references that repeat it many times can make it. */
  PSRP_CLI_JSON_TOO_LARGE: 'a value would become more JSON than the limit allows',
} as const;

/** The code of a {@link PsrpCliError}. */
export type PsrpCliErrorCode = keyof typeof psrpCliErrorCodes;

/** The root error of psrp-cli. None of them goes away by trying again. */
export class PsrpCliError extends Error {
  override readonly name: string = 'PsrpCliError';
  readonly code: PsrpCliErrorCode;
  readonly recovery = 'none' as const;

  constructor(code: PsrpCliErrorCode, message: string, options: { cause?: unknown } = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
  }
}

/** A {@link PsrpCliError} about the command line, which ends with exit code 2. */
export function usageError(message: string, cause?: unknown): PsrpCliError {
  return new PsrpCliError('PSRP_CLI_USAGE', message, { cause });
}

/** For the end of a switch over a union: a kind that was forgotten is a compile error. */
export function assertNever(value: never): never {
  throw new TypeError(`unknown kind ${JSON.stringify(value)}`);
}
