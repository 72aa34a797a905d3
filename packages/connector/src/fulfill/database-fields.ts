/* The fields of a mailbox database that an order may hold: what Set-MailboxDatabase takes. */
import type { FieldRule } from './field-rule.ts';

function rules(names: readonly string[], kind: FieldRule['kind'], nullable: boolean): FieldRule[] {
  return names.map((name) => ({ name, kind, nullable }));
}

/** What `Set-MailboxDatabase` writes. */
export const databaseRules: readonly FieldRule[] = [
  ...rules(
    [
      'CircularLoggingEnabled',
      'MountAtStartup',
      'IsExcludedFromProvisioning',
      'IsExcludedFromInitialProvisioning',
      'IsSuspendedFromProvisioning',
      'AllowFileRestore',
      'BackgroundDatabaseMaintenance',
      'RetainDeletedItemsUntilBackup',
      'IndexEnabled',
    ],
    'flag',
    false,
  ),
  ...rules(
    [
      'IssueWarningQuota',
      'ProhibitSendQuota',
      'ProhibitSendReceiveQuota',
      'RecoverableItemsQuota',
      'RecoverableItemsWarningQuota',
      'CalendarLoggingQuota',
    ],
    'size',
    false,
  ),
  ...rules(['DeletedItemRetention', 'MailboxRetention', 'EventHistoryRetentionPeriod'], 'timeSpan', false),
  ...rules(['Name', 'DataMoveReplicationConstraint'], 'name', false),
  ...rules(['OfflineAddressBook', 'PublicFolderDatabase'], 'name', true),
  ...rules(['JournalRecipient'], 'recipient', true),
];

/** Columns that the system alone writes. */
export const databaseReadOnly: ReadonlySet<string> = new Set(
  ['ObjectCategory', 'WhenChangedUTC', 'WhenCreatedUTC', 'ObjectState'].map((name) => name.toLowerCase()),
);

/** Keys with a meaning of their own. */
export const databaseKeys: ReadonlySet<string> = new Set(
  ['Guid', 'Name', 'Server', 'EdbFilePath', 'LogFolderPath', 'Mounted'].map((name) => name.toLowerCase()),
);

/** What is read of a database. */
export const databaseProperties: readonly string[] = [
  'Guid',
  'Server',
  'EdbFilePath',
  'LogFolderPath',
  'Mounted',
  'Recovery',
  'ReplicationType',
  'DatabaseCopies',
  'Servers',
  'DistinguishedName',
  'Identity',
  'ObjectCategory',
  'WhenChangedUTC',
  'WhenCreatedUTC',
  'ObjectState',
  ...databaseRules.map(({ name }) => name),
];

const byName: ReadonlyMap<string, FieldRule> = new Map(databaseRules.map((rule) => [rule.name.toLowerCase(), rule]));

/** The rule of a writable field, by its name in any case. */
export function databaseRule(name: string): FieldRule | undefined {
  return byName.get(name.toLowerCase());
}
