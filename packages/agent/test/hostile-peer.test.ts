import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ExportOutcome, runExport } from '@exchange-connector/agent';
import { type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { type Mischief, startCuttingProxy } from './cutting-proxy.ts';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

/*
 * A peer that hangs up, stalls or sends garbage at any byte of a run: the run ends by itself with an error
 * that says what happened, what the last good run wrote is as it was, and nothing is left lying about.
 */
let simulator: Simulator;
forAllTests(
  async () => {
    // A peer that dies takes with it the only way to the shell, and the next run comes by another address.
    simulator = await startSimulator({ mailboxes: 60, databases: 2, seed: 3, basic: account, maxShellsPerUser: 1_000 });
  },
  () => simulator.close(),
);

const limits = {
  connectTimeoutMs: 400,
  answerMarginMs: 400,
  stallTimeoutMs: 400,
  bodyTimeoutMs: 800,
  openTimeoutMs: 1500,
  stopTimeoutMs: 300,
  closeTimeoutMs: 300,
  receiveRetries: 1,
};

function run(folder: string, port: number): Promise<ExportOutcome> {
  return runExport({
    connection: connectionTo(`http://localhost:${port}/PowerShell/`, { operationTimeoutMs: 500 }),
    folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
    settingsFolder: folder,
    signal: AbortSignal.timeout(60_000),
    limits,
    reconnectForMs: 0,
    // Every run reads all of it: an increment has few bytes to cut.
    complete: true,
  });
}

function filesIn(folder: string): Record<string, string> {
  const output = join(folder, 'Temp', 'ExportOutput');
  return Object.fromEntries(
    readdirSync(output)
      .sort()
      .map((name) => [name, readFileSync(join(output, name), 'utf8')]),
  );
}

/** Bytes that a good run receives, and the files it leaves. */
async function goodRun(folder: string): Promise<{ readonly bytes: number; readonly files: Record<string, string> }> {
  const proxy = await startCuttingProxy(simulator.port, Number.POSITIVE_INFINITY, 'die');
  const outcome = await run(folder, proxy.port);
  await proxy.close();
  assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
  return { bytes: proxy.passed, files: filesIn(folder) };
}

/** Offsets all over the run: its first bytes, its last, and even steps between. */
function offsets(bytes: number, steps: number): number[] {
  const even = Array.from({ length: steps }, (_, step) => Math.floor(((step + 0.5) * bytes) / steps));
  return [0, 1, 17, ...even, bytes - 2000, bytes - 700];
}

function csv(files: Record<string, string>): (string | undefined)[] {
  return [files['Main_mailboxes.csv'], files['Main_databases.csv']];
}

/** The answers that end the last command and the shell take less. */
const closingBytes = 4000;

/** The least a message about a broken peer says: which server, or which command was under way. */
const saysWhere = /localhost:\d+|Get-Mailbox|Set-ADServerSettings|reading/;

async function provoke(mischief: Mischief, steps: number): Promise<void> {
  await inFolder(async (folder) => {
    const good = await goodRun(folder);
    for (const offset of offsets(good.bytes, steps)) {
      const proxy = await startCuttingProxy(simulator.port, offset, mischief);
      const started = performance.now();
      const outcome = await run(folder, proxy.port);
      const seconds = (performance.now() - started) / 1000;
      await proxy.close();
      if (outcome.kind === 'failed') {
        assert.ok(outcome.exitCode === 1 || outcome.exitCode === 3, `exit ${outcome.exitCode} at byte ${offset}`);
        assert.match(outcome.failure.message, saysWhere, `at byte ${offset}`);
        assert.notEqual(outcome.failure.code, 'RUN_UNEXPECTED', outcome.failure.message);
        assert.ok(outcome.failure.mend !== undefined && outcome.failure.mend !== '', outcome.failure.message);
        assert.deepEqual(filesIn(folder), good.files, `files were touched at byte ${offset}`);
      } else {
        // All rows had come: only the closing of the shell was cut off.
        assert.equal(outcome.kind, 'done');
        assert.ok(offset > good.bytes - closingBytes, `done although cut at byte ${offset} of ${good.bytes}`);
        assert.deepEqual(csv(filesIn(folder)), csv(good.files));
      }
      assert.ok(seconds < 60, `took ${seconds} s at byte ${offset}`);
      // A shell that the peer did not let us delete is noted down for the next run, which removes it.
      const left = readdirSync(join(folder, 'Work', 'ExportState', 'Main')).filter((name) => name !== 'shells');
      assert.deepEqual(left, [], `leftovers at byte ${offset}`);
    }
  });
}

test('a server that dies at any byte ends the run with a clear error', async () => {
  await provoke('die', 24);
});

test('a server that goes away in the middle is said to have, with how far the read had come and that the old files stand', async () => {
  await inFolder(async (folder) => {
    const good = await goodRun(folder);
    const proxy = await startCuttingProxy(simulator.port, Math.floor(good.bytes * 0.7), 'die');
    const outcome = await run(folder, proxy.port);
    await proxy.close();
    assert.ok(outcome.kind === 'failed');
    const { message, mend, code, recovery } = outcome.failure;
    assert.match(
      message,
      /^the server went away during the run, after [\d,]+ (of [\d,]+ )?(databases|mailboxes): .*; nothing was replaced: the files of the last good run stand$/,
    );
    assert.match(mend ?? '', /run it again once the server is back/);
    assert.deepEqual([outcome.exitCode, /^WSMAN_CONN/.test(code), recovery === 'none'], [1, true, false]);
    assert.deepEqual(filesIn(folder), good.files);
  });
});

test('a server that sends garbage at any byte ends the run with a clear error', async () => {
  await provoke('garble', 12);
});

test('a server that falls silent at any byte ends the run within its time limits', async () => {
  await provoke('stall', 5);
});

test('a connection that is cut once is either healed, with all rows, or a clear error', async () => {
  const kinds = new Set<string>();
  await inFolder(async (folder) => {
    const good = await goodRun(folder);
    for (const offset of offsets(good.bytes, 16)) {
      const proxy = await startCuttingProxy(simulator.port, offset, 'cut-once');
      const outcome = await run(folder, proxy.port);
      await proxy.close();
      kinds.add(outcome.kind);
      assert.ok(outcome.kind === 'done' || outcome.kind === 'failed', `${outcome.kind} at byte ${offset}`);
      assert.deepEqual(csv(filesIn(folder)), csv(good.files), `rows differ after a cut at byte ${offset}`);
    }
  });
  assert.ok(kinds.has('done'), 'no cut was ever healed');
});
