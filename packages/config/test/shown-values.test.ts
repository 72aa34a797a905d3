import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { findPlainSecrets, listValues, openSettings, type SettingStores } from '@exchange-connector/config';
import fc from 'fast-check';
import { connectionKeys } from '../src/keys/connection-keys.ts';
import { describe, makeFolder, type SettingsFiles } from './settings-folder.ts';

const noStores: SettingStores = {
  openLeafDecryptor: () => Promise.reject(new Error('not asked for')),
  openKeyVault: () => Promise.reject(new Error('not asked for')),
  openCyberArk: () => Promise.reject(new Error('not asked for')),
};

function open(context: TestContext, files: SettingsFiles, environment: Record<string, string> = {}, password?: string) {
  return openSettings({ settingsFolder: makeFolder(context, files), environment, password, stores: noStores });
}

const server = 'http://a.contoso.com/PowerShell/';

async function show(
  context: TestContext,
  members: object,
  environment: Record<string, string> = {},
  password?: string,
) {
  const files = { 'appsettings.agent.json': { Connections: { Main: members } } };
  const opened = await open(context, files, environment, password);
  return new Map(listValues(opened).map((value) => [value.path.replace('Connections.Main.', ''), value]));
}

test('every key has a value or a default that is shown, under the name that is documented', async (context) => {
  const shown = await show(context, { SERVER: server, shells: 4 });
  assert.equal(shown.get('Server')?.value, server);
  assert.equal(shown.get('Shells')?.value, 4);
  assert.deepEqual(shown.get('OverlapMinutes'), {
    path: 'Connections.Main.OverlapMinutes',
    value: 60,
    source: { kind: 'default', source: 'the default', name: undefined, line: undefined, column: undefined },
    hidden: [],
  });
  const withDefaults = Object.values(connectionKeys).filter(({ form }) => 'usual' in form || form.kind === 'flag');
  const defaults = [...shown.values()].filter(
    ({ source, path }) => source.kind === 'default' && path.startsWith('Connections'),
  );
  assert.equal(defaults.length, withDefaults.length - 1);
});

test('texts, numbers, lists and lists of the environment are shown as they stand', async (context) => {
  const shown = await show(
    context,
    {
      Server: [server, 'http://b.contoso.com/x'],
      Bom: 'true',
      Filter: "Alias -like 'a*'",
      MaxPercentageDeletedLines: 2.5,
    },
    { Connections__Main__Databases__0: 'DB01' },
  );
  assert.deepEqual(shown.get('Server')?.value, [server, 'http://b.contoso.com/x']);
  assert.equal(shown.get('Bom')?.value, 'true');
  assert.equal(shown.get('Filter')?.value, "Alias -like 'a*'");
  assert.equal(shown.get('MaxPercentageDeletedLines')?.value, 2.5);
  assert.equal(shown.get('Databases.0')?.value, 'DB01');
});

test('one connection can be asked for, whatever its identifier', async (context) => {
  const connections = { 'My.First': { Server: server }, Second: { Server: server } };
  const opened = await open(context, { 'appsettings.agent.json': { Connections: connections } });
  const servers = (only?: string) =>
    listValues(opened, only).flatMap(({ path }) => (path.endsWith('.Server') ? [path] : []));
  assert.deepEqual(servers('my.first'), ['Connections["My.First"].Server']);
  assert.deepEqual(servers(), ['Connections["My.First"].Server', 'Connections.Second.Server']);
});

test('a password from outside the sources is told by where it came from', async (context) => {
  const members = { Server: server, Login: 'a@CONTOSO.COM' };
  const byVariable = (await show(context, members, { EXCHANGE_PASSWORD: 'abc-secret' })).get('Password');
  assert.deepEqual([byVariable?.value, byVariable?.source.source], [undefined, 'EXCHANGE_PASSWORD']);
  const typed = (await show(context, { ...members, Password: 'in-the-file' }, {}, 'abc-secret')).get('Password');
  assert.deepEqual([typed?.source.kind, typed?.hidden[0]?.kind], ['given', 'file']);
  const inFile = (await show(context, { ...members, Password: 'x' }, { EXCHANGE_PASSWORD: 'y' })).get('Password');
  assert.deepEqual([inFile?.source.kind, inFile?.hidden], ['file', []]);
});

const planted = 'PLANTED-7f3a';
/** Where a person may have put a secret, on purpose or by mistake. */
const plantings: readonly ((secret: string) => object)[] = [
  (secret) => ({ Password: secret }),
  (secret) => ({ Password: [secret] }),
  (secret) => ({ Password: { a: secret } }),
  (secret) => ({ PassWord: secret, Realm: `x ${secret}` }),
  (secret) => ({ Pasword: secret }),
  (secret) => ({ Unknown: { deep: [secret] } }),
  (secret) => ({ Options: { Password: secret, Login: `joe:${secret}` } }),
  (secret) => ({ Options: { ApiKey: secret, Anything: secret, List: [secret] } }),
  (secret) => ({ Options: { Server: `https://joe:${secret}@host/x` } }),
  (secret) => ({ Options: secret }),
  (secret) => ({ Server: `http://joe:${secret}@a.contoso.com/PowerShell/` }),
  (secret) => ({ Server: [`http://joe:a/b@${secret}@a.contoso.com/`] }),
  (secret) => ({ Server: `https://a.contoso.com/PowerShell/?sig=${secret}` }),
  (secret) => ({ Login: `joe:${secret}` }),
  (secret) => ({ Password: secret, Filter: `Alias -eq '${secret}'`, Databases: [secret] }),
];

test('wherever a secret was written, no value that is shown and no remark holds it', async (context) => {
  for (const planting of plantings) {
    const members = planting(planted);
    const files = { 'appsettings.agent.json': { Connections: { Main: { Server: server, ...members } } } };
    const opened = await open(context, files);
    const remarks = opened.kind === 'refused' ? opened.remarks : opened.settings.warnings;
    const said = JSON.stringify([listValues(opened), remarks, findPlainSecrets(opened)]);
    assert.ok(
      !said.includes(planted),
      `${JSON.stringify(members)}\n${said.slice(Math.max(0, said.indexOf(planted) - 200), said.indexOf(planted) + 50)}`,
    );
  }
});

test('secrets in plain text are warned of in files, not in the environment, and not where they are encrypted', async (context) => {
  const jwe = 'eyJhbGciOiJkaXIifQ..YQ.Yg.Yw';
  const files = {
    'appsettings.json': { EncryptionCertificate: { Password: 'abc' }, CyberArk: { Password: jwe } },
    'appsettings.agent.json': {
      Connections: {
        Main: {
          Server: server,
          Login: 'a@B',
          Password: 'abc',
          Options: { Token: 'abc', Server: server, Password: jwe },
        },
      },
    },
  };
  const opened = await open(context, files, { Connections__Main__Options__ApiKey: 'abc' });
  assert.deepEqual(
    describe(findPlainSecrets(opened)).map((line) => line.replace(/(plain text|looks encrypted).*/, '$1')),
    [
      'warning EncryptionCertificate.Password: stands in plain text',
      'warning Connections.Main.Password: stands in plain text',
      'warning Connections.Main.Options.Token: stands in plain text',
      'warning Connections.Main.Options.Password: looks encrypted',
    ],
  );
});

test('the path of a key file is no secret, and a certificate’s password is told what wraps it', async (context) => {
  const files = {
    'appsettings.json': {
      EncryptionCertificate: { Password: 'abc', PasswordKeyFile: '../password.key' },
      CyberArk: { Password: 'abc', PasswordKeyFile: '../password.key' },
    },
    'appsettings.agent.json': { Connections: { Main: { Server: server } } },
  };
  const opened = await open(context, files);
  const mend = 'stands in plain text; exchange-connector protect password wraps it with a key that lies elsewhere';
  assert.deepEqual(describe(findPlainSecrets(opened)), [
    `warning EncryptionCertificate.Password: ${mend}`,
    `warning CyberArk.Password: ${mend}`,
  ]);
});

test('whatever stands in the files, values can be listed', async (context) => {
  const keys = fc.oneof(
    fc.constantFrom(...Object.keys(connectionKeys), 'options', '__proto__', 'constructor'),
    fc.string({ maxLength: 4 }),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 3 },
      fc.string(),
      fc.integer(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 3 }),
      fc.dictionary(keys, tie('value'), { maxKeys: 4 }),
    ),
  }));
  await fc.assert(
    fc.asyncProperty(fc.dictionary(keys, value, { maxKeys: 5 }), async (members) => {
      const text = JSON.stringify({
        Connections: { Main: members },
        EncryptionCertificate: members,
        CyberArk: members,
      });
      const opened = await open(context, { 'appsettings.agent.json': text, 'appsettings.json': text });
      for (const { path } of listValues(opened)) assert.equal(typeof path, 'string');
      findPlainSecrets(opened);
    }),
    { numRuns: 100 },
  );
});
