/* What is started in place of a PowerShell, and what a peer may do wrong. */
import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test, type TestContext } from 'node:test';
import { openLocalSession, PowerShellProcessError } from '@exchange-connector/powershell-process';
import { gone } from './processes.ts';

const skip = process.platform === 'win32' ? 'the stand-ins are shell scripts' : false;
const pool = '00000000-0000-0000-0000-000000000000';

function standIn(context: TestContext, text: string): { program: string; pidFile: string; folder: string } {
  const folder = mkdtempSync(join(tmpdir(), 'foreign-program-'));
  context.after(() => rmSync(folder, { recursive: true, force: true }));
  const program = join(folder, 'program');
  const pidFile = join(folder, 'pid');
  writeFileSync(program, `#!/bin/sh\n${text}\n`);
  chmodSync(program, 0o755);
  return { program, pidFile, folder };
}

/** What opening a session with this program ends with, within the limits; the process must be gone then. */
async function refusalOf(context: TestContext, text: string, openTimeoutMs = 60_000): Promise<PowerShellProcessError> {
  const { program } = standIn(context, text);
  const error: unknown = await openLocalSession({ program, limits: { openTimeoutMs, closeTimeoutMs: 500 } }).then(
    async (session) => {
      await session.close();
      return new Error('a session was opened');
    },
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof PowerShellProcessError, String(error));
  assert.equal(error.phase, 'open');
  const [, pid] = /\(process (\d+)\)/.exec(error.message) ?? [];
  assert.ok(pid !== undefined, error.message);
  await gone(Number(pid));
  return error;
}

const cases: readonly (readonly [what: string, text: string, code: string, message: RegExp])[] = [
  ['gives back what it gets', 'exec cat', 'POWERSHELL_RESPONSE_INVALID', /break the protocol/],
  ['ends at once', 'exit 3', 'POWERSHELL_NOT_OPENED', /lost before a session was open: it ended with exit code 3$/],
  [
    'ends with words',
    'echo "pwsh: \u001b[31mbad\u001b[0m option -s" >&2; exit 64',
    'POWERSHELL_NOT_OPENED',
    /exit code 64; its standard error says: pwsh: bad option -s$/,
  ],
  ['is killed', 'kill -9 $$', 'POWERSHELL_NOT_OPENED', /it was killed by SIGKILL$/],
  [
    'prints a profile’s greeting first',
    'echo "Welcome, Anna! Today is a day with a very long greeting"; exec cat',
    'POWERSHELL_RESPONSE_INVALID',
    /"Welcome, Anna! Today is a day with a ver".*a profile or a program that writes to standard output/,
  ],
  ['prints rubbish', 'exec head -c 100000 /dev/urandom', 'POWERSHELL_RESPONSE_INVALID', /cannot be read/],
  ['prints a line without end', 'exec cat /dev/zero', 'POWERSHELL_RESPONSE_INVALID', /a line has more than \d+ bytes/],
  [
    'cuts a packet short',
    `printf "<Data Stream='Default' PSGuid='${pool}'>AAAA"`,
    'POWERSHELL_NOT_OPENED',
    /exit code 0/,
  ],
  [
    'sends a packet that only clients send',
    `echo "<Command PSGuid='${pool}' />"; exec sleep 600`,
    'POWERSHELL_RESPONSE_INVALID',
    /it sent a Command, which only clients send/,
  ],
  [
    'sends data that is none',
    `echo "<Data Stream='Default' PSGuid='${pool}'>AAAA</Data>"; exit 4`,
    'POWERSHELL_NOT_OPENED',
    /it ended with exit code 4/,
  ],
  [
    'sends fragments that contradict themselves',
    `echo "<Data Stream='Default' PSGuid='${pool}'>$(head -c 300 /dev/zero | base64 -w0)</Data>"; exec sleep 600`,
    'POWERSHELL_RESPONSE_INVALID',
    /break the protocol/,
  ],
  [
    'acknowledges for ever and says nothing',
    `exec yes "<DataAck PSGuid='${pool}' />"`,
    'POWERSHELL_TIMED_OUT',
    /did not open a session within/,
  ],
  ['never answers', 'exec sleep 600', 'POWERSHELL_TIMED_OUT', /did not open a session within .* is it a PowerShell/],
  [
    'never answers and cannot be told to end',
    "trap '' TERM INT HUP; while :; do sleep 600; done",
    'POWERSHELL_TIMED_OUT',
    /did not open/,
  ],
  ['closes its output and lives on', 'exec >&-; exec sleep 600', 'POWERSHELL_NOT_OPENED', /its output ended/],
  [
    'floods its standard error',
    'yes complaint | head -c 3000000 >&2; exit 5',
    'POWERSHELL_NOT_OPENED',
    /exit code 5; its standard error says: .{0,610}$/,
  ],
];

for (const [what, text, code, message] of cases) {
  test(`a program that ${what} is refused with a clear error, and is gone`, { skip }, async (context) => {
    const error = await refusalOf(context, text, /TIMED_OUT/.test(code) ? 700 : 60_000);
    assert.equal(error.code, code, error.message);
    assert.match(error.message, message);
    assert.ok(error.message.length < 1_500, `${error.message.length} characters`);
    assert.doesNotMatch(error.message, /\p{Cc}/u);
  });
}

test('what a program has started is gone with it', { skip }, async (context) => {
  const { program, pidFile } = standIn(context, 'sleep 600 & echo $! > "$0.child"; exit 0');
  await assert.rejects(openLocalSession({ program }), { code: 'POWERSHELL_NOT_OPENED' });
  const { readFileSync } = await import('node:fs');
  await gone(Number(readFileSync(pidFile.replace(/pid$/, 'program.child'), 'utf8')));
});

test('opening is cancelled at once, and the process is gone', { skip }, async (context) => {
  const { program, folder } = standIn(context, 'echo $$ > "$0.pid"; exec sleep 600');
  const { readFileSync, watch } = await import('node:fs');
  const cancel = new AbortController();
  const reason = new Error('no more');
  const watcher = watch(folder, () => {
    try {
      if (readFileSync(`${program}.pid`, 'utf8').endsWith('\n')) cancel.abort(reason);
    } catch {
      // Not there yet.
    }
  });
  context.after(() => watcher.close());
  await assert.rejects(openLocalSession({ program, signal: cancel.signal }), reason);
  await gone(Number(readFileSync(`${program}.pid`, 'utf8')));
  await assert.rejects(openLocalSession({ program, signal: AbortSignal.abort(reason) }), reason);
});

test('a program that is not there, or is none, is said so', { skip }, async (context) => {
  const { folder, program } = standIn(context, 'exit 0');
  for (const wrong of ['/nowhere/pwsh', folder, 'no-such-program-anywhere']) {
    await assert.rejects(openLocalSession({ program: wrong }), {
      code: 'POWERSHELL_NOT_FOUND',
      message: /install PowerShell 7/,
    });
  }
  writeFileSync(program, 'no program\n');
  chmodSync(program, 0o644);
  await assert.rejects(openLocalSession({ program }), {
    code: 'POWERSHELL_NOT_FOUND',
    message: /no program that can be run/,
  });
  writeFileSync(program, '#!/nowhere/interpreter\n');
  chmodSync(program, 0o755);
  await assert.rejects(openLocalSession({ program }), {
    code: 'POWERSHELL_NOT_FOUND',
    message: /starting .*program: /,
  });
  await assert.rejects(openLocalSession({ program: '/bin/cat', workingFolder: '/nowhere' }), {
    code: 'POWERSHELL_NOT_FOUND',
    message: /in the folder \/nowhere/,
  });
});
