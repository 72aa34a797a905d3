/*
 * [MS-PSRP] 2.2.2.10 CREATE_PIPELINE, 2.2.3.11 to 2.2.3.13 (PowerShell, Command, Command Parameter), in the
 * order of fields that Exchange has been seen to accept.
 *
 *   NoInput, ApartmentState, RemoteStreamOptions, AddToHistory, HostInfo,
 *   PowerShell { IsNested, ExtraCmds, Cmds, History, RedirectShellErrorOutputPipe }, IsNested
 *
 * One statement stands in Cmds. Several stand in ExtraCmds, all of them, and Cmds repeats the first.
 */
import type { PsObject, PsProperty, PsValue } from '../clixml/value.ts';
import { PsrpError } from '../errors.ts';
import { isAtLeast, type ProtocolVersion } from '../protocol-version.ts';
import type { CommandParameter, PipelineCommand, PipelineRequest } from '../session.ts';
import {
  bodyOf,
  boolean,
  booleanIn,
  enumeration,
  field,
  fieldOf,
  integerIn,
  itemsIn,
  listOf,
  nil,
  required,
  text,
  textIn,
} from './body.ts';
import { formatApartmentState, formatNullHost, parseHostIsNull } from './runspace-pool-messages.ts';

const objectListTypeNames = [
  'System.Collections.Generic.List`1[[System.Management.Automation.PSObject, System.Management.Automation, Version=1.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35]]',
  'System.Object',
];

/** CREATE_PIPELINE as a server reads it. */
export interface CreatePipeline {
  readonly request: PipelineRequest;
  readonly hasInput: boolean;
  readonly hostIsNull: boolean;
  readonly addToHistory: boolean;
}

function noMerge(): PsObject {
  return enumeration('System.Management.Automation.Runspaces.PipelineResultTypes', 'None', 0);
}

function formatParameter(parameter: CommandParameter): PsObject {
  return bodyOf([field('N', parameter.name === undefined ? nil : text(parameter.name)), field('V', parameter.value)]);
}

function formatCommand(command: PipelineCommand, version: ProtocolVersion): PsObject {
  const fields: PsProperty[] = [
    field('Cmd', text(command.name)),
    field('IsScript', boolean(command.isScript ?? false)),
    field('UseLocalScope', nil),
    field('MergeMyResult', noMerge()),
    field('MergeToResult', noMerge()),
    field('MergePreviousResults', noMerge()),
    field('Args', listOf(objectListTypeNames, command.parameters.map(formatParameter))),
  ];
  if (isAtLeast(version, '2.2')) {
    for (const name of ['MergeError', 'MergeWarning', 'MergeVerbose', 'MergeDebug'])
      fields.push(field(name, noMerge()));
  }
  if (isAtLeast(version, '2.3')) fields.push(field('MergeInformation', noMerge()));
  return bodyOf(fields);
}

/** Writes a CREATE_PIPELINE. Throws PSRP_ARGUMENT_INVALID for a request that the version cannot carry. */
export function formatCreatePipeline(
  request: PipelineRequest,
  options: { hasInput: boolean; version: ProtocolVersion },
): PsValue {
  const first = request.statements[0];
  if (first === undefined || request.statements.some((statement) => statement.length === 0)) {
    throw new PsrpError(
      'PSRP_ARGUMENT_INVALID',
      'writing a CREATE_PIPELINE: the request has no statement, or one without a command',
    );
  }
  if (request.statements.length > 1 && !isAtLeast(options.version, '2.2')) {
    const seen = `${request.statements.length} statements, and the server speaks protocol ${options.version}`;
    throw new PsrpError(
      'PSRP_ARGUMENT_INVALID',
      `writing a CREATE_PIPELINE: ${seen}, which has one only; send one pipeline a statement`,
    );
  }
  const commands = (statement: readonly PipelineCommand[]): PsObject =>
    listOf(
      objectListTypeNames,
      statement.map((command) => formatCommand(command, options.version)),
    );
  const extra =
    request.statements.length === 1
      ? nil
      : listOf(
          objectListTypeNames,
          request.statements.map((statement) => bodyOf([field('Cmds', commands(statement))])),
        );
  const [streamOptions, streamNumber] = request.invocationInfo === true ? ['AddInvocationInfo', 15] : ['0', 0];
  return bodyOf([
    field('NoInput', boolean(!options.hasInput)),
    field('ApartmentState', formatApartmentState()),
    field(
      'RemoteStreamOptions',
      enumeration('System.Management.Automation.RemoteStreamOptions', streamOptions as string, streamNumber as number),
    ),
    field('AddToHistory', boolean(false)),
    field('HostInfo', formatNullHost()),
    field(
      'PowerShell',
      bodyOf([
        field('IsNested', boolean(false)),
        field('ExtraCmds', extra),
        field('Cmds', commands(first)),
        field('History', nil),
        // As real clients: an error that ends a statement is an ERROR_RECORD then, and the script goes on.
        field('RedirectShellErrorOutputPipe', boolean(true)),
      ]),
    ),
    field('IsNested', boolean(false)),
  ]);
}

function parseParameter(raw: PsValue): CommandParameter {
  const value = required(fieldOf(raw, 'V'), 'CREATE_PIPELINE', 'V of a parameter');
  const name = textIn(fieldOf(raw, 'N'));
  return name === undefined ? { value } : { name, value };
}

function parseCommand(raw: PsValue): PipelineCommand {
  return {
    name: required(textIn(fieldOf(raw, 'Cmd')), 'CREATE_PIPELINE', 'Cmd'),
    isScript: booleanIn(fieldOf(raw, 'IsScript')) ?? false,
    parameters: (itemsIn(fieldOf(raw, 'Args')) ?? []).map(parseParameter),
  };
}

/** Reads a CREATE_PIPELINE. Throws PSRP_MESSAGE_INVALID. */
export function parseCreatePipeline(body: PsValue): CreatePipeline {
  const shell = required(fieldOf(body, 'PowerShell'), 'CREATE_PIPELINE', 'PowerShell');
  const commandsOf = (holder: PsValue): PipelineCommand[] =>
    required(itemsIn(fieldOf(holder, 'Cmds')), 'CREATE_PIPELINE', 'Cmds').map(parseCommand);
  const extra = itemsIn(fieldOf(shell, 'ExtraCmds')) ?? [];
  const statements = extra.length > 0 ? extra.map(commandsOf) : [commandsOf(shell)];
  if (statements.some((statement) => statement.length === 0)) {
    throw new PsrpError('PSRP_MESSAGE_INVALID', 'reading a CREATE_PIPELINE: a statement has no command');
  }
  const streamOptions = integerIn(fieldOf(body, 'RemoteStreamOptions')) ?? 0;
  return {
    request: { statements, invocationInfo: streamOptions !== 0 },
    hasInput: !(booleanIn(fieldOf(body, 'NoInput')) ?? true),
    hostIsNull: parseHostIsNull(fieldOf(body, 'HostInfo')),
    addToHistory: booleanIn(fieldOf(body, 'AddToHistory')) ?? false,
  };
}
