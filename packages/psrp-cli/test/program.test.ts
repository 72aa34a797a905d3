import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { ended, runPsrp, startPsrp } from './psrp-program.ts';

const folder = mkdtempSync(join(tmpdir(), 'psrp-program-'));
after(() => rmSync(folder, { recursive: true }));

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const head = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">';
const good = file(
  'good.xml',
  `\ufeff<?xml version="1.0" encoding="utf-8"?>${head}<S>a</S><Obj RefId="0"><MS><I32 N="10">1</I32><S N="2">é</S></MS></Obj></Objs>`,
);
const goodLines = '"a"\n{"10":1,"2":"é"}\n';
const http = 'http://server.example.com/PowerShell/';

test('every command and sub-command has a help with defaults, units and two examples', async () => {
  for (const parameters of [['--help'], ['invoke', '--help'], ['decode', '--help']]) {
    const { exitCode, stdout, stderr } = await runPsrp(parameters);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    assert.ok((stdout.match(/^ {2}\$ psrp/gm)?.length ?? 0) >= 2, stdout);
  }
  const { stdout } = await runPsrp(['invoke', '--help']);
  for (const option of [
    'auth',
    'login',
    'keytab',
    'principal',
    'spn',
    'ca',
    'allow-unencrypted-basic',
    'configuration-name',
    'local',
    'pipe',
    'input',
    'password-stdin',
    'json',
    'timeout',
    'log-level',
    'log-file',
    'no-progress',
  ]) {
    assert.match(stdout, new RegExp(`^ {2}--${option}\\b`, 'm'));
  }
  assert.match(stdout, /in seconds/);
});

test('help COMMAND is the same as COMMAND --help, and help of an unknown command is wrong usage', async () => {
  for (const command of ['invoke', 'decode']) {
    assert.deepEqual(await runPsrp(['help', command]), await runPsrp([command, '--help']));
  }
  assert.deepEqual(await runPsrp(['help']), await runPsrp(['--help']));
  assert.equal((await runPsrp(['help', 'invok'])).exitCode, 2);
});

test('a password as an argument is refused with the reason and the way that works, and is not repeated', async () => {
  for (const given of [
    ['--password', 'hunter2'],
    ['--passwrod', 'hunter2'],
    ['--password=hunter2'],
    ['--pwd=hunter2'],
    ['--secret=hun=ter2'],
  ]) {
    const { exitCode, stdout, stderr } = await runPsrp(['invoke', '--login', 'anna', ...given, http, 'Get-X']);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    assert.match(stderr, /secrets are never taken from arguments.*; use --password-stdin \[PSRP_CLI_USAGE\]\n$/);
    assert.doesNotMatch(stderr, /hun/);
  }
  const other = await runPsrp(['invoke', '--lgin=hunter2', http, 'Get-X']);
  assert.match(other.stderr, /^error: unknown option '--lgin'/);
  assert.doesNotMatch(other.stderr, /hunter2/);
});

test('--version prints the version alone', async () => {
  assert.match((await runPsrp(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});

const refused: readonly (readonly [readonly string[], RegExp])[] = [
  [[], /Usage: psrp/],
  [['invok'], /unknown command 'invok'\n\(Did you mean invoke\?\)/],
  [['decode', '--tpes', good], /unknown option '--tpes'\n\(Did you mean --types\?\)/],
  [['invoke', '--jsn', http, 'Get-X'], /Did you mean --json\?/],
  [['invoke', '--pip', 'x', 'Get-X'], /unknown option '--pip'\n\(Did you mean --pipe\?\)/],
  [['invoke', '--pipe', 'x'], /missing required argument 'cmdlet'/],
  [['invoke', '--local'], /missing required argument 'cmdlet'/],
  [['invoke', '--local', '--pipe', 'x', 'Get-X'], /only one of them can be meant/],
  [['invoke', '--local', http, 'Get-X'], /leave out --local, or http:\/\/server\.example\.com\/PowerShell\//],
  [['invoke', '--pipe', '', 'Get-X'], /--pipe needs the name of the pipe/],
  [['invoke', '--pipe', 'a/b', 'Get-X'], /--pipe: the pipe "a\/b" has a name with a slash/],
  [['invoke', '--pipe', 'x'.repeat(200), 'Get-X'], /--pipe: the pipe "x+" would be the socket/],
  [['invoke', '--pipe', 'x', '--login', 'anna', 'Get-X'], /--login belongs to an address on the network/],
  [['invoke', '--local', '--configuration-name', 'x', 'Get-X'], /--configuration-name belongs to an address/],
  [['invoke', '--local=', '--password-stdin', 'Get-X'], /--password-stdin belongs to an address/],
  [['invoke', '--local', 'Get-X', '|'], /a cmdlet is missing after/],
  [['invoke'], /missing required argument 'url'/],
  [['decode'], /missing required argument 'file'/],
  [['invoke', http], /missing required argument 'cmdlet'/],
  [['invoke', '--auth', 'ntlm', http, 'Get-X'], /Allowed choices are kerberos, negotiate, basic/],
  [['invoke', '--timeout', '0', http, 'Get-X'], /a number above 0/],
  [['invoke', '--log-level', 'Loud', http, 'Get-X'], /Allowed are Verbose, Debug/],
  [['invoke', 'server', 'Get-X'], /"server" is not the address of an endpoint/],
  [['invoke', 'ftp://server/', 'Get-X'], /is not the address of an endpoint/],
  [
    ['invoke', 'http://10.0.0.1/PowerShell/', 'Get-X'],
    /10\.0\.0\.1 is an IP address: Kerberos gives tickets for names/,
  ],
  [['invoke', 'https://[::1]/PowerShell/', 'Get-X'], /::1 is an IP address/],
  [['invoke', '--auth', 'negotiate', 'http://1/', 'Get-X'], /0\.0\.0\.1 is an IP address/],
  [
    ['invoke', '--auth', 'basic', '--login', 'a', http, 'Get-X'],
    /Basic over http would send the password readable to server\.example\.com/,
  ],
  [['invoke', '--auth', 'basic', 'https://server/', 'Get-X'], /--auth basic needs --login/],
  [['invoke', '--auth', 'basic', '--login', 'a:b', 'https://server/', 'Get-X'], /no colon/],
  [
    ['invoke', '--auth', 'basic', '--login', 'a', '--keytab', 'k', 'https://server/', 'Get-X'],
    /--keytab belongs to Kerberos/,
  ],
  [
    ['invoke', '--auth', 'basic', '--login', 'a', 'https://server/', 'Get-X'],
    /set the environment variable EXCHANGE_PASSWORD, or give it with --password-stdin/,
  ],
  [
    ['invoke', '--auth', 'basic', '--login', 'a', '--password-stdin', 'https://server/', 'Get-X'],
    /standard input held no password/,
  ],
  [
    ['invoke', '--auth', 'basic', '--login', 'a', '--password-stdin', '--input', '-', 'https://server/', 'Get-X'],
    /would both read standard input/,
  ],
  [['invoke', '--password-stdin', http, 'Get-X'], /no password is needed/],
  [['invoke', '--login', 'CONTOSO\\anna', http, 'Get-X'], /write user@REALM/],
  [['invoke', '--principal', 'anna', http, 'Get-X'], /--keytab FILE, which is missing/],
  [['invoke', '--keytab', join(folder, 'no.keytab'), http, 'Get-X'], /no\.keytab: it cannot be read/],
  [['invoke', '--ca', join(folder, 'no.pem'), http, 'Get-X'], /no\.pem: it cannot be read/],
  [['invoke', '--ca', good, http, 'Get-X'], /holds no certificate in PEM form/],
  [
    [
      'invoke',
      '--ca',
      file('bad.pem', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'),
      http,
      'Get-X',
    ],
    /certificate 1 of 1 cannot be read/,
  ],
  [['invoke', '--input', join(folder, 'no.jsonl'), http, 'Get-X'], /no\.jsonl: it cannot be read/],
  [['invoke', '--input', folder, http, 'Get-X'], /this is a folder/],
  [
    ['invoke', '--input', file('bad.jsonl', '1\n\n{"a":}\n'), http, 'Get-X'],
    /line 3 of .*bad\.jsonl as JSON: at character 6/,
  ],
  [['invoke', '--log-file', join(folder, 'no', 'log'), http, 'Get-X'], /--log-file .* cannot be written/],
  [['invoke', http, 'Get-X', 'a,,b'], /an item is missing beside a comma/],
  [['invoke', http, 'Get-X', '|'], /a cmdlet is missing after/],
  [['invoke', http, '-Identity', 'x'], /"-Identity" stands where the name of a cmdlet is due/],
];

for (const [parameters, message] of refused) {
  test(`psrp ${parameters.map((word) => word.replace(folder, '')).join(' ')} is wrong usage`, async () => {
    const { exitCode, stdout, stderr } = await runPsrp(parameters);
    assert.match(stderr, message);
    if (parameters.length > 0) assert.match(stderr, / \[PSRP_CLI_[A-Z_]+\]\n$/);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: '' });
    assert.doesNotMatch(stderr, /\n\s+at /, 'no stack');
  });
}

test('a password in the address is refused and not repeated', async () => {
  for (const address of ['https://anna:s3cret@server/', 'anna:s3cret@server']) {
    const { exitCode, stderr } = await runPsrp(['invoke', address, 'Get-X']);
    assert.equal(exitCode, 2);
    assert.doesNotMatch(stderr, /s3cret/);
  }
});

test('decode prints the objects of files and of standard input, in every encoding', async () => {
  const text = `${head}<S>a</S><Obj RefId="0"><MS><I32 N="10">1</I32><S N="2">é</S></MS></Obj></Objs>`;
  const utf16 = file('utf16.xml', Buffer.from(`\ufeff${text}`, 'utf16le'));
  const bare = file('bare.clixml', '<Obj RefId="0"><LST><I32>1</I32></LST></Obj>');
  const empty = file('empty.xml', `${head}</Objs>`);
  assert.deepEqual(await runPsrp(['decode', good, utf16, bare, empty]), {
    exitCode: 0,
    stdout: `${goodLines}${goodLines}[1]\n`,
    stderr: '',
  });
  assert.deepEqual(await runPsrp(['decode', '-'], { input: text }), { exitCode: 0, stdout: goodLines, stderr: '' });
  const stream = await runPsrp(['decode', '-'], { input: `#< CLIXML\r\n${text}` });
  assert.deepEqual(stream, { exitCode: 0, stdout: goodLines, stderr: '' });
  assert.deepEqual(await runPsrp(['decode', '--json', empty]), { exitCode: 0, stdout: '', stderr: '' });
});

test('decode --types shows type names and texts', async () => {
  const typed = file(
    'typed.xml',
    `${head}<Obj RefId="0"><TN RefId="0"><T>A</T></TN><ToString>t</ToString><I32>5</I32></Obj></Objs>`,
  );
  assert.equal((await runPsrp(['decode', '--types', typed])).stdout, '{"$type":["A"],"$string":"t","$value":5}\n');
});

test('decode names the broken file and the place, prints what comes before and after it, and exits with 1', async () => {
  const broken = file('broken.xml', `${head}<S>first</S><Obj RefId="0"><MS><I32 N="a">x</I32></MS></Obj></Objs>`);
  const { exitCode, stdout, stderr } = await runPsrp(['decode', good, broken, good]);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 1, stdout: `${goodLines}"first"\n${goodLines}` });
  assert.match(stderr, /^psrp decode: .*broken\.xml: .*offset \d+.*Objs\/Obj\/MS.*"x"/);
});

test('decode exits with 2 for a file that is not there, having printed the others', async () => {
  const { exitCode, stdout, stderr } = await runPsrp(['decode', join(folder, 'none.xml'), good]);
  assert.deepEqual({ exitCode, stdout }, { exitCode: 2, stdout: goodLines });
  assert.match(stderr, /none\.xml: .*no such file/);
});

test('decode ends quietly when nobody reads on', async () => {
  const many = file('many.xml', `${head}${'<S>abcdefghijklmnopqrstuvwxyz</S>'.repeat(100_000)}</Objs>`);
  const child = startPsrp(['decode', many]);
  child.stdout.once('data', () => child.stdout.destroy());
  assert.deepEqual({ ...(await ended(child)), stdout: '' }, { exitCode: 0, stdout: '', stderr: '' });
});

test('decode from a standard input that never ends is stopped by its time limit and by a signal', async () => {
  const late = startPsrp(['decode', '--timeout', '0.3', '-']);
  const timedOut = await ended(late);
  assert.equal(timedOut.exitCode, 1);
  assert.match(timedOut.stderr, /the time limit of 0\.3 s \(--timeout\) passed/);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const child = startPsrp(['decode', good, '-']);
    child.stdout.once('data', () => child.kill(signal));
    const { exitCode, stderr } = await ended(child);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 130, stderr: `psrp decode: cancelled (${signal})\n` });
  }
});

test('an endpoint that is not there is exit 3, with the reason', async () => {
  const { exitCode, stdout, stderr } = await runPsrp(
    [
      'invoke',
      '--auth',
      'basic',
      '--login',
      'anna',
      '--allow-unencrypted-basic',
      'http://127.0.0.1:1/PowerShell/',
      'Get-X',
    ],
    { environment: { EXCHANGE_PASSWORD: 's3cret' } },
  );
  assert.deepEqual({ exitCode, stdout }, { exitCode: 3, stdout: '' });
  assert.match(stderr, /127\.0\.0\.1.*refused/);
  assert.doesNotMatch(stderr, /s3cret/);
});
