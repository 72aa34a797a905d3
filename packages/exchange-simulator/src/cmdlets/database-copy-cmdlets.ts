/*
 * Get-MailboxDatabaseCopyStatus, Add- and Remove-MailboxDatabaseCopy: the copies of a database on the servers of an
 * availability group.
 * https://learn.microsoft.com/powershell/module/exchangepowershell/get-mailboxdatabasecopystatus and its neighbours
 */
import type { DomainController } from '../organization/domain-controller.ts';
import type { ExchangeServer, MailboxDatabase } from '../organization/forest.ts';
import { databaseCopyShape } from '../serialization/database-copy-shape.ts';
import { type BoundArguments, type Cmdlet, type CmdletContext, type Emission, identityParameter } from './cmdlet.ts';
import { type CommandFailure, ErrorCategory } from './command-failure.ts';
import { findDatabase, findServer } from './configuration-lookup.ts';
import { confirmed } from './confirmation.ts';
import { taskFailure } from './recipient-lookup.ts';
import { type Asking, configurationController } from './recipient-scope.ts';
import { matchesWildcard } from './wildcard.ts';
import {
  domainControllerParameter,
  idParameter,
  switchParameter,
  targetParameter,
  writeParameters,
} from './write-parameters.ts';

const base = 'Microsoft.Exchange.Management.SystemConfigurationTasks';
const asking: Asking = { name: 'Get-MailboxDatabaseCopyStatus', taskClass: `${base}.GetMailboxDatabaseCopyStatus` };

/** `DB01\EX02` names one copy, `DB01` all of a database. */
function splitIdentity(identity: string): { readonly database: string; readonly server: string | undefined } {
  const at = identity.indexOf('\\');
  return at < 0
    ? { database: identity, server: undefined }
    : { database: identity.slice(0, at), server: identity.slice(at + 1) };
}

function copiesOf(database: MailboxDatabase): readonly ExchangeServer[] {
  return [database.server, ...database.copies];
}

function* runStatus(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const { organization } = context;
  const controller = configurationController(context, asking, args);
  const { database: name, server: onServer } = splitIdentity(args.text('Identity') ?? '*');
  const server = args.text('Server');
  const only = server === undefined ? undefined : findServer(context, asking, server);
  const databases = name.includes('*')
    ? controller.databases.filter((database) => matchesWildcard(database.name, name))
    : [findDatabase(context, asking, name, controller)];
  for (const database of databases) {
    for (const copy of copiesOf(database)) {
      if (onServer !== undefined && !matchesWildcard(copy.name, onServer)) continue;
      if (only !== undefined && copy !== only) continue;
      if (args.flag('Local') && copy.name !== context.serverName) continue;
      if (args.flag('Active') && copy !== database.server) continue;
      const source = { database, server: copy, mounted: organization.isMounted(database) };
      yield { kind: 'object', object: { kind: 'directory', shape: databaseCopyShape, source } };
    }
  }
}

export const getMailboxDatabaseCopyStatus: Cmdlet = {
  ...asking,
  module: 'Microsoft.Exchange',
  parameterSets: ['Identity', 'Server'],
  parameters: [
    identityParameter('DatabaseCopyIdParameter'),
    { ...idParameter('Server', 'MailboxServerIdParameter', true), sets: ['Server'] },
    switchParameter('Local', ['Identity']),
    switchParameter('Active'),
    switchParameter('ConnectionStatus'),
    switchParameter('ExtendedErrorInfo'),
    switchParameter('UseServerCache'),
    domainControllerParameter,
  ],
  run: runStatus,
};

interface Place {
  readonly controller: DomainController;
  readonly database: MailboxDatabase;
  readonly server: ExchangeServer;
}

function refused(context: CmdletContext, who: Asking, message: string): CommandFailure {
  return taskFailure(context, who, 'InvalidOperationException', message, ErrorCategory.InvalidOperation);
}

function write(context: CmdletContext, { controller, database }: Place, copies: readonly ExchangeServer[]): void {
  context.organization.writeConfiguration(controller, {
    kind: 'database',
    guid: database.guid,
    attributes: { copies },
  });
}

const adding: Asking = { name: 'Add-MailboxDatabaseCopy', taskClass: `${base}.AddMailboxDatabaseCopy` };

function* runAdd(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const controller = configurationController(context, adding, args);
  const database = findDatabase(context, adding, args.text('Identity') ?? '', controller);
  const server = findServer(context, adding, args.text('MailboxServer') ?? '');
  if (context.organization.availabilityGroup === undefined)
    throw refused(context, adding, `Server "${server.name}" isn't a member of a database availability group.`);
  if (copiesOf(database).includes(server))
    throw refused(context, adding, `A copy of database "${database.name}" already exists on server "${server.name}".`);
  if (database.copies.length === 0 && database.settings.circularLoggingEnabled)
    throw refused(
      context,
      adding,
      `Database "${database.name}" has circular logging enabled. Disable it before the second copy is added.`,
    );
  const action = `Adding a copy of mailbox database "${database.name}" on server "${server.name}".`;
  if (!(yield* confirmed(args, action, { impact: 'medium' }))) return;
  write(context, { controller, database, server }, [...database.copies, server]);
}

export const addMailboxDatabaseCopy: Cmdlet = {
  ...adding,
  module: 'Microsoft.Exchange',
  parameters: [
    targetParameter('DatabaseIdParameter'),
    { ...idParameter('MailboxServer', 'MailboxServerIdParameter', true), position: 1 },
    { name: 'ActivationPreference', type: { kind: 'integer' } },
    switchParameter('SeedingPostponed'),
    switchParameter('ConfigurationOnly'),
    ...writeParameters,
  ],
  run: runAdd,
};

const removing: Asking = { name: 'Remove-MailboxDatabaseCopy', taskClass: `${base}.RemoveMailboxDatabaseCopy` };

function copyToRemove(args: BoundArguments, context: CmdletContext): Place {
  const controller = configurationController(context, removing, args);
  const identity = args.text('Identity') ?? '';
  const { database: name, server: onServer } = splitIdentity(identity);
  const database = findDatabase(context, removing, name, controller);
  const server = findServer(context, removing, onServer ?? '');
  if (server === database.server)
    throw refused(
      context,
      removing,
      `The copy "${identity}" is the active copy of the database. Only passive copies can be removed.`,
    );
  if (!database.copies.includes(server))
    throw taskFailure(
      context,
      removing,
      'ManagementObjectNotFoundException',
      `The database copy "${identity}" couldn't be found.`,
    );
  if (database.copies.length === 1 && database.settings.circularLoggingEnabled)
    throw refused(
      context,
      removing,
      `Database "${database.name}" has circular logging enabled. Disable it before its last passive copy is removed.`,
    );
  return { controller, database, server };
}

function* runRemove(args: BoundArguments, context: CmdletContext): Iterable<Emission> {
  const place = copyToRemove(args, context);
  const { database, server } = place;
  const action = `Removing database copy for database "${database.name}" on server "${server.name}".`;
  if (!(yield* confirmed(args, action, { impact: 'high' }))) return;
  const left = database.copies.filter((each) => each !== server);
  write(context, place, left);
}

export const removeMailboxDatabaseCopy: Cmdlet = {
  ...removing,
  module: 'Microsoft.Exchange',
  parameters: [targetParameter('DatabaseCopyIdParameter'), ...writeParameters],
  run: runRemove,
};
