/*
 * What a security mechanism must do for WS-Management over plain HTTP ([MS-WSMV] 2.2.9.1): exchange tokens
 * until both sides are sure of each other, then seal and open message bodies, header and data apart.
 * GSSAPI (MIT krb5, Heimdal) implements it here; Windows' SSPI can stand beside it.
 */

/** A sealed message: the mechanism's header (signature) and the ciphertext with any padding behind it. */
export interface SealedMessage {
  readonly header: Uint8Array;
  readonly data: Uint8Array;
  /** Bytes of padding inside `data` beyond the plaintext's length; 0 for AES. */
  readonly paddingBytes: number;
}

/** One security context: one per TCP connection. Calls are serialized by the context itself. */
export interface SecurityContext {
  /** True once tokens need no longer be exchanged. */
  readonly complete: boolean;
  /** The other side's principal, once complete; on an acceptor the client's name. */
  readonly peer: string | undefined;
  /** Takes the peer's token (none at first on the initiator) and gives the one to send, if any. */
  step(token?: Uint8Array): Promise<Uint8Array | undefined>;
  wrap(plaintext: Uint8Array): Promise<SealedMessage>;
  /** @returns plaintext in memory that nothing else is in: who gets it may give it back when it was read */
  unwrap(header: Uint8Array, data: Uint8Array): Promise<Uint8Array>;
  /** Frees the context; safe to call twice and while a call is under way: a `step` that waits for a KDC fails then. */
  end(): void;
}

/** Whose credential an initiator uses. */
export type InitiatorCredential =
  /** The running account's ticket cache (`KRB5CCNAME` or the system's default). */
  | { readonly kind: 'ticket-cache' }
  /** A keytab file; `principal` defaults to the keytab's first. */
  | { readonly kind: 'keytab'; readonly file: string; readonly principal?: string | undefined }
  /**
   * A login (`user@REALM`; `enterprise` for a UPN whose suffix is no realm) and its password, which is
   * asked for only when it is needed.
   */
  | {
      readonly kind: 'password';
      readonly principal: string;
      readonly enterprise: boolean;
      readonly password: () => string;
    };

export interface InitiateOptions {
  /** The service principal, `HTTP/host.example.com`, or with `@REALM`. */
  readonly target: string;
  /** `kerberos` sends bare krb5 tokens, `negotiate` wraps them in SPNEGO. */
  readonly scheme: 'kerberos' | 'negotiate';
  readonly credential: InitiatorCredential;
  /** No single `step` may take longer; a KDC that is down blocks the library. Default 30,000. */
  readonly timeLimitMs?: number;
}

export interface AcceptOptions {
  /** Keytab with the service's keys. */
  readonly keytab: string;
  readonly scheme: 'kerberos' | 'negotiate';
  /** An MIT replay cache (`dfl:`, `file2:PATH`); default `none:`, since sealed messages cannot be replayed anyway. */
  readonly replayCache?: string;
}

/** A source of security contexts. */
export interface SecurityMechanism {
  readonly name: string;
  initiate(options: InitiateOptions): SecurityContext;
  accept(options: AcceptOptions): SecurityContext;
}
