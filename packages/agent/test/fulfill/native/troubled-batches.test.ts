import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Recording } from './kills.ts';
import { runKilled } from './real-kills.ts';
import { checkSeed, deadlyAndFaulty, faulty, type Reached } from './random-check.ts';

/* Samples; `npm run test:fulfill-kills` has thousands of seeds, and all moments of a batch of 200 orders. */

test('after random orders and random faults the organisation is what each executed order makes of it, once', async () => {
  const reached: Reached[] = [];
  for (let seed = 1; seed <= 12; seed += 1) reached.push(await checkSeed(seed, faulty(8)));
  const sum = (of: (each: Reached) => number): number => reached.reduce((total, each) => total + of(each), 0);
  // The seeds are always these: they reach what they are there for.
  assert.ok(sum(({ executed }) => executed) > 40 && sum(({ errored }) => errored) > 5);
  assert.ok(sum(({ compared }) => Number(compared)) > 6 && sum(({ replayed }) => Number(replayed)) > 9);
});

test('after a death among random faults the next command finishes the run, and all agrees', async () => {
  let starts = 0;
  for (let seed = 100; seed < 112; seed += 1) starts += (await checkSeed(seed, deadlyAndFaulty(8))).starts;
  assert.ok(starts > 14, `${starts} starts of 12 batches`);
});

test('a batch that dies at any moment is finished by the same command, nothing lost and nothing done twice', async () => {
  const recording = await Recording.make(40);
  try {
    // Steps that share no factor with the moments of one step reach each kind of moment.
    for (const death of recording.deaths.filter((_, at) => at % 17 === 0)) await recording.goOn(death);
  } finally {
    recording.dispose();
  }
});

test('a process that is ended by kill -9 in the middle of a batch is followed by one that finishes it, over the wire', async () => {
  const { writings, ...reference } = await runKilled(7, 0);
  const { writings: _, ...killed } = await runKilled(7, Math.floor(writings / 2));
  assert.deepEqual(killed, reference);
});
