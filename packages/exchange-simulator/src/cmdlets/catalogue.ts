/* The cmdlets an account may use: what is left of all of them when its roles lack some. */
import { SimulatorError } from '../errors.ts';
import type { Cmdlet } from './cmdlet.ts';
import {
  getExchangeServer,
  getMailboxDatabase,
  getOrganizationalUnit,
  setAdServerSettings,
} from './configuration-cmdlets.ts';
import {
  addMailboxDatabaseCopy,
  getMailboxDatabaseCopyStatus,
  removeMailboxDatabaseCopy,
} from './database-copy-cmdlets.ts';
import { connectMailbox } from './connect-mailbox.ts';
import { disableMailbox, enableMailbox, removeMailbox } from './enable-mailbox.ts';
import { getCommand } from './get-command.ts';
import { getDomainController } from './get-domain-controller.ts';
import { getMailbox } from './get-mailbox.ts';
import { getRecipient, getUser } from './get-recipient.ts';
import {
  dismountDatabase,
  mountDatabase,
  newMailboxDatabase,
  removeMailboxDatabase,
  setMailboxDatabase,
} from './mailbox-database-cmdlets.ts';
import { getMoveRequest, getMoveRequestStatistics, newMoveRequest, removeMoveRequest } from './move-request-cmdlets.ts';
import { managementRoles, publicCommands } from './roles.ts';
import { measureObject, outDefault, selectObject } from './select-object.ts';
import { setMailbox } from './set-mailbox.ts';

const all: readonly Cmdlet[] = [
  getMailbox,
  getMailboxDatabase,
  getExchangeServer,
  getOrganizationalUnit,
  getDomainController,
  getRecipient,
  getUser,
  enableMailbox,
  setMailbox,
  disableMailbox,
  removeMailbox,
  connectMailbox,
  newMoveRequest,
  getMoveRequest,
  getMoveRequestStatistics,
  removeMoveRequest,
  newMailboxDatabase,
  setMailboxDatabase,
  removeMailboxDatabase,
  mountDatabase,
  dismountDatabase,
  getMailboxDatabaseCopyStatus,
  addMailboxDatabaseCopy,
  removeMailboxDatabaseCopy,
  setAdServerSettings,
  getCommand,
  selectObject,
  measureObject,
  outDefault,
];

/**
 * Cmdlets by lower-case name. `without` names a cmdlet (`Set-ADServerSettings`) or one parameter of it
 * (`Get-MailboxDatabase:Status`), which is then absent, as RBAC makes it.
 * `roles` gives the cmdlets of these management roles alone; left out, all of them.
 */
export function availableCmdlets(
  without: readonly string[] = [],
  roles?: readonly string[],
): ReadonlyMap<string, Cmdlet> {
  const removed = new Set(without.map((name) => name.toLowerCase()));
  const given = roles === undefined ? undefined : commandsOf(roles);
  const left = all.filter(({ name }) => {
    const key = name.toLowerCase();
    return !removed.has(key) && (given === undefined || given.has(key));
  });
  return new Map(
    left.map((cmdlet) => {
      const name = cmdlet.name.toLowerCase();
      const parameters = cmdlet.parameters.filter(
        (parameter) => !removed.has(`${name}:${parameter.name.toLowerCase()}`),
      );
      return [name, { ...cmdlet, parameters }];
    }),
  );
}

function commandsOf(roles: readonly string[]): ReadonlySet<string> {
  const names = roles.flatMap((role) => {
    const found = Object.entries(managementRoles).find(([name]) => name.toLowerCase() === role.toLowerCase());
    if (found !== undefined) return found[1];
    throw new SimulatorError(
      'SIMULATOR_OPTION_INVALID',
      `starting the simulator: there is no management role "${role}"; there are ${Object.keys(managementRoles).join(', ')}`,
    );
  });
  return new Set([...publicCommands, ...names].map((name) => name.toLowerCase()));
}

/** Those of the names that name neither a cmdlet nor a parameter of one. */
export function unknownCommands(names: readonly string[]): readonly string[] {
  return names.filter((name) => {
    const [cmdletName, parameterName] = name.toLowerCase().split(':');
    const cmdlet = all.find((candidate) => candidate.name.toLowerCase() === cmdletName);
    return (
      cmdlet === undefined ||
      (parameterName !== undefined &&
        !cmdlet.parameters.some((parameter) => parameter.name.toLowerCase() === parameterName))
    );
  });
}
