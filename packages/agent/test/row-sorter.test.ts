import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  closeSync,
  existsSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { AgentError, fileFailed } from '../src/errors.ts';
import { checkSealed, RowSorter, type SealedRows } from '../src/row-sorter.ts';

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

test('sealed rows are adopted as if they were put, a later part winning, and only wanted keys are left', () => {
  // Few keys, so that the same stand in several parts; long lines, so that a part has several segments.
  const key = fc
    .integer({ min: 0, max: 300 })
    .map((number) => `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`);
  const row = fc.record({ key, length: fc.integer({ min: 0, max: 60_000 }), group: fc.constantFrom('DB1', 'DB2', '') });
  fc.assert(
    fc.property(
      fc.array(fc.array(row, { maxLength: 120 }), { maxLength: 4 }),
      fc.array(row, { maxLength: 40 }),
      (parts, late) => {
        inFolder((folder) => {
          const whole = new RowSorter(folder, 'whole');
          const expected = new Map<string, { line: string; group: string }>();
          let count = 0;
          const put = (
            into: RowSorter,
            { key: each, length, group }: { key: string; length: number; group: string },
          ): void => {
            count += 1;
            const line = `${count},${'é'.repeat(length >> 1)}\r\n`;
            into.put(each, line, group);
            expected.set(each, { line, group });
          };
          for (const [index, rows] of parts.entries()) {
            const part = new RowSorter(folder, 'part', join(folder, `part-${index}.rows`));
            for (const each of rows) put(part, each);
            const sealed = part.seal();
            const seen: string[] = [];
            assert.ok(rows.length === 0 || checkSealed(sealed, (each) => seen.push(each)));
            assert.equal(seen.length, rows.length);
            if (rows.length > 0) whole.adopt(JSON.parse(JSON.stringify(sealed)) as SealedRows);
          }
          for (const each of late) put(whole, each);
          const wanted = (each: string): boolean => Number(each.slice(-3)) % 3 !== 0;
          whole.keepOnly(wanted);
          const left = [...expected]
            .filter(([each]) => wanted(each))
            .sort(([left], [right]) => (left < right ? -1 : 1));
          assert.deepEqual(
            read(whole),
            left.map(([, each]) => each),
          );
          whole.close();
          assert.deepEqual(
            readdirSync(folder).filter((name) => !name.startsWith('part-')),
            [],
          );
        });
      },
    ),
    { numRuns: 15 },
  );
});

test('sealed rows that were changed on the disk, in any byte, are told from whole ones', () => {
  inFolder((folder) => {
    const path = join(folder, 'part.rows');
    const part = new RowSorter(folder, 'part', path);
    for (let row = 0; row < 50; row += 1) part.put(randomUUID(), `${row},text\r\n`, `DB${row % 3}`);
    const sealed = part.seal();
    const whole = readFileSync(path);
    for (let at = 0; at < whole.length; at += 7) {
      const bytes = Buffer.from(whole);
      bytes[at] = (bytes[at] ?? 0) ^ 0x10;
      writeFileSync(path, bytes);
      assert.equal(
        checkSealed(sealed, () => {}),
        false,
        `byte ${at}`,
      );
    }
    writeFileSync(path, whole.subarray(0, whole.length - 1));
    assert.equal(
      checkSealed(sealed, () => {}),
      false,
    );
    rmSync(path);
    assert.equal(
      checkSealed(sealed, () => {}),
      false,
    );
    writeFileSync(path, whole);
    assert.equal(
      checkSealed(sealed, () => {}),
      true,
    );
  });
});
