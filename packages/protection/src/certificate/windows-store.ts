import { ProtectionError } from '../errors.ts';
import type { Certificate } from './certificate.ts';

/** Which certificate of which store. */
export interface StoreSearch {
  /** Hex, small letters. */
  readonly thumbprint: string | undefined;
  readonly distinguishedName: string | undefined;
  /** `LocalMachine` or `CurrentUser`. */
  readonly location: string | undefined;
  /** `My`, … */
  readonly store: string | undefined;
}

/** Opens a certificate of the Windows store. */
export async function openStoreCertificate(search: StoreSearch, _now: Date): Promise<Certificate> {
  throw new ProtectionError(
    'CERTIFICATE_STORE_UNAVAILABLE',
    `opening the certificate ${search.thumbprint ?? search.distinguishedName} of the Windows store: this system has none`,
    { mend: 'export the certificate with its private key to a PFX file, and name that in EncryptionCertificate.File' },
  );
}
