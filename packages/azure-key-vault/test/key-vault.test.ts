import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeEach, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { type KeyVaultService, signInEnvironment, startKeyVaultService } from './key-vault-service.ts';

const reader = fileURLToPath(new URL('read-vault.ts', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'key-vault-'));
let service: KeyVaultService;

beforeEach(() => {
  service.secrets.clear();
  service.requests.length = 0;
  service.failures.length = 0;
  service.resource = 'https://vault.azure.net';
});
forAllTests(
  async () => {
    service = await startKeyVaultService(folder);
  },
  async () => {
    await service.close();
    rmSync(folder, { recursive: true, force: true });
  },
);

interface Outcome {
  readonly found?: Record<string, string>;
  readonly code?: string;
  readonly message?: string;
  readonly recovery?: string;
  readonly mend?: string;
  readonly ours?: boolean;
}

const trusting = { disableChallengeResourceVerification: true, disableInstanceDiscovery: true };

/** Asks the vault in a process of its own. */
function read(options: object, environment: Record<string, string> = signInEnvironment(service)): Promise<Outcome> {
  const { PATH = '', HOME = folder } = process.env;
  return new Promise((resolve, reject) => {
    execFile(
      process.execPath,
      [reader, JSON.stringify({ vault: service.url, ...options })],
      { env: { PATH, HOME, ...environment } },
      (error, stdout, stderr) => {
        if (stdout === '') reject(new Error(`nothing was written: ${stderr}`, { cause: error }));
        else resolve(JSON.parse(stdout) as Outcome);
      },
    );
  });
}

test('secrets are listed over pages and read with a token that the challenge led to', async () => {
  service.secrets.set('Connections--Main--Server', { value: 'https://a.contoso.com/PowerShell/' });
  service.secrets.set('Other', { value: 'x' });
  service.secrets.set('connections--Main--Options--Password', { value: 'pä"ss\n' });
  service.secrets.set('Connections--Old--Server', { value: 'y', enabled: false });
  service.secrets.set('Connections--Main--Login', { value: 'svc@CONTOSO.COM' });
  const outcome = await read(trusting);
  assert.deepEqual(outcome, {
    found: {
      'Connections--Main--Login': 'svc@CONTOSO.COM',
      'Connections--Main--Server': 'https://a.contoso.com/PowerShell/',
      'connections--Main--Options--Password': 'pä"ss\n',
    },
  });
  assert.equal(service.requests[0], 'anonymous GET /secrets');
  assert.equal(service.requests.filter((line) => line.startsWith('token https://vault.azure.net/.default')).length, 1);
});

/** One outcome without its message and mend, and that message. */
function split({ message = '', mend, ...rest }: Outcome): { rest: object; message: string; mend: string } {
  return { rest, message: message.replaceAll(service.url, '<vault>'), mend: mend ?? '' };
}

test('a vault whose challenge names a foreign domain is refused, unless the settings take it', async () => {
  const { rest, message, mend } = split(await read({ ...trusting, disableChallengeResourceVerification: false }));
  assert.deepEqual(rest, { code: 'KEY_VAULT_DOMAIN_REFUSED', recovery: 'none', ours: true });
  assert.match(message, /^listing the secrets of <vault>: The challenge resource 'vault\.azure\.net' does not match/);
  assert.match(mend, /DisableChallengeResourceVerification/);
  assert.deepEqual(service.requests, ['anonymous GET /secrets']);
});

test('credentials that the directory refuses are told with its reason, and without the credentials', async () => {
  const outcome = await read(trusting, { ...signInEnvironment(service), AZURE_CLIENT_SECRET: 'a-wrong-client-secret' });
  const { rest, message, mend } = split(outcome);
  assert.deepEqual(rest, { code: 'KEY_VAULT_SIGN_IN_FAILED', recovery: 'none', ours: true });
  assert.match(message, /^listing the secrets of <vault>: signing in to Azure failed: .*AADSTS7000215/);
  assert.match(mend, /AZURE_CLIENT_ID/);
  assert.doesNotMatch(JSON.stringify(outcome), /a-wrong-client-secret/);
});

test('a process without credentials is told what credentials there could be', async () => {
  const { NODE_EXTRA_CA_CERTS = '' } = signInEnvironment(service);
  const environment = { NODE_EXTRA_CA_CERTS, AZURE_TOKEN_CREDENTIALS: 'EnvironmentCredential' };
  const { rest, message, mend } = split(await read(trusting, environment));
  assert.deepEqual(rest, { code: 'KEY_VAULT_SIGN_IN_FAILED', recovery: 'none', ours: true });
  assert.match(message, /signing in to Azure failed: .*EnvironmentCredential/);
  assert.match(mend, /managed identity/);
});

const refusals = [
  [401, 'Unauthorized', 'KEY_VAULT_TOKEN_REFUSED', 'none'],
  [403, 'Forbidden', 'KEY_VAULT_FORBIDDEN', 'none'],
  [429, 'Throttled', 'KEY_VAULT_THROTTLED', 'retry-after-delay'],
  [500, 'InternalServerError', 'KEY_VAULT_FAULT', 'retry-after-delay'],
  [400, 'BadParameter', 'KEY_VAULT_FAULT', 'none'],
] as const;

for (const [status, code, expected, recovery] of refusals)
  test(`a vault that answers ${status} is told as ${expected}`, async () => {
    const body = { error: { code, message: `the reason of ${code}` } };
    service.failures.push(...Array.from({ length: 8 }, () => ({ status, body })));
    const listing = split(await read(trusting));
    assert.deepEqual(listing.rest, { code: expected, recovery, ours: true });
    assert.equal(listing.message, `listing the secrets of <vault>: the vault answered HTTP ${status}, ${code}`);
    const reading = split(await read({ ...trusting, read: 'Connections--Main--Password' }));
    assert.deepEqual(reading.rest, { code: expected, recovery, ours: true });
    assert.equal(
      reading.message,
      `reading the secret Connections--Main--Password of <vault>: the vault answered HTTP ${status}, ${code}: the reason of ${code}`,
    );
  });

test('a vault that recovers within the tries gives its secrets', async () => {
  service.secrets.set('Connections--Main--Server', { value: 'x' });
  const body = { error: { code: 'InternalServerError', message: 'a moment' } };
  service.failures.push({ status: 503, body }, { status: 500, body });
  assert.deepEqual(await read({ ...trusting, retries: 3 }), { found: { 'Connections--Main--Server': 'x' } });
});

test('the tries of a vault that stays down are counted', async () => {
  const body = { error: { code: 'InternalServerError', message: 'down' } };
  service.failures.push(...Array.from({ length: 20 }, () => ({ status: 500, body })));
  const { rest } = split(await read({ ...trusting, retries: 3 }));
  assert.deepEqual(rest, { code: 'KEY_VAULT_FAULT', recovery: 'retry-after-delay', ours: true });
  assert.equal(service.requests.filter((line) => line === 'GET /secrets').length, 4);
});

test('a secret that is gone is this secret’s failure alone', async () => {
  const { rest, message } = split(await read({ ...trusting, read: 'Connections--Main--Password' }));
  assert.deepEqual(rest, { code: 'KEY_VAULT_SECRET_MISSING', recovery: 'skip-item', ours: true });
  assert.match(message, /^reading the secret Connections--Main--Password of <vault>: the vault answered HTTP 404/);
});

test('a vault whose certificate is not trusted is not talked to', async () => {
  const { NODE_EXTRA_CA_CERTS: _unused, ...environment } = signInEnvironment(service);
  const { rest, mend } = split(await read(trusting, environment));
  assert.deepEqual(rest, { code: 'KEY_VAULT_UNREACHABLE', recovery: 'retry-after-delay', ours: true });
  assert.match(mend, /NODE_EXTRA_CA_CERTS/);
  assert.deepEqual(service.requests, []);
});

test('a vault that hangs up is told with the address', async () => {
  const server = createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const vault = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const { rest, message } = split(await read({ ...trusting, vault }));
    assert.deepEqual(rest, { code: 'KEY_VAULT_UNREACHABLE', recovery: 'retry-after-delay', ours: true });
    assert.ok(message.startsWith(`listing the secrets of ${vault}: `), message);
  } finally {
    server.close();
  }
});

test('a vault that takes the connection and says nothing is given up in time', async () => {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => sockets.add(socket.on('error', () => undefined)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const vault = `https://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  try {
    const { rest, message } = split(await read({ ...trusting, vault, wholeMs: 200 }));
    assert.deepEqual(rest, { code: 'KEY_VAULT_UNREACHABLE', recovery: 'retry-after-delay', ours: true });
    assert.equal(message, `listing the secrets of ${vault}: it was not done within 0.2 seconds`);
  } finally {
    for (const socket of sockets) socket.destroy();
    server.close();
  }
});
