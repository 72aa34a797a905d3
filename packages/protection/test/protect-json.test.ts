import assert from 'node:assert/strict';
import { chmodSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type Certificate,
  decryptLeaf,
  encryptLeaf,
  leafShapeOf,
  openCertificate,
  protectJsonFile,
  rotateFiles,
} from '../src/index.ts';
import { readJsonLeaves } from '../src/json/json-leaves.ts';
import { fileIn, folder, makePair, noOpenSsl } from './test-certificates.ts';

const skip = noOpenSsl;
const pair = noOpenSsl === false ? makePair('agent') : { certificateFile: '', keyFile: '' };
const next = noOpenSsl === false ? makePair('next') : pair;
const open = (of = pair): Promise<Certificate> => openCertificate({ file: of.certificateFile, keyFile: of.keyFile });

const plainText = `\ufeff// the password is hunter2
{
  "Connections": {
    // for the export
    "Main": {
      "Server": ["https://mailbox01.contoso.com/PowerShell/", "https://mailbox02.contoso.com/PowerShell/"],
      "Password": "geheim", /* not "hunter2" */
      "Bom": true, "Shells": 2, "Login": null, "Filter": "",
      "Options": { "Password": 12345, "__proto__": { "toString": "x" }, "Grüße": "ä", },
    },
  },
  "TempFolderPath": "../Temp" // stays
}
`;

async function decryptAll(value: unknown, certificate: Certificate): Promise<unknown> {
  if (typeof value === 'string') return leafShapeOf(value) === 'plain' ? value : decryptLeaf(value, 'x', certificate);
  if (Array.isArray(value)) return Promise.all(value.map((item) => decryptAll(item, certificate)));
  if (typeof value !== 'object' || value === null) return value;
  const entries = await Promise.all(
    Object.entries(value).map(async ([name, item]) => [name, await decryptAll(item, certificate)] as const),
  );
  return Object.fromEntries(entries);
}

test('the tree is kept, each text below Connections is encrypted, and comments are left out', { skip }, async () => {
  const input = fileIn('appsettings.agent.json');
  const output = fileIn('appsettings.encrypted.agent.json');
  writeFileSync(input, plainText, { mode: 0o640 });
  const certificate = await open();
  assert.deepEqual(protectJsonFile({ input, output, certificate }), { path: output, encrypted: 6, kept: 0 });
  const text = readFileSync(output, 'utf8');
  for (const word of ['hunter2', 'geheim', '12345', 'mailbox0', 'for the export'])
    assert.ok(!text.includes(word), word);
  assert.deepEqual(
    await decryptAll(JSON.parse(text), certificate),
    JSON.parse(`{
      "Connections": {
        "Main": {
          "Server": ["https://mailbox01.contoso.com/PowerShell/", "https://mailbox02.contoso.com/PowerShell/"],
          "Password": "geheim", "Bom": true, "Shells": 2, "Login": null, "Filter": "",
          "Options": { "Password": "12345", "__proto__": { "toString": "x" }, "Grüße": "ä" }
        }
      },
      "TempFolderPath": "../Temp"
    }`),
  );
  if (process.platform !== 'win32') {
    assert.equal(statSync(output).mode & 0o777, 0o640);
    chmodSync(input, 0o666);
    protectJsonFile({ input, output, certificate });
    assert.equal(statSync(output).mode & 0o777, 0o640);
  }
});

test('what is encrypted already stays as it is, to the byte', { skip }, async () => {
  const input = fileIn('twice.json');
  writeFileSync(input, plainText);
  const certificate = await open();
  protectJsonFile({ input, output: input, certificate });
  const once = readFileSync(input, 'utf8');
  assert.deepEqual(protectJsonFile({ input, output: input, certificate }), { path: input, encrypted: 0, kept: 6 });
  assert.equal(readFileSync(input, 'utf8'), once);
  await assert.rejects(async () => protectJsonFile({ input, output: input, certificate: await open(next) }), {
    code: 'LEAF_OTHER_CERTIFICATE',
    message: /Connections\.Main\.Server\[0\]/,
  });
});

test('a file that cannot be protected names the place, never a value, and leaves no file', { skip }, async () => {
  const certificate = await open();
  const input = fileIn('bad.json');
  const output = fileIn('none.json');
  const foreign = `kxAB${Buffer.alloc(100, 1).toString('base64')}`;
  const cases: readonly (readonly [string | Buffer, string, RegExp])[] = [
    ['', 'PROTECT_FILE_INVALID', /bad\.json:1:1: the file is empty/],
    [
      '{"Connections": {"A": {"Password": "S3cr3t" "B": 1}}}',
      'PROTECT_FILE_INVALID',
      /bad\.json:1:45: a comma was expected/,
    ],
    ['{"Connections": {"A": {"Password": "S3cr3t}}}', 'PROTECT_FILE_INVALID', /bad\.json:1:36/],
    [
      '{"Connections": {"A":\n {"Password": "S3cr3t", "password": "x"}}}',
      'PROTECT_FILE_INVALID',
      /bad\.json:2:25: Connections\.A\.password stands twice/,
    ],
    ['{"Connections": {"A": {"Password": "S3cr3t"}}} x', 'PROTECT_FILE_INVALID', /not well-formed|more text/],
    ['{"Connections": {"A": 1', 'PROTECT_FILE_INVALID', /the file ends inside/],
    [Buffer.from([0x7b, 0x22, 0xff, 0x22]), 'PROTECT_FILE_INVALID', /the byte at offset 2/],
    [Buffer.from('\ufeff{"Connections": {}}', 'utf16le'), 'PROTECT_FILE_INVALID', /UTF-16/],
    ['{"Connexions": {"A": "S3cr3t"}}', 'PROTECT_FILE_INVALID', /no text below "Connections"/],
    [`{"Connections": {"A": {"Password": "${foreign}"}}}`, 'LEAF_FOREIGN', /Connections\.A\.Password/],
    [`${'['.repeat(100_000)}`, 'PROTECT_FILE_INVALID', /deeper than 64/],
    [`${'{"a":'.repeat(100_000)}`, 'PROTECT_FILE_INVALID', /deeper than 64/],
    [Buffer.alloc((4 << 20) + 1, ' '), 'PROTECTION_LIMIT_EXCEEDED', /4194305 bytes/],
  ];
  for (const [text, code, message] of cases) {
    writeFileSync(input, text);
    assert.throws(
      () => protectJsonFile({ input, output, certificate }),
      (error: Error & { code: string }) => {
        assert.equal(error.code, code, error.message);
        assert.match(error.message, message);
        assert.ok(!error.message.includes('S3cr3t') && !error.message.includes(foreign));
        return true;
      },
    );
  }
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('none') || name.includes('partial')),
    [],
  );
});

test('any JSON is read as JSON.parse reads it, and replacing nothing changes nothing that counts', () => {
  // Names that differ only in case are refused, as the settings refuse them.
  const name = fc.nat(50).map((number) => `n${number}`);
  const leaf = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.double({ noNaN: true, noDefaultInfinity: true }),
    fc.boolean(),
    fc.constant(null),
  );
  const { tree } = fc.letrec((tie) => ({
    tree: fc.oneof(
      { depthSize: 'small' },
      leaf,
      fc.array(tie('tree'), { maxLength: 4 }),
      fc.dictionary(name, tie('tree'), { maxKeys: 4 }),
    ),
  }));
  const textsOf = (value: unknown): readonly unknown[] =>
    typeof value === 'string' || typeof value === 'number'
      ? [value]
      : typeof value === 'object' && value !== null
        ? Object.values(value).flatMap(textsOf)
        : [];
  fc.assert(
    fc.property(tree as fc.Arbitrary<unknown>, fc.constantFrom(0, 2), (value, indent) => {
      const text = JSON.stringify(value, undefined, indent);
      const document = readJsonLeaves(Buffer.from(text), 'the document');
      const read = document.leaves.map((found) => (found.kind === 'number' ? Number(found.value) : found.value));
      assert.deepEqual(read, textsOf(JSON.parse(text)));
      assert.equal(document.replace(new Map()), text);
    }),
    { numRuns: 300 },
  );
});

test('files move from one certificate to another, all of them or none', { skip }, async () => {
  const from = await open();
  const to = await open(next);
  const [first, second] = [fileIn('first.json'), fileIn('second.json')];
  const write = (path: string, password: string): void =>
    writeFileSync(path, `{ "Connections": { "A": { "Password": "${password}", "Login": "svc" } } }`, { mode: 0o600 });
  write(first, encryptLeaf('one', from));
  write(
    second,
    encryptLeaf('two', await open(next)).replace(/.$/, (end) => (end === 'A' ? 'B' : 'A')),
  );
  const before = readFileSync(first, 'utf8');
  await assert.rejects(rotateFiles({ files: [first, second], from, to }), {
    code: 'LEAF_DAMAGED',
    message: /Connections\.A\.Password of .*second\.json/,
  });
  assert.equal(readFileSync(first, 'utf8'), before);
  write(second, encryptLeaf('two', to));
  assert.deepEqual(await rotateFiles({ files: [first, second, first], from, to }), [
    { path: first, encrypted: 1, kept: 0 },
    { path: second, encrypted: 0, kept: 1 },
  ]);
  const read = async (path: string): Promise<unknown> => decryptAll(JSON.parse(readFileSync(path, 'utf8')), to);
  assert.deepEqual(await read(first), { Connections: { A: { Password: 'one', Login: 'svc' } } });
  assert.deepEqual(await read(second), { Connections: { A: { Password: 'two', Login: 'svc' } } });
  if (process.platform !== 'win32') assert.equal(statSync(first).mode & 0o777, 0o600);
  // Cut off between two replacements, it is run again.
  assert.deepEqual(
    (await rotateFiles({ files: [first, second], from, to })).map(({ kept }) => kept),
    [1, 1],
  );
  assert.deepEqual(
    readdirSync(folder).filter((name) => name.includes('partial')),
    [],
  );
});

test('a rotation wants a key to read with, a valid certificate to write to, and something encrypted', {
  skip,
}, async () => {
  const from = await open();
  const to = await open(next);
  const path = fileIn('plain.json');
  writeFileSync(path, '{ "Connections": { "A": { "Login": "svc" } } }');
  await assert.rejects(rotateFiles({ files: [path], from, to }), { code: 'PROTECT_FILE_INVALID' });
  const keyless = await openCertificate({ file: pair.certificateFile });
  await assert.rejects(rotateFiles({ files: [path], from: keyless, to }), { code: 'CERTIFICATE_KEY_MISSING' });
  const late = await openCertificate({ file: next.certificateFile }, { now: new Date('2126-01-01') });
  await assert.rejects(rotateFiles({ files: [path], from, to: late }), { code: 'CERTIFICATE_EXPIRED' });
});
