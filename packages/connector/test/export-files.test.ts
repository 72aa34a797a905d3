/* The files that an export script wrote itself: what is accepted, and where each fault is said to be. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  ConnectorError,
  csvLine,
  databaseColumns,
  databaseHeader,
  ExportFileCheck,
} from '@exchange-connector/connector';
import fc from 'fast-check';

const columns = databaseColumns().columns.map(({ name }) => name);
const guid = (digit: number): string => `${digit}0000000-0000-4000-8000-00000000000a`;
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

interface Checked {
  readonly rows: readonly string[];
  readonly error: string | undefined;
}

/** Feeds a file in pieces of a size, and gives its rows or the first fault. */
function check(file: Uint8Array, pieceBytes = file.length): Checked {
  const rows: string[] = [];
  const sink = { put: (key: string, line: string) => void rows.push(`${key} ${line}`), restart: () => {} };
  const checker = new ExportFileCheck({ name: 'Main_databases.csv', columns, sink });
  try {
    for (let at = 0; at < file.length; at += Math.max(1, pieceBytes)) checker.push(file.subarray(at, at + pieceBytes));
    const { rows: count } = checker.end();
    assert.equal(count, rows.length);
    return { rows, error: undefined };
  } catch (error) {
    assert.ok(error instanceof ConnectorError, String(error));
    assert.equal(error.code, 'EXPORT_FILE_INVALID');
    return { rows, error: error.message };
  }
}

const cells = (name: string, digit = 1): string[] => ['Insert', name, 'MB1', 'True', '', guid(digit), '', '', ''];

test('what an RFC 4180 writer writes is read back, whatever the values and wherever the pieces end', () => {
  const value = fc.string({ unit: fc.constantFrom('a', '"', ',', '\r', '\n', 'é', '😀', ' ', ';'), maxLength: 12 });
  fc.assert(
    fc.property(
      fc.array(value, { maxLength: 8 }),
      fc.integer({ min: 1, max: 40 }),
      fc.boolean(),
      (names, piece, marked) => {
        const lines = names.map((name, index) => csvLine(cells(name, index)));
        const file = bytes(`${marked ? '\uFEFF' : ''}${databaseHeader}\r\n${lines.join('')}`);
        assert.deepEqual(check(file, piece), {
          rows: lines.map((line, index) => `${guid(index)} ${line}`),
          error: undefined,
        });
      },
    ),
  );
});

test('any bytes are accepted or refused with a place, and pieces change nothing', () => {
  fc.assert(
    fc.property(
      fc.uint8Array({ maxLength: 200 }),
      fc.boolean(),
      fc.integer({ min: 1, max: 7 }),
      (tail, headed, piece) => {
        const head = bytes(headed ? `${databaseHeader}\r\nInsert,` : '');
        const file = new Uint8Array([...head, ...tail]);
        const whole = check(file);
        assert.deepEqual(check(file, piece), whole);
        if (whole.error !== undefined) assert.match(whole.error, /^Main_databases\.csv, line \d+, column \d+: /);
      },
    ),
    { numRuns: 500 },
  );
});

test('line feeds alone, quotes everywhere and upper-case Guids are taken, and written in the one form', () => {
  const quoted = (fields: readonly string[]): string => `"${fields.join('","')}"\n`;
  const row = ['ADD', 'DB1', 'MB1', 'True', '', guid(1).toUpperCase(), '', '', ''];
  const { rows, error } = check(bytes(quoted(databaseHeader.split(',')) + quoted(row)));
  assert.equal(error, undefined);
  assert.deepEqual(rows, [`${guid(1)} ${csvLine(cells('DB1'))}`]);
});

const good = csvLine(cells('DB1'));
const faults: readonly (readonly [string, string | Uint8Array, string])[] = [
  ['an empty file', '', 'line 1, column 1: the file is empty; its header is missing'],
  [
    'a byte-order mark alone',
    '\uFEFF',
    'line 1, column 1: the file ends in the middle of a row, without a line end: it was not written to its end',
  ],
  [
    'no line end',
    databaseHeader,
    'line 1, column 90: the file ends in the middle of a row, without a line end: it was not written to its end',
  ],
  [
    'a #TYPE line',
    `#TYPE x\r\n${databaseHeader}\r\n`,
    'line 1, column 1: a #TYPE line stands before the header: use Export-Csv -NoTypeInformation',
  ],
  [
    'another column',
    `${databaseHeader.replace('Mounted', 'mounted')}\r\n`,
    'line 1, column 21: the header has "mounted" where its column Mounted belongs',
  ],
  [
    'a column too few',
    `${databaseHeader.replace(',ObjectState', '')}\r\n`,
    'line 1, column 78: the header ends where its column ObjectState belongs',
  ],
  [
    'a column too many',
    `${databaseHeader},More\r\n`,
    'line 1, column 91: the header has "More" after its last column (AdditionalColumns names further ones)',
  ],
  [
    'semicolons',
    `${databaseHeader.replaceAll(',', ';')}\r\n`,
    `line 1, column 1: the header has "${databaseHeader.replaceAll(',', ';').slice(0, 60)}…" where its column Command belongs`,
  ],
  ['an empty line', `${databaseHeader}\r\n${good}\r\n`, 'line 3, column 1: an empty line'],
  [
    'a short row',
    `${databaseHeader}\r\n${good}Insert,DB2\r\n`,
    'line 3, column 11: the row has 2 columns, the header 9',
  ],
  [
    'a long row',
    `${databaseHeader}\r\n${good.replace('\r', ',x\r')}`,
    `line 2, column 62: the row has 10 columns, the header 9`,
  ],
  [
    'another command',
    `${databaseHeader}\r\n${good.replace('Insert', 'Upsert')}`,
    'line 2, column 1: Command is "Upsert"; allowed is Insert, Update or Delete (or Add)',
  ],
  [
    'a Guid in braces',
    `${databaseHeader}\r\n${good.replace(guid(1), `{${guid(1)}}`)}`,
    `line 2, column 22: Guid is "{${guid(1)}}"; allowed is xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in hexadecimal digits`,
  ],
  [
    'no Guid, below a value of two lines',
    `${databaseHeader}\r\nInsert,"a\nb",,,,,,,\r\n`,
    'line 3, column 7: Guid is ""; allowed is xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx in hexadecimal digits',
  ],
  [
    'a quote in a bare value',
    `${databaseHeader}\r\nInsert,a"b",x\r\n`,
    'line 2, column 9: a quote in a value that is not in quotes',
  ],
  [
    'words after a quote',
    `${databaseHeader}\r\nInsert,"a"b\r\n`,
    'line 2, column 11: a comma or the end of the row must follow a closing quote',
  ],
  [
    'a carriage return alone',
    `${databaseHeader}\r\nInsert,a\rb\r\n`,
    'line 2, column 9: a line break in a value that is not in quotes',
  ],
  [
    'a quote that stays open',
    `${databaseHeader}\r\n${good}Insert,"a\r\n${good}`,
    'line 3, column 8: the file ends inside the quoted value that opens here',
  ],
  [
    'UTF-16',
    new Uint8Array([0xff, 0xfe, 0x43, 0, 0x0d, 0, 0x0a, 0]),
    'line 1, column 1: the file is in UTF-16; UTF-8 is needed (Export-Csv -Encoding UTF8)',
  ],
  [
    'UTF-16 without a mark',
    new Uint8Array([0x43, 0, 0x0d, 0, 0x0a, 0]),
    'line 1, column 2: a NUL character: the file is not text in UTF-8 (UTF-16, perhaps)',
  ],
  [
    'Latin-1',
    new Uint8Array([...bytes(`${databaseHeader}\r\nInsert,é`), 0xe9, 0x2c, 0x0a]),
    'line 2, column 9: bytes that are no UTF-8; UTF-8 is needed (Export-Csv -Encoding UTF8)',
  ],
];

for (const [name, file, expected] of faults) {
  test(`a file with ${name} is refused where the fault is`, () => {
    const content = typeof file === 'string' ? bytes(file) : file;
    assert.equal(check(content).error, `Main_databases.csv, ${expected}`);
    assert.equal(check(content, 1).error, `Main_databases.csv, ${expected}`);
  });
}

test('a quote that is never closed costs bounded memory, and is named where it opens', () => {
  const piece = bytes('x'.repeat(1024 * 1024));
  const sink = { put: () => {}, restart: () => {} };
  const checker = new ExportFileCheck({ name: 'Main_databases.csv', columns, sink });
  checker.push(bytes(`${databaseHeader}\r\n${good}Insert,"`));
  let fed = 0;
  assert.throws(
    () => {
      for (; fed < 1000; fed += 1) checker.push(piece);
    },
    {
      message:
        'Main_databases.csv, line 3, column 8: a row is longer than 16777216 bytes: the quote that opens here is not closed',
    },
  );
  assert.ok(fed <= 16, `${fed} MiB were taken`);
});
