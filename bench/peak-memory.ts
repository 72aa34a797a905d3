import { readFileSync } from 'node:fs';

/** The peak of this process alone: `maxRSS` of Linux counts what the parent had when it started this one. */
export function readPeakResidentBytes(): number {
  if (process.platform !== 'linux') return process.resourceUsage().maxRSS * 1024;
  const kilobytes = /^VmHWM:\s*(\d+) kB$/m.exec(readFileSync('/proc/self/status', 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}
