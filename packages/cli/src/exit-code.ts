/** What the exit codes of the program mean. */
export const exitCode = {
  done: 0,
  /** The server or the run reported an error, the connection was lost after the session had opened, or `--timeout` passed. */
  failed: 1,
  /** Wrong usage or configuration; nothing was contacted. */
  usage: 2,
  /** No connection, no ticket, authentication refused, or no session. */
  noSession: 3,
  /** Stopped by a threshold or a guard, waiting for a person. */
  waiting: 4,
  /** Done in part. */
  partial: 5,
  cancelled: 130,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
