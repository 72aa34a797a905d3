import type { RunFailure, RunRequest } from '../run.ts';

/** Orders to be carried out. */
export interface FulfillRequest extends RunRequest {
  /** Absolute folder of the JSON files of orders. */
  readonly ordersFolder: string;
  /** Absolute path of the CSV file of results; replaced whole. */
  readonly resultsFile: string;
}

/** What a fulfilment did. */
export interface FulfillSummary {
  readonly connection: string;
  readonly runId: string;
  readonly engine: 'script';
  /** Absolute path of the file of results: one row for each order. */
  readonly results: string;
  readonly orders: number;
  readonly executed: number;
  readonly errored: number;
  /** Files and orders that could not be used: no result could be written for them. */
  readonly setAside: readonly { readonly file: string; readonly reason: string }[];
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
