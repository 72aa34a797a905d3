/* What looking for deletions costs on the wire, through the whole agent. */
import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runExport } from '@exchange-connector/agent';
import { createTestOrganization, startSimulator } from '@exchange-connector/exchange-simulator';
import { type RequestNotice, requestChannelName } from '@exchange-connector/wsman';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

const hour = 3_600_000;
/** Of one GUID that is read. */
const guidBytes = 234;

interface Run {
  /** Both ways. */
  readonly bytes: number;
  readonly mode: string;
  /** Lines of the file of mailboxes, without its header. */
  readonly lines: readonly string[];
}

test('an increment that looks for a deletion, and one whose slice of GUIDs is due, cost a part of what all GUIDs do', async () => {
  const organization = createTestOrganization({ mailboxes: 1_500, databases: 6, seed: 5, clock: 'virtual' });
  const simulator = await startSimulator({ organization, basic: account });
  let bytes = 0;
  const onRequest = (message: unknown): void => {
    const { url, requestBytes, responseBytes } = message as RequestNotice;
    if (url === simulator.url) bytes += requestBytes + responseBytes;
  };
  subscribe(requestChannelName, onRequest);
  try {
    await inFolder(async (folder) => {
      const run = async (): Promise<Run> => {
        bytes = 0;
        const outcome = await runExport({
          connection: connectionTo(simulator.url),
          folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
          settingsFolder: folder,
          signal: new AbortController().signal,
          now: () => organization.clock.now().getTime(),
        });
        assert.ok(outcome.kind === 'done', JSON.stringify(outcome).slice(0, 500));
        const [, ...lines] = readFileSync(join(folder, 'Temp', 'ExportOutput', 'Main_mailboxes.csv'), 'utf8').split(
          '\r\n',
        );
        return { bytes, mode: outcome.manifest.mode, lines: lines.filter((line) => line !== '') };
      };
      const complete = await run();
      assert.equal(complete.mode, 'complete');
      const all = complete.lines.length * guidBytes;
      organization.clock.advance(10 * 60_000);
      const unchanged = await run();
      assert.deepEqual([unchanged.mode, unchanged.lines], ['incremental', []]);

      const [removed] = [...organization.truth().mailboxes()].filter(({ hiddenBehind }) => hiddenBehind === undefined);
      organization.change({ kind: 'removeMailbox', mailbox: removed?.guid ?? '' });
      organization.clock.advance(10 * 60_000);
      const searched = await run();
      assert.deepEqual([searched.mode, searched.lines.length], ['incremental', 1]);
      assert.ok(searched.lines[0]?.startsWith('Delete,'));
      assert.ok(searched.lines[0]?.includes(removed?.guid ?? 'none'));
      assert.ok(searched.bytes - unchanged.bytes < 0.75 * all, `${searched.bytes} bytes, and ${unchanged.bytes}`);

      for (const night of ['first', 'second']) {
        organization.clock.advance(24 * hour);
        const half = (await run()).bytes - unchanged.bytes;
        assert.ok(half > 0.4 * all && half < 0.65 * all, `the ${night} night takes ${half} bytes more of ${all}`);
      }
    });
  } finally {
    unsubscribe(requestChannelName, onRequest);
    await simulator.close();
  }
});
