import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { setTimeout as pause } from 'node:timers/promises';
import { type GssapiError, gssapiMechanism, type InitiatorCredential } from '@exchange-connector/gssapi';
import { findProgram, type Realm } from '@exchange-connector/rehearsal';
import { realmForTest, shakeHands } from './realm-for-tests.ts';

const target = 'HTTP/mail.example.test';
const faketime = findProgram('faketime');
const skip = faketime === undefined ? 'faketime is not installed: apt-get install faketime' : false;
const program = join(import.meta.dirname, 'one-side-program.ts');

interface LastWord {
  readonly code?: string;
  readonly message?: string;
  readonly peer?: string;
  readonly replyToken?: string;
}

/** Runs one side under another clock; gives its tokens and its last word. */
async function runShifted(
  shift: string,
  request: object,
  tokens: readonly string[] = [],
): Promise<{ sent: string[]; last: LastWord }> {
  const args = ['-f', shift, process.execPath, program, JSON.stringify(request)];
  // Timers go by the monotonic clock, which stays true.
  const env = { ...process.env, FAKETIME_DONT_FAKE_MONOTONIC: '1' };
  const child = spawn(faketime ?? '', args, { env, stdio: ['pipe', 'pipe', 'inherit'] });
  for (const token of tokens) child.stdin.write(`${token}\n`);
  const lines: string[] = [];
  for await (const line of createInterface({ input: child.stdout })) lines.push(line);
  const last = lines.pop() ?? '{}';
  return { sent: lines, last: JSON.parse(last.startsWith('{') ? last : '{}') };
}

const base64 = (bytes: Uint8Array | undefined) => Buffer.from(bytes ?? new Uint8Array(0)).toString('base64');

async function connect(realm: Realm, credential: InitiatorCredential): Promise<void> {
  const initiator = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential });
  const acceptor = gssapiMechanism().accept({ keytab: realm.keytab('http.keytab'), scheme: 'kerberos' });
  await shakeHands(initiator, acceptor);
  initiator.end();
  acceptor.end();
}

async function ticketsIssued(realm: Realm): Promise<number> {
  const log = await readFile(join(realm.folder, 'kdc.log'), 'utf8');
  return log.match(/AS_REQ .*ISSUE/g)?.length ?? 0;
}

const principals = [
  { name: 'alice', password: 'right', keytab: 'alice.keytab', attributes: '+requires_preauth' },
  { name: target, keytab: 'http.keytab' },
];

test('an expired ticket is told as such, and kinit is what to do', { skip }, async (t) => {
  const realm = await realmForTest(t, { principals });
  await realm.kinit({ principal: 'alice', password: 'right', cache: realm.defaultCache });
  for (const scheme of ['kerberos', 'negotiate']) {
    const { last } = await runShifted('+11h', { initiate: { target, scheme, credential: { kind: 'ticket-cache' } } });
    assert.equal(last.code, 'GSSAPI_TICKET_EXPIRED', String(last.message));
    assert.match(String(last.message), new RegExp(`ticket cache FILE:${realm.defaultCache}.*kinit`));
  }
});

test('connections with one keytab share a ticket; each with a password gets its own', async (t) => {
  const realm = await realmForTest(t, { principals });
  const keytab = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
  const password = { kind: 'password', principal: 'alice', enterprise: false, password: () => 'right' } as const;
  await connect(realm, keytab);
  await connect(realm, keytab);
  assert.equal(await ticketsIssued(realm), 1);
  await connect(realm, password);
  await connect(realm, password);
  assert.equal(await ticketsIssued(realm), 3);
});

test('a keytab outlives its tickets: a connection after their end has new ones', async (t) => {
  const realm = await realmForTest(t, {
    principals: [
      { name: 'alice', keytab: 'alice.keytab', maxLife: '2 seconds' },
      { name: target, keytab: 'http.keytab' },
    ],
  });
  const keytab = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
  await connect(realm, keytab);
  assert.equal(await ticketsIssued(realm), 1);
  // Nothing tells of a ticket's end but the clock.
  await pause(2500);
  await connect(realm, keytab);
  assert.equal(await ticketsIssued(realm), 2);
});

test('a service whose clock is off refuses, and both sides say both times', { skip }, async (t) => {
  const realm = await realmForTest(t, { principals });
  const credential = { kind: 'keytab', file: realm.keytab('alice.keytab') } as const;
  const initiator = gssapiMechanism().initiate({ target, scheme: 'kerberos', credential });
  const token = base64(await initiator.step());
  const accept = { keytab: realm.keytab('http.keytab'), scheme: 'kerberos' };
  const { last } = await runShifted('+20m', { accept }, [token]);
  assert.equal(last.code, 'GSSAPI_CLOCK_SKEW', String(last.message));
  assert.match(last.message ?? '', /this machine's clock says \d{4}-.*five minutes/);
  const reply = Buffer.from(last.replyToken ?? '', 'base64');
  assert.ok(reply.length > 0);
  await assert.rejects(initiator.step(reply), (error: GssapiError) => {
    assert.equal(error.code, 'GSSAPI_CLOCK_SKEW', error.message);
    const seconds = Number(/the peer's \d{4}-\S+Z: (\d+) seconds behind/.exec(error.message)?.[1]);
    assert.ok(seconds > 1140 && seconds < 1290, error.message);
    return true;
  });
});

test('a client whose clock is off from the KDC’s says so', { skip }, async (t) => {
  await realmForTest(t, { principals, libdefaults: { kdc_timesync: '0' } });
  const credential = { kind: 'password', principal: 'alice@EXAMPLE.TEST', enterprise: false, password: 'right' };
  for (const scheme of ['kerberos', 'negotiate']) {
    const { last } = await runShifted('-20m', { initiate: { target, scheme, credential } });
    assert.equal(last.code, 'GSSAPI_CLOCK_SKEW', String(last.message));
    assert.match(last.message ?? '', /time source/);
  }
});
