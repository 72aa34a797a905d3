/* Against python3-gssapi, a binding not written here: both sides, both schemes, both encryption types. */
import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { test } from 'node:test';
import { type GssapiError, gssapiMechanism, type SecurityContext } from '@exchange-connector/gssapi';
import { AES_SHA1, AES_SHA2, type Realm } from '@exchange-connector/rehearsal';
import { noPython, PythonPeer } from './python-peer.ts';
import { splitSealedToken } from '../src/sealed-token.ts';
import { realmForTest } from './realm-for-tests.ts';

const target = 'HTTP/mail.example.test';
const sizes = [0, 1, 120, 4097, 500_000];
const principals = [
  { name: 'alice', password: 'right' },
  { name: target, keytab: 'http.keytab' },
];

interface Pair {
  readonly ours: SecurityContext;
  readonly theirs: PythonPeer;
}

async function connect(realm: Realm, scheme: 'kerberos' | 'negotiate', ourSide: 'initiate' | 'accept'): Promise<Pair> {
  const keytab = realm.keytab('http.keytab');
  const theirs = new PythonPeer(ourSide === 'initiate' ? 'accept' : 'initiate', scheme, target, keytab);
  const ours =
    ourSide === 'initiate'
      ? gssapiMechanism().initiate({ target, scheme, credential: { kind: 'ticket-cache' } })
      : gssapiMechanism().accept({ keytab, scheme });
  let token: Uint8Array | undefined = ourSide === 'initiate' ? await ours.step() : (await theirs.ask('step'))[0];
  for (let turn = ourSide === 'initiate' ? 'theirs' : 'ours'; token !== undefined && token.byteLength > 0; ) {
    token = turn === 'theirs' ? (await theirs.ask('step', token))[0] : await ours.step(token);
    turn = turn === 'theirs' ? 'ours' : 'theirs';
  }
  assert.equal(ours.complete, true);
  return { ours, theirs };
}

/** Lengths, extra count and rotation: all that is not secret or running in a sealed message. */
function shapeOf(header: Uint8Array, data: Uint8Array): readonly unknown[] {
  return [header.byteLength, data.byteLength, Buffer.from(header.subarray(4, 8)).toString('hex')];
}

for (const enctype of [AES_SHA1, AES_SHA2]) {
  for (const scheme of ['kerberos', 'negotiate'] as const) {
    for (const ourSide of ['initiate', 'accept'] as const) {
      test(`${enctype}, ${scheme}: we ${ourSide}, python3-gssapi is the other side`, { skip: noPython }, async (t) => {
        const realm = await realmForTest(t, { enctypes: [enctype], principals });
        await realm.kinit({ principal: 'alice', password: 'right', cache: realm.defaultCache });
        const { ours, theirs } = await connect(realm, scheme, ourSide);
        t.after(() => theirs.end());
        for (const size of sizes) {
          const plaintext = randomBytes(size);
          const first = await ours.wrap(plaintext);
          assert.deepEqual(await theirs.ask('unwrap-iov', first.header, first.data), [plaintext]);
          const second = await ours.wrap(plaintext);
          assert.deepEqual(await theirs.ask('unwrap', Buffer.concat([second.header, second.data])), [plaintext]);
          const [header, data, padding] = await theirs.ask('wrap-iov', plaintext);
          assert.ok(header !== undefined && data !== undefined && padding !== undefined);
          assert.deepEqual([header.byteLength, padding.byteLength], [first.header.byteLength, 0]);
          assert.deepEqual(Buffer.from(await ours.unwrap(header, data)), plaintext);
          // In one piece the token is not rotated; wherever it is cut, it opens.
          const [token] = await theirs.ask('wrap', plaintext);
          assert.ok(token !== undefined);
          const cut = Math.min(60, token.byteLength);
          assert.deepEqual(Buffer.from(await ours.unwrap(token.subarray(0, cut), token.subarray(cut))), plaintext);
          // Split and rotated here, as for a library without gss_wrap_iov, it has the shape of the one made apart.
          const [whole] = await theirs.ask('wrap', plaintext);
          assert.ok(whole);
          const split = splitSealedToken(whole, size);
          assert.ok(split);
          assert.deepEqual(shapeOf(split.header, split.data), shapeOf(first.header, first.data));
          assert.deepEqual(Buffer.from(await ours.unwrap(split.header, split.data)), plaintext);
        }
        const [name] = await theirs.ask('peer');
        assert.equal(name?.toString(), ourSide === 'initiate' ? 'alice@EXAMPLE.TEST' : `${target}@EXAMPLE.TEST`);
        assert.equal(ours.peer, ourSide === 'initiate' ? target : 'alice@EXAMPLE.TEST');
        ours.end();
      });
    }
  }
}

test('a message that is signed but not sealed is refused', { skip: noPython }, async (t) => {
  const realm = await realmForTest(t, { principals });
  await realm.kinit({ principal: 'alice', password: 'right', cache: realm.defaultCache });
  const { ours, theirs } = await connect(realm, 'kerberos', 'initiate');
  t.after(() => theirs.end());
  const [token] = await theirs.ask('sign', Buffer.from('readable by all'));
  assert.ok(token);
  assert.ok(token.includes('readable by all'));
  await assert.rejects(ours.unwrap(token.subarray(0, 16), token.subarray(16)), (error: GssapiError) => {
    assert.equal(error.code, 'GSSAPI_MESSAGE_DAMAGED');
    assert.match(error.message, /signed only/);
    return true;
  });
});
