import {
  memberPath,
  type Origin,
  type SettingMember,
  type SettingSection,
  type SettingValue,
} from './setting-value.ts';

interface MutableSection {
  readonly kind: 'section';
  readonly members: Map<string, SettingMember>;
  readonly origin: Origin;
}

/** A tree that grows value by value, from names such as `Connections__Main__Server`. */
export class SettingTree {
  readonly #top: MutableSection;

  constructor(origin: Origin) {
    this.#top = { kind: 'section', members: new Map(), origin };
  }

  get top(): SettingSection {
    return this.#top;
  }

  get isEmpty(): boolean {
    return this.#top.members.size === 0;
  }

  /**
   * Puts a value at its place.
   * @returns the source of what is there already, the same or a part of it; undefined where nothing is
   */
  place(names: readonly string[], value: SettingValue): string | undefined {
    let section = this.#top;
    for (const name of names.slice(0, -1)) {
      const known = section.members.get(name.toLowerCase())?.value;
      if (known !== undefined && known.kind !== 'section') return known.origin.source;
      const origin = { ...value.origin, path: memberPath(section.origin.path, name) };
      const next = (known as MutableSection | undefined) ?? { kind: 'section', members: new Map(), origin };
      if (known === undefined) section.members.set(name.toLowerCase(), { name, value: next });
      section = next;
    }
    const name = names.at(-1) ?? '';
    const known = section.members.get(name.toLowerCase())?.value;
    if (known !== undefined) return known.origin.source;
    section.members.set(name.toLowerCase(), { name, value });
    return undefined;
  }
}
