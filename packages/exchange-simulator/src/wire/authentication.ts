/*
 * Who speaks on a connection. Kerberos (RFC 4559's scheme, with the bare mechanism name as Exchange's kerbauth
 * module offers it) belongs to the TCP connection: one context each, made by the first requests. Basic comes
 * with every request.
 */
import type { SecurityContext, SecurityMechanism } from '@exchange-connector/gssapi';
import { createHash, timingSafeEqual } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { Socket } from 'node:net';

export interface BasicAccount {
  readonly login: string;
  readonly password: string;
}

export interface AuthenticationOptions {
  readonly kerberos: { readonly mechanism: SecurityMechanism; readonly keytab: string } | undefined;
  readonly basic: BasicAccount | undefined;
}

export type SchemeName = 'Kerberos' | 'Negotiate';

interface Established {
  readonly scheme: SchemeName;
  readonly context: SecurityContext;
}

export type Authentication =
  /** `context` seals bodies on plain connections; `token` goes back in WWW-Authenticate. */
  | {
      readonly kind: 'known';
      readonly user: string;
      readonly context: Established | undefined;
      readonly challenge: string | undefined;
    }
  /** 401 with these challenges. */
  | { readonly kind: 'unknown'; readonly challenges: readonly string[] };

function sameText(a: string, b: string): boolean {
  const digest = (text: string): Buffer => createHash('sha256').update(text, 'utf8').digest();
  return timingSafeEqual(digest(a), digest(b));
}

/** Keeps the security contexts of open connections. */
export class Authenticator {
  readonly #options: AuthenticationOptions;
  readonly #contexts = new WeakMap<Socket, Established>();

  constructor(options: AuthenticationOptions) {
    this.#options = options;
  }

  /** Frees the context of a connection that has closed. */
  forget(socket: Socket): void {
    this.#contexts.get(socket)?.context.end();
    this.#contexts.delete(socket);
  }

  async authenticate(request: IncomingMessage): Promise<Authentication> {
    const header = request.headers.authorization;
    if (header === undefined) {
      const established = this.#contexts.get(request.socket);
      if (established?.context.complete !== true) return this.#refuse();
      return { kind: 'known', user: established.context.peer ?? '', context: established, challenge: undefined };
    }
    const [scheme, value] = [
      header.slice(0, header.indexOf(' ')).toLowerCase(),
      header.slice(header.indexOf(' ') + 1).trim(),
    ];
    if (scheme === 'basic') return this.#basic(value);
    if (scheme === 'kerberos' || scheme === 'negotiate')
      return await this.#token(request.socket, scheme === 'kerberos' ? 'Kerberos' : 'Negotiate', value);
    return this.#refuse();
  }

  #refuse(): Authentication {
    const challenges = this.#options.kerberos === undefined ? [] : ['Kerberos', 'Negotiate'];
    return {
      kind: 'unknown',
      challenges: this.#options.basic === undefined ? challenges : [...challenges, 'Basic realm="exchange"'],
    };
  }

  #basic(value: string): Authentication {
    const { basic } = this.#options;
    const text = Buffer.from(value, 'base64').toString('utf8');
    const colon = text.indexOf(':');
    if (basic === undefined || colon < 0) return this.#refuse();
    // Both are compared whatever the first says, so that the time taken tells nothing.
    const login = sameText(text.slice(0, colon).toLowerCase(), basic.login.toLowerCase());
    const password = sameText(text.slice(colon + 1), basic.password);
    return login && password
      ? { kind: 'known', user: basic.login, context: undefined, challenge: undefined }
      : this.#refuse();
  }

  async #token(socket: Socket, scheme: SchemeName, value: string): Promise<Authentication> {
    const { kerberos } = this.#options;
    if (kerberos === undefined) return this.#refuse();
    let established = this.#contexts.get(socket);
    if (established === undefined || established.context.complete || established.scheme !== scheme) {
      // A new token on a connection that has a context begins another one.
      this.forget(socket);
      established = {
        scheme,
        context: kerberos.mechanism.accept({
          keytab: kerberos.keytab,
          scheme: scheme === 'Kerberos' ? 'kerberos' : 'negotiate',
        }),
      };
      this.#contexts.set(socket, established);
    }
    const { context } = established;
    try {
      const answer = await context.step(Buffer.from(value, 'base64'));
      const challenge = answer === undefined ? scheme : `${scheme} ${Buffer.from(answer).toString('base64')}`;
      if (!context.complete) return { kind: 'unknown', challenges: [challenge] };
      return {
        kind: 'known',
        user: context.peer ?? '',
        context: established,
        challenge: answer === undefined ? undefined : challenge,
      };
    } catch {
      this.forget(socket);
      return this.#refuse();
    }
  }
}
