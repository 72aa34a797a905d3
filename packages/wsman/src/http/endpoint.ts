/*
 * Where to go: the name that is asked for (Host header, certificate, service principal) and the address that
 * is dialled may differ.
 */
import { isIP } from 'node:net';
import { WsmanError } from '../errors.ts';

/** A checked address. */
export interface Endpoint {
  /** The URL with the query, as it stands in `wsa:To`. */
  readonly url: string;
  readonly secure: boolean;
  /** The name as given, without brackets. */
  readonly host: string;
  /** The Host header. */
  readonly hostHeader: string;
  readonly dialHost: string;
  readonly dialPort: number;
  /** Path and query. */
  readonly path: string;
  readonly caPem: string | undefined;
}

function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host;
}

function invalid(message: string, cause?: unknown): WsmanError {
  return new WsmanError('WSMAN_OPTION_INVALID', message, { phase: 'connect', cause });
}

/** Reads `host`, `host:port`, `[v6]:port` or a bare IPv6 address. */
export function parseDialAddress(text: string, defaultPort: number): { host: string; port: number } {
  const trimmed = text.trim();
  if (isIP(trimmed) === 6) return { host: trimmed, port: defaultPort };
  const match = /^(\[[0-9A-Za-z:.%_-]+\]|[^\s:/[\]]+)(?::(\d{1,5}))?$/.exec(trimmed);
  const port = match?.[2] === undefined ? defaultPort : Number.parseInt(match[2], 10);
  if (match === null || port < 1 || port > 65_535) {
    throw invalid(
      `the address to dial, "${trimmed.slice(0, 200)}", is no host name or IP address with an optional port`,
    );
  }
  return { host: bare(match[1] as string), port };
}

/**
 * Checks the URL and the rest.
 * @throws WsmanError WSMAN_OPTION_INVALID
 */
export function parseEndpoint(options: {
  readonly url: string;
  readonly query?: string | undefined;
  readonly connectAddress?: string | undefined;
  readonly caPem?: string | undefined;
}): Endpoint {
  let url: URL;
  try {
    url = new URL(options.url);
  } catch (cause) {
    throw invalid(
      `"${options.url.slice(0, 200)}" is no URL; one reads http://mailbox01.contoso.com/PowerShell/`,
      cause,
    );
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:')
    throw invalid(`"${options.url.slice(0, 200)}" is neither http nor https`);
  if (url.username !== '' || url.password !== '')
    throw invalid('a URL with a login or password in it is refused: it would show in logs');
  if (options.caPem !== undefined && !options.caPem.includes('-----BEGIN CERTIFICATE-----'))
    throw invalid('the private CA holds no PEM certificate');
  url.hash = '';
  if (options.query !== undefined && options.query !== '') url.search = options.query.replace(/^\?/, '');
  const secure = url.protocol === 'https:';
  const port = url.port === '' ? (secure ? 443 : 80) : Number.parseInt(url.port, 10);
  const dial =
    options.connectAddress === undefined
      ? { host: bare(url.hostname), port }
      : parseDialAddress(options.connectAddress, port);
  return {
    url: url.href,
    secure,
    host: bare(url.hostname),
    hostHeader: url.host,
    dialHost: dial.host,
    dialPort: dial.port,
    path: `${url.pathname}${url.search}`,
    caPem: options.caPem,
  };
}
