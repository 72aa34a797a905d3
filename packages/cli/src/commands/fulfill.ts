import { resolve } from 'node:path';
import type { CommonOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import { type CommandContext, type CommandDescription, requestOf } from './command.ts';
import { retiredOption, tellOutcome, tellPlan } from './fulfill-parts.ts';

interface FulfillOptions extends CommonOptions {
  readonly orders: string | undefined;
  readonly results: string | undefined;
  readonly plan: boolean;
  readonly planFile: string | undefined;
  readonly apply: string | undefined;
  readonly whatIf: boolean;
  readonly release: boolean;
  readonly retired: readonly string[];
}

const noOrders = '--orders is missing: the folder of the JSON files of orders';
const noResults = '--results is missing: the CSV file that tells what became of each order';

/** What is wrong with the options, beyond their form. */
function findFaults(options: FulfillOptions): readonly string[] {
  const { orders, results, plan, planFile, apply, whatIf, release, retired } = options;
  const faults: string[] = [];
  if (plan && retired.length > 0)
    faults.push('--retired-dc: a plan finishes no run that died; say it when the orders are carried out');
  if (apply !== undefined) {
    if (plan) faults.push('--plan and --apply: a plan is made, or it is carried out; leave one of them out');
    if (planFile !== undefined) faults.push('--plan-file goes with --plan; with --apply the plan is there already');
    if (orders !== undefined) faults.push('--orders: the plan that --apply names holds its orders; leave it out');
    if (whatIf) faults.push('--what-if goes with --plan: it changes nothing');
    if (release)
      faults.push('--release: a plan that is applied was seen by a person, and passes the thresholds anyway');
    if (results === undefined) faults.push(noResults);
    return faults;
  }
  if (orders === undefined) faults.push(noOrders);
  if (plan) {
    if (results !== undefined) faults.push('--results: a plan changes nothing, so there are none; leave it out');
    if (release) faults.push('--release: a plan changes nothing; say it when the orders are carried out');
    return faults;
  }
  if (results === undefined) faults.push(noResults);
  if (planFile !== undefined) faults.push('--plan-file goes with --plan, which changes nothing');
  if (whatIf) faults.push('--what-if goes with --plan: it changes nothing');
  return faults;
}

async function runFulfillCommand(options: FulfillOptions, context: CommandContext): Promise<ExitCode> {
  const { runApply, runFulfill, runPlan } = await import('@exchange-connector/agent');
  const { terminal } = context;
  const request = requestOf(options, context);
  const resultsFile = resolve(options.results ?? '');
  if (options.apply !== undefined) {
    const outcome = await runApply({
      ...request,
      planFile: resolve(options.apply),
      resultsFile,
      retiredDomainControllers: options.retired,
    });
    return tellOutcome(terminal, options, outcome);
  }
  const ordersFolder = resolve(options.orders ?? '');
  if (options.plan) {
    const planFile = options.planFile === undefined ? undefined : resolve(options.planFile);
    return tellPlan(terminal, options, await runPlan({ ...request, ordersFolder, planFile, whatIf: options.whatIf }));
  }
  const outcome = await runFulfill({
    ...request,
    ordersFolder,
    resultsFile,
    release: options.release,
    retiredDomainControllers: options.retired,
  });
  return tellOutcome(terminal, options, outcome);
}

export const fulfillCommand: CommandDescription = {
  words: ['fulfill'],
  usage:
    '--orders <dir> --results <file> | --orders <dir> --plan [--plan-file <file>] | --apply <file> --results <file>',
  summary:
    'Carries out provisioning orders: natively, or with the fulfilment script of the connection. Writes what became of each: AssignmentId, ProvisioningState (Executed or Errored), Message, ChangeType, OwnerId, OwnerType. The native engine can say beforehand what it would do (--plan), and carry out exactly that (--apply). A run that died is finished first.',
  options: [
    { flags: '--orders <dir>', description: 'folder of the JSON files of orders' },
    { flags: '--results <file>', description: 'CSV file of results, one row for each order; replaced whole' },
    {
      flags: '--plan',
      description: 'read the live state and show fields before and after, cmdlets and conflicts; change nothing',
    },
    { flags: '--plan-file <file>', description: 'with --plan: keep the plan in this file too (default: not kept)' },
    {
      flags: '--apply <file>',
      description: 'carry out the plan in this file and nothing else; refuse what moved since',
    },
    {
      flags: '--what-if',
      description: 'with --plan: send each cmdlet with -WhatIf too, and show what the server objects to',
    },
    retiredOption,
    { flags: '--release', description: 'let the batch pass the thresholds (MaximumDeletedLines and the like)' },
  ],
  examples: [
    ['Carry out the orders of a folder:', 'exchange-connector fulfill --orders ./orders --results ./results.csv'],
    [
      'See first what they would do, then do exactly that:',
      'exchange-connector fulfill --orders ./orders --plan --plan-file ./plan.json && exchange-connector fulfill --apply ./plan.json --results ./results.csv',
    ],
  ],
  prepare(given, common) {
    const options: FulfillOptions = {
      ...common,
      orders: given.text('orders'),
      results: given.text('results'),
      plan: given.isSet('plan'),
      planFile: given.text('plan-file'),
      apply: given.text('apply'),
      whatIf: given.isSet('what-if'),
      release: given.isSet('release'),
      retired: given.texts('retired-dc'),
    };
    return {
      needs: 'connection',
      findFaults: () => findFaults(options),
      run: (context) => runFulfillCommand(options, context),
    };
  },
};
