import type { Plan } from '@exchange-connector/connector';
import type { RunFailure, RunRequest } from '../run.ts';

/** What finishes the runs that died before it begins. */
interface FinishingRequest extends RunRequest {
  /**
   * Names of domain controllers that are gone for good: what a run that died did there is looked for on others, as far
   * as it has come to them.
   */
  readonly retiredDomainControllers?: readonly string[] | undefined;
}

/** Orders to be carried out. */
export interface FulfillRequest extends FinishingRequest {
  /** Absolute folder of the JSON files of orders. */
  readonly ordersFolder: string;
  /** Absolute path of the CSV file of results; replaced whole. */
  readonly resultsFile: string;
  /** A person lets the batch pass the thresholds. */
  readonly release?: boolean;
}

/** A plan to be carried out that was made before. */
export interface ApplyRequest extends FinishingRequest {
  /** Absolute path of what {@link PlanRequest} wrote. */
  readonly planFile: string;
  readonly resultsFile: string;
}

/** Orders to be planned; nothing is changed. */
export interface PlanRequest extends RunRequest {
  readonly ordersFolder: string;
  /** Absolute path to keep the plan at. */
  readonly planFile?: string | undefined;
  /** Ask the server, too: each cmdlet is sent with `-WhatIf`. */
  readonly whatIf?: boolean;
}

/** A run to be taken back. */
export interface UndoRequest extends FinishingRequest {
  /** The id of the run. */
  readonly undoneRun: string;
  /** `AssignedResourceTypeId` of the one order that is to be taken back; all where it is left out. */
  readonly order?: string | undefined;
  /** Absolute path for a CSV file of results. */
  readonly resultsFile?: string | undefined;
}

/** What a fulfilment did. */
export interface FulfillSummary {
  readonly connection: string;
  readonly runId: string;
  readonly engine: 'script' | 'native';
  /** Absolute path of the file of results: one row for each order; `null` where none was asked for. */
  readonly results: string | null;
  readonly orders: number;
  readonly executed: number;
  readonly errored: number;
  /** Files and orders that could not be used: no result could be written for them. */
  readonly setAside: readonly { readonly file: string; readonly reason: string }[];
  /** Of the native engine: the domain controller of the batch. */
  readonly domainController?: string | null;
  /** Runs that had died, and were finished first. */
  readonly resumed?: readonly string[];
  /** ISO 8601. */
  readonly start: string;
  readonly end: string;
  readonly warnings: readonly string[];
}

/** What became of a fulfilment. Where there is a summary the results are in place. */
export type FulfillOutcome =
  | { readonly kind: 'done'; readonly exitCode: 0; readonly summary: FulfillSummary }
  /** Some orders errored, something was set aside, or the script failed beside them. */
  | { readonly kind: 'partial'; readonly exitCode: 5; readonly summary: FulfillSummary }
  | {
      readonly kind: 'failed';
      readonly exitCode: 1 | 2 | 3 | 4;
      readonly failure: RunFailure;
      readonly summary?: FulfillSummary;
    }
  | { readonly kind: 'cancelled'; readonly exitCode: 130; readonly summary?: FulfillSummary };

/** What orders, or the taking back of a run, would do. */
export interface PlanSummary {
  readonly connection: string;
  readonly runId: string;
  /** The address of `Server` that answered. */
  readonly server: string;
  readonly plan: Plan;
  /** The plan as a person reads it. */
  readonly text: string;
  /** Where the plan was written; `null`: nowhere. */
  readonly planFile: string | null;
  readonly setAside: readonly { readonly file: string; readonly reason: string }[];
  /** What the server said against steps that were sent with `-WhatIf`, by the step's number. */
  readonly objections: readonly { readonly step: number; readonly reason: string }[];
  readonly warnings: readonly string[];
}

/** What became of planning. Exit 4: carrying it out would be stopped by a threshold; 5: some orders are refused, or were set aside. */
export type PlanOutcome =
  | { readonly kind: 'done'; readonly exitCode: 0 | 4 | 5; readonly summary: PlanSummary }
  | { readonly kind: 'failed'; readonly exitCode: 1 | 2 | 3 | 4; readonly failure: RunFailure }
  | { readonly kind: 'cancelled'; readonly exitCode: 130 };
