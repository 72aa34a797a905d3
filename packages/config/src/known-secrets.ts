import type { SettingRemark } from './connection-settings.ts';
import { isSecretName } from './section-reader.ts';
import type { SettingLayer } from './setting-layers.ts';
import type { SettingValue } from './setting-value.ts';

/** Shorter ones would be met by chance. */
const shortestSecret = 4;

/** The secrets of all sources: they must not be seen where a person wrote one into another value as well. */
export class KnownSecrets {
  readonly #texts = new Set<string>();

  constructor(layers: readonly SettingLayer[]) {
    for (const { tree } of layers) this.#gather(tree, false);
  }

  #gather(value: SettingValue, isSecret: boolean): void {
    switch (value.kind) {
      case 'section':
        for (const { name, value: member } of value.members.values())
          this.#gather(member, isSecret || isSecretName(name));
        break;
      case 'list':
        for (const item of value.items) this.#gather(item, isSecret);
        break;
      case 'text':
        if (isSecret && value.value.trim().length >= shortestSecret) this.#add(value.value.trim());
        break;
      default:
    }
  }

  /** As it stands, and as a message quotes it. */
  #add(text: string): void {
    this.#texts.add(text);
    this.#texts.add(JSON.stringify(text).slice(1, -1));
  }

  hide(text: string): string {
    let seen = text;
    for (const secret of this.#texts) seen = seen.replaceAll(secret, '[secret]');
    return seen;
  }

  hideInRemarks(remarks: readonly SettingRemark[]): readonly SettingRemark[] {
    return remarks.map((remark) => ({ ...remark, message: this.hide(remark.message) }));
  }
}
