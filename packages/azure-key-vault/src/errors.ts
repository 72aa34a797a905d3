/** Every code of this package. */
export type KeyVaultErrorCode =
  /** The vault could not be reached: its name, its port, its certificate, the network. */
  | 'KEY_VAULT_UNREACHABLE'
  /** None of the default Azure credentials gave a token. */
  | 'KEY_VAULT_SIGN_IN_FAILED'
  /** The vault refused the token. */
  | 'KEY_VAULT_TOKEN_REFUSED'
  /** The account may not list or read secrets, or the vault's firewall refused this machine. */
  | 'KEY_VAULT_FORBIDDEN'
  /** The vault's challenge names a domain that is not its own. */
  | 'KEY_VAULT_DOMAIN_REFUSED'
  /** A secret is gone, or has no value. */
  | 'KEY_VAULT_SECRET_MISSING'
  /** The vault asked to be left alone for a while, and still did after the last try. */
  | 'KEY_VAULT_THROTTLED'
  /** Any other refusal of the vault. */
  | 'KEY_VAULT_FAULT'
  /** The caller ended the request. */
  | 'KEY_VAULT_CANCELLED';

export type KeyVaultRecovery = 'none' | 'retry-after-delay' | 'skip-item';

/** The root of this package's errors. No message holds a secret's value or a token. */
export class KeyVaultError extends Error {
  override readonly name = 'KeyVaultError';
  readonly code: KeyVaultErrorCode;
  readonly recovery: KeyVaultRecovery;
  /** What to do about it, for a person. */
  readonly mend: string | undefined;

  constructor(
    code: KeyVaultErrorCode,
    message: string,
    options: {
      readonly recovery?: KeyVaultRecovery;
      readonly mend?: string | undefined;
      readonly cause?: unknown;
    } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.recovery = options.recovery ?? 'none';
    this.mend = options.mend;
  }
}
