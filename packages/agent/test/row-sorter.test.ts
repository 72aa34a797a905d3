import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { closeSync, existsSync, mkdtempSync, openSync, readdirSync, rmSync, writeFileSync, writeSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { AgentError, fileFailed } from '../src/errors.ts';
import { RowSorter } from '../src/row-sorter.ts';

function inFolder(run: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'row-sorter-'));
  try {
    run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

function read(sorter: RowSorter): { line: string; group: string }[] {
  const rows: { line: string; group: string }[] = [];
  for (const { line, group } of sorter.rows()) rows.push({ line: Buffer.from(line).toString('utf8'), group });
  return rows;
}

test('rows come out sorted by key, the last of a key winning, whether they fit in memory or not', () => {
  inFolder((folder) => {
    const sorter = new RowSorter(folder, 'rows');
    const expected = new Map<string, { line: string; group: string }>();
    const keys = Array.from({ length: 3000 }, () => randomUUID());
    for (let round = 0; round < 6; round += 1) {
      for (const [index, key] of keys.entries()) {
        if ((index + round) % 3 === 0) continue;
        const row = { line: `${round},${'é'.repeat(index % 700)}${key}\r\n`, group: `DB${index % 7}` };
        sorter.put(key, row.line, row.group);
        expected.set(key, row);
      }
    }
    const wanted = [...expected].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, row]) => row);
    assert.deepEqual(read(sorter), wanted);
    sorter.close();
    assert.deepEqual(readdirSync(folder), []);
  });
});

test('rows that are longer than the whole memory of the sorter are sorted too', () => {
  inFolder((folder) => {
    const sorter = new RowSorter(folder, 'rows');
    const keys = Array.from({ length: 5 }, () => randomUUID());
    for (const key of keys) sorter.put(key, `${key}${'x'.repeat(5_000_000)}\r\n`, '');
    sorter.put(keys[0] as string, 'short\r\n', 'other');
    const lines = read(sorter).map(({ line }) => line.slice(0, 36));
    assert.deepEqual(
      lines,
      [...keys].sort().map((key) => (key === keys[0] ? 'short\r\n' : key)),
    );
    sorter.close();
  });
});

test('any rows are a map from key to last line', () => {
  const key = fc
    .integer({ min: 0, max: 40 })
    .map((n) => `00000000-0000-0000-0000-0000000000${n.toString(16).padStart(2, '0')}`);
  fc.assert(
    fc.property(fc.array(fc.tuple(key, fc.string({ unit: 'grapheme' })), { maxLength: 200 }), (rows) => {
      inFolder((folder) => {
        const sorter = new RowSorter(folder, 'rows');
        for (const [each, line] of rows) sorter.put(each, line, line);
        const wanted = [...new Map(rows)]
          .sort(([left], [right]) => (left < right ? -1 : 1))
          .map(([, line]) => ({ line, group: line }));
        assert.deepEqual(read(sorter), wanted);
        sorter.close();
      });
    }),
    { numRuns: 50 },
  );
});

test('after a restart nothing of the rows before is left', () => {
  inFolder((folder) => {
    const sorter = new RowSorter(folder, 'rows');
    for (let index = 0; index < 9000; index += 1) sorter.put(randomUUID(), 'y'.repeat(1000), '');
    sorter.restart();
    sorter.put('00000000-0000-0000-0000-000000000001', 'only\r\n', 'g');
    assert.deepEqual(read(sorter), [{ line: 'only\r\n', group: 'g' }]);
    sorter.close();
  });
});

test('a folder that cannot be made gives an error that names it', () => {
  inFolder((folder) => {
    writeFileSync(join(folder, 'file'), '');
    const sorter = new RowSorter(join(folder, 'file', 'rows'), 'rows');
    assert.throws(
      () => {
        for (let index = 0; index < 9000; index += 1) sorter.put(randomUUID(), 'y'.repeat(1000), '');
      },
      (error: unknown) =>
        error instanceof AgentError && error.code === 'RUN_FILE_FAILED' && error.message.includes(join('file', 'rows')),
    );
    sorter.close();
  });
});

test('a full disk is told apart, with what to do', {
  skip: existsSync('/dev/full') ? false : 'this system has no /dev/full',
}, () => {
  const fd = openSync('/dev/full', 'w');
  try {
    writeSync(fd, 'x');
    assert.fail('the device took what was written');
  } catch (cause) {
    const error = fileFailed('writing /srv/out.csv', cause);
    assert.equal(error.code, 'RUN_DISK_FULL');
    assert.match(error.message, /^writing \/srv\/out\.csv: the disk is full/);
    assert.match(error.mend ?? '', /TempFolderPath/);
  } finally {
    closeSync(fd);
  }
});
