import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  psArray,
  psBoolean,
  psDouble,
  psHashtable,
  psInt32,
  psInt64,
  psNull,
  psString,
} from '@exchange-connector/psrp';
import type { PsValue } from '@exchange-connector/psrp';
import fc from 'fast-check';
import { maxInputDepth, parseJsonInput } from '../src/arguments/json-input.ts';
import { formatJson } from '../src/json/json-value.ts';

const table: readonly (readonly [string, PsValue])[] = [
  ['"text"', psString('text')],
  ['"\\u00e9\\ud83d\\ude00\\ud800\\n"', psString('é😀\ud800\n')],
  ['"\\\\"', psString('\\')],
  ['5', psInt32(5)],
  ['-2147483648', psInt32(-2147483648)],
  ['2147483648', psInt64(2147483648n)],
  ['9007199254740993', psInt64(9007199254740993n)],
  ['-9223372036854775808', psInt64(-9223372036854775808n)],
  ['9223372036854775808', psDouble(2 ** 63)],
  ['1.0', psInt32(1)],
  ['1e3', psInt32(1000)],
  ['1.5', psDouble(1.5)],
  ['1e300', psDouble(1e300)],
  ['true', psBoolean(true)],
  ['false', psBoolean(false)],
  ['null', psNull],
  [' [1, "a", null, [2]] ', psArray([psInt32(1), psString('a'), psNull, psArray([psInt32(2)])])],
  ['[]', psArray([])],
  ['{}', psHashtable([])],
  [
    '{"10":1,"2":{"b":[true],"__proto__":null}}',
    psHashtable([
      ['10', psInt32(1)],
      [
        '2',
        psHashtable([
          ['b', psArray([psBoolean(true)])],
          ['__proto__', psNull],
        ]),
      ],
    ]),
  ],
];

for (const [text, value] of table) {
  test(`the input line ${text} is sent as ${value.kind}`, () => {
    assert.deepEqual(parseJsonInput(text, 'line 1'), value);
  });
}

test('what JSON.parse refuses is refused, with the line and the character', () => {
  for (const text of [
    '',
    ' ',
    '{',
    '[1',
    '[1,]',
    '{"a":}',
    '{"a" 1}',
    '{a:1}',
    '01',
    '1.',
    '.5',
    '+1',
    "'a'",
    '"a',
    '"\\x"',
    '"\t"',
    'nul',
    '[1]]',
    '1 2',
    '\ufeff1',
    'NaN',
    '"\\',
  ]) {
    assert.throws(() => JSON.parse(text), `JSON.parse takes ${JSON.stringify(text)}`);
    assert.throws(() => parseJsonInput(text, 'line 7'), {
      code: 'PSRP_CLI_INPUT_INVALID',
      message: /^reading line 7 as JSON: at character \d+/,
    });
  }
});

test('a key that stands twice, a number beyond every double and too many levels are refused', () => {
  assert.throws(() => parseJsonInput('{"a":1,"a":2}', 'line 1'), { message: /the key "a" stands twice/ });
  assert.throws(() => parseJsonInput('1e999', 'line 1'), { message: /the number 1e999 is too large/ });
  const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth);
  assert.equal(formatJson(parseJsonInput(nested(maxInputDepth), 'line 1')), nested(maxInputDepth));
  assert.throws(() => parseJsonInput(nested(maxInputDepth + 1), 'line 1'), { message: /more than 48 levels/ });
  assert.throws(() => parseJsonInput('['.repeat(1_000_000), 'line 1'), { message: /more than 48 levels/ });
});

/** What a 64-bit integer beyond 2^53-1 becomes; it is compared by its digits, which a double does not hold. */
function largeIntegersAsText(_: string, value: unknown, context?: { source?: string }): unknown {
  const isLarge =
    typeof value === 'number' && Number.isInteger(value) && !Number.isSafeInteger(value) && Math.abs(value) < 2 ** 63;
  return isLarge && /^-?\d+$/.test(context?.source ?? '') ? context?.source : value;
}

test('any JSON value comes back from CLIXML as it went in', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 5, noUnicodeString: false }), (value) => {
      const back = formatJson(parseJsonInput(JSON.stringify(value), 'line 1'));
      assert.deepEqual(JSON.parse(back), JSON.parse(JSON.stringify(value), largeIntegersAsText));
    }),
  );
});
