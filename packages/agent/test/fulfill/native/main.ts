/*
 * `npm run test:fulfill-kills [-- QUICK|FULL]`: what `npm test` has samples of.
 *
 * 1. A batch of 24 orders of every kind dies at each moment at which it writes or sends something, in the middle of a
 *    line and at its end, and is finished by the same command.
 * 2. So does a batch of 200 orders, at one moment of each of its steps (FULL: at each of its moments; hours).
 * 3. Random orders, random faults of the server, random deaths; fresh seeds.
 * 4. Processes on the wire are ended by kill -9; and the wire itself fails in every way that the simulator knows.
 *
 * Ends with exit 1 after the first that fails, and says how to see it again.
 */
import { randomInt } from 'node:crypto';
import assert from 'node:assert/strict';
import { type KillRehearsal, rehearseDeath, runReference } from './kills.ts';
import { checkSeed, deadlyAndFaulty, faulty } from './random-check.ts';
import { runChaotic, runKilled } from './real-kills.ts';

const scale = (process.argv[2] ?? '').toUpperCase();
if (!['', 'QUICK', 'FULL'].includes(scale)) {
  console.error(`found ${process.argv[2]}; allowed is QUICK, FULL, or nothing`);
  process.exit(2);
}
const started = performance.now();

function tell(what: string): void {
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s: ${what}`);
}

async function attempt(what: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    console.error(error);
    console.error(`failed: ${what}`);
    process.exit(1);
  }
}

async function killAtMoments(how: KillRehearsal, stride: number): Promise<void> {
  const reference = await runReference(how);
  tell(`${how.orders} orders, ${reference.writes} changing commands, ${reference.moments} moments`);
  let deaths = 0;
  // Where not every moment is taken, another kind of moment of each next step is.
  for (let step = 0; step * stride < reference.moments; step += 1) {
    const moment = stride === 1 ? step : Math.min(reference.moments - 1, step * stride + (step % stride));
    for (const torn of stride === 1 ? [false, true] : [step % 2 === 0]) {
      const what = `${how.orders} orders, death at moment ${moment}${torn ? ', line torn' : ''}`;
      await attempt(what, () => rehearseDeath(how, { moment, torn }, reference));
      deaths += 1;
    }
  }
  tell(`${how.orders} orders: ${deaths} deaths, each finished`);
}

async function randomBatches(count: number): Promise<void> {
  const first = randomInt(1_000_000_000);
  tell(`${count} random batches, seeds from ${first}`);
  let compared = 0;
  for (let seed = first; seed < first + count; seed += 1) {
    const trouble = seed % 2 === 0 ? faulty(12) : deadlyAndFaulty(12);
    await attempt(
      `seed ${seed}: checkSeed(${seed}, ${seed % 2 === 0 ? 'faulty' : 'deadlyAndFaulty'}(12))`,
      async () => {
        compared += Number((await checkSeed(seed, trouble)).compared);
      },
    );
  }
  tell(`${count} random batches agree, ${compared} of them with a run without faults`);
}

async function realKills(orders: number, kills: number): Promise<void> {
  const reference = await runKilled(orders, 0);
  for (let number = 1; number <= kills; number += 1) {
    const killAt = Math.max(1, Math.floor((number * reference.writings) / (kills + 1)));
    await attempt(`kill -9 at writing ${killAt} of ${reference.writings}`, async () => {
      const { states, state } = await runKilled(orders, killAt);
      assert.deepEqual({ states, state }, { states: reference.states, state: reference.state });
    });
  }
  tell(`${kills} processes ended by kill -9, each run finished`);
  const { writings: _, ...undisturbed } = reference;
  for (let seed = 1; seed <= kills; seed += 1)
    await attempt(`chaos ${seed} on the wire`, async () => {
      assert.deepEqual(await runChaotic(orders, seed), undisturbed);
    });
  tell(`${kills} batches over a chaotic wire, each as if nothing had been`);
}

await realKills(12, scale === 'QUICK' ? 3 : 25);
await killAtMoments({ orders: scale === 'QUICK' ? 11 : 24 }, 1);
await randomBatches(scale === 'QUICK' ? 200 : 2_000);
if (scale !== 'QUICK') await killAtMoments({ orders: 200 }, scale === 'FULL' ? 1 : 12);
