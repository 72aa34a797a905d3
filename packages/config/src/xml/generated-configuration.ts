/*
 * The XML configuration of the identity-governance product for one connection: connector, connection, entity types,
 * mappings, association, resource type, jobs. Kinds of elements and attributes are those of the product's public guide
 * "Fulfill Microsoft Exchange via PowerShell"; so are the column numbers, which a second import must not change.
 */
import type { ConnectionSettings } from '../connection-settings.ts';
import { configurationNamespace, exchangePackage } from './connection-elements.ts';

/** A database of the last export: its roles can be generated. */
export interface KnownDatabase {
  readonly name: string;
  readonly guid: string;
}

export interface GeneratedFrom {
  readonly connection: Pick<ConnectionSettings, 'id' | 'additionalColumns' | 'deactivated' | 'databases'>;
  /** Empty where nothing was exported yet. */
  readonly databases: readonly KnownDatabase[];
}

/** Columns of a mailbox with their place in the product's table, in the order of the file. */
const mailboxColumns: Readonly<Record<string, number>> = {
  EmailAddresses: 8,
  UseDatabaseRetentionDefaults: 34,
  RetainDeletedItemsUntilBackup: 27,
  DeliverToMailboxAndForward: 28,
  ExchangeGuid: 5,
  ExchangeUserAccountControl: 35,
  ForwardingAddress: 40,
  ForwardingSmtpAddress: 41,
  IsMailboxEnabled: 36,
  ProhibitSendQuota: 19,
  ProhibitSendReceiveQuota: 20,
  RecoverableItemsQuota: 9,
  RecoverableItemsWarningQuota: 10,
  CalendarLoggingQuota: 11,
  IsResource: 29,
  IsLinked: 30,
  IsShared: 31,
  SamAccountName: 21,
  AntispamBypassEnabled: 32,
  ServerName: 26,
  UseDatabaseQuotaDefaults: 37,
  UserPrincipalName: 7,
  WhenMailboxCreated: 14,
  IsInactiveMailbox: 33,
  AccountDisabledIsDirSynced: 42,
  Alias: 22,
  OrganizationalUnit: 3,
  DisplayName: 12,
  MaxSendSize: 23,
  MaxReceiveSize: 24,
  PrimarySmtpAddress: 6,
  RecipientType: 17,
  RecipientTypeDetails: 18,
  Identity: 2,
  IsValid: 38,
  Name: 13,
  DistinguishedName: 1,
  Guid: 0,
  ObjectCategory: 4,
  WhenChangedUTC: 15,
  WhenCreatedUTC: 16,
  ObjectState: 25,
}; // prettier-ignore
const databaseColumns: Readonly<Record<string, number>> = {
  Name: 4,
  Server: 5,
  Mounted: 7,
  ObjectCategory: 1,
  Guid: 0,
  WhenChangedUTC: 2,
  WhenCreatedUTC: 3,
  ObjectState: 6,
}; // prettier-ignore
const firstFreeColumn = 43;
/** The product has 128 columns for values; navigation stands behind them. */
const lastColumn = 127;
const navigationColumn = 128;

const mailbox = 'MicrosoftExchange_Mailbox';
const database = 'MicrosoftExchange_Database';
const association = 'MicrosoftExchange_Mailbox_Database';
const resourceType = 'MicrosoftExchange_Mailbox_NominativeUser';
const connector = 'MicrosoftExchange';

type Attributes = Readonly<Record<string, string | number | boolean>>;

interface Element {
  readonly name: string;
  readonly attributes: Attributes;
  readonly children: readonly Element[];
}

function element(name: string, attributes: Attributes, children: readonly Element[] = []): Element {
  return { name, attributes, children };
}

function attributeText(text: string): string {
  const escapes: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };
  // XML 1.0 has no way to write the other control characters and half characters.
  const clean = text.toWellFormed().replace(/(?![\t\n\r])[\p{Cc}\ufffe\uffff]/gu, '\ufffd');
  return clean
    .replace(/[&<>"]/g, (sign) => escapes[sign] ?? sign)
    .replace(/[\t\n\r]/g, (sign) => `&#${sign.charCodeAt(0)};`);
}

function format({ name, attributes, children }: Element, indent: string): string {
  const pairs = Object.entries(attributes).map(([key, value]) => ` ${key}="${attributeText(String(value))}"`);
  const start = `${indent}<${name}${pairs.join('')}`;
  if (children.length === 0) return `${start} />\n`;
  return `${start}>\n${children.map((child) => format(child, `${indent}  `)).join('')}${indent}</${name}>\n`;
}

function scalar(identifier: string, index: number): Element {
  const key: Attributes = identifier === 'Guid' ? { IsKey: true } : {};
  return element('Property', {
    Identifier: identifier,
    DisplayName_L1: identifier,
    ...key,
    TargetColumnIndex: index,
    Type: 'String',
  });
}

function mailboxColumnsWith(additional: readonly string[]): Readonly<Record<string, number>> {
  const known = new Set([...Object.keys(mailboxColumns), 'Database'].map((name) => name.toLowerCase()));
  const others = additional.filter((name) => !known.has(name.toLowerCase())).slice(0, lastColumn + 1 - firstFreeColumn);
  return { ...mailboxColumns, ...Object.fromEntries(others.map((name, index) => [name, firstFreeColumn + index])) };
}

function entityTypes(columns: Readonly<Record<string, number>>): Element[] {
  const properties = (table: Readonly<Record<string, number>>) =>
    Object.entries(table).map(([name, index]) => scalar(name, index));
  const navigation = (name: string, attributes: Attributes) =>
    element('Property', { Identifier: name, DisplayName_L1: name, Type: 'ForeignKey', ...attributes });
  return [
    element('EntityType', { Identifier: database, DisplayName_L1: 'Microsoft Exchange - Database' }, [
      ...properties(databaseColumns),
      navigation('Mailboxes', {}),
    ]),
    element('EntityType', { Identifier: mailbox, DisplayName_L1: 'Microsoft Exchange - Mailbox' }, [
      ...properties(columns),
      navigation('Database', { TargetColumnIndex: navigationColumn }),
    ]),
  ];
}

function mappings(id: string, columns: Readonly<Record<string, number>>): Element[] {
  const map = (names: readonly string[], unique: string | undefined) =>
    names.map((name) => {
      const key: Attributes = name === 'Guid' ? { IsPrimaryKey: true } : name === unique ? { IsUniqueKey: true } : {};
      return element('Property', { Identifier: name, ConnectionColumn: name, ...key });
    });
  const mapping = (identifier: string, table: string, properties: readonly Element[]) =>
    element('EntityTypeMapping', { Identifier: identifier, Connector: connector, ConnectionTable: table }, properties);
  return [
    mapping(database, `${id}_databases`, map(Object.keys(databaseColumns), 'Name')),
    mapping(mailbox, `${id}_mailboxes`, map(Object.keys(columns), undefined)),
    element('EntityAssociation', {
      Identifier: association,
      DisplayName_L1: 'Database',
      IsProperty1Collection: true,
      Property1: `${database}:Mailboxes`,
      Property2: `${mailbox}:Database`,
    }),
    element('EntityAssociationMapping', {
      Identifier: association,
      Column1: 'Database',
      Column2: 'Guid',
      Connector: connector,
      ConnectionTable: `${id}_mailboxes`,
      EntityPropertyMapping1: `${database}:Name`,
      EntityPropertyMapping2: `${mailbox}:Guid`,
    }),
  ];
}

const addressesExpression =
  'C#:person:return String.IsNullOrEmpty(person.ProxyAddress) ? "SMTP:" + person.Mail : "smtp:" + person.ProxyAddress + " SMTP:" + person.Mail;';

/** One role a database, which its holder's mailbox goes into; without databases, the first one by its name. */
function databaseRules({ databases, connection }: GeneratedFrom): readonly Element[] {
  if (databases.length > 0)
    return databases.map(({ name, guid }) =>
      element('NavigationRule', { Property: 'Database', Resource: guid, SingleRole: name }),
    );
  const name = connection.databases[0] ?? 'DB1';
  const literal = `"${name.replace(/["\\]/g, '\\$&')}"`;
  return [
    element('QueryRule', {
      Property: 'Database',
      Policy: 'Default',
      TargetBinding: `${database}:Name`,
      SourceExpression: `C#:person:return ${literal};`,
      TargetMatchedConfidenceLevel: 100,
    }),
  ];
}

function roleModel(from: GeneratedFrom): Element[] {
  const roles = from.databases.map(({ name }) =>
    element('SingleRole', {
      Identifier: name,
      DisplayName_L1: name,
      Category: connector,
      ApprovalWorkflowType: 'One',
      EntityType: 'Directory_User',
      Policy: 'Default',
    }),
  );
  return [
    ...roles,
    element(
      'ResourceType',
      {
        Identifier: resourceType,
        DisplayName_L1: 'Microsoft Exchange Mailbox (nominative)',
        Policy: 'Default',
        TargetEntityType: mailbox,
        Category: connector,
        SourceEntityType: 'Directory_User',
        ApprovalWorkflowType: 'One',
      },
      [
        element('ScalarRule', { Property: 'SamAccountName', Binding: 'Login' }),
        element('ScalarRule', { Property: 'PrimarySmtpAddress', Binding: 'Mail' }),
        element('ScalarRule', { Property: 'EmailAddresses', Expression: addressesExpression }),
        ...databaseRules(from),
      ],
    ),
    element('ResourceTypeMapping', { Identifier: resourceType, Connection: from.connection.id }),
    element('ResourceCorrelationRule', {
      ResourceType: resourceType,
      TargetBinding: 'SamAccountName',
      Policy: 'Default',
      SourceMatchedConfidenceLevel: 100,
      SourceBinding: 'Login',
    }),
    ...[database, mailbox].map((entityType) =>
      element('EntityPropertyExpression', {
        Identifier: `${entityType}_InternalDisplayName`,
        Expression: 'C#:item:return item.Name;',
        EntityType: entityType,
        Property: 'InternalDisplayName',
      }),
    ),
  ];
}

function jobs(): Element[] {
  const job = (kind: 'Complete' | 'Incremental') =>
    element(
      `CreateConnectorSynchro${kind}`,
      {
        Connector: connector,
        DisplayName_L1: `Microsoft Exchange - Synchronization ${kind}`,
        JobIdentifier: `MicrosoftExchange_Synchronize_${kind}`,
      },
      [element('OpenIdIdentifier', { Identifier: 'Job' })],
    );
  return [job('Complete'), job('Incremental')];
}

const deactivationNumbers = { nothing: 0, export: 1, fulfillment: 2 } as const;

/** The whole file, in UTF-8's characters, lines ended by a line feed. */
export function generateConfiguration(from: GeneratedFrom): string {
  const { id, additionalColumns, deactivated } = from.connection;
  const columns = mailboxColumnsWith(additionalColumns);
  const parts: readonly (readonly [comment: string, elements: readonly Element[]])[] = [
    [
      'Connector and connection',
      [
        element('Connector', { Identifier: connector, DisplayName_L1: 'Microsoft Exchange', Agent: 'Local' }),
        element('Connection', {
          Connector: connector,
          Identifier: id,
          DisplayName_L1: 'Connection Microsoft Exchange',
          Package: exchangePackage,
          DeactivationExportFulfill: deactivationNumbers[deactivated],
        }),
        element('Category', { Policy: 'Default', Identifier: connector, DisplayName_L1: 'Microsoft Exchange' }),
      ],
    ],
    ['Entity types', entityTypes(columns)],
    ['Mappings of the exported columns, and the association of a mailbox with its database', mappings(id, columns)],
    [
      from.databases.length > 0
        ? 'Role model: the role of a database decides where a mailbox is created'
        : 'Role model: no export was found that could be read, so every mailbox goes into the database named below; generated again after an export, there is a role for each database',
      roleModel(from),
    ],
    ['Jobs', jobs()],
  ];
  const body = parts.map(
    ([comment, elements]) => `  <!-- ${comment} -->\n${elements.map((each) => format(each, '  ')).join('')}`,
  );
  return `<?xml version="1.0" encoding="utf-8"?>\n<ConfigurationFile xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="${configurationNamespace}">\n${body.join('\n')}</ConfigurationFile>\n`;
}
