import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile, rm } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { findRealmPrograms, type Realm, type RehearsalError, startRealm } from '@exchange-connector/rehearsal';

async function newFolder(t: TestContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'realm-'));
  t.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Whether something takes connections at an address. */
async function answers(address: string): Promise<boolean> {
  const [host, port] = address.split(':');
  const socket = connect(Number(port), host);
  const taken = await once(socket, 'connect').then(
    () => true,
    () => false,
  );
  socket.destroy();
  return taken;
}

function list(realm: Realm, ...args: readonly string[]): string {
  return spawnSync('klist', args, { env: { ...process.env, ...realm.environment }, encoding: 'utf8' }).stdout;
}

const principals = [
  { name: 'alice', password: 'pass "word"', keytab: 'alice.keytab' },
  { name: 'HTTP/mail.example.test', keytab: 'http.keytab' },
];

test('a realm starts, gives tickets by password and by keytab, and stops', async (t) => {
  const begin = performance.now();
  const realm = await startRealm({ folder: await newFolder(t), principals });
  const tookMs = performance.now() - begin;
  assert.ok(tookMs < 20_000, `took ${tookMs} ms`);
  const byPassword = await realm.kinit({ principal: 'alice', password: 'pass "word"', lifetime: '5m' });
  assert.match(list(realm, byPassword), /Default principal: alice@EXAMPLE\.TEST/);
  const [, from, until] = /^(\S+ \S+)\s\s(\S+ \S+)\s\skrbtgt/m.exec(list(realm, byPassword)) ?? [];
  assert.equal(new Date(until ?? '').getTime() - new Date(from ?? '').getTime(), 300_000);
  await realm.kinit({ principal: 'alice', keytab: realm.keytab('alice.keytab'), cache: realm.defaultCache });
  assert.match(list(realm), /krbtgt\/EXAMPLE\.TEST@EXAMPLE\.TEST/);
  assert.match(
    list(realm, '-kte', realm.keytab('http.keytab')),
    /HTTP\/mail\.example\.test@EXAMPLE\.TEST \(aes256-cts-hmac-sha384-192\)/,
  );
  assert.equal(await answers(realm.kdcAddress), true);
  await realm.stop();
  await realm.stop();
  assert.equal(await answers(realm.kdcAddress), false);
});

test('two realms run side by side, each on its own port, with its own name and types', async (t) => {
  const one = await startRealm({
    folder: await newFolder(t),
    principals,
    realm: 'ONE.TEST',
    enctypes: ['aes256-cts-hmac-sha1-96'],
  });
  const two = await startRealm({
    folder: await newFolder(t),
    principals,
    realm: 'TWO.TEST',
    enctypes: ['aes256-cts-hmac-sha384-192'],
  });
  t.after(() => Promise.all([one.stop(), two.stop()]));
  for (const [realm, type] of [
    [one, 'aes256-cts-hmac-sha1-96'],
    [two, 'aes256-cts-hmac-sha384-192'],
  ] as const) {
    const cache = await realm.kinit({ principal: 'alice', password: 'pass "word"' });
    const shown = list(realm, '-e', cache);
    assert.match(shown, new RegExp(`krbtgt/${realm.name}@${realm.name}`));
    assert.ok(shown.includes(`Etype (skey, tkt): ${type}, ${type}`), shown);
  }
});

test('a wrong password and a wrong command of kadmin are errors with the programs’ words', async (t) => {
  const realm = await startRealm({ folder: await newFolder(t), principals });
  t.after(() => realm.stop());
  await assert.rejects(realm.kinit({ principal: 'alice', password: 'wrong' }), /kinit.*Password incorrect/s);
  await assert.rejects(realm.administer(['getprinc nobody']), (error: RehearsalError) => {
    assert.equal(error.code, 'REHEARSAL_PROGRAM_FAILED');
    assert.match(error.message, /EXAMPLE\.TEST: get_principal: Principal does not exist/);
    return true;
  });
  const twice = [...principals, ...principals];
  await assert.rejects(startRealm({ folder: await newFolder(t), principals: twice }), /already exists/);
});

test('a KDC that cannot start is an error with its words, and leaves no process', async (t) => {
  const folder = await newFolder(t);
  const options = { folder, principals, libdefaults: { 'broken = {\n x': '' } };
  await assert.rejects(startRealm(options), (error: RehearsalError) =>
    /^REHEARSAL_(PROGRAM|REALM)_FAILED$/.test(error.code),
  );
  const processes = spawnSync('ps', ['-eo', 'args'], { encoding: 'utf8' }).stdout;
  assert.ok(!processes.includes(folder));
});

const starter = join(import.meta.dirname, 'realm-starter-program.ts');

for (const signal of ['SIGKILL', 'SIGTERM', 'SIGINT'] as const) {
  test(`when the process that started a realm dies of ${signal}, the KDC goes too`, async (t) => {
    const child = spawn(process.execPath, [starter, await newFolder(t)], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [address] = await once(child.stdout.setEncoding('utf8'), 'data');
    assert.equal(await answers(String(address).trim()), true);
    child.kill(signal);
    await once(child, 'exit');
    const begin = performance.now();
    while (await answers(String(address).trim())) {
      assert.ok(performance.now() - begin < 5000, 'the KDC lives on');
      await pause(10);
    }
  });
}

const notRoot =
  process.getuid?.() === 0 ? false : 'only root can become someone else; this run is unprivileged already';

test('a realm runs without root', { skip: notRoot }, async (t) => {
  const folder = await newFolder(t);
  await chown(folder, 65534, 65534);
  const child = spawn(process.execPath, [starter, folder, 'stop'], {
    stdio: ['ignore', 'pipe', 'inherit'],
    uid: 65534,
    gid: 65534,
  });
  const [address] = await once(child.stdout.setEncoding('utf8'), 'data');
  assert.match(String(address), /^127\.0\.0\.1:\d+/);
  const [status] = await once(child, 'exit');
  assert.equal(status, 0);
});

test('where the KDC is not installed, the result says which packages bring it, and starting throws the same', async (t) => {
  const found = findRealmPrograms();
  assert.equal(found.kind, 'found');
  const kdc = found.kind === 'found' ? found.paths.krb5kdc : '';
  const script = 'mount --bind /dev/null "$1" && shift && exec "$@"';
  const hidden = spawnSync('unshare', ['-rm', 'sh', '-c', 'mount --bind /dev/null "$1"', 'sh', kdc]).status === 0;
  if (!hidden) {
    t.skip('a mount namespace to hide the KDC in is not to be had here');
    return;
  }
  const args = ['-rm', 'sh', '-c', script, 'sh', kdc, process.execPath, starter, await newFolder(t)];
  const { stdout } = spawnSync('unshare', args, { encoding: 'utf8' });
  const { programs, code, message } = JSON.parse(stdout);
  assert.deepEqual(programs, { kind: 'missing', programs: ['krb5kdc'], mend: programs.mend });
  assert.equal(code, 'REHEARSAL_PROGRAM_MISSING');
  assert.match(message, /krb5kdc.*apt-get install krb5-kdc/);
});

test('the list of Debian packages has a name a line and nothing else', async () => {
  const text = await readFile(join(import.meta.dirname, '../debian-packages.txt'), 'utf8');
  const names = text.trimEnd().split('\n');
  assert.ok(
    names.every((name) => /^[a-z0-9][a-z0-9+.-]+$/.test(name)),
    text,
  );
  for (const needed of ['krb5-kdc', 'krb5-user', 'libgssapi-krb5-2', 'faketime', 'python3-gssapi'])
    assert.ok(names.includes(needed));
});
