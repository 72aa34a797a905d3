import assert from 'node:assert/strict';
import { createCipheriv } from 'node:crypto';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  createPositionalCipher,
  createSealedBlocksWriter,
  isSealed,
  openCertificate,
  openSealedBlocks,
  openStateKey,
  type ReadableBytes,
  rotateFiles,
  StateKey,
} from '../src/index.ts';
import { fileIn, folder, makePair, noOpenSsl } from './test-certificates.ts';

const stateKey = new StateKey(Buffer.alloc(32, 7));

function sourceOf(bytes: Uint8Array): ReadableBytes {
  return {
    size: bytes.length,
    read(into, position) {
      const part = bytes.subarray(position, position + into.length);
      into.set(part);
      return part.length;
    },
  };
}

function seal(chunks: readonly Uint8Array[]): Buffer {
  const writer = createSealedBlocksWriter(stateKey);
  return Buffer.concat([...chunks.map((chunk) => writer.add(chunk)), writer.finish()]);
}

function readAll(source: ReadableBytes, most = 10_000): Buffer {
  const parts: Uint8Array[] = [];
  for (let position = 0; ; ) {
    const into = Buffer.alloc(most);
    const count = source.read(into, position);
    if (count === 0) return Buffer.concat(parts);
    parts.push(into.subarray(0, count));
    position += count;
  }
}

const bytesOf = (length: number): Buffer =>
  Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 7 + (index >> 9)) & 0xff));

test('a sealed file is read at any position, whatever its length', () => {
  for (const length of [0, 1, 65_535, 65_536, 65_537, 131_072, 200_000]) {
    const plain = bytesOf(length);
    const sealed = seal([plain.subarray(0, length / 2), plain.subarray(length / 2)]);
    assert.ok(isSealed(sealed));
    const source = openSealedBlocks(sourceOf(sealed), stateKey, 'cookie');
    assert.equal(source.size, length);
    assert.ok(readAll(source).equals(plain));
    const into = Buffer.alloc(100);
    for (const position of [0, 65_500, 65_536, length - 3, length, length + 5]) {
      const count = source.read(into, Math.max(0, position));
      assert.ok(into.subarray(0, count).equals(plain.subarray(Math.max(0, position), Math.max(0, position) + count)));
      assert.equal(count > 0, Math.max(0, position) < length);
    }
  }
});

test('a sealed file that was cut, changed, reordered or sealed with another key is refused', () => {
  const sealed = seal([bytesOf(150_000)]);
  const read = (bytes: Uint8Array, key = stateKey): Buffer => readAll(openSealedBlocks(sourceOf(bytes), key, 'cookie'));
  assert.equal(read(sealed).length, 150_000);
  const block = 65_536 + 16;
  for (const length of [0, 10, 40, 55, 56, 40 + block, 40 + 2 * block, sealed.length - 1])
    assert.throws(() => read(sealed.subarray(0, length)), { code: 'ENVELOPE_DAMAGED', message: /cookie/ }, `${length}`);
  const swapped = Buffer.concat([
    sealed.subarray(0, 40),
    sealed.subarray(40 + block, 40 + 2 * block),
    sealed.subarray(40, 40 + block),
    sealed.subarray(40 + 2 * block),
  ]);
  assert.throws(() => read(swapped), { code: 'ENVELOPE_DAMAGED' });
  assert.throws(() => read(sealed, new StateKey(Buffer.alloc(32, 8))), { code: 'ENVELOPE_DAMAGED' });
  fc.assert(
    fc.property(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), (at, difference) => {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ difference;
      assert.throws(() => read(changed), { code: 'ENVELOPE_DAMAGED' });
    }),
    { numRuns: 50 },
  );
});

test('a positional cipher is AES-CTR from the start of the file, wherever it begins', () => {
  const key = Buffer.alloc(32, 3);
  fc.assert(
    fc.property(
      fc.uint8Array({ minLength: 16, maxLength: 16 }),
      fc.uint8Array({ maxLength: 300 }),
      fc.array(fc.nat(300), { maxLength: 5 }),
      (iv, plain, cuts) => {
        const whole = createCipheriv('aes-256-ctr', key, iv).update(plain);
        const cipher = createPositionalCipher(key, Buffer.from(iv).toString('hex'));
        const places = [0, ...cuts.filter((cut) => cut < plain.length).sort((a, b) => a - b), plain.length];
        const mine = Buffer.from(plain);
        for (let index = 1; index < places.length; index += 1)
          cipher.apply(mine.subarray(places[index - 1], places[index]), places[index - 1] as number);
        assert.deepEqual(mine, whole);
      },
    ),
  );
  const [one, other] = [createPositionalCipher(key), createPositionalCipher(key)];
  assert.notEqual(one.iv, other.iv);
});

test('a sealed text comes back with its key alone', () => {
  const sealed = stateKey.sealText('{"kind":"order"}');
  assert.match(sealed, /^[\w.-]+$/);
  assert.equal(stateKey.openText(sealed), '{"kind":"order"}');
  assert.equal(new StateKey(Buffer.alloc(32, 8)).openText(sealed), undefined);
  assert.equal(stateKey.openText('{"kind":"order"}'), undefined);
});

test('the state key is made once, opened by its certificate alone, and moves with protect rotate', {
  skip: noOpenSsl,
}, async () => {
  const [pair, next] = [makePair('agent'), makePair('next')];
  const certificate = await openCertificate({ file: pair.certificateFile, keyFile: pair.keyFile });
  const other = await openCertificate({ file: next.certificateFile, keyFile: next.keyFile });
  const path = fileIn('state-key.json');
  const [first, second] = await Promise.all([openStateKey(path, certificate), openStateKey(path, certificate)]);
  const sealed = first.sealText('x');
  assert.equal(second.openText(sealed), 'x');
  await assert.rejects(openStateKey(path, other), {
    code: 'LEAF_OTHER_CERTIFICATE',
    message: /StateKey of .*state-key\.json/,
  });
  await rotateFiles({ files: [path], from: certificate, to: other });
  assert.equal((await openStateKey(path, other)).openText(sealed), 'x');
  assert.ok(!readFileSync(path, 'utf8').includes('x"'));
  const whole = readFileSync(path, 'utf8');
  for (const damaged of [
    '{ "StateKey": "plain" }',
    '{}',
    '',
    'x',
    whole.slice(0, -20),
    whole.replace(/(?<=\..{50})./, '!'),
  ]) {
    writeFileSync(path, damaged);
    await assert.rejects(openStateKey(path, other), { mend: /backup of the work folder.* remove it/ }, damaged);
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('partial')),
    [],
  );
});
