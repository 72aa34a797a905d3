/* A password that is changed at its source: one renewal, and no failed login for each of the shells. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type ExportOutcome, type ExportRequest, runExport } from '@exchange-connector/agent';
import { type ConnectionSettings, Secret } from '@exchange-connector/config';
import { type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { RunCredential } from '../src/run-credential.ts';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

const shells = 4;
const newer = 'battery staple';

interface Stand {
  readonly simulator: Simulator;
  readonly folder: string;
  readonly connection: ConnectionSettings;
  /** How often the source was asked. */
  renewals: number;
  /** Changes the password on the server, from one request to the next. */
  change(): void;
  export(more: Partial<ExportRequest>): Promise<ExportOutcome>;
}

async function onStand(run: (stand: Stand) => Promise<void>): Promise<void> {
  const basic = { ...account };
  const simulator = await startSimulator({ mailboxes: 1200, databases: 3, seed: 5, basic, latencyMs: 1 });
  try {
    await inFolder(async (folder) => {
      const connection = connectionTo(simulator.url, { shells, shellSpacingMs: 0 });
      const stand: Stand = {
        simulator,
        folder,
        connection,
        renewals: 0,
        change: () => {
          basic.password = newer;
        },
        export: (more) =>
          runExport({
            connection,
            folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
            settingsFolder: folder,
            signal: new AbortController().signal,
            renewConnection: async () => {
              stand.renewals += 1;
              return { ...connection, password: new Secret(newer) };
            },
            ...more,
          }),
      };
      await run(stand);
    });
  } finally {
    await simulator.close();
  }
}

/** Does something once, as soon as all shells are open and at work. */
function whenAllAreOpen(simulator: Simulator, act: () => void): { onProgress(): void; readonly hasActed: boolean } {
  let hasActed = false;
  return {
    get hasActed() {
      return hasActed;
    },
    onProgress: () => {
      if (hasActed || simulator.facts.shellsOpen < shells) return;
      hasActed = true;
      act();
    },
  };
}

const mailboxesIn = (folder: string): string =>
  readFileSync(join(folder, 'Temp', 'ExportOutput', 'Main_mailboxes.csv'), 'utf8');

test('a password that is out of date when a run begins is refused once, however many shells are opened', () =>
  onStand(async (stand) => {
    stand.change();
    const all = whenAllAreOpen(stand.simulator, () => {});
    const done = await stand.export({ onProgress: () => all.onProgress() });
    assert.ok(done.kind === 'done', JSON.stringify(done));
    assert.ok(all.hasActed, 'the shells were never open together: the test is blind');
    assert.deepEqual([stand.renewals, stand.simulator.facts.unauthorized], [1, 1]);
    assert.equal(stand.simulator.facts.shellsOpen, 0);
  }));

test('a password that is changed while shells are at work is renewed once, and no session is lost for it', () =>
  onStand(async (stand) => {
    const undisturbed = await stand.export({});
    assert.ok(undisturbed.kind === 'done', JSON.stringify(undisturbed));
    const rows = mailboxesIn(stand.folder);
    const { shellsCreated } = stand.simulator.facts;
    const all = whenAllAreOpen(stand.simulator, () => stand.change());
    const done = await stand.export({ complete: true, onProgress: () => all.onProgress() });
    assert.ok(done.kind === 'done', JSON.stringify(done));
    assert.ok(all.hasActed, 'the shells were never open together: the test is blind');
    assert.equal(mailboxesIn(stand.folder), rows);
    assert.equal(stand.renewals, 1);
    // What the other shells had sent before the first answer came; nothing that they, or their ends, send after it.
    const { unauthorized } = stand.simulator.facts;
    assert.ok(unauthorized >= 1 && unauthorized <= shells, `${unauthorized} refused logins`);
    assert.equal(stand.simulator.facts.shellsCreated, shellsCreated + shells);
    assert.equal(stand.simulator.facts.shellsOpen, 0);
    assert.equal(done.manifest.warnings.filter((text) => text.includes('refused the credential; it was')).length, 1);
  }));

test('a password that is changed and cannot be had from its source is not sent again by any shell', () =>
  onStand(async (stand) => {
    const all = whenAllAreOpen(stand.simulator, () => stand.change());
    const failed = await stand.export({
      onProgress: () => all.onProgress(),
      renewConnection: async () => {
        stand.renewals += 1;
        return stand.connection;
      },
    });
    assert.ok(failed.kind === 'failed', JSON.stringify(failed));
    assert.ok(all.hasActed, 'the shells were never open together: the test is blind');
    assert.deepEqual([failed.exitCode, failed.failure.code], [3, 'WSMAN_AUTHENTICATION_REFUSED']);
    assert.match(failed.failure.message, /refused the credential of reader in this run: it is not sent again/);
    assert.equal(stand.renewals, 1);
    const { unauthorized } = stand.simulator.facts;
    assert.ok(unauthorized >= 1 && unauthorized <= shells, `${unauthorized} refused logins`);
    assert.ok(!existsSync(join(stand.folder, 'Temp', 'ExportOutput', 'Main_mailboxes.csv')));
  }));

test('what its source fails with ends the run, and the password is not sent again', () =>
  onStand(async (stand) => {
    const all = whenAllAreOpen(stand.simulator, () => stand.change());
    const failed = await stand.export({
      onProgress: () => all.onProgress(),
      renewConnection: async () => {
        stand.renewals += 1;
        throw new Error('the vault is down');
      },
    });
    assert.ok(failed.kind === 'failed', JSON.stringify(failed));
    assert.match(failed.failure.message, /the vault is down/);
    assert.equal(stand.renewals, 1);
    assert.ok(stand.simulator.facts.unauthorized <= shells, `${stand.simulator.facts.unauthorized} refused logins`);
  }));

test('a refusal that does not count leaves the credential to be tried again, one that counts afterwards does not', async () => {
  const connection = connectionTo('http://localhost:1/PowerShell/');
  const credential = new RunCredential(connection, { onWarning: () => {} });
  const { url } = connection.servers[0] ?? { url: '' };
  assert.equal(await credential.refused(connection, url, false), false);
  assert.equal(await credential.current(), connection);
  assert.equal(await credential.refused(connection, url, true), false);
  await assert.rejects(credential.current(), { code: 'WSMAN_AUTHENTICATION_REFUSED' });
});
