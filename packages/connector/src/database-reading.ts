/* The databases of the organisation: read again without what the server turns out not to offer. */
import { databaseColumns } from './columns.ts';
import type { ExportPorts, SessionPorts } from './export-ports.ts';
import type { ExportReading } from './export-reading.ts';
import { askedProperties, ObjectReader } from './object-reader.ts';
import type { PlannedDatabase } from './partition/partition-plan.ts';
import {
  commandFailed,
  describeError,
  isCommandMissing,
  isOfCommand,
  isParameterMissing,
  type PipelineOutcome,
  runPipeline,
} from './pipeline-run.ts';
import { databasesRequest } from './requests.ts';
import { RowWriter } from './row-writer.ts';

/** A database as it was listed. */
export interface ListedDatabase extends PlannedDatabase {
  readonly server: string;
}

/** Reads all databases into their sink; what was read of them before is forgotten. */
export async function readDatabases(
  reading: ExportReading,
  ports: SessionPorts & Pick<ExportPorts, 'databases'>,
): Promise<readonly ListedDatabase[]> {
  const plan = databaseColumns();
  const asked = { status: true, projected: true };
  for (;;) {
    const found: ListedDatabase[] = [];
    ports.databases.restart();
    reading.restartDatabases();
    ports.onProgress({ phase: 'databases', done: 0, total: undefined });
    const writer = new RowWriter(plan);
    const request = databasesRequest({
      status: asked.status,
      properties: asked.projected ? askedProperties(plan) : undefined,
      domainController: reading.domainController,
    });
    const reader = new ObjectReader(plan, 'database');
    const rows = reading.startRows(reader, writer, ports.databases, 'databases', asked.projected, {
      onValues: (key, values) =>
        found.push({ guid: key, name: writer.textOf('Name', values), server: writer.textOf('Server', values) }),
    });
    const outcome = await runPipeline(ports.session, request, rows.handlers);
    if (outcome.kind === 'left') {
      asked.projected = false;
      ports.onNote(`databases are read as whole objects: ${rows.unusable}`);
      continue;
    }
    const error = outcome.kind === 'failed' ? outcome.error : outcome.errors[0];
    if (rows.received === 0 && askLess(asked, outcome, reading, ports)) continue;
    // Errors and no database at all: what is published would be a file without any.
    if (outcome.kind === 'failed' || (error !== undefined && rows.received === 0))
      throw commandFailed('reading the mailbox databases', 'Get-MailboxDatabase', error);
    for (const record of outcome.errors) {
      reading.addError(`reading the mailbox databases: ${describeError(record)}`, 'databases');
    }
    for (const remark of writer.remarks()) ports.onWarning(`databases: ${remark}`);
    reading.databasesReceived = rows.received;
    ports.onProgress({ phase: 'databases', done: rows.received, total: rows.received });
    return found;
  }
}

/** The warning where `Get-MailboxDatabase` lacks `-Status` in the account's role. */
export const statusMissing =
  'the account may not use Get-MailboxDatabase -Status: the column Mounted is empty; give it a role that holds the cmdlet with that parameter';

/** After an answer without rows: takes out of `asked` what the server may have refused; false where nothing is left to take. */
function askLess(
  asked: { status: boolean; projected: boolean },
  outcome: Exclude<PipelineOutcome, { kind: 'left' }>,
  reading: ExportReading,
  ports: SessionPorts,
): boolean {
  const error = outcome.kind === 'failed' ? outcome.error : outcome.errors[0];
  if (asked.projected && isCommandMissing(error, 'Select-Object')) {
    reading.projects = false;
    asked.projected = false;
    ports.onNote('the server does not offer Select-Object: whole objects are read');
    return true;
  }
  if (asked.status && isParameterMissing(error) && !isOfCommand(error, 'Select-Object')) {
    asked.status = false;
    ports.onWarning(statusMissing);
    return true;
  }
  const isOfOthers = error !== undefined && isCommandMissing(error, 'Get-MailboxDatabase');
  if (!asked.projected || isOfOthers || (outcome.kind === 'completed' && !isOfCommand(error, 'Select-Object'))) {
    return false;
  }
  asked.projected = false;
  ports.onNote(`databases are read as whole objects, as their projection failed: ${describeError(error)}`);
  return true;
}
