import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import {
  decodeCliXml,
  type PsObject,
  type PsValue,
  psArray,
  psBoolean,
  psInt32,
  psNull,
  psObject,
  psString,
} from '@exchange-connector/psrp';
import { parse } from 'csv-parse/sync';
import fc from 'fast-check';
import {
  addressesText,
  cellText,
  csvLine,
  databaseColumns,
  databaseHeader,
  dateTimeText,
  joinAddresses,
  joinValues,
  mailboxColumns,
  mailboxHeader,
  noRemarks,
  ObjectReader,
  RowWriter,
  splitAddresses,
  splitValues,
} from '@exchange-connector/connector';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const text = (value: PsValue): string => cellText(value, noRemarks());

test('the headers are Command with 43 and with 8 columns', () => {
  assert.equal(mailboxHeader.split(',').length, 44);
  assert.equal(databaseHeader.split(',').length, 9);
  assert.equal(['Command', ...mailboxColumns().columns.map(({ name }) => name)].join(','), mailboxHeader);
  assert.equal(['Command', ...databaseColumns().columns.map(({ name }) => name)].join(','), databaseHeader);
});

test('the pair of columns asks for both of its properties, and additional columns follow at the end', () => {
  const plan = mailboxColumns(['AccountDisabled', 'CustomAttribute1', 'guid']);
  assert.deepEqual(
    plan.columns.slice(-2).map(({ name }) => name),
    ['AccountDisabled', 'CustomAttribute1'],
  );
  assert.deepEqual(plan.repeated, ['guid']);
  assert.equal(plan.properties.filter((name) => name === 'AccountDisabled').length, 1);
  assert.ok(plan.properties.includes('IsDirSynced'));
  assert.ok(!plan.properties.includes('AccountDisabledIsDirSynced'));
});

test('date-times are ISO 8601 in UTC, whatever their zone and fraction', () => {
  const cases: [string, string | undefined][] = [
    ['2022-10-19T20:31:31-07:00', '2022-10-20T03:31:31Z'],
    ['2022-10-31T01:01:36Z', '2022-10-31T01:01:36Z'],
    ['2022-10-31T01:01:36', '2022-10-31T01:01:36Z'],
    ['2022-10-31T01:01:36.1200000Z', '2022-10-31T01:01:36.12Z'],
    ['2022-10-31T01:01:36.0000000+01:00', '2022-10-31T00:01:36Z'],
    ['2024-02-29T23:59:59.9999999-00:30', '2024-03-01T00:29:59.9999999Z'],
    ['0001-01-01T00:00:00', '0001-01-01T00:00:00Z'],
    ['0001-01-01T00:00:00+02:00', '0001-01-01T00:00:00Z'],
    ['9999-12-31T23:59:59.9999999', '9999-12-31T23:59:59.9999999Z'],
    ['9999-12-31T23:59:59.9999999-07:00', '9999-12-31T23:59:59.9999999Z'],
    ['2023-02-29T00:00:00Z', undefined],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00Z'],
    ['1900-02-29T00:00:00Z', undefined],
    ['2023-13-01T00:00:00Z', undefined],
    ['2023-00-01T00:00:00Z', undefined],
    ['2023-04-31T00:00:00Z', undefined],
    ['2023-04-30T00:60:00Z', undefined],
    ['2023-04-30T00:00:0xZ', undefined],
    ['0000-01-01T00:00:00Z', undefined],
    ['2023-04-30T00:00:00z', undefined],
    ['2023-04-30T00:00:00Z ', undefined],
    ['2023-02-28T24:00:00Z', undefined],
    ['2023-02-28T10:00:00+15:00', undefined],
    ['yesterday', undefined],
    ['', undefined],
  ];
  for (const [given, wanted] of cases) assert.equal(dateTimeText(given), wanted, given);
});

test('an offset is arithmetic on whole minutes: the date-time in UTC is the same instant', () => {
  fc.assert(
    fc.property(
      fc.date({ min: new Date('0002-01-01'), max: new Date('9998-12-31'), noInvalidDate: true }),
      fc.integer({ min: -14 * 60, max: 14 * 60 }),
      fc.integer({ min: 0, max: 9_999_999 }),
      (date, minutes, ticks) => {
        const seconds = Math.floor(date.getTime() / 1000) * 1000;
        const local = new Date(seconds + minutes * 60_000).toISOString().slice(0, 19);
        const zone = `${minutes < 0 ? '-' : '+'}${String(Math.floor(Math.abs(minutes) / 60)).padStart(2, '0')}:${String(Math.abs(minutes) % 60).padStart(2, '0')}`;
        const fraction = String(ticks).padStart(7, '0');
        const wantedFraction = fraction.replace(/0+$/, '');
        const wanted = `${new Date(seconds).toISOString().slice(0, 19)}${wantedFraction === '' ? '' : `.${wantedFraction}`}Z`;
        assert.equal(dateTimeText(`${local}.${fraction}${zone}`), wanted);
      },
    ),
  );
});

test('addresses: primary first, the rest in ordinal order, none dropped', () => {
  assert.equal(
    joinAddresses(['smtp:b@x', 'X500:/o=A B/cn=c', 'smtp:B@x', 'SMTP:z@x', 'sip:z@x', 'smtp:b@x']),
    'SMTP:z@x X500:/o=A B/cn=c sip:z@x smtp:B@x smtp:b@x smtp:b@x',
  );
});

test('a space in an address is escaped only where a reader would split, a percent sign only where it could be misread', () => {
  assert.equal(joinAddresses(['X500:/o=a b:c']), 'X500:/o=a%20b:c');
  assert.equal(joinAddresses(['X500:/o=a b/c']), 'X500:/o=a b/c');
  assert.equal(joinAddresses(['X500:50%', 'X400:a%20b', 'X400:a%25b']), 'X400:a%2520b X400:a%2525b X500:50%');
  assert.deepEqual(splitAddresses('X400:a%2520b X400:a%2525b X500:50%'), ['X400:a%20b', 'X400:a%25b', 'X500:50%']);
});

const addressPart = fc.oneof(
  fc.constantFrom(
    ' ',
    '  ',
    '%',
    '%20',
    '%25',
    '%2',
    '2',
    '0',
    '5',
    ':',
    'smtp:',
    ' SMTP:',
    ' x-y:',
    '%7C',
    '|',
    '%3B',
    ';',
    ',',
  ),
  fc.string({ maxLength: 4 }),
);
const address = fc
  .tuple(fc.constantFrom('SMTP', 'smtp', 'X500', 'x400', 'a-1'), fc.array(addressPart, { maxLength: 8 }))
  .map(([prefix, parts]) => `${prefix}:${parts.join('')}`);

for (const separator of [' ', '|', ';', ', ', '||']) {
  test(`a reader that splits only before a prefix reads every cell of addresses back (separator "${separator}")`, () => {
    fc.assert(
      fc.property(fc.array(address, { maxLength: 6 }), (addresses) => {
        const sorted = (list: readonly string[]): string[] => [...list].sort();
        assert.deepEqual(sorted(splitAddresses(joinAddresses(addresses, separator), separator)), sorted(addresses));
      }),
      { numRuns: 2000 },
    );
  });
}

test('the text of a cell of addresses does not depend on the order the directory gives', () => {
  fc.assert(
    fc.property(fc.array(address, { maxLength: 6 }), fc.integer(), (addresses, seed) => {
      const rotated = addresses.map((_, index) => addresses[(index + Math.abs(seed)) % addresses.length] as string);
      assert.equal(joinAddresses(rotated), joinAddresses(addresses));
    }),
  );
});

test('values that are no addresses are joined by a semicolon and read back in their order', () => {
  assert.equal(joinValues(['a;b', 'c', '50%', '%3B']), 'a%3Bb;c;50%;%253B');
  fc.assert(
    fc.property(
      fc.array(
        fc.array(addressPart, { maxLength: 6 }).map((parts) => parts.join('')),
        { minLength: 1 },
      ),
      (values) => {
        const cell = joinValues(values);
        assert.deepEqual(splitValues(cell), cell === '' ? [] : values);
      },
    ),
    { numRuns: 2000 },
  );
});

test('CSV lines are read back by another reader as they were', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.array(fc.oneof(fc.string(), fc.constantFrom('"', ',', '\r\n', '\n', '\r', '""', ' a ', '')), {
          minLength: 2,
          maxLength: 5,
        }),
        { minLength: 1, maxLength: 5 },
      ),
      (rows) => {
        const read: unknown = parse(rows.map(csvLine).join(''), { record_delimiter: '\r\n', relax_column_count: true });
        assert.deepEqual(read, rows);
      },
    ),
    { numRuns: 1000 },
  );
});

test('a field is quoted only where it must be', () => {
  assert.equal(
    csvLine(['plain text', 'a,b', 'say "x"', 'two\nlines', '']),
    'plain text,"a,b","say ""x""","two\nlines",\r\n',
  );
});

test('each kind of value has its text', () => {
  const enumeration = psObject({
    typeNames: ['Exchange.RecipientType', 'System.Enum'],
    display: 'UserMailbox',
    base: psInt32(1),
  });
  const cases: [PsValue, string][] = [
    [psBoolean(true), 'True'],
    [psBoolean(false), 'False'],
    [psNull, ''],
    [psString('30 GB (32,212,254,720 bytes)'), '30 GB (32,212,254,720 bytes)'],
    [{ kind: 'G', value: 'E41D7A2C-0C5B-4D0A-B6F8-3F9D51A7C003' }, 'e41d7a2c-0c5b-4d0a-b6f8-3f9d51a7c003'],
    [{ kind: 'DT', value: '2022-10-19T20:31:31.5-07:00' }, '2022-10-20T03:31:31.5Z'],
    [psInt32(-5), '-5'],
    [enumeration, 'UserMailbox'],
    [psObject({ display: 'Unlimited', adapted: [{ name: 'IsUnlimited', value: psBoolean(true) }] }), 'Unlimited'],
    [
      psObject({ display: '10/19/2022 8:31:31 PM', base: { kind: 'DT', value: '2022-10-19T20:31:31Z' } }),
      '2022-10-19T20:31:31Z',
    ],
    [psArray([psString('a;b'), psNull, enumeration]), 'a%3Bb;UserMailbox'],
    [{ kind: 'LST', items: [] }, ''],
    [{ kind: 'DCT', entries: [{ key: psString('en'), value: psString('x;y') }] }, 'en=x%3By'],
  ];
  for (const [value, wanted] of cases) assert.equal(text(value), wanted);
});

test('half a surrogate pair becomes U+FFFD and is counted, an object without a text is empty and counted', () => {
  const remarks = noRemarks();
  assert.equal(cellText(psString('a\ud800b'), remarks), 'a\ufffdb');
  assert.equal(cellText(psObject({ adapted: [{ name: 'x', value: psNull }] }), remarks), '');
  assert.equal(cellText({ kind: 'DT', value: 'never' }, remarks), 'never');
  assert.deepEqual(remarks, { loneSurrogates: 1, unreadable: 1, oddDates: 1 });
});

test('a value that holds itself, or repeats itself beyond measure, is refused at once', () => {
  const circle: { kind: 'LST'; items: PsValue[] } = { kind: 'LST', items: [] };
  circle.items.push(circle);
  const refused = { code: 'EXCHANGE_OBJECT_INVALID' };
  assert.throws(() => text(circle), refused);
  assert.throws(() => addressesText(circle, ' ', noRemarks()), refused);
  let bomb: PsValue = psString('x');
  for (let level = 0; level < 12; level += 1) bomb = { kind: 'LST', items: Array.from({ length: 10 }, () => bomb) };
  assert.throws(() => text(bomb), refused);
  const wrapped: PsObject = psObject({});
  wrapped.base = wrapped;
  assert.throws(() => text(wrapped), refused);
});

const sample = new URL('../../../../shared/samples/get-mailbox-partial.clixml', import.meta.url);
const samplePath = fileURLToPath(sample);

test('the recorded mailbox of Exchange 2016 becomes its row', {
  skip: existsSync(samplePath) ? false : `${samplePath} is not there`,
}, () => {
  const plan = mailboxColumns(['CustomAttribute1', 'Languages', 'NoSuchProperty']);
  const writer = new RowWriter(plan);
  const body = readFileSync(samplePath);
  const { values, origin } = new ObjectReader(plan, 'mailbox').read(body);
  assert.equal(writer.key(values), 'e41d7a2c-0c5b-4d0a-b6f8-3f9d51a7c003');
  assert.ok(origin?.kind === 'S');
  const [row] = parse(writer.line('Insert', values)) as string[][];
  const cells = new Map(
    ['Command', ...plan.columns.map(({ name }) => name)].map((name, index) => [name, row?.[index]]),
  );
  // What each cell must be is taken from the sample by another way: the general reader and plain look-up.
  const whole = decodeCliXml(body);
  assert.equal(whole.kind, 'Obj');
  const direct = new Map((whole as PsObject).adapted.map(({ name, value }) => [name, value]));
  assert.equal(direct.size, 228);
  for (const name of mailboxHeader.split(',').slice(1)) {
    const value = direct.get(name);
    if (value?.kind === 'S') assert.equal(cells.get(name), value.value, name);
    if (value?.kind === 'Nil') assert.equal(cells.get(name), '', name);
    if (value?.kind === 'B') assert.equal(cells.get(name), value.value ? 'True' : 'False', name);
    if (value?.kind === 'G') assert.equal(cells.get(name), value.value, name);
  }
  assert.equal(cells.get('AccountDisabledIsDirSynced'), 'False;False');
  assert.equal(cells.get('DisplayName'), 'Nora Lindqvist');
  assert.equal(cells.get('WhenMailboxCreated'), '2023-03-02T08:14:05Z');
  assert.equal(
    cells.get('EmailAddresses'),
    'SMTP:nora.lindqvist@contoso.com X500:/o=First Organization/ou=Exchange Administrative Group (FYDIBOHF23SPDLT)/cn=Recipients/cn=nlindqvist smtp:nlindqvist@contoso.com',
  );
  assert.equal(cells.get('NoSuchProperty'), '');
  assert.deepEqual(writer.remarks(), []);
});

test('of AccountDisabled and IsDirSynced, where one is missing the other stands alone', () => {
  const plan = mailboxColumns();
  const writer = new RowWriter(plan);
  const cell = (props: string): string | undefined => {
    const { values } = new ObjectReader(plan, 'mailbox').read(bytes(`<Obj RefId="0"><Props>${props}</Props></Obj>`));
    return writer.cells(values).get('AccountDisabledIsDirSynced');
  };
  assert.equal(cell('<B N="AccountDisabled">true</B><B N="IsDirSynced">false</B>'), 'True;False');
  assert.equal(cell('<B N="AccountDisabled">true</B>'), 'True');
  assert.equal(cell('<B N="IsDirSynced">false</B>'), 'False');
  assert.equal(cell('<Nil N="AccountDisabled"/><B N="IsDirSynced">false</B>'), 'False');
  assert.equal(cell('<B N="AccountDisabled">true</B><Nil N="IsDirSynced"/>'), 'True');
  assert.equal(cell('<Nil N="AccountDisabled"/><Nil N="IsDirSynced"/>'), '');
  assert.equal(cell(''), '');
});

test('partial, full and projected serialization of one mailbox give the same cells', () => {
  const plan = mailboxColumns();
  const writer = new RowWriter(plan);
  const cells = (body: string): Map<string, string> =>
    writer.cells(new ObjectReader(plan, 'mailbox').read(bytes(body)).values);
  const partial =
    '<Obj RefId="0"><ToString>x</ToString><Props><S N="Database">DB1</S><Obj N="EmailAddresses" RefId="1"><TN RefId="0"><T>Exchange.ProxyAddressCollection</T></TN><LST><S>smtp:a@x</S><S>SMTP:b@x</S></LST></Obj><S N="RecipientTypeDetails">UserMailbox</S><S N="MaxSendSize">Unlimited</S><G N="Guid">e41d7a2c-0c5b-4d0a-b6f8-3f9d51a7c003</G></Props></Obj>';
  const full =
    '<Obj RefId="0"><ToString>x</ToString><Props><Obj N="Database" RefId="1"><TN RefId="1"><T>Exchange.ADObjectId</T></TN><ToString>DB1</ToString><Props><S N="Name">not this</S></Props><MS><BA N="SerializationData">AAEC</BA></MS></Obj><Obj N="EmailAddresses" RefId="2"><TN RefId="2"><T>Exchange.ProxyAddressCollection</T></TN><LST><Obj RefId="3"><ToString>smtp:a@x</ToString><Props><S N="SmtpAddress">a@x</S></Props></Obj><Obj RefId="4"><ToString>SMTP:b@x</ToString></Obj></LST></Obj><Obj N="RecipientTypeDetails" RefId="5"><TN RefId="3"><T>Exchange.RecipientTypeDetails</T><T>System.Enum</T></TN><ToString>UserMailbox</ToString><I64>1</I64></Obj><Obj N="MaxSendSize" RefId="6"><ToString>Unlimited</ToString><Props><B N="IsUnlimited">true</B></Props></Obj><G N="Guid">e41d7a2c-0c5b-4d0a-b6f8-3f9d51a7c003</G></Props></Obj>';
  const projected = partial
    .replace('<ToString>x</ToString>', '')
    .replace('Props>', 'MS>')
    .replace('</Props></Obj>', '</MS></Obj>');
  assert.deepEqual(cells(full), cells(partial));
  assert.deepEqual(cells(projected), cells(partial));
});
