import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import type { CommandContext, CommandDescription, GroupDescription } from './command.ts';

async function runVerify(
  options: CommonOptions,
  { terminal, settings, connection }: CommandContext,
): Promise<ExitCode> {
  const { verifyAuditOf } = await import('@exchange-connector/agent');
  const verdict = verifyAuditOf(settings.folders, connection);
  if (options.json) terminal.resultJson({ connection: connection.id, ...verdict });
  if (verdict.kind === 'broken') {
    const place = verdict.line === undefined ? verdict.file : `${verdict.file}:${verdict.line}`;
    terminal.say(`error: the audit of ${connection.id} is broken: ${place}: ${verdict.reason}`);
    return exitCode.failed;
  }
  if (!options.json) {
    terminal.result(`audit of ${connection.id}: intact; lines: ${verdict.lines}, runs: ${verdict.runs}`);
    terminal.result(`last hash: ${verdict.hash}`);
  }
  if (verdict.behindHead > 0)
    terminal.say(
      `A run died before its head knew of the last ${verdict.behindHead} lines; they follow rightly on those before.`,
    );
  if (verdict.torn) terminal.say('The last line was cut short by a death; the run that finishes it writes it anew.');
  return exitCode.done;
}

export const auditGroup: GroupDescription = {
  word: 'audit',
  summary: 'What fulfilment changed, line by line, in <WorkFolderPath>/Fulfill/<run>/audit.jsonl.',
  examples: [
    ['Verify the audit of the only connection:', 'exchange-connector audit verify'],
    ['The same for a script:', 'exchange-connector audit verify --connection MicrosoftExchange --json'],
  ],
};

export const auditVerifyCommand: CommandDescription = {
  words: ['audit', 'verify'],
  usage: '[options]',
  summary:
    'Follows the chain of hashes from the first change of the connection to the last, holds it against its head and against the journals, and names the first line that is not as it was written. Exit 0: intact; 1: broken.',
  examples: [
    ['Verify the audit of the only connection:', 'exchange-connector audit verify'],
    ['The same for a script:', 'exchange-connector audit verify --connection MicrosoftExchange --json'],
  ],
  prepare(_given, common) {
    return { needs: 'connection', run: (context) => runVerify(common, context) };
  },
};
