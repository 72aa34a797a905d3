import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { makeFolder } from './folder.ts';
import type { LearnedLimits } from './governor.ts';
import { readPlainText } from './plain-file.ts';

function limitsPath(state: string): string {
  return join(state, 'limits.json');
}

function count(value: unknown): number | undefined {
  return typeof value === 'number' && Number.isFinite(value) && value > 0 ? value : undefined;
}

/** What earlier runs of the connection learned of the server's limits; a file that cannot be read says nothing. */
export function readLearnedLimits(state: string): LearnedLimits | undefined {
  try {
    const value = JSON.parse(readPlainText(limitsPath(state))) as Record<string, unknown> | null;
    const learnedAt = count(value?.['learnedAt']);
    if (learnedAt === undefined) return undefined;
    return {
      learnedAt,
      shells: count(value?.['shells']),
      spacingMs: count(value?.['spacingMs']),
      throttledUntil: count(value?.['throttledUntil']),
    };
  } catch {
    return undefined;
  }
}

/** Keeps what was learned. It is worth no failure: the next run would only learn it again. */
export function writeLearnedLimits(state: string, learned: LearnedLimits): void {
  const path = limitsPath(state);
  const temporary = `${path}.partial`;
  try {
    makeFolder(state);
    writeFileSync(temporary, `${JSON.stringify(learned)}\n`, { mode: 0o640 });
    renameSync(temporary, path);
  } catch {
    rmSync(temporary, { force: true });
  }
}
