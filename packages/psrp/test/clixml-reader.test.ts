import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { existsSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  CliXmlError,
  decodeCliXml,
  decodeCliXmlFile,
  type PsObject,
  type PsValue,
  property,
  textOf,
} from '@exchange-connector/psrp';

function read(text: string): PsValue {
  return decodeCliXml(Buffer.from(text, 'utf8'));
}

function readObject(text: string): PsObject {
  const value = read(text);
  assert.equal(value.kind, 'Obj');
  return value as PsObject;
}

function errorOf(work: () => unknown): CliXmlError {
  try {
    work();
  } catch (error) {
    assert.ok(error instanceof CliXmlError, String(error));
    return error;
  }
  return assert.fail('nothing was thrown');
}

describe('primitives', () => {
  const cases: [string, PsValue][] = [
    ['<Nil />', { kind: 'Nil' }],
    ['<Nil></Nil>', { kind: 'Nil' }],
    ['<B>true</B>', { kind: 'B', value: true }],
    ['<B> 0 </B>', { kind: 'B', value: false }],
    ['<S />', { kind: 'S', value: '' }],
    ['<S>  </S>', { kind: 'S', value: '  ' }],
    ['<C>55357</C>', { kind: 'C', value: '\ud83d' }],
    ['<I32>-2147483648</I32>', { kind: 'I32', value: -2_147_483_648 }],
    ['<I32> +007 </I32>', { kind: 'I32', value: 7 }],
    ['<By>255</By>', { kind: 'By', value: 255 }],
    ['<U64>18446744073709551615</U64>', { kind: 'U64', value: 18_446_744_073_709_551_615n }],
    ['<I64>-9223372036854775808</I64>', { kind: 'I64', value: -9_223_372_036_854_775_808n }],
    ['<Sg>0.1</Sg>', { kind: 'Sg', value: 0.1 }],
    ['<Db>1E+300</Db>', { kind: 'Db', value: 1e300 }],
    ['<Db>NaN</Db>', { kind: 'Db', value: Number.NaN }],
    ['<Db>-INF</Db>', { kind: 'Db', value: Number.NEGATIVE_INFINITY }],
    ['<Db>Infinity</Db>', { kind: 'Db', value: Number.POSITIVE_INFINITY }],
    ['<Db>-0</Db>', { kind: 'Db', value: -0 }],
    ['<D>79228162514264337593543950335</D>', { kind: 'D', value: '79228162514264337593543950335' }],
    ['<G>{00112233-4455-6677-8899-AABBCCDDEEFF}</G>', { kind: 'G', value: '00112233-4455-6677-8899-aabbccddeeff' }],
    ['<BA>AQ ID</BA>', { kind: 'BA', value: Uint8Array.of(1, 2, 3) }],
    ['<BA />', { kind: 'BA', value: new Uint8Array() }],
    ['<DT>2023-03-02T09:14:05.1234567+01:00</DT>', { kind: 'DT', value: '2023-03-02T09:14:05.1234567+01:00' }],
    ['<TS>P9DT8H7M6.005S</TS>', { kind: 'TS', value: 'P9DT8H7M6.005S' }],
    ['<Version>1.2.3.4</Version>', { kind: 'Version', value: '1.2.3.4' }],
    ['<URI>a_x005F_b</URI>', { kind: 'URI', value: 'a_b' }],
    ['<SBK>1_x000A_2</SBK>', { kind: 'SBK', value: '1\n2' }],
    ['<XD>&lt;a/&gt;</XD>', { kind: 'XD', value: '<a/>' }],
  ];
  for (const [text, value] of cases) test(`${text} is read`, () => assert.deepStrictEqual(read(text), value));

  const refused = [
    '<B>True</B>',
    '<B>yes</B>',
    '<C>A</C>',
    '<C>70000</C>',
    '<I32></I32>',
    '<I32>0x5</I32>',
    '<I32>2147483648</I32>',
    '<I32>1,000</I32>',
    '<I32>1.0</I32>',
    '<By>-1</By>',
    '<By>256</By>',
    '<U64>18446744073709551616</U64>',
    '<Db>1,5</Db>',
    '<Db></Db>',
    '<D>1e5</D>',
    '<G>x</G>',
    '<BA>AQI</BA>',
    '<BA>A*==</BA>',
    '<Nil>x</Nil>',
    '<Nil><S>x</S></Nil>',
  ];
  for (const text of refused) {
    test(`${text} is refused`, () => assert.equal(errorOf(() => read(text)).code, 'PSRP_CLIXML_INVALID'));
  }

  test('a SecureString keeps its text behind a function and prints nothing of it', () => {
    const value = read('<SS>c2VjcmV0</SS>');
    assert.equal(value.kind === 'SS' && value.protectedText(), 'c2VjcmV0');
    assert.equal(JSON.stringify(value), '{"kind":"SS"}');
  });

  test('a progress record is read field by field', () => {
    const record = read(
      '<PR><AV>a_x0041_</AV><AI>3</AI><Nil /><PI>-1</PI><PC>40</PC><T>Processing</T><SR>-1</SR><SD>s</SD></PR>',
    );
    assert.deepEqual(record, {
      kind: 'PR',
      activity: 'aA',
      activityId: 3,
      currentOperation: undefined,
      parentActivityId: -1,
      percentComplete: 40,
      recordType: 'Processing',
      secondsRemaining: -1,
      statusDescription: 's',
    });
  });
});

describe('text', () => {
  const cases: [string, string][] = [
    ['_x0041_ _X0041_ _x00000041_ _x0001f600_', 'A A A 😀'],
    ['_x005F_x0041_', '_x0041_'],
    ['__x0041__x0041_', '_AA'],
    ['_x41_ _x0041 _x004_x0041_ _x00110000_ _x004100420043_', '_x41_ _x0041 _x004A _x00110000_ _x004100420043_'],
    ['_xD83D__xDE00_ _xD83D_', '😀 \ud83d'],
    ['&lt;&gt;&amp;&quot;&apos;&amp;lt;', '<>&"\'&lt;'],
    ['&#65;&#x42;&#x0;&#xFFFF;&#xD83D;&#x1F600;', 'AB\0\uffff\ud83d😀'],
    ['_x0041&#x5F;', 'A'],
    ['a\r\nb\rc&#13;', 'a\nb\nc\r'],
    ['a<!-- <b> -->b<![CDATA[<c>&amp;_x0041_]]>d<?e f?>g', 'ab<c>&amp;Adg'],
    ['é李😀\u2028', 'é李😀\u2028'],
  ];
  for (const [wire, text] of cases)
    test(`${JSON.stringify(wire)} says ${JSON.stringify(text)}`, () =>
      assert.deepEqual(read(`<S>${wire}</S>`), { kind: 'S', value: text }));

  test('is decoded in names, type names and ToString alike', () => {
    const object = readObject(
      '<Obj RefId="0"><TN RefId="0"><T>t_x0041_&lt;</T></TN><ToString>s_x000D_</ToString><Props><S N="n_x0041_&quot;">1</S></Props><MS><S N=\'m"\'>2</S></MS></Obj>',
    );
    assert.deepEqual(object.typeNames, ['tA<']);
    assert.equal(object.display, 's\r');
    assert.deepEqual(object.adapted, [{ name: 'nA"', value: { kind: 'S', value: '1' } }]);
    assert.deepEqual(object.extended, [{ name: 'm"', value: { kind: 'S', value: '2' } }]);
  });

  for (const wire of ['&nbsp;', '&', 'a & b', '&#x110000;', '&#;', '&#xZZ;', '&lt', '&amp', '&LT;']) {
    test(`${wire} is refused`, () => assert.equal(errorOf(() => read(`<S>${wire}</S>`)).code, 'PSRP_CLIXML_INVALID'));
  }
});

describe('objects', () => {
  test('hold type names, text, a value, adapted and extended members', () => {
    const object = readObject(
      '<Obj RefId="3"><TN RefId="0"><T>a</T><T>b</T></TN><ToString>t</ToString><LST><S>1</S><Nil /></LST><Props><I32 N="x">1</I32></Props><MS><I32 N="x">2</I32><MS N="set"><S N="inner">3</S></MS></MS></Obj>',
    );
    assert.deepEqual(object, {
      kind: 'Obj',
      refId: 3,
      typeNames: ['a', 'b'],
      display: 't',
      base: { kind: 'LST', items: [{ kind: 'S', value: '1' }, { kind: 'Nil' }] },
      adapted: [{ name: 'x', value: { kind: 'I32', value: 1 } }],
      extended: [
        { name: 'x', value: { kind: 'I32', value: 2 } },
        { name: 'set', members: [{ name: 'inner', value: { kind: 'S', value: '3' } }] },
      ],
    });
    assert.deepEqual(property(object, 'x'), { kind: 'I32', value: 2 });
    assert.equal(property(object, 'inner'), undefined);
    assert.equal(textOf(object), 't');
  });

  test('a string with notes, an enumeration and an object inside an object keep what they wrap', () => {
    const noted = readObject('<Obj RefId="0"><S>line</S><MS><I64 N="ReadCount">1</I64></MS></Obj>');
    assert.deepEqual(noted.base, { kind: 'S', value: 'line' });
    assert.equal(textOf(noted), 'line');
    const nested = readObject(
      '<Obj RefId="0"><Obj RefId="1"><Props><S N="a">1</S><S N="b">2</S></Props></Obj><MS><S N="b">3</S></MS></Obj>',
    );
    assert.equal(nested.base?.kind, 'Obj');
    assert.deepEqual(
      ['a', 'b'].map((name) => property(nested, name)),
      [
        { kind: 'S', value: '1' },
        { kind: 'S', value: '3' },
      ],
    );
  });

  test('a dictionary keeps its order and any kind of key', () => {
    const object = readObject(
      '<Obj RefId="0"><DCT><En><S N="Key">10</S><Nil N="Value" /></En><En><I32 N="Key">2</I32><S N="Value">v</S></En></DCT></Obj>',
    );
    assert.deepEqual(object.base, {
      kind: 'DCT',
      entries: [
        { key: { kind: 'S', value: '10' }, value: { kind: 'Nil' } },
        { key: { kind: 'I32', value: 2 }, value: { kind: 'S', value: 'v' } },
      ],
    });
  });

  test('a reference is the very object, enclosing or finished; type names are shared', () => {
    const object = readObject(
      '<Obj RefId="5"><TN RefId="0"><T>t</T></TN><MS><Obj N="a" RefId="6"><TNRef RefId="0" /><MS><Ref N="up" RefId="5" /></MS></Obj><Ref N="b" RefId="6" /><Ref N="c" RefId="5"></Ref></MS></Obj>',
    );
    const inner = property(object, 'a') as PsObject;
    assert.equal(property(inner, 'up'), object);
    assert.equal(property(object, 'b'), inner);
    assert.equal(property(object, 'c'), object);
    assert.equal(inner.typeNames, object.typeNames);
    assert.equal(inner.refId, 6);
  });

  test('an id used again stands for the later object', () => {
    const object = readObject(
      '<Obj RefId="0"><MS><Obj N="a" RefId="1"><S>one</S></Obj><Ref N="b" RefId="1" /><Obj N="c" RefId="1"><S>two</S></Obj><Ref N="d" RefId="1" /></MS></Obj>',
    );
    assert.equal(property(object, 'b'), property(object, 'a'));
    assert.equal(property(object, 'd'), property(object, 'c'));
  });

  test('millions of references to one object cost no more than their text', () => {
    const text = `<Obj RefId="0"><LST>${'<Ref RefId="0" />'.repeat(300_000)}</LST></Obj>`;
    const object = readObject(text);
    assert.equal(object.base?.kind === 'LST' && object.base.items.every((item) => item === object), true);
  });
});

describe('an object that wraps another by reference, as PowerShell writes a PSObject around one that came before', () => {
  test('is that very object, its properties and text included', () => {
    const object = readObject(
      '<Obj RefId="0"><LST><Obj RefId="1"><S>text</S><MS><I32 N="a">1</I32></MS></Obj>' +
        '<Obj RefId="2"><Ref RefId="1" /><MS><I32 N="b">2</I32></MS></Obj></LST></Obj>',
    );
    const items = object.base?.kind === 'LST' ? object.base.items : [];
    const outer = items[1] as PsObject;
    assert.equal(outer.base, items[0]);
    assert.deepEqual(property(outer, 'a'), { kind: 'I32', value: 1 });
    assert.deepEqual(property(outer, 'b'), { kind: 'I32', value: 2 });
    assert.equal(textOf(outer), 'text');
  });

  test('makes no chain that is longer than objects may stand deep', () => {
    let text = '<Obj RefId="0"><S>x</S></Obj>';
    for (let id = 1; id < 5000; id += 1) text += `<Obj RefId="${id}"><Ref RefId="${id - 1}" /></Obj>`;
    const error = errorOf(() => [...decodeCliXmlFile(Buffer.from(text))]);
    assert.equal(error.code, 'PSRP_LIMIT_EXCEEDED');
    assert.match(error.message, /101 deep in one another/);
  });
});

describe('what is no CLIXML', () => {
  const cases: [string, RegExp][] = [
    ['   ', /no value/],
    ['x', /text "x" stands where only elements can stand/],
    ['<Foo>1</Foo>', /"<Foo>1<\/Foo>" is no element of CLIXML/],
    ['<s>x</s>', /is no element/],
    ['<p:S xmlns:p="u">x</p:S>', /is no element/],
    ['<S>x', /ends inside <S>/],
    ['<S>x</B>', /where <\/S> must stand/],
    ['<S>x</S><S>y</S>', /a second value <S>/],
    ['<S>x</S>y', /stands where only elements/],
    ['</S>', /not open/],
    ['<S>a<I32>5</I32></S>', /can hold only text/],
    ['<!DOCTYPE S [<!ENTITY a "b">]><S>&a;</S>', /document type is not allowed/],
    ['<S><!DOCTYPE S></S>', /document type is not allowed/],
    ['<Ref RefId="7" />', /names the object 7, which did not come before it/],
    ['<Obj RefId="0"><TNRef RefId="5" /></Obj>', /names the type names 5/],
    ['<Obj RefId="0"><Ref RefId="0" /></Obj>', /the <Obj> wraps itself/],
    ['<Obj RefId="0"><Obj RefId="1"><Ref RefId="0" /></Obj></Obj>', /the <Obj> wraps itself/],
    [
      '<Obj RefId="0"><MS><Obj N="a" RefId="1"><Ref RefId="0" /></Obj></MS><Obj RefId="2"><Ref RefId="1" /></Obj></Obj>',
      /the <Obj> wraps itself/,
    ],
    ['<Obj RefId="0"><Nil /></Obj>', /<Nil> cannot be what an <Obj> wraps/],
    ['<Obj RefId="0"><S>a</S><S>b</S></Obj>', /a second value <S>/],
    ['<Obj RefId="0"><MS><S>a</S></MS></Obj>', /has no name/],
    ['<Obj RefId="0"><DCT><En><S N="Key">k</S></En></DCT></Obj>', /<En> has no Value/],
    ['<Obj RefId="0"><DCT><S>x</S></DCT></Obj>', /<DCT> can hold only <En>/],
    ['<Obj RefId="0"><TN><S>x</S></TN></Obj>', /<TN> can hold only <T>/],
    ['<Obj RefId="0"><T>x</T></Obj>', /<T> is no value/],
    ['<Obj RefId="x"><S>1</S></Obj>', /no whole number/],
    ['<Obj RefId="1" RefId="2"><S>1</S></Obj>', /stands twice/],
    ['<S N="a" N="b">x</S>', /stands twice/],
    ['<S N=a>x</S>', /cannot stand in a tag/],
    ['<S N="a"B="b">x</S>', /cannot stand in a tag/],
    ['<S N="a<b">x</S>', /an attribute holds </],
    ['<S x="a<b">x</S>', /an attribute holds </],
    ['<S N="a', /ends inside an attribute/],
    ['<S ', /ends inside a tag/],
    ['<Objs><S>x</S></Objs>', /root of a file/],
    ['<PR><AV>a</AV></PR>', /no type/],
  ];
  for (const [text, message] of cases) {
    test(`${text} is refused with its place`, () => {
      const error = errorOf(() => read(text));
      assert.equal(error.code, 'PSRP_CLIXML_INVALID');
      assert.equal(error.recovery, 'skip-item');
      assert.match(error.message, message);
      assert.match(error.message, /^reading CLIXML at offset \d+/);
    });
  }

  test('an error names the path of elements and the offset', () => {
    const text =
      '<Obj RefId="0"><Props><Obj N="Inner" RefId="1"><LST><I32>1</I32><I32>abc</I32></LST></Obj></Props></Obj>';
    const error = errorOf(() => read(text));
    assert.equal(error.offset, text.indexOf('abc'));
    assert.equal(
      error.message,
      `reading CLIXML at offset ${text.indexOf('abc')}, in Obj/Props/Obj[Inner]/LST/I32: "abc" in <I32> is not an integer I32`,
    );
  });

  test('bytes that are no UTF-8 are refused with the offset of the first', () => {
    for (const [bytes, offset] of [
      [[0x3c, 0x53, 0x3e, 0xff, 0x3c], 3],
      [[0x3c, 0x53, 0x3e, 0xc3], 3],
      [[0x3c, 0xc3, 0x28], 1],
      [[...Buffer.from('<S>é</S>'.repeat(999)), 0xed, 0xa0, 0x80], 9 * 999],
    ] as [number[], number][]) {
      const error = errorOf(() => decodeCliXml(Uint8Array.from(bytes)));
      assert.equal(error.code, 'PSRP_CLIXML_INVALID');
      assert.match(error.message, /are not UTF-8/);
      assert.ok(Math.abs(error.offset - offset) <= 2, `${error.offset} for ${offset}`);
    }
  });
});

describe('limits', () => {
  test('stop at the depth, number of values and bytes that the caller allows', () => {
    const nested = (levels: number) =>
      Buffer.from(`${'<Obj><LST>'.repeat(levels)}<Nil />${'</LST></Obj>'.repeat(levels)}`);
    assert.equal(decodeCliXml(nested(99)).kind, 'Obj');
    assert.match(
      errorOf(() => decodeCliXml(nested(100))).message,
      /values stand 101 deep in one another, allowed are 100 \(maxDepth\)/,
    );
    assert.equal(decodeCliXml(nested(4), { maxDepth: 5 }).kind, 'Obj');
    assert.equal(errorOf(() => decodeCliXml(nested(5), { maxDepth: 5 })).code, 'PSRP_LIMIT_EXCEEDED');
    const error = errorOf(() =>
      decodeCliXml(Buffer.from(`<Obj><LST>${'<Nil />'.repeat(10)}</LST></Obj>`), { maxValues: 10 }),
    );
    assert.match(error.message, /more than 10 values in one \(maxValues\)/);
    assert.match(
      errorOf(() => decodeCliXml(Buffer.from('<S>12345</S>'), { maxBytes: 11 })).message,
      /12 bytes, allowed are 11 \(maxBytes\)/,
    );
    assert.equal(decodeCliXml(Buffer.from('<S>12345</S>'), { maxBytes: 12 }).kind, 'S');
  });

  test('that are none are refused', () => {
    for (const limits of [{ maxDepth: 0 }, { maxDepth: 1001 }, { maxValues: 1.5 }, { maxBytes: Number.NaN }]) {
      assert.throws(() => decodeCliXml(Buffer.from('<S />'), limits), RangeError);
    }
  });

  test('of depth can be set to 1,000 without overflowing the stack', () => {
    for (const [open, close] of [
      ['<Obj>', '</Obj>'],
      ['<Obj><LST>', '</LST></Obj>'],
      ['<Obj><DCT><En><Nil N="Key" /><Obj N="Value"><Obj><LST>', '</LST></Obj></Obj></En></DCT></Obj>'],
    ] as const) {
      const depth = open.includes('En') ? 333 : 999;
      const text = `${open.repeat(depth)}${close.repeat(depth)}`;
      assert.equal(decodeCliXml(Buffer.from(text), { maxDepth: 1000 }).kind, 'Obj');
    }
  });

  test('member sets inside one another count', () => {
    const text = `<Obj RefId="0"><MS>${'<MS N="a">'.repeat(150)}${'</MS>'.repeat(150)}</MS></Obj>`;
    assert.equal(errorOf(() => read(text)).code, 'PSRP_LIMIT_EXCEEDED');
  });
});

describe('files', () => {
  const root = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">';
  const content = `${root}\r\n  <Obj RefId="0"><TN RefId="0"><T>té李</T></TN><S>one</S></Obj>\r\n  <Ref RefId="0" />\r\n  <Obj RefId="1"><TNRef RefId="0" /></Obj>\r\n</Objs>\r\n`;
  const utf16be = (text: string) => Buffer.from(text, 'utf16le').swap16();
  const encodings: [string, Buffer][] = [
    ['UTF-8', Buffer.from(content)],
    ['UTF-8 with a byte-order mark', Buffer.from(`\ufeff${content}`)],
    ['UTF-16 little-endian', Buffer.from(`\ufeff${content}`, 'utf16le')],
    ['UTF-16 big-endian', utf16be(`\ufeff${content}`)],
    ['UTF-16 without a mark', Buffer.from(content, 'utf16le')],
    ['UTF-8 with a declaration', Buffer.from(`<?xml version="1.0" encoding="utf-8"?>\n<!-- c -->${content}`)],
  ];
  for (const [name, bytes] of encodings) {
    test(`in ${name} are read, references holding across top-level objects`, () => {
      const [first, second, third, ...rest] = [...decodeCliXmlFile(bytes)];
      assert.equal(rest.length, 0);
      assert.equal(first, second);
      assert.deepEqual((third as PsObject).typeNames, ['té李']);
      assert.equal((third as PsObject).typeNames, (first as PsObject).typeNames);
    });
  }

  test('of bare values are read, one or several', () => {
    assert.deepEqual(
      [...decodeCliXmlFile(Buffer.from('<S>a</S>\n<Obj RefId="0"><S>b</S></Obj><Ref RefId="0" />'))].length,
      3,
    );
  });

  test('without objects give none; without anything they are refused', () => {
    for (const text of [`${root}</Objs>`, '<Objs />']) assert.deepEqual([...decodeCliXmlFile(Buffer.from(text))], []);
    for (const text of ['', ' \n', '<!-- x -->'])
      assert.match(errorOf(() => [...decodeCliXmlFile(Buffer.from(text))]).message, /no value/);
  });

  test('that end early or go on too long are refused', () => {
    for (const text of [`${root}<S>x</S>`, `${root}</Objs><S>x</S>`, '<S>x</S><Objs></Objs>', `${root}text</Objs>`]) {
      assert.equal(errorOf(() => [...decodeCliXmlFile(Buffer.from(text))]).code, 'PSRP_CLIXML_INVALID');
    }
  });

  test('give the objects before the damaged one', () => {
    const values = decodeCliXmlFile(Buffer.from(`${root}<S>good</S><I32>bad</I32></Objs>`));
    assert.deepEqual(values.next().value, { kind: 'S', value: 'good' });
    assert.throws(() => values.next(), CliXmlError);
  });
});

const sample = fileURLToPath(
  new URL('../../../../shared/samples/clixml/E16-Exchange-GetAcceptedDomain.xml', import.meta.url),
);
test('objects of one file of Exchange share what the first of them brought', {
  skip: existsSync(sample) ? false : 'the samples are not beside the project',
}, () => {
  const domains = [...decodeCliXmlFile(readFileSync(sample))];
  const [first, second, third] = domains.map((domain) => property(domain, 'OrganizationId'));
  assert.equal(domains.length, 3);
  assert.ok(first?.kind === 'Obj' && second === first && third === first);
});
