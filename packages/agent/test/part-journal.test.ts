import assert from 'node:assert/strict';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { KeptReading, Part, PartFacts } from '@exchange-connector/connector';
import { journalFolder, PartJournal, removeOldParts } from '../src/part-journal.ts';
import { RowSorter } from '../src/row-sorter.ts';
import { inFolder } from './rehearsed-connection.ts';

/* The journal of a reading, damaged in many places: what is given back is what was kept, or nothing. */
const begun = Date.UTC(2026, 0, 1);
const parts: Part[] = [
  { selection: 0, database: { guid: 'd1', name: 'DB01' }, from: undefined, below: 'm', expected: 2 },
  { selection: 0, database: { guid: 'd1', name: 'DB01' }, from: 'm', below: undefined, expected: 2 },
];
const facts: PartFacts = {
  startedAt: new Date(begun).toISOString(),
  received: 2,
  origins: [[',DC=example,DC=test', 'dc01.example.test']],
  oddities: [],
};
const guidOf = (part: number, row: number): string => `${part}${row}000000-0000-4000-8000-000000000000`;

async function journalIn(
  folder: string,
  now = begun,
  rowForm = 1,
): Promise<{ readonly journal: PartJournal; close(): void }> {
  const mailboxes = new RowSorter(join(folder, 'sort'), 'mailboxes');
  const journal = new PartJournal({
    state: folder,
    mailboxes,
    onFound: () => {},
    now: () => now,
    server: () => 'https://one.example.test/PowerShell/',
    rowForm,
  });
  return { journal, close: () => mailboxes.close() };
}

async function keepAll(folder: string): Promise<void> {
  const { journal, close } = await journalIn(folder);
  journal.begin('conditions', parts);
  for (const [at, part] of parts.entries()) {
    const open = journal.open(part);
    for (const row of [1, 2]) open.sink.put(guidOf(at, row), `Insert,DB01,row ${row} of ${at}\r\n`, 'DB01');
    await open.finish(facts, true);
  }
  await journal.settled();
  close();
}

interface Resumed {
  readonly kept: KeptReading | undefined;
  readonly guids: readonly string[];
}

async function resume(folder: string, now = begun): Promise<Resumed> {
  const { journal, close } = await journalIn(folder, now);
  const guids: string[] = [];
  try {
    const kept = await journal.resume('conditions', (guid) => guids.push(guid));
    return { kept, guids: guids.sort() };
  } finally {
    close();
  }
}

test('a journal that is damaged, or cut off, gives back what was kept or nothing', async () => {
  await inFolder(async (folder) => {
    await keepAll(folder);
    const whole = await resume(folder);
    assert.equal(whole.kept?.finished.length, parts.length);
    assert.equal(whole.guids.length, 4);
    const place = journalFolder(folder);
    const files = new Map(readdirSync(place).map((name) => [name, readFileSync(join(place, name))]));
    // What cannot be used at all is removed.
    const restore = (): void => {
      mkdirSync(place, { recursive: true });
      for (const [name, bytes] of files) writeFileSync(join(place, name), bytes);
    };
    const check = async (what: string): Promise<void> => {
      const { kept, guids } = await resume(folder);
      if (kept !== undefined) {
        assert.deepEqual(kept.parts, whole.kept?.parts, what);
        for (const each of kept.finished) assert.deepEqual(each.facts, facts, what);
        assert.equal(guids.length, kept.finished.length * 2, what);
        assert.ok(kept.finished.length < parts.length || !/flipped/.test(what), `${what} was not noticed`);
      }
      restore();
    };
    for (const [name, bytes] of files) {
      // The end of the last line says nothing.
      for (let at = 0; at < bytes.length - 1; at += 7) {
        const changed = Uint8Array.from(bytes);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 7));
        writeFileSync(join(place, name), changed);
        await check(`byte ${at} of ${name} flipped`);
        if (at % 5 !== 0) continue;
        writeFileSync(join(place, name), bytes.subarray(0, at));
        await check(`${name} cut at ${at}`);
      }
    }
  });
});

test('parts whose rows an earlier version of the program wrote in another form are not put beside those of this one', async () => {
  await inFolder(async (folder) => {
    await keepAll(folder);
    const { journal, close } = await journalIn(folder, begun, 2);
    const guids: string[] = [];
    assert.equal(await journal.resume('conditions', (guid) => guids.push(guid)), undefined);
    close();
    assert.deepEqual(guids, []);
  });
});

test('a journal that is too old to be gone on from is removed by whoever looks, another one stays', async () => {
  await inFolder(async (folder) => {
    await keepAll(folder);
    removeOldParts(folder, begun + 11 * 3_600_000);
    assert.equal((await resume(folder)).kept?.finished.length, parts.length);
    removeOldParts(folder, begun + 13 * 3_600_000);
    assert.ok(!readdirSync(folder).includes('parts'));
  });
});
