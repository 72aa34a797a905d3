import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
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
