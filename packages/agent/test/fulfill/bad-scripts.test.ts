import assert from 'node:assert/strict';
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import type { FulfillOutcome } from '@exchange-connector/agent';
import { orderOf, Rehearsal, scriptHead, skip, visitingScript } from './fulfilment.ts';

/* What scripts can do wrong: a clear error, and no order is lost or run twice. */

function failureOf(outcome: FulfillOutcome): { code: string; message: string; exitCode: number } {
  assert.equal(outcome.kind, 'failed');
  const { code, message } = outcome.failure;
  return { code, message, exitCode: outcome.exitCode };
}

function summaryOf(outcome: FulfillOutcome) {
  assert.ok(outcome.summary !== undefined, JSON.stringify(outcome));
  return outcome.summary;
}

const orders = ['1', '2', '3', '4', '5'].map((id) => orderOf(id));

test('a script that is not there is refused before anything is done', { skip }, async (context) => {
  const rehearsal = new Rehearsal(context, '');
  rmSync(rehearsal.script);
  rehearsal.put('a.json', ...orders);
  const outcome = await rehearsal.run();
  const { code, message, exitCode } = failureOf(outcome);
  assert.deepEqual([code, exitCode], ['RUN_SETTINGS_UNUSABLE', 2]);
  assert.match(message, /Fulfill-Test\.ps1 cannot be read: it is not there/);
  assert.equal(existsSync(rehearsal.results), false);
});

for (const [what, script, said] of [
  ['does not parse', `${scriptHead}if (`, /Missing condition/],
  ['throws at once', `${scriptHead}throw 'no session'`, /no session/],
  [
    'names a function that is not there',
    `${scriptHead}Usercube-Visit-Orders $resultsFilePath $ordersPath Nobody`,
    /no function Nobody/,
  ],
  ['ends well and asks for nothing', `${scriptHead}# Usercube-Visit-Orders`, /exit code 0/],
] as const) {
  test(`a script that ${what}: no order is run, each says so, and all can be sent again`, { skip }, async (context) => {
    const rehearsal = new Rehearsal(context, script);
    rehearsal.put('a.json', ...orders);
    const outcome = await rehearsal.run();
    const { code, message, exitCode } = failureOf(outcome);
    assert.deepEqual([code, exitCode], ['RUN_SCRIPT_FAILED', 1]);
    assert.match(message, said);
    assert.deepEqual(
      rehearsal.states().map(([id, state, text]) => [id, state, text?.startsWith('not run: the script ended')]),
      orders.map((_, index) => [String(index + 1), 'Errored', true]),
    );
    rehearsal.write(visitingScript(''));
    assert.equal((await rehearsal.run()).exitCode, 0);
    assert.deepEqual(rehearsal.calls(), ['1', '2', '3', '4', '5']);
  });
}

test('rubbish on both streams, with no line end in megabytes of it, harms nothing', { skip }, async (context) => {
  const rehearsal = new Rehearsal(
    context,
    visitingScript(`
  [Console]::Out.Write([string]::new('x', 1000000)); [Console]::Error.Write([char]27 + '[31m' + [char]0 + 'y')
  [Console]::Out.WriteLine('Progress:99999999999'); [Console]::Out.WriteLine('OrdersCount:nine')`),
  );
  rehearsal.put('a.json', ...orders);
  assert.equal((await rehearsal.run()).exitCode, 0);
  assert.equal(rehearsal.rows().length, 6);
});

test('the process that dies in the middle: the order in hand is errored, its outcome unknown, the rest goes on', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(
    context,
    visitingScript(`if ($order.AssignedResourceTypeId -eq '2') { [System.Diagnostics.Process]::GetCurrentProcess().Kill() }
  if ($order.AssignedResourceTypeId -eq '4') { exit 3 }`),
  );
  rehearsal.put('a.json', ...orders);
  const outcome = await rehearsal.run();
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(rehearsal.calls(), ['1', '2', '3', '4', '5']);
  const unknown = (end: string): string =>
    `outcome unknown: the script's process ${end} while this order was being carried out; it is not run again`;
  assert.deepEqual(rehearsal.states(), [
    ['1', 'Executed', ''],
    ['2', 'Errored', unknown('was killed (SIGKILL)')],
    ['3', 'Executed', ''],
    ['4', 'Errored', unknown('ended with exit code 3')],
    ['5', 'Executed', ''],
  ]);
});

test('a script that dies with every order is given up', { skip }, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript('exit 1'));
  rehearsal.put('a.json', ...orders);
  assert.equal((await rehearsal.run()).exitCode, 5);
  assert.deepEqual(rehearsal.calls(), ['1', '2', '3']);
  assert.match(rehearsal.states()[3]?.[2] ?? '', /^not run: the script's process died 3 times in a row/);
});

test('a script that never ends is ended by the time limit, and each order has its row', { skip }, async (context) => {
  const rehearsal = new Rehearsal(
    context,
    visitingScript("if ($order.AssignedResourceTypeId -eq '2') { while ($true) { } }"),
  );
  rehearsal.put('a.json', ...orders);
  const limit = new AbortController();
  const { code } = failureOf(
    await rehearsal.run({
      signal: limit.signal,
      onProgress({ done }) {
        if (done === 1) limit.abort(new DOMException('passed', 'TimeoutError'));
      },
    }),
  );
  assert.equal(code, 'RUN_TIMED_OUT');
  const [first, second, third] = rehearsal.states();
  assert.deepEqual(first, ['1', 'Executed', '']);
  assert.match(second?.[2] ?? '', /outcome unknown|not run: the run was ended/);
  assert.deepEqual(third, ['3', 'Errored', 'not run: the run was ended before its turn came']);
});

test('a script that throws after its orders leaves their results, and is reported', { skip }, async (context) => {
  const rehearsal = new Rehearsal(context, `${visitingScript('')}\nthrow 'while tidying up'`);
  rehearsal.put('a.json', ...orders);
  const outcome = await rehearsal.run();
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(
    rehearsal.states().map(([, state]) => state),
    orders.map(() => 'Executed'),
  );
  assert.match(summaryOf(outcome).warnings.join(), /ended with exit code 1; it said: .*while tidying up/);
});

test('a second visit in one script hands nothing out again', { skip }, async (context) => {
  const rehearsal = new Rehearsal(
    context,
    `${visitingScript('')}\nUsercube-Visit-Orders $resultsFilePath $ordersPath Fulfill-Test`,
  );
  rehearsal.put('a.json', ...orders);
  const outcome = await rehearsal.run();
  assert.deepEqual(rehearsal.calls(), ['1', '2', '3', '4', '5']);
  assert.match(summaryOf(outcome).warnings.join(), /no order is handed out twice/);
});

/** Scripts that visit by themselves: what they wrote no row for may have been done. */
function ownScript(rows: string): string {
  return `param([string]$resultsFilePath, [string]$ordersPath)
$demoPath = $env:EXCHANGE_CONNECTOR_DEMO_PATH
$files = [System.IO.Directory]::GetFiles($ordersPath, '*.json'); [Array]::Sort($files, [System.StringComparer]::Ordinal)
foreach ($file in $files) {
  $order = (ConvertFrom-Json ([System.IO.File]::ReadAllText($file))).ProvisioningOrdersList[0]
  [System.IO.File]::AppendAllText("$demoPath/calls.txt", $order.AssignedResourceTypeId + [char]10)
}
[System.IO.File]::WriteAllText($resultsFilePath, @"
${rows}
"@)
`;
}
const header = 'AssignmentId,ProvisioningState,Message,ChangeType,OwnerId,OwnerType';

test('a script without the helper is run once; its rows are checked, and what lacks one is errored', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(
    context,
    ownScript(
      `${header}\n1,Executed,,Added,,\n999,Executed,,Added,,\n2,errored,"it, said",Added,,\n3,Fine,hm,Added,,\n3,Executed,,Added,,\n4,Executed\n5,Exec`,
    ),
  );
  rehearsal.put('a.json', ...orders);
  const outcome = await rehearsal.run();
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(rehearsal.calls(), ['1', '2', '3', '4', '5']);
  const missing =
    'outcome unknown: the script wrote no result for this order, and ended with exit code 0; it is not run again';
  assert.deepEqual(rehearsal.states(), [
    ['1', 'Executed', ''],
    ['2', 'Errored', 'it, said'],
    ['3', 'Errored', 'the script wrote the state "Fine", which is neither Executed nor Errored: hm'],
    ['4', 'Errored', missing],
    ['5', 'Errored', missing],
  ]);
  const said = summaryOf(outcome).warnings.join('\n');
  assert.match(said, /line 3 has the AssignmentId "999", which is none of the orders'/);
  assert.match(said, /line 6 is one more row for the order 3/);
  assert.match(said, /line 7 has 2 values under 6 columns/);
  assert.match(said, /the file ends in the middle of a row/);
});

test('a script without the helper that writes another table, or nothing, leaves every outcome unknown', {
  skip,
}, async (context) => {
  for (const script of [
    ownScript('Name,State\n1,Executed\n'),
    'param([string]$resultsFilePath, [string]$ordersPath)',
  ]) {
    const rehearsal = new Rehearsal(context, script);
    rehearsal.put('a.json', ...orders);
    assert.equal((await rehearsal.run()).exitCode, 5);
    for (const [, state, message] of rehearsal.states()) {
      assert.equal(state, 'Errored');
      assert.match(message ?? '', /^outcome unknown: the script wrote no result/);
    }
  }
});

test('rows that a script adds after the helper cannot make an errored order executed', { skip }, async (context) => {
  const rehearsal = new Rehearsal(
    context,
    `${visitingScript("if ($order.AssignedResourceTypeId -eq '1') { throw 'no' }")}
[System.IO.File]::AppendAllText($resultsFilePath, "1,Executed,,,,\`n2,Errored,later found wrong,,,\`nx,Executed,,,,\`n")`,
  );
  rehearsal.put('a.json', ...orders.slice(0, 3));
  assert.equal((await rehearsal.run()).exitCode, 5);
  assert.deepEqual(rehearsal.states(), [
    ['1', 'Errored', 'no'],
    ['2', 'Errored', 'later found wrong'],
    ['3', 'Executed', ''],
  ]);
});

test('files and orders that cannot be used are set aside with the reason, and the rest goes on', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript(''));
  writeFileSync(join(rehearsal.orders, 'a.json'), '{ "ProvisioningOrdersList": [');
  writeFileSync(join(rehearsal.orders, 'b.json'), '[]');
  writeFileSync(join(rehearsal.orders, 'c.json'), `${'['.repeat(200_000)}`);
  writeFileSync(join(rehearsal.orders, 'd.json'), Buffer.from([0x7b, 0xff, 0x7d]));
  writeFileSync(join(rehearsal.orders, 'readme.txt'), 'no order');
  mkdirSync(join(rehearsal.orders, 'Completed.json'));
  // A pipe would be waited for, without an end; both are told by what they are.
  const hasDevices = process.platform !== 'win32';
  if (hasDevices) symlinkSync('/dev/null', join(rehearsal.orders, 'device.json'));
  rehearsal.put('e.json', { ChangeType: 'Added' }, orderOf('7'));
  writeFileSync(
    join(rehearsal.orders, 'f.json'),
    `\ufeff{"Other":{},"provisioningorderslist":[{"AssignedResourceTypeId":12345678901234567890,"Owner":null,"__proto__":{"x":1}}]}`,
  );
  const outcome = await rehearsal.run();
  assert.equal(outcome.exitCode, 5);
  assert.deepEqual(
    summaryOf(outcome).setAside.map(({ file }) => file),
    ['a.json', 'b.json', 'c.json', 'd.json', ...(hasDevices ? ['device.json'] : []), 'e.json'],
  );
  const device = summaryOf(outcome).setAside.find(({ file }) => file === 'device.json');
  if (hasDevices) assert.match(device?.reason ?? '', /^it is no file \(a pipe/);
  assert.deepEqual(rehearsal.states(), [
    ['7', 'Executed', ''],
    ['12345678901234567890', 'Executed', ''],
  ]);
});

test('a folder without orders gives an empty table, and no script is run', { skip }, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript("throw 'not to be run'"));
  assert.equal((await rehearsal.run()).exitCode, 0);
  assert.equal(readFileSync(rehearsal.results, 'utf8'), `${header}\r\n`);
  assert.equal(failureOf(await rehearsal.run({ ordersFolder: join(rehearsal.folder, 'none') })).exitCode, 2);
});

test('an Environment.ps1 is put beside a script that lacks it, and one that is there is left', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript(''));
  rehearsal.put('a.json', orderOf('1'));
  await rehearsal.run();
  const place = join(dirname(rehearsal.script), 'Environment.ps1');
  assert.match(readFileSync(place, 'utf8'), /EXCHANGE_CONNECTOR_RUNTIME_PATH/);
  const own = '$runtimePath = $env:EXCHANGE_CONNECTOR_RUNTIME_PATH; $demoPath = $env:EXCHANGE_CONNECTOR_DEMO_PATH';
  writeFileSync(place, own);
  assert.equal((await rehearsal.run()).exitCode, 0);
  assert.equal(readFileSync(place, 'utf8'), own);
  const above = new Rehearsal(
    context,
    visitingScript('').replace('$PSScriptRoot -ChildPath', '(Split-Path $PSScriptRoot -Parent) -ChildPath'),
  );
  above.put('a.json', orderOf('1'));
  assert.equal((await above.run()).exitCode, 0);
  assert.ok(existsSync(join(above.folder, 'Environment.ps1')));
});

test('a secret of Options reaches the script, and nothing that is written', { skip }, async (context) => {
  const { Secret } = await import('@exchange-connector/config');
  const secret = 'päss"word 1';
  const rehearsal = new Rehearsal(
    context,
    visitingScript(`[Console]::Error.WriteLine($options.Password); Write-Host $options.Password "azure $env:AZURE_CLIENT_SECRET"
  [System.IO.File]::WriteAllText("$demoPath/seen.txt", "$($options.Password)|$($options.Count)|$($options.Flag)|$(@([Environment]::GetEnvironmentVariables().Values) -contains 'of the environment')")
  throw "login as $($options.Password) refused"`),
    {
      fulfillOptions: [
        { name: 'Password', value: new Secret(secret) },
        { name: 'Count', value: 5 },
        { name: 'Flag', value: false },
      ],
    },
  );
  rehearsal.put('a.json', orderOf('1'));
  const { listenToLog } = await import('@exchange-connector/agent');
  const log: string[] = [];
  const stop = listenToLog((record) => log.push(JSON.stringify(record)));
  const variables = ['EXCHANGE_PASSWORD', 'Connections__Main__Password', 'EncryptionCertificate__Password'].concat(
    'EXCHANGE_CERTIFICATE_PASSWORD',
    'EXCHANGE_CERTIFICATE_PASSWORD_KEY',
    'EXCHANGE_NEW_CERTIFICATE_PASSWORD',
  );
  process.env['AZURE_CLIENT_SECRET'] = 'planted-of-azure';
  context.after(() => delete process.env['AZURE_CLIENT_SECRET']);
  for (const name of variables) process.env[name] = 'of the environment';
  const outcome = await rehearsal.run();
  for (const name of variables) delete process.env[name];
  stop();
  assert.equal(readFileSync(join(rehearsal.folder, 'seen.txt'), 'utf8'), `${secret}|5|False|False`);
  assert.deepEqual(rehearsal.states(), [['1', 'Errored', 'login as [secret] refused']]);
  const all = [rehearsal.leftText(), ...log, JSON.stringify(outcome)].join('\n');
  assert.doesNotMatch(all, /ss"word|ss\\"word|planted-of-azure/);
  assert.match(all, /azure \[secret\]/);
  assert.match(all, /\[secret\]/);
});

test('results that cannot be written are found out before the first order', { skip }, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript(''));
  rehearsal.put('a.json', ...orders);
  assert.equal(failureOf(await rehearsal.run({ resultsFile: rehearsal.orders })).exitCode, 2);
  assert.equal(failureOf(await rehearsal.run({ resultsFile: join(rehearsal.script, 'x.csv') })).exitCode, 1);
  assert.deepEqual(rehearsal.calls(), []);
  chmodSync(rehearsal.script, 0o644);
});
