/** One organizational unit as the directory shows it now. */
export interface Unit {
  /** Lower case. */
  readonly guid: string;
  readonly distinguishedName: string;
  /** `contoso.com/Staff/Paris`; empty where the server does not say. */
  readonly canonicalName: string;
  readonly name: string;
  /** ISO 8601; empty where the server does not say. */
  readonly whenChanged: string;
  /** The directory server that said so. */
  readonly server: string;
}
