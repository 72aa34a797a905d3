import assert from 'node:assert/strict';
import { test } from 'node:test';
import { findViolations, readSources } from '../scripts/walls.mjs';

const root = new URL('..', import.meta.url).pathname;

/** One planted violation for each wall: the checker must name it, and nothing else. */
const canaries: { wall: string; files: Record<string, string> }[] = [
  { wall: 'sans-io', files: { 'packages/psrp/src/a.ts': "import { readFileSync } from 'node:fs';" } },
  { wall: 'sans-io', files: { 'packages/connector/src/a.ts': "import type { Socket } from 'node:net';" } },
  { wall: 'layout', files: { 'packages/connector/src/a.ts': "import { x } from '@exchange-connector/wsman';" } },
  {
    wall: 'layout',
    files: { 'packages/agent/src/a.ts': "import { x } from '@exchange-connector/exchange-simulator';" },
  },
  {
    wall: 'layout',
    files: { 'packages/exchange-simulator/src/a.ts': "export * from '@exchange-connector/connector';" },
  },
  {
    wall: 'layout',
    files: { 'packages/exchange-simulator/src/a.ts': "import { x } from '@exchange-connector/wsman';" },
  },
  { wall: 'layout', files: { 'packages/new-room/src/a.ts': 'export {};' } },
  {
    wall: 'deep-door',
    files: { 'packages/agent/src/a.ts': "import { x } from '@exchange-connector/psrp/src/guid.ts';" },
  },
  { wall: 'relative-way-out', files: { 'packages/wsman/src/a.ts': "import { x } from '../../psrp/src/guid.ts';" } },
  { wall: 'tests-in-product', files: { 'packages/wsman/src/a.ts': "import { x } from '../test/peer.ts';" } },
  { wall: 'foreign', files: { 'packages/wsman/src/a.ts': "const { load } = await import('koffi');" } },
  {
    wall: 'foreign',
    files: {
      'packages/gssapi/src/a.ts': "import koffi from 'koffi';",
      'packages/gssapi/src/b.ts': "import koffi from 'koffi';",
    },
  },
  {
    wall: 'cycle',
    files: {
      'packages/psrp/src/a.ts': "import './b.ts';",
      'packages/psrp/src/b.ts': "import type { A } from './a.ts';",
    },
  },
  { wall: 'name', files: { 'packages/psrp/src/utils.ts': 'export {};' } },
  { wall: 'name', files: { 'packages/psrp/src/MyFile.ts': 'export {};' } },
  { wall: 'size', files: { 'packages/psrp/src/a.ts': 'export {};\n'.repeat(501) } },
  { wall: 'syntax', files: { 'packages/psrp/src/a.ts': 'export {' } },
];

for (const { wall, files } of canaries) {
  test(`the wall "${wall}" reports what is planted in ${Object.values(files)[0]?.split('\n')[0]}`, () => {
    const found = findViolations(new Map(Object.entries(files)));
    assert.deepEqual([...new Set(found.map((violation) => violation.wall))], [wall]);
  });
}

test('a type imported in place is an import too', () => {
  const found = findViolations(new Map([['packages/psrp/src/a.ts', "export type S = import('node:net').Socket;"]]));
  assert.deepEqual(
    found.map((violation) => violation.wall),
    ['sans-io'],
  );
});

test('the sources of all packages respect the walls', () => {
  const files = readSources(root);
  assert.ok(files.size > 40, `only ${files.size} files were read`);
  assert.deepEqual(findViolations(files), []);
});
