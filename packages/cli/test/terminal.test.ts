/* The program on a real terminal: a pseudo-terminal that util-linux's `script` opens for it. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { basicTo, makeSettings, programFile, startPeer } from './program.ts';

const skip = spawnSync('script', ['--version'], { encoding: 'utf8' }).stdout?.includes('util-linux')
  ? false
  : 'util-linux’s script, which opens a pseudo-terminal, is not installed';

interface Session {
  readonly process: ChildProcess;
  readonly screen: () => string;
  type(text: string): void;
  shows(pattern: RegExp): Promise<void>;
  readonly ended: Promise<number | null>;
}

function onTerminal(context: TestContext, parameters: readonly string[]): Session {
  const words = [process.execPath, programFile, ...parameters].map((word) => `'${word.replaceAll("'", "'\\''")}'`);
  const { EXCHANGE_PASSWORD: _, NO_COLOR: __, ...environment } = process.env;
  const child = spawn('script', ['-qefc', `stty cols 100; exec ${words.join(' ')}`, '/dev/null'], {
    env: { ...environment, TERM: 'xterm', SHELL: '/bin/sh' },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  context.after(() => child.kill('SIGKILL'));
  let screen = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    screen += text;
  });
  const ended = once(child, 'close').then(([code]) => code as number | null);
  return {
    process: child,
    screen: () => screen,
    type: (text) => void child.stdin.write(text),
    async shows(pattern) {
      while (!pattern.test(screen)) {
        if (child.stdout.readableEnded) throw new Error(`ended without ${pattern}: ${JSON.stringify(screen)}`);
        await Promise.race([once(child.stdout, 'data'), once(child.stdout, 'end')]);
      }
    },
    ended,
  };
}

function withoutPassword(port: number): object {
  const { Password: _, ...rest } = basicTo(port) as { Password: string };
  return rest;
}

test('on a terminal a missing password is asked for without showing it, and Ctrl-C ends the run', {
  skip,
}, async (context) => {
  const peer = await startPeer(context, () => undefined);
  const connected = peer.nextConnection();
  const session = onTerminal(context, [
    'export',
    '--settings',
    makeSettings(context, { Main: withoutPassword(peer.port) }),
  ]);
  await session.shows(/Password for Main: $/);
  session.type('wrongx\u0015pä\u007f\u007fp\u00e4ss\r');
  const socket = await connected;
  let request = '';
  while (!request.includes('\r\n\r\n')) request += String((await once(socket, 'data'))[0]);
  const authorization = Buffer.from(/^authorization: basic (.*)\r$/im.exec(request)?.[1] ?? '', 'base64').toString(
    'utf8',
  );
  assert.equal(authorization, 'demo:päss');
  await session.shows(/connecting …/);
  session.type('\u0003');
  await session.shows(/Ending … \(Ctrl-C again to end at once\)/);
  session.type('\u0003');
  assert.equal(await session.ended, 130);
  assert.doesNotMatch(session.screen(), /wrong|äss/);
});

test('Ctrl-C at the question cancels before anything is contacted', { skip }, async (context) => {
  const peer = await startPeer(context, (socket) => socket.end());
  const session = onTerminal(context, [
    'export',
    '--settings',
    makeSettings(context, { Main: withoutPassword(peer.port) }),
  ]);
  await session.shows(/Password for Main: $/);
  session.type('abc\u0003');
  assert.equal(await session.ended, 130);
  assert.equal(peer.connections(), 0);
  assert.doesNotMatch(session.screen(), /abc/);
});

test('an empty answer to the question is refused with exit 2', { skip }, async (context) => {
  const session = onTerminal(context, ['export', '--settings', makeSettings(context, { Main: withoutPassword(1) })]);
  await session.shows(/Password for Main: $/);
  session.type('\r');
  assert.equal(await session.ended, 2);
  assert.match(session.screen(), /error: no password was typed/);
});
