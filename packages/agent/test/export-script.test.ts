/*
 * scripts/Export-Exchange.ps1, whole, in the real engine of PowerShell: through a real session (the stand-ins of
 * powershell-process) it reads the simulator's organisation, and the files are held against those of the native
 * engine, byte for byte.
 */
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { type ExportOutcome, type Manifest, runExport } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { exportScriptRequest } from '@exchange-connector/connector';
import { createTestOrganization, type SimulatorOptions, startSimulator } from '@exchange-connector/exchange-simulator';
import { openTestHost } from '../../powershell-process/test/test-host.ts';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

const host = await openTestHost();
const skip = host.kind === 'absent' ? `no PowerShell engine: ${host.reason}` : false;
const exportScriptPath = fileURLToPath(new URL('../../../scripts/Export-Exchange.ps1', import.meta.url));

interface Call {
  readonly command: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

interface Exported {
  readonly outcome: ExportOutcome;
  readonly mailboxes: string;
  readonly databases: string;
}

interface Both {
  readonly native: Exported;
  readonly script: Exported;
  /** What the script asked for, in order. */
  readonly calls: readonly Call[];
  readonly url: string;
}

let pipes = 0;

/** Sets variables of the environment for the time of a run. */
async function withEnvironment<T>(variables: Readonly<Record<string, string>>, run: () => Promise<T>): Promise<T> {
  const before = Object.keys(variables).map((name) => [name, process.env[name]] as const);
  Object.assign(process.env, variables);
  try {
    return await run();
  } finally {
    for (const [name, value] of before) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
}

/** Exports one organisation by both engines. */
async function exportBoth(
  options: SimulatorOptions = {},
  settings: Partial<ConnectionSettings> = {},
  failures: readonly object[] = [],
): Promise<Both> {
  assert.ok(host.kind === 'ready');
  pipes += 1;
  const pipe = `export-script-${process.pid}-${pipes}`;
  const simulator = await startSimulator({ mailboxes: 240, databases: 4, seed: 7, basic: account, pipe, ...options });
  const url = simulator.url ?? '';
  try {
    return await inFolder(async (folder) => {
      const calls = join(folder, 'calls.log');
      const run = async (name: string, more: Partial<ConnectionSettings>): Promise<Exported> => {
        const outcome = await runExport({
          connection: connectionTo(url, { ...settings, ...more }),
          folders: { temp: join(folder, name, 'Temp'), work: join(folder, name, 'Work') },
          settingsFolder: folder,
          signal: new AbortController().signal,
        });
        const [mailboxes = '', databases = ''] =
          'files' in outcome ? outcome.files.map((file) => readFileSync(file, 'utf8')) : [];
        return { outcome, mailboxes, databases };
      };
      const environment = {
        EXCHANGE_CONNECTOR_POWERSHELL: host.program,
        EXCHANGE_STAND_INS_PIPE: pipe,
        EXCHANGE_STAND_INS_LOG: calls,
        EXCHANGE_STAND_INS_FAILURES: JSON.stringify(failures),
      };
      const native = await run('native', {});
      const script = await withEnvironment(environment, () => run('script', { exportScriptPath }));
      const lines = readFileSync(calls, 'utf8').trim().split('\n');
      return { native, script, calls: lines.map((line) => JSON.parse(line) as Call), url };
    });
  } finally {
    await simulator.close();
  }
}

function manifestOf({ outcome }: Exported): Manifest {
  assert.ok(outcome.kind === 'done' || outcome.kind === 'partial', JSON.stringify(outcome));
  return outcome.manifest;
}

/** What two runs of one organisation cannot share. */
function comparable(manifest: Manifest): object {
  const { runId, start, end, engine, cookieOut, ...rest } = manifest;
  return rest;
}

test('the files of the script engine are those of the native engine, byte for byte', { skip }, async () => {
  const { native, script, calls, url } = await exportBoth();
  assert.equal(script.mailboxes, native.mailboxes);
  assert.equal(script.databases, native.databases);
  assert.ok(native.mailboxes.split('\r\n').length > 200);
  assert.equal(manifestOf(script).engine, 'script');
  assert.deepEqual(comparable(manifestOf(script)), comparable(manifestOf(native)));
  const asked = calls.map(({ command }) => command);
  assert.deepEqual([asked[0], asked[1], asked.at(-1)], ['New-PSSession', 'Import-PSSession', 'Remove-PSSession']);
  const { ConnectionUri, Authentication, ConfigurationName, Credential } = calls[0]?.parameters ?? {};
  assert.deepEqual(
    { ConnectionUri, Authentication, ConfigurationName, Credential },
    {
      ConnectionUri: url,
      Authentication: 'Basic',
      ConfigurationName: 'Microsoft.Exchange',
      Credential: { UserName: account.login, Password: account.password },
    },
  );
});

test('the increments of both engines are the same bytes, whatever was changed since', { skip }, async () => {
  assert.ok(host.kind === 'ready');
  const pipe = `export-script-${process.pid}-increment`;
  const organization = createTestOrganization({ mailboxes: 60, databases: 4, seed: 7, clock: 'virtual' });
  const simulator = await startSimulator({ organization, basic: account, pipe });
  const environment = {
    EXCHANGE_CONNECTOR_POWERSHELL: host.program,
    EXCHANGE_STAND_INS_PIPE: pipe,
    EXCHANGE_STAND_INS_LOG: '',
    EXCHANGE_STAND_INS_FAILURES: '',
  };
  try {
    await inFolder(async (folder) => {
      const run = async (name: string, more: Partial<ConnectionSettings>): Promise<string[]> => {
        const outcome = await runExport({
          connection: connectionTo(simulator.url, more),
          folders: { temp: join(folder, name, 'Temp'), work: join(folder, name, 'Work') },
          settingsFolder: folder,
          signal: new AbortController().signal,
          now: () => organization.clock.now().getTime(),
        });
        assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
        const { mode, counts, countsByDatabase } = outcome.manifest;
        const texts = outcome.files.slice(0, 2).map((file) => readFileSync(file, 'utf8'));
        return [...texts, JSON.stringify({ mode, counts, countsByDatabase })];
      };
      const both = async (): Promise<string[]> => {
        const native = await run('native', {});
        const script = await withEnvironment(environment, () => run('script', { exportScriptPath }));
        assert.deepEqual(script, native);
        return native;
      };
      await both();
      organization.clock.advance(7_200_000);
      const guids = [...organization.truth().mailboxes()]
        .filter(({ hiddenBehind }) => hiddenBehind === undefined)
        .map(({ guid }) => guid);
      const [renamed = '', removed = '', disabled = '', changed = '', moved = ''] = guids;
      organization.change({ kind: 'renameMailbox', mailbox: renamed, name: 'Renamed, "again"' });
      organization.change({ kind: 'removeMailbox', mailbox: removed });
      organization.change({ kind: 'disableMailbox', mailbox: disabled });
      organization.change({ kind: 'setMailbox', mailbox: changed, properties: { displayName: 'Ünder 𝒪ther' } });
      organization.change({ kind: 'moveMailbox', mailbox: moved, database: 'DB02' });
      organization.change({ kind: 'createMailbox', name: 'Created' });
      organization.change({ kind: 'renameDatabase', database: 'DB04', name: 'DB04 new' });
      organization.change({ kind: 'dismountDatabase', database: 'DB03' });
      organization.clock.advance(60_000);
      const [mailboxes = '', databases = '', facts = ''] = await both();
      assert.match(facts, /"mode":"incremental","counts":\{"mailboxes":\{"Insert":1,"Update":\d+,"Delete":2\}/);
      assert.match(mailboxes, /"Renamed, ""again"""/);
      assert.match(databases, /Update,DB04 new,/);
    });
  } finally {
    await simulator.close();
  }
});

test('scope, further columns, separator, byte-order mark and hidden mailboxes mean the same to both engines', {
  skip,
}, async () => {
  const { native, script } = await exportBoth(
    { seed: 11 },
    {
      additionalColumns: ['customattribute1', 'ExtensionCustomAttribute1', 'NoSuchProperty', 'Alias'],
      databases: ['DB01', 'DB02'],
      recipientTypeDetails: ['UserMailbox', 'SharedMailbox'],
      filter: "Alias -like '*a*'",
      includeArbitration: true,
      includePublicFolder: true,
      includeMonitoring: true,
      valueSeparator: '|',
      bom: true,
    },
  );
  assert.equal(script.mailboxes, native.mailboxes);
  assert.equal(script.databases, native.databases);
  assert.ok(native.mailboxes.split('\r\n').length > 20);
  const { warnings, ...rest } = manifestOf(script);
  const { warnings: nativeWarnings, ...nativeRest } = manifestOf(native);
  assert.deepEqual(comparable({ ...rest, warnings: [] }), comparable({ ...nativeRest, warnings: [] }));
  assert.equal(warnings.length, nativeWarnings.length, warnings.join('\n'));
});

test('pinned servers and a unit are passed on', { skip }, async () => {
  const { native, script } = await exportBoth(
    {},
    { domainController: 'dc02.example.test', organizationalUnits: ['example.test/Users'] },
  );
  assert.equal(script.mailboxes, native.mailboxes);
  assert.equal(script.databases, native.databases);
  assert.ok(native.mailboxes.split('\r\n').length > 3);
  assert.deepEqual(comparable(manifestOf(script)), comparable(manifestOf(native)));
});

test('a session that cannot be opened is exit 3, with the reason', { skip }, async () => {
  const { script } = await exportBoth({}, {}, [
    { command: 'New-PSSession', message: 'Access is denied.', terminating: true },
  ]);
  assert.ok(script.outcome.kind === 'failed', JSON.stringify(script.outcome));
  assert.deepEqual([script.outcome.exitCode, script.outcome.failure.code], [3, 'EXPORT_SCRIPT_NO_SESSION']);
  assert.match(
    script.outcome.failure.message,
    /opening a session to Exchange: http.* could not be used \(Access is denied\.\)/,
  );
});

test('what the roles of the account leave out is told, and left out alike', { skip }, async () => {
  for (const without of [
    ['Set-ADServerSettings'],
    ['Get-MailboxDatabase:Status'],
    ['Set-ADServerSettings:SetPreferredDomainControllers'],
  ]) {
    const { native, script } = await exportBoth({ without }, { domainController: 'dc01.example.test' });
    assert.equal(script.mailboxes, native.mailboxes, `without ${without.join()}`);
    assert.equal(script.databases, native.databases, `without ${without.join()}`);
    assert.deepEqual(comparable(manifestOf(script)), comparable(manifestOf(native)));
    assert.ok(manifestOf(script).warnings.length > 1);
  }
});

test('an older server, whose mailboxes lack properties, gives the same empty columns', { skip }, async () => {
  const { native, script } = await exportBoth({ missingProperties: ['IsDirSynced', 'IsInactiveMailbox'] });
  assert.equal(script.mailboxes, native.mailboxes);
  assert.deepEqual(manifestOf(script).columnsMissing, ['IsInactiveMailbox']);
  assert.deepEqual(comparable(manifestOf(script)), comparable(manifestOf(native)));
});

test('a command that the account may not use ends the export', { skip }, async () => {
  for (const name of ['Get-Mailbox', 'Get-MailboxDatabase']) {
    const { script } = await exportBoth({ without: [name] });
    assert.ok(script.outcome.kind === 'failed', JSON.stringify(script.outcome));
    assert.deepEqual([script.outcome.exitCode, script.outcome.failure.code], [1, 'EXPORT_SCRIPT_FAILED']);
    assert.match(script.outcome.failure.message, new RegExp(`the account may not use ${name} on this server`));
  }
});

/** Exports by the script alone, from the cmdlets on an organisation file, which record what they are asked. */
async function exportOrganisation(
  failures: readonly object[],
): Promise<{ readonly outcome: ExportOutcome; readonly calls: readonly Call[] }> {
  assert.ok(host.kind === 'ready');
  const { program } = host;
  return inFolder(async (folder) => {
    const mailbox = (name: string, digit: number): object => ({
      Guid: `${digit}0000000-0000-4000-8000-000000000001`,
      SamAccountName: name,
      Database: 'DB01',
      EmailAddresses: [`SMTP:${name}@contoso.com`],
    });
    const organisation = join(folder, 'organisation.json');
    const databases = [{ Name: 'DB01', Guid: '00000000-0000-4000-8000-000000000001', Server: 'MB1', Mounted: true }];
    writeFileSync(organisation, JSON.stringify({ mailboxes: [mailbox('a', 1), mailbox('b', 2)], databases }));
    const environment = {
      EXCHANGE_CONNECTOR_POWERSHELL: program,
      EXCHANGE_STAND_INS_ORGANISATION: organisation,
      EXCHANGE_STAND_INS_LOG: join(folder, 'calls.log'),
      EXCHANGE_STAND_INS_FAILURES: JSON.stringify(failures),
    };
    const outcome = await withEnvironment(environment, () =>
      runExport({
        connection: connectionTo('http://mailbox01.contoso.com/PowerShell/', { exportScriptPath }),
        folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
        settingsFolder: folder,
        signal: new AbortController().signal,
      }),
    );
    const lines = readFileSync(join(folder, 'calls.log'), 'utf8').trim().split('\n');
    return { outcome, calls: lines.map((line) => JSON.parse(line) as Call) };
  });
}

test('the session is asked for the whole forest first, then for databases with their status, then for all mailboxes', {
  skip,
}, async () => {
  const { outcome, calls } = await exportOrganisation([]);
  assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
  assert.deepEqual(outcome.manifest.counts, {
    mailboxes: { Insert: 2, Update: 0, Delete: 0 },
    databases: { Insert: 1, Update: 0, Delete: 0 },
  });
  assert.deepEqual(
    calls.filter(({ command }) => !command.endsWith('PSSession')),
    [
      { command: 'Set-ADServerSettings', parameters: { ViewEntireForest: true, ErrorAction: 'Stop' } },
      { command: 'Get-MailboxDatabase', parameters: { Status: true } },
      { command: 'Get-Mailbox', parameters: { ResultSize: 'Unlimited' } },
    ],
  );
});

test('a command that fails as a whole ends the export, one that gives errors beside its objects makes it partial', {
  skip,
}, async () => {
  const failed = await exportOrganisation([{ command: 'Get-Mailbox', message: 'the directory is away' }]);
  assert.ok(failed.outcome.kind === 'failed', JSON.stringify(failed.outcome));
  assert.deepEqual([failed.outcome.exitCode, failed.outcome.failure.code], [1, 'EXPORT_SCRIPT_FAILED']);
  assert.match(failed.outcome.failure.message, /the directory is away/);

  const partial = await exportOrganisation([{ command: 'Get-Mailbox', message: 'one is corrupt', terminating: false }]);
  assert.ok(partial.outcome.kind === 'partial', JSON.stringify(partial.outcome));
  assert.equal(partial.outcome.manifest.files[0]?.rows, 2);
  assert.match(partial.outcome.errors.join(), /one is corrupt/);

  const killed = await exportOrganisation([{ command: 'Get-Mailbox', message: '', end: 'kill' }]);
  assert.ok(killed.outcome.kind === 'failed', JSON.stringify(killed.outcome));
  assert.deepEqual([killed.outcome.exitCode, killed.outcome.failure.code], [1, 'POWERSHELL_ENDED']);
});

test('the call of an export script uses only what Windows PowerShell 5.1 has too', { skip }, async () => {
  assert.ok(host.kind === 'ready');
  const { program } = host;
  const request = exportScriptRequest({
    scriptPath: 'x.ps1',
    connectionId: 'Main',
    servers: ['http://mailbox01.contoso.com/PowerShell/'],
    authType: 'Kerberos',
    credential: undefined,
    outputPath: '/x',
    isIncremental: false,
    additionalColumns: [],
    scope: connectionTo('http://mailbox01.contoso.com/PowerShell/'),
    pins: { domainController: undefined, globalCatalog: undefined },
    others: {},
  });
  await inFolder(async (folder) => {
    const file = join(folder, 'call.ps1');
    writeFileSync(file, request.statements[0]?.[0]?.name ?? '');
    const { status, stdout, stderr } = spawnSync(program, ['check-script', file], {
      encoding: 'utf8',
      timeout: 60_000,
    });
    assert.deepEqual([status, stdout], [0, ''], stderr);
    writeFileSync(file, "'x' ?? 'y'");
    assert.equal(spawnSync(program, ['check-script', file], { timeout: 60_000 }).status, 1);
  });
});
