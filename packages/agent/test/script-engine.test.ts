/* Export scripts, run by the real engine of PowerShell: what they may do, and what becomes of those that fail. */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { before, test } from 'node:test';
import {
  type ExportOutcome,
  type ExportRequest,
  listenToLog,
  type LogRecord,
  runExport,
} from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { databaseHeader, mailboxHeader } from '@exchange-connector/connector';
import { openTestHost } from '../../powershell-process/test/test-host.ts';
import { connectionTo, inFolder } from './rehearsed-connection.ts';

const variable = 'EXCHANGE_CONNECTOR_POWERSHELL';
const host = await openTestHost();
const skip = host.kind === 'absent' ? `no PowerShell engine: ${host.reason}` : false;
before(() => {
  if (host.kind === 'ready') process.env[variable] = host.program;
});

const oldFiles = ['Main_mailboxes.csv', 'Main_databases.csv', 'Main_manifest.json'];

interface Tried {
  readonly outcome: ExportOutcome;
  readonly output: string;
  readonly log: readonly LogRecord[];
  readonly warnings: readonly string[];
}

/** The process of the script, which it was told by the log. */
function processOf(log: readonly LogRecord[]): number | undefined {
  const line = log
    .map(({ message }) => /runs in PowerShell, process (\d+)/.exec(message))
    .find((match) => match !== null);
  return line === undefined ? undefined : Number(line?.[1]);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.startsWith('Z') !== true;
  } catch {
    return false;
  }
}

/** Runs an export with a script of this text where files of an earlier run lie, and holds what must always hold. */
async function tryScript<T>(
  script: string,
  look: (tried: Tried) => T | Promise<T>,
  more: { connection?: Partial<ConnectionSettings>; request?: (folder: string) => Partial<ExportRequest> } = {},
): Promise<T> {
  return inFolder(async (folder) => {
    const scriptPath = join(folder, 'Export Own.ps1');
    writeFileSync(scriptPath, script);
    const output = join(folder, 'Temp', 'ExportOutput');
    mkdirSync(output, { recursive: true });
    for (const name of oldFiles) writeFileSync(join(output, name), `old ${name}`);
    const log: LogRecord[] = [];
    const warnings: string[] = [];
    const stop = listenToLog((record) => log.push(record));
    const outcome = await runExport({
      connection: connectionTo('http://mailbox01.contoso.com/PowerShell/', {
        exportScriptPath: scriptPath,
        ...more.connection,
      }),
      folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
      settingsFolder: folder,
      signal: new AbortController().signal,
      onWarning: (message) => warnings.push(message),
      ...more.request?.(folder),
    }).finally(stop);
    const pid = processOf(log);
    if (pid !== undefined) assert.equal(isAlive(pid), false, `process ${pid} is left`);
    const state = join(folder, 'Work', 'ExportState', 'Main');
    if (existsSync(state)) assert.deepEqual(readdirSync(state), [], 'something is left in the state folder');
    assert.deepEqual(readdirSync(output).sort(), [...oldFiles].sort());
    if (outcome.kind !== 'done' && outcome.kind !== 'partial')
      for (const name of oldFiles) assert.equal(readFileSync(join(output, name), 'utf8'), `old ${name}`);
    return look({ outcome, output, log, warnings });
  });
}

/** What a script that fails comes to: exit code, code, message. */
async function failureOf(
  script: string,
  more: Parameters<typeof tryScript>[2] = {},
): Promise<{ exitCode: number; code: string; message: string }> {
  return tryScript(
    script,
    ({ outcome }) => {
      assert.ok(outcome.kind === 'failed', JSON.stringify(outcome));
      return { exitCode: outcome.exitCode, code: outcome.failure.code, message: outcome.failure.message };
    },
    more,
  );
}

const guids = ['11111111-1111-4111-8111-111111111111', '0AAAAAAA-1111-4111-8111-111111111111'] as const;
const mailboxColumns = mailboxHeader.split(',');

function mailboxRow(command: string, cells: Readonly<Record<string, string>>): string {
  return mailboxColumns.map((name) => (name === 'Command' ? command : (cells[name] ?? ''))).join(',');
}

const goodMailboxes = [
  mailboxHeader,
  mailboxRow('Add', {
    Guid: guids[0],
    Database: 'DB01',
    DisplayName: '"a ""b"", c"',
    DistinguishedName: '"CN=a,DC=contoso,DC=com"',
  }),
  mailboxRow('insert', { Guid: guids[1], Database: 'DB01', DisplayName: '"two\r\nlines"' }),
].join('\n');
const goodDatabases = `\uFEFF"${databaseHeader.split(',').join('","')}"\r\n"Insert","DB01","MB1","True","","${guids[0]}","","",""\r\n`;

/** A script that writes these two files. */
function writing(mailboxes: string, databases: string, after = ''): string {
  const text = (value: string): string =>
    `[System.Convert]::FromBase64String('${Buffer.from(value).toString('base64')}')`;
  return `param([string] $OutputPath, [bool] $IsIncremental)
[System.IO.File]::WriteAllBytes("$OutputPath/Main_mailboxes.csv", ${text(mailboxes)})
[System.IO.File]::WriteAllBytes("$OutputPath/Main_databases.csv", ${text(databases)})
${after}`;
}

test('a script that writes both files itself: they are checked, and written anew by the one writer', {
  skip,
}, async () => {
  await tryScript(writing(`${goodMailboxes}\n`, goodDatabases, "'stray words'"), ({ outcome, output, warnings }) => {
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    assert.equal(
      readFileSync(join(output, 'Main_mailboxes.csv'), 'utf8'),
      [
        mailboxHeader,
        mailboxRow('Insert', { Guid: guids[1].toLowerCase(), Database: 'DB01', DisplayName: '"two\r\nlines"' }),
        mailboxRow('Insert', {
          Guid: guids[0],
          Database: 'DB01',
          DisplayName: '"a ""b"", c"',
          DistinguishedName: '"CN=a,DC=contoso,DC=com"',
        }),
        '',
      ].join('\r\n'),
    );
    assert.equal(
      readFileSync(join(output, 'Main_databases.csv'), 'utf8'),
      `${databaseHeader}\r\nInsert,DB01,MB1,True,,${guids[0]},,,\r\n`,
    );
    const { manifest } = outcome;
    assert.equal(manifest.engine, 'script');
    assert.deepEqual(manifest.counts.mailboxes, { Insert: 2, Update: 0, Delete: 0 });
    assert.deepEqual(manifest.countsByDatabase, { DB01: 2 });
    assert.deepEqual(manifest.domains, ['contoso.com']);
    assert.equal(manifest.forestView, null);
    assert.deepEqual(warnings, [
      'the export script has no parameter Credential: this setting of the connection has no effect on it',
      'the export script put out the text "stray words", which nobody reads',
    ]);
  });
});

test('Command is read in any letter case, and deletions are counted by themselves', { skip }, async () => {
  const rows = [
    mailboxHeader,
    mailboxRow('UPDATE', { Guid: guids[0], Database: 'DB01' }),
    mailboxRow('delete', { Guid: guids[1], Database: 'DB01' }),
    '',
  ];
  await tryScript(writing(rows.join('\r\n'), `${databaseHeader}\r\n`), ({ outcome }) => {
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    assert.deepEqual(outcome.manifest.counts, {
      mailboxes: { Insert: 0, Update: 1, Delete: 1 },
      databases: { Insert: 0, Update: 0, Delete: 0 },
    });
    assert.deepEqual(outcome.manifest.countsByDatabase, { DB01: 1 });
    const { mode, reason, cookieIn, cookieOut } = outcome.manifest;
    assert.deepEqual([mode, reason, cookieIn, cookieOut], ['incremental', null, null, null]);
  });
});

test('a script is given OutputPath and IsIncremental as variables too, and every parameter that it declares', {
  skip,
}, async () => {
  const script = `param([string[]] $Server, $AuthType, [System.Management.Automation.PSCredential] $Credential, [string[]] $OrganizationalUnits, $Filter, [switch] $IncludeArbitration, [string[]] $MailboxProperties)
if ($IsIncremental -isnot [bool] -or $IsIncremental) { throw 'IsIncremental' }
if (-not [System.IO.Directory]::Exists($OutputPath)) { throw 'OutputPath' }
[pscustomobject] @{ ExportFile = 'session'; Server = $Server -join '+'; ForestView = $true }
$told = @($AuthType, $Credential.UserName, $Credential.GetNetworkCredential().Password, ($OrganizationalUnits -join '+'), $Filter, $IncludeArbitration, ($MailboxProperties -contains 'CustomAttribute1'), $MailboxProperties.Count)
[pscustomobject] @{ ExportFile = 'mailboxes'; Guid = [guid] '${guids[0]}'; DisplayName = $told -join '|'; customattribute1 = 'x' }`;
  await tryScript(
    script,
    ({ outcome, output, warnings, log }) => {
      assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
      const line = readFileSync(join(output, 'Main_mailboxes.csv'), 'utf8').split('\r\n')[1] ?? '';
      assert.match(line, /Basic\|reader\|correct horse\|a\.com\/Ä+\+b\|Alias -eq 'x'\|True\|True\|46/);
      assert.ok(line.endsWith(',x'), line);
      assert.equal(outcome.manifest.server, 'http://mailbox01.contoso.com/PowerShell/');
      assert.equal(outcome.manifest.forestView, true);
      assert.deepEqual(
        warnings.filter((warning) => warning.includes('no effect')),
        ['the export script has no parameter DomainController: this setting of the connection has no effect on it'],
      );
      assert.equal(JSON.stringify(log).includes('correct horse'), false);
    },
    {
      connection: {
        organizationalUnits: ['a.com/Ä', 'b'],
        filter: "Alias -eq 'x'",
        includeArbitration: true,
        domainController: 'dc1',
        additionalColumns: ['CustomAttribute1'],
      },
    },
  );
});

test('objects with the type names of Exchange need no mark', { skip }, async () => {
  const script = `$database = [pscustomobject] @{ PSTypeName = 'Deserialized.Microsoft.Exchange.Data.Directory.SystemConfiguration.MailboxDatabase'; Name = 'DB01'; Guid = '${guids[0]}'; Mounted = $true }
$mailbox = [pscustomobject] @{ PSTypeName = 'Microsoft.Exchange.Data.Directory.Management.Mailbox'; Database = 'DB01'; guid = [guid] '${guids[1]}'; EmailAddresses = 'smtp:b@x', 'SMTP:a@x' }
$null
$database
$mailbox`;
  await tryScript(script, ({ outcome, output }) => {
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    assert.equal(
      readFileSync(join(output, 'Main_databases.csv'), 'utf8').split('\r\n')[1],
      `Insert,DB01,,True,,${guids[0]},,,`,
    );
    const row = readFileSync(join(output, 'Main_mailboxes.csv'), 'utf8').split('\r\n')[1] ?? '';
    assert.ok(row.startsWith('Insert,DB01,SMTP:a@x smtp:b@x,'), row);
    assert.ok(row.includes(guids[1].toLowerCase()), row);
    assert.ok(outcome.manifest.columnsMissing.includes('Alias') && !outcome.manifest.columnsMissing.includes('Guid'));
  });
});

test('errors that do not end the script make the export a partial one', { skip }, async () => {
  const script = `Write-Error 'DB07 does not answer'
Write-Warning 'slow'
Write-Host 'hello'
[pscustomobject] @{ ExportFile = 'mailboxes'; Guid = '${guids[0]}' }`;
  await tryScript(script, ({ outcome, warnings, log }) => {
    assert.ok(outcome.kind === 'partial', JSON.stringify(outcome));
    assert.equal(outcome.exitCode, 5);
    assert.deepEqual(
      outcome.errors.map((error) => error.replace(/ \[.*/, '')),
      ['running the export script: DB07 does not answer'],
    );
    assert.ok(warnings.includes('slow'));
    assert.ok(log.some(({ message }) => message === 'the export script says: hello'));
  });
});

test('a script that tells its password to every stream, or throws it, tells it to nobody', { skip }, async () => {
  const told = `param([pscredential] $Credential)
$secret = $Credential.GetNetworkCredential().Password
Write-Host "host $secret"
Write-Warning "warning $secret"
Write-Error "error $secret"
`;
  const hasNone = ({ outcome, log, warnings }: Tried): void => {
    const all = JSON.stringify({ outcome, log, warnings });
    assert.equal(all.includes('correct horse'), false, all);
    assert.ok(all.includes('host [secret]') && all.includes('warning [secret]'), all);
  };
  await tryScript(`${told}[pscustomobject] @{ ExportFile = 'mailboxes'; Guid = '${guids[0]}' }`, (tried) => {
    hasNone(tried);
    assert.ok(tried.outcome.kind === 'partial' && tried.outcome.errors.join().includes('error [secret]'));
    assert.equal(readFileSync(join(tried.output, 'Main_manifest.json'), 'utf8').includes('correct horse'), false);
  });
  await tryScript(`${told}throw "thrown $secret"`, (tried) => {
    hasNone(tried);
    assert.ok(tried.outcome.kind === 'failed' && tried.outcome.failure.message.includes('thrown [secret]'));
  });
});

const row = `[pscustomobject] @{ ExportFile = 'mailboxes'; Guid = '${guids[0]}' }`;

/** Scripts that go wrong, with the code and the words of the error. */
const bad: readonly (readonly [string, string, string, RegExp])[] = [
  [
    'does not parse',
    'param(\n  $a',
    'EXPORT_SCRIPT_FAILED',
    /Export Own\.ps1: it does not parse: line 2, column 5: Missing '\)'/,
  ],
  ['throws', `${row}\nthrow 'no such luck'`, 'EXPORT_SCRIPT_FAILED', /no such luck \(Export Own\.ps1, line 2\)/],
  [
    'calls what is not there',
    `Get-Nothing\n${row}`,
    'EXPORT_SCRIPT_FAILED',
    /'Get-Nothing' is not recognized.*\[CommandNotFoundException\]/,
  ],
  [
    'lacks a mandatory parameter',
    `param([Parameter(Mandatory = $true)] $Own)\n${row}`,
    'EXPORT_SCRIPT_FAILED',
    /missing mandatory parameters: Own/,
  ],
  ['exits 3', `${row}\nexit 3`, 'EXPORT_SCRIPT_FAILED', /it ended with exit 3/],
  ['kills itself', `${row}\n[System.Diagnostics.Process]::GetCurrentProcess().Kill()`, 'POWERSHELL_ENDED', /./],
  ['ends its process', `${row}\n[System.Environment]::Exit(0)`, 'POWERSHELL_ENDED', /./],
  [
    'prints rubbish',
    `'rubbish'; 42; 'more'`,
    'EXPORT_SCRIPT_OUTPUT_INVALID',
    /put out the text "rubbish" and 2 more, which is a row of neither file/,
  ],
  [
    'prints rubbish before rows',
    `'rubbish'\n${row}`,
    'EXPORT_SCRIPT_OUTPUT_INVALID',
    /put out the text "rubbish", which/,
  ],
  [
    'prints rubbish after rows',
    `${row}\n[pscustomobject] @{ a = 1 }`,
    'EXPORT_SCRIPT_OUTPUT_INVALID',
    /an object of the type System\.Management\.Automation\.PSCustomObject/,
  ],
  [
    'marks rows wrongly',
    `[pscustomobject] @{ ExportFile = 'users' }`,
    'EXPORT_SCRIPT_OUTPUT_INVALID',
    /whose ExportFile is "users"/,
  ],
  [
    'writes rubbish past PowerShell',
    `[System.Console]::OpenStandardOutput().Write([byte[]] (60, 114, 10), 0, 3)\n${row}`,
    'POWERSHELL_RESPONSE_INVALID',
    /./,
  ],
  [
    'does nothing',
    `param($OutputPath)`,
    'EXPORT_SCRIPT_OUTPUT_INVALID',
    /without putting out a row and without writing a file/,
  ],
  [
    'could not open its session',
    `throw [System.Management.Automation.ErrorRecord]::new([System.Exception]::new('locked out'), 'ExchangeSessionNotOpened', 'OpenError', $null)`,
    'EXPORT_SCRIPT_NO_SESSION',
    /locked out/,
  ],
  [
    'writes one file',
    `[System.IO.File]::WriteAllText("$OutputPath/Main_mailboxes.csv", '${mailboxHeader}' + "\`r\`n")`,
    'EXPORT_FILE_INVALID',
    /Main_databases\.csv is missing/,
  ],
  [
    'writes and puts out rows',
    writing(`${goodMailboxes}\n`, goodDatabases, row),
    'EXPORT_SCRIPT_OUTPUT_INVALID',
    /which of them are meant/,
  ],
  [
    'writes, then throws',
    writing(`${goodMailboxes}\n`, goodDatabases, "throw 'too late'"),
    'EXPORT_SCRIPT_FAILED',
    /too late/,
  ],
  [
    'writes half a row',
    writing(goodMailboxes, goodDatabases),
    'EXPORT_FILE_INVALID',
    /Main_mailboxes\.csv, line 4, column 57: the file ends in the middle of a row/,
  ],
  [
    'writes half a value',
    writing(`${mailboxHeader}\r\nInsert,"DB`, goodDatabases),
    'EXPORT_FILE_INVALID',
    /Main_mailboxes\.csv, line 2, column 8: the file ends inside the quoted value/,
  ],
  [
    'writes UTF-16',
    writing(`${goodMailboxes}\n`, '').replace(
      /Main_databases.csv", .*/,
      `Main_databases.csv", [System.Text.Encoding]::Unicode.GetPreamble() + [System.Text.Encoding]::Unicode.GetBytes('Command'))`,
    ),
    'EXPORT_FILE_INVALID',
    /Main_databases\.csv, line 1, column 1: the file is in UTF-16/,
  ],
  [
    'gives a Guid twice',
    writing(`${goodMailboxes}\n${mailboxRow('Insert', { Guid: guids[1] })}\n`, goodDatabases),
    'EXPORT_FILE_INVALID',
    new RegExp(
      `Main_mailboxes\\.csv, line 5, column \\d+: the Guid ${guids[1].toLowerCase()} stands in line 4 already`,
    ),
  ],
  [
    'writes outside of its folder',
    `[System.IO.File]::WriteAllText("$OutputPath/../out.csv", 'x')\n${row}`,
    'EXPORT_FILE_INVALID',
    /wrote outside of \$OutputPath: .*out\.csv/,
  ],
  [
    'leaves a link',
    `$null = [System.IO.File]::CreateSymbolicLink("$OutputPath/Main_mailboxes.csv", '/etc/passwd')`,
    'EXPORT_FILE_INVALID',
    /Main_mailboxes\.csv.*is no file \(a link or a folder\)/,
  ],
];

for (const [name, script, code, words] of bad) {
  test(`a script that ${name}: a clear error, nothing replaced, no process left`, { skip }, async () => {
    const failure = await failureOf(script);
    assert.equal(failure.code, code, failure.message);
    assert.equal(failure.exitCode, code === 'EXPORT_SCRIPT_NO_SESSION' ? 3 : 1);
    assert.match(failure.message, words);
    assert.ok(failure.message.length < 1500, failure.message);
  });
}

test('a script that overwrites the published files is found out', { skip }, async () => {
  await inFolder(async (folder) => {
    const output = join(folder, 'Temp', 'ExportOutput');
    mkdirSync(output, { recursive: true });
    writeFileSync(join(output, 'Main_mailboxes.csv'), 'old');
    const scriptPath = join(folder, 'own.ps1');
    writeFileSync(scriptPath, `[System.IO.File]::WriteAllText('${join(output, 'Main_mailboxes.csv')}', 'x')\n${row}`);
    const outcome = await runExport({
      connection: connectionTo('http://mailbox01.contoso.com/PowerShell/', { exportScriptPath: scriptPath }),
      folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
      settingsFolder: folder,
      signal: new AbortController().signal,
    });
    assert.ok(outcome.kind === 'failed');
    assert.match(outcome.failure.message, /it wrote outside of \$OutputPath, into .*Main_mailboxes\.csv/);
  });
});

test('a script that never ends is ended by the time limit and by a cancellation, with what it started', {
  skip,
}, async () => {
  const script = `param($OutputPath)
$child = [System.Diagnostics.Process]::Start('sleep', '600')
Write-Host "child $($child.Id)"
[System.IO.File]::WriteAllText("$OutputPath/Main_mailboxes.csv", 'half')
while ($true) { }`;
  for (const [reason, expected] of [
    [new DOMException('time', 'TimeoutError'), 'RUN_TIMED_OUT'],
    [new Error('cancelled'), 'cancelled'],
  ] as const) {
    const controller = new AbortController();
    const stop = listenToLog(({ message }) => {
      if (message.includes('child ')) controller.abort(reason);
    });
    try {
      await tryScript(
        script,
        ({ outcome, log }) => {
          const end = outcome.kind === 'failed' ? outcome.failure.code : outcome.kind;
          assert.equal(end, expected, JSON.stringify(outcome));
          const child = Number(/child (\d+)/.exec(log.map(({ message }) => message).join('\n'))?.[1]);
          assert.ok(child > 0);
          assert.equal(isAlive(child), false, `the child ${child} of the script is left`);
        },
        { request: () => ({ signal: controller.signal }) },
      );
    } finally {
      stop();
    }
  }
});

test('a script that is missing is refused with exit 2, and no PowerShell on the machine is exit 3 with how to get it', async () => {
  const missing = await failureOf(row, { connection: { exportScriptPath: '/nowhere/Export.ps1' } });
  assert.deepEqual(missing, {
    exitCode: 2,
    code: 'RUN_SETTINGS_UNUSABLE',
    message: 'the export script /nowhere/Export.ps1 of connection Main is not there',
  });
  const before = process.env[variable];
  process.env[variable] = '/nowhere/pwsh';
  try {
    const { exitCode, code, message } = await failureOf(row);
    assert.deepEqual([exitCode, code], [3, 'POWERSHELL_NOT_FOUND']);
    assert.match(message, /"\/nowhere\/pwsh".*install PowerShell 7 \(https:\/\/aka\.ms\/powershell/);
  } finally {
    if (before === undefined) delete process.env[variable];
    else process.env[variable] = before;
  }
});

test('a script that gives everything each time makes increments all the same, deletions among them', {
  skip,
}, async () => {
  await inFolder(async (folder) => {
    const scriptPath = join(folder, 'Export.ps1');
    const connection = connectionTo('http://mailbox01.contoso.com/PowerShell/', { exportScriptPath: scriptPath });
    const mailbox = (guid: string, name: string): string =>
      `[pscustomobject] @{ ExportFile = 'mailboxes'; Guid = '${guid}'; Name = '${name}'; Database = 'DB01'; DistinguishedName = 'CN=${name},DC=contoso,DC=com' }`;
    const database = (mounted: string): string =>
      `[pscustomobject] @{ ExportFile = 'databases'; Guid = '${guids[0]}'; Name = 'DB01'; Server = 'MB1'; Mounted = ${mounted} }`;
    const run = async (...lines: string[]) => {
      writeFileSync(scriptPath, lines.join('\n'));
      const outcome = await runExport({
        connection,
        folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
        settingsFolder: folder,
        signal: new AbortController().signal,
      });
      assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
      const rows = (name: string): string[] =>
        readFileSync(join(folder, 'Temp', 'ExportOutput', `Main_${name}.csv`), 'utf8')
          .split('\r\n')
          .slice(1, -1);
      return { manifest: outcome.manifest, mailboxes: rows('mailboxes'), databases: rows('databases') };
    };
    const [one, two] = guids;
    const three = '33333333-1111-4111-8111-111111111111';
    const first = await run(database('$true'), mailbox(one, 'One'), mailbox(two, 'Two'));
    assert.equal(first.manifest.mode, 'complete');
    const second = await run(database('$false'), mailbox(one, 'Renamed'), mailbox(three, 'Three'));
    assert.deepEqual(
      [second.manifest.mode, second.manifest.engine, second.manifest.cookieIn],
      ['incremental', 'script', first.manifest.cookieOut],
    );
    assert.deepEqual(second.manifest.counts, {
      mailboxes: { Insert: 1, Update: 1, Delete: 1 },
      databases: { Insert: 0, Update: 1, Delete: 0 },
    });
    const gone = second.mailboxes.find((line) => line.startsWith('Delete,')) ?? '';
    assert.ok(gone.includes(two.toLowerCase()) && gone.includes('"CN=Two,DC=contoso,DC=com"'), gone);
    const third = await run(database('$false'), mailbox(one, 'Renamed'), mailbox(three, 'Three'));
    assert.deepEqual([third.mailboxes, third.databases], [[], []]);
  });
});

test('thresholds stop the increment that a script made itself, and a person releases it', { skip }, async () => {
  await inFolder(async (folder) => {
    const scriptPath = join(folder, 'Export.ps1');
    const run = (release: boolean) =>
      runExport({
        connection: connectionTo('http://mailbox01.contoso.com/PowerShell/', {
          exportScriptPath: scriptPath,
          maximumDeletedLines: 2,
        }),
        folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
        settingsFolder: folder,
        signal: new AbortController().signal,
        release,
      });
    const file = join(folder, 'Temp', 'ExportOutput', 'Main_mailboxes.csv');
    const write = (deletions: number): string => {
      const rows = Array.from({ length: deletions }, (_, index) =>
        mailboxRow('Delete', { Guid: `${index + 2}1111111-1111-4111-8111-111111111111` }),
      );
      const text = [mailboxHeader, ...rows, mailboxRow('Update', { Guid: guids[0] }), ''].join('\r\n');
      writeFileSync(scriptPath, writing(text, `${databaseHeader}\r\n`));
      return text;
    };
    const first = write(2);
    assert.equal((await run(false)).kind, 'done');
    write(3);
    const stopped = await run(false);
    assert.ok(stopped.kind === 'stopped', JSON.stringify(stopped));
    assert.match(stopped.breaches.join(), /mailboxes: 3 rows Delete; MaximumDeletedLines allows 2/);
    const rowsOf = (text: string): string[] => text.split('\r\n').slice(1, -1).sort();
    assert.deepEqual(rowsOf(readFileSync(file, 'utf8')), rowsOf(first));
    const held = write(3);
    writeFileSync(scriptPath, "throw 'it is not read again'");
    const released = await run(true);
    assert.ok(released.kind === 'done', JSON.stringify(released));
    assert.deepEqual(rowsOf(readFileSync(file, 'utf8')), rowsOf(held));
    assert.equal(released.manifest.cookieOut, null);
    assert.equal(existsSync(join(folder, 'Work', 'ExportCookies', 'Main_cookie.bin')), false);
  });
});
