/* The service's side of a context: RFC 2743 2.2.2. */
import { acquireAcceptor } from './credentials.ts';
import { type FailureScene, failed } from './failure-causes.ts';
import type { GssapiCalls } from './gssapi-calls.ts';
import type { Handle } from './gssapi-library.ts';
import type { AcceptOptions } from './mechanism.ts';
import { GssapiContext } from './security-context.ts';

const CONTINUE_NEEDED = 1;
/** Accepting asks no KDC: it reads a keytab and computes. */
const TIME_LIMIT_MS = 10_000;

export class AcceptorContext extends GssapiContext {
  readonly #options: AcceptOptions;
  #credential: Handle = 0n;
  #begun = false;

  constructor(options: AcceptOptions) {
    super(options.scheme === 'kerberos' ? 'krb5' : 'spnego', TIME_LIMIT_MS);
    this.#options = options;
  }

  protected override async advance(
    library: GssapiCalls,
    token: Uint8Array | undefined,
  ): Promise<Uint8Array | undefined> {
    if (token === undefined || token.byteLength === 0) {
      throw this.failure(
        'GSSAPI_TOKEN_INVALID',
        this.describeStep(),
        'the token is empty',
        'The client must send the first token.',
      );
    }
    if (!this.#begun) await this.#begin(library);
    const request = { context: this.handle, credential: this.#credential, token };
    const outcome = await this.limited(
      () => library.accept(request),
      (late) => {
        library.deleteContext(late.context);
        this.#release(library);
      },
    );
    this.handle = outcome.context;
    if (failed(outcome.major)) throw this.failed(outcome, this.describeStep(), undefined, outcome.token);
    if ((outcome.major & CONTINUE_NEEDED) === 0) this.established(library, outcome.peer);
    return outcome.token.byteLength === 0 ? undefined : outcome.token;
  }

  protected override describeStep(): string {
    return `accepting a client with the keytab ${this.#options.keytab}`;
  }

  protected override scene(): Omit<FailureScene, 'now' | 'peerTime'> {
    return { side: 'accept', credential: `the keytab ${this.#options.keytab}`, credentialKind: 'keytab' };
  }

  protected override freeOwn(library: GssapiCalls): void {
    if (!this.abandoned) this.#release(library);
  }

  async #begin(library: GssapiCalls): Promise<void> {
    this.#begun = true;
    const acquired = await this.limited(
      () => acquireAcceptor(library, this.#options, this.mechanism),
      (late) => library.releaseCredential(late.credential),
    );
    if (failed(acquired.major)) throw this.failed(acquired, this.describeStep(), undefined);
    this.#credential = acquired.credential;
  }

  #release(library: GssapiCalls): void {
    library.releaseCredential(this.#credential);
    this.#credential = 0n;
  }
}
