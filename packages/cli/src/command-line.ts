/* The one file that knows commander: arguments in, what is asked for out. Nothing runs here. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { CommandLine, CommonOptions, ExportOptions, FulfillOptions, Invocation } from './command-options.ts';
import { nearestName } from './nearest-name.ts';

const logLevels = ['Verbose', 'Debug', 'Information', 'Warning', 'Error', 'Fatal'] as const;
/** What a timer can hold: some 24 days. */
const mostTimeoutSeconds = 2_147_483;

/** Commands of later versions: no misspelling of one of these. */
const plannedCommands: ReadonlySet<string> = new Set([
  'acknowledge',
  'undo',
  'audit',
  'config',
  'protect',
  'decrypt-file',
]);

const exitCodes = `
Exit codes:
  0  all done
  1  failed: the server or the run reported an error, the connection was lost after the
     session had opened, or --timeout passed
  2  wrong usage or configuration; nothing was contacted
  3  no connection, no Kerberos ticket, authentication refused, or no session could be opened
  4  stopped by a threshold or a guard, waiting for a person
  5  done in part: records came with errors, or some orders errored
  130  cancelled (Ctrl-C, SIGTERM)`;

function examples(...lines: readonly [string, string][]): string {
  return `\nExamples:\n${lines.map(([what, command]) => `  ${what}\n    $ ${command}`).join('\n')}`;
}

function readLogLevel(text: string): string {
  const level = logLevels.find((known) => known.toLowerCase() === text.toLowerCase());
  if (level === undefined) throw new InvalidArgumentError(`Allowed is one of ${logLevels.join(', ')}.`);
  return level;
}

function readTimeout(text: string): number {
  const seconds = /^\d+(\.\d+)?$/.test(text) ? Number(text) : Number.NaN;
  if (!(seconds > 0 && seconds <= mostTimeoutSeconds))
    throw new InvalidArgumentError(`Allowed is a number of seconds above 0, at most ${mostTimeoutSeconds}.`);
  return seconds * 1000;
}

function readNonEmpty(text: string): string {
  if (text.trim() === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

function version(): string {
  const manifest = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return manifest.version;
}

function addCommonOptions(program: Command): void {
  program
    .addOption(
      new Option(
        '--settings <dir>',
        'folder of appsettings.json and appsettings.agent.json (default: the current folder)',
      ).argParser(readNonEmpty),
    )
    .addOption(
      new Option('--connection <id>', 'identifier of the connection (default: the only one)').argParser(readNonEmpty),
    )
    .option('--json', 'machine-readable result on standard output, one JSON value a line (default: text)')
    .option(
      '--no-progress',
      'show no progress (default: on standard error; redrawn on a terminal, now and then a line elsewhere)',
    )
    .addOption(
      new Option(
        '--log-level <level>',
        `what is logged on standard error: ${logLevels.join(', ')} (default: Warning)`,
      ).argParser(readLogLevel),
    )
    .addOption(
      new Option('--log-file <file>', 'log to this file too, JSON lines from Information on (default: none)').argParser(
        readNonEmpty,
      ),
    )
    .addOption(
      new Option('--timeout <seconds>', 'time limit of the whole command in seconds (default: none)').argParser(
        readTimeout,
      ),
    )
    .option(
      '--password-stdin',
      'read the password from standard input (default: settings, then EXCHANGE_PASSWORD, then a prompt on a terminal)',
    );
}

/** Options count wherever they stand, before or after the command's name. */
function commonOptionsOf(command: Command): CommonOptions {
  const options = command.optsWithGlobals();
  return {
    settings: options['settings'] ?? '.',
    connection: options['connection'],
    json: options['json'] ?? false,
    progress: options['progress'] ?? true,
    logLevel: options['logLevel'],
    logFile: options['logFile'],
    timeoutMs: options['timeout'],
    passwordStdin: options['passwordStdin'] ?? false,
  };
}

function buildProgram(invoke: (invocation: Invocation) => void): Command {
  const program = new Command('exchange-connector')
    .description(
      'Reads the mailboxes and mailbox databases of a Microsoft Exchange organisation over remote PowerShell and writes them as CSV files for an identity-governance product.',
    )
    .version(version(), '--version', 'print the version')
    .helpOption('-h, --help', 'print this help')
    .helpCommand('help [command]', 'print the help of a command')
    .configureHelp({ showGlobalOptions: true })
    .usage('<command> [options]');
  addCommonOptions(program);
  program.addHelpText(
    'after',
    `${exitCodes}\n${examples(
      ['Export what the settings of the current folder name:', 'exchange-connector export'],
      [
        'See step by step whether a connection works:',
        'exchange-connector check --settings /etc/exchange-connector --connection MicrosoftExchangeExport',
      ],
    )}`,
  );
  addExport(program, invoke);
  addCheckAndDiscover(program, invoke);
  addFulfill(program, invoke);
  return program;
}

function addExport(program: Command, invoke: (invocation: Invocation) => void): void {
  const command = program
    .command('export')
    .helpOption('-h, --help', 'print this help')
    .usage('[options]')
    .description(
      'Writes <connection>_mailboxes.csv, <connection>_databases.csv and <connection>_manifest.json into <TempFolderPath>/ExportOutput. Each file is replaced whole, and only when the run was good.',
    )
    .option('--complete', 'read the whole directory (every run of this version does)')
    .option('--ignore-cookies', 'the same as --complete')
    .option('--release', 'publish what a threshold kept back')
    .addOption(
      new Option(
        '--output <dir>',
        'folder for the files in place of ExportOutput; a relative path starts at the current folder (default: <TempFolderPath>/ExportOutput)',
      ).argParser(readNonEmpty),
    )
    .action(() => {
      const own = command.opts();
      const options: ExportOptions = {
        ...commonOptionsOf(command),
        release: own['release'] ?? false,
        output: own['output'],
      };
      invoke({ kind: 'export', options });
    });
  command.addHelpText(
    'after',
    examples(
      [
        'Export one of several connections, with ten minutes at most:',
        'exchange-connector export --connection MicrosoftExchangeExport --timeout 600',
      ],
      [
        'Export for a script, which gets the manifest as one line of JSON:',
        'exchange-connector export --json --output /srv/exchange > manifest.json',
      ],
    ),
  );
}

function addCheckAndDiscover(program: Command, invoke: (invocation: Invocation) => void): void {
  const check = program
    .command('check')
    .helpOption('-h, --help', 'print this help')
    .usage('[options]')
    .description(
      'Connects and says, step by step, what works: settings, name, port, TLS, authentication, session, cmdlets and parameters that the account may use, one mailbox, one database. A step that fails names its cause and the mend.',
    )
    .action(() => invoke({ kind: 'check', options: commonOptionsOf(check) }));
  check.addHelpText(
    'after',
    examples(
      ['Check the only connection of the current folder’s settings:', 'exchange-connector check'],
      [
        'Check with a password that is piped in, the steps as JSON lines:',
        'exchange-connector check --json --password-stdin < password.txt',
      ],
    ),
  );
  const discover = program
    .command('discover')
    .helpOption('-h, --help', 'print this help')
    .usage('[options]')
    .description(
      'Says what the server offers: its version, the columns it can fill and those it cannot, the databases with their numbers of mailboxes.',
    )
    .action(() => invoke({ kind: 'discover', options: commonOptionsOf(discover) }));
  discover.addHelpText(
    'after',
    examples(
      ['See what there is to export:', 'exchange-connector discover --connection MicrosoftExchangeExport'],
      ['The same for a script:', 'exchange-connector discover --json | jq .databases'],
    ),
  );
}

function addFulfill(program: Command, invoke: (invocation: Invocation) => void): void {
  const command = program
    .command('fulfill')
    .helpOption('-h, --help', 'print this help')
    .usage('--orders <dir> --results <file> [options]')
    .description(
      'Carries out provisioning orders with the fulfilment script of the connection, one at a time, each at most once, and writes what became of each: AssignmentId, ProvisioningState (Executed or Errored), Message, ChangeType, OwnerId, OwnerType.',
    )
    .addOption(new Option('--orders <dir>', 'folder of the JSON files of orders').argParser(readNonEmpty))
    .addOption(
      new Option('--results <file>', 'CSV file of results, one row for each order; replaced whole').argParser(
        readNonEmpty,
      ),
    )
    .addOption(new Option('--plan').hideHelp())
    .addOption(new Option('--plan-file <file>').hideHelp())
    .addOption(new Option('--apply <file>').hideHelp())
    .action(() => {
      const own = command.opts();
      const ofPlans = [own['plan'] && '--plan', own['planFile'] && '--plan-file', own['apply'] && '--apply'];
      const options: FulfillOptions = {
        ...commonOptionsOf(command),
        orders: own['orders'],
        results: own['results'],
        ofPlans: ofPlans.filter((name) => typeof name === 'string'),
      };
      invoke({ kind: 'fulfill', options });
    });
  command.addHelpText(
    'after',
    examples(
      ['Carry out the orders of a folder:', 'exchange-connector fulfill --orders ./orders --results ./results.csv'],
      [
        'The same for a script, with an hour at most; the counts come as one line of JSON:',
        'exchange-connector fulfill --orders ./orders --results ./results.csv --timeout 3600 --json',
      ],
    ),
  );
}

/** The command that a refusal is about, as far as the arguments name one. */
function commandOf(program: Command, parameters: readonly string[]): Command {
  return program.commands.find((command) => parameters.includes(command.name())) ?? program;
}

function optionNames(command: Command): string[] {
  const all = [...command.options, ...(command.parent?.options ?? [])].map((option) => option.long ?? '');
  return [...all.filter((name) => name !== ''), '--help'];
}

/** What looks like an attempt to give a password as an argument: no name may repeat what follows it. */
const secretOption = /^--?(?:pas|psw|pw|secret)/i;

function unknownCommand(program: Command, name: string): string {
  if (plannedCommands.has(name)) return `${name} is not in this version; it has export, check, discover and fulfill`;
  const names = [...program.commands.map((known) => known.name()), 'help'];
  return `unknown command ${name}; the nearest known one is ${nearestName(name, names)}`;
}

function refusalOf(program: Command, error: CommanderError, parameters: readonly string[]): string {
  // What follows "=" is a value, and may be a password that was meant for another way in.
  const named = (/'([^']*)'/s.exec(error.message)?.[1] ?? '').replace(/=.*$/s, '');
  const command = commandOf(program, parameters);
  if (error.code === 'commander.unknownOption' && secretOption.test(named))
    return `unknown option ${named}; secrets are never taken from arguments, which others on this machine can read: use --password-stdin`;
  if (error.code === 'commander.unknownOption')
    return `unknown option ${named}; the nearest known one is ${nearestName(named, optionNames(command))}`;
  const helpOf = error.code === 'commander.help' && parameters[0] === 'help' ? parameters[1] : undefined;
  if (error.code === 'commander.unknownCommand' || helpOf !== undefined)
    return unknownCommand(program, helpOf ?? named);
  if (error.code === 'commander.help') return 'a command is missing: export, check, discover or fulfill';
  return error.message.replace(/^error: /, '').replace(/\n.*$/s, '');
}

/**
 * Reads a command line.
 *
 * @param parameters without the program's own name
 */
export function readCommandLine(parameters: readonly string[]): CommandLine {
  let invocation: Invocation | undefined;
  let said = '';
  const program = buildProgram((asked) => {
    invocation = asked;
  });
  for (const command of [program, ...program.commands]) {
    command.exitOverride().showSuggestionAfterError(false);
    command.configureOutput({
      writeOut: (text) => {
        said += text;
      },
      writeErr: () => undefined,
    });
  }
  try {
    program.parse([...parameters], { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    const answered = error.exitCode === 0 && said !== '';
    if (answered) return { kind: 'answer', text: said.trimEnd() };
    return { kind: 'refused', message: `${refusalOf(program, error, parameters)} (see exchange-connector --help)` };
  }
  if (invocation === undefined)
    return {
      kind: 'refused',
      message: 'a command is missing: export, check, discover or fulfill (see exchange-connector --help)',
    };
  return { kind: 'run', invocation };
}
