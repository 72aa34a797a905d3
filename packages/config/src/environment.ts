import { memberPath, type SettingMember, type SettingSection, type SettingValue } from './setting-value.ts';
import type { Remarks } from './remarks.ts';

/** The environment, as process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

const prefix = 'connections';
/** Options and an index of an array stand deepest: `Connections__Main__Options__Server__0`. */
const deepest = 6;

interface MutableSection {
  readonly kind: 'section';
  readonly members: Map<string, SettingMember>;
  readonly origin: SettingSection['origin'];
}

/**
 * The settings that the environment gives: `Connections__<id>__Server`, `Connections__<id>__Options__Login`,
 * `Connections__<id>__Databases__0`. Names count without regard to case, as they do in the files.
 */
export function readEnvironment(environment: Environment, remarks: Remarks): SettingSection | undefined {
  const top: MutableSection = {
    kind: 'section',
    members: new Map(),
    origin: { source: 'the environment', path: '', position: undefined },
  };
  for (const variable of Object.keys(environment).sort()) {
    const parts = variable.split('__');
    const text = environment[variable];
    if (parts[0]?.toLowerCase() !== prefix || parts.length < 2 || text === undefined) continue;
    const names = ['Connections', ...parts.slice(1)];
    const path = names.slice(1).reduce(memberPath, 'Connections');
    const origin = { source: variable, path, position: undefined };
    if (names.length < 3 || names.length > deepest || names.includes('')) {
      remarks.error(origin, 'is no name of a setting; allowed is Connections__<identifier>__<setting>');
      continue;
    }
    const clash = place(top, names, { kind: 'text', value: text, origin });
    if (clash !== undefined)
      remarks.error(
        origin,
        `stands beside the environment variable ${clash}, which sets the same or a part of it (names count without regard to case); keep one of them`,
      );
  }
  return top.members.size === 0 ? undefined : top;
}

/** Puts a value at its place; the name of the variable that is there already, if one is. */
function place(top: MutableSection, names: readonly string[], value: SettingValue): string | undefined {
  let section = top;
  for (const name of names.slice(0, -1)) {
    const known = section.members.get(name.toLowerCase())?.value;
    if (known !== undefined && known.kind !== 'section') return known.origin.source;
    const origin = { ...value.origin, path: memberPath(section.origin.path, name) };
    const next: MutableSection = (known as MutableSection | undefined) ?? {
      kind: 'section',
      members: new Map(),
      origin,
    };
    if (known === undefined) section.members.set(name.toLowerCase(), { name, value: next });
    section = next;
  }
  const name = names.at(-1) ?? '';
  const known = section.members.get(name.toLowerCase())?.value;
  if (known !== undefined) return known.origin.source;
  section.members.set(name.toLowerCase(), { name, value });
  return undefined;
}
