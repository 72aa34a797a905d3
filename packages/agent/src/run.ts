import type { AgentFolders, ConnectionSettings } from '@exchange-connector/config';
import type { Recovery } from '@exchange-connector/psrp';
import type { WsmanLimits } from '@exchange-connector/wsman';
import type { EncryptionSource } from './at-rest.ts';
import type { Manifest } from './manifest.ts';

/** What a run is doing. Phases come in this order; one that does not apply is left out. */
export type RunPhase = 'connecting' | 'counting' | 'databases' | 'mailboxes' | 'writing' | 'fulfilling';

/** How far a run has come: told at most a few times a second, and once at the end of each phase. */
export interface RunProgress {
  readonly phase: RunPhase;
  /** Rows read or written in this phase. */
  readonly done: number;
  /** Rows this phase will have, where it is known: the server's own count, or the last run's. */
  readonly total: number | undefined;
  /** Rows a second over this phase; 0 before the first. */
  readonly perSecond: number;
  readonly secondsLeft: number | undefined;
  /** ISO 8601: until then the server wants no further session of this account, and none is open. */
  readonly throttledUntil?: string | undefined;
}

/** What every run against a connection is given. */
export interface RunRequest {
  readonly connection: ConnectionSettings;
  readonly folders: AgentFolders;
  /** Folder of `appsettings.json`: named in messages. */
  readonly settingsFolder: string;
  /** Ends the run: the shell is closed, temporary files are removed, the outcome is `cancelled`. */
  readonly signal: AbortSignal;
  /** Names the run in every log line and in the manifest; a fresh UUID where it is left out. */
  readonly runId?: string;
  /** Bounds of the session, where the defaults do not fit: times in milliseconds. */
  readonly limits?: Partial<WsmanLimits>;
  /** For how many milliseconds a session is tried to be had again after one was lost; default 300,000, 0 for not at all. */
  readonly reconnectForMs?: number;
  /** Gives the connection's settings anew; called once, where the server refuses the credential. */
  readonly renewConnection?: () => Promise<ConnectionSettings>;
  /** What connections with `EncryptOutput` encrypt to. */
  readonly encryption?: EncryptionSource;
  readonly onProgress?: (progress: RunProgress) => void;
  /** Warnings as they come (the server's too); they stand in the manifest as well. */
  readonly onWarning?: (message: string) => void;
}

/** An export: what changed since the last one, or everything. */
export interface ExportRequest extends RunRequest {
  /** Everything, whatever cookie there is. */
  readonly complete?: boolean;
  /** Publishes what a threshold stopped; where nothing young enough was kept, reads again and lets it pass. */
  readonly release?: boolean;
  /** Milliseconds since 1970; default the system's clock. */
  readonly now?: () => number;
  /** Absolute folder in place of `<TempFolderPath>/ExportOutput`. */
  readonly outputFolder?: string;
}

/** Why a run failed, for a person. Never holds a secret. */
export interface RunFailure {
  /** The code of the error class that understood the failure, e.g. `WSMAN_CONNECT_FAILED` (docs/errors.md). */
  readonly code: string;
  /** What can be done about it, for a program (docs/errors.md). */
  readonly recovery: Recovery;
  /** What was being done, to what, what was seen. */
  readonly message: string;
  /** What to do about it, where that is known. */
  readonly mend: string | undefined;
}

/** What became of an export. `exitCode` is the one of the command line. */
export type ExportOutcome =
  /** All rows are in place. `files` are absolute paths: mailboxes, databases, manifest. */
  | {
      readonly kind: 'done';
      readonly exitCode: 0;
      readonly manifest: Manifest;
      readonly files: readonly string[];
      readonly durationMs: number;
    }
  /** Rows are in place, but the server reported `errors` while they were read, or rows could not be used. */
  | {
      readonly kind: 'partial';
      readonly exitCode: 5;
      readonly manifest: Manifest;
      readonly files: readonly string[];
      readonly durationMs: number;
      readonly errors: readonly string[];
    }
  /** More would change than the thresholds allow: nothing was replaced, and what was read waits for a person. */
  | {
      readonly kind: 'stopped';
      readonly exitCode: 4;
      /** As it will be, with what stopped it in `thresholds`. */
      readonly manifest: Manifest;
      /** Sentences for a person, one for each limit. */
      readonly breaches: readonly string[];
      /** The folder that holds the files that were not published. */
      readonly folder: string;
      readonly durationMs: number;
    }
  /** Nothing was replaced. Exit 2: settings; 3: no session could be opened; 4: another run is at work; 1: anything else. */
  | { readonly kind: 'failed'; readonly exitCode: 1 | 2 | 3 | 4; readonly failure: RunFailure }
  | { readonly kind: 'cancelled'; readonly exitCode: 130 };

/** What `acknowledge` is given. */
export interface AcknowledgeRequest {
  readonly connection: ConnectionSettings;
  readonly folders: AgentFolders;
  /** `cookieOut` of the export that was loaded; default the last one. */
  readonly cookie?: string | undefined;
  /** Opens cookies of connections with `EncryptOutput`. */
  readonly encryption?: EncryptionSource;
}

/** What became of `acknowledge`. */
export type AcknowledgeOutcome =
  | {
      readonly kind: 'done';
      readonly exitCode: 0;
      readonly cookie: string;
      /** ISO 8601: the next increment holds what changed since. */
      readonly time: string;
      /** False: the connection does not wait for acknowledgements, and starts from its last export whatever is acknowledged. */
      readonly isAwaited: boolean;
    }
  | { readonly kind: 'failed'; readonly exitCode: 1 | 2 | 3 | 4; readonly failure: RunFailure };

/** One step of `check`, in the order of the list. */
export type CheckStepName =
  | 'settings'
  | 'name'
  | 'port'
  | 'tls'
  | 'authentication'
  | 'session'
  | 'cmdlets'
  | 'mailbox'
  | 'database';

/** What one step of `check` found. A step after a failed one is `not-reached`. */
export interface CheckStep {
  readonly name: CheckStepName;
  readonly state: 'passed' | 'warned' | 'failed' | 'not-applicable' | 'not-reached';
  /** What was looked at and what was seen; for a failure the cause. */
  readonly detail: string;
  /** For a failure or a warning: what to do. */
  readonly mend: string | undefined;
  readonly durationMs: number;
}

/** What `check` is given. */
export interface CheckRequest extends RunRequest {
  /** Each step as it ends. */
  readonly onStep?: (step: CheckStep) => void;
}

/** What became of `check`. Exit 0: all steps passed (or warned); 2 settings; 3 up to the session; 1 after it. */
export type CheckOutcome =
  | { readonly kind: 'checked'; readonly exitCode: 0 | 1 | 2 | 3; readonly steps: readonly CheckStep[] }
  | { readonly kind: 'cancelled'; readonly exitCode: 130 };

/** One Exchange server as `Get-ExchangeServer` tells of it. */
export interface DiscoveredServer {
  readonly name: string;
  /** `Version 15.1 (Build 2507.6)`. */
  readonly version: string;
  readonly roles: string;
}

/** One database and how many mailboxes it holds. */
export interface DiscoveredDatabase {
  readonly name: string;
  readonly guid: string;
  readonly server: string;
  readonly mounted: string;
  /** `undefined` where the server could not count. */
  readonly mailboxes: number | undefined;
}

/** What a server offers. */
export interface Discovery {
  readonly connection: string;
  readonly server: string;
  readonly protocolVersion: string;
  readonly servers: readonly DiscoveredServer[];
  readonly forestView: boolean;
  /** True where the server projects properties itself (`Select-Object`). */
  readonly selectObject: boolean;
  readonly mailboxColumns: ColumnAvailability;
  readonly databaseColumns: ColumnAvailability;
  readonly databases: readonly DiscoveredDatabase[];
  /** All mailboxes, where the server could count. */
  readonly mailboxes: number | undefined;
  readonly warnings: readonly string[];
}

/** Which columns a server's objects can fill; `other` are their further properties. */
export interface ColumnAvailability {
  /** False where there was no object to look at: the lists are empty then. */
  readonly known: boolean;
  readonly available: readonly string[];
  readonly missing: readonly string[];
  readonly other: readonly string[];
}

/** What became of `discover`. */
export type DiscoverOutcome =
  | { readonly kind: 'done'; readonly exitCode: 0; readonly discovery: Discovery }
  | { readonly kind: 'failed'; readonly exitCode: 1 | 2 | 3 | 4; readonly failure: RunFailure }
  | { readonly kind: 'cancelled'; readonly exitCode: 130 };
