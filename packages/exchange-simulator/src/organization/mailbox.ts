/*
 * Mailbox number `index` of an organisation, computed from the seed and the index alone. Nothing is stored:
 * a field is worked out when it is read, so a sweep that asks for GUIDs pays for GUIDs.
 */
import { canonicalComponent, escapeRdn } from './directory-name.ts';
import {
  administrativeGroup,
  type Domain,
  type MailboxDatabase,
  organizationName,
  type OrganizationalUnit,
  rootDomainName,
} from './forest.ts';
import { bits, guidAt, pick, rootOf } from './hash.ts';
import {
  firstDirSynced,
  firstDisabled,
  fixedKinds,
  kindOf,
  MailboxKind,
  type MailboxKindName,
} from './mailbox-kind.ts';
import type { Moment } from './moment.ts';
import { cities, equipment, familyNames, givenNames, plainLetters, teams } from './names.ts';
import { peculiarAddresses, peculiarDisplayNames, peculiarNotes } from './peculiarities.ts';

/** Slots of the pseudo-random numbers of one mailbox. A GUID takes four. */
const Slot = {
  kind: 0,
  domain: 1,
  unit: 2,
  database: 3,
  display: 4,
  addresses: 5,
  addressCount: 6,
  quota: 7,
  forwarding: 8,
  created: 9,
  mailboxCreated: 10,
  changed: 11,
  fraction: 12,
  flags: 13,
  notes: 14,
  team: 15,
  city: 16,
  sizes: 17,
  languages: 18,
  order: 19,
  guid: 20,
  exchangeGuid: 24,
  legacy: 28,
  archive: 32,
  policy: 36,
  resource: 37,
  upn: 38,
  controller: 39,
} as const;

/** Indices at which a peculiarity stands for certain. */
export const Peculiar = {
  displayNames: 20,
  addresses: 20,
  manyAddresses: 40,
  noAddresses: 41,
  conflictName: 42,
  commaName: 43,
  slashName: 44,
} as const;

const epochStart = Date.UTC(2012, 0, 9, 7, 0, 0);
const createdSpan = 13 * 365 * 86_400;
const lastChange = Date.UTC(2025, 5, 1, 0, 0, 0);
const gigabyte = 1_073_741_824;
const megabyte = 1_048_576;

/** What every mailbox of an organisation shares. */
export interface MailboxSurroundings {
  readonly seed: number;
  readonly domains: readonly Domain[];
  readonly databases: readonly MailboxDatabase[];
  /** The domain controller whose copy is read. */
  readonly controllerName?: string;
}

/** What kind of recipient an entry of the directory is; `user` is an account without any mail. */
export type RecipientClass = 'mailbox' | 'user' | 'mailUser' | 'remoteMailbox' | 'group' | 'contact' | 'publicFolder';

/** A recipient as it is read, whether computed or changed since. */
export type Recipient = Pick<Mailbox, keyof Mailbox>;

/** What Exchange writes to an account while its mailbox is moved. */
export interface MailboxMove {
  readonly status: 'Queued' | 'InProgress' | 'Completed' | 'Suspended' | 'Failed';
  /** GUIDs. */
  readonly sourceDatabase: string;
  readonly targetDatabase: string;
  readonly batchName: string;
  readonly suspended: boolean;
}

const noSettings: Readonly<Record<string, string | number | boolean | null>> = {};
const noCustomAttributes: Readonly<Record<number, string>> = {};
const namesCount = givenNames.length * familyNames.length;
const realmMailboxes = 1;
const kindPrefixes: Readonly<Partial<Record<MailboxKindName, string>>> = {
  monitoring: 'HealthMailbox',
  arbitration: 'SystemMailbox',
  auditLog: 'AuditLog',
};

/** A mailbox. Names are Exchange's; the values are plain (no wire shapes). */
export class Mailbox {
  readonly index: number;
  readonly kind: MailboxKindName;
  readonly #surroundings: MailboxSurroundings;
  readonly #root: number;
  #name: string | undefined;
  #sam: string | undefined;
  #addresses: readonly string[] | undefined;

  constructor(surroundings: MailboxSurroundings, index: number) {
    this.index = index;
    this.#surroundings = surroundings;
    this.#root = rootOf(surroundings.seed, realmMailboxes, index);
    this.kind = kindOf(index, bits(this.#root, Slot.kind));
  }

  #bits(slot: number): number {
    return bits(this.#root, slot);
  }

  /** 32 pseudo-random bits of this mailbox for values that are of no consequence. */
  noise(slot: number): number {
    return bits(this.#root, 1000 + slot);
  }

  get recipientClass(): RecipientClass {
    return 'mailbox';
  }
  get recipientType(): string {
    return 'UserMailbox';
  }
  get details(): string {
    return MailboxKind[this.kind].details;
  }
  get detailsValue(): bigint {
    return MailboxKind[this.kind].detailsValue;
  }
  /** The switch of Get-Mailbox without which this mailbox is not shown; `undefined` for an ordinary one. */
  get hiddenBehind(): string | undefined {
    return MailboxKind[this.kind].hidden;
  }
  get isSystem(): boolean {
    return this.hiddenBehind !== undefined || this.kind === 'discovery';
  }
  get domain(): Domain {
    const { domains } = this.#surroundings;
    const second =
      this.index === fixedKinds + 1 || (this.index > fixedKinds && !this.isSystem && this.#bits(Slot.domain) % 4 === 0);
    return (second ? domains[1] : domains[0]) as Domain;
  }
  get unit(): OrganizationalUnit {
    const { domain } = this;
    if (this.isSystem) return domain.users;
    if (this.kind === 'shared') return domain.shared;
    if (this.kind === 'room' || this.kind === 'equipment') return domain.rooms;
    return this.index === 0 ? domain.users : pick(domain.staff, this.#bits(Slot.unit));
  }
  get database(): MailboxDatabase {
    return pick(this.#surroundings.databases, this.#bits(Slot.database));
  }
  get guid(): string {
    return guidAt(this.#root, Slot.guid);
  }
  get exchangeGuid(): string {
    return guidAt(this.#root, Slot.exchangeGuid);
  }

  #personName(): { given: string; family: string; suffix: string } {
    const place = (this.index * 7919 + this.#surroundings.seed * 31) % namesCount;
    const generation = Math.floor(this.index / namesCount);
    return {
      given: givenNames[place % givenNames.length] as string,
      family: familyNames[Math.floor(place / givenNames.length)] as string,
      suffix: generation === 0 ? '' : String(generation + 1),
    };
  }

  get name(): string {
    this.#name ??= this.#makeName();
    return this.#name;
  }

  #makeName(): string {
    const { index } = this;
    switch (this.kind) {
      case 'shared':
        return `${pick(teams, this.#bits(Slot.team))} ${pick(cities, this.#bits(Slot.city))} ${index}`;
      case 'room':
        return `Room ${index} ${pick(cities, this.#bits(Slot.city))}`;
      case 'equipment':
        return `${pick(equipment, this.#bits(Slot.team))} ${index}`;
      case 'discovery':
        return `DiscoverySearchMailbox {${guidAt(this.#root, Slot.legacy)}}`
          .toUpperCase()
          .replace('DISCOVERYSEARCHMAILBOX', 'DiscoverySearchMailbox');
      case 'arbitration':
        return `SystemMailbox{${guidAt(this.#root, Slot.legacy)}}`;
      case 'publicFolder':
        return `PF Hierarchy ${index}`;
      case 'auditLog':
        return `AuditLog ${guidAt(this.#root, Slot.legacy)}`;
      case 'monitoring':
        return `HealthMailbox${guidAt(this.#root, Slot.legacy).replaceAll('-', '')}`;
      case 'user':
      case 'linked':
        return this.#makePersonName();
    }
  }

  #makePersonName(): string {
    if (this.index === 0) return 'Administrator';
    const { given, family, suffix } = this.#personName();
    const tail = suffix === '' ? '' : ` ${suffix}`;
    if (this.index === Peculiar.conflictName)
      return `${given} ${family}${tail}\nCNF:${guidAt(this.#root, Slot.legacy)}`;
    if (this.index === Peculiar.commaName) return `${family}, ${given}${tail}`;
    if (this.index === Peculiar.slashName) return `${given}/${family}${tail}`;
    return `${given} ${family}${tail}`;
  }

  get displayName(): string {
    const certain = peculiarDisplayNames[this.index - Peculiar.displayNames];
    if (certain !== undefined) return certain;
    const value = this.#bits(Slot.display);
    if (this.index > fixedKinds && value % 53 === 0) return pick(peculiarDisplayNames, value >>> 8);
    return this.kind === 'user' && value % 7 === 0 ? `${this.name} (${pick(cities, value >>> 8)})` : this.name;
  }

  get samAccountName(): string {
    this.#sam ??= this.#makeSam();
    return this.#sam;
  }

  #makeSam(): string {
    if (this.index === 0) return 'Administrator';
    if (this.kind === 'user' || this.kind === 'linked') {
      const { given, family } = this.#personName();
      const letters = (plainLetters(given).slice(0, 1) + plainLetters(family)).slice(0, 12);
      return `${letters === '' ? 'u' : letters}${this.index}`;
    }
    return `${(kindPrefixes[this.kind] ?? plainLetters(this.name.split(' ')[0] as string)).slice(0, 12)}${this.index}`;
  }

  get alias(): string {
    return this.#bits(Slot.upn) % 3 === 0 ? `${this.samAccountName}.x` : this.samAccountName;
  }
  get userPrincipalName(): string {
    const suffix = this.#bits(Slot.upn) % 11 === 0 ? 'login.example.test' : this.domain.name;
    return `${this.samAccountName}@${suffix}`;
  }
  get canonicalName(): string {
    return `${this.unit.canonicalName}/${canonicalComponent(this.name)}`;
  }
  get distinguishedName(): string {
    return `CN=${escapeRdn(this.name)},${this.unit.distinguishedName}`;
  }
  get legacyExchangeDn(): string {
    return `/o=${organizationName}/ou=${administrativeGroup}/cn=Recipients/cn=${guidAt(this.#root, Slot.legacy).replaceAll('-', '')}-${this.samAccountName}`;
  }

  /** Local part and domain of the primary address; undefined for the one mailbox without addresses. */
  get primarySmtpAddress(): string | undefined {
    if (this.index === Peculiar.noAddresses) return undefined;
    if (this.index === 0 || (this.kind !== 'user' && this.kind !== 'linked'))
      return `${this.samAccountName}@${rootDomainName}`;
    const { given, family, suffix } = this.#personName();
    const first = plainLetters(given);
    const last = plainLetters(family);
    return first === '' || last === ''
      ? `${this.samAccountName}@${this.domain.name}`
      : `${first}.${last}${suffix}@${rootDomainName}`;
  }

  /** `SMTP:` primary, `smtp:` and other types, in no order that a reader may rely on. */
  get emailAddresses(): readonly string[] {
    this.#addresses ??= this.#makeAddresses();
    return this.#addresses;
  }

  #makeAddresses(): readonly string[] {
    const primary = this.primarySmtpAddress;
    if (primary === undefined) return [];
    const sam = this.samAccountName;
    const count = this.index === Peculiar.manyAddresses ? 300 : this.#bits(Slot.addressCount) % 4;
    const others = Array.from({ length: count }, (_, n) =>
      n === 0 ? `smtp:${sam}@${this.domain.name}` : `smtp:${sam}.${n}@alt${n % 7}.${rootDomainName}`,
    );
    const value = this.#bits(Slot.addresses);
    const certain = peculiarAddresses[this.index - Peculiar.addresses];
    const extra = certain ?? (value % 5 === 0 ? pick(peculiarAddresses, value >>> 8) : []);
    for (const address of extra) others.push(address.replaceAll('ALIAS', this.alias).replaceAll('NAME', sam));
    if (`smtp:${primary}` === others[0]) others.shift();
    others.splice((value >>> 16) % (others.length + 1), 0, `SMTP:${primary}`);
    return others;
  }

  get isResource(): boolean {
    return this.kind === 'room' || this.kind === 'equipment';
  }
  get isLinked(): boolean {
    return this.kind === 'linked';
  }
  get isShared(): boolean {
    return this.kind === 'shared';
  }
  get accountDisabled(): boolean {
    return (
      this.kind !== 'user' ||
      this.index === firstDisabled ||
      (this.index > fixedKinds && this.#bits(Slot.flags) % 31 === 0)
    );
  }
  get exchangeUserAccountControl(): 'AccountDisabled' | 'None' {
    return this.accountDisabled ? 'AccountDisabled' : 'None';
  }
  get isDirSynced(): boolean {
    return (
      this.index === firstDirSynced ||
      (this.index > fixedKinds && this.kind === 'user' && (this.#bits(Slot.flags) >>> 8) % 9 === 0)
    );
  }
  get antispamBypassEnabled(): boolean {
    return (this.#bits(Slot.flags) >>> 12) % 23 === 0;
  }
  get deliverToMailboxAndForward(): boolean {
    return this.#bits(Slot.forwarding) % 22 === 0;
  }
  /** Canonical name of another recipient. */
  get forwardingAddress(): string | undefined {
    return this.#bits(Slot.forwarding) % 11 === 0
      ? `${this.domain.name}/Partners/Contact ${this.index % 97}`
      : undefined;
  }
  get forwardingSmtpAddress(): string | undefined {
    return this.#bits(Slot.forwarding) % 13 === 1 ? `smtp:forward${this.index}@partner.example` : undefined;
  }
  get useDatabaseQuotaDefaults(): boolean {
    return this.#bits(Slot.quota) % 4 !== 0;
  }
  get useDatabaseRetentionDefaults(): boolean {
    return (this.#bits(Slot.quota) >>> 4) % 9 !== 0;
  }
  get retainDeletedItemsUntilBackup(): boolean {
    return (this.#bits(Slot.quota) >>> 4) % 18 === 0;
  }

  #quota(shift: number, base: number): number | undefined {
    const value = this.#bits(Slot.quota) >>> shift;
    return this.useDatabaseQuotaDefaults ? undefined : base + (value % 40) * (gigabyte / 8);
  }
  /** Bytes; undefined is `Unlimited`. */
  get issueWarningQuota(): number | undefined {
    return this.#quota(8, 2 * gigabyte - 103 * megabyte);
  }
  get prohibitSendQuota(): number | undefined {
    return this.#quota(8, 2 * gigabyte);
  }
  get prohibitSendReceiveQuota(): number | undefined {
    return (this.#bits(Slot.quota) >>> 20) % 5 === 0 ? undefined : this.#quota(8, 2355 * megabyte);
  }
  get recoverableItemsQuota(): number | undefined {
    return this.kind === 'discovery' ? undefined : pick([30, 30, 30, 100], this.#bits(Slot.sizes)) * gigabyte;
  }
  get recoverableItemsWarningQuota(): number | undefined {
    return this.kind === 'discovery' ? undefined : pick([20, 20, 20, 90], this.#bits(Slot.sizes)) * gigabyte;
  }
  get calendarLoggingQuota(): number | undefined {
    return (this.#bits(Slot.sizes) >>> 4) % 29 === 0 ? undefined : 6 * gigabyte;
  }
  get maxSendSize(): number | undefined {
    return (this.#bits(Slot.sizes) >>> 8) % 6 === 0
      ? pick([10, 25, 35], this.#bits(Slot.sizes) >>> 12) * megabyte
      : undefined;
  }
  get maxReceiveSize(): number | undefined {
    return (this.#bits(Slot.sizes) >>> 16) % 6 === 0 ? 36_700_160 + ((this.#bits(Slot.sizes) >>> 20) % 7) : undefined;
  }

  get whenCreated(): Moment {
    return { ms: epochStart + (this.#bits(Slot.created) % createdSpan) * 1000, fraction: '' };
  }
  /** Some mailboxes of old have none. */
  get whenMailboxCreated(): Moment | undefined {
    const value = this.#bits(Slot.mailboxCreated);
    if (this.index > fixedKinds && value % 211 === 0) return undefined;
    const fraction =
      this.index > fixedKinds && this.#bits(Slot.fraction) % 20 === 0
        ? pick(['1234567', '5', '12345', '0000001'], this.#bits(Slot.fraction) >>> 8)
        : '';
    return { ms: this.whenCreated.ms + (value % 250_000) * 1000, fraction };
  }
  get whenChanged(): Moment {
    const from = this.whenCreated.ms + 250_000_000;
    const seconds = Math.max(1, Math.floor((lastChange - from) / 1000));
    return { ms: from + (this.#bits(Slot.changed) % seconds) * 1000, fraction: '' };
  }

  get originatingServer(): string {
    const { controllerName } = this.#surroundings;
    return controllerName ?? pick(this.domain.domainControllers, this.#bits(Slot.controller));
  }
  get languages(): readonly string[] {
    const value = this.#bits(Slot.languages) % 10;
    return value < 7 ? ['en-US'] : value < 9 ? ['fr-FR', 'en-US'] : [];
  }
  /** Further settings of Set-Mailbox, by the parameter's name; what is not there has its default. */
  get settings(): Readonly<Record<string, string | number | boolean | null>> {
    return noSettings;
  }
  /** CustomAttribute2 to CustomAttribute15, by number. */
  get customAttributes(): Readonly<Record<number, string>> {
    return noCustomAttributes;
  }
  get office(): string {
    return this.isResource || this.isShared ? '' : this.unit.name;
  }
  get hiddenFromAddressLists(): boolean {
    return this.isSystem;
  }
  get litigationHoldEnabled(): boolean {
    return false;
  }
  get singleItemRecoveryEnabled(): boolean {
    return false;
  }
  get linkedMasterAccount(): string {
    return this.isLinked ? `PARTNER\\${this.samAccountName}` : '';
  }
  /** Where mail to a contact, a mail user or a remote mailbox goes. */
  get externalEmailAddress(): string | undefined {
    return undefined;
  }
  /** A move under way or done, as the account's own attributes tell of it. */
  get move(): MailboxMove | undefined {
    return undefined;
  }
  /** Any database by its GUID, as the same copy of the directory has it; a link to one that is gone is gone with it. */
  databaseNamed(guid: string): MailboxDatabase | undefined {
    return this.#surroundings.databases.find((database) => database.guid === guid);
  }
  get archiveDatabase(): MailboxDatabase | undefined {
    return this.archiveGuid === undefined ? undefined : this.database;
  }
  /** The number of the recipient that `forwardingAddress` names; a computed mailbox names its contact only. */
  get forwardingRecipient(): number | undefined {
    return undefined;
  }
  /** The recipient that `forwardingAddress` names, as far as it is known apart from its name. */
  get forwardingDn(): string | undefined {
    return this.forwardingAddress === undefined
      ? undefined
      : `CN=Contact ${this.index % 97},OU=Partners,${this.domain.distinguishedName}`;
  }
  get note(): string {
    const value = this.#bits(Slot.notes);
    return value % 3 === 0 ? pick(peculiarNotes, value >>> 8) : '';
  }
  get archiveGuid(): string | undefined {
    return this.#bits(Slot.archive) % 17 === 0 ? guidAt(this.#root, Slot.archive) : undefined;
  }
  get emailAddressPolicyEnabled(): boolean {
    return this.#bits(Slot.policy) % 5 !== 0;
  }
  get resourceCapacity(): number | undefined {
    return this.kind === 'room' ? 2 + (this.#bits(Slot.resource) % 40) : undefined;
  }
}
