import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { PowerShellProcessError, runScript } from '@exchange-connector/powershell-process';
import { gone, isRunning, noProc } from './processes.ts';

/* What is looked at here is the process, not the language: the stand-in for PowerShell is the shell. */

function standIn(context: TestContext, text: string): { program: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'run-script-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'program');
  writeFileSync(program, `#!/bin/sh\n${text}\n`);
  chmodSync(program, 0o755);
  return { program, folder };
}

test('a script gets its parameters as arguments and one line of input, and its lines and exit code come back', async (context) => {
  const { program } = standIn(context, 'cat; echo "$@"; printf "a\\r\\nlast"; echo oops >&2; exit 7');
  const output: string[] = [];
  const errors: string[] = [];
  const end = await runScript({
    program,
    script: '/x/My Script.ps1',
    parameters: [['resultsFilePath', '/r/a b.csv']],
    inputLine: () => '{"Password":"p"}',
    onOutput: (line) => output.push(line),
    onError: (line) => errors.push(line),
  });
  assert.deepEqual(end, { exitCode: 7, killedBy: undefined });
  const policy = process.platform === 'win32' ? '-ExecutionPolicy Bypass ' : '';
  assert.deepEqual(output, [
    '{"Password":"p"}',
    `-NoProfile -NonInteractive ${policy}-File /x/My Script.ps1 -resultsFilePath /r/a b.csv`,
    'a',
    'last',
  ]);
  assert.deepEqual(errors, ['oops']);
});

test('a program that is not there is an error that says so', async () => {
  await assert.rejects(
    runScript({ program: '/nowhere/pwsh', script: 'x', parameters: [], onOutput() {}, onError() {} }),
    (error) => error instanceof PowerShellProcessError && error.code === 'POWERSHELL_NOT_FOUND',
  );
});

test('cancelling kills the script and all it started, also what left its process group', async (context) => {
  const { program } = standIn(context, 'setsid sleep 600 & echo $!; sleep 600 & echo $!; echo $$; wait');
  const cancel = new AbortController();
  const pids: number[] = [];
  const end = await runScript({
    program,
    script: 'x',
    parameters: [],
    signal: cancel.signal,
    onOutput(line) {
      pids.push(Number(line));
      if (pids.length === 3) cancel.abort();
    },
    onError() {},
  });
  assert.equal(end.exitCode, null);
  for (const pid of pids) await gone(pid);
});

test('what a script leaves behind when it ends is killed', async (context) => {
  const { program } = standIn(context, 'sleep 600 & echo $!');
  const pids: number[] = [];
  const end = await runScript({
    program,
    script: 'x',
    parameters: [],
    onOutput: (line) => pids.push(Number(line)),
    onError() {},
  });
  assert.equal(end.exitCode, 0);
  assert.equal(pids.length, 1);
  for (const pid of pids) await gone(pid);
});

test('what a script made a daemon of is killed too', { skip: noProc }, async (context) => {
  // Its parent is gone, it has a session of its own, and it does not even hold the output open.
  const { program } = standIn(context, '(setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $!)');
  const pids: number[] = [];
  const end = await runScript({
    program,
    script: 'x',
    parameters: [],
    onOutput: (line) => pids.push(Number(line)),
    onError() {},
  });
  assert.deepEqual([end.exitCode, pids.length], [0, 1]);
  for (const pid of pids) await gone(pid);
});

test('a script does not outlive the process that ran it, even one that was killed', async (context) => {
  const { program, folder } = standIn(context, 'echo $$; sleep 600');
  const main = join(folder, 'main.ts');
  const door = import.meta.resolve('@exchange-connector/powershell-process');
  writeFileSync(
    main,
    `import { runScript } from ${JSON.stringify(door)};
await runScript({ program: ${JSON.stringify(program)}, script: 'x', parameters: [], onOutput: (line) => console.log(line), onError() {} });`,
  );
  const runner = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
  const [first] = (await once(runner.stdout, 'data')) as [Buffer];
  const pid = Number(first.toString());
  assert.ok(isRunning(pid));
  runner.kill('SIGKILL');
  await gone(pid);
});

test('output without line ends, and without end, is handed on in pieces', async (context) => {
  const { program } = standIn(context, 'exec head -c 3000000 /dev/zero');
  let total = 0;
  let longest = 0;
  await runScript({
    program,
    script: 'x',
    parameters: [],
    onOutput(line) {
      total += line.length;
      longest = Math.max(longest, line.length);
    },
    onError() {},
  });
  assert.equal(total, 3_000_000);
  assert.equal(longest, 65_536);
  assert.ok(!existsSync('x'));
});
