import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeCliXmlFile, psArray, psObject, psString } from '@exchange-connector/psrp';
import type { PsValue } from '@exchange-connector/psrp';
import { formatJson, JsonWriter, type JsonWriterOptions } from '../src/json/json-value.ts';

const head = '<Objs Version="1.1.0.1" xmlns="http://schemas.microsoft.com/powershell/2004/04">';

/** The lines that the objects of one file become. */
function lines(content: string, options?: JsonWriterOptions): string[] {
  const writer = new JsonWriter(options);
  const file = new TextEncoder().encode(`${head}${content}</Objs>`);
  return Array.from(decodeCliXmlFile(file, { onObject: writer.place }), (value) => writer.write(value));
}

const enumeration =
  '<TN RefId="0"><T>System.DayOfWeek</T><T>System.Enum</T><T>System.ValueType</T><T>System.Object</T></TN>';

/** What it is about, the objects of a file, and the line that each becomes. */
const mapping: readonly (readonly [string, string, readonly string[]])[] = [
  ['no objects', '', []],
  ['Nil', '<Nil/>', ['null']],
  ['B', '<B>true</B><B>false</B>', ['true', 'false']],
  ['small integers', '<By>255</By><SB>-128</SB><U16>65535</U16><I16>-32768</I16>', ['255', '-128', '65535', '-32768']],
  ['I32 and U32', '<I32>-2147483648</I32><U32>4294967295</U32>', ['-2147483648', '4294967295']],
  [
    '64-bit integers up to 2^53-1',
    '<I64>9007199254740991</I64><I64>-9007199254740991</I64><U64>5</U64>',
    ['9007199254740991', '-9007199254740991', '5'],
  ],
  [
    'larger integers',
    '<I64>9007199254740992</I64><I64>-9223372036854775808</I64><U64>18446744073709551615</U64>',
    ['"9007199254740992"', '"-9223372036854775808"', '"18446744073709551615"'],
  ],
  [
    'floats',
    '<Sg>1.1</Sg><Db>0.1</Db><Db>1E+100</Db><Db>-2.5E-07</Db><Db>-0</Db>',
    ['1.1', '0.1', '1e+100', '-2.5e-7', '-0'],
  ],
  [
    'what JSON has no number for',
    '<Db>NaN</Db><Db>INF</Db><Db>-INF</Db><Sg>NaN</Sg>',
    ['"NaN"', '"Infinity"', '"-Infinity"', '"NaN"'],
  ],
  ['decimals', '<D>79228162514264337593543950335</D><D>1.50</D>', ['"79228162514264337593543950335"', '"1.50"']],
  [
    'S with its escapes decoded',
    '<S>a_x000A_b_x005F_x0041_&lt;&amp;&#x20AC;</S><S></S><S/>',
    ['"a\\nb_x0041_<&€"', '""', '""'],
  ],
  ['surrogates, paired and alone', '<S>_xD83D__xDE00_</S><S>_xD83D_!</S>', ['"😀"', '"\\ud83d!"']],
  ['what ends a line for somebody', '<S>a\u2028b\u2029c\u0085d_x007F_</S>', ['"a\\u2028b\\u2029c\\u0085d\\u007f"']],
  ['C', '<C>120</C><C>10</C><C>55357</C>', ['"x"', '"\\n"', '"\\ud83d"']],
  [
    'URI and Version',
    '<URI>http://a.example/b?c=d</URI><Version>15.1.2507.6</Version>',
    ['"http://a.example/b?c=d"', '"15.1.2507.6"'],
  ],
  ['G', '<G>12345678-9abc-def0-1234-56789abcdef0</G>', ['"12345678-9abc-def0-1234-56789abcdef0"']],
  ['XD and SBK', '<XD>&lt;a&gt;_x000A_&lt;/a&gt;</XD><SBK>1+1</SBK>', ['"<a>\\n</a>"', '"1+1"']],
  [
    'TS and DT as they stand',
    '<TS>P1DT2H3M4.5S</TS><DT>2022-10-30T18:01:36.1230000-07:00</DT>',
    ['"P1DT2H3M4.5S"', '"2022-10-30T18:01:36.1230000-07:00"'],
  ],
  ['BA', '<BA>AAH/</BA><BA></BA>', ['"AAH/"', '""']],
  ['SS, never its content', '<SS>cAB3AA==</SS>', ['"System.Security.SecureString"']],
  [
    'PR',
    '<PR N="Record"><AV>Copying</AV><AI>0</AI><Nil /><PI>-1</PI><PC>45</PC><T>Processing</T><SR>-1</SR><SD>one</SD></PR>' +
      '<PR><AV>a</AV><AI>1</AI><S>op</S><PI>0</PI><PC>-1</PC><T>Completed</T><SR>3</SR><SD></SD></PR>',
    [
      '{"Activity":"Copying","ActivityId":0,"CurrentOperation":null,"ParentActivityId":-1,"PercentComplete":45,"RecordType":"Processing","SecondsRemaining":-1,"StatusDescription":"one"}',
      '{"Activity":"a","ActivityId":1,"CurrentOperation":"op","ParentActivityId":0,"PercentComplete":-1,"RecordType":"Completed","SecondsRemaining":3,"StatusDescription":""}',
    ],
  ],
  [
    'lists of every kind',
    '<Obj RefId="0"><LST><I32>1</I32><Nil/></LST></Obj><Obj RefId="1"><IE><S>a</S></IE></Obj><Obj RefId="2"><STK><I32>2</I32><I32>1</I32></STK></Obj><Obj RefId="3"><QUE/></Obj>',
    ['[1,null]', '["a"]', '[2,1]', '[]'],
  ],
  [
    'a dictionary in wire order',
    '<Obj RefId="0"><DCT><En><S N="Key">10</S><I32 N="Value">1</I32></En><En><S N="Key">2</S><Nil N="Value"/></En><En><S N="Key">__proto__</S><B N="Value">true</B></En></DCT></Obj>',
    ['{"10":1,"2":null,"__proto__":true}'],
  ],
  [
    'keys that are no text',
    '<Obj RefId="0"><DCT>' +
      [
        '<I32 N="Key">5</I32>',
        '<B N="Key">true</B>',
        '<Db N="Key">1E+16</Db>',
        '<Db N="Key">INF</Db>',
        '<U64 N="Key">18446744073709551615</U64>',
        '<G N="Key">12345678-9abc-def0-1234-56789abcdef0</G>',
        '<BA N="Key">AAH/</BA>',
        `<Obj N="Key" RefId="1">${enumeration}<ToString>Friday</ToString><I32>5</I32></Obj>`,
        '<Obj N="Key" RefId="2"><ToString>an object</ToString><Props><S N="a">b</S></Props></Obj>',
        '<Obj N="Key" RefId="3"><I32>7</I32></Obj>',
        '<C N="Key">65</C>',
        '<SS N="Key">cAB3AA==</SS>',
        '<Nil N="Key"/>',
      ]
        .map((key) => `<En>${key}<Nil N="Value"/></En>`)
        .join('') +
      '</DCT></Obj>',
    [
      '{"5":null,"true":null,"1E+16":null,"INF":null,"18446744073709551615":null,"12345678-9abc-def0-1234-56789abcdef0":null,"AAH/":null,"Friday":null,"an object":null,"7":null,"A":null,"System.Security.SecureString":null,"null":null}',
    ],
  ],
  [
    'numbers and Booleans in keys as on the wire',
    '<Obj RefId="0"><DCT><En><Db N="Key">1.50</Db><Nil N="Value"/></En><En><I32 N="Key">007</I32><Nil N="Value"/></En></DCT></Obj>',
    ['{"1.50":null,"007":null}'],
  ],
  [
    'keys whose text stands already',
    '<Obj RefId="0"><DCT><En><S N="Key">1</S><S N="Value">a</S></En><En><I32 N="Key">1</I32><S N="Value">b</S></En><En><S N="Key">1 (2)</S><S N="Value">c</S></En><En><I64 N="Key">1</I64><S N="Value">d</S></En></DCT></Obj>',
    ['{"1":"a","1 (2)":"b","1 (2) (2)":"c","1 (3)":"d"}'],
  ],
  [
    'properties in wire order, adapted then extended',
    '<Obj RefId="0"><ToString>x</ToString><Props><S N="10">a</S><S N="2">b</S></Props><MS><S N="1">c</S></MS></Obj>',
    ['{"10":"a","2":"b","1":"c"}'],
  ],
  [
    'extended properties win where a name stands twice, in its first place',
    '<Obj RefId="0"><Props><S N="a">adapted</S><S N="b">b</S></Props><MS><S N="a">extended</S></MS></Obj>',
    ['{"a":"extended","b":"b"}'],
  ],
  [
    'extended properties before the adapted ones on the wire',
    '<Obj RefId="0"><MS><S N="a">extended</S></MS><Props><S N="a">adapted</S><S N="b">b</S></Props></Obj>',
    ['{"a":"extended","b":"b"}'],
  ],
  ['names with escapes', '<Obj RefId="0"><MS><S N="a_x000A_b">c</S></MS></Obj>', ['{"a\\nb":"c"}']],
  ['an object around one primitive', '<Obj RefId="0"><TN RefId="0"><T>System.Int32</T></TN><I32>5</I32></Obj>', ['5']],
  ['an object around one primitive, with text', '<Obj RefId="0"><ToString>five</ToString><I32>5</I32></Obj>', ['5']],
  ['an object around a SecureString', '<Obj RefId="0"><SS>cAB3AA==</SS></Obj>', ['"System.Security.SecureString"']],
  ['an enumeration', `<Obj RefId="0">${enumeration}<ToString>Friday</ToString><I32>5</I32></Obj>`, ['"Friday"']],
  [
    'an enumeration that was deserialized once before',
    '<Obj RefId="0"><TN RefId="0"><T>Deserialized.System.DayOfWeek</T><T>Deserialized.System.Enum</T></TN><ToString>Friday</ToString><I32>5</I32></Obj>',
    ['"Friday"'],
  ],
  [
    'an enumeration with a property',
    `<Obj RefId="0">${enumeration}<ToString>Friday</ToString><I32>5</I32><MS><S N="note">n</S></MS></Obj>`,
    ['{"note":"n","$value":"Friday"}'],
  ],
  [
    'a primitive with properties',
    '<Obj RefId="0"><S>line</S><MS><S N="PSPath">p</S><I32 N="ReadCount">1</I32></MS></Obj>',
    ['{"PSPath":"p","ReadCount":1,"$value":"line"}'],
  ],
  [
    'a list with properties',
    '<Obj RefId="0"><LST><I32>1</I32></LST><Props><I32 N="Capacity">4</I32></Props></Obj>',
    ['{"Capacity":4,"$value":[1]}'],
  ],
  [
    'a dictionary with properties',
    '<Obj RefId="0"><DCT><En><S N="Key">k</S><S N="Value">v</S></En></DCT><MS><S N="note">n</S></MS></Obj>',
    ['{"note":"n","$value":{"k":"v"}}'],
  ],
  [
    'a property called $value beside a value',
    '<Obj RefId="0"><I32>5</I32><MS><S N="$value">p</S></MS></Obj>',
    ['{"$value (2)":"p","$value":5}'],
  ],
  [
    'an object directly inside an object',
    '<Obj RefId="0"><TN RefId="0"><T>Outer</T></TN><Obj RefId="1"><TN RefId="1"><T>Inner</T></TN><Props><S N="a">inner</S><S N="b">inner</S></Props></Obj><MS><S N="b">outer</S><S N="c">outer</S></MS></Obj>',
    ['{"a":"inner","b":"outer","c":"outer"}'],
  ],
  [
    'an object directly inside an object that wraps',
    '<Obj RefId="0"><Obj RefId="1"><I32>5</I32></Obj></Obj><Obj RefId="2"><Obj RefId="3"><Obj RefId="4"><LST/></Obj></Obj><MS><S N="n">1</S></MS></Obj>',
    ['5', '{"n":"1","$value":[]}'],
  ],
  [
    'an object around one that came before, by reference',
    '<Obj RefId="0"><S>t</S><MS><I32 N="a">1</I32></MS></Obj><Obj RefId="1"><Ref RefId="0"/><MS><I32 N="b">2</I32></MS></Obj><Ref RefId="1"/>',
    ['{"a":1,"$value":"t"}', '{"a":1,"b":2,"$value":"t"}', '{"a":1,"b":2,"$value":"t"}'],
  ],
  [
    'an object around the one that encloses it, by reference',
    '<Obj RefId="5"><MS><I32 N="x">1</I32><Obj N="y" RefId="6"><Ref RefId="5"/><MS><I32 N="z">2</I32></MS></Obj></MS></Obj>',
    ['{"x":1,"y":{"z":2,"$value":{"$ref":5}}}'],
  ],
  [
    'an enumeration directly inside an object',
    `<Obj RefId="0"><Obj RefId="1">${enumeration}<ToString>Friday</ToString><I32>5</I32></Obj><MS><S N="n">1</S></MS></Obj>`,
    ['{"n":"1","$value":"Friday"}'],
  ],
  [
    'a member set',
    '<Obj RefId="0"><MS><S N="a">b</S><MS N="PSStandardMembers"><S N="x">y</S></MS></MS></Obj>',
    ['{"a":"b"}'],
  ],
  [
    'an object with nothing but a member set',
    '<Obj RefId="0"><ToString>text</ToString><MS><MS N="PSStandardMembers"><S N="x">y</S></MS></MS></Obj>',
    ['"text"'],
  ],
  [
    'an object with nothing but its text',
    '<Obj RefId="0"><ToString>text</ToString></Obj><Obj RefId="1"><ToString></ToString><Props/></Obj>',
    ['"text"', '""'],
  ],
  [
    'an object with nothing',
    '<Obj RefId="0"/><Obj RefId="1"><TN RefId="0"><T>System.Object</T></TN><MS/></Obj>',
    ['null', 'null'],
  ],
  [
    'a reference to what encloses it',
    '<Obj RefId="7"><Props><Ref N="self" RefId="7"/><Obj N="in" RefId="8"><LST><Ref RefId="8"/><Ref RefId="7"/></LST></Obj></Props></Obj>',
    ['{"self":{"$ref":7},"in":[{"$ref":8},{"$ref":7}]}'],
  ],
  [
    'a reference to a finished object',
    '<Obj RefId="0"><MS><Obj N="a" RefId="1"><Props><S N="x">y</S></Props></Obj><Ref N="b" RefId="1"/></MS></Obj>',
    ['{"a":{"x":"y"},"b":{"x":"y"}}'],
  ],
  [
    'a $ref inside a finished object stays',
    '<Obj RefId="0"><MS><Obj N="a" RefId="1"><MS><Obj N="in" RefId="2"><MS><Ref N="up" RefId="1"/><Ref N="top" RefId="0"/></MS></Obj></MS></Obj><Ref N="b" RefId="2"/></MS></Obj><Ref RefId="2"/>',
    [
      '{"a":{"in":{"up":{"$ref":1},"top":{"$ref":0}}},"b":{"up":{"$ref":1},"top":{"$ref":0}}}',
      '{"up":{"$ref":1},"top":{"$ref":0}}',
    ],
  ],
  [
    'a $ref stays where the extended properties come first on the wire',
    '<Obj RefId="0"><MS><Obj N="a" RefId="1"><MS><Obj N="in" RefId="2"><MS><Ref N="up" RefId="1"/></MS></Obj></MS></Obj></MS><Props><Ref N="b" RefId="2"/></Props></Obj>',
    ['{"b":{"up":{"$ref":1}},"a":{"in":{"up":{"$ref":1}}}}'],
  ],
  [
    'references across top-level objects, and an id used again',
    '<Obj RefId="0"><MS><S N="a">1</S></MS></Obj><Ref RefId="0"/><Obj RefId="0"><MS><S N="a">2</S></MS></Obj><Obj RefId="1"><LST><Ref RefId="0"/></LST></Obj>',
    ['{"a":"1"}', '{"a":"1"}', '{"a":"2"}', '[{"a":"2"}]'],
  ],
  [
    'a reference to an object that was not written: the loser of two names',
    '<Obj RefId="0"><Props><Obj N="a" RefId="1"><MS><Ref N="up" RefId="0"/></MS></Obj></Props><MS><S N="a">wins</S><Ref N="b" RefId="1"/></MS></Obj>',
    ['{"a":"wins","b":{"up":{"$ref":0}}}'],
  ],
  [
    'a reference to an object inside a member set',
    '<Obj RefId="0"><MS><MS N="set"><Obj N="a" RefId="1"><MS><Ref N="up" RefId="0"/></MS></Obj></MS><Ref N="b" RefId="1"/></MS></Obj>',
    ['{"b":{"up":{"$ref":0}}}'],
  ],
  [
    'a reference to the object merged',
    '<Obj RefId="0"><Obj RefId="1"><MS><Ref N="inner" RefId="1"/><Ref N="outer" RefId="0"/></MS></Obj></Obj><Ref RefId="1"/>',
    ['{"inner":{"$ref":1},"outer":{"$ref":0}}', '{"inner":{"$ref":1},"outer":{"$ref":0}}'],
  ],
];

for (const [what, content, expected] of mapping) {
  test(`in JSON: ${what}`, () => {
    const got = lines(content);
    assert.deepEqual(got, expected);
    for (const line of got) JSON.parse(line);
  });
}

const typed: readonly (readonly [string, string, readonly string[]])[] = [
  ['a primitive', '<I32>5</I32>', ['5']],
  [
    'an object around a primitive',
    '<Obj RefId="0"><TN RefId="0"><T>A</T><T>B</T></TN><I32>5</I32></Obj>',
    ['{"$type":["A","B"],"$string":null,"$value":5}'],
  ],
  [
    'type names by reference',
    '<Obj RefId="0"><TN RefId="0"><T>A</T></TN><LST><Obj RefId="1"><TNRef RefId="0"/><ToString>t</ToString></Obj></LST></Obj>',
    ['{"$type":["A"],"$string":null,"$value":[{"$type":["A"],"$string":"t"}]}'],
  ],
  [
    'an enumeration',
    `<Obj RefId="0">${enumeration}<ToString>Friday</ToString><I32>5</I32></Obj>`,
    [
      '{"$type":["System.DayOfWeek","System.Enum","System.ValueType","System.Object"],"$string":"Friday","$value":"Friday"}',
    ],
  ],
  [
    'properties',
    '<Obj RefId="0"><TN RefId="0"><T>A</T></TN><ToString>t</ToString><Props><S N="a">b</S></Props></Obj>',
    ['{"$type":["A"],"$string":"t","a":"b"}'],
  ],
  [
    'a reference to what encloses it',
    '<Obj RefId="5"><MS><Ref N="a" RefId="5"/></MS></Obj>',
    ['{"$type":[],"$string":null,"a":{"$ref":5}}'],
  ],
];

for (const [what, content, expected] of typed) {
  test(`in JSON with types: ${what}`, () => {
    assert.deepEqual(lines(content, { types: true }), expected);
  });
}

test('objects repeated by reference count against the size limit each time', () => {
  let bomb = '<Obj RefId="0"><LST><S>lol</S></LST></Obj>';
  for (let id = 1; id < 40; id++)
    bomb += `<Obj RefId="${id}"><LST><Ref RefId="${id - 1}"/><Ref RefId="${id - 1}"/></LST></Obj>`;
  const started = process.cpuUsage();
  assert.throws(() => lines(bomb, { maxCharacters: 1_000_000 }), {
    code: 'PSRP_CLI_JSON_TOO_LARGE',
    message: /more than 1000000 characters/,
  });
  const { user, system } = process.cpuUsage(started);
  assert.ok(user + system < 5_000_000, `${user + system} µs`);
});

/** What no file can hold: the reader refuses an object that is directly inside itself. */
test('objects merged by hand are merged, and one that is directly inside itself ends', () => {
  const inner = psObject({ extended: { a: psString('1'), b: psString('2') } });
  assert.equal(
    formatJson(psArray([inner, psObject({ base: inner, extended: { b: psString('3') } })])),
    '[{"a":"1","b":"2"},{"a":"1","b":"3"}]',
  );
  const self = psObject({ extended: { b: psString('2') } });
  self.refId = 4;
  self.base = self;
  assert.equal(formatJson(self), '{"b":"2","$value":{"$ref":4}}');
});

test('merged objects count against the size limit, though they write nothing', () => {
  let chain = psObject({ base: psString('x') });
  for (let depth = 1; depth < 3000; depth++) chain = psObject({ base: chain });
  assert.equal(formatJson(chain), '"x"');
  assert.throws(() => formatJson(chain, { maxCharacters: 2000 }), { code: 'PSRP_CLI_JSON_TOO_LARGE' });
});

test('a chain of references may be as deep as it is long', () => {
  const depth = 20_000;
  let chain = '<Obj RefId="0"><LST/></Obj>';
  for (let id = 1; id < depth; id++) chain += `<Obj RefId="${id}"><LST><Ref RefId="${id - 1}"/></LST></Obj>`;
  const last = [...decodeCliXmlFile(new TextEncoder().encode(`${head}${chain}</Objs>`))].at(-1) as PsValue;
  assert.equal(formatJson(last), '['.repeat(depth) + ']'.repeat(depth));
});

test('a value at the limit is written, one character more is not', () => {
  assert.equal(formatJson(psArray([psString('abc')]), { maxCharacters: 7 }), '["abc"]');
  assert.throws(() => formatJson(psArray([psString('abcd')]), { maxCharacters: 7 }), {
    code: 'PSRP_CLI_JSON_TOO_LARGE',
  });
});
