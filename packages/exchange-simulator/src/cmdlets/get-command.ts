/* Get-Command: which cmdlets the account may use, and with which parameters. A role that lacks one hides it here too. */
import { chainOf, nullValue, type ServerValue, stringValue } from '../serialization/server-value.ts';
import type { PipelineObject } from '../serialization/object-shape.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission, Parameter } from './cmdlet.ts';
import { commandNotFound } from './command-failure.ts';
import { commonParameters } from './parameter-binding.ts';
import { matchesWildcard } from './wildcard.ts';

const taskClass = 'Microsoft.PowerShell.Commands.GetCommandCommand';
const automation = 'System.Management.Automation, Version=3.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35';
const parameterDictionary = chainOf(
  `System.Collections.Generic.Dictionary\`2[[System.String, mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089],[System.Management.Automation.ParameterMetadata, ${automation}]]`,
  'System.Object',
);
const collection = (item: string) =>
  chainOf(
    `System.Collections.ObjectModel.ReadOnlyCollection\`1[[System.Management.Automation.${item}, ${automation}]]`,
    'System.Object',
  );
const setList = collection('CommandParameterSetInfo');
const typeList = collection('PSTypeName');

function typeOf(parameter: Parameter): string {
  const { kind } = parameter.type;
  if (kind === 'switch') return '';
  if (kind === 'boolean') return ' <bool>';
  if (kind === 'integer') return ' <int>';
  const short = (parameter.dotNetType ?? (kind === 'strings' ? 'System.String[]' : 'System.String'))
    .split('.')
    .at(-1) as string;
  return ` <${short.toLowerCase() === 'string' ? 'string' : short}>`;
}

/** `[[-Identity] <MailboxIdParameter>] [-ResultSize <Unlimited>] [<CommonParameters>]` */
function syntax(cmdlet: Cmdlet, set: string | undefined): string {
  const own = cmdlet.parameters.filter(
    (parameter) => set === undefined || parameter.sets === undefined || parameter.sets.includes(set),
  );
  const parts = own.map((parameter) =>
    parameter.position === undefined
      ? `[-${parameter.name}${typeOf(parameter)}]`
      : `[[-${parameter.name}]${typeOf(parameter)}]`,
  );
  return [...parts, '[<CommonParameters>]'].join(' ');
}

function commandInfo(cmdlet: Cmdlet): PipelineObject {
  const [verb, noun] = cmdlet.name.split('-') as [string, string];
  const syntaxes = (cmdlet.parameterSets ?? [undefined]).map((set) => syntax(cmdlet, set));
  const module = cmdlet.module ?? '';
  const metadata = stringValue('System.Management.Automation.ParameterMetadata');
  const adapted: readonly (readonly [string, ServerValue])[] = [
    ['Verb', stringValue(verb)],
    ['Noun', stringValue(noun)],
    ['HelpFile', stringValue(`${module}.dll-Help.xml`)],
    ['PSSnapIn', stringValue(module)],
    ['Version', { kind: 'version', text: '15.0.0.0' }],
    ['ImplementingType', stringValue(cmdlet.taskClass)],
    ['Definition', stringValue(`\r\n${syntaxes.map((text) => `${cmdlet.name} ${text}`).join('\r\n\r\n')}\r\n`)],
    [
      'DefaultParameterSet',
      cmdlet.parameterSets === undefined ? nullValue : stringValue(cmdlet.parameterSets[0] as string),
    ],
    ['OutputType', { kind: 'list', types: typeList, items: [] }],
    ['Options', stringValue('ReadOnly')],
    ['Name', stringValue(cmdlet.name)],
    ['CommandType', stringValue('Cmdlet')],
    ['Source', stringValue(module)],
    ['Visibility', stringValue('Public')],
    ['ModuleName', stringValue(module)],
    ['Module', nullValue],
    ['RemotingCapability', stringValue('None')],
    [
      'Parameters',
      {
        kind: 'dictionary',
        types: parameterDictionary,
        entries: [...cmdlet.parameters, ...commonParameters].map((parameter) => [parameter.name, metadata] as const),
      },
    ],
    ['ParameterSets', { kind: 'list', types: setList, items: syntaxes.map(stringValue) }],
  ];
  const types = chainOf(
    'System.Management.Automation.CmdletInfo',
    'System.Management.Automation.CommandInfo',
    'System.Object',
  );
  return {
    kind: 'custom',
    types,
    display: cmdlet.name,
    adapted,
    extended: [
      ['HelpUri', stringValue('')],
      ['Namespace', stringValue(module)],
      ['ResolvedCommandName', nullValue],
    ],
  };
}

function* run(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const names = args.texts('Name') ?? ['*'];
  const verbs = args.texts('Verb');
  const nouns = args.texts('Noun');
  const parameters = args.texts('ParameterName');
  const all = [...context.available.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const name of names) {
    const found = all.filter((cmdlet) => matchesWildcard(cmdlet.name, name));
    if (found.length === 0 && !name.includes('*')) {
      yield {
        kind: 'error',
        record: { ...commandNotFound(name, `CommandNotFoundException,${taskClass}`), categoryActivity: 'Get-Command' },
      };
    }
    for (const cmdlet of found) {
      const [verb, noun] = cmdlet.name.split('-') as [string, string];
      if (verbs !== undefined && !verbs.some((pattern) => matchesWildcard(verb, pattern))) continue;
      if (nouns !== undefined && !nouns.some((pattern) => matchesWildcard(noun, pattern))) continue;
      if (
        parameters !== undefined &&
        !parameters.some((pattern) => cmdlet.parameters.some((parameter) => matchesWildcard(parameter.name, pattern)))
      )
        continue;
      yield { kind: 'object', object: commandInfo(cmdlet) };
    }
  }
}

export const getCommand: Cmdlet = {
  name: 'Get-Command',
  taskClass,
  module: 'Microsoft.PowerShell.Core',
  parameters: [
    { name: 'Name', type: { kind: 'strings' }, position: 0, fromPipeline: 'any' },
    { name: 'Verb', type: { kind: 'strings' } },
    { name: 'Noun', type: { kind: 'strings' } },
    { name: 'Module', type: { kind: 'strings' } },
    { name: 'CommandType', type: { kind: 'any' } },
    { name: 'TotalCount', type: { kind: 'integer' } },
    { name: 'Syntax', type: { kind: 'switch' } },
    { name: 'All', type: { kind: 'switch' } },
    { name: 'ListImported', type: { kind: 'switch' } },
    { name: 'ArgumentList', type: { kind: 'any' }, position: 1, aliases: ['Args'] },
    { name: 'ParameterName', type: { kind: 'strings' } },
  ],
  run,
};
