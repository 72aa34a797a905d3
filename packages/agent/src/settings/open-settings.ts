/*
 * The stores of settings, put behind the ports of the settings' package. Each is imported only once
 * settings ask for it: Microsoft's clients alone take longer to load than a whole `--help`.
 */
import { readFile } from 'node:fs/promises';
import {
  type AccountStore,
  type CertificateSettings,
  type CyberArkSettings,
  type Environment,
  type LeafDecryptor,
  type OpenedSettings,
  openSettings as openWith,
  Secret,
  type SettingsRequest,
  type SettingStores,
  StoreCache,
} from '@exchange-connector/config';

export interface OpenSettingsRequest extends SettingsRequest {
  /** Ends the asking of stores. */
  readonly signal?: AbortSignal | undefined;
  /** What stores gave before: of a program that opens settings more than once. */
  readonly cache?: StoreCache | undefined;
}

/** Where the key of a wrapped password is. */
function passwordKeyOf(certificate: CertificateSettings, environment: Environment) {
  return { environment, file: certificate.passwordKeyFile };
}

async function openLeafDecryptor(certificate: CertificateSettings, environment: Environment): Promise<LeafDecryptor> {
  const { createLeafDecryptor } = await import('@exchange-connector/protection');
  const given = environment['EXCHANGE_CERTIFICATE_PASSWORD'];
  const password = certificate.password ?? (given ? new Secret(given) : undefined);
  return createLeafDecryptor({ ...certificate, password }, { passwordKey: passwordKeyOf(certificate, environment) });
}

async function openCyberArk(settings: CyberArkSettings, environment: Environment): Promise<AccountStore> {
  const { openCentralCredentialProvider } = await import('@exchange-connector/cyberark');
  const { openClientIdentity } = await import('./client-identity.ts');
  const { certificate, caFile, server, applicationId, safeName } = settings;
  const identity =
    certificate === undefined
      ? undefined
      : await openClientIdentity(certificate, passwordKeyOf(certificate, environment));
  const ca = caFile === undefined ? undefined : await readFile(caFile, 'utf8');
  const provider = openCentralCredentialProvider({ server, applicationId, safeName, identity, ca });
  return {
    readAccount: async (name, signal) => {
      const { content, userName, address } = await provider.readAccount(name, signal);
      return { content: content === undefined ? undefined : new Secret(content), userName, address };
    },
  };
}

/** The real stores. */
function storesOf(environment: Environment): SettingStores {
  return {
    openLeafDecryptor: (certificate) => openLeafDecryptor(certificate, environment),
    openKeyVault: async (settings) => {
      const { openKeyVault } = await import('@exchange-connector/azure-key-vault');
      const vault = openKeyVault(settings);
      return {
        listNames: (prefix, signal) => vault.listNames(prefix, signal),
        read: async (name, signal) => new Secret(await vault.read(name, signal)),
      };
    },
    openCyberArk: (settings) => openCyberArk(settings, environment),
  };
}

/**
 * Reads the settings of an agent from every source: files, environment, Azure Key Vault, CyberArk; the last wins,
 * key by key (docs/settings.md). What stores give is kept for as long as the settings say.
 */
export function openSettings(request: OpenSettingsRequest): Promise<OpenedSettings> {
  return openWith({ ...request, cache: request.cache ?? new StoreCache(), stores: storesOf(request.environment) });
}
