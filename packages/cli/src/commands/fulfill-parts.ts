/* What fulfilling, planning and undoing tell alike. */
import type { FulfillOutcome, FulfillSummary, PlanOutcome, PlanSummary } from '@exchange-connector/agent';
import type { CommonOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { type OptionDescription, sayCancelled, sayFailure } from './command.ts';

/** A word of who knows, for a run that died on what is there no more. */
export const retiredOption: OptionDescription = {
  flags: '--retired-dc <names...>',
  description:
    'domain controllers that are gone for good: a run that died on one is finished on others (default: it waits)',
};

function saySummary(terminal: Terminal, summary: FulfillSummary): void {
  if (summary.results !== null) terminal.result(summary.results);
  terminal.result(`orders: Executed ${summary.executed}, Errored ${summary.errored}`);
  // The name that undo takes.
  if (summary.engine === 'native') terminal.result(`run: ${summary.runId}`);
  const seconds = (Date.parse(summary.end) - Date.parse(summary.start)) / 1000;
  terminal.result(`duration: ${seconds.toFixed(1)} s`);
}

/** Tells what became of orders. */
export function tellOutcome(terminal: Terminal, options: CommonOptions, outcome: FulfillOutcome): ExitCode {
  terminal.draw('');
  if (outcome.summary !== undefined) {
    if (options.json) terminal.resultJson(outcome.summary);
    else saySummary(terminal, outcome.summary);
  }
  switch (outcome.kind) {
    case 'failed':
      sayFailure(terminal, outcome.failure);
      return outcome.exitCode;
    case 'cancelled':
      return sayCancelled(terminal);
    case 'partial': {
      const { errored, setAside, results } = outcome.summary;
      const where = results === null ? 'its journal says why' : 'the results say why';
      if (errored > 0) terminal.say(`${errored} of ${outcome.summary.orders} orders errored: ${where}.`);
      if (setAside.length > 0)
        terminal.say(`Set aside: ${setAside.length}. No result is written for what stands in them.`);
      return outcome.exitCode;
    }
    case 'done':
      return outcome.exitCode;
  }
}

function sayPlan(terminal: Terminal, summary: PlanSummary): void {
  terminal.result(summary.text.trimEnd());
  terminal.result(`domain controller: ${summary.plan.domainController ?? 'the server chooses'}`);
  for (const { step, reason } of summary.objections) terminal.result(`the server objects to step ${step}: ${reason}`);
  if (summary.planFile !== null) terminal.result(summary.planFile);
}

/** Shows a plan. */
export function tellPlan(terminal: Terminal, options: CommonOptions, outcome: PlanOutcome): ExitCode {
  terminal.draw('');
  switch (outcome.kind) {
    case 'failed':
      sayFailure(terminal, outcome.failure);
      return outcome.exitCode;
    case 'cancelled':
      return sayCancelled(terminal);
    case 'done': {
      const { summary } = outcome;
      if (options.json) terminal.resultJson({ ...summary, text: undefined });
      else sayPlan(terminal, summary);
      for (const { message } of summary.plan.exceeded)
        terminal.say(`This is stopped until a person releases it (--release, or --apply of the plan): ${message}`);
      return outcome.exitCode;
    }
  }
}
