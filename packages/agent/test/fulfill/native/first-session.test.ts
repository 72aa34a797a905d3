/* The first session of a fulfilment, over the wire: what is tried again, and the shells that earlier processes left. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { type FulfillOutcome, type RunRequest, runFulfill } from '@exchange-connector/agent';
import { Secret } from '@exchange-connector/config';
import { createTestOrganization, type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { openWsmanSession, type WsmanSession } from '@exchange-connector/wsman';
import { account, connectionTo, inFolder } from '../../rehearsed-connection.ts';
import { mailboxOrder } from './native-rehearsal.ts';

interface Stand {
  readonly simulator: Simulator;
  readonly folder: string;
  /** What the run has warned of. */
  readonly told: string[];
  fulfil(more?: Partial<RunRequest>): Promise<FulfillOutcome>;
}

async function onStand(run: (stand: Stand) => Promise<void>): Promise<void> {
  const organization = createTestOrganization({ mailboxes: 40, databases: 2, users: 5 });
  const simulator = await startSimulator({ organization, basic: account });
  try {
    await inFolder(async (folder) => {
      const ordersFolder = join(folder, 'orders');
      mkdirSync(ordersFolder);
      const order = mailboxOrder('1', 'Modified', { Office: 'Oslo' }, { SamAccountName: 'Administrator' });
      writeFileSync(join(ordersFolder, 'orders.json'), JSON.stringify({ ProvisioningOrdersList: [order] }));
      const told: string[] = [];
      await run({
        simulator,
        folder,
        told,
        fulfil: (more) =>
          runFulfill({
            connection: connectionTo(simulator.url),
            folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
            settingsFolder: folder,
            signal: new AbortController().signal,
            ordersFolder,
            resultsFile: join(folder, 'Work', 'results.csv'),
            onWarning: (message) => void told.push(message),
            ...more,
          }),
      });
    });
  } finally {
    await simulator.close();
  }
}

const notesFolder = (folder: string): string => join(folder, 'Work', 'ExportState', 'Main', 'shells');
const notesIn = (folder: string): string[] => (existsSync(notesFolder(folder)) ? readdirSync(notesFolder(folder)) : []);

/** Opens shells, and notes them as a process does that was then killed. */
async function leaveShells({ simulator, folder }: Stand, count: number): Promise<WsmanSession[]> {
  mkdirSync(notesFolder(folder), { recursive: true });
  const sessions: WsmanSession[] = [];
  for (let number = 0; number < count; number += 1)
    sessions.push(
      await openWsmanSession({
        url: simulator.url,
        authentication: {
          scheme: 'basic',
          login: account.login,
          password: () => account.password,
          allowUnencrypted: true,
        },
        onShell: (notice) => {
          if (notice.kind !== 'created') return;
          const { shellId, url, cookies } = notice;
          const note = { shellId, url, cookies, runId: 'killed', notedAt: new Date().toISOString() };
          writeFileSync(join(notesFolder(folder), `${shellId}.json`), JSON.stringify(note));
        },
      }),
    );
  return sessions;
}

test('shells of earlier runs are removed with the renewed credential, not the refused one', () =>
  onStand(async (stand) => {
    const left = await leaveShells(stand, 3);
    try {
      const connection = connectionTo(stand.simulator.url);
      let renewals = 0;
      const outcome = await stand.fulfil({
        connection: { ...connection, password: new Secret('wrong') },
        renewConnection: async () => {
          renewals += 1;
          return connection;
        },
      });
      assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
      assert.deepEqual([renewals, stand.simulator.facts.unauthorized], [1, 1]);
      assert.equal(stand.simulator.facts.shellsOpen, 0);
      assert.deepEqual(notesIn(stand.folder), []);
    } finally {
      for (const session of left) await session.close();
    }
  }));

test('a credential that is refused and cannot be renewed is sent once, and shells of earlier runs stay noted', () =>
  onStand(async (stand) => {
    const left = await leaveShells(stand, 3);
    try {
      const connection = { ...connectionTo(stand.simulator.url), password: new Secret('wrong') };
      const outcome = await stand.fulfil({ connection, renewConnection: async () => connection });
      assert.ok(outcome.kind === 'failed', JSON.stringify(outcome));
      assert.deepEqual([outcome.exitCode, outcome.failure.code], [3, 'WSMAN_AUTHENTICATION_REFUSED']);
      assert.equal(stand.simulator.facts.unauthorized, 1);
      assert.equal(stand.simulator.facts.shellsOpen, 3);
      assert.equal(notesIn(stand.folder).length, 3);
    } finally {
      for (const session of left) await session.close();
    }
  }));

test('an answer to the first Create that may pass is told, and asked for again; one that stands is not', () =>
  onStand(async (stand) => {
    stand.simulator.setFault('create 1: refuse');
    const outcome = await stand.fulfil();
    assert.equal(outcome.kind, 'done', JSON.stringify(outcome));
    assert.equal(stand.simulator.firedFaults.length, 1);
    assert.match(stand.told.join('\n'), /it is tried again in 1 second: .*Cafe-SendFailure/);

    stand.simulator.setFault('every create: fault 5');
    const refused = await stand.fulfil();
    assert.ok(refused.kind === 'failed', JSON.stringify(refused));
    assert.equal(refused.exitCode, 3);
    assert.equal(stand.simulator.firedFaults.length, 1);
  }));

test('a first session that cannot be had is tried three times in all, and no order is touched', () =>
  onStand(async (stand) => {
    stand.simulator.setFault('every create: fault 995');
    const failed = await stand.fulfil();
    assert.ok(failed.kind === 'failed', JSON.stringify(failed));
    assert.deepEqual([failed.exitCode, failed.failure.code], [3, 'WSMAN_FAULT']);
    assert.equal(stand.simulator.firedFaults.length, 3);
    assert.equal(stand.told.filter((text) => text.includes('it is tried again in')).length, 2);
  }));
