/* What `npm run build` makes, used as an installed package is: from node_modules, without a compiler's help. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));

test('the built packages run from node_modules, and their declarations tell a stranger their types', (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'built-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const dist = join(folder, 'dist');
  execFileSync(process.execPath, [join(root, 'scripts', 'build.mjs'), dist], { cwd: root });
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, '@exchange-connector'), { recursive: true });
  const built = readdirSync(dist);
  for (const name of built) cpSync(join(dist, name), join(modules, '@exchange-connector', name), { recursive: true });
  for (const name of readdirSync(join(root, 'node_modules')))
    if (name !== '@exchange-connector' && !name.startsWith('.'))
      symlinkSync(join(root, 'node_modules', name), join(modules, name));

  const { version } = JSON.parse(readFileSync(join(root, 'packages', 'cli', 'package.json'), 'utf8')) as {
    version: string;
  };
  const program = join(modules, '@exchange-connector', 'cli', 'bin', 'exchange-connector.mjs');
  assert.equal(execFileSync(process.execPath, [program, '--version'], { encoding: 'utf8' }), `${version}\n`);
  const document = join(folder, 'value.xml');
  writeFileSync(
    document,
    '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><I32>5</I32></Objs>',
  );
  const decoder = join(modules, '@exchange-connector', 'psrp-cli', 'bin', 'psrp.mjs');
  assert.equal(execFileSync(process.execPath, [decoder, 'decode', document], { encoding: 'utf8' }), '5\n');

  const stranger = `
    import { loadSettings } from '@exchange-connector/config';
    import { decodeCliXml, type PsValue } from '@exchange-connector/psrp';
    const value: PsValue = decodeCliXml(new Uint8Array());
    const loaded = loadSettings({ settingsFolder: '.', environment: {} });
    // @ts-expect-error: the kind is one of two words, not any text
    if (loaded.kind === 'neither') throw value;
  `;
  writeFileSync(join(folder, 'stranger.mts'), stranger);
  const compiler = join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  const strict = [
    '--strict',
    '--noEmit',
    '--module',
    'nodenext',
    '--target',
    'esnext',
    '--types',
    'node',
    '--skipLibCheck',
    'false',
  ];
  const said = execFileSync(process.execPath, [compiler, ...strict, join(folder, 'stranger.mts')], {
    cwd: folder,
    encoding: 'utf8',
  });
  assert.equal(said, '');
  assert.ok(built.length >= 10);
});
