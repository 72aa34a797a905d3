import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  generateConfiguration,
  type LoadedSettings,
  loadSettings,
  readKnownDatabases,
} from '@exchange-connector/config';
import { readXmlDocument } from '../src/xml/xml-document.ts';
import { describe, makeFolder, remarksOf, settingsOf } from './settings-folder.ts';

const namespace = 'urn:schemas-usercube-com:configuration';
const ours = 'Usercube.MicrosoftExchange@0000001';

function file(...elements: string[]): string {
  return `<?xml version="1.0" encoding="utf-8"?>\n<ConfigurationFile xmlns="${namespace}">\n${elements.join('\n')}\n</ConfigurationFile>\n`;
}

function connection(id: string, more = '', packageName = ours): string {
  return `<Connection Connector="MicrosoftExchange" Identifier="${id}" DisplayName_L1="x" Package="${packageName}" ${more}/>`;
}

/** Settings with connections A and B beside an XML configuration in `../Conf`. */
function load(context: TestContext, files: Readonly<Record<string, string | Uint8Array>>): LoadedSettings {
  const server = { Server: 'http://mail.contoso.com/PowerShell/' };
  const settingsFolder = makeFolder(context, { 'appsettings.agent.json': { Connections: { A: server, B: server } } });
  const folder = join(dirname(settingsFolder), 'Conf');
  for (const [name, content] of Object.entries(files)) {
    mkdirSync(dirname(join(folder, name)), { recursive: true });
    writeFileSync(join(folder, name), content);
  }
  return loadSettings({ settingsFolder, environment: {} });
}

function deactivated(loaded: LoadedSettings): Record<string, string> {
  return Object.fromEntries(settingsOf(loaded).connections.map(({ id, deactivated }) => [id, deactivated]));
}

test('DeactivationExportFulfill is read as a number or by name, whatever the case of the identifier', (context) => {
  for (const [given, expected] of [
    ['', 'nothing'],
    ['DeactivationExportFulfill="0"', 'nothing'],
    ['DeactivationExportFulfill="1"', 'export'],
    ["DeactivationExportFulfill='2'", 'fulfillment'],
    ['DeactivationExportFulfill="None"', 'nothing'],
    ['DeactivationExportFulfill="Export"', 'export'],
    ['DeactivationExportFulfill="fulfill"', 'fulfillment'],
    ['DeactivationExportFulfill="&#49;"', 'export'],
  ] as const) {
    const loaded = load(context, { 'MicrosoftExchange/Connector.xml': file('<Connector/>', connection('a', given)) });
    assert.deepEqual(deactivated(loaded), { A: expected, B: 'nothing' }, given);
  }
});

test('without an XML configuration nothing is switched off', (context) => {
  assert.deepEqual(deactivated(load(context, {})), { A: 'nothing', B: 'nothing' });
});

test('settings of another package’s connection are left to it', (context) => {
  const loaded = load(context, { 'a.xml': file(connection('B', '', 'Usercube.AD@0000001')) });
  assert.deepEqual(deactivated(loaded), { A: 'nothing' });
});

test('documents of other kinds are passed over, whatever they hold', (context) => {
  const loaded = load(context, {
    'a.xml': '<Other><Connection Identifier="A" DeactivationExportFulfill="9"/></Other>',
    'b.xml': file(connection('A', 'DeactivationExportFulfill="9"')).replace(namespace, 'urn:other'),
    'c.xml': '<no xml at all',
    'd.txt': file(connection('A', 'DeactivationExportFulfill="1"')),
    'e.xml': file(
      `<!-- ${connection('A', 'DeactivationExportFulfill="1"')} -->`,
      '<Group><Connection Identifier="A"/></Group>',
    ),
  });
  assert.deepEqual(deactivated(loaded), { A: 'nothing', B: 'nothing' });
});

test('UTF-16 and prefixes of the namespace are read', (context) => {
  const text = `<c:ConfigurationFile xmlns:c="${namespace}"><c:Connection Identifier="A" Connector="x" DisplayName_L1="x" Package="${ours}" DeactivationExportFulfill="1"/></c:ConfigurationFile>`;
  assert.deepEqual(deactivated(load(context, { 'a.xml': Buffer.from(`\ufeff${text}`, 'utf16le') })), {
    A: 'export',
    B: 'nothing',
  });
});

test('what is wrong in the XML is told with its file and place', (context) => {
  const faults: readonly (readonly [files: Record<string, string>, expected: readonly string[]])[] = [
    [
      { 'a.xml': file(connection('A', 'DeactivationExportFulfill="3"')) },
      [
        'error 3:1 Connection "A": found DeactivationExportFulfill="3"; allowed is 0 (None: both), 1 (Export: no export) or 2 (Fulfill: no fulfilment)',
      ],
    ],
    [
      { 'a.xml': file(connection('A')), 'b.xml': file('', connection('a')) },
      ['error 4:1 Connection "a": stands twice: also at <folder>/a.xml:3:1; keep one of them'],
    ],
    [
      { 'a.xml': file(connection('A_b')) },
      [
        'error 3:1 Connection "A_b": the identifier contains _, and none of < > : " / \\ | ? * _ is allowed in it',
        'warning 3:1 Connection "A_b": has no settings: no source has Connections.A_b',
      ],
    ],
    [
      { 'a.xml': file('<Connection Identifier="A"', 'x="<"/>') },
      ['error 4:4 : is not well-formed XML: Unescaped `<` is not allowed in an attribute value'],
    ],
    [
      { 'a.xml': file(connection('A'), '<open>') },
      ['error 5:1 : is not well-formed XML: Missing end tag for element open'],
    ],
    [{ 'a.xml': file(connection('C')) }, ['warning 3:1 Connection "C": has no settings: no source has Connections.C']],
    [
      { 'a.xml': file(connection('A', '', 'Usercube.MicrosoftExchange@0000002')) },
      [
        `warning 3:1 Connection "A": has the package "Usercube.MicrosoftExchange@0000002"; this connector stands for ${ours}`,
      ],
    ],
    [
      { 'a.xml': file(`<Connection Identifier="A" Package="${ours}"/>`) },
      ['Connector', 'DisplayName_L1'].map(
        (name) => `warning 3:1 Connection "A": has no ${name}, which the product's import requires`,
      ),
    ],
  ]; // prettier-ignore
  for (const [files, expected] of faults) {
    const remarks = remarksOf(load(context, files));
    const told = remarks.map(({ severity, position, path, source, message }) => {
      const folder = dirname(source);
      const place = position === undefined ? '-' : `${position.line}:${position.column}`;
      return `${severity} ${place} ${path}: ${message.replaceAll(folder, '<folder>')}`;
    });
    assert.deepEqual(told, expected);
  }
});

test('XML made to hurt a reader is refused', (context) => {
  const refusal = (text: string | Uint8Array) => describe(remarksOf(load(context, { 'a.xml': text }))).join();
  assert.match(refusal(file(connection('A'), '<a>'.repeat(100_000))), /nests deeper than 200 elements/);
  const bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]>';
  assert.match(
    refusal(`${bomb}<ConfigurationFile xmlns="${namespace}">${connection('&b;')}</ConfigurationFile>`),
    /is not well-formed XML: .*entity/i,
  );
  assert.match(
    refusal(`<!DOCTYPE x SYSTEM "file:///etc/hostname">${file(connection('A')).replace(/^.*\n/, '')}`),
    /^$/,
  );
  assert.match(refusal(Buffer.concat([Buffer.from(file(connection('A'))), Buffer.of(0xff)])), /it is not UTF-8/);
  assert.match(refusal('<Connection '.repeat(50_000)), /is not well-formed XML/);
});

const columnsOfProduct = {
  mailboxes:
    'Database,EmailAddresses,UseDatabaseRetentionDefaults,RetainDeletedItemsUntilBackup,DeliverToMailboxAndForward,ExchangeGuid,ExchangeUserAccountControl,ForwardingAddress,ForwardingSmtpAddress,IsMailboxEnabled,ProhibitSendQuota,ProhibitSendReceiveQuota,RecoverableItemsQuota,RecoverableItemsWarningQuota,CalendarLoggingQuota,IsResource,IsLinked,IsShared,SamAccountName,AntispamBypassEnabled,ServerName,UseDatabaseQuotaDefaults,UserPrincipalName,WhenMailboxCreated,IsInactiveMailbox,AccountDisabledIsDirSynced,Alias,OrganizationalUnit,DisplayName,MaxSendSize,MaxReceiveSize,PrimarySmtpAddress,RecipientType,RecipientTypeDetails,Identity,IsValid,Name,DistinguishedName,Guid,ObjectCategory,WhenChangedUTC,WhenCreatedUTC,ObjectState'.split(
      ',',
    ),
  databases: 'Name,Server,Mounted,ObjectCategory,Guid,WhenChangedUTC,WhenCreatedUTC,ObjectState'.split(','),
};

const plain = { id: 'MicrosoftExchangeExport', additionalColumns: [], deactivated: 'nothing', databases: [] } as const;

/** Each element of a generated document as its name and attributes, children too. */
function elementsOf(xml: string): { name: string; attributes: Record<string, string> }[] {
  return [...xml.matchAll(/<(?<name>[A-Z]\w*)(?<attributes>(?:\s+[\w:]+="[^"<]*")*)\s*\/?>/g)].map(({ groups }) => ({
    name: groups?.['name'] ?? '',
    attributes: Object.fromEntries(
      [...(groups?.['attributes'] ?? '').matchAll(/([\w:]+)="([^"]*)"/g)].map((pair) => [pair[1] ?? '', pair[2] ?? '']),
    ),
  }));
}

test('the generated configuration has every column of the exported files, and each its own place', () => {
  const elements = elementsOf(generateConfiguration({ connection: plain, databases: [] }));
  const mapped = elements
    .filter(({ attributes }) => 'ConnectionColumn' in attributes)
    .map(({ attributes }) => attributes['ConnectionColumn']);
  const wanted = [...columnsOfProduct.databases, ...columnsOfProduct.mailboxes.filter((name) => name !== 'Database')];
  assert.deepEqual([...mapped].sort(), [...wanted].sort());
  const places = elements.flatMap(({ attributes }) =>
    attributes['Type'] === 'String' ? [attributes['TargetColumnIndex']] : [],
  );
  const [ofDatabases, ofMailboxes] = [places.slice(0, 8), places.slice(8)];
  assert.deepEqual([new Set(ofDatabases).size, new Set(ofMailboxes).size], [8, 42]);
});

test('the generated configuration names the connection, its tables, keys and the association', () => {
  const elements = elementsOf(
    generateConfiguration({ connection: { ...plain, deactivated: 'fulfillment' }, databases: [] }),
  );
  const only = (name: string) => elements.filter((each) => each.name === name).map(({ attributes }) => attributes);
  assert.deepEqual(only('Connection'), [
    {
      Connector: 'MicrosoftExchange',
      Identifier: 'MicrosoftExchangeExport',
      DisplayName_L1: 'Connection Microsoft Exchange',
      Package: ours,
      DeactivationExportFulfill: '2',
    },
  ]);
  assert.deepEqual(only('EntityAssociationMapping'), [
    {
      Identifier: 'MicrosoftExchange_Mailbox_Database',
      Column1: 'Database',
      Column2: 'Guid',
      Connector: 'MicrosoftExchange',
      ConnectionTable: 'MicrosoftExchangeExport_mailboxes',
      EntityPropertyMapping1: 'MicrosoftExchange_Database:Name',
      EntityPropertyMapping2: 'MicrosoftExchange_Mailbox:Guid',
    },
  ]);
  const keys = only('Property').filter((attributes) => 'IsPrimaryKey' in attributes || 'IsUniqueKey' in attributes);
  assert.deepEqual(
    keys.map((attributes) => [attributes['Identifier'], attributes['IsPrimaryKey'] ?? 'unique']),
    [
      ['Name', 'unique'],
      ['Guid', 'true'],
      ['Guid', 'true'],
    ],
  );
  for (const name of [
    'Connector',
    'Category',
    'EntityAssociation',
    'ResourceType',
    'ResourceTypeMapping',
    'ResourceCorrelationRule',
    'CreateConnectorSynchroComplete',
    'CreateConnectorSynchroIncremental',
  ])
    assert.equal(only(name).length, 1, name);
});

test('further columns stand behind the others, and databases of the last export become roles', () => {
  const connection = { ...plain, additionalColumns: ['CustomAttribute1', 'alias', 'IsDirSynced'] };
  const databases = [{ name: 'DB "1" & <x>', guid: '24679385-b2dd-461d-aebf-42a77e0c620e' }];
  const xml = generateConfiguration({ connection, databases });
  assert.match(xml, /Identifier="CustomAttribute1" DisplayName_L1="CustomAttribute1" TargetColumnIndex="43"/);
  assert.match(xml, /Identifier="IsDirSynced" DisplayName_L1="IsDirSynced" TargetColumnIndex="44"/);
  assert.doesNotMatch(xml, /Identifier="alias"/);
  assert.match(
    xml,
    /<NavigationRule Property="Database" Resource="24679385-b2dd-461d-aebf-42a77e0c620e" SingleRole="DB &quot;1&quot; &amp; &lt;x&gt;" \/>/,
  );
  assert.match(xml, /<SingleRole Identifier="DB &quot;1&quot; &amp; &lt;x&gt;"/);
  assert.doesNotMatch(xml, /QueryRule/);
});

test('a generated configuration is read back as it was meant', (context) => {
  for (const deactivatedUse of ['nothing', 'export', 'fulfillment'] as const) {
    const xml = generateConfiguration({
      connection: { ...plain, id: 'A', deactivated: deactivatedUse },
      databases: [],
    });
    const document = readXmlDocument(xml);
    assert.ok(document.kind === 'document' && document.namespace === namespace);
    assert.deepEqual(deactivated(load(context, { 'generated.xml': xml })), { A: deactivatedUse, B: 'nothing' });
  }
});

test('databases are read from the file of the last export, removed ones are not', (context) => {
  const folder = makeFolder(context, {});
  mkdirSync(join(folder, 'ExportOutput'));
  const write = (text: string) => writeFileSync(join(folder, 'ExportOutput', 'A_databases.csv'), text);
  assert.deepEqual(readKnownDatabases(folder, 'A').databases, []);
  write('\ufeffCommand,Name,Server,Guid\r\nInsert,"DB, 2",s,2\r\nInsert,DB1,s,1\r\nDelete,Old,s,3\r\n');
  assert.deepEqual(readKnownDatabases(folder, 'A').databases, [
    { name: 'DB, 2', guid: '2' },
    { name: 'DB1', guid: '1' },
  ]);
  write('something else');
  assert.deepEqual(readKnownDatabases(folder, 'A').databases, []);
});

test('docs/settings.md has the rows of the tables of keys, word for word', async () => {
  const { formatKeyRows } = await import('./key-rows.ts');
  const page = readFileSync(fileURLToPath(new URL('../../../docs/settings.md', import.meta.url)), 'utf8');
  for (const rows of formatKeyRows())
    assert.ok(page.includes(rows), `docs/settings.md lacks these rows, as the code has them:\n${rows}`);
});
