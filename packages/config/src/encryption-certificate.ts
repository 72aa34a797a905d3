import type { CertificateSettings, SettingRemark } from './connection-settings.ts';
import { readLocalSources, type SettingsRequest } from './load-settings.ts';
import { Remarks } from './remarks.ts';

/** `EncryptionCertificate` as it stands in the settings, or what is wrong with the settings. */
export type EncryptionCertificateReading =
  | { readonly kind: 'read'; readonly certificate: CertificateSettings | undefined }
  | { readonly kind: 'refused'; readonly remarks: readonly SettingRemark[] };

/**
 * Reads `EncryptionCertificate` of `appsettings.json` and the environment, and nothing that it would open: for
 * commands that protect settings, which may not be whole yet. Connections are not looked at.
 */
export function readEncryptionCertificate(request: SettingsRequest): EncryptionCertificateReading {
  const remarks = new Remarks();
  const sources = readLocalSources(request, remarks);
  const ofCertificate = remarks
    .list()
    .filter(({ severity, path }) => severity === 'error' && (path === '' || /^EncryptionCertificate\b/i.test(path)));
  if (sources === undefined || ofCertificate.length > 0) return { kind: 'refused', remarks: ofCertificate };
  return { kind: 'read', certificate: sources.agent.encryptionCertificate };
}
