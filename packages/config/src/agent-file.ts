import { resolve } from 'node:path';
import { remarkOnNames } from './connection-section.ts';
import type { AgentFolders, CertificateSettings } from './connection-settings.ts';
import { Secret } from './connection-settings.ts';
import { agentKeys, type certificateKeys, cyberArkKeys, encryptionKeys, keyVaultKeys } from './keys/agent-keys.ts';
import type { KeyTable } from './keys/key-form.ts';
import type { Remarks } from './remarks.ts';
import { quote } from './remarks.ts';
import { SectionReader } from './section-reader.ts';
import type { CyberArkSettings, KeyVaultSettings } from './setting-stores.ts';
import type { Origin, SettingSection } from './setting-value.ts';

/** A source that `appsettings.json` switches on, and where it does. */
interface SwitchedOn<Settings> {
  readonly settings: Settings;
  readonly origin: Origin;
}

/** What `appsettings.json` says. */
export interface AgentFile {
  readonly folders: AgentFolders;
  /** Absolute folder of the XML configuration; it may be missing. */
  readonly configurationFolder: string;
  readonly encryptionCertificate: CertificateSettings | undefined;
  /** The encrypted file is to be read. */
  readonly encryptedSettings: SwitchedOn<CertificateSettings> | undefined;
  readonly keyVault: SwitchedOn<KeyVaultSettings> | undefined;
  readonly cyberArk: SwitchedOn<CyberArkSettings> | undefined;
}

class AgentFileReader {
  readonly #settingsFolder: string;
  readonly #remarks: Remarks;

  constructor(settingsFolder: string, remarks: Remarks) {
    this.#settingsFolder = settingsFolder;
    this.#remarks = remarks;
  }

  section(reader: SectionReader, name: string, keys: KeyTable): SectionReader | undefined {
    const value = reader.find(name);
    if (value === undefined) return undefined;
    if (value.kind !== 'section') return reader.refuse(name, value, 'an object, { … }');
    remarkOnNames(value, Object.keys(keys), this.#remarks);
    return new SectionReader(value, this.#remarks, this.#settingsFolder);
  }

  #secret(reader: SectionReader, name: string): Secret | undefined {
    const value = reader.find(name);
    if (value === undefined) return undefined;
    if (value.kind !== 'text') return reader.refuse(name, value, 'a text in double quotes');
    return value.value === '' ? undefined : new Secret(value.value);
  }

  /** Empty texts say nothing, as the product's own template of `appsettings.json` has them. */
  text(reader: SectionReader, name: string, allowed: string): string | undefined {
    const value = reader.find(name);
    return value?.kind === 'text' && value.value.trim() === '' ? undefined : reader.text(name, allowed);
  }

  #file(reader: SectionReader, name: string, allowed: string): string | undefined {
    return this.text(reader, name, allowed) === undefined ? undefined : reader.existingFile(name, allowed, () => true);
  }

  certificate(reader: SectionReader, keys: typeof certificateKeys): CertificateSettings | undefined {
    const location = this.text(reader, 'StoreLocation', 'CurrentUser or LocalMachine');
    const { values } = keys.StoreLocation.form;
    const known = values.find((word) => word.toLowerCase() === location?.trim().toLowerCase());
    const stands = reader.find('StoreLocation');
    if (location !== undefined && known === undefined && stands !== undefined)
      reader.refuse('StoreLocation', stands, values.map((word) => `"${word}"`).join(' or '));
    const file = this.#file(reader, 'File', keys.File.form.allowed);
    const found = {
      file,
      keyFile: this.#file(reader, 'KeyFile', keys.KeyFile.form.allowed),
      password: this.#secret(reader, 'Password'),
      passwordKeyFile: this.#file(reader, 'PasswordKeyFile', keys.PasswordKeyFile.form.allowed),
      distinguishedName: this.text(reader, 'DistinguishedName', keys.DistinguishedName.form.allowed),
      thumbprint: this.text(reader, 'Thumbprint', keys.Thumbprint.form.allowed),
      storeLocation: known,
      storeName: this.text(reader, 'StoreName', keys.StoreName.form.allowed),
    };
    const named = ['File', 'DistinguishedName', 'Thumbprint'].some((name) => {
      const value = reader.find(name);
      return value !== undefined && !(value.kind === 'text' && value.value.trim() === '');
    });
    return named ? found : undefined;
  }

  keyVault(reader: SectionReader): SwitchedOn<KeyVaultSettings> | undefined {
    const vault = this.text(reader, 'Vault', keyVaultKeys.Vault.form.allowed);
    const settings = {
      disableChallengeResourceVerification: reader.flag('DisableChallengeResourceVerification'),
      disableInstanceDiscovery: reader.flag('DisableInstanceDiscovery'),
      cacheMs: this.#cacheMs(reader),
    };
    if (vault === undefined) return undefined;
    const address = this.#httpsAddress(reader, 'Vault', vault, keyVaultKeys.Vault.form.allowed);
    return address === undefined
      ? undefined
      : { settings: { vault: address, ...settings }, origin: reader.originOf('Vault') };
  }

  #cacheMs(reader: SectionReader): number {
    const { form } = keyVaultKeys.CacheSeconds;
    return reader.wholeNumber('CacheSeconds', form.usual, form) * 1000;
  }

  #httpsAddress(reader: SectionReader, name: string, text: string, allowed: string): string | undefined {
    const url = URL.canParse(text.trim()) ? new URL(text.trim()) : undefined;
    if (url?.protocol === 'https:' && url.username === '' && url.password === '' && url.search + url.hash === '')
      return url.href;
    this.#remarks.error(reader.originOf(name), `found ${quote(text)}; allowed is ${allowed}`);
    return undefined;
  }

  cyberArk(reader: SectionReader): SwitchedOn<CyberArkSettings> | undefined {
    const wanted = reader.flag('UseCyberArkSetting');
    const keys = cyberArkKeys;
    const certificate = this.certificate(reader, keys);
    const caFile = this.#file(reader, 'CaFile', keys.CaFile.form.allowed);
    const cacheMs = this.#cacheMs(reader);
    if (!wanted) return undefined;
    const [server, applicationId, safeName] = (['Server', 'ApplicationId', 'SafeName'] as const).map((name) => {
      const { allowed } = keys[name].form;
      const text = this.text(reader, name, allowed);
      const stands = reader.find(name);
      if (text === undefined && (stands === undefined || stands.kind === 'text'))
        this.#remarks.error(
          reader.originOf(name),
          `is required with UseCyberArkSetting and missing; allowed is ${allowed}`,
        );
      return text;
    });
    if (certificate === undefined)
      this.#remarks.warn(
        reader.originOf('File'),
        'names no client certificate: CyberArk then knows this application by the address of its machine alone',
      );
    if (server === undefined || applicationId === undefined || safeName === undefined) return undefined;
    const address = this.#httpsAddress(reader, 'Server', server, keys.Server.form.allowed);
    if (address === undefined) return undefined;
    const settings = { server: address, applicationId, safeName, certificate, caFile, cacheMs };
    return { settings, origin: reader.originOf('UseCyberArkSetting') };
  }

  encryptedSettings(
    reader: SectionReader,
    certificate: CertificateSettings | undefined,
  ): SwitchedOn<CertificateSettings> | undefined {
    if (!reader.flag('UseEncryptedAppsettings')) return undefined;
    const origin = reader.originOf('UseEncryptedAppsettings');
    if (certificate !== undefined) return { settings: certificate, origin };
    this.#remarks.error(
      origin,
      'asks for appsettings.encrypted.agent.json, and no certificate to open it is named; allowed is File (a PFX or PEM file), or Thumbprint or DistinguishedName (Windows store)',
    );
    return undefined;
  }
}

/** Reads `appsettings.json`: the agent's folders, counted from the settings' folder, and what gives settings besides. Everything has a default. */
export function readAgentFile(
  section: SettingSection | undefined,
  settingsFolder: string,
  remarks: Remarks,
): AgentFile {
  const origin = { source: resolve(settingsFolder, 'appsettings.json'), path: '', position: undefined };
  const top = section ?? { kind: 'section', members: new Map(), origin };
  const reader = new SectionReader(top, remarks, settingsFolder);
  const agent = new AgentFileReader(settingsFolder, remarks);
  const folder = (name: string, usual: string) => reader.folder(name) ?? resolve(settingsFolder, '..', usual);
  const folders = { temp: folder('TempFolderPath', 'Temp'), work: folder('WorkFolderPath', 'Work') };
  const configurationFolder = folder('ConfigurationFolderPath', 'Conf');
  const encryption = agent.section(reader, 'EncryptionCertificate', encryptionKeys);
  const certificate = encryption && agent.certificate(encryption, encryptionKeys);
  const keyVault = agent.section(reader, 'AzureKeyVault', keyVaultKeys);
  const cyberArk = agent.section(reader, 'CyberArk', cyberArkKeys);
  const file = {
    folders,
    configurationFolder,
    encryptionCertificate: certificate,
    encryptedSettings: encryption && agent.encryptedSettings(encryption, certificate),
    keyVault: keyVault && agent.keyVault(keyVault),
    cyberArk: cyberArk && agent.cyberArk(cyberArk),
  };
  remarkOnNames(top, Object.keys(agentKeys), remarks);
  return file;
}
