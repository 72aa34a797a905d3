/** Every code of this package. */
export type ProtectionErrorCode =
  /** A certificate, key, envelope or settings file could not be read or written. */
  | 'PROTECTION_FILE_FAILED'
  /** A file or value is larger than anything of its kind. */
  | 'PROTECTION_LIMIT_EXCEEDED'
  /** The settings of the certificate contradict each other, or name none. */
  | 'CERTIFICATE_SETTINGS_INVALID'
  /** The file is no PFX, PEM or certificate, or its bytes do not hold together. */
  | 'CERTIFICATE_DAMAGED'
  /** The password of the certificate's file or key is not the right one. */
  | 'CERTIFICATE_PASSWORD_WRONG'
  /** The file or key is encrypted, and no password was given. */
  | 'CERTIFICATE_PASSWORD_MISSING'
  /** An algorithm of the file is not one of those read here, or this system's cryptography refuses it. */
  | 'CERTIFICATE_ALGORITHM_UNSUPPORTED'
  /** The file holds no certificate, or none of the thumbprint or name that was asked for. */
  | 'CERTIFICATE_NOT_FOUND'
  /** Several certificates of the file or store fit. */
  | 'CERTIFICATE_AMBIGUOUS'
  /** There is no private key to decrypt with, or none that fits the certificate. */
  | 'CERTIFICATE_KEY_MISSING'
  /** The key is not RSA. */
  | 'CERTIFICATE_KEY_UNSUPPORTED'
  /** The RSA key is shorter than 2048 bits, or absurdly long. */
  | 'CERTIFICATE_KEY_SIZE_REFUSED'
  /** The validity of the certificate has ended. */
  | 'CERTIFICATE_EXPIRED'
  /** The validity of the certificate has not begun. */
  | 'CERTIFICATE_NOT_YET_VALID'
  /** The Windows certificate store was asked for where there is none, or it did not answer. */
  | 'CERTIFICATE_STORE_UNAVAILABLE'
  /** A leaf was encrypted to another certificate. */
  | 'LEAF_OTHER_CERTIFICATE'
  /** A leaf was changed or cut since it was encrypted, or is not well-formed. */
  | 'LEAF_DAMAGED'
  /** A leaf uses an algorithm that is not read here. */
  | 'LEAF_ALGORITHM_UNSUPPORTED'
  /** A leaf was encrypted by another product's tool. */
  | 'LEAF_FOREIGN'
  /** The key that a password is wrapped with is missing. */
  | 'PASSWORD_KEY_MISSING'
  /** The key that a password is wrapped with is not a key. */
  | 'PASSWORD_KEY_INVALID'
  /** The password was wrapped with another key. */
  | 'PASSWORD_KEY_WRONG'
  /** A settings file to protect is no JSON that could be protected. */
  | 'PROTECT_FILE_INVALID'
  /** An encrypted file is not what it should be: its structure, or its authentication tag. */
  | 'ENVELOPE_DAMAGED'
  /** An encrypted file ends too early. */
  | 'ENVELOPE_TRUNCATED'
  /** An encrypted file is for other certificates. */
  | 'ENVELOPE_OTHER_CERTIFICATE'
  /** An encrypted file uses a structure or algorithm that is not read here. */
  | 'ENVELOPE_UNSUPPORTED';

/** What can be done about an error. */
export type ProtectionRecovery = 'none' | 'ask-again' | 'retry-after-delay' | 'reopen-session' | 'skip-item';

/** The root of this package's errors. No message holds a secret or the content of what is encrypted. */
export class ProtectionError extends Error {
  override readonly name = 'ProtectionError';
  readonly code: ProtectionErrorCode;
  readonly recovery: ProtectionRecovery = 'none';
  /** What to do about it, for a person. */
  readonly mend: string | undefined;

  constructor(
    code: ProtectionErrorCode,
    message: string,
    options: { mend?: string | undefined; cause?: unknown } = {},
  ) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.code = code;
    this.mend = options.mend;
  }
}
