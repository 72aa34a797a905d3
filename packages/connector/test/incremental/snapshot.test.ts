import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import {
  type CookieFacts,
  csvLine,
  deleteLine,
  mailboxColumns,
  RowEntries,
  SnapshotReader,
  type SnapshotSource,
  SnapshotWriter,
} from '@exchange-connector/connector';

const columns = mailboxColumns().columns.map(({ name }) => name);
const hash = (bytes: Uint8Array): Uint8Array => createHash('sha256').update(bytes).digest();

const facts: CookieFacts = {
  id: 'cookie-1',
  connection: 'Main',
  runId: 'run-1',
  time: '2026-03-01T09:30:00.000Z',
  engine: 'native',
  server: 'http://mailbox01.contoso.com/PowerShell/',
  settings: 'digest',
  forestView: true,
  controllers: { 'contoso.com': ['dc01.contoso.com'] },
  columns,
  columnsMissing: [],
  needsComplete: null,
  mailboxes: 0,
  databases: [],
  units: null,
  restless: [],
  forwarding: { count: 0, sum: 0 },
  landmarks: {},
  tenants: [],
  sweptAt: '2026-03-01T09:30:00.000Z',
  sweptUpTo: 0,
};

type Cells = Readonly<Record<string, string>>;

function lineOf(cells: Cells): Uint8Array {
  return Buffer.from(csvLine(['Insert', ...columns.map((name) => cells[name] ?? '')]));
}

function write(rows: readonly Cells[]): Buffer {
  const parts: Buffer[] = [];
  const writer = new SnapshotWriter((bytes) => parts.push(Buffer.from(bytes)), columns.length);
  const entries = new RowEntries(columns, hash);
  for (const row of rows) writer.add(entries.read(lineOf(row)));
  writer.finish({ ...facts, mailboxes: rows.length });
  const body = Buffer.concat(parts);
  return Buffer.concat([body, hash(body)]);
}

/** Gives at most `most` bytes at a time, as a file may. */
function sourceOf(bytes: Buffer, most = bytes.length): SnapshotSource {
  return {
    size: bytes.length,
    read: (into, position) => bytes.copy(into, 0, position, Math.min(position + most, position + into.length)),
  };
}

const text = fc.string({ unit: fc.constantFrom('a', 'É', ',', '"', ' ', '\\', '=', '\n', '漢', 'x'), maxLength: 12 });
const mailbox = fc.record({
  Guid: fc.uuid(),
  Name: text,
  SamAccountName: text,
  PrimarySmtpAddress: text,
  Database: fc.constantFrom('DB01', 'DB, "two"', ''),
  DistinguishedName: fc.oneof(
    text,
    fc.tuple(text, text).map(([name, unit]) => `CN=${name},OU=${unit},DC=contoso,DC=com`),
  ),
  ForwardingAddress: fc.constantFrom('', 'contoso.com/Partners/Contact, 1'),
  DisplayName: text,
});
const mailboxes = fc
  .uniqueArray(mailbox, { selector: ({ Guid }) => Guid, maxLength: 30 })
  .map((rows) => rows.toSorted((left, right) => (left.Guid < right.Guid ? -1 : 1)));

test('a snapshot gives back every mailbox that was put into it, whatever characters its fields hold', () => {
  fc.assert(
    fc.property(mailboxes, fc.integer({ min: 1, max: 500 }), (rows, most) => {
      const reader = new SnapshotReader(sourceOf(write(rows), most));
      const expected = rows.map((row) => {
        const { Guid, Name, SamAccountName, PrimarySmtpAddress, Database, DistinguishedName } = row;
        const known: Cells = { Guid, Name, SamAccountName, PrimarySmtpAddress, Database, DistinguishedName };
        return csvLine(['Delete', ...columns.map((name) => known[name] ?? '')]);
      });
      const seen: string[] = [];
      for (const entry of reader.entries()) seen.push(Buffer.from(deleteLine(columns, entry)).toString());
      assert.deepEqual(seen, expected);
      assert.deepEqual(reader.facts, { ...facts, mailboxes: rows.length });
    }),
  );
});

test('the hash of a mailbox changes with any of its cells, and names the column that changed', () => {
  const row = { Guid: '11111111-2222-3333-4444-555555555555', Name: 'One', DisplayName: 'One, the first' };
  const first = new RowEntries(columns, hash).read(lineOf(row));
  const second = new RowEntries(columns, hash).read(lineOf({ ...row, DisplayName: 'One, the second' }));
  assert.notDeepEqual(first.hash, second.hash);
  const changed = columns.filter((_, index) => first.marks[index] !== second.marks[index]);
  assert.deepEqual(changed, ['DisplayName']);
});

test('a cookie that was cut, or of which a byte was changed, is refused with its own error or read as it is, never with another error', () => {
  const whole = write(
    Array.from({ length: 50 }, (_, index) => ({
      Guid: `00000000-0000-0000-0000-${String(index).padStart(12, '0')}`,
      Name: `Mailbox ${index}`,
      DistinguishedName: `CN=Mailbox ${index},OU=Unit ${index % 7},DC=contoso,DC=com`,
    })),
  );
  const readAll = (bytes: Buffer): void => {
    try {
      for (const _ of new SnapshotReader(sourceOf(bytes)).entries());
    } catch (error) {
      assert.match((error as { code?: string }).code ?? String(error), /^COOKIE_/);
    }
  };
  fc.assert(
    fc.property(fc.nat(whole.length - 1), fc.integer({ min: 1, max: 255 }), (at, change) => {
      const damaged = Buffer.from(whole);
      damaged[at] = (damaged[at] as number) ^ change;
      readAll(damaged);
      readAll(whole.subarray(0, at));
    }),
    { numRuns: 300 },
  );
});

test('a hundred thousand mailboxes take less than twenty million bytes', () => {
  let size = 32;
  const writer = new SnapshotWriter((bytes) => {
    size += bytes.length;
  }, columns.length);
  const entries = new RowEntries(columns, hash);
  for (let index = 0; index < 100_000; index += 1) {
    const name = `Firstname${index % 977} Lastname${index}`;
    writer.add(
      entries.read(
        lineOf({
          Guid: `${index.toString(16).padStart(8, '0')}-89ab-cdef-0123-456789abcdef`,
          Name: name,
          SamAccountName: `lastname${index}`,
          PrimarySmtpAddress: `firstname.lastname${index}@subsidiary.contoso.com`,
          Database: `EU-EXCH-DAG01-DB${index % 120}`,
          DistinguishedName: `CN=${name},OU=Users,OU=Site ${index % 400},OU=Europe,OU=Accounts,DC=emea,DC=contoso,DC=com`,
          ForwardingAddress: index % 10 === 0 ? `emea.contoso.com/Partners/Contact ${index}` : '',
        }),
      ),
    );
  }
  writer.finish({ ...facts, mailboxes: 100_000 });
  assert.ok(size < 20_000_000, `${size} bytes`);
});
