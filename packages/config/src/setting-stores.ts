import type { CertificateSettings, Secret } from './connection-settings.ts';

/*
 * What gives settings besides files and the environment. These are ports: the composition (the agent)
 * puts the real ones behind them, each loaded only where the settings ask for it.
 *
 * A port that fails throws an Error whose message says what was being done, to what, and what was
 * seen, never a value; `mend`, where it has one, says what to do. Where its `recovery` is `skip-item`,
 * one secret or account failed and others may still be had; otherwise the whole store is out of reach.
 */

/** Opens the encrypted leaves of `appsettings.encrypted.agent.json`. */
export interface LeafDecryptor {
  /**
   * @param leaf the encrypted text, as it stands in the file
   * @param path its JSON path, for messages
   * @returns the plain text; a leaf that is not encrypted, as it stands
   */
  decrypt(leaf: string, path: string): Promise<string>;
  /** What is to be told about the certificate, such as that its validity has ended. */
  readonly warnings: readonly string[];
}

/** `AzureKeyVault` of `appsettings.json`. */
export interface KeyVaultSettings {
  /** `https://<name>.vault.azure.net/` */
  readonly vault: string;
  readonly disableChallengeResourceVerification: boolean;
  /** Sign-in without asking Microsoft's directory whether the authority is one of its own: for private clouds. */
  readonly disableInstanceDiscovery: boolean;
  readonly cacheMs: number;
}

/** `CyberArk` of `appsettings.json`. */
export interface CyberArkSettings {
  /** Address of the Central Credential Provider, `https://<host>`. */
  readonly server: string;
  readonly applicationId: string;
  readonly safeName: string;
  /** The client's certificate; undefined where none is named. */
  readonly certificate: CertificateSettings | undefined;
  /** Absolute path of the PEM file of a private CA. */
  readonly caFile: string | undefined;
  readonly cacheMs: number;
}

/** A store of secrets by name. */
export interface SecretStore {
  /** The names of the enabled secrets that begin with `prefix`, whatever its case. */
  listNames(prefix: string, signal: AbortSignal): Promise<readonly string[]>;
  read(name: string, signal: AbortSignal): Promise<Secret>;
}

/** What an account of CyberArk holds; undefined where its answer lacks the property. */
export interface StoredAccount {
  readonly content: Secret | undefined;
  readonly userName: string | undefined;
  readonly address: string | undefined;
}

export interface AccountStore {
  readAccount(name: string, signal: AbortSignal): Promise<StoredAccount>;
}

/** How each source is opened, asked for only where the settings switch it on. */
export interface SettingStores {
  openLeafDecryptor(certificate: CertificateSettings): Promise<LeafDecryptor>;
  openKeyVault(settings: KeyVaultSettings): Promise<SecretStore>;
  openCyberArk(settings: CyberArkSettings): Promise<AccountStore>;
}
