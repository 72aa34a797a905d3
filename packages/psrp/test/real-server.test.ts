/*
 * Our client against PowerShell’s own server where there is no scenario of the conformance suite for it: questions to
 * the pool, keys exchanged late, thousands of inputs with nulls among them.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeCliXml,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  property,
  psInt32,
  psNull,
  textOf,
} from '@exchange-connector/psrp';
import { nodeSessionKey } from '@exchange-connector/wsman';
import { openOracle } from './oracle-program.ts';
import { freshGuid } from './memory-pair.ts';
import { ProcessClient } from './out-of-process-peers.ts';

const oracle = await openOracle();
const skip = oracle.kind === 'ready' ? false : oracle.reason;
const program = oracle.kind === 'ready' ? oracle.program : '';

const script = (text: string, parameters: PipelineRequest['statements'][0][0]['parameters'] = []): PipelineRequest => ({
  statements: [[{ name: text, isScript: true, parameters }]],
});

const outputs = (events: readonly PipelineEvent[]): (string | undefined | null)[] =>
  events.flatMap((event) => {
    if (event.kind !== 'output') return [];
    return event.body.length === 0 ? [null] : [textOf(decodeCliXml(event.body))];
  });

const lastState = (events: readonly PipelineEvent[]): { state: PipelineState; id: string | undefined } => {
  const last = events.at(-1);
  assert.ok(last?.kind === 'state');
  return { state: last.state, id: last.error?.fullyQualifiedErrorId };
};

async function withClient(
  options: Parameters<typeof ProcessClient.open>[2],
  work: (client: ProcessClient) => Promise<void>,
  initial = '',
): Promise<void> {
  const client = await ProcessClient.open(program, initial === '' ? ['server'] : ['server', initial], options);
  try {
    await work(client);
    await client.close();
  } finally {
    await client.destroy();
  }
}

test('two thousand inputs arrive at the real server in order, nulls among them', { skip }, async () => {
  await withClient({}, async (client) => {
    const input = Array.from({ length: 2000 }, (_, index) => (index % 100 === 0 ? psNull : psInt32(index)));
    const events = await client.invoke(
      script(
        'begin { $i = 0; $bad = 0 } process { $want = if ($i % 100 -eq 0) { $null } else { $i }; if ($_ -ne $want) { $bad++ }; $i++ } end { $i; $bad }',
      ),
      input,
    );
    assert.deepEqual(outputs(events), ['2000', '0']);
  });
});

for (const keyExchange of ['at-open', 'on-demand'] as const) {
  test(`the real server’s own SecureStrings open at 2.3 with the key exchanged ${keyExchange}`, { skip }, async () => {
    await withClient({ protocolVersion: '2.3', sessionKey: nodeSessionKey, keyExchange }, async (client) => {
      await client.drain('pool');
      const events = await client.invoke(
        script('$s = [securestring]::new(); "secret".ToCharArray() | ForEach-Object { $s.AppendChar($_) }; $s'),
      );
      const [output] = events;
      assert.ok(output?.kind === 'output');
      const value = decodeCliXml(output.body);
      assert.ok(value.kind === 'SS');
      if (keyExchange === 'on-demand') {
        assert.equal(client.pool.revealSecureString(value), undefined);
        client.pool.exchangeSessionKey();
        await client.drain('pool');
        await client.until('the session key', () =>
          client.events.some((event) => event.kind === 'sessionKeyEstablished'),
        );
      }
      assert.equal(client.pool.revealSecureString(value), 'secret');
    });
  });
}

test('the real server answers questions about runspaces', { skip }, async () => {
  await withClient({ maxRunspaces: 2 }, async (client) => {
    const asked = [client.pool.setMaxRunspaces(3), client.pool.getAvailableRunspaces()];
    await client.drain('pool');
    await client.until(
      'the answers',
      () => client.events.filter((event) => event.kind === 'runspaceAvailability').length === 2,
    );
    const answers = client.events.filter((event) => event.kind === 'runspaceAvailability');
    assert.deepEqual(
      answers.map((event) => [event.callId, event.value]).sort(),
      [
        [asked[0], true],
        [asked[1], 3n],
      ].sort(),
    );
  });
});

test('the real server resets a runspace', { skip }, async () => {
  await withClient({}, async (client) => {
    await client.invoke(script('$left = 5'));
    const callId = client.pool.resetRunspaceState();
    await client.drain('pool');
    await client.until('the answer', () => client.events.some((event) => event.kind === 'runspaceAvailability'));
    assert.deepEqual(
      client.events.filter((event) => event.kind === 'runspaceAvailability'),
      [{ kind: 'runspaceAvailability', callId, value: true }],
    );
    assert.deepEqual(outputs(await client.invoke(script('$null -eq $left'))), ['true']);
  });
});

test('the real server describes commands, as implicit remoting asks', { skip }, async () => {
  // The bare engine has neither of the two commands that its own answer is made with.
  const standIns = `function Measure-Object { begin { $n = 0 } process { $n++ } end { [pscustomobject]@{ Count = $n } } }
    function Select-Object { param($Property) process { $_ } }`;
  const work = async (client: ProcessClient): Promise<void> => {
    const id = freshGuid();
    client.pool.startCommandMetadata(id, ['Get-Comm*', 'Out-Null']);
    await client.exchange({ kind: 'Command', target: id });
    await client.drain(id);
    const events = await client.end(id);
    const described = events.flatMap((event) => (event.kind === 'output' ? [decodeCliXml(event.body)] : []));
    assert.equal(textOf(property(described[0] ?? psNull, 'Count') ?? psNull), '2');
    const names = described.slice(1).map((value) => textOf(property(value, 'Name') ?? psNull));
    assert.deepEqual(names, ['Get-Command', 'Out-Null']);
    assert.equal(lastState(events).state, PipelineState.Completed);
  };
  await withClient({}, work, standIns);
});
