import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type ExportOutcome,
  type ExportRequest,
  listenToLog,
  type LogRecord,
  type Manifest,
  openLogFile,
  runExport,
} from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { parse } from 'csv-parse/sync';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { account, connectionTo, expectedRows, inFolder, requestIn, withSimulator } from './rehearsed-connection.ts';

const mailboxHeader =
  'Command,Database,EmailAddresses,UseDatabaseRetentionDefaults,RetainDeletedItemsUntilBackup,DeliverToMailboxAndForward,ExchangeGuid,ExchangeUserAccountControl,ForwardingAddress,ForwardingSmtpAddress,IsMailboxEnabled,ProhibitSendQuota,ProhibitSendReceiveQuota,RecoverableItemsQuota,RecoverableItemsWarningQuota,CalendarLoggingQuota,IsResource,IsLinked,IsShared,SamAccountName,AntispamBypassEnabled,ServerName,UseDatabaseQuotaDefaults,UserPrincipalName,WhenMailboxCreated,IsInactiveMailbox,AccountDisabledIsDirSynced,Alias,OrganizationalUnit,DisplayName,MaxSendSize,MaxReceiveSize,PrimarySmtpAddress,RecipientType,RecipientTypeDetails,Identity,IsValid,Name,DistinguishedName,Guid,ObjectCategory,WhenChangedUTC,WhenCreatedUTC,ObjectState';
const columns = mailboxHeader.split(',').slice(1);

const organisation = { mailboxes: 240, databases: 4, seed: 7 };
let simulator: Simulator;
forAllTests(
  async () => {
    simulator = await startSimulator({ ...organisation, basic: account });
  },
  () => simulator.close(),
);

interface Exported {
  readonly outcome: ExportOutcome;
  readonly manifest: Manifest;
  readonly mailboxes: string;
  readonly databases: string;
}

async function exported(
  folder: string,
  connection: ConnectionSettings,
  more: Partial<ExportRequest> = {},
): Promise<Exported> {
  const outcome = await runExport(requestIn(folder, connection, more));
  assert.ok(outcome.kind === 'done' || outcome.kind === 'partial', JSON.stringify(outcome));
  const [mailboxes, databases] = outcome.files.map((file) => readFileSync(file, 'utf8'));
  return { outcome, manifest: outcome.manifest, mailboxes: mailboxes ?? '', databases: databases ?? '' };
}

function rowsOf(csv: string): Record<string, string>[] {
  return parse(csv, { columns: true, record_delimiter: '\r\n' });
}

/** Rows of the truth that are not hidden, as the reader of a CSV file sees them. */
function wanted(
  own: Simulator,
  isWanted: (row: { domain: string; hiddenBehind: string | undefined }) => boolean,
): Record<string, string>[] {
  return expectedRows(own.organization, columns)
    .filter(isWanted)
    .map(({ cells }) => ({ Command: 'Insert', ...cells }));
}
const visible = (row: { hiddenBehind: string | undefined }): boolean => row.hiddenBehind === undefined;

test('every mailbox of both domains and every database becomes its row, cell by cell', async () => {
  // More than the 1,000 that a server gives unasked.
  await withSimulator({ ...organisation, mailboxes: 1500 }, (own) =>
    inFolder(async (folder) => {
      const { mailboxes, databases, manifest, outcome } = await exported(folder, connectionTo(own.url));
      assert.equal(outcome.exitCode, 0);
      assert.equal(mailboxes.split('\r\n')[0], mailboxHeader);
      assert.deepEqual(rowsOf(mailboxes), wanted(own, visible));
      const found = rowsOf(databases);
      const facts = found.map(({ Name, Guid, Server, Mounted }) => ({
        name: Name,
        guid: Guid,
        server: Server,
        mounted: Mounted === 'True',
      }));
      const byGuid = (left: { guid: string | undefined }, right: { guid: string | undefined }): number =>
        (left.guid ?? '') < (right.guid ?? '') ? -1 : 1;
      const databasesThere = own.organization.databases.map(({ name, guid, server, mounted }) => ({
        name,
        guid,
        server,
        mounted,
      }));
      assert.deepEqual(facts, databasesThere.sort(byGuid));
      assert.deepEqual(manifest.domains, [...own.organization.domains].sort());
      assert.equal(manifest.forestView, true);
    }),
  );
});

test('the manifest names files, hashes, counts and what the run saw', async () => {
  await inFolder(async (folder) => {
    const { mailboxes, databases, manifest, outcome } = await exported(folder, connectionTo(simulator.url), {
      runId: 'run-1',
    });
    assert.ok(outcome.kind === 'done');
    assert.deepEqual(JSON.parse(readFileSync(outcome.files[2] ?? '', 'utf8')), manifest);
    const hash = (text: string): string => createHash('sha256').update(text).digest('hex');
    const rows = rowsOf(mailboxes);
    const { files, counts, countsByDatabase, engine, mode, runId, server, cookieIn, connection } = manifest;
    assert.deepEqual(files, [
      { name: 'Main_mailboxes.csv', rows: rows.length, sha256: hash(mailboxes) },
      { name: 'Main_databases.csv', rows: 4, sha256: hash(databases) },
    ]);
    assert.deepEqual(counts, {
      mailboxes: { Insert: rows.length, Update: 0, Delete: 0 },
      databases: { Insert: 4, Update: 0, Delete: 0 },
    });
    const byDatabase: Record<string, number> = {};
    for (const row of rows) byDatabase[row['Database'] ?? ''] = (byDatabase[row['Database'] ?? ''] ?? 0) + 1;
    assert.deepEqual(countsByDatabase, byDatabase);
    assert.deepEqual(
      { engine, mode, runId, server, cookieIn, connection },
      {
        engine: 'native',
        mode: 'complete',
        runId: 'run-1',
        server: simulator.url,
        cookieIn: null,
        connection: 'Main',
      },
    );
    assert.ok(Date.parse(manifest.start) <= Date.parse(manifest.end));
    for (const file of outcome.files) assert.equal(statSync(file).mode & 0o777, 0o640);
    assert.deepEqual(readdirSync(join(folder, 'Temp', 'ExportOutput')).sort(), [
      'Main_databases.csv',
      'Main_mailboxes.csv',
      'Main_manifest.json',
    ]);
    assert.deepEqual(readdirSync(join(folder, 'Work', 'ExportState', 'Main')), []);
    assert.deepEqual(readdirSync(join(folder, 'Work', 'ExportCookies')), ['Main_cookie.bin']);
    assert.equal(statSync(join(folder, 'Work', 'ExportCookies', 'Main_cookie.bin')).mode & 0o777, 0o640);
  });
});

test('the same state gives the same bytes: projected, as whole objects, and fully serialized', async () => {
  const { mailboxes, databases } = await inFolder((folder) => exported(folder, connectionTo(simulator.url)));
  const again = await inFolder((folder) => exported(folder, connectionTo(simulator.url)));
  assert.ok(again.mailboxes === mailboxes && again.databases === databases, 'a second export differs');
  const full = await inFolder((folder) => exported(folder, connectionTo(`${simulator.url}?serializationLevel=Full`)));
  assert.ok(full.mailboxes === mailboxes && full.databases === databases, 'full serialization differs');
  for (const options of [
    { without: ['Select-Object'] },
    { projectedValues: 'objects' },
    { protocolVersion: '2.1' },
  ] as const) {
    await withSimulator({ ...organisation, ...options }, async (own) => {
      const other = await inFolder((folder) => exported(folder, connectionTo(own.url)));
      assert.ok(other.mailboxes === mailboxes && other.databases === databases, `${JSON.stringify(options)} differs`);
      const fullToo = await inFolder((folder) => exported(folder, connectionTo(`${own.url}?serializationLevel=Full`)));
      assert.ok(fullToo.mailboxes === mailboxes, `${JSON.stringify(options)}, fully serialized, differs`);
    });
  }
});

test('no shell is left behind on the server', async () => {
  await inFolder((folder) => exported(folder, connectionTo(simulator.url)));
  assert.equal(simulator.facts.shellsOpen, 0);
});

test('mailboxes that Get-Mailbox hides come where the settings ask for them', async () => {
  await inFolder(async (folder) => {
    const asked = { includeArbitration: true, includeMonitoring: true };
    const { mailboxes } = await exported(folder, connectionTo(simulator.url, asked));
    const shown = new Set([undefined, 'Arbitration', 'Monitoring']);
    const rows = wanted(simulator, ({ hiddenBehind }) => shown.has(hiddenBehind));
    assert.ok(
      rows.length > wanted(simulator, visible).length,
      'the organisation has no such mailbox: the test is blind',
    );
    assert.deepEqual(rowsOf(mailboxes), rows);
  });
});

test('the scope of the settings narrows the export', async () => {
  await inFolder(async (folder) => {
    const [first, second] = simulator.organization.databases;
    const scope = {
      databases: [first?.name ?? '', second?.name ?? ''],
      recipientTypeDetails: ['SharedMailbox', 'RoomMailbox'],
      valueSeparator: '|',
    };
    const { mailboxes } = await exported(folder, connectionTo(simulator.url, scope));
    const rows = rowsOf(mailboxes);
    const inScope = wanted(simulator, visible).filter(
      (row) =>
        scope.databases.includes(row['Database'] ?? '') &&
        scope.recipientTypeDetails.includes(row['RecipientTypeDetails'] ?? ''),
    );
    assert.ok(inScope.length > 0, 'the organisation has no such mailbox: the test is blind');
    assert.deepEqual(
      rows.map(({ Guid }) => Guid),
      inScope.map(({ Guid }) => Guid),
    );
    assert.ok(rows.some(({ EmailAddresses }) => EmailAddresses?.includes('|')));
  });
});

test('an account without Set-ADServerSettings exports its own domain, and the manifest names it', async () => {
  await withSimulator({ ...organisation, without: ['Set-ADServerSettings'] }, (own) =>
    inFolder(async (folder) => {
      const { mailboxes, manifest } = await exported(folder, connectionTo(own.url));
      const [domain] = own.organization.domains;
      assert.deepEqual(
        rowsOf(mailboxes),
        wanted(own, (row) => visible(row) && row.domain === domain),
      );
      assert.equal(manifest.forestView, false);
      assert.deepEqual(manifest.domains, [domain]);
      assert.match(manifest.warnings.join(), /only one domain is in view/);
    }),
  );
});

test('servers of the directory that the settings name are the ones read', async () => {
  await inFolder(async (folder) => {
    const connection = connectionTo(simulator.url, {
      domainController: 'dc02.example.test',
      globalCatalog: 'dc02.example.test',
    });
    const { manifest, mailboxes } = await exported(folder, connection);
    assert.equal(manifest.domainController, 'dc02.example.test');
    assert.ok(manifest.domainControllers.includes('dc02.example.test'), manifest.domainControllers.join());
    assert.deepEqual(rowsOf(mailboxes), wanted(simulator, visible));
    const outcome = await runExport(requestIn(folder, { ...connection, domainController: 'dc99.example.test' }));
    assert.ok(outcome.kind === 'failed');
    assert.match(outcome.failure.message, /Set-ADServerSettings failed: .*dc99\.example\.test/);
  });
});

test('columns that the server lacks are empty, and the manifest names them', async () => {
  const lacking = ['AccountDisabled', 'IsInactiveMailbox', 'WhenMailboxCreated'];
  await withSimulator({ ...organisation, missingProperties: lacking }, (own) =>
    inFolder(async (folder) => {
      const { mailboxes, manifest, outcome } = await exported(folder, connectionTo(own.url));
      assert.equal(outcome.kind, 'done');
      const rows = wanted(own, visible).map((row) => ({
        ...row,
        IsInactiveMailbox: '',
        WhenMailboxCreated: '',
        AccountDisabledIsDirSynced: (row['AccountDisabledIsDirSynced'] ?? '').split(';')[1],
      }));
      assert.deepEqual(rowsOf(mailboxes), rows);
      assert.deepEqual([...manifest.columnsMissing].sort(), ['IsInactiveMailbox', 'WhenMailboxCreated']);
      // Select-Object gives null for what is not there: no reason to read whole objects.
      assert.ok(!manifest.warnings.some((warning) => warning.includes('Select-Object')), manifest.warnings.join());
    }),
  );
});

test('a byte-order mark and additional columns come on request, and another folder takes the files', async () => {
  await inFolder(async (folder) => {
    const connection = connectionTo(simulator.url, {
      bom: true,
      additionalColumns: ['CustomAttribute1', 'accountdisabled'],
    });
    const { mailboxes } = await exported(folder, connection, { outputFolder: join(folder, 'elsewhere') });
    assert.ok(mailboxes.startsWith(`\uFEFF${mailboxHeader},CustomAttribute1,accountdisabled\r\n`));
    const rows: Record<string, string>[] = parse(mailboxes, { columns: true, bom: true, record_delimiter: '\r\n' });
    assert.ok(rows.every((row) => row['accountdisabled'] === row['AccountDisabledIsDirSynced']?.split(';')[0]));
    assert.ok(!existsSync(join(folder, 'Temp')));
  });
});

test('progress tells each phase, the total and the time left', async () => {
  await inFolder(async (folder) => {
    const told: { phase: string; done: number; total: number | undefined }[] = [];
    const { manifest } = await exported(folder, connectionTo(simulator.url), {
      onProgress: ({ phase, done, total }) => told.push({ phase, done, total }),
    });
    assert.deepEqual(
      [...new Set(told.map(({ phase }) => phase))],
      ['connecting', 'databases', 'counting', 'mailboxes', 'writing'],
    );
    const rows = manifest.counts.mailboxes.Insert;
    assert.deepEqual(
      told.findLast(({ phase }) => phase === 'mailboxes'),
      { phase: 'mailboxes', done: rows, total: rows },
    );
    assert.deepEqual(told.at(-1), { phase: 'writing', done: rows + 4, total: rows + 4 });
  });
});

test('of several servers the first that answers is taken, and that is said', async () => {
  await inFolder(async (folder) => {
    const dead = { url: 'http://localhost:9/PowerShell/', protocol: 'http', host: 'localhost', port: 9 } as const;
    const living = connectionTo(simulator.url).servers;
    const { manifest } = await exported(folder, connectionTo(simulator.url, { servers: [dead, ...living] }));
    assert.equal(manifest.server, simulator.url);
    assert.match(manifest.warnings.join(), /localhost:9\/PowerShell\/ could not be used .* was taken instead/);
  });
});

test('where no server answers, the run fails with exit 3 and names each', async () => {
  await inFolder(async (folder) => {
    const dead = (port: number) =>
      ({ url: `http://localhost:${port}/PowerShell/`, protocol: 'http', host: 'localhost', port }) as const;
    const outcome = await runExport(requestIn(folder, connectionTo(simulator.url, { servers: [dead(9), dead(11)] })));
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.exitCode, 3);
    assert.match(outcome.failure.message, /localhost:9\/.*localhost:11\//);
    assert.deepEqual(readdirSync(join(folder, 'Temp', 'ExportOutput')), []);
  });
});

test('a wrong password fails with exit 3 and is not tried on the next server', async () => {
  await inFolder(async (folder) => {
    const connection = connectionTo(simulator.url, { login: 'somebody' });
    const servers = [...connection.servers, ...connection.servers];
    const outcome = await runExport(requestIn(folder, { ...connection, servers }));
    assert.ok(outcome.kind === 'failed');
    assert.equal(outcome.exitCode, 3);
    assert.equal(outcome.failure.code, 'WSMAN_AUTHENTICATION_REFUSED');
    assert.ok(!JSON.stringify(outcome).includes('correct horse'));
  });
});

test('a failed run leaves the last good files as they were', async () => {
  await inFolder(async (folder) => {
    const first = await exported(folder, connectionTo(simulator.url));
    await withSimulator({ ...organisation, without: ['Get-Mailbox'] }, async (own) => {
      const outcome = await runExport(requestIn(folder, connectionTo(own.url)));
      assert.ok(outcome.kind === 'failed');
      assert.equal(outcome.exitCode, 1);
      assert.match(outcome.failure.message, /may not use Get-Mailbox/);
      assert.match(outcome.failure.mend ?? '', /role/);
      assert.equal(own.facts.shellsOpen, 0);
    });
    assert.ok(first.outcome.kind === 'done');
    assert.deepEqual(first.outcome.files.map((file) => readFileSync(file, 'utf8')).slice(0, 2), [
      first.mailboxes,
      first.databases,
    ]);
    assert.deepEqual(readdirSync(join(folder, 'Temp', 'ExportOutput')).length, 3);
    assert.deepEqual(readdirSync(join(folder, 'Work', 'ExportState', 'Main')), []);
  });
});

test('a database of the scope that does not exist makes the export partial, with exit 5', async () => {
  await inFolder(async (folder) => {
    const name = simulator.organization.databases[0]?.name ?? '';
    const { outcome, mailboxes, manifest } = await exported(
      folder,
      connectionTo(simulator.url, { databases: [name, 'NoSuchDatabase'] }),
    );
    assert.ok(outcome.kind === 'partial');
    assert.equal(outcome.exitCode, 5);
    assert.match(outcome.errors.join(), /NoSuchDatabase/);
    assert.equal(manifest.complete, false);
    assert.deepEqual(
      rowsOf(mailboxes),
      wanted(simulator, visible).filter((row) => row['Database'] === name),
    );
  });
});

test('a run that is cancelled ends with exit 130, closes its shell and leaves nothing', async () => {
  await withSimulator({ ...organisation, latencyMs: 2 }, (own) =>
    inFolder(async (folder) => {
      const cancel = new AbortController();
      const outcome = await runExport(
        requestIn(folder, connectionTo(own.url), {
          signal: cancel.signal,
          onProgress: ({ phase, done }) => {
            if (phase === 'mailboxes' && done > 10) cancel.abort(new DOMException('ended by SIGINT', 'AbortError'));
          },
        }),
      );
      assert.deepEqual(outcome, { kind: 'cancelled', exitCode: 130 });
      assert.equal(own.facts.shellsOpen, 0);
      assert.deepEqual(readdirSync(join(folder, 'Temp', 'ExportOutput')), []);
      assert.deepEqual(readdirSync(join(folder, 'Work', 'ExportState', 'Main')), []);
    }),
  );
});

test('the time limit of a run is a failure that says so', async () => {
  await withSimulator({ ...organisation, latencyMs: 50 }, (own) =>
    inFolder(async (folder) => {
      const outcome = await runExport(requestIn(folder, connectionTo(own.url), { signal: AbortSignal.timeout(400) }));
      assert.ok(outcome.kind === 'failed');
      assert.deepEqual([outcome.exitCode, outcome.failure.code], [1, 'RUN_TIMED_OUT']);
    }),
  );
});

test('a second run of a connection is refused while the first is at work', async () => {
  await inFolder(async (folder) => {
    let second: Promise<ExportOutcome> | undefined;
    const request = requestIn(folder, connectionTo(simulator.url));
    const first = await runExport({
      ...request,
      onProgress: () => {
        second ??= runExport(request);
      },
    });
    assert.equal(first.kind, 'done');
    const refused = await second;
    assert.ok(refused?.kind === 'failed');
    assert.deepEqual([refused.exitCode, refused.failure.code], [4, 'RUN_LOCKED']);
  });
});

test('a run that was silent for so long that another one took its lock publishes nothing, and leaves that lock alone', async () => {
  await inFolder(async (folder) => {
    const connection = connectionTo(simulator.url);
    await exported(folder, connection);
    const [output, cookies] = [join(folder, 'Temp', 'ExportOutput'), join(folder, 'Work', 'ExportCookies')];
    const lock = join(folder, 'Work', 'ExportState', 'Main', 'lock.json');
    const contents = (): string[] =>
      [output, cookies].flatMap((each) =>
        readdirSync(each).map(
          (name) =>
            `${name} ${createHash('sha256')
              .update(readFileSync(join(each, name)))
              .digest('hex')}`,
        ),
      );
    const published = contents();
    const other = JSON.stringify({ runId: 'other', pid: process.pid, host: 'another-host', processStart: '' });
    const outcome = await runExport(
      requestIn(folder, connection, {
        complete: true,
        onProgress: ({ phase }) => {
          if (phase === 'mailboxes') writeFileSync(lock, other);
        },
      }),
    );
    assert.ok(outcome.kind === 'failed', JSON.stringify(outcome).slice(0, 300));
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [4, 'RUN_LOCKED']);
    assert.match(outcome.failure.message, /no longer holds its lock .*run other.* on another-host, took it/);
    assert.deepEqual(contents(), published);
    assert.equal(readFileSync(lock, 'utf8'), other);
  });
});

test('a file of the run that somebody removed before it is put in place is a failure, and nothing is replaced', async () => {
  await inFolder(async (folder) => {
    const connection = connectionTo(simulator.url);
    const { mailboxes } = await exported(folder, connection);
    const output = join(folder, 'Temp', 'ExportOutput');
    const outcome = await runExport(
      requestIn(folder, connection, {
        complete: true,
        onProgress: ({ phase, done, total }) => {
          if (phase !== 'writing' || done !== total) return;
          for (const name of readdirSync(output))
            if (name.endsWith('.partial') && name.includes('databases')) rmSync(join(output, name));
        },
      }),
    );
    assert.ok(outcome.kind === 'failed', JSON.stringify(outcome).slice(0, 300));
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [1, 'RUN_FILE_FAILED']);
    assert.match(outcome.failure.message, /databases\.csv\..*\.partial, which this run had written, is gone/);
    assert.equal(readFileSync(join(output, 'Main_mailboxes.csv'), 'utf8'), mailboxes);
    assert.deepEqual(
      readdirSync(output).filter((name) => name.endsWith('.partial')),
      [],
    );
  });
});

test('a connection whose export is a script is refused before anything is contacted', async () => {
  await inFolder(async (folder) => {
    const outcome = await runExport(
      requestIn(folder, connectionTo(simulator.url, { exportScriptPath: '/srv/Export.ps1' })),
    );
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [2, 'RUN_SETTINGS_UNUSABLE']);
  });
});

test('folders get 0750 and files 0640, whatever the umask is', async () => {
  const umask = process.umask(0o077);
  try {
    await inFolder(async (folder) => {
      await exported(folder, connectionTo(simulator.url));
      const modes = readdirSync(folder, { recursive: true, withFileTypes: true }).map((entry) => {
        const { mode } = statSync(join(entry.parentPath, entry.name));
        return `${entry.isFile() ? 'file' : 'folder'} ${(mode & 0o777).toString(8)}`;
      });
      assert.deepEqual([...new Set(modes)].sort(), ['file 640', 'folder 750']);
    });
  } finally {
    process.umask(umask);
  }
});

test('the longest identifier that file names can hold is exported, a longer one refused before anything is contacted', async () => {
  await inFolder(async (folder) => {
    await exported(folder, connectionTo(simulator.url, { id: 'a'.repeat(241) }));
    assert.equal(readdirSync(join(folder, 'Temp', 'ExportOutput')).length, 3);
    const outcome = await runExport(requestIn(folder, connectionTo(simulator.url, { id: 'a'.repeat(242) })));
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [2, 'RUN_SETTINGS_UNUSABLE']);
  });
});

test('a folder that cannot be made is told before anything is contacted', async () => {
  await inFolder(async (folder) => {
    const dead = connectionTo('http://localhost:1/PowerShell/');
    writeFileSync(join(folder, 'Temp'), '');
    const outcome = await runExport(requestIn(folder, dead));
    assert.ok(outcome.kind === 'failed');
    assert.deepEqual([outcome.exitCode, outcome.failure.code], [1, 'RUN_FILE_FAILED']);
    assert.match(outcome.failure.message, /^preparing the folder .*ExportOutput for the files of the export: /);
    rmSync(join(folder, 'Work'), { recursive: true });
    writeFileSync(join(folder, 'Work'), '');
    const locked = await runExport(requestIn(folder, dead));
    assert.ok(locked.kind === 'failed');
    assert.deepEqual([locked.exitCode, locked.failure.code], [1, 'RUN_FILE_FAILED']);
  });
});

test('a server that asks to wait before it opens another session is waited for, and that is said', async () => {
  await withSimulator({ ...organisation, runspaceBudget: { runspaces: 1, periodSeconds: 2 } }, (own) =>
    inFolder(async (folder) => {
      await exported(folder, connectionTo(own.url));
      const { outcome, manifest } = await exported(folder, connectionTo(own.url));
      assert.equal(outcome.kind, 'done');
      assert.match(manifest.warnings.join(), /throttles this account: a session is tried again in \d+ seconds/);
    }),
  );
});

test('a run that is killed in the middle leaves nothing that the next one does not clear away', async () => {
  await withSimulator({ ...organisation, latencyMs: 3 }, (own) =>
    inFolder(async (folder) => {
      const { connection, ...rest } = requestIn(folder, connectionTo(own.url));
      const program = `
        import { runExport } from ${JSON.stringify(import.meta.resolve('@exchange-connector/agent'))};
        import { Secret } from ${JSON.stringify(import.meta.resolve('@exchange-connector/config'))};
        const connection = { ...${JSON.stringify(connection)}, password: new Secret(${JSON.stringify(account.password)}) };
        await runExport({ ...${JSON.stringify(rest)}, connection, signal: new AbortController().signal,
          onProgress: ({ phase, done }) => { if (phase === 'mailboxes' && done > 5) console.log('reading'); } });`;
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      await once(child.stdout, 'data');
      child.kill('SIGKILL');
      await once(child, 'exit');
      const state = join(folder, 'Work', 'ExportState', 'Main');
      assert.ok(existsSync(join(state, 'lock.json')), 'the killed run held no lock: the test is blind');
      // What a run that was killed a moment later would have left as well.
      const { runId } = JSON.parse(readFileSync(join(state, 'lock.json'), 'utf8')) as { runId: string };
      const output = join(folder, 'Temp', 'ExportOutput');
      mkdirSync(output, { recursive: true });
      writeFileSync(join(output, `.Main_mailboxes.csv.${runId}.partial`), 'half');
      const { outcome } = await exported(folder, connectionTo(simulator.url));
      assert.equal(outcome.kind, 'done');
      assert.deepEqual(readdirSync(state), []);
      assert.deepEqual(readdirSync(output).sort(), ['Main_databases.csv', 'Main_mailboxes.csv', 'Main_manifest.json']);
    }),
  );
});

test('the log tells the run in JSON lines, each with the run id, and no secret', async () => {
  await inFolder(async (folder) => {
    const file = join(folder, 'logs', 'run.jsonl');
    const close = await openLogFile(file);
    await exported(folder, connectionTo(simulator.url), { runId: 'run-7' });
    await runExport(requestIn(folder, connectionTo(simulator.url, { login: 'somebody' }), { runId: 'run-8' }));
    close();
    const text = readFileSync(file, 'utf8');
    const lines = text
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>);
    assert.ok(lines.length >= 3);
    assert.deepEqual([...new Set(lines.map(({ runId }) => runId))], ['run-7', 'run-8']);
    assert.ok(
      lines.every(
        ({ time, level, connection }) =>
          !Number.isNaN(Date.parse(String(time))) &&
          connection === 'Main' &&
          /^(Information|Warning|Error)$/.test(String(level)),
      ),
    );
    assert.equal(lines.at(-1)?.['level'], 'Error');
    assert.equal(lines.at(-1)?.['code'], 'WSMAN_AUTHENTICATION_REFUSED');
    assert.ok(!text.includes('correct horse'));
    assert.ok(!text.includes('@example.test'), 'the log holds what mailboxes hold');
    assert.equal(statSync(file).mode & 0o777, 0o640);
  });
});

test('at Verbose the log tells the shape of each exchange with the server', async () => {
  await inFolder(async (folder) => {
    const records: LogRecord[] = [];
    const stop = listenToLog((record) => records.push(record));
    await exported(folder, connectionTo(simulator.url));
    stop();
    const exchanges = records.filter(({ level }) => level === 'Verbose');
    const operations = new Set(exchanges.map(({ message }) => message.split(' ')[0]));
    for (const operation of ['Create', 'Command', 'Receive', 'Delete']) assert.ok(operations.has(operation), operation);
    assert.ok(exchanges.every(({ fields }) => typeof fields['responseBytes'] === 'number'));
    assert.ok(!/Basic|correct horse|SMTP:/.test(JSON.stringify(exchanges)));
  });
});
