import { resolve } from 'node:path';
import type { ExportOutcome } from '@exchange-connector/agent';
import type { CommonOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import { formatSeconds } from '../progress-line.ts';
import { type CommandContext, type CommandDescription, requestOf, sayCancelled, sayFailure } from './command.ts';

interface ExportOptions extends CommonOptions {
  readonly release: boolean;
  readonly output: string | undefined;
}

type Published = Extract<ExportOutcome, { kind: 'done' | 'partial' }>;

/** The files, one a line, the counts by command, how long it took. */
function sayPublished({ terminal }: CommandContext, outcome: Published): void {
  terminal.draw('');
  for (const file of outcome.files) terminal.result(file);
  for (const [name, counts] of Object.entries(outcome.manifest.counts)) {
    const byCommand = Object.entries(counts).map(([command, count]) => `${command} ${count}`);
    terminal.result(`${name}: ${byCommand.join(', ')}`);
  }
  const seconds = outcome.durationMs / 1000;
  terminal.result(`duration: ${seconds < 60 ? `${seconds.toFixed(1)} s` : formatSeconds(seconds)}`);
}

async function runExportCommand(options: ExportOptions, context: CommandContext): Promise<ExitCode> {
  const { runExport } = await import('@exchange-connector/agent');
  const output = options.output === undefined ? {} : { outputFolder: resolve(options.output) };
  const outcome = await runExport({ ...requestOf(options, context), ...output });
  const { terminal } = context;
  terminal.draw('');
  switch (outcome.kind) {
    case 'failed':
      sayFailure(terminal, outcome.failure);
      return outcome.exitCode;
    case 'cancelled':
      return sayCancelled(terminal);
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

/** What is wrong with the options of `export`, beyond their form. */
async function findFaults({ release, output }: ExportOptions): Promise<string[]> {
  const faults: string[] = [];
  if (release)
    faults.push(
      '--release: no run was stopped by a threshold, so nothing is kept back that could be published; leave it out to export',
    );
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
    'Writes <connection>_mailboxes.csv, <connection>_databases.csv and <connection>_manifest.json into <TempFolderPath>/ExportOutput. Each file is replaced whole, and only when the run was good.',
  options: [
    { flags: '--complete', description: 'read the whole directory (every run of this version does)' },
    { flags: '--ignore-cookies', description: 'the same as --complete' },
    { flags: '--release', description: 'publish what a threshold kept back' },
    {
      flags: '--output <dir>',
      description:
        'folder for the files in place of ExportOutput; a relative path starts at the current folder (default: <TempFolderPath>/ExportOutput)',
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
    const options = { ...common, release: given.isSet('release'), output: given.text('output') };
    return {
      needs: 'connection',
      uses: 'export',
      findFaults: () => findFaults(options),
      run: (context) => runExportCommand(options, context),
    };
  },
};
