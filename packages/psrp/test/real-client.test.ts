/* PowerShell's own client against our server, on the socket that it takes for a named pipe. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import {
  decodeCliXml,
  encodeCliXml,
  type Guid,
  PipelineState,
  psInt32,
  psNull,
  psSecureString,
  psString,
  type PipelineRequest,
  type ServerRunspacePool,
} from '@exchange-connector/psrp';
import { nodeSessionKey } from '@exchange-connector/wsman';
import { openOracle } from './oracle-program.ts';
import { type Behaviour, PipeServer } from './out-of-process-peers.ts';

const oracle = await openOracle();
const skip = oracle.kind === 'ready' ? false : oracle.reason;
const program = oracle.kind === 'ready' ? oracle.program : '';

const boom = {
  message: 'boom',
  fullyQualifiedErrorId: 'MyId,Fail-Terminating',
  exceptionTypeNames: ['System.InvalidOperationException', 'System.Exception', 'System.Object'],
  category: 7,
  categoryActivity: 'Fail-Terminating',
  categoryReason: 'InvalidOperationException',
  categoryTargetName: 'x',
  categoryTargetType: 'String',
  details: 'the details',
};

const sums = new Map<Guid, { sum: number; nulls: number }>();

function runCommands(pool: ServerRunspacePool, id: Guid, request: PipelineRequest): void {
  const names = request.statements.map((statement) => statement.map((one) => one.name).join(' | ')).join('; ');
  const parameters = request.statements[0]?.[0]?.parameters ?? [];
  const value = (name: string): (typeof parameters)[0]['value'] =>
    parameters.find((one) => one.name === name)?.value ?? psNull;
  switch (names) {
    case 'Echo-Arguments':
      for (const one of parameters)
        pool.output(id, psString(`${one.name ?? ''}=${Buffer.from(encodeCliXml(one.value)).toString()}`));
      break;
    case 'Write-Streams':
      pool.warning(id, 'w');
      pool.verbose(id, 'v');
      pool.debug(id, 'd');
      pool.information(id, {
        messageData: psString('i'),
        source: 'Write-Information',
        timeGenerated: '2024-05-01T10:00:00Z',
        tags: ['t', 'u'],
      });
      pool.progress(id, { activity: 'act', activityId: 1, statusDescription: 'stat', percentComplete: 50 });
      pool.progress(id, { activity: 'act', activityId: 1, statusDescription: 'stat', completed: true });
      pool.error(id, boom);
      pool.output(id, psString('end'));
      break;
    case 'Fail-Terminating':
      pool.finish(id, PipelineState.Failed, boom);
      return;
    case 'Get-Big':
      pool.output(id, psString('é'.repeat(300_000)));
      break;
    case 'Get-Null':
      pool.output(id, psNull);
      break;
    case 'Reveal-Secret': {
      const secret = value('Secret');
      pool.output(id, psString(secret.kind === 'SS' ? (pool.revealSecureString(secret) ?? 'not opened') : secret.kind));
      break;
    }
    case 'Get-Secret':
      pool.output(id, psSecureString('zurück'));
      break;
    case 'Wait-Forever':
      pool.output(id, psInt32(1));
      return;
    case 'Sum-Input':
      sums.set(id, { sum: 0, nulls: 0 });
      return;
    default:
      pool.output(id, psString(names));
  }
  pool.finish(id, PipelineState.Completed);
}

const behaviour: Behaviour = (event, pool) => {
  if (event.kind === 'poolOpening') pool.openPool();
  if (event.kind === 'pipelineCreated') runCommands(pool, event.id, event.request);
  const sum = event.kind === 'input' || event.kind === 'inputEnded' ? sums.get(event.id) : undefined;
  if (event.kind === 'input' && sum !== undefined) sum.sum += (decodeCliXml(event.body) as { value: number }).value;
  if (event.kind === 'inputEnded' && sum !== undefined) {
    pool.output(event.id, psInt32(sum.sum));
    pool.finish(event.id, PipelineState.Completed);
  }
};

function runClient(name: string): Promise<Record<string, unknown>[]> {
  const { promise, resolve, reject } = Promise.withResolvers<Record<string, unknown>[]>();
  const child = spawn(program, ['client', name], { timeout: 60_000 });
  let out = '';
  let errors = '';
  child.stdout.on('data', (bytes: Buffer) => {
    out += bytes.toString();
  });
  child.stderr.on('data', (bytes: Buffer) => {
    errors += bytes.toString();
  });
  child.on('close', (code) => {
    if (code === 0)
      resolve(
        out
          .trim()
          .split('\n')
          .map((line) => JSON.parse(line) as Record<string, unknown>),
      );
    else reject(new Error(`the real client ended with ${code}: ${out}\n${errors}`));
  });
  return promise;
}

const quiet = {
  state: 'Completed',
  errors: [],
  warnings: [],
  verbose: [],
  debug: [],
  information: [],
  progress: [],
  failure: null,
};

for (const maxProtocolVersion of ['2.4', '2.3', '2.2'] as const) {
  test(`the real client opens, runs everything and closes against our server of ${maxProtocolVersion}`, {
    skip,
  }, async () => {
    const server = await PipeServer.listen(behaviour, { maxProtocolVersion, sessionKey: nodeSessionKey });
    try {
      const told = await runClient(server.name);
      const violations = server.events.filter((event) => event.kind === 'protocolViolation');
      assert.deepEqual(violations, []);
      const error = {
        message: 'boom',
        id: 'MyId,Fail-Terminating',
        category: 'InvalidOperation: (x:String) [Fail-Terminating], InvalidOperationException',
        details: 'the details',
      };
      assert.deepEqual(told, [
        { scenario: 'open', state: 'Opened' },
        {
          ...quiet,
          scenario: 'echo',
          output: [
            'Text=<S>a_x000A__x005F_x000A_ \u2028 _xD83D__xDE00_</S>',
            'Switch=<B>true</B>',
            'No=<B>false</B>',
            'Number=<I32>42</I32>',
            'Long=<I64>1099511627776</I64>',
            'Double=<Db>0.5</Db>',
            'Nothing=<Nil />',
            'Array=<Obj RefId="0"><TN RefId="0"><T>System.Object[]</T><T>System.Array</T><T>System.Object</T></TN><LST><I32>1</I32><S>two</S><Nil /></LST></Obj>',
            'Table=<Obj RefId="0"><TN RefId="0"><T>System.Collections.Hashtable</T><T>System.Object</T></TN><DCT><En><S N="Key">Add</S><S N="Value">smtp:a@b</S></En></DCT></Obj>',
            '=<S>positional</S>',
          ],
        },
        { ...quiet, scenario: 'two commands', output: ['First | Second'] },
        { ...quiet, scenario: 'two statements', output: ['First; Second'] },
        {
          ...quiet,
          scenario: 'streams',
          output: ['end'],
          errors: [error],
          warnings: ['w'],
          verbose: ['v'],
          debug: ['d'],
          information: ['Write-Information: i [t,u]'],
          progress: ['act: stat 50 Processing', 'act: stat -1 Completed'],
        },
        { ...quiet, scenario: 'failure', state: 'Failed', output: [], failure: error },
        { ...quiet, scenario: 'big', output: [300_000] },
        { ...quiet, scenario: 'nothing', output: [null] },
        { ...quiet, scenario: 'input', output: ['2001000'] },
        { ...quiet, scenario: 'secure string', output: ['pässwörd'] },
        { ...quiet, scenario: 'secure string back', output: ['secret:zurück'] },
        { scenario: 'stop', state: 'Stopped' },
        { scenario: 'close', state: 'Closed' },
      ]);
    } finally {
      await server.close();
    }
  });
}
