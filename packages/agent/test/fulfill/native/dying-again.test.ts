import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { mailboxOrder, NativeRehearsal } from './native-rehearsal.ts';
import { people } from './random-batch.ts';
import { checkTold, isTold, unguarded } from './random-check.ts';

interface Dying {
  readonly place: NativeRehearsal;
  readonly orders: readonly { readonly AssignedResourceTypeId: string }[];
  /** Changing commands that the server carried out. */
  carriedOut: number;
}

/** Orders of which the last undoes the first: done again, the first would find no mailbox. */
async function startAndDie(moment: number): Promise<Dying> {
  const place = new NativeRehearsal(unguarded, { mailboxes: 40 });
  const key = { SamAccountName: people(place)[0]?.sam };
  const orders = [
    mailboxOrder('1', 'Modified', { DisplayName: 'Renamed' }, key),
    mailboxOrder('2', 'Deleted', {}, key),
  ] as { readonly AssignedResourceTypeId: string }[];
  place.give(...orders);
  const dying: Dying = { place, orders, carriedOut: 0 };
  await startAgain(dying, moment);
  return dying;
}

/** @returns false where it did not die */
async function startAgain(dying: Dying, moment: number): Promise<boolean> {
  const ports = dying.place.ports({ deadly: { moment, torn: moment % 2 === 1 } });
  const outcome = await dying.place.fulfill(ports);
  dying.carriedOut += ports.counts.carriedOut;
  return outcome.kind === 'failed';
}

test('a run that dies while it goes on after one that died is gone on from as well, whenever it dies', async () => {
  let deaths = 0;
  // With a command carried out and not heard of, between the two orders, and with the results in place.
  for (const first of [14, 24, 38])
    for (let moment = 0; ; moment += 1) {
      const dying = await startAndDie(first);
      const { place, orders } = dying;
      try {
        const died = await startAgain(dying, moment);
        if (!died) break;
        deaths += 1;
        const told = isTold(place) ? readFileSync(place.results) : undefined;
        if (told !== undefined) place.give();
        await startAgain(dying, Number.POSITIVE_INFINITY);
        if (told !== undefined) writeFileSync(place.results, told);
        const where = `first death at ${first}, second at ${moment}`;
        assert.deepEqual(place.states(), ['1 Executed', '2 Executed'], where);
        assert.equal(dying.carriedOut, 2, where);
        checkTold(place, orders);
      } finally {
        place.dispose();
      }
    }
  assert.ok(deaths > 60, `${deaths} second deaths`);
});
