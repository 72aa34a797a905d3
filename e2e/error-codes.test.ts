import assert from 'node:assert/strict';
import { existsSync, readFileSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

/** The codes of each package, as they stand in its src/errors.ts: the members of a union, or the keys of a table. */
function codesInSource(): string[] {
  return readdirSync(join(root, 'packages'))
    .map((name) => join(root, 'packages', name, 'src', 'errors.ts'))
    .filter((file) => existsSync(file))
    .flatMap((file) => [
      ...readFileSync(file, 'utf8').matchAll(/^\s*(?:\|\s*)?'?([A-Z][A-Z0-9]*(?:_[A-Z0-9]+)+)'?(?:[:;]|$)/gm),
    ])
    .map((match) => match[1] as string);
}

test('every error code has its row in docs/errors.md, and no row is without a code', () => {
  const inSource = new Set(codesInSource());
  const page = readFileSync(join(root, 'docs', 'errors.md'), 'utf8');
  const inPage = [...page.matchAll(/^\| `([A-Z0-9_]+)` \|/gm)].map((match) => match[1] as string);
  assert.ok(inSource.size >= 10, `only ${inSource.size} codes were found in the sources`);
  assert.deepEqual([...inPage].sort(), [...new Set(inPage)].sort(), 'a code has two rows');
  assert.deepEqual([...inPage].sort(), [...inSource].sort());
});
