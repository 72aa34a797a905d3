/* The scripts that bring a fresh machine to where the tests can run, and say what the tests found. */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { findMissingPackages } from '../scripts/set-up.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));

function makeFolder(context: TestContext, files: Readonly<Record<string, string>>): string {
  const folder = mkdtempSync(join(tmpdir(), 'scripts-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(folder, path, '..'), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return folder;
}

const lock = {
  packages: {
    '': {},
    'node_modules/a': { version: '1.0.0' },
    'node_modules/for-another-system': { version: '1.0.0', optional: true },
    'node_modules/@x/tool': { link: true, resolved: 'packages/tool' },
    'packages/tool': { version: '0.1.0', bin: { tool: './bin/tool.mjs' } },
  },
};

test('packages are brought in when they are missing, of another version, or not linked, and only then', (context) => {
  const installed = { packages: { 'node_modules/a': { version: '1.0.0' }, 'packages/tool': { version: '0.1.0' } } };
  const reason = (found: object | undefined, linked = true) =>
    findMissingPackages(
      makeFolder(context, {
        'package-lock.json': JSON.stringify(lock),
        ...(found === undefined ? {} : { 'node_modules/.package-lock.json': JSON.stringify(found) }),
        ...(linked ? { 'node_modules/.bin/tool': '' } : {}),
      }),
    );
  assert.equal(reason(installed), undefined);
  assert.equal(reason(undefined), 'node_modules is not there yet');
  assert.equal(
    reason({ packages: { ...installed.packages, 'node_modules/a': { version: '0.9.0' } } }),
    'node_modules/a is installed as 0.9.0, not 1.0.0',
  );
  assert.equal(reason({ packages: { 'packages/tool': { version: '0.1.0' } } }), 'node_modules/a is not installed');
  assert.equal(reason(installed, false), 'the program tool is not linked');
});

test('what this checkout has installed is what its lock file names', () => {
  assert.equal(findMissingPackages(), undefined);
});

function report(folder: string): { code: number | null; output: string } {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const parameters = [
    '--test',
    `--test-reporter=${join(root, 'scripts', 'test-reporter.mjs')}`,
    '--test-reporter-destination=stdout',
    `${folder}/*.test.mjs`,
  ];
  const { status, stdout } = spawnSync(process.execPath, parameters, { cwd: folder, env, encoding: 'utf8' });
  return { code: status, output: stdout };
}

test('the report names each failure with its cause and each skip with its reason, and ends with the counts', (context) => {
  const folder = makeFolder(context, {
    'a.test.mjs': `
      import test from 'node:test';
      import assert from 'node:assert/strict';
      test('adds up', () => assert.equal(1 + 1, 2));
      test('fails so', () => assert.equal('seen', 'expected'));
      test('is left out', { skip: 'no moon tonight' }, () => {});
      test('has parts', async (t) => { await t.test('breaks inside', () => { throw new Error('inner cause'); }); });`,
    'b.test.mjs': `import test from 'node:test'; test('is fine', () => {});`,
    'c.test.mjs': `throw new Error('does not even load');`,
  });
  const { code, output } = report(folder);
  assert.equal(code, 1);
  for (const line of [
    /^FAILED fails so \(/m,
    /'seen' !== 'expected'/,
    /^skipped is left out: no moon tonight$/m,
    /^FAILED breaks inside \(/m,
    /inner cause/,
    /^ok .*b\.test\.mjs: 1 passed/m,
    /does not even load/,
  ])
    assert.match(output, line);
  assert.match(
    output,
    /\nFailed:\n {2}fails so .*\n {2}breaks inside .*\n {2}.*c\.test\.mjs.*\n\nℹ tests \d+\nℹ suites 0\nℹ pass 2\nℹ fail \d\nℹ cancelled 0\nℹ skipped 1\nℹ todo 0\nℹ duration_ms [\d.]+\n$/,
  );
});

test('a run without a failure reports no more than a line a file and the counts', (context) => {
  const folder = makeFolder(context, { 'b.test.mjs': `import test from 'node:test'; test('is fine', () => {});` });
  const { code, output } = report(folder);
  assert.equal(code, 0);
  assert.match(
    output,
    /^ok .*b\.test\.mjs: 1 passed \(\d+\.\d s\)\n\nℹ tests 1\nℹ suites 0\nℹ pass 1\nℹ fail 0\nℹ cancelled 0\nℹ skipped 0\nℹ todo 0\nℹ duration_ms [\d.]+\n$/,
  );
});

test('a folder without tests is said to be so', () => {
  const { status, stderr } = spawnSync(process.execPath, [join(root, 'scripts', 'test.mjs'), 'docs'], {
    encoding: 'utf8',
  });
  assert.equal(status, 2);
  assert.match(stderr, /no test files below docs/);
});
