/* The made-up organisation: the same for the same numbers, of every kind, and computed rather than held. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatByteSize } from '../src/organization/byte-size.ts';
import { canonicalComponent, escapeRdn } from '../src/organization/directory-name.ts';
import { Mailbox } from '../src/organization/mailbox.ts';
import { MailboxKind } from '../src/organization/mailbox-kind.ts';
import { formatLocal, formatUtc } from '../src/organization/moment.ts';
import { Organization } from '../src/organization/organization.ts';
import { truthOf } from '../src/organization/truth.ts';
import { mailboxShape } from '../src/serialization/mailbox-shape.ts';
import { serializeObject } from '../src/serialization/object-shape.ts';

const shape = mailboxShape();

function digest(organization: Organization): string {
  const hash = createHash('sha256');
  for (let index = 0; index < organization.mailboxCount; index += 1) {
    const source = organization.mailbox(index);
    hash.update(serializeObject({ kind: 'directory', shape, source }, { level: 'partial', projectedValues: 'flat' }));
  }
  return hash.update(JSON.stringify(organization.databases)).digest('hex');
}

test('the same numbers give the same organisation to the byte, another seed another one', () => {
  const first = digest(new Organization({ mailboxes: 400, databases: 6, seed: 7 }));
  assert.equal(digest(new Organization({ mailboxes: 400, databases: 6, seed: 7 })), first);
  assert.notEqual(digest(new Organization({ mailboxes: 400, databases: 6, seed: 8 })), first);
});

test('a mailbox does not depend on how many there are, nor on which was read before', () => {
  const small = new Organization({ mailboxes: 100, databases: 6, seed: 1 });
  const large = new Organization({ mailboxes: 500_000, databases: 6, seed: 1 });
  large.mailbox(499_999).displayName;
  for (const index of [99, 0, 42]) assert.deepEqual(truthOf(small.mailbox(index)), truthOf(large.mailbox(index)));
});

test('every kind of mailbox, both domains and all peculiar values stand among the first 48, whatever the seed', () => {
  for (const seed of [0, 1, 2, 99, 2_147_483_647]) {
    const organization = new Organization({ mailboxes: 48, databases: 6, seed });
    const mailboxes = Array.from({ length: 48 }, (_, index) => organization.mailbox(index));
    assert.deepEqual(new Set(mailboxes.map((mailbox) => mailbox.kind)), new Set(Object.keys(MailboxKind)));
    assert.deepEqual(
      new Set(mailboxes.map((mailbox) => mailbox.domain.name)),
      new Set(['example.test', 'emea.example.test']),
    );
    assert.ok(mailboxes.some((mailbox) => mailbox.kind === 'user' && mailbox.accountDisabled));
    assert.ok(mailboxes.some((mailbox) => mailbox.isDirSynced));
    assert.ok(mailboxes.some((mailbox) => mailbox.emailAddresses.length > 200));
    assert.ok(mailboxes.some((mailbox) => mailbox.emailAddresses.length === 0));
    assert.ok(mailboxes.some((mailbox) => mailbox.name.includes('\nCNF:')));
    assert.ok(mailboxes.some((mailbox) => !mailbox.displayName.isWellFormed()));
    for (const prefix of ['X400:', 'X500:', 'SIP:', 'EUM:', 'MS:']) {
      assert.ok(
        mailboxes.some((mailbox) => mailbox.emailAddresses.some((address) => address.startsWith(prefix))),
        prefix,
      );
    }
  }
});

test('GUIDs, accounts and primary addresses are unique over 60,000 mailboxes, and GUIDs come unsorted', () => {
  const organization = new Organization({ mailboxes: 60_000, databases: 6, seed: 3 });
  const seen = { guid: new Set<string>(), sam: new Set<string>(), primary: new Set<string>(), dn: new Set<string>() };
  let ascents = 0;
  let previous = '';
  for (let index = 0; index < 60_000; index += 1) {
    const mailbox = organization.mailbox(index);
    seen.guid.add(mailbox.guid).add(mailbox.exchangeGuid);
    seen.sam.add(mailbox.samAccountName.toLowerCase());
    seen.primary.add(mailbox.primarySmtpAddress?.toLowerCase() ?? '');
    seen.dn.add(mailbox.distinguishedName.toLowerCase());
    if (mailbox.guid > previous) ascents += 1;
    previous = mailbox.guid;
  }
  assert.deepEqual([seen.guid.size, seen.sam.size, seen.primary.size, seen.dn.size], [120_000, 60_000, 60_000, 60_000]);
  assert.ok(ascents > 25_000 && ascents < 35_000, `${ascents} of 60,000 ascend`);
});

test('each list of addresses has exactly one primary SMTP address, which is PrimarySmtpAddress, or is empty', () => {
  const organization = new Organization({ mailboxes: 5_000, databases: 2, seed: 5 });
  for (let index = 0; index < 5_000; index += 1) {
    const { emailAddresses, primarySmtpAddress } = organization.mailbox(index);
    const primaries = emailAddresses.filter((address) => address.startsWith('SMTP:'));
    assert.deepEqual(primaries, primarySmtpAddress === undefined ? [] : [`SMTP:${primarySmtpAddress}`]);
    assert.equal(new Set(emailAddresses).size, emailAddresses.length);
  }
});

test('sizes read as Exchange writes them', () => {
  assert.equal(formatByteSize(32_212_254_720), '30 GB (32,212,254,720 bytes)');
  assert.equal(formatByteSize(262_144), '256 KB (262,144 bytes)');
  assert.equal(formatByteSize(2_469_396_480), '2.3 GB (2,469,396,480 bytes)');
  assert.equal(formatByteSize(2_039_480_320), '1.899 GB (2,039,480,320 bytes)');
  assert.equal(formatByteSize(0), '0 B (0 bytes)');
});

test('times are written in UTC, and with the offset that the server had then', () => {
  const moment = { ms: Date.UTC(2024, 10, 18, 15, 40, 22), fraction: '' };
  assert.equal(formatUtc(moment), '2024-11-18T15:40:22Z');
  assert.equal(formatLocal(moment), '2024-11-18T16:40:22+01:00');
  assert.equal(formatLocal({ ms: Date.UTC(2024, 2, 31, 1, 0, 0), fraction: '5' }), '2024-03-31T03:00:00.5+02:00');
  assert.equal(formatLocal({ ms: Date.UTC(2024, 9, 27, 0, 59, 59), fraction: '' }), '2024-10-27T02:59:59+02:00');
  assert.equal(formatLocal({ ms: Date.UTC(2024, 9, 27, 1, 0, 0), fraction: '' }), '2024-10-27T02:00:00+01:00');
});

test('Date agrees about every local time of the organisation', () => {
  fc.assert(
    fc.property(fc.integer({ min: 1_000_000_000, max: 1_900_000_000 }), (seconds) => {
      assert.equal(new Date(formatLocal({ ms: seconds * 1000, fraction: '' })).getTime(), seconds * 1000);
    }),
  );
});

test('names are escaped in distinguished and canonical names', () => {
  assert.equal(escapeRdn('R&D, Labs'), 'R&D\\, Labs');
  assert.equal(escapeRdn('#a=b '), '\\#a\\=b\\ ');
  assert.equal(escapeRdn('a\nCNF:b'), 'a\\0ACNF:b');
  assert.equal(canonicalComponent('Legal/Risk'), 'Legal\\/Risk');
});

test('half a million mailboxes can be walked by database', () => {
  const organization = new Organization({ mailboxes: 500_000, databases: 6, seed: 1 });
  let count = 0;
  for (let index = 0; index < 500_000; index += 1)
    if (organization.mailbox(index).database === organization.databases[0]) count += 1;
  assert.ok(count > 80_000 && count < 87_000);
  assert.ok(organization.mailbox(1) instanceof Mailbox);
});
