import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { compactDecrypt } from 'jose';
import { isWrappedPassword, newPasswordKey, openCertificate, unwrapPassword, wrapPassword } from '../src/index.ts';
import { fileIn, makePair, makePfx, noOpenSsl, secret } from './test-certificates.ts';

const inEnvironment = (key: string) => ({ environment: { EXCHANGE_CERTIFICATE_PASSWORD_KEY: key } });
const doing = 'reading the password of agent.pfx';

test('any password comes back, with a key as hexadecimal digits, base64 or base64url', () => {
  const key = newPasswordKey();
  const bytes = Buffer.from(key, 'base64url');
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme' }), (password) => {
      const wrapped = wrapPassword(password, inEnvironment(key));
      assert.ok(isWrappedPassword(wrapped));
      for (const form of [key, bytes.toString('hex'), bytes.toString('base64'), `${key}\r\n`])
        assert.equal(unwrapPassword(wrapped, inEnvironment(form), doing), password);
    }),
  );
});

test('jose opens a wrapped password with the key', async () => {
  const key = newPasswordKey();
  const { plaintext } = await compactDecrypt(wrapPassword('geheim', inEnvironment(key)), Buffer.from(key, 'base64url'));
  assert.equal(Buffer.from(plaintext).toString(), 'geheim');
});

test('without a key nothing is wrapped, and the reason is said', () => {
  for (const source of [{}, { environment: {} }, inEnvironment('  ')])
    assert.throws(() => wrapPassword('geheim', source), { code: 'PASSWORD_KEY_MISSING', message: /obfuscated/ });
  assert.throws(() => wrapPassword('geheim', inEnvironment('short')), {
    code: 'PASSWORD_KEY_INVALID',
    message: /EXCHANGE_CERTIFICATE_PASSWORD_KEY/,
  });
});

test('another key and a damaged text each have their own error, without key or password', () => {
  const key = newPasswordKey();
  const wrapped = wrapPassword('geheim', inEnvironment(key));
  assert.throws(
    () => unwrapPassword(wrapped, inEnvironment(newPasswordKey()), doing),
    (error: Error & { code: string }) => {
      assert.equal(error.code, 'PASSWORD_KEY_WRONG');
      assert.ok(
        !error.message.includes(key) && !error.message.includes('geheim') && error.message.includes('agent.pfx'),
      );
      return true;
    },
  );
  const damaged = wrapped.replace(/.$/, (end) => (end === 'A' ? 'Q' : 'A'));
  assert.throws(() => unwrapPassword(damaged, inEnvironment(key), doing), { code: 'LEAF_DAMAGED' });
});

test('a PFX is opened with a wrapped password and a key file', { skip: noOpenSsl }, async () => {
  const file = makePfx(makePair('agent'), 'Grüße');
  const passwordKey = { file: fileIn('password.key') };
  writeFileSync(passwordKey.file, `${newPasswordKey()}\n`);
  const password = secret(wrapPassword('Grüße', passwordKey));
  assert.equal((await openCertificate({ file, password }, { passwordKey })).subject, 'CN=agent, O=Contoso');
  await assert.rejects(openCertificate({ file, password }), { code: 'PASSWORD_KEY_MISSING' });
});
