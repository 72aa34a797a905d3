/* A cookie that does not fit means a complete run, and a sentence that says why. */
import assert from 'node:assert/strict';
import { mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { commands, hour, onStand } from './incremental-stand.ts';

test('a cookie that was damaged, cut, or is none means a complete run, a sentence that says why, and a new cookie', () =>
  onStand(async (stand) => {
    await stand.publish();
    const damages: readonly ((bytes: Buffer) => Buffer)[] = [
      (bytes) =>
        Buffer.concat([bytes.subarray(0, 400), Buffer.from([(bytes[400] as number) ^ 1]), bytes.subarray(401)]),
      (bytes) => bytes.subarray(0, bytes.length - 1000),
      () => Buffer.alloc(0),
      () => Buffer.from('2026-03-01T09:30:00Z'),
      (bytes) => Buffer.concat([bytes.subarray(0, 8), Buffer.from([9]), bytes.subarray(9)]),
    ];
    for (const damage of damages) {
      writeFileSync(stand.cookie, damage(readFileSync(stand.cookie)));
      const { manifest, rows } = await stand.publish();
      assert.equal(manifest.mode, 'complete');
      assert.match(manifest.reason ?? '', /cookie .*Main_cookie\.bin cannot be used: /);
      assert.ok(stand.warnings.some((text) => text.startsWith('this export is a complete one: the cookie')));
      assert.deepEqual(new Set(commands(rows)), new Set(['Insert']));
      assert.equal(manifest.cookieIn, null);
      stand.advance(2 * hour);
      assert.equal((await stand.publish()).manifest.mode, 'incremental');
    }
  }));

test('a change of the settings that shape rows means a complete run, which carries what was deleted since', () =>
  onStand(async (stand) => {
    await stand.publish();
    stand.advance(2 * hour);
    const [removed = ''] = stand.mailboxes(1);
    stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
    stand.settings = { additionalColumns: ['CustomAttribute1'] };
    const { manifest, rows } = await stand.publish();
    assert.equal(manifest.mode, 'complete');
    assert.match(manifest.reason ?? '', /settings that shape the rows/);
    assert.deepEqual(
      rows.filter((row) => row['Command'] === 'Delete').map((row) => row['Guid']),
      [removed],
    );
    assert.equal(rows[0]?.['CustomAttribute1'] === undefined, false);
    stand.advance(2 * hour);
    assert.equal((await stand.publish()).manifest.mode, 'incremental');
  }));

test('a cookie that is gone, beside files that had one, is told: deletions since are in no file', () =>
  onStand(async (stand) => {
    await stand.publish();
    assert.deepEqual(
      stand.warnings.filter((text) => text.includes('cookie')),
      [],
    );
    rmSync(stand.cookie);
    const { manifest } = await stand.publish();
    assert.match(manifest.reason ?? '', /^there is no cookie of an earlier export, although .* in place of all before/);
    assert.ok(stand.warnings.includes(`this export is a complete one: ${manifest.reason}`));
  }));

test('a cookie of another connection is not compared with', () =>
  onStand(async (stand) => {
    await stand.publish();
    const mine = readFileSync(stand.cookie);
    rmSync(stand.cookie);
    stand.settings = { id: 'Other' };
    mkdirSync(join(stand.cookie, '..'), { recursive: true });
    writeFileSync(join(stand.cookie, '..', 'Other_cookie.bin'), mine);
    const outcome = await stand.export();
    assert.ok(outcome.kind === 'done');
    assert.match(outcome.manifest.reason ?? '', /the cookie is of the connection Main/);
    assert.equal(outcome.manifest.cookieIn, null);
  }));

test('another domain controller means a complete run that names both', () =>
  onStand(async (stand) => {
    stand.settings = { globalCatalog: 'dc01.example.test' };
    await stand.publish();
    stand.settings = { globalCatalog: 'dc02.example.test' };
    stand.advance(2 * hour);
    const { manifest } = await stand.publish();
    assert.equal(manifest.mode, 'complete');
    assert.match(manifest.reason ?? '', /dc02\.example\.test now, and were from dc01\.example\.test/);
  }));
