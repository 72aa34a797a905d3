import { resolve } from 'node:path';
import type { CommonOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import { type CommandContext, type CommandDescription, requestOf } from './command.ts';
import { retiredOption, tellOutcome, tellPlan } from './fulfill-parts.ts';

interface UndoOptions extends CommonOptions {
  readonly run: string;
  readonly order: string | undefined;
  readonly results: string | undefined;
  readonly plan: boolean;
  readonly retired: readonly string[];
}

async function runUndoCommand(options: UndoOptions, context: CommandContext): Promise<ExitCode> {
  const { planUndo, runUndo } = await import('@exchange-connector/agent');
  const request = {
    ...requestOf(options, context),
    undoneRun: options.run,
    order: options.order,
    resultsFile: options.results === undefined ? undefined : resolve(options.results),
    retiredDomainControllers: options.retired,
  };
  if (options.plan) return tellPlan(context.terminal, options, await planUndo(request));
  return tellOutcome(context.terminal, options, await runUndo(request));
}

export const undoCommand: CommandDescription = {
  words: ['undo'],
  usage: '<run> [--order <id>] [options]',
  summary:
    'Takes back what a fulfilment did: each step by its inverse, the last one first. What was changed by another hand since is refused, not overwritten. An undo is a run like any other, and can be undone. A run that died is given up: what it had not begun is not done any more.',
  operands: [{ flags: '<run>', description: 'id of the run, as fulfill printed it' }],
  options: [
    { flags: '--order <id>', description: 'take back this order only: its AssignedResourceTypeId (default: all)' },
    { flags: '--results <file>', description: 'CSV file of results, one row for each order (default: none)' },
    retiredOption,
    { flags: '--plan', description: 'show what would be taken back; change nothing' },
  ],
  examples: [
    ['See what taking back a run would do:', 'exchange-connector undo 5b0a4f3e-8a0c-4b57-9d0e-6a1f2f6f3c11 --plan'],
    ['Take back one of its orders:', 'exchange-connector undo 5b0a4f3e-8a0c-4b57-9d0e-6a1f2f6f3c11 --order 3930001'],
  ],
  prepare(given, common) {
    const options: UndoOptions = {
      ...common,
      run: given.text('run') ?? '',
      order: given.text('order'),
      results: given.text('results'),
      plan: given.isSet('plan'),
      retired: given.texts('retired-dc'),
    };
    const faults =
      options.plan && options.results !== undefined
        ? ['--results: a plan changes nothing, so there are none; leave it out']
        : [];
    return {
      needs: 'connection',
      findFaults: () => faults,
      run: (context) => runUndoCommand(options, context),
    };
  },
};
