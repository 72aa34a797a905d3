import { resolve } from 'node:path';
import type { FulfillOutcome, FulfillSummary } from '@exchange-connector/agent';
import type { CommonOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { type CommandContext, type CommandDescription, requestOf, sayCancelled, sayFailure } from './command.ts';

interface FulfillOptions extends CommonOptions {
  readonly orders: string | undefined;
  readonly results: string | undefined;
  /** Options of plans, as they are spelled: known, and not offered without the native engine. */
  readonly ofPlans: readonly string[];
}

/** What is wrong with the options, beyond their form. */
function findFaults({ orders, results, ofPlans }: FulfillOptions): readonly string[] {
  const [first] = ofPlans;
  if (first !== undefined)
    return [
      `${first}: plans need the native engine, which this version does not have yet; leave it out to carry out the orders with the connection's script`,
    ];
  const faults: string[] = [];
  if (orders === undefined) faults.push('--orders is missing: the folder of the JSON files of orders');
  if (results === undefined) faults.push('--results is missing: the CSV file that tells what became of each order');
  return faults;
}

function saySummary(terminal: Terminal, summary: FulfillSummary): void {
  terminal.result(summary.results);
  terminal.result(`orders: Executed ${summary.executed}, Errored ${summary.errored}`);
  const seconds = (Date.parse(summary.end) - Date.parse(summary.start)) / 1000;
  terminal.result(`duration: ${seconds.toFixed(1)} s`);
}

function sayEnd(terminal: Terminal, outcome: FulfillOutcome): ExitCode {
  switch (outcome.kind) {
    case 'failed':
      sayFailure(terminal, outcome.failure);
      return outcome.exitCode;
    case 'cancelled':
      return sayCancelled(terminal);
    case 'partial': {
      const { errored, setAside } = outcome.summary;
      if (errored > 0) terminal.say(`${errored} of ${outcome.summary.orders} orders errored: the results say why.`);
      if (setAside.length > 0)
        terminal.say(`${setAside.length} were set aside: no result is written for what they hold.`);
      return outcome.exitCode;
    }
    case 'done':
      return outcome.exitCode;
  }
}

async function runFulfillCommand(options: FulfillOptions, context: CommandContext): Promise<ExitCode> {
  const { runFulfill } = await import('@exchange-connector/agent');
  const { terminal } = context;
  const outcome = await runFulfill({
    ...requestOf(options, context),
    ordersFolder: resolve(options.orders ?? ''),
    resultsFile: resolve(options.results ?? ''),
  });
  terminal.draw('');
  if (outcome.summary !== undefined) {
    if (options.json) terminal.resultJson(outcome.summary);
    else saySummary(terminal, outcome.summary);
  }
  return sayEnd(terminal, outcome);
}

export const fulfillCommand: CommandDescription = {
  words: ['fulfill'],
  usage: '--orders <dir> --results <file> [options]',
  summary:
    'Carries out provisioning orders with the fulfilment script of the connection, one at a time, each at most once, and writes what became of each: AssignmentId, ProvisioningState (Executed or Errored), Message, ChangeType, OwnerId, OwnerType.',
  options: [
    { flags: '--orders <dir>', description: 'folder of the JSON files of orders' },
    { flags: '--results <file>', description: 'CSV file of results, one row for each order; replaced whole' },
    { flags: '--plan', description: '', hidden: true },
    { flags: '--plan-file <file>', description: '', hidden: true },
    { flags: '--apply <file>', description: '', hidden: true },
  ],
  examples: [
    ['Carry out the orders of a folder:', 'exchange-connector fulfill --orders ./orders --results ./results.csv'],
    [
      'The same for a script, with an hour at most; the counts come as one line of JSON:',
      'exchange-connector fulfill --orders ./orders --results ./results.csv --timeout 3600 --json',
    ],
  ],
  prepare(given, common) {
    const ofPlans = [
      given.isSet('plan') ? '--plan' : '',
      given.text('plan-file') === undefined ? '' : '--plan-file',
      given.text('apply') === undefined ? '' : '--apply',
    ].filter((name) => name !== '');
    const options = { ...common, orders: given.text('orders'), results: given.text('results'), ofPlans };
    return {
      needs: 'connection',
      uses: 'fulfillment',
      findFaults: () => findFaults(options),
      run: (context) => runFulfillCommand(options, context),
    };
  },
};
