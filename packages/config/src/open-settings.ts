import { join } from 'node:path';
import { AccountReader, StoreOutOfReach } from './cyberark-layer.ts';
import type { ConnectionSettings, SettingRemark } from './connection-settings.ts';
import { describeStoreError, TreeDecryptor } from './encrypted-layer.ts';
import { ConfigError } from './errors.ts';
import { findUnstorable, readVaultSecrets, vaultTree } from './key-vault-layer.ts';
import {
  checkSettings,
  type LoadedSettings,
  type LocalSources,
  localLayers,
  readLocalSources,
  type SettingsRequest,
} from './load-settings.ts';
import { quote, Remarks } from './remarks.ts';
import { findCyberArkFile, readLayerFile, settingFiles, type SettingLayer } from './setting-layers.ts';
import type { SettingStores } from './setting-stores.ts';
import type { Origin } from './setting-value.ts';
import { StoreCache } from './store-cache.ts';

export interface OpenRequest extends SettingsRequest {
  readonly stores: SettingStores;
  /** Ends the asking of stores. */
  readonly signal?: AbortSignal | undefined;
  /** What the stores gave before, for as long as their settings say; fresh where it is left out. */
  readonly cache?: StoreCache | undefined;
}

/** What settings were read from: for showing where a value comes from. */
interface ReadSources {
  /** The sources that gave connections, each laid over those before it. */
  readonly layers: readonly SettingLayer[];
  /** Those of `appsettings.json`. */
  readonly agentLayers: readonly SettingLayer[];
  /** A password from outside the sources: typed or piped in, or of the variable `EXCHANGE_PASSWORD`. */
  readonly givenPassword: 'given' | 'environment' | undefined;
}

export type OpenedSettings = ReadSources &
  (
    | (Extract<LoadedSettings, { kind: 'loaded' }> & {
        /**
         * Reads every source again, stores too, whatever was kept: for after a refused login.
         * @throws ConfigError CONFIG_RENEWAL_FAILED
         */
        renew(connectionId: string): Promise<ConnectionSettings>;
      })
    | (Extract<LoadedSettings, { kind: 'refused' }> & {
        /** A store was asked and did not answer, or refused: no fault of the settings' form. */
        readonly storeFailed: boolean;
      })
  );

class SourceReader {
  readonly #request: OpenRequest;
  readonly #local: LocalSources;
  readonly #remarks: Remarks;
  readonly #signal: AbortSignal;
  readonly #cache: StoreCache;
  storeFailed = false;

  constructor(request: OpenRequest, local: LocalSources, remarks: Remarks) {
    this.#request = request;
    this.#local = local;
    this.#remarks = remarks;
    this.#signal = request.signal ?? new AbortController().signal;
    this.#cache = request.cache ?? new StoreCache();
  }

  /** Every source in the order of its weight. Stores are asked only where nothing is wrong before. */
  async read(): Promise<readonly SettingLayer[]> {
    const local = localLayers(this.#local, this.#remarks);
    const encrypted = await this.#encrypted();
    const mayAsk = !this.#remarks.hasErrors;
    const keyVault = mayAsk ? await this.#keyVault() : undefined;
    const cyberArk = mayAsk && !this.storeFailed ? await this.#cyberArk() : undefined;
    const order = ['file', 'encryptedFile', 'environment', 'keyVault', 'cyberArk', 'connectionFile'];
    return [...local, encrypted, keyVault, cyberArk]
      .filter((layer) => layer !== undefined)
      .sort((left, right) => order.indexOf(left.kind) - order.indexOf(right.kind));
  }

  async #encrypted(): Promise<SettingLayer | undefined> {
    const { agent, settingsFolder } = this.#local;
    if (agent.encryptedSettings === undefined) return undefined;
    const { settings, origin } = agent.encryptedSettings;
    const file = join(settingsFolder, settingFiles.encrypted);
    const tree = readLayerFile(file, 'encryptedFile', this.#remarks);
    if (tree === undefined) {
      if (!this.#remarks.hasErrors) this.#remarks.error(origin, `asks for ${file}, which is not there`);
      return undefined;
    }
    try {
      const decryptor = await this.#request.stores.openLeafDecryptor(settings);
      for (const warning of decryptor.warnings) this.#remarks.warn(origin, warning);
      return { kind: 'encryptedFile', tree: await new TreeDecryptor(decryptor, this.#remarks).section(tree) };
    } catch (error) {
      this.#remarks.error({ ...origin, path: 'EncryptionCertificate' }, describeStoreError(error));
      return undefined;
    }
  }

  async #keyVault(): Promise<SettingLayer | undefined> {
    const { keyVault } = this.#local.agent;
    if (keyVault === undefined) return undefined;
    const { settings, origin } = keyVault;
    try {
      const secrets = await this.#cache.vault(settings.vault, settings.cacheMs, async () =>
        readVaultSecrets(await this.#request.stores.openKeyVault(settings), this.#signal),
      );
      const tree = vaultTree(settings, secrets, this.#remarks);
      return tree && { kind: 'keyVault', tree };
    } catch (error) {
      return this.#refuseStore(origin, error);
    }
  }

  async #cyberArk(): Promise<SettingLayer | undefined> {
    const { agent, settingsFolder } = this.#local;
    if (agent.cyberArk === undefined) return undefined;
    const { settings, origin } = agent.cyberArk;
    const file = findCyberArkFile(settingsFolder);
    const tree = readLayerFile(file, 'cyberArk', this.#remarks);
    if (tree === undefined) {
      if (!this.#remarks.hasErrors) this.#remarks.error(origin, `asks for ${file}, which is not there`);
      return undefined;
    }
    try {
      const store = await this.#request.stores.openCyberArk(settings);
      const read = (name: string) => {
        const key = JSON.stringify([settings.server, settings.safeName, settings.applicationId, name]);
        return this.#cache.account(key, settings.cacheMs, () => store.readAccount(name, this.#signal));
      };
      return { kind: 'cyberArk', tree: await new AccountReader(settings, read, this.#remarks).section(tree) };
    } catch (error) {
      return this.#refuseStore(origin, error instanceof StoreOutOfReach ? error.cause : error);
    }
  }

  #refuseStore(origin: Origin, error: unknown): undefined {
    this.storeFailed = true;
    this.#remarks.error(origin, describeStoreError(error));
  }
}

function remarkOnUnstorable(local: LocalSources, layers: readonly SettingLayer[], remarks: Remarks): void {
  if (local.agent.keyVault === undefined) return;
  const said = new Set<string>();
  for (const { tree } of layers) {
    const connections = tree.members.get('connections')?.value;
    if (connections?.kind !== 'section') continue;
    for (const [key, { name, value }] of connections.members) {
      const reason = said.has(key) ? undefined : findUnstorable(name);
      said.add(key);
      if (reason !== undefined)
        remarks.warn(value.origin, `settings of ${quote(name)} cannot be stored in Azure Key Vault: ${reason}`);
    }
  }
}

/**
 * Reads the settings of an agent from every source and checks every value.
 *
 * The sources, the last wins key by key: `appsettings.agent.json`, `appsettings.encrypted.agent.json`, environment
 * variables, Azure Key Vault, CyberArk, `appsettings.connection.json` of the work folder. Names count without regard to
 * case. Stores are asked only where `appsettings.json` switches them on and nothing is wrong before.
 *
 * @returns the settings with the warnings, or all that is wrong at once. Never throws for what a source holds or does
 */
export async function openSettings(request: OpenRequest): Promise<OpenedSettings> {
  const remarks = new Remarks();
  const local = readLocalSources(request, remarks);
  const givenPassword =
    request.password !== undefined ? 'given' : request.environment['EXCHANGE_PASSWORD'] ? 'environment' : undefined;
  const refused = (storeFailed: boolean) =>
    ({ kind: 'refused', remarks: remarks.list(), passwordWanted: [], storeFailed }) as const;
  if (local === undefined) return { ...refused(false), layers: [], agentLayers: [], givenPassword };
  const reader = new SourceReader(request, local, remarks);
  const layers = await reader.read();
  remarkOnUnstorable(local, layers, remarks);
  // Half of the sources would give half of the settings: what is missing then is no fault of theirs.
  const sources = { layers, agentLayers: local.agentLayers, givenPassword } as const;
  if (reader.storeFailed) return { ...refused(true), ...sources };
  const checked = checkSettings(request, local, layers, remarks);
  if (checked.kind === 'refused') return { ...checked, storeFailed: false, ...sources };
  return { ...checked, ...sources, renew: (connectionId) => renew(request, connectionId) };
}

async function renew(request: OpenRequest, connectionId: string): Promise<ConnectionSettings> {
  request.cache?.clear();
  const opened = await openSettings(request);
  const doing = `reading the settings of ${connectionId} again`;
  if (opened.kind === 'refused') {
    const first = opened.remarks.find(({ severity }) => severity === 'error');
    throw new ConfigError(
      'CONFIG_RENEWAL_FAILED',
      `${doing}: ${first === undefined ? 'they were refused' : describeRemark(first)}`,
      'see exchange-connector config check',
    );
  }
  const found = opened.settings.connections.find(({ id }) => id.toLowerCase() === connectionId.toLowerCase());
  if (found === undefined)
    throw new ConfigError(
      'CONFIG_RENEWAL_FAILED',
      `${doing}: they name it no longer`,
      'see exchange-connector config show',
    );
  return found;
}

function describeRemark({ source, path, message }: SettingRemark): string {
  return path === '' ? `${source}: ${message}` : `${source}: ${path}: ${message}`;
}
