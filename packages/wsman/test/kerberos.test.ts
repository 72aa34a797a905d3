/* Real Kerberos: a KDC of its own, the system's GSSAPI on both sides, bodies sealed in IIS's form of the boundary. */
import assert from 'node:assert/strict';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { gssapiMechanism, type InitiatorCredential, type SecurityMechanism } from '@exchange-connector/gssapi';
import { decodeCliXml, type PipelineRequest, psInt32, psString } from '@exchange-connector/psrp';
import { findRealmPrograms, makeCertificate, type Realm, startRealm } from '@exchange-connector/rehearsal';
import { openWsmanSession, type WsmanError, type WsmanSessionOptions } from '@exchange-connector/wsman';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { ShellServer, type ShellServerOptions } from './shell-server.ts';

const request: PipelineRequest = { statements: [[{ name: 'Get-Mailbox', parameters: [] }]] };
const programs = findRealmPrograms();
const skip = programs.kind === 'missing' ? `no KDC: ${programs.programs.join(', ')} missing` : false;

let folder: string;
let realm: Realm;
let mechanism: SecurityMechanism;
const alice: InitiatorCredential = {
  kind: 'password',
  principal: 'alice@EXAMPLE.TEST',
  enterprise: false,
  password: () => 'secret one',
};

forAllTests(
  async () => {
    if (skip !== false) return;
    folder = await mkdtemp(join(tmpdir(), 'wsman-realm-'));
    realm = await startRealm({
      folder,
      principals: [
        { name: 'alice', password: 'secret one' },
        { name: 'HTTP/localhost', keytab: 'http.keytab' },
        { name: 'HTTP/other.example.test', keytab: 'other.keytab' },
      ],
    });
    Object.assign(process.env, realm.environment);
    mechanism = gssapiMechanism();
  },
  async () => {
    if (skip !== false) return;
    await realm.stop();
    await rm(folder, { recursive: true, force: true });
  },
);

async function serve(
  options: Partial<ShellServerOptions> = {},
  scheme: 'kerberos' | 'negotiate' = 'kerberos',
): Promise<ShellServer> {
  return ShellServer.start({ security: { mechanism, keytab: realm.keytab('http.keytab'), scheme }, ...options });
}

function optionsFor(
  server: ShellServer,
  more: Partial<WsmanSessionOptions> = {},
  scheme: 'kerberos' | 'negotiate' = 'kerberos',
): WsmanSessionOptions {
  return {
    url: server.url(),
    authentication: { scheme, mechanism, credential: alice },
    operationTimeoutMs: 5000,
    limits: { answerMarginMs: 2000, stopTimeoutMs: 3000, closeTimeoutMs: 3000 },
    ...more,
  };
}

async function valuesOf(server: ShellServer, options: WsmanSessionOptions): Promise<unknown[]> {
  const session = await openWsmanSession(options);
  const values: unknown[] = [];
  try {
    for await (const event of session.invoke(request))
      if (event.kind === 'output') values.push(decodeCliXml(event.body));
  } finally {
    await session.close();
  }
  assert.equal(server.alive, 0);
  assert.deepEqual(server.failures, []);
  return values;
}

for (const scheme of ['kerberos', 'negotiate'] as const) {
  test(`${scheme} over plain http seals every body, and the first request carries a ticket without being asked`, {
    skip,
  }, async (t) => {
    const server = await serve({}, scheme);
    t.after(() => server.stop());
    const session = await openWsmanSession(optionsFor(server, {}, scheme));
    assert.equal(session.secured.sealed, true);
    assert.equal(session.secured.scheme, scheme === 'kerberos' ? 'Kerberos' : 'Negotiate');
    await session.close();
    assert.deepEqual(await valuesOf(server, optionsFor(server, {}, scheme)), [psInt32(42)]);
    assert.equal(server.authentications, 2);
    const withSoap = server.headers.filter((headers) => headers['content-type']?.includes('soap+xml') === true);
    assert.deepEqual(withSoap, [], 'nothing went unsealed');
  });
}

test('kerberos over https sends plain SOAP, and the first envelope goes with the ticket', { skip }, async (t) => {
  const made = await makeCertificate({ hosts: ['localhost'] });
  const server = await serve({ tls: { cert: made.certificatePem, key: made.keyPem } });
  t.after(() => server.stop());
  assert.deepEqual(await valuesOf(server, optionsFor(server, { caPem: made.caPem })), [psInt32(42)]);
  assert.equal(server.authentications, 1);
  assert.equal(server.headers.filter((headers) => headers['content-length'] === '0').length, 0);
});

test('large sealed answers and large sealed commands pass', { skip }, async (t) => {
  const text = 'ä'.repeat(150_000);
  const server = await serve({
    run: (pipeline) => {
      for (let index = 0; index < 10; index += 1) pipeline.output(psString(text));
      pipeline.finish();
    },
  });
  t.after(() => server.stop());
  const values = await valuesOf(server, optionsFor(server));
  assert.ok(values.length === 10 && values.every((value) => (value as { value: string }).value === text));
});

test('when the connection is cut during a run, the next Receive authenticates a new one and nothing is lost', {
  skip,
}, async (t) => {
  const server = await serve({
    run: (pipeline) => {
      for (let index = 0; index < 3; index += 1) pipeline.output(psInt32(index));
      pipeline.finish();
    },
    spoil: ({ parsed, count, server: self, response }) => {
      if (parsed.body.kind !== 'receive' || count !== 2) return false;
      // Before it is answered: the data are still there for the next one.
      response.destroy();
      self.dropConnections();
      return true;
    },
  });
  t.after(() => server.stop());
  assert.deepEqual(await valuesOf(server, optionsFor(server)), [psInt32(0), psInt32(1), psInt32(2)]);
  assert.equal(server.authentications, 2);
});

test('a connection that the server closed while it was idle is made and authenticated anew', { skip }, async (t) => {
  const server = await serve();
  t.after(() => server.stop());
  const session = await openWsmanSession(optionsFor(server));
  server.dropConnections();
  // Nothing tells when the client's socket has seen the end; a request sent before that would be lost for certain.
  await new Promise((resolve) => setTimeout(resolve, 50));
  const values: unknown[] = [];
  for await (const event of session.invoke(request)) if (event.kind === 'output') values.push(decodeCliXml(event.body));
  assert.deepEqual(values, [psInt32(42)]);
  assert.equal(server.authentications, 2);
  await session.close();
  assert.equal(server.alive, 0);
});

test('a server that forgets an authenticated connection is authenticated again', { skip }, async (t) => {
  let refused = 0;
  const server = await serve({
    spoil: ({ parsed, response }) => {
      if (parsed.body.kind !== 'command' || refused > 0) return false;
      refused += 1;
      response.writeHead(401, { 'WWW-Authenticate': 'Kerberos', 'Content-Length': 0 }).end();
      return true;
    },
  });
  t.after(() => server.stop());
  assert.deepEqual(await valuesOf(server, optionsFor(server)), [psInt32(42)]);
  assert.equal(server.authentications, 2);
});

test('a plain answer where all must be sealed is refused, whatever it says', { skip }, async (t) => {
  const server = await serve({
    spoil: async ({ parsed, response, answer }) => {
      if (parsed.body.kind !== 'receive') return false;
      const { status, body } = await answer();
      response.writeHead(status, { 'Content-Type': 'application/soap+xml;charset=UTF-8' }).end(body);
      return true;
    },
  });
  t.after(() => server.stop());
  await assert.rejects(openWsmanSession(optionsFor(server)), (error: WsmanError) => {
    assert.equal(error.code, 'WSMAN_RESPONSE_INVALID');
    assert.match(error.message, /not sealed/);
    return true;
  });
  assert.equal(server.alive, 0);
});

test('a sealed answer that was tampered with is refused', { skip }, async (t) => {
  let spoiled = false;
  const server = await serve({
    spoil: ({ parsed, response }) => {
      if (parsed.body.kind !== 'receive' || spoiled) return false;
      spoiled = true;
      const end = response.end.bind(response);
      response.end = ((body: Buffer) => {
        const changed = Buffer.from(body);
        const at = changed.length - 60;
        changed[at] = (changed[at] as number) ^ 1;
        return end(changed);
      }) as typeof response.end;
      return false;
    },
  });
  t.after(() => server.stop());
  await assert.rejects(openWsmanSession(optionsFor(server)), { code: 'WSMAN_RESPONSE_INVALID', phase: 'open' });
  assert.equal(server.alive, 0);
});

test('a wrong password, an unknown service and keys of another service are told apart', { skip }, async (t) => {
  const server = await serve();
  t.after(() => server.stop());
  const wrong: InitiatorCredential = {
    kind: 'password',
    principal: 'alice@EXAMPLE.TEST',
    enterprise: false,
    password: () => 'guess',
  };
  const refused = (pattern: RegExp) => (error: WsmanError) => {
    assert.equal(error.code, 'WSMAN_AUTHENTICATION_REFUSED');
    assert.equal(error.phase, 'connect');
    assert.match(error.message, pattern);
    assert.doesNotMatch(error.message, /guess|secret/);
    return true;
  };
  await assert.rejects(
    openWsmanSession(optionsFor(server, { authentication: { scheme: 'kerberos', mechanism, credential: wrong } })),
    refused(/password/i),
  );
  await assert.rejects(
    openWsmanSession(
      optionsFor(server, {
        authentication: {
          scheme: 'kerberos',
          mechanism,
          credential: alice,
          servicePrincipal: 'HTTP/unknown.example.test',
        },
      }),
    ),
    refused(/HTTP\/unknown\.example\.test/),
  );
  await assert.rejects(
    openWsmanSession(
      optionsFor(server, {
        authentication: {
          scheme: 'kerberos',
          mechanism,
          credential: alice,
          servicePrincipal: 'HTTP/other.example.test',
        },
      }),
    ),
    refused(/did not accept the Kerberos ticket for HTTP\/other\.example\.test/),
  );
  assert.equal(server.counts['create'], undefined);
});

test('a server that offers only Basic is named as such', { skip }, async (t) => {
  const server = await ShellServer.start({ basic: { login: 'a', password: 'b' } });
  t.after(() => server.stop());
  await assert.rejects(openWsmanSession(optionsFor(server)), (error: WsmanError) => {
    assert.equal(error.code, 'WSMAN_AUTHENTICATION_REFUSED');
    assert.match(error.message, /offers Basic, not Kerberos/);
    return true;
  });
});
