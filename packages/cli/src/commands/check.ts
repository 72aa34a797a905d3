import type { CheckStep } from '@exchange-connector/agent';
import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { type CommandContext, requestOf, sayCancelled } from './run-parts.ts';

const stateWords: Record<CheckStep['state'], string> = {
  passed: 'ok',
  warned: 'WARNING',
  failed: 'FAILED',
  'not-applicable': '-',
  'not-reached': 'not reached',
};

function sayStep(terminal: Terminal, step: CheckStep): void {
  terminal.result(`${step.name.padEnd(14)} ${stateWords[step.state].padEnd(11)} ${step.detail}`);
  if (step.mend !== undefined) terminal.result(`${' '.repeat(27)}what to do: ${step.mend}`);
}

function showStep(terminal: Terminal, json: boolean, step: CheckStep): void {
  if (json) terminal.resultJson({ ...step, mend: step.mend ?? null });
  else sayStep(terminal, step);
}

/** The first step where the settings themselves are wrong: each fault is a line of its own. */
export function sayRefusedSettings(
  terminal: Terminal,
  json: boolean,
  messages: readonly string[],
): typeof exitCode.usage {
  const detail = messages.join('; ');
  if (json)
    showStep(terminal, json, { name: 'settings', state: 'failed', detail, mend: 'mend what is named', durationMs: 0 });
  else for (const message of messages) terminal.result(`settings       FAILED      ${message}`);
  return exitCode.usage;
}

/** Runs `check`: each step is shown as it ends. */
export async function runCheckCommand(options: CommonOptions, context: CommandContext): Promise<ExitCode> {
  const { runCheck } = await import('@exchange-connector/agent');
  const { terminal } = context;
  const outcome = await runCheck({
    ...requestOf(options, context),
    onStep: (step) => showStep(terminal, options.json, step),
  });
  terminal.draw('');
  return outcome.kind === 'cancelled' ? sayCancelled(terminal) : outcome.exitCode;
}
