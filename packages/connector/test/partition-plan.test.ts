import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { GuidSet, mailboxSelections } from '@exchange-connector/connector';
import {
  cut,
  inOrderOfWork,
  isWorthCutting,
  type Part,
  partId,
  partSize,
  selectionOf,
} from '../src/partition/partition-plan.ts';

/* The filter of a part, read as OPATH reads it, with a collation of the server's own. */
function holds(part: Part, name: string, compare: (left: string, right: string) => number): boolean {
  const isLess = (bound: string): boolean => compare(name, bound) < 0;
  return (part.from === undefined || !isLess(part.from)) && (part.below === undefined || isLess(part.below));
}

const collations: readonly ((left: string, right: string) => number)[] = [
  (left, right) => (left.toLowerCase() < right.toLowerCase() ? -1 : left.toLowerCase() > right.toLowerCase() ? 1 : 0),
  new Intl.Collator('en', { sensitivity: 'base', ignorePunctuation: true }).compare,
  new Intl.Collator('de', { numeric: true }).compare,
  // No order that anybody uses: backwards.
  (left, right) => (left < right ? 1 : left > right ? -1 : 0),
];

const name = fc.oneof(
  fc.string({ unit: 'grapheme', maxLength: 30 }),
  fc.constantFrom(
    'Nora Lindqvist',
    'nora lund',
    "O'Neil, Ann",
    'Émile',
    'Żółw',
    'Ольга',
    '美咲',
    '김',
    '',
    ' ',
    "'",
    '-not',
    '9',
    'z',
  ),
);

test('whatever the names and the collation, each name is in a part', () => {
  fc.assert(
    fc.property(
      fc.array(name, { maxLength: 60 }),
      fc.array(name, { maxLength: 20 }),
      fc.integer({ min: 1, max: 3000 }),
      fc.integer({ min: 1, max: 500 }),
      fc.constantFrom(...collations),
      (names, others, count, size, compare) => {
        const parts = cut({ selection: 0, database: undefined, count, names }, size);
        for (const each of [...names, ...others])
          assert.ok(
            parts.some((part) => holds(part, each, compare)),
            JSON.stringify({ each, parts }),
          );
        assert.equal(new Set(parts.map(partId)).size, parts.length, 'parts are told apart');
      },
    ),
    { numRuns: 400 },
  );
});

test('with the order of code units no name is in two parts, and parts of plain names are about equal', () => {
  const letters = 'abcdefghijklmnopqrstuvwxyz';
  const names = Array.from(
    { length: 400 },
    (_, index) => `${letters[(index * 7) % 26]}${letters[(index * 11) % 26]}${index} Smith`,
  );
  const parts = cut({ selection: 0, database: undefined, count: 40_000, names }, 5_000);
  assert.equal(parts.length, 8);
  const [compare] = collations;
  assert.ok(compare !== undefined);
  for (const part of parts) {
    const held: number = names.filter((each) => holds(part, each, compare)).length;
    assert.ok(held >= 40 && held <= 60, `${held} of 400 names in one of eight parts`);
  }
  for (const each of names) assert.equal(parts.filter((part) => holds(part, each, compare)).length, 1);
});

test('what is small is not cut, and what cannot be counted is one part', () => {
  assert.equal(cut({ selection: 0, database: undefined, count: 5_000, names: ['a', 'b'] }, 5_000).length, 1);
  assert.equal(cut({ selection: 0, database: undefined, count: undefined, names: ['a', 'b'] }, 5_000).length, 1);
  assert.equal(isWorthCutting(undefined, 4), false);
  assert.equal(isWorthCutting(1_500, 1), false);
  assert.equal(isWorthCutting(1_500, 4), true);
  assert.ok(partSize(100_000, 4) < partSize(100_000, 1));
  assert.equal(partSize(10_000_000, 1), 10_000);
});

test('a part asks for its database by GUID, for its names, and for what the settings ask for', () => {
  const scope = {
    organizationalUnits: ['contoso.com/Staff'],
    databases: [],
    recipientTypeDetails: [],
    filter: "Alias -like 'x*' -or Alias -like 'y*'",
    includeArbitration: false,
    includePublicFolder: false,
    includeAuditLog: false,
    includeMonitoring: false,
  };
  const database = { guid: '00000000-0000-4000-8000-000000000001', name: 'DB1' };
  const part: Part = { selection: 0, database, from: "o'neil", below: 'p', expected: 1 };
  const { parameters } = selectionOf(part, mailboxSelections(scope));
  const values = Object.fromEntries(
    parameters.map(({ name, value }) => [name, value.kind === 'S' ? value.value : undefined]),
  );
  assert.deepEqual(values, {
    OrganizationalUnit: 'contoso.com/Staff',
    Database: database.guid,
    Filter: "(Alias -like 'x*' -or Alias -like 'y*') -and -not (Name -lt 'o''neil') -and (Name -lt 'p')",
  });
});

test('the largest parts are read first', () => {
  const sizes = [3, 9, 1, 7];
  const parts = sizes.map((expected, selection) => ({
    selection,
    database: undefined,
    from: undefined,
    below: undefined,
    expected,
  }));
  assert.deepEqual(
    inOrderOfWork(parts).map(({ expected }) => expected),
    [9, 7, 3, 1],
  );
});

test('a set of GUIDs holds what a set of texts holds', () => {
  const guid = fc.uuid();
  // Few values, so that the same come again; and many, so that it grows.
  const some = fc.constantFrom(
    '00000000-0000-0000-0000-000000000000',
    'ffffffff-ffff-ffff-ffff-ffffffffffff',
    '00000000-0000-0000-0000-000000000001',
  );
  fc.assert(
    fc.property(
      fc.array(fc.oneof(guid, some), { maxLength: 3000 }),
      fc.array(guid, { maxLength: 50 }),
      (added, others) => {
        const set = new GuidSet();
        const expected = new Set<string>();
        for (const each of added) {
          assert.equal(set.add(each), !expected.has(each));
          expected.add(each);
        }
        assert.equal(set.size, expected.size);
        const given: string[] = [];
        set.each((each) => given.push(each));
        assert.deepEqual(given.sort(), [...expected].sort());
        const both = new GuidSet();
        for (const each of others) both.add(each);
        both.addAll(set);
        assert.equal(both.size, new Set([...expected, ...others]).size);
        assert.ok([...expected, ...others].every((each) => both.has(each)));
        for (const each of [...added, ...others]) assert.equal(set.has(each.toUpperCase()), expected.has(each));
      },
    ),
    { numRuns: 30 },
  );
});
