import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  CliXmlError,
  decodeCliXml,
  decodeCliXmlFile,
  encodeCliXml,
  encodeCliXmlDocument,
  type PsValue,
} from '@exchange-connector/psrp';
import fc from 'fast-check';
import { anyPsValue } from './any-ps-value.ts';
import { type Oracle, openOracle, runOracle } from './oracle-program.ts';
import { type Described, difference } from './real-description.ts';

interface Written {
  readonly name: string;
  readonly form: 'file' | 'wire';
  readonly xml?: string;
  readonly values?: readonly Described[];
  readonly unwritable?: string;
  readonly unreadable?: string;
}

interface Read {
  readonly values?: readonly Described[];
  readonly again?: string;
  readonly error?: string;
}

const oracle = await openOracle();
const skip = oracle.kind === 'absent' ? oracle.reason : false;
const samples = fileURLToPath(new URL('../../../../shared/samples/', import.meta.url));

function ready(): Oracle & { kind: 'ready' } {
  assert.equal(oracle.kind, 'ready');
  return oracle as Oracle & { kind: 'ready' };
}

/** What the real deserializer makes of each, in one process. */
async function readReally(form: 'file' | 'wire', documents: readonly Uint8Array[]): Promise<readonly Read[]> {
  const lines = documents.map((xml) => JSON.stringify({ form, xml: Buffer.from(xml).toString('base64') }));
  const output = await runOracle(ready(), ['deserialize'], `${lines.join('\n')}\n`);
  return output
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line) as Read);
}

describe('what PowerShell’s own serializer writes', { skip }, () => {
  let written: readonly Written[] = [];
  before(async () => {
    const output = await runOracle(ready(), ['serialize']);
    written = output
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Written);
  });

  test('is written for well over a hundred scenarios in each form', () => {
    for (const form of ['file', 'wire']) {
      assert.ok(written.filter((line) => line.form === form && line.values !== undefined).length > 120);
    }
  });

  test('is read here as its own deserializer reads it', () => {
    const differences: string[] = [];
    for (const { name, form, xml, values } of written) {
      if (xml === undefined || values === undefined) continue;
      const bytes = Buffer.from(xml, 'base64');
      const ours = form === 'wire' ? [decodeCliXml(bytes)] : [...decodeCliXmlFile(bytes)];
      assert.equal(ours.length, values.length, name);
      for (const [index, value] of ours.entries()) {
        const found = difference(value, values[index] as Described);
        if (found !== undefined) differences.push(`${form} ${name}: ${found}`);
      }
    }
    assert.deepEqual(differences, []);
  });

  test('is read here where its own deserializer refuses it: a reference directly inside an object', () => {
    const lines = written.filter(({ name }) => name === 'object around one that came before');
    assert.equal(lines.length, 2);
    for (const { form, xml, unreadable } of lines) {
      assert.match(unreadable ?? '', /Ref XML tag is not recognized/);
      const bytes = Buffer.from(xml ?? '', 'base64');
      const [list] = form === 'wire' ? [decodeCliXml(bytes)] : [...decodeCliXmlFile(bytes)];
      assert.ok(list?.kind === 'Obj' && list.base?.kind === 'LST');
      const [wrapped, wrapping] = list.base.items;
      assert.ok(wrapping?.kind === 'Obj');
      assert.equal(wrapping.base, wrapped);
    }
  });

  test('is written again here byte for byte', () => {
    const differences: string[] = [];
    for (const { name, form, xml, values } of written) {
      if (xml === undefined || values === undefined || form !== 'wire') continue;
      const real = Buffer.from(xml, 'base64')
        .toString('utf8')
        .replace(/^\ufeff/, '');
      const ours = Buffer.from(encodeCliXml(decodeCliXml(Buffer.from(xml, 'base64')))).toString('utf8');
      if (ours !== real) differences.push(`${name}: ${ours.slice(0, 200)} instead of ${real.slice(0, 200)}`);
    }
    assert.deepEqual(differences, []);
  });

  test('is refused there and written here no deeper than it reads', async () => {
    const nested = (levels: number): PsValue => {
      let value: PsValue = { kind: 'S', value: 'bottom' };
      for (let level = 0; level < levels; level += 1) value = { kind: 'LST', items: [value] };
      return value;
    };
    const [answer] = await readReally('wire', [encodeCliXml(nested(48))]);
    assert.equal(answer?.error, undefined);
    assert.throws(() => encodeCliXml(nested(49)), { code: 'PSRP_LIMIT_EXCEEDED' });
    const tooDeep = `${'<Obj><LST>'.repeat(49)}<S>bottom</S>${'</LST></Obj>'.repeat(49)}`;
    const [refused] = await readReally('wire', [Buffer.from(tooDeep)]);
    assert.match(refused?.error ?? '', /nested too deeply/);
  });
});

describe('what is written here', { skip }, () => {
  test('is read by PowerShell’s own deserializer as the same values', async () => {
    const values = fc.sample(anyPsValue(), { numRuns: 2000, seed: 20240229 }).filter(({ kind }) => kind !== 'Nil');
    const answers = await readReally(
      'wire',
      values.map((value) => encodeCliXml(value)),
    );
    for (const [index, value] of values.entries()) {
      const answer = answers[index] as Read;
      const text = Buffer.from(encodeCliXml(value)).toString('utf8');
      assert.equal(answer.error, undefined, text);
      assert.equal(difference(value, answer.values?.[0] as Described), undefined, text);
      assert.ok(answer.again !== undefined && decodeCliXml(Buffer.from(answer.again, 'base64')).kind !== 'Nil');
    }
  });

  test('is read as a file of several values too', async () => {
    // U+FFFE and U+FFFF are refused by Import-Clixml's own reader, not by that of the wire.
    const plain = (value: PsValue) => !/&#xFFF[EF];/.test(Buffer.from(encodeCliXml(value)).toString('utf8'));
    const values = fc.sample(anyPsValue(), { numRuns: 300, seed: 7 }).filter(plain);
    const [answer] = await readReally('file', [encodeCliXmlDocument(values)]);
    assert.equal(answer?.error, undefined);
    assert.equal(answer?.values?.length, values.length);
    for (const [index, value] of values.entries())
      assert.equal(difference(value, answer?.values?.[index] as Described), undefined);
  });
});

describe('odd text', { skip }, () => {
  /** Bodies, and whether only the reader here takes them, with the reason. */
  const bodies: readonly (string | readonly [string, string])[] = [
    '<S>   </S>',
    '<S>a\r\nb\rc&#13;</S>',
    '<S>a<!-- c -->b</S>',
    '<S>a<![CDATA[<x>_x0041_]]></S>',
    '<S>a<?pi x?>b</S>',
    '<S>a<I32>5</I32></S>',
    '<Foo>1</Foo>',
    '<s>x</s>',
    '<Ref RefId="7" />',
    '<Obj RefId="0"><MS><Ref N="a" RefId="0" /></MS></Obj>',
    '<Obj RefId="0"><MS><Obj N="a" RefId="0"><S>x</S></Obj><Ref N="b" RefId="0"/></MS></Obj>',
    '<Obj><MS><S N="a">1</S></MS></Obj>',
    '<I32> +5 </I32>',
    '<I32>007</I32>',
    '<I32>0x5</I32>',
    '<I32>99999999999</I32>',
    '<I32></I32>',
    '<I32 />',
    '<I32>1,000</I32>',
    '<I32>1.0</I32>',
    '<B>1</B>',
    '<B>True</B>',
    '<B> true </B>',
    '<Db>INF</Db>',
    '<Db>Infinity</Db>',
    '<Db>+1</Db>',
    '<Db>.5</Db>',
    '<Db>5.</Db>',
    '<Db>1e999</Db>',
    '<Db>1,5</Db>',
    '<Sg>1e39</Sg>',
    '<C>65</C>',
    '<C>A</C>',
    '<C>70000</C>',
    '<G>{00112233-4455-6677-8899-AABBCCDDEEFF}</G>',
    '<G>00112233445566778899AABBCCDDEEFF</G>',
    '<G>x</G>',
    '<BA> AQ ID </BA>',
    '<BA>AQI</BA>',
    '<BA />',
    '<S />',
    '<Obj RefId="0" />',
    '<Obj RefId="0"></Obj>',
    '<Obj RefId="0"><MS><S>1</S></MS></Obj>',
    '<Obj RefId="0"><DCT><En><S N="Key">k</S></En></DCT></Obj>',
    '<Obj RefId="0"><DCT><En><S N="Key">k</S><S N="Value">v</S><S N="Value">w</S></En></DCT></Obj>',
    "<Obj RefId='0'><MS><S N='a\"b'>1</S></MS></Obj>",
    '<S>_x41_ _X0041_ _x0001F600_ab _x00000041_ _xD83D__xDE00_ _x0041 _x004_ __x0041__x0041_ _x004_x0041_ _x004100420043_</S>',
    // Where text stands before it the real one says that text twice: an error of its own.
    '<S>_x00110000_</S>',
    '<S>b_x0000d83d_</S>',
    '<S>_x005F_x0041_ _x0041&#x5F;</S>',
    '<Obj RefId="0"><MS>text<S N="a">1</S></MS></Obj>',
    '<Obj RefId="0"><Obj RefId="1"><S>x</S></Obj></Obj>',
    '<Obj RefId="0"><Ref RefId="0"/></Obj>',
    '<Obj RefId="0"><Nil/></Obj>',
    '<Obj RefId="0"><TNRef RefId="5"/><S>x</S></Obj>',
    '<Obj S="Error" RefId="0"><S>x</S></Obj>',
    '<S>&#x0;&#x1F600;&#xD83D;&#xFFFF;</S>',
    '<S>&#x110000;</S>',
    '<S>&nbsp;</S>',
    '<S>a & b</S>',
    '<!DOCTYPE S [<!ENTITY a "b">]><S>&a;</S>',
    '<S>a</S><S>b</S>',
    '<S N="a" N="b">x</S>',
    '<S>x</S>trailing',
    '<S>x</S ><!-- a -->',
    '<Obj RefId="0"><MS><S N=" _x0041_ a\nb&#10;c">1</S></MS></Obj>',
    '<D> 1.50 </D>',
    '<D>1e5</D>',
    '<Obj RefId="0"><TN><T>a</T></TN><S>x</S></Obj>',
    '<Obj RefId="0"><Foo/></Obj>',
    '<S foo="x">y</S>',
    '<ToString>x</ToString>',
    '<U64>18446744073709551615</U64>',
    '<Obj RefId="0"><LST><S>1</S></LST><MS><S N="x">1</S></MS></Obj>',
    '<PR><AV>a</AV></PR>',
    ['<?xml version="1.0" encoding="utf-8"?><S>x</S>', 'files have a declaration'],
    ['<LST><S>x</S></LST>', 'a container by itself does no harm'],
    ['<S>a ]]> b</S>', 'looking for it would cost time'],
    ['<S>\u0001</S>', 'looking for it would cost time'],
    ['<DT>nope</DT>', 'times stay text, whoever uses them reads them'],
    ['<TS>nope</TS>', 'times stay text, whoever uses them reads them'],
    ['<Version>x</Version>', 'versions stay text'],
    ['<XD>zzz</XD>', 'documents stay text'],
    ['<Obj RefId="0"><MS><S N="">1</S></MS></Obj>', 'nothing is lost by it'],
    ['<Obj RefId="0"><DCT><En><S N="Value">v</S><S N="Key">k</S></En></DCT></Obj>', 'the names say which is which'],
    ['<Obj RefId="0"><DCT><En><Nil N="Key"/><S N="Value">v</S></En></DCT></Obj>', 'nothing is lost by it'],
  ];

  test('is read or refused here as there, but for what is taken here on purpose', async () => {
    const answers = await readReally(
      'wire',
      bodies.map((body) => Buffer.from(typeof body === 'string' ? body : body[0])),
    );
    for (const [index, body] of bodies.entries()) {
      const text = typeof body === 'string' ? body : body[0];
      const theirs = (answers[index] as Read).values?.[0];
      if (typeof body !== 'string') {
        assert.equal(theirs, undefined, text);
        assert.ok(decodeCliXml(Buffer.from(text)).kind, text);
      } else if (theirs === undefined) {
        assert.throws(() => decodeCliXml(Buffer.from(text)), CliXmlError, text);
      } else {
        assert.equal(difference(decodeCliXml(Buffer.from(text)), theirs), undefined, text);
      }
    }
  });
});

describe('files of real servers', {
  skip: existsSync(samples) ? skip : 'the samples are not beside the project',
}, () => {
  test('are read here as PowerShell’s own deserializer reads them', async () => {
    const names = readdirSync(`${samples}clixml`);
    const files = names.map((name): Buffer => readFileSync(`${samples}clixml/${name}`));
    // The real one would make CIM instances with a native library that exists on Windows alone.
    const asText = (bytes: Buffer): string =>
      new TextDecoder(bytes[0] === 0xff ? 'utf-16le' : 'utf-8')
        .decode(bytes)
        .replaceAll('Infrastructure.CimInstance', 'Infrastructure.Thing');
    const answers = await readReally(
      'file',
      files.map((bytes) => Buffer.from(asText(bytes))),
    );
    for (const [index, bytes] of files.entries()) {
      const name = names[index] ?? '';
      assert.ok([...decodeCliXmlFile(bytes)].length > 0, name);
      const ours = [...decodeCliXmlFile(Buffer.from(asText(bytes)))];
      const theirs = answers[index]?.values ?? [];
      assert.equal(answers[index]?.error, undefined, name);
      assert.equal(ours.length, theirs.length, name);
      for (const [at, value] of ours.entries())
        assert.equal(difference(value, theirs[at] as Described), undefined, name);
    }
  });

  test('a mailbox of Exchange is read as PowerShell’s own deserializer reads it', async () => {
    const bytes = readFileSync(`${samples}get-mailbox-partial.clixml`);
    const [answer] = await readReally('wire', [bytes]);
    assert.equal(difference(decodeCliXml(bytes), answer?.values?.[0] as Described), undefined);
  });
});
