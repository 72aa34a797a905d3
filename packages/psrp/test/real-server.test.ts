/* Our client against PowerShell's own server, on the standard streams of a process. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  decodeCliXml,
  encodeCliXml,
  type PipelineEvent,
  type PipelineRequest,
  PipelineState,
  property,
  psArray,
  psBoolean,
  psDouble,
  psHashtable,
  psInt32,
  psInt64,
  psNull,
  psSecureString,
  psString,
  type PsValue,
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

for (const version of ['2.1', '2.2', '2.3', '2.4'] as const) {
  test(`the real server opens a pool at ${version} and runs scripts and commands with arguments`, {
    skip,
  }, async () => {
    await withClient({ protocolVersion: version }, async (client) => {
      assert.equal(client.pool.server.protocolVersion, version);
      const table = client.pool.server.applicationPrivateData;
      assert.ok(table?.kind === 'Obj' && table.base?.kind === 'DCT');
      assert.deepEqual(outputs(await client.invoke(script('1..3'))), ['1', '2', '3']);
      const get: PipelineRequest = {
        statements: [
          [
            {
              name: 'Get-Command',
              parameters: [{ name: 'Name', value: psArray([psString('Get-Command'), psString('Out-Null')]) }],
            },
            { name: 'ForEach-Object', parameters: [{ name: 'MemberName', value: psString('Name') }] },
          ],
        ],
      };
      assert.deepEqual(outputs(await client.invoke(get)).sort(), ['Get-Command', 'Out-Null']);
    });
  });
}

test('every kind of argument reaches the real server with its type and comes back the same', { skip }, async () => {
  const cases: [PsValue, string][] = [
    [psString('a\n_x000A_ \u2028 \u{1F600}\ud800"<&>'), 'String'],
    [psString(''), 'String'],
    [psBoolean(true), 'Boolean'],
    [psInt32(-2147483648), 'Int32'],
    [psInt64(-(2n ** 63n)), 'Int64'],
    [{ kind: 'U64', value: 2n ** 64n - 1n }, 'UInt64'],
    [{ kind: 'By', value: 255 }, 'Byte'],
    [{ kind: 'SB', value: -128 }, 'SByte'],
    [{ kind: 'I16', value: -5 }, 'Int16'],
    [{ kind: 'U16', value: 65535 }, 'UInt16'],
    [{ kind: 'U32', value: 4294967295 }, 'UInt32'],
    [psDouble(0.1), 'Double'],
    [psDouble(Number.NaN), 'Double'],
    [psDouble(Number.NEGATIVE_INFINITY), 'Double'],
    [{ kind: 'Sg', value: 0.5 }, 'Single'],
    [{ kind: 'D', value: '79228162514264337593543950335' }, 'Decimal'],
    [{ kind: 'C', value: 'x' }, 'Char'],
    [{ kind: 'G', value: '00112233-4455-6677-8899-aabbccddeeff' }, 'Guid'],
    [{ kind: 'DT', value: '2024-05-01T10:00:00.1234567Z' }, 'DateTime'],
    [{ kind: 'TS', value: 'P1DT2H' }, 'TimeSpan'],
    [{ kind: 'Version', value: '15.1.2' }, 'Version'],
    [{ kind: 'URI', value: 'http://a/b' }, 'Uri'],
    [{ kind: 'BA', value: new Uint8Array([0, 1, 255]) }, 'Byte[]'],
    [{ kind: 'SBK', value: ' 1 + 1 ' }, 'String'],
    [psArray([psInt32(1), psString('two'), psNull]), 'ArrayList'],
    [psHashtable({ Add: psString('smtp:a@b') }), 'Hashtable'],
  ];
  await withClient({}, async (client) => {
    const echo = 'param($Value) $Value.GetType().Name; ,$Value';
    for (const [value, typeName] of cases) {
      const events = await client.invoke(script(echo, [{ name: 'Value', value }]));
      const [name, back] = events.flatMap((event) => (event.kind === 'output' ? [decodeCliXml(event.body)] : []));
      assert.equal(name === undefined ? undefined : textOf(name), typeName, JSON.stringify(lastState(events)));
      if (back?.kind === 'Obj' || value.kind === 'SBK') continue;
      assert.deepEqual(
        Buffer.from(encodeCliXml(back ?? psNull)).toString(),
        Buffer.from(encodeCliXml(value)).toString(),
      );
    }
    const tables = await client.invoke(
      script(
        'param($a, [switch]$s, $n, $h) "$($a.Count) $($a[1]) $($null -eq $a[2])"; "$s"; $null -eq $n; $h["Add"][0]; $h',
        [
          { name: 'a', value: psArray([psInt32(1), psString('two'), psNull]) },
          { name: 's', value: psBoolean(true) },
          { name: 'n', value: psNull },
          { name: 'h', value: psHashtable({ Add: psArray([psString('x')]) }) },
        ],
      ),
    );
    assert.deepEqual(outputs(tables).slice(0, 4), ['3 two True', 'True', 'true', 'x']);
    const table = tables[4];
    assert.ok(table?.kind === 'output');
    const value = decodeCliXml(table.body);
    assert.ok(value.kind === 'Obj' && value.base?.kind === 'DCT');
    assert.match(value.typeNames?.[0] ?? '', /System\.Collections\.Hashtable$/);
  });
});

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

test('all streams of the real server are told, and a null as an empty body', { skip }, async () => {
  await withClient({}, async (client) => {
    const text = `$host.UI.WriteWarningLine('lost'); $PSCmdlet = $null
      function Say { [CmdletBinding()] param()
        $PSCmdlet.WriteWarning('w'); $PSCmdlet.WriteVerbose('v'); $PSCmdlet.WriteDebug('d'); $PSCmdlet.WriteInformation('i', [string[]]@('t'))
        $p = [System.Management.Automation.ProgressRecord]::new(3, 'act', 'stat'); $p.PercentComplete = 40; $PSCmdlet.WriteProgress($p)
        $PSCmdlet.WriteError([System.Management.Automation.ErrorRecord]::new([ArgumentException]::new('bad'), 'MyId', 'InvalidData', 'target'))
      }
      $VerbosePreference = $DebugPreference = 'Continue'; Say; $null; 'end'`;
    const events = await client.invoke(script(text));
    const told = events.map((event) => {
      switch (event.kind) {
        case 'output':
          return event.body.length === 0 ? null : textOf(decodeCliXml(event.body));
        case 'error':
          return [
            event.record.message,
            event.record.fullyQualifiedErrorId,
            event.record.categoryMessage,
            event.record.exceptionTypeNames[0],
          ];
        case 'progress':
          return [
            event.record.activity,
            event.record.activityId,
            event.record.statusDescription,
            event.record.percentComplete,
            event.record.recordType,
          ];
        case 'information':
          return textOf(property(event.raw, 'MessageData') ?? psNull);
        case 'state':
          return event.state;
        default:
          return `${event.kind}: ${event.message}`;
      }
    });
    assert.deepEqual(
      told,
      [
        'warning: lost',
        'warning: w',
        'verbose: v',
        'debug: d',
        'i',
        ['act', 3, 'stat', 40, 'Processing'],
        ['bad', 'MyId,Say', 'InvalidData: (target:String) [Say], ArgumentException', 'System.ArgumentException'],
        null,
        'end',
        PipelineState.Completed,
      ].slice(told[0] === 'warning: lost' ? 0 : 1),
    );
  });
});

test('errors that end a pipeline of the real server come with its state', { skip }, async () => {
  await withClient({}, async (client) => {
    assert.deepEqual(lastState(await client.invoke(script('throw "boom"'))), {
      state: PipelineState.Failed,
      id: 'boom',
    });
    const unknown: PipelineRequest = { statements: [[{ name: 'Get-Foo', parameters: [] }]] };
    assert.deepEqual(lastState(await client.invoke(unknown)), {
      state: PipelineState.Failed,
      id: 'CommandNotFoundException',
    });
    const parameter: PipelineRequest = {
      statements: [[{ name: 'Out-Null', parameters: [{ name: 'Nope', value: psInt32(1) }] }]],
    };
    const events = await client.invoke(parameter);
    assert.equal(lastState(events).id, 'NamedParameterNotFound,Microsoft.PowerShell.Commands.OutNullCommand');
    assert.deepEqual(lastState(await client.invoke(script('exit 3'))), {
      state: PipelineState.Completed,
      id: undefined,
    });
    assert.ok(
      client.events.some(
        (event) => event.kind === 'hostCall' && event.call.methodName === 'SetShouldExit' && !event.answered,
      ),
    );
  });
});

test('two statements run one after the other, each a pipeline of its own', { skip }, async () => {
  await withClient({}, async (client) => {
    const statements = ['Get-Command', 'Get-Help'].map((name) => [
      { name: 'Get-Command', parameters: [{ name: 'Name', value: psString(name) }] },
      { name: 'ForEach-Object', parameters: [{ name: 'MemberName', value: psString('Name') }] },
    ]);
    assert.deepEqual(outputs(await client.invoke({ statements })), ['Get-Command', 'Get-Help']);
  });
});

test('a no-language endpoint runs commands and refuses script with the words of Exchange', { skip }, async () => {
  const initial =
    'function Get-Thing { param($Name) "thing $Name" }; $ExecutionContext.SessionState.LanguageMode = \'NoLanguage\'';
  await withClient(
    {},
    async (client) => {
      const get: PipelineRequest = {
        statements: [[{ name: 'Get-Thing', parameters: [{ name: 'Name', value: psString('x') }] }]],
      };
      assert.deepEqual(outputs(await client.invoke(get)), ['thing x']);
      const events = await client.invoke(script('Get-Thing'));
      assert.deepEqual(lastState(events), { state: PipelineState.Failed, id: 'ScriptsNotAllowed' });
      const last = events.at(-1);
      assert.ok(last?.kind === 'state');
      assert.match(
        last.error?.message ?? '',
        /^The syntax is not supported by this runspace\. This can occur if the runspace is in no-language mode/,
      );
    },
    initial,
  );
});

test('a message of three megabytes crosses both ways', { skip }, async () => {
  await withClient({}, async (client) => {
    const text = 'é\u{1F600}'.repeat(300_000);
    const events = await client.invoke(script('param($t) $t.Length; $t', [{ name: 't', value: psString(text) }]));
    const [length, back] = outputs(events);
    assert.equal(length, String(text.length));
    assert.ok(back === text);
  });
});

test('a pipeline stopped in the middle ends in state 3, after its first output', { skip }, async () => {
  await withClient({}, async (client) => {
    const id = await client.start(script('1; while ($true) { [System.Threading.Thread]::Sleep(10) }'));
    await client.until('first output', () => client.eventsOf(id).some((event) => event.kind === 'output'));
    await client.exchange({ kind: 'Signal', target: id });
    const events = await client.end(id);
    assert.deepEqual(outputs(events), ['1']);
    assert.deepEqual(lastState(events), { state: PipelineState.Stopped, id: 'PipelineStopped' });
  });
});

test('a prompt of the real server is refused, and the pipeline goes on to say so', { skip }, async () => {
  await withClient({}, async (client) => {
    const events = await client.invoke(
      script(
        'try { $host.UI.PromptForChoice("c", "m", @([System.Management.Automation.Host.ChoiceDescription]::new("&a")), 0) } catch { "caught: $($_.FullyQualifiedErrorId)" }',
      ),
    );
    assert.match(outputs(events)[0] ?? '', /^caught: /);
  });
});

for (const version of ['2.1', '2.2', '2.3', '2.4'] as const) {
  test(`a SecureString goes to the real server at ${version} and comes back`, { skip }, async () => {
    await withClient({ protocolVersion: version, sessionKey: nodeSessionKey }, async (client) => {
      const reveal = '[System.Net.NetworkCredential]::new("", $s).Password';
      const events = await client.invoke(
        script(`param($s) $s.GetType().Name; ${reveal}; $s`, [{ name: 's', value: psSecureString('pä\u{1F600}') }]),
      );
      const [type, text, back] = events.flatMap((event) => (event.kind === 'output' ? [decodeCliXml(event.body)] : []));
      assert.deepEqual([type, text], [psString('SecureString'), psString('pä\u{1F600}')]);
      assert.ok(back?.kind === 'SS');
      assert.equal(client.pool.revealSecureString(back), 'pä\u{1F600}');
    });
  });
}

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
