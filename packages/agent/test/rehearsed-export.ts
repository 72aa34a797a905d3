/* Exports of one small organisation, and what they wrote. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { type ExportOutcome, type ExportRequest, type Manifest, runExport } from '@exchange-connector/agent';
import type { ConnectionSettings } from '@exchange-connector/config';
import { parse } from 'csv-parse/sync';
import { requestIn } from './rehearsed-connection.ts';

/** The organisation of these exports. */
export const organisation = { mailboxes: 240, databases: 4, seed: 7 };

/** What an export wrote. */
export interface Exported {
  readonly outcome: ExportOutcome;
  readonly manifest: Manifest;
  readonly mailboxes: string;
  readonly databases: string;
}

/** An export that is published. */
export async function exported(
  folder: string,
  connection: ConnectionSettings,
  more: Partial<ExportRequest> = {},
): Promise<Exported> {
  const outcome = await runExport(requestIn(folder, connection, more));
  assert.ok(outcome.kind === 'done' || outcome.kind === 'partial', JSON.stringify(outcome));
  const [mailboxes, databases] = outcome.files.map((file) => readFileSync(file, 'utf8'));
  return { outcome, manifest: outcome.manifest, mailboxes: mailboxes ?? '', databases: databases ?? '' };
}

/** The rows of a file, by column. */
export function rowsOf(csv: string): Record<string, string>[] {
  return parse(csv, { columns: true, record_delimiter: '\r\n' });
}
