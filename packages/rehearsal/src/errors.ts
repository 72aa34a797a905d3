/** What can go wrong in a rehearsal; one line of meaning each. */
export type RehearsalErrorCode =
  /** A program that a rehearsal needs is not installed; the message names the packages. */
  | 'REHEARSAL_PROGRAM_MISSING'
  /** A program failed; its own words are in the message. */
  | 'REHEARSAL_PROGRAM_FAILED'
  /** The KDC did not start. */
  | 'REHEARSAL_REALM_FAILED';

/** Any failure of this package. */
export class RehearsalError extends Error {
  readonly code: RehearsalErrorCode;
  readonly recovery = 'none';

  constructor(code: RehearsalErrorCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'RehearsalError';
    this.code = code;
  }
}
