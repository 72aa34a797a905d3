/* When a run changes more than a person would expect, and waits for one. */

/** How many rows of each command a run may write; 0 sets no limit. */
export interface ChangeLimits {
  readonly lines: CommandLimits;
  /** Of the rows that the last snapshot had. */
  readonly percent: CommandLimits;
}

export interface CommandLimits {
  readonly Insert: number;
  readonly Update: number;
  readonly Delete: number;
}

/** Below this many rows a percentage says nothing. */
export const leastForPercent = 200;

/** What one file changes. */
export interface FileChange {
  readonly file: 'mailboxes' | 'databases';
  readonly counts: CommandLimits;
  /** Rows of the last snapshot; undefined where there is none: a first run has no limit. */
  readonly before: number | undefined;
  /** Rows of what a complete run found; what it keeps in its snapshot because of errors is none of them. */
  readonly found: number;
  /** True where the last export saw the whole forest, and this run one domain: what is gone may only be out of view. */
  readonly isNarrowed?: boolean;
}

/** A limit that was passed. */
export interface Breach {
  readonly file: 'mailboxes' | 'databases';
  readonly command: 'Insert' | 'Update' | 'Delete';
  readonly count: number;
  readonly before: number;
  /** The setting that says so; null where no setting does. */
  readonly setting: string | null;
  /** For a person, one sentence. */
  readonly message: string;
}

const commands = ['Insert', 'Update', 'Delete'] as const;
const verbs = { Insert: 'Inserted', Update: 'Updated', Delete: 'Deleted' } as const;

function percentBreach(change: FileChange, command: keyof CommandLimits, limits: ChangeLimits): Breach | undefined {
  const { file, counts, before } = change;
  const count = counts[command];
  const most = limits.percent[command];
  if (before === undefined || before < leastForPercent || most === 0 || count * 100 <= most * before) return undefined;
  const setting = `MaxPercentage${verbs[command]}Lines`;
  return {
    file,
    command,
    count,
    before,
    setting,
    message: `${file}: ${count} rows ${command}, ${((count * 100) / before).toFixed(1)} % of the ${before} of the last export; ${setting} allows ${most} %`,
  };
}

function lineBreach(change: FileChange, command: keyof CommandLimits, limits: ChangeLimits): Breach | undefined {
  const { file, counts, before } = change;
  const count = counts[command];
  const most = limits.lines[command];
  if (before === undefined || most === 0 || count <= most) return undefined;
  const setting = `Maximum${verbs[command]}Lines`;
  return {
    file,
    command,
    count,
    before,
    setting,
    message: `${file}: ${count} rows ${command}; ${setting} allows ${most}`,
  };
}

function emptyBreach({ file, before, found }: FileChange): Breach | undefined {
  if (file !== 'mailboxes' || before === undefined || before === 0 || found > 0) return undefined;
  return {
    file,
    command: 'Delete',
    count: before,
    before,
    setting: null,
    message: `mailboxes: not one was found, and the last export had ${before}`,
  };
}

function narrowedBreach({ file, counts, before, isNarrowed }: FileChange, limits: ChangeLimits): Breach | undefined {
  if (isNarrowed !== true || before === undefined || counts.Delete === 0 || limits.percent.Delete === 0)
    return undefined;
  return {
    file,
    command: 'Delete',
    count: counts.Delete,
    before,
    setting: null,
    message: `${file}: ${counts.Delete} rows Delete, and only one domain is in view, where the last export saw the whole forest: mailboxes of other domains may be there all the same; give the account Set-ADServerSettings again, or release what was stopped`,
  };
}

/**
 * The limits that a run passes; none where there was no export before. Each file counts by itself.
 * @param mode an incremental run is held to lines and percentages of every command; a complete one, which
 *   writes every row as `Insert`, to the percentage of deletions, to finding a mailbox at all, and to deletions where
 *   domains went out of view, unless the percentage is turned off
 */
export function findBreaches(
  mode: 'complete' | 'incremental',
  changes: readonly FileChange[],
  limits: ChangeLimits,
): Breach[] {
  const breaches: Breach[] = [];
  for (const change of changes) {
    for (const command of mode === 'complete' ? (['Delete'] as const) : commands) {
      const lines = mode === 'complete' ? undefined : lineBreach(change, command, limits);
      const breach = lines ?? percentBreach(change, command, limits);
      if (breach !== undefined) breaches.push(breach);
    }
    const guard = mode === 'complete' ? (narrowedBreach(change, limits) ?? emptyBreach(change)) : undefined;
    if (guard !== undefined && !breaches.some(({ file, command }) => file === change.file && command === 'Delete')) {
      breaches.push(guard);
    }
  }
  return breaches;
}
