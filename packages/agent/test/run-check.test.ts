import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { type CheckOutcome, type CheckStep, runCheck, runDiscover } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { type Simulator, type SimulatorOptions, startSimulator } from '@exchange-connector/exchange-simulator';
import { makeCertificate } from '@exchange-connector/rehearsal';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

async function withSimulator<T>(options: SimulatorOptions, run: (simulator: Simulator) => Promise<T>): Promise<T> {
  const simulator = await startSimulator({ mailboxes: 90, databases: 3, seed: 5, basic: account, ...options });
  try {
    return await run(simulator);
  } finally {
    await simulator.close();
  }
}

const folder = mkdtempSync(join(tmpdir(), 'check-'));
after(() => rmSync(folder, { recursive: true, force: true }));

function request(connection: ConnectionSettings) {
  return {
    connection,
    folders: { temp: join(folder, 'Temp'), work: join(folder, 'Work') },
    settingsFolder: folder,
    signal: new AbortController().signal,
  };
}

async function checked(connection: ConnectionSettings): Promise<Extract<CheckOutcome, { kind: 'checked' }>> {
  const outcome = await runCheck(request(connection));
  assert.ok(outcome.kind === 'checked');
  return outcome;
}

function states(steps: readonly CheckStep[]): Record<string, string> {
  return Object.fromEntries(steps.map(({ name, state }) => [name, state]));
}

const good = {
  settings: 'passed',
  name: 'passed',
  port: 'passed',
  tls: 'not-applicable',
  authentication: 'passed',
  session: 'passed',
  cmdlets: 'passed',
  mailbox: 'passed',
  database: 'passed',
};

function failure(steps: readonly CheckStep[]): CheckStep {
  const step = steps.find(({ state }) => state === 'failed');
  assert.ok(step !== undefined, JSON.stringify(steps));
  assert.ok(step.mend !== undefined && step.mend !== '', `${step.name} says nothing of what to do: ${step.detail}`);
  return step;
}

test('a connection that works passes every step, and no shell is left', async () => {
  await withSimulator({}, async (simulator) => {
    const { exitCode, steps } = await checked(connectionTo(simulator.url));
    assert.deepEqual(states(steps), good, JSON.stringify(steps, undefined, 1));
    assert.equal(exitCode, 0);
    assert.match(
      steps.find(({ name }) => name === 'mailbox')?.detail ?? '',
      /fills 43 of 43 columns; the whole forest is in view/,
    );
    assert.equal(simulator.facts.shellsOpen, 0);
  });
});

test('steps are told as they end', async () => {
  await withSimulator({}, async (simulator) => {
    const told: string[] = [];
    await runCheck({ ...request(connectionTo(simulator.url)), onStep: ({ name }) => told.push(name) });
    assert.deepEqual(told, Object.keys(good));
  });
});

test('a name that nobody knows fails the step name', async () => {
  const { exitCode, steps } = await checked(connectionTo('http://no-such-host.invalid/PowerShell/'));
  assert.equal(failure(steps).name, 'name');
  assert.equal(exitCode, 3);
  assert.equal(states(steps)['database'], 'not-reached');
});

test('a port where nothing listens fails the step port', async () => {
  const { exitCode, steps } = await checked(connectionTo('http://localhost:9/PowerShell/'));
  const { name, detail } = failure(steps);
  assert.equal(name, 'port');
  assert.match(detail, /port 9 of localhost/);
  assert.equal(exitCode, 3);
});

test('a certificate that nobody vouches for, or for another name, fails the step tls with what to do', async () => {
  await inFolder(async (folder) => {
    const made = await makeCertificate({ hosts: ['localhost'], folder, validDays: 400 });
    const other = await makeCertificate({ hosts: ['elsewhere.example.test'], folder: join(folder, 'other') });
    const tls = { cert: made.certificatePem, key: made.keyPem };
    await withSimulator({ tls }, async (simulator) => {
      const { steps } = await checked(connectionTo(simulator.url, { caFile: made.files?.ca }));
      assert.deepEqual(states(steps), { ...good, tls: 'passed' });
      const unknown = await checked(connectionTo(simulator.url));
      assert.equal(unknown.exitCode, 3);
      assert.equal(failure(unknown.steps).name, 'tls');
      assert.match(failure(unknown.steps).mend ?? '', /CaFile/);
    });
    await withSimulator({ tls: { cert: other.certificatePem, key: other.keyPem } }, async (simulator) => {
      const { steps } = await checked(connectionTo(simulator.url, { caFile: other.files?.ca }));
      assert.equal(failure(steps).name, 'tls');
      assert.match(failure(steps).mend ?? '', /a name that the certificate holds/);
    });
  });
});

test('a port that speaks no TLS fails the step tls', async () => {
  await withSimulator({}, async (simulator) => {
    const { steps } = await checked(connectionTo(simulator.url.replace('http:', 'https:')));
    assert.equal(failure(steps).name, 'tls');
    assert.match(failure(steps).mend ?? '', /write http:\/\/ in Server|port that speaks TLS/);
    assert.match(failure(steps).detail, /the port speaks no TLS/);
    assert.doesNotMatch(failure(steps).detail, /:error:|ssl\/|\.c:/, "none of OpenSSL's source lines");
  });
});

function stepOf(steps: readonly CheckStep[], name: string): CheckStep {
  const step = steps.find((each) => each.name === name);
  assert.ok(step !== undefined, name);
  return step;
}

test('where the server answers before it asks who we are, nothing is said of the authentication, and the mend is the path', async () => {
  await withSimulator({}, async (simulator) => {
    const { exitCode, steps } = await checked(connectionTo(simulator.url.replace('/PowerShell/', '/Nowhere/')));
    assert.equal(stepOf(steps, 'authentication').state, 'not-applicable', JSON.stringify(steps, undefined, 1));
    assert.match(stepOf(steps, 'authentication').detail, /^not known: the server answered before asking$/);
    assert.equal(failure(steps).name, 'session');
    assert.match(failure(steps).mend ?? '', /the path in Server.*\/PowerShell\//);
    assert.equal(exitCode, 3);
  });
});

test('http to a port that speaks TLS is told to be written https, and nothing is said of the authentication', async () => {
  const made = await makeCertificate({ hosts: ['localhost'] });
  await withSimulator({ tls: { cert: made.certificatePem, key: made.keyPem } }, async (simulator) => {
    const { exitCode, steps } = await checked(connectionTo(simulator.url.replace('https:', 'http:')));
    assert.equal(stepOf(steps, 'authentication').state, 'not-applicable', JSON.stringify(steps, undefined, 1));
    assert.match(failure(steps).mend ?? '', /write https:\/\/ in Server/);
    assert.equal(exitCode, 3);
  });
});

test('each fault of a certificate has a mend of its own', async () => {
  await inFolder(async (folder) => {
    const cases = [
      [{ flaw: 'expired' }, /has expired \(.*\d{4}/, /renew the certificate/],
      [{ flaw: 'not-yet-valid' }, /not valid yet/, /clock of this machine/],
      [
        { flaw: 'wrong-authority' },
        /"[^"]*CN=[^"]+", which the private CA/,
        /\(CN=.*\) into the file that CaFile names/,
      ],
      [
        { hosts: ['elsewhere.test', '127.0.0.2'] },
        /it is for elsewhere\.test, 127\.0\.0\.2/,
        /a name that the certificate/,
      ],
    ] as const;
    for (const [options, seen, mend] of cases) {
      const made = await makeCertificate({ hosts: ['localhost'], ...options, folder });
      await withSimulator({ tls: { cert: made.certificatePem, key: made.keyPem } }, async (simulator) => {
        const caFile = made.files?.ca;
        const { detail, mend: told } = failure((await checked(connectionTo(simulator.url, { caFile }))).steps);
        assert.match(detail, seen);
        assert.match(told ?? '', mend);
        const outcome = await runDiscover(request(connectionTo(simulator.url, { caFile })));
        assert.ok(outcome.kind === 'failed');
        assert.equal(outcome.failure.code, 'WSMAN_TLS_REFUSED');
        assert.match(outcome.failure.message, seen);
        assert.equal(outcome.failure.mend, told, 'check and the other commands say the same');
      });
    }
  });
});

test('a password that is refused fails the step authentication', async () => {
  await withSimulator({}, async (simulator) => {
    const { exitCode, steps } = await checked(connectionTo(simulator.url, { login: 'somebody' }));
    assert.equal(failure(steps).name, 'authentication');
    assert.equal(exitCode, 3);
    assert.ok(!JSON.stringify(steps).includes('correct horse'));
  });
});

test('an account without any role fails the step session', async () => {
  await withSimulator({ withoutRoles: [account.login] }, async (simulator) => {
    const { exitCode, steps } = await checked(connectionTo(simulator.url));
    assert.equal(failure(steps).name, 'session', JSON.stringify(steps, undefined, 1));
    assert.equal(exitCode, 3);
  });
});

test('a cmdlet or a parameter that the account lacks fails the step cmdlets, with the role that mends it', async () => {
  for (const [lacking, seen] of [
    ['Get-Mailbox', /no Get-Mailbox/],
    ['Get-Mailbox:ResultSize', /Get-Mailbox without -ResultSize/],
  ] as const) {
    await withSimulator({ without: [lacking] }, async (simulator) => {
      const { exitCode, steps } = await checked(connectionTo(simulator.url));
      const { name, detail, mend } = failure(steps);
      assert.equal(name, 'cmdlets', JSON.stringify(steps, undefined, 1));
      assert.match(detail, seen);
      assert.match(mend ?? '', /View-Only Organization Management/);
      assert.equal(exitCode, 1);
    });
  }
});

test('what an export can do without is a warning', async () => {
  await withSimulator({ without: ['Set-ADServerSettings', 'Select-Object'] }, async (simulator) => {
    const { exitCode, steps } = await checked(connectionTo(simulator.url));
    assert.deepEqual(states(steps), { ...good, cmdlets: 'warned', mailbox: 'warned' });
    assert.match(
      steps.find(({ name }) => name === 'cmdlets')?.mend ?? '',
      /no Set-ADServerSettings: only one domain is in view/,
    );
    assert.equal(exitCode, 0);
  });
});

test('without -Status of Get-MailboxDatabase, check warns and discover tells the databases', async () => {
  await withSimulator({ without: ['Get-MailboxDatabase:Status'] }, async (simulator) => {
    const { exitCode, steps } = await checked(connectionTo(simulator.url));
    assert.deepEqual(states(steps), { ...good, cmdlets: 'warned', database: 'warned' });
    assert.match(steps.find(({ name }) => name === 'database')?.mend ?? '', /the column Mounted is empty/);
    assert.equal(exitCode, 0);
    const outcome = await runDiscover(request(connectionTo(simulator.url)));
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    assert.equal(outcome.discovery.databases.length, simulator.organization.databases.length);
    assert.ok(outcome.discovery.warnings.some((warning) => warning.includes('-Status')));
  });
});

test('where the first of several servers does not answer, the next is checked', async () => {
  await withSimulator({}, async (simulator) => {
    const connection = connectionTo(simulator.url);
    const dead = { url: 'http://localhost:9/PowerShell/', protocol: 'http', host: 'localhost', port: 9 } as const;
    const { exitCode, steps } = await checked({ ...connection, servers: [dead, ...connection.servers] });
    assert.equal(exitCode, 0);
    assert.deepEqual(
      steps.filter(({ name }) => name === 'port').map(({ state }) => state),
      ['warned', 'passed'],
    );
  });
});

test('an export script is refused in the step settings, with exit 2', async () => {
  const { exitCode, steps } = await checked(
    connectionTo('http://localhost:9/PowerShell/', { exportScriptPath: '/srv/x.ps1' }),
  );
  assert.equal(failure(steps).name, 'settings');
  assert.equal(exitCode, 2);
});

test('discover tells versions, columns, and databases with their numbers of mailboxes', async () => {
  await withSimulator({ missingProperties: ['IsInactiveMailbox'] }, async (simulator) => {
    const outcome = await runDiscover(request(connectionTo(simulator.url)));
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    const { discovery } = outcome;
    assert.deepEqual(
      discovery.servers.map(({ name, version }) => [name, version]),
      ['EX01', 'EX02', 'EX03'].map((name) => [name, 'Version 15.1 (Build 2507.6)']),
    );
    assert.deepEqual(discovery.mailboxColumns.missing, ['IsInactiveMailbox']);
    assert.equal(discovery.mailboxColumns.available.length, 42);
    assert.ok(discovery.mailboxColumns.other.includes('CustomAttribute1'));
    assert.deepEqual(discovery.databaseColumns.missing, []);
    assert.deepEqual([discovery.selectObject, discovery.forestView], [true, true]);
    const counts = new Map<string, number>();
    const { organization } = simulator;
    for (let index = 0; index < organization.mailboxCount; index += 1) {
      if (organization.placeOf(index).hiddenBehind !== undefined) continue;
      const database = String(organization.mailbox(index)['Database']);
      counts.set(database, (counts.get(database) ?? 0) + 1);
    }
    assert.deepEqual(
      discovery.databases.map(({ name, guid, mailboxes }) => ({ name, guid, mailboxes })),
      [...organization.databases]
        .map(({ name, guid }) => ({ name, guid, mailboxes: counts.get(name) ?? 0 }))
        .sort((left, right) => (left.name < right.name ? -1 : 1)),
    );
    assert.equal(simulator.facts.shellsOpen, 0);
  });
});

test('discover in an organisation without mailboxes says that their columns are not known', async () => {
  await withSimulator({ mailboxes: 0 }, async (simulator) => {
    const outcome = await runDiscover(request(connectionTo(simulator.url)));
    assert.ok(outcome.kind === 'done', JSON.stringify(outcome));
    const { mailboxColumns, databaseColumns, selectObject, mailboxes } = outcome.discovery;
    assert.deepEqual(mailboxColumns, { known: false, available: [], missing: [], other: [] });
    assert.deepEqual([databaseColumns.known, databaseColumns.missing], [true, []]);
    assert.deepEqual([selectObject, mailboxes], [true, 0]);
  });
});

test('discover on a server that cannot be reached fails with exit 3', async () => {
  const outcome = await runDiscover(request(connectionTo('http://localhost:9/PowerShell/')));
  assert.ok(outcome.kind === 'failed');
  assert.deepEqual([outcome.exitCode, outcome.failure.code], [3, 'WSMAN_CONNECT_FAILED']);
});
