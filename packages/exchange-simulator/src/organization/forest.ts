/* The fixed part of the organisation: two domains of one forest, their containers, controllers and servers. */
import { canonicalComponent, domainDn, escapeRdn } from './directory-name.ts';
import { guidAt, rootOf } from './hash.ts';

/** A container of users in a domain. */
export interface OrganizationalUnit {
  readonly domain: Domain;
  /** `example.test/Staff/Paris` */
  readonly canonicalName: string;
  readonly distinguishedName: string;
  readonly name: string;
  readonly guid: string;
  /** `Users` is a container, not an organisational unit: `Get-OrganizationalUnit` leaves it out. */
  readonly isContainer: boolean;
}

export interface Domain {
  readonly name: string;
  readonly netBiosName: string;
  readonly distinguishedName: string;
  readonly domainControllers: readonly string[];
  /** Those of its controllers that hold a copy of every domain besides their own. */
  readonly globalCatalogs: readonly string[];
  readonly units: readonly OrganizationalUnit[];
  /** Where accounts, shared mailboxes, rooms and system mailboxes lie: indices into `units`. */
  readonly staff: readonly OrganizationalUnit[];
  readonly shared: OrganizationalUnit;
  readonly rooms: OrganizationalUnit;
  readonly users: OrganizationalUnit;
  /** Where contacts, groups and mail-enabled public folders lie. */
  readonly partners: OrganizationalUnit;
  readonly groups: OrganizationalUnit;
  readonly systemObjects: OrganizationalUnit;
}

export const organizationName = 'First Organization';
export const administrativeGroup = 'Exchange Administrative Group (FYDIBOHF23SPDLT)';
export const rootDomainName = 'example.test';
const realmUnits = 11;

function unit(domain: { name: string }, seed: number, index: number, path: readonly string[], isContainer: boolean) {
  const kind = isContainer ? 'CN' : 'OU';
  return {
    canonicalName: [domain.name, ...path.map(canonicalComponent)].join('/'),
    distinguishedName: [...path.toReversed().map((part) => `${kind}=${escapeRdn(part)}`), domainDn(domain.name)].join(
      ',',
    ),
    name: path.at(-1) as string,
    guid: guidAt(rootOf(seed, realmUnits, index), 0),
    isContainer,
  };
}

const layouts = [
  {
    name: rootDomainName,
    netBiosName: 'EXAMPLE',
    domainControllers: ['dc01.example.test', 'dc02.example.test'],
    globalCatalogs: ['dc01.example.test', 'dc02.example.test'],
    staff: [
      ['Staff'],
      ['Staff', 'Paris'],
      ['Staff', 'Zürich'],
      ['Staff', 'R&D, Labs'],
      ['Staff', '東京'],
      ['Staff', 'Legal/Risk'],
    ],
  },
  {
    name: `emea.${rootDomainName}`,
    netBiosName: 'EMEA',
    domainControllers: ['dc01.emea.example.test', 'dc02.emea.example.test'],
    globalCatalogs: ['dc01.emea.example.test'],
    staff: [['Staff'], ['Staff', 'Stockholm'], ['Staff', 'Kraków'], ['Staff', 'Externals = Partners']],
  },
];

/** The two domains, the forest's root first. */
export function createDomains(seed: number): readonly Domain[] {
  let serial = 0;
  return layouts.map((layout, number) => {
    const domain = { ...layout, distinguishedName: domainDn(layout.name) } as unknown as {
      -readonly [Key in keyof Domain]: Domain[Key];
    };
    const make = (path: readonly string[], isContainer = false): OrganizationalUnit => {
      serial += 1;
      return { domain, ...unit(layout, seed, serial, path, isContainer) };
    };
    const makeLate = (path: readonly string[], place: number, isContainer = false): OrganizationalUnit => ({
      domain,
      ...unit(layout, seed, 1_000 + number * 100 + place, path, isContainer),
    });
    domain.staff = layout.staff.map((path) => make(path));
    domain.shared = make(['Shared']);
    domain.rooms = make(['Resources', 'Rooms']);
    domain.users = make(['Users'], true);
    const resources = make(['Resources']);
    domain.partners = makeLate(['Partners'], 0);
    domain.groups = makeLate(['Groups'], 1);
    domain.systemObjects = makeLate(['Microsoft Exchange System Objects'], 2, true);
    domain.units = [
      ...domain.staff,
      domain.shared,
      resources,
      domain.rooms,
      domain.users,
      domain.partners,
      domain.groups,
      domain.systemObjects,
    ];
    return domain;
  });
}

/** An Exchange server; all of them stand in the forest's root domain. */
export interface ExchangeServer {
  readonly index: number;
  readonly name: string;
  readonly fqdn: string;
  readonly guid: string;
  readonly legacyDn: string;
  readonly distinguishedName: string;
  readonly version: string;
  readonly whenCreatedMs: number;
  readonly whenChangedMs: number;
}

/** DN of the forest's configuration container for Exchange. */
export function configurationDn(): string {
  return `CN=${organizationName},CN=Microsoft Exchange,CN=Services,CN=Configuration,${domainDn(rootDomainName)}`;
}

export function createServers(seed: number): readonly ExchangeServer[] {
  return ['EX01', 'EX02', 'EX03'].map((name, index) => ({
    index,
    name,
    fqdn: `${name.toLowerCase()}.${rootDomainName}`,
    guid: guidAt(rootOf(seed, 12, index), 0),
    legacyDn: `/o=${organizationName}/ou=${administrativeGroup}/cn=Configuration/cn=Servers/cn=${name}`,
    distinguishedName: `CN=${name},CN=Servers,CN=${administrativeGroup},CN=Administrative Groups,${configurationDn()}`,
    version: 'Version 15.1 (Build 2507.6)',
    whenCreatedMs: Date.UTC(2016, 5, 1 + index, 8, 30, 12),
    whenChangedMs: Date.UTC(2025, 2, 3 + index, 22, 5, 41),
  }));
}

/** The group of the servers, where databases have copies. */
export interface AvailabilityGroup {
  readonly name: string;
  readonly guid: string;
  readonly distinguishedName: string;
}

export function createAvailabilityGroup(seed: number): AvailabilityGroup {
  const name = 'DAG01';
  return {
    name,
    guid: guidAt(rootOf(seed, 16, 0), 0),
    distinguishedName: `CN=${name},CN=Database Availability Groups,CN=${administrativeGroup},CN=Administrative Groups,${configurationDn()}`,
  };
}

/** A mailbox database. */
export interface MailboxDatabase {
  readonly index: number;
  readonly name: string;
  readonly guid: string;
  /** The server of the active copy. */
  readonly server: ExchangeServer;
  /** The servers of its passive copies, in the order of their activation preference. */
  readonly copies: readonly ExchangeServer[];
  readonly mounted: boolean;
  readonly distinguishedName: string;
  readonly whenCreatedMs: number;
  readonly whenChangedMs: number;
  readonly sizeBytes: number;
  readonly settings: DatabaseSettings;
}

/** What Set-MailboxDatabase sets. Quotas in bytes, undefined being `Unlimited`; retention in days. */
export interface DatabaseSettings {
  readonly issueWarningQuota: number | undefined;
  readonly prohibitSendQuota: number | undefined;
  readonly prohibitSendReceiveQuota: number | undefined;
  readonly recoverableItemsQuota: number | undefined;
  readonly recoverableItemsWarningQuota: number | undefined;
  readonly calendarLoggingQuota: number | undefined;
  readonly deletedItemRetentionDays: number;
  readonly mailboxRetentionDays: number;
  readonly retainDeletedItemsUntilBackup: boolean;
  readonly circularLoggingEnabled: boolean;
  readonly mountAtStartup: boolean;
  readonly isExcludedFromProvisioning: boolean;
  readonly isExcludedFromInitialProvisioning: boolean;
  readonly isSuspendedFromProvisioning: boolean;
  readonly allowFileRestore: boolean;
  readonly backgroundDatabaseMaintenance: boolean;
  readonly eventHistoryRetentionDays: number;
  readonly journalRecipient: string | undefined;
  readonly offlineAddressBook: string | undefined;
  readonly indexEnabled: boolean;
  readonly recovery: boolean;
  readonly edbFilePath: string;
  readonly logFolderPath: string;
}

const gigabyte = 1_073_741_824;
const megabyte = 1_048_576;

/** What a new database begins with. */
export function freshDatabaseSettings(name: string): DatabaseSettings {
  const folder = `C:\\Program Files\\Microsoft\\Exchange Server\\V15\\Mailbox\\${name}`;
  return {
    issueWarningQuota: 1945 * megabyte,
    prohibitSendQuota: 2 * gigabyte,
    prohibitSendReceiveQuota: 2355 * megabyte,
    recoverableItemsQuota: 30 * gigabyte,
    recoverableItemsWarningQuota: 20 * gigabyte,
    calendarLoggingQuota: 6 * gigabyte,
    deletedItemRetentionDays: 14,
    mailboxRetentionDays: 30,
    retainDeletedItemsUntilBackup: false,
    circularLoggingEnabled: false,
    mountAtStartup: true,
    isExcludedFromProvisioning: false,
    isExcludedFromInitialProvisioning: false,
    isSuspendedFromProvisioning: false,
    allowFileRestore: false,
    backgroundDatabaseMaintenance: true,
    eventHistoryRetentionDays: 7,
    journalRecipient: undefined,
    offlineAddressBook: undefined,
    indexEnabled: true,
    recovery: false,
    edbFilePath: `${folder}\\${name}.edb`,
    logFolderPath: folder,
  };
}

/** A database's distinguished name. */
export function databaseDn(name: string): string {
  return `CN=${escapeRdn(name)},CN=Databases,CN=${administrativeGroup},CN=Administrative Groups,${configurationDn()}`;
}

/** @param copies of each database, the active one included: each on a server of its own */
export function createDatabases(
  seed: number,
  count: number,
  servers: readonly ExchangeServer[],
  copies = 1,
): readonly MailboxDatabase[] {
  const digits = Math.max(2, String(count).length);
  return Array.from({ length: count }, (_, index) => {
    const name = `DB${String(index + 1).padStart(digits, '0')}`;
    const root = rootOf(seed, 13, index);
    return {
      index,
      name,
      guid: guidAt(root, 0),
      server: servers[index % servers.length] as ExchangeServer,
      copies: Array.from(
        { length: copies - 1 },
        (_, place) => servers[(index + 1 + place) % servers.length] as ExchangeServer,
      ),
      // One that is not mounted, where there are enough of them to spare one.
      mounted: !(count >= 4 && index === count - 1),
      distinguishedName: databaseDn(name),
      whenCreatedMs: Date.UTC(2016, 6, 1 + (index % 28), 10, index % 60, 5),
      whenChangedMs: Date.UTC(2025, 4, 1 + (index % 28), 3, index % 60, 9),
      sizeBytes: (40 + (index % 50)) * gigabyte,
      settings: { ...freshDatabaseSettings(name), circularLoggingEnabled: index % 3 === 2 },
    };
  });
}
