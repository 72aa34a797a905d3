import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { orderOf, Rehearsal, scriptHead, skip, visitingScript } from './fulfilment.ts';

test('ids that ConvertFrom-Json reads as dates or numbers name their rows as the order spells them', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript(''));
  const ids = ['2024-05-01T10:00:00Z', ' 28 ', '/Date(1700000000000)/', '0x1F'];
  rehearsal.put('a.json', ...ids.map((id) => orderOf(id, { Owner: { Id: '2020-01-01T00:00:00Z' } })));
  writeFileSync(
    join(rehearsal.orders, 'b.json'),
    '{"ProvisioningOrdersList":[{"AssignedResourceTypeId":1.50,"ChangeType":"Added"},{"AssignedResourceTypeId":-7,"ChangeType":"Added"}]}',
  );
  const outcome = await rehearsal.run();
  assert.equal(outcome.exitCode, 0, JSON.stringify(outcome));
  assert.deepEqual(
    rehearsal
      .rows()
      .slice(1)
      .map(([id, state, , , owner]) => [id, state, owner]),
    [...ids.map((id) => [id, 'Executed', '2020-01-01T00:00:00Z']), ['1.50', 'Executed', ''], ['-7', 'Executed', '']],
  );
});

test('an order that ConvertFrom-Json cannot read is errored, under its id, and the next one goes on', {
  skip,
}, async (context) => {
  const rehearsal = new Rehearsal(context, visitingScript(''));
  rehearsal.put('a.json', orderOf('1', { Changes: { Alias: 'a', alias: 'b' } }), orderOf('2'));
  assert.equal((await rehearsal.run()).exitCode, 5);
  const [[first, state, message], second] = rehearsal.states() as [string[], string[]];
  assert.deepEqual([first, state, second], ['1', 'Errored', ['2', 'Executed', '']]);
  assert.match(message ?? '', /^the order cannot be read as JSON: .*Alias/i);
});

test('Write-Error makes an order errored, also where the preference hides it; hidden errors of cmdlets do not', {
  skip,
}, async (context) => {
  const body = `switch ($order.AssignedResourceTypeId) {
    '1' { Write-Error 'first'; Get-Item '/no/such/place'; Write-Error 'second' }
    '2' { Get-Item '/no/such/place' }
    '3' { throw 'third' }
  }`;
  const script = visitingScript(body).replace(scriptHead, `${scriptHead}$ErrorActionPreference = 'SilentlyContinue'\n`);
  const rehearsal = new Rehearsal(context, script);
  rehearsal.put('a.json', ...['1', '2', '3', '4'].map((id) => orderOf(id)));
  await rehearsal.run();
  assert.deepEqual(rehearsal.states(), [
    ['1', 'Errored', 'first; second'],
    ['2', 'Executed', ''],
    ['3', 'Errored', 'third'],
    ['4', 'Executed', ''],
  ]);
});

test('a script that cannot be parsed is named with place and message, in one line', { skip }, async (context) => {
  const rehearsal = new Rehearsal(context, `${visitingScript('')}\nfunction Broken {\n`);
  rehearsal.put('a.json', orderOf('1'));
  const outcome = await rehearsal.run();
  assert.ok(outcome.kind === 'failed', JSON.stringify(outcome));
  assert.equal(outcome.exitCode, 1);
  assert.match(outcome.failure.message, /Fulfill-Test\.ps1:\d+/);
  assert.match(outcome.failure.message, /Missing closing '\}'/);
  assert.doesNotMatch(outcome.failure.message, /Line \||~~|\n/);
});

test('a secret of one letter, and one that is part of what stands in for it, leave messages that can be read', {
  skip,
}, async (context) => {
  const { Secret } = await import('@exchange-connector/config');
  const rehearsal = new Rehearsal(context, visitingScript("throw 'a banana for secret-agent a+b, a-b; cat'"), {
    fulfillOptions: [
      { name: 'Password', value: new Secret('a') },
      { name: 'ApiKey', value: new Secret('secret') },
      { name: 'Token', value: new Secret('a+b') },
    ],
  });
  rehearsal.put('a.json', orderOf('1'));
  await rehearsal.run();
  assert.deepEqual(rehearsal.states(), [
    ['1', 'Errored', '[secret] banana for [secret]-agent [secret], [secret]-b; cat'],
  ]);
});
