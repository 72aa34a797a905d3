import assert from 'node:assert/strict';
import { existsSync, mkdirSync, statSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { basicTo, makeSettings, runProgram } from './program.ts';

/** /proc answers ENOENT to every mkdir, though it is there itself; a file answers ENOTDIR on every system. */
function impossibleFolder(folder: string): string {
  if (existsSync('/proc/self')) return '/proc/nope/deeper';
  writeFileSync(join(folder, 'file'), '');
  return join(folder, 'file', 'deeper');
}

test('a folder that the file system lets nobody make ends export with the reason, and does not hang', async (context) => {
  const folder = makeSettings(context, { Main: basicTo(1) });
  const impossible = impossibleFolder(folder);
  const { code, output, errors } = await runProgram(['export', '--settings', folder, '--output', impossible]);
  assert.match(errors, /^error: .*(preparing the folder|--output: found)/);
  assert.ok(errors.includes(dirname(impossible)), errors);
  if (impossible.startsWith('/proc'))
    assert.match(errors, /\[RUN_FILE_FAILED\]\n {2}what to do: name a folder that can be made/);
  assert.deepEqual([code, output], [impossible.startsWith('/proc') ? 1 : 2, '']);
});

test('a log file where no folder can be made is wrong usage, and does not hang', async (context) => {
  const folder = makeSettings(context, { Main: basicTo(1) });
  const file = join(impossibleFolder(folder), 'run.log');
  const { code, output, errors } = await runProgram(['export', '--settings', folder, '--log-file', file]);
  assert.deepEqual([code, output], [2, '']);
  assert.ok(errors.startsWith(`error: --log-file: opening the log file ${file}: `), errors);
});

test('temporary and work folders where none can be made end every command with the reason', async (context) => {
  const folder = makeSettings(context, { Main: basicTo(1) });
  const impossible = impossibleFolder(folder);
  for (const name of ['WorkFolderPath', 'TempFolderPath']) {
    writeFileSync(join(folder, 'appsettings.json'), JSON.stringify({ [name]: impossible }));
    const { code, output, errors } = await runProgram(['export', '--settings', folder]);
    assert.deepEqual([[1, 2].includes(code ?? 0), output], [true, ''], errors);
    assert.ok(errors.includes(dirname(impossible)), errors);
  }
});

test('folders that are missing are made, each with mode 0750, and those above keep theirs', async (context) => {
  const folder = makeSettings(context, { Main: basicTo(1) });
  const above = join(folder, 'above');
  mkdirSync(above, { mode: 0o700 });
  await runProgram(['export', '--settings', folder, '--output', join(above, 'one', 'two')]);
  const modes = ['', 'one', 'one/two'].map((name) => statSync(join(above, name)).mode & 0o777);
  if (process.platform !== 'win32') assert.deepEqual(modes, [0o700, 0o750, 0o750]);
  assert.ok(statSync(join(above, 'one', 'two')).isDirectory());
});
