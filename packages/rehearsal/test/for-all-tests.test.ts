import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const program = fileURLToPath(import.meta.resolve('./for-all-tests-program.ts'));

/** A process of its own: what tests run in tests takes part in them. */
function run(...options: readonly string[]): { readonly status: number | null; readonly output: string } {
  const { NODE_TEST_CONTEXT: _, ...environment } = process.env;
  const child = spawnSync(process.execPath, [...options, program], {
    encoding: 'utf8',
    env: environment,
    timeout: 120_000,
  });
  return { status: child.status, output: `${child.stdout}${child.stderr}` };
}

test('what tests share is there before the first, and is ended whether or not one of them is chosen', () => {
  const all = run();
  assert.equal(all.status, 0, all.output);
  assert.match(all.output, /pass 1$/m);
  assert.match(all.output, /the server was closed/);
  const none = run('--test-name-pattern', 'a name that no test has');
  assert.equal(none.status, 0, none.output);
  assert.match(none.output, /tests 0$/m);
  assert.match(none.output, /the server was closed/);
});
