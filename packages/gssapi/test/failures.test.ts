import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { before, test } from 'node:test';
import { inspect } from 'node:util';
import { GssapiError, gssapiMechanism, type InitiatorCredential } from '@exchange-connector/gssapi';
import { AES_SHA1, type Realm, type RealmPrincipal } from '@exchange-connector/rehearsal';
import { realmForTest, shakeHands } from './realm-for-tests.ts';

const target = 'HTTP/mail.example.test';
const schemes = ['kerberos', 'negotiate'] as const;
const principals: readonly RealmPrincipal[] = [
  { name: 'alice', password: 'right', keytab: 'alice.keytab' },
  { name: 'preauth', password: 'right', attributes: '+requires_preauth' },
  { name: 'disabled', password: 'right', attributes: '-allow_tix' },
  { name: 'gone', password: 'right', attributes: '-expire yesterday' },
  { name: 'old', password: 'right', attributes: '-pwexpire yesterday' },
  { name: target, keytab: 'http.keytab' },
  { name: 'HTTP/other.example.test', keytab: 'other.keytab' },
];

/** One realm for the tests that change nothing in it. */
let realm: Realm;
before(async (t) => {
  const ending = t as unknown as { after(work: () => Promise<void>): void };
  realm = await realmForTest(ending, { principals, otherRealms: { 'DEAD.TEST': ['127.0.0.1:9'] } });
});

function login(principal: string, password = 'right', enterprise = false): InitiatorCredential {
  return { kind: 'password', principal, enterprise, password: () => password };
}

/** The error of a hand-shake that must fail, the same under both schemes. */
async function failureOf(
  credential: InitiatorCredential,
  options: { readonly target?: string; readonly keytab?: string } = {},
): Promise<GssapiError> {
  const failures: GssapiError[] = [];
  for (const scheme of schemes) {
    const initiator = gssapiMechanism().initiate({ target: options.target ?? target, scheme, credential });
    const acceptor = gssapiMechanism().accept({ keytab: options.keytab ?? realm.keytab('http.keytab'), scheme });
    const failure = await shakeHands(initiator, acceptor).then(
      () => undefined,
      (error: unknown) => error,
    );
    assert.ok(failure instanceof GssapiError, `${scheme}: ${String(failure)}`);
    failures.push(failure);
    initiator.end();
    acceptor.end();
  }
  const [kerberos, negotiate] = failures;
  assert.ok(kerberos !== undefined && negotiate !== undefined);
  assert.deepEqual([negotiate.code, negotiate.message], [kerberos.code, kerberos.message]);
  return kerberos;
}

function assertFailure(failure: GssapiError, code: string, ...words: readonly RegExp[]): void {
  assert.equal(failure.code, code, failure.message);
  for (const pattern of words) assert.match(failure.message, pattern);
}

test('without a ticket the message names the cache and says kinit', async () => {
  assertFailure(
    await failureOf({ kind: 'ticket-cache' }),
    'GSSAPI_NO_TICKET',
    new RegExp(`FILE:${realm.defaultCache}`),
    /kinit/,
  );
});

test('a ticket cache that is no ticket cache reads as no ticket', async () => {
  const cache = join(realm.folder, 'rubbish');
  await writeFile(cache, 'rubbish');
  const known = process.env['KRB5CCNAME'];
  process.env['KRB5CCNAME'] = `FILE:${cache}`;
  try {
    assertFailure(await failureOf({ kind: 'ticket-cache' }), 'GSSAPI_NO_TICKET', new RegExp(cache));
  } finally {
    process.env['KRB5CCNAME'] = known;
  }
});

test('a wrong password is told as such, whether or not the KDC wants pre-authentication, and is not tried twice', async () => {
  for (const account of ['alice', 'preauth']) {
    const failure = await failureOf(login(`${account}@EXAMPLE.TEST`, 'wrong'));
    assertFailure(
      failure,
      'GSSAPI_PASSWORD_WRONG',
      new RegExp(`password of ${account}@EXAMPLE.TEST`),
      /not tried again/,
    );
    assert.equal(failure.recovery, 'none');
  }
  assertFailure(await failureOf(login('alice@EXAMPLE.TEST', '')), 'GSSAPI_PASSWORD_WRONG', /the password is empty/);
});

test('an unknown account, a disabled one, an expired one and an expired password are told apart', async () => {
  assertFailure(await failureOf(login('bob@EXAMPLE.TEST')), 'GSSAPI_CLIENT_UNKNOWN', /no account bob@EXAMPLE\.TEST/);
  assertFailure(
    await failureOf(login('bob@contoso.com', 'x', true)),
    'GSSAPI_CLIENT_UNKNOWN',
    /no account bob@contoso\.com/,
  );
  assertFailure(
    await failureOf(login('disabled@EXAMPLE.TEST')),
    'GSSAPI_CLIENT_REFUSED',
    /disabled@EXAMPLE\.TEST/,
    /locked, disabled/,
  );
  assertFailure(await failureOf(login('gone@EXAMPLE.TEST')), 'GSSAPI_CLIENT_REFUSED', /gone@EXAMPLE\.TEST/);
  assertFailure(
    await failureOf(login('old@EXAMPLE.TEST')),
    'GSSAPI_TICKET_EXPIRED',
    /Password has expired/,
    /new password/,
  );
});

test('a wrong realm and a realm in small letters name the realm and krb5.conf', async () => {
  for (const name of ['NOWHERE.TEST', 'example.test']) {
    const failure = await failureOf(login(`alice@${name}`));
    assertFailure(failure, 'GSSAPI_REALM_UNKNOWN', new RegExp(`realm ${name} `), /capital letters/, /krb5\.conf/);
  }
});

test('a login without a realm, where krb5.conf gives no default, asks for the realm', async () => {
  const known = process.env['KRB5_CONFIG'];
  const without = join(realm.folder, 'without-default.conf');
  await writeFile(
    without,
    `[libdefaults]\n  dns_lookup_kdc = false\n[realms]\n  EXAMPLE.TEST = {\n    kdc = ${realm.kdcAddress}\n  }\n`,
  );
  process.env['KRB5_CONFIG'] = without;
  try {
    assertFailure(await failureOf(login('alice')), 'GSSAPI_REALM_UNKNOWN', /default realm/, /without-default\.conf/);
  } finally {
    process.env['KRB5_CONFIG'] = known;
  }
});

test('a KDC that refuses the connection is unreachable, and another attempt may help', async () => {
  const failure = await failureOf(login('alice@DEAD.TEST'));
  assertFailure(failure, 'GSSAPI_KDC_UNREACHABLE', /DEAD\.TEST/, /port 88/);
  assert.equal(failure.recovery, 'retry-after-delay');
});

test('a principal that cannot be parsed is refused before any KDC is asked', async () => {
  assertFailure(await failureOf(login('a@b@c')), 'GSSAPI_NAME_INVALID', /user@REALM/);
});

test('an unknown service principal is named, with the way to register it', async () => {
  const failure = await failureOf(login('alice@EXAMPLE.TEST'), { target: 'HTTP/unknown.example.test' });
  const words = [
    /no service HTTP\/unknown\.example\.test/,
    /setspn -S HTTP\/unknown\.example\.test/,
    /alternate service account/,
  ];
  assertFailure(failure, 'GSSAPI_SERVICE_UNKNOWN', ...words);
});

test('a keytab that is missing, unreadable, no keytab, empty or without the principal says which', async () => {
  const file = join(realm.folder, 'made.keytab');
  const missing = await failureOf({ kind: 'keytab', file: join(realm.folder, 'missing.keytab') });
  assertFailure(missing, 'GSSAPI_KEYTAB_UNREADABLE', /missing\.keytab: there is no such file/);
  assertFailure(await failureOf({ kind: 'keytab', file: realm.folder }), 'GSSAPI_KEYTAB_UNREADABLE', /it is a folder/);
  await writeFile(file, 'no keytab at all');
  assertFailure(await failureOf({ kind: 'keytab', file }), 'GSSAPI_KEYTAB_UNREADABLE', /begins with 6e6f/);
  await writeFile(file, '');
  assertFailure(await failureOf({ kind: 'keytab', file }), 'GSSAPI_KEYTAB_KEY_MISSING', /holds no key/);
  const other = await failureOf({ kind: 'keytab', file: realm.keytab('alice.keytab'), principal: 'bob@EXAMPLE.TEST' });
  assertFailure(
    other,
    'GSSAPI_KEYTAB_KEY_MISSING',
    /no key of bob@EXAMPLE\.TEST, but alice@EXAMPLE\.TEST/,
    /Principal/,
  );
});

test('a service whose keytab lacks the key of the ticket says so on its own side', async () => {
  const failure = await failureOf(login('alice@EXAMPLE.TEST'), { keytab: realm.keytab('other.keytab') });
  assertFailure(failure, 'GSSAPI_KEYTAB_KEY_MISSING', /other\.keytab/, /service principal/);
});

test('krb5.conf that cannot be read is named', async () => {
  const known = process.env['KRB5_CONFIG'];
  const broken = join(realm.folder, 'broken.conf');
  await writeFile(broken, '[libdefaults\n x = {');
  process.env['KRB5_CONFIG'] = broken;
  try {
    assertFailure(await failureOf({ kind: 'ticket-cache' }), 'GSSAPI_CONFIGURATION_INVALID', /broken\.conf/);
  } finally {
    process.env['KRB5_CONFIG'] = known;
  }
});

test('keys changed after a keytab was made: the client’s is wrong, the service’s lacks the version', async (t) => {
  const own = await realmForTest(t, { principals });
  await own.administer(['change_password -pw new alice']);
  const stale = await failureOf(
    { kind: 'keytab', file: own.keytab('alice.keytab') },
    { keytab: own.keytab('http.keytab') },
  );
  assertFailure(stale, 'GSSAPI_KEY_WRONG', /alice\.keytab/, /Make a new keytab/);
  await own.administer([`change_password -randkey ${target}`]);
  const service = await failureOf(login('preauth@EXAMPLE.TEST'), { keytab: own.keytab('http.keytab') });
  assertFailure(service, 'GSSAPI_KEYTAB_KEY_MISSING', /http\.keytab/);
  Object.assign(process.env, realm.environment);
});

test('RC4 is refused: as the type of the context, and as the only type of an account’s keys', async (t) => {
  const own = await realmForTest(t, {
    enctypes: ['arcfour-hmac', AES_SHA1],
    libdefaults: { permitted_enctypes: 'arcfour-hmac', default_tgs_enctypes: 'arcfour-hmac' },
    principals: [
      { name: 'alice', password: 'right', enctypes: ['arcfour-hmac'] },
      { name: target, keytab: 'http.keytab', enctypes: ['arcfour-hmac'] },
    ],
  });
  const options = { keytab: own.keytab('http.keytab') };
  const given = await failureOf(login('alice@EXAMPLE.TEST'), options);
  assertFailure(given, 'GSSAPI_ENCRYPTION_TYPE_REFUSED', /RC4/, /msDS-SupportedEncryptionTypes/);
  const strict = join(own.folder, 'strict.conf');
  const lines = [
    '[libdefaults]',
    'default_realm = EXAMPLE.TEST',
    `permitted_enctypes = ${AES_SHA1}`,
    'dns_lookup_kdc = false',
    '[realms]',
    `EXAMPLE.TEST = { `,
    `kdc = ${own.kdcAddress}`,
    '}',
  ];
  await writeFile(strict, lines.join('\n'));
  process.env['KRB5_CONFIG'] = strict;
  assertFailure(await failureOf(login('alice@EXAMPLE.TEST'), options), 'GSSAPI_ENCRYPTION_TYPE_REFUSED', /AES/);
  Object.assign(process.env, realm.environment);
});

test('no message, however it is printed, holds the password', async () => {
  const secret = 'sesame-91c';
  for (const account of ['alice@EXAMPLE.TEST', 'alice@NOWHERE.TEST', 'alice@DEAD.TEST', 'a@b@c']) {
    const failure = await failureOf(login(account, secret));
    assert.doesNotMatch(inspect(failure, { depth: 9, showHidden: true }) + JSON.stringify(failure), /sesame/);
  }
});
