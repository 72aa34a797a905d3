/*
 * A recipient that was changed, or made, since the organisation was computed: what was written lies over the
 * computed one. What follows from other attributes (the canonical name from name and container, the kind's
 * names) is worked out anew, so that a renamed container shows in all that lies in it.
 */
import { canonicalComponent, escapeRdn } from './directory-name.ts';
import type { MailboxDatabase, OrganizationalUnit } from './forest.ts';
import { bits, rootOf } from './hash.ts';
import type { Mailbox, MailboxMove, MailboxSurroundings, Recipient, RecipientClass } from './mailbox.ts';
import { MailboxKind, type MailboxKindName } from './mailbox-kind.ts';
import type { Moment } from './moment.ts';

/** What is stored of a recipient. Sizes are bytes, undefined being `Unlimited`. */
export interface StoredAttributes {
  readonly recipientClass: RecipientClass;
  readonly kind: MailboxKindName;
  readonly name: string;
  readonly displayName: string;
  readonly samAccountName: string;
  readonly alias: string;
  readonly userPrincipalName: string;
  readonly unitGuid: string;
  readonly databaseGuid: string | undefined;
  readonly guid: string;
  readonly exchangeGuid: string;
  readonly legacyExchangeDn: string;
  readonly emailAddresses: readonly string[];
  readonly emailAddressPolicyEnabled: boolean;
  readonly accountDisabled: boolean;
  readonly isDirSynced: boolean;
  readonly antispamBypassEnabled: boolean;
  readonly deliverToMailboxAndForward: boolean;
  readonly forwardingRecipient: number | undefined;
  readonly forwardingSmtpAddress: string | undefined;
  readonly useDatabaseQuotaDefaults: boolean;
  readonly useDatabaseRetentionDefaults: boolean;
  readonly retainDeletedItemsUntilBackup: boolean;
  readonly issueWarningQuota: number | undefined;
  readonly prohibitSendQuota: number | undefined;
  readonly prohibitSendReceiveQuota: number | undefined;
  readonly recoverableItemsQuota: number | undefined;
  readonly recoverableItemsWarningQuota: number | undefined;
  readonly calendarLoggingQuota: number | undefined;
  readonly maxSendSize: number | undefined;
  readonly maxReceiveSize: number | undefined;
  readonly whenCreated: Moment;
  readonly whenMailboxCreated: Moment | undefined;
  readonly languages: readonly string[];
  readonly note: string;
  readonly customAttributes: Readonly<Record<number, string>>;
  readonly settings: Readonly<Record<string, string | number | boolean | null>>;
  readonly office: string;
  readonly hiddenFromAddressLists: boolean;
  readonly litigationHoldEnabled: boolean;
  readonly singleItemRecoveryEnabled: boolean;
  readonly linkedMasterAccount: string;
  readonly externalEmailAddress: string | undefined;
  readonly archiveGuid: string | undefined;
  readonly archiveDatabaseGuid: string | undefined;
  readonly resourceCapacity: number | undefined;
  readonly move: MailboxMove | undefined;
}

const gigabyte = 1_073_741_824;
const noGuid = '00000000-0000-0000-0000-000000000000';

/** What an account has of a mailbox when it has none; Disable-Mailbox writes all of it. */
export const noMailbox = {
  recipientClass: 'user',
  kind: 'user',
  alias: '',
  databaseGuid: undefined,
  exchangeGuid: noGuid,
  legacyExchangeDn: '',
  emailAddresses: [],
  emailAddressPolicyEnabled: false,
  antispamBypassEnabled: false,
  deliverToMailboxAndForward: false,
  forwardingRecipient: undefined,
  forwardingSmtpAddress: undefined,
  useDatabaseQuotaDefaults: true,
  useDatabaseRetentionDefaults: true,
  retainDeletedItemsUntilBackup: false,
  issueWarningQuota: undefined,
  prohibitSendQuota: undefined,
  prohibitSendReceiveQuota: undefined,
  recoverableItemsQuota: 30 * gigabyte,
  recoverableItemsWarningQuota: 20 * gigabyte,
  calendarLoggingQuota: 6 * gigabyte,
  maxSendSize: undefined,
  maxReceiveSize: undefined,
  whenMailboxCreated: undefined,
  languages: [],
  note: '',
  customAttributes: {},
  settings: {},
  hiddenFromAddressLists: false,
  litigationHoldEnabled: false,
  singleItemRecoveryEnabled: false,
  linkedMasterAccount: '',
  externalEmailAddress: undefined,
  archiveGuid: undefined,
  archiveDatabaseGuid: undefined,
  resourceCapacity: undefined,
  move: undefined,
} as const satisfies Partial<StoredAttributes>;

const blank: Omit<StoredAttributes, 'unitGuid'> = {
  ...noMailbox,
  name: '',
  displayName: '',
  samAccountName: '',
  userPrincipalName: '',
  guid: noGuid,
  accountDisabled: false,
  isDirSynced: false,
  whenCreated: { ms: 0, fraction: '' },
  office: '',
};

/** What a recipient lies in: one domain controller's copy of the directory. */
export interface RecipientSurroundings extends MailboxSurroundings {
  readonly controllerName: string;
  unitOf(guid: string): OrganizationalUnit;
  databaseOf(guid: string): MailboxDatabase;
  knownDatabase(guid: string): MailboxDatabase | undefined;
  recipient(id: number): Recipient | undefined;
}

interface Hidden {
  readonly index: number;
  readonly surroundings: RecipientSurroundings;
  readonly base: Mailbox | undefined;
  readonly attributes: Partial<StoredAttributes>;
  readonly whenChangedMs: number | undefined;
}

/** Attributes that are read as they are stored. */
const direct = [
  'recipientClass',
  'kind',
  'name',
  'displayName',
  'samAccountName',
  'alias',
  'userPrincipalName',
  'guid',
  'exchangeGuid',
  'legacyExchangeDn',
  'emailAddresses',
  'emailAddressPolicyEnabled',
  'accountDisabled',
  'isDirSynced',
  'antispamBypassEnabled',
  'deliverToMailboxAndForward',
  'forwardingRecipient',
  'forwardingSmtpAddress',
  'useDatabaseQuotaDefaults',
  'useDatabaseRetentionDefaults',
  'retainDeletedItemsUntilBackup',
  'issueWarningQuota',
  'prohibitSendQuota',
  'prohibitSendReceiveQuota',
  'recoverableItemsQuota',
  'recoverableItemsWarningQuota',
  'calendarLoggingQuota',
  'maxSendSize',
  'maxReceiveSize',
  'whenCreated',
  'whenMailboxCreated',
  'languages',
  'note',
  'customAttributes',
  'settings',
  'office',
  'hiddenFromAddressLists',
  'litigationHoldEnabled',
  'singleItemRecoveryEnabled',
  'linkedMasterAccount',
  'externalEmailAddress',
  'archiveGuid',
  'resourceCapacity',
  'move',
] as const satisfies readonly (keyof StoredAttributes & keyof Recipient)[];

const recipientTypes: Readonly<Record<RecipientClass, string>> = {
  mailbox: 'UserMailbox',
  user: 'User',
  mailUser: 'MailUser',
  remoteMailbox: 'MailUser',
  group: 'MailUniversalDistributionGroup',
  contact: 'MailContact',
  publicFolder: 'PublicFolder',
};
const otherDetails: Readonly<Record<Exclude<RecipientClass, 'mailbox' | 'user'>, readonly [string, bigint]>> = {
  mailUser: ['MailUser', 128n],
  remoteMailbox: ['RemoteUserMailbox', 2_147_483_648n],
  group: ['MailUniversalDistributionGroup', 256n],
  contact: ['MailContact', 64n],
  publicFolder: ['PublicFolder', 4_096n],
};

function detailsOf(me: Recipient): readonly [string, bigint] {
  const { recipientClass } = me;
  if (recipientClass === 'mailbox') return [MailboxKind[me.kind].details, MailboxKind[me.kind].detailsValue];
  if (recipientClass === 'user') return me.accountDisabled ? ['DisabledUser', 2_097_152n] : ['User', 65_536n];
  return otherDetails[recipientClass];
}

type Me = Recipient & { readonly hidden: Hidden };

/** What follows from other attributes. */
const derived: {
  readonly [Name in Exclude<keyof Recipient, (typeof direct)[number] | 'index' | 'noise' | 'databaseNamed'>]: (
    me: Me,
  ) => Recipient[Name];
} = {
  recipientType: (me) => recipientTypes[me.recipientClass],
  details: (me) => detailsOf(me)[0],
  detailsValue: (me) => detailsOf(me)[1],
  hiddenBehind: (me) => (me.recipientClass === 'mailbox' ? MailboxKind[me.kind].hidden : undefined),
  isSystem: (me) => me.hiddenBehind !== undefined || me.kind === 'discovery',
  domain: (me) => me.unit.domain,
  unit: ({ hidden }) => {
    const { unitGuid } = hidden.attributes;
    return unitGuid === undefined ? (hidden.base as Mailbox).unit : hidden.surroundings.unitOf(unitGuid);
  },
  database: ({ hidden }) => {
    const { databaseGuid } = hidden.attributes;
    if (databaseGuid !== undefined) return hidden.surroundings.databaseOf(databaseGuid);
    // An account without a mailbox has none; nobody asks it.
    return hidden.base?.database ?? (hidden.surroundings.databases[0] as MailboxDatabase);
  },
  canonicalName: (me) => `${me.unit.canonicalName}/${canonicalComponent(me.name)}`,
  distinguishedName: (me) => `CN=${escapeRdn(me.name)},${me.unit.distinguishedName}`,
  primarySmtpAddress: (me) => me.emailAddresses.find((address) => address.startsWith('SMTP:'))?.slice(5),
  isResource: (me) => me.kind === 'room' || me.kind === 'equipment',
  isLinked: (me) => me.kind === 'linked',
  isShared: (me) => me.kind === 'shared',
  exchangeUserAccountControl: (me) => (me.accountDisabled ? 'AccountDisabled' : 'None'),
  forwardingAddress: ({ hidden }) => {
    const { attributes, base, surroundings } = hidden;
    if (!('forwardingRecipient' in attributes)) return base?.forwardingAddress;
    return attributes.forwardingRecipient === undefined
      ? undefined
      : surroundings.recipient(attributes.forwardingRecipient)?.canonicalName;
  },
  forwardingDn: ({ hidden }) => {
    const { attributes, base, surroundings } = hidden;
    if (!('forwardingRecipient' in attributes)) return base?.forwardingDn;
    return attributes.forwardingRecipient === undefined
      ? undefined
      : surroundings.recipient(attributes.forwardingRecipient)?.distinguishedName;
  },
  whenChanged: ({ hidden }) =>
    hidden.whenChangedMs === undefined
      ? (hidden.base?.whenChanged ?? hidden.attributes.whenCreated ?? { ms: 0, fraction: '' })
      : { ms: hidden.whenChangedMs, fraction: '' },
  originatingServer: ({ hidden }) => hidden.surroundings.controllerName,
  archiveDatabase: (me) => {
    const { archiveDatabaseGuid } = me.hidden.attributes;
    if (archiveDatabaseGuid !== undefined) return me.hidden.surroundings.databaseOf(archiveDatabaseGuid);
    if (me.archiveGuid === undefined) return undefined;
    return me.hidden.base?.archiveDatabase ?? me.database;
  },
};

const realmNoise = 31;

/** Its accessors are made below, one for each attribute. */
class LiveRecipient {
  readonly index: number;
  readonly hidden: Hidden;

  constructor(hidden: Hidden) {
    this.index = hidden.index;
    this.hidden = hidden;
  }

  noise(slot: number): number {
    const { base, surroundings } = this.hidden;
    return base?.noise(slot) ?? bits(rootOf(surroundings.seed, realmNoise, this.index), 1000 + slot);
  }

  databaseNamed(guid: string): MailboxDatabase | undefined {
    return this.hidden.surroundings.knownDatabase(guid);
  }
}

for (const name of direct) {
  Object.defineProperty(LiveRecipient.prototype, name, {
    get(this: Me) {
      const { attributes, base } = this.hidden;
      if (name in attributes) return attributes[name];
      return base === undefined ? blank[name] : base[name];
    },
  });
}
for (const [name, read] of Object.entries(derived)) {
  Object.defineProperty(LiveRecipient.prototype, name, {
    get(this: Me) {
      return (read as (me: Me) => unknown)(this);
    },
  });
}

/** A recipient from what was computed and what was written; `base` is undefined for one that was made later. */
export function liveRecipient(hidden: Hidden): Recipient {
  return new LiveRecipient(hidden) as unknown as Recipient;
}
