import { agentKeys, cyberArkKeys, encryptionKeys, keyVaultKeys } from '../src/keys/agent-keys.ts';
import { connectionKeys } from '../src/keys/connection-keys.ts';
import { type KeyDescription, type KeyForm, type KeyTable, usualValue } from '../src/keys/key-form.ts';

function typeOf(form: KeyForm): string {
  switch (form.kind) {
    case 'text':
      return 'text';
    case 'secret':
      return 'text, never shown';
    case 'choice':
      return form.values.map((value) => `\`${value}\``).join(', ');
    case 'flag':
      return 'Boolean';
    case 'wholeNumber':
      return `${form.least} to ${form.most}`;
    case 'percentage':
      return '0 to 100';
    case 'texts':
      return 'text or list of texts';
    case 'path':
      return 'path';
    case 'pairs':
      return 'names and values';
    case 'section':
      return 'object';
  }
}

function usualOf({ form, without, required }: KeyDescription): string {
  if (required) return 'required';
  const usual = usualValue(form);
  if (usual === ' ') return 'one space';
  return usual === undefined ? (without ?? 'none') : `\`${usual}\``;
}

function rowsOf(table: KeyTable, prefix = ''): string {
  return Object.entries(table)
    .map(([name, key]) => `| \`${prefix}${name}\` | ${typeOf(key.form)} | ${usualOf(key)} | ${key.meaning} |`)
    .join('\n');
}

/** The rows of the documentation's tables, one text a table. */
export function formatKeyRows(): readonly string[] {
  return [
    rowsOf(agentKeys),
    rowsOf(encryptionKeys, 'EncryptionCertificate.'),
    rowsOf(keyVaultKeys, 'AzureKeyVault.'),
    rowsOf(cyberArkKeys, 'CyberArk.'),
    rowsOf(connectionKeys),
  ];
}
