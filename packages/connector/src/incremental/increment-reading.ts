/*
 * What changed since a cookie, read in one session. Why nothing is missed stands in docs/incremental.md.
 *
 *   view, pinned as last time ─► databases ─► columns ─► landmarks: same servers? times understood?
 *     ─► count ─► units ─► what changed by its own time ─► renamed databases, renamed units
 *     ─► count ─► do the counts prove that nothing is gone? else the search for it; a slice of the GUIDs in any case
 *     ─► names that belong to others
 */
import { type ColumnPlan, databaseColumns } from '../columns.ts';
import { planMailboxes } from '../complete-export.ts';
import { countMailboxes } from '../counting.ts';
import { readDatabases } from '../database-reading.ts';
import { ConnectorError } from '../errors.ts';
import type { ExportPlan, OrganisationReading, RowSink, SessionPorts } from '../export-ports.ts';
import { ExportReading } from '../export-reading.ts';
import { type ForestView, openForestView } from '../forest-view.ts';
import { readSelection } from '../mailbox-reading.ts';
import { GuidSet } from '../partition/guid-set.ts';
import { type MailboxSelection, mailboxSelections, narrowSelection, type PinnedServers } from '../requests.ts';
import { RowWriter } from '../row-writer.ts';
import { ChangedRows } from './changed-rows.ts';
import type { SearchCost } from './count-ranges.ts';
import type { CookieFacts, Restless } from './cookie-facts.ts';
import { DeletionSearch } from './deletion-search.ts';
import { forwardingIn, readForwarding } from './forwarding.ts';
import { sliceShare } from './guid-slices.ts';
import { pinsOf } from './remembered-pins.ts';
import { areDisjoint, filtersOwnOnly, planRereading, type Rereading } from './rereading.ts';
import { guidText } from './row-scanner.ts';
import type { Absence } from './row-merge.ts';
import {
  domainOf,
  type FilterTime,
  type Landmark,
  proveFilterTime,
  readLandmarks,
  tellingLandmarks,
} from './server-check.ts';
import type { SnapshotEntry } from './snapshot-layout.ts';
import { readUnits } from './units.ts';

/** What to read, and since what. */
export interface IncrementPlan extends ExportPlan {
  readonly facts: CookieFacts;
  /** Milliseconds since 1970: the start of the run. */
  readonly now: number;
  /** Milliseconds by which the time of the cookie is reached behind. */
  readonly overlapMs: number;
  /** What the search for deletions weighs; left out outside of tests. */
  readonly searchCost?: SearchCost | undefined;
}

/** The world around an increment. */
export interface IncrementPorts extends SessionPorts {
  readonly databases: RowSink;
  /** Takes the rows that were read; those that are as they were are among them. */
  readonly mailboxes: RowSink;
  /** The mailboxes of the cookie, as often as they are asked for. */
  readonly entries: () => Iterable<SnapshotEntry>;
}

/** What was read, apart from the rows. */
export interface IncrementReading {
  readonly reading: OrganisationReading;
  /** What it means that a mailbox of the snapshot is not among the rows. */
  readonly absence: Absence;
  readonly restless: readonly Restless[];
  /** Where the slices of GUIDs stand, in seconds since 1970 (0: at the oldest); undefined where none was compared. */
  readonly swept: { readonly upTo: number } | undefined;
}

/** How it ended. */
export type IncrementOutcome =
  | ({ readonly kind: 'read' } & IncrementReading)
  /** It cannot be told what changed: all is to be read. Rows in the sinks are to be discarded. */
  | { readonly kind: 'complete-needed'; readonly reason: string };

/** It turned out that all is to be read. */
class CompleteNeeded extends Error {
  override readonly name = 'CompleteNeeded';
}

/** The clocks of this machine and a domain controller may differ by this much, as Kerberos allows them to. */
const clockSkewMs = 5 * 60_000;
/** Mailboxes by which it is tried how the server reads times. */
const mostProofs = 2;
/** Where no slices of them can be told apart, all GUIDs are compared so often, whatever the counts say. */
const sweepEveryMs = 24 * 3_600_000;

/**
 * Reads what changed.
 * @throws ConnectorError where a command that is needed fails or an object cannot be read; what the session throws
 */
export async function readIncrement(plan: IncrementPlan, ports: IncrementPorts): Promise<IncrementOutcome> {
  try {
    return { kind: 'read', ...(await new Increment(plan, ports).read()) };
  } catch (error) {
    if (error instanceof CompleteNeeded) return { kind: 'complete-needed', reason: error.message };
    throw error;
  }
}

/** One increment while it is read. */
class Increment {
  readonly #plan: IncrementPlan;
  readonly #ports: IncrementPorts;
  readonly #rows: ChangedRows;
  readonly #known = new GuidSet();
  #reading!: ExportReading;
  #columns!: ColumnPlan;
  #writer!: RowWriter;
  /** Names of databases that mailboxes showed in the last export, and show no more. */
  #namesGone: readonly string[] = [];
  /** All that was read so far: where whole objects turn out to be needed, it is read again. */
  #selectionsRead: MailboxSelection[] = [];

  constructor(plan: IncrementPlan, ports: IncrementPorts) {
    this.#plan = plan;
    this.#ports = ports;
    this.#rows = new ChangedRows(ports.mailboxes, plan.facts.columns, this.#known);
  }

  async read(): Promise<IncrementReading> {
    const plan = this.#plan;
    const { facts, scope } = plan;
    const view = await this.#openView();
    this.#reading = new ExportReading(this.#ports, view.domainController);
    const reading = this.#reading;
    const databases = await this.#readDatabases();
    const { columns, missing } = await this.#planColumns();
    this.#columns = columns;
    this.#writer = new RowWriter(columns, plan.valueSeparator);
    const filterTime = await this.#checkServer();
    for (const entry of this.#ports.entries()) this.#known.add(guidText(entry.guid));

    const selections = mailboxSelections(scope);
    const units = await readUnits(reading.projects, reading.domainController, this.#ports);
    const byPlace = units === undefined || facts.units === null;
    if (byPlace) this.#ports.onNote('organizational units cannot be compared: the place of every mailbox is');
    const countsAdd = areDisjoint(scope, databases, units) && filtersOwnOnly(scope.filter);
    const before = countsAdd ? await this.#count(selections) : undefined;
    const settleMs = plan.overlapMs + clockSkewMs;
    const again = planRereading({
      scope,
      known: facts,
      databases,
      namesGone: this.#namesGone,
      units,
      now: plan.now,
      settleMs,
    });
    for (const note of again.notes) this.#ports.onNote(note);
    this.#ports.onProgress({ phase: 'mailboxes', done: 0, total: undefined });
    await this.#readChanged(selections, again, filterTime);

    const after = before === undefined ? undefined : await this.#count(selections);
    const isProven = this.#countsProve(before, after);
    const search = new DeletionSearch({
      selections,
      reading,
      ports: this.#ports,
      known: this.#known,
      rows: this.#rows,
      readRows: (all) => this.#readRows(all),
    });
    const sinceSweep = plan.now - Date.parse(facts.sweptAt);
    let absence: Absence = { kind: 'unchanged' };
    if (!byPlace && after !== undefined && filterTime.widening === 0 && reading.projects) {
      const slice = { from: facts.sweptUpTo, share: sliceShare(sinceSweep) };
      if (!isProven || slice.share > 0)
        absence = await search.runNarrowed({
          scope,
          databases,
          databasesBefore: facts.databases,
          write: filterTime.write,
          cost: plan.searchCost,
          catchUp: () => this.#readChangedSince(plan.now - clockSkewMs, selections, filterTime),
          count: () => this.#count(selections),
          counted: after,
          slice,
          isProven,
        });
    } else if (byPlace || !isProven || sinceSweep >= sweepEveryMs) absence = await search.runAll(byPlace);
    if (!search.hasReadAll) await this.#checkForwarding(search, selections, absence);

    for (const remark of this.#writer.remarks()) this.#ports.onWarning(`mailboxes: ${remark}`);
    const hasErrors = reading.errors().length > 0;
    this.#refuseOtherServers();
    this.#ports.onProgress({ phase: 'mailboxes', done: reading.mailboxesReceived, total: reading.mailboxesReceived });
    return {
      reading: {
        forestView: view.forestView,
        domains: Object.keys(facts.controllers).sort(),
        domainControllers: [...new Set([...reading.origins(), ...Object.values(facts.controllers).flat()])].sort(),
        readFrom: new Date(plan.now).toISOString(),
        units: units ?? null,
        pins: { ...Object.fromEntries(reading.serversByDomain()), ...facts.controllers },
        columnsMissing: missing,
        projected: reading.projects,
        mailboxColumns: columns.columns.map((column) => column.name),
        databaseColumns: databaseColumns().columns.map((column) => column.name),
        received: { mailboxes: reading.mailboxesReceived, databases: reading.databasesReceived },
        latestChange: reading.latestChange,
        errors: reading.errors(),
      },
      absence: hasErrors ? { kind: 'unchanged' } : absence,
      restless: again.restless,
      swept: hasErrors || search.comparedUpTo === undefined ? undefined : { upTo: search.comparedUpTo },
    };
  }

  /** The view of the last export, from the same directory servers. */
  async #openView(): Promise<ForestView> {
    const { facts, pins } = this.#plan;
    const remembered = pinsOf(facts.controllers, pins);
    if (remembered.kind === 'unusable') throw new CompleteNeeded(remembered.reason);
    const view = await this.#tryPins(remembered.tries, remembered.names);
    if (view.forestView !== facts.forestView) {
      throw new CompleteNeeded(
        view.forestView
          ? 'the whole forest is in view now, and was not in the last export'
          : 'only one domain is in view now, and the last export saw the whole forest',
      );
    }
    return view;
  }

  async #tryPins(tries: readonly PinnedServers[], names: readonly string[]): Promise<ForestView> {
    let refused = '';
    for (const pins of tries) {
      try {
        return await openForestView(this.#ports.session, pins, this.#ports);
      } catch (error) {
        if (!(error instanceof ConnectorError) || error.code !== 'EXCHANGE_COMMAND_FAILED') throw error;
        refused = error.message;
      }
    }
    throw new CompleteNeeded(
      `the directory servers of the last export (${names.join(', ')}) cannot be read from now: ${refused}`,
    );
  }

  async #readDatabases() {
    const servers = new Map<string, string>();
    const { databases: sink } = this.#ports;
    const named: RowSink = {
      put: (key, line, group) => {
        servers.set(key, this.#rows.databaseServer(line));
        sink.put(key, line, group);
      },
      restart: () => {
        servers.clear();
        sink.restart();
      },
    };
    const found = await this.#fromRemembered(() => readDatabases(this.#reading, { ...this.#ports, databases: named }));
    const known = new Set(this.#plan.facts.databases.map(({ guid }) => guid));
    if (known.size > 0 && found.length > 0 && !found.some(({ guid }) => known.has(guid))) {
      throw new CompleteNeeded(
        'the server belongs to another organisation than the last export: they have no database in common',
      );
    }
    return found.map(({ guid, name }) => ({ guid, name, server: servers.get(guid) ?? '' }));
  }

  /** What fails where a server is named in every cmdlet that the settings do not name may do without it. */
  async #fromRemembered<T>(read: () => Promise<T>): Promise<T> {
    const { domainController } = this.#reading;
    try {
      return await read();
    } catch (error) {
      const isChosen = domainController === undefined || domainController === this.#plan.pins.domainController;
      if (isChosen || !(error instanceof ConnectorError) || error.code !== 'EXCHANGE_COMMAND_FAILED') throw error;
      throw new CompleteNeeded(
        `the directory server of the last export (${domainController}) cannot be read from now: ${error.message}`,
      );
    }
  }

  async #planColumns() {
    const { facts } = this.#plan;
    const planned = await planMailboxes(this.#plan, this.#reading, this.#ports);
    const gone = planned.missing.filter((name) => !facts.columnsMissing.includes(name));
    const come = planned.probed ? facts.columnsMissing.filter((name) => !planned.missing.includes(name)) : [];
    if (gone.length + come.length > 0) {
      throw new CompleteNeeded(
        `mailboxes of this server have other properties than in the last export (${[...gone, ...come].join(', ')}): it may be of another version`,
      );
    }
    return planned;
  }

  /** Whether rows come from the servers that they came from, and how times are to be written here. */
  async #checkServer(): Promise<FilterTime> {
    const { landmarks, tenants } = this.#plan.facts;
    const guids = [...new Set([...Object.values(landmarks).flat(), ...tenants.map(({ guid }) => guid)])];
    const { domainController, projects } = this.#reading;
    // Wherever they went: out of the scope, too.
    const everywhere = { organizationalUnits: [], databases: [], recipientTypeDetails: [], filter: undefined };
    const kinds = mailboxSelections({ ...this.#plan.scope, ...everywhere });
    let error: string | undefined;
    const onError = (why: string): void => {
      error ??= why;
      this.#ports.onNote(`known mailboxes could not be looked at: ${why}`);
    };
    const found =
      guids.length === 0 ? [] : await readLandmarks(guids, kinds, projects, domainController, this.#ports, onError);
    for (const domain of Object.keys(landmarks)) {
      const of = found.filter(({ distinguishedName }) => domainOf(distinguishedName) === domain);
      if (of.length === 0) {
        const seen =
          error === undefined
            ? `none of the ${landmarks[domain]?.length ?? 0} mailboxes looked at in ${domain} is there any more`
            : `known mailboxes of ${domain} could not be looked at (${error})`;
        throw new CompleteNeeded(`${seen}, so that it cannot be told which directory server is read from`);
      }
      for (const landmark of of) this.#refuseOther(domain, landmark.server);
    }
    this.#namesGone = namesGone(tenants, found);
    return this.#proveTime(tellingLandmarks(found));
  }

  /** By one mailbox, or by another where that one was changed at this very moment. */
  async #proveTime(landmarks: readonly Landmark[]): Promise<FilterTime> {
    if (landmarks.length === 0)
      throw new CompleteNeeded('the last export had no mailbox that could tell how this server reads times');
    let inexact: FilterTime | undefined;
    for (const landmark of landmarks.slice(0, mostProofs)) {
      const proven = await proveFilterTime(landmark, this.#reading.domainController, this.#ports);
      if (proven?.widening === 0) return proven;
      inexact ??= proven;
    }
    if (inexact === undefined)
      throw new CompleteNeeded('the server takes no filter over WhenChangedUTC, or the times in it for other dates');
    this.#ports.onNote('the server takes times in a filter for other times than they are: 14 hours more are asked for');
    return inexact;
  }

  #refuseOther(domain: string, server: string): void {
    const { facts, pins } = this.#plan;
    const known = facts.controllers[domain];
    const isPinned = pins.domainController !== undefined || pins.globalCatalog !== undefined;
    if (known?.length === 0 && !isPinned)
      throw new CompleteNeeded(
        `mailboxes of ${domain} did not say which directory server they came from in the last export, so that it cannot be told whether they come from the same one now; DomainController or GlobalCatalog pins one`,
      );
    if (known === undefined || known.length === 0 || known[0] === server) return;
    throw new CompleteNeeded(
      `mailboxes of ${domain} are read from ${server === '' ? 'an unnamed directory server' : server} now, and were from ${known[0]} in the last export, whose times of change say nothing here`,
    );
  }

  /** Rows that were read tell where from, too. */
  #refuseOtherServers(): void {
    for (const [domain, servers] of this.#reading.serversByDomain()) {
      const known = this.#plan.facts.controllers[domain];
      for (const server of servers) {
        if (known === undefined || known[0] === server) continue;
        throw new CompleteNeeded(
          `mailboxes of ${domain} came from ${server} in the middle of the reading, and from ${known[0]} before`,
        );
      }
      if (known === undefined && servers.length !== 1)
        throw new CompleteNeeded(`the first mailboxes of ${domain} came from ${servers.length} directory servers`);
    }
  }

  async #count(selections: readonly MailboxSelection[]): Promise<number | undefined> {
    let total: number | undefined = 0;
    for (const selection of selections) {
      const count = await countMailboxes(selection, this.#reading, this.#ports);
      total = total === undefined || count === undefined ? undefined : total + count;
    }
    return total;
  }

  /** Nothing is gone where the server counts, before and after, what was there and what came. */
  #countsProve(before: number | undefined, after: number | undefined): boolean {
    const expected = this.#plan.facts.mailboxes + this.#rows.added.size;
    if (before === expected && after === expected) {
      this.#ports.onNote(`the server counts ${expected} mailboxes, as many as there were and came: none was deleted`);
      return true;
    }
    const told =
      before === undefined || after === undefined ? 'has no count that can be used' : `counts ${before}, then ${after}`;
    this.#ports.onNote(`${expected} mailboxes are expected, and the server ${told}: what is gone is looked for`);
    return false;
  }

  async #readChanged(selections: readonly MailboxSelection[], again: Rereading, time: FilterTime): Promise<void> {
    const { facts, overlapMs } = this.#plan;
    if (again.isAll) {
      this.#ports.onNote('databases or units of the scope cannot be told from others: everything is read again');
      await this.#readRows(selections);
      return;
    }
    await this.#readChangedSince(Date.parse(facts.time) - overlapMs - clockSkewMs - time.widening, selections, time);
    await this.#readRows(again.selections);
  }

  async #readChangedSince(ms: number, selections: readonly MailboxSelection[], time: FilterTime): Promise<void> {
    const since = new Date(ms);
    const filter = `(WhenChangedUTC -ge '${time.write(since)}')`;
    this.#ports.onNote(`what changed since ${since.toISOString()} is read`);
    await this.#readRows(selections.map((selection) => narrowSelection(selection, { filter })));
  }

  /** Reads rows of selections; where single properties cannot be had, all that was read is read again whole. */
  async #readRows(selections: readonly MailboxSelection[]): Promise<void> {
    this.#selectionsRead.push(...selections);
    let todo: readonly MailboxSelection[] = selections;
    for (;;) {
      const isWhole = await this.#readEach(todo);
      if (isWhole) return;
      this.#reading.projects = false;
      this.#rows.restart();
      this.#reading.restartMailboxes();
      todo = this.#selectionsRead;
    }
  }

  async #readEach(selections: readonly MailboxSelection[]): Promise<boolean> {
    const into = { columns: this.#columns, writer: this.#writer, sink: this.#rows };
    for (const selection of selections) {
      const outcome = await readSelection(selection, into, this.#reading, this.#ports);
      if (outcome.kind === 'asWhole') return false;
    }
    return true;
  }

  /** Names of recipients that others forward to. */
  async #checkForwarding(
    search: DeletionSearch,
    selections: readonly MailboxSelection[],
    absence: Absence,
  ): Promise<void> {
    if (this.#reading.errors().length > 0) return;
    const isGone = (guid: string): boolean => absence.kind === 'unless-seen' && !absence.isSeen(guid);
    const expected = this.#rows.forwardingSum(this.#ports.entries(), isGone);
    if (expected.count === 0 && this.#plan.facts.forwarding.count === 0) return;
    const seen = await readForwarding(selections, this.#reading.domainController, this.#ports);
    if (seen !== undefined && seen.count === expected.count && seen.sum === expected.sum) return;
    this.#ports.onNote(
      'recipients that mailboxes forward to have other names than at the last export: mailboxes that forward are read again',
    );
    const readBefore = this.#rows.begin();
    await this.#readRows(selections.map(forwardingIn));
    const lost: string[] = [];
    for (const entry of this.#ports.entries()) {
      const guid = guidText(entry.guid);
      if (entry.forwarding !== undefined && !this.#rows.has(guid) && !readBefore.has(guid) && !isGone(guid))
        lost.push(guid);
    }
    await search.readByGuid(lost);
  }
}

/** The names of databases under which none of the mailboxes looked at is found any more. */
function namesGone(tenants: CookieFacts['tenants'], found: readonly Landmark[]): string[] {
  const now = new Map(found.map(({ guid, database }) => [guid.toLowerCase(), database]));
  const names = new Map<string, boolean>();
  for (const { guid, database } of tenants) {
    const seen = now.get(guid);
    if (seen !== undefined) names.set(database, names.get(database) === true || seen === database);
  }
  return [...names].flatMap(([name, isSeen]) => (isSeen ? [] : [name]));
}
