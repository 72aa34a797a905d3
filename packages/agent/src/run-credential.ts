/*
 * The credential of a run. All its sessions share it, so that one that the server does not take any more costs the
 * account one failed login and not one for each session: whoever is refused has it renewed from its source, once in a
 * run, and the others wait for that. One that cannot be renewed is not sent again.
 */
import type { ConnectionSettings } from '@exchange-connector/config';
import { GssapiError } from '@exchange-connector/gssapi';
import { WsmanError, type WsmanSessionOptions } from '@exchange-connector/wsman';
import { RenewingMechanism } from './renewing-mechanism.ts';
import { authenticationOf, credentialOf } from './session-credential.ts';

/** Codes of the security library that say: this password, or this key, is not the account's. */
const refusedCodes: ReadonlySet<string> = new Set([
  'GSSAPI_PASSWORD_WRONG',
  'GSSAPI_KEY_WRONG',
  'GSSAPI_TICKET_EXPIRED',
  'GSSAPI_CLIENT_REFUSED',
  'GSSAPI_KEYTAB_KEY_MISSING',
]);
/** Those that count towards the lockout of the account. */
const countedCodes: ReadonlySet<string> = new Set([
  'GSSAPI_PASSWORD_WRONG',
  'GSSAPI_KEY_WRONG',
  'GSSAPI_CLIENT_REFUSED',
]);

function securityError(error: unknown): GssapiError | undefined {
  const cause = error instanceof WsmanError ? error.cause : error;
  return cause instanceof GssapiError ? cause : undefined;
}

/** Whether who we are was refused, so that a newer credential may be let in. */
export function isCredentialRefused(error: unknown): boolean {
  const security = securityError(error);
  if (security !== undefined) return refusedCodes.has(security.code);
  return error instanceof WsmanError && error.code === 'WSMAN_AUTHENTICATION_REFUSED';
}

/** Whether a login was refused in a way that counts towards the lockout of the account. */
function isCounted(error: unknown): boolean {
  const security = securityError(error);
  return security !== undefined && countedCodes.has(security.code);
}

function isSameAccount(one: ConnectionSettings, other: ConnectionSettings): boolean {
  return one.authType === other.authType && one.login === other.login && one.principal === other.principal;
}

function isSameCredential(one: ConnectionSettings, other: ConnectionSettings): boolean {
  return one.login === other.login && one.password?.reveal() === other.password?.reveal();
}

/** What the credential of a run needs around it. */
export interface RunCredentialPorts {
  /** Gives the connection's settings anew, where its password may have been changed meanwhile. */
  readonly renewConnection?: (() => Promise<ConnectionSettings>) | undefined;
  readonly onWarning: (message: string) => void;
}

/** The credential that the sessions of one run share. */
export class RunCredential {
  readonly #ports: RunCredentialPorts;
  #connection: ConnectionSettings;
  #isRenewed = false;
  #renewing: Promise<void> | undefined;
  #logins: Promise<void> = Promise.resolve();
  /** What the renewal failed with, or that there is none: nothing is sent any more. */
  #refused: { readonly error: unknown } | undefined;

  constructor(connection: ConnectionSettings, ports: RunCredentialPorts) {
    this.#connection = connection;
    this.#ports = ports;
  }

  /** The connection, with its credential as it was renewed last. */
  get connection(): ConnectionSettings {
    return this.#connection;
  }

  /**
   * The connection to log in with; waits while its credential is renewed.
   * @throws what its renewal failed with; WsmanError where it was refused and there is no other
   */
  async current(): Promise<ConnectionSettings> {
    await this.#renewing?.catch(() => {});
    if (this.#refused !== undefined) throw this.#refused.error;
    return this.#connection;
  }

  /**
   * A login with this connection was refused.
   * @param counts whether it counts towards the lockout of the account: then, without another credential, it was the last
   * @returns whether there is another credential to try
   * @throws what its renewal fails with
   */
  async refused(used: ConnectionSettings, url: string, counts: boolean): Promise<boolean> {
    if (used === this.#connection) {
      this.#renewing ??= this.#renew(used, url).finally(() => {
        this.#renewing = undefined;
      });
    }
    await this.#renewing;
    if (used !== this.#connection) return true;
    // Refused twice counts twice towards the lockout of the account.
    if (counts) this.#refused ??= { error: refusedFor(used, url) };
    return false;
  }

  async #renew(used: ConnectionSettings, url: string): Promise<void> {
    const { renewConnection, onWarning } = this.#ports;
    if (this.#isRenewed || renewConnection === undefined) return;
    this.#isRenewed = true;
    try {
      const renewed = await renewConnection();
      if (isSameCredential(renewed, used)) return;
      this.#connection = renewed;
      onWarning(`${url} refused the credential; it was renewed from its source, and is tried once more`);
    } catch (error) {
      this.#refused = { error };
      throw error;
    }
  }

  /**
   * How a session on `url` proves itself, now and whenever it has to again: as the account that it was opened for, with
   * the credential as it is by then.
   */
  authentication(url: string): WsmanSessionOptions['authentication'] {
    const opened = this.#connection;
    const fixed = authenticationOf(opened);
    const current = async (): Promise<ConnectionSettings> => {
      const connection = await this.current();
      if (!isSameAccount(connection, opened)) throw refusedFor(opened, url);
      return connection;
    };
    const isOther = async (used: ConnectionSettings): Promise<boolean> =>
      (await this.refused(used, url, true)) && isSameAccount(this.#connection, opened);
    if (fixed.scheme === 'basic')
      return {
        ...fixed,
        password: async () => (await current()).password?.reveal() ?? '',
        // Another session may have had it renewed since.
        onRefused: (password) =>
          this.#connection.password?.reveal() === password
            ? isOther(this.#connection)
            : Promise.resolve(isSameAccount(this.#connection, opened)),
      };
    const mechanism = new RenewingMechanism(fixed.mechanism, {
      current: async () => {
        const used = await current();
        return { credential: credentialOf(used), refused: () => isOther(used) };
      },
      isRefused: (error) => isCounted(error),
      turn: (login) => this.#inTurn(login),
    });
    return { ...fixed, mechanism };
  }

  /** One login after the other: the first one that is refused keeps the others from trying the same. */
  #inTurn<T>(login: () => Promise<T>): Promise<T> {
    const mine = this.#logins.then(login);
    this.#logins = mine.then(
      () => undefined,
      () => undefined,
    );
    return mine;
  }
}

function refusedFor({ login, principal, keytab }: ConnectionSettings, url: string): WsmanError {
  const who = principal ?? login ?? keytab ?? 'the account';
  return new WsmanError(
    'WSMAN_AUTHENTICATION_REFUSED',
    `${url} refused the credential of ${who} in this run: it is not sent again, as that would lock the account`,
    { phase: 'connect', url },
  );
}
