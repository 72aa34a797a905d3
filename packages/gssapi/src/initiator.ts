/* The client's side of a context: RFC 2743 2.2.1. */
import { acquireInitiator, credentialScene } from './credentials.ts';
import { type FailureScene, failed } from './failure-causes.ts';
import type { GssapiCalls } from './gssapi-calls.ts';
import type { Handle } from './gssapi-library.ts';
import { defaultCacheName, realmOfHost } from './kerberos-names.ts';
import type { InitiateOptions } from './mechanism.ts';
import { GssapiContext } from './security-context.ts';

/** RFC 2744 appendix A: context flags. No delegation: the server gets no ticket of the client's to use. */
const contextFlag = { mutual: 2, replay: 4, sequence: 8, confidentiality: 16, integrity: 32 } as const;
const REQUESTED = 2 | 4 | 8 | 16 | 32;
const NEEDED = contextFlag.mutual | contextFlag.confidentiality | contextFlag.integrity;
const CONTINUE_NEEDED = 1;
const DEFAULT_TIME_LIMIT_MS = 30_000;

export class InitiatorContext extends GssapiContext {
  readonly #options: InitiateOptions;
  #credential: Handle = 0n;
  #target: Handle = 0n;
  #begun = false;
  #principal: string | undefined;
  #cache: string | undefined;

  constructor(options: InitiateOptions) {
    super(options.scheme === 'kerberos' ? 'krb5' : 'spnego', options.timeLimitMs ?? DEFAULT_TIME_LIMIT_MS);
    this.#options = options;
  }

  protected override async advance(
    library: GssapiCalls,
    token: Uint8Array | undefined,
  ): Promise<Uint8Array | undefined> {
    if (!this.#begun) await this.#begin(library);
    const request = {
      context: this.handle,
      credential: this.#credential,
      target: this.#target,
      mechanism: this.mechanism,
      flags: REQUESTED,
      token,
    };
    const outcome = await this.limited(
      () => library.initiate(request),
      (late) => {
        library.deleteContext(late.context);
        this.#release(library);
      },
    );
    this.handle = outcome.context;
    if (failed(outcome.major)) {
      await this.#learnCredential(library);
      throw this.failed(outcome, this.describeStep(), token, outcome.token);
    }
    if ((outcome.major & CONTINUE_NEEDED) === 0) this.#establish(library, outcome.flags);
    return outcome.token.byteLength === 0 ? undefined : outcome.token;
  }

  protected override describeStep(): string {
    return `authenticating to ${this.#options.target} with ${credentialScene(this.#options.credential, this.#cache).credential}`;
  }

  protected override scene(): Omit<FailureScene, 'now' | 'peerTime'> {
    const known = credentialScene(this.#options.credential, this.#cache);
    return { ...known, side: 'initiate', target: this.#options.target, principal: known.principal ?? this.#principal };
  }

  protected override freeOwn(library: GssapiCalls): void {
    // While a call that was given up still runs, C uses both; its late result frees them.
    if (!this.abandoned) this.#release(library);
  }

  async #begin(library: GssapiCalls): Promise<void> {
    this.#begun = true;
    const imported = await this.limited(
      async () => library.importName(await serviceName(library, this.#options.target), 'principalName'),
      (late) => library.releaseName(late.name),
    );
    if (failed(imported.major)) throw this.failed(imported, this.describeStep(), undefined);
    this.#target = imported.name;
    const acquired = await this.limited(
      () => acquireInitiator(library, this.#options.credential, this.mechanism),
      (late) => {
        library.releaseCredential(late.credential);
        this.#release(library);
      },
    );
    if (failed(acquired.major)) {
      await this.#learnCredential(library);
      throw this.failed(acquired, this.describeStep(), undefined);
    }
    this.#credential = acquired.credential;
  }

  #establish(library: GssapiCalls, flags: number): void {
    if ((flags & NEEDED) !== NEEDED) {
      const seen = `the server grants flags ${flags}, without mutual authentication, integrity or confidentiality`;
      throw this.failure(
        'GSSAPI_PROTECTION_REFUSED',
        this.describeStep(),
        seen,
        'Connect to the server itself, not through a proxy that authenticates.',
      );
    }
    this.established(library, library.contextNames(this.handle).target.replace(/@$/, '') || this.#options.target);
  }

  /** Which cache and whose ticket it was, for the message; only a look into a file, but that too must not hang. */
  async #learnCredential(library: GssapiCalls): Promise<void> {
    if (this.#options.credential.kind !== 'ticket-cache') return;
    const learn = async () => {
      this.#cache = await defaultCacheName(library.library);
      this.#principal = (await library.credentialName(this.#credential)).principal || undefined;
    };
    await this.limited(learn, () => undefined).catch(() => undefined);
  }

  #release(library: GssapiCalls): void {
    library.releaseCredential(this.#credential);
    this.#credential = 0n;
    library.releaseName(this.#target);
    this.#target = 0n;
  }
}

/**
 * The name exactly as given: a principal name is not put through DNS, as a host-based name would be. Without a realm,
 * and where krb5.conf's [domain_realm] knows none either, it ends in an empty one, which asks the client's own KDC and
 * follows its referrals.
 */
async function serviceName(calls: GssapiCalls, target: string): Promise<string> {
  if (target.includes('@')) return target;
  const host = target.slice(target.indexOf('/') + 1);
  return `${target}@${(await realmOfHost(calls.library, host)) ?? ''}`;
}
