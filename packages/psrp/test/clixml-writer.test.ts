import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import {
  decodeCliXml,
  decodeCliXmlFile,
  encodeCliXml,
  encodeCliXmlDocument,
  type Guid,
  property,
  psArray,
  psBoolean,
  psDouble,
  PsrpError,
  psGuid,
  psHashtable,
  psInt32,
  psInt64,
  psNull,
  type PsObject,
  psObject,
  psString,
  type PsValue,
  textOf,
} from '@exchange-connector/psrp';
import fc from 'fast-check';
import { anyPsValue } from './any-ps-value.ts';

function write(value: PsValue): string {
  return Buffer.from(encodeCliXml(value)).toString('utf8');
}

describe('a value', () => {
  const cases: [string, PsValue, string][] = [
    ['$null', psNull, '<Nil />'],
    ['a string', psString('a<b>&"\''), `<S>a&lt;b&gt;&amp;"'</S>`],
    ['an empty string', psString(''), '<S></S>'],
    ['controls', psString('\0\t\r\n\x7f\x85\x9f\xa0'), '<S>_x0000__x0009__x000D__x000A__x007F__x0085__x009F_\xa0</S>'],
    ['what looks like an escape', psString('_x0041_ _X __x _y'), '<S>_x005F_x0041_ _x005F_X __x005F_x _y</S>'],
    ['characters outside the basic plane', psString('😀'), '<S>_xD83D__xDE00_</S>'],
    ['half a surrogate pair', psString('\ude00'), '<S>_xDE00_</S>'],
    ['noncharacters', psString('\ufffe\uffff'), '<S>&#xFFFE;&#xFFFF;</S>'],
    ['line separators', psString('\u2028'), '<S>\u2028</S>'],
    ['a Boolean', psBoolean(true), '<B>true</B>'],
    ['an integer', psInt32(-5), '<I32>-5</I32>'],
    ['a long', psInt64(2n ** 63n - 1n), '<I64>9223372036854775807</I64>'],
    ['a double', psDouble(0.1), '<Db>0.1</Db>'],
    ['a large double', psDouble(1e300), '<Db>1E+300</Db>'],
    ['a small double', psDouble(1.5e-7), '<Db>1.5E-07</Db>'],
    ['a double before the exponent', psDouble(1.5e16), '<Db>15000000000000000</Db>'],
    ['a double with an exponent', psDouble(1e17), '<Db>1E+17</Db>'],
    ['a single', { kind: 'Sg', value: Math.fround(0.1) }, '<Sg>0.1</Sg>'],
    ['a single of nine digits', { kind: 'Sg', value: 123456789 }, '<Sg>123456790</Sg>'],
    ['a single with an exponent', { kind: 'Sg', value: 1e9 }, '<Sg>1E+09</Sg>'],
    ['a single that is minus zero', { kind: 'Sg', value: -0 }, '<Sg>-0</Sg>'],
    ['minus zero', psDouble(-0), '<Db>-0</Db>'],
    ['no number', psDouble(Number.NaN), '<Db>NaN</Db>'],
    ['minus infinity', psDouble(Number.NEGATIVE_INFINITY), '<Db>-INF</Db>'],
    ['a character', { kind: 'C', value: '\ud83d' }, '<C>55357</C>'],
    ['a GUID', psGuid('00112233-4455-6677-8899-aabbccddeeff' as Guid), '<G>00112233-4455-6677-8899-aabbccddeeff</G>'],
    ['bytes', { kind: 'BA', value: Uint8Array.of(0, 255, 1, 2) }, '<BA>AP8BAg==</BA>'],
    ['no bytes', { kind: 'BA', value: new Uint8Array() }, '<BA />'],
    ['a secure string', { kind: 'SS', protectedText: () => 'AAA=' }, '<SS>AAA=</SS>'],
    [
      'an array',
      psArray([psString('a'), psNull]),
      '<Obj RefId="0"><TN RefId="0"><T>System.Object[]</T><T>System.Array</T><T>System.Object</T></TN><LST><S>a</S><Nil /></LST></Obj>',
    ],
    ['an object of no text', psObject({ display: '' }), '<Obj RefId="0"><ToString /></Obj>'],
    ['a bare list', { kind: 'LST', items: [] }, '<Obj RefId="0"><LST /></Obj>'],
    [
      'a hashtable',
      psHashtable({ Add: psString('smtp:a@b'), Remove: psArray([]) }),
      '<Obj RefId="0"><TN RefId="0"><T>System.Collections.Hashtable</T><T>System.Object</T></TN><DCT><En><S N="Key">Add</S><S N="Value">smtp:a@b</S></En><En><S N="Key">Remove</S><Obj N="Value" RefId="1"><TN RefId="1"><T>System.Object[]</T><T>System.Array</T><T>System.Object</T></TN><LST /></Obj></En></DCT></Obj>',
    ],
    [
      'a hashtable of pairs',
      psHashtable([[psInt32(1), psNull]]),
      '<Obj RefId="0"><TN RefId="0"><T>System.Collections.Hashtable</T><T>System.Object</T></TN><DCT><En><I32 N="Key">1</I32><Nil N="Value" /></En></DCT></Obj>',
    ],
    [
      'an object with everything',
      psObject({
        typeNames: ['My.T', 'System.Object'],
        display: 'd_x',
        base: psInt32(1),
        adapted: { a: psNull },
        extended: [{ name: 'set', members: [{ name: 'b"', value: psBoolean(false) }] }],
      }),
      '<Obj RefId="0"><TN RefId="0"><T>My.T</T><T>System.Object</T></TN><ToString>d_x005F_x</ToString><I32>1</I32><Props><Nil N="a" /></Props><MS><MS N="set"><B N="b&quot;">false</B></MS></MS></Obj>',
    ],
  ];
  for (const [name, value, text] of cases)
    test(`${name} is written as the real serializer writes it`, () => assert.equal(write(value), text));

  test('shared and cyclic objects are written once, type names too', () => {
    const shared = psObject({ typeNames: ['T'], extended: { n: psInt32(1) } });
    const cycle: PsObject = psObject({ typeNames: ['T'], extended: { first: shared, second: shared } });
    cycle.extended = [...cycle.extended, { name: 'self', value: cycle }];
    assert.equal(
      write(cycle),
      '<Obj RefId="0"><TN RefId="0"><T>T</T></TN><MS><Obj N="first" RefId="1"><TNRef RefId="0" /><MS><I32 N="n">1</I32></MS></Obj><Ref N="second" RefId="1" /><Ref N="self" RefId="0" /></MS></Obj>',
    );
  });

  test('a file shares objects over its values', () => {
    const shared = psObject({ display: 'x' });
    const text = Buffer.from(encodeCliXmlDocument([shared, psString('é'), shared])).toString('utf8');
    assert.equal(
      text,
      '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04"><Obj RefId="0"><ToString>x</ToString></Obj><S>é</S><Ref RefId="0" /></Objs>',
    );
    const [first, , third] = [...decodeCliXmlFile(Buffer.from(text))];
    assert.equal(first, third);
  });

  test('that PowerShell would not read is refused', () => {
    const loop: PsObject = psObject({});
    loop.base = loop;
    const refused: [PsValue, string][] = [
      [{ kind: 'I32', value: 2_147_483_648 }, 'PSRP_ARGUMENT_INVALID'],
      [{ kind: 'By', value: 1.5 }, 'PSRP_ARGUMENT_INVALID'],
      [{ kind: 'U64', value: -1n }, 'PSRP_ARGUMENT_INVALID'],
      [{ kind: 'C', value: '😀' }, 'PSRP_ARGUMENT_INVALID'],
      [psHashtable([[psNull, psNull]]), 'PSRP_ARGUMENT_INVALID'],
      [psObject({ extended: { '': psNull } }), 'PSRP_ARGUMENT_INVALID'],
      [{ kind: 'DT', value: '2024\n' }, 'PSRP_ARGUMENT_INVALID'],
      [{ kind: 'G', value: '' }, 'PSRP_ARGUMENT_INVALID'],
      [loop, 'PSRP_LIMIT_EXCEEDED'],
    ];
    for (const [value, code] of refused) {
      assert.throws(
        () => encodeCliXml(value),
        (error) => error instanceof PsrpError && error.code === code,
      );
    }
    assert.throws(() => psInt32(1.5), RangeError);
    assert.throws(() => psInt64(2n ** 63n), RangeError);
  });

  test('is read back the same, whatever it is', () => {
    /** What the reader adds: ids, empty lists, an object around a bare container. */
    const plain = (value: PsValue, open: readonly PsValue[] = []): unknown => {
      if (open.includes(value)) return `the ${open.length - open.indexOf(value)}th above`;
      const inside = [...open, value];
      switch (value.kind) {
        case 'Obj':
          return {
            types: value.typeNames,
            display: value.display,
            base: value.base === undefined ? undefined : container(value.base, inside),
            adapted: value.adapted.map(({ name, value: one }) => [name, plain(one, inside)]),
            extended: value.extended.map((member) =>
              'value' in member ? [member.name, plain(member.value, inside)] : member,
            ),
          };
        case 'LST':
        case 'IE':
        case 'STK':
        case 'QUE':
        case 'DCT':
          return { types: undefined, display: undefined, base: container(value, inside), adapted: [], extended: [] };
        default:
          return value;
      }
    };
    const container = (value: PsValue, inside: readonly PsValue[]): unknown => {
      if (value.kind === 'DCT')
        return value.entries.map(({ key, value: one }) => [plain(key, inside), plain(one, inside)]);
      return 'items' in value ? [value.kind, ...value.items.map((item) => plain(item, inside))] : value;
    };
    fc.assert(
      fc.property(anyPsValue(), (value) => {
        assert.deepStrictEqual(plain(decodeCliXml(encodeCliXml(value))), plain(value));
      }),
      { numRuns: 1500 },
    );
  });
});

describe('the text of a value', () => {
  test('is what stands on the wire, an object’s ToString, or what it wraps', () => {
    const cases: [PsValue, string | undefined][] = [
      [psString('x'), 'x'],
      [psBoolean(false), 'false'],
      [psInt64(5n), '5'],
      [psDouble(Number.POSITIVE_INFINITY), 'INF'],
      [{ kind: 'D', value: '1.50' }, '1.50'],
      [psObject({ display: 'shown', base: psInt32(1) }), 'shown'],
      [psObject({ base: psInt32(1) }), '1'],
      [psObject({ extended: { a: psNull } }), undefined],
      [psArray([psString('x')]), undefined],
      [psNull, undefined],
      [{ kind: 'SS', protectedText: () => 'secret' }, undefined],
    ];
    for (const [value, text] of cases) assert.equal(textOf(value), text);
  });

  test('a property is found among the direct ones only', () => {
    const object = psObject({
      adapted: { a: psInt32(1), b: psObject({ adapted: { inner: psNull } }) },
      extended: { a: psNull },
    });
    assert.equal(property(object, 'a'), psNull);
    assert.equal(property(object, 'inner'), undefined);
    assert.equal(property(object, 'A'), undefined);
    assert.equal(property(psString('x'), 'Length'), undefined);
  });
});
