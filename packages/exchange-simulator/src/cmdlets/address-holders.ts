/* Who has an address: uniqueness holds over recipients of every kind in the whole forest. */
import type { DomainController } from '../organization/domain-controller.ts';
import type { Recipient } from '../organization/mailbox.ts';
import type { CmdletContext } from './cmdlet.ts';
import type { CommandFailure } from './command-failure.ts';
import { candidateIds } from './mailbox-identity.ts';
import { addressKey, isPrimary, parseProxyAddress, typeOf } from './proxy-addresses.ts';
import { taskFailure } from './recipient-lookup.ts';
import type { Asking } from './recipient-scope.ts';
import { catalogOf } from './recipient-scope.ts';

/**
 * The recipient that has an address, on the controller that writes or in the global catalog; an address that has
 * not yet come to either is not seen, as in a real forest.
 */
export function holderOf(
  context: CmdletContext,
  writer: DomainController,
  address: string,
  except: number | undefined,
): Recipient | undefined {
  const key = addressKey(address);
  const bare = address.slice(address.indexOf(':') + 1);
  const has = (recipient: Recipient): boolean =>
    recipient.emailAddresses.some((known) => addressKey(known) === key) ||
    (key.startsWith('x500:') && recipient.legacyExchangeDn.toLowerCase() === bare.toLowerCase());
  const form = key.startsWith('x500:') ? 'legacyDn' : 'address';
  for (const controller of new Set([writer, catalogOf(context)])) {
    controller.refresh();
    const ids =
      candidateIds(context.organization, controller, { form: 'address', text: bare }) ??
      Array.from({ length: controller.idLimit }, (_, id) => id);
    const more =
      form === 'legacyDn' ? (candidateIds(context.organization, controller, { form, text: bare }) ?? []) : [];
    for (const id of new Set([...ids, ...more])) {
      if (id === except) continue;
      const recipient = controller.recipient(id);
      if (recipient !== undefined && has(recipient)) return recipient;
    }
  }
  return undefined;
}

/** The failure where a new address is another recipient's. */
export function requireFree(
  context: CmdletContext,
  who: Asking,
  writer: DomainController,
  wanted: { readonly before: readonly string[]; readonly after: readonly string[]; readonly id: number | undefined },
): void {
  const known = new Set(wanted.before.map(addressKey));
  for (const address of wanted.after) {
    if (known.has(addressKey(address))) continue;
    const holder = holderOf(context, writer, address, wanted.id);
    if (holder !== undefined) throw addressTaken(context, who, address, holder);
  }
}

export function addressTaken(context: CmdletContext, who: Asking, address: string, holder: Recipient): CommandFailure {
  const shown = typeOf(address) === 'SMTP' && !isPrimary(address) ? `smtp:${address.slice(5)}` : address;
  return taskFailure(
    context,
    who,
    'ProxyAddressExistsException',
    `The proxy address "${shown}" is already being used by the proxy addresses or LegacyExchangeDN of "${holder.canonicalName}". Please choose another proxy address.`,
  );
}

/** The address that the organisation's e-mail address policy gives to an alias: a number follows where it is taken. */
export function policyAddress(
  context: CmdletContext,
  writer: DomainController,
  alias: string,
  except: number | undefined,
): string {
  for (let number = 1; ; number += 1) {
    const address = `${alias}${number === 1 ? '' : number}@${context.organization.rootDomain.name}`;
    if (holderOf(context, writer, parseProxyAddress(address), except) === undefined) return address;
  }
}
