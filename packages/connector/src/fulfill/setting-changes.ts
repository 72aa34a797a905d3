/*
 * The plain fields of an order against those of an object: what is to be set, and what is wrong. Shared by mailboxes and
 * databases.
 */
import { parseByteSize } from './byte-size.ts';
import { type FieldRule, readField, sameField, showValue } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import type { Order } from './order.ts';
import type { OrganisationView } from './organisation-view.ts';
import { describeRecipient, textField } from './organisation-view.ts';
import { Refused } from './refused.ts';

/** What the fields of a kind of object are. */
export interface FieldCatalogue {
  readonly rule: (name: string) => FieldRule | undefined;
  readonly readOnly: ReadonlySet<string>;
  /** Names with a meaning of their own, which are not looked at here. */
  readonly keys: ReadonlySet<string>;
  /** Fields in which some text has to stay. */
  readonly required: ReadonlySet<string>;
}

/** What an order sets. */
export interface SettingChanges {
  /** Fields that differ: as they are, as they are to be. */
  readonly before: Fields;
  readonly after: Fields;
  /** As the order names them, whether they differ or not. */
  readonly asked: Fields;
  readonly notes: readonly string[];
}

function plainText(value: FieldValue | undefined): string {
  return showValue(value ?? null)
    .replaceAll('"', '')
    .toLowerCase();
}

/** Whom a field names, in the form that Exchange shows: two names of one recipient are the same. */
function resolveRecipient(view: OrganisationView, rule: FieldRule, value: string): string {
  if (value.includes('*')) throw new Refused('invalid', `${rule.name} is "${value}"; * is not allowed in it`);
  const found = view.objects({ kind: 'recipient', identity: value });
  if (found.length > 1) {
    const who = found.slice(0, 3).map(describeRecipient).join(', ');
    throw new Refused('conflict', `${rule.name} is "${value}", which names several recipients: ${who}`);
  }
  const identity = textField(found[0], 'Identity');
  if (identity === '') throw new Refused('not-found', `${rule.name} is "${value}"; there is no such recipient`);
  return identity;
}

/** The value that an order gives a field; `undefined` where it means nothing. */
function wantedValue(
  view: OrganisationView,
  rule: FieldRule,
  value: FieldValue,
  required: boolean,
): { readonly value: FieldValue } | { readonly note: string } {
  if (value === null || (typeof value === 'object' && value.length === 0)) {
    if (required) throw new Refused('invalid', `${rule.name} is empty; it cannot be taken away`);
    if (!rule.nullable) return { note: `${rule.name} is empty in the order: there is nothing to take away, it stays` };
    return { value: null };
  }
  const read = readField(rule, value);
  if (read.kind === 'invalid') throw new Refused('invalid', read.reason);
  if (rule.kind !== 'recipient') return { value: read.value };
  return { value: resolveRecipient(view, rule, String(read.value)) };
}

/**
 * Compares the order's plain fields with the object.
 * @param object what there is; an empty object for one that is still to be made
 * @throws Refused where a value is wrong, or a field is nobody's to write
 */
export function settingChanges(
  view: OrganisationView,
  order: Order,
  object: LiveObject,
  catalogue: FieldCatalogue,
): SettingChanges {
  const before: Record<string, FieldValue> = {};
  const after: Record<string, FieldValue> = {};
  const asked: Record<string, FieldValue> = {};
  const notes: string[] = [];
  for (const [key, field] of order.changes) {
    if (catalogue.keys.has(key)) continue;
    const rule = catalogue.rule(key);
    if (rule === undefined) {
      const note = withoutRule(key, field.name, field.value, object, catalogue);
      if (note !== undefined) notes.push(note);
      continue;
    }
    const wanted = wantedValue(view, rule, field.value, catalogue.required.has(key));
    if ('note' in wanted) {
      notes.push(wanted.note);
      continue;
    }
    asked[rule.name] = wanted.value;
    // What is not known of an object (a new one) is set, whatever it may turn out to be.
    if (object[rule.name] !== undefined && sameField(rule.kind, object[rule.name], wanted.value)) continue;
    before[rule.name] = object[rule.name] ?? null;
    after[rule.name] = wanted.value;
  }
  return { before, after, asked, notes };
}

function withoutRule(
  key: string,
  name: string,
  value: FieldValue,
  object: LiveObject,
  catalogue: FieldCatalogue,
): string | undefined {
  if (!catalogue.readOnly.has(key)) return `${name} is no field that orders write: it is ignored`;
  const present = Object.entries(object).find(([known]) => known.toLowerCase() === key);
  if (value === null) return `${name} is empty in the order, and nobody's to write: it is ignored`;
  if (present === undefined) return `${name} is nobody's to write: it is ignored`;
  if (plainText(present[1]) === plainText(value)) return undefined;
  throw new Refused(
    'invalid',
    `${name} is nobody's to write: it is ${showValue(present[1])}, the order asks for ${showValue(value)}`,
  );
}

/** At most as large as: the lower quota, the upper one. */
const quotaPairs = [
  ['IssueWarningQuota', 'ProhibitSendQuota'],
  ['ProhibitSendQuota', 'ProhibitSendReceiveQuota'],
  ['IssueWarningQuota', 'ProhibitSendReceiveQuota'],
  ['RecoverableItemsWarningQuota', 'RecoverableItemsQuota'],
  ['CalendarLoggingQuota', 'RecoverableItemsQuota'],
] as const;

const recoverableQuotas = {
  RecoverableItemsWarningQuota: '20GB',
  RecoverableItemsQuota: '30GB',
  CalendarLoggingQuota: '6GB',
} as const;

/** The quotas that Exchange gives a new mailbox, which has those of its database for the rest. */
export const newMailboxQuotas: LiveObject = { ...recoverableQuotas, UseDatabaseQuotaDefaults: true };

/** The quotas that Exchange gives a new database. */
export const newDatabaseQuotas: LiveObject = {
  ...recoverableQuotas,
  IssueWarningQuota: '1945MB',
  ProhibitSendQuota: '2GB',
  ProhibitSendReceiveQuota: '2355MB',
};

/**
 * Holds the quotas after an order against Exchange's order of them. It compares those that have a size (`Unlimited` is
 * beside every one), and of a mailbox that has the quotas of its database, none.
 * @throws Refused where a quota that the order changes is out of order
 */
export function requireQuotaOrder(object: LiveObject, after: Fields): void {
  if ((after['UseDatabaseQuotaDefaults'] ?? object['UseDatabaseQuotaDefaults']) === true) return;
  const sizeOf = (name: string): ReturnType<typeof parseByteSize> => {
    const value = after[name] ?? object[name];
    return typeof value === 'string' ? parseByteSize(value) : undefined;
  };
  for (const [lower, upper] of quotaPairs) {
    if (!(lower in after) && !(upper in after)) continue;
    const [low, high] = [sizeOf(lower), sizeOf(upper)];
    if (typeof low !== 'bigint' || typeof high !== 'bigint' || low <= high) continue;
    const shown = (name: string): string => `${name} ${showValue(after[name] ?? object[name])}`;
    throw new Refused(
      'invalid',
      `${shown(lower)} would be above ${shown(upper)}; Exchange wants it at most as large: name both in the order`,
    );
  }
}
