/** Every code of this package. */
export type CyberArkErrorCode =
  /** The provider could not be reached: its name, its port, the network. */
  | 'CYBERARK_UNREACHABLE'
  /** The two sides do not accept each other's certificates. */
  | 'CYBERARK_TLS_REFUSED'
  /** The client's certificate or key cannot be used for TLS. */
  | 'CYBERARK_CERTIFICATE_UNUSABLE'
  /** APPAP004E: no such account in the safe, no such safe, or the application may not see it. */
  | 'CYBERARK_ACCOUNT_NOT_FOUND'
  /** APPAP227E, APPAP228E, APPAP229E: several accounts fit, or the query is too wide. */
  | 'CYBERARK_ACCOUNT_AMBIGUOUS'
  /** APPAP008E: the vault does not know the application. */
  | 'CYBERARK_APPLICATION_UNKNOWN'
  /** APPAP306E: the vault knows the application and refuses it: its address, certificate, user or path. */
  | 'CYBERARK_APPLICATION_REFUSED'
  /** APPAP282E: the password is being changed, and still was after the last try. */
  | 'CYBERARK_PASSWORD_CHANGING'
  /** APPAP007E: the provider does not reach the vault. */
  | 'CYBERARK_VAULT_DOWN'
  /** Any other refusal of the provider. */
  | 'CYBERARK_FAULT'
  /** The answer is not what the service's documentation promises. */
  | 'CYBERARK_ANSWER_INVALID'
  /** The caller ended the request. */
  | 'CYBERARK_CANCELLED';

export type CyberArkRecovery = 'none' | 'retry-after-delay' | 'skip-item';

/** The root of this package's errors. No message holds what an account holds. */
export class CyberArkError extends Error {
  override readonly name = 'CyberArkError';
  readonly code: CyberArkErrorCode;
  /** `skip-item`: this account alone; `retry-after-delay`: it was tried again, and may work later. */
  readonly recovery: CyberArkRecovery;
  /** What to do about it, for a person. */
  readonly mend: string | undefined;

  constructor(
    code: CyberArkErrorCode,
    message: string,
    options: { readonly recovery?: CyberArkRecovery; readonly mend?: string; readonly cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recovery = options.recovery ?? 'none';
    this.mend = options.mend;
  }
}
