/* The organisation as a test or a demonstration holds it: what it truly is, its time, and changes to it. */
import { SimulatorError } from '../errors.ts';
import { type Changed, type OrganizationChange, OrganizationEditor } from './change.ts';
import type { ClockStart, OrganizationClock } from './clock.ts';
import type { DomainController } from './domain-controller.ts';
import type { Recipient } from './mailbox.ts';
import type { MoveTiming } from './move-requests.ts';
import { Organization } from './organization.ts';
import { truthOf, type TruthValue } from './truth.ts';

/** How an organisation is to be. */
export interface TestOrganizationOptions {
  /** Mailboxes over both domains, hidden ones included; default 3000. */
  readonly mailboxes?: number;
  /** Mailbox databases; default 6. */
  readonly databases?: number;
  /**
   * Copies of each database, the active one included, from 1 (default) to 3. Above 1 the servers are an availability
   * group.
   */
  readonly databaseCopies?: number;
  /** Seed; default 1. The same numbers give the same organisation. */
  readonly seed?: number;
  /** Accounts without a mailbox, over both domains; default 40. */
  readonly users?: number;
  /** How long moves of mailboxes take, on the clock; default 5 s in the queue, 55 s copying. */
  readonly moveTiming?: MoveTiming;
  /** `real` (default), or a clock that stands still until it is advanced. */
  readonly clock?: ClockStart;
}

/** A mailbox as one domain controller has it. Nothing of it has been on the wire. */
export interface MailboxTruth {
  readonly guid: string;
  readonly domain: string;
  /** The switch of Get-Mailbox without which it is not shown, if any. */
  readonly hiddenBehind: string | undefined;
  /**
   * The 44 properties of the export by name: text (GUIDs in lower case, times in UTC with `Z`, sizes as Exchange
   * writes them), Booleans, null, or lists of text in the directory's order.
   */
  readonly properties: Readonly<Record<string, TruthValue>>;
}

/** What one domain controller has at this moment. */
export interface DirectoryTruth {
  /** All mailboxes of the domains it holds, in the directory's order, the hidden ones too. */
  mailboxes(): Iterable<MailboxTruth>;
  /** Recipients of every other kind, accounts without mail among them. */
  others(): Iterable<{
    readonly guid: string;
    readonly recipientClass: Recipient['recipientClass'];
    readonly canonicalName: string;
    readonly samAccountName: string;
    readonly emailAddresses: readonly string[];
  }>;
  readonly databases: readonly {
    readonly name: string;
    readonly guid: string;
    readonly server: string;
    /** The servers of its passive copies. */
    readonly copies: readonly string[];
    readonly mounted: boolean;
    readonly whenChangedUtc: string;
  }[];
  readonly organizationalUnits: readonly { readonly canonicalName: string; readonly guid: string }[];
}

/** An organisation under a test's control. Give it to `startSimulator` or to `openInProcessSession`. */
export interface TestOrganization {
  /** How many mailboxes were there from the beginning; their numbers are below it. */
  readonly mailboxCount: number;
  /** The databases as the default global catalog has them. */
  readonly databases: readonly {
    readonly name: string;
    readonly guid: string;
    readonly server: string;
    readonly mounted: boolean;
  }[];
  readonly domains: readonly string[];
  readonly domainControllers: readonly {
    readonly name: string;
    readonly domain: string;
    readonly isGlobalCatalog: boolean;
    readonly lagMs: number;
  }[];
  /**
   * The properties of mailbox `index` as the first controller of its domain has them, see {@link MailboxTruth}.
   * @throws SimulatorError SIMULATOR_CHANGE_REFUSED where it is a mailbox no more
   */
  mailbox(index: number): Readonly<Record<string, TruthValue>>;
  /** Where mailbox `index` lies and what shows it: its domain, and the switch of Get-Mailbox that it needs, if any. */
  placeOf(index: number): { readonly domain: string; readonly hiddenBehind: string | undefined };
  /** All that one controller has; default: the global catalog that is asked where nobody named one. */
  truth(domainController?: string): DirectoryTruth;
  /** Lags, moves and stamps go by it. */
  readonly clock: OrganizationClock;
  /**
   * Makes a change now, on the controller named or else on the first one of the object's domain (databases: of
   * the root domain). The other controllers take it, and stamp it, when their lag has passed.
   * @throws SimulatorError SIMULATOR_CHANGE_REFUSED
   */
  change(change: OrganizationChange, options?: { readonly domainController?: string }): Changed;
  /** The same organisation as it is now, clock and all; what happens to one of the two later does not happen to the other. */
  fork(): TestOrganization;
  /**
   * Takes a controller away for good: it answers nobody any more.
   * @throws SimulatorError SIMULATOR_CHANGE_REFUSED where it is the last of its domain
   */
  retireDomainController(domainController: string): void;
  /** How long a controller takes to hear of what others wrote; 0 at first. `Infinity` cuts it off. */
  setReplicationLag(domainController: string, ms: number): void;
  /**
   * By how much the clock of a controller is ahead of the organisation's (behind it where negative), from now on; 0 at
   * first. It stamps `WhenChangedUTC` by it; when a change comes to it is not touched by that.
   */
  setClockOffset(domainController: string, ms: number): void;
}

/** What an organisation holds, for comparison. */
export type OrganizationTruth = Pick<
  TestOrganization,
  'mailboxCount' | 'databases' | 'domains' | 'mailbox' | 'placeOf'
>;

const inner = new WeakMap<TestOrganization, Organization>();

/** What stands behind a controlled organisation. */
export function organizationBehind(control: TestOrganization): Organization {
  const organization = inner.get(control);
  if (organization === undefined)
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      'starting the simulator: the organization was not made by createTestOrganization',
    );
  return organization;
}

function requireCount(name: string, value: number, least: number, most: number): number {
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new SimulatorError(
    'SIMULATOR_OPTION_INVALID',
    `making an organisation: ${name} is ${value}; allowed are whole numbers from ${least} to ${most}`,
  );
}

function requireController(organization: Organization, name: string): DomainController {
  const controller = organization.controller(name);
  if (controller !== undefined) return controller;
  const names = organization.controllers.map((known) => known.name).join(', ');
  throw new SimulatorError('SIMULATOR_CHANGE_REFUSED', `there is no domain controller ${name}; there are ${names}`);
}

function mailboxTruth(mailbox: Recipient): MailboxTruth {
  return {
    guid: mailbox.guid,
    domain: mailbox.domain.name,
    hiddenBehind: mailbox.hiddenBehind,
    properties: truthOf(mailbox),
  };
}

function truthAt(organization: Organization, controller: DomainController): DirectoryTruth {
  return {
    *mailboxes() {
      controller.refresh();
      for (let id = 0; id < controller.idLimit; id += 1) {
        const mailbox = controller.mailbox(id);
        if (mailbox !== undefined) yield mailboxTruth(mailbox);
      }
    },
    *others() {
      controller.refresh();
      for (const id of controller.changedIds()) {
        const found = controller.recipient(id);
        if (found === undefined || found.recipientClass === 'mailbox') continue;
        const { guid, recipientClass, canonicalName, samAccountName, emailAddresses } = found;
        yield { guid, recipientClass, canonicalName, samAccountName, emailAddresses };
      }
    },
    databases: databasesAt(organization, controller),
    organizationalUnits: controller.domains
      .flatMap((domain) => domain.units)
      .filter((unit) => !unit.isContainer)
      .map(({ canonicalName, guid }) => ({ canonicalName, guid })),
  };
}

function databasesAt(organization: Organization, controller: DomainController): DirectoryTruth['databases'] {
  return controller.databases.map((database) => ({
    name: database.name,
    guid: database.guid,
    server: database.server.name,
    copies: database.copies.map(({ name }) => name),
    mounted: organization.isMounted(database),
    whenChangedUtc: new Date(database.whenChangedMs).toISOString().replace('.000Z', 'Z'),
  }));
}

/** Mailbox `index` on the first controller of its domain. */
function numbered(organization: Organization, index: number): Recipient {
  for (const domain of organization.domains) {
    const controller = organization.defaultController(domain.name);
    controller.refresh();
    const found = controller.mailbox(index);
    if (found?.domain.name === domain.name) return found;
  }
  throw new SimulatorError('SIMULATOR_CHANGE_REFUSED', `reading mailbox ${index}: there is none of that number`);
}

/** The control of an organisation. */
export function controlOf(organization: Organization): TestOrganization {
  const { clock, mailboxCount } = organization;
  const control: TestOrganization = {
    mailboxCount,
    clock,
    get databases() {
      return databasesAt(organization, organization.defaultCatalog);
    },
    domains: organization.domains.map((domain) => domain.name),
    get domainControllers() {
      return organization.controllers.map(({ name, domainName, isGlobalCatalog, lagMs }) => ({
        name,
        domain: domainName,
        isGlobalCatalog,
        lagMs,
      }));
    },
    mailbox: (index) => truthOf(numbered(organization, index)),
    placeOf: (index) => {
      const { domain, hiddenBehind } = numbered(organization, index);
      return { domain: domain.name, hiddenBehind };
    },
    truth: (name) =>
      truthAt(organization, name === undefined ? organization.defaultCatalog : requireController(organization, name)),
    change: (change, options) => {
      const name = options?.domainController;
      const controller = name === undefined ? undefined : requireController(organization, name);
      return new OrganizationEditor(organization, change, controller).apply();
    },
    fork: () => controlOf(organization.fork()),
    retireDomainController: (name) => {
      const controller = requireController(organization, name);
      const left = organization.controllers.filter((each) => each !== controller);
      if (!left.some(({ domainName }) => domainName === controller.domainName))
        throw new SimulatorError('SIMULATOR_CHANGE_REFUSED', `retiring ${name}: it is the last one of its domain`);
      organization.retire(controller);
    },
    setReplicationLag: (name, ms) => {
      if (Number.isNaN(ms) || ms < 0) {
        throw new SimulatorError(
          'SIMULATOR_CHANGE_REFUSED',
          `setting the lag of ${name} to ${ms}: milliseconds from 0 upward are due`,
        );
      }
      requireController(organization, name).setLag(ms);
    },
    setClockOffset: (name, ms) => {
      if (!Number.isFinite(ms))
        throw new SimulatorError(
          'SIMULATOR_CHANGE_REFUSED',
          `setting the clock of ${name} to be ${ms} ahead: milliseconds are due`,
        );
      requireController(organization, name).setClockOffset(ms);
    },
  };
  inner.set(control, organization);
  return control;
}

/**
 * Makes an organisation that a test controls: its clock, its changes, the lag of its domain controllers.
 * @throws SimulatorError SIMULATOR_OPTION_INVALID
 */
export function createTestOrganization(options: TestOrganizationOptions = {}): TestOrganization {
  return controlOf(
    new Organization({
      mailboxes: requireCount('mailboxes', options.mailboxes ?? 3000, 0, 10_000_000),
      databases: requireCount('databases', options.databases ?? 6, 1, 10_000),
      databaseCopies: requireCount('databaseCopies', options.databaseCopies ?? 1, 1, 3),
      seed: requireCount('seed', options.seed ?? 1, 0, 2_147_483_647),
      users: requireCount('users', options.users ?? 40, 0, 100_000),
      ...(options.clock === undefined ? {} : { clock: options.clock }),
      ...(options.moveTiming === undefined ? {} : { moveTiming: options.moveTiming }),
    }),
  );
}
