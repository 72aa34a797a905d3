import type { RemoteSession } from '@exchange-connector/psrp';
import type { Unit } from './incremental/unit.ts';
import type { PartLedger } from './partition/part-ledger.ts';
import type { ExportScope, PinnedServers } from './requests.ts';
import type { SessionSource } from './session-source.ts';
import type { RowSink } from './row-sink.ts';

export type { RowSink };

/** What to export, as the connection's settings say. */
export interface ExportPlan {
  readonly additionalColumns: readonly string[];
  /** Stands between the addresses of a cell. */
  readonly valueSeparator: string;
  readonly scope: ExportScope;
  readonly pins: PinnedServers;
  /** Mailboxes of the last export: how many to expect where the server cannot count. */
  readonly expectedMailboxes?: number | undefined;
}

/** How far the reading has come. */
export interface ReadingProgress {
  readonly phase: 'counting' | 'databases' | 'mailboxes';
  readonly done: number;
  readonly total: number | undefined;
}

/** What a reading tells as it goes. */
export interface ReadingPorts {
  /** Called for every row, and at the start and end of each phase: the receiver thins it out. */
  readonly onProgress: (progress: ReadingProgress) => void;
  /** For a person: the server's own warnings, and what is odd about its answers. */
  readonly onWarning: (message: string) => void;
  /** For the log: what is being done and how it was decided. */
  readonly onNote: (message: string) => void;
  readonly signal: AbortSignal;
}

/** The world around work in one session. */
export interface SessionPorts extends ReadingPorts {
  readonly session: RemoteSession;
}

/** The world around an export. */
export interface ExportPorts extends ReadingPorts {
  /** Sessions that were not used before by anything that chose a view or pins. */
  readonly sessions: SessionSource;
  readonly databases: RowSink;
  readonly mailboxes: RowSink;
  /** Keeps the rows of parts of a large organisation; without it everything is read in one go. */
  readonly ledger?: PartLedger | undefined;
  /** Milliseconds since 1970; default the system's clock. */
  readonly now?: () => number;
}

/** What was read, apart from the rows themselves. */
export interface OrganisationReading {
  /** Null where nobody said: an export script need not. */
  readonly forestView: boolean | null;
  /** DNS names of the domains that mailboxes were found in, sorted. */
  readonly domains: readonly string[];
  /** The directory servers that objects came from, sorted. */
  readonly domainControllers: readonly string[];
  /**
   * ISO 8601: when the oldest rows began to be read, in this process or an earlier one. What changed before
   * is in the rows; what changed since may or may not be.
   */
  readonly readFrom: string;
  /** The directory servers that mailboxes of each domain came from, as the rows themselves say. */
  readonly pins: Readonly<Record<string, readonly string[]>>;
  /** The organizational units, for the next increment; null or left out where nobody could list them. */
  readonly units?: readonly Unit[] | null;
  /** Mailbox columns that no object of this server has. */
  readonly columnsMissing: readonly string[];
  /** True where the server projected the properties itself. */
  readonly projected: boolean;
  /** The mailbox columns, in order, as the header names them. */
  readonly mailboxColumns: readonly string[];
  readonly databaseColumns: readonly string[];
  /** Objects received; a mailbox that came twice is counted twice here, and is one row. */
  readonly received: { readonly mailboxes: number; readonly databases: number };
  /** ISO 8601: the latest `WhenChangedUTC` of the mailboxes that came; left out where none said. */
  readonly latestChange?: string | undefined;
  /** Error records of the server, and rows that could not be used: the reading is not complete if there are any. */
  readonly errors: readonly string[];
}
