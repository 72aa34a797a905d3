import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { constants, createDecipheriv, createPrivateKey, createPublicKey, privateDecrypt } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { CompactEncrypt, compactDecrypt } from 'jose';
import {
  type Certificate,
  createLeafDecryptor,
  decryptLeaf,
  encryptLeaf,
  leafShapeOf,
  openCertificate,
  ProtectionError,
} from '../src/index.ts';
import { fileIn, keyPem, makePair, noOpenSsl } from './test-certificates.ts';

const skip = noOpenSsl;
const pair = noOpenSsl === false ? makePair('agent') : { certificateFile: '', keyFile: '' };
const other = noOpenSsl === false ? makePair('other') : pair;
const open = (of = pair): Promise<Certificate> => openCertificate({ file: of.certificateFile, keyFile: of.keyFile });
const path = 'Connections.Main.Password';
const noJwcrypto =
  spawnSync('/usr/bin/python3', ['-c', 'import jwcrypto']).status === 0
    ? noOpenSsl
    : 'python3-jwcrypto is not installed: apt-get install python3-jwcrypto';

test('any text comes back from its leaf', { skip }, async () => {
  const certificate = await open();
  await fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (value) => {
      fc.pre(value.isWellFormed());
      assert.equal(await decryptLeaf(encryptLeaf(value, certificate), path, certificate), value);
    }),
    { numRuns: 60 },
  );
});

test('jose opens what is encrypted here', { skip }, async () => {
  const certificate = await open();
  const { plaintext, protectedHeader } = await compactDecrypt(
    encryptLeaf('Pässwörd 😀', certificate),
    createPrivateKey(keyPem(pair)),
  );
  assert.equal(Buffer.from(plaintext).toString('utf8'), 'Pässwörd 😀');
  assert.deepEqual(protectedHeader, { alg: 'RSA-OAEP-256', enc: 'A256GCM', kid: certificate.thumbprint.sha256 });
});

test('jwcrypto opens what is encrypted here', { skip: noJwcrypto }, async () => {
  const certificate = await open();
  const program = `
import sys
from jwcrypto import jwe, jwk
key = jwk.JWK.from_pem(open(sys.argv[1], 'rb').read())
token = jwe.JWE(algs=['RSA-OAEP-256', 'A256GCM'])
token.deserialize(sys.stdin.read(), key=key)
sys.stdout.buffer.write(token.payload)`;
  const { stdout, stderr } = spawnSync('/usr/bin/python3', ['-c', program, pair.keyFile], {
    input: encryptLeaf('Pässwörd 😀', certificate),
  });
  assert.equal(stdout.toString('utf8'), 'Pässwörd 😀', stderr.toString('utf8'));
});

test('the steps of RFC 7516, 5.2, taken by hand, open what is encrypted here', { skip }, async () => {
  const [head = '', ...rest] = encryptLeaf('by hand', await open()).split('.');
  const [encryptedKey, iv, ciphertext, tag] = rest.map((part) => Buffer.from(part, 'base64url')) as Buffer[];
  const key = { key: keyPem(pair), padding: constants.RSA_PKCS1_OAEP_PADDING, oaepHash: 'sha256' };
  const decipher = createDecipheriv('aes-256-gcm', privateDecrypt(key, encryptedKey as Buffer), iv as Buffer);
  decipher.setAAD(Buffer.from(head, 'ascii')).setAuthTag(tag as Buffer);
  assert.equal(Buffer.concat([decipher.update(ciphertext as Buffer), decipher.final()]).toString(), 'by hand');
});

function byJose(header: { alg: string; enc: string; kid?: string; zip?: string }, of = pair): Promise<string> {
  return new CompactEncrypt(Buffer.from('from jose'))
    .setProtectedHeader(header)
    .encrypt(createPublicKey(readFileSync(of.certificateFile)));
}

test('what jose encrypts is opened, with a thumbprint as kid, another kid, or none', { skip }, async () => {
  const certificate = await open();
  const { sha1, sha256 } = certificate.thumbprint;
  for (const kid of [{}, { kid: sha1 }, { kid: sha1.toLowerCase() }, { kid: sha256 }, { kid: 'our key of May' }]) {
    const leaf = await byJose({ alg: 'RSA-OAEP-256', enc: 'A256GCM', ...kid });
    assert.equal(await decryptLeaf(leaf, path, certificate), 'from jose');
  }
});

test('other algorithms are refused by name', { skip }, async () => {
  const certificate = await open();
  const kid = certificate.thumbprint.sha256;
  const cases = [
    [{ alg: 'RSA-OAEP', enc: 'A256GCM', kid }, /"RSA-OAEP"/],
    [{ alg: 'RSA-OAEP-256', enc: 'A128CBC-HS256', kid }, /"A128CBC-HS256"/],
  ] as const;
  for (const [header, message] of cases)
    await assert.rejects(decryptLeaf(await byJose(header), path, certificate), {
      code: 'LEAF_ALGORITHM_UNSUPPORTED',
      message,
    });
});

test('a leaf for another certificate names both, and no value', { skip }, async () => {
  const certificate = await open();
  const stranger = await open(other);
  await assert.rejects(decryptLeaf(encryptLeaf('geheim', stranger), path, certificate), (error: ProtectionError) => {
    assert.equal(error.code, 'LEAF_OTHER_CERTIFICATE');
    assert.ok(error.message.includes(path) && error.message.includes('CN=agent') && !error.message.includes('geheim'));
    assert.ok(error.message.includes(stranger.thumbprint.sha256));
    return true;
  });
  const withoutKid = await byJose({ alg: 'RSA-OAEP-256', enc: 'A256GCM' }, other);
  await assert.rejects(decryptLeaf(withoutKid, path, certificate), { code: 'LEAF_OTHER_CERTIFICATE' });
});

test('a leaf of another product’s tool names the tool to use here', { skip }, async () => {
  const leaf = `kxAB${Buffer.alloc(300, 7).toString('base64')}`;
  assert.equal(leafShapeOf(leaf), 'foreign');
  await assert.rejects(decryptLeaf(leaf, path, await open()), {
    code: 'LEAF_FOREIGN',
    message: /Connections\.Main\.Password/,
    mend: /exchange-connector protect/,
  });
  assert.equal(leafShapeOf('kxABsolutely'), 'plain');
});

test('a leaf with any one character changed, left out or doubled never opens', { skip }, async () => {
  const certificate = await open();
  const leaf = encryptLeaf('geheim', certificate);
  const codes = new Set(['LEAF_DAMAGED', 'LEAF_OTHER_CERTIFICATE', 'LEAF_ALGORITHM_UNSUPPORTED']);
  const refuse = async (changed: string): Promise<void> => {
    await assert.rejects(decryptLeaf(changed, path, certificate), (error: ProtectionError) => {
      assert.ok(error instanceof ProtectionError && codes.has(error.code), `${error}`);
      assert.ok(error.message.includes(path));
      return true;
    });
  };
  await fc.assert(
    fc.asyncProperty(
      fc.nat(leaf.length - 1),
      fc.constantFrom('change', 'leave out', 'double'),
      fc.constantFrom('A', 'z', '9', '_', '.', '=', 'é', '\u0000'),
      async (at, how, letter) => {
        const here = leaf[at] as string;
        const put = how === 'change' ? letter : how === 'double' ? here + here : '';
        fc.pre(put !== here);
        await refuse(leaf.slice(0, at) + put + leaf.slice(at + 1));
      },
    ),
    { numRuns: 300 },
  );
});

test('hostile leaves are refused within their limits', { skip }, async () => {
  const certificate = await open();
  const header = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  const good = { alg: 'RSA-OAEP-256', enc: 'A256GCM' };
  const cases: readonly (readonly [string, string])[] = [
    ['', 'LEAF_DAMAGED'],
    ['....', 'LEAF_DAMAGED'],
    [`${header([])}.AA.AA.AA.AA`, 'LEAF_DAMAGED'],
    [`${header('x')}.AA.AA.AA.AA`, 'LEAF_DAMAGED'],
    [`${header({ ...good, kid: { toString: 1 } })}.AA.AA.AA.AA`, 'LEAF_DAMAGED'],
    [`${header({ __proto__: null, constructor: 1 })}.AA.AA.AA.AA`, 'LEAF_DAMAGED'],
    [`${header({ ...good, crit: ['x'], x: 1 })}.AA.AA.AA.AA`, 'LEAF_ALGORITHM_UNSUPPORTED'],
    [`${header({ ...good, zip: 'DEF' })}.AA.AA.AA.AA`, 'LEAF_ALGORITHM_UNSUPPORTED'],
    [
      `${header({ alg: 'PBES2-HS512+A256KW', enc: 'A256GCM', p2c: 2 ** 31 })}.AA.AA.AA.AA`,
      'LEAF_ALGORITHM_UNSUPPORTED',
    ],
    [`${header({ alg: 'dir', enc: 'A256GCM' })}..${'A'.repeat(16)}.AA.${'A'.repeat(22)}`, 'LEAF_ALGORITHM_UNSUPPORTED'],
    [`${header({ alg: `${'x'.repeat(300)}`, enc: 'A256GCM' })}.AA.AA.AA.AA`, 'LEAF_ALGORITHM_UNSUPPORTED'],
    [`eyJ${'A'.repeat(1 << 20)}.AA.AA.AA.AA`, 'PROTECTION_LIMIT_EXCEEDED'],
    [`${header(good)}.AA.${'A'.repeat(16)}.AA.${'A'.repeat(11)}`, 'LEAF_DAMAGED'],
  ];
  for (const [leaf, code] of cases)
    await assert.rejects(decryptLeaf(leaf, path, certificate), (error: ProtectionError) => {
      assert.equal(error.code, code, leaf.slice(0, 80));
      assert.ok(error.message.length < 1000);
      return true;
    });
  assert.throws(() => encryptLeaf('x'.repeat(100_000), certificate), { code: 'PROTECTION_LIMIT_EXCEEDED' });
  assert.throws(() => encryptLeaf('\ud800', certificate), { code: 'PROTECT_FILE_INVALID' });
});

test('the decryptor of the settings leaves plain text as it is, and warns of a certificate that ends soon', {
  skip,
}, async () => {
  const settings = { file: pair.certificateFile, keyFile: pair.keyFile };
  const certificate = await open();
  const decryptor = await createLeafDecryptor(settings);
  assert.deepEqual(decryptor.warnings, []);
  assert.equal(
    await decryptor.decrypt('http://mailbox01.contoso.com/PowerShell/', 'Connections.Main.Server'),
    'http://mailbox01.contoso.com/PowerShell/',
  );
  assert.equal(await decryptor.decrypt(encryptLeaf('v', certificate), path), 'v');
  const soon = await createLeafDecryptor(settings, { now: new Date(certificate.notAfter.getTime() - 86_400_000) });
  assert.equal(soon.warnings.length, 1);
  assert.match(soon.warnings[0] as string, /CN=agent.*ends on/);
  await assert.rejects(createLeafDecryptor({ file: pair.certificateFile }), { code: 'CERTIFICATE_KEY_MISSING' });
  const wrong = fileIn('wrong.pfx');
  writeFileSync(wrong, 'nothing');
  await assert.rejects(createLeafDecryptor({ file: wrong }), { code: 'CERTIFICATE_DAMAGED' });
});
