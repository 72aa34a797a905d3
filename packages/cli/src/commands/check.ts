import type { CheckStep } from '@exchange-connector/agent';
import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { type CommandContext, type CommandDescription, requestOf, sayCancelled } from './command.ts';

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
function sayRefusedSettings(terminal: Terminal, json: boolean, messages: readonly string[]): typeof exitCode.usage {
  const detail = messages.join('; ');
  if (json)
    showStep(terminal, json, { name: 'settings', state: 'failed', detail, mend: 'mend what is named', durationMs: 0 });
  else for (const message of messages) terminal.result(`settings       FAILED      ${message}`);
  return exitCode.usage;
}

/** Each step is shown as it ends. */
async function runCheckCommand(options: CommonOptions, context: CommandContext): Promise<ExitCode> {
  const { runCheck } = await import('@exchange-connector/agent');
  const { terminal } = context;
  const outcome = await runCheck({
    ...requestOf(options, context),
    onStep: (step) => showStep(terminal, options.json, step),
  });
  terminal.draw('');
  return outcome.kind === 'cancelled' ? sayCancelled(terminal) : outcome.exitCode;
}

export const checkCommand: CommandDescription = {
  words: ['check'],
  usage: '[options]',
  summary:
    'Connects and says, step by step, what works: settings, name, port, TLS, authentication, session, cmdlets and parameters that the account may use, one mailbox, one database. A step that fails names its cause and the mend.',
  examples: [
    ['Check the only connection of the current folder’s settings:', 'exchange-connector check'],
    [
      'Check with a password that is piped in, the steps as JSON lines:',
      'exchange-connector check --json --password-stdin < password.txt',
    ],
  ],
  prepare: (_given, common) => ({
    needs: 'connection',
    // The steps say what the log would.
    logLevel: 'Fatal',
    sayRefusal: (terminal, messages) => sayRefusedSettings(terminal, common.json, messages),
    run: (context) => runCheckCommand(common, context),
  }),
};
