/* Shells that the server lets read from different domain controllers, where the settings name none. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExportRequest, listenToLog, type Manifest, runCheck, runExport } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { type Simulator, type SimulatorOptions, startSimulator } from '@exchange-connector/exchange-simulator';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

const shape = { mailboxes: 1200, databases: 3, seed: 11, spreadsShells: true, basic: account } as const;

interface Run {
  readonly manifest: Manifest;
  readonly notes: readonly string[];
}

function requestOf(simulator: Simulator, folder: string, settings: Partial<ConnectionSettings>): ExportRequest {
  return {
    connection: connectionTo(simulator.url, { shellSpacingMs: 0, ...settings }),
    folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
    settingsFolder: folder,
    signal: new AbortController().signal,
  };
}

async function exportOf(simulator: Simulator, folder: string, settings: Partial<ConnectionSettings>): Promise<Run> {
  const notes: string[] = [];
  const stop = listenToLog(({ message }) => notes.push(message));
  try {
    const outcome = await runExport(requestOf(simulator, folder, settings));
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome).slice(0, 800));
    return { manifest: outcome.manifest, notes };
  } finally {
    stop();
  }
}

function onSimulator(
  run: (simulator: Simulator, folder: string) => Promise<void>,
  options: Partial<SimulatorOptions> = {},
): Promise<void> {
  return inFolder(async (folder) => {
    const simulator = await startSimulator({ ...shape, ...options });
    try {
      await run(simulator, folder);
    } finally {
      await simulator.close();
    }
  });
}

test('four shells that the server spreads over its global catalogs read from one: no sweep, and the next export is an increment', () =>
  onSimulator(async (simulator, folder) => {
    const { manifest, notes } = await exportOf(simulator, folder, { shells: 4 });
    assert.ok(simulator.facts.shellsCreated > 1, 'one shell alone: the test is blind');
    assert.equal(manifest.domainControllers.length, 1, manifest.domainControllers.join());
    assert.match(notes.join('\n'), /the reading is complete: the server counts/);
    assert.deepEqual(
      manifest.warnings.filter((text) => /directory server|pin/.test(text)),
      [],
    );
    for (let times = 0; times < 3; times += 1)
      assert.equal((await exportOf(simulator, folder, { shells: 4 })).manifest.mode, 'incremental');
  }));

test('a shell that is opened in place of a lost one reads from where the first one did', () =>
  onSimulator(async (simulator, folder) => {
    simulator.setFault('mailbox 700: forget shells');
    const { manifest } = await exportOf(simulator, folder, { shells: 2 });
    assert.equal(simulator.firedFaults.length, 1);
    assert.ok(simulator.facts.shellsCreated > 1, 'no shell was opened after the loss: the test is blind');
    assert.equal(manifest.domainControllers.length, 1, manifest.domainControllers.join());
    assert.equal((await exportOf(simulator, folder, {})).manifest.mode, 'incremental');
  }));

test('a run that goes on from a killed one reads from where that one did, whatever its own shell was given', () =>
  onSimulator(async (simulator, folder) => {
    const parts = join(folder, 'Work', 'ExportState', 'Main', 'parts');
    const kept = (): boolean => existsSync(parts) && readdirSync(parts).some((name) => /^part-.*json$/.test(name));
    const ended = new AbortController();
    simulator.setFault('mailbox 700: stall');
    const running = runExport({
      ...requestOf(simulator, folder, { shells: 2 }),
      signal: ended.signal,
      limits: { closeTimeoutMs: 200, stopTimeoutMs: 200, terminateTimeoutMs: 200 },
    });
    while (simulator.firedFaults.length === 0 || !kept()) await delay(10);
    ended.abort();
    assert.equal((await running).kind, 'cancelled');
    simulator.setFault(undefined);
    // So that the next run begins with a shell on the other catalog.
    const before = simulator.facts.shellsCreated;
    for (let shells = before; shells % 2 === 0; shells += 1) await runCheck(requestOf(simulator, folder, {}));
    assert.equal(simulator.facts.shellsCreated % 2, 1);
    const { manifest } = await exportOf(simulator, folder, { shells: 2 });
    assert.match(manifest.warnings.join('\n'), /this run goes on from there/);
    assert.equal(manifest.domainControllers.length, 1, manifest.domainControllers.join());
    assert.equal((await exportOf(simulator, folder, {})).manifest.mode, 'incremental');
  }));

test('an account that may not pin exports all the same: where rows came from several servers, all GUIDs are compared', () =>
  onSimulator(
    async (simulator, folder) => {
      const { manifest, notes } = await exportOf(simulator, folder, { shells: 2 });
      const visible = [...simulator.organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
      assert.equal(manifest.counts.mailboxes.Insert, visible.length);
      const isOfSeveral = manifest.domainControllers.length > 1;
      assert.match(
        notes.join('\n'),
        isOfSeveral ? /a sweep found \d+ mailboxes/ : /the reading is complete: the server/,
      );
    },
    { without: ['Set-ADServerSettings:PreferredGlobalCatalog', 'Set-ADServerSettings:SetPreferredDomainControllers'] },
  ));
