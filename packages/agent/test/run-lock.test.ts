import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { AgentError } from '../src/errors.ts';
import { clearDeadLocks, takeRunLock } from '../src/run-lock.ts';

function inFolder(run: (folder: string) => void | Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'run-lock-'));
  return Promise.resolve(run(folder)).finally(() => rmSync(folder, { recursive: true }));
}

const isLocked = (error: unknown): boolean => error instanceof AgentError && error.code === 'RUN_LOCKED';

test('a second run is refused while the first holds the lock, and named who holds it', () =>
  inFolder((folder) => {
    const first = takeRunLock(folder, 'run-one', []);
    assert.throws(
      () => takeRunLock(folder, 'run-two', []),
      (error: unknown) =>
        isLocked(error) && error instanceof Error && error.message.includes(`run run-one, process ${process.pid}`),
    );
    first.release();
    takeRunLock(folder, 'run-two', []).release();
    assert.deepEqual(readdirSync(folder), []);
  }));

test('the lock of a process that was killed is taken over, and what it had been writing is told', () =>
  inFolder(async (folder) => {
    const program = `
      import { takeRunLock } from ${JSON.stringify(new URL('../src/run-lock.ts', import.meta.url).href)};
      takeRunLock(${JSON.stringify(folder)}, 'killed', ['/tmp/a.partial', '/tmp/b.partial']);
      console.log('held');
      setInterval(() => {}, 1000);`;
    const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    await once(child.stdout, 'data');
    assert.throws(() => takeRunLock(folder, 'next', []), isLocked);
    child.kill('SIGKILL');
    await once(child, 'exit');
    const lock = takeRunLock(folder, 'next', []);
    assert.deepEqual(lock.abandoned, ['/tmp/a.partial', '/tmp/b.partial']);
    lock.release();
    assert.deepEqual(readdirSync(folder), []);
  }));

const holder = { runId: 'old', pid: process.pid, host: hostname(), processStart: '', since: '', temporaries: [] };

test(
  'a process id that another process has now does not hold the lock',
  { skip: existsSync('/proc/self/stat') ? false : 'this system does not tell when a process started' },
  () =>
    inFolder((folder) => {
      writeFileSync(join(folder, 'lock.json'), JSON.stringify({ ...holder, processStart: 'another-boot 12345' }));
      takeRunLock(folder, 'next', []).release();
    }),
);

test(
  'a holder that was killed, and that its parent never asks for, holds nobody up',
  { skip: process.platform === 'linux' ? false : 'only /proc tells a process that ended from one that runs' },
  () =>
    inFolder(async (folder) => {
      // The shell becomes a program that knows of no children: what it started stays a zombie when it is killed.
      const parent = spawn('sh', ['-c', 'sleep 1000 & echo $!; exec cat'], { stdio: ['pipe', 'pipe', 'inherit'] });
      const ended = once(parent, 'exit');
      try {
        const [printed] = (await once(parent.stdout, 'data')) as [Buffer];
        const pid = Number(printed.toString());
        const facts = () => {
          const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
          return stat.slice(stat.lastIndexOf(')') + 2).split(' ');
        };
        const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
        const holder = {
          pid,
          host: hostname(),
          processStart: `${boot} ${facts()[19]}`,
          runId: 'dead',
          temporaries: ['left'],
        };
        writeFileSync(join(folder, 'lock.json'), JSON.stringify(holder));
        assert.throws(() => takeRunLock(folder, randomUUID(), []), isLocked);
        // The shell must have become that program by then: a shell would ask for its child.
        while (!readFileSync(`/proc/${parent.pid}/comm`, 'utf8').startsWith('cat')) await setImmediate();
        process.kill(pid, 'SIGKILL');
        while (facts()[0] !== 'Z') await setImmediate();
        const lock = takeRunLock(folder, randomUUID(), []);
        assert.deepEqual(lock.abandoned, ['left']);
        lock.release();
      } finally {
        parent.stdin.end();
        await ended;
      }
    }),
);

test('a holder on another host is believed while it shows that it lives', () =>
  inFolder((folder) => {
    const path = join(folder, 'lock.json');
    writeFileSync(path, JSON.stringify({ ...holder, host: 'another-host' }));
    assert.throws(() => takeRunLock(folder, 'next', []), isLocked);
    const longAgo = new Date(Date.now() - 10 * 60_000);
    utimesSync(path, longAgo, longAgo);
    takeRunLock(folder, 'next', []).release();
  }));

test('a lock that cannot be read holds nobody up', () =>
  inFolder((folder) => {
    writeFileSync(join(folder, 'lock.json'), 'garbage');
    takeRunLock(folder, 'next', []).release();
    assert.deepEqual(readdirSync(folder), []);
  }));

test('of many processes that start together at a dead lock, one gets it at a time', () =>
  inFolder(async (folder) => {
    writeFileSync(join(folder, 'lock.json'), JSON.stringify({ ...holder, pid: 2 ** 22 - 7 }));
    const program = `
      import { takeRunLock } from ${JSON.stringify(new URL('../src/run-lock.ts', import.meta.url).href)};
      import { mkdirSync, rmdirSync } from 'node:fs';
      let got = 0, refused = 0;
      for (let round = 0; round < 60; round += 1) {
        try {
          const lock = takeRunLock(${JSON.stringify(folder)}, crypto.randomUUID(), []);
          mkdirSync(${JSON.stringify(join(folder, 'inside'))});
          got += 1;
          rmdirSync(${JSON.stringify(join(folder, 'inside'))});
          lock.release();
        } catch (error) {
          if (error.code !== 'RUN_LOCKED') throw error;
          refused += 1;
        }
      }
      console.log(JSON.stringify({ got, refused }));`;
    const runs = Array.from({ length: 4 }, async () => {
      const child = spawn(process.execPath, ['--input-type=module-typescript', '-e', program], {
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      let output = '';
      child.stdout.on('data', (data) => {
        output += String(data);
      });
      const [code] = await once(child, 'exit');
      assert.equal(code, 0, 'two runs were inside at once, or a run could not take the lock for another reason');
      return JSON.parse(output) as { got: number };
    });
    const results = await Promise.all(runs);
    assert.ok(results.reduce((sum, { got }) => sum + got, 0) > 0);
    assert.deepEqual(readdirSync(folder), []);
  }));

test('the lock says who holds it in words that a person can read', () =>
  inFolder((folder) => {
    const runId = randomUUID();
    const lock = takeRunLock(folder, runId, []);
    const text = JSON.parse(readFileSync(join(folder, 'lock.json'), 'utf8')) as Record<string, unknown>;
    assert.equal(text['runId'], runId);
    assert.equal(text['pid'], process.pid);
    lock.release();
  }));

test('what runs that died while they took the lock left beside it is cleared away, and what they knew of is told', () =>
  inFolder((folder) => {
    const holder = { runId: 'dead', pid: 1, host: 'another host', processStart: '', since: '', temporaries: ['/t/x'] };
    const write = (name: string, content: object, time: Date): void => {
      writeFileSync(join(folder, name), JSON.stringify(content));
      utimesSync(join(folder, name), time, time);
    };
    const longAgo = new Date(Date.now() - 3_600_000);
    write('lock.dead.json', { ...holder, temporaries: [] }, longAgo);
    write('lock.json.dead.stale', holder, longAgo);
    write('lock.half.json', {}, new Date());
    writeFileSync(join(folder, 'lock.half.json'), '');
    // Of a run that takes the lock at this moment.
    write('lock.new.json', { ...holder, pid: process.pid, host: hostname() }, new Date());
    const lock = takeRunLock(folder, 'own', []);
    assert.deepEqual(clearDeadLocks(folder), ['/t/x']);
    lock.release();
    assert.deepEqual(readdirSync(folder), ['lock.new.json']);
  }));
