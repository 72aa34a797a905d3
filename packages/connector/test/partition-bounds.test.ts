import assert from 'node:assert/strict';
import { test } from 'node:test';
import { cut } from '../src/partition/partition-plan.ts';

test('bounds of parts are letters and digits alone: no quotation mark of any kind ends the text of a filter', () => {
  const quotes = ['\u2018', '\u2019', '\u201a', '\u201b', '\u201c', '\u201d', '\u300c', '\uff07', "'", '"'];
  const stems = ['В', 'Наталя', '山田', 'Łuk', 'ann'];
  const names = stems.flatMap((stem) => quotes.flatMap((quote) => [`${stem}${quote}ячеслав`, `${quote}${stem}`]));
  const parts = cut({ selection: 0, database: undefined, count: 1_000, names }, 50);
  assert.ok(parts.length > 3, `${parts.length} parts: the test is blind`);
  for (const { from } of parts.slice(1)) assert.match(from ?? '', /^[\p{L}\p{M}\p{N} ]+$/u);
});
