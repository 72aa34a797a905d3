/*
 * What both sides of a context share: calls in turn, each within its time limit; sealing and opening (RFC 2743 2.3,
 * RFC 4121 4.2); freeing what C holds, also when a call is still under way.
 */
import { abandonedCalls, withinLimit } from './call-limit.ts';
import { GssapiError, type GssapiErrorCode } from './errors.ts';
import { causeOf, type FailureScene, failed, peerTimeOf, SUPPLEMENTARY_SEQUENCE } from './failure-causes.ts';
import { type GssapiCalls, loadGssapiCalls, type ObjectIdentifier, type Outcome } from './gssapi-calls.ts';
import type { Handle } from './gssapi-library.ts';
import type { SealedMessage, SecurityContext } from './mechanism.ts';
import { splitSealedToken } from './sealed-token.ts';

/** Below this, sealing on the main thread costs less than the way to another thread and back. */
const OFF_MAIN_THREAD_BYTES = 32 * 1024;
/** More threads than this are not given to a KDC that does not answer: libuv has four, and files and names need some. */
const MAX_ABANDONED_CALLS = 2;

/** Kerberos encryption types that are accepted (RFC 3962, RFC 8009, RFC 6803); DES, 3DES and RC4 are not. */
const ACCEPTED_ENCRYPTION_TYPES = new Map([
  [17, 'aes128-cts-hmac-sha1-96'],
  [18, 'aes256-cts-hmac-sha1-96'],
  [19, 'aes128-cts-hmac-sha256-128'],
  [20, 'aes256-cts-hmac-sha384-192'],
  [25, 'camellia128-cts-cmac'],
  [26, 'camellia256-cts-cmac'],
]);

/** A context of either side; subclasses know how to make a step. */
export abstract class GssapiContext implements SecurityContext {
  readonly mechanism: ObjectIdentifier;
  readonly timeLimitMs: number;
  /** The C context, 0 before the first token. */
  protected handle: Handle = 0n;
  protected library: GssapiCalls | undefined;
  /** True once a call was given up: C may still use what this context holds. */
  protected abandoned = false;
  #complete = false;
  #peer: string | undefined;
  #ended = false;
  #dead: GssapiError | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #encryptionType: string | undefined;
  /** When the step under way must be done, by performance.now(). */
  #deadline = 0;
  readonly #interruption = Promise.withResolvers<'interrupted'>();

  constructor(mechanism: ObjectIdentifier, timeLimitMs: number) {
    this.mechanism = mechanism;
    this.timeLimitMs = timeLimitMs;
  }

  get complete(): boolean {
    return this.#complete;
  }

  get peer(): string | undefined {
    return this.#peer;
  }

  /** The encryption type in use by its name, once complete. */
  get encryptionType(): string | undefined {
    return this.#encryptionType;
  }

  step(token?: Uint8Array): Promise<Uint8Array | undefined> {
    return this.#inTurn(async () => {
      if (this.#complete) {
        throw this.failure(
          'GSSAPI_TOKEN_INVALID',
          this.describeStep(),
          'a token came after the context was complete',
          'Connect anew.',
        );
      }
      this.#deadline = performance.now() + this.timeLimitMs;
      try {
        this.library = await loadGssapiCalls();
        return await this.advance(this.library, token);
      } catch (error) {
        this.#dead = error instanceof GssapiError ? error : undefined;
        this.#ended = true;
        this.#free();
        throw error;
      }
    });
  }

  wrap(plaintext: Uint8Array): Promise<SealedMessage> {
    const doing = `sealing a message of ${plaintext.byteLength} bytes`;
    return this.#inTurn(async () => {
      const library = this.#usable(doing);
      if (library.flavour === 'heimdal') return this.#wrapInOnePiece(library, plaintext, doing);
      const data = Buffer.allocUnsafeSlow(plaintext.byteLength);
      data.set(plaintext);
      const offMainThread = data.byteLength >= OFF_MAIN_THREAD_BYTES;
      const outcome = await library.sealInPlace(this.handle, data, offMainThread);
      if (failed(outcome.major)) throw this.failed(outcome, doing, undefined);
      this.#requireSealed(outcome.sealed, doing);
      const padding = outcome.padding;
      const body = padding.byteLength === 0 ? data : Buffer.concat([data, padding]);
      return { header: outcome.header, data: body, paddingBytes: padding.byteLength };
    });
  }

  unwrap(header: Uint8Array, data: Uint8Array): Promise<Uint8Array> {
    const doing = `opening a sealed message of ${header.byteLength} + ${data.byteLength} bytes`;
    return this.#inTurn(async () => {
      const library = this.#usable(doing);
      if (header.byteLength === 0) throw this.#damaged(doing, 'its header is empty');
      const token = Buffer.allocUnsafeSlow(header.byteLength + data.byteLength);
      token.set(header, 0);
      token.set(data, header.byteLength);
      const outcome =
        library.flavour === 'heimdal'
          ? await library.open(this.handle, token)
          : await library.openInPlace(this.handle, token, token.byteLength >= OFF_MAIN_THREAD_BYTES);
      if (failed(outcome.major)) throw this.#damaged(doing, library.describe(outcome, this.mechanism), outcome);
      if ((outcome.major & SUPPLEMENTARY_SEQUENCE) !== 0) throw this.failed(outcome, doing, undefined);
      if (!outcome.sealed) throw this.#damaged(doing, 'it is signed only, its text is not sealed', outcome);
      return outcome.plaintext;
    });
  }

  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#interruption.resolve('interrupted');
    this.#turn.then(
      () => this.#free(),
      () => this.#free(),
    );
  }

  /** Makes one step of the token exchange. */
  protected abstract advance(library: GssapiCalls, token: Uint8Array | undefined): Promise<Uint8Array | undefined>;
  /** What a step does, for messages. */
  protected abstract describeStep(): string;
  protected abstract scene(): Omit<FailureScene, 'now' | 'peerTime'>;
  /** Frees what the subclass holds in C besides the context. */
  protected abstract freeOwn(library: GssapiCalls): void;

  /** Runs a call that may wait for a KDC, within what is left of the step's limit, until the context is ended. */
  protected async limited<T>(call: () => Promise<T>, late: (value: T) => void): Promise<T> {
    if (abandonedCalls() >= MAX_ABANDONED_CALLS) {
      throw this.#timedOut(`${abandonedCalls()} earlier calls still wait for a KDC that does not answer`);
    }
    const limitMs = this.#deadline - performance.now();
    const interrupted = this.#interruption.promise;
    const result = await withinLimit(call(), { limitMs, interrupted, lateResult: late });
    if (result !== 'timed-out' && result !== 'interrupted') return result;
    this.abandoned = true;
    if (result === 'timed-out') throw this.#timedOut(`no answer within ${this.timeLimitMs} ms`);
    throw this.failure('GSSAPI_CONTEXT_ENDED', this.describeStep(), 'the context was ended meanwhile', 'Connect anew.');
  }

  /** Marks the context as usable, after a look at what protects it. */
  protected established(library: GssapiCalls, peer: string): void {
    const number = library.encryptionType(this.handle);
    const name = number === undefined ? undefined : ACCEPTED_ENCRYPTION_TYPES.get(number);
    if (number !== undefined && name === undefined) {
      const seen = `the service ticket's key is of encryption type ${number}${number === 23 ? ' (RC4)' : ''}`;
      const cause = causeOf(0, ENCRYPTION_REFUSED_MINOR, '', { ...this.scene(), now: new Date() });
      throw this.failure('GSSAPI_ENCRYPTION_TYPE_REFUSED', this.describeStep(), seen, cause.mend);
    }
    this.#encryptionType = name;
    this.#peer = peer;
    this.#complete = true;
  }

  /** The error for a status of the library. */
  protected failed(
    outcome: Outcome,
    doing: string,
    peerToken: Uint8Array | undefined,
    replyToken?: Uint8Array,
  ): GssapiError {
    const words = this.library?.describe(outcome, this.mechanism) ?? '';
    const scene = { ...this.scene(), peerTime: peerTimeOf(peerToken ?? replyToken), now: new Date() };
    const cause = causeOf(outcome.major, outcome.minor, words, scene);
    return new GssapiError(cause.code, {
      doing,
      seen: cause.seen === undefined ? words : `${words} (${cause.seen})`,
      mend: cause.mend,
      recovery: cause.recovery,
      majorStatus: outcome.major,
      minorStatus: outcome.minor,
      replyToken: replyToken?.byteLength ? replyToken : undefined,
    });
  }

  protected failure(code: GssapiErrorCode, doing: string, seen: string, mend: string, outcome?: Outcome): GssapiError {
    const status = outcome === undefined ? {} : { majorStatus: outcome.major, minorStatus: outcome.minor };
    return new GssapiError(code, { doing, seen, mend, ...status });
  }

  async #wrapInOnePiece(library: GssapiCalls, plaintext: Uint8Array, doing: string): Promise<SealedMessage> {
    const outcome = await library.seal(this.handle, plaintext);
    if (failed(outcome.major)) throw this.failed(outcome, doing, undefined);
    this.#requireSealed(outcome.sealed, doing);
    const message = splitSealedToken(outcome.token, plaintext.byteLength);
    if (message !== undefined) return message;
    throw this.failure('GSSAPI_FAILED', doing, "the library's token is not of RFC 4121", 'MIT Kerberos is needed.');
  }

  #requireSealed(sealed: boolean, doing: string): void {
    if (sealed) return;
    throw this.failure(
      'GSSAPI_PROTECTION_REFUSED',
      doing,
      'the library signed but did not seal',
      'Confidentiality must be allowed for the service.',
    );
  }

  #damaged(doing: string, seen: string, outcome?: Outcome): GssapiError {
    const { mend } = causeOf(0x60000, 0, '', { ...this.scene(), now: new Date() });
    return this.failure('GSSAPI_MESSAGE_DAMAGED', doing, seen, mend, outcome);
  }

  #timedOut(seen: string): GssapiError {
    const { mend } = causeOf(0, KDC_UNREACHABLE_MINOR, '', { ...this.scene(), now: new Date() });
    return new GssapiError('GSSAPI_TIMED_OUT', {
      doing: this.describeStep(),
      seen,
      mend,
      recovery: 'retry-after-delay',
    });
  }

  #usable(doing: string): GssapiCalls {
    if (this.library !== undefined && this.#complete && this.handle !== 0n) return this.library;
    throw this.failure('GSSAPI_CONTEXT_ENDED', doing, 'the exchange of tokens is not complete', 'Connect anew.');
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const run = this.#turn.then(() => {
      if (this.#dead !== undefined) throw this.#dead;
      if (this.#ended)
        throw this.failure('GSSAPI_CONTEXT_ENDED', this.describeStep(), 'the context was ended', 'Connect anew.');
      return work();
    });
    this.#turn = run.catch(() => undefined);
    return run;
  }

  #free(): void {
    const library = this.library;
    if (library === undefined) return;
    if (!this.abandoned) library.deleteContext(this.handle);
    this.handle = 0n;
    this.#complete = false;
    this.freeOwn(library);
  }
}

/** KRB5KDC_ERR_ETYPE_NOSUPP and KRB5_KDC_UNREACH, to ask the table of causes for its words. */
const ENCRYPTION_REFUSED_MINOR = -1765328384 + 14;
const KDC_UNREACHABLE_MINOR = -1765328384 + 156;
