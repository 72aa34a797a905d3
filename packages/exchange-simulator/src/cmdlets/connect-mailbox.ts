/*
 * Connect-Mailbox: a disconnected mailbox, found in its database, is given to an account without one.
 * https://learn.microsoft.com/powershell/module/exchangepowershell/connect-mailbox
 */
import { enabledMailbox } from '../organization/change.ts';
import type { DisconnectedMailbox } from '../organization/disconnected-mailboxes.ts';
import type { DomainController } from '../organization/domain-controller.ts';
import type { MailboxDatabase } from '../organization/forest.ts';
import { policyAddress } from './address-holders.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission } from './cmdlet.ts';
import { type CommandFailure, ErrorCategory } from './command-failure.ts';
import { findDatabase } from './configuration-lookup.ts';
import { confirmed } from './confirmation.ts';
import { isAccount, requireLogon } from './enable-mailbox.ts';
import { findToWrite, type Found, recipientsNamed, taskFailure } from './recipient-lookup.ts';
import { type Asking, configurationController } from './recipient-scope.ts';
import { aliasFault, idParameter, switchParameter, textParameter, writeParameters } from './write-parameters.ts';

const taskClass = 'Microsoft.Exchange.Management.RecipientTasks.ConnectMailbox';
const connecting: Asking = { name: 'Connect-Mailbox', taskClass };

const kinds = { Shared: 'shared', Room: 'room', Equipment: 'equipment' } as const;

function kindOf(args: BoundArguments): 'user' | 'linked' | (typeof kinds)[keyof typeof kinds] {
  if (args.has('LinkedMasterAccount')) return 'linked';
  const found = Object.entries(kinds).find(([name]) => args.flag(name));
  return found?.[1] ?? 'user';
}

function refused(context: CmdletContext, message: string, reason = 'RecipientTaskException'): CommandFailure {
  return taskFailure(context, connecting, reason, message, ErrorCategory.InvalidArgument);
}

/** The one disconnected mailbox that the identity names: its GUID, display name or legacy DN. */
function findDisconnected(
  args: BoundArguments,
  context: CmdletContext,
  database: MailboxDatabase,
  controller: DomainController,
): DisconnectedMailbox {
  const { organization } = context;
  const identity = args.text('Identity') ?? '';
  const wanted = identity.toLowerCase();
  if (!organization.isMounted(database))
    throw refused(context, `The database "${database.name}" isn't mounted.`, 'MapiOperationException');
  const found = organization.disconnected
    .in(database, organization.clock.nowMs())
    .filter(
      ({ mailboxGuid, displayName, legacyExchangeDn, isArchive }) =>
        isArchive === args.flag('Archive') &&
        [mailboxGuid, displayName, legacyExchangeDn].some((name) => name.toLowerCase() === wanted),
    );
  if (found.length > 1)
    throw refused(
      context,
      `The mailbox identity "${identity}" matches more than one disconnected mailbox on database "${database.name}".`,
      'ManagementObjectAmbiguousException',
    );
  const [mailbox] = found;
  if (mailbox !== undefined) return mailbox;
  const [holder] = args.flag('Archive')
    ? []
    : recipientsNamed(context, controller, identity, ({ exchangeGuid }) => exchangeGuid === wanted);
  throw holder === undefined
    ? refused(
        context,
        `The specified mailbox "${identity}" doesn't exist on database "${database.name}".`,
        'ManagementObjectNotFoundException',
      )
    : refused(context, `Mailbox "${identity}" is already connected to the user account "${holder.canonicalName}".`);
}

/** The account that is named, else the only one without a mailbox that has the mailbox's display name. */
function findAccount(args: BoundArguments, context: CmdletContext, mailbox: DisconnectedMailbox): Found {
  if (args.has('User')) return findToWrite(context, connecting, args, isAccount, 'User');
  const controller = configurationController(context, connecting, args);
  const [recipient, ...more] = recipientsNamed(
    context,
    controller,
    mailbox.displayName,
    (candidate) =>
      candidate.recipientClass === 'user' &&
      candidate.domain.name === controller.domainName &&
      candidate.displayName.toLowerCase() === mailbox.displayName.toLowerCase(),
  );
  if (recipient !== undefined && more.length === 0) return { controller, recipient };
  throw refused(
    context,
    `No unique user account matches mailbox "${mailbox.displayName}". Please specify the user account with the User parameter.`,
  );
}

interface ArchiveConnection {
  readonly mailbox: DisconnectedMailbox;
  readonly account: Found['recipient'];
  readonly controller: DomainController;
  readonly database: MailboxDatabase;
}

/** An archive goes to an account that has a mailbox, and no archive. */
function* connectArchive(
  args: BoundArguments,
  context: CmdletContext,
  { mailbox, account, controller, database }: ArchiveConnection,
): Iterable<Emission> {
  const { organization } = context;
  if (account.recipientClass !== 'mailbox')
    throw refused(context, `The user "${account.canonicalName}" doesn't have a mailbox.`);
  if (account.archiveGuid !== undefined)
    throw refused(context, `The user "${account.canonicalName}" already has an archive.`);
  if (account.legacyExchangeDn !== mailbox.legacyExchangeDn && !args.flag('AllowLegacyDNMismatch'))
    throw refused(
      context,
      `The legacyExchangeDN of the archive "${mailbox.displayName}" doesn't match that of the user "${account.canonicalName}". Use the AllowLegacyDNMismatch parameter to connect it all the same.`,
    );
  const action = `Connecting archive "${mailbox.displayName}" on database "${database.name}" to the user account "${account.canonicalName}".`;
  if (!(yield* confirmed(args, action, { impact: 'medium' }))) return;
  organization.write(controller, account.domain.name, {
    kind: 'recipient',
    id: account.index,
    attributes: { archiveGuid: mailbox.mailboxGuid, archiveDatabaseGuid: database.guid },
  });
  organization.disconnected.connected(database, mailbox.mailboxGuid);
}

function* runConnect(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { organization } = context;
  const place = configurationController(context, connecting, args);
  place.refresh();
  const database = findDatabase(context, connecting, args.text('Database') ?? '', place);
  const mailbox = findDisconnected(args, context, database, place);
  const { recipient: account, controller } = findAccount(args, context, mailbox);
  if (args.flag('Archive')) {
    yield* connectArchive(args, context, { mailbox, account, controller, database });
    return;
  }
  if (account.recipientClass !== 'user') {
    throw refused(
      context,
      `This task does not support recipients of this type. The specified recipient ${account.canonicalName} is of type ${account.details}. Please make sure that this recipient matches the required recipient type for this task.`,
    );
  }
  const kind = kindOf(args);
  requireLogon(context, account, kind, connecting);
  const alias = args.text('Alias') ?? account.samAccountName;
  const fault = aliasFault(alias);
  if (fault !== undefined)
    throw taskFailure(context, connecting, 'DataValidationException', fault, ErrorCategory.InvalidData);
  const action = `Connecting mailbox "${mailbox.displayName}" on database "${database.name}" to the user account "${account.canonicalName}".`;
  if (!(yield* confirmed(args, action, { impact: 'medium' }))) return;
  const linked = args.text('LinkedMasterAccount');
  organization.write(controller, account.domain.name, {
    kind: 'recipient',
    id: account.index,
    attributes: {
      ...enabledMailbox(organization, account, {
        database,
        kind,
        alias,
        primarySmtpAddress: policyAddress(context, controller, alias, account.index),
      }),
      exchangeGuid: mailbox.mailboxGuid,
      legacyExchangeDn: mailbox.legacyExchangeDn,
      emailAddressPolicyEnabled: true,
      ...(linked === undefined ? {} : { linkedMasterAccount: linked }),
    },
  });
  organization.disconnected.connected(database, mailbox.mailboxGuid);
}

export const connectMailbox: Cmdlet = {
  name: 'Connect-Mailbox',
  taskClass,
  parameters: [
    { ...idParameter('Identity', 'StoreMailboxIdParameter', true), position: 0, fromPipeline: 'any' },
    { ...idParameter('Database', 'DatabaseIdParameter', true), position: 1 },
    idParameter('User', 'UserIdParameter'),
    textParameter('Alias'),
    ...Object.keys(kinds).map((name) => switchParameter(name, [name])),
    { ...idParameter('LinkedMasterAccount', 'UserIdParameter', true), sets: ['Linked'] },
    { name: 'LinkedDomainController', type: { kind: 'string' }, sets: ['Linked'], mandatory: true },
    { name: 'LinkedCredential', type: { kind: 'any' }, sets: ['Linked'] },
    switchParameter('Archive', ['Archive']),
    switchParameter('AllowLegacyDNMismatch'),
    switchParameter('Force'),
    ...writeParameters,
  ],
  parameterSets: ['User', 'Linked', 'Archive', ...Object.keys(kinds)],
  module: 'Microsoft.Exchange',
  run: runConnect,
};
