import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SecurityContext } from '@exchange-connector/gssapi';
import { type Realm, type RealmOptions, startRealm } from '@exchange-connector/rehearsal';

/** A realm in a folder of its own, with this process's environment laid on it; gone when the test is. */
export async function realmForTest(
  t: { after(work: () => Promise<void>): void },
  options: Omit<RealmOptions, 'folder'>,
): Promise<Realm> {
  const folder = await mkdtemp(join(tmpdir(), 'realm-'));
  const realm = await startRealm({ folder, ...options });
  t.after(async () => {
    await realm.stop();
    await rm(folder, { recursive: true });
  });
  Object.assign(process.env, realm.environment);
  return realm;
}

/** Carries tokens between the two until both are done; gives how many the initiator sent. */
export async function shakeHands(initiator: SecurityContext, acceptor: SecurityContext): Promise<number> {
  let sent = 0;
  let token = await initiator.step();
  while (token !== undefined) {
    sent += 1;
    const answer = await acceptor.step(token);
    token = answer === undefined ? undefined : await initiator.step(answer);
  }
  return sent;
}
