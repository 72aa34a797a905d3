import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { findRealmPrograms, type Realm, startRealm } from '@exchange-connector/rehearsal';
import { type Ended, runPsrp } from './psrp-program.ts';
import { type RunningSimulator, startSimulator } from './simulator-program.ts';

const programs = findRealmPrograms();
const skip = programs.kind === 'missing' ? `the KDC is not installed: ${programs.programs.join(', ')}` : false;

/* Plain http with sealed bodies, against a KDC of MIT's and the simulator, each a process of its own. */
describe('psrp invoke over http with Kerberos', { skip, timeout: 120_000 }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'psrp-kerberos-'));
  let realm: Realm;
  let simulator: RunningSimulator;

  before(async () => {
    realm = await startRealm({
      folder: join(folder, 'realm'),
      principals: [
        { name: 'HTTP/localhost', keytab: 'http.keytab' },
        { name: 'anna', password: 'anna-pw', keytab: 'anna.keytab' },
      ],
    });
    simulator = await startSimulator(['--keytab', realm.keytab('http.keytab'), '--mailboxes', '50'], realm.environment);
  });

  after(async () => {
    await simulator?.stop();
    await realm?.stop();
    rmSync(folder, { recursive: true });
  });

  async function invoke(options: readonly string[], password?: string): Promise<Ended> {
    const environment =
      password === undefined ? realm.environment : { ...realm.environment, EXCHANGE_PASSWORD: password };
    const pipeline = ['Get-ExchangeServer', '|', 'Select-Object', 'Name'];
    return await runPsrp(['invoke', '--json', ...options, simulator.url, ...pipeline], { environment });
  }

  const done: Ended = { exitCode: 0, stdout: '{"Name":"EX01"}\n{"Name":"EX02"}\n{"Name":"EX03"}\n', stderr: '' };

  test('without a ticket it is exit 3 and says how to get one', async () => {
    const { exitCode, stdout, stderr } = await invoke([]);
    assert.deepEqual([exitCode, stdout], [3, '']);
    assert.match(stderr, /ticket.*kinit.* \[GSSAPI_NO_TICKET\]\n$/s);
  });

  test('with a password a ticket is got for it', async () => {
    assert.deepEqual(await invoke(['--login', `anna@${realm.name}`], 'anna-pw'), done);
    assert.deepEqual(await invoke(['--auth', 'negotiate', '--login', `anna@${realm.name}`], 'anna-pw'), done);
  });

  test('a wrong password is exit 3 and is not shown', async () => {
    const { exitCode, stderr } = await invoke(['--login', `anna@${realm.name}`], 'wr0ng-pw');
    assert.equal(exitCode, 3);
    assert.match(stderr, /password.* \[GSSAPI_PASSWORD_WRONG\]\n$/s);
    assert.doesNotMatch(stderr, /wr0ng-pw/);
  });

  test('with a keytab its first principal logs in, or the one named', async () => {
    assert.deepEqual(await invoke(['--keytab', realm.keytab('anna.keytab')]), done);
    assert.deepEqual(
      await invoke(['--keytab', realm.keytab('anna.keytab'), '--principal', `anna@${realm.name}`]),
      done,
    );
  });

  test('a service principal that the KDC does not know is exit 3 and is named', async () => {
    const { exitCode, stderr } = await invoke(['--keytab', realm.keytab('anna.keytab'), '--spn', 'HTTP/elsewhere']);
    assert.equal(exitCode, 3);
    assert.match(stderr, /HTTP\/elsewhere.* \[GSSAPI_SERVICE_UNKNOWN\]\n$/s);
  });

  test("the running account's ticket is used where nobody is named", async () => {
    await realm.kinit({ principal: 'anna', password: 'anna-pw', cache: realm.defaultCache });
    assert.deepEqual(await invoke([]), done);
  });
});
