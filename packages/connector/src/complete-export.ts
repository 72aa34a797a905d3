/*
 * The complete export: the whole organisation as one session sees it, databases first, then mailboxes.
 * Pure but for its ports: the session brings bodies, rows leave through the sinks as they come, and
 * nothing here grows with the organisation.
 *
 *   forest view ─► databases ─► one mailbox, whole and projected ─► for each selection: count, read, compare
 */
import { type ColumnPlan, databaseColumns, mailboxColumns } from './columns.ts';
import { countMailboxes, findShortfall } from './counting.ts';
import type { ExportPlan, ExportPorts, OrganisationReading } from './export-ports.ts';
import { ExportReading } from './export-reading.ts';
import { openForestView } from './forest-view.ts';
import { askedProperties, ObjectReader, spellAsServer } from './object-reader.ts';
import {
  commandFailed,
  describeError,
  isCommandMissing,
  isOfCommand,
  isParameterMissing,
  type PipelineOutcome,
  runPipeline,
} from './pipeline-run.ts';
import { probeMailbox } from './probe.ts';
import { databasesRequest, type MailboxSelection, mailboxesRequest, mailboxSelections } from './requests.ts';
import { RowWriter } from './row-writer.ts';

/**
 * Reads the organisation.
 * @throws ConnectorError where a command that is needed fails, a result was cut short or an object cannot be
 *   read; what the session throws where the session fails. Rows that are in the sinks then are to be discarded.
 */
export async function readOrganisation(plan: ExportPlan, ports: ExportPorts): Promise<OrganisationReading> {
  const view = await openForestView(ports.session, plan.pins, ports);
  const reading = new ExportReading(ports, view.domainController);
  await readDatabases(reading, ports);
  const columns = await planMailboxes(plan, reading, ports);
  await readMailboxes(plan, columns.plan, reading, ports);
  return {
    forestView: view.forestView,
    domains: reading.domains(),
    domainControllers: reading.origins(),
    columnsMissing: columns.missing,
    projected: reading.projects,
    mailboxColumns: columns.plan.columns.map((column) => column.name),
    databaseColumns: databaseColumns().columns.map((column) => column.name),
    received: { mailboxes: reading.mailboxesReceived, databases: reading.databasesReceived },
    errors: reading.errors(),
  };
}

/** Reads all databases, again without what the server turned out not to offer. */
async function readDatabases(reading: ExportReading, ports: ExportPorts): Promise<void> {
  const plan = databaseColumns();
  const asked = { status: true, projected: true };
  for (;;) {
    ports.databases.restart();
    ports.onProgress({ phase: 'databases', done: 0, total: undefined });
    const writer = new RowWriter(plan);
    const request = databasesRequest({
      status: asked.status,
      properties: asked.projected ? askedProperties(plan) : undefined,
      domainController: reading.domainController,
    });
    const rows = reading.startRows(
      new ObjectReader(plan, 'database'),
      writer,
      ports.databases,
      'databases',
      asked.projected,
    );
    const outcome = await runPipeline(ports.session, request, rows.handlers);
    if (outcome.kind === 'left') {
      asked.projected = false;
      ports.onNote(`databases are read as whole objects: ${rows.unusable}`);
      continue;
    }
    const error = outcome.kind === 'failed' ? outcome.error : outcome.errors[0];
    if (rows.received === 0 && askLess(asked, outcome, reading, ports)) continue;
    if (outcome.kind === 'failed') throw commandFailed('reading the mailbox databases', 'Get-MailboxDatabase', error);
    for (const record of outcome.errors) reading.addError(`reading the mailbox databases: ${describeError(record)}`);
    for (const remark of writer.remarks()) ports.onWarning(`databases: ${remark}`);
    reading.databasesReceived = rows.received;
    ports.onProgress({ phase: 'databases', done: rows.received, total: rows.received });
    return;
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
  ports: ExportPorts,
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

/** Looks at one mailbox: which properties there are, how they are spelled, and whether the server's projection tells the same. */
async function planMailboxes(
  plan: ExportPlan,
  reading: ExportReading,
  ports: ExportPorts,
): Promise<{ readonly plan: ColumnPlan; readonly missing: readonly string[] }> {
  const asked = mailboxColumns(plan.additionalColumns);
  for (const name of asked.repeated)
    ports.onWarning(`AdditionalColumns: ${name} is in the header already, and is not repeated`);
  const probe = await probeMailbox(mailboxSelections(plan.scope), asked, reading, ports);
  if (probe === undefined) return { plan: asked, missing: [] };
  const columns = spellAsServer(asked, probe.propertyNames);
  const has = new Set(probe.propertyNames);
  const missing = columns.columns
    .filter((column) =>
      (column.kind === 'pair' ? column.properties : [column.property]).every((name) => !has.has(name)),
    )
    .map((column) => column.name);
  if (missing.length > 0) ports.onNote(`mailboxes of this server have no ${missing.join(', ')}: the cells are empty`);
  for (const name of missing.filter((column) => plan.additionalColumns.includes(column))) {
    ports.onWarning(`AdditionalColumns: mailboxes of this server have no property ${name}: the column is empty`);
  }
  return { plan: columns, missing };
}

/** Reads every selection; where the projected answer proves unusable, all of them again as whole objects. */
async function readMailboxes(
  plan: ExportPlan,
  columns: ColumnPlan,
  reading: ExportReading,
  ports: ExportPorts,
): Promise<void> {
  const selections = mailboxSelections(plan.scope);
  const counted = await countSelections(selections, reading, ports);
  reading.totalMailboxes = counted.total ?? plan.expectedMailboxes;
  reading.countedMailboxes = counted.total;
  for (;;) {
    ports.mailboxes.restart();
    reading.restartMailboxes();
    const writer = new RowWriter(columns, plan.valueSeparator);
    const done = await readSelections(selections, counted.each, columns, writer, reading, ports);
    if (!done) continue;
    for (const remark of writer.remarks()) ports.onWarning(`mailboxes: ${remark}`);
    ports.onProgress({ phase: 'mailboxes', done: reading.mailboxesReceived, total: reading.mailboxesReceived });
    return;
  }
}

async function countSelections(
  selections: readonly MailboxSelection[],
  reading: ExportReading,
  ports: ExportPorts,
): Promise<{ readonly each: readonly (number | undefined)[]; readonly total: number | undefined }> {
  ports.onProgress({ phase: 'counting', done: 0, total: undefined });
  const each: (number | undefined)[] = [];
  for (const selection of selections) each.push(await countMailboxes(selection, reading, ports));
  const total = each.reduce<number | undefined>(
    (sum, count) => (sum === undefined || count === undefined ? undefined : sum + count),
    0,
  );
  if (total !== undefined) ports.onProgress({ phase: 'counting', done: total, total });
  return { each, total };
}

/** False: the projected rows cannot be used, and all is to be read again as whole objects. */
async function readSelections(
  selections: readonly MailboxSelection[],
  counts: readonly (number | undefined)[],
  columns: ColumnPlan,
  writer: RowWriter,
  reading: ExportReading,
  ports: ExportPorts,
): Promise<boolean> {
  for (const [index, selection] of selections.entries()) {
    const request = mailboxesRequest(selection, {
      resultSize: 'Unlimited',
      properties: reading.projects ? askedProperties(columns) : undefined,
      domainController: reading.domainController,
    });
    const rows = reading.startRows(new ObjectReader(columns, 'mailbox'), writer, ports.mailboxes, 'mailboxes');
    const outcome = await runPipeline(ports.session, request, rows.handlers);
    if (outcome.kind === 'left') {
      reading.projects = false;
      ports.onWarning(
        `the server's Select-Object cannot be used (${rows.unusable}): whole objects are read, which takes longer`,
      );
      return false;
    }
    const error = outcome.kind === 'failed' ? outcome.error : undefined;
    if (reading.projects && isCommandMissing(error ?? outcome.errors[0], 'Select-Object')) {
      reading.projects = false;
      return false;
    }
    const doing = `reading mailboxes (${selection.description})`;
    if (outcome.kind === 'failed') throw commandFailed(doing, 'Get-Mailbox', error);
    for (const record of outcome.errors) reading.addError(`${doing}: ${describeError(record)}`);
    const shortfall = await findShortfall(
      selection,
      { before: counts[index], received: rows.received },
      reading,
      ports,
    );
    if (shortfall === undefined) continue;
    if (reading.projects) {
      reading.projects = false;
      ports.onWarning(`${shortfall}: the server's Select-Object may have lost the others, whole objects are read`);
      return false;
    }
    reading.addError(shortfall);
  }
  return true;
}
