import assert from 'node:assert/strict';
import { appendFileSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { AgentError } from '@exchange-connector/agent';
import { InterruptedRuns } from '../../src/fulfill/interrupted-runs.ts';
import type { Order } from '../../src/fulfill/order-files.ts';
import { fulfillFolder, type JournalLine, RunFolder, type Visitor } from '../../src/fulfill/run-folder.ts';

const orders: readonly Order[] = [1, 2, 3, 4].map((index) => ({
  index,
  place: `orders.json, order ${index}`,
  assignmentId: String(index),
  changeType: 'Added',
  ownerId: '',
  ownerType: '',
  json: '{}',
  fingerprint: `f${index}`,
}));

/** A run that died: order 1 answered, order 2 in hand, the rest not handed out. */
function deadRun(context: TestContext, visitor: Visitor = 'helper'): { work: string; folder: RunFolder } {
  const work = mkdtempSync(join(tmpdir(), 'interrupted-'));
  context.after(() => rmSync(work, { recursive: true, force: true }));
  const lines: JournalLine[] = [
    { kind: 'run', run: 'dead', connection: 'Main', orders: '/o', results: '/r', script: '/s', visitor, start: '2026' },
    ...orders.map((order) => ({ kind: 'order' as const, ...order })),
  ];
  const folder = RunFolder.create(join(fulfillFolder(work), 'dead'), lines);
  folder.layOut(1, orders);
  folder.note([{ kind: 'process', number: 1, orders: [1, 2, 3, 4] }]);
  return { work, folder };
}

function handOut(folder: RunFolder): void {
  for (const name of ['000001', '000002']) writeFileSync(join(folder.path, 'claims', name), '', { flag: 'wx' });
  const message = Buffer.from('said so').toString('base64');
  writeFileSync(
    folder.visitsFile(1),
    `visiting 1\nhanded 000001\nanswered 000001 Errored ${message}\nhanded 000002\nanswered 000002 Exec`,
  );
}

function outcomes(past: InterruptedRuns): (string | undefined)[] {
  return orders.map((order) => {
    const known = past.take(order)?.outcome;
    return known && `${known.state}: ${known.message}`;
  });
}

const expected = [
  'Errored: said so',
  'Errored: outcome unknown: run dead died while this order was being carried out; it is not run again',
  undefined,
  undefined,
];
const asItIs = (text: string): string => text;

test('what a dead run had handed out is known, what it had not is free, however often its readers die', async (context) => {
  const { work, folder } = deadRun(context);
  handOut(folder);
  // A journal whose last line a death has cut short.
  appendFileSync(join(folder.path, 'journal.jsonl'), '{"kind":"started","nu');
  for (let reader = 0; reader < 3; reader += 1) {
    const past = await InterruptedRuns.read(work, 'Main', asItIs);
    assert.deepEqual(outcomes(past), expected);
  }
  // The script that was lost cannot hand out what was taken back.
  assert.throws(() => writeFileSync(join(folder.path, 'claims', '000003'), '', { flag: 'wx' }), { code: 'EEXIST' });
  assert.deepEqual(outcomes(await InterruptedRuns.read(work, 'Other', asItIs)), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('a script that visits by itself may have done all that it was given', async (context) => {
  const { work, folder } = deadRun(context, 'script');
  writeFileSync(folder.resultsFile(1), 'AssignmentId,ProvisioningState,Message\r\n3,Executed,\r\n4,Exec');
  const states = outcomes(await InterruptedRuns.read(work, 'Main', asItIs)).map((text) => text?.slice(0, 16));
  assert.deepEqual(states, ['Errored: outcome', 'Errored: outcome', 'Executed: ', 'Errored: outcome']);
});

test('a dead run is finished when all that it had handed out was told, and its orders are new ones then', async (context) => {
  const { work, folder } = deadRun(context);
  handOut(folder);
  const first = await InterruptedRuns.read(work, 'Main', asItIs);
  const one = first.take(orders[0] as Order);
  assert.ok(one !== undefined);
  assert.match(first.remarks().join(), /run dead of 2026 died, and what became of 1 of its orders was never told/);
  first.close('next', [one.carried]);
  const second = await InterruptedRuns.read(work, 'Main', asItIs);
  assert.deepEqual(outcomes(second), [undefined, expected[1], undefined, undefined]);
  second.close('last', [{ run: 'dead', index: 2 }]);
  assert.deepEqual(readdirSync(folder.path), ['journal.jsonl']);
  assert.deepEqual(outcomes(await InterruptedRuns.read(work, 'Main', asItIs)), [
    undefined,
    undefined,
    undefined,
    undefined,
  ]);
});

test('what was noted as handed out is not free, even where the machine died and the claims were lost', async (context) => {
  const { work, folder } = deadRun(context);
  handOut(folder);
  for (const name of ['000001', '000002']) rmSync(join(folder.path, 'claims', name));
  for (let reader = 0; reader < 2; reader += 1)
    assert.deepEqual(outcomes(await InterruptedRuns.read(work, 'Main', asItIs)), expected);
});

test('a dead run whose files cannot be read keeps every order from being handed out', async (context) => {
  const { work, folder } = deadRun(context);
  handOut(folder);
  for (const name of ['visits-1.txt', 'journal.jsonl']) {
    rmSync(join(folder.path, name));
    mkdirSync(join(folder.path, name));
    await assert.rejects(InterruptedRuns.read(work, 'Main', asItIs), (error: Error) => {
      assert.ok(error instanceof AgentError && error.code === 'RUN_FILE_FAILED', String(error));
      return error.message.includes(join(folder.path, name));
    });
  }
});

test('a claim that cannot be read is a claim', (context) => {
  const { folder } = deadRun(context);
  mkdirSync(join(folder.path, 'claims', '000003'));
  assert.equal(folder.isClaimed(3), true);
  assert.equal(folder.takeBack(3), false);
  assert.equal(folder.takeBack(4), true);
});
