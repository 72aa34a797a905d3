/*
 * What decoding one whole mailbox costs, in microseconds of CPU: the floor (base64 and one scan of the
 * text), the projection onto the 44 columns, the general reader, and PowerShell's own deserializer.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createProjection, decodeCliXml } from '@exchange-connector/psrp';
import { openOracle, runOracle } from '../packages/psrp/test/oracle-program.ts';
import { breathe, interrupted } from './interruption.ts';
import { askedMailboxProperties, makeMailboxBodies } from './mailbox-bodies.ts';

/** Microseconds of CPU for one mailbox, each the best of the rounds. */
export interface DecodingCosts {
  readonly bodies: number;
  readonly bytesPerBody: number;
  /** Base64 to bytes, bytes to text, every `<` found once. */
  readonly floor: number;
  /** Base64 to the values of the 44 columns. */
  readonly projection: number;
  /** Base64 to all values. */
  readonly general: number;
  /** Microsoft's deserializer, from text that is decoded already, warm; `undefined` with the reason below. */
  readonly real: number | undefined;
  readonly realAbsent: string | undefined;
}

/** CPU of this thread's work for one body: the best round says what it takes when nobody else has the core. */
async function measure(bodies: readonly string[], rounds: number, work: (encoded: string) => number): Promise<number> {
  let best = Number.POSITIVE_INFINITY;
  let sum = 0;
  for (let round = 0; round < rounds; round += 1) {
    await breathe();
    const before = process.cpuUsage();
    for (const body of bodies) sum += work(body);
    const { user, system } = process.cpuUsage(before);
    best = Math.min(best, (user + system) / bodies.length);
  }
  if (sum === 0) throw new Error('the work did nothing');
  return best;
}

function scan(encoded: string): number {
  const text = Buffer.from(encoded, 'base64').toString('utf8');
  let tags = 0;
  for (let at = text.indexOf('<'); at >= 0; at = text.indexOf('<', at + 1)) tags += 1;
  return tags;
}

async function measureReal(bodies: readonly string[], folder: string): Promise<{ real?: number; realAbsent?: string }> {
  const oracle = await openOracle();
  if (oracle.kind === 'absent') return { realAbsent: oracle.reason };
  interrupted.throwIfAborted();
  const file = join(folder, 'bodies.jsonl');
  writeFileSync(file, bodies.map((body) => JSON.stringify(body)).join('\n'));
  const answer = JSON.parse(await runOracle(oracle, ['measure', file, '6'])) as { microseconds: number };
  return { real: answer.microseconds };
}

/**
 * Measures all four over bodies that differ from one another. Takes some ten seconds.
 * @param folder for a file in between
 */
export async function measureDecoding(folder: string, count = 1000, rounds = 25): Promise<DecodingCosts> {
  const bodies = makeMailboxBodies(count);
  const encoded = bodies.map((body) => Buffer.from(body, 'utf8').toString('base64'));
  const projection = createProjection(askedMailboxProperties);
  const { real, realAbsent } = await measureReal(bodies, folder);
  return {
    bodies: count,
    bytesPerBody: Math.round(bodies.reduce((sum, body) => sum + Buffer.byteLength(body), 0) / count),
    floor: await measure(encoded, rounds, scan),
    projection: await measure(encoded, rounds, (body) => projection.read(Buffer.from(body, 'base64')).length),
    general: await measure(encoded, rounds, (body) => decodeCliXml(Buffer.from(body, 'base64')).kind.length),
    real,
    realAbsent,
  };
}

if (import.meta.main) {
  const folder = mkdtempSync(join(tmpdir(), 'psrp-bench-'));
  try {
    console.log(await measureDecoding(folder));
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
