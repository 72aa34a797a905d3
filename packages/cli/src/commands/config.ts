/* `config`: what the settings are, where each value comes from, what is wrong with them. */
import type { OpenedSettings, SettingRemark, ShownSource, ShownValue } from '@exchange-connector/config';
import type { CommonOptions } from '../command-options.ts';
import { type ExitCode, exitCode } from '../exit-code.ts';
import { formatRemark, openAllSettings } from '../settings-choice.ts';
import type { Terminal } from '../terminal.ts';
import type { BareContext, CommandDescription, GroupDescription } from './command.ts';
import { sayCancelled } from './command.ts';

export const configGroup: GroupDescription = {
  word: 'config',
  summary: 'Shows, checks and describes the settings. No secret is ever printed.',
  examples: [
    ['See every value and where it comes from:', 'exchange-connector config show'],
    ['Fail a build where settings are wrong:', 'exchange-connector config check --settings /etc/exchange-connector'],
  ],
};

type Opened = OpenedSettings | 'cancelled' | { readonly kind: 'unusable'; readonly reason: string };

/** Opens the settings without asking anyone for a password. */
async function open(options: CommonOptions, context: BareContext): Promise<Opened> {
  const opened = await openAllSettings(options, context, false);
  return opened.kind === 'cancelled' || context.signal.aborted ? 'cancelled' : opened;
}

function exitOf(opened: OpenedSettings): ExitCode {
  if (opened.kind === 'loaded') return exitCode.done;
  return opened.storeFailed ? exitCode.noSession : exitCode.usage;
}

function sourceText({ source, name, line, column }: ShownSource): string {
  if (name !== undefined || line === undefined) return source;
  return `${source}:${line}:${column}`;
}

function valueText(value: ShownValue['value']): string {
  if (value === undefined) return '[not shown]';
  return typeof value === 'string' ? value : JSON.stringify(value);
}

function sourceJson({ kind, source, name, line, column }: ShownSource): object {
  return { kind, source, name: name ?? null, line: line ?? null, column: column ?? null };
}

function showValues(terminal: Terminal, values: readonly ShownValue[], json: boolean): void {
  if (json) {
    for (const { path, value, source, hidden } of values)
      terminal.resultJson({
        path,
        value: value ?? null,
        shown: value !== undefined,
        source: sourceJson(source),
        overrides: hidden.map(sourceJson),
      });
    return;
  }
  const width = Math.min(60, Math.max(0, ...values.map(({ path }) => path.length)));
  for (const { path, value, source, hidden } of values) {
    const over = hidden.length === 0 ? '' : `, over ${hidden.map(sourceText).join(', ')}`;
    terminal.result(`${path.padEnd(width)}  ${valueText(value)}  (${sourceText(source)}${over})`);
  }
}

function sayRemarks(terminal: Terminal, remarks: readonly SettingRemark[]): void {
  for (const remark of remarks) terminal.say(`${remark.severity}: ${formatRemark(remark)}`);
}

async function runShow(options: CommonOptions, context: BareContext): Promise<ExitCode> {
  const opened = await open(options, context);
  const { terminal } = context;
  if (opened === 'cancelled') return sayCancelled(terminal);
  if (opened.kind === 'unusable') {
    terminal.say(`error: ${opened.reason}`);
    return exitCode.usage;
  }
  const { listValues } = await import('@exchange-connector/config');
  showValues(terminal, listValues(opened, options.connection), options.json);
  sayRemarks(terminal, opened.kind === 'refused' ? opened.remarks : opened.settings.warnings);
  return exitOf(opened);
}

function showRemark(terminal: Terminal, json: boolean, remark: SettingRemark): void {
  const { severity, source, path, position, message } = remark;
  if (json) {
    const place = { line: position?.line ?? null, column: position?.column ?? null };
    terminal.resultJson({ severity, path, source, ...place, message });
  } else terminal.result(`${severity}: ${formatRemark(remark)}`);
}

async function runCheck(options: CommonOptions, context: BareContext): Promise<ExitCode> {
  const opened = await open(options, context);
  const { terminal } = context;
  if (opened === 'cancelled') return sayCancelled(terminal);
  if (opened.kind === 'unusable') {
    terminal.say(`error: ${opened.reason}`);
    return exitCode.usage;
  }
  const { findPlainSecrets } = await import('@exchange-connector/config');
  const found = opened.kind === 'refused' ? opened.remarks : opened.settings.warnings;
  const remarks = [...found, ...findPlainSecrets(opened)];
  for (const remark of remarks) showRemark(terminal, options.json, remark);
  if (!options.json) {
    const errors = remarks.filter(({ severity }) => severity === 'error').length;
    terminal.result(`${errors} error(s), ${remarks.length - errors} warning(s)`);
  }
  return exitOf(opened);
}

export const configShowCommand: CommandDescription = {
  words: ['config', 'show'],
  usage: '[options]',
  summary:
    'Prints every value of the settings as they count, defaults too, and for each the source that gave it: file and place, environment variable, secret of Azure Key Vault, account of CyberArk. Secrets, values of Options and of unknown keys are not shown.',
  examples: [
    ['See the settings of the current folder:', 'exchange-connector config show'],
    [
      'See where a password comes from:',
      'exchange-connector config show --json | jq \'select(.path | endswith("Password")) | .source\'',
    ],
  ],
  prepare: (_given, common) => ({ needs: 'nothing', run: (context) => runShow(common, context) }),
};

export const configCheckCommand: CommandDescription = {
  words: ['config', 'check'],
  usage: '[options]',
  summary:
    'Checks every value from every source. Each fault is told with its file, place and JSON path (exit 2); secrets that stand readable in a file get a warning. Stores of secrets are asked (exit 3 where one does not answer), Exchange is not.',
  examples: [
    ['Check the settings of a folder:', 'exchange-connector config check --settings /etc/exchange-connector'],
    ['List the faults for a script:', 'exchange-connector config check --json | jq -r .path'],
  ],
  prepare: (_given, common) => ({ needs: 'nothing', run: (context) => runCheck(common, context) }),
};

const schemaFiles = ['appsettings.agent.json', 'appsettings.json'] as const;

async function runSchema(
  file: string | undefined,
  options: CommonOptions,
  { terminal }: BareContext,
): Promise<ExitCode> {
  const { settingsSchema } = await import('@exchange-connector/config');
  const schema = settingsSchema(schemaFiles.find((known) => known === file) ?? 'both');
  if (options.json) terminal.resultJson(schema);
  else for (const line of JSON.stringify(schema, undefined, 2).split('\n')) terminal.result(line);
  return exitCode.done;
}

export const configSchemaCommand: CommandDescription = {
  words: ['config', 'schema'],
  usage: '[file] [options]',
  summary:
    'Prints the JSON Schema (draft-07) of the settings files, for editors to complete and check. Without a file it fits both.',
  operands: [{ flags: '[file]', description: `${schemaFiles.join(' or ')} (default: one schema for both)` }],
  examples: [
    ['Write the schema for an editor:', 'exchange-connector config schema > exchange-connector.schema.json'],
    ['That of one file alone:', 'exchange-connector config schema appsettings.agent.json > agent.schema.json'],
  ],
  prepare(given, common) {
    const file = given.text('file');
    return {
      needs: 'nothing',
      findFaults: () =>
        file === undefined || schemaFiles.some((known) => known === file)
          ? []
          : [`config schema ${file}: allowed is ${schemaFiles.join(' or ')}`],
      run: (context) => runSchema(file, common, context),
    };
  },
};
