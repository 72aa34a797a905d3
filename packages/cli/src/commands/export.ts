import { resolve } from 'node:path';
import type { ExportOutcome } from '@exchange-connector/agent';
import type { CommonOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import { formatSeconds } from '../progress-line.ts';
import { type CommandContext, type CommandDescription, requestOf, sayCancelled, sayFailure } from './command.ts';

interface ExportOptions extends CommonOptions {
  readonly complete: boolean;
  readonly release: boolean;
  readonly output: string | undefined;
  /** As given. */
  readonly reconnect: string | undefined;
}

type Published = Extract<ExportOutcome, { kind: 'done' | 'partial' }>;
type Stopped = Extract<ExportOutcome, { kind: 'stopped' }>;

/** The files, one a line, the counts by command, how long it took. */
function sayPublished({ terminal }: CommandContext, outcome: Published): void {
  terminal.draw('');
  for (const file of outcome.files) terminal.result(file);
  for (const line of countLines(outcome.manifest)) terminal.result(line);
  const seconds = outcome.durationMs / 1000;
  terminal.result(`duration: ${seconds < 60 ? `${seconds.toFixed(1)} s` : formatSeconds(seconds)}`);
}

/** `mailboxes: Insert 3, Update 1, Delete 0` */
function countLines({ counts }: Published['manifest']): string[] {
  return Object.entries(counts).map(
    ([name, byCommand]) =>
      `${name}: ${Object.entries(byCommand)
        .map(([command, count]) => `${command} ${count}`)
        .join(', ')}`,
  );
}

/** What would have changed, why it did not, and what to do. */
function sayStopped({ terminal, connection }: CommandContext, outcome: Stopped): void {
  terminal.say('Stopped: more would change than the thresholds allow. Nothing was replaced.');
  for (const breach of outcome.breaches) terminal.say(`  ${breach}`);
  for (const line of countLines(outcome.manifest)) terminal.say(`  would be written: ${line}`);
  terminal.say(`  what was read is kept for 24 hours: ${outcome.folder} (run ${outcome.manifest.runId})`);
  terminal.say(
    `  what to do: look at the files there; if they are right, with the same settings: exchange-connector export --connection ${connection.id} --release`,
  );
}

async function runExportCommand(options: ExportOptions, context: CommandContext): Promise<ExitCode> {
  const { runExport } = await import('@exchange-connector/agent');
  const output = options.output === undefined ? {} : { outputFolder: resolve(options.output) };
  const { complete, release, reconnect } = options;
  const patience = reconnect === undefined ? {} : { reconnectForMs: Number(reconnect) * 1000 };
  const outcome = await runExport({ ...requestOf(options, context), complete, release, ...output, ...patience });
  const { terminal } = context;
  terminal.draw('');
  switch (outcome.kind) {
    case 'failed':
      sayFailure(terminal, outcome.failure);
      return outcome.exitCode;
    case 'cancelled':
      return sayCancelled(terminal);
    case 'stopped':
      if (options.json) terminal.resultJson(outcome.manifest);
      sayStopped(context, outcome);
      return outcome.exitCode;
    case 'partial':
    case 'done':
      if (options.json) terminal.resultJson(outcome.manifest);
      else sayPublished(context, outcome);
      // The errors themselves were said as they came.
      if (outcome.kind === 'partial')
        terminal.say(
          `The export is incomplete: ${outcome.errors.length} error(s) came while it was read; the manifest names them among its warnings.`,
        );
      return outcome.exitCode;
  }
}

const longestReconnect = 86_400;

/** What is wrong with the options of `export`, beyond their form. */
async function findFaults({ output, reconnect }: ExportOptions): Promise<string[]> {
  const faults: string[] = [];
  if (reconnect !== undefined && !(/^\d{1,5}$/.test(reconnect) && Number(reconnect) <= longestReconnect))
    faults.push(`--reconnect: found ${reconnect}; allowed is a whole number of seconds from 0 to ${longestReconnect}`);
  const { findFileInTheWay } = await import('@exchange-connector/config');
  const inTheWay = output === undefined ? undefined : findFileInTheWay(resolve(output));
  if (inTheWay !== undefined)
    faults.push(`--output: found ${output}, where ${inTheWay} is a file; allowed is the path of a folder`);
  return faults;
}

export const exportCommand: CommandDescription = {
  words: ['export'],
  usage: '[options]',
  summary:
    'Writes <connection>_mailboxes.csv, <connection>_databases.csv and <connection>_manifest.json into <TempFolderPath>/ExportOutput: what changed since the last export, or everything where there was none. Each file is replaced whole, and only when the run was good.',
  options: [
    { flags: '--complete', description: 'read the whole directory, whatever the last export was' },
    { flags: '--ignore-cookies', description: 'the same as --complete' },
    {
      flags: '--release',
      description:
        'publish exactly what a threshold stopped, where it would have been published or in --output, if it is younger than 24 hours; else read again, and let it pass. With --complete a stopped increment is read again as a complete export. With other settings it is refused',
    },
    {
      flags: '--output <dir>',
      description:
        'folder for the files in place of ExportOutput; a relative path starts at the current folder (default: <TempFolderPath>/ExportOutput)',
    },
    {
      flags: '--reconnect <seconds>',
      description: 'how long a server that went away is tried again before the run fails (default: 300)',
    },
  ],
  examples: [
    [
      'Export one of several connections, with ten minutes at most:',
      'exchange-connector export --connection MicrosoftExchangeExport --timeout 600',
    ],
    [
      'Export for a script, which gets the manifest as one line of JSON:',
      'exchange-connector export --json --output /srv/exchange > manifest.json',
    ],
  ],
  prepare(given, common) {
    const options = {
      ...common,
      complete: given.isSet('complete') || given.isSet('ignore-cookies'),
      release: given.isSet('release'),
      output: given.text('output'),
      reconnect: given.text('reconnect'),
    };
    return {
      needs: 'connection',
      findFaults: () => findFaults(options),
      run: (context) => runExportCommand(options, context),
    };
  },
};
