/*
 * A sample of the fault suite (`npm run test:faults` is all of it), and proof that the suite sees what it is
 * there to see: a lost row, a mixed pair, half a file, a cookie that moved early.
 */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { sha256 } from './fault-suite/published-files.ts';
import { runJob, type SuiteJob } from './fault-suite/suite-jobs.ts';
import { SuiteRun } from './fault-suite/suite-run.ts';

const mailboxes = 200;

async function sample(job: SuiteJob): Promise<Readonly<Record<string, number>>> {
  const { findings, outcomes, rounds } = await runJob(job);
  assert.deepEqual(findings, []);
  assert.ok(rounds >= 3, `${rounds} rounds`);
  return outcomes;
}

for (const [mode, cut] of [
  ['complete', 'drop after'],
  ['incremental', 'drop halfway'],
  ['acknowledged', 'drop before'],
] as const) {
  test(`a connection that ends (${cut}) costs no row, no file and no cookie: ${mode} exports`, async () => {
    await sample({ kind: 'boundaries', mode, mailboxes, shard: 3, shards: 11, actions: [cut] });
  });

  test(`kill -9 at any moment leaves what the next run repairs: ${mode} exports`, async () => {
    const outcomes = await sample({ kind: 'kills', mode, mailboxes, count: 2, seed: 7 });
    assert.ok((outcomes['killed'] ?? 0) >= 1, JSON.stringify(outcomes));
  });
}

test('kill -9 at any moment of a reading in parts leaves what the next run goes on with', async () => {
  // From 1,000 mailboxes on, several shells read in parts.
  const outcomes = await sample({ kind: 'kills', mode: 'parts', mailboxes: 1200, count: 2, seed: 7 });
  assert.ok((outcomes['killed'] ?? 0) >= 1, JSON.stringify(outcomes));
});

/** A round in which the run is a good one, and `spoil` does what a bad one would have done. */
async function findingsOf(spoil: (folder: string) => number): Promise<readonly string[]> {
  const suite = await SuiteRun.open({ mailboxes: 60, mode: 'complete', seed: 1 });
  try {
    await suite.round('the spoilt run', async () => {
      const run = await suite.export();
      return { ...run, exitCode: spoil(suite.folder) };
    });
    return suite.findings.map(({ where, what }) => `${where}: ${what}`);
  } finally {
    await suite.close();
  }
}

function output(folder: string, name: string): string {
  return join(folder, 'Temp', 'ExportOutput', name);
}

test('the suite sees a row that is lost although the manifest fits', async () => {
  const suite = await SuiteRun.open({ mailboxes: 60, mode: 'complete', seed: 1 });
  const path = output(suite.folder, 'Main_mailboxes.csv');
  const lines = readFileSync(path, 'utf8').split('\r\n');
  lines.splice(5, 1);
  const bytes = Buffer.from(lines.join('\r\n'));
  const manifestPath = output(suite.folder, 'Main_manifest.json');
  const manifest = readFileSync(manifestPath, 'utf8').replace(sha256(readFileSync(path)), sha256(bytes));
  writeFileSync(path, bytes);
  writeFileSync(manifestPath, manifest.replace(/"runId": "[^"]+"/, '"runId": "another"'));
  await suite.check('a spoilt pair');
  assert.match(suite.findings[0]?.what ?? '', /differences from the truth: [0-9a-f-]{36} is lost/);
  await suite.close();
});

test('the suite sees a failed run that replaced a file, a pair that does not fit, and half a file', async () => {
  assert.match((await findingsOf(() => 1)).join(), /it failed, and replaced Main_mailboxes\.csv/);
  const mixed = await findingsOf((folder) => {
    writeFileSync(output(folder, 'Main_databases.csv'), 'Command\r\n');
    return 0;
  });
  assert.match(mixed.join(), /it ended with 0, and the manifest does not fit the files/);
  const half = await findingsOf((folder) => {
    const path = output(folder, 'Main_mailboxes.csv');
    writeFileSync(path, readFileSync(path).subarray(0, 3_000));
    return 1;
  });
  assert.match(half.join(), /a published file is not whole/);
});

test('the suite sees a cookie that moved although the run failed, and files left lying', async () => {
  const found = await findingsOf((folder) => {
    const cookie = join(folder, 'Work', 'ExportCookies');
    mkdirSync(cookie, { recursive: true });
    writeFileSync(output(folder, '.Main_mailboxes.csv.x.partial'), '');
    writeFileSync(join(cookie, 'Main_cookie.bin'), 'moved');
    return 1;
  });
  assert.match(found.join(), /it failed, and moved the cookie/);
  assert.match(found.join(), /left lying: \.Main_mailboxes\.csv\.x\.partial/);
});
