import assert from 'node:assert/strict';
import { test } from 'node:test';
import { loadSettings } from '@exchange-connector/config';
import { describe, load, loadConnection, makeFolder, remarksOf, settingsOf } from './settings-folder.ts';

const addressAllowed = 'allowed is http://<FQDN of the Exchange server>/PowerShell/ (https works too)';
const byKerberos =
  "with Kerberos an IP address cannot work, as tickets are given for a server's name (service principal HTTP/<name>); name the server here and put the address, where one is needed, into ConnectAddress";
const boolean = 'allowed is true or false (or "true", "false")';
const basic = { AuthType: 'Basic', Login: 'a', Password: 'p', Server: 'https://a.contoso.com/PowerShell/' };

/** What is wrong in a connection, and the errors it must earn, word for word. */
const cases: readonly (readonly [members: object, errors: readonly string[]])[] = [
  [{ Server: null }, [`Server: is required and missing; ${addressAllowed}`]],
  [{ Server: '' }, [`Server: is empty; allowed is an address, ${addressAllowed.slice(11)}, or leave it out`]],
  [
    { Server: 5 },
    [`Server: found 5; allowed is an address, ${addressAllowed.slice(11)} in double quotes, or an array of such`],
  ],
  [{ Server: [] }, [`Server: is an empty array; allowed is at least one address, ${addressAllowed.slice(11)}`]],
  [
    { Server: ['http://a.b/x', true] },
    [`Server[1]: found true; allowed is an address, ${addressAllowed.slice(11)} in double quotes`],
  ],
  [{ Server: 'mail.contoso.com' }, [`Server: found "mail.contoso.com": it is no address; ${addressAllowed}`]],
  [
    { Server: 'ftp://mail.contoso.com/' },
    [`Server: found "ftp://mail.contoso.com/": the scheme "ftp" is neither http nor https; ${addressAllowed}`],
  ],
  [{ Server: 'http://' }, [`Server: found "http://": it is no address; ${addressAllowed}`]],
  [
    { Server: 'http:\\\\mail\\PowerShell' },
    [`Server: found "http:\\\\\\\\mail\\\\PowerShell": it is no address; ${addressAllowed}`],
  ],
  [{ Server: 'http://a.b:70000/' }, [`Server: found "http://a.b:70000/": it is no address; ${addressAllowed}`]],
  [{ Server: 'http://a.b:0/' }, [`Server: found "http://a.b:0/": port 0 cannot be connected to; ${addressAllowed}`]],
  [
    { Server: 'http://a.b/#x' },
    [`Server: found "http://a.b/#x": a fragment ("#x") has no meaning here; ${addressAllowed}`],
  ],
  [
    { Server: 'http://joe:hunter2@a.b/PowerShell/' },
    [
      `Server: found "http://[secret]@a.b/PowerShell/": a login or password stands in the address; they belong in Login and Password; ${addressAllowed}`,
    ],
  ],
  [{ Server: 'http://10.1.2.3/PowerShell/' }, [`Server: found "http://10.1.2.3/PowerShell/": ${byKerberos}`]],
  [{ Server: 'http://[::1]/PowerShell/' }, [`Server: found "http://[::1]/PowerShell/": ${byKerberos}`]],
  [{ Server: 'http://2130706433/PowerShell/' }, [`Server: found "http://2130706433/PowerShell/": ${byKerberos}`]],
  [{ AuthType: 'Negotiate' }, ['AuthType: found "Negotiate"; allowed is "Kerberos" (the default) or "Basic"']],
  [{ AuthType: 1 }, ['AuthType: found 1; allowed is "Kerberos" (the default) or "Basic"']],
  [
    { ...basic, Login: null, Password: null },
    [
      'Login: is required with AuthType Basic and missing; allowed is the account’s name',
      'Password: is required with AuthType Basic and missing; allowed is a text here, the environment variable EXCHANGE_PASSWORD, or --password-stdin',
    ],
  ],
  [
    { ...basic, Login: 'a:b' },
    ['Login: found "a:…": it contains ":", which a Basic login cannot hold; allowed is the account’s name without it'],
  ],
  [{ ...basic, Password: 5 }, ['Password: found a number; allowed is a text in double quotes']],
  [{ ...basic, Password: '' }, ['Password: is empty; allowed is a text, or leave it out']],
  [
    { ...basic, Server: ['https://a.contoso.com/p', 'http://b.contoso.com/p'] },
    [
      'Server: AuthType Basic would send the password readable over http://b.contoso.com/p; allowed is https, or AllowUnencryptedBasic true to send it all the same',
    ],
  ],
  [
    { Password: 'p' },
    ['Password: is given without Login; allowed is both, or neither to use the running account’s ticket or a keytab'],
  ],
  [
    { Login: 'CONTOSO\\a', Password: 'p' },
    [
      'Login: found "CONTOSO\\\\a": it is of the form DOMAIN\\user, and Realm is missing: the Kerberos realm of that domain, like CONTOSO.COM; allowed is user@REALM, DOMAIN\\user (then Realm is needed), or a user principal name',
    ],
  ],
  [
    { Login: 'a\\b\\c', Password: 'p', Realm: 'R' },
    [
      'Login: found "a\\\\b\\\\c": it is not of the form DOMAIN\\user; allowed is user@REALM, DOMAIN\\user (then Realm is needed), or a user principal name',
    ],
  ],
  [
    { Login: 'a@', Password: 'p' },
    [
      'Login: found "a@": it is not of the form user@REALM; allowed is user@REALM, DOMAIN\\user (then Realm is needed), or a user principal name',
    ],
  ],
  [
    { Login: 'a@R' },
    [
      'Password: is required with Login and missing; allowed is a text here, a Keytab, the environment variable EXCHANGE_PASSWORD, or --password-stdin',
    ],
  ],
  [{ Realm: 'a b' }, ['Realm: found "a b"; allowed is the name of a Kerberos realm, like CONTOSO.COM']],
  [
    { ConnectAddress: 'http://10.0.0.1' },
    ['ConnectAddress: found "http://10.0.0.1"; allowed is a host name or an IP address, without scheme, port or path'],
  ],
  [
    { ConnectAddress: '10.0.0.1:80' },
    ['ConnectAddress: found "10.0.0.1:80"; allowed is a host name or an IP address, without scheme, port or path'],
  ],
  [{ OverlapMinutes: -1 }, ['OverlapMinutes: found -1; allowed is a whole number from 0 to 10080 (minutes)']],
  [{ Shells: 1.5 }, ['Shells: found 1.5; allowed is a whole number from 1 to 18 (sessions at a time)']],
  [{ Shells: '0x2' }, ['Shells: found "0x2"; allowed is a whole number from 1 to 18 (sessions at a time)']],
  [
    { ShellSpacingSeconds: 'soon' },
    ['ShellSpacingSeconds: found "soon"; allowed is a whole number from 0 to 86400 (seconds)'],
  ],
  [
    { OperationTimeoutSeconds: 0 },
    ['OperationTimeoutSeconds: found 0; allowed is a whole number from 1 to 3600 (seconds)'],
  ],
  [
    { OperationTimeoutSeconds: [60] },
    ['OperationTimeoutSeconds: found an array; allowed is a whole number from 1 to 3600 (seconds)'],
  ],
  [
    { MaximumDeletedLines: -5 },
    [
      'MaximumDeletedLines: found -5; allowed is a whole number from 0 to 2147483647 (lines; 0 turns the threshold off)',
    ],
  ],
  [
    { MaxPercentageDeletedLines: 101 },
    ['MaxPercentageDeletedLines: found 101; allowed is a number from 0 to 100 (percent)'],
  ],
  [{ Bom: 1 }, [`Bom: found 1; ${boolean}`]],
  [{ IncludeMonitoring: 'yes' }, [`IncludeMonitoring: found "yes"; ${boolean}`]],
  [
    { EncryptOutput: 'true' },
    [
      'EncryptOutput: asks for encrypted files, and there is no certificate to encrypt them to; name one in EncryptionCertificate of appsettings.json',
    ],
  ],
  [{ AllowRemoveMailbox: {} }, [`AllowRemoveMailbox: found an object; ${boolean}`]],
  [
    { ValueSeparator: '' },
    [
      'ValueSeparator: found ""; allowed is one to eight characters that no address could hold there: no letter, digit, quote, %, ":", "-" or line break',
    ],
  ],
  [
    { ValueSeparator: 'and' },
    [
      'ValueSeparator: found "and"; allowed is one to eight characters that no address could hold there: no letter, digit, quote, %, ":", "-" or line break',
    ],
  ],
  ...['-', ' - ', '\u0301', '\u200b', '\ud800'].map((separator): [object, string[]] => [
    { ValueSeparator: separator },
    [
      `ValueSeparator: found ${JSON.stringify(separator)}; allowed is one to eight characters that no address could hold there: no letter, digit, quote, %, ":", "-" or line break`,
    ],
  ]),
  [
    { ValueSeparator: '\n' },
    [
      'ValueSeparator: found "\\n"; allowed is one to eight characters that no address could hold there: no letter, digit, quote, %, ":", "-" or line break',
    ],
  ],
  [
    { AdditionalColumns: ['a b'] },
    [
      'AdditionalColumns: found "a b"; allowed is the name of a mailbox property, letters, digits and "_"'.replace(
        ':',
        '[0]:',
      ),
    ],
  ],
  [
    { AdditionalColumns: ['Foo', 'foo'] },
    ['AdditionalColumns[1]: names the column "foo" a second time; allowed is each name once'],
  ],
  [{ Databases: [''] }, ['Databases[0]: is empty; allowed is the name of a mailbox database, or leave it out']],
  [
    { Databases: { a: 1 } },
    ['Databases: found an object; allowed is the name of a mailbox database in double quotes, or an array of such'],
  ],
  [
    { Filter: 'a\u0000b' },
    ['Filter: found "a\\u0000b"; allowed is a filter as Get-Mailbox -Filter takes it without control characters'],
  ],
  [
    { RecipientTypeDetails: ['User Mailbox'] },
    [
      'RecipientTypeDetails[0]: found "User Mailbox"; allowed is the name of a mailbox type, like UserMailbox or SharedMailbox',
    ],
  ],
  [
    { Options: 'x' },
    ['Options: found a text (not shown); allowed is an object of text pairs, { "AuthType": "…", "Server": "…", … }'],
  ],
  [{ Options: { Nested: { a: 1 } } }, ['Options.Nested: found an object; allowed is a text, a number, true or false']],
  [
    { Options: { AuthType: 'NTLM' } },
    ['Options.AuthType: found "NTLM"; allowed is "Kerberos" (the default) or "Basic"'],
  ],
  [{ Options: { Password: 5 } }, ['Options.Password: found a number; allowed is a text in double quotes']],
];

test('each wrong value of a connection is named with what was found and what is allowed', (context) => {
  for (const [members, errors] of cases) {
    const loaded = loadConnection(context, members);
    const found = remarksOf(loaded).filter(({ severity }) => severity === 'error');
    assert.deepEqual(
      describe(found),
      errors.map((error) => `error Connections.Main.${error}`),
      JSON.stringify(members),
    );
    for (const { source, position } of found) {
      assert.ok(source.endsWith('/appsettings.agent.json'), source);
      assert.ok(position !== undefined, `${JSON.stringify(members)}: no position`);
    }
  }
});

test('a file that a setting names must be there and hold what it should', (context) => {
  const files = { 'empty.pem': '', 'short.keytab': Uint8Array.of(1, 2) };
  const connection = { Server: 'http://a.contoso.com/PowerShell/', CaFile: 'empty.pem', Keytab: 'short.keytab' };
  const other = { Server: 'http://a.contoso.com/PowerShell/', CaFile: '.', Keytab: 'missing.keytab' };
  const loaded = load(context, { ...files, 'appsettings.agent.json': { Connections: { A: connection, B: other } } });
  assert.deepEqual(
    describe(remarksOf(loaded)).map((remark) => remark.replace(/"[^"]*\/settings/, '"…')),
    [
      'error Connections.A.Keytab: names "…/short.keytab", which holds something else; allowed is the path of a keytab file, absolute or relative to ',
      'error Connections.A.CaFile: names "…/empty.pem", which holds something else; allowed is the path of a PEM file of certificates (-----BEGIN CERTIFICATE-----), absolute or relative to ',
      'error Connections.B.Keytab: names "…/missing.keytab", which is not there; allowed is the path of a keytab file, absolute or relative to ',
      'error Connections.B.CaFile: names "…", which is no file; allowed is the path of a PEM file of certificates (-----BEGIN CERTIFICATE-----), absolute or relative to ',
    ].map((text) => text + (remarksOf(loaded)[0]?.source.replace(/\/appsettings.agent.json$/, '') ?? '')),
  );
});

test('an export script must be there, and be a PowerShell script; of the fulfilment nothing is asked yet', (context) => {
  const Server = 'http://a.contoso.com/PowerShell/';
  const files = { 'Export.ps1': 'param()', 'export.sh': '' };
  const found = (connection: object): string[] => {
    const loaded = load(context, {
      ...files,
      'appsettings.agent.json': { Connections: { A: { Server, ...connection } } },
    });
    if (loaded.kind === 'loaded')
      return [loaded.settings.connections[0]?.exportScriptPath?.replace(/.*\//, '') ?? 'native'];
    return describe(remarksOf(loaded)).map((remark) =>
      remark.replace(/"[^"]*\/settings/, '"…').replace(/, absolute.*/, ''),
    );
  };
  const allowed = 'allowed is the path of a PowerShell script, a file whose name ends with .ps1';
  assert.deepEqual(found({ PowerShellScriptPath: 'Export.ps1' }), ['Export.ps1']);
  assert.deepEqual(found({ PowerShellScriptPath: 'nowhere.ps1', ExportScriptPath: 'Export.ps1' }), ['Export.ps1']);
  assert.deepEqual(found({ PowerShellScriptPath: 'nowhere.ps1', Options: {} }), ['native']);
  assert.deepEqual(found({ PowerShellScriptPath: 'nowhere.ps1' }), [
    `error Connections.A.PowerShellScriptPath: names "…/nowhere.ps1", which is not there; ${allowed}`,
  ]);
  assert.deepEqual(found({ ExportScriptPath: 'nowhere.ps1', Options: {} }), [
    `error Connections.A.ExportScriptPath: names "…/nowhere.ps1", which is not there; ${allowed}`,
  ]);
  assert.deepEqual(found({ ExportScriptPath: '.' }), [
    `error Connections.A.ExportScriptPath: names "…", which is no file; ${allowed}`,
  ]);
  assert.deepEqual(found({ ExportScriptPath: 'export.sh' }), [
    `error Connections.A.ExportScriptPath: found "export.sh"; ${allowed}`,
  ]);
});

const identifierCases: readonly (readonly [string, RegExp | undefined])[] = [
  ['MicrosoftExchangeExport', undefined],
  ['a.b-c9', undefined],
  [`a${'b'.repeat(441)}`, undefined],
  [`a${'b'.repeat(442)}`, /is 443 characters long; at most 441 may follow the first letter/],
  ['9a', /begins with a digit/],
  ['', /is empty/],
  ['.a', /does not begin with a letter/],
  ['-a', /does not begin with a letter/],
  ['éa', /does not begin with a letter/],
  ['a b', /contains " "; after the first letter only letters/],
  ['aé', /contains "é"; after the first letter only letters/],
  ['__proto__', /contains _, and none of/],
  ...[...'<>:"/\\|?*_'].map(
    (bad) => [`a${bad}b`, new RegExp(`contains ${bad.replace(/[\\|?*]/g, '\\$&')}, and none of`)] as const,
  ),
];

test('a connection identifier that breaks a rule is refused by that rule', (context) => {
  for (const [id, fault] of identifierCases) {
    const text = `{ "Connections": { ${JSON.stringify(id)}: { "Server": "http://a.contoso.com/PowerShell/" } } }`;
    const loaded = load(context, { 'appsettings.agent.json': text });
    if (fault === undefined) assert.equal(loaded.kind, 'loaded', id);
    else assert.match(describe(remarksOf(loaded)).join('\n'), fault, id);
  }
});

test('two identifiers that differ in case only are one too many', (context) => {
  const text = '{ "Connections": {\n "Main": { "Server": "http://a.b/p" },\n "MAIN": { "Server": "http://a.b/p" } } }';
  assert.deepEqual(describe(remarksOf(load(context, { 'appsettings.agent.json': text }))), [
    'error Connections.MAIN: stands twice in one object: at line 2, column 2 as "Main" (names count without regard to case), and at line 3, column 2; keep one of them',
  ]);
});

const agentFileCases: readonly (readonly [object, readonly string[]])[] = [
  [{ TempFolderPath: 5 }, ['error TempFolderPath: found 5; allowed is the path of a folder in double quotes']],
  [
    { TempFolderPath: 'appsettings.json', WorkFolderPath: 'appsettings.json/Work' },
    ['Temp', 'Work'].map(
      (kind) =>
        `error ${kind}FolderPath: found "<folder>/appsettings.json${kind === 'Temp' ? '' : '/Work'}", where "<folder>/appsettings.json" is a file; allowed is the path of a folder, absolute or relative to <folder>`,
    ),
  ],
  [{ WorkFolderPath: '' }, ['error WorkFolderPath: is empty; allowed is the path of a folder, or leave it out']],
  [{ EncryptionCertificate: { UseEncryptedAppsettings: false } }, []],
  [
    { EncryptionCertificate: { UseEncryptedAppsettings: 'true' } },
    [
      'error EncryptionCertificate.UseEncryptedAppsettings: asks for appsettings.encrypted.agent.json, and no certificate to open it is named; allowed is File (a PFX or PEM file), or Thumbprint or DistinguishedName (Windows store)',
    ],
  ],
  [{ EncryptionCertificate: 'x' }, ['error EncryptionCertificate: found "x"; allowed is an object, { … }']],
  [{ AzureKeyVault: { Vault: '' } }, []],
  [
    { AzureKeyVault: { Vault: 'https://x.vault.azure.net/' } },
    [
      'error AzureKeyVault.Vault: asks for an Azure Key Vault, which is not read here; only files and the environment are',
    ],
  ],
  [{ CyberArk: { UseCyberArkSetting: false, SafeName: 'x' } }, []],
  [
    { CyberArk: { UseCyberArkSetting: true } },
    [
      'error CyberArk.Server: is required with UseCyberArkSetting and missing; allowed is the address of the Central Credential Provider, https://<host>',
      'error CyberArk.ApplicationId: is required with UseCyberArkSetting and missing; allowed is an application identifier',
      'error CyberArk.SafeName: is required with UseCyberArkSetting and missing; allowed is the name of a safe',
      'warning CyberArk.File: names no client certificate: CyberArk then knows this application by the address of its machine alone',
    ],
  ],
  [
    { AzureKeyVault: { Vault: 'http://x.vault.azure.net/' } },
    [
      'error AzureKeyVault.Vault: found "http://x.vault.azure.net/"; allowed is the address of a vault, https://<name>.vault.azure.net/',
    ],
  ],
  [
    { EncryptionCertificate: { File: 'nowhere.pfx', StoreLocation: 'Elsewhere' } },
    [
      'error EncryptionCertificate.StoreLocation: found "Elsewhere"; allowed is "CurrentUser" or "LocalMachine"',
      'error EncryptionCertificate.File: names "<folder>/nowhere.pfx", which is not there; allowed is the path of a PFX file, or of a PEM file, absolute or relative to <folder>',
    ],
  ],
];

test('appsettings.json is checked, and a store of secrets that is switched on is not passed over in silence', (context) => {
  for (const [content, expected] of agentFileCases) {
    const settingsFolder = makeFolder(context, {
      'appsettings.json': content,
      'appsettings.agent.json': { Connections: { A: { Server: 'http://a.b/p' } } },
    });
    const remarks = describe(remarksOf(loadSettings({ settingsFolder, environment: {} })));
    assert.deepEqual(
      remarks.map((remark) => remark.replaceAll(settingsFolder, '<folder>')),
      expected,
      JSON.stringify(content),
    );
  }
});

test('a principal without a keytab is said to have no effect', (context) => {
  const { warnings } = settingsOf(loadConnection(context, { Principal: 'a@CONTOSO.COM' }));
  assert.deepEqual(describe(warnings), [
    'warning Connections.Main.Principal: has no effect without Keytab, whose principal it names',
  ]);
});

test('all that is wrong is said at once, in the file’s places', (context) => {
  const text =
    '{\n  "Connections": {\n    "Main": {\n      "Server": "x",\n      "Shells": 99,\n      "Bom": []\n    }\n  }\n}\n';
  const loaded = load(context, { 'appsettings.agent.json': text });
  assert.deepEqual(
    remarksOf(loaded).map(({ path, position }) => [path, position?.line, position?.column]),
    [
      ['Connections.Main.Server', 4, 17],
      ['Connections.Main.Bom', 6, 14],
      ['Connections.Main.Shells', 5, 17],
    ],
  );
});

test('no message holds a password, wherever it was written', (context) => {
  const secret = 'correct-horse';
  for (const members of [
    { Password: secret },
    { Password: [secret] },
    { Passwrd: secret },
    { Options: { Password: { a: secret } } },
    { Options: { PASSWORD: [secret], ClientSecret: [secret] } },
    { Server: `http://u:${secret}@a.b/` },
    { Server: [`ftp://u:${secret}@a.b/`] },
    { Server: `http://u:x/${secret}@a.b/` },
  ]) {
    const remarks = remarksOf(loadConnection(context, members));
    assert.ok(remarks.length > 0);
    assert.doesNotMatch(JSON.stringify(remarks), /correct-horse/, JSON.stringify(members));
  }
});
