import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { listenToLog, type LogRecord, openLogFile, runExport } from '@exchange-connector/agent';
import { type Simulator, startSimulator } from '@exchange-connector/exchange-simulator';
import { parse } from 'csv-parse/sync';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { account, connectionTo, expectedRows, inFolder, requestIn, withSimulator } from './rehearsed-connection.ts';
import { exported, organisation, rowsOf } from './rehearsed-export.ts';

const mailboxHeader =
  'Command,Database,EmailAddresses,UseDatabaseRetentionDefaults,RetainDeletedItemsUntilBackup,DeliverToMailboxAndForward,ExchangeGuid,ExchangeUserAccountControl,ForwardingAddress,ForwardingSmtpAddress,IsMailboxEnabled,ProhibitSendQuota,ProhibitSendReceiveQuota,RecoverableItemsQuota,RecoverableItemsWarningQuota,CalendarLoggingQuota,IsResource,IsLinked,IsShared,SamAccountName,AntispamBypassEnabled,ServerName,UseDatabaseQuotaDefaults,UserPrincipalName,WhenMailboxCreated,IsInactiveMailbox,AccountDisabledIsDirSynced,Alias,OrganizationalUnit,DisplayName,MaxSendSize,MaxReceiveSize,PrimarySmtpAddress,RecipientType,RecipientTypeDetails,Identity,IsValid,Name,DistinguishedName,Guid,ObjectCategory,WhenChangedUTC,WhenCreatedUTC,ObjectState';
const columns = mailboxHeader.split(',').slice(1);

let simulator: Simulator;
forAllTests(
  async () => {
    simulator = await startSimulator({ ...organisation, basic: account });
  },
  () => simulator.close(),
);

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
