import { ConnectorError } from '@exchange-connector/connector';
import { GssapiError } from '@exchange-connector/gssapi';
import { PsrpError } from '@exchange-connector/psrp';
import { PowerShellProcessError } from '@exchange-connector/powershell-process';
import { WsmanError } from '@exchange-connector/wsman';
import { AgentError, type AgentErrorCode } from './errors.ts';
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
  RUN_FILE_FAILED: 1,
  RUN_DISK_FULL: 1,
  RUN_UNEXPECTED: 1,
};

function failed(exitCode: 1 | 2 | 3 | 4, code: string, message: string, mend: string | undefined): RunEnd {
  return { kind: 'failed', exitCode, failure: { code, message, mend } };
}

/** GSSAPI's messages end with what to do, which stands apart here. */
function withoutMend(message: string, mend: string): string {
  return message.endsWith(mend) ? message.slice(0, -mend.length).trimEnd().replace(/\.$/, '') : message;
}

/** What to do about the commonest failures of the wire; the messages themselves say what was seen. */
function mendOf(error: WsmanError): string | undefined {
  switch (error.code) {
    case 'WSMAN_CONNECT_FAILED':
      return 'check the name and port in Server, the DNS of this machine, and that no firewall stands between';
    case 'WSMAN_TLS_REFUSED':
      return "name the PEM file of the CA that issued the server's certificate in CaFile; the name in Server must be one of the certificate's";
    case 'WSMAN_AUTHENTICATION_REFUSED':
      return 'check Login and Password (or the ticket or keytab), and that AuthType is switched on in the virtual directory PowerShell of that server';
    case 'WSMAN_ACCESS_DENIED':
      return 'let the account use remote PowerShell: Set-User <account> -RemotePowerShellEnabled $true, and give it a management role';
    case 'WSMAN_TIMED_OUT':
      return 'check that the server is not overloaded; OperationTimeoutSeconds sets how long one answer may take';
    case 'WSMAN_POOL_BROKEN':
      return error.retryAfterMs === undefined
        ? undefined
        : `wait ${Math.ceil(error.retryAfterMs / 1000)} seconds and start again`;
    default:
      return undefined;
  }
}

/**
 * What an error means for a run. The reason of an aborted signal decides first: what broke because the run
 * was being ended is no failure of its own.
 */
export function endOf(error: unknown, signal: AbortSignal): RunEnd {
  if (signal.aborted) {
    const reason: unknown = signal.reason;
    if (reason instanceof Error && reason.name === 'TimeoutError') {
      return failed(
        1,
        'RUN_TIMED_OUT',
        'the time limit of the whole run (--timeout) passed; nothing was replaced',
        undefined,
      );
    }
    return { kind: 'cancelled', exitCode: 130 };
  }
  if (error instanceof WsmanError) {
    if (error.cause instanceof GssapiError) {
      return failed(3, error.cause.code, withoutMend(error.message, error.cause.mend), error.cause.mend);
    }
    const isBefore = error.phase === 'connect' || error.phase === 'open';
    const exitCode = error.code === 'WSMAN_OPTION_INVALID' ? 2 : isBefore ? 3 : 1;
    return failed(exitCode, error.code, error.message, mendOf(error));
  }
  if (error instanceof GssapiError) return failed(3, error.code, withoutMend(error.message, error.mend), error.mend);
  if (error instanceof ConnectorError) {
    return failed(error.code === 'EXPORT_SCRIPT_NO_SESSION' ? 3 : 1, error.code, error.message, error.mend);
  }
  if (error instanceof PowerShellProcessError) {
    return failed(error.phase === 'open' ? 3 : 1, error.code, `running the export script: ${error.message}`, undefined);
  }
  if (error instanceof AgentError) return failed(exitCodes[error.code], error.code, error.message, error.mend);
  if (error instanceof PsrpError) return failed(1, error.code, error.message, undefined);
  const seen = error instanceof Error ? (error.stack ?? error.message) : String(error);
  return failed(
    1,
    'RUN_UNEXPECTED',
    `unexpected error, a defect of this program: ${seen}`,
    'report it, with the log file of the run',
  );
}
