/* exchange-connector against the simulator, both as installed programs: check, discover, export, and their ends. */
import assert from 'node:assert/strict';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { makeCertificate } from '@exchange-connector/rehearsal';
import { type Ended, type InstalledProgram, startInstalled } from './installed-program.ts';

const password = { EXCHANGE_PASSWORD: 'right' };

interface Ground {
  readonly folder: string;
  readonly settings: string;
  run(parameters: readonly string[], environment?: Readonly<Record<string, string>>): Promise<Ended>;
  start(parameters: readonly string[]): InstalledProgram;
}

/** A simulator behind TLS, and settings that name it. */
async function prepare(
  context: TestContext,
  simulatorParameters: readonly string[],
  more: object = {},
): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'commands-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  // One that ends within thirty days is warned of.
  const { files } = await makeCertificate({ hosts: ['localhost'], folder, validDays: 90 });
  assert.ok(files);
  const tls = ['--login', 'demo', '--tls-cert', files.certificate, '--tls-key', files.key];
  const simulator = startInstalled('exchange-simulator', [...tls, ...simulatorParameters], password);
  context.after(async () => {
    simulator.process.kill('SIGTERM');
    assert.equal((await simulator.ended).code, 0);
  });
  const [url] = await simulator.said(/^https:.*$/m);
  const settings = join(folder, 'settings');
  mkdirSync(settings);
  const connection = { Server: url, AuthType: 'Basic', Login: 'demo', CaFile: '../ca.pem', ...more };
  writeFileSync(join(settings, 'appsettings.agent.json'), JSON.stringify({ Connections: { Main: connection } }));
  const start = (parameters: readonly string[], environment: Readonly<Record<string, string>> = password) =>
    startInstalled('exchange-connector', [...parameters, '--settings', settings], environment);
  return { folder, settings, start, run: (parameters, environment) => start(parameters, environment).ended };
}

function values(output: string): Record<string, unknown>[] {
  return output
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>);
}

test('check passes every step, discover tells the organisation, export gives its manifest as one line of JSON', async (context) => {
  const ground = await prepare(context, ['--mailboxes', '60', '--databases', '3']);
  const check = await ground.run(['check', '--json']);
  assert.deepEqual(
    [check.code, values(check.output).map(({ name, state }) => `${name} ${state}`)],
    [
      0,
      ['settings', 'name', 'port', 'tls', 'authentication', 'session', 'cmdlets', 'mailbox', 'database'].map(
        (name) => `${name} passed`,
      ),
    ],
    check.output + check.errors,
  );
  const told = await ground.run(['check']);
  assert.equal(told.code, 0);
  assert.match(told.output, /^settings {7}ok {10}https:\/\/localhost:\d+\/PowerShell\/, Basic, login demo$/m);

  const discover = await ground.run(['discover', '--json']);
  const [discovery, ...none] = values(discover.output);
  assert.deepEqual([discover.code, none], [0, []]);
  assert.equal((discovery as { databases?: unknown[] } | undefined)?.databases?.length, 3);
  assert.match((await ground.run(['discover'])).output, /^databases: 3, with [\d]+ mailboxes$/m);

  const target = join(ground.folder, 'elsewhere');
  const exported = await ground.run(['export', '--json', '--output', target, '--log-level', 'Information']);
  assert.equal(exported.code, 0, exported.errors);
  const [manifest, ...others] = values(exported.output);
  assert.equal(others.length, 0);
  assert.deepEqual(manifest, JSON.parse(readFileSync(join(target, 'Main_manifest.json'), 'utf8')));
  assert.deepEqual(readdirSync(target).sort(), ['Main_databases.csv', 'Main_mailboxes.csv', 'Main_manifest.json']);
  assert.match(exported.errors, /^information: export done/m);
});

test('a wrong password and an authority that is not trusted are exit 3, and no file appears', async (context) => {
  const ground = await prepare(context, ['--mailboxes', '10']);
  const refused = await ground.run(['export', '--no-progress'], { EXCHANGE_PASSWORD: 'wrong' });
  assert.deepEqual([refused.code, refused.output], [3, '']);
  assert.match(refused.errors, /^error: .*\[WSMAN_AUTHENTICATION_REFUSED\]\n {2}what to do: check Login and Password/);
  await makeCertificate({ hosts: ['localhost'], folder: ground.folder });
  const distrusted = await ground.run(['export', '--no-progress']);
  assert.deepEqual([distrusted.code, distrusted.output], [3, '']);
  assert.match(distrusted.errors, /\[WSMAN_TLS_REFUSED\]\n {2}what to do: .*CaFile/);
  assert.deepEqual(
    readdirSync(ground.folder, { recursive: true }).filter((name) => String(name).endsWith('.csv')),
    [],
  );
});

for (const [what, interrupt] of [
  ['SIGTERM to the started process alone', (program: InstalledProgram) => void program.process.kill('SIGTERM')],
  [
    'a Ctrl-C of the terminal',
    (program: InstalledProgram) => void process.kill(-(program.process.pid ?? Number.NaN), 'SIGINT'),
  ],
  ['the death of the launching process', (program: InstalledProgram) => void program.process.kill('SIGKILL')],
] as const) {
  test(`${what} in the middle of an export closes its shell on the server and leaves the last good files`, async (context) => {
    // One shell at a time: one that was left behind would keep the next command out.
    const ground = await prepare(context, ['--mailboxes', '400', '--latency-ms', '5', '--max-shells', '1']);
    const target = join(ground.folder, 'Temp', 'ExportOutput');
    mkdirSync(target, { recursive: true });
    writeFileSync(join(target, 'Main_mailboxes.csv'), 'of yesterday');
    const program = ground.start(['export']);
    await program.said(/^reading mailboxes: /m);
    interrupt(program);
    const { code, output } = await program.ended;
    if (program.process.signalCode === null) assert.equal(code, 130);
    assert.equal(output, '');
    assert.deepEqual(readdirSync(target), ['Main_mailboxes.csv']);
    assert.equal(readFileSync(join(target, 'Main_mailboxes.csv'), 'utf8'), 'of yesterday');
    const next = await ground.run(['check']);
    assert.equal(next.code, 0, next.output);
  });
}

test('a time limit that passes in the middle of an export is exit 1, and its shell is closed', async (context) => {
  const ground = await prepare(context, ['--mailboxes', '400', '--latency-ms', '20', '--max-shells', '1']);
  const { code, output, errors } = await ground.run(['export', '--timeout', '2']);
  assert.deepEqual([code, output], [1, ''], errors);
  assert.match(errors, /time limit.*--timeout/);
  assert.equal((await ground.run(['check'])).code, 0);
});
