/* Microsoft's own client, PowerShell 7.6's engine, against the simulator's pipe: nothing of it was written here. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { test } from 'node:test';
import { forAllTests } from '../../rehearsal/test/for-all-tests.ts';
import { type Oracle, openOracle, runOracle } from '../../psrp/test/oracle-program.ts';
import { type Simulator, SimulatorError, startSimulator } from '../src/index.ts';
import { pipePath } from '../src/wire/pipe-server.ts';
import { RealClient } from './real-client.ts';

const oracle = await openOracle();
const skip = oracle.kind === 'ready' ? false : oracle.reason;
const pipe = `simulator-${process.pid}-real`;
let simulator: Simulator;
let client: RealClient;

forAllTests(
  async () => {
    if (oracle.kind !== 'ready') return;
    simulator = await startSimulator({ pipe, mailboxes: 3_000 });
    client = new RealClient(oracle, pipe);
  },
  async () => {
    if (oracle.kind !== 'ready') return;
    assert.equal(await client.close(), 0);
    await simulator.close();
  },
);

test('it opens a session, runs cmdlets with typed parameters and sees all mailboxes of a forest', {
  skip,
}, async () => {
  const find = { name: 'Get-Mailbox', parameters: { ResultSize: 'Unlimited' } };
  const count = async () => (await client.run(find, { name: 'Measure-Object' })).output[0]?.properties['Count'];
  const own = Number(await count());
  assert.equal(
    (await client.run({ name: 'Set-ADServerSettings', parameters: { ViewEntireForest: true } })).state,
    'Completed',
  );
  const visible = Array.from({ length: 3_000 }, (_, index) => simulator.organization.placeOf(index)).filter(
    (place) => place.hiddenBehind === undefined,
  );
  assert.equal(own, visible.filter((place) => place.domain === 'example.test').length);
  assert.equal(Number(await count()), visible.length);
});

test('it is warned of the 1,000 that it gets when it does not say how many', { skip }, async () => {
  const outcome = await client.run(
    { name: 'Get-Mailbox' },
    { name: 'Select-Object', parameters: { ExpandProperty: 'Guid' } },
  );
  assert.deepEqual([outcome.output.length, outcome.warnings.length], [1000, 1]);
  assert.match(outcome.warnings[0] ?? '', /only the first 1000 items are returned/);
});

test('it raises what it would raise on Windows for scripts, unknown commands and unknown parameters', {
  skip,
}, async () => {
  const failures = [
    [
      await client.run({ script: 'Get-Mailbox | Where-Object { $_ }' }),
      'ScriptsNotAllowed',
      'ParserError',
      'ParseException',
    ],
    [await client.run({ name: 'Get-Foo' }), 'CommandNotFoundException', 'ObjectNotFound', 'CommandNotFoundException'],
    [
      await client.run({ name: 'Get-Mailbox', parameters: { Nope: 1 } }),
      'NamedParameterNotFound,Get-Mailbox',
      'InvalidArgument',
      'ParameterBindingException',
    ],
  ] as const;
  for (const [outcome, id, category, reason] of failures) {
    assert.deepEqual(
      [outcome.state, outcome.failure?.id, outcome.failure?.category, outcome.failure?.reason],
      ['Failed', id, category, reason],
    );
  }
});

test('it gets an error record for what is not found, and the pipeline completes', { skip }, async () => {
  const outcome = await client.invoke({ statements: [[{ name: 'Get-Mailbox' }]], input: ['Administrator', 'nobody'] });
  assert.deepEqual(
    [outcome.state, outcome.output.map((object) => object?.text), outcome.errors.length],
    ['Completed', ['Administrator'], 1],
  );
  assert.match(
    outcome.errors[0]?.id ?? '',
    /\[FailureCategory=Cmdlet-ManagementObjectNotFoundException\] [0-9A-F]{8},Microsoft\.Exchange\.Management\.RecipientTasks\.GetMailbox$/,
  );
});

test('it sees the parameters that Get-Command names', { skip }, async () => {
  const outcome = await client.run({ name: 'Get-Command', parameters: { Name: 'Get-MailboxDatabase' } });
  assert.deepEqual(
    outcome.output.map((object) => object?.types[0]),
    ['Deserialized.System.Management.Automation.CmdletInfo'],
  );
  assert.equal(outcome.output[0]?.properties['Name'], 'Get-MailboxDatabase');
});

test('it stops a pipeline in the middle, and the session goes on', { skip }, async () => {
  const outcome = await client.invoke({
    statements: [[{ name: 'Get-Mailbox', parameters: { ResultSize: 'Unlimited' } }]],
    stopAfter: 5,
  });
  assert.equal(outcome.state, 'Stopped');
  assert.ok(outcome.output.length >= 5 && outcome.output.length < 2_900, `${outcome.output.length} objects came`);
  assert.equal((await client.run({ name: 'Get-ExchangeServer' })).output.length, 3);
});

test('a pipe in use is refused, and one left behind is taken over', { skip }, async () => {
  await assert.rejects(
    startSimulator({ pipe }),
    (error) => error instanceof SimulatorError && error.code === 'SIMULATOR_LISTEN_FAILED',
  );
  const name = `${pipe}-left`;
  const first = await startSimulator({ pipe: name });
  await first.close();
  const second = await startSimulator({ pipe: name });
  assert.ok(existsSync(pipePath(name)));
  await second.close();
});

test('a file that is no socket stays where it is', async () => {
  const path = pipePath(`${pipe}-file`);
  writeFileSync(path, 'precious');
  try {
    await assert.rejects(
      startSimulator({ pipe: `${pipe}-file` }),
      (error) => error instanceof SimulatorError && error.code === 'SIMULATOR_LISTEN_FAILED',
    );
    assert.equal(readFileSync(path, 'utf8'), 'precious');
  } finally {
    rmSync(path);
  }
});

test('eight sessions of one client open one after the other', { skip }, async () => {
  assert.equal(oracle.kind, 'ready');
  const own = `${pipe}-again`;
  const other = await startSimulator({ pipe: own, mailboxes: 5 });
  try {
    const script = Array.from({ length: 8 }, () => [{ open: own }, { close: true }]).flat();
    const input = script.map((line) => JSON.stringify(line)).join('\n');
    const answers = (await runOracle(oracle as Oracle & { kind: 'ready' }, ['conform'], input)).trim().split('\n');
    const states = answers.map((line) => (JSON.parse(line) as { state?: string }).state);
    assert.deepEqual(states, Array.from({ length: 8 }, () => ['Opened', 'Closed']).flat());
  } finally {
    await other.close();
  }
});
