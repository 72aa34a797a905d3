import assert from 'node:assert/strict';
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import {
  type AccountStore,
  ConfigError,
  type CyberArkSettings,
  type KeyVaultSettings,
  listValues,
  type OpenedSettings,
  type OpenRequest,
  openSettings,
  Secret,
  type SettingStores,
  StoreCache,
  type StoredAccount,
} from '@exchange-connector/config';
import { describe, makeFolder, type SettingsFiles } from './settings-folder.ts';

/** Stores that hold what a test puts there; what they are asked is counted. */
class Stores implements SettingStores {
  vault = new Map<string, string>();
  accounts = new Map<string, Partial<Record<'content' | 'userName' | 'address', string>>>();
  leaves = new Map<string, string>();
  failure: Error | undefined;
  leafFailure: Error | undefined;
  readonly asked: string[] = [];
  readonly opened: (KeyVaultSettings | CyberArkSettings)[] = [];

  openLeafDecryptor = async () => ({
    warnings: ['the certificate ends soon'],
    decrypt: async (leaf: string) => {
      if (this.leafFailure !== undefined && this.leaves.has(leaf)) throw this.leafFailure;
      return this.leaves.get(leaf) ?? leaf;
    },
  });

  openKeyVault = async (settings: KeyVaultSettings) => {
    this.opened.push(settings);
    return {
      listNames: async () => {
        this.asked.push('list');
        if (this.failure !== undefined) throw this.failure;
        return [...this.vault.keys()];
      },
      read: async (name: string) => {
        this.asked.push(name);
        return new Secret(this.vault.get(name) ?? '');
      },
    };
  };

  openCyberArk = async (settings: CyberArkSettings): Promise<AccountStore> => {
    this.opened.push(settings);
    return {
      readAccount: async (name: string): Promise<StoredAccount> => {
        this.asked.push(name);
        if (this.failure !== undefined) throw this.failure;
        const account = this.accounts.get(name);
        if (account === undefined)
          throw Object.assign(new Error(`no account ${name}`), { recovery: 'skip-item', mend: 'make it' });
        const { content, userName, address } = account;
        return { content: content === undefined ? undefined : new Secret(content), userName, address };
      },
    };
  };
}

const server = 'http://a.contoso.com/PowerShell/';
const everything = {
  EncryptionCertificate: { UseEncryptedAppsettings: true, Thumbprint: 'ab' },
  AzureKeyVault: { Vault: 'https://x.vault.azure.net' },
  CyberArk: {
    UseCyberArkSetting: 'true',
    Server: 'https://ccp.contoso.com',
    ApplicationId: 'app',
    SafeName: 'safe',
    Thumbprint: 'cd',
  },
};

interface Given {
  readonly files: SettingsFiles;
  readonly environment?: Record<string, string>;
  readonly stores?: Stores;
  readonly workFile?: object;
  readonly request?: Partial<OpenRequest>;
}

function open(
  context: TestContext,
  { files, environment = {}, stores = new Stores(), workFile, request }: Given,
): Promise<OpenedSettings> {
  const settingsFolder = makeFolder(context, files);
  if (workFile !== undefined) {
    const work = join(dirname(settingsFolder), 'Work');
    mkdirSync(work);
    writeFileSync(join(work, 'appsettings.connection.json'), JSON.stringify(workFile));
  }
  return openSettings({ settingsFolder, environment, stores, ...request });
}

function loaded(opened: OpenedSettings): Extract<OpenedSettings, { kind: 'loaded' }> {
  if (opened.kind === 'loaded') return opened;
  throw new Error(`refused: ${describe(opened.remarks).join('\n')}`);
}

function refused(opened: OpenedSettings): Extract<OpenedSettings, { kind: 'refused' }> {
  assert.equal(opened.kind, 'refused');
  return opened as Extract<OpenedSettings, { kind: 'refused' }>;
}

/** The six sources in the order of their weight, each giving the realm that is named as itself. */
const sources = ['file', 'encryptedFile', 'environment', 'keyVault', 'cyberArk', 'connectionFile'] as const;

function givenBy(used: readonly string[]): Given {
  const has = (name: (typeof sources)[number]) => used.includes(name);
  const stores = new Stores();
  stores.leaves.set('eyJ-encrypted', 'encryptedFile');
  if (has('keyVault')) stores.vault.set('connections--MAIN--filter', 'keyVault');
  stores.accounts.set('account', { content: 'cyberArk' });
  const main = (filter: string | undefined) => ({
    Connections: { Main: filter === undefined ? {} : { Filter: filter } },
  });
  return {
    stores,
    files: {
      'appsettings.json': everything,
      'appsettings.agent.json': {
        Connections: { Main: { Server: server, ...(has('file') ? { Filter: 'file' } : {}) } },
      },
      'appsettings.encrypted.agent.json': main(has('encryptedFile') ? 'eyJ-encrypted' : undefined),
      'appsettings.cyberArk.agent.json': main(has('cyberArk') ? 'account' : undefined),
    },
    environment: has('environment') ? { CONNECTIONS__main__FILTER: 'environment' } : {},
    ...(has('connectionFile') ? { workFile: { connections: { MAIN: { filter: 'connectionFile' } } } } : {}),
  };
}

test('whichever sources give a value, the last one of the documented order counts, and the others are named', async (context) => {
  for (let mask = 1; mask < 2 ** sources.length; mask += 1) {
    const used = sources.filter((_source, index) => mask & (1 << index));
    const opened = loaded(await open(context, givenBy(used)));
    assert.equal(opened.settings.connections[0]?.filter, used.at(-1), used.join());
    const shown = listValues(opened).find(({ path }) => path === 'Connections.Main.Filter');
    assert.equal(shown?.source.kind, used.at(-1));
    assert.deepEqual(
      shown?.hidden.map(({ kind }) => kind),
      used.slice(0, -1),
    ); // prettier-ignore
  }
});

test('each source is told by file and place, variable, secret or account', async (context) => {
  for (const [source, expected] of [
    ['file', /appsettings\.agent\.json$/],
    ['encryptedFile', /appsettings\.encrypted\.agent\.json$/],
    ['environment', /^CONNECTIONS__main__FILTER$/],
    ['keyVault', /^Azure Key Vault https:\/\/x\.vault\.azure\.net\/, secret connections--MAIN--filter$/],
    ['cyberArk', /^CyberArk https:\/\/ccp\.contoso\.com\/, safe safe, account account$/],
    ['connectionFile', /appsettings\.connection\.json$/],
  ] as const) {
    const opened = loaded(await open(context, givenBy([source])));
    const shown = listValues(opened).find(({ path }) => path === 'Connections.Main.Filter');
    assert.match(shown?.source.source ?? '', expected);
    const inFile = ['file', 'encryptedFile', 'connectionFile'].includes(source);
    assert.equal(shown?.source.line, inFile ? 1 : undefined);
  }
});

test('sources are merged key by key, and a list replaces a list whole', async (context) => {
  const opened = loaded(
    await open(context, {
      files: {
        'appsettings.agent.json': {
          Connections: {
            Main: { Server: server, Databases: ['a', 'b'], Options: { One: '1', Two: '2' }, Shells: 2 },
          },
        },
      },
      environment: { Connections__Main__Databases__0: 'c', Connections__Main__Options__Two: 'zwei' },
    }),
  );
  const [connection] = opened.settings.connections;
  assert.deepEqual(connection?.databases, ['c']);
  assert.deepEqual(connection?.fulfillOptions, [
    { name: 'One', value: '1' },
    { name: 'Two', value: 'zwei' },
  ]);
  assert.equal(connection?.shells, 2);
});

test('CyberArk gives UserName to Login, Address to Server and the password to everything else', async (context) => {
  const stores = new Stores();
  stores.accounts.set('a', { content: 'p1', userName: 'svc@CONTOSO.COM', address: 'mail.contoso.com' });
  stores.accounts.set('b', { content: 'p2', userName: 'joe', address: 'https://other.contoso.com/ps' });
  const tree = { Login: 'a', Server: 'a', Password: 'a', Options: { Login: 'b', Server: 'b', ApiKey: 'b' } };
  const opened = loaded(
    await open(context, {
      stores,
      files: {
        'appsettings.json': { CyberArk: everything.CyberArk },
        'appsettings.cyberark.agent.json': { Connections: { Main: tree } },
      },
    }),
  );
  const [connection] = opened.settings.connections;
  assert.deepEqual(
    [connection?.login, connection?.servers[0]?.url, connection?.password?.reveal()],
    ['svc@CONTOSO.COM', 'http://mail.contoso.com/PowerShell/', 'p1'],
  );
  const options = connection?.fulfillOptions.map(({ name, value }) => [
    name,
    value instanceof Secret ? value.reveal() : value,
  ]);
  assert.deepEqual(options, [
    ['Login', 'joe'],
    ['Server', 'https://other.contoso.com/ps'],
    ['ApiKey', 'p2'],
  ]);
  // Each account is asked for once.
  assert.deepEqual(stores.asked, ['a', 'b']);
  assert.deepEqual(stores.opened[0], {
    server: 'https://ccp.contoso.com/',
    applicationId: 'app',
    safeName: 'safe',
    caFile: undefined,
    cacheMs: 300_000,
    certificate: {
      file: undefined,
      keyFile: undefined,
      password: undefined,
      passwordKeyFile: undefined,
      distinguishedName: undefined,
      thumbprint: 'cd',
      storeLocation: undefined,
      storeName: undefined,
    },
  });
});

test('what an account lacks and accounts that are not there are told where they are named', async (context) => {
  const stores = new Stores();
  stores.accounts.set('a', { content: 'p1' });
  const text =
    '{ "Connections": { "Main": {\n "Server": "a",\n "Login": "nobody",\n "Password": " ", "Shells": 5 } } }';
  const opened = refused(
    await open(context, {
      stores,
      files: {
        'appsettings.json': { CyberArk: everything.CyberArk },
        'appsettings.agent.json': { Connections: { Main: { Server: server } } },
        'appsettings.cyberArk.agent.json': text,
      },
    }),
  );
  assert.equal(opened.storeFailed, false);
  assert.deepEqual(
    opened.remarks.map(({ path, position, message }) => [path, position?.line, message]),
    [
      ['Connections.Main.Server', 2, 'names the account "a", which has no Address; set it in CyberArk'],
      ['Connections.Main.Login', 3, 'no account nobody; make it'],
      ['Connections.Main.Password', 4, 'is empty; allowed is the name of an account, or leave it out'],
      ['Connections.Main.Shells', 4, 'is a JSON number; allowed is the name of an account'],
    ],
  );
});

test('a leaf that cannot be decrypted is told at its place, with what to do and without its text', async (context) => {
  const stores = new Stores();
  stores.leaves.set('eyJsecretleaf', 'x');
  stores.leafFailure = Object.assign(
    new Error('decrypting Connections.Main.Password: the encrypted value is damaged'),
    {
      mend: 'encrypt it again',
    },
  );
  const opened = refused(
    await open(context, {
      stores,
      files: {
        'appsettings.json': { EncryptionCertificate: everything.EncryptionCertificate },
        'appsettings.agent.json': { Connections: { Main: { Server: server, Login: 'a@B' } } },
        'appsettings.encrypted.agent.json': {
          Connections: { Main: { Password: 'eyJsecretleaf', Options: { Token: 't' } } },
        },
      },
    }),
  );
  assert.deepEqual(describe(opened.remarks), [
    'warning EncryptionCertificate.UseEncryptedAppsettings: the certificate ends soon',
    'error Connections.Main.Password: the encrypted value is damaged; encrypt it again',
    'warning Connections.Main.Options.Token: is not encrypted; exchange-connector protect value encrypts it',
    'error Connections.Main.Password: is required with Login and missing; allowed is a text here, a Keytab, the environment variable EXCHANGE_PASSWORD, or --password-stdin',
  ]);
});

test('a source that is switched on and not there is refused', async (context) => {
  const plain = { 'appsettings.agent.json': { Connections: { Main: { Server: server } } } };
  for (const [name, file] of [
    ['EncryptionCertificate', 'appsettings.encrypted.agent.json'],
    ['CyberArk', 'appsettings.cyberArk.agent.json'],
  ] as const) {
    const { remarks } = refused(
      await open(context, { files: { ...plain, 'appsettings.json': { [name]: everything[name] } } }),
    );
    assert.equal(remarks.length, 1);
    assert.match(
      remarks[0]?.message ?? '',
      new RegExp(`^asks for .*${file.replaceAll('.', '\\.')}, which is not there$`),
    );
  }
});

test('names in Key Vault that are no settings are left out, and two for one setting are refused', async (context) => {
  const stores = new Stores();
  for (const name of [
    'Connections--Main',
    'Connections--Main--',
    'Connections--Main--Server--0',
    'Connections--Main--Server',
  ])
    stores.vault.set(name, server);
  const files = {
    'appsettings.json': { AzureKeyVault: everything.AzureKeyVault },
    'appsettings.agent.json': { Connections: { Main: { Server: server }, 'My.Other-': { Server: server } } },
  };
  const { remarks } = refused(await open(context, { files, stores }));
  assert.deepEqual(describe(remarks), [
    'warning Connections.Main: is no name of a setting, and is left out; a name is Connections--<identifier>--<setting>',
    'warning Connections.Main[""]: is no name of a setting, and is left out; a name is Connections--<identifier>--<setting>',
    'error Connections.Main.Server.0: stands beside Azure Key Vault https://x.vault.azure.net/, secret Connections--Main--Server, which sets the same or a part of it; keep one of them',
    'warning Connections["My.Other-"]: settings of "My.Other-" cannot be stored in Azure Key Vault: it contains ".", and a name holds letters, digits and "-" only',
  ]);
});

test('stores are not asked while files are wrong, and not at all where they are not switched on', async (context) => {
  const stores = new Stores();
  const plain = { Connections: { Main: { Server: server } } };
  refused(await open(context, { stores, files: { 'appsettings.json': everything, 'appsettings.agent.json': '{' } }));
  loaded(await open(context, { stores, files: { 'appsettings.agent.json': plain } }));
  const off = { EncryptionCertificate: { UseEncryptedAppsettings: false }, AzureKeyVault: { Vault: '' }, CyberArk: {} };
  loaded(await open(context, { stores, files: { 'appsettings.json': off, 'appsettings.agent.json': plain } }));
  assert.deepEqual(stores.opened, []);
});

test('a store that is down refuses the settings rather than to give those of the other sources', async (context) => {
  const stores = new Stores();
  stores.failure = Object.assign(new Error('reading the vault: it is down'), { mend: 'wait' });
  const opened = refused(await open(context, { ...givenBy(['file', 'keyVault']), stores }));
  assert.equal(opened.storeFailed, true);
  const errors = opened.remarks.filter(({ severity }) => severity === 'error');
  assert.deepEqual(describe(errors), ['error AzureKeyVault.Vault: reading the vault: it is down; wait']);
});

/** Settings whose password stands in a vault, on a clock of the test's own. */
function rotating(context: TestContext) {
  const stores = new Stores();
  stores.vault.set('Connections--Main--Password', 'old');
  stores.accounts.set('account', { userName: 'svc@CONTOSO.COM' });
  let nowMs = 0;
  const settingsFolder = makeFolder(context, {
    'appsettings.json': {
      AzureKeyVault: { ...everything.AzureKeyVault, CacheSeconds: 60 },
      CyberArk: { ...everything.CyberArk, CacheSeconds: '10' },
    },
    'appsettings.agent.json': { Connections: { Main: { Server: server } } },
    'appsettings.cyberArk.agent.json': { Connections: { Main: { Login: 'account' } } },
  });
  const cache = new StoreCache(() => nowMs);
  return {
    stores,
    advance: (ms: number) => {
      nowMs += ms;
    },
    open: () => openSettings({ settingsFolder, environment: {}, stores, cache }),
  };
}

test('what stores gave is used for as long as the settings say, then asked for again', async (context) => {
  const { stores, advance, open: again } = rotating(context);
  const password = async () => loaded(await again()).settings.connections[0]?.password?.reveal();
  assert.equal(await password(), 'old');
  stores.vault.set('Connections--Main--Password', 'new');
  advance(59_999);
  assert.equal(await password(), 'old');
  advance(1);
  assert.equal(await password(), 'new');
  const asksOf = (name: string) => stores.asked.filter((asked) => asked === name).length;
  assert.deepEqual([asksOf('list'), asksOf('account')], [2, 2]);
});

test('a value that is too old is never given out while its store is down', async (context) => {
  const { stores, advance, open: again } = rotating(context);
  loaded(await again());
  stores.failure = new Error('down');
  loaded(await again());
  advance(60_000);
  assert.equal(refused(await again()).storeFailed, true);
  // Nor later, when the value would still be in memory.
  assert.equal(refused(await again()).storeFailed, true);
});

test('after a refused login the stores are asked at once, and a rotated password is found', async (context) => {
  const { stores, open: again } = rotating(context);
  const opened = loaded(await again());
  stores.vault.set('Connections--Main--Password', 'new');
  const renewed = await opened.renew('MAIN');
  assert.deepEqual([renewed.id, renewed.password?.reveal()], ['Main', 'new']);
});

test('a renewal that fails ends in an error that names why, never in the older value', async (context) => {
  const { stores, open: again } = rotating(context);
  const opened = loaded(await again());
  stores.failure = new Error('asking the vault: it is down');
  await assert.rejects(opened.renew('Main'), (error) => {
    assert.ok(error instanceof ConfigError);
    assert.equal(error.code, 'CONFIG_RENEWAL_FAILED');
    assert.match(error.message, /^reading the settings of Main again: .*asking the vault: it is down$/);
    return true;
  });
  stores.failure = undefined;
  await assert.rejects(opened.renew('Gone'), /they name it no longer/);
});

test('no printing of opened settings shows what a store or an encrypted file gave', async (context) => {
  const given = givenBy(['encryptedFile', 'keyVault', 'cyberArk']);
  const stores = given.stores ?? new Stores();
  stores.leaves.set('eyJ-encrypted', 'planted-1');
  stores.vault.set('connections--MAIN--Options--Password', 'planted-2');
  stores.accounts.set('account', { content: 'planted-3' });
  const opened = loaded(
    await open(context, {
      ...given,
      environment: { Connections__Main__Password: 'planted-4', Connections__Main__Login: 'a@B' },
    }),
  );
  const { filter: _shown, ...connection } = opened.settings.connections[0] ?? assert.fail('no connection');
  const printed = [
    opened.layers,
    opened.agentLayers,
    connection,
    listValues(opened).filter(({ path }) => !path.endsWith('Filter')),
  ];
  for (const object of printed) {
    assert.doesNotMatch(inspect(object, { depth: 20, getters: true }), /planted-/);
    assert.doesNotMatch(JSON.stringify(object), /planted-/);
  }
});

/** Contents that no settings file may have, and what is said of them. */
const hostile: readonly (readonly [content: string | Uint8Array, message: RegExp])[] = [
  ['', /^is not well-formed JSON: the file is empty$/],
  ['[]', /^holds a JSON array; allowed is an object/],
  ['{"a":'.repeat(100_000), /^nests deeper than 64 objects and arrays$/],
  [`{"a":"${'x'.repeat(5 << 20)}"}`, /^cannot be read: it has \d+ bytes; at most 4194304 are read$/],
  [
    Buffer.from([0x7b, 0x22, 0xff, 0x22, 0x3a, 0x31, 0x7d]),
    /^is not UTF-8: the byte at offset 2 does not belong there/,
  ],
  [Buffer.from('\ufeff{}', 'utf16le'), /^is not UTF-8: .*; it looks like UTF-16/],
  ['{"__proto__":1,"__PROTO__":2}', /^stands twice in one object: at line 1, column 2 as "__proto__"/],
  ['{"Connections":{"Main":{"constructor":1,"constructor":1}}}', /^stands twice in one object/],
];

test('hostile content of any settings file is refused with the file and the place', async (context) => {
  const names = [
    'appsettings.json',
    'appsettings.agent.json',
    'appsettings.encrypted.agent.json',
    'appsettings.cyberArk.agent.json',
  ];
  for (const name of names)
    for (const [content, message] of hostile) {
      const given = givenBy(['file']);
      const { remarks } = refused(await open(context, { ...given, files: { ...given.files, [name]: content } }));
      const fault = remarks.find(({ severity, source }) => severity === 'error' && source.endsWith(name));
      assert.match(fault?.message ?? 'nothing', message, `${name}: ${describe(remarks).join('; ')}`);
    }
  const work = { Connections: { Main: { Server: 'nowhere' } } };
  const { remarks } = refused(await open(context, { ...givenBy(['file']), workFile: work }));
  assert.match(remarks.find(({ severity }) => severity === 'error')?.source ?? '', /appsettings\.connection\.json$/);
});

test('a byte-order mark, comments and prototype names do no harm in any file', async (context) => {
  const tame =
    '\ufeff// a comment\n{ "__proto__": { "Filter": "x" }, "constructor": {}, "Connections": { "Main": { "__proto__": { "Filter": "y" }, }, }, }';
  const given = givenBy([]);
  const files = {
    ...given.files,
    'appsettings.encrypted.agent.json': tame,
    'appsettings.cyberArk.agent.json': '\ufeff{ "Connections": { "Main": { "__proto__": {} } } }',
  };
  const opened = loaded(await open(context, { ...given, files }));
  assert.equal(opened.settings.connections[0]?.filter, undefined);
  assert.equal(({} as Record<string, unknown>)['Filter'], undefined);
});
