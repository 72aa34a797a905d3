/* What is kept of a reading in parts, so that a later session, or a later process, goes on where this one ended. */
import type { RowSink } from '../row-sink.ts';
import type { Oddity } from '../row-writer.ts';
import type { Part } from './partition-plan.ts';

/** What was learned while a part was read. Plain data. */
export interface PartFacts {
  /** ISO 8601, when its reading began. */
  readonly startedAt: string;
  readonly received: number;
  /** The directory servers that rows came from, by the end of the mailbox's name from `,DC=` on. */
  readonly origins: readonly (readonly [domain: string, server: string])[];
  /** Oddities of its cells, for the warnings. */
  readonly oddities: readonly Oddity[];
}

/** A part while it is read. */
export interface OpenPart {
  readonly sink: RowSink;
  /**
   * Its rows are whole.
   * @param durable whether a later process may take them as they are
   */
  finish(facts: PartFacts, durable: boolean): Promise<void>;
  /** Its rows are worth nothing: it will be read again. */
  discard(): void;
}

/** A part that an earlier process finished. */
export interface KeptPart {
  readonly part: Part;
  readonly facts: PartFacts;
}

/** What an earlier process left, where it fits. */
export interface KeptReading {
  readonly parts: readonly Part[];
  readonly finished: readonly KeptPart[];
}

/** Keeps the rows of parts. */
export interface PartLedger {
  /**
   * What an earlier process left of a reading under the same conditions; `undefined` where there is nothing
   * that can be used.
   * @param conditions all that shapes the rows: what differs makes another text
   * @param onKey given the GUID of each row of the parts that are finished
   */
  resume(conditions: string, onKey: (guid: string) => void): Promise<KeptReading | undefined>;
  /** Begins a reading in these parts; what was there before is gone. */
  begin(conditions: string, parts: readonly Part[]): void;
  open(part: Part): OpenPart;
  /** Hands the rows of all finished parts on to where mailboxes go, the earliest read first. */
  deliver(): Promise<void>;
  /** Forgets everything: the reading starts anew. */
  clear(): void;
}
