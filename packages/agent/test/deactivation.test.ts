import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { planUndo, runAcknowledge, runApply, runExport, runFulfill, runPlan, runUndo } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { connectionTo, inFolder } from './rehearsed-connection.ts';

test('what the XML configuration switches off is refused by every run, before anything is read or written', async () => {
  await inFolder(async (folder) => {
    const requestOf = (deactivated: ConnectionSettings['deactivated'], more: Partial<ConnectionSettings> = {}) => ({
      // Nothing listens there: a run that went further would end in another way.
      connection: connectionTo('http://127.0.0.1:9/PowerShell/', { deactivated, ...more }),
      folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
      settingsFolder: folder,
      signal: new AbortController().signal,
      ordersFolder: join(folder, 'orders'),
      resultsFile: join(folder, 'results.csv'),
      planFile: join(folder, 'plan.json'),
      undoneRun: 'some-run',
    });
    const off = requestOf('fulfillment');
    const outcomes = {
      export: [await runExport(requestOf('export')), await runAcknowledge(requestOf('export'))],
      fulfillment: [
        await runFulfill(off),
        await runFulfill(requestOf('fulfillment', { fulfillScriptPath: join(folder, 'fulfil.ps1') })),
        await runApply(off),
        await runPlan(off),
        await runUndo(off),
        await planUndo(off),
      ],
    };
    for (const [use, ended] of Object.entries(outcomes))
      for (const [index, outcome] of ended.entries()) {
        assert.equal(outcome.kind, 'failed', `${use} ${index}`);
        if (outcome.kind !== 'failed') continue;
        assert.equal(outcome.exitCode, 2);
        assert.match(outcome.failure.message, new RegExp(`its ${use} is switched off by DeactivationExportFulfill`));
        assert.match(outcome.failure.mend ?? '', /switch it on/);
      }
    assert.deepEqual(readdirSync(folder), []);
  });
});
