/*
 * Kerberos with a credential that may be renewed while sessions are open: each connection begins with the one of that
 * moment, and where the KDC refuses it, once more with the one that came in its place.
 */
import type {
  AcceptOptions,
  InitiateOptions,
  InitiatorCredential,
  SealedMessage,
  SecurityContext,
  SecurityMechanism,
} from '@exchange-connector/gssapi';

/** Where the credential comes from. */
export interface CredentialSource {
  /**
   * The credential to log in with, and what to call when it was refused: whether there is another one.
   * @throws where none may be tried
   */
  readonly current: () => Promise<{
    readonly credential: InitiatorCredential;
    readonly refused: () => Promise<boolean>;
  }>;
  /** Whether an error says that the credential is not the account's. */
  readonly isRefused: (error: unknown) => boolean;
  /** Runs one login after the other. */
  readonly turn: <T>(login: () => Promise<T>) => Promise<T>;
}

export class RenewingMechanism implements SecurityMechanism {
  readonly #mechanism: SecurityMechanism;
  readonly #source: CredentialSource;

  constructor(mechanism: SecurityMechanism, source: CredentialSource) {
    this.#mechanism = mechanism;
    this.#source = source;
  }

  get name(): string {
    return this.#mechanism.name;
  }

  /** The credential of the options is not used. */
  initiate(options: InitiateOptions): SecurityContext {
    return new RenewingContext(this.#mechanism, this.#source, options);
  }

  accept(options: AcceptOptions): SecurityContext {
    return this.#mechanism.accept(options);
  }
}

class RenewingContext implements SecurityContext {
  readonly #mechanism: SecurityMechanism;
  readonly #source: CredentialSource;
  readonly #options: InitiateOptions;
  #context: SecurityContext | undefined;
  #isEnded = false;

  constructor(mechanism: SecurityMechanism, source: CredentialSource, options: InitiateOptions) {
    this.#mechanism = mechanism;
    this.#source = source;
    this.#options = options;
  }

  get complete(): boolean {
    return this.#context?.complete ?? false;
  }

  get peer(): string | undefined {
    return this.#context?.peer;
  }

  step(token?: Uint8Array): Promise<Uint8Array | undefined> {
    return token === undefined ? this.#source.turn(() => this.#begin()) : this.#begun().step(token);
  }

  wrap(plaintext: Uint8Array): Promise<SealedMessage> {
    return this.#begun().wrap(plaintext);
  }

  unwrap(header: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
    return this.#begun().unwrap(header, data);
  }

  end(): void {
    this.#isEnded = true;
    this.#context?.end();
  }

  #begun(): SecurityContext {
    if (this.#context === undefined) throw new TypeError('the first step comes without a token');
    return this.#context;
  }

  async #begin(): Promise<Uint8Array | undefined> {
    for (;;) {
      const { credential, refused } = await this.#source.current();
      const context = this.#mechanism.initiate({ ...this.#options, credential });
      this.#context = context;
      if (this.#isEnded) context.end();
      try {
        return await context.step(undefined);
      } catch (error) {
        if (this.#isEnded || !this.#source.isRefused(error) || !(await refused())) throw error;
        context.end();
      }
    }
  }
}
