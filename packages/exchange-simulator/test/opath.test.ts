/* -Filter: syntax, comparisons, dates, and what hostile filters do. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { matchesOpath, OpathError, parseFilterDate, parseOpath } from '../src/cmdlets/opath.ts';
import { matchesWildcard } from '../src/cmdlets/wildcard.ts';
import {
  booleanValue,
  listValue,
  nullValue,
  proxyAddress,
  quotaValue,
  type ServerValue,
  stringValue,
  chainOf,
  utc,
} from '../src/serialization/server-value.ts';

const values: Readonly<Record<string, ServerValue>> = {
  name: stringValue("Siân O'Neil"),
  office: stringValue(''),
  forwardingaddress: nullValue,
  isshared: booleanValue(false),
  whenchangedutc: utc({ ms: Date.UTC(2017, 7, 1, 14, 0, 0), fraction: '' }),
  prohibitsendquota: quotaValue(2_147_483_648),
  maxsendsize: quotaValue(undefined),
  emailaddresses: listValue(chainOf('L'), [proxyAddress('SMTP:a@example.test'), proxyAddress('smtp:b@example.test')]),
};
const matches = (filter: string, zone: 'utc' | 'server' = 'utc'): boolean =>
  matchesOpath(parseOpath(filter), (name) => values[name.toLowerCase()], zone);

test('comparisons ignore case, and quotes are doubled', () => {
  assert.equal(matches("Name -eq 'siân o''neil'"), true);
  assert.equal(matches("name -EQ 'Siân O''Neil '"), false);
  assert.equal(matches('Name -ne "x"'), true);
  assert.equal(matches("Name -like 'siân*'"), true);
  assert.equal(matches("Name -like '*neil'"), true);
  assert.equal(matches("Name -like '*N O*'"), true);
  assert.equal(matches("Name -notlike 'siân*'"), false);
  assert.equal(matches("Name -gt 'A'"), true);
});

test('and binds tighter than or, not tighter than both', () => {
  assert.equal(matches("IsShared -eq $true -or Name -like 'S*' -and IsShared -eq $false"), true);
  assert.equal(matches("(IsShared -eq $true -or Name -like 'S*') -and IsShared -eq $true"), false);
  assert.equal(matches("-not (IsShared -eq 'False') -or IsShared -eq $false"), true);
  assert.equal(matches("!(Name -eq 'x')"), true);
  assert.equal(matches("{Name -eq 'x'}"), false);
});

test('null is an absent value, an empty text and an empty list alike', () => {
  assert.equal(matches('ForwardingAddress -eq $null'), true);
  assert.equal(matches('ForwardingAddress -ne $null'), false);
  assert.equal(matches('Office -eq $null'), true);
  assert.equal(matches('Name -ne $null'), true);
  assert.equal(matches("ForwardingAddress -ne 'x'"), true);
});

test('sizes compare as numbers, in any unit, and unlimited is more than all', () => {
  assert.equal(matches("ProhibitSendQuota -ge '2 GB'"), true);
  assert.equal(matches("ProhibitSendQuota -gt '2048 MB'"), false);
  assert.equal(matches("ProhibitSendQuota -eq '2 GB (2,147,483,648 bytes)'"), true);
  assert.equal(matches("MaxSendSize -gt '100 GB'"), true);
  assert.equal(matches("MaxSendSize -eq 'Unlimited'"), true);
});

test('a list matches by any of its items', () => {
  assert.equal(matches("EmailAddresses -like '*b@example.test'"), true);
  assert.equal(matches("EmailAddresses -eq 'smtp:B@example.test'"), true);
  assert.equal(matches("EmailAddresses -notlike '*b@*'"), false);
});

test('dates are read in either form, and without a zone in the zone of the server or in UTC', () => {
  assert.equal(matches("WhenChangedUTC -ge '8/1/2017 2:00:00 PM Z'"), true);
  assert.equal(matches("WhenChangedUTC -gt '8/1/2017 2:00:00 PM Z'"), false);
  assert.equal(matches("WhenChangedUTC -eq '2017-08-01T16:00:00+02:00'"), true);
  assert.equal(matches("WhenChangedUTC -ge '8/1/2017 4:00:00 PM'", 'server'), true);
  assert.equal(matches("WhenChangedUTC -ge '8/1/2017 4:00:00 PM'", 'utc'), false);
  assert.equal(parseFilterDate('12/31/2020', 'utc'), Date.UTC(2020, 11, 31));
  assert.equal(parseFilterDate('12/31/2020 12:00:00 AM', 'utc'), Date.UTC(2020, 11, 31));
  assert.equal(parseFilterDate('13/31/2020', 'utc'), undefined);
  assert.equal(parseFilterDate('yesterday', 'utc'), undefined);
});

test('what is no filter is refused with its place', () => {
  for (const [filter, position] of [
    ["Name -eq 'x", 9],
    ['Name', 4],
    ['Name -eq', 8],
    ['(Name -eq x', 11],
    ['Name -eq x y', 11],
    ['', 0],
    ['Name -foo x', 5],
    ['Name -eq $x', 9],
    ['-and', 0],
  ] as const) {
    assert.throws(
      () => parseOpath(filter),
      (error) => error instanceof OpathError && error.position === position,
      filter,
    );
  }
});

test('no text whatever does anything but parse or be refused, quickly', () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.string(),
        fc
          .array(fc.constantFrom('(', ')', '-and', '-or', '-not', 'Name', '-eq', "'x'", '!', '$null', ' '))
          .map((parts) => parts.join(' ')),
      ),
      (text) => {
        try {
          parseOpath(text);
        } catch (error) {
          assert.ok(error instanceof OpathError);
        }
      },
    ),
  );
  assert.throws(() => parseOpath(`${'('.repeat(30_000)}`), OpathError);
  assert.throws(() => parseOpath(`Name -eq '${'x'.repeat(40_000)}'`), OpathError);
});

test('a pattern of many stars costs no more than a walk through the text', () => {
  const started = performance.now();
  assert.equal(matchesWildcard('a'.repeat(20_000), `${'*a'.repeat(5_000)}*b`), false);
  assert.ok(performance.now() - started < 200);
  assert.equal(matchesWildcard('ab', 'a*b'), true);
  assert.equal(matchesWildcard('a', 'a*a'), false);
  assert.equal(matchesWildcard('xabcy', '*abc*'), true);
});
