/*
 * [MS-PSRP] 2.2.3.15 (ErrorRecord) and 2.2.3.9 (ErrorCategory): the body of ERROR_RECORD, and
 * `ExceptionAsErrorRecord` inside the state messages.
 */
import type { PsObject, PsProperty, PsValue } from '../clixml/value.ts';
import type { ErrorRecord } from '../session.ts';
import { boolean, field, fieldOf, int32, integerIn, nil, text, textIn } from './body.ts';
import type { ErrorRecordInit } from './error-record-init.ts';

const categoryNames = [
  'NotSpecified',
  'OpenError',
  'CloseError',
  'DeviceError',
  'DeadlockDetected',
  'InvalidArgument',
  'InvalidData',
  'InvalidOperation',
  'InvalidResult',
  'InvalidType',
  'MetadataError',
  'NotImplemented',
  'NotInstalled',
  'ObjectNotFound',
  'OperationStopped',
  'OperationTimeout',
  'SyntaxError',
  'ParserError',
  'PermissionDenied',
  'ResourceBusy',
  'ResourceExists',
  'ResourceUnavailable',
  'ReadError',
  'WriteError',
  'FromStdErr',
  'SecurityError',
  'ProtocolError',
  'ConnectionError',
  'AuthenticationError',
  'LimitsExceeded',
  'QuotaExceeded',
  'NotEnabled',
] as const;

/** The name of an `ErrorCategory` ([MS-PSRP] 2.2.3.9), or the number as text. */
export function nameOfErrorCategory(category: number): string {
  return categoryNames[category] ?? String(category);
}

/** Reads an error record; what is missing is empty, for Exchange's and older servers' leave things out. */
export function parseErrorRecord(raw: PsValue): ErrorRecord {
  const read = (name: string): string => textIn(fieldOf(raw, name)) ?? '';
  const exception = fieldOf(raw, 'Exception');
  const message =
    textIn(fieldOf(exception, 'Message')) ?? (raw.kind === 'Obj' ? raw.display : undefined) ?? textIn(exception);
  return {
    message: message ?? '',
    fullyQualifiedErrorId: read('FullyQualifiedErrorId'),
    category: integerIn(fieldOf(raw, 'ErrorCategory_Category')) ?? 0,
    categoryActivity: read('ErrorCategory_Activity'),
    categoryReason: read('ErrorCategory_Reason'),
    categoryTargetName: read('ErrorCategory_TargetName'),
    categoryTargetType: read('ErrorCategory_TargetType'),
    categoryMessage: read('ErrorCategory_Message'),
    exceptionTypeNames: (exception?.kind === 'Obj' ? exception.typeNames : undefined) ?? [],
    details: textIn(fieldOf(raw, 'ErrorDetails_Message')),
    raw,
  };
}

function formatException(init: ErrorRecordInit): PsObject {
  const typeNames = init.exceptionTypeNames ?? ['System.Exception', 'System.Object'];
  const dataTypeNames = ['System.Collections.ListDictionaryInternal', 'System.Object'];
  const data: PsValue = {
    kind: 'Obj',
    typeNames: dataTypeNames,
    display: undefined,
    base: { kind: 'DCT', entries: [] },
    adapted: [],
    extended: [],
  };
  const adapted = [
    field('Message', text(init.message)),
    field('Data', data),
    field('InnerException', nil),
    field('TargetSite', nil),
    field('StackTrace', nil),
    field('HelpLink', nil),
    field('Source', nil),
  ];
  const display = `${typeNames[0] ?? 'System.Exception'}: ${init.message}`;
  return { kind: 'Obj', typeNames, display, base: undefined, adapted, extended: [] };
}

function categoryMessageOf(init: ErrorRecordInit): string {
  const target = `${init.categoryTargetName ?? ''}:${init.categoryTargetType ?? ''}`;
  const category = nameOfErrorCategory(init.category ?? 0);
  return `${category}: (${target}) [${init.categoryActivity ?? ''}], ${init.categoryReason ?? ''}`;
}

/**
 * Writes an error record as real servers order it. `writeErrorStream` marks the record of ERROR_RECORD,
 * as Windows PowerShell does; `bare` leaves out the type names, as inside host responses.
 */
export function formatErrorRecord(
  init: ErrorRecordInit,
  options: { writeErrorStream?: boolean; bare?: boolean } = {},
): PsObject {
  const extended: PsProperty[] = [];
  if (options.writeErrorStream === true) extended.push(field('writeErrorStream', boolean(true)));
  extended.push(
    field('Exception', formatException(init)),
    field('TargetObject', init.targetObject ?? nil),
    field('FullyQualifiedErrorId', text(init.fullyQualifiedErrorId)),
    field('InvocationInfo', nil),
    field('ErrorCategory_Category', int32(init.category ?? 0)),
    field('ErrorCategory_Activity', text(init.categoryActivity ?? '')),
    field('ErrorCategory_Reason', text(init.categoryReason ?? '')),
    field('ErrorCategory_TargetName', text(init.categoryTargetName ?? '')),
    field('ErrorCategory_TargetType', text(init.categoryTargetType ?? '')),
    field('ErrorCategory_Message', text(init.categoryMessage ?? categoryMessageOf(init))),
    field('SerializeExtendedInfo', boolean(false)),
  );
  if (init.details !== undefined) {
    extended.push(field('ErrorDetails_Message', text(init.details)));
    extended.push(field('ErrorDetails_RecommendedAction', text(init.recommendedAction ?? '')));
  }
  const typeNames = options.bare === true ? undefined : ['System.Management.Automation.ErrorRecord', 'System.Object'];
  const display = options.bare === true ? undefined : (init.details ?? init.message);
  return { kind: 'Obj', typeNames, display, base: undefined, adapted: [], extended };
}
