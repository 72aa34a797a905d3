import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { runExport } from '@exchange-connector/agent';
import { type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

/* Servers that refuse a further session, in words of their own: the one that is open reads everything. */
// The server takes its time over each mailbox, so that the refusal comes while there is work left.
const shape = { mailboxes: 1200, databases: 3, seed: 11, latencyMs: 1 };

async function exportUnder(
  fault: string,
  check: (found: {
    readonly own: Simulator;
    readonly folder: string;
    readonly warnings: string;
    readonly rows: number;
  }) => void,
): Promise<void> {
  const own = await startSimulator({ ...shape, basic: account, fault });
  try {
    await inFolder(async (folder) => {
      const outcome = await runExport({
        connection: connectionTo(own.url, { shells: 2, shellSpacingMs: 0 }),
        folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
        settingsFolder: folder,
        signal: new AbortController().signal,
        limits: { closeTimeoutMs: 500 },
      });
      assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
      assert.ok(own.firedFaults.length > 0, 'nothing went wrong: the test is blind');
      const { manifest } = outcome;
      check({ own, folder, warnings: manifest.warnings.join('\n'), rows: manifest.counts.mailboxes.Insert });
    });
  } finally {
    await own.close();
  }
}

function visible({ organization }: Simulator): number {
  return [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined).length;
}

test('a throttling policy or a quota that allows no further session leaves the reading to the one that is open, and the next run knows', async () => {
  for (const fault of ['create 2: throttle connections 1', 'create 2: throttle operations']) {
    await exportUnder(fault, ({ own, folder, rows }) => {
      assert.equal(rows, visible(own));
      const limits = readFileSync(join(folder, 'Work', 'ExportState', 'Main', 'limits.json'), 'utf8');
      assert.equal((JSON.parse(limits) as { shells?: number }).shells, 1, fault);
    });
  }
});

test('a further session that is refused for a reason of its own does not end the reading, and is told of', async () => {
  await exportUnder('create 2: http 403', ({ own, warnings, rows }) => {
    assert.equal(rows, visible(own));
    assert.match(warnings, /no further session could be opened, the run goes on with 1: Create at /);
    assert.doesNotMatch(warnings, /a session was lost/);
  });
});

test('however often the server delays commands, that is told once, and hides nothing else', async () => {
  const delays = Array.from({ length: 20 }, (_, index) => `command ${index + 10}: throttle delay ${index + 1}ms`);
  await exportUnder(delays.join('; '), ({ own, warnings }) => {
    assert.ok(own.firedFaults.length > 10, 'too few delays: the test is blind');
    assert.equal(warnings.match(/Micro delay applied/g)?.length, 1, warnings);
  });
});
