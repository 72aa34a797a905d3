/** Every code of this package. What is wrong with settings is told as remarks, not thrown. */
export type ConfigErrorCode =
  /** The settings were read again after a refused login, and were not good any more, or lacked the connection. */
  'CONFIG_RENEWAL_FAILED';

/** The root of this package's errors. No message holds a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code: ConfigErrorCode;
  readonly recovery = 'none';
  /** What to do about it, for a person. */
  readonly mend: string | undefined;

  constructor(code: ConfigErrorCode, message: string, mend?: string) {
    super(message);
    this.code = code;
    this.mend = mend;
  }
}
