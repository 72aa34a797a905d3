import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { appendFile, readFile } from 'node:fs/promises';
import { test } from 'node:test';
import { type GssapiError, gssapiMechanism, type InitiatorCredential } from '@exchange-connector/gssapi';
import { AES_SHA1, AES_SHA2 } from '@exchange-connector/rehearsal';
import { realmForTest, shakeHands } from './realm-for-tests.ts';

const target = 'HTTP/mail.example.test';
const schemes = ['kerberos', 'negotiate'] as const;
const password = 'pass "word" é€';

for (const enctype of [AES_SHA1, AES_SHA2]) {
  // RFC 4121 4.2.4: token header 16, its sealed copy 16, confounder 16, and a checksum of 12 or 24 bytes.
  const headerBytes = enctype === AES_SHA1 ? 60 : 72;

  test(`with ${enctype}, each credential and scheme establishes a context that seals both ways`, async (t) => {
    const realm = await realmForTest(t, {
      enctypes: [enctype],
      principals: [
        { name: 'alice', password, keytab: 'alice.keytab' },
        { name: 'bob@contoso.com'.replace('@', '\\@'), password },
        { name: target, keytab: 'http.keytab' },
      ],
    });
    await realm.kinit({ principal: 'alice', password, cache: realm.defaultCache });
    const credentials: readonly (readonly [InitiatorCredential, string])[] = [
      [{ kind: 'ticket-cache' }, 'alice@EXAMPLE.TEST'],
      [{ kind: 'keytab', file: realm.keytab('alice.keytab') }, 'alice@EXAMPLE.TEST'],
      [{ kind: 'keytab', file: realm.keytab('alice.keytab'), principal: 'alice' }, 'alice@EXAMPLE.TEST'],
      [{ kind: 'keytab', file: realm.keytab('alice.keytab'), principal: 'alice@EXAMPLE.TEST' }, 'alice@EXAMPLE.TEST'],
      [
        { kind: 'password', principal: 'alice@EXAMPLE.TEST', enterprise: false, password: () => password },
        'alice@EXAMPLE.TEST',
      ],
      [
        { kind: 'password', principal: 'bob@contoso.com', enterprise: true, password: () => password },
        'bob\\@contoso.com@EXAMPLE.TEST',
      ],
    ];
    const mechanism = gssapiMechanism();
    for (const scheme of schemes) {
      for (const [credential, peer] of credentials) {
        const initiator = mechanism.initiate({ target, scheme, credential });
        const acceptor = mechanism.accept({ keytab: realm.keytab('http.keytab'), scheme });
        assert.equal(await shakeHands(initiator, acceptor), 1);
        assert.deepEqual([initiator.complete, acceptor.complete], [true, true]);
        assert.deepEqual([initiator.peer, acceptor.peer], [target, peer]);
        for (const size of [0, 1, 120, 4097, 500_000]) {
          for (const [from, to] of [
            [initiator, acceptor],
            [acceptor, initiator],
          ] as const) {
            const plaintext = randomBytes(size);
            const sealed = await from.wrap(plaintext);
            assert.equal(sealed.header.byteLength, headerBytes);
            assert.equal(sealed.data.byteLength, size);
            assert.equal(sealed.paddingBytes, 0);
            if (size >= 120) assert.notDeepEqual(Buffer.from(sealed.data), plaintext);
            assert.deepEqual(Buffer.from(await to.unwrap(sealed.header, sealed.data)), plaintext);
          }
        }
        initiator.end();
        acceptor.end();
      }
    }
  });
}

test('sealing leaves the plaintext as it was, and opening leaves the sealed message as it was', async (t) => {
  const realm = await realmForTest(t, {
    principals: [
      { name: 'alice', keytab: 'alice.keytab' },
      { name: target, keytab: 'http.keytab' },
    ],
  });
  const credential = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
  const initiator = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential });
  const acceptor = gssapiMechanism().accept({ keytab: realm.keytab('http.keytab'), scheme: 'kerberos' });
  await shakeHands(initiator, acceptor);
  const plaintext = randomBytes(100_000);
  const before = Buffer.from(plaintext);
  const sealed = await initiator.wrap(plaintext);
  assert.deepEqual(plaintext, before);
  const copies = [Buffer.from(sealed.header), Buffer.from(sealed.data)];
  await acceptor.unwrap(sealed.header, sealed.data);
  assert.deepEqual([Buffer.from(sealed.header), Buffer.from(sealed.data)], copies);
});

test('calls made at once on one context are worked on one after the other, in their order', async (t) => {
  const realm = await realmForTest(t, {
    principals: [
      { name: 'alice', keytab: 'alice.keytab' },
      { name: target, keytab: 'http.keytab' },
    ],
  });
  const credential = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
  const initiator = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential });
  const acceptor = gssapiMechanism().accept({ keytab: realm.keytab('http.keytab'), scheme: 'kerberos' });
  await shakeHands(initiator, acceptor);
  // Small ones are sealed on this thread, large ones on another: the turn must hold across both.
  const messages = Array.from({ length: 60 }, (_, index) => randomBytes(index % 2 === 0 ? 10 : 100_000));
  const sealed = await Promise.all(messages.map((message) => initiator.wrap(message)));
  const opened = await Promise.all(sealed.map(({ header, data }) => acceptor.unwrap(header, data)));
  assert.deepEqual(opened.map(Buffer.from), messages);
});

test('a context ended in the midst of a call frees itself after it, and refuses what comes later', async (t) => {
  const realm = await realmForTest(t, {
    principals: [
      { name: 'alice', keytab: 'alice.keytab' },
      { name: target, keytab: 'http.keytab' },
    ],
  });
  const credential = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
  const initiator = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential });
  const acceptor = gssapiMechanism().accept({ keytab: realm.keytab('http.keytab'), scheme: 'kerberos' });
  await shakeHands(initiator, acceptor);
  const underWay = initiator.wrap(Buffer.alloc(400_000));
  await Promise.resolve();
  await Promise.resolve();
  initiator.end();
  initiator.end();
  assert.equal((await underWay).data.byteLength, 400_000);
  const ended = (error: GssapiError) => error.code === 'GSSAPI_CONTEXT_ENDED';
  await assert.rejects(initiator.wrap(Buffer.alloc(1)), ended);
  await assert.rejects(initiator.unwrap(Buffer.alloc(60), Buffer.alloc(1)), ended);
  await assert.rejects(initiator.step(), ended);
  const unused = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential });
  await assert.rejects(unused.wrap(Buffer.alloc(1)), ended);
  unused.end();
});

test('[domain_realm] of krb5.conf decides the realm of a service, and without it the client’s own KDC does', async (t) => {
  const realm = await realmForTest(t, { principals: [{ name: 'alice', keytab: 'alice.keytab' }] });
  await appendFile(realm.configuration, '[domain_realm]\n  .mapped.test = MAPPED.TEST\n');
  const credential = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
  const asked = async (service: string) => {
    const initiator = gssapiMechanism().initiate({ target: service, scheme: 'kerberos', credential });
    await assert.rejects(initiator.step(), (error: GssapiError) => error.code === 'GSSAPI_SERVICE_UNKNOWN');
    const log = await readFile(`${realm.folder}/kdc.log`, 'utf8');
    return log
      .split('\n')
      .filter((line) => line.includes('TGS_REQ'))
      .join('\n');
  };
  const mapped = await asked('HTTP/mail.mapped.test');
  assert.match(mapped, /for krbtgt\/MAPPED\.TEST@EXAMPLE\.TEST/);
  assert.doesNotMatch(mapped, /for HTTP\/mail\.mapped\.test/);
  assert.match(await asked('HTTP/mail.other.test'), /for HTTP\/mail\.other\.test@EXAMPLE\.TEST/);
});
