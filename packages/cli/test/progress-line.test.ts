import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProgress, formatSeconds, ProgressLine } from '../src/progress-line.ts';
import { type OutputStream, Terminal } from '../src/terminal.ts';

class Recorder implements OutputStream {
  written = '';
  readonly isTTY: boolean;
  columns = 80;
  constructor(isTTY: boolean) {
    this.isTTY = isTTY;
  }
  write(text: string, done?: () => void): boolean {
    this.written += text;
    done?.();
    return true;
  }
}

const half = { phase: 'mailboxes', done: 1500, total: 3000, perSecond: 512.3, secondsLeft: 125 } as const;

test('progress with a known total is a bar with numbers and the time left, never wider than the terminal', () => {
  assert.equal(
    formatProgress(half, 100),
    'reading mailboxes [###############---------------] 1,500 of 3,000, 50%, 512/s, 2 min 5 s left',
  );
  assert.equal(formatProgress(half, 66), 'reading mailboxes  1,500 of 3,000, 50%, 512/s, 2 min 5 s left');
  for (let width = 20; width < 200; width++)
    assert.ok(formatProgress(half, width).length <= Math.max(width - 1, 63), String(width));
  assert.equal(
    formatProgress({ ...half, total: undefined, secondsLeft: undefined }, 100),
    'reading mailboxes  1,500, 512/s',
  );
  assert.equal(
    formatProgress({ phase: 'connecting', done: 0, total: undefined, perSecond: 0, secondsLeft: undefined }, 100),
    'connecting …',
  );
});

test('seconds are told in the two largest units', () => {
  assert.deepEqual([0.2, 59.4, 60, 3599, 7800].map(formatSeconds), [
    '0 s',
    '59 s',
    '1 min 0 s',
    '59 min 59 s',
    '2 h 10 min',
  ]);
});

test('on a terminal the line is drawn again in its place, and what is said stands above it', () => {
  const errors = new Recorder(true);
  const terminal = new Terminal(new Recorder(false), errors, {});
  const line = new ProgressLine(terminal);
  line.show({ ...half, done: 0, perSecond: 0, secondsLeft: undefined });
  terminal.say('warning: something');
  line.end();
  const drawn = 'reading mailboxes [------------------------------] 0 of 3,000, 0%';
  assert.equal(errors.written, `${drawn}\r\u001b[Kwarning: something\n${drawn}\r\u001b[K`);
});

test('a line never reaches the terminal’s last column, where it would wrap', () => {
  const errors = new Recorder(true);
  errors.columns = 20;
  new ProgressLine(new Terminal(new Recorder(false), errors, {})).show(half);
  assert.equal(errors.written.length, 19);
});

test('without a terminal each phase has a line, and a long one now and then one more', () => {
  const errors = new Recorder(false);
  let now = 0;
  const line = new ProgressLine(new Terminal(new Recorder(false), errors, {}), () => now);
  for (let done = 0; done <= 3000; done += 100) {
    line.show({ ...half, done, perSecond: 100, secondsLeft: (3000 - done) / 100 });
    now += 1000;
  }
  line.show({ ...half, done: 3000, perSecond: 99, secondsLeft: undefined });
  assert.deepEqual(errors.written.split('\n'), [
    'reading mailboxes: 0 of 3,000, 0%, 30 s left',
    'reading mailboxes: 1,000 of 3,000, 33%, 100/s, 20 s left',
    'reading mailboxes: 2,000 of 3,000, 66%, 100/s, 10 s left',
    'reading mailboxes: 3,000 of 3,000, 100%, 100/s',
    '',
  ]);
});

test('a wait that the server asked for is shown with the time of day when it ends, and told at once', () => {
  const throttledUntil = new Date(2026, 0, 1, 14, 4, 30).toISOString();
  assert.equal(
    formatProgress({ ...half, throttledUntil }, 60),
    'reading mailboxes  1,500 of 3,000, 50%, 512/s, throttled until 14:05',
  );
  const errors = new Recorder(false);
  const line = new ProgressLine(new Terminal(new Recorder(false), errors, {}), () => 0);
  for (const more of [{}, { throttledUntil }, { throttledUntil }, {}]) line.show({ ...half, ...more });
  assert.deepEqual(errors.written.split('\n'), [
    'reading mailboxes: 1,500 of 3,000, 50%, 512/s, 2 min 5 s left',
    'reading mailboxes: 1,500 of 3,000, 50%, 512/s, throttled until 14:05',
    'reading mailboxes: 1,500 of 3,000, 50%, 512/s, 2 min 5 s left',
    '',
  ]);
});

test('a terminal that cannot move its cursor gets plain lines', () => {
  const errors = new Recorder(true);
  new ProgressLine(new Terminal(new Recorder(false), errors, { TERM: 'dumb' })).show(half);
  assert.equal(errors.written, 'reading mailboxes: 1,500 of 3,000, 50%, 512/s, 2 min 5 s left\n');
});

test('text from elsewhere cannot steer the terminal, and JSON keeps its meaning', () => {
  const [output, errors] = [new Recorder(true), new Recorder(true)];
  const terminal = new Terminal(output, errors, {});
  terminal.say('a\u001b[2Jb\u009bc\u202ed');
  terminal.result('x\u0007y');
  terminal.resultJson({ name: '\u009b\u202e\u001b\u2028é' });
  assert.equal(errors.written, 'a\ufffd[2Jb\ufffdc\ufffdd\n');
  const [text, json] = output.written.split('\n');
  assert.equal(text, 'x\ufffdy');
  assert.doesNotMatch(json ?? '', /[\p{Cc}\u202e]/u);
  assert.deepEqual(JSON.parse(json ?? ''), { name: '\u009b\u202e\u001b\u2028é' });
});

test('a reader that has gone ends the output and not the run', async () => {
  const listeners: ((error: Error) => void)[] = [];
  const output = Object.assign(new Recorder(false), {
    on: (_: 'error', listener: (error: Error) => void) => listeners.push(listener),
  });
  const terminal = new Terminal(output, new Recorder(false), {});
  terminal.result('one');
  for (const listener of listeners) listener(new Error('EPIPE'));
  terminal.result('two');
  await terminal.flush();
  assert.equal(output.written, 'one\n');
});
