/* Which certificate a command works with, and where the password of its file comes from. */
import { resolve } from 'node:path';
import type { Certificate, CertificateSettings } from '@exchange-connector/protection';
import type { CommonOptions } from './command-options.ts';
import type { BareContext, GivenValues, OptionDescription } from './commands/command.ts';
import { askForSecret } from './secret-input.ts';
import { formatRemark } from './settings-choice.ts';

/** What names a certificate on the command line, and in the environment. */
interface CertificateSource {
  readonly file: string | undefined;
  readonly keyFile: string | undefined;
  readonly thumbprint: string | undefined;
  /** The environment variable of its password. */
  readonly passwordVariable: string;
}

export type CertificateChoice =
  | { readonly kind: 'opened'; readonly certificate: Certificate }
  | { readonly kind: 'refused'; readonly messages: readonly string[] }
  | { readonly kind: 'cancelled' };

export const certificateOptions: readonly OptionDescription[] = [
  {
    flags: '--certificate <file>',
    description:
      'the certificate: PFX, PEM or DER; its password comes from EXCHANGE_CERTIFICATE_PASSWORD or a prompt (default: EncryptionCertificate of appsettings.json)',
  },
  { flags: '--certificate-key <file>', description: 'PEM file of its private key (default: in the same file)' },
  { flags: '--thumbprint <hex>', description: 'which certificate of the file, where it holds several' },
  {
    flags: '--key-file <file>',
    description:
      'file of the key that a password was wrapped with by protect password (default: EXCHANGE_CERTIFICATE_PASSWORD_KEY)',
  },
];

function pathOf(given: GivenValues, name: string): string | undefined {
  const text = given.text(name);
  return text === undefined ? undefined : resolve(text);
}

/** The certificate of `--certificate`. */
export function certificateGiven(given: GivenValues): CertificateSource {
  return {
    file: pathOf(given, 'certificate'),
    keyFile: pathOf(given, 'certificate-key'),
    thumbprint: given.text('thumbprint'),
    passwordVariable: 'EXCHANGE_CERTIFICATE_PASSWORD',
  };
}

/** The certificate of `--new-certificate`. */
export function newCertificateGiven(given: GivenValues): CertificateSource {
  return {
    file: pathOf(given, 'new-certificate'),
    keyFile: pathOf(given, 'new-certificate-key'),
    thumbprint: given.text('new-thumbprint'),
    passwordVariable: 'EXCHANGE_NEW_CERTIFICATE_PASSWORD',
  };
}

async function settingsOf(
  source: CertificateSource,
  common: CommonOptions,
  { environment }: BareContext,
): Promise<(CertificateSettings & { readonly passwordKeyFile?: string | undefined }) | readonly string[]> {
  const password = environment[source.passwordVariable];
  const given = password ? { password: { reveal: () => password } } : {};
  if (source.file !== undefined)
    return { file: source.file, keyFile: source.keyFile, thumbprint: source.thumbprint, ...given };
  const { readEncryptionCertificate } = await import('@exchange-connector/config');
  const reading = readEncryptionCertificate({ settingsFolder: common.settings, environment });
  if (reading.kind === 'refused') return reading.remarks.map(formatRemark);
  if (reading.certificate === undefined)
    return ['--certificate is missing, and the settings have no EncryptionCertificate: say to which certificate'];
  return { ...reading.certificate, ...given };
}

/** A file that was named on the command line has its password from nowhere in the settings. */
function mendOf({ passwordVariable }: CertificateSource): string {
  return `give it in the environment variable ${passwordVariable}, or at the prompt of a terminal`;
}

/** Opens a certificate; its password is asked for on a terminal where it is missing. */
export async function openCertificateGiven(
  source: CertificateSource,
  common: CommonOptions,
  context: BareContext,
  keyFile: string | undefined,
): Promise<CertificateChoice> {
  const settings = await settingsOf(source, common, context);
  if ('length' in settings) return { kind: 'refused', messages: settings };
  const { openCertificate, ProtectionError } = await import('@exchange-connector/protection');
  const passwordKey = { environment: context.environment, file: keyFile ?? settings.passwordKeyFile };
  try {
    return { kind: 'opened', certificate: await openCertificate(settings, { passwordKey }) };
  } catch (error) {
    if (!(error instanceof ProtectionError) || error.code !== 'CERTIFICATE_PASSWORD_MISSING') throw error;
    const asked = await askForSecret(context, `Password of ${settings.keyFile ?? settings.file}: `);
    if (asked === undefined)
      throw source.file === undefined
        ? error
        : new ProtectionError(error.code, error.message, { mend: mendOf(source), cause: error });
    if (asked.kind !== 'read')
      return asked.kind === 'cancelled' ? asked : { kind: 'refused', messages: [asked.reason] };
    const password = { reveal: () => asked.password };
    return { kind: 'opened', certificate: await openCertificate({ ...settings, password }, { passwordKey }) };
  }
}
