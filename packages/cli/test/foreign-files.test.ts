/* What is no file where the program has its files: it is told of at once, and never waited for. */
import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, rmSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { basicTo, type Ended, makeSettings, startPeer, startProgram } from './program.ts';

/** Nobody writes into it: who opens it to read waits. */
function makePipe(path: string): void {
  execFileSync('mkfifo', [path]);
}

/** Ends a program that hangs: then the test fails, and the run of the tests does not. */
async function run(context: TestContext, parameters: readonly string[]): Promise<Ended> {
  const program = startProgram([...parameters, '--no-progress']);
  context.after(() => program.process.kill('SIGKILL'));
  const limit = setTimeout(() => program.process.kill('SIGKILL'), 120_000);
  try {
    return await program.ended;
  } finally {
    clearTimeout(limit);
  }
}

const state = join('Work', 'ExportState', 'Main');
const output = join('Temp', 'ExportOutput');

test('a named pipe or a folder in the place of a cookie, a journal, a manifest or what is held is exit 1 with its name, and nothing is contacted', {
  skip: process.platform === 'win32' && 'Windows has no named pipes among its files',
}, async (context) => {
  const peer = await startPeer(context, (socket) => socket.destroy());
  const settings = makeSettings(context, { Main: basicTo(peer.port) });
  const above = dirname(settings);
  const places: readonly (readonly [place: string, command: readonly string[]])[] = [
    [join('Work', 'ExportCookies', 'Main_cookie.bin'), ['export']],
    [join('Work', 'ExportCookies', 'Main_cookie.bin'), ['acknowledge']],
    [join(state, 'publication.json'), ['export']],
    [join(state, 'publication.json'), ['check']],
    [join(state, 'held', 'held.json'), ['export', '--release']],
    [join(state, 'lock.json'), ['export']],
    [join(state, 'acknowledged.json'), ['acknowledge']],
    [join(output, 'Main_manifest.json'), ['export']],
    [join(output, 'Main_mailboxes.csv'), ['export']],
  ];
  for (const [index, [place, command]] of places.entries()) {
    const path = join(above, place);
    mkdirSync(dirname(path), { recursive: true });
    const isPipe = index % 2 === 0 || place.endsWith('.json');
    if (isPipe) makePipe(path);
    else mkdirSync(path);
    const ended = await run(context, [...command, '--settings', settings]);
    const told = `${command.join(' ')}, ${place}: ${JSON.stringify(ended)}`;
    // The doctor tells it as a fault of the settings, its first step.
    assert.equal(ended.code, command[0] === 'check' ? 2 : 1, told);
    assert.ok(
      ended.errors.includes(`${path} is ${isPipe ? 'a named pipe' : 'a folder'}, and a file is to stand there`) ||
        ended.output.includes(`${path} is`),
      told,
    );
    assert.ok(existsSync(path) && !statSync(path).isFile(), told);
    rmSync(path, { recursive: true });
  }
  assert.equal(peer.connections(), 0);

  // What serves the pace alone, or is a note, stops nobody: the run goes on to the server, which is none.
  for (const name of ['limits.json', join('shells', 'A.json'), join('parts', 'reading.json')]) {
    const path = join(above, state, name);
    mkdirSync(dirname(path), { recursive: true });
    makePipe(path);
  }
  const ended = await run(context, ['export', '--settings', settings]);
  assert.equal(ended.code, 3, ended.errors);
  assert.ok(peer.connections() > 0);
});
