import { ConfigError } from '@exchange-connector/config';
import { ConnectorError } from '@exchange-connector/connector';
import { GssapiError } from '@exchange-connector/gssapi';
import type { ProtectionError } from '@exchange-connector/protection';
import { PowerShellProcessError } from '@exchange-connector/powershell-process';
import { PsrpError, type Recovery } from '@exchange-connector/psrp';
import { WsmanError, type WsmanErrorCode } from '@exchange-connector/wsman';
import { AgentError, type AgentErrorCode } from './errors.ts';
import { connectorMends, powerShellMends, protocolMend, wsmanMend } from './failure-mends.ts';
import type { RunFailure } from './run.ts';

/** How a run ended that did not end well, with the exit code of the command line. */
export type RunEnd =
  | { readonly kind: 'failed'; readonly exitCode: 1 | 2 | 3 | 4; readonly failure: RunFailure }
  | { readonly kind: 'cancelled'; readonly exitCode: 130 };

const exitCodes: Readonly<Record<AgentErrorCode, 1 | 2 | 3 | 4>> = {
  RUN_LOCKED: 4,
  RUN_TIMED_OUT: 1,
  RUN_SETTINGS_UNUSABLE: 2,
  RUN_NO_SESSION: 3,
  RUN_NO_POWERSHELL: 3,
  RUN_SCRIPT_FAILED: 1,
  RUN_JOURNAL_DAMAGED: 1,
  RUN_DOMAIN_CONTROLLER_GONE: 1,
  RUN_AUDIT_BROKEN: 1,
  RUN_PLAN_UNUSABLE: 2,
  RUN_NOT_UNDOABLE: 2,
  RUN_THRESHOLD_EXCEEDED: 4,
  RUN_RELEASE_REFUSED: 2,
  RUN_COOKIE_UNKNOWN: 2,
  RUN_FILE_FAILED: 1,
  RUN_DISK_FULL: 1,
  RUN_UNEXPECTED: 1,
};

function failed(exitCode: 1 | 2 | 3 | 4, failure: RunFailure): RunEnd {
  return { kind: 'failed', exitCode, failure };
}

/** What a failure is for a run, as its own error tells it. */
function failureOf(
  error: { readonly code: string; readonly recovery: Recovery; readonly message: string },
  mend: string | undefined,
  message = error.message,
): RunFailure {
  return { code: error.code, recovery: error.recovery, message, mend };
}

/** GSSAPI's messages end with what to do, which stands apart here. */
function withoutMend(message: string, mend: string): string {
  return message.endsWith(mend) ? message.slice(0, -mend.length).trimEnd().replace(/\.$/, '') : message;
}

/** What a server that goes away in the middle looks like from here: a new connection may have been tried, too. */
const serverGone: Readonly<Partial<Record<WsmanErrorCode, string>>> = {
  WSMAN_CONNECTION_LOST: 'the server went away during the run',
  WSMAN_CONNECT_FAILED: 'the server went away during the run',
  WSMAN_TLS_REFUSED: 'the server went away during the run',
  WSMAN_TIMED_OUT: 'the server stopped answering during the run',
};

/** How far a run that publishes files had come, for its failure. */
export interface RunReach {
  /** `after 1,200 of 3,000 mailboxes`. */
  readonly howFar: string;
}

function endOfWsman(error: WsmanError, reach: RunReach | undefined): RunEnd {
  if (error.cause instanceof GssapiError) {
    return failed(3, failureOf(error.cause, error.cause.mend, withoutMend(error.message, error.cause.mend)));
  }
  const isBefore = error.phase === 'connect' || error.phase === 'open';
  if (isBefore || error.code === 'WSMAN_OPTION_INVALID') {
    return failed(error.code === 'WSMAN_OPTION_INVALID' ? 2 : 3, failureOf(error, wsmanMend(error)));
  }
  const gone = serverGone[error.code];
  if (gone === undefined) return failed(1, failureOf(error, wsmanMend(error)));
  const howFar = reach === undefined ? '' : `, ${reach.howFar}`;
  const stands = reach === undefined ? '' : '; nothing was replaced: the files of the last good run stand';
  const mend = 'run it again once the server is back; its event log, or what stands between, says why it went away';
  return failed(1, failureOf(error, mend, `${gone}${howFar}: ${error.message}${stands}`));
}

function endOfAbort(reason: unknown): RunEnd {
  if (!(reason instanceof Error && reason.name === 'TimeoutError')) return { kind: 'cancelled', exitCode: 130 };
  return failed(1, {
    code: 'RUN_TIMED_OUT',
    recovery: 'none',
    message: 'the time limit of the whole run (--timeout) passed; nothing was replaced',
    mend: undefined,
  });
}

/** Known by its name: the package is loaded only where something is encrypted. */
function isOfProtection(error: unknown): error is ProtectionError {
  return error instanceof Error && error.name === 'ProtectionError' && 'code' in error;
}

/**
 * What an error means for a run. The reason of an aborted signal decides first: what broke because the run
 * was being ended is no failure of its own.
 * @param reach for a run that publishes files: how far it had come
 */
export function endOf(error: unknown, signal: AbortSignal, reach?: RunReach): RunEnd {
  if (signal.aborted) return endOfAbort(signal.reason);
  if (error instanceof WsmanError) return endOfWsman(error, reach);
  if (error instanceof GssapiError)
    return failed(3, failureOf(error, error.mend, withoutMend(error.message, error.mend)));
  // The credential was refused, and its source did not give another.
  if (error instanceof ConfigError) return failed(3, failureOf(error, error.mend));
  if (error instanceof ConnectorError) {
    const exitCode = error.code === 'EXPORT_SCRIPT_NO_SESSION' ? 3 : 1;
    return failed(exitCode, failureOf(error, error.mend ?? connectorMends[error.code]));
  }
  if (error instanceof PowerShellProcessError) {
    const message = `running the export script: ${error.message}`;
    return failed(error.phase === 'open' ? 3 : 1, failureOf(error, powerShellMends[error.code], message));
  }
  if (error instanceof AgentError) return failed(exitCodes[error.code], failureOf(error, error.mend));
  if (isOfProtection(error)) return failed(error.code.startsWith('ENVELOPE_') ? 1 : 2, failureOf(error, error.mend));
  if (error instanceof PsrpError) return failed(1, failureOf(error, protocolMend));
  const seen = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return failed(1, {
    code: 'RUN_UNEXPECTED',
    recovery: 'none',
    message: `unexpected error, a defect of this program: ${seen}`,
    mend: 'report it, with the log file of the run',
  });
}
