/* C memory is not the collector's: what is not released shows in the resident size alone. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { gssapiMechanism } from '@exchange-connector/gssapi';
import { realmForTest, shakeHands } from './realm-for-tests.ts';

const target = 'HTTP/mail.example.test';
setFlagsFromString('--expose-gc');
const collectGarbage = runInNewContext('gc') as () => void;

/**
 * The least growth of the resident size, in bytes, over rounds of the same work. The first ones fill pools, and the
 * collector's own swings are megabytes; a leak grows in every round.
 */
async function growthPerRound(work: () => Promise<void>): Promise<number> {
  const growths: number[] = [];
  let before = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 6; round += 1) {
    await work();
    collectGarbage();
    const now = process.memoryUsage.rss();
    if (round > 0) growths.push(now - before);
    before = now;
  }
  return Math.min(...growths);
}

test('120,000 calls that seal and open leave no memory behind', async (t) => {
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
  const [small, large] = [Buffer.alloc(200), Buffer.alloc(40_000)];
  const growth = await growthPerRound(async () => {
    for (let count = 0; count < 10_000; count += 1) {
      const sealed = await initiator.wrap(count % 100 === 0 ? large : small);
      await acceptor.unwrap(sealed.header, sealed.data);
    }
  });
  t.diagnostic(`resident size grew by ${(growth / 1024).toFixed(0)} KiB per 20,000 calls`);
  assert.ok(growth < 512 * 1024, `${growth} bytes more with each 20,000 calls`);
});

for (const scheme of ['kerberos', 'negotiate'] as const) {
  test(`1,500 contexts under ${scheme}, and as many that failed, leave no memory behind`, async (t) => {
    const realm = await realmForTest(t, {
      principals: [
        { name: 'alice', password: 'right', keytab: 'alice.keytab' },
        { name: target, keytab: 'http.keytab' },
        { name: 'HTTP/other.example.test', keytab: 'other.keytab' },
      ],
    });
    await realm.kinit({ principal: 'alice', password: 'right', cache: realm.defaultCache });
    const keytab = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
    const credentials = [keytab, { kind: 'ticket-cache' } as const];
    const connect = async (service: string, credential: (typeof credentials)[number]) => {
      const initiator = gssapiMechanism().initiate({ target, scheme, credential });
      const acceptor = gssapiMechanism().accept({ keytab: realm.keytab(service), scheme });
      await shakeHands(initiator, acceptor).catch(() => undefined);
      assert.equal(initiator.complete, service === 'http.keytab');
      initiator.end();
      acceptor.end();
    };
    const growth = await growthPerRound(async () => {
      for (let count = 0; count < 125; count += 1) {
        for (const credential of credentials) {
          await connect('http.keytab', credential);
          await connect('other.keytab', credential);
        }
      }
    });
    t.diagnostic(`resident size grew by ${(growth / 1024).toFixed(0)} KiB per 500 contexts of each side`);
    assert.ok(growth < 160 * 1024, `${growth} bytes more with each 500 contexts of each side`);
  });
}
