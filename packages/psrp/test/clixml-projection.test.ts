import assert from 'node:assert/strict';
import { Buffer } from 'node:buffer';
import { describe, test } from 'node:test';
import {
  CliXmlError,
  createProjection,
  decodeCliXml,
  encodeCliXml,
  property,
  psNull,
  type PsValue,
} from '@exchange-connector/psrp';
import fc from 'fast-check';
import { askedMailboxProperties, makeMailboxBodies } from '../../../bench/mailbox-bodies.ts';
import { anyPsObject, anyText } from './any-ps-value.ts';

const mailbox = Buffer.from(makeMailboxBodies(5)[4] as string, 'utf8');

function bytesOf(text: string): Uint8Array {
  return Buffer.from(text, 'utf8');
}

function textOfBytes(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('utf8');
}

/** What the general reader makes of it, or the code of its error. */
function general(body: Uint8Array, names: readonly string[]): readonly (PsValue | undefined)[] | string {
  try {
    const value = decodeCliXml(body);
    return names.map((name) => property(value, name));
  } catch (error) {
    assert.ok(error instanceof CliXmlError, String(error));
    return error.code;
  }
}

/** On a well-formed body both say the same; on another the projection says nothing else than a CliXmlError, if it fails. */
function checkAgreement(projection: ReturnType<typeof createProjection>, body: Uint8Array): void {
  const expected = general(body, projection.names);
  try {
    const values = projection.read(body);
    if (typeof expected !== 'string') assert.deepStrictEqual(values, expected);
  } catch (error) {
    assert.ok(error instanceof CliXmlError, String(error));
    assert.equal(error.code, expected);
  }
}

describe('a projection', () => {
  test('reads the columns of a mailbox as the general reader does', () => {
    const projection = createProjection(askedMailboxProperties);
    for (let time = 0; time < 5; time += 1) {
      assert.deepStrictEqual(projection.read(mailbox), general(mailbox, askedMailboxProperties));
    }
    assert.equal(projection.read(mailbox).filter((value) => value === undefined).length, 0);
  });

  test('agrees with the general reader over 500 mailboxes that differ', () => {
    const projection = createProjection(askedMailboxProperties);
    for (const text of makeMailboxBodies(500)) {
      const body = bytesOf(text);
      assert.deepStrictEqual(projection.read(body), general(body, askedMailboxProperties));
    }
  });

  test('takes Name from the mailbox, not from a language inside it that comes earlier', () => {
    const [name, display] = createProjection(['Name', 'DisplayName']).read(mailbox);
    assert.deepEqual(name, { kind: 'S', value: 'Matthias Chen' });
    assert.deepEqual(display, { kind: 'S', value: 'Matthias Chen' });
    assert.ok(textOfBytes(mailbox).indexOf('<S N="Name">en-US') < textOfBytes(mailbox).indexOf('<S N="Name">Matthias'));
  });

  test('lets extended properties win, and the last of a name', () => {
    const body = bytesOf(
      '<Obj RefId="0"><Props><S N="a">1</S><S N="b">1</S><S N="b">2</S></Props><MS><S N="a">3</S></MS></Obj>',
    );
    const values = createProjection(['a', 'b', 'c', 'a']).read(body);
    assert.deepEqual(values, [
      { kind: 'S', value: '3' },
      { kind: 'S', value: '2' },
      undefined,
      { kind: 'S', value: '3' },
    ]);
  });

  test('gives nothing for $null, a string, a list', () => {
    for (const text of ['', '<Nil />', '<S>x</S>', '<Obj RefId="0"><LST><S N="a">x</S></LST></Obj>']) {
      assert.deepEqual(createProjection(['a']).read(bytesOf(text)), [undefined]);
    }
  });

  test('reads a wanted reference to an object that was skipped', () => {
    const body = bytesOf(
      '<Obj RefId="0"><Props><Obj N="a" RefId="1"><TN RefId="0"><T>x</T></TN><LST><S>1</S></LST></Obj><Ref N="b" RefId="1" /><Obj N="c" RefId="2"><TNRef RefId="0" /><ToString>c</ToString></Obj><Ref N="d" RefId="0" /></Props></Obj>',
    );
    const projection = createProjection(['b', 'c', 'd']);
    assert.deepStrictEqual(projection.read(body), general(body, projection.names));
    assert.deepStrictEqual(createProjection(['c']).read(body), general(body, ['c']));
  });

  test('finds the type names of that id which came last, however they are written', () => {
    const forms = [
      '<TN RefId="0"><T>new</T></TN>',
      "<TN RefId='0'><T>new</T></TN>",
      '<TN  RefId="0"><T>new</T></TN>',
      '<TN RefId="00"><T>new</T></TN>',
    ];
    for (const later of forms) {
      const body = bytesOf(
        `<Obj RefId="0"><Props><Obj N="a" RefId="1"><TN RefId="0"><T>old</T></TN></Obj><Obj N="b" RefId="2">${later}</Obj><Obj N="c" RefId="3"><TNRef RefId="0" /></Obj></Props></Obj>`,
      );
      assert.deepStrictEqual(createProjection(['c']).read(body), general(body, ['c']), later);
      const [value] = createProjection(['c']).read(body);
      assert.deepEqual(value?.kind === 'Obj' ? value.typeNames : undefined, ['new'], later);
    }
  });

  test('is not led astray by what looks like tags', () => {
    const wanted = '<S N="w">right</S>';
    const skipped = [
      '<Obj N="x" RefId="1"><Props><S N="w">wrong</S></Props></Obj>',
      '<Obj N="x" RefId="1"><Props><Obj N="y" RefId="2" /><S N="w">wrong</S></Props></Obj>',
      '<Obj N="x" RefId="1"><Props><Obj N="y/>z" RefId="2"></Obj><S N="w">wrong</S></Props></Obj>',
      '<Obj N="x" RefId="1"><Props><Obj N="y>z" RefId="2" /><S N="w">wrong</S></Props></Obj>',
      '<Obj N="x" RefId="1"><Props><S N="v"><![CDATA[</S></Props></Obj><S N="w">wrong</S>]]></S></Props></Obj>',
      '<Obj N="x" RefId="1"><!-- </Obj><S N="w">wrong</S> --></Obj>',
      '<Obj N="x" RefId="1"><?p </Obj><S N="w">wrong</S> ?></Obj>',
      "<Obj N='x' RefId='1'><Props><S N='w'>wrong</S></Props></Obj>",
      '<S N="v">&lt;S N="w"&gt;wrong&lt;/S&gt;</S>',
      '<S N="v"><!-- --></S><MS N="w"><S N="w">wrong</S></MS>',
    ];
    for (const text of skipped) {
      for (const section of ['MS', 'Props']) {
        const body = bytesOf(`<Obj RefId="0"><${section}>${text}${wanted}</${section}></Obj>`);
        if (section === 'Props' && text.includes('<MS ')) continue;
        const projection = createProjection(['w']);
        for (let time = 0; time < 3; time += 1)
          assert.deepEqual(projection.read(body), [{ kind: 'S', value: 'right' }], text);
      }
    }
  });

  test('is not led astray by tags that balance one another out', () => {
    const children = [
      '<Obj N="a" RefId="1"><Props><Obj N="p>q" RefId="2" /></Props></Obj><S N="w">right</S><Obj N="b" RefId="3"><Props><Obj N="y/>z" RefId="4"></Obj></Props></Obj>',
      '<Obj N="a" RefId="1"><!-- <Obj> --></Obj><S N="w">right</S><Obj N="b" RefId="2"><!-- </Obj> --></Obj>',
      '<S N="w">right</S><Obj N="a" RefId="1"><LST><!-- </LST></Obj><S N="w">wrong</S><Obj N="b" RefId="2"><LST> --></LST></Obj>',
      '<S N="w">right</S><Obj N="a" RefId="1"><LST><?p </LST></Obj><S N="w">wrong</S><Obj N="b" RefId="2"><LST> ?></LST></Obj>',
      '<S N="w">right</S><Obj N="a" RefId="1"><LST><S><![CDATA[</S></LST></Obj><S N="w">wrong</S><Obj N="b" RefId="2"><LST><S>]]></S></LST></Obj>',
    ];
    for (const text of children) {
      const body = bytesOf(`<Obj RefId="0"><Props>${text}</Props></Obj>`);
      assert.deepEqual(createProjection(['w']).read(body), [{ kind: 'S', value: 'right' }], text);
    }
  });

  test('refuses what does not balance, and what follows the object', () => {
    const bodies = [
      '<Obj RefId="0"><Props><S N="a">x</B><S N="w">1</S></Props></Obj>',
      '<Obj RefId="0"><Props><S N="a"><S N="w">1</S></S></Props></Obj>',
      '<Obj RefId="0"><Props><Obj N="a" RefId="1"><Obj RefId="2"></Obj><S N="w">1</S></Props></Obj>',
      '<Obj RefId="0"><Props><S N="w">1</S></Props></Obj><S>x</S>',
      '<Obj RefId="0"><Props><S N="w">1</S></Props></Obj>x',
      '<Obj RefId="0"><Props><S N="w">1</S></Props>',
      '<Obj RefId="0"><Props><S N="w">1</S></MS></Obj>',
      '<Obj RefId="0"><TN RefId="0"><T>x</T><ToString>y</ToString><Props><S N="w">1</S></Props></Obj>',
    ];
    for (const text of bodies) {
      const projection = createProjection(['w']);
      for (let time = 0; time < 3; time += 1) assert.throws(() => projection.read(bytesOf(text)), CliXmlError, text);
    }
  });

  test('decodes escapes, references and line ends in wanted values and names', () => {
    const body = bytesOf(
      '<Obj RefId="0"><Props><S N="a_x0041__x005F_x0042_&amp;">x_x000D__xD83D_&lt;&#xFFFF;</S><S N="b">1\r\n2</S><Nil N="c"></Nil><B N="d"> true </B><I32 N="e">-5</I32></Props></Obj>',
    );
    assert.deepEqual(createProjection(['aA_x0042_&', 'b', 'c', 'd', 'e']).read(body), [
      { kind: 'S', value: 'x\r\ud83d<\uffff' },
      { kind: 'S', value: '1\n2' },
      psNull,
      { kind: 'B', value: true },
      { kind: 'I32', value: -5 },
    ]);
  });

  test('finds a property that comes, goes, moves and changes its kind', () => {
    const projection = createProjection(['w']);
    const fillers = [
      '<S N="a">1</S>',
      '<B N="b">true</B>',
      '<Nil N="c" />',
      '<Obj N="d" RefId="1"><LST><S>1</S></LST></Obj>',
    ];
    const wanted = [
      '<S N="w">1</S>',
      '<S N="w">2</S>',
      '<Nil N="w" />',
      '<B N="w">true</B>',
      '<Obj N="w" RefId="2"><LST /></Obj>',
      '',
    ];
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.shuffledSubarray(fillers), fc.constantFrom(...wanted), fc.nat(4)), {
          minLength: 5,
          maxLength: 30,
        }),
        (bodies) => {
          for (const [before, one, place] of bodies) {
            const children = [...before.slice(0, place), one, ...before.slice(place)].join('');
            const body = bytesOf(`<Obj RefId="0"><Props>${children}</Props></Obj>`);
            assert.deepStrictEqual(projection.read(body), general(body, ['w']));
          }
        },
      ),
      { numRuns: 100 },
    );
  });

  test('agrees with the general reader on any object, read again and again by one projection', () => {
    const reused = createProjection(['a0', 'a1', 'e0', 'e1', 'self', 'shared']);
    fc.assert(
      fc.property(anyPsObject(), fc.array(anyText(2), { maxLength: 3 }), (object, extra) => {
        const body = encodeCliXml(object);
        const names = [...object.adapted, ...object.extended].map(({ name }) => name);
        checkAgreement(createProjection([...names, ...extra, ...names.slice(0, 1)]), body);
        checkAgreement(reused, body);
      }),
      { numRuns: 1500 },
    );
  });

  test('never disagrees with the general reader on a body that was changed and is still well-formed', () => {
    const snippets = [
      '<!-- x -->',
      ' ',
      '\n',
      '<S N="Name">y</S>',
      '<Nil N="Alias" />',
      '</Obj>',
      '<Obj>',
      '<Obj RefId="9">',
      '<Obj N="Name" RefId="0">',
      '</Props>',
      '<MS>',
      '<Props>',
      '</MS>',
      '<Ref N="Name" RefId="1" />',
      '&amp;',
      '&',
      '"',
      "'",
      '>',
      '/',
      '_x0041_',
      '<![CDATA[',
      ']]>',
      '<LST />',
      'N="Name"',
      '0',
      '<TNRef RefId="0" />',
      'é',
    ];
    const small =
      '<Obj RefId="0"><TN RefId="0"><T>t</T></TN><ToString>x</ToString><Props><S N="Other">1</S><Obj N="Languages" RefId="1"><TNRef RefId="0" /><LST><Obj RefId="2"><Props><S N="Name">en</S></Props></Obj></LST></Obj><S N="Name">right</S><Obj N="Alias" RefId="3"><TNRef RefId="0" /><LST><S>1</S></LST></Obj></Props><MS><S N="Last">z</S></MS></Obj>';
    const reused = createProjection(['Name', 'Alias', 'Last', 'Missing']);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(small.length), fc.nat(12), fc.constantFrom('', ...snippets)), {
          minLength: 1,
          maxLength: 3,
        }),
        (edits) => {
          let text = small;
          for (const [at, removed, inserted] of edits) text = text.slice(0, at) + inserted + text.slice(at + removed);
          const body = bytesOf(text);
          checkAgreement(reused, body);
          checkAgreement(createProjection(['Name', 'Alias', 'Last', 'Missing']), body);
        },
      ),
      { numRuns: 6000 },
    );
  });

  test('takes time in proportion to a hostile body', () => {
    const many = 200_000;
    const head = '<Obj RefId="0"><Props>';
    const bodies = [
      `${head}<Obj N="a" RefId="1">${'<Obj>'.repeat(many)}${'</Obj>'.repeat(many + 1)}</Props></Obj>`,
      `${head}${'<Obj N="a" RefId="1">'.repeat(many)}`,
      `${head}<Obj N="a" RefId="1">${'<Obj>'.repeat(many)}</Obj>`,
      head + Array.from({ length: many }, (_, index) => `<S N="n${index}">x</S>`).join(''),
      `${head}<S N="${'x'.repeat(many * 10)}`,
      `${head}<S N="a">${'<'.repeat(many * 10)}`,
    ];
    const projection = createProjection(['w']);
    for (const text of bodies) {
      const body = bytesOf(text);
      const before = process.cpuUsage();
      for (let time = 0; time < 2; time += 1) {
        try {
          projection.read(body);
        } catch (error) {
          assert.ok(error instanceof CliXmlError);
        }
      }
      const { user, system } = process.cpuUsage(before);
      assert.ok(user + system < 2_000_000, `${text.slice(0, 60)}… took ${user + system} µs`);
    }
  });
});
