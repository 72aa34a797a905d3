import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { loadSettings, Secret } from '@exchange-connector/config';
import { documentedDefaults } from './documented-defaults.ts';
import {
  describe,
  load,
  loadConnection,
  makeFolder,
  onlyConnection,
  remarksOf,
  settingsOf,
} from './settings-folder.ts';

const seedFile = {
  Connections: {
    MicrosoftExchangeExport: { AuthType: 'Kerberos', Server: 'http://mailbox01.contoso.com/PowerShell/' },
  },
};

test('the file of the product documentation gives one connection with every default', (context) => {
  const folder = makeFolder(context, { 'appsettings.agent.json': seedFile });
  const loaded = loadSettings({ settingsFolder: folder, environment: {} });
  const parent = dirname(folder);
  assert.deepEqual(settingsOf(loaded), {
    settingsFolder: folder,
    folders: { temp: join(parent, 'Temp'), work: join(parent, 'Work') },
    connections: [
      {
        id: 'MicrosoftExchangeExport',
        servers: [
          {
            url: 'http://mailbox01.contoso.com/PowerShell/',
            protocol: 'http',
            host: 'mailbox01.contoso.com',
            port: 80,
          },
        ],
        ...documentedDefaults,
      },
    ],
    encryptionCertificate: undefined,
    warnings: [],
  });
});

test('every setting is read, as native JSON and as text alike', (context) => {
  const folder = makeFolder(context, { 'ca.pem': '-----BEGIN CERTIFICATE-----\n', 'a.keytab': Uint8Array.of(5, 2, 0) });
  const native = {
    Server: ['https://a.contoso.com:8443/PowerShell/?x=1', 'https://[2001:db8::1]/ps'],
    AuthType: 'basic',
    ConnectAddress: '[::1]',
    CaFile: 'ca.pem',
    Login: 'CONTOSO\\svc',
    Password: ' p:w ',
    Realm: 'CONTOSO.COM',
    DomainController: 'dc1.contoso.com',
    GlobalCatalog: 'gc1.contoso.com',
    OverlapMinutes: 5,
    Shells: 3,
    ShellSpacingSeconds: 0,
    OperationTimeoutSeconds: 90,
    ValueSeparator: ' | ',
    Bom: true,
    AdditionalColumns: ['AccountDisabled', 'CustomAttribute1'],
    IncludeArbitration: true,
    IncludePublicFolder: true,
    IncludeAuditLog: true,
    IncludeMonitoring: true,
    OrganizationalUnits: ['contoso.com/Sales'],
    Databases: ['DB 01', 'DB,02'],
    RecipientTypeDetails: ['usermailbox'],
    Filter: "Alias -like 'a*'",
    MaximumInsertedLines: 0,
    MaximumUpdatedLines: 7,
    MaximumDeletedLines: 1,
    MaxPercentageInsertedLines: 0,
    MaxPercentageUpdatedLines: 12.5,
    MaxPercentageDeletedLines: 100,
    ProtectedMailboxes: ['ceo'],
    ProtectedDatabases: 'DB01',
    AllowRemoveMailbox: false,
    WaitForMove: true,
    RequireAcknowledge: true,
    EncryptOutput: false,
    AllowUnencryptedBasic: false,
  }; // prettier-ignore
  const asText = Object.fromEntries(
    Object.entries(native).map(([key, value]) => [
      key,
      typeof value === 'number' ? ` ${value} ` : typeof value === 'boolean' ? String(value).toUpperCase() : value,
    ]),
  );
  const read = (main: object) => {
    writeFileSync(join(folder, 'appsettings.agent.json'), JSON.stringify({ Connections: { Main: main } }));
    return onlyConnection(loadSettings({ settingsFolder: folder, environment: {} }));
  };
  const connection = read(native);
  assert.deepEqual(connection.servers, [
    { url: 'https://a.contoso.com:8443/PowerShell/?x=1', protocol: 'https', host: 'a.contoso.com', port: 8443 },
    { url: 'https://[2001:db8::1]/ps', protocol: 'https', host: '2001:db8::1', port: 443 },
  ]);
  assert.equal(connection.password?.reveal(), ' p:w ');
  const { servers: _servers, password: _password, ...rest } = connection;
  assert.deepEqual(rest, {
    id: 'Main',
    connectAddress: '::1',
    caFile: join(folder, 'ca.pem'),
    authType: 'Basic',
    login: 'CONTOSO\\svc',
    keytab: undefined,
    principal: undefined,
    realm: 'CONTOSO.COM',
    allowUnencryptedBasic: false,
    exportScriptPath: undefined,
    fulfillScriptPath: undefined,
    fulfillOptions: [],
    allowRemoveMailbox: false,
    waitForMove: true,
    domainController: 'dc1.contoso.com',
    globalCatalog: 'gc1.contoso.com',
    operationTimeoutMs: 90_000,
    valueSeparator: ' | ',
    bom: true,
    additionalColumns: ['AccountDisabled', 'CustomAttribute1'],
    includeArbitration: true,
    includePublicFolder: true,
    includeAuditLog: true,
    includeMonitoring: true,
    organizationalUnits: ['contoso.com/Sales'],
    databases: ['DB 01', 'DB,02'],
    recipientTypeDetails: ['UserMailbox'],
    filter: "Alias -like 'a*'",
    shells: 3,
    shellSpacingMs: 0,
    overlapMinutes: 5,
    maximumInsertedLines: 0,
    maximumUpdatedLines: 7,
    maximumDeletedLines: 1,
    maxPercentageInsertedLines: 0,
    maxPercentageUpdatedLines: 12.5,
    maxPercentageDeletedLines: 100,
    protectedMailboxes: ['ceo'],
    protectedDatabases: ['DB01'],
    requireAcknowledge: true,
    encryptOutput: false,
    deactivated: 'nothing',
  }); // prettier-ignore
  const fromText = read(asText);
  assert.deepEqual({ ...fromText, password: undefined }, { ...connection, password: undefined });
});

test('comments, trailing commas and a byte-order mark are accepted', (context) => {
  const text =
    '\ufeff// the connections\n{ "Connections": { /* one */ "A": { "Server": "http://a.b/PowerShell/", "Databases": ["x",], }, }, }\n';
  assert.deepEqual(onlyConnection(load(context, { 'appsettings.agent.json': text })).databases, ['x']);
});

test('null says nothing: the default stands', (context) => {
  const connection = onlyConnection(
    loadConnection(context, { Shells: null, Login: null, Password: null, Bom: null, Options: null }),
  );
  assert.deepEqual([connection.shells, connection.login, connection.bom], [1, undefined, false]);
});

test('unknown keys are kept out of the way, and one that is a slip of the pen is remarked on', (context) => {
  const loaded = load(context, {
    'appsettings.agent.json': {
      Conections: {},
      Connections: {
        Main: {
          server: 'http://a.contoso.com/PowerShell/',
          Sever: 'x',
          ExtraThing: { deep: [1] },
          Databse: 'y',
          Bmo: 1,
          Fulfil: 1,
        },
      },
    },
    'appsettings.json': { TempFolderPth: 'x', ApplicationUri: 'y' },
  });
  assert.deepEqual(describe(remarksOf(loaded)), [
    'warning TempFolderPth: is not a known name and has no effect; did you mean TempFolderPath?',
    'warning Conections: is not a known name and has no effect; did you mean Connections?',
    'warning Connections.Main.server: is read as Server, which is how it is spelled',
    'warning Connections.Main.Sever: is not a known name and has no effect; did you mean Server?',
    'warning Connections.Main.Databse: is not a known name and has no effect; did you mean Databases?',
    'warning Connections.Main.Bmo: is not a known name and has no effect; did you mean Bom?',
  ]);
});

test('a name without a dot is taken with a warning, localhost silently', (context) => {
  const loaded = load(context, {
    'appsettings.agent.json': {
      Connections: {
        A: { Server: 'http://mail01/PowerShell/' },
        B: { Server: 'http://localhost/PowerShell/' },
        C: { Server: 'http://a.b' },
      },
    },
  });
  assert.deepEqual(
    settingsOf(loaded).warnings.map(({ path, message }) => [path, message.replace(/(: |; ).*/s, '')]),
    [
      ['Connections.A.Server', 'the server\'s name "mail01" has no dot'],
      ['Connections.C.Server', '"http://a.b" has no path'],
    ],
  );
});

test('relative folders of appsettings.json start at the settings folder, and nothing is created', (context) => {
  const folder = makeFolder(context, {
    'appsettings.agent.json': seedFile,
    'appsettings.json': { TempFolderPath: 'a/../t', WorkFolderPath: '/srv/w' },
  });
  const { folders } = settingsOf(loadSettings({ settingsFolder: folder, environment: {} }));
  assert.deepEqual(folders, { temp: join(folder, 't'), work: '/srv/w' });
});

test('a variable of the environment wins over the file key by key, whatever its case', (context) => {
  const loaded = loadConnection(
    context,
    { OverlapMinutes: 5, Shells: 2, Databases: ['A', 'B'], Options: { Server: 'http://a.b/PowerShell/', Foo: 'x' } },
    {
      Connections__Main__Server: 'http://other.contoso.com/PowerShell/',
      CONNECTIONS__MAIN__SHELLS: '4',
      Connections__main__Databases__1: 'D',
      Connections__main__Databases__0: 'C',
      Connections__Main__Options__Server: 'http://c.d/PowerShell/',
      Unrelated: 'x',
    },
  );
  const connection = onlyConnection(loaded);
  assert.deepEqual(
    [connection.id, connection.servers[0]?.host, connection.shells, connection.overlapMinutes, connection.databases],
    ['Main', 'other.contoso.com', 4, 5, ['C', 'D']],
  );
  assert.deepEqual(remarksOf(loaded), []);
});

test('a connection may stand in the environment alone', (context) => {
  const loaded = load(context, {}, { Connections__Main__Server: 'http://a.contoso.com/PowerShell/' });
  assert.equal(onlyConnection(loaded).id, 'Main');
});

test('a wrong value from the environment is reported with the variable’s name in place of the file', (context) => {
  const environment = {
    Connections__Main__Shells: 'many',
    Connections__Main__Options__Server: 'nowhere',
    Connections__Main__Sever: 'x',
  };
  const loaded = loadConnection(context, { Shells: 2 }, environment);
  assert.deepEqual(
    remarksOf(loaded).map(({ severity, source, path, position }) => [severity, source, path, position]),
    [
      ['error', 'Connections__Main__Options__Server', 'Connections.Main.Options.Server', undefined],
      ['error', 'Connections__Main__Shells', 'Connections.Main.Shells', undefined],
      ['warning', 'Connections__Main__Sever', 'Connections.Main.Sever', undefined],
    ],
  );
});

test('variables that set the same value, or that name none, are refused', (context) => {
  const loaded = loadConnection(
    context,
    {},
    {
      Connections__Main__Bom: 'true',
      Connections__main__bom: 'false',
      Connections__Main__Login: 'x',
      Connections__Main__Login__0: 'x',
      Connections__Main: 'x',
      Connections____Server: 'x',
    },
  );
  assert.deepEqual(
    remarksOf(loaded)
      .filter(({ source, severity }) => severity === 'error' && source.startsWith('Connections'))
      .map(({ source, message }) => `${source} ${message.replace(/[,;:] .*/s, '')}`),
    [
      'Connections__Main is no name of a setting',
      'Connections__Main__Login__0 stands beside the environment variable Connections__Main__Login',
      'Connections____Server is no name of a setting',
      'Connections__main__bom stands beside the environment variable Connections__Main__Bom',
      'Connections__Main__Login found "x"',
    ],
  );
});

test('EXCHANGE_PASSWORD serves a login that has no password, and a password given outright wins over all', (context) => {
  const server = { Server: 'https://a.contoso.com/PowerShell/' };
  const file = {
    Connections: {
      A: { ...server, AuthType: 'Basic', Login: 'a' },
      B: { ...server, AuthType: 'Basic', Login: 'b', Password: 'in file' },
      C: server,
    },
  };
  const passwords = (password?: string) =>
    settingsOf(
      load(context, { 'appsettings.agent.json': file }, { EXCHANGE_PASSWORD: 'in environment' }, password),
    ).connections.map((connection) => connection.password?.reveal());
  assert.deepEqual(passwords(), ['in environment', 'in file', undefined]);
  assert.deepEqual(passwords('typed'), ['typed', 'typed', undefined]);
});

test('a missing password alone is told apart, as it can be asked for', (context) => {
  const wanted = (members: object) => {
    const loaded = loadConnection(context, { Server: 'https://a.contoso.com/PowerShell/', ...members });
    return loaded.kind === 'refused' ? loaded.passwordWanted : 'loaded';
  };
  assert.deepEqual(wanted({ AuthType: 'Basic', Login: 'a' }), ['Main']);
  assert.deepEqual(wanted({ Login: 'a@CONTOSO.COM' }), ['Main']);
  assert.deepEqual(wanted({ AuthType: 'Basic', Login: 'a', Shells: 0 }), []);
  assert.deepEqual(wanted({ AuthType: 'Basic', Login: 'a', Password: '' }), []);
  assert.deepEqual(wanted({}), 'loaded');
});

test('in a section with Options, PowerShellScriptPath is the fulfilment script and the export is native', (context) => {
  const Options = { AuthType: 'Basic', Server: 'http://10.0.0.1/PowerShell/', Login: 'l', Password: 'p', Own: 5 };
  const scriptsOf = (members: object) => {
    const { exportScriptPath, fulfillScriptPath } = onlyConnection(loadConnection(context, { ...members, Options }));
    return [exportScriptPath, fulfillScriptPath];
  };
  assert.deepEqual(scriptsOf({ PowerShellScriptPath: '/x/Both.ps1' }), [undefined, '/x/Both.ps1']);
  assert.deepEqual(scriptsOf({ PowerShellScriptPath: '/x/Both.ps1', FulfillScriptPath: '/x/F.ps1' }), [
    undefined,
    '/x/F.ps1',
  ]);
});

test('Options are kept whole, in their order and as they stand, what is secret among them as a secret', (context) => {
  const Options = { Server: 'http://a.contoso.com/PowerShell/', Password: 'p w', Own: 5, Flag: false, apiToken: 't' };
  const { fulfillOptions } = onlyConnection(loadConnection(context, { Options }));
  assert.deepEqual(
    fulfillOptions.map(({ name, value }) => [name, value instanceof Secret ? `secret ${value.reveal()}` : value]),
    [
      ['Server', 'http://a.contoso.com/PowerShell/'],
      ['Password', 'secret p w'],
      ['Own', 5],
      ['Flag', false],
      ['apiToken', 'secret t'],
    ],
  );
  assert.doesNotMatch(JSON.stringify(fulfillOptions), /p w/);
});

test('a secret prints as nothing but [secret]', (context) => {
  const loaded = loadConnection(context, {
    Server: 'https://a.contoso.com/PowerShell/',
    AuthType: 'Basic',
    Login: 'a',
    Password: 'hunter2',
  });
  const { password } = onlyConnection(loaded);
  assert.equal(`${password} ${JSON.stringify(password)}`, '[secret] "[secret]"');
  assert.doesNotMatch(JSON.stringify(loaded), /hunter2/);
});

test('a folder, a missing folder and a missing file are said to be so', (context) => {
  const folder = makeFolder(context, {});
  const refusal = (settingsFolder: string) => describe(remarksOf(loadSettings({ settingsFolder, environment: {} })));
  assert.deepEqual(refusal(join(folder, 'nowhere')), ['error : the folder of the settings is not there']);
  assert.match(refusal(folder).join(), /^error : the file is not there; it names the connections: \{ "Connections"/);
  mkdirSync(join(folder, 'appsettings.agent.json'));
  assert.deepEqual(refusal(folder), ['error : cannot be read: it is no file']);
});
