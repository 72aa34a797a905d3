import type { ColumnAvailability, Discovery } from '@exchange-connector/agent';
import type { CommonOptions } from '../command-options.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import { type CommandContext, type CommandDescription, requestOf, sayCancelled, sayFailure } from './command.ts';

const grouped = new Intl.NumberFormat('en-US');

function count(mailboxes: number | undefined): string {
  return mailboxes === undefined ? 'not counted' : `${grouped.format(mailboxes)} mailboxes`;
}

/** What stands before the further lines of a list. */
const indent = '    ';

/** `title: a, b, c` over as many lines as the names need; a name that is longer than a line has one of its own. */
export function wrapNames(title: string, names: readonly string[], width: number): string[] {
  const lines: string[] = [];
  let line = title;
  for (const [index, name] of names.entries()) {
    const word = index === names.length - 1 ? name : `${name},`;
    const isFull = line.length + 1 + word.length > width && line !== title;
    if (isFull) lines.push(line);
    line = isFull ? `${indent}${word}` : `${line} ${word}`;
  }
  return [...lines, line];
}

/** `AdditionalColumns` are columns of mailboxes: for databases, further properties are of no use to a person. */
function sayColumns(terminal: Terminal, of: 'mailboxes' | 'databases', columns: ColumnAvailability): void {
  if (!columns.known) {
    terminal.result(`columns of ${of}: not known, as none is in view`);
    return;
  }
  terminal.result(`columns of ${of}: ${columns.available.length} available, ${columns.missing.length} missing`);
  const sayNames = (title: string, names: readonly string[]): void => {
    if (names.length === 0) return;
    for (const line of wrapNames(title, names, terminal.resultWidth)) terminal.result(line);
  };
  sayNames('  missing:', columns.missing);
  if (of === 'mailboxes') sayNames('  further properties, for AdditionalColumns:', columns.other);
}

function sayDiscovery(terminal: Terminal, found: Discovery): void {
  terminal.result(`server: ${found.server} (PowerShell remoting protocol ${found.protocolVersion})`);
  for (const server of found.servers) terminal.result(`  ${server.name}: ${server.version}, ${server.roles}`);
  terminal.result(`whole forest in view: ${found.forestView ? 'yes' : 'no'}`);
  terminal.result(`the server can send chosen properties only (Select-Object): ${found.selectObject ? 'yes' : 'no'}`);
  sayColumns(terminal, 'mailboxes', found.mailboxColumns);
  sayColumns(terminal, 'databases', found.databaseColumns);
  terminal.result(`databases: ${found.databases.length}, with ${count(found.mailboxes)}`);
  for (const database of found.databases)
    terminal.result(
      `  ${database.name} on ${database.server}: ${count(database.mailboxes)}${database.mounted === '' ? '' : `, mounted: ${database.mounted}`}`,
    );
}

async function runDiscoverCommand(options: CommonOptions, context: CommandContext): Promise<ExitCode> {
  const { runDiscover } = await import('@exchange-connector/agent');
  const outcome = await runDiscover(requestOf(options, context));
  const { terminal } = context;
  terminal.draw('');
  switch (outcome.kind) {
    case 'failed':
      sayFailure(terminal, outcome.failure);
      return outcome.exitCode;
    case 'cancelled':
      return sayCancelled(terminal);
    case 'done':
      if (options.json) terminal.resultJson(outcome.discovery);
      else sayDiscovery(terminal, outcome.discovery);
      return outcome.exitCode;
  }
}

export const discoverCommand: CommandDescription = {
  words: ['discover'],
  usage: '[options]',
  summary:
    'Says what the server offers: its version, the columns it can fill and those it cannot, the databases with their numbers of mailboxes.',
  examples: [
    ['See what there is to export:', 'exchange-connector discover --connection MicrosoftExchangeExport'],
    ['The same for a script:', 'exchange-connector discover --json | jq .databases'],
  ],
  prepare: (_given, common) => ({ needs: 'connection', run: (context) => runDiscoverCommand(common, context) }),
};
