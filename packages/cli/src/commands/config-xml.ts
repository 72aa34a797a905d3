/* `config xml`: what the identity-governance product is to import for one connection. */
import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { chooseConnection, formatRemark, sayRefusal, sayStoreFailure } from '../settings-choice.ts';
import type { BareContext, CommandDescription } from './command.ts';
import { sayCancelled } from './command.ts';

async function runXml(options: CommonOptions, context: BareContext): Promise<ExitCode> {
  const { openSettings } = await import('@exchange-connector/agent');
  const { terminal, environment, signal } = context;
  // No password is needed to describe a connection, so none is missed.
  const opened = await openSettings({ settingsFolder: options.settings, environment, signal, password: 'none' });
  if (signal.aborted) return sayCancelled(terminal);
  if (opened.kind === 'refused') {
    const messages = opened.remarks.filter(({ severity }) => severity === 'error').map(formatRemark);
    return opened.storeFailed ? sayStoreFailure(terminal, messages) : sayRefusal(terminal, messages);
  }
  const connection = chooseConnection(opened.settings, options.connection);
  if (typeof connection === 'string') return sayRefusal(terminal, [connection]);
  const { generateConfiguration, readKnownDatabases } = await import('@exchange-connector/config');
  const { databases, remark } = readKnownDatabases(opened.settings.folders.temp, connection.id);
  if (remark !== undefined) terminal.say(`warning: ${remark}`);
  const xml = generateConfiguration({ connection, databases });
  if (options.json) terminal.resultJson({ connection: connection.id, xml });
  else for (const line of xml.trimEnd().split('\n')) terminal.result(line);
  return exitCode.done;
}

export const configXmlCommand: CommandDescription = {
  words: ['config', 'xml'],
  usage: '[options]',
  summary:
    'Prints the XML configuration of the identity-governance product for one connection, ready to import: connector, connection, entity types, mappings, association, resource type, jobs. After an export it has a role for each database.',
  examples: [
    [
      'Write it beside the product’s other configuration:',
      'exchange-connector config xml > "Conf/MicrosoftExchange/MicrosoftExchange Connector.xml"',
    ],
    ['That of one of several connections:', 'exchange-connector config xml --connection MicrosoftExchangeExport'],
  ],
  prepare: (_given, common) => ({ needs: 'nothing', run: (context) => runXml(common, context) }),
};
