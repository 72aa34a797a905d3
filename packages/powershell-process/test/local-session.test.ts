/* Sessions with PowerShell's own engine, started as `pwsh` is. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { type LocalSession, openLocalSession, PowerShellProcessError } from '@exchange-connector/powershell-process';
import {
  decodeCliXml,
  type PipelineEvent,
  PipelineState,
  PsrpError,
  property,
  psInt32,
  psNull,
  psSecureString,
  psString,
  type PsValue,
  textOf,
} from '@exchange-connector/psrp';
import { nodeSessionKey } from '@exchange-connector/wsman';
import { ending, outputs, outputText, run, script } from './pipelines.ts';
import { gone, isRunning, noProc } from './processes.ts';
import { openTestHost } from './test-host.ts';

const host = await openTestHost();
const skip = host.kind === 'absent' ? host.reason : false;
const program = host.kind === 'ready' ? host.program : '';

type Options = Parameters<typeof openLocalSession>[0];

async function open(context: TestContext, options: Options = {}): Promise<LocalSession> {
  const session = await openLocalSession({ program, ...options });
  context.after(() => session.close());
  return session;
}

const endless = '1; while ($true) { [System.Threading.Thread]::Sleep(5) }';

test('a script runs in a local PowerShell, which is gone when the session has been closed', { skip }, async () => {
  const session = await openLocalSession({ program });
  assert.equal(session.server.protocolVersion, '2.4');
  assert.notEqual(session.server.applicationPrivateData, undefined);
  assert.ok(isRunning(session.processId));
  assert.deepEqual(outputs(await run(session, '1..3; $null; $PID')), ['1', '2', '3', null, String(session.processId)]);
  assert.deepEqual(outputs(await run(session, '$kept = 5')), []);
  assert.deepEqual(outputs(await run(session, '$kept')), ['5']);
  await Promise.all([session.close(), session.close()]);
  assert.equal(isRunning(session.processId), false);
  await assert.rejects(run(session, '1'), { code: 'POWERSHELL_SESSION_STATE', message: /has been closed/ });
});

test('all streams come in order, with progress, and the state last', { skip }, async (context) => {
  const session = await open(context);
  const text = `$VerbosePreference = $DebugPreference = 'Continue'
    'o'; Write-Warning 'w'; Write-Verbose 'v'; Write-Debug 'd'; Write-Host 'h'; Write-Error 'e' -ErrorId 'Mine'
    Write-Progress -Activity 'a' -Status 's' -PercentComplete 40; 'end'`;
  const told = (event: PipelineEvent): unknown => {
    switch (event.kind) {
      case 'output':
        return outputText(event);
      case 'error':
        return [event.record.message, event.record.fullyQualifiedErrorId];
      case 'progress':
        return [event.record.activity, event.record.statusDescription, event.record.percentComplete];
      case 'information':
        return textOf(property(property(event.raw, 'MessageData') ?? psNull, 'Message') ?? psNull);
      case 'state':
        return event.state;
      default:
        return `${event.kind}: ${event.message}`;
    }
  };
  assert.deepEqual((await run(session, text)).map(told), [
    'o',
    'warning: w',
    'verbose: v',
    'debug: d',
    'h',
    ['e', 'Mine'],
    ['a', 's', 40],
    'end',
    PipelineState.Completed,
  ]);
});

test('a pipeline that fails is a value, and the next one runs', { skip }, async (context) => {
  const session = await open(context);
  assert.deepEqual(ending(await run(session, 'throw "boom"')), { state: PipelineState.Failed, id: 'boom' });
  const unknown = { statements: [[{ name: 'Get-Foo', parameters: [] }]] };
  assert.deepEqual(ending(await run(session, unknown)), {
    state: PipelineState.Failed,
    id: 'CommandNotFoundException',
  });
  assert.deepEqual(ending(await run(session, 'exit 3')), { state: PipelineState.Completed, id: undefined });
  assert.match(
    outputs(
      await run(
        session,
        'try { $host.UI.PromptForChoice("c", "m", @([System.Management.Automation.Host.ChoiceDescription]::new("&a")), 0) } catch { "refused" }',
      ),
    )[0] ?? '',
    /^refused$/,
  );
  assert.deepEqual(outputs(await run(session, '7')), ['7']);
});

test('two thousand inputs arrive in order, nulls among them, from a list and from a source that waits', {
  skip,
}, async (context) => {
  const session = await open(context);
  const values = Array.from({ length: 2000 }, (_, index): PsValue => (index % 100 === 0 ? psNull : psInt32(index)));
  const check =
    'begin { $i = 0; $bad = 0 } process { $want = if ($i % 100 -eq 0) { $null } else { $i }; if ($_ -ne $want) { $bad++ }; $i++ } end { $i; $bad }';
  assert.deepEqual(outputs(await run(session, check, { input: values })), ['2000', '0']);
  async function* waiting(): AsyncGenerator<PsValue> {
    for (const value of values) {
      await new Promise((resolve) => setImmediate(resolve));
      yield value;
    }
  }
  assert.deepEqual(outputs(await run(session, check, { input: waiting() })), ['2000', '0']);
  assert.deepEqual(outputs(await run(session, '@($input).Count', { input: [] })), ['0']);
});

test('input and output take turns: each answer comes before the next question', { skip }, async (context) => {
  const session = await open(context);
  const asked = [Promise.withResolvers<void>(), Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  async function* questions(): AsyncGenerator<PsValue> {
    for (const [index, { promise }] of asked.entries()) {
      yield psInt32(index);
      await promise;
    }
  }
  const answers: (string | null | undefined)[] = [];
  for await (const event of session.invoke(script('process { $_ * 10 }'), { input: questions() })) {
    if (event.kind !== 'output') continue;
    asked[answers.length]?.resolve();
    answers.push(outputText(event));
  }
  assert.deepEqual(answers, ['0', '10', '20']);
});

test('a pipeline that ends before its input does not wait for it', { skip }, async (context) => {
  const session = await open(context);
  let returned = false;
  async function* never(): AsyncGenerator<PsValue> {
    try {
      for (let index = 0; ; index += 1) yield psInt32(index);
    } finally {
      returned = true;
    }
  }
  const events = await run(session, 'process { if ($_ -eq 3) { throw "enough" } }', { input: never() });
  assert.deepEqual(ending(events), { state: PipelineState.Failed, id: 'enough' });
  assert.equal(returned, true);
  assert.deepEqual(outputs(await run(session, '8')), ['8']);
});

test('input that fails stops the pipeline and is what the caller gets', { skip }, async (context) => {
  const session = await open(context);
  async function* failing(): AsyncGenerator<PsValue> {
    yield psInt32(1);
    throw new RangeError('the source dried up');
  }
  await assert.rejects(run(session, 'process { $_ }', { input: failing() }), /the source dried up/);
  await assert.rejects(
    run(session, 'process { $_ }', { input: [psSecureString('x'), { kind: 'I32', value: 0.5 }] }),
    PsrpError,
  );
  assert.deepEqual(outputs(await run(session, '9')), ['9']);
});

test('leaving the loop stops the pipeline, its finally blocks run, and the session goes on', {
  skip,
}, async (context) => {
  const session = await open(context);
  const left: string[] = [];
  for await (const event of session.invoke(script(`try { ${endless} } finally { $stopped = 'yes' }`))) {
    left.push(event.kind);
    break;
  }
  assert.deepEqual(left, ['output']);
  assert.deepEqual(outputs(await run(session, '$stopped')), ['yes']);
  for await (const event of session.invoke(script('1'))) if (event.kind === 'state') break;
  assert.deepEqual(outputs(await run(session, '10')), ['10']);
});

test('a signal stops the pipeline and makes the iteration throw its reason', { skip }, async (context) => {
  const session = await open(context);
  const cancel = new AbortController();
  const reason = new Error('enough of it');
  const events: string[] = [];
  await assert.rejects(async () => {
    for await (const event of session.invoke(script(endless), { signal: cancel.signal })) {
      events.push(event.kind);
      cancel.abort(reason);
    }
  }, reason);
  assert.deepEqual(events, ['output']);
  // Nothing of it came, and the one who waits is not in the loop's body.
  const late = AbortSignal.timeout(50);
  await assert.rejects(run(session, 'while ($true) { [System.Threading.Thread]::Sleep(5) }', { signal: late }), {
    name: 'TimeoutError',
  });
  await assert.rejects(run(session, '1', { signal: AbortSignal.abort(reason) }), reason);
  assert.deepEqual(outputs(await run(session, '11')), ['11']);
});

test('what cannot be stopped is killed with its process, within the limit', { skip }, async (context) => {
  const session = await open(context, { limits: { stopTimeoutMs: 300 } });
  for await (const event of session.invoke(script('1; [System.Threading.Thread]::Sleep(600000)'))) {
    if (event.kind === 'output') break;
  }
  await gone(session.processId);
  await assert.rejects(run(session, '1'), { code: 'POWERSHELL_SESSION_STATE', message: /did not stop within 0\.3 s/ });
});

test('closing in the middle of a pipeline ends it, the process, and the loop', { skip }, async () => {
  for (const text of [endless, '1; [System.Threading.Thread]::Sleep(600000)']) {
    const session = await openLocalSession({ program, limits: { closeTimeoutMs: 1_000 } });
    await assert.rejects(
      async () => {
        for await (const event of session.invoke(script(text))) if (event.kind === 'output') void session.close();
      },
      { code: 'POWERSHELL_SESSION_STATE', message: /was closed/ },
    );
    await session.close();
    assert.equal(isRunning(session.processId), false);
  }
});

test('one pipeline runs at a time', { skip }, async (context) => {
  const session = await open(context);
  for await (const event of session.invoke(script('1; 2'))) {
    if (event.kind === 'output') {
      await assert.rejects(run(session, '3'), { code: 'POWERSHELL_SESSION_STATE', recovery: 'none' });
      break;
    }
  }
  assert.deepEqual(outputs(await run(session, '4')), ['4']);
});

test('a message of three megabytes crosses both ways', { skip }, async (context) => {
  const session = await open(context);
  const text = 'é\u{1F600}'.repeat(300_000);
  const [length, back] = outputs(await run(session, script('param($t) $t.Length; $t', { t: psString(text) })));
  assert.equal(length, String(text.length));
  assert.ok(back === text);
});

test('a slow consumer holds the server back: little waits here', { skip }, async (context) => {
  const session = await open(context);
  const folder = mkdtempSync(join(tmpdir(), 'local-session-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const made = join(folder, 'made');
  // A gigabyte, were it read as fast as it can be made.
  const text =
    'param($file) $s = "x" * 100000; 1..10000 | ForEach-Object { [System.IO.File]::AppendAllText($file, "."); $s }';
  let taken = 0;
  let most = 0;
  for await (const event of session.invoke(script(text, { file: psString(made) }))) {
    if (event.kind !== 'output') continue;
    await new Promise((resolve) => setTimeout(resolve, 25));
    taken += 1;
    most = Math.max(most, statSync(made).size - taken);
    if (taken === 100) break;
  }
  assert.ok(most < 60, `${most} more had been made than taken`);
});

test('all of a fast producer arrives', { skip }, async (context) => {
  const session = await open(context);
  let count = 0;
  let sum = 0;
  for await (const event of session.invoke(script('1..20000'))) {
    if (event.kind !== 'output') continue;
    count += 1;
    sum += Number(outputText(event));
    if (count % 5_000 === 0) await new Promise((resolve) => setTimeout(resolve, 20));
  }
  assert.deepEqual([count, sum], [20_000, 200_010_000]);
});

for (const version of ['2.1', '2.2', '2.3', '2.4'] as const) {
  test(`at ${version} a SecureString goes there as an argument and as input, and comes back`, {
    skip,
  }, async (context) => {
    const session = await open(context, { protocolVersion: version, sessionKey: nodeSessionKey });
    assert.equal(session.server.protocolVersion, version);
    const reveal = '[System.Net.NetworkCredential]::new("", $s).Password; $s';
    const events = await run(session, script(`param($s) ${reveal}`, { s: psSecureString('pä\u{1F600}') }));
    const [text, back] = events.flatMap((event) => (event.kind === 'output' ? [decodeCliXml(event.body)] : []));
    assert.deepEqual(text, psString('pä\u{1F600}'));
    assert.ok(back?.kind === 'SS');
    assert.equal(session.revealSecureString(back), 'pä\u{1F600}');
  });
}

test('the first SecureString may come as input', { skip }, async (context) => {
  const session = await open(context, { protocolVersion: '2.3', sessionKey: nodeSessionKey });
  const text = 'process { [System.Net.NetworkCredential]::new("", $_).Password }';
  const input = [psSecureString('one'), psSecureString('two')];
  assert.deepEqual(outputs(await run(session, text, { input })), ['one', 'two']);
});

test('a process that dies in the middle is an error that says how, and its events before that arrive', {
  skip,
}, async (context) => {
  const session = await open(context);
  const seen: string[] = [];
  await assert.rejects(
    async () => {
      for await (const event of session.invoke(
        script(
          '1; $err = [System.IO.StreamWriter]::new([Console]::OpenStandardError()); $err.WriteLine("last words"); $err.Flush(); [Environment]::Exit(9)',
        ),
      ))
        seen.push(event.kind);
    },
    (error) => {
      assert.ok(error instanceof PowerShellProcessError);
      assert.equal(error.code, 'POWERSHELL_ENDED');
      assert.equal(error.recovery, 'reopen-session');
      assert.match(error.message, /in the middle of the session: it ended with exit code 9/);
      assert.match(error.message, /its standard error says: .*last words/);
      return true;
    },
  );
  assert.deepEqual(seen, ['output']);
  await assert.rejects(run(session, '1'), { code: 'POWERSHELL_SESSION_STATE' });
  const killed = await open(context);
  await assert.rejects(
    async () => {
      for await (const _ of killed.invoke(script(endless))) process.kill(killed.processId, 'SIGKILL');
    },
    { code: 'POWERSHELL_ENDED', message: /it was killed by SIGKILL/ },
  );
});

test('a process that dies between two pipelines is an error of the next one', { skip }, async (context) => {
  const session = await open(context);
  process.kill(session.processId, 'SIGKILL');
  await gone(session.processId);
  await assert.rejects(
    run(session, '1'),
    (error) => error instanceof PowerShellProcessError && /SIGKILL/.test(error.message),
  );
  await session.close();
});

test('text written to standard output between the packets is an error that names it', { skip }, async (context) => {
  const session = await open(context);
  await assert.rejects(
    run(
      session,
      '$out = [System.IO.StreamWriter]::new([Console]::OpenStandardOutput()); $out.WriteLine("Loading my profile…"); $out.Flush(); [System.Threading.Thread]::Sleep(600000)',
    ),
    { code: 'POWERSHELL_RESPONSE_INVALID', message: /Loading my profile/ },
  );
  await gone(session.processId);
});

test('what a session has started ends with it', { skip: skip || process.platform === 'win32' }, async () => {
  const session = await openLocalSession({ program });
  const start = '$p = [System.Diagnostics.Process]::Start("sleep", "600"); $p.Id';
  const [pid] = outputs(await run(session, start));
  assert.ok(isRunning(Number(pid)));
  await session.close();
  await gone(Number(pid));
});

test('what a session made a daemon of ends with it', { skip: skip || noProc }, async (context) => {
  const folder = mkdtempSync(join(tmpdir(), 'local-session-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const daemon = join(folder, 'daemon');
  // Its parent ends, it has a session of its own, and holds no stream of anyone.
  writeFileSync(daemon, `(setsid sleep 600 >/dev/null 2>&1 </dev/null & echo $! >'${folder}/pid')\n`);
  const session = await openLocalSession({ program });
  await run(session, `[System.Diagnostics.Process]::Start('sh', '${daemon}').WaitForExit()`);
  const pid = Number(readFileSync(join(folder, 'pid'), 'utf8'));
  assert.ok(isRunning(pid));
  await session.close();
  await gone(pid);
});

for (const [what, text] of [
  ['a loop', endless],
  ['a blocking call', '1; [System.Threading.Thread]::Sleep(600000)'],
] as const) {
  test(`a PowerShell in ${what} does not outlive this process, even one that was killed`, { skip }, async (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'local-session-'));
    context.after(() => rmSync(folder, { recursive: true }));
    const main = join(folder, 'main.ts');
    const door = import.meta.resolve('@exchange-connector/powershell-process');
    writeFileSync(
      main,
      `import { openLocalSession } from ${JSON.stringify(door)};
const session = await openLocalSession({ program: ${JSON.stringify(program)} });
const statements = [[{ name: ${JSON.stringify(text)}, parameters: [], isScript: true }]];
for await (const event of session.invoke({ statements })) console.log(session.processId);`,
    );
    const runner = spawn(process.execPath, [main], { stdio: ['ignore', 'pipe', 'inherit'] });
    const [line] = (await once(createInterface(runner.stdout), 'line')) as [string];
    assert.ok(isRunning(Number(line)));
    runner.kill('SIGKILL');
    await gone(Number(line), 10_000);
  });
}
