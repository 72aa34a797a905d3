import type { ConnectionSettings } from './connection-settings.ts';
import type { OpenedSettings } from './open-settings.ts';
import { agentKeys } from './keys/agent-keys.ts';
import { connectionKeys, optionKeys } from './keys/connection-keys.ts';
import { type KeyTable, usualValue } from './keys/key-form.ts';
import { KnownSecrets } from './known-secrets.ts';
import { isSecretName } from './section-reader.ts';
import { mergeLayers, type SettingLayer } from './setting-layers.ts';
import { memberPath, type Origin, type SettingSection, type SettingValue, type SourceKind } from './setting-value.ts';

/** Which source gave a value. */
export interface ShownSource {
  readonly kind: SourceKind;
  /** The file, the environment variable, or the store. */
  readonly source: string;
  /** The name of the secret or account in its store. */
  readonly name: string | undefined;
  readonly line: number | undefined;
  readonly column: number | undefined;
}

/** One value of the settings as they count, and where it comes from. */
export interface ShownValue {
  /** JSON path, `Connections.Main.Server`. */
  readonly path: string;
  /** Undefined where it is not shown: a secret, or what may be one. */
  readonly value: string | number | boolean | readonly string[] | undefined;
  readonly source: ShownSource;
  /** Sources whose value for the same key does not count, the weakest first. */
  readonly hidden: readonly ShownSource[];
}

type Scalar = SettingValue & { readonly kind: 'text' | 'number' | 'boolean' };

/** Whether a value of this name may be shown, and what stands below it. */
type Showing = 'shown' | 'secret' | KeyTable | 'pairs';

function showingOf(name: string, keys: KeyTable | 'pairs'): Showing {
  if (keys === 'pairs') {
    const known = optionKeys.some((option) => option.toLowerCase() === name.toLowerCase());
    return known && !isSecretName(name) ? 'shown' : 'secret';
  }
  const found = Object.entries(keys).find(([known]) => known.toLowerCase() === name.toLowerCase())?.[1];
  // What nobody knows may be a password whose name has a slip of the pen.
  if (found === undefined) return 'secret';
  switch (found.form.kind) {
    case 'secret':
      return 'secret';
    case 'pairs':
      return 'pairs';
    case 'section':
      return found.form.keys;
    default:
      return 'shown';
  }
}

function sourceOf({ kind = 'file', source, name, position }: Origin): ShownSource {
  return { kind, source, name, line: position?.line, column: position?.column };
}

class ValueLister {
  readonly #layers: readonly SettingLayer[];
  readonly #secrets: KnownSecrets;
  readonly values: ShownValue[] = [];

  constructor(layers: readonly SettingLayer[]) {
    this.#layers = layers;
    this.#secrets = new KnownSecrets(layers);
  }

  /** What may be seen of a text: no login of an address, none of its parameters, no secret of another key. */
  #visible(text: string): string {
    return this.#secrets.hide(text.replace(/\/\/\S*@/g, '//[secret]@').replace(/^(https?:\/\/[^?]*)\?.*$/is, '$1?…'));
  }

  #shown(name: string, value: Scalar): string | number | boolean {
    if (value.kind !== 'text') return value.value;
    // What follows the ":" of a login may be a password, written there by mistake.
    if (name.toLowerCase() === 'login') return this.#visible(value.value.replace(/:.*$/s, ':…'));
    return this.#visible(value.value);
  }

  section(section: SettingSection, keys: KeyTable | 'pairs', path: string, at: readonly string[]): void {
    for (const [key, { name, value }] of section.members) {
      const showing = showingOf(name, keys);
      const documented = Object.keys(keys === 'pairs' ? {} : keys).find((known) => known.toLowerCase() === key) ?? name;
      this.#value(value, name, showing, memberPath(path, documented), [...at, key]);
    }
    if (keys !== 'pairs') this.#defaults(section, keys, path);
  }

  #value(value: SettingValue, name: string, showing: Showing, path: string, at: readonly string[]): void {
    if (value.kind === 'null') return;
    if (value.kind === 'section') {
      // A list of the environment, `…__0`, is a section by its form.
      const below = typeof showing === 'string' && showing !== 'pairs' ? showing : undefined;
      if (below === undefined) this.section(value, showing as KeyTable | 'pairs', path, at);
      else
        for (const [key, member] of value.members)
          this.#value(member.value, name, below, memberPath(path, member.name), [...at, key]);
      return;
    }
    this.#add(path, value, showing === 'shown' ? this.#seen(name, value) : undefined, at);
  }

  #seen(name: string, value: Scalar | (SettingValue & { kind: 'list' })): ShownValue['value'] {
    if (value.kind !== 'list') return this.#shown(name, value);
    const texts = value.items.map((item) =>
      item.kind === 'text' || item.kind === 'number' || item.kind === 'boolean' ? String(this.#shown(name, item)) : '…',
    );
    return texts;
  }

  #add(path: string, { origin }: SettingValue, value: ShownValue['value'], at: readonly string[]): void {
    const hidden = this.#layers
      .map(({ tree }) => find(tree, at))
      .filter((other) => other !== undefined && other.kind !== 'null' && other.origin !== origin)
      .map((other) => sourceOf((other as SettingValue).origin));
    this.values.push({ path, value, source: sourceOf(origin), hidden });
  }

  #defaults(section: SettingSection, keys: KeyTable, path: string): void {
    for (const [name, { form }] of Object.entries(keys)) {
      const usual = usualValue(form);
      const stands = section.members.get(name.toLowerCase())?.value;
      if (usual === undefined || (stands !== undefined && stands.kind !== 'null')) continue;
      const source = {
        kind: 'default',
        source: 'the default',
        name: undefined,
        line: undefined,
        column: undefined,
      } as const;
      this.values.push({ path: memberPath(path, name), value: usual, source, hidden: [] });
    }
  }
}

function find(tree: SettingSection, at: readonly string[]): SettingValue | undefined {
  let value: SettingValue | undefined = tree;
  for (const key of at) value = value?.kind === 'section' ? value.members.get(key)?.value : undefined;
  return value;
}

/** Only what this connector reads: `appsettings.json` belongs to a product that keeps much else there. */
function listAgentValues(layers: readonly SettingLayer[]): readonly ShownValue[] {
  const merged = mergeLayers(layers);
  const lister = new ValueLister(layers);
  const known = new Set(Object.keys(agentKeys).map((name) => name.toLowerCase()));
  const members = new Map([...(merged?.members ?? [])].filter(([key]) => known.has(key)));
  const origin = merged?.origin ?? { source: '', path: '', position: undefined };
  lister.section({ kind: 'section', origin, members }, agentKeys, '', []);
  return lister.values;
}

/** The password of a connection, where it came from outside the sources. */
function givenPassword(
  { id, password }: ConnectionSettings,
  given: OpenedSettings['givenPassword'],
  stands: SettingValue | undefined,
): ShownValue | undefined {
  if (given === undefined || password === undefined) return undefined;
  if (stands?.kind === 'text' && stands.value === password.reveal()) return undefined;
  const source = { kind: given, name: undefined, line: undefined, column: undefined };
  return {
    path: `${memberPath('Connections', id)}.Password`,
    value: undefined,
    source: { ...source, source: given === 'given' ? 'typed or piped in' : 'EXCHANGE_PASSWORD' },
    hidden: stands === undefined || stands.kind === 'null' ? [] : [sourceOf(stands.origin)],
  };
}

function listConnectionValues(opened: OpenedSettings, only: string | undefined): readonly ShownValue[] {
  const connections = mergeLayers(opened.layers)?.members.get('connections')?.value;
  if (connections?.kind !== 'section') return [];
  const checked = opened.kind === 'loaded' ? opened.settings.connections : [];
  const values: ShownValue[] = [];
  for (const [key, { name, value }] of connections.members) {
    if (value.kind !== 'section' || (only !== undefined && key !== only.toLowerCase())) continue;
    const lister = new ValueLister(opened.layers);
    lister.section(value, connectionKeys, memberPath('Connections', name), ['connections', key]);
    const settings = checked.find(({ id }) => id.toLowerCase() === key);
    const given = settings && givenPassword(settings, opened.givenPassword, value.members.get('password')?.value);
    values.push(...lister.values.filter(({ path }) => path !== given?.path), ...(given === undefined ? [] : [given]));
  }
  return values;
}

/**
 * Every value of the settings as they count, defaults too, each with the source that gave it. Secrets, values of
 * `Options` and of unknown names are never among them in readable form.
 *
 * @param only the identifier of the one connection that is wanted; default all
 */
export function listValues(opened: OpenedSettings, only?: string): readonly ShownValue[] {
  return [...listAgentValues(opened.agentLayers), ...listConnectionValues(opened, only)];
}
