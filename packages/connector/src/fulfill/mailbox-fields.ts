/*
 * The fields of a mailbox that an order may hold: what Set-Mailbox takes under the name that Get-Mailbox shows. The
 * columns of the export that nobody can write are named too, so that an order that asks for one hears of it.
 */
import type { FieldRule } from './field-rule.ts';

const flags = [
  'UseDatabaseRetentionDefaults',
  'RetainDeletedItemsUntilBackup',
  'DeliverToMailboxAndForward',
  'AntispamBypassEnabled',
  'UseDatabaseQuotaDefaults',
  'AccountDisabled',
  'HiddenFromAddressListsEnabled',
  'EmailAddressPolicyEnabled',
  'RequireSenderAuthenticationEnabled',
  'SingleItemRecoveryEnabled',
];
const sizes = [
  'IssueWarningQuota',
  'ProhibitSendQuota',
  'ProhibitSendReceiveQuota',
  'RecoverableItemsQuota',
  'RecoverableItemsWarningQuota',
  'CalendarLoggingQuota',
  'MaxSendSize',
  'MaxReceiveSize',
];
const customAttributes = Array.from({ length: 15 }, (_, index) => `CustomAttribute${index + 1}`);

function rules(names: readonly string[], kind: FieldRule['kind'], nullable: boolean): FieldRule[] {
  return names.map((name) => ({ name, kind, nullable }));
}

/** What `Set-Mailbox` writes beside addresses. */
export const mailboxRules: readonly FieldRule[] = [
  ...rules(flags, 'flag', false),
  ...rules(sizes, 'size', false),
  ...rules(['RetainDeletedItemsFor'], 'timeSpan', false),
  ...rules(['ForwardingAddress'], 'recipient', true),
  ...rules(['ForwardingSmtpAddress'], 'smtpAddress', true),
  ...rules(['UserPrincipalName', 'Alias'], 'name', false),
  ...rules(['DisplayName', 'Name'], 'text', false),
  ...rules(['SimpleDisplayName', 'Office', ...customAttributes], 'text', true),
  ...rules(['RecipientLimits', 'ResourceCapacity'], 'count', false),
  ...rules(['RetentionPolicy', 'AddressBookPolicy', 'SharingPolicy', 'RoleAssignmentPolicy'], 'name', true),
];

/** Columns of the export that the system alone writes. */
export const mailboxReadOnly: ReadonlySet<string> = new Set(
  [
    'ExchangeGuid',
    'ExchangeUserAccountControl',
    'IsMailboxEnabled',
    'ServerName',
    'WhenMailboxCreated',
    'IsInactiveMailbox',
    'IsDirSynced',
    'OrganizationalUnit',
    'RecipientType',
    'IsValid',
    'DistinguishedName',
    'ObjectCategory',
    'WhenChangedUTC',
    'WhenCreatedUTC',
    'ObjectState',
  ].map((name) => name.toLowerCase()),
);

/** Keys with a meaning of their own: they find the mailbox, say its kind, its addresses, its place. */
export const mailboxKeys: ReadonlySet<string> = new Set(
  [
    'SamAccountName',
    'Guid',
    'Identity',
    'Database',
    'EmailAddresses',
    'PrimarySmtpAddress',
    'RecipientTypeDetails',
    'IsShared',
    'IsResource',
    'IsLinked',
    'ResourceType',
    'LinkedMasterAccount',
    'LinkedDomainController',
    'AccountDisabledIsDirSynced',
  ].map((name) => name.toLowerCase()),
);

/** What is read of a mailbox before it is planned, and after it was changed. */
export const mailboxProperties: readonly string[] = [
  'Guid',
  'ExchangeGuid',
  'Identity',
  'DistinguishedName',
  'SamAccountName',
  'Database',
  'EmailAddresses',
  'PrimarySmtpAddress',
  'RecipientType',
  'RecipientTypeDetails',
  'IsDirSynced',
  'IsLinked',
  'IsShared',
  'IsResource',
  'ResourceType',
  'LinkedMasterAccount',
  'LitigationHoldEnabled',
  'ArchiveGuid',
  'ArchiveDatabase',
  'WindowsEmailAddress',
  'ServerName',
  'OrganizationalUnit',
  'ExchangeUserAccountControl',
  'IsMailboxEnabled',
  'WhenMailboxCreated',
  'WhenChangedUTC',
  'WhenCreatedUTC',
  'IsInactiveMailbox',
  'IsValid',
  'ObjectCategory',
  'ObjectState',
  'LegacyExchangeDN',
  ...mailboxRules.map(({ name }) => name),
];

const byName: ReadonlyMap<string, FieldRule> = new Map(
  [...mailboxRules, { name: 'EmailAddresses', kind: 'addresses', nullable: false } as const].map((rule) => [
    rule.name.toLowerCase(),
    rule,
  ]),
);

/** The rule of a writable field, by its name in any case. */
export function mailboxRule(name: string): FieldRule | undefined {
  return byName.get(name.toLowerCase());
}
