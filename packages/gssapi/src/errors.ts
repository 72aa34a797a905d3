/** What can go wrong here; one line of meaning each. */
export type GssapiErrorCode =
  /** The GSSAPI library is not installed, or cannot be loaded. */
  | 'GSSAPI_LIBRARY_MISSING'
  /** The library has not the mechanism or the function that is needed. */
  | 'GSSAPI_MECHANISM_MISSING'
  /** The account has no ticket: no ticket cache, or an empty one. */
  | 'GSSAPI_NO_TICKET'
  /** The ticket, or the account's password, has run out. */
  | 'GSSAPI_TICKET_EXPIRED'
  /** krb5.conf and DNS name no KDC for the realm. */
  | 'GSSAPI_REALM_UNKNOWN'
  /** No KDC of the realm answers. */
  | 'GSSAPI_KDC_UNREACHABLE'
  /** A call took longer than its limit; the context is dead. */
  | 'GSSAPI_TIMED_OUT'
  /** The KDC does not know the service principal. */
  | 'GSSAPI_SERVICE_UNKNOWN'
  /** The KDC does not know the client principal. */
  | 'GSSAPI_CLIENT_UNKNOWN'
  /** The KDC knows the client but lets it not in (locked, disabled, expired). */
  | 'GSSAPI_CLIENT_REFUSED'
  /** The password is not the account's. */
  | 'GSSAPI_PASSWORD_WRONG'
  /** The keytab's key is not the one that the KDC holds. */
  | 'GSSAPI_KEY_WRONG'
  /** The clocks of two machines are too far apart. */
  | 'GSSAPI_CLOCK_SKEW'
  /** The keytab is not there, or cannot be read. */
  | 'GSSAPI_KEYTAB_UNREADABLE'
  /** The keytab has no key for the principal, or not the version in use. */
  | 'GSSAPI_KEYTAB_KEY_MISSING'
  /** Client, service and KDC share no acceptable encryption type; RC4 and DES are refused. */
  | 'GSSAPI_ENCRYPTION_TYPE_REFUSED'
  /** The peer's token is no token of this mechanism, damaged, or out of turn. */
  | 'GSSAPI_TOKEN_INVALID'
  /** The same authentication token was presented twice. */
  | 'GSSAPI_TOKEN_REPLAYED'
  /** A sealed message is damaged, or was not sealed by the peer of this context. */
  | 'GSSAPI_MESSAGE_DAMAGED'
  /** A sealed message came twice or out of order. */
  | 'GSSAPI_MESSAGE_OUT_OF_SEQUENCE'
  /** The peer does not grant what sealing needs (mutual authentication, confidentiality, integrity). */
  | 'GSSAPI_PROTECTION_REFUSED'
  /** A principal's name cannot be understood. */
  | 'GSSAPI_NAME_INVALID'
  /** krb5.conf cannot be read. */
  | 'GSSAPI_CONFIGURATION_INVALID'
  /** The context was ended, or had failed before. */
  | 'GSSAPI_CONTEXT_ENDED'
  /** Anything else; the library's own words are in the message. */
  | 'GSSAPI_FAILED';

/** What a caller can do about an error. */
export type GssapiRecovery = 'none' | 'ask-again' | 'retry-after-delay' | 'reopen-session' | 'skip-item';

export interface GssapiErrorDetails {
  /** What was being done, to what. */
  readonly doing: string;
  /** What was seen, the library's words included. */
  readonly seen: string;
  /** What a person can do about it. */
  readonly mend: string;
  readonly recovery?: GssapiRecovery;
  readonly majorStatus?: number;
  readonly minorStatus?: number;
  readonly replyToken?: Uint8Array | undefined;
  readonly cause?: unknown;
}

/** Any failure of this package; `message` is `doing: seen. mend`. */
export class GssapiError extends Error {
  readonly code: GssapiErrorCode;
  readonly recovery: GssapiRecovery;
  /** What was seen, the library's words included. */
  readonly seen: string;
  /** What a person can do about it, in whole sentences. */
  readonly mend: string;
  /** RFC 2743 major status; 0 where the library was not asked. */
  readonly majorStatus: number;
  /** The mechanism's own status, as an unsigned number; 0 where there is none. */
  readonly minorStatus: number;
  /** A token that tells the peer of the failure, where the mechanism made one. */
  readonly replyToken: Uint8Array | undefined;

  constructor(code: GssapiErrorCode, details: GssapiErrorDetails) {
    super(
      `${details.doing}: ${details.seen}. ${details.mend}`,
      details.cause === undefined ? undefined : { cause: details.cause },
    );
    this.name = 'GssapiError';
    this.code = code;
    this.recovery = details.recovery ?? 'none';
    this.seen = details.seen;
    this.mend = details.mend;
    this.majorStatus = details.majorStatus ?? 0;
    this.minorStatus = details.minorStatus ?? 0;
    this.replyToken = details.replyToken;
  }
}
