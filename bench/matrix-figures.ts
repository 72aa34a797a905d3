/* The figures of the matrix: what bench/matrix.ts measures, and the page and its chart show. */
import type { CookieCost } from './cookie-client.ts';
import type { ClientCost } from './export-client.ts';

/** The exports, in the order in which each client makes them. */
export const matrixExports = ['complete', 'no change', 'incremental'] as const;
export type MatrixExport = (typeof matrixExports)[number];

/** Shells of the clients. */
export const matrixShells = [1, 4] as const;

/** One export that was measured. */
export interface MatrixCell {
  readonly export: MatrixExport;
  readonly shells: number;
  readonly cost: ClientCost;
}

/** What was changed before the incremental exports. */
export interface DayOfChanges {
  readonly updated: number;
  readonly created: number;
  readonly deleted: number;
}

/** The measures of one organisation. */
export interface MatrixColumn {
  /** Mailboxes of the organisation, those included that `Get-Mailbox` hides. */
  readonly size: number;
  readonly changes: DayOfChanges;
  readonly cells: readonly MatrixCell[];
  /** Reading what the last export through one shell left. */
  readonly cookie: CookieCost;
}
