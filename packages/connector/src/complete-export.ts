/*
 * The complete export: the whole organisation, databases first, then mailboxes. Pure but for its ports: sessions
 * bring bodies, rows leave through the sinks as they come, and nothing here grows with the organisation.
 *
 *   forest view ─► databases ─► one mailbox, whole and projected ─► counts ─┬─► each selection: read, compare
 *                                                                           │     several: proof that none is missing
 *                                                                           └─► large: in parts (partition/)
 */
import { type ColumnPlan, databaseColumns, mailboxColumns } from './columns.ts';
import { countMailboxes, findShortfall } from './counting.ts';
import { type ListedDatabase, readDatabases } from './database-reading.ts';
import { ConnectorError } from './errors.ts';
import type { ExportPlan, ExportPorts, OrganisationReading, SessionPorts } from './export-ports.ts';
import { ExportReading } from './export-reading.ts';
import type { ForestView } from './forest-view.ts';
import { readSelection } from './mailbox-reading.ts';
import { spellAsServer } from './object-reader.ts';
import type { Unit } from './incremental/unit.ts';
import { readUnits } from './incremental/units.ts';
import { proveComplete, uniting } from './partition/completeness.ts';
import { GuidSet } from './partition/guid-set.ts';
import { isWorthCutting } from './partition/partition-plan.ts';
import { readInParts } from './partition/partitioned-reading.ts';
import { type MailboxProbe, probeMailbox } from './probe.ts';
import { type MailboxSelection, mailboxSelections } from './requests.ts';
import { RowWriter } from './row-writer.ts';
import { ReadingRestart, SessionViews } from './session-views.ts';

/** What is known before mailboxes are read. */
interface Beginning {
  readonly view: ForestView;
  readonly reading: ExportReading;
  readonly databases: readonly ListedDatabase[];
  readonly units: readonly Unit[] | undefined;
  readonly columns: ColumnPlan;
  readonly missing: readonly string[];
  readonly origin: MailboxProbe['origin'] | undefined;
  readonly selections: readonly MailboxSelection[];
  readonly counts: readonly (number | undefined)[];
}

/** How often a reading begins anew because its directory servers went away. */
const mostRestarts = 3;

/**
 * Reads the organisation.
 * @throws ConnectorError where a command that is needed fails, a result was cut short or an object cannot be
 *   read; what the sessions throw where no further one can be had. Rows that are in the sinks then are to be
 *   discarded; those that the ledger keeps are of use to the next reading.
 */
export async function readOrganisation(plan: ExportPlan, ports: ExportPorts): Promise<OrganisationReading> {
  const views = new SessionViews(ports, plan.pins);
  for (let restarts = 0; ; restarts += 1) {
    try {
      return await readAll(plan, views, ports);
    } catch (error) {
      if (!(error instanceof ReadingRestart) || restarts === mostRestarts) throw error;
      ports.onWarning(`${error.message}: everything is read again from the start`);
      views.forget();
      ports.ledger?.clear();
    }
  }
}

async function readAll(plan: ExportPlan, views: SessionViews, ports: ExportPorts): Promise<OrganisationReading> {
  const begun = await views.run((session, view) => begin(plan, view, { ...session, databases: ports.databases }));
  const { reading, columns, origin } = begun;
  if (origin !== undefined) {
    views.learn(new Map([[origin.distinguishedName, new Set([origin.server])]]));
    await views.tryPins();
  }
  const readFrom = await readMailboxes(plan, begun, views, ports);
  refuseNothingButErrors(reading);
  reading.tellUnlisted();
  ports.onProgress({ phase: 'mailboxes', done: reading.mailboxesReceived, total: reading.mailboxesReceived });
  return {
    forestView: begun.view.forestView,
    domains: reading.domains(),
    domainControllers: reading.origins(),
    units: begun.units ?? null,
    readFrom: new Date(readFrom).toISOString(),
    pins: Object.fromEntries(reading.serversByDomain()),
    columnsMissing: begun.missing,
    projected: reading.projects,
    mailboxColumns: columns.columns.map((column) => column.name),
    databaseColumns: databaseColumns().columns.map((column) => column.name),
    received: { mailboxes: reading.mailboxesReceived, databases: reading.databasesReceived },
    latestChange: reading.latestChange,
    errors: reading.errors(),
  };
}

/** An error is no organisation without mailboxes: whoever loads an empty file takes everybody's mailbox away. */
function refuseNothingButErrors(reading: ExportReading): void {
  const [first, ...others] = reading.mailboxErrors();
  if (first === undefined || reading.mailboxesReceived > 0) return;
  throw new ConnectorError(
    'EXCHANGE_COMMAND_FAILED',
    `${first}${others.length === 0 ? '' : `, and ${others.length} more errors`}; not one mailbox came, so that nothing is published`,
  );
}

async function begin(
  plan: ExportPlan,
  view: ForestView,
  ports: SessionPorts & Pick<ExportPorts, 'databases'>,
): Promise<Beginning> {
  const reading = new ExportReading(ports, view.domainController);
  reading.tellsUnlistedLater = true;
  const databases = await readDatabases(reading, ports);
  const units = await readUnits(reading.projects, reading.domainController, ports);
  const { columns, missing, origin } = await planMailboxes(plan, reading, ports);
  const selections = mailboxSelections(plan.scope);
  const { each: counts, total } = await countSelections(selections, reading, ports);
  reading.totalMailboxes = total ?? plan.expectedMailboxes;
  reading.countedMailboxes = total;
  return { view, reading, databases, units, columns, missing, origin, selections, counts };
}

/** Looks at one mailbox: which properties there are, how they are spelled, and whether the server's projection tells the same. */
export async function planMailboxes(
  plan: Pick<ExportPlan, 'additionalColumns' | 'scope'>,
  reading: ExportReading,
  ports: SessionPorts,
): Promise<{
  readonly columns: ColumnPlan;
  readonly missing: readonly string[];
  /** False where there was no mailbox to look at. */
  readonly probed: boolean;
  /** Where the mailbox came from that was looked at. */
  readonly origin: MailboxProbe['origin'] | undefined;
}> {
  const asked = mailboxColumns(plan.additionalColumns);
  for (const name of asked.repeated)
    ports.onWarning(`AdditionalColumns: ${name} is in the header already, and is not repeated`);
  const probe = await probeMailbox(mailboxSelections(plan.scope), asked, reading, ports);
  if (probe === undefined) return { columns: asked, missing: [], probed: false, origin: undefined };
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
  return { columns, missing, probed: true, origin: probe.origin };
}

/** Reads all mailboxes; gives the time when the oldest rows began to be read. */
async function readMailboxes(
  plan: ExportPlan,
  begun: Beginning,
  views: SessionViews,
  ports: ExportPorts,
): Promise<number> {
  const { reading, columns } = begun;
  const total = reading.totalMailboxes;
  const { ledger, sessions } = ports;
  if (ledger !== undefined && total !== undefined && isWorthCutting(total, sessions.most)) {
    return readInParts({ ...begun, plan, views, ports, ledger, total });
  }
  ledger?.clear();
  const now = ports.now ?? Date.now;
  const { selections } = begun;
  const read = await views.run(async (session) => {
    for (;;) {
      const readFrom = now();
      ports.mailboxes.restart();
      reading.restartMailboxes();
      const writer = new RowWriter(columns, plan.valueSeparator);
      const union = new GuidSet();
      const mailboxes = uniting(ports.mailboxes, union);
      const how = await readSelections(begun, writer, { ...session, mailboxes });
      if (how !== 'as-whole') return { how, readFrom, writer, union };
    }
  });
  // A mailbox that moved from a selection that was not read yet into one that had been is in none of them.
  if (selections.length > 1 || read.how === 'short')
    await proveComplete({ ...read, selections, columns, reading, views, ports });
  for (const remark of read.writer.remarks()) ports.onWarning(`mailboxes: ${remark}`);
  return read.readFrom;
}

async function countSelections(
  selections: readonly MailboxSelection[],
  reading: ExportReading,
  ports: SessionPorts,
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

/**
 * `as-whole`: the projected rows cannot be used, and all is to be read again as whole objects. `short`: fewer rows
 * came than the server had counted, which changes during the read may explain or not.
 */
async function readSelections(
  { selections, counts, columns, reading }: Beginning,
  writer: RowWriter,
  ports: SessionPorts & Pick<ExportPorts, 'mailboxes'>,
): Promise<'read' | 'short' | 'as-whole'> {
  let isShort = false;
  for (const [index, selection] of selections.entries()) {
    const outcome = await readSelection(selection, { columns, writer, sink: ports.mailboxes }, reading, ports);
    if (outcome.kind === 'asWhole') {
      reading.projects = false;
      return 'as-whole';
    }
    isShort ||= outcome.received < (counts[index] ?? 0);
    const seen = { before: counts[index], received: outcome.received };
    const shortfall = await findShortfall(selection, seen, reading, ports);
    if (shortfall === undefined) continue;
    if (reading.projects) {
      reading.projects = false;
      ports.onWarning(`${shortfall}: the server's Select-Object may have lost the others, whole objects are read`);
      return 'as-whole';
    }
    reading.addError(shortfall);
  }
  return isShort ? 'short' : 'read';
}
