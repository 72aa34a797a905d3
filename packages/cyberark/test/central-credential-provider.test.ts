import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test as run } from 'node:test';
import {
  type ClientIdentity,
  CyberArkError,
  openCentralCredentialProvider,
  type ProviderOptions,
} from '@exchange-connector/cyberark';
import {
  type ClientFiles,
  type CredentialService,
  makeClientFiles,
  startCredentialService,
} from './credential-service.ts';

const skip =
  spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed: apt-get install openssl';
const test = (name: string, body: () => void | Promise<void>) => run(name, { skip }, body);
const folder = mkdtempSync(join(tmpdir(), 'cyberark-'));
let known: ClientFiles;
let stranger: ClientFiles;
let service: CredentialService;

before(async () => {
  if (skip !== false) return;
  known = makeClientFiles(folder, 'agent');
  stranger = makeClientFiles(folder, 'stranger');
  service = await startCredentialService([known]);
});
beforeEach(() => {
  if (skip !== false) return;
  service.replies.clear();
  service.requests.length = 0;
});
after(async () => {
  await service?.close();
  rmSync(folder, { recursive: true, force: true });
});

function pem(files: ClientFiles): ClientIdentity {
  const [certificate, key] = [readFileSync(files.certificate, 'utf8'), readFileSync(files.key, 'utf8')];
  return { kind: 'pem', certificate, key, passphrase: undefined };
}

function ask(name: string, options: Partial<ProviderOptions> = {}, signal = new AbortController().signal) {
  const provider = openCentralCredentialProvider({
    server: service.url,
    applicationId: 'Exchange & Connector',
    safeName: 'Safe+1',
    identity: pem(known),
    ca: service.caPem,
    limits: { firstDelayMs: 1 },
    ...options,
  });
  return provider.readAccount(name, signal);
}

/** What an error says, apart from the address of the service. */
async function failureOf(
  asked: Promise<unknown>,
): Promise<{ code: string; recovery: string; message: string; mend: string }> {
  const error = await asked.then(
    () => assert.fail('an account was given'),
    (thrown: unknown) => thrown,
  );
  assert.ok(error instanceof CyberArkError, String(error));
  const { code, recovery, message, mend = '' } = error;
  return { code, recovery, message: message.replaceAll(new URL(service.url).host, '<host>'), mend };
}

const account = { Content: 'p"ä%+\\', UserName: 'svc', Address: 'mail.contoso.com', PasswordChangeInProcess: 'False' };

test('an account is read over mutual TLS, with a PEM pair and with a PFX', async () => {
  service.replies.set('Exchange svc #1', { status: 200, body: account });
  const pfx: ClientIdentity = { kind: 'pfx', pfx: readFileSync(known.pfx), passphrase: known.pfxPassword };
  for (const identity of [pem(known), pfx])
    assert.deepEqual(await ask('Exchange svc #1', { identity }), {
      content: 'p"ä%+\\',
      userName: 'svc',
      address: 'mail.contoso.com',
    });
  const request = {
    path: 'GET /AIMWebService/api/Accounts',
    query: { AppID: 'Exchange & Connector', Safe: 'Safe+1', Object: 'Exchange svc #1' },
    client: 'agent',
  };
  assert.deepEqual(service.requests, [request, request]);
});

test('a property that the account lacks is not there, and the service may stand below a path', async () => {
  service.replies.set('a', { status: 200, body: { content: 'x', Address: null } });
  assert.deepEqual(await ask('a', { server: `${service.url}pvwa/AIMWebService` }), {
    content: 'x',
    userName: undefined,
    address: undefined,
  });
  assert.equal(service.requests[0]?.path, 'GET /pvwa/AIMWebService/api/Accounts');
});

const faults = [
  [404, 'APPAP004E', 'CYBERARK_ACCOUNT_NOT_FOUND', 'skip-item', /no such account in the safe, no such safe/],
  [403, 'APPAP008E', 'CYBERARK_APPLICATION_UNKNOWN', 'none', /does not know the application/],
  [403, 'APPAP306E', 'CYBERARK_APPLICATION_REFUSED', 'none', /knows the application and refuses it/],
  [400, 'APPAP227E', 'CYBERARK_ACCOUNT_AMBIGUOUS', 'skip-item', /more than one account fits/],
  [400, 'APPAP228E', 'CYBERARK_ACCOUNT_AMBIGUOUS', 'skip-item', /more than one account fits/],
  [400, 'APPAP229E', 'CYBERARK_ACCOUNT_AMBIGUOUS', 'skip-item', /more than one account fits/],
  [500, 'APPAP282E', 'CYBERARK_PASSWORD_CHANGING', 'retry-after-delay', /is being changed just now/],
  [400, 'APPAP007E', 'CYBERARK_VAULT_DOWN', 'retry-after-delay', /does not reach the vault/],
  [400, 'APPAP999E', 'CYBERARK_FAULT', 'none', /the service answered HTTP 400, APPAP999E/],
  [503, 'APPAP998E', 'CYBERARK_FAULT', 'retry-after-delay', /the service answered HTTP 503, APPAP998E/],
] as const;

test('each error code of the service is told apart, with its own mend', async () => {
  const mends = new Set<string>();
  for (const [status, errorCode, code, recovery, seen] of faults) {
    service.replies.set('a', { status, body: { ErrorCode: errorCode, ErrorMsg: 'The reason\r\nstands here.' } });
    const failure = await failureOf(ask('a', { limits: { tries: 1 } }));
    assert.deepEqual([failure.code, failure.recovery], [code, recovery], errorCode);
    assert.match(failure.message, /^asking CyberArk at <host> for the account "a" of the safe "Safe\+1": /);
    assert.match(failure.message, seen);
    assert.ok(failure.message.includes(`HTTP ${status}, ${errorCode}: The reason stands here.`), failure.message);
    mends.add(failure.mend);
  }
  // The three codes of ambiguity share one, and so do the two faults that nobody knows.
  assert.equal(mends.size, 7);
});

test('a vault that comes back within the tries gives the account', async () => {
  const down = { status: 400, body: { ErrorCode: 'APPAP007E', ErrorMsg: 'down' } };
  const changing = { status: 500, body: { ErrorCode: 'APPAP282E', ErrorMsg: 'changing' } };
  service.replies.set('a', [down, changing, { status: 200, body: account }]);
  assert.equal((await ask('a')).content, account.Content);
  assert.equal(service.requests.length, 3);
});

test('a vault that stays down is asked four times, an unknown account once', async () => {
  service.replies.set('down', { status: 400, body: { ErrorCode: 'APPAP007E', ErrorMsg: 'down' } });
  const failure = await failureOf(ask('down'));
  assert.equal(failure.code, 'CYBERARK_VAULT_DOWN');
  assert.match(failure.message, /\(tried 4 times\)$/);
  assert.equal(service.requests.length, 4);
  await failureOf(ask('unknown'));
  assert.equal(service.requests.length, 5);
});

test('answers that no provider gives are refused without repeating them', async () => {
  const bodies = ['', 'the-secret', '[]', '"the-secret"', '{"Content":{"a":"the-secret"}}', '{"Content":"the-secret'];
  for (const body of [...bodies, `"${'x'.repeat(300_000)}"`]) {
    service.replies.set('a', { status: 200, body });
    const failure = await failureOf(ask('a'));
    assert.equal(failure.code, 'CYBERARK_ANSWER_INVALID', body.slice(0, 40));
    assert.doesNotMatch(failure.message + failure.mend, /the-secret/);
  }
  service.replies.set('a', { status: 403, body: '<html>\u001b[31mForbidden</html>' });
  const page = await failureOf(ask('a'));
  assert.equal(page.code, 'CYBERARK_FAULT');
  assert.match(page.message, /the service answered HTTP 403$/);
});

test('certificates that one of the sides does not take are told as such', async () => {
  for (const options of [{ identity: undefined }, { identity: pem(stranger) }, { ca: undefined }]) {
    const failure = await failureOf(ask('a', options));
    assert.equal(failure.code, 'CYBERARK_TLS_REFUSED', failure.message);
    assert.match(failure.mend, /CyberArk\.CaFile/);
  }
  assert.deepEqual(service.requests, []);
});

test('a client certificate that cannot be used is refused before anything is asked', () => {
  const broken: ClientIdentity[] = [
    { kind: 'pfx', pfx: readFileSync(known.pfx), passphrase: 'a-wrong-password' },
    { kind: 'pfx', pfx: Buffer.from('no pfx'), passphrase: undefined },
    { ...pem(known), key: readFileSync(stranger.key, 'utf8') } as ClientIdentity,
  ];
  for (const identity of broken)
    assert.throws(
      () => ask('a', { identity }),
      (error) =>
        error instanceof CyberArkError &&
        error.code === 'CYBERARK_CERTIFICATE_UNUSABLE' &&
        !error.message.includes('a-wrong-password'),
    );
});

test('a provider that hangs up is tried again, then told with its address', async () => {
  let connections = 0;
  const server = createServer((socket) => {
    connections += 1;
    socket.destroy();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { port } = server.address() as AddressInfo;
    const failure = await failureOf(ask('a', { server: `https://127.0.0.1:${port}/` }));
    assert.deepEqual([failure.code, failure.recovery], ['CYBERARK_UNREACHABLE', 'retry-after-delay'], failure.message);
    assert.match(failure.message, new RegExp(`^asking CyberArk at 127\\.0\\.0\\.1:${port} .*\\(tried 4 times\\)$`));
    assert.equal(connections, 4);
  } finally {
    server.close();
  }
});

test('a request that is cancelled ends, also while it waits for its next try', async () => {
  const controller = new AbortController();
  service.replies.set('a', { status: 400, body: { ErrorCode: 'APPAP007E', ErrorMsg: 'down' } });
  const asked = failureOf(ask('a', { limits: { firstDelayMs: 3_600_000 } }, controller.signal));
  while (service.requests.length === 0) await new Promise((resolve) => setImmediate(resolve));
  controller.abort();
  assert.equal((await asked).code, 'CYBERARK_CANCELLED');
  assert.equal((await failureOf(ask('a', {}, controller.signal))).code, 'CYBERARK_CANCELLED');
});
