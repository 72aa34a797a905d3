/* Kinds of mailboxes: which one an order asks for, which one there is. */
import { readField } from './field-rule.ts';
import type { Fields } from './field-value.ts';
import type { Order } from './order.ts';
import { Refused } from './refused.ts';

export type MailboxKind = 'user' | 'shared' | 'room' | 'equipment' | 'linked';

const byDetails: Readonly<Record<string, MailboxKind>> = {
  usermailbox: 'user',
  sharedmailbox: 'shared',
  roommailbox: 'room',
  equipmentmailbox: 'equipment',
  linkedmailbox: 'linked',
};

/** `RecipientTypeDetails` of each kind. */
export const detailsOfKind: Readonly<Record<MailboxKind, string>> = {
  user: 'UserMailbox',
  shared: 'SharedMailbox',
  room: 'RoomMailbox',
  equipment: 'EquipmentMailbox',
  linked: 'LinkedMailbox',
};

/** What `Set-Mailbox -Type` calls a kind; a linked mailbox has another way. */
export const typeOfKind: Readonly<Record<Exclude<MailboxKind, 'linked'>, string>> = {
  user: 'Regular',
  shared: 'Shared',
  room: 'Room',
  equipment: 'Equipment',
};

/** The kind that `RecipientTypeDetails` names; `undefined`: none that orders make. */
export function kindOfDetails(details: string): MailboxKind | undefined {
  return byDetails[details.toLowerCase()];
}

/** @throws Refused where a mailbox that is no room and no equipment is to have what only those have */
export function requireResource(details: string, set: Fields): void {
  if (!('ResourceCapacity' in set) || /^((Linked)?Room|Equipment)Mailbox$/i.test(details)) return;
  throw new Refused('invalid', `ResourceCapacity is for rooms and equipment; the mailbox is a ${details}`);
}

function flagOf(order: Order, name: string): boolean | undefined {
  const field = order.changes.get(name.toLowerCase());
  if (field === undefined || field.value === null) return undefined;
  const read = readField({ name, kind: 'flag', nullable: false }, field.value);
  if (read.kind === 'invalid') throw new Refused('invalid', read.reason);
  return read.value === true;
}

/** A text of `Changes`; `undefined` where there is none. */
export function changedText(order: Order, name: string): string | undefined {
  const value = order.changes.get(name.toLowerCase())?.value ?? null;
  if (value === null || (typeof value === 'object' && value.length !== 1)) return undefined;
  const text = (typeof value === 'object' ? (value[0] ?? '') : String(value)).trim();
  return text === '' ? undefined : text;
}

function resourceKind(order: Order): MailboxKind {
  const type = changedText(order, 'ResourceType')?.toLowerCase();
  if (type === 'room' || type === 'equipment') return type;
  throw new Refused(
    'invalid',
    `a resource is a Room or Equipment; ResourceType is ${type === undefined ? 'empty' : `"${type}"`}`,
  );
}

/**
 * The kind that an order asks for, by `RecipientTypeDetails`, or `IsShared`, `IsLinked`, `IsResource` with
 * `ResourceType`.
 * @param present the kind that there is; `IsShared: False` of a shared mailbox makes it a user's
 * @throws Refused where the order contradicts itself or names another kind
 */
export function wantedKind(order: Order, present: MailboxKind | undefined): MailboxKind | undefined {
  const wishes = new Set<MailboxKind>();
  const details = changedText(order, 'RecipientTypeDetails');
  if (details !== undefined) {
    const kind = kindOfDetails(details);
    if (kind === undefined) {
      const known = Object.values(detailsOfKind).join(', ');
      throw new Refused('invalid', `RecipientTypeDetails is "${details}"; orders make ${known}`);
    }
    wishes.add(kind);
  }
  const shared = flagOf(order, 'IsShared');
  const linked = flagOf(order, 'IsLinked');
  const resource = flagOf(order, 'IsResource');
  if (shared === true) wishes.add('shared');
  if (linked === true) wishes.add('linked');
  const resourceType = changedText(order, 'ResourceType');
  if (resource === true || (resource === undefined && resourceType !== undefined)) wishes.add(resourceKind(order));
  if (wishes.size > 1) {
    throw new Refused('invalid', `the order asks for several kinds of mailbox at once: ${[...wishes].join(', ')}`);
  }
  const [wish] = wishes;
  const denied =
    (wish === 'shared' && shared === false) ||
    (wish === 'linked' && linked === false) ||
    ((wish === 'room' || wish === 'equipment') && resource === false);
  if (denied) throw new Refused('invalid', `the order asks for a ${wish} mailbox, and says that it is none`);
  if (wish !== undefined) return wish;
  const isNoMore =
    (present === 'shared' && shared === false) ||
    ((present === 'room' || present === 'equipment') && resource === false);
  if (present === 'linked' && linked === false) {
    throw new Refused(
      'invalid',
      'a linked mailbox cannot be made a user mailbox by an order: its account is in another forest',
    );
  }
  return isNoMore ? 'user' : undefined;
}
