/* Fulfilments over the wire, in processes of their own that are killed. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { runFulfill } from '@exchange-connector/agent';
import { chaosScript, startSimulator } from '@exchange-connector/exchange-simulator';
import { ownPorts } from '../../../src/fulfill/native/native-context.ts';
import { account, connectionTo } from '../../rehearsed-connection.ts';
import type { ChildEnd, ChildTask } from './fulfil-child.ts';
import { killedBatch, makePlace } from './killed-batch.ts';
import { unguarded } from './random-check.ts';

const program = fileURLToPath(new URL('./fulfil-child.ts', import.meta.url));
const oneDayMs = 86_400_000;

/** @returns undefined where it was killed */
async function runChild(task: ChildTask): Promise<ChildEnd | undefined> {
  const child = spawn(process.execPath, [program, JSON.stringify(task)], { stdio: ['ignore', 'pipe', 'inherit'] });
  let output = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    output += text;
  });
  await once(child, 'close');
  if (child.signalCode === 'SIGKILL') return undefined;
  assert.equal(child.exitCode, 0, output);
  return JSON.parse(output) as ChildEnd;
}

export interface KilledRun {
  readonly states: readonly string[];
  readonly state: unknown;
  readonly writings: number;
}

/** Runs a batch over the wire, killed at one writing and started again, or left alone where that is 0. */
export async function runKilled(orders: number, killAt: number): Promise<KilledRun> {
  const place = makePlace(orders);
  const simulator = await startSimulator({ organization: place.organization, basic: account });
  try {
    place.give(...killedBatch(place, orders));
    const { url } = simulator;
    const first = await runChild({ url, folder: place.folder, killAt });
    assert.equal(first === undefined, killAt !== 0, `killed at writing ${killAt}`);
    const end = first ?? (await runChild({ url, folder: place.folder, killAt: 0 }));
    assert.ok(end?.kind === 'partial' || end?.kind === 'done', JSON.stringify(end));
    assert.equal(place.verdict().kind, 'intact', JSON.stringify(place.verdict()));
    place.organization.clock.advance(oneDayMs);
    return { states: place.states(), state: place.state(), writings: end.writings };
  } finally {
    await simulator.close();
    place.dispose();
  }
}

/** Runs a batch over a wire on which everything goes wrong now and then; no wait of the engine is longer than a second. */
export async function runChaotic(orders: number, seed: number): Promise<Omit<KilledRun, 'writings'>> {
  const place = makePlace(orders);
  const fault = chaosScript(seed);
  const simulator = await startSimulator({
    organization: place.organization,
    basic: account,
    fault,
    log: () => undefined,
  });
  try {
    place.give(...killedBatch(place, orders));
    const request = {
      connection: connectionTo(simulator.url, unguarded),
      folders: place.folders,
      settingsFolder: place.folder,
      signal: AbortSignal.timeout(600_000),
      ordersFolder: place.orders,
      resultsFile: place.results,
    };
    const ports = ownPorts(request);
    // The simulator is back from a rehearsed restart within a moment.
    const wait = (milliseconds: number, signal: AbortSignal): Promise<void> =>
      ports.wait(Math.min(milliseconds, 1_000), signal);
    const outcome = await runFulfill(request, { ...ports, wait });
    assert.ok(outcome.kind === 'partial' || outcome.kind === 'done', JSON.stringify(outcome));
    assert.equal(place.verdict().kind, 'intact', JSON.stringify(place.verdict()));
    place.organization.clock.advance(oneDayMs);
    return { states: place.states(), state: place.state() };
  } finally {
    await simulator.close();
    place.dispose();
  }
}
