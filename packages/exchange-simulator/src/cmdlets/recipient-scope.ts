/* Which domains' recipients a session sees, and how domain controllers are named. */
import type { Domain } from '../organization/forest.ts';
import type { BoundArguments, CmdletContext } from './cmdlet.ts';
import { exchangeFailure } from './command-failure.ts';

/** The domain that a controller serves; undefined for an unknown name. Short names are known too. */
export function domainOfController(context: CmdletContext, name: string): Domain | undefined {
  const wanted = name.toLowerCase();
  return context.organization.domains.find((domain) =>
    domain.domainControllers.some(
      (controller) =>
        controller.toLowerCase() === wanted ||
        (domain === context.organization.rootDomain && controller.toLowerCase().split('.')[0] === wanted),
    ),
  );
}

/** The domain of a controller, or the failure that Exchange reports for one that does not answer. */
export function requireController(
  context: CmdletContext,
  who: { name: string; taskClass: string },
  controller: string,
): Domain {
  const domain = domainOfController(context, controller);
  if (domain !== undefined) return domain;
  throw exchangeFailure({
    cmdlet: who.name,
    taskClass: who.taskClass,
    server: context.serverName,
    reason: 'SuitabilityDirectoryException',
    message: `An Active Directory error 0x51 occurred when trying to check the suitability of server '${controller}'. Error: 'Active directory response: The LDAP server is unavailable.'`,
  });
}

/**
 * The domains that a command sees: the account's own until `Set-ADServerSettings -ViewEntireForest $true` ran
 * in this runspace, all of them with `-IgnoreDefaultScope`; with `-DomainController` what that one serves.
 */
export function visibleDomains(
  context: CmdletContext,
  who: { name: string; taskClass: string },
  args: BoundArguments,
): readonly Domain[] {
  const { domains, rootDomain } = context.organization;
  const root = context.state.recipientViewRoot?.toLowerCase().split('/')[0];
  const own = root === undefined ? [rootDomain] : domains.filter((domain) => domain.name === root);
  const seen = context.state.viewEntireForest || args.flag('IgnoreDefaultScope') ? domains : own;
  const controller = args.text('DomainController');
  if (controller === undefined) return seen;
  const served = requireController(context, who, controller);
  if (seen.includes(served)) return [served];
  throw exchangeFailure({
    cmdlet: who.name,
    taskClass: who.taskClass,
    server: context.serverName,
    reason: 'ADOperationException',
    message: `The requested search root '${rootDomain.name}' is not within the scope of this operation. Cannot perform searches outside the scope '${served.name}'.`,
  });
}

/** The controller that answers: the one named, else one of the domain's own. */
export function answeringController(context: CmdletContext, args: BoundArguments): string {
  return (
    args.text('DomainController') ??
    context.state.preferredDomainControllers[0] ??
    (context.organization.rootDomain.domainControllers[0] as string)
  );
}
