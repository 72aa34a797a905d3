/* Which domains' recipients a session sees, and which domain controller's copy of the directory it reads. */
import type { DomainController } from '../organization/domain-controller.ts';
import type { Domain } from '../organization/forest.ts';
import type { BoundArguments, CmdletContext } from './cmdlet.ts';
import { exchangeFailure } from './command-failure.ts';

/** The cmdlet that asks, for its errors. */
export interface Asking {
  readonly name: string;
  readonly taskClass: string;
}

/** A controller by name, or the failure that Exchange reports for one that does not answer. */
export function requireController(context: CmdletContext, who: Asking, name: string): DomainController {
  const controller = context.organization.controller(name);
  if (controller !== undefined) return controller;
  throw exchangeFailure({
    cmdlet: who.name,
    taskClass: who.taskClass,
    server: context.serverName,
    reason: 'SuitabilityDirectoryException',
    message: `An Active Directory error 0x51 occurred when trying to check the suitability of server '${name}'. Error: 'Active directory response: The LDAP server is unavailable.'`,
  });
}

/** The controllers that this runspace is pinned to. */
function pinned(context: CmdletContext, domain: string): DomainController | undefined {
  for (const name of context.state.preferredDomainControllers) {
    const controller = context.organization.controller(name);
    if (controller?.domainName === domain) return controller;
  }
  return undefined;
}

/** The controller that a runspace asks for one domain: its preferred one, else the domain's first. */
export function controllerOfDomain(context: CmdletContext, domain: string): DomainController {
  return pinned(context, domain) ?? context.organization.defaultController(domain);
}

/** The global catalog that a runspace asks. */
export function catalogOf(context: CmdletContext): DomainController {
  const name = context.state.preferredGlobalCatalog ?? context.state.ownGlobalCatalog;
  return (
    (name === undefined ? undefined : context.organization.controller(name)) ?? context.organization.defaultCatalog
  );
}

/** Databases and servers are read on the controller named, else on the one that the runspace is pinned to. */
export function configurationController(
  context: CmdletContext,
  who: Asking,
  args: Pick<BoundArguments, 'text'>,
): DomainController {
  const named = args.text('DomainController') ?? context.state.configurationDomainController;
  if (named !== undefined) return requireController(context, who, named);
  return controllerOfDomain(context, context.organization.rootDomain.name);
}

/** One copy of the directory, and the domains of it that a command sees. */
export interface RecipientScope {
  readonly controller: DomainController;
  readonly domains: readonly Domain[];
}

/**
 * What a command sees: the account's own domain until `Set-ADServerSettings -ViewEntireForest $true` ran in this
 * runspace, all of them with `-IgnoreDefaultScope`; with `-DomainController` what that one serves. A view of
 * the forest is read from the global catalog, one of a domain from a controller of it.
 */
export function recipientScope(context: CmdletContext, who: Asking, args: BoundArguments): RecipientScope {
  const { organization } = context;
  const root = context.state.recipientViewRoot?.toLowerCase().split('/')[0];
  const home = root ?? organization.rootDomain.name;
  const isForest = context.state.viewEntireForest || args.flag('IgnoreDefaultScope');
  const named = args.text('DomainController');
  const controller =
    named === undefined
      ? isForest
        ? catalogOf(context)
        : controllerOfDomain(context, home)
      : requireController(context, who, named);
  if (named !== undefined && !isForest && controller.domainName !== home) {
    throw exchangeFailure({
      cmdlet: who.name,
      taskClass: who.taskClass,
      server: context.serverName,
      reason: 'ADOperationException',
      message: `The requested search root '${organization.rootDomain.name}' is not within the scope of this operation. Cannot perform searches outside the scope '${controller.domainName}'.`,
    });
  }
  const only = named === undefined ? (isForest ? undefined : home) : controller.domainName;
  return { controller, domains: controller.domains.filter((domain) => only === undefined || domain.name === only) };
}
