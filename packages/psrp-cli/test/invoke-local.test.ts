/* `psrp invoke --local` and `--pipe`, on PowerShell's own engine and on the simulator. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { gone, isRunning } from '../../powershell-process/test/processes.ts';
import { openTestHost } from '../../powershell-process/test/test-host.ts';
import { ended, runPsrp, startPsrp } from './psrp-program.ts';
import { startSimulator } from './simulator-program.ts';

const host = await openTestHost();
const skip = host.kind === 'absent' ? host.reason : process.platform === 'win32' ? 'wants a shell' : false;
const folder = mkdtempSync(join(tmpdir(), 'psrp-local-'));
after(() => rmSync(folder, { recursive: true }));

/** The PowerShell, which leaves its process id in a file and can do a command that waits. */
const pidFile = join(folder, 'pid');
const program = join(folder, 'pwsh');
writeFileSync(
  program,
  `#!/bin/sh\necho $$ > ${pidFile}\nexec ${host.kind === 'ready' ? host.program : 'false'} "$@"\n`,
);
chmodSync(program, 0o755);
const pidOfLast = (): number => Number(readFileSync(pidFile, 'utf8'));
const environment = { EXCHANGE_CONNECTOR_POWERSHELL: program };
const names = ['Get-Command', '-Name', 'Get-Help,Out-Null', '|', 'ForEach-Object', '-MemberName', 'Name'];

test('--local=PROGRAM runs cmdlets in that PowerShell, which is gone afterwards', { skip }, async () => {
  const { exitCode, stdout, stderr } = await runPsrp(['invoke', '--json', `--local=${program}`, ...names]);
  assert.deepEqual({ exitCode, stderr }, { exitCode: 0, stderr: '' });
  assert.deepEqual(stdout.trim().split('\n').sort(), ['"Get-Help"', '"Out-Null"']);
  await gone(pidOfLast());
});

test('a bare --local takes the PowerShell that is found, and never the cmdlet for it', { skip }, async () => {
  for (const options of [
    ['--local', '--json'],
    ['--json', '--local'],
    ['--timeout', '60', '--local', '--json'],
    ['--json', '--local='],
  ]) {
    const { exitCode, stdout } = await runPsrp(['invoke', ...options, ...names], { environment });
    assert.equal(exitCode, 0);
    assert.equal(stdout.trim().split('\n').length, 2);
  }
});

test('a --local after the cmdlet is its argument', { skip }, async () => {
  const { exitCode, stderr } = await runPsrp(['invoke', '--local', 'Get-Command', '--local'], { environment });
  assert.match(stderr, /^ERROR: .*--local/m);
  assert.notEqual(exitCode, 0);
});

test('pipeline input goes to the local PowerShell', { skip }, async () => {
  const parameters = ['invoke', '--json', '--input', '-', '--local', 'ForEach-Object', '-MemberName', 'Length'];
  const { exitCode, stdout } = await runPsrp(parameters, { environment, input: '"a"\n"bcd"\n"äö"\n' });
  assert.deepEqual({ exitCode, stdout }, { exitCode: 0, stdout: '1\n3\n2\n' });
});

test('PowerShell waits for the end of input that a cmdlet ignores, so that a bad line is always told', {
  skip,
}, async () => {
  const parameters = ['invoke', '--json', '--input', '-', '--local', 'Set-StrictMode', '-Off'];
  const child = startPsrp(parameters, { environment });
  let said = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => (said += text));
  child.stdin.write('"good"\n');
  // The engine has had the first value, and says so, before the second one is written.
  while (!said.includes('InputObjectNotBound')) await once(child.stderr, 'data');
  child.stdin.end('{bad\n');
  const { exitCode, stderr } = await ended(child);
  assert.equal(exitCode, 1);
  assert.match(stderr, /line 2 of standard input.*PSRP_CLI_INPUT_INVALID/);
});

test('an error that ends the pipeline is exit 1, with an error record exit 5', { skip }, async () => {
  const unknown = await runPsrp(['invoke', '--local', 'Get-Nonsense'], { environment });
  assert.equal(unknown.exitCode, 1);
  assert.match(unknown.stderr, /^ERROR: The term 'Get-Nonsense' is not recognized[\s\S]*CommandNotFoundException/);
  const record = await runPsrp(['invoke', '--local', 'Get-Command', 'Get-Nonsense'], { environment });
  assert.equal(record.exitCode, 5);
  assert.match(record.stderr, /^ERROR: /);
});

test('where there is no PowerShell the exit code is 3, and the message says how to get it', { skip }, async () => {
  const missing = join(folder, 'no-such-program');
  for (const [options, env] of [
    [[`--local=${missing}`], {}],
    [['--local'], { EXCHANGE_CONNECTOR_POWERSHELL: missing }],
  ] as const) {
    const { exitCode, stdout, stderr } = await runPsrp(['invoke', ...options, 'Get-Command'], { environment: env });
    assert.deepEqual({ exitCode, stdout }, { exitCode: 3, stdout: '' });
    assert.match(stderr, /no-such-program.*install PowerShell 7.*POWERSHELL_NOT_FOUND/);
  }
});

test('a program that is no PowerShell, and a pipe that is not there, are exit 3', { skip }, async () => {
  for (const option of ['--local=/bin/false', '--local=/bin/cat', '--pipe=no-such-pipe']) {
    const { exitCode, stderr } = await runPsrp(['invoke', option, 'Get-Command']);
    assert.equal(exitCode, 3);
    assert.match(stderr, /POWERSHELL_(NOT_OPENED|RESPONSE_INVALID|PIPE_REFUSED)\]\n$/);
  }
});

/** Runs until the first record; the pipeline waits for more input, which never comes. */
async function waiting(): Promise<{ child: ReturnType<typeof startPsrp>; pid: number }> {
  const parameters = ['invoke', '--json', '--input', '-', '--local', 'ForEach-Object', '-MemberName', 'Length'];
  const child = startPsrp(parameters, { environment });
  child.stdin.write('"abc"\n');
  await once(createInterface(child.stdout), 'line');
  const pid = pidOfLast();
  assert.ok(isRunning(pid));
  return { child, pid };
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  test(`${signal} in the middle is exit 130, and leaves no process`, { skip }, async () => {
    const { child, pid } = await waiting();
    child.kill(signal);
    const { exitCode, stderr } = await ended(child);
    assert.equal(exitCode, 130, stderr);
    assert.equal(isRunning(pid), false);
  });
}

test('not even a command that was killed leaves a process', { skip }, async () => {
  const { child, pid } = await waiting();
  child.kill('SIGKILL');
  await ended(child);
  await gone(pid, 10_000);
});

test('--timeout ends it too', { skip }, async () => {
  const parameters = ['invoke', '--timeout', '2', '--input', '-', '--local', 'ForEach-Object', '-MemberName', 'Length'];
  const child = startPsrp(parameters, { environment });
  const { exitCode, stderr } = await ended(child);
  assert.equal(exitCode, 1);
  assert.match(stderr, /the time limit of 2 s/);
  await gone(pidOfLast());
});

test('--pipe speaks to the simulator', { skip: process.platform === 'win32' }, async () => {
  const name = `psrp-test-${process.pid}`;
  const simulator = await startSimulator(['--pipe', name, '--mailboxes', '40', '--databases', '2']);
  try {
    assert.equal(simulator.url, `pipe:${name}`);
    const pipeline = ['Get-Mailbox', '-ResultSize', '3', '|', 'Select-Object', 'Name'];
    for (let round = 1; round <= 2; round += 1) {
      const { exitCode, stdout } = await runPsrp(['invoke', '--pipe', name, '--json', ...pipeline]);
      assert.equal(exitCode, 0);
      assert.deepEqual(
        stdout
          .trim()
          .split('\n')
          .map((line) => Object.keys(JSON.parse(line) as object)),
        [['Name'], ['Name'], ['Name']],
      );
    }
  } finally {
    await simulator.stop();
  }
});
