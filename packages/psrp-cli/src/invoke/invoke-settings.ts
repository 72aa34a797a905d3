/* The options of `psrp invoke`, checked as a whole before anything is contacted. */
import { X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import type { PipelineCommand } from '@exchange-connector/psrp';
import { parsePipeline } from '../arguments/argument-reader.ts';
import { usageError } from '../errors.ts';
import { type AuthenticationScheme, checkEndpoint, type KerberosLogin, parseKerberosLogin } from './endpoint.ts';

/** The options as commander gives them. */
export interface InvokeCommandOptions {
  readonly auth: AuthenticationScheme;
  readonly login?: string;
  readonly keytab?: string;
  readonly principal?: string;
  readonly spn?: string;
  readonly ca?: string;
  readonly allowUnencryptedBasic?: boolean;
  readonly configurationName: string;
  readonly input?: string;
  readonly passwordStdin?: boolean;
  readonly json?: boolean;
}

/** Who logs in. */
export type Identity =
  | { readonly kind: 'basic'; readonly login: string }
  | { readonly kind: 'ticket-cache' }
  | { readonly kind: 'keytab'; readonly file: string; readonly principal: string | undefined }
  | ({ readonly kind: 'password' } & KerberosLogin);

export interface InvokeSettings {
  readonly url: URL;
  readonly identity: Identity;
  readonly auth: AuthenticationScheme;
  readonly spn: string | undefined;
  readonly caPem: string | undefined;
  readonly allowUnencryptedBasic: boolean;
  readonly configurationName: string;
  readonly commands: readonly PipelineCommand[];
  readonly input: string | undefined;
  readonly passwordStdin: boolean;
  readonly json: boolean;
}

/** @throws PsrpCliError PSRP_CLI_USAGE for the first thing that is wrong */
export function checkInvokeSettings(
  address: string,
  pipeline: readonly string[],
  options: InvokeCommandOptions,
): InvokeSettings {
  const allowUnencryptedBasic = options.allowUnencryptedBasic ?? false;
  const url = checkEndpoint(address, { auth: options.auth, spn: options.spn, allowUnencryptedBasic });
  const identity = checkIdentity(options);
  const needsPassword = identity.kind === 'basic' || identity.kind === 'password';
  if (options.passwordStdin === true && !needsPassword) {
    throw usageError('--password-stdin: no password is needed; name its account with --login, or leave the option out');
  }
  if (options.passwordStdin === true && options.input === '-') {
    throw usageError(
      '--password-stdin and --input - would both read standard input; give the password in EXCHANGE_PASSWORD',
    );
  }
  return {
    url,
    identity,
    auth: options.auth,
    spn: options.spn,
    caPem: options.ca === undefined ? undefined : readCertificates(options.ca),
    allowUnencryptedBasic,
    configurationName: options.configurationName,
    commands: parsePipeline(pipeline),
    input: options.input,
    passwordStdin: options.passwordStdin ?? false,
    json: options.json ?? false,
  };
}

function checkIdentity(options: InvokeCommandOptions): Identity {
  const { login, keytab, principal } = options;
  if (options.auth === 'basic') {
    for (const [name, value] of [
      ['--keytab', keytab],
      ['--principal', principal],
      ['--spn', options.spn],
    ] as const) {
      if (value !== undefined) throw usageError(`${name} belongs to Kerberos and means nothing to --auth basic`);
    }
    if (login === undefined) throw usageError('--auth basic needs --login NAME');
    if (login === '' || login.includes(':'))
      throw usageError(`--login ${JSON.stringify(login)}: Basic allows no empty name and no colon in it`);
    return { kind: 'basic', login };
  }
  if (keytab !== undefined) {
    try {
      accessSync(keytab, constants.R_OK);
    } catch (error) {
      throw usageError(`--keytab ${keytab}: it cannot be read (${(error as Error).message})`, error);
    }
    const who = principal ?? login;
    return {
      kind: 'keytab',
      file: keytab,
      principal: who === undefined ? undefined : parseKerberosLogin(who).principal,
    };
  }
  if (principal !== undefined)
    throw usageError('--principal names a key of --keytab FILE, which is missing; for a password use --login');
  return login === undefined ? { kind: 'ticket-cache' } : { kind: 'password', ...parseKerberosLogin(login) };
}

function readCertificates(file: string): string {
  let pem: string;
  try {
    pem = readFileSync(file, 'utf8');
  } catch (error) {
    throw usageError(`--ca ${file}: it cannot be read (${(error as Error).message})`, error);
  }
  const blocks = pem.match(/-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g) ?? [];
  if (blocks.length === 0)
    throw usageError(`--ca ${file}: it holds no certificate in PEM form (-----BEGIN CERTIFICATE-----)`);
  for (const [index, block] of blocks.entries()) {
    try {
      new X509Certificate(block);
    } catch (error) {
      throw usageError(
        `--ca ${file}: certificate ${index + 1} of ${blocks.length} cannot be read (${(error as Error).message})`,
        error,
      );
    }
  }
  return pem;
}
