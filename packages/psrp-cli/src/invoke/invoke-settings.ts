/* The options of `psrp invoke`, checked as a whole before anything is contacted. */
import { X509Certificate } from 'node:crypto';
import { accessSync, constants, readFileSync } from 'node:fs';
import type { PipelineCommand } from '@exchange-connector/psrp';
import { parsePipeline } from '../arguments/argument-reader.ts';
import { usageError } from '../errors.ts';
import { type AuthenticationScheme, checkEndpoint, type KerberosLogin, parseKerberosLogin } from './endpoint.ts';

/** The options as commander gives them. */
export interface InvokeCommandOptions {
  /** Default `kerberos`. */
  readonly auth?: AuthenticationScheme;
  readonly login?: string;
  readonly keytab?: string;
  readonly principal?: string;
  readonly spn?: string;
  readonly ca?: string;
  readonly allowUnencryptedBasic?: boolean;
  /** Default `Microsoft.Exchange`. */
  readonly configurationName?: string;
  readonly input?: string;
  readonly passwordStdin?: boolean;
  /** The program, or empty where PowerShell is to be found. */
  readonly local?: string;
  readonly pipe?: string;
  readonly json?: boolean;
}

/** Who logs in. */
export type Identity =
  | { readonly kind: 'basic'; readonly login: string }
  | { readonly kind: 'ticket-cache' }
  | { readonly kind: 'keytab'; readonly file: string; readonly principal: string | undefined }
  | ({ readonly kind: 'password' } & KerberosLogin);

/** An endpoint over HTTP or HTTPS. */
export interface WsmanTarget {
  readonly kind: 'wsman';
  readonly url: URL;
  readonly identity: Identity;
  readonly auth: AuthenticationScheme;
  readonly spn: string | undefined;
  readonly caPem: string | undefined;
  readonly allowUnencryptedBasic: boolean;
  readonly configurationName: string;
  readonly passwordStdin: boolean;
}

/** Where the cmdlets run. */
export type InvokeTarget =
  | WsmanTarget
  | { readonly kind: 'local'; readonly program: string | undefined }
  | { readonly kind: 'pipe'; readonly name: string };

export interface InvokeSettings {
  readonly target: InvokeTarget;
  readonly commands: readonly PipelineCommand[];
  readonly input: string | undefined;
  readonly json: boolean;
}

/** Whether the command line names no URL, because an option says where to run. */
export function hasNoUrl(options: InvokeCommandOptions): boolean {
  return options.local !== undefined || options.pipe !== undefined;
}

/**
 * @param words what stands after the options: the URL where there is one, then the pipeline
 * @throws PsrpCliError PSRP_CLI_USAGE for the first thing that is wrong
 */
export function checkInvokeSettings(words: readonly string[], options: InvokeCommandOptions): InvokeSettings {
  const [address = '', ...rest] = words;
  const target = hasNoUrl(options) ? checkOwnMachine(address, options) : checkWsman(address, options);
  return {
    target,
    commands: parsePipeline(hasNoUrl(options) ? words : rest),
    input: options.input,
    json: options.json ?? false,
  };
}

/** A PowerShell of this machine: no address, nobody to log in, nothing on the network. */
function checkOwnMachine(firstWord: string, options: InvokeCommandOptions): InvokeTarget {
  const { local, pipe } = options;
  const option = local === undefined ? '--pipe' : '--local';
  if (local !== undefined && pipe !== undefined) {
    throw usageError('--local starts a PowerShell, --pipe connects to one that runs: only one of them can be meant');
  }
  if (/^https?:\/\//i.test(firstWord)) {
    throw usageError(
      `${option} stands in place of a URL; leave out ${option}, or ${firstWord.replace(/\/\/[^/@]*@/, '//…@')}`,
    );
  }
  for (const [name, value] of Object.entries({
    auth: options.auth,
    login: options.login,
    keytab: options.keytab,
    principal: options.principal,
    spn: options.spn,
    ca: options.ca,
    'allow-unencrypted-basic': options.allowUnencryptedBasic,
    'configuration-name': options.configurationName,
    'password-stdin': options.passwordStdin,
  })) {
    if (value !== undefined)
      throw usageError(`--${name} belongs to an address on the network and means nothing to ${option}`);
  }
  if (pipe !== undefined) {
    if (pipe === '') throw usageError('--pipe needs the name of the pipe, as it was given to pwsh -CustomPipeName');
    return { kind: 'pipe', name: pipe };
  }
  return { kind: 'local', program: local === '' ? undefined : local };
}

function checkWsman(address: string, options: InvokeCommandOptions): WsmanTarget {
  const allowUnencryptedBasic = options.allowUnencryptedBasic ?? false;
  const auth = options.auth ?? 'kerberos';
  const url = checkEndpoint(address, { auth, spn: options.spn, allowUnencryptedBasic });
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
    kind: 'wsman',
    url,
    identity,
    auth,
    spn: options.spn,
    caPem: options.ca === undefined ? undefined : readCertificates(options.ca),
    allowUnencryptedBasic,
    configurationName: options.configurationName ?? 'Microsoft.Exchange',
    passwordStdin: options.passwordStdin ?? false,
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
