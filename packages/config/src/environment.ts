import type { Remarks } from './remarks.ts';
import { secretText } from './secret-text.ts';
import { SettingTree } from './setting-tree.ts';
import { memberPath, type Origin, type SettingSection } from './setting-value.ts';

/** The environment, as process.env. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** The sections that the environment may set, and how deep: options and an index of an array stand deepest. */
const sections = new Map([
  ['connections', { name: 'Connections', least: 3, most: 6, form: 'Connections__<identifier>__<setting>' }],
  [
    'encryptioncertificate',
    { name: 'EncryptionCertificate', least: 2, most: 2, form: 'EncryptionCertificate__<setting>' },
  ],
  ['azurekeyvault', { name: 'AzureKeyVault', least: 2, most: 2, form: 'AzureKeyVault__<setting>' }],
  ['cyberark', { name: 'CyberArk', least: 2, most: 2, form: 'CyberArk__<setting>' }],
]); // prettier-ignore

/**
 * The settings that the environment gives: `Connections__<id>__Server`, `Connections__<id>__Options__Login`,
 * `Connections__<id>__Databases__0`, `CyberArk__Password`. Names count without regard to case, as they do in the files.
 */
export function readEnvironment(environment: Environment, remarks: Remarks): SettingSection | undefined {
  const tree = new SettingTree({ kind: 'environment', source: 'the environment', path: '', position: undefined });
  for (const variable of Object.keys(environment).sort()) {
    const parts = variable.split('__');
    const section = sections.get(parts[0]?.toLowerCase() ?? '');
    const text = environment[variable];
    if (section === undefined || parts.length < 2 || text === undefined) continue;
    const names = [section.name, ...parts.slice(1)];
    const path = names.slice(1).reduce(memberPath, section.name);
    const origin: Origin = { kind: 'environment', source: variable, path, position: undefined };
    if (names.length < section.least || names.length > section.most || names.includes('')) {
      remarks.error(origin, `is no name of a setting; allowed is ${section.form}`);
      continue;
    }
    const clash = tree.place(names, secretText(text, origin));
    if (clash !== undefined)
      remarks.error(
        origin,
        `stands beside the environment variable ${clash}, which sets the same or a part of it (names count without regard to case); keep one of them`,
      );
  }
  return tree.isEmpty ? undefined : tree.top;
}
