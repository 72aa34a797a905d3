/* What a runspace pool says when it does not open or breaks, as errors. [MS-PSRP] 2.2.2.9. */
import type { ErrorRecord, PsrpError } from '@exchange-connector/psrp';
import { failureCategory, requestedWaitMs } from '../codec/fault.ts';
import { WsmanError, type WsmanPhase } from '../errors.ts';

/** A pool that broke, with the server's record: throttling, no role, no right to remote PowerShell. */
export function poolBroken(record: ErrorRecord | undefined, url: string, phase: WsmanPhase): WsmanError {
  const said = record === undefined ? 'without saying why' : (record.details ?? record.message);
  const wait = requestedWaitMs(said);
  const category = failureCategory(said) ?? failureCategory(record?.fullyQualifiedErrorId ?? '');
  const mend = mendFor(category, wait);
  const what = phase === 'open' ? 'the server did not open the session' : 'the server broke the session';
  return new WsmanError('WSMAN_POOL_BROKEN', `${what} at ${url}: ${said.trim()}${mend === '' ? '' : ` (${mend})`}`, {
    phase,
    url,
    operation: 'Receive',
    retryAfterMs: wait,
    recovery:
      wait !== undefined ? 'retry-after-delay' : category?.startsWith('AuthZ') === true ? 'none' : 'reopen-session',
    cause: record,
  });
}

function mendFor(category: string | undefined, waitMs: number | undefined): string {
  if (waitMs !== undefined)
    return `throttled: wait ${waitMs / 1000} s, open fewer sessions, or give the account a throttling policy of its own`;
  if (category === 'AuthZ-CmdletAccessDeniedException')
    return 'give the account a management role, for instance View-Only Organization Management';
  if (category === 'AuthZ-AuthorizationException')
    return "check the account's RemotePowerShellEnabled and its throttling policy";
  return '';
}

/** Bytes of the peer that break PSRP, or a gap in them. */
export function protocolViolation(error: PsrpError, url: string, phase: WsmanPhase): WsmanError {
  const gap = error.code === 'PSRP_FRAGMENT_GAP';
  const code = gap
    ? 'WSMAN_CONNECTION_LOST'
    : error.code === 'PSRP_LIMIT_EXCEEDED'
      ? 'WSMAN_LIMIT_EXCEEDED'
      : 'WSMAN_RESPONSE_INVALID';
  return new WsmanError(
    code,
    `Receive at ${url}: ${gap ? 'data was lost on the way' : 'the data break the protocol'}: ${error.message}`,
    {
      phase,
      url,
      operation: 'Receive',
      recovery: 'reopen-session',
      cause: error,
    },
  );
}
