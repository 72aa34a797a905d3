/* The organisation: what it consists of, and its mailboxes by number. */
import {
  createDatabases,
  createDomains,
  createServers,
  type Domain,
  type ExchangeServer,
  type MailboxDatabase,
  type OrganizationalUnit,
} from './forest.ts';
import { Mailbox } from './mailbox.ts';

export interface OrganizationOptions {
  /** Mailboxes over both domains, hidden ones included. */
  readonly mailboxes: number;
  readonly databases: number;
  readonly seed: number;
}

/** An organisation of mailboxes that are computed, not held: the same numbers give the same one. */
export class Organization {
  readonly mailboxCount: number;
  readonly seed: number;
  readonly domains: readonly Domain[];
  readonly servers: readonly ExchangeServer[];
  readonly databases: readonly MailboxDatabase[];

  constructor(options: OrganizationOptions) {
    this.mailboxCount = options.mailboxes;
    this.seed = options.seed;
    this.domains = createDomains(options.seed);
    this.servers = createServers(options.seed);
    this.databases = createDatabases(options.seed, options.databases, this.servers);
  }

  get rootDomain(): Domain {
    return this.domains[0] as Domain;
  }
  get units(): readonly OrganizationalUnit[] {
    return this.domains.flatMap((domain) => domain.units).filter((unit) => !unit.isContainer);
  }

  /** Mailbox `index`, from 0; the directory's own order is by index and sorted by nothing else. */
  mailbox(index: number): Mailbox {
    return new Mailbox(this, index);
  }
}
