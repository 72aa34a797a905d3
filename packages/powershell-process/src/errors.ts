/** The codes of {@link PowerShellProcessError}. */
export type PowerShellProcessErrorCode =
  /** No PowerShell was found on this machine, or the named program cannot be started. */
  | 'POWERSHELL_NOT_FOUND'
  /** The process, or what listens on the pipe, did not become a PowerShell session in time, or ended before. */
  | 'POWERSHELL_NOT_OPENED'
  /** The pipe could not be connected to. */
  | 'POWERSHELL_PIPE_REFUSED'
  /** No pipe can have the name. */
  | 'POWERSHELL_PIPE_NAME_INVALID'
  /** The process ended, or the pipe was closed, in the middle of a session. */
  | 'POWERSHELL_ENDED'
  /** The peer said something that the framing or the protocol does not allow. */
  | 'POWERSHELL_RESPONSE_INVALID'
  /** Nothing came within the time limit of the step named in the message. */
  | 'POWERSHELL_TIMED_OUT'
  /** A session was used after it was closed, or for a second pipeline at a time. */
  | 'POWERSHELL_SESSION_STATE';

/** What can be done about an error. */
export type PowerShellProcessRecovery = 'none' | 'ask-again' | 'retry-after-delay' | 'reopen-session' | 'skip-item';

/** The root error of this package. `phase` tells whether a session had been opened. */
export class PowerShellProcessError extends Error {
  override readonly name = 'PowerShellProcessError';
  readonly code: PowerShellProcessErrorCode;
  readonly recovery: PowerShellProcessRecovery;
  readonly phase: 'open' | 'run' | 'close';

  constructor(
    code: PowerShellProcessErrorCode,
    message: string,
    options: { phase: 'open' | 'run' | 'close'; recovery?: PowerShellProcessRecovery; cause?: unknown },
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.phase = options.phase;
    this.recovery = options.recovery ?? 'none';
  }
}
