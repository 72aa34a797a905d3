import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { type ExportOutcome, type ExportRequest, type Manifest, runExport } from '@exchange-connector/agent';
import { type ConnectionSettings, Secret } from '@exchange-connector/config';
import {
  createTestOrganization,
  type Simulator,
  startSimulator,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { account, connectionTo, inFolder, requestIn, withSimulator } from './rehearsed-connection.ts';

/*
 * Exports that finish: read in parts over several shells, through lost sessions, servers that go away and
 * processes that are killed. Whatever happens, the files are those of an undisturbed export.
 */
const shape = { mailboxes: 1200, databases: 3, seed: 11 };
/** From 1,000 mailboxes on, more than one shell reads in parts. */
const parts = { shells: 2, shellSpacingMs: 0 };
let simulator: Simulator;
let undisturbed: readonly string[];

forAllTests(
  async () => {
    simulator = await startSimulator({ ...shape, basic: account });
    undisturbed = await inFolder(async (folder) => csvOf(await finished(folder, connectionTo(simulator.url))));
  },
  () => simulator.close(),
);

interface Finished {
  readonly manifest: Manifest;
  readonly files: readonly string[];
}

async function finished(
  folder: string,
  connection: ConnectionSettings,
  more: Partial<ExportRequest> = {},
): Promise<Finished> {
  const outcome = await runExport(requestIn(folder, connection, more));
  assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
  return outcome;
}

function csvOf({ files }: Finished): string[] {
  return files.slice(0, 2).map((file) => readFileSync(file, 'utf8'));
}

const stateOf = (folder: string): string => join(folder, 'Work', 'ExportState', 'Main');
const partsOf = (folder: string): string[] => {
  const path = join(stateOf(folder), 'parts');
  return existsSync(path) ? readdirSync(path).filter((name) => /^part-\d+\.json$/.test(name)) : [];
};

/** Runs against a server that goes away for good once some mailboxes were sent; nothing is published. */
async function unfinished(
  folder: string,
  own: Simulator,
  more: Partial<ConnectionSettings> = {},
): Promise<ExportOutcome> {
  own.setFault('mailbox 700: die');
  const outcome = await runExport(
    requestIn(folder, connectionTo(own.url, { ...parts, ...more }), {
      reconnectForMs: 1,
      limits: { closeTimeoutMs: 200, receiveRetries: 0 },
    }),
  );
  assert.equal(outcome.kind, 'failed', JSON.stringify(outcome));
  assert.ok(partsOf(folder).length > 0, 'no part was finished: the test is blind');
  return outcome;
}

test('read in parts over several shells, the files are those of one read, and no shell is left', async () => {
  await withSimulator(shape, (own) =>
    inFolder(async (folder) => {
      const outcome = await finished(folder, connectionTo(own.url, { shells: 3, shellSpacingMs: 0 }));
      assert.deepEqual(csvOf(outcome), undisturbed);
      assert.equal(own.facts.shellsCreated, 3);
      assert.equal(own.facts.shellsOpen, 0);
      assert.deepEqual(readdirSync(stateOf(folder)), []);
    }),
  );
});

test('one shell reads a large organisation in parts, too', async () => {
  const large = { ...shape, mailboxes: 10_300, databases: 4 };
  await withSimulator(large, (own) =>
    inFolder(async (folder) => {
      own.setFault('mailbox 6000: forget shells');
      const outcome = await finished(folder, connectionTo(own.url));
      assert.deepEqual(databasesInFile(csvOf(outcome)), databasesByGuid(own.organization));
      assert.match(outcome.manifest.warnings.join('\n'), /a session was lost/);
    }),
  );
});

const disturbances = [
  'mailbox 500: forget shells',
  'mailbox 300: drop; mailbox 800: drop',
  'mailbox 400: die 1s',
  'every 400th mailbox: corrupt body',
  'receive 20: truncate; receive 40: fault 1359; receive 60: misroute',
  'command 9: forget shells; command 17: forget shells',
  'create 2: throttle budget 1s',
];
for (const fault of disturbances) {
  test(`a reading that is disturbed (${fault}) ends with the files of an undisturbed one`, async () => {
    await withSimulator(shape, (own) =>
      inFolder(async (folder) => {
        own.setFault(fault);
        const outcome = await finished(folder, connectionTo(own.url, parts), { limits: { closeTimeoutMs: 500 } });
        assert.ok(own.firedFaults.length > 0, 'nothing was disturbed: the test is blind');
        assert.deepEqual(csvOf(outcome), undisturbed);
      }),
    );
  });
}

test('a run that lost its server is continued by the next process from the parts that were finished', async () => {
  await withSimulator(shape, (own) =>
    inFolder(async (folder) => {
      const outcome = await unfinished(folder, own);
      assert.ok(outcome.kind === 'failed');
      assert.match(outcome.failure.message, /the server went away during the run/);
      const kept = partsOf(folder).length;
      const before = simulator.counts.messages.command;
      const { manifest, files } = await finished(folder, connectionTo(simulator.url, parts));
      assert.deepEqual(csvOf({ manifest, files }), undisturbed);
      const warnings = manifest.warnings.join('\n');
      const said = /an earlier run, begun at .*, did not end: it had read (\d+) of (\d+) parts/.exec(warnings);
      const how = `this run goes on from there over ${simulator.url}; those were read over ${own.url}`;
      assert.ok(warnings.includes(how), warnings);
      assert.deepEqual(Number(said?.[1]), kept);
      assert.ok(
        simulator.counts.messages.command - before < Number(said?.[2]) + 12,
        'parts that were kept were read again',
      );
      assert.equal(existsSync(join(stateOf(folder), 'parts')), false);
    }),
  );
});

async function keptThen(
  spoil: (folder: string) => void,
  more: Partial<ConnectionSettings>,
  check: (outcome: Finished, folder: string) => void,
): Promise<void> {
  await withSimulator(shape, (own) =>
    inFolder(async (folder) => {
      await unfinished(folder, own);
      spoil(folder);
      check(await finished(folder, connectionTo(simulator.url, { ...parts, ...more })), folder);
    }),
  );
}

test('parts that are damaged on the disk are read again', async () => {
  const spoils: ((folder: string) => void)[] = [
    (folder) => {
      const [name = ''] = readdirSync(join(stateOf(folder), 'parts')).filter((each) => each.endsWith('.rows'));
      const path = join(stateOf(folder), 'parts', name);
      const bytes = readFileSync(path);
      bytes[bytes.length >> 1] = (bytes[bytes.length >> 1] ?? 0) ^ 1;
      writeFileSync(path, bytes);
    },
    (folder) => {
      for (const name of partsOf(folder)) writeFileSync(join(stateOf(folder), 'parts', name), '{"format":1');
    },
    (folder) => {
      // A part that seems to have been read a day later than it was.
      for (const name of partsOf(folder)) {
        const path = join(stateOf(folder), 'parts', name);
        writeFileSync(path, readFileSync(path, 'utf8').replace(/"startedAt":"\d{4}/, '"startedAt":"2999'));
      }
    },
    (folder) => {
      for (const name of partsOf(folder)) rmSync(join(stateOf(folder), 'parts', name.replace('.json', '.rows')));
    },
  ];
  for (const spoil of spoils) await keptThen(spoil, {}, (outcome) => assert.deepEqual(csvOf(outcome), undisturbed));
});

test('parts of other settings, or of too long ago, are not used, and that is said', async () => {
  await keptThen(
    () => {},
    { valueSeparator: '|' },
    ({ manifest }) =>
      assert.match(
        manifest.warnings.join('\n'),
        /what an earlier run had read is not used: the settings, the databases/,
      ),
  );
  await keptThen(
    (folder) => {
      const path = join(stateOf(folder), 'parts', 'reading.json');
      const reading = JSON.parse(readFileSync(path, 'utf8').split('\n')[0] ?? '') as { begunAt: string };
      const text = JSON.stringify({ ...reading, begunAt: new Date(Date.now() - 13 * 3_600_000).toISOString() });
      writeFileSync(path, `${text}\n${createHash('sha256').update(text).digest('hex')}\n`);
    },
    {},
    (outcome) => {
      assert.match(outcome.manifest.warnings.join('\n'), /not used: it was begun at .*, more than 12 hours ago/);
      assert.deepEqual(csvOf(outcome), undisturbed);
    },
  );
  await keptThen(
    (folder) => writeFileSync(join(stateOf(folder), 'parts', 'reading.json'), 'garbage'),
    {},
    (outcome) => {
      assert.match(outcome.manifest.warnings.join('\n'), /not used: its journal cannot be read/);
      assert.deepEqual(csvOf(outcome), undisturbed);
    },
  );
});

/** Runs an export in a process of its own and kills it once the server's fault has stopped it. */
async function killed(folder: string, own: Simulator): Promise<void> {
  const { connection, ...rest } = requestIn(folder, connectionTo(own.url, parts));
  const program = `
    import { runExport } from ${JSON.stringify(import.meta.resolve('@exchange-connector/agent'))};
    import { Secret } from ${JSON.stringify(import.meta.resolve('@exchange-connector/config'))};
    const connection = { ...${JSON.stringify(connection)}, password: new Secret(${JSON.stringify(account.password)}) };
    await runExport({ ...${JSON.stringify(rest)}, connection, signal: new AbortController().signal });`;
  const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], { stdio: 'inherit' });
  // The server says nothing more, so the run cannot end; the disk takes the time that it takes.
  while (own.firedFaults.length === 0 || partsOf(folder).length === 0) await delay(10);
  child.kill('SIGKILL');
  await once(child, 'exit');
}

test('a process that is killed leaves parts that the next one goes on with, and shells that it removes', async () => {
  await withSimulator(shape, (own) =>
    inFolder(async (folder) => {
      own.setFault('mailbox 700: stall');
      await killed(folder, own);
      own.setFault(undefined);
      assert.ok(own.facts.shellsOpen > 0, 'the killed process had no shells open: the test is blind');
      const outcome = await finished(folder, connectionTo(own.url, parts));
      assert.match(outcome.manifest.warnings.join('\n'), /this run goes on from there/);
      assert.deepEqual(csvOf(outcome), undisturbed);
      assert.equal(own.facts.shellsOpen, 0);
      assert.equal(own.facts.shellsExpired, 0, 'they ended by themselves');
      assert.deepEqual(readdirSync(stateOf(folder)), []);
    }),
  );
});

test('notes of shells that are no longer there, or that lead elsewhere, are cleared away and hurt nobody', async () => {
  await withSimulator(shape, (own) =>
    inFolder(async (folder) => {
      await finished(folder, connectionTo(own.url));
      const shells = join(stateOf(folder), 'shells');
      const { mkdirSync } = await import('node:fs');
      mkdirSync(shells, { recursive: true });
      const note = (name: string, more: object): void =>
        writeFileSync(
          join(shells, name),
          JSON.stringify({
            shellId: 'C0FFEE00-0000-4000-8000-000000000000',
            url: own.url,
            cookies: 'MS-WSMAN=x',
            runId: 'r',
            notedAt: new Date().toISOString(),
            ...more,
          }),
        );
      note('gone.json', {});
      note('elsewhere.json', { url: 'http://localhost:9/PowerShell/' });
      note('old.json', { notedAt: '2020-01-01T00:00:00Z' });
      writeFileSync(join(shells, 'garbage.json'), '{');
      rmSync(join(folder, 'Work', 'ExportCookies'), { recursive: true, force: true });
      await finished(folder, connectionTo(own.url));
      assert.deepEqual(readdirSync(stateOf(folder)), []);
    }),
  );
});

test('a server that allows fewer shells than the settings is served with as many, and the next run does not ask for more', async () => {
  await withSimulator({ ...shape, maxShellsPerUser: 2 }, (own) =>
    inFolder(async (folder) => {
      const connection = connectionTo(own.url, { shells: 4, shellSpacingMs: 0 });
      assert.deepEqual(csvOf(await finished(folder, connection)), undisturbed);
      const refused = own.facts.shellsRefused;
      assert.ok(refused > 0, 'nothing was refused: the test is blind');
      rmSync(join(folder, 'Work', 'ExportCookies'), { recursive: true, force: true });
      assert.deepEqual(csvOf(await finished(folder, connection)), undisturbed);
      assert.equal(own.facts.shellsRefused, refused);
    }),
  );
});

test('a server that goes down in the middle is replaced by the next one named, and the manifest says so', async () => {
  await withSimulator(shape, (own) =>
    inFolder(async (folder) => {
      own.setFault('mailbox 700: die');
      const servers = [own.url, simulator.url].flatMap((url) => connectionTo(url).servers);
      const outcome = await finished(folder, connectionTo(own.url, { ...parts, servers }), {
        limits: { closeTimeoutMs: 200, receiveRetries: 0 },
      });
      assert.deepEqual(csvOf(outcome), undisturbed);
      const warnings = outcome.manifest.warnings.join('\n');
      assert.ok(warnings.includes(`the reading, begun over ${own.url}, goes on over ${simulator.url}`), warnings);
    }),
  );
});

test('a credential that is refused is renewed once, and the new one is used', async () => {
  await inFolder(async (folder) => {
    const good = connectionTo(simulator.url, parts);
    const stale = { ...good, password: new Secret('yesterday’s') };
    let renewals = 0;
    const renewConnection = async (): Promise<ConnectionSettings> => {
      renewals += 1;
      return good;
    };
    assert.deepEqual(csvOf(await finished(folder, stale, { renewConnection })), undisturbed);
    assert.equal(renewals, 1);
    const still = await runExport(
      requestIn(folder, stale, { renewConnection: async () => stale, complete: true } as Partial<ExportRequest>),
    );
    assert.ok(still.kind === 'failed');
    assert.deepEqual([still.exitCode, still.failure.code], [3, 'WSMAN_AUTHENTICATION_REFUSED']);
  });
});

test('a credential that its source gives again unchanged is not tried twice: that would count towards a lockout', async () => {
  const fault = 'message 1000000: drop'; // it never plays: messages are counted where a script is set
  const refusing = await startSimulator({ mailboxes: 5, databases: 1, seed: 1, basic: account, fault });
  await inFolder(async (folder) => {
    const stale = { ...connectionTo(refusing.url), password: new Secret('wrong') };
    const outcome = await runExport(requestIn(folder, stale, { renewConnection: async () => ({ ...stale }) }));
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.failure.code, 'WSMAN_AUTHENTICATION_REFUSED');
    assert.equal(
      Object.values(refusing.counts.messages).reduce((sum, count) => sum + count, 0),
      1,
    );
  }).finally(() => refusing.close());
});

/** The mailboxes that an export is to have, by GUID, with their databases. */
function databasesByGuid(organization: TestOrganization): Map<string, string> {
  const visible = [...organization.truth().mailboxes()].filter((each) => each.hiddenBehind === undefined);
  return new Map(visible.map(({ guid, properties }) => [guid, String(properties['Database'])]));
}

function databasesInFile([csv = '']: readonly string[]): Map<string, string> {
  const guids = /[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}/g;
  // ExchangeGuid stands before Guid; no text of this organisation looks like one behind them.
  const rows = csv.split(/\r\n(?=Insert,)/).slice(1);
  return new Map(rows.map((row) => [[...row.matchAll(guids)].at(-1)?.[0] ?? '', row.split(',')[1] ?? '']));
}

test('mailboxes that move between databases, come and go while they are read are in the files as they are in the end', async () => {
  const organization = createTestOrganization(shape);
  await withSimulator({ ...shape, organization }, (own) =>
    inFolder(async (folder) => {
      own.setFault(
        [
          'mailbox 200: change moveMailbox 60',
          'mailbox 350: change removeMailbox 25',
          'mailbox 500: change createMailbox 12',
          'mailbox 650: change moveMailbox 90',
          'mailbox 800: change disableMailbox 9',
          'mailbox 900: change renameMailbox 15',
        ].join('\n'),
      );
      const outcome = await finished(folder, connectionTo(own.url, parts));
      assert.equal(own.firedFaults.length, 6, 'not all changes were made: the test is blind');
      assert.deepEqual(databasesInFile(csvOf(outcome)), databasesByGuid(organization));
    }),
  );
});
