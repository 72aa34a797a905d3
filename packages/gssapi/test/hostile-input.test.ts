import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import fc from 'fast-check';
import { GssapiError, gssapiMechanism, type SecurityContext } from '@exchange-connector/gssapi';
import type { Realm } from '@exchange-connector/rehearsal';
import { decodeKeytab } from '../src/keytab-file.ts';
import { realmForTest, shakeHands } from './realm-for-tests.ts';

const target = 'HTTP/mail.example.test';
let realm: Realm;
before(async (t) => {
  const ending = t as unknown as { after(work: () => Promise<void>): void };
  const principals = [
    { name: 'alice', keytab: 'alice.keytab' },
    { name: target, keytab: 'http.keytab' },
  ];
  realm = await realmForTest(ending, { principals });
});

function initiate(scheme: 'kerberos' | 'negotiate'): SecurityContext {
  return gssapiMechanism().initiate({
    target,
    scheme,
    credential: { kind: 'keytab', file: realm.keytab('alice.keytab') },
  });
}

function accept(scheme: 'kerberos' | 'negotiate', replayCache?: string): SecurityContext {
  return gssapiMechanism().accept({
    keytab: realm.keytab('http.keytab'),
    scheme,
    ...(replayCache ? { replayCache } : {}),
  });
}

/** `bytes` with some of them changed, cut off or added: what a broken or wicked peer sends. */
function damaged(bytes: Uint8Array): fc.Arbitrary<Uint8Array> {
  const flip = fc.tuple(fc.nat(bytes.length - 1), fc.integer({ min: 1, max: 255 })).map(([at, mask]) => {
    const copy = Uint8Array.from(bytes);
    copy[at] = (copy[at] ?? 0) ^ mask;
    return copy;
  });
  const cut = fc.nat(bytes.length - 1).map((length) => bytes.slice(0, length));
  const grown = fc.uint8Array({ minLength: 1, maxLength: 40 }).map((more) => Uint8Array.from([...bytes, ...more]));
  return fc.oneof({ weight: 4, arbitrary: flip }, cut, grown, fc.uint8Array({ maxLength: 300 }));
}

for (const scheme of ['kerberos', 'negotiate'] as const) {
  test(`under ${scheme}, a damaged first token fails the acceptor with an error of this package or is harmless`, async () => {
    const first = await initiate(scheme).step();
    assert.ok(first);
    await fc.assert(
      fc.asyncProperty(damaged(first), async (token) => {
        const acceptor = accept(scheme);
        const failure = await acceptor.step(token).then(
          () => undefined,
          (error: unknown) => error,
        );
        assert.ok(failure === undefined || failure instanceof GssapiError, String(failure));
        // Flags outside the ticket and the authenticator are not covered by a checksum; who it is always is.
        if (failure === undefined && acceptor.complete) assert.equal(acceptor.peer, 'alice@EXAMPLE.TEST');
        acceptor.end();
      }),
      { numRuns: 300 },
    );
  });

  test(`under ${scheme}, a damaged answer, or one to another client, never completes the initiator`, async () => {
    const sample = initiate(scheme);
    const answer = await accept(scheme).step(await sample.step());
    assert.ok(answer);
    await fc.assert(
      fc.asyncProperty(damaged(answer), async (token) => {
        const initiator = initiate(scheme);
        await initiator.step();
        // It answers another authenticator than this initiator's: even unharmed it must be refused.
        const failure = await initiator.step(token).then(
          () => undefined,
          (error: unknown) => error,
        );
        assert.ok(failure === undefined || failure instanceof GssapiError, String(failure));
        assert.equal(initiator.complete, false);
        initiator.end();
      }),
      { numRuns: 200 },
    );
  });
}

const TOKEN_HEADER_BYTES = 16;
const RRC_OFFSET = 6;

/** Whether two token headers differ in their right rotation count alone, by whole turns of the body. */
function saysTheSameRotation(damaged: Buffer, whole: Uint8Array, bodyBytes: number): boolean {
  const original = Buffer.from(whole);
  const [before, after] = [original.readUInt16BE(RRC_OFFSET), damaged.readUInt16BE(RRC_OFFSET)];
  return before !== after && (after - before) % bodyBytes === 0;
}

test('every damage to a sealed message is found, and the context goes on with the next whole one', async () => {
  const [initiator, acceptor] = [initiate('kerberos'), accept('kerberos')];
  await shakeHands(initiator, acceptor);
  const plaintext = randomBytes(300);
  await fc.assert(
    fc.asyncProperty(fc.nat(359), fc.integer({ min: 1, max: 255 }), async (at, mask) => {
      const { header, data } = await initiator.wrap(plaintext);
      const token = Buffer.concat([header, data]);
      token[at] = (token[at] ?? 0) ^ mask;
      const opening = acceptor.unwrap(token.subarray(0, header.length), token.subarray(header.length));
      if (saysTheSameRotation(token, header, token.length - TOKEN_HEADER_BYTES)) {
        // Another spelling of the same token: RRC stands outside the checksum (RFC 4121 4.2.4, 4.2.5).
        assert.deepEqual(Buffer.from(await opening), plaintext);
        return;
      }
      await assert.rejects(opening, (error: GssapiError) => {
        assert.ok(error instanceof GssapiError);
        assert.equal(error.code, 'GSSAPI_MESSAGE_DAMAGED');
        return true;
      });
      assert.deepEqual(Buffer.from(await acceptor.unwrap(header, data)), plaintext);
    }),
    // The damage that once was taken for one: 0xAC00 is a whole number of turns of 344 bytes.
    { numRuns: 600, examples: [[6, 0xac]] },
  );
});

test('a sealed message cut short or lengthened, and an empty one, are refused', async () => {
  const [initiator, acceptor] = [initiate('negotiate'), accept('negotiate')];
  await shakeHands(initiator, acceptor);
  const { header, data } = await initiator.wrap(randomBytes(100));
  const refused = (error: GssapiError) => error.code === 'GSSAPI_MESSAGE_DAMAGED';
  for (let length = 0; length < header.length; length += 1) {
    await assert.rejects(acceptor.unwrap(header.subarray(0, length), data), refused);
  }
  for (let length = 0; length < data.length; length += 1) {
    await assert.rejects(acceptor.unwrap(header, data.subarray(0, length)), refused);
  }
  await assert.rejects(acceptor.unwrap(header, Buffer.concat([data, Buffer.alloc(1)])), refused);
  await assert.rejects(acceptor.unwrap(Buffer.alloc(0), Buffer.alloc(0)), refused);
});

test('a message that comes twice, or is left out, is found', async () => {
  const [initiator, acceptor] = [initiate('kerberos'), accept('kerberos')];
  await shakeHands(initiator, acceptor);
  const sent = [];
  for (let count = 0; count < 3; count += 1) sent.push(await initiator.wrap(Buffer.from(`message ${count}`)));
  const [first, , third] = sent;
  assert.ok(first !== undefined && third !== undefined);
  await acceptor.unwrap(first.header, first.data);
  const outOfSequence = (error: GssapiError) => error.code === 'GSSAPI_MESSAGE_OUT_OF_SEQUENCE';
  await assert.rejects(acceptor.unwrap(first.header, first.data), outOfSequence);
  await assert.rejects(acceptor.unwrap(third.header, third.data), outOfSequence);
});

test('with a replay cache the same first token is refused the second time; without one both are taken', async () => {
  const token = await initiate('kerberos').step();
  for (let count = 0; count < 2; count += 1) await accept('kerberos').step(token);
  const cache = `file2:${join(realm.folder, 'replays')}`;
  await accept('kerberos', cache).step(token);
  await assert.rejects(
    accept('kerberos', cache).step(token),
    (error: GssapiError) => error.code === 'GSSAPI_TOKEN_REPLAYED',
  );
});

test('a token for the wrong mechanism, none at all, and one too many are errors', async () => {
  const invalid = (error: GssapiError) => /^GSSAPI_(TOKEN_INVALID|MECHANISM_MISSING)$/.test(error.code);
  await assert.rejects(accept('kerberos').step(), invalid);
  await assert.rejects(accept('kerberos').step(Buffer.alloc(0)), invalid);
  await assert.rejects(accept('negotiate').step(Buffer.from('NTLMSSP\0\x01\0\0\0')), invalid);
  const [initiator, acceptor] = [initiate('kerberos'), accept('kerberos')];
  await shakeHands(initiator, acceptor);
  await assert.rejects(acceptor.step(Buffer.from('more')), invalid);
});

test('the keytab reader takes real keytabs and never throws on others', async () => {
  const bytes = await readFile(realm.keytab('http.keytab'));
  const content = decodeKeytab(bytes);
  assert.equal(content.kind, 'keytab');
  const entries = content.kind === 'keytab' ? content.entries : [];
  assert.deepEqual(
    entries.map(({ principal, keyVersion, encryptionType }) => [principal, keyVersion, encryptionType]),
    [
      [`${target}@EXAMPLE.TEST`, 1, 18],
      [`${target}@EXAMPLE.TEST`, 1, 20],
    ],
  );
  fc.assert(fc.property(damaged(bytes), (garbage) => ['keytab', 'not-a-keytab'].includes(decodeKeytab(garbage).kind)));
});

const hide = (() => {
  const file = '/usr/lib/x86_64-linux-gnu/libgssapi_krb5.so.2';
  try {
    const command = ['-rm', 'sh', '-c', 'mount --bind /dev/null "$1"', 'sh', realpathSync(file)];
    return spawnSync('unshare', command).status === 0 ? realpathSync(file) : undefined;
  } catch {
    return undefined;
  }
})();
const skip = hide === undefined ? 'a mount namespace to hide the library in is not to be had here' : false;

test('without the library, the error names the packages that bring it', { skip }, () => {
  const program = join(import.meta.dirname, 'one-side-program.ts');
  const request = JSON.stringify({ accept: { keytab: '/nowhere', scheme: 'kerberos' } });
  const script = 'mount --bind /dev/null "$1" && shift && exec "$@"';
  const args = ['-rm', 'sh', '-c', script, 'sh', hide ?? '', process.execPath, program, request];
  const { stdout } = spawnSync('unshare', args, { input: 'AAAA\n', encoding: 'utf8' });
  const last = JSON.parse(stdout);
  assert.equal(last.code, 'GSSAPI_LIBRARY_MISSING', stdout);
  assert.match(last.message, /libgssapi-krb5-2.*krb5-libs/);
});
