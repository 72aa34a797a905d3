/* What to do about each failure, in the words of the settings; docs/errors.md has the same list. */
import type { ConnectorErrorCode } from '@exchange-connector/connector';
import type { PowerShellProcessErrorCode } from '@exchange-connector/powershell-process';
import type { TlsRefusal, WsmanError, WsmanErrorCode } from '@exchange-connector/wsman';

const report = 'run it again; if it stays, report it with the log file and the version of the server';

/** What to do where TLS did not come about. */
export function tlsMend({ fault, issuer }: TlsRefusal): string {
  const by = issuer === undefined ? '' : ` (${issuer})`;
  switch (fault) {
    case 'no-tls':
      return 'write http:// in Server where this port is meant, or name the port that speaks TLS (443 by default)';
    case 'issuer-unknown':
      return `name the PEM file of the CA that issued the certificate${by} in CaFile`;
    case 'issuer-not-the-private-ca':
      return `put the certificate of the CA that issued it${by} into the file that CaFile names: the CA in that file did not sign it`;
    case 'expired':
      return 'renew the certificate of the server (or set the clock of this machine right)';
    case 'not-yet-valid':
      return 'set the clock of this machine right';
    case 'wrong-name':
      return 'use in Server a name that the certificate holds; ConnectAddress can still dial another one';
    case 'other':
      return 'give the server a certificate for servers and TLS 1.2 or later; the message says what was refused';
    default:
      return fault satisfies never;
  }
}

const httpOnTlsPort = 'if this port speaks TLS, write https:// in Server';

function httpMend(status: number | undefined): string {
  switch (status) {
    case 404:
    case 405:
      return "check the path in Server: Exchange's is /PowerShell/";
    case 400:
      return `${httpOnTlsPort}; else check that Server names an Exchange server`;
    case 407:
    case 502:
    case 504:
      return 'let this machine reach the server without the proxy in between';
    case 429:
    case 503:
      return 'start the application pool of the virtual directory PowerShell on that server (MSExchangePowerShellAppPool), or wait until the server is less busy';
    case 500:
      return "look into that server's event log and into the log of its IIS";
    default:
      return status !== undefined && status >= 300 && status < 400
        ? 'write the address that the server redirects to in Server, if it is the right one'
        : 'check that Server names an Exchange server and its path /PowerShell/, with no proxy in between';
  }
}

/** Something answers, or hangs up, that need not be what Server means. */
function unlikelyPeerMend(error: WsmanError, otherwise: string): string {
  const isBefore = error.phase === 'connect' || error.phase === 'open';
  return isBefore && error.url?.startsWith('http:') === true ? `${httpOnTlsPort}; else ${otherwise}` : otherwise;
}

function poolMend(error: WsmanError): string {
  return error.retryAfterMs === undefined
    ? 'see what the server says: the rights of the account (a management role, RemotePowerShellEnabled), or its throttling policy'
    : `wait ${Math.ceil(error.retryAfterMs / 1000)} seconds and start again`;
}

const mends: Readonly<Record<WsmanErrorCode, string | ((error: WsmanError) => string)>> = {
  WSMAN_OPTION_INVALID: 'mend the setting that the message names',
  WSMAN_CONNECT_FAILED:
    'check the name and port in Server, the DNS of this machine, and that no firewall stands between',
  WSMAN_TLS_REFUSED: (error) =>
    error.tlsRefusal === undefined ? 'check the certificate of the server' : tlsMend(error.tlsRefusal),
  WSMAN_AUTHENTICATION_REFUSED:
    'check Login and Password (or the ticket or keytab), and that AuthType is switched on in the virtual directory PowerShell of that server',
  WSMAN_ACCESS_DENIED:
    'let the account use remote PowerShell: Set-User <account> -RemotePowerShellEnabled $true, and give it a management role',
  WSMAN_HTTP_ERROR: (error) => httpMend(error.status),
  WSMAN_FAULT:
    "see the server's words in the message: the rights of the account, its throttling policy, or the server's event log",
  WSMAN_TIMED_OUT: 'check that the server is not overloaded; OperationTimeoutSeconds sets how long one answer may take',
  WSMAN_CONNECTION_LOST: (error) =>
    unlikelyPeerMend(error, "run it again; if it stays, look into that server's event log and at what stands between"),
  WSMAN_RESPONSE_INVALID: (error) =>
    unlikelyPeerMend(
      error,
      'check that Server names an Exchange server with no proxy in between; report it if it stays',
    ),
  WSMAN_ENVELOPE_INVALID: 'check that no proxy stands in between; report it if it stays',
  WSMAN_LIMIT_EXCEEDED: 'see the limit in the message; report it, with the version of the server',
  WSMAN_POOL_BROKEN: poolMend,
  WSMAN_SESSION_CLOSED: report,
  WSMAN_SESSION_BUSY: report,
};

/** What to do about a failure of the wire. */
export function wsmanMend(error: WsmanError): string {
  const mend = mends[error.code];
  return typeof mend === 'string' ? mend : mend(error);
}

/** What to do about what broke the protocol itself. */
export const protocolMend = report;

/** What to do about a failure of a command or a script, where the error itself knows nothing better. */
export const connectorMends: Readonly<Partial<Record<ConnectorErrorCode, string>>> = {
  EXCHANGE_COMMAND_FAILED:
    'see the words of the server in the message; "exchange-connector check" looks at the rights of the account',
  EXCHANGE_RESULT_TRUNCATED: 'ask the administrator of Exchange what limits the results of this account',
  EXCHANGE_RESULT_EXCESSIVE: 'ask the administrator of Exchange what is wrong with that server; nothing was published',
  EXCHANGE_OBJECT_INVALID: report,
  EXCHANGE_COMMAND_STOPPED: "run it again; if it stays, look into the server's event log",
};

/** What to do about a failure of a PowerShell of this machine. */
export const powerShellMends: Readonly<Record<PowerShellProcessErrorCode, string>> = {
  POWERSHELL_NOT_FOUND:
    'install PowerShell 7, or name the program in the environment variable EXCHANGE_CONNECTOR_POWERSHELL',
  POWERSHELL_NOT_OPENED: 'see the words of the program in the message',
  POWERSHELL_PIPE_NAME_INVALID: 'give the name that PowerShell was started with -CustomPipeName',
  POWERSHELL_PIPE_REFUSED:
    'check the name of the pipe, and that PowerShell runs with -CustomPipeName; it serves one client at a time',
  POWERSHELL_ENDED: 'see the words of the program in the message, and run it again',
  POWERSHELL_RESPONSE_INVALID: 'look for a profile or script that writes to the standard output of PowerShell',
  POWERSHELL_TIMED_OUT: 'check what holds up the step that the message names',
  POWERSHELL_SESSION_STATE: report,
};
