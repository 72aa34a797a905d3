/* The program as a person or a script starts it. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from '@exchange-connector/rehearsal';
import { openWsmanSession } from '@exchange-connector/wsman';
import { cmd } from './command-line.ts';

const program = fileURLToPath(new URL('../bin/exchange-simulator.mjs', import.meta.url));

interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

function run(parameters: readonly string[], environment: Record<string, string> = {}, input = ''): Promise<Ended> {
  const { promise, resolve } = Promise.withResolvers<Ended>();
  const child = execFile(
    process.execPath,
    [program, ...parameters],
    { env: { ...process.env, EXCHANGE_PASSWORD: '', ...environment } },
    (_error, stdout, stderr) => resolve({ code: child.exitCode, stdout, stderr }),
  );
  child.stdin?.end(input);
  return promise;
}

/** Starts it and waits for its first line. */
async function start(
  parameters: readonly string[],
  environment: Record<string, string> = {},
): Promise<{ child: ChildProcess; line: string }> {
  const child = spawn(process.execPath, [program, ...parameters], {
    env: { ...process.env, ...environment },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]();
  const { value } = await lines.next();
  return { child, line: value as string };
}

function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  const { promise, resolve } = Promise.withResolvers<number | null>();
  child.on('exit', (code) => resolve(code));
  child.kill(signal);
  return promise;
}

test('its first line is the URL alone, it serves there, and SIGTERM and Ctrl-C end it with 0', async () => {
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    const { child, line } = await start(['--login', 'admin', '--mailboxes', '50'], { EXCHANGE_PASSWORD: 'pw' });
    assert.match(line, /^http:\/\/localhost:\d+\/PowerShell\/$/);
    const session = await openWsmanSession({
      url: line,
      connectAddress: '127.0.0.1',
      authentication: { scheme: 'basic', login: 'admin', password: () => 'pw', allowUnencrypted: true },
    });
    let databases = 0;
    for await (const event of session.invoke({ statements: [[cmd('Get-MailboxDatabase')]] }))
      databases += event.kind === 'output' ? 1 : 0;
    assert.equal(databases, 6);
    // The shell is still open: the program does not wait for its clients.
    assert.equal(await end(child, signal), 0);
  }
});

test('with a certificate it serves https, and with --json its first line is JSON', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'simulator-tls-'));
  const made = await makeCertificate({ hosts: ['mail.example.test'] });
  await writeFile(join(folder, 'cert.pem'), made.certificatePem);
  await writeFile(join(folder, 'key.pem'), made.keyPem);
  const files = [
    '--tls-cert',
    join(folder, 'cert.pem'),
    '--tls-key',
    join(folder, 'key.pem'),
    '--log-file',
    join(folder, 'log.jsonl'),
  ];
  const { child, line } = await start(
    ['--login', 'a', '--host', 'mail.example.test', '--json', '--mailboxes', '10', ...files],
    { EXCHANGE_PASSWORD: 'pw' },
  );
  const { url, mailboxes } = JSON.parse(line) as { url: string; mailboxes: number };
  assert.match(url, /^https:\/\/mail\.example\.test:\d+\/PowerShell\/$/);
  assert.equal(mailboxes, 10);
  const session = await openWsmanSession({
    url,
    connectAddress: '127.0.0.1',
    caPem: made.caPem,
    authentication: { scheme: 'basic', login: 'a', password: () => 'pw' },
  });
  await session.close();
  assert.equal(await end(child, 'SIGTERM'), 0);
  const log = (await readFile(join(folder, 'log.jsonl'), 'utf8'))
    .trim()
    .split('\n')
    .map((text) => JSON.parse(text) as { level: string; message: string });
  assert.deepEqual(
    log.map((entry) => entry.level),
    ['Information', 'Information', 'Information'],
  );
  assert.ok(!JSON.stringify(log).includes('pw'));
  await rm(folder, { recursive: true });
});

test('with a pipe alone its first line names the pipe', async () => {
  const { child, line } = await start(['--pipe', `simulator-program-${process.pid}`]);
  assert.equal(line, `pipe:simulator-program-${process.pid}`);
  assert.equal(await end(child, 'SIGTERM'), 0);
});

test('wrong usage ends with 2, and says what to do', async () => {
  const absent = join(import.meta.dirname, 'no-such-folder');
  const cases: readonly [readonly string[], RegExp][] = [
    [[], /there is no way in: give --keytab for Kerberos, --login for Basic, or --pipe/],
    [['--login', 'a'], /--login a needs a password: set EXCHANGE_PASSWORD, or give it with --password-stdin/],
    [['--mailboxs', '5'], /Did you mean --mailboxes\?/],
    [['--mailboxes', 'many'], /Allowed are whole numbers from 0 to 10000000/],
    [['--port', '70000'], /Allowed are whole numbers from 0 to 65535/],
    [['--databases', '0'], /Allowed are whole numbers from 1 to 10000/],
    [['serve'], /too many arguments/],
    [['--keytab', join(absent, 'http.keytab')], /--keytab .*no-such-folder.http\.keytab: it cannot be read/],
    [['--pipe', 'a/b'], /--pipe "a\/b": allowed are/],
    [['--pipe', 'x', '--tls-cert', 'x'], /--tls-cert and --tls-key belong together: --tls-key is missing/],
    [['--host', 'a b', '--pipe', 'x'], /A host name is due/],
    [['--pipe', 'x', '--log-level', 'loud'], /Allowed are Verbose, Debug, Information, Warning, Error, Fatal/],
    [['--pipe', 'x', '--log-file', join(absent, 'log')], /--log-file .*no-such-folder.log: it cannot be written/],
    [['--pipe', 'x', '--without', 'Get-Nothing'], /--without Get-Nothing: /],
    [['--pipe', 'x', '--roles', 'Nobody'], /no management role "Nobody"; there are View-Only Recipients, /],
    [['--pipe', 'x', '--fault', 'receive 1: explode'], /line 1, column 12: "explode" is no action; allowed: drop, /],
    [['--pipe', 'x', '--fault', 'receive 1: drop'], /faults are played over HTTP/],
    [
      ['--pipe', 'x', '--fault', `@${join(absent, 'script')}`],
      /--fault @.*no-such-folder.script: the file cannot be read/,
    ],
    [['--login', 'a', '--chaos', '1', '--fault', 'get 1: drop'], /'--chaos <seed>' cannot be used with .*'--fault/],
    [['--login', 'a', '--chaos', 'x'], /Allowed are whole numbers from 0 to 4294967295/],
  ];
  for (const [parameters, says] of cases) {
    const ended = await run(parameters);
    assert.deepEqual([ended.code, ended.stdout], [2, ''], parameters.join(' '));
    assert.match(ended.stderr, says);
  }
});

test('a certificate and a key that do not match, and files that are neither, are wrong usage', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'simulator-keys-'));
  const [one, other] = [await makeCertificate({ hosts: ['a'] }), await makeCertificate({ hosts: ['b'] })];
  const files = {
    cert: one.certificatePem,
    key: one.keyPem,
    other: other.keyPem,
    text: 'not a key\n',
    cut: '\x05\x02\0\0\0\x50a',
  };
  const path = (name: string): string => join(folder, name);
  for (const [name, content] of Object.entries(files)) await writeFile(path(name), content, 'latin1');
  await writeFile(path('none'), '\x05\x02', 'latin1');
  const tls = (cert: string, key: string): string[] => [
    '--login',
    'a',
    '--tls-cert',
    path(cert),
    '--tls-key',
    path(key),
  ];
  const cases: readonly [readonly string[], RegExp][] = [
    [tls('cert', 'other'), /^error: --tls-cert \S+cert and --tls-key \S+other: .* \[SIMULATOR_OPTION_INVALID\]\n$/],
    [tls('text', 'key'), /^error: --tls-cert \S+text: .* \[SIMULATOR_OPTION_INVALID\]\n$/],
    [tls('cert', 'text'), /^error: --tls-key \S+text: .* \[SIMULATOR_OPTION_INVALID\]\n$/],
    [['--keytab', path('text')], /^error: --keytab \S+text: it is no keytab.* \[SIMULATOR_OPTION_INVALID\]\n$/],
    [['--keytab', path('cut')], /^error: --keytab \S+cut: it is cut off.* \[SIMULATOR_OPTION_INVALID\]\n$/],
    [['--keytab', path('none')], /^error: --keytab \S+none: it holds no key.* \[SIMULATOR_OPTION_INVALID\]\n$/],
  ];
  for (const [parameters, says] of cases) {
    const ended = await run(parameters, { EXCHANGE_PASSWORD: 'pw' });
    assert.deepEqual([ended.code, ended.stdout], [2, ''], ended.stderr);
    assert.match(ended.stderr, says);
  }
  await rm(folder, { recursive: true });
});

test('a port in use ends it with 1, naming the port', async () => {
  const { child, line } = await start(['--login', 'a', '--mailboxes', '1'], { EXCHANGE_PASSWORD: 'pw' });
  const { port } = new URL(line);
  const ended = await run(['--login', 'a', '--port', port], { EXCHANGE_PASSWORD: 'pw' });
  assert.equal(ended.code, 1);
  assert.match(ended.stderr, new RegExp(`^error: .*port ${port}: .*EADDRINUSE.* \\[SIMULATOR_LISTEN_FAILED\\]\\n$`));
  await end(child, 'SIGTERM');
});

test('--fault plays a script, from a file too, and --chaos says what it plays', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'simulator-fault-'));
  await writeFile(join(folder, 'script'), 'message 1: drop # at once\n');
  const log = join(folder, 'log.jsonl');
  const { child, line } = await start(
    ['--login', 'a', '--mailboxes', '1', '--fault', `@${join(folder, 'script')}`, '--log-file', log],
    { EXCHANGE_PASSWORD: 'pw' },
  );
  await assert.rejects(fetch(line, { method: 'POST' }));
  assert.equal((await fetch(line, { method: 'POST' })).status, 401);
  await end(child, 'SIGTERM');
  assert.match(await readFile(log, 'utf8'), /"Warning","message":"fault: message 1: drop — at login 1, message 1"/);
  const chaos = await run(['--login', 'a', '--mailboxes', '1', '--chaos', '7', '--timeout', '0.01'], {
    EXCHANGE_PASSWORD: 'pw',
  });
  assert.match(chaos.stderr, /^exchange-simulator Warning: chaos 7 plays:\nmessage \d+: /);
  assert.equal(chaos.stderr.match(/^message \d+: /gm)?.length, 200);
  await rm(folder, { recursive: true });
});

test('--timeout ends it with 1, and the password may come on standard input', async () => {
  const ended = await run(['--login', 'a', '--password-stdin', '--mailboxes', '1', '--timeout', '0.5'], {}, 'pw\n');
  assert.equal(ended.code, 1);
  assert.match(ended.stdout, /^http:\/\/localhost:\d+\/PowerShell\/\n$/);
});

test('--help names every option with its default, and two examples; --version a version', async () => {
  const { code, stdout } = await run(['--help']);
  assert.equal(code, 0);
  for (const option of [
    '--port',
    '--host',
    '--mailboxes',
    '--databases',
    '--users',
    '--seed',
    '--latency-ms',
    '--keytab',
    '--login',
    '--tls-cert',
    '--tls-key',
    '--no-select-object',
    '--pipe',
    '--roles',
    '--fault',
    '--chaos',
  ]) {
    assert.ok(stdout.includes(option), option);
  }
  assert.equal(stdout.match(/^ {2}\$ .*exchange-simulator /gm)?.length, 2);
  assert.match((await run(['--version'])).stdout, /^\d+\.\d+\.\d+\n$/);
});
