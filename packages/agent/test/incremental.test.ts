import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import {
  type ExportOutcome,
  type ExportRequest,
  listenToLog,
  type Manifest,
  runAcknowledge,
  runExport,
} from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import {
  createTestOrganization,
  type Simulator,
  startSimulator,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import { parse } from 'csv-parse/sync';
import { account, connectionTo, inFolder } from './rehearsed-connection.ts';

const minute = 60_000;
const hour = 60 * minute;
type Row = Readonly<Record<string, string>>;
type Published = Extract<ExportOutcome, { kind: 'done' | 'partial' }>;

/** A connection, its organisation, and what a product has loaded from its files so far. */
class Stand {
  readonly folder: string;
  readonly organization: TestOrganization;
  readonly simulator: Simulator;
  readonly loaded = new Map<string, Row>();
  readonly warnings: string[] = [];
  settings: Partial<ConnectionSettings> = {};

  constructor(folder: string, organization: TestOrganization, simulator: Simulator) {
    this.folder = folder;
    this.organization = organization;
    this.simulator = simulator;
  }

  get connection(): ConnectionSettings {
    return connectionTo(this.simulator.url, this.settings);
  }
  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }
  get output(): string {
    return this.path('Temp', 'ExportOutput');
  }
  get cookie(): string {
    return this.path('Work', 'ExportCookies', 'Main_cookie.bin');
  }
  get state(): string {
    return this.path('Work', 'ExportState', 'Main');
  }
  get folders(): ExportRequest['folders'] {
    return { temp: this.path('Temp'), work: this.path('Work') };
  }

  export(more: Partial<ExportRequest> = {}): Promise<ExportOutcome> {
    this.warnings.length = 0;
    return runExport({
      connection: this.connection,
      folders: this.folders,
      settingsFolder: this.folder,
      signal: new AbortController().signal,
      now: () => this.organization.clock.now().getTime(),
      onWarning: (message) => this.warnings.push(message),
      ...more,
    });
  }

  /** An export that is published; its rows. */
  async publish(more: Partial<ExportRequest> = {}): Promise<{ manifest: Manifest; rows: Row[]; databases: Row[] }> {
    const outcome = await this.export(more);
    assert.ok(outcome.kind === 'done' || outcome.kind === 'partial', JSON.stringify(outcome).slice(0, 800));
    return this.read(outcome);
  }

  read(outcome: Published): { manifest: Manifest; rows: Row[]; databases: Row[] } {
    const of = (name: string): Row[] => parse(readFileSync(join(this.output, name)), { columns: true }) as Row[];
    return { manifest: outcome.manifest, rows: of('Main_mailboxes.csv'), databases: of('Main_databases.csv') };
  }

  load(rows: readonly Row[]): void {
    for (const { Command, ...row } of rows) {
      if (Command === 'Delete') this.loaded.delete(row['Guid'] ?? '');
      else this.loaded.set(row['Guid'] ?? '', row);
    }
  }

  advance(ms: number): void {
    this.organization.clock.advance(ms);
  }

  mailboxes(count: number): string[] {
    return [...this.organization.truth().mailboxes()]
      .filter(({ hiddenBehind }) => hiddenBehind === undefined)
      .slice(0, count)
      .map(({ guid }) => guid);
  }
}

async function onStand(
  run: (stand: Stand) => Promise<void>,
  options: { readonly mailboxes?: number; readonly without?: readonly string[] } = {},
): Promise<void> {
  const organization = createTestOrganization({
    mailboxes: options.mailboxes ?? 240,
    databases: 4,
    seed: 7,
    clock: 'virtual',
  });
  const simulator = await startSimulator({ organization, basic: account, without: options.without ?? [] });
  try {
    await inFolder((folder) => run(new Stand(folder, organization, simulator)));
  } finally {
    await simulator.close();
  }
}

const commands = (rows: readonly Row[]): string[] => rows.map(({ Command = '' }) => Command);

test('the second export holds what changed since the first: an insert, an update with all its columns, a deletion with what was known', () =>
  onStand(async (stand) => {
    const first = await stand.publish();
    assert.equal(first.manifest.mode, 'complete');
    assert.match(first.manifest.reason ?? '', /^there is no cookie of an earlier export/);
    assert.deepEqual(
      stand.warnings.filter((text) => text.includes('complete one')),
      [],
    );
    stand.load(first.rows);
    stand.advance(2 * hour);
    const [renamed = '', removed = '', disabled = ''] = stand.mailboxes(3);
    stand.organization.change({ kind: 'renameMailbox', mailbox: renamed, name: 'Renamed' });
    stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
    stand.organization.change({ kind: 'disableMailbox', mailbox: disabled });
    const { guid: created } = stand.organization.change({ kind: 'createMailbox', name: 'Created' });
    stand.advance(minute);
    const before = new Map(stand.loaded);
    const second = await stand.publish();
    stand.load(second.rows);
    const { mode, reason, cookieIn, counts, countsByDatabase } = second.manifest;
    assert.deepEqual(
      { mode, reason, cookieIn },
      { mode: 'incremental', reason: null, cookieIn: first.manifest.cookieOut },
    );
    assert.deepEqual(counts.mailboxes, { Insert: 1, Update: 1, Delete: 2 });
    const rows = new Map(second.rows.map((row) => [row['Guid'] ?? '', row]));
    assert.equal(rows.get(created)?.['Command'], 'Insert');
    assert.equal(rows.get(renamed)?.['Command'], 'Update');
    assert.equal(rows.get(renamed)?.['Name'], 'Renamed');
    assert.equal(rows.get(renamed)?.['PrimarySmtpAddress'], before.get(renamed)?.['PrimarySmtpAddress']);
    for (const guid of [removed, disabled]) {
      const known = ['Guid', 'Name', 'DistinguishedName', 'SamAccountName', 'PrimarySmtpAddress', 'Database'];
      const { Command, ...cells } = rows.get(guid) ?? {};
      assert.equal(Command, 'Delete');
      for (const [name, text] of Object.entries(cells))
        assert.equal(text, known.includes(name) ? before.get(guid)?.[name] : '', name);
    }
    assert.equal(
      Object.values(countsByDatabase).reduce((sum, count) => sum + count, 0),
      first.rows.length - 1,
    );
    assert.deepEqual([...rows.keys()], [...rows.keys()].sort());

    const whole = await stand.publish({ complete: true });
    assert.equal(whole.manifest.reason, 'a complete export was asked for');
    const expected = new Map(whole.rows.map(({ Command, ...row }) => [row['Guid'] ?? '', row]));
    assert.deepEqual(new Map([...stand.loaded].sort()), new Map([...expected].sort()));
  }));

test('nothing changed: both files have a header alone, nothing is asked for a second time, and the cookies form a chain', () =>
  onStand(async (stand) => {
    const { manifest: first } = await stand.publish();
    stand.advance(2 * hour);
    const { manifest: second, rows, databases } = await stand.publish();
    stand.advance(2 * hour);
    const { manifest: third } = await stand.publish();
    assert.deepEqual([rows, databases], [[], []]);
    assert.deepEqual([second.cookieIn, third.cookieIn], [first.cookieOut, second.cookieOut]);
    assert.equal(new Set([first.cookieOut, second.cookieOut, third.cookieOut]).size, 3);
    assert.deepEqual(third.counts.mailboxes, { Insert: 0, Update: 0, Delete: 0 });
    assert.deepEqual(third.warnings, []);
  }));

test('why a row is an update is told in the log, by the columns that changed', () =>
  onStand(async (stand) => {
    await stand.publish();
    stand.advance(2 * hour);
    const [guid = ''] = stand.mailboxes(1);
    stand.organization.change({ kind: 'setMailbox', mailbox: guid, properties: { displayName: 'Another' } });
    const told: string[] = [];
    const stop = listenToLog(({ message }) => message.includes('is an Update') && told.push(message));
    await stand.publish();
    stop();
    assert.deepEqual(told, [`mailbox ${guid} is an Update: DisplayName, WhenChangedUTC`]);
  }));

test('a renamed database is an update of its row and of all mailboxes in it', () =>
  onStand(async (stand) => {
    stand.settings = { maximumUpdatedLines: 0, maxPercentageUpdatedLines: 0 };
    const first = await stand.publish();
    stand.advance(2 * hour);
    const [database] = stand.organization.databases;
    stand.organization.change({ kind: 'renameDatabase', database: database?.guid ?? '', name: 'Renamed DB' });
    const second = await stand.publish();
    assert.deepEqual(
      second.databases.map(({ Command, Name }) => [Command, Name]),
      [['Update', 'Renamed DB']],
    );
    const inIt = first.rows.filter((row) => row['Database'] === database?.name).length;
    assert.ok(inIt > 0);
    assert.equal(second.rows.length, inIt);
    assert.ok(second.rows.every((row) => row['Command'] === 'Update' && row['Database'] === 'Renamed DB'));
  }));

test('a cookie that was damaged, cut, or is none means a complete run, a sentence that says why, and a new cookie', () =>
  onStand(async (stand) => {
    await stand.publish();
    const damages: readonly ((bytes: Buffer) => Buffer)[] = [
      (bytes) =>
        Buffer.concat([bytes.subarray(0, 400), Buffer.from([(bytes[400] as number) ^ 1]), bytes.subarray(401)]),
      (bytes) => bytes.subarray(0, bytes.length - 1000),
      () => Buffer.alloc(0),
      () => Buffer.from('2026-03-01T09:30:00Z'),
      (bytes) => Buffer.concat([bytes.subarray(0, 8), Buffer.from([9]), bytes.subarray(9)]),
    ];
    for (const damage of damages) {
      writeFileSync(stand.cookie, damage(readFileSync(stand.cookie)));
      const { manifest, rows } = await stand.publish();
      assert.equal(manifest.mode, 'complete');
      assert.match(manifest.reason ?? '', /cookie .*Main_cookie\.bin cannot be used: /);
      assert.ok(stand.warnings.some((text) => text.startsWith('this export is a complete one: the cookie')));
      assert.deepEqual(new Set(commands(rows)), new Set(['Insert']));
      assert.equal(manifest.cookieIn, null);
      stand.advance(2 * hour);
      assert.equal((await stand.publish()).manifest.mode, 'incremental');
    }
  }));

test('a change of the settings that shape rows means a complete run, which carries what was deleted since', () =>
  onStand(async (stand) => {
    await stand.publish();
    stand.advance(2 * hour);
    const [removed = ''] = stand.mailboxes(1);
    stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
    stand.settings = { additionalColumns: ['CustomAttribute1'] };
    const { manifest, rows } = await stand.publish();
    assert.equal(manifest.mode, 'complete');
    assert.match(manifest.reason ?? '', /settings that shape the rows/);
    assert.deepEqual(
      rows.filter((row) => row['Command'] === 'Delete').map((row) => row['Guid']),
      [removed],
    );
    assert.equal(rows[0]?.['CustomAttribute1'] === undefined, false);
    stand.advance(2 * hour);
    assert.equal((await stand.publish()).manifest.mode, 'incremental');
  }));

test('a cookie of another connection is not compared with', () =>
  onStand(async (stand) => {
    await stand.publish();
    const mine = readFileSync(stand.cookie);
    rmSync(stand.cookie);
    stand.settings = { id: 'Other' };
    mkdirSync(join(stand.cookie, '..'), { recursive: true });
    writeFileSync(join(stand.cookie, '..', 'Other_cookie.bin'), mine);
    const outcome = await stand.export();
    assert.ok(outcome.kind === 'done');
    assert.match(outcome.manifest.reason ?? '', /the cookie is of the connection Main/);
    assert.equal(outcome.manifest.cookieIn, null);
  }));

test('another domain controller means a complete run that names both', () =>
  onStand(async (stand) => {
    stand.settings = { globalCatalog: 'dc01.example.test' };
    await stand.publish();
    stand.settings = { globalCatalog: 'dc02.example.test' };
    stand.advance(2 * hour);
    const { manifest } = await stand.publish();
    assert.equal(manifest.mode, 'complete');
    assert.match(manifest.reason ?? '', /dc02\.example\.test now, and were from dc01\.example\.test/);
  }));

test('more deletions than the threshold allows: exit 4, the files stand, and --release publishes exactly what was kept', () =>
  onStand(async (stand) => {
    stand.settings = { maximumDeletedLines: 3 };
    const first = await stand.publish();
    stand.advance(2 * hour);
    for (const mailbox of stand.mailboxes(4)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    const files = readdirSync(stand.output).map((name) => [name, readFileSync(join(stand.output, name), 'utf8')]);
    const cookie = readFileSync(stand.cookie);
    const stopped = await stand.export();
    assert.ok(stopped.kind === 'stopped');
    assert.equal(stopped.exitCode, 4);
    assert.deepEqual(stopped.breaches, ['mailboxes: 4 rows Delete; MaximumDeletedLines allows 3']);
    assert.deepEqual(readdirSync(stopped.folder).sort(), ['cookie.bin', 'databases.csv', 'held.json', 'mailboxes.csv']);
    assert.deepEqual(
      readdirSync(stand.output).map((name) => [name, readFileSync(join(stand.output, name), 'utf8')]),
      files,
    );
    assert.deepEqual(readFileSync(stand.cookie), cookie);
    const kept = readFileSync(join(stopped.folder, 'mailboxes.csv'), 'utf8');

    // What changes after the stop is not in what was looked at.
    stand.advance(hour);
    stand.organization.change({ kind: 'createMailbox', name: 'Later' });
    const released = await stand.publish({ release: true });
    assert.equal(readFileSync(join(stand.output, 'Main_mailboxes.csv'), 'utf8'), kept);
    assert.deepEqual(commands(released.rows), ['Delete', 'Delete', 'Delete', 'Delete']);
    assert.ok(released.manifest.released !== undefined && released.manifest.thresholds?.length === 1);
    assert.equal(released.manifest.cookieIn, first.manifest.cookieOut);
    const hash = createHash('sha256').update(kept).digest('hex');
    assert.equal(released.manifest.files[0]?.sha256, hash);
    assert.ok(!existsSync(stopped.folder));
    const next = await stand.publish();
    assert.deepEqual(commands(next.rows), ['Insert']);
    assert.equal(next.manifest.cookieIn, released.manifest.cookieOut);
  }));

test('what was kept is read again after a day, after another export, or where it was changed', () =>
  onStand(async (stand) => {
    stand.settings = { maximumDeletedLines: 1 };
    const spoil: readonly (() => Promise<void> | void)[] = [
      () => stand.advance(25 * hour),
      () => writeFileSync(join(stand.state, 'held', 'mailboxes.csv'), 'Command\r\n'),
      () => rmSync(join(stand.state, 'held', 'databases.csv')),
      () => rmSync(join(stand.state, 'held'), { recursive: true }),
    ];
    await stand.publish();
    for (const change of spoil) {
      stand.advance(2 * hour);
      const mailboxes = stand.mailboxes(2);
      for (const mailbox of mailboxes) stand.organization.change({ kind: 'removeMailbox', mailbox });
      assert.equal((await stand.export()).kind, 'stopped');
      await change();
      const { manifest, rows } = await stand.publish({ release: true });
      assert.deepEqual(
        rows.filter((row) => row['Command'] === 'Delete').map((row) => row['Guid']),
        mailboxes.sort(),
      );
      assert.equal(manifest.released, undefined);
      assert.ok(
        manifest.warnings.some((text) => text.includes('no threshold stops this run')),
        manifest.warnings.join('\n'),
      );
    }
  }));

test('a release that contradicts what was kept is refused with exit 2: nothing is published, and what was kept stays', () =>
  onStand(async (stand) => {
    const limits = { maximumDeletedLines: 1 };
    stand.settings = limits;
    await stand.publish();
    stand.advance(2 * hour);
    for (const mailbox of stand.mailboxes(2)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    const elsewhere = stand.path('elsewhere');
    assert.equal((await stand.export({ outputFolder: elsewhere })).kind, 'stopped');
    const [held] = connectionTo('http://other.example.test/PowerShell/').servers;
    assert.ok(held !== undefined);
    const contradictions: readonly (readonly [expected: RegExp, settings: Partial<ConnectionSettings>])[] = [
      [/the settings that shape the rows/, { valueSeparator: '|' }],
      [
        /Server is http:\/\/other\.example\.test\/PowerShell\/, and it was read from http:\/\/localhost/,
        { servers: [held] },
      ],
      [/DomainController was not set and is dc02\.example\.test now/, { domainController: 'dc02.example.test' }],
      [/Login was reader and is another now/, { login: 'another' }],
      [/Bom was false and is true now/, { bom: true }],
    ];
    const files = readdirSync(stand.output).map((name) => readFileSync(join(stand.output, name), 'utf8'));
    for (const [expected, settings] of contradictions) {
      stand.settings = { ...limits, ...settings };
      const messages = { ...stand.simulator.counts };
      const refused = await stand.export({ release: true });
      assert.ok(refused.kind === 'failed', JSON.stringify(refused));
      assert.deepEqual([refused.exitCode, refused.failure.code], [2, 'RUN_RELEASE_REFUSED']);
      assert.match(refused.failure.message, expected);
      assert.match(refused.failure.mend ?? '', /--release alone/);
      assert.deepEqual({ ...stand.simulator.counts }, messages);
    }
    assert.deepEqual(
      readdirSync(stand.output).map((name) => readFileSync(join(stand.output, name), 'utf8')),
      files,
    );
    assert.deepEqual(existsSync(elsewhere) ? readdirSync(elsewhere) : [], []);

    // The limits may be others, and a further server to fail over to may be named: that contradicts nothing.
    stand.settings = {
      ...limits,
      maximumDeletedLines: 2,
      servers: [held, ...connectionTo(stand.simulator.url).servers],
    };
    const released = await stand.export({ release: true });
    assert.ok(released.kind === 'done', JSON.stringify(released));
    assert.deepEqual(
      readdirSync(elsewhere).sort(),
      ['Main_databases.csv', 'Main_manifest.json', 'Main_mailboxes.csv'].sort(),
    );
    assert.deepEqual(
      released.files,
      ['mailboxes.csv', 'databases.csv', 'manifest.json'].map((name) => join(elsewhere, `Main_${name}`)),
    );
    assert.deepEqual(
      readdirSync(stand.output).map((name) => readFileSync(join(stand.output, name), 'utf8')),
      files,
    );
  }));

test('a folder named with a release takes what was kept; asked for with --complete, a stopped increment is read anew', () =>
  onStand(async (stand) => {
    stand.settings = { maximumDeletedLines: 1 };
    await stand.publish();
    stand.advance(2 * hour);
    for (const mailbox of stand.mailboxes(2)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    assert.equal((await stand.export({})).kind, 'stopped');
    const third = stand.path('third');
    const contacted = { ...stand.simulator.counts };
    const released = await stand.export({ release: true, outputFolder: third });
    assert.ok(released.kind === 'done', JSON.stringify(released));
    assert.deepEqual({ ...stand.simulator.counts }, contacted);
    assert.deepEqual([released.manifest.mode, released.manifest.counts.mailboxes.Delete], ['incremental', 2]);
    assert.equal(readdirSync(third).length, 3);

    stand.advance(2 * hour);
    for (const mailbox of stand.mailboxes(2)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    assert.equal((await stand.export({})).kind, 'stopped');
    const complete = await stand.export({ release: true, complete: true });
    assert.ok(complete.kind === 'done', JSON.stringify(complete));
    assert.deepEqual([complete.manifest.mode, complete.manifest.counts.mailboxes.Delete], ['complete', 2]);
    assert.equal(complete.manifest.released, undefined);
    assert.match(complete.manifest.warnings.join(), /what was stopped is an increment/);
  }));

test('a percentage counts from two hundred rows on; a complete run stops for deletions, and where no mailbox is left', () =>
  onStand(async (stand) => {
    stand.settings = { maximumDeletedLines: 0 };
    const { rows } = await stand.publish();
    assert.ok(rows.length >= 200);
    stand.advance(2 * hour);
    const many = Math.floor(rows.length * 0.05) + 1;
    for (const mailbox of stand.mailboxes(many)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    for (const complete of [false, true]) {
      const stopped = await stand.export({ complete });
      assert.ok(stopped.kind === 'stopped');
      assert.match(stopped.breaches[0] ?? '', /MaxPercentageDeletedLines allows 5 %/);
    }
    await stand.publish({ release: true });
    for (const mailbox of stand.mailboxes(1000)) stand.organization.change({ kind: 'removeMailbox', mailbox });
    stand.settings = { maximumDeletedLines: 0, maxPercentageDeletedLines: 0 };
    const empty = await stand.export({ complete: true });
    assert.ok(empty.kind === 'stopped');
    assert.match(empty.breaches[0] ?? '', /not one was found/);
  }));

test('an increment that nobody acknowledged is in the next one too', () =>
  onStand(async (stand) => {
    stand.settings = { requireAcknowledge: true };
    const acknowledge = (cookie?: string) =>
      runAcknowledge({ connection: stand.connection, folders: stand.folders, cookie });
    const first = await stand.publish();
    stand.advance(2 * hour);
    const early = await stand.publish();
    assert.equal(early.manifest.mode, 'complete');
    assert.equal(early.manifest.reason, 'no export was acknowledged yet');
    const done = await acknowledge();
    assert.ok(done.kind === 'done' && done.isAwaited);
    assert.equal(done.cookie, early.manifest.cookieOut);

    stand.organization.change({ kind: 'createMailbox', name: 'First' });
    stand.advance(2 * hour);
    const second = await stand.publish();
    assert.deepEqual(
      second.rows.map((row) => row['Name']),
      ['First'],
    );
    stand.organization.change({ kind: 'createMailbox', name: 'Second' });
    stand.advance(2 * hour);
    const third = await stand.publish();
    assert.deepEqual(third.rows.map((row) => row['Name']).sort(), ['First', 'Second']);
    assert.equal(third.manifest.cookieIn, early.manifest.cookieOut);

    assert.ok((await acknowledge(second.manifest.cookieOut ?? '')).kind === 'done');
    stand.advance(2 * hour);
    const fourth = await stand.publish();
    assert.deepEqual(
      fourth.rows.map((row) => row['Name']),
      ['Second'],
    );
    for (const wrong of ['11111111-2222-3333-4444-555555555555', '../../etc/passwd', '']) {
      const refused = await acknowledge(wrong);
      assert.ok(
        refused.kind === 'failed' && refused.exitCode === 2 && refused.failure.code === 'RUN_COOKIE_UNKNOWN',
        wrong,
      );
    }
    assert.notEqual(first.manifest.cookieOut, early.manifest.cookieOut);
  }));

test('the cookie moves only with the files: a run that fails leaves it, and one that died between the renames is finished', () =>
  onStand(async (stand) => {
    await stand.publish();
    stand.advance(2 * hour);
    stand.organization.change({ kind: 'createMailbox', name: 'Created' });
    const cookie = readFileSync(stand.cookie);
    const cancelled = new AbortController();
    cancelled.abort();
    assert.equal((await stand.export({ signal: cancelled.signal })).kind, 'cancelled');
    assert.deepEqual(readFileSync(stand.cookie), cookie);
    assert.deepEqual(readdirSync(join(stand.cookie, '..')), ['Main_cookie.bin']);

    // As a death after the first rename leaves it: the journal, and three files under their temporary names.
    const { manifest } = await stand.publish();
    const paths = [
      join(stand.output, 'Main_mailboxes.csv'),
      join(stand.output, 'Main_databases.csv'),
      stand.cookie,
      join(stand.output, 'Main_manifest.json'),
    ];
    const files = paths.map((path, index) => {
      const temporary = join(path, '..', `.temporary-${index}`);
      const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex');
      if (index > 0) renameSync(path, temporary);
      return { path, temporary, sha256 };
    });
    writeFileSync(join(stand.state, 'publication.json'), JSON.stringify({ runId: 'dead', files }));
    stand.advance(2 * hour);
    const next = await stand.publish();
    assert.equal(next.manifest.mode, 'incremental');
    assert.equal(next.manifest.cookieIn, manifest.cookieOut);
    assert.ok(next.manifest.warnings.some((text) => text.includes('that was finished now')));
  }));

for (const isLoaded of [true, false]) {
  test(`files of a run that died before its cookie moved, ${isLoaded ? 'loaded' : 'not loaded'}: the next export holds for who has them`, () =>
    onStand(async (stand) => {
      stand.load((await stand.publish()).rows);
      const [goneBefore = '', changed = ''] = stand.mailboxes(2);
      const name = stand.loaded.get(changed)?.['DisplayName'] ?? '';
      const older = readFileSync(stand.cookie);
      stand.advance(2 * hour);
      const { guid: goneAfter } = stand.organization.change({ kind: 'createMailbox', name: 'Short' });
      stand.organization.change({ kind: 'removeMailbox', mailbox: goneBefore });
      stand.organization.change({ kind: 'setMailbox', mailbox: changed, properties: { displayName: 'For a while' } });
      const second = await stand.publish();
      if (isLoaded) stand.load(second.rows);
      // As a death between the manifest and the cookie leaves it.
      const temporary = join(stand.cookie, '..', '.waiting');
      const cookie = {
        path: stand.cookie,
        temporary,
        sha256: createHash('sha256').update(readFileSync(stand.cookie)).digest('hex'),
      };
      renameSync(stand.cookie, temporary);
      writeFileSync(stand.cookie, older);
      writeFileSync(join(stand.state, 'publication.json'), JSON.stringify({ runId: 'dead', files: [], cookie }));
      stand.advance(2 * hour);
      stand.organization.change({ kind: 'removeMailbox', mailbox: goneAfter });
      stand.organization.change({ kind: 'setMailbox', mailbox: changed, properties: { displayName: name } });

      const third = await stand.publish();
      assert.match(third.manifest.reason ?? '', /died while it put its files in place/);
      stand.load(third.rows);
      assert.deepEqual(
        third.rows.filter(({ Command }) => Command === 'Delete').map((row) => row['Guid']),
        [goneBefore, goneAfter].sort(),
      );
      const truth = [...stand.organization.truth().mailboxes()].filter(
        ({ hiddenBehind }) => hiddenBehind === undefined,
      );
      assert.equal(stand.loaded.get(changed)?.['DisplayName'], name);
      assert.deepEqual([...stand.loaded.keys()].sort(), truth.map(({ guid }) => guid).sort());
      assert.deepEqual(readdirSync(join(stand.cookie, '..')), ['Main_cookie.bin']);
      assert.equal((await stand.publish()).manifest.mode, 'incremental');
    }));
}

test('a filter in braces, as PowerShell documents them, and a blank one hold in a complete export, in parts and in increments', async () => {
  for (const filter of ["{Alias -ne 'x' -or Name -eq '}'}", " { (Alias -ne 'x') } ", ' '])
    await onStand(
      async (stand) => {
        stand.settings = { filter, shells: 2, shellSpacingMs: 0 };
        assert.equal((await stand.publish()).manifest.mode, 'complete');
        const [removed = ''] = stand.mailboxes(1);
        stand.advance(hour);
        stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
        stand.advance(hour);
        const { manifest, rows } = await stand.publish();
        assert.equal(manifest.mode, 'incremental', manifest.reason ?? '');
        assert.deepEqual(
          rows.map(({ Command, Guid }) => [Command, Guid]),
          [['Delete', removed]],
        );
      },
      { mailboxes: 1100 },
    );
});

test('an account that may not count, list units or project is served all the same', async () => {
  for (const without of [['Measure-Object'], ['Get-OrganizationalUnit'], ['Select-Object']]) {
    await onStand(
      async (stand) => {
        await stand.publish();
        stand.advance(2 * hour);
        const [removed = ''] = stand.mailboxes(1);
        stand.organization.change({ kind: 'removeMailbox', mailbox: removed });
        const { guid } = stand.organization.change({ kind: 'createMailbox', name: 'Created' });
        const { manifest, rows } = await stand.publish();
        assert.equal(manifest.mode, 'incremental', without.join());
        assert.deepEqual(
          new Map(rows.map((row) => [row['Guid'], row['Command']])),
          new Map([
            [removed, 'Delete'],
            [guid, 'Insert'],
          ]),
        );
      },
      { mailboxes: 60, without },
    );
  }
});
