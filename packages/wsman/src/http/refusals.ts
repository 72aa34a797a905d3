/*
 * HTTP answers that are no SOAP, turned into errors that name the cause and the mend: a wrong scheme, a wrong
 * password, a wrong path, a stopped application pool, something in between.
 */
import {
  WsmanError,
  type WsmanErrorCode,
  type WsmanErrorDetails,
  type WsmanPhase,
  type WsmanRecovery,
} from '../errors.ts';
import type { HttpAnswer, RequestContext } from './connection.ts';
import type { Endpoint } from './endpoint.ts';

/** How the client authenticates, as far as messages need it. */
export interface SchemeFacts {
  /** The word of the Authorization header: `Kerberos`, `Negotiate`, `Basic`. */
  readonly scheme: 'Kerberos' | 'Negotiate' | 'Basic';
  /** The service principal, or the login. */
  readonly identity: string;
}

/** The schemes that WWW-Authenticate offers, each once. */
export function offeredSchemes(answer: Pick<HttpAnswer, 'headers'>): string[] {
  const header = answer.headers['www-authenticate'] ?? '';
  const names = [...header.matchAll(/(?:^|,)\s*([A-Za-z][A-Za-z0-9-]*)(?=\s|,|$)(?!\s*=)/g)].map(
    (match) => match[1] as string,
  );
  return [...new Set(names)];
}

/** The token behind the scheme's name in WWW-Authenticate; `undefined` where there is none. */
export function answeredToken(answer: Pick<HttpAnswer, 'headers'>, scheme: string): Uint8Array | undefined {
  const header = answer.headers['www-authenticate'] ?? '';
  const match = new RegExp(`(?:^|,)\\s*${scheme}\\s+([A-Za-z0-9+/]{4,}={0,2})(?=\\s*(?:,|$))`, 'i').exec(header);
  return match === null ? undefined : Buffer.from(match[1] as string, 'base64');
}

/** The readable text of a page, short. */
export function pageText(answer: Pick<HttpAnswer, 'body' | 'headers'>): string {
  const text = answer.body
    .subarray(0, 16_384)
    .toString('utf8')
    .replace(/<(script|style|title)\b[^>]*>[\s\S]*?<\/\1>/gi, ' ')
    .replace(/<[^>]*>/g, ' ')
    .replace(/&nbsp;/gi, ' ')
    // biome-ignore lint/suspicious/noControlCharactersInRegex: a page may hold anything; a terminal may not see it
    .replace(/[\u0000-\u001f\u007f-\u009f\s]+/g, ' ')
    .trim();
  return text.length > 300 ? `${text.slice(0, 300)}…` : text;
}

/** HTTP 401. `authenticated` tells that this connection had been accepted before. */
export function unauthorized(
  answer: HttpAnswer,
  facts: SchemeFacts,
  endpoint: Endpoint,
  context: RequestContext,
): WsmanError {
  const offered = offeredSchemes(answer);
  const offers = offered.some((scheme) => scheme.toLowerCase() === facts.scheme.toLowerCase());
  const list = offered.length === 0 ? 'no scheme at all' : offered.join(', ');
  return refusal(
    'WSMAN_AUTHENTICATION_REFUSED',
    offers || offered.length === 0 ? notAccepted(facts, list) : notOffered(facts, list, endpoint),
    answer,
    endpoint,
    context,
  );
}

function notOffered(facts: SchemeFacts, list: string, endpoint: Endpoint): string {
  switch (facts.scheme) {
    case 'Basic':
      return `the server offers ${list}, not Basic: an administrator can allow it (Set-PowerShellVirtualDirectory -BasicAuthentication $true), or use Kerberos`;
    case 'Kerberos':
      return `the server offers ${list}, not Kerberos: check that ${endpoint.path} is Exchange's PowerShell directory; other endpoints may want Negotiate`;
    case 'Negotiate':
      return `the server offers ${list}, not Negotiate: Exchange wants Kerberos`;
  }
}

function notAccepted(facts: SchemeFacts, list: string): string {
  if (facts.scheme === 'Basic')
    return `wrong login or password for "${facts.identity}", or the account is locked or may not log on (the server offers ${list})`;
  return (
    `the server did not accept the ${facts.scheme} ticket for ${facts.identity} (it offers ${list}): its keys may be those of another account ` +
    '(a load-balanced name needs an alternate service account), the ticket may be out of date, or the account may not log on'
  );
}

/** Any other answer that is no SOAP. */
export function unexpectedAnswer(
  answer: HttpAnswer,
  facts: SchemeFacts,
  endpoint: Endpoint,
  context: RequestContext,
): WsmanError {
  const said = pageText(answer);
  const page = said === '' ? '' : `; it says: ${said}`;
  const { status } = answer;
  if (status === 401) return unauthorized(answer, facts, endpoint, context);
  if (status === 403) {
    return refusal(
      'WSMAN_ACCESS_DENIED',
      `the server knows "${facts.identity}" but lets it not in (HTTP 403): the account needs RemotePowerShellEnabled, or the directory wants https${page}`,
      answer,
      endpoint,
      context,
    );
  }
  if (status >= 300 && status < 400) {
    const location = answer.headers.location ?? 'nowhere';
    return refusal(
      'WSMAN_HTTP_ERROR',
      `the server redirects (HTTP ${status}) to ${location.slice(0, 300)}: name that address if it is the right one`,
      answer,
      endpoint,
      context,
    );
  }
  const meaning = statusMeaning(status, endpoint);
  const retryAfter = /^\d{1,6}$/.test(answer.headers['retry-after'] ?? '')
    ? Number(answer.headers['retry-after']) * 1000
    : undefined;
  const code: WsmanErrorCode = status < 300 ? 'WSMAN_RESPONSE_INVALID' : 'WSMAN_HTTP_ERROR';
  return refusal(
    code,
    `HTTP ${status} ${answer.statusText.slice(0, 80)}: ${meaning}${page}`,
    answer,
    endpoint,
    context,
    {
      recovery: recoveryFrom(status, context.phase),
      retryAfterMs: retryAfter,
    },
  );
}

/** What is busy, or is being started, may be there in a moment; without a fault a service fails while it starts, too. */
function recoveryFrom(status: number, phase: WsmanPhase): WsmanRecovery {
  if (status === 429 || status === 502 || status === 503 || status === 504) return 'retry-after-delay';
  if (phase === 'run') return 'reopen-session';
  return status === 500 ? 'retry-after-delay' : 'none';
}

function statusMeaning(status: number, endpoint: Endpoint): string {
  switch (status) {
    case 404:
      return `there is no ${endpoint.path} on this server; Exchange answers at /PowerShell/ on port 80 or 443`;
    case 405:
      return 'what answers here takes no POST: this is no PowerShell directory';
    case 407:
      return 'a proxy stands in between and asks for a login; it must let this address pass';
    case 413:
      return 'the server does not take requests of this size';
    case 500:
      return 'the server failed without a WS-Management fault';
    case 502:
    case 504:
      return 'a proxy in between does not reach the server';
    case 503:
      return 'the service is not running (its application pool may be stopped) or is overloaded';
    default:
      return status < 300 ? 'not a SOAP answer: this is no PowerShell directory' : 'not a SOAP answer';
  }
}

function refusal(
  code: WsmanErrorCode,
  what: string,
  answer: HttpAnswer,
  endpoint: Endpoint,
  context: RequestContext,
  details: WsmanErrorDetails = {},
): WsmanError {
  const phase = context.phase === 'open' ? 'connect' : context.phase;
  return new WsmanError(code, `${context.operation} at ${endpoint.url}: ${what}`, {
    ...details,
    phase,
    operation: context.operation,
    url: endpoint.url,
    status: answer.status,
  });
}
