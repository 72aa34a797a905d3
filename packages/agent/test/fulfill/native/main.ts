/*
 * `npm run test:fulfill-kills [-- QUICK]`: what `npm test` has samples of.
 *
 * 1. Processes on the wire are ended by kill -9; and the wire itself fails in every way that the simulator knows.
 * 2. A batch of 200 orders of every kind dies at each moment at which it writes or sends something, in the middle of
 *    a writing and at its end, and is finished by the same command; in two processes side by side.
 * 3. Random orders, random faults of the server, random deaths; fresh seeds.
 *
 * Ends with exit 1 where anything was found, and says how to see it again:
 *
 *   … -- --moment 1234 [--torn] [--orders 200]      one death
 *   … -- --seed 727018570 [--deadly]                one random batch
 *   … -- --seeds 727018570 --batches 2000           random batches from a seed on
 *   … -- --only deaths [--orders 200]               the second of the three; the others are `kills` and `batches`
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import type { SweepLine, SweepTask } from './death-sweep.ts';
import { checkSeed, deadlyAndFaulty, faulty } from './random-check.ts';
import { runChaotic, runKilled } from './real-kills.ts';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    moment: { type: 'string' },
    torn: { type: 'boolean', default: false },
    orders: { type: 'string', default: '200' },
    seed: { type: 'string' },
    deadly: { type: 'boolean', default: false },
    seeds: { type: 'string' },
    only: { type: 'string' },
    batches: { type: 'string' },
  },
});
const scale = (positionals[0] ?? '').toUpperCase();
if (!['', 'QUICK'].includes(scale)) {
  console.error(`found ${positionals[0]}; allowed is QUICK, or nothing`);
  process.exit(2);
}
if (!['kills', 'deaths', 'batches', undefined].includes(values.only)) {
  console.error(`found --only ${values.only}; allowed are kills, deaths, batches`);
  process.exit(2);
}
const isQuick = scale === 'QUICK';
const started = performance.now();
const command = 'npm run test:fulfill-kills --';
let findings = 0;

function tell(what: string): void {
  console.log(`${((performance.now() - started) / 1000).toFixed(0)} s: ${what}`);
}

function found(what: string, error: unknown, again: string): void {
  findings += 1;
  console.error(
    `finding ${findings}: ${what}\n${error instanceof Error ? error.stack : String(error)}\n  again: ${again}`,
  );
}

async function attempt(what: string, again: string, work: () => Promise<unknown>): Promise<void> {
  try {
    await work();
  } catch (error) {
    found(what, error, again);
  }
}

const sweeper = fileURLToPath(new URL('./death-sweep.ts', import.meta.url));

/** One part of all deaths, in a process of its own. @returns how many there were */
async function sweepPart(task: SweepTask, onProgress: (done: number) => void): Promise<number> {
  const child = spawn(process.execPath, [sweeper, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  const closed = once(child, 'close');
  let done: number | undefined;
  for await (const text of createInterface({ input: child.stdout })) {
    const line = JSON.parse(text) as SweepLine;
    switch (line.kind) {
      case 'recorded':
        if (task.part === 0)
          tell(
            `${line.orders} orders, ${line.writes} changing commands, ${line.moments} moments, ${line.deaths} different deaths`,
          );
        break;
      case 'progress':
        onProgress(line.done);
        break;
      case 'finding':
        found(
          `${task.orders} orders, death at moment ${line.moment} (${line.what}${line.torn ? ', torn' : ''})`,
          line.error,
          `${command} --moment ${line.moment}${line.torn ? ' --torn' : ''} --orders ${task.orders}`,
        );
        break;
      case 'ended':
        done = line.done;
        break;
      default:
        line satisfies never;
    }
  }
  await closed;
  if (done === undefined) throw new Error(`a part of the deaths ended by itself, with exit code ${child.exitCode}`);
  return done;
}

async function killAtMoments(orders: number, stride: number): Promise<void> {
  const parts = 2;
  const progress = [0, 0];
  const report = (part: number, done: number): void => {
    progress[part] = done;
    tell(`${orders} orders: ${progress.join(' + ')} deaths, ${findings} findings`);
  };
  const counts = await Promise.all(
    progress.map((_, part) => sweepPart({ orders, part, parts, stride }, (done) => report(part, done))),
  );
  tell(
    `${orders} orders: ${counts.reduce((sum, count) => sum + count)} deaths, each finished but for what is found above`,
  );
}

async function randomBatches(first: number, count: number): Promise<void> {
  tell(`${count} random batches, seeds from ${first}`);
  const reached = { compared: 0, replayed: 0 };
  for (let seed = first; seed < first + count; seed += 1) {
    const isDeadly = seed % 2 !== 0;
    await attempt(`seed ${seed}`, `${command} --seed ${seed}${isDeadly ? ' --deadly' : ''}`, async () => {
      const { compared, replayed } = await checkSeed(seed, isDeadly ? deadlyAndFaulty(12) : faulty(12));
      reached.compared += Number(compared);
      reached.replayed += Number(replayed);
    });
    if ((seed - first) % 250 === 249) tell(`${seed - first + 1} random batches, ${findings} findings`);
  }
  tell(
    `${count} random batches: ${reached.replayed} are what their journals tell, ${reached.compared} what their executed orders make without faults`,
  );
}

async function realKills(orders: number, kills: number): Promise<void> {
  const reference = await runKilled(orders, 0);
  for (let number = 1; number <= kills; number += 1) {
    const killAt = Math.max(1, Math.floor((number * reference.writings) / (kills + 1)));
    const what = `kill -9 of a process at writing ${killAt} of ${reference.writings}`;
    await attempt(what, command, async () => {
      const { states, state } = await runKilled(orders, killAt);
      assert.deepEqual({ states, state }, { states: reference.states, state: reference.state });
    });
  }
  tell(`${kills} processes ended by kill -9, each run finished`);
  const { writings: _, ...undisturbed } = reference;
  for (let seed = 1; seed <= kills; seed += 1)
    await attempt(`chaos ${seed} on the wire`, command, async () => {
      assert.deepEqual(await runChaotic(orders, seed), undisturbed);
    });
  tell(`${kills} batches over a chaotic wire, each as if nothing had been`);
}

const orders = Number(values.orders);
if (values.moment !== undefined) {
  const only = { moment: Number(values.moment), torn: values.torn };
  const done = await sweepPart({ orders, part: 0, parts: 1, stride: 1, only }, () => undefined);
  tell(`${done} deaths at moment ${only.moment}`);
  if (done === 0) findings += 1;
} else if (values.seed !== undefined) {
  const seed = Number(values.seed);
  const trouble = values.deadly ? deadlyAndFaulty(12) : faulty(12);
  await attempt(`seed ${seed}`, command, async () => tell(JSON.stringify(await checkSeed(seed, trouble))));
} else if (values.seeds !== undefined) {
  await randomBatches(Number(values.seeds), Number(values.batches ?? 2_000));
} else {
  const { only } = values;
  const isWanted = (part: string): boolean => only === undefined || only === part;
  if (isWanted('kills')) await realKills(12, isQuick ? 3 : 25);
  if (isWanted('deaths')) await killAtMoments(orders, isQuick ? 19 : 1);
  if (isWanted('batches'))
    await randomBatches(randomInt(1_000_000_000), Number(values.batches ?? (isQuick ? 200 : 2_000)));
}
tell(findings === 0 ? 'nothing was found' : `${findings} findings`);
process.exit(findings === 0 ? 0 : 1);
