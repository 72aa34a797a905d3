/* Peers that refuse, stall, hang up, send garbage or too much: each ends with its own error, in time, and leaves no shell. */
import assert from 'node:assert/strict';
import dns from 'node:dns';
import { once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { type TestContext, test } from 'node:test';
import { decodeCliXml, type PipelineEvent, type PipelineRequest, psInt32 } from '@exchange-connector/psrp';
import { type CertificateFlaw, makeCertificate } from '@exchange-connector/rehearsal';
import {
  defaultWsmanLimits,
  openWsmanSession,
  requestChannelName,
  type RequestNotice,
  WsmanError,
  type WsmanErrorCode,
  type WsmanLimits,
  type WsmanSessionOptions,
} from '@exchange-connector/wsman';
import { FaultCode, formatResponse, soapContentType } from '@exchange-connector/wsman/codec';
import { channel } from 'node:diagnostics_channel';
import { ShellServer, type ShellServerOptions, type Spoiler } from './shell-server.ts';

const basic = { login: 'alice', password: 'secret one' };
const request: PipelineRequest = { statements: [[{ name: 'Get-Mailbox', parameters: [] }]] };
const quickLimits: Partial<WsmanLimits> = {
  connectTimeoutMs: 1500,
  answerMarginMs: 700,
  stallTimeoutMs: 500,
  bodyTimeoutMs: 1200,
  stopTimeoutMs: 1000,
  terminateTimeoutMs: 10_000,
  closeTimeoutMs: 1000,
  receiveRetries: 1,
};

async function serve(t: TestContext, options: ShellServerOptions = {}): Promise<ShellServer> {
  const server = await ShellServer.start({ basic, ...options });
  t.after(() => server.stop());
  return server;
}

/** A peer that does anything at all with its sockets. */
async function rawPeer(t: TestContext, onConnection: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    onConnection(socket);
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `127.0.0.1:${(server.address() as AddressInfo).port}`;
}

function optionsFor(url: string, more: Partial<WsmanSessionOptions> = {}): WsmanSessionOptions {
  return {
    url,
    authentication: { scheme: 'basic', login: basic.login, password: () => basic.password, allowUnencrypted: true },
    operationTimeoutMs: 300,
    limits: quickLimits,
    ...more,
  };
}

async function failure(promise: Promise<unknown>): Promise<WsmanError> {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof WsmanError, `a WsmanError was to come, not ${String(error)}`);
  assert.doesNotMatch(error.message, /secret one/);
  return error;
}

async function openFailure(options: WsmanSessionOptions): Promise<WsmanError> {
  return failure(openWsmanSession(options).then((session) => session.close().then(() => 'opened')));
}

async function runOnce(options: WsmanSessionOptions): Promise<PipelineEvent[]> {
  const session = await openWsmanSession(options);
  try {
    const events: PipelineEvent[] = [];
    for await (const event of session.invoke(request)) events.push(event);
    return events;
  } finally {
    await session.close();
  }
}

function expectError(error: WsmanError, code: WsmanErrorCode, phase: string, pattern: RegExp): void {
  assert.deepEqual({ code: error.code, phase: error.phase }, { code, phase }, error.message);
  assert.match(error.message, pattern);
}

test('a wrong password over Basic is refused, and Basic over http is not even tried unless allowed', async (t) => {
  const server = await serve(t);
  const wrong = optionsFor(server.url(), {
    authentication: { scheme: 'basic', login: 'alice', password: () => 'guess', allowUnencrypted: true },
  });
  expectError(
    await openFailure(wrong),
    'WSMAN_AUTHENTICATION_REFUSED',
    'connect',
    /wrong login or password for "alice"/,
  );
  const connections = server.connections;
  const bare = optionsFor(server.url(), {
    authentication: { scheme: 'basic', login: 'alice', password: () => basic.password },
  });
  expectError(await openFailure(bare), 'WSMAN_OPTION_INVALID', 'connect', /would show the password/);
  assert.equal(server.connections, connections);
});

test('options that cannot work are refused before anything is contacted', async () => {
  const cases: [Partial<WsmanSessionOptions> & { url: string }, RegExp][] = [
    [{ url: 'mailbox01' }, /no URL/],
    [{ url: 'ftp://a/b' }, /neither http nor https/],
    [{ url: 'http://a:b@c/' }, /login or password in it/],
    [{ url: 'https://a/', caPem: 'nothing' }, /no PEM certificate/],
    [{ url: 'http://a/', connectAddress: 'a b' }, /address to dial/],
    [{ url: 'http://a/', connectAddress: 'a:99999' }, /address to dial/],
  ];
  for (const [options, pattern] of cases)
    expectError(await openFailure(optionsFor(options.url, options)), 'WSMAN_OPTION_INVALID', 'connect', pattern);
});

test('over TLS with a private CA a session opens, by the name of the certificate and another address to dial', async (t) => {
  const made = await makeCertificate({ hosts: ['mail.example.test'] });
  const server = await serve(t, { tls: { cert: made.certificatePem, key: made.keyPem } });
  const options = optionsFor(server.url('mail.example.test'), {
    connectAddress: '127.0.0.1',
    caPem: made.caPem,
    authentication: { scheme: 'basic', login: 'alice', password: () => basic.password },
  });
  const session = await openWsmanSession(options);
  assert.equal(session.secured.transport, 'https');
  assert.match(session.secured.tls?.protocol ?? '', /^TLSv1\.[23]$/);
  await session.close();
  assert.equal(server.connections, 1, 'the connection is used again');
  assert.equal(server.headers[0]?.host, `mail.example.test:${server.port}`);
  assert.equal(server.alive, 0);
});

test('a server with a wrong certificate is refused, and no password is sent', async (t) => {
  const cases: [CertificateFlaw | 'other-host' | 'public', RegExp][] = [
    ['expired', /has expired/],
    ['not-yet-valid', /not valid yet/],
    ['self-signed', /self-signed/],
    ['wrong-authority', /was issued by "[^"]*CN=[^"]+", which the private CA that was named did not sign/],
    ['other-host', /is not for "localhost"; it is for elsewhere\.test$/],
    ['public', /was issued by "[^"]*CN=[^"]+", which is not trusted here: no private CA was named/],
  ];
  for (const [flaw, pattern] of cases) {
    const made = await makeCertificate({
      hosts: [flaw === 'other-host' ? 'elsewhere.test' : 'localhost'],
      ...(flaw === 'other-host' || flaw === 'public' ? {} : { flaw }),
    });
    const server = await serve(t, { tls: { cert: made.certificatePem, key: made.keyPem } });
    const error = await openFailure(optionsFor(server.url(), flaw === 'public' ? {} : { caPem: made.caPem }));
    expectError(error, 'WSMAN_TLS_REFUSED', 'connect', pattern);
    assert.equal(server.headers.length, 0);
  }
});

test('of a name with several addresses one that takes longer than half a second is not given up', async (t) => {
  for (const secure of [false, true]) {
    const made = await makeCertificate({ hosts: ['mail.example.test'] });
    const server = await serve(t, secure ? { tls: { cert: made.certificatePem, key: made.keyPem } } : {});
    // Nothing listens at the second address.
    const addresses = [
      { address: '127.0.0.1', family: 4 },
      { address: '127.0.0.255', family: 4 },
    ];
    const looking = t.mock.method(dns, 'lookup', (...given: unknown[]) => {
      const answer = given.at(-1) as (error: null, found: typeof addresses) => void;
      setImmediate(() => {
        answer(null, addresses);
        // Its clock has run out when this process gets to see that the connection stands.
        Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 900);
      });
    });
    const url = server.url('mail.example.test');
    const limits = { ...defaultWsmanLimits, connectTimeoutMs: 180_000, addressTimeoutMs: 120_000 };
    const session = await openWsmanSession(optionsFor(url, { caPem: made.caPem, limits }));
    assert.equal(looking.mock.callCount(), 1);
    await session.close();
    looking.mock.restore();
  }
  // A lost packet is sent again after one second, and after three.
  assert.ok(defaultWsmanLimits.addressTimeoutMs > 3_000);
});

test('an environment that switches certificates off is not obeyed', async (t) => {
  const made = await makeCertificate({ hosts: ['localhost'] });
  const server = await serve(t, { tls: { cert: made.certificatePem, key: made.keyPem } });
  process.env['NODE_TLS_REJECT_UNAUTHORIZED'] = '0';
  t.after(() => {
    delete process.env['NODE_TLS_REJECT_UNAUTHORIZED'];
  });
  assert.equal((await openFailure(optionsFor(server.url()))).code, 'WSMAN_TLS_REFUSED');
});

test('https to a port that speaks http, a closed port and an unknown name are told apart', async (t) => {
  const server = await serve(t);
  expectError(
    await openFailure(optionsFor(server.url().replace('http:', 'https:'))),
    'WSMAN_TLS_REFUSED',
    'connect',
    /speaks no TLS/,
  );
  const closed = await ShellServer.start({ basic });
  const url = closed.url();
  await closed.stop();
  expectError(await openFailure(optionsFor(url)), 'WSMAN_CONNECT_FAILED', 'connect', /refused the connection/);
  expectError(
    await openFailure(optionsFor('http://no-such-host.invalid/PowerShell/')),
    'WSMAN_CONNECT_FAILED',
    'connect',
    /does not exist|could not be looked up/,
  );
});

test('a peer that stalls at any stage ends with an error that names the stage, in time', async (t) => {
  const head = 'HTTP/1.1 200 OK\r\nContent-Type: application/soap+xml;charset=UTF-8\r\n';
  const cases: [string, boolean, (socket: Socket) => void, WsmanErrorCode, string, RegExp][] = [
    ['in TLS', true, () => undefined, 'WSMAN_CONNECT_FAILED', 'connect', /TLS did not come about within 1\.5 s/],
    ['before the answer', false, () => undefined, 'WSMAN_TIMED_OUT', 'open', /no answer within 1 s/],
    ['in the headers', false, (socket) => socket.write(head), 'WSMAN_TIMED_OUT', 'open', /no answer within 1 s/],
    [
      'in the body',
      false,
      (socket) => socket.write(`${head}Content-Length: 1000\r\n\r\n<s:Env`),
      'WSMAN_TIMED_OUT',
      'open',
      /stopped half-way: nothing for 0\.5 s/,
    ],
    [
      'by dripping',
      false,
      (socket) => {
        socket.write(`${head}Content-Length: 1000\r\n\r\n`);
        const drip = setInterval(() => socket.write(' '), 50);
        socket.once('close', () => clearInterval(drip));
      },
      'WSMAN_TIMED_OUT',
      'open',
      /did not end within 1\.2 s/,
    ],
  ];
  for (const [name, tls, act, code, phase, pattern] of cases) {
    const address = await rawPeer(t, (socket) => socket.once('data', () => act(socket)));
    const begun = performance.now();
    const error = await openFailure(optionsFor(`${tls ? 'https' : 'http'}://${address}/PowerShell/`));
    expectError(error, code, phase, pattern);
    assert.ok(performance.now() - begun < 20_000, `stalling ${name} took ${performance.now() - begun} ms`);
  }
});

test('a peer that hangs up after any number of bytes gives a clear error each time', async (t) => {
  const soap = formatResponse(
    { messageId: 'uuid:1', relatesTo: undefined },
    { kind: 'created', shellId: 'AAAAAAAA-0000-0000-0000-000000000000', shell: {} },
  );
  for (const framing of [`Content-Length: ${soap.length}\r\n`, '']) {
    const whole = Buffer.concat([
      Buffer.from(`HTTP/1.1 200 OK\r\nContent-Type: ${soapContentType}\r\n${framing}\r\n`),
      soap,
    ]);
    let length = 0;
    const address = await rawPeer(t, (socket) => socket.once('data', () => socket.end(whole.subarray(0, length))));
    const codes = new Set<string>();
    for (length = 0; length < whole.length; length += length < 120 ? 3 : 61) {
      const error = await openFailure(
        optionsFor(`http://${address}/PowerShell/`, { limits: { ...quickLimits, closeTimeoutMs: 20 } }),
      );
      codes.add(error.code);
      assert.ok(error.phase === 'connect' || error.phase === 'open', `cut after ${length}: ${error.message}`);
    }
    for (const code of codes) assert.ok(['WSMAN_CONNECTION_LOST', 'WSMAN_RESPONSE_INVALID'].includes(code), code);
  }
});

test('answers that are no SOAP are named by status, with what they say', async (t) => {
  const page = (status: string, headers: string, body: string) =>
    `HTTP/1.1 ${status}\r\nContent-Type: text/html\r\n${headers}Content-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const deep = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope">${'<a>'.repeat(5000)}`;
  const soap = (body: string) =>
    `HTTP/1.1 200 OK\r\nContent-Type: ${soapContentType}\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;
  const other = formatResponse({ messageId: 'uuid:1', relatesTo: undefined }, { kind: 'sent' }).toString();
  const stranger = formatResponse(
    { messageId: 'uuid:1', relatesTo: 'uuid:2' },
    { kind: 'created', shellId: 'X', shell: {} },
  ).toString();
  const cases: [string, WsmanErrorCode, RegExp][] = [
    [
      page('403 Forbidden', '', '<h2>403 - Forbidden: Access is denied.</h2>'),
      'WSMAN_ACCESS_DENIED',
      /RemotePowerShellEnabled.*403 - Forbidden/,
    ],
    [
      page('404 Not Found', '', '<html><style>x{}</style>The resource\x1b[31m is gone</html>'),
      'WSMAN_HTTP_ERROR',
      /no \/PowerShell\/ on this server.*says: The resource \[31m is gone/,
    ],
    [page('500 Internal Server Error', '', 'Runtime Error'), 'WSMAN_HTTP_ERROR', /Runtime Error/],
    [page('503 Service Unavailable', 'Retry-After: 30\r\n', ''), 'WSMAN_HTTP_ERROR', /application pool/],
    [
      page('302 Found', 'Location: https://mail.example.test/owa\r\n', ''),
      'WSMAN_HTTP_ERROR',
      /redirects \(HTTP 302\) to https:\/\/mail\.example\.test\/owa/,
    ],
    [page('200 OK', '', 'It works!'), 'WSMAN_RESPONSE_INVALID', /not a SOAP answer.*It works!/],
    [
      `HTTP/1.1 200 OK\r\nContent-Type: ${soapContentType}\r\nContent-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx`,
      'WSMAN_RESPONSE_INVALID',
      /compressed/,
    ],
    [
      `HTTP/1.1 200 OK\r\nContent-Type: ${soapContentType}\r\nContent-Length: 99999999\r\n\r\n`,
      'WSMAN_LIMIT_EXCEEDED',
      /99999999 bytes/,
    ],
    ['SSH-2.0-OpenSSH_9.6\r\n', 'WSMAN_RESPONSE_INVALID', /not HTTP/],
    [soap(deep), 'WSMAN_LIMIT_EXCEEDED', /more than 64 deep/],
    [soap('<!DOCTYPE a [<!ENTITY b "c">]><a/>'), 'WSMAN_RESPONSE_INVALID', /document type/],
    [soap('\u0000\u0001\u0002'), 'WSMAN_RESPONSE_INVALID', /cannot be read/],
    [soap(other), 'WSMAN_RESPONSE_INVALID', /of another kind/],
    [soap(stranger), 'WSMAN_RESPONSE_INVALID', /answers the message uuid:2/],
  ];
  for (const [answer, code, pattern] of cases) {
    const address = await rawPeer(t, (socket) => socket.once('data', () => socket.end(answer)));
    const error = await openFailure(
      optionsFor(`http://${address}/PowerShell/`, { limits: { ...quickLimits, closeTimeoutMs: 20 } }),
    );
    assert.equal(error.code, code, error.message);
    assert.match(error.message, pattern);
    if (answer.includes('Retry-After')) assert.equal(error.retryAfterMs, 30_000);
  }
});

test('an answer without end is cut off at the limit', async (t) => {
  const address = await rawPeer(t, (socket) =>
    socket.once('data', () => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Type: ${soapContentType}\r\n\r\n`);
      const pour = () => {
        if (!socket.destroyed && socket.write(Buffer.alloc(65_536, 0x20))) setImmediate(pour);
      };
      socket.on('drain', pour);
      pour();
    }),
  );
  const error = await openFailure(
    optionsFor(`http://${address}/PowerShell/`, {
      limits: { ...quickLimits, bodyTimeoutMs: 5000, closeTimeoutMs: 100, maxResponseBytes: 1_000_000 },
    }),
  );
  assert.equal(error.code, 'WSMAN_LIMIT_EXCEEDED');
});

test('a fault in answer to Create is WSMAN_FAULT with its code, its text and what it means', async (t) => {
  const fault = (code: number, reason: string) => ({
    role: 'Sender' as const,
    subcode: 'InvalidResourceURI',
    code,
    reason,
    message: undefined,
    faultDetail: undefined,
    machine: 'ex01',
  });
  const cases: [number, string, RegExp, string][] = [
    [FaultCode.invalidResourceUri, 'The resource URI was not found.', /not at \/wsman on 5985/, 'none'],
    [
      FaultCode.quotaMaxShells,
      'This user is allowed a maximum number of 18 concurrent shells, which has been exceeded.',
      /18 concurrent shells/,
      'retry-after-delay',
    ],
    [12345, 'Something else. Please wait for 5 seconds.', /Something else.*code 12345/, 'retry-after-delay'],
  ];
  for (const [code, reason, pattern, recovery] of cases) {
    const server = await serve(t, {
      spoil: ({ parsed, response }) => {
        const body = formatResponse(
          { messageId: 'uuid:1', relatesTo: parsed.header.messageId },
          { kind: 'fault', fault: fault(code, reason) },
        );
        response.writeHead(500, { 'Content-Type': soapContentType }).end(body);
        return true;
      },
    });
    const error = await openFailure(optionsFor(server.url()));
    expectError(error, 'WSMAN_FAULT', 'open', pattern);
    assert.equal(error.faultCode, code);
    assert.equal(error.recovery, recovery);
  }
});

test('a shell that was made behind a front end that lost the answer is removed by the id that was proposed for it', async (t) => {
  const cases: readonly [number, string, number][] = [
    [504, '', 1],
    [502, '', 1],
    [503, '', 0],
    [500, '[FailureCategory=Cafe-ReceiveFailure] The connection to the back end was cut.', 1],
    [500, '[FailureCategory=Cafe-ConnectFailure] The back end could not be reached.', 0],
  ];
  for (const [status, reason, removed] of cases) {
    const server = await serve(t, {
      spoil: async ({ parsed, response, answer }) => {
        if (parsed.body.kind !== 'create') return false;
        if (removed > 0) await answer();
        const fault = {
          role: 'Receiver' as const,
          subcode: 'InternalError',
          code: 1234,
          reason,
          message: undefined,
          faultDetail: undefined,
          machine: 'ex01',
        };
        const header = { messageId: 'uuid:1', relatesTo: parsed.header.messageId };
        const soap = reason === '' ? undefined : formatResponse(header, { kind: 'fault', fault });
        response.writeHead(status, { 'Content-Type': soap === undefined ? 'text/html' : soapContentType }).end(soap);
        return true;
      },
    });
    const notices: string[] = [];
    await openFailure(optionsFor(server.url(), { onShell: ({ kind }) => notices.push(kind) }));
    assert.equal(server.counts['delete'] ?? 0, removed, `${status} ${reason}`);
    assert.equal(server.alive, 0, `${status} ${reason}`);
    assert.deepEqual(notices, ['creating', 'gone'], `${status} ${reason}`);
    const asked = server.requests.flatMap(({ body }) => ('shellId' in body ? [body.shellId?.toUpperCase()] : []));
    assert.equal(new Set(asked).size, 1);
  }
});

test('a redirection within the host is followed; to another host, or in a circle, it is refused', async (t) => {
  const redirecting =
    (location: string): Spoiler =>
    ({ parsed, response }) => {
      if (parsed.body.kind !== 'create') return false;
      const fault = {
        role: 'Sender' as const,
        subcode: 'EndpointUnavailable',
        code: FaultCode.redirectRequested,
        reason: `redirect location: ${location}`,
        message: undefined,
        faultDetail: undefined,
        machine: undefined,
      };
      response
        .writeHead(500, { 'Content-Type': soapContentType })
        .end(formatResponse({ messageId: 'uuid:1', relatesTo: parsed.header.messageId }, { kind: 'fault', fault }));
      return true;
    };
  const target = await serve(t);
  const first = await serve(t, { spoil: redirecting(target.url()) });
  const events = await runOnce(optionsFor(first.url(), { operationTimeoutMs: 2000 }));
  assert.ok(events.some((event) => event.kind === 'output'));
  assert.equal(target.alive, 0);
  const away = await serve(t, { spoil: redirecting('http://elsewhere.example.test/PowerShell/') });
  const error = await openFailure(optionsFor(away.url()));
  expectError(error, 'WSMAN_FAULT', 'open', /another host: a password is not sent there/);
  assert.equal(error.redirectLocation, 'http://elsewhere.example.test/PowerShell/');
  let port = 0;
  const circle = await serve(t, { spoil: (exchange) => redirecting(`http://localhost:${port}/PowerShell/`)(exchange) });
  port = circle.port;
  assert.equal((await openFailure(optionsFor(circle.url()))).code, 'WSMAN_FAULT');
  assert.ok(circle.requests.length <= 6);
});

test('an answer that is lost is asked for again with the same message, and nothing is lost or doubled', async (t) => {
  const given = new Map<string, Promise<{ status: number; body: Buffer }>>();
  let cuts = 0;
  const ids: string[] = [];
  const server = await serve(t, {
    run: (pipeline) => {
      for (let index = 0; index < 5; index += 1) pipeline.output(psInt32(index));
      pipeline.finish();
    },
    spoil: async ({ parsed, response, answer }) => {
      if (parsed.body.kind !== 'receive' || parsed.body.commandId === undefined) return false;
      const { messageId } = parsed.header;
      ids.push(messageId);
      const mine = given.get(messageId) ?? answer();
      given.set(messageId, mine);
      const { status, body } = await mine;
      if (cuts === 0) {
        cuts += 1;
        response.writeHead(status, { 'Content-Type': soapContentType, 'Content-Length': body.length });
        response.write(body.subarray(0, 200), () => response.destroy());
        return true;
      }
      response.writeHead(status, { 'Content-Type': soapContentType }).end(body);
      return true;
    },
  });
  const events = await runOnce(optionsFor(server.url(), { operationTimeoutMs: 3000 }));
  const values = events.flatMap((event) => (event.kind === 'output' ? [decodeCliXml(event.body)] : []));
  assert.deepEqual(
    values,
    [0, 1, 2, 3, 4].map((value) => psInt32(value)),
  );
  assert.equal(ids[0], ids[1]);
  assert.equal(server.alive, 0);
});

test('a server that still works on the first of two equal messages is asked again until it has the answer', async (t) => {
  let first: { messageId: string; answer: Promise<{ status: number; body: Buffer }> } | undefined;
  const asked: string[] = [];
  const server = await serve(t, {
    spoil: async ({ parsed, response, answer }) => {
      if (parsed.body.kind !== 'receive' || parsed.body.commandId === undefined) return false;
      const { messageId } = parsed.header;
      asked.push(messageId);
      if (first === undefined) {
        first = { messageId, answer: answer() };
        response.destroy();
        return true;
      }
      if (first.messageId !== messageId) return false;
      if (asked.length === 2) {
        const fault = {
          role: 'Receiver' as const,
          subcode: 'InternalError',
          code: FaultCode.internalError,
          reason: 'busy',
          message: undefined,
          faultDetail: undefined,
          machine: undefined,
        };
        const body = formatResponse({ messageId: 'uuid:1', relatesTo: messageId }, { kind: 'fault', fault });
        response.writeHead(500, { 'Content-Type': soapContentType }).end(body);
        return true;
      }
      const { status, body } = await first.answer;
      response.writeHead(status, { 'Content-Type': soapContentType }).end(body);
      return true;
    },
  });
  const events = await runOnce(optionsFor(server.url(), { operationTimeoutMs: 3000 }));
  assert.equal(events.filter((event) => event.kind === 'output').length, 1);
  assert.equal(new Set(asked).size, 1);
  assert.equal(asked.length, 3);
});

test('where the lost data do not come again, the gap ends the run as a lost connection', async (t) => {
  let cut = false;
  const server = await serve(t, {
    run: async (pipeline) => {
      pipeline.output(psInt32(1));
      await pipeline.drained();
      pipeline.output(psInt32(2));
      pipeline.finish();
    },
    spoil: async ({ parsed, response, answer }) => {
      if (parsed.body.kind !== 'receive' || parsed.body.commandId === undefined || cut) return false;
      cut = true;
      await answer();
      response.destroy();
      return true;
    },
  });
  const error = await failure(runOnce(optionsFor(server.url(), { operationTimeoutMs: 3000 })));
  assert.equal(error.code, 'WSMAN_CONNECTION_LOST');
  assert.equal(error.recovery, 'reopen-session');
  assert.equal(error.phase, 'run');
  assert.equal(server.alive, 0);
});

test('a server that dies during a run ends it as a lost connection, within the retries', async (t) => {
  const server = await serve(t, { run: (pipeline) => pipeline.output(psInt32(1)) });
  const session = await openWsmanSession(optionsFor(server.url()));
  const error = await failure(
    (async () => {
      for await (const event of session.invoke(request)) if (event.kind === 'output') await server.stop();
    })(),
  );
  assert.ok(error.code === 'WSMAN_CONNECT_FAILED' || error.code === 'WSMAN_CONNECTION_LOST', error.code);
  assert.equal(error.phase, 'run');
  const begun = performance.now();
  await session.close();
  assert.ok(performance.now() - begun < 30_000);
});

for (const stage of ['create', 'receive', 'command', 'receive of a command', 'send', 'signal'] as const) {
  for (const stalls of [false, true]) {
    test(`cancelled in ${stage}${stalls ? ', the server stalling there' : ''}, the reason is thrown in time and no shell stays`, async (t) => {
      const controller = new AbortController();
      const reason = new Error('cancelled by a person');
      let hit = false;
      const server = await serve(t, {
        run: (pipeline) => {
          if (stage !== 'signal')
            return pipeline.inputEnded.then(() => (stage === 'receive of a command' ? undefined : pipeline.finish()));
          pipeline.output(psInt32(1));
          return undefined;
        },
        spoil: async ({ parsed, response, answer }) => {
          const kind =
            parsed.body.kind === 'receive' && parsed.body.commandId !== undefined
              ? 'receive of a command'
              : parsed.body.kind;
          if (kind !== stage || hit) return false;
          hit = true;
          const answered = answer();
          controller.abort(reason);
          await answered;
          if (!stalls) return false;
          response.once('close', () => undefined);
          return true;
        },
      });
      const begun = performance.now();
      const run = async () => {
        const session = await openWsmanSession(
          optionsFor(server.url(), { signal: controller.signal, operationTimeoutMs: 200 }),
        );
        try {
          for await (const event of session.invoke(request, { signal: controller.signal, input: [psInt32(1)] })) {
            if (event.kind === 'output') break;
          }
        } finally {
          await session.close();
        }
      };
      const outcome = await run().then(
        () => undefined,
        (error: unknown) => error,
      );
      assert.ok(hit, 'the stage was not reached');
      if (stage !== 'signal') assert.equal(outcome, reason);
      assert.ok(performance.now() - begun < 20_000, `took ${performance.now() - begun} ms`);
      assert.equal(server.alive, 0, 'a shell was left behind');
      assert.equal(server.counts['create'], 1);
    });
  }
}

test('cancelled before the connection stands, nothing is sent and nothing is waited for', async (t) => {
  const controller = new AbortController();
  const address = await rawPeer(t, () => controller.abort(new Error('no more')));
  const begun = performance.now();
  await assert.rejects(
    openWsmanSession(
      optionsFor(`https://${address}/PowerShell/`, {
        signal: controller.signal,
        limits: { ...quickLimits, connectTimeoutMs: 120_000, closeTimeoutMs: 120_000 },
      }),
    ),
    /no more/,
  );
  assert.ok(performance.now() - begun < 60_000);
  await assert.rejects(
    openWsmanSession(optionsFor(`http://${address}/`, { signal: AbortSignal.abort(new Error('before')) })),
    /before/,
  );
});

test('cancelled while a command does not end, or is not closed, a session is given up soon and its shell deleted', async (t) => {
  for (const silent of ['receive', 'signal'] as const) {
    const controller = new AbortController();
    const server = await serve(t, {
      run: (pipeline) => (silent === 'signal' ? pipeline.finish() : undefined),
      spoil: ({ parsed }) => {
        const body = parsed.body;
        if (body.kind !== silent || !('commandId' in body) || body.commandId === undefined) return false;
        setTimeout(() => controller.abort(new Error('no more')), 50);
        return true;
      },
    });
    const session = await openWsmanSession(optionsFor(server.url()));
    const begun = performance.now();
    const events = session.invoke(request, { signal: controller.signal });
    await (async () => {
      for await (const _ of events);
    })().catch((error: Error) => assert.equal(error.message, 'no more'));
    await session.close();
    assert.ok(performance.now() - begun < 20_000, `silent at ${silent}: ${performance.now() - begun} ms`);
    assert.equal(server.alive, 0, silent);
  }
  // What a person waits for at most after Ctrl-C, or after the time given has passed.
  assert.ok(defaultWsmanLimits.stopTimeoutMs + defaultWsmanLimits.closeTimeoutMs <= 10_000);
});

test('each exchange is told on the diagnostics channel, without bodies and secrets', async (t) => {
  const server = await serve(t, { cookie: 'MS-WSMAN=S-1-5-21=abc' });
  const notices: RequestNotice[] = [];
  const listener = (notice: unknown) => notices.push(notice as RequestNotice);
  channel(requestChannelName).subscribe(listener);
  t.after(() => channel(requestChannelName).unsubscribe(listener));
  await runOnce(optionsFor(server.url(), { operationTimeoutMs: 2000 }));
  assert.deepEqual(
    notices.map((notice) => [notice.operation, notice.status]),
    ['Create', 'Receive', 'Command', 'Receive', 'Signal', 'Delete'].map((operation) => [operation, 200]),
  );
  const text = JSON.stringify(notices);
  for (const secret of ['secret', Buffer.from('alice:secret one').toString('base64'), 'S-1-5-21'])
    assert.ok(!text.includes(secret));
});
