/* The cmdlets an account may use: what is left of all of them when its roles lack some. */
import type { Cmdlet } from './cmdlet.ts';
import {
  getExchangeServer,
  getMailboxDatabase,
  getOrganizationalUnit,
  setAdServerSettings,
} from './configuration-cmdlets.ts';
import { getCommand } from './get-command.ts';
import { getMailbox } from './get-mailbox.ts';
import { measureObject, outDefault, selectObject } from './select-object.ts';

const all: readonly Cmdlet[] = [
  getMailbox,
  getMailboxDatabase,
  getExchangeServer,
  getOrganizationalUnit,
  setAdServerSettings,
  getCommand,
  selectObject,
  measureObject,
  outDefault,
];

/**
 * Cmdlets by lower-case name. `without` names a cmdlet (`Set-ADServerSettings`) or one parameter of it
 * (`Get-MailboxDatabase:Status`), which is then absent, as RBAC makes it.
 */
export function availableCmdlets(without: readonly string[] = []): ReadonlyMap<string, Cmdlet> {
  const removed = new Set(without.map((name) => name.toLowerCase()));
  const left = all.filter((cmdlet) => !removed.has(cmdlet.name.toLowerCase()));
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
