/** A secret: it prints as `[secret]` everywhere; only `reveal()` gives the text. */
export class Secret {
  readonly #text: string;
  constructor(text: string) {
    this.#text = text;
  }
  reveal(): string {
    return this.#text;
  }
  toString(): string {
    return '[secret]';
  }
  toJSON(): string {
    return '[secret]';
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return '[secret]';
  }
}

/** One address of `Server`. Several name servers of one organisation, in order of preference. */
export interface ServerAddress {
  /** As given, with the path: `http://mailbox01.contoso.com/PowerShell/`. */
  readonly url: string;
  readonly protocol: 'http' | 'https';
  readonly host: string;
  readonly port: number;
}

/** One pair of `Options`. What its name calls a password, a token or the like is a secret. */
export interface FulfillOption {
  readonly name: string;
  readonly value: string | number | boolean | readonly string[] | Secret;
}

/** One connection of `Connections` in `appsettings.agent.json`, checked, defaults filled in (product documentation: settings). */
export interface ConnectionSettings {
  readonly id: string;
  readonly servers: readonly ServerAddress[];
  readonly connectAddress: string | undefined;
  /** Absolute path of a PEM file. */
  readonly caFile: string | undefined;
  readonly authType: 'Kerberos' | 'Basic';
  readonly login: string | undefined;
  readonly password: Secret | undefined;
  readonly keytab: string | undefined;
  readonly principal: string | undefined;
  readonly realm: string | undefined;
  readonly allowUnencryptedBasic: boolean;
  /** `ExportScriptPath`, or `PowerShellScriptPath` of a section without `Options`: the export is that script's. */
  readonly exportScriptPath: string | undefined;
  /** `FulfillScriptPath`, or `PowerShellScriptPath` of a section with `Options`. */
  readonly fulfillScriptPath: string | undefined;
  /** `Options`, every pair of it: what a fulfilment script is handed. Empty where there is no such section. */
  readonly fulfillOptions: readonly FulfillOption[];
  /** A deleted mailbox order removes the account too. */
  readonly allowRemoveMailbox: boolean;
  /** An order that moves a mailbox ends when the move has. */
  readonly waitForMove: boolean;
  readonly domainController: string | undefined;
  readonly globalCatalog: string | undefined;
  readonly operationTimeoutMs: number;
  readonly valueSeparator: string;
  readonly bom: boolean;
  readonly additionalColumns: readonly string[];
  readonly includeArbitration: boolean;
  readonly includePublicFolder: boolean;
  readonly includeAuditLog: boolean;
  readonly includeMonitoring: boolean;
  readonly organizationalUnits: readonly string[];
  readonly databases: readonly string[];
  readonly recipientTypeDetails: readonly string[];
  readonly filter: string | undefined;
  readonly shells: number;
  readonly shellSpacingMs: number;
  readonly overlapMinutes: number;
  /** Lines of one file beyond which a run stops and waits for a person; 0 turns the threshold off. */
  readonly maximumInsertedLines: number;
  readonly maximumUpdatedLines: number;
  readonly maximumDeletedLines: number;
  /** The same in percent of the last snapshot's rows, 0 to 100, fractions allowed; 0 turns it off. */
  readonly maxPercentageInsertedLines: number;
  readonly maxPercentageUpdatedLines: number;
  readonly maxPercentageDeletedLines: number;
  /** Mailboxes and databases that no order may change, as the person named them (trimmed, each once). */
  readonly protectedMailboxes: readonly string[];
  readonly protectedDatabases: readonly string[];
  /** The next increment starts at the last cookie that was acknowledged. */
  readonly requireAcknowledge: boolean;
  /** Files are written encrypted to {@link AgentSettings.encryptionCertificate}. */
  readonly encryptOutput: boolean;
  /** `DeactivationExportFulfill` of the XML configuration: what this connection may not be used for. */
  readonly deactivated: 'nothing' | 'export' | 'fulfillment';
}

/** A certificate with its private key, as settings name one. `file` wins over the Windows store. */
export interface CertificateSettings {
  /** Absolute path of a PFX file, or of a PEM file. */
  readonly file: string | undefined;
  /** Absolute path of the PEM file of the private key, where it is not in `file`. */
  readonly keyFile: string | undefined;
  /** As it stands in the settings: plain, or wrapped by `protect password`. */
  readonly password: Secret | undefined;
  /** Absolute path of the key of a wrapped password. */
  readonly passwordKeyFile: string | undefined;
  readonly distinguishedName: string | undefined;
  readonly thumbprint: string | undefined;
  readonly storeLocation: string | undefined;
  readonly storeName: string | undefined;
}

/** The folders of `appsettings.json`, absolute; created when first used. */
export interface AgentFolders {
  /** `TempFolderPath`, default `../Temp`; holds `ExportOutput`, `JobLogs`. */
  readonly temp: string;
  /** `WorkFolderPath`, default `../Work`; holds `ExportCookies`, `ExportState`, … */
  readonly work: string;
}

/** A fault or remark about one setting. */
export interface SettingRemark {
  readonly severity: 'error' | 'warning';
  /** The file, or the environment variable, that gave the value. */
  readonly source: string;
  /** JSON path, `Connections.Main.Server`. */
  readonly path: string;
  /** Where it stands in the file; both count from 1. */
  readonly position: { readonly line: number; readonly column: number } | undefined;
  /** One sentence: what was found, what is allowed. Never a secret's value. */
  readonly message: string;
}

/** All settings of an agent. */
export interface AgentSettings {
  readonly settingsFolder: string;
  readonly folders: AgentFolders;
  readonly connections: readonly ConnectionSettings[];
  /** `EncryptionCertificate` of `appsettings.json`: opens the encrypted settings, encrypts output. */
  readonly encryptionCertificate: CertificateSettings | undefined;
  readonly warnings: readonly SettingRemark[];
}
