/* The cmdlets: what each returns, how parameters are bound, and what is said when something is wrong. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSizeWarning, moreResultsWarning } from '../src/cmdlets/get-mailbox.ts';
import { serializeObject } from '../src/serialization/object-shape.ts';
import { cmd, CommandLine, column, read } from './command-line.ts';

const all = { ResultSize: 'Unlimited' };
const realId =
  /^\[Server=EX01,RequestId=[0-9a-f-]{36},TimeStamp=\d{1,2}\/\d{1,2}\/\d{4} \d{1,2}:\d\d:\d\d [AP]M\] \[FailureCategory=Cmdlet-(\w+)\] [0-9A-F]{8},([\w.]+)$/;

function expected(
  line: CommandLine,
  choose: (mailbox: ReturnType<CommandLine['context']['organization']['mailbox']>) => boolean,
): string[] {
  const { organization } = line.context;
  return Array.from({ length: organization.mailboxCount }, (_, index) => organization.mailbox(index))
    .filter(choose)
    .map((mailbox) => mailbox.guid);
}

test('a session sees the mailboxes of its own domain, and those of the forest after Set-ADServerSettings', () => {
  const line = new CommandLine();
  const own = line.run(cmd('Get-Mailbox', all));
  assert.deepEqual(
    column(own, 'Guid'),
    expected(line, (m) => m.hiddenBehind === undefined && m.domain.name === 'example.test'),
  );
  assert.deepEqual(line.run(cmd('Set-ADServerSettings', { ViewEntireForest: true })), {
    objects: [],
    warnings: [],
    errors: [],
    failure: undefined,
  });
  const forest = line.run(cmd('Get-Mailbox', all));
  assert.deepEqual(
    column(forest, 'Guid'),
    expected(line, (m) => m.hiddenBehind === undefined),
  );
  assert.ok(forest.objects.length > own.objects.length);
  line.run(cmd('Set-ADServerSettings', { ViewEntireForest: false }));
  assert.equal(line.run(cmd('Get-Mailbox', all)).objects.length, own.objects.length);
  line.run(cmd('Set-ADServerSettings', { RecipientViewRoot: 'emea.example.test' }));
  assert.deepEqual(
    column(line.run(cmd('Get-Mailbox', all)), 'Guid'),
    expected(line, (m) => m.hiddenBehind === undefined && m.domain.name === 'emea.example.test'),
  );
});

test('without a result size 1,000 mailboxes and a warning are returned; a size of one’s own has another warning', () => {
  const line = new CommandLine({ mailboxes: 2_000 });
  const silent = line.run(cmd('Get-Mailbox'));
  assert.deepEqual([silent.objects.length, silent.warnings], [1000, [defaultSizeWarning]]);
  const five = line.run(cmd('Get-Mailbox', { ResultSize: 5 }));
  assert.deepEqual([five.objects.length, five.warnings], [5, [moreResultsWarning]]);
  const { warnings, objects } = line.run(cmd('Get-Mailbox', all));
  assert.deepEqual(warnings, []);
  assert.ok(objects.length > 1000);
  assert.deepEqual(line.run(cmd('Get-Mailbox', { ResultSize: objects.length })).warnings, []);
});

test('hidden kinds are returned by their switch alone', () => {
  const line = new CommandLine({ mailboxes: 3_000 });
  for (const [name, details] of [
    ['Arbitration', 'ArbitrationMailbox'],
    ['PublicFolder', 'PublicFolderMailbox'],
    ['AuditLog', 'AuditLogMailbox'],
    ['Monitoring', 'MonitoringMailbox'],
  ] as const) {
    const outcome = line.run(cmd('Get-Mailbox', { ...all, [name]: true }));
    assert.ok(outcome.objects.length > 0);
    assert.deepEqual(new Set(column(outcome, 'RecipientTypeDetails')), new Set([details]));
  }
  assert.ok(column(line.run(cmd('Get-Mailbox', all)), 'RecipientTypeDetails').includes('DiscoveryMailbox'));
});

test('databases partition the mailboxes; servers and types select', () => {
  const line = new CommandLine();
  const whole = column(line.run(cmd('Get-Mailbox', all)), 'Guid');
  const parts = line.context.organization.databases.flatMap((database) =>
    column(line.run(cmd('Get-Mailbox', { ...all, Database: database.name })), 'Guid'),
  );
  assert.deepEqual(parts.toSorted(), whole.toSorted());
  assert.deepEqual(
    new Set(column(line.run(cmd('Get-Mailbox', { ...all, Server: 'ex02.example.test' })), 'ServerName')),
    new Set(['ex02']),
  );
  const rooms = line.run(cmd('Get-Mailbox', { ...all, RecipientTypeDetails: ['roommailbox', 'EquipmentMailbox'] }));
  assert.deepEqual(new Set(column(rooms, 'RecipientTypeDetails')), new Set(['RoomMailbox', 'EquipmentMailbox']));
  assert.deepEqual(
    column(line.run(cmd('Get-Mailbox', { ...all, RecipientTypeDetails: 'RoomMailbox, EquipmentMailbox' })), 'Guid'),
    column(rooms, 'Guid'),
  );
});

test('an organisational unit includes what lies below it, by any of its names', () => {
  const line = new CommandLine();
  const below = column(line.run(cmd('Get-Mailbox', { ...all, OrganizationalUnit: 'example.test/Staff' })), 'Guid');
  assert.deepEqual(
    below,
    expected(line, (m) => m.hiddenBehind === undefined && `${m.unit.canonicalName}/`.startsWith('example.test/Staff/')),
  );
  const labs = column(
    line.run(cmd('Get-Mailbox', { ...all, OrganizationalUnit: 'OU=R&D\\, Labs,OU=Staff,DC=example,DC=test' })),
    'Guid',
  );
  assert.ok(labs.length > 0 && labs.length < below.length);
  assert.deepEqual(
    column(line.run(cmd('Get-Mailbox', { ...all, OrganizationalUnit: 'example.test/Staff/R&D, Labs' })), 'Guid'),
    labs,
  );
  assert.match(line.run(cmd('Get-Mailbox', { OrganizationalUnit: 'nowhere' })).errors[0]?.id ?? '', realId);
});

test('a mailbox is found by each of its names, and by a wildcard', () => {
  const line = new CommandLine();
  line.run(cmd('Set-ADServerSettings', { ViewEntireForest: true }));
  const mailbox = line.context.organization.mailbox(20);
  const names = [
    mailbox.guid,
    mailbox.guid.toUpperCase(),
    mailbox.exchangeGuid,
    mailbox.distinguishedName,
    mailbox.canonicalName,
    mailbox.legacyExchangeDn,
    mailbox.samAccountName,
    `${mailbox.domain.netBiosName}\\${mailbox.samAccountName}`,
    mailbox.userPrincipalName,
    mailbox.primarySmtpAddress as string,
    mailbox.alias,
  ];
  for (const identity of names)
    assert.deepEqual(column(line.run(cmd('Get-Mailbox', { Identity: identity })), 'Guid'), [mailbox.guid], identity);
  assert.ok(
    column(line.run(cmd('Get-Mailbox', { Identity: `${mailbox.alias.slice(0, 3)}*` })), 'Guid').includes(mailbox.guid),
  );
});

test('a null identity returns everything, as the documentation warns; an empty one is refused', () => {
  const line = new CommandLine();
  assert.equal(
    line.run(cmd('Get-Mailbox', { Identity: null, ...all })).objects.length,
    line.run(cmd('Get-Mailbox', all)).objects.length,
  );
  assert.equal(
    line.run(cmd('Get-Mailbox', { Identity: '' })).failure?.id,
    'ParameterArgumentTransformationError,Get-Mailbox',
  );
});

test('what is not found is an error record with a real identifier, and the pipeline completes', () => {
  const line = new CommandLine();
  const outcome = line.run(cmd('Get-Mailbox', { Identity: 'nobody' }));
  assert.equal(outcome.failure, undefined);
  const [, reason, task] = realId.exec(outcome.errors[0]?.id ?? '') ?? [];
  assert.deepEqual(
    [reason, task],
    ['ManagementObjectNotFoundException', 'Microsoft.Exchange.Management.RecipientTasks.GetMailbox'],
  );
  assert.equal(
    outcome.errors[0]?.message,
    "The operation couldn't be performed because object 'nobody' couldn't be found on 'dc01.example.test'.",
  );
  assert.equal(
    line.run(cmd('Get-Mailbox', { Database: 'DB99' })).errors[0]?.message,
    'Couldn\'t find database "DB99". Make sure you have typed it correctly.',
  );
  assert.match(line.run(cmd('Get-Mailbox', { Identity: 'nobody', ErrorAction: 'Stop' })).failure?.id ?? '', realId);
  assert.deepEqual(line.run(cmd('Get-Mailbox', { Identity: 'nobody', ErrorAction: 'SilentlyContinue' })).errors, []);
});

test('-Filter selects, and refuses what it cannot read', () => {
  const line = new CommandLine();
  const outcome = line.run(
    cmd('Get-Mailbox', { ...all, Filter: "IsShared -eq $true -and WhenChangedUTC -gt '2020-01-01T00:00:00Z'" }),
  );
  assert.deepEqual(
    column(outcome, 'Guid'),
    expected(line, (m) => m.isShared && m.domain.name === 'example.test' && m.whenChanged.ms > Date.UTC(2020, 0, 1)),
  );
  for (const filter of ['Name -eq', 'Nonsense -eq 1', "WhenChangedUTC -gt 'soon'"]) {
    const { failure } = line.run(cmd('Get-Mailbox', { Filter: filter }));
    assert.equal(failure?.id, 'ParameterBindingFailed,Get-Mailbox');
    assert.match(
      failure?.message ?? '',
      /^Cannot bind parameter 'Filter' to the target\. Exception setting "Filter": /,
    );
  }
});

test('-SortBy sorts by the five properties that can be sorted by, and by no other', () => {
  const line = new CommandLine();
  const names = column(line.run(cmd('Get-Mailbox', { ...all, SortBy: 'alias' })), 'Alias') as string[];
  assert.deepEqual(names, names.toSorted(new Intl.Collator('en', { sensitivity: 'accent' }).compare));
  assert.equal(line.run(cmd('Get-Mailbox', { SortBy: 'Guid' })).failure?.id, 'ParameterBindingFailed,Get-Mailbox');
});

test('a domain controller serves its own domain: within the scope it limits, beyond it it is refused', () => {
  const line = new CommandLine();
  assert.equal(
    line.run(cmd('Get-Mailbox', { ...all, DomainController: 'dc02.example.test' })).objects.length,
    line.run(cmd('Get-Mailbox', all)).objects.length,
  );
  assert.equal(
    realId.exec(line.run(cmd('Get-Mailbox', { DomainController: 'dc01.emea.example.test' })).errors[0]?.id ?? '')?.[1],
    'ADOperationException',
  );
  assert.equal(
    realId.exec(line.run(cmd('Get-Mailbox', { DomainController: 'nowhere.example.test' })).errors[0]?.id ?? '')?.[1],
    'SuitabilityDirectoryException',
  );
  line.run(cmd('Set-ADServerSettings', { ViewEntireForest: true }));
  const served = line.run(cmd('Get-Mailbox', { ...all, DomainController: 'dc01.emea.example.test' }));
  assert.deepEqual(
    column(served, 'Guid'),
    expected(line, (m) => m.hiddenBehind === undefined && m.domain.name === 'emea.example.test'),
  );
});

test('Set-ADServerSettings pins controllers, one to a domain, and refuses what it does not know', () => {
  const line = new CommandLine();
  line.run(
    cmd('Set-ADServerSettings', {
      SetPreferredDomainControllers: ['dc01.example.test', 'dc01.emea.example.test'],
      PreferredGlobalCatalog: 'dc01.example.test',
    }),
  );
  assert.deepEqual(line.context.state.preferredDomainControllers, ['dc01.example.test', 'dc01.emea.example.test']);
  assert.equal(line.context.state.preferredGlobalCatalog, 'dc01.example.test');
  assert.match(
    line.run(cmd('Set-ADServerSettings', { SetPreferredDomainControllers: ['dc01.example.test', 'dc02.example.test'] }))
      .errors[0]?.id ?? '',
    /SetADServerSettings$/,
  );
  assert.match(
    line.run(cmd('Set-ADServerSettings', { PreferredServer: 'dc9' })).errors[0]?.id ?? '',
    /SuitabilityDirectoryException/,
  );
  line.run(cmd('Set-ADServerSettings', { ViewEntireForest: true, WhatIf: true }));
  assert.equal(line.context.state.viewEntireForest, false);
});

test('parameters are bound as PowerShell binds them', () => {
  const line = new CommandLine();
  assert.equal(line.run(cmd('get-MAILBOX', { '-resultsize': '3' })).objects.length, 3);
  assert.equal(line.run(cmd('Get-Mailbox', { Res: 3 })).objects.length, 3);
  assert.equal(
    line.run({ name: 'Get-Mailbox', parameters: [{ value: { kind: 'S', value: 'Administrator' } }] }).objects.length,
    1,
  );
  assert.equal(
    line.run(cmd('Get-Mailbox', { Arbitration: null })).objects.length,
    line.run(cmd('Get-Mailbox', { Arbitration: true })).objects.length,
  );
  const failures: readonly [string, Parameters<typeof cmd>[1]][] = [
    ['NamedParameterNotFound,Get-Mailbox', { Nope: 1 }],
    ['NamedParameterNotFound,Get-Mailbox', { '': 1, '-': 1 }],
    ['AmbiguousParameter,Get-Mailbox', { D: 'x' }],
    ['ParameterAlreadyBound,Get-Mailbox', { ResultSize: 1, Res: 2 }],
    ['ParameterArgumentTransformationError,Get-Mailbox', { ResultSize: 'many' }],
    ['ParameterArgumentTransformationError,Get-Mailbox', { RecipientTypeDetails: 'NoSuchMailbox' }],
    ['ParameterArgumentTransformationError,Get-Mailbox', { Arbitration: 'yes' }],
    ['AmbiguousParameterSet,Get-Mailbox', { Database: 'DB01', Server: 'EX01' }],
    ['AmbiguousParameterSet,Get-Mailbox', { Identity: 'x', Database: 'DB01' }],
  ];
  for (const [id, parameters] of failures) {
    const given = Object.entries(parameters ?? {}).filter(([name]) => name !== '');
    assert.equal(line.run(cmd('Get-Mailbox', Object.fromEntries(given))).failure?.id, id, JSON.stringify(parameters));
  }
  assert.equal(
    line.run(cmd('Get-Mailbox', { Nope: 1 })).failure?.message,
    "A parameter cannot be found that matches parameter name 'Nope'.",
  );
});

test('script text is refused before anything is looked up, an unknown command in the words of PowerShell 5.1', () => {
  const line = new CommandLine();
  const script = line.run(cmd('Get-Foo'), { name: 'Get-Mailbox', parameters: [], isScript: true });
  assert.deepEqual(script.failure, {
    id: 'ScriptsNotAllowed',
    message: 'The syntax is not supported by this runspace. This can occur if the runspace is in no-language mode.',
  });
  assert.deepEqual(line.run(cmd('Get-Foo')).failure, {
    id: 'CommandNotFoundException',
    message:
      "The term 'Get-Foo' is not recognized as the name of a cmdlet, function, script file, or operable program. Check the spelling of the name, or if a path was included, verify that the path is correct and try again.",
  });
});

test('what the account’s roles lack is absent: cmdlets, parameters, and Select-Object on some servers', () => {
  const line = new CommandLine({ without: ['Set-ADServerSettings', 'Get-MailboxDatabase:Status', 'Select-Object'] });
  assert.equal(
    line.run(cmd('Set-ADServerSettings', { ViewEntireForest: true })).failure?.id,
    'CommandNotFoundException',
  );
  assert.equal(
    line.run(cmd('Get-MailboxDatabase', { Status: true })).failure?.id,
    'NamedParameterNotFound,Get-MailboxDatabase',
  );
  assert.equal(
    line.run(cmd('Get-Mailbox'), cmd('Select-Object', { Property: 'Guid' })).failure?.id,
    'CommandNotFoundException',
  );
  const [info] = line.run(cmd('Get-Command', { Name: 'Get-MailboxDatabase' })).objects;
  const xml = serializeObject(info as NonNullable<typeof info>, { level: 'partial', projectedValues: 'flat' });
  assert.ok(xml.includes('<S N="Key">Identity</S>') && !xml.includes('<S N="Key">Status</S>'));
});

test('Get-Command lists what there is, and reports a name that is not there', () => {
  const line = new CommandLine();
  const names = column(line.run(cmd('Get-Command')), 'Name') as string[];
  assert.ok(names.includes('Get-Mailbox') && names.includes('Select-Object'));
  assert.deepEqual(column(line.run(cmd('Get-Command', { Name: ['Get-Mail*', 'Set-AD*'] })), 'Name'), [
    'Get-Mailbox',
    'Get-MailboxDatabase',
    'Get-MailboxDatabaseCopyStatus',
    'Set-ADServerSettings',
  ]);
  const outcome = line.run(cmd('Get-Command', { Name: ['New-Mailbox', 'Get-Mailbox'] }));
  assert.deepEqual(
    outcome.errors.map((error) => error.id),
    ['CommandNotFoundException,Microsoft.PowerShell.Commands.GetCommandCommand'],
  );
  assert.equal(outcome.objects.length, 1);
});

test('databases have their state only with -Status, and are found by name and by server', () => {
  const line = new CommandLine();
  assert.deepEqual(new Set(column(line.run(cmd('Get-MailboxDatabase')), 'Mounted')), new Set([null]));
  assert.deepEqual(column(line.run(cmd('Get-MailboxDatabase', { Status: true })), 'Mounted'), [
    true,
    true,
    true,
    true,
    true,
    false,
  ]);
  assert.deepEqual(column(line.run(cmd('Get-MailboxDatabase', { Server: 'EX02' })), 'Name'), ['DB02', 'DB05']);
  assert.deepEqual(column(line.run(cmd('Get-MailboxDatabase', { Identity: 'db03' })), 'Server'), ['EX03']);
  assert.match(
    line.run(cmd('Get-MailboxDatabase', { Identity: 'DB77' })).errors[0]?.message ?? '',
    /Couldn't find database "DB77"/,
  );
});

test('servers and organisational units are returned, units by domain', () => {
  const line = new CommandLine();
  assert.deepEqual(column(line.run(cmd('Get-ExchangeServer')), 'Fqdn'), [
    'ex01.example.test',
    'ex02.example.test',
    'ex03.example.test',
  ]);
  const own = column(line.run(cmd('Get-OrganizationalUnit', all)), 'CanonicalName') as string[];
  assert.ok(
    own.includes('example.test/Staff/Legal\\/Risk') &&
      own.every((name) => name.startsWith('example.test/')) &&
      !own.includes('example.test/Users'),
  );
  assert.equal(line.run(cmd('Get-OrganizationalUnit', { ResultSize: 2 })).warnings.length, 1);
  line.run(cmd('Set-ADServerSettings', { ViewEntireForest: true }));
  assert.ok(
    column(line.run(cmd('Get-OrganizationalUnit', all)), 'CanonicalName').includes('emea.example.test/Staff/Kraków'),
  );
});

test('Select-Object projects under the names of the source, with null for what is missing', () => {
  const line = new CommandLine();
  const { objects } = line.run(
    cmd('Get-Mailbox', { ResultSize: 1 }),
    cmd('Select-Object', { Property: ['guid', 'displayNAME', 'Nope'] }),
  );
  const xml = serializeObject(objects[0] as NonNullable<(typeof objects)[0]>, {
    level: 'partial',
    projectedValues: 'flat',
  });
  assert.equal(
    xml,
    '<Obj RefId="0"><TN RefId="0"><T>Selected.Microsoft.Exchange.Data.Directory.Management.Mailbox</T><T>System.Management.Automation.PSCustomObject</T><T>System.Object</T></TN>' +
      `<MS><G N="Guid">${line.context.organization.mailbox(0).guid}</G><S N="DisplayName">Administrator</S><Nil N="Nope" /></MS></Obj>`,
  );
  assert.equal(
    column(line.run(cmd('Get-Mailbox', { ResultSize: 1 }), cmd('Select-Object', { Property: '*' })), 'Guid').length,
    1,
  );
});

test('Select-Object takes the first, skips, takes the last, expands and leaves out repeats', () => {
  const line = new CommandLine();
  const guids = column(line.run(cmd('Get-Mailbox', all)), 'Guid');
  const selected = (parameters: Parameters<typeof cmd>[1]) =>
    column(line.run(cmd('Get-Mailbox', all), cmd('Select-Object', parameters)), 'Guid');
  assert.deepEqual(selected({ First: 3 }), guids.slice(0, 3));
  assert.deepEqual(selected({ First: 2, Skip: 5 }), guids.slice(5, 7));
  assert.deepEqual(selected({ Last: 2 }), guids.slice(-2));
  assert.deepEqual(selected({ Skip: 10 }), guids.slice(10));
  assert.deepEqual(selected({ First: 0 }), []);
  const bare = line.run(cmd('Get-Mailbox', { ResultSize: 2 }), cmd('Select-Object', { ExpandProperty: 'Guid' }));
  assert.deepEqual(
    bare.objects.map((object) => serializeObject(object, { level: 'partial', projectedValues: 'flat' })),
    guids.slice(0, 2).map((guid) => `<G>${guid}</G>`),
  );
  const missing = line.run(cmd('Get-Mailbox', { ResultSize: 2 }), cmd('Select-Object', { ExpandProperty: 'Nope' }));
  assert.deepEqual(
    missing.errors.map((error) => error.id),
    Array.from({ length: 2 }, () => 'ExpandPropertyNotFound,Microsoft.PowerShell.Commands.SelectObjectCommand'),
  );
  assert.equal(
    line.run(cmd('Get-Mailbox', all), cmd('Select-Object', { Property: 'Database', Unique: true })).objects.length,
    6,
  );
});

test('Measure-Object counts, warnings pass through it, and Out-Default swallows', () => {
  const line = new CommandLine({ mailboxes: 2_000 });
  const counted = line.run(cmd('Get-Mailbox'), cmd('Measure-Object'));
  assert.deepEqual([read(counted.objects[0], 'Count'), counted.warnings.length], [1000, 1]);
  const capacity = line.run(
    cmd('Get-Mailbox', { ...all, RecipientTypeDetails: 'RoomMailbox' }),
    cmd('Measure-Object', { Property: 'ResourceCapacity', Sum: true, Maximum: true }),
  );
  assert.ok((read(capacity.objects[0], 'Maximum') as number) <= 41 && (read(capacity.objects[0], 'Sum') as number) > 0);
  assert.deepEqual(line.run(cmd('Get-Mailbox'), cmd('Out-Default')).objects, []);
});

test('statements run in turn, and one that fails ends the request', () => {
  const line = new CommandLine();
  const outcome = line.statements([
    [cmd('Set-ADServerSettings', { ViewEntireForest: true })],
    [cmd('Get-Mailbox', all), cmd('Measure-Object')],
  ]);
  assert.equal(read(outcome.objects[0], 'Count'), expected(line, (m) => m.hiddenBehind === undefined).length);
  assert.deepEqual(line.statements([[cmd('Get-Foo')], [cmd('Get-Mailbox')]]).objects, []);
});

test('identities come through the pipeline too', () => {
  const line = new CommandLine();
  const outcome = line.run(cmd('Get-Mailbox', { ResultSize: 3 }), cmd('Get-Mailbox'));
  assert.deepEqual(
    column(outcome, 'Guid'),
    [0, 1, 2].map((index) => line.context.organization.mailbox(index).guid),
  );
});

test('databases and servers piped to Get-Mailbox select, servers piped to Get-MailboxDatabase too', () => {
  const line = new CommandLine();
  const everything = column(line.run(cmd('Get-Mailbox', all)), 'Guid');
  assert.deepEqual(
    column(line.run(cmd('Get-MailboxDatabase', { Identity: 'DB02' }), cmd('Get-Mailbox', all)), 'Guid'),
    column(line.run(cmd('Get-Mailbox', { ...all, Database: 'DB02' })), 'Guid'),
  );
  for (const source of ['Get-MailboxDatabase', 'Get-ExchangeServer']) {
    const piped = column(line.run(cmd(source), cmd('Get-Mailbox', all)), 'Guid');
    assert.deepEqual(piped.toSorted(), everything.toSorted(), source);
  }
  const ofServer = line.run(cmd('Get-ExchangeServer', { Identity: 'EX02' }), cmd('Get-MailboxDatabase'));
  assert.deepEqual(column(ofServer, 'Name'), ['DB02', 'DB05']);
});

test('what nothing takes is an error record for each object, and so is what is not found', () => {
  const line = new CommandLine();
  const refused = line.run(cmd('Get-MailboxDatabase'), cmd('Get-Mailbox', { Database: 'DB01' }));
  assert.deepEqual(
    refused.errors.map(({ id }) => id),
    Array.from({ length: 6 }, () => 'InputObjectNotBound,Get-Mailbox'),
  );
  // A projection is no database any more, and has no Identity; the Name alone is not bound.
  const projected = cmd('Select-Object', { Property: 'Name' });
  const unnamed = line.run(cmd('Get-MailboxDatabase', { Identity: 'DB01' }), projected, cmd('Get-MailboxDatabase'));
  assert.deepEqual([unnamed.objects, unnamed.errors.length], [[], 1]);
  // Get-Mailbox takes no unit from the pipeline: it looks for a mailbox of that name.
  const unit = line.run(cmd('Get-OrganizationalUnit', { ResultSize: 1 }), cmd('Get-Mailbox'));
  assert.equal(realId.exec(unit.errors[0]?.id ?? '')?.[1], 'ManagementObjectNotFoundException');
  const settings = line.run(cmd('Get-ExchangeServer'), cmd('Set-ADServerSettings', { ViewEntireForest: true }));
  assert.deepEqual([settings.errors.length, line.context.state.viewEntireForest], [3, false]);
  const mixed = line.runWithInput(['DB77', 'DB01', null], cmd('Get-MailboxDatabase'));
  assert.deepEqual([column(mixed, 'Name'), mixed.errors.length], [['DB01'], 2]);
});

test('databases, servers and units are found by the identities that come through the pipeline', () => {
  const line = new CommandLine();
  for (const [cmdlet, names] of [
    ['Get-MailboxDatabase', ['DB02', 'DB01']],
    ['Get-ExchangeServer', ['EX03', 'EX01']],
    ['Get-OrganizationalUnit', ['R&D, Labs', 'Staff']],
  ] as const) {
    const found = line.runWithInput(names, cmd(cmdlet));
    assert.deepEqual([column(found, 'Name'), found.errors], [names, []]);
    assert.deepEqual(line.run(cmd(cmdlet), cmd(cmdlet)), line.run(cmd(cmdlet)));
    assert.deepEqual(line.runWithInput([], cmd(cmdlet)).objects, [], 'without an object it does not run');
  }
  const byServer = line.runWithInput(['DB01'], cmd('Get-MailboxDatabase', { Server: 'EX01' }));
  assert.deepEqual([byServer.objects, byServer.errors.length], [[], 1]);
});

test('-IgnoreDefaultScope sees the forest and does not go with -DomainController; -Anr and -Archive select', () => {
  const line = new CommandLine();
  const forest = expected(line, (m) => m.hiddenBehind === undefined);
  assert.deepEqual(column(line.run(cmd('Get-Mailbox', { ...all, IgnoreDefaultScope: true })), 'Guid'), forest);
  const both = line.run(cmd('Get-Mailbox', { IgnoreDefaultScope: true, DomainController: 'dc01.example.test' }));
  assert.equal(realId.exec(both.errors[0]?.id ?? '')?.[1], 'ArgumentException');
  const own = (choose: Parameters<typeof expected>[1]) =>
    expected(line, (m) => m.hiddenBehind === undefined && m.domain.name === 'example.test' && choose(m));
  assert.deepEqual(
    column(line.run(cmd('Get-Mailbox', { ...all, Archive: true })), 'Guid'),
    own((m) => m.archiveGuid !== undefined),
  );
  assert.ok(
    column(line.run(cmd('Get-Mailbox', { ...all, Anr: 'admin' })), 'Guid').includes(
      line.context.organization.mailbox(0).guid,
    ),
  );
});
