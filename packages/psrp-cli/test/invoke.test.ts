import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeCertificate } from '@exchange-connector/rehearsal';
import { type Ended, ended, psrpProgram, runPsrp, startPsrp } from './psrp-program.ts';
import { type RunningSimulator, startSimulator } from './simulator-program.ts';

/* `psrp invoke` against the simulator, each a program of its own, over TLS with Basic. */
const password = 'Pässwörd 1';
const environment = { EXCHANGE_PASSWORD: password };
const terminal = fileURLToPath(new URL('./on-terminal.py', import.meta.url));

function withoutPassword(): NodeJS.ProcessEnv {
  const { EXCHANGE_PASSWORD: _, ...rest } = process.env;
  return rest;
}

describe('psrp invoke over https with Basic', { timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'psrp-invoke-'));
  let simulator: RunningSimulator;
  let ca: string;

  before(async () => {
    const { files } = await makeCertificate({ hosts: ['localhost'], folder });
    assert.ok(files !== undefined);
    ca = files.ca;
    const tls = ['--tls-cert', files.certificate, '--tls-key', files.key];
    // One shell at a time: a shell that was left behind makes the next command fail.
    const parameters = [
      '--login',
      'anna@example.test',
      '--mailboxes',
      '300',
      '--max-shells',
      '1',
      '--latency-ms',
      '2',
      ...tls,
    ];
    simulator = await startSimulator(parameters, environment);
  });

  after(async () => {
    await simulator?.stop();
    rmSync(folder, { recursive: true });
  });

  function file(name: string, content: string): string {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  }

  /** Options, the address, the pipeline. */
  function invocation(options: readonly string[], pipeline: readonly string[]): string[] {
    return [
      'invoke',
      '--auth',
      'basic',
      '--login',
      'anna@example.test',
      '--ca',
      ca,
      ...options,
      simulator.url,
      ...pipeline,
    ];
  }

  async function invoke(options: readonly string[], pipeline: readonly string[]): Promise<Ended> {
    return await runPsrp(invocation(options, pipeline), { environment });
  }

  test('records come as JSON, one a line, in the order of the properties asked for', async () => {
    const { exitCode, stdout, stderr } = await invoke(
      ['--json'],
      ['Get-MailboxDatabase', '-Status', '|', 'Select-Object', 'Mounted,Name,Guid'],
    );
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    const lines = stdout.trimEnd().split('\n');
    assert.equal(lines.length, 6);
    for (const line of lines) assert.match(line, /^\{"Mounted":(true|false),"Name":"DB0\d","Guid":"[0-9a-f-]{36}"\}$/);
  });

  test('records come as blocks of "Name : value" for a person', async () => {
    const { exitCode, stdout, stderr } = await invoke([], ['Get-ExchangeServer', '|', 'Select-Object', 'Name,Site']);
    assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
    assert.match(stdout, /^Name : EX01\nSite : \S+\n\nName : EX02\nSite : \S+\n\nName : EX03\nSite : \S+\n$/);
  });

  test('numbers, quoted text and switches reach the cmdlet as what they are', async () => {
    const { exitCode, stdout } = await invoke(
      ['--json'],
      ['Get-Mailbox', '-Filter', "Name -eq 'Administrator'", '-ResultSize:1', '|', 'Select-Object', "'Name'"],
    );
    assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: '{"Name":"Administrator"}\n' });
  });

  test('a warning is a block on standard error, whatever the log level', async () => {
    const { exitCode, stdout, stderr } = await invoke(
      ['--json', '--log-level', 'Fatal'],
      ['Get-Mailbox', '-ResultSize', '2', '|', 'Select-Object', 'Name'],
    );
    assert.equal(exitCode, 0);
    assert.equal(stdout.trimEnd().split('\n').length, 2);
    assert.match(stderr, /^WARNING: There are more results available/);
  });

  test('error records make exit 5, each a block with its FullyQualifiedErrorId', async () => {
    const { exitCode, stdout, stderr } = await invoke(['--json'], ['Get-Mailbox', '-Identity', 'nobody']);
    assert.deepEqual({ exitCode, stdout }, { exitCode: 5, stdout: '' });
    assert.match(
      stderr,
      /^ERROR: The operation couldn't be performed because object 'nobody'.*\n {2}FullyQualifiedErrorId : .*ManagementObjectNotFoundException.*\n/,
    );
  });

  test('the error that ended a pipeline is an error block too, and exit 1', async () => {
    const unknown = await invoke(['--json'], ['Get-Foo']);
    assert.deepEqual([unknown.exitCode, unknown.stdout], [1, '']);
    assert.match(
      unknown.stderr,
      /^ERROR: The term 'Get-Foo' is not recognized.*\n {2}FullyQualifiedErrorId : CommandNotFoundException\n/,
    );
    const parameter = await invoke([], ['Get-Mailbox', '-Nope', 'x']);
    assert.equal(parameter.exitCode, 1);
    assert.match(
      parameter.stderr,
      /^ERROR: .*'Nope'\.\n {2}FullyQualifiedErrorId : NamedParameterNotFound,Get-Mailbox\n/,
    );
  });

  test('JSON lines from a file and from standard input are the pipeline input', async () => {
    const lines = '"Administrator"\n\n"nobody"\n';
    const fromFile = await invoke(
      ['--json', '--input', file('in.jsonl', lines)],
      ['Get-Mailbox', '|', 'Select-Object', 'Name'],
    );
    assert.deepEqual([fromFile.exitCode, fromFile.stdout], [5, '{"Name":"Administrator"}\n'], fromFile.stderr);
    const parameters = invocation(['--json', '--input', '-'], ['Get-Mailbox', '|', 'Select-Object', 'Name']);
    const fromStandardInput = await runPsrp(parameters, { environment, input: lines });
    assert.deepEqual(
      [fromStandardInput.exitCode, fromStandardInput.stdout],
      [5, '{"Name":"Administrator"}\n'],
      fromStandardInput.stderr,
    );
  });

  test('a bad line on standard input ends the run with exit 1, naming the line, and leaves no shell behind', async () => {
    const parameters = invocation(['--json', '--input', '-'], ['Get-Mailbox']);
    const { exitCode, stderr } = await runPsrp(parameters, { environment, input: '"Administrator"\n{"a":\n' });
    assert.equal(exitCode, 1);
    assert.match(stderr, /line 2 of standard input as JSON/);
    assert.equal((await invoke([], ['Get-ExchangeServer'])).exitCode, 0);
  });

  test('identities on standard input choose databases, as the documentation shows', async () => {
    const parameters = invocation(['--input', '-', '--json'], ['Get-MailboxDatabase', '|', 'Select-Object', 'Name']);
    const { exitCode, stdout } = await runPsrp(parameters, { environment, input: '"DB01"\n"DB02"\n' });
    assert.deepEqual([exitCode, stdout], [0, '{"Name":"DB01"}\n{"Name":"DB02"}\n']);
  });

  test('a bad line is told whatever the pipeline makes of its input', async () => {
    const bad = '{bad\n';
    for (const [pipeline, input] of [
      [['Get-MailboxDatabase', '|', 'Select-Object', 'Name'], bad],
      // Takes no input.
      [['Set-ADServerSettings', '-ViewEntireForest:$true'], bad],
      // Ends when it has the first record, with the bad line far behind.
      [['Get-Mailbox', '|', 'Select-Object', '-First', '1'], `${'"Administrator"\n'.repeat(20_000)}${bad}`],
    ] as const) {
      for (let round = 1; round <= 3; round += 1) {
        const parameters = invocation(['--json', '--input', '-'], pipeline);
        const { exitCode, stderr } = await runPsrp(parameters, { environment, input });
        assert.equal(exitCode, 1, `${pipeline.join(' ')}, round ${round}`);
        assert.match(stderr, /^psrp invoke: .*line \d+ of standard input.*PSRP_CLI_INPUT_INVALID\]\n$/m);
      }
    }
  });

  test('input that its writer never ends does not keep a pipeline that has ended', async () => {
    const parameters = invocation(['--json', '--input', '-'], ['Get-Mailbox', '|', 'Select-Object', '-First', '1']);
    const child = startPsrp(parameters, { environment });
    child.stdin.write('"Administrator"\n');
    const { exitCode, stdout } = await ended(child);
    assert.deepEqual([exitCode, stdout.split('\n').length], [0, 2]);
    assert.equal(child.stdin.writableEnded, false);
  });

  test('the password may come on standard input', async () => {
    const parameters = invocation(['--password-stdin'], ['Get-ExchangeServer', '|', 'Select-Object', 'Name']);
    assert.equal((await runPsrp(parameters, { input: `${password}\r\nmore\n` })).exitCode, 0);
  });

  const noTerminal =
    spawnSync('python3', ['--version']).status === 0 ? false : 'python3, which makes a terminal, is not here';

  test('the password is asked for on a terminal, and not shown there', { skip: noTerminal }, async () => {
    const command = [
      process.execPath,
      psrpProgram,
      ...invocation([], ['Get-ExchangeServer', '|', 'Select-Object', 'Name']),
    ];
    const typed = async (keys: string): Promise<Ended> =>
      await ended(spawn('python3', [terminal, 'Password for', keys, ...command], { env: withoutPassword() }));
    const done = await typed('P\\xe4sswx\\x7f\\xf6rd 1\\r');
    const shown = JSON.parse(done.stdout) as string;
    assert.deepEqual([done.exitCode, done.stderr], [0, ''], shown);
    assert.match(shown, /^Password for anna@example\.test: \r\nName : EX01\r\n/);
    const cancelled = await typed('P\\x03');
    assert.equal(cancelled.exitCode, 130);
    assert.equal(
      JSON.parse(cancelled.stdout),
      'Password for anna@example.test: \r\npsrp invoke: cancelled (SIGINT)\r\n',
    );
  });

  test('a wrong password, a certificate that is not trusted and a wrong path are exit 3, each with its reason', async () => {
    const wrong = await runPsrp(invocation([], ['Get-ExchangeServer']), {
      environment: { EXCHANGE_PASSWORD: 'wr0ng' },
    });
    assert.deepEqual([wrong.exitCode, wrong.stdout], [3, '']);
    assert.match(
      wrong.stderr,
      /^psrp invoke: .*wrong login or password for "anna@example.test".*WSMAN_AUTHENTICATION_REFUSED/,
    );
    assert.doesNotMatch(wrong.stderr, /wr0ng/);
    const untrusted = await runPsrp(['invoke', '--auth', 'basic', '--login', 'a', simulator.url, 'Get-X'], {
      environment,
    });
    assert.equal(untrusted.exitCode, 3);
    assert.match(untrusted.stderr, /certificate.*WSMAN_TLS_REFUSED/);
    const path = await runPsrp(
      ['invoke', '--auth', 'basic', '--login', 'anna@example.test', '--ca', ca, `${simulator.url}no/`, 'Get-X'],
      { environment },
    );
    assert.equal(path.exitCode, 3);
    const configuration = await invoke(['--configuration-name', 'Other.Exchange'], ['Get-X']);
    assert.equal(configuration.exitCode, 3, configuration.stderr);
  });

  test('the log tells the steps without a secret, as text and as JSON lines', async () => {
    const log = join(folder, 'psrp.log');
    const { stderr } = await invoke(['--log-level', 'Verbose', '--log-file', log], ['Get-ExchangeServer']);
    assert.match(stderr, /^psrp Debug: Create \(main\) status=200/m);
    assert.doesNotMatch(stderr, /^(WARNING|ERROR|VERBOSE|DEBUG|INFORMATION):/m);
    const entries = readFileSync(log, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as { level: string; message: string });
    assert.deepEqual(
      entries.map(({ message }) => message),
      ['opening a session', 'the session is open', 'running', 'the pipeline ended'],
    );
    assert.doesNotMatch(readFileSync(log, 'utf8') + stderr, new RegExp(password));
  });

  test('the time limit ends a run with exit 1 and leaves no shell behind', async () => {
    const { exitCode, stderr } = await invoke(
      ['--timeout', '0.6', '--json'],
      ['Get-Mailbox', '-ResultSize', 'Unlimited'],
    );
    assert.deepEqual([exitCode, stderr], [1, 'psrp invoke: the time limit of 0.6 s (--timeout) passed\n']);
    assert.equal((await invoke([], ['Get-ExchangeServer'])).exitCode, 0);
  });

  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    test(`${signal} stops the pipeline, closes the shell and is exit 130`, async () => {
      const child = startPsrp(invocation(['--json'], ['Get-Mailbox', '-ResultSize', 'Unlimited']), { environment });
      child.stdin.end();
      const end = ended(child);
      await once(child.stdout, 'data');
      child.kill(signal);
      const { exitCode, stdout, stderr } = await end;
      assert.deepEqual([exitCode, stderr], [130, `psrp invoke: cancelled (${signal})\n`]);
      assert.ok(stdout.endsWith('}\n'), 'whole lines');
      assert.equal((await invoke([], ['Get-ExchangeServer'])).exitCode, 0);
    });
  }

  test('a reader that goes away ends the run quietly and leaves no shell behind', async () => {
    const child = startPsrp(invocation(['--json'], ['Get-Mailbox', '-ResultSize', 'Unlimited']), { environment });
    child.stdin.end();
    child.stdout.once('data', () => child.stdout.destroy());
    const { exitCode, stderr } = await ended(child);
    assert.deepEqual([exitCode, stderr], [0, '']);
    assert.equal((await invoke([], ['Get-ExchangeServer'])).exitCode, 0);
  });

  // The last one: it may leave its shell behind.
  test('a second Ctrl-C ends the command at once', async () => {
    const child = startPsrp(invocation(['--json'], ['Get-Mailbox', '-ResultSize', 'Unlimited']), { environment });
    child.stdin.end();
    const end = ended(child);
    await once(child.stdout, 'data');
    child.kill('SIGINT');
    child.kill('SIGINT');
    assert.equal((await end).exitCode, 130);
  });
});
