/* `protect json-file|value|password|rotate` and `decrypt-file`: what is encrypted to a certificate, and back. */
import { basename, dirname, join, resolve } from 'node:path';
import type { Certificate, ProtectionError } from '@exchange-connector/protection';
import {
  type CertificateChoice,
  certificateGiven,
  certificateOptions,
  newCertificateGiven,
  openCertificateGiven,
} from '../certificate-choice.ts';
import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { readSecret } from '../secret-input.ts';
import { sayRefusal } from '../settings-choice.ts';
import {
  type BareContext,
  type CommandDescription,
  type GivenValues,
  type GroupDescription,
  sayCancelled,
} from './command.ts';

const encryptedSettings = 'appsettings.encrypted.agent.json';

export const protectGroup: GroupDescription = {
  word: 'protect',
  summary:
    'Encrypts settings to a certificate, as JSON Web Encryption that any JOSE library opens with its key. No secret is ever taken from an argument.',
  examples: [
    [
      'Encrypt the plain settings of the current folder:',
      'exchange-connector protect json-file appsettings.agent.json',
    ],
    ['Encrypt one value, asked for on the terminal:', 'exchange-connector protect value'],
  ],
};

/** The disk, not the person, is to blame. */
const diskFaults = new Set(['ENOSPC', 'EDQUOT', 'EIO']);
const damagedFiles = new Set(['ENVELOPE_DAMAGED', 'ENVELOPE_TRUNCATED']);

function exitCodeOf(error: ProtectionError): ExitCode {
  const cause = error.cause instanceof Error && 'code' in error.cause ? String(error.cause.code) : '';
  return damagedFiles.has(error.code) || diskFaults.has(cause) ? exitCode.failed : exitCode.usage;
}

/** Runs what may fail in a way that the protection package names. */
async function reporting(context: BareContext, run: () => Promise<ExitCode>): Promise<ExitCode> {
  const { ProtectionError } = await import('@exchange-connector/protection');
  try {
    return await run();
  } catch (error) {
    if (context.signal.aborted) return sayCancelled(context.terminal);
    if (!(error instanceof ProtectionError)) throw error;
    context.terminal.say(`error: ${error.message} [${error.code}]`);
    if (error.mend !== undefined) context.terminal.say(`  what to do: ${error.mend}`);
    return exitCodeOf(error);
  }
}

async function withCertificate(
  context: BareContext,
  choice: CertificateChoice,
  run: (certificate: Certificate) => Promise<ExitCode> | ExitCode,
): Promise<ExitCode> {
  if (choice.kind === 'cancelled') return sayCancelled(context.terminal);
  if (choice.kind === 'refused') return sayRefusal(context.terminal, choice.messages);
  const { validityRemark } = await import('@exchange-connector/protection');
  const remark = validityRemark(choice.certificate, new Date());
  if (remark !== undefined) context.terminal.say(`warning: ${remark}`);
  return run(choice.certificate);
}

function keyFileOf(given: GivenValues): string | undefined {
  const text = given.text('key-file');
  return text === undefined ? undefined : resolve(text);
}

/** Where the encrypted form of a settings file belongs; undefined for a name that says nothing. */
function encryptedNameOf(input: string): string | undefined {
  const name = basename(input);
  return /^appsettings\.(?!encrypted\.)/i.test(name)
    ? join(dirname(input), name.replace(/^appsettings\./i, 'appsettings.encrypted.'))
    : undefined;
}

export const protectJsonFileCommand: CommandDescription = {
  words: ['protect', 'json-file'],
  usage: '<in> [--out <out>] [options]',
  summary:
    'Writes a settings file with the tree of a plain one, every text below Connections encrypted to the certificate, and without its comments. What is encrypted already stays.',
  operands: [{ flags: '<in>', description: 'the plain file, appsettings.agent.json or one like it' }],
  options: [
    {
      flags: '--out <out>',
      description: `the file to write, replaced in one step (default: ${encryptedSettings} for appsettings.agent.json, beside it)`,
    },
    ...certificateOptions,
  ],
  examples: [
    ['Encrypt to the certificate of appsettings.json:', 'exchange-connector protect json-file appsettings.agent.json'],
    [
      'Encrypt to another one, which needs no private key for it:',
      'exchange-connector protect json-file appsettings.agent.json --certificate agent.cer --out encrypted.json',
    ],
  ],
  prepare: (given, common) => {
    const input = resolve(given.text('in') ?? '');
    const out = given.text('out');
    const output = out === undefined ? encryptedNameOf(input) : resolve(out);
    return {
      needs: 'nothing',
      findFaults: () =>
        output === undefined
          ? ['--out is missing: the name of the file does not say how the encrypted one is called']
          : [],
      run: (context) =>
        reporting(context, async () => {
          const choice = await openCertificateGiven(certificateGiven(given), common, context, keyFileOf(given));
          return withCertificate(context, choice, (certificate) =>
            writeProtected(context, common, input, output ?? '', certificate),
          );
        }),
    };
  },
};

async function writeProtected(
  { terminal }: BareContext,
  { json }: CommonOptions,
  input: string,
  output: string,
  certificate: Certificate,
): Promise<ExitCode> {
  const { protectJsonFile } = await import('@exchange-connector/protection');
  const done = protectJsonFile({ input, output, certificate });
  if (json) terminal.resultJson({ ...done, certificate: certificate.thumbprint.sha1 });
  else {
    terminal.result(done.path);
    terminal.result(`encrypted: ${done.encrypted}, already encrypted: ${done.kept}`);
  }
  if (input !== output)
    terminal.say(
      `${input} still holds the plain values: remove them there once the encrypted file is in use (EncryptionCertificate.UseEncryptedAppsettings).`,
    );
  return exitCode.done;
}

export const protectValueCommand: CommandDescription = {
  words: ['protect', 'value'],
  usage: '[options]',
  summary: `Encrypts one value to the certificate, for a leaf of ${encryptedSettings}. The value is asked for on a terminal, or read from standard input; one line end after it is not part of it.`,
  options: certificateOptions,
  examples: [
    ['Encrypt a value that is typed:', 'exchange-connector protect value'],
    [
      'Encrypt what another program gives:',
      'pass show exchange/svc | exchange-connector protect value --certificate agent.cer',
    ],
  ],
  prepare: (given, common) => ({
    needs: 'nothing',
    run: (context) =>
      reporting(context, async () => {
        const choice = await openCertificateGiven(certificateGiven(given), common, context, keyFileOf(given));
        return withCertificate(context, choice, async (certificate) => {
          const { encryptLeaf } = await import('@exchange-connector/protection');
          return printSecret(context, common, 'Value: ', (value) => encryptLeaf(value, certificate));
        });
      }),
  }),
};

async function printSecret(
  context: BareContext,
  { json, passwordStdin }: CommonOptions,
  question: string,
  protect: (secret: string) => string,
): Promise<ExitCode> {
  const read = await readSecret(context, question, passwordStdin);
  if (read.kind === 'cancelled') return sayCancelled(context.terminal);
  if (read.kind === 'unusable') return sayRefusal(context.terminal, [read.reason]);
  const value = protect(read.password);
  if (json) context.terminal.resultJson({ value });
  else context.terminal.result(value);
  return exitCode.done;
}

export const protectPasswordCommand: CommandDescription = {
  words: ['protect', 'password'],
  usage: '[--key-file <file> | --new-key <file>] [options]',
  summary:
    'Wraps the password of a PFX or key file for EncryptionCertificate.Password, with a key of 32 bytes from EXCHANGE_CERTIFICATE_PASSWORD_KEY or a file. Without such a key it would be obfuscation only, and is refused. Keep the key apart from the settings.',
  options: [
    { flags: '--key-file <file>', description: 'file of the key (default: EXCHANGE_CERTIFICATE_PASSWORD_KEY)' },
    {
      flags: '--new-key <file>',
      description: 'make a new key and write it there, for the owner alone; the file must not be there yet',
    },
  ],
  examples: [
    [
      'Make a key, and wrap a password that is typed:',
      'exchange-connector protect password --new-key /etc/exchange-connector.key',
    ],
    [
      'Wrap another one with the same key:',
      'exchange-connector protect password --key-file /etc/exchange-connector.key',
    ],
  ],
  prepare: (given, common) => {
    const newKey = given.text('new-key');
    return {
      needs: 'nothing',
      findFaults: () =>
        newKey !== undefined && given.text('key-file') !== undefined
          ? ['--key-file and --new-key: give one of the two']
          : [],
      run: (context) =>
        reporting(context, async () => {
          const { createPasswordKeyFile, requirePasswordKey, wrapPassword } = await import(
            '@exchange-connector/protection'
          );
          const { environment } = context;
          if (newKey !== undefined) createPasswordKeyFile(resolve(newKey));
          const source = newKey === undefined ? { environment, file: keyFileOf(given) } : { file: resolve(newKey) };
          // Nobody types a password for nothing.
          requirePasswordKey(source);
          return printSecret(context, common, 'Password of the certificate: ', (password) =>
            wrapPassword(password, source),
          );
        }),
    };
  },
};

export const protectRotateCommand: CommandDescription = {
  words: ['protect', 'rotate'],
  usage: '[file...] --new-certificate <file> [options]',
  summary:
    'Encrypts every encrypted value of files anew, from one certificate to another: all files, or none. Run it again if it was cut off.',
  operands: [{ flags: '[file...]', description: `files to rotate (default: ${encryptedSettings} of the settings)` }],
  options: [
    {
      flags: '--new-certificate <file>',
      description:
        'the certificate to move to: PFX, PEM or DER; its password, where one is needed, comes from EXCHANGE_NEW_CERTIFICATE_PASSWORD or a prompt',
    },
    { flags: '--new-certificate-key <file>', description: 'PEM file of its private key (default: in the same file)' },
    { flags: '--new-thumbprint <hex>', description: 'which certificate of the new file, where it holds several' },
    ...certificateOptions,
  ],
  examples: [
    [
      'Move the settings of the current folder to a new certificate:',
      'exchange-connector protect rotate --new-certificate next.pfx',
    ],
    [
      'Move two files from a certificate that the settings do not name any more:',
      'exchange-connector protect rotate one.json two.json --certificate old.pfx --new-certificate next.pfx',
    ],
  ],
  prepare: (given, common) => {
    const named = given.texts('file');
    const files = named.length > 0 ? named.map((file) => resolve(file)) : [resolve(common.settings, encryptedSettings)];
    return {
      needs: 'nothing',
      findFaults: () =>
        given.text('new-certificate') === undefined ? ['--new-certificate is missing: the certificate to move to'] : [],
      run: (context) => reporting(context, () => rotate(given, common, context, files)),
    };
  },
};

async function rotate(
  given: GivenValues,
  common: CommonOptions,
  context: BareContext,
  files: readonly string[],
): Promise<ExitCode> {
  const from = await openCertificateGiven(certificateGiven(given), common, context, keyFileOf(given));
  return withCertificate(context, from, async (old) => {
    const to = await openCertificateGiven(newCertificateGiven(given), common, context, keyFileOf(given));
    return withCertificate(context, to, async (next) => {
      const { rotateFiles } = await import('@exchange-connector/protection');
      for (const done of await rotateFiles({ files, from: old, to: next }))
        if (common.json) context.terminal.resultJson({ ...done, certificate: next.thumbprint.sha1 });
        else context.terminal.result(`${done.path}: encrypted anew ${done.encrypted}, already there ${done.kept}`);
      return exitCode.done;
    });
  });
}

export const decryptFileCommand: CommandDescription = {
  words: ['decrypt-file'],
  usage: '<in> --out <out> [options]',
  summary:
    'Decrypts a file that was written with EncryptOutput (CMS AuthEnvelopedData). The output appears once all of it was verified, for the owner alone; of a damaged file nothing is kept.',
  operands: [{ flags: '<in>', description: 'the encrypted file' }],
  options: [{ flags: '--out <out>', description: 'the file to write, replaced in one step' }, ...certificateOptions],
  examples: [
    [
      'Decrypt an export with the certificate of the settings:',
      'exchange-connector decrypt-file Main_mailboxes.csv --out mailboxes.csv --settings /etc/exchange-connector',
    ],
    [
      'Decrypt it where it is loaded, with a PFX:',
      'exchange-connector decrypt-file Main_mailboxes.csv --out mailboxes.csv --certificate agent.pfx',
    ],
  ],
  prepare: (given, common) => {
    const output = given.text('out');
    return {
      needs: 'nothing',
      findFaults: () => (output === undefined ? ['--out is missing: the file to write'] : []),
      run: (context) =>
        reporting(context, async () => {
          const choice = await openCertificateGiven(certificateGiven(given), common, context, keyFileOf(given));
          return withCertificate(context, choice, async (certificate) => {
            const { decryptFile } = await import('@exchange-connector/protection');
            const request = { input: resolve(given.text('in') ?? ''), output: resolve(output ?? ''), certificate };
            const bytes = await decryptFile({ ...request, signal: context.signal });
            if (common.json) context.terminal.resultJson({ path: request.output, bytes });
            else context.terminal.result(request.output);
            return exitCode.done;
          });
        }),
    };
  },
};

export const protectCommands: readonly CommandDescription[] = [
  protectJsonFileCommand,
  protectValueCommand,
  protectPasswordCommand,
  protectRotateCommand,
  decryptFileCommand,
];
