/*
 * The proof that a reading in parts has every mailbox. What changed since the reading began is read once
 * more, so that a mailbox that moved from an unread part into a read one is there, and one that was read
 * twice has its latest row. After that every mailbox of the organisation is in the union, if the parts cover
 * it; the server's count says whether nothing else is. Where it does not match, or where rows of one domain
 * came from several directory servers, a sweep of all GUIDs decides:
 *
 *   changed since ─► count = union ──────────────► complete
 *                        └ not ─► sweep ─► not in the union: read now
 *                                     └──► in the union alone: asked for once more ─► gone meanwhile, left out
 */
import { createProjection } from '@exchange-connector/psrp';
import { cellText, noRemarks } from '../cell-text.ts';
import type { ColumnPlan } from '../columns.ts';
import { countMailboxes } from '../counting.ts';
import type { ExportPorts, RowSink, SessionPorts } from '../export-ports.ts';
import { type ExportReading, RowTally } from '../export-reading.ts';
import { readSelection } from '../mailbox-reading.ts';
import { askedProperties, ObjectReader } from '../object-reader.ts';
import { describeError, runPipeline } from '../pipeline-run.ts';
import { type MailboxSelection, mailboxesRequest, narrowSelection, oneMailboxRequest } from '../requests.ts';
import type { RowWriter } from '../row-writer.ts';
import type { SessionViews } from '../session-views.ts';
import { selectGuids } from '../incremental/sweep.ts';
import { GuidSet } from './guid-set.ts';

/** What a proof works with. */
export interface Proof {
  readonly selections: readonly MailboxSelection[];
  readonly columns: ColumnPlan;
  readonly writer: RowWriter;
  readonly reading: ExportReading;
  readonly views: SessionViews;
  readonly ports: ExportPorts;
  /** The mailboxes whose rows were delivered. */
  readonly union: GuidSet;
  /** Milliseconds since 1970: when the oldest part began to be read. */
  readonly readFrom: number;
}

/**
 * A filter's time without a zone is taken by some servers as their own: no zone is further from UTC than
 * 14 hours. The rest is for clocks that differ.
 */
const marginMs = 15 * 3_600_000;
/** Mailboxes that a sweep found missing are read one by one up to here, all of their selection again beyond. */
const mostSingly = 500;
/** Mailboxes that did not come in a sweep are asked for by their GUIDs up to here, all are swept again beyond. */
const mostAskedFor = 1000;

/**
 * Proves the reading complete, and reads what it lacks.
 * @returns how it was proven, for the log
 */
export async function proveComplete(proof: Proof): Promise<void> {
  const { reading, ports, union, views } = proof;
  const caughtUp = await catchUp(proof);
  if (caughtUp && !readsSeveralServers(proof)) {
    const counted = await views.run((session) => countAll(proof, session));
    if (counted === union.size) {
      ports.onNote(`the reading is complete: the server counts ${counted} mailboxes, and each has its row`);
      return;
    }
    ports.onNote(
      `the server counts ${counted ?? 'no'} mailboxes after the reading, which has ${union.size}: all GUIDs are asked for`,
    );
  }
  const before = reading.errors().length;
  let missing = 0;
  const present = new GuidSet();
  for (const selection of proof.selections) missing += await sweep(selection, present, proof);
  if (!readsSeveralServers(proof)) await lookForAbsent(present, proof);
  const hasErrors = reading.errors().length > before;
  const gone = hasErrors || readsSeveralServers(proof) ? 0 : leaveOut(present, proof);
  ports.onNote(
    `a sweep found ${present.size} mailboxes: ${missing} were read after the others, ${gone} had gone meanwhile`,
  );
}

/** True where the rows of one domain came from several servers, which need not know the same. */
function readsSeveralServers({ reading }: Proof): boolean {
  return reading.serversByDomain().some(([, servers]) => servers.length > 1);
}

/** Reads what changed since the reading began; false where the server does not say. */
async function catchUp(proof: Proof): Promise<boolean> {
  const since = new Date(proof.readFrom - marginMs).toISOString().replace(/\.\d+Z$/, 'Z');
  let ok = true;
  for (const selection of proof.selections) {
    const changed = narrowSelection(selection, { filter: `(WhenChangedUTC -gt '${since}')` });
    const refused = await proof.views.run((session) => readLate(changed, proof, session));
    if (refused === undefined) continue;
    ok = false;
    proof.ports.onNote(`what changed during the reading could not be asked for: ${refused}`);
  }
  return ok;
}

/** Reads a selection over what was delivered; gives why it could not, where the server refuses the filter. */
export async function readLate(
  selection: MailboxSelection,
  proof: Proof,
  session: SessionPorts,
): Promise<string | undefined> {
  const { columns, writer, reading, ports, union } = proof;
  const part = new RowTally();
  try {
    const outcome = await readSelection(
      selection,
      { columns, writer, sink: uniting(ports.mailboxes, union), part },
      reading,
      session,
    );
    if (outcome.kind === 'asWhole') return 'its projected rows cannot be used';
    if (part.errors.length > 0) return part.errors[0];
    reading.take(part);
    return undefined;
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EXCHANGE_COMMAND_FAILED') return error.message;
    throw error;
  } finally {
    reading.settle(part);
  }
}

/** Rows on their way, and their GUIDs into a union. */
export function uniting(rows: RowSink, union: GuidSet): RowSink {
  return {
    put: (key, line, group) => {
      union.add(key);
      rows.put(key, line, group);
    },
    restart: () => rows.restart(),
  };
}

async function countAll(proof: Proof, session: SessionPorts): Promise<number | undefined> {
  let sum: number | undefined = 0;
  for (const selection of proof.selections) {
    const count = await countMailboxes(selection, proof.reading, session);
    sum = sum === undefined || count === undefined ? undefined : sum + count;
  }
  return sum;
}

/** Asks for the GUIDs of a selection, and reads the mailboxes that have no row; gives how many those were. */
async function sweep(selection: MailboxSelection, present: GuidSet, proof: Proof): Promise<number> {
  const { views, union, reading, ports, columns, writer } = proof;
  const found = await views.run((session) => guidsOf(selection, proof, session));
  present.addAll(found);
  const missing: string[] = [];
  found.each((guid) => {
    if (!union.has(guid)) missing.push(guid);
  });
  if (missing.length === 0) return 0;
  if (missing.length <= mostSingly) {
    for (const guid of missing) await views.run((session) => readOne(guid, selection, proof, session));
    return missing.length;
  }
  ports.onWarning(
    `${selection.description}: ${missing.length} mailboxes were in none of the parts that were read; all are read again in one go`,
  );
  await views.run(async (session) => {
    const part = new RowTally();
    try {
      await readSelection(
        selection,
        { columns, writer, sink: uniting(ports.mailboxes, union), part },
        reading,
        session,
      );
      reading.take(part);
    } finally {
      reading.settle(part);
    }
  });
  return missing.length;
}

/** Not as texts, which would keep in memory what they were cut out of, for every mailbox. */
async function guidsOf(selection: MailboxSelection, proof: Proof, session: SessionPorts): Promise<GuidSet> {
  const { reading } = proof;
  const properties = reading.projects ? ['Guid'] : undefined;
  const request = mailboxesRequest(selection, {
    resultSize: 'Unlimited',
    properties,
    domainController: reading.domainController,
  });
  const projection = createProjection(['Guid']);
  const guids = new GuidSet();
  const outcome = await runPipeline(session.session, request, {
    signal: session.signal,
    onWarning: (message) => reading.takeWarning(message),
    onOutput: (body) => {
      const [value] = projection.read(body);
      const text = value === undefined ? '' : cellText(value, noRemarks()).toLowerCase();
      if (/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(text)) guids.add(text);
      return true;
    },
  });
  const errors = outcome.kind === 'failed' ? [outcome.error] : outcome.kind === 'completed' ? outcome.errors : [];
  for (const error of errors)
    reading.addError(`asking for all GUIDs (${selection.description}): ${describeError(error)}`);
  return guids;
}

/** Reads one mailbox; one that is gone by now is none. */
async function readOne(guid: string, selection: MailboxSelection, proof: Proof, session: SessionPorts): Promise<void> {
  const { reading, columns, writer, ports, union } = proof;
  const request = oneMailboxRequest(guid, reading.projects ? askedProperties(columns) : undefined, selection);
  const sink = uniting(ports.mailboxes, union);
  const rows = reading.startRows(new ObjectReader(columns, 'mailbox'), writer, sink, 'mailboxes');
  const outcome = await runPipeline(session.session, request, rows.handlers);
  const error =
    outcome.kind === 'failed' ? outcome.error : outcome.kind === 'completed' ? outcome.errors[0] : undefined;
  if (rows.received > 0) return;
  if (
    error === undefined ||
    !/ManagementObjectNotFoundException/.test(`${error.fullyQualifiedErrorId} ${error.categoryReason}`)
  )
    reading.addError(`reading the mailbox ${guid}, which a sweep found without a row: ${describeError(error)}`);
}

/** The mailboxes that have a row and did not come in the sweep. */
function absentFrom(present: GuidSet, { union }: Proof): string[] {
  const absent: string[] = [];
  union.each((guid) => {
    if (!present.has(guid)) absent.push(guid);
  });
  return absent;
}

/**
 * Asks once more for what did not come: a mailbox that moved, while they were swept, from a selection whose turn was
 * to come into one whose turn had been, is in neither and yet there.
 */
async function lookForAbsent(present: GuidSet, proof: Proof): Promise<void> {
  const absent = absentFrom(present, proof);
  const { selections, views } = proof;
  const again = absent.length > mostAskedFor ? selections : selectGuids(selections, absent);
  for (const selection of again) present.addAll(await views.run((session) => guidsOf(selection, proof, session)));
}

/** Leaves out the rows of mailboxes that are gone; gives how many. */
function leaveOut(present: GuidSet, proof: Proof): number {
  const gone = absentFrom(present, proof).length;
  if (gone > 0) proof.ports.mailboxes.keepOnly?.((key) => present.has(key));
  return gone;
}
