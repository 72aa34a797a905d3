import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { runCheck, runDiscover, stateFolder } from '@exchange-connector/agent';
import { type FinishedFile, OutputFile } from '../src/output-file.ts';
import { isPublicationPending, mendPublication, publish } from '../src/publication.ts';
import { takeRunLock } from '../src/run-lock.ts';
import { connectionTo } from './rehearsed-connection.ts';

async function inFolder(run: (folder: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'publication-'));
  try {
    await run(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const names = ['a_mailboxes.csv', 'a_databases.csv', 'a_manifest.json'] as const;

async function finishFiles(folder: string, runId: string, text: string): Promise<FinishedFile[]> {
  const finished: FinishedFile[] = [];
  for (const name of names) {
    const file = await OutputFile.open(join(folder, 'out', name), runId);
    file.add(Buffer.from(`${text} ${name}`));
    finished.push(await file.finish());
  }
  return finished;
}

function contents(folder: string): string[] {
  return names.map((name) => readFileSync(join(folder, 'out', name), 'utf8'));
}

test('files are put in place together, with mode 0640, and nothing is left beside them', async () => {
  await inFolder(async (folder) => {
    publish(join(folder, 'state'), 'first', await finishFiles(folder, randomUUID(), 'old'));
    publish(join(folder, 'state'), 'second', await finishFiles(folder, randomUUID(), 'new'));
    assert.deepEqual(
      contents(folder),
      names.map((name) => `new ${name}`),
    );
    assert.deepEqual(readdirSync(join(folder, 'out')).sort(), [...names].sort());
    assert.deepEqual(readdirSync(join(folder, 'state')), []);
    for (const name of names) assert.equal(statSync(join(folder, 'out', name)).mode & 0o777, 0o640);
    assert.equal(statSync(join(folder, 'out')).mode & 0o777, 0o750);
  });
});

for (let renamed = 0; renamed <= names.length; renamed += 1) {
  test(`a death after ${renamed} of ${names.length} renames is finished by the next command`, async () => {
    await inFolder(async (folder) => {
      const state = join(folder, 'state');
      publish(state, 'first', await finishFiles(folder, randomUUID(), 'old'));
      // What a killed process leaves: the journal, and some of the renames done.
      const files = await finishFiles(folder, randomUUID(), 'new');
      writeFileSync(join(state, 'publication.json'), JSON.stringify({ runId: 'second', files }));
      for (const file of files.slice(0, renamed)) renameSync(file.temporary, file.path);
      assert.ok(isPublicationPending(state));
      assert.match((await mendPublication(state)).join(), /run second died .* finished now/);
      assert.deepEqual(
        contents(folder),
        names.map((name) => `new ${name}`),
      );
      assert.deepEqual(readdirSync(join(folder, 'out')).sort(), [...names].sort());
      assert.ok(!isPublicationPending(state));
      assert.deepEqual(await mendPublication(state), []);
    });
  });
}

test('what cannot be finished is told, and its leftovers are removed', async () => {
  await inFolder(async (folder) => {
    const state = join(folder, 'state');
    publish(state, 'first', await finishFiles(folder, randomUUID(), 'old'));
    const files = await finishFiles(folder, randomUUID(), 'new');
    writeFileSync(join(state, 'publication.json'), JSON.stringify({ runId: 'second', files }));
    rmSync(files[1]?.temporary ?? '');
    mkdirSync(join(state, 'held'));
    assert.match((await mendPublication(state)).join(), /a_databases\.csv of it cannot be found whole/);
    assert.deepEqual(
      contents(folder),
      names.map((name) => `old ${name}`),
    );
    assert.deepEqual(readdirSync(join(folder, 'out')).sort(), [...names].sort());
    // What a threshold had stopped before is not to be released over files that may have been loaded.
    assert.deepEqual(readdirSync(state), []);
  });
});

test('a journal that is no journal is removed with a word', async () => {
  await inFolder(async (folder) => {
    writeFileSync(join(folder, 'publication.json'), '{"files": [{}]}');
    mkdirSync(join(folder, 'held'));
    assert.match((await mendPublication(folder)).join(), /could not be read .* the next export is a complete one/);
    // What had been put in place cannot be told: an empty note says that much.
    assert.deepEqual(readdirSync(folder), ['uncertain']);
    assert.equal(readdirSync(join(folder, 'uncertain')).length, 1);
  });
});

test('a file holds what was added, in order, whatever the sizes of the parts', async () => {
  await inFolder(async (folder) => {
    const file = await OutputFile.open(join(folder, 'big.csv'), randomUUID());
    const parts = [10, 300_000, 1, 255 * 1024, 20_000, 700_000, 5].map((size, index) => Buffer.alloc(size, index + 65));
    for (const part of parts) if (file.add(part)) await file.flush();
    const finished = await file.finish();
    assert.ok(readFileSync(finished.temporary).equals(Buffer.concat(parts)));
    await file.discard();
    assert.deepEqual(readdirSync(folder), []);
  });
});

test('check and discover finish it too, and leave a run alone that is at work', async () => {
  await inFolder(async (folder) => {
    const state = stateFolder(join(folder, 'Work'), 'Main');
    const files = await finishFiles(folder, randomUUID(), 'new');
    mkdirSync(state, { recursive: true });
    writeFileSync(join(state, 'publication.json'), JSON.stringify({ runId: 'second', files }));
    const warnings: string[] = [];
    const request = {
      connection: connectionTo('http://localhost:9/PowerShell/'),
      folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
      settingsFolder: folder,
      signal: new AbortController().signal,
      onWarning: (message: string) => void warnings.push(message),
    };
    const lock = takeRunLock(state, 'at-work', []);
    await runCheck(request);
    assert.deepEqual(warnings, []);
    assert.ok(isPublicationPending(state));
    lock.release();
    await runDiscover(request);
    assert.match(warnings.join(), /finished now/);
    assert.deepEqual(
      contents(folder),
      names.map((name) => `new ${name}`),
    );
    assert.deepEqual(readdirSync(state), []);
  });
});

test('a death after the files and before the cookie leaves the older cookie, keeps the newer one, and nothing unfinished', async () => {
  await inFolder(async (folder) => {
    const state = join(folder, 'state');
    const [older, ...published] = await finishFiles(folder, randomUUID(), 'old');
    publish(state, 'first', published, older);
    assert.deepEqual(
      contents(folder),
      names.map((name) => `old ${name}`),
    );
    const [cookie, ...files] = await finishFiles(folder, 'second', 'new');
    writeFileSync(join(state, 'publication.json'), JSON.stringify({ runId: 'second', files, cookie }));
    writeFileSync(join(state, 'publication.json.third.partial'), '{');
    await mendPublication(state);
    assert.deepEqual(contents(folder), [`old ${names[0]}`, `new ${names[1]}`, `new ${names[2]}`]);
    assert.deepEqual(readdirSync(join(folder, 'out')).sort(), [...names].sort());
    assert.deepEqual(readdirSync(state), ['uncertain']);
    const [kept = ''] = readdirSync(join(state, 'uncertain'));
    assert.equal(readFileSync(join(state, 'uncertain', kept), 'utf8'), `new ${names[0]}`);
  });
});

test('a death between the cookie and the end of the journal leaves nothing to be uncertain of', async () => {
  await inFolder(async (folder) => {
    const state = join(folder, 'state');
    const [cookie, ...files] = await finishFiles(folder, 'first', 'new');
    publish(state, 'first', files, cookie);
    writeFileSync(join(state, 'publication.json'), JSON.stringify({ runId: 'first', files, cookie }));
    await mendPublication(state);
    assert.deepEqual(readdirSync(state), []);
  });
});
