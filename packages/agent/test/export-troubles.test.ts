/* Exports that do not come about, or come about in spite of something: what is told, and what is left as it was. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ExportOutcome, runExport } from '@exchange-connector/agent';
import { type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { account, connectionTo, inFolder, requestIn, withSimulator } from './rehearsed-connection.ts';
import { exported, organisation } from './rehearsed-export.ts';

let simulator: Simulator;
forAllTests(
  async () => {
    simulator = await startSimulator({ ...organisation, basic: account });
  },
  () => simulator.close(),
);

test('of several servers the first that answers is taken, and that is said', async () => {
  await inFolder(async (folder) => {
    const dead = { url: 'http://localhost:9/PowerShell/', protocol: 'http', host: 'localhost', port: 9 } as const;
    const living = connectionTo(simulator.url).servers;
    const { manifest } = await exported(folder, connectionTo(simulator.url, { servers: [dead, ...living] }));
    assert.equal(manifest.server, simulator.url);
    assert.match(manifest.warnings.join(), /localhost:9\/PowerShell\/ could not be used .* was taken instead/);
  });
});

test('where no server answers, the run fails with exit 3 and names each', async () => {
  await inFolder(async (folder) => {
    const dead = (port: number) =>
      ({ url: `http://localhost:${port}/PowerShell/`, protocol: 'http', host: 'localhost', port }) as const;
    const outcome = await runExport(requestIn(folder, connectionTo(simulator.url, { servers: [dead(9), dead(11)] })));
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.exitCode, 3);
    assert.match(outcome.failure.message, /localhost:9\/.*localhost:11\//);
    assert.deepEqual(readdirSync(join(folder, 'Temp', 'ExportOutput')), []);
  });
});

test('a wrong password fails with exit 3 and is not tried on the next server', async () => {
  await inFolder(async (folder) => {
    const connection = connectionTo(simulator.url, { login: 'somebody' });
    const servers = [...connection.servers, ...connection.servers];
    const outcome = await runExport(requestIn(folder, { ...connection, servers }));
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.exitCode, 3);
    assert.equal(outcome.failure.code, 'WSMAN_AUTHENTICATION_REFUSED');
    assert.ok(!JSON.stringify(outcome).includes('correct horse'));
  });
});

test('a failed run leaves the last good files as they were', async () => {
  await inFolder(async (folder) => {
    const first = await exported(folder, connectionTo(simulator.url));
    await withSimulator({ ...organisation, without: ['Get-Mailbox'] }, async (own) => {
      const outcome = await runExport(requestIn(folder, connectionTo(own.url)));
      assert.ok(outcome.kind === 'failed');
      assert.equal(outcome.exitCode, 1);
      assert.match(outcome.failure.message, /may not use Get-Mailbox/);
      assert.match(outcome.failure.mend ?? '', /role/);
      assert.equal(own.facts.shellsOpen, 0);
    });
    assert.ok(first.outcome.kind === 'done');
    assert.deepEqual(first.outcome.files.map((file) => readFileSync(file, 'utf8')).slice(0, 2), [
      first.mailboxes,
      first.databases,
    ]);
    assert.deepEqual(readdirSync(join(folder, 'Temp', 'ExportOutput')).length, 3);
    assert.deepEqual(readdirSync(join(folder, 'Work', 'ExportState', 'Main')), []);
  });
});

test('a run that is cancelled ends with exit 130, closes its shell and leaves nothing', async () => {
  await withSimulator({ ...organisation, latencyMs: 2 }, (own) =>
    inFolder(async (folder) => {
      const cancel = new AbortController();
      const outcome = await runExport(
        requestIn(folder, connectionTo(own.url), {
          signal: cancel.signal,
          onProgress: ({ phase, done }) => {
            if (phase === 'mailboxes' && done > 10) cancel.abort(new DOMException('ended by SIGINT', 'AbortError'));
          },
        }),
      );
      assert.deepEqual(outcome, { kind: 'cancelled', exitCode: 130 });
      assert.equal(own.facts.shellsOpen, 0);
      assert.deepEqual(readdirSync(join(folder, 'Temp', 'ExportOutput')), []);
      assert.deepEqual(readdirSync(join(folder, 'Work', 'ExportState', 'Main')), []);
    }),
  );
});

test('the time limit of a run is a failure that says so', async () => {
  await withSimulator({ ...organisation, latencyMs: 50 }, (own) =>
    inFolder(async (folder) => {
      const outcome = await runExport(requestIn(folder, connectionTo(own.url), { signal: AbortSignal.timeout(400) }));
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.exitCode, outcome.failure.code], [1, 'RUN_TIMED_OUT']);
    }),
  );
});

test('a second run of a connection is refused while the first is at work', async () => {
  await inFolder(async (folder) => {
    let second: Promise<ExportOutcome> | undefined;
    const request = requestIn(folder, connectionTo(simulator.url));
    const first = await runExport({
      ...request,
      onProgress: () => {
        second ??= runExport(request);
      },
    });
    assert.equal(first.kind, 'done');
    const refused = await second;
    assert.ok(refused?.kind === 'failed');
    assert.deepEqual([refused.exitCode, refused.failure.code], [4, 'RUN_LOCKED']);
  });
});

test('a run that was silent for so long that another one took its lock publishes nothing, and leaves that lock alone', async () => {
  await inFolder(async (folder) => {
    const connection = connectionTo(simulator.url);
    await exported(folder, connection);
    const [output, cookies] = [join(folder, 'Temp', 'ExportOutput'), join(folder, 'Work', 'ExportCookies')];
    const lock = join(folder, 'Work', 'ExportState', 'Main', 'lock.json');
    const contents = (): string[] =>
      [output, cookies].flatMap((each) =>
        readdirSync(each).map(
          (name) =>
            `${name} ${createHash('sha256')
              .update(readFileSync(join(each, name)))
              .digest('hex')}`,
        ),
      );
    const published = contents();
    const other = JSON.stringify({ runId: 'other', pid: process.pid, host: 'another-host', processStart: '' });
    const outcome = await runExport(
      requestIn(folder, connection, {
        complete: true,
        onProgress: ({ phase }) => {
          if (phase === 'mailboxes') writeFileSync(lock, other);
        },
      }),
    );
    assert.ok(outcome.kind === 'failed', JSON.stringify(outcome).slice(0, 300));
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [4, 'RUN_LOCKED']);
    assert.match(outcome.failure.message, /no longer holds its lock .*run other.* on another-host, took it/);
    assert.deepEqual(contents(), published);
    assert.equal(readFileSync(lock, 'utf8'), other);
  });
});

test('a file of the run that somebody removed before it is put in place is a failure, and nothing is replaced', async () => {
  await inFolder(async (folder) => {
    const connection = connectionTo(simulator.url);
    const { mailboxes } = await exported(folder, connection);
    const output = join(folder, 'Temp', 'ExportOutput');
    const outcome = await runExport(
      requestIn(folder, connection, {
        complete: true,
        onProgress: ({ phase, done, total }) => {
          if (phase !== 'writing' || done !== total) return;
          for (const name of readdirSync(output))
            if (name.endsWith('.partial') && name.includes('databases')) rmSync(join(output, name));
        },
      }),
    );
    assert.ok(outcome.kind === 'failed', JSON.stringify(outcome).slice(0, 300));
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [1, 'RUN_FILE_FAILED']);
    assert.match(outcome.failure.message, /databases\.csv\..*\.partial, which this run had written, is gone/);
    assert.equal(readFileSync(join(output, 'Main_mailboxes.csv'), 'utf8'), mailboxes);
    assert.deepEqual(
      readdirSync(output).filter((name) => name.endsWith('.partial')),
      [],
    );
  });
});

test('a connection whose export is a script is refused before anything is contacted', async () => {
  await inFolder(async (folder) => {
    const outcome = await runExport(
      requestIn(folder, connectionTo(simulator.url, { exportScriptPath: '/srv/Export.ps1' })),
    );
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [2, 'RUN_SETTINGS_UNUSABLE']);
  });
});

test('a folder that cannot be made is told before anything is contacted', async () => {
  await inFolder(async (folder) => {
    const dead = connectionTo('http://localhost:1/PowerShell/');
    writeFileSync(join(folder, 'Temp'), '');
    const outcome = await runExport(requestIn(folder, dead));
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [1, 'RUN_FILE_FAILED']);
    assert.match(outcome.failure.message, /^preparing the folder .*ExportOutput for the files of the export: /);
    rmSync(join(folder, 'Work'), { recursive: true });
    writeFileSync(join(folder, 'Work'), '');
    const locked = await runExport(requestIn(folder, dead));
    assert.ok(locked.kind === 'failed');
    assert.deepEqual([locked.exitCode, locked.failure.code], [1, 'RUN_FILE_FAILED']);
  });
});

test('a server that asks to wait before it opens another session is waited for, and that is said', async () => {
  await withSimulator({ ...organisation, runspaceBudget: { runspaces: 1, periodSeconds: 2 } }, (own) =>
    inFolder(async (folder) => {
      await exported(folder, connectionTo(own.url));
      const { outcome, manifest } = await exported(folder, connectionTo(own.url));
      assert.equal(outcome.kind, 'done');
      assert.match(manifest.warnings.join(), /throttles this account: a session is tried again in \d+ seconds/);
    }),
  );
});

test('a run that is killed in the middle leaves nothing that the next one does not clear away', async () => {
  await withSimulator({ ...organisation, latencyMs: 3 }, (own) =>
    inFolder(async (folder) => {
      const { connection, ...rest } = requestIn(folder, connectionTo(own.url));
      const program = `
        import { runExport } from ${JSON.stringify(import.meta.resolve('@exchange-connector/agent'))};
        import { Secret } from ${JSON.stringify(import.meta.resolve('@exchange-connector/config'))};
        const connection = { ...${JSON.stringify(connection)}, password: new Secret(${JSON.stringify(account.password)}) };
        await runExport({ ...${JSON.stringify(rest)}, connection, signal: new AbortController().signal,
          onProgress: ({ phase, done }) => { if (phase === 'mailboxes' && done > 5) console.log('reading'); } });`;
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
      const state = join(folder, 'Work', 'ExportState', 'Main');
      assert.ok(existsSync(join(state, 'lock.json')), 'the killed run held no lock: the test is blind');
      // What a run that was killed a moment later would have left as well.
      const { runId } = JSON.parse(readFileSync(join(state, 'lock.json'), 'utf8')) as { runId: string };
      const output = join(folder, 'Temp', 'ExportOutput');
      mkdirSync(output, { recursive: true });
      writeFileSync(join(output, `.Main_mailboxes.csv.${runId}.partial`), 'half');
      const { outcome } = await exported(folder, connectionTo(simulator.url));
      assert.equal(outcome.kind, 'done');
      assert.deepEqual(readdirSync(state), []);
      assert.deepEqual(readdirSync(output).sort(), ['Main_databases.csv', 'Main_mailboxes.csv', 'Main_manifest.json']);
    }),
  );
});
