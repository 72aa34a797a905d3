import type { KeyTable } from './key-form.ts';

const day = 24 * 60 * 60;

/** How settings name a certificate with its private key. */
export const certificateKeys = {
  File: {
    form: { kind: 'path', allowed: 'the path of a PFX file, or of a PEM file' },
    meaning: 'PFX file, or PEM file of the certificate; wins over the Windows store',
  },
  KeyFile: {
    form: { kind: 'path', allowed: 'the path of a PEM file of a private key' },
    without: 'in `File`',
    meaning: 'PEM file of the private key',
  },
  Password: {
    form: { kind: 'secret' },
    meaning:
      'password of `File` or `KeyFile`, plain or wrapped by `protect password` ([credentials.md](credentials.md))',
  },
  PasswordKeyFile: {
    form: { kind: 'path', allowed: 'the path of the key file of a wrapped password' },
    without: 'the environment variable `EXCHANGE_CERTIFICATE_PASSWORD_KEY`',
    meaning: 'the key of a password that `protect password` wrapped; the variable wins',
  },
  DistinguishedName: {
    form: { kind: 'text', allowed: 'the distinguished name of a certificate’s subject' },
    meaning: 'which certificate of the Windows store, by its subject',
  },
  Thumbprint: {
    form: { kind: 'text', allowed: 'the thumbprint of a certificate, 40 or 64 hexadecimal digits' },
    meaning: 'the same, by its thumbprint',
  },
  StoreLocation: {
    form: { kind: 'choice', values: ['CurrentUser', 'LocalMachine'], usual: 'CurrentUser' },
    meaning: 'location of the Windows store',
  },
  StoreName: {
    form: { kind: 'text', allowed: 'the name of a Windows store, like My', usual: 'My' },
    meaning: 'its name',
  },
} as const satisfies KeyTable;

const cacheSeconds = {
  form: { kind: 'wholeNumber', usual: 300, least: 0, most: day, unit: 'seconds' },
  meaning: 'how long its values are used before they are fetched again; a refused login fetches them at once',
} as const;

export const encryptionKeys = {
  ...certificateKeys,
  UseEncryptedAppsettings: { form: { kind: 'flag' }, meaning: 'read `appsettings.encrypted.agent.json`' },
} as const satisfies KeyTable;

export const keyVaultKeys = {
  Vault: {
    form: { kind: 'text', allowed: 'the address of a vault, https://<name>.vault.azure.net/' },
    meaning: 'address of the vault, `https://<name>.vault.azure.net/`; empty: none',
  },
  DisableChallengeResourceVerification: {
    form: { kind: 'flag' },
    meaning: "take a vault outside Azure's own domains",
  },
  DisableInstanceDiscovery: {
    form: { kind: 'flag' },
    meaning: "sign in at an authority that Microsoft's directory does not list (private clouds)",
  },
  CacheSeconds: cacheSeconds,
} as const satisfies KeyTable;

export const cyberArkKeys = {
  UseCyberArkSetting: { form: { kind: 'flag' }, meaning: 'read `appsettings.cyberArk.agent.json` and ask CyberArk' },
  Server: {
    form: { kind: 'text', allowed: 'the address of the Central Credential Provider, https://<host>' },
    meaning: 'address of the Central Credential Provider',
  },
  ApplicationId: { form: { kind: 'text', allowed: 'an application identifier' }, meaning: 'who asks (`AppID`)' },
  SafeName: { form: { kind: 'text', allowed: 'the name of a safe' }, meaning: 'the safe of the accounts' },
  CaFile: {
    form: { kind: 'path', allowed: 'the path of a PEM file of certificates (-----BEGIN CERTIFICATE-----)' },
    without: "the system's",
    meaning: 'PEM file of a private CA of the provider',
  },
  CacheSeconds: cacheSeconds,
  ...certificateKeys,
} as const satisfies KeyTable;

/** The keys of `appsettings.json` that are read here; it holds others of the product that this connector serves. */
export const agentKeys = {
  TempFolderPath: {
    form: { kind: 'path', allowed: 'the path of a folder', usual: '../Temp' },
    meaning: 'holds `ExportOutput` (the CSV files, the manifest) and `JobLogs`',
  },
  WorkFolderPath: {
    form: { kind: 'path', allowed: 'the path of a folder', usual: '../Work' },
    meaning:
      'holds `ExportCookies`, `ExportState` (lock, journal, kept rows), `Fulfill`, `appsettings.connection.json`',
  },
  ConfigurationFolderPath: {
    form: { kind: 'path', allowed: 'the path of a folder', usual: '../Conf' },
    meaning: 'holds the XML configuration ([xml.md](xml.md)); it may be missing',
  },
  EncryptionCertificate: {
    form: { kind: 'section', keys: encryptionKeys },
    meaning: 'the certificate of encrypted settings and files ([credentials.md](credentials.md))',
  },
  AzureKeyVault: {
    form: { kind: 'section', keys: keyVaultKeys },
    meaning: 'a vault that gives settings ([credentials.md](credentials.md))',
  },
  CyberArk: {
    form: { kind: 'section', keys: cyberArkKeys },
    meaning: 'a Central Credential Provider that gives settings ([credentials.md](credentials.md))',
  },
} as const satisfies KeyTable;
