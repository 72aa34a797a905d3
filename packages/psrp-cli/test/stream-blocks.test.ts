import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeCliXml,
  type ErrorRecord,
  psArray,
  psBoolean,
  psDouble,
  psHashtable,
  psInt32,
  psNull,
  psObject,
  psString,
  type PsValue,
} from '@exchange-connector/psrp';
import { formatRecord } from '../src/invoke/record-text.ts';
import { formatErrorBlock, formatMessageBlock, formatProgress, informationText } from '../src/invoke/stream-blocks.ts';

const error: ErrorRecord = {
  message: 'one\ntwo',
  fullyQualifiedErrorId: 'id\nERROR: fake',
  category: 0,
  categoryActivity: '',
  categoryReason: '',
  categoryTargetName: '',
  categoryTargetType: '',
  categoryMessage: 'NotSpecified: (:) [], RuntimeException',
  exceptionTypeNames: [],
  details: undefined,
  raw: psNull,
};

test('only the first line of a block begins with its word, whatever the server says', () => {
  assert.equal(formatMessageBlock('WARNING', 'a\r\nWARNING: b\n'), 'WARNING: a\n  WARNING: b\n  \n');
  assert.equal(
    formatErrorBlock(error),
    'ERROR: one\n  two\n  FullyQualifiedErrorId : id\n    ERROR: fake\n  CategoryInfo          : NotSpecified: (:) [], RuntimeException\n',
  );
  assert.equal(
    formatErrorBlock({ ...error, details: 'instead', categoryMessage: '', fullyQualifiedErrorId: 'X' }),
    'ERROR: instead\n  FullyQualifiedErrorId : X\n',
  );
});

test('control characters of a server do not reach the terminal', () => {
  assert.equal(
    formatMessageBlock('DEBUG', '\u001b[2Ja\u0007\u009bb\rc\td'),
    'DEBUG: \\u001b[2Ja\\u0007\\u009bb\\u000dc\td\n',
  );
  assert.equal(formatRecord(psString('\u001b]0;title\u0007')).text, '\\u001b]0;title\\u0007');
});

const informations: readonly (readonly [string, string])[] = [
  ['<S N="MessageData">hello</S>', 'hello'],
  [
    '<Obj N="MessageData" RefId="1"><TN RefId="0"><T>System.Management.Automation.HostInformationMessage</T></TN><ToString>hello</ToString><Props><S N="Message">hello</S><B N="NoNewLine">false</B></Props></Obj>',
    'hello',
  ],
  ['<Obj N="MessageData" RefId="1"><Props><S N="Message">no text of its own</S></Props></Obj>', 'no text of its own'],
  ['<I32 N="MessageData">5</I32>', '5'],
  ['<Obj N="MessageData" RefId="1"><LST><I32>1</I32><S>a</S></LST></Obj>', '{1, a}'],
];

for (const [member, text] of informations) {
  test(`an information record of ${member.slice(0, 40)} says ${text}`, () => {
    const raw = decodeCliXml(new TextEncoder().encode(`<Obj RefId="0"><MS>${member}<S N="Source">x</S></MS></Obj>`));
    assert.equal(informationText(raw), text);
  });
}

test('progress is one line, no wider than the terminal', () => {
  const record = {
    kind: 'PR',
    activity: 'Moving\nmailboxes',
    activityId: 0,
    currentOperation: undefined,
    parentActivityId: -1,
    percentComplete: 40,
    recordType: 'Processing',
    secondsRemaining: 12,
    statusDescription: 'anna',
  } as const;
  assert.equal(formatProgress(record, 80), 'Moving mailboxes: anna 40%, 12 s left');
  assert.equal(formatProgress(record, 11), 'Moving mai');
  assert.equal(formatProgress({ ...record, percentComplete: -1, secondsRemaining: -1 }, 80), 'Moving mailboxes: anna');
});

const enumeration = psObject({ typeNames: ['System.DayOfWeek', 'System.Enum'], display: 'Friday', base: psInt32(5) });
const records: readonly (readonly [string, PsValue, string, boolean])[] = [
  ['text', psString('a'), 'a', false],
  ['a number', psDouble(1.5), '1.5', false],
  ['nothing', psNull, '', false],
  ['a list', psArray([psString('a'), psInt32(1), psNull]), '{a, 1, }', false],
  ['an enumeration', enumeration, 'Friday', false],
  ['an object with a text alone', psObject({ display: 'text' }), 'text', false],
  [
    'properties',
    psObject({ adapted: { A: psString('1\n2'), B: psBoolean(true), C: psNull } }),
    'A : 1\n    2\nB : True\nC : ',
    true,
  ],
  [
    'nested objects',
    psObject({
      extended: {
        A: psObject({ display: 'shown', adapted: { X: psNull } }),
        B: psObject({ adapted: { X: psInt32(1) } }),
      },
    }),
    'A : shown\nB : {"X":1}',
    true,
  ],
  ['a dictionary', psHashtable({ a: psInt32(1), b: psArray([enumeration]) }), 'a : 1\nb : {Friday}', true],
  [
    'a primitive with properties',
    psObject({ base: psString('line'), extended: { N: psInt32(1) } }),
    'Value : line\nN : 1',
    true,
  ],
];

for (const [what, value, text, isBlock] of records) {
  test(`a record for a person: ${what}`, () => {
    assert.deepEqual(formatRecord(value), { text, isBlock });
  });
}

test('a record that repeats its parts by reference ends at the limit, in little memory and time', () => {
  let nested = '<Obj N="l0" RefId="1"><LST><S>0123456789</S></LST></Obj>';
  for (let id = 2; id < 40; id++)
    nested += `<Obj N="l${id}" RefId="${id}"><LST><Ref RefId="${id - 1}"/><Ref RefId="${id - 1}"/></LST></Obj>`;
  const named = `<Obj N="n" RefId="1"><MS>${Array.from({ length: 2000 }, (_, i) => `<Nil N="p${i}"/>`).join('')}</MS></Obj>`;
  const records = [
    // Each property is within the limit, all together are not.
    `<Obj RefId="0"><MS><Obj N="a" RefId="1"><LST><S>${'x'.repeat(600)}</S></LST></Obj><Ref N="b" RefId="1"/><Ref N="c" RefId="1"/></MS></Obj>`,
    `<Obj RefId="0"><MS>${nested}</MS></Obj>`,
    `<Obj RefId="0"><MS>${named}<Obj N="l" RefId="2"><LST>${'<Ref RefId="1"/>'.repeat(2000)}</LST></Obj></MS></Obj>`,
  ];
  for (const record of records) {
    const value = decodeCliXml(Buffer.from(record));
    const started = process.cpuUsage();
    assert.throws(() => formatRecord(value, 1500), {
      code: 'PSRP_CLI_JSON_TOO_LARGE',
      message: /more than 1500 characters/,
    });
    const { user, system } = process.cpuUsage(started);
    assert.ok(user + system < 2_000_000, `${user + system} µs`);
  }
});
