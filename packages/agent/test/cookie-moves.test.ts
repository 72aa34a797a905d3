/* When the cookie moves: with the files, and with RequireAcknowledge as far as somebody says that they were loaded. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runAcknowledge } from '@exchange-connector/agent';
import { hour, onStand } from './incremental-stand.ts';

test('an increment that nobody acknowledged is in the next one too', () =>
  onStand(async (stand) => {
    stand.settings = { requireAcknowledge: true };
    const acknowledge = (cookie?: string) =>
      runAcknowledge({ connection: stand.connection, folders: stand.folders, cookie });
    const first = await stand.publish();
    stand.advance(2 * hour);
    const early = await stand.publish();
    assert.equal(early.manifest.mode, 'complete');
    assert.equal(early.manifest.reason, 'no export was acknowledged yet');
    const done = await acknowledge();
    assert.ok(done.kind === 'done' && done.isAwaited);
    assert.equal(done.cookie, early.manifest.cookieOut);

    stand.organization.change({ kind: 'createMailbox', name: 'First' });
    stand.advance(2 * hour);
    const second = await stand.publish();
    assert.deepEqual(
      second.rows.map((row) => row['Name']),
      ['First'],
    );
    stand.organization.change({ kind: 'createMailbox', name: 'Second' });
    stand.advance(2 * hour);
    const third = await stand.publish();
    assert.deepEqual(third.rows.map((row) => row['Name']).sort(), ['First', 'Second']);
    assert.equal(third.manifest.cookieIn, early.manifest.cookieOut);

    assert.ok((await acknowledge(second.manifest.cookieOut ?? '')).kind === 'done');
    stand.advance(2 * hour);
    const fourth = await stand.publish();
    assert.deepEqual(
      fourth.rows.map((row) => row['Name']),
      ['Second'],
    );
    for (const wrong of ['11111111-2222-3333-4444-555555555555', '../../etc/passwd', '']) {
      const refused = await acknowledge(wrong);
      assert.ok(
        refused.kind === 'failed' && refused.exitCode === 2 && refused.failure.code === 'RUN_COOKIE_UNKNOWN',
        wrong,
      );
    }
    assert.notEqual(first.manifest.cookieOut, early.manifest.cookieOut);
  }));

test('the cookie moves only with the files: a run that fails leaves it, and one that died between the renames is finished', () =>
  onStand(async (stand) => {
    await stand.publish();
    stand.advance(2 * hour);
    stand.organization.change({ kind: 'createMailbox', name: 'Created' });
    const cookie = readFileSync(stand.cookie);
    const cancelled = new AbortController();
    cancelled.abort();
    assert.equal((await stand.export({ signal: cancelled.signal })).kind, 'cancelled');
    assert.deepEqual(readFileSync(stand.cookie), cookie);
    assert.deepEqual(readdirSync(join(stand.cookie, '..')), ['Main_cookie.bin']);

    // As a death after the first rename leaves it: the journal, and three files under their temporary names.
    const { manifest } = await stand.publish();
    const paths = [
      join(stand.output, 'Main_mailboxes.csv'),
      join(stand.output, 'Main_databases.csv'),
      stand.cookie,
      join(stand.output, 'Main_manifest.json'),
    ];
    const files = paths.map((path, index) => {
      const temporary = join(path, '..', `.temporary-${index}`);
      const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
      if (index > 0) renameSync(path, temporary);
      return { path, temporary, sha256 };
    });
    writeFileSync(join(stand.state, 'publication.json'), JSON.stringify({ runId: 'dead', files }));
    stand.advance(2 * hour);
    const next = await stand.publish();
    assert.equal(next.manifest.mode, 'incremental');
    assert.equal(next.manifest.cookieIn, manifest.cookieOut);
    assert.ok(next.manifest.warnings.some((text) => text.includes('that was finished now')));
  }));

for (const isLoaded of [true, false]) {
  test(`files of a run that died before its cookie moved, ${isLoaded ? 'loaded' : 'not loaded'}: the next export holds for who has them`, () =>
    onStand(async (stand) => {
      stand.load((await stand.publish()).rows);
      const [goneBefore = '', changed = ''] = stand.mailboxes(2);
      const name = stand.loaded.get(changed)?.['DisplayName'] ?? '';
      const older = readFileSync(stand.cookie);
      stand.advance(2 * hour);
      const { guid: goneAfter } = stand.organization.change({ kind: 'createMailbox', name: 'Short' });
      stand.organization.change({ kind: 'removeMailbox', mailbox: goneBefore });
      stand.organization.change({ kind: 'setMailbox', mailbox: changed, properties: { displayName: 'For a while' } });
      const second = await stand.publish();
      if (isLoaded) stand.load(second.rows);
      // As a death between the manifest and the cookie leaves it.
      const temporary = join(stand.cookie, '..', '.waiting');
      const cookie = {
        path: stand.cookie,
        temporary,
        sha256: createHash('sha256').update(readFileSync(stand.cookie)).digest('hex'),
      };
      renameSync(stand.cookie, temporary);
      writeFileSync(stand.cookie, older);
      writeFileSync(join(stand.state, 'publication.json'), JSON.stringify({ runId: 'dead', files: [], cookie }));
      stand.advance(2 * hour);
      stand.organization.change({ kind: 'removeMailbox', mailbox: goneAfter });
      stand.organization.change({ kind: 'setMailbox', mailbox: changed, properties: { displayName: name } });

      const third = await stand.publish();
      assert.match(third.manifest.reason ?? '', /died while it put its files in place/);
      stand.load(third.rows);
      assert.deepEqual(
        third.rows.filter(({ Command }) => Command === 'Delete').map((row) => row['Guid']),
        [goneBefore, goneAfter].sort(),
      );
      const truth = [...stand.organization.truth().mailboxes()].filter(
        ({ hiddenBehind }) => hiddenBehind === undefined,
      );
      assert.equal(stand.loaded.get(changed)?.['DisplayName'], name);
      assert.deepEqual([...stand.loaded.keys()].sort(), truth.map(({ guid }) => guid).sort());
      assert.deepEqual(readdirSync(join(stand.cookie, '..')), ['Main_cookie.bin']);
      assert.equal((await stand.publish()).manifest.mode, 'incremental');
    }));
}
