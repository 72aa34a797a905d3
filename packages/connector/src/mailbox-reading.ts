/* The mailboxes of one selection: asked for projected or whole, into rows. */
import type { ColumnPlan } from './columns.ts';
import type { RowSink, SessionPorts } from './export-ports.ts';
import type { ExportReading, RowTally } from './export-reading.ts';
import { askedProperties, ObjectReader } from './object-reader.ts';
import { commandFailed, describeError, isCommandMissing, runPipeline } from './pipeline-run.ts';
import { type MailboxSelection, mailboxesRequest } from './requests.ts';
import type { RowWriter } from './row-writer.ts';

/** Where the rows of a selection go. */
export interface SelectionRows {
  readonly columns: ColumnPlan;
  /** One for many selections: it learns the form of the objects. */
  readonly reader?: ObjectReader;
  readonly writer: RowWriter;
  readonly sink: RowSink;
  /** Where they are counted, if they may have to be read again. */
  readonly part?: RowTally;
  readonly onKey?: (guid: string) => void;
}

/** How the reading of a selection ended. */
export type SelectionOutcome =
  | { readonly kind: 'read'; readonly received: number }
  /** The projected rows cannot be used: from now on whole objects are read, and these again. */
  | { readonly kind: 'asWhole' };

/**
 * Reads one selection.
 * @throws ConnectorError EXCHANGE_COMMAND_FAILED where the server refuses it
 */
export async function readSelection(
  selection: MailboxSelection,
  into: SelectionRows,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<SelectionOutcome> {
  const { columns, writer, sink, part, onKey, reader = new ObjectReader(columns, 'mailbox') } = into;
  const { projects } = reading;
  const request = mailboxesRequest(selection, {
    resultSize: 'Unlimited',
    properties: projects ? askedProperties(columns) : undefined,
    domainController: reading.domainController,
  });
  const more = { ...(part === undefined ? {} : { part }), ...(onKey === undefined ? {} : { onValues: onKey }) };
  const rows = reading.startRows(reader, writer, sink, 'mailboxes', projects, more);
  const outcome = await runPipeline(ports.session, request, rows.handlers);
  if (outcome.kind === 'left') {
    ports.onWarning(
      `the server's Select-Object cannot be used (${rows.unusable}): whole objects are read, which takes longer`,
    );
    return { kind: 'asWhole' };
  }
  const error = outcome.kind === 'failed' ? outcome.error : undefined;
  if (projects && isCommandMissing(error ?? outcome.errors[0], 'Select-Object')) return { kind: 'asWhole' };
  const doing = `reading mailboxes (${selection.description})`;
  if (outcome.kind === 'failed') throw commandFailed(doing, 'Get-Mailbox', error);
  for (const record of outcome.errors) {
    const message = `${doing}: ${describeError(record)}`;
    if (part === undefined) reading.addError(message);
    else part.addError(message);
  }
  return { kind: 'read', received: rows.received };
}
