/** Bounds of a session with a local PowerShell or over a pipe. Milliseconds and bytes. */
export interface PowerShellSessionLimits {
  /** From the start of the process, or the first try to connect, to the open runspace pool. A cold start takes seconds. */
  readonly openTimeoutMs: number;
  /** How long an acknowledgement may take, not counting the time in which this side reads nothing. */
  readonly acknowledgeTimeoutMs: number;
  /** From the stop signal to the end of the pipeline; after it the session is given up, and a local process killed. */
  readonly stopTimeoutMs: number;
  /** All that closing may take; a local process that still lives then is killed. */
  readonly closeTimeoutMs: number;
  /** One line of the framing: real peers put at most 32 KB of fragments into one, ours 512 KB. */
  readonly maxLineBytes: number;
  /** Received data that wait for a slow consumer; above it nothing more is read. */
  readonly maxWaitingBytes: number;
}

export const defaultPowerShellSessionLimits: PowerShellSessionLimits = {
  openTimeoutMs: 60_000,
  acknowledgeTimeoutMs: 60_000,
  stopTimeoutMs: 15_000,
  closeTimeoutMs: 5_000,
  maxLineBytes: 16_777_216,
  maxWaitingBytes: 1_048_576,
};
