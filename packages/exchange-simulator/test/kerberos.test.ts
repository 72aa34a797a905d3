/* Kerberos with a real KDC: curl as a client that was not written here, and our own over sealed bodies. */
import assert from 'node:assert/strict';
import { execFile, spawnSync } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gssapiMechanism, type SecurityContext } from '@exchange-connector/gssapi';
import { findRealmPrograms, makeCertificate, type Realm, startRealm } from '@exchange-connector/rehearsal';
import { openWsmanSession, type WsmanSessionOptions } from '@exchange-connector/wsman';
import { formatSealedBody, parseResponse, parseSealedBody, sealedContentType } from '@exchange-connector/wsman/codec';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { type Simulator, type SimulatorOptions, startSimulator } from '../src/index.ts';
import { cmd } from './command-line.ts';
import { outliveIdleConnections } from './idle-connections.ts';
import { RawClient } from './raw-client.ts';

const programs = findRealmPrograms();
const hasCurl = spawnSync('curl', ['--version'], { encoding: 'utf8' }).stdout?.includes('GSS-API') === true;
const skip = programs.kind === 'missing' ? `no KDC: ${programs.programs.join(', ')} missing` : false;
const skipCurl = skip === false && !hasCurl ? 'curl with GSS-API is not installed' : skip;

const credential = {
  kind: 'password',
  principal: 'alice@EXAMPLE.TEST',
  enterprise: false,
  password: () => 'secret one',
} as const;

let folder: string;
let realm: Realm;
let cache: string;
let simulator: Simulator;

function start(options: Partial<SimulatorOptions> = {}): Promise<Simulator> {
  return startSimulator({
    kerberos: { mechanism: gssapiMechanism(), keytab: realm.keytab('http.keytab') },
    mailboxes: 300,
    ...options,
  });
}

forAllTests(
  async () => {
    if (skip !== false) return;
    folder = await mkdtemp(join(tmpdir(), 'simulator-realm-'));
    realm = await startRealm({
      folder,
      principals: [
        { name: 'alice', password: 'secret one' },
        { name: 'HTTP/localhost', keytab: 'http.keytab' },
        { name: 'HTTP/other.example.test', keytab: 'other.keytab' },
      ],
    });
    Object.assign(process.env, realm.environment);
    cache = await realm.kinit({ principal: 'alice', password: 'secret one' });
    simulator = await start();
  },
  async () => {
    if (skip !== false) return;
    await simulator.close();
    await realm.stop();
    await rm(folder, { recursive: true, force: true });
  },
);

/** Runs curl with alice's ticket; gives the HTTP statuses and headers it saw. */
function curl(...parameters: readonly string[]): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<string>();
  const environment = { ...process.env, ...realm.environment, KRB5CCNAME: cache };
  execFile(
    'curl',
    ['--silent', '--show-error', '--include', '--noproxy', '*', ...parameters],
    { env: environment },
    (error, stdout) => (error === null ? resolve(stdout) : reject(error)),
  );
  return promise;
}

test('an unauthenticated request is told of Kerberos first, by its bare name', { skip: skipCurl }, async () => {
  const answer = await curl('--request', 'POST', '--data', '', simulator.url);
  assert.match(answer, /^HTTP\/1\.1 401 /);
  assert.deepEqual(
    [...answer.matchAll(/^WWW-Authenticate: (.*)\r$/gm)].map((match) => match[1]),
    ['Kerberos', 'Negotiate'],
  );
});

test('curl --negotiate with a ticket of the real KDC is let in, and the server proves itself', {
  skip: skipCurl,
}, async () => {
  const answer = await curl('--negotiate', '--user', ':', '--request', 'POST', '--data', '', simulator.url);
  assert.match(answer, /HTTP\/1\.1 200 OK/);
  assert.match(answer, /^WWW-Authenticate: Negotiate [A-Za-z0-9+/=]{40,}\r$/m);
});

test('curl’s plain body on a Kerberos connection without TLS is refused', { skip: skipCurl }, async () => {
  const answer = await curl(
    '--negotiate',
    '--user',
    ':',
    '--header',
    'Content-Type: application/soap+xml;charset=UTF-8',
    '--data',
    '<Envelope/>',
    simulator.url,
  );
  assert.match(answer, /HTTP\/1\.1 500 /);
  assert.match(answer, /does not accept unencrypted messages/);
});

test('a ticket for another service is refused', { skip: skipCurl }, async () => {
  const other = await start({ kerberos: { mechanism: gssapiMechanism(), keytab: realm.keytab('other.keytab') } });
  assert.match(
    await curl('--negotiate', '--user', ':', '--request', 'POST', '--data', '', other.url),
    /HTTP\/1\.1 401 /,
  );
  await other.close();
});

function session(
  of: Simulator,
  scheme: 'kerberos' | 'negotiate',
  more: Partial<WsmanSessionOptions> = {},
): WsmanSessionOptions {
  return {
    url: of.url,
    connectAddress: '127.0.0.1',
    authentication: { scheme, mechanism: gssapiMechanism(), credential },
    ...more,
  };
}

for (const scheme of ['kerberos', 'negotiate'] as const) {
  test(`a whole session runs over ${scheme} with sealed bodies`, { skip }, async () => {
    const opened = await openWsmanSession(session(simulator, scheme));
    let count = 0;
    for await (const event of opened.invoke({ statements: [[cmd('Get-Mailbox', { ResultSize: 50 })]] }))
      count += event.kind === 'output' ? 1 : 0;
    await opened.close();
    assert.equal(count, 50);
    assert.equal(simulator.facts.shellsOpen, 0);
  });
}

test('over TLS Kerberos bodies are not sealed', { skip }, async () => {
  const certificate = await makeCertificate({ hosts: ['localhost'] });
  const secure = await start({ tls: { cert: certificate.certificatePem, key: certificate.keyPem } });
  const opened = await openWsmanSession(session(secure, 'kerberos', { caPem: certificate.caPem }));
  await opened.close();
  assert.match(secure.url, /^https:/);
  assert.deepEqual([secure.facts.shellsCreated, secure.facts.shellsDeleted], [1, 1]);
  await secure.close();
});

async function initiate(client: RawClient): Promise<SecurityContext> {
  const context = gssapiMechanism().initiate({ target: 'HTTP/localhost', scheme: 'kerberos', credential });
  const token = await context.step();
  const answer = await client.post('', {
    Authorization: `Kerberos ${Buffer.from(token as Uint8Array).toString('base64')}`,
  });
  assert.equal(answer.status, 200);
  await context.step(Buffer.from(String(answer.headers['www-authenticate']).replace('Kerberos ', ''), 'base64'));
  assert.ok(context.complete);
  return context;
}

async function sealed(context: SecurityContext, plain: Uint8Array): Promise<Buffer> {
  const message = await context.wrap(plain);
  return formatSealedBody({
    protocol: 'Kerberos',
    header: message.header,
    data: message.data,
    contentLength: plain.length + message.paddingBytes,
  });
}

const noAuthorization = { Authorization: '', 'Content-Type': sealedContentType('Kerberos') };

test('answers are sealed with the space that IIS puts behind the dashes, faults too, with status 500', {
  skip,
}, async () => {
  const client = new RawClient({ url: simulator.url });
  const context = await initiate(client);
  // An empty header is not sent by the client below: it would be taken for an attempt to authenticate.
  const headers = { 'Content-Type': noAuthorization['Content-Type'] };
  const answer = await postWithoutAuthorization(
    client,
    await sealed(context, client.envelope({ kind: 'get', shellId: 'none' })),
    headers,
  );
  assert.equal(answer.status, 500);
  assert.match(
    String(answer.headers['content-type']),
    /^multipart\/encrypted;protocol="application\/HTTP-Kerberos-session-encrypted";boundary="Encrypted Boundary"$/,
  );
  assert.ok(
    answer.body
      .toString('latin1')
      .startsWith(
        '-- Encrypted Boundary\r\n\tContent-Type: application/HTTP-Kerberos-session-encrypted\r\n\tOriginalContent: type=application/soap+xml;charset=UTF-8;Length=',
      ),
  );
  assert.ok(answer.body.toString('latin1').endsWith('-- Encrypted Boundary--\r\n'));
  const parts = parseSealedBody(answer.body);
  const parsed = parseResponse(Buffer.from(await context.unwrap(parts.header, parts.data)));
  assert.ok(parsed.body.kind === 'fault' && parsed.body.fault.code === 2150858843);
  client.close();
});

function postWithoutAuthorization(client: RawClient, body: Uint8Array, headers: Record<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number;
    headers: Record<string, unknown>;
    body: Buffer;
  }>();
  import('node:http').then(({ request }) => {
    const url = new URL(client.options.url);
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: url.port,
        path: url.pathname,
        method: 'POST',
        agent: client.agent,
        headers: { ...headers, Host: url.host, 'Content-Length': body.length },
      },
      (incoming) => {
        const chunks: Buffer[] = [];
        incoming.on('data', (chunk: Buffer) => chunks.push(chunk));
        incoming.on('end', () =>
          resolve({ status: incoming.statusCode ?? 0, headers: incoming.headers, body: Buffer.concat(chunks) }),
        );
      },
    );
    outgoing.on('error', reject);
    outgoing.end(body);
  }, reject);
  return promise;
}

test('a security context belongs to its connection: on another one it is not known', { skip }, async () => {
  const client = new RawClient({ url: simulator.url });
  const context = await initiate(client);
  const body = await sealed(context, client.envelope({ kind: 'get', shellId: 'none' }));
  client.agent.destroy();
  const other = new RawClient({ url: simulator.url });
  const answer = await postWithoutAuthorization(other, body, { 'Content-Type': noAuthorization['Content-Type'] });
  assert.equal(answer.status, 401);
  other.close();
});

test('a damaged sealed body is refused, and so is one that is none', { skip }, async () => {
  const client = new RawClient({ url: simulator.url });
  const context = await initiate(client);
  const headers = { 'Content-Type': noAuthorization['Content-Type'] };
  const body = await sealed(context, client.envelope({ kind: 'get', shellId: 'none' }));
  const damaged = Buffer.from(body);
  const place = damaged.length - 60;
  damaged[place] = (damaged[place] as number) ^ 1;
  assert.equal((await postWithoutAuthorization(client, damaged, headers)).status, 400);
  assert.equal(
    (await postWithoutAuthorization(client, Buffer.from('--Encrypted Boundary\r\nnonsense'), headers)).status,
    400,
  );
  client.close();
});

for (const scheme of ['kerberos', 'negotiate'] as const) {
  test(`a ${scheme} session outlives connections that the server closes for being idle: each new one is authenticated`, {
    skip,
  }, async () => {
    const idle = await start({ keepAliveTimeoutMs: 100 });
    try {
      await outliveIdleConnections(idle, session(idle, scheme));
    } finally {
      await idle.close();
    }
  });
}

test('the fault script meets the legs of authentication, and damages what is sealed', { skip }, async () => {
  const faulty = await start({ log: () => {} });
  const outcome = async (script: string): Promise<string> => {
    faulty.setFault(script);
    const error = await openWsmanSession(session(faulty, 'kerberos')).then(
      (opened) => opened.close(),
      (reason: unknown) => reason,
    );
    assert.ok(faulty.firedFaults.length > 0, script);
    return error === undefined ? 'opened' : String((error as { code?: unknown }).code);
  };
  const { login } = faulty.counts.messages;
  assert.equal(await outcome('every create: corrupt body'), 'WSMAN_RESPONSE_INVALID');
  assert.ok(faulty.counts.messages.login > login);
  assert.match(await outcome('login 1: http 503'), /^(?:opened|WSMAN_HTTP_ERROR)$/);
  assert.match(await outcome('login 1: drop after'), /^(?:opened|WSMAN_CONN)/);
  await faulty.close();
});
