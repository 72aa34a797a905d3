/*
 * `config …` and runs whose settings come from every source, with real parts: certificates that OpenSSL made, a service
 * that speaks Key Vault's REST, a Central Credential Provider over mutual TLS, a rehearsed Exchange.
 */
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import {
  type KeyVaultService,
  signInEnvironment,
  startKeyVaultService,
} from '../../azure-key-vault/test/key-vault-service.ts';
import {
  type ClientFiles,
  type CredentialService,
  makeClientFiles,
  startCredentialService,
} from '../../cyberark/test/credential-service.ts';
import { type Ended, makeSettings, runProgram } from './program.ts';

const skip =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed: apt-get install openssl';
const simulatorFile = fileURLToPath(new URL('../../exchange-simulator/bin/exchange-simulator.mjs', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'cli-config-'));

const secrets = {
  exchangePassword: 'planted-Exchange-1f',
  oldPassword: 'planted-old-password-7c',
  certificatePassword: 'planted-certificate-2e',
  clientSecret: 'planted-client-secret-3d',
  ofVault: 'planted-in-vault-4c',
  ofCyberArk: 'planted-in-cyberark-5b',
  ofFile: 'planted-in-encrypted-file-6a',
  ofEnvironment: 'planted-in-environment-79',
} as const;

let client: ClientFiles;
let vault: KeyVaultService;
let cyberArk: CredentialService;
let exchangeUrl = '';
let endExchange: () => Promise<void> = async () => undefined;

forAllTests(
  async () => {
    if (skip !== false) return;
    // The older algorithms of Windows, which TLS itself does not open any more.
    client = makeClientFiles(folder, 'agent', { legacy: true });
    mkdirSync(join(folder, 'vault'));
    vault = await startKeyVaultService(join(folder, 'vault'));
    vault.clientSecret = secrets.clientSecret;
    cyberArk = await startCredentialService([client]);
    writeFileSync(join(folder, 'cyberark-ca.pem'), cyberArk.caPem);
    const child = spawn(process.execPath, [simulatorFile, '--login', 'demo', '--mailboxes', '40', '--databases', '2'], {
      env: { ...process.env, EXCHANGE_PASSWORD: secrets.exchangePassword },
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const ended = once(child, 'exit');
    endExchange = async () => {
      child.kill('SIGKILL');
      await ended;
    };
    [exchangeUrl] = (await once(createInterface(child.stdout), 'line')) as [string];
  },
  async () => {
    await endExchange();
    await vault?.close();
    await cyberArk?.close();
    rmSync(folder, { recursive: true, force: true });
  },
);

/** The environment of a run: where it signs in to Azure, and the password of its certificates. */
function environment(): Record<string, string> {
  return {
    ...signInEnvironment(vault),
    EncryptionCertificate__Password: secrets.certificatePassword,
    CyberArk__Password: client.pfxPassword,
  };
}

/** A certificate for the encrypted file, whose password is a planted secret. */
function makeCertificate(): string {
  const pfx = join(folder, 'settings.pfx');
  const words = ['pkcs12', '-export', '-inkey', client.key, '-in', client.certificate, '-out', pfx];
  const { status, stderr } = spawnSync('openssl', [...words, '-passout', `pass:${secrets.certificatePassword}`], {
    encoding: 'utf8',
  });
  assert.equal(status, 0, stderr);
  return pfx;
}

async function encrypt(settings: string, value: string): Promise<string> {
  const { code, output, errors } = await runProgram(['protect', 'value', '--settings', settings], {
    input: value,
    environment: { EXCHANGE_CERTIFICATE_PASSWORD: secrets.certificatePassword },
  });
  assert.equal(code, 0, errors);
  return output.trim();
}

/** Settings with a secret in each source; the password of the connection is CyberArk's. */
async function makeAllSources(context: TestContext): Promise<string> {
  const main = {
    AuthType: 'Basic',
    AllowUnencryptedBasic: true,
    Login: 'demo',
    Password: secrets.oldPassword,
    Server: exchangeUrl,
  };
  const settings = makeSettings(context, { Main: main });
  const write = (name: string, value: object) => writeFileSync(join(settings, name), JSON.stringify(value));
  write('appsettings.json', {
    EncryptionCertificate: { File: makeCertificate(), UseEncryptedAppsettings: true },
    AzureKeyVault: { Vault: vault.url, DisableChallengeResourceVerification: true, DisableInstanceDiscovery: true },
    CyberArk: {
      UseCyberArkSetting: true,
      Server: cyberArk.url,
      ApplicationId: 'app',
      SafeName: 'safe',
      File: client.pfx,
      CaFile: join(folder, 'cyberark-ca.pem'),
    },
  });
  write('appsettings.encrypted.agent.json', {
    Connections: { Main: { Options: { Token: await encrypt(settings, secrets.ofFile), Login: 'joe' } } },
  });
  write('appsettings.cyberArk.agent.json', {
    Connections: { Main: { Password: 'svc', Options: { Password: 'other' } } },
  });
  const work = join(settings, '..', 'Work');
  mkdirSync(work);
  writeFileSync(join(work, 'appsettings.connection.json'), JSON.stringify({ Connections: { Main: { Bom: true } } }));
  vault.secrets.clear();
  vault.secrets.set('Connections--Main--Options--ApiKey', { value: secrets.ofVault });
  cyberArk.replies.set('svc', { status: 200, body: { Content: secrets.exchangePassword } });
  cyberArk.replies.set('other', { status: 200, body: { Content: secrets.ofCyberArk, UserName: 'u', Address: 'a' } });
  return settings;
}

const withAll = () => ({
  ...environment(),
  Connections__Main__Options__Secret: secrets.ofEnvironment,
  Connections__Main__OperationTimeoutSeconds: '30',
});

interface ShownLine {
  readonly path: string;
  readonly value: unknown;
  readonly shown: boolean;
  readonly source: { readonly kind: string; readonly source: string; readonly name: string | null };
  readonly overrides: readonly { readonly kind: string }[];
}

test('config show names the source of every value, from all of them at once', { skip }, async (context) => {
  const settings = await makeAllSources(context);
  const { code, output, errors } = await runProgram(['config', 'show', '--json', '--settings', settings], {
    environment: withAll(),
  });
  assert.equal(code, 0, errors);
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as ShownLine); // prettier-ignore
  const kinds = Object.fromEntries(
    lines.flatMap(({ path, source, shown }) =>
      source.kind === 'default'
        ? []
        : [[path.replace('Connections.Main.', ''), `${source.kind}${shown ? '' : ', not shown'}`]],
    ),
  );
  assert.deepEqual(kinds, {
    'EncryptionCertificate.File': 'file',
    'EncryptionCertificate.UseEncryptedAppsettings': 'file',
    'EncryptionCertificate.Password': 'environment, not shown',
    'AzureKeyVault.Vault': 'file',
    'AzureKeyVault.DisableChallengeResourceVerification': 'file',
    'AzureKeyVault.DisableInstanceDiscovery': 'file',
    'CyberArk.UseCyberArkSetting': 'file',
    'CyberArk.Server': 'file',
    'CyberArk.ApplicationId': 'file',
    'CyberArk.SafeName': 'file',
    'CyberArk.File': 'file',
    'CyberArk.CaFile': 'file',
    'CyberArk.Password': 'environment, not shown',
    AuthType: 'file',
    AllowUnencryptedBasic: 'file',
    Login: 'file',
    Password: 'cyberArk, not shown',
    Server: 'file',
    'Options.Token': 'encryptedFile, not shown',
    'Options.Login': 'encryptedFile',
    'Options.Secret': 'environment, not shown',
    OperationTimeoutSeconds: 'environment',
    'Options.ApiKey': 'keyVault, not shown',
    'Options.Password': 'cyberArk, not shown',
    Bom: 'connectionFile',
  });
  const password = lines.find(({ path }) => path === 'Connections.Main.Password');
  assert.deepEqual([password?.source.name, password?.overrides.map(({ kind }) => kind)], ['svc', ['file']]);
  for (const secret of Object.values(secrets)) assert.ok(!`${output}${errors}`.includes(secret), secret);
});

/** Everything that a run left below a folder, names and contents. */
function readAll(root: string): string {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .map((entry) =>
      entry.isFile() ? `${entry.name}\n${readFileSync(join(entry.parentPath, entry.name), 'latin1')}` : entry.name,
    )
    .join('\n');
}

/** The forms in which a secret could leak. */
function formsOf(secret: string): string[] {
  const basic = Buffer.from(`demo:${secret}`).toString('base64');
  return [
    secret,
    encodeURIComponent(secret),
    Buffer.from(secret).toString('base64').replace(/=+$/, ''),
    basic.replace(/=+$/, ''),
    Buffer.from(secret, 'utf16le').toString('latin1'),
  ];
}

test('no secret of a run stands in anything that was written', { skip }, async (context) => {
  const settings = await makeAllSources(context);
  const log = join(settings, '..', 'run.log');
  const runs: Ended[] = [];
  const run = async (parameters: readonly string[], expected: number, more: Record<string, string> = {}) => {
    const given = [...parameters, '--settings', settings, '--log-level', 'Verbose', '--log-file', log];
    const ended = await runProgram(given, { environment: { ...withAll(), ...more } });
    assert.equal(ended.code, expected, `${parameters.join(' ')}: ${ended.output}${ended.errors}`);
    runs.push(ended);
  };
  await run(['check'], 0);
  await run(['config', 'check'], 0);
  await run(['config', 'xml'], 0);
  await run(['export', '--complete'], 0);
  const reply = (password: string) => ({ status: 200, body: { Content: password } });
  cyberArk.replies.set('svc', reply(secrets.oldPassword));
  await run(['export', '--complete'], 3);
  cyberArk.replies.set('svc', { status: 403, body: { ErrorCode: 'APPAP306E', ErrorMsg: 'Hash does not match' } });
  await run(['export', '--complete'], 3);
  const said = runs.map(({ output, errors }) => `${output}\n${errors}`).join('\n');
  const written = `${said}\n${readFileSync(log, 'utf8')}\n${readAll(join(settings, '..', 'Temp'))}\n${readAll(join(settings, '..', 'Work'))}`;
  assert.match(written, /Hash does not match/);
  assert.match(written, /Main_mailboxes\.csv/);
  for (const [name, secret] of Object.entries(secrets))
    for (const form of formsOf(secret)) assert.ok(!written.includes(form), `${name} was written`);
});

/** Orders for the rehearsed Exchange, one that can be done and one that cannot, as `fulfill` takes them. */
function writeOrders(folder: string): void {
  const order = (id: string, sam: string) => ({
    AssignedResourceTypeId: id,
    ChangeType: 'Modified',
    Owner: { Id: `owner-${id}` },
    ResourceType: {
      SourceEntityType: { Identifier: 'Directory_User' },
      TargetEntityType: { Identifier: 'MicrosoftExchange_Mailbox' },
    },
    Changes: { DisplayName: 'Victor B.' },
    Resource: { SamAccountName: sam },
  });
  mkdirSync(folder);
  const orders = [order('1', 'Administrator'), order('2', 'nobody.at.all')];
  writeFileSync(join(folder, 'a.json'), JSON.stringify({ ProvisioningOrdersList: orders }));
}

test('no secret of a fulfilment stands in anything that was written: plan, journal, audit, results, log', {
  skip,
}, async (context) => {
  const settings = await makeAllSources(context);
  const place = join(settings, '..');
  const file = (name: string) => join(place, name);
  writeOrders(file('orders'));
  const runs: Ended[] = [];
  const run = async (parameters: readonly string[], expected: number) => {
    const given = [...parameters, '--settings', settings, '--log-level', 'Verbose', '--log-file', file('run.log')];
    const ended = await runProgram(given, {
      environment: { ...withAll(), Connections__Main__Options__Login: 'demo' },
    });
    assert.equal(ended.code, expected, `${parameters.join(' ')}: ${ended.output}${ended.errors}`);
    runs.push(ended);
    return ended;
  };
  const good = { status: 200, body: { Content: secrets.exchangePassword } };
  cyberArk.replies.set('other', good);
  await run(['fulfill', '--orders', file('orders'), '--plan', '--what-if', '--plan-file', file('plan.json')], 5);
  const applied = await run(['fulfill', '--apply', file('plan.json'), '--results', file('results.csv')], 5);
  const [, id = ''] = /^run: (\S+)$/m.exec(applied.output) ?? [];
  // The password is rotated in the store, but not in Exchange.
  cyberArk.replies.set('other', [good, { status: 200, body: { Content: secrets.ofCyberArk } }]);
  await run(['undo', id, '--json'], 0);
  await run(['fulfill', '--orders', file('orders'), '--results', file('results.csv')], 3);
  const said = runs.map(({ output, errors }) => `${output}\n${errors}`).join('\n');
  const files = ['run.log', 'plan.json', 'results.csv'].map((name) => readFileSync(file(name), 'utf8')).join('\n');
  const written = `${said}\n${files}\n${readAll(file('Work'))}`;
  assert.match(written, /journal\.jsonl/);
  assert.match(written, /audit\.jsonl/);
  assert.match(files, /Victor B\.[\s\S]*Executed/);
  for (const [name, secret] of Object.entries(secrets))
    for (const form of formsOf(secret)) assert.ok(!written.includes(form), `${name} was written`);
});

test('a store that fails after a refused login ends the run with its error, of exports and of fulfilments', {
  skip,
}, async (context) => {
  const settings = await makeAllSources(context);
  writeOrders(join(settings, '..', 'orders'));
  const wrong = { status: 200, body: { Content: secrets.oldPassword } };
  const refused = { status: 403, body: { ErrorCode: 'APPAP306E', ErrorMsg: 'Hash does not match' } };
  const commands = [
    ['svc', 'export', '--complete'],
    ['other', 'fulfill', '--orders', join(settings, '..', 'orders'), '--results', join(settings, '..', 'results.csv')],
  ] as const;
  for (const [account, ...command] of commands) {
    for (const each of ['svc', 'other']) cyberArk.replies.set(each, each === account ? [wrong, refused] : wrong);
    const { code, output, errors } = await runProgram([...command, '--settings', settings], {
      environment: { ...withAll(), Connections__Main__Options__Login: 'demo' },
    });
    assert.equal(code, 3, output + errors);
    assert.match(errors, /reading the settings of Main again: .*Hash does not match.*\[CONFIG_RENEWAL_FAILED\]/);
    assert.match(errors, /config check/);
    assert.doesNotMatch(errors, /defect|unexpected|\n {4}at /);
  }
});

test('a password that was rotated since it was read is asked for again, and the run goes on', {
  skip,
}, async (context) => {
  const settings = await makeAllSources(context);
  const reply = (password: string) => ({ status: 200, body: { Content: password } });
  cyberArk.replies.set('svc', [reply(secrets.oldPassword), reply(secrets.exchangePassword)]);
  cyberArk.requests.length = 0;
  const ended = await runProgram(['export', '--complete', '--settings', settings], { environment: withAll() });
  assert.equal(ended.code, 0, ended.errors);
  assert.equal(cyberArk.requests.filter(({ query }) => query['Object'] === 'svc').length, 2);
});

test('a store that does not give the settings is exit 3, with its code told and Exchange not contacted', {
  skip,
}, async (context) => {
  const settings = await makeAllSources(context);
  const wrongSecret = { ...withAll(), AZURE_CLIENT_SECRET: 'a-wrong-one' };
  for (const command of [['export'], ['config', 'show'], ['config', 'check']]) {
    const { code, output, errors } = await runProgram([...command, '--settings', settings], {
      environment: wrongSecret,
    });
    assert.equal(code, 3, command.join(' '));
    assert.match(
      output + errors,
      /appsettings\.json:1:\d+: AzureKeyVault\.Vault: listing the secrets of .*AADSTS7000215/,
    );
  }
});

test('what is wrong with the certificate of the encrypted file is told, and nothing of it', {
  skip,
}, async (context) => {
  const settings = await makeAllSources(context);
  const check = async (more: Record<string, string>) => {
    const { code, output, errors } = await runProgram(['config', 'check', '--settings', settings], {
      environment: { ...withAll(), ...more },
    });
    assert.equal(code, 2, output + errors);
    assert.doesNotMatch(output + errors, /a-wrong-password/);
    return output;
  };
  const wrong = await check({ EncryptionCertificate__Password: 'a-wrong-password' });
  assert.match(wrong, /^error: .*EncryptionCertificate: .*settings\.pfx.*password/m);
  const file = join(settings, 'appsettings.encrypted.agent.json');
  const leaf = readFileSync(file, 'utf8').replace(
    /(eyJ[\w-]*\.)(.)/,
    (_whole, head, letter) => `${head}${letter === 'A' ? 'B' : 'A'}`,
  );
  writeFileSync(file, leaf);
  const damaged = await check({});
  assert.match(damaged, /appsettings\.encrypted\.agent\.json:1:\d+: Connections\.Main\.Options\.Token: /);
});

test('config check tells every fault with its JSON path and exits 2, and warns of secrets in plain text', async (context) => {
  const settings = makeSettings(context, {
    Main: { Server: 'mail', Shells: 99, Login: 'a@B', Password: 'hunter2', Pasword: 'hunter2' },
  });
  const { code, output } = await runProgram(['config', 'check', '--json', '--settings', settings]);
  assert.equal(code, 2);
  const lines = output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>); // prettier-ignore
  assert.deepEqual(
    lines.map(({ severity, path }) => [severity, path]),
    [
      ['error', 'Connections.Main.Server'],
      ['error', 'Connections.Main.Shells'],
      ['warning', 'Connections.Main.Pasword'],
      ['warning', 'Connections.Main.Password'],
    ],
  );
  assert.doesNotMatch(output, /hunter2/);
  const good = makeSettings(context, { Main: { Server: 'http://mail.contoso.com/PowerShell/' } });
  const ended = await runProgram(['config', 'check', '--settings', good]);
  assert.deepEqual([ended.code, ended.output], [0, '0 error(s), 0 warning(s)\n']);
});

test('config scan exits 1 with the places of what it found, 0 where there is nothing, 2 where a path is not there', async (context) => {
  const settings = makeSettings(context, {
    Main: { Server: 'http://mail.contoso.com/PowerShell/', Password: 'hunter2' },
  });
  const file = join(settings, 'appsettings.agent.json');
  const column = readFileSync(file, 'utf8').indexOf('"hunter2"') + 1;
  const found = await runProgram(['config', 'scan', settings]);
  assert.deepEqual(
    [found.code, found.output],
    [1, `${file}:1:${column}: Password: stands in plain text (named-value)\n`],
  );
  const json = await runProgram(['config', 'scan', '--json', file, settings]);
  const line = { file, line: 1, column, kind: 'named-value', name: 'Password' };
  assert.deepEqual([json.code, json.output], [1, `${JSON.stringify(line)}\n`.repeat(2)]);
  writeFileSync(file, '{}');
  assert.deepEqual((await runProgram(['config', 'scan', settings])).code, 0);
  assert.equal((await runProgram(['config', 'scan', settings, join(settings, 'gone')])).code, 2);
  assert.equal((await runProgram(['config', 'scan'])).code, 2);
});

test('config schema and config xml print one document each', async (context) => {
  const settings = makeSettings(context, {
    Main: { AuthType: 'Basic', Login: 'a', Server: 'https://mail.contoso.com/PowerShell/' },
  });
  const schema = await runProgram(['config', 'schema'], { folder: settings });
  assert.equal(JSON.parse(schema.output).type, 'object');
  assert.equal((await runProgram(['config', 'schema', 'other.json'])).code, 2);
  const xml = await runProgram(['config', 'xml'], { folder: settings });
  assert.equal(xml.code, 0, xml.errors);
  assert.match(
    xml.output,
    /^<\?xml version="1\.0" encoding="utf-8"\?>\n<ConfigurationFile [\s\S]*Identifier="Main"[\s\S]*<\/ConfigurationFile>\n$/,
  );
});

test('config xml says where the last export does not name every database', async (context) => {
  const settings = makeSettings(context, { Main: { Server: 'http://mail.contoso.com/PowerShell/' } });
  const output = join(settings, '..', 'Temp', 'ExportOutput');
  mkdirSync(output, { recursive: true });
  const generate = async (csv: string | Uint8Array, mode: string) => {
    writeFileSync(join(output, 'Main_databases.csv'), csv);
    writeFileSync(join(output, 'Main_manifest.json'), JSON.stringify({ mode }));
    const { code, output: xml, errors } = await runProgram(['config', 'xml', '--settings', settings]);
    assert.equal(code, 0, errors);
    return { errors, roles: [...xml.matchAll(/<SingleRole Identifier="([^"]*)"/g)].map((match) => match[1]) };
  };
  const rows = '\ufeffCommand,Name,Guid\r\nInsert,DB 1,g-1\r\nInsert,DB 2,g-2\r\n';
  assert.deepEqual(await generate(rows, 'complete'), { errors: '', roles: ['DB 1', 'DB 2'] });
  const increment = await generate('Command,Name,Guid\r\nUpdate,DB 2,g-2\r\n', 'incremental');
  assert.deepEqual(increment.roles, ['DB 2']);
  assert.match(increment.errors, /warning: the last export was an increment, .*roles for those alone/);
  const sealed = await generate(Buffer.from('3080060b2a864886f70d', 'hex'), 'complete');
  assert.deepEqual(sealed.roles, []);
  assert.match(sealed.errors, /warning: .*EncryptOutput.*no role for any database/);
});

test('a use that the XML configuration switches off is refused', async (context) => {
  const settings = makeSettings(context, { Main: { Server: 'http://localhost:9/PowerShell/' } });
  const conf = join(settings, '..', 'Conf');
  mkdirSync(conf);
  const element = (number: number) =>
    `<ConfigurationFile xmlns="urn:schemas-usercube-com:configuration"><Connection Connector="MicrosoftExchange" Identifier="main" DisplayName_L1="x" Package="Usercube.MicrosoftExchange@0000001" DeactivationExportFulfill="${number}"/></ConfigurationFile>`;
  writeFileSync(join(conf, 'a.xml'), element(1));
  const refused = await runProgram(['export', '--settings', settings]);
  assert.equal(refused.code, 2);
  assert.match(refused.errors, /connection Main: its export is switched off by DeactivationExportFulfill/);
  writeFileSync(join(conf, 'a.xml'), element(2));
  const fulfill = await runProgram([
    'fulfill',
    '--orders',
    settings,
    '--results',
    join(settings, 'r.csv'),
    '--settings',
    settings,
  ]);
  assert.equal(fulfill.code, 2);
  assert.match(fulfill.errors, /its fulfillment is switched off/);
});
