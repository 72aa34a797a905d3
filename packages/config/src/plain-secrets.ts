import type { SettingRemark } from './connection-settings.ts';
import type { OpenedSettings } from './open-settings.ts';
import { Remarks } from './remarks.ts';
import { isSecretName } from './section-reader.ts';
import type { SettingLayer } from './setting-layers.ts';
import type { SettingValue } from './setting-value.ts';

/** A compact JWE (RFC 7516): five parts, the first a JSON object in base64url. */
const compactJwe = /^eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){4}$/;

/** What keeps a secret from readers of the file; the stores hold settings of connections only. */
const mends = {
  connections: 'exchange-connector protect, Azure Key Vault, CyberArk or a keytab keep it from readers of this file',
  certificates: 'exchange-connector protect password wraps it with a key that lies elsewhere',
} as const;

/** True for the names of secrets; a key file's path is none, though it speaks of a password. */
function holdsSecret(name: string): boolean {
  return isSecretName(name) && name.toLowerCase() !== 'passwordkeyfile';
}

function remarkOn(value: SettingValue, secret: boolean, remarks: Remarks): void {
  switch (value.kind) {
    case 'section':
      for (const { name, value: member } of value.members.values())
        remarkOn(member, secret || holdsSecret(name), remarks);
      return;
    case 'list':
      for (const item of value.items) remarkOn(item, secret, remarks);
      return;
    case 'text':
      break;
    default:
      return;
  }
  const text = value.value.trim();
  if (text === '') return;
  const ofConnection = value.origin.path.startsWith('Connections');
  if (compactJwe.test(text)) {
    if (ofConnection)
      remarks.warn(
        value.origin,
        'looks encrypted; encrypted values are read in appsettings.encrypted.agent.json, and taken as they stand here',
      );
  } else if (secret)
    remarks.warn(value.origin, `stands in plain text; ${ofConnection ? mends.connections : mends.certificates}`);
}

/** Warnings about secrets that stand readable in the settings' own files. */
export function findPlainSecrets({
  agentLayers,
  layers,
}: Pick<OpenedSettings, 'agentLayers' | 'layers'>): readonly SettingRemark[] {
  const remarks = new Remarks();
  const inFiles = ({ kind }: SettingLayer) => kind === 'file' || kind === 'connectionFile';
  for (const { tree } of [...agentLayers, ...layers].filter(inFiles))
    for (const name of ['encryptioncertificate', 'cyberark', 'connections']) {
      const value = tree.members.get(name)?.value;
      if (value !== undefined) remarkOn(value, false, remarks);
    }
  return remarks.list();
}
