/*
 * The reading of a large organisation: cut into parts, the parts read in as many sessions as may be had, each
 * kept as soon as it is whole. A session that is lost costs the part that it was reading; a process that dies
 * costs the parts that its sessions were reading.
 *
 *   counts ─► parts ─► each: read, keep ─► rows handed on ─► proof that nothing is missing
 */
import { createProjection } from '@exchange-connector/psrp';
import { cellText, noRemarks } from '../cell-text.ts';
import type { ColumnPlan } from '../columns.ts';
import { countMailboxes } from '../counting.ts';
import type { ListedDatabase } from '../database-reading.ts';
import type { ExportPlan, ExportPorts, SessionPorts } from '../export-ports.ts';
import { type ExportReading, RowTally } from '../export-reading.ts';
import { readSelection } from '../mailbox-reading.ts';
import { ObjectReader } from '../object-reader.ts';
import { runPipeline } from '../pipeline-run.ts';
import { type MailboxSelection, mailboxesRequest, narrowSelection } from '../requests.ts';
import { RowWriter } from '../row-writer.ts';
import type { Unit } from '../incremental/unit.ts';
import type { SessionViews } from '../session-views.ts';
import { proveComplete } from './completeness.ts';
import { type PartErrors, readDatabasesAgain } from './databases-again.ts';
import { GuidSet } from './guid-set.ts';
import { eachOf } from './parallel.ts';
import type { PartFacts, PartLedger } from './part-ledger.ts';
import {
  type Cuttable,
  cut,
  inOrderOfWork,
  isOfOneDatabase,
  type Part,
  type PlannedDatabase,
  partId,
  partSize,
  selectionOf,
} from './partition-plan.ts';
import { readUnitsAgain } from './units-again.ts';

/** What is known before the parts are made. */
export interface PartitionedReading {
  readonly plan: ExportPlan;
  readonly columns: ColumnPlan;
  readonly reading: ExportReading;
  readonly views: SessionViews;
  readonly ports: ExportPorts;
  readonly ledger: PartLedger;
  readonly selections: readonly MailboxSelection[];
  /** The server's counts of the selections. */
  readonly counts: readonly (number | undefined)[];
  readonly total: number;
  readonly databases: readonly ListedDatabase[];
  readonly units: readonly Unit[] | undefined;
}

/** The projected rows cannot be used: all is read again as whole objects. */
class AsWhole extends Error {
  override readonly name = 'AsWhole';
}

/** A database names mailboxes that are in none, by so many, or so much: then its databases do not cover a selection. */
const uncovered = { rows: 10, share: 0.005 };
/** Names looked at for each bound that is wanted: more place the bounds better. */
const namesPerBound = 8;
const mostNames = 400;

/**
 * Reads all mailboxes into their sink.
 * @returns milliseconds since 1970: when the oldest row began to be read
 */
export async function readInParts(context: PartitionedReading): Promise<number> {
  for (;;) {
    try {
      return await readOnce(context);
    } catch (error) {
      if (!(error instanceof AsWhole)) throw error;
      context.reading.projects = false;
      context.ledger.clear();
    }
  }
}

async function readOnce(context: PartitionedReading): Promise<number> {
  const { ledger, reading, ports, columns, plan, selections } = context;
  ports.mailboxes.restart();
  reading.restartMailboxes();
  const conditions = conditionsOf(context);
  const union = new GuidSet();
  const kept = await ledger.resume(conditions, (guid) => union.add(guid));
  const parts = kept?.parts ?? inOrderOfWork(await planParts(context));
  if (kept === undefined) ledger.begin(conditions, parts);
  ports.onNote(`mailboxes are read in ${parts.length} parts, ${ports.sessions.most} at once`);
  const writer = new RowWriter(columns, plan.valueSeparator);
  const starts: number[] = [];
  const partErrors: PartErrors[] = [];
  const take = (tally: RowTally, facts: PartFacts): void => {
    reading.take(tally);
    writer.addOddities(facts.oddities);
    starts.push(Date.parse(facts.startedAt));
  };
  const done = new Set<string>();
  for (const { part, facts } of kept?.finished ?? []) {
    const tally = tallyOf(facts);
    done.add(partId(part));
    context.views.adopt(tally.origins);
    take(tally, facts);
  }
  reading.tellProgress();
  const reader = new ObjectReader(columns, 'mailbox');
  const todo = parts.filter((part) => !done.has(partId(part)));
  await eachOf(todo, ports.sessions, ports.signal, async (part, signal) => {
    const { tally, facts, guids } = await readPart(part, context, reader, signal);
    // Why a part of one database failed is known when the databases were listed once more.
    if (part.database !== undefined && tally.moreErrors === 0 && tally.errors.length > 0)
      partErrors.push({ database: part.database, errors: tally.errors.splice(0) });
    take(tally, facts);
    union.addAll(guids);
    ports.sessions.progressed();
  });
  const readFrom = Math.min(...starts);
  await ledger.deliver();
  const proof = { selections, columns, writer, reading, views: context.views, ports, union, readFrom };
  await readDatabasesAgain(context.databases, partErrors, proof);
  await readUnitsAgain({ units: context.units, hasOlderParts: done.size > 0 }, plan.scope, proof);
  await proveComplete(proof);
  for (const remark of writer.remarks()) ports.onWarning(`mailboxes: ${remark}`);
  return readFrom;
}

/** All that shapes the rows of a part: kept parts are of use where this is the same. */
function conditionsOf({ plan, columns, reading, databases, selections }: PartitionedReading): string {
  return JSON.stringify({
    columns: columns.columns,
    projects: reading.projects,
    valueSeparator: plan.valueSeparator,
    selections,
    pins: plan.pins,
    domainController: reading.domainController ?? null,
    databases: databases.map(({ guid, name }) => [guid, name]).sort(),
  });
}

function tallyOf(facts: PartFacts): RowTally {
  const tally = new RowTally();
  tally.received = facts.received;
  for (const [domain, server] of facts.origins) tally.addOrigin(domain, server);
  return tally;
}

interface ReadPart {
  readonly tally: RowTally;
  readonly facts: PartFacts;
  readonly guids: GuidSet;
}

/** A part came from another directory server than the parts before it. */
class OtherServer extends Error {
  override readonly name = 'OtherServer';
}

/** A part that came from another directory server than those before is read once more, after the session was pinned. */
async function readPart(
  part: Part,
  context: PartitionedReading,
  reader: ObjectReader,
  signal: AbortSignal,
): Promise<ReadPart> {
  try {
    return await readPartOnce(part, context, reader, signal, false);
  } catch (error) {
    if (!(error instanceof OtherServer)) throw error;
    context.ports.onNote(error.message);
    return readPartOnce(part, context, reader, signal, true);
  }
}

async function readPartOnce(
  part: Part,
  context: PartitionedReading,
  reader: ObjectReader,
  signal: AbortSignal,
  isLast: boolean,
): Promise<ReadPart> {
  const { views, ledger, reading, columns, plan, selections, ports } = context;
  const now = ports.now ?? Date.now;
  return views.run(async (session) => {
    const open = ledger.open(part);
    const tally = new RowTally();
    // Not the texts: each is a piece of a whole mailbox's, which would stay in memory with it.
    const guids = new GuidSet();
    const writer = new RowWriter(columns, plan.valueSeparator);
    const startedAt = new Date(now()).toISOString();
    try {
      const onKey = (guid: string): void => void guids.add(guid);
      const into = { columns, reader, writer, sink: open.sink, part: tally, onKey };
      const outcome = await readSelection(selectionOf(part, selections), into, reading, session);
      if (outcome.kind === 'asWhole') throw new AsWhole();
      views.learn(tally.origins);
      if (!isLast && views.differs(tally.origins))
        throw new OtherServer('a part came from another directory server than those before it, and is read again');
      if (views.differs(tally.origins)) views.giveUpPinning('parts come from several directory servers all the same');
      const origins = [...tally.origins].flatMap(([domain, servers]) =>
        [...servers].map((server) => [domain, server] as const),
      );
      const facts = { startedAt, received: tally.received, origins, oddities: writer.oddities() };
      await open.finish(facts, tally.errors.length === 0);
      return { tally, facts, guids };
    } catch (error) {
      open.discard();
      throw error;
    } finally {
      reading.settle(tally);
    }
  }, signal);
}

/** Counts what there is to cut, and cuts it. */
async function planParts(context: PartitionedReading): Promise<Part[]> {
  const { selections, counts, total, databases, ports, reading } = context;
  const size = partSize(total, ports.sessions.most);
  const whole: Cuttable[] = [];
  for (const [selection, { parameters }] of selections.entries()) {
    const count = counts[selection];
    const isSmall = count !== undefined && count <= size;
    if (isSmall || isOfOneDatabase(parameters)) whole.push({ selection, database: undefined, count, names: [] });
    else whole.push(...(await byDatabase(selection, count, databases, context)));
  }
  const parts: Part[] = [];
  await eachOf(whole, ports.sessions, ports.signal, async (each, signal) => {
    const wanted = each.count === undefined ? 1 : Math.ceil(each.count / size);
    parts.push(...cut({ ...each, names: wanted < 2 ? [] : await sampleNames(each, wanted, context, signal) }, size));
  });
  reading.tellProgress();
  return parts;
}

/** A selection as its databases; in one piece where those do not hold all of it. */
async function byDatabase(
  selection: number,
  count: number | undefined,
  databases: readonly PlannedDatabase[],
  context: PartitionedReading,
): Promise<Cuttable[]> {
  const { selections, ports, views, reading } = context;
  const all = selections[selection] as MailboxSelection;
  const counted = new Map<string, number | undefined>();
  await eachOf(databases, ports.sessions, ports.signal, async (database, signal) => {
    const narrowed = narrowSelection(all, { database });
    counted.set(database.guid, await views.run((session) => countMailboxes(narrowed, reading, session), signal));
  });
  const sum = [...counted.values()].reduce<number>((sum, each) => sum + (each ?? 0), 0);
  if (count !== undefined && count - sum > Math.max(uncovered.rows, count * uncovered.share)) {
    ports.onNote(
      `${all.description}: the server counts ${count} mailboxes, and ${sum} in the databases that Get-MailboxDatabase lists: they are read by their names`,
    );
    return [{ selection, database: undefined, count, names: [] }];
  }
  return databases
    .map((database) => ({ selection, database, count: counted.get(database.guid), names: [] }))
    .filter((each) => each.count !== 0);
}

/** Names of some mailboxes, to choose bounds among; none where the server does not give them. */
async function sampleNames(
  { selection, database }: Cuttable,
  ranges: number,
  { selections, views, reading }: PartitionedReading,
  signal: AbortSignal,
): Promise<string[]> {
  const narrowed = narrowSelection(selections[selection] as MailboxSelection, { database });
  const request = mailboxesRequest(narrowed, {
    resultSize: Math.min(mostNames, ranges * namesPerBound),
    properties: reading.projects ? ['Name'] : undefined,
    domainController: reading.domainController,
  });
  const projection = createProjection(['Name']);
  return views.run(async (session: SessionPorts) => {
    const names: string[] = [];
    await runPipeline(session.session, request, {
      signal: session.signal,
      onWarning: (message) => session.onNote(`while looking at some names, the server warned: ${message}`),
      onOutput: (body) => {
        const [name] = projection.read(body);
        if (name !== undefined) names.push(cellText(name, noRemarks()));
        return true;
      },
    });
    return names;
  }, signal);
}
