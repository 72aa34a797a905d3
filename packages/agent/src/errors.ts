import type { Recovery } from '@exchange-connector/psrp';

/** The codes of {@link AgentError}. */
export type AgentErrorCode =
  /** Another run of the same connection holds the lock. */
  | 'RUN_LOCKED'
  /** The time limit of the whole run passed. */
  | 'RUN_TIMED_OUT'
  /** The settings of the connection ask for what this version does not do, or cannot be used as they are. */
  | 'RUN_SETTINGS_UNUSABLE'
  /** No session could be opened on any address of `Server`. */
  | 'RUN_NO_SESSION'
  /** No PowerShell was found that a script could run in. */
  | 'RUN_NO_POWERSHELL'
  /** A script ended before any order was handed to it. */
  | 'RUN_SCRIPT_FAILED'
  /** The journal of a run of fulfilment is not as it was written. */
  | 'RUN_JOURNAL_DAMAGED'
  /** The domain controller of a run that died does not answer, so that nobody knows what it had done. */
  | 'RUN_DOMAIN_CONTROLLER_GONE'
  /** The audit of fulfilment is not as it was written. */
  | 'RUN_AUDIT_BROKEN'
  /** A file that is to be carried out is no plan, was changed, or is another connection's. */
  | 'RUN_PLAN_UNUSABLE'
  /** There is no such run, or nothing of it that could be taken back. */
  | 'RUN_NOT_UNDOABLE'
  /** A batch of orders passes a threshold: a person has to release it. */
  | 'RUN_THRESHOLD_EXCEEDED'
  /** What a threshold stopped is not released under these options or settings: they contradict what was kept. */
  | 'RUN_RELEASE_REFUSED'
  /** The cookie that was named is none that is kept. */
  | 'RUN_COOKIE_UNKNOWN'
  /** A file could not be read, written or replaced. */
  | 'RUN_FILE_FAILED'
  /** The disk is full. */
  | 'RUN_DISK_FULL'
  /** An error that no other code foresees: a defect of this program. */
  | 'RUN_UNEXPECTED';

/** What a run could not do on this side of the wire. */
export class AgentError extends Error {
  override readonly name = 'AgentError';
  readonly code: AgentErrorCode;
  readonly recovery: Recovery;
  /** What to do about it, for a person. */
  readonly mend: string | undefined;

  constructor(
    code: AgentErrorCode,
    message: string,
    options: { recovery?: Recovery; mend?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recovery = options.recovery ?? 'none';
    this.mend = options.mend;
  }
}

/** True where a folder could not be made. */
function isFolderOut(cause: unknown): boolean {
  return cause instanceof Error && 'syscall' in cause && cause.syscall === 'mkdir';
}

/**
 * The error for a file operation that failed.
 * @param doing what was being done, with the path: `writing /srv/Temp/ExportOutput/a.csv`
 */
export function fileFailed(doing: string, cause: unknown): AgentError {
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
  const seen = cause instanceof Error ? cause.message : String(cause);
  if (code === 'ENOSPC' || code === 'EDQUOT') {
    return new AgentError('RUN_DISK_FULL', `${doing}: the disk is full (${seen})`, {
      mend: 'make room on that disk, or name another folder in appsettings.json (TempFolderPath, WorkFolderPath); the last good files were not touched',
      cause,
    });
  }
  const mend =
    code === 'EACCES' || code === 'EPERM' || code === 'EROFS'
      ? 'give the account that runs this program the right to write there, or name another folder in appsettings.json'
      : isFolderOut(cause)
        ? 'name a folder that can be made (--output, or TempFolderPath and WorkFolderPath in appsettings.json)'
        : undefined;
  return new AgentError('RUN_FILE_FAILED', `${doing}: ${seen}`, { mend, cause });
}
