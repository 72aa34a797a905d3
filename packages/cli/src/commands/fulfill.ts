import { resolve } from 'node:path';
import type { FulfillOutcome, FulfillSummary } from '@exchange-connector/agent';
import type { FulfillOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { type CommandContext, requestOf, sayCancelled, sayFailure } from './run-parts.ts';

/** What is wrong with the options of `fulfill`, beyond their form. */
export function findFulfillFaults({ orders, results, ofPlans }: FulfillOptions): readonly string[] {
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

/** Runs `fulfill`. */
export async function runFulfillCommand(options: FulfillOptions, context: CommandContext): Promise<ExitCode> {
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
