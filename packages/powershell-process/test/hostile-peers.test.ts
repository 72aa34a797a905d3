/* Whatever a peer sends, and wherever the connection is cut: a clear error in time, never half a result taken for a whole one. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openPipeSession, PowerShellProcessError } from '@exchange-connector/powershell-process';
import { formatPacket, type Guid, type Packet, PipelineState } from '@exchange-connector/psrp';
import fc from 'fast-check';
import { ending, outputs, run } from './pipelines.ts';

const skip = process.platform === 'win32' ? 'the pipes here are sockets' : false;
const simulator = fileURLToPath(new URL('../../exchange-simulator/bin/exchange-simulator.mjs', import.meta.url));
const path = (name: string): string => join(process.env['TMPDIR'] || '/tmp', `CoreFxPipe_${name}`);
const behind = `hostile-${process.pid}-behind`;
const between = `hostile-${process.pid}-between`;
const request = { statements: [[{ name: 'Get-MailboxDatabase', parameters: [] }]] };

/** What is done with each connection to the pipe `between`. */
let onConnection: (socket: Socket) => void = (socket) => socket.destroy();
const listener = createServer((socket) => {
  socket.on('error', () => undefined);
  onConnection(socket);
});
let stop: (() => Promise<void>) | undefined;

before(async () => {
  if (skip !== false) return;
  const child = spawn(process.execPath, [simulator, '--pipe', behind, '--databases', '12', '--mailboxes', '20'], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const exited = once(child, 'exit');
  stop = async () => {
    child.kill('SIGTERM');
    await exited;
  };
  await once(createInterface(child.stdout), 'line');
  listener.listen(path(between));
  await once(listener, 'listening');
});

after(async () => {
  listener.close();
  await stop?.();
  rmSync(path(between), { force: true });
});

/** For what has to end by itself, and not because a machine was slow. */
const patient = { openTimeoutMs: 60_000, acknowledgeTimeoutMs: 60_000, stopTimeoutMs: 60_000, closeTimeoutMs: 60_000 };
const limits = { openTimeoutMs: 100, acknowledgeTimeoutMs: 300, stopTimeoutMs: 300, closeTimeoutMs: 200 };

/** Passes a connection on to the simulator, and cuts it after so many bytes of the simulator's. */
function cutAfter(bytes: number, received: (count: number) => void): (socket: Socket) => void {
  return (socket) => {
    const server = connect(path(behind));
    let left = bytes;
    let total = 0;
    server.on('error', () => undefined);
    socket.on('close', () => server.destroy());
    socket.pipe(server);
    server.on('data', (data: Buffer) => {
      total += data.length;
      received(total);
      socket.write(data.subarray(0, Math.min(left, data.length)));
      left -= data.length;
      if (left <= 0) {
        socket.end();
        server.destroy();
      }
    });
  };
}

test('wherever the connection is cut, the result is whole or an error', { skip }, async () => {
  let whole = 0;
  onConnection = cutAfter(Number.MAX_SAFE_INTEGER, (count) => {
    whole = count;
  });
  const session = await openPipeSession({ name: between });
  const complete = outputs(await run(session, request));
  const upToHere = whole;
  await session.close();
  assert.equal(complete.length, 12);
  const seen = new Set<string>();
  await fc.assert(
    fc.asyncProperty(fc.integer({ min: 0, max: upToHere }), async (bytes) => {
      onConnection = cutAfter(bytes, () => undefined);
      try {
        const cut = await openPipeSession({ name: between, limits: patient });
        try {
          const events = await run(cut, request);
          assert.deepEqual(outputs(events), complete);
          assert.equal(ending(events)?.state, PipelineState.Completed);
          seen.add('whole');
        } finally {
          await cut.close();
        }
      } catch (error) {
        assert.ok(error instanceof PowerShellProcessError, String(error));
        assert.match(error.code, /^POWERSHELL_(PIPE_REFUSED|NOT_OPENED|ENDED)$/, error.message);
        seen.add(error.code);
      }
    }),
    { numRuns: 60, examples: [[upToHere - 1], [Math.round(upToHere / 2)], [600]] },
  );
  assert.ok(seen.has('POWERSHELL_ENDED') && seen.has('POWERSHELL_NOT_OPENED'), [...seen].join());
});

const guids = ['00000000-0000-0000-0000-000000000000', '11111111-2222-3333-4444-555555555555'] as const;
const packets = fc.record({
  kind: fc.constantFrom('Data', 'DataAck', 'CommandAck', 'CloseAck', 'SignalAck', 'Command', 'Close', 'Signal'),
  target: fc.constantFrom(...guids),
  stream: fc.constantFrom('stdin', 'pr'),
  data: fc.uint8Array({ maxLength: 80 }),
});
const lines = fc.oneof(
  packets.map((packet) => Buffer.from(formatPacket({ ...packet, target: packet.target as Guid } as Packet))),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
  fc.string({ maxLength: 60 }).map((text) => Buffer.from(`${text}\n`)),
  fc
    .constantFrom("<Data Stream='Default'>\n", '<DataAck/>\n', '\n\r\n', '<', "<Data PSGuid='x'>!!</Data>\n")
    .map((text) => Buffer.from(text)),
);

test('whatever a peer sends in answer, opening ends in time with a clear error', { skip }, async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(lines, { minLength: 1, maxLength: 12 }), async (sent) => {
      onConnection = (socket) => {
        socket.on('data', () => undefined);
        for (const line of sent) socket.write(line);
      };
      await assert.rejects(openPipeSession({ name: between, limits }), (error) => {
        assert.ok(error instanceof PowerShellProcessError, String(error));
        assert.match(error.code, /^POWERSHELL_(RESPONSE_INVALID|TIMED_OUT|NOT_OPENED)$/);
        assert.doesNotMatch(error.message, /\p{Cc}/u);
        return true;
      });
    }),
    { numRuns: 60 },
  );
});
