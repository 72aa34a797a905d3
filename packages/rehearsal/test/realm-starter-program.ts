/* Starts a realm in the folder given and prints its address; with `stop` it ends it at once, else it stays. */
import { findRealmPrograms, type RehearsalError, startRealm } from '@exchange-connector/rehearsal';

const [folder, then] = process.argv.slice(2);
try {
  const realm = await startRealm({ folder: folder ?? '', principals: [{ name: 'alice', keytab: 'alice.keytab' }] });
  console.log(realm.kdcAddress);
  if (then === 'stop') {
    await realm.kinit({ principal: 'alice', keytab: realm.keytab('alice.keytab') });
    await realm.stop();
  } else {
    setInterval(() => undefined, 60_000);
  }
} catch (error) {
  const { code, message } = error as RehearsalError;
  console.log(JSON.stringify({ programs: findRealmPrograms(), code, message }));
}
