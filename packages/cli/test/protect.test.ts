/* `protect …` and `decrypt-file` as programs, with certificates that OpenSSL made. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { runProgram } from './program.ts';

const skip =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed: apt-get install openssl';
const folder = mkdtempSync(join(tmpdir(), 'cli-protect-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const inFolder = (name: string): string => join(folder, name);

function openssl(...parameters: readonly string[]): void {
  const { status, stderr } = spawnSync('openssl', parameters, { encoding: 'utf8' });
  assert.equal(status, 0, stderr);
}

if (skip === false)
  for (const name of ['agent', 'next']) {
    const pair = ['-keyout', inFolder(`${name}.key`), '-out', inFolder(`${name}.pem`)];
    openssl('req', '-x509', '-newkey', 'rsa:2048', '-nodes', ...pair, '-days', '365', '-subj', `/CN=${name}`);
    const files = ['-inkey', inFolder(`${name}.key`), '-in', inFolder(`${name}.pem`), '-out', inFolder(`${name}.pfx`)];
    openssl('pkcs12', '-export', ...files, '-passout', `pass:Grüße ${name}`);
  }

const run = (parameters: readonly string[], environment: Record<string, string> = {}, input = '') =>
  runProgram(parameters, { folder, environment, input });
const ofAgent = { EXCHANGE_CERTIFICATE_PASSWORD: 'Grüße agent' };

test('settings are encrypted, checked as encrypted, and moved to another certificate', { skip }, async () => {
  const settings = mkdtempSync(join(folder, 'settings-'));
  const plain = join(settings, 'appsettings.agent.json');
  writeFileSync(
    plain,
    `{ "Connections": { "Main": { "Server": "http://mailbox01.contoso.com/PowerShell/", "Login": "svc@CONTOSO.COM", "Password": "S3cr3t!" } } } // S3cr3t!`,
  );
  const writeAgentSettings = (name: string): void =>
    writeFileSync(
      join(settings, 'appsettings.json'),
      JSON.stringify({ EncryptionCertificate: { File: inFolder(`${name}.pfx`), UseEncryptedAppsettings: true } }),
    );
  writeAgentSettings('agent');
  const protectedFile = join(settings, 'appsettings.encrypted.agent.json');
  const done = await run(['protect', 'json-file', plain, '--settings', settings, '--json'], ofAgent);
  assert.equal(done.code, 0, done.errors);
  assert.equal(JSON.parse(done.output).path, protectedFile);
  assert.equal(JSON.parse(done.output).encrypted, 3);
  assert.match(done.errors, /still holds the plain values/);
  assert.ok(!readFileSync(protectedFile, 'utf8').includes('S3cr3t'));
  rmSync(plain);

  // What is not to be taken over by the settings is: the password of the PFX itself, wrapped, with a key apart.
  const wrapped = await run(['protect', 'password', '--new-key', 'password.key'], {}, 'Grüße agent\n');
  assert.equal(wrapped.code, 0, wrapped.errors);
  if (process.platform !== 'win32') assert.equal(statSync(inFolder('password.key')).mode & 0o777, 0o600);
  const certificate = { File: inFolder('agent.pfx'), Password: wrapped.output.trim(), UseEncryptedAppsettings: true };
  writeFileSync(
    join(settings, 'appsettings.json'),
    JSON.stringify({ EncryptionCertificate: { ...certificate, PasswordKeyFile: inFolder('password.key') } }),
  );
  const shown = await run(['config', 'check', '--settings', settings, '--json']);
  assert.equal(shown.code, 0, shown.output + shown.errors);

  const rotate = ['protect', 'rotate', '--settings', settings, '--new-certificate', 'next.pfx'];
  const refused = await run(rotate);
  assert.equal(refused.code, 2);
  assert.match(refused.errors, /next\.pfx.*none was given \[CERTIFICATE_PASSWORD_MISSING\]/);
  assert.match(refused.errors, /what to do: give it in the environment variable EXCHANGE_NEW_CERTIFICATE_PASSWORD/);
  const rotated = await run(rotate, { EXCHANGE_NEW_CERTIFICATE_PASSWORD: 'Grüße next' });
  assert.equal(rotated.code, 0, rotated.errors);
  assert.match(rotated.output, /encrypted anew 3, already there 0/);
  const stale = await run(['config', 'check', '--settings', settings]);
  assert.equal(stale.code, 2, stale.output);
  assert.match(stale.output + stale.errors, /Connections\.Main\.\w+.*CN=agent/s);
});

test('a value is read from standard input, without the end of its line, and never from an argument', {
  skip,
}, async () => {
  const certificate = ['--certificate', 'agent.pem', '--certificate-key', 'agent.key'];
  const done = await run(['protect', 'value', ...certificate], {}, 'Pässwörd 😀\r\n');
  assert.equal(done.code, 0, done.errors);
  assert.match(done.output, /^eyJ[\w-]+(?:\.[\w-]+){4}\n$/);
  const { createLeafDecryptor } = await import('@exchange-connector/protection');
  const decryptor = await createLeafDecryptor({ file: inFolder('agent.pem'), keyFile: inFolder('agent.key') });
  assert.equal(await decryptor.decrypt(done.output.trim(), 'x'), 'Pässwörd 😀');
  const refused = await run(['protect', 'value', 'S3cr3t!', ...certificate]);
  assert.equal(refused.code, 2);
  assert.ok(!(refused.output + refused.errors).includes('S3cr3t!'));
  const asOption = await run(['protect', 'value', '--password=S3cr3t!', ...certificate]);
  assert.equal(asOption.code, 2);
  assert.ok(!asOption.errors.includes('S3cr3t!'));
  assert.equal((await run(['protect', 'value', ...certificate])).code, 2);
});

test('without a key a password is not wrapped, and nothing is asked for', { skip }, async () => {
  const refused = await run(['protect', 'password'], {}, 'geheim');
  assert.equal(refused.code, 2);
  assert.match(refused.errors, /obfuscated.*PASSWORD_KEY_MISSING.*--new-key/s);
  assert.equal(refused.output, '');
  writeFileSync(inFolder('old.key'), 'do not overwrite');
  const kept = await run(['protect', 'password', '--new-key', 'old.key'], {}, 'geheim');
  assert.equal(kept.code, 2);
  assert.equal(readFileSync(inFolder('old.key'), 'utf8'), 'do not overwrite');
});

test('each fault of a certificate is told by its code, and the exit code is 2', { skip }, async () => {
  writeFileSync(inFolder('in.json'), '{ "Connections": { "A": { "Password": "S3cr3t!" } } }');
  const protect = ['protect', 'json-file', 'in.json', '--out', 'none.json'];
  const cases = [
    [['--certificate', 'agent.pfx'], { EXCHANGE_CERTIFICATE_PASSWORD: 'wr0ng!' }, /CERTIFICATE_PASSWORD_WRONG/],
    [['--certificate', 'agent.pfx'], {}, /CERTIFICATE_PASSWORD_MISSING/],
    [['--certificate', 'nowhere.pfx'], {}, /PROTECTION_FILE_FAILED/],
    [['--certificate', 'in.json'], {}, /CERTIFICATE_DAMAGED/],
    [[], {}, /--certificate is missing/],
  ] as const;
  for (const [options, environment, message] of cases) {
    const refused = await run([...protect, ...options], environment);
    assert.equal(refused.code, 2, refused.errors);
    assert.match(refused.errors, message);
    assert.ok(!/S3cr3t|wr0ng/.test(refused.errors + refused.output));
  }
  assert.ok(!existsSync(inFolder('none.json')));
  assert.equal((await run(['protect', 'json-file', 'in.json', '--certificate', 'agent.pem'])).code, 2);
});

test('decrypt-file opens what openssl cms encrypted, and keeps nothing of a damaged file', { skip }, async () => {
  writeFileSync(inFolder('plain.csv'), 'Command,Name\r\n'.repeat(10_000));
  const encrypt = ['-aes-256-gcm', '-keyopt', 'rsa_padding_mode:oaep', '-recip', inFolder('agent.pem')];
  openssl(
    'cms',
    '-encrypt',
    '-binary',
    '-outform',
    'DER',
    '-in',
    inFolder('plain.csv'),
    '-out',
    inFolder('sealed.csv'),
    ...encrypt.slice(0, 1),
    '-recip',
    inFolder('agent.pem'),
    ...encrypt.slice(1, 3),
  );
  const decrypt = ['decrypt-file', 'sealed.csv', '--out', 'opened.csv'];
  const done = await run([...decrypt, '--certificate', 'agent.pfx', '--json'], ofAgent);
  assert.equal(done.code, 0, done.errors);
  assert.deepEqual(JSON.parse(done.output), { path: inFolder('opened.csv'), bytes: 140_000 });
  assert.ok(readFileSync(inFolder('opened.csv')).equals(readFileSync(inFolder('plain.csv'))));
  const sealed = readFileSync(inFolder('sealed.csv'));
  sealed[sealed.length >> 1] = (sealed[sealed.length >> 1] as number) ^ 1;
  writeFileSync(inFolder('sealed.csv'), sealed);
  rmSync(inFolder('opened.csv'));
  const damaged = await run([...decrypt, '--certificate', 'agent.pfx'], ofAgent);
  assert.equal(damaged.code, 1);
  assert.match(damaged.errors, /sealed\.csv.*ENVELOPE_DAMAGED/s);
  const other = await run([...decrypt, '--certificate', 'next.pfx'], { EXCHANGE_CERTIFICATE_PASSWORD: 'Grüße next' });
  assert.equal(other.code, 2);
  assert.match(other.errors, /ENVELOPE_OTHER_CERTIFICATE/);
  assert.deepEqual(
    readdirSync(folder).filter((name) => /opened|partial/.test(name)),
    [],
  );
});

test('every command of protection has its help with two examples', async () => {
  for (const words of [
    ['protect'],
    ['protect', 'json-file'],
    ['protect', 'value'],
    ['protect', 'password'],
    ['protect', 'rotate'],
    ['decrypt-file'],
  ]) {
    const { code, output } = await runProgram([...words, '--help']);
    assert.equal(code, 0);
    assert.equal(output.match(/^ {4}\$ /gm)?.length, 2, words.join(' '));
  }
});
