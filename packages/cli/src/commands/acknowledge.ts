import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { type CommandContext, type CommandDescription, sayFailure } from './command.ts';

async function runAcknowledgeCommand(
  options: CommonOptions & { readonly cookie: string | undefined },
  { terminal, settings, connection, environment }: CommandContext,
): Promise<ExitCode> {
  const { runAcknowledge } = await import('@exchange-connector/agent');
  const encryption = { certificate: settings.encryptionCertificate, environment };
  const { folders } = settings;
  const outcome = await runAcknowledge({ connection, folders, cookie: options.cookie, encryption });
  if (outcome.kind === 'failed') {
    sayFailure(terminal, outcome.failure);
    return outcome.exitCode;
  }
  const { cookie, time, isAwaited } = outcome;
  if (options.json) terminal.resultJson({ connection: connection.id, cookie, time });
  else terminal.result(`acknowledged: ${cookie}, the export of ${time}`);
  if (!isAwaited)
    terminal.say(
      `The connection ${connection.id} has no RequireAcknowledge: its increments start at its last export, whatever is acknowledged.`,
    );
  return exitCode.done;
}

export const acknowledgeCommand: CommandDescription = {
  words: ['acknowledge'],
  usage: '[options] [cookie]',
  summary:
    'Takes note that an increment was loaded. With RequireAcknowledge, the next increment starts at the last cookie acknowledged, so that one that nobody loaded is not lost.',
  operands: [{ flags: '[cookie]', description: 'cookieOut of the manifest that was loaded (default: the last one)' }],
  examples: [
    ['After the files of the last export were loaded:', 'exchange-connector acknowledge'],
    [
      'After those of an earlier one were:',
      'exchange-connector acknowledge --connection MicrosoftExchangeExport 5f0c6e0a-3f1e-4d1b-9c7e-2f6d8a1b4c3d',
    ],
  ],
  prepare(given, common) {
    const options = { ...common, cookie: given.text('cookie') };
    return { needs: 'connection', run: (context) => runAcknowledgeCommand(options, context) };
  },
};
