import type { FulfillOption } from './connection-settings.ts';
import { Secret } from './connection-settings.ts';
import { readAuthType } from './credentials.ts';
import { describeFound, isSecretName, SectionReader } from './section-reader.ts';
import { readServers } from './server-address.ts';
import type { SettingSection, SettingValue } from './setting-value.ts';

function optionOf(name: string, value: SettingValue): FulfillOption | undefined {
  switch (value.kind) {
    case 'text':
      return { name, value: isSecretName(name) ? new Secret(value.value) : value.value };
    case 'number':
    case 'boolean':
      return { name, value: isSecretName(name) ? new Secret(String(value.value)) : value.value };
    case 'list':
      return { name, value: value.items.flatMap((item) => (item.kind === 'text' ? [item.value] : [])) };
    default:
      return undefined;
  }
}

function checkOptions(options: SettingSection, inner: SectionReader, authTypeOfConnection: 'Kerberos' | 'Basic'): void {
  for (const { name, value } of options.members.values())
    if (value.kind === 'section' || (value.kind === 'list' && name.toLowerCase() !== 'server'))
      inner.remarks.error(
        value.origin,
        `found ${describeFound(value, name)}; allowed is a text, a number, true or false`,
      );
  const authType = inner.find('AuthType') === undefined ? authTypeOfConnection : readAuthType(inner);
  if (inner.find('Server') !== undefined) readServers(inner, authType);
  for (const name of ['Login', 'Password']) {
    const value = inner.find(name);
    if (value !== undefined && value.kind !== 'text' && value.kind !== 'section' && value.kind !== 'list')
      inner.refuse(name, value, 'a text in double quotes');
  }
}

/**
 * `Options` holds the settings of fulfilment: pairs that a script is handed as they stand, whoever knows
 * their names.
 * @returns undefined where the section has none
 */
export function readOptions(
  reader: SectionReader,
  authTypeOfConnection: 'Kerberos' | 'Basic',
  settingsFolder: string,
): { readonly section: SettingSection; readonly pairs: readonly FulfillOption[] } | undefined {
  const options = reader.find('Options');
  if (options === undefined) return undefined;
  if (options.kind !== 'section') {
    reader.refuse('Options', options, 'an object of text pairs, { "AuthType": "…", "Server": "…", … }');
    return undefined;
  }
  checkOptions(options, new SectionReader(options, reader.remarks, settingsFolder), authTypeOfConnection);
  const pairs = [...options.members.values()].flatMap(({ name, value }) => optionOf(name, value) ?? []);
  return { section: options, pairs };
}
