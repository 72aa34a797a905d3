/*
 * The stand-ins for what reaches Exchange: a session is a real one, and what is run in it comes back as from a
 * server, from the simulator or from cmdlets on an organisation file.
 */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { startSimulator } from '../../exchange-simulator/src/index.ts';
import { openTestHost } from './test-host.ts';

const host = await openTestHost();
const skip = host.kind === 'absent' ? host.reason : false;
const folder = mkdtempSync(join(tmpdir(), 'exchange-stand-ins-'));
after(() => rmSync(folder, { recursive: true, force: true }));
const organisationFile = join(folder, 'organisation.json');
const log = join(folder, 'calls.jsonl');

const mailbox = {
  Guid: '11111111-2222-3333-4444-555555555555',
  Identity: 'contoso.com/Users/al',
  SamAccountName: 'al',
  Alias: 'al',
  DisplayName: 'Al',
  PrimarySmtpAddress: 'al@contoso.com',
  EmailAddresses: ['SMTP:al@contoso.com', 'smtp:al2@contoso.com', 'X400:c=us'],
  Database: 'DB1',
};
const organisation = {
  users: [{ SamAccountName: 'vb', Identity: 'contoso.com/Users/vb' }],
  mailboxes: [mailbox],
  databases: [
    { Name: 'DB1', Identity: 'DB1', Guid: 'aaaaaaaa-2222-3333-4444-555555555555', Server: 'MAILBOX01', Mounted: true },
    { Name: 'DB2', Identity: 'DB2', Guid: 'bbbbbbbb-2222-3333-4444-555555555555', Server: 'MAILBOX01', Mounted: true },
  ],
};

const opening = `$session = New-PSSession -ConfigurationName Microsoft.Exchange -ConnectionUri http://mailbox01.contoso.com/PowerShell/ -Authentication Kerberos
$names = 'Set-ADServerSettings', 'Get-Mailbox', 'Get-MailboxDatabase'
`;

/** Runs a script in the organisation, or against a pipe, and gives its lines. */
async function run(text: string, environment: NodeJS.ProcessEnv = {}) {
  assert.equal(host.kind, 'ready');
  const script = join(folder, 'script.ps1');
  writeFileSync(script, text);
  writeFileSync(organisationFile, JSON.stringify(organisation));
  rmSync(log, { force: true });
  const child = spawn(host.program, ['-NoProfile', '-NonInteractive', '-File', script], {
    env: {
      ...process.env,
      EXCHANGE_STAND_INS_LOG: log,
      EXCHANGE_STAND_INS_ORGANISATION: organisationFile,
      ...environment,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 60_000,
  });
  let output = '';
  let errors = '';
  child.stdout.setEncoding('utf8').on('data', (part: string) => (output += part));
  child.stderr.setEncoding('utf8').on('data', (part: string) => (errors += part));
  const [code, signal] = await new Promise<[number | null, string | null]>((resolve) =>
    child.on('close', (...ended) => resolve(ended)),
  );
  const calls = existsSync(log) ? readFileSync(log, 'utf8').trim().split('\n') : [];
  return {
    code,
    signal,
    errors,
    lines: output.trimEnd().split('\n'),
    calls: calls.map((line) => JSON.parse(line) as { command: string; parameters: Record<string, unknown> }),
    organisation: JSON.parse(readFileSync(organisationFile, 'utf8')) as typeof organisation,
  };
}

test('a session on the organisation file gives deserialized objects, and lets no script in', { skip }, async () => {
  const ended = await run(`${opening}
    $null = Import-PSSession $session -CommandName $names -AllowClobber -DisableNameChecking
    $one = Get-Mailbox -Identity al
    $one.PSObject.TypeNames[0]; "$one"; $one.EmailAddresses -join ' '
    (Get-MailboxDatabase).Mounted -join ','; (Get-MailboxDatabase -Status).Mounted -join ','
    Invoke-Command -Session $session -ScriptBlock { param($who) Get-Mailbox -Identity $who } -ArgumentList al | ForEach-Object { $_.Database }
    try { Invoke-Command -Session $session -ScriptBlock { $x = 1; $x } -ErrorAction Stop } catch { $_.FullyQualifiedErrorId }
    try { Get-Mailbox nobody -ErrorAction Stop } catch { $_.CategoryInfo.Reason }
    try { Enable-Mailbox vb } catch { $_.FullyQualifiedErrorId }
    Remove-PSSession $session`);
  assert.equal(ended.errors, '');
  assert.deepEqual(ended.lines, [
    'Deserialized.Microsoft.Exchange.Data.Directory.Management.Mailbox',
    'contoso.com/Users/al',
    'SMTP:al@contoso.com smtp:al2@contoso.com X400:c=us',
    ',',
    'True,True',
    'DB1',
    'ScriptsNotAllowed',
    'ManagementObjectNotFoundException',
    'CommandNotFoundException',
  ]);
  assert.deepEqual(ended.calls[0], {
    command: 'New-PSSession',
    parameters: {
      ConfigurationName: 'Microsoft.Exchange',
      ConnectionUri: 'http://mailbox01.contoso.com/PowerShell/',
      Authentication: 'Kerberos',
    },
  });
  assert.deepEqual(ended.calls[2], { command: 'Get-Mailbox', parameters: { Identity: 'al' } });
});

test('changes stay in the organisation, and the rules of the cmdlets hold', { skip }, async () => {
  const ended = await run(`${opening}
    $null = Import-PSSession $session
    $made = Enable-Mailbox -Identity vb -Database DB2; $made.PrimarySmtpAddress
    function Try-It([scriptblock] $work) { try { & $work; 'done' } catch { $_.CategoryInfo.Reason } }
    Try-It { Set-Mailbox vb -PrimarySmtpAddress v.b@contoso.com -ErrorAction Stop }
    Try-It { Set-Mailbox vb -PrimarySmtpAddress v.b@contoso.com -EmailAddressPolicyEnabled $false -ErrorAction Stop }
    Try-It { Set-Mailbox vb -EmailAddresses @{ Add = 'al2@contoso.com' } -ErrorAction Stop }
    Try-It { Enable-Mailbox vb -ErrorAction Stop }
    Try-It { New-MoveRequest vb -TargetDatabase DB2 -ErrorAction Stop }
    Try-It { $null = New-MoveRequest vb -TargetDatabase DB1 -ErrorAction Stop }
    1..3 | ForEach-Object { (Get-MoveRequestStatistics vb).Status }
    Try-It { Disable-Mailbox al -ErrorAction Stop }
    Try-It { Disable-Mailbox al -Confirm:$false -ErrorAction Stop }
    Try-It { Remove-MailboxDatabase DB1 -Confirm:$false -ErrorAction Stop }
    Try-It { Remove-MailboxDatabase DB2 -Confirm:$false -ErrorAction Stop }
    $null = New-MailboxDatabase -Name DB3 -Server MAILBOX01
    Mount-Database DB3`);
  assert.equal(ended.errors, '');
  assert.deepEqual(ended.lines, [
    'vb@contoso.com',
    'RecipientTaskException',
    'done',
    'ProxyAddressExistsException',
    'RecipientTaskException',
    'RecipientTaskException',
    'done',
    'Queued',
    'InProgress',
    'Completed',
    'HostException',
    'done',
    'AssociatedMailboxFoundException',
    'done',
  ]);
  const { mailboxes, databases, users } = ended.organisation;
  assert.deepEqual(
    mailboxes.map((one) => [one.SamAccountName, one.Database, one.EmailAddresses]),
    [['vb', 'DB1', ['SMTP:v.b@contoso.com', 'smtp:vb@contoso.com']]],
  );
  assert.deepEqual(
    databases.map((one) => [one.Name, one.Mounted]),
    [
      ['DB1', true],
      ['DB3', true],
    ],
  );
  assert.deepEqual(users.map((one) => one.SamAccountName).sort(), ['al', 'vb']);
});

test('a failure comes when it is asked for: as an error, once, or as the end of the process', { skip }, async () => {
  const script = `${opening}
    $null = Import-PSSession $session
    foreach ($who in 'al', 'al', 'vb') { try { $null = Get-Mailbox $who -ErrorAction Stop; "$who read" } catch { "$who $_" } }
    $null = Enable-Mailbox vb
    'alive'`;
  const once = [{ command: 'Get-Mailbox', identity: 'al', message: 'busy', times: 1 }];
  const failed = await run(script, { EXCHANGE_STAND_INS_FAILURES: JSON.stringify(once) });
  const notFound =
    "vb The operation couldn't be performed because object 'vb' couldn't be found on 'dc01.contoso.com'.";
  assert.deepEqual(failed.lines, ['al busy', 'al read', notFound, 'alive']);

  const killed = await run(script, {
    EXCHANGE_STAND_INS_FAILURES: JSON.stringify([{ command: 'Enable-Mailbox', end: 'kill', after: true }]),
  });
  assert.equal(killed.signal, 'SIGKILL');
  assert.ok(!killed.lines.includes('alive'));
  assert.deepEqual(
    killed.organisation.mailboxes.map((one) => one.SamAccountName),
    ['al', 'vb'],
  );

  const refused = await run(script, {
    EXCHANGE_STAND_INS_FAILURES: JSON.stringify([
      { command: 'New-PSSession', message: 'Access is denied.', id: 'AccessDenied' },
    ]),
  });
  assert.match(refused.errors, /Access is denied/);
});

test('a session on the simulator’s pipe is the real client on it, with the parameters its roles have', {
  skip,
}, async () => {
  const pipe = `exchange-stand-ins-${process.pid}`;
  const simulator = await startSimulator({
    pipe,
    mailboxes: 50,
    without: ['Get-MailboxDatabase:IncludePreExchange2013'],
  });
  try {
    const ended = await run(
      `${opening}
      $null = Import-PSSession $session -CommandName ($names + 'Enable-Mailbox') -ErrorAction SilentlyContinue
      (Get-Command Get-MailboxDatabase).Parameters.ContainsKey('Status')
      Set-ADServerSettings -ViewEntireForest $true
      (Get-Mailbox -ResultSize 7 | Measure-Object).Count
      @(Get-MailboxDatabase -Status | Where-Object { $_.Mounted -is [bool] }).Count -gt 0
      Remove-PSSession $session`,
      { EXCHANGE_STAND_INS_PIPE: pipe },
    );
    assert.equal(ended.errors, '');
    assert.deepEqual(ended.lines, ['True', '7', 'True']);
  } finally {
    await simulator.close();
  }
});
