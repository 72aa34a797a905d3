/* What a connection with EncryptOutput writes, opened by the OpenSSL of this machine and by the product. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { createHash, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type ExportOutcome, openAtRest, runAcknowledge, runExport, stateKeyPath } from '@exchange-connector/agent';
import type { CertificateSettings } from '@exchange-connector/config';
import { startSimulator } from '@exchange-connector/exchange-simulator';
import { decryptFile, openCertificate } from '@exchange-connector/protection';
import { checkSealed, RowSorter } from '../src/row-sorter.ts';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

const skip =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed: apt-get install openssl';
const folder = mkdtempSync(join(tmpdir(), 'at-rest-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function makePair(name: string, days = 90): { certificate: string; key: string; settings: CertificateSettings } {
  const [certificate, key] = [join(folder, `${name}.pem`), join(folder, `${name}.key`)];
  const made = spawnSync('openssl', [
    'req',
    '-x509',
    '-newkey',
    'rsa:2048',
    '-nodes',
    '-keyout',
    key,
    '-out',
    certificate,
    '-days',
    `${days}`,
    '-subj',
    `/CN=${name}`,
  ]);
  assert.equal(made.status, 0, made.stderr.toString());
  const none = {
    password: undefined,
    passwordKeyFile: undefined,
    distinguishedName: undefined,
    thumbprint: undefined,
    storeLocation: undefined,
    storeName: undefined,
  };
  return { certificate, key, settings: { file: certificate, keyFile: key, ...none } };
}
const pair = skip === false ? makePair('agent') : undefined;

/** Every file below a folder. */
function filesBelow(root: string): string[] {
  return readdirSync(root, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}

function requestIn(at: string, url: string, certificate: CertificateSettings | undefined, encryptOutput = true) {
  return {
    connection: connectionTo(url, { encryptOutput }),
    folders: { temp: join(at, 'Temp'), work: join(at, 'Work') },
    settingsFolder: at,
    signal: new AbortController().signal,
    encryption: { certificate, environment: {} },
  };
}

function done(outcome: ExportOutcome): Extract<ExportOutcome, { kind: 'done' }> {
  if (outcome.kind !== 'done') throw new Error(JSON.stringify(outcome));
  return outcome;
}

test('an export of a connection with EncryptOutput is the plain one, encrypted, and leaves no row readable', {
  skip,
}, async () => {
  const simulator = await startSimulator({ mailboxes: 120, databases: 3, seed: 5, basic: account });
  try {
    await inFolder(async (at) => {
      const plain = done(await runExport(requestIn(join(at, 'plain'), simulator.url, undefined, false)));
      const sealed = done(await runExport(requestIn(join(at, 'sealed'), simulator.url, pair?.settings)));
      const certificate = await openCertificate(pair?.settings ?? {});
      for (const index of [0, 1]) {
        const [clear = '', input = ''] = [plain.files[index], sealed.files[index]];
        const output = join(at, 'opened.csv');
        await decryptFile({ input, output, certificate });
        assert.ok(readFileSync(output).equals(readFileSync(clear)));
        const byOpenSsl = join(at, 'openssl.csv');
        const files = ['-in', input, '-out', byOpenSsl, '-recip', pair?.certificate ?? '', '-inkey', pair?.key ?? ''];
        const opened = spawnSync('openssl', ['cms', '-decrypt', '-inform', 'DER', ...files]);
        assert.equal(opened.status, 0, opened.stderr.toString());
        assert.ok(readFileSync(byOpenSsl).equals(readFileSync(clear)));
        const hash = createHash('sha256').update(readFileSync(input)).digest('hex');
        assert.equal(sealed.manifest.files[index]?.sha256, hash);
      }
      const [, row = ''] = readFileSync(plain.files[0] ?? '', 'utf8').split('\r\n');
      const address = /[\w.-]+@[\w.-]+/.exec(row)?.[0] ?? '';
      assert.ok(address.length > 5, row);
      const readable = filesBelow(join(at, 'sealed')).filter((file) => readFileSync(file).includes(address));
      assert.deepEqual(readable, []);
      assert.ok(filesBelow(join(at, 'plain')).some((file) => readFileSync(file).includes(address)));
    });
  } finally {
    await simulator.close();
  }
});

test('the cookie is sealed, an increment starts from it, and a sealed one is not used where EncryptOutput was switched off', {
  skip,
}, async () => {
  const simulator = await startSimulator({ mailboxes: 60, databases: 3, seed: 5, basic: account });
  try {
    await inFolder(async (at) => {
      const first = done(await runExport(requestIn(at, simulator.url, pair?.settings)));
      assert.equal(first.manifest.mode, 'complete');
      assert.ok(!first.manifest.warnings.some((warning) => /validity/.test(warning)));
      const cookie = filesBelow(join(at, 'Work')).find((path) => path.endsWith('_cookie.bin')) ?? '';
      assert.equal(readFileSync(cookie).subarray(0, 8).toString(), 'ECSEALED');
      const acknowledged = await runAcknowledge(requestIn(at, simulator.url, pair?.settings));
      assert.ok(acknowledged.kind === 'done' && acknowledged.cookie === first.manifest.cookieOut);
      const second = done(await runExport(requestIn(at, simulator.url, pair?.settings)));
      assert.equal(second.manifest.mode, 'incremental');
      assert.equal(second.manifest.cookieIn, first.manifest.cookieOut);
      const plain = done(await runExport(requestIn(at, simulator.url, pair?.settings, false)));
      assert.equal(plain.manifest.mode, 'complete');
      assert.match(plain.manifest.reason ?? '', /it is encrypted, and EncryptOutput is not set/);
      // The other way round, a plain cookie is read.
      const again = done(await runExport(requestIn(at, simulator.url, pair?.settings)));
      assert.equal(again.manifest.mode, 'incremental');
    });
  } finally {
    await simulator.close();
  }
});

test('without a certificate, or with one that does not fit the state, an export is refused before anything is contacted', {
  skip,
}, async () => {
  await inFolder(async (at) => {
    // Nothing listens there.
    const url = 'http://127.0.0.1:9/PowerShell/';
    const without = await runExport(requestIn(at, url, undefined));
    assert.ok(without.kind === 'failed' && without.exitCode === 2);
    assert.equal(without.failure.code, 'RUN_SETTINGS_UNUSABLE');
    await openAtRest(requestIn(at, url, pair?.settings));
    const other = await runExport(requestIn(at, url, makePair('other').settings));
    assert.ok(other.kind === 'failed' && other.exitCode === 2);
    assert.equal(other.failure.code, 'LEAF_OTHER_CERTIFICATE');
    assert.ok(other.failure.message.includes(stateKeyPath(requestIn(at, url, undefined).folders)));
    assert.match(other.failure.mend ?? '', /protect rotate/);
  });
});

test('a certificate that ends soon is told in the manifest', { skip }, async () => {
  const simulator = await startSimulator({ mailboxes: 20, databases: 1, seed: 5, basic: account });
  try {
    await inFolder(async (at) => {
      const { manifest } = done(await runExport(requestIn(at, simulator.url, makePair('soon', 20).settings)));
      assert.ok(manifest.warnings.some((warning) => /validity of the certificate CN=soon .* ends on/.test(warning)));
    });
  } finally {
    await simulator.close();
  }
});

test('rows are hidden on the disk while they are sorted and while they are kept, and come out the same', {
  skip,
}, async () => {
  await inFolder(async (at) => {
    const atRest = await openAtRest(requestIn(at, 'http://127.0.0.1:9/', pair?.settings));
    const ciphers = atRest?.rows;
    assert.ok(ciphers !== undefined);
    const rows = Array.from({ length: 400 }, (_, index) => ({
      key: randomUUID(),
      line: `row ${index} ${'Müller'.repeat(9_000)}\r\n`,
    }));
    const kept = join(at, 'kept.rows');
    const sorter = new RowSorter(at, 'part', kept, ciphers);
    for (const { key, line } of rows) sorter.put(key, line, 'DB1');
    const sealed = JSON.parse(JSON.stringify(sorter.seal()));
    assert.ok(sealed.segments.length > 3, 'the rows fit into memory');
    assert.ok(!readFileSync(kept).includes('Müller'));
    const keys: string[] = [];
    assert.ok(checkSealed(sealed, (key) => keys.push(key), ciphers));
    assert.deepEqual(keys.sort(), rows.map(({ key }) => key).sort());
    // Without the key the part is one to be read again.
    assert.equal(
      checkSealed(sealed, () => {}),
      false,
    );
    mkdirSync(join(at, 'elsewhere'));
    const stranger = await openAtRest(requestIn(join(at, 'elsewhere'), 'http://127.0.0.1:9/', pair?.settings));
    assert.equal(
      checkSealed(sealed, () => {}, stranger?.rows),
      false,
    );
    const merged = new RowSorter(at, 'merged', undefined, ciphers);
    merged.adopt(sealed);
    const lines: string[] = [];
    for (const { line } of merged.rows()) lines.push(Buffer.from(line).toString().trimEnd());
    merged.close();
    const wanted = [...rows].sort((left, right) => (left.key < right.key ? -1 : 1)).map(({ line }) => line.trimEnd());
    assert.equal(lines.length, wanted.length);
    for (const [index, line] of lines.entries()) assert.ok(line === wanted[index], `row ${index}`);
  });
});
