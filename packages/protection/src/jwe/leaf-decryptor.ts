import { type Certificate, requireUnwrapKey, validityRemark } from '../certificate/certificate.ts';
import {
  type CertificateSettings,
  openCertificate,
  type OpenCertificateOptions,
} from '../certificate/open-certificate.ts';
import { decryptLeaf, leafShapeOf } from './leaf.ts';

/** Opens the encrypted leaves of settings. */
export interface LeafDecryptor {
  /**
   * The value of a leaf. Text that is not encrypted is given back as it stands.
   * @param path of the leaf, for messages
   * @throws ProtectionError LEAF_…
   */
  decrypt(leaf: string, path: string): Promise<string>;
  /** What is to be told about the certificate: its validity has ended, or ends within 30 days. */
  readonly warnings: readonly string[];
  readonly certificate: Certificate;
}

/**
 * Opens the certificate that `EncryptionCertificate` names, for the encrypted leaves of the settings.
 * @throws ProtectionError CERTIFICATE_…, PASSWORD_KEY_…, PROTECTION_FILE_FAILED
 */
export async function createLeafDecryptor(
  settings: CertificateSettings,
  options: OpenCertificateOptions = {},
): Promise<LeafDecryptor> {
  const certificate = await openCertificate(settings, options);
  requireUnwrapKey(certificate, 'opening the certificate for the encrypted settings');
  const remark = validityRemark(certificate, options.now ?? new Date());
  return {
    certificate,
    warnings: remark === undefined ? [] : [remark],
    decrypt: async (leaf, path) => (leafShapeOf(leaf) === 'plain' ? leaf : decryptLeaf(leaf, path, certificate)),
  };
}
