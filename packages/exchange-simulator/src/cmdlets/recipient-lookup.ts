/* Finding the one recipient that a cmdlet is about, and the controller on which it is to be written. */
import type { DomainController } from '../organization/domain-controller.ts';
import type { Recipient } from '../organization/mailbox.ts';
import type { BoundArguments, CmdletContext } from './cmdlet.ts';
import { type CommandFailure, ErrorCategory, exchangeFailure } from './command-failure.ts';
import { objectNotFound } from './configuration-lookup.ts';
import { candidateIds, identityTest } from './mailbox-identity.ts';
import { type Asking, controllerOfDomain, recipientScope } from './recipient-scope.ts';

/** A recipient as it is on the controller that is going to write it. */
export interface Found {
  readonly controller: DomainController;
  readonly recipient: Recipient;
}

/** All recipients of a controller's copy that answer to an identity. */
export function recipientsNamed(
  context: CmdletContext,
  controller: DomainController,
  identity: string,
  accepts: (recipient: Recipient) => boolean,
): readonly Recipient[] {
  controller.refresh();
  const test = identityTest(identity);
  const ids = candidateIds(context.organization, controller, test.lookup);
  const found: Recipient[] = [];
  const look = (id: number): void => {
    const recipient = controller.recipient(id);
    if (recipient !== undefined && accepts(recipient) && test.matches(recipient)) found.push(recipient);
  };
  if (ids === undefined) for (let id = 0; id < controller.idLimit; id += 1) look(id);
  else for (const id of ids) look(id);
  return found;
}

/** What Exchange reports of a task that cannot be done. */
export function taskFailure(
  context: CmdletContext,
  who: Asking,
  reason: string,
  message: string,
  category: number = ErrorCategory.NotSpecified,
): CommandFailure {
  return exchangeFailure({
    cmdlet: who.name,
    taskClass: who.taskClass,
    server: context.serverName,
    reason,
    message,
    category,
  });
}

/** One recipient by any of its names, as the command's scope shows it. */
export function findOne(
  context: CmdletContext,
  who: Asking,
  args: BoundArguments,
  identity: string,
  accepts: (recipient: Recipient) => boolean,
): Found {
  const { controller, domains } = recipientScope(context, who, args);
  const names = new Set(domains.map((domain) => domain.name));
  const found = recipientsNamed(
    context,
    controller,
    identity,
    (recipient) => names.has(recipient.domain.name) && accepts(recipient),
  );
  const [recipient] = found;
  if (recipient === undefined) throw objectNotFound(context, who, identity, controller.name);
  if (found.length > 1) {
    throw taskFailure(
      context,
      who,
      'ManagementObjectAmbiguousException',
      `The operation couldn't be performed because '${identity}' matches multiple entries.`,
    );
  }
  return { controller, recipient };
}

/** With `-ReadFromDomainController` a recipient is read from a controller of its own domain, whatever found it. */
export function ownCopy(context: CmdletContext, args: BoundArguments, recipient: Recipient): Recipient {
  if (!args.flag('ReadFromDomainController') || args.text('DomainController') !== undefined) return recipient;
  const controller = controllerOfDomain(context, recipient.domain.name);
  controller.refresh();
  return controller.recipient(recipient.index) ?? recipient;
}

/** As {@link findOne}, on the controller that writes the recipient's domain: it may know it otherwise, or not yet. */
export function findToWrite(
  context: CmdletContext,
  who: Asking,
  args: BoundArguments,
  accepts: (recipient: Recipient) => boolean,
  parameter = 'Identity',
): Found {
  const identity = args.text(parameter) ?? '';
  const found = findOne(context, who, args, identity, accepts);
  const { name } = found.recipient.domain;
  const controller = args.text('DomainController') === undefined ? controllerOfDomain(context, name) : found.controller;
  if (controller === found.controller) return found;
  controller.refresh();
  const recipient = controller.recipient(found.recipient.index);
  if (recipient === undefined || !accepts(recipient)) throw objectNotFound(context, who, identity, controller.name);
  return { controller, recipient };
}
