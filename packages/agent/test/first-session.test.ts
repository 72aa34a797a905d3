/* The first session of a run: what is tried again and what is not, and the shells that earlier processes left. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExportRequest, runCheck, runDiscover, runExport } from '@exchange-connector/agent';
import { type ConnectionSettings, Secret } from '@exchange-connector/config';
import type { Simulator, SimulatorOptions } from '@exchange-connector/exchange-simulator';
import { account, connectionTo, inFolder, requestIn, withSimulator } from './rehearsed-connection.ts';

function onSimulator(
  run: (simulator: Simulator, folder: string) => Promise<void>,
  options: Partial<SimulatorOptions> = {},
): Promise<void> {
  return inFolder((folder) =>
    withSimulator({ mailboxes: 60, databases: 2, seed: 3, ...options }, (simulator) => run(simulator, folder)),
  );
}

function requestTo(url: string, folder: string, settings: Partial<ConnectionSettings> = {}): ExportRequest {
  return requestIn(folder, connectionTo(url, settings));
}

const shellsOf = (folder: string): string => join(folder, 'Work', 'ExportState', 'Main', 'shells');
/** As a process that was killed left them. */
function noteShells(folder: string, url: string): void {
  mkdirSync(shellsOf(folder), { recursive: true });
  for (const shellId of ['A', 'B', 'C'])
    writeFileSync(
      join(shellsOf(folder), `${shellId}.json`),
      JSON.stringify({ shellId, url, runId: 'r', notedAt: new Date().toISOString() }),
    );
}
const notesIn = (folder: string): string[] => (existsSync(shellsOf(folder)) ? readdirSync(shellsOf(folder)) : []);

test('a connection that is cut at the very first Create is made again, for no longer than --reconnect says', () =>
  onSimulator(async (simulator, folder) => {
    simulator.setFault('create 1: drop');
    const done = await runExport(requestTo(simulator.url, folder));
    assert.ok(done.kind === 'done', JSON.stringify(done));
    assert.equal(simulator.firedFaults.length, 1);
    assert.equal(simulator.facts.shellsOpen, 0);

    simulator.setFault('every create: drop');
    const failed = await runExport({ ...requestTo(simulator.url, folder), complete: true, reconnectForMs: 1_000 });
    assert.ok(failed.kind === 'failed', JSON.stringify(failed));
    assert.deepEqual([failed.exitCode, failed.failure.code], [3, 'WSMAN_CONNECTION_LOST']);
    assert.equal(simulator.firedFaults.length, 2);

    simulator.setFault('every create: http 503');
    assert.equal((await runExport({ ...requestTo(simulator.url, folder), reconnectForMs: 0 })).kind, 'failed');
    assert.equal(simulator.firedFaults.length, 1, '--reconnect 0 is obeyed');

    simulator.setFault('create 1: drop');
    const found = await runDiscover(requestTo(simulator.url, folder));
    assert.ok(found.kind === 'done', JSON.stringify(found));
    assert.equal(simulator.firedFaults.length, 1);
    assert.equal(simulator.facts.shellsOpen, 0);
  }));

const passing = [
  'create 1: refuse',
  'create 1: lose-cookie',
  'create 1: misroute',
  'create 1: http 500',
  'create 1: http 503',
  'create 1: fault 995',
  'create 1: corrupt envelope',
  'receive 1: forget shell',
  'receive 1: corrupt fragment',
];

test('an answer to the first Create that may pass is told, and asked for again after a second', async () => {
  await Promise.all(
    passing.map((fault) =>
      onSimulator(async (simulator, folder) => {
        simulator.setFault(fault);
        const told: string[] = [];
        const done = await runExport({
          ...requestTo(simulator.url, folder),
          onWarning: (message) => void told.push(message),
        });
        assert.ok(done.kind === 'done', `${fault}: ${JSON.stringify(done)}`);
        assert.equal(simulator.firedFaults.length, 1, fault);
        assert.match(told.join('\n'), /no session could be opened, it is tried again in 1 second: /, fault);
      }),
    ),
  );
});

test('a refusal that stands is told after one attempt, whatever time there is', () =>
  onSimulator(async (simulator, folder) => {
    for (const refusal of ['http 403', 'http 404', 'fault 5', 'fault 87', 'fault 2150858811', 'fault 2147942402']) {
      simulator.setFault(`every create: ${refusal}`);
      const failed = await runExport(requestTo(simulator.url, folder));
      assert.ok(failed.kind === 'failed' && failed.exitCode === 3, JSON.stringify(failed));
      assert.equal(simulator.firedFaults.length, 1, refusal);
    }
  }));

test('a server whose front end reaches no back end is left for the next one at once', () =>
  onSimulator((first, folder) =>
    onSimulator(async (second) => {
      first.setFault('every create: refuse');
      const servers = [first, second].flatMap(({ url }) => connectionTo(url).servers);
      const done = await runExport(requestTo(first.url, folder, { servers }));
      assert.ok(done.kind === 'done', JSON.stringify(done));
      assert.equal(done.manifest.server, second.url);
      assert.equal(first.firedFaults.length, 1);
      assert.match(
        done.manifest.warnings.join('\n'),
        /could not be used \(.*Cafe-SendFailure.*\); .* was taken instead/,
      );
    }),
  ));

test('the next server of the list is tried before the first one is again', () =>
  onSimulator((first, folder) =>
    onSimulator(async (second) => {
      first.setFault('every create: drop');
      const servers = [first, second].flatMap(({ url }) => connectionTo(url).servers);
      const done = await runExport(requestTo(first.url, folder, { servers }));
      assert.ok(done.kind === 'done', JSON.stringify(done));
      assert.equal(done.manifest.server, second.url);
      assert.equal(first.firedFaults.length, 1);
    }),
  ));

test('a refused password is tried once, also where shells of earlier runs are to be removed', () =>
  onSimulator(async (simulator, folder) => {
    noteShells(folder, simulator.url);
    const refused = await runExport(requestTo(simulator.url, folder, { password: new Secret('wrong') }));
    assert.ok(refused.kind === 'failed', JSON.stringify(refused));
    assert.deepEqual([refused.exitCode, refused.failure.code], [3, 'WSMAN_AUTHENTICATION_REFUSED']);
    assert.equal(simulator.facts.unauthorized, 1);
    assert.equal(notesIn(folder).length, 3);
    const created = simulator.facts.shellsCreated;
    assert.equal((await runExport(requestTo(simulator.url, folder))).kind, 'done');
    assert.deepEqual(notesIn(folder), []);
    assert.equal(simulator.facts.shellsCreated, created + 1, 'it removed its own shell');
  }));

test('a refused password that was renewed is not tried again for the shells of earlier runs', () =>
  onSimulator(async (simulator, folder) => {
    noteShells(folder, simulator.url);
    const stale = requestTo(simulator.url, folder, { password: new Secret('wrong') });
    const renewConnection = async () => requestTo(simulator.url, folder).connection;
    const outcome = await runExport({ ...stale, renewConnection });
    assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
    assert.equal(simulator.facts.unauthorized, 1);
    assert.deepEqual(notesIn(folder), []);
  }));

/** Runs a command in a process of its own until the server has stopped it. */
async function stopped(
  command: 'runCheck' | 'runDiscover',
  simulator: Simulator,
  folder: string,
): Promise<ChildProcess> {
  simulator.setFault('mailbox 1: stall');
  const patient = { operationTimeoutMs: 600_000 };
  const { connection, ...rest } = requestTo(simulator.url, folder, patient);
  const program = `
    import { ${command} } from ${JSON.stringify(import.meta.resolve('@exchange-connector/agent'))};
    import { Secret } from ${JSON.stringify(import.meta.resolve('@exchange-connector/config'))};
    const connection = { ...${JSON.stringify(connection)}, password: new Secret(${JSON.stringify(account.password)}) };
    await ${command}({ ...${JSON.stringify(rest)}, connection, limits: { stallTimeoutMs: 600_000 }, signal: new AbortController().signal });`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { stdio: 'inherit' });
  while (simulator.firedFaults.length === 0 && child.exitCode === null) await delay(10);
  simulator.setFault(undefined);
  return child;
}

for (const command of ['runCheck', 'runDiscover'] as const)
  test(`a shell of ${command} that was killed is removed by the next export; one of a process that lives is left alone`, () =>
    onSimulator(
      async (simulator, folder) => {
        const child = await stopped(command, simulator, folder);
        assert.equal(simulator.facts.shellsOpen, 1, 'no shell is open: the test is blind');
        assert.equal(notesIn(folder).length, 1);
        const [note = ''] = notesIn(folder);
        assert.ok(!readFileSync(join(shellsOf(folder), note), 'utf8').includes(account.password));
        assert.equal((await runExport(requestTo(simulator.url, folder))).kind, 'done');
        assert.equal(simulator.facts.shellsOpen, 1, 'the shell of a living process was removed');
        child.kill('SIGKILL');
        await once(child, 'exit');
        // The account may have so many that the shell which was left over is in the way of the first one.
        assert.equal((await runExport(requestTo(simulator.url, folder))).kind, 'done');
        assert.equal(simulator.facts.shellsOpen, 0);
        assert.deepEqual(notesIn(folder), []);
      },
      { maxShellsPerUser: 2 },
    ));

test('where the server has no room for another shell, those that are left over are removed, and it is asked again', () =>
  onSimulator(
    async (simulator, folder) => {
      const child = await stopped('runCheck', simulator, folder);
      child.kill('SIGKILL');
      await once(child, 'exit');
      const done = await runExport(requestTo(simulator.url, folder));
      assert.ok(done.kind === 'done', JSON.stringify(done));
      assert.deepEqual(
        done.manifest.warnings.filter((text) => text.includes('throttles')),
        [],
      );
      assert.equal(simulator.facts.shellsOpen, 0);
    },
    { maxShellsPerUser: 1 },
  ));

test('check notes its shell where it can, and works where it cannot', () =>
  onSimulator(async (simulator, folder) => {
    writeFileSync(join(folder, 'Work'), 'a file stands in the way');
    const checked = await runCheck(requestTo(simulator.url, folder));
    assert.equal(checked.exitCode, 0, JSON.stringify(checked));
  }));
