/* Databases and servers by any of their names. */
import type { DomainController } from '../organization/domain-controller.ts';
import type { ExchangeServer, MailboxDatabase } from '../organization/forest.ts';
import type { CmdletContext } from './cmdlet.ts';
import { type CommandFailure, exchangeFailure } from './command-failure.ts';

function notFound(context: CmdletContext, who: { name: string; taskClass: string }, message: string): CommandFailure {
  return exchangeFailure({
    cmdlet: who.name,
    taskClass: who.taskClass,
    server: context.serverName,
    reason: 'ManagementObjectNotFoundException',
    message,
  });
}

/** What Exchange says of an object that the directory does not hold. */
export function objectNotFound(
  context: CmdletContext,
  who: { name: string; taskClass: string },
  identity: string,
  controller = context.organization.rootDomain.domainControllers[0],
): CommandFailure {
  const message = `The operation couldn't be performed because object '${identity}' couldn't be found on '${controller}'.`;
  return notFound(context, who, message);
}

/** A database by name, GUID or distinguished name, as one controller knows it. */
export function findDatabase(
  context: CmdletContext,
  who: { name: string; taskClass: string },
  identity: string,
  controller: DomainController,
): MailboxDatabase {
  const wanted = identity.toLowerCase();
  const found = controller.databases.find((database) =>
    [database.name, database.guid, database.distinguishedName].some((name) => name.toLowerCase() === wanted),
  );
  if (found !== undefined) return found;
  throw notFound(context, who, `Couldn't find database "${identity}". Make sure you have typed it correctly.`);
}

/** A server by name, FQDN, GUID, legacy or distinguished name. */
export function findServer(
  context: CmdletContext,
  who: { name: string; taskClass: string },
  identity: string,
): ExchangeServer {
  const wanted = identity.toLowerCase();
  const found = context.organization.servers.find((server) =>
    [server.name, server.fqdn, server.guid, server.legacyDn, server.distinguishedName].some(
      (name) => name.toLowerCase() === wanted,
    ),
  );
  if (found !== undefined) return found;
  throw objectNotFound(context, who, identity);
}
