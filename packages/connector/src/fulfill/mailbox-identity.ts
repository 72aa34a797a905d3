/* Whom a mailbox order is about, and why it may not be touched. */
import type { FulfillSettings, ObjectIdentity } from './plan.ts';
import type { LiveObject } from './live-state.ts';
import type { Order, OrderIdentity } from './order.ts';
import { domainOfName, type OrganisationView, textField } from './organisation-view.ts';
import { protectingEntry } from './protection.ts';
import { identityNames } from './read-order.ts';
import { Refused } from './refused.ts';

/** How an identity reads in a message. */
export function describeIdentity({ by, value }: OrderIdentity): string {
  return `${identityNames[by]} "${value}"`;
}

function guidOf(order: Order): string {
  for (const section of [order.changes, order.resource]) {
    const value = section.get('guid')?.value;
    if (typeof value === 'string' && value.trim() !== '')
      return value
        .trim()
        .toLowerCase()
        .replace(/^\{|\}$/g, '');
  }
  return '';
}

/** The account, or nothing. @throws Refused where it is not one account, or another one than the order's GUID says */
export function findAccount(view: OrganisationView, order: Order): LiveObject | undefined {
  const identity = order.identities[0] as OrderIdentity;
  // A name with its domain is no attribute: Exchange resolves it.
  const by =
    identity.by === 'samAccountName' && identity.value.includes('\\')
      ? 'identity'
      : (identity.by as 'samAccountName' | 'guid' | 'identity');
  const found = view.users(by, identity.value);
  if (found.length > 1) {
    const names = found.map((user) => textField(user, 'DistinguishedName') || textField(user, 'Name'));
    throw new Refused(
      'conflict',
      `${describeIdentity(identity)} names ${found.length} accounts: ${names.slice(0, 3).join('; ')}; name one by its Guid, or as DOMAIN\\name`,
    );
  }
  const user = found[0];
  const wanted = guidOf(order);
  if (user !== undefined && wanted !== '' && textField(user, 'Guid') !== wanted) {
    throw new Refused(
      'conflict',
      `${describeIdentity(identity)} names the account ${textField(user, 'Guid')}, and the order's Guid is ${wanted}: the name belongs to somebody else now`,
    );
  }
  return user;
}

/** The object of an order about an account. */
export function mailboxObject(user: LiveObject): ObjectIdentity {
  // Without a GUID a cmdlet would get an empty identity, which means everybody.
  if (textField(user, 'Guid') === '') throw new Refused('invalid', 'the server named an account without its Guid');
  return {
    kind: 'mailbox',
    guid: textField(user, 'Guid'),
    name: textField(user, 'DisplayName') || textField(user, 'Name') || textField(user, 'SamAccountName'),
    domain: domainOfName(user['DistinguishedName']),
  };
}

const systemKinds = [
  'arbitrationmailbox',
  'publicfoldermailbox',
  'auditlogmailbox',
  'auxauditlogmailbox',
  'monitoringmailbox',
  'discoverymailbox',
  'systemmailbox',
  'systemattendantmailbox',
];

/**
 * @throws Refused where the object is protected, is the system's own, or has its mailbox in Exchange Online
 */
export function requireTouchable(settings: FulfillSettings, user: LiveObject, mailbox: LiveObject | undefined): void {
  const entry = protectingEntry(settings.protectedMailboxes, user, mailbox);
  if (entry !== undefined) {
    throw new Refused('not-allowed', `the mailbox is protected: ProtectedMailboxes has "${entry}"`);
  }
  const details = textField(mailbox ?? user, 'RecipientTypeDetails');
  if (/^Remote\w*Mailbox$/i.test(details)) {
    throw new Refused(
      'not-allowed',
      `its mailbox is in Exchange Online (${details}): Exchange on-premises has no mailbox of it to change; Set-RemoteMailbox and Exchange Online are the place for it`,
    );
  }
  if (systemKinds.includes(details.toLowerCase())) {
    throw new Refused('not-allowed', `it is a mailbox of Exchange itself (${details}): orders do not touch it`);
  }
}
