/* The command line of `exchange-simulator`: commander's only importer. What serves is imported when it is needed. */
import { readFileSync } from 'node:fs';
import { onInterrupt } from '@exchange-connector/launcher';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { SimulatorError } from './errors.ts';
import { Log, type LogLevel, logLevels, parseLogLevel } from './log.ts';
import { checkKeytab, readTls } from './key-files.ts';
import type { Simulator, SimulatorOptions } from './simulator.ts';

interface ProgramOptions {
  readonly port: number;
  readonly host: string;
  readonly mailboxes: number;
  readonly databases: number;
  readonly databaseCopies: number;
  readonly seed: number;
  readonly latencyMs: number;
  readonly keytab?: string;
  readonly login?: string;
  readonly passwordStdin?: boolean;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly selectObject: boolean;
  readonly pipe?: string;
  readonly fault?: string;
  readonly chaos?: number;
  readonly idleTimeout?: number;
  readonly without: readonly string[];
  readonly roles?: readonly string[];
  readonly users: number;
  readonly protocolVersion: '2.1' | '2.2' | '2.3';
  readonly projectedValues: 'flat' | 'objects';
  readonly filterDates: 'utc' | 'server';
  readonly maxShells: number;
  readonly maxRunspacesPerMinute?: number;
  readonly json?: boolean;
  readonly timeout?: number;
  readonly logLevel: LogLevel;
  readonly logFile?: string;
}

const ExitCode = { Done: 0, Failed: 1, Usage: 2 } as const;

const examples = `
The first line on standard output is the URL, alone. The simulator ends on SIGTERM or Ctrl-C with exit code 0.
Exit codes: 0 ended, 1 failed or --timeout passed, 2 wrong usage.

Examples:
  $ EXCHANGE_PASSWORD=secret exchange-simulator --login admin --tls-cert server.pem --tls-key server.key
  $ exchange-simulator --host mail.example.test --keytab http.keytab --mailboxes 100000 --databases 12`;

function count(least: number, most: number): (text: string) => number {
  return (text) => {
    if (/^\d{1,10}$/.test(text) && Number(text) >= least && Number(text) <= most) return Number(text);
    throw new InvalidArgumentError(`Allowed are whole numbers from ${least} to ${most}.`);
  };
}

function parseLevel(text: string): LogLevel {
  const level = parseLogLevel(text);
  if (level === undefined) throw new InvalidArgumentError(`Allowed are ${logLevels.join(', ')}.`);
  return level;
}

function parseHost(text: string): string {
  if (/^[A-Za-z0-9](?:[A-Za-z0-9.-]{0,252}[A-Za-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('A host name is due, such as mail.example.test.');
}

function parseSeconds(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text) && Number(text) > 0 && Number(text) <= 2_000_000) return Number(text);
  throw new InvalidArgumentError('Seconds are due: a number above 0, at most 2000000.');
}

function version(): string {
  const file = new URL('../package.json', import.meta.url);
  return (JSON.parse(readFileSync(file, 'utf8')) as { version: string }).version;
}

function buildProgram(action: (options: ProgramOptions) => Promise<void>): Command {
  return new Command('exchange-simulator')
    .description('An Exchange organisation to practise on: made up, in memory, and answering as a real server does.')
    .version(version(), '--version', 'print the version')
    .helpOption('--help', 'print this help')
    .exitOverride()
    .showSuggestionAfterError()
    .allowExcessArguments(false)
    .option('--port <n>', 'TCP port on 127.0.0.1; 0 takes a free one', count(0, 65_535), 0)
    .option('--host <name>', 'the name it answers to; the service principal is HTTP/<name>', parseHost, 'localhost')
    .option(
      '--mailboxes <n>',
      'mailboxes over both domains, those that Get-Mailbox hides included',
      count(0, 10_000_000),
      3000,
    )
    .option('--databases <n>', 'mailbox databases', count(1, 10_000), 6)
    .option('--database-copies <n>', 'copies of each database, on as many servers', count(1, 3), 1)
    .option('--users <n>', 'accounts without a mailbox, over both domains', count(0, 100_000), 40)
    .option('--seed <n>', 'the same numbers give the same organisation, to the byte', count(0, 2_147_483_647), 1)
    .option('--latency-ms <n>', 'server time spent per object, in milliseconds', count(0, 60_000), 0)
    .option('--keytab <file>', 'Kerberos with the keys of this file; bodies are sealed over http (default: none)')
    .option('--login <name>', 'Basic with this account; its password from EXCHANGE_PASSWORD (default: none)')
    .option('--password-stdin', 'read the password from the first line of standard input')
    .option('--tls-cert <file>', 'PEM of the certificate and its chain: serve https (default: http)')
    .option('--tls-key <file>', 'PEM of its key')
    .option('--no-select-object', 'do not offer Select-Object, as some servers do not')
    .option('--fault <script>', 'what goes wrong, and when: a fault script, or @FILE that holds one (default: nothing)')
    .addOption(
      new Option('--chaos <seed>', 'random faults, the same for the same seed; the script is logged (default: none)')
        .argParser(count(0, 4_294_967_295))
        .conflicts('fault'),
    )
    .option('--pipe <name>', 'also serve PowerShell remoting on this pipe (default: none)')
    .option(
      '--without <names...>',
      'cmdlets (Set-ADServerSettings) or parameters (Get-MailboxDatabase:Status) that the account lacks',
      [],
    )
    .option(
      '--roles <names...>',
      'management roles of the account, as "Mail Recipients"; cmdlets of no other are there (default: all of them)',
    )
    .addOption(
      new Option('--protocol-version <version>', 'the latest PSRP version spoken; 2.1 is a server of Exchange 2010')
        .choices(['2.1', '2.2', '2.3'])
        .default('2.3'),
    )
    .addOption(
      new Option('--projected-values <form>', 'values in objects of Select-Object')
        .choices(['flat', 'objects'])
        .default('flat'),
    )
    .addOption(
      new Option('--filter-dates <zone>', 'zone of dates in filters that name none')
        .choices(['server', 'utc'])
        .default('server'),
    )
    .option('--max-shells <n>', 'concurrent shells of one user', count(1, 10_000), 18)
    .option(
      '--max-runspaces-per-minute <n>',
      'runspaces that a user may open in a minute (default: any number)',
      count(1, 10_000),
    )
    .option(
      '--idle-timeout <seconds>',
      'seconds without a request after which a shell ends (default: 900)',
      parseSeconds,
    )
    .option('--json', 'write the first line as JSON: { "url", "port", "mailboxes" }')
    .option('--timeout <seconds>', 'end after this time, in seconds (default: none)', parseSeconds)
    .option('--log-level <level>', `what to log on standard error: ${logLevels.join(', ')}`, parseLevel, 'Warning')
    .option('--log-file <file>', 'append the log to this file as JSON lines, from Information on (default: none)')
    .option('--no-progress', 'taken for the sake of uniformity: it shows none')
    .addHelpText('after', examples)
    .action(action);
}

/** The script of --fault or --chaos; chaos says what it plays. */
async function faultScriptOf(options: ProgramOptions, log: Log): Promise<string | undefined> {
  const { fault, chaos } = options;
  if (chaos !== undefined) {
    const script = (await import('./faults/chaos.ts')).chaosScript(chaos);
    log.write('Warning', `chaos ${chaos} plays:\n${script}`);
    return script;
  }
  if (fault === undefined || !fault.startsWith('@')) return fault;
  try {
    return readFileSync(fault.slice(1), 'utf8');
  } catch (cause) {
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      `--fault ${fault}: the file cannot be read (${(cause as Error).message})`,
      { cause },
    );
  }
}

/** The options of the simulator that the command line amounts to. */
async function simulatorOptions(options: ProgramOptions, log: Log): Promise<SimulatorOptions> {
  const { keytab, login, tlsCert, tlsKey, pipe } = options;
  if (keytab === undefined && login === undefined && pipe === undefined) {
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      'there is no way in: give --keytab for Kerberos, --login for Basic, or --pipe',
    );
  }
  if ((tlsCert === undefined) !== (tlsKey === undefined)) {
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      `--tls-cert and --tls-key belong together: ${tlsCert === undefined ? '--tls-cert' : '--tls-key'} is missing`,
    );
  }
  if (keytab !== undefined) checkKeytab(keytab);
  const tls = tlsCert === undefined || tlsKey === undefined ? undefined : readTls({ cert: tlsCert, key: tlsKey });
  const { unknownCommands } = await import('./cmdlets/catalogue.ts');
  const [unknown] = unknownCommands(options.without);
  if (unknown !== undefined) {
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      `--without ${unknown}: there is no such cmdlet or parameter; name a cmdlet, or one of its parameters as Get-MailboxDatabase:Status`,
    );
  }
  const password =
    login === undefined
      ? undefined
      : await (await import('./password.ts')).readPassword(login, options.passwordStdin === true);
  const perMinute = options.maxRunspacesPerMinute;
  const fault = await faultScriptOf(options, log);
  return {
    port: options.port,
    host: options.host,
    mailboxes: options.mailboxes,
    databases: options.databases,
    databaseCopies: options.databaseCopies,
    users: options.users,
    seed: options.seed,
    latencyMs: options.latencyMs,
    without: options.selectObject ? options.without : [...options.without, 'Select-Object'],
    protocolVersion: options.protocolVersion,
    projectedValues: options.projectedValues,
    ...(options.roles === undefined ? {} : { roles: options.roles }),
    filterDates: options.filterDates,
    maxShellsPerUser: options.maxShells,
    log: log.write,
    ...(keytab === undefined
      ? {}
      : { kerberos: { mechanism: (await import('@exchange-connector/gssapi')).gssapiMechanism(), keytab } }),
    ...(login === undefined || password === undefined ? {} : { basic: { login, password } }),
    ...(tls === undefined ? {} : { tls }),
    ...(pipe === undefined ? {} : { pipe }),
    ...(fault === undefined ? {} : { fault }),
    ...(options.idleTimeout === undefined ? {} : { idleTimeoutMs: Math.round(options.idleTimeout * 1000) }),
    ...(perMinute === undefined ? {} : { runspaceBudget: { runspaces: perMinute, periodSeconds: 60 } }),
  };
}

/** Resolves with the exit code when the simulator is told to end. */
function untilEnded(seconds: number | undefined): Promise<number> {
  return new Promise((resolve) => {
    const stop = (code: number): void => {
      clearTimeout(timer);
      unsubscribe();
      resolve(code);
    };
    const unsubscribe = onInterrupt((interrupt) =>
      interrupt.atOnce ? process.exit(ExitCode.Done) : stop(ExitCode.Done),
    );
    const timer = seconds === undefined ? undefined : setTimeout(() => stop(ExitCode.Failed), seconds * 1000);
  });
}

function announce(simulator: Simulator, options: ProgramOptions): void {
  const { url, port } = simulator;
  process.stdout.write(
    options.json === true
      ? `${JSON.stringify({ url, port, mailboxes: simulator.organization.mailboxCount })}\n`
      : `${url}\n`,
  );
}

async function serve(options: ProgramOptions): Promise<number> {
  let log: Log | undefined;
  try {
    log = new Log(options.logLevel, options.logFile);
    const settings = await simulatorOptions(options, log);
    const ended = untilEnded(options.timeout);
    const { startSimulator } = await import('./simulator.ts');
    const simulator = await startSimulator(settings);
    announce(simulator, options);
    log.write(
      'Information',
      `serving ${options.mailboxes} mailboxes in ${options.databases} databases at ${simulator.url}`,
    );
    const code = await ended;
    await simulator.close();
    return code;
  } catch (error) {
    if (!(error instanceof Error)) throw error;
    const code = error instanceof SimulatorError ? ` [${error.code}]` : '';
    process.stderr.write(`error: ${error.message}${code}\n`);
    const isUsage = error instanceof SimulatorError && error.code !== 'SIMULATOR_LISTEN_FAILED';
    return isUsage ? ExitCode.Usage : ExitCode.Failed;
  } finally {
    log?.close();
  }
}

/**
 * Runs a command line.
 *
 * @param parameters what stands after the program's name
 * @returns the exit code
 */
export async function runProgram(parameters: readonly string[]): Promise<number> {
  let code: number = ExitCode.Done;
  const program = buildProgram(async (options) => {
    code = await serve(options);
  });
  try {
    await program.parseAsync([...parameters], { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? ExitCode.Done : ExitCode.Usage;
    throw error;
  }
}
