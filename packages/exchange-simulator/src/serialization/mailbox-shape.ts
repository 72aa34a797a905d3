/* The Mailbox object: where each of its 228 properties comes from. */
import { configurationDn, type MailboxDatabase, rootDomainName } from '../organization/forest.ts';
import { Mailbox, type Recipient } from '../organization/mailbox.ts';
import { mailboxPropertyOrder, type PropertyTag } from './mailbox-property-order.ts';
import { type ObjectShape, type PropertyShape, shapeOf } from './object-shape.ts';
import {
  booleanValue,
  chainOf,
  cultureValue,
  daysValue,
  directoryId,
  emptyGuidValue,
  enumValue,
  falseValue,
  guidValue,
  integerValue,
  listValue,
  local,
  nullValue,
  opaque,
  proxyAddress,
  quotaValue,
  type ServerValue,
  sizeValue,
  smtpAddress,
  stringValue,
  trueValue,
  type TypeChain,
  unlimited,
  utc,
} from './server-value.ts';

const exchange = 'Version=15.0.0.0, Culture=neutral, PublicKeyToken=31bf3856ad364e35';
const framework = 'Version=4.0.0.0, Culture=neutral, PublicKeyToken=b77a5c561934e089';
const base = 'Microsoft.Exchange.Data.MultiValuedPropertyBase';
const multi = (item: string): TypeChain =>
  chainOf(`Microsoft.Exchange.Data.MultiValuedProperty\`1[[${item}]]`, base, 'System.Object');
const adMulti = (item: string): TypeChain =>
  chainOf(
    `Microsoft.Exchange.Data.Directory.ADMultiValuedProperty\`1[[${item}]]`,
    `Microsoft.Exchange.Data.MultiValuedProperty\`1[[${item}]]`,
    base,
    'System.Object',
  );
const inDirectory = (name: string): string =>
  `Microsoft.Exchange.Data.Directory.${name}, Microsoft.Exchange.Data.Directory, ${exchange}`;

export const stringList = multi(`System.String, mscorlib, ${framework}`);
export const idList = adMulti(inDirectory('ADObjectId'));
const bytesList = multi(`System.Byte[], mscorlib, ${framework}`);
const auditList = adMulti(inDirectory('MailboxAuditOperations'));
export const proxyList = chainOf(
  'Microsoft.Exchange.Data.ProxyAddressCollection',
  `Microsoft.Exchange.Data.ProxyAddressBaseCollection\`1[[Microsoft.Exchange.Data.ProxyAddress, Microsoft.Exchange.Data, ${exchange}]]`,
  `Microsoft.Exchange.Data.MultiValuedProperty\`1[[Microsoft.Exchange.Data.ProxyAddress, Microsoft.Exchange.Data, ${exchange}]]`,
  base,
  'System.Object',
);
const listTypes: Readonly<Record<string, TypeChain>> = {
  MailboxProvisioningPreferences: adMulti(inDirectory('MailboxProvisioningConstraint')),
  MailboxLocations: chainOf(
    `System.Collections.Generic.List\`1[[${inDirectory('IMailboxLocationInfo')}]]`,
    'System.Object',
  ),
  AggregatedMailboxGuids: multi(`System.Guid, mscorlib, ${framework}`),
  Languages: multi(`System.Globalization.CultureInfo, mscorlib, ${framework}`),
  UserSMimeCertificate: bytesList,
  UserCertificate: bytesList,
  PersistedCapabilities: adMulti(inDirectory('Capability')),
  AuditAdmin: auditList,
  AuditDelegate: auditList,
  AuditOwner: auditList,
  EmailAddresses: proxyList,
  ...Object.fromEntries(
    (
      'GeneratedOfflineAddressBooks AcceptMessagesOnlyFrom AcceptMessagesOnlyFromDLMembers AcceptMessagesOnlyFromSendersOrMembers AddressListMembership ' +
      'AdministrativeUnits BypassModerationFromSendersOrMembers GrantSendOnBehalfTo ModeratedBy RejectMessagesFrom RejectMessagesFromDLMembers ' +
      'RejectMessagesFromSendersOrMembers'
    )
      .split(' ')
      .map((name) => [name, idList]),
  ),
};

const strings = (texts: readonly string[]): ServerValue => listValue(stringList, texts.map(stringValue));
const enumeration = (name: string, text: string, value: number | bigint): ServerValue =>
  enumValue(`Microsoft.Exchange.Data.${name}`, text, value);
const configurationId = (name: string, container: string): ServerValue =>
  directoryId(name, {
    dn: `CN=${name},${container},${configurationDn()}`,
    guid: '00000000-0000-0000-0000-000000000000',
    domain: rootDomainName,
  });
const audit = (names: readonly string[]): ServerValue =>
  listValue(
    auditList,
    names.map((name, index) => enumValue('Microsoft.Exchange.Data.Directory.MailboxAuditOperations', name, 2 ** index)),
  );

/** Values that every mailbox shares. */
const constants: Readonly<Record<string, ServerValue>> = {
  IsHierarchyReady: trueValue,
  IsHierarchySyncEnabled: trueValue,
  LitigationHoldDuration: unlimited('timeSpan'),
  ExchangeSecurityDescriptor: opaque(
    'System.Security.AccessControl.RawSecurityDescriptor',
    'System.Security.AccessControl.RawSecurityDescriptor',
    false,
  ),
  AdminDisplayVersion: opaque('Microsoft.Exchange.Data.ServerVersion', 'Version 15.1 (Build 2507.6)'),
  MessageTrackingReadStatusEnabled: trueValue,
  ExternalOofOptions: enumeration('Directory.Recipient.ExternalOofOptions', 'External', 0),
  IsMailboxEnabled: trueValue,
  RulesQuota: sizeValue(262_144),
  ProtocolSettings: strings(['RemotePowerShell§1']),
  ArchiveQuota: quotaValue(107_374_182_400),
  ArchiveWarningQuota: quotaValue(96_636_764_160),
  ArchiveStatus: enumeration('Directory.Recipient.ArchiveStatusFlags', 'None', 0),
  RemoteRecipientType: enumeration('Directory.Recipient.RemoteRecipientType', 'None', 0n),
  IsMachineToPersonTextMessagingEnabled: trueValue,
  AuditLogAgeLimit: daysValue(90),
  AuditAdmin: audit([
    'Update',
    'Move',
    'MoveToDeletedItems',
    'SoftDelete',
    'HardDelete',
    'FolderBind',
    'SendAs',
    'SendOnBehalf',
    'Create',
  ]),
  AuditDelegate: audit(['Update', 'SoftDelete', 'HardDelete', 'SendAs', 'Create']),
  AddressListMembership: listValue(
    idList,
    [
      '\\Mailboxes(VLV)',
      '\\All Mailboxes(VLV)',
      '\\All Recipients(VLV)',
      '\\Default Global Address List',
      '\\All Users',
    ].map((name) =>
      directoryId(name, {
        dn: `CN=${name.slice(1)},CN=All Address Lists,CN=Address Lists Container,${configurationDn()}`,
        guid: '00000000-0000-0000-0000-000000000000',
        domain: rootDomainName,
      }),
    ),
  ),
  RecipientType: enumeration('Directory.Recipient.RecipientType', 'UserMailbox', 1),
  SendModerationNotifications: enumeration('Directory.Recipient.TransportModerationNotificationFlags', 'Always', 3),
  IsValid: trueValue,
  ExchangeVersion: opaque('Microsoft.Exchange.Data.ExchangeObjectVersion', '0.20 (15.0.0.0)'),
  ObjectCategory: directoryId(`${rootDomainName}/Configuration/Schema/Person`, {
    dn: `CN=Person,CN=Schema,CN=Configuration,DC=example,DC=test`,
    guid: '6ff9d1a5-3f1e-4d27-9f3e-1f6f3a1c0001',
    domain: rootDomainName,
  }),
  ObjectClass: strings(['top', 'person', 'organizationalPerson', 'user']),
  OrganizationId: opaque('Microsoft.Exchange.Data.Directory.OrganizationId', ''),
  ObjectState: enumeration('ObjectState', 'Unchanged', 1),
  PoliciesIncluded: strings(['7b1c9e54-8f2d-4a66-9d3e-0a5f4c2b1e04', '{26491cfc-9e50-4857-861b-0cb8df22b5d7}']),
};

const databaseId = (db: MailboxDatabase): ServerValue =>
  directoryId(db.name, { dn: db.distinguishedName, guid: db.guid, domain: rootDomainName });

/** A database that a move names; a link to one that was removed is gone. */
export function moveDatabase(recipient: Recipient, guid: string | undefined): ServerValue {
  const database = guid === undefined ? undefined : recipient.databaseNamed(guid);
  return database === undefined ? nullValue : databaseId(database);
}
const objectId = (m: Recipient): ServerValue =>
  directoryId(m.canonicalName, { dn: m.distinguishedName, guid: m.guid, domain: m.domain.name, name: m.name });
const keypad = (text: string): string =>
  text
    .toLowerCase()
    .replace(/[^a-z0-9]/g, '')
    .replace(/[a-z]/g, (letter) => '22233344455566677778889999'[letter.charCodeAt(0) - 97] as string);

const noMoveFlags = enumeration('Directory.Recipient.RequestFlags', 'None', 0);
const moveFlags = enumeration('Directory.Recipient.RequestFlags', 'IntraOrg, Pull', 5);
const moveStatus = {
  None: enumeration('Directory.Recipient.RequestStatus', 'None', 0),
  Queued: enumeration('Directory.Recipient.RequestStatus', 'Queued', 1),
  InProgress: enumeration('Directory.Recipient.RequestStatus', 'InProgress', 2),
  Completed: enumeration('Directory.Recipient.RequestStatus', 'Completed', 10),
  Suspended: enumeration('Directory.Recipient.RequestStatus', 'Suspended', 98),
  Failed: enumeration('Directory.Recipient.RequestStatus', 'Failed', 99),
} as const;
const defaultRolePolicy = configurationId('Default Role Assignment Policy', 'CN=Policies,CN=RBAC');
const defaultSharingPolicy = configurationId('Default Sharing Policy', 'CN=Federation');
const fourteenDays = daysValue(14);
const anyNumber = unlimited('integer');

/** A setting that names a policy: undefined stands for its default, null for none. */
const policy = (setting: string | number | boolean | null | undefined, container: string, byDefault: ServerValue) =>
  setting === undefined ? byDefault : setting === null ? nullValue : configurationId(String(setting), container);
const textSetting = (setting: string | number | boolean | null | undefined): ServerValue =>
  stringValue(setting === undefined || setting === null ? '' : String(setting));

/** Values that are the mailbox's own. */
const own: Readonly<Record<string, (m: Recipient) => ServerValue>> = {
  RetainDeletedItemsFor: ({ settings }) =>
    typeof settings['RetainDeletedItemsFor'] === 'number' ? daysValue(settings['RetainDeletedItemsFor']) : fourteenDays,
  RecipientLimits: ({ settings }) =>
    typeof settings['RecipientLimits'] === 'number'
      ? opaque('Microsoft.Exchange.Data.Unlimited`1', String(settings['RecipientLimits']))
      : anyNumber,
  RoleAssignmentPolicy: ({ settings }) =>
    policy(settings['RoleAssignmentPolicy'], 'CN=Policies,CN=RBAC', defaultRolePolicy),
  SharingPolicy: ({ settings }) => policy(settings['SharingPolicy'], 'CN=Federation', defaultSharingPolicy),
  RetentionPolicy: ({ settings }) => policy(settings['RetentionPolicy'], 'CN=Retention Policies Container', nullValue),
  AddressBookPolicy: ({ settings }) =>
    policy(settings['AddressBookPolicy'], 'CN=AddressBook Mailbox Policies', nullValue),
  SimpleDisplayName: ({ settings }) => textSetting(settings['SimpleDisplayName']),
  MailTip: ({ settings }) => (typeof settings['MailTip'] === 'string' ? stringValue(settings['MailTip']) : nullValue),
  RequireSenderAuthenticationEnabled: ({ settings }) =>
    booleanValue(settings['RequireSenderAuthenticationEnabled'] === true),
  LitigationHoldEnabled: (m) => booleanValue(m.litigationHoldEnabled),
  SingleItemRecoveryEnabled: (m) => booleanValue(m.singleItemRecoveryEnabled),
  MailboxMoveFlags: (m) => (m.move === undefined ? noMoveFlags : moveFlags),
  MailboxMoveStatus: (m) => moveStatus[m.move?.status ?? 'None'],
  MailboxMoveBatchName: (m) => stringValue(m.move?.batchName ?? ''),
  MailboxMoveSourceMDB: (m) => moveDatabase(m, m.move?.sourceDatabase),
  MailboxMoveTargetMDB: (m) => moveDatabase(m, m.move?.targetDatabase),
  Database: (m) => databaseId(m.database),
  UseDatabaseRetentionDefaults: (m) => booleanValue(m.useDatabaseRetentionDefaults),
  RetainDeletedItemsUntilBackup: (m) => booleanValue(m.retainDeletedItemsUntilBackup),
  DeliverToMailboxAndForward: (m) => booleanValue(m.deliverToMailboxAndForward),
  ExchangeGuid: (m) => guidValue(m.exchangeGuid),
  MailboxLocations: (m) =>
    listValue(listTypes['MailboxLocations'] as TypeChain, [
      stringValue(`1;${m.exchangeGuid};Primary;${m.domain.name};${m.database.guid}`),
    ]),
  ExchangeUserAccountControl: (m) =>
    enumeration('Directory.Recipient.UserAccountControlFlags', m.exchangeUserAccountControl, m.accountDisabled ? 2 : 0),
  ForwardingAddress: (m) =>
    m.forwardingAddress === undefined
      ? nullValue
      : directoryId(m.forwardingAddress, {
          dn: m.forwardingDn ?? '',
          guid: m.exchangeGuid,
          domain: m.domain.name,
        }),
  ForwardingSmtpAddress: (m) =>
    m.forwardingSmtpAddress === undefined ? nullValue : proxyAddress(m.forwardingSmtpAddress),
  Languages: (m) => listValue(listTypes['Languages'] as TypeChain, m.languages.map(cultureValue)),
  IssueWarningQuota: (m) => quotaValue(m.issueWarningQuota),
  ProhibitSendQuota: (m) => quotaValue(m.prohibitSendQuota),
  ProhibitSendReceiveQuota: (m) => quotaValue(m.prohibitSendReceiveQuota),
  RecoverableItemsQuota: (m) => quotaValue(m.recoverableItemsQuota),
  RecoverableItemsWarningQuota: (m) => quotaValue(m.recoverableItemsWarningQuota),
  CalendarLoggingQuota: (m) => quotaValue(m.calendarLoggingQuota),
  IsResource: (m) => booleanValue(m.isResource),
  IsLinked: (m) => booleanValue(m.isLinked),
  IsShared: (m) => booleanValue(m.isShared),
  IsRootPublicFolderMailbox: (m) => booleanValue(m.kind === 'publicFolder' && m.index === 9),
  LinkedMasterAccount: (m) => stringValue(m.linkedMasterAccount),
  ResourceCapacity: (m) => (m.resourceCapacity === undefined ? nullValue : integerValue(m.resourceCapacity)),
  ResourceType: (m) =>
    m.isResource
      ? enumeration(
          'Directory.Recipient.ExchangeResourceType',
          m.kind === 'room' ? 'Room' : 'Equipment',
          m.kind === 'room' ? 0 : 1,
        )
      : nullValue,
  RoomMailboxAccountEnabled: (m) => (m.kind === 'room' ? falseValue : nullValue),
  SamAccountName: (m) => stringValue(m.samAccountName),
  AntispamBypassEnabled: (m) => booleanValue(m.antispamBypassEnabled),
  ServerLegacyDN: (m) => stringValue(m.database.server.legacyDn),
  ServerName: (m) => stringValue(m.database.server.name.toLowerCase()),
  UseDatabaseQuotaDefaults: (m) => booleanValue(m.useDatabaseQuotaDefaults),
  Office: (m) => stringValue(m.office),
  UserPrincipalName: (m) => stringValue(m.userPrincipalName),
  WindowsLiveID: () => smtpAddress(''),
  MicrosoftOnlineServicesID: () => smtpAddress(''),
  ArchiveGuid: (m) => (m.archiveGuid === undefined ? emptyGuidValue : guidValue(m.archiveGuid)),
  ArchiveName: (m) => strings(m.archiveGuid === undefined ? [] : [`In-Place Archive - ${m.displayName}`]),
  ArchiveDatabase: (m) => (m.archiveDatabase === undefined ? nullValue : databaseId(m.archiveDatabase)),
  ArchiveState: (m) =>
    enumeration(
      'Directory.Recipient.ArchiveState',
      m.archiveGuid === undefined ? 'None' : 'Local',
      m.archiveGuid === undefined ? 0 : 1,
    ),
  QueryBaseDN: (m) =>
    m.noise(1) % 50 === 0
      ? directoryId(m.domain.name, {
          dn: m.domain.distinguishedName,
          guid: m.domain.users.guid,
          domain: m.domain.name,
          name: m.domain.name,
        })
      : nullValue,
  WhenMailboxCreated: (m) => (m.whenMailboxCreated === undefined ? nullValue : local(m.whenMailboxCreated)),
  AccountDisabled: (m) => booleanValue(m.accountDisabled),
  IsDirSynced: (m) => booleanValue(m.isDirSynced),
  HasPicture: (m) => booleanValue(m.noise(2) % 3 === 0),
  Alias: (m) => stringValue(m.alias),
  OrganizationalUnit: (m) => stringValue(m.unit.canonicalName),
  CustomAttribute1: (m) => stringValue(m.note),
  ...Object.fromEntries(
    Array.from({ length: 14 }, (_, place) => [
      `CustomAttribute${place + 2}`,
      (m: Recipient): ServerValue => stringValue(m.customAttributes[place + 2] ?? ''),
    ]),
  ),
  ExtensionCustomAttribute1: (m) => strings(m.noise(3) % 9 === 0 ? ['one', 'two; three', ''] : []),
  DisplayName: (m) => stringValue(m.displayName),
  EmailAddresses: (m) => listValue(proxyList, m.emailAddresses.map(proxyAddress)),
  HiddenFromAddressListsEnabled: (m) => booleanValue(m.hiddenFromAddressLists),
  LegacyExchangeDN: (m) => stringValue(m.legacyExchangeDn),
  MaxSendSize: (m) => quotaValue(m.maxSendSize),
  MaxReceiveSize: (m) => quotaValue(m.maxReceiveSize),
  EmailAddressPolicyEnabled: (m) => booleanValue(m.emailAddressPolicyEnabled),
  PrimarySmtpAddress: (m) => smtpAddress(m.primarySmtpAddress ?? ''),
  WindowsEmailAddress: (m) => smtpAddress(m.primarySmtpAddress ?? ''),
  RecipientTypeDetails: (m) => enumeration('Directory.Recipient.RecipientTypeDetails', m.details, m.detailsValue),
  UMDtmfMap: (m) =>
    strings([
      `emailAddress:${keypad(m.samAccountName)}`,
      `lastNameFirstName:${keypad(m.name)}`,
      `firstNameLastName:${keypad(m.name)}`,
    ]),
  Identity: objectId,
  Id: objectId,
  Name: (m) => stringValue(m.name),
  DistinguishedName: (m) => stringValue(m.distinguishedName),
  Guid: (m) => guidValue(m.guid),
  WhenChanged: (m) => local(m.whenChanged),
  WhenCreated: (m) => local(m.whenCreated),
  WhenChangedUTC: (m) => utc(m.whenChanged),
  WhenCreatedUTC: (m) => utc(m.whenCreated),
  OriginatingServer: (m) => stringValue(m.originatingServer),
};

/** Of a mailbox as it was computed these are what they always are; only one that was changed is asked. */
const usual: Readonly<Record<string, ServerValue>> = {
  RetainDeletedItemsFor: fourteenDays,
  RecipientLimits: anyNumber,
  RoleAssignmentPolicy: defaultRolePolicy,
  SharingPolicy: defaultSharingPolicy,
  RetentionPolicy: nullValue,
  AddressBookPolicy: nullValue,
  SimpleDisplayName: stringValue(''),
  MailTip: nullValue,
  RequireSenderAuthenticationEnabled: falseValue,
  LitigationHoldEnabled: falseValue,
  SingleItemRecoveryEnabled: falseValue,
  MailboxMoveFlags: noMoveFlags,
  MailboxMoveStatus: moveStatus.None,
  MailboxMoveBatchName: stringValue(''),
  MailboxMoveSourceMDB: nullValue,
  MailboxMoveTargetMDB: nullValue,
  ...Object.fromEntries(
    Array.from({ length: 14 }, (_, place) => [`CustomAttribute${place + 2}`, stringValue('')] as const),
  ),
};

const empties: Readonly<Record<Exclude<PropertyTag, 'Obj'>, ServerValue>> = {
  S: stringValue(''),
  Nil: nullValue,
  B: falseValue,
  DT: nullValue,
  G: emptyGuidValue,
};

function valueFor(tag: PropertyTag, name: string): PropertyShape<Recipient>['value'] {
  return own[name] ?? constants[name] ?? (tag === 'Obj' ? listValue(listTypes[name] ?? stringList, []) : empties[tag]);
}

const mailboxTypes = chainOf(
  'Microsoft.Exchange.Data.Directory.Management.Mailbox',
  'Microsoft.Exchange.Data.Directory.Management.MailEnabledOrgPerson',
  'Microsoft.Exchange.Data.Directory.Management.MailEnabledRecipient',
  'Microsoft.Exchange.Data.Directory.Management.ADPresentationObject',
  'Microsoft.Exchange.Data.Directory.ADObject',
  'Microsoft.Exchange.Data.Directory.ADRawEntry',
  'Microsoft.Exchange.Data.ConfigurableObject',
  'System.Object',
);

/** The shape of a mailbox; `missing` leaves properties out, as an older version of Exchange does. */
export function mailboxShape(missing: ReadonlySet<string> = new Set()): ObjectShape<Recipient> {
  const properties = mailboxPropertyOrder
    .filter(([, name]) => !missing.has(name))
    .map(([tag, name]): PropertyShape<Recipient> => {
      const value = valueFor(tag, name);
      const known = usual[name];
      return known === undefined ? { name, value } : { name, value, usual: known };
    });
  return shapeOf({ types: mailboxTypes, properties, display: (m) => m.name, isUsual: (m) => m instanceof Mailbox });
}
