/* ReducedRecipient (Get-Recipient) and User (Get-User) objects. */
import { rootDomainName } from '../organization/forest.ts';
import type { Recipient, RecipientClass } from '../organization/mailbox.ts';
import { idList, proxyList, stringList } from './mailbox-shape.ts';
import { type ObjectShape, type PropertyShape, shapeOf } from './object-shape.ts';
import {
  booleanValue,
  chainOf,
  directoryId,
  enumValue,
  falseValue,
  guidValue,
  listValue,
  local,
  nullValue,
  opaque,
  proxyAddress,
  type ServerValue,
  smtpAddress,
  stringValue,
  trueValue,
  utc,
} from './server-value.ts';

type Property = PropertyShape<Recipient>;
const enumeration = (name: string, text: string, value: number | bigint): ServerValue =>
  enumValue(`Microsoft.Exchange.Data.${name}`, text, value);
const typeNumbers: Readonly<Record<string, number>> = {
  User: 2,
  UserMailbox: 1,
  MailUser: 3,
  MailContact: 5,
  MailUniversalDistributionGroup: 6,
  PublicFolder: 10,
};
const objectId = (r: Recipient): ServerValue =>
  directoryId(r.canonicalName, { dn: r.distinguishedName, guid: r.guid, domain: r.domain.name, name: r.name });
const isMailbox = (r: Recipient): boolean => r.recipientClass === 'mailbox';
const schemaNames: Readonly<Record<RecipientClass, readonly [string, readonly string[]]>> = {
  mailbox: ['Person', ['top', 'person', 'organizationalPerson', 'user']],
  user: ['Person', ['top', 'person', 'organizationalPerson', 'user']],
  mailUser: ['Person', ['top', 'person', 'organizationalPerson', 'user']],
  remoteMailbox: ['Person', ['top', 'person', 'organizationalPerson', 'user']],
  contact: ['Person', ['top', 'person', 'organizationalPerson', 'contact']],
  group: ['Group', ['top', 'group']],
  publicFolder: ['ms-Exch-Public-Folder', ['top', 'publicFolder']],
};
const database = (r: Recipient): ServerValue =>
  isMailbox(r)
    ? directoryId(r.database.name, { dn: r.database.distinguishedName, guid: r.database.guid, domain: rootDomainName })
    : nullValue;
const text =
  (read: (r: Recipient) => string): Property['value'] =>
  (r: Recipient) =>
    stringValue(read(r));
const flag =
  (read: (r: Recipient) => boolean): Property['value'] =>
  (r: Recipient) =>
    booleanValue(read(r));

/** What every object of the directory tells at its end. */
const tail: readonly Property[] = [
  { name: 'Identity', value: objectId },
  { name: 'IsValid', value: trueValue },
  { name: 'ExchangeVersion', value: opaque('Microsoft.Exchange.Data.ExchangeObjectVersion', '0.20 (15.0.0.0)') },
  { name: 'Name', value: text((r) => r.name) },
  { name: 'DistinguishedName', value: text((r) => r.distinguishedName) },
  { name: 'Guid', value: (r) => guidValue(r.guid) },
  {
    name: 'ObjectCategory',
    value: (r) => {
      const [name] = schemaNames[r.recipientClass];
      return directoryId(`${rootDomainName}/Configuration/Schema/${name}`, {
        dn: `CN=${name},CN=Schema,CN=Configuration,DC=example,DC=test`,
        guid: '00000000-0000-0000-0000-000000000000',
        domain: rootDomainName,
      });
    },
  },
  { name: 'ObjectClass', value: (r) => listValue(stringList, schemaNames[r.recipientClass][1].map(stringValue)) },
  { name: 'WhenChanged', value: (r) => local(r.whenChanged) },
  { name: 'WhenCreated', value: (r) => local(r.whenCreated) },
  { name: 'WhenChangedUTC', value: (r) => utc(r.whenChanged) },
  { name: 'WhenCreatedUTC', value: (r) => utc(r.whenCreated) },
  { name: 'OrganizationId', value: opaque('Microsoft.Exchange.Data.Directory.OrganizationId', '') },
  { name: 'Id', value: objectId },
  { name: 'OriginatingServer', value: text((r) => r.originatingServer) },
  { name: 'ObjectState', value: enumeration('ObjectState', 'Unchanged', 1) },
];

const types: readonly Property[] = [
  {
    name: 'RecipientType',
    value: (r) => enumeration('Directory.Recipient.RecipientType', r.recipientType, typeNumbers[r.recipientType] ?? 0),
  },
  {
    name: 'RecipientTypeDetails',
    value: (r) => enumeration('Directory.Recipient.RecipientTypeDetails', r.details, r.detailsValue),
  },
];
const presentation = [
  'Microsoft.Exchange.Data.Directory.Management.ADPresentationObject',
  'Microsoft.Exchange.Data.Directory.ADObject',
  'Microsoft.Exchange.Data.Directory.ADRawEntry',
  'Microsoft.Exchange.Data.ConfigurableObject',
  'System.Object',
];
const customAttributes: readonly Property[] = Array.from({ length: 15 }, (_, place) => ({
  name: `CustomAttribute${place + 1}`,
  value: text((r) => (place === 0 ? r.note : (r.customAttributes[place + 1] ?? ''))),
}));

export const recipientShape: ObjectShape<Recipient> = shapeOf({
  types: chainOf('Microsoft.Exchange.Data.Directory.Management.ReducedRecipient', ...presentation),
  properties: [
    { name: 'ActiveSyncMailboxPolicy', value: nullValue },
    { name: 'AddressListMembership', value: listValue(idList, []) },
    { name: 'Alias', value: text((r) => r.alias) },
    {
      name: 'ArchiveDatabase',
      value: (r) => (isMailbox(r) && r.archiveDatabase !== undefined ? stringValue(r.archiveDatabase.name) : nullValue),
    },
    { name: 'ArchiveGuid', value: (r) => guidValue(r.archiveGuid ?? '00000000-0000-0000-0000-000000000000') },
    { name: 'City', value: stringValue('') },
    { name: 'Company', value: stringValue('') },
    ...customAttributes,
    { name: 'Database', value: database },
    { name: 'Department', value: stringValue('') },
    { name: 'DisplayName', value: text((r) => r.displayName) },
    { name: 'EmailAddresses', value: (r) => listValue(proxyList, r.emailAddresses.map(proxyAddress)) },
    { name: 'EmailAddressPolicyEnabled', value: flag((r) => r.emailAddressPolicyEnabled) },
    {
      name: 'ExchangeGuid',
      value: (r) => guidValue(isMailbox(r) ? r.exchangeGuid : '00000000-0000-0000-0000-000000000000'),
    },
    {
      name: 'ExternalEmailAddress',
      value: (r) => (r.externalEmailAddress === undefined ? nullValue : proxyAddress(r.externalEmailAddress)),
    },
    { name: 'ExternalDirectoryObjectId', value: stringValue('') },
    { name: 'HiddenFromAddressListsEnabled', value: flag((r) => r.hiddenFromAddressLists) },
    { name: 'IsDirSynced', value: flag((r) => r.isDirSynced) },
    { name: 'LitigationHoldEnabled', value: flag((r) => r.litigationHoldEnabled) },
    { name: 'ManagedBy', value: listValue(idList, []) },
    { name: 'Office', value: text((r) => r.office) },
    { name: 'OrganizationalUnit', value: text((r) => r.unit.canonicalName) },
    { name: 'PrimarySmtpAddress', value: (r) => smtpAddress(r.primarySmtpAddress ?? '') },
    ...types,
    { name: 'SamAccountName', value: text((r) => r.samAccountName) },
    { name: 'ServerLegacyDN', value: text((r) => (isMailbox(r) ? r.database.server.legacyDn : '')) },
    { name: 'ServerName', value: text((r) => (isMailbox(r) ? r.database.server.name.toLowerCase() : '')) },
    { name: 'WindowsLiveID', value: smtpAddress('') },
    {
      name: 'WhenMailboxCreated',
      value: (r) => (r.whenMailboxCreated === undefined ? nullValue : local(r.whenMailboxCreated)),
    },
    ...tail,
  ],
  display: (r) => r.name,
});

export const userShape: ObjectShape<Recipient> = shapeOf({
  types: chainOf(
    'Microsoft.Exchange.Data.Directory.Management.User',
    'Microsoft.Exchange.Data.Directory.Management.OrgPersonPresentationObject',
    ...presentation,
  ),
  properties: [
    { name: 'IsSecurityPrincipal', value: trueValue },
    { name: 'SamAccountName', value: text((r) => r.samAccountName) },
    { name: 'SidHistory', value: listValue(stringList, []) },
    { name: 'UserPrincipalName', value: text((r) => r.userPrincipalName) },
    { name: 'ResetPasswordOnNextLogon', value: falseValue },
    { name: 'IsLinked', value: flag((r) => r.isLinked) },
    { name: 'LinkedMasterAccount', value: text((r) => r.linkedMasterAccount) },
    { name: 'ExternalDirectoryObjectId', value: stringValue('') },
    { name: 'AccountDisabled', value: flag((r) => r.accountDisabled) },
    {
      name: 'UserAccountControl',
      value: (r) =>
        enumeration(
          'Directory.Recipient.UserAccountControlFlags',
          r.accountDisabled ? 'AccountDisabled, NormalAccount' : 'NormalAccount',
          r.accountDisabled ? 514 : 512,
        ),
    },
    { name: 'OrganizationalUnit', value: text((r) => r.unit.canonicalName) },
    { name: 'IsDirSynced', value: flag((r) => r.isDirSynced) },
    { name: 'City', value: stringValue('') },
    { name: 'Company', value: stringValue('') },
    { name: 'Department', value: stringValue('') },
    { name: 'DisplayName', value: text((r) => r.displayName) },
    { name: 'FirstName', value: stringValue('') },
    { name: 'LastName', value: stringValue('') },
    { name: 'Office', value: text((r) => r.office) },
    ...types,
    { name: 'WindowsEmailAddress', value: (r) => smtpAddress(r.primarySmtpAddress ?? '') },
    ...tail,
  ],
  display: (r) => r.name,
});
