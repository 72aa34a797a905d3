import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '@exchange-connector/config';
import fc from 'fast-check';
import { describe, load, makeFolder, remarksOf } from './settings-folder.ts';

const file = 'appsettings.agent.json';

const malformed: readonly (readonly [string, string])[] = [
  ['', 'error : is not well-formed JSON: the file is empty'],
  ['  \n', 'error : is not well-formed JSON: the file is empty'],
  ['{', 'error : is not well-formed JSON: the closing } of an object is missing'],
  ['{"a" 1}', 'error : is not well-formed JSON: a colon was expected after the name'],
  ['{"a":}', 'error : is not well-formed JSON: a value was expected'],
  ['{"a":1 "b":2}', 'error : is not well-formed JSON: a comma was expected before this'],
  [
    "{'a':1}",
    'error : is not well-formed JSON: a word that is not JSON: text stands in double quotes, else true, false, null or a number',
  ],
  [
    '{"a":"\\q"}',
    'error : is not well-formed JSON: an escape that JSON does not have: a backslash itself is written \\\\',
  ],
  ['{"a":"x\ny"}', 'error : is not well-formed JSON: a text whose closing quote is missing on its line'],
  ['{} {}', 'error : is not well-formed JSON: there is more text after the end of the JSON value'],
  ['/* {}', 'error : is not well-formed JSON: a comment that does not end'],
  ['[]', 'error : holds a JSON array; allowed is an object, { … }'],
  ['"x"', 'error : holds "x"; allowed is an object, { … }'],
  [
    '{}',
    'error Connections: is missing; allowed is an object with at least one connection, { "<identifier>": { "Server": "http://…/PowerShell/" } }',
  ],
  [
    '{"Connections":{}}',
    'error Connections: is empty; allowed is an object with at least one connection, { "<identifier>": { "Server": "http://…/PowerShell/" } }',
  ],
  [
    '{"Connections":[]}',
    'error Connections: is a JSON array; allowed is an object with at least one connection, { "<identifier>": { "Server": "http://…/PowerShell/" } }',
  ],
  [
    '{"Connections":{"A":"x"}}',
    'error Connections.A: is the text "x"; allowed is an object, { "Server": "http://…/PowerShell/" }',
  ],
];

test('a file that is no settings file is refused with the place and the reason', (context) => {
  for (const [text, expected] of malformed)
    assert.deepEqual(describe(remarksOf(load(context, { [file]: text }))), [expected], text);
});

test('the place of a fault counts lines and columns from one', (context) => {
  const [remark] = remarksOf(load(context, { [file]: '{\n  "a": 1,\n  "b" 2\n}' }));
  assert.deepEqual(remark?.position, { line: 3, column: 7 });
});

test('bytes that are not UTF-8 are refused with their offset', (context) => {
  const refusal = (bytes: Uint8Array) => describe(remarksOf(load(context, { [file]: bytes })));
  assert.deepEqual(refusal(Buffer.concat([Buffer.from('{"a":"é'), Buffer.of(0xff), Buffer.from('"}')])), [
    'error : is not UTF-8: the byte at offset 8 does not belong there; save the file as UTF-8',
  ]);
  assert.deepEqual(refusal(Buffer.from('\ufeff{}', 'utf16le')), [
    'error : is not UTF-8: the byte at offset 0 does not belong there; it looks like UTF-16, save it as UTF-8',
  ]);
  assert.deepEqual(refusal(Buffer.of(0x7b, 0xe2, 0x82)), [
    'error : is not UTF-8: the byte at offset 3 does not belong there; save the file as UTF-8',
  ]);
});

test('nesting, size and number are limited', (context) => {
  assert.deepEqual(describe(remarksOf(load(context, { [file]: '{"a":'.repeat(1_000_000) }))), [
    'error : cannot be read: it has 5000000 bytes; at most 4194304 are read',
  ]);
  for (const opening of ['[', '{"a":'])
    assert.deepEqual(describe(remarksOf(load(context, { [file]: opening.repeat(500_000) }))), [
      'error : nests deeper than 64 objects and arrays',
    ]);
  const many = Object.fromEntries(Array.from({ length: 1001 }, (_, index) => [`c${index}`, { Server: 'x' }]));
  assert.deepEqual(describe(remarksOf(load(context, { [file]: { Connections: many } }))), [
    'error Connections: holds 1001 connections; at most 1000 are allowed',
  ]);
});

test('a file full of faults earns a readable number of remarks', (context) => {
  const text = `{"Connections":{"A":{${'"Sever":"x",'.repeat(200_000)}"Server":"http://a.b/p"}}}`;
  const remarks = remarksOf(load(context, { [file]: text }));
  assert.equal(remarks.length, 201);
  assert.equal(remarks.at(-1)?.message, 'and 199800 more remarks, not shown');
  const names = Array.from({ length: 200_000 }, (_, index) => `"Databas${index.toString(36)}":1`);
  load(context, { [file]: `{"Connections":{"A":{${names.join()}}}}` });
});

test('names that mean something to JavaScript are names like any other', (context) => {
  const text =
    '{"__proto__":{"Connections":{}},"constructor":1,"Connections":{"A":{"Server":"http://a.b/p","__proto__":{"Bom":true},"toString":1}}}';
  const loaded = load(context, { [file]: text }, { Connections__A____proto____Bom: 'true' });
  assert.deepEqual(({} as Record<string, unknown>)['Bom'], undefined);
  assert.equal(loaded.kind, 'refused');
  const clean = load(context, { [file]: text });
  assert.ok(clean.kind === 'loaded' && clean.settings.connections[0]?.bom === false);
});

test('a named pipe in place of the file does not hold the program', {
  skip: process.platform === 'win32' ? 'no named pipes in folders here' : false,
}, (context) => {
  const folder = makeFolder(context, {});
  execFileSync('mkfifo', [join(folder, file)]);
  assert.deepEqual(describe(remarksOf(loadSettings({ settingsFolder: folder, environment: {} }))), [
    'error : cannot be read: it is no file',
  ]);
});

test('whatever JSON stands in the file, it is loaded or refused with remarks that fit on a line', (context) => {
  const folder = makeFolder(context, {});
  const keys = fc.oneof(
    fc.constantFrom(
      'Server',
      'Login',
      'Password',
      'Options',
      'Keytab',
      'Shells',
      'Bom',
      'Databases',
      '__proto__',
      'server',
    ),
    fc.string(),
  );
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.string(),
      fc.integer(),
      fc.double(),
      fc.boolean(),
      fc.constant(null),
      fc.array(tie('value'), { maxLength: 4 }),
      tie('object'),
    ),
    object: fc.array(fc.tuple(keys, tie('value')), { maxLength: 6 }).map((pairs) => ({ pairs })),
  }));
  const write = (node: unknown): string => {
    if (Array.isArray(node)) return `[${node.map(write).join()}]`;
    const pairs = (node as { pairs?: [string, unknown][] } | null)?.pairs;
    if (pairs !== undefined)
      return `{${pairs.map(([name, inner]) => `${JSON.stringify(name)}:${write(inner)}`).join()}}`;
    return JSON.stringify(node) ?? 'null';
  };
  fc.assert(
    fc.property(value, fc.boolean(), (node, wrapped) => {
      const text = wrapped ? `{"Connections":{"A":${write(node)}}}` : write(node);
      const loaded = load(context, { [file]: text });
      if (loaded.kind === 'refused') assert.ok(loaded.remarks.some(({ severity }) => severity === 'error'));
      for (const { message, path } of remarksOf(loaded)) assert.doesNotMatch(`${path} ${message}`, /\p{Cc}/u);
    }),
    { numRuns: 300 },
  );
  assert.ok(folder);
});

test('whatever bytes stand in the file, it is refused without an exception', (context) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => {
      assert.equal(load(context, { [file]: bytes }).kind, 'refused');
    }),
    { numRuns: 200 },
  );
});
