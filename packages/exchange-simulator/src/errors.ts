/* What can go wrong in starting a simulator. What a client does wrong is answered on the wire, never thrown. */

/** Every code of this package. */
export type SimulatorErrorCode =
  /** An option cannot work: nothing to authenticate by, a count that is none, a file that cannot be read. */
  | 'SIMULATOR_OPTION_INVALID'
  /** A fault script cannot be read; the message says where, and what is allowed there. */
  | 'SIMULATOR_FAULT_SCRIPT_INVALID'
  /** The port (or pipe) could not be listened on. */
  | 'SIMULATOR_LISTEN_FAILED'
  /** A change of the organisation cannot be made: there is no such object, or something lives in it. */
  | 'SIMULATOR_CHANGE_REFUSED';

/** What can be done about an error. */
export type SimulatorRecovery = 'none' | 'retry-after-delay';

/** The root of this package's errors. */
export class SimulatorError extends Error {
  override readonly name = 'SimulatorError';
  readonly code: SimulatorErrorCode;
  readonly recovery: SimulatorRecovery;

  constructor(
    code: SimulatorErrorCode,
    message: string,
    options: { recovery?: SimulatorRecovery; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recovery = options.recovery ?? 'none';
  }
}
