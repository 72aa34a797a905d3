/* The address of `psrp invoke`, and who logs in there: checked before anything is contacted. */
import { isIP } from 'node:net';
import { usageError } from '../errors.ts';

export const authenticationSchemes = ['kerberos', 'negotiate', 'basic'] as const;
export type AuthenticationScheme = (typeof authenticationSchemes)[number];

export interface EndpointOptions {
  readonly auth: AuthenticationScheme;
  readonly spn?: string | undefined;
  readonly allowUnencryptedBasic: boolean;
}

/**
 * The address, as given but checked.
 *
 * @throws PsrpCliError PSRP_CLI_USAGE
 */
export function checkEndpoint(text: string, options: EndpointOptions): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:') || url.hostname === '') {
    throw usageError(
      `${JSON.stringify(withoutUser(text))} is not the address of an endpoint; write http://server.example.com/PowerShell/ or https://…`,
    );
  }
  if (url.username !== '' || url.password !== '') {
    throw usageError(
      'the address holds a login, and a password there could be read by every account of this machine; use --login, and EXCHANGE_PASSWORD or --password-stdin',
    );
  }
  if (options.auth === 'basic') {
    if (url.protocol === 'http:' && !options.allowUnencryptedBasic) {
      throw usageError(
        `Basic over http would send the password readable to ${url.host}; use https, or say --allow-unencrypted-basic`,
      );
    }
    return url;
  }
  const host = url.hostname.replace(/^\[|\]$/g, '');
  if (isIP(host) !== 0 && options.spn === undefined) {
    throw usageError(
      `${host} is an IP address: Kerberos gives tickets for names, and there is none for it. Use the server's name (HTTP/<name> must be its service principal), name one with --spn, or use --auth basic over https`,
    );
  }
  return url;
}

/** The text without what stands before an `@`: it may be a password. */
function withoutUser(text: string): string {
  return text.replace(/^([a-z]+:\/\/)?[^/?#]*@/i, '$1…@');
}

export interface KerberosLogin {
  readonly principal: string;
  /** A UPN whose suffix is no realm, which the KDC has to look up. */
  readonly enterprise: boolean;
}

/**
 * A login for Kerberos: `user@REALM`, `user` of the default realm, or a user principal name. A realm is
 * written in capitals, so that any other suffix makes an enterprise principal (RFC 6806).
 *
 * @throws PsrpCliError PSRP_CLI_USAGE for `DOMAIN\user`, whose realm is not known here
 */
export function parseKerberosLogin(login: string): KerberosLogin {
  if (login.includes('\\')) {
    throw usageError(
      `--login ${login}: Kerberos needs the realm, which a domain's short name does not tell; write user@REALM`,
    );
  }
  const at = login.lastIndexOf('@');
  if (login === '' || at === 0 || at === login.length - 1)
    throw usageError(`--login ${JSON.stringify(login)}: write user@REALM`);
  const suffix = at < 0 ? '' : login.slice(at + 1);
  return { principal: login, enterprise: suffix !== suffix.toUpperCase() };
}
