/* What an order says of a mailbox, before it is compared with one; and what is to be said of it to a person. */
import { listOf } from './field-rule.ts';
import type { FieldValue, Fields } from './field-value.ts';
import type { LiveObject } from './live-state.ts';
import { mailboxKeys, mailboxReadOnly, mailboxRule } from './mailbox-fields.ts';
import { changedText } from './mailbox-kind.ts';
import type { Order } from './order.ts';
import type { FulfillSettings } from './plan.ts';
import { Refused } from './refused.ts';
import type { FieldCatalogue, SettingChanges } from './setting-changes.ts';
import { type AddressWish, readAddressWish } from './wanted-addresses.ts';

/** The plain fields of a mailbox. */
export const mailboxCatalogue: FieldCatalogue = {
  rule: (name: string) => (mailboxKeys.has(name) ? undefined : mailboxRule(name)),
  readOnly: mailboxReadOnly,
  keys: mailboxKeys,
  required: new Set(['displayname', 'name', 'alias', 'userprincipalname']),
};

/** What an order says of addresses. @throws Refused where it cannot be meant */
export function addressWish(order: Order, settings: FulfillSettings): AddressWish | undefined {
  const wish = readAddressWish(order, settings.valueSeparator);
  if (typeof wish === 'string') throw new Refused('invalid', wish);
  return wish;
}

/** Keys that are empty in an order, and of which a mailbox has always something. */
export function emptyKeysNotes(order: Order): string[] {
  return ['EmailAddresses', 'PrimarySmtpAddress', 'Database', 'RecipientTypeDetails']
    .filter((name) => {
      const field = order.changes.get(name.toLowerCase());
      return (
        field !== undefined && (field.value === null || (typeof field.value === 'object' && field.value.length === 0))
      );
    })
    .map((name) => `${name} is empty in the order: a mailbox cannot be without, it stays`);
}

/** `True;False` → AccountDisabled. The second half, IsDirSynced, is nobody's to write. */
export function withPair(order: Order): Order {
  const pair = changedText(order, 'AccountDisabledIsDirSynced');
  if (pair === undefined || order.changes.has('accountdisabled')) return order;
  const [disabled = '', synced] = pair.split(';').map((part) => part.trim());
  const changes = new Map(order.changes);
  changes.set('accountdisabled', { name: 'AccountDisabled', value: disabled });
  if (synced !== undefined && synced !== '') changes.set('isdirsynced', { name: 'IsDirSynced', value: synced });
  return { ...order, changes };
}

/** What a person should know of fields that are set. */
export function settingNotes(mailbox: LiveObject, changes: SettingChanges): string[] {
  const notes: string[] = [];
  const useDefaults = changes.asked['UseDatabaseQuotaDefaults'] ?? mailbox['UseDatabaseQuotaDefaults'];
  const quotas = Object.keys(changes.after).filter((name) => name.endsWith('Quota'));
  if (quotas.length > 0 && useDefaults === true) {
    notes.push(
      `${quotas.join(', ')} ${quotas.length === 1 ? 'has' : 'have'} no effect while UseDatabaseQuotaDefaults is True`,
    );
  }
  if ('AccountDisabled' in changes.after) {
    notes.push(
      'AccountDisabled is what Exchange keeps of the account: whether it can log on is settled in Active Directory',
    );
  }
  const forwards = (name: string): boolean => (name in changes.after ? changes.after[name] : mailbox[name]) !== null;
  const isSet = (name: string): boolean => forwards(name) && (name in changes.after || mailbox[name] !== undefined);
  if ('ForwardingSmtpAddress' in changes.after && isSet('ForwardingSmtpAddress') && isSet('ForwardingAddress')) {
    notes.push('ForwardingAddress takes precedence over ForwardingSmtpAddress');
  }
  if (heldAside(mailbox, changes.after) !== undefined) {
    notes.push('the e-mail address policy gives the mailbox its primary address anew');
  }
  if (mailbox['IsDirSynced'] === true)
    notes.push('the mailbox is synchronised from a directory that may write the old values back');
  return notes;
}

/** A mailbox that was just made forwards to nobody. */
export const noForwarding: LiveObject = { ForwardingAddress: null, ForwardingSmtpAddress: null };

/**
 * `-Force`, where Exchange would ask a person, and `-Confirm:$false` is no answer: a `ForwardingAddress` comes to a
 * mailbox that has, or gets, a `ForwardingSmtpAddress` too.
 * @param present what there is; a field that is not known may be there
 * @param set what the call sets
 */
export function forced(present: LiveObject, set: Fields): { readonly Force?: true } {
  const isEmpty = (value: FieldValue | undefined): boolean => value === null || value === '';
  const elsewhere = 'ForwardingSmtpAddress' in set ? set['ForwardingSmtpAddress'] : present['ForwardingSmtpAddress'];
  const comes = 'ForwardingAddress' in set && !isEmpty(set['ForwardingAddress']);
  return comes && !isEmpty(elsewhere) && isEmpty(present['ForwardingAddress'] ?? null) ? { Force: true } : {};
}

/** The addresses before, where a policy changes them beside what the order asks for. */
export function heldAside(mailbox: LiveObject, after: Fields): readonly string[] | undefined {
  const policy = after['EmailAddressPolicyEnabled'] ?? mailbox['EmailAddressPolicyEnabled'];
  if (policy !== true || 'EmailAddresses' in after) return undefined;
  const applies = 'Alias' in after || after['EmailAddressPolicyEnabled'] === true;
  return applies ? listOf(mailbox['EmailAddresses']) : undefined;
}
