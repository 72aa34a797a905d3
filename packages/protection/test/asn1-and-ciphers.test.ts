import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { Asn1Fault, Asn1Reader, formatObjectIdentifier, readHead, tag } from '../src/asn1/reader.ts';
import { encodeElement, encodeHead, encodeObjectIdentifier, encodeOctets, encodeSequence } from '../src/asn1/writer.ts';
import { readPfx } from '../src/certificate/pfx.ts';
import { derivePkcs12, purpose } from '../src/certificate/pkcs12-key.ts';
import { decryptRc2Block } from '../src/certificate/rc2.ts';

const hex = (text: string): Buffer => Buffer.from(text.replaceAll(' ', ''), 'hex');

test('RC2 decrypts the vectors of RFC 2268', () => {
  const vectors = [
    ['0000000000000000', 63, '0000000000000000', 'ebb773f993278eff'],
    ['ffffffffffffffff', 64, 'ffffffffffffffff', '278b27e42e2f0d49'],
    ['3000000000000000', 64, '1000000000000001', '30649edf9be7d2c2'],
    ['88', 64, '0000000000000000', '61a8a244adacccf0'],
    ['88bca90e90875a', 64, '0000000000000000', '6ccf4308974c267f'],
    ['88bca90e90875a7f0f79c384627bafb2', 64, '0000000000000000', '1a807d272bbe5db1'],
    ['88bca90e90875a7f0f79c384627bafb2', 128, '0000000000000000', '2269552ab0f85ca6'],
    ['88bca90e90875a7f0f79c384627bafb216f80a6f85920584c42fceb0be255daf1e', 129, '0000000000000000', '5b78d3a43dfff1f1'],
  ] as const;
  for (const [key, bits, plain, sealed] of vectors)
    assert.equal(
      Buffer.from(decryptRc2Block(hex(key), bits, hex(sealed))).toString('hex'),
      plain,
      `${key}, ${bits} bits`,
    );
});

test('keys are derived as in the published vectors of PKCS #12', () => {
  const smeg = hex('0073006D006500670000');
  const queeg = hex('007100750065006500670000');
  const vectors = [
    [purpose.key, smeg, '0A58CF64530D823F', 1, 24, '8AAAE6297B6CB04642AB5B077851284EB7128F1A2A7FBCA3'],
    [purpose.iv, smeg, '0A58CF64530D823F', 1, 8, '79993DFE048D3B76'],
    [purpose.mac, smeg, '3D83C0E4546AC140', 1, 20, '8D967D88F6CAA9D714800AB3D48051D63F73A312'],
    [purpose.key, queeg, '05DEC959ACFF72F7', 1000, 24, 'ED2034E36328830FF09DF1E1A07DD357185DAC0D4F9EB3D4'],
    [purpose.iv, queeg, '05DEC959ACFF72F7', 1000, 8, '11DEDAD7758D4860'],
  ] as const;
  for (const [id, password, salt, iterations, length, expected] of vectors)
    assert.equal(
      derivePkcs12('sha1', id, password, hex(salt), iterations, length).toString('hex').toUpperCase(),
      expected,
    );
});

test('lengths of any size are written and read alike', () => {
  fc.assert(
    fc.property(fc.oneof(fc.nat(300), fc.nat(2 ** 31 - 1), fc.integer({ min: 0, max: 2 ** 48 - 1 })), (length) => {
      const head = encodeHead(tag.octetString, length);
      assert.deepEqual(readHead(head, 0), {
        identifier: tag.octetString,
        headBytes: head.length,
        contentBytes: length,
      });
      for (let short = 0; short < head.length; short += 1)
        assert.equal(readHead(head.subarray(0, short), 0), undefined);
    }),
  );
});

test('object identifiers are written and read alike', () => {
  const number = fc.oneof(fc.nat(200), fc.nat(0xffff_ffff));
  const identifier = fc.oneof(
    fc.tuple(fc.constantFrom(0, 1), fc.nat(39), fc.array(number, { maxLength: 10 })),
    fc.tuple(fc.constant(2), fc.nat(1000), fc.array(number, { maxLength: 10 })),
  );
  fc.assert(
    fc.property(identifier, ([first, second, rest]) => {
      const text = [first, second, ...rest].join('.');
      const { content, offset } = new Asn1Reader(encodeObjectIdentifier(text)).any();
      assert.equal(formatObjectIdentifier(content, offset), text);
    }),
  );
});

test('octet strings in pieces, nested and of indefinite length, are one', () => {
  const inner = Buffer.concat([Buffer.from([0x24, 0x80]), encodeOctets(Buffer.from('lo, ')), Buffer.from([0, 0])]);
  const whole = encodeElement(0x24, encodeOctets(Buffer.from('hel')), inner, encodeOctets(Buffer.from('world')));
  assert.equal(Buffer.from(new Asn1Reader(whole).octets('the text')).toString(), 'hello, world');
});

test('elements inside each other are followed to their limit, and no further', () => {
  const nest = (depth: number, indefinite: boolean): Uint8Array => {
    let bytes: Uint8Array = encodeOctets(Buffer.from('x'));
    for (let level = 0; level < depth; level += 1)
      bytes = indefinite
        ? Buffer.concat([Buffer.from([0x24, 0x80]), bytes, Buffer.from([0, 0])])
        : encodeElement(0x24, bytes);
    return bytes;
  };
  for (const indefinite of [false, true]) {
    assert.equal(Buffer.from(new Asn1Reader(nest(20, indefinite)).octets('x')).toString(), 'x');
    for (const depth of [100, 50_000 / 4])
      assert.throws(() => new Asn1Reader(nest(depth, indefinite)).octets('x'), Asn1Fault);
  }
});

test('any bytes are read as a PFX to an answer, never to an exception', () => {
  const element = fc.letrec((tie) => ({
    node: fc.oneof(
      { depthSize: 'small' },
      fc.uint8Array({ maxLength: 20 }).map((bytes) => encodeOctets(bytes)),
      fc
        .constantFrom('1.2.840.113549.1.7.1', '1.2.840.113549.1.7.6', '1.2.840.113549.1.12.10.1.3')
        .map(encodeObjectIdentifier),
      fc.constant(Buffer.from([2, 1, 3])),
      fc.array(tie('node') as fc.Arbitrary<Uint8Array>, { maxLength: 4 }).map((parts) => encodeSequence(...parts)),
      fc.array(tie('node') as fc.Arbitrary<Uint8Array>, { maxLength: 2 }).map((parts) => encodeElement(0xa0, ...parts)),
    ),
  })).node as fc.Arbitrary<Uint8Array>;
  const pfx = fc.tuple(element, element).map((parts) => encodeSequence(Buffer.from([2, 1, 3]), ...parts));
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 300 }), element, pfx), (bytes) => {
      assert.notEqual(readPfx(bytes, 'p').kind, 'too-costly');
    }),
    { numRuns: 1000 },
  );
});
