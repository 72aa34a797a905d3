/*
 * Changes as a test or a demonstration makes them: what an administrator, another program or the directory's
 * own tools would do, done at once and without the cmdlets' rules. Each begins on one domain controller.
 */
import { SimulatorError } from '../errors.ts';
import { type DatabaseAttributes, unitAttributesOfNew } from './directory-write.ts';
import type { DomainController } from './domain-controller.ts';
import {
  type DatabaseSettings,
  freshDatabaseSettings,
  type MailboxDatabase,
  type OrganizationalUnit,
} from './forest.ts';
import { noMailbox, type StoredAttributes } from './live-recipient.ts';
import type { Recipient, RecipientClass } from './mailbox.ts';
import type { MailboxKindName } from './mailbox-kind.ts';
import type { Organization } from './organization.ts';
import { legacyDnOf } from './other-recipients.ts';

/** A mailbox or another recipient: its GUID, or the number of a computed mailbox. */
export type RecipientReference = string | number;

/** What `setMailbox` may set. Sizes are bytes, `undefined` being `Unlimited`; `emailAddresses` is the whole list. */
export type MailboxProperties = Partial<
  Omit<
    StoredAttributes,
    | 'recipientClass'
    | 'guid'
    | 'unitGuid'
    | 'databaseGuid'
    | 'whenCreated'
    | 'forwardingRecipient'
    | 'archiveDatabaseGuid'
    | 'name'
    | 'move'
  >
>;

/** A change of the organisation. Databases go by name or GUID, containers by canonical name or GUID. */
export type OrganizationChange =
  | {
      readonly kind: 'createMailbox';
      /** Default: `New Mailbox <n>`. */
      readonly name?: string;
      /** Default: `new<n>`; the alias and the primary address follow it. */
      readonly samAccountName?: string;
      readonly mailboxKind?: MailboxKindName;
      /** Default: the root domain's `Staff`. */
      readonly organizationalUnit?: string;
      /** Default: the first database. */
      readonly database?: string;
      readonly properties?: MailboxProperties;
    }
  | {
      /** An account without mail, a contact, a group, a mail user, a remote mailbox or a public folder. */
      readonly kind: 'createRecipient';
      readonly recipientClass: Exclude<RecipientClass, 'mailbox'>;
      readonly name?: string;
      readonly samAccountName?: string;
      readonly organizationalUnit?: string;
      readonly emailAddresses?: readonly string[];
    }
  /** Gives an account a mailbox: its GUID stays, its ExchangeGuid is new. */
  | { readonly kind: 'enableMailbox'; readonly account: RecipientReference; readonly database?: string }
  | { readonly kind: 'setMailbox'; readonly mailbox: RecipientReference; readonly properties: MailboxProperties }
  | { readonly kind: 'renameMailbox'; readonly mailbox: RecipientReference; readonly name: string }
  | { readonly kind: 'moveMailbox'; readonly mailbox: RecipientReference; readonly database: string }
  | {
      readonly kind: 'moveToOrganizationalUnit';
      readonly mailbox: RecipientReference;
      readonly organizationalUnit: string;
    }
  /** The mailbox goes, the account stays. */
  | { readonly kind: 'disableMailbox'; readonly mailbox: RecipientReference }
  /** Mailbox and account go. */
  | { readonly kind: 'removeMailbox'; readonly mailbox: RecipientReference }
  | { readonly kind: 'createOrganizationalUnit'; readonly parent: string; readonly name: string }
  | { readonly kind: 'renameOrganizationalUnit'; readonly organizationalUnit: string; readonly name: string }
  | { readonly kind: 'createDatabase'; readonly name: string; readonly server?: string; readonly mounted?: boolean }
  | { readonly kind: 'renameDatabase'; readonly database: string; readonly name: string }
  | { readonly kind: 'setDatabase'; readonly database: string; readonly settings: Partial<DatabaseSettings> }
  | { readonly kind: 'mountDatabase' | 'dismountDatabase'; readonly database: string }
  /** A passive copy on a server of the availability group, which there is where `databaseCopies` is above 1. */
  | {
      readonly kind: 'addDatabaseCopy' | 'removeDatabaseCopy';
      readonly database: string;
      readonly server: string;
    }
  /** Refused while mailboxes live in it. */
  | { readonly kind: 'removeDatabase'; readonly database: string };

/** What a change was made to. */
export interface Changed {
  /** The GUID of the mailbox, account, container or database. */
  readonly guid: string;
}

function refuse(change: OrganizationChange, what: string): SimulatorError {
  return new SimulatorError('SIMULATOR_CHANGE_REFUSED', `changing the organisation (${change.kind}): ${what}`);
}

/** Makes changes that begin on one controller, or on the first one of the domain that holds the object. */
export class OrganizationEditor {
  readonly #organization: Organization;
  readonly #preferred: DomainController | undefined;
  readonly #change: OrganizationChange;

  constructor(organization: Organization, change: OrganizationChange, preferred: DomainController | undefined) {
    this.#organization = organization;
    this.#change = change;
    this.#preferred = preferred;
  }

  apply(): Changed {
    const change = this.#change;
    switch (change.kind) {
      case 'createMailbox':
        return this.#createMailbox(change);
      case 'createRecipient':
        return this.#createRecipient(change);
      case 'enableMailbox': {
        const account = this.#find(change.account, 'user');
        const database = this.#database(change.database);
        return this.#set(account, enabledMailbox(this.#organization, account, { database, kind: 'user' }));
      }
      case 'setMailbox':
        return this.#set(this.#find(change.mailbox), change.properties);
      case 'renameMailbox':
        return this.#set(this.#find(change.mailbox), { name: change.name });
      case 'moveMailbox':
        return this.#set(this.#find(change.mailbox, 'mailbox'), { databaseGuid: this.#database(change.database).guid });
      case 'moveToOrganizationalUnit': {
        const mailbox = this.#find(change.mailbox);
        const unit = this.#unit(change.organizationalUnit);
        if (unit.domain.name !== mailbox.domain.name)
          throw refuse(change, `${unit.canonicalName} lies in another domain than ${mailbox.canonicalName}`);
        return this.#set(mailbox, { unitGuid: unit.guid });
      }
      case 'disableMailbox':
        return this.#set(this.#find(change.mailbox, 'mailbox'), noMailbox);
      case 'removeMailbox':
        return this.#remove(this.#find(change.mailbox));
      case 'createOrganizationalUnit':
      case 'renameOrganizationalUnit':
        return this.#changeUnit(change);
      default:
        return this.#changeDatabase(change);
    }
  }

  #controllerOf(domainName: string): DomainController {
    const preferred = this.#preferred;
    if (preferred === undefined) return this.#organization.defaultController(domainName);
    if (preferred.domainName === domainName) return preferred;
    throw refuse(
      this.#change,
      `${preferred.name} serves ${preferred.domainName}, and the object lies in ${domainName}`,
    );
  }

  get #configuration(): DomainController {
    return this.#preferred ?? this.#organization.defaultController(this.#organization.rootDomain.name);
  }

  #find(reference: RecipientReference, wanted?: RecipientClass): Recipient {
    const found = findRecipient(this.#organization, reference, this.#preferred);
    if (found === undefined)
      throw refuse(
        this.#change,
        `there is no recipient ${reference}${this.#preferred === undefined ? '' : ` in the domain of ${this.#preferred.name}, as it knows it`}`,
      );
    if (wanted !== undefined && found.recipientClass !== wanted)
      throw refuse(this.#change, `${found.canonicalName} is a ${found.recipientClass}, and a ${wanted} is due`);
    return found;
  }

  #unit(text: string): OrganizationalUnit {
    const controllers =
      this.#preferred === undefined
        ? this.#organization.domains.map((domain) => this.#controllerOf(domain.name))
        : [this.#preferred];
    const unit = controllers
      .flatMap((controller) => controller.domains.filter((domain) => domain.name === controller.domainName))
      .flatMap((domain) => domain.units)
      .find((candidate) => candidate.guid === text || candidate.canonicalName === text);
    if (unit === undefined) throw refuse(this.#change, `there is no container ${text}`);
    return unit;
  }

  #database(text: string | undefined): MailboxDatabase {
    const { databases } = this.#configuration;
    const found =
      text === undefined ? databases[0] : databases.find(({ guid, name }) => guid === text || name === text);
    if (found === undefined) throw refuse(this.#change, `there is no database ${text ?? ''}`);
    return found;
  }

  #set(recipient: Recipient, attributes: Partial<StoredAttributes>): Changed {
    const { name } = recipient.domain;
    this.#organization.write(this.#controllerOf(name), name, { kind: 'recipient', id: recipient.index, attributes });
    return { guid: attributes.guid ?? recipient.guid };
  }

  #remove(recipient: Recipient): Changed {
    const { name } = recipient.domain;
    this.#organization.write(this.#controllerOf(name), name, {
      kind: 'recipient',
      id: recipient.index,
      attributes: { isDeleted: true },
    });
    return { guid: recipient.guid };
  }

  #create(unit: OrganizationalUnit, make: (id: number, guid: string) => Partial<StoredAttributes>): Changed {
    const id = this.#organization.newId();
    const guid = this.#organization.newGuid();
    const controller = this.#controllerOf(unit.domain.name);
    this.#organization.write(controller, unit.domain.name, { kind: 'recipient', id, attributes: make(id, guid) });
    return { guid };
  }

  #account(unit: OrganizationalUnit, guid: string, name: string, sam: string): StoredAttributes {
    return {
      ...noMailbox,
      name,
      displayName: name,
      samAccountName: sam,
      userPrincipalName: sam === '' ? '' : `${sam}@${unit.domain.name}`,
      unitGuid: unit.guid,
      guid,
      accountDisabled: false,
      isDirSynced: false,
      whenCreated: secondOf(this.#organization.clock.nowMs()),
      office: '',
    };
  }

  #createMailbox(change: OrganizationChange & { kind: 'createMailbox' }): Changed {
    const unit = this.#unit(change.organizationalUnit ?? this.#organization.rootDomain.staff[0]?.guid ?? '');
    const database = this.#database(change.database);
    return this.#create(unit, (id, guid) => {
      const sam = change.samAccountName ?? `new${id}`;
      const account = this.#account(unit, guid, change.name ?? `New Mailbox ${id}`, sam);
      const kind = change.mailboxKind ?? 'user';
      return {
        ...account,
        accountDisabled: kind !== 'user',
        ...enabledMailbox(this.#organization, { ...account, domain: unit.domain }, { database, kind }),
        ...change.properties,
      };
    });
  }

  #createRecipient(change: OrganizationChange & { kind: 'createRecipient' }): Changed {
    const unit = this.#unit(change.organizationalUnit ?? this.#organization.rootDomain.staff[0]?.guid ?? '');
    const { recipientClass } = change;
    const hasAccount = recipientClass === 'user' || recipientClass === 'mailUser' || recipientClass === 'remoteMailbox';
    return this.#create(unit, (id, guid) => {
      const word = change.samAccountName ?? `new${id}`;
      const account = this.#account(unit, guid, change.name ?? `New ${recipientClass} ${id}`, hasAccount ? word : '');
      if (recipientClass === 'user') return account;
      return {
        ...account,
        recipientClass,
        alias: word,
        legacyExchangeDn: legacyDnOf(guid, word),
        emailAddresses: change.emailAddresses ?? [`SMTP:${word}@${this.#organization.rootDomain.name}`],
        ...(recipientClass === 'group' || recipientClass === 'publicFolder'
          ? {}
          : { externalEmailAddress: `SMTP:${word}@partner.example` }),
      };
    });
  }

  #changeUnit(change: OrganizationChange & { kind: 'createOrganizationalUnit' | 'renameOrganizationalUnit' }): Changed {
    if (change.kind === 'renameOrganizationalUnit') {
      const unit = this.#unit(change.organizationalUnit);
      const { name } = unit.domain;
      this.#organization.write(this.#controllerOf(name), name, {
        kind: 'unit',
        guid: unit.guid,
        attributes: { name: change.name },
      });
      return { guid: unit.guid };
    }
    const domain = this.#organization.domains.find((candidate) => candidate.name === change.parent);
    const parent = domain === undefined ? this.#unit(change.parent) : undefined;
    const domainName = domain?.name ?? (parent as OrganizationalUnit).domain.name;
    const guid = this.#organization.newGuid();
    this.#organization.write(this.#controllerOf(domainName), domainName, {
      kind: 'unit',
      guid,
      attributes: unitAttributesOfNew({ guid, domainName, parentGuid: parent?.guid, name: change.name }),
    });
    return { guid };
  }

  #changeDatabase(
    change: OrganizationChange & {
      kind:
        | 'createDatabase'
        | 'renameDatabase'
        | 'setDatabase'
        | 'mountDatabase'
        | 'dismountDatabase'
        | 'addDatabaseCopy'
        | 'removeDatabaseCopy'
        | 'removeDatabase';
    },
  ): Changed {
    const organization = this.#organization;
    if (change.kind === 'createDatabase') {
      const server = organization.servers.find(({ name }) => name === (change.server ?? 'EX01'));
      if (server === undefined) throw refuse(change, `there is no server ${change.server ?? ''}`);
      const attributes = freshDatabase(organization, { name: change.name, server });
      organization.writeConfiguration(this.#configuration, { kind: 'database', guid: attributes.guid, attributes });
      organization.setMounted(attributes.guid, change.mounted ?? true);
      return { guid: attributes.guid };
    }
    const database = this.#database(change.database);
    const write = (attributes: Partial<DatabaseAttributes>): void =>
      organization.writeConfiguration(this.#configuration, { kind: 'database', guid: database.guid, attributes });
    switch (change.kind) {
      case 'renameDatabase':
        write({ name: change.name });
        break;
      case 'setDatabase':
        write({ settings: { ...database.settings, ...change.settings } });
        break;
      case 'mountDatabase':
      case 'dismountDatabase':
        organization.setMounted(database.guid, change.kind === 'mountDatabase');
        break;
      case 'addDatabaseCopy':
      case 'removeDatabaseCopy': {
        const server = organization.servers.find(({ name }) => name === change.server);
        if (server === undefined) throw refuse(change, `there is no server ${change.server}`);
        const isThere = database.copies.includes(server);
        const isAdded = change.kind === 'addDatabaseCopy';
        if (organization.availabilityGroup === undefined) throw refuse(change, 'there is no availability group');
        if (isAdded === isThere || server === database.server)
          throw refuse(change, `${database.name} has ${isThere ? 'a' : 'no'} passive copy on ${server.name}`);
        write({ copies: isAdded ? [...database.copies, server] : database.copies.filter((each) => each !== server) });
        break;
      }
      case 'removeDatabase': {
        const tenant = firstTenant(organization, database.guid);
        if (tenant !== undefined) throw refuse(change, `${database.name} holds the mailbox of ${tenant.canonicalName}`);
        write({ isDeleted: true });
        break;
      }
    }
    return { guid: database.guid };
  }
}

/** The first recipient whose mailbox or archive lies in a database, by the copy of the global catalog. */
export function firstTenant(organization: Organization, databaseGuid: string): Recipient | undefined {
  const catalog = organization.defaultCatalog;
  for (let id = 0; id < catalog.idLimit; id += 1) {
    const mailbox = catalog.mailbox(id);
    if (mailbox?.database.guid === databaseGuid || mailbox?.archiveDatabase?.guid === databaseGuid) return mailbox;
  }
  return undefined;
}

/** A recipient by GUID or number: as the preferred controller has it, else as the first of its own domain. */
export function findRecipient(
  organization: Organization,
  reference: RecipientReference,
  preferred?: DomainController,
): Recipient | undefined {
  const wanted = typeof reference === 'string' ? reference.toLowerCase() : reference;
  const controllers =
    preferred === undefined
      ? organization.domains.map((domain) => organization.defaultController(domain.name))
      : [preferred];
  for (const controller of controllers) {
    const own = (id: number): Recipient | undefined => {
      const found = controller.recipient(id);
      return found?.domain.name === controller.domainName ? found : undefined;
    };
    if (typeof wanted === 'number') {
      const found = own(wanted);
      if (found !== undefined) return found;
      continue;
    }
    controller.refresh();
    for (const ids of [organization.index.candidates('guid', wanted), controller.changedIds()]) {
      for (const id of ids) {
        const found = own(id);
        if (found?.guid === wanted) return found;
      }
    }
  }
  return undefined;
}

/** A point in time as the directory holds it: whole seconds. */
export function secondOf(ms: number): { readonly ms: number; readonly fraction: string } {
  return { ms: Math.floor(ms / 1000) * 1000, fraction: '' };
}

/** A new database's attributes. */
export function freshDatabase(
  organization: Organization,
  made: { name: string; server: DatabaseAttributes['server']; settings?: Partial<DatabaseSettings> },
): DatabaseAttributes {
  return {
    guid: organization.newGuid(),
    index: organization.newId(),
    name: made.name,
    server: made.server,
    copies: [],
    sizeBytes: 134_217_728,
    whenCreatedMs: secondOf(organization.clock.nowMs()).ms,
    settings: { ...freshDatabaseSettings(made.name), ...made.settings },
    isDeleted: false,
  };
}

/** What an account is given with a mailbox; its own attributes stay. */
export function enabledMailbox(
  organization: Organization,
  account: Pick<Recipient, 'guid' | 'samAccountName' | 'name'> & { readonly domain: { readonly name: string } },
  made: { database: MailboxDatabase; kind: MailboxKindName; alias?: string; primarySmtpAddress?: string },
): Partial<StoredAttributes> {
  const alias = made.alias ?? account.samAccountName;
  const primary = made.primarySmtpAddress ?? `${alias}@${organization.rootDomain.name}`;
  return {
    ...noMailbox,
    recipientClass: 'mailbox',
    kind: made.kind,
    alias,
    databaseGuid: made.database.guid,
    exchangeGuid: organization.newGuid(),
    legacyExchangeDn: legacyDnOf(organization.newGuid(), alias),
    emailAddresses: [`SMTP:${primary}`],
    emailAddressPolicyEnabled: made.primarySmtpAddress === undefined,
    whenMailboxCreated: secondOf(organization.clock.nowMs()),
  };
}
