import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { CertificateSettings } from '@exchange-connector/config';
import type { ClientIdentity } from '@exchange-connector/cyberark';
import { AgentError } from '../errors.ts';

interface PasswordKey {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly file: string | undefined;
}

/** The plain password of the certificate's file. */
async function passphraseOf(certificate: CertificateSettings, key: PasswordKey): Promise<string | undefined> {
  const text = certificate.password?.reveal();
  if (text === undefined) return undefined;
  const { isWrappedPassword, unwrapPassword } = await import('@exchange-connector/protection');
  return isWrappedPassword(text)
    ? unwrapPassword(text, key, `reading the password of ${certificate.file ?? 'the client certificate'}`)
    : text;
}

function isPem(bytes: Uint8Array): boolean {
  return Buffer.from(bytes).includes('-----BEGIN ');
}

/** True where Node's own TLS opens the PFX; old Windows exports use algorithms that it does not have any more. */
function opensInTls(pfx: Uint8Array, passphrase: string | undefined): boolean {
  try {
    createSecureContext({ pfx: Buffer.from(pfx), ...(passphrase === undefined ? {} : { passphrase }) });
    return true;
  } catch {
    return false;
  }
}

/**
 * The client's certificate as TLS takes it. A PEM file is given whole, with the certificates that lead to its
 * authority; so is a PFX that TLS opens. Any other PFX is opened here, and says by itself what is wrong with it.
 * @throws AgentError, ProtectionError
 */
export async function openClientIdentity(certificate: CertificateSettings, key: PasswordKey): Promise<ClientIdentity> {
  const { file, keyFile } = certificate;
  const passphrase = await passphraseOf(certificate, key);
  if (file !== undefined) {
    const bytes = await readFile(file);
    if (isPem(bytes)) {
      const text = bytes.toString('utf8');
      return {
        kind: 'pem',
        certificate: text,
        key: keyFile === undefined ? text : await readFile(keyFile, 'utf8'),
        passphrase,
      };
    }
    if (opensInTls(bytes, passphrase)) return { kind: 'pfx', pfx: bytes, passphrase };
  }
  const { openCertificate } = await import('@exchange-connector/protection');
  const opened = await openCertificate(certificate, { passwordKey: key });
  if (opened.privateKey === undefined)
    throw new AgentError(
      'RUN_SETTINGS_UNUSABLE',
      `preparing TLS with the certificate ${opened.subject} (${opened.source}): its private key cannot leave where it is`,
      { mend: 'export the certificate with its key to a PFX file, and name that in CyberArk.File' },
    );
  const pem = Buffer.from(opened.der)
    .toString('base64')
    .replace(/(.{64})/g, '$1\n');
  return {
    kind: 'pem',
    certificate: `-----BEGIN CERTIFICATE-----\n${pem.trimEnd()}\n-----END CERTIFICATE-----\n`,
    key: opened.privateKey.export({ type: 'pkcs8', format: 'pem' }).toString(),
    passphrase: undefined,
  };
}
