import assert from 'node:assert/strict';
import { execFileSync, spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, realpathSync, rmSync, cpSync, mkdirSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';

import { findNewerNode, oldestNodeMajor } from '@exchange-connector/launcher';

const probe = fileURLToPath(new URL('./probe/bin.mjs', import.meta.url));
const launcherFile = fileURLToPath(new URL('../launch.mjs', import.meta.url));

function findOlderNode(): string | undefined {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const candidate = join(folder, 'node');
    if (!existsSync(candidate) || realpathSync(candidate) === realpathSync(process.execPath)) continue;
    const version = execFileSync(candidate, ['-p', 'process.versions.node'], { encoding: 'utf8' });
    if (Number.parseInt(version, 10) < oldestNodeMajor) return candidate;
  }
  return undefined;
}

const olderNode = findOlderNode();
const runtimes = [
  { name: 'directly on the new Node', binary: process.execPath, skip: false as const },
  {
    name: 'from an older Node',
    binary: olderNode ?? '',
    skip: olderNode === undefined ? `no Node older than ${oldestNodeMajor} on the PATH` : (false as const),
  },
];

interface Probe {
  readonly process: ChildProcess;
  readonly nextFact: () => Promise<Record<string, unknown> | undefined>;
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

function startProbe(binary: string, args: readonly string[]): Probe {
  // A group of its own, as a shell gives each command, so that a Ctrl-C can be sent to the group.
  const child = spawn(binary, [probe, ...args], { stdio: ['pipe', 'pipe', 'inherit'], detached: true });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    process: child,
    nextFact: async () => {
      const line = await lines.next();
      return line.done === true ? undefined : (JSON.parse(line.value) as Record<string, unknown>);
    },
    ended: once(child, 'close').then(([code, signal]) => ({ code, signal })) as Probe['ended'],
  };
}

function groupOf(started: Probe): number {
  assert.ok(started.process.pid);
  return -started.process.pid;
}

for (const { name, binary, skip } of runtimes) {
  test(`a program started ${name} runs on Node ${oldestNodeMajor} or later, with its own arguments and a clean environment`, {
    skip,
  }, async () => {
    const started = startProbe(binary, ['facts', '--a', 'b c', '']);
    const facts = await started.nextFact();
    assert.ok(Number(facts?.['major']) >= oldestNodeMajor);
    assert.deepEqual(facts?.['arguments'], ['--a', 'b c', '']);
    assert.deepEqual(facts?.['marker'], []);
    assert.equal(facts?.['channelVariable'], undefined);
    assert.deepEqual(await started.ended, { code: 0, signal: null });
  });

  test(`the exit code of a program started ${name} is passed on`, { skip }, async () => {
    for (const code of [0, 1, 5, 130]) {
      assert.deepEqual(await startProbe(binary, ['exit', String(code)]).ended, { code, signal: null });
    }
  });

  test(`the signal that ended a program started ${name} ends the launcher too`, { skip }, async () => {
    for (const signal of ['SIGTERM', 'SIGKILL'] as const) {
      assert.deepEqual(await startProbe(binary, ['die', signal]).ended, { code: null, signal });
    }
  });

  test(`standard input reaches a program started ${name} byte for byte, with its end`, { skip }, async () => {
    const started = startProbe(binary, ['echo']);
    const sent = Buffer.alloc(300_000, '0123456789\n');
    const chunks: Buffer[] = [];
    started.process.stdout?.removeAllListeners('data').on('data', (chunk: Buffer) => chunks.push(chunk));
    started.process.stdin?.end(sent);
    assert.deepEqual(await started.ended, { code: 0, signal: null });
    assert.ok(Buffer.concat(chunks).equals(sent));
  });

  test(`a Ctrl-C of the terminal counts once for a program started ${name}, and a second one is urgent`, {
    skip,
  }, async () => {
    const started = startProbe(binary, ['stay']);
    assert.ok((await started.nextFact())?.['ready']);
    process.kill(groupOf(started), 'SIGINT');
    assert.deepEqual(await started.nextFact(), { signal: 'SIGINT', atOnce: false });
    process.kill(groupOf(started), 'SIGINT');
    assert.deepEqual(await started.nextFact(), { signal: 'SIGINT', atOnce: true });
    assert.equal(await started.nextFact(), undefined);
    assert.deepEqual(await started.ended, { code: 130, signal: null });
  });

  test(`a signal of the terminal followed by one to the started process alone counts twice ${name}`, {
    skip,
  }, async () => {
    const started = startProbe(binary, ['stay', 'SIGTERM']);
    assert.ok((await started.nextFact())?.['ready']);
    process.kill(groupOf(started), 'SIGHUP');
    assert.deepEqual(await started.nextFact(), { signal: 'SIGHUP', atOnce: false });
    started.process.kill('SIGTERM');
    assert.deepEqual(await started.nextFact(), { signal: 'SIGTERM', atOnce: false });
    assert.equal(await started.nextFact(), undefined);
    assert.deepEqual(await started.ended, { code: 130, signal: null });
  });

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    test(`${signal} sent to the started process alone reaches a program started ${name} once`, { skip }, async () => {
      const started = startProbe(binary, ['stay', signal]);
      assert.ok((await started.nextFact())?.['ready']);
      started.process.kill(signal);
      assert.deepEqual(await started.nextFact(), { signal, atOnce: false });
      assert.equal(await started.nextFact(), undefined);
      assert.deepEqual(await started.ended, { code: 130, signal: null });
    });
  }

  test(`a program started ${name} that takes no interrupts is ended by a signal to the started process`, {
    skip,
  }, async () => {
    const started = startProbe(binary, ['deaf']);
    assert.ok((await started.nextFact())?.['ready']);
    started.process.kill('SIGTERM');
    assert.deepEqual(await started.ended, { code: null, signal: 'SIGTERM' });
  });
}

const fromOlder = { skip: runtimes[1]?.skip ?? false };

test('the death of the launcher counts as SIGTERM for its program', fromOlder, async () => {
  const started = startProbe(olderNode ?? '', ['stay', 'SIGTERM']);
  const program = Number((await started.nextFact())?.['ready']);
  assert.notEqual(program, started.process.pid);
  started.process.kill('SIGKILL');
  assert.deepEqual(await started.nextFact(), { signal: 'SIGTERM', atOnce: false });
  // The streams end with the program itself, which holds them still.
  assert.equal(await started.nextFact(), undefined);
});

test('a program that hangs in its handler is ended by the second Ctrl-C through the launcher', fromOlder, async () => {
  const started = startProbe(olderNode ?? '', ['stuck']);
  assert.ok((await started.nextFact())?.['ready']);
  process.kill(groupOf(started), 'SIGINT');
  assert.deepEqual(await started.nextFact(), { signal: 'SIGINT', atOnce: false });
  // Two signals that reach the launcher before it runs again count as one to it, as two quick Ctrl-C do: pressed
  // until it helps.
  const group = groupOf(started);
  const pressing = setInterval(() => process.kill(group, 'SIGINT'), 250);
  started.process.once('exit', () => clearInterval(pressing));
  assert.deepEqual(await started.ended, { code: null, signal: 'SIGKILL' });
});

test('without a newer Node the launcher says how to get one and exits with 2', fromOlder, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'launcher-'));
  try {
    cpSync(launcherFile, join(folder, 'launch.mjs'));
    mkdirSync(join(folder, 'bin'));
    writeFileSync(
      join(folder, 'bin', 'start.mjs'),
      "import { launch } from '../launch.mjs';\nawait launch('file:///nowhere.mjs');\n",
    );
    const child = spawn(olderNode ?? '', [join(folder, 'bin', 'start.mjs')], { stdio: ['ignore', 'pipe', 'pipe'] });
    let text = '';
    child.stderr.setEncoding('utf8').on('data', (part: string) => {
      text += part;
    });
    const [code] = await once(child, 'close');
    assert.equal(code, 2);
    assert.match(text, /needs Node 24 or later; this is Node \d+\.\d+\.\d+/);
    assert.match(text, /npm ci/);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the newer Node is found among the installed packages, and nothing is found where none is installed', () => {
  const found = findNewerNode();
  assert.ok(found !== undefined && existsSync(found));
  assert.equal(findNewerNode(join(tmpdir(), 'no-such-folder', 'x.mjs')), undefined);
});

for (const { name, binary, skip } of runtimes) {
  const onPosix = process.platform === 'win32' ? 'Windows cannot put one program in the place of another' : skip;
  test(`a program started ${name} gets V8 and the allocator set up for streaming, and keeps its parameters`, {
    skip: onPosix,
  }, (context) => {
    const folder = mkdtempSync(join(tmpdir(), 'launch-'));
    context.after(() => rmSync(folder, { recursive: true, force: true }));
    const main = join(folder, 'main.mjs');
    writeFileSync(
      main,
      `import { readFileSync } from 'node:fs';
       const started = process.platform === 'linux' ? readFileSync('/proc/self/environ', 'latin1').split('\\0') : undefined;
       const isAllocators = (text) => /^MALLOC_|ALLOCATOR/.test(text);
       console.log(JSON.stringify({
         node: process.execArgv, own: process.argv.slice(2), pid: process.pid,
         started: started?.filter(isAllocators), left: Object.keys(process.env).filter(isAllocators),
       }));`,
    );
    const bin = join(folder, 'bin.mjs');
    writeFileSync(
      bin,
      `import { launch } from ${JSON.stringify(launcherFile)};\nawait launch(new URL('./main.mjs', import.meta.url));\n`,
    );
    const { stdout, stderr, pid, status } = spawnSync(binary, [bin, '--a', 'b c', ''], {
      encoding: 'utf8',
      env: { ...process.env, MALLOC_ARENA_MAX: '3' },
    });
    assert.equal(stderr, '');
    assert.equal(status, 0);
    const facts = JSON.parse(stdout) as {
      node: string[];
      own: string[];
      pid: number;
      started?: string[];
      left: string[];
    };
    // The system's allocator is set up too, but for what the administrator set; the program itself sees only that.
    if (facts.started !== undefined) {
      for (const setting of ['MALLOC_ARENA_MAX=3', 'MALLOC_MMAP_THRESHOLD_=65536', 'MALLOC_TRIM_THRESHOLD_=131072'])
        assert.ok(facts.started.includes(setting), setting);
    }
    assert.deepEqual(facts.left, ['MALLOC_ARENA_MAX']);
    assert.deepEqual(facts.own, ['--a', 'b c', '']);
    assert.deepEqual(
      facts.node.filter((option) => option.includes('semi-space')),
      ['--max-semi-space-size=4'],
    );
    // On the new Node the process itself becomes the program: who started it still knows its id.
    assert.equal(facts.pid === pid, binary === process.execPath);
  });
}
