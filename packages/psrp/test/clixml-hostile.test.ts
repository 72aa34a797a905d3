import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { CliXmlError, createProjection, decodeCliXml, decodeCliXmlFile, encodeCliXml } from '@exchange-connector/psrp';
import fc from 'fast-check';
import { askedMailboxProperties, makeMailboxBodies } from '../../../bench/mailbox-bodies.ts';
import { anyPsValue } from './any-ps-value.ts';

const mailbox = Buffer.from(makeMailboxBodies(5)[4] as string, 'utf8');
const sampleFolder = fileURLToPath(new URL('../../../../shared/samples/clixml/', import.meta.url));
const projection = createProjection(askedMailboxProperties);

/** Nothing but a CliXmlError ever comes out, whatever goes in. */
function survive(bytes: Uint8Array): void {
  for (const work of [() => decodeCliXml(bytes), () => [...decodeCliXmlFile(bytes)], () => projection.read(bytes)]) {
    try {
      work();
    } catch (error) {
      if (!(error instanceof CliXmlError)) throw error;
    }
  }
}

describe('damaged bytes', () => {
  test('behind a tag of twenty million characters give a CliXmlError', () => {
    for (const filling of [' '.repeat(2e7), ' a=""'.repeat(4e6), ` a="${'>'.repeat(2e7)}"`]) {
      assert.throws(() => decodeCliXml(Buffer.from(`<Obj RefId="0"${filling}><Foo/>`)), CliXmlError);
    }
  });

  test('a mailbox cut at any offset is refused, by the projection too', () => {
    for (let end = 1; end < mailbox.length; end += 1) {
      const bytes = mailbox.subarray(0, end);
      if (bytes.equals(Buffer.from('\ufeff').subarray(0, end))) continue;
      if (end % 5 === 0 || end > mailbox.length - 200)
        assert.throws(() => decodeCliXml(bytes), CliXmlError, `cut at ${end}`);
      assert.throws(() => projection.read(bytes), CliXmlError, `cut at ${end}`);
    }
  });

  test('bytes of a mailbox overwritten at random give a value or a CliXmlError', () => {
    const edits = fc.array(fc.tuple(fc.nat(mailbox.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 });
    fc.assert(
      fc.property(edits, (changes) => {
        const bytes = Buffer.from(mailbox);
        for (const [at, byte] of changes) bytes[at] = byte;
        survive(bytes);
      }),
      { numRuns: 3000 },
    );
  });

  test('small values of every kind, damaged at random, give a value or a CliXmlError', () => {
    fc.assert(
      fc.property(
        anyPsValue(),
        fc.array(fc.tuple(fc.nat(10_000), fc.nat(255), fc.boolean()), { maxLength: 4 }),
        (value, changes) => {
          let bytes = Buffer.from(encodeCliXml(value));
          for (const [place, byte, insert] of changes) {
            const at = place % (bytes.length + 1);
            bytes = Buffer.concat([bytes.subarray(0, at), Buffer.of(byte), bytes.subarray(insert ? at : at + 1)]);
          }
          survive(bytes);
        },
      ),
      { numRuns: 3000 },
    );
  });

  test('any bytes give a value or a CliXmlError', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => survive(bytes)),
      { numRuns: 2000 },
    );
    const pieces = fc.constantFrom(
      '<',
      '>',
      '</',
      '/>',
      'Obj',
      'S',
      ' N="',
      ' RefId="',
      '"',
      '0',
      '<Obj>',
      '<S>',
      '</S>',
      '&',
      ';',
      '_x',
      '<!--',
      '-->',
      '<![CDATA[',
      ']]>',
      '<?',
      '?>',
      '<MS>',
      '<Props>',
      '</Obj>',
      '<DCT><En>',
      '\ufeff',
      '\0',
      '<PR>',
      '<TN>',
      '<Ref RefId="0"/>',
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 25 }), (parts) => survive(Buffer.from(parts.join('')))),
      { numRuns: 4000 },
    );
  });

  test('files of real servers, damaged at random, give values or a CliXmlError', {
    skip: existsSync(sampleFolder) ? false : 'the samples are not beside the project',
  }, () => {
    const files = readdirSync(sampleFolder).map((name) => readFileSync(`${sampleFolder}${name}`));
    const edits = fc.array(fc.tuple(fc.nat(), fc.nat(255)), { minLength: 1, maxLength: 3 });
    fc.assert(
      fc.property(fc.constantFrom(...files), edits, (file, changes) => {
        const bytes = Buffer.from(file);
        for (const [at, byte] of changes) bytes[at % bytes.length] = byte;
        survive(bytes);
      }),
      { numRuns: 150 },
    );
  });
});

describe('hostile text of some megabytes', () => {
  const many = 1_000_000;
  const texts: Readonly<Record<string, string>> = {
    'tags that are never closed': '<Obj>'.repeat(many),
    'lists that are never closed': '<Obj><LST>'.repeat(many),
    'tags that never end': '<Obj '.repeat(many),
    'a start tag of spaces': `<Obj${' '.repeat(many * 5)}`,
    'attributes without end': `<S ${'a="b" '.repeat(many)}>x</S>`,
    'an attribute without end': `<S N="${'x'.repeat(many * 5)}`,
    'attribute names without end': `<S ${'x'.repeat(many * 5)}="1">`,
    'comments that are never closed': '<!--'.repeat(many),
    'many comments': `${'<!-- -->'.repeat(many)}<S>x</S>`,
    'a string cut by comments': `<S>${'a<!---->'.repeat(many)}</S>`,
    'CDATA that is never closed': `<S>${'<![CDATA['.repeat(many)}`,
    'instructions that are never closed': '<?'.repeat(many),
    ampersands: `<S>${'&'.repeat(many * 5)}</S>`,
    'references without end': `<S>&${'#'.repeat(many * 5)}</S>`,
    'good references': `<S>${'&#x41;'.repeat(many)}</S>`,
    'beginnings of escapes': `<S>${'_x'.repeat(many * 2)}</S>`,
    escapes: `<S>${'_x0041_'.repeat(many)}</S>`,
    'closing tags': `<S>x</S${' '.repeat(many * 5)}`,
    spaces: ' '.repeat(many * 5),
    'a number of many digits': `<I64>${'9'.repeat(many * 5)}</I64>`,
    'a double of many digits': `<Db>${'1'.repeat(many * 5)}x</Db>`,
    'zeros before a number': `<I32>${'0'.repeat(many * 5)}x</I32>`,
    'spaces around a number': `<I32>${' '.repeat(many * 5)}x${' '.repeat(many * 5)}</I32>`,
    'base64 of padding': `<BA>${'='.repeat(many * 5)}</BA>`,
    'type names': `<Obj RefId="0"><TN RefId="0">${'<T>x</T>'.repeat(many)}</TN></Obj>`,
    references: `<Obj RefId="0"><LST>${'<Ref RefId="0"/>'.repeat(many)}</LST></Obj>`,
    'bad elements in a deep place': `${'<Obj><LST>'.repeat(40)}${'<S>x</S>'.repeat(many)}<Foo/>`,
    returns: `<S>${'\r'.repeat(many * 5)}</S>`,
    'names to decode': `<Obj><MS>${'<S N="&amp;_x0041_">x</S>'.repeat(many / 4)}</MS></Obj>`,
  };
  // Whatever is linear takes a few hundred milliseconds here; what is quadratic takes hours.
  const mostMs = 5000;
  for (const [name, text] of Object.entries(texts)) {
    test(`${name}: an answer in time`, () => {
      const bytes = Buffer.from(text);
      const before = process.cpuUsage();
      survive(bytes);
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < mostMs * 1000, `took ${Math.round((user + system) / 1000)} ms`);
    });
  }
});
