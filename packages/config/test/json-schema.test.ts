import assert from 'node:assert/strict';
import { test } from 'node:test';
import { settingsSchema } from '@exchange-connector/config';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { connectionKeys } from '../src/keys/connection-keys.ts';
import { loadConnection, remarksOf } from './settings-folder.ts';

const files = ['appsettings.json', 'appsettings.agent.json', 'both'] as const;

function validator(file: (typeof files)[number]): (value: unknown) => boolean {
  return new Ajv({ strict: true, strictTypes: false, allowUnionTypes: true }).compile(settingsSchema(file));
}

const isAgentFile = validator('appsettings.agent.json');
const inConnection = (members: object) => ({ Connections: { Main: members } });

test('the schemas are well-formed, and describe every key of the tables', () => {
  for (const file of files) assert.ok(validator(file)({}), file);
  const schema = JSON.stringify(settingsSchema('both'));
  for (const name of Object.keys(connectionKeys)) assert.ok(schema.includes(`"title":"${name}"`), name);
});

test('the files of the documentation are valid, with comments of editors such as $schema', () => {
  const both = validator('both');
  const agent = {
    $schema: './x.json',
    ...inConnection({ AuthType: 'Kerberos', Server: 'http://mailbox01.contoso.com/PowerShell/' }),
  };
  assert.ok(isAgentFile(agent));
  assert.ok(both(agent));
  const settings = {
    TempFolderPath: '../Temp',
    EncryptionCertificate: { UseEncryptedAppsettings: 'true', File: 'a.pfx', Unknown: 1 },
    AzureKeyVault: { Vault: 'https://x.vault.azure.net/', CacheSeconds: 60 },
    CyberArk: null,
    Logging: { LogLevel: {} },
  };
  assert.ok(validator('appsettings.json')(settings));
  assert.ok(both(settings));
});

test('connection identifiers that the reader refuses are invalid', () => {
  for (const id of ['1a', 'a_b', 'a b', '', 'ä', `a${'b'.repeat(442)}`])
    assert.equal(isAgentFile({ Connections: { [id]: {} } }), false, id);
});

/** Keys whose every rule a schema can tell: `EncryptOutput` wants a certificate besides. */
const told = Object.entries(connectionKeys).filter(
  ([name, { form }]) => name !== 'EncryptOutput' && ['flag', 'wholeNumber', 'percentage', 'choice'].includes(form.kind),
);

const native = fc.oneof(
  fc.boolean(),
  fc.constant(null),
  fc.integer({ min: -5, max: 20_000 }),
  fc.double({ noNaN: true, noDefaultInfinity: true, min: -10, max: 5000 }),
  fc.constantFrom([], ['a'], {}, { a: 1 }),
);
const texts = fc.constantFrom(
  'true',
  'FALSE',
  ' true ',
  'yes',
  '',
  '5',
  ' 5 ',
  '5.5',
  '+7',
  '-1',
  'a',
  'Kerberos',
  'kerberos',
  'BASIC',
  ' Basic',
  'Negotiate',
  '1e3',
  '0x10',
);

test('what the reader takes, the schema takes; of native JSON the schema refuses what the reader refuses', (context) => {
  fc.assert(
    fc.property(fc.constantFrom(...told), fc.oneof(native, texts), ([name, { form }], value) => {
      const found = loadConnection(context, {
        ...{ Login: 'a@B', Password: 'p', AllowUnencryptedBasic: true },
        [name]: value,
      });
      const path = `Connections.Main.${name}`;
      const refused = remarksOf(found).some(
        (remark) => remark.severity === 'error' && (remark.path === path || remark.path.startsWith(`${path}.`)),
      );
      const valid = isAgentFile(inConnection({ [name]: value }));
      const why = `${name} (${form.kind}) = ${JSON.stringify(value)}`;
      if (!refused) assert.ok(valid, why);
      else if (typeof value !== 'string') assert.equal(valid, false, why);
    }),
    { numRuns: 400 },
  );
});

test('texts, lists and pairs are told from other kinds', () => {
  const valid = [
    { Server: 'x' },
    { Server: ['x', 'y'] },
    { Login: null },
    { Login: 'a' },
    { Options: { Any: 1, Other: 'b', AuthType: 'basic' } },
    { Databases: 'x' },
    { Unknown: { a: [1] } },
    { Password: '' },
  ]; // prettier-ignore
  const invalid = [
    { Server: 5 },
    { Server: ' ' },
    { Server: [1] },
    { Login: 5 },
    { Login: [] },
    { Options: 'x' },
    { Options: { Any: {} } },
    { Options: { AuthType: 'x' } },
    { Databases: { a: 'x' } },
    { Password: 5 },
    { Keytab: true },
  ]; // prettier-ignore
  for (const members of valid) assert.ok(isAgentFile(inConnection(members)), JSON.stringify(members));
  for (const members of invalid) assert.equal(isAgentFile(inConnection(members)), false, JSON.stringify(members));
});
