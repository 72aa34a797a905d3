import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { RunProgress } from '@exchange-connector/agent';
import { ProgressMeter } from '../src/progress-meter.ts';
import { addressToDial } from '../src/reach-server.ts';
import { WarningList } from '../src/warning-list.ts';
import { connectionTo } from './rehearsed-connection.ts';

test('progress is told a few times a second, with rate and time left, and always at the end', () => {
  const told: RunProgress[] = [];
  let now = 1000;
  const meter = new ProgressMeter(
    (progress) => told.push(progress),
    () => now,
  );
  meter.report('mailboxes', 0, 1000);
  for (let done = 1; done <= 1000; done += 1) {
    now += 1;
    meter.report('mailboxes', done, 1000);
  }
  assert.deepEqual(told, [
    { phase: 'mailboxes', done: 0, total: 1000, perSecond: 0, secondsLeft: undefined },
    { phase: 'mailboxes', done: 250, total: 1000, perSecond: 1000, secondsLeft: 0.75 },
    { phase: 'mailboxes', done: 500, total: 1000, perSecond: 1000, secondsLeft: 0.5 },
    { phase: 'mailboxes', done: 750, total: 1000, perSecond: 1000, secondsLeft: 0.25 },
    { phase: 'mailboxes', done: 1000, total: 1000, perSecond: 1000, secondsLeft: 0 },
  ]);
});

test('progress without a total has a rate and no time left; more rows than expected have none left', () => {
  const told: RunProgress[] = [];
  let now = 0;
  const meter = new ProgressMeter(
    (progress) => told.push(progress),
    () => now,
  );
  meter.report('databases', 0, undefined);
  now = 500;
  meter.report('databases', 10, undefined);
  meter.report('mailboxes', 0, 5);
  now = 1000;
  meter.report('mailboxes', 10, 5);
  assert.deepEqual(
    told.map(({ phase, perSecond, secondsLeft }) => ({ phase, perSecond, secondsLeft })),
    [
      { phase: 'databases', perSecond: 0, secondsLeft: undefined },
      { phase: 'databases', perSecond: 20, secondsLeft: undefined },
      { phase: 'mailboxes', perSecond: 0, secondsLeft: undefined },
      { phase: 'mailboxes', perSecond: 20, secondsLeft: 0 },
    ],
  );
});

test('each warning is passed on once, two hundred are kept, the rest are counted', () => {
  const passed: boolean[] = [];
  const warnings = new WarningList((_message, isKept) => passed.push(isKept));
  for (let number = 0; number < 250; number += 1) {
    warnings.add(`Micro delay applied: ${number} ms `);
    warnings.add('the same each time');
  }
  const list = warnings.list();
  assert.equal(list.length, 201);
  assert.deepEqual(list.slice(0, 2), ['Micro delay applied: 0 ms', 'the same each time']);
  assert.match(list.at(-1) ?? '', /^and \d+ more warnings; the log has them all$/);
  assert.equal(passed.filter((isKept) => isKept).length, 200);
});

test('ConnectAddress is a name, an address, or either with a port', () => {
  const dial = (connectAddress: string | undefined, url = 'https://mail.example.test/PowerShell/') => {
    const connection = connectionTo(url, { connectAddress });
    const [server] = connection.servers;
    assert.ok(server !== undefined);
    return addressToDial(connection, { ...server, port: 443 });
  };
  assert.deepEqual(dial(undefined), { host: 'mail.example.test', port: 443 });
  assert.deepEqual(dial(undefined, 'https://[::1]/PowerShell/'), { host: '::1', port: 443 });
  assert.deepEqual(dial('10.0.0.1'), { host: '10.0.0.1', port: 443 });
  assert.deepEqual(dial('gateway:8443'), { host: 'gateway', port: 8443 });
  assert.deepEqual(dial('fe80::1'), { host: 'fe80::1', port: 443 });
  assert.deepEqual(dial('[fe80::1]:8443'), { host: 'fe80::1', port: 8443 });
});
