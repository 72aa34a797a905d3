/* The one file that knows commander: arguments in, what is asked for out. Nothing runs here. */
import { readFileSync } from 'node:fs';
import { Argument, Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import type { CommonOptions } from './command-options.ts';
import type { CommandLine, Invocation } from './invocation.ts';
import { commands, groups, plannedCommands } from './commands/catalogue.ts';
import type { CommandDescription, GivenValues } from './commands/command.ts';
import { nearestName } from './nearest-name.ts';

const logLevels = ['Verbose', 'Debug', 'Information', 'Warning', 'Error', 'Fatal'] as const;
/** What a timer can hold: some 24 days. */
const mostTimeoutSeconds = 2_147_483;

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

function examples(lines: readonly (readonly [string, string])[]): string {
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

/** Repeated operands come one by one, with those before. */
function readOperand(text: string, before: unknown): string | readonly unknown[] {
  readNonEmpty(text);
  return before === undefined ? text : [before, text].flat();
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
    `${exitCodes}\n${examples([
      ['Export what the settings of the current folder name:', 'exchange-connector export'],
      [
        'See step by step whether a connection works:',
        'exchange-connector check --settings /etc/exchange-connector --connection MicrosoftExchangeExport',
      ],
    ])}`,
  );
  addCommands(program, invoke);
  return program;
}

/** What commander read, by the names of a description. */
function givenValues(command: Command, description: CommandDescription): GivenValues {
  const options: Readonly<Record<string, unknown>> = command.opts();
  const operands = new Map(
    (description.operands ?? []).map(({ flags }, index) => [
      flags.replace(/[<>[\].]/g, ''),
      command.processedArgs[index],
    ]),
  );
  const valueNamed = (name: string): unknown =>
    operands.get(name) ?? options[name.replace(/-(.)/g, (_, letter: string) => letter.toUpperCase())];
  const textOf = (value: unknown): string[] => (typeof value === 'string' ? [value] : []);
  return {
    text: (name) => textOf(valueNamed(name))[0],
    isSet: (name) => valueNamed(name) === true,
    texts(name) {
      const value = valueNamed(name);
      return Array.isArray(value) ? value.flatMap(textOf) : textOf(value);
    },
  };
}

function addCommand(parent: Command, description: CommandDescription, invoke: (invocation: Invocation) => void): void {
  const command = parent
    .command(description.words.at(-1) ?? '')
    .helpOption('-h, --help', 'print this help')
    .usage(description.usage)
    .description(description.summary);
  for (const { flags, description: text } of description.operands ?? [])
    command.addArgument(new Argument(flags, text).argParser(readOperand));
  for (const { flags, description: text, hidden } of description.options ?? []) {
    const option = new Option(flags, text);
    if (flags.includes('<')) option.argParser(readNonEmpty);
    command.addOption(hidden === true ? option.hideHelp() : option);
  }
  command.action(() => {
    const options = commonOptionsOf(command);
    invoke({ options, command: description.prepare(givenValues(command, description), options) });
  });
  command.addHelpText('after', examples(description.examples));
}

function addCommands(program: Command, invoke: (invocation: Invocation) => void): void {
  const parents = new Map<string, Command>();
  for (const { word, summary, examples: lines } of groups) {
    const parent = program
      .command(word)
      .helpOption('-h, --help', 'print this help')
      .helpCommand('help [command]', 'print the help of a command')
      .usage('<command> [options]')
      .description(summary)
      .addHelpText('after', examples(lines));
    parents.set(word, parent);
  }
  for (const description of commands) {
    const [first, second] = description.words;
    addCommand(second === undefined ? program : (parents.get(first) ?? program), description, invoke);
  }
}

/** The command that a refusal is about, as far as the arguments name one. */
function commandOf(program: Command, parameters: readonly string[]): Command {
  const named = program.commands.find((command) => parameters.includes(command.name()));
  return named === undefined ? program : commandOf(named, parameters.slice(parameters.indexOf(named.name()) + 1));
}

function optionNames(command: Command): string[] {
  const above = command.parent === null ? [] : optionNames(command.parent);
  const own = command.options.map((option) => option.long ?? '').filter((name) => name !== '');
  return [...own, ...above.filter((name) => name !== '--help' && name !== '--version'), '--help'];
}

/** What looks like an attempt to give a password as an argument: no name may repeat what follows it. */
const secretOption = /^--?(?:pas|psw|pw|secret)/i;

function namesOf(program: Command): string {
  return program.commands.map((known) => known.name()).join(', ');
}

function unknownCommand(parent: Command, name: string): string {
  if (parent.parent === null && plannedCommands.has(name)) return `${name} is not in this version`;
  const names = [...parent.commands.map((known) => known.name()), 'help'];
  return `unknown command ${name}; the nearest known one is ${nearestName(name, names)}`;
}

function missingCommand(parent: Command): string {
  const whose = parent.parent === null ? 'a command' : `a command of ${parent.name()}`;
  return `${whose} is missing: ${namesOf(parent)}`;
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
  if (helpOf !== undefined) return unknownCommand(program, helpOf);
  if (error.code === 'commander.unknownCommand') return unknownCommand(command, named);
  if (error.code === 'commander.help') return missingCommand(command);
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
  for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
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
    return { kind: 'refused', message: `${missingCommand(program)} (see exchange-connector --help)` };
  return { kind: 'run', invocation };
}
