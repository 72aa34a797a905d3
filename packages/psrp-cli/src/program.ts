/*
 * The command line of `psrp`: commander's only importer. What a command needs is imported when it runs, so
 * that `--help` does not wait for it.
 */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { PsrpCliError } from './errors.ts';
import { authenticationSchemes } from './invoke/endpoint.ts';
import type { InvokeCommandOptions } from './invoke/invoke-settings.ts';
import { withLocalSeparated } from './local-option.ts';
import { Log, type LogLevel, logLevels, parseLogLevel } from './log.ts';
import { LineOutput } from './output.ts';
import { endProcess, ExitCode, RunControl } from './run-control.ts';

interface CommonOptions {
  readonly logLevel: LogLevel;
  readonly logFile?: string;
  readonly timeout?: number;
  readonly progress: boolean;
}

const invokeExamples = `
What stands after the cmdlet is read as PowerShell reads it: -Name value, -Switch, -Name:$false, a,b,c is an
array, '…' keeps its content as text, $true $false $null, numbers are numbers. A "|" of its own joins a further
cmdlet. Your shell reads the line first: put '$true', '|' and what holds blanks in quotes.

Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no session, 5 done with errors, 130 cancelled.

Examples:
  $ psrp invoke http://mailbox01.contoso.com/PowerShell/ Get-Mailbox -ResultSize 5 '|' Select-Object Name,Guid
  $ psrp invoke --auth basic --login anna@contoso.com --json https://mailbox01.contoso.com/PowerShell/ \\
      Get-MailboxDatabase -Status
  $ psrp invoke --local Get-Process -Name pwsh '|' Select-Object Id,StartTime
  $ psrp invoke --pipe maintenance --json Get-Module`;

const decodeExamples = `
Exit codes: 0 done, 1 a file is broken, 2 a file cannot be read, 130 cancelled.

Examples:
  $ psrp decode mailboxes.xml
  $ psrp decode --types - < Get-Service.clixml`;

const programExamples = `
Examples:
  $ psrp invoke http://mailbox01.contoso.com/PowerShell/ Get-ExchangeServer
  $ psrp decode mailboxes.xml`;

/**
 * Runs a command line.
 *
 * @param parameters what stands after the program's name
 * @returns the exit code
 */
export async function runProgram(parameters: readonly string[]): Promise<number> {
  let exitCode: number = ExitCode.Done;
  const program = buildProgram((code) => {
    exitCode = code;
  });
  try {
    const invokeOptions = program.commands.find((command) => command.name() === 'invoke')?.options ?? [];
    const [command, ...words] = parameters;
    const separated = command === 'invoke' ? [command, ...withLocalSeparated(words, invokeOptions)] : [...parameters];
    await program.parseAsync(separated, { from: 'user' });
    return exitCode;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage;
    throw error;
  }
}

function buildProgram(done: (exitCode: number) => void): Command {
  const program = new Command('psrp')
    .description('PowerShell remoting for administrators: runs cmdlets on a remote endpoint, reads CLIXML files.')
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .enablePositionalOptions()
    .exitOverride()
    .showSuggestionAfterError()
    .configureOutput({ outputError: (text, write) => write(usageLine(text)) })
    .addHelpText('after', programExamples);
  program
    .command('invoke')
    .summary('run a cmdlet, or several in one pipeline, on a remote endpoint or on this machine')
    .description(
      'Runs a cmdlet, or several in one pipeline, on a remote PowerShell endpoint over HTTP or HTTPS, or in a PowerShell of this machine. Options stand before the URL, or before the cmdlet where --local or --pipe stand in place of a URL.',
    )
    .usage(
      '[options] <url> <cmdlet> [arguments...]\n       psrp invoke [options] --local[=PROGRAM] | --pipe NAME <cmdlet> [arguments...]',
    )
    .argument('[url]', 'the endpoint: http://server.example.com/PowerShell/ or https://…')
    .argument('[cmdlet]', 'the name of the cmdlet')
    .argument('[arguments...]', 'its arguments, and further cmdlets after a "|"')
    .passThroughOptions()
    .addOption(new Option('--auth <scheme>', 'how to authenticate (default: kerberos)').choices(authenticationSchemes))
    .option(
      '--login <name>',
      'the account; its password is asked for, or read from EXCHANGE_PASSWORD (default: the ticket of the running account)',
    )
    .option('--keytab <file>', 'take the key of the account from this keytab')
    .option('--principal <name>', "the keytab's principal (default: its first)")
    .option('--spn <name>', 'the service principal (default: HTTP/<host>)')
    .option('--ca <file>', 'PEM of a private CA; TLS is always verified (default: the public CAs)')
    .option('--allow-unencrypted-basic', 'let Basic send the password readable over http (default: refused)')
    .option('--configuration-name <name>', "the endpoint's session configuration (default: Microsoft.Exchange)")
    .option(
      '--local [=program]',
      'instead of a URL: start a PowerShell on this machine; another than the one found as --local=PROGRAM (default: pwsh on PATH, on Windows else powershell.exe)',
    )
    .option('--pipe <name>', 'instead of a URL: connect to a PowerShell that was started with -CustomPipeName NAME')
    .option('--input <file>', 'JSON lines, sent as pipeline input; - is standard input (default: no input)')
    .option('--password-stdin', 'read the password from the first line of standard input')
    .addHelpText('after', invokeExamples)
    .action(async (...given: [string?, string?, string[]?, (InvokeCommandOptions & CommonOptions)?, Command?]) => {
      const [url, cmdlet, rest = [], options, command] = given;
      if (options === undefined || command === undefined) return;
      const words = [url, cmdlet, ...rest].filter((word) => word !== undefined);
      const wanted = options.local === undefined && options.pipe === undefined ? ['url', 'cmdlet'] : ['cmdlet'];
      const missing = wanted[words.length];
      if (missing !== undefined) command.error(`error: missing required argument '${missing}'`);
      done(await runCommand('invoke', options, (context) => invoke(words, options, context)));
    });
  program
    .command('decode')
    .summary('print CLIXML files as JSON, one top-level object a line')
    .description(
      'Prints CLIXML files (Export-Clixml and its like; UTF-8 or UTF-16) as JSON, one top-level object a line.',
    )
    .argument('<file...>', 'the files; - is standard input')
    .option('--types', 'show each object with its type names ($type) and its text ($string)')
    .addHelpText('after', decodeExamples)
    .action(async (files: string[], options: CommonOptions & { types?: boolean }) => {
      done(await runCommand('decode', options, (context) => decode(files, options.types ?? false, context)));
    });
  for (const command of program.commands) {
    const json =
      command.name() === 'decode'
        ? 'taken for the sake of uniformity: it writes nothing but JSON'
        : 'write each record as JSON, one a line (default: text)';
    addCommonOptions(command.option('--json', json));
  }
  return program;
}

/** What looks like an attempt to give a password as an argument. */
const secretOption = /^error: unknown option '(--?(?!password-stdin)(?:pas|psw|pw|secret)[^'=\s]*)/i;

/** A refusal of commander's with its code. What follows "=" in an unknown option is a value, and is not repeated. */
function usageLine(text: string): string {
  const secret = secretOption.exec(text)?.[1];
  const said =
    secret === undefined
      ? text.replace(/^(error: unknown option '[^'=]*)=[\s\S]*'(?=\n|$)/, "$1'").trimEnd()
      : `error: unknown option '${secret}': secrets are never taken from arguments, which others on this machine can read; use --password-stdin`;
  return `${said} [PSRP_CLI_USAGE]\n`;
}

function addCommonOptions(command: Command): void {
  command
    .helpOption('--help', 'print this help')
    .option('--timeout <seconds>', 'time limit for the whole command, in seconds (default: none)', parseSeconds)
    .option('--log-level <level>', `what to log on standard error: ${logLevels.join(', ')}`, parseLevel, 'Warning')
    .option('--log-file <file>', 'append the log to this file as JSON lines, from Information on (default: none)')
    .option('--no-progress', 'show no progress; it is shown only on a terminal');
}

function parseSeconds(text: string): number {
  const seconds = Number(text);
  if (!/^\d+(\.\d+)?$/.test(text) || seconds <= 0 || seconds > 2_000_000) {
    throw new InvalidArgumentError('Seconds are due: a number above 0, at most 2000000.');
  }
  return seconds;
}

function parseLevel(text: string): LogLevel {
  const level = parseLogLevel(text);
  if (level === undefined) throw new InvalidArgumentError(`Allowed are ${logLevels.join(', ')}.`);
  return level;
}

interface CommandContext {
  readonly output: LineOutput;
  readonly complaints: LineOutput;
  readonly terminal: NodeJS.WriteStream | undefined;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** What every command has around it: streams, log, time limit, Ctrl-C, and what to do with errors. */
async function runCommand(
  name: string,
  options: CommonOptions,
  action: (context: CommandContext) => Promise<ExitCode>,
): Promise<ExitCode> {
  const output = new LineOutput(process.stdout);
  const complaints = new LineOutput(process.stderr);
  const control = new RunControl(options.timeout, () => endProcess(ExitCode.Cancelled));
  let log: Log | undefined;
  try {
    log = new Log({ level: options.logLevel, file: options.logFile, print: (line) => void complaints.write(line) });
    const terminal = options.progress && process.stderr.isTTY ? process.stderr : undefined;
    return await action({ output, complaints, terminal, log, signal: control.signal });
  } catch (error) {
    const reason = control.signal.aborted ? (control.signal.reason as Error) : error;
    if (!(reason instanceof Error)) throw reason;
    if (reason.name === 'CancelledError') {
      await complaints.write(`psrp ${name}: ${reason.message}\n`);
      return ExitCode.Cancelled;
    }
    await complaints.write(`psrp ${name}: ${await describe(reason)}\n`);
    return reason instanceof PsrpCliError && reason.code !== 'PSRP_CLI_JSON_TOO_LARGE'
      ? ExitCode.Usage
      : ExitCode.Failed;
  } finally {
    control.end();
    log?.close();
    await Promise.all([output.end(), complaints.end()]);
  }
}

/** Loaded when there is something to say: `--help` does not wait for the packages below. */
async function describe(error: Error): Promise<string> {
  return (await import('./error-line.ts')).errorLine(error);
}

async function invoke(
  words: readonly string[],
  options: InvokeCommandOptions,
  context: CommandContext,
): Promise<ExitCode> {
  const { checkInvokeSettings } = await import('./invoke/invoke-settings.ts');
  const settings = checkInvokeSettings(words, options);
  const { runInvoke } = await import('./invoke/run-invoke.ts');
  return await runInvoke(settings, { ...context, standardInput: process.stdin, environment: process.env });
}

async function decode(files: readonly string[], types: boolean, context: CommandContext): Promise<ExitCode> {
  const { runDecode } = await import('./decode.ts');
  const complain = (message: string): void => void context.complaints.write(`psrp decode: ${message}\n`);
  return await runDecode({
    files,
    types,
    complain,
    output: context.output,
    signal: context.signal,
    standardInput: process.stdin,
  });
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}
