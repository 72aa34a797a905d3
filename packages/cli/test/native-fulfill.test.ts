/* Orders through the program, natively: plan, apply, undo, audit. Server and program are processes. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { parse } from 'csv-parse/sync';
import { type Ended, makeSettings, runProgram } from './program.ts';

const simulatorFile = fileURLToPath(new URL('../../exchange-simulator/bin/exchange-simulator.mjs', import.meta.url));

async function startSimulator(context: TestContext): Promise<string> {
  const parameters = ['--login', 'demo', '--mailboxes', '60', '--databases', '2'];
  const child = spawn(process.execPath, [simulatorFile, ...parameters], {
    env: { ...process.env, EXCHANGE_PASSWORD: 'hunter2' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const ended = once(child, 'exit');
  context.after(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const [url] = (await once(createInterface(child.stdout), 'line')) as [string];
  return url;
}

class Place {
  readonly settings: string;
  readonly folder: string;
  readonly results: string;

  constructor(context: TestContext, url: string, more: object = {}) {
    const main = { AuthType: 'Basic', AllowUnencryptedBasic: true, Login: 'demo', Password: 'hunter2', Server: url };
    this.settings = makeSettings(context, { Main: { ...main, ...more } });
    this.folder = dirname(this.settings);
    this.results = join(this.folder, 'results.csv');
    mkdirSync(join(this.folder, 'orders'));
  }

  give(...changes: readonly (readonly [id: string, sam: string, changes: object])[]): void {
    const orders = changes.map(([id, sam, given]) => ({
      AssignedResourceTypeId: id,
      ChangeType: 'Modified',
      Owner: { Id: `owner-${id}` },
      ResourceType: {
        SourceEntityType: { Identifier: 'Directory_User' },
        TargetEntityType: { Identifier: 'MicrosoftExchange_Mailbox' },
      },
      Changes: given,
      Resource: { SamAccountName: sam },
    }));
    writeFileSync(join(this.folder, 'orders', 'a.json'), JSON.stringify({ ProvisioningOrdersList: orders }));
  }

  run(...parameters: readonly string[]): Promise<Ended> {
    return runProgram([...parameters, '--settings', this.settings, '--no-progress']);
  }

  rows(): Record<string, string>[] {
    return parse(readFileSync(this.results), { columns: true }) as Record<string, string>[];
  }
}

test('orders are planned, applied, taken back and audited through the program', async (context) => {
  const place = new Place(context, await startSimulator(context));
  const orders = join(place.folder, 'orders');
  const plan = join(place.folder, 'plan.json');
  place.give(['1', 'Administrator', { DisplayName: 'Victor B.' }], ['2', 'nobody.at.all', { DisplayName: 'Nobody' }]);
  const planned = await place.run('fulfill', '--orders', orders, '--plan', '--plan-file', plan);
  assert.equal(planned.code, 5, planned.errors);
  assert.match(planned.output, /DisplayName: "Administrator" → "Victor B\."/);
  assert.match(planned.output, /Set-Mailbox -Identity '[0-9a-f-]{36}' -DisplayName 'Victor B\.'/);
  assert.match(planned.output, /refused \(not-found\): .*nobody\.at\.all/);
  assert.match(planned.output, /^order 2 \(2\) Modified mailbox with SamAccountName "nobody\.at\.all"$/m);
  const before = await place.run('audit', 'verify');
  assert.deepEqual([before.code, before.output.split('\n')[0]], [0, 'audit of Main: intact; lines: 0, runs: 0']);

  const applied = await place.run('fulfill', '--apply', plan, '--results', place.results);
  assert.equal(applied.code, 5, applied.errors);
  assert.deepEqual(
    place
      .rows()
      .map(({ AssignmentId, ProvisioningState, OwnerId, OwnerType }) => [
        AssignmentId,
        ProvisioningState,
        OwnerId,
        OwnerType,
      ]),
    [
      ['1', 'Executed', 'owner-1', 'Directory_User'],
      ['2', 'Errored', 'owner-2', 'Directory_User'],
    ],
  );
  const [, run = ''] = /^run: (\S+)$/m.exec(applied.output) ?? [];
  assert.ok(readdirSync(join(place.folder, 'Work', 'Fulfill')).includes(run), applied.output);

  const shown = await place.run('undo', run, '--plan', '--json');
  assert.equal(shown.code, 0, shown.errors);
  assert.equal((JSON.parse(shown.output) as { plan: { steps: unknown[] } }).plan.steps.length, 1);
  const undone = await place.run('undo', run, '--json');
  assert.equal(undone.code, 0, undone.errors);
  assert.deepEqual(
    (({ executed, errored, results }) => ({ executed, errored, results }))(
      JSON.parse(undone.output) as Record<string, unknown>,
    ),
    {
      executed: 1,
      errored: 0,
      results: null,
    },
  );
  const twice = await place.run('undo', run, '--results', place.results, '--retired-dc', 'dc09.example.test', 'dc08');
  assert.equal(twice.code, 0, twice.errors);
  assert.match(place.rows()[0]?.['Message'] ?? '', /^nothing was to be done: .*undone already$/);
  const refused = await place.run('fulfill', '--orders', orders, '--plan', '--retired-dc', 'dc09.example.test');
  assert.equal(refused.code, 2);
  assert.match(refused.errors, /--retired-dc: a plan finishes no run that died/);
  const again = await place.run('fulfill', '--orders', orders, '--plan');
  assert.match(again.output, /DisplayName: "Administrator" → "Victor B\."/);

  const audit = await place.run('audit', 'verify', '--json');
  const verdict = JSON.parse(audit.output) as Record<string, unknown>;
  assert.deepEqual([audit.code, verdict['kind'], verdict['lines'], verdict['runs']], [0, 'intact', 2, 2]);
  const file = join(place.folder, 'Work', 'Fulfill', run, 'audit.jsonl');
  assert.doesNotMatch(readFileSync(file, 'utf8'), /hunter2/);
  writeFileSync(file, readFileSync(file, 'utf8').replace('Victor', 'Viktor'));
  const broken = await place.run('audit', 'verify');
  assert.equal(broken.code, 1);
  assert.match(broken.errors, /the audit of Main is broken: .*audit\.jsonl:1: its content does not fit its hash/);
});

test('a threshold is exit 4 until it is released; a server that is not there is exit 3', async (context) => {
  const url = await startSimulator(context);
  const place = new Place(context, url, { MaximumUpdatedLines: 1 });
  const parameters = ['fulfill', '--orders', join(place.folder, 'orders'), '--results', place.results];
  place.give(['1', 'Administrator', { DisplayName: 'A' }], ['2', 'mweiss22', { DisplayName: 'B' }]);
  const stopped = await place.run(...parameters);
  assert.equal(stopped.code, 4, stopped.errors);
  assert.match(stopped.errors, /nothing was changed: .*MaximumUpdatedLines.*\[RUN_THRESHOLD_EXCEEDED\]/);
  const released = await place.run(...parameters, '--release');
  assert.equal(released.code, 0, `${released.errors} ${JSON.stringify(place.rows())}`);
  const away = new Place(context, 'http://localhost:9/PowerShell/');
  away.give(['1', 'Administrator', { DisplayName: 'A' }]);
  const ended = await away.run('fulfill', '--orders', join(away.folder, 'orders'), '--results', away.results);
  assert.equal(ended.code, 3, ended.errors);
});
