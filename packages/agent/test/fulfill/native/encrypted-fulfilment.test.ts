/* Fulfilment of a connection with EncryptOutput: nothing of people is readable, and a death, a resumption, an undo and a verification go on as without. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type NativePorts, runApply, runFulfill, runPlan, runUndo } from '@exchange-connector/agent';
import { decryptFile, openCertificate } from '@exchange-connector/protection';
import { parse } from 'csv-parse/sync';
import { mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';

const skip =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed: apt-get install openssl';
const folder = mkdtempSync(join(tmpdir(), 'sealed-fulfilment-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const [file, keyFile] = [join(folder, 'agent.pem'), join(folder, 'agent.key')];
if (skip === false) {
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    keyFile,
    '-out',
    file,
    '-days',
    '90',
    '-subj',
    '/CN=agent',
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
}
const certificate = {
  file,
  keyFile,
  password: undefined,
  passwordKeyFile: undefined,
  distinguishedName: undefined,
  thumbprint: undefined,
  storeLocation: undefined,
  storeName: undefined,
};

/** No person of the simulator is called so. */
const names = ['Wilhelmina Xylander', 'Quentin Yxkull'];

function placeFor(give: boolean, encryptOutput = true): NativeRehearsal {
  const place = new NativeRehearsal({ encryptOutput });
  const root = place.organization.domains[0];
  const accounts = [...place.organization.truth().mailboxes()]
    .filter(({ domain, properties }) => domain === root && properties['RecipientTypeDetails'] === 'UserMailbox')
    .map(({ properties }) => String(properties['SamAccountName']));
  if (give)
    place.give(
      ...names.map((name, index) =>
        mailboxOrder(`${index}`, 'Modified', { DisplayName: name }, { SamAccountName: accounts[index] }),
      ),
    );
  return place;
}

function requestAt(place: NativeRehearsal, runId: string) {
  return {
    connection: place.connection,
    folders: place.folders,
    settingsFolder: place.folder,
    signal: new AbortController().signal,
    runId,
    encryption: { certificate, environment: {} },
    resultsFile: place.results,
  };
}

function fulfill(place: NativeRehearsal, runId: string, ports: NativePorts = place.ports()) {
  return runFulfill({ ...requestAt(place, runId), ordersFolder: place.orders }, ports);
}

async function resultsOf(place: NativeRehearsal): Promise<unknown[]> {
  const output = join(place.folder, 'opened.csv');
  await decryptFile({ input: place.results, output, certificate: await openCertificate(certificate) });
  const rows = parse(readFileSync(output), { columns: true }) as Record<string, string>[];
  rmSync(output);
  return rows.map((row) => `${row['AssignmentId']} ${row['ProvisioningState']}`);
}

/** Files outside the folder of orders that hold one of the names. */
function readableFiles(place: NativeRehearsal): string[] {
  return readdirSync(place.folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.parentPath !== place.orders)
    .map((entry) => join(entry.parentPath, entry.name))
    .filter((path) => names.some((name) => readFileSync(path).includes(name)));
}

async function momentsOfARun(): Promise<number> {
  const place = placeFor(true);
  const ports = place.ports();
  try {
    assert.equal((await fulfill(place, 'counted', ports)).kind, 'done');
    return ports.counts.moments;
  } finally {
    place.dispose();
  }
}

test('a run that died is finished, told, verified and taken back, and nothing of it is readable', {
  skip,
}, async (t) => {
  const moments = await momentsOfARun();
  for (const part of [0.4, 0.6, 0.8]) {
    const place = placeFor(true);
    t.after(() => place.dispose());
    const before = place.state();
    const died = await fulfill(
      place,
      'dead',
      place.ports({ deadly: { moment: Math.floor(moments * part), torn: true } }),
    );
    assert.equal(died.kind, 'failed');
    assert.deepEqual(readableFiles(place), []);
    const done = await fulfill(place, 'second');
    assert.equal(done.kind, 'done', JSON.stringify(done));
    assert.deepEqual(await resultsOf(place), ['0 Executed', '1 Executed']);
    assert.deepEqual(readableFiles(place), []);
    // The chain is verified without any key.
    assert.equal(place.verdict().kind, 'intact');
    assert.notDeepEqual(place.state(), before);
    for (const run of ['second', 'dead'])
      await runUndo({ ...requestAt(place, `undo-${run}`), undoneRun: run }, place.ports());
    assert.deepEqual(place.state(), before);
    assert.deepEqual(readableFiles(place), []);
    assert.equal(place.verdict().kind, 'intact');
  }
});

test('an approved plan is kept sealed in the run, and a run that died goes on from it', { skip }, async (t) => {
  const place = placeFor(true);
  t.after(() => place.dispose());
  const planFile = join(place.orders, 'plan.json');
  const planned = await runPlan({ ...requestAt(place, 'plan'), ordersFolder: place.orders, planFile }, place.ports());
  assert.equal(planned.kind, 'done');
  const ports = place.ports({ deadly: { moment: Math.floor((await momentsOfARun()) * 0.6), torn: false } });
  const died = await runApply({ ...requestAt(place, 'applied'), planFile }, ports);
  assert.equal(died.kind, 'failed');
  rmSync(planFile);
  const resumed = await fulfill(place, 'next');
  assert.equal(resumed.kind, 'done', JSON.stringify(resumed));
  assert.deepEqual(readableFiles(place), []);
  assert.equal(place.verdict().kind, 'intact');
});

test('what was written encrypted is not passed over where EncryptOutput was switched off', { skip }, async (t) => {
  const moments = await momentsOfARun();
  const place = placeFor(true);
  t.after(() => place.dispose());
  await fulfill(place, 'dead', place.ports({ deadly: { moment: Math.floor(moments * 0.6), torn: false } }));
  const connection = { ...place.connection, encryptOutput: false };
  const refused = await runFulfill(
    { ...requestAt(place, 'plain'), connection, ordersFolder: place.orders },
    place.ports(),
  );
  assert.ok(refused.kind === 'failed' && refused.exitCode === 2, JSON.stringify(refused));
  assert.equal(refused.failure.code, 'RUN_SETTINGS_UNUSABLE');
  assert.match(refused.failure.message, /journal\.jsonl: it is encrypted/);
});
