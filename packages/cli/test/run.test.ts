import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { test } from 'node:test';
import { basicTo, makeSettings, runProgram, startPeer, startProgram } from './program.ts';

/** The `Authorization` header of the first request on a connection. */
async function authorizationOf(socket: import('node:net').Socket): Promise<string> {
  let text = '';
  while (!text.includes('\r\n\r\n')) text += String((await once(socket, 'data'))[0]);
  const value = /^authorization: basic (.*)\r$/im.exec(text)?.[1] ?? '';
  return Buffer.from(value, 'base64').toString('utf8');
}

async function closedPort(context: import('node:test').TestContext): Promise<number> {
  const peer = await startPeer(context, (socket) => socket.destroy());
  return peer.port;
}

test('a port where nobody listens is exit 3, with what was being done, the cause and the mend', async (context) => {
  const folder = makeSettings(context, { Main: { ...basicTo(1) } });
  for (const command of ['export', 'discover']) {
    const { code, output, errors } = await runProgram([command, '--settings', folder, '--no-progress']);
    assert.deepEqual([code, output], [3, '']);
    assert.match(
      errors,
      /^error: .*http:\/\/localhost:1\/PowerShell\/.*refused.*\[WSMAN_CONNECT_FAILED\]\n {2}what to do: .+\n$/,
    );
  }
  const check = await runProgram(['check', '--settings', folder, '--json']);
  const steps = check.output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as { name: string; state: string });
  assert.equal(check.code, 3);
  assert.deepEqual(
    steps.slice(0, 3).map(({ name, state }) => `${name} ${state}`),
    ['settings passed', 'name passed', 'port failed'],
  );
});

test('a peer that hangs up at once is exit 3, and the old files stay as they are', async (context) => {
  const folder = makeSettings(context, { Main: basicTo(await closedPort(context)) });
  const output = join(dirname(folder), 'Temp', 'ExportOutput');
  mkdirSync(output, { recursive: true });
  writeFileSync(join(output, 'Main_mailboxes.csv'), 'old');
  const { code } = await runProgram(['export', '--settings', folder, '--no-progress', '--reconnect', '1']);
  assert.equal(code, 3);
  assert.deepEqual(readdirSync(output), ['Main_mailboxes.csv']);
  assert.equal(readFileSync(join(output, 'Main_mailboxes.csv'), 'utf8'), 'old');
});

test('--timeout ends every command whose peer says nothing, with exit 1 and the reason', async (context) => {
  const peer = await startPeer(context, () => undefined);
  const folder = makeSettings(context, { A: basicTo(peer.port), B: basicTo(peer.port), C: basicTo(peer.port) });
  const runs = Object.entries({ A: 'export', B: 'discover', C: 'check' }).map(async ([id, command]) => {
    const started = performance.now();
    const more = ['--settings', folder, '--connection', id, '--no-progress', '--timeout', '0.6'];
    return { command, ...(await runProgram([command, ...more])), tookMs: performance.now() - started };
  });
  for (const { command, code, errors, tookMs } of await Promise.all(runs)) {
    assert.equal(code, 1, `${command}: ${errors}`);
    assert.match(errors, /time limit.*--timeout/, command);
    assert.ok(tookMs < 45_000, `${command} took ${tookMs} ms`);
  }
});

test('SIGINT, SIGTERM and SIGHUP each end a run whose peer says nothing with exit 130, and nothing is left behind', async (context) => {
  const runs = (['SIGINT', 'SIGTERM', 'SIGHUP'] as const).map(async (signal) => {
    const peer = await startPeer(context, () => undefined);
    const folder = makeSettings(context, { Main: basicTo(peer.port) });
    const program = startProgram(['export', '--settings', folder, '--no-progress']);
    const socket = await peer.nextConnection();
    await once(socket, 'data');
    program.process.kill(signal);
    const { code, output, errors } = await program.ended;
    assert.deepEqual([code, output], [130, '']);
    const first = signal === 'SIGINT' ? 'Ending … (Ctrl-C again to end at once)' : `Ending (${signal}) …`;
    assert.equal(errors.split('\n')[0], first);
    assert.match(errors, /Cancelled\.\n$/);
    // What a shell that could not be deleted is known by stays, so that the next run can delete it.
    const left = readdirSync(dirname(folder), { recursive: true, withFileTypes: true }).filter(
      (entry) => entry.isFile() && basename(entry.parentPath) !== 'shells',
    );
    assert.deepEqual(
      left.map((entry) => entry.name),
      ['appsettings.agent.json'],
    );
  });
  await Promise.all(runs);
});

test('a second Ctrl-C ends a run at once', async (context) => {
  const peer = await startPeer(context, () => undefined);
  const folder = makeSettings(context, { Main: basicTo(peer.port) });
  const program = startProgram(['export', '--settings', folder, '--no-progress']);
  await once(await peer.nextConnection(), 'data');
  program.process.kill('SIGINT');
  await once(program.process.stderr as NodeJS.ReadableStream, 'data');
  const started = performance.now();
  program.process.kill('SIGINT');
  const { code, errors } = await program.ended;
  assert.deepEqual([code, errors], [130, 'Ending … (Ctrl-C again to end at once)\n']);
  assert.ok(performance.now() - started < 20_000);
});

test('the password comes from the settings, the environment or standard input, the last said winning', async (context) => {
  const peer = await startPeer(context, () => undefined);
  const settings = basicTo(peer.port) as { Password: string };
  const withPassword = makeSettings(context, { Main: settings });
  const { Password: _, ...rest } = settings;
  const withoutPassword = makeSettings(context, { Main: rest });
  const sent = async (folder: string, more: string[], options: Parameters<typeof startProgram>[1] = {}) => {
    const connected = peer.nextConnection();
    const program = startProgram(['export', '--settings', folder, ...more], options);
    const authorization = await authorizationOf(await connected);
    program.process.kill('SIGKILL');
    await program.ended;
    return authorization;
  };
  const environment = { EXCHANGE_PASSWORD: 'of the environment' };
  assert.equal(await sent(withPassword, [], { environment }), 'demo:hunter2');
  assert.equal(await sent(withoutPassword, [], { environment }), 'demo:of the environment');
  assert.equal(await sent(withoutPassword, ['--password-stdin'], { environment, input: 'pä ss\r\n' }), 'demo:pä ss');
  assert.equal(await sent(withPassword, ['--password-stdin'], { input: 'typed\n\n' }), 'demo:typed\n');
});

test('the log file gets JSON lines from Information on, with the run’s id, and no secret', async (context) => {
  const folder = makeSettings(context, { Main: basicTo(1) });
  const logFile = join(dirname(folder), 'logs', 'run.jsonl');
  const { code, errors } = await runProgram([
    'export',
    '--settings',
    folder,
    '--no-progress',
    '--log-file',
    logFile,
    '--log-level',
    'Debug',
  ]);
  assert.equal(code, 3);
  const lines = readFileSync(logFile, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
  assert.ok(lines.length > 0);
  assert.equal(new Set(lines.map((line) => line['runId'])).size, 1);
  assert.deepEqual(lines.at(-1)?.['level'], 'Error');
  assert.doesNotMatch(`${JSON.stringify(lines)}${errors}`, /hunter2/);
});

test('a log file that cannot be written is told, and nothing is contacted', async (context) => {
  const peer = await startPeer(context, (socket) => socket.end());
  const folder = makeSettings(context, { Main: basicTo(peer.port) });
  const { code, errors } = await runProgram([
    'export',
    '--settings',
    folder,
    '--log-file',
    join(folder, 'appsettings.agent.json', 'x.log'),
  ]);
  assert.equal(code, 2);
  assert.match(errors, /^error: --log-file: opening the log file .*x\.log: /);
  assert.equal(peer.connections(), 0);
});
