import type { Secret } from './connection-settings.ts';
import type { Remarks } from './remarks.ts';
import { secretText } from './secret-text.ts';
import type { KeyVaultSettings, SecretStore } from './setting-stores.ts';
import { SettingTree } from './setting-tree.ts';
import { memberPath, type Origin, type SettingSection } from './setting-value.ts';

const prefix = 'Connections--';
/** Of a secret's name in Azure Key Vault. */
const longestName = 127;
/** More than any agent has; each costs a request. */
const mostSecrets = 5000;
const atOnce = 8;

/** Reads every secret that is named as a setting of a connection. */
export async function readVaultSecrets(store: SecretStore, signal: AbortSignal): Promise<Map<string, Secret>> {
  const names = await store.listNames(prefix, signal);
  if (names.length > mostSecrets)
    throw new Error(
      `the vault holds ${names.length} secrets that begin with ${prefix}; at most ${mostSecrets} are read`,
    );
  const found = new Map<string, Secret>();
  for (let at = 0; at < names.length; at += atOnce) {
    const batch = names.slice(at, at + atOnce);
    const secrets = await Promise.all(batch.map((name) => store.read(name, signal)));
    for (const [index, name] of batch.entries()) {
      const secret = secrets[index];
      if (secret !== undefined) found.set(name, secret);
    }
  }
  return found;
}

/** The tree that secrets named `Connections--<identifier>--Options--Password` make. */
export function vaultTree(
  { vault }: KeyVaultSettings,
  secrets: ReadonlyMap<string, Secret>,
  remarks: Remarks,
): SettingSection | undefined {
  const tree = new SettingTree({ kind: 'keyVault', source: `Azure Key Vault ${vault}`, path: '', position: undefined });
  for (const [name, secret] of [...secrets].sort(([left], [right]) => (left < right ? -1 : 1))) {
    const names = ['Connections', ...name.split('--').slice(1)];
    const path = names.slice(1).reduce(memberPath, 'Connections');
    const source = `Azure Key Vault ${vault}, secret ${name}`;
    const origin: Origin = { kind: 'keyVault', source, name, path, position: undefined };
    if (names.length < 3 || names.length > 6 || names.includes('')) {
      remarks.warn(origin, `is no name of a setting, and is left out; a name is ${prefix}<identifier>--<setting>`);
      continue;
    }
    const clash = tree.place(names, secretText(secret.reveal(), origin));
    if (clash !== undefined)
      remarks.error(origin, `stands beside ${clash}, which sets the same or a part of it; keep one of them`);
  }
  return tree.isEmpty ? undefined : tree.top;
}

/** Why settings of this connection cannot be stored under a secret's name; undefined where they can. */
export function findUnstorable(id: string): string | undefined {
  const bad = /[^A-Za-z0-9-]/.exec(id)?.[0];
  if (bad !== undefined) return `it contains ${JSON.stringify(bad)}, and a name holds letters, digits and "-" only`;
  if (id.includes('--') || id.endsWith('-')) return 'a "-" in it would be read as part of "--", which parts the names';
  const longest = `${prefix}${id}--MaxPercentageInsertedLines`;
  return longest.length > longestName ? `the names would be longer than ${longestName} characters` : undefined;
}
