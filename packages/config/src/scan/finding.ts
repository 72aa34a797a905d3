/** What kind of credential was found. */
export type FindingKind =
  /** A value whose name says that it is a password, secret, token or key. */
  | 'named-value'
  /** `scheme://login:password@host` */
  | 'address-login'
  /** A pair of a connection string, `Pwd=…;` */
  | 'connection-string'
  | 'private-key'
  /** A text that only tokens of a certain service look like. */
  | 'token'
  /** A password among the arguments of a command. */
  | 'command-argument';

/** A credential that stands readable in a file. Its value is never part of it. */
export interface Finding {
  readonly kind: FindingKind;
  /** What it is called there: `Password`, `AWS access key`. */
  readonly name: string;
  /** Where the value begins, in UTF-16 code units of the text. */
  readonly at: number;
}
