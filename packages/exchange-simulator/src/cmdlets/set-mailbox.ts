/*
 * Set-Mailbox: what it takes, and the rules that hold. All of them are checked before anything is written; the
 * write is one, on one domain controller.
 * https://learn.microsoft.com/powershell/module/exchangepowershell/set-mailbox
 */
import type { StoredAttributes } from '../organization/live-recipient.ts';
import type { Recipient } from '../organization/mailbox.ts';
import type { MailboxKindName } from '../organization/mailbox-kind.ts';
import { policyAddress, requireFree } from './address-holders.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission, Parameter } from './cmdlet.ts';
import { ErrorCategory } from './command-failure.ts';
import { confirmed, continued } from './confirmation.ts';
import { candidateIds } from './mailbox-identity.ts';
import {
  AddressError,
  changedList,
  checkSmtpAddress,
  isPrimary,
  madePrimary,
  parseProxyAddress,
  typeOf,
} from './proxy-addresses.ts';
import { findOne, findToWrite, type Found, taskFailure } from './recipient-lookup.ts';
import type { Asking } from './recipient-scope.ts';
import {
  aliasFault,
  booleanParameter,
  idParameter,
  quotaDisorder,
  sizeParameter,
  switchParameter,
  targetParameter,
  textParameter,
  writeParameters,
} from './write-parameters.ts';

const taskClass = 'Microsoft.Exchange.Management.RecipientTasks.SetMailbox';
const who: Asking = { name: 'Set-Mailbox', taskClass };

type Draft = { -readonly [Key in keyof StoredAttributes]?: StoredAttributes[Key] };

/** Parameters that set an attribute as it is. */
const flags = {
  UseDatabaseRetentionDefaults: 'useDatabaseRetentionDefaults',
  RetainDeletedItemsUntilBackup: 'retainDeletedItemsUntilBackup',
  DeliverToMailboxAndForward: 'deliverToMailboxAndForward',
  AntispamBypassEnabled: 'antispamBypassEnabled',
  UseDatabaseQuotaDefaults: 'useDatabaseQuotaDefaults',
  AccountDisabled: 'accountDisabled',
  HiddenFromAddressListsEnabled: 'hiddenFromAddressLists',
  EmailAddressPolicyEnabled: 'emailAddressPolicyEnabled',
  SingleItemRecoveryEnabled: 'singleItemRecoveryEnabled',
  LitigationHoldEnabled: 'litigationHoldEnabled',
} as const;
const sizes = {
  IssueWarningQuota: 'issueWarningQuota',
  ProhibitSendQuota: 'prohibitSendQuota',
  ProhibitSendReceiveQuota: 'prohibitSendReceiveQuota',
  RecoverableItemsQuota: 'recoverableItemsQuota',
  RecoverableItemsWarningQuota: 'recoverableItemsWarningQuota',
  CalendarLoggingQuota: 'calendarLoggingQuota',
  MaxSendSize: 'maxSendSize',
  MaxReceiveSize: 'maxReceiveSize',
} as const;
const texts = {
  DisplayName: 'displayName',
  Name: 'name',
  Office: 'office',
  Alias: 'alias',
  UserPrincipalName: 'userPrincipalName',
  SamAccountName: 'samAccountName',
} as const;
const policies: Readonly<Record<string, readonly string[]>> = {
  RetentionPolicy: ['Default MRM Policy', 'ArbitrationMailbox'],
  AddressBookPolicy: ['Staff', 'Partners'],
  SharingPolicy: ['Default Sharing Policy'],
  RoleAssignmentPolicy: ['Default Role Assignment Policy'],
};
const kinds: Readonly<Record<string, MailboxKindName>> = {
  Regular: 'user',
  Room: 'room',
  Equipment: 'equipment',
  Shared: 'shared',
};
const customAttributes = Array.from({ length: 15 }, (_, place) => `CustomAttribute${place + 1}`);
const hidden = ['Arbitration', 'AuditLog', 'Monitoring', 'PublicFolder', 'Migration', 'GroupMailbox'];
/** The directory's upper ranges. */
const longest: Readonly<Record<string, number>> = {
  Name: 64,
  DisplayName: 256,
  Office: 128,
  SamAccountName: 256,
  UserPrincipalName: 1_024,
  SimpleDisplayName: 256,
  MailTip: 1_000,
};
/** These must not be empty. */
const needed = new Set(['Name', 'Alias', 'UserPrincipalName', 'SamAccountName']);

const parameters: readonly Parameter[] = [
  targetParameter('MailboxIdParameter'),
  ...Object.keys(flags).map(booleanParameter),
  ...Object.keys(sizes).map(sizeParameter),
  ...Object.keys(texts).map(textParameter),
  ...Object.keys(policies).map((name) => idParameter(name, 'MailboxPolicyIdParameter')),
  ...customAttributes.map(textParameter),
  booleanParameter('RequireSenderAuthenticationEnabled'),
  textParameter('SimpleDisplayName'),
  textParameter('MailTip'),
  { name: 'RetainDeletedItemsFor', type: { kind: 'timeSpan' }, dotNetType: 'Microsoft.Exchange.Data.EnhancedTimeSpan' },
  textParameter('RecipientLimits'),
  { name: 'ResourceCapacity', type: { kind: 'integer' } },
  idParameter('ForwardingAddress', 'RecipientIdParameter'),
  { name: 'ForwardingSmtpAddress', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.ProxyAddress' },
  {
    name: 'EmailAddresses',
    type: { kind: 'addresses' },
    dotNetType: 'Microsoft.Exchange.Data.ProxyAddressCollection',
  },
  { name: 'PrimarySmtpAddress', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.SmtpAddress' },
  { name: 'WindowsEmailAddress', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.SmtpAddress' },
  {
    name: 'Type',
    type: {
      kind: 'enum',
      type: 'Microsoft.Exchange.Data.Directory.Recipient.ConvertibleMailboxSubType',
      values: Object.keys(kinds),
    },
  },
  idParameter('LinkedMasterAccount', 'UserIdParameter'),
  ...hidden.map((name) => switchParameter(name)),
  switchParameter('Force'),
  switchParameter('ApplyMandatoryProperties'),
  switchParameter('IgnoreDefaultScope'),
  ...writeParameters,
];

/** The words of the warning about a primary address that the policy keeps. */
export const policyKeepsPrimary =
  "Couldn't update the primary SMTP address because this mailbox is configured to use an email address policy. To disable the email address policy for this mailbox, run the command with the EmailAddressPolicyEnabled parameter set to $false.";

const forwardsTwice =
  'The mailbox has a ForwardingSmtpAddress and a ForwardingAddress then, of which ForwardingAddress counts. Do you want to continue?';

/** Whether a command may touch a recipient: a mailbox, and a hidden one only with its switch. */
export function isShownMailbox(args: BoundArguments): (recipient: Recipient) => boolean {
  return (recipient) =>
    recipient.recipientClass === 'mailbox' &&
    (recipient.hiddenBehind === undefined || args.flag(recipient.hiddenBehind));
}

/** A mailbox to write; a recipient of another kind is told apart from none. */
export function findMailbox(context: CmdletContext, asking: Asking, args: BoundArguments): Found {
  const isMailbox = isShownMailbox(args);
  const found = findToWrite(
    context,
    asking,
    args,
    (recipient) =>
      isMailbox(recipient) || (recipient.recipientClass !== 'mailbox' && recipient.recipientClass !== 'user'),
  );
  if (isMailbox(found.recipient)) return found;
  throw taskFailure(
    context,
    asking,
    'ManagementObjectNotFoundException',
    `${args.text('Identity')} isn't a mailbox user.`,
  );
}

/** One command at work. */
class Setting {
  readonly #args: BoundArguments;
  readonly #context: CmdletContext;
  readonly #found: Found;
  readonly #draft: Draft = {};
  readonly warnings: string[] = [];

  constructor(args: BoundArguments, context: CmdletContext, found: Found) {
    this.#args = args;
    this.#context = context;
    this.#found = found;
  }

  /** The attributes that differ from what stands there. */
  changes(): Draft {
    this.#plain();
    this.#references();
    this.#addresses();
    this.#checkUnique();
    const { recipient } = this.#found;
    // A mailbox that has the quotas of its database may hold any of its own.
    const disorder =
      (this.#draft.useDatabaseQuotaDefaults ?? recipient.useDatabaseQuotaDefaults)
        ? undefined
        : quotaDisorder(recipient, this.#draft);
    if (disorder !== undefined) throw this.#fail('DataValidationException', disorder, ErrorCategory.InvalidData);
    return differing(recipient, this.#draft);
  }

  /** A forwarding address comes to a mailbox that has, or gets, one for a mailbox elsewhere. */
  get forwardsTwice(): boolean {
    const { recipient } = this.#found;
    const elsewhere = 'forwardingSmtpAddress' in this.#draft ? this.#draft : recipient;
    return (
      this.#draft.forwardingRecipient !== undefined &&
      recipient.forwardingAddress === undefined &&
      elsewhere.forwardingSmtpAddress !== undefined
    );
  }

  #fail(reason: string, message: string, category?: number) {
    return taskFailure(this.#context, who, reason, message, category);
  }

  #requireLengths(): void {
    const attributes = [...Object.entries(longest), ...customAttributes.map((name) => [name, 1_024] as const)];
    for (const [name, most] of attributes) {
      const { length } = this.#args.text(name) ?? '';
      if (length > most)
        throw this.#fail(
          'DataValidationException',
          `The length of the property "${name}" is too long. The maximum length is ${most} and the length of the value provided is ${length}.`,
          ErrorCategory.InvalidData,
        );
    }
  }

  #plain(): void {
    const args = this.#args;
    const { recipient } = this.#found;
    this.#requireLengths();
    const draft = this.#draft as Record<string, unknown>;
    for (const [name, attribute] of Object.entries(flags)) if (args.has(name)) draft[attribute] = args.flag(name);
    for (const [name, attribute] of Object.entries(sizes)) {
      const bytes = args.number(name);
      if (bytes !== undefined) draft[attribute] = bytes === Number.POSITIVE_INFINITY ? undefined : bytes;
    }
    for (const [name, attribute] of Object.entries(texts)) {
      if (!args.has(name)) continue;
      const text = args.text(name) ?? '';
      if (text === '' && needed.has(name))
        throw this.#fail(
          'DataValidationException',
          `The property "${name}" can't be empty.`,
          ErrorCategory.InvalidData,
        );
      draft[attribute] = text;
    }
    const fault = args.has('Alias') ? aliasFault(args.text('Alias') ?? '') : undefined;
    if (fault !== undefined) throw this.#fail('DataValidationException', fault, ErrorCategory.InvalidData);
    this.#customAttributes();
    if (args.has('ResourceCapacity')) this.#draft.resourceCapacity = args.number('ResourceCapacity');
    const kind = kinds[args.text('Type') ?? ''] ?? recipient.kind;
    if (args.has('ResourceCapacity') && kind !== 'room' && kind !== 'equipment')
      throw this.#fail(
        'TaskInvalidOperationException',
        "Resource properties can't be set on a mailbox that isn't a resource mailbox.",
        ErrorCategory.InvalidOperation,
      );
    const type = args.text('Type');
    if (type !== undefined) {
      this.#draft.kind = kinds[type] as MailboxKindName;
      if (type === 'Regular' || type === 'Shared') this.#draft.resourceCapacity = undefined;
      // The account goes with the kind, unless the command says otherwise.
      if (this.#draft.kind !== recipient.kind && !args.has('AccountDisabled'))
        this.#draft.accountDisabled = type !== 'Regular';
    }
  }

  #customAttributes(): void {
    const args = this.#args;
    const { recipient } = this.#found;
    if (args.has('CustomAttribute1')) this.#draft.note = args.text('CustomAttribute1') ?? '';
    const custom: Record<number, string> = { ...recipient.customAttributes };
    for (let number = 2; number <= 15; number += 1) {
      const name = `CustomAttribute${number}`;
      if (args.has(name)) custom[number] = args.text(name) ?? '';
    }
    this.#draft.customAttributes = custom;
    const settings: Record<string, string | number | boolean | null> = { ...recipient.settings };
    for (const name of ['SimpleDisplayName', 'MailTip', 'RecipientLimits'])
      if (args.has(name)) settings[name] = args.text(name) ?? null;
    if (args.has('RequireSenderAuthenticationEnabled'))
      settings['RequireSenderAuthenticationEnabled'] = args.flag('RequireSenderAuthenticationEnabled');
    const days = args.number('RetainDeletedItemsFor');
    if (days !== undefined) settings['RetainDeletedItemsFor'] = days;
    const limit = settings['RecipientLimits'];
    if (typeof limit === 'string') {
      if (limit.toLowerCase() === 'unlimited') delete settings['RecipientLimits'];
      else if (/^\d{1,9}$/.test(limit)) settings['RecipientLimits'] = Number(limit);
      else
        throw this.#fail(
          'DataValidationException',
          `"${limit}" isn't a valid RecipientLimits value: a number or Unlimited is due.`,
          ErrorCategory.InvalidData,
        );
    }
    for (const [name, known] of Object.entries(policies)) {
      if (!args.has(name)) continue;
      const wanted = args.text(name);
      const policy = known.find((candidate) => candidate.toLowerCase() === wanted?.toLowerCase());
      if (wanted !== undefined && policy === undefined)
        throw this.#fail(
          'ManagementObjectNotFoundException',
          `The operation couldn't be performed because object '${wanted}' couldn't be found on '${this.#found.controller.name}'.`,
        );
      settings[name] = policy ?? null;
    }
    this.#draft.settings = settings;
  }

  #references(): void {
    const args = this.#args;
    if (args.has('ForwardingAddress')) {
      const wanted = args.text('ForwardingAddress');
      this.#draft.forwardingRecipient =
        wanted === undefined
          ? undefined
          : findOne(this.#context, who, args, wanted, (recipient) => recipient.recipientClass !== 'user').recipient
              .index;
    }
    if (args.has('ForwardingSmtpAddress')) {
      const wanted = args.text('ForwardingSmtpAddress');
      this.#draft.forwardingSmtpAddress =
        wanted === undefined || wanted === '' ? undefined : this.#checked(() => parseProxyAddress(wanted));
    }
    if (args.has('LinkedMasterAccount')) {
      this.#draft.linkedMasterAccount = args.text('LinkedMasterAccount') ?? '';
      this.#draft.kind = this.#draft.linkedMasterAccount === '' ? 'user' : 'linked';
    }
  }

  #checked<T>(make: () => T): T {
    try {
      return make();
    } catch (error) {
      if (!(error instanceof AddressError)) throw error;
      throw this.#fail('DataValidationException', error.message, ErrorCategory.InvalidData);
    }
  }

  #addresses(): void {
    const args = this.#args;
    const { recipient, controller } = this.#found;
    const change = args.addresses('EmailAddresses');
    const primaryArgument = args.has('PrimarySmtpAddress') ? 'PrimarySmtpAddress' : 'WindowsEmailAddress';
    const primary = args.text(primaryArgument);
    if (change !== undefined && primary !== undefined)
      throw this.#fail(
        'RecipientTaskException',
        `You can't use the EmailAddresses and ${primaryArgument} parameters in the same command.`,
        ErrorCategory.InvalidArgument,
      );
    const before = recipient.emailAddresses;
    const followsPolicy = this.#draft.emailAddressPolicyEnabled ?? recipient.emailAddressPolicyEnabled;
    let after = change === undefined ? before : this.#checked(() => changedList(before, change));
    if (primary !== undefined) after = madePrimary(after, `SMTP:${this.#checked(() => checkSmtpAddress(primary))}`);
    if (followsPolicy && primaryOf(after) !== primaryOf(before) && (change !== undefined || primary !== undefined)) {
      this.warnings.push(policyKeepsPrimary);
      after = keptPrimary(before, after);
    }
    if (followsPolicy && this.#policyApplies()) {
      const alias = this.#draft.alias ?? recipient.alias;
      after = madePrimary(after, `SMTP:${policyAddress(this.#context, controller, alias, recipient.index)}`);
    }
    if (after !== before && primaryOf(after) === undefined)
      throw this.#fail(
        'DataValidationException',
        'The EmailAddresses property must contain one primary SMTP address.',
        ErrorCategory.InvalidData,
      );
    requireFree(this.#context, who, controller, { before, after, id: recipient.index });
    this.#draft.emailAddresses = after;
  }

  /** The policy is applied when it is switched on, and when the alias changes that it makes the address of. */
  #policyApplies(): boolean {
    const { recipient } = this.#found;
    const { alias, emailAddressPolicyEnabled } = this.#draft;
    const switchedOn = emailAddressPolicyEnabled === true && !recipient.emailAddressPolicyEnabled;
    return switchedOn || (alias !== undefined && alias !== recipient.alias);
  }

  #checkUnique(): void {
    const { recipient, controller } = this.#found;
    const { name, samAccountName, userPrincipalName } = this.#draft;
    if (name === undefined && samAccountName === undefined && userPrincipalName === undefined) return;
    const lookups = [
      name === undefined ? [] : [{ form: 'name', text: name } as const],
      samAccountName === undefined ? [] : [{ form: 'account', text: samAccountName } as const],
      userPrincipalName === undefined ? [] : [{ form: 'address', text: userPrincipalName } as const],
    ].flat();
    controller.refresh();
    const ids = lookups.flatMap(
      (lookup) =>
        candidateIds(this.#context.organization, controller, lookup) ??
        Array.from({ length: controller.idLimit }, (_, id) => id),
    );
    for (const id of new Set(ids)) {
      const other = id === recipient.index ? undefined : controller.recipient(id);
      if (other === undefined) continue;
      if (name !== undefined && same(other.name, name) && other.unit.guid === recipient.unit.guid)
        throw this.#fail(
          'ADObjectAlreadyExistsException',
          `Active Directory operation failed on ${controller.name}. The object '${other.distinguishedName}' already exists.`,
        );
      if (
        samAccountName !== undefined &&
        same(other.samAccountName, samAccountName) &&
        other.domain.name === recipient.domain.name
      )
        throw this.#taken('SamAccountName', samAccountName, other);
      if (userPrincipalName !== undefined && same(other.userPrincipalName, userPrincipalName))
        throw this.#taken('UserPrincipalName', userPrincipalName, other);
    }
  }

  #taken(property: string, value: string, other: Recipient) {
    return this.#fail(
      'PropertyValueExistsException',
      `The value "${value}" of property "${property}" is already being used by "${other.canonicalName}". Please choose another value.`,
    );
  }
}

const same = (left: string, right: string): boolean => left.toLowerCase() === right.toLowerCase();

export function primaryOf(addresses: readonly string[]): string | undefined {
  return addresses.find((address) => typeOf(address) === 'SMTP' && isPrimary(address));
}

/** The new list with the primary address that was. */
function keptPrimary(before: readonly string[], after: readonly string[]): readonly string[] {
  const primary = primaryOf(before);
  return primary === undefined ? after : madePrimary(after, primary);
}

/** What of a draft is not so already. */
function differing(recipient: Recipient, draft: Draft): Draft {
  const changes: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(draft)) {
    if (name === 'forwardingRecipient') {
      // A computed mailbox forwards to a contact that it knows by name only.
      const isSame =
        value === undefined ? recipient.forwardingAddress === undefined : recipient.forwardingRecipient === value;
      if (!isSame) changes[name] = value;
      continue;
    }
    const now = (recipient as unknown as Record<string, unknown>)[name];
    const isSame =
      typeof value === 'object' && value !== null ? JSON.stringify(now) === JSON.stringify(value) : now === value;
    if (!isSame) changes[name] = value;
  }
  return changes as Draft;
}

function* run(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const found = findMailbox(context, who, args);
  const setting = new Setting(args, context, found);
  const changes = setting.changes();
  const { recipient, controller } = found;
  const goesOn = yield* confirmed(args, `Setting mailbox "${recipient.canonicalName}".`, { impact: 'medium' });
  if (!goesOn) return;
  if (setting.forwardsTwice && !(yield* continued(args, forwardsTwice))) return;
  for (const text of setting.warnings) yield { kind: 'warning', text };
  if (Object.keys(changes).length === 0) {
    yield {
      kind: 'warning',
      text: `The command completed successfully but no settings of '${recipient.canonicalName}' have been modified.`,
    };
    return;
  }
  context.organization.write(controller, recipient.domain.name, {
    kind: 'recipient',
    id: recipient.index,
    attributes: changes,
  });
}

export const setMailbox: Cmdlet = {
  name: 'Set-Mailbox',
  taskClass,
  parameters,
  parameterSets: ['Identity'],
  module: 'Microsoft.Exchange',
  run,
};
