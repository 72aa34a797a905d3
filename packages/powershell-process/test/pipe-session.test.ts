/* Sessions over a pipe: with the real engine, with the simulator, and with peers that misbehave. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync, statSync } from 'node:fs';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test, type TestContext } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPipeSession, PowerShellProcessError } from '@exchange-connector/powershell-process';
import { PipelineState, psInt32 } from '@exchange-connector/psrp';
import { openOracle } from '../../psrp/test/oracle-program.ts';
import { ending, outputs, run } from './pipelines.ts';
import { openTestHost } from './test-host.ts';

const [oracle, host] = [await openOracle(), await openTestHost()];
const skip = oracle.kind === 'absent' ? oracle.reason : host.kind === 'absent' ? host.reason : false;
const onUnix = process.platform === 'win32' ? 'the pipes here are sockets' : skip;
const simulator = fileURLToPath(new URL('../../exchange-simulator/bin/exchange-simulator.mjs', import.meta.url));

let count = 0;
function freshName(): string {
  count += 1;
  return `test-${process.pid}-${count}`;
}

function socketPath(name: string): string {
  return join(process.env['TMPDIR'] || '/tmp', `CoreFxPipe_${name}`);
}

/** A program that says a line when it listens, and ends when its standard input does or on SIGTERM. */
async function listening(context: TestContext, program: string, parameters: readonly string[]): Promise<void> {
  const child = spawn(program, parameters, { stdio: ['pipe', 'pipe', 'inherit'] });
  const exited = once(child, 'exit');
  context.after(async () => {
    child.stdin.end();
    if (program === process.execPath) child.kill('SIGTERM');
    await exited;
  });
  const failed = exited.then(([code]): never => {
    throw new Error(`${program} ended with ${code} before it listened`);
  });
  failed.catch(() => undefined);
  await Promise.race([once(createInterface(child.stdout), 'line'), failed]);
}

async function realPipe(context: TestContext): Promise<string> {
  const name = freshName();
  await listening(context, oracle.kind === 'ready' ? oracle.program : '', ['pipe', name]);
  return name;
}

/** A listener that does what a test wants of each connection, counted from 1. */
async function peer(context: TestContext, onConnection: (socket: Socket, count: number) => void): Promise<string> {
  const name = freshName();
  const sockets = new Set<Socket>();
  let connections = 0;
  const server: Server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => undefined);
    connections += 1;
    onConnection(socket, connections);
  });
  server.listen(socketPath(name));
  await once(server, 'listening');
  context.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
    rmSync(socketPath(name), { force: true });
  });
  return name;
}

/** A real server for this connection alone. */
function serve(context: TestContext, socket: Socket): void {
  const child = spawn(host.kind === 'ready' ? host.program : '', ['-s', '-NoLogo', '-NoProfile'], {
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  child.stdin.on('error', () => undefined);
  socket.pipe(child.stdin);
  child.stdout.pipe(socket);
  const exited = once(child, 'exit');
  context.after(async () => {
    socket.destroy();
    child.stdin.end();
    await exited;
  });
}

test('the real engine serves one session after the other on its pipe', { skip }, async (context) => {
  const name = await realPipe(context);
  for (let round = 1; round <= 5; round += 1) {
    const session = await openPipeSession({ name });
    assert.equal(session.server.protocolVersion, '2.4');
    const input = Array.from({ length: 500 }, (_, index) => psInt32(index));
    const events = await run(session, 'begin { $n = 0 } process { $n += $_ } end { $n }', { input });
    assert.deepEqual(outputs(events), ['124750']);
    assert.deepEqual(ending(await run(session, 'throw "boom"')), { state: PipelineState.Failed, id: 'boom' });
    for await (const event of session.invoke({
      statements: [
        [{ name: '1; while ($true) { [System.Threading.Thread]::Sleep(5) }', parameters: [], isScript: true }],
      ],
    })) {
      if (event.kind === 'output') break;
    }
    assert.deepEqual(outputs(await run(session, '"x" * 100000 | ForEach-Object { $_.Length }')), ['100000']);
    await session.close();
    await assert.rejects(run(session, '1'), { code: 'POWERSHELL_SESSION_STATE' });
  }
});

test('a pipe that is made only now is waited for', { skip: onUnix }, async (context) => {
  const name = freshName();
  const opening = openPipeSession({ name });
  const path = socketPath(name);
  const server = createServer((socket) => socket.end('rubbish\n'));
  context.after(() => server.close());
  await new Promise((resolve) => setImmediate(resolve));
  server.listen(path);
  await assert.rejects(opening, { code: 'POWERSHELL_RESPONSE_INVALID', message: /"rubbish"/ });
});

/** Connects to a socket that the engine makes anew after each client: for a moment there is none. */
async function connectOnceThere(path: string): Promise<Socket> {
  const deadline = performance.now() + 60_000;
  for (;;) {
    const socket = connect(path);
    try {
      await once(socket, 'connect');
      return socket;
    } catch (error) {
      socket.destroy();
      const { code } = error as NodeJS.ErrnoException;
      if ((code !== 'ENOENT' && code !== 'ECONNREFUSED') || performance.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }
}

test('a client that left without a word makes room for the next one', { skip: onUnix }, async (context) => {
  const name = await realPipe(context);
  for (let round = 1; round <= 3; round += 1) {
    (await connectOnceThere(socketPath(name))).destroy();
    const session = await openPipeSession({ name });
    assert.deepEqual(outputs(await run(session, '5')), ['5']);
    await session.close();
  }
});

test('who comes while another client is served is told so, in time', { skip }, async (context) => {
  const name = await realPipe(context);
  const session = await openPipeSession({ name });
  await assert.rejects(openPipeSession({ name, limits: { openTimeoutMs: 1_500 } }), (error) => {
    assert.ok(error instanceof PowerShellProcessError && error.phase === 'open');
    assert.match(error.message, /one client|no other client/);
    return true;
  });
  assert.deepEqual(outputs(await run(session, '5')), ['5']);
  await session.close();
});

test('the simulator answers on its pipe', { skip: onUnix }, async (context) => {
  const name = freshName();
  await listening(context, process.execPath, [simulator, '--pipe', name, '--mailboxes', '50', '--databases', '2']);
  assert.equal(statSync(socketPath(name)).mode & 0o077, 0);
  const session = await openPipeSession({ name });
  const command = { name: 'Get-MailboxDatabase', parameters: [] };
  const events = await run(session, { statements: [[command]] });
  assert.equal(outputs(events).length, 2);
  assert.equal(ending(events)?.state, PipelineState.Completed);
  assert.equal(ending(await run(session, 'Get-MailboxDatabase'))?.id, 'ScriptsNotAllowed');
  await session.close();
});

test('a connection that is reset at once is tried again for two seconds', { skip: onUnix }, async (context) => {
  let tried = 0;
  const name = await peer(context, (socket, connection) => {
    tried = connection;
    if (connection <= 3) socket.destroy();
    else serve(context, socket);
  });
  const session = await openPipeSession({ name });
  assert.equal(tried, 4);
  assert.deepEqual(outputs(await run(session, '6')), ['6']);
  await session.close();
});

test('one that is always reset is given up after two seconds', { skip: onUnix }, async (context) => {
  let tried = 0;
  const name = await peer(context, (socket, connection) => {
    tried = connection;
    socket.destroy();
  });
  const started = performance.now();
  await assert.rejects(openPipeSession({ name }), {
    code: 'POWERSHELL_PIPE_REFUSED',
    message: /cut each connection at once .* one client at a time/,
  });
  const took = performance.now() - started;
  assert.ok(took >= 1_900, `${took} ms`);
  assert.ok(tried > 1, `${tried} times`);
});

test('a connection that is lost later is not tried again', { skip: onUnix }, async (context) => {
  let tried = 0;
  const name = await peer(context, (socket, connection) => {
    tried = connection;
    serve(context, socket);
    setTimeout(() => socket.destroy(), 60_000).unref();
    context.after(() => socket.destroy());
    cut = () => socket.destroy();
  });
  let cut: () => void = () => undefined;
  const session = await openPipeSession({ name });
  await assert.rejects(
    async () => {
      for await (const event of session.invoke({
        statements: [
          [{ name: '1; while ($true) { [System.Threading.Thread]::Sleep(5) }', parameters: [], isScript: true }],
        ],
      })) {
        if (event.kind === 'output') cut();
      }
    },
    { code: 'POWERSHELL_ENDED', message: /the pipe .* in the middle of the session: it closed the pipe/ },
  );
  await session.close();
  assert.equal(tried, 1);
});

test('a pipe that cannot be is said so at once, one that is not there once two seconds have not brought it', {
  skip: onUnix,
}, async (context) => {
  const rejects = async (name: string, code: string, message: RegExp): Promise<void> =>
    await assert.rejects(openPipeSession({ name }), { code, message });
  const impossible = [
    ['a/b', /slash/],
    ['', /cannot be/],
    ['a\0b', /cannot be/],
    ['x'.repeat(200), /at most 10\d bytes/],
  ] as const;
  for (const [name, message] of impossible) await rejects(name, 'POWERSHELL_PIPE_NAME_INVALID', message);
  await rejects(
    freshName(),
    'POWERSHELL_PIPE_REFUSED',
    /there is none \(.*CoreFxPipe_.*\); start its PowerShell with pwsh -CustomPipeName/,
  );
  const name = await peer(context, (socket) => socket.end('rubbish\n'));
  await assert.rejects(openPipeSession({ name }), { code: 'POWERSHELL_RESPONSE_INVALID', message: /"rubbish"/ });
});

test('a peer that never answers is left in time, and when cancelled at once', { skip: onUnix }, async (context) => {
  const name = await peer(context, () => undefined);
  await assert.rejects(openPipeSession({ name, limits: { openTimeoutMs: 300 } }), { code: 'POWERSHELL_TIMED_OUT' });
  const reason = new Error('no more');
  const cancel = new AbortController();
  const opening = openPipeSession({ name, signal: cancel.signal });
  setImmediate(() => cancel.abort(reason));
  await assert.rejects(opening, reason);
});

test('the absolute path of a socket may stand for the name', { skip: onUnix }, async (context) => {
  const name = await realPipe(context);
  const session = await openPipeSession({ name: socketPath(name) });
  assert.deepEqual(outputs(await run(session, '12')), ['12']);
  await session.close();
});
