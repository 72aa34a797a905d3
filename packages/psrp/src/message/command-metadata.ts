/*
 * [MS-PSRP] 2.2.2.14 GET_COMMAND_METADATA: asks for commands by name, as implicit remoting does. The
 * answer is a pipeline's: a count, then one object a command, then PIPELINE_STATE.
 */
import type { PsValue } from '../clixml/value.ts';
import { bodyOf, enumeration, field, fieldOf, itemsIn, listOf, nil, required, text, textIn } from './body.ts';

const stringArrayTypeNames = ['System.String[]', 'System.Array', 'System.Object'];

/** Writes a GET_COMMAND_METADATA for commands of every type whose names match these wildcard patterns. */
export function formatGetCommandMetadata(names: readonly string[]): PsValue {
  const commandTypes = 'System.Management.Automation.CommandTypes';
  return bodyOf([
    field('Name', listOf(stringArrayTypeNames, names.map(text))),
    field('CommandType', enumeration(commandTypes, 'Alias, Function, Filter, Cmdlet, Configuration', 0x10f)),
    field('Namespace', nil),
    field('ArgumentList', nil),
  ]);
}

/** The names asked for; none of them means every command. */
export function parseGetCommandMetadata(body: PsValue): readonly string[] {
  const names = fieldOf(body, 'Name');
  if (names === undefined || names.kind === 'Nil') return [];
  const one = names.kind === 'S' ? [names] : itemsIn(names);
  return required(one, 'GET_COMMAND_METADATA', 'Name').map((name) =>
    required(textIn(name), 'GET_COMMAND_METADATA', 'Name'),
  );
}
