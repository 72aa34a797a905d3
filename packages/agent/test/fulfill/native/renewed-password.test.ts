/* A password that was changed while the program was at work, over the wire: it is got anew, used, and told nowhere. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runFulfill } from '@exchange-connector/agent';
import { Secret } from '@exchange-connector/config';
import { createTestOrganization, startSimulator } from '@exchange-connector/exchange-simulator';
import { connectionTo, inFolder } from '../../rehearsed-connection.ts';
import { mailboxOrder } from './native-rehearsal.ts';

const [stale, renewed] = ['planted-stale-1c', 'planted-renewed-2d'];

/** All texts under a folder, by path. */
function textsUnder(folder: string): (readonly [string, string])[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).flatMap((entry) => {
    const path = join(entry.parentPath, entry.name);
    return entry.isFile() ? [[path, readFileSync(path, 'utf8')] as const] : [];
  });
}

test('a renewed password is redacted everywhere, as the one before it, and the stale one is not sent again', async () => {
  const organization = createTestOrganization({ mailboxes: 40, databases: 2, users: 5 });
  const simulator = await startSimulator({ organization, basic: { login: 'reader', password: renewed } });
  try {
    await inFolder(async (folder) => {
      const orders = join(folder, 'orders');
      mkdirSync(orders);
      const sam = 'Administrator';
      const list = [
        // The server's own words, and what is read back from it, have it in them.
        mailboxOrder('1', 'Modified', { Office: `at ${renewed}` }, { SamAccountName: sam }),
        mailboxOrder('2', 'Modified', { Office: 'x' }, { SamAccountName: renewed }),
        mailboxOrder('3', 'Modified', { Office: 'x' }, { SamAccountName: `${stale}x` }),
        mailboxOrder('4', 'Modified', { Database: { Name: renewed } }, { SamAccountName: sam }),
      ];
      writeFileSync(join(orders, 'orders.json'), JSON.stringify({ ProvisioningOrdersList: list }));
      const connection = connectionTo(simulator.url, { password: new Secret(stale) });
      const told: string[] = [];
      let renewals = 0;
      simulator.setFault('message 40: drop');
      const outcome = await runFulfill({
        connection,
        folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
        settingsFolder: folder,
        signal: AbortSignal.timeout(120_000),
        runId: 'run-1',
        ordersFolder: orders,
        resultsFile: join(folder, 'Work', 'results.csv'),
        renewConnection: async () => {
          renewals += 1;
          return { ...connection, password: new Secret(renewed) };
        },
        onWarning: (message) => void told.push(message),
      });
      assert.equal(outcome.kind, 'partial', JSON.stringify(outcome));
      // One renewal, though the session was lost and opened again after it.
      assert.equal(renewals, 1);
      assert.ok(
        told.some((message) => message.includes('the credential; it was renewed')),
        told.join('\n'),
      );
      assert.ok(
        told.some((message) => message.includes('a new session')),
        told.join('\n'),
      );
      const secrets = new RegExp(`${stale}|${renewed}`);
      assert.doesNotMatch(JSON.stringify([outcome, told]), secrets);
      assert.ok(existsSync(join(folder, 'Work', 'results.csv')));
      for (const [path, text] of textsUnder(join(folder, 'Work'))) {
        // What an order asks for is kept as it came, in the journal and in plans: it is the order's, and the step's.
        const lines = text.split('\n').filter((line) => !/"kind":"(?:order|begun)"/.test(line));
        if (!/plan-\d+\.json$/.test(path)) assert.doesNotMatch(lines.join('\n'), secrets, path);
      }
      const results = readFileSync(join(folder, 'Work', 'results.csv'), 'utf8');
      assert.equal(results.split('[secret]').length - 1, 3, results);
      assert.match(
        readFileSync(join(folder, 'Work', 'Fulfill', 'run-1', 'audit.jsonl'), 'utf8'),
        /"after":"at \[secret\]"/,
      );
    });
  } finally {
    await simulator.close();
  }
});
