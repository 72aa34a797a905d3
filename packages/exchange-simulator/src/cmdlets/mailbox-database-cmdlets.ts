/*
 * New-, Set-, Remove-MailboxDatabase, Mount- and Dismount-Database.
 * https://learn.microsoft.com/powershell/module/exchangepowershell/new-mailboxdatabase and its neighbours
 */
import { freshDatabase, firstTenant } from '../organization/change.ts';
import type { DomainController } from '../organization/domain-controller.ts';
import {
  databaseDn,
  type DatabaseSettings,
  freshDatabaseSettings,
  type MailboxDatabase,
} from '../organization/forest.ts';
import { databaseShape } from '../serialization/configuration-shapes.ts';
import type { BoundArguments, Cmdlet, CmdletContext, Emission, Parameter } from './cmdlet.ts';
import { ErrorCategory } from './command-failure.ts';
import { databaseView } from './configuration-cmdlets.ts';
import { findDatabase, findServer } from './configuration-lookup.ts';
import { confirmed } from './confirmation.ts';
import { taskFailure } from './recipient-lookup.ts';
import { type Asking, configurationController } from './recipient-scope.ts';
import {
  booleanParameter,
  idParameter,
  quotaDisorder,
  sizeParameter,
  switchParameter,
  targetParameter,
  textParameter,
  writeParameters,
} from './write-parameters.ts';

const base = 'Microsoft.Exchange.Management.SystemConfigurationTasks';
const creating: Asking = { name: 'New-MailboxDatabase', taskClass: `${base}.NewMailboxDatabase` };

interface Target {
  readonly controller: DomainController;
  readonly database: MailboxDatabase;
}

function target(context: CmdletContext, asking: Asking, args: BoundArguments): Target {
  const controller = configurationController(context, asking, args);
  return { controller, database: findDatabase(context, asking, args.text('Identity') ?? '', controller) };
}

function requireName(
  context: CmdletContext,
  asking: Asking,
  controller: DomainController,
  name: string,
  except?: string,
): void {
  if (name.trim() === '' || name.length > 64 || /[\\/=;*?"<>|\p{Cc}]/u.test(name)) {
    throw taskFailure(
      context,
      asking,
      'DataValidationException',
      `The database name "${name}" isn't valid. It can't be empty, can't be longer than 64 characters, and can't contain any of these: \\ / = ; * ? " < > |.`,
      ErrorCategory.InvalidData,
    );
  }
  const taken = controller.databases.find(
    (database) => database.guid !== except && database.name.toLowerCase() === name.toLowerCase(),
  );
  if (taken === undefined) return;
  throw taskFailure(
    context,
    asking,
    'ADObjectAlreadyExistsException',
    `Active Directory operation failed on ${controller.name}. The object '${databaseDn(taken.name)}' already exists.`,
  );
}

function requirePaths(context: CmdletContext, controller: DomainController, settings: Partial<DatabaseSettings>): void {
  const { edbFilePath, logFolderPath } = settings;
  const refuse = (message: string) =>
    taskFailure(context, creating, 'ArgumentException', message, ErrorCategory.InvalidArgument);
  if (edbFilePath !== undefined && !/^[A-Za-z]:\\[^<>:"|?*]+\.edb$/i.test(edbFilePath))
    throw refuse(
      `The path '${edbFilePath}' isn't a valid path of a database file: a local path with the extension .edb is required.`,
    );
  if (logFolderPath !== undefined && !/^[A-Za-z]:\\[^<>:"|?*]+$/.test(logFolderPath))
    throw refuse(`The path '${logFolderPath}' isn't a valid local folder.`);
  const taken = controller.databases.find(
    ({ settings: other }) => other.edbFilePath.toLowerCase() === edbFilePath?.toLowerCase(),
  );
  if (taken !== undefined)
    throw refuse(
      `The specified database file path '${edbFilePath}' is already being used by the database '${taken.name}'.`,
    );
}

function* runNew(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { organization } = context;
  const controller = configurationController(context, creating, args);
  const name = args.text('Name') ?? '';
  const server = findServer(context, creating, args.text('Server') ?? '');
  requireName(context, creating, controller, name);
  const edbFilePath = args.text('EdbFilePath');
  const logFolderPath = args.text('LogFolderPath');
  const settings = {
    ...freshDatabaseSettings(name),
    ...(edbFilePath === undefined ? {} : { edbFilePath }),
    ...(logFolderPath === undefined ? {} : { logFolderPath }),
    isExcludedFromProvisioning: args.flag('IsExcludedFromProvisioning'),
    recovery: args.flag('Recovery'),
  };
  requirePaths(context, controller, settings);
  if (
    !(yield* confirmed(args, `Creating mailbox database "${name}" on server "${server.name}".`, { impact: 'medium' }))
  )
    return;
  const attributes = freshDatabase(organization, { name, server, settings });
  organization.writeConfiguration(controller, { kind: 'database', guid: attributes.guid, attributes });
  organization.setMounted(attributes.guid, false);
  yield {
    kind: 'warning',
    text: `Please restart the Microsoft Exchange Information Store service on server ${server.name} after adding new mailbox databases.`,
  };
  const made = controller.database(attributes.guid);
  if (made !== undefined)
    yield {
      kind: 'object',
      object: { kind: 'directory', shape: databaseShape, source: databaseView(context, controller, made, false) },
    };
}

export const newMailboxDatabase: Cmdlet = {
  ...creating,
  module: 'Microsoft.Exchange',
  parameters: [
    { ...textParameter('Name'), position: 0, mandatory: true },
    { ...idParameter('Server', 'ServerIdParameter', true), position: 1 },
    textParameter('EdbFilePath'),
    textParameter('LogFolderPath'),
    booleanParameter('IsExcludedFromProvisioning'),
    booleanParameter('IsExcludedFromInitialProvisioning'),
    booleanParameter('IsSuspendedFromProvisioning'),
    switchParameter('Recovery'),
    switchParameter('SkipDatabaseLogFolderCreation'),
    idParameter('OfflineAddressBook', 'OfflineAddressBookIdParameter'),
    idParameter('PublicFolderDatabase', 'DatabaseIdParameter'),
    ...writeParameters,
  ],
  run: runNew,
};

const setting: Asking = { name: 'Set-MailboxDatabase', taskClass: `${base}.SetMailboxDatabase` };

const settable = {
  size: {
    IssueWarningQuota: 'issueWarningQuota',
    ProhibitSendQuota: 'prohibitSendQuota',
    ProhibitSendReceiveQuota: 'prohibitSendReceiveQuota',
    RecoverableItemsQuota: 'recoverableItemsQuota',
    RecoverableItemsWarningQuota: 'recoverableItemsWarningQuota',
    CalendarLoggingQuota: 'calendarLoggingQuota',
  },
  timeSpan: {
    DeletedItemRetention: 'deletedItemRetentionDays',
    MailboxRetention: 'mailboxRetentionDays',
    EventHistoryRetentionPeriod: 'eventHistoryRetentionDays',
  },
  boolean: {
    RetainDeletedItemsUntilBackup: 'retainDeletedItemsUntilBackup',
    CircularLoggingEnabled: 'circularLoggingEnabled',
    MountAtStartup: 'mountAtStartup',
    IsExcludedFromProvisioning: 'isExcludedFromProvisioning',
    IsExcludedFromInitialProvisioning: 'isExcludedFromInitialProvisioning',
    IsSuspendedFromProvisioning: 'isSuspendedFromProvisioning',
    AllowFileRestore: 'allowFileRestore',
    BackgroundDatabaseMaintenance: 'backgroundDatabaseMaintenance',
    IndexEnabled: 'indexEnabled',
  },
  identity: { JournalRecipient: 'journalRecipient', OfflineAddressBook: 'offlineAddressBook' },
} as const satisfies Readonly<Record<string, Readonly<Record<string, keyof DatabaseSettings>>>>;

/** The settings that a command asks for. */
function wantedSettings(args: BoundArguments): Partial<DatabaseSettings> {
  const wanted: Record<string, unknown> = {};
  for (const [name, key] of Object.entries(settable.size)) {
    const bytes = args.number(name);
    if (bytes !== undefined) wanted[key] = bytes === Number.POSITIVE_INFINITY ? undefined : bytes;
  }
  for (const [name, key] of Object.entries(settable.timeSpan))
    if (args.number(name) !== undefined) wanted[key] = args.number(name);
  for (const [name, key] of Object.entries(settable.boolean)) if (args.has(name)) wanted[key] = args.flag(name);
  for (const [name, key] of Object.entries(settable.identity)) if (args.has(name)) wanted[key] = args.text(name);
  return wanted as Partial<DatabaseSettings>;
}

function* runSet(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { controller, database } = target(context, setting, args);
  const name = args.text('Name');
  if (name !== undefined) requireName(context, setting, controller, name, database.guid);
  const settings = { ...database.settings, ...wantedSettings(args) };
  const disorder = quotaDisorder(database.settings, settings);
  if (disorder !== undefined)
    throw taskFailure(context, setting, 'DataValidationException', disorder, ErrorCategory.InvalidData);
  if (!(yield* confirmed(args, `Setting mailbox database "${database.name}".`, { impact: 'medium' }))) return;
  const isSame =
    JSON.stringify(settings) === JSON.stringify(database.settings) && (name ?? database.name) === database.name;
  if (isSame) {
    yield {
      kind: 'warning',
      text: `The command completed successfully but no settings of '${database.name}' have been modified.`,
    };
    return;
  }
  context.organization.writeConfiguration(controller, {
    kind: 'database',
    guid: database.guid,
    attributes: { settings, ...(name === undefined ? {} : { name }) },
  });
}

export const setMailboxDatabase: Cmdlet = {
  ...setting,
  module: 'Microsoft.Exchange',
  parameters: [
    targetParameter('DatabaseIdParameter'),
    textParameter('Name'),
    ...Object.keys(settable.size).map(sizeParameter),
    ...Object.keys(settable.timeSpan).map(
      (parameter): Parameter => ({
        name: parameter,
        type: { kind: 'timeSpan' },
        dotNetType: 'Microsoft.Exchange.Data.EnhancedTimeSpan',
      }),
    ),
    ...Object.keys(settable.boolean).map(booleanParameter),
    idParameter('JournalRecipient', 'RecipientIdParameter'),
    idParameter('OfflineAddressBook', 'OfflineAddressBookIdParameter'),
    idParameter('PublicFolderDatabase', 'DatabaseIdParameter'),
    textParameter('DataMoveReplicationConstraint'),
    ...writeParameters,
  ],
  run: runSet,
};

const removing: Asking = { name: 'Remove-MailboxDatabase', taskClass: `${base}.RemoveMailboxDatabase` };

/** What Exchange says of a database in which something lives. */
export const databaseNotEmpty =
  'This mailbox database contains one or more mailboxes, mailbox plans, archive mailboxes, public folder mailboxes or arbitration mailboxes. To get a list of all mailboxes in this database, run the command Get-Mailbox -Database <Database ID>. To get a list of all mailbox plans in this database, run the command Get-MailboxPlan. To get a list of archive mailboxes in this database, run the command Get-Mailbox -Database <Database ID> -Archive. To get a list of all public folder mailboxes in this database, run the command Get-Mailbox -Database <Database ID> -PublicFolder. To get a list of all arbitration mailboxes in this database, run the command Get-Mailbox -Database <Database ID> -Arbitration. To get a list of all Audit mailboxes in this database, run the command Get-Mailbox -Database <Database ID> -AuditLog. To disable a non-arbitration mailbox so that you can delete the mailbox database, run the command Disable-Mailbox <Mailbox ID>. To disable an archive mailbox so you can delete the mailbox database, run the command Disable-Mailbox <Mailbox ID> -Archive. To disable a public folder mailbox so that you can delete the mailbox database, run the command Disable-Mailbox <Mailbox ID> -PublicFolder. Arbitration mailboxes should be moved to another server; to do this, run the command New-MoveRequest <parameters>. If this is the last server in the organization, run the command Disable-Mailbox <Mailbox ID> -Arbitration -DisableLastArbitrationMailboxAllowed to disable the arbitration mailbox. Mailbox plans should be moved to another server; to do this, run the command Set-MailboxPlan <MailboxPlan ID> -Database <Database ID>.';

function* runRemove(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { organization } = context;
  const { controller, database } = target(context, removing, args);
  if (database.copies.length > 0) {
    const copies = [database.server, ...database.copies].map(({ name }) => `${database.name}\\${name}`);
    throw taskFailure(
      context,
      removing,
      'InvalidOperationException',
      `The mailbox database "${database.name}" has multiple copies (${copies.join(', ')}). Remove all passive copies with the Remove-MailboxDatabaseCopy cmdlet before you remove the database.`,
      ErrorCategory.InvalidOperation,
    );
  }
  const isTarget = organization.moves.all.some(
    ({ status, target: wanted }) => wanted === database.guid && status !== 'Completed' && status !== 'Failed',
  );
  if (isTarget || firstTenant(organization, database.guid) !== undefined) {
    throw taskFailure(
      context,
      removing,
      'AssociatedUserMailboxExistException',
      databaseNotEmpty,
      ErrorCategory.InvalidOperation,
    );
  }
  if (!(yield* confirmed(args, `Removing mailbox database "${database.name}".`, { impact: 'high' }))) return;
  organization.writeConfiguration(controller, {
    kind: 'database',
    guid: database.guid,
    attributes: { isDeleted: true },
  });
  organization.setMounted(database.guid, false);
  yield {
    kind: 'warning',
    text: `The specified database has been removed. You must remove the database file located in ${database.settings.edbFilePath} from your computer manually if it exists. Specified database: ${database.name}`,
  };
}

export const removeMailboxDatabase: Cmdlet = {
  ...removing,
  module: 'Microsoft.Exchange',
  parameters: [targetParameter('DatabaseIdParameter'), ...writeParameters],
  run: runRemove,
};

const mounting: Asking = { name: 'Mount-Database', taskClass: `${base}.MountDatabase` };

function* runMount(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { organization } = context;
  const { database } = target(context, mounting, args);
  if (!(yield* confirmed(args, `Mounting database "${database.name}".`, { impact: 'medium' }))) return;
  // The store asks the directory by itself, on a controller of its own.
  if (organization.controllerOfServer(database.server).database(database.guid) === undefined) {
    throw taskFailure(
      context,
      mounting,
      'InvalidOperationException',
      `Couldn't mount the database that you specified. Specified database: ${database.name}; Error code: An Active Manager operation failed. Error: The database action failed. Error: Operation failed with message: MapiExceptionNotFound: Unable to mount database. (hr=0x8004010f, ec=-2147221233)\n. [Database: ${database.name}, Server: ${database.server.fqdn}].`,
      ErrorCategory.InvalidOperation,
    );
  }
  organization.setMounted(database.guid, true);
}

export const mountDatabase: Cmdlet = {
  ...mounting,
  module: 'Microsoft.Exchange',
  parameters: [
    targetParameter('DatabaseIdParameter'),
    switchParameter('AcceptDataLoss'),
    switchParameter('Force'),
    ...writeParameters,
  ],
  run: runMount,
};

const dismounting: Asking = { name: 'Dismount-Database', taskClass: `${base}.DismountDatabase` };

function* runDismount(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { database } = target(context, dismounting, args);
  const action = `Dismounting database "${database.name}". This may result in reduced availability for mailboxes in the database.`;
  if (!(yield* confirmed(args, action, { impact: 'high' }))) return;
  context.organization.setMounted(database.guid, false);
}

export const dismountDatabase: Cmdlet = {
  ...dismounting,
  module: 'Microsoft.Exchange',
  parameters: [targetParameter('DatabaseIdParameter'), ...writeParameters],
  run: runDismount,
};
