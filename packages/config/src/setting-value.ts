/** A place in a settings file; both count from 1, columns in UTF-16 code units. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** The kinds of sources, each later one laid over those before it; `given` stands for what a person typed. */
export const sourceKinds = [
  'default',
  'file',
  'encryptedFile',
  'environment',
  'keyVault',
  'cyberArk',
  'connectionFile',
  'given',
] as const;

export type SourceKind = (typeof sourceKinds)[number];

/** Where a value was said: which file, environment variable, secret or account, under which path. */
export interface Origin {
  /** Left out: a file. */
  readonly kind?: SourceKind;
  /** The file's path, the environment variable's name, or the store with the name of the secret or account. */
  readonly source: string;
  /** The name of the secret or account in its store. */
  readonly name?: string;
  /** JSON path, `Connections.Main.Server`. */
  readonly path: string;
  /** Where it stands in the file. */
  readonly position: Position | undefined;
}

/** One member of a section; `name` is spelled as it was written. */
export interface SettingMember {
  readonly name: string;
  readonly value: SettingValue;
}

/** A value with its origin: what every source becomes before the sources are merged. */
export type SettingValue =
  | { readonly kind: 'null'; readonly origin: Origin }
  | { readonly kind: 'boolean'; readonly value: boolean; readonly origin: Origin }
  | { readonly kind: 'number'; readonly value: number; readonly text: string; readonly origin: Origin }
  | { readonly kind: 'text'; readonly value: string; readonly origin: Origin }
  | { readonly kind: 'list'; readonly items: readonly SettingValue[]; readonly origin: Origin }
  | SettingSection;

/** An object; its members by their name in lower case, as names count without regard to case. */
export interface SettingSection {
  readonly kind: 'section';
  readonly members: ReadonlyMap<string, SettingMember>;
  readonly origin: Origin;
}

/** Extends a JSON path by one member: `a.b`, or `a["b c"]` where the name is not a plain one. */
export function memberPath(path: string, name: string): string {
  const shown = name.length > 80 ? `${name.slice(0, 80)}…` : name;
  if (!/^[A-Za-z0-9_-]+$/.test(shown)) return `${path}[${JSON.stringify(shown)}]`;
  return path === '' ? shown : `${path}.${shown}`;
}

/**
 * Lays one source over another, key by key: the later one wins. A list replaces a list whole, and
 * null says nothing, so it never hides an earlier value.
 */
export function mergeSettings(earlier: SettingValue, later: SettingValue): SettingValue {
  if (later.kind === 'null') return earlier;
  if (earlier.kind !== 'section' || later.kind !== 'section') return later;
  const members = new Map(earlier.members);
  for (const [key, member] of later.members) {
    const known = members.get(key);
    members.set(
      key,
      known === undefined ? member : { name: known.name, value: mergeSettings(known.value, member.value) },
    );
  }
  return { kind: 'section', members, origin: earlier.origin };
}
