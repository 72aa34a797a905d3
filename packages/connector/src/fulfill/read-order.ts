/*
 * An order's JSON → what the planner works on. Keys are found whatever their case, as PowerShell finds them; a value
 * may be native JSON or text; sections that nothing is known of are left alone.
 */
import type { FieldValue } from './field-value.ts';
import type { ChangeType, OrderField, OrderHead, OrderIdentity, OrderReading, OrderTarget } from './order.ts';

type JsonObject = Readonly<Record<string, unknown>>;

/** What `JSON.rawJSON` makes: a number kept as it was written. */
function rawNumber(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== null) return undefined;
  const raw = (value as { rawJSON?: unknown }).rawJSON;
  return typeof raw === 'string' ? raw : undefined;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value) && rawNumber(value) === undefined;
}

/** A member by its name, to the letter if there is one, else whatever its case. */
function member(value: unknown, name: string): unknown {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  const key = Object.keys(value).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : value[key];
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value.trim();
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  return rawNumber(value) ?? '';
}

const mostListed = 5_000;

/** One value of an order, or what is wrong with it. */
function fieldValue(value: unknown): { readonly value: FieldValue } | string {
  if (value === null || value === undefined) return { value: null };
  if (typeof value === 'string') return { value: value.trim() === '' ? null : value };
  if (typeof value === 'number') {
    return Number.isSafeInteger(value) ? { value } : { value: String(value) };
  }
  if (typeof value === 'boolean') return { value };
  const raw = rawNumber(value);
  if (raw !== undefined) return { value: raw };
  if (Array.isArray(value)) {
    if (value.length > mostListed) return `it is a list of ${value.length} values; at most ${mostListed} are taken`;
    const texts = value.map(textOf).filter((text) => text !== '');
    const strange = value.find((item) => item !== null && typeof item === 'object' && rawNumber(item) === undefined);
    return strange === undefined ? { value: texts } : 'it is a list of objects or lists, not of texts';
  }
  const name = textOf(member(value, 'Name'));
  return name === '' ? 'it is an object without a Name' : { value: name };
}

interface Section {
  readonly fields: ReadonlyMap<string, OrderField>;
  readonly faults: readonly string[];
}

function readSection(order: JsonObject, name: string): Section {
  const fields = new Map<string, OrderField>();
  const faults: string[] = [];
  const section = member(order, name);
  if (section === undefined || section === null) return { fields, faults };
  if (!isObject(section)) return { fields, faults: [`${name} is no object`] };
  for (const [key, raw] of Object.entries(section)) {
    const value = fieldValue(raw);
    if (typeof value === 'string') {
      faults.push(`${name}.${key}: ${value}`);
      continue;
    }
    const known = fields.get(key.toLowerCase());
    if (known !== undefined) faults.push(`${name} has ${known.name} and ${key}, which are the same name`);
    fields.set(key.toLowerCase(), { name: key, value: value.value });
  }
  return { fields, faults };
}

/** How identities read in a message. */
export const identityNames: Readonly<Record<OrderIdentity['by'], string>> = {
  samAccountName: 'SamAccountName',
  guid: 'Guid',
  identity: 'Identity',
  name: 'Name',
};

const changeTypes: readonly ChangeType[] = ['Added', 'Modified', 'Deleted'];
const targets: Readonly<Record<string, OrderTarget>> = {
  microsoftexchange_mailbox: 'mailbox',
  microsoftexchange_database: 'database',
};

/** The text of a field of the first section that has one. */
function lookUp(name: string, ...sections: readonly Section[]): string {
  for (const { fields } of sections) {
    const value = fields.get(name.toLowerCase())?.value ?? null;
    if (value !== null && typeof value !== 'object') return String(value).trim();
  }
  return '';
}

function mailboxIdentities(changes: Section, resource: Section): OrderIdentity[] {
  for (const [by, name] of [
    ['samAccountName', 'SamAccountName'],
    ['guid', 'Guid'],
    ['identity', 'Identity'],
  ] as const) {
    const value = lookUp(name, changes, resource);
    if (value !== '') return [{ by, value }];
  }
  return [];
}

function databaseIdentities(changes: Section, resource: Section): OrderIdentity[] {
  const guid = lookUp('Guid', changes, resource);
  const names = [lookUp('Name', resource), lookUp('Name', changes)].filter((name) => name !== '');
  const identities = [...new Set(names)].map((value): OrderIdentity => ({ by: 'name', value }));
  return guid === '' ? identities : [{ by: 'guid', value: guid }, ...identities];
}

function headOf(order: JsonObject, place: { readonly index: number; readonly place: string }): OrderHead {
  return {
    index: place.index,
    place: place.place,
    assignmentId: textOf(member(order, 'AssignedResourceTypeId')),
    changeTypeText: textOf(member(order, 'ChangeType')),
    ownerId: textOf(member(member(order, 'Owner'), 'Id')),
    ownerType: textOf(member(member(member(order, 'ResourceType'), 'SourceEntityType'), 'Identifier')),
  };
}

/** What an order says, whether it can be planned or not: a script may understand what the planner does not. */
export interface OrderSections {
  /** `undefined`: it is about something else than a mailbox or a database. */
  readonly target: OrderTarget | undefined;
  /** By lower-case name. */
  readonly changes: ReadonlyMap<string, OrderField>;
  readonly resource: ReadonlyMap<string, OrderField>;
}

/** Reads what an order says. @param json the order as `JSON.parse` gives it */
export function readOrderSections(json: unknown): OrderSections {
  const order: JsonObject = isObject(json) ? json : {};
  const entity = textOf(member(member(member(order, 'ResourceType'), 'TargetEntityType'), 'Identifier'));
  const [changes, resource] = [readSection(order, 'Changes').fields, readSection(order, 'Resource').fields];
  return { target: targets[entity.toLowerCase()], changes, resource };
}

/**
 * Reads one order of a `ProvisioningOrdersList`.
 * @param json the order as `JSON.parse` gives it; numbers may be `JSON.rawJSON` values
 * @param place where it stands: its index in the run from 1, and `orders.json, order 3` for messages
 * @returns the order, or why it cannot be understood: an outcome, as one bad order stops no other
 */
export function readOrder(json: unknown, place: { readonly index: number; readonly place: string }): OrderReading {
  const order: JsonObject = isObject(json) ? json : {};
  const head = headOf(order, place);
  const unusable = (reason: string): OrderReading => ({ kind: 'unusable', head, reason });
  if (!isObject(json)) return unusable('the order is no JSON object');
  const changeType = changeTypes.find((known) => known === head.changeTypeText);
  if (changeType === undefined) {
    return unusable(`the ChangeType is '${head.changeTypeText}'; Added, Modified and Deleted are known`);
  }
  const entity = textOf(member(member(member(order, 'ResourceType'), 'TargetEntityType'), 'Identifier'));
  const target = targets[entity.toLowerCase()];
  if (target === undefined) {
    return unusable(
      `the target entity type is '${entity}'; MicrosoftExchange_Mailbox and MicrosoftExchange_Database are known`,
    );
  }
  const changes = readSection(order, 'Changes');
  const resource = readSection(order, 'Resource');
  // What is strange in Resource matters only where it is looked up, and then it is simply not there.
  if (changes.faults.length > 0) return unusable(changes.faults.join('; '));
  const identities = (target === 'mailbox' ? mailboxIdentities : databaseIdentities)(changes, resource);
  if (identities.length === 0) {
    const names = target === 'mailbox' ? 'SamAccountName, Guid and Identity' : 'Name and Guid';
    return unusable(`the order names no ${target}: ${names} are empty in Changes and in Resource`);
  }
  const strange = identities.find(({ value }) => /[*\p{Cc}\p{Cs}]/u.test(value));
  if (strange !== undefined) {
    // Exchange takes * in an identity as "any text": such an order could be about a mailbox that nobody named.
    return unusable(`'${strange.value}' names no single ${target}: * and control characters are not allowed in it`);
  }
  const about = identities.map(({ by, value }) => `${identityNames[by]} "${value}"`).join(' or ');
  return {
    kind: 'order',
    head: { ...head, about: `${target} with ${about}` },
    changeType,
    target,
    identities,
    changes: changes.fields,
    resource: resource.fields,
  };
}
