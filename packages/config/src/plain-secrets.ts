import type { SettingRemark } from './connection-settings.ts';
import type { OpenedSettings } from './open-settings.ts';
import { Remarks } from './remarks.ts';
import { isSecretName } from './section-reader.ts';
import type { SettingLayer } from './setting-layers.ts';
import type { SettingValue } from './setting-value.ts';

/** A compact JWE (RFC 7516): five parts, the first a JSON object in base64url. */
const compactJwe = /^eyJ[A-Za-z0-9_-]*(?:\.[A-Za-z0-9_-]*){4}$/;

function remarkOn(value: SettingValue, secret: boolean, remarks: Remarks): void {
  switch (value.kind) {
    case 'section':
      for (const { name, value: member } of value.members.values())
        remarkOn(member, secret || isSecretName(name), remarks);
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
  if (compactJwe.test(text)) {
    if (value.origin.path.startsWith('Connections'))
      remarks.warn(
        value.origin,
        'looks encrypted; encrypted values are read in appsettings.encrypted.agent.json, and taken as they stand here',
      );
  } else if (secret)
    remarks.warn(
      value.origin,
      'stands in plain text; exchange-connector protect, Azure Key Vault, CyberArk or a keytab keep it from readers of this file',
    );
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
