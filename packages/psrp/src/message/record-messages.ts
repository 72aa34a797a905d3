/*
 * [MS-PSRP] 2.2.2.22 to 2.2.2.26: DEBUG_RECORD, VERBOSE_RECORD, WARNING_RECORD, PROGRESS_RECORD,
 * INFORMATION_RECORD, and 2.2.2.21 PIPELINE_STATE.
 */
import type { PsProgress, PsValue } from '../clixml/value.ts';
import { type ErrorRecord, PipelineState } from '../session.ts';
import {
  bodyOf,
  boolean,
  enumeration,
  field,
  fieldOf,
  int32,
  integerIn,
  listOf,
  nil,
  required,
  text,
  textIn,
} from './body.ts';
import { parseErrorRecord } from './error-record.ts';
import type { InformationInit, ProgressInit } from './record-init.ts';

/** The three kinds of informational record, by the name of PowerShell's class. */
export type InformationalKind = 'Warning' | 'Verbose' | 'Debug';

export function formatInformationalRecord(kind: InformationalKind, message: string): PsValue {
  const own = `System.Management.Automation.${kind}Record`;
  const typeNames = [own, 'System.Management.Automation.InformationalRecord', 'System.Object'];
  const extended = [
    field('InformationalRecord_Message', text(message)),
    field('InformationalRecord_SerializeInvocationInfo', boolean(false)),
  ];
  return { kind: 'Obj', typeNames, display: message, base: undefined, adapted: [], extended };
}

/** The text of an informational record. */
export function parseInformationalRecord(raw: PsValue): string {
  return textIn(fieldOf(raw, 'InformationalRecord_Message')) ?? textIn(raw) ?? '';
}

export function formatProgressRecord(init: ProgressInit): PsValue {
  const [name, number] = init.completed === true ? ['Completed', 1] : ['Processing', 0];
  return bodyOf([
    field('Activity', text(init.activity)),
    field('ActivityId', int32(init.activityId)),
    field('StatusDescription', text(init.statusDescription)),
    field('CurrentOperation', init.currentOperation === undefined ? nil : text(init.currentOperation)),
    field('ParentActivityId', int32(init.parentActivityId ?? -1)),
    field('PercentComplete', int32(init.percentComplete ?? -1)),
    field('Type', enumeration('System.Management.Automation.ProgressRecordType', name as string, number as number)),
    field('SecondsRemaining', int32(init.secondsRemaining ?? -1)),
  ]);
}

/** A PROGRESS_RECORD as the value that CLIXML calls `PR`. */
export function parseProgressRecord(raw: PsValue): PsProgress {
  if (raw.kind === 'PR') return raw;
  const number = (name: string): number => integerIn(fieldOf(raw, name)) ?? -1;
  const type = fieldOf(raw, 'Type');
  return {
    kind: 'PR',
    activity: required(textIn(fieldOf(raw, 'Activity')), 'PROGRESS_RECORD', 'Activity'),
    activityId: integerIn(fieldOf(raw, 'ActivityId')) ?? 0,
    currentOperation: textIn(fieldOf(raw, 'CurrentOperation')),
    parentActivityId: number('ParentActivityId'),
    percentComplete: number('PercentComplete'),
    recordType: textIn(type) ?? (integerIn(type) === 1 ? 'Completed' : 'Processing'),
    secondsRemaining: number('SecondsRemaining'),
    statusDescription: textIn(fieldOf(raw, 'StatusDescription')) ?? '',
  };
}

const tagListTypeNames = [
  'System.Collections.Generic.List`1[[System.String, mscorlib, Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089]]',
  'System.Object',
];

export function formatInformationRecord(init: InformationInit): PsValue {
  const tags = (init.tags ?? []).map((tag) => text(tag));
  return bodyOf([
    field('MessageData', init.messageData),
    field('Source', init.source === undefined ? nil : text(init.source)),
    field('TimeGenerated', { kind: 'DT', value: init.timeGenerated }),
    field('Tags', listOf(tagListTypeNames, tags)),
    field('User', init.user === undefined ? nil : text(init.user)),
    field('Computer', init.computer === undefined ? nil : text(init.computer)),
    field('ProcessId', { kind: 'U32', value: init.processId ?? 0 }),
    field('NativeThreadId', { kind: 'U32', value: 0 }),
    field('ManagedThreadId', { kind: 'U32', value: 0 }),
  ]);
}

export function formatPipelineState(state: PipelineState, error: PsValue | undefined): PsValue {
  const fields = [field('PipelineState', int32(state))];
  if (error !== undefined) fields.push(field('ExceptionAsErrorRecord', error));
  return bodyOf(fields);
}

export function parsePipelineState(body: PsValue): { state: PipelineState; error: ErrorRecord | undefined } {
  const number = integerIn(fieldOf(body, 'PipelineState'));
  const state = Object.values(PipelineState).find((known) => known === number);
  const error = fieldOf(body, 'ExceptionAsErrorRecord');
  return {
    state: required(state, 'PIPELINE_STATE', 'PipelineState'),
    error: error?.kind === 'Obj' ? parseErrorRecord(error) : undefined,
  };
}
