import { isIP } from 'node:net';
import type { ServerAddress } from './connection-settings.ts';
import { connectionKeys, serverExample as example } from './keys/connection-keys.ts';
import { describeFound, type SectionReader } from './section-reader.ts';
import { quote } from './remarks.ts';
import type { SettingValue } from './setting-value.ts';

const defaultPorts = { http: 80, https: 443 } as const;
/** More than any organisation has servers. */
const mostServers = 100;

function parseUrl(text: string): URL | undefined {
  // The URL parser mends what a person should mend: blanks, backslashes, missing slashes.
  if (!/^[A-Za-z][A-Za-z0-9+.-]*:\/\/[^\s\\]+$/.test(text)) return undefined;
  return URL.canParse(text) ? new URL(text) : undefined;
}

function faultOf(url: URL): string | undefined {
  const protocol = url.protocol.slice(0, -1);
  if (protocol !== 'http' && protocol !== 'https') return `the scheme ${quote(protocol)} is neither http nor https`;
  if (url.username !== '' || url.password !== '')
    return 'a login or password stands in the address; they belong in Login and Password';
  if (url.hash !== '') return `a fragment (${quote(url.hash.slice(0, 40))}) has no meaning here`;
  if (url.hostname === '') return 'no server is named';
  if (url.port === '0') return 'port 0 cannot be connected to';
  return undefined;
}

function readAddress(
  reader: SectionReader,
  text: string,
  value: SettingValue,
  authType: 'Kerberos' | 'Basic',
): ServerAddress | undefined {
  const url = parseUrl(text);
  const fault = url === undefined ? 'it is no address' : faultOf(url);
  if (url === undefined || fault !== undefined) {
    reader.remarks.error(value.origin, `found ${describeFound(value, 'Server')}: ${fault}; allowed is ${example}`);
    return undefined;
  }
  const protocol = url.protocol === 'https:' ? 'https' : 'http';
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const port = url.port === '' ? defaultPorts[protocol] : Number(url.port);
  if (authType === 'Kerberos' && isIP(host) !== 0) {
    reader.remarks.error(
      value.origin,
      `found ${describeFound(value, 'Server')}: with Kerberos an IP address cannot work, as tickets are given for a server's name (service principal HTTP/<name>); ` +
        'name the server here and put the address, where one is needed, into ConnectAddress',
    );
    return undefined;
  }
  if (isIP(host) === 0 && !host.includes('.') && host !== 'localhost')
    reader.remarks.warn(
      value.origin,
      `the server's name ${quote(host)} has no dot: it is used as it is (service principal HTTP/${host}); the full name, like ${host}.contoso.com, is what Exchange's certificates and tickets are usually for`,
    );
  if (url.pathname === '/')
    reader.remarks.warn(value.origin, `${quote(text)} has no path; the endpoint of Exchange is /PowerShell/`);
  return { url: text, protocol, host, port };
}

/** Reads `Server`: one address, or several of one organisation in order of preference. */
export function readServers(reader: SectionReader, authType: 'Kerberos' | 'Basic'): readonly ServerAddress[] {
  const value = reader.find('Server');
  if (value === undefined) {
    const inOptions = reader.find('Options');
    const hint =
      inOptions?.kind === 'section' && inOptions.members.has('server') ? '; Options.Server serves fulfilment only' : '';
    reader.remarks.error(reader.originOf('Server'), `is required and missing; allowed is ${example}${hint}`);
    return [];
  }
  const texts = reader.texts('Server', connectionKeys.Server.form.allowed);
  if (value.kind === 'list' && value.items.length === 0)
    reader.remarks.error(value.origin, `is an empty array; allowed is at least one address, ${example}`);
  if (texts.length > mostServers)
    reader.remarks.error(value.origin, `holds ${texts.length} addresses; at most ${mostServers} are allowed`);
  const servers: ServerAddress[] = [];
  for (const { text, value: item } of texts.slice(0, mostServers)) {
    const address = readAddress(reader, text.trim(), item, authType);
    if (address === undefined) continue;
    if (servers.some((server) => new URL(server.url).href === new URL(address.url).href))
      reader.remarks.warn(item.origin, `${quote(text)} stands twice in the array`);
    else servers.push(address);
  }
  return servers;
}

/** Reads `ConnectAddress`: a host name or IP address to dial in place of the server's name. */
export function readConnectAddress(reader: SectionReader): string | undefined {
  const { allowed } = connectionKeys.ConnectAddress.form;
  const text = reader.text('ConnectAddress', allowed);
  const value = reader.find('ConnectAddress');
  if (text === undefined || value === undefined) return undefined;
  const bare = text.trim().replace(/^\[(.*)\]$/, '$1');
  if (isIP(bare) !== 0 || /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9.])?$/.test(bare)) return bare;
  return reader.refuse('ConnectAddress', value, allowed);
}
