import assert from 'node:assert/strict';
import { test } from 'node:test';
import { History, newTally } from './history.ts';

/** `npm run test:histories` sets both: thousands, of fresh seeds. The sample of `npm test` is the same each time. */
const count = Number(process.env['HISTORIES'] ?? 30);
const series = process.env['HISTORIES_SEED'] ?? 'sample';

test('after every export of a random history, the files loaded one over the other are what a complete export writes', async (context) => {
  const tally = newTally();
  for (let number = 0; number < count; number += 1) {
    const seed = `${series}-${number}`;
    const history = new History(seed, tally);
    try {
      await history.run(6);
    } catch (error) {
      console.error(`history ${seed} (HISTORIES_SEED=${series} HISTORIES=${number + 1}):\n${history.log.join('\n')}`);
      throw error;
    }
  }
  context.diagnostic(
    `HISTORIES_SEED=${series} HISTORIES=${count}: ${JSON.stringify({ ...tally, reasons: [...tally.reasons] })}`,
  );
  // A series in which nothing could go wrong would prove nothing.
  assert.ok(tally.incremental > count, `${tally.incremental} increments in ${count} histories`);
  assert.ok(tally.changes > count && tally.deletes > 0 && tally.updates > 0 && tally.inserts > 0);
});
