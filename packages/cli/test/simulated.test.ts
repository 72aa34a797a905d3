/* The program against an Exchange that is rehearsed: both are processes, as their users start them. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { makeSettings, runProgram, startProgram } from './program.ts';

const simulatorFile = fileURLToPath(new URL('../../exchange-simulator/bin/exchange-simulator.mjs', import.meta.url));

interface RunningSimulator {
  readonly url: string;
  /** Ends it as a crash would. */
  kill(): void;
}

async function startSimulator(context: TestContext, parameters: readonly string[]): Promise<RunningSimulator> {
  const child = spawn(process.execPath, [simulatorFile, '--login', 'demo', ...parameters], {
    env: { ...process.env, EXCHANGE_PASSWORD: 'hunter2' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  context.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return { url, kill: () => void child.kill('SIGKILL') };
}

function settingsTo(context: TestContext, url: string): string {
  const connection = {
    AuthType: 'Basic',
    AllowUnencryptedBasic: true,
    Login: 'demo',
    Password: 'hunter2',
    Server: url,
  };
  return makeSettings(context, { Main: connection });
}

test('discover writes no line longer than a hundred columns, and every property stands in it', async (context) => {
  const { url } = await startSimulator(context, ['--mailboxes', '30', '--databases', '2']);
  const settings = settingsTo(context, url);
  const { code, output, errors } = await runProgram(['discover', '--settings', settings, '--no-progress']);
  assert.equal(code, 0, errors);
  assert.ok(Math.max(...output.split('\n').map((line) => line.length)) <= 100, output);
  const json = await runProgram(['discover', '--settings', settings, '--no-progress', '--json']);
  const found = JSON.parse(json.output) as { mailboxColumns: { other: string[] } };
  const list = found.mailboxColumns.other.join(', ');
  assert.ok(list.length > 300, 'enough names to need several lines');
  assert.ok(output.replace(/\s+/g, ' ').includes(`further properties, for AdditionalColumns: ${list}`), output);
});

test('a wrong path has its mend in export and in check, which claims no authentication', async (context) => {
  const { url } = await startSimulator(context, ['--mailboxes', '30']);
  const settings = settingsTo(context, url.replace('/PowerShell/', '/Nowhere/'));
  const { code, output, errors } = await runProgram(['export', '--settings', settings, '--no-progress', '--json']);
  assert.deepEqual([code, output], [3, '']);
  assert.match(errors, /HTTP 404.*\[WSMAN_HTTP_ERROR\]\n {2}what to do: check the path in Server/);
  const check = await runProgram(['check', '--settings', settings]);
  assert.equal(check.code, 3);
  assert.match(check.output, /^authentication - +not known: the server answered before asking$/m);
  assert.match(check.output, /what to do: check the path in Server/);
});

test('a server that is killed in the middle is said to have gone, and the log has code and recovery', async (context) => {
  const simulator = await startSimulator(context, ['--mailboxes', '400', '--latency-ms', '20']);
  const settings = settingsTo(context, simulator.url);
  const log = join(dirname(settings), 'run.log');
  const program = startProgram(['export', '--settings', settings, '--json', '--log-file', log, '--reconnect', '1']);
  let told = '';
  await new Promise<void>((resolve) => {
    program.process.stderr?.on('data', (text: string) => {
      told += text;
      if (told.includes('reading mailboxes')) resolve();
    });
    program.process.once('exit', () => resolve());
  });
  simulator.kill();
  const { code, output } = await program.ended;
  assert.deepEqual([code, output], [1, '']);
  const lines = readFileSync(log, 'utf8').trimEnd().split('\n');
  const end = lines.map((line) => JSON.parse(line) as Record<string, string>).find(({ level }) => level === 'Error');
  assert.match(
    end?.['msg'] ?? '',
    /the server went away during the run, after [\d,]+ of \d+ mailboxes: .* the files of the last good run stand$/,
  );
  assert.match(end?.['code'] ?? '', /^WSMAN_CONN/);
  assert.match(end?.['recovery'] ?? '', /^(ask-again|reopen-session)$/);
});

test('an export after an export is an increment; one that would delete too much stops with exit 4 until it is released', async (context) => {
  const { url } = await startSimulator(context, ['--mailboxes', '300', '--databases', '3']);
  const settings = settingsTo(context, url);
  const run = async (...parameters: string[]) => {
    const ended = await runProgram([...parameters, '--settings', settings, '--no-progress', '--json']);
    const manifest = ended.output === '' ? undefined : (JSON.parse(ended.output) as Record<string, unknown>);
    return { ...ended, manifest };
  };
  const first = await run('export');
  assert.equal(first.code, 0, first.errors);
  const second = await run('export');
  assert.deepEqual([second.code, second.manifest?.['mode'], second.errors], [0, 'incremental', '']);
  assert.equal(second.manifest?.['cookieIn'], first.manifest?.['cookieOut']);
  assert.equal((await run('export', '--ignore-cookies')).manifest?.['mode'], 'complete');

  const file = join(settings, 'appsettings.agent.json');
  const agent = JSON.parse(readFileSync(file, 'utf8')) as { Connections: { Main: Record<string, unknown> } };
  agent.Connections.Main['Databases'] = ['DB01'];
  writeFileSync(file, JSON.stringify(agent));
  const stopped = await run('export');
  assert.equal(stopped.code, 4, stopped.errors);
  assert.match(stopped.errors, /^Stopped: more would change than the thresholds allow\. Nothing was replaced\.$/m);
  assert.match(stopped.errors, /^ {2}mailboxes: \d+ rows Delete, .* MaxPercentageDeletedLines allows 5 %$/m);
  assert.equal(stopped.errors.match(/MaxPercentageDeletedLines/g)?.length, 1, stopped.errors);
  assert.ok(stopped.errors.includes(`(run ${String(stopped.manifest?.['runId'])})`), stopped.errors);
  assert.match(stopped.errors, /^ {2}would be written: mailboxes: Insert \d+, Update 0, Delete \d+$/m);
  assert.match(stopped.errors, /what to do: .*exchange-connector export --connection Main --release$/m);
  assert.ok(Array.isArray(stopped.manifest?.['thresholds']));
  const released = await run('export', '--release');
  assert.equal(released.code, 0, released.errors);
  assert.deepEqual(released.manifest?.['counts'], stopped.manifest?.['counts']);
  assert.equal(released.manifest?.['cookieOut'], stopped.manifest?.['cookieOut']);

  const acknowledged = await run('acknowledge');
  assert.deepEqual([acknowledged.code, acknowledged.manifest?.['cookie']], [0, released.manifest?.['cookieOut']]);
  assert.match(acknowledged.errors, /has no RequireAcknowledge/);
});
