/*
 * A random history of an organisation, with exports in between: some while changes happen, some that fail, some
 * that nobody loads. What must hold after every export during which nothing changed: the files, loaded one over
 * the other, are what a complete export of that moment writes.
 */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import {
  createTestOrganization,
  type MailboxProperties,
  openInProcessSession,
  type TestOrganization,
} from '@exchange-connector/exchange-simulator';
import type { InvokeOptions, PipelineEvent, PipelineRequest, RemoteSession } from '@exchange-connector/psrp';
import { type ExportScope, fieldText, guidText, SnapshotReader } from '@exchange-connector/connector';
import { type Loaded, load, runSmall, type SmallRun, type SmallSettings } from './small-agent.ts';
import { wholeScope } from '../whole-plan.ts';

/** A generator of numbers that the seed alone decides. */
class Dice {
  readonly #seed: string;
  #count = 0;
  constructor(seed: string) {
    this.#seed = seed;
  }
  below(limit: number): number {
    this.#count += 1;
    const digest = createHash('sha256').update(`${this.#seed} ${this.#count}`).digest();
    return digest.readUIntBE(0, 6) % limit;
  }
  chance(percent: number): boolean {
    return this.below(100) < percent;
  }
  of<T>(values: readonly T[]): T {
    return values[this.below(values.length)] as T;
  }
}

const minute = 60_000;
const overlapMinutes = 60;

/** What happened, for the tally of a whole series. */
export interface HistoryTally {
  exports: number;
  incremental: number;
  changes: number;
  inserts: number;
  updates: number;
  deletes: number;
  failed: number;
  unloaded: number;
  swept: number;
  /** Deletions looked for in ranges. */
  narrowed: number;
  /** Slices of GUIDs compared whatever the counts say. */
  sliced: number;
  /** Increments that read the mailboxes that forward. */
  forwarding: number;
  /** Exports during which the server reported errors. */
  incomplete: number;
  /** Domain controllers taken away. */
  retired: number;
  /** Increments that were not possible, by the beginning of their reason. */
  reasons: Map<string, number>;
}

export function newTally(): HistoryTally {
  return {
    exports: 0,
    incremental: 0,
    changes: 0,
    inserts: 0,
    updates: 0,
    deletes: 0,
    failed: 0,
    unloaded: 0,
    swept: 0,
    narrowed: 0,
    sliced: 0,
    forwarding: 0,
    incomplete: 0,
    retired: 0,
    reasons: new Map(),
  };
}

/** An export was ended on purpose. */
class Cut extends Error {}

/** What a server says of an object that it cannot give. */
export const unreadable: PipelineEvent = {
  kind: 'error',
  record: {
    message: "The object is corrupted, and it's in an inconsistent state.",
    fullyQualifiedErrorId:
      '[FailureCategory=Cmdlet-DataValidationException] 1A2B3C4D,Microsoft.Exchange.Management.RecipientTasks.GetMailbox',
    category: 5,
    categoryActivity: 'Get-Mailbox',
    categoryReason: 'DataValidationException',
    categoryTargetName: '',
    categoryTargetType: '',
    categoryMessage: 'InvalidData: (:) [Get-Mailbox], DataValidationException',
    exceptionTypeNames: ['Microsoft.Exchange.Data.DataValidationException'],
    details: undefined,
    raw: { kind: 'Nil' },
  },
};

/** Does something of the test's at a given message of a session: `true` puts an error in the place of an object. */
class Watched implements RemoteSession {
  readonly #inner: RemoteSession;
  readonly #onMessage: (count: number) => boolean;
  #count = 0;
  constructor(inner: RemoteSession, onMessage: (count: number) => boolean) {
    this.#inner = inner;
    this.#onMessage = onMessage;
  }
  get server(): RemoteSession['server'] {
    return this.#inner.server;
  }
  async *invoke(request: PipelineRequest, options?: InvokeOptions): AsyncGenerator<PipelineEvent> {
    for await (const event of this.#inner.invoke(request, options)) {
      this.#count += 1;
      yield this.#onMessage(this.#count) && event.kind === 'output' ? unreadable : event;
    }
  }
  close(): Promise<void> {
    return this.#inner.close();
  }
}

/** One history. */
export class History {
  readonly #dice: Dice;
  readonly #tally: HistoryTally;
  readonly #organization: TestOrganization;
  #settings: SmallSettings;
  /** The clock of the machine that exports is ahead of the organisation's by so much. */
  readonly #skewMs: number;
  readonly #sessionOptions: { without: string[]; filterDates: 'utc' | 'server' };
  #controllers: readonly string[];
  readonly log: string[] = [];
  #names = 0;
  #cookie: Buffer | undefined;
  #loaded: { mailboxes: Loaded; databases: Loaded } = { mailboxes: new Map(), databases: new Map() };

  constructor(seed: string, tally: HistoryTally) {
    this.#dice = new Dice(seed);
    const dice = this.#dice;
    this.#tally = tally;
    this.#organization = createTestOrganization({
      mailboxes: 25 + dice.below(30),
      databases: 2 + dice.below(3),
      users: 4,
      seed: dice.below(1000),
      clock: 'virtual',
    });
    this.#controllers = this.#organization.domainControllers.map(({ name }) => name);
    this.#skewMs = (dice.below(9) - 4) * minute;
    if (dice.chance(50)) for (const name of this.#controllers) this.#setLag(name);
    if (dice.chance(30)) for (const name of this.#controllers) this.#setClock(name);
    // So cheap that handfuls are worth counting; else all of so few mailboxes are always read.
    const searchCost = dice.chance(80) ? { count: dice.of([1, 10, 60, 250]), guid: 234, range: 50 } : undefined;
    this.#settings = { scope: this.#randomScope(), pins: this.#randomPins(), overlapMinutes, searchCost };
    const without: string[] = [];
    if (dice.chance(10)) without.push('Get-OrganizationalUnit');
    if (dice.chance(7)) without.push('Measure-Object');
    if (dice.chance(5)) without.push('Select-Object');
    if (dice.chance(7)) without.push('Set-ADServerSettings');
    this.#sessionOptions = { without, filterDates: dice.chance(50) ? 'utc' : 'server' };
    this.log.push(JSON.stringify({ seed, settings: this.#settings, session: this.#sessionOptions }));
  }

  /** A change is seen everywhere no later than the overlap reaches back. */
  #setLag(controller: string): void {
    const lag = this.#dice.of([0, 1000, 90_000, 20 * minute, 55 * minute]);
    this.#organization.setReplicationLag(controller, lag);
    this.log.push(`lag of ${controller}: ${lag} ms`);
  }

  /** Behind by no more than the overlap reaches back. */
  #setClock(controller: string): void {
    const offset = this.#dice.of([0, -55 * minute, -4 * minute, 3 * minute, 5 * 60 * minute]);
    this.#organization.setClockOffset(controller, offset);
    this.log.push(`clock of ${controller}: ${offset} ms ahead`);
  }

  /** Takes a controller away; whoever had pinned it pins others. */
  #retire(controller: string): void {
    try {
      this.#organization.retireDomainController(controller);
    } catch (error) {
      // The last one of its domain.
      if ((error as { code?: string }).code !== 'SIMULATOR_CHANGE_REFUSED') throw error;
      return;
    }
    this.#controllers = this.#organization.domainControllers.map(({ name }) => name);
    const { pins } = this.#settings;
    if ([pins?.domainController, pins?.globalCatalog].includes(controller))
      this.#settings = { ...this.#settings, pins: this.#randomPins() };
    this.#tally.retired += 1;
    this.log.push(`${controller} is taken away; now pinned to ${JSON.stringify(this.#settings.pins)}`);
  }

  #randomPins(): SmallSettings['pins'] {
    const dice = this.#dice;
    const catalogs = this.#organization.domainControllers.filter(({ isGlobalCatalog }) => isGlobalCatalog);
    return {
      domainController: dice.chance(25) ? dice.of(this.#controllers) : undefined,
      globalCatalog: dice.chance(40) ? dice.of(catalogs).name : undefined,
    };
  }

  #randomScope(): ExportScope {
    const dice = this.#dice;
    const truth = this.#organization.truth();
    const some = <T>(percent: number, from: readonly T[]): T[] =>
      dice.chance(percent) ? from.filter(() => dice.chance(50)) : [];
    return {
      ...wholeScope,
      includeArbitration: dice.chance(20),
      includeMonitoring: dice.chance(10),
      includePublicFolder: dice.chance(10),
      organizationalUnits: some(
        15,
        truth.organizationalUnits.map(({ guid }) => guid),
      ).slice(0, 3),
      databases: some(
        10,
        truth.databases.map(({ guid }) => guid),
      ),
      recipientTypeDetails: some(10, ['UserMailbox', 'SharedMailbox', 'RoomMailbox']),
      filter: dice.chance(12)
        ? dice.of(["DisplayName -like 'a*'", "Office -ne 'Paris'", "Name -like '*e*'"])
        : undefined,
    };
  }

  async run(exports: number): Promise<void> {
    const dice = this.#dice;
    for (let count = 0; count < exports; count += 1) {
      for (let changes = dice.below(6); changes > 0; changes -= 1) {
        this.#change();
        this.#advance(dice.of([0, 500, 40_000, 7 * minute, 50 * minute]));
      }
      this.#advance(dice.of([1000, 10 * minute, 70 * minute, 3 * 60 * minute]));
      if (dice.chance(6)) this.#advance(26 * 60 * minute);
      if (dice.chance(6)) {
        this.#settings = { ...this.#settings, pins: this.#randomPins() };
        this.log.push(`now pinned to ${JSON.stringify(this.#settings.pins)}`);
      }
      if (dice.chance(4)) this.#retire(dice.of(this.#controllers));
      if (dice.chance(30)) await this.#export({ isQuiet: false });
      await this.#export({ isQuiet: true });
    }
  }

  #advance(ms: number): void {
    this.#organization.clock.advance(ms);
  }

  #name(prefix: string): string {
    this.#names += 1;
    return this.#dice.chance(15) ? `${prefix}, "${this.#names}" é` : `${prefix} ${this.#names}`;
  }

  #change(): void {
    const dice = this.#dice;
    if (dice.chance(12)) {
      this.#setLag(dice.of(this.#controllers));
      return;
    }
    const truth = this.#organization.truth();
    const mailboxes = [...truth.mailboxes()];
    const others = [...truth.others()];
    const unit = (): string => dice.of(truth.organizationalUnits).guid;
    const database = (): string => dice.of(truth.databases).guid;
    const mailbox = mailboxes.length === 0 ? '' : dice.of(mailboxes).guid;
    const kinds: readonly (() => Parameters<TestOrganization['change']>[0])[] = [
      () => ({ kind: 'createMailbox', name: this.#name('New'), organizationalUnit: unit(), database: database() }),
      () => ({
        kind: 'createMailbox',
        name: this.#name('Room'),
        mailboxKind: 'room',
        organizationalUnit: unit(),
        database: database(),
      }),
      () => ({ kind: 'setMailbox', mailbox, properties: { displayName: this.#name('Display') } }),
      () => ({
        kind: 'setMailbox',
        mailbox,
        properties: { office: dice.of(['Paris', 'Rome']), forwardingSmtpAddress: 'smtp:x@y.example' },
      }),
      // By its number, as the directory's links go: the name that is shown follows the one that is forwarded to.
      () => ({
        kind: 'setMailbox',
        mailbox,
        properties: { forwardingRecipient: dice.below(8) } as MailboxProperties,
      }),
      () => ({ kind: 'renameMailbox', mailbox: dice.below(8), name: this.#name('Forwarded to') }),
      () => ({ kind: 'renameMailbox', mailbox, name: this.#name('Renamed') }),
      () => ({ kind: 'moveMailbox', mailbox, database: database() }),
      () => ({ kind: 'moveToOrganizationalUnit', mailbox, organizationalUnit: unit() }),
      () => ({ kind: 'disableMailbox', mailbox }),
      () => ({ kind: 'removeMailbox', mailbox }),
      () => {
        // Made again under the same name, as another object.
        const gone = dice.of(mailboxes);
        this.#apply({ kind: 'removeMailbox', mailbox: gone.guid });
        const name = String(gone.properties['Name']);
        return {
          kind: 'createMailbox',
          name,
          samAccountName: String(gone.properties['SamAccountName']),
          organizationalUnit: unit(),
          database: database(),
        };
      },
      () => ({ kind: 'enableMailbox', account: others.length === 0 ? '' : dice.of(others).guid, database: database() }),
      () => ({ kind: 'renameOrganizationalUnit', organizationalUnit: unit(), name: this.#name('Unit') }),
      () => ({ kind: 'createOrganizationalUnit', parent: unit(), name: this.#name('Unit') }),
      () => ({ kind: 'renameDatabase', database: database(), name: this.#name('Database') }),
      () => ({ kind: 'createDatabase', name: this.#name('Database') }),
      // Where a controller lags, a mailbox may be made in it meanwhile: no directory comes back from that.
      () =>
        this.#organization.domainControllers.every(({ lagMs }) => lagMs === 0)
          ? { kind: 'removeDatabase', database: database() }
          : { kind: 'createDatabase', name: this.#name('Database') },
      () => ({ kind: dice.chance(50) ? 'mountDatabase' : 'dismountDatabase', database: database() }),
    ];
    const other = dice.chance(20) && others.length > 0 ? dice.of(others) : undefined;
    if (other !== undefined) this.#apply({ kind: 'renameMailbox', mailbox: other.guid, name: this.#name('Other') });
    else this.#apply(dice.of(kinds)());
  }

  #apply(change: Parameters<TestOrganization['change']>[0]): void {
    try {
      this.#organization.change(change);
      this.#tally.changes += 1;
      this.log.push(`${this.#organization.clock.now().toISOString()} ${JSON.stringify(change)}`);
    } catch (error) {
      // What the organisation does not allow, or what another controller has not heard of yet.
      if ((error as { code?: string }).code !== 'SIMULATOR_CHANGE_REFUSED') throw error;
    }
  }

  #session(onMessage: (count: number) => boolean = () => false): RemoteSession {
    return new Watched(openInProcessSession(this.#organization, this.#sessionOptions), onMessage);
  }

  async #export({ isQuiet }: { readonly isQuiet: boolean }): Promise<void> {
    const dice = this.#dice;
    const mayFail = !isQuiet && dice.chance(25);
    const mayErr = !isQuiet && dice.chance(30);
    const at = new Set(isQuiet ? [] : Array.from({ length: 1 + dice.below(4) }, () => dice.below(mayFail ? 60 : 120)));
    const open = () =>
      this.#session((count) => {
        if (!at.has(count)) return false;
        if (mayFail) throw new Cut();
        if (mayErr) return true;
        this.#change();
        this.#advance(dice.of([0, 1000, minute]));
        return false;
      });
    const now = this.#organization.clock.now().getTime() + this.#skewMs;
    let run: SmallRun;
    try {
      run = await runSmall(open, this.#settings, now, { cookie: this.#cookie });
    } catch (error) {
      if (error instanceof Cut) {
        this.#tally.failed += 1;
        this.log.push('an export that fails');
        return;
      }
      // A scope that names what another controller has not heard of yet, or what is gone by now.
      const { code, message } = error as { code?: string; message: string };
      const isOfScope = /couldn't be found|couldn't find|is not within the scope/i.test(message);
      // Of a scope so small that all of it was hit.
      const isOfErrors = mayErr && /The object is corrupted/.test(message);
      if (code !== 'EXCHANGE_COMMAND_FAILED' || !(isOfScope || isOfErrors)) throw error;
      this.#tally.failed += 1;
      return;
    }
    this.log.push(
      `${new Date(now).toISOString()} ${isQuiet ? 'quiet' : 'restless'} export: ${run.mode} ${run.reason ?? ''} ${JSON.stringify(run.counts)}`,
    );
    for (const note of [...run.notes, ...run.errors]) this.log.push(`    ${note}`);
    if (run.errors.length > 0) {
      this.#tally.incomplete += 1;
      assert.equal(run.counts.mailboxes.Delete + run.counts.databases.Delete, 0, 'deletions of a reading with errors');
    }
    this.#count(run);
    if (!isQuiet && dice.chance(20)) {
      this.#tally.unloaded += 1;
      this.log.push('nobody loads it');
      return;
    }
    this.#load(run);
    this.#checkCookie();
    if (isQuiet) await this.#check(now, run.errors.length > 0);
  }

  #count(run: SmallRun): void {
    const tally = this.#tally;
    tally.exports += 1;
    if (run.mode === 'incremental') {
      tally.incremental += 1;
      tally.inserts += run.counts.mailboxes.Insert;
      tally.updates += run.counts.mailboxes.Update;
      if (run.notes.some((note) => note.includes('all GUIDs are compared'))) tally.swept += 1;
      if (run.notes.some((note) => note.includes('counts by time of creation'))) tally.narrowed += 1;
      if (run.notes.some((note) => note.includes('whatever the counts say'))) tally.sliced += 1;
      if (run.notes.some((note) => note.includes('mailboxes that forward are read again'))) tally.forwarding += 1;
    } else {
      const reason = (run.reason ?? '').slice(0, 40);
      tally.reasons.set(reason, (tally.reasons.get(reason) ?? 0) + 1);
    }
    tally.deletes += run.counts.mailboxes.Delete;
  }

  #load(run: SmallRun): void {
    // A complete file replaces rows one by one: what is gone has its Delete row in it.
    load(this.#loaded.mailboxes, run.mailboxes);
    load(this.#loaded.databases, run.databases);
    this.#cookie = run.cookie;
  }

  #reader(): SnapshotReader {
    const bytes = this.#cookie ?? Buffer.alloc(0);
    return new SnapshotReader({
      size: bytes.length,
      read: (into, position) => bytes.copy(into, 0, position, position + into.length),
    });
  }

  /** The snapshot is of the very rows that were loaded. */
  #checkCookie(): void {
    const reader = this.#reader();
    const known: string[] = [];
    for (const entry of reader.entries()) {
      const guid = guidText(entry.guid);
      known.push(guid);
      assert.equal(fieldText(entry.name), this.#loaded.mailboxes.get(guid)?.['Name']);
      assert.equal(fieldText(entry.database), this.#loaded.mailboxes.get(guid)?.['Database']);
    }
    assert.deepEqual(known, [...this.#loaded.mailboxes.keys()].sort());
  }

  /** What is loaded is what a complete export writes now; names of recipients wait for a run without errors. */
  async #check(now: number, isIncomplete: boolean): Promise<void> {
    // Read where the increments are read: times of change differ from one directory server to the next.
    const [catalog] = Object.values(this.#reader().facts.controllers).flat();
    const pins = {
      domainController: this.#settings.pins?.domainController,
      globalCatalog: catalog ?? this.#settings.pins?.globalCatalog,
    };
    const whole = await runSmall(() => this.#session(), { ...this.#settings, pins }, now, { complete: true });
    const mailboxes: Loaded = new Map();
    const databases: Loaded = new Map();
    load(mailboxes, whole.mailboxes);
    load(databases, whole.databases);
    assert.deepEqual(differences(this.#loaded.databases, databases), []);
    const found = differences(this.#loaded.mailboxes, mailboxes);
    assert.deepEqual(
      found.filter((difference) => !isIncomplete || !/^\S+ ForwardingAddress: /.test(difference)),
      [],
    );
  }
}

/** Each cell that differs. */
function differences(loaded: Loaded, whole: Loaded): string[] {
  const found: string[] = [];
  for (const guid of new Set([...loaded.keys(), ...whole.keys()])) {
    const [mine, theirs] = [loaded.get(guid), whole.get(guid)];
    if (mine === undefined || theirs === undefined) {
      found.push(`${guid} (${(mine ?? theirs)?.['Name']}): ${mine === undefined ? 'is missing' : 'was deleted'}`);
      continue;
    }
    for (const [name, text] of Object.entries(theirs))
      if (mine[name] !== text) found.push(`${guid} ${name}: loaded ${mine[name]}, there is ${text}`);
  }
  return found;
}
