import { resolve } from 'node:path';
import type { ExportOutcome } from '@exchange-connector/agent';
import type { ExportOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import { formatSeconds } from '../progress-line.ts';
import { type CommandContext, requestOf, sayCancelled, sayFailure } from './run-parts.ts';

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

/** Runs `export`. */
export async function runExportCommand(options: ExportOptions, context: CommandContext): Promise<ExitCode> {
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
