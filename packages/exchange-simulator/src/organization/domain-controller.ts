/*
 * One domain controller's copy of the directory. It takes a change when its lag has passed, and stamps the
 * object's whenChanged with its own time then ([MS-ADA3] 2.375: the attribute is not replicated). Where two
 * writes of one attribute meet, the later one stays; what a controller wrote itself, it knows at once.
 */
import type { Clock } from './clock.ts';
import { canonicalComponent, domainDn, escapeRdn } from './directory-name.ts';
import { configuration, type DatabaseAttributes, type DirectoryWrite, type UnitAttributes } from './directory-write.ts';
import { databaseDn, type Domain, type MailboxDatabase, type OrganizationalUnit } from './forest.ts';
import { liveRecipient, type RecipientSurroundings, type StoredAttributes } from './live-recipient.ts';
import { Mailbox, type Recipient } from './mailbox.ts';
import { ChangedIndex, type NameForm } from './recipient-index.ts';

/** What all controllers share: the organisation as computed, and the writes since, in order. */
export interface DirectoryGround {
  readonly seed: number;
  readonly clock: Clock;
  readonly mailboxCount: number;
  readonly domains: readonly Domain[];
  readonly databases: readonly MailboxDatabase[];
  /** Recipients other than mailboxes that stood there from the beginning; the first has the id `mailboxCount`. */
  readonly others: readonly StoredAttributes[];
  readonly writes: readonly DirectoryWrite[];
  /** One more than the highest id given so far. */
  readonly nextId: number;
  /** The next time at which something is written by the organisation itself. */
  readonly nextEventMs: number;
  letHappen(nowMs: number): void;
  /** A database that this controller has not heard of yet, or no more. */
  databaseAnywhere(guid: string): MailboxDatabase;
}

interface State<Attributes> {
  readonly attributes: Partial<Attributes>;
  readonly versions: Readonly<Record<string, number>>;
  readonly whenChangedMs: number | undefined;
  readonly isDeleted: boolean;
}

const nothing = { attributes: {}, versions: {}, whenChangedMs: undefined, isDeleted: false } as const;

/** Lays a write over a state; attributes that were written later stay as they are. */
function merged<Attributes>(
  state: State<Attributes>,
  attributes: Partial<Attributes> & { readonly isDeleted?: boolean },
  sequence: number,
  whenChangedMs: number,
): State<Attributes> {
  const next: Record<string, unknown> = { ...state.attributes };
  const versions: Record<string, number> = { ...state.versions };
  for (const [name, value] of Object.entries(attributes)) {
    if ((versions[name] ?? -1) > sequence) continue;
    next[name] = value;
    versions[name] = sequence;
  }
  return {
    attributes: next as Partial<Attributes>,
    versions,
    whenChangedMs,
    isDeleted: next['isDeleted'] === true,
  };
}

export class DomainController {
  readonly name: string;
  readonly domainName: string;
  readonly isGlobalCatalog: boolean;
  readonly #ground: DirectoryGround;
  readonly #recipients = new Map<number, State<StoredAttributes>>();
  readonly #units = new Map<string, State<UnitAttributes>>();
  readonly #databaseStates = new Map<string, State<DatabaseAttributes>>();
  readonly #surroundings: { -readonly [Key in keyof RecipientSurroundings]: RecipientSurroundings[Key] };
  readonly #changedNames = new ChangedIndex(
    (id) => this.recipient(id),
    () => this.changedIds(),
  );
  #unitsByGuid: ReadonlyMap<string, OrganizationalUnit> | undefined;
  #unitChanges: ReadonlyMap<string, number> = new Map();
  #databases: readonly MailboxDatabase[];
  #databasesByGuid: ReadonlyMap<string, MailboxDatabase> | undefined;
  #taken = 0;
  #lagMs = 0;
  #lagSetAtMs = Number.NEGATIVE_INFINITY;
  #clockOffsetMs = 0;

  constructor(ground: DirectoryGround, name: string, domain: Domain) {
    this.#ground = ground;
    this.name = name;
    this.domainName = domain.name;
    this.isGlobalCatalog = domain.globalCatalogs.includes(name);
    this.#databases = ground.databases;
    this.#surroundings = {
      seed: ground.seed,
      domains: ground.domains,
      databases: ground.databases,
      controllerName: name,
      unitOf: (guid) => this.#unitOf(guid),
      databaseOf: (guid) => this.database(guid) ?? ground.databaseAnywhere(guid),
      knownDatabase: (guid) => this.database(guid),
      recipient: (id) => this.recipient(id),
    };
  }

  /** Takes over what the same controller of another organisation has; states are never changed in place. */
  copyFrom(other: DomainController): void {
    for (const [id, state] of other.#recipients) this.#recipients.set(id, state);
    for (const [guid, state] of other.#units) this.#units.set(guid, state);
    for (const [guid, state] of other.#databaseStates) this.#databaseStates.set(guid, state);
    this.#surroundings.domains = other.#surroundings.domains;
    this.#surroundings.databases = other.#surroundings.databases;
    this.#unitChanges = other.#unitChanges;
    this.#databases = other.#databases;
    this.#taken = other.#taken;
    this.#lagMs = other.#lagMs;
    this.#lagSetAtMs = other.#lagSetAtMs;
    this.#clockOffsetMs = other.#clockOffsetMs;
  }

  get lagMs(): number {
    return this.#lagMs;
  }

  /** What has come by now was told with the old lag; what is under way comes with the new one, never before now. */
  setLag(lagMs: number): void {
    this.refresh();
    this.#lagMs = lagMs;
    this.#lagSetAtMs = this.#ground.clock.nowMs();
  }

  /** Its clock is ahead of the organisation's by so much from now on: it stamps what it takes by it. */
  setClockOffset(offsetMs: number): void {
    this.refresh();
    this.#clockOffsetMs = offsetMs;
  }

  /** How many of the kept writes it has taken. */
  get taken(): number {
    return this.#taken;
  }
  /** The first writes, all of them taken, are kept no more. */
  forget(count: number): void {
    this.#taken -= count;
  }

  /** Takes what is due. Cheap where nothing is. */
  refresh(): void {
    const { writes, clock } = this.#ground;
    const mayHappen = this.#ground.nextEventMs !== Number.POSITIVE_INFINITY;
    if (this.#taken >= writes.length && !mayHappen) return;
    const now = clock.nowMs();
    if (mayHappen) this.#ground.letHappen(now);
    for (;;) {
      const write = writes[this.#taken];
      if (write === undefined) return;
      const due = Math.max(write.atMs + this.#lagMs, Math.min(this.#lagSetAtMs, now));
      if (write.origin !== this.name && due > now) return;
      this.#taken += 1;
      if (write.origin !== this.name) this.apply(write, Math.max(due, write.atMs));
    }
  }

  /** Whether it has a copy of a domain, or of the configuration. */
  holds(partition: string): boolean {
    return partition === configuration || partition === this.domainName || this.isGlobalCatalog;
  }

  /** Takes one write at a point in time. */
  apply(write: DirectoryWrite, atMs: number): void {
    if (!this.holds(write.partition)) return;
    const { target, sequence } = write;
    const stamp = Math.floor((atMs + this.#clockOffsetMs) / 1000) * 1000;
    switch (target.kind) {
      case 'recipient':
        this.#recipients.set(
          target.id,
          merged(this.#recipients.get(target.id) ?? nothing, target.attributes, sequence, stamp),
        );
        this.#changedNames.mark(target.id);
        return;
      case 'unit':
        this.#units.set(
          target.guid,
          merged(this.#units.get(target.guid) ?? nothing, target.attributes, sequence, stamp),
        );
        this.#rebuildUnits();
        return;
      case 'database':
        this.#databaseStates.set(
          target.guid,
          merged(this.#databaseStates.get(target.guid) ?? nothing, target.attributes, sequence, stamp),
        );
        this.#rebuildDatabases();
        return;
    }
  }

  /** The domains of which it has a copy, with their containers as it knows them. */
  get domains(): readonly Domain[] {
    this.refresh();
    return this.#surroundings.domains.filter((domain) => this.holds(domain.name));
  }
  get databases(): readonly MailboxDatabase[] {
    this.refresh();
    return this.#databases;
  }
  database(guid: string): MailboxDatabase | undefined {
    this.refresh();
    this.#databasesByGuid ??= new Map(this.#databases.map((database) => [database.guid, database]));
    return this.#databasesByGuid.get(guid);
  }
  /** When a container was last changed here; undefined for one that never was. */
  unitChangedMs(guid: string): number | undefined {
    return this.#unitChanges.get(guid);
  }

  /** All ids are below it; those from `mailboxCount` upward were not computed. */
  get idLimit(): number {
    return this.#ground.nextId;
  }

  /** The ids of all recipients that were written to, or were no mailboxes to begin with. */
  *changedIds(): Iterable<number> {
    this.refresh();
    const { mailboxCount, others } = this.#ground;
    for (const id of this.#recipients.keys()) if (id < mailboxCount + others.length) yield id;
    for (let id = mailboxCount; id < this.#ground.nextId; id += 1)
      if (id >= mailboxCount + others.length || !this.#recipients.has(id)) yield id;
  }

  /** Those of {@link changedIds} that one name of this form may lead to. */
  changedNamed(form: NameForm, text: string): Iterable<number> {
    this.refresh();
    return this.#changedNames.candidates(form, text);
  }

  /** Whether mailbox `id` is here as it was computed. */
  isUntouched(id: number): boolean {
    return id < this.#ground.mailboxCount && !this.#recipients.has(id);
  }

  /** A recipient of any kind; undefined where there is none (any more, or yet) in this copy. */
  recipient(id: number): Recipient | undefined {
    const state = this.#recipients.size === 0 ? undefined : this.#recipients.get(id);
    const { mailboxCount, others } = this.#ground;
    if (state === undefined) {
      if (id < mailboxCount) return this.#inScope(new Mailbox(this.#surroundings, id));
      const attributes = others[id - mailboxCount];
      if (attributes === undefined) return undefined;
      return this.#inScope(this.#live(id, undefined, attributes, undefined));
    }
    if (state.isDeleted) return undefined;
    if (id < mailboxCount)
      return this.#inScope(this.#live(id, new Mailbox(this.#surroundings, id), state.attributes, state.whenChangedMs));
    const original = others[id - mailboxCount];
    // A change may come before the object it is for: nobody sees half an object.
    if (original === undefined && state.attributes.guid === undefined) return undefined;
    const attributes = original === undefined ? state.attributes : { ...original, ...state.attributes };
    return this.#inScope(this.#live(id, undefined, attributes, state.whenChangedMs));
  }

  /** A mailbox; undefined where the recipient has none. */
  mailbox(id: number): Recipient | undefined {
    const recipient = this.recipient(id);
    return recipient?.recipientClass === 'mailbox' ? recipient : undefined;
  }

  #inScope(recipient: Recipient): Recipient | undefined {
    return this.isGlobalCatalog || recipient.domain.name === this.domainName ? recipient : undefined;
  }

  #live(
    index: number,
    base: Mailbox | undefined,
    attributes: Partial<StoredAttributes>,
    whenChangedMs: number | undefined,
  ): Recipient {
    return liveRecipient({ index, surroundings: this.#surroundings, base, attributes, whenChangedMs });
  }

  #unitOf(guid: string): OrganizationalUnit {
    this.#unitsByGuid ??= new Map(
      this.#surroundings.domains.flatMap((domain) => domain.units).map((unit) => [unit.guid, unit]),
    );
    const unit = this.#unitsByGuid.get(guid);
    if (unit === undefined) throw new Error(`reading container ${guid} on ${this.name}: it is not there`);
    return unit;
  }

  #rebuildUnits(): void {
    const attributes = new Map<string, UnitAttributes>();
    for (const unit of this.#ground.domains.flatMap((domain) => domain.units))
      attributes.set(unit.guid, unitAttributes(unit));
    for (const [guid, state] of this.#units) {
      const known = { ...attributes.get(guid), ...state.attributes };
      if (known.guid !== undefined) attributes.set(guid, known as UnitAttributes);
    }
    this.#surroundings.domains = this.#ground.domains.map((domain) => rebuiltDomain(domain, attributes));
    this.#unitsByGuid = undefined;
    this.#unitChanges = new Map(
      [...this.#units].flatMap(([guid, { whenChangedMs }]) =>
        whenChangedMs === undefined ? [] : [[guid, whenChangedMs] as const],
      ),
    );
  }

  #rebuildDatabases(): void {
    const live = (base: MailboxDatabase | undefined, state: State<DatabaseAttributes>): MailboxDatabase | undefined => {
      const known = { ...base, ...state.attributes };
      if (known.guid === undefined || known.name === undefined) return undefined;
      return {
        ...(known as DatabaseAttributes),
        mounted: base?.mounted ?? false,
        distinguishedName: databaseDn(known.name),
        whenChangedMs: state.whenChangedMs ?? known.whenCreatedMs ?? 0,
      };
    };
    const places = this.#ground.databases.map((base) => {
      const state = this.#databaseStates.get(base.guid);
      return state === undefined ? base : (live(base, state) as MailboxDatabase);
    });
    const known = new Set(places.map((database) => database.guid));
    const made = [...this.#databaseStates]
      .filter(([guid]) => !known.has(guid))
      .flatMap(([, state]) => live(undefined, state) ?? []);
    // Computed mailboxes find their database by its place, which a removed one keeps.
    this.#surroundings.databases = places;
    this.#databases = [...places, ...made].filter(
      (database) => this.#databaseStates.get(database.guid)?.isDeleted !== true,
    );
    this.#databasesByGuid = undefined;
  }
}

/** What a container is made of. */
export function unitAttributes(unit: OrganizationalUnit): UnitAttributes {
  const parent = unit.domain.units.find(
    (other) => other !== unit && unit.distinguishedName === `${rdnOf(unit)},${other.distinguishedName}`,
  );
  return {
    guid: unit.guid,
    domainName: unit.domain.name,
    parentGuid: parent?.guid,
    name: unit.name,
    isContainer: unit.isContainer,
    isDeleted: false,
  };
}

const rdnOf = (unit: { readonly name: string; readonly isContainer: boolean }): string =>
  `${unit.isContainer ? 'CN' : 'OU'}=${escapeRdn(unit.name)}`;

function rebuiltDomain(original: Domain, attributes: ReadonlyMap<string, UnitAttributes>): Domain {
  const domain = { ...original } as { -readonly [Key in keyof Domain]: Domain[Key] };
  const made = new Map<string, OrganizationalUnit>();
  const make = (unit: UnitAttributes): OrganizationalUnit => {
    const known = made.get(unit.guid);
    if (known !== undefined) return known;
    const parentAttributes = unit.parentGuid === undefined ? undefined : attributes.get(unit.parentGuid);
    const parent = parentAttributes === undefined ? undefined : make(parentAttributes);
    const result: OrganizationalUnit = {
      domain,
      canonicalName: `${parent?.canonicalName ?? original.name}/${canonicalComponent(unit.name)}`,
      distinguishedName: `${rdnOf(unit)},${parent?.distinguishedName ?? domainDn(original.name)}`,
      name: unit.name,
      guid: unit.guid,
      isContainer: unit.isContainer,
    };
    made.set(unit.guid, result);
    return result;
  };
  const all = [...attributes.values()].filter((unit) => unit.domainName === original.name);
  for (const unit of all) make(unit);
  const of = (unit: OrganizationalUnit): OrganizationalUnit => made.get(unit.guid) as OrganizationalUnit;
  domain.units = all.filter((unit) => !unit.isDeleted).map((unit) => made.get(unit.guid) as OrganizationalUnit);
  domain.staff = original.staff.map(of);
  for (const place of ['shared', 'rooms', 'users', 'partners', 'groups', 'systemObjects'] as const)
    domain[place] = of(original[place]);
  return domain;
}
