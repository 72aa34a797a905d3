import assert from 'node:assert/strict';
import { test } from 'node:test';
import { CookieStore } from '../src/http/cookie-store.ts';
import { parseDialAddress, parseEndpoint } from '../src/http/endpoint.ts';
import { answeredToken, offeredSchemes, pageText } from '../src/http/refusals.ts';

test('an address to dial has a host and perhaps a port, IPv6 included', () => {
  for (const [text, host, port] of [
    ['10.0.0.1', '10.0.0.1', 80],
    ['ex01.contoso.com:8080', 'ex01.contoso.com', 8080],
    ['::1', '::1', 80],
    ['[::1]', '::1', 80],
    ['[fe80::1%eth0]:5985', 'fe80::1%eth0', 5985],
  ] as const) {
    assert.deepEqual(parseDialAddress(text, 80), { host, port }, text);
  }
});

test('the name stays that of the URL, whatever is dialled; the query goes into the URL', () => {
  const endpoint = parseEndpoint({
    url: 'https://Mail.Contoso.com/PowerShell/#x',
    connectAddress: '127.0.0.1:4443',
    query: '?TargetServer=ex01;PSVersion=5.1',
  });
  assert.deepEqual(endpoint, {
    url: 'https://mail.contoso.com/PowerShell/?TargetServer=ex01;PSVersion=5.1',
    secure: true,
    host: 'mail.contoso.com',
    hostHeader: 'mail.contoso.com',
    dialHost: '127.0.0.1',
    dialPort: 4443,
    path: '/PowerShell/?TargetServer=ex01;PSVersion=5.1',
    caPem: undefined,
  });
  const six = parseEndpoint({ url: 'http://[::1]:8080/PowerShell' });
  assert.deepEqual([six.host, six.hostHeader, six.dialHost, six.dialPort], ['::1', '[::1]:8080', '::1', 8080]);
});

test('cookies are kept whatever their path says, replaced by name, and dropped when expired', () => {
  const store = new CookieStore();
  assert.equal(store.header(), undefined);
  store.store([
    'MS-WSMAN=S-1-5-21=abc; path=/POWERSHELL; secure; HttpOnly',
    'other=1; expires=Fri, 31 Dec 2999 23:59:59 GMT',
    '=none',
    'bare',
  ]);
  assert.equal(store.header(), 'MS-WSMAN=S-1-5-21=abc; other=1');
  store.store(['MS-WSMAN=S-1-5-21=def', 'other=; Max-Age=0']);
  assert.equal(store.header(), 'MS-WSMAN=S-1-5-21=def');
  store.store(['MS-WSMAN=x; expires=Thu, 01 Jan 1970 00:00:00 GMT']);
  assert.equal(store.header(), undefined);
  store.store(Array.from({ length: 1000 }, (_value, index) => `c${index}=1`));
  assert.equal(store.header()?.split('; ').length, 64);
  store.store([`big=${'x'.repeat(10_000)}`]);
  assert.doesNotMatch(store.header() ?? '', /big/);
});

test('schemes and tokens are read from one header or several joined', () => {
  const answer = {
    headers: { 'www-authenticate': 'Negotiate YII=, Kerberos YIIx/+==, Basic realm="mail.contoso.com, inside"' },
  };
  assert.deepEqual(offeredSchemes(answer).slice(0, 3), ['Negotiate', 'Kerberos', 'Basic']);
  assert.equal(Buffer.from(answeredToken(answer, 'Kerberos') ?? []).toString('base64'), 'YIIx/w==');
  assert.equal(answeredToken({ headers: { 'www-authenticate': 'Kerberos' } }, 'Kerberos'), undefined);
  assert.deepEqual(offeredSchemes({ headers: {} }), []);
});

test('a page is told in short, without markup and control characters', () => {
  const body = Buffer.from(
    `<html><head><title>t</title><style>b{}</style></head><body><h1>Server&nbsp;Error</h1>\x1b[2J${'x'.repeat(500)}</body></html>`,
  );
  const text = pageText({ body, headers: {} });
  assert.match(text, /^Server Error \[2Jx+…$/);
  assert.ok(text.length <= 301);
});
