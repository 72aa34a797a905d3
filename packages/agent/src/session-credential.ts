/*
 * From the settings of a connection to who a session is opened as.
 *
 *   Login and Password   user@REALM, DOMAIN\user with Realm, or a UPN whose suffix is no realm
 *   Keytab [Principal]   the keys of a file
 *   neither              the running account's ticket cache
 */
import { readFileSync } from 'node:fs';
import type { ConnectionSettings } from '@exchange-connector/config';
import { gssapiMechanism, type InitiatorCredential } from '@exchange-connector/gssapi';
import type { WsmanSessionOptions } from '@exchange-connector/wsman';
import { AgentError, fileFailed } from './errors.ts';

function passwordOf(connection: ConnectionSettings): () => string {
  const { password } = connection;
  if (password === undefined) {
    throw new AgentError(
      'RUN_SETTINGS_UNUSABLE',
      `connection ${connection.id}: Login is ${connection.login ?? 'missing'}, but there is no Password for it`,
      { mend: 'set Password, or the environment variable EXCHANGE_PASSWORD, or use a Keytab' },
    );
  }
  return () => password.reveal();
}

/**
 * The Kerberos principal that a login means. A suffix in capitals is a realm; another one is the user's UPN
 * suffix, which need not be a realm: the KDC finds the account by the whole name (RFC 6806, enterprise name).
 */
export function principalOf(
  login: string,
  realm: string | undefined,
): { readonly principal: string; readonly enterprise: boolean } {
  const backslash = login.indexOf('\\');
  const at = login.lastIndexOf('@');
  const inRealm = (user: string): string => (realm === undefined ? user : `${user}@${realm}`);
  if (backslash >= 0) return { principal: inRealm(login.slice(backslash + 1)), enterprise: false };
  if (at < 0) return { principal: inRealm(login), enterprise: false };
  const suffix = login.slice(at + 1);
  if (realm !== undefined && suffix.toUpperCase() === realm.toUpperCase()) {
    return { principal: `${login.slice(0, at)}@${realm}`, enterprise: false };
  }
  if (suffix === suffix.toUpperCase()) return { principal: login, enterprise: false };
  return { principal: login, enterprise: true };
}

/** Whose Kerberos credential a connection uses. */
export function credentialOf(connection: ConnectionSettings): InitiatorCredential {
  const { keytab, login, principal, realm } = connection;
  if (keytab !== undefined) {
    const name = principal ?? (login === undefined ? undefined : principalOf(login, realm).principal);
    return { kind: 'keytab', file: keytab, principal: name };
  }
  if (login === undefined) return { kind: 'ticket-cache' };
  return { kind: 'password', ...principalOf(login, realm), password: passwordOf(connection) };
}

/** How a session of this connection proves itself. */
export function authenticationOf(connection: ConnectionSettings): WsmanSessionOptions['authentication'] {
  if (connection.authType === 'Kerberos') {
    return { scheme: 'kerberos', mechanism: gssapiMechanism(), credential: credentialOf(connection) };
  }
  return {
    scheme: 'basic',
    login: connection.login ?? '',
    password: passwordOf(connection),
    allowUnencrypted: connection.allowUnencryptedBasic,
  };
}

/** The private CA's PEM text, where one is named. */
export function caPemOf(connection: ConnectionSettings): string | undefined {
  if (connection.caFile === undefined) return undefined;
  try {
    return readFileSync(connection.caFile, 'utf8');
  } catch (cause) {
    throw fileFailed(`reading the CA file ${connection.caFile} (CaFile of connection ${connection.id})`, cause);
  }
}
