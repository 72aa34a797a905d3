/* Large organisations: memory stays flat while they stream. Measured on the program, in a process of its own. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openWsmanSession } from '@exchange-connector/wsman';
import { cmd } from './command-line.ts';

const program = fileURLToPath(new URL('../bin/exchange-simulator.mjs', import.meta.url));
const skip = process.platform === 'linux' ? false : 'the peak of memory is read from /proc';

/** Peak resident megabytes of the server after a client has drawn every projected mailbox. */
async function peakAfterStreaming(mailboxes: number): Promise<{ peak: number; count: number }> {
  const child = spawn(process.execPath, [program, '--login', 'a', '--mailboxes', String(mailboxes)], {
    env: { ...process.env, EXCHANGE_PASSWORD: 'pw', NODE_OPTIONS: '--max-old-space-size=48' },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  try {
    const { value } = await createInterface({ input: child.stdout })[Symbol.asyncIterator]().next();
    const session = await openWsmanSession({
      url: value as string,
      connectAddress: '127.0.0.1',
      authentication: { scheme: 'basic', login: 'a', password: () => 'pw', allowUnencrypted: true },
    });
    let count = 0;
    const commands = [
      cmd('Get-Mailbox', { ResultSize: 'Unlimited' }),
      cmd('Select-Object', { Property: ['Guid', 'DisplayName', 'EmailAddresses', 'Database'] }),
    ];
    for await (const event of session.invoke({ statements: [commands] })) count += event.kind === 'output' ? 1 : 0;
    await session.close();
    const peak = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, 'utf8'))?.[1];
    return { peak: Number(peak) / 1024, count };
  } finally {
    child.kill('SIGTERM');
  }
}

test('200,000 mailboxes stream out of a heap of 48 MB, with about the memory that 20,000 need', {
  skip,
  timeout: 180_000,
}, async () => {
  const small = await peakAfterStreaming(20_000);
  const large = await peakAfterStreaming(200_000);
  assert.ok(small.count > 14_000 && large.count > 140_000, `${small.count}, ${large.count}`);
  // What lies outside the heap (buffers on their way out) is given back late: hence the slack.
  assert.ok(
    large.peak < small.peak * 1.4 && large.peak < 300,
    `peaks of ${small.peak.toFixed(0)} and ${large.peak.toFixed(0)} MB`,
  );
});
