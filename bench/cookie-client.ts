/*
 * The measured process: one cookie, opened as an increment opens it (its checksum compared, its facts read), and all
 * its mailboxes read, front to back. Prints what it cost as one line of JSON.
 */
import { statSync } from 'node:fs';
import { openCookie } from '../packages/agent/src/cookie-file.ts';
import { readPeakResidentBytes } from './peak-memory.ts';

/** What the process prints. */
export interface CookieCost {
  readonly mailboxes: number;
  readonly bytes: number;
  /** Opening the file, comparing its checksum, reading its facts. */
  readonly openingSeconds: number;
  /** All of it, the opening included. */
  readonly seconds: number;
  readonly cpuMicroseconds: number;
  readonly peakResidentBytes: number;
}

const path = process.argv[2] ?? '';
const started = performance.now();
const before = process.cpuUsage();
const found = openCookie(path);
if (found.kind !== 'found') throw new Error(found.kind === 'none' ? 'there is no cookie' : found.why);
const opened = performance.now();
let mailboxes = 0;
for (const { guid } of found.cookie.entries()) mailboxes += guid.length / 16;
const { user, system } = process.cpuUsage(before);
const ended = performance.now();
found.cookie.close();
const cost: CookieCost = {
  mailboxes,
  bytes: statSync(path).size,
  openingSeconds: (opened - started) / 1000,
  seconds: (ended - started) / 1000,
  cpuMicroseconds: user + system,
  peakResidentBytes: readPeakResidentBytes(),
};
process.stdout.write(`${JSON.stringify(cost)}\n`);
