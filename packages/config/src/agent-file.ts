import { resolve } from 'node:path';
import { remarkOnNames } from './connection-section.ts';
import type { AgentFolders } from './connection-settings.ts';
import type { Remarks } from './remarks.ts';
import { SectionReader } from './section-reader.ts';
import type { SettingSection } from './setting-value.ts';

const agentKeys = ['TempFolderPath', 'WorkFolderPath', 'EncryptionCertificate', 'AzureKeyVault', 'CyberArk'];

function child(reader: SectionReader, name: string, settingsFolder: string): SectionReader | undefined {
  const value = reader.find(name);
  if (value === undefined) return undefined;
  if (value.kind !== 'section') return reader.refuse(name, value, 'an object, { … }');
  return new SectionReader(value, reader.remarks, settingsFolder);
}

/** Sources of credentials that are asked for and not read yet must not be passed over in silence. */
function refuseSecretStores(reader: SectionReader, settingsFolder: string): void {
  const refuse = (store: SectionReader, key: string, what: string) =>
    store.remarks.error(
      store.originOf(key),
      `asks for ${what}, which this version does not read; the plain file and the environment are read`,
    );
  const certificate = child(reader, 'EncryptionCertificate', settingsFolder);
  if (certificate?.flag('UseEncryptedAppsettings'))
    refuse(certificate, 'UseEncryptedAppsettings', 'appsettings.encrypted.agent.json');
  const vault = child(reader, 'AzureKeyVault', settingsFolder);
  const address = vault?.find('Vault');
  if (vault !== undefined && address !== undefined && !(address.kind === 'text' && address.value.trim() === ''))
    refuse(vault, 'Vault', 'an Azure Key Vault');
  const cyberArk = child(reader, 'CyberArk', settingsFolder);
  if (cyberArk?.flag('UseCyberArkSetting')) refuse(cyberArk, 'UseCyberArkSetting', 'CyberArk');
}

/** Reads `appsettings.json`: the agent's folders, counted from the settings' folder. Everything has a default. */
export function readAgentFile(
  section: SettingSection | undefined,
  settingsFolder: string,
  remarks: Remarks,
): AgentFolders {
  const defaults = { temp: resolve(settingsFolder, '..', 'Temp'), work: resolve(settingsFolder, '..', 'Work') };
  if (section === undefined) return defaults;
  const reader = new SectionReader(section, remarks, settingsFolder);
  const folders = {
    temp: reader.folder('TempFolderPath') ?? defaults.temp,
    work: reader.folder('WorkFolderPath') ?? defaults.work,
  };
  refuseSecretStores(reader, settingsFolder);
  remarkOnNames(section, agentKeys, remarks);
  return folders;
}
