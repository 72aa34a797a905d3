/* MailboxDatabase, ExchangeServer and ExtendedOrganizationalUnit objects. */
import {
  administrativeGroup,
  type AvailabilityGroup,
  type DatabaseSettings,
  type ExchangeServer,
  type MailboxDatabase,
  type OrganizationalUnit,
  organizationName,
  rootDomainName,
} from '../organization/forest.ts';
import type { Moment } from '../organization/moment.ts';
import { idList, stringList } from './mailbox-shape.ts';
import { type ObjectShape, type PropertyShape, shapeOf } from './object-shape.ts';
import {
  booleanValue,
  chainOf,
  daysValue,
  directoryId,
  enumValue,
  falseValue,
  guidValue,
  integerValue,
  listValue,
  local,
  nullValue,
  opaque,
  quotaValue,
  type ServerValue,
  sizeValue,
  stringValue,
  trueValue,
  utc,
} from './server-value.ts';

const megabyte = 1_048_576;
const noGuid = '00000000-0000-0000-0000-000000000000';
const moment = (ms: number) => ({ ms, fraction: '' });
const schema = (name: string): ServerValue =>
  directoryId(`${rootDomainName}/Configuration/Schema/${name}`, {
    dn: `CN=${name},CN=Schema,CN=Configuration,DC=example,DC=test`,
    guid: noGuid,
    domain: rootDomainName,
  });
const unchanged = enumValue('Microsoft.Exchange.Data.ObjectState', 'Unchanged', 1);
const version = opaque('Microsoft.Exchange.Data.ExchangeObjectVersion', '0.20 (15.0.0.0)');
const organizationId = opaque('Microsoft.Exchange.Data.Directory.OrganizationId', '');
const strings = (texts: readonly string[]): ServerValue => listValue(stringList, texts.map(stringValue));
const serverId = (server: ExchangeServer): ServerValue =>
  directoryId(server.name, { dn: server.distinguishedName, guid: server.guid, domain: rootDomainName });
const groupId = (group: AvailabilityGroup): ServerValue =>
  directoryId(group.name, { dn: group.distinguishedName, guid: group.guid, domain: rootDomainName });
/** The servers of a database, the preferred one first. */
const serversOf = ({ database }: DatabaseView): readonly ExchangeServer[] => [database.server, ...database.copies];
const copyNames = (view: DatabaseView): ServerValue =>
  strings(serversOf(view).map(({ name }) => `${view.database.name}\\${name}`));
const databaseId = (db: MailboxDatabase): ServerValue =>
  directoryId(db.name, { dn: db.distinguishedName, guid: db.guid, domain: rootDomainName });

/** A database as the cmdlet saw it: `-Status` fills in what only the server that holds it knows. */
export interface DatabaseView {
  readonly database: MailboxDatabase;
  readonly status: boolean;
  /** What its server says; as computed where left out. */
  readonly mounted?: boolean;
  /** Of the servers, where databases have copies. */
  readonly availabilityGroup?: AvailabilityGroup | undefined;
  readonly originatingServer?: string;
}

const withStatus =
  (read: (database: MailboxDatabase, isMounted: boolean) => ServerValue) =>
  (view: DatabaseView): ServerValue =>
    view.status ? read(view.database, view.mounted ?? view.database.mounted) : nullValue;
const settings =
  (read: (settings: DatabaseSettings) => ServerValue) =>
  (view: DatabaseView): ServerValue =>
    read(view.database.settings);
const firstController = `dc01.${rootDomainName}`;

const databaseProperties: readonly PropertyShape<DatabaseView>[] = [
  {
    name: 'JournalRecipient',
    value: settings((s) => (s.journalRecipient === undefined ? nullValue : stringValue(s.journalRecipient))),
  },
  { name: 'EventHistoryRetentionPeriod', value: settings((s) => daysValue(s.eventHistoryRetentionDays)) },
  { name: 'MailboxRetention', value: settings((s) => daysValue(s.mailboxRetentionDays)) },
  {
    name: 'OfflineAddressBook',
    value: settings((s) => (s.offlineAddressBook === undefined ? nullValue : stringValue(s.offlineAddressBook))),
  },
  { name: 'OriginalDatabase', value: nullValue },
  { name: 'PublicFolderDatabase', value: nullValue },
  { name: 'ProhibitSendReceiveQuota', value: settings((s) => quotaValue(s.prohibitSendReceiveQuota)) },
  { name: 'ProhibitSendQuota', value: settings((s) => quotaValue(s.prohibitSendQuota)) },
  { name: 'RecoverableItemsQuota', value: settings((s) => quotaValue(s.recoverableItemsQuota)) },
  { name: 'RecoverableItemsWarningQuota', value: settings((s) => quotaValue(s.recoverableItemsWarningQuota)) },
  { name: 'CalendarLoggingQuota', value: settings((s) => quotaValue(s.calendarLoggingQuota)) },
  { name: 'IndexEnabled', value: settings((s) => booleanValue(s.indexEnabled)) },
  {
    name: 'IsExcludedFromInitialProvisioning',
    value: settings((s) => booleanValue(s.isExcludedFromInitialProvisioning)),
  },
  { name: 'IsExcludedFromProvisioning', value: settings((s) => booleanValue(s.isExcludedFromProvisioning)) },
  { name: 'IsSuspendedFromProvisioning', value: settings((s) => booleanValue(s.isSuspendedFromProvisioning)) },
  { name: 'DumpsterStatistics', value: nullValue },
  { name: 'AdministrativeGroup', value: stringValue(administrativeGroup) },
  { name: 'AllDatabaseCopies', value: copyNames },
  { name: 'InvalidDatabaseCopies', value: strings([]) },
  { name: 'AllowFileRestore', value: settings((s) => booleanValue(s.allowFileRestore)) },
  { name: 'BackgroundDatabaseMaintenance', value: settings((s) => booleanValue(s.backgroundDatabaseMaintenance)) },
  { name: 'BackupInProgress', value: withStatus(() => falseValue) },
  { name: 'DatabaseCreated', value: trueValue },
  { name: 'Description', value: stringValue('') },
  { name: 'DatabaseSize', value: withStatus((db) => sizeValue(db.sizeBytes)) },
  { name: 'AvailableNewMailboxSpace', value: withStatus((db) => sizeValue((db.index % 90) * megabyte)) },
  {
    name: 'EdbFilePath',
    value: settings((s) => opaque('Microsoft.Exchange.Data.EdbFilePath', s.edbFilePath)),
  },
  {
    name: 'ExchangeLegacyDN',
    value: (view) => stringValue(`${view.database.server.legacyDn}/cn=Microsoft Private MDB`),
  },
  { name: 'IssueWarningQuota', value: settings((s) => quotaValue(s.issueWarningQuota)) },
  {
    name: 'LastFullBackup',
    value: withStatus((db) => (db.index % 2 === 0 ? local(moment(db.whenChangedMs)) : nullValue)),
  },
  {
    name: 'LogFolderPath',
    value: settings((s) => opaque('Microsoft.Exchange.Data.NonRootLocalLongFullPath', s.logFolderPath)),
  },
  {
    name: 'ReplicationType',
    value: ({ database: { copies } }) =>
      enumValue(
        'Microsoft.Exchange.Data.Directory.SystemConfiguration.ReplicationType',
        copies.length > 0 ? 'Remote' : 'None',
        copies.length > 0 ? 2 : 0,
      ),
  },
  { name: 'DatabaseCopies', value: copyNames },
  {
    name: 'ActivationPreference',
    value: (view) => strings(serversOf(view).map(({ name }, at) => `[${name}, ${at + 1}]`)),
  },
  {
    name: 'MasterServerOrAvailabilityGroup',
    value: ({ database, availabilityGroup }) =>
      availabilityGroup === undefined ? serverId(database.server) : groupId(availabilityGroup),
  },
  {
    name: 'MasterType',
    value: ({ availabilityGroup }) =>
      enumValue(
        'Microsoft.Exchange.Data.Directory.SystemConfiguration.MasterType',
        availabilityGroup === undefined ? 'Server' : 'DatabaseAvailabilityGroup',
        availabilityGroup === undefined ? 1 : 2,
      ),
  },
  { name: 'MountAtStartup', value: settings((s) => booleanValue(s.mountAtStartup)) },
  { name: 'Mounted', value: withStatus((_, isMounted) => booleanValue(isMounted)) },
  {
    name: 'MountedOnServer',
    value: withStatus((db, isMounted) => (isMounted ? stringValue(db.server.fqdn) : nullValue)),
  },
  { name: 'Organization', value: stringValue(organizationName) },
  { name: 'Recovery', value: settings((s) => booleanValue(s.recovery)) },
  { name: 'RetainDeletedItemsUntilBackup', value: settings((s) => booleanValue(s.retainDeletedItemsUntilBackup)) },
  { name: 'Server', value: (view) => serverId(view.database.server) },
  { name: 'ServerName', value: (view) => stringValue(view.database.server.name) },
  { name: 'Servers', value: (view) => listValue(idList, serversOf(view).map(serverId)) },
  { name: 'DeletedItemRetention', value: settings((s) => daysValue(s.deletedItemRetentionDays)) },
  { name: 'CircularLoggingEnabled', value: settings((s) => booleanValue(s.circularLoggingEnabled)) },
  {
    name: 'AdminDisplayVersion',
    value: (view) => opaque('Microsoft.Exchange.Data.ServerVersion', view.database.server.version),
  },
  { name: 'ExchangeVersion', value: version },
  { name: 'Name', value: (view) => stringValue(view.database.name) },
  { name: 'DistinguishedName', value: (view) => stringValue(view.database.distinguishedName) },
  { name: 'Identity', value: (view) => databaseId(view.database) },
  { name: 'Guid', value: (view) => guidValue(view.database.guid) },
  { name: 'ObjectCategory', value: schema('ms-Exch-Private-MDB') },
  { name: 'ObjectClass', value: strings(['top', 'msExchMDB', 'msExchPrivateMDB']) },
  { name: 'WhenChanged', value: (view) => local(moment(view.database.whenChangedMs)) },
  { name: 'WhenCreated', value: (view) => local(moment(view.database.whenCreatedMs)) },
  { name: 'WhenChangedUTC', value: (view) => utc(moment(view.database.whenChangedMs)) },
  { name: 'WhenCreatedUTC', value: (view) => utc(moment(view.database.whenCreatedMs)) },
  { name: 'OrganizationId', value: organizationId },
  { name: 'Id', value: (view) => databaseId(view.database) },
  { name: 'OriginatingServer', value: (view) => stringValue(view.originatingServer ?? firstController) },
  { name: 'IsValid', value: trueValue },
  { name: 'ObjectState', value: unchanged },
];

export const databaseShape: ObjectShape<DatabaseView> = shapeOf({
  types: chainOf(
    'Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase',
    'Microsoft.Exchange.Data.Directory.SystemConfiguration.Database',
    'Microsoft.Exchange.Data.Directory.SystemConfiguration.ADLegacyVersionableObject',
    'Microsoft.Exchange.Data.Directory.SystemConfiguration.ADLegacyConfigurationObject',
    'Microsoft.Exchange.Data.Directory.SystemConfiguration.ADConfigurationObject',
    'Microsoft.Exchange.Data.Directory.ADObject',
    'Microsoft.Exchange.Data.Directory.ADRawEntry',
    'Microsoft.Exchange.Data.ConfigurableObject',
    'System.Object',
  ),
  properties: databaseProperties,
  display: (view) => view.database.name,
});

const presentation = [
  'Microsoft.Exchange.Data.Directory.Management.ADPresentationObject',
  'Microsoft.Exchange.Data.Directory.ADObject',
  'Microsoft.Exchange.Data.Directory.ADRawEntry',
  'Microsoft.Exchange.Data.ConfigurableObject',
  'System.Object',
];

const serverProperties: readonly PropertyShape<ExchangeServer>[] = [
  { name: 'Name', value: (s) => stringValue(s.name) },
  {
    name: 'DataPath',
    value: opaque(
      'Microsoft.Exchange.Data.LocalLongFullPath',
      'C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Mailbox',
    ),
  },
  { name: 'Domain', value: stringValue(rootDomainName) },
  { name: 'Edition', value: enumValue('Microsoft.Exchange.Data.ServerEditionType', 'Enterprise', 1) },
  { name: 'ExchangeLegacyDN', value: (s) => stringValue(s.legacyDn) },
  { name: 'ExchangeLegacyServerRole', value: integerValue(0) },
  { name: 'Fqdn', value: (s) => stringValue(s.fqdn) },
  { name: 'CustomerFeedbackEnabled', value: nullValue },
  { name: 'InternetWebProxy', value: nullValue },
  { name: 'IsHubTransportServer', value: trueValue },
  { name: 'IsClientAccessServer', value: trueValue },
  { name: 'IsExchange2007OrLater', value: trueValue },
  { name: 'IsEdgeServer', value: falseValue },
  { name: 'IsMailboxServer', value: trueValue },
  { name: 'IsE14OrLater', value: trueValue },
  { name: 'IsE15OrLater', value: trueValue },
  { name: 'IsProvisionedServer', value: falseValue },
  { name: 'IsUnifiedMessagingServer', value: trueValue },
  { name: 'IsFrontendTransportServer', value: trueValue },
  { name: 'NetworkAddress', value: (s) => strings([`netbios:${s.name}`, `ncacn_ip_tcp:${s.fqdn}`]) },
  { name: 'OrganizationalUnit', value: (s) => stringValue(`${rootDomainName}/${s.name}`) },
  { name: 'AdminDisplayVersion', value: (s) => opaque('Microsoft.Exchange.Data.ServerVersion', s.version) },
  {
    name: 'Site',
    value: directoryId(`${rootDomainName}/Configuration/Sites/Default-First-Site-Name`, {
      dn: 'CN=Default-First-Site-Name,CN=Sites,CN=Configuration,DC=example,DC=test',
      guid: noGuid,
      domain: rootDomainName,
    }),
  },
  {
    name: 'ServerRole',
    value: enumValue(
      'Microsoft.Exchange.Data.Directory.SystemConfiguration.ServerRole',
      'Mailbox, ClientAccess',
      16385,
    ),
  },
  { name: 'ErrorReportingEnabled', value: nullValue },
  { name: 'StaticDomainControllers', value: strings([]) },
  { name: 'StaticGlobalCatalogs', value: strings([]) },
  { name: 'StaticConfigDomainController', value: stringValue('') },
  { name: 'StaticExcludedDomainControllers', value: strings([]) },
  { name: 'CurrentDomainControllers', value: strings([]) },
  { name: 'CurrentGlobalCatalogs', value: strings([]) },
  { name: 'CurrentConfigDomainController', value: stringValue('') },
  { name: 'ProductID', value: stringValue('') },
  { name: 'IsExchangeTrialEdition', value: falseValue },
  { name: 'IsExpiredExchangeTrialEdition', value: falseValue },
  { name: 'RemainingTrialPeriod', value: opaque('Microsoft.Exchange.Data.EnhancedTimeSpan', '00:00:00') },
  { name: 'Identity', value: serverId },
  { name: 'IsValid', value: trueValue },
  { name: 'ExchangeVersion', value: version },
  { name: 'DistinguishedName', value: (s) => stringValue(s.distinguishedName) },
  { name: 'Guid', value: (s) => guidValue(s.guid) },
  { name: 'ObjectCategory', value: schema('ms-Exch-Exchange-Server') },
  { name: 'ObjectClass', value: strings(['top', 'server', 'msExchExchangeServer']) },
  { name: 'WhenChanged', value: (s) => local(moment(s.whenChangedMs)) },
  { name: 'WhenCreated', value: (s) => local(moment(s.whenCreatedMs)) },
  { name: 'WhenChangedUTC', value: (s) => utc(moment(s.whenChangedMs)) },
  { name: 'WhenCreatedUTC', value: (s) => utc(moment(s.whenCreatedMs)) },
  { name: 'OrganizationId', value: organizationId },
  { name: 'Id', value: serverId },
  { name: 'OriginatingServer', value: stringValue(firstController) },
  { name: 'ObjectState', value: unchanged },
];

export const serverShape: ObjectShape<ExchangeServer> = shapeOf({
  types: chainOf('Microsoft.Exchange.Data.Directory.Management.ExchangeServer', ...presentation),
  properties: serverProperties,
  display: (s) => s.name,
});

const created = moment(Date.UTC(2015, 8, 7, 6, 5, 4));

/** A container as one controller knows it. */
export interface UnitView {
  readonly unit: OrganizationalUnit;
  readonly changedMs: number | undefined;
  readonly originatingServer: string;
}
const changed = (view: UnitView): Moment => (view.changedMs === undefined ? created : moment(view.changedMs));
const unitId = ({ unit }: UnitView): ServerValue =>
  directoryId(unit.canonicalName, {
    dn: unit.distinguishedName,
    guid: unit.guid,
    domain: unit.domain.name,
    name: unit.name,
  });

const unitProperties: readonly PropertyShape<UnitView>[] = [
  { name: 'CanonicalName', value: ({ unit: u }) => stringValue(u.canonicalName) },
  {
    name: 'Type',
    value: enumValue(
      'Microsoft.Exchange.Data.Directory.Management.ExtendedOrganizationalUnitType',
      'OrganizationalUnit',
      0,
    ),
  },
  {
    name: 'HasChildren',
    value: ({ unit: u }) =>
      booleanValue(u.domain.units.some((other) => other.canonicalName.startsWith(`${u.canonicalName}/`))),
  },
  { name: 'PreferredLanguage', value: nullValue },
  { name: 'HideFromAddressBook', value: falseValue },
  { name: 'Identity', value: unitId },
  { name: 'IsValid', value: trueValue },
  { name: 'ExchangeVersion', value: version },
  { name: 'Name', value: ({ unit: u }) => stringValue(u.name) },
  { name: 'DistinguishedName', value: ({ unit: u }) => stringValue(u.distinguishedName) },
  { name: 'Guid', value: ({ unit: u }) => guidValue(u.guid) },
  { name: 'ObjectCategory', value: schema('Organizational-Unit') },
  { name: 'ObjectClass', value: strings(['top', 'organizationalUnit']) },
  { name: 'WhenChanged', value: (view) => local(changed(view)) },
  { name: 'WhenCreated', value: local(created) },
  { name: 'WhenChangedUTC', value: (view) => utc(changed(view)) },
  { name: 'WhenCreatedUTC', value: utc(created) },
  { name: 'OrganizationId', value: organizationId },
  { name: 'Id', value: unitId },
  { name: 'OriginatingServer', value: (view) => stringValue(view.originatingServer) },
  { name: 'ObjectState', value: unchanged },
];

export const unitShape: ObjectShape<UnitView> = shapeOf({
  types: chainOf('Microsoft.Exchange.Data.Directory.Management.ExtendedOrganizationalUnit', ...presentation),
  properties: unitProperties,
  display: ({ unit: u }) => u.canonicalName,
});
