import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Certificate,
  createEnvelopeWriter,
  decryptFile,
  openCertificate,
  openEnvelope,
  ProtectionError,
} from '../src/index.ts';
import { fileIn, folder, makePair, mustOpenssl, noOpenSsl, openssl } from './test-certificates.ts';

const skip = noOpenSsl;
const pair = noOpenSsl === false ? makePair('agent') : { certificateFile: '', keyFile: '' };
const other = noOpenSsl === false ? makePair('other') : pair;
const open = (of = pair): Promise<Certificate> => openCertificate({ file: of.certificateFile, keyFile: of.keyFile });

function bytesOf(length: number): Buffer {
  return Buffer.from(Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8)) & 0xff));
}

function seal(certificate: Certificate, chunks: readonly Uint8Array[]): Buffer {
  const writer = createEnvelopeWriter(certificate);
  return Buffer.concat([...chunks.map((chunk) => writer.add(chunk)), writer.finish()]);
}

/** Cuts bytes into chunks of the given lengths, over and over. */
async function* cut(bytes: Uint8Array, lengths: readonly number[]): AsyncGenerator<Uint8Array> {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const length = lengths[turn % lengths.length] as number;
    yield bytes.subarray(at, at + length);
    at += length;
  }
}

async function unseal(envelope: Uint8Array, certificate: Certificate, lengths = [1 << 20]): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for await (const part of openEnvelope(cut(envelope, lengths), certificate, 'the file')) parts.push(part);
  return Buffer.concat(parts);
}

const lengths = [0, 1, 65_535, 65_536, 65_537, 300_000];

test('openssl cms opens what is written here, of any length', { skip }, async () => {
  const certificate = await open();
  for (const length of lengths) {
    const sealed = fileIn('ours.cms');
    const opened = fileIn('ours.out');
    writeFileSync(sealed, seal(certificate, [bytesOf(length)]));
    mustOpenssl(
      'cms',
      '-decrypt',
      '-inform',
      'DER',
      '-in',
      sealed,
      '-out',
      opened,
      '-recip',
      pair.certificateFile,
      '-inkey',
      pair.keyFile,
    );
    assert.ok(readFileSync(opened).equals(bytesOf(length)), `${length} bytes`);
  }
});

test('what openssl cms writes is opened here: definite and indefinite lengths, key identifiers, AES of each size', {
  skip,
}, async () => {
  const certificate = await open();
  const plain = fileIn('plain');
  const variants = [['-aes-256-gcm'], ['-aes-192-gcm', '-keyid'], ['-aes-128-gcm', '-keyopt', 'rsa_oaep_md:sha256']];
  for (const length of lengths) {
    writeFileSync(plain, bytesOf(length));
    // OpenSSL itself fails on nothing at all as a stream.
    for (const variant of variants)
      for (const stream of length === 0 ? [[]] : [[], ['-stream']]) {
        const sealed = fileIn('theirs.cms');
        const both = [
          '-recip',
          other.certificateFile,
          '-keyopt',
          'rsa_padding_mode:oaep',
          '-recip',
          pair.certificateFile,
          '-keyopt',
          'rsa_padding_mode:oaep',
        ];
        const [cipher = '', ...more] = variant;
        mustOpenssl(
          'cms',
          '-encrypt',
          '-binary',
          cipher,
          ...stream,
          '-outform',
          'DER',
          '-in',
          plain,
          '-out',
          sealed,
          ...both,
          ...more,
        );
        assert.ok((await unseal(readFileSync(sealed), certificate)).equals(bytesOf(length)));
      }
  }
});

test('what openssl cms writes in ways that are not read here is refused by name', { skip }, async () => {
  const plain = fileIn('plain');
  writeFileSync(plain, 'text');
  const cases = [
    [['-aes-256-gcm'], 'DER', 'ENVELOPE_UNSUPPORTED', /PKCS #1 v1\.5/],
    [['-aes-256-cbc', '-keyopt', 'rsa_padding_mode:oaep'], 'DER', 'ENVELOPE_UNSUPPORTED', /nothing authenticates/],
    [
      [
        '-aes-256-gcm',
        '-keyopt',
        'rsa_padding_mode:oaep',
        '-keyopt',
        'rsa_oaep_md:sha256',
        '-keyopt',
        'rsa_mgf1_md:sha1',
      ],
      'DER',
      'ENVELOPE_UNSUPPORTED',
      /mask generation with sha1/,
    ],
    [['-aes-256-gcm', '-keyopt', 'rsa_padding_mode:oaep'], 'PEM', 'ENVELOPE_DAMAGED', /PEM or S\/MIME/],
    [['-aes-256-gcm', '-keyopt', 'rsa_padding_mode:oaep'], 'SMIME', 'ENVELOPE_DAMAGED', /PEM or S\/MIME/],
  ] as const;
  for (const [[cipher, ...options], form, code, message] of cases) {
    const sealed = fileIn('refused.cms');
    mustOpenssl(
      'cms',
      '-encrypt',
      '-binary',
      cipher,
      '-outform',
      form,
      '-in',
      plain,
      '-out',
      sealed,
      '-recip',
      pair.certificateFile,
      ...options,
    );
    await assert.rejects(unseal(readFileSync(sealed), await open()), { code, message });
  }
  await assert.rejects(unseal(Buffer.from('Command,Name\r\n'), await open()), {
    code: 'ENVELOPE_DAMAGED',
    message: /not encrypted/,
  });
});

test('any content comes back, however it is cut into chunks on either side', { skip }, async () => {
  const certificate = await open();
  const chunk = fc.uint8Array({ maxLength: 5000 });
  await fc.assert(
    fc.asyncProperty(
      fc.array(chunk, { maxLength: 6 }),
      fc.array(fc.integer({ min: 1, max: 700 }), { minLength: 1, maxLength: 5 }),
      async (chunks, cuts) => {
        const sealed = seal(certificate, chunks);
        assert.ok((await unseal(sealed, certificate, cuts)).equals(Buffer.concat(chunks)));
      },
    ),
    { numRuns: 60 },
  );
});

test('an envelope that was cut at any place is refused as cut, whatever came before', { skip }, async () => {
  const certificate = await open();
  const sealed = seal(certificate, [bytesOf(500)]);
  for (let length = 0; length < sealed.length; length += 1)
    await assert.rejects(
      unseal(sealed.subarray(0, length), certificate),
      { code: 'ENVELOPE_TRUNCATED' },
      `${length} bytes`,
    );
  await assert.rejects(unseal(Buffer.concat([sealed, Buffer.from([0])]), certificate), { code: 'ENVELOPE_DAMAGED' });
});

test('an envelope with any byte changed gives the content that was sealed, or an error, and never anything else', {
  skip,
}, async () => {
  const certificate = await open();
  const plain = bytesOf(300);
  const sealed = seal(certificate, [plain]);
  await fc.assert(
    fc.asyncProperty(fc.nat(sealed.length - 1), fc.integer({ min: 1, max: 255 }), async (at, difference) => {
      const changed = Buffer.from(sealed);
      changed[at] = (changed[at] as number) ^ difference;
      try {
        assert.ok((await unseal(changed, certificate)).equals(plain));
      } catch (error) {
        assert.ok(error instanceof ProtectionError, `byte ${at} xor ${difference}: ${error}`);
        assert.match(error.code, /^ENVELOPE_/);
      }
    }),
    { numRuns: 400 },
  );
});

test('bytes of every kind are refused as no envelope', { skip }, async () => {
  const certificate = await open();
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ maxLength: 400 }), fc.boolean(), async (bytes, asSequence) => {
      const given = asSequence ? Buffer.concat([Buffer.from([0x30, 0x80]), bytes]) : bytes;
      await assert.rejects(unseal(given, certificate), (error) => error instanceof ProtectionError);
    }),
    { numRuns: 300 },
  );
});

test('decrypt-file keeps nothing of a damaged file, of one for another certificate, or when it is cancelled', {
  skip,
}, async () => {
  const certificate = await open();
  const plain = bytesOf(200_000);
  const sealed = seal(certificate, [plain]);
  const input = fileIn('in.cms');
  const output = fileIn('out.csv');
  const before = readdirSync(folder).sort();
  const damaged = Buffer.from(sealed);
  damaged[sealed.length - 10] = (damaged[sealed.length - 10] as number) ^ 1;
  const cases = [
    [damaged, certificate, 'ENVELOPE_DAMAGED'],
    [sealed.subarray(0, -30), certificate, 'ENVELOPE_TRUNCATED'],
    [sealed, await open(other), 'ENVELOPE_OTHER_CERTIFICATE'],
  ] as const;
  for (const [bytes, using, code] of cases) {
    writeFileSync(input, bytes);
    await assert.rejects(decryptFile({ input, output, certificate: using }), { code, message: /in\.cms/ });
  }
  writeFileSync(input, sealed);
  await assert.rejects(decryptFile({ input, output, certificate, signal: AbortSignal.abort() }), {
    name: 'AbortError',
  });
  assert.deepEqual(readdirSync(folder).sort(), [...new Set([...before, 'in.cms'])].sort());
  assert.equal(await decryptFile({ input, output, certificate }), plain.length);
  assert.ok(readFileSync(output).equals(plain));
  if (process.platform !== 'win32') assert.equal(statSync(output).mode & 0o777, 0o600);
  await assert.rejects(decryptFile({ input, output: input, certificate }), {
    code: 'PROTECTION_FILE_FAILED',
    message: /the output is the input/,
  });
  await assert.rejects(decryptFile({ input: fileIn('none'), output, certificate }), { code: 'PROTECTION_FILE_FAILED' });
});

test('openssl cms leaves the plaintext of a damaged file and exits 4, as the documentation says', {
  skip,
}, async () => {
  const sealed = seal(await open(), [bytesOf(1000)]);
  sealed[sealed.length - 10] = (sealed[sealed.length - 10] as number) ^ 1;
  const input = fileIn('damaged.cms');
  const output = fileIn('damaged.out');
  writeFileSync(input, sealed);
  const { status } = openssl(
    'cms',
    '-decrypt',
    '-inform',
    'DER',
    '-in',
    input,
    '-out',
    output,
    '-recip',
    pair.certificateFile,
    '-inkey',
    pair.keyFile,
  );
  assert.equal(status, 4);
  assert.ok(existsSync(output));
});

test('nothing is sealed to a certificate out of its validity', { skip }, async () => {
  const late = await openCertificate({ file: pair.certificateFile }, { now: new Date('2126-01-01') });
  assert.throws(() => createEnvelopeWriter(late), { code: 'CERTIFICATE_EXPIRED' });
});
