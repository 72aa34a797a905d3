/*
 * What an export of a mailbox has to say, in plain values and apart from any wire shape: the other side of a
 * comparison. Nothing here goes through the serializers.
 */
import { byteSizeText } from './byte-size.ts';
import type { Recipient } from './mailbox.ts';
import { formatUtc } from './moment.ts';

/** A value: text (GUIDs in lower case, times in UTC with `Z`), a Boolean, null, or a list of texts. */
export type TruthValue = string | boolean | null | readonly string[];

const size = (bytes: number | undefined): string => (bytes === undefined ? 'Unlimited' : byteSizeText(bytes));

/** The 44 properties of the export, by Exchange's names. */
export function truthOf(mailbox: Recipient): Readonly<Record<string, TruthValue>> {
  return {
    Database: mailbox.database.name,
    EmailAddresses: mailbox.emailAddresses,
    UseDatabaseRetentionDefaults: mailbox.useDatabaseRetentionDefaults,
    RetainDeletedItemsUntilBackup: mailbox.retainDeletedItemsUntilBackup,
    DeliverToMailboxAndForward: mailbox.deliverToMailboxAndForward,
    ExchangeGuid: mailbox.exchangeGuid,
    ExchangeUserAccountControl: mailbox.exchangeUserAccountControl,
    ForwardingAddress: mailbox.forwardingAddress ?? null,
    ForwardingSmtpAddress: mailbox.forwardingSmtpAddress ?? null,
    IsMailboxEnabled: true,
    ProhibitSendQuota: size(mailbox.prohibitSendQuota),
    ProhibitSendReceiveQuota: size(mailbox.prohibitSendReceiveQuota),
    RecoverableItemsQuota: size(mailbox.recoverableItemsQuota),
    RecoverableItemsWarningQuota: size(mailbox.recoverableItemsWarningQuota),
    CalendarLoggingQuota: size(mailbox.calendarLoggingQuota),
    IsResource: mailbox.isResource,
    IsLinked: mailbox.isLinked,
    IsShared: mailbox.isShared,
    SamAccountName: mailbox.samAccountName,
    AntispamBypassEnabled: mailbox.antispamBypassEnabled,
    ServerName: mailbox.database.server.name.toLowerCase(),
    UseDatabaseQuotaDefaults: mailbox.useDatabaseQuotaDefaults,
    UserPrincipalName: mailbox.userPrincipalName,
    WhenMailboxCreated: mailbox.whenMailboxCreated === undefined ? null : formatUtc(mailbox.whenMailboxCreated),
    IsInactiveMailbox: false,
    AccountDisabled: mailbox.accountDisabled,
    IsDirSynced: mailbox.isDirSynced,
    Alias: mailbox.alias,
    OrganizationalUnit: mailbox.unit.canonicalName,
    DisplayName: mailbox.displayName,
    MaxSendSize: size(mailbox.maxSendSize),
    MaxReceiveSize: size(mailbox.maxReceiveSize),
    PrimarySmtpAddress: mailbox.primarySmtpAddress ?? '',
    RecipientType: 'UserMailbox',
    RecipientTypeDetails: mailbox.details,
    Identity: mailbox.canonicalName,
    IsValid: true,
    Name: mailbox.name,
    DistinguishedName: mailbox.distinguishedName,
    Guid: mailbox.guid,
    ObjectCategory: 'example.test/Configuration/Schema/Person',
    WhenChangedUTC: formatUtc(mailbox.whenChanged),
    WhenCreatedUTC: formatUtc(mailbox.whenCreated),
    ObjectState: 'Unchanged',
  };
}
