import type { IncrementReading, OrganisationReading } from '@exchange-connector/connector';
import type { AtRest } from './at-rest.ts';
import type { ExportPaths } from './export-paths.ts';
import type { RunLog } from './log.ts';
import type { Manifest } from './manifest.ts';
import { readPlainText } from './plain-file.ts';
import type { ProgressMeter } from './progress-meter.ts';
import type { RowSorter } from './row-sorter.ts';
import type { RunClock } from './run-clock.ts';
import type { ExportRequest } from './run.ts';
import type { WarningList } from './warning-list.ts';

/** Everything that one export carries through its steps. */
export interface ExportRun {
  readonly request: ExportRequest;
  readonly runId: string;
  readonly start: Date;
  /** The folder of the connection's state. */
  readonly state: string;
  readonly paths: ExportPaths;
  /** Path of the connection's cookie. */
  readonly cookie: string;
  /** This machine's clock, milliseconds since 1970. */
  readonly now: () => number;
  /** What is trusted of it, beside the servers' clocks. */
  readonly clock: RunClock;
  readonly log: RunLog;
  readonly warnings: WarningList;
  readonly meter: ProgressMeter;
  readonly mailboxes: RowSorter;
  readonly databases: RowSorter;
  /** Undefined: files are written as they are. */
  readonly atRest: AtRest | undefined;
}

/** What an engine has read: the rows are in the sorters of the run. */
export interface EngineReading {
  readonly engine: Manifest['engine'];
  readonly reading: OrganisationReading;
  /** The address that answered. */
  readonly server: string;
  /** Forgets what was kept for a run that goes on from this one: for when its files are in place. */
  readonly forget?: () => void;
  /** Where only what changed was read; the rows are all there are where it is missing. */
  readonly increment?: Pick<IncrementReading, 'absence' | 'restless' | 'swept'>;
  /** Rows by command, where not all of them are inserts. */
  readonly counts?: Manifest['counts'];
  /** Mailboxes by database, where the rows in the sorter are not all to be counted. */
  readonly groups?: ReadonlyMap<string, number>;
}

/** True where a script wrote rows that say themselves what they change. */
export function givesOwnIncrement({ counts }: EngineReading): boolean {
  if (counts === undefined) return false;
  const { mailboxes, databases } = counts;
  return mailboxes.Update + mailboxes.Delete + databases.Update + databases.Delete > 0;
}

/** How many mailboxes the last export had; only an expectation, so a manifest that cannot be read is none. */
export function lastMailboxes(manifestPath: string): number | undefined {
  try {
    const manifest = JSON.parse(readPlainText(manifestPath)) as Partial<Manifest> | null;
    const counts = Object.values(manifest?.countsByDatabase ?? {});
    if (counts.length === 0 || !counts.every((count) => typeof count === 'number')) return undefined;
    return counts.reduce((sum, count) => sum + count, 0);
  } catch {
    return undefined;
  }
}
