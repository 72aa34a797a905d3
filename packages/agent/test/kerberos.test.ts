import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ExportOutcome, runCheck, runExport } from '@exchange-connector/agent';
import { type ConnectionSettings, Secret } from '@exchange-connector/config';
import { type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { gssapiMechanism } from '@exchange-connector/gssapi';
import { findRealmPrograms, type Realm, startRealm } from '@exchange-connector/rehearsal';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { principalOf } from '../src/session-credential.ts';
import { account, connectionTo, inFolder, requestIn } from './rehearsed-connection.ts';

/* The ordinary path over sealed HTTP, with a real KDC. GSSAPI reads its configuration from this process's environment. */
const programs = findRealmPrograms();
const skip = programs.kind === 'missing' ? `no KDC: ${programs.programs.join(', ')} missing` : false;
const host = 'mailbox01.example.test';
let realm: Realm;
let simulator: Simulator;
let folderOfRealm: string;

forAllTests(
  async () => {
    if (skip !== false) return;
    folderOfRealm = await mkdtemp(join(tmpdir(), 'agent-realm-'));
    realm = await startRealm({
      folder: join(folderOfRealm, 'realm'),
      realm: 'EXAMPLE.TEST',
      principals: [
        { name: `HTTP/${host}`, keytab: 'server.keytab' },
        { name: 'connector', keytab: 'connector.keytab' },
        { name: 'vera', password: 'correct horse' },
      ],
    });
    Object.assign(process.env, realm.environment);
    const kerberos = { mechanism: gssapiMechanism(), keytab: realm.keytab('server.keytab') };
    simulator = await startSimulator({ mailboxes: 120, databases: 2, seed: 9, host, kerberos, basic: account });
  },
  async () => {
    if (skip !== false) return;
    await simulator.close();
    await realm.stop();
    await rm(folderOfRealm, { recursive: true, force: true });
  },
);

function kerberosConnection(more: Partial<ConnectionSettings>): ConnectionSettings {
  return connectionTo(simulator.url, {
    authType: 'Kerberos',
    connectAddress: '127.0.0.1',
    login: undefined,
    password: undefined,
    ...more,
  });
}

function exportInto(folder: string, connection: ConnectionSettings): Promise<ExportOutcome> {
  return runExport(requestIn(folder, connection));
}

async function filesOf(connection: ConnectionSettings): Promise<string[]> {
  return inFolder(async (folder) => {
    const outcome = await exportInto(folder, connection);
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    return outcome.files.slice(0, 2).map((file) => readFileSync(file, 'utf8'));
  });
}

test('keytab, password in each of its spellings, and ticket cache export the same bytes as Basic does', {
  skip,
}, async () => {
  const basic = await filesOf(connectionTo(simulator.url, { connectAddress: '127.0.0.1' }));
  const keytab = { keytab: realm.keytab('connector.keytab'), principal: 'connector@EXAMPLE.TEST' };
  assert.deepEqual(await filesOf(kerberosConnection(keytab)), basic);
  const password = new Secret('correct horse');
  assert.deepEqual(await filesOf(kerberosConnection({ login: 'vera@EXAMPLE.TEST', password })), basic);
  assert.deepEqual(
    await filesOf(kerberosConnection({ login: 'EXAMPLE\\vera', realm: 'EXAMPLE.TEST', password })),
    basic,
  );
  await realm.kinit({ principal: 'vera', password: 'correct horse', cache: realm.defaultCache });
  assert.deepEqual(await filesOf(kerberosConnection({})), basic);
});

const failures: { what: string; settings: () => Partial<ConnectionSettings>; code: string; detail: RegExp }[] = [
  {
    what: 'a wrong password',
    settings: () => ({ login: 'vera@EXAMPLE.TEST', password: new Secret('wrong') }),
    code: 'GSSAPI_PASSWORD_WRONG',
    detail: /vera@EXAMPLE\.TEST/,
  },
  {
    what: 'an account that the realm does not know',
    settings: () => ({ login: 'nobody@EXAMPLE.TEST', password: new Secret('x') }),
    code: 'GSSAPI_CLIENT_UNKNOWN',
    detail: /nobody@EXAMPLE\.TEST/,
  },
  {
    what: 'a realm that nobody knows',
    settings: () => ({ login: 'vera@ELSEWHERE.TEST', password: new Secret('x') }),
    code: 'GSSAPI_REALM_UNKNOWN',
    detail: /ELSEWHERE\.TEST/,
  },
  {
    what: 'a keytab that is not there',
    settings: () => ({ keytab: join(folderOfRealm, 'no.keytab'), principal: 'connector@EXAMPLE.TEST' }),
    code: 'GSSAPI_KEYTAB_UNREADABLE',
    detail: /no\.keytab/,
  },
  {
    what: 'a server whose service principal is unknown',
    settings: () => ({
      keytab: realm.keytab('connector.keytab'),
      principal: 'connector@EXAMPLE.TEST',
      servers: [
        {
          url: simulator.url.replace(host, 'other.example.test'),
          protocol: 'http',
          host: 'other.example.test',
          port: simulator.port,
        },
      ],
    }),
    code: 'GSSAPI_SERVICE_UNKNOWN',
    detail: /HTTP\/other\.example\.test/,
  },
];

for (const { what, settings, code, detail } of failures) {
  test(`${what} fails the export with exit 3, and the check at its step authentication, each with what to do`, {
    skip,
  }, async () => {
    const connection = kerberosConnection(settings());
    const outcome = await inFolder((folder) => exportInto(folder, connection));
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [3, code], outcome.failure.message);
    assert.match(outcome.failure.message, detail);
    assert.ok(outcome.failure.mend !== undefined && !outcome.failure.message.includes(outcome.failure.mend));
    const check = await inFolder((folder) =>
      runCheck({
        connection,
        folders: { temp: folder, work: folder },
        settingsFolder: folder,
        signal: new AbortController().signal,
      }),
    );
    assert.ok(check.kind === 'checked');
    assert.equal(check.exitCode, 3);
    const failed = check.steps.find(({ state }) => state === 'failed');
    assert.equal(failed?.name, 'authentication');
    assert.equal(failed?.mend, outcome.failure.mend);
  });
}

test('a password that was changed is tried once by all shells together where each has to log in again', {
  skip,
}, async () => {
  const shells = 3;
  await realm.administer(['modprinc +requires_preauth vera', 'cpw -pw "correct horse" vera']);
  const connection = kerberosConnection({
    login: 'vera@EXAMPLE.TEST',
    password: new Secret('correct horse'),
    shells,
    shellSpacingMs: 0,
  });
  const own = await startSimulator({
    mailboxes: 1200,
    databases: 3,
    seed: 9,
    latencyMs: 1,
    host,
    kerberos: { mechanism: gssapiMechanism(), keytab: realm.keytab('server.keytab') },
  });
  try {
    const servers = [{ url: own.url, protocol: 'http' as const, host, port: own.port }];
    for (const [round, isRenewed] of [true, false].entries()) {
      let change: Promise<unknown> | undefined;
      let renewals = 0;
      const newer = `battery staple ${round}`;
      const outcome = await inFolder((folder) =>
        runExport({
          connection: { ...connection, servers },
          folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
          settingsFolder: folder,
          signal: new AbortController().signal,
          onProgress: () => {
            if (change !== undefined || own.facts.shellsOpen < shells) return;
            // Every shell is held at its next Receive until all connections are cut.
            own.setFault('every receive: stall');
            change = realm.administer([`cpw -pw "${newer}" vera`]).then(() => own.setFault('after 1ms: disconnect'));
          },
          renewConnection: async () => {
            renewals += 1;
            return isRenewed ? { ...connection, servers, password: new Secret(newer) } : { ...connection, servers };
          },
        }),
      );
      await change;
      assert.equal(renewals, 1, 'nobody had to log in again: the test is blind');
      if (isRenewed) {
        assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
        await realm.administer(['cpw -pw "correct horse" vera']);
      } else {
        assert.ok(outcome.kind === 'failed', JSON.stringify(outcome));
        assert.equal(outcome.exitCode, 3, JSON.stringify(outcome));
        assert.match(await realm.administer(['getprinc vera']), /Failed password attempts: 1$/m);
      }
    }
  } finally {
    await own.close();
    await realm.administer(['cpw -pw "correct horse" vera']);
  }
});

test('a login is read as user@REALM, DOMAIN\\user with Realm, or a UPN', () => {
  const read = (login: string, inRealm?: string) => principalOf(login, inRealm);
  assert.deepEqual(read('vera@EXAMPLE.TEST'), { principal: 'vera@EXAMPLE.TEST', enterprise: false });
  assert.deepEqual(read('EXAMPLE\\vera', 'EXAMPLE.TEST'), { principal: 'vera@EXAMPLE.TEST', enterprise: false });
  assert.deepEqual(read('vera', 'EXAMPLE.TEST'), { principal: 'vera@EXAMPLE.TEST', enterprise: false });
  assert.deepEqual(read('vera@example.test', 'EXAMPLE.TEST'), { principal: 'vera@EXAMPLE.TEST', enterprise: false });
  assert.deepEqual(read('vera@mail.example'), { principal: 'vera@mail.example', enterprise: true });
  assert.deepEqual(read('vera@mail.example', 'EXAMPLE.TEST'), { principal: 'vera@mail.example', enterprise: true });
});
