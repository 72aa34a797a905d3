/* Values of every primitive and container of CLIXML, each made here and, by its PowerShell text, in the real engine. */
import {
  psArray,
  psBoolean,
  psDouble,
  psHashtable,
  psInt32,
  psInt64,
  psNull,
  psObject,
  psString,
  type PsObject,
  type PsValue,
} from '@exchange-connector/psrp';
import type { TwinValue } from './scenario.ts';

export type NamedValue = readonly [name: string, ours: PsValue, real: string];

export const twin = (ours: PsValue, real: string): TwinValue => ({ ours, real });

const everyUnit = String.fromCharCode(...Array.from({ length: 0x8000 }, (_, unit) => unit)).concat(
  String.fromCharCode(...Array.from({ length: 0x8000 }, (_, unit) => unit + 0x8000)),
);

export const primitives: readonly NamedValue[] = [
  ['an empty string', psString(''), "''"],
  ['a string of odd text', psString('a\n_x000A_ \u2028 \u{1F600}"<&>\''), '"a`n_x000A_ `u{2028} `u{1F600}`"<&>\'"'],
  ['a string of every UTF-16 code unit', psString(everyUnit), '-join [char[]](0..65535)'],
  ['a string that looks escaped', psString('_x0041_ _X0041_ __x_ _x005F_'), "'_x0041_ _X0041_ __x_ _x005F_'"],
  ['a string of blanks', psString('  \t\r\n '), '"  `t`r`n "'],
  ['a char', { kind: 'C', value: 'x' }, "[char]'x'"],
  ['a char that is half a surrogate pair', { kind: 'C', value: '\ud83d' }, '[char]0xD83D'],
  ['true', psBoolean(true), '$true'],
  ['false', psBoolean(false), '$false'],
  ['the least Int32', psInt32(-2147483648), '[int]::MinValue'],
  ['the greatest Int32', psInt32(2147483647), '[int]::MaxValue'],
  ['the least Int64', psInt64(-(2n ** 63n)), '[long]::MinValue'],
  ['an Int64 that no double holds', psInt64(9007199254740993n), '9007199254740993L'],
  ['the greatest UInt64', { kind: 'U64', value: 2n ** 64n - 1n }, '[ulong]::MaxValue'],
  ['the greatest UInt32', { kind: 'U32', value: 4294967295 }, '[uint]::MaxValue'],
  ['the least Int16', { kind: 'I16', value: -32768 }, '[short]::MinValue'],
  ['the greatest UInt16', { kind: 'U16', value: 65535 }, '[ushort]::MaxValue'],
  ['the greatest Byte', { kind: 'By', value: 255 }, '[byte]::MaxValue'],
  ['the least SByte', { kind: 'SB', value: -128 }, '[sbyte]::MinValue'],
  ['a double', psDouble(0.1), '0.1'],
  ['the smallest double', psDouble(5e-324), '[double]::Epsilon'],
  ['the greatest double', psDouble(Number.MAX_VALUE), '[double]::MaxValue'],
  ['minus zero', psDouble(-0), '[double]::NegativeZero'],
  ['a double that is no number', psDouble(Number.NaN), '[double]::NaN'],
  ['infinity', psDouble(Number.POSITIVE_INFINITY), '[double]::PositiveInfinity'],
  ['minus infinity', psDouble(Number.NEGATIVE_INFINITY), '[double]::NegativeInfinity'],
  ['a single', { kind: 'Sg', value: Math.fround(0.1) }, '[float]0.1'],
  ['the greatest single', { kind: 'Sg', value: 3.4028234663852886e38 }, '[float]::MaxValue'],
  ['a single of nine digits', { kind: 'Sg', value: 123456789 }, '[float]123456789'],
  ['a single with an exponent', { kind: 'Sg', value: 1e9 }, '[float]1e9'],
  ['a double of seventeen digits', psDouble(1.5e16), '1.5e16'],
  ['a double with an exponent', psDouble(1e17), '1e17'],
  ['a small double', psDouble(0.0001), '0.0001'],
  ['a double of a negative exponent', psDouble(0.000099), '0.000099'],
  ['a single that is no number', { kind: 'Sg', value: Number.NaN }, '[float]::NaN'],
  ['a decimal with a zero at its end', { kind: 'D', value: '1.50' }, "[decimal]::Parse('1.50')"],
  ['the greatest decimal', { kind: 'D', value: '79228162514264337593543950335' }, '[decimal]::MaxValue'],
  [
    'a GUID',
    { kind: 'G', value: '00112233-4455-6677-8899-aabbccddeeff' },
    "[guid]'00112233-4455-6677-8899-aabbccddeeff'",
  ],
  ['a UTC time', { kind: 'DT', value: '2024-05-01T10:00:00.1234567Z' }, "[datetime]::new(638501544001234567, 'Utc')"],
  ['a time of no zone', { kind: 'DT', value: '2024-02-29T23:59:59' }, '[datetime]::new(2024, 2, 29, 23, 59, 59)'],
  ['the first time', { kind: 'DT', value: '0001-01-01T00:00:00' }, '[datetime]::MinValue'],
  ['the last time', { kind: 'DT', value: '9999-12-31T23:59:59.9999999' }, '[datetime]::MaxValue'],
  ['a time span', { kind: 'TS', value: 'P9DT8H7M6.005S' }, '[timespan]::new(9, 8, 7, 6, 5)'],
  ['no time', { kind: 'TS', value: 'PT0S' }, '[timespan]::Zero'],
  ['the longest time back', { kind: 'TS', value: '-P10675199DT2H48M5.4775808S' }, '[timespan]::MinValue'],
  ['a version of two parts', { kind: 'Version', value: '15.1' }, "[version]'15.1'"],
  ['a version of four parts', { kind: 'Version', value: '15.1.2.3' }, "[version]'15.1.2.3'"],
  [
    'an address',
    { kind: 'URI', value: 'https://example.com/a_x0041_b?q=ü' },
    "[uri]'https://example.com/a_x0041_b?q=ü'",
  ],
  ['bytes', { kind: 'BA', value: new Uint8Array([0, 1, 2, 253, 254, 255]) }, '[byte[]](0, 1, 2, 253, 254, 255)'],
  ['no bytes', { kind: 'BA', value: new Uint8Array(0) }, '[byte[]]::new(0)'],
  ['an XML document', { kind: 'XD', value: '<a b="1">x_x0041_</a>' }, '[xml]\'<a b="1">x_x0041_</a>\''],
  ['a script block', { kind: 'SBK', value: ' "<$a & _x0041_>" ' }, '{ "<$a & _x0041_>" }'],
  [
    'a progress record',
    {
      kind: 'PR',
      activity: 'act',
      activityId: 3,
      currentOperation: undefined,
      parentActivityId: -1,
      percentComplete: -1,
      recordType: 'Processing',
      secondsRemaining: -1,
      statusDescription: 'stat',
    },
    "[Management.Automation.ProgressRecord]::new(3, 'act', 'stat')",
  ],
];

const listOf = (typeNames: readonly string[], items: readonly PsValue[]): PsObject =>
  psObject({ typeNames: [...typeNames, 'System.Object'], base: { kind: 'LST', items } });

function nestedArrays(levels: number): PsValue {
  let value: PsValue = psString('bottom');
  for (let level = 0; level < levels; level += 1) value = psArray([value]);
  return value;
}

const customTypeNames = ['System.Management.Automation.PSCustomObject', 'System.Object'];

export const customObject = (extended: Readonly<Record<string, PsValue>>): PsObject =>
  psObject({ typeNames: customTypeNames, extended });

function nestedObjects(levels: number): PsValue {
  let value = customObject({ End: psString('end') });
  for (let level = 0; level < levels; level += 1) value = customObject({ Next: value });
  return value;
}

function tableInItself(): PsValue {
  const entries: { key: PsValue; value: PsValue }[] = [];
  const table = psObject({
    typeNames: ['System.Collections.Hashtable', 'System.Object'],
    base: { kind: 'DCT', entries },
  });
  entries.push({ key: psString('self'), value: table });
  return table;
}

function objectInItself(): PsValue {
  const object = customObject({ Name: psString('round') });
  object.extended = [...object.extended, { name: 'Self', value: object }];
  return object;
}

function sharedObject(): PsValue {
  const shared = customObject({ Name: psString('shared') });
  return psArray([shared, shared, psHashtable({ again: shared })]);
}

const notedString = psObject({
  base: psString('a line'),
  extended: { Note: psString('x'), Number: psInt64(1n) },
});

export const containers: readonly NamedValue[] = [
  [
    'an array of many kinds',
    psArray([psInt32(1), psString('two'), psNull, psDouble(3.5), psArray([psBoolean(true)])]),
    "1, 'two', $null, 3.5, @($true)",
  ],
  ['an empty array', psArray([]), '[object[]]::new(0)'],
  ['an array of numbers', listOf(['System.Int32[]', 'System.Array'], [1, 2, 3].map(psInt32)), '[int[]](1, 2, 3)'],
  [
    'an array of strings',
    listOf(['System.String[]', 'System.Array'], [psString('a'), psString('')]),
    "[string[]]('a', '')",
  ],
  [
    'an ArrayList',
    listOf(['System.Collections.ArrayList'], [psInt32(1), psString('b')]),
    "[Collections.ArrayList]@(1, 'b')",
  ],
  ['arrays nested 40 deep', nestedArrays(40), "'bottom'\nfor ($i = 0; $i -lt 40; $i++) { $v = @(, $v) }"],
  ['a hashtable', psHashtable({ Add: psString('smtp:a@b') }), "@{ Add = 'smtp:a@b' }"],
  ['an empty hashtable', psHashtable({}), '@{}'],
  [
    'a hashtable with an array',
    psHashtable({ Remove: psArray([psString('x'), psString('y')]) }),
    "@{ Remove = 'x', 'y' }",
  ],
  [
    'a hashtable with a number as key',
    psHashtable([[psInt32(1), psHashtable({ in: psNull })]]),
    '@{ 1 = @{ in = $null } }',
  ],
  [
    'an ordered dictionary',
    psObject({
      typeNames: ['System.Collections.Specialized.OrderedDictionary', 'System.Object'],
      base: {
        kind: 'DCT',
        entries: ['z', 'a', '10', '2'].map((key, index) => ({ key: psString(key), value: psInt32(index) })),
      },
    }),
    "[ordered]@{ z = 0; a = 1; '10' = 2; '2' = 3 }",
  ],
  [
    'a stack',
    psObject({
      typeNames: ['System.Collections.Stack', 'System.Object'],
      base: { kind: 'STK', items: [3, 2, 1].map(psInt32) },
    }),
    '[Collections.Stack]::new(@(1, 2, 3))',
  ],
  [
    'a queue',
    psObject({
      typeNames: ['System.Collections.Queue', 'System.Object'],
      base: { kind: 'QUE', items: [1, 2, 3].map(psInt32) },
    }),
    '[Collections.Queue]::new(@(1, 2, 3))',
  ],
  [
    'an enumerable that is no list',
    psObject({
      typeNames: ['Oracle.Scenarios+OnlyEnumerable', 'System.Object'],
      base: { kind: 'IE', items: [psInt32(1), psString('two'), psNull] },
      adapted: [{ name: 'Label', value: psString('label') }],
    }),
    '[Oracle.Scenarios+OnlyEnumerable]::new()',
  ],
  [
    'a custom object',
    customObject({ b_x0042_: psInt32(1), 'a<"&\'>': psNull, '10': psString('ten') }),
    "[pscustomobject][ordered]@{ '10' = 'ten'; b_x0042_ = 1; 'a<\"&''>' = $null }",
  ],
  [
    'custom objects nested 20 deep',
    nestedObjects(20),
    "[pscustomobject]@{ End = 'end' }\nfor ($i = 0; $i -lt 20; $i++) { $v = [pscustomobject]@{ Next = $v } }",
  ],
  ['a hashtable in itself', tableInItself(), '@{}\n$v.self = $v'],
  ['an object in itself', objectInItself(), "[pscustomobject]@{ Name = 'round'; Self = $null }\n$v.Self = $v"],
  [
    'an object met three times',
    sharedObject(),
    "[pscustomobject]@{ Name = 'shared' }\n$v = @($v, $v, @{ again = $v })",
  ],
  [
    'an enumeration',
    psObject({
      typeNames: ['System.DayOfWeek', 'System.Enum', 'System.ValueType', 'System.Object'],
      display: 'Friday',
      base: psInt32(5),
    }),
    '[DayOfWeek]::Friday',
  ],
  [
    'a string with notes',
    notedString,
    "[psobject]::AsPSObject('a line')\n$v.psobject.Properties.Add([psnoteproperty]::new('Note', 'x'))\n$v.psobject.Properties.Add([psnoteproperty]::new('Number', 1L))",
  ],
];
