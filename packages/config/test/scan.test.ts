import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { type ScanEvent, scanPaths, scanText } from '@exchange-connector/config';
import fc from 'fast-check';

/** The planted secret; no other line of a sample is a finding. */
const secret = 'hunter2-Tr0ub4dor';

/** Files as people write them. A line with the planted secret must be found, any other line must not. */
const samples: Readonly<Record<string, string>> = {
  'appsettings.agent.json': `{
  // comment
  "Connections": { "Main": {
    "Server": "https://mail.contoso.com/PowerShell/",
    "Password": "${secret}",
    "Login": "svc@CONTOSO.COM",
    "Secret": "",
    "secret": "${secret}",
    "Certificate": { "Password": "${secret}${'x1Y'.repeat(5000)}" },
    "Options": {
      "Password":
        "${secret}",
      "ApiKey": "${secret}",
      "PasswordPolicy": "strict",
      "PasswordNeverExpires": "true",
      "Password2": "",
      "password": "\${PASSWORD}",
      "ClientSecret": "eyJhbGciOiJSU0EtT0FFUC0yNTYifQ.YQ.Yg.Yw.ZA",
      "Secret": "@Microsoft.KeyVault(SecretUri=https://x/y)",
      "KeytabPath": "/etc/krb5.keytab",
      "pwd": "<your password>",
      "Url": "https://joe:${secret}@host/path",
      "Database": "Server=db;User Id=sa;Password=${secret};Encrypt=true",
    }
  } },
  "settings": [
    { "name": "db.password", "value": "${secret}" },
    { "name": "db.user", "value": "joe" }
  ]
}`,
  'broken.json': `{ "Password": "${secret}", "oops"
  "Login": "joe" `,
  'web.config': `<?xml version="1.0"?>
<configuration>
  <add key="Password" value="${secret}"/>
  <add value='${secret}' key='ApiSecret' />
  <add key="User" value="joe"/>
  <add name="x" connectionString="Data Source=db;User Id=sa;Password=${secret};"/>
  <credentials passwordFormat="Clear"/>
  <Password>${secret}</Password>
  <password>
    ${secret}
  </password>
  <Password>%PASSWORD%</Password>
  <Password/>
  <S N="Password">${secret}</S>
  <SS N="Password">01000000d08c9ddf0115d1118c7a00c04fc297eb010000</SS>
  <x PasswordNeverExpires="true"/>
</configuration>`,
  'my.ini': `; a comment
[database]
user = joe
password = ${secret}
pwd=${secret}
password_min_length = 12
passwordless = true
bypass = yes
password =
token = short
; old_password=${secret}
`.replace(`; old_password=${secret}\n`, ''),
  '.env': `export DB_PASSWORD=${secret}
SECRET_KEY='${secret}'
PASSWORD_FILE=/run/secrets/db
PASSWORD=
API_TOKEN=\${TOKEN}
`,
  'values.yaml': `db:
  user: joe
  password: ${secret}
  api_key: "${secret}"
  secretName: my-tls
  passwordSecretRef:
    name: db
  password: !vault |
  env:
    - name: DB_PASSWORD
      value: ${secret}
    - name: "DB_TOKEN"
      value: "\${TOKEN}"
    - name: DB_PASSWORD
      value: '${secret}'
    - name: DB_PASSWORD
      valueFrom: { secretKeyRef: { name: db, key: password } }
  secretKey: \${DB_SECRET}
  password: {{ .Values.password }}
`,
  'setup.ps1': `param([string]$Password, [securestring]$Secret)
$secure = ConvertTo-SecureString "${secret}" -AsPlainText -Force
$secure = ConvertTo-SecureString -String '${secret}' -AsPlainText -Force
$secure = ConvertTo-SecureString -AsPlainText -Force '${secret}'
$secure = '${secret}' | ConvertTo-SecureString -AsPlainText -Force
$password = '${secret}'
$options = @{ Password = "${secret}" }
$password = Read-Host -AsSecureString
$password = $env:PASSWORD
$secure = ConvertTo-SecureString $Password -AsPlainText -Force
Set-Mailbox -Password ${secret} -Identity joe
Set-Mailbox -Password $secure -Identity joe
net use z: \\\\server\\share /user:contoso\\joe ${secret}
Write-Host "Password: the password is wrong"
`,
  'run.sh': `curl -u joe:${secret} https://host/
mysql --user=joe --password=${secret} db
psql "postgres://joe:${secret}@db/x"
mysql --password="$PASSWORD" db
curl https://host/a:b@c
git clone git@github.com:owner/name.git
`,
  'program.ts': `const options = { password: '${secret}', user: 'joe' };
function login(password: string): void {}
const password = readPassword();
const secret = new Secret(text);
throw new Error('Password: it is wrong');
const passwordKeyFile = './a';
const title = { password: 'The password of the account' };
`,
  'users.csv': `user,Password,mail\r
joe,${secret},joe@contoso.com\r
"ann","x, ${secret}","a ""b"" c"\r
eve,,eve@contoso.com\r
`,
  'users.txt': `user;passwort;mail
joe;x;y
Kennwort: fragen Sie den Administrator
Passwort: ${secret}
`,
  'notes.md': `# Passwords
Ask for the password: it is in the vault.
| Password | text | none | the password of the account |
Set \`"Password": "${secret}"\` in the file.
`,
  'deploy.pem': `-----BEGIN CERTIFICATE-----
MIIB
-----END CERTIFICATE-----
`,
}; // prettier-ignore

test('credentials are found in every kind of file, each on its line, and nothing else is', () => {
  for (const [name, text] of Object.entries(samples)) {
    const expected = text.split('\n').flatMap((line, index) => (line.includes(secret) ? [index + 1] : []));
    const found = scanText(name, text).map(({ line }) => line);
    assert.deepEqual(
      [...new Set(found)].sort((a, b) => a - b),
      expected,
      name,
    );
  }
});

test('a finding names the place where the value begins, and never the value', () => {
  for (const [name, text] of Object.entries(samples))
    for (const finding of scanText(name, text)) {
      const line = text.split('\n')[finding.line - 1] ?? '';
      const from = line.indexOf(secret);
      const before = line.slice(finding.column - 1, from + 1);
      assert.ok(from < 0 || finding.column - 1 <= line.lastIndexOf(secret), `${name}: ${JSON.stringify(finding)}`);
      assert.ok(before.length < 60, `${name}: ${JSON.stringify(finding)}`);
      assert.doesNotMatch(JSON.stringify(finding), /Tr0ub4dor/);
    }
});

test('keys and tokens that need no name are found, encrypted keys are not', () => {
  const kinds = (text: string) => scanText('a.txt', text).map(({ kind, name }) => `${kind} ${name}`);
  const begin = (label: string) => `-----BEGIN ${label}-----\nMIIEvQIBADANBgkqhkiG9w0BAQEFAASC\n`;
  for (const label of ['PRIVATE KEY', 'RSA PRIVATE KEY', 'EC PRIVATE KEY', 'OPENSSH PRIVATE KEY'])
    assert.deepEqual(kinds(begin(label)), ['private-key private key'], label);
  assert.deepEqual(kinds(begin('ENCRYPTED PRIVATE KEY')), []);
  assert.deepEqual(kinds(begin('RSA PRIVATE KEY').replace('\nMII', '\nProc-Type: 4,ENCRYPTED\n\nMII')), []);
  assert.deepEqual(kinds(`x AKIA${'A1B2'.repeat(4)} y`), ['token AWS access key']);
  assert.deepEqual(kinds(`ghp_${'aB3d'.repeat(9)}`), ['token GitHub token']);
  assert.deepEqual(kinds('Authorization: Bearer abcDEF123456ghiJKL789'), ['token Authorization header']);
});

test('a number may be a password, a count is none', () => {
  const text = JSON.stringify({ Password: 123456, pass: 1200, PasswordMaxAge: 90000, fail: 4000 }, undefined, 1);
  assert.deepEqual(
    scanText('a.json', text).map(({ line, name }) => [line, name]),
    [[2, 'Password']],
  );
});

test('a line that a person has looked at is left out', () => {
  assert.equal(scanText('a.ini', `password=${secret}\npassword=${secret} ; config-scan: ignore\n`).length, 1);
});

test('the file of account names holds no passwords', () => {
  const text = JSON.stringify({ Connections: { Main: { Password: 'Account-of-Main' } } });
  assert.deepEqual(scanText('/etc/appsettings.cyberArk.agent.json', text), []);
  assert.equal(scanText('/etc/appsettings.agent.json', text).length, 1);
});

function makeTree(context: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'scan-'));
  context.after(() => {
    try {
      chmodSync(join(folder, 'closed'), 0o700);
    } catch {
      // It was not made.
    }
    rmSync(folder, { recursive: true, force: true });
  });
  return folder;
}

async function scan(...paths: string[]): Promise<ScanEvent[]> {
  const events: ScanEvent[] = [];
  for await (const event of scanPaths(paths, new AbortController().signal)) events.push(event);
  return events;
}

function tell(folder: string, events: readonly ScanEvent[]): string[] {
  return events.map((event) => {
    const file = event.file.slice(folder.length + 1);
    if (event.kind === 'finding') return `${file}:${event.finding.line}:${event.finding.column} ${event.finding.name}`;
    return event.kind === 'scanned' ? `${file} scanned` : `${file} ${event.kind}: ${event.reason}`;
  });
}

test('folders are gone through, links inside are not followed, and what holds no text is passed over', {
  skip: process.platform === 'win32' ? 'links and named pipes are made otherwise here' : false,
}, async (context) => {
  const folder = makeTree(context);
  mkdirSync(join(folder, 'b', '.git'), { recursive: true });
  mkdirSync(join(folder, 'b', 'node_modules'));
  for (const file of ['b/.git/config', 'b/node_modules/x.ini', 'b/x.ini'])
    writeFileSync(join(folder, file), `a=1\npwd=${secret}\n`);
  symlinkSync('..', join(folder, 'b', 'loop'));
  symlinkSync('/etc/hosts', join(folder, 'link'));
  execFileSync('mkfifo', [join(folder, 'pipe')]);
  writeFileSync(
    join(folder, 'a.bin'),
    Uint8Array.from({ length: 4096 }, (_, index) => index & 0xff),
  );
  writeFileSync(join(folder, 'empty'), '');
  assert.deepEqual(tell(folder, await scan(folder)), [
    'a.bin passed-over: it holds no text',
    'empty scanned',
    'b/x.ini:2:5 pwd',
    'b/x.ini scanned',
  ]);
  // A link that is given itself is followed.
  assert.equal((await scan(join(folder, 'b', 'loop', 'b', 'x.ini'))).length, 2);
});

test('text in UTF-16, with and without a mark, and with a UTF-8 mark, is read', async (context) => {
  const folder = makeTree(context);
  const text = `password=${secret}\r\n`;
  const little = Buffer.from(text, 'utf16le');
  const big = Buffer.from(little).swap16();
  writeFileSync(join(folder, '1'), Buffer.concat([Buffer.of(0xff, 0xfe), little]));
  writeFileSync(join(folder, '2'), Buffer.concat([Buffer.of(0xfe, 0xff), big]));
  writeFileSync(join(folder, '3'), little);
  writeFileSync(join(folder, '4'), big);
  writeFileSync(join(folder, '5.csv'), `\ufeffpassword,x\r\n${secret},1\r\n`);
  const found = (await scan(folder)).filter(({ kind }) => kind === 'finding');
  assert.deepEqual(tell(folder, found), [
    '1:1:10 password',
    '2:1:10 password',
    '3:1:10 password',
    '4:1:10 password',
    '5.csv:2:1 password',
  ]);
});

test('a file that is too large or is not there is told, not taken for clean', async (context) => {
  const folder = makeTree(context);
  writeFileSync(join(folder, 'large.txt'), `password=${secret}\n`.repeat(1000));
  truncateSync(join(folder, 'large.txt'), 8192);
  const [text] = [`password=${secret}\n`.repeat(1_000_000)];
  writeFileSync(join(folder, 'huge.txt'), text ?? '');
  const events = await scan(join(folder, 'huge.txt'), join(folder, 'gone'));
  assert.deepEqual(tell(folder, events), [
    `huge.txt unread: it has ${text?.length} bytes; at most 16777216 are scanned`,
    'gone unread: it is not there',
  ]);
});

test('texts made to keep a scanner busy are gone through', () => {
  const size = 100_000;
  for (const piece of [
    'a',
    '"',
    "'",
    '<a ',
    'password',
    'password=',
    'password="',
    '=',
    ';',
    'a=b;',
    '://',
    'a://b:',
    '\\',
    '-----BEGIN ',
    'curl ',
    ' --password ',
    '{"a":',
    '[',
    'ConvertTo-SecureString ',
  ])
    for (const name of ['a.txt', 'a.xml', 'a.json', 'a.ps1', 'a.yaml', 'a.csv'])
      scanText(name, piece.repeat(Math.ceil(size / piece.length)));
});

test('whatever stands in a file, the scanner ends without an exception and its places are inside the text', () => {
  const pieces = fc.constantFrom(
    'password',
    'Pwd',
    ':',
    '=',
    '"',
    "'",
    '\n',
    '\r\n',
    ' ',
    '{',
    '}',
    '<a ',
    '/>',
    '>',
    ',',
    ';',
    '\\',
    '://u:',
    '@',
    secret,
    '\u{1f600}',
    '\ud800',
    '\0',
  );
  const name = fc.constantFrom('a.json', 'a.xml', 'a.yaml', 'a.csv', 'a.ps1', 'a.txt', 'a');
  fc.assert(
    fc.property(fc.array(fc.oneof(pieces, fc.string({ maxLength: 5 })), { maxLength: 60 }), name, (parts, file) => {
      const text = parts.join('');
      const lines = text.split('\n');
      for (const { line, column, name: found } of scanText(file, text)) {
        assert.ok(line >= 1 && line <= lines.length);
        assert.ok(column >= 1 && column <= (lines[line - 1]?.length ?? 0) + 1);
        assert.doesNotMatch(found, /\p{Cc}/u);
      }
    }),
    { numRuns: 500 },
  );
});
