import { type ConnectionSettings, type FulfillOption, Secret, type ServerAddress } from '@exchange-connector/config';

function addressOf(url: string): ServerAddress {
  const { protocol, hostname, port } = new URL(url);
  const isHttps = protocol === 'https:';
  return {
    url,
    protocol: isHttps ? 'https' : 'http',
    host: hostname,
    port: port === '' ? (isHttps ? 443 : 80) : Number(port),
  };
}

/**
 * The connection as fulfilment opens it: `Server`, `AuthType`, `Login` and `Password` of `Options`, where they stand
 * there, take the place of the section's own, as in the incumbent's sections for both export and fulfilment.
 */
export function fulfilConnection(connection: ConnectionSettings): ConnectionSettings {
  const find = (name: string): FulfillOption['value'] | undefined =>
    connection.fulfillOptions.find((option) => option.name.toLowerCase() === name.toLowerCase())?.value;
  const text = (name: string): string | undefined => {
    const value = find(name);
    return typeof value === 'string' && value.trim() !== '' ? value : undefined;
  };
  const password = find('Password');
  const server = find('Server');
  const urls = typeof server === 'string' ? [server] : Array.isArray(server) ? (server as readonly string[]) : [];
  const authType = text('AuthType')?.toLowerCase();
  const login = text('Login');
  return {
    ...connection,
    ...(urls.length === 0 ? {} : { servers: urls.map(addressOf) }),
    ...(authType === undefined ? {} : { authType: authType === 'basic' ? ('Basic' as const) : ('Kerberos' as const) }),
    // A keytab of the section is for the section's own account.
    ...(login === undefined ? {} : { login, keytab: undefined, principal: undefined }),
    ...(password instanceof Secret ? { password } : {}),
  };
}
