/* What a real server said in a pipeline, said again by ours: every value decoded, and made anew by our writer. */
import {
  assertNever,
  decodeCliXml,
  type ErrorRecord,
  type ErrorRecordInit,
  type Guid,
  property,
  psNull,
  psSecureString,
  psString,
  type PsValue,
  type ServerRunspacePool,
  textOf,
} from '@exchange-connector/psrp';
import type { Said } from './recording.ts';

function errorInit(record: ErrorRecord): ErrorRecordInit {
  const target = property(record.raw, 'TargetObject');
  const recommended = optionalText(property(record.raw, 'ErrorDetails_RecommendedAction'));
  return {
    message: record.message,
    fullyQualifiedErrorId: record.fullyQualifiedErrorId,
    exceptionTypeNames: record.exceptionTypeNames,
    category: record.category,
    categoryActivity: record.categoryActivity,
    categoryReason: record.categoryReason,
    categoryTargetName: record.categoryTargetName,
    categoryTargetType: record.categoryTargetType,
    categoryMessage: record.categoryMessage,
    ...(target !== undefined && { targetObject: target }),
    ...(record.details !== undefined && { details: record.details }),
    ...(recommended !== undefined && { recommendedAction: recommended }),
  };
}

const optionalText = (value: PsValue | undefined): string | undefined =>
  value === undefined || value.kind === 'Nil' ? undefined : textOf(value);

/** `secret` is the text of a SecureString that is said: its own key is needed to open the recorded one. */
export function sayAgain(pool: ServerRunspacePool, id: Guid, said: Said, secret?: string): void {
  switch (said.kind) {
    case 'output': {
      const value = said.body.length === 0 ? psNull : decodeCliXml(said.body);
      pool.output(id, value.kind === 'SS' && secret !== undefined ? psSecureString(secret) : value);
      return;
    }
    case 'error':
      pool.error(id, errorInit(said.record));
      return;
    case 'warning':
    case 'verbose':
    case 'debug':
      pool[said.kind](id, said.message);
      return;
    case 'information':
      sayInformation(pool, id, said.raw);
      return;
    case 'progress': {
      const { kind: _, currentOperation, recordType, ...rest } = said.record;
      const operation = currentOperation === undefined ? {} : { currentOperation };
      pool.progress(id, { ...rest, ...operation, completed: recordType === 'Completed' });
      return;
    }
    case 'state':
      pool.finish(id, said.state, said.error === undefined ? undefined : errorInit(said.error));
      return;
    case 'hostCall': {
      const { callId, methodId, parameters } = said.call;
      const items = parameters.kind === 'Obj' && parameters.base?.kind === 'LST' ? parameters.base.items : [];
      pool.hostCall(id, { callId, methodId, parameters: items });
      return;
    }
    default:
      assertNever(said);
  }
}

function sayInformation(pool: ServerRunspacePool, id: Guid, raw: PsValue): void {
  const read = (name: string): string | undefined => optionalText(property(raw, name));
  const tags = property(raw, 'Tags');
  const items = tags?.kind === 'Obj' && tags.base?.kind === 'LST' ? tags.base.items : [];
  const [source, user, computer] = [read('Source'), read('User'), read('Computer')];
  pool.information(id, {
    messageData: property(raw, 'MessageData') ?? psString(''),
    timeGenerated: read('TimeGenerated') ?? '',
    tags: items.map((tag) => textOf(tag) ?? ''),
    processId: Number(read('ProcessId') ?? 0),
    ...(source !== undefined && { source }),
    ...(user !== undefined && { user }),
    ...(computer !== undefined && { computer }),
  });
}
