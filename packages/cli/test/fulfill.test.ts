import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, watch, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { parse } from 'csv-parse/sync';
import { openTestHost } from '../../powershell-process/test/test-host.ts';
import { makeSettings, runProgram, startProgram } from './program.ts';

const host = await openTestHost();
const skip = host.kind === 'absent' ? host.reason : false;

/** A script that notes each order before and after its work, with the process that did it, and can be held in one. */
const script = `param(
  [Parameter(Mandatory = $true)][string]$resultsFilePath,
  [Parameter(Mandatory = $true)][string]$ordersPath
)
. (Join-Path -Path $PSScriptRoot -ChildPath "Environment.ps1")
. (Join-Path -Path $runtimePath -ChildPath "Usercube-Visit-Orders.ps1")
function Fulfill-Test {
  param ([parameter(Mandatory = $true)] $order)
  [System.IO.File]::AppendAllText("$demoPath/calls.txt", "$($order.AssignedResourceTypeId) $PID\`n")
  while ([System.IO.File]::Exists("$demoPath/hold-$($order.AssignedResourceTypeId)")) { [System.Threading.Thread]::Sleep(20) }
  [System.IO.File]::AppendAllText("$demoPath/done.txt", "$($order.AssignedResourceTypeId)\`n")
  if ($order.AssignedResourceTypeId -eq '3') { throw 'not this one' }
}
$options = ConvertFrom-Json ([System.Console]::ReadLine())
if ($options.Own -ne 'x') { throw "Options are not whole" }
Usercube-Visit-Orders $resultsFilePath $ordersPath Fulfill-Test
`;

const orderCount = 10;

class Place {
  readonly settings: string;
  readonly folder: string;
  readonly environment: Readonly<Record<string, string>>;

  constructor(context: TestContext, more: object = {}) {
    this.settings = makeSettings(context, {
      Main: {
        Server: 'http://mailbox01.contoso.com/PowerShell/',
        PowerShellScriptPath: 'Fulfill-Test.ps1',
        Options: { Server: 'http://mailbox01.contoso.com/PowerShell/', Own: 'x', Password: 'hunter2' },
        ...more,
      },
    });
    this.folder = dirname(this.settings);
    this.environment = { EXCHANGE_CONNECTOR_POWERSHELL: host.kind === 'ready' ? host.program : 'pwsh' };
    writeFileSync(join(this.settings, 'Fulfill-Test.ps1'), script);
    mkdirSync(join(this.folder, 'orders'));
    const orders = Array.from({ length: orderCount }, (_, index) => ({
      AssignedResourceTypeId: String(index + 1),
      ChangeType: 'Modified',
      Owner: { Id: 'o' },
    }));
    writeFileSync(
      join(this.folder, 'orders', 'a.json'),
      JSON.stringify({ ProvisioningOrdersList: orders.slice(0, 4) }),
    );
    writeFileSync(join(this.folder, 'orders', 'b.json'), JSON.stringify({ ProvisioningOrdersList: orders.slice(4) }));
  }

  get parameters(): string[] {
    const { folder, settings } = this;
    return ['fulfill', '--settings', settings, '--orders', join(folder, 'orders'), '--results', join(folder, 'r.csv')];
  }

  lines(name: string): string[] {
    const path = join(this.folder, name);
    return existsSync(path) ? readFileSync(path, 'utf8').split('\n').slice(0, -1) : [];
  }

  /** Starts a run that stays in an order until {@link release}. @returns it, and the process id of its script there */
  async startHeldIn(order: number): Promise<{ running: ReturnType<typeof startProgram>; script: number }> {
    writeFileSync(join(this.folder, `hold-${order}`), '');
    const running = startProgram(this.parameters, this);
    return { running, script: await this.#handed(order) };
  }

  release(order: number): void {
    rmSync(join(this.folder, `hold-${order}`));
  }

  /** Resolves with the process id of the script when it has been handed so many orders. */
  async #handed(count: number): Promise<number> {
    const changes = watch(this.folder);
    try {
      while (this.lines('calls.txt').length < count) {
        await new Promise<void>((resolve) => changes.once('change', () => resolve()));
      }
    } finally {
      changes.close();
    }
    return Number(this.lines('calls.txt').at(-1)?.split(' ')[1]);
  }

  rows(): Record<string, string>[] {
    return parse(readFileSync(join(this.folder, 'r.csv')), { columns: true }) as Record<string, string>[];
  }

  /** No order ran twice; each has one row, which says no more than is true. @returns how many are unknown */
  check(): number {
    const called = this.lines('calls.txt').map((line) => line.split(' ')[0] ?? '');
    assert.equal(new Set(called).size, called.length, `run twice: ${called.join(' ')}`);
    const rows = this.rows();
    assert.deepEqual(
      rows.map((row) => row['AssignmentId']),
      Array.from({ length: orderCount }, (_, index) => String(index + 1)),
    );
    const done = new Set(this.lines('done.txt'));
    let unknown = 0;
    for (const { AssignmentId: id = '', ProvisioningState: state, Message: message = '' } of rows) {
      if (state === 'Executed') assert.ok(done.has(id), `order ${id} is Executed and was not done`);
      else if (message.startsWith('outcome unknown')) unknown += 1;
      else assert.deepEqual([id, message], ['3', 'not this one']);
      assert.ok(called.includes(id) || message.startsWith('outcome unknown'), `order ${id} was lost`);
    }
    return unknown;
  }
}

test('fulfill says what it did, for a person and for a script', { skip }, async (context) => {
  const place = new Place(context);
  const ended = await runProgram(place.parameters, place);
  assert.equal(ended.code, 5, ended.errors);
  assert.match(ended.output, /r\.csv\norders: Executed 9, Errored 1\nduration: [\d.]+ s\n$/);
  assert.match(ended.errors, /1 of 10 orders errored/);
  assert.match(ended.errors, /order 3: not this one/);
  assert.doesNotMatch(ended.errors + ended.output, /hunter2/);
  assert.equal(place.check(), 0);
});

test('fulfill --json prints one line', { skip }, async (context) => {
  const place = new Place(context);
  const ended = await runProgram([...place.parameters, '--json'], place);
  const { orders, executed, errored, engine, setAside } = JSON.parse(ended.output) as Record<string, unknown>;
  assert.deepEqual([orders, executed, errored, engine, setAside], [10, 9, 1, 'script', []]);
});

test('what fulfill cannot do is refused with exit 2 and nothing is contacted', async (context) => {
  const place = new Place(context);
  const native = new Place(context, { PowerShellScriptPath: undefined });
  for (const [parameters, said] of [
    [['fulfill', '--settings', place.settings], /--orders is missing[\s\S]*--results is missing/],
    [
      ['fulfill', '--settings', place.settings, '--orders', place.folder, '--plan'],
      /carries out orders with the script .*, and a plan is made by the native engine only/,
    ],
    [
      ['fulfill', '--settings', place.settings, '--apply', 'x', '--results', join(place.folder, 'y.csv')],
      /with the script .*, and a plan is carried out by the native engine only/,
    ],
    [[...native.parameters, '--plan'], /--results: a plan changes nothing/],
    [[...native.parameters, '--plan-file', 'p'], /--plan-file goes with --plan/],
    [[...native.parameters, '--apply', 'p'], /--orders: the plan that --apply names holds its orders/],
    [
      [
        'fulfill',
        '--settings',
        native.settings,
        '--apply',
        join(native.folder, 'none'),
        '--results',
        join(native.folder, 'y.csv'),
      ],
      /none cannot be carried out: it is not there/,
    ],
    [['undo', '--settings', native.settings], /missing required argument 'run'/],
    [['undo', '../x', '--settings', native.settings], /this is no id of a run/],
    [['undo', 'x', '--settings', native.settings], /no run of the native engine has this id/],
  ] as const) {
    const ended = await runProgram([...parameters], place);
    assert.equal(ended.code, 2, ended.errors);
    assert.match(ended.errors, said);
  }
  const without = await runProgram(place.parameters, {
    environment: { EXCHANGE_CONNECTOR_POWERSHELL: '/nowhere/pwsh' },
  });
  assert.equal(without.code, 3);
  assert.match(without.errors, /needs a PowerShell to run in/);
});

for (const count of [1, 3, 7, orderCount]) {
  test(`the connector killed at order ${count}: the next run tells what was done and goes on`, {
    skip,
  }, async (context) => {
    const place = new Place(context);
    const { running } = await place.startHeldIn(count);
    running.process.kill('SIGKILL');
    await running.ended;
    place.release(count);
    assert.ok(!existsSync(join(place.folder, 'r.csv')));
    const ended = await runProgram(place.parameters, place);
    assert.ok(ended.code === 5, ended.errors);
    assert.match(ended.errors, /were handed out by a run that died: they are not run again/);
    assert.ok(place.check() <= 2);
    const runs = readdirSync(join(place.folder, 'Work', 'Fulfill'));
    assert.equal(runs.length, 2);
    for (const run of runs)
      assert.deepEqual(readdirSync(join(place.folder, 'Work', 'Fulfill', run)), ['journal.jsonl']);
  });

  test(`the script killed at order ${count}: the rest goes on in the same run`, { skip }, async (context) => {
    const place = new Place(context);
    const { running, script } = await place.startHeldIn(count);
    process.kill(script, 'SIGKILL');
    const ended = await running.ended;
    assert.equal(ended.code, 5, ended.errors);
    assert.ok(place.check() <= 1);
  });
}

test('Ctrl-C in the middle: exit 130, each order has its row', { skip }, async (context) => {
  const place = new Place(context);
  const { running } = await place.startHeldIn(4);
  running.process.kill('SIGINT');
  const ended = await running.ended;
  assert.equal(ended.code, 130, ended.errors);
  const rows = place.rows();
  assert.equal(rows.length, orderCount);
  assert.match(rows.at(-1)?.['Message'] ?? '', /^not run: the run was ended/);
});

test('a second run of the connection is refused while one is at work', { skip }, async (context) => {
  const place = new Place(context);
  const { running } = await place.startHeldIn(1);
  const second = await runProgram(place.parameters, place);
  assert.equal(second.code, 4, second.errors);
  place.release(1);
  await running.ended;
  assert.equal(place.check(), 0);
});
