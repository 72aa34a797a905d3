import assert from 'node:assert/strict';
import { createHmac, createPrivateKey, pbkdf2Sync, X509Certificate } from 'node:crypto';
import { readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type Certificate, decryptLeaf, encryptLeaf, openCertificate } from '../src/index.ts';
import { Asn1Reader } from '../src/asn1/reader.ts';
import { encodeObjectIdentifier, encodeOctets, encodeSequence } from '../src/asn1/writer.ts';
import { fileIn, folder, keyPem, makePair, makePfx, mustOpenssl, noOpenSsl, secret } from './test-certificates.ts';

const skip = noOpenSsl;
const pair = noOpenSsl === false ? makePair('agent') : { certificateFile: '', keyFile: '' };
const recorded = (name: string): string => join(import.meta.dirname, 'recorded', name);

async function canDecrypt(certificate: Certificate): Promise<void> {
  assert.equal(
    await decryptLeaf(encryptLeaf('geheim €', certificate), 'Connections.A.Password', certificate),
    'geheim €',
  );
}

const protections = [
  ['AES-256 and SHA-256, as OpenSSL 3 and Windows write it today', []],
  ['RC2-40 and 3DES with SHA-1, as older Windows and OpenSSL wrote it', ['-legacy']],
  ['AES-128, AES-192 and SHA-512', ['-keypbe', 'AES-128-CBC', '-certpbe', 'AES-192-CBC', '-macalg', 'SHA512']],
  ['two-key 3DES and RC2-128', ['-legacy', '-keypbe', 'PBE-SHA1-2DES', '-certpbe', 'PBE-SHA1-RC2-128']],
  ['3DES in PBES2', ['-keypbe', 'DES-EDE3-CBC', '-certpbe', 'DES-EDE3-CBC']],
  ['certificates in plain text', ['-certpbe', 'NONE']],
  ['no MAC', ['-nomac']],
] as const;
const passwords = ['correct horse', 'Grüße-日本-😀', ''];

for (const [what, options] of protections)
  test(`a PFX with ${what} is opened, with passwords in any script and with the empty one`, { skip }, async () => {
    const x509 = new X509Certificate(readFileSync(pair.certificateFile));
    for (const password of passwords) {
      const file = makePfx(pair, password, '-name', 'Fräulein Schlüssel', ...options);
      const certificate = await openCertificate({ file, password: secret(password) });
      assert.deepEqual(certificate.thumbprint, {
        sha1: x509.fingerprint.replaceAll(':', ''),
        sha256: x509.fingerprint256.replaceAll(':', '').toLowerCase(),
      });
      assert.equal(certificate.friendlyName, 'Fräulein Schlüssel');
      assert.ok(certificate.privateKey?.equals(createPrivateKey(keyPem(pair))));
      await canDecrypt(certificate);
    }
  });

test('a PFX with PBMAC1 (RFC 9579), its MAC made by hand, is opened, and a wrong password is told', {
  skip,
}, async () => {
  const without = new Asn1Reader(readFileSync(makePfx(pair, 'p', '-nomac'))).sequence('a PFX');
  const version = without.any().encoded;
  const authSafe = without.any();
  const info = without.inside(authSafe);
  info.any();
  const content = info.inside(info.any()).octets('the content');
  const [salt, iterations, keyBytes] = [Buffer.from('saltsalt'), 2048, 20];
  const digest = createHmac('sha256', pbkdf2Sync('p', salt, iterations, keyBytes, 'sha512'))
    .update(content)
    .digest();
  const algorithm = (id: string, ...parameters: Uint8Array[]) =>
    encodeSequence(encodeObjectIdentifier(id), ...parameters);
  const numbers = [Buffer.from([2, 2, iterations >> 8, iterations & 0xff]), Buffer.from([2, 1, keyBytes])];
  const pbkdf2 = algorithm(
    '1.2.840.113549.1.5.12',
    encodeSequence(encodeOctets(salt), ...numbers, algorithm('1.2.840.113549.2.11')),
  );
  const pbmac1 = algorithm('1.2.840.113549.1.5.14', encodeSequence(pbkdf2, algorithm('1.2.840.113549.2.9')));
  const mac = encodeSequence(
    encodeSequence(pbmac1, encodeOctets(digest)),
    encodeOctets(Buffer.from('NOT USED')),
    Buffer.from([2, 1, 1]),
  );
  const file = fileIn('pbmac1.pfx');
  writeFileSync(file, encodeSequence(version, authSafe.encoded, mac));
  await canDecrypt(await openCertificate({ file, password: secret('p') }));
  await assert.rejects(openCertificate({ file, password: secret('q') }), { code: 'CERTIFICATE_PASSWORD_WRONG' });
});

const others = [
  ['dotnet-3des-sha1.pfx', 'Grüße-日本', 'E2EBBEEE8A6DA6E815FF6A2A340CB2194D729327'],
  ['dotnet-aes256-sha256.pfx', 'Grüße-日本', 'E2EBBEEE8A6DA6E815FF6A2A340CB2194D729327'],
  ['java.pfx', 'correct horse', '4D4E8FC677E32C0EC32CB9B0D37785850FC9F475'],
  ['java-rc2-40.pfx', 'correct horse', 'A4FC5AADF5FF72B93C6A354FD4E0CD4760E7DB41'],
] as const;

test('PFX files that .NET and Java wrote are opened', async () => {
  for (const [name, password, thumbprint] of others) {
    const certificate = await openCertificate({ file: recorded(name), password: secret(password) });
    assert.equal(certificate.thumbprint.sha1, thumbprint, name);
    await canDecrypt(certificate);
  }
});

test('of a PFX with two keys, the thumbprint or the name says which is meant', async () => {
  const settings = { file: recorded('java-two-keys.pfx'), password: secret('correct horse') };
  await assert.rejects(openCertificate(settings), {
    code: 'CERTIFICATE_AMBIGUOUS',
    message: /Recorded first.*Recorded second/,
  });
  const first = await openCertificate({ ...settings, distinguishedName: 'cn=recorded FIRST, o = contoso' });
  assert.equal(first.subject, 'O=Contoso, CN=Recorded first');
  const spelled = (first.thumbprint.sha1.match(/../g) ?? []).join(' ');
  // A thumbprint copied from the dialog of Windows begins with a mark that nobody sees.
  const again = await openCertificate({ ...settings, thumbprint: `\u200e${spelled.toLowerCase()}` });
  assert.equal(again.subject, first.subject);
  const bySha256 = await openCertificate({ ...settings, thumbprint: first.thumbprint.sha256 });
  assert.equal(bySha256.subject, first.subject);
  await assert.rejects(openCertificate({ ...settings, thumbprint: '00'.repeat(20) }), {
    code: 'CERTIFICATE_NOT_FOUND',
  });
  await assert.rejects(openCertificate({ ...settings, thumbprint: 'xyz' }), { code: 'CERTIFICATE_SETTINGS_INVALID' });
});

test('of a chain, the certificate that the key belongs to is taken', { skip }, async () => {
  const authority = makePair('authority');
  const file = makePfx(pair, 'p', '-certfile', authority.certificateFile);
  assert.equal((await openCertificate({ file, password: secret('p') })).subject, 'CN=agent, O=Contoso');
  const chain = fileIn('chain.pem');
  writeFileSync(chain, readFileSync(authority.certificateFile, 'utf8') + readFileSync(pair.certificateFile, 'utf8'));
  assert.equal((await openCertificate({ file: chain, keyFile: pair.keyFile })).subject, 'CN=agent, O=Contoso');
});

test('a PEM pair is opened from one file or two, its key plain or encrypted, and DER with a key file', {
  skip,
}, async () => {
  const both = fileIn('both.pem');
  writeFileSync(both, `${keyPem(pair)}\n${readFileSync(pair.certificateFile, 'utf8')}`);
  await canDecrypt(await openCertificate({ file: both }));
  await canDecrypt(await openCertificate({ file: pair.certificateFile, keyFile: pair.keyFile }));
  const encrypted = fileIn('encrypted.key');
  mustOpenssl(
    'pkcs8',
    '-topk8',
    '-in',
    pair.keyFile,
    '-out',
    encrypted,
    '-passout',
    'pass:Grüße',
    '-v2',
    'aes-256-cbc',
  );
  const settings = { file: pair.certificateFile, keyFile: encrypted };
  await canDecrypt(await openCertificate({ ...settings, password: secret('Grüße') }));
  await assert.rejects(openCertificate({ ...settings, password: secret('grüße') }), {
    code: 'CERTIFICATE_PASSWORD_WRONG',
  });
  await assert.rejects(openCertificate(settings), { code: 'CERTIFICATE_PASSWORD_MISSING' });
  const der = fileIn('agent.cer');
  mustOpenssl('x509', '-in', pair.certificateFile, '-outform', 'DER', '-out', der);
  await canDecrypt(await openCertificate({ file: der, keyFile: pair.keyFile }));
});

test('with the certificate alone values can be encrypted, and to decrypt says that the key is missing', {
  skip,
}, async () => {
  const certificate = await openCertificate({ file: pair.certificateFile });
  const leaf = encryptLeaf('v', certificate);
  await assert.rejects(decryptLeaf(leaf, 'A.B', certificate), { code: 'CERTIFICATE_KEY_MISSING', message: /A\.B/ });
  const pfx = makePfx(pair, 'p', '-nokeys');
  assert.equal((await openCertificate({ file: pfx, password: secret('p') })).unwrapKey, undefined);
});

test('a key that is not RSA of 2048 bits or more is refused by its kind or size', { skip }, async () => {
  const refusals = [
    ['ec', 'CERTIFICATE_KEY_UNSUPPORTED', /of type ec/],
    ['rsa-pss', 'CERTIFICATE_KEY_UNSUPPORTED', /of type rsa-pss/],
    ['rsa-1024', 'CERTIFICATE_KEY_SIZE_REFUSED', /1024 bits/],
  ] as const;
  for (const [kind, code, message] of refusals) {
    const weak = makePair(kind, kind);
    await assert.rejects(openCertificate({ file: weak.certificateFile, keyFile: weak.keyFile }), { code, message });
    await assert.rejects(openCertificate({ file: makePfx(weak, 'p'), password: secret('p') }), { code, message });
  }
});

test('a certificate out of its validity still decrypts, and nothing is encrypted to it', { skip }, async () => {
  const settings = { file: pair.certificateFile, keyFile: pair.keyFile };
  const valid = await openCertificate(settings);
  const leaf = encryptLeaf('still here', valid);
  const late = await openCertificate(settings, { now: new Date(valid.notAfter.getTime() + 1000) });
  assert.equal(late.validity, 'expired');
  assert.equal(await decryptLeaf(leaf, 'A', late), 'still here');
  assert.throws(() => encryptLeaf('x', late), { code: 'CERTIFICATE_EXPIRED', message: /CN=agent.*ended on/ });
  const early = await openCertificate(settings, { now: new Date(valid.notBefore.getTime() - 1000) });
  assert.throws(() => encryptLeaf('x', early), { code: 'CERTIFICATE_NOT_YET_VALID', message: /begins on/ });
});

test('wrong passwords, missing passwords and files that are none each have their own error, without the password', {
  skip,
}, async () => {
  const file = makePfx(pair, 'right');
  await assert.rejects(openCertificate({ file, password: secret('S3cr3tTry') }), (error: Error & { code: string }) => {
    assert.equal(error.code, 'CERTIFICATE_PASSWORD_WRONG');
    assert.ok(error.message.includes(file));
    assert.ok(!error.message.includes('S3cr3tTry'));
    return true;
  });
  await assert.rejects(openCertificate({ file }), { code: 'CERTIFICATE_PASSWORD_MISSING' });
  const text = fileIn('notes.txt');
  writeFileSync(text, 'these are no bytes of a certificate');
  await assert.rejects(openCertificate({ file: text }), { code: 'CERTIFICATE_DAMAGED' });
  const empty = fileIn('empty.pfx');
  writeFileSync(empty, '');
  await assert.rejects(openCertificate({ file: empty }), { code: 'CERTIFICATE_DAMAGED' });
  const noCertificate = fileIn('key-only.pem');
  writeFileSync(noCertificate, keyPem(pair));
  await assert.rejects(openCertificate({ file: noCertificate }), { code: 'CERTIFICATE_NOT_FOUND' });
  await assert.rejects(openCertificate({ file: pair.certificateFile, keyFile: pair.certificateFile }), {
    code: 'CERTIFICATE_KEY_MISSING',
  });
  const stranger = makePair('stranger');
  await assert.rejects(openCertificate({ file: pair.certificateFile, keyFile: stranger.keyFile }), {
    code: 'CERTIFICATE_KEY_MISSING',
    message: /fits none/,
  });
  await assert.rejects(openCertificate({ file: fileIn('nowhere.pfx') }), {
    code: 'PROTECTION_FILE_FAILED',
    message: /is not there/,
  });
  await assert.rejects(openCertificate({ file: folder }), { code: 'PROTECTION_FILE_FAILED', message: /a folder/ });
  await assert.rejects(openCertificate({}), { code: 'CERTIFICATE_SETTINGS_INVALID' });
  const huge = fileIn('huge.pfx');
  writeFileSync(huge, '');
  truncateSync(huge, 3 << 20);
  await assert.rejects(openCertificate({ file: huge }), {
    code: 'PROTECTION_LIMIT_EXCEEDED',
    message: /3145728 bytes/,
  });
});

test('a PFX that was cut anywhere is damaged, and one that asks for endless key derivation is refused', {
  skip,
}, async () => {
  const bytes = readFileSync(makePfx(pair, 'p'));
  const cut = fileIn('cut.pfx');
  for (let length = 1; length < bytes.length; length += 97) {
    writeFileSync(cut, bytes.subarray(0, length));
    await assert.rejects(openCertificate({ file: cut, password: secret('p') }), { code: 'CERTIFICATE_DAMAGED' });
  }
  const patched = Buffer.from(bytes);
  // The last element of the file is the number of iterations of the MAC: 02 02 08 00.
  assert.deepEqual([...patched.subarray(-4)], [2, 2, 8, 0]);
  const grown = Buffer.concat([patched.subarray(0, -4), Buffer.from([2, 4, 0x7f, 0xff, 0xff, 0xff])]);
  // Two lengths enclose it: of the PFX, and of its MAC.
  grown.writeUInt16BE(grown.readUInt16BE(2) + 2, 2);
  const macAt = grown.lastIndexOf(Buffer.from([0x30, 0x31, 0x30, 0x0d])) - 2;
  grown[macAt + 1] = (grown[macAt + 1] as number) + 2;
  writeFileSync(cut, grown);
  await assert.rejects(openCertificate({ file: cut, password: secret('p') }), { code: 'PROTECTION_LIMIT_EXCEEDED' });
});
