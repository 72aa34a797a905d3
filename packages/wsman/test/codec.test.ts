/* Envelopes and sealed bodies: what is formatted is read back, whatever is cut or damaged is refused by name. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  Action,
  describeFault,
  FaultCode,
  failureCategory,
  faultMeaning,
  formatDuration,
  formatRequest,
  formatResponse,
  formatSealedBody,
  isQuiet,
  isSealedContentType,
  parseDuration,
  parseFaultCode,
  parseRequest,
  parseResponse,
  parseSealedBody,
  payloadCapacity,
  type RequestBody,
  type RequestHeader,
  redirectLocation,
  requestedWaitMs,
  type ResponseBody,
  sealedContentType,
  WsmanError,
  type WsmanFault,
} from '@exchange-connector/wsman/codec';
import fc from 'fast-check';
import { decodeBase64, decodeBase64WithBuffer, XmlScanner } from '../src/codec/xml-scanner.ts';

const header: RequestHeader = {
  to: 'http://mailbox01.contoso.com/PowerShell/?a=1&b=<2>',
  resourceUri: 'http://schemas.microsoft.com/powershell/Microsoft.Exchange',
  messageId: 'uuid:0B1A1B3A-0000-4000-8000-000000000001',
  sessionId: 'uuid:0B1A1B3A-0000-4000-8000-000000000002',
  maxEnvelopeBytes: 512_000,
  operationTimeoutMs: 60_000,
  locale: 'en-US',
};
const shellId = 'C8CD7685-F0A0-4B79-8F82-B8B37462667A';
const commandId = '24864ED3-8FB4-4934-AD7D-B29723D4681F';

const bytes = fc.uint8Array({ maxLength: 400 });
/** What XML can carry. */
const anyText = fc
  .string({ unit: 'binary', maxLength: 40 })
  .map((text) => [...text].filter((character) => /[^\p{Cc}\p{Cs}\ufffe\uffff]/u.test(character)).join(''));
const id = fc.uuid().map((text) => text.toUpperCase());

const anyRequest: fc.Arbitrary<RequestBody> = fc.oneof(
  fc.record({
    kind: fc.constant('create' as const),
    shellId: id,
    protocolVersion: fc.constantFrom('2.1', '2.3'),
    idleTimeoutMs: fc.constantFrom(undefined, 900_000),
    creation: bytes,
  }),
  fc.record({ kind: fc.constant('command' as const), shellId: id, commandId: id, arguments: bytes }),
  fc.record({ kind: fc.constant('receive' as const), shellId: id, commandId: fc.option(id, { nil: undefined }) }),
  fc.record({
    kind: fc.constant('send' as const),
    shellId: id,
    commandId: fc.option(id, { nil: undefined }),
    stream: fc.constantFrom('stdin' as const, 'pr' as const),
    data: bytes,
  }),
  fc.record({
    kind: fc.constant('signal' as const),
    shellId: id,
    commandId: fc.option(id, { nil: undefined }),
    code: anyText.map((text) => text.trim()),
  }),
  fc.record({ kind: fc.constantFrom('delete' as const, 'get' as const), shellId: id }),
);

/** Plain bytes, so that Buffer and Uint8Array compare the same. */
function plain(value: unknown): unknown {
  return JSON.parse(
    JSON.stringify(value, (_key, inner: unknown) =>
      inner instanceof Uint8Array ? Buffer.from(inner).toString('hex') : inner,
    ),
    (_key, inner: unknown) => (isBuffer(inner) ? Buffer.from(inner.data).toString('hex') : inner),
  );
}

function isBuffer(value: unknown): value is { type: 'Buffer'; data: number[] } {
  return typeof value === 'object' && value !== null && (value as { type?: unknown }).type === 'Buffer';
}

test('every request is read back as it was formatted', () => {
  fc.assert(
    fc.property(anyRequest, anyText, (body, to) => {
      const parsed = parseRequest(formatRequest({ ...header, to: to.trim() }, body));
      assert.deepEqual(plain(parsed.body), plain(body));
      assert.deepEqual(parsed.header, { ...header, to: to.trim() });
      assert.equal(parsed.action, Action[body.kind]);
    }),
  );
});

const anyFault: fc.Arbitrary<WsmanFault> = fc.record({
  role: fc.constantFrom('Sender' as const, 'Receiver' as const),
  subcode: fc.constantFrom('TimedOut', 'InvalidSelectors', 'AccessDenied'),
  code: fc.integer({ min: 0, max: 0xffff_ffff }),
  reason: fc.constantFrom('It failed.', 'Größe & <Art>'),
  message: fc.constantFrom('A message', 'Zu groß'),
  faultDetail: fc.constantFrom(undefined, 'UnexpectedSelectors'),
  machine: fc.constantFrom(undefined, 'ex01.contoso.com'),
});

const anyResponse: fc.Arbitrary<ResponseBody> = fc.oneof(
  fc.record({
    kind: fc.constant('received' as const),
    streams: fc.array(
      fc.record({ name: fc.constant('stdout'), commandId: fc.option(id, { nil: undefined }), data: bytes }),
      { maxLength: 5 },
    ),
    commandState: fc.option(
      fc.record({
        commandId: fc.option(id, { nil: undefined }),
        state: fc.constantFrom('Done' as const, 'Pending' as const, 'Running' as const),
        exitCode: fc.constantFrom(undefined, 0, -1),
      }),
      { nil: undefined },
    ),
  }),
  fc.record({ kind: fc.constant('commandAccepted' as const), commandId: id }),
  fc.constantFrom({ kind: 'sent' as const }, { kind: 'signalled' as const }, { kind: 'deleted' as const }),
  fc.record({ kind: fc.constant('fault' as const), fault: anyFault }),
);

test('every response is read back as it was formatted', () => {
  fc.assert(
    fc.property(anyResponse, (body) => {
      const parsed = parseResponse(formatResponse({ messageId: 'uuid:1', relatesTo: 'uuid:2', activityId: 'X' }, body));
      assert.deepEqual(plain(parsed.body), plain(body));
      assert.deepEqual(parsed.header, { messageId: 'uuid:1', relatesTo: 'uuid:2', activityId: 'X' });
    }),
  );
});

test('a created shell carries its facts, or none where a 2.1 server sends none', () => {
  const withFacts = parseResponse(
    formatResponse(
      { messageId: 'm', relatesTo: 'r' },
      {
        kind: 'created',
        shellId,
        resourceUri: header.resourceUri,
        shell: { owner: 'CONTOSO\\alice', idleTimeoutMs: 900_000, maxIdleTimeoutMs: 2_147_483_647, state: 'Connected' },
      },
    ),
  );
  assert.equal(withFacts.body.kind === 'created' ? withFacts.body.shell?.idleTimeoutMs : 0, 900_000);
  const without = parseResponse(
    formatResponse({ messageId: 'm', relatesTo: 'r' }, { kind: 'created', shellId, shell: undefined }),
  );
  assert.equal(without.body.kind === 'created' ? without.body.shellId : '', shellId);
  assert.equal(without.body.kind === 'created' ? without.body.shell : 1, undefined);
});

const sample = formatResponse(
  { messageId: 'uuid:1', relatesTo: 'uuid:2' },
  {
    kind: 'received',
    streams: [
      { name: 'stdout', commandId, data: Uint8Array.from({ length: 90 }, (_value, index) => index) },
      { name: 'stdout', commandId, data: new Uint8Array([1, 2, 3, 4]) },
    ],
    commandState: { commandId, state: 'Done', exitCode: 0 },
  },
);

test('an envelope cut short at any byte is refused, and nothing else is ever thrown', () => {
  for (const whole of [
    sample,
    formatRequest(header, { kind: 'send', shellId, commandId, stream: 'stdin', data: new Uint8Array(50) }),
  ]) {
    for (let length = 0; length < whole.length; length += 1) {
      for (const read of [parseResponse, parseRequest]) {
        assert.throws(
          () => read(whole.subarray(0, length)),
          (error) =>
            error instanceof WsmanError &&
            (error.code === 'WSMAN_ENVELOPE_INVALID' || error.code === 'WSMAN_LIMIT_EXCEEDED'),
        );
      }
    }
  }
});

test('an envelope with any bytes changed is read or refused, and nothing else is ever thrown', () => {
  fc.assert(
    fc.property(fc.nat(sample.length - 1), fc.uint8Array({ minLength: 1, maxLength: 4 }), (at, change) => {
      const damaged = Buffer.from(sample);
      damaged.set(change.subarray(0, damaged.length - at), at);
      try {
        parseResponse(damaged);
      } catch (error) {
        assert.ok(error instanceof WsmanError, String(error));
      }
    }),
    { numRuns: 2000 },
  );
});

test('other prefixes, attribute orders, white space, comments, CDATA and split text mean the same', () => {
  const odd = `<?xml version="1.0" encoding="utf-8"?>
<!-- a proxy's comment --><E:Envelope xmlns:E = 'http://www.w3.org/2003/05/soap-envelope' xmlns="http://schemas.xmlsoap.org/ws/2004/08/addressing"
 xmlns:Z="http://schemas.microsoft.com/wbem/wsman/1/windows/shell"><E:Header>
  <RelatesTo>uuid:2</RelatesTo><Action E:mustUnderstand="1"
   >http://schemas.microsoft.com/wbem/wsman/1/windows/shell/ReceiveResponse</Action><MessageID><![CDATA[uuid:]]>&#x31;</MessageID></E:Header
 ><E:Body><Z:ReceiveResponse><unknown xmlns="urn:x"><Stream/></unknown>
   <Z:Stream CommandId='${commandId}'   Name = "stdout" >
     AQID
     BA==
   </Z:Stream><Z:Stream Name="stdout"/><Z:Stream Name="stdout">AQ<!-- -->ID&#66;A==</Z:Stream>
   <S:CommandState xmlns:S="http://schemas.microsoft.com/wbem/wsman/1/windows/shell" State="http://schemas.microsoft.com/wbem/wsman/1/windows/shell/CommandState/Pending"/></Z:ReceiveResponse></E:Body></E:Envelope>
`;
  const parsed = parseResponse(Buffer.from(`\ufeff${odd}`));
  assert.deepEqual(parsed.header, { messageId: 'uuid:1', relatesTo: 'uuid:2', activityId: undefined });
  const data = '01020304';
  assert.deepEqual(plain(parsed.body), {
    kind: 'received',
    streams: [
      { name: 'stdout', commandId, data },
      { name: 'stdout', data: '' },
      { name: 'stdout', data },
    ],
    commandState: { state: 'Pending' },
  });
});

test('XML that is not well formed, or that an envelope may not have, is refused by name', () => {
  const inRoot = (inner: string) => `<a xmlns:p="urn:p">${inner}</a>`;
  const cases: [string, RegExp][] = [
    ['', /no element/],
    ['text', /before the root/],
    ['<a/>x', /after the root/],
    ['<a/><b/>', /second root/],
    ['<a>', /ends inside <a>/],
    [inRoot('<b></c>'), /<\/b> belongs/],
    ['</a>', /nothing is open/],
    [inRoot('<q:b/>'), /"q" is not declared/],
    [inRoot('<b q:c="1"/>'), /"q" is not declared/],
    [inRoot('<b c="1" c="2"/>'), /stands twice/],
    [inRoot('<b xmlns:q="urn:p" p:c="1" q:c="2"/>'), /stands twice/],
    [inRoot('<b c/>'), /no value/],
    [inRoot('<b c=1/>'), /not in quotes/],
    [inRoot('<b c="<"/>'), /"<" in the value/],
    [inRoot('<b c="1"d="2"/>'), /no space before/],
    [inRoot('<1/>'), /no proper name/],
    [inRoot('<b xmlns:q=""/>'), /declared empty/],
    [inRoot('<b xmlns:xml="urn:x"/>'), /declared so/],
    [inRoot('&nbsp;'), /entity "&nbsp;"/],
    [inRoot('&#0;'), /not allowed/],
    [inRoot('&#xD800;'), /not allowed/],
    [inRoot('a & b'), /begins no entity/],
    [inRoot('<!ELEMENT a>'), /document type/],
    ['<!DOCTYPE a><a/>', /document type/],
    [inRoot('<!-- '), /ends inside a comment/],
    [inRoot('<![CDATA[ '), /ends inside a CDATA/],
    ['<?xml ', /ends inside a processing/],
  ];
  for (const [text, pattern] of cases) {
    const read = () => {
      const scanner = new XmlScanner(Buffer.from(text));
      for (let token = scanner.next(); token !== 'finish'; token = scanner.next()) if (token === 'text') scanner.text();
    };
    assert.throws(
      read,
      (error) => error instanceof WsmanError && error.code === 'WSMAN_ENVELOPE_INVALID' && pattern.test(error.message),
      `${text}: ${pattern}`,
    );
  }
  const scanner = new XmlScanner(Buffer.from([0x3c, 0x61, 0x3e, 0xff, 0xfe, 0x3c, 0x2f, 0x61, 0x3e]));
  scanner.next();
  scanner.next();
  assert.throws(() => scanner.text(), /not UTF-8/);
});

test('documents beyond the limits end at once', () => {
  const begun = performance.now();
  for (const text of [
    '<a>'.repeat(100_000),
    `<a>${'<b/>'.repeat(100_000)}</a>`,
    `<a ${Array.from({ length: 1000 }, (_value, index) => `b${index}="1"`).join(' ')}/>`,
  ]) {
    const scanner = new XmlScanner(Buffer.from(text));
    assert.throws(
      () => {
        while (scanner.next() !== 'finish');
      },
      { code: 'WSMAN_LIMIT_EXCEEDED' },
    );
  }
  assert.ok(performance.now() - begun < 30_000);
});

test('base64 is strict, whichever implementation reads it', () => {
  for (const decode of [decodeBase64, decodeBase64WithBuffer]) {
    assert.deepEqual(Buffer.from(decode('AQ ID\r\nBA==') ?? []), Buffer.from([1, 2, 3, 4]));
    assert.deepEqual(Buffer.from(decode('') ?? [1]), Buffer.alloc(0));
    for (const bad of ['A', 'AQID*', 'AQ=ID', 'AQID====', '-_-_', 'AQIDé', 'AQ\u00a0ID'])
      assert.equal(decode(bad), undefined, bad);
  }
  fc.assert(
    fc.property(
      fc.string({ unit: fc.constantFrom('A', 'Q', '/', '+', '=', ' ', '\n', '*'), maxLength: 12 }),
      (text) => {
        assert.deepEqual(
          plain(decodeBase64(text) ?? null),
          plain(decodeBase64WithBuffer(text) ?? null),
          JSON.stringify(text),
        );
      },
    ),
    { numRuns: 3000 },
  );
});

test('a request fits its envelope to the byte: payloadCapacity is what an empty one leaves', () => {
  for (const size of [5000, 153_600, 512_000]) {
    for (const body of [
      { kind: 'command', shellId, commandId, arguments: new Uint8Array(0) },
      { kind: 'send', shellId, commandId, stream: 'stdin', data: new Uint8Array(0) },
    ] as const) {
      const sized = { ...header, maxEnvelopeBytes: size };
      const capacity = payloadCapacity(sized, body);
      const filled =
        body.kind === 'send'
          ? { ...body, data: new Uint8Array(capacity) }
          : { ...body, arguments: new Uint8Array(capacity) };
      const { length } = formatRequest(sized, filled);
      assert.ok(length <= size && length > size - 8, `${length} of ${size}`);
    }
  }
  assert.equal(
    payloadCapacity(
      { ...header, maxEnvelopeBytes: 10 },
      { kind: 'send', shellId, stream: 'stdin', data: new Uint8Array(0) },
    ),
    0,
  );
});

test('a sealed body is read back in the tidy form and in that of IIS, whatever the ciphertext holds', () => {
  const nasty = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    fc.constantFrom('--Encrypted Boundary--\r\n', '-- Encrypted Boundary\r\n', '\r\n').map((text) => Buffer.from(text)),
  );
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 80 }),
      fc.array(nasty, { maxLength: 4 }),
      fc.constantFrom('Kerberos' as const, 'SPNEGO' as const),
      fc.constantFrom('tidy' as const, 'iis' as const),
      (signature, parts, protocol, form) => {
        const data = Buffer.concat(parts);
        const parsed = parseSealedBody(
          formatSealedBody({ protocol, header: signature, data, contentLength: data.length }, form),
        );
        assert.deepEqual(
          plain(parsed),
          plain({
            protocol,
            header: signature,
            data,
            contentLength: data.length,
            originalType: 'application/soap+xml;charset=UTF-8',
          }),
        );
      },
    ),
  );
});

test('a line end before the closing boundary is none of the ciphertext', () => {
  const tidy = formatSealedBody({
    protocol: 'Kerberos',
    header: new Uint8Array(16),
    data: new Uint8Array(100),
    contentLength: 100,
  });
  const mime = Buffer.from(tidy.toString('latin1').replace(/--Encrypted Boundary--\r\n$/, '\r\n$&'), 'latin1');
  assert.equal(mime.length, tidy.length + 2);
  assert.equal(parseSealedBody(mime).data.length, 100);
});

test('ciphertext with padding beyond the declared length is taken whole', () => {
  const parsed = parseSealedBody(
    formatSealedBody({
      protocol: 'Kerberos',
      header: new Uint8Array(16),
      data: new Uint8Array(101),
      contentLength: 100,
    }),
  );
  assert.equal(parsed.data.length, 101);
});

test('a sealed body cut short anywhere but in its last line end, or damaged, is refused', () => {
  const whole = formatSealedBody(
    { protocol: 'Kerberos', header: new Uint8Array(60).fill(1), data: new Uint8Array(100).fill(2), contentLength: 100 },
    'iis',
  );
  for (let length = 0; length < whole.length - 2; length += 1) {
    assert.throws(
      () => parseSealedBody(whole.subarray(0, length)),
      { code: 'WSMAN_ENVELOPE_INVALID' },
      `cut after ${length}`,
    );
  }
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.nat(255), (at, value) => {
      const damaged = Buffer.from(whole);
      damaged[at] = value;
      try {
        parseSealedBody(damaged);
      } catch (error) {
        assert.ok(error instanceof WsmanError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
  for (const declared of [-1, 2_000_000, 0x7fff_ffff]) {
    const hostile = Buffer.from(whole);
    hostile.writeInt32LE(declared, whole.indexOf('octet-stream\r\n') + 14);
    assert.throws(() => parseSealedBody(hostile), /header of/);
  }
});

test('the content type of sealed bodies is told from others', () => {
  assert.ok(isSealedContentType(sealedContentType('Kerberos')));
  assert.ok(isSealedContentType('Multipart/Encrypted; protocol=x'));
  assert.ok(!isSealedContentType('application/soap+xml;charset=UTF-8'));
  assert.ok(!isSealedContentType(undefined));
});

test('durations are read as WinRM writes them', () => {
  assert.equal(formatDuration(60_000), 'PT60.000S');
  for (const [text, value] of [
    ['PT60.000S', 60_000],
    ['PT7200.000S', 7_200_000],
    ['P0DT0H0M0S', 0],
    ['P1DT2H3M4.5S', 93_784_500],
    ['PT2147483.647S', 2_147_483_647],
    ['PT', undefined],
    ['P', undefined],
    ['60', undefined],
    ['P1Y', undefined],
    ['', undefined],
  ] as const) {
    assert.equal(parseDuration(text), value, text);
  }
});

test('fault codes are one number, signed or not, with what they mean', () => {
  assert.equal(parseFaultCode('-2144108135'), FaultCode.redirectRequested);
  assert.equal(parseFaultCode('2150858793'), FaultCode.operationTimedOut);
  assert.equal(parseFaultCode('0x8033805B'), FaultCode.unexpectedSelectors);
  for (const text of ['', 'x', '99999999999', '4294967296']) assert.equal(parseFaultCode(text), undefined);
  for (const code of Object.values(FaultCode)) assert.ok((faultMeaning(code)?.meaning.length ?? 0) > 20, String(code));
  assert.equal(faultMeaning(1), undefined);
});

test('a fault is described by its text, code and meaning; nested provider text, waits, categories and redirections are found', () => {
  const nested = `<s:Envelope xmlns:s="http://www.w3.org/2003/05/soap-envelope" xmlns:a="http://schemas.xmlsoap.org/ws/2004/08/addressing" xmlns:w="http://schemas.dmtf.org/wbem/wsman/1/wsman.xsd"><s:Header><a:Action>http://schemas.dmtf.org/wbem/wsman/1/wsman/fault</a:Action></s:Header><s:Body><s:Fault><s:Code><s:Value>s:Receiver</s:Value><s:Subcode><s:Value>w:InternalError</s:Value></s:Subcode></s:Code><s:Reason><s:Text xml:lang="">Outer</s:Text></s:Reason><s:Detail><f:WSManFault xmlns:f="http://schemas.microsoft.com/wbem/wsman/1/wsmanfault" Code="-2144108135" Machine="ex01"><f:Message><f:ProviderFault provider="microsoft.powershell" path="x">[FailureCategory=AuthZ-AuthorizationException] Please wait for 12 seconds. redirect location: https://ex02.contoso.com/PowerShell/ </f:ProviderFault></f:Message></f:WSManFault></s:Detail></s:Fault></s:Body></s:Envelope>`;
  const { body } = parseResponse(Buffer.from(nested));
  assert.ok(body.kind === 'fault');
  const { fault } = body;
  assert.equal(fault.code, FaultCode.redirectRequested);
  assert.equal(fault.role, 'Receiver');
  assert.match(describeFault(fault), /Please wait for 12 seconds.*InternalError, code 2150859161/);
  assert.equal(failureCategory(fault.message ?? ''), 'AuthZ-AuthorizationException');
  assert.equal(requestedWaitMs(fault.message ?? ''), 12_000);
  assert.equal(redirectLocation(fault), 'https://ex02.contoso.com/PowerShell/');
  assert.ok(!isQuiet(fault));
});
