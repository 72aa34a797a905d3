/** One file of a manifest. */
export interface ManifestFile {
  readonly name: string;
  /** Rows without the header. */
  readonly rows: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** Rows by command. */
export interface CommandCounts {
  readonly Insert: number;
  readonly Update: number;
  readonly Delete: number;
}

/** `<connectionIdentifier>_manifest.json`: what a run wrote, and under what conditions. */
export interface Manifest {
  readonly connection: string;
  readonly runId: string;
  /** Who read the organisation: the connector itself, or an export script. */
  readonly engine: 'native' | 'script';
  /** `incremental`: the files hold what changed since `cookieIn`. */
  readonly mode: 'complete' | 'incremental';
  /** Why the run was a complete one; null where it was not. */
  readonly reason: string | null;
  /** True where no error record came and every row could be used. */
  readonly complete: boolean;
  /** ISO 8601, UTC. */
  readonly start: string;
  readonly end: string;
  /** The address that answered, as configured. */
  readonly server: string;
  /** The pinned domain controller, or the one that the rows came from; null where the server does not say. */
  readonly domainController: string | null;
  /** Every server the rows were read from, sorted. */
  readonly domainControllers: readonly string[];
  /** True where the whole forest was in view; false: only the domains named in `domains`; null: an export script did not say. */
  readonly forestView: boolean | null;
  /** DNS names of the domains that mailboxes were found in, sorted. */
  readonly domains: readonly string[];
  readonly files: readonly ManifestFile[];
  readonly counts: { readonly mailboxes: CommandCounts; readonly databases: CommandCounts };
  /** All mailboxes that the organisation has after this run, by the text of their `Database` column. */
  readonly countsByDatabase: Readonly<Record<string, number>>;
  /** Columns that no object of this server has: their cells are empty. */
  readonly columnsMissing: readonly string[];
  /** The cookie that changes and deletions were told by; null where there was none. */
  readonly cookieIn: string | null;
  /** The cookie that the next run starts from; null where an export script made an increment of its own. */
  readonly cookieOut: string | null;
  /** The limits that were passed, where a person released the run or has yet to. */
  readonly thresholds?: readonly string[];
  /** When a person released it; ISO 8601. */
  readonly released?: string;
  readonly warnings: readonly string[];
}

/** The manifest's text: two-space JSON with a line end. */
export function formatManifest(manifest: Manifest): string {
  return `${JSON.stringify(manifest, undefined, 2)}\n`;
}
