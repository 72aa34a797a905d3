/*
 * Enable-Mailbox, Disable-Mailbox, Remove-Mailbox: an account gets a mailbox, loses it, or goes with it.
 * https://learn.microsoft.com/powershell/module/exchangepowershell/enable-mailbox and its neighbours
 */
import { enabledMailbox } from '../organization/change.ts';
import type { DomainController } from '../organization/domain-controller.ts';
import type { MailboxDatabase } from '../organization/forest.ts';
import { noMailbox, type StoredAttributes } from '../organization/live-recipient.ts';
import type { Recipient } from '../organization/mailbox.ts';
import type { MailboxKindName } from '../organization/mailbox-kind.ts';
import { policyAddress, requireFree } from './address-holders.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission, Parameter } from './cmdlet.ts';
import { ErrorCategory } from './command-failure.ts';
import { findDatabase } from './configuration-lookup.ts';
import { confirmed } from './confirmation.ts';
import { AddressError, checkSmtpAddress } from './proxy-addresses.ts';
import { findToWrite, type Found, taskFailure } from './recipient-lookup.ts';
import type { Asking } from './recipient-scope.ts';
import { findMailbox } from './set-mailbox.ts';
import {
  aliasFault,
  idParameter,
  switchParameter,
  targetParameter,
  textParameter,
  writeParameters,
} from './write-parameters.ts';

const enableClass = 'Microsoft.Exchange.Management.RecipientTasks.EnableMailbox';
const enabling: Asking = { name: 'Enable-Mailbox', taskClass: enableClass };

const kindSwitches: Readonly<Record<string, MailboxKindName>> = {
  Shared: 'shared',
  Room: 'room',
  Equipment: 'equipment',
  Arbitration: 'arbitration',
  Discovery: 'discovery',
  PublicFolder: 'publicFolder',
  AuditLog: 'auditLog',
};
const enableSets = ['User', 'Linked', 'Archive', ...Object.keys(kindSwitches)];

const enableParameters: readonly Parameter[] = [
  targetParameter('UserIdParameter'),
  idParameter('Database', 'DatabaseIdParameter'),
  textParameter('Alias'),
  textParameter('DisplayName'),
  { name: 'PrimarySmtpAddress', type: { kind: 'string' }, dotNetType: 'Microsoft.Exchange.Data.SmtpAddress' },
  idParameter('RetentionPolicy', 'MailboxPolicyIdParameter'),
  idParameter('AddressBookPolicy', 'AddressBookMailboxPolicyIdParameter'),
  idParameter('RoleAssignmentPolicy', 'MailboxPolicyIdParameter'),
  ...Object.keys(kindSwitches).map((name) => switchParameter(name, [name])),
  { ...idParameter('LinkedMasterAccount', 'UserIdParameter', true), sets: ['Linked'] },
  { name: 'LinkedDomainController', type: { kind: 'string' }, sets: ['Linked'], mandatory: true },
  { name: 'LinkedCredential', type: { kind: 'any' }, sets: ['Linked'] },
  switchParameter('Archive', ['Archive']),
  { name: 'ArchiveGuid', type: { kind: 'string' }, sets: ['Archive'] },
  { ...idParameter('ArchiveDatabase', 'DatabaseIdParameter'), sets: ['Archive'] },
  switchParameter('Force'),
  ...writeParameters,
];

/** A database that new mailboxes may be put into where none is named. */
function provisioned(context: CmdletContext, controller: DomainController): MailboxDatabase {
  const found = controller.databases.find(
    (database) =>
      context.organization.isMounted(database) &&
      !database.settings.isExcludedFromProvisioning &&
      !database.settings.isSuspendedFromProvisioning &&
      !database.settings.recovery,
  );
  if (found !== undefined) return found;
  throw taskFailure(
    context,
    enabling,
    'RecipientTaskException',
    'Load balancing failed to find a valid mailbox database.',
    ErrorCategory.InvalidArgument,
  );
}

function kindOf(args: BoundArguments): MailboxKindName {
  if (args.has('LinkedMasterAccount')) return 'linked';
  const name = Object.keys(kindSwitches).find((candidate) => args.flag(candidate));
  return name === undefined ? 'user' : (kindSwitches[name] as MailboxKindName);
}

/** A user's mailbox wants an account that can log on, any other kind one that cannot. */
export function requireLogon(
  context: CmdletContext,
  account: Recipient,
  kind: MailboxKindName,
  who: Asking = enabling,
): void {
  if (account.accountDisabled === (kind !== 'user')) return;
  throw taskFailure(
    context,
    who,
    'RecipientTaskException',
    kind === 'user'
      ? "The user's Active Directory account must be logon-enabled for user's mailbox."
      : "The user's Active Directory account must be logon-disabled for linked, shared, or resource mailbox.",
    ErrorCategory.InvalidArgument,
  );
}

/** What the account is going to have. */
function mailboxAttributes(
  args: BoundArguments,
  context: CmdletContext,
  found: Found,
  kind: MailboxKindName,
): Partial<StoredAttributes> {
  const { recipient: account, controller } = found;
  const name = args.text('Database');
  const database =
    name === undefined ? provisioned(context, controller) : findDatabase(context, enabling, name, controller);
  const alias = args.text('Alias') ?? account.samAccountName;
  const fault = aliasFault(alias);
  if (fault !== undefined)
    throw taskFailure(context, enabling, 'DataValidationException', fault, ErrorCategory.InvalidData);
  const wanted = args.text('PrimarySmtpAddress');
  const primary =
    wanted === undefined ? policyAddress(context, controller, alias, account.index) : checked(context, wanted);
  requireFree(context, enabling, controller, { before: [], after: [`SMTP:${primary}`], id: account.index });
  const displayName = args.text('DisplayName');
  const linked = args.text('LinkedMasterAccount');
  return {
    ...enabledMailbox(context.organization, account, { database, kind, alias, primarySmtpAddress: primary }),
    emailAddressPolicyEnabled: wanted === undefined,
    ...(displayName === undefined ? {} : { displayName }),
    ...(linked === undefined ? {} : { linkedMasterAccount: linked }),
  };
}

function checked(context: CmdletContext, address: string): string {
  try {
    return checkSmtpAddress(address);
  } catch (error) {
    if (!(error instanceof AddressError)) throw error;
    throw taskFailure(context, enabling, 'DataValidationException', error.message, ErrorCategory.InvalidData);
  }
}

function* runEnable(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const wantsArchive = args.flag('Archive');
  const found = findToWrite(context, enabling, args, (recipient) => isAccount(recipient));
  const { recipient: account, controller } = found;
  const wanted = wantsArchive ? 'mailbox' : 'user';
  if (account.recipientClass !== wanted) {
    throw taskFailure(
      context,
      enabling,
      'RecipientTaskException',
      `This task does not support recipients of this type. The specified recipient ${account.canonicalName} is of type ${account.details}. Please make sure that this recipient matches the required recipient type for this task.`,
      ErrorCategory.InvalidArgument,
    );
  }
  const kind = kindOf(args);
  if (!wantsArchive) requireLogon(context, account, kind);
  const attributes = wantsArchive
    ? archiveAttributes(args, context, found)
    : mailboxAttributes(args, context, found, kind);
  if (!(yield* confirmed(args, `Enabling mailbox for user "${account.canonicalName}".`, { impact: 'medium' }))) return;
  context.organization.write(controller, account.domain.name, {
    kind: 'recipient',
    id: account.index,
    attributes,
  });
  const made = controller.mailbox(account.index);
  if (made !== undefined)
    yield { kind: 'object', object: { kind: 'directory', shape: context.shapes.mailbox, source: made } };
}

function archiveAttributes(args: BoundArguments, context: CmdletContext, found: Found): Partial<StoredAttributes> {
  const { recipient: mailbox, controller } = found;
  if (mailbox.archiveGuid !== undefined) {
    throw taskFailure(
      context,
      enabling,
      'RecipientTaskException',
      `The user "${mailbox.canonicalName}" already has an archive.`,
      ErrorCategory.InvalidOperation,
    );
  }
  const name = args.text('ArchiveDatabase');
  const database = name === undefined ? mailbox.database : findDatabase(context, enabling, name, controller);
  return {
    archiveGuid: args.text('ArchiveGuid') ?? context.organization.newGuid(),
    archiveDatabaseGuid: database.guid,
  };
}

/** What can be given a mailbox, or has one. */
export function isAccount(recipient: Recipient): boolean {
  return recipient.samAccountName !== '' && recipient.recipientClass !== 'group';
}

export const enableMailbox: Cmdlet = {
  name: 'Enable-Mailbox',
  taskClass: enableClass,
  parameters: enableParameters,
  parameterSets: enableSets,
  module: 'Microsoft.Exchange',
  run: runEnable,
};

const disableClass = 'Microsoft.Exchange.Management.RecipientTasks.DisableMailbox';
const disabling: Asking = { name: 'Disable-Mailbox', taskClass: disableClass };

function requireNoHold(args: BoundArguments, context: CmdletContext, asking: Asking, mailbox: Recipient): void {
  if (mailbox.move !== undefined && mailbox.move.status !== 'Completed' && mailbox.move.status !== 'Failed') {
    throw taskFailure(
      context,
      asking,
      'RecipientTaskException',
      `The operation couldn't be performed because mailbox "${mailbox.canonicalName}" is being moved. Wait until the move is completed, or run the Remove-MoveRequest cmdlet first.`,
      ErrorCategory.InvalidOperation,
    );
  }
  if (!mailbox.litigationHoldEnabled || args.flag('IgnoreLegalHold')) return;
  throw taskFailure(
    context,
    asking,
    'RecipientTaskException',
    `Mailbox "${mailbox.canonicalName}" is on litigation hold. To disable or remove the mailbox, run the command with the IgnoreLegalHold parameter.`,
    ErrorCategory.InvalidOperation,
  );
}

function* runDisable(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { recipient: mailbox, controller } = findMailbox(context, disabling, args);
  requireNoHold(args, context, disabling, mailbox);
  const onlyArchive = args.flag('Archive');
  if (onlyArchive && mailbox.archiveGuid === undefined) {
    throw taskFailure(
      context,
      disabling,
      'RecipientTaskException',
      `The user "${mailbox.canonicalName}" doesn't have an archive.`,
      ErrorCategory.InvalidOperation,
    );
  }
  const action = onlyArchive
    ? `Disabling the archive for "${mailbox.canonicalName}" will remove the archive for this user and mark it in the database for removal.`
    : `Disabling Mailbox "${mailbox.canonicalName}" will remove the Exchange properties from the Active Directory user object and mark the mailbox in the database for removal.`;
  if (!(yield* confirmed(args, action, { impact: 'high' }))) return;
  context.organization.write(controller, mailbox.domain.name, {
    kind: 'recipient',
    id: mailbox.index,
    attributes: onlyArchive ? { archiveGuid: undefined, archiveDatabaseGuid: undefined } : noMailbox,
  });
}

const holdParameters: readonly Parameter[] = [
  switchParameter('Arbitration'),
  switchParameter('PublicFolder'),
  switchParameter('AuditLog'),
  switchParameter('Monitoring'),
  switchParameter('IgnoreLegalHold'),
  switchParameter('IgnoreDefaultScope'),
  switchParameter('DisableLastArbitrationMailboxAllowed'),
];

export const disableMailbox: Cmdlet = {
  name: 'Disable-Mailbox',
  taskClass: disableClass,
  parameters: [
    targetParameter('MailboxIdParameter'),
    switchParameter('Archive'),
    switchParameter('RemoteArchive'),
    ...holdParameters,
    ...writeParameters,
  ],
  parameterSets: ['Identity'],
  module: 'Microsoft.Exchange',
  run: runDisable,
};

const removeClass = 'Microsoft.Exchange.Management.RecipientTasks.RemoveMailbox';
const removing: Asking = { name: 'Remove-Mailbox', taskClass: removeClass };

function* runRemove(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { recipient: mailbox, controller } = findMailbox(context, removing, args);
  requireNoHold(args, context, removing, mailbox);
  const action = `Removing mailbox Identity:"${mailbox.canonicalName}" will remove the Active Directory user object and mark the mailbox and the archive (if present) in the database for removal.`;
  if (!(yield* confirmed(args, action, { impact: 'high' }))) return;
  context.organization.write(controller, mailbox.domain.name, {
    kind: 'recipient',
    id: mailbox.index,
    attributes: { isDeleted: true },
  });
}

export const removeMailbox: Cmdlet = {
  name: 'Remove-Mailbox',
  taskClass: removeClass,
  parameters: [
    targetParameter('MailboxIdParameter'),
    { name: 'Permanent', type: { kind: 'boolean' } },
    switchParameter('KeepWindowsLiveID'),
    switchParameter('RemoveArbitrationMailboxWithOABsAllowed'),
    switchParameter('RemoveLastArbitrationMailboxAllowed'),
    switchParameter('Force'),
    ...holdParameters.filter(({ name }) => name !== 'DisableLastArbitrationMailboxAllowed'),
    ...writeParameters,
  ],
  parameterSets: ['Identity'],
  module: 'Microsoft.Exchange',
  run: runRemove,
};
