import type { Remarks } from './remarks.ts';
import { isSecretName } from './section-reader.ts';
import { secretText } from './secret-text.ts';
import type { LeafDecryptor } from './setting-stores.ts';
import type { SettingMember, SettingSection, SettingValue } from './setting-value.ts';

/** Decrypts the leaves of the encrypted settings file; what cannot be is remarked at its place. */
export class TreeDecryptor {
  readonly #decryptor: LeafDecryptor;
  readonly #remarks: Remarks;

  constructor(decryptor: LeafDecryptor, remarks: Remarks) {
    this.#decryptor = decryptor;
    this.#remarks = remarks;
  }

  async section(section: SettingSection): Promise<SettingSection> {
    const members = new Map<string, SettingMember>();
    for (const [key, { name, value }] of section.members)
      members.set(key, { name, value: await this.#value(value, name) });
    return { ...section, members };
  }

  async #value(value: SettingValue, name: string): Promise<SettingValue> {
    switch (value.kind) {
      case 'section':
        return this.section(value);
      case 'list': {
        const items: SettingValue[] = [];
        for (const item of value.items) items.push(await this.#value(item, name));
        return { ...value, items };
      }
      case 'text':
        return this.#leaf(value, name);
      default:
        return value;
    }
  }

  async #leaf(leaf: SettingValue & { kind: 'text' }, name: string): Promise<SettingValue> {
    const { origin } = leaf;
    try {
      const plain = await this.#decryptor.decrypt(leaf.value, origin.path);
      if (plain === leaf.value && isSecretName(name))
        this.#remarks.warn(origin, 'is not encrypted; exchange-connector protect value encrypts it');
      return secretText(plain, origin);
    } catch (error) {
      this.#remarks.error(origin, describeStoreError(error).replace(`decrypting ${origin.path}: `, ''));
      return { kind: 'null', origin };
    }
  }
}

/** What a port said, with what to do about it. */
export function describeStoreError(error: unknown): string {
  const { message, mend } = error as { readonly message?: unknown; readonly mend?: unknown };
  const said = typeof message === 'string' && message !== '' ? message : 'it failed without a reason';
  return typeof mend === 'string' ? `${said}; ${mend}` : said;
}
