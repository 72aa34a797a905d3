/* What an increment holds: what changed since the export before it. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { listenToLog } from '@exchange-connector/agent';
import { hour, minute, onStand } from './incremental-stand.ts';

test('the second export holds what changed since the first: an insert, an update with all its columns, a deletion with what was known', () =>
  onStand(async (stand) => {
    const first = await stand.publish();
    assert.equal(first.manifest.mode, 'complete');
    assert.match(first.manifest.reason ?? '', /^there is no cookie of an earlier export/);
    assert.deepEqual(
      stand.warnings.filter((text) => text.includes('complete one')),
      [],
    );
    stand.load(first.rows);
    stand.advance(2 * hour);
    const [renamed = '', removed = '', disabled = ''] = stand.mailboxes(3);
    stand.organization.change({ kind: 'renameMailbox', mailbox: renamed, name: 'Renamed' });
    stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
    stand.organization.change({ kind: 'disableMailbox', mailbox: disabled });
    const { guid: created } = stand.organization.change({ kind: 'createMailbox', name: 'Created' });
    stand.advance(minute);
    const before = new Map(stand.loaded);
    const second = await stand.publish();
    stand.load(second.rows);
    const { mode, reason, cookieIn, counts, countsByDatabase } = second.manifest;
    assert.deepEqual(
      { mode, reason, cookieIn },
      { mode: 'incremental', reason: null, cookieIn: first.manifest.cookieOut },
    );
    assert.deepEqual(counts.mailboxes, { Insert: 1, Update: 1, Delete: 2 });
    const rows = new Map(second.rows.map((row) => [row['Guid'] ?? '', row]));
    assert.equal(rows.get(created)?.['Command'], 'Insert');
    assert.equal(rows.get(renamed)?.['Command'], 'Update');
    assert.equal(rows.get(renamed)?.['Name'], 'Renamed');
    assert.equal(rows.get(renamed)?.['PrimarySmtpAddress'], before.get(renamed)?.['PrimarySmtpAddress']);
    for (const guid of [removed, disabled]) {
      const known = ['Guid', 'Name', 'DistinguishedName', 'SamAccountName', 'PrimarySmtpAddress', 'Database'];
      const { Command, ...cells } = rows.get(guid) ?? {};
      assert.equal(Command, 'Delete');
      for (const [name, text] of Object.entries(cells))
        assert.equal(text, known.includes(name) ? before.get(guid)?.[name] : '', name);
    }
    assert.equal(
      Object.values(countsByDatabase).reduce((sum, count) => sum + count, 0),
      first.rows.length - 1,
    );
    assert.deepEqual([...rows.keys()], [...rows.keys()].sort());

    const whole = await stand.publish({ complete: true });
    assert.equal(whole.manifest.reason, 'a complete export was asked for');
    const expected = new Map(whole.rows.map(({ Command, ...row }) => [row['Guid'] ?? '', row]));
    assert.deepEqual(new Map([...stand.loaded].sort()), new Map([...expected].sort()));
  }));

test('nothing changed: both files have a header alone, nothing is asked for a second time, and the cookies form a chain', () =>
  onStand(async (stand) => {
    const { manifest: first } = await stand.publish();
    stand.advance(2 * hour);
    const { manifest: second, rows, databases } = await stand.publish();
    stand.advance(2 * hour);
    const { manifest: third } = await stand.publish();
    assert.deepEqual([rows, databases], [[], []]);
    assert.deepEqual([second.cookieIn, third.cookieIn], [first.cookieOut, second.cookieOut]);
    assert.equal(new Set([first.cookieOut, second.cookieOut, third.cookieOut]).size, 3);
    assert.deepEqual(third.counts.mailboxes, { Insert: 0, Update: 0, Delete: 0 });
    assert.deepEqual(third.warnings, []);
  }));

test('why a row is an update is told in the log, by the columns that changed', () =>
  onStand(async (stand) => {
    await stand.publish();
    stand.advance(2 * hour);
    const [guid = ''] = stand.mailboxes(1);
    stand.organization.change({ kind: 'setMailbox', mailbox: guid, properties: { displayName: 'Another' } });
    const told: string[] = [];
    const stop = listenToLog(({ message }) => message.includes('is an Update') && told.push(message));
    await stand.publish();
    stop();
    assert.deepEqual(told, [`mailbox ${guid} is an Update: DisplayName, WhenChangedUTC`]);
  }));

test('a renamed database is an update of its row and of all mailboxes in it', () =>
  onStand(async (stand) => {
    stand.settings = { maximumUpdatedLines: 0, maxPercentageUpdatedLines: 0 };
    const first = await stand.publish();
    stand.advance(2 * hour);
    const [database] = stand.organization.databases;
    stand.organization.change({ kind: 'renameDatabase', database: database?.guid ?? '', name: 'Renamed DB' });
    const second = await stand.publish();
    assert.deepEqual(
      second.databases.map(({ Command, Name }) => [Command, Name]),
      [['Update', 'Renamed DB']],
    );
    const inIt = first.rows.filter((row) => row['Database'] === database?.name).length;
    assert.ok(inIt > 0);
    assert.equal(second.rows.length, inIt);
    assert.ok(second.rows.every((row) => row['Command'] === 'Update' && row['Database'] === 'Renamed DB'));
  }));

test('a filter in braces, as PowerShell documents them, and a blank one hold in a complete export, in parts and in increments', async () => {
  for (const filter of ["{Alias -ne 'x' -or Name -eq '}'}", " { (Alias -ne 'x') } ", ' '])
    await onStand(
      async (stand) => {
        stand.settings = { filter, shells: 2, shellSpacingMs: 0 };
        assert.equal((await stand.publish()).manifest.mode, 'complete');
        const [removed = ''] = stand.mailboxes(1);
        stand.advance(hour);
        stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
        stand.advance(hour);
        const { manifest, rows } = await stand.publish();
        assert.equal(manifest.mode, 'incremental', manifest.reason ?? '');
        assert.deepEqual(
          rows.map(({ Command, Guid }) => [Command, Guid]),
          [['Delete', removed]],
        );
      },
      { mailboxes: 1100 },
    );
});

test('an account that may not count, list units or project is served all the same', async () => {
  for (const without of [['Measure-Object'], ['Get-OrganizationalUnit'], ['Select-Object']]) {
    await onStand(
      async (stand) => {
        await stand.publish();
        stand.advance(2 * hour);
        const [removed = ''] = stand.mailboxes(1);
        stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
        const { guid } = stand.organization.change({ kind: 'createMailbox', name: 'Created' });
        const { manifest, rows } = await stand.publish();
        assert.equal(manifest.mode, 'incremental', without.join());
        assert.deepEqual(
          new Map(rows.map((row) => [row['Guid'], row['Command']])),
          new Map([
            [removed, 'Delete'],
            [guid, 'Insert'],
          ]),
        );
      },
      { mailboxes: 60, without },
    );
  }
});
