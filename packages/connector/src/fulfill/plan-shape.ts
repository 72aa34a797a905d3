/* Whether a value that was read from a file has the shape of a plan. What a plan may call is a closed list. */
import { refusalClasses } from './refusal.ts';

/** Every cmdlet that a plan may call. */
export const planCmdlets: ReadonlySet<string> = new Set([
  'Enable-Mailbox',
  'Set-Mailbox',
  'Disable-Mailbox',
  'Remove-Mailbox',
  'Connect-Mailbox',
  'New-MoveRequest',
  'Remove-MoveRequest',
  'Get-MoveRequestStatistics',
  'New-MailboxDatabase',
  'Set-MailboxDatabase',
  'Remove-MailboxDatabase',
  'Mount-Database',
  'Dismount-Database',
]);

type Shape = (value: unknown, at: string) => string | undefined;
type JsonObject = Readonly<Record<string, unknown>>;

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const text: Shape = (value, at) => (typeof value === 'string' ? undefined : `${at} is no text`);
const flag: Shape = (value, at) => (typeof value === 'boolean' ? undefined : `${at} is no Boolean`);
const count: Shape = (value, at) =>
  Number.isSafeInteger(value) && (value as number) >= 0 ? undefined : `${at} is no whole number`;
const amount: Shape = (value, at) => (typeof value === 'number' && value >= 0 ? undefined : `${at} is no number`);
const absent: Shape = (value, at) => (value === undefined ? undefined : `${at} is not expected`);

function oneOf(values: readonly string[]): Shape {
  return (value, at) =>
    typeof value === 'string' && values.includes(value) ? undefined : `${at} is none of ${values.join(', ')}`;
}
function optional(shape: Shape): Shape {
  return (value, at) => (value === undefined ? undefined : shape(value, at));
}
function list(shape: Shape): Shape {
  return (value, at) => {
    if (!Array.isArray(value)) return `${at} is no list`;
    for (const [index, item] of value.entries()) {
      const fault = shape(item, `${at}[${index}]`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}
function record(shape: Shape): Shape {
  return (value, at) => {
    if (!isObject(value)) return `${at} is no object`;
    for (const [key, item] of Object.entries(value)) {
      const fault = shape(item, `${at}.${key}`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}
function object(members: Readonly<Record<string, Shape>>): Shape {
  return (value, at) => {
    if (!isObject(value)) return `${at} is no object`;
    for (const [key, shape] of Object.entries(members)) {
      const fault = shape(value[key], `${at}.${key}`);
      if (fault !== undefined) return fault;
    }
    return undefined;
  };
}
function byKind(kinds: Readonly<Record<string, Shape>>): Shape {
  return (value, at) => {
    const kind = isObject(value) ? value['kind'] : undefined;
    if (typeof kind !== 'string' || !Object.hasOwn(kinds, kind)) return `${at} is of no known kind`;
    return (kinds[kind] as Shape)(value, at);
  };
}

const fieldValue: Shape = (value, at) => {
  if (value === null || ['string', 'number', 'boolean'].includes(typeof value)) return undefined;
  return list(text)(value, at);
};
const parameterValue: Shape = (value, at) =>
  isObject(value)
    ? object({ add: optional(list(text)), remove: optional(list(text)) })(value, at)
    : fieldValue(value, at);
const fields = record(fieldValue);
const view = oneOf(['batch', 'forest']);
const read = byKind({
  user: object({ by: oneOf(['samAccountName', 'guid', 'identity']), value: text, view }),
  mailbox: object({ guid: text, domain: optional(text) }),
  addressHolders: object({ address: text, view }),
  recipient: object({ identity: text }),
  database: object({ identity: text }),
  inhabitants: object({ database: text, population: text }),
  moveRequest: object({ guid: text, domain: optional(text) }),
  mailboxCount: object({ upTo: count }),
});
const check = object({
  read,
  expect: byKind({
    fields: object({ fields }),
    absent: object({}),
    noneBut: object({ guid: optional(text), outside: optional(text) }),
  }),
});
const cmdlet: Shape = (value, at) =>
  typeof value === 'string' && planCmdlets.has(value) ? undefined : `${at} is no cmdlet that plans call`;
/** Without an identity, or with an empty one, some cmdlets mean everything. */
const parameters: Shape = (value, at) => {
  const fault = record(parameterValue)(value, at);
  if (fault !== undefined) return fault;
  const { Identity: identity, Name: name } = value as JsonObject;
  const named = identity ?? name;
  return typeof named === 'string' && named.trim() !== '' && !named.includes('*') ? undefined : `${at} names no object`;
};
const call = {
  cmdlet,
  parameters,
  purpose: text,
  before: fields,
  after: fields,
  preconditions: list(check),
  expectation: list(check),
};
const identity = object({
  kind: oneOf(['mailbox', 'database']),
  guid: optional(text),
  name: text,
  domain: optional(text),
});
const step = object({
  ...call,
  number: count,
  orderIndex: count,
  object: identity,
  inverse: byKind({
    calls: object({ calls: list(object(call)), notes: list(text) }),
    impossible: object({ reason: text }),
  }),
  retry: optional(object({ attempts: count, waitMs: count, onAnyError: flag })),
  follow: optional(oneOf(['move'])),
  onFailure: oneOf(['leave', 'takeBack']),
  needs: list(count),
});
const decision = byKind({
  planned: object({ object: identity, before: fields, after: fields, steps: list(count), notes: list(text) }),
  nothingToDo: object({ object: optional(identity), notes: list(text) }),
  refused: object({
    class: oneOf(refusalClasses),
    reason: text,
    errorId: optional(text),
    object: optional(identity),
    notes: list(text),
  }),
});
const head = object({
  index: count,
  place: text,
  assignmentId: text,
  changeTypeText: text,
  ownerId: text,
  ownerType: text,
});
const plan = object({
  kind: oneOf(['plan']),
  domainController: optional(text),
  orders: list(object({ order: head, decision })),
  steps: list(step),
  exceeded: list(object({ setting: text, limit: amount, found: amount, message: text })),
  reads: absent,
});

interface Numbered {
  readonly number: number;
  readonly orderIndex: number;
  readonly needs: readonly number[];
}

/** Steps count from 1 without gaps, need earlier ones only, and each belongs to an order that names it. */
function numberingFault(value: JsonObject): string | undefined {
  const steps = value['steps'] as readonly Numbered[];
  const orders = value['orders'] as readonly { order: { index: number }; decision: { steps?: readonly number[] } }[];
  const owners = new Map<number, number>();
  for (const { order, decision: made } of orders)
    for (const number of made.steps ?? []) owners.set(number, order.index);
  for (const [at, { number, orderIndex, needs }] of steps.entries()) {
    if (number !== at + 1) return `plan.steps[${at}] has the number ${number}; ${at + 1} is expected`;
    if (needs.some((needed) => needed < 1 || needed >= number))
      return `plan.steps[${at}] needs a step that is not before it`;
    if (owners.get(number) !== orderIndex) return `plan.steps[${at}] belongs to no order of the plan`;
  }
  return owners.size === steps.length ? undefined : 'an order of the plan has a step that is not there';
}

/** What keeps a value from being a plan; `undefined` where it is one. */
export function planFault(value: unknown): string | undefined {
  return plan(value, 'plan') ?? numberingFault(value as JsonObject);
}
