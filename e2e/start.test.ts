/* The two demonstrations, as a person starts them, and what they leave behind. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { type InstalledProgram, startFile, usualNode } from './installed-program.ts';

const script = fileURLToPath(new URL('../scripts/start.mjs', import.meta.url));

function start(parameters: readonly string[]): InstalledProgram {
  return startFile(script, parameters);
}

function makeFolder(context: TestContext): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'demonstration-')));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

interface Files {
  readonly mailboxes: Buffer;
  readonly databases: Buffer;
}

/** Reads the files whose paths end the output, and holds them, the counts and the manifest against each other. */
function readFiles(folder: string, output: string): Files {
  const lines = output.trimEnd().split('\n').slice(-6);
  const target = join(folder, 'Temp', 'ExportOutput');
  const paths = ['mailboxes.csv', 'databases.csv', 'manifest.json'].map((name) =>
    join(target, `MicrosoftExchangeExport_${name}`),
  );
  assert.deepEqual(lines.slice(0, 3), paths);
  const [mailboxes, databases, manifestText] = paths.map((path) => readFileSync(path));
  assert.ok(mailboxes && databases && manifestText);
  const [mailboxRows, databaseRows] = [mailboxes, databases].map(
    (bytes) =>
      parse(bytes, { columns: true, record_delimiter: '\r\n', relax_column_count: false }) as Record<string, string>[],
  );
  assert.ok(mailboxRows && databaseRows);
  assert.ok(mailboxRows.every((row) => row['Command'] === 'Insert' && Object.keys(row).length === 44));
  assert.ok(databaseRows.every((row) => row['Command'] === 'Insert' && Object.keys(row).length === 9));
  assert.deepEqual(lines.slice(3, 5), [
    `mailboxes: Insert ${mailboxRows.length}, Update 0, Delete 0`,
    `databases: Insert ${databaseRows.length}, Update 0, Delete 0`,
  ]);
  assert.match(lines[5] ?? '', /^duration: \d+\.\d s$/);
  const guids = mailboxRows.map((row) => row['Guid'] ?? '');
  assert.deepEqual(guids, [...new Set(guids)].sort());
  const names = new Set(databaseRows.map((row) => row['Name'] ?? ''));
  assert.equal(names.size, 6);
  for (const row of mailboxRows) assert.ok(names.has(row['Database'] ?? ''), JSON.stringify(row['Database']));
  const manifest = JSON.parse(manifestText.toString('utf8')) as {
    files: { name: string; rows: number; sha256: string }[];
  };
  assert.deepEqual(
    manifest.files,
    [
      { path: paths[0], bytes: mailboxes, rows: mailboxRows.length },
      { path: paths[1], bytes: databases, rows: databaseRows.length },
    ].map(({ path, bytes, rows }) => ({
      name: basename(path ?? ''),
      rows,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    })),
  );
  return { mailboxes, databases };
}

for (const [name, more] of [
  ['npm start', []],
  ['npm run start:kerberos', ['--kerberos']],
] as const) {
  test(`${name} exports the made-up organisation, ends with the files, the counts and the duration, and does so again`, async (context) => {
    const folder = makeFolder(context);
    const parameters = [...more, '--mailboxes', '400', '--folder', folder];
    const first = await start(parameters).ended;
    assert.equal(first.code, 0, first.errors);
    const files = readFiles(folder, first.output);
    // Some of the 400 are mailboxes that Get-Mailbox hides.
    const rows = files.mailboxes.toString('latin1').split('\r\n').length - 2;
    assert.ok(rows > 300 && rows <= 400, String(rows));
    const port = Number(/:(\d+)\/PowerShell\//.exec(first.errors)?.[1]);
    assert.equal(await isListening(port), false, 'the simulator is still there');

    const second = await start(parameters).ended;
    assert.equal(second.code, 0, second.errors);
    assert.deepEqual(readFiles(folder, second.output), files);
  });
}

test('npm start shows what it does in plain lines where there is no terminal', async (context) => {
  const { code, output, errors } = await start(['--mailboxes', '400', '--folder', makeFolder(context)]).ended;
  assert.equal(code, 0);
  assert.doesNotMatch(output + errors, /(?!\n)\p{Cc}/u);
  assert.match(errors, /^reading mailboxes: [\d,]+ of [\d,]+, 100%/m);
});

test('Ctrl-C ends the demonstration with 130, and neither the simulator nor a KDC outlives it', async (context) => {
  const folder = makeFolder(context);
  const demonstration = start(['--kerberos', '--mailboxes', '200000', '--folder', folder]);
  const [, port] = await demonstration.said(/:(\d+)\/PowerShell\//);
  await demonstration.said(/reading mailboxes/);
  process.kill(-(demonstration.process.pid ?? Number.NaN), 'SIGINT');
  const { code, errors } = await demonstration.ended;
  assert.equal(code, 130, errors);
  assert.equal(errors.match(/^Ending … \(Ctrl-C again/gm)?.length, 1, errors);
  assert.equal(await isListening(Number(port)), false);
  const kdcPort = /127\.0\.0\.1:(\d+)/.exec(readFileSync(join(folder, 'realm', 'krb5.conf'), 'utf8'))?.[1];
  assert.equal(await isListening(Number(kdcPort)), false);
  assert.equal(existsSync(join(folder, 'Temp', 'ExportOutput', 'MicrosoftExchangeExport_mailboxes.csv')), false);
});

test('a demonstration that is killed takes its programs with it', async (context) => {
  const demonstration = start(['--mailboxes', '200000', '--folder', makeFolder(context)]);
  const [, port] = await demonstration.said(/:(\d+)\/PowerShell\//);
  await demonstration.said(/reading mailboxes/);
  demonstration.process.kill('SIGKILL');
  // Its streams end when the last of its programs has ended, as they hold them too.
  await demonstration.ended;
  assert.equal(await isListening(Number(port)), false);
});

test('a wrong option of the demonstration is refused with exit 2 before anything is started', async () => {
  for (const parameters of [['--mailboxes', 'many'], ['--nope']]) {
    const { code, output, errors } = await start(parameters).ended;
    assert.deepEqual([code, output], [2, '']);
    assert.match(errors, /^error: /);
  }
});

test('the programs start from node_modules/.bin on the Node that the shell finds', () => {
  const bin = fileURLToPath(new URL('../node_modules/.bin/', import.meta.url));
  for (const program of ['exchange-connector', 'psrp', 'exchange-simulator']) {
    const help = execFileSync(usualNode(), [join(bin, program), '--help'], { encoding: 'utf8' });
    assert.match(help, new RegExp(`^Usage: ${program} `));
  }
});
