/* More changes than the thresholds allow: a run that is stopped, and its release. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { ConnectionSettings } from '@exchange-connector/config';
import { commands, hour, onStand } from './incremental-stand.ts';
import { connectionTo } from './rehearsed-connection.ts';

test('more deletions than the threshold allows: exit 4, the files stand, and --release publishes exactly what was kept', () =>
  onStand(async (stand) => {
    stand.settings = { maximumDeletedLines: 3 };
    const first = await stand.publish();
    stand.advance(2 * hour);
    for (const mailbox of stand.mailboxes(4)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    const files = readdirSync(stand.output).map((name) => [name, readFileSync(join(stand.output, name), 'utf8')]);
    const cookie = readFileSync(stand.cookie);
    const stopped = await stand.export();
    assert.ok(stopped.kind === 'stopped');
    assert.equal(stopped.exitCode, 4);
    assert.deepEqual(stopped.breaches, ['mailboxes: 4 rows Delete; MaximumDeletedLines allows 3']);
    assert.deepEqual(readdirSync(stopped.folder).sort(), ['cookie.bin', 'databases.csv', 'held.json', 'mailboxes.csv']);
    assert.deepEqual(
      readdirSync(stand.output).map((name) => [name, readFileSync(join(stand.output, name), 'utf8')]),
      files,
    );
    assert.deepEqual(readFileSync(stand.cookie), cookie);
    const kept = readFileSync(join(stopped.folder, 'mailboxes.csv'), 'utf8');

    // What changes after the stop is not in what was looked at.
    stand.advance(hour);
    stand.organization.change({ kind: 'createMailbox', name: 'Later' });
    const released = await stand.publish({ release: true });
    assert.equal(readFileSync(join(stand.output, 'Main_mailboxes.csv'), 'utf8'), kept);
    assert.deepEqual(commands(released.rows), ['Delete', 'Delete', 'Delete', 'Delete']);
    assert.ok(released.manifest.released !== undefined && released.manifest.thresholds?.length === 1);
    assert.equal(released.manifest.cookieIn, first.manifest.cookieOut);
    const hash = createHash('sha256').update(kept).digest('hex');
    assert.equal(released.manifest.files[0]?.sha256, hash);
    assert.ok(!existsSync(stopped.folder));
    const next = await stand.publish();
    assert.deepEqual(commands(next.rows), ['Insert']);
    assert.equal(next.manifest.cookieIn, released.manifest.cookieOut);
  }));

test('what was kept is read again after a day, after another export, or where it was changed', () =>
  onStand(async (stand) => {
    stand.settings = { maximumDeletedLines: 1 };
    const spoil: readonly (() => Promise<void> | void)[] = [
      () => stand.advance(25 * hour),
      () => writeFileSync(join(stand.state, 'held', 'mailboxes.csv'), 'Command\r\n'),
      () => rmSync(join(stand.state, 'held', 'databases.csv')),
      () => rmSync(join(stand.state, 'held'), { recursive: true }),
    ];
    await stand.publish();
    for (const change of spoil) {
      stand.advance(2 * hour);
      const mailboxes = stand.mailboxes(2);
      for (const mailbox of mailboxes) stand.organization.change({ kind: 'removeMailbox', mailbox });
      assert.equal((await stand.export()).kind, 'stopped');
      await change();
      const { manifest, rows } = await stand.publish({ release: true });
      assert.deepEqual(
        rows.filter((row) => row['Command'] === 'Delete').map((row) => row['Guid']),
        mailboxes.sort(),
      );
      assert.equal(manifest.released, undefined);
      assert.ok(
        manifest.warnings.some((text) => text.includes('no threshold stops this run')),
        manifest.warnings.join('\n'),
      );
    }
  }));

test('a release that contradicts what was kept is refused with exit 2: nothing is published, and what was kept stays', () =>
  onStand(async (stand) => {
    const limits = { maximumDeletedLines: 1 };
    stand.settings = limits;
    await stand.publish();
    stand.advance(2 * hour);
    for (const mailbox of stand.mailboxes(2)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    const elsewhere = stand.path('elsewhere');
    assert.equal((await stand.export({ outputFolder: elsewhere })).kind, 'stopped');
    const [held] = connectionTo('http://other.example.test/PowerShell/').servers;
    assert.ok(held !== undefined);
    const contradictions: readonly (readonly [expected: RegExp, settings: Partial<ConnectionSettings>])[] = [
      [/the settings that shape the rows/, { valueSeparator: '|' }],
      [
        /Server is http:\/\/other\.example\.test\/PowerShell\/, and it was read from http:\/\/localhost/,
        { servers: [held] },
      ],
      [/DomainController was not set and is dc02\.example\.test now/, { domainController: 'dc02.example.test' }],
      [/Login was reader and is another now/, { login: 'another' }],
      [/Bom was false and is true now/, { bom: true }],
    ];
    const files = readdirSync(stand.output).map((name) => readFileSync(join(stand.output, name), 'utf8'));
    for (const [expected, settings] of contradictions) {
      stand.settings = { ...limits, ...settings };
      const messages = { ...stand.simulator.counts };
      const refused = await stand.export({ release: true });
      assert.ok(refused.kind === 'failed', JSON.stringify(refused));
      assert.deepEqual([refused.exitCode, refused.failure.code], [2, 'RUN_RELEASE_REFUSED']);
      assert.match(refused.failure.message, expected);
      assert.match(refused.failure.mend ?? '', /--release alone/);
      assert.deepEqual({ ...stand.simulator.counts }, messages);
    }
    assert.deepEqual(
      readdirSync(stand.output).map((name) => readFileSync(join(stand.output, name), 'utf8')),
      files,
    );
    assert.deepEqual(existsSync(elsewhere) ? readdirSync(elsewhere) : [], []);

    // The limits may be others, and a further server to fail over to may be named: that contradicts nothing.
    stand.settings = {
      ...limits,
      maximumDeletedLines: 2,
      servers: [held, ...connectionTo(stand.simulator.url).servers],
    };
    const released = await stand.export({ release: true });
    assert.ok(released.kind === 'done', JSON.stringify(released));
    assert.deepEqual(
      readdirSync(elsewhere).sort(),
      ['Main_databases.csv', 'Main_manifest.json', 'Main_mailboxes.csv'].sort(),
    );
    assert.deepEqual(
      released.files,
      ['mailboxes.csv', 'databases.csv', 'manifest.json'].map((name) => join(elsewhere, `Main_${name}`)),
    );
    assert.deepEqual(
      readdirSync(stand.output).map((name) => readFileSync(join(stand.output, name), 'utf8')),
      files,
    );
  }));

test('a folder named with a release takes what was kept; asked for with --complete, a stopped increment is read anew', () =>
  onStand(async (stand) => {
    stand.settings = { maximumDeletedLines: 1 };
    await stand.publish();
    stand.advance(2 * hour);
    for (const mailbox of stand.mailboxes(2)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    assert.equal((await stand.export({})).kind, 'stopped');
    const third = stand.path('third');
    const contacted = { ...stand.simulator.counts };
    const released = await stand.export({ release: true, outputFolder: third });
    assert.ok(released.kind === 'done', JSON.stringify(released));
    assert.deepEqual({ ...stand.simulator.counts }, contacted);
    assert.deepEqual([released.manifest.mode, released.manifest.counts.mailboxes.Delete], ['incremental', 2]);
    assert.equal(readdirSync(third).length, 3);

    stand.advance(2 * hour);
    for (const mailbox of stand.mailboxes(2)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    assert.equal((await stand.export({})).kind, 'stopped');
    const complete = await stand.export({ release: true, complete: true });
    assert.ok(complete.kind === 'done', JSON.stringify(complete));
    assert.deepEqual([complete.manifest.mode, complete.manifest.counts.mailboxes.Delete], ['complete', 2]);
    assert.equal(complete.manifest.released, undefined);
    assert.match(complete.manifest.warnings.join(), /what was stopped is an increment/);
  }));

test('a percentage counts from two hundred rows on; a complete run stops for deletions, and where no mailbox is left', () =>
  onStand(async (stand) => {
    stand.settings = { maximumDeletedLines: 0 };
    const { rows } = await stand.publish();
    assert.ok(rows.length >= 200);
    stand.advance(2 * hour);
    const many = Math.floor(rows.length * 0.05) + 1;
    for (const mailbox of stand.mailboxes(many)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    for (const complete of [false, true]) {
      const stopped = await stand.export({ complete });
      assert.ok(stopped.kind === 'stopped');
      assert.match(stopped.breaches[0] ?? '', /MaxPercentageDeletedLines allows 5 %/);
    }
    await stand.publish({ release: true });
    for (const mailbox of stand.mailboxes(1000)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    stand.settings = { maximumDeletedLines: 0, maxPercentageDeletedLines: 0 };
    const empty = await stand.export({ complete: true });
    assert.ok(empty.kind === 'stopped');
    assert.match(empty.breaches[0] ?? '', /not one was found/);
  }));
