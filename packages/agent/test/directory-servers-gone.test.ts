/* Directory servers that are taken away between two exports, or are there and give nothing. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ExportOutcome, runExport } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { createTestOrganization, startSimulator, type TestOrganization } from '@exchange-connector/exchange-simulator';
import { parse } from 'csv-parse/sync';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

const hour = 3_600_000;

interface Place {
  readonly organization: TestOrganization;
  export(): Promise<ExportOutcome>;
  /** Of both CSV files, the manifest and the cookie. */
  digests(): readonly string[];
  rows(): readonly Readonly<Record<string, string>>[];
}

async function onPlace(
  settings: Partial<ConnectionSettings>,
  without: readonly string[],
  run: (place: Place) => Promise<void>,
): Promise<void> {
  const organization = createTestOrganization({ mailboxes: 60, databases: 2, seed: 5, clock: 'virtual' });
  const simulator = await startSimulator({ organization, basic: account, without });
  const file = (folder: string, name: string): string => join(folder, 'Temp', 'ExportOutput', name);
  try {
    await inFolder((folder) =>
      run({
        organization,
        export: () =>
          runExport({
            connection: connectionTo(simulator.url, settings),
            folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
            settingsFolder: folder,
            signal: new AbortController().signal,
            now: () => organization.clock.now().getTime(),
          }),
        digests: () =>
          [
            file(folder, 'Main_mailboxes.csv'),
            file(folder, 'Main_databases.csv'),
            file(folder, 'Main_manifest.json'),
            join(folder, 'Work', 'ExportCookies', 'Main_cookie.bin'),
          ].map((path) => createHash('sha256').update(readFileSync(path)).digest('hex')),
        rows: () =>
          parse(readFileSync(file(folder, 'Main_mailboxes.csv')), { columns: true }) as Record<string, string>[],
      }),
    );
  } finally {
    await simulator.close();
  }
}

for (const without of [[], ['Set-ADServerSettings']]) {
  const whose = without.length === 0 ? 'of an account with all cmdlets' : 'of an account that sees one domain';
  test(`a domain controller of the settings that is gone ends the export ${whose}; nothing is replaced`, () =>
    onPlace({ domainController: 'dc02.example.test' }, without, async ({ organization, digests, ...place }) => {
      assert.equal((await place.export()).kind, 'done');
      organization.clock.advance(hour);
      const before = digests();
      organization.retireDomainController('dc02.example.test');
      const outcome = await place.export();
      assert.ok(outcome.kind === 'failed', JSON.stringify(outcome).slice(0, 500));
      assert.equal(outcome.exitCode, 1);
      assert.match(outcome.failure.message, /LDAP server is unavailable/);
      assert.match(outcome.failure.mend ?? '', /DomainController or GlobalCatalog/);
      assert.deepEqual(digests(), before);
    }));
}

test('a domain controller that nobody named and that is gone means a complete export, with what was deleted since', () =>
  onPlace({}, [], async ({ organization, rows, ...place }) => {
    assert.equal((await place.export()).kind, 'done');
    organization.clock.advance(hour);
    const removed = rows()[0]?.['Guid'] ?? '';
    organization.change({ kind: 'removeMailbox', mailbox: removed });
    organization.clock.advance(hour);
    const { domainControllers } = organization;
    const [gone] = domainControllers.filter(({ isGlobalCatalog }) => isGlobalCatalog);
    organization.retireDomainController(gone?.name ?? '');
    const outcome = await place.export();
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome).slice(0, 500));
    assert.equal(outcome.manifest.mode, 'complete');
    assert.match(outcome.manifest.reason ?? '', /directory servers of the last export .* cannot be read from now/);
    assert.deepEqual(
      rows()
        .filter(({ Command }) => Command === 'Delete')
        .map(({ Guid }) => Guid),
      [removed],
    );
    organization.clock.advance(hour);
    const next = await place.export();
    assert.ok(next.kind === 'done' && next.manifest.mode === 'incremental', JSON.stringify(next).slice(0, 500));
  }));

test('a domain controller that nobody named, gone for an account that names one in every cmdlet, means a complete export', () =>
  onPlace({ globalCatalog: 'dc02.example.test' }, ['Set-ADServerSettings'], async ({ organization, ...place }) => {
    assert.equal((await place.export()).kind, 'done');
    organization.clock.advance(hour);
    organization.retireDomainController('dc01.example.test');
    const outcome = await place.export();
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome).slice(0, 500));
    assert.match(outcome.manifest.reason ?? '', /\(dc01\.example\.test\) cannot be read from now: .*LDAP server/);
    organization.clock.advance(hour);
    const next = await place.export();
    assert.ok(next.kind === 'done' && next.manifest.mode === 'incremental', JSON.stringify(next).slice(0, 500));
  }));

test('where the forest goes out of view, what would be a Delete waits for a person, however little it is', async () => {
  const organization = createTestOrganization({ mailboxes: 60, databases: 2, seed: 5, clock: 'virtual' });
  const whole = await startSimulator({ organization, basic: account });
  const narrow = await startSimulator({ organization, basic: account, without: ['Set-ADServerSettings'] });
  try {
    for (const [percent, kind] of [
      [5, 'stopped'],
      [0, 'done'],
    ] as const) {
      await inFolder(async (folder) => {
        const exportBy = ({ url }: { readonly url: string }, release = false): Promise<ExportOutcome> =>
          runExport({
            connection: connectionTo(url, { maxPercentageDeletedLines: percent }),
            folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
            settingsFolder: folder,
            signal: new AbortController().signal,
            now: () => organization.clock.now().getTime(),
            release,
          });
        assert.equal((await exportBy(whole)).kind, 'done');
        organization.clock.advance(hour);
        const outcome = await exportBy(narrow);
        assert.equal(outcome.kind, kind, JSON.stringify(outcome).slice(0, 500));
        if (outcome.kind !== 'stopped') return;
        assert.match(outcome.breaches.join(), /^mailboxes: \d+ rows Delete, and only one domain is in view/);
        const released = await exportBy(narrow, true);
        assert.ok(released.kind === 'done' && released.manifest.counts.mailboxes.Delete > 0);
        organization.clock.advance(hour);
        const next = await exportBy(narrow);
        assert.ok(next.kind === 'done' && next.manifest.mode === 'incremental', JSON.stringify(next).slice(0, 500));
      });
    }
  } finally {
    await whole.close();
    await narrow.close();
  }
});
