/*
 * What a client tells of one pipeline, aspect by aspect: as the real client tells it (JSON of oracle/ConformCommand.cs),
 * or made of our client's events; and the differences between what the real one told and any other.
 */
import { isDeepStrictEqual } from 'node:util';
import {
  type ClientEvent,
  decodeCliXml,
  encodeCliXml,
  type ErrorRecord,
  type PipelineEvent,
  PipelineState,
  property,
  psNull,
  type PsSecureString,
  type PsValue,
  textOf,
} from '@exchange-connector/psrp';
import { type Described, difference, hexOf } from '../real-description.ts';

/** The aspects of an outcome. `host` is what a real host was asked, `hostCalls` what went over the wire to a client. */
export const aspects = [
  'state',
  'failure',
  'output',
  'secrets',
  'error',
  'warning',
  'verbose',
  'debug',
  'information',
  'progress',
  'host',
  'hostCalls',
] as const;
export type Aspect = (typeof aspects)[number];

/** Each aspect as JSON; values are told by Describe.cs, or are {@link Ours}. `undefined`: cannot be seen there. */
export type Outcome = { readonly [aspect in Aspect]?: unknown };

/** A value that our reader read, where the real client has a described one. */
class Ours {
  readonly value: PsValue;
  constructor(value: PsValue) {
    this.value = value;
  }
}

const stateNames = new Map<PipelineState, string>(Object.entries(PipelineState).map(([name, state]) => [state, name]));

const textIn = (holder: PsValue, name: string): string | null => {
  const value = property(holder, name);
  return value === undefined || value.kind === 'Nil' ? null : (textOf(value) ?? null);
};

function lineOf(raw: PsValue, serialized: string): string | null {
  if (textIn(raw, serialized) !== 'true') return null;
  const read = (name: string): string => textIn(raw, `InvocationInfo_${name}`) ?? '';
  return `${read('ScriptLineNumber')}:${read('OffsetInLine')} ${read('InvocationName')}`;
}

function tellError(record: ErrorRecord): unknown {
  return {
    message: record.message,
    id: record.fullyQualifiedErrorId,
    category: record.category,
    activity: record.categoryActivity,
    reason: record.categoryReason,
    targetName: record.categoryTargetName,
    targetType: record.categoryTargetType,
    categoryMessage: record.categoryMessage,
    details: record.details ?? null,
    recommended: textIn(record.raw, 'ErrorDetails_RecommendedAction'),
    exception: record.exceptionTypeNames,
    target: new Ours(property(record.raw, 'TargetObject') ?? psNull),
    line: lineOf(record.raw, 'SerializeExtendedInfo'),
  };
}

function tellInformation(raw: PsValue): unknown {
  const tags = property(raw, 'Tags');
  const items = tags?.kind === 'Obj' && tags.base?.kind === 'LST' ? tags.base.items : [];
  return {
    data: new Ours(property(raw, 'MessageData') ?? psNull),
    source: textIn(raw, 'Source'),
    tags: items.map(textOf),
    user: textIn(raw, 'User'),
    computer: textIn(raw, 'Computer'),
  };
}

/** What went to the client's host, as text. */
export function tellHostCall({ call }: ClientEvent & { kind: 'hostCall' }): string {
  return `${call.methodName} ${call.callId} ${Buffer.from(encodeCliXml(call.parameters)).toString()}`;
}

/** What our client saw of a pipeline, in the form of the real client's report. */
export function outcomeOf(
  events: readonly PipelineEvent[],
  hostCalls: readonly (ClientEvent & { kind: 'hostCall' })[],
  reveal: (value: PsSecureString) => string | undefined,
): Outcome {
  const of = <Kind extends PipelineEvent['kind']>(kind: Kind): (PipelineEvent & { kind: Kind })[] =>
    events.filter((event): event is PipelineEvent & { kind: Kind } => event.kind === kind);
  const records = (kind: 'warning' | 'verbose' | 'debug'): unknown =>
    of(kind).map(({ message, raw }) => ({
      message,
      line: lineOf(raw, 'InformationalRecord_SerializeInvocationInfo'),
    }));
  const values = of('output').map(({ body }) => (body.length === 0 ? psNull : decodeCliXml(body)));
  const last = of('state').at(-1);
  return {
    state: last === undefined ? undefined : stateNames.get(last.state),
    failure: last?.error === undefined ? null : tellError(last.error),
    output: values.map((value) => new Ours(value)),
    secrets: values.flatMap((value) => (value.kind === 'SS' ? [hexOf(reveal(value) ?? 'not opened')] : [])),
    error: of('error').map(({ record }) => tellError(record)),
    warning: records('warning'),
    verbose: records('verbose'),
    debug: records('debug'),
    information: of('information').map(({ raw }) => tellInformation(raw)),
    progress: of('progress').map(({ record }) => ({
      activity: record.activity,
      id: record.activityId,
      status: record.statusDescription,
      operation: record.currentOperation ?? null,
      parent: record.parentActivityId,
      percent: record.percentComplete,
      seconds: record.secondsRemaining,
      type: record.recordType,
    })),
    hostCalls: hostCalls.map(tellHostCall),
  };
}

export interface Difference {
  readonly aspect: string;
  readonly what: string;
}

/** The differences of an outcome from the real one's, at most one an aspect. */
export function outcomeDifferences(truth: Outcome, other: Outcome): Difference[] {
  return aspects.flatMap((aspect) => {
    if (truth[aspect] === undefined || other[aspect] === undefined) return [];
    const what = firstDifference(truth[aspect], other[aspect], aspect);
    return what === undefined ? [] : [{ aspect, what }];
  });
}

/** The first difference of what another told from what the real one did, with its place. */
export function firstDifference(truth: unknown, other: unknown, place: string): string | undefined {
  if (other instanceof Ours) return difference(other.value, truth as Described, place);
  if (isDescribed(truth) && isDescribed(other)) {
    const [one, two] = [canonical(truth), canonical(other)];
    return isDeepStrictEqual(one, two) ? undefined : `${place}: ${shown(other)} instead of ${shown(truth)}`;
  }
  if (Array.isArray(truth) && Array.isArray(other)) {
    if (truth.length !== other.length)
      return `${place}: ${other.length} of them instead of ${truth.length}: ${shown(other)} instead of ${shown(truth)}`;
    return first(truth.map((one, index) => firstDifference(one, other[index], `${place}[${index}]`)));
  }
  if (isRecord(truth) && isRecord(other)) {
    const names = [...new Set([...Object.keys(truth), ...Object.keys(other)])];
    return first(names.map((name) => firstDifference(truth[name], other[name], `${place}.${name}`)));
  }
  const [one, two] = [plainName(truth), plainName(other)];
  return one === two ? undefined : `${place}: ${shown(other)} instead of ${shown(truth)}`;
}

const first = (found: readonly (string | undefined)[]): string | undefined => found.find((one) => one !== undefined);

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

const isDescribed = (value: unknown): value is Described => isRecord(value) && typeof value['kind'] === 'string';

/** Type names are those of the server, but what a client read it knows as deserialized. */
const plainName = (value: unknown): unknown =>
  typeof value === 'string' && value.startsWith('Deserialized.') ? value.slice('Deserialized.'.length) : value;

const shown = (value: unknown): string =>
  (
    JSON.stringify(value, (_, one: unknown) =>
      one instanceof Ours ? one.value.kind : typeof one === 'bigint' ? String(one) : one,
    ) ?? 'nothing'
  ).slice(0, 600);

/** A real hashtable has an order of its own in each process. */
function canonical(value: Described): unknown {
  const members = (list: Described['adapted']): unknown =>
    list?.map((one) => ({ name: one.name, value: canonical(one.value) }));
  const entries = value.entries
    ?.map((one) => ({ key: JSON.stringify(canonical(one.key)), value: canonical(one.value) }))
    .sort((one, two) => (one.key < two.key ? -1 : 1));
  return {
    ...value,
    base: value.base == null ? null : canonical(value.base),
    adapted: members(value.adapted),
    extended: members(value.extended),
    items: value.items?.map(canonical),
    entries,
  };
}
