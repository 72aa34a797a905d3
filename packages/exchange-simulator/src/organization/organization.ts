/*
 * The organisation: what it consists of, its mailboxes by number, and what was written since. The computed
 * part takes no memory; each domain controller holds what differs from it.
 */
import { Clock, type ClockStart } from './clock.ts';
import { configuration, type DirectoryTarget, type DirectoryWrite } from './directory-write.ts';
import { DisconnectedMailboxes } from './disconnected-mailboxes.ts';
import { type DirectoryGround, DomainController } from './domain-controller.ts';
import {
  type AvailabilityGroup,
  createAvailabilityGroup,
  createDatabases,
  createDomains,
  createServers,
  type Domain,
  type ExchangeServer,
  type MailboxDatabase,
  type OrganizationalUnit,
} from './forest.ts';
import { guidAt, rootOf } from './hash.ts';
import type { StoredAttributes } from './live-recipient.ts';
import { Mailbox } from './mailbox.ts';
import { defaultMoveTiming, MoveRequests, type MoveTiming } from './move-requests.ts';
import { createOthers } from './other-recipients.ts';
import { RecipientIndex } from './recipient-index.ts';

export interface OrganizationOptions {
  /** Mailboxes over both domains, hidden ones included. */
  readonly mailboxes: number;
  readonly databases: number;
  readonly seed: number;
  /** Copies of each database, the active one included; default 1. Above 1 the servers are an availability group. */
  readonly databaseCopies?: number;
  /** Accounts without a mailbox; default 40. */
  readonly users?: number;
  /** Default `real`. */
  readonly clock?: ClockStart;
  readonly moveTiming?: MoveTiming;
}

const realmMade = 15;
/** Writes that every controller has taken are let go when there are so many of them. */
const keptWrites = 10_000;

/** An organisation of mailboxes that are computed until they are changed: the same numbers give the same one. */
export class Organization implements DirectoryGround {
  readonly mailboxCount: number;
  readonly seed: number;
  readonly domains: readonly Domain[];
  readonly servers: readonly ExchangeServer[];
  /** The databases as computed; each controller has its own list of those there are now. */
  readonly databases: readonly MailboxDatabase[];
  readonly availabilityGroup: AvailabilityGroup | undefined;
  readonly others: readonly StoredAttributes[];
  readonly clock: Clock;
  readonly writes: DirectoryWrite[] = [];
  readonly #controllers: readonly DomainController[];
  readonly #retired = new Set<string>();
  /** Of the mailboxes as computed. */
  readonly index: RecipientIndex;
  readonly moves: MoveRequests;
  readonly disconnected = new DisconnectedMailboxes();
  readonly #options: OrganizationOptions;
  readonly #mounted = new Map<string, boolean>();
  #nextId: number;
  #sequence = 0;
  #guids = 0;

  constructor(options: OrganizationOptions, from?: Organization) {
    this.#options = options;
    this.mailboxCount = options.mailboxes;
    this.seed = options.seed;
    this.domains = from?.domains ?? createDomains(options.seed);
    this.servers = from?.servers ?? createServers(options.seed);
    const copies = options.databaseCopies ?? 1;
    this.databases = from?.databases ?? createDatabases(options.seed, options.databases, this.servers, copies);
    this.availabilityGroup = copies > 1 ? createAvailabilityGroup(options.seed) : undefined;
    this.others = from?.others ?? createOthers(options.seed, this.domains, options.users ?? 40);
    this.clock = from?.clock.fork() ?? new Clock(options.clock);
    this.index = from?.index ?? new RecipientIndex(options.mailboxes, (id) => this.mailbox(id));
    this.moves = new MoveRequests(this, options.moveTiming ?? defaultMoveTiming);
    this.#nextId = options.mailboxes + this.others.length;
    this.#controllers = this.domains.flatMap((domain) =>
      domain.domainControllers.map((name) => new DomainController(this, name, domain)),
    );
    if (from !== undefined) this.#copyFrom(from);
  }

  /** The same organisation as it is now; what happens to one of the two from now on, does not happen to the other. */
  fork(): Organization {
    return new Organization(this.#options, this);
  }

  /** What is computed is shared: it never changes. */
  #copyFrom(from: Organization): void {
    this.writes.push(...from.writes);
    for (const name of from.#retired) this.#retired.add(name);
    for (const [at, controller] of this.#controllers.entries())
      controller.copyFrom(from.#controllers[at] as DomainController);
    this.moves.copyFrom(from.moves, ({ name }) => this.controller(name) as DomainController);
    this.disconnected.copyFrom(from.disconnected);
    for (const [guid, mounted] of from.#mounted) this.#mounted.set(guid, mounted);
    this.#nextId = from.#nextId;
    this.#sequence = from.#sequence;
    this.#guids = from.#guids;
  }

  get rootDomain(): Domain {
    return this.domains[0] as Domain;
  }
  get units(): readonly OrganizationalUnit[] {
    return this.domains.flatMap((domain) => domain.units).filter((unit) => !unit.isContainer);
  }
  /** When something is going to change by itself: a move goes on. */
  get nextEventMs(): number {
    return this.moves.nextAtMs;
  }
  /** Lets happen what is due. */
  letHappen(nowMs: number): void {
    this.moves.advance(nowMs);
  }
  get nextId(): number {
    return this.#nextId;
  }

  /** Mailbox `index` as computed, from 0; the directory's own order is by index and sorted by nothing else. */
  mailbox(index: number): Mailbox {
    return new Mailbox(this, index);
  }

  /** Those that answer. */
  get controllers(): readonly DomainController[] {
    return this.#retired.size === 0
      ? this.#controllers
      : this.#controllers.filter(({ name }) => !this.#retired.has(name));
  }
  /** A controller goes for good, what it had not told the others with it. */
  retire(controller: DomainController): void {
    this.#retired.add(controller.name);
  }

  /** A controller by its full name, or by its first label in the root domain. */
  controller(name: string): DomainController | undefined {
    const wanted = name.toLowerCase();
    return this.controllers.find(
      (controller) =>
        controller.name === wanted ||
        (controller.domainName === this.rootDomain.name && controller.name.split('.')[0] === wanted),
    );
  }
  /** The controller of a domain that is asked where nobody named one. */
  defaultController(domainName: string): DomainController {
    return this.controllers.find((controller) => controller.domainName === domainName) as DomainController;
  }
  /** The global catalog that is asked where nobody named one. */
  get defaultCatalog(): DomainController {
    return this.controllers.find((controller) => controller.isGlobalCatalog) as DomainController;
  }

  databaseAnywhere(guid: string): MailboxDatabase {
    for (const controller of this.controllers) {
      const found = controller.databases.find((database) => database.guid === guid);
      if (found !== undefined) return found;
    }
    const computed = this.databases.find((database) => database.guid === guid);
    if (computed === undefined) throw new Error(`reading database ${guid}: no controller has it`);
    return computed;
  }

  /** The controller that an Exchange server asks by itself: a database that has not come there cannot be mounted. */
  controllerOfServer(server: ExchangeServer): DomainController {
    const own = this.controllers.filter((controller) => controller.domainName === this.rootDomain.name);
    return own[server.index % own.length] as DomainController;
  }

  /** Whether its server has it mounted; that is no matter of the directory. */
  isMounted(database: MailboxDatabase): boolean {
    return this.#mounted.get(database.guid) ?? database.mounted;
  }
  setMounted(guid: string, mounted: boolean): void {
    this.#mounted.set(guid, mounted);
  }

  /** A new object's number. */
  newId(): number {
    this.#nextId += 1;
    return this.#nextId - 1;
  }
  /** A new GUID; the same changes of the same organisation are given the same ones. */
  newGuid(): string {
    this.#guids += 1;
    return guidAt(rootOf(this.seed, realmMade, this.#guids), 0);
  }

  /** Writes on one controller, now or at the time that has just been reached; the others follow when their lag has passed. */
  write(controller: DomainController, partition: string, target: DirectoryTarget, atMs?: number): void {
    if (atMs === undefined) controller.refresh();
    this.#keepDisconnected(controller, target, atMs ?? this.clock.nowMs());
    this.#sequence += 1;
    const write: DirectoryWrite = {
      sequence: this.#sequence,
      atMs: atMs ?? this.clock.nowMs(),
      origin: controller.name,
      partition,
      target,
    };
    this.writes.push(write);
    controller.apply(write, write.atMs);
    if (this.writes.length >= keptWrites) this.#forgetTaken();
  }

  /** A mailbox that its account loses stays in its database. */
  #keepDisconnected(controller: DomainController, target: DirectoryTarget, nowMs: number): void {
    if (target.kind !== 'recipient') return;
    const { attributes } = target;
    const { recipientClass, isDeleted } = attributes;
    const isMailboxLost = isDeleted === true || (recipientClass !== undefined && recipientClass !== 'mailbox');
    const isArchiveLost = 'archiveGuid' in attributes && attributes.archiveGuid === undefined;
    if (!isMailboxLost && !isArchiveLost) return;
    const mailbox = controller.mailbox(target.id);
    if (mailbox === undefined) return;
    if (isMailboxLost) this.disconnected.keep(mailbox, nowMs);
    else this.disconnected.keepArchive(mailbox, nowMs);
  }

  /** Writes to the configuration, which all controllers hold. */
  writeConfiguration(controller: DomainController, target: DirectoryTarget): void {
    this.write(controller, configuration, target);
  }

  #forgetTaken(): void {
    for (const controller of this.controllers) controller.refresh();
    const taken = Math.min(...this.controllers.map((controller) => controller.taken));
    if (taken < keptWrites / 2) return;
    this.writes.splice(0, taken);
    for (const controller of this.controllers) controller.forget(taken);
  }
}
