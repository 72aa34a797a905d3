import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import fc from 'fast-check';
import { ChainedFile, chainStart, readChainedFile } from '../../../src/fulfill/native/chained-file.ts';

const start = { number: 0, hash: chainStart };

function place(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'chained-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'journal.jsonl');
}

/** Three lines, as bytes. */
function threeLines(path: string): Buffer {
  rmSync(path, { force: true });
  const file = new ChainedFile(path, start, 0);
  file.add([{ kind: 'a', text: 'één "quoted", line\n end' }]);
  file.add([
    { kind: 'b', previousWord: ',"hash":"' },
    { kind: 'c', list: [1, null, 'x'] },
  ]);
  return readFileSync(path);
}

test('lines that were added are read back, whatever they hold', (context) => {
  const path = place(context);
  fc.assert(
    fc.property(
      fc.array(fc.array(fc.record({ kind: fc.string(), value: fc.jsonValue() }), { maxLength: 3 })),
      (writes) => {
        rmSync(path, { force: true });
        const file = new ChainedFile(path, start, 0);
        for (const values of writes) file.add(values);
        const wanted = writes.flat();
        const reading = readChainedFile<{ kind: string; value: unknown }>(path, start);
        const read = (reading?.lines ?? []).map(({ value }) => ({ kind: value.kind, value: value.value }));
        assert.deepEqual(read, JSON.parse(JSON.stringify(wanted)));
        assert.equal(reading?.damage, undefined);
        assert.equal(file.last.number, wanted.length);
      },
    ),
    { numRuns: 40 },
  );
});

test('a file cut at any byte is read up to its last whole line, and goes on from there', (context) => {
  const path = place(context);
  const bytes = threeLines(path);
  for (let length = 0; length <= bytes.length; length += 1) {
    const cut = bytes.subarray(0, length);
    writeFileSync(path, cut);
    const reading = readChainedFile<{ kind: string }>(path, start);
    const whole = cut.toString('latin1').split('\n').length - 1;
    assert.equal(reading?.damage, undefined);
    assert.equal(reading?.lines.length, whole);
    assert.equal(reading?.torn, length > 0 && bytes[length - 1] !== 0x0a);
    // Going on writes through to the disk, which takes its time: at each end of a line and around it, and now and then.
    if (length % 11 !== 0 && !bytes.subarray(Math.max(0, length - 2), length + 1).includes(0x0a)) continue;
    const last = reading?.lines.at(-1) ?? start;
    new ChainedFile(path, last, reading?.wholeBytes ?? 0).add([{ kind: 'next' }]);
    const again = readChainedFile<{ kind: string }>(path, start);
    assert.equal(again?.damage, undefined);
    assert.deepEqual(
      again?.lines.map(({ value }) => value.kind),
      [...['a', 'b', 'c'].slice(0, whole), 'next'],
    );
  }
});

test('a byte that was changed, a line that was left out or moved, is found, and its place is named', (context) => {
  const path = place(context);
  const bytes = threeLines(path);
  for (let at = 0; at < bytes.length - 1; at += 3) {
    const changed = Buffer.from(bytes);
    changed[at] = (changed[at] ?? 0) ^ 1;
    writeFileSync(path, changed);
    const line = bytes.subarray(0, at).toString('latin1').split('\n').length;
    const found = readChainedFile(path, start)?.damage?.line;
    // An end of line that became something else makes one line of two.
    assert.equal(found, line, `byte ${at}`);
  }
  const [first, second, third] = bytes.toString('utf8').split('\n');
  for (const [text, line] of [
    [`${second}\n${third}\n`, 1],
    [`${first}\n${third}\n`, 2],
    [`${first}\n${third}\n${second}\n`, 2],
    [`${first}\n${first}\n`, 2],
    [`${first}\n\n${second}\n`, 2],
    [`\0\0\0\n`, 1],
  ] as const) {
    writeFileSync(path, text);
    assert.equal(readChainedFile(path, start)?.damage?.line, line);
  }
});

test('lines that are gone from the end are not found by the file alone: this is what the head is for', (context) => {
  const path = place(context);
  const [first] = threeLines(path).toString('utf8').split('\n');
  writeFileSync(path, `${first}\n`);
  assert.equal(readChainedFile(path, start)?.damage, undefined);
});
