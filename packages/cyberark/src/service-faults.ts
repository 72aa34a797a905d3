/*
 * The errors of the Central Credential Provider's REST service: an HTTP status, and a body
 * { "ErrorCode": "APPAP004E", "ErrorMsg": "…" }. One code may stand for several causes, and the message tells which.
 */
import { CyberArkError, type CyberArkErrorCode, type CyberArkRecovery } from './errors.ts';

interface KnownFault {
  readonly code: CyberArkErrorCode;
  readonly seen: string;
  readonly mend: string;
  readonly recovery: CyberArkRecovery;
}

const ambiguous: KnownFault = {
  code: 'CYBERARK_ACCOUNT_AMBIGUOUS',
  seen: 'more than one account fits',
  mend: 'name the account by its whole object name, as the safe shows it',
  recovery: 'skip-item',
};

const knownFaults: Readonly<Record<string, KnownFault>> = {
  APPAP004E: {
    code: 'CYBERARK_ACCOUNT_NOT_FOUND',
    seen: 'there is no such account in the safe, no such safe, or the application may not see it (CyberArk has one code for all three)',
    mend: 'compare the spelling of the account and of SafeName, and make the application and the provider members of the safe that may retrieve accounts',
    recovery: 'skip-item',
  },
  APPAP008E: {
    code: 'CYBERARK_APPLICATION_UNKNOWN',
    seen: 'the vault does not know the application',
    mend: 'compare ApplicationId with the applications defined in the vault',
    recovery: 'none',
  },
  APPAP306E: {
    code: 'CYBERARK_APPLICATION_REFUSED',
    seen: 'the vault knows the application and refuses it',
    mend: "compare the application's authentication details in the vault (client certificate, allowed machines, user) with what this agent presents",
    recovery: 'none',
  },
  APPAP227E: ambiguous,
  APPAP228E: ambiguous,
  APPAP229E: ambiguous,
  APPAP282E: {
    code: 'CYBERARK_PASSWORD_CHANGING',
    seen: 'the password of the account is being changed just now',
    mend: 'run again in some minutes; if it stays so, look at the account in the vault',
    recovery: 'retry-after-delay',
  },
  APPAP007E: {
    code: 'CYBERARK_VAULT_DOWN',
    seen: 'the provider does not reach the vault',
    mend: "look at the provider's own connection to the vault; it may be restarting",
    recovery: 'retry-after-delay',
  },
};

/** What may stand in a message of another program: one line, no control characters, not without end. */
function fit(text: string, longest: number): string {
  const line = text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').trim();
  return line.length > longest ? `${line.slice(0, longest)}…` : line;
}

/** The error that an answer other than 200 stands for. */
export function faultOf(doing: string, status: number, body: string): CyberArkError {
  const { errorCode, errorMessage } = readFault(body);
  const known = errorCode === undefined ? undefined : knownFaults[errorCode];
  const told = [errorCode, errorMessage].filter((part) => part !== undefined).join(': ');
  const answer = `HTTP ${status}${told === '' ? '' : `, ${told}`}`;
  if (known !== undefined)
    return new CyberArkError(known.code, `${doing}: ${known.seen} (${answer})`, {
      recovery: known.recovery,
      mend: known.mend,
    });
  const mayPass = status === 429 || status >= 500;
  return new CyberArkError('CYBERARK_FAULT', `${doing}: the service answered ${answer}`, {
    recovery: mayPass ? 'retry-after-delay' : 'none',
    mend: mendOf(status),
  });
}

function mendOf(status: number): string {
  if (status === 401 || status === 403)
    return 'see that the web service takes the client certificate of CyberArk.File, and that the application allows it';
  if (status === 404)
    return 'see that CyberArk.Server names the machine of the AIMWebService, and that it is installed';
  return "look at the log of the provider's web service";
}

function readFault(body: string): {
  readonly errorCode: string | undefined;
  readonly errorMessage: string | undefined;
} {
  try {
    const { ErrorCode: code, ErrorMsg: message } = JSON.parse(body) as { ErrorCode?: unknown; ErrorMsg?: unknown };
    return {
      errorCode: typeof code === 'string' && /^[A-Z0-9]{3,20}$/.test(code) ? code : undefined,
      errorMessage: typeof message === 'string' && message !== '' ? fit(message, 300) : undefined,
    };
  } catch {
    // A page of the web server in front.
    return { errorCode: undefined, errorMessage: undefined };
  }
}
