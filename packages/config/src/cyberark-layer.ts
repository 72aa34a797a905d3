import { describeStoreError } from './encrypted-layer.ts';
import { quote, type Remarks } from './remarks.ts';
import { nounOf } from './section-reader.ts';
import { secretText } from './secret-text.ts';
import type { CyberArkSettings, StoredAccount } from './setting-stores.ts';
import type { Origin, SettingMember, SettingSection, SettingValue } from './setting-value.ts';

/** Which property of an account a setting takes; every other setting takes the secret itself. */
const properties: Readonly<Record<string, 'UserName' | 'Address' | 'Password'>> = {
  login: 'UserName',
  server: 'Address',
};

function propertyOf(account: StoredAccount, property: 'UserName' | 'Address' | 'Password'): string | undefined {
  switch (property) {
    case 'UserName':
      return account.userName;
    case 'Address':
      return account.address;
    case 'Password':
      return account.content?.reveal();
  }
}

/** `Address` of an account is often the name alone; the endpoint is then the usual one. */
function asServer(address: string): string {
  return address.includes('://') ? address : `http://${address.trim()}/PowerShell/`;
}

/** A store that does not answer at all: the other accounts need not be tried. */
export class StoreOutOfReach extends Error {}

/**
 * Replaces each account name of the tree of `appsettings.cyberArk.agent.json` by what its account holds.
 * Accounts that cannot be read are remarked where they are named.
 */
export class AccountReader {
  readonly #settings: CyberArkSettings;
  readonly #read: (name: string) => Promise<StoredAccount>;
  readonly #remarks: Remarks;

  /** @param read gives an account; it is asked for each name, in turn */
  constructor(settings: CyberArkSettings, read: (name: string) => Promise<StoredAccount>, remarks: Remarks) {
    this.#settings = settings;
    this.#read = read;
    this.#remarks = remarks;
  }

  /** @throws StoreOutOfReach with what was seen */
  async section(section: SettingSection): Promise<SettingSection> {
    const members = new Map<string, SettingMember>();
    for (const [key, { name, value }] of section.members)
      members.set(key, { name, value: await this.#value(value, key) });
    return { ...section, members };
  }

  async #value(value: SettingValue, key: string): Promise<SettingValue> {
    switch (value.kind) {
      case 'section':
        return this.section(value);
      case 'list': {
        const items: SettingValue[] = [];
        for (const item of value.items) items.push(await this.#value(item, key));
        return { ...value, items };
      }
      case 'text':
        return this.#leaf(value, key);
      case 'null':
        return value;
      default:
        this.#remarks.error(value.origin, `is a JSON ${nounOf(value)}; allowed is the name of an account`);
        return { kind: 'null', origin: value.origin };
    }
  }

  async #leaf(leaf: SettingValue & { kind: 'text' }, key: string): Promise<SettingValue> {
    const nothing: SettingValue = { kind: 'null', origin: leaf.origin };
    const name = leaf.value.trim();
    if (name === '') {
      this.#remarks.error(leaf.origin, 'is empty; allowed is the name of an account, or leave it out');
      return nothing;
    }
    const account = await this.#account(name, leaf.origin);
    if (account === undefined) return nothing;
    const property = properties[key] ?? 'Password';
    const text = propertyOf(account, property);
    if (text === undefined || text === '') {
      this.#remarks.error(
        leaf.origin,
        `names the account ${quote(name)}, which has no ${property}; set it in CyberArk`,
      );
      return nothing;
    }
    const source = `CyberArk ${this.#settings.server}, safe ${this.#settings.safeName}, account ${name}`;
    const origin: Origin = { kind: 'cyberArk', source, name, path: leaf.origin.path, position: undefined };
    return secretText(key === 'server' ? asServer(text) : text, origin);
  }

  async #account(name: string, origin: Origin): Promise<StoredAccount | undefined> {
    try {
      return await this.#read(name);
    } catch (error) {
      if ((error as { recovery?: unknown }).recovery !== 'skip-item')
        throw new StoreOutOfReach(describeStoreError(error), { cause: error });
      this.#remarks.error(origin, describeStoreError(error));
      return undefined;
    }
  }
}
