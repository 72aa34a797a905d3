/* Processes as the operating system sees them. */
import assert from 'node:assert/strict';
import { existsSync, readFileSync } from 'node:fs';

/** Why daemons cannot be found on this machine: for `skip`. */
export const noProc = existsSync('/proc/self/environ') ? false : 'this system does not show environments in /proc';

/** Whether a process runs; one that has ended and is waited for by nobody does not. */
export function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
  } catch {
    return false;
  }
  try {
    return !/^\d+ \(.*\) Z/s.test(readFileSync(`/proc/${pid}/stat`, 'utf8'));
  } catch {
    return process.platform !== 'linux';
  }
}

/** Another process's end gives no event to wait for. */
export async function gone(pid: number, withinMs = 60_000): Promise<void> {
  for (const end = Date.now() + withinMs; isRunning(pid); ) {
    assert.ok(Date.now() < end, `process ${pid} is still there after ${withinMs} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
